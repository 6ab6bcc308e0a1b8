"""Datasets: frozen parts of the archive for research, each in a folder that can be cited and
checked.

The releases are selected by a search, or by the ids that a SELECT returns. Everything is read in
one transaction, so a crawl may run at the same time. If the archive, the selection, and the
versions of this software and of pyarrow are the same, every file under data/ has the same bytes.
Releases hidden by a takedown are left out. Redacted passages are written as the archive shows them.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from datasette.utils import MultiParams

from archive.database.captures import compute_file_sha256
from archive.database.schema import read_metadata
from archive.database.sqlite_files import (
    ArchiveError,
    ProgressCallback,
    build_connection_runner,
    sqlite_errors,
    unfinished_folder,
)
from archive.evidence.manifest import find_newest_manifest
from archive.evidence.verification import open_archive
from archive.i18n import translate
from archive.publish.citations import escape_latex, format_bibtex_entry
from archive.publish.dataset_files import (
    CODEBOOK_TABLE,
    COVERAGE_TABLE,
    CSV_LINE_END,
    DATASET_FORMATS,
    DATASET_TABLES,
    Column,
    DatasetTable,
    TableStats,
    build_codebook_rows,
    import_pyarrow,
    read_coverage_rows,
    write_dataset_table,
)
from archive.search.matching_releases import list_matching
from archive.search.query_language import DATE_FIELDS
from archive.search.search_request import (
    EXCLUDE_SUFFIX,
    FACETS,
    SearchRequest,
    parse_search_request,
)

READ_ACTIONS = (
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
)
SQL_START = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)
LIMITING_PARAMETERS = ("q", *FACETS, *DATE_FIELDS)
SEARCH_URL = re.compile(
    rf"(?:https?://[^\s?]+|/search(?"
    rf":\.\w+)?)?\?(?:\S+&)?(?"
    rf":{'|'.join(LIMITING_PARAMETERS)})(?"
    rf":{EXCLUDE_SUFFIX})?=.*",
    re.DOTALL,
)
URL_START = re.compile(r"\s*(?:https?://|/)\S")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSelection:
    """A query, and the number of releases that it selects."""

    query: str
    kind: str  # `search` or `sql`
    notes: Sequence[str]  # sentences on how the query was interpreted
    releases: int  # number of releases, without hidden ones
    # number of releases that a SELECT returned but a takedown hides; they are left out
    hidden_releases: int


ArchiveState = dict[str, Any]  # counts and times (UTC) for comparing two copies of an archive


def _select_releases(
    db: sqlite3.Connection,
    archive_path: Path,
    selection_text: str,
    selection_kind: str | None = None,
) -> DatasetSelection:
    """Fill temp.chosen with the selected releases.

    Raises ArchiveError if a SELECT cannot be run, if its result has no column with release ids, or
    if a URL does not lead to a search page.
    """
    text = selection_text.strip()
    if selection_kind is None and URL_START.match(text) and not SEARCH_URL.fullmatch(text):
        parameters = ", ".join(f"{name}=" for name in LIMITING_PARAMETERS)
        problem = (
            f"{text!r} is not a URL of the search page with any of {parameters} (use --search"
            f" for words)"
        )
        raise ArchiveError(archive_path, problem)
    selection_kind = selection_kind or ("sql" if SQL_START.match(selection_text) else "search")
    db.execute("create temp table chosen (release integer primary key, agency text, year text)")
    notes: Sequence[str] = ()
    if selection_kind == "sql":
        _select_by_sql(db, archive_path, selection_text)
    else:
        notes = _select_by_search(db, text)
    hidden = db.execute(
        "delete from temp.chosen where"
        " release in (select id from releases where takedown = 'hidden')"
    ).rowcount
    db.execute("""
        update temp.chosen set (agency, year) = (
          select r.agency, substr(iif(l.release is null, r.published, l.sort_day), 1, 4)
          from releases r left join release_facets l on l.release = r.id
          where r.id = chosen.release)
        """)
    (releases,) = db.execute("select count(*) from temp.chosen").fetchone()
    return DatasetSelection(
        query=selection_text,
        kind=selection_kind,
        notes=notes,
        releases=releases,
        hidden_releases=hidden,
    )


def _select_by_search(db: sqlite3.Connection, selection_text: str) -> Sequence[str]:
    """Select all results of a search. Returns notes on how the search was understood.

    selection_text: a query, or the URL of a search page.
    """
    is_url = SEARCH_URL.fullmatch(selection_text)
    request = (
        parse_search_request(MultiParams(parse_qs(urlsplit(selection_text).query)))
        if is_url
        else SearchRequest(text=selection_text)
    )
    releases, notes = list_matching(build_connection_runner(db), request)
    db.executemany("insert into temp.chosen (release) values (?)", ((key,) for key in releases))
    # as the search page shows them, in English
    return [translate("en", f"search.note.{note.key}", words=note.value) for note in notes]


def _select_by_sql(db: sqlite3.Connection, archive_path: Path, sql: str) -> None:
    """Select the releases whose ids a SELECT returns.

    The ids are in the column `release` of the result or, if there is no such column, in `id`.
    """
    with _allow_only_reads(db):
        try:
            column, release_ids = _fetch_release_ids(db.execute(sql), archive_path)
        except (sqlite3.Error, sqlite3.Warning) as error:
            reason = "it must be a SELECT" if "not authorized" in str(error) else str(error)
            raise ArchiveError(
                archive_path, f"the SQL cannot be run: {reason} (use --search for a search)"
            ) from error
    db.executemany(
        "insert or ignore into temp.chosen (release) values (?)", ((each,) for each in release_ids)
    )
    unknown_sql = "from temp.chosen where release not in (select id from releases)"
    count, first = db.execute(f"select count(*), min(release) {unknown_sql}").fetchone()
    if count:
        problem = f"the SELECT's column {column} has {count} numbers that are not ids of releases"
        raise ArchiveError(archive_path, problem, table="releases", key=str(first))


def _fetch_release_ids(cursor: sqlite3.Cursor, archive_path: Path) -> tuple[str, array[int]]:
    """Return the name of the result column that contains the release ids, and the ids.

    Raises ArchiveError if there is no such column, or if a value in it is not an integer.
    """
    columns = [name for name, *_ in cursor.description or ()]
    # columns of a SELECT with release ids; the first one that exists is used
    column = next((name for name in ("release", "id") if name in columns), None)
    if column is None:
        names = ", ".join(columns) or "none"
        raise ArchiveError(
            archive_path, f"the SELECT returns no column release or id; its columns: {names}"
        )
    key, release_ids = columns.index(column), array("q")
    for row in cursor:
        if not isinstance(row[key], int):
            problem = f"the SELECT returns {row[key]!r}, which is not the id of a release"
            raise ArchiveError(archive_path, problem)
        release_ids.append(row[key])
    return column, release_ids


@contextmanager
def _allow_only_reads(db: sqlite3.Connection) -> Iterator[None]:
    """Allow only SELECTs within the `with` block. In addition, the file is opened read-only."""

    def authorise(action: int, argument: str | None, *_: str | None) -> int:
        # FTS5 reads it
        is_fts_pragma = action == sqlite3.SQLITE_PRAGMA and argument == "data_version"
        return sqlite3.SQLITE_OK if action in READ_ACTIONS or is_fts_pragma else sqlite3.SQLITE_DENY

    db.set_authorizer(authorise)
    try:
        yield
    finally:
        db.set_authorizer(None)


def _read_archive_state(db: sqlite3.Connection) -> ArchiveState:
    """Return counts and times that identify the state of the archive in the open transaction."""
    queries = {
        "releases": "select count(*) from releases",  # including hidden and moved ones
        "newest_revision": "select max(id) from revisions",
        "newest_revision_seen": "select seen from revisions order by id desc limit 1",
        "newest_change": "select max(id) from changefeed",  # unique to this state
        "newest_change_at": "select at from changefeed order by id desc limit 1",
        "newest_takedown": "select max(id) from takedowns",  # later ones are not applied
        "last_crawl_finished": "select max(finished) from crawls",
    }
    manifest = find_newest_manifest(db)
    return {
        **{name: (db.execute(sql).fetchone() or (None,))[0] for name, sql in queries.items()},
        "manifest_day": manifest.day if manifest else None,
        "manifest_digest": manifest.digest if manifest else None,
        "schema": db.execute(
            "select name from _sqlite_migrations order by id desc limit 1"
        ).fetchone()[0],
        "software": f"myndighetsarkivet {version('myndighetsarkivet')}",
    }


DATA_FOLDER = "data"
DATASET_AUTHOR = "Myndighetsarkivet"
MAX_TITLE_QUERY_LENGTH = 200  # characters of the query in a title
FORMAT_MEDIA_TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
TIMES_SECTION = """## Times

