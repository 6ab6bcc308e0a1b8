"""python -m tests.harness.weather [NAME …]: crawls hostile sites and prints a table; 1 if a result
is unexpected.

One crawl visits sites with all kinds of faults, each on a host of its own, and four healthy
agencies. Four more crawls have a full disk, a read-only archive or a locked one. `--markdown FILE`
saves the table, `--log FILE` the crawl's output.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.harness.weather.conditions import read_weathers
from tests.harness.weather.crawl import Passage, cross, tls_server
from tests.harness.weather.disk import RUNS, Home
from tests.site.server import Site

MEMORY = 400  # MB of memory that a crawl may use
HEADS = ("weather", "what it is", "expected", "seen", "")
RULE = ("---",) * len(HEADS)


def main() -> int:
    """Run the named conditions, or all of them, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.weather", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these weathers")
    parser.add_argument("--markdown", type=Path, help="a file that the table is written to")
    parser.add_argument("--log", type=Path, help="a file that the crawl's own words are written to")
    wanted = parser.parse_args()
    passage = pass_through(wanted.names)
    homes = [] if wanted.names else stay_home()
    rows: list[tuple[str, ...]] = []
    for each in passage.outcomes:
        weather = each.weather
        rows.append((weather.name, weather.sky, weather.outcome, each.seen, each.missed or ""))
    for home in homes:
        seen = f"exit code {home.code}; {home.said}"
        rows.append((home.name, home.sky, home.expected, seen, home.missed or ""))
    held, number = passage.unharmed
    missed = [row for row in rows if row[-1]]
    closing = (
        f"{len(rows) - len(missed)} of"
        f" {len(rows)} as expected;"
        f" releases of the healthy agencies: {held} of {number};"
        f" exit code {passage.code}; most memory: {passage.peak} MB of {MEMORY}"
    )
    for row in rows:
        print(
            f"{'MISSED' if row[-1] else 'ok':6}"
            f" {row[0]:24} {row[2]:38} {row[3]}"
            f"{f'   << {row[-1]}' if row[-1] else ''}"
        )
    print(closing)
    if wanted.markdown:
        wanted.markdown.write_text(to_markdown(rows, closing), encoding="utf-8")
    if wanted.log:
        wanted.log.write_text(passage.printed, encoding="utf-8")
    return 1 if missed or held != number or not 0 < passage.peak <= MEMORY else 0


def pass_through(names: list[str]) -> Passage:
    """Run the single crawl through all conditions, or through the named ones."""
    with tempfile.TemporaryDirectory() as folder, Site(releases=24) as site, tls_server() as port:
        weathers = read_weathers(site, port)
        if strangers := set(names) - {weather.name for weather in weathers}:
            raise SystemExit(f"no weather is called {', '.join(sorted(strangers))}")
        chosen = [weather for weather in weathers if not names or weather.name in names]
        return cross(site, chosen, Path(folder))


def stay_home() -> list[Home]:
    """Run the conditions of the archive itself, in parallel, because a lock is waited for half a
    minute.
    """

    def run(one: Callable[[Path], Home]) -> Home:
        with tempfile.TemporaryDirectory() as folder:
            return one(Path(folder))

    with ThreadPoolExecutor(len(RUNS)) as pool:
        return list(pool.map(run, RUNS))


def to_markdown(rows: list[tuple[str, ...]], closing: str) -> str:
    """Format the table as a page of documentation."""
    lines = [
        f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
        for row in (HEADS[:4], RULE[:4], *(r[:4] for r in rows))
    ]
    return "\n".join(
        ["# Hostile weather, as `make weather` last saw it", "", *lines, "", closing, ""]
    )


if __name__ == "__main__":
    sys.exit(main())
