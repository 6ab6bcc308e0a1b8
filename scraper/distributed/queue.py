"""The broker of distributed crawling (Valkey or Redis): connection, leases, and the queue of rounds.

Every key has a prefix (DISTRIBUTED_PREFIX), so that several archives may share a broker:

    lease:<host>      token of the worker that crawls the agencies of this host; expires
    token             the last token that was issued
    round:<token>     hash; seq: number of the last message that the broker took under this token
    stream            messages of workers; one consumer group with the writer as its only consumer
    backlog           size of the messages in the stream, in bytes
    job:<token>       the job that the writer made for a worker, until the worker takes it
    queued:<slug>     set while a round of the agency is queued or running
    unreadable        messages on which the writer failed ten times
    queue             namespace of Dramatiq's keys

Operations that several processes may run at the same time are Lua scripts, which the broker executes one at a time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from scraper.errors import BrokerError

if TYPE_CHECKING:
    import dramatiq
    from redis import Redis
    from redis.commands.core import Script
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)
T = TypeVar("T")

MISSING_PACKAGE = (
    "distributed crawling needs the package {name}: pip install -c constraints.txt -e '.[distributed]' in the clone"
)
CONSUMER_GROUP = CONSUMER_NAME = "writer"  # name of the stream's consumer group
RETRY_INTERVAL = 0.2  # seconds between attempts while the broker does not respond
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # also runs while the machine is suspended

# The queue
QUEUED_MARK_SECONDS = 6 * 3600  # seconds after which a queued round that has not ended counts as lost
# One in so many commands looks for jobs of dead workers. Dramatiq's default (1,000) is too low for few workers.
MAINTENANCE_CHANCE = 1_000_000

# Returned by the scripts instead of the remaining milliseconds of a lease
LEASE_LOST = -1
BACKLOG_FULL = -2

TAKE_LEASE_SCRIPT = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local t = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local token = math.max(last + 1, t[1] * 1000 + math.floor(t[2] / 1000)) -- rises even if the broker lost its data
redis.call('SET', KEYS[2], string.format('%.0f', token))
redis.call('SET', KEYS[1], string.format('%.0f', token), 'PX', ARGV[1])
return token
"""
RENEW_LEASE_SCRIPT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if tonumber(ARGV[2]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return math.max(1, redis.call('PTTL', KEYS[1]))
"""
# The key is kept until it expires, so that the host's delay is observed before the next lease.
REVOKE_LEASE_SCRIPT = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], '0', 'KEEPTTL') return 1 end
return 0
"""
SEND_MESSAGE_SCRIPT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local seq = tonumber(ARGV[3])
if seq <= tonumber(redis.call('HGET', KEYS[3], 'seq') or '0') then return redis.call('PTTL', KEYS[1]) end
local size, backlog = #ARGV[5] + #ARGV[6], tonumber(redis.call('GET', KEYS[4]) or '0')
if backlog > 0 and backlog + size > tonumber(ARGV[4]) then return -2 end
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
SCRIPTS = (TAKE_LEASE_SCRIPT, RENEW_LEASE_SCRIPT, REVOKE_LEASE_SCRIPT, SEND_MESSAGE_SCRIPT, DELETE_MESSAGE_SCRIPT)


class Broker:
    """A connection to the broker. Raises BrokerError if no address is set or no client library is installed."""

    def __init__(self, settings: BaseSettings) -> None:
        self.url: str = settings["DISTRIBUTED_BROKER"]
        self.prefix: str = settings["DISTRIBUTED_PREFIX"]
        self.max_backlog = settings.getint("DISTRIBUTED_BACKLOG")
        if not self.url:
            raise BrokerError("DISTRIBUTED_BROKER is not set to the broker's address, such as redis://192.0.2.7:6379/0")
        self.redis = connect_redis(self.url)
        self.scripts: dict[str, Script] = {text: self.redis.register_script(text) for text in SCRIPTS}

    @property
    def address(self) -> str:
        """Return host and port, or socket path, of the broker, without user name and password."""
        options = self.redis.connection_pool.connection_kwargs
        return str(options.get("path") or f"{options.get('host')}:{options.get('port')}")

    def key(self, *parts: object) -> str:
        return ":".join((self.prefix, *map(str, parts)))

    def run_script(self, script: str, keys: list[str], *arguments: object) -> int:
        return int(self.scripts[script](keys=keys, args=list(arguments)))  # type: ignore[arg-type] # bytes, numbers, texts

    def check_connection(self) -> None:
        self.call_with_retry(self.redis.ping, 0)

    def call_with_retry(self, function: Callable[[], T], timeout: float | Callable[[], float]) -> T:
        """Call `function` and return its result; repeat while the broker does not respond.

        Raises BrokerError after `timeout` seconds, and at once if the broker rejects the command. A callable timeout
        returns the remaining seconds.
        """
        from redis.exceptions import RedisError, ResponseError  # noqa: PLC0415 - an optional dependency

        started = time.monotonic()
        while True:
            try:
                return function()
            except RedisError as error:
                left = timeout() if callable(timeout) else started + timeout - time.monotonic()
                permanent = isinstance(error, ResponseError) and not str(error).startswith(("LOADING", "BUSY"))
                if permanent or left <= 0:
                    raise BrokerError(f"{self.address}: {error}") from error
            time.sleep(RETRY_INTERVAL)

    @contextmanager
    def convert_errors(self) -> Iterator[None]:
        from redis.exceptions import RedisError  # noqa: PLC0415 - an optional dependency

        try:
            yield
        except RedisError as error:
            raise BrokerError(f"{self.address}: {error}") from error


def connect_redis(url: str) -> Redis:
    """Return a Redis client. Raises BrokerError if the package is not installed or the URL is invalid."""
    try:
        from redis import Redis  # noqa: PLC0415 - an optional dependency
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BrokerError(MISSING_PACKAGE.format(name=error.name)) from error
    options: dict[str, Any] = {"socket_timeout": 10, "socket_connect_timeout": 5, "retry": Retry(NoBackoff(), 0)}
    try:
        return Redis.from_url(url, **options)
    except ValueError as error:
        raise BrokerError(f"DISTRIBUTED_BROKER: {error}") from error


class Lease:
    """A lock on a host, held by one worker at a time.

    It expires DISTRIBUTED_LEASE plus CRAWL_DELAY_MAX seconds after its last renewal, but its worker sends no requests
    in the last CRAWL_DELAY_MAX seconds. The first request of the next worker therefore keeps the host's crawl delay.
    Each lease has a higher token than all earlier ones, so that late messages of an earlier lease can be rejected.
    """

    def __init__(self, broker: Broker, settings: BaseSettings, host: str, token: int) -> None:
        self.broker, self.token, self.key = broker, token, broker.key("lease", host)
        self.lease_seconds = settings.getfloat("DISTRIBUTED_LEASE")
        self.max_delay = settings.getfloat("CRAWL_DELAY_MAX")
        self.expires_at = 0.0  # time on CLOCK; CRAWL_DELAY_MAX before the broker's key expires

    @classmethod
    def acquire(cls, broker: Broker, settings: BaseSettings, host: str) -> Lease | None:
        """Take the lease of a host; return None if another worker has it."""
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
        """Return for how many seconds requests may still be sent; none may be sent if it is 0 or less."""
        return self.expires_at - time.clock_gettime(CLOCK)

    def renew(self, milliseconds: int | None = None) -> bool:
        """Extend the lease to its full lifetime, or to `milliseconds`, from now; return False if another worker has it.

        With 0 milliseconds, the broker is only asked for the remaining time.
        """
        requested_at = time.clock_gettime(CLOCK)
        lifetime = self.lifetime_milliseconds if milliseconds is None else milliseconds
        left = self.broker.run_script(RENEW_LEASE_SCRIPT, [self.key], self.token, lifetime)
        self.update_expiry(left, requested_at)
        return left != LEASE_LOST

    def release(self, seconds: float) -> None:
        """Let the lease expire in `seconds`, which is what remains of the host's crawl delay since our last request."""
        self.renew(max(1, round(1000 * seconds)))

    def update_expiry(self, milliseconds: int, requested_at: float) -> None:
        """Set when the lease expires: `milliseconds` after `requested_at` (CLOCK time), or at once if LEASE_LOST."""
        self.expires_at = 0.0 if milliseconds == LEASE_LOST else requested_at + milliseconds / 1000 - self.max_delay


@contextmanager
def keep_lease(lease: Lease, on_lost: Callable[[], None]) -> Iterator[None]:
    """Renew a lease at intervals, in a thread. Calls `on_lost` once if that fails for too long."""
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
    """Return the host whose lease covers an agency. Agencies on the same host share a lease.

    >>> find_lease_host("https://WWW.Skog.example/nyheter"), find_lease_host("https://skog.example/")
    ('skog.example', 'skog.example')
    """
    return (urlsplit(home).netloc.rpartition("@")[2]).lower().removeprefix("www.")


class JobQueue:
    """Dramatiq's queue of rounds. Each worker runs one agency's round at a time.

    run_job: runs the round of a slug and host, and returns None or the number of seconds after which any worker may try
    again. If it raises an exception, or its worker dies, the round is tried again as well.
    """

    def __init__(self, broker: Broker, settings: BaseSettings, run_job: Callable[[str, str], float | None]) -> None:
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
        self.actor = self.dramatiq_module.actor(self.process_job, actor_name="round", broker=self.job_broker, **options)
        self.worker: dramatiq.Worker | None = None
        self.idle = threading.Event()  # set while no round is running
        self.idle.set()

    def enqueue(self, slug: str, host: str) -> bool:
        """Queue a round; return False if one is already queued or running."""
        key = self.broker.key("queued", slug)
        if not self.broker.redis.set(key, 1, nx=True, ex=QUEUED_MARK_SECONDS):
            return False
        self.actor.send(slug, host)
        return True

    def process_job(self, slug: str, host: str) -> None:
        """Run one round. Raises dramatiq.Retry if it was deferred."""
        self.idle.clear()
        try:
            delay = self.run_job(slug, host)
        finally:
            self.idle.set()
        if delay is not None:
            raise self.dramatiq_module.Retry(delay=max(1, round(1000 * delay)))
        self.broker.redis.delete(self.broker.key("queued", slug))

    def start(self) -> None:
        self.worker = self.dramatiq_module.Worker(self.job_broker, worker_threads=1, worker_timeout=1000)
        self.worker.queue_prefetch = 1  # leaves rounds that this worker cannot start to other workers
        self.worker.start()

    def stop(self) -> None:
        """Stop taking rounds, and wait for the running one.

        Does not wait if the broker does not respond, because the round is then handed to another worker anyway.
        """
        if self.worker:
            self.idle.wait()
            self.worker.stop(timeout=10_000)  # milliseconds for each of its threads to end
        self.job_broker.close()
