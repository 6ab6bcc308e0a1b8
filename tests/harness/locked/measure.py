"""Measures one attack alone, then eight at once, and how long a reader of other pages waits."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle

from tests.harness.locked.attacks import Attack
from tests.harness.locked.server import Server, ask

READS = (
    "/",
    "/search?q=skogen",
    "/archive/releases/1",
    "/-/edits",
    "/agency/vagmyndigheten",
    "/new.atom",
)
LIMITS = {"seconds": 5.0, "memory": 900_000_000}  # seconds and bytes that an attack may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Results of an attack: alone, the slowest of eight, the server's peak in bytes, the reader's
    waiting times.
    """

    attack: Attack
    seconds: float
    status: int
    size: int
    slowest: float
    statuses: tuple[int, ...]
    peak: int
    reads: tuple[float, ...]

    @property
    def p95(self) -> float:
        """Return the reader's 95th percentile during eight attacks."""
        return find_p95(self.reads)

    @property
    def faults(self) -> list[str]:
        """Return the exceeded limits and wrong responses."""
        allowed = {*self.attack.statuses, 503}
        found = [
            f"status {status}" for status in {self.status, *self.statuses} if status not in allowed
        ]
        if self.seconds > LIMITS["seconds"]:
            found.append(f"{self.seconds:.1f} s alone")
        if self.peak > LIMITS["memory"]:
            found.append(f"{self.peak / 1e6:.0f} MB")
        if self.reads and self.p95 > self.attack.waits:
            found.append(f"a reader waits {self.p95:.2f} s")
        return found


def measure(server: Server, attack: Attack, at_once: int = 8) -> Figures:
    """Run an attack alone and then several at once, watching the server's memory."""
    server.watch()
    status, seconds, size = ask(server.port, attack)
    with ThreadPoolExecutor(at_once) as threads, Reader(server.port) as reader:
        asked = list(threads.map(lambda _: ask(server.port, attack), range(at_once)))
    return Figures(
        attack=attack,
        seconds=seconds,
        status=status,
        size=size,
        slowest=max(each[1] for each in asked),
        statuses=tuple(each[0] for each in asked),
        peak=server.peak,
        reads=tuple(reader.waited),
    )


class Reader:
    """Reads one page after another, at most twenty per second and at least ten, until it is
    stopped.
    """

    def __init__(self, port: int) -> None:
        self.port, self.waited = port, list[float]()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.read)

    def __enter__(self) -> Reader:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    def read(self) -> None:
        """Read pages; a rejected one counts as one that took a minute."""
        for path in cycle(READS):
            self.waited.append(read_page(self.port, path))
            time.sleep(0.05)
            if self.ended.is_set():
                return


def read_page(port: int, path: str) -> float:
    """Return the seconds; 60 if there was no page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    begun = time.perf_counter()
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return time.perf_counter() - begun if answer.status == 200 else 60.0
    except OSError:
        return 60.0
    finally:
        connection.close()


def read_alone(server: Server, pages: int = 60) -> list[float]:
    """Return the reader's waiting times without attacks."""
    return [
        read_page(server.port, path) for path, _ in zip(cycle(READS), range(pages), strict=False)
    ]


def find_p95(values: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return (
        statistics.quantiles(values, n=20, method="inclusive")[-1]
        if len(values) > 1
        else max(values, default=0.0)
    )
