"""Verdicts on surveyed agencies: never `works` unless everything was shown."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.survey.survey_record import SurveyedAgency, SurveyedPage, SurveyedSource
from scraper.survey.verdicts import decide

HOME = "https://skogsradet.example/"
LIST, FEED = f"{HOME}nyheter", f"{HOME}feed"


def build_page(number: int, **values: Any) -> SurveyedPage:
    fields = {
        "title": f"Nyhet {number}",
        "body": f"Text {number}",
        "published": f"2026-01-0{number}",
    }
    page = {"sources": [LIST], "is_crawled": True, "is_proposed": True, "fields": fields}
    return SurveyedPage(url=f"{LIST}/{number}", **{**page, **values})


def build_source(url: str = LIST, **values: Any) -> SurveyedSource:
    source = {"kind": "listings", "is_crawled": True, "is_proposed": True, "links": 20}
    return SurveyedSource(url=url, **{**source, **values})


def build_agency(**values: Any) -> SurveyedAgency:
    agency = {
        "sources": [build_source()],
        "pages": [build_page(number) for number in (1, 2, 3)],
        "declared": "[skogsradet]",
        "proposed": "[skogsradet]",
    }
    return SurveyedAgency(
        slug="skogsradet", name="Skogsrådet", home=HOME, tried="2026-12-01", **{**agency, **values}
    )


PAGES = [build_page(number) for number in (1, 2, 3)]
UNREAD = [build_page(4, fields={}, problem="page: is an error page", is_proposed=False)]
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "three releases of its only source": ({}, "works"),
    "two releases": ({"pages": PAGES[:2]}, "doubts"),
    "a release with a doubt": ({"pages": [*PAGES, build_page(4, doubts=["no date"])]}, "doubts"),
    "a page that is no release": ({"pages": PAGES + UNREAD}, "doubts"),
    "a proposal that leaves it out": ({"pages": PAGES + UNREAD, "proposed": "[x]"}, "table"),
    "a list that goes on": ({"sources": [build_source(note="behind the button")]}, "doubts"),
    "a second source of which nothing is read": (
        {"sources": [build_source(), build_source(FEED)]},
        "doubts",
    ),
    "a declared source that is gone": (
        {"sources": [build_source(), build_source(FEED, links=0, problem="answered 404")]},
        "doubts",
    ),
    "one title for all pages": (
        {"pages": [build_page(n, fields={"title": "Nyheter", "body": f"{n}"}) for n in (1, 2, 3)]},
        "doubts",
    ),
    "one date for all pages": (
        {
            "pages": [
                build_page(n, fields={"title": f"{n}", "published": "2026"}) for n in (1, 2, 3)
            ]
        },
        "doubts",
    ),
    "sources that only the probe found": (
        {
            "sources": [build_source(is_crawled=False)],
            "pages": [build_page(n, is_crawled=False) for n in (1, 2, 3)],
            "proposed": "[x]",
        },
        "table",
    ),
    "a list made by scripts": (
        {"sources": [], "pages": [], "needs_javascript": True},
        "browser",
    ),
    "a press wire without a list": (
        {"sources": [], "pages": [], "notes": ["press wire: https://via.tt.se/"]},
        "wire",
    ),
    "no list of releases": ({"sources": [], "pages": []}, "table"),
    "all sources forbidden": (
        {"sources": [build_source(links=0, problem="x", failure="robots")], "pages": []},
        "refused",
    ),
    "a home page that is forbidden": (
        {"failure": "status 403", "problem": "answered 403"},
        "refused",
    ),
    "no such host": ({"failure": "dns", "problem": "there is no such host"}, "gone"),
}


@pytest.mark.parametrize("case", CASES)
def test_verdict(case: str) -> None:
    values, expected = CASES[case]
    verdict, reasons = decide(build_agency(**values))
    assert verdict == expected, reasons
    assert bool(reasons) == (verdict != "works")
