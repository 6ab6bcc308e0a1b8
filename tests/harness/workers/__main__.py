"""python -m tests.harness.workers: runs 1, 2 and 4 workers, and kills some; exits with 1 if
anything is wrong.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.harness.workers.host import add_rooms
from tests.harness.workers.later import go_on
from tests.harness.workers.run import Score, Stage, go, take_over
from tests.harness.world.broker import ABSENT, find_server
from tests.harness.world.tables import Stopwatch, make_table, print_tables
from tests.site.server import Site

NUMBERS = (1, 2, 4)
# number of workers → minimum of their pages per second, as a multiple of a single worker's
FASTER = {2: 1.6, 4: 2.5}

Tell = Callable[[Score, Score], str]
HEADS: dict[str, Tell] = {
    "workers": lambda score, one: str(score.workers),
    "pages/s": lambda score, one: f"{score.rate:.2f}",
    "of one's": lambda score, one: f"{score.rate / one.rate:.2f}" if one.rate else "–",
    "seconds": lambda score, one: f"{score.seconds:.0f}",
    # the shortest times between two requests to one host
    "gap asked": lambda score, one: f"{score.asked:.2f} s",
    "as sent": lambda score, one: f"{score.kept:.3f} s",
    "five in a row": lambda score, one: f"{score.pace:.3f} s",
    "as seen": lambda score, one: f"{score.gap:.3f} s",
    "lost": lambda score, one: str(score.lost),
    "doubled": lambda score, one: str(score.doubled),
    "repeated": lambda score, one: str(score.repeated),
    "deaths": lambda score, one: ", ".join(score.deaths),
}


def main() -> int:
    """Print the table; return 1 and print a line for each fault, or return 2 if no broker is
    installed.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.harness.workers", description=__doc__)
    for name, default, told in (
        ("--rooms", 8, "agencies beside the four of the sample site"),
        ("--releases", 36, "of each agency (default %(default)s)"),
        ("--delay", 0.5, "seconds that each host asks for"),
        ("--workers", ",".join(map(str, NUMBERS)), "how many, with commas"),
    ):
        parser.add_argument(name, type=type(default), default=default, help=told)
    options = parser.parse_args()
    if find_server() is None:
        print(f"make workers: {ABSENT}", file=sys.stderr)
        return 2
    scores: list[Score] = []
    tell = Stopwatch().tell
    with (
        tempfile.TemporaryDirectory() as name,
        Site(releases=4 * options.releases, crawl_delay=options.delay) as site,
    ):
        folder = Path(name)
        agencies = site.agencies_file(folder, attachments=None)
        with agencies.open("a", encoding="utf-8") as file:
            file.write("\n" + add_rooms(site, options.rooms, options.releases, options.delay))
        # workers fetch no attached files, so the embedded crawl must not either
        tables = re.sub(r"(?m)^(\[.+\])$", r'\1\nattachments = "none"', agencies.read_text("utf-8"))
        agencies.write_text(tables, "utf-8")
        (folder / "embedded").mkdir()
        stage = Stage(site, agencies, options.delay, tell)
        expected = stage.embed(folder / "embedded")
        held = len(expected.held["releases"])
        tell(f"an embedded round holds {held} releases, {expected.asked} pages asked for")
        seconds, lease = take_over(stage, folder / "take-over", "myndighet-0")
        told = f"a dead worker's round is another's after {seconds:.1f} s, its lease {lease:.0f} s"
        tell(told)
        for workers in map(int, options.workers.split(",")):
            tell(f"{workers} workers begin")
            scores.append(go(stage, expected, folder / f"workers-{workers}", workers))
            tell(f"done, {len(scores[-1].checks.misses)} misses")
        later = go_on(stage, folder / "embedded", folder / f"workers-{workers}")
        tell(f"a round later: {len(later)} misses")
        number = options.rooms + len(site.agencies)
    title = f"{number} agencies; kills are kill -9, in the middle"
    table = make_table(*HEADS, title=title, left=(len(HEADS) - 1,))
    for score in scores:
        least = FASTER.get(score.workers, 0.0) if scores[0].workers == 1 else 0.0
        slow = score.rate < least * scores[0].rate and score.rate
        score.checks.check("pages a second are too few", slow)
        cells = (head(score, scores[0]) for head in HEADS.values())
        table.add_row(*cells, style="red" if score.checks.misses else None)
    misses = [miss for score in scores for miss in score.checks.misses] + later
    print_tables(table, misses=[told, *misses], width=150)
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
