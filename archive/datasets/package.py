"""Write a dataset's documentation: datapackage.json, README.md and the citation files.

datapackage.json follows Data Package (Frictionless). A citation identifies the data by its fingerprint.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from archive.citations import escape_latex
from archive.datasets.selection import ArchiveState, DatasetSelection
from archive.datasets.tables import COLUMN_KINDS, CSV_LINE_END, Column, DatasetTable, TableStats, find_column_unit

DATASET_AUTHOR = "Myndighetsarkivet"
MAX_TITLE_QUERY_LENGTH = 200  # characters of the query in a title
DATAPACKAGE_PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
FORMAT_MEDIA_TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
TIMES_SECTION = """## Times

What an agency tells stands in `published` and `updated` as the archive holds it: a moment with its offset, a
day, or a month (ISO 8601), and nothing where the page told nothing. Beside each stand `_precision` (moment, day
or month), `_day` (the day by the agency's own clock, unless only a month is told), `_at` (the moment in UTC,
unless only a day or a month is told) and `_text` (the words it was read from). Do not count a day as its
midnight. The archive's own times (`seen`, `first_seen`, `removed_at` …) are UTC: timestamps in Parquet, ISO 8601 in
CSV.
"""
CSV_SECTION = """## CSV

RFC 4180: UTF-8, commas, lines ended by CR LF, fields in quotes where they need it; texts have line breaks of
their own. An empty field is null; only `body` and `body_html` may be empty without being null. Texts stand as
agencies wrote them, be their first sign `=`, `+`, `-` or `@`. A spreadsheet may take such a cell for a formula
and run it: import CSV files with every column as text, or use the Parquet files, which have types. Cells that
begin so, here: {formulas}.
"""
OMISSIONS_SECTION = """## What is not here

- Releases that the archive hides (a court's order, a person's data) are in no dataset; `coverage` counts them.
  What is redacted is marked by `█████`. <{log}> tells why.{hidden}
- Lists leave out releases that went on as another at a new address; a search does so, too.
- The files behind `images` and `attachments` stay with the agencies; the original bytes of pages with the
  archive.
- What the archive never read: see the columns `source_…` of `coverage`.{omitted}
"""
CHECK_SECTION = """## Check it

```sh
sha256sum --check SHA256SUMS
grep '  data/' SHA256SUMS | sha256sum     # the fingerprint in the citation
```

The same archive in the same state gives the same files under `data/`, by the same version of its software and
of pyarrow. Contacts and texts name persons: whoever keeps or passes on this dataset answers for that under data
protection law.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """A dataset as citations identify it.

    fingerprint: SHA-256 over the checksum lines of the data files. site: the archive's URL.
    """

    selection: DatasetSelection
    archive_state: ArchiveState
    fingerprint: str
    site: str | None = None

    @property
    def name(self) -> str:
        """Return a short name, the same for the same data."""
        return f"myndighetsarkivet-{self.fingerprint[:12]}"

    @property
    def size(self) -> str:
        """Return the number of releases in words."""
        return f"{self.selection.releases} release{'' if self.selection.releases == 1 else 's'}"

    @property
    def title(self) -> str:
        """Return a title that quotes the query."""
        query = " ".join(self.selection.query.split())
        shortened = query if len(query) <= MAX_TITLE_QUERY_LENGTH else query[:MAX_TITLE_QUERY_LENGTH] + "…"
        contents = f"releases found by “{shortened}”" if shortened else "all releases"
        return f"Dataset of Myndighetsarkivet: {contents}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetResource:
    """A table as it was written. files: path → size in bytes and SHA-256."""

    table: DatasetTable
    meanings: Sequence[str]
    stats: TableStats
    files: Mapping[str, tuple[int, str]]


