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

from archive.analysis import match_word
from archive.database import finish, runner_on
from archive.feeds import EVER
from archive.i18n import say, say_kind, say_time, say_told
from archive.search import Results, find_named, is_address, search
from archive.search.fts import find_known, to_plan
from archive.search.index import EVERY, NONE
from archive.search.params import FACETS, ORDERS, SHOWN, Choices, Query, chosen, read_query, to_address, to_pairs
from archive.search.query import find_terms, parse_query
from archive.search.snippets import Hit, Parts
from archive.web.responses import (
    ENDING,
    Entry,
    Listing,
    absolute,
    add_query,
    columns_of,
    deliver,
    language_of,
    refuse,
    runner,
    tag_uri,
    to_moment,
)

ALL = f'"{EVERY}"'  # every release
NOTHING = '""'  # FTS5 takes it and finds nothing; of "" it says syntax error


def to_match(connection: sqlite3.Connection, text: str | None) -> str:
    """A reader's text as an FTS5 expression over the table search; one that finds nothing where it holds no word.

    What no such expression can say is looked for as words, for here no condition can stand beside it.
    """
    if text and text.startswith(ALL):
        return text

    tree = parse_query(text or "").tree
    known, _ = finish(find_known(runner_on(connection), tree))
    plan = to_plan(tree, known)
    if not plan.conditions:
        return plan.match or NOTHING
    words = (text or "").replace(":", " ")
    terms = [" ".join(term.words) for term in find_terms(parse_query(words).tree)]
    return " AND ".join(f"({match})" for term in terms if (match := match_word(term))) or NOTHING


@hookimpl(trylast=True)
def prepare_connection(conn: sqlite3.Connection, database: str) -> None:
    """Last of all, for Datasette registers a function of this name itself."""
    if database == "archive":
        conn.create_function("escape_fts", 1, lambda text: to_match(conn, text))


@hookimpl(trylast=True)
def filters_from_request(request: Any, database: str, table: str, datasette: Any) -> Any:
    """Last of all, so that what is bound here to :search stands in place of the reader's text."""
    text, raw = request.args.get("_search"), request.args.get("_searchmode") == "raw"
    if (database, table) != ("archive", "releases") or text is None or raw or "_fts_table" in request.args:
        return None

    async def read() -> FilterArguments | None:
        asked = parse_query(text)
        known, _ = await find_known(runner(datasette), asked.tree)
        plan = to_plan(asked.tree, known)
        if asked.blank or (asked.tree and not plan.conditions and not text.startswith(ALL)):
            return None
        conditions = " and ".join(plan.conditions)
        where = [f"id in (select l.release from listed l where {conditions})"] if conditions else []
        return FilterArguments(where, plan.values | {"search": f"{ALL} AND ({plan.match})" if plan.match else ALL})

    return read


COMMON = ("agency", "agency_name", "kind", "title", "published", "updated", "first_seen", "language", "gone", "url")
COLUMNS = {
    "releases": ("release", *COMMON, "excerpt", "questions", "matched", "page"),
    "questions": ("pair", "release", "position", "question", "answer", "answered_by", *COMMON, "matched", "page"),
}
Whole = Callable[[str], str]  # a path of ours as a whole address


def to_rows(results: Results, query: Query, whole: Whole) -> list[dict[str, Any]]:
    """A row for each hit, in the order of the page; none on a page beyond the last, where who reads all stops."""
    if query.page > results.found.pages:
        return []
    return [to_row(hit, query, whole) for hit in results.hits]


def to_row(hit: Hit, query: Query, whole: Whole) -> dict[str, Any]:
    """A hit without its marks; `matched` lists the forms that were found, in small letters."""
    row = hit.row
    common = {name: row["name"] if name == "agency_name" else row[name] for name in COMMON}
    matched = ", ".join(dict.fromkeys(form for why in hit.why for forms in why.forms.values() for form in forms))
    told = {**common, "release": row["id"], "matched": matched, "page": whole(path_of(hit))}
    if query.show == "questions":
        told |= {name: row[name] for name in ("pair", "position", "question", "answer", "answered_by")}
    else:
        told |= {"excerpt": plain(hit.excerpt), "questions": row["questions"]}
    return {name: told[name] for name in COLUMNS[query.show]}


def to_head(results: Results, query: Query) -> dict[str, Any]:
    """What the JSON says beside the rows: how many, in which order, counts by facet, and what was noted."""
    found = results.found
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
        "fresh": asdict(results.fresh),
        "facets": {
            name: [{"value": choice.value, "name": choice.name, "count": choice.count} for choice in choices]
            for name, choices in found.facets.items()
        },
        "notes": [{"note": note.key, "words": note.words} for note in results.notes],
        "did_you_mean": [{"query": other.query.text, "total": other.total} for other in results.suggestions],
    }


