"""Atom feeds, sitemap.xml, robots.txt, llms.txt.

What is new (/new.atom, /agency/<slug>.atom, /tag/<number>.atom; also .json and .csv).

What machines that visit ask for first: /sitemap.xml and its pieces, /robots.txt, /llms.txt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from datasette import NotFound, Response, hookimpl
from datasette.database import QueryInterrupted

from archive.database import Run
from archive.feeds import NewsQuery, find_news, parse_news, summarise, to_rows
from archive.i18n import say, say_kind
from archive.params import FilterError
from archive.web.pages import (
    ROBOTS,
    find_pages,
    find_pieces,
    find_releases,
    read_agencies,
    read_sitemap_tags,
    to_index,
    to_llms,
    to_sitemap,
)
from archive.web.responses import (
    Entry,
    Listing,
    absolute,
    add_query,
    deliver,
    language_of,
    pick,
    refuse,
    runner,
    tag_uri,
    to_moment,
)

FORMATS = r"\.(?P<format>atom|json|csv)$"
COLUMNS = (
    *("release", "agency", "agency_name", "title", "kind", "language", "published", "updated", "url", "revision"),
    *("first_seen", "lead", "page"),
)


class UnknownError(Exception):
    """An agency or a tag that the archive does not hold; `why` is a key of our texts."""

    def __init__(self, why: str, **values: str) -> None:
        self.why, self.values = why, values
        super().__init__(why)


async def show_news(request: Any, datasette: Any) -> Any:
    """In the format asked for; who is followed stands in the path or behind the question mark."""
    named, kind, run = request.url_vars, request.url_vars["format"], runner(datasette)
    try:
        tag = int(named["tag"]) if "tag" in named else None
        query = parse_news(request.args, agency=named.get("agency"), tag=tag)
        names = await find_names(run, query)
        page = await find_news(run, query)
    except FilterError as error:
        return await refuse(datasette, request, kind, 400, error.why, **error.told)
    except UnknownError as error:
        return await refuse(datasette, request, kind, 404, error.why, **error.values)
    except QueryInterrupted:
        return await refuse(datasette, request, kind, 503, "too_slow_list")
    lang = language_of(request)
    asked = {name: request.args.get(name) for name in ("agency", "tag", "lang", "size")}
    pages = {row["id"]: absolute(datasette, request, f"/archive/releases/{row['release']}") for row in page.rows}

    async def entries() -> Sequence[Entry]:
        return [to_entry(row, pages[row["id"]], lang) for row in page.rows]

    def at(**more: object) -> str:
        return absolute(datasette, request, add_query(path_of(named), **asked, **more))

    listing = Listing(
        name="releases",
        title=say_title(lang, names),
        page=absolute(datasette, request, page_of(query)),
        self=at(after=query.after),
        next=at(after=page.more) if page.more else None,
        rows=to_rows(page.rows, pages),
        columns=COLUMNS,
        entries=entries,
    )
    return await deliver(datasette, request, kind, listing, lang)


def path_of(named: Mapping[str, str]) -> str:
    """The feed's own path."""
    if "tag" in named:
        return f"/tag/{int(named['tag'])}.{named['format']}"
    return f"/agency/{named['agency']}.{named['format']}" if "agency" in named else f"/new.{named['format']}"


def page_of(query: NewsQuery) -> str:
    """The page for people that shows the same, and more."""
    if query.agency and query.tag is not None:
        return add_query("/search", agency=query.agency, tag=query.tag)
    if query.agency:
        return f"/agency/{query.agency}"
    return "/" if query.tag is None else f"/tag/{query.tag}"


async def find_names(run: Run, query: NewsQuery) -> dict[str, Any]:
    """The agency and the tag that are followed; UnknownError where there is none such."""
    names: dict[str, Any] = {}
    if query.agency:
        rows = await run("select name, name_en from agencies where slug = :slug", {"slug": query.agency})
        if not rows:
            raise UnknownError("no_such_agency", agency=query.agency)
        names["agency"] = dict(rows[0])
    if query.tag is not None:
        rows = await run("select name from tags where id = :id", {"id": query.tag})
        if not rows:
            raise UnknownError("no_such_tag", tag=str(query.tag))
        names["tag"] = rows[0]["name"]
    return names


def say_title(lang: str, names: Mapping[str, Any]) -> str:
    """What the feed is called."""
    agency = pick(lang, names["agency"]["name"], names["agency"]["name_en"]) if "agency" in names else None
    if "tag" in names:
        title = say(lang, "feed_new_tag", tag=names["tag"])
        return f"{title}: {agency}" if agency else title
    return say(lang, "feed_new_of", name=agency) if agency else say(lang, "feed_new")


def to_entry(row: Mapping[str, Any], page: str, lang: str) -> Entry:
    """A release as an entry: told once, as first read."""
    agency = pick(lang, row["name"], row["name_en"]) or row["agency"]
    return Entry(
        id=tag_uri(page, "2024", f"release-{row['release']}"),
        title=f"{agency}: {row['title']}",
        language=row["language"],
        seen=to_moment(row["published"] or row["seen"]),
        updated=to_moment(row["seen"]),
        link=page,
        release=page,
        author=agency,
        summary=summarise(row),
        terms=[*([say_kind(lang, row["kind"])] if row["kind"] else []), *json.loads(row["tags"] or "[]")],
    )


def feeds_routes() -> list[tuple[str, Any]]:
    """Before the pages of agencies and tags, whose addresses these continue."""
    return [
        ("/new" + FORMATS, show_news),
        (r"/agency/(?P<agency>[a-z0-9-]+)" + FORMATS, show_news),
        (r"/tag/(?P<tag>[0-9]{1,15})" + FORMATS, show_news),
    ]


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


def sitemap_routes() -> list[tuple[str, Any]]:
    """At the addresses where machines look."""
    return [
        (r"/sitemap\.xml$", show_index),
        (r"/sitemap-(?P<name>pages|tags|releases-\d{1,9})\.xml$", show_piece),
        (r"/robots\.txt$", show_robots),
        (r"/llms\.txt$", show_llms),
    ]


@hookimpl(tryfirst=True)
def register_routes() -> list[tuple[str, Any]]:
    return [*feeds_routes(), *sitemap_routes()]
