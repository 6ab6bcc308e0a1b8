"""Measures searches over HTTP by kind: our page and its JSON, compared with Datasette's own table
search.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, quantiles
from urllib.parse import urlencode

from tests.bench.collection import copy_plain
from tests.bench.questions import Question, ask, to_classes
from tests.harness.world.processes import Answer, Served, find_port, serve, serve_archive

ROUNDS = 8  # of each question to each server, after one that is not counted
ROWS = {"_facet": "agency", "_size": "20"}  # as many rows as our page has hits
RATIOS = {"page/page": ("/search", "its page"), "json/json": ("/search.json", "plain table")}
KINDS = {  # of questions, and their class
    "rare words": "rare",
    **dict.fromkeys(("medium", "common", "very common", "two words")),
    "phrases": "phrase",
    "beginnings*": "prefix",
    "in the title": None,
    "no words": None,
}
ABOUT = """\
wall time p50, p95 and the server's CPU, ms a request; the ratios are of CPU. /search and /search.json: ours, with
excerpts, five facets, best first. our table: Datasette's _search= with one facet on our file. plain table, its page:
the same as JSON and as HTML, by Datasette without us on a copy with plain FTS5 (whole texts, not ranked, no marks)."""


@dataclass(slots=True)
class Way:
    """A server and its search URL, with the responses by kind of question."""

    served: Served
    path: str
    ours: bool
    answers: dict[str, list[Answer]] = field(default_factory=dict)

    def addresses(self, questions: Sequence[Question]) -> list[str]:
        """Return the parameters of the questions of a kind for this server."""
        asked = [each.ours if self.ours else each.table | ROWS for each in questions]
        return [f"{self.path}?{urlencode(values)}" for values in asked]

    def told(self, kind: str | None = None) -> list[Answer]:
        """Return the responses to a kind of question, or to all."""
        return [
            answer
            for name, answers in self.answers.items()
            if kind in (None, name)
            for answer in answers
        ]

    def cpu(self, kind: str | None = None) -> float:
        """Return the mean CPU milliseconds."""
        return fmean(answer.cpu * 1000 for answer in self.told(kind))


def measure_speed(archive: Path, folder: Path) -> Iterator[str]:
    """Yield the lines of the table. folder: for the copy with plain FTS5."""
    classes = to_classes(archive)
    loads = {name: classes[kind or name] for name, kind in KINDS.items()}
    loads["common, of a kind"] = [ask(each.ours["q"], kind="article") for each in classes["common"]]
    copy_plain(archive, folder / "plain.db")
    with ExitStack() as stack:
        ways = start(stack, archive, folder / "plain.db")
        for kind, load in loads.items():
            ask_all(list(ways.values()), kind, load)
    yield from to_table(ways, list(loads))


def start(stack: ExitStack, archive: Path, plain: Path) -> dict[str, Way]:
    """Start both servers."""
    ours, theirs = (
        stack.enter_context(server) for server in (serve_archive(archive), serve_plain(plain))
    )
    return {
        "/search": Way(ours, "/search", ours=True),
        "/search.json": Way(ours, "/search.json", ours=True),
        "our table": Way(ours, "/archive/releases.json", ours=False),
        "plain table": Way(theirs, "/plain/releases.json", ours=False),
        "its page": Way(theirs, "/plain/releases", ours=False),
    }


def serve_plain(path: Path, *options: str) -> AbstractContextManager[Served]:
    """Start plain Datasette."""
    port = find_port()
    command = [sys.executable, "-m", "datasette", "serve", str(path), "--port", str(port)]
    return serve([*command, "--setting", "suggest_facets", "off", *options], port)


def ask_all(ways: list[Way], kind: str, questions: Sequence[Question]) -> None:
    """Send every question of a kind to each server in turn, so that a busy machine affects all of
    them.
    """
    order = [(way, address) for way in ways for address in way.addresses(questions)]
    for number in range(ROUNDS + 1):
        random.Random(number).shuffle(order)
        for way, address in order:
            answer = way.served.ask(address)
            if number:
                way.answers.setdefault(kind, []).append(answer)


def to_table(ways: dict[str, Way], kinds: list[str]) -> Iterator[str]:
    """Yield a line per kind of question, and one for all."""
    yield ABOUT
    yield (
        f"{'':17}"
        + "".join(f"{name:>17}" for name in ways)
        + "".join(f"{name:>10}" for name in RATIOS)
    )
    for kind in (*kinds, None):
        cells = "".join(to_cell(way.told(kind)) + f"{way.cpu(kind):>6.1f}" for way in ways.values())
        ratios = (ways[one].cpu(kind) / ways[other].cpu(kind) for one, other in RATIOS.values())
        yield f"{kind or 'all':17}" + cells + "".join(f"{ratio:>10.2f}" for ratio in ratios)
    sizes = "".join(f"{fmean(a.size for a in way.told()) / 1000:>17.0f}" for way in ways.values())
    yield f"{'kB an answer':17}{sizes}"
    if failed := sum(answer.failed for way in ways.values() for answer in way.told()):
        yield f"{failed} ANSWERS FAILED: their times count, and mean little"


def to_cell(answers: list[Answer]) -> str:
    """Format p50 and p95 of the wall time, in milliseconds."""
    cuts = quantiles([answer.wall * 1000 for answer in answers], n=20, method="inclusive")
    return f"{cuts[9]:>6.0f}{cuts[18]:>5.0f}"
