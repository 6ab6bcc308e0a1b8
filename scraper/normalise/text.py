"""Text as people read it: one form of Unicode, no invisible marks, plain spaces, speech dashes told apart."""

from __future__ import annotations

import re
import unicodedata

from scraper.normalise.mojibake import repair

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
