"""Finds the edits that removed or added words, for `removed:`, `added:` and the search in lists of
edits.

A word or phrase counts as removed if it occurs more often in the whole text of the release before
the edit than after it, and as added if it occurs less often. The index (`search_diff`) stores this
difference for single words, and the changed paragraphs for phrases. The stored texts are compared
for words with a star, for NEAR, and for the few edits in which the same part of a query occurs in
both the removed and the added text.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from archive.changes.history import read_version_texts
from archive.database.sqlite_files import RunQuery
from archive.search.document_references import build_reference_terms
from archive.search.marked_words import OccurrenceFinder, evaluate, iter_leaves
from archive.search.query_language import (
    QUOTED,
    WORD,
    AndNode,
    EditNode,
    NearNode,
    OrNode,
    QueryLeaf,
    QueryNode,
    ReferenceNode,
    SearchNote,
    TermNode,
    list_days,
)
from archive.search.query_sql import (
    MATCH_NOTHING,
    IndexTable,
    ResolvedNames,
    SearchPlan,
    build_node_match,
    iter_nodes,
    match_changed_word,
    resolve_names,
    split_number,
)
from archive.search.search_index import DIFF_COLUMNS, DIFF_ROWS, SIDES
from archive.search.state_texts import WHOLE

CHECK_BATCH = 50  # edits whose texts are read at a time
DIFF_INDEX = IndexTable(
    table="search_diff", text_columns="", fields=DIFF_COLUMNS, has_whole_prefixes=True
)
EDITS_SQL = """
    select json_group_array(v.id) as edits,
      json_group_array(coalesce(r.continues_as, r.id)) as releases
    from search_diff f cross join {revisions}
    cross join releases r on r.id = v.release
    where search_diff match :match
"""
MONTH_ONLY_SQL = (
    "select 1 from release_facets where sort_date = :month and sort_day is not null limit 1"
)
AGENCY_EDITS_SQL = EDITS_SQL.format(
    revisions="revisions v indexed by idx_revisions_edit_release"
    f" on v.id = f.rowid / {DIFF_ROWS} and v.is_edit"
)
COLLECTION_CHANGES_SQL = EDITS_SQL.format(
    revisions=f"revisions v on v.id = f.rowid / {DIFF_ROWS} and v.cause = 'import'"
)
# edits after which a version lacks a reference that the one before has, and the other way round
REFERENCE_EDITS_SQL = """
    select json_group_array(v.id) as edits,
      json_group_array(coalesce(r.continues_as, r.id)) as releases
    from (select distinct v.id, v.release from document_references d
      cross join revisions v on v.{own} = d.revision
      cross join revisions own on own.id = v.{own}
      cross join revisions other on other.id = v.{other}
      where {wanted} and {cause} and v.previous is not null and {is_in_other}
        and not exists (select 1 from document_references d
          where d.revision = other.id and {wanted} and {is_in_own})) v
    cross join releases r on r.id = v.release
"""
# whether a version has the list that a reference is in: otherwise it counts in neither of two
IS_LISTED_SQL = """
    case d.field when 'question' then {version}.questions when 'answer' then {version}.questions
      when 'caption' then {version}.images else '' end is not null
