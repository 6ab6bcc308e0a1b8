"""Read the cells of an Excel workbook with their types."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from lxml import etree
from openpyxl import load_workbook

from archive.i18n import find_text
from archive.web.exports import CODES, DATE_COLUMNS

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
ESCAPED = re.compile(r"_x([0-9A-F]{4})_")


def read_sheet(content: bytes, number: int = 1) -> list[list[str | int | float | None]]:
    """Return the rows of a sheet. An empty cell is None, and a row ends with its last cell."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        root = etree.fromstring(
            archive.read(f"xl/worksheets/sheet{number}.xml"), etree.XMLParser(huge_tree=True)
        )
    assert root.find(f".//{MAIN}f") is None, "a formula"
    return [list(read_row(row)) for row in root.iter(f"{MAIN}row")]


def read_table(content: bytes) -> list[dict[str, str | int | float | None]]:
    """Return the rows of the first sheet, by the names in its header."""
    header, *rows = read_sheet(content)
    return [
        dict(zip(map(str, header), [*row, *[None] * (len(header) - len(row))], strict=True))
        for row in rows
    ]


def read_list(content: bytes, list_name: str, columns: list[str]) -> list[dict[str, Any]]:
    """Return the rows of a Swedish list for readers, by the names of its columns."""
    header, *rows = load_workbook(io.BytesIO(content)).worksheets[0].values
    names = {name_header(list_name, name): name for name in columns}
    assert len(names) == len(columns), "no two columns have one name"
    found = [names.get(str(text), "") for text in header]
    assert [*filter(None, found)] == [name for name in columns if name in found], "their order"
    none = dict.fromkeys(columns)  # columns without values are left out
    read = [none | dict(zip(found, row, strict=True)) for row in rows]
    return [{name: row[name] for name in columns} for row in read]


def name_header(list_name: str, column: str) -> str:
    """Return the Swedish header of a column, which every column of a list has."""
    name, number = re.fullmatch(r"(.*?)((?:_\d+)?)", column).groups()  # type: ignore[union-attr]
    texts = (find_text("sv", f"column.{key}") for key in (f"{list_name}.{name}", name))
    return next(filter(None, texts)) + number.replace("_", " ")


def build_cell(column: str, value: Any, list_name: str = "") -> Any:
    """Return what a Swedish list for readers has in a cell for a value of JSON or CSV."""
    codes = CODES.get(f"{list_name}/{column}") or CODES.get(column)
    if codes and isinstance(value, str):
        value = find_text("sv", codes + value) or value
    if value == "" or isinstance(value, bool):
        return None if value == "" else int(value)
    if column not in DATE_COLUMNS or not re.match(r"\d{4}-\d{2}-\d{2}", value or ""):
        return value
    moment = datetime.fromisoformat(value)
    return (moment.astimezone(ZoneInfo("Europe/Stockholm")) if moment.tzinfo else moment).replace(
        tzinfo=None
    )


def read_row(row: etree._Element) -> Iterator[str | int | float | None]:
    """Yield the cells of a row, and None for omitted ones."""
    last = 0
    for cell in row:
        letters = re.sub(r"\d", "", cell.attrib["r"])
        column = 0
        for letter in letters:
            column = column * 26 + ord(letter) - 64
        yield from [None] * (column - last - 1)
        last = column
        if cell.get("t") == "inlineStr":
            text = "".join(cell.itertext())
            yield ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
        else:
            value = cell.findtext(f"{MAIN}v")
            yield None if value is None else float(value) if "." in value else int(value)
