"""Every page of ours: no fault that axe-core can find, light and dark, in both languages; and no page is heavy."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser.test_looks import PAGES as LOOKED_AT

PAGES = {
    name: address for name, address in LOOKED_AT.items() if name not in ("data", "table")
}  # Datasette's own is not ours
pytestmark = pytest.mark.browser

MOST = 60_000  # bytes of a page with its style and icon, as they stand (a server may pack them)
SLOW = {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


def in_english(address: str) -> str:
    """The same page in the other language."""
    return f"{address}{'&' if '?' in address else '?'}lang=en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, site: str, scheme: str) -> None:
    """All rules on the light pages; in the dark the same elements stand in other colours. English ones are dark."""
    light, found = scheme == "light", {}
    context = browser.new_context(locale="sv-SE", color_scheme="light" if light else "dark")
    page = context.new_page()
    for name, address in PAGES.items():
        page.goto(site + (address if light else in_english(address)))
        assert page.locator("html").get_attribute("lang") == ("sv" if light and "lang=en" not in address else "en")
        results = Axe().run(page) if light else Axe().run(page, options=SLOW)
        if results.violations_count:
            found[name] = results.generate_report()
    context.close()
    assert not found, "\n\n".join(f"{name}: {report}" for name, report in found.items())


def test_no_page_is_heavy(browser: Browser, site: str, capsys: pytest.CaptureFixture[str]) -> None:
    context = browser.new_context(locale="sv-SE")
    weights = {name: len(context.request.get(site + address).body()) for name, address in PAGES.items()}
    around = sum(len(context.request.get(f"{site}/static/{name}").body()) for name in ("style.css", "icon.svg"))
    context.close()
    with capsys.disabled():
        print(f"\npage weights in bytes, each with {around:,} of style and icon")  # noqa: T201 - wanted in the log
        for name, weight in sorted(weights.items(), key=lambda pair: -pair[1]):
            print(f"{weight + around:>8,}  {name:<16} {PAGES[name]}")  # noqa: T201
    assert max(weights.values()) + around <= MOST
