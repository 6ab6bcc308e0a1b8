"""Finds whom a pasted text gives its quotations to, and whether a release gives them to somebody else.

A wrong speaker is only claimed if both names are certain. A name is a person's name that is printed in
the attribution; roles, pronouns, newspapers and organisations are not compared. Two spellings of a name,
and its surname alone, may be the same person.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rapidfuzz.fuzz import ratio

from archive.quotations import PassageText, Quotation, find_pieces, find_quotations
from archive.quotes import find_quotes
from archive.quotes.names import NO_FIRST_NAME, NO_PERSON, is_role_word, name_in

# In running text, several people may be quoted in one paragraph: here each gets a line of its own
NEXT_QUOTATION = re.compile(r"(?<=[.!?][\"”»]) (?=[A-ZÅÄÖ])|(?<=[.!?]) (?=[\"”“»„«])")
DEFINITE = re.compile(r"(?:en|et|na)s?$")  # "Polisen", "Statens"
SURNAME = re.compile(r" \w+sen$")  # "Eva Hansen"
SIMILAR = 80  # of two spellings of a name: "Pehrson", "Persson"
SIMILAR_OPENING = 60  # if the first letter is the same: "Per", "Pär"


@dataclass(frozen=True, slots=True)
class StatedSpeaker:
    """A person who says a passage in a release. is_printed: the name is in its attribution."""

    text: str
    name: str | None
    role: str | None
    is_printed: bool


def find_attributed_quotations(text: str) -> list[Quotation]:
    """Return the quotations in a text, each with its speaker if that is certainly a person.

    >>> [quotation.speaker for quotation in find_attributed_quotations('Ek sade: ”Ja tack.” Bo Ö sade: ”Nej.”')]
    ['Ek', 'Bo Ö']
    >>> find_attributed_quotations('Hamnbladet skrev: ”Ja tack.”')[0].speaker is None
    True
    """
    lines = NEXT_QUOTATION.sub("\n", text)
    named = [
        quote for quote in find_quotes({"body": lines}) if quote.origin == "attribution" and is_person(quote.speaker)
    ]
    is_role_word.cache_clear()  # it has words of the text, which is not kept
    found = []
    for quotation in find_quotations(text):
        start, end = quotation.start, quotation.end
        speakers = {
            quote.speaker for quote in named if any(begin < end and stop > start for begin, stop in quote.spans)
        }
        line = lines[lines.rfind("\n", 0, start) + 1 : start] + lines[end:].partition("\n")[0]
        speaker = speakers.pop() if len(speakers) == 1 else None
        found.append(replace(quotation, speaker=speaker, around=line))
    return found


def is_person(name: str | None) -> bool:
    if not name or NO_FIRST_NAME.match(f"{name} ") or NO_PERSON.search(name):
        return False
    return not DEFINITE.search(name) or SURNAME.search(name) is not None


def select_speakers(quotation: Quotation, speakers: Sequence[StatedSpeaker]) -> list[StatedSpeaker]:
    """Return those who say the words of a quotation."""
    return [each for each in speakers if find_pieces(quotation.pieces, PassageText(each.text))]


def is_misattributed(quotation: Quotation, speakers: Sequence[StatedSpeaker], text: str) -> bool:
    """Return whether a quotation is certainly given to somebody who does not say it in a release.

    speakers: of the quotation in the release; text: the whole text of the release.
    """
    name = quotation.speaker
    if not name or not speakers:
        return False
    is_absent = not name_in(name.split()[-1], text)
    return all(
        each.name
        and is_person(each.name)
        and (each.is_printed or is_absent)
        and not may_be_same(name, each.name)
        and not name_in(each.name.split()[-1], quotation.around)
        for each in speakers
    )


def may_be_same(name: str, other: str) -> bool:
    """Return whether two names may be of the same person.

    >>> [may_be_same("Ebba Ek", other) for other in ("Ek", "Ebba Ek Ström", "E. Ek", "Ebba Eek")]
    [True, True, True, True]
    >>> may_be_same("Ebba Ek", "Bo Ek"), may_be_same("Ek", "Bo Ström")
    (False, False)
    """
    one, two = sorted((split_name(name), split_name(other)), key=len)
    return all(any(is_similar(word, each) for each in two) for word in one)


def split_name(name: str) -> list[str]:
    return [word.removesuffix("s") for word in re.findall(r"\w+", name.casefold())]


def is_similar(word: str, other: str) -> bool:
    least = SIMILAR_OPENING if word[:1] == other[:1] else SIMILAR
    return (len(word) == 1 and other.startswith(word)) or ratio(word, other) >= least
