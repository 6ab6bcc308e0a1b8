"""Reads the lists of edits, removals and takedowns, newest first, and counts their entries.

Edits are changes that agencies made to published releases. Removals are confirmed absences. A
release that a takedown hides appears only in the list of takedowns.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from itertools import groupby
from typing import Any

from archive.changes.field_differences import IS_FILE_EDIT_SHOWN_SQL
from archive.changes.history import (
    FOUND_AT_COLUMN,
    RELEASE_CHAIN_CTE,
    TAKEDOWNS_SQL,
    add_observations,
    classify_update_stamp,
    find_last_seen,
    read_preceding_revisions,
)
from archive.database.removals import REMOVAL_KINDS
from archive.database.sqlite_files import FacetValue, ListPage, RunQuery, take_page
from archive.i18n import IMPORTANCE_LEVELS, swedish_sort_key, to_swedish_day
from archive.urls import (
    FilterError,
    UrlArguments,
    format_day_start,
    parse_choice_parameter,
    parse_day_parameter,
    parse_number_parameter,
)

# Whether the agency changed its own update date with an edit: yes, no, or the page has no update
# date.
UPDATE_STAMPS = ("moved", "not moved", "none told")


# Registers

REGISTER_PAGE_SIZE = 50
MAX_REGISTER_PAGE_SIZE = 1000  # entries of a page of JSON or CSV
MAX_COUNTED_ENTRIES = 5_000  # if there are more, the register shows "more than"
MAX_CONSECUTIVE_EDITS = 3  # consecutive edits of one release that are shown ungrouped
MIN_FRONT_PAGE_IMPORTANCE = 20
FRONT_PAGE_CANDIDATES = 30  # newest edits that the front page chooses from

# The first has every column that the filters need, in the order of the register. SQLite would
# choose a smaller one, and read the rows, too.
_EDITS_BY_TIME, _EDITS_BY_RELEASE = "idx_revisions_edits", "idx_revisions_edited"
HIDDEN_RELEASES_SQL = "select id from releases where takedown = 'hidden'"
# the narrow rows of release_facets are read faster, but moved releases have none
_ENTRY_AGENCIES_SQL = """
    with found as materialized ({found})
    select count(*) as entries, iif(count(*) <= {most}, (
        select json_group_array(coalesce(l.agency, r.agency)) from found
        left join release_facets l on l.release = found.release
        left join releases r on r.id = iif(l.release is null, found.release, null)),
      '[]') as agencies from found
"""
# all entries of the register, by agency
_ALL_EDITS_SQL = """
    select agency, sum(n) as n from (
      select agency, edits as n from edit_counts
      union all select r.agency, -1 from releases r cross join revisions v on v.release = r.id
        where r.takedown = 'hidden' and v.is_edit
      union all select r.agency, 1 from ({file_edits}) e cross join releases r on r.id = e.release)
    group by agency
"""
# how many releases the filters select at most, and of how many
_SELECTED_SQL = """
    select (select releases from month_counts where agency = '' and month = '') as total,
      min(iif(:release is null, 1e18, 1),
        iif(:tag is null, 1e18, (select ifnull(sum(releases), 0) from tag_counts where tag = :tag)),
        iif(:agency is null, 1e18, (select ifnull(sum(releases), 0) from month_counts
          where agency = :agency and month = ''))) as selected
"""
UPDATE_STAMP_CONDITIONS = {  # one condition for each of UPDATE_STAMPS
    "moved": "v.update_date_changed = 1",
    "not moved": "v.update_date_changed = 0 and v.updated is not null",
    "none told": "v.update_date_changed = 0 and v.updated is null",
}
EDIT_COLUMNS = """
    v.id, v.release, v.previous, v.seen, v.update_date_changed, v.importance,
      v.summary, v.summary_en, v.changes,
    v.reverts_to, v.title, v.language, v.updated, v.capture, r.agency, r.url, r.removed_at, a.name,
      a.name_en, v.cause, v.parser_version, v.seen as "when"
