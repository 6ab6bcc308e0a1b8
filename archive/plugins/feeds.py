"""Feeds of new releases, and the files that crawlers read.

- /new.atom, /agency/<slug>.atom, /tag/<number>.atom: new releases; also as .json and .csv.
- /sitemap.xml and its parts, /robots.txt, /llms.txt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from datasette import NotFound, Response, hookimpl

from archive.database import RunQuery
from archive.feeds import FeedQuery, parse_feed_query, read_feed_page, summarise_feed_entry, to_feed_rows
from archive.i18n import format_release_kind, translate
from archive.web.pages import (
    ROBOTS_RULES,
    format_llms_txt,
    format_sitemap,
    format_sitemap_index,
    read_agency_overview,
    read_sitemap_pages,
    read_sitemap_parts,
    read_sitemap_releases,
    read_sitemap_tags,
)
from archive.web.responses import (
    AtomEntry,
    DataDocument,
    add_query,
    build_absolute_url,
    build_query_runner,
    build_tag_uri,
    choose_translation,
    format_atom_time,
    format_stated_atom_time,
    get_request_language,
    render_document,
    render_error,
    render_query_errors,
)

FEED_FORMAT_SUFFIX = r"\.(?P<format>atom|json|csv)$"
FEED_COLUMNS = (
    *("release", "agency", "agency_name", "title", "kind", "language", "published", "updated", "url", "revision"),
    *("first_seen", "lead", "page"),
)
RELEASES_PART_NAME = re.compile(r"releases-(\d{1,9})", re.ASCII)
XML_MEDIA_TYPE = "application/xml; charset=utf-8"


class UnknownFeedError(Exception):
    """An agency or tag that is not in the archive; `message_key` is a key of the interface texts."""

    def __init__(self, message_key: str, **values: str) -> None:
        self.message_key, self.values = message_key, values
        super().__init__(message_key)


@hookimpl(tryfirst=True)  # before the pages of agencies and tags, whose URLs the feeds extend
def register_routes() -> list[tuple[str, Any]]:
    return [
        ("/new" + FEED_FORMAT_SUFFIX, show_feed),
        (r"/agency/(?P<agency>[a-z0-9-]+)" + FEED_FORMAT_SUFFIX, show_feed),
        (r"/tag/(?P<tag>[0-9]{1,15})" + FEED_FORMAT_SUFFIX, show_feed),
        (r"/sitemap\.xml$", show_sitemap_index),
        (r"/sitemap-(?P<name>pages|tags|releases-\d{1,9})\.xml$", show_sitemap_part),
        (r"/robots\.txt$", show_robots_txt),
        (r"/llms\.txt$", show_llms_txt),
    ]


@render_query_errors
async def show_feed(request: Any, datasette: Any) -> Any:
    """Show new releases, of all agencies or of the agency and tag that the path or the query names."""
    url_vars, format_name, run = request.url_vars, request.url_vars["format"], build_query_runner(datasette)
    tag = int(url_vars["tag"]) if "tag" in url_vars else None
    query = parse_feed_query(request.args, agency=url_vars.get("agency"), tag=tag)
    try:
        names = await read_feed_names(run, query)
    except UnknownFeedError as error:
        return await render_error(datasette, request, format_name, 404, error.message_key, **error.values)
    page = await read_feed_page(run, query)
    lang = get_request_language(request)
    options = {name: request.args.get(name) for name in ("agency", "tag", "lang", "size")}
    build_url = partial(build_absolute_url, datasette, request, build_feed_path(url_vars), **options)
    pages = {
        row["id"]: build_absolute_url(datasette, request, f"/archive/releases/{row['release']}") for row in page.rows
    }

    async def read_entries() -> Sequence[AtomEntry]:
        return [build_release_entry(row, pages[row["id"]], lang) for row in page.rows]

    document = DataDocument(
        rows_name="releases",
        title=format_feed_title(lang, names),
        page_url=build_absolute_url(datasette, request, build_feed_page_path(query)),
        url=build_url(after=query.after),
        next_url=build_url(after=page.next_cursor) if page.next_cursor else None,
        rows=to_feed_rows(page.rows, pages),
        columns=FEED_COLUMNS,
        read_entries=read_entries,
    )
    return await render_document(datasette, request, format_name, document, lang)


async def read_feed_names(run: RunQuery, query: FeedQuery) -> dict[str, Any]:
    """Return the names of a feed's agency and tag; raise UnknownFeedError if there is no such agency or tag."""
    names: dict[str, Any] = {}
    if query.agency:
        rows = await run("select name, name_en from agencies where slug = :slug", {"slug": query.agency})
        if not rows:
            raise UnknownFeedError("no_such_agency", agency=query.agency)
        names["agency"] = dict(rows[0])
    if query.tag is not None:
        rows = await run("select name from tags where id = :id", {"id": query.tag})
        if not rows:
            raise UnknownFeedError("no_such_tag", tag=str(query.tag))
        names["tag"] = rows[0]["name"]
    return names


