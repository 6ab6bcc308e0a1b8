"""Finds the releases that match a search, with excerpts, counts, notes and suggestions."""

from __future__ import annotations

import asyncio
import json
from array import array
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from archive.changes.edits_and_removals import read_latest_edits
from archive.changes.field_differences import find_main_change
from archive.changes.history import find_final_release
from archive.database.sqlite_files import FacetValue, RunQuery
from archive.search.column_cache import ColumnCache
from archive.search.counts_by_period import PeriodCounts, count_hit_page
from archive.search.edited_words import resolve_query
from archive.search.excerpts import (
    AttachmentExcerpt,
    SearchHit,
    TextChange,
    read_attachment_excerpts,
    read_question_hits,
    read_quote_hits,
    read_release_hits,
)
from archive.search.former_versions import (
    FormerHits,
    describe_changes,
    find_former_hits,
    list_marked_terms,
)
from archive.search.loose_hits import LooseHits, find_loose_hits
from archive.search.marked_words import QueryTerm
from archive.search.query_language import Query, SearchNote
from archive.search.query_sql import (
    ResolvedNames,
    build_scope_sql,
    extract_filters,
    match_attachments,
)
from archive.search.ranking import (
    NAMES_SQL,
    HitFinder,
    HitList,
    HitPage,
)
from archive.search.search_index import NO_VALUE
from archive.search.search_request import (
    EXCLUDE_SUFFIX,
    YES_NO_FACETS,
    SearchRequest,
    format_parameter,
    is_url,
)
from archive.search.spelling_corrections import FEW_HITS, is_english_query
from archive.search.suggestions import Suggestion, find_suggestions

