"""Shows the search page, and makes its query language available in Datasette's own searches.

/search (.json, .csv, .xlsx, .atom) shows releases, questions or quotations, and facets. Every
search has its own URL. CSV and Excel contain all results unless a page is requested.

Datasette's `_search=` parameter for the `releases` table uses the same query language, because the
archive replaces Datasette's escape_fts. With `_versions=all`, releases with a matching earlier
version are also found. `_searchmode=raw` bypasses all of this: the text is then an FTS5 expression.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import chain
from typing import Any

from datasette import Response
from datasette.database import QueryInterrupted
from datasette.filters import FilterArguments

from archive.changes.new_releases import ANY_FINISHED_CRAWL_SQL, FILLED_SIZE, find_imported
from archive.database.sqlite_files import FacetValue, build_connection_runner, run_without_waiting
from archive.health.coverage import read_known_months
from archive.i18n import format_release_kind, format_stated_time, format_time, translate
from archive.search.counts_by_period import (
    MAX_PAGE_HITS,
    ComparedSearch,
    list_periods,
)
from archive.search.document_references import label_reference
from archive.search.excerpts import SearchHit
from archive.search.matching_releases import match_table_search, plan_table_search
from archive.search.query_language import find_reference_nodes
from archive.search.results import (
    Results,
    find_examples,
    find_release_by_url,
    search,
    search_all,
)
from archive.search.search_index import NO_VALUE
from archive.search.search_request import (
    ALL_VERSIONS,
    EXCLUDE_SUFFIX,
    FACETS,
    MAX_SERIES,
    RESULT_TYPES,
    SEARCH_PARAMETERS,
    SORT_ORDERS,
    YES_NO_FACETS,
    FacetLinks,
    SearchRequest,
    build_hit_url,
    build_over_time_url,
    build_search_url,
    parse_search_request,
)
from archive.views.references import build_reference_path
from archive.web import (
    AtomEntry,
    DataList,
    Operation,
    SiteRequest,
    build_agency_entry,
    build_query_runner,
    format_stated_atom_time,
    get_fields,
    get_search_columns,
    site_view,
)
from archive.web.charts import Chart, build_period_chart, name_chart

# the search page and its data
SEARCH_FEED_SIZE = 30
MAX_FACET_VALUES = 40  # values of one facet on the page; each takes two links
# parameters that the title of a chart names or need not name
UNFILTERED = ("q", "agency", "order", "show", "page", "size", "from", "to")
MAX_NAMED_AGENCIES = 12  # agencies listed when a search has no hits
COMMON_COLUMNS = (
    *(
        "agency",
        "agency_name",
        "kind",
        "title",
        "published",
        "updated",
        "first_seen",
        "language",
        "removed_at",
        "url",
    ),
)
PART_COLUMNS = {
    "questions": ("pair", "position", "question", "answer", "answered_by"),
    "quotes": ("text", "speaker", "person", "role", "organisation"),
}
STRICT, LOOSE, FORMER = "strict", "loose", "former"  # values of the column match
SEARCH_COLUMNS = {
    "releases": (
        "release",
        *COMMON_COLUMNS,
        "excerpt",
        "questions",
        "match",
        "matched",
        "missing",
        "related",
        "page",
    ),
    "questions": (
        *("pair", "release", *PART_COLUMNS["questions"][1:]),
        *COMMON_COLUMNS,
        *("match", "matched", "missing", "related", "page"),
    ),
    "quotes": (
        *("release", *PART_COLUMNS["quotes"]),
        *COMMON_COLUMNS,
        *("match", "matched", "page"),
    ),
}
# further columns of searches in earlier versions and edits: see TextChange
CHANGE_COLUMNS = ("change", "before", "after", "checked_before", "checked_after", "comparison")

# values of the parameters; of several, a release has one, or all if the text says so
FACET_MEANINGS = {
    "agency": "Slug of an agency = polisen",
    "kind": "Type of release, or `none`: without one = news",
    "year": "Year of publication, or `none`: without a date = 2024",
    "speaker": "Short name of a person who is quoted, as in /person/<name>; of several, all",
    "tag": "Name of a tag; of several, all",
    "reference": "Document that it refers to; of several, all = prop. 2023/24:99",
    "questions": "Whether it has questions and answers: yes or no = yes",
    "attachments": "Whether it has attachments: yes or no = yes",
    "edited": "Whether the agency edited it: yes or no = yes",
}
FACET_TYPE = [
    {"value": "str", "name": "str", "count": "int", "total?": "int? All releases of the year"}
]
CHANGE_TYPES = get_fields(
    **{
        "change?": (
            "str? former, removed, added or edited, if earlier versions or edits were searched"
        ),
        "before?": "int? Revision before the change",
        "after?": "int? Revision after it",
        "checked_before?": (
            "time? It happened after this check; null if unknown, or if it was a collection"
        ),
        "checked_after?": "time? It happened before this one; null if it was a collection",
        "comparison?": "url? The comparison of the two revisions",
        "match": (
            "str strict, loose (has not everything that was searched for) or former (an earlier"
            " version has it)"
        ),
        "matched": "str The forms that were found, in lower case",
        "missing": "str The words of the search that a loose hit lacks, separated by commas",
        "related": (
            "str Those that it lacks but has related words for, with these = dagis: förskola,"
            " förskolan; stopp: provstopp"
        ),
    }
)


@site_view(
    "/search",
    parameters=SEARCH_PARAMETERS,
    operation=Operation(
        formats=("json", "csv", "xlsx", "atom"),
        summary=(
            "Search releases, questions and answers, or quotations. CSV and Excel have every"
            " result, JSON a page of them"
        ),
        members=get_fields(
            "query",
            "notes",
            show="str releases, questions or quotes",
            order="str best, newest or oldest",
            total="int Hits that have everything that was searched for",
            capped="bool Whether there are more than `total`",
            loose="int Hits that have only a part of it, and follow the others",
            page_number="int",
            pages="int",
            include="map Chosen values of each filter",
            exclude="map Excluded values of each filter",
            days=(
                "map The first and the last day of publication, `from` and `to`, if they are"
                " limited"
            ),
            fresh={"crawled": "time? End of the last crawl", "added": "time?", "newest": "str?"},
            searched="any Which releases were searched, if none was found",
            earlier=(
                "int? Releases that had the words in an earlier version (versions=all), if none has"
                " them"
            ),
            facets=dict.fromkeys(FACETS, FACET_TYPE),
            approximate_facets=["str"],
            did_you_mean=[
                {
                    "query": "str Another query; of a period, with from: and to:",
                    "total": "int?",
                    "reason": "str spelling, loose, translation, reference, period or day",
                }
            ],
        )
        | {
            "former?": "int Hits among them of which only an earlier version has the words",
            "releases?": [
                get_fields(
                    *COMMON_COLUMNS,
                    "release",
                    "excerpt",
                    "page",
                    **CHANGE_TYPES,
                    questions="int Their number",
                )
            ],
            "questions?": [
                get_fields(
                    *COMMON_COLUMNS,
                    *("release", "page"),
                    **CHANGE_TYPES,
                    pair="int Number of the question",
                    position="int Its place in the release",
                    question="str",
                    answer="str",
                    answered_by="str?",
                )
            ],
            "quotes?": [
                get_fields(
                    *COMMON_COLUMNS,
                    *("release", "page"),
                    match=CHANGE_TYPES["match"],
                    matched=CHANGE_TYPES["matched"],
                    text="str The words of the quotation",
                    speaker="str? Name as printed = Anna Ek",
                    person="str? Short name of the speaker in addresses = anna-ek",
                    role="str? The role that the release prints for the speaker = hamnchef",
                    organisation="str? What the speaker is said to belong to",
                )
            ],
        },
        parameters={
            **{name: [f"str {text}"] for name, text in FACET_MEANINGS.items()},
            **{
                f"{name}{EXCLUDE_SUFFIX}": [f"str Leave out releases with this value of `{name}`"]
                for name in FACETS
            },
            "from": "str Published on this day or later: 2024-05-18, 2024-05 or 2024",
            "to": (
                "str Published on this day or earlier, of which a month and a year have their last"
                " day"
            ),
            "order": "str best, newest or oldest",
            "show": "str releases, questions, or quotes (of the current versions)",
            "versions": "str all: also releases of which only an earlier version has the words",
        },
    ),
)
async def _show_search(site: SiteRequest) -> Any:
    """Show the search page, or return the results as data.

    The status of the page is 503 if the search took too long.
    """
    query = parse_search_request(site.args)
    is_page = "page" in site.args or "size" in site.args
    if site.format_name == "xlsx" or (site.format_name == "csv" and not is_page):
        return _list_all_results(site, query)
    if site.format_name:
        return await _list_results(site, query)
    release_id = await find_release_by_url(site.run, query.text)
    if release_id is not None:
        return Response.redirect(site.path(f"/archive/releases/{release_id}"))
    columns = get_search_columns(site.datasette)
    try:
        results = await search(site.run, query, columns, with_periods=True)
    except QueryInterrupted:
        context = _build_search_context(site, query, None)
        return await site.render("search.html", context, status=503)
    # if a later page was requested, the last page is shown
    query = replace(query, page=results.hit_page.page)
    context = _build_search_context(site, query, results)
    if query == SearchRequest(order=query.order):
        names = {
            name: site.translate(f"search.field.{name}") for name in ("removed", "speaker", "tag")
        }
        context["examples"] = await find_examples(site.run, columns, names)
    context |= {
        "chart": await _build_chart(site, query, results),
        "max_page_hits": MAX_PAGE_HITS,
        "over_time_url": _build_over_time_path(site, query),
    }
    return await site.render("search.html", context)


def _build_search_context(
    site: SiteRequest, query: SearchRequest, results: Results | None
) -> dict[str, Any]:
    facet_links = FacetLinks(query, site.requested_language)
    choices = results.facet_choices if results else {}

    def build_url(query: SearchRequest, suffix: str = "") -> str:
        return site.add_base_url(build_search_url(query, site.requested_language, suffix))

    def link_hit(path: str, number: int) -> str:
        return site.add_base_url(build_hit_url(path, query, number, site.requested_language))

    def link_facet(facet: str, value: str, *, exclude: bool = False) -> str:
        return site.add_base_url(facet_links.build_url(facet, value, exclude=exclude))

    can_be_ranked = query.query.can_be_ranked
    return {
        "query": query,
        "follow_url": site.add_base_url(
            build_search_url(query, site.requested_language, path="/-/follow")
        ),
        "results": results,
        "reference_links": _list_reference_links(query, results),
        "yes_no_facets": YES_NO_FACETS,
        "hit_page": results.hit_page if results else None,
        "facets": results.hit_page.shown_facets if results else [],
        "sort_orders": [name for name in SORT_ORDERS if name != "best" or can_be_ranked],
        "result_types": RESULT_TYPES,
        "facet_names": choices,
        "name_facet_value": partial(_name_facet_value, site, choices),
        "hidden_fields": _omit_form_fields(query).parameters,
        "max_named_agencies": MAX_NAMED_AGENCIES,
        "max_facet_values": MAX_FACET_VALUES,
        "build_url": build_url,
        "choose_facet": query.toggle,
        "link_facet": link_facet,
        "link_hit": link_hit,
        "change_query": partial(replace, query, page=1),
        "whole_query": query.whole,
        "turn_page": lambda page: replace(query, page=page),
        "unfiltered_query": replace(query, include={}, exclude={}, from_day="", to_day="", page=1),
    }


def _name_facet_value(
    site: SiteRequest, choices: Mapping[tuple[str, str], FacetValue], facet: str, value: str
) -> str:
    """Return the name that the page shows for a facet value.

    choices: the facet values that have names, by facet and value.
    """
    if facet == "year" and value == NO_VALUE:
        return site.translate("search.value.undated")
    if facet == "kind" and value == NO_VALUE:
        return site.translate("search.value.no_kind")
    if facet == "kind":
        return format_release_kind(site.language, value)
    if facet in YES_NO_FACETS and value in ("yes", "no"):
        return site.translate(f"search.value.{facet}.{value}")
    choice = choices.get((facet, value))
    return site.choose(choice.name, choice.name_en) if choice else value


def _list_reference_links(query: SearchRequest, results: Results | None) -> dict[str, str]:
    """Return a map from the label of each document named in a search to the path of the page about
    it.

    Documents to which no release refers are left out.
    """
    notes = results.notes if results else ()
    unknown = {note.value for note in notes if note.key == "no_reference"}
    nodes = {label_reference(node): node for node in find_reference_nodes(query.query.tree)}
    return {
        label: build_reference_path(node.type, node.number)
        for label, node in nodes.items()
        if node.type and label not in unknown
    }


def _omit_form_fields(query: SearchRequest) -> SearchRequest:
    """Return a search without the conditions for which the search form has fields."""
    in_form = {name for name in YES_NO_FACETS if query.include.get(name) == ("yes",)}
    include = {name: values for name, values in query.include.items() if name not in in_form}
    return replace(
        query, page=1, text="", all_versions=False, from_day="", to_day="", include=include
    )


async def _build_chart(site: SiteRequest, query: SearchRequest, results: Results) -> Chart | None:
    """Return the chart of the results by month or year.

    Returns None if the chart would have only one column, or if the results were not counted.
    """
    counts = results.periods
    unit, periods = list_periods([counts] if counts else [])
    if counts is None or len(periods) < 2:
        return None
    slugs, name = query.include.get("agency", ()), site.translate("chart.hits")
    title = name_chart(
        site,
        "number" if query.show == "releases" else query.show,
        unit,
        words=query.text,
        agency=_name_facet_value(site, results.facet_choices, "agency", slugs[0])
        if len(slugs) == 1
        else "",
    )
    filters = {name for name, _ in query.parameters}.difference(UNFILTERED)
    if filters or len(slugs) > 1:
        title += f" {site.translate('chart.with_filters')}"
    return build_period_chart(
        site,
        [ComparedSearch(name=query.text or name, request=query, counts=counts, notes=())],
        unit,
        periods,
        title=title,
        known=await read_known_months(site.run, slugs),
    )


def _build_over_time_path(site: SiteRequest, query: SearchRequest) -> str | None:
    """Return the path of /-/over-time for a search.

    Returns None if the search has no words, dates or agencies, or if it has settings or filters
    that the page does not support.
    """
    text, agencies = _type_days(site.language, query), query.include.get("agency", ())
    if query.show != "releases" or query.exclude or set(query.include) - {"agency"}:
        return None
    if query.all_versions or len(agencies) > MAX_SERIES or not (text or agencies):
        return None
    return site.add_base_url(build_over_time_url([text], agencies, site.requested_language))


def _type_days(language: str, query: SearchRequest) -> str:
    """Return the query as it could be typed in the search box, with its dates as the filters
    `from:` and `to:`.
    """
    days = (
        translate(language, f"search.typed.{name}", day=day) for name, day in query.days.items()
    )
    return " ".join(filter(None, (query.text, *days)))


def _list_all_results(site: SiteRequest, query: SearchRequest) -> DataList:
    notes: list[str] = []

    async def read_batches() -> AsyncIterator[list[dict[str, Any]]]:
        # runs when the first batch is read
        loose = 0
        async for hits in search_all(site.run, query, get_search_columns(site.datasette)):
            loose += sum(hit.is_loose for hit in hits)
            yield [_format_hit_row(site, hit, query) for hit in hits]
        if loose:
            notes.append(site.translate("xlsx.loose", n=loose))

    return DataList(
        name=query.show,
        notes=notes,
        title=_format_search_title(site, query),
        page_url=_build_query_url(site, query.whole),
        columns=_list_search_columns(query),
        batches=read_batches(),
    )


def _list_search_columns(query: SearchRequest) -> tuple[str, ...]:
    has_changes = query.all_versions or query.query.has_edits
    return SEARCH_COLUMNS[query.show] + (CHANGE_COLUMNS if has_changes else ())


def _format_search_title(site: SiteRequest, query: SearchRequest) -> str:
    return (
        site.translate("search.title_for", words=query.text)
        if query.text
        else site.translate("search.title")
    )


def _build_query_url(site: SiteRequest, query: SearchRequest, suffix: str = "") -> str:
    return site.url(build_search_url(query, site.requested_language, suffix))


async def _list_results(site: SiteRequest, query: SearchRequest) -> DataList:
    """Return a page of results as data.

    The feed lists only new releases, so that imports and backfills do not flood it. If there are
    few new releases, the feed is topped up with other recent results. It contains no loose results,
    because these would change with the number of strict results.
    """
    is_feed, searched, is_news = site.format_name == "atom", query, False
    if is_feed:
        query = replace(query, order="newest", size=SEARCH_FEED_SIZE, strict=True)
        is_news, exclude = bool(await site.run(ANY_FINISHED_CRAWL_SQL, {})), query.exclude
        if not is_news:  # nothing was crawled: list the dated releases by their own dates
            exclude = {**exclude, "year": (*exclude.get("year", ()), NO_VALUE)}
        searched = replace(query, news=is_news, exclude=exclude)
    results = await search(site.run, searched, get_search_columns(site.datasette))

    async def read_entries() -> Sequence[AtomEntry]:
        entries = [_build_hit_entry(site, hit, is_news=is_news) for hit in results.hits]
        if is_news and query.page == 1 and not results.hit_page.has_next:
            entries += await _read_recent_entries(site, query, entries)
        return entries

    suffix, next_page = f".{site.format_name}", replace(query, page=results.hit_page.page + 1)
    is_beyond_end = query.page > results.hit_page.pages  # no rows, so that a client can stop
    return DataList(
        name=query.show,
        title=_format_search_title(site, query),
        page_url=_build_query_url(site, query.whole if is_feed else query),
        url=_build_query_url(site, query, suffix),
        next_url=_build_query_url(site, next_page, suffix) if results.hit_page.has_next else None,
        rows=[] if is_beyond_end else [_format_hit_row(site, hit, query) for hit in results.hits],
        columns=_list_search_columns(query),
        read_entries=read_entries,
        # only in JSON, so that the ETag of a feed depends on its entries alone
        members=_format_search_metadata(results, query) if site.format_name == "json" else {},
    )


async def _read_recent_entries(
    site: SiteRequest, query: SearchRequest, shown: Sequence[AtomEntry]
) -> Sequence[AtomEntry]:
    """Return entries from the newest results, to top up a feed that has few new releases.

    See archive.changes.new_releases.
    """
    hits = (await search(site.run, query, get_search_columns(site.datasette))).hits
    imported = await find_imported(site.run, {hit.row["id"] for hit in hits})
    ids, dated = (
        {entry.id for entry in shown},
        [hit for hit in hits if hit.row["published"] or hit.row["updated"]],
    )
    entries = [
        _build_hit_entry(site, hit, is_news=True) for hit in dated if hit.row["id"] not in imported
    ]
    return [entry for entry in entries if entry.id not in ids][: max(FILLED_SIZE - len(shown), 0)]


def _format_hit_row(site: SiteRequest, hit: SearchHit, query: SearchRequest) -> dict[str, Any]:
    """Format a result as a row of plain text.

    `match` is strict, loose or former; `matched` lists the words that were found, in lower case.
    """
    row, change = hit.row, hit.change
    matched = (match.list_forms() for match in hit.explanations)
    values = {
        **{name: row["name"] if name == "agency_name" else row[name] for name in COMMON_COLUMNS},
        "release": row["id"],
        "match": _classify_match(hit),
        "matched": ", ".join(dict.fromkeys(chain.from_iterable(matched))),
        "missing": ", ".join(word.label for word in hit.missing),
        "related": "; ".join(
            f"{word.label}: {', '.join(hit.related[word])}" for word in hit.related
        ),
        "page": site.url(hit.path),
    }
    if query.show in PART_COLUMNS:
        values |= {name: row[name] for name in PART_COLUMNS[query.show]}
    else:
        values |= {"excerpt": hit.excerpt_text, "questions": row["questions"]}
    values |= dict.fromkeys(CHANGE_COLUMNS)
    if change:
        values |= asdict(change) | {
            "kind": row["kind"],  # of the release
            "change": change.kind,
            "comparison": site.url(change.path),
        }
    return {name: values[name] for name in _list_search_columns(query)}


def _classify_match(hit: SearchHit) -> str:
    if hit.is_loose:
        return LOOSE
    return FORMER if hit.change and hit.change.kind == FORMER else STRICT


def _format_search_metadata(results: Results, query: SearchRequest) -> dict[str, Any]:
    """Return all JSON values except the rows: totals, order, facets, notes and suggestions."""
    hit_page = results.hit_page
    return {
        "query": query.text,
        "show": query.show,
        "order": hit_page.order,
        "total": hit_page.total,
        "capped": hit_page.capped,
        "loose": len(hit_page.loose.queries),
        **({"former": len(hit_page.former.ids)} if query.all_versions else {}),
        "page_number": query.page,
        "pages": hit_page.pages,
        "include": dict(query.include),
        "exclude": dict(query.exclude),
        "days": query.days,
        "fresh": asdict(results.freshness),
        "searched": asdict(results.scope) | {"total": results.scope.total}
        if results.scope
        else None,
        "earlier": len(results.earlier.ids) if results.earlier else None,
        "facets": {
            name: list(map(_format_facet_value, choices))
            for name, choices in hit_page.facets.items()
        },
        "approximate_facets": hit_page.approximate_facets,
        "notes": [{"note": note.key, "words": note.value} for note in results.notes],
        "did_you_mean": [
            {"query": other.text, "total": other.total, "reason": other.reason}
            for other in results.suggestions
        ],
    }


def _format_facet_value(choice: FacetValue) -> dict[str, Any]:
    """Format a facet value with its number of results.

    For a year, `total` is the number of all releases of that year.
    """
    total = {} if choice.total is None else {"total": choice.total}
    return {"value": choice.value, "name": choice.name, "count": choice.count, **total}


def _build_hit_entry(site: SiteRequest, hit: SearchHit, *, is_news: bool) -> AtomEntry:
    """Build the feed entry of a result. Its id is the same in every feed.

    The entry's date is the publication date. If this date is unknown, or if the feed contains only
    new releases, it is the time of the first crawl.
    """
    row, language = hit.row, site.language
    published = format_stated_atom_time(row["published"])
    name, subject, content = f"release-{row['id']}", None, hit.excerpt_text
    if hit.is_quote:
        name += f"-quote-{hashlib.sha256(row['text'].encode()).hexdigest()[:16]}"
        subject = ": ".join(filter(None, (row["speaker"] or row["role"], row["title"])))
        content = row["text"]
    elif hit.is_pair:
        name += f"-question-{row['position']}"
        subject, content = row["question"], row["answer"]
    facts = [
        format_release_kind(language, row["kind"]) if row["kind"] else "",
        format_stated_time(language, row["published"]),
    ]
    return build_agency_entry(
        site,
        row,
        link=site.url(hit.path),
        name=name,
        when=row["added"] if is_news or published is None else published,
        subject=subject,
        published=published,
        release_url=site.url(f"/archive/releases/{row['id']}"),
        summary=" · ".join(filter(None, facts))
        or site.translate("list.seen_on", when=format_time(language, row["added"])),
        content=content,
    )


def build_search_filter(request: Any, database: str, table: str, datasette: Any) -> Any:
    """Return a function that replaces Datasette's search of the table releases (`_search`).

    Returns None if the request does not search this table, or if it bypasses the query language.
    """
    text, raw = request.args.get("_search"), request.args.get("_searchmode") == "raw"
    if (database, table) != ("archive", "releases") or text is None:
        return None
    if raw or "_fts_table" in request.args:
        return None
    all_versions = request.args.get("_versions") == ALL_VERSIONS
    return partial(_read_search_filter, datasette, text, all_versions=all_versions)


async def _read_search_filter(
    datasette: Any, text: str, *, all_versions: bool
) -> FilterArguments | None:
    """Return the conditions for a search of the table releases, or None if the search is empty."""
    run, columns = build_query_runner(datasette), get_search_columns(datasette)
    search = await plan_table_search(run, columns, text, all_versions=all_versions)
    if search is None:
        return None
    return FilterArguments(search.conditions, search.values | {"search": search.match})


def escape_fts(connection: sqlite3.Connection, text: str | None) -> str:
    """Translate a visitor's text into an FTS5 expression. A text without words matches nothing."""
    run = build_connection_runner(connection)
    return run_without_waiting(match_table_search(run, text or ""))
