"""Tables, columns, codebook, coverage table; CSV and Parquet writers.

What a column of a slice holds: its type, in Parquet and in CSV, and what is made of the archive's text for it.

The tables of a slice: one file each, keyed by release, in an order that is always the same.

The codebook: what every column of a slice means, its type and unit, and how often it is filled.

How much of what agencies published a slice holds, by agency and year: a table of its own.

Writes a table as CSV (RFC 4180, UTF-8) and Parquet, row group by row group, and counts what each column holds.
"""

from __future__ import annotations

import csv
import importlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from archive.database import ArchiveError
from archive.dates import Month, at_clock, parse_time
from archive.models import FIELDS, LISTS


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


FROM = "from temp.chosen c cross join"  # the chosen releases lead, in their order
RELEASE = Column(name="release", kind="number")
POSITION = Column(name="position", kind="number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table. source: what stands behind SELECT, if one is asked; described: its columns' table in metadata.json.

    key: its columns that are unique together; points: columns to the table and column that they point to.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    source: str = ""
    described: str = ""
    key: tuple[str, ...] = ()
    points: tuple[tuple[str, str, str], ...] = (("release", "releases", "id"),)

    @property
    def sql(self) -> str:
        """The SELECT for its rows; `x` is the described table."""
        return f"select {', '.join(column.sql or f'x.{column.name}' for column in self.columns)} {self.source}"


def part(name: str, title: str) -> Table:
    """A table of parts: by release and place, without the number that may change when the release is read anew."""
    fields = tuple(Column(name=field) for field in FIELDS[name] if field != "position")
    return Table(
        name=name,
        title=title,
        columns=(RELEASE, POSITION, *fields),
        source=f"{FROM} {name} x on x.release = c.release order by c.release, x.position",
        described=name,
        key=("release", "position"),
    )


def named(kind: str, names: str) -> tuple[Column, ...]:
    """Columns of one kind."""
    return tuple(Column(name=name, kind=kind) for name in names.split())


def told(name: str) -> tuple[Column, ...]:
    """The columns of a time that an agency tells, of the table x."""
    return tuple(
        Column(name=c.name, kind=c.kind, sql=f"x.{c.sql}" if c.sql else "", meaning=c.meaning, unit=c.unit)
        for c in told_columns(name)
    )


TEXTS = named("text", "kind title lead body body_html")
DATES = (*told("published"), *told("updated"))
TABLES = (
    Table(
        name="releases",
        title="Each release as it stood when the slice was taken",
        columns=(
            *named("number", "id"),
            *named("text", "agency url"),
            *TEXTS,
            *DATES,
            *named("text", "language"),
            *named("moment", "first_seen last_checked gone"),
            *named("number", "checks revision moved_to"),
            *named("text", "withheld hash"),
        ),
        source=f"{FROM} releases x on x.id = c.release order by c.release",
        described="releases",
        key=("id",),
        points=(("agency", "agencies", "slug"),),
    ),
    Table(
        name="agencies",
        title="Whose releases these are",
        columns=named("text", "slug name name_en org_number home"),
        source="from agencies x where x.slug in (select agency from temp.chosen) order by x.slug",
        described="agencies",
        key=("slug",),
        points=(),
    ),
    Table(
        name="tags",
        title="Subject words that agencies show on their releases",
        columns=(
            Column(name="release", kind="number"),
            Column(
                name="position",
                kind="number",
                sql="row_number() over (partition by c.release order by x.rowid)",
                meaning="Place among the release's tags, counted from 1",
            ),
            Column(name="tag", sql="t.name", meaning="The tag as shown"),
        ),
        source=f"{FROM} release_tags x on x.release = c.release join tags t on t.id = x.tag"
        " order by c.release, x.rowid",
        described="release_tags",
        key=("release", "tag"),
    ),
    part("questions", "Questions and their answers, as printed in the releases"),
    part("images", "Pictures shown in releases; the files stay with the agency"),
    part("attachments", "Files that releases link to; the files stay with the agency"),
    part("contacts", "Whom releases name for questions"),
    Table(
        name="revisions",
        title="Every state these releases ever stood in, the first one included",
        columns=(
            *named("number", "id release previous same_as"),
            *named("moment", "seen last_seen"),
            *named("number", "checks"),
            *named("text", "cause"),
            *named("number", "dated"),
            Column(name="weight", kind="number", unit="0 to 100"),
            *named("text", "summary summary_en"),
            *named("list", "changes"),
            *TEXTS,
            *DATES,
            *named("text", "language"),
            *named("list", " ".join(LISTS)),
            *named("text", "reader hash"),
            Column(
                name="page_sha256",
                sql="(select sha256 from captures where id = x.capture)",
                meaning="SHA-256 (hex) of the page as it came, which this state was read from; null where its bytes are"
                " not kept. /-/evidence/<id>.zip hands it out",
            ),
            Column(name="withheld", kind="number"),
        ),
        source=f"{FROM} revisions x on x.release = c.release order by c.release, x.id",
        described="revisions",
        key=("id",),
    ),
    Table(
        name="removals",
        title="Each time one of these releases was not where it stood",
        columns=(
            *named("number", "id release"),
            *named("text", "kind target"),
            *named("moment", "first_seen last_seen confirmed ended"),
            *named("number", "checks status moved_to"),
        ),
        source=f"{FROM} removals x on x.release = c.release order by c.release, x.id",
        described="removals",
        key=("id",),
    ),
    Table(
        name="joint_texts",
        title="Pairs among these releases that say the same, or nearly",
        columns=(*named("number", "release other"), *named("share", "similarity")),
        source=f"{FROM} joint_texts x on x.release = c.release where x.other in (select release from temp.chosen)"
        " order by c.release, x.other",
        described="joint_texts",
        key=("release", "other"),
        points=(("release", "releases", "id"), ("other", "releases", "id")),
    ),
)
NEEDED = ("releases", "agencies")
OPTIONAL = tuple(table.name for table in TABLES if table.name not in NEEDED)


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


Key = tuple[str, str | None]
SCALARS = ("published", "updated", "kind", "lead", "language")
PARTS = {"tags": "release_tags", "questions": "", "images": "", "attachments": "", "contacts": ""}
SHARES = ("published", "published_moment", *SCALARS[1:], "body", *PARTS)
CHOSEN = f"""
    select c.agency, c.year, count(*) as releases,
      {", ".join(f"count(r.{name}) as {name}" for name in SCALARS)},
      count(iif(length(r.published) > 10, 1, null)) as published_moment, sum(octet_length(r.body) > 0) as body,
      {
    ", ".join(
        f"sum(exists (select 1 from {table or name} x where x.release = c.release)) as {name}"
        for name, table in PARTS.items()
    )
},
      count(r.gone) as removed, sum(exists (select 1 from revisions v where v.release = c.release
        and v.cause = 'source' and v.previous is not null)) as edited, count(r.withheld) as redacted
    from temp.chosen c cross join releases r on r.id = c.release group by 1, 2
"""
OTHERS = (
    "select agency, substr(day, 1, 4) as year, count(*) as in_archive from listed"
    " where agency in (select agency from temp.chosen) group by 1, 2",
    "select agency, substr(published, 1, 4) as year, count(*) as hidden from releases"
    " where withheld = 'hidden' and agency in (select agency from temp.chosen) group by 1, 2",
    "select agency, substr(month, 1, 4) as year, sum(listed) as source_listed, sum(held) as source_held,"
    " sum(refused) as source_refused, sum(missing) as source_missing, sum(delisted) as source_delisted,"
    " min(whole) as source_whole, max(checked) as source_checked from ledger"
    " where source is null and agency in (select agency from temp.chosen) group by 1, 2",
)
ZERO = ("releases", "in_archive", "hidden", "removed", "edited", "redacted")  # none where nothing was counted
COUNTS = {
    "releases": "Releases in the slice",
    "in_archive": "Releases that the archive shows of that agency and year, whatever was asked for",
    "hidden": "Releases of that agency and year that a takedown hides: they are in no slice",
    "removed": "Of the slice's: those that the agency has taken away",
    "edited": "Of the slice's: those that the archive saw the agency edit",
    "redacted": "Of the slice's: those in which a takedown covers a passage",
}
LEDGER = {
    "source_listed": "Addresses that the agency's own feeds, sitemaps, listings and archive pages listed when"
    " `scrapy crawl audit` last read them to their end, whatever was asked for; null: never audited,"
    " or none of that year",
    "source_held": "Of these, how many the archive held then",
    "source_refused": "Of these, how many were tried and gave no release",
    "source_missing": "Of these, how many were missing; the table gaps of the archive names them",
    "source_delisted": "Releases held that no source listed any more though nothing says they are gone: a lower bound;"
    " null where it cannot be said",
    "source_whole": "1 where every source was read to its end, 0 where one may list more",
}
COVERAGE_COLUMNS = (
    Column(name="agency", meaning="Slug of the agency"),
    Column(
        name="year",
        meaning="Year of publication as the agency tells it; null where it tells no day (of addresses that are not"
        " held: where no source dates them)",
    ),
    *(Column(name=name, kind="number", meaning=meaning) for name, meaning in COUNTS.items()),
    *(
        Column(
            name=f"share_{name}",
            kind="share",
            meaning=f"Share of the slice's releases whose `{name.removesuffix('_moment')}` is told"
            + (" to the minute" if name.endswith("_moment") else ""),
        )
        if name not in PARTS
        else Column(name=f"share_{name}", kind="share", meaning=f"Share of the slice's releases that have {name}")
        for name in SHARES
    ),
    *(Column(name=name, kind="number", meaning=meaning) for name, meaning in LEDGER.items()),
    Column(name="source_checked", kind="moment", meaning="When the sources were read so"),
)
COVERAGE = Table(
    name="coverage",
    title="What is held of each agency and year, how often each field is told, and what is missing",
    columns=COVERAGE_COLUMNS,
    points=(("agency", "agencies", "slug"),),
)


def read_coverage(db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """A row an agency and year, by slug and time; those of which only the sources or the archive know, too."""
    found: dict[Key, dict[str, Any]] = {}
    for sql in (CHOSEN, *OTHERS):
        cursor = db.execute(sql)
        names = [name for name, *_ in cursor.description]
        for row in cursor:
            told = dict(zip(names, row, strict=True))
            found.setdefault((told["agency"], told["year"]), {}).update(told)
    for _, told in sorted(found.items(), key=lambda item: (item[0][0], item[0][1] or "none")):
        number = told.get("releases", 0)
        shares = {f"share_{name}": round(told[name] / number, 4) if number else None for name in SHARES}
        values = {**dict.fromkeys(ZERO, 0), **told, **shares}
        yield tuple(values.get(column.name) for column in COVERAGE_COLUMNS)


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
