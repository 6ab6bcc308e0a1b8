"""Start-up checks, and what all pages share: markup, headers, languages, times."""

from __future__ import annotations

import asyncio
import gc
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
from click import ClickException
from datasette.database import Database
from lxml.html import HtmlElement, fromstring

from archive.database.sqlite_files import _freeze_objects
from archive.store.releases import Archive
from archive.web import datasette_setup
from archive.web.requests import get_search_columns, hash_file
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import PAGED, ROOT, Site, build_release, fill, hrefs, served
from tests.case_tables import load_cases, load_column

PAGES = load_column(__file__, "addresses")
SAME_IN_ALL_LANGUAGES = re.compile(r"/archive(/[a-z_]+(/\d+)?)?\.|/-/evidence/|/-/web/")


# Pages


@pytest.mark.parametrize("path", PAGES)
async def test_page_is_well_formed_and_safe(history_site: Site, path: str) -> None:
    response = await history_site.get(path, accept="text/html")
    page = fromstring(response.text)
    assert not page.cssselect(
        "script:not([type='application/ld+json']), style, iframe, img, [style], [onclick], [onload]"
    )
    loaded = hrefs(page, "link[rel=stylesheet], link[rel=icon]")
    assert [url.partition("?")[0] for url in loaded] == ["/static/style.css", "/static/icon.svg"]
    assert [await history_site.status(url) for url in loaded] == [200, 200]
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "Accept-Language" in response.headers["vary"]
    assert response.headers["content-language"] == page.get("lang") == "sv"
    check_structure(page)


@pytest.mark.parametrize("path", PAGES)
async def test_page_keeps_the_requested_language(history_site: Site, path: str) -> None:
    page = await history_site.page(
        f"{path}{'&' if '?' in path else '?'}lang=en", accept="text/html"
    )
    assert page.get("lang") == "en"
    check_structure(page)
    links = hrefs(page, "a[href^='/']:not([hreflang])")
    translated = [url for url in links if not SAME_IN_ALL_LANGUAGES.match(url)]
    assert len(translated) > 6
    assert [url for url in translated if "lang=en" not in url] == []
    assert all(form.cssselect("input[name=lang]") for form in page.cssselect("form"))
    (switch,) = hrefs(page, "header a[hreflang]")
    assert switch.partition("?")[0] == path.partition("?")[0]
    assert (await history_site.page(switch, accept="text/html")).get("lang") == "sv"


def check_structure(page: HtmlElement) -> None:
    """Check unique ids, headings without gaps, labelled fields, and a link to the content as the
    first element.
    """
    ids = [element.get("id") for element in page.cssselect("[id]")]
    assert len(ids) == len(set(ids))
    assert len(page.cssselect("h1")) == len(page.cssselect("main")) == 1
    for field in page.cssselect("input:not([type=hidden]), select, textarea"):
        labels = page.cssselect(f"label[for={field.get('id')}]") or list(
            field.iterancestors("label")
        )
        assert labels
    assert page.cssselect("body > *")[0].get("href") == "#content"
    levels = [int(str(element.tag)[1]) for element in page.cssselect("h1, h2, h3, h4")]
    assert all(after <= before + 1 for before, after in pairwise(levels))


async def test_parameter_and_header_choose_the_language(site: Site) -> None:
    english = "en-GB,en;q=0.9,sv;q=0.5"
    assert (await site.page("/", accept_language=english)).get("lang") == "en"
    assert (await site.page("/?lang=sv", accept_language=english)).get("lang") == "sv"
    assert (await site.page("/?lang=xx")).get("lang") == "sv"


async def test_downloads_of_a_table_begin_with_its_first_row(site: Site) -> None:
    first = await site.page("/archive/releases?_size=2&kind__not=x&_col=kind")
    second = await site.page(
        first.cssselect("a[rel=next]")[0].attrib["href"].removeprefix("http://localhost")
    )
    (csv,) = [link.attrib["href"] for link in second.cssselect("main a") if link.text == "CSV"]
    assert (
        len((await site.get(csv)).text.splitlines())
        == int(str(second.cssselect("h2")[0].text).split()[0]) + 1
    )


async def test_tables_are_described_and_sent_as_data(site: Site) -> None:
    assert "Type of release" in (await site.get("/archive/releases?_size=1")).text
    assert (await site.json("/.json"))["archive"]["tables_count"] > 5
    for table in (
        "agencies",
        "releases",
        "revisions",
        "questions",
        "tags",
        "release_tags",
        "crawls",
    ):
        rows = await site.json(f"/archive/{table}.json?_shape=array")
        lines = (await site.get(f"/archive/{table}.csv")).text.splitlines()
        assert lines[0].split(",") == list(rows[0]), table
    query = await site.get("/archive.json?sql=select+count(*)+as+n+from+releases&_shape=array")
    assert query.json() == [{"n": PAGED + 5}]


# Colours and fonts of the style sheet


