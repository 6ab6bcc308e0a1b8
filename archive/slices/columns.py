"""What a column of a slice holds: its type, in Parquet and in CSV, and what is made of the archive's text for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from archive.times import Month, at_clock, parse_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How values are held. field: the type in datapackage.json (Frictionless); read: from the archive's text."""

    parquet: str
    field: str
    unit: str = ""
    read: Callable[[str], Any] | None = None
    as_held: bool = True  # in CSV the text as the archive holds it, else what was read from it


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column. sql: its value, else the column of that name; meaning: where metadata.json has none."""

    name: str
    kind: str = "text"
    sql: str = ""
    meaning: str = ""
    unit: str = ""


def to_moment(text: str) -> datetime | None:
    """A moment in UTC; None of a day or a month.

    >>> to_moment("2024-05-28T09:30:00+02:00"), to_moment("2024-05-28")
    (datetime.datetime(2024, 5, 28, 7, 30, tzinfo=datetime.timezone.utc), None)
    """
    value = parse_time(text)
    return at_clock(value, UTC) if isinstance(value, datetime) else None


def to_day(text: str) -> date | None:
    """The day by the agency's own clock; None of a month.

    >>> to_day("2024-05-28T00:30:00+02:00"), to_day("2024-05")
    (datetime.date(2024, 5, 28), None)
    """
    value = parse_time(text)
    if isinstance(value, datetime):
        return value.date()
    return None if isinstance(value, Month) else value


def to_precision(text: str) -> str:
    """How much is told.

    >>> to_precision("2024-05"), to_precision("2024-05-28"), to_precision("2024-05-28T00:30:00+02:00")
    ('month', 'day', 'moment')
    """
    value = parse_time(text)
    return "moment" if isinstance(value, datetime) else "month" if isinstance(value, Month) else "day"


KINDS = {
    "text": Kind(parquet="string", field="string"),
    "list": Kind(parquet="string", field="string", unit="JSON"),
    "number": Kind(parquet="int64", field="integer"),
    "share": Kind(parquet="double", field="number", unit="0 to 1"),
    "moment": Kind(parquet="moment", field="datetime", unit="UTC", read=to_moment),  # the archive's own
    "told moment": Kind(parquet="moment", field="datetime", unit="UTC", read=to_moment, as_held=False),
    "told day": Kind(parquet="day", field="date", unit="day", read=to_day, as_held=False),
    "precision": Kind(parquet="string", field="string", read=to_precision, as_held=False),
}


def convert(kind: str, values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """Values as Parquet and as CSV hold them. ValueError where the archive holds no time."""
    of = KINDS[kind]
    if of.read is None:
        return values, values
    read = [None if value is None else of.read(value) for value in values]
    return read, values if of.as_held else [to_cell(value) for value in read]


def to_cell(value: Any) -> Any:
    """A date or a moment in CSV (ISO 8601)."""
    return value.isoformat() if isinstance(value, date) else value


def told_columns(name: str) -> tuple[Column, ...]:
    """A time in the agency's words: as held, and in columns that compute, as far as they are told."""
    return (
        Column(name=name, unit="ISO 8601"),
        Column(
            name=f"{name}_day",
            kind="told day",
            sql=name,
            meaning=f"The day of `{name}` by the agency's own clock; null where only a month is told, or nothing",
        ),
        Column(
            name=f"{name}_at",
            kind="told moment",
            sql=name,
            meaning=f"The moment of `{name}`; null where only a day or a month is told, or nothing",
        ),
        Column(
            name=f"{name}_precision",
            kind="precision",
            sql=name,
            meaning=f"How much `{name}` tells: moment, day or month; null where it tells nothing",
        ),
        Column(name=f"{name}_text"),
    )
