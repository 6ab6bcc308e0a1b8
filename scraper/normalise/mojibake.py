"""Text whose bytes were read in the wrong charset, or escaped twice: repaired where certain, else told of.

The library ftfy knows more charsets. It was weighed and left: "Ã¥" alone is no certain sign to it, so that
Swedish å stays broken in short texts and in those that are only partly broken, and it takes four times as long.
"""

from __future__ import annotations

import re
from html import unescape
from html.entities import name2codepoint

# Bytes 0x80-0xBF, the later ones of a letter in UTF-8, as windows-1252 and as Latin-1 show them.
_TRAIL_BYTES = "".join(chr(byte) for byte in range(0x80, 0xC0))
LATER = re.escape(_TRAIL_BYTES + _TRAIL_BYTES.encode("latin-1").decode("windows-1252", "ignore"))
# The first byte as well: of the letters of western Europe (Â, Ã), of dashes, quotes and signs (â, ï), of pictures (ð).
BROKEN = re.compile(f"[ÂÃ][{LATER}]|[âï][{LATER}]{{2}}|ð[{LATER}]{{3}}")
CONTROLS = re.compile("[\u0080-\u009f]")
SIGNS = "ÃÂâïð"
MOST_TIMES = 4  # that a text was broken over and over
# Entities of letters, spaces and marks; < and > may be what a text is about.
NAMES = "|".join(sorted(set(name2codepoint) - {"lt", "gt"}, key=len, reverse=True))
ENTITY = rf"(?:{NAMES}|#(?!60;|62;|0)\d{{2,5}}|#x(?!3[ceCE];)[1-9a-fA-F][0-9a-fA-F]{{1,4}});"
SHOWN = re.compile(rf"&(?:amp;)*({ENTITY})")
ESCAPED_TWICE = re.compile(rf"&(?:amp;)+(?={ENTITY})")
TAG = re.compile(r"(<[^>]*>)")
# What no text of these languages holds: the mark for a byte that was no letter, control characters, halves of a
# broken letter whose other half got lost, and letters broken by way of other charsets (Mac, central Europe).
DAMAGE = re.compile(
    "\N{REPLACEMENT CHARACTER}|[\u0080-\u009f]|(?<=[a-zåäö])[ÃÂ]|â€|√[§∂•©ÑñÖ]|Ă[¤¶Ą]|[ÄÅ][¡¢£¤¥¦¨©ª¬®¯±²³¶¹º¼½¾¿]"
)
WORDS = 3  # shown on either side


def repair(text: str) -> str:
    """A text as it was meant, wherever that is certain; broken letters that cannot be undone stay as they are.

    >>> repair("FÃ¶r Ã\\x85re, en ÃƒÂ¥s â€“ och â€™"), repair("Ã är en bokstav"), repair("S&aring; l&amp;auml;nge")
    ('För Åre, en ås – och ’', 'Ã är en bokstav', 'Så länge')
    """
    text = repair_mojibake(text)
    return SHOWN.sub(lambda match: unescape(f"&{match[1]}"), text) if "&" in text else text


def repair_markup(html: str) -> str:
    """The same for marked-up text: what was escaped twice is escaped once. Addresses in its tags stay.

    >>> repair_markup('<a href="/?a&amp;amp;b">HÃ¤r &amp;auml;r &amp;lt;p&amp;gt;</a>')
    '<a href="/?a&amp;amp;b">Här &auml;r &amp;lt;p&amp;gt;</a>'
    """
    pieces = (
        piece if piece.startswith("<") else ESCAPED_TWICE.sub("&", repair_mojibake(piece)) for piece in TAG.split(html)
    )
    return "".join(pieces)


def repair_mojibake(text: str) -> str:
    """Undo UTF-8 that was read as windows-1252 or Latin-1, also where that happened to a part of the text, or to
    all of it several times; and windows-1252 that was read as Latin-1.

    >>> repair_mojibake("HÃ¤r Ã¤r det"), repair_mojibake("SÃO är rätt, ”RÅ” också"), repair_mojibake("vi\\x92s")
    ('Här är det', 'SÃO är rätt, ”RÅ” också', 'vi’s')
    """
    for _ in range(MOST_TIMES):
        if not is_broken(text):
            break
        try:
            text = to_bytes(text).decode("utf-8")
        except UnicodeError:
            mended = BROKEN.sub(undo, text)
            if mended == text:
                break
            text = mended
    return CONTROLS.sub(lambda match: to_sign(match[0]), text) if not text.isascii() else text


def to_sign(control: str) -> str:
    """The sign that windows-1252 has where Unicode has a control character: &#146; is an apostrophe (HTML 13.5)."""
    return control.encode("latin-1").decode("windows-1252", "ignore") or control


def is_broken(text: str) -> bool:
    """Whether a text holds a broken letter. Most hold none of the signs that open one, which is seen at once."""
    return not text.isascii() and any(sign in text for sign in SIGNS) and BROKEN.search(text) is not None


def undo(match: re.Match[str]) -> str:
    """One broken letter mended, if its bytes are one."""
    try:
        return to_bytes(match[0]).decode("utf-8")
    except UnicodeError:
        return match[0]


def to_bytes(text: str) -> bytes:
    """The bytes that were read as windows-1252; those it has no sign for are read as Latin-1, as browsers do."""
    return b"".join(character.encode("latin-1" if character < "\u0100" else "windows-1252") for character in text)


def find_damage(text: str) -> str | None:
    """The place of a text that is broken for good, with what stands around it.

    >>> find_damage("Beslutet om f\N{REPLACEMENT CHARACTER}rskolan"), find_damage("Å, ä och ö")
    ('Beslutet om f�rskolan', None)
    """
    match = None if text.isascii() else DAMAGE.search(text)
    if not match:
        return None
    before, after = text[: match.start()].split(" ")[-WORDS:], text[match.end() :].split(" ")[:WORDS]
    return " ".join(f"{' '.join(before)}{match[0]}{' '.join(after)}".split())