MAX_EXAMPLE_EDITS = 20
MAX_EXAMPLE_WORDS = 5
HIT_BATCH = 100  # hits read at a time if all are read
RELEASE_BY_URL_SQL = """
    with variants(url, position) as (select value, key from json_each(:urls))
    select release from (
      select r.id as release, variants.position from variants join releases r
        on r.url = variants.url
      union all
      select f.release, variants.position + 0.5 from variants join frontier f
        on f.url = variants.url
      where f.release is not null
    ) order by position limit 1
"""
READERS = {
    "releases": read_release_hits,
    "questions": read_question_hits,
    "quotes": read_quote_hits,
}
OWN_IDS_SQL = {
    "questions": "select id from questions where release = :release",
    "quotes": (
        "select q.id from releases r join quotes q on q.revision = r.revision where r.id = :release"
    ),
}
# Values that are valid even if no release has them.
ALWAYS_VALID_VALUES = {"kind": {NO_VALUE}, "year": {NO_VALUE}} | {
    name: {"yes", "no"} for name in YES_NO_FACETS
}
FACET_VALUES_SQL = {  # values of facets that are rows of a table, which may have no release
    "agency": (
        "select slug as value from agencies where slug in (select value from json_each(:names))"
    ),
    "tag": "select name as value from tags where name in (select value from json_each(:names))",
    "speaker": (
        "select slug as value from people where slug in (select value from json_each(:names))"
    ),
}
AGENCIES_SQL = "select slug as value, name, name_en from agencies order by name"
CHOSEN_NAMES_SQL = {
    "agency": (
        "select slug as value, name, name_en from agencies where slug in (select value from"
        " json_each(:slugs))"
    ),
    "speaker": (
        "select slug as value, name from people where slug in (select value from json_each(:slugs))"
    ),
}
FRESHNESS_SQL = """
    select (select max(finished) from crawls where spider in ('news', 'revisit')) as crawled,
      (select max(added) from releases) as added,
      (select nullif(max(sort_date), '') from release_facets) as newest
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """Dates that show how recent the searched data is."""

    crawled: str | None  # end of the last crawl
    added: str | None  # when the latest release was first seen
    newest: str | None  # date of the newest release


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchScope:
    """The numbers of searched releases, shown to a visitor whose search found nothing."""

    agencies: list[FacetValue]  # each with its number of searched releases
    stored: int  # number of all releases
    is_limited: bool  # whether the request is limited to agencies, kinds, tags or days

    @property
    def total(self) -> int:
        """Return the number of releases that were searched."""
        return sum(choice.count for choice in self.agencies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    hits: list[SearchHit]
    hit_page: HitPage
    freshness: Freshness
    notes: list[SearchNote] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)
    scope: SearchScope | None = None
    # (facet, value) → the value with its name, for counted values, chosen agencies and chosen
    # speakers
    facet_choices: dict[tuple[str, str], FacetValue] = field(default_factory=dict)
    # releases that had the words; only looked for if none has them
    earlier: FormerHits | None = None
    periods: PeriodCounts | None = None  # None if there are too many hits, or it was not asked for


async def prepare_finder(
    run: RunQuery, request: SearchRequest, columns: ColumnCache | None = None
) -> tuple[HitFinder, list[SearchNote]]:
    """Return a HitFinder for a request, and the notes of `resolve_query` on its query.

    columns: the archive's cached columns, for callers that search more than once. If None, the
        columns are read first.
    """
    columns = await (columns or ColumnCache()).refresh(run)
    names, notes = await resolve_query(run, request.query.tree)
    return HitFinder(run=run, columns=columns, request=request, names=names), notes


async def search(
    run: RunQuery,
    request: SearchRequest,
    columns: ColumnCache | None = None,
    *,
    with_periods: bool = False,
) -> Results:
    """Find the releases, question pairs or quotations that match a request.

    columns: the archive's cached columns, as in prepare_finder.
    with_periods: whether to also count the results by month or year.
    """
    finder, query_notes = await prepare_finder(run, request, columns)
    columns, names = finder.columns, finder.names
    hit_page = await finder.find_page()
    hits, suggestions, unknown_values = await asyncio.gather(
        read_hits(run, request, hit_page.ids, names, hit_page.loose, former=hit_page.former),
        find_suggestions(run, columns, request, hit_page, names),
        _find_unknown_values(run, columns, request),
    )
    notes = [*request.query.notes, *request.notes, *query_notes, *unknown_values]
    notes += _list_hit_notes(request, hit_page, hits, suggestions)
    needs_periods = with_periods and hit_page.total
    needs_earlier = not (hit_page.total or request.all_versions or request.news)
    return Results(
        hits=hits,
        hit_page=hit_page,
        notes=notes,
        suggestions=suggestions,
        freshness=Freshness(**dict((await run(FRESHNESS_SQL, {}))[0])),
        scope=None if hit_page.total else await _read_search_scope(run, columns, request, names),
        facet_choices=await _name_facet_values(run, request, hit_page),
        earlier=await find_former_hits(finder, ())
        if needs_earlier and request.show == "releases"
        else None,
        periods=await count_hit_page(finder, hit_page) if needs_periods else None,
    )


def _list_hit_notes(
    request: SearchRequest,
    hit_page: HitPage,
    hits: Sequence[SearchHit],
    suggestions: Sequence[Suggestion],
) -> list[SearchNote]:
    """Return notes on a page number that is too high, an English query with few results, and the
    order of the results.
    """
    notes = []
    if request.page > hit_page.pages:
        notes.append(SearchNote("no_page", str(request.page)))
    # "AI" and "Trump" count as English too, but find enough, and have no Swedish translation
    is_translated = any(other.reason == "translation" for other in suggestions)
    finds_enough = hit_page.total > FEW_HITS and not is_translated
    if not finds_enough and is_english_query(request.query) and not _has_english_hit(hits):
        notes.append(SearchNote("english"))
    if hit_page.title_matches_first:
        notes.append(SearchNote("titled"))
    return notes


def _has_english_hit(hits: Sequence[SearchHit]) -> bool:
    """Return whether the page of any strict result declares English as its language."""
    languages = (hit.row["language"] or "" for hit in hits if not hit.is_loose)
    return any(language.lower().startswith("en") for language in languages)


async def search_all(
    run: RunQuery, request: SearchRequest, columns: ColumnCache | None = None
) -> AsyncIterator[list[SearchHit]]:
    """Yield all matching releases, question pairs or quotations in batches.

    The order is the same as on the result pages.
    """
    finder, _ = await prepare_finder(run, request, columns)
    strict = await finder.fetch_all()
    loose = await find_loose_hits(finder, strict)
    ids = array("q", loose.order or strict.ids)
    for start in range(0, len(ids), HIT_BATCH):
        batch = ids[start : start + HIT_BATCH]
        yield await read_hits(run, request, batch, finder.names, loose, former=strict.former)


@dataclass(frozen=True, slots=True, kw_only=True)
class HitPosition:
    """The terms to highlight on a page, and the page's position among the results of a search.

    number: the position, counted from 1. None if the page is not a result, or is no longer one.
    total: the number of strict results.
    """

    query_terms: list[QueryTerm]
    number: int | None = None
    total: int = 0
    capped: bool = False  # there are more hits than `total`
    is_loose: bool = False
    change: TextChange | None = None  # by which it is a hit
    previous: SearchHit | None = None
    next: SearchHit | None = None


async def find_hit_position(
    run: RunQuery, request: SearchRequest, release_id: int, number: int | None, columns: ColumnCache
) -> HitPosition:
    """Find the position of a release, or of a part of it, among the results of a request.

    The returned object also contains the results before and after the release.

    number: the position that the release had when the link to it was made. It may have changed
        since. If None, only the terms to highlight are returned.
    """
    page = (number or 0) // request.size + 1  # the page with the next hit
    finder, _ = await prepare_finder(run, replace(request, page=page), columns)
    strict_terms = list_marked_terms(request.query.tree, finder.names)
    if number is None:
        return HitPosition(query_terms=strict_terms)
    strict, total = await finder.fetch_counted()
    loose = await find_loose_hits(finder, strict)
    ids = loose.order or strict.ids
    index = _find_place(ids, await _read_own_ids(run, request, release_id), number - 1)
    if index < 0:
        return HitPosition(query_terms=strict_terms)
    hits = await _read_hits_around(finder, index, strict, loose)
    own_hit, query = hits.get(index), loose.queries.get(ids[index])
    return HitPosition(
        query_terms=list_marked_terms(query.tree, finder.names) if query else strict_terms,
        number=index + 1,
        total=total,
        capped=strict.capped and not finder.has_only_facets,
        is_loose=query is not None,
        change=own_hit.change if own_hit else None,
        previous=hits.get(index - 1),
        next=hits.get(index + 1),
    )


async def _read_own_ids(run: RunQuery, request: SearchRequest, release_id: int) -> set[int]:
    """Return the ids under which a release can be a result.

    These are the ids of its question pairs or quotations if the request searches those, otherwise
    its own id.
    """
    if request.show == "releases":
        return {release_id}
    sql = OWN_IDS_SQL[request.show]
    return {row["id"] for row in await run(sql, {"release": release_id})}


def _find_place(ids: Sequence[int], wanted: set[int], expected: int) -> int:
    """Return an index at which `ids` has a wanted id: `expected` if possible, otherwise the lowest.

    Returns -1 if no wanted id is in `ids`.

    >>> _find_place([7, 8, 9, 8], {8}, 3), _find_place([7, 8], {8}, 5), _find_place([7], {8}, 0)
    (3, 1, -1)
    """
    if expected < len(ids) and ids[expected] in wanted:
        return expected
    return next((place for place, key in enumerate(ids) if key in wanted), -1)


async def _read_hits_around(
    finder: HitFinder, index: int, strict: HitList, loose: LooseHits
) -> dict[int, SearchHit]:
    """Return the results before and after an index, as a map from index to result.

    The result at the index itself is included if results may match only because of a change: in an
    earlier version, or by an edit.
    """
    ids = loose.order or strict.ids
    has_changes = strict.former.ids or finder.names.edits
    places = [index - 1, index, index + 1] if has_changes else [index - 1, index + 1]
    keys = {place: ids[place] for place in places if 0 <= place < len(ids)}
    hits = await read_hits(
        finder.run,
        finder.request,
        list(keys.values()),
        finder.names,
        loose,
        former=strict.former,
    )
    by_id = {_get_key(hit): hit for hit in hits}
    return {place: by_id[key] for place, key in keys.items() if key in by_id}


async def read_hits(
    run: RunQuery,
    request: SearchRequest,
    ids: Sequence[int],
    names: ResolvedNames,
    loose: LooseHits,
    *,
    former: FormerHits,
) -> list[SearchHit]:
    """Return a result with excerpts for each id, in the order of `ids`.

    ids: the ids of releases, question pairs or quotations, depending on what the request searches
        for.
    """
    read = READERS[request.show]
    hits: dict[int, SearchHit] = {}
    for query, keys in _group_by_query(request, ids, loose, former).items():
        terms = list_marked_terms(query.tree, names, with_edits=query is not request.query)
        for hit in await read(run, keys, terms):
            key = _get_key(hit)
            hits[key] = _describe_looseness(hit, loose, key) if key in loose.queries else hit
    if request.show == "releases":
        excerpts = await _read_attachments(run, request, ids, names, loose)
        hits |= {key: replace(hits[key], attachment=text) for key, text in excerpts.items()}
    found = [hits[key] for key in ids if key in hits]
    return await describe_changes(run, found, request.query.tree, names, former)


def _describe_looseness(hit: SearchHit, loose: LooseHits, key: int) -> SearchHit:
    """Return a loose result with the words of the query that it lacks, and the related words that
    it contains.

    A word also counts as missing if its related words are not in the part of the text that is read
    for excerpts.
    """
    forms = {match.query_term: match.list_forms() for match in hit.explanations}
    found = {
        word: [form for reading in word.readings for form in forms.get(reading, ())]
        for word in loose.related[key]
    }
    missing = [*loose.missing[key], *(word for word in found if not found[word])]
    related = {word: words for word, words in found.items() if words}
    return replace(hit, is_loose=True, missing=missing, related=related)


async def _read_attachments(
    run: RunQuery,
    request: SearchRequest,
    ids: Sequence[int],
    names: ResolvedNames,
    loose: LooseHits,
) -> dict[int, AttachmentExcerpt]:
    """Return an attachment excerpt for each release with an attachment that matches the query."""
    excerpts: dict[int, AttachmentExcerpt] = {}
    # a file is searched as it is now, also for former hits
    for query, keys in _group_by_query(request, ids, loose, FormerHits()).items():
        if match := match_attachments(query.tree, names):
            terms = list_marked_terms(query.tree, names)
            excerpts |= await read_attachment_excerpts(run, keys, match, terms)
    return excerpts


def _group_by_query(
    request: SearchRequest, ids: Sequence[int], loose: LooseHits, former: FormerHits
) -> dict[Query, list[int]]:
    """Group results by the query whose words are highlighted in them.

    No words are highlighted in the current text of a result that matches only in an earlier
    version, because this text is not shown.
    """
    groups: dict[Query, list[int]] = {}
    former_ids, unmarked = set(former.ids), Query()
    for key in ids:
        query = unmarked if key in former_ids else loose.queries.get(key, request.query)
        groups.setdefault(query, []).append(key)
    return groups


def _get_key(hit: SearchHit) -> int:
    """Return the id of the release, question pair or quotation that is the result."""
    key: int = hit.row["pair" if hit.is_pair else "id"]
    return key


async def _name_facet_values(
    run: RunQuery, request: SearchRequest, hit_page: HitPage
) -> dict[tuple[str, str], FacetValue]:
    """Return the counted facet values and the chosen agencies and speakers, by facet and value.

    Each FacetValue includes a display name. Chosen values without results have the count 0.
    """
    chosen: dict[tuple[str, str], FacetValue] = {}
    for name, sql in CHOSEN_NAMES_SQL.items():
        slugs = [*request.include.get(name, ()), *request.exclude.get(name, ())]
        rows = await run(sql, {"slugs": json.dumps(slugs)}) if slugs else []
        chosen |= {(name, row["value"]): FacetValue(**dict(row), count=0) for row in rows}
    return chosen | {
        (name, choice.value): choice
        for name, choices in hit_page.facets.items()
        for choice in choices
    }


async def _read_search_scope(
    run: RunQuery, columns: ColumnCache, request: SearchRequest, names: ResolvedNames
) -> SearchScope:
    """Count, by agency, the releases that match a request's filters, regardless of its words."""
    counts = columns.count_all_values("agency")
    rows = [row for row in await run(AGENCIES_SQL, {}) if row["value"] in counts]
    stored = sorted(
        (FacetValue(**dict(row), count=counts[row["value"]]) for row in rows),
        key=lambda each: -each.count,
    )
    is_limited = request.has_filters or extract_filters(request.query.tree) is not None
    searched = (
        [FacetValue(**dict(row)) for row in await run(*build_scope_sql(request, names))]
        if is_limited
        else stored
    )
    return SearchScope(
        agencies=searched, stored=sum(choice.count for choice in stored), is_limited=is_limited
    )


