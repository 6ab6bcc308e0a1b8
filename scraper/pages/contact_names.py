"""The words of a contact's line told apart: a person's name, a title or office, a number, an address."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scraper.normalise.reach import split_reach
from scraper.normalise.repeated import repeated
from scraper.pages.contact_words import HEADING, LABEL, MAIL_NOTE, NAME, NOTE, OFFICE, OFFICE_WORD, ROLE_WORD, VERB

SEPARATOR = re.compile(r"[,;|•·()\t]|(?<=[\w.]):(?!\S)|(?<!\S)[–—-](?!\S)|/(?=\s)")
FRINGE = " .,;:–—-*\"'”“→›»"  # around a chunk, never part of it
# What leads to a name in a sentence, and what ends the words before a number.
BEFORE = re.compile(
    r"^(?:.*\b(?:kontakta|contact|kontakt|av|svarar)\s+|(?:vänligen|please|även|också|eller|och|samt|via|på|or|and)\s+)",
    re.IGNORECASE,
)
CALL = re.compile(r"^(?:vänligen |please |eller |och |or |and )?(?:kontakta|contact|ring|mejla) ", re.IGNORECASE)
AFTER = re.compile(r" (?:på|via|per|eller|och|at|on|by|or|and|tel|nås på)$", re.IGNORECASE)
ON_BEHALF = re.compile(r"\b(?:åt|hos|till|för|vid|på|to|at|of|for|i|om)\b")
IS_OFFICE = re.compile(OFFICE, re.IGNORECASE)
CODE = re.compile(r"[A-ZÅÄÖ]{1,5}|vxl?|[\W\d_]*")
LONGEST_ROLE = 100
MOST_WORDS = 9  # of a chunk: more are a sentence
LONGEST_OFFICE = 8  # words


@repeated()
def read_parts(line: str) -> tuple[tuple[str, str], ...]:
    """A line as (kind, text): name, role, whose, phone, mail. Cached, as `split_reach` is.

    >>> read_parts("Eva Ek, utredare, tel. 010-123 45 67")
    (('name', 'Eva Ek'), ('role', 'utredare'), ('phone', '010-123 45 67'))
    >>> read_parts("Skogsbruk: pressekreterare Eva Ek 010-123 45 67 (BXL)")
    (('role', 'Skogsbruk'), ('role', 'pressekreterare'), ('name', 'Eva Ek'), ('phone', '010-123 45 67'))
    """
    found: list[tuple[str, str]] = []
    for kind, text in split_reach(line):
        if kind != "text":
            found.append((kind, text))
            continue
        part = False
        for piece in SEPARATOR.split(text):
            chunk = piece.strip(FRINGE)
            if label := LABEL.fullmatch(chunk):
                part = label["part"] is not None
            elif chunk:
                found += [("part", chunk)] if part else read_chunk(chunk)
    return tuple(found)


def read_chunk(chunk: str) -> Iterator[tuple[str, str]]:
    """Words between two marks as (kind, text)."""
    if note := MAIL_NOTE.match(chunk):
        if note["whose"]:
            yield "whose", note["whose"]
    elif IS_OFFICE.fullmatch(chunk) or not any(pattern.fullmatch(chunk) for pattern in (NOTE, HEADING, CODE)):
        name, role = split_name(chunk)
        told = [("name", name), ("role", role)]
        if name and role and not chunk.startswith(name):
            told.reverse()
        yield from ((kind, words) for kind, words in told if words)


def split_name(chunk: str) -> tuple[str | None, str | None]:
    """A chunk's name and title; either may be None, both where it is a sentence.

    >>> split_name("Eva Ek"), split_name("pressekreterare Eva Ek"), split_name("Eva von Ek utredare")
    (('Eva Ek', None), ('Eva Ek', 'pressekreterare'), ('Eva von Ek', 'utredare'))
    >>> split_name("Pressekreterare åt skolminister Eva Ek"), split_name("Presstjänsten")
    ((None, 'Pressekreterare åt skolminister Eva Ek'), (None, 'Presstjänsten'))
    """
    if is_name(chunk):
        return chunk, None
    words = BEFORE.sub("", chunk).split()
    for start in range(1, min(len(words) - 1, MOST_WORDS)):  # a title first: "civilministerns pressekreterare Eva Ek"
        before, name = words[:start], longest_name(words[start:])
        if name and ROLE_WORD.match(before[-1]) and not ON_BEHALF.search(" ".join(before)):
            return " ".join(name), " ".join(before)
    first = longest_name(words)
    if first:
        after = words[len(first) :]
        role = to_role(" ".join(after)) if after and ROLE_WORD.match(after[0]) else None
        if role or not after or len(words) < len(chunk.split()) or after[0][0].islower():
            return " ".join(first), role
    return None, to_role(AFTER.sub("", CALL.sub("", chunk)))


def longest_name(words: list[str]) -> list[str] | None:
    """The longest row of opening words that is a name."""
    longest = min(len(words), MOST_WORDS)
    return next((words[:end] for end in range(longest, 1, -1) if is_name(" ".join(words[:end]))), None)


def is_name(text: str) -> bool:
    """Whether a text is two to five capitalised words, none of which names an office or a title.

    >>> is_name("Pia-Maria Lindroos"), is_name("Press Officer"), is_name("Region Gotland"), is_name("Eva")
    (True, False, False, False)
    """
    return NAME.fullmatch(text) is not None and not any(
        OFFICE_WORD.match(w) or ROLE_WORD.match(w) for w in text.split()
    )


def is_office(text: str) -> bool:
    """Whether words without a name beside them can be an office rather than a part of a sentence."""
    return text[0].isupper() and len(text.split()) <= LONGEST_OFFICE


def to_role(text: str) -> str | None:
    """A title or office, None where the text is too long for one or a sentence."""
    fits = 2 < len(text) <= LONGEST_ROLE and len(text.split()) <= MOST_WORDS
    return text if fits and not VERB.search(text) else None


def has_title(role: str | None) -> bool:
    """Whether a role holds a word that is somebody's title."""
    return any(map(ROLE_WORD.match, (role or "").split()))
