"""Measures what the change feed costs the server, and whether the resulting mirror equals the
archive.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.archive.mirror import read_shown
from tests.harness.bulk.figures import Figure
from tests.harness.world.processes import Served, cpu_of, serve_archive

SIZES = (100, 500)
MOST_PAGES = 60  # pages with the smaller size; with the larger size, the mirror is read to the end
MOST_CPU = {100: 50.0, 500: 150.0}  # size → limit of the 95th percentile in ms
MOST_TAIL = 10.0


def measure_delta(archive: Path) -> Iterator[Figure]:
    """Follow the change feed over HTTP, page by page."""
    with serve_archive(archive) as server:
        server.ask("/-/changes.json?size=1")  # the first request fills caches
        held: dict[int, Any] = {}
        for size, most, mirror in zip(SIZES, (MOST_PAGES, None), (None, held), strict=True):
            costs, entries, received, cursor = follow(server, size, most, mirror)
            p50, p95 = statistics.median(costs), statistics.quantiles(costs, n=20)[-1]
            yield Figure(f"delta: {size} a page, CPU, p50", p50, "ms")
            yield Figure(f"delta: {size} a page, CPU, p95", p95, "ms", most=MOST_CPU[size])
            yield Figure(f"delta: {size} a page, bytes", received / len(costs) / 1e3, "kB")
            yield Figure(f"delta: {size} a page, entries", entries / len(costs), digits=0)
        tail = [ask(server, f"/-/changes.json?since={cursor}")[0] for _ in range(20)]
        etag = server.client.get(f"/-/changes.json?since={cursor}").headers["etag"]
        known = [ask(server, f"/-/changes.json?since={cursor}", etag)[0] for _ in range(20)]
    shown = read_shown(archive)
    wrong = sum(shown.get(key) != held.get(key) for key in {*shown, *held})
    yield Figure("delta: nothing new, CPU, median", statistics.median(tail), "ms", most=MOST_TAIL)
    yield Figure(
        "delta: nothing new, 304, CPU, median", statistics.median(known), "ms", most=MOST_TAIL
    )
    yield Figure("mirror: releases held otherwise than shown", wrong, most=0, digits=0)


def follow(
    server: Served, size: int, most: int | None, held: dict[int, Any] | None = None
) -> tuple[list[float], int, int, str]:
    """Return CPU ms of each page, number of entries, bytes and last cursor; `held` becomes the
    mirror.
    """
    costs: list[float] = []
    entries, received = 0, 0
    path: str | None = f"/-/changes.json?size={size}"
    cursor = "0"
    while path and (most is None or len(costs) < most):
        cost, answer = ask(server, path)
        told = answer.json()
        costs.append(cost)
        entries += len(told["changes"])
        received += len(answer.content)
        for entry in told["changes"] if held is not None else ():
            if entry["action"] == "put":
                held[entry["release"]] = entry["state"]  # type: ignore[index] # not None here
        path, cursor = told["next"], told["cursor"]
    return costs, entries, received, cursor


def ask(server: Served, path: str, etag: str | None = None) -> tuple[float, Any]:
    """Return the server's CPU ms and the response."""
    before = cpu_of(server.process.pid)
    answer = server.client.get(path, headers={"if-none-match": etag} if etag else {})
    spent = (cpu_of(server.process.pid) - before) * 1000
    return spent, answer if etag else answer.raise_for_status()