async def _find_unknown_values(
    run: RunQuery, columns: ColumnCache, request: SearchRequest
) -> list[SearchNote]:
    """Return a note for each chosen facet value that does not exist."""
    notes = []
    for chosen, suffix in ((request.include, ""), (request.exclude, EXCLUDE_SUFFIX)):
        for name, values in chosen.items():
            if name in FACET_VALUES_SQL:
                rows = await run(FACET_VALUES_SQL[name], {"names": json.dumps(values)})
                known = {row["value"] for row in rows}
            elif name == "reference":
                known = set(columns.reference_codes)
            else:
                known = ALWAYS_VALID_VALUES[name] | columns.value_codes[name].keys()
            unknown = (value for value in values if value not in known)
            notes += [
                SearchNote("no_value", format_parameter(name + suffix, value)) for value in unknown
            ]
    return notes


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchExample:
    """A search that shows what the archive can do, and its number of results.

    kind: the feature that the search demonstrates.
    """

    kind: str
    request: SearchRequest
    count: int
    capped: bool = False  # there are more hits than `count`


async def find_examples(
    run: RunQuery, columns: ColumnCache, field_names: Mapping[str, str]
) -> list[SearchExample]:
    """Return example searches that have results in this archive.

    For instance, they search for removed words, a speaker or a tag. The examples are kept in memory
    until the archive changes.

    field_names: the names of the fields `removed`, `speaker` and `tag` in the visitor's language.
    """
    await columns.refresh(run)
    find = partial(_find_examples, run, columns, field_names)
    return await columns.keep(f"examples {' '.join(field_names.values())}", find)


