"""Leases: locks on hosts. Only the worker that holds a host's lease may send requests to it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scraper.distributed.broker import (
    CLOCK,
    LEASE_LOST,
    RENEW_LEASE_SCRIPT,
    TAKE_LEASE_SCRIPT,
    Broker,
)
from scraper.errors import BrokerError

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings


logger = logging.getLogger(__name__)


class Lease:
    """A lock on a host, held by one worker at a time.

    A lease expires DISTRIBUTED_LEASE plus CRAWL_DELAY_MAX seconds after its last renewal, but its
    worker sends no requests in the last CRAWL_DELAY_MAX seconds. The first request of the next
    worker therefore respects the host's crawl delay. Each lease has a higher token than all earlier
    ones, so that late messages under an earlier lease can be rejected.
    """

    def __init__(self, broker: Broker, settings: BaseSettings, host: str, token: int) -> None:
        self.broker, self.token, self.key = broker, token, broker.key("lease", host)
        self.lease_seconds = settings.getfloat("DISTRIBUTED_LEASE")
        self.max_delay = settings.getfloat("CRAWL_DELAY_MAX")
        self.expires_at = 0.0  # time on CLOCK; CRAWL_DELAY_MAX before the broker's key expires

    @classmethod
    def acquire(cls, broker: Broker, settings: BaseSettings, host: str) -> Lease | None:
        """Acquire the lease of a host. Return None if another worker holds it."""
        lease, requested_at = cls(broker, settings, host, 0), time.clock_gettime(CLOCK)
        lease.token = broker.run_script(
            TAKE_LEASE_SCRIPT, [lease.key, broker.key("token")], lease.lifetime_milliseconds
        )
        lease.update_expiry(lease.lifetime_milliseconds, requested_at)
        return lease if lease.token else None

    @property
    def lifetime_milliseconds(self) -> int:
        return round(1000 * (self.lease_seconds + self.max_delay))

    @property
    def seconds_left(self) -> float:
        """Return the number of seconds for which requests may still be sent.

        If the number is 0 or negative, no more requests may be sent.
        """
        return self.expires_at - time.clock_gettime(CLOCK)

    def renew(self, milliseconds: int | None = None) -> bool:
        """Extend the lease to its full lifetime, or to `milliseconds`, counted from now.

        If `milliseconds` is 0, the lease is not extended, and the broker is only asked for the
        remaining time. Returns False if the lease has been lost.
        """
        requested_at = time.clock_gettime(CLOCK)
        lifetime = self.lifetime_milliseconds if milliseconds is None else milliseconds
        left = self.broker.run_script(RENEW_LEASE_SCRIPT, [self.key], self.token, lifetime)
        self.update_expiry(left, requested_at)
        return left != LEASE_LOST

    def release(self, seconds: float) -> None:
        """Let the lease expire after `seconds`.

        seconds: the part of the host's crawl delay that remains after our last request.
        """
        self.renew(max(1, round(1000 * seconds)))

    def update_expiry(self, milliseconds: int, requested_at: float) -> None:
        """Record that the lease's key at the broker expires `milliseconds` after `requested_at`.

        milliseconds: the remaining lifetime, or LEASE_LOST if the lease has expired.
        requested_at: the time of the request to the broker, as measured by CLOCK.
        """
        self.expires_at = (
            0.0
            if milliseconds == LEASE_LOST
            else requested_at + milliseconds / 1000 - self.max_delay
        )


@contextmanager
def keep_lease(lease: Lease, on_lost: Callable[[], None]) -> Iterator[None]:
    """Context manager that renews a lease at intervals, in a thread.

    If the lease is lost or cannot be renewed in time, `on_lost` is called once.
    """
    stop_event = threading.Event()

    def renew_until_stopped() -> None:
        while not stop_event.wait(lease.lease_seconds / 4):
            try:
                renewed = lease.broker.call_with_retry(
                    lease.renew, lambda: 0 if stop_event.is_set() else lease.seconds_left
                )
            except BrokerError as error:
                logger.warning("the lease cannot be renewed: %s", error)
                renewed = False
            if not renewed:
                on_lost()
                return

    thread = threading.Thread(target=renew_until_stopped, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop_event.set()
        thread.join()


def find_lease_host(home: str) -> str:
    """Return the host whose lease is required for crawling an agency.

    Agencies on the same host share a lease.

    >>> find_lease_host("https://WWW.Skog.example/nyheter"), find_lease_host("https://skog.example/")
    ('skog.example', 'skog.example')
    """
    return (urlsplit(home).netloc.rpartition("@")[2]).lower().removeprefix("www.")
