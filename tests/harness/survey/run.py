"""Surveys the thirty agencies, kills surveys and continues them, and simulates a night of 285."""

from __future__ import annotations

import heapq
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from scraper.survey.survey_spider import AGENCIES_AT_ONCE
from tests.harness.survey.world import SurveyWorld
from tests.harness.world.checks import Figures
from tests.harness.world.processes import kill_tree, peak_of
from tests.harness.world.tables import Stopwatch, make_table
from tests.scraper.crawling import Crawling
from tests.site.plain import PlainHost
from tests.site.server import Site

MAX_WRONG = 2  # verdicts of the thirty
KILLS = 5
UNSTABLE = ("tried", "changes")  # keys of a report that two surveys never share
# A night: agencies, releases that each lists, bytes of a page, and seconds of an answer. AutoThrottle
# waits twice as long between the starts of two requests to a host.
AGENCIES, RELEASES, PAGE_SIZE, ANSWER = 285, 20, 80_000, 1.0
# The worst night: each agency gets MAX_REQUESTS, and every tenth host asks for a Crawl-delay of 60 s.
SLOW_EVERY, SLOW_DELAY = 10, 60.0
MAX_HOURS, MAX_MEMORY, MAX_REQUESTS = 3, 300, 40  # MB of memory; requests of an agency


@dataclass
class Surveys:
    """Runs surveys in processes of their own, each into a folder."""

    crawling: Crawling
    settings: dict[str, str]
    seconds: float = 30.0  # that a whole survey takes, as last seen
    memory: float = 0.0  # MB that a survey has needed at most

    def run(self, folder: Path, kill_after: float | None = None) -> int | None:
        """Run a survey to its end, and return its exit code; or kill it after some seconds, and
        return None if it was still running.
        """
        settings = {**self.settings, "SURVEY": str(folder)}
        process = self.crawling.open(self.crawling.scrapy_command("survey", **settings))
        begun = time.monotonic()
        if kill_after is not None:
            while process.poll() is None and time.monotonic() < begun + kill_after:
                time.sleep(0.05)
            if process.poll() is None:
                kill_tree(process.pid)
                process.wait()
                return None
        # not getrusage's of children, which counts this process when it forks: all pages of a night
        printed = None
        while printed is None:
            self.memory = max(self.memory, peak_of(process.pid) / 2**20)
            with suppress(subprocess.TimeoutExpired):
                printed, _ = process.communicate(timeout=0.2)
        if process.returncode:
            sys.stderr.write(printed)
        self.seconds = time.monotonic() - begun
        return process.returncode


