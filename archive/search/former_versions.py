"""Finds releases that match only in an earlier version, and describes how they stopped matching.

For `added:` and `removed:`, the edit that matches is found instead. The index `search_versions`
contains the texts of all earlier versions. A version matches if the query's FTS5 expression matches
it, just as a current text in `search` does. Filters are compared with the current release.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, compress, zip_longest
from typing import TYPE_CHECKING, Any

from archive.changes.history import (
    find_last_seen,
    read_preceding_revisions,
    read_version_texts,
)
from archive.changes.new_releases import SEARCH_FEED_SQL
from archive.changes.wording_history import CheckPair, Presence, read_presences
from archive.database.sqlite_files import RunQuery
from archive.language.terms import is_english_release
from archive.search.column_cache import NO_DATE
from archive.search.edited_words import run_in_thread
from archive.search.excerpts import (
    HighlightedText,
    SearchHit,
    TextChange,
    choose_excerpt,
    explain_match,
    highlight_state,
)
from archive.search.marked_words import QueryTerm, extract_query_terms
from archive.search.query_language import (
    EDIT_FIELDS,
    AndNode,
    QueryNode,
    find_terms,
    is_text,
    iter_edit_nodes,
    iter_parts,
    join_nodes,
    requires_words,
)
from archive.search.query_sql import (
    VERSION_INDEX,
    ResolvedNames,
    build_current_sql,
    build_facet_conditions,
    build_plan,
    iter_nodes,
    select_ids,
)
from archive.search.state_texts import keep_changed_texts

if TYPE_CHECKING:
    from archive.search.ranking import HitFinder, HitList

EDIT_FACTS_SQL = (
    "select id, previous, seen from revisions where id in (select value from json_each(:ids))"
)
FIRST_SEEN_SQL = (
    "select release, min(seen) as seen from revisions where release in"
    " (select value from json_each(:ids)) group by release"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormerHits:
    """The releases that match only in an earlier version.

    ids: these releases, newest first.
    versions: a map from each release to its versions that match. It includes releases whose current
        version matches.
    """

    ids: Sequence[int] = ()
    versions: Mapping[int, Collection[int]] = field(default_factory=dict)


@dataclass(slots=True)
class MatchingVersions:
    """The indexed versions that match, and the releases that match in an earlier version.

    A release is identified by the last row of its chain (releases.continues_as).
    """

    versions: dict[int, list[int]]
    former: set[int]  # releases of which an earlier version matches


async def find_versions(
    run: RunQuery,
    tree: QueryNode | None,
    names: ResolvedNames,
    among: Iterable[int] | None = None,
) -> MatchingVersions:
    """Find the indexed versions that match the words of a query.

    among: search only these revisions.
    """
    plan = build_plan(_join_text_parts(tree), names, VERSION_INDEX)
    source, conditions = "text_versions t", list(plan.conditions)
    if plan.match:
        source = "search_versions cross join text_versions t on t.text = search_versions.rowid"
        conditions.append(f"search_versions match {plan.bind(plan.match)}")
    if among is not None:
        wanted = plan.bind(json.dumps(list(among)))
        conditions.append(f"t.id in (select value from json_each({wanted}))")
    sql = f"""
        select json_group_array(t.id) as ids,
          json_group_array(coalesce(r.continues_as, r.id)) as releases,
          json_group_array(t.id is not r.revision or r.moved_to is not null) as is_former
        from {source} cross join releases r indexed by idx_releases_times on r.id = t.release
        where {" and ".join(conditions) or "true"}
    """
    (row,) = await run(sql, plan.values)
    revisions, releases, is_former = map(
        json.loads, (row["ids"], row["releases"], row["is_former"])
    )
    versions = defaultdict(list)
    for release, revision in zip(releases, revisions, strict=True):
        versions[release].append(revision)
    return MatchingVersions(dict(versions), set(compress(releases, is_former)))


def _join_text_parts(tree: QueryNode | None) -> QueryNode | None:
    return join_nodes(AndNode, [part for part in iter_parts(tree) if _is_in_versions(part)])


def _is_in_versions(part: QueryNode) -> bool:
    """Return whether a part of a query is about the texts of versions, not about attachments."""
    return is_text(part) and not any(
        getattr(node, "field", None) == "attachment" for node in iter_nodes(part)
    )


async def add_former_hits(finder: HitFinder, hits: HitList, order: str) -> HitList:
    """Add the releases that match only in an earlier version, if the request asks for them.

    In a list sorted by date, the added releases are placed by their dates. In a list sorted by
    relevance, they alternate with the other results, because an earlier version has no comparable
    relevance.
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
    """Return the range of ColumnCache.sort_dates in which former results are searched for.

    Former results match only in an earlier version. If the list of results is capped, former
    results are searched for only within the dates of the list.
    """
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
    """Find the releases that match a request only in an earlier version.

    current: the releases whose current version matches. If it is None, they are read from the
        archive.
    oldest, newest: find only releases in this range of ColumnCache.sort_dates. If `current`
        contains only the newest or oldest part of the results, the range must end where that part
        ends.
    """
    tree, columns = finder.request.query.tree, finder.columns
    texts = _join_text_parts(tree)
    if texts is None or not requires_words(texts):
        return FormerHits()
    if tree not in finder.versions:
        finder.versions[tree] = await find_versions(finder.run, tree, finder.names)
    found = finder.versions[tree]
    if current is None:
        plan = build_plan(tree, finder.names)
        current = await select_ids(finder.run, build_current_sql(plan), plan.values)
    candidates = finder.filter_hits(sorted(found.former.difference(current)))
    ids = columns.sort_newest_first(await _filter_by_conditions(finder, candidates))
    return FormerHits(
        ids=[key for key in ids if oldest <= columns.sort_dates[key] <= newest],
        versions=found.versions,
    )


