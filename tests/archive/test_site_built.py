"""How pages are built, what a wrong address or file meets, and Datasette's own pages beside ours."""

from __future__ import annotations

import gc
import re
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from click import ClickException
from lxml import html

from archive.web.responses import get_search_columns
from tests.archive.sample import PAGED, ROOT, Site, fill, served

OWN = ["/", "/search", "/search?q=fyrar", "/search?q=x&tag=y", "/search?page=2", "/archive/releases/1", "/no/such/page"]
OWN += ["/agencies", "/agency/vagmyndigheten", "/agency/tystnadsnamnden", "/tag/1", "/month/2024-05", "/about", "/help"]
OWN += ["/-/revision/1", "/-/cite/1", "/search?show=questions"]
STORY = [
    *("/archive/releases/51", "/archive/releases/53", "/archive/releases/56", "/archive/releases/62"),
    *("/-/diff/54/55", "/-/diff/54/55?show=all", "/-/edits", "/-/edits?release=51", "/-/removed?kind=moved"),
    *(
        "/-/edits?from=x",
        "/-/edits?agency=nosuch",
        "/-/diff/1/1",
        "/-/evidence/99999.zip",
        "/-/evidence/removal-99.zip",
    ),
]


@pytest.mark.parametrize("address", OWN + STORY)
async def test_own_pages_hold_nothing_that_runs_or_loads(history_site: Site, address: str) -> None:
    response = await history_site.get(address)
    page = html.fromstring(response.text)
    assert not page.cssselect("script, style, iframe, img, [style], [onclick], [onload]")
    loads = [link.get("href") or "" for link in page.cssselect("link[rel=stylesheet], link[rel=icon]")]
    assert [load.partition("?")[0] for load in loads] == ["/static/style.css", "/static/icon.svg"]
    assert [(await history_site.get(load)).status_code for load in loads] == [200, 200]
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "Accept-Language" in response.headers["vary"]
    assert response.headers["content-language"] == "sv"


@pytest.mark.parametrize("address", OWN[:2] + OWN[5:] + STORY)
@pytest.mark.parametrize("lang", ["sv", "en"])
async def test_own_pages_are_well_built(history_site: Site, address: str, lang: str) -> None:
    page = await history_site.page(f"{address}{'&' if '?' in address else '?'}lang={lang}")
    ids = [element.get("id") for element in page.cssselect("[id]")]
    assert len(ids) == len(set(ids))
    assert len(page.cssselect("h1")) == len(page.cssselect("main")) == 1
    for field in page.cssselect("input:not([type=hidden]), select, textarea"):
        assert page.cssselect(f"label[for={field.get('id')}]")
    assert page.cssselect("body > *")[0].get("href") == "#content"
    levels = [int(str(element.tag)[1]) for element in page.cssselect("h1, h2, h3, h4")]
    assert all(after <= before + 1 for before, after in pairwise(levels))


async def test_an_address_that_leads_nowhere(site: Site) -> None:
    for address in ("/archive/releases/999999", "/archive/nothing", "/nothing"):
        response = await site.get(address)
        assert response.status_code == 404
        assert "Sidan finns inte" in response.text
    assert (await site.get("/archive/releases/999999.json")).json()["ok"] is False


async def test_an_empty_archive_says_so(empty_site: Site) -> None:
    for address in ("/", "/search", "/search?q=fyrar"):
        assert "Arkivet är tomt" in await empty_site.text(address)


@pytest.mark.parametrize("table", ["agencies", "releases", "revisions", "questions", "tags", "release_tags", "crawls"])
async def test_every_table_comes_as_json_and_csv(site: Site, table: str) -> None:
    rows = (await site.get(f"/archive/{table}.json?_shape=array")).json()
    assert rows
    lines = (await site.get(f"/archive/{table}.csv")).text.splitlines()
    assert lines[0].split(",") == list(rows[0])


async def test_sql_is_open(site: Site) -> None:
    answer = await site.get("/archive.json?sql=select+count(*)+as+n+from+releases&_shape=array")
    assert answer.json() == [{"n": PAGED + 5}]


async def test_datasettes_own_pages_keep_working(site: Site) -> None:
    for address in (
        "/archive",
        "/archive/releases",
        "/archive/releases?_search=fyrar",
        "/archive/agencies/fyrstyrelsen",
    ):
        response = await site.get(address)
        assert response.status_code == 200
        assert "Powered by" in response.text
        assert "script-src 'self' 'unsafe-inline'" in response.headers["content-security-policy"]
    assert "Type of release" in (await site.get("/archive/releases")).text
    assert (await site.get("/.json")).json()["archive"]["tables_count"] > 5


async def test_a_file_of_another_name_is_refused(tmp_path: Path) -> None:
    with served(fill(tmp_path / "other.db")) as datasette, pytest.raises(ClickException, match=r"called archive\.db"):
        await datasette.invoke_startup()


async def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "archive.db").touch()
    with served(tmp_path / "archive.db") as datasette, pytest.raises(ClickException, match="no table releases"):
        await datasette.invoke_startup()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "archive.db").write_text("Diarium 1987\n" * 200, encoding="utf-8")
    with served(tmp_path / "archive.db") as datasette, pytest.raises(ClickException, match=r"archive\.db: file is not"):
        await datasette.invoke_startup()


@pytest.mark.parametrize(("version", "problem"), [(0, "before version 0.1.0"), (99, "newer version")])
async def test_an_archive_of_another_version_is_refused(tmp_path: Path, version: int, problem: str) -> None:
    path = fill(tmp_path / "archive.db")
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"pragma user_version = {version}")
    with served(path) as datasette, pytest.raises(ClickException, match=problem):
        await datasette.invoke_startup()


async def test_what_searches_need_is_there_before_the_first(sample_archive: Path) -> None:
    gc.unfreeze()
    with served(sample_archive) as datasette:
        await datasette.invoke_startup()
        assert get_search_columns(datasette).last_change
    assert gc.get_freeze_count() > 10_000, "the dictionaries are no matter of the garbage collector"


async def test_the_tables_behind_the_site_have_its_colours(site: Site) -> None:
    for address in ("/archive", "/archive/releases", "/archive/edits_by_agency?agency="):
        page = await site.page(address)
        loads = [link.get("href") or "" for link in page.cssselect("link[rel=stylesheet]")]
        (style,) = [load for load in loads if load.startswith("/static/data.css?")]
        assert "immutable" in (await site.get(style)).headers["cache-control"]


def test_colours_can_be_read_in_light_and_in_dark() -> None:
    style = (ROOT / "archive/static/style.css").read_text(encoding="utf-8")
    schemes = [
        dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{(.*?)\}", style, re.S)
    ]
    light, dark = schemes[:2]
    for colours in (light, dark):
        for ground in ("paper", "raised"):
            for ink in ("ink", "quiet", "link", "visited"):
                assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        assert contrast(colours["ink"], colours["mark"]) >= 4.5
        for ink in ("link", "visited"):
            assert contrast(colours[ink], colours["mark"]) >= 4.5
        assert contrast(colours["focus"], colours["paper"]) >= 3
        assert contrast(colours["warn"], colours["paper"]) >= 4.5
        for ground in ("added", "deleted"):
            assert contrast(colours["ink"], colours[ground]) >= 4.5


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours."""
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