def format_datapackage(
    dataset: Dataset, resources: Sequence[DatasetResource], metadata: Mapping[str, Any], excluded_tables: Sequence[str]
) -> str:
    """Format datapackage.json. It has no time or place of the export, so equal data give equal files."""
    package = {
        "$schema": DATAPACKAGE_PROFILE,
        "name": dataset.name,
        "title": dataset.title,
        "description": metadata["description"],
        "version": f"change {dataset.archive_state.newest_change}",
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
        "archive": asdict(dataset.archive_state),
        "leftOut": list(excluded_tables),
        "resources": [describe_resource(each, resources) for each in resources],
    }
    return json.dumps(package, ensure_ascii=False, indent=1) + "\n"


def describe_resource(resource: DatasetResource, resources: Sequence[DatasetResource]) -> dict[str, Any]:
    """Describe a table: its first file, which is CSV if there is one, and the other formats as alternates."""
    first, *others = resource.files
    table_names = {each.table.name for each in resources}
    keys = [
        {"fields": [column], "reference": {"resource": table, "fields": [key]}}
        for column, table, key in resource.table.foreign_keys
        if table in table_names
    ]
    schema: dict[str, Any] = {
        "fields": [
            describe_column(column, meaning)
            for column, meaning in zip(resource.table.columns, resource.meanings, strict=True)
        ],
        **({"primaryKey": list(resource.table.key)} if resource.table.key else {}),
        **({"foreignKeys": keys} if keys else {}),
    }
    return {
        "name": resource.table.name,
        "title": resource.table.title,
        **describe_resource_file(resource, first),
        "rows": resource.stats.rows,
        "cellsThatLookLikeFormulas": resource.stats.formulas,
        "schema": schema,
        "alternates": [describe_resource_file(resource, path) for path in others],
    }


def describe_resource_file(resource: DatasetResource, path: str) -> dict[str, Any]:
    """Describe one file of a table."""
    file_format = path.rpartition(".")[2]
    size, digest = resource.files[path]
    csv = {"encoding": "utf-8", "dialect": {"lineTerminator": CSV_LINE_END}} if file_format == "csv" else {}
    description = {
        "path": path,
        "format": file_format,
        "mediatype": FORMAT_MEDIA_TYPES[file_format],
        **csv,
        "bytes": size,
    }
    return {**description, "hash": f"sha256:{digest}"}


def describe_column(column: Column, meaning: str) -> dict[str, Any]:
    """Describe a column; `any` allows a time with an offset."""
    column_type = COLUMN_KINDS[column.kind].frictionless_type
    unit = find_column_unit(column)
    return {
        "name": column.name,
        "type": column_type,
        **({"format": "any"} if column_type == "datetime" else {}),
        "description": meaning,
        **({"unit": unit} if unit else {}),
    }


def format_readme(
    dataset: Dataset, resources: Sequence[DatasetResource], excluded_tables: Sequence[str], pyarrow_version: str | None
) -> str:
    """Format README.md."""
    formulas = (
        ", ".join(f"{each.table.name} {each.stats.formulas}" for each in resources if each.stats.formulas) or "none"
    )
    hidden = (
        f" The question named {dataset.selection.hidden_releases} of them." if dataset.selection.hidden_releases else ""
    )
    omitted = f"\n- Left out when the dataset was taken: {', '.join(excluded_tables)}." if excluded_tables else ""
    parts = [
        f"# {dataset.title}\n",
        "\n".join(iter_selection_lines(dataset, pyarrow_version)) + "\n",
        "## Files\n",
        "\n".join(iter_file_table_lines(resources)) + "\n",
        "Every column stands in `data/codebook.csv` and in `datapackage.json`, which also tells how the tables belong"
        " together: `release` is the `id` of `releases`.\n",
        f"A release is read at <{dataset.site or ''}/archive/releases/ID>, a state of it at"
        f" <{dataset.site or ''}/-/revision/ID>.\n",
        TIMES_SECTION,
        CSV_SECTION.format(formulas=formulas),
        OMISSIONS_SECTION.format(log=f"{dataset.site or ''}/-/takedowns", hidden=hidden, omitted=omitted),
        f"## Cite it\n\n{format_dataset_citation(dataset)}\n\n```bibtex\n{format_dataset_bibtex(dataset)}```\n\n"
        "`CITATION.cff` is the same for machines. What you quote is the agencies': name them, and the address.\n",
        CHECK_SECTION,
    ]
    return "\n".join(parts)


