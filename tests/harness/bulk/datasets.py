"""Measures the cost of a complete dataset, whether two exports are equal, and what DuckDB reads
from it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb

from archive.database.sqlite_files import open_readonly
from tests.harness.bulk.figures import Figure
from tests.scraper.crawling import ROOT

TOLD = """
import resource, sys
from archive.__main__ import main
code = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1000)
sys.exit(code)
"""
MOST_MEMORY = 400  # MB


def measure_dataset(archive: Path, folder: Path) -> Iterator[Figure]:
    """Export everything, twice."""
    seconds, memory = take(archive, folder / "dataset")
    again, _ = take(archive, folder / "again")
    with closing(open_readonly(archive)) as db:
        (shown,) = db.execute("select count(*) from release_facets").fetchone()
    data = folder / "dataset/data"
    (read,) = duckdb.execute(
        f"select count(distinct id) from '{data}/releases.parquet'"
    ).fetchone() or (0,)
    lines = [(folder / name / "SHA256SUMS").read_text() for name in ("dataset", "again")]
    sizes = {
        form: sum(path.stat().st_size for path in data.glob(f"*.{form}"))
        for form in ("csv", "parquet")
    }
    yield Figure(name="archive.db", value=archive.stat().st_size / 1e6, unit="MB")
    yield Figure(name="dataset of everything: releases", value=shown, digits=0)
    yield Figure(name="dataset: CPU, the faster of two", value=min(seconds, again), unit="s")
    yield Figure(
        name="dataset: CPU a release", value=min(seconds, again) / shown * 1000, unit="ms", digits=2
    )
    yield Figure(name="dataset: peak memory", value=memory, unit="MB", most=MOST_MEMORY)
    for form, size in sizes.items():
        yield Figure(name=f"dataset: {form} files", value=size / 1e6, unit="MB")
    yield Figure(
        name="dataset: releases that DuckDB does not find in it",
        value=shown - read,
        most=0,
        digits=0,
    )
    yield Figure(
        name="dataset: taken again, other bytes (1 is yes)",
        value=lines[0] != lines[1],
        most=0,
        digits=0,
    )


def take(archive: Path, to: Path) -> tuple[float, float]:
    """Return the CPU seconds and peak memory (MB) of the command; raise SystemExit if it fails."""
    command = [sys.executable, "-c", TOLD, "dataset", "--archive", str(archive), "--to", str(to)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the dataset failed: {done.stderr}")
    seconds, memory = done.stdout.split()[-2:]
    return float(seconds), float(memory)
