"""Tables of what pages show: each row is a selector, and what it finds in a page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
import jmespath
import pytest
from lxml import html

from tests.archive.sample import Site, to_text
from tests.case_tables import load_rows

SEPARATOR = " | "  # of the texts of several elements


@dataclass(slots=True)
class PageCheck:
    """A page of a site, and what each selector finds in it."""

    site: str
    address: str
    values: list[tuple[str, Any]] = field(default_factory=list)

    async def check(self, sites: dict[str, Site]) -> None:
        response = await sites[self.site].get(self.address)
        for selector, expected in self.values:
            if selector.endswith((" ~", " !")):
                check_sentences(response, selector, expected)
            else:
                assert find_values(response, selector) == expected, selector


def find_values(response: httpx.Response, selector: str) -> Any:
    """Return what a selector finds: `@name` a header or the status, `$path` a JMESPath in JSON,
    `css @name` attributes, and `css` the texts of elements, as one text.
    """
    if selector == "@status":
        return response.status_code
    if selector.startswith("@"):
        return response.headers.get(selector[1:])
    if selector.startswith("$"):
        return jmespath.search(selector[1:], response.json())
    css, _, attribute = selector.partition(" @")
    elements = read_markup(response).cssselect(css)
    found = [element.get(attribute) if attribute else to_text(element) for element in elements]
    return SEPARATOR.join(map(str, found))


def read_markup(response: httpx.Response) -> html.HtmlElement:
    return html.fromstring(response.content, parser=html.HTMLParser(encoding="utf-8"))


def check_sentences(response: httpx.Response, selector: str, expected: str) -> None:
    """Assert that the elements of `css ~` have all sentences, and those of `css !` none."""
    css, how = selector.rsplit(" ", 1)
    elements = read_markup(response).cssselect(css)
    assert elements, css
    text = SEPARATOR.join(map(to_text, elements))
    found = [sentence for sentence in expected.split(SEPARATOR) if sentence in text]
    assert found == (expected.split(SEPARATOR) if how == "~" else []), text


def load_pages(test_module: str) -> list[Any]:
    """Return the checks in the table `pages` as parameters.

    Its columns are the case, the site, the address, a selector and what that finds. A row
    without a case belongs to the case above, and one without an address to the address above.
    """
    return [pytest.param(pages, id=case) for case, pages in read_pages(test_module).items()]


def read_pages(test_module: str) -> dict[str, list[PageCheck]]:
    cases: dict[str, list[PageCheck]] = {}
    for case, site, address, selector, expected in load_rows(test_module, "pages"):
        if case:
            pages = cases[case] = []
        if address:
            pages.append(PageCheck(site, address))
        pages[-1].values.append((selector, expected))
    return cases
