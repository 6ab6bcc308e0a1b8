"""Feeds: new releases of all agencies, of one agency or with one tag, and the change feed that
mirrors follow.

New releases are in reverse order of discovery. A release is not new just because the archive reads
it for the first time. It is new if:

- it was first read by a crawl: neither imported from another collection nor found again at another
  URL;
- it was read after the agency's first complete crawl, because a backfill is not news;
- its page stated a publication date in the 14 days before, because a source found later brings
  years of old releases; or its page stated none (and no update date before then), and the crawl
  that found it has finished and found at most 20 new releases of the agency.

Somebody who reads an Atom feed for the first time must find something in it. While it has fewer
than FILLED_SIZE new releases, the most recently published of the others that a crawl has read first
fill it up; never those of an import.

An entry shows the state as first read. Better parsing rules, a new design or an edit do not move
entries in a feed of new releases; edits and removals have their own feeds.

The change feed is a log of all visible changes to releases in the archive. Rows of the table
changefeed are written by triggers (archive.database.schema), in the transaction of the change
itself, and never changed. Every writer begins its transaction with `begin immediate`, so that ids
are committed in their order: a mirror that has read up to an id never misses a smaller one.
`change` is one of:

    added      first read, or imported from another collection     hidden     by a takedown
    changed    has a new current state (revision)                  redacted   by a takedown
    removed    by the agency; the archive still shows it           restored   a takedown was lifted
    returned   found again at the agency                           deleted    its row, by hand
    moved      its URL changed, or it moved to another release
    attachment a file that it links to was found, is another one than before, or its text was read
    or withheld

A check that finds a release unchanged adds no entry. Only the last entry of a release has the
release's current state, which is read by the same SQL statement as the entries.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archive.database.models import PART_FIELDS, PART_TABLES, STATE_FIELDS
from archive.database.sqlite_files import ListPage, RunQuery, take_page
from archive.urls import FilterError, UrlArguments, parse_number_parameter

# Conditions for new releases
MAX_AGE_DAYS = 14
MAX_UNDATED_RELEASES = 20
MAX_SCANNED_RELEASES = 20_000  # newest first revisions that are searched for new releases
BACKFILL_END_SQL = (
    "begun as materialized (select a.slug as agency, (select"
    " min(c.finished) from crawls c where c.agency = a.slug"
    " and c.spider = 'news' and c.reason = 'finished') as ended from agencies a)"
)
FIRST_REVISIONS_SQL = "revisions v where v.cause = 'first' and v.previous is null"
IS_NEW_SQL = f"""
    case when {{published}} is not null
      then {{published}} >= substr(date({{seen}}, '-{MAX_AGE_DAYS} days'), 1,
        min(length({{published}}), 10))
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
    where v.cause = 'first' and v.previous is null and v.seen >= {OLDEST_SCANNED_SQL}{{after}}
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
    select distinct release from revisions where previous is null and cause = 'import'
    and release in (select value from json_each(:releases))
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

    after: id of the last revision of the previous page.
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
    """Return the releases that fill up a feed with those in `shown`, the last published first."""
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
    """Return those releases whose first state was imported from another collection."""
    return {
        row["release"] for row in await run(IMPORTED_SQL, {"releases": json.dumps([*releases])})
    }


def summarise_feed_entry(row: Mapping[str, Any]) -> str:
    if row["lead"]:
        return str(row["lead"])
    opening = " ".join(str(row["opening"]).split())
    return f"{opening.rsplit(' ', 1)[0]} …" if row["length"] > MAX_OPENING_LENGTH else opening


# The change feed

DEFAULT_ENTRIES = 100  # entries per page
MAX_ENTRIES = 500
# texts of all releases and files on a page; a larger release gets a page of its own
MAX_PAGE_BYTES = 2_000_000
START_CURSOR = "0"
CURSOR_FORMAT = re.compile(r"(?P<number>[1-9][0-9]{0,15})-(?P<check>[0-9a-f]{8})")

