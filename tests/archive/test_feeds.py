"""Feeds of what is new: stable, valid, read by a reader's library, and no flood."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import feedparser
import pytest
from datasette.plugins import pm

from archive.importer import import_file
from archive.models import Release
from archive.store import Archive
from tests.archive.atom import find_faults
from tests.archive.sample import Site, served
from tests.archive.test_import import write
from tests.archive.test_import_rows import LINE

DAY = timedelta(days=1)
START = datetime(2024, 6, 1, 6, 0, tzinfo=UTC)
HOST = "http://localhost"
NEWS = ["Ny fyr tänds", "Fyr utan datum", "Månadens fyr"]  # oldest find first
IMPORTED = [None, "2014-01", "2024-06", "2024-06-10", "2024-06-10T08:00:00+02:00"]
FEEDS = [
    *("/new.atom", "/agency/fyr.atom", "/tag/1.atom", "/new.atom?agency=fyr&tag=1", "/new.atom?size=1&lang=en"),
    *("/-/edits.atom", "/-/removed.atom", "/-/edits.atom?agency=fyr", "/-/removed.atom?tag=1"),
    *("/-/edits.atom?tag=1", "/-/history/1.atom", "/agency/vag.atom"),
]


def release(name: str, title: str, published: date | None, agency: str = "fyr") -> Release:
    """A release of an agency."""
    text = f"{title}: så här är det."
    url = f"https://{agency}.example/{name}"
    return Release(
        agency=agency, url=url, title=title, body=text, body_html=f"<p>{text}</p>", published=published, tags=("Fyrar",)
    )


def crawl(archive: Archive, day: int, *found: Release, agency: str = "fyr") -> datetime:
    """A whole reading of an agency's sources, that many days after the first."""
    began = START + day * DAY
    for one in found:
        archive.save(one, seen_at=began + timedelta(minutes=5))
    archive.db.execute(
        "insert into crawls (agency, spider, started, finished, reason, new) values (?, 'news', ?, ?, 'finished', ?)",
        [agency, began.isoformat(), (began + timedelta(minutes=10)).isoformat(), len(found)],
    )
    return began


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An agency that was backfilled, read daily, given a new source, imported and read anew; another just begun."""
    folder = tmp_path_factory.mktemp("followed")
    today = [(START + day * DAY).date() for day in range(10)]
    with Archive(folder / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", name_en="Lights", home="https://fyr.example/")
        archive.add_agency("vag", name="Vägverket", home="https://vag.example/")
        crawl(archive, 0, *(release(f"forst-{n}", f"Ur arkivet {n}", today[0]) for n in range(30)))
        fresh = release("ny", NEWS[0], today[1])
        crawl(archive, 1, fresh)
        crawl(archive, 2, release("utan", NEWS[1], None), release("gammal", "Tio år gammal", date(2014, 5, 2)))
        crawl(archive, 3, *(release(f"kalla-{n}", f"Ny källa utan datum {n}", None) for n in range(25)))
        crawl(archive, 4, replace(release("manad", NEWS[2], None), published=date(2024, 6, 1)))
        lines = [{**LINE, "url": f"https://fyr.example/imp-{n}", "published": "2024-06-05"} for n in range(40)]
        import_file(archive, write(folder / "a.jsonl", *lines), "fyr", START + 5 * DAY)
        archive.save(replace(fresh, lead="Bättre läst."), seen_at=START + 6 * DAY, cause="parser")
        archive.save(replace(fresh, title="Ny fyr släcks"), seen_at=START + 7 * DAY)
        crawl(archive, 8, *(release(f"v{n}", f"Vägen {n}", today[8], "vag") for n in range(5)), agency="vag")
    return folder / "archive.db"


@pytest.fixture
async def site(followed: Path) -> AsyncIterator[Site]:
    with served(followed) as datasette:
        yield Site(datasette)


async def test_an_empty_feed_is_as_it_was_when_the_archive_was_created(site: Site) -> None:
    feed = feedparser.parse((await site.get("/agency/vag.atom")).text)
    with Archive(Path(site.datasette.get_database("archive").path)) as archive:
        (created,) = archive.db.execute("select substr(min(applied_at), 1, 19) from _sqlite_migrations").fetchone()
    assert (feed.entries, feed.feed.updated) == ([], f"{created.replace(' ', 'T')}+00:00")


async def titles(site: Site, address: str) -> list[str]:
    return [entry.title for entry in feedparser.parse((await site.get(address)).content).entries]


@pytest.mark.parametrize(
    "address",
    [
        *("/new.atom", "/agency/fyr.atom", "/tag/1.atom"),
        *("/search.atom", "/search.atom?agency=fyr", "/search.atom?tag=Fyrar", "/search.atom?q=s%C3%A5+%C3%A4r+det"),
    ],
)
async def test_only_what_is_new_is_told(site: Site, address: str) -> None:
    """No backfill, no new source's old releases, no import, nothing read anew."""
    told = [title.replace("släcks", "tänds") for title in await titles(site, address)]  # a search tells how it stands
    assert told == [f"Fyrstyrelsen: {title}" for title in reversed(NEWS)]


