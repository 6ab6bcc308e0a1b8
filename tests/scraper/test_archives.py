"""Archive pages of a listing: years and older releases, and nothing else that is called an archive."""

from __future__ import annotations

import pytest

from scraper.agency import Agency
from scraper.spiders.audit import find_archive_pages

AGENCY = Agency(slug="fyr", name="Fyrstyrelsen", home="https://fyr.example/")
LISTING = "https://fyr.example/om/nyheter"


@pytest.mark.parametrize(
    ("href", "text"),
    [
        ("/om/nyheter/2019", "2019"),
        ("?year=2019", "2019 (14)"),
        ("/om/nyheter-2019", "År 2019"),
        ("/om/nyheter/arkiv", "Nyhetsarkiv"),
        ("/om/nyheter/aldre/", "Äldre nyheter"),
    ],
)
def test_years_and_older_releases(href: str, text: str) -> None:
    (found,) = find_archive_pages(f'<nav><a href="{href}">{text}</a></nav>'.encode(), LISTING, AGENCY)
    assert found.startswith("https://fyr.example/om/nyheter")


@pytest.mark.parametrize(
    ("href", "text"),
    [
        ("/arkiv", "Arkiv"),
        ("/om/arkiv", "Arkiv"),
        ("/rapporter/2019", "2019"),
        ("/om/siffror", "2019"),
        ("/om/nyheter", "2019"),
        ("/om/nyheter/2019.pdf", "2019"),
        ("/om/nyheter/2019/nytt-arkiv", "Nytt arkiv invigt"),
        ("https://annan.example/om/nyheter/2019", "2019"),
    ],
)
def test_other_archives(href: str, text: str) -> None:
    assert find_archive_pages(f'<main><a href="{href}">{text}</a></main>'.encode(), LISTING, AGENCY) == []
