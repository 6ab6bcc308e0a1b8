"""ReleaseSpider: draws due URLs, callbacks, deadline, deferral.

What an answer is: evidence, unchanged, not what was asked for, or none; and the words for why.

What a crawl leaves for a later one: paused agencies, hosts left in peace, spent budgets; all, on a full disk.

How long a pass may go on: as long as it needs, for some minutes, or until it is told to stop.

What every spider of ours shares: whose pages, the archive, and reading the releases that are due.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Self, TextIO

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DontCloseSpider, StopDownload
from scrapy.http import Response
from scrapy.settings import BaseSettings
from twisted.python.failure import Failure

from archive.database import ArchiveError
from archive.dates import now
from archive.frontier import Row
from archive.store import Archive
from scraper.agency import DEFAULT_LIST, Agency, check_contact, choose_agencies, load_agencies, user_agent
from scraper.downloader.errors import HostPaused, NotNow, PrivateAddress, RobotsForbidden, Stopped
from scraper.downloader.robots import explain as say
from scraper.errors import AgencyError, NotARelease, PageError
from scraper.extensions.crawl_stats import Tally
from scraper.failures import find_wall, kind_of
from scraper.ingest import Witness, parse_schedule
from scraper.items import Answer, Reading
from scraper.locks import lock_agencies
from scraper.normalise.urls import host_of
from scraper.pages import read_page
from scraper.pages.document import Document
from scraper.sources import is_release

BOT = "myndighetsarkivet"  # as robots directives may name us


def says_unchanged(response: Response, row: Row) -> bool:
    """Whether a 304 is about what is held: not where a redirect took the condition along to another address."""
    return response.url == row.url and bool(validators(row)) and row.release is not None


def to_answer(response: Response) -> Answer:
    """A response as evidence."""
    headers = {
        name.decode("latin-1").lower(): b", ".join(found).decode("latin-1") for name, found in response.headers.items()
    }
    return Answer(url=response.url, seen=now(), status=response.status, headers=headers, body=response.body)


def check_answer(response: Response, asked: str, agency: Agency, spider: ReadingSpider) -> None:
    """NotARelease where an answer cannot be the release that was asked for, or asks to be left alone."""
    if response.status in (404, 410):
        raise NotARelease(asked, f"answered {response.status}", "gone")
    if led := find_detour(response, asked, agency, spider):
        if (wall := find_wall(response.body, response.url)) and wall.kind == "blocked":
            raise NotARelease(asked, f"{wall.problem} (led to {response.url})", "blocked")
        raise NotARelease(asked, f"led to {led}: {response.url}", "redirected")
    if spider.settings.getbool("NOINDEX_OBEY") and asks_noindex(response):
        raise NotARelease(asked, "asks not to be indexed (noindex), which NOINDEX_OBEY heeds")


def find_detour(response: Response, asked: str, agency: Agency, spider: ReadingSpider) -> str | None:
    """What a redirect led to instead of a release; None where it may be one, or there was none."""
    if not agency.owns(response.url):
        return "another host"
    if response.url == asked:
        return None
    row = spider.archive.frontier.get(response.url)
    return "what is no release" if not is_release(response.url, agency) or (row and row.role != "release") else None


def asks_noindex(response: Response) -> bool:
    """Whether an answer says noindex, or none, to every robot or to ours: in X-Robots-Tag or a meta element."""
    told = [value.decode("latin-1") for value in response.headers.getlist("X-Robots-Tag")]
    meta = Document(response.body, response.url).meta
    told += [meta[name] for name in ("robots", BOT) if name in meta]
    return any(says_noindex(text) for text in told)


def says_noindex(text: str) -> bool:
    """Whether a robots directive keeps our robot from indexing.

    >>> says_noindex("noarchive, noindex"), says_noindex("googlebot: noindex"), says_noindex("index, follow")
    (True, False, False)
    """
    robot, colon, rules = text.lower().partition(":")
    if colon and robot.strip() not in (BOT, "unavailable_after"):
        return False  # to another robot
    return not {"noindex", "none"}.isdisjoint(word.strip() for word in (rules if colon else robot).split(","))


def validators(row: Row) -> dict[str, str]:
    """The headers that ask for an address only if it has changed."""
    headers = {"If-None-Match": row.etag, "If-Modified-Since": row.last_modified}
    return {name: value for name, value in headers.items() if value}


def header(response: Response, name: str) -> str | None:
    """A response header as text."""
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None


def forbidden(failure: Failure) -> bool:
    """Whether a request was not sent, for robots.txt forbids it or it leads where nothing may be asked."""
    return isinstance(failure.value, RobotsForbidden | PrivateAddress)


def explain(failure: Failure) -> str:
    """A failure in a line: what kind, and what it says of itself."""
    if isinstance(failure.value, StopDownload):
        return "was broken off: too much was on its way at once (IN_FLIGHT_MAX)"
    if response := getattr(failure.value, "response", None):
        return f"answered {response.status}"
    if isinstance(failure.value, ArchiveError):  # without the folder, which is nobody's business
        return failure.getErrorMessage().replace(failure.value.file, Path(failure.value.file).name)
    assert failure.value is not None  # noqa: S101 - a failure has one
    return say(failure.value)


logger = logging.getLogger(__name__)
LOOK = 500  # due releases looked at together for one whose host is not left in peace


class Patience:
    """Puts off an agency, or the whole crawl. What was found stays as the frontier has it."""

    def __init__(self, spider: ReadingSpider) -> None:
        self.spider = spider
        self.halted: set[str] = set()  # agencies that nothing more is asked of in this crawl
        self.resting: defaultdict[str, set[str]] = defaultdict(set)  # per agency: other hosts left in peace

    def is_over(self, slug: str) -> bool:
        """Whether nothing more is to be asked of an agency."""
        return slug in self.halted or self.spider.turn.is_over()

    def put_off(self, failure: Failure) -> bool:
        """Whether a request failed only because its agency's time is a later crawl; told once an agency.

        Another host than the agency's own that is left in peace keeps nothing back but what is to be read there.
        """
        if self.spider.turn.stopping or isinstance(failure.value, Stopped) or self.give_up(failure.value):
            return True
        if not isinstance(failure.value, NotNow) or self.is_elsewhere(failure):
            return False
        slug = failure.request.meta["agency"]  # type: ignore[attr-defined] # set by Scrapy
        if slug not in self.halted:
            self.halted.add(slug)
            problem, tally = (
                f"{slug}: {failure.value}; what is left goes on with a later crawl",
                self.spider.tallies[slug],
            )
            logger.warning("%s", problem)
            if isinstance(failure.value, HostPaused):
                tally.err(problem, kind_of(failure.value))
            else:
                tally.doubt(problem)
        return True

    def is_elsewhere(self, failure: Failure) -> bool:
        """Whether a request failed because a host is left in peace that is not its agency's own."""
        request: Request = failure.request  # type: ignore[attr-defined] # set by Scrapy
        home = self.spider.agencies[request.meta["agency"]].home
        return isinstance(failure.value, HostPaused) and host_of(request.url) != host_of(home)

    def put_aside(self, failure: Failure) -> bool:
        """Whether a release is left for a later crawl, with all that is to be read at its host; told once a host."""
        if not isinstance(failure.value, HostPaused):
            return False
        request: Request = failure.request  # type: ignore[attr-defined] # set by Scrapy
        row: Row = request.meta["row"]
        host = host_of(request.url)
        if host not in self.resting[row.agency]:
            self.resting[row.agency].add(host)
            problem = f"{row.url}: {failure.value}; what is to be read there goes on with a later crawl"
            logger.warning("%s", problem)
            self.spider.tallies[row.agency].err(problem, kind_of(failure.value))
        self.spider.stuck.add(row.url)
        self.spider.settle(row.agency, row.url)
        return True

    def choose(self, slug: str, number: int) -> list[Row]:
        """Up to `number` due releases of an agency, without those at hosts that are left in peace."""
        spider, resting = self.spider, self.resting[slug]
        while True:
            leave = frozenset(spider.asked[slug] | spider.stuck)
            rows = spider.archive.frontier.due(slug, now(), LOOK if resting and number > 0 else number, leave)
            away = {row.url for row in rows if host_of(row.url) in resting}
            spider.stuck |= away
            if len(rows) > len(away) or not away:
                return [row for row in rows if row.url not in away][:number]

    def give_up(self, error: BaseException | None) -> bool:
        """Whether the archive itself cannot be written: then the crawl ends, for nothing it reads could be kept."""
        problem = find_unwritable(error)
        if problem and not self.spider.turn.stopping:
            logger.critical("the archive cannot be written: %s", problem)
            self.spider.turn.stopping = True
            self.spider.archive.db.execute("pragma busy_timeout = 0")  # nothing waits for a lock any more
            if self.spider.crawler.engine:
                self.spider.crawler.engine.close_spider(self.spider, f"the archive cannot be written: {problem}")
        return problem is not None