def test_style_sheet_names_the_fonts_by_their_hash() -> None:
    """Else caches would keep them for some minutes only, and a preloaded one would be loaded twice."""
    style = (ROOT / "archive/static/style.css").read_text(encoding="utf-8")
    named = dict(re.findall(r'url\("(.*?)\?(.*?)"\)', style))
    assert named == {
        file.name: hash_file(file) for file in (ROOT / "archive/static").glob("*.woff2")
    }


def test_colours_have_enough_contrast() -> None:
    style = (ROOT / "archive/static/style.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.S)[:2]
    for colours in (dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block)) for block in blocks):
        pairs = [(text, "paper", 4.5) for text in ("ink", "quiet", "link", "visited", "warn")]
        pairs += [(text, "raised", 4.5) for text in ("ink", "quiet", "link", "visited")]
        pairs += [(text, "mark", 4.5) for text in ("ink", "link", "visited")]
        pairs += [("ink", "added", 4.5), ("ink", "deleted", 4.5), ("focus", "paper", 3)]
        contrasts = {
            (text, paper): compute_contrast(colours[text], colours[paper])
            for text, paper, _ in pairs
        }
        assert [
            (text, paper) for text, paper, least in pairs if contrasts[text, paper] < least
        ] == []


def compute_contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2)."""
    darker, lighter = sorted(map(compute_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def compute_luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# Times

WINTER_TIME = "2024-01-18T10:57:00+00:00"  # of a British agency
FIRST_SEEN = datetime(2024, 1, 18, 11, 30, tzinfo=UTC)
EXTREME_TIMES = {  # not representable in each time zone
    "vag": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    "bro": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))),
}
TEXT = " ".join(
    f"Fyren på skär nummer {n} tänds igen efter att ha stått släckt i tio år." for n in range(30)
)


@pytest.fixture(scope="module")
async def times_site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """Serve a release with a British time and an edit of it, and two releases with extreme
    times.
    """
    path = tmp_path_factory.mktemp("times") / "archive.db"
    published = datetime.fromisoformat(WINTER_TIME)
    release = build_release(
        "fyr", "1", "Fyren på Skär lyser", TEXT, published=published, language="sv"
    )
    with Archive(path) as archive:
        for slug in ("fyr", "vag", "bro"):
            archive.add_agency(slug, name=slug.title(), home=f"https://{slug}.example/")
        archive.save(release, seen_at=FIRST_SEEN)
        undated = replace(release, published=None, updated=release.published)
        archive.save(undated, seen_at=FIRST_SEEN + timedelta(days=1))
        archive.save(release, seen_at=FIRST_SEEN + timedelta(days=2))
        for slug, published in EXTREME_TIMES.items():
            other = replace(
                release, agency=slug, url=f"https://{slug}.example/1", published=published
            )
            archive.save(other, seen_at=FIRST_SEEN)
    with served(path) as datasette:
        yield Site(datasette)


@pytest.mark.parametrize("path", load_cases(__file__, "extreme time is no error"))
async def test_extreme_time_is_no_error(times_site: Site, path: str) -> None:
    response = await times_site.get(path)
    assert response.status_code < 500, response.text[:500]


# Start-up


@pytest.mark.parametrize(
    ("name", "sql", "problem"), load_cases(__file__, "unusable archive is not served")
)
async def test_unusable_archive_is_not_served(
    tmp_path: Path, name: str, sql: str, problem: str
) -> None:
    path = fill(tmp_path / name)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(sql)
    with served(path) as datasette, pytest.raises(ClickException, match=problem):
        await datasette.invoke_startup()


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"", "no table releases"), (b"Diarium 1987\n" * 200, r"archive\.db: file is not")],
    ids=["empty", "text"],
)
async def test_file_that_is_no_archive_is_not_served(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    (tmp_path / "archive.db").write_bytes(content)
    with served(tmp_path / "archive.db") as datasette, pytest.raises(ClickException, match=problem):
        await datasette.invoke_startup()


async def test_startup_loads_what_searches_need(sample_archive: Path) -> None:
    gc.unfreeze()
    _freeze_objects.cache_clear()
    with served(sample_archive) as datasette:
        await datasette.invoke_startup()
        columns = get_search_columns(datasette)
        if thread := columns.loading:
            thread.join()
        assert columns.last_change
    assert gc.get_freeze_count() > 10_000  # the dictionaries are left out of garbage collection


async def test_server_starts_before_it_has_read_all_releases(
    sample_archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search waits for them, but no other page."""
    may_read, connect = Event(), datasette_setup._connect_apart

    def connect_late(db: Database) -> sqlite3.Connection:
        may_read.wait(60)
        return connect(db)

    monkeypatch.setattr(datasette_setup, "_connect_apart", connect_late)
    with served(sample_archive) as datasette:
        await datasette.invoke_startup()
        search = asyncio.create_task(datasette.client.get("/search.json?q=v%C3%A4garna"))
        assert (await datasette.client.get("/agencies")).status_code == 200
        await asyncio.sleep(0.1)
        assert not search.done()
        may_read.set()
        assert (await search).json()["total"]


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(
    pages: list[PageCheck], site: Site, times_site: Site, history_site: Site
) -> None:
    for page in pages:
        await page.check({"site": site, "times": times_site, "history": history_site})