"""
# an edit of the release itself, or of a file that it links to; or a difference between two readings
# of a collection, which is not an edit and only listed on request; so is an edit that web archives
# captured before the archive itself read the page
EDIT_KINDS = ("text", "file", "collection", "past")
# when a collection first had a revision that follows another one
READING_TIME_SQL = "(select min(seen) from observations where revision = v.id)"
# kind → time and id of an entry; tables, of which x has the release; condition
_OTHER_EDITS = {
    "collection": (
        (READING_TIME_SQL, "v.id"),
        "revisions v join revisions x on x.id = v.id",
        "v.cause = 'import' and v.previous is not null and v.changes <> '[]'",
    ),
    "past": (
        ("v.seen", "v.revision"),
        "past_edits v join revisions x on x.id = v.revision",
        "v.is_edit and v.changes <> '[]'",
    ),
}
# a file that several releases link to is one entry, with the newest of those that the filters
# select
FILE_EDIT_COLUMNS = f"""
    -v.id as id, v.id as attachment, found.release, v.previous, v.first_seen as seen, v.importance,
      v.summary,
    v.summary_en, v.changes, null as reverts_to, r.title, r.language, null as capture,
      r.agency, r.url, r.removed_at,
    a.name, a.name_en, p.last_seen as last_seen_before, v.url as file_url,
    (select t.title from attachments t where t.release = found.release
      and t.url = v.url) as file_title,
    (select count(*) from attachment_edits e where e.version = v.id
      and {IS_FILE_EDIT_SHOWN_SQL}) as releases
"""
PAST_EDIT_COLUMNS = """
    v.id, v.release, p.previous, p.seen, p.importance, p.summary, p.summary_en, p.changes,
    null as reverts_to, v.title, v.language, v.updated, v.capture, r.agency, r.url, r.removed_at,
    a.name, a.name_en, v.cause, v.parser_version, p.seen as "when"
"""
FILE_EDIT_JOINS = """
    attachment_versions v on v.id = -found.id join attachment_versions p on p.id = v.previous
    join releases r on r.id = found.release join agencies a on a.slug = r.agency
"""
EDIT_JOINS = (
    "revisions v on v.id = found.id join releases r on r.id = v.release join agencies a on"
    " a.slug = r.agency"
)
_OTHER_COLUMNS = {
    "past": (PAST_EDIT_COLUMNS, f"{EDIT_JOINS} join past_edits p on p.revision = v.id")
}
REMOVAL_COLUMNS = f"""
    o.id, o.release, o.kind, o.first_seen, o.last_seen, o.checks, o.confirmed,
      o.ended, o.status, o.target, o.moved_to,
    o.capture, r.title, r.language, r.agency, r.url, r.revision, r.published, a.name, a.name_en,
    {FOUND_AT_COLUMN}
