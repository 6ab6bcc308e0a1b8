"""Mending a page whose bytes are of two charsets, or were read in the wrong one before they were written."""

from __future__ import annotations

import codecs
import re

from lxml import etree

from scraper.normalise.mojibake import repair_mojibake

WORDED = ("alt", "title", "content", "aria-label")  # attributes that hold words
LETTERS = frozenset("åäöÅÄÖéÉüÜøØæÆ".encode("windows-1252"))
LATER, FIRST = b"\x80", b"\xc0"  # where the later bytes of a letter begin in UTF-8, and where first ones do

FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]"
)  # no characters of XML, which lxml refuses; and DEL


def read_stray(error: UnicodeError) -> tuple[str, int]:
    """One byte that is no UTF-8: a Nordic letter of windows-1252 where one fits, else the mark for what is lost.

    Text from elsewhere, pasted in by a program that does not convert it, leaves such bytes in pages of UTF-8.
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    at, html = error.start, error.object
    fits = html[at] in LETTERS and not LATER <= html[at + 1 : at + 2] < FIRST
    return (html[at : at + 1].decode("windows-1252") if fits else "\N{REPLACEMENT CHARACTER}"), at + 1


codecs.register_error("stray", read_stray)


def mend(root: etree._Element) -> None:
    """Repair the words of a page, element by element, and leave its addresses alone."""
    for element in root.iter(etree.Element):
        text, tail = element.text, element.tail
        if text and (mended := repair_mojibake(text)) != text:
            element.text = FORBIDDEN.sub("", mended)
        if tail and (mended := repair_mojibake(tail)) != tail:
            element.tail = FORBIDDEN.sub("", mended)
        for name in WORDED:
            words = element.get(name)
            if words and (mended := repair_mojibake(words)) != words:
                element.set(name, FORBIDDEN.sub("", mended))
