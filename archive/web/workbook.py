"""Writes the rows of a list as an Excel workbook, with few of them in memory (archive/web/responses.py serves it)."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from tempfile import TemporaryDirectory
from typing import IO, Any

import xlsxwriter

# characters that XML 1.0 forbids
XML_INVALID_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
MAX_CELL_LENGTH = 32_767  # UTF-16 code units in a cell of Excel
MAX_SHEET_ROWS = 1_048_576  # limit of Excel, including the header
MAX_EXACT_INTEGER = 10**15  # Excel keeps 15 digits of a number


def spool_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], spool: IO[str]) -> list[int]:
    """Write the cells of rows as lines of JSON; return the number of cells that each column takes."""
    counts = [1] * len(columns)
    for row in rows:
        cells = [split_cell(row[name]) for name in columns]
        counts = list(map(max, counts, map(len, cells)))
        spool.write(json.dumps(cells) + "\n")
    return counts


def split_cell(value: Any) -> list[Any]:
    """Return a value as cells: numbers unchanged, texts in parts that fit into a cell.

    Characters that XML forbids are replaced by U+FFFD. True and False become 1 and 0, as in CSV.

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
    """Return the headers of a column whose values take several cells.

    >>> list_cell_names("body", 2)
    ['body', 'body (2)']
    """
    return [column, *(f"{column} ({number})" for number in range(2, cell_count + 1))]


def write_sheets(spool: IO[str], columns: Sequence[tuple[str, int]], notes: Sequence[str], file: IO[bytes]) -> None:
    """Write the spooled rows, on as many sheets as needed, and the notes to a workbook.

    The temporary files of the sheets are removed, even after an error.
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
    """Add a sheet with a frozen header row."""
    sheet = workbook.add_worksheet()
    sheet.freeze_panes(1, 0)
    for number, name in enumerate(header):
        sheet.write_string(0, number, name, bold)
    return sheet


def write_cells(
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
