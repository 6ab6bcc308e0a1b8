from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.robotparser import RobotFileParser

import pytest
from lxml import etree

from archive.views.agencies import read_agency_overview, read_agency_summary, read_agency_tags
from archive.views.lists import (
    UNDATED,
    find_adjacent_releases,
    read_calendar,
    read_release_list,
    read_tag_agencies,
)
from archive.views.sitemaps import (
    SITEMAP_PART_SIZE,
    read_sitemap_pages,
    read_sitemap_parts,
    read_sitemap_releases,
)
from tests.archive.sample import Site
from tests.case_tables import load_rows

HOST = "http://localhost"
NAMESPACES = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
LARGE_AGENCY = "fyrstyrelsen"


# Files for crawlers


async def read_sitemap(site: Site, path: str) -> dict[str, str | None]:
    """Return the paths that a sitemap lists, with the time of their last change."""
    response = await site.get(path)
    assert response.headers["content-type"] == "application/xml; charset=utf-8"
    entries = {}
    for element in etree.fromstring(response.content):
        url = element.findtext("s:loc", "", NAMESPACES)
        assert url.startswith(f"{HOST}/")
        assert url not in entries
        entries[url.removeprefix(HOST)] = element.findtext("s:lastmod", None, NAMESPACES)
    return entries


async def test_sitemap_lists_every_page(history_site: Site) -> None:
    parts = await read_sitemap(history_site, "/sitemap.xml")
    assert list(parts) == [
        "/sitemap-pages.xml",
        "/sitemap-tags.xml",
        "/sitemap-people.xml",
        "/sitemap-references.xml",
        "/sitemap-releases-0.xml",
    ]
    paths = [path for part in parts for path in await read_sitemap(history_site, part)]
    assert len(paths) == len(set(paths)) > 80
    for path in paths:
        assert await history_site.status(path) == 200, path
    rows = await history_site.select("select id from releases where moved_to is null")
    assert {f"/archive/releases/{row['id']}" for row in rows} <= set(paths)
    assert {"/agency/andringsverket", "/month/2024-05", "/about"} <= set(paths)


async def test_sitemap_dates_a_release_by_its_last_revision(history_site: Site) -> None:
    changed = await read_sitemap(history_site, "/sitemap-releases-0.xml")
    rows = await history_site.select(
        "select release, max(seen) as seen from revisions group by release having count(*) > 1"
    )
    edited = {
        path: row["seen"]
        for row in rows
        if (path := f"/archive/releases/{row['release']}") in changed
    }
    assert len(edited) == 3
    assert changed.items() >= edited.items()


async def test_robots_txt_allows_pages_and_disallows_queries(site: Site) -> None:
    robots = RobotFileParser()
    robots.parse((await site.get("/robots.txt")).text.splitlines())
    for path, is_allowed in load_rows(__file__, "robots"):
        assert robots.can_fetch("anybot", path) == is_allowed, path
    assert robots.site_maps() == [f"{HOST}/sitemap.xml"]


@pytest.mark.parametrize("language", ["sv", "en"])
async def test_browsers_can_search_the_archive(site: Site, language: str) -> None:
    page = await site.page(f"/about?lang={language}")
    (link,) = page.cssselect("link[rel=search]")
    response = await site.get(link.attrib["href"])
    assert response.headers["content-type"].startswith("application/opensearchdescription+xml")
    root = etree.fromstring(response.content)
    namespace = {"o": "http://a9.com/-/spec/opensearch/1.1/"}
    assert root.findtext("o:Language", None, namespace) == language
    assert len(root.findtext("o:ShortName", "", namespace)) <= 16
    for url in root.findall("o:Url", namespace):
        address = url.attrib["template"].replace("{searchTerms}", "fyrar").removeprefix(HOST)
        found = await site.get(address)
        assert found.status_code == 200
        assert found.headers["content-type"].startswith(url.attrib["type"])
        assert "fyr" in found.text


