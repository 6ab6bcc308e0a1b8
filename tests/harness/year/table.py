"""Formats the result as a table: how often each kind of event happened, could be seen, and was
recorded correctly.
"""

from __future__ import annotations

from rich.table import Table

from tests.harness.world.tables import make_table
from tests.harness.year.events import DESIGNS, EDITS, MOVES, OUTAGES, REMOVALS, Plan
from tests.harness.year.judge_edits import BACK, INVENTED, OWN
from tests.harness.year.judge_looks import to_row
from tests.harness.year.judge_phrases import FOUND, INVENTED_PHRASE
from tests.harness.year.judge_removals import FALSE, OUTAGE, RETURNED
from tests.harness.year.told import Verdict

ORDER = (
    (*EDITS.values(), BACK, *DESIGNS.values()),
    (*dict.fromkeys(name for name, _ in REMOVALS.values()), RETURNED, *MOVES.values()),
    tuple(OUTAGES.values()),
    (FOUND,),
)
NEVER = (INVENTED, OWN, FALSE, OUTAGE, INVENTED_PHRASE, "crawls that failed")


def to_table(verdict: Verdict, plan: Plan, seconds: float) -> Table:
    """Format one line per kind; `seen` leaves out what no crawl could know before the end of the
    year.
    """
    scale = plan.scale
    size = (
        f"{scale.days} days, {scale.releases} releases, {len(plan.events)} events,"
        f" {len(plan.crawls)} crawls"
    )
    title = f"{size}, {seconds:.0f} s"
    table = make_table("", "happened", "to be seen", "told right", title=title)
    looks = tuple(to_row(*age) for age in scale.ages)
    for section in (*ORDER, looks):
        for name in section:
            add(table, verdict, name)
        table.add_section()
    for name in NEVER:
        number = verdict.happened[name]
        table.add_row(name, str(number), "", "", style="red" if number else None)
    return table


def add(table: Table, verdict: Verdict, name: str) -> None:
    """Format a line, in red if something was missed."""
    due, right = verdict.due[name], verdict.right[name]
    counts = map(str, (verdict.happened[name], due, right))
    table.add_row(name, *counts, style="red" if right < due else None)
