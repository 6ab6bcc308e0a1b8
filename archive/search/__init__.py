"""Search: from a reader's words to matching releases. It does not depend on the web layer.

query.py        the query language: text to a tree
params.py       search requests from URL parameters, and back
index.py        the FTS5 tables and what they contain
fts.py          a tree to an FTS5 expression and SQL conditions
ranking.py      which releases match, in which order, and the counts of facets
snippets.py     excerpts of the original texts, with the words found marked
suggestions.py  other queries that may have been meant
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from archive.database import FacetValue, RunQuery
from archive.history import find_final_release
from archive.search.fts import ResolvedNames, build_scope_sql, extract_filters, resolve_names
from archive.search.index import NO_VALUE
from archive.search.params import EXCLUDE_SUFFIX, SearchRequest, format_parameter
from archive.search.query import SearchNote
from archive.search.ranking import ColumnCache, HitPage, find_all_hits, find_hits
from archive.search.snippets import QueryTerm, SearchHit, extract_query_terms, read_question_hits, read_release_hits
from archive.search.suggestions import Suggestion, find_suggestions

HIT_BATCH = 100  # hits read at a time where all are read
URL_PATTERN = re.compile(r"https?://[^\s/]+\.[^\s/]+(?:/\S*)?|https?://[^\s/]+/\S*", re.IGNORECASE)
RELEASE_BY_URL_SQL = """
    with variants(url, position) as (select value, key from json_each(:urls))
    select release from (
      select r.id as release, variants.position from variants join releases r on r.url = variants.url
      union all
      select f.release, variants.position + 0.5 from variants join frontier f on f.url = variants.url
      where f.release is not null
    ) order by position limit 1
"""
# Values that are valid even if no release has them today.
ALWAYS_VALID_VALUES = {"kind": {NO_VALUE}, "year": {NO_VALUE}, "questions": {"yes", "no"}}
FACET_VALUES_SQL = {  # facets whose values are rows of their own, which may have no release
    "agency": "select slug as value from agencies where slug in (select value from json_each(:names))",
    "tag": "select name as value from tags where name in (select value from json_each(:names))",
}
AGENCY_COUNTS_SQL = """
    select a.slug as value, a.name, a.name_en, m.releases as count from month_counts m
    join agencies a on a.slug = m.agency where m.month = '' order by count desc, a.name
"""
CHOSEN_AGENCIES_SQL = (
    "select slug as value, name, name_en from agencies where slug in (select value from json_each(:slugs))"
)
FRESHNESS_SQL = """
    select (select max(finished) from crawls where spider in ('news', 'revisit')) as crawled,
      (select max(first_seen) from releases) as added,
      (select nullif(max(sort_date), '') from release_facets) as newest
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How fresh the searched data is.

    crawled: end of the last crawl; added: when the latest release was first seen; newest: date of the newest release.
    """

    crawled: str | None
    added: str | None
    newest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchScope:
    """The number of releases by agency that a search without hits went through.

    stored: the number of all releases; is_limited: the search had chosen agencies, kinds, tags or days.
    """

    agencies: list[FacetValue]
    stored: int
    is_limited: bool

    @property
    def total(self) -> int:
        """Return the number of releases that were searched."""
        return sum(choice.count for choice in self.agencies)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The results of a search."""

    hits: list[SearchHit]
    hit_page: HitPage
    freshness: Freshness
    notes: list[SearchNote] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)
    scope: SearchScope | None = None
    # (facet, value) → the value with its name, for counted values and chosen agencies
    facet_choices: dict[tuple[str, str], FacetValue] = field(default_factory=dict)


