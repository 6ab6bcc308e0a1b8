"""`python -m tests.harness.replicas`: replicas and restored copies; exits with 1 if a target is
missed.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests.harness.replicas import copies, fanout
from tests.harness.world.checks import Figures
from tests.harness.world.tables import Stopwatch, print_tables

PLACES = f"{Path(sys.executable).parent}:/usr/sbin:/usr/local/sbin"
HOW = {
    "nginx": "Debian: apt-get install nginx-light",
    "litestream": ".venv/bin/python -m pip install -c constraints.txt -e '.[litestream]'",
}


def find(name: str) -> str:
    """Return the path of a program; exit if it is not installed."""
    path = shutil.which(name) or shutil.which(name, path=PLACES)
    if path is None:
        sys.stderr.write(f"make replicas needs {name} ({HOW[name]})\n")
        sys.exit(2)
    return path


def main() -> int:
    """Print the table and a line for each miss."""
    nginx, litestream = find("nginx"), find("litestream")
    result, watch = Figures(), Stopwatch()
    with tempfile.TemporaryDirectory() as name:
        for part in ("fanout", "copies"):
            (Path(name) / part).mkdir()
        fanout.go(nginx, Path(name) / "fanout", result, watch.tell)
        copies.go(litestream, Path(name) / "copies", result, watch.tell)
    table = result.to_table(f"replicas, {watch.seconds:.0f} s")
    return print_tables(table, misses=result.misses, width=130)


if __name__ == "__main__":
    sys.exit(main())
