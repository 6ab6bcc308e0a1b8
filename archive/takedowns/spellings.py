"""Finds passages however they are spelled: in running text, in an address, as a number."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from urllib.parse import unquote

BETWEEN = r"[\s\u00ad\u200b]*"  # words may stand on two lines, in two elements, or hold soft hyphens
PARTING = r"\s\u00ad\u200b\u2010-\u2015\u2212_-"  # what parts words, set one way and another: Anna-Lena, Anna Lena
LETTER = re.compile(f"([{PARTING}]*)([^{PARTING}])")  # and what parts it from the one before
DIGITS = 7  # of a number, the last so many, by which a link to it is known: 010-123 45 67, tel:+46101234567
LETTERS = 5  # of a passage, by which a link's readable address is known: Nora Kvist, /nora-kvist
NUMBERS = (  # how a number is told shorter and longer: what is always told of it, and what may stand before that
    (re.compile(r"(?:18|19|20)(\d{6}[-+ ]?\d{4})|(\d{6}[-+]\d{4})"), "(?:18|19|20)?"),  # a person's, the century
    (
        re.compile(r"(?:0|(?:\+|00)\s?46[\s-]*(?:\(0\)\s*)?)([1-9][\d\s/-]+)"),  # a telephone's, the country
        rf"(?:0|(?:\+|00)[{PARTING}]*46[{PARTING}]*(?:\(0\))?)[{PARTING}]*",
    ),
)
ADDRESS = re.compile(
    r"(?:https?://|www\.)[^\s<>\"']*[^\s<>\"'.,:;!?)]|(?<![\w.+-])[\w.+-]+@[\w.-]*\w", re.IGNORECASE
)  # that stands in a text


class Passages:
    """Some passages, to be found in whatever spelling."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = [text for text in texts if LETTER.search(text)]
        self.pattern = to_pattern(self.texts)

    def find(self, text: str) -> list[tuple[int, int]]:
        """Where a passage begins and ends in a text, in order; an address that tells one is taken as a whole.

        >>> Passages(["Nora Kvist"]).find("Av Nora-Kvist, nora.kvist@ek.se")
        [(3, 13), (15, 31)]
        """
        spans = [found.span() for found in self.pattern.finditer(text)]
        spans += [found.span() for found in ADDRESS.finditer(text) if self.are_told_by(found[0])]
        merged: list[tuple[int, int]] = []
        for span in sorted(spans):
            overlapped = merged.pop() if merged and span[0] < merged[-1][1] else span
            merged.append((overlapped[0], max(overlapped[1], span[1])))
        return merged

    def are_told_by(self, address: str) -> bool:
        """Whether an address, or an attribute of an element, tells any of them."""
        return any(self.pattern.search(text) for text in (address, unquote(address))) or any(
            leads_to(address, text) for text in self.texts
        )


def to_pattern(passages: Iterable[str]) -> re.Pattern[str]:
    """Finds any of some passages, however their white space, hyphens and letters' case stand.

    A number is not found within a longer one. A person's may be told with its century and without, a telephone's
    with its country's.

    >>> pattern = to_pattern(["Anna Ek", "010-123 45 67"])
    >>> [bool(pattern.search(text)) for text in ("av anna\\n\u00a0 EK.", "Anna-Ek", "010 1234567", "010-123 45 678")]
    [True, True, True, False]
    """
    longest_first = sorted(passages, key=len, reverse=True)
    return re.compile("|".join(map(to_spellings, longest_first)) or "(?!)", re.IGNORECASE)


def to_spellings(passage: str) -> str:
    """One passage as a pattern."""
    passage = passage.strip()
    told, before = next(
        (
            (next(filter(None, found.groups())), before)
            for form, before in NUMBERS
            if (found := form.fullmatch(passage))
        ),
        (passage, ""),
    )
    letters, long = LETTER.findall(told), len(only(told, str.isdigit)) >= DIGITS
    pattern, last = "", ""
    for gap, letter in letters:
        pattern += (to_parting(gap, last, letter, long=long) if last else "") + re.escape(letter)
        last = letter
    before = r"(?<!\d)" + before if letters[0][1].isdigit() else before
    return before + pattern + (r"(?!\d)" if last.isdigit() else "")


def to_parting(gap: str, last: str, letter: str, *, long: bool) -> str:
    """What may stand between two letters of a passage. long: a number of its is, so that any grouping is the same."""
    digits = last.isdigit() and letter.isdigit()
    if digits and gap.strip() and not long:
        return f"[{PARTING}]+"  # 10-15 is not 1015
    return f"[{PARTING}]*" if gap or (digits and long) else BETWEEN


def leads_to(address: str, passage: str) -> bool:
    """Whether an attribute tells a passage in another spelling: a telephone link, a readable address.

    >>> leads_to("tel:+46101234567", "010-123 45 67"), leads_to("/om/nora-kvist", "Nora Kvist"), leads_to("/a", "a")
    (True, True, False)
    """
    number, slug = only(passage, str.isdigit)[-DIGITS:], only(to_ascii(passage), str.isalnum)
    told = to_ascii(unquote(address))
    if len(number) == DIGITS and re.search("[^0-9a-z]{0,3}".join(number) + "(?![0-9])", told):
        return True
    return len(slug) >= LETTERS and slug in only(told, str.isalnum)


def only(text: str, wanted: Callable[[str], bool]) -> str:
    """The letters of a text that are wanted."""
    return "".join(filter(wanted, text))


def to_ascii(text: str) -> str:
    """A text as addresses have it: small letters without marks."""
    return unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
