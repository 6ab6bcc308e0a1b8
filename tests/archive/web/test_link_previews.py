"""Tests what search engines, networks and reference managers read on the page of a release."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lxml.html import HtmlElement

from archive.publish.citations import Citation
from archive.web.link_previews import describe_article
from tests.archive import sample_history as history
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import LIGHTHOUSES, UNDATED, Site

HOST = "http://localhost"
CITATION = Citation(
    revision=7,
    agency="fyr",
    author="Fyrverket",
    title="Ny fyr",
    kind=None,
    published="2024-06",
    language="sv",
    url="https://fyr.example/ny",
    permalink=f"{HOST}/-/revision/7",
    seen="2024-06-04T08:00:00+00:00",
    sha256="0" * 64,
    is_bytes_hash=True,
    collection=None,
)


def read_metadata(page: HtmlElement) -> dict[str, str]:
    elements = page.cssselect("head meta[content]")
    return {
        element.get("name") or element.get("property") or "": element.get("content") or ""
        for element in elements
    }


def read_json_ld(page: HtmlElement) -> dict[str, Any]:
    (script,) = page.cssselect("script[type='application/ld+json']")
    return dict(json.loads(script.text or ""))


async def test_release_is_described(site: Site) -> None:
    number = await site.id_of(LIGHTHOUSES)
    page = await site.page(f"/archive/releases/{number}?q=fyr&lang=en")
    (row,) = (await site.json(f"/archive/releases/{number}.json?_shape=objects"))["rows"]
    facts, found = read_json_ld(page), read_metadata(page)
    assert (
        facts["headline"]
        == found["og:title"]
        == found["citation_title"]
        == found["DC.title"]
        == LIGHTHOUSES
    )
    assert facts["datePublished"] == found["article:published_time"] == row["published"]
    assert facts.get("dateModified") == row["updated"]
    assert facts["isBasedOn"] == found["DC.source"] == row["url"]
    assert facts["archivedAt"] == found["DC.identifier"] == f"{HOST}/-/revision/{row['revision']}"
    assert facts["url"] == found["og:url"] == f"{HOST}/archive/releases/{number}?lang=en"
    # as Zotero reads it: a whole date, and one author, who is not taken apart at a comma
    assert found["citation_publication_date"] == row["published"][:10].replace("-", "/")
    assert "," not in found["citation_author"]


async def test_nothing_is_said_about_unknown_dates(site: Site) -> None:
    page = await site.page(f"/archive/releases/{await site.id_of(UNDATED)}")
    assert not {"citation_publication_date", "DC.date", "article:published_time"} & set(
        read_metadata(page)
    )
    assert "datePublished" not in read_json_ld(page)


async def test_edit_that_the_page_does_not_state_is_its_last_change(history_site: Site) -> None:
    release, newest = 51, history.EDITED_REVISIONS[-1]
    (row,) = (await history_site.json(f"/archive/revisions/{newest}.json?_shape=objects"))["rows"]
    facts = read_json_ld(await history_site.page(f"/archive/releases/{release}"))
    assert facts["dateModified"] == (row["updated"] or row["seen"])
    assert facts["archivedAt"] == f"{HOST}/-/revision/{newest}"
    old = read_json_ld(await history_site.page(f"/-/revision/{history.EDITED_REVISIONS[0]}"))
    assert old["archivedAt"] == old["url"] == f"{HOST}/-/revision/{history.EDITED_REVISIONS[0]}"


def test_month_is_not_a_day() -> None:
    found = describe_article(CITATION, url="u", lead=None, modified=None, lang="sv")
    assert ("name", "DC.date", "2024-06") in found.elements
    assert "description" not in json.loads(found.json_ld)


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], site: Site, history_site: Site) -> None:
    for page in pages:
        await page.check({"site": site, "history": history_site})
