from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from lxml import html

from archive.store.releases import Archive
from archive.times import Month
from archive.views.lists import LIST_PAGE_SIZE
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import (
    PAGED,
    SEEN,
    Site,
    build_release,
    fill,
    served,
)
from tests.archive.sample_evidence import store_file
from tests.archive.sample_files import LINKING, add_files
from tests.case_tables import load_cases

# the last one has no releases
AGENCIES = ["Fyrstyrelsen", "Fågelverket", "Vägmyndigheten", "Tystnadsnämnden"]


def list_titles(page: html.HtmlElement) -> list[str]:
    return [link.text_content() for link in page.cssselect(".releases h3 a")]


def read_count(page: html.HtmlElement) -> str:
    """Return the number in the line above a list."""
    return str(page.cssselect(".status")[0].text_content().split()[0])


# The first page, agencies, about


async def test_about_has_the_contact_of_the_metadata(sample_archive: Path) -> None:
    contact = {"about": "Redaktionen", "about_url": "https://redaktion.example/"}
    with served(sample_archive, metadata=contact) as datasette:
        page = await Site(datasette).page("/about?lang=en")
    assert "This site is run by Redaktionen." in page.text_content()
    assert page.cssselect("a[href='https://redaktion.example/']")
    assert page.cssselect("a[href*='/-/status']")


# Lists: agencies, tags, months


async def test_tags_and_months_of_an_agency_have_as_many_releases_as_stated(site: Site) -> None:
    page = await site.page("/agency/vagmyndigheten")
    tags, months = page.cssselect("aside .counted li"), page.cssselect(".heat td a")
    assert len(tags) == 16
    assert len(months) == 12  # of 2023, and February 2022
    for item in (*tags[:3], *months):
        link = item if item.tag == "a" else item.cssselect("a")[0]
        target = await site.page(urljoin("/agency/", link.attrib["href"]))
        count = link.text if link is item else item.cssselect(".count")[0].text
        assert read_count(target) == count
        assert len(list_titles(target)) == min(int(count), LIST_PAGE_SIZE)


@pytest.mark.parametrize(
    ("path", "count"), [("/agency/vagmyndigheten", PAGED + 2), ("/tag/V%C3%A4glag", PAGED)]
)
async def test_pages_of_a_list_have_each_release_once(site: Site, path: str, count: int) -> None:
    titles: list[str] = []
    url = (await site.get(path)).headers.get("location", path)
    while url:
        page = await site.page(url)
        titles += list_titles(page)
        url = next((link.attrib["href"] for link in page.cssselect(".pages a[rel=next]")), "")
    assert len(titles) == len(set(titles)) == count
    assert page.cssselect("meta[name=robots][content='noindex, follow']")


async def test_release_with_only_a_month_is_in_its_month(tmp_path: Path) -> None:
    path = fill(tmp_path / "archive.db")
    with Archive(path) as archive:
        for number, published in enumerate(
            (Month(2019, 12, 1), date(2019, 12, 31), Month(2020, 1, 1), date(2020, 1, 1))
        ):
            release = build_release("fyrstyrelsen", f"{number}", f"T{number}", published=published)
            archive.save(release, seen_at=SEEN)
    with served(path) as datasette:
        page = await Site(datasette).page("/month/2019-12")
        assert list_titles(page) == ["T1", "T0"]
        assert page.cssselect(".releases time")[1].text_content().split() == ["december", "2019"]


# What a survey found

TRIED = {"tried": "2026-12-01", "read": 5}
MARKS: dict[str, tuple[dict[str, Any], str, str]] = {
    "judged": (
        {**TRIED, "verdict": "doubts", "judged": 4, "right": 3, "seen": "2026-12-02"},
        "Granskad av en människa 2 december 2026: 3 av 4 rätt",
        "Reviewed by a person on 2 December 2026: 3 of 4 correct",
    ),
    "works": (
        {**TRIED, "verdict": "works"},
        "Läst utan problem 1 december 2026",
        "Read without problems on 1 December 2026",
    ),
    "doubts": (
        {**TRIED, "verdict": "doubts"},
        "Läst 1 december 2026, men vissa sidor kan ha lästs fel",
        "Read on 1 December 2026, but some pages may have been misread",
    ),
    "table": (
        {**TRIED, "verdict": "table"},
        "Läses inte rätt ännu (1 december 2026)",
        "Not yet read correctly (1 December 2026)",
    ),
    "refused": (
        {**TRIED, "verdict": "refused"},
        "Gick inte att läsa 1 december 2026",
        "Could not be read on 1 December 2026",
    ),
}


