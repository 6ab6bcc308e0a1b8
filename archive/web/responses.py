"""What the plugins share: running queries, building URLs, error pages, and lists as JSON, NDJSON, CSV or Atom.

A DataDocument is rendered as JSON, NDJSON, CSV (RFC 4180) or Atom (RFC 4287), with an ETag (RFC 9110).
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit
from weakref import WeakKeyDictionary

from datasette import Response
from datasette.database import QueryInterrupted
from datasette.utils import add_cors_headers

from archive.database import RunQuery
from archive.dates import parse_time, to_iso
from archive.i18n import LANGUAGES, SWEDISH_TIME, choose_language, translate
from archive.params import FilterError
from archive.search.ranking import ColumnCache
from archive.web.sandbox import current_visitor_request

View = Callable[[Any, Any], Awaitable[Any]]  # (request, datasette) → response
RESPONSE_MEDIA_TYPES = {
    "json": "application/json; charset=utf-8",
    "ndjson": "application/x-ndjson; charset=utf-8",
    "csv": "text/csv; charset=utf-8; header=present",
    "atom": "application/atom+xml; charset=utf-8",
}
FORMAT_SUFFIX = r"(?:\.(?P<format>json|csv|atom))?$"  # of a URL; without it, the HTML page
XML_INVALID_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # not in XML 1.0
TAG_URI_YEAR = "2024"  # of the site's tag URIs (RFC 4151); never change it
OPCODES_PER_CHECK = 10_000  # SQLite opcodes between two checks of the CPU time
MIN_TIME_LIMIT = 0.02  # seconds; only tests set a lower limit, which is checked at every opcode
ORIGIN_SCOPE_KEY = "archive.origin"  # key in a request's ASGI scope: scheme and host, with a trailing slash
SEARCH_COLUMNS_CACHE: WeakKeyDictionary[Any, ColumnCache] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomEntry:
    """An entry of an Atom feed."""

    id: str
    title: str
    language: str | None
    published: str
    updated: str
    link: str
    release_url: str  # the release's page in the archive
    author: str
    summary: str
    categories: Sequence[str] = ()
    field_diffs: Sequence[Any] = ()  # archive.history.comparison.FieldDiff: the content
    content: str | None = None  # the content if there are no field_diffs


async def read_no_entries() -> Sequence[AtomEntry]:
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDocument:
    """A list or comparison to be rendered in one of the data formats. All URLs are absolute."""

    rows_name: str  # the key of the rows in JSON
    title: str
    page_url: str  # the HTML page with the same content
    url: str
    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    read_entries: Callable[[], Awaitable[Sequence[AtomEntry]]] = read_no_entries  # called only for a new Atom feed
    next_url: str | None = None
    extra_members: Mapping[str, Any] = field(default_factory=dict)  # further members of the JSON object


async def render_document(datasette: Any, request: Any, format_name: str, document: DataDocument, language: str) -> Any:
    """Render a document in a format; 304 if the client has the current version."""
    content = json.dumps(
        [document.rows, document.extra_members, document.next_url, document.title], ensure_ascii=False, default=str
    )
    etag = compute_etag(f"{format_name} {language} {document.url} {content}")
    headers = build_document_headers(datasette, etag)
    if document.next_url:
        headers["link"] = f'<{document.next_url}>; rel="next"'
    if matches_etag(request.headers.get("if-none-match"), etag):
        return Response("", status=304, headers=headers, content_type=RESPONSE_MEDIA_TYPES[format_name])
    if format_name == "json":
        body = format_document_json(document)
    elif format_name == "ndjson":
        body = format_ndjson(document.rows)
    elif format_name == "csv":
        body = format_csv(document.rows, document.columns)
    else:
        entries = await document.read_entries()
        newest = max((entry.updated for entry in entries), default="1970-01-01T00:00:00+00:00")
        feed = {
            "document": document,
            "feed_id": build_tag_uri(document.page_url),
            "updated": newest,
            "entries": entries,
        }
        body = XML_INVALID_CHARACTER.sub("\ufffd", await datasette.render_template("atom.xml", feed, request=request))
    return Response(body, headers=headers, content_type=RESPONSE_MEDIA_TYPES[format_name])


def build_document_headers(datasette: Any, etag: str) -> dict[str, str]:
    """Return the headers of a document that is revalidated by its ETag and depends on the reader's language."""
    headers = {
        "etag": etag,
        "cache-control": "no-cache",
        "vary": "Accept-Language",
        "x-content-type-options": "nosniff",
    }
    if datasette.cors:
        add_cors_headers(headers)
    return headers


