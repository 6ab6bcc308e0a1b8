"""A page's bytes as text: which charset they are in."""

from __future__ import annotations

import codecs
import re

import scraper.pages.mending  # noqa: F401 - its handler of errors, "stray"

BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
XML_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*encoding=[\"']([\w-]+)", re.IGNORECASE)
MOST_LETTERS = 4  # letters of UTF-8 for each byte that is none
LATIN_1 = {"iso8859-1", "ascii"}  # as Python calls them
# Python's names of the charsets that browsers know (WHATWG, Encoding). It has codecs of other sorts as well: idna,
# base64, rot13 are none a page can be written in.
CHARSETS = re.compile(
    r"utf-8|ascii|iso8859-\d+|cp(?:125\d|866|874|932|949)|koi8-[ru]|mac-(?:roman|cyrillic)|gb(?:k|2312|18030)"
    r"|big5(?:hkscs)?|euc_(?:jp|kr)|iso2022_jp|shift_jis"
)


def decode(html: bytes) -> str:
    """The bytes as text.

    A byte order mark decides. Then valid UTF-8 is believed over any declaration: other charsets are next to
    never valid UTF-8 by chance, and pages moved to UTF-8 often keep an old declaration. Then the page's own
    word, where "latin-1" means windows-1252, as browsers have it; then UTF-8 where nearly all is, for the same
    reason; last windows-1252, the web's old default.
    """
    for mark, charset in BOMS:
        if html.startswith(mark):
            return html[len(mark) :].decode(charset, "replace")
    try:
        return html.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = META_CHARSET.search(html[:8192]) or XML_DECLARATION.search(html[:200])
    found = find_charset(declared[1].decode("ascii")) if declared else "utf-8" if is_nearly_utf_8(html) else None
    return html.decode(found or "windows-1252", "stray" if found == "utf-8" else "replace")


def is_nearly_utf_8(html: bytes) -> bool:
    """Whether bytes that are no letters of UTF-8 are but some among many that are."""
    text = html.decode("utf-8", "replace")
    strays = text.count("\N{REPLACEMENT CHARACTER}")
    return sum(sign > "\x7f" for sign in text) - strays >= MOST_LETTERS * strays


def find_charset(label: str) -> str | None:
    """Python's name of a charset that browsers know by this label; None where they know none.

    >>> find_charset("UTF8"), find_charset("latin-1"), find_charset("rot13"), find_charset("svenska")
    ('utf-8', 'cp1252', None, None)
    """
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return None
    if name.startswith("utf-16"):  # what can be read as ASCII so far is none (HTML, 13.2.3.2)
        return "utf-8"
    if not CHARSETS.fullmatch(name):
        return None
    return "cp1252" if name in LATIN_1 else name
