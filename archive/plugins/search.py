"""/search (+ .json .csv .atom): results as page, rows and feed; escape_fts.

Search everywhere by the same words: Datasette's own `_search=` reads them as the search page does.

Datasette writes `rowid in (select rowid from search where search match escape_fts(:search))`; its escape_fts gives
way to ours, which makes lemmas. What no expression of FTS5 can say (myndighet:, från:, fråga:, only -this) is a
condition beside that one. `_searchmode=raw` leaves all of it out: then the index is asked in FTS5's own language.

A search as data: the rows of JSON and CSV, and the entries of its feed.

The search page (/search, with .json, .csv and .atom): words, facets, excerpts; every state is an address.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from datasette import Response, hookimpl
from datasette.database import QueryInterrupted
from datasette.filters import FilterArguments

from archive.database import build_connection_runner, run_without_waiting
from archive.feeds import ANY_FINISHED_CRAWL_SQL
from archive.i18n import format_release_kind, format_stated_time, format_time, translate
from archive.search import Results, find_release_by_url, is_url, search
from archive.search.fts import build_plan, match_word, resolve_names
from archive.search.index import EVERY_RELEASE, NO_VALUE
from archive.search.params import (
    FACETS,
    RESULT_TYPES,
    SORT_ORDERS,
    FacetLinks,
    SearchRequest,
    build_search_parameters,
    build_search_url,
    parse_search_request,
    toggle_facet_value,
)
from archive.search.query import find_terms, parse_query
from archive.search.snippets import MarkedText, SearchHit
from archive.web.responses import (
    FORMAT_SUFFIX,
    AtomEntry,
    DataDocument,
    add_query,
    build_absolute_url,
    build_query_runner,
    build_tag_uri,
    format_atom_time,
    get_request_language,
    get_search_columns,
    render_document,
    render_error,
)

MATCH_ALL = f'"{EVERY_RELEASE}"'  # every release
MATCH_NOTHING = '""'  # FTS5 takes it and finds nothing; of "" it says syntax error


def escape_fts(connection: sqlite3.Connection, text: str | None) -> str:
    """A reader's text as an FTS5 expression over the table search; one that finds nothing where it holds no word.

    What no such expression can say is looked for as words, for here no condition can stand beside it.
    """
    if text and text.startswith(MATCH_ALL):
        return text

    tree = parse_query(text or "").tree
    known, _ = run_without_waiting(resolve_names(build_connection_runner(connection), tree))
    plan = build_plan(tree, known)
    if not plan.conditions:
        return plan.match or MATCH_NOTHING
    words = (text or "").replace(":", " ")
    terms = [" ".join(term.words) for term in find_terms(parse_query(words).tree)]
    return " AND ".join(f"({match})" for term in terms if (match := match_word(term))) or MATCH_NOTHING


@hookimpl(trylast=True)
def prepare_connection(conn: sqlite3.Connection, database: str) -> None:
    """Last of all, for Datasette registers a function of this name itself."""
    if database == "archive":
        conn.create_function("escape_fts", 1, lambda text: escape_fts(conn, text))


@hookimpl(trylast=True)
def filters_from_request(request: Any, database: str, table: str, datasette: Any) -> Any:
    """Last of all, so that what is bound here to :search stands in place of the reader's text."""
    text, raw = request.args.get("_search"), request.args.get("_searchmode") == "raw"
    if (database, table) != ("archive", "releases") or text is None or raw or "_fts_table" in request.args:
        return None

    async def read() -> FilterArguments | None:
        asked = parse_query(text)
        known, _ = await resolve_names(build_query_runner(datasette), asked.tree)
        plan = build_plan(asked.tree, known)
        if asked.is_blank or (asked.tree and not plan.conditions and not text.startswith(MATCH_ALL)):
            return None
        conditions = " and ".join(plan.conditions)
        where = [f"id in (select l.release from release_facets l where {conditions})"] if conditions else []
        return FilterArguments(
            where, plan.values | {"search": f"{MATCH_ALL} AND ({plan.match})" if plan.match else MATCH_ALL}
        )

    return read


