"""`scrapy crawl refetch`: fetches pages now, for example rejected pages after a rule changed."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from scrapy import Request
from scrapy.crawler import Crawler

from archive.database.frontier import FrontierEntry
from archive.database.quarantined_pages import Quarantine
from archive.times import now, to_iso
from archive.urls import canonical_url
from scraper.agency import Agency, find_owners, is_wire_url
from scraper.errors import AgencyError
from scraper.ingest import describe_reasons
from scraper.sources import is_release_url
from scraper.spiders.release_spider import ReleaseSpider

REFETCHED_STATES = ("rejected", "failed", "gone", "quarantined")  # states in the frontier
CAUSE_NAMES = {
    "first": "new",
    "source": "edited",
    "parser": "changed by the parser",
    "import": "new",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RefetchOutcome:
    url: str
    state: str  # stored, unchanged, not fetched, or the state in the frontier: rejected, failed …
    detail: str = ""

    @property
    def is_stored(self) -> bool:
        return self.state in ("stored", "unchanged")

    def __str__(self) -> str:
        # a problem begins with the URL that it concerns
        return f"{self.url}: {self.state}" + (
            f": {self.detail.removeprefix(f'{self.url}: ')}" if self.detail else ""
        )


class RefetchSpider(ReleaseSpider):
    """Fetch pages now, even if they are not due.

    Requests are unconditional. robots.txt, delays, pauses and `DAILY_BUDGET` apply as always. `url`
    or `state` must be given, but not both.

        url=URL      One or more addresses, separated by spaces, of pages of agencies in the
                     agencies file. Unknown pages are added.
        state=STATE  All pages with this state in the table `frontier`: rejected, failed, gone or
                     quarantined. Separate several states by commas.
    """

    name = "refetch"

    def __init__(
        self, agency: str = "", minutes: str = "", url: str = "", state: str = "", **arguments: Any
    ) -> None:
        super().__init__(agency, minutes, **arguments)
        if bool(url.strip()) == bool(state.strip()):
            raise AgencyError(
                "arguments", None, "url", "must be given, or state=rejected, but not both"
            )
        self.urls = [_parse_page_url(text) for text in url.split()]
        self.states = [part.strip() for part in state.split(",") if part.strip()]
        for name in self.states:
            if name not in REFETCHED_STATES:
                raise AgencyError(
                    "arguments",
                    None,
                    "state",
                    f"{name!r} is not one of {', '.join(REFETCHED_STATES)}",
                )
        self.owners: dict[str, str] = {}  # URL → slug of its agency
        # agency → URLs still to be requested
        self.queued_urls: defaultdict[str, deque[str]] = defaultdict(deque)
        self.parsed_urls: set[str] = set()  # URLs of pages that went through the pipeline
        self.outcomes: list[
            RefetchOutcome
        ] = []  # the outcomes of all pages, once the crawl has ended
        self.started_at = now()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        try:
            for slug in spider.agencies:
                urls = spider.list_pages(slug)
                spider.owners.update(dict.fromkeys(urls, slug))
                spider.queued_urls[slug].extend(urls)
                spider.agency_stats[slug].listed = len(urls)
        except BaseException:
            spider.engine_stopped()  # called here because the engine is never started
            raise
        return spider

    def choose_agencies(self, agencies: dict[str, Agency], file: Path) -> dict[str, Agency]:
        """Return the agencies of the given URLs or, without URLs, the selected agencies.

        Raises AgencyError if a URL belongs to no selected agency, or if it is at a press wire that
        several selected agencies use.
        """
        selected = super().choose_agencies(agencies, file)
        for url in self.urls:
            owners = find_owners(selected.values(), url)
            if not owners:
                source = "the selected agencies" if self.selected_slugs else file
                raise AgencyError("arguments", None, "url", f"{url!r} is on no host of {source}")
            if len(owners) > 1 and is_wire_url(url):
                names = ", ".join(agency.slug for agency in owners)
                raise AgencyError(
                    "arguments", None, "url", f"{url!r} is at a wire of {names}: add agency=…"
                )
            self.owners[url] = max(owners, key=lambda agency: is_release_url(url, agency)).slug
        return (
            {slug: selected[slug] for slug in dict.fromkeys(self.owners.values())}
            if self.urls
            else selected
        )

    def list_pages(self, slug: str) -> list[str]:
        """Return the URLs of an agency's pages to fetch. Unknown pages are added to the frontier.

        Raises AgencyError if a given URL cannot be a release of the agency.
        """
        if not self.urls:
            marks = ", ".join("?" * len(self.states))
            rows = self.archive.db.execute(
                f"select url from frontier where agency = ? and role"
                f" = 'release' and state in ({marks})"
                " order by first_seen, rowid",
                [slug, *self.states],
            )
            return [url for (url,) in rows]
        urls = [url for url, owner in self.owners.items() if owner == slug]
        for url in urls:
            row = self.archive.frontier.get(url)
            if row and (row.role, row.agency) != ("release", slug):
                raise AgencyError(
                    "arguments", None, "url", f"{url!r} is known as a {row.role} of {row.agency}"
                )
            if not row:
                if not is_release_url(url, self.agencies[slug]):
                    problem = (
                        f"{url!r} is not the address of a release by the table of {slug} (home,"
                        f" releases)"
                    )
                    raise AgencyError("arguments", None, "url", problem)
                with self.archive.transaction():
                    self.archive.frontier.add(
                        url, agency=slug, role="release", seen_at=self.started_at
                    )
        return urls

    async def start(self) -> AsyncIterator[Any]:
        for slug in self.agencies:
            for request in self.next_requests(slug):
                yield request

    def next_rows(self, slug: str, limit: int) -> Iterable[FrontierEntry]:
        for url in self.take_urls(slug, self.queued_urls[slug], limit):
            if row := self.archive.frontier.get(url):
                yield row

    def build_release_request(self, row: FrontierEntry, *, unconditional: bool = True) -> Request:
        """Return an unconditional request for a release.

        The page is parsed again even if it is unchanged, because the rules may have changed.
        """
        return super().build_release_request(row, unconditional=True)

    def finish_page(self, row: FrontierEntry) -> None:
        self.parsed_urls.add(row.url)
        super().finish_page(row)

    def closed(self, reason: str) -> None:
        self.outcomes = [self.find_outcome(url) for url in self.owners]

    def find_outcome(self, url: str) -> RefetchOutcome:
        """Return what became of a page (such as stored, unchanged or rejected), with details.

        If the page was not fetched, the details state the reason.
        """
        slug, started_at, archive = self.owners[url], to_iso(self.started_at) or "", self.archive
        row = archive.db.execute(
            "select state, fetched, problem, release from frontier where url = ?", [url]
        ).fetchone()
        state, fetched_at, problem, release_id = row or ("due", None, None, None)
        if state in REFETCHED_STATES and (fetched_at or "") >= started_at:
            return RefetchOutcome(url=url, state=state, detail=problem or "")
        if url not in self.parsed_urls:
            return RefetchOutcome(url=url, state="not fetched", detail=self.explain_skip(slug))
        for page in Quarantine(archive.db).list_pending(slug):
            if page.url == url:
                return RefetchOutcome(
                    url=url, state="quarantined", detail=describe_reasons(page.reasons)
                )
        sql = "select cause from revisions where release = ? and seen >= ? order by id desc limit 1"
        if revision := archive.db.execute(sql, [release_id, started_at]).fetchone():
            detail = f"as release {release_id} ({CAUSE_NAMES.get(revision[0], revision[0])})"
            return RefetchOutcome(url=url, state="stored", detail=detail)
        return RefetchOutcome(url=url, state="unchanged")

    def explain_skip(self, slug: str) -> str:
        """Return the reason why pages of an agency were not fetched."""
        if slug not in self.agency_stats:
            return f"{slug} is paused in the list, or is being crawled already"
        return (self.agency_stats[slug].problems or ["the crawl ended before"])[-1]


def _parse_page_url(text: str) -> str:
    """Parse an argument as a canonical http or https URL.

    Raises AgencyError if the argument is not such a URL.
    """
    try:
        url = canonical_url(text)
    except ValueError:
        url = ""
    if not url.startswith(("http://", "https://")):
        raise AgencyError("arguments", None, "url", f"{text!r} is not an http or https address")
    return url