def read_report(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the rows of a report by slug, without what two surveys never share."""
    rows = json.loads((folder / "report.json").read_text("utf-8"))
    return {
        row["slug"]: {key: value for key, value in row.items() if key not in UNSTABLE}
        for row in rows
    }


def compare_verdicts(world: SurveyWorld, folder: Path, figures: Figures) -> Table:
    """Return a table of verdicts beside the expected ones; add their figures."""
    table = make_table("agency", "expected", "verdict", "requests", "reason", left=(0, 1, 2, 4))
    rows, wrong, too_good = read_report(folder), list[str](), list[str]()
    for verdict in world.verdicts:
        row = rows[verdict.slug]
        is_right = verdict.agrees(row["verdict"])
        style = None if is_right else "red"
        reason = (row["reasons"] or [""])[0]
        cells = (verdict.slug, verdict.expected, row["verdict"], str(row["requests"]), reason)
        table.add_row(*cells, style=style)
        if not is_right:
            wrong.append(f"{verdict.slug}: {row['verdict']}, not {verdict.expected}")
            too_good += [verdict.slug] if row["verdict"] == "works" else []
    figures.most(f"wrong verdicts of {len(rows)}", len(wrong), MAX_WRONG, "")
    figures.misses += wrong if len(wrong) > MAX_WRONG else []
    figures.none("“works” that is wrong", too_good)
    return table


def check_kills(surveys: Surveys, folder: Path, figures: Figures, seed: int) -> None:
    """Kill a survey several times and continue it; its report must be that of a whole survey."""
    randomness, kills, span = random.Random(seed), 0, surveys.seconds
    for _ in range(KILLS):
        moment = randomness.uniform(0.2, 0.6) * span
        kills += surveys.run(folder / "killed", kill_after=moment) is None
    code = surveys.run(folder / "killed")
    whole, continued = read_report(folder / "whole"), read_report(folder / "killed")
    figures.least("kills before a survey's end", kills, 1)
    figures.add("exit code at its end", code, "0", good=code == 0)
    figures.none("agencies that differ after kills", list_differences(whole, continued))


def list_differences(
    whole: dict[str, dict[str, Any]], continued: dict[str, dict[str, Any]]
) -> Iterator[str]:
    for slug in whole.keys() | continued.keys():
        one, other = whole.get(slug, {}), continued.get(slug, {})
        keys = [key for key in one | other if one.get(key) != other.get(key)]
        if keys:
            yield f"{slug}: {', '.join(keys)}"


def survey_night(folder: Path, figures: Figures) -> None:
    """Survey 285 plain agencies without delays, and compute from their requests how long a night's
    survey takes with the delays of a crawl.
    """
    folder.mkdir()
    with Site(releases=4) as site:
        path = folder / "agencies.toml"
        path.write_text("".join(add_agency(site, number) for number in range(AGENCIES)), "utf-8")
        crawling = Crawling(site, path, folder / "archive.db")
        surveys = Surveys(crawling, dict(crawling.given_settings))
        site.clear_counts()
        code = surveys.run(folder / "night")
        requests = site.counts.total
    rows = read_report(folder / "night").values()
    counts = [row["requests"] + 1 for row in rows]  # and robots.txt
    slow = [SLOW_DELAY if number % SLOW_EVERY == 0 else 2 * ANSWER for number in range(AGENCIES)]
    hours = schedule([2 * ANSWER * count for count in counts]) / 3600
    slow_hours = schedule([MAX_REQUESTS * delay for delay in slow]) / 3600
    figures.add("exit code of the night", code, "0", good=code == 0)
    figures.least("agencies surveyed in it", len(rows), AGENCIES)
    figures.add("requests in it", requests)
    figures.most("requests of an agency", max(row["requests"] for row in rows), MAX_REQUESTS, "")
    figures.most("its time with delays", hours, MAX_HOURS, "h")
    figures.most("the same with many requests and slow hosts", slow_hours, MAX_HOURS, "h")
    figures.add("its time without them", f"{surveys.seconds:.0f} s")
    figures.most("most memory of a survey", surveys.memory, MAX_MEMORY, "MB")


def add_agency(site: Site, number: int) -> str:
    """Add an agency with a listing of dated releases, and return its table."""
    host, name = PlainHost(), f"verk{number}.localhost"
    site.plain[name] = host
    padding = f"<!-- {'x' * PAGE_SIZE} -->"
    entries = "".join(
        f'<li><time datetime="2026-01-{day:02}">2026-01-{day:02}</time>'
        f' <a href="/nyheter/nyhet-{day}">Nyhet {day} från verket</a></li>'
        for day in range(1, RELEASES + 1)
    )
    host.add("/", f'<html lang="sv"><title>Verk {number}</title><a href="/nyheter">Nyheter</a>')
    host.add("/nyheter", f"<title>Nyheter</title><main><h1>Nyheter</h1><ul>{entries}</ul></main>")
    for day in range(1, RELEASES + 1):
        text = f"Verket har i dag beslutat om ärende {day}, som gäller vägar i län {number}. " * 4
        host.add(
            f"/nyheter/nyhet-{day}",
            f'<html lang="sv"><title>Nyhet {day} från verket</title><main><h1>Nyhet {day} från'
            f" verket</h1><p>Publicerad: 2026-01-{day:02}</p><p>{text}</p></main>{padding}",
        )
    return f'[verk{number}]\nname = "Verk {number}"\nhome = "http://{name}:{site.port}/"\n\n'


def schedule(durations: list[float]) -> float:
    """Return how long the durations take, AGENCIES_AT_ONCE at a time, in their order."""
    ends = [0.0] * AGENCIES_AT_ONCE
    for duration in durations:
        heapq.heappush(ends, heapq.heappop(ends) + duration)
    return max(ends)


def run_harness(world: SurveyWorld, folder: Path, seed: int) -> tuple[list[Table], list[str]]:
    """Run all parts; return their tables, and what missed its target."""
    watch, figures = Stopwatch(), Figures()
    surveys = Surveys(world.crawling, world.settings)
    surveys.run(folder / "whole")
    watch.tell(f"{len(world.agencies)} agencies are surveyed")
    verdicts = compare_verdicts(world, folder / "whole", figures)
    check_kills(surveys, folder, figures, seed)
    watch.tell(f"a survey was killed {KILLS} times and continued")
    survey_night(folder / "night", figures)
    watch.tell(f"{AGENCIES} agencies are surveyed")
    return [verdicts, figures.to_table("Survey")], figures.misses
