"""Whitespace, mojibake repair, sanitised HTML, word-list helpers.

Text whose bytes were read in the wrong charset, or escaped twice: repaired where certain, else told of.

The library ftfy knows more charsets. It was weighed and left: "Ã¥" alone is no certain sign to it, so that
Swedish å stays broken in short texts and in those that are only partly broken, and it takes four times as long.

Text as people read it: one form of Unicode, no invisible marks, plain spaces, speech dashes told apart.

body_html made safe: text structure and links stay, whatever could run or load goes.

Keeps what was made of texts that come again and again, such as those in the menus of a site's pages.

Lists of phrases, written for people, as regular expressions.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache, wraps
from html import unescape
from html.entities import name2codepoint
from typing import TypeVar

import nh3

from archive.html import ATTRIBUTES, RUN_OUT, SCHEMES, TAGS, keep_attribute

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


# Soft hyphen, zero-width marks, word joiner, byte order mark, direction marks: layout, never words.
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+")
DASH = re.compile(r"[-–—−‒―‐‑]\s*(?=[^\s\d])|[–—−‒―]\s+")  # a hyphen before a digit is a minus sign
BLANK_LINES = re.compile(r"\n\s*\n+")


def clean_line(text: str) -> str:
    """One line of text: NFC, no invisible marks, every run of white space one space.

    >>> clean_line(" En\u00a0ny\u00ad het \\n i\u200b dag ")
    'En ny het i dag'
    """
    return " ".join((text if text.isascii() else without_marks(text)).split())


def without_marks(text: str) -> str:
    """Text in NFC without invisible marks; its white space stays.

    >>> without_marks("fo\u0308r\u00ad a\u200blla")
    'för alla'
    """
    if text.isascii():
        return text
    # what is invisible is not printable either, and that is told in a fifth of the time
    return unicodedata.normalize("NFC", text if text.isprintable() else INVISIBLE.sub("", text))


def clean_text(text: str) -> str:
    """Several paragraphs: each line cleaned, paragraphs parted by one blank line.

    >>> clean_text("Ett  \\n\\n\\n två\\ntre ")
    'Ett\\n\\ntvå\\ntre'
    """
    paragraphs = ("\n".join(filter(None, map(clean_line, part.split("\n")))) for part in BLANK_LINES.split(text))
    return "\n\n".join(filter(None, paragraphs))


def strip_dash(paragraph: str) -> str:
    """A spoken paragraph without the dash that opens it.

    >>> strip_dash("– Det är bra."), strip_dash("−\u00a0Ja."), strip_dash("–Nej."), strip_dash("-5 grader")
    ('Det är bra.', 'Ja.', 'Nej.', '-5 grader')
    """
    match = DASH.match(paragraph)
    return paragraph[match.end() :] if match else paragraph


def one_line(text: str | None) -> str | None:
    """A text as found as a single line, repaired; None where nothing is left of it."""
    return (clean_line(repair(text)) or None) if text else None


def to_paragraphs(text: str | None) -> str | None:
    """A text as found as paragraphs, repaired; None where nothing is left of them."""
    return (clean_text(repair(text)) or None) if text else None


HTML_TAG = re.compile(r"""(<(?:[^>"]|"[^"]*")*>)""")  # as nh3 writes them
SPACES = re.compile(r"(?:[^\S\n]|&nbsp;)+")  # not the line breaks between blocks
UNCLEAN = re.compile("&nbsp;|  |[^\\S\n ]|" + INVISIBLE.pattern)


def sanitise(html: str) -> str:
    """The same text, cleaned as plain text is, with allowed tags only; links lead to http(s), mailto or tel, absolute.

    >>> sanitise('<p id="x" onclick="y()">A<script>z()</script> <a href="/b">b</a></p>')
    '<p>A <a rel="noopener noreferrer">b</a></p>'
    """
    safe = nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags=RUN_OUT,
        attributes=ATTRIBUTES,
        attribute_filter=keep_attribute,
        url_schemes=SCHEMES,
        url_relative="deny",
    )
    if not UNCLEAN.search(safe) and unicodedata.is_normalized("NFC", safe):  # as most are
        return safe
    return "".join(
        piece if piece.startswith("<") else SPACES.sub(" ", without_marks(piece)) for piece in HTML_TAG.split(safe)
    )


Made = TypeVar("Made")


def repeated(number: int = 4096, longest: int = 200) -> Callable[[Callable[[str], Made]], Callable[[str], Made]]:
    """A decorator: what a function gives for a text is kept, for the `number` texts it was asked about last.

    Not for texts of more than `longest` characters: pages made of such would fill the memory.

    >>> @repeated(longest=3)
    ... def shout(text):
    ...     print("asked")
    ...     return text.upper()
    >>> shout("hej"), shout("hej")
    asked
    ('HEJ', 'HEJ')
    >>> shout("hallå"), shout("hallå")
    asked
    asked
    ('HALLÅ', 'HALLÅ')
    """

    def keep(function: Callable[[str], Made]) -> Callable[[str], Made]:
        kept = lru_cache(maxsize=number)(function)

        @wraps(function)
        def tell(text: str) -> Made:
            return kept(text) if len(text) <= longest else function(text)

        return tell

    return keep


def either(phrases: str) -> str:
    """Phrases parted by " | " or by lines as one alternation; each may be a regular expression of its own.

    >>> either('''
    ... publicerad | published
    ... julkaistu
    ... ''')
    '(?:publicerad|published|julkaistu)'
    """
    parts = (part.strip() for line in phrases.splitlines() for part in line.split(" | "))
    return f"(?:{'|'.join(filter(None, parts))})"


def words(text: str) -> tuple[str, ...]:
    """Words parted by white space.

    >>> words("nav menu\\n meny")
    ('nav', 'menu', 'meny')
    """
    return tuple(text.split())
