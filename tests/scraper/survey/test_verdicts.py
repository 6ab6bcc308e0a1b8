"""Verdicts on surveyed agencies: never `works` unless everything was shown."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.crawl.failures import (
    BLOCKED_PAGE_KINDS,
    FAILURE_KINDS,
    STATUS_KINDS,
    classify_status,
)
from scraper.errors import SourceError
from scraper.survey.survey_record import Row
from scraper.survey.survey_spider import NETWORK_FAILURES
from scraper.survey.verdicts import FAILURE_VERDICTS, decide

HOME = "https://skogsradet.example/"
LIST, FEED, MAP = f"{HOME}nyheter", f"{HOME}feed", f"{HOME}sitemap.xml"


def build_page(number: int, **values: Any) -> Row:
    fields = {
        "title": f"Nyhet {number}",
        "body": f"Text {number}",
        "published": f"2026-01-0{number}",
    }
    page = {"sources": [LIST], "is_crawled": True, "is_proposed": True, "fields": fields}
    empty: Row = {"problem": None, "failure": None, "doubts": [], "sha256": str(number)}
    return {"url": f"{LIST}/{number}", **page, **empty, **values}


def build_source(url: str = LIST, **values: Any) -> Row:
    source = {"kind": "listings", "is_crawled": True, "is_proposed": True, "links": 20}
    return {"url": url, **source, "problem": None, "failure": None, "note": None, **values}


def build_agency(**values: Any) -> Row:
    agency = {
        "sources": [build_source()],
        "pages": [build_page(number) for number in (1, 2, 3)],
        "declared": "[skogsradet]",
        "proposed": "[skogsradet]",
    }
    return {"failure": None, "notes": [], "needs_javascript": False, **agency, **values}


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
    "a declared source that lists nothing": (
        {"sources": [build_source(), build_source(FEED, links=0)]},
        "doubts",
    ),
    "another list has releases that a crawl does not read": (
        {
            "sources": [
                build_source(),
                build_source(FEED, is_crawled=False, kind="feeds", links=1),
            ],
            "pages": [*PAGES, build_page(4, sources=[FEED], is_crawled=False)],
            "proposed": "[x]",
        },
        "table",
    ),
    "a sitemap has newer releases than a crawl reads": (
        {
            "sources": [build_source(), build_source(MAP, is_crawled=False, kind="sitemaps")],
            "pages": [*PAGES, build_page(4, sources=[MAP], is_crawled=False)],
        },
        "doubts",
    ),
    "a sitemap has older releases": (
        {
            "sources": [build_source(), build_source(MAP, is_crawled=False, kind="sitemaps")],
            "pages": [
                *(build_page(number) for number in (2, 3, 4)),
                build_page(1, sources=[MAP], is_crawled=False),
            ],
        },
        "works",
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
    "all releases forbidden": (
        {"pages": [build_page(4, fields={}, problem="answered 403", failure="status 403")]},
        "refused",
    ),
    "releases that are one page": (
        {"pages": [build_page(n, fields={"title": "Vänta", "body": "Vänta"}) for n in (1, 2, 3)]},
        "refused",
    ),
    "releases that are one page without text": (
        {
            "pages": [build_page(n, fields={}, problem="no text", sha256="a") for n in (1, 2)],
            "proposed": "[x]",
        },
        "refused",
    ),
    "releases that are one page that a script fills": (
        {
            "pages": [build_page(n, fields={}, problem="no text", sha256="a") for n in (1, 2)],
            "needs_javascript": True,
        },
        "browser",
    ),
    "releases that are one page that says that nothing is there": (
        {
            "pages": [
                build_page(
                    n, fields={}, problem="is an error page", failure="error page", sha256=""
                )
                for n in (1, 2)
            ],
        },
        "doubts",
    ),
    "releases that are walls": (
        {"pages": [build_page(n, fields={}, problem="x", failure="block page") for n in (1, 2)]},
        "refused",
    ),
    "robots.txt that cannot be read": (
        {"failure": "robots unreachable", "problem": "answered 500"},
        "refused",
    ),
    "a bug of ours": ({"failure": "our fault", "problem": "KeyError"}, "doubts"),
    "a home page that cannot be parsed": (
        {"failure": "unreadable source", "problem": "has too many tags"},
        "doubts",
    ),
    "a server that fails": ({"failure": "status 5xx", "problem": "answered 500"}, "gone"),
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


def test_the_kinds_of_failures_are_known() -> None:
    kinds = {kind for _, kind in FAILURE_KINDS} | {*BLOCKED_PAGE_KINDS.values()}
    kinds |= {*STATUS_KINDS.values(), classify_status(418), "block page", "no release", "tls"}
    kinds |= {SourceError(HOME, "").kind, "private network"}
    assert {*FAILURE_VERDICTS, *NETWORK_FAILURES} <= kinds
    assert NETWORK_FAILURES.isdisjoint(FAILURE_VERDICTS)
