"""What machines that visit ask for first: /sitemap.xml and its pieces, /robots.txt, /llms.txt."""

from __future__ import annotations

import re
from typing import Any

from datasette import NotFound, Response, hookimpl

from archive.pages.machines import ROBOTS, to_llms
from archive.pages.record import read_agencies
from archive.pages.sitemaps import find_pages, find_pieces, find_releases, read_sitemap_tags, to_index, to_sitemap
from archive.web import absolute, runner

RELEASES = re.compile(r"releases-(\d{1,9})", re.ASCII)
XML = "application/xml; charset=utf-8"


async def show_index(request: Any, datasette: Any) -> Any:
    """The pieces, each with when one of its releases last changed."""
    pieces = await find_pieces(runner(datasette))
    told = [(absolute(datasette, request, f"/sitemap-{name}.xml"), changed) for name, changed in pieces]
    return Response(to_index(told), content_type=XML)


async def show_piece(request: Any, datasette: Any) -> Any:
    """One piece; a piece that would be empty does not exist."""
    run, name = runner(datasette), request.url_vars["name"]
    releases = RELEASES.fullmatch(name)
    if releases:
        found = await find_releases(run, int(releases[1]))
    else:
        found = await (find_pages if name == "pages" else read_sitemap_tags)(run)
    if releases and not found:
        raise NotFound(f"no piece {name}")
    site = absolute(datasette, request, "/").rstrip("/")
    told = [(site + path, changed) for path, changed in found]
    return Response(to_sitemap(told), content_type=XML)


async def show_robots(request: Any, datasette: Any) -> Any:
    """Readers' pages are open to all; what costs much and is nothing of its own is not."""
    rules = "".join(f"{rule}: {datasette.urls.path(path)}\n" for rule, path in ROBOTS)
    sitemap = absolute(datasette, request, "/sitemap.xml")
    return Response.text(f"User-agent: *\n{rules}\nSitemap: {sitemap}\n")


async def show_llms(request: Any, datasette: Any) -> Any:
    """What language models and those who use them need to know (llmstxt.org)."""
    agencies = await read_agencies(runner(datasette))
    releases = sum(agency["releases"] for agency in agencies)
    return Response.text(to_llms(absolute(datasette, request, "/").rstrip("/"), releases))


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """At the addresses where machines look."""
    return [
        (r"/sitemap\.xml$", show_index),
        (r"/sitemap-(?P<name>pages|tags|releases-\d{1,9})\.xml$", show_piece),
        (r"/robots\.txt$", show_robots),
        (r"/llms\.txt$", show_llms),
    ]
