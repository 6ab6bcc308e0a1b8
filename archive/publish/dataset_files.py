"""Writes the tables of a dataset as CSV and Parquet, with a codebook and a coverage table.

Each table is one file per format, and its rows are always in the same order. CSV files follow RFC
4180 and are encoded in UTF-8.
"""

from __future__ import annotations

import csv
import importlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TextIO

from archive.database.models import LIST_FIELDS, PART_FIELDS
from archive.database.sqlite_files import ArchiveError
from archive.times import Month, parse_time, to_timezone

DATASET_FORMATS = ("csv", "parquet")
CSV_LINE_END = "\r\n"
# a spreadsheet may treat such a cell as a formula
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")
MAX_GROUP_ROWS = 50_000  # rows of a row group
# characters in a row group, which takes up about three times as much memory
MAX_GROUP_CHARACTERS = 16_000_000
# SQLite does not reorder a cross join, so the selection is read first
FROM_SELECTION_SQL = "from temp.chosen c cross join"
# versions `v` of the files that releases link to, or have linked to; not of redacted ones, whose
# URLs may be redacted
FROM_VERSIONS_SQL = (
    f"{FROM_SELECTION_SQL} attachment_links l on l.release = c.release and l.takedown is null"
    " join attachment_versions v on v.url = l.url"
)


@dataclass(frozen=True, slots=True)
class ColumnKind:
    """How the values of a column are parsed and written."""

    type: str  # type in datapackage.json (Frictionless Table Schema)
    unit: str | None = None
    # converts the archive's text to the value; None: the text is the value
    parse: Callable[[str], Any] | None = None
    keep_text: bool = True  # whether CSV contains the archive's text or, if False, the parsed value


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetTable:
    name: str
    title: str
    columns: tuple[Column, ...]
    source: str = ""  # SQL after the list of columns; `x` is the described table
    metadata_table: str = ""  # table of metadata.json with the descriptions of the columns
    key: tuple[str, ...] = ()  # columns that together identify a row
    # (column, table and column that it refers to)
    foreign_keys: tuple[tuple[str, str, str], ...] = (("release", "releases", "id"),)

    @property
    def sql(self) -> str:
        return (
            f"select {', '.join(column.sql or f'x.{column.name}' for column in self.columns)}"
            f" {self.source}"
        )


@dataclass(slots=True, kw_only=True)
class TableStats:
    rows: int = 0
    filled: dict[str, int] = field(default_factory=dict)  # column → rows with a value
    formulas: int = 0  # cells that begin like a formula

    def count_values(self, column: str, values: Sequence[Any]) -> None:
        self.filled[column] += sum(value is not None for value in values)
        self.formulas += sum(
            isinstance(value, str) and value.startswith(FORMULA_PREFIXES) for value in values
        )


def _parse_utc_moment(text: str) -> datetime | None:
    """Parse a moment and convert it to UTC. Returns None if the text is only a day or a month.

    >>> _parse_utc_moment("2024-05-28T09:30:00+02:00"), _parse_utc_moment("2024-05-28")
    (datetime.datetime(2024, 5, 28, 7, 30, tzinfo=datetime.timezone.utc), None)
    """
    value = parse_time(text)
    return to_timezone(value, UTC) if isinstance(value, datetime) else None


def _parse_agency_day(text: str) -> date | None:
    """Return the day of a stated time, in the agency's time zone. Returns None if the time is only
    a month.

    >>> _parse_agency_day("2024-05-28T00:30:00+02:00"), _parse_agency_day("2024-05")
    (datetime.date(2024, 5, 28), None)
    """
    value = parse_time(text)
    if isinstance(value, datetime):
        return value.date()
    return None if isinstance(value, Month) else value


def _find_date_precision(text: str) -> str:
    """Return the precision of a stated time: `month`, `day` or `moment`.

    >>> texts = ("2024-05", "2024-05-28", "2024-05-28T00:30:00+02:00")
    >>> [_find_date_precision(text) for text in texts]
    ['month', 'day', 'moment']
    """
    value = parse_time(text)
    return (
        "moment" if isinstance(value, datetime) else "month" if isinstance(value, Month) else "day"
    )


