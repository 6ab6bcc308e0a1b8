"""A reader's way: first page, search, release, original, English; with a mouse, and with the keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect

from tests.archive.sample import LIGHTHOUSES, WARBLERS

pytestmark = pytest.mark.browser


def test_from_the_first_page_to_the_original_and_english(page: Page, site: str) -> None:
    page.goto(site)
    expect(page.get_by_role("heading", level=1)).to_have_text("Myndighetsarkivet")
    page.get_by_label("Sökord").fill("rörsångaren")
    page.get_by_role("button", name="Sök").click()
    expect(page.get_by_role("status")).to_have_text("1 meddelande, mest relevant")
    expect(page.locator(".excerpt mark").first).to_have_text("Rörsångaren")

    page.get_by_role("link", name=WARBLERS).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(WARBLERS)
    page.get_by_role("link", name="Hur många finns det?").click()
    expect(page.locator("#question-2")).to_be_in_viewport()

    page.get_by_role("link", name="Läs originalet hos Fågelverket").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(
        re.compile(r"fagelverket\.localhost:\d+/nyheter/sa-mar-sangarna")
    )

    page.go_back()
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("heading", level=1)).to_have_text(WARBLERS)
    page.get_by_role("link", name="Fåglar").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Fåglar")
    expect(page.get_by_role("status")).to_have_text("1 release, newest first")
    page.get_by_role("link", name="Svenska").click()
    expect(page.get_by_role("status")).to_have_text("1 meddelande, senaste först")


def test_facets_and_pages(page: Page, site: str) -> None:
    page.goto(f"{site}/search?q=vägarna")
    page.get_by_role("link", name="Nästa").click()
    expect(page.get_by_text("Sida 2 av 3")).to_be_visible()
    page.get_by_role("complementary").get_by_role("link", name="Ekö", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("7 meddelanden, mest relevant")
    page.get_by_role("link", name="Ta bort filtret Ekö").click()
    expect(page.get_by_role("status")).to_have_text("45 meddelanden, mest relevant")


def test_with_the_keyboard_alone(page: Page, site: str) -> None:
    page.goto(site)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Hoppa till innehållet")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Sökord")).to_be_focused()
    page.keyboard.type("fyrar")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("1 meddelande, mest relevant")

    tab_to(page, LIGHTHOUSES)
    assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(LIGHTHOUSES)
    tab_to(page, "Vem betalar?")
    page.keyboard.press("Enter")
    expect(page.locator("#question-2")).to_be_in_viewport()


def test_without_scripts(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="sv-SE")
    page = context.new_page()
    page.goto(f"{site}/search?q=vägarna")
    page.get_by_text("Visa 12 till").click()
    expect(page.get_by_role("link", name="Område 9", exact=True)).to_be_visible()
    context.close()


def test_nothing_is_asked_elsewhere_and_nothing_is_refused(page: Page, site: str) -> None:
    asked: list[str] = []
    said: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    def hear(message: ConsoleMessage) -> None:
        said.append(message.text)

    page.on("request", note)
    page.on("console", hear)
    for address in ("/", "/search?q=fyrar", "/archive/releases/1"):
        page.goto(site + address)
    assert len(asked) >= 6
    assert all(url.startswith(site) for url in asked)
    assert said == []


def tab_to(page: Page, name: str, *, exact: bool = False) -> None:
    """Press Tab until the link of that name has the focus."""
    link = page.get_by_role("link", name=name, exact=exact)
    for _ in range(60):
        page.keyboard.press("Tab")
        if link.evaluate("link => link === document.activeElement"):
            return
    raise AssertionError(f"no way by keyboard to {name}")
