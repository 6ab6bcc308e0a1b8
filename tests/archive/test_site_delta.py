"""The delta over HTTP: pages, cursors, refusals, ETags, NDJSON, and nothing of what is taken down."""

from __future__ import annotations

import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from archive.changefeed import PAGE_SQL
from archive.database import open_readonly
from archive.store import Archive
from archive.takedowns import hide_release
from tests.archive.mirror import read_shown
from tests.archive.sample import Site, served
from tests.archive.sample_history import EDITED

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)


async def follow(site: Site, size: int) -> list[dict[str, Any]]:
    """Every entry, page by page."""
    entries: list[dict[str, Any]] = []
    address = f"/-/changes.json?size={size}"
    while address:
        answer = await site.get(address.removeprefix("http://localhost"))
        told = answer.json()
        assert len(told["changes"]) <= size
        assert ('rel="next"' in answer.headers.get("link", "")) is bool(told["next"])
        entries += told["changes"]
        address = told["next"]
    return entries


async def test_pages_lead_through_the_whole_log(history_site: Site, history_archive: Path) -> None:
    entries = await follow(history_site, 17)
    held = {entry["release"]: entry["state"] for entry in entries if entry["action"] == "put"}
    assert held == read_shown(history_archive)
    assert entries == (await history_site.get("/-/changes.json?size=500")).json()["changes"]
    lines = (await history_site.get("/-/changes.ndjson?size=500")).text.splitlines()
    assert [json.loads(line) for line in lines] == entries
    assert {entry["cause"] for entry in entries if entry["change"] == "changed"} == {"source", "parser"}


async def test_the_end_of_the_log_is_answered_once(history_site: Site) -> None:
    cursor = (await history_site.get("/-/changes.json?size=500")).json()["cursor"]
    answer = await history_site.get(f"/-/changes.json?since={cursor}")
    told = answer.json()
    assert (told["changes"], told["next"], told["cursor"]) == ([], None, cursor)
    again = await history_site.get(f"/-/changes.json?since={cursor}", if_none_match=answer.headers["etag"])
    assert (again.status_code, again.text) == (304, "")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        *((f"since={bad}", 400) for bad in ("x", "-1", "1", "1-xyz", "00-00000000", "1-0000000G", "9" * 40)),
        *(("size=x", 400), ("since=1-00000000", 410), ("since=99999-00000000", 503)),
    ],
)
async def test_a_cursor_that_is_none_is_refused(history_site: Site, asked: str, status: int) -> None:
    answer = await history_site.get(f"/-/changes.json?{asked}")
    assert answer.status_code == status
    assert answer.json()["status"] == status
    assert answer.headers["access-control-allow-origin"] == "*"
    assert ("retry-after" in answer.headers) is (status == 503)


async def test_an_empty_archive(empty_site: Site) -> None:
    told = (await empty_site.get("/-/changes.json")).json()
    assert (told["changes"], told["next"], told["cursor"]) == ([], None, "0")
    assert (await empty_site.get("/-/changes.json?since=0&lang=en")).json()["title"] == "Changes in the archive"
    assert (await empty_site.get("/-/changes.ndjson")).text == ""


async def test_what_is_hidden_is_to_be_deleted(history_archive: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(history_archive.parent, tmp_path / "copy")) / "archive.db"
    with Archive(path) as archive:
        title = EDITED.replace("höjs", "sänks")
        (release,) = archive.db.execute("select id from releases where title = ?", [title]).fetchone()
        hide_release(archive, release, NOW, reason="Beslut av domstol")
    with served(path) as datasette:
        answer = await Site(datasette).get("/-/changes.json?size=500")
    last = answer.json()["changes"][-1]
    assert (last["release"], last["change"], last["action"], last["state"]) == (release, "hidden", "delete", None)
    assert "båtbyggar" not in answer.text


def test_a_page_reads_no_more_than_its_part_of_the_log(history_archive: Path) -> None:
    db = open_readonly(history_archive)
    values = {"after": 40, "size": 10, "bytes": 10**6}
    plan = [row[3] for row in db.execute(f"explain query plan {PAGE_SQL}", values)]
    whole = [step for step in plan if re.match(r"SCAN (?!w$|page$|\(subquery)", step)]
    assert whole == []  # no table is read whole
    assert "SEARCH d USING INTEGER PRIMARY KEY (rowid>?)" in plan
    few = db.execute(PAGE_SQL, {**values, "bytes": 1}).fetchall()
    assert [row[0] for row in few] == [41]  # one at least, however long its text
    db.close()