`published` and `updated` are as the agency states them: a moment with its offset, a day, or a \
month (ISO 8601), and
empty if the page states none. The columns beside them are `_precision` (moment, day or month), \
`_day` (the day by the
agency's own clock; empty for a month), `_at` (the moment in UTC; empty for a day or a month) and \
`_text` (the words
that the time was read from). Do not count a day as its midnight. The archive's own times \
(`seen`, `first_seen`,
`removed_at` …) are UTC: timestamps in Parquet, ISO 8601 in CSV.
"""
CSV_SECTION = """## CSV

RFC 4180: UTF-8, commas, lines that end with CR LF, fields in quotes if they need it; texts \
contain line breaks of
their own. An empty field is null; only `body` and `body_html` may be empty without being null. \
Texts are as the
agencies wrote them, even if they begin with `=`, `+`, `-` or `@`. A spreadsheet may take such a \
cell for a formula
and run it: import CSV files with every column as text, or use the Parquet files, which have \
types. Cells that
begin with such a character: {formulas}.
"""
OMISSIONS_SECTION = """## What is not included

- Releases that the archive hides (because of a court order or personal data) are in no dataset; \
`coverage` counts
  them. Redacted passages are replaced with `█████`. The reasons are listed at <{log}>.{hidden}
- Lists and searches leave out releases that continued as another release at a new URL.
- The files behind `images` are with the agencies. The original bytes of pages and of fetched \
attachments are in the
  archive; the texts of attachments are in `attachment_pages`.
