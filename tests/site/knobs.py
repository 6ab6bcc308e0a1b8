"""The controls of the sample site: faults, the clock, and counts of requests."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

STOCKHOLM = ZoneInfo("Europe/Stockholm")
Speech = Callable[[asyncio.Transport], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Break:
    """A fault at one path, or with path "*" at every path of a host; it occurs `times` times, or
    always.
    """

    status: int | None = None
    delay: float = 0.0
    reset: bool = False
    body: str | bytes | None = None
    # builds the body from the query at each request
    make: Callable[[str], str | bytes] | None = None
    raw: Speech | None = None  # writes to the bare connection instead of a response
    headers: dict[str, str] = field(default_factory=dict)
    soft_404: bool = False  # the error page, served as 200
    times: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request and its response, at the site's own time."""

    moment: datetime
    host: str
    path: str
    status: int  # 0: the connection was cut
    fault: bool  # whether the path was broken


class Clock:
    """The site's own time: the real one until it is set, which also stops it.

    advance() works in both cases.
    """

    def __init__(self) -> None:
        self.fixed: datetime | None = None
        self.ahead = timedelta()

    def now(self) -> datetime:
        return (self.fixed or datetime.now(STOCKHOLM)) + self.ahead

    def set(self, moment: datetime) -> None:
        """Stop at a moment, which must have a time zone."""
        if moment.tzinfo is None:
            raise ValueError(f"{moment} names no zone")
        self.fixed, self.ahead = moment.astimezone(STOCKHOLM), timedelta()

    def advance(self, step: timedelta) -> None:
        self.ahead += step


@dataclass
class Counts:
    """Counts of requests by host, path and status, and the delays between them."""

    total: int = 0
    hosts: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    paths: Counter[tuple[str, str]] = field(default_factory=Counter)  # (host, path with query)
    first: dict[str, float] = field(default_factory=dict)  # monotonic seconds
    last: dict[str, float] = field(default_factory=dict)
    min_gap: dict[str, float] = field(default_factory=dict)  # between the starts of two requests
    busiest: Counter[str] = field(default_factory=Counter)  # most simultaneous requests
    in_hand: Counter[str] = field(default_factory=Counter)
    agents: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def arrive(self, host: str, path: str, agent: str) -> None:
        now = time.monotonic()
        with self.lock:
            self.total += 1
            self.hosts[host] += 1
            self.paths[host, path] += 1
            self.agents[agent] += 1
            self.in_hand[host] += 1
            self.busiest[host] = max(self.busiest[host], self.in_hand[host])
            if host in self.last:
                self.min_gap[host] = min(self.min_gap.get(host, 1e9), now - self.last[host])
            self.first.setdefault(host, now)
            self.last[host] = now

    def mean_gap(self, host: str) -> float:
        """Return the mean seconds between two requests to a host; on a busy machine, single
        requests are late.
        """
        return (self.last[host] - self.first[host]) / (self.hosts[host] - 1)

    def leave(self, host: str, status: int) -> None:
        """Record a finished request. Status 0: the connection was cut."""
        with self.lock:
            self.statuses[status] += 1
            self.in_hand[host] -= 1

    def clear(self) -> None:
        with self.lock:
            self.total = 0
            counted = (self.hosts, self.statuses, self.paths, self.busiest, self.agents)
            for each in (*counted, self.first, self.last, self.min_gap):
                each.clear()

    def to_json(self) -> dict[str, object]:
        with self.lock:
            return {
                "total": self.total,
                "hosts": dict(self.hosts),
                "statuses": {str(status): n for status, n in self.statuses.items()},
                "paths": {host + path: n for (host, path), n in self.paths.items()},
                "seconds": {host: self.last[host] - self.first[host] for host in self.first},
                "min_gap": dict(self.min_gap),
                "busiest": dict(self.busiest),
                "agents": dict(self.agents),
            }
