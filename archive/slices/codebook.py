"""The codebook: what every column of a slice means, its type and unit, and how often it is filled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from archive.slices.columns import KINDS, Column
from archive.slices.tables import Table

CODEBOOK_COLUMNS = (
    Column(name="table", meaning="The table"),
    Column(name="column", meaning="The column"),
    Column(name="type", meaning="Its type, as Frictionless Table Schema names it"),
    Column(name="unit", meaning="Its unit or form; null where it has none"),
    Column(name="meaning", meaning="What it means"),
    Column(name="rows", kind="number", meaning="Rows of the table"),
    Column(name="filled", kind="number", meaning="Rows in which it is not null"),
    Column(name="share", kind="share", meaning="The same as a share; null in a table without rows"),
)
CODEBOOK = Table(
    name="codebook",
    title="Every column of every table: type, unit, meaning, and how often it is filled",
    columns=CODEBOOK_COLUMNS,
    key=("table", "column"),
    points=(),
)


def find_meaning(column: Column, described: Mapping[str, Any]) -> str:
    """The column's own, else what metadata.json says of it; a KeyError is a column that nobody described."""
    return column.meaning or str(described["columns"][column.name])


def find_unit(column: Column) -> str | None:
    """The column's own, else that of its kind."""
    return column.unit or KINDS[column.kind].unit or None


def to_rows(
    table: str, columns: Sequence[Column], meanings: Sequence[str], rows: int, filled: Mapping[str, int]
) -> Iterator[tuple[Any, ...]]:
    """A row a column."""
    for column, meaning in zip(columns, meanings, strict=True):
        number = filled[column.name]
        share = round(number / rows, 4) if rows else None
        yield (table, column.name, KINDS[column.kind].field, find_unit(column), meaning, rows, number, share)
