"""Every page fits in light, dark and 320 px, is accessible and small.

SCREENSHOT=1 (make looks) takes pictures.
"""

from __future__ import annotations

import itertools
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe, AxeResults
from playwright.sync_api import Browser, Page

from archive.store.releases import Archive
from tests.archive.sample import ROOT, SEEN, build_release
from tests.archive.sample_related import fill_related
from tests.browser.conftest import serve
from tests.case_tables import load_column, load_rows
from tests.fonts import FONTS, LETTERS

pytestmark = [pytest.mark.browser, pytest.mark.slow("drives a browser")]

PAGES = dict(load_rows(__file__, "pages"))
OTHER_PAGES = {  # a long page, and pages that may be too wide
    "table-whole": "/archive/releases",
    "sql-wide": "/archive?sql=select+*,+body+as+b+from+revisions",
    "docs-long": "/docs/api",
    "filters": "/search?q=vägarna&year=2023&tag=Väglag&agency__not=fyrstyrelsen",
    "long-word": '/search?q="' + "x" * 200,
    "long-query": "/search?q=" + "ord " * 400,
    "long-filter": "/search?q=från:mars+OR&kind__not=" + "x" * 300,
}
VIEWS: dict[str, tuple[Literal["light", "dark"], int]] = {
    "light": ("light", 1200),
    "dark": ("dark", 1200),
    "narrow": ("light", 320),
}
COLOUR_RULES = ["color-contrast", "link-in-text-block"]  # half of the time of all rules
SAME_COLOURS = set(load_column(__file__, "same colours"))
MAX_PAGE_BYTES = 60_000  # of a page, with its pictures, uncompressed
MAX_STATIC_BYTES = 42_000  # of the style sheet and the icon
MAX_FONT_BYTES = 120_000
# they take longer than all tests of this file
TAKES_SCREENSHOTS = os.environ.get("SCREENSHOT") == "1"


def test_pages_are_accessible_and_fit(
    page: Page, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # once: sending it to each page takes longer than running it
    page.add_init_script(Axe().axe_script)
    requested, logged = record_requests(page)
    static_bytes, font_bytes = (
        sum(len(page.request.get(f"{site}/static/{name}").body()) for name in names)
        for names in (("style.css", "icon.svg"), [f"{name}.woff2" for name in FONTS])
    )
    sizes: dict[str, int] = {}
    faults: dict[str, str] = {}
    for name, path in PAGES.items():
        logged.clear()
        set_view(page, "light")
        response = page.goto(site + path)
        assert response is not None
        sizes[name] = len(response.body())
        assert page.locator("html").get_attribute("lang") == ("en" if "lang=en" in path else "sv")
        assert logged == [] or not response.ok, name  # a status above 399 is logged too
        for view in VIEWS:
            check_fit(page, name, view)
            background = page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 150) == (view == "dark"), (
                name,
                view,
            )
            if view == "narrow" or (view == "dark" and name in SAME_COLOURS):
                continue
            if violations := find_violations(
                page, colours=name not in SAME_COLOURS, others=view == "light"
            ):
                faults[f"{name}-{view}"] = AxeResults({"violations": violations}).generate_report()
    assert faults == {}, "\n\n".join(faults.values())
    assert len(requested) > len(PAGES)
    assert [url for url in requested if not url.startswith(site)] == []
    with capsys.disabled():
        print(f"\npage sizes in bytes, without the {static_bytes:,} of style and icon")  # noqa: T201 - for the log
        for name, size in sorted(sizes.items(), key=lambda pair: -pair[1]):
            print(f"{size:>8,}  {name:<16} {PAGES[name]}")  # noqa: T201
    assert max(sizes.values()) <= MAX_PAGE_BYTES
    assert static_bytes <= MAX_STATIC_BYTES
    assert font_bytes <= MAX_FONT_BYTES


def test_fonts_are_shown_for_all_their_letters(page: Page, site: str) -> None:
    """Letters that a font lacks would be as wide as those of whatever font comes after it."""
    page.goto(site)
    for font in ("Archive Serif", "italic Archive Serif", "Archive Sans"):
        style, _, family = font.rpartition("Archive ")
        widths = page.evaluate(MEASURE, [style, f"Archive {family}", [*LETTERS]])
        assert [letter for letter, one, other in widths if one != other] == []


MEASURE = """async ([style, family, letters]) => {
  await document.fonts.load(`${style} 20px "${family}"`)
  const pen = document.createElement('canvas').getContext('2d')
  const measure = (letter, after) => {
    pen.font = `${style} 20px "${family}", ${after}`
    return pen.measureText(letter).width
  }
  return letters.map(each => [each, measure(each, 'monospace'), measure(each, 'serif')])
}"""


def check_views(page: Page, name: str) -> None:
    """Check that a page fits in each view and is accessible in those with the usual width."""
    page.evaluate(Axe().axe_script)
    for view in VIEWS:
        check_fit(page, name, view)
        if view != "narrow":
            violations = find_violations(page, colours=True, others=view == "light")
            assert not violations, AxeResults({"violations": violations}).generate_report()


