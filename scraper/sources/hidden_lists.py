"""Recognises listings whose releases are not all in their HTML: made by JavaScript, or behind a button."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from lxml import etree

from scraper.normalise.text import build_alternation, clean_line
from scraper.pages.document import Element, count_text_letters

# An element that a framework fills: React, Next.js, Nuxt, Gatsby, Vue, Angular.
FRAMEWORK_XPATH = etree.XPath(
    "//*[@id='root' or @id='app' or @id='__next' or @id='__nuxt' or @id='___gatsby' or @id='react-root' or @ng-app"
    " or @data-reactroot or @data-v-app or self::app-root]"
)
MAIN_XPATH = etree.XPath("//main | //*[@role='main']")
# An element without content that a script may fill.
MOUNT_XPATH = etree.XPath(
    "descendant-or-self::*[(@id or contains(local-name(), '-')) and not(* or text()[normalize-space()])]"
)
MAX_SHELL_LETTERS = 300  # text of a page that only loads a script: "You need to enable JavaScript to run this app."

BUTTON_XPATH = etree.XPath(
    "//button | //input[@type='button' or @type='submit']"
    " | //a[@role='button' or not(@href) or starts-with(@href, '#') or starts-with(@href, 'javascript:')]"
)
# Of a button inside these, the text or the menu around it is meant.
OTHER_PARTS_XPATH = etree.XPath(
    "ancestor::nav | ancestor::header | ancestor::footer | ancestor::aside | ancestor::article | ancestor::li"
    " | ancestor::dialog | ancestor::*[@role='dialog' or @role='navigation' or @role='search' or @hidden]"
)
MORE_BUTTON_LABEL = re.compile(
    build_alternation(r"""
        \W*(?:visa|ladda|hämta|läs|läs in|se)(?: in)? (?:\d+ )?(?:fler|mer|alla|äldre|nästa)\b(?P<rest>.{0,25})
        \W*(?:fler|äldre|nästa) (?:\d+ )?(?:nyheter|pressmeddelanden|artiklar|träffar|resultat|sidor?)\W*
        \W*(?:show|load|view|see) (?:\d+ )?(?:more|all|older)\b.{0,25} | \W*(?:older|more) (?:news|press releases)\W*
        \W*(?:näytä|lataa) lisää\b.{0,25} | \W*(?:vis|last|hent|indlæs)(?: inn)? (?:flere|fler|mer|mere)\b.{0,25}
        \W*(?:mehr|weitere)(?: \w+)? (?:laden|anzeigen)\W*
        """),
    re.IGNORECASE,
)
READ_MORE_LABEL = re.compile(r"\W*(?:läs|se) mer\b", re.IGNORECASE)  # leads to a text
OTHER_LIST_WORD = re.compile(
    r"filter|alternativ|val\b|kategori|ämne|språk|detalj|karta|bild|film|kommentar|kakor|cookie|option|topic|language",
    re.IGNORECASE,
)


def find_hidden_list(root: Element, *, is_empty: bool) -> str | None:
    """Return why a listing without a next page may have more releases than its links say, or None.

    is_empty: whether no release was found in it.
    """
    if is_empty and needs_javascript(root):
        return "needs JavaScript: its list is not in its HTML"
    if label := find_more_button(root):
        return f"hides the rest of its list behind a button: {label!r}"
    return None


def needs_javascript(root: Element) -> bool:
    """Return whether a page has scripts and almost no text, or an empty element where a script puts its list."""
    if next(root.iter("script"), None) is None:
        return False
    body = root.find("body")
    if count_text_letters(body if body is not None else root) < MAX_SHELL_LETTERS:
        return True
    areas = [*select_elements(FRAMEWORK_XPATH, root), *select_elements(MAIN_XPATH, root)]
    return any(
        count_text_letters(area) < MAX_SHELL_LETTERS and bool(select_elements(MOUNT_XPATH, area)) for area in areas
    )


def find_more_button(root: Element) -> str | None:
    """Return the label of a button that loads more of a list, such as "Visa fler", or None."""
    for label in iter_button_labels(root):
        is_more = MORE_BUTTON_LABEL.fullmatch(label) and not READ_MORE_LABEL.match(label)
        if is_more and not OTHER_LIST_WORD.search(label):
            return label
    return None


def iter_button_labels(root: Element) -> Iterator[str]:
    for button in select_elements(BUTTON_XPATH, root):
        # a button with aria-expanded shows what is on the page already
        if button.get("aria-expanded") is None and not OTHER_PARTS_XPATH(button):
            text = cast("str", button.xpath("normalize-space(.)"))
            yield clean_line(button.get("value", "") if button.tag == "input" else text or button.get("aria-label", ""))


def select_elements(xpath: etree.XPath, element: Element) -> list[Element]:
    return cast("list[Element]", xpath(element))
