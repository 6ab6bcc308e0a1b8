"""What an agency's site had of us in a crawl: how long we waited between requests, and what robots.txt said."""

from __future__ import annotations

from time import monotonic
from typing import Any

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.robotstxt import RobotParser

from scraper.agency import Agency
from scraper.tally import Tally


class Guest:
    """Watches the downloader's queues, one a host; changes nothing."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.sent: dict[str, float] = {}  # host → when its last request was sent, by the monotonic clock
        self.shortest: dict[str, float] = {}  # host → seconds
        self.ruled: set[str] = set()  # hosts whose robots.txt was read
        crawler.signals.connect(self.headers_received, signals.headers_received)
        crawler.signals.connect(self.request_left, signals.request_left_downloader)
        crawler.signals.connect(self.robots_parsed, signals.robots_parsed)

    def headers_received(self, request: Request) -> None:
        """An answer has begun: its queue still says when the request was sent."""
        self.look(request)

    def request_left(self, request: Request) -> None:
        """A request is over, answered or not."""
        self.look(request)

    def robots_parsed(self, robotparser: RobotParser, request: Request) -> None:
        """There is a robots.txt."""
        self.ruled.add(self.host_of(request))

    def look(self, request: Request) -> None:
        """Note when its host's queue sent last."""
        host = self.host_of(request)
        slot = self.crawler.engine.downloader.slots.get(host) if self.crawler.engine else None
        last = self.sent.get(host)
        if slot is None or slot.lastseen == last or slot.lastseen > monotonic():  # the latter: held back by Retry-After
            return
        self.sent[host] = slot.lastseen
        if last is not None:
            self.shortest[host] = min(self.shortest.get(host, slot.lastseen - last), slot.lastseen - last)

    def host_of(self, request: Request) -> str:
        """The key of a request's queue."""
        return str(self.crawler.engine.downloader.get_slot_key(request)) if self.crawler.engine else ""

    def tell(self, agency: Agency, tally: Tally) -> dict[str, Any]:
        """`delay` and `robots` of an agency, as columns of crawls."""
        own = [seconds for host, seconds in self.shortest.items() if agency.owns(f"https://{host}/")]
        return {"delay": round(min(own), 3) if own else None, "robots": self.find_rules(agency, tally)}

    def find_rules(self, agency: Agency, tally: Tally) -> str | None:
        """What robots.txt said; None where nothing was asked for."""
        if tally.faults["robots unreachable"]:
            return "unreachable"
        if tally.faults["robots"]:
            return "forbidden"
        if any(agency.owns(f"https://{host}/") for host in self.ruled):
            return "allowed"
        return "absent" if tally.requests else None
