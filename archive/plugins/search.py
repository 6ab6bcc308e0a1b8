"""The search page (/search): words, facets for agency, year and tag, excerpts, pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasette import Response, hookimpl
from datasette.database import QueryInterrupted

from archive.addresses import find_named, is_address
from archive.history.formats import add_query
from archive.search import FACETS, MOST_TERMS, PAGE_SIZE, Query, count_searched, is_cut, parse_query, search


def read_query(args: Any) -> Query:
    """What the address asks for; a page number that is none means the first."""
    page = args.get("page") or ""
    return Query(
        text=(args.get("q") or "").strip(),
        **{facet: args.get(facet) or None for facet in FACETS},
        page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
    )


async def show_search(request: Any, datasette: Any) -> Any:
    """A search that takes too long says so and keeps the reader's words in the form."""
    db = datasette.get_database("archive")

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        return list(await db.execute(sql, values))

    query = read_query(request.args)
    named = await find_named(run, query.text)
    if named is not None:
        return Response.redirect(
            datasette.urls.path(add_query(f"/archive/releases/{named}", lang=request.args.get("lang")))
        )
    filters = {facet: getattr(query, facet) for facet in FACETS if getattr(query, facet)}
    context = {
        "query": query,
        "filters": filters,
        "asked": bool(query.text or filters),
        "address": is_address(query.text),
        "no_word": bool(query.text and not parse_query(query.text)),
        "cut": is_cut(query.text),
        "most_terms": MOST_TERMS,
        "first": 0,
        "results": None,
        "searched": [],
    }
    try:
        results = await search(run, query)
        context |= {"results": results, "first": (results.page - 1) * PAGE_SIZE + 1}
        if not results.total:
            context["searched"] = await count_searched(run)
    except QueryInterrupted:
        pass
    page = await datasette.render_template("search.html", context, request=request)
    return Response.html(page, status=200 if context["results"] else 503)


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """A page beside the database, so that its address stays short."""
    return [(r"/search$", show_search)]
