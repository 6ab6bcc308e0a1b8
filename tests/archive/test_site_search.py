"""The search page: what is told in words, every state an address, and the same as JSON, CSV and Atom."""

from __future__ import annotations

import asyncio
import csv
import io
import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import feedparser
import pytest

import archive.search
from archive.dates import Month
from archive.models import Release
from archive.store import Archive
from archive.web.exports import DataExport, write_workbook
from archive.web.limits import RequestQueue, SandboxLimits, VisitorRequest
from tests.archive.sample import LIGHTHOUSES, PAGED, SEEN, WARBLERS, Site, fill, served
from tests.archive.workbook import read_sheet, read_table


async def test_a_help_line_stands_by_the_box(site: Site) -> None:
    for address in ("/", "/search", "/search?q=fyrar"):
        page = await site.page(address)
        (box,) = page.cssselect("input[name=q]")
        assert "i valfri böjningsform" in page.get_element_by_id(box.attrib["aria-describedby"]).text_content()
    for link in (await site.page("/search?lang=en")).cssselect(".help dt a"):
        text = await site.text(link.attrib["href"])
        assert "was searched for as" not in text
        assert "quotation mark is missing" not in text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ('"på natten', "Ett citattecken saknas."),
        ("fyrar sk*", "”sk*” söktes som ett helt ord."),
        ("fyrar OR", "”OR” måste ha ett ord på varje sida."),
        ("-fyrar", "Sökningen anger bara vad som inte ska finnas med."),
        ("från:mars", "”från:mars” är inget datum"),
        ("myndighet:rymdstyrelsen", "Ingen myndighet i arkivet heter ”rymdstyrelsen”."),
        ("ämne:rymden", "Inget ämnesord i arkivet heter ”rymden”."),
        ("fyrar " * 40, "Bara de första orden användes"),
    ],
)
async def test_what_was_read_otherwise_is_explained(site: Site, words: str, told: str) -> None:
    assert told in await site.text(f"/search?q={words}")
    assert told not in await site.text("/search?q=fyrar")


async def test_a_spelling_is_suggested_with_its_hits(site: Site) -> None:
    page = await site.page("/search?q=rorsangaren&lang=sv")
    (link,) = page.cssselect(".meant a")
    assert next(link.iterancestors()).text_content().split() == ["Menade", "du", "rörsångaren?", "1", "meddelande"]
    target = await site.page(link.attrib["href"])
    assert WARBLERS in target.text_content()
    assert target.get("lang") == "sv"


async def test_no_hits_tells_of_what_and_how_fresh(site: Site) -> None:
    text = await site.text("/search?q=dinosaurie")
    assert f"omfattade {PAGED + 5} meddelanden från Vägmyndigheten ({PAGED + 2})" in text
    assert "Senast insamlat 3 juni 2024 kl. 10.20. Det senaste meddelandet är från 1 juni 2024." in text


async def test_no_hits_within_limits_tells_what_they_leave(site: Site) -> None:
    text = await site.text("/search?q=dinosaurie+från:2022-01+till:2022-12")
    assert f"Inom de valda gränserna finns 1 av arkivets {PAGED + 5} meddelanden." in text
    assert "omfattade 1 meddelande från Vägmyndigheten (1)" in text
    text = await site.text("/search?q=dinosaurie+from:1990+to:1991&lang=en")
    assert f"0 of the archive’s {PAGED + 5} releases are within the chosen limits." in text
    assert "The search covered" not in text
    searched = (await site.get("/search.json?q=dinosaurie&agency=fyrstyrelsen")).json()["searched"]
    assert (searched["total"], searched["stored"]) == (2, PAGED + 5)


async def test_a_year_tells_its_hits_and_its_releases(site: Site) -> None:
    years = (await site.get("/search.json?q=rörsångare")).json()["facets"]["year"]
    everything = {year["value"]: year["count"] for year in (await site.get("/search.json")).json()["facets"]["year"]}
    assert [(year["count"], year["total"]) for year in years] == [(1, everything["2024"])]
    assert f"1 av {everything['2024']}" in await site.text("/search?q=rörsångare")