- Releases that the archive never read: see the columns `source_…` of `coverage`.{omitted}
"""
CHECK_SECTION = """## Check it

```sh
sha256sum --check SHA256SUMS
grep '  data/' SHA256SUMS | sha256sum     # the fingerprint in the citation
```

The same archive in the same state gives the same files under `data/`, with the same version of \
its software and
of pyarrow. Contacts and texts name persons: if you keep or share this dataset, you are \
responsible for that under
data protection law.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A dataset, with the facts that identify it in citations."""

    selection: DatasetSelection
    archive_state: ArchiveState
    fingerprint: str  # SHA-256 of the checksum lines of the data files; "" if there are no releases
    site: str | None = None  # the archive's URL

    @property
    def day(self) -> str:
        """Return the date of the archive's last change, for citations.

        Returns "" if the archive was never changed.
        """
        return (self.archive_state["newest_change_at"] or "")[:10]

    @property
    def version(self) -> str:
        return f"change {self.archive_state['newest_change']}"

    @property
    def name(self) -> str:
        return f"myndighetsarkivet-{self.fingerprint[:12]}"

    @property
    def size(self) -> str:
        return f"{self.selection.releases} release{'' if self.selection.releases == 1 else 's'}"

    @property
    def title(self) -> str:
        query = " ".join(self.selection.query.split())
        shortened = (
            query if len(query) <= MAX_TITLE_QUERY_LENGTH else query[:MAX_TITLE_QUERY_LENGTH] + "…"
        )
        contents = f"releases found by “{shortened}”" if shortened else "all releases"
        return f"Dataset of Myndighetsarkivet: {contents}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetResource:
    table: DatasetTable
    meanings: Sequence[str]  # descriptions of its columns
    stats: TableStats
    files: Mapping[str, tuple[int, str]]  # path → size in bytes and SHA-256


def write_dataset(
    archive_path: Path,
    selection_text: str,
    target: Path,
    *,
    selection_kind: str | None = None,
    formats: Sequence[str] = DATASET_FORMATS,
    excluded_tables: Sequence[str] = (),
    site: str | None = None,
    progress: ProgressCallback = lambda *_: None,
) -> Dataset:
    """Write the selected releases to a new folder. If no release is selected, write nothing.

    Raises ArchiveError, and leaves no folder, if the archive cannot be read, the selection is not
    valid, or the folder cannot be written.

    selection_kind: `search` or `sql`. By default, a text that begins with SELECT or WITH is SQL,
        and any other text is a search.
    """
    if target.exists():
        raise ArchiveError(target, "exists already; a dataset needs a new folder")
    if "parquet" in formats:
        import_pyarrow(target)
    with sqlite_errors(archive_path, "cannot be read"), closing(open_archive(archive_path)) as db:
        # invalid UTF-8 is an error, because it could not be written unchanged
        db.text_factory = str
        # everything is read from one state of the archive, even while a crawl writes
        db.execute("begin")
        selection = _select_releases(db, archive_path, selection_text, selection_kind)
        dataset = Dataset(
            selection=selection, archive_state=_read_archive_state(db), fingerprint="", site=site
        )
        if not selection.releases:
            return dataset
        with unfinished_folder(target) as folder:
            resources = _write_tables(db, folder, formats, excluded_tables, progress)
            files = {path: sha256 for each in resources for path, (_, sha256) in each.files.items()}
            checksums = format_checksums(files)
            dataset = replace(dataset, fingerprint=hashlib.sha256(checksums.encode()).hexdigest())
            _write_documentation(folder, dataset, resources, excluded_tables, checksums)
            folder.rename(target)
    return dataset


def _write_tables(
    db: sqlite3.Connection,
    folder: Path,
    formats: Sequence[str],
    excluded_tables: Sequence[str],
    progress: ProgressCallback,
) -> list[DatasetResource]:
    """Write the data files. The codebook is written last, because it describes all other tables."""
    (folder / DATA_FOLDER).mkdir()
    tables_metadata = read_metadata()["databases"]["archive"]["tables"]
    resources: list[DatasetResource] = []

    def add(table: DatasetTable, rows: Iterable[Sequence[Any]]) -> None:
        described = tables_metadata.get(table.metadata_table, {})
        meanings = [column.meaning or described["columns"][column.name] for column in table.columns]
        stats = write_dataset_table(
            folder / DATA_FOLDER, table, rows, meanings=meanings, formats=formats
        )
        paths = [f"{DATA_FOLDER}/{table.name}.{file_format}" for file_format in formats]
        files = {
            path: ((folder / path).stat().st_size, compute_file_sha256(folder / path))
            for path in paths
        }
        resources.append(DatasetResource(table=table, meanings=meanings, stats=stats, files=files))

    tables = [table for table in DATASET_TABLES if table.name not in excluded_tables]
    for number, table in enumerate(tables, 1):
        add(table, db.execute(table.sql))
        progress("tables", number, len(tables))
    add(COVERAGE_TABLE, read_coverage_rows(db))
    add(
        CODEBOOK_TABLE,
        [
            row
            for each in resources
            for row in build_codebook_rows(each.table, each.meanings, each.stats)
        ],
    )
    return resources


def _write_documentation(
    folder: Path,
    dataset: Dataset,
    resources: Sequence[DatasetResource],
    excluded_tables: Sequence[str],
    data_checksums: str,
) -> None:
    """Write the README, datapackage.json, the citation files and SHA256SUMS."""
    texts = {
        "README.md": _format_readme(dataset, resources, excluded_tables),
        "datapackage.json": _format_datapackage(dataset, resources, excluded_tables),
        "CITATION.cff": _format_citation_cff(dataset),
        "citation.bib": _format_dataset_bibtex(dataset),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    checksums = data_checksums + format_checksums(
        {name: compute_file_sha256(folder / name) for name in texts}
    )
    (folder / "SHA256SUMS").write_text(checksums, encoding="utf-8", newline="\n")


def format_checksums(files: Mapping[str, str]) -> str:
    """Format hashes in the style of `sha256sum`.

    files: a map from paths to hashes.
    """
    return "".join(f"{files[path]}  {path}\n" for path in sorted(files))


def _format_datapackage(
    dataset: Dataset, resources: Sequence[DatasetResource], excluded_tables: Sequence[str]
) -> str:
    """Format datapackage.json (Frictionless Data Package).

    The file leaves out the time and place of the export, so that identical data result in identical
    files.
    """
    metadata = read_metadata()
    table_names = {each.table.name for each in resources}
    package = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": dataset.name,
        "title": dataset.title,
        "description": metadata["description"],
        "version": dataset.version,
        **({"homepage": dataset.site} if dataset.site else {}),
        "sources": [{"title": metadata["source"]}],
        "rights": metadata["license"],
        "citation": format_dataset_citation(dataset),
        "fingerprint": f"sha256:{dataset.fingerprint}",
        "question": {
            "text": dataset.selection.query,
            "how": dataset.selection.kind,
            "notes": dataset.selection.notes,
            "found": dataset.selection.releases,
            "hidden": dataset.selection.hidden_releases,
        },
        "archive": dataset.archive_state,
        "leftOut": list(excluded_tables),
        "resources": [_describe_resource(each, table_names) for each in resources],
    }
    return json.dumps(package, ensure_ascii=False, indent=1) + "\n"


def _describe_resource(resource: DatasetResource, table_names: Collection[str]) -> dict[str, Any]:
    """Describe a table by its first file (CSV if it exists), with files in other formats as
    alternates.
    """
    table = resource.table
    first, *others = resource.files
    foreign_keys = [
        {"fields": [column], "reference": {"resource": target, "fields": [key]}}
        for column, target, key in table.foreign_keys
        if target in table_names
    ]
    schema: dict[str, Any] = {
        "fields": [
            _describe_column(*each) for each in zip(table.columns, resource.meanings, strict=True)
        ],
        **({"primaryKey": list(table.key)} if table.key else {}),
        **({"foreignKeys": foreign_keys} if foreign_keys else {}),
    }
    return {
        "name": table.name,
        "title": table.title,
        **_describe_resource_file(resource, first),
        "rows": resource.stats.rows,
        "cellsThatLookLikeFormulas": resource.stats.formulas,
        "schema": schema,
        "alternates": [_describe_resource_file(resource, path) for path in others],
    }


def _describe_resource_file(resource: DatasetResource, path: str) -> dict[str, Any]:
    file_format = path.rpartition(".")[2]
    size, sha256 = resource.files[path]
    return {
        "path": path,
        "format": file_format,
        "mediatype": FORMAT_MEDIA_TYPES[file_format],
        **(
            {"encoding": "utf-8", "dialect": {"lineTerminator": CSV_LINE_END}}
            if file_format == "csv"
            else {}
        ),
        "bytes": size,
        "hash": f"sha256:{sha256}",
    }


def _describe_column(column: Column, meaning: str) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.kind.type,
        **({"format": "any"} if column.kind.type == "datetime" else {}),  # "any" allows an offset
        "description": meaning,
        **({"unit": column.kind.unit} if column.kind.unit else {}),
    }


def _format_readme(
    dataset: Dataset, resources: Sequence[DatasetResource], excluded_tables: Sequence[str]
) -> str:
    site = dataset.site or ""
    hidden_releases = dataset.selection.hidden_releases
    formulas = [
        f"{each.table.name} {each.stats.formulas}" for each in resources if each.stats.formulas
    ]
    hidden = f" The query selected {hidden_releases} of them." if hidden_releases else ""
    omitted = (
        f"\n- Tables left out of this dataset: {', '.join(excluded_tables)}."
        if excluded_tables
        else ""
    )
    parts = [
        f"# {dataset.title}\n",
        "\n".join(_iter_selection_lines(dataset, resources)) + "\n",
        "## Files\n",
        "| table | rows | contents | files |\n| --- | ---: | --- | --- |\n"
        + "".join(map(_format_file_row, resources)),
        "Every column is described in"
        " `data/codebook.csv` and in"
        " `datapackage.json`, which also"
        " states how the tables"
        " belong together: `release` is the `id` of `releases`.\n",
        f"The page of a release is <{site}/archive/"
        f"releases/ID>, that of a version"
        f" <{site}/-/revision/ID>.\n",
        TIMES_SECTION,
        CSV_SECTION.format(formulas=", ".join(formulas) or "none"),
        OMISSIONS_SECTION.format(log=f"{site}/-/takedowns", hidden=hidden, omitted=omitted),
        f"## Cite it\n\n{format_dataset_citation(dataset)}"
        f"\n\n```bibtex\n{_format_dataset_bibtex(dataset)}```\n\n"
        "`CITATION.cff` contains the same for reference managers."
        " The texts that you quote are"
        " the agencies': name the"
        " agency and the URL of the release.\n",
        CHECK_SECTION,
    ]
    return "\n".join(parts)


def _iter_selection_lines(dataset: Dataset, resources: Sequence[DatasetResource]) -> Iterator[str]:
    """Yield the lines of the README about the selection and the archive's state."""
    kind = {"search": "A search of the archive", "sql": "A SELECT on the archive"}[
        dataset.selection.kind
    ]
    fence = "`" * (max(3, 1 + dataset.selection.query.count("`")))
    yield (
        f"{kind}:\n\n{fence}\n{dataset.selection.query.strip() or '(all releases in lists)'}"
        f"\n{fence}\n"
    )
    for note in dataset.selection.notes:
        yield f"- Note: {note}"
    state = dataset.archive_state
    yield f"- Releases: {dataset.selection.releases} of the {state['releases']} in the archive"
    yield (
        f"- As of: {state['newest_change_at']}, change"
        f" {state['newest_change']}, revision"
        f" {state['newest_revision']}"
    )
    yield f"- Last crawl ended: {state['last_crawl_finished'] or 'never'}"
    if state["manifest_digest"]:
        yield (
            f"- Newest manifest of the archive: {state['manifest_day']} {state['manifest_digest']}"
        )
    has_parquet = any(path.endswith(".parquet") for path in resources[0].files)
    parquet = f"; pyarrow {version('pyarrow')}" if has_parquet else ""
    yield f"- Created by {state['software']}, schema step {state['schema']}{parquet}"


