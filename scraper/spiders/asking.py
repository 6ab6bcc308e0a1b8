"""Asking for the sources of agencies, and what their answers come to: read whole, unreadable, or none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from archive.times import now
from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.faults import kind_of, kind_of_source
from scraper.sessions import Link
from scraper.spiders.answers import explain, header, validators
from scraper.spiders.ledger import Ledger
from scraper.spiders.reading import ReadingSpider
from scraper.stopping import Stopped
from scraper.unasked import HostPaused, NotNow

logger = logging.getLogger(__name__)

Answer = Callable[[Response], Iterator[Request]]


class AskingSpider(ReadingSpider):
    """A spider that reads sources as well; what they list is kept by a ledger an agency."""

    since: date | None = None  # what is older is left out, and a pass that leaves something out is no whole one

    def __init__(self, agency: str = "", minutes: str = "", **arguments: Any) -> None:
        super().__init__(agency, minutes, **arguments)
        self.ledgers: dict[str, Ledger] = {}

    def ask_source(
        self,
        url: str,
        agency: Agency,
        role: str,
        callback: Answer,
        *,
        index: str | None = None,
        listed: str | None = None,
        turn: int = 0,
        **meta: Any,
    ) -> Iterator[Request]:
        """A request for a source, unless this crawl has asked it; conditional where it was read to its end once.

        index, listed: of a sitemap, the index that names it and when that says it changed. turn: those with a
        higher one are asked before others. meta: first and
        page, of a listing's later page: where the listing begins and which page of it this is.
        """
        if url in self.ledgers[agency.slug].asked:
            return
        self.ledgers[agency.slug].asked.add(url)
        with self.archive.transaction():
            self.archive.frontier.add(url, agency=agency.slug, role=role, seen=now(), source=index, listed=listed)
        row = self.archive.frontier.get(url)
        own = row is not None and row.agency == agency.slug  # else another agency's validators
        whole = row is not None and own and row.state == "done" and role in ("feed", "sitemap")
        yield Request(
            url,
            callback=callback,
            errback=self.source_failed,
            priority=10 + turn,  # first what there is, then reading it
            headers=validators(row) if whole and row else None,
            meta={
                "agency": agency.slug,
                "source": url,
                "first": url,
                "page": 1,
                **({"index": index} if index else {}),
                "handle_httpstatus_list": [304],
                **meta,
            },
        )

    def source_done(self, response: Response, links: list[Link] | None = None) -> None:
        """A source was read to its end; not where `since` left some of it out."""
        if self.since:
            return
        with self.archive.transaction():
            self.archive.frontier.done(
                response.meta["source"],
                now(),
                links=None if links is None else len(links),
                etag=header(response, "ETag"),
                last_modified=header(response, "Last-Modified"),
            )

    def source_unreadable(self, response: Response, error: SourceError, source: str | None = None) -> None:
        """A source answered with something else; `source`, where that is another than was asked."""
        logger.error("%s", error)
        self.tallies[response.meta["agency"]].err(str(error), kind_of_source(error, response), source=True)
        with self.archive.transaction():
            self.archive.frontier.failed(source or response.meta["source"], now(), str(error))

    def source_failed(self, failure: Failure) -> None:
        """A source did not answer."""
        request: Request = failure.request  # type: ignore[attr-defined] # set by Scrapy
        later, problem = self.patience.put_off(failure), f"{request.url}: {explain(failure)}"
        if isinstance(failure.value, (NotNow, Stopped)) and request.meta["page"] > 1:  # goes on from this page
            first, page, resumed = request.meta["first"], request.meta["page"], request.meta.get("resumed", False)
            self.ledgers[request.meta["agency"]].cut(first, request.url, page, resumed=resumed)
        if not later:
            logger.error("%s", problem)
            self.tallies[request.meta["agency"]].err(problem, kind_of(failure.value), source=True)
        if later or isinstance(failure.value, HostPaused):
            return  # asked for by a later crawl
        if request.meta.get("resumed") and getattr(getattr(failure.value, "response", None), "status", 0) in (404, 410):
            self.ledgers[request.meta["agency"]].begin_anew(request.meta["first"])
        with self.archive.transaction():
            self.archive.frontier.failed(request.meta["source"], now(), problem)
