"""Tests the pages of people who are quoted, and their data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from archive.evidence.verification import verify
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, redact_passage
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import SEEN, Site, build_release, import_release, served, texts
from tests.archive.workbook import read_table
from tests.case_tables import load_cases

SPOKEN = build_release(
    "hamn",
    "1",
    "Kajen",
    "– Det är klart, säger hamnchef Anna Ek.\n– Vi vilar, säger Anna Ek.",
    published=date(2024, 5, 1),
)
LATER = build_release(
    "hamn",
    "2",
    "Masten",
    "– <b>Nu</b>, säger kajchef Anna Ek.\n– Ja, säger Åsa Li, Hamnpartiet.",
    published=date(2025, 5, 1),
    tags=("Master", "Kajer"),
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
    assert roles == ["kajchef 1 citat maj 2025", "hamnchef 4 citat maj 2024", "mastchef 1 citat"]


async def test_csv_and_feed_of_a_person_and_of_people(quoted_site: Site) -> None:
    quotes = (await quoted_site.json("/person/anna-ek.json"))["quotes"]
    rows = await quoted_site.csv("/person/anna-ek.csv")
    assert [row["text"] for row in rows] == [quote["text"] for quote in quotes]
    feed = await quoted_site.feed("/person/anna-ek.atom")
    assert len({entry.id for entry in feed.entries}) == 4
    response = await quoted_site.get("/people.csv?agency=hamn&size=1")
    assert response.text.splitlines()[1].startswith("anna-ek,Anna Ek,hamn,Hamnverket,4,")
    assert "after=1" in response.headers["link"]


ROLES = {
    "2022": "sjö- och hamnministern Anna Ek",
    "2023": "sjö-och hamnminister Anna Ek",
    "2024": "kajchefen Anna-Maria Ek",
    "2025": "Kajchef Anna Maria Ek",
    "2026": "vice kajchef Anna Maria Ek",
}


@pytest.fixture
def spelled_site(archive: Archive, tmp_path: Path) -> Iterator[Site]:
    """Serve releases with other spellings of names and roles."""
    for year, name in ROLES.items():
        save_quote(
            archive, year, f"– Kajerna klarar år {year}, säger {name}.", date(int(year), 3, 2)
        )
    for number in ("3", "4"):
        text = f"– Inget {number}, säger sjöminister Bo Lindberg."
        save_quote(archive, f"right{number}", text, date(2023, 1, 1))
    misprinted = (
        "Sjöminister Bo Lindberg reser. Bo Lindberg far hem.\n– Jo, säger sjöminister Bo Lindbrg."
    )
    save_quote(archive, "proven", misprinted, date(2023, 5, 1))
    save_quote(archive, "alone", "– Ja, säger sjöminister Bo Lindbreg.", date(2023, 5, 1))
    archive.close()
    with served(tmp_path / "archive.db") as datasette:
        yield Site(datasette)


def save_quote(archive: Archive, name: str, body: str, published: date) -> None:
    url = f"https://hamn.example/{name}"
    archive.save(replace(SPOKEN, url=url, body=body, published=published), seen_at=SEEN)


async def test_spellings_of_a_name_are_one_person(spelled_site: Site) -> None:
    people = {
        row["name"]: row["quotes"] for row in (await spelled_site.json("/people.json"))["people"]
    }
    assert people["Anna Maria Ek"] == 3, "most releases print it without a hyphen"
    assert people["Bo Lindberg"] == 3, "a misprint that the release proves"
    assert people["Bo Lindbreg"] == 1, "and one that it does not"
    quotes = (await spelled_site.json("/person/bo-lindberg.json"))["quotes"]
    assert {quote["speaker"] for quote in quotes} == {"Bo Lindberg", "Bo Lindbrg"}
    page = await spelled_site.text("/person/bo-lindberg")
    assert page.count("i meddelandet skrivs namnet") == 1
    assert "i meddelandet skrivs namnet Bo Lindbrg" in page
    assert (await spelled_site.json('/search.json?q=säger:"Bo Lindberg"'))["total"] == 3


async def test_roles_of_a_person_are_merged_with_times(spelled_site: Site) -> None:
    found = (await spelled_site.json("/person/anna-ek.json"))["roles"]
    assert [(role["role"], role["quotes"]) for role in found] == [
        ("kajchef", 1),
        ("hamnchef", 3),
        ("sjö- och hamnministern", 2),
    ]
    assert (found[2]["first"], found[2]["last"], found[2]["years"]) == (
        "2022-03-02",
        "2023-03-02",
        "2022–2023",
    )
    found = (await spelled_site.json("/person/anna-maria-ek.json"))["roles"]
    assert [(role["quotes"], role["years"]) for role in found] == [(1, "2026"), (2, "2024–2025")]


async def test_former_addresses_lead_to_the_person(archive: Archive, tmp_path: Path) -> None:
    """An archive that was made by the rules before has a person for each spelling."""
    body = (
        "Sjöminister Bo Lindberg reser. Bo Lindberg far hem.\n– Jo, säger sjöminister Bo Lindbrg."
    )
    save_quote(archive, "3", body, date(2023, 5, 1))
    save_quote(archive, "4", "– Ja, säger Anna-Ek Li.", date(2023, 5, 1))
    save_quote(archive, "5", "– Nu, säger Anna Ek Li.", date(2023, 5, 1))
    for slug, name in (("bo-lindbrg", "Bo Lindbrg"), ("anna-ek-li-2", "Anna Ek Li")):
        ((key,),) = archive.db.execute(
            "insert into people (slug, name, agency, key) values (?, ?, 'hamn', ?) returning id",
            [slug, name, f"{name} as before"],
        ).fetchall()
        archive.db.execute("update quotes set person = ? where speaker = ?", [key, name])
    archive.db.execute("update derived_versions set version = 'before' where step = 'quotes'")
    archive.db.conn.commit()
    archive.close()
    with Archive(tmp_path / "archive.db") as opened:
        rows = opened.db.execute(
            "select p.slug, m.slug from people p join people m on m.id = p.same_as order by 1"
        ).fetchall()
        assert rows == [("anna-ek-li-2", "anna-ek-li"), ("bo-lindbrg", "bo-lindberg")]
        assert verify(tmp_path / "archive.db").findings == []
    with served(tmp_path / "archive.db") as datasette:
        site = Site(datasette)
        response = await site.get("/person/bo-lindbrg.json?q=jo")
        assert (response.status_code, response.headers["location"]) == (
            302,
            "/person/bo-lindberg.json?q=jo",
        )
        assert "/person/bo-lindbrg<" not in (await site.get("/sitemap-people.xml")).text
        assert (await site.json('/search.json?q=säger:"Lindbrg"'))["total"] == 1
        assert (await site.json("/search.json?speaker=bo-lindbrg"))["total"] == 1


async def test_quotes_are_searched_and_chosen_by_time(spelled_site: Site) -> None:
    page = await spelled_site.page("/person/anna-ek?q=kajer+2023")
    assert texts(page, "blockquote") == ["Kajerna klarar år 2023"]
    assert texts(page, "blockquote mark") == ["Kajerna", "2023"]
    page = await spelled_site.page("/person/anna-ek?period=2024")
    assert texts(page, "h2.status") == ["3 citat publicerade 2024, senaste först"]
    page = await spelled_site.page("/person/anna-ek")
    assert texts(page, "figcaption") == ["Citat per månad"]
    links = page.cssselect(".numbers tbody td a")
    counts = {link.attrib["href"]: int(link.text or 0) for link in links}
    assert sum(counts.values()) == 6
    for href, count in counts.items():
        assert len((await spelled_site.page(href)).cssselect("blockquote")) == count, href
    assert "Visa alla citat" in await spelled_site.text("/person/anna-ek?q=finns+inte")


async def test_excel_has_all_quotes_and_people(
    quoted_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.views.people.LIST_PAGE_SIZE", 1)
    rows = read_table((await quoted_site.get("/person/anna-ek.xlsx")).content)
    quotes = (await quoted_site.json("/person/anna-ek.json?size=9"))["quotes"]
    assert [row["Citat"] for row in rows] == [quote["text"] for quote in quotes]
    assert rows[0]["Text"] == LATER.body
    assert rows[0]["Citerade personer"] == "Anna Ek; Åsa Li"
    assert rows[0]["Ämnesord"] == "; ".join(LATER.tags)
    people = read_table((await quoted_site.get("/people.xlsx?lang=en")).content)
    assert [(row["Name"], row["Quotations"]) for row in people] == [("Anna Ek", 4), ("Åsa Li", 1)]


@pytest.mark.parametrize(("address", "status"), load_cases(__file__, "errors"))
async def test_errors(quoted_site: Site, address: str, status: int) -> None:
    assert await quoted_site.status(address) == status


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


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], quoted_site: Site) -> None:
    for page in pages:
        await page.check({"quoted": quoted_site})


async def test_an_imported_reading_counts_at_once(archive: Archive) -> None:
    with served(archive.path) as datasette:
        site = Site(datasette)
        before = (await site.json("/people.json?q=eva"))["people"]
        earlier = replace(LATER, body="– Nej, säger Eva Alm.")
        import_release(archive, earlier, SEEN + timedelta(days=9), SEEN - timedelta(days=9))
        after = (await site.json("/people.json?q=eva"))["people"]
    assert (before, [(row["name"], row["quotes"]) for row in after]) == ([], [("Eva Alm", 1)])
