"""What the plugins share: running queries, building URLs, error pages, and lists as JSON, NDJSON, CSV, Excel or Atom.

A DataDocument is one page of a list. It is rendered as JSON, NDJSON, CSV (RFC 4180) or Atom (RFC 4287), with an ETag
(RFC 9110). A DataExport is a whole list, however long, of which only a few rows are in memory. It is streamed as CSV,
or written to a temporary file as an Excel workbook (XLSX).
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import logging
import math
import os
import re
import sqlite3
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, aclosing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any
from urllib.parse import urlencode, urlsplit
from weakref import WeakKeyDictionary

import xlsxwriter
from datasette import Response
from datasette.app import app_root
from datasette.database import QueryInterrupted
from datasette.utils import add_cors_headers
from datasette.utils.asgi import BadRequest

from archive.database import RunQuery
from archive.dates import Month, now, parse_time, to_iso
from archive.i18n import LANGUAGES, SWEDISH_TIME, choose_language, format_time, translate
from archive.params import FilterError
from archive.search.ranking import ColumnCache
from archive.web.sandbox import BusyError, RequestQueue, SandboxLimits, VisitorRequest, current_visitor_request

View = Callable[[Any, Any], Awaitable[Any]]  # (request, datasette) → response
RESPONSE_MEDIA_TYPES = {
    "json": "application/json; charset=utf-8",
    "ndjson": "application/x-ndjson; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMAT_SUFFIX = r"(?:\.(?P<format>json|csv|atom))?$"  # of a URL; without it, the HTML page
EXPORT_FORMAT_SUFFIX = r"(?:\.(?P<format>json|csv|xlsx|atom))?$"  # of a list that is also exported as a whole
XML_INVALID_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # not in XML 1.0
TAG_URI_YEAR = "2024"  # of the site's tag URIs (RFC 4151); never change it
CREATION_TIME_SQL = "select min(applied_at) as created from _sqlite_migrations"
OPCODES_PER_CHECK = 10_000  # SQLite opcodes between two checks of the CPU time
MIN_TIME_LIMIT = 0.02  # seconds; only tests set a lower limit, which is checked at every opcode
ORIGIN_SCOPE_KEY = "archive.origin"  # key in a request's ASGI scope: scheme and host, with a trailing slash
STATIC_FOLDERS = {  # by URL prefix
    "/static/": Path(__file__).resolve().parents[1] / "static",
    "/-/static/": Path(app_root).resolve() / "datasette" / "static",
}
# exports
# batches at once, downloads, and how long a batch may wait: a download that has begun should not fail for it
EXPORT_LIMITS = {
    "csv": SandboxLimits(workers=2, max_streams=20, max_waiting=20, queue_timeout=60.0),
    "xlsx": SandboxLimits(workers=2, max_streams=4, max_waiting=4, queue_timeout=60.0),
}
MAX_SPOOL_BYTES = 500_000_000  # of the rows of a workbook, on disk; the sheets take as much again while it is written
FILE_CHUNK_BYTES = 64_000
MAX_CELL_LENGTH = 32_767  # UTF-16 code units in a cell of Excel
MAX_SHEET_ROWS = 1_048_576  # of Excel, with the header
MAX_EXACT_INTEGER = 10**15  # Excel keeps 15 digits of a number
EXPORT_QUEUES: WeakKeyDictionary[Any, dict[str, RequestQueue]] = WeakKeyDictionary()
SEARCH_COLUMNS_CACHE: WeakKeyDictionary[Any, ColumnCache] = WeakKeyDictionary()


logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomEntry:
    """An entry of an Atom feed. published: None if it is not known to the day."""

    id: str
    title: str
    language: str | None
    published: str | None
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


async def read_creation_time(datasette: Any) -> str:
    """Return when the archive was created, for Atom."""
    (row,) = await build_query_runner(datasette)(CREATION_TIME_SQL, {})
    return f"{row['created'][:19].replace(' ', 'T')}+00:00"


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
        # a feed without entries is as it was when the archive was created
        updated = max((entry.updated for entry in entries), default=None) or await read_creation_time(datasette)
        feed = {
            "document": document,
            "feed_id": build_tag_uri(document.page_url),
            "updated": updated,
            "entries": entries,
        }
        body = XML_INVALID_CHARACTER.sub("\ufffd", await datasette.render_template("atom.xml", feed, request=request))
    return Response(body, headers=headers, content_type=RESPONSE_MEDIA_TYPES[format_name])


@dataclass(frozen=True, slots=True, kw_only=True)
class DataExport:
    """A whole list. `batches` yields its rows, some at a time; nothing is read before. page_url: the same as a page."""

    name: str  # of the file
    title: str
    page_url: str
    columns: Sequence[str]
    batches: AsyncIterator[Sequence[Mapping[str, Any]]]


async def render_export(datasette: Any, request: Any, format_name: str, export: DataExport, language: str) -> Any:
    """Render a whole list as CSV or XLSX; raise BusyError if too many exports are running.

    The first batch is read here, so that an error of it has a response of its own.
    """
    headers = build_document_headers(datasette)
    if format_name == "xlsx":
        headers["content-disposition"] = f'attachment; filename="{export.name}.xlsx"'
    if request.method == "HEAD":
        return Response("", headers=headers, content_type=RESPONSE_MEDIA_TYPES[format_name])
    headers["content-type"] = RESPONSE_MEDIA_TYPES[format_name]
    if format_name == "csv":
        chunks = read_csv_chunks(export, begin_export(datasette, request, format_name))
        return CsvStream(export.name, await anext(chunks), chunks, headers)
    with begin_export(datasette, request, format_name) as visitor_request:
        file = await write_workbook(export, visitor_request, language)
    return FileStream(file, headers)


@contextmanager
def begin_export(datasette: Any, request: Any, format_name: str) -> Iterator[VisitorRequest]:
    """Count an export until its end, and give the turns of its client; raise BusyError if there are too many."""
    queues = EXPORT_QUEUES.setdefault(datasette, {name: RequestQueue(limits) for name, limits in EXPORT_LIMITS.items()})
    client = (request.scope.get("client") or ("",))[0]
    visitor_request = VisitorRequest(EXPORT_LIMITS[format_name], queues[format_name], streaming=True, client=client)
    visitor_request.begin_stream()
    try:
        yield visitor_request
    finally:
        visitor_request.close()


async def read_in_turns(
    batches: AsyncIterator[Sequence[Mapping[str, Any]]], visitor_request: VisitorRequest
) -> AsyncGenerator[Sequence[Mapping[str, Any]]]:
    """Yield the batches of an export, each of which waits for its turn: who reads slowly holds up nobody."""
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
    """Yield the header with the first rows, then further rows."""
    header = format_csv((), export.columns)
    with exporting as visitor_request:
        async with aclosing(read_in_turns(export.batches, visitor_request)) as batches:
            async for rows in batches:
                yield (header + format_csv(rows, export.columns, header=False)).encode()
                header = ""
    if header:
        yield header.encode()


class CsvStream:
    """A response that sends a whole list as CSV while it is read; `first` is read already.

    If reading fails on the way, the response is not completed, so that the server closes the connection and no client
    takes what it got for the whole list.
    """

    def __init__(self, name: str, first: bytes, chunks: AsyncGenerator[bytes], headers: Mapping[str, str]) -> None:
        self.name, self.first, self.chunks, self.headers = name, first, chunks, headers

    async def asgi_send(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        async with aclosing(self.chunks) as chunks:
            await send_start(send, self.headers)
            try:
                await send_chunk(send, self.first)
                async for chunk in chunks:
                    await send_chunk(send, chunk)
            except (BusyError, QueryInterrupted, sqlite3.Error):
                logger.exception("%s.csv was broken off", self.name)
            else:
                await send({"type": "http.response.body", "body": b""})


class FileStream:
    """A response that sends a file in chunks and closes it."""

    def __init__(self, file: IO[bytes], headers: Mapping[str, str]) -> None:
        self.file, self.headers = file, {**headers, "content-length": str(file.seek(0, 2))}

    async def asgi_send(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        with self.file as file:
            await send_start(send, self.headers)
            file.seek(0)
            while piece := file.read(FILE_CHUNK_BYTES):
                await send_chunk(send, piece)
            await send({"type": "http.response.body", "body": b""})


async def send_start(send: Callable[[dict[str, Any]], Awaitable[None]], headers: Mapping[str, str]) -> None:
    fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 200, "headers": fields})


async def send_chunk(send: Callable[[dict[str, Any]], Awaitable[None]], body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def iter_pages(read_page: Callable[[Any], Awaitable[Any]], query: Any) -> AsyncIterator[Any]:
    """Yield all pages of a list that is paged by a cursor: `next_cursor` of a page, `after` of its query."""
    while True:
        page = await read_page(query)
        yield page
        if page.next_cursor is None:
            return
        query = replace(query, after=page.next_cursor)


async def write_workbook(export: DataExport, visitor_request: VisitorRequest, language: str) -> IO[bytes]:
    """Write a whole list to a temporary file as an Excel workbook; raise BadRequest if it is too long for one.

    The rows are first written to another file, because the header needs to know how many cells the longest text of each
    column takes. To write the sheets takes a turn of its own.
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
                        f"an Excel file has at most {MAX_SPOOL_BYTES:,} bytes of rows: take CSV, or ask for fewer"
                    )
        columns = list(zip(export.columns, cell_counts, strict=True))
        notes = describe_workbook(export, language, columns, row_count)
        async with visitor_request.hold_slot():
            await asyncio.to_thread(write_sheets, spool, columns, notes, file)
        files.pop_all()  # the response closes it
        return file


