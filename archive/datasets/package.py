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

from archive.citations import escape
from archive.datasets.selection import Asked, State
from archive.datasets.tables import KINDS, LINES, Column, Table, Written, find_unit

AUTHOR = "Myndighetsarkivet"
LONGEST = 200  # characters of a question in a title


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """What a citation tells. fingerprint: SHA-256 over the hashes of the data files; site: the archive's address."""

    asked: Asked
    state: State
    fingerprint: str
    site: str | None = None

    @property
    def name(self) -> str:
        """Short, and the same whenever the same is taken."""
        return f"myndighetsarkivet-{self.fingerprint[:12]}"

    @property
    def size(self) -> str:
        """How many releases."""
        return f"{self.asked.found} release{'' if self.asked.found == 1 else 's'}"

    @property
    def title(self) -> str:
        """What it is of."""
        words = " ".join(self.asked.text.split())
        asked = words if len(words) <= LONGEST else words[:LONGEST] + "…"
        of = f"releases found by “{asked}”" if asked else "all releases"
        return f"Slice of Myndighetsarkivet: {of}"


def to_sentence(one: Slice) -> str:
    """A line for a list of references."""
    where = f" {one.site}." if one.site else ""
    return (
        f"{AUTHOR} ({one.state.day[:4] or 'n.d.'}). {one.title} [data set], {one.size} as of"
        f" {one.state.newest_change_at or 'an empty archive'}.{where} SHA-256 {one.fingerprint}."
    )


def to_bibtex(one: Slice) -> str:
    """An @dataset entry (biblatex; BibTeX takes it for @misc)."""
    fields = {
        "author": f"{{{AUTHOR}}}",
        "title": f"{{{escape(one.title)}}}",
        "year": one.state.day[:4],
        "date": one.state.day,
        "version": f"change {one.state.newest_change}" if one.state.newest_change else "",
        "url": one.site or "",
        "note": f"{one.size}. SHA-256 {one.fingerprint}",
    }
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
    return f"@dataset{{{one.name},\n{lines}\n}}\n"


def to_cff(one: Slice) -> str:
    """The Citation File Format, which repositories and reference managers read (YAML)."""
    lines = [
        "cff-version: 1.2.0",
        "message: Please cite this data set as below, and each agency as the source of what you quote.",
        "type: dataset",
        f"title: {quote(one.title)}",
        "authors:",
        f"  - name: {AUTHOR}",
        f"version: {quote(f'change {one.state.newest_change}')}",
        *([f"date-released: {quote(one.state.day)}"] if one.state.day else []),
        *([f"url: {quote(one.site)}"] if one.site else []),
        "identifiers:",
        "  - type: other",
        f"    value: {quote(f'sha256:{one.fingerprint}')}",
        "    description: SHA-256 over the lines of SHA256SUMS that name files under data/",
    ]
    return "\n".join(lines) + "\n"


def quote(text: str) -> str:
    r"""A text as YAML takes it, whatever stands in it.

    >>> quote('a "b": c')
    '"a \\"b\\": c"'
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(letter if letter.isprintable() else " " for letter in escaped) + '"'


PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A table as it was written. files: path → bytes and SHA-256."""

    table: Table
    meanings: Sequence[str]
    told: Written
    files: Mapping[str, tuple[int, str]]


def to_package(one: Slice, resources: Sequence[Resource], described: Mapping[str, Any], left_out: Sequence[str]) -> str:
    """Its text. Nothing in it tells when or where the slice was taken: it is the same for the same data."""
    package = {
        "$schema": PROFILE,
        "name": one.name,
        "title": one.title,
        "description": described["description"],
        "version": f"change {one.state.newest_change}",
        **({"homepage": one.site} if one.site else {}),
        "sources": [{"title": described["source"]}],
        "rights": described["license"],
        "citation": to_sentence(one),
        "fingerprint": f"sha256:{one.fingerprint}",
        "question": asdict(one.asked),
        "archive": asdict(one.state),
        "leftOut": list(left_out),
        "resources": [describe(each, resources) for each in resources],
    }
    return json.dumps(package, ensure_ascii=False, indent=1) + "\n"


def describe(one: Resource, resources: Sequence[Resource]) -> dict[str, Any]:
    """A table: its CSV file where there is one, which validators read cell by cell, and the same rows otherwise."""
    first, *others = one.files
    held = {each.table.name for each in resources}
    keys = [
        {"fields": [column], "reference": {"resource": table, "fields": [key]}}
        for column, table, key in one.table.points
        if table in held
    ]
    schema: dict[str, Any] = {
        "fields": [to_field(column, told) for column, told in zip(one.table.columns, one.meanings, strict=True)],
        **({"primaryKey": list(one.table.key)} if one.table.key else {}),
        **({"foreignKeys": keys} if keys else {}),
    }
    return {
        "name": one.table.name,
        "title": one.table.title,
        **describe_file(one, first),
        "rows": one.told.rows,
        "cellsThatLookLikeFormulas": one.told.formulas,
        "schema": schema,
        "alternates": [describe_file(one, path) for path in others],
    }


def describe_file(one: Resource, path: str) -> dict[str, Any]:
    """One file of a table."""
    form = path.rpartition(".")[2]
    size, digest = one.files[path]
    csv = {"encoding": "utf-8", "dialect": {"lineTerminator": LINES}} if form == "csv" else {}
    told = {"path": path, "format": form, "mediatype": TYPES[form], **csv, "bytes": size}
    return {**told, "hash": f"sha256:{digest}"}


