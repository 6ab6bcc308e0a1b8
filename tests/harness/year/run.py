"""Lives a year: turns the site's knobs and runs the crawls, each at its simulated moment; then judges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import time_machine

from tests.harness.year.acts import carry_out
from tests.harness.year.crawls import Crawls, log_to, run_in_reactor
from tests.harness.year.events import Crawl, Event, Plan
from tests.harness.year.history import History
from tests.harness.year.judge_edits import judge_edits
from tests.harness.year.judge_looks import judge_looks
from tests.harness.year.judge_removals import judge_moves, judge_outages, judge_removals
from tests.harness.year.told import Told, Verdict
from tests.harness.year.world import World
from tests.site import Site

NO_VALIDATORS = "hushallsmyndigheten"  # its pages carry no ETag: each look is a whole reading


def run_year(plan: Plan, folder: Path, tell: Callable[[str], None]) -> Verdict:
    """Live through a plan with an archive.db in the folder; `tell` is told how it goes. Once a process."""
    log_to(folder / "crawls.log")
    with Site(releases=plan.scale.releases, crawl_delay=None) as site:
        world = World(site, plan.start, set(plan.late))
        site.set_validators(NO_VALIDATORS, given=False)
        site.log = []
        crawls = Crawls(site, folder / "archive.db", plan.scale)
        run_in_reactor(lambda: live(plan, world, crawls, tell))
        lines = (f"{one.moment:%Y-%m-%d %H:%M:%S}\t{one.status}\t{one.host}\t{one.path}\n" for one in site.log)
        (folder / "site.log").write_text("".join(lines), "utf-8")
    return judge(plan, world, folder / "archive.db", crawls.faults)


async def live(plan: Plan, world: World, crawls: Crawls, tell: Callable[[str], None]) -> None:
    """Each event and each crawl in its turn; between them the calendar jumps, during a crawl it goes its own pace."""
    with time_machine.travel(plan.start.astimezone(UTC), tick=True) as calendar:
        both: list[Event | Crawl] = [*plan.events, *plan.crawls]
        for each in sorted(both, key=lambda one: one.moment):
            calendar.move_to(each.moment.astimezone(UTC))
            if isinstance(each, Event):
                carry_out(world, each)
            else:
                await crawls.run(each.spider, world.unknown)
                tell(f"{each.moment:%Y-%m-%d %H:%M} {each.spider}")


def judge(plan: Plan, world: World, archive: Path, faults: list[str]) -> Verdict:
    """What happened against what the archive tells."""
    verdict, told = Verdict(), Told(archive)
    history = History(world, world.site.log or [])
    judge_edits(history, told, verdict)
    judge_removals(history, told, verdict)
    judge_moves(history, told, verdict)
    judge_outages(history, told, verdict)
    judge_looks(history, plan, verdict)
    for fault in faults:
        verdict.count("crawls that failed")
        verdict.judge("crawls that failed", [fault])
    return verdict
