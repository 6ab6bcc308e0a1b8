"""How the benchmark measures: CPU time of processes it starts and of single calls."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.bare import ENVIRONMENT
from tests.scraper.crawling import FAST, ROOT
from tests.site import Site


def fetch(site: Site, urls: Path) -> int:
    """The baseline's crawl of the same addresses."""
    settings = [part for name, value in FAST.items() for part in ("-s", f"{name}={value}")]
    command = [sys.executable, "-m", "scrapy", "runspider", str(ROOT / "tests/bench/bare.py"), "-a", f"urls={urls}"]
    environment = {**ENVIRONMENT, "LOOPBACK_PORT": str(site.port)}
    return subprocess.run([*command, *settings], cwd=ROOT, env=environment, capture_output=True, check=False).returncode


def children_cpu(run: Callable[[], int]) -> float:
    """CPU seconds, user and system, of the processes a run starts; SystemExit where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code := run():
        raise SystemExit(f"what was measured ended with {code}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def each_cpu(pages: dict[str, bytes], read: Callable[[bytes, str], object]) -> float:
    """Median CPU seconds of reading one page."""
    costs = []
    for url, html in pages.items():
        begun = time.process_time()
        read(html, url)
        costs.append(time.process_time() - begun)
    return statistics.median(costs)
