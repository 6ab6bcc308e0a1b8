"""Measures the cost of a complete dataset, whether two exports are equal, and what DuckDB reads
from it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb

from archive.database.sqlite_files import open_readonly
from tests.harness.bulk.figures import Figure
from tests.harness.world.processes import run_command

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
    yield Figure("archive.db", archive.stat().st_size / 1e6, "MB")
    yield Figure("dataset of everything: releases", shown, digits=0)
    yield Figure("dataset: CPU, the faster of two", min(seconds, again), "s")
    yield Figure("dataset: CPU a release", min(seconds, again) / shown * 1000, "ms", digits=2)
    yield Figure("dataset: peak memory", memory, "MB", most=MOST_MEMORY)
    for form, size in sizes.items():
        yield Figure(f"dataset: {form} files", size / 1e6, "MB")
    yield Figure(
        "dataset: releases that DuckDB does not find in it", shown - read, most=0, digits=0
    )
    yield Figure(
        "dataset: taken again, other bytes (1 is yes)", lines[0] != lines[1], most=0, digits=0
    )


def take(archive: Path, to: Path) -> tuple[float, float]:
    """Return the CPU seconds and peak memory (MB) of the command; raise an error if it fails."""
    words = ("dataset", "--archive", archive, "--to", to)
    seconds, memory = run_command(sys.executable, "-c", TOLD, *words).split()[-2:]
    return float(seconds), float(memory)
