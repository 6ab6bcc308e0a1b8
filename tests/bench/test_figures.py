"""Tests that the pages of the benchmark have their size, and are parsed alike."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from scraper.pages.page_reader import read_page
from tests.site.client import get
from tests.site.server import Site


def test_a_page_weighs_what_it_is_to_weigh_and_says_the_same() -> None:
    told = []
    for weight in (None, 60_000, 110_000):
        with Site(releases=4, weight=weight) as site:
            pages = {url: get(url, port=site.port).content for url in site.truth}
        assert weight is None or all(
            len(html) == pytest.approx(weight, rel=0.02) for html in pages.values()
        )
        items = [(urlsplit(url).path, read_page(html, url)) for url, html in pages.items()]
        told.append(
            [(path, item.title, item.lead, item.body, item.updated) for path, item in items]
        )
    assert told[0] == told[1] == told[2]
