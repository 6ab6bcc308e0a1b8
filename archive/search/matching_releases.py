"""Which releases match a stored search: for callers that need neither ranks nor excerpts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence

from archive.changes.history import read_version_texts
from archive.database.sqlite_files import RunQuery, run_without_waiting
from archive.search.former_versions import find_former_hits, read_edits, resolve_query
from archive.search.marked_words import OccurrenceFinder, iter_leaves
from archive.search.query_language import OrNode, SearchNote, join_nodes
from archive.search.query_sql import (
    SearchPlan,
    build_facet_conditions,
    build_hits_sql,
    build_match,
    build_plan,
    extract_filters,
    plan_search,
    select_ids,
)
from archive.search.ranking import HitFinder
from archive.search.search_index import ColumnCache
from archive.search.search_request import SearchRequest


async def match_releases(
    run: RunQuery, request: SearchRequest, releases: Iterable[int]
) -> set[int]:
    """Return those of some releases whose current version matches a request."""
    names, _ = await resolve_query(run, request.query.tree)
    return await _filter_releases(run, request, build_plan(request.query.tree, names), releases)


async def match_versions_before(
    run: RunQuery, request: SearchRequest, edits: Mapping[int, tuple[int | None, int]]
) -> set[int]:
    """Return those of some edits before which a version matched a request.

    edits: the revision of each → the revision before it, and the last row of its release, which
    the filters of the request are about.
    """
    tree = request.query.tree
    leaf = join_nodes(OrNode, list(iter_leaves(tree)))
    if not edits or not tree or not leaf or request.query.has_edits:
        return set()
    names, _ = await resolve_query(run, tree)
    # whatever made a release match no more removed one of the words, or added one that is
    # excluded
    sides = [await read_edits(run, leaf, names, added=added) for added in (False, True)]
    found = {edit: row for edit, row in edits.items() if any(edit in side for side in sides)}
    plan = build_plan(extract_filters(tree), names)
    allowed = await _filter_releases(run, request, plan, {release for _, release in found.values()})
    finder, matching = OccurrenceFinder(tree, names.prefix_lemmas), set()
    for edit, (previous, release) in found.items():
        if release not in allowed:
            continue
        states = await read_version_texts(run, [previous])  # one at a time: they may be long
        if any(finder.is_in(state) for state in states.values()):
            matching.add(edit)
    return matching


async def _filter_releases(
    run: RunQuery, request: SearchRequest, plan: SearchPlan, releases: Iterable[int]
) -> set[int]:
    """Keep the releases that meet a plan and have the facet values of a request."""
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
    """Return all releases that match a request, in no order, and the notes about the request.

    run: a query runner that does not wait (build_connection_runner).
    """
    names, notes = run_without_waiting(resolve_query(run, request.query.tree))
    plan = plan_search(request, names)
    hits = build_hits_sql(request, plan, build_match(request, plan))
    sql = f"select distinct release as id from ({hits})"
    releases = run_without_waiting(select_ids(run, sql, plan.values))
    if request.all_versions:
        columns = run_without_waiting(ColumnCache().refresh(run))
        finder = HitFinder(run=run, columns=columns, request=request, names=names)
        former = asyncio.run(find_former_hits(finder, None))
        releases = list(dict.fromkeys([*releases, *former.ids]))
        notes += [SearchNote("many_former")] if former.capped else []
    return releases, [*request.query.notes, *request.notes, *notes]