def _format_file_row(resource: DatasetResource) -> str:
    files = ", ".join(f"`{path}` ({size:,} bytes)" for path, (size, _) in resource.files.items())
    return (
        f"| {resource.table.name} | {resource.stats.rows:,} | {resource.table.title} | {files} |\n"
    )


def format_dataset_citation(dataset: Dataset) -> str:
    """Format a citation of a dataset as an entry in a reference list."""
    state = dataset.archive_state
    site = f" {dataset.site}." if dataset.site else ""
    return (
        f"{DATASET_AUTHOR} ({dataset.day[:4] or 'n.d.'})."
        f" {dataset.title} [data set], {dataset.size} as of"
        f" {state['newest_change_at'] or 'an empty archive'}.{site} SHA-256 {dataset.fingerprint}."
    )


def _format_dataset_bibtex(dataset: Dataset) -> str:
    """Format a citation of a dataset as an @dataset entry (biblatex; BibTeX treats it as @misc)."""
    fields = {
        "author": f"{{{DATASET_AUTHOR}}}",
        "title": f"{{{escape_latex(dataset.title)}}}",
        "year": dataset.day[:4],
        "date": dataset.day,
        "version": dataset.version if dataset.archive_state["newest_change"] else "",
        "url": dataset.site or "",
        "note": f"{dataset.size}. SHA-256 {dataset.fingerprint}",
    }
    return format_bibtex_entry("dataset", dataset.name, fields)


def _format_citation_cff(dataset: Dataset) -> str:
    """Format CITATION.cff (Citation File Format, YAML) for repositories and reference managers."""
    lines = [
        "cff-version: 1.2.0",
        "message: Please cite this data set as below, and each"
        " agency as the source of what you quote.",
        "type: dataset",
        f"title: {_quote_yaml(dataset.title)}",
        "authors:",
        f"  - name: {DATASET_AUTHOR}",
        f"version: {_quote_yaml(dataset.version)}",
        *([f"date-released: {_quote_yaml(dataset.day)}"] if dataset.day else []),
        *([f"url: {_quote_yaml(dataset.site)}"] if dataset.site else []),
        "identifiers:",
        "  - type: other",
        f"    value: {_quote_yaml(f'sha256:{dataset.fingerprint}')}",
        "    description: SHA-256 over the lines of SHA256SUMS that name files under data/",
    ]
    return "\n".join(lines) + "\n"


def _quote_yaml(text: str) -> str:
    r"""Quote a text as a YAML string.

    >>> _quote_yaml('a "b": c')
    '"a \\"b\\": c"'
    """
    return json.dumps(
        "".join(letter if letter.isprintable() else " " for letter in text), ensure_ascii=False
    )