def to_entry(hit: Hit, whole: Whole, lang: str, *, news: bool = True) -> Entry:
    """A hit as an entry of a feed. Its id is the release's, or the pair's, in every feed of ours.

    Its time is that of the find where it is news, else that of its publication.
    """
    row = hit.row
    pair = "pair" in row.keys()  # noqa: SIM118 - a sqlite3.Row looks for values
    address = whole(path_of(hit))
    own = f"release-{row['id']}" + (f"-question-{row['position']}" if pair else "")
    facts = [say_kind(lang, row["kind"]) if row["kind"] else "", say_told(lang, row["published"])]
    return Entry(
        id=tag_uri(address, "2024", own),
        title=f"{row['name']}: {row['question'] if pair else row['title']}",
        language=row["language"],
        seen=to_moment(row["published"] or row["first_seen"]),
        updated=to_moment(row["first_seen"] if news else row["published"] or row["first_seen"]),
        link=address,
        release=whole(f"/archive/releases/{row['id']}"),
        author=row["name"],
        summary=" · ".join(filter(None, facts)) or say(lang, "seen_on", when=say_time(lang, row["first_seen"])),
        words=row["answer"] if pair else plain(hit.excerpt),
    )


def path_of(hit: Hit) -> str:
    """Where a hit is read: the release, or the question in it."""
    return f"/archive/releases/{hit.row['id']}" + (f"#question-{hit.place}" if hit.place else "")


def plain(parts: Parts) -> str:
    """A text without its marks."""
    return "".join(text for text, _ in parts)


FEED_SIZE = 30
MOST_VALUES = 40  # of one facet on the page; each is two links, which cost
MOST_NAMED = 12  # agencies that a search without hits names


async def show_search(request: Any, datasette: Any) -> Any:
    """A page, or the same as data. A search that takes too long says so and keeps the reader's words in the form."""
    kind, query, run = request.url_vars["format"], read_query(request.args), runner(datasette)
    if kind:
        return await show_data(request, datasette, kind, query)
    named = await find_named(run, query.text)
    if named is not None:
        path = add_query(f"/archive/releases/{named}", lang=request.args.get("lang"))
        return Response.redirect(datasette.urls.path(path))
    try:
        results = await search(run, query, columns_of(datasette))
    except QueryInterrupted:
        results = None
    if results:  # the address of the page that is shown, where a later one was asked for
        query = replace(query, page=results.found.page)
    context = to_context(request, datasette, query, results)
    page = await datasette.render_template("search.html", context, request=request)
    return Response.html(page, status=200 if results else 503)


def to_context(request: Any, datasette: Any, query: Query, results: Results | None) -> dict[str, Any]:
    """What the template is given beside the interface's own names."""
    lang = request.args.get("lang")
    kept = lang if lang in ("sv", "en") else None
    choices = Choices(query, kept)

    def at(query: Query, ending: str = "") -> str:
        return str(datasette.urls.path(to_address(query, kept, ending)))

    return {
        "query": query,
        "results": results,
        "found": results.found if results else None,
        "facets": FACETS,
        "orders": ORDERS,
        "shown": SHOWN,
        "named": results.names if results else {},
        "kept_values": to_pairs(replace(query, page=1, text="")),
        "asked": bool(query.text or query.filtered),
        "address": is_address(query.text),
        "most_named": MOST_NAMED,
        "most_values": MOST_VALUES,
        "at": at,
        "choose": partial(chosen, query),
        "link_choice": lambda *what, **how: str(datasette.urls.path(choices.address(*what, **how))),
        "changed": partial(replace, query, page=1),
        "turned": lambda page: replace(query, page=page),
        "unfiltered": replace(query, include={}, exclude={}, page=1),
    }


async def show_data(request: Any, datasette: Any, kind: str, query: Query) -> Any:
    """Rows, or a feed, which tells what is new and nothing else: a backfill or an import does not flood its readers."""
    run, lang = runner(datasette), language_of(request)
    if kind == "atom":
        query = replace(query, order="newest", page=1, size=FEED_SIZE)
    try:
        news = kind == "atom" and bool(await run(EVER, {}))
        # without a crawl nothing is news, ever: then the feed tells of what there is, by its own dates
        dated = {**query.exclude, "year": (*query.exclude.get("year", ()), NONE)} if kind == "atom" and not news else {}
        asked = replace(query, news=news, exclude=dated or query.exclude)
        results = await search(run, asked, columns_of(datasette))
    except QueryInterrupted:
        return await refuse(datasette, request, kind, 503, "too_slow_list")
    whole = partial(absolute, datasette, request)

    def at(query: Query, ending: str) -> str:
        return whole(to_address(query, request.args.get("lang"), ending))

    async def entries() -> Sequence[Entry]:
        return [to_entry(hit, whole, lang, news=news) for hit in results.hits]

    words = say(lang, "search_for", words=query.text) if query.text else say(lang, "search_title")
    more = results.found.page < results.found.pages and kind != "atom"
    listing = Listing(
        name=query.show,
        title=words,
        page=at(replace(query, size=20) if kind == "atom" else query, ""),
        self=at(query, f".{kind}"),
        next=at(replace(query, page=results.found.page + 1), f".{kind}") if more else None,
        rows=to_rows(results, query, whole),
        columns=COLUMNS[query.show],
        entries=entries,
        head=to_head(results, query) if kind == "json" else {},  # a feed's ETag is that of its entries
    )
    return await deliver(datasette, request, kind, listing, lang)


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """A page beside the database, so that its address stays short."""
    return [(r"/search" + ENDING, show_search)]