"""
EDIT_SIDES_SQL = (
    "select id, previous from revisions where id in (select value from json_each(:ids))"
)

Result = TypeVar("Result")
State = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedLeaf:
    """The edits that removed a word, phrase or NEAR group, and the edits that added it.

    uncertain: the edits for which only the stored texts show what was removed or added.
    """

    removed: set[int]
    added: set[int]
    uncertain: set[int]

    def holds(self, edit: int, edits: set[int]) -> bool | None:
        """Return whether an edit is in `edits`, which must be either `removed` or `added`.

        Return None if this is uncertain.
        """
        if edit not in edits:
            return False
        return None if edit in self.uncertain else True


async def resolve_query(
    run: RunQuery, tree: QueryNode | None
) -> tuple[ResolvedNames, list[SearchNote]]:
    """Look up the names, prefixes and edits in a query. Return what was found, and notes for the
    visitor.

    The notes are about names that do not exist and similar problems (resolve_names), and about
    releases that the query leaves out because they state only a month.
    """
    names, notes = await resolve_names(run, tree)
    notes += await _list_month_notes(run, tree)
    edits: dict[EditNode, Mapping[int, int]] = {}
    for node in iter_nodes(tree):
        if isinstance(node, EditNode) and node not in edits:
            found = await find_edits(run, node, names) or {}
            newest: dict[int, int] = {}
            for edit in sorted(found, reverse=True):
                newest.setdefault(found[edit], edit)
            edits[node] = newest
    return replace(names, edits=edits), notes


async def _list_month_notes(run: RunQuery, tree: QueryNode | None) -> list[SearchNote]:
    """Return a note if a query with a start date leaves out releases that state only a month.

    Such a release counts as published on the first of the month, so a query that begins later in
    the month leaves it out.
    """
    first = max(list_days(tree, "from"), default="")
    month = first[:7]
    if not first or first == f"{month}-01" or not await run(MONTH_ONLY_SQL, {"month": month}):
        return []
    return [SearchNote("month_only", month)]


async def find_edits(
    run: RunQuery, tree: QueryNode, names: ResolvedNames, *, of_collections: bool = False
) -> dict[int, int] | None:
    """Return a map from each edit that matches a query to the release that was edited.

    A release is identified by the last row of its chain (releases.continues_as). Words outside
    removed: and added: match if the edit removed or added them. Filters are ignored. Return None if
    the query has no words that an edit must have changed.

    of_collections: find differences between readings of collections instead.
    """
    releases: dict[int, int] = {}
    leaves = {
        leaf: await _read_leaf(run, leaf, names, releases, of_collections=of_collections)
        for leaf in iter_changed(tree)
    }
    candidates = _restrict(tree, lambda leaf: leaves[leaf].removed | leaves[leaf].added, leaves)
    if candidates is None:
        return None
    found, to_check = [], []
    for edit in candidates:
        value = evaluate(tree, partial(_holds, leaves, edit))
        if value is None and any(edit in leaf.uncertain for leaf in leaves.values()):
            to_check.append(edit)
        elif value is not False:
            found.append(edit)
    found += await _check_edits(run, tree, names, leaves, sorted(to_check))
    return {edit: releases[edit] for edit in found}


def iter_changed(tree: QueryNode | None) -> Iterator[QueryLeaf]:
    """Yield the words, phrases, NEAR groups and references of a query, including those in removed:
    and added:.
    """
    yield from iter_leaves(tree)
    for node in iter_nodes(tree):
        if isinstance(node, EditNode):
            yield from iter_leaves(node.removed)
            yield from iter_leaves(node.added)


async def _read_leaf(
    run: RunQuery,
    leaf: QueryLeaf,
    names: ResolvedNames,
    releases: dict[int, int],
    *,
    of_collections: bool,
) -> ChangedLeaf:
    """Return the edits that removed or added a part of a query.

    The releases of these edits are added to `releases`.
    """
    if isinstance(leaf, ReferenceNode):
        return await _read_reference(run, leaf, releases, of_collections=of_collections)
    sql = COLLECTION_CHANGES_SQL if of_collections else AGENCY_EDITS_SQL
    match, is_certain = _match_leaf(leaf, names)
    sides = []
    for side in SIDES:
        values = {"match": f'scope: "{side}{leaf.field or WHOLE}" AND ({match or MATCH_NOTHING})'}
        (row,) = await run(sql, values)
        edits = json.loads(row["edits"])
        releases.update(zip(edits, json.loads(row["releases"]), strict=True))
        sides.append(set(edits))
    removed, added = sides
    uncertain = removed & added if is_certain else removed | added
    return ChangedLeaf(removed=removed, added=added, uncertain=uncertain)


async def _read_reference(
    run: RunQuery, leaf: ReferenceNode, releases: dict[int, int], *, of_collections: bool
) -> ChangedLeaf:
    """Return the edits that removed a reference from a release, and the edits that added it.

    The releases of these edits are added to `releases`. If a release refers to a document several
    times, an edit that changes only the number of these references does not count.
    """
    plan = SearchPlan()
    terms = {
        "wanted": build_reference_terms(leaf, plan.bind),
        "cause": "v.cause = 'import'" if of_collections else "v.is_edit",
        "is_in_own": IS_LISTED_SQL.format(version="own"),
        "is_in_other": IS_LISTED_SQL.format(version="other"),
    }
    sides = []
    for own, other in (("previous", "id"), ("id", "previous")):
        sql = REFERENCE_EDITS_SQL.format(own=own, other=other, **terms)
        (row,) = await run(sql, plan.values)
        edits = json.loads(row["edits"])
        releases.update(zip(edits, json.loads(row["releases"]), strict=True))
        sides.append(set(edits))
    return ChangedLeaf(removed=sides[0], added=sides[1], uncertain=set())


def _match_leaf(leaf: TermNode | NearNode, names: ResolvedNames) -> tuple[str, bool]:
    """Return an FTS5 expression for `search_diff`, and whether its matches are certain.

    An uncertain expression may match an edit that did not change how often the part of the query
    occurs. The stored texts of such edits must be compared.

    leaf: the part of the query to translate.
    """
    if isinstance(leaf, NearNode):  # it also finds words in two paragraphs
        return build_node_match(replace(leaf, field="text"), names, DIFF_INDEX), False
    word = leaf.words[0] if len(leaf.words) == 1 else ""
    is_word = leaf.match == WORD and not leaf.is_prefix
    if not word or (is_word and split_number(word)):
        return build_node_match(replace(leaf, field="text"), names, DIFF_INDEX), True
    if is_word:
        return match_changed_word(word), True
    match = build_node_match(replace(leaf, field="terms"), names, DIFF_INDEX)
    return match, not leaf.is_prefix or leaf.match == QUOTED


def _restrict(
    node: QueryNode | None,
    pick: Callable[[QueryLeaf], set[int]],
    leaves: Mapping[QueryLeaf, ChangedLeaf],
) -> set[int] | None:
    """Return a set that includes all edits that match a query, or None if any edit may match.

    pick: a function that returns the edits that may have changed a word or phrase.
    """
    if isinstance(node, QueryLeaf):
        return pick(node)
    if isinstance(node, EditNode):
        removed = _restrict(node.removed, lambda leaf: leaves[leaf].removed, leaves)
        added = _restrict(node.added, lambda leaf: leaves[leaf].added, leaves)
        sides = [side for side in (removed, added) if side is not None]
        return set.intersection(*sides) if sides else set()
    if not isinstance(node, AndNode | OrNode):
        return None
    parts = [_restrict(part, pick, leaves) for part in node.parts]
    known = [part for part in parts if part is not None]
    if not known or (isinstance(node, OrNode) and len(known) < len(parts)):
        return None
    return set.union(*known) if isinstance(node, OrNode) else set.intersection(*known)


def _holds(leaves: Mapping[QueryLeaf, ChangedLeaf], edit: int, node: QueryNode) -> bool | None:
    """Return whether an edit made the change that a part of a query requires.

    Return None if only the stored texts show this, or if the part is a filter.
    """
    if isinstance(node, EditNode):
        return _holds_on_sides(
            node,
            lambda leaf: leaves[leaf].holds(edit, leaves[leaf].removed),
            lambda leaf: leaves[leaf].holds(edit, leaves[leaf].added),
        )
    if isinstance(node, QueryLeaf):
        return leaves[node].holds(edit, leaves[node].removed | leaves[node].added)
    return None


def _holds_on_sides(
    node: EditNode,
    was_removed: Callable[[QueryLeaf], bool | None],
    was_added: Callable[[QueryLeaf], bool | None],
) -> bool | None:
    sides = [(node.removed, was_removed), (node.added, was_added)]
    values = {evaluate(tree, holds) for tree, holds in sides if tree is not None}
    return False if False in values else None if None in values else True


async def _check_edits(
    run: RunQuery,
    tree: QueryNode,
    names: ResolvedNames,
    leaves: Mapping[QueryLeaf, ChangedLeaf],
    edits: Sequence[int],
) -> list[int]:
    """Return the edits that match a query. Where `leaves` are uncertain, the stored texts are
    compared.
    """
    finder = OccurrenceFinder(OrNode(tuple(iter_changed(tree))), names.prefix_lemmas)

    def list_matching(pairs: Mapping[int, tuple[State, State]]) -> list[int]:
        return [
            edit
            for edit, states in pairs.items()
            if evaluate(tree, partial(_is_changed, *_compare(leaves, edit, finder, states)))
            is not False
        ]

    found = []
    for start in range(0, len(edits), CHECK_BATCH):
        batch = json.dumps(edits[start : start + CHECK_BATCH])
        rows = await run(EDIT_SIDES_SQL, {"ids": batch})
        texts = await read_version_texts(
            run, [key for row in rows for key in (row["id"], row["previous"])]
        )
        pairs = {row["id"]: (texts[row["previous"]], texts[row["id"]]) for row in rows}
        found += await run_in_thread(partial(list_matching, pairs))
    return found


def _compare(
    leaves: Mapping[QueryLeaf, ChangedLeaf],
    edit: int,
    finder: OccurrenceFinder,
    states: tuple[State, State],
) -> tuple[set[QueryLeaf], set[QueryLeaf]]:
    """Return the parts of a query that an edit removed, and the parts that it added."""
    removed, added = finder.compare(*states)
    certain = {leaf for leaf, found in leaves.items() if edit not in found.uncertain}
    return (
        removed - certain | {leaf for leaf in certain if edit in leaves[leaf].removed},
        added - certain | {leaf for leaf in certain if edit in leaves[leaf].added},
    )


def _is_changed(removed: set[QueryLeaf], added: set[QueryLeaf], node: QueryNode) -> bool | None:
    """Return whether an edit made the change that a part of a query requires.

    Return None if the part is not about text.
    """
    if isinstance(node, EditNode):
        return _holds_on_sides(node, removed.__contains__, added.__contains__)
    return node in removed or node in added if isinstance(node, QueryLeaf) else None


async def run_in_thread(function: Callable[[], Result]) -> Result:
    """Run a slow function in a thread or, if there is no event loop, directly.

    There is no event loop in a call through run_without_waiting.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return function()
    return await asyncio.to_thread(function)
