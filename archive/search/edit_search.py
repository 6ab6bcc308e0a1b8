"""Searches edits by the words that they changed, removals by the last text of the removed release,
and the history of a phrase.

The history of a phrase says which releases contain or contained the words of a query, and between
which two checks the words appeared and disappeared. Current texts are searched in one index, and
earlier versions in another (former_versions.py). The times come from the stored checks
(archive.changes.wording_history). In this module, a wording is the phrase or the words that were
searched for.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, NamedTuple

from archive.changes.diff import DiffSegment, diff_paragraphs
from archive.changes.edits_and_removals import (
    HIDDEN_RELEASES_SQL,
    Entry,
    RegisterQuery,
    read_edits_page,
    read_removals_page,
)
from archive.changes.history import read_version_texts
from archive.changes.wording_history import CheckPair, Import, Presence, read_presences
from archive.database.models import find_collection
from archive.database.sqlite_files import FacetValue, ListPage, RunQuery
from archive.i18n import swedish_sort_key
from archive.language.terms import is_english_release
from archive.search.column_cache import ColumnCache
from archive.search.edited_words import find_edits, iter_changed
from archive.search.excerpts import (
    HighlightedText,
    MarkedText,
    SearchHit,
    build_release_hit,
    highlight_state,
    read_release_hits,
)
from archive.search.former_versions import FormerHits, find_former_hits
from archive.search.marked_words import (
    OccurrenceFinder,
    QueryTerm,
    extract_query_terms,
    iter_leaves,
)
from archive.search.matching_releases import filter_releases, read_current
from archive.search.query_language import (
    OrNode,
    Query,
    QueryLeaf,
    SearchNote,
    TermNode,
    parse_query,
)
from archive.search.query_sql import (
    build_current_sql,
    build_plan,
    extract_filters,
    resolve_names,
)
from archive.search.results import prepare_finder
from archive.search.search_request import SearchRequest
from archive.search.state_texts import keep_changed_texts
from archive.urls import FilterError

# Edits and removals.
REMOVALS_OF_RELEASES_SQL = (
    "select id from removals where case kind when 'moved' then moved_to else release end"
)

# between changes in an excerpt
LONG_MIDDLE = re.compile(r"((?:\S+\s+){10})(?:\S+\s+)+(?=(?:\S+\s+){9}\S+\s*$)")

# Wordings.
PHRASE_RELEASES_SQL = f"""
    select r.id, r.revision, r.agency, a.name, a.name_en, r.title, r.url, r.kind, r.language,
      r.published, r.updated,
      r.added, r.last_checked as last_check,
      iif(v.cause = 'import', (select min(seen) from observations where revision = v.id), null)
        as first_reading,
      r.removed_at, v.cause, v.parser_version, nullif(l.sort_date, '') as sort_date
    from releases r join agencies a on a.slug = r.agency join revisions v on v.id = r.revision
    left join release_facets l on l.release = r.id
    where r.id in (select value from json_each(:ids)) and r.moved_to is null
      and r.id not in ({HIDDEN_RELEASES_SQL})
"""
# releases of which an earlier version may have said something else, or that were removed
CHANGED_SQL = """
    with rows(id, last) as (select value, value from json_each(:ids) union all
      select r.id, r.continues_as from json_each(:ids) c join releases r
        on r.continues_as = c.value)
    select json_group_array(distinct last) as releases from rows
    where exists (select 1 from text_versions t where t.release = rows.id)
      or exists (select 1 from removals o where o.release = rows.id and o.kind <> 'moved')
"""
# releases whose versions followed each other on one page that was never removed, and of these the
# first of text_versions, and their number
STEADY_SQL = """
    select json_group_array(release) as releases, json_group_array(first) as firsts,
      json_group_array(number) as numbers
    from (select t.release, min(t.id) as first, count(*) as number from text_versions t
      where t.release in (select value from json_each(:ids))
        and not exists (select 1 from releases o where o.continues_as = t.release)
        and not exists (select 1 from removals o where o.release = t.release)
        and not exists (select 1 from revisions v where v.release = t.release
          and v.cause = 'import')
      group by t.release)
