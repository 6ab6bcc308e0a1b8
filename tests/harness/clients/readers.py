"""Reads CSV streams and pages of JSON with csv, csvkit, pandas, DuckDB, sqlite-utils and R."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import sqlite_utils

from tests.archive.with_pandas import PANDAS
from tests.harness.clients.outcome import ClientMissingError
from tests.harness.clients.paging import list_tables
from tests.harness.clients.served import ServedArchive
from tests.harness.world.processes import run_command

BIN = Path(sys.executable).parent
READ_PANDAS = Path(__file__).with_name("read_pandas.py")
READ_R = Path(__file__).with_name("read.R")
MAX_FIELD = 10_000_000  # letters; Python's own limit is 131,072


@dataclass(frozen=True, slots=True)
class Size:
    """What is compared: the number of rows, of distinct keys, and of letters in all texts."""

    rows: int
    keys: int
    letters: int

    def __str__(self) -> str:
        return f"{self.rows} rows, {self.keys} keys, {self.letters} letters"


@dataclass(frozen=True, slots=True)
class Stream:
    """A CSV stream of a table or view, and the rows that it has to equal, as in `from`."""

    what: str
    source: str
    key: str = "id"


def measure_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], key: str) -> Size:
    """Measure rows; None counts as an empty text."""
    number, letters, place = 0, 0, list(columns).index(key)
    keys: set[str] = set()
    for row in rows:
        number += 1
        keys.add(str(row[place]))
        letters += sum(len(str(value)) for value in row if value is not None)
    return Size(number, len(keys), letters)


def read_with_csv(file: Path, key: str) -> Size:
    csv.field_size_limit(MAX_FIELD)
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        columns = next(rows)
        return measure_rows(columns, rows, key)


def read_with_csvkit(file: Path) -> int:
    """Return the number of rows according to csvstat."""
    options = ("--count", "--maxfieldsize", MAX_FIELD)
    return int(run_command(find_program("csvstat"), *options, file))


def read_with_pandas(file: Path | str, key: str) -> Size:
    return Size(**json.loads(run_pandas("csv", str(file), key)))


def run_pandas(*words: str) -> str:
    """Return what read_pandas.py prints; pandas has an environment of its own (Makefile)."""
    if not (PANDAS / "installed").is_file():
        raise ClientMissingError("no pandas: make .venv/pandas/installed")
    return run_command(sys.executable, READ_PANDAS, *words, PYTHONPATH=str(PANDAS))


def read_with_duckdb(file: Path, key: str) -> Size:
    with duckdb.connect() as db:
        read = "read_csv(?, header = true, all_varchar = true)"
        db.execute(f"create table rows as from {read}", [str(file)])
        columns = [name for name, *_ in db.execute("describe rows").fetchall()]
        letters = " + ".join(f'coalesce(sum(length("{name}")), 0)' for name in columns)
        sql = f'select count(*), count(distinct "{key}"), {letters} from rows'
        return Size(*map(int, db.execute(sql).fetchall()[0]))


def read_with_sqlite_utils(file: Path, key: str) -> Size:
    """Insert the file with the sqlite-utils command, and count with its library."""
    made = file.with_suffix(".made.db")
    made.unlink(missing_ok=True)
    insert = (find_program("sqlite-utils"), "insert", made, "rows")
    run_command(*insert, file, "--csv", "--no-detect-types")
    db = sqlite_utils.Database(made)
    columns = [column.name for column in db["rows"].columns]
    size = measure_rows(columns, db.execute("select * from rows"), key)
    db.close()
    return size


def find_program(name: str) -> Path:
    """Return a program of the environment; raise ClientMissingError if it is not installed."""
    if not (BIN / name).is_file():
        raise ClientMissingError(f"no {name}: make .venv/clients")
    return BIN / name


READERS: tuple[tuple[str, Callable[[Path, str], Size]], ...] = (
    ("csv", read_with_csv),
    ("pandas", read_with_pandas),
    ("DuckDB", read_with_duckdb),
    ("sqlite-utils", read_with_sqlite_utils),
)


def check_streams(served: ServedArchive, streams: Sequence[Stream]) -> None:
    """Check that each client gets from a stream what the SELECT finds in the database file."""
    for number, stream in enumerate(streams):
        check_stream(served, stream, served.folder / f"stream-{number}.csv")


def check_stream(served: ServedArchive, stream: Stream, file: Path) -> None:
    """Download a stream once, and let each client read the file."""
    what = stream.what
    served.save(f"/archive/{what}", file.name)
    with file.open(encoding="utf-8", newline="") as lines:
        columns = next(csv.reader(lines))
    shown = ", ".join(f"[{name}]" for name in columns)
    rows = served.select(f"select {shown} from {stream.source}")
    expected = measure_rows(columns, rows, stream.key)
    for client, read in READERS:
        served.check(client, what, expected, partial(read, file, stream.key))
    counted = f"{what}: csvstat --count"
    served.check("csvkit", counted, expected.rows, partial(read_with_csvkit, file))


def check_every_stream(served: ServedArchive) -> None:
    """Check that all rows of every table and view are in their CSV streams."""
    tables = list_tables(served)

    def read() -> str:
        faults = []
        for name in tables:
            with served.client.stream("GET", f"/archive/{name}.csv?_stream=on") as response:
                response.raise_for_status()
                rows = list(csv.reader(io.StringIO(response.read().decode(), newline="")))[1:]
            count = served.count(f"select 1 from [{name}]")
            distinct = len({tuple(row) for row in rows})
            if (len(rows), distinct) != (count, count):
                faults.append(f"{name}: {len(rows)} rows, {distinct} distinct, of {count}")
        return "; ".join([f"{len(tables) - len(faults)} whole", *faults])

    served.check("csv", "every table and view as _stream=on", f"{len(tables)} whole", read)


def check_json_readers(served: ServedArchive) -> None:
    """Check that sqlite-utils, pandas and DuckDB read pages of JSON and JSON Lines unchanged."""
    file = served.save("/archive/questions.json?_shape=array&_size=200", "page.json")
    lines = served.save("/archive/questions.json?_shape=array&_nl=on&_size=200", "page.jsonl")
    expected = min(200, served.count("select 1 from questions"))
    made = served.folder / "page.db"
    made.unlink(missing_ok=True)

    def read_sqlite_utils() -> int:
        insert = (find_program("sqlite-utils"), "insert", made, "rows")
        run_command(*insert, lines, "--nl", "--pk", "id")
        db = sqlite_utils.Database(made)
        count = db["rows"].count
        db.close()
        return count

    def read_duckdb() -> int:
        with duckdb.connect() as db:
            return len(db.execute("from read_json(?)", [str(file)]).fetchall())

    what = "questions.json?_shape=array, a page of 200"
    served.check("sqlite-utils", f"{what}, _nl=on", expected, read_sqlite_utils)
    served.check("DuckDB", what, expected, read_duckdb)
    served.check("pandas", what, expected, lambda: int(run_pandas("json", str(file), "id")))


def check_duckdb_http(served: ServedArchive) -> None:
    """Check that DuckDB reads a URL itself, if its extension httpfs is installed."""
    count = served.count("select 1 from tags")

    def read() -> int:
        with duckdb.connect() as db:
            try:
                db.execute("load httpfs")
            except duckdb.Error as error:
                raise ClientMissingError("httpfs is not installed here") from error
            source = f"{served.url}/archive/tags.csv?_stream=on"
            return len(db.execute("from read_csv(?, header = true)", [source]).fetchall())

    served.check("DuckDB", "tags.csv over HTTP (httpfs)", count, read)


def check_pandas_http(served: ServedArchive) -> None:
    """Check that pandas reads URLs itself."""
    columns = ("id", "agency", "title", "published")  # the key comes without being asked for
    chosen = "".join(f"&_col={name}" for name in columns[1:])
    url = f"{served.url}/archive/releases.csv?_stream=on{chosen}"
    rows = served.select(f"select {', '.join(columns)} from releases")
    expected, what = measure_rows(columns, rows, "id"), "read_csv of releases.csv?_stream=on&_col=…"
    served.check("pandas", what, expected, lambda: read_with_pandas(url, "id"))


def read_with_r(how: str, address: str) -> str:
    """Return what read.R prints."""
    program = shutil.which("Rscript")
    if program is None:
        raise ClientMissingError("no Rscript (Debian: apt-get install r-base-core r-cran-jsonlite)")
    return run_command(program, "--vanilla", READ_R, how, address).strip()


def check_r(served: ServedArchive) -> None:
    """Check that R with jsonlite follows next_url, and reads a stream as CSV."""
    count = served.count("select 1 from releases")
    expected = f"{count} rows, {count} keys"
    stream = f"{served.url}/archive/releases.csv?_stream=on"
    for client, what, how, address in (
        ("R jsonlite", "releases.json by next_url", "json", served.url),
        ("R read.csv", "releases.csv?_stream=on", "csv", stream),
    ):
        served.check(client, what, expected, partial(read_with_r, how, address))
