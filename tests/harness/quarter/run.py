"""Simulates the quarter: a round a day at its simulated time, acts in between, the status page on
Sundays.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import time_machine

from archive.health.rules import read_health_rows
from archive.store.releases import Archive
from scraper.agency import load_agencies
from scraper.crawl.alerts import AlertSettings
from scraper.crawl.rounds import close_round, read_last_crawl_id
from tests.archive.sample import Site as Reader
from tests.archive.sample import served
from tests.harness.quarter.acts import Operator
from tests.harness.quarter.record import Record
from tests.harness.quarter.script import BEGUN, START, Act, Part
from tests.harness.quarter.stage import set_up
from tests.harness.year.author import DAY, FULL, Scale
from tests.harness.year.crawls import Crawls, log_to, run_in_reactor
from tests.scraper.receivers import Webhook
from tests.site.compose import STOCKHOLM
from tests.site.server import Site

MORNING = time(6)
SELDOM = timedelta(days=3)  # between two rounds before the quarter begins
AGES = Scale(
    days=0,
    releases=0,
    hours=0,
    stretches=(),
    ages=((14 * DAY, 2 * DAY), (90 * DAY, 14 * DAY), FULL.ages[-1]),
)


def run_quarter(
    parts: Sequence[Part], acts: Sequence[Act], end: date, folder: Path, tell: Callable[[str], None]
) -> Record:
    """Simulate until a day with an archive.db in the folder; `tell` gets the progress.

    Once per process.
    """
    log_to(folder / "crawls.log")
    logging.getLogger("scraper").setLevel(logging.ERROR)  # the simulated faults would be logged
    record = Record()
    with Site(releases=4, crawl_delay=None) as site, Webhook() as webhook:
        crawls = Crawls(site, folder / "archive.db", AGES)
        stage = set_up(site, parts, folder / "agencies.toml")
        settings = {name: crawls.settings[name] for name in ("AGENCIES", "REVISIT_AGES")}
        operator, ways = (
            Operator(stage, folder / "archive.db", settings),
            AlertSettings(webhook=webhook.url, language="en"),
        )
        run_in_reactor(lambda: live(House(crawls, operator, ways), acts, end, record, tell))
        record.alerts = list(webhook.received)
    record.told = [f"{moment:%Y-%m-%d} {slug}: {said}" for moment, slug, said in operator.told]
    record.wrong = crawls.faults + operator.wrong
    return record


async def live(
    house: House, acts: Sequence[Act], end: date, record: Record, tell: Callable[[str], None]
) -> None:
    """Run the rounds; the clock jumps between them, and runs normally during each."""
    waiting, stage = sorted(acts, key=lambda act: act.moment, reverse=True), house.operator.stage
    with time_machine.travel(
        datetime.combine(BEGUN, MORNING, STOCKHOLM).astimezone(UTC), tick=True
    ) as calendar:
        for day in days(end):
            morning = datetime.combine(day, MORNING, STOCKHOLM)
            while waiting and waiting[-1].moment < morning:
                act = waiting.pop()
                calendar.move_to(act.moment.astimezone(UTC))
                stage.publish(act.moment)
                house.operator.carry_out(act)
            calendar.move_to(morning.astimezone(UTC))
            stage.publish(morning)
            await house.go_round()
            with Archive(house.operator.archive) as archive:
                record.note_day(day, read_health_rows(archive.db), count_removals(archive))
            if day >= START and day.weekday() == 6:
                record.note_week(day, await house.read_status())
            tell(f"{day}")


@dataclass(slots=True)
class House:
    """Runs the daily rounds."""

    crawls: Crawls
    operator: Operator
    ways: AlertSettings

    async def go_round(self) -> None:
        """Do the same as `scrapy round` in this process, because only its clock is simulated."""
        archive = self.operator.archive
        after = read_last_crawl_id(archive)
        for spider in ("news", "revisit"):
            await self.crawls.run(spider, set())
        close_round(archive, load_agencies(self.operator.stage.file), self.ways, after)

    async def read_status(self) -> Any:
        """Return the public status page as data."""
        with served(self.operator.archive) as datasette:
            page = await Reader(datasette).get("/-/status.json?lang=en")
        return json.loads(page.text)


def count_removals(archive: Archive) -> dict[str, tuple[int, int]]:
    """By agency: releases that are missing and not called removed yet, and those called removed."""
    rows = archive.db.execute(
        "select r.agency, sum(o.confirmed is null), sum(o.confirmed is not null) from removals o"
        " join releases r on r.id ="
        " o.release where o.kind <>"
        " 'moved' and o.ended is null group by 1"
    )
    return {slug: (doubts, removed) for slug, doubts, removed in rows}


def days(end: date) -> Iterator[date]:
    """Of the rounds."""
    day = BEGUN
    while day <= end:
        yield day
        day += DAY if day >= START - 7 * DAY else SELDOM
