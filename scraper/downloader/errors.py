"""Why a request is not sent. Apart from scraper/errors.py, so that reading a page needs no Scrapy.

scrapy.exceptions.IgnoreRequest
├── NotAsked               a rule of ours, or not now
│   ├── PrivateAddress     it leads to an address that is none of the public net's
│   ├── RobotsForbidden    robots.txt forbids it
│   ├── RobotsUnreachable  robots.txt could not be read
│   └── NotNow             its agency is left alone for the rest of this crawl; what was found stays due
│       ├── HostPaused     the host asked for it, or does not answer
│       └── BudgetSpent    the day's requests are used up
└── Stopped                the crawl comes to its end
"""

from __future__ import annotations

from scrapy.exceptions import IgnoreRequest


class RequestNotSent(IgnoreRequest):
    """A request that was kept from being sent."""


class PrivateAddress(RequestNotSent):
    """A request that leads into a private net, to this machine, or to what serves neither http nor https."""

    def __init__(self, host: str, problem: str) -> None:
        self.host = host
        super().__init__(f"{host} {problem}")


class RequestDeferred(RequestNotSent):
    """A request whose turn comes in a later crawl."""


class HostPaused(RequestDeferred):
    """The host is left in peace."""


class DailyBudgetExceeded(RequestDeferred):
    """The agency's requests of this day are used up."""


class CrawlStopped(IgnoreRequest):
    """The request was not sent, for the crawl comes to its end; the frontier has it due still."""


class RobotsForbidden(RequestNotSent):
    """robots.txt forbids the request."""


class RobotsUnreachable(RequestNotSent):
    """robots.txt was answered by a server's fault or not at all: nothing is asked for until it can be read."""