def build_feed_path(url_vars: Mapping[str, str]) -> str:
    if "tag" in url_vars:
        return f"/tag/{int(url_vars['tag'])}.{url_vars['format']}"
    return (
        f"/agency/{url_vars['agency']}.{url_vars['format']}" if "agency" in url_vars else f"/new.{url_vars['format']}"
    )


def build_feed_page_path(query: FeedQuery) -> str:
    """Return the path of the HTML page that shows the same releases."""
    if query.agency and query.tag is not None:
        return add_query("/search", agency=query.agency, tag=query.tag)
    if query.agency:
        return f"/agency/{query.agency}"
    return "/" if query.tag is None else f"/tag/{query.tag}"


def format_feed_title(language: str, names: Mapping[str, Any]) -> str:
    agency = (
        choose_translation(language, names["agency"]["name"], names["agency"]["name_en"]) if "agency" in names else None
    )
    if "tag" in names:
        title = translate(language, "feed_new_tag", tag=names["tag"])
        return f"{title}: {agency}" if agency else title
    return translate(language, "feed_new_of", name=agency) if agency else translate(language, "feed_new")


def build_release_entry(row: Mapping[str, Any], page: str, language: str) -> AtomEntry:
    """Build the feed entry of a release as it was first read."""
    agency = choose_translation(language, row["name"], row["name_en"]) or row["agency"]
    return AtomEntry(
        id=build_tag_uri(page, f"release-{row['release']}"),
        title=f"{agency}: {row['title']}",
        language=row["language"],
        published=format_stated_atom_time(row["published"]),
        updated=format_atom_time(row["seen"]),
        link=page,
        release_url=page,
        author=agency,
        summary=summarise_feed_entry(row),
        categories=[
            *([format_release_kind(language, row["kind"])] if row["kind"] else []),
            *json.loads(row["tags"] or "[]"),
        ],
    )


async def show_sitemap_index(request: Any, datasette: Any) -> Any:
    """Show the sitemap's parts, each with when one of its releases last changed."""
    parts = await read_sitemap_parts(build_query_runner(datasette))
    entries = [(build_absolute_url(datasette, request, f"/sitemap-{name}.xml"), changed) for name, changed in parts]
    return Response(format_sitemap_index(entries), content_type=XML_MEDIA_TYPE)


async def show_sitemap_part(request: Any, datasette: Any) -> Any:
    """Show one part of the sitemap; raise NotFound for an empty part of releases."""
    run, name = build_query_runner(datasette), request.url_vars["name"]
    releases = RELEASES_PART_NAME.fullmatch(name)
    if releases:
        pages = await read_sitemap_releases(run, int(releases[1]))
    else:
        pages = await (read_sitemap_pages if name == "pages" else read_sitemap_tags)(run)
    if releases and not pages:
        raise NotFound(f"no piece {name}")
    site = build_absolute_url(datasette, request, "/").rstrip("/")
    entries = [(site + path, changed) for path, changed in pages]
    return Response(format_sitemap(entries), content_type=XML_MEDIA_TYPE)


async def show_robots_txt(request: Any, datasette: Any) -> Any:
    """Show robots.txt: pages for readers are allowed, expensive and derived pages are not."""
    rules = "".join(f"{rule}: {datasette.urls.path(path)}\n" for rule, path in ROBOTS_RULES)
    sitemap = build_absolute_url(datasette, request, "/sitemap.xml")
    return Response.text(f"User-agent: *\n{rules}\nSitemap: {sitemap}\n")


async def show_llms_txt(request: Any, datasette: Any) -> Any:
    """Show llms.txt (llmstxt.org): what language models and their users need to know."""
    agencies = await read_agency_overview(build_query_runner(datasette))
    releases = sum(agency["releases"] for agency in agencies)
    return Response.text(format_llms_txt(build_absolute_url(datasette, request, "/").rstrip("/"), releases))