def iter_selection_lines(dataset: Dataset, pyarrow_version: str | None) -> Iterator[str]:
    """Yield the lines about the selection and the archive's state."""
    kind = {"search": "A search of the archive", "sql": "A SELECT on the archive"}[dataset.selection.kind]
    fence = "`" * (max(3, 1 + dataset.selection.query.count("`")))
    yield f"{kind}:\n\n{fence}\n{dataset.selection.query.strip() or '(everything that lists show)'}\n{fence}\n"
    for note in dataset.selection.notes:
        yield f"- Note: {note}"
    state = dataset.archive_state
    yield f"- Releases: {dataset.selection.releases} of the {state.releases} in the archive"
    yield f"- As of: {state.newest_change_at}, change {state.newest_change}, revision {state.newest_revision}"
    yield f"- Last crawl ended: {state.last_crawl_finished or 'none has'}"
    if state.manifest_digest:
        yield f"- Newest manifest of the archive: {state.manifest_day} {state.manifest_digest}"
    parquet = f"; pyarrow {pyarrow_version}" if pyarrow_version else ""
    yield f"- Taken by {state.software}, schema step {state.schema}{parquet}"


def iter_file_table_lines(resources: Sequence[DatasetResource]) -> Iterator[str]:
    """Yield the lines of the table of files."""
    yield "| table | rows | what | files |\n| --- | ---: | --- | --- |"
    for each in resources:
        files = ", ".join(f"`{path}` ({size:,} bytes)" for path, (size, _) in each.files.items())
        yield f"| {each.table.name} | {each.stats.rows:,} | {each.table.title} | {files} |"


def format_dataset_citation(dataset: Dataset) -> str:
    """Format an entry of a reference list."""
    state = dataset.archive_state
    site = f" {dataset.site}." if dataset.site else ""
    return (
        f"{DATASET_AUTHOR} ({state.day[:4] or 'n.d.'}). {dataset.title} [data set], {dataset.size} as of"
        f" {state.newest_change_at or 'an empty archive'}.{site} SHA-256 {dataset.fingerprint}."
    )


def format_dataset_bibtex(dataset: Dataset) -> str:
    """Format an @dataset entry (biblatex; BibTeX treats it as @misc)."""
    fields = {
        "author": f"{{{DATASET_AUTHOR}}}",
        "title": f"{{{escape_latex(dataset.title)}}}",
        "year": dataset.archive_state.day[:4],
        "date": dataset.archive_state.day,
        "version": f"change {dataset.archive_state.newest_change}" if dataset.archive_state.newest_change else "",
        "url": dataset.site or "",
        "note": f"{dataset.size}. SHA-256 {dataset.fingerprint}",
    }
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
    return f"@dataset{{{dataset.name},\n{lines}\n}}\n"


def format_citation_cff(dataset: Dataset) -> str:
    """Format CITATION.cff (Citation File Format, YAML), which repositories and reference managers read."""
    lines = [
        "cff-version: 1.2.0",
        "message: Please cite this data set as below, and each agency as the source of what you quote.",
        "type: dataset",
        f"title: {quote_yaml(dataset.title)}",
        "authors:",
        f"  - name: {DATASET_AUTHOR}",
        f"version: {quote_yaml(f'change {dataset.archive_state.newest_change}')}",
        *([f"date-released: {quote_yaml(dataset.archive_state.day)}"] if dataset.archive_state.day else []),
        *([f"url: {quote_yaml(dataset.site)}"] if dataset.site else []),
        "identifiers:",
        "  - type: other",
        f"    value: {quote_yaml(f'sha256:{dataset.fingerprint}')}",
        "    description: SHA-256 over the lines of SHA256SUMS that name files under data/",
    ]
    return "\n".join(lines) + "\n"


def quote_yaml(text: str) -> str:
    r"""Quote any text as a YAML string.

    >>> quote_yaml('a "b": c')
    '"a \\"b\\": c"'
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(letter if letter.isprintable() else " " for letter in escaped) + '"'
