"""The registers of edits, removals and takedowns, newest first: filters, pages and counts.

Edits are changes that agencies made to published releases. Removals are confirmed absences. Releases hidden by
a takedown are in neither register.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from archive.database import FacetValue, ListPage, RunQuery, take_page
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


Entry = dict[str, Any]  # a row of a register


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterQuery:
    """A page of a register; `filters` has the value of each URL parameter, None if it does not filter."""

    filters: Mapping[str, Any]
    after: int | None = None  # id of the last entry of the previous page
    size: int = REGISTER_PAGE_SIZE

    def build_sql_values(self) -> dict[str, Any]:
        days = {
            "since": format_day_start(self.filters.get("from")),
            "until": format_day_start(self.filters.get("to"), next_day=True),
        }
        return {**self.filters, **days, "after": self.after, "limit": self.size + 1}


def parse_register_query(args: UrlArguments, size: int, filters: Mapping[str, Any]) -> RegisterQuery:
    """Parse the page; raise FilterError if it is not valid. size: used unless the URL names another."""
    return RegisterQuery(
        filters=filters,
        after=parse_number_parameter(args, "after"),
        size=min(parse_number_parameter(args, "size") or size, MAX_REGISTER_PAGE_SIZE),
    )


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
    run: RunQuery,
    query: RegisterQuery,
    build_releases_sql: Callable[[Mapping[str, Any]], str],
    *,
    agencies_sql: str = AGENCY_COUNTS_SQL,
) -> RegisterCounts:
    """Count a register's entries, in total and by agency.

    build_releases_sql: returns a SELECT of the entries' releases, newest first, for the filters. agencies_sql: may read
    stored counts.
    """
    values, limit, agency = query.build_sql_values(), f" limit {MAX_COUNTED_ENTRIES + 1}", query.filters["agency"]
    found = build_releases_sql({**query.filters, "agency": None}) + limit
    rows = await run(agencies_sql.format(found=found), values)
    choices = sorted((FacetValue(**dict(row)) for row in rows), key=lambda choice: swedish_sort_key(choice.name))
    is_stored = agencies_sql is not AGENCY_COUNTS_SQL
    countable = is_stored or sum(choice.count for choice in choices) <= MAX_COUNTED_ENTRIES
    if countable:
        total = sum(choice.count for choice in choices if choice.value == (agency or choice.value))
    else:
        counted = await run(f"select count(*) as n from ({build_releases_sql(query.filters)}{limit})", values)
        total = counted[0]["n"]
    return RegisterCounts(
        total=total if countable else min(total, MAX_COUNTED_ENTRIES),
        capped=not countable and total > MAX_COUNTED_ENTRIES,
        agencies=[choice for choice in choices if choice.count or not countable or choice.value == agency],
        agencies_counted=countable,
    )


def parse_edits_query(args: UrlArguments, size: int = REGISTER_PAGE_SIZE) -> RegisterQuery:
    since, until = parse_day_parameter(args, "from"), parse_day_parameter(args, "to")
    if since and until and since > until:
        raise FilterError("from", str(since), "a day no later than `to`", text_key="error.bad_days", until=str(until))
    filters = {
        "agency": args.get("agency") or None,
        "release": parse_number_parameter(args, "release"),
        "tag": parse_number_parameter(args, "tag"),
        "unannounced": parse_number_parameter(args, "unannounced", 1) or None,
        "stamp": parse_choice_parameter(args, "stamp", UPDATE_STAMPS),
        "importance": parse_number_parameter(args, "importance", 100) or None,  # the lowest
        "from": since,
        "to": until,
    }
    return parse_register_query(args, size, filters)


async def read_edits_page(run: RunQuery, query: RegisterQuery) -> ListPage:
    """Return a page of edits, each made between `last_seen_before` (None: unknown) and `seen`."""
    chain, conditions = build_edit_filters(query.filters)
    if query.after is not None:
        conditions.append("(v.seen, v.id) < (select seen, id from revisions where id = :after)")
    rows = await run(
        f"{chain} select {EDIT_COLUMNS} from (select v.id from revisions v where {' and '.join(conditions)}"
        f" order by v.seen desc, v.id desc limit :limit) found cross join {EDIT_JOINS}"
        " order by v.seen desc, v.id desc",
        query.build_sql_values(),
    )
    page = take_page(rows, query.size)
    preceding = await read_preceding_revisions(run, [row["id"] for row in page.rows])
    for row in page.rows:
        row["last_seen_before"] = find_last_seen(row["previous"], preceding)
        row["stamp"] = classify_update_stamp(row["update_date_changed"], row["updated"])
        row["unannounced"] = row["stamp"] == "not moved"
    return page


async def read_latest_edits(run: RunQuery, limit: int) -> list[Entry]:
    """Return the newest important edits for the front page, one per release."""
    query = RegisterQuery(filters={"importance": MIN_FRONT_PAGE_IMPORTANCE}, size=FRONT_PAGE_CANDIDATES)
    newest: dict[int, Entry] = {}
    for edit in (await read_edits_page(run, query)).rows:
        newest.setdefault(edit["release"], edit)
    return list(newest.values())[:limit]


async def count_edits(run: RunQuery, query: RegisterQuery) -> RegisterCounts:
    def build_releases_sql(filters: Mapping[str, Any]) -> str:
        chain, conditions = build_edit_filters(filters)
        return f"{chain} select v.release from revisions v where {' and '.join(conditions)} order by v.seen desc"

    has_filters = any(value for name, value in query.filters.items() if name != "agency")
    agencies_sql = AGENCY_COUNTS_SQL if has_filters else STORED_EDIT_COUNTS_SQL
    return await count_register_entries(run, query, build_releases_sql, agencies_sql=agencies_sql)


def build_edit_filters(filters: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Return the filters as SQL: a CTE to put first ("" if none is needed), and the conditions."""
    conditions = [IS_EDIT_SQL, f"v.release not in ({HIDDEN_RELEASES_SQL})"]
    tests = {
        "v.release in (select id from releases where agency = :agency)": filters.get("agency"),
        "v.release in (select id from chain)": filters.get("release"),
        "v.release in (select rt.release from release_tags rt where rt.tag = :tag)": filters.get("tag"),
        "v.importance >= :importance": filters.get("importance"),
        "v.seen >= :since": format_day_start(filters.get("from")),
        "v.seen < :until": format_day_start(filters.get("to"), next_day=True),
    }
    conditions += [test for test, value in tests.items() if value is not None]
    stamps = ("not moved" if filters.get("unannounced") else None, filters.get("stamp"))
    conditions += dict.fromkeys(UPDATE_STAMP_CONDITIONS[stamp] for stamp in stamps if stamp)
    return (RELEASE_CHAIN_CTE if filters.get("release") is not None else ""), conditions


