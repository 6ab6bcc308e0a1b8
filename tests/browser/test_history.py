"""What became of a release, walked with the keyboard alone and without scripts: timeline, changes, registers."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.archive.sample_history import AWAY, EDITED, LONG, MOVED
from tests.browser.test_reading import tab_to

pytestmark = pytest.mark.browser

NOW = EDITED.replace("höjs", "sänks")


def test_with_the_keyboard_alone(page: Page, site: str) -> None:
    page.goto(site + "/search?q=båtbyggare")
    tab_to(page, NOW)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2, name="Historik")).to_be_visible()
    tab_to(page, "Visa ändringen 8 juni 2024 kl. 10.15")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Ändring: {EDITED}")
    expect(page.get_by_role("deletion").first).to_contain_text("20 miljoner kronor")

    tab_to(page, "Nästa ändring →")
    page.keyboard.press("Enter")
    expect(page.get_by_role("insertion").first).to_contain_text("den 18 juni")
    tab_to(page, "Visa hela texten")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Ändringsverket betalar ut stödet i höst.")).to_be_visible()

    tab_to(page, "Ändringar", exact=True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("39 ändringar")
    tab_to_field(page, "Betydelse")
    page.keyboard.type("minst 50")
    tab_to_field(page, "Bara oannonserade ändringar")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"importance=50.*unannounced=1"))
    expect(page.get_by_role("status")).not_to_have_text("39 ändringar")
    expect(page.get_by_label("Bara oannonserade ändringar")).to_be_checked()


def test_a_removed_release_is_found_and_read(page: Page, site: str) -> None:
    page.goto(site)
    page.get_by_role("link", name="Borttaget", exact=True).click()
    page.get_by_label("Vad arkivet hittade").select_option("gone")
    page.get_by_role("button", name="Filtrera").click()
    page.get_by_role("heading", name=AWAY["gone"]).get_by_role("link").click()
    expect(page.get_by_role("region", name="Meddelandets status")).to_contain_text("Borttaget av myndigheten")
    expect(page.locator(".body")).to_contain_text("så här är det")


def test_an_old_address_leads_to_where_the_record_goes_on(page: Page, site: str, agencies: str) -> None:
    page.goto(site)
    page.get_by_label("Sökord").fill(agencies.format(slug="andringsverket") + "/nyheter/hamnar")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(MOVED)
    expect(page.locator(".body")).to_contain_text("1 augusti")


def test_a_long_history_unfolds_without_scripts(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="sv-SE")
    page = context.new_page()
    page.goto(f"{site}/-/edits")
    entry = page.locator(".register > li").filter(has=page.get_by_role("link", name=LONG, exact=True))
    entry.get_by_text("29 ändringar till av samma meddelande").click()
    expect(entry.get_by_role("listitem")).to_have_count(29)
    page.goto(f"{site}/-/history/64")
    page.get_by_text("2022: 12 händelser").click()
    expect(page.get_by_text("Först läst av arkivet")).to_be_visible()
    context.close()


def test_nothing_is_asked_elsewhere_and_nothing_is_refused(page: Page, site: str) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    for address in ("/archive/releases/56", "/-/diff/54/55", "/-/edits", "/-/removed"):
        page.goto(site + address)
    assert len(asked) >= 8
    assert all(url.startswith(site) for url in asked)
    assert said == []


def tab_to_field(page: Page, label: str) -> None:
    """Press Tab until the field of that label has the focus."""
    field = page.get_by_label(label, exact=True)
    for _ in range(40):
        page.keyboard.press("Tab")
        if field.evaluate("field => field === document.activeElement"):
            return
    raise AssertionError(f"no way by keyboard to {label}")
