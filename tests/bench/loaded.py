"""Measures a big archive under load: sixteen parallel readers, then one reader while a crawl
writes.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import httpx

from tests.bench.questions import list_searches
from tests.harness.world.processes import ROOT, cpu_of, peak_of, serve_archive

READERS, EACH = 16, 6  # parallel readers; requests of each
WRITES = 200  # releases saved, at WRITES_A_SECOND
WRITES_A_SECOND = 20
PATIENCE = 120  # seconds for a response, because sixteen readers queue


@dataclass(frozen=True, slots=True)
class Load:
    """Measurements of readers.

    cpu: of the server, seconds per request; walls: seconds; failed: failed requests.
    """

    name: str
    cpu: float
    walls: list[float]
    failed: int

    def line(self) -> str:
        cuts = quantiles([wall * 1000 for wall in self.walls], n=20, method="inclusive")
        told = f"{self.failed} ANSWERS FAILED" if self.failed else "no answer failed"
        return f"{self.name:34}{self.cpu * 1000:>8.1f}{cuts[9]:>8.0f}{cuts[18]:>8.0f}  {told}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Measurements of one reader, sixteen, and one during a crawl."""

    loads: list[Load]
    memory: int  # peak of the server in bytes; 0 if the system does not report it

    @property
    def failed(self) -> bool:
        return any(load.failed for load in self.loads)

    def lines(self) -> Iterator[str]:
        yield (
            f"{'searches of every class':34}{'CPU ms':>8}{'p50':>8}{'p95':>8}  wall ms, with all"
            f" that waits in line"
        )
        yield from (load.line() for load in self.loads)
        yield f"the server's memory at its most: {self.memory / 1e6:.0f} MB"


def measure_loaded(path: Path) -> Loaded:
    """Return the questions of all classes, in a different order for each reader."""
    with serve_archive(path) as served:
        place = served.process.pid, served.port, list_searches(path)
        loads = [ask("one reader", *place)]
        loads.append(ask("sixteen readers at once", *place, readers=READERS, each=EACH))
        numbers = map(str, (path, WRITES, WRITES_A_SECOND))
        command = [sys.executable, "-m", "tests.bench.writing", *numbers]
        with subprocess.Popen(command, cwd=ROOT) as writer:
            loads.append(ask("one reader while a crawl writes", *place))
            if writer.wait():
                raise SystemExit("the writer beside the readers failed")
        return Loaded(loads, peak_of(served.process.pid))


def ask(
    name: str, pid: int, port: int, asked: list[str], *, readers: int = 1, each: int = EACH * 4
) -> Load:
    """Run a number of readers, each with a number of requests."""
    before = cpu_of(pid)
    with ThreadPoolExecutor(readers) as pool:
        told = list(pool.map(lambda seed: read(port, asked, seed, each), range(readers)))
    walls = [wall for reader in told for wall, _ in reader]
    failed = sum(status != 200 for reader in told for _, status in reader)
    return Load(name, (cpu_of(pid) - before) / len(walls), walls, failed)


def read(port: int, asked: list[str], seed: int, number: int) -> list[tuple[float, int]]:
    """Return the wall times and statuses of a reader's requests."""
    chance, told = random.Random(seed), []
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, trust_env=False
    ) as client:
        for address in chance.sample(asked * (1 + number // len(asked)), number):
            begun = time.perf_counter()
            status = client.get(address).status_code
            told.append((time.perf_counter() - begun, status))
    return told