async def test_include_and_exclude_by_address(site: Site) -> None:
    page = await site.page("/search?agency__not=vagmyndigheten")
    assert page.cssselect(".status")[0].text_content() == "3 meddelanden, senaste först"
    (chip,) = page.cssselect(".chips a")
    assert chip.get("aria-label") == "Ta bort filtret inte Vägmyndigheten"
    assert chip.get("href") == "/search"
    out = page.cssselect("aside a[aria-label='Uteslut Fyrstyrelsen']")[0].attrib["href"]
    assert parse_qsl(urlsplit(out).query) == [("agency__not", "vagmyndigheten"), ("agency__not", "fyrstyrelsen")]
    assert (await site.page(out)).cssselect(".status")[0].text_content() == "1 meddelande, senaste först"
    kept = [(field.get("name"), field.get("value")) for field in page.cssselect("form input[type=hidden]")]
    assert kept == [("agency__not", "vagmyndigheten")]


async def test_order_is_chosen_by_address(site: Site) -> None:
    page = await site.page("/search?q=vägarna")
    assert page.cssselect(".status")[0].text_content().endswith("mest relevant")
    newest = page.cssselect(".order a:not([aria-current])")[0].get("href")
    assert newest == "/search?q=v%C3%A4garna&order=newest"
    page = await site.page(newest)
    assert page.cssselect(".status")[0].text_content().endswith("senaste först")
    weeks = [int(link.text_content().split()[-1]) for link in page.cssselect(".releases h3 a")]
    assert weeks == sorted(weeks, reverse=True)


async def test_questions_as_results(site: Site) -> None:
    page = await site.page("/search?q=hamnarna")
    tab = page.cssselect(".tabs a:not([aria-current])")[0].get("href")
    assert tab == "/search?q=hamnarna&show=questions"
    page = await site.page(tab)
    assert page.cssselect(".status")[0].text_content().startswith("1 fråga med svar")
    (link,) = page.cssselect(".releases h3 a")
    assert link.text_content() == "Vem betalar?"
    assert link.attrib["href"].endswith("#question-2")
    assert [mark.text for mark in page.cssselect(".excerpt mark")] == ["hamnarna"]
    assert "Svar från Bo Strand" in page.text_content()


async def test_why_a_hit_is_one(site: Site) -> None:
    page = await site.page("/search?q=rörsångare")
    told = " ".join(page.cssselect("details.why li")[0].text_content().split())
    assert told.startswith("”rörsångare” finns i ingressen (rörsångaren), texten (rörsångaren)")


