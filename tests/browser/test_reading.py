"""A crawled release is found and read; the pages work by keyboard alone and without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.archive.sample import LIGHTHOUSES
from tests.archive.sample_history import EDITED, EDITED_NEWEST, LONG
from tests.browser.conftest import serve
from tests.scraper.crawling import Crawling
from tests.site.server import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow("drives a browser")]


@pytest.fixture(scope="module")
def crawled_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Site]]:
    """The address of a served archive that was crawled, and the site of its agencies."""
    folder = tmp_path_factory.mktemp("crawled")
    with Site(releases=12) as site:
        crawling = Crawling(site, site.agencies_file(folder), folder / "archive.db")
        # in a fork, because Playwright's event loop runs in this thread
        code, output = crawling.finish(crawling.command())
        assert code == 0, output
        with serve(folder / "archive.db") as address:
            yield address, site


def test_crawled_release_is_found_and_read(page: Page, crawled_site: tuple[str, Site]) -> None:
    address, site = crawled_site
    with_answers = [
        each for each in site.truth.items() if each[1].questions and each[1].answered_by
    ]
    url, release = next((url, release) for url, release in with_answers if release.language == "sv")
    page.goto(address)
    expect(page.locator("header").get_by_role("link").first).to_have_text("Myndighetsarkivet")
    page.get_by_label("Sökord").fill(f'"{release.title}"')
    page.get_by_role("button", name="Sök").click()
    page.get_by_role("link", name=release.title, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(release.title)
    for text in (
        release.lead,
        *(each.question for each in release.questions),
        release.answered_by or "",
    ):
        expect(page.get_by_role("main")).to_contain_text(text)
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("heading", level=1)).to_have_text(release.title)
    page.get_by_role("link", name="Read the original").click()
    page.wait_for_url(url)
    expect(page.locator("h1").first).to_contain_text(release.title)
    page.go_back()
    page.get_by_role("link", name="Svenska").click()
    expect(page.locator("html")).to_have_attribute("lang", "sv")


def test_details_open_without_scripts(browser: Browser, site: str) -> None:
    with browser.new_context(locale="sv-SE", java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{site}/search?q=vägarna")
        page.get_by_text("Visa 12 till").click()
        expect(page.get_by_role("link", name="Område 9", exact=True)).to_be_visible()
        page.goto(f"{site}/search?q=rörsångare")
        page.get_by_text("Varför visas de här träffarna?").click()
        expect(page.get_by_text("”rörsångare” finns i ingressen (rörsångaren)")).to_be_visible()
        page.get_by_text("Fler filter och sökhjälp").click()
        page.get_by_text("Fler sätt att söka").click()
        page.get_by_role("link", name="miljö*").click()
        expect(page.get_by_label("Sökord")).to_have_value("miljö*")
        page.get_by_text("Fler filter och sökhjälp").click()
        page.get_by_role("link", name="Sökhjälp").click()
        expect(page.locator("#search")).to_be_in_viewport()
        page.get_by_role("link", name="skola -förskola").click()
        expect(page.get_by_label("Sökord")).to_have_value("skola -förskola")
        page.goto(f"{site}/-/edits")
        entry = page.locator(".register > li").filter(
            has=page.get_by_role("link", name=LONG, exact=True)
        )
        entry.get_by_text("ytterligare 29 ändringar i samma meddelande").click()
        expect(entry.get_by_role("listitem")).to_have_count(29)
        page.goto(f"{site}/-/history/64")
        page.get_by_text("2022: 12 händelser").click()
        expect(page.get_by_text("Läst av arkivet för första gången")).to_be_visible()


# By keyboard


def test_search_by_keyboard(page: Page, site: str) -> None:
    page.goto(site)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Hoppa till innehållet")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#content$"))  # the next Tab begins there
    page.keyboard.press("Tab")
    expect(page.get_by_label("Sökord")).to_be_focused()
    page.keyboard.type("vagarna")
    page.keyboard.press("Enter")
    follow_link(page, "vägarna", exact=True)  # the suggested spelling
    expect(page.locator("h2.status:not(#loose)")).to_have_text(
        "45 meddelanden, mest relevanta först"
    )
    expect(page.get_by_label("Sökord")).to_have_value("vägarna")
    expect(page.locator(".meant")).to_have_count(0)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skips the menu
    expect(page).to_have_url(re.compile("#content$"))
    follow_link(page, "senaste", exact=True)
    expect(page.locator("h2.status:not(#loose)")).to_have_text("45 meddelanden, senaste först")


def test_marks_and_results_by_keyboard_without_scripts(browser: Browser, site: str) -> None:
    with browser.new_context(
        locale="sv-SE", java_script_enabled=False, reduced_motion="reduce"
    ) as context:
        page = context.new_page()
        page.goto(f"{site}/search?q=rörsångare+vass")
        follow_link(page, "Så mår sångarna")
        found = page.get_by_role("navigation", name="Din sökning")
        expect(found).to_contain_text("Sökorden är markerade på 8 ställen.")
        follow_link(page, "Gå till den första markeringen")
        for number in (1, 2, 3):
            expect(page.locator("mark:target")).to_be_in_viewport()
            expect(page.locator(".steps:visible")).to_have_attribute("data-place", f"{number} / 8")
            follow_next_link(page, f"Nästa markering, {number + 1} av 8")
        follow_next_link(page, "Föregående markering, 3 av 8")
        expect(page).to_have_url(re.compile("#place-3$"))
        page.goto(re.sub("#.*", "#place-8", page.url))
        follow_next_link(page, "Till sökningen överst på sidan")
        expect(found).to_be_in_viewport()
        follow_next_link(page, re.compile("^Nästa träff ?: ?Läget på vägarna kring Vassviken"))
        expect(found).to_contain_text("Träff 2, stämmer delvis")
        follow_link(page, "Till träffarna")
        expect(page.locator("#hit-2")).to_be_in_viewport()


def test_agency_tag_and_question_by_keyboard(page: Page, site: str) -> None:
    page.goto(site + "/agencies")
    follow_link(page, "Fyrstyrelsen", exact=True)
    expect(page.get_by_role("heading", level=1)).to_have_text("Fyrstyrelsen")
    follow_link(page, LIGHTHOUSES)
    follow_link(page, "Sjöfart")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sjöfart")
    expect(page.locator("h2.status")).to_have_text("1 meddelande, senaste först")
    page.go_back()
    follow_link(page, "Three lighthouses lit again")
    expect(page.locator("h1")).to_have_attribute("lang", "en")
    follow_link(page, LIGHTHOUSES)
    expect(page.get_by_role("heading", level=1)).to_have_text(LIGHTHOUSES)
    follow_link(page, "Vem betalar?")
    question = page.locator("#question-2")
    expect(question).to_be_in_viewport()
    assert "gradient" in question.evaluate("element => getComputedStyle(element).backgroundImage")


def test_history_and_edits_by_keyboard(page: Page, site: str) -> None:
    page.goto(site + "/search?q=båtbyggare")
    follow_link(page, EDITED_NEWEST)
    expect(page.get_by_role("heading", level=2, name="Historik")).to_be_visible()
    follow_link(page, "Visa ändringen 8 juni 2024 kl. 10.15")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Ändring: {EDITED}")
    expect(page.get_by_role("deletion").first).to_contain_text("20 miljoner kronor")
    follow_link(page, "Nästa ändring →")
    expect(page.get_by_role("insertion").first).to_contain_text("den 18 juni")
    follow_link(page, "Visa hela texten")
    expect(page.get_by_text("Ändringsverket betalar ut stödet i höst.")).to_be_visible()
    follow_link(page, "Ändringar", exact=True)
    expect(page.locator("h2.status")).to_have_text("40 ändringar")
    press_summary(page, "Fler filter")
    tab_to(page, "Betydelse", role="field")
    page.keyboard.type("minst 50")
    tab_to(page, "Bara oannonserade ändringar", role="field")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"importance=50.*unannounced=1"))
    expect(page.locator("h2.status")).not_to_have_text("40 ändringar")
    expect(page.get_by_label("Bara oannonserade ändringar")).to_be_checked()


def follow_next_link(page: Page, name: str | re.Pattern[str]) -> None:
    """Follow a link that is among the next few in the order of the page, from where the
    reader is.
    """
    link = page.get_by_role("link", name=name, exact=True)
    for _ in range(4):
        page.keyboard.press("Tab")
        if link.evaluate("element => element === document.activeElement"):
            break
    expect(link).to_be_focused()
    page.keyboard.press("Enter")


def follow_link(page: Page, name: str, *, exact: bool = False) -> None:
    tab_to(page, name, exact=exact)
    assert page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)") >= 2
    page.keyboard.press("Enter")


def press_summary(page: Page, name: str) -> None:
    page.locator("summary", has_text=name).focus()
    page.keyboard.press("Enter")


def tab_to(page: Page, name: str, *, role: str = "link", exact: bool = False) -> None:
    """Press Tab until the link (or field) with this name has the focus."""
    found = (
        page.get_by_role("link", name=name, exact=exact)
        if role == "link"
        else page.get_by_label(name, exact=True)
    )
    element = found.element_handle()
    for _ in range(60):
        page.keyboard.press("Tab")
        if element.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"{name} cannot be reached by keyboard")
