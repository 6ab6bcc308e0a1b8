"""Datapackage.json, README, CITATION.cff.

How a slice is cited: a sentence, BibTeX and CITATION.cff. What is cited is told by the fingerprint of its data.

datapackage.json: the slice as a Data Package (Frictionless), which is its manifest and its codebook for machines.

README.md of a slice: what it is, what is in it, how to read, check and cite it.
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
MAX_TITLE_QUESTION_LENGTH = 200  # characters of a question in a title


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What a citation tells. fingerprint: SHA-256 over the hashes of the data files; site: the archive's address."""

    selection: DatasetSelection
    archive_state: ArchiveState
    fingerprint: str
    site: str | None = None

    @property
    def name(self) -> str:
        """Short, and the same whenever the same is taken."""
        return f"myndighetsarkivet-{self.fingerprint[:12]}"

    @property
    def size(self) -> str:
        """How many releases."""
        return f"{self.selection.found} release{'' if self.selection.found == 1 else 's'}"

    @property
    def title(self) -> str:
        """What it is of."""
        words = " ".join(self.selection.text.split())
        asked = words if len(words) <= MAX_TITLE_QUESTION_LENGTH else words[:MAX_TITLE_QUESTION_LENGTH] + "…"
        of = f"releases found by “{asked}”" if asked else "all releases"
        return f"Slice of Myndighetsarkivet: {of}"


def format_dataset_citation(dataset: Dataset) -> str:
    """A line for a list of references."""
    where = f" {dataset.site}." if dataset.site else ""
    return (
        f"{DATASET_AUTHOR} ({dataset.archive_state.day[:4] or 'n.d.'}). {dataset.title} [data set], {dataset.size} as of"
        f" {dataset.archive_state.newest_change_at or 'an empty archive'}.{where} SHA-256 {dataset.fingerprint}."
    )


def format_dataset_bibtex(dataset: Dataset) -> str:
    """An @dataset entry (biblatex; BibTeX takes it for @misc)."""
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
    """The Citation File Format, which repositories and reference managers read (YAML)."""
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
    r"""A text as YAML takes it, whatever stands in it.

    >>> quote_yaml('a "b": c')
    '"a \\"b\\": c"'
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(letter if letter.isprintable() else " " for letter in escaped) + '"'


DATAPACKAGE_PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
FORMAT_MEDIA_TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetResource:
    """A table as it was written. files: path → bytes and SHA-256."""

    table: DatasetTable
    meanings: Sequence[str]
    stats: TableStats
    files: Mapping[str, tuple[int, str]]


def format_datapackage(
    dataset: Dataset, resources: Sequence[DatasetResource], metadata: Mapping[str, Any], excluded_tables: Sequence[str]
) -> str:
    """Its text. Nothing in it tells when or where the slice was taken: it is the same for the same data."""
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
        "question": asdict(dataset.selection),
        "archive": asdict(dataset.archive_state),
        "leftOut": list(excluded_tables),
        "resources": [describe_resource(each, resources) for each in resources],
    }
    return json.dumps(package, ensure_ascii=False, indent=1) + "\n"


def describe_resource(resource: DatasetResource, resources: Sequence[DatasetResource]) -> dict[str, Any]:
    """A table: its CSV file where there is one, which validators read cell by cell, and the same rows otherwise."""
    first, *others = resource.files
    held = {each.table.name for each in resources}
    keys = [
        {"fields": [column], "reference": {"resource": table, "fields": [key]}}
        for column, table, key in resource.table.foreign_keys
        if table in held
    ]
    schema: dict[str, Any] = {
        "fields": [
            describe_column(column, told)
            for column, told in zip(resource.table.columns, resource.meanings, strict=True)
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
    """One file of a table."""
    form = path.rpartition(".")[2]
    size, digest = resource.files[path]
    csv = {"encoding": "utf-8", "dialect": {"lineTerminator": CSV_LINE_END}} if form == "csv" else {}
    told = {"path": path, "format": form, "mediatype": FORMAT_MEDIA_TYPES[form], **csv, "bytes": size}
    return {**told, "hash": f"sha256:{digest}"}


def describe_column(column: Column, meaning: str) -> dict[str, Any]:
    """A column; `any` lets a time be written with its offset."""
    kind = COLUMN_KINDS[column.kind].frictionless_type
    unit = find_column_unit(column)
    return {
        "name": column.name,
        "type": kind,
        **({"format": "any"} if kind == "datetime" else {}),
        "description": meaning,
        **({"unit": unit} if unit else {}),
    }


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

- Releases that the archive hides (a court's order, a person's data) are in no slice; `coverage` counts them.
  What is redacted is marked by `█████`. <{log}> tells why.{hidden}
- Lists leave out releases that went on as another at a new address; a search does so, too.
- The files behind `images` and `attachments` stay with the agencies; the original bytes of pages with the
  archive.
- What the archive never read: see the columns `source_…` of `coverage`.{left}
"""
CHECK_SECTION = """## Check it

```sh
sha256sum --check SHA256SUMS
grep '  data/' SHA256SUMS | sha256sum     # the fingerprint in the citation
```

The same archive in the same state gives the same files under `data/`, by the same version of its software and
of pyarrow. Contacts and texts name persons: whoever keeps or passes on this slice answers for that under data
protection law.
"""


