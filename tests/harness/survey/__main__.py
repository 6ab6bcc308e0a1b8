"""python -m tests.harness.survey FOLDER: serves the agencies until Ctrl-C.

Prints how to point Scrapy's commands at them. FOLDER gets their list, agencies.toml.
"""

from __future__ import annotations

import argparse
import threading
from contextlib import suppress
from pathlib import Path

from tests.harness.survey.world import serve_survey_world


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.harness.survey", description=__doc__)
    parser.add_argument("folder", type=Path, help="for the list of agencies and the archive")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with serve_survey_world(folder) as world, suppress(KeyboardInterrupt):
        pairs = " ".join(f"-s {name}={value}" for name, value in world.settings.items())
        print(f"{len(world.agencies)} agencies; {world.skipped or 'stored pages are served'}")
        print(
            f"SCRAPY_SETTINGS_MODULE={world.crawling.settings} scrapy COMMAND {pairs}", flush=True
        )
        threading.Event().wait()


if __name__ == "__main__":
    main()
