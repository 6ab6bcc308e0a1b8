"""What the archive knows of addresses: the release they hold or held, by any address that led to it, or why none."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from sqlite_utils import Database

from archive.times import parse_time

MANY = 5000  # addresses a question
EARLIEST = "1990"  # what bears an earlier date bears none: systems write 1970 for it
FOUND = """
    select a.value, coalesce(r.id, f.release), coalesce(r.published, h.published), f.role, f.state
    from json_each(:urls) a left join releases r on r.url = a.value left join frontier f on f.url = a.value
    left join releases h on h.id = f.release
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An address as the archive knows it; `state` is the frontier's, `unseen` where it was never found."""

    state: str
    release: int | None = None
    published: str | None = None

    @property
    def part(self) -> Literal["held", "refused", "missing"]:
        """Which of the ledger's three it is."""
        if self.release is not None:
            return "held"
        return "missing" if self.state in ("unseen", "due", "failed", "aside") else "refused"


def find_all(db: Database, urls: Collection[str]) -> dict[str, Found]:
    """Each of the addresses."""
    found: dict[str, Found] = {}
    ordered = sorted(urls)
    for start in range(0, len(ordered), MANY):
        for url, release, published, role, state in db.execute(
            FOUND, {"urls": json.dumps(ordered[start : start + MANY])}
        ):
            known = "source" if role and role != "release" else state or "unseen"
            found[url] = Found(state=known, release=release, published=published)
    return found


def month_of(text: str | None, today: str) -> str | None:
    """The month of a told time, by the clock it is told by; None for a date that is none.

    >>> month_of("2024-05-31T23:30:00+00:00", "2024-07-01"), month_of("2024-05", "2024-07-01")
    ('2024-05', '2024-05')
    >>> month_of("1970-01-01", "2024-07-01"), month_of("2031-01-01", "2024-07-01")
    (None, None)
    """
    value = parse_time(text)
    if value is None:
        return None
    month = f"{value.year:04}-{value.month:02}"
    return month if EARLIEST <= month <= today[:7] else None
