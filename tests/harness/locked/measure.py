"""Measures one attack alone, then eight at once, and how long a reader of other pages waits."""

from __future__ import annotations

import http.client
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice

from tests.harness.locked.attacks import Attack
from tests.harness.world.processes import Served, children_of, memory_of

READS = (
    "/",
    "/search?q=skogen",
    "/archive/releases/1",
    "/-/edits",
    "/agency/vagmyndigheten",
    "/new.atom",
)
LIMITS = {"seconds": 5.0, "memory": 900_000_000}  # seconds and bytes that an attack may take
PATIENCE = 90  # seconds after which an attack has succeeded
PAUSE = 2  # seconds before a slow reader reads


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


@contextmanager
def beside(work: Callable[[], object], pause: float) -> Iterator[None]:
    """Repeat some work in another thread during the block, and at least once."""
    ended = threading.Event()

    def repeat() -> None:
        work()
        while not ended.wait(pause):
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class MemoryWatch:
    """The most memory of a server and its workers since `reset`, in bytes; shared pages count
    once.
    """

    def __init__(self, pid: int) -> None:
        self.pid, self.peak = pid, 0

    def reset(self) -> None:
        self.peak = self._read()

    def look(self) -> None:
        self.peak = max(self.peak, self._read())

    def _read(self) -> int:
        return sum(map(memory_of, (self.pid, *children_of(self.pid))))


def measure(served: Served, watch: MemoryWatch, attack: Attack, at_once: int = 8) -> Figures:
    """Run an attack alone and then several at once, watching the server's memory."""
    watch.reset()
    status, seconds, size = ask(served.port, attack)
    paths, reads = cycle(READS), list[float]()
    with (
        ThreadPoolExecutor(at_once) as threads,
        beside(lambda: reads.append(read_page(served.port, next(paths))), 0.05),
    ):
        asked = list(threads.map(lambda _: ask(served.port, attack), range(at_once)))
    return Figures(
        attack=attack,
        seconds=seconds,
        status=status,
        size=size,
        slowest=max(each[1] for each in asked),
        statuses=tuple(each[0] for each in asked),
        peak=watch.peak,
        reads=tuple(reads),
    )


def ask(port: int, attack: Attack) -> tuple[int, float, int]:
    """Return status (0 if the server closed the connection), seconds, and bytes of the response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    begun = time.perf_counter()
    try:
        connection.request(attack.method, attack.path, body=b"x" * attack.body or None)
        answer = connection.getresponse()
        if attack.slow:
            time.sleep(PAUSE)
        size = len(answer.read())
        return answer.status, time.perf_counter() - begun - PAUSE * attack.slow, size
    except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected):
        return 0, time.perf_counter() - begun, 0
    except http.client.IncompleteRead as error:  # a stream that took too long is cut off
        return 0, time.perf_counter() - begun, len(error.partial)
    finally:
        connection.close()


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


def read_alone(port: int, pages: int = 60) -> list[float]:
    """Return the reader's waiting times without attacks."""
    return [read_page(port, path) for path in islice(cycle(READS), pages)]


def find_p95(values: Sequence[float]) -> float:
    """Return the 95th percentile."""
    if len(values) < 2:
        return max(values, default=0.0)
    return statistics.quantiles(values, n=20, method="inclusive")[-1]