@pytest.mark.parametrize("words", ["arkivet", "källa", "gammal", "äntligen", "vägen"])
async def test_a_search_that_found_nothing_new_has_an_empty_feed(site: Site, words: str) -> None:
    """Neither backfills nor imports; once there is a crawl, nothing stands in for news."""
    assert (await site.get(f"/search.json?q={words}")).json()["total"] > 0
    answer = await site.get(f"/search.atom?q={words}")
    assert b"<entry>" not in answer.content
    assert find_faults(answer.content) == []


async def test_an_import_moves_nothing_in_any_feed(followed: Path, tmp_path: Path) -> None:
    feeds = [address for address in FEEDS if "history" not in address] + ["/search.atom", "/search.atom?q=fyrar"]
    path = tmp_path / "archive.db"
    shutil.copy(followed, path)
    with served(path) as datasette:
        before = {address: (await Site(datasette).get(address)).headers["etag"] for address in feeds}
    with Archive(path) as archive:
        lines = [{**LINE, "url": f"https://fyr.example/more-{n}", "published": d} for n, d in enumerate(IMPORTED)]
        assert import_file(archive, write(tmp_path / "a.jsonl", *lines), "fyr", START + 9 * DAY).new == len(IMPORTED)
    with served(path) as datasette:
        assert {address: (await Site(datasette).get(address)).headers["etag"] for address in feeds} == before


async def test_an_agency_s_first_reading_is_no_news(site: Site) -> None:
    assert await titles(site, "/agency/vag.atom") == []


async def test_an_edit_moves_nothing_in_it_and_has_its_own_feed(site: Site) -> None:
    entry = feedparser.parse((await site.get("/new.atom")).content).entries[-1]
    assert (entry.title, entry.updated) == (f"Fyrstyrelsen: {NEWS[0]}", "2024-06-02T06:05:00+00:00")
    assert await titles(site, "/-/edits.atom") == ["Fyrstyrelsen: Ny fyr släcks"]
    assert await titles(site, "/-/edits.atom?tag=1") == ["Fyrstyrelsen: Ny fyr släcks"]
    assert await titles(site, "/-/edits.atom?tag=2") == []


async def test_an_edit_s_feed_holds_the_change(site: Site) -> None:
    (entry,) = feedparser.parse((await site.get("/-/edits.atom")).content).entries
    assert "<del>" in entry.content[0].value


