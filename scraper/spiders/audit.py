"""`scrapy crawl audit`: every source to its end, for coverage.

Finding a listing's archive pages: its years, and the page where its older releases are kept.

One agency's audit: its sources and what they list, while they are read; taken stock of when all are through.

The audit spider: reads sources wholly, whatever news crawls have seen of them, and takes stock of what is held.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, urljoin, urlsplit

from scrapy import Request
from scrapy.http import Response
from scrapy.settings import BaseSettings
from twisted.python.failure import Failure

from archive.coverage import Entry, Source, Stock, refill, take_stock
from archive.dates import now
from archive.frontier import Row
from archive.urls import canonical_url
from scraper.agency import Agency
from scraper.errors import AgencyError, SourceError
from scraper.failures import find_wall, kind_of, kind_of_source
from scraper.normalise.urls import absolute
from scraper.sources import (
    FILES,
    Sources,
    declared_sources,
    find_sources,
    is_release,
    parse_feed,
    parse_listing,
    parse_robots,
    parse_sitemap,
)
from scraper.sources.links import Link
from scraper.sources.listings import base_of, line_of, to_page
from scraper.spiders.base import ReadingSpider, explain
from scraper.spiders.news import DEEPEST, Traps

YEAR = re.compile(r"(år )?((19|20)\d\d)( ?\(\d+\))?", re.IGNORECASE)
OLDER = re.compile(
    r"(visa |se |till )?((äldre|tidigare) (nyheter|pressmeddelanden|artiklar)|(nyhets|press)?arkiv(et)?"
    r"|arkiv (för |med )?(nyheter|pressmeddelanden)|news archive|older (news|press releases))",
    re.IGNORECASE,
)


def find_archives(body: bytes, url: str, agency: Agency) -> list[str]:
    """The archive pages that a listing links to, in its order; SourceError where it is empty or a trap.

    Only below the listing or the same page with another query, so that no agency's other archives are taken for it;
    a year that its address names as well may also stand beside it.
    """
    own = urlsplit(canonical_url(url))
    below, beside = own.path.rstrip("/") + "/", own.path.rstrip("/").rpartition("/")[0] + "/"
    found: dict[str, None] = {}
    page = to_page(body, url)
    base = base_of(page, url)
    for link in page.xpath("//a[@href]"):
        text = line_of(link.root)
        year = YEAR.fullmatch(text)
        if not (year or OLDER.fullmatch(text)):
            continue
        address = absolute(base, link.attrib["href"])
        if not address or not agency.owns(address) or address == canonical_url(url):
            continue
        parts = urlsplit(address)
        same = parts.path.rstrip("/") == own.path.rstrip("/") and parse_qsl(parts.query) != parse_qsl(own.query)
        sibling = year is not None and len(beside) > 1 and parts.path.startswith(beside) and year[2] in address
        if (same or parts.path.startswith(below) or sibling) and not FILES.search(parts.path):
            found[address] = None
    return list(found)


Kind = Literal["home", "robots", "feed", "sitemap", "listing", "archive"]


@dataclass(slots=True)
class Audit:
    """What is known so far. put_off: what is left of it is another day's."""

    agency: str
    sources: dict[str, Source] = field(default_factory=dict)  # by address
    open: set[tuple[str, str]] = field(default_factory=set)  # source and address of the requests on their way
    asked: set[tuple[str, str]] = field(default_factory=set)  # and of all ever sent: a loop ends here
    traps: Traps = field(default_factory=Traps)
    put_off: bool = False
    settled: bool = False

    def begin(self, url: str, kind: Kind) -> bool:
        """A source is to be read; False where it is one already."""
        if url in self.sources:
            return False
        self.sources[url] = Source(url=url, kind=kind)
        return True

    def add(self, source: str, origin: str, links: Sequence[Link]) -> int:
        """A source lists these; how many of them it had not listed before."""
        entries = self.sources[source].entries
        before = len(entries)
        for link in links:
            entries.setdefault(link.url, Entry(origin=origin, published=link.published, listed=link.listed))
        return len(entries) - before

    def leave(self, source: str, url: str, why: str) -> None:
        """A source is not read to its end this time."""
        self.put_off = True
        self.sources[source].broke_off(f"{url}: left for another time: {why}")

    @property
    def answered(self) -> bool:
        """Whether any source named something, or could be read to its end."""
        sources = [source for source in self.sources.values() if source.kind not in ("home", "robots")]
        return any(source.entries or source.problem is None for source in sources)


def parse_flag(name: str, text: str) -> bool:
    """An argument that is yes or no; no where it is left out.

    >>> parse_flag("refill", "yes"), parse_flag("refill", "")
    (True, False)
    """
    if text not in ("", "no", "yes"):
        raise AgencyError("arguments", None, name, f"{text!r} is neither yes nor no")
    return text == "yes"


