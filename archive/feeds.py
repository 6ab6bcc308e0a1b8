"""Feeds of new releases of all agencies, of one agency or with one tag, in reverse order of discovery.

A release is not new just because the archive reads it for the first time. It is new if:

- it was first read by a crawl: neither imported from another collection nor found again at another URL;
- it was read after the agency's first complete crawl, because a backfill is not news;
- its page stated a publication date in the 14 days before, because a source found later brings years of old releases;
  or its page stated none (and no update date before then), and the crawl that found it has finished and found at most
  20 new releases of the agency.

An entry shows the state as first read. Better parsing rules, a new design or an edit do not move entries in a
feed of new releases; edits and removals have their own feeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archive.database import ListPage, RunQuery, take_page

# Conditions for new releases
MAX_AGE_DAYS = 14
MAX_UNDATED_RELEASES = 20
MAX_SCANNED_RELEASES = 20_000  # first revisions searched for new ones, newest first
BACKFILL_END_SQL = (
    "begun as materialized (select a.slug as agency, (select min(c.finished) from crawls c where c.agency = a.slug"
    " and c.spider = 'news' and c.reason = 'finished') as ended from agencies a)"
)
FIRST_REVISIONS_SQL = "revisions v where v.cause = 'first' and v.previous is null"
IS_NEW_SQL = f"""
    case when {{published}} is not null
      then {{published}} >= substr(date({{seen}}, '-{MAX_AGE_DAYS} days'), 1, min(length({{published}}), 10))
      else coalesce({{updated}} >= date({{seen}}, '-{MAX_AGE_DAYS} days'), 1) and coalesce((
        select c.finished >= {{seen}} and c.new <= {MAX_UNDATED_RELEASES} from crawls c
        where c.agency = {{agency}} and c.spider = 'news' and c.started <= {{seen}}
        order by c.started desc limit 1), 0) end
"""  # crawls of an agency never overlap
FACET_COLUMNS = {
    "published": "iif(l.sort_day is null, null, l.sort_date)",
    "updated": "l.sort_date",
    "seen": "f.seen",
    "agency": "l.agency",
}
# common table expressions for searches, which only use the narrow rows of release_facets
SEARCH_FEED_SQL = f"""{BACKFILL_END_SQL}, news as materialized (
    select f.release, f.seen
    from (select v.release, v.seen from {FIRST_REVISIONS_SQL} order by v.seen desc, v.id desc
      limit {MAX_SCANNED_RELEASES}) f
    cross join release_facets l on l.release = f.release cross join begun b on b.agency = l.agency and f.seen > b.ended
    where not exists (select 1 from releases m where m.moved_to = f.release)
      and {IS_NEW_SQL.format(**FACET_COLUMNS)})"""
ANY_FINISHED_CRAWL_SQL = "select 1 from crawls where spider = 'news' and reason = 'finished' limit 1"

# A page of a feed
FEED_SIZE = 30
MAX_OPENING_LENGTH = 400  # characters of the body that replace a missing lead
RULE_COLUMNS = {"published": "v.published", "updated": "v.updated", "seen": "v.seen", "agency": "r.agency"}
# the oldest time to search; FEED_SQL reads in the order of an index until the page is full
OLDEST_SCANNED_SQL = (
    f"coalesce((select v.seen from {FIRST_REVISIONS_SQL}{{after}} order by v.seen desc"
    f" limit 1 offset {MAX_SCANNED_RELEASES}), '')"
)
FEED_SQL = f"""
    with {BACKFILL_END_SQL}
    select v.id, v.release, v.seen, v.title, v.lead, substr(v.body, 1, {MAX_OPENING_LENGTH}) as opening,
      length(v.body) as length, v.kind, v.language, v.published, v.updated, v.tags, r.url, r.agency, a.name, a.name_en
    from revisions v cross join releases r on r.id = v.release
    cross join begun b on b.agency = r.agency and v.seen > b.ended cross join agencies a on a.slug = r.agency
    where v.cause = 'first' and v.previous is null and v.seen >= {OLDEST_SCANNED_SQL}{{after}}
    and {{conditions}} and {IS_NEW_SQL.format(**RULE_COLUMNS)}
    order by v.seen desc, v.id desc limit :limit
"""


async def read_feed_page(
    run: RunQuery, *, agency: str | None = None, tag: int | None = None, after: int | None = None, size: int = FEED_SIZE
) -> ListPage:
    """Return a page of new releases, newest first. after: id of the last revision of the previous page."""
    conditions = ["true"]
    if agency:
        # faster than a condition on r.agency, which SQLite would read last
        conditions.append("v.release in (select id from releases where agency = :agency)")
    if tag is not None:
        conditions.append("r.id in (select release from release_tags where tag = :tag)")
    after_sql = " and (v.seen, v.id) < (select seen, id from revisions where id = :after)" if after is not None else ""
    rows = await run(
        FEED_SQL.format(conditions=" and ".join(conditions), after=after_sql),
        {"agency": agency, "tag": tag, "after": after, "limit": size + 1},
    )
    return take_page(rows, size)


def summarise_feed_entry(row: Mapping[str, Any]) -> str:
    if row["lead"]:
        return str(row["lead"])
    opening = " ".join(str(row["opening"]).split())
    return f"{opening.rsplit(' ', 1)[0]} …" if row["length"] > MAX_OPENING_LENGTH else opening
