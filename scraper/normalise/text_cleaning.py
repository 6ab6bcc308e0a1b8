"""Cleans text: normalises it to NFC and plain spaces, repairs characters, and sanitises HTML.

Also builds patterns from lists of words.

Characters are repaired if text was decoded in the wrong charset or escaped twice. The library ftfy
supports more charsets, but is not used: it does not repair "Ã¥" alone, so the Swedish å would stay
broken in short texts and in partly broken texts. It also takes four times as long as this module.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from html import unescape
from html.entities import name2codepoint
from typing import TypeVar

from archive.database.stored_text import (
    clean_line,
    clean_text,
    sanitise_html,
    strip_invisible,
)

__all__ = [
    "clean_line",
    "clean_text",
]

# Misread characters (mojibake). Bytes 0x80-0xBF, the later ones of a letter in UTF-8, as
# windows-1252 and Latin-1:
_TRAIL_BYTES = "".join(chr(byte) for byte in range(0x80, 0xC0))
TRAIL_BYTE_CHARACTERS = re.escape(
    _TRAIL_BYTES + _TRAIL_BYTES.encode("latin-1").decode("windows-1252", "ignore")
)
# With the first byte: of western European letters (Â, Ã), of dashes, quotes and signs (â, ï), of
# emoji (ð). Sámi has words such as ANARÂŠKIELÂ and ihâžžân, in which the same letters are right.
TRAIL_BYTE_LETTERS = "ƒŠŒŽšœžŸ"
MOJIBAKE_FORMS = (
    f"Ã[{TRAIL_BYTE_CHARACTERS}]",
    f"Â(?:(?![{TRAIL_BYTE_LETTERS}])|(?<=[a-zåäö]Â))[{TRAIL_BYTE_CHARACTERS}]",
    rf"â(?![{TRAIL_BYTE_LETTERS}]{{2}}|(?<=\wâ)[ŠŽšž])[{TRAIL_BYTE_CHARACTERS}]{{2}}",
    rf"ï(?![{TRAIL_BYTE_LETTERS}]{{2}})[{TRAIL_BYTE_CHARACTERS}]{{2}}",
    f"ð[{TRAIL_BYTE_CHARACTERS}]{{3}}",
)
MOJIBAKE = re.compile("|".join(MOJIBAKE_FORMS))
# A pattern that begins with one letter is searched faster than all of them.
MOJIBAKE_BY_LETTER = {form[0]: re.compile(form) for form in MOJIBAKE_FORMS}
C1_CONTROLS = re.compile("[\u0080-\u009f]")
MAX_REPAIR_ROUNDS = 4  # a text may have been misread several times
# Entities of letters, spaces and punctuation; &lt; and &gt; may be intended in a text.
ENTITY_NAMES = "|".join(sorted(set(name2codepoint) - {"lt", "gt"}, key=len, reverse=True))
ENTITY = rf"(?:{ENTITY_NAMES}|#(?!60;|62;|0)\d{{2,5}}|#x(?!3[ceCE];)[1-9a-fA-F][0-9a-fA-F]{{1,4}});"
VISIBLE_ENTITY = re.compile(rf"&(?:amp;)*({ENTITY})")
DOUBLY_ESCAPED_ENTITY = re.compile(rf"&(?:amp;)+(?={ENTITY})")
MARKUP_TAG = re.compile(r"(<[^>]*>)")
# Characters that texts in these languages never contain: the replacement character, control
# characters, one half of a misread letter, and letters misread in other charsets (Mac, central
# Europe).
DAMAGED_TEXT = re.compile(
    "\N{REPLACEMENT CHARACTER}|[\u0080-\u009f]"
    "|(?<=[a-zåäö])[ÃÂ]|â€|√[§∂•©ÑñÖ]|Ă[¤¶Ą]"
    "|[ÄÅ][¡¢£¤¥¦¨©ª¬®¯±²³¶¹º¼½¾¿]"
)
MAX_CONTEXT_WORDS = 3  # on either side of damaged text

# A hyphen before a digit is a minus sign.
SPEECH_DASH = re.compile(r"[-–—−‒―‐‑]\s*(?=[^\s\d])|[–—−‒―]\s+")
# HTML.
SANITISED_TAG = re.compile(r"""(<(?:[^>"]|"[^"]*")*>)""")  # matches tags as nh3 writes them
HORIZONTAL_SPACE = re.compile(r"(?:[^\S\n]|&nbsp;)+")  # without the line breaks between blocks
# Begins a regular expression for a word with a letter that must occur.
PLAIN_FIRST_LETTER = re.compile(r"[a-z](?![?*+{])")

CachedResult = TypeVar("CachedResult")


def strip_speech_dash(paragraph: str) -> str:
    """Return a paragraph without the dash that opens speech.

    >>> list(map(strip_speech_dash, ["– Det är bra.", "−\u00a0Ja.", "–Nej.", "-5 grader"]))
    ['Det är bra.', 'Ja.', 'Nej.', '-5 grader']
    """
    match = SPEECH_DASH.match(paragraph)
    return paragraph[match.end() :] if match else paragraph


def normalise_line(text: str | None) -> str | None:
    """Return a text as one line, with repaired characters, or None if the text is empty."""
    return (clean_line(repair_text(text)) or None) if text else None


def normalise_paragraphs(text: str | None) -> str | None:
    """Return a text as paragraphs, with repaired characters, or None if the text is empty."""
    return (clean_text(repair_text(text)) or None) if text else None


def repair_text(text: str) -> str:
    """Repair misread characters and doubly escaped entities if the correction is certain.

    Characters that cannot be recovered are left unchanged.

    >>> repair_text("FÃ¶r Ã\\x85re, en ÃƒÂ¥s â€“ och â€™"), repair_text("Ã är en bokstav")
    ('För Åre, en ås – och ’', 'Ã är en bokstav')
    >>> repair_text("S&aring; l&amp;auml;nge")
    'Så länge'
    """
    text = repair_mojibake(text)
    return VISIBLE_ENTITY.sub(lambda match: unescape(f"&{match[1]}"), text) if "&" in text else text


def repair_markup(html: str) -> str:
    """Repair misread characters and doubly escaped entities in HTML.

    Doubly escaped entities are unescaped once, except &lt; and &gt;, which may be meant literally.
    Tags are left unchanged.

    >>> repair_markup('<a href="/?a&amp;amp;b">HÃ¤r &amp;auml;r &amp;lt;p&amp;gt;</a>')
    '<a href="/?a&amp;amp;b">Här &auml;r &amp;lt;p&amp;gt;</a>'
    """
    if not (has_mojibake(html) or C1_CONTROLS.search(html) or DOUBLY_ESCAPED_ENTITY.search(html)):
        return html
    pieces = (
        piece if piece.startswith("<") else DOUBLY_ESCAPED_ENTITY.sub("&", repair_mojibake(piece))
        for piece in MARKUP_TAG.split(html)
    )
    return "".join(pieces)


def repair_mojibake(text: str) -> str:
    """Repair text that was decoded in the wrong charset.

    Such a text was encoded in UTF-8 but decoded as windows-1252 or Latin-1, or encoded in
    windows-1252 but decoded as Latin-1. The repair also works if only part of the text was misread,
    or if all of it was misread several times.

    >>> texts = ["HÃ¤r Ã¤r det", "SÃO är rätt, ”RÅ” också", "vi\\x92s"]
    >>> list(map(repair_mojibake, texts))
    ['Här är det', 'SÃO är rätt, ”RÅ” också', 'vi’s']
    """
    for _ in range(MAX_REPAIR_ROUNDS):
        if not has_mojibake(text):
            break
        try:
            text = _recover_misread_bytes(text).decode("utf-8")
        except UnicodeError:
            repaired = MOJIBAKE.sub(_repair_mojibake_match, text)
            if repaired == text:
                break
            text = repaired
    # A C1 control is a character of windows-1252: &#146; is an apostrophe (HTML 13.5).
    return (
        text
        if text.isascii()
        else C1_CONTROLS.sub(
            lambda match: match[0].encode("latin-1").decode("windows-1252", "ignore") or match[0],
            text,
        )
    )


def has_mojibake(text: str) -> bool:
    # the first two tests are fast and rule out most texts
    return not text.isascii() and any(
        letter in text and form.search(text) is not None
        for letter, form in MOJIBAKE_BY_LETTER.items()
    )


def _repair_mojibake_match(match: re.Match[str]) -> str:
    try:
        return _recover_misread_bytes(match[0]).decode("utf-8")
    except UnicodeError:
        return match[0]


def _recover_misread_bytes(text: str) -> bytes:
    """Return the original bytes of a text that was decoded as windows-1252.

    Bytes that windows-1252 does not define are read as Latin-1, as browsers do.
    """
    return b"".join(
        character.encode("latin-1" if character < "\u0100" else "windows-1252")
        for character in text
    )


def find_damaged_text(text: str) -> str | None:
    """Return the first damaged part of a text and the words around it.

    Returns None if nothing is damaged.

    >>> find_damaged_text("Beslutet om f\N{REPLACEMENT CHARACTER}rskolan")
    'Beslutet om f�rskolan'
    >>> find_damaged_text("Å, ä och ö") is None
    True
    """
    match = None if text.isascii() else DAMAGED_TEXT.search(text)
    if not match:
        return None
    before = " ".join(text[: match.start()].split(" ")[-MAX_CONTEXT_WORDS:])
    after = " ".join(text[match.end() :].split(" ")[:MAX_CONTEXT_WORDS])
    return " ".join(f"{before}{match[0]}{after}".split())


def sanitise_body_html(html: str) -> str:
    """Return HTML with only the allowed tags, and with cleaned text.

    Links keep their targets only if these are absolute URLs with the scheme http, https, mailto or
    tel.

    >>> sanitise_body_html('<p id="x" onclick="y()">A<script>z()</script> <a href="/b">b</a></p>')
    '<p>A <a rel="noopener noreferrer">b</a></p>'
    """
    safe = sanitise_html(html)
    # true for most texts; only printable characters are neither invisible nor other white space
    is_clean = "  " not in safe and "&nbsp;" not in safe and safe.replace("\n", "").isprintable()
    if is_clean and unicodedata.is_normalized("NFC", safe):
        return safe
    return "".join(
        piece if piece.startswith("<") else HORIZONTAL_SPACE.sub(" ", strip_invisible(piece))
        for piece in SANITISED_TAG.split(safe)
    )


class TextCache(dict[str, CachedResult]):
    """A cache of a function's results by text.

    A cached result is found without running Python code.
    """

    def __init__(
        self, function: Callable[[str], CachedResult], maxsize: int, max_length: int
    ) -> None:
        super().__init__()
        self.function, self.maxsize, self.max_length = function, maxsize, max_length

    def __missing__(self, text: str) -> CachedResult:
        result = self.function(text)
        if len(text) <= self.max_length:
            if len(self) >= self.maxsize:
                self.clear()
            self[text] = result
        return result


def cache_by_text(
    maxsize: int = 4096, max_length: int = 200
) -> Callable[[Callable[[str], CachedResult]], Callable[[str], CachedResult]]:
    """Return a decorator that caches a function's results for up to `maxsize` texts.

    Texts longer than `max_length` are not cached, because they could fill the memory.
    """

    def decorate(function: Callable[[str], CachedResult]) -> Callable[[str], CachedResult]:
        cache = TextCache(function, maxsize, max_length)
        return update_wrapper(partial(cache.__getitem__), function)

    return decorate


def build_alternation(phrases: str) -> str:
    """Join phrases into one alternation for a regular expression.

    The phrases are separated by " | " or by line breaks. Each may be a regular expression.

    >>> build_alternation('''
    ... publicerad | published
    ... julkaistu
    ... ''')
    '(?:publicerad|published|julkaistu)'
    """
    parts = (part.strip() for line in phrases.splitlines() for part in line.split(" | "))
    return f"(?:{'|'.join(filter(None, parts))})"


def compile_phrases(phrases: str, before: str = r"^\W*", after: str = r"\W*$") -> re.Pattern[str]:
    """Compile phrases into a case-insensitive pattern for a line that consists of one of them.

    phrases: as for `build_alternation`.
    before, after: regular expressions for the text around a phrase. By default, only punctuation
        and spaces may surround it.

    >>> compile_phrases("taggar | ämnen").match("• Ämnen:") is not None
    True
    """
    return re.compile(f"{before}{build_alternation(phrases)}{after}", re.IGNORECASE)


def compile_name_pattern(words: Sequence[str]) -> Callable[[str], bool]:
    """Return a function that checks whether one of the words is a whole part of a class or id.

    Each word may be a regular expression.

    >>> has_menu_name = compile_name_pattern(("nav", "menu"))
    >>> [has_menu_name(name) for name in ("site-nav", "main_menu", "navigate")]
    [True, True, False]
    """
    # Words are tried one after another, so those with the same first letter are grouped.
    groups: dict[str, list[str]] = defaultdict(list)
    for word in words:
        letter = word[0] if PLAIN_FIRST_LETTER.match(word) else ""
        groups[letter].append(word.removeprefix(letter))
    phrases = "|".join(f"{letter}(?:{'|'.join(rest)})" for letter, rest in groups.items())
    # a pattern that begins with a set of characters is tried at these only
    search = re.compile(rf"[\s_-](?:{phrases})(?=$|[\s_-])").search
    return lambda name: search(f" {name}") is not None


def split_word_list(text: str) -> tuple[str, ...]:
    return tuple(text.split())
