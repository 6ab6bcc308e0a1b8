"""`python -m tests.bench.big [N] [FOLDER]`: measures searches and pages in archives of N/100, N/10
and N releases.

Each class of queries is sent over HTTP to the search page and its JSON, and to Datasette's own
table search with one facet on the same file (the baseline: plain Datasette without time limits).
Figures are CPU times of the server. Archives in FOLDER are kept and used again.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, quantiles
from urllib.parse import urlencode

from tests.bench.curves import Size, tell_curves, weigh
from tests.bench.figures import Missed
from tests.bench.goodput import measure_goodput
from tests.bench.invented.filling import fill
from tests.bench.invented.words import source
from tests.bench.loaded import measure_loaded
from tests.bench.measure import print_lines
from tests.bench.questions import (
    OTHER_MS,
    PAGE_MS,
    SEARCH_MS,
    Question,
    to_classes,
    to_pages,
)
from tests.bench.speed import serve_plain
from tests.harness.world.processes import Answer, Served, serve_archive

NUMBER, SHARES = 20_000, (100, 10, 1)
# rounds of each question; of the baseline; minimum of responses per class
ROUNDS, SLOW_ROUNDS, ENOUGH = (8, 1, 24)
LIMITS = ("sql_time_limit_ms", "facet_time_limit_ms")  # of plain Datasette, which has a minute
META = {"databases": {"archive": {"tables": {"releases": {"fts_table": "search", "fts_pk": "id"}}}}}
BASELINE = {"_facet": "agency", "_size": "20"}


@dataclass(slots=True)
class Class:
    """A class of questions with its target, and the responses by server."""

    name: str
    target: float
    ways: dict[str, list[Answer]] = field(default_factory=dict)

    @property
    def p95(self) -> float:
        """Return the 95th percentile of our pages' CPU milliseconds."""
        return p95(self.cpu("page"))

    def cpu(self, way: str) -> list[float]:
        return [answer.cpu * 1000 for answer in self.ways[way]]

    @property
    def missed(self) -> bool:
        """Return whether our server was too slow, or failed."""
        ours = [way for way in self.ways if way != "table"]
        slow = any(p95(self.cpu(way)) > self.target for way in ours)
        return slow or any(answer.failed for way in ours for answer in self.ways[way])


def measure_big(number: int = NUMBER, folder: Path | None = None) -> Iterator[str]:
    """Yield the lines of the tables, those of missed targets as Missed."""
    sizes = []
    with tempfile.TemporaryDirectory() as made:
        for share in SHARES:
            home = (folder or Path(made)) / f"{number // share}"
            home.mkdir(parents=True, exist_ok=True)
            path = home / "archive.db"
            if not path.is_file():
                fill(path, number // share)
            classes = list(measure(path, home))
            loaded = measure_loaded(path)
            sizes.append(weigh(path, classes))
            yield from to_table(path, sizes[-1], classes)
            yield from map(Missed if loaded.failed else str, loaded.lines())
            yield ""
        yield from measure_goodput(path)
        yield ""
        yield from tell_curves(sizes)


def measure(path: Path, folder: Path) -> Iterator[Class]:
    """Measure every class of questions and every kind of page, with one reader."""
    with ExitStack() as stack:
        ours = stack.enter_context(serve_archive(path))
        (folder / "plain.json").write_text(json.dumps(META))
        options = [word for name in LIMITS for word in ("--setting", name, "60000")]
        plain = serve_plain(path, "-m", str(folder / "plain.json"), *options)
        theirs = stack.enter_context(plain)
        for name, questions in to_classes(path).items():
            yield ask_class(name, questions, ours, theirs)
        for name, addresses in to_pages(path).items():
            found = Class(name, OTHER_MS.get(name, PAGE_MS))
            found.ways["page"] = ask_all(ours, addresses, ROUNDS)
            yield found


def ask_class(name: str, questions: list[Question], ours: Served, theirs: Served) -> Class:
    """Measure a class of questions at each server."""
    found = Class(name, OTHER_MS.get(name, SEARCH_MS))
    for way, path in (("page", "/search"), ("json", "/search.json")):
        addresses = [f"{path}?{urlencode(question.ours)}" for question in questions]
        found.ways[way] = ask_all(ours, addresses, ROUNDS)
    addresses = [
        f"/archive/releases.json?{urlencode(question.table | BASELINE)}" for question in questions
    ]
    found.ways["table"] = ask_all(theirs, addresses, SLOW_ROUNDS, warm=False)
    return found


def ask_all(
    served: Served, addresses: list[str], rounds: int, *, warm: bool = True
) -> list[Answer]:
    """Request each query several times, enough for a p95 of its class, after a first request that
    is not counted.
    """
    if warm:
        for address in addresses:
            served.ask(address)
    rounds = max(rounds, -(-ENOUGH // len(addresses))) if warm else rounds
    return [served.ask(address) for _ in range(rounds) for address in addresses]


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return quantiles(values, n=20, method="inclusive")[18] if len(values) > 1 else values[0]


def p50(values: list[float]) -> float:
    return quantiles(values, n=2)[0] if len(values) > 1 else values[0]


def to_table(path: Path, size: Size, classes: list[Class]) -> Iterator[str]:
    """Format a line per class."""
    yield f"{size.releases} invented releases, words of {source()}, {size.bytes / 1e9:.2f} GB"
    yield (
        "CPU ms a request, p50 and p95; wall ms p95; ratio: CPU to that of the baseline,"
        " Datasette's table search"
    )
    yield (
        f"{'':24}{'page':>14}{'wall':>8}{'json':>14}{'wall':>8}{'table':>9}{'ratio':>8}"
        f"{'target':>8}"
    )
    for each in classes:
        cells = "".join(to_cell(each, way) for way in ("page", "json"))
        base = fmean(each.cpu("table")) if "table" in each.ways else None
        ratio = f"{base:>9.0f}{fmean(each.cpu('page')) / base:>8.2f}" if base else " " * 17
        line = f"{each.name:24}{cells}{ratio}{each.target:>8.0f}"
        yield Missed(f"{line}  MISSED") if each.missed else line


def to_cell(each: Class, way: str) -> str:
    """Format CPU and wall time of a server, or blanks if it was not measured."""
    if way not in each.ways:
        return " " * 22
    cpu, wall = each.cpu(way), [answer.wall * 1000 for answer in each.ways[way]]
    failed = sum(answer.failed for answer in each.ways[way])
    return (
        f"{p50(cpu):>7.1f}{p95(cpu):>7.1f}{p95(wall):>8.0f}"
        if not failed
        else f"{failed:>14} failed "
    )


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else NUMBER
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    sys.exit(print_lines(measure_big(number, folder)))
