"""python -m tests.harness.survey: surveys the agencies of the harness, and prints their verdicts.

Kills a survey five times and continues it, and simulates a night of 285 agencies. Exit code 1: a
target was missed. With --serve FOLDER, the agencies are only served, until Ctrl-C; the folder gets
their list, and how to point Scrapy's commands at them is printed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from tests.harness.survey.run import run_harness
from tests.harness.survey.world import serve_survey_world
from tests.harness.world.tables import print_tables


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.harness.survey", description=__doc__)
    parser.add_argument("--serve", type=Path, metavar="FOLDER", help="only serve the agencies")
    parser.add_argument("--seed", type=int, default=1, help="of the moments of kills")
    options = parser.parse_args()
    if options.serve:
        return serve(options.serve)
    with tempfile.TemporaryDirectory() as name, serve_survey_world(Path(name)) as world:
        if world.skipped:
            print(world.skipped)
        tables, misses = run_harness(world, Path(name), options.seed)
    return print_tables(*tables, misses=misses, width=150)


def serve(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    with serve_survey_world(folder) as world, suppress(KeyboardInterrupt):
        pairs = " ".join(f"-s {name}={value}" for name, value in world.settings.items())
        print(f"{len(world.agencies)} agencies; {world.skipped or 'stored pages are served'}")
        print(
            f"SCRAPY_SETTINGS_MODULE={world.crawling.settings} scrapy COMMAND {pairs}", flush=True
        )
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
