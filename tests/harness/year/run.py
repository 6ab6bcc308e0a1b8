"""Simulates a year: changes the site and runs the crawls at their simulated times, then checks the
archive.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.harness.world.simulation import Crawls, format_ages, run_in_reactor, simulated_time
from tests.harness.year.events import Crawl, Event, Plan
from tests.harness.year.history import History
from tests.harness.year.judge_edits import judge_edits
from tests.harness.year.judge_looks import judge_looks
from tests.harness.year.judge_phrases import judge_phrases
from tests.harness.year.judge_removals import judge_moves, judge_outages, judge_removals
from tests.harness.year.told import Told, Verdict
from tests.harness.year.world import World
from tests.site.server import Site

# its pages have no ETag, so that each request returns the whole page
NO_VALIDATORS = "hushallsmyndigheten"


def run_year(plan: Plan, folder: Path, report: Callable[[str], None]) -> Verdict:
    """Simulate a plan with an archive.db in the folder; `report` gets a line per crawl.

    Once per process.
    """
    with Site(releases=plan.scale.releases, crawl_delay=None) as site:
        world = World(site, plan.start, set(plan.late))
        site.set_validators(NO_VALIDATORS, given=False)
        site.log = []
        crawls = Crawls(site, folder / "archive.db", format_ages(plan.scale.ages))
        run_in_reactor(lambda: simulate(plan, world, crawls, report))
        lines = (
            f"{one.moment:%Y-%m-%d %H:%M:%S}\t{one.status}\t{one.host}\t{one.path}\n"
            for one in site.log
        )
        (folder / "site.log").write_text("".join(lines), "utf-8")
    return judge(plan, world, folder / "archive.db", crawls.faults)


async def simulate(plan: Plan, world: World, crawls: Crawls, report: Callable[[str], None]) -> None:
    """Carry out events and crawls in order of time.

    The clock jumps between them, and runs normally during a crawl.
    """
    with simulated_time(plan.start) as move_to:
        both: list[Event | Crawl] = [*plan.events, *plan.crawls]
        for each in sorted(both, key=lambda one: one.moment):
            move_to(each.moment)
            if isinstance(each, Event):
                world.carry_out(each)
            else:
                await crawls.run(each.spider, world.unknown)
                report(f"{each.moment:%Y-%m-%d %H:%M} {each.spider}")


def judge(plan: Plan, world: World, archive: Path, faults: list[str]) -> Verdict:
    """Compare what happened with what the archive recorded."""
    verdict, told = Verdict(), Told(archive)
    history = History(world, world.site.log or [])
    judge_edits(history, told, verdict)
    judge_removals(history, told, verdict)
    judge_moves(history, told, verdict)
    judge_outages(history, told, verdict)
    judge_looks(history, plan, verdict)
    judge_phrases(history, told, archive, verdict)
    for fault in faults:
        verdict.count_and_judge("crawls that failed", fault)
    return verdict
