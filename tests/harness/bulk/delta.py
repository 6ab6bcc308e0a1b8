"""Measures what the change feed costs the server, and whether the resulting mirror equals the
archive.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from tests.archive.mirror import read_shown
from tests.harness.world.checks import Figures
from tests.harness.world.processes import Served, cpu_of, serve_archive

MOST_PAGES = 60  # pages with the smaller size; with the larger size, the mirror is read to the end
MOST_CPU = {100: 50.0, 500: 150.0}  # size → limit of the 95th percentile in ms
MOST_TAIL = 10.0


def measure_delta(archive: Path, figures: Figures) -> None:
    """Follow the change feed over HTTP, page by page."""
    with serve_archive(archive) as server:
        server.ask("/-/changes.json?size=1")  # the first request fills caches
        held: dict[int, Any] = {}
        for size, most in ((100, MOST_PAGES), (500, None)):
            held.clear()
            costs, entries, received, cursor = follow(server, size, most, held)
            p50, p95 = statistics.median(costs), statistics.quantiles(costs, n=20)[-1]
            figures.add(f"delta: {size} a page, CPU, p50", f"{p50:.1f} ms")
            figures.most(f"delta: {size} a page, CPU, p95", p95, MOST_CPU[size], "ms")
            figures.add(f"delta: {size} a page", f"{received / len(costs) / 1e3:.1f} kB")
            figures.add(f"delta: {size} a page, entries", f"{entries / len(costs):.0f}")
        newest = f"/-/changes.json?since={cursor}"
        etag = server.client.get(newest).headers["etag"]
        for name, known in (("nothing new", None), ("nothing new, 304", etag)):
            costs = [ask(server, newest, known)[0] for _ in range(20)]
            figures.most(f"delta: {name}, CPU, median", statistics.median(costs), MOST_TAIL, "ms")
    shown = read_shown(archive)
    wrong = sum(shown.get(key) != held.get(key) for key in {*shown, *held})
    figures.most("mirror: releases held otherwise than shown", wrong, 0, "")


def follow(
    server: Served, size: int, most: int | None, held: dict[int, Any]
) -> tuple[list[float], int, int, str]:
    """Return CPU ms of each page, number of entries, bytes and last cursor; `held` becomes the
    mirror.
    """
    costs: list[float] = []
    entries, received, cursor = 0, 0, "0"
    path: str | None = f"/-/changes.json?size={size}"
    while path and (most is None or len(costs) < most):
        cost, answer = ask(server, path)
        page = answer.json()
        costs.append(cost)
        entries += len(page["changes"])
        received += len(answer.content)
        held |= {each["release"]: each["state"] for each in page["changes"] if is_put(each)}
        path, cursor = page["next"], page["cursor"]
    return costs, entries, received, cursor


def is_put(entry: dict[str, Any]) -> bool:
    return bool(entry["action"] == "put")


def ask(server: Served, path: str, etag: str | None = None) -> tuple[float, Any]:
    """Return the server's CPU ms and the response."""
    before = cpu_of(server.process.pid)
    answer = server.client.get(path, headers={"if-none-match": etag} if etag else {})
    spent = (cpu_of(server.process.pid) - before) * 1000
    return spent, answer if etag else answer.raise_for_status()