"""
TIMES_SQL = """
    select json_group_array(r.id) as releases, json_group_array(r.revision) as revisions,
      json_group_array(r.agency) as agencies, json_group_array(i.id is not null) as imported,
      json_group_array(iif(i.id is null, r.added,
        coalesce((select min(seen) from observations where revision = i.id), r.added))) as appeared,
      json_group_array(r.last_checked) as checked,
      json_group_array(iif(r.published is null, null, nullif(l.sort_date, ''))) as stated
    from json_each(:ids) c
    cross join releases r indexed by idx_releases_times on r.id = c.value
    left join revisions i indexed by idx_revisions_imported
      on i.release = r.id and i.id = r.revision and i.cause = 'import'
    left join release_facets l on l.release = r.id
    where r.moved_to is null and r.takedown is not 'hidden'
"""
AGENCIES_SQL = (
    "select slug as value, name, name_en from agencies"
    " where slug in (select value from json_each(:slugs))"
)
INDEXED_SQL = (
    "select json_group_array(id) as ids from text_versions where id in"
    " (select value from json_each(:ids))"
)

EditExcerpt = list[tuple[str, MarkedText]]  # same, del or ins, and the words


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterSearch:
    """The result of searching edits, removals or phrase histories for the words of a query."""

    notes: Sequence[SearchNote] = ()

    def list_filters(self) -> dict[str, str]:
        """Return the filter that limits a list to the edits or removals that the search found."""
        return {}


# Edits and removals


@dataclass(frozen=True, slots=True, kw_only=True)
class EditSearch(RegisterSearch):
    """The edits that removed or added the words of a query. A single edit must match the whole
    query.
    """

    finder: OccurrenceFinder
    edits: Sequence[int]

    def list_filters(self) -> dict[str, str]:
        return {"edits": json.dumps(self.edits)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalSearch(RegisterSearch):
    """The removals of releases whose last text matches a query."""

    removals: Sequence[int]
    query_terms: Sequence[QueryTerm]

    def list_filters(self) -> dict[str, str]:
        return {"removals": json.dumps(self.removals)}


def add_word_filter(query: RegisterQuery) -> RegisterQuery:
    """Limit a query with words to the edits or removals in which the words were found."""
    found: RegisterSearch | None = query.search
    return replace(query, filters={**query.filters, **found.list_filters()}) if found else query


async def search_edits(run: RunQuery, text: str, *, of_collections: bool = False) -> EditSearch:
    """Find the edits that removed or added the words of a query.

    Several plain words are also searched as a phrase, because an edit of "120 miljoner" may have
    left "miljoner" unchanged. Raises FilterError if the query has no words that an edit must have
    changed.

    of_collections: find differences between readings of collections instead.
    """
    query = parse_query(text)
    if (phrase := quote_words(query)) and (tree := parse_query(phrase).tree) and query.tree:
        query = replace(query, tree=OrNode((query.tree, tree)))
    names, notes = await resolve_names(run, query.tree)
    edits = None
    if query.tree:
        edits = await find_edits(run, query.tree, names, of_collections=of_collections)
    if edits is None:
        raise FilterError("q", text, "words that must occur", "error.no_words")
    if extract_filters(query.tree) and edits:
        plan = build_plan(extract_filters(query.tree), names)
        kept = await filter_releases(run, SearchRequest(), plan, edits.values())
        edits = {edit: release for edit, release in edits.items() if release in kept}
    leaves = OrNode(tuple(iter_changed(query.tree)))
    return EditSearch(
        finder=OccurrenceFinder(leaves, names.prefix_lemmas),
        edits=sorted(edits),
        notes=[*query.notes, *notes],
    )


async def read_searched_edits(run: RunQuery, query: RegisterQuery) -> ListPage:
    """Return a page of edits or, if words were searched for, of the edits that changed these words.

    If words were searched for, each edit has `excerpts` that show how it changed the words.
    """
    page, search = await read_edits_page(run, add_word_filter(query)), query.search
    if search is None:
        return page
    texts = await read_version_texts(
        run, [row[key] for row in page.rows for key in ("previous", "id")]
    )

    def mark() -> list[Entry]:
        return [
            row | {"excerpts": _cut_excerpts(search, texts[row["previous"]], texts[row["id"]])}
            for row in page.rows
        ]

    return ListPage(await asyncio.to_thread(mark), page.next_cursor)


def _cut_excerpts(search: EditSearch, *states: dict[str, Any]) -> list[EditExcerpt]:
    """Return excerpts that show how an edit removed or added the words of a search.

    states: the states before and after the edit.
    """
    before, after = keep_changed_texts(*states)
    removed, added = search.finder.compare(*states)
    removed_terms = _list_terms(search.finder, removed)
    added_terms = _list_terms(search.finder, added)
    all_terms = [*removed_terms, *added_terms]
    excerpts = [
        _cut_change(before, after, removed_terms, all_terms, "del"),
        _cut_change(after, before, added_terms, all_terms, "ins"),
    ]
    if excerpts[0] == excerpts[1]:
        excerpts.pop()
    return list(filter(None, excerpts))


def _list_terms(finder: OccurrenceFinder, leaves: Iterable[QueryLeaf]) -> list[QueryTerm]:
    return [replace(term, field=None) for leaf in leaves for term in finder.terms[leaf]]


def _cut_change(
    own: Mapping[str, Any],
    other: Mapping[str, Any],
    query_terms: Sequence[QueryTerm],
    marked_terms: Sequence[QueryTerm],
    op: Literal["del", "ins"],
) -> EditExcerpt:
    """Return the pieces of the first changed paragraph that contains a query term.

    The pieces are unchanged, deleted and inserted text. Returns [] if no paragraph contains a query
    term.

    own: the state in which the terms are searched for.
    other: the other state.
    op: the operation for words that only `own` contains.
    """
    english = is_english_release(own)
    for found in highlight_state(own, query_terms):
        if not found.highlights:
            continue
        place = found.field
        others = (text.text for text in highlight_state(other, ()) if text.field == place)
        sides = (found.text, "\n\n".join(others))
        for paragraph in diff_paragraphs(*(sides if op == "del" else sides[::-1])):
            words = "".join(piece.text for piece in paragraph if piece.op in ("same", op))
            if HighlightedText(words, query_terms, place, english=english).highlights:
                return _mark_pieces(paragraph, marked_terms, place, english=english)
    return []


def _mark_pieces(
    paragraph: Iterable[DiffSegment],
    marked_terms: Sequence[QueryTerm],
    place: str,
    *,
    english: bool,
) -> EditExcerpt:
    """Highlight terms in the changed pieces of a paragraph, and shorten its unchanged pieces."""
    shown: EditExcerpt = []
    for piece in paragraph:
        if piece.op == "same":
            shown.append(("same", [(LONG_MIDDLE.sub(r"\1… ", piece.text), False)]))
            continue
        text = HighlightedText(piece.text.strip(), marked_terms, place, english=english)
        shown.append((piece.op, text.excerpt()))
        if piece.text[-1:].isspace():  # not marked: it has not changed
            shown.append(("same", [(" ", False)]))
    return shown


async def search_removals(run: RunQuery, text: str) -> RemovalSearch:
    """Find the removals of releases whose last text matches a query.

    If a release moved, the text at its new URL is searched. Raises FilterError if the query is
    empty.
    """
    query = parse_query(text)
    if query.tree is None:
        raise FilterError("q", text, "words that must occur", "error.no_words")
    names, notes = await resolve_names(run, query.tree)
    plan = build_plan(query.tree, names)
    rows = await run(f"{REMOVALS_OF_RELEASES_SQL} in ({build_current_sql(plan)})", plan.values)
    return RemovalSearch(
        removals=[row["id"] for row in rows],
        query_terms=extract_query_terms(query.tree, names.prefix_lemmas),
        notes=[*query.notes, *notes],
    )


async def read_searched_removals(run: RunQuery, query: RegisterQuery) -> ListPage:
    """Return a page of removals or, if words were searched for, of the removals that match them.

    If words were searched for, each removal has a `hit`: a result with the last text of the removed
    release.
    """
    page = await read_removals_page(run, add_word_filter(query))
    if query.search is None:
        return page
    releases = [
        (row["moved_to"] if row["kind"] == "moved" else row["release"]) for row in page.rows
    ]
    hits = await read_release_hits(run, list(dict.fromkeys(releases)), query.search.query_terms)
    by_release = {hit.row["id"]: hit for hit in hits}
    rows = [
        row | {"hit": by_release.get(key)} for row, key in zip(page.rows, releases, strict=True)
    ]
    return ListPage(rows, page.next_cursor)


# Wordings


class PhraseTimes(NamedTuple):
    """The times and the status of a PhraseEntry, by which entries are sorted and counted."""

    since: str  # these are the properties of PhraseEntry
    first: int  # id of the first revision that has it
    release: int
    agency: str
    first_seen: str | None
    last_seen: str | None
    status: str
    last_event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseEntry:
    """A period in which a release contained the phrase that was searched for.

    row: the release's row in the result of PHRASE_RELEASES_SQL.
    """

    row: Mapping[str, Any]
    presence: Presence

    @property
    def is_current(self) -> bool:
        return self.presence.disappeared is None

    @property
    def last_seen(self) -> str | None:
        """Return the time of the last check that found the wording, or None if no check found
        it.
        """
        gone = self.presence.disappeared
        if self.presence.last_import:
            return None
        return gone.after if gone else self.row["last_check"]

    @property
    def first_seen(self) -> str | None:
        """Return the time of the first check that found the wording.

        Returns None if the first version with the wording was imported.
        """
        return None if self.presence.first_import else self.presence.appeared.until

    @property
    def last_event(self) -> str:
        """Return the time when the wording appeared or, if it is gone, when it disappeared."""
        appeared, gone = self.presence.appeared, self.presence.disappeared
        # of a text of an unknown time, `until` is the later time of the import
        return max(appeared.until, gone.until) if gone else appeared.until

    @property
    def status(self) -> str:
        """Return what became of the wording.

        `current`: the last check found it. `unchecked`: no check has found it yet. `removed`: the
        release was removed. `edited`: an edit removed the wording. `collection`: the wording is
        missing from a text that was imported from a collection.
        """
        if self.is_current:
            return "current" if self.last_seen else "unchecked"
        if self.presence.removal:
            return "removed"
        return "collection" if self.presence.import_after else "edited"

    @property
    def is_stated(self) -> bool:
        """Return whether `since` is the publication date that the agency stated.

        This is the case if a date is stated, and the first version of the release contains the
        wording.
        """
        return self.presence.before is None and bool(
            self.row["published"] and self.row["sort_date"]
        )

    @property
    def since(self) -> str:
        """Return the stated publication date if the release's first version contains the wording.

        If it does not, or if no date is stated, return the time of the check that first found the
        wording.
        """
        return str(self.row["sort_date"] if self.is_stated else self.presence.appeared.until)

    @property
    def times(self) -> PhraseTimes:
        return PhraseTimes(
            since=self.since,
            first=self.presence.first,
            release=self.row["id"],
            agency=self.row["agency"],
            first_seen=self.first_seen,
            last_seen=self.last_seen,
            status=self.status,
            last_event=self.last_event,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseHistory(RegisterSearch):
    """The periods in which the archive's releases contained the phrase that was searched for."""

    query: Query
    times: Sequence[PhraseTimes] = ()  # the newest first
    # the entries that were already read, by the first revision
    read: Mapping[int, PhraseEntry] = field(default_factory=dict)
    first: PhraseEntry | None = None  # the entry that appeared first
    last: PhraseEntry | None = None  # that was seen last; None if no check ever found the wording
    # with the number of releases that have or had it, unless only one is searched
    agencies: Sequence[FacetValue] = ()

    @property
    def release_count(self) -> int:
        return len({times.release for times in self.times})

    def count_releases(self, status: str) -> int:
        """Return the number of releases that have an entry with this status."""
        return len({times.release for times in self.times if times.status == status})