def find_violations(page: Page, *, colours: bool, others: bool) -> list[dict[str, Any]]:
    """Run the rules of axe whose result depends on colours, the other rules, or all."""
    if others:
        rules: dict[str, Any] = {"rules": {rule: {"enabled": colours} for rule in COLOUR_RULES}}
    else:
        rules = {"runOnly": {"type": "rule", "values": COLOUR_RULES}}
    violations: list[dict[str, Any]] = page.evaluate(
        "options => axe.run(options).then(results => results.violations)",
        {"resultTypes": ["violations"], **rules},
    )
    return violations


QUOTATIONS = """Myndigheten skriver att ”stödet till båtbyggare blir 30 miljoner kronor i år”. Förut blev ”stödet till
båtbyggare 20 miljoner kronor i år”, och ännu tidigare ”Stödet till båtbyggare blir 20 miljoner kronor i år”.

– Kör lugnt och håll avstånd, säger Siv Å.

– Det här har ingen myndighet någonsin skrivit, säger hon om ”båtar”.

”Plogning … sträckor”, ”Snöfallet … vägarna är hala på sina håll”
"""


def test_checked_quotations_are_accessible_and_fit(page: Page, site: str) -> None:
    """The text is typed and sent by keyboard."""
    requested, logged = record_requests(page)
    page.goto(site + PAGES["check"])
    page.locator("textarea").focus()
    page.keyboard.insert_text(QUOTATIONS)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator(".quotation").first.wait_for()
    verdicts = {heading.inner_text() for heading in page.locator(".quotation h3").all()}
    assert verdicts == {
        "Ordagrant, men vem som säger det är inte kontrollerat",
        "Ändrat",
        "Inte i någon aktuell text",
        "Hittades inte",
        "För kort för att kontrolleras",
    }
    assert logged == []
    assert [url for url in requested if not url.startswith(site) or "Plogning" in url] == []
    check_views(page, "checked")


RELATED_PAGES = {
    "related": "/archive/releases/1",
    "related-none": "/archive/releases/10?lang=en",
    "like": "/search?q=liknar:1",
    "like-none": "/search?q=like:10&lang=en",
}


def test_related_releases_are_accessible_and_fit(page: Page, tmp_path: Path) -> None:
    with serve(fill_related(tmp_path / "archive.db")) as site:
        for name, path in RELATED_PAGES.items():
            page.goto(site + path)
            assert page.locator(".related li").count() == (2 if name == "related" else 0)
            check_views(page, name)


PEOPLE_PAGES = {
    "people": "/people",
    "people-none": "/people?q=x&lang=en",
    "person": "/person/anna-ek",
    "quotations": "/search?q=kajer&show=quotes",
    "quotations-none": "/search?q=skepp&show=quotes&lang=en",
}


def test_people_are_accessible_fit_and_are_found_by_keyboard(page: Page, tmp_path: Path) -> None:
    with Archive(path := tmp_path / "archive.db") as archive:
        archive.add_agency("hamn", name="Hamnverket", home="https://hamn.example/")
        body = "– Kajen är klar, säger hamnchef Anna Ek.\n– Vi vilar, säger Bo Al."
        release = build_release("hamn", "1", "Kaj", body)
        archive.save(release, seen_at=SEEN)
        archive.save(replace(release, body=body.replace("klar", "ny")), seen_at=SEEN)
    with serve(path) as site:
        for name, address in PEOPLE_PAGES.items():
            page.goto(site + address)
            check_views(page, name)
        page.goto(f"{site}/people")
        page.get_by_label("Namn").focus()
        page.keyboard.type("ek")
        page.keyboard.press("Enter")
        page.wait_for_url("**/people?q=ek")
        page.locator(".register-of a").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/person/anna-ek")
        assert page.locator(".quotation .gone").count() == 1
        page.goto(site + PEOPLE_PAGES["quotations"])
        page.locator("#hits .facts a").first.click()  # a text directive is no part of the address
        page.wait_for_url("**/archive/releases/1?q=kajer&show=quotes&hit=1*")


def test_wide_pages_fit(page: Page, site: str) -> None:
    for name, path in OTHER_PAGES.items():
        response = page.goto(site + path)
        assert response is not None
        assert response.status == 200, name
        assert name in ("table-whole", "sql-wide") or len(response.body()) < MAX_PAGE_BYTES, name
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        for view in VIEWS:
            check_fit(page, name, view)


def record_requests(page: Page) -> tuple[list[str], list[str]]:
    """Record the URLs that a page requests, and the messages in its console."""
    requested: list[str] = []
    logged: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.on("console", lambda message: logged.append(message.text))
    return requested, logged


def set_view(page: Page, view: str) -> int:
    """Set the colour scheme and size of a view, and return its width."""
    scheme, width = VIEWS[view]
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    return width


def check_fit(page: Page, name: str, view: str) -> None:
    width = set_view(page, view)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, view)
    take_screenshot(page, f"{name}-{view}")


def take_screenshot(page: Page, name: str) -> None:
    if TAKES_SCREENSHOTS:
        page.screenshot(path=ROOT / f".screenshots/{name}.png", full_page=True)


