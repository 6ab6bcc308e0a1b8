"""The search page: notes, facets and links, and the same hits as JSON, CSV, Excel and Atom."""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from zoneinfo import ZoneInfo

import feedparser
import pytest
from datasette.database import QueryInterrupted

from archive.database.models import Image, Release
from archive.search.search_request import EXCLUDE_SUFFIX, FACETS
from archive.store.releases import Archive
from archive.times import Month
from archive.web.request_limits import SandboxLimits
from archive.web.requests import get_search_columns
from tests.archive.hostile_queries import LONG, OPERATORS, TYPED, WORDS
from tests.archive.sample import (
    LIGHTHOUSES,
    PAGED,
    ROOT,
    SEEN,
    WARBLERS,
    Site,
    import_release,
    served,
)
from tests.archive.search.conftest import lower_limits
from tests.archive.workbook import build_cell, read_list, read_sheet, read_table

MAX_PAGE_BYTES = 500_000  # of a page, whose links repeat the query
MAX_SECONDS = 1.0  # of processor time, which other work on the machine does not lengthen


async def get_json(site: Site, query: str) -> dict[str, Any]:
    response = await site.get(f"/search.json?{query}")
    assert response.status_code == 200
    return dict(response.json())


def build_query(text: str) -> str:
    return f"q={quote(text.encode('utf-8', 'surrogatepass'))}"


# The page


async def test_help_is_linked_to_the_search_box(site: Site) -> None:
    for path in ("/", "/search", "/search?q=fyrar"):
        page = await site.page(path)
        (box,) = page.cssselect("input[name=q]")
        assert (
            "inom citattecken"
            in page.get_element_by_id(box.attrib["aria-describedby"]).text_content()
        )
    for link in (await site.page("/search?lang=en")).cssselect(".help dt a"):
        text = await site.text(link.attrib["href"])
        assert "was treated as" not in text
        assert "quotation mark is missing" not in text


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ('q="på natten', "Ett avslutande citattecken saknas."),
        ("q=fyrar sk*", "”sk*” behandlades som ett helt ord."),
        ("q=fyrar OR", "”OR” måste stå mellan två ord"),
        ("q=-fyrar", "Sökningen anger bara vad som inte ska finnas med."),
        ("q=från:mars", "”från:mars” är inget datum"),
        ("q=myndighet:rymdstyrelsen", "Ingen myndighet i arkivet heter ”rymdstyrelsen”."),
        ("q=ämne:rymden", "Inget ämnesord i arkivet heter ”rymden”."),
        ("q=2024-06-01", "Visar meddelanden från 1 juni 2024."),
        ("q=June 1, 2024&lang=en", "Showing releases from 1 June 2024."),
        (f"q={'fyrar ' * 40}", "Bara de första orden användes"),
        *(
            (f"q=vägarna&{parameter}&lang={lang}", words.format(parameter))
            for parameter in ("page=abc", "size=1000", "kind=banana", "tag__not=abc")
            for lang, words in (("sv", "”{}” i adressen"), ("en", "“{}” in the address"))
        ),
    ],
)
async def test_note_explains_how_search_was_read(site: Site, query: str, text: str) -> None:
    notes = " ".join(
        note.text_content() for note in (await site.page(f"/search?{query}")).cssselect(".note")
    )
    assert text in notes


async def test_named_period_links_to_its_releases(site: Site) -> None:
    address = "q=fyrar+juni+2024&agency=fyrstyrelsen&lang=en"
    page = await site.page(f"/search?{address}")
    (link,) = page.cssselect(".meant a")
    text = " ".join(next(link.iterancestors()).text_content().split())
    assert text == "Only releases from June 2024 1 release"
    expected = "/search?q=fyrar&agency=fyrstyrelsen&from=2024-06-01&to=2024-06-30&lang=en"
    assert link.get("href") == expected
    data = await get_json(site, address)
    assert data["did_you_mean"] == [
        {"query": "fyrar from:2024-06-01 to:2024-06-30", "total": 1, "reason": "period"}
    ]


async def test_suggestion_links_to_its_hits(site: Site) -> None:
    page = await site.page("/search?q=rorsangaren&lang=sv")
    (link,) = page.cssselect(".meant a")
    assert next(link.iterancestors()).text_content().split() == [
        "Menade",
        "du",
        "rörsångaren?",
        "1",
        "meddelande",
    ]
    target = await site.page(link.attrib["href"])
    assert WARBLERS in target.text_content()
    assert target.get("lang") == "sv"


async def test_page_without_hits_states_what_was_searched(site: Site) -> None:
    text = await site.text("/search?q=dinosaurie")
    assert f"omfattade {PAGED + 5} meddelanden från Vägmyndigheten ({PAGED + 2})" in text
    assert (
        "Senast insamlat 3 juni 2024 kl. 10.20. Det senaste meddelandet är från 1 juni 2024."
        in text
    )
    text = await site.text("/search?q=dinosaurie+från:2022-01+till:2022-12")
    assert (
        f"Med de valda filtren omfattade sökningen 1 av arkivets {PAGED + 5} meddelanden." in text
    )
    assert "omfattade 1 meddelande från Vägmyndigheten (1)" in text
    text = await site.text("/search?q=dinosaurie+from:1990+to:1991&lang=en")
    assert (
        f"With the chosen filters, the search covered 0 of the archive’s {PAGED + 5} releases."
        in text
    )
    assert "The search covered" not in text


