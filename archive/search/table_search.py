"""The query language for Datasette's own search of the table releases (`_search=`).

Datasette builds the condition `rowid in (select rowid from search where search match
escape_fts(:search))`. Filters that FTS5 cannot express (myndighet:, från:, fråga:, only -this)
become a further condition.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archive.database.sqlite_files import RunQuery
from archive.search.column_cache import ColumnCache
from archive.search.edited_words import resolve_query
from archive.search.former_versions import find_former_hits
from archive.search.query_language import find_terms, parse_query
from archive.search.query_sql import MATCH_NOTHING, build_current_sql, build_plan, match_word
from archive.search.ranking import HitFinder
from archive.search.search_index import EVERY_RELEASE
from archive.search.search_request import SearchRequest

MATCH_ALL = f'"{EVERY_RELEASE}"'  # the FTS5 expression of every release


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSearch:
    """A search as the FTS5 expression for escape_fts, and SQL conditions on `releases`."""

    match: str
    conditions: Sequence[str] = ()
    values: dict[str, Any]


async def plan_table_search(
    run: RunQuery, columns: ColumnCache, text: str, *, all_versions: bool
) -> TableSearch | None:
    """Translate a search of the table releases; return None for a search for nothing."""
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
    """Return the FTS5 expression for a visitor's text; it matches nothing if that has no words."""
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