COMMON_COLUMNS = (
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
)
SEARCH_COLUMNS = {
    "releases": ("release", *COMMON_COLUMNS, "excerpt", "questions", "matched", "page"),
    "questions": (
        "pair",
        "release",
        "position",
        "question",
        "answer",
        "answered_by",
        *COMMON_COLUMNS,
        "matched",
        "page",
    ),
}
UrlBuilder = Callable[[str], str]  # a path of ours as a whole address


def format_search_rows(results: Results, query: SearchRequest, build_url: UrlBuilder) -> list[dict[str, Any]]:
    """A row for each hit, in the order of the page; none on a page beyond the last, where who reads all stops."""
    if query.page > results.hit_page.pages:
        return []
    return [format_hit_row(hit, query, build_url) for hit in results.hits]


def format_hit_row(hit: SearchHit, query: SearchRequest, build_url: UrlBuilder) -> dict[str, Any]:
    """A hit without its marks; `matched` lists the forms that were found, in small letters."""
    row = hit.row
    common = {name: row["name"] if name == "agency_name" else row[name] for name in COMMON_COLUMNS}
    matched = ", ".join(
        dict.fromkeys(form for why in hit.explanations for forms in why.forms.values() for form in forms)
    )
    told = {**common, "release": row["id"], "matched": matched, "page": build_url(build_hit_path(hit))}
    if query.show == "questions":
        told |= {name: row[name] for name in ("pair", "position", "question", "answer", "answered_by")}
    else:
        told |= {"excerpt": join_snippet(hit.excerpt), "questions": row["questions"]}
    return {name: told[name] for name in SEARCH_COLUMNS[query.show]}


def format_search_metadata(results: Results, query: SearchRequest) -> dict[str, Any]:
    """What the JSON says beside the rows: how many, in which order, counts by facet, and what was noted."""
    found = results.hit_page
    return {
        "query": query.text,
        "show": query.show,
        "order": found.order,
        "total": found.total,
        "capped": found.capped,
        "page_number": query.page,
        "pages": found.pages,
        "include": dict(query.include),
        "exclude": dict(query.exclude),
        "fresh": asdict(results.freshness),
        "facets": {
            name: [{"value": choice.value, "name": choice.name, "count": choice.count} for choice in choices]
            for name, choices in found.facets.items()
        },
        "notes": [{"note": note.key, "words": note.value} for note in results.notes],
        "did_you_mean": [{"query": other.request.text, "total": other.total} for other in results.suggestions],
    }


def build_hit_entry(hit: SearchHit, build_url: UrlBuilder, language: str, *, is_news: bool = True) -> AtomEntry:
    """A hit as an entry of a feed. Its id is the release's, or the pair's, in every feed of ours.

    Its time is that of the find where it is news, else that of its publication.
    """
    row = hit.row
    pair = "pair" in row.keys()  # noqa: SIM118 - a sqlite3.Row looks for values
    address = build_url(build_hit_path(hit))
    own = f"release-{row['id']}" + (f"-question-{row['position']}" if pair else "")
    facts = [
        format_release_kind(language, row["kind"]) if row["kind"] else "",
        format_stated_time(language, row["published"]),
    ]
    return AtomEntry(
        id=build_tag_uri(address, "2024", own),
        title=f"{row['name']}: {row['question'] if pair else row['title']}",
        language=row["language"],
        published=format_atom_time(row["published"] or row["first_seen"]),
        updated=format_atom_time(row["first_seen"] if is_news else row["published"] or row["first_seen"]),
        link=address,
        release_url=build_url(f"/archive/releases/{row['id']}"),
        author=row["name"],
        summary=" · ".join(filter(None, facts))
        or translate(language, "seen_on", when=format_time(language, row["first_seen"])),
        content=row["answer"] if pair else join_snippet(hit.excerpt),
    )


def build_hit_path(hit: SearchHit) -> str:
    """Where a hit is read: the release, or the question in it."""
    return f"/archive/releases/{hit.row['id']}" + (
        f"#question-{hit.question_position}" if hit.question_position else ""
    )


def join_snippet(parts: MarkedText) -> str:
    """A text without its marks."""
    return "".join(text for text, _ in parts)


SEARCH_FEED_SIZE = 30
MAX_FACET_VALUES = 40  # of one facet on the page; each is two links, which cost
MAX_NAMED_AGENCIES = 12  # agencies that a search without hits names


