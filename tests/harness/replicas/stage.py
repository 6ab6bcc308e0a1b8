"""The sample site, the owner's archive with its server, two replicas, and the crawls that keep
writing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from archive.operations.serving import list_snapshots
from archive.operations.snapshots import parse_snapshot_time
from tests.harness.replicas.readers import ask
from tests.harness.world.processes import PATIENCE, Background, archive_command, run_archive
from tests.harness.world.sites import ChangingSite


def replicas(snapshots: Path, ports: Sequence[int], log: Path) -> Background:
    """Return the process that serves a folder of snapshots on several ports."""
    words = [word for port in ports for word in ("--port", port)]
    return Background(archive_command("replica", snapshots, *words), log, ports[0])


def snapshot(archive: Path, folder: Path, *options: str) -> Path:
    """Make a snapshot as an operator does."""
    run_archive("snapshot", archive, "--to", folder, *options)
    return list_snapshots(folder)[0]


def await_served(ports: Sequence[int], wanted: Path) -> None:
    """Wait until every replica serves a snapshot or a newer one."""
    deadline, started = time.monotonic() + PATIENCE, parse_snapshot_time(wanted.name).timestamp()
    for port in ports:
        while True:
            answer = ask(port, "/-/status.json", seconds=10)
            if answer.age is not None and time.time() - answer.age >= started - 0.5:
                break
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"port {port} does not show {wanted.name}: {answer.status} {answer.problem}"
                )
            time.sleep(0.05)


@dataclass(slots=True)
class Writer:
    """Publishes and edits releases, and crawls them, without a pause."""

    ward: ChangingSite
    ended: threading.Event = field(default_factory=threading.Event)
    crawls: int = 0
    problems: list[str] = field(default_factory=list)
    thread: threading.Thread = field(init=False)

    def __enter__(self) -> Writer:
        self.thread = threading.Thread(target=self.write)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    def write(self) -> None:
        """Publish and edit releases and crawl them until stopped."""
        while not self.ended.is_set():
            try:
                self.ward.change_and_crawl(2)
            except RuntimeError as error:
                self.problems.append(str(error)[-400:])
            self.crawls += 2
