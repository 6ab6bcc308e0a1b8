"""The registers of edits, removals and takedowns, newest first: filters, pages and counts.

Edits are changes that agencies made to published releases. Removals are confirmed absences. Releases hidden by
a takedown are in neither register.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any, Generic, TypeVar

from archive.database import FacetValue, RunQuery
from archive.history import (
    FOUND_AT_COLUMN,
    RELEASE_CHAIN_CTE,
    UPDATE_STAMPS,
    classify_update_stamp,
    find_last_seen,
    read_preceding_revisions,
)
from archive.i18n import swedish_sort_key
from archive.params import (
    FilterError,
    UrlArguments,
    format_day_start,
    parse_choice_parameter,
    parse_day_parameter,
    parse_flag_parameter,
    parse_number_parameter,
)
from archive.removals import REMOVAL_KINDS

REGISTER_PAGE_SIZE = 50
MAX_REGISTER_PAGE_SIZE = 1000  # entries of a page of JSON or CSV
MAX_COUNTED_ENTRIES = 5_000  # if there are more, the register shows "more than"
MAX_CONSECUTIVE_EDITS = 3  # edits of one release in sequence that are shown ungrouped
MIN_FRONT_PAGE_IMPORTANCE = 20
FRONT_PAGE_CANDIDATES = 30  # newest edits that the front page chooses from

HIDDEN_RELEASES_SQL = "select id from releases where takedown = 'hidden'"
AGENCY_COUNTS_SQL = """
    select a.slug as value, a.name, a.name_en, coalesce(counted.n, 0) as count from agencies a
    left join (select r.agency, count(*) as n from ({found}) found join releases r on r.id = found.release
      group by r.agency) counted on counted.agency = a.slug
"""
TAKEDOWNS_SQL = """
    select t.id, t.release, t.kind, t.reason, t.reason_en, t.at, t.lifted, t.lifted_reason, r.takedown, r.agency,
      a.name, a.name_en
    from takedowns t join releases r on r.id = t.release join agencies a on a.slug = r.agency
"""
UPDATE_STAMP_CONDITIONS = {  # by UPDATE_STAMPS
    "moved": "v.update_date_changed = 1",
    "not moved": "v.update_date_changed = 0 and v.updated is not null",
    "none told": "v.update_date_changed = 0 and v.updated is null",
}
EDIT_COLUMNS = """
    v.id, v.release, v.previous, v.seen, v.update_date_changed, v.importance, v.summary, v.summary_en, v.changes,
    v.reverts_to, v.title, v.language, v.updated, v.capture, r.agency, r.url, r.removed_at, a.name, a.name_en
"""
EDIT_JOINS = "revisions v on v.id = found.id join releases r on r.id = v.release join agencies a on a.slug = r.agency"
IS_EDIT_SQL = "v.cause = 'source' and v.previous is not null"
STORED_EDIT_COUNTS_SQL = f"""
    select a.slug as value, a.name, a.name_en, coalesce(c.edits, 0) - coalesce(h.n, 0) as count from agencies a
    left join edit_counts c on c.agency = a.slug
    left join (select r.agency, count(*) as n from revisions v join releases r on r.id = v.release
      where v.release in ({HIDDEN_RELEASES_SQL}) and {IS_EDIT_SQL} group by r.agency) h on h.agency = a.slug
"""
REMOVAL_COLUMNS = f"""
    o.id, o.release, o.kind, o.first_seen, o.last_seen, o.checks, o.confirmed, o.ended, o.status, o.target, o.moved_to,
    o.capture, r.title, r.language, r.agency, r.url, r.revision, r.published, a.name, a.name_en,
    {FOUND_AT_COLUMN}
