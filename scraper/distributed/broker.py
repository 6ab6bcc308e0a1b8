"""The broker of distributed crawling (Valkey or Redis): its keys, its scripts, and a connection.

Every key has a prefix (DISTRIBUTED_PREFIX), so that several archives may share a broker:

    lease:<host>      token of the worker that crawls the agencies of this host; expires
    token             the last token that was issued for a lease
    round:<token>     hash; `seq` is the number of the last message accepted under this token
    stream            messages of workers; one consumer group with the writer as its only consumer
    backlog           size of the messages in the stream, in bytes
    job:<token>       the job that the writer made for a worker, until the worker takes it
    queued:<slug>     set while a round of the agency is queued or running
    unreadable        messages that the writer could not apply in ten attempts
    queue             namespace of Dramatiq's keys

Operations that several processes may run at the same time are Lua scripts, which the broker
executes one at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from scraper.errors import BrokerError

if TYPE_CHECKING:
    from redis import Redis
    from redis.commands.core import Script
    from scrapy.settings import BaseSettings

T = TypeVar("T")

MISSING_PACKAGE = (
    "distributed crawling needs the package {name}: pip install -c constraints.txt -e"
    " '.[distributed]' in the clone"
)
CONSUMER_GROUP = CONSUMER_NAME = "writer"  # name of the stream's consumer group
RETRY_INTERVAL = 0.2  # seconds between attempts while the broker does not respond
# also runs while the machine is suspended
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

# The queue
# seconds after which a queued round that has not ended counts as lost
QUEUED_MARK_SECONDS = 6 * 3600
# One in so many commands looks for jobs of dead workers. Dramatiq's default (1,000) is too low for
# few workers.
MAINTENANCE_CHANCE = 1_000_000

# Returned by the scripts instead of the remaining milliseconds of a lease
LEASE_LOST = -1
BACKLOG_FULL = -2

TAKE_LEASE_SCRIPT = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local t = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
-- rises even if the broker lost its data
local token = math.max(last + 1, t[1] * 1000 + math.floor(t[2] / 1000))
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
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], '0', 'KEEPTTL')
return 1
"""
SEND_MESSAGE_SCRIPT = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local seq = tonumber(ARGV[3])
if seq <= tonumber(redis.call('HGET', KEYS[3], 'seq') or '0') then
    return redis.call('PTTL', KEYS[1])
end
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
SCRIPTS = (
    TAKE_LEASE_SCRIPT,
    RENEW_LEASE_SCRIPT,
    REVOKE_LEASE_SCRIPT,
    SEND_MESSAGE_SCRIPT,
    DELETE_MESSAGE_SCRIPT,
)


class Broker:
    """A connection to the broker.

    Raises BrokerError if no address is set or no client library is installed.
    """

    def __init__(self, settings: BaseSettings) -> None:
        self.url: str = settings["DISTRIBUTED_BROKER"]
        self.prefix: str = settings["DISTRIBUTED_PREFIX"]
        self.max_backlog = settings.getint("DISTRIBUTED_BACKLOG")
        if not self.url:
            raise BrokerError(
                "DISTRIBUTED_BROKER is not set to the"
                " broker's address, such as"
                " redis://192.0.2.7:6379/0"
            )
        self.redis = connect_redis(self.url)
        self.scripts: dict[str, Script] = {
            text: self.redis.register_script(text) for text in SCRIPTS
        }

    @property
    def address(self) -> str:
        """Return the broker's host and port, or its socket path, without user name and password."""
        options = self.redis.connection_pool.connection_kwargs
        return str(options.get("path") or f"{options.get('host')}:{options.get('port')}")

    def key(self, *parts: object) -> str:
        return ":".join((self.prefix, *map(str, parts)))

    def run_script(self, script: str, keys: list[str], *arguments: object) -> int:
        return int(self.scripts[script](keys=keys, args=list(arguments)))  # type: ignore[arg-type] # bytes, numbers, texts

    def check_connection(self) -> None:
        self.call_with_retry(self.redis.ping, 0)

    def call_with_retry(self, function: Callable[[], T], timeout: float | Callable[[], float]) -> T:
        """Call `function` and return its result. Repeat the call while the broker does not respond.

        Raises BrokerError after `timeout` seconds, or at once if the broker rejects the command.

        timeout: a number of seconds, or a function that returns the remaining seconds.
        """
        from redis.exceptions import RedisError, ResponseError  # noqa: PLC0415 - an optional dependency

        started = time.monotonic()
        while True:
            try:
                return function()
            except RedisError as error:
                left = timeout() if callable(timeout) else started + timeout - time.monotonic()
                permanent = isinstance(error, ResponseError) and not str(error).startswith(
                    ("LOADING", "BUSY")
                )
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
    """Return a Redis client.

    Raises BrokerError if the package `redis` is not installed or the URL is invalid.
    """
    try:
        from redis import Redis  # noqa: PLC0415 - an optional dependency
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BrokerError(MISSING_PACKAGE.format(name=error.name)) from error
    options: dict[str, Any] = {
        "socket_timeout": 10,
        "socket_connect_timeout": 5,
        "retry": Retry(NoBackoff(), 0),
    }
    try:
        return Redis.from_url(url, **options)
    except ValueError as error:
        raise BrokerError(f"DISTRIBUTED_BROKER: {error}") from error
