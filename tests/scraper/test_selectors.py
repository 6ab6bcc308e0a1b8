"""CSS selectors answered by classes find what their XPath finds."""

from __future__ import annotations

from time import process_time

import pytest

from scraper.pages.document import Document, compile_selector, remove_element
from tests.scraper.pages_of import URL

PAGE = """<html class="js"><body class="site wide">
<main class="a"><div class="a b" id="1"><p class="lead">ett <span class="lead in">två</span></p>
<div class="b"><p class="lead-in lead\tlast" id="2">tre</p></div></div><p class="Lead">fyra</p></main>
<div class="b a"><section class=" a "><p class="lead\xa0x">fem</p><p class="b lead">sex</p></section></div>
<p class="x">1</p><p class="x y">2</p><p class="x">3</p><p class="y x">4</p><p class="x y">5</p></body></html>"""
BY_CLASSES = (
    ".a .b",
    ".lead",
    "p.lead",
    "main .lead",
    "main .b .lead",
    ".a .a .b",
    ".b.a",
    ".js .wide .last",
    "main.a p.lead.last",
    "section .b.lead",
    ".Lead",
    ".lead-in",
    "div .none",
    "p .lead",
    "mAin  .LEAD-in",
    "dIV.b",
    "MAIN\n.lead",
    ".x",
    "p.x",
)


@pytest.mark.parametrize("css", BY_CLASSES)
def test_classes_find_what_the_xpath_finds(css: str) -> None:
    document = Document(PAGE.encode(), URL)
    assert compile_selector(css).steps
    assert document.select(css) == compile_selector(css).xpath(document.root)


def test_a_hostile_page_is_not_read_for_long() -> None:
    """Many classes on what lies around many elements, and those far down: once 50 s and 2 s."""
    classes = " ".join(f"c{n}" for n in range(50_000))
    deep, items = "<div>" * 900, "<p class='lead'>a</p>" * 10_000
    document = Document(f"<html><body><main class='{classes}'>{deep}{items}</main></body></html>".encode(), URL)
    begun = process_time()
    assert len(document.select("main .lead")) == 10_000
    assert document.select(".c7 .lead") == document.select_by_class("lead".__eq__)
    assert process_time() - begun < 5


def test_what_was_taken_out_of_the_page_is_not_found() -> None:
    document = Document(PAGE.encode(), URL)
    assert len(document.select("main .lead")) == 3
    (around,) = document.select("main div.a .b")
    remove_element(around)
    assert document.select(".last") == []
    assert document.select("main .lead") == compile_selector("main .lead").xpath(document.root)
    assert document.select_by_class(lambda names: names == "lead") == document.root.findall(".//p[@class='lead']")


@pytest.mark.parametrize("css", ["main > .lead", ".a p", "p:not(.lead)", "#x .lead", "[id]", ".a, .b", "*", ".a ~ .b"])
def test_any_other_selector_is_an_xpath(css: str) -> None:
    assert compile_selector(css).steps == ()
    document = Document(PAGE.encode(), URL)
    assert document.select(css) == compile_selector(css).xpath(document.root)
