"""Tests the pages of people who are quoted, and their data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from lxml import etree

from archive.database.models import Release
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, redact_passage
from tests.archive.sample import SEEN, Site, served, texts
from tests.archive.tables import load_cases

SPOKEN = Release(
    agency="hamn",
    url="https://hamn.example/1",
    title="Kajen",
    body="– Det är klart, säger hamnchef Anna Ek.\n– Vi vilar, säger Anna Ek.",
    body_html="<p>…</p>",
    published=date(2024, 5, 1),
)
LATER = replace(
    SPOKEN,
    url="https://hamn.example/2",
    title="Masten",
    published=date(2025, 5, 1),
    body="– <b>Nu</b>, säger kajchef Anna Ek.\n– Ja, säger Åsa Li, Hamnpartiet.",
)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("hamn", name="Hamnverket", home="https://hamn.example/")
        archive.save(SPOKEN, seen_at=SEEN)
        archive.save(
            replace(SPOKEN, body=SPOKEN.body.replace("är klart", "blir klart")), seen_at=SEEN
        )
        archive.save(LATER, seen_at=SEEN)
        yield archive


@pytest.fixture
def quoted_site(archive: Archive, tmp_path: Path) -> Iterator[Site]:
    archive.close()
    with served(tmp_path / "archive.db") as datasette:
        yield Site(datasette)


async def test_person_has_quotes_of_all_versions_and_roles(quoted_site: Site) -> None:
    page = await quoted_site.page("/person/anna-ek")
    release = await quoted_site.page("/archive/releases/1")
    assert texts(release, "a[href='/person/anna-ek']") == ["Anna Ek"]
    assert page.cssselect("h1")[0].text == "Anna Ek"
    assert page.cssselect(".status")[0].text_content().startswith("4 citat")
    quotes = [
        (quote.cssselect("blockquote")[0].text_content(), bool(quote.cssselect(".gone")))
        for quote in page.cssselect(".quotation")
    ]
    assert quotes[0] == ("<b>Nu</b>", False)
    assert sorted(quotes[1:]) == [
        ("Det blir klart", False),
        ("Det är klart", True),
        ("Vi vilar", False),
    ]
    roles = texts(page, "aside li")
    assert roles == ["kajchef 2025", "hamnchef 2024"]


async def test_search_for_a_speaker_leads_to_all_quotations(quoted_site: Site) -> None:
    page = await quoted_site.page("/search?speaker=anna-ek&speaker=ingen&lang=en")
    assert [
        (link.text, link.get("href")) for link in page.cssselect(".opening a[href*='/person/']")
    ] == [("All quotations of Anna Ek", "/person/anna-ek?lang=en")]


async def test_years_of_a_role_are_those_that_releases_state(
    archive: Archive, tmp_path: Path
) -> None:
    body = "– Ja, säger hamnchef Anna Ek.\n– Nej, säger mastchef Anna Ek."
    archive.save(
        replace(SPOKEN, url="https://hamn.example/3", body=body, published=None), seen_at=SEEN
    )
    archive.close()
    with served(tmp_path / "archive.db") as datasette:
        page = await Site(datasette).page("/person/anna-ek")
    roles = texts(page, "aside li")
    assert roles == ["kajchef 2025", "hamnchef 2024", "mastchef"]


async def test_quotes_of_a_person_as_data(quoted_site: Site) -> None:
    data = await quoted_site.json("/person/anna-ek.json?size=3")
    assert (data["name"], data["agency"], data["count"]) == ("Anna Ek", "hamn", 4)
    assert data["roles"] == [
        {"role": "kajchef", "years": "2025"},
        {"role": "hamnchef", "years": "2024"},
    ]
    assert data["next"].endswith("/person/anna-ek.json?after=3&size=3")
    quotes = [
        *data["quotes"],
        *(await quoted_site.json("/person/anna-ek.json?size=3&after=3"))["quotes"],
    ]
    assert sorted((quote["text"], quote["is_current"]) for quote in quotes) == [
        ("<b>Nu</b>", True),
        ("Det blir klart", True),
        ("Det är klart", False),
        ("Vi vilar", True),
    ]
    pages = {quote["text"]: quote["page"].partition("localhost")[2] for quote in quotes}
    assert (pages["Vi vilar"], pages["Det är klart"]) == ("/archive/releases/1", "/-/revision/1")
    rows = [*await quoted_site.csv("/person/anna-ek.csv")]
    assert [row["text"] for row in rows] == [quote["text"] for quote in quotes]
    feed = etree.fromstring((await quoted_site.get("/person/anna-ek.atom")).content)
    ids = feed.findall("{*}entry/{*}id")
    assert len({entry.text for entry in ids}) == 4


async def test_people_are_found_by_the_beginnings_of_their_names(quoted_site: Site) -> None:
    page = await quoted_site.page("/people")
    people = texts(page, ".register-of li")
    assert people == ["Anna Ek 4 citat Hamnverket", "Åsa Li 1 citat Hamnverket"]
    found = {}
    for words in ("ek", "ÅSA", "li as", "nna", "%", ""):
        if words:
            response = await quoted_site.get(f"/people.json?q={words.replace('%', '%25')}")
        else:
            response = await quoted_site.get("/people.json", accept_language="en")
        data = response.json()
        found[words] = [person["person"] for person in data["people"]]
    assert found == {
        "ek": ["anna-ek"],
        "ÅSA": ["asa-li"],
        "li as": ["asa-li"],
        "nna": [],
        "%": [],
        "": ["anna-ek", "asa-li"],
    }
    assert "Ingen som citeras heter ”x”." in await quoted_site.text("/people?q=x")
    csv_page = await quoted_site.get("/people.csv?agency=hamn&size=1")
    assert csv_page.text.splitlines()[1].startswith("anna-ek,Anna Ek,hamn,Hamnverket,4,")
    assert "after=1" in csv_page.headers["link"]


@pytest.mark.parametrize(("address", "status"), load_cases(__file__, "errors"))
async def test_errors(quoted_site: Site, address: str, status: int) -> None:
    assert await quoted_site.status(address) == status


async def test_sitemap_lists_people(quoted_site: Site) -> None:
    assert "/sitemap-people.xml" in (await quoted_site.get("/sitemap.xml")).text
    assert (await quoted_site.get("/sitemap-people.xml")).text.count(
        "<loc>http://localhost/person/"
    ) == 2


async def test_takedowns_hide_quotes(archive: Archive, tmp_path: Path) -> None:
    redact_passage(archive, 1, "Vi vilar", SEEN, reason="Personuppgift")
    redact_passage(archive, 1, "blir klart", SEEN, reason="Personuppgift")
    hide_release(archive, 2, SEEN, reason="Domstols beslut")
    archive.close()
    with served(tmp_path / "archive.db") as datasette:
        site = Site(datasette)
        person = (await site.get("/person/anna-ek.json")).text
        assert "Vi vilar" not in person
        assert "blir klart" not in person
        assert "Nu" not in [
            quote["text"] for quote in (await site.json("/person/anna-ek.json"))["quotes"]
        ]
        assert await site.status("/person/asa-li") == 404
        assert [row["person"] for row in (await site.json("/people.json"))["people"]] == ["anna-ek"]
        rows = (await site.get("/archive/quotes.json?_shape=array")).text
        assert all(words not in rows for words in ("Vi vilar", "blir klart", "<b>Nu</b>"))


async def test_no_quotes(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db"):
        pass
    with served(tmp_path / "archive.db") as datasette:
        assert "Inga citat i arkivet har en namngiven talare." in await Site(datasette).text(
            "/people"
        )
