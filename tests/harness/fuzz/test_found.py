"""Regression tests: the smallest input of each finding of `make fuzz`."""

from __future__ import annotations

import pytest

from scraper.errors import SourceError
from scraper.normalise.conversion import to_release
from scraper.pages.page_reader import read_page
from scraper.sources.discovery import find_sources
from scraper.sources.feeds import parse_feed
from scraper.sources.listings import parse_listing
from scraper.sources.xml_sitemaps import parse_sitemap
from tests.harness.fuzz.targets import AGENCY, URL


@pytest.mark.parametrize(
    "body",
    [
        "<?xml version='1.0'?><rss version='2.0'><channel><title>a&#55296;<b",
        "<?xml version='1.0' encoding='\udc80'?><rss/>",
    ],
)
def test_a_feed_with_what_is_no_letter_is_no_feed(body: str) -> None:
    with pytest.raises(SourceError, match="is not an RSS or Atom feed"):
        parse_feed(body.encode("utf-8", "surrogateescape"), URL, AGENCY)


def test_a_sitemap_with_what_is_no_letter_is_no_sitemap() -> None:
    location = b"<loc>&#55296;https://a.example/b.xml</loc>"
    body = b"<sitemapindex><sitemap>" + location + b"</sitemap></sitemapindex>"
    with pytest.raises(SourceError, match="is not a sitemap"):
        parse_sitemap(body, URL, AGENCY)


def test_an_empty_page_lists_nothing_and_says_so() -> None:
    with pytest.raises(SourceError, match="is empty"):
        parse_listing(b"", URL, AGENCY)
    with pytest.raises(SourceError, match="is empty"):
        find_sources(b" \n", URL, AGENCY)


def test_json_that_is_too_deep_is_no_listing() -> None:
    with pytest.raises(SourceError, match="is not JSON"):
        parse_listing(b"[" * 3000, URL, AGENCY)


def test_json_in_a_pages_place_has_no_links() -> None:
    body = b'[{"url": "https://www.fyrstyrelsen.example/nyheter/2024/fyr"}]'
    assert parse_listing(body, URL, AGENCY)[:3] == ([], None, False)
    found = find_sources(body, URL, AGENCY)
    assert (found.feeds, found.listings) == ([], [])


@pytest.mark.parametrize("name", ['"', "{}", "a\x01"])
def test_a_link_with_an_attribute_of_no_name_is_read(name: str) -> None:
    links, *_ = parse_listing(
        f"<h2><a href='/nyheter/2024/fyr' {name}='1'>Fyren tänds</a></h2>".encode(), URL, AGENCY
    )
    assert [link.url for link in links] == ["https://www.fyrstyrelsen.example/nyheter/2024/fyr"]


@pytest.mark.parametrize("sign", ["\x7f", "&#127;", "&#x7f;"])
def test_a_control_character_is_no_text(sign: str) -> None:
    text = "Fyren tänds i kväll, säger fyrvaktaren, som har väntat på det i många år. " * 5
    page = f"<html><body><main><h1>Fyren{sign} tänds</h1><p>{text}{sign}</p></main></body></html>"
    release = to_release(read_page(page.encode(), URL, AGENCY))
    assert (release.title, release.body) == ("Fyren tänds", text.strip())
