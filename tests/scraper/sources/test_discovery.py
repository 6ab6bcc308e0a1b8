"""Feeds and listings found on a home page."""

from __future__ import annotations

import pytest

from scraper.agency import Agency
from scraper.sources.discovery import find_sources
from tests.case_tables import load_table

HOME = "https://www.skog.example/"
AGENCY = Agency(slug="skog", name="Skogsrådet", home=HOME)


@pytest.mark.parametrize(
    ("html", "feeds", "listings", "press_rooms"), load_table(__file__, "home_pages.tsv")
)
def test_find_sources(
    html: str, feeds: str | None, listings: str | None, press_rooms: str | None
) -> None:
    found = find_sources(html.encode(), HOME + "start/", AGENCY)
    assert found.feeds == [HOME + path for path in (feeds or "").split()]
    assert found.listings == [HOME + path for path in (listings or "").split()]
    assert found.press_rooms == (press_rooms or "").split()