async def test_facet_values_are_excluded_by_links(site: Site) -> None:
    page = await site.page("/search?agency__not=vagmyndigheten")
    assert page.cssselect(".status")[0].text_content() == "3 meddelanden, senaste först"
    (chip,) = page.cssselect(".chips a")
    assert chip.get("aria-label") == "Ta bort filtret inte Vägmyndigheten"
    assert chip.get("href") == "/search"
    link = page.cssselect("aside a[aria-label='Uteslut Fyrstyrelsen']")[0].attrib["href"]
    assert parse_qsl(urlsplit(link).query) == [
        ("agency__not", "vagmyndigheten"),
        ("agency__not", "fyrstyrelsen"),
    ]
    assert (await site.page(link)).cssselect(".status")[
        0
    ].text_content() == "1 meddelande, senaste först"
    hidden_fields = [
        (field.get("name"), field.get("value"))
        for field in page.cssselect("form input[type=hidden]")
    ]
    assert hidden_fields == [("agency__not", "vagmyndigheten")]


async def test_order_is_chosen_by_link(site: Site) -> None:
    page = await site.page("/search?q=vägarna")
    assert page.cssselect(".status")[0].text_content().endswith("mest relevanta först")
    link = page.cssselect(".order a:not([aria-current])")[0].get("href")
    assert link == "/search?q=v%C3%A4garna&order=newest"
    page = await site.page(link)
    assert page.cssselect(".status")[0].text_content().endswith("senaste först")
    weeks = [int(title.text_content().split()[-1]) for title in page.cssselect(".releases h3 a")]
    assert weeks == sorted(weeks, reverse=True)


async def test_form_limits_the_search_as_its_words_and_parameters_do(site: Site) -> None:
    page = await site.page("/search?q=vägarna&from=2023&to=2023-02&questions=no&order=oldest")
    form = page.cssselect("form.search")[0]
    assert dict(form.form_values()) == {  # type: ignore[attr-defined]
        **{"q": "vägarna", "from": "2023-01-01", "to": "2023-02-28"},
        **{"questions": "no", "order": "oldest"},
    }
    data = await get_json(site, "q=vägarna+from:2023+to:2023-02&questions=no&order=oldest")
    typed = await get_json(site, "q=vägarna&from=2023&to=2023-02&questions=no&order=oldest")
    assert data["total"] == typed["total"] > 0
    assert [row["release"] for row in data["releases"]] == [
        row["release"] for row in typed["releases"]
    ]
    assert typed["self"].endswith("from=2023-01-01&to=2023-02-28&order=oldest")
    assert typed["days"] == {"from": "2023-01-01", "to": "2023-02-28"}
    dates = [row["published"] for row in typed["releases"]]
    assert dates == sorted(dates)
    chip = page.cssselect(".chips a")[0]
    assert (
        " ".join(chip.attrib["aria-label"].split()) == "Ta bort filtret Från och med 1 januari 2023"
    )
    assert "from=" not in chip.attrib["href"]
    assert (await get_json(site, "from=2023-02-30&to=fyr"))["notes"] == [
        {"note": "not_read", "words": "from=2023-02-30"},
        {"note": "not_read", "words": "to=fyr"},
    ]
    box = (await site.page("/search?attachments=yes")).cssselect("input[name=attachments]")[0]
    assert box.get("checked") is not None


async def test_filters_follow_the_results_and_offer_a_choice(site: Site) -> None:
    page = await site.page("/search")
    assert [element.get("id") for element in page.cssselect("#narrow, #hits")] == ["hits", "narrow"]
    assert page.cssselect(".skip")[1].get("href") == "#hits"
    facets = [heading.text_content() for heading in page.cssselect("#narrow h2")]
    assert facets == ["Myndighet", "Typ", "År", "Ämnesord", "Frågor och svar", "Bilagor"]
    links = page.cssselect(".exclude")
    assert {link.text_content() for link in links} == {"−"}
    assert all(link.attrib["aria-label"].startswith("Uteslut ") for link in links)
    # with one value of most facets
    page = await site.page("/search?agency=vagmyndigheten&q=vägarna")
    assert [heading.text_content() for heading in page.cssselect("#narrow h2")] == ["Ämnesord"]
    assert page.text_content().count("Senast insamlat") == 1
    assert "Senast insamlat" in page.cssselect("#hits > :last-child")[0].text_content()


@pytest.mark.parametrize(
    ("query", "facets"),
    [
        ("q=rörsångaren", ["Myndighet", "Typ", "År", "Ämnesord"]),  # a single result
        ("q=dinosaurie", []),
        ("q=fyrar&year=1999", ["År"]),  # what another choice would find
    ],
)
async def test_filters_keep_their_place(site: Site, query: str, facets: list[str]) -> None:
    page = await site.page(f"/search?{query}")
    assert [heading.text_content() for heading in page.cssselect("#narrow h2")] == facets
    assert bool(page.cssselect("#narrow > .quiet")) is not bool(facets)
    (columns,) = page.cssselect(".columns.filtered")
    assert columns[-1].cssselect("#narrow")
    assert page.cssselect(".skip")[1:] == [] or page.get_element_by_id("hits") is not None