"""
REMOVAL_JOINS = (
    "removals o cross join releases r on r.id = o.release cross join agencies a on a.slug ="
    " r.agency"
)

Entry = dict[str, Any]  # a row of a register


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterQuery:
    """A request for a page of edits, removals or takedowns.

    `filters` maps each URL parameter to its value, or to None if the parameter is missing.
    """

    filters: Mapping[str, Any]
    after: int | None = None  # id of the last entry of the previous page
    size: int = REGISTER_PAGE_SIZE
    # what the words of the parameter `q` were found in (archive.search.results), if it was given
    search: Any = None

    def build_sql_values(self) -> dict[str, Any]:
        days = {
            "since": format_day_start(self.filters.get("from")),
            "until": format_day_start(self.filters.get("to"), next_day=True),
        }
        return {**self.filters, **days, "after": self.after, "limit": self.size + 1}


def parse_register_query(
    args: UrlArguments, size: int, filters: Mapping[str, Any], *, signed: bool = False
) -> RegisterQuery:
    """Parse a request for a page of a list. Raises FilterError if a parameter is invalid.

    size: the number of entries on a page if the URL does not state a number.
    signed: whether ids may be negative, as for changed files in the list of edits.
    """
    return RegisterQuery(
        filters=filters,
        after=parse_number_parameter(args, "after", signed=signed),
        size=parse_number_parameter(args, "size", MAX_REGISTER_PAGE_SIZE) or size,
    )


async def check_agency(run: RunQuery, slug: str | None) -> None:
    """Raise FilterError if the archive has no agency with this slug."""
    if slug and not await run("select 1 from agencies where slug = :slug", {"slug": slug}):
        raise FilterError("agency", slug, "the slug of an agency", text_key="error.no_agency_value")


def _sum_counts(choices: Sequence[FacetValue], agency: str | None = None) -> int:
    return sum(choice.count for choice in choices if not agency or choice.value == agency)


async def _count_register_entries(
    run: RunQuery,
    query: RegisterQuery,
    build_releases_sql: Callable[[Mapping[str, Any]], str],
    counts_sql: str | None = None,
) -> dict[str, Any]:
    """Count the entries of a list: the number of entries that match all filters, and the number for
    each agency when the agency filter is ignored.

    The key `capped` of the result says whether there are more entries than `total`. `agencies`
    lists the agencies with entries, and the selected agency. If there are too many entries to count
    them per agency, `agencies` lists all agencies and `agencies_counted` is false.

    build_releases_sql: returns a SELECT of each entry's release and the time at which the entry was
        seen.
    counts_sql: SQL that reads the counts per agency. Without it, at most MAX_COUNTED_ENTRIES are
        counted.
    """
    values, limit, agency = (
        query.build_sql_values(),
        f" order by seen desc limit {MAX_COUNTED_ENTRIES + 1}",
        query.filters["agency"],
    )
    entries = 0
    if counts_sql:
        counts = Counter({row["agency"]: row["n"] for row in await run(counts_sql, {})})
    else:
        found = build_releases_sql({**query.filters, "agency": None}) + limit
        sql = _ENTRY_AGENCIES_SQL.format(found=found, most=MAX_COUNTED_ENTRIES)
        (row,) = await run(sql, values)
        entries, counts = row["entries"], Counter(json.loads(row["agencies"]))
    agencies = await run("select slug as value, name, name_en from agencies", {})
    choices = sorted(
        (FacetValue(**dict(row), count=counts[row["value"]]) for row in agencies),
        key=lambda choice: swedish_sort_key(choice.name),
    )
    countable, total = entries <= MAX_COUNTED_ENTRIES, entries
    if countable:
        total = _sum_counts(choices, agency)
    elif agency:
        counted = await run(
            f"select count(*) as n from ({build_releases_sql(query.filters)}{limit})", values
        )
        total = counted[0]["n"]
    return {
        "total": total if countable else min(total, MAX_COUNTED_ENTRIES),
        "capped": not countable and total > MAX_COUNTED_ENTRIES,
        "agencies": [
            choice for choice in choices if choice.count or not countable or choice.value == agency
        ],
        "agencies_counted": countable,
    }


def _check_words(words: object, kind: object) -> None:
    """Raise FilterError if words are to be searched for in replaced files, or in edits between web
    captures.

    The search index contains only the edits that the archive found in the text of releases.
    """
    if words and kind in ("file", "past"):
        text_key = "error.words_in_files" if kind == "file" else "error.words_in_past"
        raise FilterError("q", str(words), f"no words with kind={kind}", text_key)


def parse_edits_query(args: UrlArguments, size: int = REGISTER_PAGE_SIZE) -> RegisterQuery:
    since, until = parse_day_parameter(args, "from"), parse_day_parameter(args, "to")
    if since and until and since > until:
        raise FilterError(
            "from",
            str(since),
            "a day no later than `to`",
            text_key="error.bad_days",
            until=str(until),
        )
    filters = {
        "q": " ".join((args.get("q") or "").split()) or None,
        "agency": args.get("agency") or None,
        "release": parse_number_parameter(args, "release"),
        "tag": parse_number_parameter(args, "tag"),
        "unannounced": parse_number_parameter(args, "unannounced", 1) or None,
        "stamp": parse_choice_parameter(args, "stamp", UPDATE_STAMPS),
        "importance": parse_number_parameter(args, "importance", 100)
        or None,  # least importance of the edits
        "kind": parse_choice_parameter(args, "kind", EDIT_KINDS),
        "from": since,
        "to": until,
    }
    _check_words(filters["q"], filters["kind"])
    return parse_register_query(args, size, filters, signed=True)


async def read_edits_page(run: RunQuery, query: RegisterQuery) -> ListPage:
    """Return a page of edits.

    Each edit was made between `last_seen_before` (None if unknown) and `seen`.

    The id of a changed file is the negative id of its version, so that releases and files can be
    sorted together. `attachment` is None in rows for releases. Rows for files have no `stamp`,
    because the agency gives no update date for them. Rows for differences between two readings of a
    collection have no `stamp`, but contain the values that `add_observations` adds.
    """
    values, chain = query.build_sql_values(), _build_chain_cte(query.filters)
    index = await _choose_index(run, query.filters)
    kind = str(query.filters.get("kind"))
    if query.after is not None:
        (column, key), tables, _ = _OTHER_EDITS.get(kind, (("v.seen", "v.id"), "revisions v", ""))
        if query.after < 0:
            column, key, tables = "v.first_seen", "v.id", "attachment_versions v"
        sql = f"select {column} as seen from {tables} where {key} = :key"
        found = await run(sql, {"key": abs(query.after)})
        values["after_seen"] = found[0]["seen"] if found else None
    rows: list[Entry] = []
    for build_sql, columns, joins in (
        (partial(_build_text_edits_sql, index=index), EDIT_COLUMNS, EDIT_JOINS),
        (_build_other_sql, *_OTHER_COLUMNS.get(kind, (EDIT_COLUMNS, EDIT_JOINS))),
        (build_file_edits_sql, FILE_EDIT_COLUMNS, FILE_EDIT_JOINS),
    ):
        if sql := build_sql(query.filters, is_page=query.after is not None):
            limited = f"{sql} order by seen desc, id desc limit :limit"
            rows += map(
                dict,
                await run(
                    f"{chain} select {columns} from ({limited}) found cross join {joins}", values
                ),
            )
    texts = {row["id"]: row for row in rows if row["id"] > 0}
    preceding = await read_preceding_revisions(run, list(texts))
    if kind in _OTHER_EDITS:
        await add_observations(run, {**preceding, **texts})
    rows.sort(key=lambda row: (row.get("when", row["seen"]), row["id"]), reverse=True)
    page = take_page(rows, query.size)
    for row in page.rows:
        _describe_edit(row, preceding)
    return page


def _describe_edit(row: Entry, preceding: Mapping[int, Mapping[str, Any]]) -> None:
    """Add derived values to a row of the list of edits."""
    if past := row.get("past"):
        names = {
            "first_reading": "seen",
            "last_reading_before": "after",
            "collection": "collection",
        }
        row |= {name: past[key] for name, key in names.items()}
    is_file, collection = row["id"] < 0, row.get("collection")
    stamp = None
    if not is_file and not collection:
        stamp = classify_update_stamp(row["update_date_changed"], row["updated"])
    row |= {"stamp": stamp, "unannounced": stamp == "not moved"}
    if is_file:
        row["path"] = f"/-/attachment/{row['attachment']}"
        return
    row |= {
        "last_seen_before": None if collection else find_last_seen(row["previous"], preceding),
        "path": f"/-/diff/{row['previous']}/{row['id']}",
        "attachment": None,
    }


async def read_latest_edits(run: RunQuery, limit: int) -> list[Entry]:
    """Return the newest important edits for the front page, one per release."""
    query = RegisterQuery(
        filters={"importance": MIN_FRONT_PAGE_IMPORTANCE}, size=FRONT_PAGE_CANDIDATES
    )
    newest: dict[int, Entry] = {}
    for edit in (await read_edits_page(run, query)).rows:
        newest.setdefault(edit["release"], edit)
    return list(newest.values())[:limit]


async def count_edits(run: RunQuery, query: RegisterQuery) -> dict[str, Any]:
    """Count the edits that a query selects, in total and per agency."""
    index = await _choose_index(run, {**query.filters, "agency": None})

    def build_releases_sql(filters: Mapping[str, Any]) -> str:
        parts = _list_edit_parts(filters, index)
        joined = " union all ".join(f"select release, seen from ({sql})" for sql in parts)
        return f"{_build_chain_cte(filters)} {joined}"

    has_filters = any(value for name, value in query.filters.items() if name != "agency")
    all_sql = _ALL_EDITS_SQL.format(file_edits=build_file_edits_sql({}))
    return await _count_register_entries(
        run, query, build_releases_sql, None if has_filters else all_sql
    )


async def _choose_index(run: RunQuery, filters: Mapping[str, Any]) -> str:
    """Return the index with which a page of edits is read fastest.

    If the filters select few releases, it is faster to look up all edits of these releases than to
    go through all edits, newest first.
    """
    names = ("release", "tag", "agency")
    (row,) = await run(_SELECTED_SQL, {name: filters.get(name) for name in names})
    is_few = row["selected"] ** 2 < REGISTER_PAGE_SIZE * (row["total"] or 0)
    return _EDITS_BY_RELEASE if is_few else _EDITS_BY_TIME


def _build_chain_cte(filters: Mapping[str, Any]) -> str:
    return RELEASE_CHAIN_CTE if filters.get("release") is not None else ""


def _build_text_edits_sql(
    filters: Mapping[str, Any], *, is_page: bool = False, index: str = _EDITS_BY_TIME
) -> str:
    """Return a SELECT for the edits of releases' own text that match the filters.

    Returns "" if the filters exclude all such edits.

    is_page: select only the edits after the edit with the id :after, which was seen at :after_seen.
    """
    if filters.get("kind") in ("file", "collection", "past"):
        return ""
    # the plus: a page is full after a few edits in their order, however many releases there are
    release = "v.release" if index == _EDITS_BY_RELEASE else "+v.release"
    conditions = ["v.is_edit", *_build_edit_filters(filters, release=release, seen="v.seen")]
    if filters.get("edits") is not None:  # entries with the words of `q`
        conditions.append("v.id in (select value from json_each(:edits))")
    stamps = ("not moved" if filters.get("unannounced") else None, filters.get("stamp"))
    conditions += dict.fromkeys(UPDATE_STAMP_CONDITIONS[stamp] for stamp in stamps if stamp)
    if is_page:
        conditions.append("(v.seen, v.id) < (:after_seen, :after)")
    return (
        "select v.id, v.release, v.seen, v.importance from revisions v"
        f" indexed by {index} where {' and '.join(conditions)}"
    )


def _build_other_sql(filters: Mapping[str, Any], *, is_page: bool = False) -> str:
    """Return a SELECT for the matching edits that are known only from collections or web archives.

    These are differences between two readings of a collection, and edits between web captures.
    Returns "" if the filters exclude all such edits.
    """
    found = _OTHER_EDITS.get(str(filters.get("kind")))
    if found is None or filters.get("unannounced") or filters.get("stamp"):
        return ""
    (seen, key), tables, condition = found
    conditions = [condition, *_build_edit_filters(filters, release="+x.release", seen=seen)]
    if filters.get("edits") is not None:  # entries with the words of `q`
        conditions.append(f"{key} in (select value from json_each(:edits))")
    if is_page:
        conditions.append(f"({seen}, {key}) < (:after_seen, :after)")
    return (
        f"select {key} as id, x.release, {seen} as seen, v.importance from {tables}"
        f" where {' and '.join(conditions)}"
    )


def _list_edit_parts(filters: Mapping[str, Any], index: str) -> list[str]:
    parts = (
        _build_text_edits_sql(filters, index=index),
        _build_other_sql(filters),
        build_file_edits_sql(filters),
    )
    return [sql for sql in parts if sql]


def build_file_edits_sql(filters: Mapping[str, Any], *, is_page: bool = False) -> str:
    """Return a SELECT for the changes of attachments that match the filters.

    Each file is listed once, with the newest of the releases that link to it. Returns "" if the
    filters exclude all such changes.
    """
    if filters.get("kind") in ("text", "collection", "past"):
        return ""
    # the update date belongs to the release, and words are only looked up in its own text
    if filters.get("unannounced") or filters.get("stamp"):
        return ""
    if filters.get("edits") is not None:
        return ""
    of_release = " and ".join(
        [*_build_edit_filters(filters, release="+e.release"), IS_FILE_EDIT_SHOWN_SQL]
    )
    conditions = [
        "v.previous is not null",
        *_build_edit_filters(filters, seen="v.first_seen"),
        "release is not null",
    ]
    if is_page:
        conditions.append("(v.first_seen, -v.id) < (:after_seen, :after)")
    return (
        "select -v.id as id, v.first_seen as seen, v.importance,"
        " (select max(e.release) from attachment_edits e"
        f" where e.version = v.id and {of_release}) as release from attachment_versions v"
        f" where {' and '.join(conditions)}"
    )


def _build_edit_filters(
    filters: Mapping[str, Any], *, release: str = "", seen: str = ""
) -> list[str]:
    """Return the filters as SQL conditions.

    release: the column of the release. If it is "", conditions on releases are left out.
    seen: the column with the time of the edit. If it is "", conditions on edits are left out.
    """
    tests: dict[str, Any] = {}
    if release:
        tests |= {
            f"{release} not in ({HIDDEN_RELEASES_SQL})": True,
            f"{release} in (select id from releases where agency = :agency)": filters.get("agency"),
            f"{release} in (select id from chain)": filters.get("release"),
            f"{release} in (select rt.release from"
            f" release_tags rt where rt.tag = :tag)": filters.get("tag"),
        }
    if seen:
        tests |= {
            "v.importance >= :importance": filters.get("importance"),
            f"{seen} >= :since": format_day_start(filters.get("from")),
            f"{seen} < :until": format_day_start(filters.get("to"), next_day=True),
        }
    return [test for test, value in tests.items() if value is not None]


def group_edits(edits: Sequence[Entry]) -> list[Entry]:
    """Group further edits of a release under one edit, so that they do not fill the page.

    The first edit of a group holds the other edits in `grouped`, which is empty for an edit without
    a group. A group consists either of the edits in which a release returns to an earlier wording,
    or of more than MAX_CONSECUTIVE_EDITS consecutive edits of one release.
    """
    groups: list[list[Entry]] = []
    reverting_groups: dict[int, list[Entry]] = {}
    for streak in (list(group) for _, group in groupby(edits, key=lambda edit: edit["release"])):
        rows = [streak] if len(streak) > MAX_CONSECUTIVE_EDITS else [[edit] for edit in streak]
        for row in rows:
            is_revert = row[0]["reverts_to"] is not None
            earlier = (
                reverting_groups.get(row[0]["release"]) if len(row) == 1 and is_revert else None
            )
            if earlier is not None:
                earlier.extend(row)
                continue
            groups.append(row)
            if is_revert:
                reverting_groups.setdefault(row[0]["release"], row)
    return [first | {"grouped": rest} for first, *rest in groups]


def parse_removals_query(args: UrlArguments, size: int = REGISTER_PAGE_SIZE) -> RegisterQuery:
    filters = {
        "q": " ".join((args.get("q") or "").split()) or None,
        "agency": args.get("agency") or None,
        "kind": parse_choice_parameter(args, "kind", REMOVAL_KINDS),
        "tag": parse_number_parameter(args, "tag"),
        "back": parse_number_parameter(args, "back", 1)
        or None,  # only releases that were found again
    }
    return parse_register_query(args, size, filters)


async def read_removals_page(run: RunQuery, query: RegisterQuery) -> ListPage:
    conditions = _build_removal_filters(query.filters)
    if query.after is not None:
        conditions.append(
            "(o.confirmed, o.id) < (select confirmed, id from removals where id = :after)"
        )
    rows = await run(
        f"select {REMOVAL_COLUMNS} from {REMOVAL_JOINS} where {' and '.join(conditions)}"
        " order by o.confirmed desc, o.id desc limit :limit",
        query.build_sql_values(),
    )
    return take_page(rows, query.size)


async def count_removals(run: RunQuery, query: RegisterQuery) -> dict[str, Any]:
    def build_releases_sql(filters: Mapping[str, Any]) -> str:
        conditions = " and ".join(_build_removal_filters(filters))
        return f"select o.release, o.confirmed as seen from removals o where {conditions}"

    return await _count_register_entries(run, query, build_releases_sql)


def _build_removal_filters(filters: Mapping[str, Any]) -> list[str]:
    """Return the filters as SQL conditions.

    Moves are listed only if the type `moved` is selected. If the check that confirmed an absence
    found the release elsewhere, the release counts as moved, not as removed.
    """
    conditions = [
        "o.confirmed is not null",
        "o.confirmed is not o.ended",
        f"o.release not in ({HIDDEN_RELEASES_SQL})",
    ]
    conditions.append("o.kind = :kind" if filters["kind"] else "o.kind <> 'moved'")
    if filters["agency"]:  # it may have many releases, but removals are few
        conditions.append("(select agency from releases where id = o.release) = :agency")
    if filters["tag"] is not None:
        conditions.append(
            "o.release in (select rt.release from release_tags rt where rt.tag = :tag)"
        )
    if filters["back"]:
        conditions.append("o.ended is not null")
    if filters.get("removals") is not None:  # entries with the words of `q`
        conditions.append("o.id in (select value from json_each(:removals))")
    return conditions


async def read_takedowns_page(run: RunQuery, query: RegisterQuery) -> ListPage:
    where = "where t.id < :after" if query.after is not None else ""
    rows = await run(
        f"{TAKEDOWNS_SQL} {where} order by t.id desc limit :limit", query.build_sql_values()
    )
    return take_page(rows, query.size)


# Edits by week

EDIT_WEEKS = (53, 13, 4)  # weeks in the chart: the first number with few enough edits
MAX_WEEKLY_EDITS = 20_000  # counting takes about a microsecond for each
EDIT_HOURS_SQL = """
    {chain} select substr(e.seen, 1, 13) as hour, {level} as level, count(*) as n from ({edits}) e
      group by 1, 2
