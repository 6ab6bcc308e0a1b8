"""Measures CPU time and memory of processes, and CPU time of single calls."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.bare import ENVIRONMENT
from tests.scraper.crawling import FAST, ROOT
from tests.site.server import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost of a process: CPU seconds (user and system), wall seconds, peak memory in MB."""

    cpu: float
    wall: float
    memory: float


def run_measured(command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Run a command to its end; raise SystemExit with its output if it fails."""
    with tempfile.TemporaryFile() as said:
        begun = time.monotonic()
        process = subprocess.Popen(
            command, cwd=ROOT, env=dict(environment), stdout=said, stderr=said
        )
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(
                f"{' '.join(command)} ended with {process.returncode}"
                f":\n{said.read().decode()[-2000:]}"
            )
    return Cost(
        cpu=used.ru_utime + used.ru_stime,
        wall=time.monotonic() - begun,
        memory=used.ru_maxrss / 1024,
    )


def spider_command(site: Site, file: str, **arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return the command of a baseline's crawl with our settings, and its environment."""
    given = [part for name, value in arguments.items() for part in ("-a", f"{name}={value}")]
    settings = [part for name, value in FAST.items() for part in ("-s", f"{name}={value}")]
    command = [
        sys.executable,
        "-m",
        "scrapy",
        "runspider",
        str(ROOT / "tests/bench" / file),
        *given,
        *settings,
    ]
    return command, {**ENVIRONMENT, "LOOPBACK_PORT": str(site.port)}


def fetch(site: Site, urls: Path) -> int:
    """Run the bare baseline's crawl of the same URLs."""
    command, environment = spider_command(site, "bare.py", urls=str(urls))
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, check=False
    ).returncode


def children_cpu(run: Callable[[], int]) -> float:
    """Return the CPU seconds (user and system) of the processes of a run; raise SystemExit if it
    fails.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code := run():
        raise SystemExit(f"what was measured ended with {code}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def each_cpu(pages: Mapping[str, bytes], read: Callable[[bytes, str], object]) -> float:
    """Return the median CPU seconds of parsing a page."""
    costs = []
    for url, html in pages.items():
        begun = time.process_time()
        read(html, url)
        costs.append(time.process_time() - begun)
    return statistics.median(costs)
