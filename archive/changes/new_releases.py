"""Decides which releases are new, for feeds of all agencies, one agency or one tag.

New releases are listed in reverse order of discovery. A release is not new just because the archive
reads it for the first time. It is new if it meets all of these conditions:

- a crawl read it, and it is not an old release at a new URL. It does not matter whether another
  collection contains the release, or when that collection was imported;
- it was read after the agency's first complete crawl, because a backfill is not news;
- its page stated a publication date that was at most 14 days before it was read, because a newly
  found source brings years of old releases. If the page stated no publication date (and no update
  date more than 14 days before it was read), the crawl that found the release must have finished,
  and must have found at most 20 new releases of the agency.

An Atom feed should not be empty for a new reader. If it has fewer than FILLED_SIZE new releases,
other releases that a crawl has read are added, the most recently published first. Releases that
were only imported are never added.

An entry shows the release as it was first read. Better parsing rules, a new design or an edit do
not move entries in a feed of new releases. Edits and removals have their own feeds.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from archive.database.sqlite_files import ListPage, RunQuery, take_page
from archive.times import to_iso

# Conditions for new releases
MAX_AGE_DAYS = 14
MAX_UNDATED_RELEASES = 20
# a crawl that has taken longer was killed; nothing waits for its end
MAX_CRAWL_TIME = timedelta(hours=6)
MAX_SCANNED_RELEASES = 20_000  # newest first revisions that are searched for new releases
BACKFILL_END_SQL = (
    "begun as materialized (select a.slug as agency, (select"
    " min(c.finished) from crawls c where c.agency = a.slug"
    " and c.spider = 'news' and c.reason = 'finished') as ended from agencies a)"
)
# nothing is new before the first of these crawls has ended
FIRST_REVISIONS_SQL = (
    "revisions v where v.cause = 'first' and v.previous is null"
    " and v.seen > (select min(ended) from begun)"
)
IS_NEW_SQL = f"""
    case when {{published}} is not null
      then {{published}} >= substr(date({{seen}}, '-{MAX_AGE_DAYS} days'), 1,
        min(length({{published}}), 10))
      -- of an undated one that another observer had before, it is not known whether it is new
      else coalesce({{updated}} >= date({{seen}}, '-{MAX_AGE_DAYS} days'), 1)
        and not exists (select 1 from revisions i where i.release = {{release}}
          and i.cause = 'import') and coalesce((
        select c.finished >= {{seen}} and c.new <= {MAX_UNDATED_RELEASES} from crawls c
        where c.agency = {{agency}} and c.spider = 'news' and c.started <= {{seen}}
        order by c.started desc limit 1), 0) end
"""  # crawls of an agency never overlap
FACET_COLUMNS = {
    "published": "iif(l.sort_day is null, null, l.sort_date)",
    "updated": "l.sort_date",
    "seen": "f.seen",
    "agency": "l.agency",
    "release": "l.release",
}
# common table expressions for searches, which only use the narrow rows of release_facets
SEARCH_FEED_SQL = f"""{BACKFILL_END_SQL}, news as materialized (
    select f.release, f.seen
    from (select v.release, v.seen from {FIRST_REVISIONS_SQL} order by v.seen desc, v.id desc
      limit {MAX_SCANNED_RELEASES}) f
    cross join release_facets l on l.release = f.release cross join begun b on b.agency = l.agency
      and f.seen > b.ended
    where not exists (select 1 from releases m where m.moved_to = f.release)
      and {IS_NEW_SQL.format(**FACET_COLUMNS)})"""
ANY_FINISHED_CRAWL_SQL = (
    "select 1 from crawls where spider = 'news' and reason = 'finished' limit 1"
)

# a page of a feed
FEED_SIZE = 30
FILLED_SIZE = 20  # entries that an Atom feed has at least, if there are so many releases
MAX_OPENING_LENGTH = 400  # characters; if the lead is missing, the beginning of the body is shown
RULE_COLUMNS = {
    "published": "v.published",
    "updated": "v.updated",
    "seen": "v.seen",
    "agency": "r.agency",
    "release": "r.id",
}
# the oldest time to search; FEED_SQL reads in the order of an index until the page is full
OLDEST_SCANNED_SQL = (
    f"coalesce((select v.seen from {FIRST_REVISIONS_SQL}{{after}} order by v.seen desc"
    f" limit 1 offset {MAX_SCANNED_RELEASES}), '')"
)
ENTRY_COLUMNS_SQL = f"""
    v.id, v.release, v.seen, v.title, v.lead, substr(v.body, 1, {MAX_OPENING_LENGTH}) as opening,
    length(v.body) as length, v.kind, v.language, v.published, v.updated,
      v.tags, r.url, r.agency, a.name, a.name_en"""
FEED_SQL = f"""
    with {BACKFILL_END_SQL}
    select {ENTRY_COLUMNS_SQL} from revisions v cross join releases r on r.id = v.release
    cross join begun b on b.agency = r.agency and v.seen > b.ended cross join agencies a
      on a.slug = r.agency
    where v.cause = 'first' and v.previous is null and v.seen > (select min(ended) from begun)
    and v.seen >= {OLDEST_SCANNED_SQL}{{after}}
    and {{conditions}} and {IS_NEW_SQL.format(**RULE_COLUMNS)}
    order by v.seen desc, v.id desc limit :limit
