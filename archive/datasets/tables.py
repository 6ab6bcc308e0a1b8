"""The tables of a dataset: their columns, the codebook, the coverage table, and writing them as CSV and Parquet.

Each table is one file, keyed by release and always in the same order. CSV follows RFC 4180 in UTF-8.
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
from archive.dates import Month, parse_time, to_timezone
from archive.models import LIST_FIELDS, PART_FIELDS

DATASET_FORMATS = ("csv", "parquet")
CSV_LINE_END = "\r\n"
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet may treat such a cell as a formula
MAX_GROUP_ROWS = 50_000  # rows of a row group
MAX_GROUP_CHARACTERS = 16_000_000  # characters of a row group; it is in memory about three times
FROM_SELECTION_SQL = "from temp.chosen c cross join"  # SQLite does not reorder a cross join


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnKind:
    """How values of a column are written.

    frictionless_type: the type in datapackage.json. parse: from the archive's text to the value.
    """

    parquet_type: str
    frictionless_type: str
    unit: str = ""
    parse: Callable[[str], Any] | None = None
    keep_text: bool = True  # in CSV: the archive's text, otherwise the parsed value


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table.

    sql: its value, by default the column of that name. meaning: by default that of metadata.json.
    """

    name: str
    kind: str = "text"
    sql: str = ""
    meaning: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetTable:
    """A table of a dataset.

    source: the SQL after the columns. metadata_table: the table of metadata.json that describes the columns. key: the
    columns that are unique together. foreign_keys: column, and the table and column that it refers to.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    source: str = ""
    metadata_table: str = ""
    key: tuple[str, ...] = ()
    foreign_keys: tuple[tuple[str, str, str], ...] = (("release", "releases", "id"),)

    @property
    def sql(self) -> str:
        """Return the SELECT of its rows; `x` is the described table."""
        return f"select {', '.join(column.sql or f'x.{column.name}' for column in self.columns)} {self.source}"


@dataclass(slots=True, kw_only=True)
class TableStats:
    """Statistics of a written table.

    filled: rows with a value, by column. formulas: cells that begin like a formula.
    """

    rows: int = 0
    filled: dict[str, int] = field(default_factory=dict)
    formulas: int = 0


def parse_utc_moment(text: str) -> datetime | None:
    """Return a moment in UTC, or None if the text is only a day or a month.

    >>> parse_utc_moment("2024-05-28T09:30:00+02:00"), parse_utc_moment("2024-05-28")
    (datetime.datetime(2024, 5, 28, 7, 30, tzinfo=datetime.timezone.utc), None)
    """
    value = parse_time(text)
    return to_timezone(value, UTC) if isinstance(value, datetime) else None


def parse_agency_day(text: str) -> date | None:
    """Return the day by the agency's own clock, or None if the text is only a month.

    >>> parse_agency_day("2024-05-28T00:30:00+02:00"), parse_agency_day("2024-05")
    (datetime.date(2024, 5, 28), None)
    """
    value = parse_time(text)
    if isinstance(value, datetime):
        return value.date()
    return None if isinstance(value, Month) else value


def find_date_precision(text: str) -> str:
    """Return how precise a stated time is: month, day or moment.

    >>> [find_date_precision(text) for text in ("2024-05", "2024-05-28", "2024-05-28T00:30:00+02:00")]
    ['month', 'day', 'moment']
    """
    value = parse_time(text)
    return "moment" if isinstance(value, datetime) else "month" if isinstance(value, Month) else "day"


COLUMN_KINDS = {
    "text": ColumnKind(parquet_type="string", frictionless_type="string"),
    "list": ColumnKind(parquet_type="string", frictionless_type="string", unit="JSON"),
    "number": ColumnKind(parquet_type="int64", frictionless_type="integer"),
    "share": ColumnKind(parquet_type="double", frictionless_type="number", unit="0 to 1"),
    # "moment" is for the archive's own times, "stated …" for times that an agency stated.
    "moment": ColumnKind(parquet_type="moment", frictionless_type="datetime", unit="UTC", parse=parse_utc_moment),
    "stated moment": ColumnKind(
        parquet_type="moment", frictionless_type="datetime", unit="UTC", parse=parse_utc_moment, keep_text=False
    ),
    "stated day": ColumnKind(
        parquet_type="day", frictionless_type="date", unit="day", parse=parse_agency_day, keep_text=False
    ),
    "precision": ColumnKind(
        parquet_type="string", frictionless_type="string", parse=find_date_precision, keep_text=False
    ),
}


def find_column_meaning(column: Column, table_metadata: Mapping[str, Any]) -> str:
    """Return a column's meaning; raise KeyError if nothing describes it."""
    return column.meaning or str(table_metadata["columns"][column.name])


