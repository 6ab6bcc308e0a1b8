"""Measures CPU time and memory of processes, and CPU time of single calls."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import Missed
from tests.harness.world.processes import ROOT
from tests.scraper.crawling import FAST
from tests.site.server import Site

SITE = {"SCRAPY_SETTINGS_MODULE": "tests.site.settings"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost of a process: CPU seconds (user and system), wall seconds, peak memory in MB."""

    cpu: float
    wall: float
    memory: float


def run_measured(command: Sequence[str], **environment: str) -> Cost:
    """Run a command to its end; raise SystemExit with its output if it fails."""
    with tempfile.TemporaryFile() as said:
        begun, values = time.monotonic(), {**os.environ, **SITE, **environment}
        process = subprocess.Popen(command, cwd=ROOT, env=values, stdout=said, stderr=said)
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            end = said.read().decode()[-2000:]
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{end}")
    return Cost(
        cpu=used.ru_utime + used.ru_stime,
        wall=time.monotonic() - begun,
        memory=used.ru_maxrss / 1024,
    )


def run_spider(site: Site, file: str, **arguments: Path) -> Cost:
    """Measure a baseline's crawl with our settings."""
    given = [part for name, value in arguments.items() for part in ("-a", f"{name}={value}")]
    settings = [part for name, value in FAST.items() for part in ("-s", f"{name}={value}")]
    spider = ("runspider", f"tests/bench/{file}")
    command = [sys.executable, "-m", "scrapy", *spider, *given, *settings]
    return run_measured(command, LOOPBACK_PORT=str(site.port))


def children_cpu() -> float:
    """Return the CPU seconds (user and system) of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def each_cpu(pages: Mapping[str, bytes], read: Callable[[bytes, str], object]) -> float:
    """Return the median CPU seconds of parsing a page."""
    costs = []
    for url, html in pages.items():
        begun = time.process_time()
        read(html, url)
        costs.append(time.process_time() - begun)
    return statistics.median(costs)


def print_lines(lines: Iterable[str]) -> int:
    """Print lines as they come; return 1 if one is about a missed target, as the exit code."""
    missed = False
    for line in lines:
        print(line, flush=True)
        missed = missed or isinstance(line, Missed)
    return int(missed)