def quote_words(query: Query) -> str | None:
    """Put a query of several plain words in quotation marks. Returns None for any other query.

    >>> from archive.search.query_language import parse_query
    >>> quote_words(parse_query("120 miljoner kronor")), quote_words(parse_query('"120 miljoner"'))
    ('"120 miljoner kronor"', None)
    """
    leaves = list(iter_leaves(query.tree))
    is_plain = (
        len(leaves) > 1
        and not any(sign in query.text for sign in '":*()+')
        and " -" not in query.text
    )
    return (
        f'"{query.text}"'
        if is_plain and all(isinstance(leaf, TermNode) for leaf in leaves)
        else None
    )


async def read_phrase_history(
    run: RunQuery, columns: ColumnCache, text: str, agency: str | None = None
) -> PhraseHistory:
    """Return the periods in which releases contained the words of a query.

    agency: search only the releases of this agency.
    """
    request = SearchRequest(text=text, include={"agency": (agency,)} if agency else {}, strict=True)
    query = request.query
    if not query.has_words:
        return PhraseHistory(query=query, notes=query.notes)
    finder, notes = await prepare_finder(run, request, columns)
    current = await read_current(run, request, finder.names)
    former = await find_former_hits(finder, current)
    times, entries = await _read_times(run, current, former)
    history = PhraseHistory(
        query=query,
        times=times,
        read={entry.presence.first: entry for entry in entries},
        agencies=await _count_agencies(run, times),
        notes=[*query.notes, *notes],
    )
    first, last = times[-1:], _find_last(times)
    ends = await read_phrase_entries(run, history, [*first, *last])
    return replace(history, first=ends[0] if first else None, last=ends[1] if last else None)


