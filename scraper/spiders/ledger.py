"""What sources list, remembered in the frontier before any of it is asked for, and counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from archive.frontier import Row
from archive.store import Archive
from archive.times import now, to_text
from archive.walks import Walk, Walks
from scraper.errors import AgencyError
from scraper.sessions import Link
from scraper.spiders.traps import Traps
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
    counted: set[str] = field(default_factory=set)  # the sources whose first links were counted
    seen: dict[str, set[str]] = field(default_factory=dict)  # of each listing: what its pages named so far
    traps: Traps = field(default_factory=Traps)
    asked: set[str] = field(default_factory=set)  # the sources asked so far: a loop of sitemaps or pages ends here

    @property
    def walks(self) -> Walks:
        """Where walks through listings were broken off."""
        return self.archive.walks

    def found(self, links: list[Link], source: str) -> None:
        """Remember what a source lists; all of it or none."""
        seen, first = now(), source not in self.counted
        named = len(links)
        links = [link for link in links if not self.is_too_old(link)]
        self.counted.add(source)
        with self.archive.transaction():
            if first and named:  # a listing's first page tells of all; an index of sitemaps names none itself
                self.archive.frontier.names(source, named)
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

    def known(self, first: str, links: list[Link], *, resumed: bool = False) -> bool:
        """Whether every link of a listing's page was found before that listing's last whole pass ended.

        From its beginning (not `resumed`) it is known as well what was found before a walk was cut.
        """
        listing, walk = self.archive.frontier.get(first), self.walks.get(first)
        whole = listing.fetched if listing and listing.state == "done" else None
        by = walk.cut if walk and not resumed else whole
        if not by:
            return False
        rows = [self.archive.frontier.get(link.url) for link in links]
        return all(row is not None and row.first_seen <= by for row in rows)

    def find_trap(self, first: str, page: int, links: list[Link], most: int) -> str | None:
        """Why a listing's walk leads nowhere: it goes on for too long, or brings the same again and again."""
        seen = self.seen.setdefault(first, set())
        new = any(link.url not in seen for link in links)
        seen.update(link.url for link in links)
        return self.traps.find(first, page, most, new=new)

    def cut(self, first: str, following: str, page: int, *, resumed: bool) -> bool:
        """Leave a listing's later pages for another crawl; False above a gap that is there already."""
        if self.since or (not resumed and self.walks.get(first)):
            return False
        with self.archive.transaction():
            self.walks.cut(first, agency=self.agency, following=following, page=page, at=now())
        return True

    def walked(self, first: str, *, resumed: bool) -> Walk | None:
        """A walk has come to its end: the listing's pass was whole, or goes on behind the gap that is given."""
        if not resumed and (walk := self.walks.get(first)):
            return walk
        with self.archive.transaction():
            self.walks.end(first)
            self.archive.frontier.done(first, now())
        return None

    def declare(self, listings: list[str]) -> None:
        """The agency's listings: a walk through one that is none of them any more is at its end."""
        with self.archive.transaction():
            self.walks.keep(self.agency, listings)

    def begin_anew(self, first: str) -> None:
        """The page to go on with behind a gap is no more: the next walk is a whole one."""
        with self.archive.transaction():
            self.walks.end(first)

    def is_too_old(self, link: Link) -> bool:
        """Whether a link's source dates it before `since`."""
        return bool(self.since and link.listed and link.listed[:10] < self.since.isoformat())


def unchanged_since_read(row: Row | None, listed: str | None) -> bool:
    """Whether a sitemap's index dates it as it did when it was last read whole; a day may still bring more."""
    if not row or row.state != "done" or not listed or row.listed != listed:
        return False
    return len(listed) > 10 or (row.fetched or "")[:10] > listed


def parse_since(text: str) -> date | None:
    """The `since` argument as a day.

    >>> parse_since("2024-01-01")
    datetime.date(2024, 1, 1)
    """
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise AgencyError("arguments", None, "since", f"{text!r} is no day like 2024-01-01") from None