"""
REMOVAL_JOINS = "removals o cross join releases r on r.id = o.release cross join agencies a on a.slug = r.agency"


Entry = TypeVar("Entry")
Query = TypeVar("Query", "EditsQuery", "RemovalsQuery")


@dataclass(frozen=True, slots=True)
class RegisterPage(Generic[Entry]):
    """One page of a register; `next_cursor` is None on the last page."""

    entries: list[Entry]
    next_cursor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterCounts:
    """Counts of a register's entries: in total with all filters, per agency without the agency filter."""

    total: int
    capped: bool  # there are more than `total`
    agencies: list[FacetValue]  # agencies with entries and the selected one; all agencies if they are not counted
    agencies_counted: bool  # False: there are too many entries to count them by agency


async def check_agency(run: RunQuery, slug: str | None) -> None:
    """Raise FilterError if the archive has no agency with this slug."""
    if slug and not await run("select 1 from agencies where slug = :slug", {"slug": slug}):
        raise FilterError("agency", slug, "the slug of an agency", text_key="error.no_agency_value")


async def count_register_entries(
    run: RunQuery, query: Query, build_releases_sql: Callable[[Query], str], *, agencies_sql: str = AGENCY_COUNTS_SQL
) -> RegisterCounts:
    """Count a register's entries, in total and by agency.

    build_releases_sql: returns a SELECT of the entries' releases, newest first. agencies_sql: may read stored counts.
    """
    values, limit = query.build_sql_values(), f" limit {MAX_COUNTED_ENTRIES + 1}"
    rows = await run(agencies_sql.format(found=build_releases_sql(replace(query, agency=None)) + limit), values)
    choices = sorted((FacetValue(**dict(row)) for row in rows), key=lambda choice: swedish_sort_key(choice.name))
    is_stored = agencies_sql is not AGENCY_COUNTS_SQL
    countable = is_stored or sum(choice.count for choice in choices) <= MAX_COUNTED_ENTRIES
    if countable:
        total = sum(choice.count for choice in choices if choice.value == (query.agency or choice.value))
    else:
        total = (await run(f"select count(*) as n from ({build_releases_sql(query)}{limit})", values))[0]["n"]
    return RegisterCounts(
        total=total if countable else min(total, MAX_COUNTED_ENTRIES),
        capped=not countable and total > MAX_COUNTED_ENTRIES,
        agencies=[choice for choice in choices if choice.count or not countable or choice.value == query.agency],
        agencies_counted=countable,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EditsQuery:
    """Filters and paging of the register of edits."""

    agency: str | None = None
    release: int | None = None
    tag: int | None = None
    unannounced: bool = False  # only edits without a change of the agency's update date
    stamp: str | None = None  # one of UPDATE_STAMPS
    importance: int | None = None  # lowest importance
    since: date | None = None
    until: date | None = None
    after: int | None = None  # id of the last edit of the previous page
    size: int = REGISTER_PAGE_SIZE

    def build_url_params(self) -> dict[str, Any]:
        """Return the filters as URL parameters, without the page."""
        return {
            "agency": self.agency,
            "release": self.release,
            "tag": self.tag,
            "unannounced": 1 if self.unannounced else None,
            "stamp": self.stamp,
            "importance": self.importance or None,
            "from": self.since,
            "to": self.until,
        }

    def build_sql_values(self) -> dict[str, Any]:
        days = {"since": format_day_start(self.since), "until": format_day_start(self.until, next_day=True)}
        return {name: getattr(self, name) for name in ("agency", "release", "tag", "importance", "after")} | days


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """An edit, which the agency made between `last_seen_before` and `seen`."""

    id: int  # id of the revision that it led to
    release: int
    previous: int | None
    seen: str
    update_date_changed: int | None
    importance: int | None
    summary: str | None
    summary_en: str | None
    changes: str | None
    reverts_to: int | None
    title: str
    language: str | None
    updated: str | None
    capture: int | None
    agency: str
    url: str
    removed_at: str | None
    name: str
    name_en: str | None
    last_seen_before: str | None  # when a check last found the state before it
    grouped: tuple[Edit, ...] = ()  # other edits of the release, shown inside this one

    @property
    def stamp(self) -> str:
        """Return whether the agency's own update date changed: one of UPDATE_STAMPS."""
        return classify_update_stamp(self.update_date_changed, self.updated)

    @property
    def unannounced(self) -> bool:
        """Return whether the agency left its own update date unchanged."""
        return self.stamp == "not moved"

    @property
    def max_grouped_importance(self) -> int:
        return max((edit.importance or 0 for edit in self.grouped), default=0)


def parse_edits_query(args: UrlArguments, size: int = REGISTER_PAGE_SIZE) -> EditsQuery:
    """Parse the URL parameters; raise FilterError if one is not valid."""
    since, until = parse_day_parameter(args, "from"), parse_day_parameter(args, "to")
    if since and until and since > until:
        raise FilterError("from", str(since), "a day no later than `to`", text_key="error.bad_days", until=str(until))
    return EditsQuery(
        agency=args.get("agency") or None,
        release=parse_number_parameter(args, "release"),
        tag=parse_number_parameter(args, "tag"),
        unannounced=parse_flag_parameter(args, "unannounced"),
        stamp=parse_choice_parameter(args, "stamp", UPDATE_STAMPS),
        importance=parse_number_parameter(args, "importance", 100),
        since=since,
        until=until,
        after=parse_number_parameter(args, "after"),
        size=min(parse_number_parameter(args, "size") or size, MAX_REGISTER_PAGE_SIZE),
    )


async def read_edits_page(run: RunQuery, query: EditsQuery) -> RegisterPage[Edit]:
    chain, conditions = build_edit_filters(query)
    if query.after is not None:
        conditions.append("(v.seen, v.id) < (select seen, id from revisions where id = :after)")
    rows = await run(
        f"{chain} select {EDIT_COLUMNS} from (select v.id from revisions v where {' and '.join(conditions)}"
        f" order by v.seen desc, v.id desc limit :limit) found cross join {EDIT_JOINS}"
        " order by v.seen desc, v.id desc",
        query.build_sql_values() | {"limit": query.size + 1},
    )
    revisions = [dict(row) for row in rows[: query.size]]
    preceding = await read_preceding_revisions(run, [row["id"] for row in revisions])
    edits = [Edit(**row, last_seen_before=find_last_seen(row["previous"], preceding)) for row in revisions]
    return RegisterPage(edits, edits[-1].id if len(rows) > query.size else None)


async def read_latest_edits(run: RunQuery, limit: int) -> list[Edit]:
    """Return the newest important edits for the front page, one per release."""
    page = await read_edits_page(run, EditsQuery(importance=MIN_FRONT_PAGE_IMPORTANCE, size=FRONT_PAGE_CANDIDATES))
    newest: dict[int, Edit] = {}
    for edit in page.entries:
        newest.setdefault(edit.release, edit)
    return list(newest.values())[:limit]


async def count_edits(run: RunQuery, query: EditsQuery) -> RegisterCounts:
    """Count the edits, in total and by agency."""

    def build_releases_sql(query: EditsQuery) -> str:
        chain, conditions = build_edit_filters(query)
        return f"{chain} select v.release from revisions v where {' and '.join(conditions)} order by v.seen desc"

    has_filters = any(replace(query, agency=None).build_url_params().values())
    agencies_sql = AGENCY_COUNTS_SQL if has_filters else STORED_EDIT_COUNTS_SQL
    return await count_register_entries(run, query, build_releases_sql, agencies_sql=agencies_sql)


def build_edit_filters(query: EditsQuery) -> tuple[str, list[str]]:
    """Return the filters as SQL: a CTE to put first ("" if none is needed), and the conditions."""
    conditions = [IS_EDIT_SQL, f"v.release not in ({HIDDEN_RELEASES_SQL})"]
    tests = {
        "v.release in (select id from releases where agency = :agency)": query.agency,
        "v.release in (select id from chain)": query.release,
        "v.release in (select rt.release from release_tags rt where rt.tag = :tag)": query.tag,
        "v.importance >= :importance": query.importance or None,
        "v.seen >= :since": format_day_start(query.since),
        "v.seen < :until": format_day_start(query.until, next_day=True),
    }
    conditions += [test for test, value in tests.items() if value is not None]
    stamps = ("not moved" if query.unannounced else None, query.stamp)
    conditions += dict.fromkeys(UPDATE_STAMP_CONDITIONS[stamp] for stamp in stamps if stamp)
    return (RELEASE_CHAIN_CTE if query.release is not None else ""), conditions


def group_edits(edits: Sequence[Edit]) -> list[Edit]:
    """Group the edits of a page so that one release does not fill it.

    A release that repeatedly returns to earlier wordings is shown once, with its other reverts inside. The same is done
    with more than MAX_CONSECUTIVE_EDITS consecutive edits of one release.
    """
    groups: list[list[Edit]] = []
    reverting_groups: dict[int, list[Edit]] = {}
    for streak in (list(group) for _, group in groupby(edits, key=lambda edit: edit.release)):
        rows = [streak] if len(streak) > MAX_CONSECUTIVE_EDITS else [[edit] for edit in streak]
        for row in rows:
            earlier = reverting_groups.get(row[0].release) if len(row) == 1 and row[0].reverts_to is not None else None
            if earlier is not None:
                earlier.extend(row)
                continue
            groups.append(row)
            if row[0].reverts_to is not None:
                reverting_groups.setdefault(row[0].release, row)
    return [replace(first, grouped=tuple(rest)) for first, *rest in groups]


def format_edit_rows(edits: Sequence[Edit], urls_by_id: Mapping[int, Mapping[str, str | None]]) -> list[dict[str, Any]]:
    """Format edits as rows of JSON and CSV; `urls_by_id` has the absolute URLs of each edit."""
    return [
        {
            "revision": edit.id,
            "previous": edit.previous,
            "release": edit.release,
            "agency": edit.agency,
            "agency_name": edit.name,
            "title": edit.title,
            "url": edit.url,
            "last_seen_before": edit.last_seen_before,
            "seen": edit.seen,
            "importance": edit.importance,
            "unannounced": edit.unannounced,
            "stamp": edit.stamp,
            "summary": edit.summary,
            "summary_en": edit.summary_en,
            "reverts_to": edit.reverts_to,
            "changes": json.loads(edit.changes) if edit.changes else [],
            **urls_by_id[edit.id],
        }
        for edit in edits
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalsQuery:
    """Filters and paging of the register of removals."""

    agency: str | None = None
    kind: str | None = None
    tag: int | None = None
    back: bool = False  # only releases that came back
    after: int | None = None  # id of the last removal of the previous page
    size: int = REGISTER_PAGE_SIZE

    def build_url_params(self) -> dict[str, Any]:
        """Return the filters as URL parameters, without the page."""
        return {"agency": self.agency, "kind": self.kind, "tag": self.tag, "back": 1 if self.back else None}

    def build_sql_values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("agency", "kind", "tag", "after")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A confirmed absence of a release."""

    id: int
    release: int
    kind: str
    first_seen: str
    last_seen: str
    checks: int
    confirmed: str
    ended: str | None
    status: int | None
    target: str | None
    moved_to: int | None
    capture: int | None
    title: str
    language: str | None
    agency: str
    url: str
    revision: int
    published: str | None
    name: str
    name_en: str | None
    found_at: str | None  # URL at which the release was found again


def parse_removals_query(args: UrlArguments, size: int = REGISTER_PAGE_SIZE) -> RemovalsQuery:
    """Parse the URL parameters; raise FilterError if one is not valid."""
    return RemovalsQuery(
        agency=args.get("agency") or None,
        kind=parse_choice_parameter(args, "kind", REMOVAL_KINDS),
        tag=parse_number_parameter(args, "tag"),
        back=parse_flag_parameter(args, "back"),
        after=parse_number_parameter(args, "after"),
        size=min(parse_number_parameter(args, "size") or size, MAX_REGISTER_PAGE_SIZE),
    )


async def read_removals_page(run: RunQuery, query: RemovalsQuery) -> RegisterPage[Removal]:
    conditions = build_removal_filters(query)
    if query.after is not None:
        conditions.append("(o.confirmed, o.id) < (select confirmed, id from removals where id = :after)")
    rows = await run(
        f"select {REMOVAL_COLUMNS} from {REMOVAL_JOINS} where {' and '.join(conditions)}"
        " order by o.confirmed desc, o.id desc limit :limit",
        query.build_sql_values() | {"limit": query.size + 1},
    )
    removals = [Removal(**dict(row)) for row in rows[: query.size]]
    return RegisterPage(removals, removals[-1].id if len(rows) > query.size else None)


async def count_removals(run: RunQuery, query: RemovalsQuery) -> RegisterCounts:
    """Count the removals, in total and by agency."""

    def build_releases_sql(query: RemovalsQuery) -> str:
        conditions = " and ".join(build_removal_filters(query))
        return f"select o.release from removals o where {conditions} order by o.confirmed desc"

    return await count_register_entries(run, query, build_releases_sql)


def build_removal_filters(query: RemovalsQuery) -> list[str]:
    """Return the filters as SQL conditions.

    Moves are listed only if that kind is selected. A release that was found elsewhere by the check that confirmed its
    absence counts only as moved.
    """
    conditions = ["o.confirmed is not null", "o.confirmed is not o.ended", f"o.release not in ({HIDDEN_RELEASES_SQL})"]
    conditions.append("o.kind = :kind" if query.kind else "o.kind <> 'moved'")
    if query.agency:
        conditions.append("o.release in (select id from releases where agency = :agency)")
    if query.tag is not None:
        conditions.append("o.release in (select rt.release from release_tags rt where rt.tag = :tag)")
    if query.back:
        conditions.append("o.ended is not null")
    return conditions


def format_removal_rows(
    removals: Sequence[Removal], urls_by_id: Mapping[int, Mapping[str, str | None]]
) -> list[dict[str, Any]]:
    """Format removals as rows of JSON and CSV; `urls_by_id` has the absolute URLs of each removal."""
    return [
        {
            "removal": row.id,
            "release": row.release,
            "agency": row.agency,
            "agency_name": row.name,
            "title": row.title,
            "url": row.url,
            "kind": row.kind,
            "first_seen": row.first_seen,
            "confirmed": row.confirmed,
            "last_seen": row.last_seen,
            "checks": row.checks,
            "ended": row.ended,
            "status": row.status,
            "target": row.target,
            "moved_to": row.moved_to,
            "found_at": row.found_at,
            **urls_by_id[row.id],
        }
        for row in removals
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakedownsQuery:
    """Paging of the register of takedowns."""

    after: int | None = None  # id of the last takedown of the previous page
    size: int = REGISTER_PAGE_SIZE

    def build_url_params(self) -> dict[str, Any]:
        """Return no parameters, as this register has no filters."""
        return {}


def parse_takedowns_query(args: UrlArguments, size: int = REGISTER_PAGE_SIZE) -> TakedownsQuery:
    """Parse the URL parameters; raise FilterError if one is not valid."""
    return TakedownsQuery(
        after=parse_number_parameter(args, "after"),
        size=min(parse_number_parameter(args, "size") or size, MAX_REGISTER_PAGE_SIZE),
    )


async def read_takedowns_page(run: RunQuery, query: TakedownsQuery) -> RegisterPage[Mapping[str, Any]]:
    where = "where t.id < :after" if query.after is not None else ""
    rows = await run(
        f"{TAKEDOWNS_SQL} {where} order by t.id desc limit :limit", {"after": query.after, "limit": query.size + 1}
    )
    takedowns: list[Mapping[str, Any]] = [dict(row) for row in rows[: query.size]]
    return RegisterPage(takedowns, takedowns[-1]["id"] if len(rows) > query.size else None)


async def read_active_takedowns(run: RunQuery, release_id: int) -> list[Mapping[str, Any]]:
    """Return the takedowns in force for a release, those that hide it first."""
    rows = await run(
        f"{TAKEDOWNS_SQL} where t.release = :release and t.lifted is null order by t.kind, t.id",
        {"release": release_id},
    )
    return [dict(row) for row in rows]
