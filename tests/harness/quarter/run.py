"""Simulates the quarter: a round a day at its simulated time, acts in between, the status page on
Sundays.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from archive.health.rules import read_health_rows
from archive.store.releases import Archive
from scraper.crawl.alerts import AlertSettings
from tests.archive.sample import Site as Reader
from tests.archive.sample import served
from tests.harness.quarter.acts import Operator
from tests.harness.quarter.record import Record
from tests.harness.quarter.script import BEGUN, START, Act, Part
from tests.harness.quarter.stage import set_up
from tests.harness.world.simulation import (
    DAY,
    OLDEST,
    Crawls,
    format_ages,
    run_in_reactor,
    simulated_time,
)
from tests.scraper.receivers import Webhook
from tests.site.compose import STOCKHOLM
from tests.site.server import Site

MORNING = time(6)
SELDOM = timedelta(days=3)  # between two rounds before the quarter begins
AGES = format_ages(((14 * DAY, 2 * DAY), (90 * DAY, 14 * DAY), OLDEST))


def run_quarter(
    parts: Sequence[Part], acts: Sequence[Act], end: date, folder: Path, tell: Callable[[str], None]
) -> Record:
    """Simulate until a day with an archive.db in the folder; `tell` gets the progress.

    Once per process.
    """
    logging.getLogger("scraper").setLevel(logging.ERROR)  # the simulated faults would be logged
    record = Record()
    with Site(releases=4, crawl_delay=None) as site, Webhook() as webhook:
        crawls = Crawls(site, folder / "archive.db", AGES)
        stage = set_up(site, parts, folder / "agencies.toml")
        settings = {name: crawls.settings[name] for name in ("AGENCIES", "REVISIT_AGES")}
        operator = Operator(stage, folder / "archive.db", settings)
        alerts = AlertSettings(webhook=webhook.url, language="en")
        run_in_reactor(
            lambda: live(crawls, operator, alerts, acts=acts, end=end, record=record, tell=tell)
        )
        record.alerts = list(webhook.received)
    record.told = [f"{moment:%Y-%m-%d} {slug}: {said}" for moment, slug, said in operator.told]
    record.wrong = crawls.faults + operator.wrong
    return record


async def live(
    crawls: Crawls,
    operator: Operator,
    alerts: AlertSettings,
    *,
    acts: Sequence[Act],
    end: date,
    record: Record,
    tell: Callable[[str], None],
) -> None:
    """Run the rounds; the clock jumps between them, and runs normally during each."""
    waiting, stage = sorted(acts, key=lambda act: act.moment, reverse=True), operator.stage
    with simulated_time(datetime.combine(BEGUN, MORNING, STOCKHOLM)) as move_to:
        for day in days(end):
            morning = datetime.combine(day, MORNING, STOCKHOLM)
            while waiting and waiting[-1].moment < morning:
                act = waiting.pop()
                move_to(act.moment)
                stage.publish(act.moment)
                operator.carry_out(act)
            move_to(morning)
            stage.publish(morning)
            await crawls.go_round(stage.file, alerts)
            with Archive(operator.archive) as archive:
                record.note_day(day, read_health_rows(archive.db), count_removals(archive))
            if day >= START and day.weekday() == 6:
                record.note_week(day, await read_status(operator.archive))
            tell(f"{day}")


async def read_status(archive: Path) -> Any:
    """Return the public status page as data."""
    with served(archive) as datasette:
        page = await Reader(datasette).get("/-/status.json?lang=en")
    return json.loads(page.text)


def count_removals(archive: Archive) -> dict[str, tuple[int, int]]:
    """By agency: releases that are missing and not called removed yet, and those called removed."""
    rows = archive.db.execute(
        "select r.agency, sum(o.confirmed is null), sum(o.confirmed is not null) from removals o"
        " join releases r on r.id = o.release where o.kind <> 'moved' and o.ended is null group by 1"
    )
    return {slug: (doubts, removed) for slug, doubts, removed in rows}


def days(end: date) -> Iterator[date]:
    """Of the rounds."""
    day = BEGUN
    while day <= end:
        yield day
        day += DAY if day >= START - 7 * DAY else SELDOM