async def test_form_folds_its_filters(site: Site) -> None:
    page = await site.page("/search?q=vägarna&from=2023-02")
    assert page.cssselect("h1.unseen")
    fields = page.cssselect(".line > .fold input")
    assert [field.get("value") for field in fields] == ["2023-02-01", ""]
    assert not page.cssselect(".more[open]")
    assert (await site.page("/search?q=vägarna&versions=all")).cssselect(".more[open]")
    assert not (await site.page("/search")).cssselect("h1.unseen")


async def test_examples_have_hits(site: Site, history_site: Site, empty_site: Site) -> None:
    for searched, some in (
        (site, {"Med bilagor", "Med frågor och svar"}),
        (history_site, {"Ändrade i efterhand"}),
    ):
        get_search_columns(searched.datasette).forget()  # what tests with lower limits found
        page = await searched.page("/search")
        links = {link.text_content(): link.attrib["href"] for link in page.cssselect(".shows a")}
        assert some <= links.keys()
        counts = [count.text_content() for count in page.cssselect(".shows .count")]
        for link, count in zip(links.values(), counts, strict=True):
            assert (
                (await searched.page(link)).cssselect(".status")[0].text_content().startswith(count)
            ), link
    assert any(text.startswith('borttaget:"') for text in links)
    for path in ("/search?q=fyr", "/search?page=2"):
        assert not (await site.page(path)).cssselect(".shows")
    assert not (await empty_site.page("/search")).cssselect(".shows")


async def test_questions_are_chosen_by_tab(site: Site) -> None:
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


async def test_hit_explains_its_match(site: Site) -> None:
    page = await site.page("/search?q=rörsångare")
    assert len(page.cssselect("details.why")) == 1
    first = page.cssselect("details.why ol > li")[0]
    assert first.cssselect("a")[0].get("href") == "#hit-1"
    explanation = " ".join(first.cssselect("ul li")[0].text_content().split())
    assert explanation.startswith(
        "”rörsångare” finns i ingressen (rörsångaren), texten (rörsångaren)"
    )
    assert page.cssselect(".note") == []