async def _find_examples(
    run: RunQuery, columns: ColumnCache, field_names: Mapping[str, str]
) -> list[SearchExample]:
    examples = await _find_field_examples(run, columns, field_names)
    for name in YES_NO_FACETS:
        count = columns.count_all_values(name).get("yes", 0)
        request = SearchRequest(include={name: ("yes",)})
        examples.append(SearchExample(kind=name, request=request, count=count))
    years = columns.count_all_values("year")
    if oldest := min(years.keys() - {NO_VALUE}, default=None):
        request = SearchRequest(to_day=f"{oldest}-12-31", order="oldest")
        examples.append(SearchExample(kind="oldest", request=request, count=years[oldest]))
    return [example for example in examples if example.count]


async def _find_field_examples(
    run: RunQuery, columns: ColumnCache, field_names: Mapping[str, str]
) -> list[SearchExample]:
    """Return example searches for words that an edit removed, for a speaker and for a tag.

    An example is left out if the archive has no such words, speaker or tag.
    """
    values = {"removed": await _find_removed_wording(run)}
    for name, sql in NAMES_SQL.items():
        most_common = columns.lists[name].count_all(1)
        rows = await run(sql, {"ids": json.dumps(list(most_common))})
        values[name] = rows[0]["name"] if rows else ""
    examples = []
    for name, value in values.items():
        if not value or '"' in value:
            continue
        request = SearchRequest(text=f'{field_names[name]}:"{value}"', strict=True)
        finder, _ = await prepare_finder(run, request, columns)
        hits = await finder.fetch("newest")
        shown = replace(request, strict=False)
        examples.append(
            SearchExample(kind=name, request=shown, count=len(hits.ids), capped=hits.capped)
        )
    return examples


