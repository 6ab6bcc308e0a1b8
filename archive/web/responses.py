"""Requests and responses of all pages: errors, and lists as JSON, NDJSON, CSV (RFC 4180), Atom or Excel (XLSX).

A DataDocument is one page of a list in one of these formats, with an ETag (RFC 9110). A DataExport is a whole list with
only a few rows in memory: streamed as CSV, or as an Excel workbook.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import logging
import os
import re
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit
from weakref import WeakKeyDictionary

from datasette import Response
from datasette.app import app_root
from datasette.database import QueryInterrupted
from datasette.utils import add_cors_headers
from datasette.utils.asgi import BadRequest
from jinja2 import Environment, Template

from archive.database.sqlite_files import RunQuery, limit_cpu_time
from archive.i18n import LANGUAGES, SWEDISH_TIME, choose_language, format_time, translate
from archive.search.search_index import ColumnCache
from archive.times import Month, now, parse_time, to_iso
from archive.urls import FilterError, is_harmless_parameter
from archive.web.datasette_api import get_environment
from archive.web.sandbox import (
    CUT_HEADER,
    RequestQueue,
    SandboxLimits,
    VisitorRequest,
    client_key,
    current_visitor_request,
)
from archive.web.workbook import XML_INVALID_CHARACTER, list_cell_names, spool_rows, write_sheets

if TYPE_CHECKING:
    from archive.web.openapi import DataOperation

RESPONSE_MEDIA_TYPES = {
    "json": "application/json; charset=utf-8",
    "ndjson": "application/x-ndjson; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMAT_SUFFIX = r"(?:\.(?P<format>json|csv|atom))?$"  # suffix of a URL; without it, the HTML page is shown
# suffix of a list that can also be exported completely
EXPORT_FORMAT_SUFFIX = r"(?:\.(?P<format>json|csv|xlsx|atom))?$"
DATA_FORMAT = re.compile(r"\.(json|jsono|ndjson|csv|atom|xlsx|blob|parquet|tsv)$")
FILE_FORMAT = re.compile(r"\.(zip|bib|ris)$")  # what readers download by a link on a page
ANY_PARAMETER = "*"  # for files, whose parameters are not checked
TAG_URI_YEAR = "2024"  # year in the site's tag URIs (RFC 4151), which must never change
OPCODES_PER_CHECK = 10_000  # SQLite opcodes between checks of the CPU time
MIN_TIME_LIMIT = 0.02  # seconds; only tests set a lower limit, which is checked at every opcode
ORIGIN_SCOPE_KEY = "archive.origin"  # key in a request's ASGI scope: scheme and host, with a trailing slash
STATIC_FOLDERS = {  # URL prefix → folder
    "/static/": Path(__file__).resolve().parents[1] / "static",
    "/-/static/": Path(app_root).resolve() / "datasette" / "static",
}
SEARCH_COLUMNS_CACHE: WeakKeyDictionary[Any, ColumnCache] = WeakKeyDictionary()
# Datasette → its environment, see OwnTemplate
OWN_ENVIRONMENTS: WeakKeyDictionary[Any, Environment] = WeakKeyDictionary()


class ReaderError(Exception):
    """An error response of a view. `text_key` names its interface text, which is formatted with `values`."""

    def __init__(self, status: int, text_key: str, **values: object) -> None:
        self.status, self.text_key, self.values = status, text_key, values
        super().__init__(text_key)


class SiteRequest:
    """A request for a page, with everything its view needs: language, format, queries, URLs, responses.

    format_name: None for the HTML page. requested_language: the parameter `lang`; None if it is absent or unknown.
    """

    def __init__(self, request: Any, datasette: Any) -> None:
        self.request, self.datasette = request, datasette
        self.args, self.url_vars = request.args, request.url_vars
        self.format_name: str | None = self.url_vars.get("format")
        requested = self.args.get("lang")
        self.requested_language: str | None = requested if requested in LANGUAGES else None
        self.language = choose_language(requested, request.headers.get("accept-language"))
        self.run = build_query_runner(datasette)

    def translate(self, text_key: str, **values: object) -> str:
        return str(translate(self.language, text_key, **values))

    def choose(self, sv: str | None, en: str | None) -> str:
        """Return the English text for an English page if there is one, else the Swedish text."""
        return (en if self.language == "en" and en else sv) or ""

    def path(self, path: str, /, **query: object) -> str:
        """Return a path of the site with base_url, the requested language and a query."""
        return str(self.datasette.urls.path(add_query(path, lang=self.requested_language, **query)))

    def in_language(self, url: str) -> str:
        """Add the requested language to a URL that another program has built, such as Datasette."""
        url, mark, fragment = url.partition("#")
        query = f"{'&' if '?' in url else '?'}lang={self.requested_language}" if self.requested_language else ""
        return f"{url}{query}{mark}{fragment}"

    def url(self, path: str, /, **query: object) -> str:
        """Return the absolute URL of a path of the site, with a query."""
        scope = self.request.scope
        if ORIGIN_SCOPE_KEY not in scope:  # computed once for all URLs of a list
            scope[ORIGIN_SCOPE_KEY] = str(self.datasette.absolute_url(self.request, "/"))
        return str(scope[ORIGIN_SCOPE_KEY]) + str(self.datasette.urls.path(add_query(path, **query))).removeprefix("/")

    def local_url(self, path: str, /, **query: object) -> str:
        """Return the absolute URL of a path of the site, with a query and the requested language."""
        return self.url(path, **query, lang=self.requested_language)

    async def render(
        self, template: str, context: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        page = await render_own_template(self, template, context)
        return Response.html(page, status=status, headers=headers)

    async def render_error(self, status: int, text_key: str, **values: object) -> Response:
        is_data = self.format_name or expects_data(self.request)
        return await self.respond_with_error(status, text_key, values, values if is_data else None)

    async def respond_with_error(
        self,
        status: int,
        text_key: str,
        values: Mapping[str, object],
        json_members: Mapping[str, object] | None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Respond with JSON in English with `json_members`, or with a page if that is None."""
        headers = dict(headers or {})
        if json_members is None:
            context = {"message_key": text_key, "values": values, "status": status}
            return await self.render("request_error.html", context, status=status, headers=headers)
        if self.datasette.cors:
            add_cors_headers(headers)
        error = {"ok": False, "status": status, "error": translate("en", text_key, **values)}
        error = {**json_members, **error, "docs": self.url("/docs/api")}
        return Response.json(error, status=status, headers=headers)

    def build_headers(self, etag: str | None = None) -> dict[str, str]:
        """Return the headers of data that depends on the language. With an ETag, clients can revalidate it."""
        headers = {
            **({"etag": etag} if etag else {}),
            "cache-control": "no-cache",
            "vary": "Accept-Language",
            "x-content-type-options": "nosniff",
        }
        if self.datasette.cors:
            add_cors_headers(headers)
        return headers

    def has_current(self, etag: str) -> bool:
        """Return whether the client already has the version with this ETag."""
        return matches_etag(self.request.headers.get("if-none-match"), etag)