async def _read_times(
    run: RunQuery, current: Sequence[int], former: FormerHits
) -> tuple[list[PhraseTimes], list[PhraseEntry]]:
    """Return the times of a wording in the given releases, and the entries of changed releases.

    The newest times come first. Changed releases are releases in which the wording may have
    appeared or disappeared. Only the versions of these releases are read one by one.

    current: the releases whose current text contains the wording.
    former: the releases that contain the wording only in an earlier version.
    """
    found = [*current, *former.ids]
    (row,) = await run(CHANGED_SQL, {"ids": json.dumps(found)})
    changed = set(json.loads(row["releases"]))
    firsts = await _find_steady(run, changed.intersection(current), former.versions)
    to_read = changed.difference(firsts)
    entries = await _read_changed(run, sorted(to_read), set(current), former.versions)
    times = await _read_unchanged_times(run, set(found).difference(to_read), firsts)
    times += [entry.times for entry in entries]
    return sorted(times, reverse=True), entries


def _find_last(times: Iterable[PhraseTimes]) -> list[PhraseTimes]:
    """Return a list with the times of the entry in which the wording was seen most recently.

    The list is empty if no check ever found the wording.
    """
    seen = (each for each in times if each.last_seen)
    return heapq.nlargest(1, seen, key=lambda each: str(each.last_seen))


