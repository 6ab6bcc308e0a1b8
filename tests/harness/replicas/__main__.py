"""`python -m tests.harness.replicas`: replicas and restored copies; exits with 1 if a target is
missed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from tests.harness.replicas import copies, fanout
from tests.harness.replicas.table import Result
from tests.harness.replicas.tools import find


def main() -> int:
    """Print the table and a line for each miss."""
    nginx, litestream = find("nginx"), find("litestream")
    result, begun, console = Result(), time.monotonic(), Console(stderr=True)

    def tell(how: str) -> None:
        console.print(f"{time.monotonic() - begun:5.0f} s: {how}", highlight=False)

    with tempfile.TemporaryDirectory() as name:
        for part in ("fanout", "copies"):
            (Path(name) / part).mkdir()
        fanout.go(nginx, Path(name) / "fanout", result, tell)
        copies.go(litestream, Path(name) / "copies", result, tell)
    Console(width=130).print(result.to_table(f"replicas, {time.monotonic() - begun:.0f} s"))
    for miss in result.misses:
        print(miss)
    return 1 if result.misses else 0


if __name__ == "__main__":
    sys.exit(main())
