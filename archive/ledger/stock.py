"""Stocktaking: one agency's sources, as they were read whole, against the archive; written to ledger and gaps.

No function commits: wrap calls in `Archive.transaction`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from archive.language import ZONE
from archive.ledger.before import EMPTY, NOT_SHOWN, Before, find_unshown, read_before
from archive.ledger.delisted import find_delisted
from archive.ledger.found import Found, find_all, month_of
from archive.ledger.gaps import note_gaps
from archive.ledger.sources import Entry, Source
from archive.times import at_clock, parse_time, to_text

COUNTED = ("held", "refused", "missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """An agency's sums over all its sources, each release once. delisted: None where it cannot be said."""

    listed: int
    held: int
    refused: int
    missing: int
    delisted: int | None
    whole: bool


def take_stock(db: Database, agency: str, sources: Sequence[Source], now: datetime) -> Stock:
    """Count, and write what was counted in place of the last time."""
    today = now.astimezone(ZONE).date().isoformat()
    sources = doubt(sources, read_before(db, agency), now)
    found = find_all(db, {url for source in sources for url in source.entries})
    whole = not any(source.problem for source in sources)
    named = [source for source in sources if source.entries or source.problem or source.kind not in ("home", "robots")]
    delisted = find_delisted(db, agency, named, found) if whole else None
    entries = merge(sources)
    months = {url: to_month(entry, found[url], today) for url, entry in entries.items()}
    db.execute("delete from ledger where agency = ?", [agency])
    for source in named:
        own = count(source.entries, found, {url: to_month(e, found[url], today) for url, e in source.entries.items()})
        gone = Counter(month for origin, month in delisted or () if origin == source.url)
        back = delisted is not None and source.kind != "feed"
        write(db, agency, source, own, gone=gone if back else None, now=now)
    every = count(entries, found, months)
    gone = Counter(month for _, month in delisted or ())
    problem = next((source.problem for source in sources if source.problem), None)
    total = Source(url="", kind="", problem=problem)
    write(db, agency, total, every, gone=gone if delisted is not None else None, now=now)
    missing = {url: (entry, months[url]) for url, entry in entries.items() if found[url].part == "missing"}
    note_gaps(db, agency, missing, found, now, whole=whole)
    sums = {part: sum(counts[part] for counts in every.values()) for part in COUNTED}
    return Stock(listed=len(entries), **sums, delisted=gone.total() if delisted is not None else None, whole=whole)


def doubt(sources: Sequence[Source], before: Mapping[str, Before], now: datetime) -> list[Source]:
    """The sources, those not read whole that list nothing any more or that no page leads to any more."""
    for source in sources:
        known = before.get(source.url)
        if known and known.listed and not source.entries:
            source.broke_off(f"{source.url}: {EMPTY}")
    unshown = find_unshown(before, sources, now)
    return [
        *sources,
        *(Source(url=url, kind=one.kind, problem=f"{url}: {NOT_SHOWN}", read=one.read) for url, one in unshown),
    ]


def merge(sources: Iterable[Source]) -> dict[str, Entry]:
    """Each address once: as the first source lists it that says when it was published, else as the first lists it."""
    merged: dict[str, Entry] = {}
    for source in sources:
        for url, entry in source.entries.items():
            if url not in merged or (entry.published and not merged[url].published):
                merged[url] = entry
    return merged


def to_month(entry: Entry, found: Found, today: str) -> str | None:
    """The month of publication; None where neither the release nor the source tells one.

    What a source lists is noted in UTC, and is counted by Swedish clocks.
    """
    listed = parse_time(entry.published)
    if isinstance(listed, datetime):
        listed = at_clock(listed, ZONE)
    return month_of(found.published, today) or month_of(to_text(listed), today)


def count(
    urls: Iterable[str], found: Mapping[str, Found], months: Mapping[str, str | None]
) -> dict[str | None, Counter[str]]:
    """How many addresses of each month are what."""
    counts: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
    for url in urls:
        counts[months[url]][found[url].part] += 1
    return dict(counts)


def write(
    db: Database,
    agency: str,
    source: Source,
    counts: Mapping[str | None, Counter[str]],
    *,
    gone: Counter[str] | None,
    now: datetime,
) -> None:
    """A row a month; one at least, so that an empty source is told as well. gone: delisted ones; None: not known."""
    read = source.read or now
    months: set[str | None] = {*counts, *(gone or ())} or {None}
    db.conn.executemany(
        "insert into ledger (agency, month, source, kind, listed, held, refused, missing, delisted, whole, problem,"
        " checked) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(agency, month, source.url or None, source.kind or None),
                *(counts.get(month, Counter[str]()).total(), *(counts.get(month, Counter[str]())[p] for p in COUNTED)),
                *(None if gone is None else gone[month or ""], source.problem is None, source.problem, to_text(read)),
            )
            for month in sorted(months, key=lambda month: month or "")
        ],
    )
