"""Exports whole lists as a CSV stream or an Excel workbook, with few rows in memory at a time."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
import re
import unicodedata
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AbstractContextManager, ExitStack, aclosing, contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import islice
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any

import xlsxwriter
from datasette import Response
from datasette.utils import tilde_decode
from datasette.utils.asgi import BadRequest

from archive.i18n import (
    SWEDISH_TIME,
    find_text,
    format_time,
    translate,
)
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

SheetColumn = tuple[str, str, int]  # name, header, and how many cells its longest text takes
Send = Callable[[dict[str, Any]], Awaitable[None]]

MAX_FILE_NAME = 60  # characters of the words in the name of a file
NOT_A_WORD = re.compile(r"[^a-z0-9]+")
NOT_IN_FILE_NAME = re.compile(r"[^\w.-]", re.ASCII)

logger = logging.getLogger(__name__)


async def render_list(site: SiteRequest, data: DataList) -> Any:
    """Render a list in the format of the request.

    The whole list is rendered if the format is Excel, or if the list has `batches`. Otherwise, only
    the requested page is rendered.
    """
    if data.batches or site.format_name == "xlsx":
        return await render_export(site, data)
    return await render_document(site, data)


async def render_export(site: SiteRequest, export: DataList) -> Any:
    """Render a whole list as CSV or XLSX. Raises BusyError if too many exports are running.

    The first batch is read before the response starts, so that an error in it leads to an error
    response.
    """
    format_name = site.format_name or ""
    headers = {**site.build_headers(), "content-type": RESPONSE_MEDIA_TYPES[format_name]}
    if export.truncated:
        headers[CUT_HEADER] = export.truncated
    if format_name == "xlsx":
        headers["content-disposition"] = (
            f'attachment; filename="{_name_workbook(site, export)}.xlsx"'
        )
    if site.request.method == "HEAD":
        return Response("", headers=headers, content_type=RESPONSE_MEDIA_TYPES[format_name])
    exporting = begin_export(site.request.scope, format_name)
    if format_name == "csv":
        return await StreamResponse(_read_csv_chunks(export, exporting), headers).read_first()
    with exporting as turn:
        return build_file_response(await write_workbook(export, turn, site.language), headers)


def name_file(request: Any) -> str:
    """Return the name of a download without its suffix: the last part of the path."""
    name = request.path.rpartition("/")[2].partition(".")[0]
    return NOT_IN_FILE_NAME.sub("_", tilde_decode(name))


def _name_workbook(site: SiteRequest, export: DataList) -> str:
    """Return the name of an Excel file without its suffix.

    For a list for readers, the name is the search text (or else the name of the list) and the date.
    """
    name = name_file(site.request)
    if not export.headers:
        return name
    letters = unicodedata.normalize("NFKD", (site.args.get("q") or "").casefold())
    words = NOT_A_WORD.sub("-", letters.encode("ascii", "ignore").decode())[:MAX_FILE_NAME]
    return f"{words.strip('-') or name}-{now().astimezone(SWEDISH_TIME):%Y-%m-%d}"


@contextmanager
def begin_export(scope: Mapping[str, Any], format_name: str) -> Iterator[Turn]:
    """Count an export as running until the end of the `with` block, and yield its turn.

    Raises BusyError if too many exports are running.
    """
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

    Before each batch is read, the export waits for a slot, so that slow readers do not block
    others.
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
    """Yield the list as chunks of CSV: the header with the first rows, then the remaining rows."""
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
    """Return a response that sends the bytes of a file from `start` to `end`, and closes the file.

    By default, the whole file is sent.
    """
    stop = file.seek(0, 2) if end is None else end

    async def read_chunks() -> AsyncGenerator[bytes]:
        with file:
            file.seek(start)
            while chunk := file.read(min(stop - file.tell(), FILE_CHUNK_BYTES)):
                yield chunk

    return StreamResponse(read_chunks(), {**headers, "content-length": str(stop - start)}, status)


# Excel

MAX_CELL_LENGTH = 32_767  # UTF-16 code units in a cell of Excel
MAX_SHEET_ROWS = 1_048_576  # limit of Excel, including the header
MAX_SHEET_LINKS = 65_530  # limit of Excel
LINK = re.compile(r"https?://\S{1,2071}")  # 2,079 characters, limit of Excel
MAX_EXACT_INTEGER = 10**15  # Excel keeps 15 digits of a number
MAX_SHEET_NAME = 31  # characters, limit of Excel
NOT_IN_SHEET_NAME = re.compile(r"[\[\]:*?/\\'\s\x00-\x1f]+")
NUMBER = "_0123456789"  # at the end of the names of like columns: title_2
# What cells of a list for readers are, by the names of the columns; all others are as stored.
DATE_COLUMNS = (
    *("published", "updated", "first_seen", "last_seen", "seen", "last_seen_before"),
    *("confirmed", "ended", "removed_at", "checked_before", "checked_after", "first_reading"),
    *("last_reading_before", "imported", "missing_at", "at", "lifted"),
)
LINK_COLUMNS = (
    *("url", "page", "diff", "evidence", "file_url", "comparison", "version", "appeared_diff"),
    *("disappeared_diff", "search", "target", "found_at"),
)
# characters; of columns that are not named, DEFAULT_WIDTH
WIDTHS = {
    **dict.fromkeys(DATE_COLUMNS, 17),
    **dict.fromkeys(LINK_COLUMNS, 30),
    **dict.fromkeys(("agency_name", "people", "tags", "name", "role", "file_title"), 32),
    **dict.fromkeys(("title", "summary", "summary_en", "question", "reason", "query"), 60),
    **dict.fromkeys(("excerpt", "lead", "body", "answer", "text"), 80),
}
DEFAULT_WIDTH = 14
ROW_HEIGHT = 16  # points; with Excel's default of 15, rows would grow with the lines of a text
FORMATS = {
    "header": {"bold": True},
    "day": {"num_format": "yyyy-mm-dd", "align": "left"},
    "time": {"num_format": "yyyy-mm-dd hh:mm", "align": "left"},
    "link": {"font_color": "#0563C1", "underline": 1},
}
# prefixes of the keys of texts for the codes in a column, or in a column of one list
CODES = {
    "kind": "release_kind.",
    "edits/kind": "edits.kind.",
    "removals/kind": "removals.kind.",
    "takedowns/kind": "value.takedown.",
    "language": "language.",
    "stamp": "edits.update_date.",
    "match": "value.match.",
    "change": "value.change.",
    "presences/status": "value.status.",
    "period": "value.period.",
    "state": "batch.state.",
}
# further columns of a list with releases in Excel; empty for hidden ones
RELEASE_COLUMNS = ("lead", "body", "people", "tags")
RELEASE_TEXTS_SQL = """
    select r.id, r.lead, r.body,
      (select group_concat(name, '; ') from (select p.name from quotes q join people p
        on p.id = q.person where q.revision = r.revision group by p.id order by min(q.position)))
        as people,
      (select group_concat(name, '; ') from (select t.name from release_tags rt
        join tags t on t.id = rt.tag where rt.release = r.id order by rt.rowid)) as tags
    from releases r
    where r.id in (select value from json_each(:ids)) and r.takedown is not 'hidden'