async def test_json(site: Site) -> None:
    told = (await site.get("/search.json?q=vägarna&year=2023&size=5")).json()
    assert (told["capped"], told["order"], told["pages"]) == (False, "best", -(-told["total"] // 5))
    assert len(told["releases"]) == 5
    assert told["releases"][0]["matched"].startswith("vägarna")
    following = (await site.get("/search" + told["next"].partition("/search")[2])).json()
    assert following["page_number"] == 2
    assert {row["release"] for row in told["releases"]}.isdisjoint(row["release"] for row in following["releases"])
    assert told["facets"]["agency"] == [{"value": "vagmyndigheten", "name": "Vägmyndigheten", "count": told["total"]}]
    pairs = (await site.get("/search.json?q=betalar&show=questions")).json()["questions"]
    assert (pairs[0]["question"], pairs[0]["answered_by"]) == ("Vem betalar?", "Bo Strand")
    assert pairs[0]["page"].endswith("#question-2")


async def test_csv(site: Site) -> None:
    response = await site.get("/search.csv?q=fyrar")
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    assert [row["title"] for row in rows] == [LIGHTHOUSES]
    assert rows[0]["page"].startswith("http")


async def follow(site: Site, address: str) -> list[dict[str, Any]]:
    """Every row of a search, page by page."""
    rows: list[dict[str, Any]] = []
    while address:
        told = (await site.get(address)).json()
        assert told["releases"] or not told["total"], "a page after the last"
        rows += told["releases"]
        address = (told["next"] or "").removeprefix("http://localhost")
    return rows


@pytest.mark.parametrize("most", [10_000, 10])
@pytest.mark.parametrize("asked", ["", "q=vägarna", "q=vägarna&order=newest&year=2023", "tag=Väglag", "q=xyzzy"])
async def test_a_file_has_every_hit(site: Site, monkeypatch: pytest.MonkeyPatch, asked: str, most: int) -> None:
    for name in ("MAX_HITS", "MAX_COUNTED_HITS"):
        monkeypatch.setattr(f"archive.search.ranking.{name}", most)
    monkeypatch.setattr("archive.search.HIT_BATCH", 7)
    rows = await follow(site, f"/search.json?{asked}&size=4")
    sheet = list(csv.DictReader(io.StringIO((await site.get(f"/search.csv?{asked}")).text, newline="")))
    assert [int(row["release"]) for row in sheet] == [row["release"] for row in rows]
    answer = await site.get(f"/search.xlsx?{asked}")
    assert answer.headers["content-disposition"] == 'attachment; filename="search.xlsx"'
    read = read_table(answer.content)
    assert [{name: "" if value is None else str(value) for name, value in row.items()} for row in read] == sheet
    total = (await site.get(f"/search.json?{asked}&size=1")).json()
    assert total["capped"] or total["total"] == len(rows)
    if rows and not total["capped"]:
        assert f"CSV- eller Excelfilen har {len(rows)} rader." in await site.text(f"/search?{asked}")


async def test_many_hits_are_said_to_be_in_the_order_they_are_in(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAX_HITS", "MAX_COUNTED_HITS"):
        monkeypatch.setattr(f"archive.search.ranking.{name}", 25)
    for order, told in (
        ("best", "Results with all the words in the title come first, then the newest."),
        ("newest", "The newest results come first."),
    ):
        assert f"The exact number is not counted. {told}" in await site.text(f"/search?q=vägarna&order={order}&lang=en")


async def test_a_file_of_one_page_says_how_to_go_on(site: Site) -> None:
    answer = await site.get("/search.csv?q=vägarna&size=30")
    assert answer.links["next"]["url"].endswith("/search.csv?q=v%C3%A4garna&page=2&size=30")
    assert len(answer.text.splitlines()) == 31
    assert "next" not in (await site.get("/search.csv?q=vägarna&size=30&page=2")).links


async def test_a_file_that_fails_on_the_way_is_broken_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    read_hits = archive.search.read_hits

    async def fail(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise sqlite3.OperationalError("disk I/O error")
        return await read_hits(*given)

    monkeypatch.setattr("archive.search.HIT_BATCH", 7)
    monkeypatch.setattr("archive.search.read_hits", fail)
    messages: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()  # the client stays
        return {}

    scope = {"type": "http", "method": "GET", "path": "/search.csv", "raw_path": b"/search.csv", "query_string": b""}
    await site.datasette.app()({**scope, "scheme": "http", "headers": [(b"host", b"localhost")]}, receive, send)
    assert messages[0]["status"] == 200
    assert len(messages[1:]) == 1
    assert messages[1]["more_body"], "no end: the server closes the connection"


def build_turn() -> VisitorRequest:
    return VisitorRequest(SandboxLimits(), RequestQueue(SandboxLimits()), streaming=True)


async def test_cells_hold_texts_as_they_are() -> None:
    rows: list[dict[str, Any]] = [
        {"number": 7, "body": "=1+1\n@x", "when": "2024-12", "on": True},
        {"number": None, "body": "å" * 70_000, "when": "0123", "on": False},
        {"number": 10**17, "body": "a\x00b_x0041_ \U0001f600" * 2_000, "when": "https://a.example/", "on": None},
    ]

    async def batches() -> AsyncIterator[Sequence[dict[str, Any]]]:
        for row in rows:
            yield [row]

    export = DataExport(
        name="list", title="=Listan", page_url="https://a.example/", columns=list(rows[0]), batches=batches()
    )
    with await write_workbook(export, build_turn(), "sv") as file:
        file.seek(0)
        workbook = file.read()
    read = read_table(workbook)
    assert list(read[0]) == ["number", "body", "body (2)", "body (3)", "when", "on"]
    assert [(row["number"], row["when"], row["on"]) for row in read] == [
        *((7, "2024-12", 1), (None, "0123", 0), (str(10**17), "https://a.example/", None))
    ]
    whole = ["".join(str(row[name] or "") for name in ("body", "body (2)", "body (3)")) for row in read]
    assert whole == [str(row["body"]).replace("\x00", "\ufffd") for row in rows]
    assert all(len(str(value).encode("utf-16-le")) <= 2 * 32_767 for row in read for value in row.values())
    notes = [row[0] for row in read_sheet(workbook, 2)]
    assert notes[:2] == ["=Listan", "https://a.example/"]
    assert "kolumnerna body (2), body (3)." in str(notes)


async def test_more_rows_than_a_sheet_holds_go_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.web.exports.MAX_SHEET_ROWS", 3)

    async def batches() -> AsyncIterator[Sequence[dict[str, Any]]]:
        yield [{"number": number} for number in range(5)]

    export = DataExport(name="list", title="", page_url="", columns=["number"], batches=batches())
    with await write_workbook(export, build_turn(), "en") as file:
        file.seek(0)
        content = file.read()
    assert [read_sheet(content, number) for number in (1, 2, 3)] == [
        [["number"], [0], [1]],
        [["number"], [2], [3]],
        [["number"], [4]],
    ]


async def test_a_month_is_no_day_in_a_feed(tmp_path: Path) -> None:
    path = fill(tmp_path / "archive.db")
    with Archive(path) as stored:
        stored.db.execute("delete from crawls")
        release = Release(
            agency="fyrstyrelsen",
            url="https://fyr.example/manad",
            title="Fyrar i december",
            body="Fyrar.",
            body_html="<p>Fyrar.</p>",
            published=date(2024, 12, 1),
        )
        stored.save(replace(release, published=Month(2024, 12, 1)), seen_at=SEEN, cause="import")
    with served(path) as datasette:
        feed = feedparser.parse((await Site(datasette).get("/search.atom?q=december")).text)
    (entry,) = feed.entries
    assert "published" not in entry
    assert entry.updated == SEEN.isoformat()
    assert "december 2024" in entry.summary


async def test_atom_of_an_archive_that_no_crawl_has_filled_goes_by_its_own_dates(tmp_path: Path) -> None:
    path = fill(tmp_path / "archive.db")
    with Archive(path) as archive:
        archive.db.execute("delete from crawls")
    with served(path) as datasette:
        site = Site(datasette)
        response = await site.get("/search.atom?q=vassen+OR+fyrar&order=best")
        feed = feedparser.parse(response.text)
        assert not feed.bozo
        assert [entry.title.partition(": ")[2] for entry in feed.entries] == [LIGHTHOUSES, WARBLERS], "newest first"
        assert [entry.updated for entry in feed.entries] == [entry.published for entry in feed.entries]
        other = feedparser.parse((await site.get("/search.atom?q=fyrar")).text)
        assert other.entries[0].id == feed.entries[0].id, "a release has one id in every feed"
        assert other.feed.id != feed.feed.id
        assert feed.feed.links[0].href.endswith("/search.atom?q=vassen+OR+fyrar&order=newest&size=30")
        assert feedparser.parse((await site.get("/search.atom?q=grusvägar")).text).entries == [], "it has no date"


async def test_a_feed_of_a_search_is_not_sent_twice(site: Site) -> None:
    address = "/search.atom?q=vassen+OR+fyrar"
    again = await site.get(address, if_none_match=(await site.get(address)).headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


async def test_a_feed_tells_what_is_new_and_no_backfill(tmp_path: Path) -> None:
    path = fill(tmp_path / "archive.db")
    with Archive(path) as archive:
        for number, (published, cause) in enumerate(
            [((2024, 6, 8), "source"), ((2014, 1, 1), "source"), ((2024, 6, 8), "import")]
        ):
            body = f"Fyrar nummer {number} i natten, {'lyser starkt ' * number}."
            release = Release(
                agency="fyrstyrelsen",
                url=f"https://fyr.example/{number}",
                title=f"Fyrar {number}",
                body=body,
                body_html=f"<p>{body}</p>",
                published=date(*published),
                language="sv",
            )
            archive.save(release, seen_at=SEEN + timedelta(days=6), cause=cause)
    with served(path) as datasette:
        site = Site(datasette)
        feed = feedparser.parse((await site.get("/search.atom?q=fyrar")).text)
        assert [entry.title for entry in feed.entries] == ["Fyrstyrelsen: Fyrar 0"]
        assert (await site.get("/search.json?q=fyrar")).json()["total"] == 4


async def test_the_page_names_its_other_forms(site: Site) -> None:
    page = await site.page("/search?q=fyrar&page=1&lang=en")
    for link in page.cssselect("link[rel=alternate][type]"):
        response = await site.get(link.attrib["href"])
        assert response.status_code == 200
        assert response.headers["content-type"].partition(";")[0] == link.get("type")
