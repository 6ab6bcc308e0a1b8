"""`python -m tests.bench.goodput ARCHIVE [ROUNDS]`: searches served per second to 16, 64 and 256
parallel clients.

Every client sends its next request as soon as it is served or rejected. Rounds of all kinds
alternate, and each figure is the median of its rounds, so that other work on the machine affects
all figures alike. Then one client with 200 connections competes with four readers with one each.
Exits with 1 if a target is missed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from tests.bench.figures import judge
from tests.bench.measure import print_lines
from tests.bench.questions import list_searches
from tests.harness.world.processes import cpu_of, run_command, serve_archive

CLIENTS = (16, 64, 256)
GREEDY, READERS = 200, 4  # connections of one client, and the others with one each
ROUNDS, SECONDS = 5, 6.0
LEAST = 0.8  # share of the searches served to 16 clients


@dataclass(frozen=True, slots=True)
class Round:
    """The responses that clients got in some seconds. Times are in seconds."""

    seconds: float
    cpu: float  # CPU seconds of the server
    answers: list[tuple[int, float]]

    @property
    def waits(self) -> list[float]:
        return [wait for status, wait in self.answers if status == 200]

    @property
    def goodput(self) -> float:
        return len(self.waits) / self.seconds

    @property
    def goodput_of_cpu(self) -> float:
        """Return how many were served per second of the server's CPU time."""
        return len(self.waits) / self.cpu

    @property
    def refused(self) -> float:
        return sum(status == 503 for status, _ in self.answers) / max(len(self.answers), 1)

    @property
    def failed(self) -> int:
        return sum(status not in (200, 503) for status, _ in self.answers)

    def find_quantile(self, twentieth: int) -> float:
        if len(self.waits) < 2:
            return float("nan")
        return quantiles(self.waits, n=20, method="inclusive")[twentieth - 1]


class Load:
    """A server and the searches that are sent to it."""

    def __init__(self, pid: int, port: int, paths: list[str]) -> None:
        self.pid, self.port, self.paths = pid, port, paths

    def run(self, connections: list[int], seconds: float = SECONDS) -> list[Round]:
        """Return a round for each client."""
        before = cpu_of(self.pid)
        command = (sys.executable, "-m", "tests.bench.closed_loop", self.port, seconds)
        printed = run_command(*command, *connections, given="\n".join(self.paths))
        cpu = cpu_of(self.pid) - before
        return [
            Round(seconds, cpu, [tuple(each) for each in json.loads(line)])
            for line in printed.splitlines()
        ]

    def run_alike(self, clients: int) -> Round:
        """Return one round for a number of clients with a connection each."""
        rounds = self.run([1] * clients)
        return Round(SECONDS, rounds[0].cpu, [answer for each in rounds for answer in each.answers])


def measure_goodput(path: Path, rounds: int = ROUNDS) -> Iterator[str]:
    """Yield the lines of the table, those of missed targets as Missed."""
    paths = list_searches(path)
    with serve_archive(path) as served:
        load = Load(served.process.pid, served.port, paths)
        load.run_alike(CLIENTS[0])  # the first searches, which fill caches, are not counted
        taken = [{clients: load.run_alike(clients) for clients in CLIENTS} for _ in range(rounds)]
        greedy, *readers = load.run([GREEDY, *[1] * READERS])
    yield f"searches served to clients without a pause; medians of {rounds} × {SECONDS:.0f} s"
    heads = f"{'/CPU s':>8}{'refused':>9}{'failed':>8}{'p50 s':>8}{'p95 s':>8}"
    yield f"{'clients':>28}{'served/s':>10}{heads}"
    for clients in CLIENTS:
        yield to_line(f"{clients}", [each[clients] for each in taken])
    yield to_line(f"1 with {GREEDY} connections", [greedy])
    beside = Round(SECONDS, greedy.cpu, [answer for each in readers for answer in each.answers])
    yield to_line(f"beside it, {READERS} readers", [beside])
    for clients in CLIENTS[1:]:
        pairs = [(each[clients], each[CLIENTS[0]]) for each in taken]
        ratio = median(many.goodput / few.goodput for many, few in pairs)
        yield judge(f"served to {clients} clients, of what {CLIENTS[0]} are", ratio, least=LEAST)
        ratio = median(many.goodput_of_cpu / few.goodput_of_cpu for many, few in pairs)
        yield judge("the same, by the server's CPU time", ratio, least=LEAST)
    failed = sum(each.failed for found in taken for each in found.values())
    yield judge("answers that are neither", failed, most=0)
    what = f"refused of {READERS} readers beside {GREEDY} connections"
    yield judge(what, beside.refused * 100, unit="%", most=0)


def to_line(name: str, rounds: list[Round]) -> str:
    """Return the medians of rounds as a line of the table."""
    served = median(each.goodput for each in rounds)
    of_cpu = median(each.goodput_of_cpu for each in rounds)
    refused, failed = median(each.refused for each in rounds), sum(each.failed for each in rounds)
    p50, p95 = (median(each.find_quantile(place) for each in rounds) for place in (10, 19))
    return (
        f"{name:>28}{served:>10.1f}{of_cpu:>8.1f}{refused:>9.1%}{failed:>8}{p50:>8.2f}{p95:>8.2f}"
    )


if __name__ == "__main__":
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    sys.exit(print_lines(measure_goodput(Path(sys.argv[1]), rounds)))