RELEASE_COLUMNS = (
    *("agency", "url", *STATE_FIELDS),
    *("first_seen", "removed_at", "moved_to", "takedown", "revision", "hash"),
)
PART_OBJECTS_SQL = {  # without the ids of parts, which may change when the release is parsed again
    name: ", ".join(
        f"'{field}', {field}" for field in dict.fromkeys(("position", *PART_FIELDS[name]))
    )
    for name in PART_TABLES
}
# the current version of each attachment that was fetched
FILES_SQL = """
    select json_group_array(json_object('position', l.position, 'url', l.url, 'version', v.id,
      'first_seen', v.first_seen, 'sha256', f.sha256, 'bytes', f.bytes, 'media_type', f.media_type,
        'kind', f.kind,
      'pages', f.pages, 'letters', f.letters, 'problem', f.problem, 'extracted', f.extracted,
      'texts', json((select json_group_array(json_object('page', p.page, 'name', p.name, 'text',
        p.text))
        from attachment_pages p where p.file = f.id))))
    from attachments l cross join attachment_versions v cross join attachment_files f
    where l.release = r.id and v.id = (select max(w.id) from attachment_versions w
      where w.url = l.url)
      and f.id = v.file
"""
LISTS_SQL = {
    "tags": "select json_group_array(name) from (select t.name from release_tags rt join tags"
    " t on t.id = rt.tag where rt.release = r.id order by rt.rowid)",
    **{
        name: f"select json_group_array(json_object({PART_OBJECTS_SQL[name]})) from"
        f" (select * from {name} where release = r.id order by position)"
        for name in PART_TABLES
    },
    "files": FILES_SQL,
}
FILE_BYTES_SQL = """
    select sum(octet_length(p.text)) from attachments l cross join attachment_versions v
    cross join attachment_pages p where l.release = r.id
      and v.id = (select max(w.id) from attachment_versions w where w.url = l.url)
        and p.file = v.file
"""
CURRENT_STATE_SQL = (
    "left join releases r on w.last and r.id = w.release and r.takedown is not 'hidden'"
)
PAGE_SQL = f"""
    with page as materialized (
      select d.*, not exists (select 1 from changefeed n where n.release = d.release
        and n.id > d.id) as last
      from changefeed d where d.id > :after order by d.id limit :size
    ), weighed as materialized (
      select w.*, sum(ifnull(octet_length(r.body) + octet_length(r.body_html), 0)
        + iif(r.id is null, 0, ifnull(({FILE_BYTES_SQL}), 0))) over (order by w.id) as bytes
      from page w {CURRENT_STATE_SQL}
    )
    select w.id, w.release, w.change, w.at, w.revision, w.takedown,
      v.cause, w.last, r.id is not null as shown,
      (select max(id) from changefeed) as newest,
        {", ".join(f"r.{name} as now_{name}" for name in RELEASE_COLUMNS)},
      {
    ", ".join(f"iif(r.id is null, null, ({sql})) as now_{name}" for name, sql in LISTS_SQL.items())
}
    from weighed w {CURRENT_STATE_SQL} left join revisions v on v.id = w.revision
    where w.bytes <= :bytes or w.id = (select min(id) from page) order by w.id
"""
ENTRY_SQL = """
    select d.*, (select max(id) from changefeed) as newest
    from (select :id as requested) left join changefeed d on d.id = :id
"""


class UnknownCursorError(Exception):
    """The cursor is from another archive, or from this one before it was restored from a backup."""


class CursorAheadError(Exception):
    """The cursor is newer than this copy of the archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangefeedQuery:
    """A request for the entries after the one with a given id and checksum."""

    after_id: int = 0  # 0: start from the beginning
    checksum: str = ""
    size: int = DEFAULT_ENTRIES

    @property
    def cursor(self) -> str:
        return f"{self.after_id}-{self.checksum}" if self.after_id else START_CURSOR


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangefeedPage:
    """A page of entries, in the order of the log."""

    entries: Sequence[Mapping[str, Any]]
    cursor: str  # the last entry's, or the requested one if the page is empty
    has_more: bool


def parse_changefeed_query(args: UrlArguments) -> ChangefeedQuery:
    """Parse URL parameters; raise FilterError if one is invalid."""
    since = (args.get("since") or "").strip()
    size = parse_number_parameter(args, "size", MAX_ENTRIES) or DEFAULT_ENTRIES
    if since in ("", START_CURSOR):
        return ChangefeedQuery(size=size)
    found = CURSOR_FORMAT.fullmatch(since)
    if not found:
        raise FilterError("since", since[:40], "a cursor from an earlier response, or 0")
    return ChangefeedQuery(after_id=int(found["number"]), checksum=found["check"], size=size)


async def read_changefeed(run: RunQuery, query: ChangefeedQuery) -> ChangefeedPage:
    """Return the page after a cursor; raise UnknownCursorError or CursorAheadError if the log lacks
    it.
    """
    if query.after_id:
        (row,) = await run(ENTRY_SQL, {"id": query.after_id})
        if row["id"] is None and query.after_id > (row["newest"] or 0):
            raise CursorAheadError
        if row["id"] is None or entry_checksum(row) != query.checksum:
            raise UnknownCursorError
    rows = await run(
        PAGE_SQL, {"after": query.after_id, "size": query.size, "bytes": MAX_PAGE_BYTES}
    )
    entries = [_to_change_entry(row) for row in rows]
    return ChangefeedPage(
        entries=entries,
        cursor=str(entries[-1]["cursor"]) if entries else query.cursor,
        has_more=bool(rows) and rows[-1]["id"] < rows[-1]["newest"],
    )


def _to_change_entry(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry for JSON: the change, and what a mirror has to do (`action`).

    put: store `state` in place of the release; delete: delete the release; none: a later entry says
    what to do.
    """
    columns = {name: row[f"now_{name}"] for name in RELEASE_COLUMNS}
    action = "none" if not row["last"] else "put" if row["shown"] else "delete"
    return {
        "number": row["id"],
        "cursor": f"{row['id']}-{entry_checksum(row)}",
        **{
            name: row[name] for name in ("change", "at", "release", "revision", "cause", "takedown")
        },
        "action": action,
        "state": {
            "id": row["release"],
            **columns,
            **{name: json.loads(row[f"now_{name}"]) for name in LISTS_SQL},
        }
        if action == "put"
        else None,
    }


def entry_checksum(row: Mapping[str, Any]) -> str:
    """Return a checksum that distinguishes an entry from one with the same id in another log.

    >>> time = "2024-06-03T08:15:00+00:00"
    >>> entry_checksum({"id": 1, "release": 1, "change": "added", "at": time})
    'f51a2986'
    """
    text = " ".join(str(row[name]) for name in ("id", "release", "change", "at"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]
