"""What visiting machines are told: sitemaps, robots.txt, llms.txt; and that lists stay quick on a large archive."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any
from urllib.robotparser import RobotFileParser

import pytest
from lxml import etree

from archive.web.pages import (
    SITEMAP_PART_SIZE,
    UNDATED,
    ReleaseListQuery,
    find_adjacent_releases,
    read_agency_overview,
    read_agency_summary,
    read_agency_tags,
    read_calendar,
    read_release_list,
    read_sitemap_pages,
    read_sitemap_parts,
    read_sitemap_releases,
    read_tag_agencies,
)
from tests.archive.sample import Site

SPACE = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


async def addresses(site: Site, path: str) -> list[str]:
    """What a sitemap names, as paths."""
    response = await site.get(path)
    assert response.headers["content-type"] == "application/xml; charset=utf-8"
    found = texts(response.content, "loc")
    assert all(address.startswith("http://localhost/") for address in found)
    return [address.removeprefix("http://localhost") for address in found]


def texts(piece: bytes, name: str) -> list[str]:
    """What a sitemap's elements of one name hold."""
    return [element.text or "" for element in etree.fromstring(piece).iterfind(f".//s:{name}", SPACE)]


async def test_sitemaps_name_every_page_and_each_is_there(history_site: Site) -> None:
    pieces = await addresses(history_site, "/sitemap.xml")
    assert pieces == ["/sitemap-pages.xml", "/sitemap-tags.xml", "/sitemap-releases-0.xml"]
    named = [address for piece in pieces for address in await addresses(history_site, piece)]
    assert len(named) == len(set(named)) > 80
    for address in named:
        assert (await history_site.get(address)).status_code == 200, address
    held = await history_site.datasette.get_database("archive").execute(
        "select id from releases where moved_to is null"
    )
    assert {f"/archive/releases/{row['id']}" for row in held} <= set(named)
    assert {"/agency/andringsverket", "/month/2024-05", "/about"} <= set(named)


async def test_a_release_is_dated_by_its_last_change(history_site: Site) -> None:
    piece = (await history_site.get("/sitemap-releases-0.xml")).content
    told = dict(zip(texts(piece, "loc"), texts(piece, "lastmod"), strict=True))
    held = await history_site.datasette.get_database("archive").execute(
        "select release, max(seen) as seen from revisions group by release having count(*) > 1"
    )
    edited = [row for row in held if f"http://localhost/archive/releases/{row['release']}" in told]
    assert len(edited) == 3
    assert all(told[f"http://localhost/archive/releases/{row['release']}"] == row["seen"] for row in edited)


async def test_robots_may_read_what_readers_read(site: Site) -> None:
    text = (await site.get("/robots.txt")).text
    robots = RobotFileParser()
    robots.parse(text.splitlines())
    for path in ("/", "/agencies", "/agency/fyrstyrelsen", "/archive/releases/1", "/month/2024-05", "/tag/1", "/about"):
        assert robots.can_fetch("anybot", path), path
    for path in (
        "/search?q=x",
        "/-/diff/1/2",
        "/-/evidence/1.zip",
        "/archive?sql=select+1",
        "/archive/releases?_sort=id",
    ):
        assert not robots.can_fetch("anybot", path), path
    assert robots.site_maps() == ["http://localhost/sitemap.xml"]


async def test_llms_txt_names_addresses_that_answer(site: Site) -> None:
    text = (await site.get("/llms.txt")).text
    assert text.startswith("# Myndighetsarkivet\n\n> ")
    named = [address for address in re.findall(r"\]\(http://localhost([^)]+)\)", text) if "/search" not in address]
    assert len(named) >= 8
    for address in named:
        assert (await site.get(address)).status_code == 200, address


@pytest.fixture
def large(sample_archive: Path, tmp_path: Path) -> sqlite3.Connection:
    """The sample with 20,000 bare releases of one agency, half of them with one tag."""
    db = sqlite3.connect(tmp_path / "large.db")
    with sqlite3.connect(sample_archive) as source:
        source.backup(db)
    source.close()
    rows = [
        (key, f"https://x.example/{key}", f"{1990 + key % 34}-{key % 12 + 1:02}-{key % 28 + 1:02}" if key % 9 else None)
        for key in range(1000, 21_000)
    ]
    db.executemany(
        "insert into releases (id, agency, url, title, body, body_html, published, first_seen, last_checked, hash)"
        " values (?, 'fyrstyrelsen', ?, 'T', '', '', ?, '2024-01-01T00:00:00+00:00', '2024-01-01T00:00:00+00:00', 'h')",
        rows,
    )
    db.executemany("insert into release_tags (release, tag) values (?, 1)", [row[:1] for row in rows if row[0] % 2])
    db.row_factory = sqlite3.Row
    return db


async def test_lists_read_few_rows_of_a_large_archive(large: sqlite3.Connection) -> None:
    """Steps of SQLite's machine, not seconds: the same on every computer."""
    steps: dict[str, int] = {}

    async def run(sql: str, values: dict[str, Any], /) -> list[Any]:
        count = 0

        def step() -> None:
            nonlocal count
            count += 1

        large.set_progress_handler(step, 100)
        rows = large.execute(sql, values).fetchall()
        steps[sql] = max(count, steps.get(sql, 0))
        return rows

    agency = "fyrstyrelsen"
    for wanted in (
        *(
            ReleaseListQuery(),
            ReleaseListQuery(agency=agency),
            ReleaseListQuery(agency=agency, after=9000),
            ReleaseListQuery(after=9000),
            ReleaseListQuery(tag=1),
        ),
        *(
            ReleaseListQuery(month="2001-06"),
            ReleaseListQuery(agency=agency, month="2001-06"),
            ReleaseListQuery(month=UNDATED),
            ReleaseListQuery(tag=2),
        ),
    ):
        assert (await read_release_list(run, wanted)).rows
    await find_adjacent_releases(run, 9000)
    assert max(steps.values()) < 1000  # a hundred thousand: far from reading every release's row and sorting them
    calendar = await read_calendar(run, agency)
    assert calendar.total == 20_002
    await read_agency_summary(run, agency)
    await read_agency_tags(run, agency, 24)
    await read_agency_overview(run)
    await read_tag_agencies(run, 1)
    assert [name for name, _ in await read_sitemap_parts(run)][2:] == ["releases-0"]
    await read_sitemap_pages(run)
    assert len(await read_sitemap_releases(run, 0)) < SITEMAP_PART_SIZE
    assert max(steps.values()) < 15_000
    large.close()
