"""Measures how size, saves, searches and revisits grow with the archive, and estimates 20 years of
300 agencies.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archive.store.releases import Archive
from scraper.settings import DOWNLOAD_DELAY, REVISIT_BUDGET
from tests.bench.writing import keep

KEPT, CHECKED = 300, 300  # releases saved and revisited, to measure one at this size
AGENCIES, YEARS, RELEASES = 300, 20, 1_000_000
BYTES = 2800  # of captures per release: see README, measured on stored pages
PAGE_CPU = 0.008  # seconds per parsed page: the target of the crawl in this benchmark
# requests for a release in its first three months (REVISIT_AGES: hourly, daily, weekly)
RECENT = 48 + 12 + 11
MONTHLY = 30  # days between two requests for an older one
NIGHT = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The measurements at one size. Times are CPU milliseconds."""

    releases: int
    bytes: int
    index: int  # bytes of the index in these
    edits: int  # bytes of the index of edits in these
    keep: float
    check: float
    due: float  # listing an agency's next 500 due releases
    search: float  # the median class's p95
    slowest: float  # the slowest class's


def weigh(path: Path, classes: list[Any]) -> Size:
    """Measure an archive, which grows by the releases saved for that."""
    with closing(sqlite3.connect(path)) as db:
        releases = db.execute("select count(*) from release_facets").fetchone()[0]
        sql = "select coalesce(sum(length(block)), 0) from {}_data"
        versions, diffs, *others = (
            db.execute(sql.format(name)).fetchone()[0]
            for name in ("search_versions", "search_diff", "search", "search_questions")
        )
        edits = versions + diffs
    searches = sorted(each.p95 for each in classes if "json" in each.ways)
    check, due = look_again(path)
    return Size(
        releases=releases,
        bytes=path.stat().st_size,
        index=edits + sum(others),
        edits=edits,
        keep=keep(path, KEPT) * 1000,
        check=check,
        due=due,
        search=searches[len(searches) // 2],
        slowest=searches[-1],
    )


def look_again(path: Path) -> tuple[float, float]:
    """Measure listing an agency's due releases, and recording that one is unchanged."""
    now = datetime.now(UTC)
    with Archive(path) as archive:
        agency = archive.db.execute(
            "select agency from month_counts where month = '' and agency <> '' limit 1"
        ).fetchone()[0]
        begun = time.process_time()
        due = archive.db.execute(
            "select id from releases where agency = ? and"
            " next_check < ? order by next_check limit 500",
            [agency, now.isoformat()],
        ).fetchall()
        found = time.process_time() - begun
        keys = [row[0] for row in due] or [
            row[0] for row in archive.db.execute("select id from releases limit 500")
        ]
        begun = time.process_time()
        for key in keys[:CHECKED]:
            with archive.transaction():
                archive.mark_checked(key, now)
        return (time.process_time() - begun) / len(keys[:CHECKED]) * 1000, found * 1000


def tell_curves(sizes: list[Size]) -> Iterator[str]:
    """Yield a line per size, then the estimate of the full archive."""
    yield (
        "How it grows: bytes and index a release, of it for edits; CPU ms of keeping one,"
        " noting one look again,"
    )
    yield "finding what is due;"
    yield "CPU ms p95 of the median class of searches and of the slowest."
    names = ("index", "edits", "keep", "look", "due", "search")
    yield f"{'releases':>10}{'bytes':>9}{''.join(f'{name:>8}' for name in names)}{'slowest':>9}"
    for size in sizes:
        yield (
            f"{size.releases:>10}{size.bytes / size.releases:>9.0f}"
            f"{size.index / size.releases:>8.0f}"
            f"{size.edits / size.releases:>8.0f}{size.keep:>8.2f}{size.check:>8.2f}"
            f"{size.due:>8.2f}{size.search:>8.1f}{size.slowest:>9.1f}"
        )
    yield ""
    yield from (f"{name:58}{value}" for name, value in tell_whole(sizes[-1]).items())


def tell_whole(size: Size) -> Mapping[str, str]:
    """Estimate a full archive from the largest measured size, and state every assumption."""
    each = RELEASES / AGENCIES
    # per day and agency; 1.5 times the mean year, because numbers grow
    new = each / YEARS / 365 * 1.5
    looks = min(REVISIT_BUDGET, new * RECENT + each / MONTHLY)
    requests = new + looks + 4  # its sources
    return {
        f"{AGENCIES} agencies, {YEARS} years: {RELEASES:,} releases,": (
            f"{each:,.0f} an agency (assumed)"
        ),
        "archive.db": f"{size.bytes / size.releases * RELEASES / 1e9:.1f} GB",
        f"captures.db ({BYTES} bytes a release, stored pages)": f"{BYTES * RELEASES / 1e9:.1f} GB",
        f"a day's requests to an agency ({new:.1f} new, {looks:.0f} looked at)": f"{requests:.0f}",
        f"a day's crawl at a request every {DOWNLOAD_DELAY:.0f} s, hosts side by side": (
            f"{requests * DOWNLOAD_DELAY / 60:.0f} min"
        ),
        f"its CPU at {PAGE_CPU * 1000:.0f} ms a page (the target)": (
            f"{AGENCIES * requests * PAGE_CPU / 60:.0f} min"
        ),
        "the same with one request at a time over all hosts": (
            f"{AGENCIES * requests * DOWNLOAD_DELAY / NIGHT:.1f} h"
        ),
        f"reading all once, hosts side by side ({each:,.0f} pages each)": (
            f"{each * DOWNLOAD_DELAY / NIGHT:.1f} h"
        ),
    }
