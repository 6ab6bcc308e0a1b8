"""Feeds of new releases, edits and searches: they have only what is new, and are valid Atom."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import feedparser
import pytest

from archive.database.models import Release
from archive.store.jsonl_import import import_file
from archive.store.releases import Archive
from archive.views import search as search_page
from tests.archive.atom import find_faults
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import Site, build_release, served

DAY = timedelta(days=1)
START = datetime(2024, 6, 1, 6, 0, tzinfo=UTC)
HOST = "http://localhost"
NEWS = ["Ny fyr tänds", "Fyr utan datum", "Månadens fyr"]  # in the order of crawls
NEW_FEEDS = ("/new.atom", "/agency/fyr.atom", "/tag/1.atom")
SEARCH_FEEDS = (
    "/search.atom",
    "/search.atom?agency=fyr",
    "/search.atom?tag=Fyrar",
    "/search.atom?q=s%C3%A5+%C3%A4r+det",
)
FEEDS = [
    *(*NEW_FEEDS, "/new.atom?agency=fyr&tag=1", "/new.atom?size=1&lang=en", "/agency/vag.atom"),
    *("/-/edits.atom", "/-/removed.atom", "/-/edits.atom?agency=fyr", "/-/removed.atom?tag=1"),
    *("/-/edits.atom?tag=1", "/-/history/1.atom"),
]


def build_fyr(name: str, title: str, published: date | None, agency: str = "fyr") -> Release:
    return build_release(agency, name, title, published=published, tags=("Fyrar",))


def crawl(archive: Archive, day: int, *releases: Release, agency: str = "fyr") -> None:
    """Store what a complete crawl found, that many days after the first."""
    started = START + day * DAY
    for release in releases:
        archive.save(release, seen_at=started + timedelta(minutes=5))
    archive.db.execute(
        "insert into crawls (agency, spider, started, finished,"
        " reason, new) values (?, 'news', ?, ?, 'finished', ?)",
        [agency, started.isoformat(), (started + timedelta(minutes=10)).isoformat(), len(releases)],
    )


def import_releases(archive: Archive, file: Path, day: int, *published: str | None) -> int:
    """Import a release for each date, and return the number of new ones."""
    common = {"title": "Införd fyr", "body": "Fyrar.", "tags": ["Sjöfart"]}
    lines = [
        {**common, "url": f"https://fyr.example/{file.stem}-{number}", "published": stated}
        for number, stated in enumerate(published)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return import_file(archive, file, "fyr", START + day * DAY).new


@pytest.fixture(scope="module")
def crawled_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An agency with a backfill, daily crawls, a new source, an import and an edit; another with
    only a first crawl.
    """
    folder = tmp_path_factory.mktemp("feeds")
    dates = [(START + day * DAY).date() for day in range(10)]
    with Archive(folder / "archive.db") as archive:
        archive.add_agency(
            "fyr", name="Fyrstyrelsen", name_en="Lights", home="https://fyr.example/"
        )
        archive.add_agency("vag", name="Vägverket", home="https://vag.example/")
        crawl(
            archive,
            0,
            *(build_fyr(f"forst-{n}", f"Ur arkivet {n}", dates[0]) for n in range(30)),
        )
        new = build_fyr("ny", NEWS[0], dates[1])
        crawl(archive, 1, new)
        old = build_fyr("gammal", "Tio år gammal", date(2014, 5, 2))
        crawl(archive, 2, build_fyr("utan", NEWS[1], None), old)
        crawl(
            archive,
            3,
            *(build_fyr(f"kalla-{n}", f"Ny källa utan datum {n}", None) for n in range(25)),
        )
        crawl(archive, 4, build_fyr("manad", NEWS[2], date(2024, 6, 1)))
        import_releases(archive, folder / "first.jsonl", 5, *["2024-06-05"] * 40)
        archive.save(replace(new, lead="Bättre läst."), seen_at=START + 6 * DAY, cause="parser")
        archive.save(replace(new, title="Ny fyr släcks"), seen_at=START + 7 * DAY)
        of_other = [build_fyr(f"v{n}", f"Vägen {n}", dates[8], "vag") for n in range(5)]
        crawl(archive, 8, *of_other, agency="vag")
    return folder / "archive.db"


@pytest.fixture(scope="module")
def feed_site(site: Site, crawled_archive: Path) -> Iterator[Site]:
    """The crawled archive. It depends on `site`, whose plugins must be unregistered last."""
    with served(crawled_archive) as datasette:
        yield Site(datasette)


async def read_titles(site: Site, url: str) -> list[str]:
    return [entry.title for entry in (await site.feed(url)).entries]


@pytest.mark.parametrize("url", [*NEW_FEEDS, *SEARCH_FEEDS])
async def test_new_releases_come_first(feed_site: Site, url: str) -> None:
    """Backfills, old releases of a new source, imports and what was only parsed again are not
    new.
    """
    titles = await read_titles(feed_site, url)
    others, titles = titles[3:], titles[:3]
    assert not [
        title for title in others if "Införd" in title or "utan datum" in title or title in titles
    ]
    # a feed of a search has current titles
    edited = "Ny fyr släcks" if "search" in url else NEWS[0]
    assert titles == [f"Fyrstyrelsen: {title}" for title in (NEWS[2], NEWS[1], edited)]


@pytest.mark.parametrize("url", NEW_FEEDS)
async def test_feed_is_filled_up_with_the_last_published(feed_site: Site, url: str) -> None:
    titles = await read_titles(feed_site, url)
    assert titles[3] == (
        "Fyrstyrelsen: Ur arkivet 29" if url == "/agency/fyr.atom" else "Vägverket: Vägen 4"
    )
    assert len(titles) == len(set(titles)) == 20