"""


def complete_for_readers(site: SiteRequest, export: DataList) -> DataList:
    """Return a list for readers, with translated headers and codes, and the releases' texts."""
    columns, batches = list(export.columns), export.batches or _read_rows(export)
    batches = _name_codes(site.language, _list_codes(export.name, columns), batches)
    if "release" in columns:
        columns += [name for name in RELEASE_COLUMNS if name not in columns]
        batches = _add_release_texts(site, batches)
    headers = [_translate_header(site.language, export.name, name) for name in columns]
    return replace(export, columns=columns, headers=headers, batches=batches)


def _translate_header(language: str, list_name: str, column: str) -> str:
    """Return the heading of a column for readers, or the column's name if it has no heading.

    A column may have different headings in different lists.

    >>> _translate_header("sv", "removals", "first_seen"), _translate_header("sv", "", "title_2")
    ('Saknades första gången', 'Rubrik 2')
    """
    name = column.rstrip(NUMBER)
    text = find_text(language, f"column.{list_name}.{name}") or find_text(
        language, f"column.{name}"
    )
    return (text or name) + column.removeprefix(name).replace("_", " ")


def _list_codes(list_name: str, columns: Sequence[str]) -> dict[str, str]:
    """Return a map from each column that contains codes to the prefix of the codes' translation
    keys.
    """
    found = {name: CODES.get(f"{list_name}/{name}") or CODES.get(name) for name in columns}
    return {name: prefix for name, prefix in found.items() if prefix}