def to_field(column: Column, meaning: str) -> dict[str, Any]:
    """A column; `any` lets a time be written with its offset."""
    kind = KINDS[column.kind].field
    unit = find_unit(column)
    return {
        "name": column.name,
        "type": kind,
        **({"format": "any"} if kind == "datetime" else {}),
        "description": meaning,
        **({"unit": unit} if unit else {}),
    }


TIMES = """## Times

What an agency tells stands in `published` and `updated` as the archive holds it: a moment with its offset, a
day, or a month (ISO 8601), and nothing where the page told nothing. Beside each stand `_precision` (moment, day
or month), `_day` (the day by the agency's own clock, unless only a month is told), `_at` (the moment in UTC,
unless only a day or a month is told) and `_text` (the words it was read from). Do not count a day as its
midnight. The archive's own times (`seen`, `first_seen`, `gone` …) are UTC: timestamps in Parquet, ISO 8601 in
CSV.
"""
CSV = """## CSV

RFC 4180: UTF-8, commas, lines ended by CR LF, fields in quotes where they need it; texts have line breaks of
their own. An empty field is null; only `body` and `body_html` may be empty without being null. Texts stand as
agencies wrote them, be their first sign `=`, `+`, `-` or `@`. A spreadsheet may take such a cell for a formula
and run it: import CSV files with every column as text, or use the Parquet files, which have types. Cells that
begin so, here: {formulas}.
"""
LEFT = """## What is not here

- Releases that the archive hides (a court's order, a person's data) are in no slice; `coverage` counts them.
  What is redacted is marked by `█████`. <{log}> tells why.{hidden}
- Lists leave out releases that went on as another at a new address; a search does so, too.
- The files behind `images` and `attachments` stay with the agencies; the original bytes of pages with the
  archive.
- What the archive never read: see the columns `source_…` of `coverage`.{left}
"""
CHECK = """## Check it

```sh
sha256sum --check SHA256SUMS
grep '  data/' SHA256SUMS | sha256sum     # the fingerprint in the citation
```

The same archive in the same state gives the same files under `data/`, by the same version of its software and
of pyarrow. Contacts and texts name persons: whoever keeps or passes on this slice answers for that under data
protection law.
"""


def to_guide(one: Slice, resources: Sequence[Resource], left_out: Sequence[str], pyarrow: str | None) -> str:
    """The whole text."""
    formulas = (
        ", ".join(f"{each.table.name} {each.told.formulas}" for each in resources if each.told.formulas) or "none"
    )
    hidden = f" The question named {one.asked.hidden} of them." if one.asked.hidden else ""
    left = f"\n- Left out when the slice was taken: {', '.join(left_out)}." if left_out else ""
    parts = [
        f"# {one.title}\n",
        "\n".join(told(one, pyarrow)) + "\n",
        "## Files\n",
        "\n".join(list_files(resources)) + "\n",
        "Every column stands in `data/codebook.csv` and in `datapackage.json`, which also tells how the tables belong"
        " together: `release` is the `id` of `releases`.\n",
        f"A release is read at <{one.site or ''}/archive/releases/ID>, a state of it at"
        f" <{one.site or ''}/-/revision/ID>.\n",
        TIMES,
        CSV.format(formulas=formulas),
        LEFT.format(log=f"{one.site or ''}/-/takedowns", hidden=hidden, left=left),
        f"## Cite it\n\n{to_sentence(one)}\n\n```bibtex\n{to_bibtex(one)}```\n\n"
        "`CITATION.cff` is the same for machines. What you quote is the agencies': name them, and the address.\n",
        CHECK,
    ]
    return "\n".join(parts)


def told(one: Slice, pyarrow: str | None) -> Iterator[str]:
    """What was asked for, and of which state of the archive."""
    how = {"search": "A search of the archive", "sql": "A SELECT on the archive"}[one.asked.how]
    fence = "`" * (max(3, 1 + one.asked.text.count("`")))
    yield f"{how}:\n\n{fence}\n{one.asked.text.strip() or '(everything that lists show)'}\n{fence}\n"
    for note in one.asked.notes:
        yield f"- Note: {note}"
    yield f"- Releases: {one.asked.found} of the {one.state.releases} in the archive"
    numbers = f"change {one.state.newest_change}, revision {one.state.newest_revision}"
    yield f"- As of: {one.state.newest_change_at}, {numbers}"
    yield f"- Last crawl ended: {one.state.last_crawl_finished or 'none has'}"
    if one.state.manifest_digest:
        yield f"- Newest manifest of the archive: {one.state.manifest_day} {one.state.manifest_digest}"
    parquet = f"; pyarrow {pyarrow}" if pyarrow else ""
    yield f"- Taken by {one.state.software}, schema step {one.state.schema}{parquet}"


def list_files(resources: Sequence[Resource]) -> Iterator[str]:
    """A table of the tables."""
    yield "| table | rows | what | files |\n| --- | ---: | --- | --- |"
    for each in resources:
        files = ", ".join(f"`{path}` ({size:,} bytes)" for path, (size, _) in each.files.items())
        yield f"| {each.table.name} | {each.told.rows:,} | {each.table.title} | {files} |"
