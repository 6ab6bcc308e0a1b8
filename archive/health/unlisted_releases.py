"""Finds stored releases that no source lists any more."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from sqlite_utils import Database

from archive.health.audited_sources import AuditedSource, UrlStatus

# old releases that a list must have before it counts as going back so far; a single one may be
# pinned
MIN_OLDER_RELEASES = 3
STORED_RELEASES_SQL = """
    select f.release, f.source, r.published from frontier f join releases r on r.id = f.release
    where f.agency = :agency and f.role = 'release' and f.state = 'stored' and f.source is not null
      and r.published is not null and r.removed_at is null and r.moved_to is null
      and not exists (select 1 from removals o where o.release = r.id and o.ended is null
        and o.kind <> 'moved')
    order by f.release, f.first_seen
"""


def find_unlisted(
    db: Database, agency: str, sources: Sequence[AuditedSource], statuses: Mapping[str, UrlStatus]
) -> list[tuple[str, str]]:
    """Return the source and the month of each unlisted release. The source is the one that first
    listed the release, or the one to which that source belongs (see `_map_roots`).

    An unlisted release is stored and not removed, but no source lists it any more. It is returned
    only if the source that first listed it is one of `sources`, is not a feed (feeds list only the
    newest releases) and lists several older releases. Removed and moved releases are left out, so
    the number of unlisted releases is a lower bound.

    sources: the sources of the agency, all read to their end.
    """
    roots = _map_roots(sources)
    dates_by_source = {source.url: _list_dates(source, statuses) for source in sources}
    listed = {known.release_id for known in statuses.values()}
    unlisted: dict[int, tuple[str, str]] = {}
    for release, origin, published in db.execute(STORED_RELEASES_SQL, {"agency": agency}):
        root = roots.get(origin)
        if release in listed or release in unlisted or root is None:
            continue
        if bisect_left(dates_by_source[root], published[:10]) >= MIN_OLDER_RELEASES:
            unlisted[release] = (root, published[:7])
    return list(unlisted.values())


def _map_roots(sources: Sequence[AuditedSource]) -> dict[str, str]:
    """Return a map from each URL that lists releases to the URL of the source that it belongs to.

    Feeds are left out.
    """
    roots: dict[str, str] = {}
    for source in sources:
        if source.kind != "feed":
            roots[source.url] = source.url
            roots |= {entry.source_url: source.url for entry in source.urls.values()}
    return roots


def _list_dates(source: AuditedSource, statuses: Mapping[str, UrlStatus]) -> list[str]:
    return sorted(published for url in source.urls if (published := statuses[url].published))