async def show_search(request: Any, datasette: Any) -> Any:
    """A page, or the same as data. A search that takes too long says so and keeps the reader's words in the form."""
    kind, query, run = request.url_vars["format"], parse_search_request(request.args), build_query_runner(datasette)
    if kind:
        return await show_search_data(request, datasette, kind, query)
    named = await find_release_by_url(run, query.text)
    if named is not None:
        path = add_query(f"/archive/releases/{named}", lang=request.args.get("lang"))
        return Response.redirect(datasette.urls.path(path))
    try:
        results = await search(run, query, get_search_columns(datasette))
    except QueryInterrupted:
        results = None
    if results:  # the address of the page that is shown, where a later one was asked for
        query = replace(query, page=results.hit_page.page)
    context = build_search_context(request, datasette, query, results)
    page = await datasette.render_template("search.html", context, request=request)
    return Response.html(page, status=200 if results else 503)


def build_search_context(request: Any, datasette: Any, query: SearchRequest, results: Results | None) -> dict[str, Any]:
    """What the template is given beside the interface's own names."""
    lang = request.args.get("lang")
    kept = lang if lang in ("sv", "en") else None
    choices = FacetLinks(query, kept)

    def at(query: SearchRequest, ending: str = "") -> str:
        return str(datasette.urls.path(build_search_url(query, kept, ending)))

    return {
        "query": query,
        "results": results,
        "found": results.hit_page if results else None,
        "facets": FACETS,
        "orders": SORT_ORDERS,
        "shown": RESULT_TYPES,
        "named": results.facet_choices if results else {},
        "kept_values": build_search_parameters(replace(query, page=1, text="")),
        "asked": bool(query.text or query.has_filters),
        "address": is_url(query.text),
        "most_named": MAX_NAMED_AGENCIES,
        "most_values": MAX_FACET_VALUES,
        "at": at,
        "choose": partial(toggle_facet_value, query),
        "link_choice": lambda *what, **how: str(datasette.urls.path(choices.build_url(*what, **how))),
        "changed": partial(replace, query, page=1),
        "turned": lambda page: replace(query, page=page),
        "unfiltered": replace(query, include={}, exclude={}, page=1),
    }


async def show_search_data(request: Any, datasette: Any, format_name: str, query: SearchRequest) -> Any:
    """Rows, or a feed, which tells what is new and nothing else: a backfill or an import does not flood its readers."""
    run, lang = build_query_runner(datasette), get_request_language(request)
    if format_name == "atom":
        query = replace(query, order="newest", page=1, size=SEARCH_FEED_SIZE)
    try:
        news = format_name == "atom" and bool(await run(ANY_FINISHED_CRAWL_SQL, {}))
        # without a crawl nothing is news, ever: then the feed tells of what there is, by its own dates
        dated = (
            {**query.exclude, "year": (*query.exclude.get("year", ()), NO_VALUE)}
            if format_name == "atom" and not news
            else {}
        )
        asked = replace(query, news=news, exclude=dated or query.exclude)
        results = await search(run, asked, get_search_columns(datasette))
    except QueryInterrupted:
        return await render_error(datasette, request, format_name, 503, "too_slow_list")
    whole = partial(build_absolute_url, datasette, request)

    def at(query: SearchRequest, ending: str) -> str:
        return whole(build_search_url(query, request.args.get("lang"), ending))

    async def entries() -> Sequence[AtomEntry]:
        return [build_hit_entry(hit, whole, lang, is_news=news) for hit in results.hits]

    words = translate(lang, "search_for", words=query.text) if query.text else translate(lang, "search_title")
    more = results.hit_page.page < results.hit_page.pages and format_name != "atom"
    listing = DataDocument(
        rows_name=query.show,
        title=words,
        page_url=at(replace(query, size=20) if format_name == "atom" else query, ""),
        url=at(query, f".{format_name}"),
        next_url=at(replace(query, page=results.hit_page.page + 1), f".{format_name}") if more else None,
        rows=format_search_rows(results, query, whole),
        columns=SEARCH_COLUMNS[query.show],
        read_entries=entries,
        extra_members=format_search_metadata(results, query)
        if format_name == "json"
        else {},  # a feed's ETag is that of its entries
    )
    return await render_document(datasette, request, format_name, listing, lang)


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """A page beside the database, so that its address stays short."""
    return [(r"/search" + FORMAT_SUFFIX, show_search)]
