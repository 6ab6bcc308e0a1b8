"""Measures the cost of a complete dataset, whether two exports are equal, and what DuckDB reads
from it.
"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import duckdb

from archive.database.sqlite_files import open_readonly
from tests.harness.world.checks import Figures
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


def measure_dataset(archive: Path, folder: Path, figures: Figures) -> None:
    """Export everything, twice."""
    names = ("dataset", "again")
    (seconds, memory), (again, _) = (take(archive, folder / name) for name in names)
    with closing(open_readonly(archive)) as db:
        (shown,) = db.execute("select count(*) from release_facets").fetchone()
    data = folder / "dataset/data"
    found = duckdb.execute(f"select count(distinct id) from '{data}/releases.parquet'").fetchall()
    sums = {(folder / name / "SHA256SUMS").read_text() for name in names}
    figures.add("archive.db", f"{archive.stat().st_size / 1e6:.1f} MB")
    figures.add("dataset of everything: releases", shown)
    figures.add("dataset: CPU, the faster of two", f"{min(seconds, again):.1f} s")
    figures.add("dataset: CPU a release", f"{min(seconds, again) / shown * 1000:.2f} ms")
    figures.most("dataset: peak memory", memory, MOST_MEMORY, "MB")
    for form in ("csv", "parquet"):
        size = sum(path.stat().st_size for path in data.glob(f"*.{form}"))
        figures.add(f"dataset: {form} files", f"{size / 1e6:.1f} MB")
    figures.most("dataset: releases that DuckDB does not find in it", shown - found[0][0], 0, "")
    figures.most("dataset: taken again, other bytes", len(sums) - 1, 0, "")


def take(archive: Path, to: Path) -> tuple[float, float]:
    """Return the CPU seconds and peak memory (MB) of the command; raise an error if it fails."""
    words = ("dataset", "--archive", archive, "--to", to)
    seconds, memory = run_command(sys.executable, "-c", TOLD, *words).split()[-2:]
    return float(seconds), float(memory)