async def test_robots_txt_disallows_pages_of_hits(site: Site) -> None:
    """Crawlers that read wildcards (RFC 9309) take the longest rule, others the first."""
    lines = (await site.get("/robots.txt")).text.splitlines()
    rules = lines[: lines.index("Allow: /archive/releases/")]
    pattern = "|".join(
        re.escape(rule.removeprefix("Disallow: ")).replace(r"\*", ".*") for rule in rules[1:]
    )
    paths = (
        "/archive/releases/1?q=fyr&hit=1",
        "/archive/releases/1?lang=en",
        "/archive/releases/1?tag=a&lang=en&hit=1",
    )
    assert [bool(re.match(pattern, path)) for path in paths] == [True, False, True]


async def test_llms_txt_links_to_existing_pages(site: Site) -> None:
    text = (await site.get("/llms.txt")).text
    assert text.startswith("# Myndighetsarkivet\n\n> ")
    robots = RobotFileParser()
    robots.parse((await site.get("/robots.txt")).text.splitlines())
    paths = re.findall(r"\]\(http://localhost([^)]+)\)", text)
    assert len(paths) >= 14
    for path in paths:
        assert await site.status(path) == 200, path
        assert robots.can_fetch("anybot", path), path


# Costs of lists


@pytest.fixture
def large_archive(sample_archive: Path) -> Iterator[sqlite3.Connection]:
    """The sample archive with 4,000 more releases of one agency, half of them with one tag."""
    with closing(sqlite3.connect(":memory:")) as db:
        with closing(sqlite3.connect(sample_archive)) as source:
            source.backup(db)
        rows = [
            (
                number,
                f"https://x.example/{number}",
                f"{1990 + number % 34}-{number % 12 + 1:02}-{number % 28 + 1:02}",
            )
            for number in range(1000, 5_000)
        ]
        db.executemany(
            "insert into releases (id, agency, url, title, body, body_html, published, added,"
            f" hash) values (?, '{LARGE_AGENCY}', ?, 'T', '', '', ?, '2024-01-01T00:00:00+00:00',"
            " 'h')",
            [(number, url, published if number % 9 else None) for number, url, published in rows],
        )
        db.executemany(
            "insert into release_tags (release, tag) values (?, 1)",
            [row[:1] for row in rows if row[0] % 2],
        )
        db.row_factory = sqlite3.Row
        yield db


async def test_lists_read_few_rows_of_a_large_archive(large_archive: sqlite3.Connection) -> None:
    """Count the opcodes of SQLite in hundreds, which are the same on every computer."""
    costs: dict[str, int] = {}

    async def run(sql: str, values: dict[str, Any], /) -> list[Any]:
        cost = 0

        def count() -> None:
            nonlocal cost
            cost += 1

        large_archive.set_progress_handler(count, 100)
        rows = large_archive.execute(sql, values).fetchall()
        costs[sql] = max(cost, costs.get(sql, 0))
        return rows

    for query in (
        {},
        {"after": 3000},
        {"agency": LARGE_AGENCY},
        {"agency": LARGE_AGENCY, "after": 3000},
        {"agency": LARGE_AGENCY, "month": "2001-06"},
        {"month": "2001-06"},
        {"month": UNDATED},
        {"tag": 1},
        {"tag": 2},
    ):
        assert (await read_release_list(run, **query)).rows
    await find_adjacent_releases(run, 3000)
    assert max(costs.values()) < 200  # sorting all releases would cost far more
    assert (await read_calendar(run, LARGE_AGENCY)).total == 4_002
    await read_agency_summary(run, LARGE_AGENCY)
    await read_agency_tags(run, LARGE_AGENCY, 24)
    await read_agency_overview(run)
    await read_tag_agencies(run, 1)
    assert [name for name, _ in await read_sitemap_parts(run)][3:] == ["references", "releases-0"]
    await read_sitemap_pages(run)
    assert len(await read_sitemap_releases(run, 0)) < SITEMAP_PART_SIZE
    assert max(costs.values()) < 3_000
