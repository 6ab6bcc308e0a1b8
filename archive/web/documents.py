"""Pages of lists as data: JSON, NDJSON, CSV (RFC 4180), Atom (RFC 4287); their ETags (RFC 9110)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from datasette import Response

from archive.i18n import SWEDISH_TIME
from archive.times import Month, parse_time
from archive.web.request_limits import CUT_HEADER
from archive.web.requests import (
    RESPONSE_MEDIA_TYPES,
    XML_INVALID_CHARACTER,
    SiteRequest,
    compute_etag,
    render_own_template,
)

TAG_URI_YEAR = "2024"  # year in the site's tag URIs (RFC 4151), which must never change

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomEntry:
    """An entry of an Atom feed.

    published: None if the day is unknown. release_url: the release's page in the archive, by
    default `link`. field_diffs: objects of archive.changes.field_differences.FieldDiff, shown after
    `content`, or after `summary` if there is no content.
    """

    id: str
    title: str
    language: str | None
    published: str | None
    updated: str
    link: str
    release_url: str | None = None
    author: str
    summary: str
    categories: Sequence[str] = ()
    field_diffs: Sequence[Any] = ()
    content: str | None = None


Entries = Sequence[AtomEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataList:
    """A list or comparison in one of the data formats. All URLs are absolute.

    name: the key of the rows in JSON; columns: of CSV and Excel; by default, both are those of the
    view's operation, and the rows have its members. url: of this list, page_url: of the HTML page
    with the same content; by default, those of the request. rows: of this page; batches: yields
    those of the whole list, if it is to be exported. read_entries: called only if the client needs
    a new Atom feed. members: further members of the JSON object.
    """

    title: str
    name: str = ""
    columns: Sequence[str] = ()
    url: str = ""
    page_url: str = ""
    rows: Rows = ()
    batches: AsyncIterator[Rows] | None = None
    read_entries: Callable[[], Entries | Awaitable[Entries]] | None = None
    next_url: str | None = None
    members: Mapping[str, Any] = field(default_factory=dict)
    truncated: str = ""  # after how much the list was cut off; "": it is complete


async def render_document(site: SiteRequest, document: DataList) -> Response:
    """Render a document in the format of the request; 304 if the client has the current version."""
    format_name = site.format_name or "json"
    body = _FORMATTERS[format_name](document)
    etag = compute_etag(f"{format_name} {site.language} {document.url} {document.next_url} {body}")
    headers = site.build_headers(etag)
    if document.next_url:
        headers["link"] = f'<{document.next_url}>; rel="next"'
    if document.truncated:
        headers[CUT_HEADER] = document.truncated
    status = 304 if site.has_current(etag) else 200
    if status == 304:
        body = ""
    elif format_name == "atom":
        body = await _render_feed(site, document)
    return Response(
        body, status=status, headers=headers, content_type=RESPONSE_MEDIA_TYPES[format_name]
    )


async def _render_feed(site: SiteRequest, document: DataList) -> str:
    entries = document.read_entries() if document.read_entries else ()
    if not isinstance(entries, Sequence):
        entries = await entries
    updated = max((entry.updated for entry in entries), default=None)
    if updated is None:  # a feed without entries has not changed since the archive was created
        created = (await site.run("select min(applied_at) as created from _sqlite_migrations", {}))[
            0
        ]["created"]
        updated = f"{created[:19].replace(' ', 'T')}+00:00"
    feed = {
        "document": document,
        "feed_id": build_tag_uri(document.page_url),
        "updated": updated,
        "entries": entries,
    }
    page = await render_own_template(site, "atom.xml", feed)
    return XML_INVALID_CHARACTER.sub("\ufffd", page)


def _format_document_json(document: DataList) -> str:
    """Format a document as a JSON object: its metadata, the next URL (null at the end) and the
    rows.

    Each row is on its own line, without indentation, because json's encoder is ten times slower
    with it.
    """
    members = {
        "title": document.title,
        "self": document.url,
        "page": document.page_url,
        "next": document.next_url,
        **document.members,
    }
    lines = [
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in members.items()
    ]
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in document.rows)
    return "{" + ",\n".join([*lines, f"{json.dumps(document.name)}: [\n{rows}\n]"]) + "}"


def _format_ndjson(document: DataList) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in document.rows)


def _format_feed_content(document: DataList) -> str:
    """Format what an Atom feed depends on: its entries are read only if the client needs them."""
    content = [document.rows, document.members, document.title]
    return json.dumps(content, ensure_ascii=False, default=str)


def format_csv(rows: Rows, columns: Sequence[str], *, header: bool = True) -> str:
    """Format rows as CSV with a header line; None is empty, True and False are 1 and 0.

    >>> format_csv([{"a": 'x "y", z', "b": None}, {"a": True, "b": 2}], ["a", "b"])
    'a,b\\r\\n"x ""y"", z",\\r\\n1,2\\r\\n'
    """
    cells = (
        [int(row[name]) if isinstance(row[name], bool) else row[name] for name in columns]
        for row in rows
    )
    return format_csv_lines([*([columns] if header else []), *cells])


def format_csv_lines(lines: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue()


_FORMATTERS: Mapping[str, Callable[[DataList], str]] = {
    "json": _format_document_json,
    "ndjson": _format_ndjson,
    "csv": lambda document: format_csv(document.rows, document.columns),
    "atom": _format_feed_content,
}


def build_agency_entry(
    site: SiteRequest,
    row: Mapping[str, Any],
    *,
    link: str,
    name: str,
    when: str,
    updated: str | None = None,
    subject: str | None = None,
    **fields: Any,
) -> AtomEntry:
    """Build an entry whose title and author name an agency.

    row: with the agency's `name` and `name_en`, and the `title` and `language` of a release. name:
    of the entry, at the end of its id. updated: by default `when`. subject: by default the title.
    fields: other fields of AtomEntry.
    """
    agency = site.choose(row["name"], row["name_en"])
    times = {
        "published": format_atom_time(when),
        "updated": format_atom_time(updated or when),
    }
    return AtomEntry(
        id=build_tag_uri(link, name),
        title=f"{agency}: {subject or row['title']}",
        link=link,
        author=agency,
        **{"language": row["language"], **times, **fields},
    )


def format_atom_time(text: str) -> str:
    """Format a stored time as RFC 3339; a day becomes its midnight in Sweden.

    Raises ValueError for a month.

    >>> format_atom_time("2024-06-03"), format_atom_time("2024-06-03T08:15:00+00:00")
    ('2024-06-03T00:00:00+02:00', '2024-06-03T08:15:00+00:00')
    """
    value = parse_time(text)
    if isinstance(value, Month) or value is None:
        raise ValueError(f"{text} is not a day or a time")
    if isinstance(value, datetime):
        return text
    return datetime(value.year, value.month, value.day, tzinfo=SWEDISH_TIME).isoformat()


def format_stated_atom_time(text: str | None) -> str | None:
    """Format a time stated by an agency for Atom; return None if there is none, or only a month.

    >>> format_stated_atom_time("2024-06-03"), format_stated_atom_time("2024-06")
    ('2024-06-03T00:00:00+02:00', None)
    """
    return None if text is None or isinstance(parse_time(text), Month) else format_atom_time(text)


def build_tag_uri(url: str, name: str | None = None) -> str:
    """Build a tag URI (RFC 4151), which does not depend on the site's scheme and port.

    >>> build_tag_uri("https://a.example:8001/-/edits", "revision-7")
    'tag:a.example,2024:revision-7'
    >>> build_tag_uri("http://a.example/-/edits?x=1")
    'tag:a.example,2024:/-/edits?x=1'
    """
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return f"tag:{'localhost' if ':' in host else host},{TAG_URI_YEAR}:{name or path}"
