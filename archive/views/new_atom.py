"""Feeds of new releases, and the change feed.

- /new.atom, /agency/<slug>.atom, /tag/<number>.atom: new releases; also as .json and .csv.
- /-/changes.json and .ndjson: the changes since a cursor. A client that follows them from the
  beginning has a mirror of the archive.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from datasette import Response

from archive.changes.change_feed import (
    CursorAheadError,
    UnknownCursorError,
    parse_changefeed_query,
    read_changefeed,
)
from archive.changes.edits_and_removals import MAX_REGISTER_PAGE_SIZE
from archive.changes.new_releases import (
    FEED_SIZE,
    FILLED_SIZE,
    read_feed_page,
    read_recent_releases,
    summarise_feed_entry,
)
from archive.i18n import format_release_kind
from archive.urls import LIST_PARAMETERS, parse_number_parameter
from archive.web import (
    AtomEntry,
    DataList,
    Operation,
    ReaderError,
    SiteRequest,
    add_query,
    build_agency_entry,
    format_stated_atom_time,
    get_fields,
    site_view,
)


@site_view(
    r"/new\.{format}",
    r"/agency/{agency}\.{format}",
    r"/tag/{tag}\.{format}",
    parameters=("agency", "tag", *LIST_PARAMETERS),
    operation=Operation(
        summary=(
            "New releases, newest first: neither old ones that a first crawl finds, nor imported"
            " ones"
        ),
        formats=("atom", "json", "csv"),
        rows_name="releases",
        row=get_fields(
            *("release", "agency", "agency_name", "title", "kind", "language", "published"),
            *("updated", "url", "revision", "first_seen", "lead", "page"),
        ),
        statuses={404: "There is no such agency or tag"},
    ),
)
async def _show_feed(site: SiteRequest) -> DataList:
    """Show new releases of all agencies, or only those of the agency or with the tag in the path or
    query.
    """
    path_agency, path_tag = site.url_vars.get("agency"), site.url_vars.get("tag")
    agency = path_agency or site.args.get("agency") or None
    tag = int(path_tag) if path_tag else parse_number_parameter(site.args, "tag")
    after = parse_number_parameter(site.args, "after")
    size = parse_number_parameter(site.args, "size", MAX_REGISTER_PAGE_SIZE) or FEED_SIZE
    title = await _read_feed_title(site, agency, tag)
    page = await read_feed_page(site.run, agency=agency, tag=tag, after=after, size=size)
    rows = [_build_feed_row(site, row) for row in page.rows]

    async def read_entries() -> Sequence[AtomEntry]:
        entries = [_build_release_entry(site, row) for row in rows]
        if after is None and page.next_cursor is None and size >= FILLED_SIZE:
            entries += await _read_filling_entries(site, rows, agency, tag)
        return entries

    return DataList(
        title=title,
        page_url=site.url(_build_feed_page_path(agency, tag)),
        next_url=site.next_url(after=page.next_cursor),
        rows=rows,
        read_entries=read_entries,
    )


async def _read_filling_entries(
    site: SiteRequest, rows: Sequence[Mapping[str, Any]], agency: str | None, tag: int | None
) -> list[AtomEntry]:
    """Return entries for recent releases, to top up a feed with few new releases."""
    recent = await read_recent_releases(
        site.run, [row["release"] for row in rows], agency=agency, tag=tag
    )
    return [_build_release_entry(site, _build_feed_row(site, row)) for row in recent]


def _build_feed_row(site: SiteRequest, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "agency_name": row["name"],
        "revision": row["id"],
        "first_seen": row["seen"],
        "page": site.url(f"/archive/releases/{row['release']}"),
    }


async def _read_feed_title(site: SiteRequest, agency_slug: str | None, tag: int | None) -> str:
    """Return the title of a feed. Raises ReaderError if there is no such agency or tag."""
    agency, title = "", ""
    if agency_slug:
        rows = await site.run(
            "select name, name_en from agencies where slug = :slug", {"slug": agency_slug}
        )
        if not rows:
            raise ReaderError(404, "error.no_agency", agency=agency_slug)
        agency = site.choose(rows[0]["name"], rows[0]["name_en"])
    if tag is not None:
        rows = await site.run("select name from tags where id = :id", {"id": tag})
        if not rows:
            raise ReaderError(404, "error.no_tag", tag=str(tag))
        title = site.translate("feed.new_with_tag", tag=rows[0]["name"])
    if title and agency:
        return f"{title}: {agency}"
    return title or (
        site.translate("feed.new_of", name=agency) if agency else site.translate("feed.new")
    )


def _build_feed_page_path(agency: str | None, tag: int | None) -> str:
    """Return the path of the HTML page that lists the same releases as a feed."""
    if agency and tag is not None:
        return add_query("/search", agency=agency, tag=tag)
    if agency:
        return f"/agency/{agency}"
    return "/" if tag is None else f"/tag/{tag}"


def _build_release_entry(site: SiteRequest, row: Mapping[str, Any]) -> AtomEntry:
    """Build the feed entry of a release from a row of the feed."""
    kind = [format_release_kind(site.language, row["kind"])] if row["kind"] else []
    return build_agency_entry(
        site,
        row,
        link=row["page"],
        name=f"release-{row['release']}",
        when=row["seen"],
        published=format_stated_atom_time(row["published"]),
        summary=summarise_feed_entry(row),
        categories=[*kind, *json.loads(row["tags"] or "[]")],
    )


@site_view(
    r"/-/changes\.{format}",
    parameters=("since", "size"),
    operation=Operation(
        summary=(
            "What changed in the archive since a cursor; followed from the beginning, it makes a"
            " complete mirror"
        ),
        formats=("json", "ndjson"),
        rows_name="changes",
        row=get_fields(
            *("number", "cursor", "change", "at", "release", "revision", "cause", "takedown"),
            number="int Its place in the log",
            cursor="str Continue here",
            change=(
                "str added, changed, removed, returned, moved, hidden, redacted, restored,"
                " attachment or deleted"
            ),
            at="time When it was added to the log",
            release="int?",
            revision="int?",
            takedown="int?",
            action=(
                "str put (replace what you have by `state`), delete, or none (a later entry says"
                " it) = put"
            ),
            state=(
                "any The current version, if `action` is put: the columns of releases, and lists"
                " such as questions"
            ),
        ),
        members={"cursor": "str Continue here, now or later"},
        parameters={"size": "int Entries per page, at most 500 = 100"},
        statuses={410: "A cursor of another log: start again from the beginning"},
    ),
)
async def _show_changes(site: SiteRequest) -> Response | DataList:
    """Show a page of the change feed.

    The status is 410 for the cursor of another archive, and 503 for a cursor that is newer than
    this replica. Clients continue from the `cursor` of the page, immediately or later.
    """
    query = parse_changefeed_query(site.args)
    try:
        page = await read_changefeed(site.run, query)
    except UnknownCursorError as error:
        raise ReaderError(410, "error.cursor_of_other_archive", value=query.cursor) from error
    except CursorAheadError:
        response = await site.render_error(503, "error.cursor_ahead", value=query.cursor)
        # seconds until a replica that is behind the cursor has probably caught up
        response.headers["retry-after"] = "60"
        return response
    return DataList(
        title=site.translate("feed.changes"),
        page_url=site.url("/archive/changefeed"),
        url=site.own_url(f".{site.format_name}", since=query.cursor),
        next_url=site.next_url(since=page.cursor if page.has_more else None),
        rows=page.entries,
        members={"cursor": page.cursor},
    )