def read_text(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


async def test_pages_say_how_certain_reading_is(tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    with Archive(path) as archive:
        archive.add_agency("ny", name="Nyverket", home="https://ny.example/")
    with served(path) as datasette:
        page = await Site(datasette).page("/agencies")
    assert "prövad" not in page.text_content()
    with Archive(path) as archive:
        for slug, (mark, *_) in MARKS.items():
            home = f"https://{slug}.example/"
            archive.add_agency(slug, name=slug, home=home, survey=mark)
    with served(path) as datasette:
        site = Site(datasette)
        for number, untested in enumerate(("Inte prövad", "Not tested"), 1):
            language = ("sv", "en")[number - 1]
            page = await site.page(f"/agencies?lang={language}")
            listed = {
                read_text(row.cssselect("a")[0]): list(map(read_text, row.cssselect("small")))
                for row in page.cssselect(".counted li")
            }
            texts = {slug: row[number] for slug, row in MARKS.items()}
            assert listed == {slug: [f"{text}."] for slug, text in texts.items()} | {"Nyverket": []}
            for slug, text in {**texts, "ny": untested}.items():
                page = await site.page(f"/agency/{slug}?lang={language}")
                assert read_text(page.cssselect(".record dd")[-1]) == text
        row = (await site.get("/archive/agencies/judged.json?_shape=objects")).json()["rows"][0]
    mark, *_ = MARKS["judged"]
    assert {key: row[f"survey_{key}"] for key in mark} == mark


# Errors


@pytest.mark.parametrize(
    "path", load_cases(__file__, "unknown page is a 404 in the style of the site")
)
async def test_unknown_page_is_a_404_in_the_style_of_the_site(site: Site, path: str) -> None:
    response = await site.get(path)
    assert response.status_code == 404
    assert "Myndighetsarkivet" in response.text
    assert "Powered by" not in response.text
    # it links to other months
    assert ("Sidan finns inte" in response.text) == (path != "/month/1999-01")


async def test_unknown_release_is_a_404_as_json(site: Site) -> None:
    response = await site.get("/archive/releases/999999.json")
    assert (response.status_code, response.json()["ok"]) == (404, False)


@pytest.mark.parametrize("path", ["/agency/fyrstyrelsen", "/month/2024-06", "/tag/1"])
@pytest.mark.parametrize("after", ["x", "-1", "999999", "1e3"])
async def test_invalid_cursor_is_an_error_that_names_it(site: Site, path: str, after: str) -> None:
    response = await site.get(f"{path}?after={after}")
    assert response.status_code == 400
    assert (
        f"”{after}” är inget giltigt värde för after. Ändra värdet eller ta bort filtret."
        in response.text
    )


async def test_about_says_which_attachments_are_saved(site: Site, tmp_path: Path) -> None:
    contents = "The contents of attachments. The archive only links to them."
    assert contents in await site.text("/about?lang=en")
    with Archive(fill(tmp_path / "archive.db")) as archive:
        archive.add_agency(LINKING.agency, name="Fyrverket", home="https://fyr.example/")
        add_files(archive)
        for name in ("blankett", "blankett-2", "kopia"):  # the same bytes at three addresses
            store_file(archive, f"https://fyr.example/{name}.pdf", b"%PDF-1.4 blankett", SEEN)
        (contents,) = archive.db.execute("select count(*) from attachment_files").fetchone()
        (number,) = archive.db.execute(
            "select count(distinct url) from attachment_versions"
        ).fetchone()
        assert number > contents
    with served(tmp_path / "archive.db") as datasette:
        text = await Site(datasette).text("/about?lang=en")
        swedish = await Site(datasette).text("/about")
    assert f"{number} attachments are stored." in text
    assert f"{number} bilagor är sparade." in swedish


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(
    pages: list[PageCheck], site: Site, history_site: Site, empty_site: Site
) -> None:
    for page in pages:
        await page.check({"site": site, "history": history_site, "empty": empty_site})
