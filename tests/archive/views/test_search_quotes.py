"""The search of quotations: words, speakers, formats, and what never appears."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from archive.store.derived_data import describe_index_fault
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, lift_takedown, redact_passage
from tests.archive.sample import SEEN, Site, build_release, hrefs, served, texts
from tests.archive.workbook import read_table

QUAY = build_release(
    "hamn",
    "1",
    "Kajen får ny belysning",
    "Kranen är gammal.\n\n– Vi bygger fyrarna vid kajen, säger hamnchef Anna Ek. De lyser hela natten.\n\n"
    "– Skeppsbron vilar, enligt SFS 2013:319, säger mastchef Bo Li.",
    published=date(2024, 5, 1),
    kind="news",
)
MAST = build_release(
    "mast",
    "2",
    "Masten",
    "– Kajen är klar, säger mastchef Bo Li.",
    published=date(2025, 5, 1),
)
ENGLISH = build_release(
    "mast",
    "3",
    "The masts are ready",
    "– We are building new masts for all of the harbours, says harbour master Eva Dal.",
    published=date(2023, 5, 1),
    language="en",
)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive(tmp_path / "archive.db") as archive:
        for slug, name in (("hamn", "Hamnverket"), ("mast", "Mastverket")):
            archive.add_agency(slug, name=name, home=f"https://{slug}.example/")
        for release in (QUAY, MAST, ENGLISH):
            archive.save(release, seen_at=SEEN)
        yield archive


@pytest.fixture
def site(archive: Archive) -> Iterator[Site]:
    with served(archive.path) as datasette:
        yield Site(datasette)


async def find(site: Site, query: str) -> list[str]:
    """Return the first word of each quotation that a search finds, in order."""
    rows = (await site.json(f"/search.json?show=quotes&{query}"))["quotes"]
    return [row["text"].split()[0] for row in rows]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=fyr", ["Vi"]),
        ("q=kajer", ["Vi", "Kajen"]),
        ("q=bygger+kajen", ["Vi"]),
        ("q=kajen+belysning", []),  # not in the quotation, but in its release
        ("q=kranen", []),
        ("q=bro", ["Skeppsbron"]),  # the last part of a compound
        ("q=%2Bbro", []),
        ('q="vid kajen"', ["Vi"]),
        ('q="kajen vid"', []),
        ("q=kajen+-fyr", ["Kajen"]),
        ("q=bygg*", ["Vi"]),
        ("q=fyr+OR+klar", ["Vi", "Kajen"]),
        ("q=mast&lang=en", ["We"]),
        ("q=rubrik:belysning+kajen", ["Vi"]),
        ("q=SFS+2013:319", ["Skeppsbron"]),
        ("q=rubrik:belysning+-kajen", ["Skeppsbron"]),
        ("q=säger:Bo", ["Kajen", "Skeppsbron"]),
        ("q=-säger:Bo&order=newest", ["Vi", "We"]),
        ("speaker=bo-li", ["Skeppsbron"]),  # of that agency
        ("speaker=bo-li&speaker=bo-li-2&order=newest", ["Kajen", "Skeppsbron"]),
        ("speaker__not=anna-ek&agency=hamn", ["Skeppsbron"]),
        ("order=oldest", ["We", "Vi", "Skeppsbron", "Kajen"]),
        ("q=kajen&order=newest", ["Kajen", "Vi"]),
        ("q=kajen&year=2024", ["Vi"]),
        ("q=kajen&kind=news", ["Vi"]),
        ("q=kajen&from=2025", ["Kajen"]),
        ("q=kajen&size=1&page=2&order=newest", ["Vi"]),
        ("q=kajen&page=2", []),
        ("q=!!!", []),
    ],
)
async def test_words_are_searched_in_quotations(site: Site, query: str, found: list[str]) -> None:
    assert sorted(await find(site, query)) == sorted(found)
    if "order=" in query:
        assert await find(site, query) == found


async def test_facets_count_quotations(site: Site) -> None:
    facets = (await site.json("/search.json?show=quotes"))["facets"]
    counts = {name: {each["value"]: each["count"] for each in facets[name]} for name in facets}
    assert counts["speaker"] == {"anna-ek": 1, "bo-li": 1, "bo-li-2": 1, "eva-dal": 1}
    assert counts["agency"] == {"hamn": 2, "mast": 2}
    for slug, number in counts["speaker"].items():
        assert len(await find(site, f"speaker={slug}")) == number


async def test_chart_counts_quotations(site: Site) -> None:
    (chart,) = (await site.page("/search?show=quotes&q=kajen")).cssselect(".chart")
    assert "Citat per månad" in chart.text_content()
    assert "kajen: 2 citat" in chart.text_content()


async def test_page_leads_to_speaker_and_place(site: Site) -> None:
    page = await site.page("/search?q=fyr&show=quotes")
    assert texts(page, ".tabs [aria-current]") == ["Citat"]
    assert texts(page, ".status") == ["1 citat, mest relevanta först"]
    assert texts(page, "blockquote mark") == ["fyrarna"]
    assert texts(page, "blockquote") == ["Vi bygger fyrarna vid kajen De lyser hela natten."]
    assert texts(page, "#hits h3") == ["Anna Ek, hamnchef"]
    assert hrefs(page, "#hits h3 a") == ["/person/anna-ek"]
    (place,) = hrefs(page, "#hits .facts a")[:1]
    assert place == (
        "/archive/releases/1?q=fyr&show=quotes&hit=1"
        "#found:~:text=Vi%20bygger%20fyrarna%20vid,De%20lyser%20hela%20natten."
    )
    release = await site.page(place)
    assert "Träff 1 av 1" in release.text_content()
    assert "citatet (fyrarna)" in page.text_content()
    assert not page.cssselect("a[href*='/-/follow?']")  # it would follow whole releases
    assert "Inga citat hittades" in await site.text("/search?q=kranen&show=quotes")
    assert "versioner omfattar bara" in await site.text("/search?q=x&show=quotes&versions=all")


async def test_formats_have_the_same_quotations(site: Site) -> None:
    (row,) = (await site.json("/search.json?q=fyr&show=quotes"))["quotes"]
    assert (row["speaker"], row["person"], row["role"]) == ("Anna Ek", "anna-ek", "hamnchef")
    assert (row["agency"], row["published"], row["matched"]) == ("hamn", "2024-05-01", "fyrarna")
    (record,) = await site.csv("/search.csv?q=fyr&show=quotes")
    assert record == {name: str(row[name] or "") for name in record}
    (cells,) = read_table((await site.get("/search.xlsx?q=fyr&show=quotes&lang=sv")).content)
    assert (cells["Citat"], cells["Namnet som det står i meddelandet"]) == (row["text"], "Anna Ek")
    assert str(cells["Text"]).startswith("Kranen är gammal."), "the text of the release"
    (entry,) = (await site.feed("/search.atom?q=fyr&show=quotes")).entries
    assert entry.title.endswith("Anna Ek: Kajen får ny belysning")
    assert "Vi bygger fyrarna" in str(entry)


async def count_found(archive: Archive, words: str) -> int:
    with served(archive.path) as datasette:
        found: dict[str, Any] = await Site(datasette).json(f"/search.json?show=quotes&q={words}")
    return len(found["quotes"])


async def test_index_follows_edits_and_takedowns(archive: Archive) -> None:
    archive.save(replace(QUAY, body=QUAY.body.replace("fyrarna", "bojarna")), seen_at=SEEN)
    assert (await count_found(archive, "fyr"), await count_found(archive, "boj")) == (0, 1)
    redact_passage(archive, 1, "bojarna", SEEN, reason="Personuppgift")
    assert (await count_found(archive, "boj"), await count_found(archive, "bygger")) == (0, 1)
    assert await count_found(archive, "klar") == 1
    hide_release(archive, 2, SEEN, reason="Domstols beslut")
    assert await count_found(archive, "klar") == 0
    lift_takedown(archive, 2, SEEN, reason="Prövat")
    assert await count_found(archive, "klar") == 1


async def test_earlier_archive_is_indexed_when_it_is_opened(archive: Archive) -> None:
    archive.db.execute("insert into search_quotes (search_quotes) values ('delete-all')")
    archive.db.execute("delete from derived_versions where step = 'quote_search'")
    archive.db.conn.commit()
    assert describe_index_fault(archive.db)
    with Archive(archive.path):
        pass
    assert await count_found(archive, "fyr") == 1
