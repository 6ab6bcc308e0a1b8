"""Held releases that no source lists any more, though nobody took them away: agencies unlist without deleting.

Said only where it can be: every source was read to its end; the one that named the release first is still read, is no
feed (which lists only the newest), and goes further back, for it lists several older releases. Those that are found
away (removals) or stand elsewhere are told there. So the number is a lower bound.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from sqlite_utils import Database

from archive.ledger.found import Found
from archive.ledger.sources import Source

OLDER = 3  # as many older ones must be listed; a single one may be kept on top for years
HELD = """
    select f.release, f.source, r.published from frontier f join releases r on r.id = f.release
    where f.agency = :agency and f.role = 'release' and f.state = 'held' and f.source is not null
      and r.published is not null and r.gone is null and r.moved_to is null
      and not exists (select 1 from removals o where o.release = r.id and o.ended is null and o.kind <> 'moved')
    order by f.release, f.first_seen
"""


def find_delisted(
    db: Database, agency: str, sources: Sequence[Source], found: Mapping[str, Found]
) -> list[tuple[str, str]]:
    """For each of them the source that once named it, and the month it was published in."""
    roots = {
        origin: source.url
        for source in sources
        if source.kind != "feed"
        for origin in (source.url, *(entry.origin for entry in source.entries.values()))
    }
    days = {source.url: sorted(day for url in source.entries if (day := found[url].published)) for source in sources}
    listed = {known.release for known in found.values()}
    delisted: dict[int, tuple[str, str]] = {}
    for release, origin, published in db.execute(HELD, {"agency": agency}):
        root = roots.get(origin)
        if release in listed or release in delisted or root is None:
            continue
        if bisect_left(days[root], published[:10]) >= OLDER:
            delisted[release] = (root, published[:7])
    return list(delisted.values())
