"""Whole lists with only a few rows in memory: streamed as CSV, or as an Excel workbook (XLSX)."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import re
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractContextManager, ExitStack, aclosing, contextmanager
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any

import xlsxwriter
from datasette import Response
from datasette.utils import tilde_decode
from datasette.utils.asgi import BadRequest

from archive.i18n import format_time, translate
from archive.times import now, to_iso
from archive.web.documents import DataList, Rows, format_csv, render_document
from archive.web.request_limits import (
    CUT_HEADER,
    SandboxLimits,
    Turn,
    WorkQueue,
    client_key,
)
from archive.web.requests import RESPONSE_MEDIA_TYPES, XML_INVALID_CHARACTER, SiteRequest

# Exports

# size of the file with a workbook's rows; the sheets then take as much again
MAX_SPOOL_BYTES = 500_000_000
FILE_CHUNK_BYTES = 64_000

Send = Callable[[dict[str, Any]], Awaitable[None]]

NOT_IN_FILE_NAME = re.compile(r"[^\w.-]", re.ASCII)

logger = logging.getLogger(__name__)


async def render_list(site: SiteRequest, data: DataList) -> Any:
    """Render a list in the format of the request: all of it as Excel, or if it has batches."""
    if data.batches or site.format_name == "xlsx":
        return await render_export(site, data)
    return await render_document(site, data)


async def render_export(site: SiteRequest, export: DataList) -> Any:
    """Render a whole list as CSV or XLSX; raise BusyError if too many exports are running.

    The first batch is read here, so that an error in it gets its own response.
    """
    format_name = site.format_name or ""
    headers = {**site.build_headers(), "content-type": RESPONSE_MEDIA_TYPES[format_name]}
    if export.truncated:
        headers[CUT_HEADER] = export.truncated
    if format_name == "xlsx":
        headers["content-disposition"] = f'attachment; filename="{name_file(site.request)}.xlsx"'
    if site.request.method == "HEAD":
        return Response("", headers=headers, content_type=RESPONSE_MEDIA_TYPES[format_name])
    exporting = begin_export(site.request.scope, format_name)
    if format_name == "csv":
        return await StreamResponse(_read_csv_chunks(export, exporting), headers).read_first()
    with exporting as turn:
        return build_file_response(await write_workbook(export, turn, site.language), headers)


def name_file(request: Any) -> str:
    """Return the name of a download without its suffix: the last part of its address."""
    name = request.path.rpartition("/")[2].partition(".")[0]
    return NOT_IN_FILE_NAME.sub("_", tilde_decode(name))


@contextmanager
def begin_export(scope: Mapping[str, Any], format_name: str) -> Iterator[Turn]:
    """Count an export until it ends; yield its turn, or raise BusyError if too many are running."""
    queue: WorkQueue = scope["archive_queues"][format_name]
    turn = Turn(SandboxLimits(), queue, streaming=True, client=client_key(scope))
    turn.begin_download()
    try:
        yield turn
    finally:
        turn.close()


async def _read_rows(export: DataList) -> AsyncGenerator[Rows]:
    yield export.rows


async def _read_in_turns(export: DataList, turn: Turn) -> AsyncGenerator[Rows]:
    """Yield the rows of an export in batches.

    Each waits for a slot, so that slow readers block no others.
    """
    batches = export.batches or _read_rows(export)
    async with aclosing(batches):  # type: ignore[type-var] # a generator
        while True:
            async with turn.hold_slot():
                rows = await anext(batches, None)
            if rows is None:
                return
            yield rows


async def _read_csv_chunks(
    export: DataList, exporting: AbstractContextManager[Turn]
) -> AsyncGenerator[bytes]:
    """Yield the list as CSV: the header with the first rows, then further rows."""
    header = format_csv((), export.columns)
    with exporting as turn:
        async with aclosing(_read_in_turns(export, turn)) as batches:
            async for rows in batches:
                yield (header + format_csv(rows, export.columns, header=False)).encode()
                header = ""
    if header:
        yield header.encode()


class StreamResponse:
    """A response that is sent in chunks as they are read.

    If reading fails midway, the response is left incomplete, so that the server closes the
    connection and clients notice that the list is cut off.
    """

    def __init__(
        self, chunks: AsyncGenerator[bytes], headers: Mapping[str, str], status: int = 200
    ) -> None:
        self.first_chunk, self.chunks, self.headers, self.status = b"", chunks, headers, status
        self.body: bytes | None = None  # Datasette sets it to b"" for HEAD

    async def read_first(self) -> StreamResponse:
        """Read the first chunk, so that an error is raised before the response starts."""
        self.first_chunk = await anext(self.chunks, b"")
        return self

    async def asgi_send(self, send: Send) -> None:
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in self.headers.items()
        ]
        async with aclosing(self.chunks) as chunks:
            await send({"type": "http.response.start", "status": self.status, "headers": headers})
            if self.body is not None and not self.first_chunk:
                # HEAD: a generator that has not started does not close its file
                await anext(chunks, b"")
            if self.body is None:
                try:
                    await send(
                        {"type": "http.response.body", "body": self.first_chunk, "more_body": True}
                    )
                    async for chunk in chunks:
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                except Exception as error:
                    logger.warning("a download was interrupted: %r", error)
                    raise
            await send({"type": "http.response.body", "body": b""})


def build_file_response(
    file: IO[bytes],
    headers: Mapping[str, str],
    start: int = 0,
    end: int | None = None,
    status: int = 200,
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


async def write_workbook(export: DataList, turn: Turn, language: str) -> IO[bytes]:
    """Write a whole list to a temporary Excel workbook; raise BadRequest if the list is too long.

    The rows are first written to another file, because the header depends on how many cells the
    longest text of each column takes. Writing the sheets waits for its own slot.
    """
    with ExitStack() as files, TemporaryFile("w+", encoding="utf-8") as spool:
        file = files.enter_context(TemporaryFile())
        cell_counts, row_count = [1] * len(export.columns), 0
        async with aclosing(_read_in_turns(export, turn)) as batches:
            async for rows in batches:
                batch_counts = await asyncio.to_thread(_spool_rows, rows, export.columns, spool)
                cell_counts = list(map(max, cell_counts, batch_counts))
                row_count += len(rows)
                if os.fstat(spool.fileno()).st_size > MAX_SPOOL_BYTES:
                    raise BadRequest(
                        f"an Excel file can have at most"
                        f" {MAX_SPOOL_BYTES:,} bytes of rows: use CSV, or select fewer"
                    )
        columns = list(zip(export.columns, cell_counts, strict=True))
        continued = ", ".join(name for column in columns for name in _list_cell_names(*column)[1:])
        notes = [
            export.title,
            export.page_url,
            translate(
                language, "xlsx.rows", n=row_count, when=format_time(language, to_iso(now()))
            ),
            *([translate(language, "xlsx.continued", columns=continued)] if continued else []),
            translate(language, "xlsx.texts"),
        ]
        async with turn.hold_slot():
            await asyncio.to_thread(write_sheets, spool, columns, notes, file)
        files.pop_all()  # the response closes it
        return file


MAX_CELL_LENGTH = 32_767  # UTF-16 code units in a cell of Excel
MAX_SHEET_ROWS = 1_048_576  # limit of Excel, including the header
MAX_EXACT_INTEGER = 10**15  # Excel keeps 15 digits of a number


def _spool_rows(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], spool: IO[str]
) -> list[int]:
    """Write the cells of rows as lines of JSON; return the number of cells that each column
    takes.
    """
    counts = [1] * len(columns)
    for row in rows:
        cells = [_split_cell(row[name]) for name in columns]
        counts = list(map(max, counts, map(len, cells)))
        spool.write(json.dumps(cells) + "\n")
    return counts


def _split_cell(value: Any) -> list[Any]:
    """Return a value as cells: numbers unchanged, texts in parts that fit into a cell.

    Characters that XML forbids are replaced by U+FFFD. True and False become 1 and 0, as in CSV.

    >>> _split_cell("a" + chr(0)) == ["a" + chr(0xFFFD)], _split_cell(True), _split_cell(None)
    (True, [1], [None])
    >>> [len(part) for part in _split_cell("x" * 40_000)]
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


