"""The boilerplate of every page of an agency: menus, icons, inline styles and state, as large as on
real sites.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from markupsafe import Markup

from tests.site.compose import load_text
from tests.site.paths import PATHS, to_hex

ICONS = [
    "pil-ned", "pil-upp", "pil-hoger", "pil-vanster", "sok", "meny", "stang", "facebook", "x",
    "linkedin", "e-post", "skriv-ut", "telefon", "kalender", "dokument", "pdf", "excel",
    "bild", "film", "ljud", "plats", "karta", "person", "grupp", "las", "oppen-las", "varning",
    "info", "fraga", "klart", "fel", "hem", "stjarna", "hjarta", "dela", "ladda-ner",
    "ladda-upp", "lank", "extern-lank", "klocka", "diagram", "filter", "sortera", "rss",
    "teckensprak", "lattlast", "lyssna", "sprak", "instagram", "youtube",
]  # fmt: skip
SUBS = ("Lagar och regler", "Blanketter", "Vanliga frågor", "Stöd och vägledning")
FOOTER = (
    "Om webbplatsen", "Tillgänglighetsredogörelse", "Behandling av personuppgifter", "Kakor", "Press", "Lediga jobb",
    "Diarium", "Visselblåsning", "Other languages", "Teckenspråk",
)  # fmt: skip
COLOURS = [
    "black", "cyan-bluish-gray", "white", "pale-pink", "vivid-red", "luminous-orange", "amber",
    "green-cyan", "sky", "blue", "purple",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a menu: an area with pages, or a page with subpages."""

    title: str
    href: str
    pages: tuple[Link, ...] = ()
    subs: tuple[Link, ...] = ()


@dataclass
class Furniture:
    """The boilerplate of an agency at a base URL, such as http://skogsbruksradet.localhost:8002."""

    slug: str
    base: str
    text: dict[str, Any] = field(init=False)
    head: Markup = field(default_factory=Markup)
    top: Markup = field(default_factory=Markup)
    bottom: Markup = field(default_factory=Markup)

    def __post_init__(self) -> None:
        self.text = load_text(self.slug)

    def __getattr__(self, name: str) -> str:
        """Return a word of the agency's own: name, about, phone, city."""
        if name == "text" or name not in self.text:
            raise AttributeError(name)
        return str(self.text[name])

    @property
    def hash(self) -> str:
        """Return an id such as a CMS writes into its markup."""
        return to_hex(self.slug, 64)

    @cached_property
    def menu(self) -> tuple[Link, ...]:
        """Return the areas with their pages and subpages."""
        paths = PATHS[self.text["cms"]]
        own = {"Nyheter": paths.listing, "Aktuellt": paths.listing, "Pressmeddelanden": paths.press}
        areas = []
        for area in self.text["menu"]:
            pages = tuple(
                Link(title, own[title])
                if title in own
                else Link(
                    title,
                    paths.page(area["area"], title),
                    subs=tuple(Link(sub, paths.page(area["area"], title, sub)) for sub in SUBS),
                )
                for title in area["pages"]
            )
            areas.append(Link(area["area"], paths.page(area["area"], ""), pages=pages))
        return tuple(areas)

    @property
    def footer(self) -> tuple[Link, ...]:
        paths = PATHS[self.text["cms"]]
        return tuple(Link(title, paths.page("Om webbplatsen", title)) for title in FOOTER)

    @cached_property
    def links(self) -> dict[str, Link]:
        """Return every link of menu and footer by its path: the pages that are not releases."""
        pages = [page for area in self.menu for page in area.pages]
        every = [*self.menu, *pages, *(sub for page in pages for sub in page.subs), *self.footer]
        return {link.href: link for link in every}

    @property
    def icons(self) -> list[tuple[str, str]]:
        """Return the names and outlines of icons."""
        rng = random.Random("icons")
        return [(name, outline(rng)) for name in ICONS]

    @property
    def css(self) -> Markup:
        """Return inline variables and utility classes, as in block themes and design systems."""
        rng = random.Random(self.slug)
        presets = [f"--preset--color--{name}:#{rng.randrange(1 << 24):06x}" for name in COLOURS]
        presets += [f"--preset--spacing--{n * 10}:{n * 0.22:.2f}rem" for n in range(2, 9)]
        rules = [
            f".has-{name}-{what}{{{css}:var(--preset--color--{name})!important}}"
            for name in COLOURS
            for what, css in COLOURED
        ]
        rules += [f".{side}-{n}{{{css}:{n * 4}px}}" for side, css in SIDES for n in range(1, 9)]
        return Markup(":root{" + ";".join(presets) + "}" + "".join(rules))  # noqa: S704 - our own text

    @cached_property
    def state(self) -> Markup:
        """Return the page's state as inline JSON that repeats the menu, as in web apps."""
        tree: list[dict[str, Any]] = []
        for area in self.menu:
            pages = [to_entry(page) | {"visible": True} for page in area.pages]
            tree.append(to_entry(area) | {"hasChildren": True, "children": pages})
        state = {
            "path": {"baseUrl": "/", "currentLanguage": "sv", "isFront": False},
            "menu": tree,
            "translations": TRANSLATIONS,
            "suggestions": [link.title for link in self.links.values()][:60],
            "libraries": [f"core/{name}" for name in ICONS],
        }
        return Markup(json.dumps(state, ensure_ascii=False).replace("</", "<\\/"))  # noqa: S704 - our own text


TRANSLATIONS = {"next": "Nästa", "previous": "Föregående", "close": "Stäng", "search": "Sök"}
COLOURED = (
    *(("color", "color"), ("background-color", "background-color")),
    ("border", "border-color"),
)
SIDES = (
    *(("m-t", "margin-top"), ("m-b", "margin-bottom")),
    *(("p-x", "padding-inline"), ("p-y", "padding-block")),
)


def to_entry(link: Link) -> dict[str, Any]:
    """Return an entry of the menu in the page's state."""
    return {"id": f"4.{to_hex(link.href, 20)}", "title": link.title, "uri": link.href}


def outline(rng: random.Random) -> str:
    """Return the outline of an icon, of about ten curves."""
    curves = ["c" + " ".join(f"{rng.uniform(-6, 6):.2f}" for _ in range(6)) for _ in range(4)]
    return f"M{rng.uniform(2, 20):.2f} {rng.uniform(2, 20):.2f}{''.join(curves)}z"