TEXT = ColumnKind("string")
JSON_LIST = ColumnKind("string", "JSON")
INTEGER = ColumnKind("integer")
IMPORTANCE = ColumnKind("integer", "0 to 100")
SHARE = ColumnKind("number", "0 to 1")
MOMENT = ColumnKind("datetime", "UTC", _parse_utc_moment)  # a time recorded by the archive
STATED_TIME = ColumnKind("string", "ISO 8601")  # a time that an agency stated
STATED_MOMENT = ColumnKind("datetime", "UTC", _parse_utc_moment, keep_text=False)
STATED_DAY = ColumnKind("date", "day", _parse_agency_day, keep_text=False)
PRECISION = ColumnKind("string", None, _find_date_precision, keep_text=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    kind: ColumnKind = TEXT
    sql: str = ""  # SQL of its value; by default the column with this name
    meaning: str = ""  # description; by default that in metadata.json


def build_columns(kind: ColumnKind, column_names: str) -> tuple[Column, ...]:
    return tuple(Column(name=name, kind=kind) for name in column_names.split())


def _build_date_columns(name: str) -> tuple[Column, ...]:
    """Build the columns for a time that an agency states: as stored, as parsed, and as printed."""
    parsed = (
        (
            "day",
            STATED_DAY,
            f"The day of `{name}` by the agency's own clock; null if a month or nothing is stated",
        ),
        (
            "at",
            STATED_MOMENT,
            f"The moment of `{name}`; null if a day, a month or nothing is stated",
        ),
        (
            "precision",
            PRECISION,
            f"The precision of `{name}`: moment, day or month; null if nothing is stated",
        ),
    )
    return (
        Column(name=name, kind=STATED_TIME),
        *(
            Column(name=f"{name}_{end}", kind=kind, sql=f"x.{name}", meaning=meaning)
            for end, kind, meaning in parsed
        ),
        Column(name=f"{name}_text"),
    )


def _build_part_table(name: str, title: str) -> DatasetTable:
    """Build the table for parts of releases, such as images or contacts.

    The table's key consists of the release and the position, because ids change when a page is
    re-parsed.
    """
    fields = tuple(Column(name=field) for field in PART_FIELDS[name] if field != "position")
    return DatasetTable(
        name=name,
        title=title,
        columns=(RELEASE_COLUMN, Column(name="position", kind=INTEGER), *fields),
        source=(
            f"{FROM_SELECTION_SQL} {name} x on x.release = c.release order by c.release, x.position"
        ),
        metadata_table=name,
        key=("release", "position"),
    )


# The tables.
RELEASE_COLUMN = Column(name="release", kind=INTEGER)
TEXT_COLUMNS = build_columns(TEXT, "kind title lead body body_html")
DATE_COLUMNS = (*_build_date_columns("published"), *_build_date_columns("updated"))
DATASET_TABLES = (
    DatasetTable(
        name="releases",
        title="Each release as it was when the dataset was created",
        columns=(
            *build_columns(INTEGER, "id"),
            *build_columns(TEXT, "agency url"),
            *TEXT_COLUMNS,
            *DATE_COLUMNS,
            *build_columns(TEXT, "language"),
            *build_columns(MOMENT, "first_seen last_checked removed_at"),
            *build_columns(INTEGER, "checks revision moved_to"),
            *build_columns(TEXT, "takedown hash"),
        ),
        source=f"{FROM_SELECTION_SQL} releases x on x.id = c.release order by c.release",
        metadata_table="releases",
        key=("id",),
        foreign_keys=(("agency", "agencies", "slug"),),
    ),
    DatasetTable(
        name="agencies",
        title="The agencies that published the releases",
        columns=build_columns(TEXT, "slug name name_en org_number home"),
        source="from agencies x where x.slug in (select agency from temp.chosen) order by x.slug",
        metadata_table="agencies",
        key=("slug",),
        foreign_keys=(),
    ),
    DatasetTable(
        name="tags",
        title="Tags that agencies show on their releases",
        columns=(
            RELEASE_COLUMN,
            Column(
                name="position",
                kind=INTEGER,
                sql="row_number() over (partition by c.release order by x.rowid)",
                meaning="Position among the release's tags, counted from 1",
            ),
            Column(name="tag", sql="t.name", meaning="The tag as shown"),
        ),
        source=f"{FROM_SELECTION_SQL} release_tags x on x.release = c.release join tags t on"
        f" t.id = x.tag order by c.release, x.rowid",
        metadata_table="release_tags",
        key=("release", "tag"),
    ),
    _build_part_table("questions", "Questions and their answers, as printed in the releases"),
    _build_part_table("images", "Images shown in releases; the files are with the agency"),
    _build_part_table(
        "attachments",
        "Files that releases link to; those that were fetched are in attachment_versions",
    ),
    _build_part_table("contacts", "Contacts that releases give for questions"),
    DatasetTable(
        name="attachment_versions",
        title=(
            "Files that were found at the URLs that these releases link to, or have linked to,"
            " and when"
        ),
        columns=(
            Column(
                name="release",
                kind=INTEGER,
                sql="c.release",
                meaning="The release that links, or has linked, to it",
            ),
            *(
                Column(name=name, kind=kind, sql=f"v.{name}")
                for kind, names in (
                    (INTEGER, "id previous"),
                    (TEXT, "url"),
                    (INTEGER, "file"),
                    (TEXT, "cause"),
                    (MOMENT, "first_seen last_seen"),
                    (INTEGER, "checks"),
                    (IMPORTANCE, "importance"),
                    (TEXT, "summary summary_en"),
                    (JSON_LIST, "changes"),
                    (MOMENT, "missing_since missing_until"),
                    (INTEGER, "missing_checks"),
                )
                for name in names.split()
            ),
        ),
        source=f"{FROM_VERSIONS_SQL} order by c.release, v.id",
        metadata_table="attachment_versions",
        key=("release", "id"),
        foreign_keys=(("release", "releases", "id"), ("file", "attachment_files", "id")),
    ),
    DatasetTable(
        name="attachment_files",
        title="Each of these files once: hash, type, size, and what is known of its text",
        columns=(
            *build_columns(INTEGER, "id"),
            *build_columns(TEXT, "sha256"),
            *build_columns(INTEGER, "bytes"),
            *build_columns(TEXT, "media_type kind"),
            *build_columns(INTEGER, "pages letters"),
            *build_columns(TEXT, "problem detail"),
            *build_columns(MOMENT, "extracted"),
        ),
        source=(
            f"from attachment_files x where x.id in (select v.file {FROM_VERSIONS_SQL}) order by"
            f" x.id"
        ),
        metadata_table="attachment_files",
        key=("id",),
        foreign_keys=(),
    ),
    DatasetTable(
        name="attachment_pages",
        title="The text of these files, page by page",
        columns=(
            *build_columns(INTEGER, "file page"),
            *build_columns(TEXT, "name text"),
            *build_columns(INTEGER, "letters"),
            *build_columns(TEXT, "problem"),
        ),
        source=(
            f"from attachment_pages x where x.file in (select v.file {FROM_VERSIONS_SQL})"
            f" order by x.file, x.page"
        ),
        metadata_table="attachment_pages",
        key=("file", "page"),
        foreign_keys=(("file", "attachment_files", "id"),),
    ),
    DatasetTable(
        name="people",
        title="People who are quoted in these releases, one for each name and agency",
        columns=build_columns(TEXT, "slug name agency"),
        source="from people x where x.id in (select q.person from temp.chosen c cross join quotes q"
        " on q.release = c.release) order by x.slug",
        metadata_table="people",
        key=("slug",),
        foreign_keys=(("agency", "agencies", "slug"),),
    ),
    DatasetTable(
        name="quotes",
        title="Quotations with their speakers, found by rules in each version of these releases",
        columns=(
            *build_columns(INTEGER, "release revision position"),
            Column(
                name="person",
                sql="(select slug from people where id = x.person)",
                meaning=(
                    "Slug of the speaker in `people`; null if the release prints no name for them"
                ),
            ),
            *build_columns(TEXT, "speaker role organisation text field"),
            *build_columns(JSON_LIST, "spans"),
            *build_columns(TEXT, "kind origin"),
        ),
        source=(
            f"{FROM_SELECTION_SQL} quotes x on x.release = c.release order by c.release,"
            f" x.revision, x.position"
        ),
        metadata_table="quotes",
        key=("revision", "position"),
        foreign_keys=(
            ("release", "releases", "id"),
            ("revision", "revisions", "id"),
            ("person", "people", "slug"),
        ),
    ),
    DatasetTable(
        name="document_references",
        title="Bills, statutes and reports that each version of these releases refers to",
        columns=(
            *build_columns(INTEGER, "id release revision"),
            *build_columns(TEXT, "type number field"),
            *build_columns(INTEGER, "part position"),
            *build_columns(TEXT, "text"),
        ),
        source=(
            f"{FROM_SELECTION_SQL} document_references x on x.release = c.release"
            f" order by c.release, x.revision, x.id"
        ),
        metadata_table="document_references",
        key=("id",),
        foreign_keys=(("release", "releases", "id"), ("revision", "revisions", "id")),
    ),
    DatasetTable(
        name="revisions",
        title="Every version of these releases, including the first",
        columns=(
            *build_columns(INTEGER, "id release previous reverts_to"),
            *build_columns(MOMENT, "seen last_seen"),
            *build_columns(INTEGER, "checks"),
            *build_columns(TEXT, "cause"),
            *build_columns(INTEGER, "update_date_changed"),
            Column(name="importance", kind=IMPORTANCE),
            *build_columns(TEXT, "summary summary_en"),
            *build_columns(JSON_LIST, "changes"),
            *TEXT_COLUMNS,
            *DATE_COLUMNS,
            *build_columns(TEXT, "language"),
            *build_columns(JSON_LIST, " ".join(LIST_FIELDS)),
            *build_columns(TEXT, "parser_version hash"),
            Column(
                name="page_sha256",
                sql="(select sha256 from captures where id = x.capture)",
                meaning="SHA-256 (hex) of the page that this version was read from; null if its"
                " bytes are not stored."
                " They are in /-/evidence/<id>.zip",
            ),
            Column(name="takedown", kind=INTEGER),
        ),
        source=(
            f"{FROM_SELECTION_SQL} revisions x on x.release = c.release order by c.release, x.id"
        ),
        metadata_table="revisions",
        key=("id",),
    ),
    DatasetTable(
        name="observations",
        title="Which other collections had which of these versions, and when",
        columns=(
            *build_columns(INTEGER, "id revision"),
            Column(
                name="collection",
                kind=TEXT,
                sql="(select name from observers where id = x.observer)",
                meaning="The name of the collection",
            ),
            *build_columns(TEXT, "seen"),
        ),
        source=(
            f"{FROM_SELECTION_SQL} revisions v on v.release = c.release"
            " join observations x on x.revision = v.id order by c.release, x.id"
        ),
        metadata_table="observations",
        key=("id",),
        foreign_keys=(("revision", "revisions", "id"),),
    ),
    DatasetTable(
        name="time_stamps",
        title="The archive's manifests that an authority has stamped (RFC 3161)",
        columns=(
            *build_columns(INTEGER, "id"),
            *build_columns(TEXT, "manifest"),
            Column(
                name="digest",
                kind=TEXT,
                sql="(select digest from manifests where day = x.manifest)",
                meaning="SHA-256 (hex) of the manifest's text",
            ),
            *build_columns(TEXT, "authority"),
            *build_columns(MOMENT, "stamped"),
            *build_columns(TEXT, "response"),
        ),
        source="from time_stamps x order by id",
        metadata_table="time_stamps",
        key=("id",),
        foreign_keys=(),
    ),
    DatasetTable(
        name="removals",
        title="Each time one of these releases was missing at its URL",
        columns=(
            *build_columns(INTEGER, "id release"),
            *build_columns(TEXT, "kind target"),
            *build_columns(MOMENT, "first_seen last_seen confirmed ended"),
            *build_columns(INTEGER, "checks status moved_to"),
        ),
        source=f"{FROM_SELECTION_SQL} removals x on x.release = c.release order by c.release, x.id",
        metadata_table="removals",
        key=("id",),
    ),
    DatasetTable(
        name="near_duplicates",
        title="Pairs of these releases with the same or nearly the same text",
        columns=(*build_columns(INTEGER, "release other"), *build_columns(SHARE, "similarity")),
        # with `+`, SQLite does not look up each pair of all releases
        source=f"{FROM_SELECTION_SQL} near_duplicates x on x.release = c.release"
        " where +x.other in (select release from temp.chosen) order by c.release, x.other",
        metadata_table="near_duplicates",
        key=("release", "other"),
        foreign_keys=(("release", "releases", "id"), ("other", "releases", "id")),
    ),
)
REQUIRED_TABLES = ("releases", "agencies")
OPTIONAL_TABLES = tuple(table.name for table in DATASET_TABLES if table.name not in REQUIRED_TABLES)

CODEBOOK_TABLE = DatasetTable(
    name="codebook",
    title="Every column of every table: type, unit, meaning, and how often it is filled",
    columns=(
        Column(name="table", meaning="The table"),
        Column(name="column", meaning="The column"),
        Column(name="type", meaning="Its type in Frictionless Table Schema"),
        Column(name="unit", meaning="Its unit or format; null if it has none"),
        Column(name="meaning", meaning="What it means"),
        Column(name="rows", kind=INTEGER, meaning="Rows of the table"),
        Column(name="filled", kind=INTEGER, meaning="Rows in which it is not null"),
        Column(
            name="share", kind=SHARE, meaning="The same as a share; null in a table without rows"
        ),
    ),
    key=("table", "column"),
    foreign_keys=(),
)


def build_codebook_rows(
    table: DatasetTable, meanings: Sequence[str], stats: TableStats
) -> list[tuple[Any, ...]]:
    """Return the codebook rows that describe a table, one for each column.

    meanings: descriptions of the columns, in order.
    """
    rows: list[tuple[Any, ...]] = []
    for column, meaning in zip(table.columns, meanings, strict=True):
        filled = stats.filled[column.name]
        share = round(filled / stats.rows, 4) if stats.rows else None
        rows.append(
            (
                table.name,
                column.name,
                column.kind.type,
                column.kind.unit,
                meaning,
                stats.rows,
                filled,
                share,
            )
        )
    return rows


# The coverage table.
SCALAR_FIELDS = ("published", "updated", "kind", "lead", "language")
LIST_FIELD_TABLES = {  # field → its table, if the names differ
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
      count(iif(length(r.published) > 10, 1, null)) as published_moment,
        sum(octet_length(r.body) > 0) as body,
      {LIST_COUNTS_SQL},
      count(r.removed_at) as removed, sum(exists (select 1 from revisions v
        where v.release = c.release
        and v.is_edit)) as edited, count(r.takedown) as redacted
    from temp.chosen c cross join releases r on r.id = c.release group by 1, 2
"""
ARCHIVE_COVERAGE_SQL = (
    "select agency, substr(sort_day, 1, 4) as year, count(*) as in_archive from release_facets"
    " where agency in (select agency from temp.chosen) group by 1, 2",
    "select agency, substr(published, 1, 4) as year, count(*) as hidden from releases"
    " where takedown = 'hidden' and agency in (select agency from temp.chosen) group by 1, 2",
    "select agency, substr(month, 1, 4) as year, sum(listed) as"
    " source_listed, sum(stored) as source_stored, sum(rejected) as source_rejected,"
    " sum(missing) as source_missing, sum(unlisted) as source_unlisted,"
    " min(complete) as source_complete, max(checked) as source_checked from coverage"
    " where source is null and agency in (select agency from temp.chosen) group by 1, 2",
)
COUNT_MEANINGS = {
    "releases": "Releases in the dataset",
    "in_archive": (
        "Releases that the archive shows for that agency and year, whether selected or not"
    ),
    "hidden": "Releases of that agency and year that a takedown hides; they are in no dataset",
    "removed": "Releases in the dataset that the agency has removed",
    "edited": "Releases in the dataset that the agency has edited, as far as the archive saw it",
    "redacted": "Releases in the dataset with a redacted passage",
}
SOURCE_MEANINGS = {
    "source_listed": "URLs that the agency's own feeds, sitemaps, listings and archive pages"
    " listed when `scrapy crawl audit` last read them"
    " to their end, whether"
    " selected or not; null: never audited, or none of that year",
    "source_stored": "Of these, how many the archive had stored then",
    "source_rejected": "Of these, how many were fetched but were not releases",
    "source_missing": (
        "Of these, how many were missing; the archive's table missing_releases lists them"
    ),
    "source_unlisted": "Stored releases that no source listed any more although they are not"
    " known to be removed: a"
    " lower bound; null if it is unknown",
    "source_complete": "1 if every source was read to its end, 0 if one may list more",
}


def _build_share_column(name: str) -> Column:
    if name in LIST_FIELD_TABLES:
        meaning = f"Share of the dataset's releases that have {name}"
    elif name == "published_moment":
        meaning = "Share of the dataset's releases whose `published` is stated to the minute"
    else:
        meaning = f"Share of the dataset's releases whose `{name}` is stated"
    return Column(name=f"share_{name}", kind=SHARE, meaning=meaning)


COVERAGE_TABLE = DatasetTable(
    name="coverage",
    title=(
        "Stored releases per agency and year, how often each field is stated, and what is missing"
    ),
    columns=(
        Column(name="agency", meaning="Slug of the agency"),
        Column(
            name="year",
            meaning="Year of publication as the agency states it; null if it states no day (for"
            " URLs that are not stored: if no source dates them)",
        ),
        *(
            Column(name=name, kind=INTEGER, meaning=meaning)
            for name, meaning in COUNT_MEANINGS.items()
        ),
        *map(_build_share_column, SHARE_FIELDS),
        *(
            Column(name=name, kind=INTEGER, meaning=meaning)
            for name, meaning in SOURCE_MEANINGS.items()
        ),
        Column(
            name="source_checked",
            kind=MOMENT,
            meaning="When the sources were last read to their end",
        ),
    ),
    foreign_keys=(("agency", "agencies", "slug"),),
)


def read_coverage_rows(db: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of the coverage table: one per agency and year, sorted by agency and year.

    A year is included if the selection, the archive or the sources contain releases from it. An
    agency's row without a year comes after its other rows.
    """
    rows_by_key: dict[tuple[str, str | None], dict[str, Any]] = {}
    for sql in (SELECTION_COVERAGE_SQL, *ARCHIVE_COVERAGE_SQL):
        cursor = db.execute(sql)
        names = [name for name, *_ in cursor.description]
        for row in cursor:
            counts = dict(zip(names, row, strict=True))
            rows_by_key.setdefault((counts["agency"], counts["year"]), {}).update(counts)
    for _, counts in sorted(
        rows_by_key.items(), key=lambda item: (item[0][0], item[0][1] or "none")
    ):
        number = counts.get("releases", 0)
        shares = {
            f"share_{name}": round(counts[name] / number, 4) if number else None
            for name in SHARE_FIELDS
        }
        values = {**dict.fromkeys(COUNT_MEANINGS, 0), **counts, **shares}
        yield tuple(values.get(column.name) for column in COVERAGE_TABLE.columns)


def write_dataset_table(
    folder: Path,
    table: DatasetTable,
    rows: Iterable[Sequence[Any]],
    *,
    meanings: Sequence[str],
    formats: Sequence[str],
) -> TableStats:
    """Write the rows of a table in each format, and return the number of rows and, for each column,
    the number of values that are not null.

    Raises ArchiveError if a time cannot be parsed.

    meanings: descriptions of the columns, written to Parquet files as field metadata.
    """
    stats = TableStats(filled={column.name: 0 for column in table.columns})
    with ExitStack() as stack:
        writers: list[_CsvColumns | _ParquetColumns] = []
        if "csv" in formats:
            out = stack.enter_context(
                (folder / f"{table.name}.csv").open("w", encoding="utf-8", newline="")
            )
            writers.append(_CsvColumns(out, table))
        if "parquet" in formats:
            parquet = _ParquetColumns(folder, table, meanings)
            stack.enter_context(parquet.writer)
            writers.append(parquet)
        for group in _split_row_groups(rows):
            columns = []
            for column, values in zip(table.columns, zip(*group, strict=True), strict=True):
                parsed = _parse_column(folder, table, column, values)
                columns.append((values, parsed))
                stats.count_values(column.name, parsed)
            stats.rows += len(group)
            for writer in writers:
                writer.write(columns)
    return stats


_ColumnValues = tuple[Sequence[Any], Sequence[Any]]  # as stored, and parsed


class _CsvColumns:
    def __init__(self, out: TextIO, table: DatasetTable) -> None:
        self.columns = table.columns
        self.writer = csv.writer(out, lineterminator=CSV_LINE_END)
        self.writer.writerow(column.name for column in table.columns)

    def write(self, columns: Sequence[_ColumnValues]) -> None:
        texts = [
            values if column.kind.keep_text else [format_date(value) for value in parsed]
            for column, (values, parsed) in zip(self.columns, columns, strict=True)
        ]
        self.writer.writerows(zip(*texts, strict=True))


class _ParquetColumns:
    def __init__(self, folder: Path, table: DatasetTable, meanings: Sequence[str]) -> None:
        self.arrow = import_pyarrow(folder)
        self.schema = _build_parquet_schema(self.arrow, table, meanings)
        self.writer = self.arrow.parquet.ParquetWriter(
            folder / f"{table.name}.parquet", self.schema, compression="zstd"
        )

    def write(self, columns: Sequence[_ColumnValues]) -> None:
        arrays = [
            self.arrow.array(parsed, type=each.type)
            for (_, parsed), each in zip(columns, self.schema, strict=True)
        ]
        self.writer.write_batch(self.arrow.record_batch(arrays, schema=self.schema))


def format_date(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _parse_column(
    folder: Path, table: DatasetTable, column: Column, values: Sequence[Any]
) -> Sequence[Any]:
    """Convert values to the type of their column. Raises ArchiveError if a time cannot be
    parsed.
    """
    parse = column.kind.parse
    if parse is None:
        return values
    try:
        return [None if value is None else parse(value) for value in values]
    except ValueError as error:
        problem = f"the archive contains an invalid time: {error}"
        raise ArchiveError(folder, problem, table=table.name, key=column.name) from error


def _split_row_groups(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    """Divide rows into groups that fit in memory, and yield the groups. The same rows always form
    the same groups.
    """
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


def _build_parquet_schema(arrow: Any, table: DatasetTable, meanings: Sequence[str]) -> Any:
    types = {
        "string": arrow.string(),
        "integer": arrow.int64(),
        "number": arrow.float64(),
        "datetime": arrow.timestamp("ms", "UTC"),
        "date": arrow.date32(),
    }
    return arrow.schema(
        arrow.field(column.name, types[column.kind.type], metadata={"description": meaning})
        for column, meaning in zip(table.columns, meanings, strict=True)
    )


def import_pyarrow(folder: Path) -> Any:
    """Return the optional module pyarrow. Raises ArchiveError if it is not installed."""
    try:
        importlib.import_module("pyarrow.parquet")
        return importlib.import_module("pyarrow")
    except ImportError as error:
        problem = (
            "Parquet needs pyarrow: pip install -c constraints.txt -e '.[datasets]' in the"
            " clone, or choose --only csv"
        )
        raise ArchiveError(folder, problem) from error
