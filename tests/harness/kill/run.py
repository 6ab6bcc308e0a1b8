"""Runs phases: the site changes, a command is killed repeatedly, then runs to its end, and the
archive is checked.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from archive.evidence.verification import verify
from scraper.spiders.release_spider import MAX_REQUESTS_AHEAD
from tests.forks import ForkedModule
from tests.harness.kill.killing import EARLY, Process, Span, kill_at
from tests.harness.kill.ward import GENEROUS, Holding, Ward
from tests.site.server import Site

MODES = ("news", "revisit", "reparse", "round")
KILLS = 5  # of a phase, at most
NEW = 12  # releases published for a phase


@dataclass
class Score:
    """The counts of a mode."""

    kills: int = 0
    asked: int = 0  # requests for releases
    in_flight: int = 0  # of these, answered or on their way when the kill came, and not kept yet
    most: int = 0  # the most of them at one kill
    seconds: float = 0.0


@dataclass
class Run:
    """A run with a number of kills."""

    ward: Ward
    tell: Callable[[str], None]
    scores: dict[str, Score] = field(default_factory=lambda: {mode: Score() for mode in MODES})
    spans: dict[str, Span] = field(default_factory=lambda: {mode: Span() for mode in MODES})
    misread: bool = True  # whether the next reparse uses the wrong rule
    misses: list[str] = field(default_factory=list)
    checks: Counter[str] = field(default_factory=Counter)
    in_forks: bool = False  # whether commands are forks, which start sooner than new processes

    def check(self, what: str, found: object) -> None:
        """Record a miss if something was found that must not be."""
        self.checks[what] += 1
        if found:
            self.misses.append(f"{what}: {repr(found)[-1500:]}")
            self.tell(self.misses[-1])

    def command(self, mode: str) -> list[str]:
        """Return the command line of a mode."""
        crawling, settings = self.ward.crawling, dict(GENEROUS)
        if mode == "reparse" and self.misread:
            settings["AGENCIES"] = str(crawling.agencies.with_name("misread.toml"))
        if mode in ("news", "revisit"):
            return crawling.command(mode, **settings)
        return crawling.scrapy_command(mode, **settings)

    def open(self, mode: str) -> Process:
        """Start the command of a mode."""
        command, crawling = self.command(mode), self.ward.crawling
        if self.in_forks:
            return ForkedModule(
                command[2], command[3:], {"SCRAPY_SETTINGS_MODULE": crawling.settings}
            )
        return crawling.open(command)

    def alive(self, mode: str) -> Callable[[], bool]:
        """Return whether a command has sent a request or stored something."""
        if mode == "reparse":
            before = self.ward.rows(NEWEST)
            return lambda: self.ward.rows(NEWEST) != before
        return lambda: bool(self.ward.site.log)


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
        run = Run(Ward.open(site, folder, seed), tell, in_forks=in_forks)
        phase = 0
        while (left := number - sum(score.kills for score in run.scores.values())) > 0:
            mode = modes[phase % len(modes)]
            kills = min(left, run.ward.chance.randint(min(3, most), most))
            go_through(run, mode, kills)
            tell(f"{number - left + kills} of {number} kills, {len(run.misses)} misses")
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
        moment = ward.chance.random() * (0.8 if early else run.spans[mode].seconds)
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


def prepare(ward: Ward, mode: str) -> None:
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
    run.spans[mode].seconds = max(0.3, time.monotonic() - (first or time.monotonic()))
    run.check(
        f"{mode} after its kills ends with 0", printed[-2000:] if process.returncode else None
    )


def judge_kill(
    run: Run, mode: str, before: Holding, settled: set[str], *, killed: bool
) -> tuple[Holding, set[str]]:
    """After a kill or an end: nothing kept is lost, nothing settled asked for again.

    Gives what is held and settled.
    """
    ward, score = run.ward, run.scores[mode]
    asked, after = ward.asked(killed=killed), ward.holding()
    run.check(f"{mode}: states kept before a kill are there", sorted(before.states - after.states))
    run.check(f"{mode}: what was settled is not asked for again", sorted(set(asked) & settled))
    run.check(
        f"{mode}: nothing is asked for twice by one process",
        [url for url, n in asked.items() if n > 1],
    )
    open_ones = set(asked) - after.settled
    score.asked += sum(asked.values())
    score.in_flight += len(open_ones)
    score.most = max(score.most, len(open_ones))
    run.check(
        f"{mode}: few are in flight at a kill",
        len(open_ones) > MAX_REQUESTS_AHEAD * len(ward.site.agencies),
    )
    if mode == "reparse":
        run.check("reparse asks for nothing", asked)
    return after, settled | (set(asked) & after.settled)


def judge_phase(run: Run, mode: str, edits: set[tuple[int]]) -> None:
    """After a phase: the archive holds together, and tells of no state twice.

    edits: those told before it.
    """
    ward = run.ward
    run.check(
        "verify is clean", [str(finding) for finding in verify(ward.crawling.archive).findings]
    )
    for what, sql in DOUBLED.items():
        run.check(what, ward.rows(sql))
    if mode == "reparse":  # read as it should be again
        run.misread = True
        code, printed = ward.crawling.scrapy("reparse")
        run.check("reparse by the right rules ends with 0", printed if code else None)
        run.check("reparse tells no edit", set(ward.rows(EDITS)) - edits)
    if mode != "news":
        titles = dict(ward.rows("select url, title from releases"))
        wrong = [url for url, title in titles.items() if ward.site.truth[url].title != title]
        run.check(f"{mode}: every release reads as it stands", wrong)


def judge_end(run: Run) -> None:
    """Check at the end that every release of the site is stored once, in its current state."""
    ward = run.ward
    ward.make_due()
    for mode in ("news", "revisit"):
        finish(run, mode)
    standing = {url: release.title for url, release in ward.site.truth.items()}
    titles = dict(ward.rows("select url, title from releases"))
    run.check("every release is held", sorted(set(standing) - set(titles)))
    run.check("none is held that the site has not", sorted(set(titles) - set(standing)))
    run.check(
        "every release reads as it stands",
        [url for url in titles if titles[url] != standing.get(url)],
    )
    run.check(
        "nothing is left due",
        ward.rows("select url from frontier where role = 'release' and state <> 'stored'"),
    )
    run.check(
        "verify is clean", [str(finding) for finding in verify(ward.crawling.archive).findings]
    )


NEWEST = "select max(id) from revisions"
EDITS = "select id from revisions where cause = 'source'"
DOUBLED = {
    "no release is held twice": "select url from releases group by url having count(*) > 1",
    "no state follows itself": (
        "select v.id from revisions v join revisions p on p.id = v.previous where p.hash = v.hash"
    ),
    "every release has one first state": (
        "select release from revisions group by release having sum(cause = 'first') <> 1"
    ),
    "every release stands as its newest state": (
        "select r.id from releases r join revisions v on v.id = r.revision where r.hash <> v.hash"
        " or v.id <> (select max(id) from revisions where release = r.id)"
    ),
    "every capture belongs to a state": (
        "select id from captures where id not in (select capture"
        " from revisions where capture is not null)"
        " and id not in (select capture from releases where capture is not null)"
        " and id not in (select capture from removals where capture is not null)"
        " and id not in (select capture from quarantine where capture is not null)"
        " and id not in (select capture from attachment_versions)"
    ),
    "every fetched file is known": (
        "select url from frontier where role = 'attachment' and state = 'done'"
        " and url not in (select url from attachment_versions)"
    ),
    "nothing is left held back": (
        "select url, seen, reason, decision from quarantine where decided is null"
    ),
}