async def test_capped_search_states_its_order(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    lower_limits(monkeypatch, 25)
    for order, sentence in (
        ("best", "Releases with all the words in the title come first, then the newest."),
        ("newest", "The newest come first."),
    ):
        text = await site.text(f"/search?q=vägarna&order={order}&lang=en")
        assert f"Not all results have been counted. {sentence}" in text


async def test_page_beyond_the_end_shows_the_last(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.search.loose_hits.ENOUGH_HITS", PAGED)
    page = await site.page("/search?q=vägarna&page=99999&lang=en")
    assert (
        "There is no page “99999”: there are not that many pages of results."
        in page.cssselect(".note")[0].text_content()
    )
    assert len(page.cssselect("ol.releases > li")) == PAGED - 40
    assert page.cssselect("nav.pages span")[0].text == "Page 3 of 3"
    assert "page=3" in page.cssselect(".formats a[href*='search.json']")[0].attrib["href"]


async def test_page_links_to_its_data(site: Site) -> None:
    page = await site.page("/search?q=fyrar&page=1&lang=en")
    for link in page.cssselect("link[rel=alternate][type]"):
        response = await site.get(link.attrib["href"])
        assert response.status_code == 200
        assert response.headers["content-type"].partition(";")[0] == link.get("type")


# JSON


async def test_json(site: Site) -> None:
    found = await get_json(site, "q=vägarna&year=2023&size=5")
    assert (found["capped"], found["order"], found["pages"]) == (
        False,
        "best",
        -(-found["total"] // 5),
    )
    assert len(found["releases"]) == 5
    assert found["releases"][0]["matched"].startswith("vägarna")
    following = (await site.get(found["next"].removeprefix("http://localhost"))).json()
    assert following["page_number"] == 2
    assert {row["release"] for row in found["releases"]}.isdisjoint(
        row["release"] for row in following["releases"]
    )
    assert found["facets"]["agency"] == [
        {"value": "vagmyndigheten", "name": "Vägmyndigheten", "count": found["total"]}
    ]
    assert found["facets"]["year"] == [
        {"value": "2023", "name": "2023", "count": PAGED, "total": PAGED + 1}
    ]
    (pair,) = (await get_json(site, "q=betalar&show=questions"))["questions"]
    assert (pair["question"], pair["answered_by"]) == ("Vem betalar?", "Bo Strand")
    assert pair["page"].endswith("#question-2")
    searched = (await get_json(site, "q=dinosaurie&agency=fyrstyrelsen"))["searched"]
    assert (searched["total"], searched["stored"]) == (2, PAGED + 5)


async def test_invalid_parameter_is_ignored_with_a_note(site: Site) -> None:
    found = await get_json(site, "q=vägarna&order=worst")
    assert (found["page_number"], found["total"], len(found["releases"])) == (1, PAGED, 20)
    assert "order" not in found["self"]
    assert found["notes"] == [{"note": "not_read", "words": "order=worst"}]
    found = await get_json(site, "q=vägarna&kind=banana")
    assert found["total"] == 0
    assert f"`{json.dumps(found['notes'][0])}`" in (ROOT / "docs/api.md").read_text("utf-8")


@pytest.mark.parametrize("page", ["4", "99999", "9" * 30])
async def test_data_beyond_the_last_page_is_empty(site: Site, page: str) -> None:
    found = await get_json(site, f"q=vägarna&page={page}")
    assert (found["releases"], found["next"], found["total"], found["pages"]) == (
        [],
        None,
        PAGED,
        3,
    )
    assert [note["note"] for note in found["notes"]] == ["no_page"]
    assert len((await site.get(f"/search.csv?q=vägarna&page={page}")).text.splitlines()) == 1


# Files


async def follow_pages(site: Site, url: str) -> list[dict[str, Any]]:
    """Return the rows of all pages of a search."""
    rows: list[dict[str, Any]] = []
    while url:
        found = (await site.get(url)).json()
        assert found["releases"] or not found["total"], "a page after the last"
        rows += found["releases"]
        url = (found["next"] or "").removeprefix("http://localhost")
    return rows


@pytest.mark.parametrize(
    ("query", "max_hits"),
    [
        ("", 10),
        ("q=vägarna", 10_000),
        ("q=vägarna&order=newest&year=2023", 10),
        ("tag=Väglag", 10_000),
        ("q=xyzzy", 10),
    ],
)
async def test_files_have_every_hit(
    site: Site, monkeypatch: pytest.MonkeyPatch, query: str, max_hits: int
) -> None:
    lower_limits(monkeypatch, max_hits)
    monkeypatch.setattr("archive.search.results.HIT_BATCH", 7)
    rows = await follow_pages(site, f"/search.json?{query}&size=9")
    sheet = list(
        csv.DictReader(io.StringIO((await site.get(f"/search.csv?{query}")).text, newline=""))
    )
    assert [int(row["release"]) for row in sheet] == [row["release"] for row in rows]
    response = await site.get(f"/search.xlsx?{query}")
    words = {"q=vägarna": "vagarna", "q=xyzzy": "xyzzy"}.get(
        query.split("&", maxsplit=1)[0], "search"
    )
    name = f"{words}-{datetime.now(ZoneInfo('Europe/Stockholm')):%Y-%m-%d}.xlsx"
    assert response.headers["content-disposition"] == f'attachment; filename="{name}"'
    cells = [
        {name: str(value) if isinstance(value, int) else value for name, value in row.items()}
        for row in read_list(response.content, "", list(sheet[0]) if sheet else [])
    ]
    assert cells == [
        {name: build_cell(name, value) for name, value in row.items()} for row in sheet
    ]
    found = await get_json(site, f"{query}&size=1")
    assert found["capped"] or found["total"] + found["loose"] == len(rows)
    if rows and not found["capped"]:
        assert f"CSV och Excel: {len(rows)} rader" in await site.text(f"/search?{query}")


async def test_loose_hits_are_marked_and_not_in_the_feed(uncrawled_site: Site) -> None:
    site = uncrawled_site
    query = build_query("tänds rörsångaren")  # each word is in another release
    page = await site.page(f"/search?{query}")
    assert page.get_element_by_id("loose").text_content() == "2 träffar stämmer delvis"
    data = await get_json(site, query)
    assert (data["total"], data["loose"]) == (0, 2)
    assert {row["title"]: row["match"] for row in data["releases"]} == {
        LIGHTHOUSES: "loose",
        WARBLERS: "loose",
    }
    rows = list(csv.DictReader(io.StringIO((await site.get(f"/search.csv?{query}")).text)))
    assert [row["match"] for row in rows] == ["loose", "loose"]
    workbook = (await uncrawled_site.get(f"/search.xlsx?{query}&lang=sv")).content
    cells = read_table(workbook)
    assert [row["Typ av träff"] for row in cells] == ["stämmer delvis"] * 2
    assert {row["Typ"] for row in cells} <= {"pressmeddelande", "nyhet", "artikel", None}
    assert "Borttaget" not in cells[0], "a column without values"
    assert "2 rader är träffar som bara stämmer delvis" in str(read_sheet(workbook, 2))
    query_lacking = build_query("tändning rubrik:xyzzy")
    page = await site.page(f"/search?{query_lacking}")
    assert [line.text_content() for line in page.cssselect("#hit-1 .quiet")] == [
        "Saknar: rubrik:xyzzy",
        "Saknar tändning, men har: tänds",
    ]
    (row,) = (await get_json(site, query_lacking))["releases"]
    assert (row["missing"], row["related"]) == ("title:xyzzy", "tändning: tänds")
    feed = feedparser.parse((await site.get(f"/search.atom?{query}")).content)
    assert feed.entries == []
    for strict, total in (("tänds", 1), ('"tänds" "rörsångaren"', 0), ("+tänds +rörsångaren", 0)):
        data = await get_json(site, build_query(strict))
        assert [row["match"] for row in data["releases"]] == ["strict"] * total


async def test_csv_of_one_page_links_to_the_next(site: Site) -> None:
    response = await site.get("/search.csv?q=vägarna&size=30")
    assert response.links["next"]["url"].endswith("/search.csv?q=v%C3%A4garna&page=2&size=30")
    assert len(response.text.splitlines()) == 31
    assert "next" not in (await site.get("/search.csv?q=vägarna&size=30&page=2")).links
    (row,) = csv.DictReader(io.StringIO((await site.get("/search.csv?q=fyrar")).text, newline=""))
    assert row["title"] == LIGHTHOUSES
    assert row["page"].startswith("http")


# Atom; new releases are tested in test_feeds.py


@pytest.fixture(scope="module")
def uncrawled_site(
    site: Site, sample_archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """The sample archive without crawls.

    It depends on `site`, whose plugins must be unregistered last.
    """
    path = Path(shutil.copy(sample_archive, tmp_path_factory.mktemp("uncrawled") / "archive.db"))
    with Archive(path) as stored:
        stored.db.execute("delete from crawls")
        release = Release(
            agency="fyrstyrelsen",
            url="https://fyr.example/manad",
            title="Läget i december",
            body="Lugnt.",
            body_html="<p>Lugnt.</p>",
            published=Month(2024, 12, 1),
        )
        import_release(stored, release, SEEN)
    with served(path) as datasette:
        yield Site(datasette)


async def test_feed_of_uncrawled_archive_uses_publication_dates(uncrawled_site: Site) -> None:
    feed = feedparser.parse(
        (await uncrawled_site.get("/search.atom?q=vassen+OR+fyrar&order=best")).text
    )
    assert not feed.bozo
    assert [entry.title.partition(": ")[2] for entry in feed.entries] == [LIGHTHOUSES, WARBLERS], (
        "newest first"
    )
    assert [entry.updated for entry in feed.entries] == [entry.published for entry in feed.entries]
    other = feedparser.parse((await uncrawled_site.get("/search.atom?q=fyrar")).text)
    assert other.entries[0].id == feed.entries[0].id, "a release has one id in every feed"
    assert other.feed.id != feed.feed.id
    assert feed.feed.links[0].href.endswith("/search.atom?q=vassen+OR+fyrar&order=newest&size=30")
    assert (
        feedparser.parse((await uncrawled_site.get("/search.atom?q=grusvägar")).text).entries == []
    ), "no date"


async def test_feed_has_no_day_for_a_month(uncrawled_site: Site) -> None:
    (entry,) = feedparser.parse((await uncrawled_site.get("/search.atom?q=december")).text).entries
    assert "published" not in entry
    assert entry.updated == SEEN.isoformat()
    assert "december 2024" in entry.summary


# Any input


@pytest.mark.slow("extreme input")
async def test_no_query_is_an_error_or_slow(site: Site) -> None:
    await site.get("/search?q=fyrar")  # loads the dictionaries
    for text in (*TYPED, *LONG):
        start = time.process_time()
        response = await site.get(f"/search?{build_query(text)}")
        assert response.status_code == (
            200 if len(text) <= SandboxLimits().max_parameter_length else 400
        ), text[:60]
        assert time.process_time() - start < MAX_SECONDS, text[:60]
        assert "<script" not in response.text
        assert len(response.content) < MAX_PAGE_BYTES, text[:60]


@pytest.mark.parametrize("extension", ["json", "csv", "atom"])
async def test_no_query_is_an_error_as_data(site: Site, extension: str) -> None:
    for text in TYPED[::9]:
        assert (await site.get(f"/search.{extension}?{build_query(text)}")).status_code == 200


@pytest.mark.slow("extreme input")
async def test_no_parameter_is_an_error(site: Site) -> None:
    values = [*TYPED[::3], *TYPED[-15:], *OPERATORS, *WORDS, "x" * 3_000]
    names = [facet + suffix for facet in FACETS for suffix in ("", EXCLUDE_SUFFIX)]
    for start in range(0, len(values), 10):
        chosen = values[start : start + 10]  # a URL may have 200 parameters
        pairs = [(name, value) for name in names for value in chosen]
        pairs += [(name, chosen[0]) for name in ("order", "show", "page", "size", "from", "to")]
        for path in ("/search", "/search.json"):
            response = await site.get(
                f"{path}?q=vägarna&{urlencode(pairs, errors='surrogatepass')}"
            )
            assert response.status_code == 200, chosen


@pytest.mark.parametrize(
    "text", ["vägarna OR " + "å" * 9_000, "vägarna" + " -ö" * 3_000], ids=["word", "many words"]
)
async def test_page_repeats_only_the_beginning_of_a_long_query(site: Site, text: str) -> None:
    page = (await site.get(f"/search?{build_query(text)}")).text
    assert page.count("search?q=v%C3%A4garna") > 20
    assert "högst 32 ord och 2\u00a0000 tecken" in page
    found = await get_json(site, build_query(text))
    assert found["notes"][0]["note"] == "cut"
    assert found["total"] == PAGED


# Links and messages of the page


async def test_second_page_of_a_search(site: Site) -> None:
    page = await site.page("/search?q=vägarna&page=2")
    assert "45 meddelanden" in page.cssselect(".status")[0].text_content()
    assert {mark.text for mark in page.cssselect(".excerpt mark")} == {"vägarna"}
    assert page.cssselect("ol.releases")[0].get("start") == "21"
    assert page.cssselect("input[name=q]")[0].get("value") == "vägarna"
    links = {
        link.text_content().strip(" ←→"): link.get("href") for link in page.cssselect(".pages a")
    }
    assert links == {
        "Föregående sida": "/search?q=v%C3%A4garna",
        "Nästa sida": "/search?q=v%C3%A4garna&page=3",
    }


async def test_facet_links_to_as_many_hits_as_it_states(site: Site) -> None:
    facets = (await site.page("/search?q=vägarna&year=2023")).cssselect("aside .counted li")
    assert len(facets) > 10
    for facet in facets[:8]:
        status = await site.page(facet.cssselect("a")[0].attrib["href"])
        count = facet.cssselect(".count")[0].text_content().split()[0]
        assert status.cssselect(".status")[0].text_content().split()[0] == count


async def test_filter_is_removed_by_link(site: Site) -> None:
    page = await site.page("/search?q=vägarna&agency=vagmyndigheten")
    (chip,) = page.cssselect(".chips a")
    assert chip.get("aria-label") == "Ta bort filtret Vägmyndigheten"
    assert chip.get("href") == "/search?q=v%C3%A4garna"
    assert page.cssselect("input[type=hidden][name=agency]")[0].get("value") == "vagmyndigheten"


async def test_page_without_hits_has_advice(site: Site) -> None:
    text = await site.text("/search?q=dinosaurie")
    assert "Inga meddelanden hittades" in text
    assert f"meddelanden från Vägmyndigheten ({PAGED + 2}), Fyrstyrelsen (2)" in text
    assert "inga bokstäver eller siffror" in await site.text("/search?q=?!")
    (link,) = (await site.page("/search?q=fyrar&year=1999")).xpath("//a[text()='Sök utan filter']")
    assert not (await site.page(link.get("href"))).cssselect(".chips")
    (link,) = (await site.page("/search?q=hamnarna")).xpath("//a[starts-with(text(), 'Fråga 2:')]")
    assert link.get("href").endswith("#question-2")


async def test_search_that_takes_too_long_is_a_503_page(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.get("/")

    def interrupt(sql: str, values: Any, *_: Any) -> None:
        raise QueryInterrupted(None, sql, values)

    monkeypatch.setattr("archive.web.requests.run_with_cpu_limit", interrupt)
    response = await site.get("/search?q=vägarna")
    assert response.status_code == 503
    assert "Sökningen tog för lång tid." in response.text
    assert 'value="vägarna"' in response.text


# Datasette's own search


async def find_in_table(site: Site, query: str) -> list[str]:
    """Return the titles that a search in Datasette's table finds, sorted."""
    response = await site.get(f"/archive/releases.json?_shape=array&_size=100&{query}")
    assert response.status_code == 200, response.text
    return sorted(row["title"] for row in response.json())


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("_search=fyren", [LIGHTHOUSES]),
        ("_search=FYRARNAS", [LIGHTHOUSES]),
        ('_search="tre fyrar"', [LIGHTHOUSES]),
        ("_search=fyr -dinosaurie", [LIGHTHOUSES]),
        ("_search=dinosaurie OR fyrarna", [LIGHTHOUSES]),
        ("_search=fyr*", [LIGHTHOUSES]),
        ("_search=dinosaurie", []),
        ("_search=?!", []),
        ("_search_title=fyren", [LIGHTHOUSES]),
        ("_search_title=fyren&_search_lead=dinosaurie", []),
        ("_searchmode=raw&_search=title:fyr", [LIGHTHOUSES]),
        ("_searchmode=raw&_search=fyrarnas", []),  # an FTS5 expression of lemmas
    ],
)
async def test_table_is_searched_by_lemmas(site: Site, query: str, titles: list[str]) -> None:
    assert await find_in_table(site, query) == titles


@pytest.mark.parametrize(
    "text",
    [
        *("myndighet:fyrstyrelsen", "myndighet:vägmyndigheten vägarna", "myndighet:ingen"),
        *(
            "från:2024-06",
            "till:2023",
            "fyrar från:2020",
            "-vägarna",
            "-från:2020",
            "(från:2024 OR -vägarna) fyr*",
        ),
        *("fråga:betalar", "fråga:betalar OR rubrik:sångarna", "svar:hamnarna -rubrik:fyrar"),
        *("ämne:sjöfart OR rubrik:sångarna", '"\ue000" AND (', "?!", ""),
    ],
)
async def test_table_has_the_hits_of_the_search_page(site: Site, text: str) -> None:
    found = await get_json(site, f"size=100&q={quote(text)}")
    strict = [row["title"] for row in found["releases"] if row["match"] == "strict"]
    assert await find_in_table(site, f"_search={quote(text)}") == sorted(strict)


async def test_table_search_as_csv_and_page(site: Site) -> None:
    lines = (
        (await site.get("/archive/releases.csv?_search=fyrarnas&_col=title"))
        .text.strip()
        .splitlines()
    )
    assert lines[1:] == [f"2,{LIGHTHOUSES}"]
    assert LIGHTHOUSES in await site.text("/archive/releases?_search=fyrarnas&_facet=agency")


@pytest.mark.parametrize(
    ("text", "count"),
    # the last one's text has "frågor"
    [("myndighet:dinosaurie", 0), ("fråga:vägarna", 0), ("fråga:inventerare", 1)],
)
async def test_escape_fts_searches_for_filters_as_words(site: Site, text: str, count: int) -> None:
    sql = f"select count(*) as n from search where search match escape_fts('{text}')"
    assert (await site.get(f"/archive.json?_shape=array&sql={quote(sql)}")).json() == [{"n": count}]


@pytest.mark.parametrize(
    "text", ['"', "NEAR(", "-", "*", "a AND", "(((", "för:till", "{title}: x", "%00", "'"]
)
async def test_no_query_of_a_table_is_an_error(site: Site, text: str) -> None:
    await find_in_table(site, f"_search={text}")


async def test_invalid_raw_query_is_a_400(site: Site) -> None:
    assert (await site.get('/archive/releases.json?_searchmode=raw&_search="')).status_code == 400


# Earlier versions

FORMER = f"q={quote('fyrtio båtar')}&versions=all"  # of the third version of an edited release


async def test_former_hit_states_when_the_words_disappeared(history_site: Site) -> None:
    assert "fyrtio båtar" not in await history_site.text(f"/search?q={quote('fyrtio båtar')}")
    assert "Saknar: fyrtio" in await history_site.text(f"/search?q={quote('fyrtio båtar')}")
    page = await history_site.page(f"/search?{FORMER}")
    (line,) = page.cssselect("li .former")
    text = " ".join(line.text_content().split())
    assert text.startswith("Orden finns inte längre i texten. De togs bort mellan två kontroller: ")
    (link,) = line.cssselect("a")
    comparison = await history_site.page(link.attrib["href"])
    assert "fyrtio båtar" in [mark.text_content() for mark in comparison.cssselect("mark")]
    (excerpt,) = page.cssselect("li .excerpt")
    assert "Förra året byggdes fyrtio båtar" in excerpt.text_content()
    assert page.cssselect("input[name=versions][checked]")
    assert not (await history_site.page("/search?q=stöd")).cssselect(
        "input[name=versions][checked]"
    )
    links = [
        urlsplit(each.attrib["href"]).query for each in page.cssselect("#narrow li a, .tabs a")
    ]
    assert all("versions=all" in query for query in links)
    assert "no longer in the text" in (await history_site.text(f"/search?{FORMER}&lang=en")).lower()


@pytest.mark.parametrize(
    "words", ["fyrtio båtar", '"fyrtio båtar"'], ids=["looser hits", "no hits"]
)
async def test_search_without_hits_leads_to_earlier_versions(
    history_site: Site, words: str
) -> None:
    """The way to what the agency has removed comes first: right below the heading that says that
    nothing was found.
    """
    path, text = f"/search?q={quote(words)}", "1 meddelande hade orden i en tidigare version"
    (link,) = (await history_site.page(path)).xpath(
        "//h2[text()='Inga meddelanden hittades' or"
        " text()='0 meddelanden']/"
        "following::p[not(@class='order' or @class='jump')][1]/a"
    )
    assert link.text == text
    assert (await history_site.page(link.get("href"))).cssselect("li .former")
    assert text not in await history_site.text(f"{path}&show=questions")
    assert text not in await history_site.text(f"{path}&versions=all&year=1999")
    assert text not in await history_site.text("/search?q=stöd")


async def test_former_hit_in_each_format(history_site: Site) -> None:
    found = await get_json(history_site, FORMER)
    assert (found["total"], found["former"]) == (1, 1)
    (row,) = found["releases"]
    assert (row["match"], row["change"], row["matched"]) == ("former", "former", "fyrtio, båtar")
    assert [row["kind"] or "none"] == [each["value"] for each in found["facets"]["kind"]]
    assert row["checked_before"] < row["checked_after"]
    assert row["comparison"].endswith(f"/-/diff/{row['before']}/{row['after']}")
    (record,) = csv.DictReader(io.StringIO((await history_site.get(f"/search.csv?{FORMER}")).text))
    assert {name: "" if row[name] is None else str(row[name]) for name in record} == record
    workbook = (await history_site.get(f"/search.xlsx?{FORMER}")).content
    assert "Senast kontrollerat före ändringen" in str(read_table(workbook))
    assert (
        "versions=all"
        in feedparser.parse((await history_site.get(f"/search.atom?{FORMER}")).text).feed.link
    )
    plain = await get_json(history_site, f"q={quote('båtar')}")
    assert not {"former", "change"} & {*plain, *plain["releases"][0]}


async def test_edits_are_found_by_what_they_removed(history_site: Site) -> None:
    found = await get_json(history_site, f"q={quote('borttaget:fyrtio')}")
    (row,) = found["releases"]
    assert (row["match"], row["change"]) == ("strict", "removed")
    page = await history_site.text(f"/search?q={quote('tillagt:30 borttaget:20')}")
    assert "Orden ändrades mellan " in page
    assert "Jämför versionerna" in page


@pytest.mark.parametrize(
    ("options", "status", "number"),
    [
        ("_search=fyrtio", 200, 0),
        ("_search=fyrtio&_versions=all", 200, 1),
        ("_search=borttaget:fyrtio", 200, 1),
        ("_search=fyrtio&_versions=all&agency=fyrstyrelsen", 200, 0),
        ("_search=fyrtio&_versions=some", 400, 0),
        ("_versions=all", 400, 0),
    ],
)
async def test_table_searches_in_versions(
    history_site: Site, options: str, status: int, number: int
) -> None:
    response = await history_site.get(f"/archive/releases.json?{options}")
    assert response.status_code == status
    assert len(response.json().get("rows", [])) == number


async def test_other_tables_have_no_versions(history_site: Site) -> None:
    assert (await history_site.get("/archive/questions.json?_versions=all")).status_code == 400


async def test_earlier_versions_are_not_searched_among_questions(history_site: Site) -> None:
    assert "omfattar bara meddelanden" in await history_site.text(
        "/search?q=stöd&versions=all&show=questions"
    )
    assert "”versions=new” i adressen" in await history_site.text("/search?q=stöd&versions=new")


async def test_words_in_a_caption_of_an_earlier_version_are_shown(tmp_path: Path) -> None:
    pictured = Release(
        agency="fyr",
        url="https://fyr.example/1",
        title="En fyr",
        body="Text.",
        body_html="<p>Text.</p>",
        images=(Image(url="https://fyr.example/1.jpg", caption="Utsikt mot fyrskeppet"),),
    )
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        for release in (pictured, replace(pictured, images=())):
            archive.save(release, seen_at=SEEN)
    with served(tmp_path / "archive.db") as datasette:
        page = await Site(datasette).text("/search?q=fyrskepp&versions=all")
    assert "Utsikt mot fyrskeppet" in page
    assert "finns i en bildtext" in page


# Hits over time


async def test_columns_of_the_picture_link_to_their_hits(site: Site) -> None:
    for query in (
        "q=vägarna",
        "q=kring OR fyrar&lang=en",
        "q=kring&agency=vagmyndigheten&kind=news",
    ):
        page = await site.page(f"/search?{query}")
        rows = page.cssselect(".numbers tbody tr")
        assert len(rows) > 5
        links = [link.get("href") for row in rows for link in row.cssselect("a")]
        assert [each.get("href") for each in page.cssselect(".over a")] == links
        for row in [row for row in rows if row.cssselect("a")][:: len(links) - 1]:
            count = row.cssselect("td")[0].text_content().split()[0]
            found = await site.page(row.cssselect("a")[0].attrib["href"])
            assert found.cssselect(".status")[0].text_content().split()[0] == count


async def test_chart_says_what_is_counted(site: Site) -> None:
    titles = {
        "q=vägarna": "Meddelanden per månad med ”vägarna”",
        "q=vägarna&agency=vagmyndigheten&lang=en": (
            "Releases per month from Roads Authority with “vägarna”"
        ),
        "agency=vagmyndigheten": "Meddelanden per månad från Vägmyndigheten",
        'q="vägarna"&kind=news': "Meddelanden per månad med ”vägarna” (med valda filter)",
    }
    for query, title in titles.items():
        page = await site.page(f"/search?{query}")
        assert page.cssselect(".chart figcaption")[0].text_content() == title
        assert page.cssselect(".chart svg[role=img] > title")[0].text_content() == title


async def test_chart_states_what_it_leaves_out(site: Site) -> None:
    text = await site.text("/search?agency=vagmyndigheten")
    assert "1 träff utan publiceringsdatum är inte med." in text
    assert "Arkivet har inga meddelanden från mars 2022–december 2022." in text
    assert "Arkivet har meddelanden till och med 13 november 2023." in text
    assert "Arkivet började läsa" not in text
    text = await site.text("/search?q=vägarna")
    assert "Arkivet började läsa myndigheternas webbplatser 3 juni 2024." in text
    assert "Bara aktuella texter räknas." in text
    assert "Bara den senaste texten" not in await site.text("/search?q=vägarna&versions=all")
    assert not (await site.page("/search?q=fyrar")).cssselect(".chart")  # in one month only


async def test_picture_shows_all_of_the_chosen_time(site: Site) -> None:
    for query in ("q=vägarna&from=2020-01-01&to=2024-12-31", "q=vägarna från:2020 till:2024"):
        months = [
            each.text_content()
            for each in (await site.page(f"/search?{query}")).cssselect(".numbers tbody th")
        ]
        # of any releases in the archive
        assert (months[0], months[-1]) == ("februari 2022", "juni 2024")
    months = [
        each.text_content()
        for each in (await site.page("/search?q=vägarna")).cssselect(".numbers tbody th")
    ]
    assert (months[0], months[-1]) == ("januari 2023", "november 2023")


async def test_search_for_answers_without_hits_leads_to_releases(site: Site) -> None:
    page = await site.page("/search?q=rymdraket&show=questions")
    assert page.cssselect(".notice a")[0].get("href") == "/search?q=rymdraket"


async def test_search_links_to_its_comparison(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_link(page: Any) -> str | None:
        return next((each.get("href") for each in page.cssselect("a[href*='/-/over-time']")), None)

    assert find_link(await site.page("/search?q=vägarna&agency=vagmyndigheten&lang=en")) == (
        "/-/over-time?q=v%C3%A4garna&agency=vagmyndigheten&lang=en"
    )
    limited = find_link(await site.page("/search?q=vägarna&from=2022-01-01&to=2023-06-30"))
    assert limited == f"/-/over-time?{urlencode({'q': 'vägarna från:2022-01-01 till:2023-06-30'})}"
    for query in ("", "kind=news", "versions=all", "show=questions"):
        assert find_link(await site.page(f"/search?{query}")) is None
    lower_limits(monkeypatch, 10)
    monkeypatch.setattr("archive.search.counts_by_period.MAX_PAGE_HITS", 10)
    page = await site.page("/search?q=vägarna&size=5")
    assert not page.cssselect(".chart")
    assert "räknas inte per år här" in page.text_content()
    assert find_link(page)


@pytest.mark.parametrize(
    ("words", "earlier"),
    [
        ('"20 miljoner"', 1),  # until it was edited
        ('"30 miljoner kronor i år"', None),  # the current text has it
        ('"40 miljoner"', 0),
    ],
)
async def test_words_that_only_an_earlier_version_has(
    history_site: Site, words: str, earlier: int | None
) -> None:
    data = (await history_site.get(f"/search.json?q={quote(words)}")).json()
    assert (data["earlier"], data["total"] > 0) == (earlier, earlier is None)
    page = await history_site.page(f"/search?q={quote(words)}&lang=en")
    links = [link for link in page.cssselect("a") if "in an earlier version" in link.text_content()]
    assert len(links) == bool(earlier)
    if links:
        assert links[0].text_content() == "1 release had these words in an earlier version"
        assert (
            len((await history_site.page(str(links[0].get("href")))).cssselect(".releases h3")) == 1
        )
