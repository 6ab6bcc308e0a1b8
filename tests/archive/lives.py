"""Lives of agencies, made up day by day: what they published and what our crawls met, for the judgement of health."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlite_utils import Database

from archive.health import assess_agency, read_health_rows
from archive.i18n import SWEDISH_TIME
from archive.schema import migrations

SLUG = "provverket"
ALL = {"title": 1.0, "lead": 1.0, "published": 1.0, "updated": 0.4, "tags": 0.8, "questions": 0.1}
DAY = timedelta(days=1)


def new_db() -> Database:
    """An empty archive in memory."""
    db = Database(memory=True)
    migrations.apply(db)
    db.table("agencies").insert({"slug": SLUG, "name": "Provverket", "home": "https://prov.example/"})
    return db


@dataclass
class Life:
    """One agency, crawled once a day in the evening."""

    db: Database = field(default_factory=new_db)
    told: list[tuple[date, str, str]] = field(default_factory=list)  # changes: day, state, code

    def publish(self, *days: date) -> None:
        """A release each."""
        for day in days:
            self.db.execute(
                "insert into release_facets (agency, sort_day, sort_date) values (?, ?, ?)",
                [SLUG, f"{day}", f"{day}T09:00:00+02:00"],
            )

    def crawl(self, day: date, *, spider: str = "news", fills: Mapping[str, float] = ALL, **counts: Any) -> None:
        """One crawl; as of a site that works where nothing else is told."""
        at = evening(day)
        row: dict[str, Any] = {"listed": 20, "requests": 2, "parsed": 0, "not_modified": 0, "bytes": 9000, **counts}
        row["failures"] = json.dumps(row.get("failures", {}))
        row["source_failures"] = json.dumps(row.get("source_failures", {}))
        row["field_counts"] = json.dumps({name: round(share * row["parsed"]) for name, share in fills.items()})
        row |= {"agency": SLUG, "spider": spider, "reason": "finished", "robots": "allowed"}
        row |= {"started": (at - timedelta(minutes=9)).isoformat(), "finished": (at - timedelta(minutes=5)).isoformat()}
        self.db.table("crawls").insert(row)

    def name_links(self, links: int, usual: int) -> None:
        """A source that names so many releases, and usually others."""
        values = {"url": "https://prov.example/rss", "agency": SLUG, "role": "feed", "state": "done"}
        self.db.table("frontier").insert(
            {**values, "first_seen": "2021-01-01T00:00:00+00:00", "links": links, "usual_links": usual}
        )

    def keep_aside(
        self, decision: str | None, *, decided: date | None = None, reason: list[dict[str, str]] | None = None
    ) -> None:
        """A release that was held back, and what was decided of it."""
        at = evening(decided).isoformat() if decided else None
        values = {"agency": SLUG, "url": "https://prov.example/nyhet", "seen": "2023-09-01T00:00:00+00:00"}
        row = {**values, "state": "{}", "reason": json.dumps(reason or []), "decided": at, "decision": decision}
        self.db.table("quarantine").insert(row)

    def judge(self, day: date) -> tuple[str, str]:
        """The state and the reason's code at the end of a day."""
        assess_agency(self.db, SLUG, evening(day))
        row = self.row
        state = (str(row["state"]), str(row["reason"]["code"]))
        if not self.told or self.told[-1][1:] != state:
            self.told.append((day, *state))
        return state

    @property
    def row(self) -> dict[str, Any]:
        """What stands in the table health."""
        return read_health_rows(self.db)[0]

    def live(self, days: Iterable[date], published: Iterable[date] = (), **crawl: Any) -> set[str]:
        """Days of one crawl and one judgement each; the states met."""
        coming = sorted(published, reverse=True)
        for day in days:
            now = [coming.pop() for one in list(coming) if one <= day]
            self.publish(*now)
            self.crawl(day, **{"parsed": len(now), **crawl})
            self.judge(day)
        return {state for _, state, _ in self.told}


def evening(day: date) -> datetime:
    """The moment of judgement."""
    return datetime.combine(day, time(22), SWEDISH_TIME)


def span(first: date, last: date, step: int = 1) -> list[date]:
    """Every day, or every so many days, from one to another."""
    return [first + n * DAY for n in range(0, (last - first).days + 1, step)]


def weekdays(first: date, last: date) -> list[date]:
    """Mondays to Fridays that are no Christmas, Easter or midsummer."""
    return [day for day in span(first, last) if day.weekday() < 5 and not is_feast(day)]


def is_feast(day: date) -> bool:
    """The feasts of 2023 and 2024 on which nobody works."""
    easter = {date(2023, 4, 7), date(2023, 4, 10), date(2024, 3, 29), date(2024, 4, 1)}
    return day in easter or (day.month, day.day) >= (12, 22) or (day.month, day.day) <= (1, 7)
