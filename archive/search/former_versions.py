"""Search in earlier versions: releases that once had the words of a query, and edits that removed
or added them.

The index has the paragraphs that each edit removed, and those that it added (`search_edits`).
Whatever a version had and the current one lacks was removed by an edit, so a release that had all
words once has one of them in a removed paragraph, and each other one there or in its current text.
The index decides alone if one edit removed all words, and nothing else has to be known; stored text
decides about the others (marked_words.py, archive.changes.wording_history).
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, TypeVar

from archive.changes.diff import split_paragraphs
from archive.changes.history import (
    find_last_seen,
    read_moves,
    read_preceding_revisions,
    read_version_texts,
)
from archive.changes.new_releases import SEARCH_FEED_SQL
from archive.changes.wording_history import MAX_CHARACTERS, Presence, read_presences
from archive.database.sqlite_files import RunQuery
from archive.language.terms import is_english_release
from archive.search.excerpts import (
    HighlightedText,
    SearchHit,
    TextChange,
    choose_excerpt,
    explain_match,
    highlight_state,
)
from archive.search.marked_words import (
    OccurrenceFinder,
    QueryTerm,
    extract_query_terms,
    iter_leaves,
)
from archive.search.query_language import (
    EDIT_FIELDS,
    QUOTED,
    REQUIRED,
    WORD,
    WRITTEN,
    AndNode,
    EditNode,
    NearNode,
    NotNode,
    OrNode,
    QueryNode,
    SearchNote,
    TermNode,
    find_terms,
    is_text,
    iter_edit_nodes,
    iter_parts,
    join_nodes,
)
from archive.search.query_sql import (
    MAX_HITS,
    IndexTable,
    ResolvedNames,
    build_current_sql,
    build_facet_conditions,
    build_node_match,
    build_plan,
    iter_nodes,
    resolve_names,
    select_ids,
)
from archive.search.search_index import EDIT_COLUMNS, NO_DATE

if TYPE_CHECKING:
    from archive.search.ranking import HitFinder, HitList

MAX_EDITS = 10_000  # newest edits with a word that are considered
MAX_CANDIDATES = 400  # newest releases for which common words are looked up one by one
LOOKUP_BATCH = 50  # of these looked up at a time
MAX_CHECKED = 30  # releases or edits of a search that stored text decides about
# of search_edits; its body has questions, answers and captions, too
WHOLE_COLUMNS = ("lead", "title")
MAX_EDITS_CHECKED = 5  # newest edits of a release with too many versions
EDIT_INDEX = IndexTable(
    table="search_edits",
    text_columns=f"{{{' '.join(EDIT_COLUMNS)}}}",
    fields=EDIT_COLUMNS,
    suffixes=("",),
)
EDITS_SQL = """
    select json_group_array(edit) as edits, json_group_array(release) as releases from (
      select f.rowid >> 1 as edit, v.release from search_edits f
      cross join revisions v indexed by idx_revisions_edit_release
        on v.id = f.rowid >> 1 and v.is_edit
      where search_edits match :match and f.rowid & 1 = :added order by f.rowid desc limit :limit)
"""
MERGED_HITS_SQL = """
    select (select continues_as from releases where id = search.rowid) as id from search
    where search match :match and search.rowid in (select id from releases
      where continues_as is not null)