def find_column_unit(column: Column) -> str | None:
    """Return a column's unit, or None if neither it nor its kind has one."""
    return column.unit or COLUMN_KINDS[column.kind].unit or None


def build_columns(kind: str, column_names: str) -> tuple[Column, ...]:
    return tuple(Column(name=name, kind=kind) for name in column_names.split())


def build_date_columns(name: str) -> tuple[Column, ...]:
    """Build the columns of a time stated by an agency: as stored, and parsed as far as it is precise."""
    return (
        Column(name=name, unit="ISO 8601"),
        Column(
            name=f"{name}_day",
            kind="stated day",
            sql=f"x.{name}",
            meaning=f"The day of `{name}` by the agency's own clock; null where only a month is told, or nothing",
        ),
        Column(
            name=f"{name}_at",
            kind="stated moment",
            sql=f"x.{name}",
            meaning=f"The moment of `{name}`; null where only a day or a month is told, or nothing",
        ),
        Column(
            name=f"{name}_precision",
            kind="precision",
            sql=f"x.{name}",
            meaning=f"How much `{name}` tells: moment, day or month; null where it tells nothing",
        ),
        Column(name=f"{name}_text"),
    )


def build_part_table(name: str, title: str) -> DatasetTable:
    """Build a table of parts, keyed by release and position, as part ids change when a page is re-parsed."""
    fields = tuple(Column(name=field) for field in PART_FIELDS[name] if field != "position")
    return DatasetTable(
        name=name,
        title=title,
        columns=(RELEASE_COLUMN, POSITION_COLUMN, *fields),
        source=f"{FROM_SELECTION_SQL} {name} x on x.release = c.release order by c.release, x.position",
        metadata_table=name,
        key=("release", "position"),
    )


# The tables.
RELEASE_COLUMN = Column(name="release", kind="number")
POSITION_COLUMN = Column(name="position", kind="number")
TEXT_COLUMNS = build_columns("text", "kind title lead body body_html")
DATE_COLUMNS = (*build_date_columns("published"), *build_date_columns("updated"))
DATASET_TABLES = (
    DatasetTable(
        name="releases",
        title="Each release as it stood when the dataset was taken",
        columns=(
            *build_columns("number", "id"),
            *build_columns("text", "agency url"),
            *TEXT_COLUMNS,
            *DATE_COLUMNS,
            *build_columns("text", "language"),
            *build_columns("moment", "first_seen last_checked removed_at"),
            *build_columns("number", "checks revision moved_to"),
            *build_columns("text", "takedown hash"),
        ),
        source=f"{FROM_SELECTION_SQL} releases x on x.id = c.release order by c.release",
        metadata_table="releases",
        key=("id",),
        foreign_keys=(("agency", "agencies", "slug"),),
    ),
    DatasetTable(
        name="agencies",
        title="Whose releases these are",
        columns=build_columns("text", "slug name name_en org_number home"),
        source="from agencies x where x.slug in (select agency from temp.chosen) order by x.slug",
        metadata_table="agencies",
        key=("slug",),
        foreign_keys=(),
    ),
    DatasetTable(
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
        source=f"{FROM_SELECTION_SQL} release_tags x on x.release = c.release join tags t on t.id = x.tag"
        " order by c.release, x.rowid",
        metadata_table="release_tags",
        key=("release", "tag"),
    ),
    build_part_table("questions", "Questions and their answers, as printed in the releases"),
    build_part_table("images", "Pictures shown in releases; the files stay with the agency"),
    build_part_table("attachments", "Files that releases link to; the files stay with the agency"),
    build_part_table("contacts", "Whom releases name for questions"),
    DatasetTable(
        name="revisions",
        title="Every state these releases ever stood in, the first one included",
        columns=(
            *build_columns("number", "id release previous reverts_to"),
            *build_columns("moment", "seen last_seen"),
            *build_columns("number", "checks"),
            *build_columns("text", "cause"),
            *build_columns("number", "update_date_changed"),
            Column(name="importance", kind="number", unit="0 to 100"),
            *build_columns("text", "summary summary_en"),
            *build_columns("list", "changes"),
            *TEXT_COLUMNS,
            *DATE_COLUMNS,
            *build_columns("text", "language"),
            *build_columns("list", " ".join(LIST_FIELDS)),
            *build_columns("text", "parser_version hash"),
            Column(
                name="page_sha256",
                sql="(select sha256 from captures where id = x.capture)",
                meaning="SHA-256 (hex) of the page as it came, which this state was read from; null where its bytes are"
                " not kept. /-/evidence/<id>.zip hands it out",
            ),
            Column(name="takedown", kind="number"),
        ),
        source=f"{FROM_SELECTION_SQL} revisions x on x.release = c.release order by c.release, x.id",
        metadata_table="revisions",
        key=("id",),
    ),
    DatasetTable(
        name="removals",
        title="Each time one of these releases was not where it stood",
        columns=(
            *build_columns("number", "id release"),
            *build_columns("text", "kind target"),
            *build_columns("moment", "first_seen last_seen confirmed ended"),
            *build_columns("number", "checks status moved_to"),
        ),
        source=f"{FROM_SELECTION_SQL} removals x on x.release = c.release order by c.release, x.id",
        metadata_table="removals",
        key=("id",),
    ),
    DatasetTable(
        name="near_duplicates",
        title="Pairs among these releases that say the same, or nearly",
        columns=(*build_columns("number", "release other"), *build_columns("share", "similarity")),
        source=f"{FROM_SELECTION_SQL} near_duplicates x on x.release = c.release"
        " where x.other in (select release from temp.chosen) order by c.release, x.other",
        metadata_table="near_duplicates",
        key=("release", "other"),
        foreign_keys=(("release", "releases", "id"), ("other", "releases", "id")),
    ),
)
REQUIRED_TABLES = ("releases", "agencies")
OPTIONAL_TABLES = tuple(table.name for table in DATASET_TABLES if table.name not in REQUIRED_TABLES)

