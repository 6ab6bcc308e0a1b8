"""Dramatiq actor: one agency round a job; host leases; enqueue.

The broker that a crew shares, Valkey or Redis: its address, its keys, and what must be one step there.

Everything lies under one prefix (CREW_PREFIX), so that several archives may share a broker:

    lease:<host>      the token of the worker that has that host's agencies; expires by itself
    token             the last token given
    round:<token>     seq: the last message of it that the broker took
    stream            what workers tell; one consumer group with the writer as its only consumer
    backlog           bytes of what stands there
    errand:<token>    what a worker is given, until it takes it
    waiting:<slug>    an agency's round is in the queue or goes on
    unreadable        messages that the writer failed on ten times, as they came

Whose an agency's host is: a lock at the broker that expires, with a token that only rises.

The lock lasts CREW_LEASE seconds and then as long as the longest delay between two requests (CRAWL_DELAY_MAX). Who has
it asks for nothing once less than that is left, so that the next one's first request keeps the host's delay.

The job queue, Dramatiq's: one agency's round a job, each once, taken from a dead worker and given to another.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit

from scraper.errors import BrokerError

if TYPE_CHECKING:
    import dramatiq
    from redis import Redis
    from redis.commands.core import Script
    from scrapy.settings import BaseSettings


CONSUMER_GROUP = CONSUMER_NAME = "writer"
LEASE_LOST, BACKLOG_FULL = -1, -2  # what SEND says instead of how long the lease goes on
MISSING_PACKAGE = "a crew needs the package {name}: pip install -c constraints.txt -e '.[crew]' in the clone"
RETRY_INTERVAL = 0.2  # seconds between two tries while the broker does not answer
TAKE_LEASE_SCRIPT = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local t = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local token = math.max(last + 1, t[1] * 1000 + math.floor(t[2] / 1000)) -- rises even where the broker forgot all
redis.call('SET', KEYS[2], string.format('%.0f', token))
redis.call('SET', KEYS[1], string.format('%.0f', token), 'PX', ARGV[1])
return token
"""
RENEW_LEASE_SCRIPT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if tonumber(ARGV[2]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return math.max(1, redis.call('PTTL', KEYS[1]))
"""
REVOKE_LEASE_SCRIPT = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], '0', 'KEEPTTL') return 1 end
return 0
"""
SEND_MESSAGE_SCRIPT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local seq = tonumber(ARGV[3])
if seq <= tonumber(redis.call('HGET', KEYS[3], 'seq') or '0') then return redis.call('PTTL', KEYS[1]) end
local size, held = #ARGV[5] + #ARGV[6], tonumber(redis.call('GET', KEYS[4]) or '0')
if held > 0 and held + size > tonumber(ARGV[4]) then return -2 end
redis.call('XADD', KEYS[2], '*', 'token', ARGV[1], 'agency', ARGV[2], 'seq', ARGV[3],
    'operations', ARGV[5], 'body', ARGV[6])
redis.call('INCRBY', KEYS[4], size)
redis.call('HSET', KEYS[3], 'seq', ARGV[3])
redis.call('EXPIRE', KEYS[3], 604800)
return math.max(1, redis.call('PTTL', KEYS[1]))
"""
DELETE_MESSAGE_SCRIPT = """
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if redis.call('XDEL', KEYS[1], ARGV[2]) == 1 then redis.call('DECRBY', KEYS[2], ARGV[3]) end
return 1
"""
T = TypeVar("T")


class Broker:
    """A connection to the broker; CrewError where it cannot be used at all."""

    def __init__(self, settings: BaseSettings) -> None:
        self.url, self.prefix = settings["CREW_BROKER"], settings["CREW_PREFIX"]
        self.max_backlog = settings.getint("CREW_BACKLOG")
        if not self.url:
            raise BrokerError("CREW_BROKER is not set: the broker's address, such as redis://192.0.2.7:6379/0")
        self.redis = connect_redis(self.url)
        self.scripts: dict[str, Script] = {
            text: self.redis.register_script(text)
            for text in (
                TAKE_LEASE_SCRIPT,
                RENEW_LEASE_SCRIPT,
                REVOKE_LEASE_SCRIPT,
                SEND_MESSAGE_SCRIPT,
                DELETE_MESSAGE_SCRIPT,
            )
        }

    def key(self, *parts: object) -> str:
        """A key under our prefix."""
        return ":".join((self.prefix, *map(str, parts)))

    def run_script(self, script: str, keys: list[str], *arguments: object) -> int:
        """A script, with our keys."""
        return int(self.scripts[script](keys=keys, args=list(arguments)))  # type: ignore[arg-type] # bytes, numbers, texts

    @contextmanager
    def convert_errors(self) -> Iterator[None]:
        """What the broker fails by inside is a CrewError."""
        from redis.exceptions import RedisError  # noqa: PLC0415 - only a crew needs it

        try:
            yield
        except RedisError as error:
            raise BrokerError(f"{self.address}: {error}") from error

    def check_connection(self) -> None:
        """CrewError where the broker does not answer."""
        self.call_with_retry(self.redis.ping, 0)

    def call_with_retry(self, function: Callable[[], T], timeout: float | Callable[[], float]) -> T:
        """What the broker answers; asked again and again for so long while it does not. CrewError then.

        seconds: or what tells, each time, for how long still.
        """
        from redis.exceptions import RedisError, ResponseError  # noqa: PLC0415 - only a crew needs it

        begun = time.monotonic()
        while True:
            try:
                return function()
            except RedisError as error:
                left = timeout() if callable(timeout) else begun + timeout - time.monotonic()
                lasting = isinstance(error, ResponseError) and not str(error).startswith(("LOADING", "BUSY"))
                if lasting or left <= 0:
                    raise BrokerError(f"{self.address}: {error}") from error
            time.sleep(RETRY_INTERVAL)

    @property
    def address(self) -> str:
        """Where the broker is, without what is secret."""
        told = self.redis.connection_pool.connection_kwargs
        return str(told.get("path") or f"{told.get('host')}:{told.get('port')}")


def connect_redis(url: str) -> Redis:
    """A client; CrewError where the package is not installed or the address is none."""
    try:
        from redis import Redis  # noqa: PLC0415 - only a crew needs it
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BrokerError(MISSING_PACKAGE.format(name=error.name)) from error
    options: dict[str, Any] = {"socket_timeout": 10, "socket_connect_timeout": 5, "retry": Retry(NoBackoff(), 0)}
    try:
        return Redis.from_url(url, **options)
    except ValueError as error:
        raise BrokerError(f"CREW_BROKER: {error}") from error


logger = logging.getLogger(__name__)
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # goes on while the machine sleeps


class Lease:
    """A host's lock, ours while its token stands there."""

    def __init__(self, broker: Broker, settings: BaseSettings, host: str, token: int) -> None:
        self.broker, self.token, self.key = broker, token, broker.key("lease", host)
        self.lease_seconds, self.max_delay = settings.getfloat("CREW_LEASE"), settings.getfloat("CRAWL_DELAY_MAX")
        self.expires_at = 0.0  # by CLOCK

    @classmethod
    def acquire(cls, broker: Broker, settings: BaseSettings, host: str) -> Lease | None:
        """A new lease; None where somebody has it."""
        lease, begun = cls(broker, settings, host, 0), time.clock_gettime(CLOCK)
        lease.token = broker.run_script(
            TAKE_LEASE_SCRIPT, [lease.key, broker.key("token")], lease.lifetime_milliseconds
        )
        lease.update_expiry(lease.lifetime_milliseconds, begun)
        return lease if lease.token else None

    @property
    def lifetime_milliseconds(self) -> int:
        """Milliseconds from one renewal to the end, if no other follows."""
        return round(1000 * (self.lease_seconds + self.max_delay))

    @property
    def seconds_left(self) -> float:
        """Seconds that we may go on asking, as far as we know; less than 0: no more."""
        return self.expires_at - time.clock_gettime(CLOCK)

    def refresh(self) -> bool:
        """Whether it is ours still; asks the broker."""
        return self._extend(0)

    def renew(self) -> bool:
        """Have it last from now on; False where it is another's."""
        return self._extend(self.lifetime_milliseconds)

    def release(self, seconds: float) -> None:
        """Leave it to others after so many seconds: the host's own delay, since its last request."""
        self._extend(max(1, round(1000 * seconds)))

    def _extend(self, milliseconds: int) -> bool:
        begun = time.clock_gettime(CLOCK)
        found = self.broker.run_script(RENEW_LEASE_SCRIPT, [self.key], self.token, milliseconds)
        self.update_expiry(found, begun)
        return found != LEASE_LOST

    def update_expiry(self, milliseconds: int, requested_at: float) -> None:
        """The broker said, when asked at a moment, how long the lock still lasts; FENCED: it is not ours."""
        self.expires_at = 0.0 if milliseconds == LEASE_LOST else requested_at + milliseconds / 1000 - self.max_delay


class LeaseRenewal:
    """While it is entered a thread renews a lease; `lost` is called once where that fails for too long."""

    def __init__(self, lease: Lease, on_lost: Callable[[], None]) -> None:
        self.lease, self.on_lost, self.stop_event = lease, on_lost, threading.Event()
        self.thread = threading.Thread(target=self.renew_until_stopped, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_event.set()
        self.thread.join()

    def renew_until_stopped(self) -> None:
        """Renew, until it is left or lost."""
        while not self.stop_event.wait(self.lease.lease_seconds / 4):
            try:
                ours = self.lease.broker.call_with_retry(
                    self.lease.renew, lambda: 0 if self.stop_event.is_set() else self.lease.seconds_left
                )
            except BrokerError as error:
                logger.warning("the lease cannot be renewed: %s", error)
                ours = False
            if not ours:
                self.on_lost()
                return


def find_lease_host(home: str) -> str:
    """The host that an agency's lease is on: agencies that share one are one worker's at a time, too.

    >>> find_lease_host("https://WWW.Skog.example/nyheter"), find_lease_host("https://skog.example/")
    ('skog.example', 'skog.example')
    """
    return (urlsplit(home).netloc.rpartition("@")[2]).lower().removeprefix("www.")


QUEUE_NAME = "rounds"
QUEUED_MARK_SECONDS = 6 * 3600  # seconds after which a round that is said to wait is taken to be lost
STOP_TIMEOUT = 10_000  # milliseconds for each of the queue's threads to end
MAINTENANCE_CHANCE = (
    1_000_000  # of a million commands, how many look for jobs of dead workers: by default too few for a small crew
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDeferral:
    """A job is not done: it is to be tried again, by whoever is free, after some seconds."""

    seconds: float


class JobQueue:
    """Jobs, and what one worker makes of them. go: does a round; a fault it has not foreseen is tried again, too."""

    def __init__(
        self, broker: Broker, settings: BaseSettings, run_job: Callable[[str, str], JobDeferral | None]
    ) -> None:
        self.broker, self.run_job = broker, run_job
        self.dramatiq_module = load_dramatiq()
        from dramatiq.brokers.redis import RedisBroker  # noqa: PLC0415 - only a crew needs it
        from dramatiq.middleware import Retries  # noqa: PLC0415

        dead = settings.getfloat("CREW_LEASE") + settings.getfloat("CRAWL_DELAY_MAX")  # no sooner is its agency free
        self.job_broker = RedisBroker(  # type: ignore[no-untyped-call] # as it is there
            url=broker.url,
            namespace=broker.key("queue"),
            middleware=[Retries(min_backoff=1000, max_backoff=300_000)],
            heartbeat_timeout=round(1000 * dead),
            maintenance_chance=MAINTENANCE_CHANCE,
        )
        options: dict[str, Any] = {"queue_name": QUEUE_NAME, "max_retries": None}
        self.actor = self.dramatiq_module.actor(self.process_job, actor_name="round", broker=self.job_broker, **options)
        self.worker: dramatiq.Worker | None = None
        self.idle = threading.Event()  # no job goes on
        self.idle.set()

    def enqueue(self, slug: str, host: str) -> bool:
        """Have a round done, unless it waits or goes on already."""
        key = self.broker.key("waiting", slug)
        if not self.broker.redis.set(key, 1, nx=True, ex=QUEUED_MARK_SECONDS):
            return False
        self.actor.send(slug, host)
        return True

    def process_job(self, slug: str, host: str) -> None:
        """One job to its end."""
        self.idle.clear()
        try:
            deferral = self.run_job(slug, host)
        finally:
            self.idle.set()
        if deferral:
            raise self.dramatiq_module.Retry(delay=max(1, round(1000 * deferral.seconds)))
        self.broker.redis.delete(self.broker.key("waiting", slug))

    def start(self) -> None:
        """Take jobs from now on, one at a time, in a thread."""
        self.worker = self.dramatiq_module.Worker(self.job_broker, worker_threads=1, worker_timeout=1000)
        self.worker.queue_prefetch = 1  # what we cannot begin is another worker's
        self.worker.start()

    def stop(self) -> None:
        """Take no more; what goes on is waited for. A broker that is away is not: it hands the job on by itself."""
        if self.worker:
            self.idle.wait()
            self.worker.stop(timeout=STOP_TIMEOUT)
        self.job_broker.close()


def load_dramatiq() -> Any:
    """The package; CrewError where it is not installed."""
    try:
        import dramatiq  # noqa: PLC0415 - only a crew needs it
    except ModuleNotFoundError as error:
        raise BrokerError(MISSING_PACKAGE.format(name=error.name)) from error
    logging.getLogger("dramatiq").setLevel(logging.WARNING)
    return dramatiq
