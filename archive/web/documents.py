"""Renders pages of lists as data: JSON, NDJSON, CSV (RFC 4180) or Atom, with an ETag (RFC 9110)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datasette import Response

from archive.web.atom_feed import AtomEntry, render_feed
from archive.web.request_limits import CUT_HEADER
from archive.web.requests import RESPONSE_MEDIA_TYPES, SiteRequest, compute_etag

Rows = Sequence[Mapping[str, Any]]


Entries = Sequence[AtomEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataList:
    """A list or comparison in one of the data formats. All URLs are absolute.

    name: the key of the rows in JSON.
    columns: the columns of CSV and Excel. By default, name and columns come from the view's
        operation.
    headers: the column headers of an Excel file for readers. Without them, the column names are
        used.
    url: the URL of this list, by default derived from the request.
    page_url: the URL of the HTML page with the same content, by default derived from the request.
    rows: the rows of this page.
    batches: yields the rows of the whole list in batches, if the whole list is to be exported.
    read_entries: returns the entries of the Atom feed. It is called only if the client does not
        already have the current feed.
    members: the other values of the JSON object.
    notes: sentences about the rows, for the last sheet of an Excel file. They are complete only
        after all batches have been read.
    """

    title: str
    name: str = ""
    columns: Sequence[str] = ()
    headers: Sequence[str] = ()
    url: str = ""
    page_url: str = ""
    rows: Rows = ()
    batches: AsyncIterator[Rows] | None = None
    read_entries: Callable[[], Entries | Awaitable[Entries]] | None = None
    next_url: str | None = None
    members: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    truncated: str = ""  # after how much the list was cut off; "": it is complete


async def render_document(site: SiteRequest, document: DataList) -> Response:
    """Render a document in the requested format.

    The status is 304 if the client already has the current version.
    """
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
        body = await render_feed(site, document)
    return Response(
        body, status=status, headers=headers, content_type=RESPONSE_MEDIA_TYPES[format_name]
    )


def _format_document_json(document: DataList) -> str:
    """Format a document as a JSON object: metadata, the next URL (null at the end) and rows.

    Each row is on its own line, without indentation, because json's encoder is ten times slower
    when it indents.
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
    """Format the data on which the ETag of an Atom feed is based.

    The entries of the feed themselves are read only if the client does not already have the current
    feed.
    """
    content = [document.rows, document.members, document.title]
    return json.dumps(content, ensure_ascii=False, default=str)


def format_csv(rows: Rows, columns: Sequence[str], *, header: bool = True) -> str:
    """Format rows as CSV, with a header line unless `header` is False.

    None becomes an empty cell, True becomes 1, and False becomes 0.

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
