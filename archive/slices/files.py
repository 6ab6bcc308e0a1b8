"""Writes a table as CSV (RFC 4180, UTF-8) and Parquet, row group by row group, and counts what each column holds."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archive.errors import ArchiveError
from archive.slices.columns import KINDS, Column, convert

FORMATS = ("csv", "parquet")
MOST_ROWS = 50_000  # of a row group
MOST_TEXT = 16_000_000  # characters of a row group: what is held in memory at once, some three times over
STEP = 250  # rows
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # with which a cell begins that a spreadsheet may take for a formula
LINES = "\r\n"


@dataclass(slots=True, kw_only=True)
class Written:
    """A table that was written. filled: rows of each column that hold a value; formulas: cells that begin like one."""

    rows: int = 0
    filled: dict[str, int] = field(default_factory=dict)
    formulas: int = 0


def find_pyarrow(folder: Path) -> Any:
    """The module, which not everybody needs. ArchiveError where it is not installed."""
    try:
        importlib.import_module("pyarrow.parquet")
        return importlib.import_module("pyarrow")
    except ImportError as error:
        problem = (
            "Parquet needs pyarrow: pip install -c constraints.txt -e '.[slices]' in the clone, or choose --only csv"
        )
        raise ArchiveError(folder, problem) from error


def write_table(
    folder: Path,
    name: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Any]],
    *,
    meanings: Sequence[str],
    formats: Sequence[str],
) -> Written:
    """One file a format; rows come as the columns are. ArchiveError where a time cannot be read."""
    told = Written(filled=dict.fromkeys((column.name for column in columns), 0))
    with ExitStack() as stack:
        sheet = table = None
        if "csv" in formats:
            out = stack.enter_context((folder / f"{name}.csv").open("w", encoding="utf-8", newline=""))
            sheet = csv.writer(out, lineterminator=LINES)
            sheet.writerow([column.name for column in columns])
        if "parquet" in formats:
            table = stack.enter_context(ParquetTable(folder / f"{name}.parquet", columns, meanings))
        for group in to_groups(rows):
            values = list(zip(*group, strict=True))
            held, cells = zip(
                *(read_column(folder, name, c, v) for c, v in zip(columns, values, strict=True)), strict=True
            )
            told.rows += len(group)
            for column, values_of in zip(columns, held, strict=True):
                told.filled[column.name] += len(values_of) - sum(value is None for value in values_of)
                told.formulas += sum(isinstance(value, str) and value.startswith(FORMULA) for value in values_of)
            if sheet:
                sheet.writerows(zip(*cells, strict=True))
            if table:
                table.write(held)
    return told


def read_column(folder: Path, table: str, column: Column, values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """As Parquet and as CSV hold it."""
    try:
        return convert(column.kind, values)
    except ValueError as error:
        raise ArchiveError(
            folder, f"the archive holds what is no time: {error}", table=table, key=column.name
        ) from error


def to_groups(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    """As many rows as may be held at once; always cut at the same places."""
    group: list[Sequence[Any]] = []
    text = 0
    for row in rows:
        group.append(row)
        text += sum(len(value) for value in row if isinstance(value, str))
        if len(group) >= MOST_ROWS or text >= MOST_TEXT:
            yield group
            group, text = [], 0
    if group:
        yield group


class ParquetTable:
    """A Parquet file of zstd pages; what a column means stands in its field's metadata, too."""

    def __init__(self, path: Path, columns: Sequence[Column], meanings: Sequence[str]) -> None:
        arrow = self.arrow = find_pyarrow(path.parent)
        types = {
            "string": arrow.string(),
            "int64": arrow.int64(),
            "double": arrow.float64(),
            "moment": arrow.timestamp("ms", "UTC"),
            "day": arrow.date32(),
        }
        self.schema = arrow.schema(
            [
                arrow.field(column.name, types[KINDS[column.kind].parquet], metadata={"description": meaning})
                for column, meaning in zip(columns, meanings, strict=True)
            ]
        )
        self.writer = arrow.parquet.ParquetWriter(path, self.schema, compression="zstd")

    def __enter__(self) -> ParquetTable:
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close()

    def write(self, columns: Sequence[Sequence[Any]]) -> None:
        """One row group."""
        arrays = [self.arrow.array(values, type=each.type) for values, each in zip(columns, self.schema, strict=True)]
        self.writer.write_batch(self.arrow.record_batch(arrays, schema=self.schema))
