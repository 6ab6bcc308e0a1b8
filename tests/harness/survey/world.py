"""Serves the thirty agencies on loopback, and says how to point Scrapy at them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.harness.survey.hosts import SurveyAgency
from tests.harness.survey.invented_hosts import make_invented_agencies
from tests.harness.survey.stored_hosts import make_stored_agencies
from tests.scraper.crawling import Crawling
from tests.site.compose import compose
from tests.site.listing import write_toml
from tests.site.server import Site
from tests.stored import ROOT

TIMEOUT = 15  # seconds; addresses that hang take longer


@dataclass(frozen=True, slots=True)
class Verdict:
    """The expected verdict on an agency.

    about: the fields that are doubtful, or the keys of the table that are wrong or missing.
    accepted: verdicts that are as right. Both are names between spaces.
    """

    slug: str
    host: str  # of its home page
    expected: str
    about: str
    accepted: str
    reason: str

    def agrees(self, verdict: str) -> bool:
        """Return whether a survey's verdict is the expected one, or as right."""
        return verdict in (self.expected, *self.accepted.split())


@dataclass(frozen=True, slots=True)
class SurveyWorld:
    """The served agencies by slug, and their verdicts.

    skipped: why the agencies of stored pages are not there, or None.
    """

    site: Site
    agencies: dict[str, SurveyAgency]
    verdicts: list[Verdict]
    crawling: Crawling  # runs Scrapy's commands against them
    skipped: str | None

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings of Scrapy, beside the module tests.site.settings."""
        unknown = (agency.table["home"] for agency in self.agencies.values() if not agency.hosts)
        return {
            **self.crawling.given_settings,
            "LOOPBACK_PORT": str(self.site.port),
            "LOOPBACK_UNKNOWN": ",".join(url.split("/")[2] for url in unknown),
            "DOWNLOAD_TIMEOUT": str(TIMEOUT),
            "RETRY_TIMES": "1",  # a crawl on a busy machine may stand still for longer than TIMEOUT
        }


def read_verdicts() -> list[Verdict]:
    """Return the table of verdicts, in its order."""
    with Path(__file__).with_name("verdicts.tsv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [Verdict(**row) for row in rows]


@contextmanager
def serve_survey_world(folder: Path, port: int = 0) -> Iterator[SurveyWorld]:
    """Serve the agencies, and write their list and an archive's path into a folder.

    Without stored pages (see tests.stored), only the invented agencies are served.
    """
    stored = make_stored_agencies()
    agencies = {**stored, **make_invented_agencies()}
    verdicts = [verdict for verdict in read_verdicts() if verdict.slug in agencies]
    skipped = None if stored else f"no stored pages in {ROOT}: name their folder with PAGES="
    path = folder / "agencies.toml"
    path.write_text(write_toml({slug: agency.table for slug, agency in agencies.items()}), "utf-8")
    with Site(port, releases=4) as site:
        for agency in agencies.values():
            add_to_site(site, agency)
        crawling = Crawling(site, path, folder / "archive.db", patience=120)
        yield SurveyWorld(site, agencies, verdicts, crawling, skipped)


def add_to_site(site: Site, agency: SurveyAgency) -> None:
    site.mounted |= {host.host: host for host in agency.hosts}
    site.faults |= {site.address(url): fault for url, fault in agency.faults.items()}
    if agency.wire:
        releases = compose("farledsverket", 4)
        site.add_wire(agency.wire, [replace(each, agency="tradverket") for each in releases])
