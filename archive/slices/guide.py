"""README.md of a slice: what it is, what is in it, how to read, check and cite it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archive.slices.citation import Slice, to_bibtex, to_sentence
from archive.slices.package import Resource

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