logger = logging.getLogger(__name__)
ARCHIVES_MAX = 100  # archive pages an agency


class AuditSpider(ReadingSpider):
    """scrapy crawl audit [-a agency=slug[,slug]] [-a refill=yes].

    Every feed, sitemap, listing and archive page is read to its end, without conditions and without regard to what
    is known; no release is read. What is missing is written to ledger and gaps; refill: it also becomes due, for
    the next news crawl to read. Else nothing that a news crawl goes by is touched.
    """

    name = "audit"

    def __init__(self, agency: str = "", minutes: str = "", refill: str = "", **arguments: Any) -> None:
        super().__init__(agency, minutes, **arguments)
        self.refill = parse_flag("refill", refill)
        self.audits: dict[str, Audit] = {}
        self.readers: dict[Kind, Callable[[Response, Agency, Audit], Iterable[Request]]] = {
            "home": self.read_home,
            "robots": self.read_robots,
            "feed": self.read_feed,
            "sitemap": self.read_sitemap,
            "listing": self.read_listing,
            "archive": self.read_listing,
        }

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        settings.set("ITEM_PIPELINES", {}, priority="spider")  # it has no items, and judges none

    async def start(self) -> AsyncIterator[Any]:
        for slug, agency in self.agencies.items():
            self.audits[slug] = audit = Audit(slug)
            sources = declared_sources(agency)
            for request in list(self.ask_sources(sources, audit) if sources != Sources() else self.ask_home(audit)):
                yield request
            if not audit.open and audit.put_off:
                self.tell_put_off(audit)

    def next_rows(self, slug: str, number: int) -> Iterable[Row]:
        """No release is read."""
        return ()

    # -- asking ---------------------------------------------------------------------------------------------

    def ask_home(self, audit: Audit) -> Iterator[Request]:
        """What shows the sources of an agency whose table names none."""
        home = self.agencies[audit.agency].home
        yield from self.ask_root(home, "home", audit)
        yield from self.ask_root(urljoin(home, "/robots.txt"), "robots", audit)

    def ask_sources(self, sources: Sources, audit: Audit) -> Iterator[Request]:
        """Every feed, sitemap and listing."""
        kinds: tuple[tuple[Kind, list[str]], ...] = (
            ("feed", sources.feeds),
            ("sitemap", sources.sitemaps),
            ("listing", sources.listings),
        )
        for kind, urls in kinds:
            for url in urls:
                yield from self.ask_root(url, kind, audit)

    def ask_root(self, url: str, kind: Kind, audit: Audit, **meta: Any) -> Iterator[Request]:
        """A source, unless it was met already."""
        if audit.begin(url, kind):
            yield from self.ask_page(url, url, kind, audit, **meta)

    def ask_page(self, url: str, root: str, kind: Kind, audit: Audit, **meta: Any) -> Iterator[Request]:
        """A part of a source: its first page, a later one, a sitemap below an index."""
        if (root, url) in audit.asked:
            return
        if self.patience.is_over(audit.agency):
            audit.leave(root, url, "there is no time, or nothing more is asked of it today")
            return
        audit.asked.add((root, url))
        audit.open.add((root, url))
        told = {"agency": audit.agency, "root": root, "kind": kind, "page": 1, **meta}
        if kind == "robots":  # a site without robots.txt names no sitemaps (RFC 9309)
            told["handle_httpstatus_list"] = list(range(400, 500))
        yield Request(url, callback=self.read, errback=self.page_failed, meta={**told, "asked": url})

    # -- reading --------------------------------------------------------------------------------------------

    def read(self, response: Response) -> Iterator[Request]:
        """One answer, and what is to be asked because of it; after the last one stock is taken."""
        meta = response.meta
        audit = self.audits[meta["agency"]]
        try:
            yield from list(self.readers[meta["kind"]](response, self.agencies[audit.agency], audit))
        except SourceError as error:
            self.tallies[audit.agency].err(str(error), kind_of_source(error, response), source=True)
            self.broke_off(audit, meta["root"], str(error))
        self.request_over(audit, meta["root"], meta["asked"])

    def read_home(self, response: Response, agency: Agency, audit: Audit) -> Iterator[Request]:
        """The home page of an agency whose table names no source."""
        found = find_sources(response.body, response.url, agency)
        yield from self.ask_sources(found, audit)

    def read_robots(self, response: Response, agency: Agency, audit: Audit) -> Iterator[Request]:
        """robots.txt of such an agency, for its Sitemap lines."""
        if response.status == 200:
            yield from self.ask_sources(Sources(sitemaps=parse_robots(response.body, response.url)), audit)

    def read_feed(self, response: Response, agency: Agency, audit: Audit) -> Iterator[Request]:
        """A feed."""
        links = [link for link in parse_feed(response.body, response.url, agency) if is_release(link.url, agency)]
        audit.add(response.meta["root"], response.meta["root"], links)
        yield from ()

    def read_sitemap(self, response: Response, agency: Agency, audit: Audit) -> Iterator[Request]:
        """A sitemap, or an index: all sitemaps below it are read, whatever it says of their change."""
        root, depth = response.meta["root"], response.meta.get("depth", 1)
        links, children = parse_sitemap(response.body, response.url, agency)
        audit.add(root, response.meta["asked"], links)
        if children and depth > DEEPEST:
            raise SourceError(response.url, f"is an index too deep: {depth - 1} lie above")
        for child in children:
            yield from self.ask_page(child.url, root, "sitemap", audit, depth=depth + 1)

    def read_listing(self, response: Response, agency: Agency, audit: Audit) -> Iterator[Request]:
        """One page of a listing, then the next to the end; and the archive pages that the first one leads to."""
        root, page, kind = response.meta["root"], response.meta["page"], response.meta["kind"]
        links, following = parse_listing(response.body, response.url, agency)
        if not links and (page > 1 or find_wall(response.body, response.url)):
            raise SourceError(response.url, f"page {page} of {root} lists nothing")
        archives = find_archives(response.body, response.url, agency) if page == 1 else []
        new = audit.add(root, root, [link for link in links if link.url not in archives])
        if following and (root, following) not in audit.asked:
            if trap := audit.traps.find(root, page, self.settings.getint("LISTING_PAGES_MAX"), new=bool(new)):
                raise SourceError(root, trap)
            yield from self.ask_page(following, root, kind, audit, page=page + 1)
        depth = response.meta.get("depth", 0)
        for url in archives if depth < DEEPEST else ():
            if sum(source.kind == "archive" for source in audit.sources.values()) >= ARCHIVES_MAX:
                raise SourceError(root, f"leads to more than {ARCHIVES_MAX} archive pages: taken for a trap")
            yield from self.ask_root(url, "archive", audit, depth=depth + 1)

    # -- ending ---------------------------------------------------------------------------------------------

    def page_failed(self, failure: Failure) -> None:
        """No answer worth reading."""
        request: Request = failure.request  # type: ignore[attr-defined] # set by Scrapy
        audit = self.audits[request.meta["agency"]]
        if self.patience.put_off(failure):
            audit.leave(request.meta["root"], request.url, explain(failure))
        else:
            problem = f"{request.url}: {explain(failure)}"
            self.tallies[audit.agency].err(problem, kind_of(failure.value), source=True)
            self.broke_off(audit, request.meta["root"], problem)
        self.request_over(audit, request.meta["root"], request.meta["asked"])

    def answer_failed(self, failure: Failure, response: Response | Failure | None) -> None:
        """Our own code failed on an answer (counted by scraper.extensions.crawl_stats)."""
        request: Request | None = getattr(response, "request", None)
        if self.patience.give_up(failure.value) or request is None:
            return
        audit = self.audits[request.meta["agency"]]
        self.broke_off(audit, request.meta["root"], f"{request.url}: our own code failed on it")
        self.request_over(audit, request.meta["root"], request.meta["asked"])

    def broke_off(self, audit: Audit, root: str, problem: str) -> None:
        """A source lists more than was read."""
        logger.error("%s", problem)
        audit.sources[root].broke_off(problem)

    def request_over(self, audit: Audit, root: str, url: str) -> None:
        """A request has come to its end; after the last one stock is taken, unless the crawl was told to stop."""
        audit.open.discard((root, url))
        if audit.open or audit.settled:
            return
        audit.settled = True
        if self.turn.stopping or (audit.put_off and not audit.answered):
            self.tell_put_off(audit)
        else:
            self.settle_audit(audit)

    def tell_put_off(self, audit: Audit) -> None:
        """There was no time for an agency."""
        logger.warning("%s: not read to the end this time: no stock was taken", audit.agency)

    def settle_audit(self, audit: Audit) -> None:
        """Take stock; not where no source named anything or was read to its end: the last one stands."""
        slug, due = audit.agency, 0
        if not audit.answered:
            self.tallies[slug].doubt(f"{slug}: none of its sources could be read: no stock was taken")
            return
        with self.archive.transaction():
            stock = take_stock(self.archive.db, slug, list(audit.sources.values()), now())
            due = refill(self.archive.db, slug, now()) if self.refill else 0
        self.tallies[slug].listed = stock.listed
        logger.info("%s: %s", slug, tell(stock, due, refilled=self.refill))
        audit.sources.clear()


def tell(stock: Stock, due: int, *, refilled: bool) -> str:
    """A stocktaking in a line."""
    told = [f"{stock.listed} listed", f"{stock.held} held", f"{stock.refused} refused", f"{stock.missing} missing"]
    told += [f"{stock.delisted} held but no longer listed"] if stock.delisted else []
    told += [f"{due} due now"] if refilled else []
    return ", ".join(told) + ("" if stock.whole else "; a source broke off: it may list more")
