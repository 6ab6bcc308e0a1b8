"""What sources list, remembered in the frontier before any of it is asked for, and counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from archive.frontier import Row
from archive.store import Archive
from archive.times import now, to_text
from scraper.sources import Link
from scraper.tally import Tally


@dataclass(slots=True)
class Ledger:
    """One agency's sources in one crawl.

    begun: when the crawl began; what it has read itself is not due again. since: links that their source
    gives an earlier day are left alone.
    """

    archive: Archive
    agency: str
    tally: Tally
    begun: datetime
    since: date | None = None
    listed: set[str] = field(default_factory=set)  # the releases named so far
    asked: set[str] = field(default_factory=set)  # the sources asked so far: a loop of sitemaps or pages ends here

    def found(self, links: list[Link], source: str) -> None:
        """Remember what a source lists; all of it or none."""
        seen = now()
        links = [link for link in links if not self.is_too_old(link)]
        with self.archive.transaction():
            for link in links:
                self.archive.frontier.add(
                    link.url,
                    agency=self.agency,
                    role="release",
                    seen=seen,
                    source=source,
                    listed=link.listed,
                    begun=self.begun,
                )
        self.count([link.url for link in links])

    def found_again(self, source: str) -> list[Row]:
        """A source that has not changed lists what it listed before; of an index, the sitemaps it names."""
        rows = self.archive.frontier.listed_before(source)
        self.count([row.url for row in rows if row.role == "release"])
        return [row for row in rows if row.role == "sitemap"]

    def count(self, urls: list[str]) -> None:
        """Count what a source lists, each release once a crawl, and those of them that stand as held."""
        for url in urls:
            if url in self.listed:
                continue
            self.listed.add(url)
            self.tally.listed += 1
            row = self.archive.frontier.get(url)
            if row and row.state == "held" and (row.fetched or "") <= (to_text(self.begun) or ""):
                self.tally.unchanged += 1

    def known(self, first: str, links: list[Link]) -> bool:
        """Whether every link of a listing's page was found before that listing's last whole pass ended."""
        listing = self.archive.frontier.get(first)
        if not listing or listing.state != "done" or not listing.fetched:
            return False
        rows = [self.archive.frontier.get(link.url) for link in links]
        return all(row is not None and row.first_seen <= listing.fetched for row in rows)

    def is_too_old(self, link: Link) -> bool:
        """Whether a link's source dates it before `since`."""
        return bool(self.since and link.listed and link.listed[:10] < self.since.isoformat())


def unchanged_since_read(row: Row | None, listed: str | None) -> bool:
    """Whether a sitemap's index dates it as it did when it was last read whole; a day may still bring more."""
    if not row or row.state != "done" or not listed or row.listed != listed:
        return False
    return len(listed) > 10 or (row.fetched or "")[:10] > listed
