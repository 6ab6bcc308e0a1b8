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

from archive.html import ALLOWED_ATTRIBUTES, ALLOWED_SCHEMES, ALLOWED_TAGS, REMOVED_ELEMENTS, filter_attribute

# Bytes 0x80-0xBF, the later ones of a letter in UTF-8, as windows-1252 and as Latin-1 show them.
_TRAIL_BYTES = "".join(chr(byte) for byte in range(0x80, 0xC0))
TRAIL_BYTE_CHARACTERS = re.escape(_TRAIL_BYTES + _TRAIL_BYTES.encode("latin-1").decode("windows-1252", "ignore"))
# The first byte as well: of the letters of western Europe (Â, Ã), of dashes, quotes and signs (â, ï), of pictures (ð).
MOJIBAKE = re.compile(
    f"[ÂÃ][{TRAIL_BYTE_CHARACTERS}]|[âï][{TRAIL_BYTE_CHARACTERS}]{{2}}|ð[{TRAIL_BYTE_CHARACTERS}]{{3}}"
)
C1_CONTROLS = re.compile("[\u0080-\u009f]")
MOJIBAKE_LEAD_CHARACTERS = "ÃÂâïð"
MAX_REPAIR_ROUNDS = 4  # that a text was broken over and over
# Entities of letters, spaces and marks; < and > may be what a text is about.
ENTITY_NAMES = "|".join(sorted(set(name2codepoint) - {"lt", "gt"}, key=len, reverse=True))
ENTITY = rf"(?:{ENTITY_NAMES}|#(?!60;|62;|0)\d{{2,5}}|#x(?!3[ceCE];)[1-9a-fA-F][0-9a-fA-F]{{1,4}});"
VISIBLE_ENTITY = re.compile(rf"&(?:amp;)*({ENTITY})")
DOUBLY_ESCAPED_ENTITY = re.compile(rf"&(?:amp;)+(?={ENTITY})")
MARKUP_TAG = re.compile(r"(<[^>]*>)")
# What no text of these languages holds: the mark for a byte that was no letter, control characters, halves of a
# broken letter whose other half got lost, and letters broken by way of other charsets (Mac, central Europe).
DAMAGED_TEXT = re.compile(
    "\N{REPLACEMENT CHARACTER}|[\u0080-\u009f]|(?<=[a-zåäö])[ÃÂ]|â€|√[§∂•©ÑñÖ]|Ă[¤¶Ą]|[ÄÅ][¡¢£¤¥¦¨©ª¬®¯±²³¶¹º¼½¾¿]"
)
MAX_CONTEXT_WORDS = 3  # shown on either side


def repair_text(text: str) -> str:
    """A text as it was meant, wherever that is certain; broken letters that cannot be undone stay as they are.

    >>> repair_text("FÃ¶r Ã\\x85re, en ÃƒÂ¥s â€“ och â€™"), repair_text("Ã är en bokstav"), repair_text("S&aring; l&amp;auml;nge")
    ('För Åre, en ås – och ’', 'Ã är en bokstav', 'Så länge')
    """
    text = repair_mojibake(text)
    return VISIBLE_ENTITY.sub(lambda match: unescape(f"&{match[1]}"), text) if "&" in text else text


def repair_markup(html: str) -> str:
    """The same for marked-up text: what was escaped twice is escaped once. Addresses in its tags stay.

    >>> repair_markup('<a href="/?a&amp;amp;b">HÃ¤r &amp;auml;r &amp;lt;p&amp;gt;</a>')
    '<a href="/?a&amp;amp;b">Här &auml;r &amp;lt;p&amp;gt;</a>'
    """
    pieces = (
        piece if piece.startswith("<") else DOUBLY_ESCAPED_ENTITY.sub("&", repair_mojibake(piece))
        for piece in MARKUP_TAG.split(html)
    )
    return "".join(pieces)