async def _name_codes(
    language: str, codes: Mapping[str, str], batches: AsyncIterator[Rows]
) -> AsyncIterator[Rows]:
    """Yield rows with codes such as `press release` replaced by words in the given language."""

    def name_codes(row: Mapping[str, Any]) -> dict[str, Any]:
        named = ((name, row[name], prefix) for name, prefix in codes.items())
        return {
            name: find_text(language, f"{prefix}{code}") or code for name, code, prefix in named
        }

    async for rows in batches:
        yield [{**row, **name_codes(row)} for row in rows]


async def _add_release_texts(
    site: SiteRequest, batches: AsyncIterator[Rows]
) -> AsyncIterator[Rows]:
    """Yield rows with RELEASE_COLUMNS added: values of the release to which each row belongs."""
    async for rows in batches:
        ids = json.dumps([row["release"] for row in rows])
        found = {row["id"]: dict(row) for row in await site.run(RELEASE_TEXTS_SQL, {"ids": ids})}
        none = dict.fromkeys(RELEASE_COLUMNS)
        yield [{**none, **found.get(row["release"], {}), **row} for row in rows]


async def write_workbook(export: DataList, turn: Turn, language: str) -> IO[bytes]:
    """Write a whole list to a temporary Excel workbook. Raises BadRequest if the list is too long.

    The rows are first written to another file, because the header depends on how many cells the
    longest text of each column takes. Before the sheets are written, the export waits for a
    separate slot.
    """
    with ExitStack() as files, TemporaryFile("w+", encoding="utf-8") as spool:
        file = files.enter_context(TemporaryFile())
        # only lists for readers lack columns without values
        cell_counts, row_count = [int(not export.headers)] * len(export.columns), 0
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
        if not any(cell_counts):
            cell_counts = [1] * len(cell_counts)
        headers = export.headers or export.columns
        columns = list(zip(export.columns, headers, cell_counts, strict=True))
        continued = ", ".join(name for column in columns for name in _list_cell_names(*column)[1:])
        notes = [
            export.title,
            export.page_url,
            translate(
                language, "xlsx.rows", n=row_count, when=format_time(language, to_iso(now()))
            ),
            *export.notes,
            *([translate(language, "xlsx.continued", columns=continued)] if continued else []),
            translate(language, "xlsx.times" if export.headers else "xlsx.texts"),
            *([translate(language, "xlsx.empty")] if export.headers else []),
            translate(language, "xlsx.replaced"),
        ]
        names = export.title, translate(language, "xlsx.about")
        async with turn.hold_slot():
            await asyncio.to_thread(
                write_sheets, spool, columns, notes, names, file, is_typed=bool(export.headers)
            )
        files.pop_all()  # the response closes it
        return file


def _spool_rows(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], spool: IO[str]
) -> list[int]:
    """Write the cells of rows as lines of JSON.

    Returns the number of cells that each column takes: 0 if all of its values are empty.
    """
    counts = [0] * len(columns)
    for row in rows:
        cells = [_split_cell(row[name]) for name in columns]
        counts = [
            max(count, len(parts) if parts[0] not in (None, "") else 0)
            for count, parts in zip(counts, cells, strict=True)
        ]
        spool.write(json.dumps(cells) + "\n")
    return counts


