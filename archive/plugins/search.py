"""The search page (/search, with .json, .csv and .atom): words, facets, excerpts; every state is an address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from datasette import Response, hookimpl
from datasette.database import QueryInterrupted

from archive.addresses import find_named, is_address
from archive.history.formats import ENDING, Entry, Listing, add_query, deliver
from archive.language import say
from archive.search.answering import Results, search
from archive.search.asked import FACETS, ORDERS, SHOWN, Choices, Query, chosen, read_query, to_address, to_pairs
from archive.search.data import COLUMNS, to_entry, to_head, to_rows
from archive.search.news import EVER
from archive.swedish.facts import NONE
from archive.web import absolute, columns_of, language_of, refuse, runner

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
