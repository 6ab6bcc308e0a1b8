"""Make the fonts of the site from those of Adobe: `make fonts` (needs npm, which fetches them).

python -m tests.fonts FOLDER    FOLDER: where npm has put source-serif and source-sans

The letters are those of Swedish, Finnish, the Sámi languages and western Europe, with what
releases and the site print beside them. The size for small and large text is fixed (opsz), the
weight is not. Adobe reserves the name Source for its own files, so these say no name.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

STATIC = Path(__file__).parents[1] / "archive/static"
LETTERS = (
    *map(chr, (*range(0x20, 0x7F), *range(0xA0, 0x100))),
    *"ČčĐđŊŋŒœŠšŦŧŽž‐‑‒–—―‘’‚“”„†‡•…‰′″‹›€№™←↑→↓−≈≠≤≥◆\u202f\u0304",
)
FEATURES = ("kern", "liga", "locl", "mark", "mkmk", "ccmp", "tnum", "lnum", "sups", "case")
FONTS: dict[str, tuple[str, dict[str, Any]]] = {
    "serif": (
        "source-serif/VAR/SourceSerif4Variable-Roman.ttf",
        {"wght": (400, 700), "opsz": 18},
    ),
    "serif-italic": (
        "source-serif/VAR/SourceSerif4Variable-Italic.ttf",
        {"wght": 400, "opsz": 18},
    ),
    "sans": ("source-sans/VF/SourceSans3VF-Upright.ttf", {"wght": (400, 700)}),
}


def make_fonts(packages: Path) -> None:
    # here and below: only who makes fonts has fontTools, and the tests read LETTERS
    from fontTools.subset import Options, Subsetter  # noqa: PLC0415
    from fontTools.ttLib import TTFont  # noqa: PLC0415
    from fontTools.varLib.instancer import instantiateVariableFont  # noqa: PLC0415

    for name, (path, axes) in FONTS.items():
        font = TTFont(packages / path, recalcTimestamp=False)
        options = Options(layout_features=FEATURES, hinting=False, name_IDs=[0, 13, 14])
        subsetter = Subsetter(options)
        subsetter.populate(unicodes=map(ord, LETTERS))
        subsetter.subset(font)
        font = instantiateVariableFont(font, axes)
        _draw_barred_t(font)
        font.flavor = "woff2"
        font.save(STATIC / f"{name}.woff2")


def _draw_barred_t(font: Any) -> None:
    """Add Ŧ and ŧ of Northern Sámi, which the serif lacks: t with its own macron as the bar."""
    from fontTools.ttLib.tables._g_l_y_f import Glyph, GlyphComponent  # noqa: PLC0415

    names = font.getBestCmap()
    variations = font["gvar"].variations if "gvar" in font else {}
    for letter, base, lowered in (("Ŧ", "T", 340), ("ŧ", "t", 385)):
        if ord(letter) in names:
            continue
        glyph = Glyph()
        glyph.numberOfContours = -1
        glyph.components = []
        width, bearing = font["hmtx"][names[ord(base)]]
        drawn = font["glyf"][names[ord(base)]]
        middle = (drawn.xMin + drawn.xMax) // 2
        for part, x, y in ((names[ord(base)], 0, 0), (names[0x304], middle, -lowered)):
            component = GlyphComponent()
            component.glyphName, component.x, component.y = part, x, y
            component.flags = 0x204  # rounded, and measured like its base
            glyph.components.append(component)
        name = f"uni{ord(letter):04X}"
        font.setGlyphOrder([*font.getGlyphOrder(), name])
        font["glyf"].glyphs[name] = glyph
        font["hmtx"][name] = (width, bearing)
        variations[name] = []
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap[ord(letter)] = name
        if "HVAR" in font:  # has no row for it; widths then come from gvar
            del font["HVAR"]
    font["maxp"].numGlyphs = len(font.getGlyphOrder())


if __name__ == "__main__":
    make_fonts(Path(sys.argv[1]))