def site_view(
    *parameters: str, operation: DataOperation | None = None
) -> Callable[[Callable[[SiteRequest], Awaitable[Any]]], Callable[..., Awaitable[Any]]]:
    """Decorate a view of the archive: pass it a SiteRequest, and show its errors in the requested format.

    parameters: the URL parameters that the page supports besides those allowed everywhere, or ANY_PARAMETER. Others and
    invalid ones get a 400 response (`?weight=50` must not list everything as if there were no filter), an interrupted
    query a 503. operation: how /openapi.json describes its data; None for a view without data.
    """

    def decorate(view: Callable[[SiteRequest], Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def respond(request: Any, datasette: Any) -> Any:
            site = SiteRequest(request, datasette)
            names = operation.parameter_names if operation and site.format_name else None
            try:
                check_parameters(request.args, parameters if names is None else names)
                return await view(site)
            except ReaderError as error:
                return await site.render_error(error.status, error.text_key, **error.values)
            except FilterError as error:
                return await site.render_error(400, error.text_key, **error.text_values)
            except QueryInterrupted:
                return await site.render_error(503, "error.too_slow_list")

        vars(respond).update(parameters=parameters, operation=operation)
        return respond

    return decorate


def check_parameters(arguments: Any, parameters: Collection[str]) -> None:
    """Raise FilterError for a parameter that a page does not support, so that none is ignored silently."""
    for name in arguments if ANY_PARAMETER not in parameters else ():
        if name not in parameters and not is_harmless_parameter(name):
            known = ", ".join(parameters) or "lang"
            raise FilterError(name, arguments[name], f"one of {known}", "error.unknown_parameter", known=known)


def has_data_format(path: str) -> bool:
    """Return whether a path names a data format, so that errors are JSON rather than pages.

    >>> [has_data_format(path) for path in ("/archive/releases.csv", "/search.atom", "/archive/releases", "/a.css")]
    [True, True, False, False]
    """
    return bool(DATA_FORMAT.search(path.partition("?")[0]))


def expects_data(request: Any) -> bool:
    """Return whether errors are JSON: for data formats, and for files unless a browser asks for them."""
    is_browser = "text/html" in request.headers.get("accept", "")
    return has_data_format(request.path) or (bool(FILE_FORMAT.search(request.path)) and not is_browser)


# queries


def build_query_runner(datasette: Any) -> RunQuery:
    """Return a function that runs a SELECT on the archive within a limit of CPU time.

    Elapsed time is not limited, so that a busy machine does not turn pages into errors.
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
    """Return the rows of a query; raise QueryInterrupted if it takes too much CPU time of this thread."""
    try:
        with limit_cpu_time(connection, cpu_seconds, OPCODES_PER_CHECK if cpu_seconds > MIN_TIME_LIMIT else 1):
            return connection.execute(sql, values).fetchall()
    except sqlite3.OperationalError as error:
        if error.args == ("interrupted",):
            raise QueryInterrupted(error, sql, values) from error
        raise


class OwnTemplate(Template):
    """A template of ours, rendered without `await`. In Datasette's own environment, each call in it is awaited."""

    async def render_async(self, *args: Any, **kwargs: Any) -> str:
        return self.render(*args, **kwargs)


async def render_own_template(site: SiteRequest, name: str, context: dict[str, Any]) -> str:
    """Render one of our templates with Datasette's context, but not in its asynchronous mode, which is slower."""
    datasette = site.datasette
    if datasette not in OWN_ENVIRONMENTS:
        OWN_ENVIRONMENTS[datasette] = environment = get_environment(datasette).overlay(enable_async=False)
        environment.template_class = OwnTemplate
    template = OWN_ENVIRONMENTS[datasette].get_template(name)
    return str(await datasette.render_template(template, context, request=site.request))


def get_search_columns(datasette: Any) -> ColumnCache:
    """Return the cached columns used to sort and count searches, one cache per Datasette instance."""
    return SEARCH_COLUMNS_CACHE.setdefault(datasette, ColumnCache())


def add_query(url: str, **values: object) -> str:
    """Append a query to a URL, leaving out values that are None or empty.

    >>> add_query("/-/edits", agency="fyr", tag=None)
    '/-/edits?agency=fyr'
    """
    query = urlencode({name: value for name, value in values.items() if value is not None and value != ""})
    return f"{url}?{query}" if query else url


# documents


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomEntry:
    """An entry of an Atom feed.

    published: None if the day is unknown. release_url: the release's page in the archive, by default `link`.
    field_diffs: objects of archive.changes.field_differences.FieldDiff, shown after `content`, or after `summary` if
    there is no content.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDocument:
    """A list or comparison to be rendered in one of the data formats. All URLs are absolute.

    rows_name: the key of the rows in JSON. page_url: the HTML page with the same content. read_entries: called only if
    the client needs a new Atom feed. extra_members: further members of the JSON object.
    """

    rows_name: str
    title: str
    page_url: str
    url: str
    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    read_entries: Callable[[], Awaitable[Sequence[AtomEntry]]] | None = None
    next_url: str | None = None
    extra_members: Mapping[str, Any] = field(default_factory=dict)
    truncated: str = ""  # after how much the list was cut off; "": it is complete


async def render_document(site: SiteRequest, document: DataDocument) -> Response:
    """Render a document in the format of the request; 304 if the client has the current version."""
    format_name = site.format_name or "json"
    content = json.dumps(
        [document.rows, document.extra_members, document.next_url, document.title], ensure_ascii=False, default=str
    )
    etag = compute_etag(f"{format_name} {site.language} {document.url} {content}")
    headers = site.build_headers(etag)
    if document.next_url:
        headers["link"] = f'<{document.next_url}>; rel="next"'
    if document.truncated:
        headers[CUT_HEADER] = document.truncated
    status = 304 if site.has_current(etag) else 200
    if status == 304:
        body = ""
    elif format_name == "json":
        body = format_document_json(document)
    elif format_name == "ndjson":
        body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in document.rows)
    elif format_name == "csv":
        body = format_csv(document.rows, document.columns)
    else:
        body = await render_feed(site, document)
    return Response(body, status=status, headers=headers, content_type=RESPONSE_MEDIA_TYPES[format_name])


async def render_feed(site: SiteRequest, document: DataDocument) -> str:
    entries = await document.read_entries() if document.read_entries else []
    updated = max((entry.updated for entry in entries), default=None)
    if updated is None:  # a feed without entries has not changed since the archive was created
        created = (await site.run("select min(applied_at) as created from _sqlite_migrations", {}))[0]["created"]
        updated = f"{created[:19].replace(' ', 'T')}+00:00"
    feed = {
        "document": document,
        "feed_id": build_tag_uri(document.page_url),
        "updated": updated,
        "entries": entries,
    }
    page = await render_own_template(site, "atom.xml", feed)
    return XML_INVALID_CHARACTER.sub("\ufffd", page)


def format_document_json(document: DataDocument) -> str:
    """Format a document as a JSON object: its metadata, the next URL (null at the end) and the rows.

    Each row is on its own line, without indentation, because json's encoder is ten times slower with it.
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


def format_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, header: bool = True) -> str:
    """Format rows as CSV with a header line; None is empty, True and False are 1 and 0.

    >>> format_csv([{"a": 'x "y", z', "b": None}, {"a": True, "b": 2}], ["a", "b"])
    'a,b\\r\\n"x ""y"", z",\\r\\n1,2\\r\\n'
    """
    cells = ([int(row[name]) if isinstance(row[name], bool) else row[name] for name in columns] for row in rows)
    return format_csv_lines([*([columns] if header else []), *cells])


def format_csv_lines(lines: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue()


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


# ETags and static files


def compute_etag(text: str) -> str:
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def matches_etag(if_none_match: str | None, etag: str) -> bool:
    """Return whether If-None-Match names this ETag, by weak comparison (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or tags == ["*"]


def find_static_file(path: str) -> Path | None:
    """Return the file of a URL path such as /static/style.css, or None."""
    for prefix, folder in STATIC_FOLDERS.items():
        if path.startswith(prefix) and "\0" not in path:
            file = (folder / path.removeprefix(prefix)).resolve()
            if file.is_relative_to(folder) and file.is_file():
                return file
    return None


def hash_file(file: Path) -> str:
    """Return the first digits of a file's SHA-256. The file is read only if it has changed."""
    return hash_unchanged_file(file, file.stat().st_mtime_ns)


@lru_cache
def hash_unchanged_file(file: Path, _mtime_ns: int, /) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def build_static_url(datasette: Any, name: str) -> str:
    """Return the URL of a file in archive/static, with its hash, so that caches may store it for good."""
    return f"{datasette.urls.path(f'/static/{name}')}?{hash_file(STATIC_FOLDERS['/static/'] / name)}"


# Exports

# a batch may wait longer than a page, so that a download that has begun does not fail
EXPORT_LIMITS = {
    "csv": SandboxLimits(workers=2, max_streams=20, max_waiting=20, queue_timeout=60.0),
    "xlsx": SandboxLimits(workers=2, max_streams=4, max_waiting=4, queue_timeout=60.0),
}
EXPORT_QUEUES: WeakKeyDictionary[Any, dict[str, RequestQueue]] = WeakKeyDictionary()
MAX_SPOOL_BYTES = 500_000_000  # size of the file with a workbook's rows; the sheets then take as much again
FILE_CHUNK_BYTES = 64_000

Rows = Sequence[Mapping[str, Any]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataExport:
    """A whole list to export.

    page_url: the same list as a page. batches: yields rows in batches, read when needed.
    """

    name: str  # name of the file, without its suffix
    title: str
    page_url: str
    columns: Sequence[str]
    batches: AsyncIterator[Rows]
    truncated: str = ""  # as of a DataDocument


async def render_export(site: SiteRequest, export: DataExport) -> Any:
    """Render a whole list as CSV or XLSX; raise BusyError if too many exports are running.

    The first batch is read here, so that an error in it gets its own response.
    """
    format_name = site.format_name or ""
    headers = {**site.build_headers(), "content-type": RESPONSE_MEDIA_TYPES[format_name]}
    if export.truncated:
        headers[CUT_HEADER] = export.truncated
    if format_name == "xlsx":
        headers["content-disposition"] = f'attachment; filename="{export.name}.xlsx"'
    if site.request.method == "HEAD":
        return Response("", headers=headers, content_type=RESPONSE_MEDIA_TYPES[format_name])
    exporting = begin_export(site.datasette, site.request, format_name)
    if format_name == "csv":
        return await StreamResponse(read_csv_chunks(export, exporting), headers).read_first()
    with exporting as visitor_request:
        return build_file_response(await write_workbook(export, visitor_request, site.language), headers)


@contextmanager
def begin_export(datasette: Any, request: Any, format_name: str) -> Iterator[VisitorRequest]:
    """Count an export until it ends; yield its queue entry, or raise BusyError if too many are running."""
    queues = EXPORT_QUEUES.setdefault(datasette, {name: RequestQueue(limits) for name, limits in EXPORT_LIMITS.items()})
    client = client_key(request.scope)
    visitor_request = VisitorRequest(EXPORT_LIMITS[format_name], queues[format_name], streaming=True, client=client)
    visitor_request.begin_stream()
    try:
        yield visitor_request
    finally:
        visitor_request.close()


async def read_in_turns(batches: AsyncIterator[Rows], visitor_request: VisitorRequest) -> AsyncGenerator[Rows]:
    """Yield the batches of an export. Each waits for a slot, so that slow readers block no others."""
    async with aclosing(batches):  # type: ignore[type-var] # a generator
        while True:
            async with visitor_request.hold_slot():
                rows = await anext(batches, None)
            if rows is None:
                return
            yield rows


async def read_csv_chunks(
    export: DataExport, exporting: AbstractContextManager[VisitorRequest]
) -> AsyncGenerator[bytes]:
    """Yield the list as CSV: the header with the first rows, then further rows."""
    header = format_csv((), export.columns)
    with exporting as visitor_request:
        async with aclosing(read_in_turns(export.batches, visitor_request)) as batches:
            async for rows in batches:
                yield (header + format_csv(rows, export.columns, header=False)).encode()
                header = ""
    if header:
        yield header.encode()


class StreamResponse:
    """A response that is sent in chunks as they are read.

    If reading fails midway, the response is left incomplete, so that the server closes the connection and clients
    notice that the list is cut off.
    """

    def __init__(self, chunks: AsyncGenerator[bytes], headers: Mapping[str, str], status: int = 200) -> None:
        self.first_chunk, self.chunks, self.headers, self.status = b"", chunks, headers, status
        self.body: bytes | None = None  # Datasette sets it to b"" for HEAD

    async def read_first(self) -> StreamResponse:
        """Read the first chunk, so that an error is raised before the response starts."""
        self.first_chunk = await anext(self.chunks, b"")
        return self

    async def asgi_send(self, send: Send) -> None:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        async with aclosing(self.chunks) as chunks:
            await send({"type": "http.response.start", "status": self.status, "headers": headers})
            if self.body is not None and not self.first_chunk:
                await anext(chunks, b"")  # HEAD: a generator that has not started does not close its file
            if self.body is None:
                try:
                    await send({"type": "http.response.body", "body": self.first_chunk, "more_body": True})
                    async for chunk in chunks:
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                except Exception as error:
                    logger.warning("a download was interrupted: %r", error)
                    raise
            await send({"type": "http.response.body", "body": b""})


def build_file_response(
    file: IO[bytes], headers: Mapping[str, str], start: int = 0, end: int | None = None, status: int = 200
) -> StreamResponse:
    """Return a response that sends a file, or its bytes from `start` to `end`, and closes it."""
    stop = file.seek(0, 2) if end is None else end

    async def read_chunks() -> AsyncGenerator[bytes]:
        with file:
            file.seek(start)
            while chunk := file.read(min(stop - file.tell(), FILE_CHUNK_BYTES)):
                yield chunk

    return StreamResponse(read_chunks(), {**headers, "content-length": str(stop - start)}, status)


# Excel


async def write_workbook(export: DataExport, visitor_request: VisitorRequest, language: str) -> IO[bytes]:
    """Write a whole list to a temporary Excel workbook; raise BadRequest if the list is too long.

    The rows are first written to another file, because the header depends on how many cells the longest text of each
    column takes. Writing the sheets waits for its own slot.
    """
    with ExitStack() as files, TemporaryFile("w+", encoding="utf-8") as spool:
        file = files.enter_context(TemporaryFile())
        cell_counts, row_count = [1] * len(export.columns), 0
        async with aclosing(read_in_turns(export.batches, visitor_request)) as batches:
            async for rows in batches:
                batch_counts = await asyncio.to_thread(spool_rows, rows, export.columns, spool)
                cell_counts = list(map(max, cell_counts, batch_counts))
                row_count += len(rows)
                if os.fstat(spool.fileno()).st_size > MAX_SPOOL_BYTES:
                    raise BadRequest(
                        f"an Excel file can have at most {MAX_SPOOL_BYTES:,} bytes of rows: use CSV, or select fewer"
                    )
        columns = list(zip(export.columns, cell_counts, strict=True))
        continued = ", ".join(name for column in columns for name in list_cell_names(*column)[1:])
        notes = [
            export.title,
            export.page_url,
            translate(language, "xlsx.rows", n=row_count, when=format_time(language, to_iso(now()))),
            *([translate(language, "xlsx.continued", columns=continued)] if continued else []),
            translate(language, "xlsx.texts"),
        ]
        async with visitor_request.hold_slot():
            await asyncio.to_thread(write_sheets, spool, columns, notes, file)
        files.pop_all()  # the response closes it
        return file
