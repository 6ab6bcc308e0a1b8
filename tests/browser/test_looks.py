"""Every page fits, light and dark, from 320 px up. SCREENSHOT=1 (make looks) takes pictures, README's among them."""

from __future__ import annotations

import itertools
import os
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.archive.sample import ROOT

pytestmark = pytest.mark.browser

PAGES = {
    "index": "/",
    "search": "/search",
    "hits": "/search?q=vägarna&year=2023",
    "questions": "/search?show=questions",
    "meant": "/search?q=rorsangaren&tag__not=Väglag",
    "no-hits": "/search?q=dinosaurie",
    "release": "/archive/releases/1",
    "answers": "/archive/releases/2?lang=en",
    "undated": "/archive/releases/4",
    "not-found": "/nothing",
    "timeline": "/archive/releases/51",
    "long-timeline": "/archive/releases/64",
    "gone": "/archive/releases/56",
    "data": "/archive",
    "moved": "/archive/releases/54",
    "table": "/archive/releases",
    "revision": "/-/revision/53",
    "cite": "/-/cite/53",
    "diff": "/-/diff/54/55",
    "diff-whole": "/-/diff/52/53?show=all&lang=en",
    "edits": "/-/edits",
    "edits-none": "/-/edits?agency=fyrstyrelsen&unannounced=1",
    "removed": "/-/removed",
    "agencies": "/agencies",
    "agency": "/agency/vagmyndigheten",
    "agency-record": "/agency/andringsverket",
    "agency-empty": "/agency/tystnadsnamnden",
    "agency-older": "/agency/vagmyndigheten?after=10",
    "agency-month": "/agency/vagmyndigheten/2023-05",
    "month": "/month/2024-05",
    "no-month": "/month/1999-01",
    "undated-month": "/month/undated",
    "tag": "/tag/1",
    "about": "/about",
    "help": "/help",
    "docs": "/docs/",
    "docs-page": "/docs/api",
    "status": "/-/status",
    "status-agency": "/-/status/fyrstyrelsen",
    "ledger": "/-/coverage",
    "ledger-agency": "/-/coverage?agency=vagmyndigheten",
    "ledger-broken": "/-/coverage?agency=fyrstyrelsen&lang=en",
    "refused": "/agency/fyrstyrelsen?after=x",
}
VIEWS: dict[str, tuple[Literal["light", "dark"], int]] = {
    "light": ("light", 1200),
    "dark": ("dark", 1200),
    "narrow": ("light", 320),
}
PICTURES = os.environ.get("SCREENSHOT") == "1"  # they cost more than all that is tested here


def test_pages_fit(browser: Browser, site: str) -> None:
    context = browser.new_context(locale="sv-SE")
    page = context.new_page()
    for name, address in PAGES.items():
        page.goto(site + address)
        for view, (scheme, width) in VIEWS.items():
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, view)
            picture(page, f"{name}-{view}", whole=True)
    context.close()


def picture(page: Page, name: str, *, whole: bool = False) -> None:
    """For the eye, where it is wanted."""
    if PICTURES:
        page.screenshot(path=ROOT / f".screenshots/{name}.png", full_page=whole)


@pytest.mark.parametrize("width", [320, 1200])
def test_filters_stand_in_even_rows(browser: Browser, site: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, locale="sv-SE")
    page = context.new_page()
    for name in ("edits", "removed"):
        page.goto(site + PAGES[name])
        found = page.locator(".filters select, .filters input[type=date], .filters button, .filters .check")
        boxes = [box for box in (one.bounding_box() for one in found.all()) if box]
        assert len(boxes) > 3
        assert len({round(box["height"]) for box in boxes}) == 1, name
        if width > 320:  # those of one row end on one line
            ends = sorted({round(box["y"] + box["height"]) for box in boxes})
            assert all(later - end > boxes[0]["height"] for end, later in itertools.pairwise(ends)), name
    context.close()


def test_print_leaves_only_the_release(browser: Browser, site: str) -> None:
    context = browser.new_context(locale="sv-SE")
    page = context.new_page()
    page.emulate_media(media="print")
    page.goto(site + PAGES["release"])
    assert page.get_by_role("heading", level=1).is_visible()
    assert page.locator(".about dd.address a[rel=external]").is_visible()
    assert not page.locator("header.site nav").is_visible()
    assert not page.locator("nav.questions").is_visible()
    context.close()


def test_a_change_can_be_read_without_colour(browser: Browser, site: str) -> None:
    context = browser.new_context(locale="sv-SE", forced_colors="active")
    page = context.new_page()
    page.goto(site + PAGES["diff"])
    style = "(element, name) => getComputedStyle(element)[name]"
    added, deleted = page.locator(".pieces ins").first, page.locator(".pieces del").first
    assert added.evaluate(style, "textDecorationLine") == "underline"
    assert deleted.evaluate(style, "textDecorationLine") == "line-through"
    picture(page, "diff-forced-colours", whole=True)
    context.close()


@pytest.mark.skipif(not PICTURES, reason="README's picture is only made with SCREENSHOT=1")
def test_readme_picture(browser: Browser, site: str) -> None:
    context = browser.new_context(viewport={"width": 1100, "height": 760}, locale="sv-SE", device_scale_factor=1.5)
    page = context.new_page()
    page.goto(f"{site}{PAGES['diff']}?lang=en")
    page.screenshot(path=ROOT / "docs/images/edit.png")
    context.close()