"""
IMPORTANCE_LEVEL_SQL = (  # position in IMPORTANCE_LEVELS; edits without an importance come last
    "case when e.importance is null then {last} {levels} end"
).format(
    last=len(IMPORTANCE_LEVELS),
    levels=" ".join(
        f"when e.importance >= {least} then {place}"
        for place, (least, _, _) in enumerate(IMPORTANCE_LEVELS)
    ),
)
FIRST_CRAWL_SQL = """
    select min((select c.started from crawls c where c.agency = a.slug order by c.started
      limit 1)) as started
    from agencies a where :agency is null or a.slug = :agency
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditWeek:
    """The number of edits found in one week (Monday to Sunday, Swedish time).

    counts: the number of edits at each level in IMPORTANCE_LEVELS, then the number of edits that
        have no level.
    """

    first: date
    last: date
    counts: Sequence[int]


async def read_first_crawl(run: RunQuery, agency: str | None = None) -> date | None:
    """Return the day (Swedish time) on which an agency was first crawled, or None before its first
    crawl.

    agency: if None, the first crawl of any agency counts.
    """
    started = (await run(FIRST_CRAWL_SQL, {"agency": agency}))[0]["started"]
    return to_swedish_day(started) if started else None


async def count_edits_by_week(
    run: RunQuery, query: RegisterQuery, first: date, today: date
) -> list[EditWeek]:
    """Count the selected edits by week.

    The last week contains the day `to` of the query, or today if `to` is not set or is later.
    EDIT_WEEKS lists possible numbers of weeks, largest first. The first number for which at most
    MAX_WEEKLY_EDITS edits have to be counted is used. If there is none, the last number is used.

    first: the day on which the archive began to record edits.
    """
    last = min(query.filters["to"] or today, today)
    first = max(query.filters["from"] or first, first)
    index = await _choose_index(run, query.filters)
    for number in EDIT_WEEKS:
        first = max(first, last - timedelta(days=last.weekday(), weeks=number - 1))
        query = replace(query, filters={**query.filters, "from": first, "to": last})
        parts = _list_edit_parts(query.filters, index)
        edits = " union all ".join(f"select seen, importance from ({sql})" for sql in parts)
        chain, values = _build_chain_cte(query.filters), query.build_sql_values()
        limited = (
            f"{chain} select count(*) as n from (select 1 from ({edits}) limit"
            f" {MAX_WEEKLY_EDITS + 1})"
        )
        if (await run(limited, values))[0]["n"] <= MAX_WEEKLY_EDITS:
            break
    weeks = _list_weeks(first, last)
    if not weeks:
        return []
    counts = [[0] * (len(IMPORTANCE_LEVELS) + 1) for _ in weeks]
    # Swedish days start on the hour in UTC
    starts = [(format_day_start(start) or "")[:13] for start, _ in weeks]
    sql = EDIT_HOURS_SQL.format(chain=chain, level=IMPORTANCE_LEVEL_SQL, edits=edits)
    for row in await run(sql, values):
        counts[bisect_right(starts, row["hour"]) - 1][row["level"]] += row["n"]
    return [
        EditWeek(first=start, last=end, counts=found)
        for (start, end), found in zip(weeks, counts, strict=True)
    ]


def _list_weeks(first: date, last: date) -> list[tuple[date, date]]:
    weeks = []
    while first <= last:
        end = min(first + timedelta(days=6 - first.weekday()), last)
        weeks.append((first, end))
        first = end + timedelta(days=1)
    return weeks
