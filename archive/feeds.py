"""What is new; Atom entries.

Which releases are new, as SQL: the one rule of every feed. archive/feeds/__init__.py tells it in words.

What is new, for those who follow: releases of all agencies, of one, or with one tag, newest find first.

What the archive reads for the first time is not new for that alone. New is what an agency published lately and the
archive found by its daily reading:

- it was first read by a crawl: not taken over from another collection, not found again at another address;
- after the agency's first whole crawl had ended: a backfill is no news;
- where its page told when it was published: within 14 days of that; a source found later brings years of old releases;
- where its page did not: by a crawl that found no more than 20 new releases of the agency, and that has ended.

What an entry tells is the state as first read, and its time is that reading's. So reading anew by better rules, a new
design or an edit moves nothing in a feed of new releases; edits and removals have feeds of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archive.database import RunQuery
from archive.history.lists import MAX_REGISTER_PAGE_SIZE
from archive.params import UrlArguments, parse_number_parameter

MAX_AGE_DAYS = 14
MAX_UNDATED_RELEASES = 20
MAX_SCANNED_RELEASES = 20_000  # the newest first readings that are looked through
BACKFILL_END_SQL = (
    "begun as materialized (select a.slug as agency, (select min(c.finished) from crawls c where c.agency = a.slug"
    " and c.spider = 'news' and c.reason = 'finished') as ended from agencies a)"
)
FIRST_REVISIONS_SQL = "revisions v where v.cause = 'first' and v.previous is null"
IS_NEW_SQL = f"""
    case when {{published}} is not null
      then {{published}} >= substr(date({{seen}}, '-{MAX_AGE_DAYS} days'), 1, min(length({{published}}), 10))
      else coalesce({{updated}} >= date({{seen}}, '-{MAX_AGE_DAYS} days'), 1) and coalesce((
        select c.finished >= {{seen}} and c.new <= {MAX_UNDATED_RELEASES} from crawls c where c.agency = {{agency}} and c.spider = 'news'
        and c.started <= {{seen}} order by c.started desc limit 1), 0) end
"""  # an agency's crawls never overlap
# for searches, by the narrow rows of release_facets alone: tables to stand behind `with`
SEARCH_FEED_SQL = f"""{BACKFILL_END_SQL}, news as materialized (
    select f.release, f.seen
    from (select v.release, v.seen from {FIRST_REVISIONS_SQL} order by v.seen desc, v.id desc limit {
    MAX_SCANNED_RELEASES
}) f
    cross join release_facets l on l.release = f.release cross join begun b on b.agency = l.agency and f.seen > b.ended
    where not exists (select 1 from releases m where m.moved_to = f.release) and {
    IS_NEW_SQL.format(
        published="iif(l.sort_day is null, null, l.sort_date)", updated="l.sort_date", seen="f.seen", agency="l.agency"
    )
})"""
ANY_FINISHED_CRAWL_SQL = "select 1 from crawls where spider = 'news' and reason = 'finished' limit 1"


FEED_SIZE = 30
MAX_OPENING_LENGTH = 400  # characters of a body that stand for a lead
RULE_COLUMNS = {"published": "v.published", "updated": "v.updated", "seen": "v.seen", "agency": "r.agency"}
# where to end; the statement itself reads in the order of an index, and no further than the page is full
OLDEST_SCANNED_SQL = f"coalesce((select v.seen from {FIRST_REVISIONS_SQL}{{after}} order by v.seen desc limit 1 offset {MAX_SCANNED_RELEASES}), '')"
FEED_SQL = f"""
    with {BACKFILL_END_SQL}
    select v.id, v.release, v.seen, v.title, v.lead, substr(v.body, 1, {MAX_OPENING_LENGTH}) as opening, length(v.body) as length,
      v.kind, v.language, v.published, v.updated, v.tags, r.url, r.agency, a.name, a.name_en
    from revisions v cross join releases r on r.id = v.release
    cross join begun b on b.agency = r.agency and v.seen > b.ended cross join agencies a on a.slug = r.agency
    where v.cause = 'first' and v.previous is null and v.seen >= {OLDEST_SCANNED_SQL}{{after}}
    and {{conditions}} and {IS_NEW_SQL.format(**RULE_COLUMNS)}
    order by v.seen desc, v.id desc limit :limit
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedQuery:
    """Whose new releases are asked for. tag: its number; after: the last revision of the page before."""

    agency: str | None = None
    tag: int | None = None
    after: int | None = None
    size: int = FEED_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """One page of what is new; `more`: the cursor of the next, if there is one."""

    rows: Sequence[Mapping[str, Any]]
    next_cursor: int | None


def parse_feed_query(args: UrlArguments, *, agency: str | None = None, tag: int | None = None) -> FeedQuery:
    """What an address asks for; FilterError where that cannot be read."""
    return FeedQuery(
        agency=agency or args.get("agency") or None,
        tag=tag if tag is not None else parse_number_parameter(args, "tag"),
        after=parse_number_parameter(args, "after"),
        size=min(parse_number_parameter(args, "size") or FEED_SIZE, MAX_REGISTER_PAGE_SIZE),
    )


async def read_feed_page(run: RunQuery, query: FeedQuery) -> FeedPage:
    """One page, and where the next begins."""
    conditions = ["true"]
    if query.agency:
        conditions.append("v.release in (select id from releases where agency = :agency)")  # r.agency is read last
    if query.tag is not None:
        conditions.append("r.id in (select release from release_tags where tag = :tag)")
    after = (
        " and (v.seen, v.id) < (select seen, id from revisions where id = :after)" if query.after is not None else ""
    )
    rows = await run(
        FEED_SQL.format(conditions=" and ".join(conditions), after=after),
        {"agency": query.agency, "tag": query.tag, "after": query.after, "limit": query.size + 1},
    )
    shown = [dict(row) for row in rows[: query.size]]
    return FeedPage(rows=shown, next_cursor=shown[-1]["id"] if len(rows) > query.size else None)


def to_feed_rows(rows: Sequence[Mapping[str, Any]], page_urls: Mapping[int, str | None]) -> list[dict[str, Any]]:
    """New releases as JSON and CSV tell them; `address` holds each one's page."""
    own = ("release", "agency", "title", "kind", "language", "published", "updated", "url")
    return [
        {
            **{name: row[name] for name in own},
            "agency_name": row["name"],
            "revision": row["id"],
            "first_seen": row["seen"],
            "lead": row["lead"],
            "page": page_urls[row["id"]],
        }
        for row in rows
    ]


def summarise_feed_entry(row: Mapping[str, Any]) -> str:
    """The lead, or how the text opens."""
    if row["lead"]:
        return str(row["lead"])
    opening = " ".join(str(row["opening"]).split())
    return f"{opening.rsplit(' ', 1)[0]} …" if row["length"] > MAX_OPENING_LENGTH else opening
