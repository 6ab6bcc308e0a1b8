"""Runs the writer and the workers of one archive as separate processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness.world.broker import BrokerServer, run_broker
from tests.harness.world.processes import Background, list_tree
from tests.scraper.crawling import Crawling


@dataclass
class Cluster:
    """The processes of one archive. lease, delay: DISTRIBUTED_LEASE and CRAWL_DELAY_MAX."""

    crawling: Crawling
    server: BrokerServer
    folder: Path
    lease: float = 4.0
    delay: float = 1.0
    processes: dict[str, Background] = field(default_factory=dict)
    # name → exit code of each process that was stopped
    codes: dict[str, int] = field(default_factory=dict)

    def start(self, name: str, command: str, **settings: str) -> None:
        """Start a process whose output is written to a file with its name."""
        given = {
            "DISTRIBUTED_BROKER": self.server.url,
            "DISTRIBUTED_LEASE": str(self.lease),
            "CRAWL_DELAY_MAX": str(self.delay),
        }
        line = self.crawling.scrapy_command(command, **given, **settings)
        environment = {"SCRAPY_SETTINGS_MODULE": self.crawling.settings}
        log = self.folder / f"{name}.log"
        self.processes[name] = Background(line, log, environment=environment).start()

    def enqueue(self, *options: str) -> None:
        """Queue a round of every agency, or of those that the options name."""
        code, printed = self.crawling.finish(
            self.crawling.scrapy_command("enqueue", *options, DISTRIBUTED_BROKER=self.server.url)
        )
        if code:
            raise RuntimeError(printed)

    def tokens(self) -> list[int]:
        """Return the tokens of the running rounds."""
        return [
            token for (token,) in self.crawling.rows("select token from jobs where ended is null")
        ]

    def kill(self, name: str) -> None:
        """Kill a process and all its descendants with SIGKILL."""
        self.processes.pop(name).kill()

    @contextmanager
    def still(self, name: str) -> Iterator[None]:
        """Suspend a process and all its descendants during the block, as on a machine that
        sleeps.
        """
        pids = list_tree(self.processes[name].pid)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    def stop(self) -> None:
        """Stop all processes and store their exit codes."""
        for each in self.processes.values():
            each.process.terminate()
        # not asked twice: a process that is already ending would be terminated by a second SIGTERM
        self.codes |= {name: each.await_end() for name, each in self.processes.items()}
        self.processes.clear()

    @property
    def idle(self) -> bool:
        """Return whether no round is queued or running, and all messages are stored."""
        redis, prefix = self.server.redis, "myndighetsarkivet"
        return not redis.keys(f"{prefix}:queued:*") and not redis.xlen(f"{prefix}:stream")

    def await_end(self, seconds: float) -> str | None:
        """Wait until all is done; return the end of what was printed if it is not in time."""
        return None if self.wait(lambda: self.idle, seconds) else self.words()[-3000:]

    def wait(self, for_: Callable[[], bool], seconds: float) -> bool:
        """Return whether a condition becomes true in time."""
        deadline = time.monotonic() + seconds
        while not (true := for_()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return true

    def words(self) -> str:
        """Return the output of all processes."""
        return "\n".join(
            f"== {path.name}\n{path.read_text('utf-8')}"
            for path in sorted(self.folder.glob("*.log"))
        )


@contextmanager
def run_cluster(
    crawling: Crawling, folder: Path, workers: int, delay: float = 1.0
) -> Iterator[Cluster]:
    """Run a broker without data, the writer and a number of workers during the block."""
    (folder / "broker").mkdir(parents=True)
    with run_broker(folder / "broker") as server:
        cluster = Cluster(crawling, server, folder, delay=delay)
        try:
            cluster.start("writer", "writer")
            for number in range(workers):
                cluster.start(f"worker-{number}", "worker")
            yield cluster
        finally:
            cluster.stop()
