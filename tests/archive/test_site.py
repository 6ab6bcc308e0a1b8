"""The first page and the search page, in both languages."""

from __future__ import annotations

import re
from typing import Any

import pytest
from datasette.database import QueryInterrupted

from archive.web import responses as web
from tests.archive.sample import LIGHTHOUSES, PAGED, WARBLERS, Site

ENGLISH = {"accept-language": "en-GB,en;q=0.9,sv;q=0.5"}


async def test_first_page(site: Site) -> None:
    page, text = await site.page("/"), await site.text("/")
    titles = [link.text for link in page.cssselect(".releases h3 a")]
    assert titles[:2] == [LIGHTHOUSES, WARBLERS]
    assert f"{PAGED + 5} meddelanden från 3 myndigheter." in text
    assert "Senast insamlat 3 juni 2024 kl. 10.20." in text
    assert f"Vägmyndigheten {PAGED + 2}" in text
    assert "Alla 4 myndigheter" in text
    assert "Månad för månad" in text


async def test_search_page(site: Site) -> None:
    page = await site.page("/search?q=vägarna&page=2")
    assert "45 meddelanden" in page.cssselect(".status")[0].text_content()
    assert {mark.text for mark in page.cssselect(".excerpt mark")} == {"vägarna"}
    assert page.cssselect("ol.releases")[0].get("start") == "21"
    assert page.cssselect("input[name=q]")[0].get("value") == "vägarna"
    links = {link.text_content().strip(" ←→"): link.get("href") for link in page.cssselect(".pages a")}
    assert links == {
        "Föregående sida": "/search?q=v%C3%A4garna",
        "Nästa sida": "/search?q=v%C3%A4garna&page=3",
    }


async def test_facets_lead_to_what_they_count(site: Site) -> None:
    page = await site.page("/search?q=vägarna&year=2023")
    links = page.cssselect("aside .counted li")
    assert len(links) > 10
    for item in links[:8]:
        target = await site.page(item.cssselect("a")[0].attrib["href"])
        assert (
            target.cssselect(".status")[0].text_content().split()[0]
            == (item.cssselect(".count")[0].text or "").split()[0]
        )


async def test_a_filter_can_be_taken_away(site: Site) -> None:
    page = await site.page("/search?q=vägarna&agency=vagmyndigheten")
    (chip,) = page.cssselect(".chips a")
    assert chip.get("aria-label") == "Ta bort filtret Vägmyndigheten"
    assert chip.get("href") == "/search?q=v%C3%A4garna"
    assert page.cssselect("input[type=hidden][name=agency]")[0].get("value") == "vagmyndigheten"


async def test_no_hits_tells_what_was_searched(site: Site) -> None:
    text = await site.text("/search?q=dinosaurie")
    assert "Inga meddelanden hittades" in text
    assert f"Sökningen omfattade {PAGED + 5} meddelanden från Vägmyndigheten ({PAGED + 2}), Fyrstyrelsen (2)" in text
    assert "inga bokstäver eller siffror" in await site.text("/search?q=?!")
    assert "Sök utan filter" in await site.text("/search?q=fyrar&year=1999")


@pytest.mark.parametrize("text", ['"', "*", "a* OR (", "title:", "%00", "%FF", "NEAR(", "';--", "<script>", "{{7*7}}"])
async def test_no_punctuation_is_an_error(site: Site, text: str) -> None:
    for address in (f"/search?q={text}", f"/search?q={text}&tag={text}&year={text}&agency={text}&page={text}"):
        response = await site.get(address)
        assert response.status_code == 200
        assert "<script" not in response.text


async def test_a_search_that_takes_too_long_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.get("/")

    def interrupted(sql: str, values: Any, *_: Any) -> None:
        raise QueryInterrupted(None, sql, values)

    monkeypatch.setattr(web, "run_with_cpu_limit", interrupted)
    response = await site.get("/search?q=vägarna")
    assert response.status_code == 503
    assert "Sökningen tog för lång tid." in response.text
    assert 'value="vägarna"' in response.text


async def test_swedish_by_default_english_when_asked(site: Site) -> None:
    assert (await site.page("/")).get("lang") == "sv"
    assert (await site.page("/", **ENGLISH)).get("lang") == "en"
    assert (await site.page("/?lang=sv", **ENGLISH)).get("lang") == "sv"
    assert (await site.page("/?lang=xx")).get("lang") == "sv"
    text = await site.text("/?lang=en")
    assert "Roads Authority" in text
    assert "1 June 2024" in text


async def test_a_chosen_language_stays_in_every_own_link(site: Site) -> None:
    for address in ("/?lang=en", "/search?q=vägarna&year=2023&lang=en", "/archive/releases/1?lang=en"):
        page = await site.page(address)
        own = [
            link.attrib["href"]
            for link in page.cssselect("a[href^='/']:not([hreflang])")
            if re.match(
                r"/(search|agencies|agency/[\w-]+|tag/\d+)?(\?|$)|/archive/releases/\d+(\?|$)", link.attrib["href"]
            )
        ]
        assert len(own) > 2
        assert all("lang=en" in target for target in own)
        assert all(form.cssselect("input[name=lang]") for form in page.cssselect("form"))
        switch = page.cssselect("nav a[hreflang]")[0].attrib["href"]
        assert (await site.page(switch)).get("lang") == "sv"
        assert switch.split("?")[0] == address.split("?")[0]
