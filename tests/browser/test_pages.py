"""The pages around the releases in a real browser: an agency, a month, a tag, neighbours, the four times, print."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.archive.sample import LIGHTHOUSES, WARBLERS
from tests.browser.test_reading import tab_to

pytestmark = pytest.mark.browser


def test_from_an_agency_to_a_month_and_its_neighbours(page: Page, site: str) -> None:
    page.goto(site)
    page.get_by_role("navigation", name="Huvudmeny").get_by_role("link", name="Myndigheter").click()
    page.get_by_role("link", name="Vägmyndigheten").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Vägmyndigheten")
    page.get_by_role("link", name=re.compile("^maj 2023")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Maj 2023")
    expect(page.get_by_role("status")).to_have_text("5 meddelanden, senaste först")
    page.get_by_role("link", name="Alla myndigheter den här månaden").click()
    page.get_by_role("navigation", name="Andra månader").get_by_role("link", name="juni 2023").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Juni 2023")


def test_with_the_keyboard_alone(page: Page, site: str) -> None:
    page.goto(site + "/agencies")
    tab_to(page, "Fyrstyrelsen", exact=True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Fyrstyrelsen")
    tab_to(page, LIGHTHOUSES)
    page.keyboard.press("Enter")
    tab_to(page, "Sjöfart")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sjöfart")
    expect(page.get_by_role("status")).to_have_text("1 meddelande, senaste först")
    page.go_back()
    tab_to(page, "Three lighthouses lit again")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_attribute("lang", "en")
    tab_to(page, LIGHTHOUSES)
    assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2


def test_a_question_has_an_address_of_its_own(page: Page, site: str) -> None:
    page.goto(site + "/archive/releases/1#question-2")
    expect(page.locator("#question-2")).to_be_in_viewport()
    marked = page.locator("#question-2").evaluate("element => getComputedStyle(element).backgroundImage")
    assert "gradient" in marked


def test_the_four_times_in_english(browser: Browser, site: str) -> None:
    context = browser.new_context(locale="en-GB", color_scheme="dark")
    page = context.new_page()
    page.goto(site + "/archive/releases/1")
    expect(page.get_by_role("heading", level=1)).to_have_text(WARBLERS)
    assert page.locator(".times dt").all_inner_texts() == [
        *("Published (according to the agency)", "Updated (according to the agency)"),
        *("First seen by the archive", "Last checked"),
    ]
    expect(page.locator(".times time").first).to_have_text("28 May 2024, 09:30")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, re.findall(r"\d+", dark)[:3])) < 150
    context.close()


def test_print_keeps_the_times_and_leaves_the_ways_onwards(page: Page, site: str) -> None:
    page.emulate_media(media="print")
    page.goto(site + "/archive/releases/2")
    expect(page.locator(".times")).to_be_visible()
    for part in (".neighbours", "header.site nav", "footer.site"):
        expect(page.locator(part).first).to_be_hidden()


def test_without_scripts_every_month_is_there(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="sv-SE")
    page = context.new_page()
    page.goto(site + "/agency/vagmyndigheten")
    expect(page.locator(".months a")).to_have_count(12)
    page.get_by_role("link", name="Äldre meddelanden").click()
    expect(page.locator(".releases li")).to_have_count(30)
    context.close()
