"""Finds whom a pasted text gives its quotations to, and whether a release gives them to somebody else.

A wrong speaker is only claimed if both names are certain. A name is a person's name that is printed in
the attribution; roles, pronouns, newspapers and organisations are not compared. Two spellings of a name,
and its surname alone, may be the same person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rapidfuzz.fuzz import ratio

from archive.quotations import Quotation, find_quotations
from archive.quotes import find_quotes
from archive.quotes.names import NO_FIRST_NAME, NO_PERSON, is_role_word, name_in

# In running text, several people may be quoted in one paragraph: here each gets a line of its own
NEXT_QUOTATION = re.compile(r"(?<=[.!?][\"”»]) (?=[A-ZÅÄÖ])|(?<=[.!?]) (?=[\"”“»„«])")
DEFINITE = re.compile(r"(?:en|et|na)s?$")  # "Polisen", "Statens"
SURNAME = re.compile(r" \w+sen$")  # "Eva Hansen"
SIMILAR = 80  # of two spellings of a name: "Pehrson", "Persson"
SIMILAR_OPENING = 60  # if the first letter is the same: "Per", "Pär"


def find_attributed_quotations(text: str) -> list[Quotation]:
    """Return the quotations in a text, each with its speaker if that is certainly a person.

    >>> found = find_attributed_quotations('Ek sade: ”Det är klart nu.” Bo Li sade: ”Vi är klara.”')
    >>> [quotation.speaker for quotation in found]
    ['Ek', 'Bo Li']
    """
    lines = NEXT_QUOTATION.sub("\n", text)
    quotes = [quote for quote in find_quotes({"body": lines}) if quote.origin == "attribution"]
    is_role_word.cache_clear()  # it has words of the text, which is not kept
    found = []
    for quotation in find_quotations(text):
        start, end = quotation.start, quotation.end
        names = {quote.speaker for quote in quotes if any(first < end and last > start for first, last in quote.spans)}
        name = names.pop() if len(names) == 1 else None
        line = lines[lines.rfind("\n", 0, start) + 1 : start] + lines[end:].partition("\n")[0]
        found.append(replace(quotation, speaker=name if is_person(name) else None, around=line))
    return found


def is_person(name: str | None) -> bool:
    if not name or NO_FIRST_NAME.match(f"{name} ") or NO_PERSON.search(name):
        return False
    return not DEFINITE.search(name) or SURNAME.search(name) is not None


def is_misattributed(quotation: Quotation, speakers: Sequence[Mapping[str, Any]], text: str) -> bool:
    """Return whether a quotation is certainly given to somebody who does not say it in a release.

    speakers: name and origin of those who say it in the release; text: of the release.
    """
    name = quotation.speaker
    if not name or not speakers:
        return False
    is_absent = not name_in(name.split()[-1], text)
    return all(
        is_person(each["name"])
        and (is_absent or each["origin"] == "attribution")
        and not may_be_same(name, each["name"])
        and not name_in(each["name"].split()[-1], quotation.around)
        for each in speakers
    )


def may_be_same(name: str, other: str) -> bool:
    """Return whether two names may be of the same person.

    >>> [may_be_same("Ebba Ek", other) for other in ("Ek", "Ebba Ek Ström", "E. Ek", "Ebba Eek")]
    [True, True, True, True]
    >>> may_be_same("Ebba Ek", "Bo Ek"), may_be_same("Ek", "Bo Ström")
    (False, False)
    """
    names = (re.findall(r"\w+", each.casefold()) for each in (name, other))
    fewer, more = sorted(names, key=len)
    return all(any(is_similar(word, each) for each in more) for word in fewer)


def is_similar(word: str, other: str) -> bool:
    least = SIMILAR_OPENING if word[0] == other[0] else SIMILAR
    return ratio(word, other) >= least or word.startswith(other) or other.startswith(word)
