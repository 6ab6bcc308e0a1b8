"""Reads datasets as researchers do: with frictionless, DuckDB and pandas."""

from __future__ import annotations

import json
import subprocess
from functools import partial
from pathlib import Path

import duckdb

from tests.harness.clients.readers import find_program, run_pandas
from tests.harness.clients.served import ServedArchive
from tests.harness.world.processes import run_archive

# releases that are in lists
LISTED = "select id from releases where takedown is not 'hidden' and moved_to is null"
TABLES = {  # table of a complete dataset → the SELECT that it has to equal
    "releases": LISTED,
    "agencies": f"select distinct agency from releases where id in ({LISTED})",
    **{
        name: f"select 1 from {name} where release in ({LISTED})"
        for name in ("revisions", "questions", "images", "attachments", "contacts", "release_tags")
    },
}


def check_dataset(served: ServedArchive, query: str, *, whole: bool) -> None:
    """Write a dataset; its package is valid, and its Parquet and CSV have the rows of the
    database.
    """
    folder = served.folder / "dataset"
    run_archive("dataset", query, "--to", folder, "--archive", served.path)
    name = "of everything" if whole else query
    what = f"dataset {name}: datapackage.json"
    served.check("frictionless", what, "valid", lambda: validate(folder))
    package = json.loads((folder / "datapackage.json").read_text("utf-8"))
    tables = sorted({Path(resource["path"]).stem for resource in package["resources"]})
    for table in tables:
        parquet, sheet = (str(folder / f"data/{table}.{suffix}") for suffix in ("parquet", "csv"))
        expected = served.count(TABLES[table]) if whole and table in TABLES else count_rows(sheet)
        what = f"dataset {name}: {table}.parquet"
        served.check("DuckDB", what, expected, partial(count_rows, parquet))
    releases = str(folder / "data/releases.parquet")
    expected_ids = served.count(TABLES["releases"]) if whole else count_rows(releases)
    what = f"dataset {name}: read_parquet"
    served.check("pandas", what, expected_ids, lambda: int(run_pandas("parquet", releases, "id")))


def validate(folder: Path) -> str:
    """Run frictionless' own command."""
    done = subprocess.run(
        [find_program("frictionless"), "validate", "datapackage.json", "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)
    errors = [*found["errors"], *(error for task in found["tasks"] for error in task["errors"])]
    if found["valid"] and not errors:
        return "valid"
    return f"{len(errors)} errors: {errors[0]['message'] if errors else done.stderr[-100:]}"


def count_rows(file: str) -> int:
    """Count the rows of a Parquet or CSV file."""
    is_parquet = file.endswith(".parquet")
    read = "read_parquet(?)" if is_parquet else "read_csv(?, header = true, all_varchar = true)"
    with duckdb.connect() as db:
        return int(db.execute(f"select count(*) from {read}", [file]).fetchall()[0][0])
