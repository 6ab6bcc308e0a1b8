"""The queue of rounds (in Dramatiq), from which each worker takes one agency's round at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from scraper.distributed.broker import (
    MAINTENANCE_CHANCE,
    MISSING_PACKAGE,
    QUEUED_MARK_SECONDS,
    Broker,
)
from scraper.errors import BrokerError

if TYPE_CHECKING:
    import dramatiq
    from scrapy.settings import BaseSettings


class JobQueue:
    """Dramatiq's queue of rounds. Each worker runs one agency's round at a time.

    run_job: the function that runs the round of an agency, given the agency's slug and host. It
        returns None if the round need not be tried again, and otherwise the number of seconds after
        which any worker may try it again. The round is also tried again if the function raises an
        exception or if its worker dies.
    """

    def __init__(
        self, broker: Broker, settings: BaseSettings, run_job: Callable[[str, str], float | None]
    ) -> None:
        self.broker, self.run_job = broker, run_job
        try:
            import dramatiq  # noqa: PLC0415 - an optional dependency
        except ModuleNotFoundError as error:
            raise BrokerError(MISSING_PACKAGE.format(name=error.name)) from error
        self.dramatiq_module: Any = dramatiq
        logging.getLogger("dramatiq").setLevel(logging.WARNING)
        from dramatiq.brokers.redis import RedisBroker  # noqa: PLC0415 - an optional dependency
        from dramatiq.middleware import Retries  # noqa: PLC0415

        # until then, the dead worker's lease blocks the round anyway
        dead_after = settings.getfloat("DISTRIBUTED_LEASE") + settings.getfloat("CRAWL_DELAY_MAX")
        self.job_broker = RedisBroker(  # type: ignore[no-untyped-call] # untyped in dramatiq
            url=broker.url,
            namespace=broker.key("queue"),
            middleware=[Retries(min_backoff=1000, max_backoff=300_000)],
            heartbeat_timeout=round(1000 * dead_after),
            maintenance_chance=MAINTENANCE_CHANCE,
        )
        options: dict[str, Any] = {"queue_name": "rounds", "max_retries": None}
        self.actor = self.dramatiq_module.actor(
            self.process_job, actor_name="round", broker=self.job_broker, **options
        )
        self.worker: dramatiq.Worker | None = None
        self.idle = threading.Event()  # set while no round is running
        self.idle.set()

    def enqueue(self, slug: str, host: str) -> bool:
        """Queue a round. Return False if a round of the agency is already queued or running."""
        key = self.broker.key("queued", slug)
        if not self.broker.redis.set(key, 1, nx=True, ex=QUEUED_MARK_SECONDS):
            return False
        self.actor.send(slug, host)
        return True

    def process_job(self, slug: str, host: str) -> None:
        """Run one round. Raises dramatiq.Retry if the round has to be tried again later."""
        self.idle.clear()
        try:
            delay = self.run_job(slug, host)
        finally:
            self.idle.set()
        if delay is not None:
            raise self.dramatiq_module.Retry(delay=max(1, round(1000 * delay)))
        self.broker.redis.delete(self.broker.key("queued", slug))

    def start(self) -> None:
        self.worker = self.dramatiq_module.Worker(
            self.job_broker, worker_threads=1, worker_timeout=1000
        )
        # leaves rounds that this worker cannot start to other workers
        self.worker.queue_prefetch = 1
        self.worker.start()

    def stop(self) -> None:
        """Stop taking rounds, and wait for the running round to end."""
        if self.worker:
            self.idle.wait()
            self.worker.stop(timeout=10_000)  # milliseconds for each of its threads to end
        self.job_broker.close()
