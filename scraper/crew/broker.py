"""The broker that a crew shares, Valkey or Redis: its address, its keys, and what must be one step there.

Everything lies under one prefix (CREW_PREFIX), so that several archives may share a broker:

    lease:<host>      the token of the worker that has that host's agencies; expires by itself
    token             the last token given
    round:<token>     seq: the last message of it that the broker took
    stream            what workers tell; one consumer group with the writer as its only consumer
    backlog           bytes of what stands there
    errand:<token>    what a worker is given, until it takes it
    waiting:<slug>    an agency's round is in the queue or goes on
    unreadable        messages that the writer failed on ten times, as they came
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from scraper.errors import CrewError

if TYPE_CHECKING:
    from redis import Redis
    from redis.commands.core import Script
    from scrapy.settings import BaseSettings

GROUP = WRITER = "writer"
FENCED, FULL = -1, -2  # what SEND says instead of how long the lease goes on
MISSING = "a crew needs the package {name}: pip install -c constraints.txt -e '.[crew]' in the clone"
PAUSE = 0.2  # seconds between two tries while the broker does not answer

TAKE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local t = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local token = math.max(last + 1, t[1] * 1000 + math.floor(t[2] / 1000)) -- rises even where the broker forgot all
redis.call('SET', KEYS[2], string.format('%.0f', token))
redis.call('SET', KEYS[1], string.format('%.0f', token), 'PX', ARGV[1])
return token
"""
KEEP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
if tonumber(ARGV[2]) > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return math.max(1, redis.call('PTTL', KEYS[1]))
"""
REVOKE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('SET', KEYS[1], '0', 'KEEPTTL') return 1 end
return 0
"""
SEND = """
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
DONE = """
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if redis.call('XDEL', KEYS[1], ARGV[2]) == 1 then redis.call('DECRBY', KEYS[2], ARGV[3]) end
return 1
"""
T = TypeVar("T")


class Broker:
    """A connection to the broker; CrewError where it cannot be used at all."""

    def __init__(self, settings: BaseSettings) -> None:
        self.url, self.prefix = settings["CREW_BROKER"], settings["CREW_PREFIX"]
        self.most = settings.getint("CREW_BACKLOG")
        if not self.url:
            raise CrewError("CREW_BROKER is not set: the broker's address, such as redis://192.0.2.7:6379/0")
        self.redis = connect(self.url)
        self.scripts: dict[str, Script] = {
            text: self.redis.register_script(text) for text in (TAKE, KEEP, REVOKE, SEND, DONE)
        }

    def key(self, *parts: object) -> str:
        """A key under our prefix."""
        return ":".join((self.prefix, *map(str, parts)))

    def run(self, script: str, keys: list[str], *arguments: object) -> int:
        """A script, with our keys."""
        return int(self.scripts[script](keys=keys, args=list(arguments)))  # type: ignore[arg-type] # bytes, numbers, texts

    @contextmanager
    def faults(self) -> Iterator[None]:
        """What the broker fails by inside is a CrewError."""
        from redis.exceptions import RedisError  # noqa: PLC0415 - only a crew needs it

        try:
            yield
        except RedisError as error:
            raise CrewError(f"{self.address}: {error}") from error

    def check(self) -> None:
        """CrewError where the broker does not answer."""
        self.insist(self.redis.ping, 0)

    def insist(self, ask: Callable[[], T], seconds: float | Callable[[], float]) -> T:
        """What the broker answers; asked again and again for so long while it does not. CrewError then.

        seconds: or what tells, each time, for how long still.
        """
        from redis.exceptions import RedisError, ResponseError  # noqa: PLC0415 - only a crew needs it

        begun = time.monotonic()
        while True:
            try:
                return ask()
            except RedisError as error:
                left = seconds() if callable(seconds) else begun + seconds - time.monotonic()
                lasting = isinstance(error, ResponseError) and not str(error).startswith(("LOADING", "BUSY"))
                if lasting or left <= 0:
                    raise CrewError(f"{self.address}: {error}") from error
            time.sleep(PAUSE)

    @property
    def address(self) -> str:
        """Where the broker is, without what is secret."""
        told = self.redis.connection_pool.connection_kwargs
        return str(told.get("path") or f"{told.get('host')}:{told.get('port')}")


def connect(url: str) -> Redis:
    """A client; CrewError where the package is not installed or the address is none."""
    try:
        from redis import Redis  # noqa: PLC0415 - only a crew needs it
        from redis.backoff import NoBackoff  # noqa: PLC0415
        from redis.retry import Retry  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise CrewError(MISSING.format(name=error.name)) from error
    options: dict[str, Any] = {"socket_timeout": 10, "socket_connect_timeout": 5, "retry": Retry(NoBackoff(), 0)}
    try:
        return Redis.from_url(url, **options)
    except ValueError as error:
        raise CrewError(f"CREW_BROKER: {error}") from error