def group_edits(edits: Sequence[Entry]) -> list[Entry]:
    """Group the edits of a page (`grouped`: further edits of a release) so that one release does not fill it.

    A release that repeatedly returns to earlier wordings is shown once, with its other reverts inside. The same is done
    with more than MAX_CONSECUTIVE_EDITS consecutive edits of one release.
    """
    groups: list[list[Entry]] = []
    reverting_groups: dict[int, list[Entry]] = {}
    for streak in (list(group) for _, group in groupby(edits, key=lambda edit: edit["release"])):
        rows = [streak] if len(streak) > MAX_CONSECUTIVE_EDITS else [[edit] for edit in streak]
        for row in rows:
            is_revert = row[0]["reverts_to"] is not None
            earlier = reverting_groups.get(row[0]["release"]) if len(row) == 1 and is_revert else None
            if earlier is not None:
                earlier.extend(row)
                continue
            groups.append(row)
            if is_revert:
                reverting_groups.setdefault(row[0]["release"], row)
    return [first | {"grouped": rest} for first, *rest in groups]


def parse_removals_query(args: UrlArguments, size: int = REGISTER_PAGE_SIZE) -> RegisterQuery:
    filters = {
        "agency": args.get("agency") or None,
        "kind": parse_choice_parameter(args, "kind", REMOVAL_KINDS),
        "tag": parse_number_parameter(args, "tag"),
        "back": parse_number_parameter(args, "back", 1) or None,  # only releases that came back
    }
    return parse_register_query(args, size, filters)


async def read_removals_page(run: RunQuery, query: RegisterQuery) -> ListPage:
    conditions = build_removal_filters(query.filters)
    if query.after is not None:
        conditions.append("(o.confirmed, o.id) < (select confirmed, id from removals where id = :after)")
    rows = await run(
        f"select {REMOVAL_COLUMNS} from {REMOVAL_JOINS} where {' and '.join(conditions)}"
        " order by o.confirmed desc, o.id desc limit :limit",
        query.build_sql_values(),
    )
    return take_page(rows, query.size)


async def count_removals(run: RunQuery, query: RegisterQuery) -> RegisterCounts:
    def build_releases_sql(filters: Mapping[str, Any]) -> str:
        conditions = " and ".join(build_removal_filters(filters))
        return f"select o.release from removals o where {conditions} order by o.confirmed desc"

    return await count_register_entries(run, query, build_releases_sql)


def build_removal_filters(filters: Mapping[str, Any]) -> list[str]:
    """Return the filters as SQL conditions.

    Moves are listed only if that kind is selected. A release that was found elsewhere by the check that confirmed its
    absence counts only as moved.
    """
    conditions = ["o.confirmed is not null", "o.confirmed is not o.ended", f"o.release not in ({HIDDEN_RELEASES_SQL})"]
    conditions.append("o.kind = :kind" if filters["kind"] else "o.kind <> 'moved'")
    if filters["agency"]:
        conditions.append("o.release in (select id from releases where agency = :agency)")
    if filters["tag"] is not None:
        conditions.append("o.release in (select rt.release from release_tags rt where rt.tag = :tag)")
    if filters["back"]:
        conditions.append("o.ended is not null")
    return conditions


async def read_takedowns_page(run: RunQuery, query: RegisterQuery) -> ListPage:
    where = "where t.id < :after" if query.after is not None else ""
    rows = await run(f"{TAKEDOWNS_SQL} {where} order by t.id desc limit :limit", query.build_sql_values())
    return take_page(rows, query.size)


async def read_active_takedowns(run: RunQuery, release_id: int) -> list[Mapping[str, Any]]:
    """Return the takedowns in force for a release, those that hide it first."""
    rows = await run(
        f"{TAKEDOWNS_SQL} where t.release = :release and t.lifted is null order by t.kind, t.id",
        {"release": release_id},
    )
    return [dict(row) for row in rows]
