"""What releases are chosen and ordered by, as words of the index: then word and choice meet inside the index.

Each is a letter of private use, so in no text, and behind it the value in hexadecimal, so one word whatever it holds.
They stand in the column `facts`, which weighs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

EVERY = "\ue000"  # every release has it
AGENCY, KIND, TAG, YEAR, QUESTIONS = "\ue001", "\ue002", "\ue003", "\ue004", "\ue005"
LISTED_YEAR, LISTED_MONTH = "\ue006", "\ue007"  # where it stands in lists: listed.newest
NONE = "none"  # the value where a release tells none


def to_fact(kind: str, value: str) -> str:
    """One word of the index.

    >>> to_fact(AGENCY, "fyr")
    '\\ue001667972'
    """
    return kind + value.encode(errors="surrogatepass").hex()


def find_facts(state: Mapping[str, Any]) -> Iterable[str]:
    """Those that a release's state tells."""
    published = state["published"]
    yield EVERY
    yield to_fact(KIND, state["kind"] or NONE)
    yield to_fact(YEAR, published[:4] if published else NONE)
    yield to_fact(QUESTIONS, "yes" if state["questions"] else "no")
    for tag in state["tags"] or ():
        yield to_fact(TAG, tag)


def find_place(agency: str, newest: str) -> Iterable[str]:
    """Those that the archive adds: whose it is, and what lists sort it by ("": it stands last)."""
    yield to_fact(AGENCY, agency)
    yield to_fact(LISTED_YEAR, newest[:4] or NONE)
    yield to_fact(LISTED_MONTH, newest[:7] or NONE)