def spool_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], spool: IO[str]) -> list[int]:
    """Write the cells of rows as lines of JSON; return the number of cells that each column takes."""
    counts = [1] * len(columns)
    for row in rows:
        cells = [split_cell(row[name]) for name in columns]
        counts = list(map(max, counts, map(len, cells)))
        spool.write(json.dumps(cells) + "\n")
    return counts


def split_cell(value: Any) -> list[Any]:
    """Return a value as cells: numbers as they are, texts in parts that fit into a cell.

    Characters that XML forbids are replaced by U+FFFD. True and false are 1 and 0, as in CSV.

    >>> split_cell("a" + chr(0)) == ["a" + chr(0xFFFD)], split_cell(True), split_cell(None)
    (True, [1], [None])
    >>> [len(part) for part in split_cell("x" * 40_000)]
    [32767, 7233]
    """
    if isinstance(value, bool):
        return [int(value)]
    is_exact = isinstance(value, int) and abs(value) < MAX_EXACT_INTEGER
    if value is None or is_exact or (isinstance(value, float) and math.isfinite(value)):
        return [value]
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
    text = XML_INVALID_CHARACTER.sub("\ufffd", text)
    if len(text) <= MAX_CELL_LENGTH // 2:  # a character beyond U+FFFF takes two code units
        return [text]
    length = MAX_CELL_LENGTH if max(text) <= "\uffff" else MAX_CELL_LENGTH // 2
    return [text[start : start + length] for start in range(0, len(text), length)]


