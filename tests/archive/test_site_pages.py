"""The pages around the releases: all agencies, one agency, a tag, a month, about and help."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from lxml import html

from archive.dates import Month
from archive.models import Release
from archive.store import Archive
from archive.web.pages import LIST_PAGE_SIZE
from tests.archive.sample import LIGHTHOUSES, PAGED, SEEN, UNDATED, WARBLERS, Site, fill, served

ENGLISH = {"accept-language": "en"}


def titles(page: html.HtmlElement) -> list[str]:
    """Of the releases listed."""
    return [link.text_content() for link in page.cssselect(".releases h3 a")]


async def test_all_agencies_and_those_without_releases(site: Site) -> None:
    page, text = await site.page("/agencies"), await site.text("/agencies")
    assert [link.text for link in page.cssselect(".counted a")] == [
        *("Fyrstyrelsen", "Fågelverket", "Vägmyndigheten"),
        "Tystnadsnämnden",
    ]
    assert f"Vägmyndigheten {PAGED + 2}" in text
    assert "Fyrstyrelsen 2 Senast insamlat 3 juni 2024 kl. 10.20." in text
    assert "1 myndighet utan meddelanden än så länge" in text
    for link in page.cssselect(".counted a"):
        assert (await site.page(link.attrib["href"])).cssselect("h1")[0].text == link.text


async def test_an_agency_and_its_record(history_site: Site) -> None:
    page, text = await history_site.page("/agency/andringsverket"), await history_site.text("/agency/andringsverket")
    numbers = {item.cssselect("dt")[0].text: item.cssselect("dd")[0] for item in page.cssselect(".record div")}
    for name, register in (("Ändringar", "edits"), ("Borttagna", "removed")):
        (link, *_) = numbers[name].cssselect("a")
        assert link.get("href") == f"/-/{register}?agency=andringsverket"
        told = (await history_site.page(link.attrib["href"])).cssselect(".status")[0].text_content()
        assert told.split()[0] == link.text
    assert "oannonserade" in numbers["Ändringar"].text_content()
    assert numbers["Meddelanden"].text == str(len(titles(page)))
    assert "Senaste insamlingen Ingen insamling har gjorts än" in text
    assert page.cssselect("input[type=hidden][name=agency]")[0].get("value") == "andringsverket"


async def test_an_agency_tells_how_fresh_it_is(site: Site) -> None:
    text = await site.text("/agency/fyrstyrelsen?lang=en")
    assert "Last crawl 3 June 2024, 10:20 no errors" in text
    assert "Crawled since 3 June 2024" in text


async def test_an_agencys_tags_and_months_lead_to_what_they_count(site: Site) -> None:
    page = await site.page("/agency/vagmyndigheten")
    tags, months = page.cssselect("aside .counted li"), page.cssselect(".months a")
    assert len(tags) == 16
    assert len(months) == 12  # of 2023, and February 2022
    for item in (*tags[:3], *months):
        link = item if item.tag == "a" else item.cssselect("a")[0]
        target = await site.page(link.attrib["href"])
        counted = item.cssselect(".count")[0].text
        assert target.cssselect(".status")[0].text_content().split()[0] == counted
        assert len(titles(target)) == min(int(counted), LIST_PAGE_SIZE)


async def test_cursors_lead_through_every_release_once(site: Site) -> None:
    for address in ("/agency/vagmyndigheten", "/tag/V%C3%A4glag"):
        met: list[str] = []
        asked: str | None = address if "tag" not in address else (await site.get(address)).headers["location"]
        while asked:
            page = await site.page(asked)
            met += titles(page)
            further = page.cssselect(".pages a[rel=next]")
            asked = further[0].get("href") if further else None
        assert len(met) == len(set(met)) == (PAGED if "tag" in address else PAGED + 2)
    assert page.cssselect("meta[name=robots][content='noindex, follow']")


async def test_releases_without_a_date_stand_apart(site: Site) -> None:
    page = await site.page("/agency/vagmyndigheten")
    (undated,) = page.cssselect("a[href='/agency/vagmyndigheten/undated']")
    assert undated.text == "1 meddelande utan datum"
    assert titles(await site.page("/agency/vagmyndigheten/undated")) == [UNDATED]
    assert titles(await site.page("/month/undated")) == [UNDATED]
    assert UNDATED not in titles(await site.page("/month/2023-05"))
    assert (await site.get("/month/2021-05")).status_code == 404  # when it was updated says nothing of that


async def test_a_month_of_all_and_the_months_beside_it(site: Site) -> None:
    page = await site.page("/month/2024-05")
    assert titles(page) == [WARBLERS]
    assert page.cssselect("h1")[0].text == "Maj 2024"
    beside = {link.get("rel"): link.get("href") for link in page.cssselect(".beside a")}
    assert beside == {"prev": "/month/2023-11", "next": "/month/2024-06"}
    assert page.cssselect(".months a[aria-current=page]")[0].get("href") == "/month/2024-05"
    english = await site.page("/agency/vagmyndigheten/2023-01?lang=en")
    assert english.cssselect("h1")[0].text == "January 2023"
    assert "Roads Authority" in english.cssselect("title")[0].text_content()


async def test_a_month_alone_counts_for_its_month(tmp_path: Path) -> None:
    path = fill(tmp_path / "archive.db")
    with Archive(path) as archive:
        for number, when in enumerate((Month(2019, 12, 1), date(2019, 12, 31), date(2020, 1, 1))):
            url = f"https://fyrstyrelsen.example/{number}"
            found = Release(agency="fyrstyrelsen", url=url, title=f"T{number}", body="x", body_html="", published=when)
            archive.save(found, seen_at=SEEN)
    with served(path) as datasette:
        page = await Site(datasette).page("/month/2019-12")
        assert titles(page) == ["T1", "T0"]
        assert page.cssselect(".releases time")[1].text_content().split() == ["december", "2019"]


async def test_a_tag_by_its_words_or_number(site: Site) -> None:
    response = await site.get("/tag/v%C3%A5tmarker%20%26%20sj%C3%B6ar?lang=en")
    assert response.status_code == 302
    address = response.headers["location"]
    assert re.fullmatch(r"/tag/\d+\?lang=en", address)
    page = await site.page(address)
    assert page.cssselect("h1")[0].text == "Våtmarker & sjöar"
    assert titles(page) == [WARBLERS]
    assert [link.text for link in page.cssselect("aside a")] == ["Swedish Bird Agency"]


@pytest.mark.parametrize(
    "address",
    [
        *("/agency/nobody", "/agency/Fyrstyrelsen", "/agency/nobody/2024-05", "/agency/fyrstyrelsen/2024-13"),
        *("/month/2024-00", "/month/1999-01", "/month/20240-1", "/tag/ingenting", "/tag/99999", "/tag/~FF"),
        "/sitemap-releases-7.xml",
    ],
)
async def test_what_is_not_there_is_told_in_our_style(site: Site, address: str) -> None:
    response = await site.get(address)
    assert response.status_code == 404
    assert "Myndighetsarkivet" in response.text
    assert "Powered by" not in response.text


@pytest.mark.parametrize("address", ["/agency/fyrstyrelsen", "/month/2024-06", "/tag/1"])
@pytest.mark.parametrize("after", ["x", "-1", "999999", "1e3"])
async def test_a_cursor_that_cannot_be_read_is_refused_by_name(site: Site, address: str, after: str) -> None:
    response = await site.get(f"{address}?after={after}")
    assert response.status_code == 400
    assert f"”{after}” är inget giltigt värde för after. Ändra värdet eller ta bort filtret." in response.text


async def test_about_says_what_it_is_and_whom_to_ask(site: Site) -> None:
    text = await site.text("/about")
    assert f"{PAGED + 5} meddelanden från 3 myndigheter." in text
    assert "▮▮▮▮ mycket stor: 80 till 100 ▮▮▮▯ stor: 50 till 79" in text
    assert "har inte angett någon kontaktuppgift" in text
    site.datasette._metadata_local |= {"about": "Redaktionen", "about_url": "https://redaktion.example/"}
    page = await site.page("/about?lang=en")
    assert "This site is run by Redaktionen." in page.text_content()
    assert page.cssselect("a[href='https://redaktion.example/']")


async def test_a_chosen_language_stays_in_every_way_onwards(site: Site) -> None:
    for address in ("/agencies", "/agency/vagmyndigheten", "/tag/1", "/month/2023-05", "/about", "/help"):
        page = await site.page(f"{address}?lang=en")
        assert page.get("lang") == "en"
        ways = [link.attrib["href"] for link in page.cssselect("a[href^='/']:not([hreflang])")]
        own = [way for way in ways if not way.startswith(("/archive.", "/archive/releases.")) and way != "/archive"]
        assert len(own) > 6
        assert [way for way in own if "lang=en" not in way] == []
        assert (await site.page(address, **ENGLISH)).get("lang") == "en"


async def test_an_empty_archive_has_every_page(empty_site: Site) -> None:
    for address, told in {
        "/": "Arkivet är tomt",
        "/agencies": "Arkivet har inga myndigheter än.",
        "/about": "Om Myndighetsarkivet",
        "/help": "Hjälp",
    }.items():
        response = await empty_site.get(address)
        assert response.status_code == 200
        assert told in response.text


async def test_an_agency_without_releases(site: Site) -> None:
    text = await site.text("/agency/tystnadsnamnden")
    assert "Arkivet har inga meddelanden från Tystnadsnämnden än" in text
    assert "Ingen insamling har gjorts än" in text


async def test_earlier_and_later_of_the_same_agency(site: Site) -> None:
    older, newer = await site.id_of("Three lighthouses lit again"), await site.id_of(LIGHTHOUSES)
    page = await site.page(f"/archive/releases/{newer}")
    assert [(way.get("rel"), way.get("href")) for way in page.cssselect(".neighbours a")] == [
        ("prev", f"/archive/releases/{older}")
    ]
    page = await site.page(f"/archive/releases/{older}")
    assert [(way.get("rel"), way.get("href")) for way in page.cssselect(".neighbours a")] == [
        ("next", f"/archive/releases/{newer}")
    ]


async def test_four_times_are_told_apart(site: Site) -> None:
    page = await site.page(f"/archive/releases/{await site.id_of(UNDATED)}")
    told = [" ".join(item.text_content().split()) for item in page.cssselect(".times > div")]
    assert told == [
        "Publicerat enligt myndigheten Anges inte på sidan",
        "Uppdaterat enligt myndigheten 18 maj 2021 kl. 10.57 på sidan: ”10.57 - 18 maj 2021”",
        "Upptäckt av arkivet 3 juni 2024 kl. 10.15",
        "Senast kontrollerat 3 juni 2024 kl. 10.15",
    ]


async def test_what_was_taken_over_and_never_looked_at_says_so(tmp_path: Path) -> None:
    path = fill(tmp_path / "archive.db")
    with Archive(path) as archive:
        url = "https://fyrstyrelsen.example/gammalt"
        old = Release(
            agency="fyrstyrelsen", url=url, title="Gammal fyr", body="x", body_html="", published_text="1999-05-01"
        )
        archive.save(
            replace(old, published=date(1999, 5, 1)), seen_at=SEEN, cause="import", parser_version="import/museum.jsonl"
        )
        key = archive.find_release_id(url)
    with served(path) as datasette:
        page = await Site(datasette).page(f"/archive/releases/{key}")
    told = [" ".join(item.text_content().split()) for item in page.cssselect(".times > div")]
    assert told == [
        "Publicerat enligt samlingen museum.jsonl 1 maj 1999 i samlingen: ”1999-05-01”",
        "Uppdaterat enligt samlingen museum.jsonl Anges inte i samlingen",
        "Importerat från samlingen museum.jsonl 3 juni 2024 kl. 10.15",
        "Senast kontrollerat Inte kontrollerat än",
    ]