def repair_mojibake(text: str) -> str:
    """Undo UTF-8 that was read as windows-1252 or Latin-1, also where that happened to a part of the text, or to
    all of it several times; and windows-1252 that was read as Latin-1.

    >>> repair_mojibake("HÃ¤r Ã¤r det"), repair_mojibake("SÃO är rätt, ”RÅ” också"), repair_mojibake("vi\\x92s")
    ('Här är det', 'SÃO är rätt, ”RÅ” också', 'vi’s')
    """
    for _ in range(MAX_REPAIR_ROUNDS):
        if not has_mojibake(text):
            break
        try:
            text = recover_misread_bytes(text).decode("utf-8")
        except UnicodeError:
            mended = MOJIBAKE.sub(repair_mojibake_match, text)
            if mended == text:
                break
            text = mended
    return C1_CONTROLS.sub(lambda match: decode_c1_control(match[0]), text) if not text.isascii() else text


def decode_c1_control(control: str) -> str:
    """The sign that windows-1252 has where Unicode has a control character: &#146; is an apostrophe (HTML 13.5)."""
    return control.encode("latin-1").decode("windows-1252", "ignore") or control


def has_mojibake(text: str) -> bool:
    """Whether a text holds a broken letter. Most hold none of the signs that open one, which is seen at once."""
    return (
        not text.isascii()
        and any(sign in text for sign in MOJIBAKE_LEAD_CHARACTERS)
        and MOJIBAKE.search(text) is not None
    )


def repair_mojibake_match(match: re.Match[str]) -> str:
    """One broken letter mended, if its bytes are one."""
    try:
        return recover_misread_bytes(match[0]).decode("utf-8")
    except UnicodeError:
        return match[0]


def recover_misread_bytes(text: str) -> bytes:
    """The bytes that were read as windows-1252; those it has no sign for are read as Latin-1, as browsers do."""
    return b"".join(character.encode("latin-1" if character < "\u0100" else "windows-1252") for character in text)


def find_damaged_text(text: str) -> str | None:
    """The place of a text that is broken for good, with what stands around it.

    >>> find_damaged_text("Beslutet om f\N{REPLACEMENT CHARACTER}rskolan"), find_damaged_text("Å, ä och ö")
    ('Beslutet om f�rskolan', None)
    """
    match = None if text.isascii() else DAMAGED_TEXT.search(text)
    if not match:
        return None
    before, after = (
        text[: match.start()].split(" ")[-MAX_CONTEXT_WORDS:],
        text[match.end() :].split(" ")[:MAX_CONTEXT_WORDS],
    )
    return " ".join(f"{' '.join(before)}{match[0]}{' '.join(after)}".split())


# Soft hyphen, zero-width marks, word joiner, byte order mark, direction marks: layout, never words.
INVISIBLE_CHARACTERS = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+")
SPEECH_DASH = re.compile(r"[-–—−‒―‐‑]\s*(?=[^\s\d])|[–—−‒―]\s+")  # a hyphen before a digit is a minus sign
BLANK_LINES = re.compile(r"\n\s*\n+")


def clean_line(text: str) -> str:
    """One line of text: NFC, no invisible marks, every run of white space one space.

    >>> clean_line(" En\u00a0ny\u00ad het \\n i\u200b dag ")
    'En ny het i dag'
    """
    return " ".join((text if text.isascii() else strip_invisible_characters(text)).split())


def strip_invisible_characters(text: str) -> str:
    """Text in NFC without invisible marks; its white space stays.

    >>> strip_invisible_characters("fo\u0308r\u00ad a\u200blla")
    'för alla'
    """
    if text.isascii():
        return text
    # what is invisible is not printable either, and that is told in a fifth of the time
    return unicodedata.normalize("NFC", text if text.isprintable() else INVISIBLE_CHARACTERS.sub("", text))


