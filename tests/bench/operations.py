"""`python -m tests.bench.operations ARCHIVE`: what an operator's commands cost on an archive.

Copies are made in a folder beside the archive and deleted at once. CPU seconds and memory are those
of a command with all its processes.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

from tests.bench.measure import print_lines
from tests.harness.world.processes import ROOT, archive_command, list_tree, memory_of

SECONDS = 0.2  # between two looks at the memory


def measure_operations(path: Path) -> Iterator[str]:
    """Yield a line for each command."""
    yield f"{path.stat().st_size / 1e9:.2f} GB"
    yield f"{'':24}{'CPU s':>9}{'wall s':>9}{'memory MB':>11}{'result MB':>11}"
    with tempfile.TemporaryDirectory(dir=path.parent) as made:
        commands = {
            "verify": ["verify", path],
            "snapshot": ["snapshot", path, "--to", f"{made}/snapshots"],
            "backup": ["backup", path, "--to", f"{made}/backups"],
            "publish": ["publish", path, f"{made}/published"],
            "dataset of a search": ["dataset", "kommun", "--archive", path, "--to", f"{made}/set"],
            "reindex": ["reindex", path],
        }
        for name, words in commands.items():
            cpu, wall, memory = run(archive_command(*words))
            result = sum(file.stat().st_size for file in Path(made).rglob("*") if file.is_file())
            yield f"{name:24}{cpu:>9.1f}{wall:>9.1f}{memory / 1e6:>11.0f}{result / 1e6:>11.0f}"
            subprocess.run(["find", made, "-mindepth", "1", "-delete"], check=True)


def run(command: list[str]) -> tuple[float, float, int]:
    """Run a command; return its CPU seconds, wall seconds and most bytes of memory in use."""
    before, begun = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]), time.monotonic()
    with (
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process,
        closing(Watch(process.pid)) as watch,
    ):
        process.wait()
    if process.returncode:
        raise SystemExit(f"{command}: exit code {process.returncode}")
    cpu = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - before
    return cpu, time.monotonic() - begun, watch.most


class Watch:
    """Looks at the memory of a process and its descendants until it is closed.

    Memory that several of them share counts for each.
    """

    def __init__(self, pid: int) -> None:
        self.pid, self.most, self.ended = pid, 0, Event()
        self.thread = Thread(target=self.look)
        self.thread.start()

    def look(self) -> None:
        while not self.ended.wait(SECONDS):
            self.most = max(self.most, sum(map(memory_of, list_tree(self.pid))))

    def close(self) -> None:
        self.ended.set()
        self.thread.join()


if __name__ == "__main__":
    sys.exit(print_lines(measure_operations(Path(sys.argv[1]))))
