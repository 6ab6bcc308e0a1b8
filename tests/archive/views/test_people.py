"""Tests the pages of people who are quoted, and their data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from archive.store.releases import Archive
from archive.store.takedowns import hide_release, redact_passage
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import SEEN, Site, build_release, import_release, served, texts
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
    assert roles == ["kajchef 2025", "hamnchef 2024", "mastchef"]


async def test_csv_and_feed_of_a_person_and_of_people(quoted_site: Site) -> None:
    quotes = (await quoted_site.json("/person/anna-ek.json"))["quotes"]
    rows = await quoted_site.csv("/person/anna-ek.csv")
    assert [row["text"] for row in rows] == [quote["text"] for quote in quotes]
    feed = await quoted_site.feed("/person/anna-ek.atom")
    assert len({entry.id for entry in feed.entries}) == 4
    response = await quoted_site.get("/people.csv?agency=hamn&size=1")
    assert response.text.splitlines()[1].startswith("anna-ek,Anna Ek,hamn,Hamnverket,4,")
    assert "after=1" in response.headers["link"]


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
