"""Runs phases: the site changes, a command is killed repeatedly, then runs to its end, and the
archive is checked.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from scraper.spiders.release_spider import MAX_REQUESTS_AHEAD
from tests.forks import ForkedModule
from tests.harness.world.checks import DOUBLED, Checklist
from tests.harness.world.processes import kill_tree
from tests.harness.world.sites import GENEROUS, ChangingSite, Holding
from tests.site.server import Site

MODES = ("news", "revisit", "reparse", "round")
KILLS = 5  # of a phase, at most
NEW = 12  # releases published for a phase
PATIENCE = 120  # seconds until a command that does not end is a fault
EARLY = 0.15  # share of kills before the first request
NEWEST = "select max(id) from revisions"
EDITS = "select id from revisions where cause = 'source'"

Process = subprocess.Popen[str] | ForkedModule


@dataclass
class Score:
    """The counts of a mode."""

    kills: int = 0
    asked: int = 0  # requests for releases
    in_flight: int = 0  # of these, answered or on their way when the kill came, and not kept yet
    most: int = 0  # the most of them at one kill
    seconds: float = 0.0
    span: float = 1.5  # seconds that its command works, from its first sign of life, as last seen


@dataclass
class Run:
    """A run with a number of kills."""

    ward: ChangingSite
    checks: Checklist
    scores: dict[str, Score] = field(default_factory=lambda: {mode: Score() for mode in MODES})
    misread: bool = True  # whether the next reparse uses the wrong rule
    in_forks: bool = False  # whether commands are forks, which start sooner than new processes

    def open(self, mode: str) -> Process:
        """Start the command of a mode."""
        crawling, settings = self.ward.crawling, dict(GENEROUS)
        if mode == "reparse" and self.misread:
            settings["AGENCIES"] = str(crawling.agencies.with_name("misread.toml"))
        is_spider = mode in ("news", "revisit")
        build = crawling.command if is_spider else crawling.scrapy_command
        command = build(mode, **settings)
        if self.in_forks:
            environment = {"SCRAPY_SETTINGS_MODULE": crawling.settings}
            return ForkedModule(command[2], command[3:], environment)
        return crawling.open(command)

    def alive(self, mode: str) -> Callable[[], bool]:
        """Return whether a command has sent a request or stored something."""
        if mode == "reparse":
            before = self.ward.rows(NEWEST)
            return lambda: self.ward.rows(NEWEST) != before
        return lambda: bool(self.ward.site.log)


def kill_at(process: Process, alive: Callable[[], bool], moment: float) -> bool:
    """Kill a process and its children so long after its first sign of life; False where it had
    ended by itself.
    """
    deadline = time.monotonic() + PATIENCE
    while not alive() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    with suppress(subprocess.TimeoutExpired):
        process.wait(moment)
    killed = process.poll() is None
    kill_tree(process.pid)
    process.communicate()
    return killed


def go(
    number: int,
    seed: int,
    folder: Path,
    tell: Callable[[str], None],
    *,
    modes: Sequence[str] = MODES,
    most: int = KILLS,
    releases: int = 80,
    in_forks: bool = False,
) -> Run:
    """So many kills, at most so many in a phase; about as many of each mode."""
    with Site(releases=releases + NEW * number // KILLS, crawl_delay=None) as site:
        ward = ChangingSite.open(site, folder, seed)
        run = Run(ward, Checklist(tell), in_forks=in_forks)
        phase = 0
        while (left := number - sum(score.kills for score in run.scores.values())) > 0:
            mode = modes[phase % len(modes)]
            kills = min(left, run.ward.chance.randint(min(3, most), most))
            go_through(run, mode, kills)
            tell(f"{number - left + kills} of {number} kills, {len(run.checks.misses)} misses")
            phase += 1
        judge_end(run)
    return run


def go_through(run: Run, mode: str, kills: int) -> None:
    """One phase: as many kills of one mode, then the same command to its end."""
    begun, ward, score = time.monotonic(), run.ward, run.scores[mode]
    prepare(ward, mode)
    before, settled, tries = ward.holding(), set[str](), 0
    done, edits = 0, set(ward.rows(EDITS))
    while done < kills and tries < 3 * kills:
        tries += 1
        early = ward.chance.random() < EARLY
        moment = ward.chance.random() * (0.8 if early else score.span)
        process = run.open(mode)
        killed = kill_at(process, (lambda: True) if early else run.alive(mode), moment)
        done += killed
        score.kills += killed
        before, settled = judge_kill(run, mode, before, settled, killed=killed)
        if not killed:  # it has done all there was
            prepare(ward, mode)
            run.misread, settled = not run.misread, set()
    finish(run, mode)
    judge_kill(run, mode, before, settled, killed=False)
    judge_phase(run, mode, edits)
    score.seconds += time.monotonic() - begun


def prepare(ward: ChangingSite, mode: str) -> None:
    """Change the site or the archive, so that a command has something to do."""
    ward.asked(killed=False)
    if mode in ("news", "round"):
        ward.publish(NEW)
    if mode in ("revisit", "round") and ward.rows("select 1 from releases limit 1"):
        ward.edit()
        ward.make_due()


def finish(run: Run, mode: str) -> None:
    """The command once more, to its end; how long it works is how long the next ones may be killed
    in.
    """
    process = run.open(mode)
    alive, first = run.alive(mode), None
    while process.poll() is None and first is None:
        first = time.monotonic() if alive() else None
        time.sleep(0.005)
    printed, _ = process.communicate(timeout=run.ward.crawling.patience)
    run.scores[mode].span = max(0.3, time.monotonic() - (first or time.monotonic()))
    failed = printed[-2000:] if process.returncode else None
    run.checks.check(f"{mode} after its kills ends with 0", failed)


def judge_kill(
    run: Run, mode: str, before: Holding, settled: set[str], *, killed: bool
) -> tuple[Holding, set[str]]:
    """After a kill or an end: nothing kept is lost, nothing settled asked for again.

    Gives what is held and settled.
    """
    ward, score, check = run.ward, run.scores[mode], run.checks.check
    asked, after = ward.asked(killed=killed), ward.holding()
    check(f"{mode}: states kept before a kill are there", sorted(before.states - after.states))
    check(f"{mode}: what was settled is not asked for again", sorted(set(asked) & settled))
    twice = [url for url, n in asked.items() if n > 1]
    check(f"{mode}: nothing is asked for twice by one process", twice)
    open_ones = set(asked) - after.settled
    score.asked += sum(asked.values())
    score.in_flight += len(open_ones)
    score.most = max(score.most, len(open_ones))
    most = MAX_REQUESTS_AHEAD * len(ward.site.agencies)
    check(f"{mode}: few are in flight at a kill", len(open_ones) > most)
    if mode == "reparse":
        check("reparse asks for nothing", asked)
    return after, settled | (set(asked) & after.settled)


def judge_phase(run: Run, mode: str, edits: set[tuple[int]]) -> None:
    """After a phase: the archive holds together, and tells of no state twice.

    edits: those told before it.
    """
    ward, check = run.ward, run.checks.check
    run.checks.verify(ward.archive)
    for what, sql in DOUBLED.items():
        check(what, ward.rows(sql))
    if mode == "reparse":  # read as it should be again
        run.misread = True
        code, printed = ward.crawling.scrapy("reparse")
        check("reparse by the right rules ends with 0", printed if code else None)
        check("reparse tells no edit", set(ward.rows(EDITS)) - edits)
    if mode != "news":
        titles = dict(ward.rows("select url, title from releases"))
        wrong = [url for url, title in titles.items() if ward.site.truth[url].title != title]
        check(f"{mode}: every release reads as it stands", wrong)


def judge_end(run: Run) -> None:
    """Check at the end that every release of the site is stored once, in its current state."""
    ward, check = run.ward, run.checks.check
    ward.make_due()
    for mode in ("news", "revisit"):
        finish(run, mode)
    standing = {url: release.title for url, release in ward.site.truth.items()}
    titles = dict(ward.rows("select url, title from releases"))
    check("every release is held", sorted(set(standing) - set(titles)))
    check("none is held that the site has not", sorted(set(titles) - set(standing)))
    wrong = [url for url in titles if titles[url] != standing.get(url)]
    check("every release reads as it stands", wrong)
    due = "select url from frontier where role = 'release' and state <> 'stored'"
    check("nothing is left due", ward.rows(due))
    run.checks.verify(ward.archive)