def format_readme(
    dataset: Dataset, resources: Sequence[DatasetResource], excluded_tables: Sequence[str], pyarrow_version: str | None
) -> str:
    """The whole text."""
    formulas = (
        ", ".join(f"{each.table.name} {each.stats.formulas}" for each in resources if each.stats.formulas) or "none"
    )
    hidden = f" The question named {dataset.selection.hidden} of them." if dataset.selection.hidden else ""
    left = f"\n- Left out when the slice was taken: {', '.join(excluded_tables)}." if excluded_tables else ""
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
        OMISSIONS_SECTION.format(log=f"{dataset.site or ''}/-/takedowns", hidden=hidden, left=left),
        f"## Cite it\n\n{format_dataset_citation(dataset)}\n\n```bibtex\n{format_dataset_bibtex(dataset)}```\n\n"
        "`CITATION.cff` is the same for machines. What you quote is the agencies': name them, and the address.\n",
        CHECK_SECTION,
    ]
    return "\n".join(parts)


def iter_selection_lines(dataset: Dataset, pyarrow_version: str | None) -> Iterator[str]:
    """What was asked for, and of which state of the archive."""
    how = {"search": "A search of the archive", "sql": "A SELECT on the archive"}[dataset.selection.how]
    fence = "`" * (max(3, 1 + dataset.selection.text.count("`")))
    yield f"{how}:\n\n{fence}\n{dataset.selection.text.strip() or '(everything that lists show)'}\n{fence}\n"
    for note in dataset.selection.notes:
        yield f"- Note: {note}"
    yield f"- Releases: {dataset.selection.found} of the {dataset.archive_state.releases} in the archive"
    numbers = f"change {dataset.archive_state.newest_change}, revision {dataset.archive_state.newest_revision}"
    yield f"- As of: {dataset.archive_state.newest_change_at}, {numbers}"
    yield f"- Last crawl ended: {dataset.archive_state.last_crawl_finished or 'none has'}"
    if dataset.archive_state.manifest_digest:
        yield f"- Newest manifest of the archive: {dataset.archive_state.manifest_day} {dataset.archive_state.manifest_digest}"
    parquet = f"; pyarrow {pyarrow_version}" if pyarrow_version else ""
    yield f"- Taken by {dataset.archive_state.software}, schema step {dataset.archive_state.schema}{parquet}"


def iter_file_table_lines(resources: Sequence[DatasetResource]) -> Iterator[str]:
    """A table of the tables."""
    yield "| table | rows | what | files |\n| --- | ---: | --- | --- |"
    for each in resources:
        files = ", ".join(f"`{path}` ({size:,} bytes)" for path, (size, _) in each.files.items())
        yield f"| {each.table.name} | {each.stats.rows:,} | {each.table.title} | {files} |"