async def _find_steady(
    run: RunQuery, releases: Iterable[int], versions: Mapping[int, Collection[int]]
) -> dict[int, int]:
    """Find the releases that contained the wording in all their versions.

    Returns a map from each of these releases to its first version.

    releases: releases with several versions, whose current text contains the wording.
    versions: for each release, the indexed versions that contain the wording.
    """
    (row,) = await run(STEADY_SQL, {"ids": json.dumps(list(releases))})
    columns = (json.loads(row[name]) for name in ("releases", "firsts", "numbers"))
    return {
        release: first
        for release, first, number in zip(*columns, strict=True)
        if len(versions.get(release, ())) == number
    }


async def _read_changed(
    run: RunQuery,
    ids: Sequence[int],
    current: Collection[int],
    versions: Mapping[int, Collection[int]],
) -> list[PhraseEntry]:
    """Return the entries of releases in which a wording may have appeared or disappeared."""
    releases = await _read_phrase_releases(run, ids)
    presences = await _read_presences(run, releases, current, versions)
    return [
        PhraseEntry(row=releases[key], presence=presence)
        for key, found in presences.items()
        for presence in found
    ]


async def _read_phrase_releases(run: RunQuery, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    rows = await run(PHRASE_RELEASES_SQL, {"ids": json.dumps(ids)})
    return {row["id"]: dict(row) for row in rows}


async def _read_presences(
    run: RunQuery,
    releases: Mapping[int, Mapping[str, Any]],
    current: Collection[int],
    versions: Mapping[int, Collection[int]],
) -> dict[int, list[Presence]]:
    """Return the periods in which each of the given releases contained the wording.

    current: the releases whose current text contains the wording.
    versions: for each release, the indexed versions that contain the wording.
    """
    matching = {revision for key in releases for revision in versions.get(key, ())}
    revisions = {row["revision"] for key, row in releases.items() if key in current}
    (row,) = await run(INDEXED_SQL, {"ids": json.dumps(list(revisions))})
    matching |= revisions.difference(json.loads(row["ids"]))

    async def find(_: Sequence[int]) -> Collection[int]:
        return matching

    return await read_presences(run, list(releases), find)


async def _read_unchanged_times(
    run: RunQuery, releases: Iterable[int], firsts: Mapping[int, int]
) -> list[PhraseTimes]:
    """Return the times of releases that have contained the wording ever since they were archived.

    firsts: a map from each release with several versions to its first version.
    """
    (row,) = await run(TIMES_SQL, {"ids": json.dumps(list(releases))})
    names = ("releases", "revisions", "agencies", "imported", "appeared", "checked", "stated")
    columns = (json.loads(row[name]) for name in names)
    make_times = partial(tuple.__new__, PhraseTimes)  # half the time of PhraseTimes(…)
    return [
        make_times(
            (
                stated or appeared,
                firsts.get(key, revision),
                key,
                agency,
                None if imported else appeared,
                last_check,
                "current" if last_check else "unchecked",
                appeared,
            )
        )
        for key, revision, agency, imported, appeared, last_check, stated in zip(
            *columns, strict=True
        )
    ]


async def read_phrase_entries(
    run: RunQuery, history: PhraseHistory, times: Sequence[PhraseTimes]
) -> list[PhraseEntry]:
    """Return the entries of a history for the given times.

    Entries that the history does not contain yet are read from the archive.
    """
    ids = [each.release for each in times if each.first not in history.read]
    releases = await _read_phrase_releases(run, ids)
    return [
        history.read.get(each.first)
        or PhraseEntry(
            row=releases[each.release],
            presence=_build_only_presence(releases[each.release], each.first),
        )
        for each in times
    ]


def _build_only_presence(row: Mapping[str, Any], first: int) -> Presence:
    """Build the period of a wording in a release that always contained it and was never removed.

    first: the first revision of the release.
    """
    collection = find_collection(row["cause"], row["parser_version"])
    imported = None
    if collection:
        imported = Import(collection, row["added"], row["first_reading"] is not None)
    return Presence(
        first=first,
        last=row["revision"],
        appeared=CheckPair(None, row["first_reading"] or row["added"]),
        disappeared=None,
        first_import=imported,
        last_import=None if row["last_check"] else imported,
    )


async def _count_agencies(run: RunQuery, times: Iterable[PhraseTimes]) -> list[FacetValue]:
    """Return each agency with its number of releases in `times`, in Swedish alphabetical order."""
    counts = Counter({each.release: each.agency for each in times}.values())
    rows = await run(AGENCIES_SQL, {"slugs": json.dumps(list(counts))})
    found = [FacetValue(**dict(row), count=counts[row["value"]]) for row in rows]
    return sorted(found, key=lambda choice: swedish_sort_key(choice.name))


async def read_phrase_hits(
    run: RunQuery, query: Query, entries: Sequence[PhraseEntry]
) -> list[SearchHit]:
    """Return one result per entry: the last version with the wording.

    The query's words are highlighted. The `row` of a result contains the texts of this version.
    """
    query_terms = extract_query_terms(query.tree)
    texts = await read_version_texts(run, [entry.presence.last for entry in entries])

    def build_hits() -> list[SearchHit]:
        found = (texts[entry.presence.last] for entry in entries)
        return [build_release_hit(state, state["questions"] or (), query_terms) for state in found]

    return await asyncio.to_thread(build_hits)
