"""A sample site that changes, and its archive, whose crawls may be killed."""

from __future__ import annotations

import random
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.scraper.crawling import Crawling
from tests.site.releases import Release
from tests.site.server import Site

GENEROUS = {"REVISIT_BUDGET": "1000000", "DAILY_BUDGET": "1000000"}  # a long run is no polite one
ANSWER = 0.01  # seconds that the site takes, so that a kill meets something on its way
# seconds without a request, after which nothing that a killed process sent is still to come
QUIET = 0.3
MISREAD = 'title = "main p"\n'  # a rule that parses every page differently


@dataclass(frozen=True, slots=True)
class Holding:
    """The contents of an archive."""

    states: frozenset[tuple[int, str]]  # revision, hash
    settled: frozenset[str]  # URLs that need no request now


@dataclass
class ChangingSite:
    """A site that changes, and its archive."""

    site: Site
    crawling: Crawling
    chance: random.Random
    drawer: list[Release] = field(default_factory=list)  # written, not yet published
    turn: int = 0

    @classmethod
    def open(cls, site: Site, folder: Path, seed: int) -> ChangingSite:
        """Publish half of the site's releases; the archive is empty."""
        agencies = site.agencies_file(folder, attachments=None)
        crawling = Crawling(site, agencies, folder / "archive.db", 120)
        listed = agencies.read_text("utf-8").replace("\nhome = ", f"\n{MISREAD}home = ")
        agencies.with_name("misread.toml").write_text(listed, "utf-8")
        changing = cls(site, crawling, random.Random(seed))
        for url in changing.chance.sample(sorted(site.truth), len(site.truth) // 2):
            changing.drawer.append(site.withhold(url))
        for slug in site.agencies:
            site.break_(f"{slug}/*", delay=ANSWER)
        site.log = []
        return changing

    @property
    def archive(self) -> Path:
        return self.crawling.archive

    def publish(self, number: int) -> None:
        """Publish some releases, if any are left."""
        for release in self.drawer[:number]:
            self.site.publish(release)
        del self.drawer[:number]

    def edit(self) -> None:
        """Change every title; seldom with a date of update, or those that are new would seem to
        lack one.
        """
        self.turn += 1
        for url, release in self.site.truth.items():
            title = f"{release.title.partition(' – ')[0]} – nummer {self.turn}"
            self.site.edit(url, {"title": title}, stamped=self.chance.random() < 0.05)

    def make_due(self) -> None:
        """Make every stored release due for a check."""
        if self.archive.exists():
            self.crawling.write("update releases set next_check = null")

    def crawl(self, *spiders: str) -> None:
        """Run crawls; raise RuntimeError with the output of the first that fails."""
        for spider in spiders:
            code, printed = self.crawling.finish(self.crawling.command(spider, **GENEROUS))
            if code:
                raise RuntimeError(f"{spider} ended with {code}: {printed}")

    def change_and_crawl(self, number: int) -> None:
        """Publish some releases and edit all, and crawl them."""
        self.publish(number)
        self.edit()
        self.make_due()
        self.crawl("news", "revisit")

    def asked(self, *, killed: bool) -> Counter[str]:
        """How often each release was asked for since this was last called.

        What was asked for by a process that was killed may still be on its way: it is waited for.
        """
        before, counts = -1, self.site.counts
        while killed and (before != counts.total or any(counts.in_hand.values())):
            before = counts.total
            time.sleep(QUIET)
        log, self.site.log = self.site.log or [], []
        urls = (f"http://{one.host}:{self.site.port}{one.path}" for one in log)
        return Counter(url for url in urls if url in self.site.truth)

    def holding(self) -> Holding:
        """Return the current contents of the archive."""
        states = frozenset(self.rows("select id, hash from revisions"))
        settled = self.rows(
            "select f.url from frontier f join releases r on r.id = f.release"
            " where f.state <> 'due' and r.next_check is not null"
        )
        return Holding(states=states, settled=frozenset(url for (url,) in settled))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return rows of the archive; none if it was killed before its tables existed."""
        if not self.archive.exists():
            return []
        try:
            return self.crawling.rows(sql)
        except sqlite3.OperationalError:
            return []
