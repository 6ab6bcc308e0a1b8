"""`scrapy crawl refetch`: fetches single pages now, or all that were rejected, as after a rule was corrected."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem
from scrapy.http import Response

from archive.dates import now, to_iso
from archive.frontier import FrontierEntry
from archive.quarantine import Quarantine
from archive.urls import canonical_url
from scraper.agency import Agency
from scraper.errors import AgencyError
from scraper.sources.links import is_release_url
from scraper.spiders.base import ReleaseSpider

REFETCHED_STATES = ("rejected", "failed", "gone", "quarantined")  # of the frontier
CAUSE_NAMES = {"first": "new", "source": "edited", "parser": "read anew", "import": "new"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RefetchOutcome:
    """What became of one page."""

    url: str
    state: str  # stored, unchanged, not fetched, or the state in the frontier: rejected, failed …
    detail: str = ""

    @property
    def is_stored(self) -> bool:
        """Whether the archive has the page as a release now."""
        return self.state in ("stored", "unchanged")

    def __str__(self) -> str:
        # a problem begins with the URL it is about
        return f"{self.url}: {self.state}" + (f": {self.detail.removeprefix(f'{self.url}: ')}" if self.detail else "")


class RefetchSpider(ReleaseSpider):
    """scrapy crawl refetch -a url=URL | -a state=rejected [-a agency=slug[,slug]].

    url: one or more addresses, separated by spaces, each of an agency of the list; a page that is not known yet is
    added. state: every page of the agencies that is in this state of the frontier, whenever it is due (rejected,
    failed, gone, quarantined; several are separated by commas). Pages are fetched unconditionally; robots.txt, delays,
    pauses and DAILY_BUDGET apply as always.
    """

    name = "refetch"

    def __init__(self, agency: str = "", minutes: str = "", url: str = "", state: str = "", **arguments: Any) -> None:
        super().__init__(agency, minutes, **arguments)
        if bool(url.strip()) == bool(state.strip()):
            raise AgencyError("arguments", None, "url", "must be given, or state=rejected, but not both")
        self.urls = [parse_page_url(text) for text in url.split()]
        self.states = parse_states(state)
        self.owners: dict[str, str] = {}  # URL → agency
        self.queued_urls: dict[str, deque[str]] = {}  # per agency: URLs still to be requested
        self.results: dict[str, RefetchOutcome] = {}  # by URL: of pages that went through the pipeline
        self.outcomes: list[RefetchOutcome] = []  # of all pages, once the crawl has ended
        self.started_at = now()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.queue_pages()
        return spider

    def choose_agencies(self, agencies: dict[str, Agency], file: Path) -> dict[str, Agency]:
        """Return the agencies that the URLs belong to, or the selected ones."""
        selected = super().choose_agencies(agencies, file)
        for url in self.urls:
            owners = [agency for agency in selected.values() if agency.owns(url)]
            if not owners:
                where = "the agencies that were named" if self.selected_slugs else file
                raise AgencyError("arguments", None, "url", f"{url!r} is on no host of {where}")
            self.owners[url] = max(owners, key=lambda agency: is_release_url(url, agency)).slug
        return {slug: selected[slug] for slug in dict.fromkeys(self.owners.values())} if self.urls else selected

    def queue_pages(self) -> None:
        """Queue the pages to be fetched, and add new ones to the frontier."""
        for slug in self.agencies:
            for url in self.list_pages(slug):
                self.owners[url] = slug
                self.queued_urls.setdefault(slug, deque()).append(url)
            self.agency_stats[slug].listed = len(self.queued_urls.get(slug, ()))

    def list_pages(self, slug: str) -> list[str]:
        """Return the URLs of an agency's pages to be fetched."""
        if not self.urls:
            marks = ", ".join("?" * len(self.states))
            rows = self.archive.db.execute(
                f"select url from frontier where agency = ? and role = 'release' and state in ({marks})"
                " order by first_seen, rowid",
                [slug, *self.states],
            )
            return [url for (url,) in rows]
        urls = [url for url, owner in self.owners.items() if owner == slug]
        for url in urls:
            row = self.archive.frontier.get(url)
            if row and (row.role, row.agency) != ("release", slug):
                raise AgencyError("arguments", None, "url", f"{url!r} is known as a {row.role} of {row.agency}")
            if not row:
                if not is_release_url(url, self.agencies[slug]):
                    problem = f"{url!r} is no address of a release, says the table of {slug} (home, releases)"
                    raise AgencyError("arguments", None, "url", problem)
                with self.archive.transaction():
                    self.archive.frontier.add(url, agency=slug, role="release", seen_at=self.started_at)
        return urls

    async def start(self) -> AsyncIterator[Any]:
        for slug in self.agencies:
            for request in self.next_requests(slug):
                yield request

    def next_rows(self, slug: str, limit: int) -> Iterable[FrontierEntry]:
        """Yield the next queued pages."""
        queue = self.queued_urls.get(slug, deque())
        for _ in range(min(limit, len(queue))):
            if row := self.archive.frontier.get(queue.popleft()):
                yield row

    def build_release_request(self, row: FrontierEntry, *, unconditional: bool = True) -> Request:
        """Return an unconditional request: the rules may have changed, though the page has not."""
        return super().build_release_request(row, unconditional=True)

    def item_finished(self, response: Response | None, item: object = None, exception: DropItem | None = None) -> None:
        """Note what the pipeline did with a page."""
        if response is not None:
            url = response.meta["row"].url
            if isinstance(item, dict) and exception is None:
                detail = f"as release {item['release']} ({CAUSE_NAMES.get(item['cause'], item['cause'])})"
                self.results[url] = RefetchOutcome(url=url, state="stored", detail=detail)
            else:
                state, _, detail = str(exception).removeprefix(f"{url}: ").partition(": ")
                self.results[url] = RefetchOutcome(url=url, state=state, detail=detail)
        super().item_finished(response)

    def closed(self, reason: str) -> None:
        """Collect what became of the pages, before the archive is closed."""
        self.outcomes = [self.find_outcome(url) for url in self.owners]

    def find_outcome(self, url: str) -> RefetchOutcome:
        """Return what became of a page: the pipeline's result, else what the frontier says of it."""
        row = self.archive.db.execute("select state, fetched, problem from frontier where url = ?", [url]).fetchone()
        state, fetched, problem = row or ("due", None, None)
        if state in REFETCHED_STATES and (fetched or "") >= (to_iso(self.started_at) or ""):
            return RefetchOutcome(url=url, state=state, detail=problem or "")
        slug, result = self.owners[url], self.results.get(url)
        if result and result.state == "quarantined" and not self.is_quarantined(slug, url):
            return RefetchOutcome(url=url, state="stored", detail="when the crawl had ended: it is genuine")
        if result:
            return result
        if slug not in self.agency_stats:
            why = f"{slug} is paused in the list, or is being crawled already"
        else:
            why = (self.agency_stats[slug].problems or ["the crawl has ended before"])[-1]
        return RefetchOutcome(url=url, state="not fetched", detail=why)

    def is_quarantined(self, slug: str, url: str) -> bool:
        """Return whether a page still waits in quarantine, which is reviewed when a crawl ends."""
        return any(page.url == url for page in Quarantine(self.archive.db).list_pending(slug))


def parse_page_url(text: str) -> str:
    """Return an argument as a canonical http or https URL; raise AgencyError if it is none."""
    try:
        url = canonical_url(text)
    except ValueError:
        url = ""
    if not url.startswith(("http://", "https://")):
        raise AgencyError("arguments", None, "url", f"{text!r} is no http or https address")
    return url


def parse_states(text: str) -> tuple[str, ...]:
    """Return the states of an argument; raise AgencyError if one of them is unknown.

    >>> parse_states("rejected,failed")
    ('rejected', 'failed')
    """
    states = tuple(part.strip() for part in text.split(",") if part.strip())
    for state in states:
        if state not in REFETCHED_STATES:
            raise AgencyError("arguments", None, "state", f"{state!r} is none of {', '.join(REFETCHED_STATES)}")
    return states
