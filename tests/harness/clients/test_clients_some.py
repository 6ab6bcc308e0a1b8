"""The harness notices rows that are lost, repeated, changed or out of order."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.clients.outcome import ClientMissingError, Outcome, Report
from tests.harness.clients.paging import Walk, find_fault
from tests.harness.clients.served import ServedArchive

Rows = list[list[Any]]
STORED: Rows = [[1, "a"], [2, "a"], [3, "b"], [4, "b"]]


def serve_pages(path: Path, *pages: Rows) -> ServedArchive:
    """Return an archive of STORED that is served as these pages."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("create table tags (id integer primary key, name text)")
        db.executemany("insert into tags values (?, ?)", STORED)

    def answer(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("_next", "0"))
        following = f"/archive/tags.json?_next={number + 1}" if number + 1 < len(pages) else None
        return httpx.Response(
            200, json={"columns": ["id", "name"], "rows": pages[number], "next_url": following}
        )

    client = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://archive.example")
    return ServedArchive(
        Report(print), "sample", path, "http://archive.example", path.parent, client
    )


@pytest.mark.parametrize(
    ("pages", "fault"),
    [
        ((STORED[:2], STORED[2:]), None),
        ((STORED[:2], STORED[3:]), "3 rows, 3 distinct, of 4"),
        ((STORED[:2], STORED[1:]), "5 rows, 4 distinct, of 4"),
        ((STORED[:3], [[4, "c"]]), "1 of 4 rows are not as stored"),
        ((STORED[2:], STORED[:2]), "not in the order of name"),
    ],
)
def test_a_walk_is_held_against_the_database(
    tmp_path: Path, pages: tuple[Rows, ...], fault: str | None
) -> None:
    assert find_fault(serve_pages(tmp_path / "archive.db", *pages), Walk("tags", "name")) == fault


def test_what_a_client_raises_is_an_outcome() -> None:
    told: list[Outcome] = []
    report = Report(told.append)

    def raise_error(error: Exception) -> None:
        raise error

    report.check("curl", "a stream", "sample", 1, lambda: 1)
    report.check("curl", "a stream", "sample", 1, lambda: 2)
    report.check("curl", "a stream", "sample", 1, lambda: raise_error(ValueError("cut")))
    report.check("pywb", "a page", "sample", 1, lambda: raise_error(ClientMissingError("no pywb")))
    assert [outcome.mark for outcome in told] == ["ok", "DIFFERS", "DIFFERS", "skipped"]
    assert [outcome.got for outcome in report.differing] == ["2", "ValueError: cut"]
    assert told[-1].skipped == "no pywb"
