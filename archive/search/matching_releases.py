"""Finds which releases match a search, without ranking them or building excerpts.

Datasette's own search of the `releases` table (`_search=`) also uses this module, so that it
understands the query language. Datasette builds the condition `rowid in (select rowid from search
where search match escape_fts(:search))`. Parts of a query that FTS5 cannot express (myndighet:,
från:, fråga:, or only excluded words) become a further condition.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archive.database.sqlite_files import RunQuery, run_without_waiting
from archive.search.column_cache import ColumnCache
from archive.search.edited_words import resolve_query
from archive.search.former_versions import find_former_hits, find_versions
from archive.search.marked_words import iter_leaves
from archive.search.query_language import SearchNote, find_terms, parse_query
from archive.search.query_sql import (
    MATCH_NOTHING,
    ResolvedNames,
    SearchPlan,
    build_current_sql,
    build_facet_conditions,
    build_hits_sql,
    build_match,
    build_plan,
    extract_filters,
    match_word,
    plan_search,
    select_ids,
)
from archive.search.ranking import HitFinder
from archive.search.search_index import EVERY_RELEASE
from archive.search.search_request import SearchRequest

MATCH_ALL = f'"{EVERY_RELEASE}"'  # the FTS5 expression of every release


async def match_releases(
    run: RunQuery, request: SearchRequest, releases: Iterable[int]
) -> set[int]:
    """Return the given releases whose current version matches a request."""
    names, _ = await resolve_query(run, request.query.tree)
    return await filter_releases(run, request, build_plan(request.query.tree, names), releases)


async def match_versions_before(
    run: RunQuery, request: SearchRequest, edits: Mapping[int, tuple[int | None, int]]
) -> set[int]:
    """Return those of the given edits whose preceding version matched a request.

    edits: a map from the revision that an edit created to a pair: the revision before it, and the
        last row of its release's chain (releases.continues_as). The filters of the request are
        compared with this row.
    """
    tree = request.query.tree
    if not edits or request.query.has_edits or not any(iter_leaves(tree)):
        return set()
    names, _ = await resolve_query(run, tree)
    versions = {version for version, _ in edits.values() if version}
    found = await find_versions(run, tree, names, among=versions)
    matching = set().union(*found.versions.values())
    plan = build_plan(extract_filters(tree), names)
    releases = {release for version, release in edits.values() if version in matching}
    allowed = await filter_releases(run, request, plan, releases)
    return {
        edit
        for edit, (version, release) in edits.items()
        if version in matching and release in allowed
    }


async def filter_releases(
    run: RunQuery, request: SearchRequest, plan: SearchPlan, releases: Iterable[int]
) -> set[int]:
    """Return the given releases that match a plan, and whose facet values a request allows."""
    conditions = [
        *plan.conditions,
        *build_facet_conditions(request, plan, None, facets_in_match=False),
    ]
    if plan.match:
        conditions.append(f"search match {plan.bind(plan.match)}")
    sql = (
        "select l.release as id from"
        " json_each(:releases) c"
        " cross join release_facets l on l.release = c.value"
        f"{' cross join search on search.rowid = l.release' if plan.match else ''}"
        f" where {' and '.join(conditions) or 'true'}"
    )
    values = {**plan.values, "releases": json.dumps(sorted(set(releases)))}
    return set(await select_ids(run, sql, values))


def list_matching(
    run: RunQuery, request: SearchRequest
) -> tuple[Sequence[int], Sequence[SearchNote]]:
    """Return all releases that match a request, unsorted, and notes on how the query was
    understood.

    run: a query runner that does not wait (build_connection_runner).
    """
    names, notes = run_without_waiting(resolve_query(run, request.query.tree))
    releases = run_without_waiting(read_current(run, request, names))
    if request.all_versions:
        columns = run_without_waiting(ColumnCache().refresh(run))
        finder = HitFinder(run=run, columns=columns, request=request, names=names)
        former = run_without_waiting(find_former_hits(finder, None))
        releases = list(dict.fromkeys([*releases, *former.ids]))
    return releases, [*request.query.notes, *request.notes, *notes]


async def read_current(run: RunQuery, request: SearchRequest, names: ResolvedNames) -> list[int]:
    """Return all releases whose current version matches a request, unsorted."""
    plan = plan_search(request, names)
    hits = build_hits_sql(request, plan, build_match(request, plan))
    return await select_ids(run, f"select distinct release as id from ({hits})", plan.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSearch:
    """A search of the `releases` table: the FTS5 expression for escape_fts, and SQL conditions."""

    match: str
    conditions: Sequence[str] = ()
    values: dict[str, Any]


async def plan_table_search(
    run: RunQuery, columns: ColumnCache, text: str, *, all_versions: bool
) -> TableSearch | None:
    """Translate a search of the `releases` table into an FTS5 expression and SQL conditions.

    Return None if no conditions are needed: match_table_search then returns the whole expression.
    """
    query = parse_query(text)
    names, _ = await resolve_query(run, query.tree)
    plan = build_plan(query.tree, names)
    if all_versions:
        request = SearchRequest(text=text)
        columns = await columns.refresh(run)
        finder = HitFinder(run=run, columns=columns, request=request, names=names)
        former = await find_former_hits(finder, None)
        plan.values["former"] = json.dumps(former.ids)
        matching = f"id in ({build_current_sql(plan)} union select value from json_each(:former))"
        return TableSearch(match=MATCH_ALL, conditions=[matching], values=plan.values)
    if query.is_blank or (query.tree and not plan.conditions and not text.startswith(MATCH_ALL)):
        return None
    where = " and ".join(plan.conditions)
    return TableSearch(
        match=f"{MATCH_ALL} AND ({plan.match})" if plan.match else MATCH_ALL,
        conditions=[f"id in (select l.release from release_facets l where {where})"]
        if where
        else [],
        values=plan.values,
    )


async def match_table_search(run: RunQuery, text: str) -> str:
    """Return the FTS5 expression for a visitor's text. A text without words matches nothing.

    A filter that FTS5 cannot express is searched for as words.
    """
    if text.startswith(MATCH_ALL):
        return text
    tree = parse_query(text).tree
    names, _ = await resolve_query(run, tree)
    plan = build_plan(tree, names)
    if not plan.conditions:
        return plan.match or MATCH_NOTHING
    # a filter cannot be expressed here, so its parts are searched for as words
    words = text.replace(":", " ")
    terms = [" ".join(term.words) for term in find_terms(parse_query(words).tree)]
    matches = [f"({match})" for match in filter(None, map(match_word, terms))]
    return " AND ".join(matches) or MATCH_NOTHING