async def test_it_is_the_same_again_and_not_sent_twice(site: Site) -> None:
    one, other = await site.get("/new.atom"), await site.get("/new.atom")
    assert one.content == other.content
    again = await site.get("/new.atom", if_none_match=one.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("address", FEEDS)
async def test_a_feed_is_valid_and_read(site: Site, address: str) -> None:
    answer = await site.get(address)
    assert answer.status_code == 200
    assert find_faults(answer.content) == []
    feed = feedparser.parse(answer.content)
    assert not feed.bozo
    assert (feed.version, feed.feed.links[0].rel) == ("atom10", "self")
    for entry in feed.entries:
        assert (await site.get(entry.link.removeprefix(HOST))).status_code == 200


@pytest.mark.parametrize("address", ["/-/edits.atom", "/-/removed.atom", "/-/diff/51/52.atom", "/-/history/51.atom"])
async def test_feeds_of_a_long_history_are_valid(history_site: Site, address: str) -> None:
    answer = await history_site.get(address)
    assert answer.content.count(b"<entry>") > 0
    assert find_faults(answer.content) == []


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"<updated>2024", b"<updated>den 4 2024"),
        (b"<title>", b"<title/><title>"),
        (b'rel="self"', b'rel="alternate"'),
        (b"<author>", b"<author><x/>"),
        (b"<id>tag:", b"<id>tag "),
        (b'<category term="', b'<category name="'),
    ],
)
async def test_the_check_finds_faults(site: Site, good: bytes, bad: bytes) -> None:
    body = (await site.get("/new.atom")).content
    assert good in body
    assert find_faults(body.replace(good, bad, 1))


async def test_pages_lead_on(site: Site) -> None:
    address, seen = "/new.json?size=2", []
    while address:
        told = (await site.get(address.removeprefix(HOST))).json()
        seen += [row["title"] for row in told["releases"]]
        address = told["next"]
    assert seen == [*reversed(NEWS)]
    lines = (await site.get("/new.csv")).text.splitlines()
    assert len(lines) == len(NEWS) + 1


@pytest.mark.parametrize(
    ("page", "feeds"),
    [
        ("/", {"/new.atom"}),
        ("/agency/fyr", {"/agency/fyr.atom", "/-/edits.atom?agency=fyr", "/-/removed.atom?agency=fyr"}),
        ("/tag/1", {"/tag/1.atom", "/-/edits.atom?tag=1", "/-/removed.atom?tag=1"}),
        ("/-/edits?tag=1", {"/-/edits.atom?tag=1"}),
        ("/-/removed", {"/-/removed.atom"}),
    ],
)
async def test_pages_name_their_feeds(site: Site, page: str, feeds: set[str]) -> None:
    links = (await site.page(page)).cssselect("link[rel=alternate][type='application/atom+xml']")
    assert feeds <= {link.get("href") for link in links}
    assert all(link.get("title") for link in links)


@pytest.mark.parametrize(
    ("address", "status"),
    [("/agency/nix.atom", 404), ("/tag/999.atom", 404), ("/new.atom?size=x", 400), ("/new.atom?tag=x", 400)],
)
async def test_what_cannot_be_followed_is_told(site: Site, address: str, status: int) -> None:
    assert (await site.get(address)).status_code == status


@pytest.mark.parametrize("address", ["/new.atom", "/search.atom"])
async def test_a_date_that_no_page_states_is_not_in_a_feed(site: Site, address: str) -> None:
    entries = feedparser.parse((await site.get(address)).content).entries
    stated = {entry.title.partition(": ")[2].replace("släcks", "tänds"): "published" in entry for entry in entries}
    assert stated == {NEWS[0]: True, NEWS[1]: False, NEWS[2]: True}


async def test_a_feed_of_a_search_that_is_cut_leads_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    (plugin,) = (each for each in pm.get_plugins() if getattr(each, "__name__", "") == "search.py")
    monkeypatch.setattr(plugin, "SEARCH_FEED_SIZE", 2)
    first = feedparser.parse((await site.get("/search.atom")).content)
    (following,) = (link.href for link in first.feed.links if link.rel == "next")
    last = feedparser.parse((await site.get(following.removeprefix(HOST))).content)
    assert [len(first.entries), len(last.entries)] == [2, 1]
    assert "next" not in {link.rel for link in last.feed.links}