@pytest.mark.parametrize("name", ["edits", "removed"])
def test_filters_are_in_even_rows(page: Page, site: str, name: str) -> None:
    page.goto(site + PAGES[name])
    page.locator(".brief details").first.evaluate("element => { element.open = true }")
    for width in (320, 1200):
        page.set_viewport_size({"width": width, "height": 800})
        found = page.locator(
            ".filters select, .filters input[type=date], .filters button, .filters .check"
        )
        boxes = [box for box in (one.bounding_box() for one in found.all()) if box]
        assert len(boxes) > 3
        assert len({round(box["height"]) for box in boxes}) == 1
        if width > 320:  # the fields of a row end on one line
            ends = sorted({round(box["y"] + box["height"]) for box in boxes})
            assert all(later - end > boxes[0]["height"] for end, later in itertools.pairwise(ends))


def test_lists_begin_on_the_first_screen_of_a_phone(page: Page, site: str) -> None:
    for name in ("hits", "former"):
        page.goto(site + PAGES[name])
        form = page.locator("details.fold").first
        field = form.locator("input:not([type=hidden]), select").first
        page.set_viewport_size({"width": 1200, "height": 800})
        assert form.locator("> summary").is_hidden(), name
        assert field.is_visible(), name
        page.set_viewport_size({"width": 360, "height": 740})
        assert field.is_hidden(), name
        check_begins_on_screen(page, ".releases h3", 740)
        form.locator("> summary").click()
        assert field.is_visible(), name


@pytest.mark.parametrize(("width", "height", "number"), [(1280, 900, 3), (360, 800, 2)])
def test_results_are_on_the_first_screen(
    page: Page, site: str, width: int, height: int, number: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(site + PAGES["hits"])
    last = page.locator(".releases > li").nth(number - 1).bounding_box()
    assert last is not None
    assert last["y"] + last["height"] <= height
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.locator(".releases a:focus").count():
            return
    pytest.fail("the first result is more than 20 tabs away")


def test_filters_unfold_below_the_head_of_the_results(page: Page, site: str) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(site + PAGES["hits"])
    assert page.locator("#narrow").is_hidden()
    page.locator(".found .jump a").click()
    tops = page.evaluate(
        "['.found', '#narrow', '#hits'].map(e => document.querySelector(e).getBoundingClientRect().top)"
    )
    assert tops == sorted(tops)
    page.locator("#narrow > .jump a").click()
    assert page.locator("#narrow").is_hidden()


def check_begins_on_screen(page: Page, selector: str, height: int) -> None:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    assert box["y"] < height


def test_registers_show_entries_before_filters(page: Page, site: str) -> None:
    """Words and agency are in one line; the others unfold, by keyboard too."""
    for name, shown in (("edits", 3), ("removed", 3)):
        page.goto(site + PAGES[name])
        page.set_viewport_size({"width": 1280, "height": 900})
        third = page.locator(".register > li").nth(shown - 1).bounding_box()
        assert third is not None
        assert third["y"] + third["height"] < 900, name
        form = page.locator(".brief")
        assert form.get_by_role("checkbox").first.is_hidden(), name
        form.locator("summary").focus()
        page.keyboard.press("Enter")
        assert form.get_by_role("checkbox").first.is_visible(), name
        page.keyboard.press("Enter")
        page.set_viewport_size({"width": 360, "height": 740})
        check_begins_on_screen(page, ".register > li", 740)


def test_print_has_only_the_release(page: Page, site: str) -> None:
    page.emulate_media(media="print")
    page.goto(site + "/archive/releases/2")
    for part in ("h1", ".times", ".about dd.address a[rel=external]"):
        assert page.locator(part).is_visible(), part
    for part in (".neighbours", "header.site nav", "footer.site", "nav.questions"):
        assert page.locator(part).first.is_hidden(), part
        assert page.locator(part).count() > 0, part


def test_print_has_no_links_between_marks(page: Page, site: str) -> None:
    page.goto(site + PAGES["found"])
    for media, is_visible in (("screen", True), ("print", False)):
        page.emulate_media(media=media)  # type: ignore[arg-type] # one of two
        for part in ("nav.from-search", "mark:target + .steps"):
            assert page.locator(part).is_visible() is is_visible, (media, part)
        assert page.locator("mark:target").is_visible()


def test_changes_are_visible_without_colours(page: Page, site: str) -> None:
    page.emulate_media(forced_colors="active")
    page.goto(site + PAGES["diff"])
    for element, line in (("ins", "underline"), ("del", "line-through")):
        changed = page.locator(f".pieces {element}").first
        assert changed.evaluate("element => getComputedStyle(element).textDecorationLine") == line
    take_screenshot(page, "diff-forced-colours")


@pytest.mark.skipif(not TAKES_SCREENSHOTS, reason="README's picture is only made with SCREENSHOT=1")
def test_readme_picture(browser: Browser, site: str) -> None:
    with browser.new_context(locale="sv-SE", device_scale_factor=1.5) as context:
        page = context.new_page()
        page.set_viewport_size({"width": 1100, "height": 760})
        page.goto(f"{site}{PAGES['diff']}?lang=en")
        page.screenshot(path=ROOT / "docs/images/edit.png")
