"""What every spider of ours shares: whose pages, the archive, and reading the releases that are due."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self, TextIO

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DontCloseSpider
from scrapy.http import Response
from scrapy.settings import BaseSettings
from twisted.python.failure import Failure

from archive.frontier import Row
from archive.store import Archive
from archive.times import now
from scraper.agency import DEFAULT_LIST, Agency, check_contact, choose_agencies, load_agencies, user_agent
from scraper.errors import AgencyError, NotARelease, PageError
from scraper.faults import kind_of
from scraper.items import Answer, Reading
from scraper.locks import lock_agencies
from scraper.pages import read_page
from scraper.schedule import parse_schedule
from scraper.spiders.answers import check_answer, explain, forbidden, says_unchanged, to_answer, validators
from scraper.spiders.patience import Patience, leave_paused
from scraper.spiders.turn import parse_turn
from scraper.tally import Tally
from scraper.witness import Witness

logger = logging.getLogger(__name__)

KINDS = {  # what may stand in a held release's place, by what the page is
    "gone": "gone",
    "error page": "error page",
    "redirected": "redirected",
    "listing": "replaced",
}
AHEAD = 4  # releases of one agency asked for ahead of their turn; the frontier holds the rest


class ReadingSpider(Spider):
    """Reads due releases, a few ahead per agency, so that memory does not grow with what is due.

    Arguments: agency (a slug, or several with commas; all where it is left out); minutes (how long the pass may
    go on; what is left then is for a later one).
    """

    agencies: dict[str, Agency]
    archive: Archive
    witness: Witness
    lock: TextIO  # a file beside the archive

    def __init__(self, agency: str = "", minutes: str = "", **arguments: Any) -> None:
        for name in arguments:
            raise AgencyError("arguments", None, name, "is no argument of this spider")
        super().__init__()
        self.wanted = [slug.strip() for slug in agency.split(",") if slug.strip()]
        self.turn = parse_turn(minutes)
        self.tallies: dict[str, Tally] = {}
        self.asked: dict[str, set[str]] = {}  # per agency: releases on their way
        self.unanswered: Counter[str] = Counter()  # per agency: requests that network, server or a wall failed
        self.patience = Patience(self)
        self.ended = False  # whether the crawl came to its own end
        self.stuck: set[str] = set()  # releases not asked again in this crawl: we failed on them, or their host rests

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        settings.set("USER_AGENT", user_agent(settings.get("CONTACT")), priority="spider")

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        file = Path(crawler.settings.get("AGENCIES") or DEFAULT_LIST)
        spider.agencies = choose_agencies(load_agencies(file), spider.wanted, file)
        check_contact(spider.agencies, crawler.settings.get("CONTACT"))
        schedule = parse_schedule(crawler.settings["REVISIT_AGES"])
        spider.archive = Archive(crawler.settings["ARCHIVE"])
        spider.witness = Witness(spider.archive, schedule)
        spider.lock, ours = lock_agencies(spider.archive.path, spider.agencies)
        spider.agencies = {slug: agency for slug, agency in spider.agencies.items() if slug in ours}
        for slug, agency in spider.agencies.items():
            spider.archive.add_agency(
                slug, name=agency.name, home=agency.home, name_en=agency.name_en, org_number=agency.org_number
            )
        spider.agencies = leave_paused(spider.archive, spider.agencies)
        spider.tallies = {slug: Tally() for slug in spider.agencies}
        spider.asked = {slug: set() for slug in spider.agencies}
        for signal in (signals.item_scraped, signals.item_dropped):
            crawler.signals.connect(spider.item_settled, signal)
        crawler.signals.connect(spider.item_failed, signals.item_error)
        crawler.signals.connect(spider.answer_failed, signals.spider_error)
        crawler.signals.connect(spider.idle, signals.spider_idle)
        crawler.signals.connect(spider.engine_stopped, signals.engine_stopped)
        return spider

    def engine_stopped(self) -> None:
        """Let go of the archive and the lock, once everything else has ended."""
        self.witness.close()
        self.archive.close()
        self.lock.close()

    # -- asking ---------------------------------------------------------------------------------------------

    def draw(self, slug: str) -> Iterator[Request]:
        """Requests for an agency's next due releases, up to AHEAD on their way at once."""
        over = self.patience.is_over(slug)
        rows = [] if over else list(self.next_rows(slug, AHEAD - len(self.asked[slug])))
        # at once: Scrapy takes requests from several callbacks in turn
        self.asked[slug].update(row.url for row in rows)
        for row in rows:
            yield self.ask(row)

    def next_rows(self, slug: str, number: int) -> Iterable[Row]:
        """Up to `number` releases of an agency to be read next."""
        return self.patience.choose(slug, number)

    def ask(self, row: Row, *, plainly: bool = False) -> Request:
        """A request for one release, conditional where the server gave validators (RFC 9110, 13); not if `plainly`."""
        return Request(
            row.url,
            callback=self.read_release,
            errback=self.release_failed,
            headers=validators(row) if row.release and not plainly else None,
            meta={"agency": row.agency, "row": row, "plainly": plainly, "handle_httpstatus_list": [304, 404, 410]},
        )

    def settle(self, slug: str, url: str) -> None:
        """A release's request has come to its end: ask for the next."""
        self.asked[slug].discard(url)
        self.crawl(self.draw(slug))

    def crawl(self, requests: Iterable[Request]) -> bool:
        """Hand requests to the engine; whether there were any."""
        engine, any_request = self.crawler.engine, False
        for request in requests:
            if engine:
                engine.crawl(request)
                any_request = True
        return any_request

    def idle(self) -> None:
        """Nothing is on its way any more: whatever is still due goes on, or the crawl is at its end."""
        drawn = [self.crawl(self.draw(slug)) for slug in self.agencies]
        if any(drawn):
            raise DontCloseSpider
        self.ended = not self.turn.stopping

    # -- reading --------------------------------------------------------------------------------------------

    def read_release(self, response: Response) -> Iterator[Reading | Request]:
        """One answer: a release, an unchanged one, one that is away, or a page that is refused."""
        row: Row = response.meta["row"]
        if response.status == 304 and says_unchanged(response, row):
            self.unchanged(row)
            return
        agency, answer = self.agencies[row.agency], to_answer(response)
        if response.status == 304:
            if response.meta.get("plainly"):
                self.no_release(row, answer, NotARelease(row.url, "answered 304 to a request without conditions"))
            else:
                yield self.ask(row, plainly=True)
            return
        try:
            check_answer(response, row.url, agency, self)
            item = read_page(response.body, response.url, agency)
        except PageError as error:
            self.no_release(row, answer, error)
            return
        yield Reading(item=item, visited=row.url, held=row.release, answer=answer)

    def unchanged(self, row: Row) -> None:
        """A held release stands as it stood, says the server: one row is written where that was known already."""
        assert row.release is not None  # noqa: S101 - nobody else's address is asked for on a condition
        seen, tally = now(), self.tallies[row.agency]
        if row.state == "held":
            self.witness.stood(row.release, seen)
        else:
            with self.archive.transaction():
                self.witness.stands(row.release, seen)
                self.archive.frontier.held(row.url, row.release, seen)
        tally.unchanged += 1
        tally.not_modified += 1
        self.settle(row.agency, row.url)

    def no_release(self, row: Row, answer: Answer, error: PageError) -> None:
        """An answer that holds no release: a held one is away, unless the page only cannot be read."""
        kind = error.kind if isinstance(error, NotARelease) else "other"
        target = (getattr(error, "target", None) or answer.url) if kind == "redirected" else None
        tally = self.tallies[row.agency]
        logger.warning("%s", error)
        if kind == "blocked":
            self.witness.unread(row.url, row.release, answer.seen, str(error), refused=row.release is None)
            tally.err(str(error), kind_of(error))
            self.unanswered[row.agency] += 1
        elif row.release and kind in KINDS:
            self.witness.away(row.url, row.release, answer, KINDS[kind], target)
            tally.away += 1
            tally.blame(str(error), kind_of(error))
        else:
            if kind == "gone":
                with self.archive.transaction():
                    self.archive.frontier.gone(row.url, answer.seen, str(error))
            else:
                self.witness.unread(row.url, row.release, answer.seen, str(error), refused=True)
            tally.refuse(str(error), kind_of(error))
        self.settle(row.agency, row.url)

    def release_failed(self, failure: Failure) -> None:
        """No answer worth reading: robots.txt forbids, or the network or server failed."""
        if self.patience.put_off(failure) or self.patience.put_aside(failure):
            return  # asked for by a later crawl
        row: Row = failure.request.meta["row"]  # type: ignore[attr-defined] # set by Scrapy
        problem, no = f"{row.url}: {explain(failure)}", forbidden(failure)
        logger.warning("%s", problem)
        self.witness.unread(row.url, row.release, now(), problem, refused=no)
        tally = self.tallies[row.agency]
        (tally.refuse if no else tally.err)(problem, kind_of(failure.value))
        self.unanswered[row.agency] += not no
        self.settle(row.agency, row.url)

    def item_settled(self, item: Reading) -> None:
        """The pipeline has kept or refused a reading."""
        self.settle(item.item.agency or "", item.visited)

    def item_failed(self, item: Reading, failure: Failure) -> None:
        """The pipeline failed on a reading: it is asked for again in a later crawl."""
        if self.patience.give_up(failure.value):
            return
        slug, problem = item.item.agency or "", f"{item.visited}: {explain(failure)}"
        self.tallies[slug].err(problem, kind_of(failure.value))
        self.stuck.add(item.visited)
        self.witness.unread(item.visited, item.held, item.answer.seen, problem, refused=True)
        self.settle(slug, item.visited)

    def answer_failed(self, failure: Failure, response: Response | Failure | None) -> None:
        """Our own code failed on an answer (counted by scraper.health): it is asked for again in a later crawl."""
        if self.patience.give_up(failure.value):
            return
        request: Request | None = getattr(response, "request", None)
        row = request.meta.get("row") if request else None
        if isinstance(row, Row):
            self.stuck.add(row.url)
            self.witness.unread(row.url, row.release, now(), f"{row.url}: our own code failed on it", refused=True)
            self.settle(row.agency, row.url)
