"""How much of what agencies published a slice holds, by agency and year: a table of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from archive.slices.columns import Column
from archive.slices.tables import Table

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