def list_cell_names(column: str, cell_count: int) -> list[str]:
    """Return the headers of a column that takes several cells.

    >>> list_cell_names("body", 2)
    ['body', 'body (2)']
    """
    return [column, *(f"{column} ({number})" for number in range(2, cell_count + 1))]


def describe_workbook(
    export: DataExport, language: str, columns: Sequence[tuple[str, int]], row_count: int
) -> list[str]:
    """Return the lines of a workbook's sheet of notes."""
    continued = [name for column in columns for name in list_cell_names(*column)[1:]]
    return [
        export.title,
        export.page_url,
        translate(language, "xlsx_rows", n=row_count, when=format_time(language, to_iso(now()))),
        *([translate(language, "xlsx_continued", columns=", ".join(continued))] if continued else []),
        translate(language, "xlsx_texts"),
    ]


def write_sheets(spool: IO[str], columns: Sequence[tuple[str, int]], notes: Sequence[str], file: IO[bytes]) -> None:
    """Write the spooled rows and the notes to a workbook; more rows than a sheet holds go on in the next.

    The temporary files of the sheets are gone afterwards, however it ends.
    """
    with TemporaryDirectory() as folder:
        workbook = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": folder})
        try:
            fill_workbook(workbook, spool, columns, notes)
            workbook.close()
        finally:
            for sheet in workbook.worksheets():
                sheet.row_data_fh.close()  # its temporary file; open only after an error