async def _filter_by_conditions(finder: HitFinder, candidates: Collection[int]) -> Collection[int]:
    """Keep the candidates that meet the query's filters and have the chosen tags.

    In a feed of new releases, the candidates must also be new.
    """
    request, tree = finder.request, finder.request.query.tree
    filters = [part for part in iter_parts(tree) if not _is_in_versions(part)]
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
    return await select_ids(finder.run, sql, plan.values)


def _choose_tags(chosen: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {"tag": chosen["tag"]} if "tag" in chosen else {}


async def describe_changes(
    run: RunQuery,
    hits: Sequence[SearchHit],
    tree: QueryNode | None,
    names: ResolvedNames,
    former: FormerHits,
) -> list[SearchHit]:
    """Add to each result the change that made it match, and an excerpt of the changed text.

    A change is added only to results that match in an earlier version or by an edit. If the query
    also has words outside `added:` and `removed:`, the excerpts of results whose current version
    matches show these words instead.
    """
    if not former.ids and not names.edits:
        return list(hits)
    keys = {hit.row["id"] for hit in hits}
    edits = {
        key: edit
        for node in iter_edit_nodes(tree)
        for key, edit in names.edits[node].items()
        if key in keys
    }
    changes = await _read_edit_changes(run, edits, tree)
    excerpts = {} if find_terms(tree) else {key: _order(change) for key, change in changes.items()}
    for key, change, versions in await _read_last_presences(run, keys, former):
        excerpts[key] = versions
        if change:
            changes[key] = change
        else:
            changes.pop(key, None)
    hits = [replace(hit, change=changes.get(hit.row["id"])) for hit in hits]
    shown = [(hit, excerpts[key]) for hit in hits if (key := hit.row["id"]) in excerpts]
    return await _cut_excerpts(run, hits, shown, list_marked_terms(tree, names))


def _order(change: TextChange) -> tuple[int, int | None]:
    """Return the version whose text an excerpt shows, and the version with which to compare it.

    The second version is None if there is no version after the change.
    """
    if change.kind == "added" and change.after:
        return change.after, change.before
    return change.before, change.after


async def _read_last_presences(
    run: RunQuery, releases: Iterable[int], former: FormerHits
) -> list[tuple[int, TextChange | None, tuple[int, int | None]]]:
    """Return how the query's words disappeared from results that match only in an earlier version.

    Each item consists of the release, the change, and the two versions to compare. The change is
    None if a caption of the current version still contains the words: the index `search` does not
    cover captions.
    """
    keys = set(former.ids).intersection(releases)

    async def find(revisions: Iterable[int]) -> Collection[int]:
        return {revision for key in keys for revision in former.versions[key]}

    found: list[tuple[int, TextChange | None, tuple[int, int | None]]] = []
    for key, presences in (await read_presences(run, list(keys), find)).items():
        still = [presence.last for presence in presences if not presence.disappeared]
        last = presences[-1]
        if still or last.disappeared is None:
            found.append((key, None, (max(still), None)))
        else:
            change = _build_former_change(last, last.disappeared)
            found.append((key, change, _order(change)))
    return found


def _build_former_change(last: Presence, gone: CheckPair) -> TextChange:
    if not last.last_import and not last.import_after:
        return TextChange("former", last.last, last.after, *gone)
    return TextChange(
        "former",
        last.last,
        last.after,
        None if last.last_import else gone.after,
        None if last.import_after else gone.until,
        last,
    )


async def _cut_excerpts(
    run: RunQuery,
    hits: Sequence[SearchHit],
    shown: Sequence[tuple[SearchHit, tuple[int, int | None]]],
    query_terms: Sequence[QueryTerm],
) -> list[SearchHit]:
    """Return all results, with an excerpt of the given version added to each result in `shown`."""
    revisions = [key for hit, versions in shown for key in versions if key and not hit.is_pair]
    states = await read_version_texts(run, revisions) if revisions else {}

    def cut() -> dict[int, SearchHit]:
        return {
            hit.row["id"]: _add_excerpt(
                hit, states[own], states[other] if other else None, query_terms
            )
            for hit, (own, other) in shown
            if not hit.is_pair
        }

    replaced = await run_in_thread(cut)
    return [replaced.get(hit.row["id"], hit) for hit in hits]


async def _read_edit_changes(
    run: RunQuery, edits: Mapping[int, int], tree: QueryNode | None
) -> dict[int, TextChange]:
    """Return, for each release, the change that its matching edit made.

    edits: a map from each release to the edit that matches.
    """
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
    """Return a result with an excerpt of the given version (`state`).

    If the texts that differ from version `other` contain all words of the query, the excerpt is
    from these texts. Otherwise, it may be from any text. The title is used only if no other text
    contains as many of the words.
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
    """List the terms of a query that are highlighted in its results.

    with_edits: whether to also list the terms in `added:` and `removed:`.
    """
    edits = [
        part for node in iter_edit_nodes(tree) for part in (node.removed, node.added) if with_edits
    ]
    return extract_query_terms(
        join_nodes(AndNode, [part for part in (tree, *edits) if part]), names.prefix_lemmas
    )