def _split_cell(value: Any) -> list[Any]:
    """Return a value as a list of cells. A long text is split into parts that each fit into a cell.

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


def _list_cell_names(_column: str, header: str, cell_count: int) -> list[str]:
    """Return the headers of a column, one for each cell that its values take.

    >>> _list_cell_names("body", "Text", 2), _list_cell_names("ended", "Åter", 0)
    (['Text', 'Text (2)'], [])
    """
    further = (f"{header} ({number})" for number in range(2, cell_count + 1))
    return [header, *further][:cell_count]


def write_sheets(
    spool: IO[str],
    columns: Sequence[SheetColumn],
    notes: Sequence[str],
    names: tuple[str, str],
    file: IO[bytes],
    *,
    is_typed: bool = False,
) -> None:
    """Write the spooled rows (on as many sheets as needed) and the notes to a workbook.

    The temporary files of the sheets are removed, even after an error.

    names: the name of the sheets with rows, and the name of the sheet with the notes.
    is_typed: whether times are written as date cells, and URLs as links.
    """
    with TemporaryDirectory() as folder:
        workbook = xlsxwriter.Workbook(file, {"constant_memory": True, "tmpdir": folder})
        try:
            _fill_workbook(workbook, spool, columns, names[0], is_typed=is_typed)
            notes_sheet = workbook.add_worksheet(names[1])
            for number, note in enumerate(notes):
                notes_sheet.write_string(number, 0, note)
            workbook.close()
        finally:
            for sheet in workbook.worksheets():
                sheet.row_data_fh.close()  # its temporary file; open only after an error


def _fill_workbook(
    workbook: Any, spool: IO[str], columns: Sequence[SheetColumn], title: str, *, is_typed: bool
) -> None:
    formats = {name: workbook.add_format(values) for name, values in FORMATS.items()}
    name: str | None = NOT_IN_SHEET_NAME.sub(" ", title)[:MAX_SHEET_NAME].strip()
    row_number = MAX_SHEET_ROWS - 1
    spool.seek(0)
    while row_number == MAX_SHEET_ROWS - 1:  # the sheet before is full
        sheet = workbook.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        sheet.set_default_row(ROW_HEIGHT)
        last = _write_header(sheet, columns, formats["header"])
        name, row_number = None, 0
        for row_number, line in enumerate(islice(spool, MAX_SHEET_ROWS - 1), 1):
            _write_cells(sheet, row_number, columns, json.loads(line), formats if is_typed else {})
        sheet.autofilter(0, 0, row_number, last)


def _write_header(sheet: Any, columns: Sequence[SheetColumn], bold: Any) -> int:
    """Write the headers, and return the number of the last column."""
    headers = [(column[0], header) for column in columns for header in _list_cell_names(*column)]
    for number, (name, header) in enumerate(headers):
        width = max(WIDTHS.get(name.rstrip(NUMBER), DEFAULT_WIDTH), len(header) + 3)
        sheet.set_column(number, number, width)
        sheet.write_string(0, number, header, bold)
    return len(headers) - 1


def _write_cells(
    sheet: Any,
    row_number: int,
    columns: Sequence[SheetColumn],
    cells: Sequence[Sequence[Any]],
    formats: Mapping[str, Any],
) -> None:
    """Write a row. Text never becomes a formula or a number.

    formats: the formats of dates and links, if they are not written as text.
    """
    first = 0
    for (name, _, count), parts in zip(columns, cells, strict=True):
        for number, part in enumerate(parts, first):
            if part not in (None, "") and _write_cell(
                sheet, (row_number, number), name.rstrip(NUMBER), part, formats
            ):
                raise ValueError(f"row {row_number}, {name}: cannot be written as a cell")
        first += count


def _write_cell(
    sheet: Any, place: tuple[int, int], name: str, value: Any, formats: Mapping[str, Any]
) -> int:
    """Write a value. Returns 0, or XlsxWriter's error number if the value could not be written."""
    if not isinstance(value, str):
        return int(sheet.write_number(*place, value))
    moment = _parse_date(value) if formats and name in DATE_COLUMNS else None
    if moment:
        form = formats["time" if "T" in value else "day"]
        return int(sheet.write_datetime(*place, moment, form))
    is_link = bool(formats) and name in LINK_COLUMNS and LINK.fullmatch(value) is not None
    if is_link and sheet.hlink_count < MAX_SHEET_LINKS:
        return int(sheet.write_url(*place, value, formats["link"], value))
    return int(sheet.write_string(*place, value))


def _parse_date(text: str) -> datetime | None:
    """Parse a date, or a date with a time. Times are converted to Swedish time without a zone.

    Returns None for other texts, such as a month, and for a date before 1900, which Excel does not
    support.

    >>> _parse_date("2024-05-03"), _parse_date("2024-05")
    (datetime.datetime(2024, 5, 3, 0, 0), None)
    >>> _parse_date("2024-07-01T22:30:00+00:00")
    datetime.datetime(2024, 7, 2, 0, 30)
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    swedish = moment.astimezone(SWEDISH_TIME) if moment.tzinfo else moment
    return swedish.replace(tzinfo=None) if text >= "1900" else None