def fill_workbook(workbook: Any, spool: IO[str], columns: Sequence[tuple[str, int]], notes: Sequence[str]) -> None:
    """Add the sheets of rows and of notes to a workbook."""
    bold = workbook.add_format({"bold": True})
    header = [name for column in columns for name in list_cell_names(*column)]
    sheet, row_number = None, MAX_SHEET_ROWS
    spool.seek(0)
    for line in spool:
        if sheet is None or row_number == MAX_SHEET_ROWS:
            sheet, row_number = add_sheet(workbook, header, bold), 1
        write_cells(sheet, row_number, columns, json.loads(line))
        row_number += 1
    if sheet is None:
        add_sheet(workbook, header, bold)
    notes_sheet = workbook.add_worksheet("README")
    for number, note in enumerate(notes):
        notes_sheet.write_string(number, 0, note)


def add_sheet(workbook: Any, header: Sequence[str], bold: Any) -> Any:
    """Add a sheet with a header that stays in view."""
    sheet = workbook.add_worksheet()
    sheet.freeze_panes(1, 0)
    for number, name in enumerate(header):
        sheet.write_string(0, number, name, bold)
    return sheet


def write_cells(
    sheet: Any, row_number: int, columns: Sequence[tuple[str, int]], cells: Sequence[Sequence[Any]]
) -> None:
    """Write a row; a text never becomes a formula, a number or a link."""
    first = 0
    for (name, count), parts in zip(columns, cells, strict=True):
        for number, part in enumerate(parts, first):
            if part is not None:
                write = sheet.write_string if isinstance(part, str) else sheet.write_number
                if write(row_number, number, part):
                    raise ValueError(f"row {row_number}, {name}: not writable as a cell")
        first += count


def build_document_headers(datasette: Any, etag: str | None = None) -> dict[str, str]:
    """Return the headers of a document that depends on the reader's language; with an ETag, it is revalidated by it."""
    headers = {
        **({"etag": etag} if etag else {}),
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


def find_static_file(path: str) -> Path | None:
    """Return the file of a URL path such as /static/style.css, or None."""
    for prefix, folder in STATIC_FOLDERS.items():
        file = (folder / path.removeprefix(prefix)).resolve()
        if path.startswith(prefix) and file.is_relative_to(folder) and file.is_file():
            return file
    return None


def hash_file(file: Path) -> str:
    """Return the first digits of the SHA-256 of a file, which is read only if it has changed."""
    return hash_unchanged_file(file, file.stat().st_mtime_ns)


@lru_cache
def hash_unchanged_file(file: Path, _mtime_ns: int, /) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def build_static_url(datasette: Any, name: str) -> str:
    """Return the URL of a file in archive/static, with its hash, so that caches may store it for good."""
    return f"{datasette.urls.path(f'/static/{name}')}?{hash_file(STATIC_FOLDERS['/static/'] / name)}"


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


def format_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, header: bool = True) -> str:
    """Format rows as CSV with a header line and CR LF; None is empty, true and false are 1 and 0.

    >>> format_csv([{"a": 'x "y", z', "b": None}, {"a": True, "b": 2}], ["a", "b"])
    'a,b\\r\\n"x ""y"", z",\\r\\n1,2\\r\\n'
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if header:
        writer.writerow(columns)
    for row in rows:
        writer.writerow([int(row[name]) if isinstance(row[name], bool) else row[name] for name in columns])
    return out.getvalue()


def format_atom_time(text: str) -> str:
    """Format a stored time as RFC 3339; a day becomes its midnight, Swedish time. Raise ValueError for a month.

    >>> format_atom_time("2024-06-03"), format_atom_time("2024-06-03T08:15:00+00:00")
    ('2024-06-03T00:00:00+02:00', '2024-06-03T08:15:00+00:00')
    """
    value = parse_time(text)
    if isinstance(value, Month) or value is None:
        raise ValueError(f"{text} is no day")
    return text if isinstance(value, datetime) else format_day_as_time(value)


def format_day_as_time(day: date) -> str:
    return datetime(day.year, day.month, day.day, tzinfo=SWEDISH_TIME).isoformat()


def format_stated_atom_time(text: str | None) -> str | None:
    """Format a time that an agency states for Atom; None if it states none, or only a month.

    >>> format_stated_atom_time("2024-06-03"), format_stated_atom_time("2024-06")
    ('2024-06-03T00:00:00+02:00', None)
    """
    value = parse_time(text)
    return None if text is None or isinstance(value, Month) else format_atom_time(text)


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