"""
NEWEST_REVISIONS_SQL = (
    "select revision from releases where id in (select value from json_each(:releases))"
)
EDIT_FACTS_SQL = (
    "select id, previous, seen from revisions where id in (select value from json_each(:ids))"
    " order by id desc"
)

FIRST_SEEN_SQL = (
    "select release, min(seen) as seen from revisions where release in"
    " (select value from json_each(:ids)) group by release"
)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerHits:
    """Releases with an earlier version that matches, while the current one does not.

    ids: first the releases from which a single edit removed all words, then the others; each group
    newest first.
    """

    ids: Sequence[int] = ()
    # of those that stored text decided about
    presences: Mapping[int, Sequence[Presence]] = field(default_factory=dict)
    capped: bool = False  # there may be more


async def resolve_query(
    run: RunQuery, tree: QueryNode | None
) -> tuple[ResolvedNames, list[SearchNote]]:
    """Look up the names, prefixes and edits of a query, with a note for what does not exist or is
    not complete.
    """
    names, notes = await resolve_names(run, tree)
    edits: dict[EditNode, Mapping[int, int]] = {}
    for node in iter_nodes(tree):
        if isinstance(node, EditNode) and node not in edits:
            edits[node], is_complete = await _find_edited_releases(run, node, names)
            notes += [] if is_complete else [SearchNote("many_edits")]
    return replace(names, edits=edits), list(dict.fromkeys(notes))


async def _find_edited_releases(
    run: RunQuery, node: EditNode, names: ResolvedNames
) -> tuple[dict[int, int], bool]:
    """Return the releases with an edit that matches a node, each with the newest such edit, and
    whether that is all.
    """
    sides: list[dict[int, int]] = []
    uncertain: set[int] = set()
    for tree, added in ((node.removed, False), (node.added, True)):
        if tree is not None:
            edits = await read_edits(run, tree, names, added=added)
            uncertain |= await _list_uncertain_edits(run, tree, names, edits, added=added)
            sides.append(edits)
    found = intersect_edits(sides) if sides else {}
    to_check = _take_turns(
        {edit: found[edit] for edit in sorted(uncertain & found.keys(), reverse=True)}
    )
    kept = set(await _check_edits(run, to_check[:MAX_CHECKED], node, names))
    releases: dict[int, int] = {}
    for edit in sorted(found, reverse=True):
        if edit in kept or edit not in uncertain:
            releases.setdefault(found[edit], edit)
    is_complete = all(len(edits) < MAX_EDITS for edits in sides)
    return releases, is_complete and len(to_check) <= MAX_CHECKED


async def _list_uncertain_edits(
    run: RunQuery, tree: QueryNode, names: ResolvedNames, edits: Mapping[int, int], *, added: bool
) -> set[int]:
    """Return the edits that stored text must decide about.

    What one side has and the other lacks was removed, or added; what both have must be counted.
    """
    any_leaf = join_nodes(OrNode, list(iter_leaves(tree)))
    other: Mapping[int, int] = {}
    if edits and any_leaf:
        other = await read_edits(run, any_leaf, names, added=not added)
    if _is_decided_by_text(tree, added=added):
        return set(edits)
    oldest = min(other) if len(other) >= MAX_EDITS else 0
    return {edit for edit in edits if edit in other or edit < oldest}


def intersect_edits(sides: Sequence[Mapping[int, int]]) -> dict[int, int]:
    """Return the edits that are in all of `sides`, each with its release."""
    return {
        edit: release
        for edit, release in sides[0].items()
        if all(edit in side for side in sides[1:])
    }


def _take_turns(releases: Mapping[int, int]) -> list[int]:
    """Return edits so that the first of each release comes first. releases: edit → release.

    >>> _take_turns({9: 1, 8: 1, 7: 1, 6: 2, 5: 2})
    [9, 6, 8, 5, 7]
    """
    turns, turn = Counter[int](), {}
    for edit, release in releases.items():
        turn[edit] = turns[release]
        turns[release] += 1
    return sorted(releases, key=turn.__getitem__)


def _is_decided_by_text(tree: QueryNode, *, added: bool) -> bool:
    """Return whether the index only finds candidates for a part of a query.

    Stored text must then decide. The index does not separate bodies, questions and answers, mixes
    lemmas with parts of compounds, lacks the written words of additions, and cannot tell whether a
    whole version is without a word.
    """
    return any(
        isinstance(node, NotNode | NearNode)
        or (isinstance(node, TermNode) and _is_term_decided_by_text(node, added=added))
        for node in iter_nodes(tree)
    )


def _is_term_decided_by_text(term: TermNode, *, added: bool) -> bool:
    return (
        term.field not in (None, *WHOLE_COLUMNS)
        or term.match == REQUIRED
        or (term.is_prefix and term.match != QUOTED)
        or (added and term.match in (QUOTED, WRITTEN))
    )


def _adapt_to_edits(node: QueryNode, *, added: bool) -> QueryNode | None:
    """Return the part of a query that `search_edits` can find, perhaps in a weaker form, or None if
    it cannot.
    """
    if isinstance(node, AndNode | OrNode):
        return _adapt_parts(node, added=added)
    if not isinstance(node, TermNode | NearNode):
        return None
    node = replace(node, field=node.field if node.field in EDIT_COLUMNS else None)
    if added and isinstance(node, TermNode) and node.match in (QUOTED, WRITTEN):
        return _weaken_written(node)
    return node


def _adapt_parts(node: AndNode | OrNode, *, added: bool) -> QueryNode | None:
    parts = [_adapt_to_edits(part, added=added) for part in node.parts]
    if isinstance(node, OrNode) and None in parts:
        return None
    return join_nodes(type(node), [part for part in parts if part])


def _weaken_written(term: TermNode) -> TermNode:
    """Return a term as written in a weaker form, because additions are only found by lemmas."""
    if not term.is_prefix:
        return replace(term, match=REQUIRED)
    if len(term.words) > 1:
        return replace(term, words=term.words[:-1], is_prefix=False, match=REQUIRED)
    return replace(term, match=WORD)


async def read_edits(
    run: RunQuery, tree: QueryNode, names: ResolvedNames, *, added: bool = False
) -> dict[int, int]:
    """Return the edits whose removed (or added) text matches, newest first, each with the last row
    of its release.
    """
    adapted = _adapt_to_edits(tree, added=added)
    match = build_node_match(adapted, names, EDIT_INDEX) if adapted else ""
    if not match:
        return {}
    (row,) = await run(EDITS_SQL, {"match": match, "added": int(added), "limit": MAX_EDITS})
    edits: dict[int, int] = dict(
        zip(json.loads(row["edits"]), json.loads(row["releases"]), strict=True)
    )
    moves = await read_moves(run) if edits else {}
    return {edit: moves.get(release, release) for edit, release in edits.items()}


async def _check_edits(
    run: RunQuery, edits: Sequence[int], node: EditNode, names: ResolvedNames
) -> list[int]:
    """Return the edits that removed and added the words, by how often the states before and after
    have them.
    """
    if not edits:
        return []
    finders = {
        tree: OccurrenceFinder(tree, names.prefix_lemmas)
        for tree in (node.removed, node.added)
        if tree
    }
    texts = await _read_edit_texts(run, edits)

    def check() -> list[int]:
        found = []
        for edit, *sides in texts:
            before, after = keep_changed_texts(*sides)
            if all(
                finder.is_true(finder.compare(before, after)[tree is not node.removed].__contains__)
                for tree, finder in finders.items()
            ):
                found.append(edit)
        return found

    return await _run_in_thread(check)


def keep_changed_texts(*states: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield two states of a release without what both have, so that less text has to be analysed.

    If their questions differ, both bodies are kept: an answer that the body repeats does not count.

    >>> old = {"title": "A", "lead": None, "body": "B\\n\\nC", "questions": [], "images": None}
    >>> states = {**old, "language": "sv"}, {**old, "language": "sv", "body": "C\\n\\nD"}
    >>> [state["body"] for state in keep_changed_texts(*states)]
    ['B', 'D']
    """
    for state, other in (states, states[::-1]):
        kept = {**state, "language": "en" if is_english_release(state) else "sv"}
        has_same_questions = state["questions"] == other["questions"]
        for name in ("title", "lead", "body") if has_same_questions else ("title", "lead"):
            own, theirs = (Counter(split_paragraphs(each[name] or "")) for each in (state, other))
            kept[name] = "\n\n".join((own - theirs).elements())
        for name in ("questions", "images"):
            kept[name] = _keep_changed_parts(state[name], other[name])
        yield kept


