"""python -m archive replica: the command line."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from archive.errors import ArchiveError
from archive.replica.keeper import Keeper


def add_replica_options(parser: argparse.ArgumentParser) -> None:
    """What it needs to know."""
    parser.add_argument("folder", type=Path, help="where python -m archive snapshot publishes, or a copy of it")
    parser.add_argument("--host", default="127.0.0.1", help="(default %(default)s)")
    parser.add_argument("--port", type=int, default=8101, help="(default %(default)s)")


def run_replica(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Until it is told to end; `words` are options of datasette serve."""
    if not options.folder.is_dir():
        raise ArchiveError(options.folder, "no such folder; python -m archive snapshot makes it")

    def tell(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    keeper = Keeper(folder=options.folder, address=(options.host, options.port), words=words, tell=tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: keeper.ended.set())
    keeper.run()
    return 0
