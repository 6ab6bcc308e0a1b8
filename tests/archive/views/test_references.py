"""The page of a document that releases refer to, its data, and the section on a release's page."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from lxml import etree

from archive.database.models import Release
from archive.store.releases import Archive
from archive.store.takedowns import hide_release
from tests.archive.sample import SEEN, Site, served

KAJ = Release(
    agency="hamn",
    url="https://hamn.example/1",
    title="Kajen",
    body="Ingenting är klart.",
    body_html="<p>…</p>",
    published=date(2024, 5, 1),
)
MAST = replace(KAJ, url="https://hamn.example/2", title="Masten", published=date(2025, 5, 1))
LATER = SEEN + timedelta(days=1)
PATH = "/-/reference/prop/2023/24:99"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("hamn", name="Hamnverket", home="https://hamn.example/")
        hidden = replace(KAJ, url="https://hamn.example/3", body="Se prop. 2023/24:99 (U 2022:02).")
        archive.save(KAJ, seen_at=SEEN)
        archive.save(replace(KAJ, body="Se prop. 2023/24:99, dnr 2024/1."), seen_at=LATER)
        archive.save(replace(MAST, body="Enligt Prop 2023/24:99 rivs masten."), seen_at=SEEN)
        archive.save(replace(MAST, body="Masten rivs (SOU 2023:12)."), seen_at=LATER)
        archive.save(hidden, seen_at=SEEN)
        hide_release(archive, 3, LATER, reason="fel")
    with served(tmp_path / "archive.db") as datasette:
        yield Site(datasette)


async def test_page_has_releases_of_all_versions(site: Site) -> None:
    page = await site.page(PATH)
    assert page.cssselect("h1")[0].text == "prop. 2023/24:99"
    assert page.cssselect(".status")[0].text_content().startswith("2 meddelanden")
    items = [" ".join(item.text_content().split()) for item in page.cssselect(".releases li")]
    assert items[0].startswith("Masten Enligt Prop 2023/24:99 rivs masten.")
    assert "bara i en tidigare version" in items[0]
    assert "tillkom i en ändring" in items[1]
    assert [mark.text for mark in page.cssselect("mark")] == [
        "Prop 2023/24:99",
        "prop. 2023/24:99",
    ]
    assert page.cssselect("a[href='https://lagen.nu/prop/2023/24:99']")


async def test_data_has_the_versions(site: Site) -> None:
    data = (await site.get(f"{PATH}.json")).json()
    assert (data["reference"], data["count"]) == ("prop. 2023/24:99", 2)
    columns = ("title", "is_current", "revision", "added_by", "removed_by", "excerpt")
    assert [tuple(row[name] for name in columns) for row in data["releases"]] == [
        ("Masten", False, 3, None, 4, "Enligt Prop 2023/24:99 rivs masten."),
        ("Kajen", True, 2, 2, None, "Se prop. 2023/24:99, dnr 2024/1."),
    ]
    assert data["releases"][0]["page"].endswith("/-/revision/3")
    rows = list(csv.DictReader(io.StringIO((await site.get(f"{PATH}.csv?size=1")).text)))
    assert [row["title"] for row in rows] == ["Masten"]
    second = (await site.get(f"{PATH}.json?size=1&after=1")).json()
    assert ([row["title"] for row in second["releases"]], second["next"]) == (["Kajen"], None)
    feed = etree.fromstring((await site.get(f"{PATH}.atom")).content)
    assert len(feed.findall("{*}entry")) == 2


@pytest.mark.parametrize(
    ("address", "status", "text"),
    [
        ("/-/reference/prop/2023%2F24:99", 200, "prop. 2023/24:99"),
        ("/-/reference/prop/2023/24:98", 404, "hänvisar till prop. 2023/24:98."),
        ("/-/reference/committee/u2022:02", 404, "hänvisar till U 2022:02."),  # hidden
        ("/-/reference/sou/2023:12.json", 200, "lagen.nu/sou/2023:12"),
        ("/-/reference/sou/2023:13.json", 404, "refers to SOU 2023:13"),
        ("/-/reference/dnr/2024/1.json", 200, '"document_url": null'),
        ("/-/reference/sou/skola", 404, "Sidan finns inte"),
        ("/-/reference/prop/2023:12", 404, "Sidan finns inte"),
        ("/-/reference/mot/2023/24:1", 404, "Sidan finns inte"),
        (f"{PATH}?after=2", 400, "after"),
    ],
)
async def test_other_addresses(site: Site, address: str, status: int, text: str) -> None:
    response = await site.get(address)
    assert (response.status_code, text in response.text) == (status, True)


async def test_documents_of_several_releases_are_in_the_sitemap(site: Site) -> None:
    text = (await site.get("/sitemap-references.xml")).text
    assert re.findall("<loc>.*?(/-/.*?)</loc>", text) == [PATH]


async def test_search_for_a_reference_links_to_its_page(site: Site) -> None:
    page = await site.page("/search?q=Proposition+2023/24:99+SOU+2023:13")
    links = [link for link in page.cssselect("p a") if "/-/reference/" in link.attrib["href"]]
    assert [(link.text, link.get("href")) for link in links] == [
        ("Alla meddelanden som hänvisar till prop. 2023/24:99, även i tidigare versioner", PATH)
    ]


async def test_release_shows_what_it_refers_to(site: Site) -> None:
    page = await site.page("/archive/releases/1")
    (section,) = page.xpath("//section[h2='Hänvisar till']")
    assert [" ".join(each.text_content().split()) for each in section.cssselect("li")] == [
        "prop. 2023/24:99 1 annat meddelande hänvisar till dokumentet lagen.nu prop. 2023/24:99",
        "dnr 2024/1",
    ]
    assert section.cssselect("a")[0].get("href") == PATH