# The codebook.
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
CODEBOOK_TABLE = DatasetTable(
    name="codebook",
    title="Every column of every table: type, unit, meaning, and how often it is filled",
    columns=CODEBOOK_COLUMNS,
    key=("table", "column"),
    foreign_keys=(),
)


def iter_codebook_rows(
    table: str, columns: Sequence[Column], meanings: Sequence[str], row_count: int, filled: Mapping[str, int]
) -> Iterator[tuple[Any, ...]]:
    """Yield the codebook rows of a table, one per column."""
    for column, meaning in zip(columns, meanings, strict=True):
        number = filled[column.name]
        share = round(number / row_count, 4) if row_count else None
        yield (
            table,
            column.name,
            COLUMN_KINDS[column.kind].frictionless_type,
            find_column_unit(column),
            meaning,
            row_count,
            number,
            share,
        )


# The coverage table.
AgencyYear = tuple[str, str | None]
SCALAR_FIELDS = ("published", "updated", "kind", "lead", "language")
LIST_FIELD_TABLES = {  # field → its table, if that has another name
    "tags": "release_tags",
    "questions": "",
    "images": "",
    "attachments": "",
    "contacts": "",
}
SHARE_FIELDS = ("published", "published_moment", *SCALAR_FIELDS[1:], "body", *LIST_FIELD_TABLES)
SCALAR_COUNTS_SQL = ", ".join(f"count(r.{name}) as {name}" for name in SCALAR_FIELDS)
LIST_COUNTS_SQL = ", ".join(
    f"sum(exists (select 1 from {table or name} x where x.release = c.release)) as {name}"
    for name, table in LIST_FIELD_TABLES.items()
)
SELECTION_COVERAGE_SQL = f"""
    select c.agency, c.year, count(*) as releases, {SCALAR_COUNTS_SQL},
      count(iif(length(r.published) > 10, 1, null)) as published_moment, sum(octet_length(r.body) > 0) as body,
      {LIST_COUNTS_SQL},
      count(r.removed_at) as removed, sum(exists (select 1 from revisions v where v.release = c.release
        and v.cause = 'source' and v.previous is not null)) as edited, count(r.takedown) as redacted
    from temp.chosen c cross join releases r on r.id = c.release group by 1, 2
"""
ARCHIVE_COVERAGE_SQL = (
    "select agency, substr(sort_day, 1, 4) as year, count(*) as in_archive from release_facets"
    " where agency in (select agency from temp.chosen) group by 1, 2",
    "select agency, substr(published, 1, 4) as year, count(*) as hidden from releases"
    " where takedown = 'hidden' and agency in (select agency from temp.chosen) group by 1, 2",
    "select agency, substr(month, 1, 4) as year, sum(listed) as source_listed, sum(stored) as source_stored,"
    " sum(rejected) as source_rejected, sum(missing) as source_missing, sum(unlisted) as source_unlisted,"
    " min(complete) as source_complete, max(checked) as source_checked from coverage"
    " where source is null and agency in (select agency from temp.chosen) group by 1, 2",
)
ZERO_DEFAULT_COLUMNS = ("releases", "in_archive", "hidden", "removed", "edited", "redacted")  # 0 instead of null
COUNT_MEANINGS = {
    "releases": "Releases in the dataset",
    "in_archive": "Releases that the archive shows of that agency and year, whatever was asked for",
    "hidden": "Releases of that agency and year that a takedown hides: they are in no dataset",
    "removed": "Of the dataset's: those that the agency has taken away",
    "edited": "Of the dataset's: those that the archive saw the agency edit",
    "redacted": "Of the dataset's: those in which a takedown covers a passage",
}
SOURCE_MEANINGS = {
    "source_listed": "Addresses that the agency's own feeds, sitemaps, listings and archive pages listed when"
    " `scrapy crawl audit` last read them to their end, whatever was asked for; null: never audited,"
    " or none of that year",
    "source_stored": "Of these, how many the archive held then",
    "source_rejected": "Of these, how many were tried and gave no release",
    "source_missing": "Of these, how many were missing; the table missing_releases of the archive names them",
    "source_unlisted": "Releases held that no source listed any more though nothing says they are gone: a lower bound;"
    " null where it cannot be said",
    "source_complete": "1 where every source was read to its end, 0 where one may list more",
}
COVERAGE_COLUMNS = (
    Column(name="agency", meaning="Slug of the agency"),
    Column(
        name="year",
        meaning="Year of publication as the agency tells it; null where it tells no day (of addresses that are not"
        " held: where no source dates them)",
    ),
    *(Column(name=name, kind="number", meaning=meaning) for name, meaning in COUNT_MEANINGS.items()),
    *(
        Column(
            name=f"share_{name}",
            kind="share",
            meaning=f"Share of the dataset's releases whose `{name.removesuffix('_moment')}` is told"
            + (" to the minute" if name.endswith("_moment") else ""),
        )
        if name not in LIST_FIELD_TABLES
        else Column(name=f"share_{name}", kind="share", meaning=f"Share of the dataset's releases that have {name}")
        for name in SHARE_FIELDS
    ),
    *(Column(name=name, kind="number", meaning=meaning) for name, meaning in SOURCE_MEANINGS.items()),
    Column(name="source_checked", kind="moment", meaning="When the sources were read so"),
)
COVERAGE_TABLE = DatasetTable(
    name="coverage",
    title="What is held of each agency and year, how often each field is told, and what is missing",
    columns=COVERAGE_COLUMNS,
    foreign_keys=(("agency", "agencies", "slug"),),
)


