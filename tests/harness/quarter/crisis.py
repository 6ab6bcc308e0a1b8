"""`python -m tests.harness.quarter.crisis`: a month in which a crisis makes every page of two
agencies unreadable.

For two weeks a banner is on every page of two agencies, and the parser takes each such page for
something else. Then the parser is mended, and the operator runs `scrapy reparse`: at one agency
while the banner is still shown, at the other four days after it went. Prints a table, and exits
with 1 if a release or an edit is missing at the end, if a time is not that of a fetch, if an older
text replaced a newer one, or if no alert was sent within a day.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from archive.database.captures import Captures
from archive.store.releases import Archive
from scraper.agency import Agency, load_agencies
from scraper.commands.reparse import reparse_archive
from scraper.crawl.alerts import AlertSettings
from scraper.errors import NotARelease
from scraper.items import ReleaseItem
from scraper.pages.document import Document
from scraper.pages.page_reader import read_document
from scraper.revisit_schedule import parse_schedule
from scraper.settings import REVISIT_AGES
from tests.harness.quarter.script import Part, Rhythm
from tests.harness.quarter.stage import Stage, set_up
from tests.harness.world.checks import list_findings
from tests.harness.world.simulation import DAY, Crawls, open_folder, run_in_reactor, simulated_time
from tests.harness.world.tables import make_table, print_tables
from tests.scraper.receivers import Webhook
from tests.site.compose import STOCKHOLM
from tests.site.knobs import Asked
from tests.site.server import Site

BEGUN = date(2027, 3, 5)  # releases have come out for a month
CRISIS = datetime(2027, 3, 12, 9, tzinfo=STOCKHOLM)
CRISIS_ENDS = CRISIS + timedelta(days=14)
END = datetime(2027, 3, 29, 12, tzinfo=STOCKHOLM)
HOURS = (6, 14)  # of the rounds during the crisis; before it, the first alone
BANNER = (
    '<div class="krisbanner" role="alert"><p>Viktigt meddelande till allmänheten: följ'
    " myndigheternas råd.</p></div>"
)
RHYTHM = Rhythm(chance=0.7)
SINCE = BEGUN - timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Case:
    """An agency; when its banner goes (None: it has none), and when the parser is mended for it.

    is_reread: whether the blind parser reads its pages again in between. What was fetched before is
    then older than what is stored, and must not replace it.
    """

    slug: str
    name: str
    banner_ends: datetime | None = None
    mended: datetime = CRISIS_ENDS
    is_reread: bool = False

    @property
    def part(self) -> Part:
        return Part(self.slug, self.name, RHYTHM, since=SINCE, until=END.date())


CASES = (
    Case("skogsbruksradet", "Krisrådet", banner_ends=END),
    Case("hushallsmyndigheten", "Eftermyndigheten", CRISIS_ENDS - 4 * DAY, is_reread=True),
    Case("farledsverket", "Lugnverket"),
)


@dataclass(slots=True)
class Month:
    """What happened. edits: by URL, when the text was edited, and the words that were added."""

    edits: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    alerts: list[Mapping[str, Any]] = field(default_factory=list)
    reparsed: dict[str, Mapping[str, int]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


class BlindParser:
    """Reads a page as the parser does, but takes pages with the banner for something else until it
    is mended.
    """

    def __init__(self) -> None:
        self.mended: set[str] = set()  # slugs

    def read(self, document: Document, agency: Agency | None = None) -> ReleaseItem:
        if "krisbanner" in document.text and agency and agency.slug not in self.mended:
            raise NotARelease(document.url, "its text is not that of its heading")
        return read_document(document, agency)


@dataclass(slots=True)
class Simulation:
    stage: Stage
    crawls: Crawls
    archive: Path
    alerts: AlertSettings
    parser: BlindParser
    month: Month

    async def live(self) -> None:
        """Run the rounds at their simulated times, with what happens on the sites in between."""
        with simulated_time(datetime.combine(BEGUN, time.min, STOCKHOLM)) as move_to:
            for moment in list_rounds():
                move_to(moment)
                self.stage.publish(moment)
                self.change_sites(moment)
                await self.crawls.go_round(self.stage.file, self.alerts)

    def change_sites(self, moment: datetime) -> None:
        """Show or remove the banners, edit releases, and mend the parser, if it is time."""
        site = self.stage.site
        for case in CASES:
            is_shown = case.banner_ends is not None and CRISIS <= moment < case.banner_ends
            if bool(site.agencies[case.slug].banner) != is_shown:
                site.show_banner(case.slug, BANNER if is_shown else "")
            if moment >= case.mended and case.slug not in self.parser.mended:
                self.parser.mended.add(case.slug)
                agencies = {case.slug: load_agencies(self.stage.file)[case.slug]}
                schedule = parse_schedule(self.crawls.settings["REVISIT_AGES"])
                *_, taken_in = reparse_archive(self.archive, agencies, schedule, all_agencies=False)
                self.month.reparsed[case.slug] = taken_in
            if CRISIS <= moment < CRISIS_ENDS and moment.hour == HOURS[0] and moment.day % 3 == 0:
                self.edit(case.slug, moment)

    def edit(self, slug: str, moment: datetime) -> None:
        """Let the agency add a sentence to three releases: the newest, the fifth and the tenth."""
        site, newest = self.stage.site, self.stage.site.agencies[slug].sorted_newest("")
        for release in (newest[0], newest[4], newest[9]):
            words = f"Uppgiften rättades den {moment.day} mars klockan {moment.hour}."
            url = site.url(slug, release.path)
            site.edit(url, {"blocks": (*release.blocks, ("p", words))})
            self.month.edits.setdefault(url, []).append((moment, words))


def list_rounds() -> Iterator[datetime]:
    day = BEGUN
    while day <= END.date():
        for hour in HOURS if CRISIS.date() <= day <= CRISIS_ENDS.date() else HOURS[:1]:
            yield datetime(day.year, day.month, day.day, hour, tzinfo=STOCKHOLM)
        day += DAY


def run_month(folder: Path) -> tuple[Month, Stage]:
    """Simulate the month with an archive.db in the folder. Once per process."""
    logging.getLogger("scraper").setLevel(logging.ERROR)  # each refused page would be logged
    month, parser = Month(), BlindParser()
    modules = ("spiders.release_spider", "ingest.saving", "ingest.edit_or_redesign")
    with ExitStack() as stack:
        site = stack.enter_context(Site(releases=4, crawl_delay=None))
        webhook = stack.enter_context(Webhook())
        for module in modules:
            stack.enter_context(patch(f"scraper.{module}.read_document", parser.read))
        site.log = month.asked
        crawls = Crawls(site, folder / "archive.db", REVISIT_AGES)
        stage = set_up(site, [case.part for case in CASES], folder / "agencies.toml")
        alerts = AlertSettings(webhook=webhook.url, language="en")
        simulation = Simulation(stage, crawls, folder / "archive.db", alerts, parser, month)
        run_in_reactor(simulation.live)
        month.alerts, month.wrong = list(webhook.received), list(crawls.faults)
    return month, stage


def judge_case(case: Case, month: Month, stage: Stage, archive: Archive) -> Iterator[str]:
    """Yield a line for each release, edit, time or alert of an agency that is not as it
    should be.
    """
    site, rows = stage.site, read_versions(archive, case.slug)
    fetches: dict[str, list[datetime]] = {}
    for asked in month.asked:
        if asked.status == 200:
            url = f"http://{asked.host}:{site.port}{asked.path}"
            fetches.setdefault(url, []).append(asked.moment)
    for path, release in site.agencies[case.slug].releases.items():
        url = site.url(case.slug, path)
        if url not in rows:
            yield f"{url}: is missing (published {release.created:%d/%m})"
            continue
        first_seen, versions = rows[url]
        edits = month.edits.get(url, [])
        if edits and edits[-1][1] not in versions[-1]["body"]:
            yield f"{url}: its newest text is not the last one"
        moments = [version["seen"] for version in versions]
        if moments != sorted(moments):
            yield f"{url}: its versions are not in the order of time"
        if case.is_reread:
            continue
        if abs(datetime.fromisoformat(first_seen) - fetches[url][0]) > timedelta(minutes=5):
            yield f"{url}: first seen {first_seen}, but first fetched {fetches[url][0]:%d/%m %H:%M}"
        # a text that nobody fetched before the next edit was never seen
        ends = [moment for moment, _ in edits[1:]] + [END + DAY]
        seen = [
            words
            for (moment, words), end in zip(edits, ends, strict=False)
            if any(moment < fetched < end for fetched in fetches[url][1:])
        ]
        found = [version["body"] for version in versions if version["cause"] == "source"]
        pairs = zip(seen, found, strict=False)
        if len(found) != len(seen) or any(words not in body for words, body in pairs):
            yield f"{url}: {len(seen)} edits were fetched, {len(found)} are versions"


def read_versions(archive: Archive, slug: str) -> dict[str, tuple[str, list[dict[str, Any]]]]:
    """Return when each release of an agency was first seen, and its versions along their chain, by
    URL.
    """
    found: dict[str, tuple[str, list[dict[str, Any]]]] = {}
    sql = (
        "select r.url, r.first_seen, v.* from releases r join revisions v on v.release = r.id"
        " where r.agency = ?"
    )
    for row in archive.db.query(f"{sql} order by v.seen, v.id", [slug]):
        found.setdefault(row["url"], (row["first_seen"], []))[1].append(row)
    return found


def judge_alerts(case: Case, month: Month) -> Iterator[str]:
    """Yield a line if an agency with a banner was not told of within a day, or was told of several
    times.
    """
    sent = [
        datetime.fromisoformat(alert["sent"])
        for alert in month.alerts
        for fault in alert["faults"]
        if fault["agency"] == case.slug
    ]
    if case.banner_ends is None:
        if sent:
            yield f"{case.slug}: told of as faulty, without a fault"
    elif not sent or not CRISIS < sent[0] <= CRISIS + DAY:
        yield f"{case.slug}: no alert within a day of the beginning ({', '.join(map(str, sent))})"
    elif len(sent) > 1:
        yield f"{case.slug}: {len(sent)} alerts of one fault"


def judge(month: Month, stage: Stage, folder: Path) -> list[str]:
    path = folder / "archive.db"
    misses = [*month.wrong, *list_findings(path)]
    with Archive(path) as archive, Captures(path) as captures:
        for case in CASES:
            misses += [*judge_case(case, month, stage, archive), *judge_alerts(case, month)]
        for case in CASES:
            sql = "select count(*) from refused_pages where agency = ?"
            left = 0 if case.is_reread else captures.query(sql, case.slug)[0][0]
            misses += [f"{case.slug}: {left} refused pages are left"] if left else []
    return misses


def main(arguments: Sequence[str] = ()) -> int:
    with open_folder(Path(arguments[0]) if arguments else None) as folder:
        month, stage = run_month(folder)
        misses = judge(month, stage, folder)
    table = make_table("agency", "releases", "edits", "refused pages taken in", "alerts")
    for case in CASES:
        edits = sum(len(edits) for url, edits in month.edits.items() if f"//{case.slug}." in url)
        told = [alert["sent"][:16] for alert in month.alerts if case.slug in str(alert["faults"])]
        taken_in = month.reparsed.get(case.slug, {})
        counts = ", ".join(f"{number} {name}" for name, number in taken_in.items())
        number = len(stage.site.agencies[case.slug].releases)
        table.add_row(case.name, str(number), str(edits), counts, ", ".join(told))
    return print_tables(table, misses=misses, width=150)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