def clean_text(text: str) -> str:
    """Several paragraphs: each line cleaned, paragraphs parted by one blank line.

    >>> clean_text("Ett  \\n\\n\\n två\\ntre ")
    'Ett\\n\\ntvå\\ntre'
    """
    paragraphs = ("\n".join(filter(None, map(clean_line, part.split("\n")))) for part in BLANK_LINES.split(text))
    return "\n\n".join(filter(None, paragraphs))


def strip_speech_dash(paragraph: str) -> str:
    """A spoken paragraph without the dash that opens it.

    >>> strip_speech_dash("– Det är bra."), strip_speech_dash("−\u00a0Ja."), strip_speech_dash("–Nej."), strip_speech_dash("-5 grader")
    ('Det är bra.', 'Ja.', 'Nej.', '-5 grader')
    """
    match = SPEECH_DASH.match(paragraph)
    return paragraph[match.end() :] if match else paragraph


def normalise_line(text: str | None) -> str | None:
    """A text as found as a single line, repaired; None where nothing is left of it."""
    return (clean_line(repair_text(text)) or None) if text else None


def normalise_paragraphs(text: str | None) -> str | None:
    """A text as found as paragraphs, repaired; None where nothing is left of them."""
    return (clean_text(repair_text(text)) or None) if text else None


SANITISED_TAG = re.compile(r"""(<(?:[^>"]|"[^"]*")*>)""")  # as nh3 writes them
HORIZONTAL_SPACE = re.compile(r"(?:[^\S\n]|&nbsp;)+")  # not the line breaks between blocks
NEEDS_CLEANING = re.compile("&nbsp;|  |[^\\S\n ]|" + INVISIBLE_CHARACTERS.pattern)


def sanitise_body_html(html: str) -> str:
    """The same text, cleaned as plain text is, with allowed tags only; links lead to http(s), mailto or tel, absolute.

    >>> sanitise_body_html('<p id="x" onclick="y()">A<script>z()</script> <a href="/b">b</a></p>')
    '<p>A <a rel="noopener noreferrer">b</a></p>'
    """
    safe = nh3.clean(
        html,
        tags=ALLOWED_TAGS,
        clean_content_tags=REMOVED_ELEMENTS,
        attributes=ALLOWED_ATTRIBUTES,
        attribute_filter=filter_attribute,
        url_schemes=ALLOWED_SCHEMES,
        url_relative="deny",
    )
    if not NEEDS_CLEANING.search(safe) and unicodedata.is_normalized("NFC", safe):  # as most are
        return safe
    return "".join(
        piece if piece.startswith("<") else HORIZONTAL_SPACE.sub(" ", strip_invisible_characters(piece))
        for piece in SANITISED_TAG.split(safe)
    )


CachedResult = TypeVar("CachedResult")


def cache_by_text(
    maxsize: int = 4096, max_length: int = 200
) -> Callable[[Callable[[str], CachedResult]], Callable[[str], CachedResult]]:
    """A decorator: what a function gives for a text is kept, for the `number` texts it was asked about last.

    Not for texts of more than `longest` characters: pages made of such would fill the memory.

    >>> @cache_by_text(max_length=3)
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

    def decorate(function: Callable[[str], CachedResult]) -> Callable[[str], CachedResult]:
        cached = lru_cache(maxsize=maxsize)(function)

        @wraps(function)
        def wrapper(text: str) -> CachedResult:
            return cached(text) if len(text) <= max_length else function(text)

        return wrapper

    return decorate


def build_alternation(phrases: str) -> str:
    """Phrases parted by " | " or by lines as one alternation; each may be a regular expression of its own.

    >>> build_alternation('''
    ... publicerad | published
    ... julkaistu
    ... ''')
    '(?:publicerad|published|julkaistu)'
    """
    parts = (part.strip() for line in phrases.splitlines() for part in line.split(" | "))
    return f"(?:{'|'.join(filter(None, parts))})"


def split_word_list(text: str) -> tuple[str, ...]:
    """Words parted by white space.

    >>> split_word_list("nav menu\\n meny")
    ('nav', 'menu', 'meny')
    """
    return tuple(text.split())