def read_coverage_rows(db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield a row per agency and year, sorted, with null years last.

    Includes years for which only the archive or the sources know releases, not the selection.
    """
    rows_by_key: dict[AgencyYear, dict[str, Any]] = {}
    for sql in (SELECTION_COVERAGE_SQL, *ARCHIVE_COVERAGE_SQL):
        cursor = db.execute(sql)
        names = [name for name, *_ in cursor.description]
        for row in cursor:
            counts = dict(zip(names, row, strict=True))
            rows_by_key.setdefault((counts["agency"], counts["year"]), {}).update(counts)
    for _, counts in sorted(rows_by_key.items(), key=lambda item: (item[0][0], item[0][1] or "none")):
        number = counts.get("releases", 0)
        shares = {f"share_{name}": round(counts[name] / number, 4) if number else None for name in SHARE_FIELDS}
        values = {**dict.fromkeys(ZERO_DEFAULT_COLUMNS, 0), **counts, **shares}
        yield tuple(values.get(column.name) for column in COVERAGE_COLUMNS)


def write_dataset_table(
    folder: Path,
    name: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[Any]],
    *,
    meanings: Sequence[str],
    formats: Sequence[str],
) -> TableStats:
    """Write rows in each format; raise ArchiveError if a time cannot be parsed."""
    stats = TableStats(filled=dict.fromkeys((column.name for column in columns), 0))
    with ExitStack() as stack:
        csv_writer = parquet_writer = None
        if "csv" in formats:
            out = stack.enter_context((folder / f"{name}.csv").open("w", encoding="utf-8", newline=""))
            csv_writer = csv.writer(out, lineterminator=CSV_LINE_END)
            csv_writer.writerow([column.name for column in columns])
        if "parquet" in formats:
            parquet_writer = stack.enter_context(ParquetTableWriter(folder / f"{name}.parquet", columns, meanings))
        for group in split_row_groups(rows):
            values = list(zip(*group, strict=True))
            parquet_columns, csv_columns = zip(
                *(convert_column(folder, name, c, v) for c, v in zip(columns, values, strict=True)), strict=True
            )
            stats.rows += len(group)
            for column, converted in zip(columns, parquet_columns, strict=True):
                stats.filled[column.name] += len(converted) - sum(value is None for value in converted)
                stats.formulas += sum(
                    isinstance(value, str) and value.startswith(FORMULA_PREFIXES) for value in converted
                )
            if csv_writer:
                csv_writer.writerows(zip(*csv_columns, strict=True))
            if parquet_writer:
                parquet_writer.write_row_group(parquet_columns)
    return stats


def convert_column(
    folder: Path, table: str, column: Column, values: Sequence[Any]
) -> tuple[Sequence[Any], Sequence[Any]]:
    try:
        return convert_values(column.kind, values)
    except ValueError as error:
        raise ArchiveError(
            folder, f"the archive holds what is no time: {error}", table=table, key=column.name
        ) from error


def convert_values(kind: str, values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return values as Parquet and as CSV write them; raise ValueError if one is not a valid time."""
    column_kind = COLUMN_KINDS[kind]
    if column_kind.parse is None:
        return values, values
    parsed = [None if value is None else column_kind.parse(value) for value in values]
    return parsed, values if column_kind.keep_text else [format_csv_cell(value) for value in parsed]


def format_csv_cell(value: Any) -> Any:
    """Format a date or a moment for CSV (ISO 8601); other values are returned as they are."""
    return value.isoformat() if isinstance(value, date) else value


def split_row_groups(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    """Yield groups of rows that fit in memory; the same rows always give the same groups."""
    group: list[Sequence[Any]] = []
    characters = 0
    for row in rows:
        group.append(row)
        characters += sum(len(value) for value in row if isinstance(value, str))
        if len(group) >= MAX_GROUP_ROWS or characters >= MAX_GROUP_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


class ParquetTableWriter:
    """Writes a Parquet file with zstd compression; field metadata has the meaning of each column."""

    def __init__(self, path: Path, columns: Sequence[Column], meanings: Sequence[str]) -> None:
        arrow = self.arrow = import_pyarrow(path.parent)
        types = {
            "string": arrow.string(),
            "int64": arrow.int64(),
            "double": arrow.float64(),
            "moment": arrow.timestamp("ms", "UTC"),
            "day": arrow.date32(),
        }
        self.schema = arrow.schema(
            [
                arrow.field(
                    column.name, types[COLUMN_KINDS[column.kind].parquet_type], metadata={"description": meaning}
                )
                for column, meaning in zip(columns, meanings, strict=True)
            ]
        )
        self.writer = arrow.parquet.ParquetWriter(path, self.schema, compression="zstd")

    def __enter__(self) -> ParquetTableWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close()

    def write_row_group(self, columns: Sequence[Sequence[Any]]) -> None:
        """Write one row group, given by columns."""
        arrays = [self.arrow.array(values, type=each.type) for values, each in zip(columns, self.schema, strict=True)]
        self.writer.write_batch(self.arrow.record_batch(arrays, schema=self.schema))


def import_pyarrow(folder: Path) -> Any:
    """Return the optional module pyarrow; raise ArchiveError if it is not installed."""
    try:
        importlib.import_module("pyarrow.parquet")
        return importlib.import_module("pyarrow")
    except ImportError as error:
        problem = (
            "Parquet needs pyarrow: pip install -c constraints.txt -e '.[datasets]' in the clone, or choose --only csv"
        )
        raise ArchiveError(folder, problem) from error