@pytest.mark.parametrize(
    ("text", "entries"), [("arkivet", 20), ("källa", 0), ("gammal", 1), ("införd", 0), ("vägen", 5)]
)
async def test_feed_of_search_without_new_hits_has_the_newest_others(
    feed_site: Site, text: str, entries: int
) -> None:
    assert (await feed_site.json(f"/search.json?q={text}"))["total"] > 0
    response = await feed_site.get(f"/search.atom?q={text}")
    assert response.content.count(b"<entry>") == entries
    assert find_faults(response.content) == []


async def test_empty_feed_is_dated(feed_site: Site, crawled_archive: Path) -> None:
    feed = await feed_site.feed("/search.atom?q=källa")
    with closing(sqlite3.connect(crawled_archive)) as db:
        (created,) = db.execute(
            "select substr(min(applied_at), 1, 19) from _sqlite_migrations"
        ).fetchone()
    assert (feed.entries, feed.feed.updated) == ([], f"{created.replace(' ', 'T')}+00:00")


async def test_import_changes_no_feed(
    feed_site: Site, crawled_archive: Path, tmp_path: Path
) -> None:
    urls = [url for url in FEEDS if "history" not in url] + ["/search.atom", "/search.atom?q=fyrar"]
    before = {url: (await feed_site.get(url)).headers["etag"] for url in urls}
    path = Path(shutil.copy(crawled_archive, tmp_path / "archive.db"))
    dates = (None, "2014-01", "2024-06", "2024-06-10", "2024-06-10T08:00:00+02:00")
    with Archive(path) as archive:
        assert import_releases(archive, tmp_path / "second.jsonl", 9, *dates) == len(dates)
    with served(path) as datasette:
        assert {url: (await Site(datasette).get(url)).headers["etag"] for url in urls} == before


@pytest.mark.parametrize("url", ["/new.atom", "/search.atom?q=fyr"])
async def test_unchanged_feed_is_not_sent_again(feed_site: Site, url: str) -> None:
    first, second = await feed_site.get(url), await feed_site.get(url)
    assert first.content == second.content
    again = await feed_site.get(url, if_none_match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("url", FEEDS)
async def test_feed_is_valid_and_links_to_pages(feed_site: Site, url: str) -> None:
    response = await feed_site.get(url)
    assert response.status_code == 200
    assert find_faults(response.content) == []
    feed = feedparser.parse(response.content)
    assert not feed.bozo
    assert (feed.version, feed.feed.links[0].rel) == ("atom10", "self")
    for entry in feed.entries:
        assert await feed_site.status(entry.link.removeprefix(HOST)) == 200


@pytest.mark.parametrize(
    "url", ["/-/edits.atom", "/-/removed.atom", "/-/diff/51/52.atom", "/-/history/51.atom"]
)
async def test_feed_of_long_history_is_valid(history_site: Site, url: str) -> None:
    response = await history_site.get(url)
    assert response.content.count(b"<entry>") > 0
    assert find_faults(response.content) == []


@pytest.mark.parametrize(
    ("valid", "invalid"),
    [
        (b"<updated>2024", b"<updated>den 4 2024"),
        (b"<title>", b"<title/><title>"),
        (b'rel="self"', b'rel="alternate"'),
        (b"<author>", b"<author><x/>"),
        (b"<id>tag:", b"<id>tag "),
        (b'<category term="', b'<category name="'),
    ],
)
async def test_find_faults_finds_invalid_markup(
    feed_site: Site, valid: bytes, invalid: bytes
) -> None:
    body = (await feed_site.get("/new.atom")).content
    assert valid in body
    assert find_faults(body.replace(valid, invalid, 1))


async def test_pages_of_new_releases_are_linked(feed_site: Site) -> None:
    url, titles = "/new.json?size=2", []
    while url:
        page = await feed_site.json(url.removeprefix(HOST))
        titles += [row["title"] for row in page["releases"]]
        url = page["next"]
    assert titles == NEWS[::-1]
    assert len((await feed_site.get("/new.csv")).text.splitlines()) == len(NEWS) + 1


async def test_pages_of_search_feed_are_linked(
    feed_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_page, "SEARCH_FEED_SIZE", 2)
    first = await feed_site.feed("/search.atom")
    (following,) = (link.href for link in first.feed.links if link.rel == "next")
    last = await feed_site.feed(following.removeprefix(HOST))
    assert [len(first.entries), len(last.entries)] == [2, 1]
    assert "next" not in {link.rel for link in last.feed.links}


@pytest.mark.parametrize("url", ["/new.atom", "/search.atom"])
async def test_feed_has_no_date_that_the_page_does_not_state(feed_site: Site, url: str) -> None:
    entries = (await feed_site.feed(url)).entries
    assert ["published" in entry for entry in entries[:3]] == [True, False, True]


async def test_security_txt_names_the_contact_of_the_operator(
    feed_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/.well-known/security.txt"
    assert await feed_site.status(path) == 404
    config = {"headers": {"contact": "mailto:fel@arkiv.example"}}
    monkeypatch.setattr(feed_site.datasette, "plugin_config", lambda name, **_: config.get(name))
    fields = dict(line.split(": ", 1) for line in (await feed_site.get(path)).text.splitlines())
    assert (fields["Contact"], fields["Canonical"]) == ("mailto:fel@arkiv.example", HOST + path)
    assert (
        timedelta(days=179)
        < datetime.fromisoformat(fields["Expires"]) - datetime.now(UTC)
        < timedelta(days=181)
    )


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], feed_site: Site) -> None:
    for page in pages:
        await page.check({"feed": feed_site})
