"""Whose an agency's host is: a lock at the broker that expires, with a token that only rises.

The lock lasts CREW_LEASE seconds and then as long as the longest delay between two requests (CRAWL_DELAY_MAX). Who has
it asks for nothing once less than that is left, so that the next one's first request keeps the host's delay.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from scraper.crew.broker import FENCED, KEEP, TAKE, Broker
from scraper.errors import CrewError

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine sleeps


class Lease:
    """A host's lock, ours while its token stands there."""

    def __init__(self, broker: Broker, settings: BaseSettings, host: str, token: int) -> None:
        self.broker, self.token, self.key = broker, token, broker.key("lease", host)
        self.safe, self.quiet = settings.getfloat("CREW_LEASE"), settings.getfloat("CRAWL_DELAY_MAX")
        self.until = 0.0  # by CLOCK

    @classmethod
    def take(cls, broker: Broker, settings: BaseSettings, host: str) -> Lease | None:
        """A new lease; None where somebody has it."""
        lease, begun = cls(broker, settings, host, 0), time.clock_gettime(CLOCK)
        lease.token = broker.run(TAKE, [lease.key, broker.key("token")], lease.whole)
        lease.told(lease.whole, begun)
        return lease if lease.token else None

    @property
    def whole(self) -> int:
        """Milliseconds from one renewal to the end, if no other follows."""
        return round(1000 * (self.safe + self.quiet))

    @property
    def left(self) -> float:
        """Seconds that we may go on asking, as far as we know; less than 0: no more."""
        return self.until - time.clock_gettime(CLOCK)

    def look(self) -> bool:
        """Whether it is ours still; asks the broker."""
        return self._keep(0)

    def renew(self) -> bool:
        """Have it last from now on; False where it is another's."""
        return self._keep(self.whole)

    def release(self, seconds: float) -> None:
        """Leave it to others after so many seconds: the host's own delay, since its last request."""
        self._keep(max(1, round(1000 * seconds)))

    def _keep(self, milliseconds: int) -> bool:
        begun = time.clock_gettime(CLOCK)
        found = self.broker.run(KEEP, [self.key], self.token, milliseconds)
        self.told(found, begun)
        return found != FENCED

    def told(self, milliseconds: int, asked: float) -> None:
        """The broker said, when asked at a moment, how long the lock still lasts; FENCED: it is not ours."""
        self.until = 0.0 if milliseconds == FENCED else asked + milliseconds / 1000 - self.quiet


class Renewal:
    """While it is entered a thread renews a lease; `lost` is called once where that fails for too long."""

    def __init__(self, lease: Lease, lost: Callable[[], None]) -> None:
        self.lease, self.lost, self.over = lease, lost, threading.Event()
        self.thread = threading.Thread(target=self.go, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def go(self) -> None:
        """Renew, until it is left or lost."""
        while not self.over.wait(self.lease.safe / 4):
            try:
                ours = self.lease.broker.insist(self.lease.renew, lambda: 0 if self.over.is_set() else self.lease.left)
            except CrewError as error:
                logger.warning("the lease cannot be renewed: %s", error)
                ours = False
            if not ours:
                self.lost()
                return


def host_of(home: str) -> str:
    """The host that an agency's lease is on: agencies that share one are one worker's at a time, too.

    >>> host_of("https://WWW.Skog.example/nyheter"), host_of("https://skog.example/")
    ('skog.example', 'skog.example')
    """
    return (urlsplit(home).netloc.rpartition("@")[2]).lower().removeprefix("www.")