async def search(run: RunQuery, request: SearchRequest, columns: ColumnCache | None = None) -> Results:
    """Find the releases, or pairs of question and answer, that match a request.

    columns: the archive's cached columns, which a caller that searches often keeps; without them all are read first.
    Errors of `run`, such as a timeout, are raised to the caller.
    """
    columns = await (columns or ColumnCache()).refresh(run)
    names, name_notes = await resolve_names(run, request.query.tree)
    hit_page = await find_hits(run, columns, request, names)
    hits, suggestions, unknown_values = await asyncio.gather(
        read_hits(run, request, hit_page.ids, list_query_terms(request, names)),
        find_suggestions(run, columns, request, hit_page, names),
        find_unknown_values(run, columns, request),
    )
    return Results(
        hits=hits,
        hit_page=hit_page,
        notes=[
            *request.query.notes,
            *request.notes,
            *name_notes,
            *unknown_values,
            *list_result_notes(request, hit_page),
        ],
        suggestions=suggestions,
        freshness=Freshness(**dict((await run(FRESHNESS_SQL, {}))[0])),
        scope=None if hit_page.total else await read_search_scope(run, request, names),
        facet_choices=await name_facet_values(run, request, hit_page),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AllHits:
    """All hits of a request: their number, and the hits themselves, which are read while they are iterated."""

    total: int
    batches: AsyncIterator[list[SearchHit]]


async def search_all(run: RunQuery, request: SearchRequest, columns: ColumnCache | None = None) -> AllHits:
    """Find all releases, or pairs, that match a request, in the order of their pages; for `columns` see `search`."""
    columns = await (columns or ColumnCache()).refresh(run)
    names, _ = await resolve_names(run, request.query.tree)
    ids = await find_all_hits(run, columns, request, names)
    terms = list_query_terms(request, names)

    async def read_batches() -> AsyncIterator[list[SearchHit]]:
        for start in range(0, len(ids), HIT_BATCH):
            yield await read_hits(run, request, ids[start : start + HIT_BATCH], terms)

    return AllHits(total=len(ids), batches=read_batches())


async def read_hits(
    run: RunQuery, request: SearchRequest, ids: Sequence[int], terms: Sequence[QueryTerm]
) -> list[SearchHit]:
    """Read the releases or pairs with these ids, with their excerpts."""
    read = read_question_hits if request.show == "questions" else read_release_hits
    return await read(run, list(ids), terms)


def list_query_terms(request: SearchRequest, names: ResolvedNames) -> list[QueryTerm]:
    """List the terms of a request that are marked in its hits."""
    return extract_query_terms(
        request.query.tree, {text: expansion.lemmas for text, expansion in names.prefixes.items()}
    )


def list_result_notes(request: SearchRequest, hit_page: HitPage) -> list[SearchNote]:
    """List notes about how hits were sorted, and about a page beyond the last."""
    page_notes = [SearchNote("no_page", str(request.page))] if request.page > hit_page.pages else []
    return [*page_notes, *([SearchNote("titled")] if hit_page.title_matches_first else [])]


async def name_facet_values(
    run: RunQuery, request: SearchRequest, hit_page: HitPage
) -> dict[tuple[str, str], FacetValue]:
    """Return the display names of counted values and of chosen agencies, which may have no hits."""
    slugs = [*request.include.get("agency", ()), *request.exclude.get("agency", ())]
    rows = await run(CHOSEN_AGENCIES_SQL, {"slugs": json.dumps(slugs)}) if slugs else []
    chosen = {("agency", row["value"]): FacetValue(**dict(row), count=0) for row in rows}
    return chosen | {(name, choice.value): choice for name, choices in hit_page.facets.items() for choice in choices}


async def read_search_scope(run: RunQuery, request: SearchRequest, names: ResolvedNames) -> SearchScope:
    """Return the number of releases by agency, most first, within the limits that the request sets beside its words."""
    stored = [FacetValue(**dict(row)) for row in await run(AGENCY_COUNTS_SQL, {})]
    is_limited = request.has_filters or extract_filters(request.query.tree) is not None
    searched = (
        [FacetValue(**dict(row)) for row in await run(*build_scope_sql(request, names))] if is_limited else stored
    )
    return SearchScope(agencies=searched, stored=sum(choice.count for choice in stored), is_limited=is_limited)


async def find_unknown_values(run: RunQuery, columns: ColumnCache, request: SearchRequest) -> list[SearchNote]:
    """Return a note for each chosen facet value that no release of the archive can have."""
    notes = []
    for chosen, suffix in ((request.include, ""), (request.exclude, EXCLUDE_SUFFIX)):
        known = await find_existing_values(run, columns, chosen)
        notes += [
            SearchNote("no_value", format_parameter(name + suffix, value))
            for name, values in chosen.items()
            for value in values
            if value not in known[name]
        ]
    return notes


async def find_existing_values(
    run: RunQuery, columns: ColumnCache, facet_values: Mapping[str, tuple[str, ...]]
) -> dict[str, set[str]]:
    """Return the chosen values of each facet that exist."""
    known = {}
    for name, values in facet_values.items():
        if name in FACET_VALUES_SQL:
            known[name] = {row["value"] for row in await run(FACET_VALUES_SQL[name], {"names": json.dumps(values)})}
        else:
            known[name] = ALWAYS_VALID_VALUES[name] | set(columns.value_codes[name].codes)
    return known


def is_url(text: str) -> bool:
    """Return whether a text is a single web address.

    >>> is_url("https://a.se/nyheter/1"), is_url("fyrar https://a.se/"), is_url("https")
    (True, False, False)
    """
    return URL_PATTERN.fullmatch(text.strip()) is not None


async def find_release_by_url(run: RunQuery, text: str) -> int | None:
    """Return the release at a URL, past or present; None if there is none.

    If the release moved or was merged, the result is the release that continues its record.
    """
    if not is_url(text):
        return None
    rows = await run(RELEASE_BY_URL_SQL, {"urls": json.dumps(list_url_variants(text.strip()))})
    return await find_final_release(run, rows[0]["release"]) if rows else None


def list_url_variants(url: str) -> list[str]:
    """List a URL and other common spellings of it, the most likely first.

    >>> list_url_variants("https://www.a.se/b#c")[:3]
    ['https://www.a.se/b#c', 'https://www.a.se/b', 'https://www.a.se/b/']
    """
    without_fragment = url.partition("#")[0]
    without_query = without_fragment.partition("?")[0]
    slash_variants = [
        text for base in (without_fragment, without_query) for text in (base, base.rstrip("/"), base.rstrip("/") + "/")
    ]
    variants = [url, *slash_variants]
    scheme, _, after_scheme = without_fragment.partition("://")
    other_scheme = "http" if scheme.lower() == "https" else "https"
    variants += [other_scheme + text[len(scheme) :] for text in slash_variants]
    prefix = "www." if not after_scheme.lower().startswith("www.") else ""
    variants += [
        f"{new_scheme}://{prefix}{text.partition('://')[2].removeprefix('' if prefix else 'www.')}"
        for text in slash_variants
        for new_scheme in ("https", "http")
    ]
    return list(dict.fromkeys(variants))