def _list_cell_names(column: str, cell_count: int) -> list[str]:
    """Return the headers of a column whose values take several cells.

    >>> _list_cell_names("body", 2)
    ['body', 'body (2)']
    """
    return [column, *(f"{column} ({number})" for number in range(2, cell_count + 1))]


def write_sheets(
    spool: IO[str], columns: Sequence[tuple[str, int]], notes: Sequence[str], file: IO[bytes]
) -> None:
    """Write the spooled rows, on as many sheets as needed, and the notes to a workbook.

    The temporary files of the sheets are removed, even after an error.
    """
    with TemporaryDirectory() as folder:
        workbook = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": folder})
        try:
            _fill_workbook(workbook, spool, columns, notes)
            workbook.close()
        finally:
            for sheet in workbook.worksheets():
                sheet.row_data_fh.close()  # its temporary file; open only after an error


def _fill_workbook(
    workbook: Any, spool: IO[str], columns: Sequence[tuple[str, int]], notes: Sequence[str]
) -> None:
    bold = workbook.add_format({"bold": True})
    header = [name for column in columns for name in _list_cell_names(*column)]
    sheet, row_number = None, MAX_SHEET_ROWS
    spool.seek(0)
    for line in spool:
        if sheet is None or row_number == MAX_SHEET_ROWS:
            sheet, row_number = _add_sheet(workbook, header, bold), 1
        _write_cells(sheet, row_number, columns, json.loads(line))
        row_number += 1
    if sheet is None:
        _add_sheet(workbook, header, bold)
    notes_sheet = workbook.add_worksheet("README")
    for number, note in enumerate(notes):
        notes_sheet.write_string(number, 0, note)


def _add_sheet(workbook: Any, header: Sequence[str], bold: Any) -> Any:
    """Add a sheet with a frozen header row."""
    sheet = workbook.add_worksheet()
    sheet.freeze_panes(1, 0)
    for number, name in enumerate(header):
        sheet.write_string(0, number, name, bold)
    return sheet


def _write_cells(
    sheet: Any, row_number: int, columns: Sequence[tuple[str, int]], cells: Sequence[Sequence[Any]]
) -> None:
    """Write a row. Text never becomes a formula, a number or a link."""
    first = 0
    for (name, count), parts in zip(columns, cells, strict=True):
        for number, part in enumerate(parts, first):
            if part is not None:
                write = sheet.write_string if isinstance(part, str) else sheet.write_number
                if write(row_number, number, part):
                    raise ValueError(f"row {row_number}, {name}: cannot be written as a cell")
        first += count