def compute_etag(text: str) -> str:
    """Return a strong ETag of a text."""
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def matches_etag(if_none_match: str | None, etag: str) -> bool:
    """Return whether If-None-Match names this ETag, by weak comparison (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or tags == ["*"]


def format_document_json(document: DataDocument) -> str:
    """Format a document as a JSON object: its metadata, the next URL (null at the end) and the rows.

    Only the rows are on lines of their own: indenting takes json's Python encoder, ten times slower than the C one.
    """
    members = {
        "title": document.title,
        "self": document.url,
        "page": document.page_url,
        "next": document.next_url,
        **document.extra_members,
    }
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in members.items()]
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in document.rows)
    return "{" + ",\n".join([*lines, f"{json.dumps(document.rows_name)}: [\n{rows}\n]"]) + "}"


def format_ndjson(rows: Sequence[Mapping[str, Any]]) -> str:
    """Format rows as NDJSON, one per line; the next URL is in the Link header or in the rows themselves.

    >>> format_ndjson([{"a": "å"}, {"a": None}])
    '{"a": "å"}\\n{"a": null}\\n'
    """
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def format_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Format rows as CSV with a header line and CR LF; None is empty, true and false are 1 and 0.

    >>> format_csv([{"a": 'x "y", z', "b": None}, {"a": True, "b": 2}], ["a", "b"])
    'a,b\\r\\n"x ""y"", z",\\r\\n1,2\\r\\n'
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([int(row[name]) if isinstance(row[name], bool) else row[name] for name in columns])
    return out.getvalue()


def format_atom_time(text: str) -> str:
    """Format a stored time as RFC 3339; a day or month becomes midnight, Swedish time, of its first day.

    >>> format_atom_time("2024-06-03"), format_atom_time("2024-06-03T08:15:00+00:00")
    ('2024-06-03T00:00:00+02:00', '2024-06-03T08:15:00+00:00')
    """
    value = parse_time(text)
    if value is None or isinstance(value, datetime):
        return text
    return to_iso(datetime(value.year, value.month, value.day, tzinfo=SWEDISH_TIME)) or text


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


async def render_error(
    datasette: Any, request: Any, format_name: str | None, status: int, message_key: str, **values: object
) -> Any:
    """Render an error by the key of its message: as a page, or for a data format as JSON in English."""
    if format_name:
        error = {"ok": False, "status": status, "error": translate("en", message_key, **values), **values}
        response = Response.json(error, status=status)
        if datasette.cors:
            add_cors_headers(response.headers)
        return response
    context = {"message_key": message_key, "values": values, "status": status}
    page = await datasette.render_template("refusal.html", context, request=request)
    return Response.html(page, status=status)


def render_query_errors(view: View) -> View:
    """Decorate a view: a filter that cannot be read is answered with 400, an interrupted query with 503."""

    async def render(request: Any, datasette: Any) -> Any:
        format_name = request.url_vars["format"]
        try:
            return await view(request, datasette)
        except FilterError as error:
            return await render_error(datasette, request, format_name, 400, error.text_key, **error.text_values)
        except QueryInterrupted:
            return await render_error(datasette, request, format_name, 503, "too_slow_list")

    return render


def build_query_runner(datasette: Any) -> RunQuery:
    """Return a function that runs a SELECT on the archive within a limit of CPU time.

    It is not a limit of elapsed time, so a busy machine does not turn pages into errors.
    """
    db = datasette.get_database("archive")

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        if current_visitor_request.get() is not None:  # it has its own budget and workers (archive.web.sandbox)
            return list(await db.execute(sql, values))
        return await db.execute_fn(partial(run_with_cpu_limit, sql, values, datasette.sql_time_limit_ms / 1000))  # type: ignore[no-any-return]

    return run


def run_with_cpu_limit(
    sql: str, values: dict[str, Any], cpu_seconds: float, connection: sqlite3.Connection
) -> list[Any]:
    """Return the rows of a query; raise QueryInterrupted if it takes this thread more CPU time than allowed."""
    end = time.thread_time() + cpu_seconds
    connection.set_progress_handler(
        lambda: time.thread_time() > end, OPCODES_PER_CHECK if cpu_seconds > MIN_TIME_LIMIT else 1
    )
    try:
        return connection.execute(sql, values).fetchall()
    except sqlite3.OperationalError as error:
        if error.args == ("interrupted",):
            raise QueryInterrupted(error, sql, values) from error
        raise
    finally:
        connection.set_progress_handler(None, 0)


def get_search_columns(datasette: Any) -> ColumnCache:
    """Return the cached columns that searches are sorted and counted by, one cache for each Datasette."""
    return SEARCH_COLUMNS_CACHE.setdefault(datasette, ColumnCache())


def get_request_language(request: Any) -> str:
    """Return the reader's language: by the parameter lang, else by Accept-Language."""
    return choose_language(request.args.get("lang"), request.headers.get("accept-language"))


def choose_translation(language: str, sv: str | None, en: str | None) -> str | None:
    """Return the English text for an English reader if there is one, else the Swedish text."""
    return en if language == "en" and en else sv


def add_query(url: str, **values: object) -> str:
    """Append a query to a URL, leaving out values that are None or empty.

    >>> add_query("/-/edits", agency="fyr", tag=None)
    '/-/edits?agency=fyr'
    """
    query = urlencode({name: value for name, value in values.items() if value is not None and value != ""})
    return f"{url}?{query}" if query else url


def keep_requested_language(request: Any, path: str) -> str:
    """Return a path with the parameter lang, if the request has it."""
    language = request.args.get("lang")
    return add_query(path, lang=language if language in LANGUAGES else None)


def build_absolute_url(datasette: Any, request: Any, path: str, /, **query: object) -> str:
    """Return the absolute URL of a path of the site, with a query."""
    if ORIGIN_SCOPE_KEY not in request.scope:  # computed once for all URLs of a list
        request.scope[ORIGIN_SCOPE_KEY] = str(datasette.absolute_url(request, "/"))
    return str(request.scope[ORIGIN_SCOPE_KEY]) + str(datasette.urls.path(add_query(path, **query))).removeprefix("/")


def build_absolute_urls(datasette: Any, request: Any, **paths: str | None) -> dict[str, str | None]:
    """Return the absolute URLs of several paths, by name; None stays None."""
    return {name: path and build_absolute_url(datasette, request, path) for name, path in paths.items()}