"""

RECENT_SQL = f"""
    select {ENTRY_COLUMNS_SQL} from release_facets l
    cross join revisions v on v.release = l.release and v.cause = 'first' and v.previous is null
    cross join releases r on r.id = l.release cross join agencies a on a.slug = l.agency
    where l.sort_day is not null and v.release not in (select value from json_each(:shown))
      and {{conditions}}
    order by l.sort_date desc, l.release desc limit :limit
"""
IMPORTED_SQL = """
    select id as release from releases where first_seen is null
    and id in (select value from json_each(:releases))
"""


async def read_feed_page(
    run: RunQuery,
    *,
    agency: str | None = None,
    tag: int | None = None,
    after: int | None = None,
    size: int = FEED_SIZE,
) -> ListPage:
    """Return a page of new releases, newest first.

    after: the id of the last revision on the previous page.
    """
    conditions = ["true"]
    if agency:
        # faster than a condition on r.agency, which SQLite would read last
        conditions.append("v.release in (select id from releases where agency = :agency)")
    if tag is not None:
        conditions.append("r.id in (select release from release_tags where tag = :tag)")
    after_sql = (
        " and (v.seen, v.id) < (select seen, id from revisions where id = :after)"
        if after is not None
        else ""
    )
    rows = await run(
        FEED_SQL.format(conditions=" and ".join(conditions), after=after_sql),
        {"agency": agency, "tag": tag, "after": after, "limit": size + 1},
    )
    return take_page(rows, size)


async def read_recent_releases(
    run: RunQuery, shown: Collection[int], *, agency: str | None = None, tag: int | None = None
) -> Sequence[Mapping[str, Any]]:
    """Return the most recently published releases that are not in `shown`, to fill up a feed."""
    conditions = ["l.agency = :agency"] if agency else []
    if tag is not None:
        conditions.append("l.release in (select release from release_tags where tag = :tag)")
    return await run(
        RECENT_SQL.format(conditions=" and ".join(conditions) or "true"),
        {
            "agency": agency,
            "tag": tag,
            "shown": json.dumps([*shown]),
            "limit": max(FILLED_SIZE - len(shown), 0),
        },
    )


async def find_imported(run: RunQuery, releases: Collection[int]) -> set[int]:
    """Return the given releases that were imported and never read by the archive itself."""
    return {
        row["release"] for row in await run(IMPORTED_SQL, {"releases": json.dumps([*releases])})
    }


async def find_undecided_entry(run: RunQuery, after: int, now: datetime) -> int | None:
    """Return the id of the first change feed entry whose release may still turn out to be new.

    Such a release is undated, and was found by a crawl that has not finished. Returns None if there
    is no such entry.

    after: the id of an entry. That entry and earlier ones are ignored.
    """
    rows = await run(
        """
        select min(d.id) as id from changefeed d cross join revisions v on v.id = d.revision
        cross join releases r on r.id = v.release
        where d.id > :after and v.cause = 'first' and v.previous is null and v.published is null
          and (select c.finished is null and c.started > :since from crawls c
            where c.agency = r.agency and c.spider = 'news' and c.started <= v.seen
            order by c.started desc limit 1)
        """,
        {"after": after, "since": to_iso(now - MAX_CRAWL_TIME)},
    )
    undecided: int | None = rows[0]["id"]
    return undecided


def summarise_feed_entry(row: Mapping[str, Any]) -> str:
    if row["lead"]:
        return str(row["lead"])
    opening = " ".join(str(row["opening"]).split())
    return f"{opening.rsplit(' ', 1)[0]} …" if row["length"] > MAX_OPENING_LENGTH else opening