async def _find_removed_wording(run: RunQuery) -> str:
    """Return words that a recent important edit replaced or removed, or "" if there are none."""
    for edit in await read_latest_edits(run, MAX_EXAMPLE_EDITS):
        change = find_main_change("sv", edit["changes"])
        words = change.before.split() if change and change.before else []
        if 0 < len(words) <= MAX_EXAMPLE_WORDS:
            return " ".join(words)
    return ""


async def find_release_by_url(run: RunQuery, text: str) -> int | None:
    """Return the id of the release that has or had the given URL, or None if there is none.

    If the release was merged into another one, the id of that other release is returned.
    """
    if not is_url(text):
        return None
    rows = await run(RELEASE_BY_URL_SQL, {"urls": json.dumps(_list_url_variants(text.strip()))})
    return await find_final_release(run, rows[0]["release"]) if rows else None


def _list_url_variants(url: str) -> list[str]:
    """List a URL and its common variants, the most likely first.

    The variants differ in fragment, query, trailing slash, scheme and www.

    >>> _list_url_variants("https://www.a.se/b#c")[:4]
    ['https://www.a.se/b#c', 'https://www.a.se/b', 'https://www.a.se/b/', 'http://www.a.se/b']
    """
    scheme, _, address = url.partition("://")
    without_fragment = address.partition("#")[0]
    without_query = without_fragment.partition("?")[0]
    addresses = [
        text
        for base in (without_fragment, without_query)
        for text in (base, base.rstrip("/"), base.rstrip("/") + "/")
    ]
    other_hosts = [
        text[4:] if text.lower().startswith("www.") else f"www.{text}" for text in addresses
    ]
    other_scheme = "http" if scheme.lower() == "https" else "https"
    variants = [
        url,
        *(f"{scheme}://{text}" for text in addresses),
        *(f"{other_scheme}://{text}" for text in addresses),
    ]
    variants += [f"{name}://{text}" for text in other_hosts for name in ("https", "http")]
    return list(dict.fromkeys(variants))
