"""What an agency's sources listed when stock was taken last: a list that is empty or gone now was hardly read whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_utils import Database

from archive.ledger.sources import Source

EMPTY = "lists nothing any more"
NOT_SHOWN = "no page leads to it any more"
FORGOTTEN = timedelta(days=92)  # after so long a source that no page leads to is none of the agency's any more
ROOTS = ("feed", "sitemap", "listing")
BEFORE = """
    select source, kind, max(checked), max(listed) > 0 or (not min(whole) and (max(problem) = l.source || ': ' || :empty
      or exists (select 1 from frontier f where f.source = l.source and f.role = 'release')
      or exists (select 1 from gaps g where g.source = l.source)))
    from ledger l where agency = :agency and source is not null group by source order by min(id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """A source as it was found last."""

    kind: str
    read: datetime
    listed: bool  # whether it listed anything when it was read to its end last, as far as that is known


def read_before(db: Database, agency: str) -> dict[str, Before]:
    """An agency's sources of the last time, by address."""
    return {
        url: Before(kind=kind, read=datetime.fromisoformat(read), listed=bool(listed))
        for url, kind, read, listed in db.execute(BEFORE, {"agency": agency, "empty": EMPTY})
    }


def find_unshown(before: Mapping[str, Before], sources: Sequence[Source], now: datetime) -> list[tuple[str, Before]]:
    """The sources of the last time that pages led to, and lead to no more.

    Where the list of agencies names the sources (the home page was not asked), those are its archive pages; and
    none, if another source was struck off the list since, for they may have been that one's.
    """
    urls = {source.url for source in sources}
    lost = [(url, one) for url, one in before.items() if url not in urls and one.kind in (*ROOTS, "archive")]
    if all(source.kind != "home" for source in sources) and any(one.kind in ROOTS for _, one in lost):
        return []
    return [(url, one) for url, one in lost if now - one.read <= FORGOTTEN]
