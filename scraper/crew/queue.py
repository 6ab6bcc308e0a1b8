"""The job queue, Dramatiq's: one agency's round a job, each once, taken from a dead worker and given to another."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scraper.crew.broker import MISSING, Broker
from scraper.errors import CrewError

if TYPE_CHECKING:
    import dramatiq
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

NAME = "rounds"
FORGOTTEN = 6 * 3600  # seconds after which a round that is said to wait is taken to be lost
HURRY = 10_000  # milliseconds for each of the queue's threads to end
ALWAYS = 1_000_000  # of a million commands, how many look for jobs of dead workers: by default too few for a small crew


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """A job is not done: it is to be tried again, by whoever is free, after some seconds."""

    seconds: float


class Queue:
    """Jobs, and what one worker makes of them. go: does a round; a fault it has not foreseen is tried again, too."""

    def __init__(self, broker: Broker, settings: BaseSettings, go: Callable[[str, str], Later | None]) -> None:
        self.broker, self.go = broker, go
        self.mq = load_dramatiq()
        from dramatiq.brokers.redis import RedisBroker  # noqa: PLC0415 - only a crew needs it
        from dramatiq.middleware import Retries  # noqa: PLC0415

        dead = settings.getfloat("CREW_LEASE") + settings.getfloat("CRAWL_DELAY_MAX")  # no sooner is its agency free
        self.jobs = RedisBroker(  # type: ignore[no-untyped-call] # as it is there
            url=broker.url,
            namespace=broker.key("queue"),
            middleware=[Retries(min_backoff=1000, max_backoff=300_000)],
            heartbeat_timeout=round(1000 * dead),
            maintenance_chance=ALWAYS,
        )
        options: dict[str, Any] = {"queue_name": NAME, "max_retries": None}
        self.actor = self.mq.actor(self.work, actor_name="round", broker=self.jobs, **options)
        self.worker: dramatiq.Worker | None = None
        self.free = threading.Event()  # no job goes on
        self.free.set()

    def put(self, slug: str, host: str) -> bool:
        """Have a round done, unless it waits or goes on already."""
        key = self.broker.key("waiting", slug)
        if not self.broker.redis.set(key, 1, nx=True, ex=FORGOTTEN):
            return False
        self.actor.send(slug, host)
        return True

    def work(self, slug: str, host: str) -> None:
        """One job to its end."""
        self.free.clear()
        try:
            later = self.go(slug, host)
        finally:
            self.free.set()
        if later:
            raise self.mq.Retry(delay=max(1, round(1000 * later.seconds)))
        self.broker.redis.delete(self.broker.key("waiting", slug))

    def start(self) -> None:
        """Take jobs from now on, one at a time, in a thread."""
        self.worker = self.mq.Worker(self.jobs, worker_threads=1, worker_timeout=1000)
        self.worker.queue_prefetch = 1  # what we cannot begin is another worker's
        self.worker.start()

    def stop(self) -> None:
        """Take no more; what goes on is waited for. A broker that is away is not: it hands the job on by itself."""
        if self.worker:
            self.free.wait()
            self.worker.stop(timeout=HURRY)
        self.jobs.close()


def load_dramatiq() -> Any:
    """The package; CrewError where it is not installed."""
    try:
        import dramatiq  # noqa: PLC0415 - only a crew needs it
    except ModuleNotFoundError as error:
        raise CrewError(MISSING.format(name=error.name)) from error
    logging.getLogger("dramatiq").setLevel(logging.WARNING)
    return dramatiq