def _keep_changed_parts(own: list[Any] | None, other: list[Any] | None) -> list[Any]:
    """Return the parts of one state that the other lacks; none if those of either are unknown."""
    if own is None or other is None:
        return []
    return [part for part in own if part not in other]


async def _run_in_thread(function: Callable[[], Result]) -> Result:
    """Run a function that takes long in a thread, or at once if no event loop waits
    (run_without_waiting).
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return function()
    return await asyncio.to_thread(function)


async def add_former_hits(finder: HitFinder, hits: HitList, order: str) -> HitList:
    """Add the releases of which only an earlier version matches, if the request asks for them.

    If hits are sorted by date, these are sorted with the others. The relevance of the two kinds
    cannot be compared, so they alternate if hits are sorted by relevance: the first page then has
    hits of both kinds.
    """
    request, columns = finder.request, finder.columns
    if not request.all_versions or request.loosened or request.show != "releases":
        return hits
    oldest, newest = _find_date_limits(finder, hits, order)
    former = await find_former_hits(finder, hits.ids, oldest=oldest, newest=newest)
    if request.news:
        ids = await _sort_by_first_seen(finder.run, [*hits.ids, *former.ids])
    elif order != "best":
        ids = columns.sort_by_date([*hits.ids, *former.ids], order)
    else:
        pairs = chain.from_iterable(zip_longest(hits.ids, former.ids))
        ids = [key for key in pairs if key is not None]
    return replace(hits, ids=ids, releases=[*hits.releases, *former.ids], former=former)


def _find_date_limits(finder: HitFinder, hits: HitList, order: str) -> tuple[int, int]:
    """Return the lowest and highest ColumnCache.sort_dates of the former hits to look for."""
    if not hits.capped or not hits.ids:
        return 0, NO_DATE
    dates = [finder.columns.sort_dates[key] for key in hits.ids]
    return (0, max(dates)) if order == "oldest" else (min(dates), NO_DATE)


async def _sort_by_first_seen(run: RunQuery, releases: Sequence[int]) -> list[int]:
    rows = await run(FIRST_SEEN_SQL, {"ids": json.dumps(releases)})
    rows = sorted(rows, key=lambda row: (row["seen"], row["release"]), reverse=True)
    return [row["release"] for row in rows]


async def find_former_hits(
    finder: HitFinder, current: Collection[int] | None, *, oldest: int = 0, newest: int = NO_DATE
) -> FormerHits:
    """Find releases with an earlier version that has all words of a request, while the current one
    does not.

    current: the hits whose current version matches, or None if they are not known. oldest, newest:
    the lowest or highest of their ColumnCache.sort_dates if there are more hits, which are older or
    newer; then only former hits from or to this date are found.
    """
    run, columns, request, names = finder.run, finder.columns, finder.request, finder.names
    tree = request.query.tree
    parts = list(iter_parts(tree))
    texts = [part for part in parts if is_text(part) and _adapt_to_edits(part, added=False)]
    if not texts:
        return FormerHits()
    edits = [await read_edits(run, part, names) for part in texts]
    # a version can lack what an edit added
    excluded = join_nodes(
        OrNode, [leaf for part in parts if isinstance(part, NotNode) for leaf in iter_leaves(part)]
    )
    added = await read_edits(run, excluded, names, added=True) if excluded else {}
    texts = [_loosen_choice(part) for part in texts]
    removals = [
        found if part in parts else await read_edits(run, part, names)
        for part, found in zip(texts, edits, strict=True)
    ]
    *removed, adding = [set(found.values()) for found in (*removals, added)]
    capped = any(len(found) >= MAX_EDITS for found in (*edits, *removals, added))
    include = {
        name: values for name, values in request.include.items() if name != finder.skip_facet
    }
    candidates = set(
        columns.filter_releases(list(adding.union(*removed)), include, request.exclude)
    )
    common = []  # words in too many current texts
    for part, having in zip(texts, removed, strict=True) if adding or len(texts) > 1 else ():
        having_now = await _read_current(run, part, names) if candidates - having else []
        if having_now is None:
            common.append((part, having))
        else:
            candidates &= having.union(having_now)
    if not oldest and newest == NO_DATE:
        candidates.update(
            columns.filter_releases(
                await _find_merged_hits(run, tree, names), include, request.exclude
            )
        )
    candidates = await _filter_by_conditions(finder, candidates.difference(current or ()))
    ids = [
        key
        for key in columns.sort_newest_first(candidates)
        if oldest <= columns.sort_dates[key] <= newest
    ]
    capped = capped or len(ids) < len(candidates)
    whole = set()  # releases of which one edit removed all words
    if not any(_is_decided_by_text(part, added=False) for part in parts if is_text(part)):
        whole = {edits[0][edit] for edit in set(edits[0]).intersection(*edits[1:])}
    certain, others = [key for key in ids if key in whole], [key for key in ids if key not in whole]
    if current is None:
        capped, certain = capped or len(certain) > MAX_CANDIDATES, certain[:MAX_CANDIDATES]
        matching = await filter_current(run, tree, names, certain)
        certain = [key for key in certain if key not in matching]
    to_check: list[int] = []
    for start in range(0, min(len(others), MAX_CANDIDATES), LOOKUP_BATCH):
        batch = others[start : min(start + LOOKUP_BATCH, MAX_CANDIDATES)]
        for part, having in common:
            found = await filter_current(
                run, part, names, [key for key in batch if key not in having]
            )
            batch = [key for key in batch if key in having or key in found]
        matching = await filter_current(run, tree, names, batch) if current is None else set()
        to_check += [key for key in batch if key not in matching]
        if len(to_check) > MAX_CHECKED:
            break
    unknown = [key for key in to_check[:MAX_CHECKED] if key not in finder.checked]
    finder.checked.update(await _read_former_presences(run, unknown, tree, names))
    return FormerHits(
        ids=certain
        + [key for key in to_check[:MAX_CHECKED] if is_gone(finder.checked.get(key, ()))],
        presences=finder.checked,
        capped=capped
        or len(to_check) > MAX_CHECKED
        or len(others) > MAX_CANDIDATES
        or any(key not in finder.checked for key in to_check[:MAX_CHECKED]),
    )


def _loosen_choice(part: QueryNode) -> QueryNode:
    """Return an OR of all words of a part if it is a choice between several words at once, else the
    part itself.

    An edit may have removed one of the words while another is still there: ETS 2 is also searched
    for as ETS2.

    >>> from archive.search.query_language import parse_query
    >>> [len(_loosen_choice(parse_query(text).tree).parts) for text in ("ETS 2", "ets OR utsläpp")]
    [3, 2]
    """
    has_several = isinstance(part, OrNode) and any(
        isinstance(node, AndNode) for node in iter_nodes(part)
    )
    return OrNode(tuple(iter_leaves(part))) if has_several else part


async def _read_former_presences(
    run: RunQuery, releases: Sequence[int], tree: QueryNode | None, names: ResolvedNames
) -> dict[int, list[Presence]]:
    """Return when releases had the words of a query; of the current versions, only captions can
    have them.
    """
    if not releases:
        return {}
    finder = OccurrenceFinder(tree, names.prefix_lemmas)
    rows = await run(NEWEST_REVISIONS_SQL, {"releases": json.dumps(list(releases))})
    newest = {row["revision"] for row in rows}

    def has_words(state: Mapping[str, Any]) -> bool:
        # the index has already said that the current texts lack them, but it has no captions
        has_captions = any(image["caption"] for image in state["images"] or ())
        return (state["id"] not in newest or has_captions) and finder.is_in(state)

    return await read_presences(run, releases, has_words)


def is_gone(presences: Sequence[Presence]) -> bool:
    """Return whether a release had the words of a query and has them no more, not even in a
    caption.
    """
    return bool(presences) and all(presence.disappeared for presence in presences)


async def _find_merged_hits(
    run: RunQuery, tree: QueryNode | None, names: ResolvedNames
) -> list[int]:
    """Return the releases that another row with the words of a query was merged into.

    If both pages existed at the same time, the difference between them is not an edit.
    """
    plan = build_plan(join_nodes(AndNode, list(filter(is_text, iter_parts(tree)))), names)
    if not plan.match:
        return []
    return await select_ids(run, MERGED_HITS_SQL, {"match": plan.match})


async def _filter_by_conditions(finder: HitFinder, candidates: set[int]) -> set[int]:
    """Keep the releases that meet the query's filters, have the chosen tags and, for a feed, are
    new.
    """
    request, tree = finder.request, finder.request.query.tree
    filters = [part for part in iter_parts(tree) if not is_text(part)]
    plan = build_plan(join_nodes(AndNode, filters), finder.names)
    tags = replace(
        request, include=_choose_tags(request.include), exclude=_choose_tags(request.exclude)
    )
    conditions = [
        *plan.conditions,
        *build_facet_conditions(tags, plan, None, facets_in_match=False),
    ]
    if request.news:
        conditions.append("l.release in (select release from news)")
    if plan.match:  # a word or a filter: see build_plan
        conditions.append(
            f"l.release in (select rowid from search where search match {plan.bind(plan.match)})"
        )
    if not conditions or not candidates:
        return candidates
    conditions.append(
        f"l.release in (select value from json_each({plan.bind(json.dumps([*candidates]))}))"
    )
    feed = f"with {SEARCH_FEED_SQL} " if request.news else ""
    sql = f"{feed}select l.release as id from release_facets l where {' and '.join(conditions)}"
    return set(await select_ids(finder.run, sql, plan.values))


def _choose_tags(chosen: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {"tag": chosen["tag"]} if "tag" in chosen else {}


async def _read_current(run: RunQuery, part: QueryNode, names: ResolvedNames) -> list[int] | None:
    """Return the releases whose current text matches, or None if there are more than MAX_HITS."""
    plan = build_plan(part, names)
    ids = await select_ids(run, f"{build_current_sql(plan)} limit {MAX_HITS + 1}", plan.values)
    return ids if len(ids) <= MAX_HITS else None


async def filter_current(
    run: RunQuery, tree: QueryNode | None, names: ResolvedNames, releases: Iterable[int]
) -> set[int]:
    """Return the releases whose current text matches, looking up each of them by its id."""
    plan = build_plan(tree, names)
    conditions = [
        *plan.conditions,
        *([f"search match {plan.bind(plan.match)}"] if plan.match else []),
    ]
    sql = (
        "select l.release as id from json_each(:releases) c cross join release_facets l on"
        " l.release = c.value"
        f" cross join search on search.rowid = l.release where {' and '.join(conditions)}"
    )
    return set(await select_ids(run, sql, {**plan.values, "releases": json.dumps(list(releases))}))


async def describe_changes(
    run: RunQuery,
    hits: Sequence[SearchHit],
    tree: QueryNode | None,
    names: ResolvedNames,
    former: FormerHits,
) -> list[SearchHit]:
    """Return the hits; those of earlier versions and of edits get the change, and an excerpt of
    what it changed.

    A former hit is left out if no stored version has the words, although the index suggests it. If
    a query also has words that are not about edits, the excerpts of current hits show those words.
    """
    if not former.ids and not names.edits:
        return list(hits)
    keys, former_ids = [hit.row["id"] for hit in hits], set(former.ids)
    edits = {
        key: edit
        for node in iter_edit_nodes(tree)
        for key, edit in names.edits[node].items()
        if key in keys
    }
    changes = await _read_edit_changes(run, edits, tree)
    presences = {
        key: former.presences[key] for key in keys if key in former_ids and key in former.presences
    }
    presences |= await _read_former_presences(
        run, [*former_ids.intersection(keys) - presences.keys()], tree, names
    )
    removals = await _find_last_removals(
        run, former_ids.intersection(keys) - presences.keys(), tree, names
    )
    removed = await _read_edit_changes(run, removals, tree)
    changes |= {key: replace(change, kind="former") for key, change in removed.items()}
    still = {}  # releases of which a caption still has the words → the revision
    for key, found in presences.items():
        for presence in found:
            if presence.disappeared:
                changes[key] = TextChange(
                    "former", presence.last, presence.after, *presence.disappeared
                )
        if found and not is_gone(found):
            changes.pop(key, None)
            still[key] = max(presence.last for presence in found if not presence.disappeared)
    hits = [replace(hit, change=changes.get(key)) for key, hit in zip(keys, hits, strict=True)]
    hits = [
        hit
        for hit in hits
        if hit.change or hit.row["id"] in still or hit.row["id"] not in former_ids
    ]
    has_words = bool(find_terms(tree))
    shown = [
        (
            hit,
            *(
                (change.after, change.before)
                if change.kind == "added"
                else (change.before, change.after)
            ),
        )
        for hit in hits
        if (change := hit.change) and (change.kind == "former" or not has_words) and not hit.is_pair
    ]
    shown += [(hit, still[hit.row["id"]], None) for hit in hits if hit.row["id"] in still]
    revisions = [key for _, *versions in shown for key in versions if key]
    states = await read_version_texts(run, revisions) if shown else {}
    query_terms = list_marked_terms(tree, names)

    def cut_excerpts() -> dict[int, SearchHit]:
        return {
            hit.row["id"]: _add_excerpt(hit, states[own], states.get(other), query_terms)
            for hit, own, other in shown
        }

    replaced = await _run_in_thread(cut_excerpts)
    return [replaced.get(hit.row["id"], hit) for hit in hits]


async def _find_last_removals(
    run: RunQuery, releases: Collection[int], tree: QueryNode | None, names: ResolvedNames
) -> dict[int, int]:
    """Return the edit that removed the words of a query from each release, for those with too many
    versions to read.
    """
    any_leaf = join_nodes(OrNode, list(iter_leaves(tree)))
    if not releases or any_leaf is None:
        return {}
    edits = _group_by_release(await read_edits(run, any_leaf, names))
    chosen = {
        edit: release for release in releases for edit in edits.get(release, ())[:MAX_EDITS_CHECKED]
    }
    finder = OccurrenceFinder(tree, names.prefix_lemmas)
    found: dict[int, int] = {}
    length = 0
    for edit in _take_turns(chosen):
        if chosen[edit] not in found and length <= MAX_CHARACTERS:
            ((_, *states),) = await _read_edit_texts(run, [edit])
            length += sum(len(state["body"]) for state in states)
            has_words: list[bool] = await _run_in_thread(partial(list, map(finder.is_in, states)))
            if has_words == [True, False]:
                found[chosen[edit]] = edit
    return found


def _group_by_release(edits: Mapping[int, int]) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = {}
    for edit, release in edits.items():
        groups.setdefault(release, []).append(edit)
    return groups


async def _read_edit_texts(
    run: RunQuery, edits: Iterable[int]
) -> list[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Return edits, newest first, each with the texts of the versions before and after it."""
    rows = await run(EDIT_FACTS_SQL, {"ids": json.dumps(sorted(edits, reverse=True))})
    texts = await read_version_texts(run, [row[key] for row in rows for key in ("previous", "id")])
    return [(row["id"], texts[row["previous"]], texts[row["id"]]) for row in rows]


