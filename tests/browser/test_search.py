"""A search in the browser: words, facets in and out, other spellings, questions; by keyboard alone, and 320 px wide."""

from __future__ import annotations

import json
import urllib.request

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.archive.sample import LIGHTHOUSES, WARBLERS
from tests.browser.test_reading import tab_to

pytestmark = pytest.mark.browser


def test_facets_in_and_out(page: Page, site: str) -> None:
    page.goto(f"{site}/search?q=vägarna")
    status = page.get_by_role("status")
    expect(status).to_have_text("45 meddelanden, mest relevant")
    page.get_by_role("complementary").get_by_role("link", name="Ekö", exact=True).click()
    expect(status).to_have_text("7 meddelanden, mest relevant")
    page.get_by_role("link", name="Ta bort filtret Ekö").click()
    page.get_by_role("link", name="Uteslut Ekö").click()
    expect(status).to_have_text("38 meddelanden, mest relevant")
    expect(page.get_by_role("link", name="Ta bort filtret inte Ekö")).to_be_visible()
    page.get_by_role("link", name="senaste först").click()
    expect(status).to_have_text("38 meddelanden, senaste först")
    page.get_by_label("Sökord").fill("dinosaurie")
    page.get_by_role("button", name="Sök").click()
    expect(status).to_contain_text("Sökningen omfattade")
    page.get_by_role("link", name="Sök utan filter").click()
    expect(page.locator(".chips")).to_have_count(0)


def test_a_spelling_that_was_meant(page: Page, site: str) -> None:
    page.goto(f"{site}/search?q=rorsangaren")
    page.get_by_role("link", name="rörsångaren", exact=True).click()
    expect(page.get_by_role("link", name=WARBLERS)).to_be_visible()
    expect(page.get_by_label("Sökord")).to_have_value("rörsångaren")
    expect(page.locator(".meant")).to_have_count(0)


def test_a_broken_phrase_is_explained(page: Page, site: str) -> None:
    page.goto(f"{site}/search")
    page.get_by_label("Sökord").fill('"tänds igen')
    page.keyboard.press("Enter")
    expect(page.get_by_text("Ett citattecken saknas.")).to_be_visible()
    expect(page.get_by_role("link", name=LIGHTHOUSES)).to_be_visible()


def test_which_questions_were_answered(page: Page, site: str) -> None:
    page.goto(f"{site}/search?q=hamnarna")
    expect(page.get_by_role("link", name="Fråga 2:")).to_be_visible()
    page.get_by_role("link", name="Frågor och svar", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("1 fråga med svar, mest relevant")
    page.get_by_role("link", name="Vem betalar?").click()
    expect(page.locator("#question-2")).to_be_in_viewport()


def test_why_and_help_without_a_script(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="sv-SE")
    page = context.new_page()
    page.goto(f"{site}/search?q=rörsångare")
    page.get_by_text("Varför visas den här träffen?").click()
    expect(page.get_by_text("”rörsångare” finns i ingressen (rörsångaren)")).to_be_visible()
    page.get_by_text("Fler sätt att söka").click()
    page.get_by_role("link", name="miljö*").click()
    expect(page.get_by_label("Sökord")).to_have_value("miljö*")
    page.get_by_role("link", name="Sökhjälp").click()
    expect(page.locator("#search")).to_be_in_viewport()
    page.get_by_role("link", name="skola -förskola").click()
    expect(page.get_by_label("Sökord")).to_have_value("skola -förskola")
    context.close()


def test_with_the_keyboard_alone(page: Page, site: str) -> None:
    page.goto(f"{site}/search")
    page.get_by_label("Sökord").focus()
    page.keyboard.type("vagarna")
    page.keyboard.press("Enter")
    tab_to(page, "vägarna", exact=True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("45 meddelanden, mest relevant")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # past the menu
    tab_to(page, "senaste först")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("45 meddelanden, senaste först")


def test_the_other_forms_of_a_search(page: Page, site: str) -> None:
    page.goto(f"{site}/search?q=fyrar")
    for name, kind in (("Atom", "application/atom+xml"), ("JSON", "application/json"), ("CSV", "text/csv")):
        href = page.get_by_role("complementary").get_by_role("link", name=name).get_attribute("href")
        with urllib.request.urlopen(f"{site}{href}", timeout=10) as response:  # noqa: S310 - our own loopback address
            assert response.headers["content-type"].startswith(kind)
            if name == "JSON":
                assert [row["title"] for row in json.load(response)["releases"]] == [LIGHTHOUSES]


@pytest.mark.parametrize("width", [320, 1200])
def test_every_state_fits_and_weighs_little(browser: Browser, site: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, locale="sv-SE")
    page = context.new_page()
    for query in (
        "q=vägarna&year=2023&tag=Väglag&agency__not=fyrstyrelsen",
        "q=rorsangaren",
        'q="' + "x" * 200,
        "q=" + "ord " * 400,
        "q=från:mars+OR&kind__not=" + "x" * 300,
        "show=questions",
    ):
        response = page.goto(f"{site}/search?{query}")
        assert response is not None
        assert response.status == 200
        assert len(response.body()) < 60_000, query
        page.locator(".help summary").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, query
    context.close()
