"""Who else published what a release says: one release of each other agency, first publisher first."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date, datetime

from archive.joint import to_day
from archive.language import ZONE
from archive.times import Month, at_clock, parse_time

PAIRS = """
    select o.id, o.title, o.language, o.agency, a.name, a.name_en, o.published, o.updated, o.first_seen, j.similarity
    from joint_texts j join releases o on o.id = j.other join agencies a on a.slug = o.agency
    where j.release = ? and o.moved_to is null
"""


@dataclass(frozen=True, slots=True)
class Publication:
    """The same or nearly the same text at another agency; named as a list of releases names its rows."""

    id: int
    title: str
    language: str | None
    agency: str
    name: str
    name_en: str | None
    published: str | None
    updated: str | None
    first_seen: str
    similarity: float  # 0-1; 1 where the words are the same
    earlier: bool = False  # by both agencies' own words it was published before the release it is compared with


def others(connection: sqlite3.Connection, release: int) -> list[Publication]:
    """Who else published a release. Of an agency that did so more than once: the likest, then the nearest in time."""
    own = connection.execute("select published, updated, first_seen from releases where id = ?", [release]).fetchone()
    if own is None:
        return []
    day = to_day(*own)
    chosen: dict[str, Publication] = {}
    for row in connection.execute(PAIRS, [release]).fetchall():
        found = Publication(*(*row, is_earlier(row[6], own[0])))
        held = chosen.get(found.agency)
        if held is None or distance(found, day) < distance(held, day):
            chosen[found.agency] = found
    return sorted(chosen.values(), key=order)


def distance(found: Publication, day: int) -> tuple[float, int, float, int]:
    """How far a publication is from a release: in its text by tenths, then in days."""
    days = abs(to_day(found.published, found.updated, found.first_seen) - day)
    return -round(found.similarity, 1), days, -found.similarity, found.id


def order(found: Publication) -> tuple[date, str, str, int]:
    """First publisher first; of a day those that tell the hour, then as they were seen."""
    when = parse_time(found.published or found.updated or found.first_seen)
    assert when is not None  # noqa: S101 - first_seen is never null
    hour = f"{at_clock(when, ZONE):%H:%M:%S}" if isinstance(when, datetime) else "~"
    return local_day(when), hour, found.first_seen, found.id


def is_earlier(published: str | None, than: str | None) -> bool:
    """Whether one time lies before another for certain: a day alone leaves the hour open, a month alone the day.

    >>> is_earlier("2024-05-28", "2024-05-28T09:30:00+02:00"), is_earlier("2024-05-27", "2024-05-28T09:30:00+02:00")
    (False, True)
    """
    one, other = parse_time(published), parse_time(than)
    if one is None or other is None:
        return False
    if isinstance(one, Month) or isinstance(other, Month):
        return f"{one:%Y-%m}" < f"{other:%Y-%m}"
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one < other
    return local_day(one) < local_day(other)


def local_day(when: datetime | date) -> date:
    """The day in Sweden."""
    return at_clock(when, ZONE).date() if isinstance(when, datetime) else when