def find_unwritable(error: BaseException | None) -> str | None:
    """What keeps the archive from being written, where that is why something failed: a full disk, a lock."""
    while error is not None:
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.IntegrityError):
            return str(error)
        error = error.__cause__
    return None


def leave_paused(archive: Archive, agencies: dict[str, Agency]) -> dict[str, Agency]:
    """The agencies that are not paused in the list; the others are told, and written down."""
    with archive.transaction():
        archive.hosts.mark_paused({slug: agency.paused for slug, agency in agencies.items()})
    for slug, agency in agencies.items():
        if agency.paused:
            logger.warning("%s is paused in the list of agencies and left out: %s", slug, agency.paused)
    return {slug: agency for slug, agency in agencies.items() if not agency.paused}


@dataclass(slots=True)
class Turn:
    """A pass's time. Once it is over nothing more is asked for; the frontier remembers what is left."""

    until: float | None = None  # by the monotonic clock; None: no end
    stopping: bool = False  # the process was told to stop (scraper.stopping)

    def is_over(self) -> bool:
        """Whether the pass has had its time."""
        return self.stopping or (self.until is not None and monotonic() >= self.until)


def parse_turn(minutes: str, *, source: str = "arguments", name: str = "minutes") -> Turn:
    """The `minutes` argument, or another that tells as much; AgencyError where it is no positive number.

    >>> parse_turn("").until is None, parse_turn("0.5").is_over()
    (True, False)
    """
    if not minutes:
        return Turn()
    try:
        number = float(minutes)
    except ValueError:
        number = -1
    if not 0 < number < float("inf"):
        raise AgencyError(source, None, name, f"{minutes!r} is no positive number of minutes")
    return Turn(monotonic() + 60 * number)


def check_pass(settings: BaseSettings) -> None:
    """AgencyError where ROUND_PASS_MINUTES cannot be handed to a pass."""
    parse_turn(str(settings["ROUND_PASS_MINUTES"]), source="settings", name="ROUND_PASS_MINUTES")


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