async def _read_edit_changes(
    run: RunQuery, edits: Mapping[int, int], tree: QueryNode | None
) -> dict[int, TextChange]:
    """Return the changes of the edits for which releases are hits. edits: release → edit."""
    if not edits:
        return {}
    rows = await run(EDIT_FACTS_SQL, {"ids": json.dumps([*edits.values()])})
    facts = {row["id"]: row for row in rows}
    before = await read_preceding_revisions(run, [*edits.values()])
    sides = {name for node in iter_edit_nodes(tree) for name in EDIT_FIELDS if getattr(node, name)}
    kind = sides.pop() if len(sides) == 1 else "edited"
    return {
        release: TextChange(
            kind,
            facts[edit]["previous"],
            edit,
            find_last_seen(facts[edit]["previous"], before),
            facts[edit]["seen"],
        )
        for release, edit in edits.items()
    }


def _add_excerpt(
    hit: SearchHit,
    state: dict[str, Any],
    other: dict[str, Any] | None,
    query_terms: Sequence[QueryTerm],
) -> SearchHit:
    """Return a hit with an excerpt of a version, from the texts that the other version lacks if
    these have all words.

    The excerpt is from the title only if no other text has as many of the words.
    """
    changed = next(keep_changed_texts(state, other)) if other else state
    texts = highlight_state(changed, query_terms)
    explanations = explain_match(texts, query_terms)
    if other and len(explanations) < len(query_terms):
        return _add_excerpt(hit, state, None, query_terms)
    _, excerpt = choose_excerpt(sorted(texts, key=lambda text: text.field == "title"))
    title = HighlightedText(
        hit.row["title"], query_terms, "title", english=is_english_release(state)
    ).highlight_all()
    return replace(
        hit, title=title, excerpt=excerpt, explanations=explanations, question_position=None
    )


def list_marked_terms(
    tree: QueryNode | None, names: ResolvedNames, *, with_edits: bool = True
) -> list[QueryTerm]:
    """List the terms of a query that are marked in its hits.

    with_edits: also those that edits removed or added.
    """
    edits = [
        part for node in iter_edit_nodes(tree) for part in (node.removed, node.added) if with_edits
    ]
    return extract_query_terms(
        join_nodes(AndNode, [part for part in (tree, *edits) if part]), names.prefix_lemmas
    )
