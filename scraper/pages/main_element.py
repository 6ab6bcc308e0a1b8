"""Finding the element that holds the release, and within it the one that holds the running text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache

from lxml import etree

from scraper.normalise.text import clean_line
from scraper.pages.boilerplate import remove
from scraper.pages.elements import Element, whole_text
from scraper.pages.markup import INLINE

ARTICLE = "//article"
MAIN = (
    "//main | //*[@role='main']",
    "//*[@itemprop='articleBody' or @itemprop='mainContentOfPage']/..",
    ARTICLE,
    "//*[@id='main-content' or @id='maincontent' or @id='content' or @id='main']",
)
MARGINS = {"header", "footer", "aside", "nav", "form"}
SENTENCE = 40  # letters
MIN_SECTION_LENGTH = 200  # characters of running text that make an article a part of the release
STUB = 25  # shorter blocks are labels and buttons, not text


def find_main(root: Element) -> tuple[Element, str]:
    """The element of the release and the rule that found it."""
    body = root.find("body")
    body = root if body is None else body
    weights = weigh(body)
    for xpath in MAIN:
        found = [element for element in elements_at(root, xpath) if element in weights]
        best = max(found, key=lambda element: weights[element], default=None)
        if best is not None and weights[best] > max(80, 0.3 * weights[body]):
            chosen = with_others(best, found, weights) if xpath == ARTICLE else only_article(best, weights)
            take_lead(chosen, body)
            return chosen, xpath
    dense = descend(body, weigh(body, without=MARGINS), 0.6)
    return with_heading(dense, body), "densest"


def take_lead(main: Element, body: Element) -> None:
    """Bring to the main element what stands between the page's one title and it: paragraphs of sentences."""
    headings = list(body.iter("h1"))
    if len(headings) != 1:
        return
    after = list(headings[0].itersiblings(etree.Element))
    end = next((index for index, part in enumerate(after) if main in part.iter()), 0)
    for paragraph in reversed([part for part in after[:end] if is_sentence(part)]):
        bring(paragraph, main)


def is_sentence(paragraph: Element) -> bool:
    """Whether an element is a paragraph that says something whole, without links."""
    text = clean_line(whole_text(paragraph))
    return paragraph.tag == "p" and len(text) >= SENTENCE and text[-1] in ".!?" and paragraph.find(".//a") is None


def bring_lead(main: Element, lead: Element | None, root: Element) -> None:
    """Bring the lead that a selector names to the main element where it stands outside."""
    if lead is None or root not in lead.iterancestors():
        return
    if main not in (lead, *lead.iterancestors()) and lead not in main.iterancestors():
        bring(lead, main)


def bring(element: Element, main: Element) -> None:
    """Make an element the first of main."""
    remove(element)
    element.tail = None
    main.insert(0, element)


def with_heading(dense: Element, body: Element) -> Element:
    """The densest element, or what holds it and the page's one h1: lead and tags stand between the two."""
    headings = list(body.iter("h1"))
    if len(headings) != 1 or dense in headings[0].iterancestors():
        return dense
    above = set(headings[0].iterancestors())
    around = next((node for node in dense.iterancestors() if node in above), body)
    return dense if around.tag in ("body", "html") else around


def elements_at(root: Element, xpath: str) -> list[Element]:
    """What an XPath for elements finds."""
    found = compiled(xpath)(root)
    return [element for element in found if isinstance(element, Element)] if isinstance(found, list) else []


@lru_cache(maxsize=64)
def compiled(xpath: str) -> etree.XPath:
    """An XPath, compiled once."""
    return etree.XPath(xpath)


def with_others(best: Element, articles: Sequence[Element], weights: dict[Element, int]) -> Element:
    """The heaviest article, or what holds it, the one with the title and those that hold running text too: some
    systems make each section an article.
    """
    parts = [part for part in articles if weights[part] > MIN_SECTION_LENGTH or next(part.iter("h1"), None) is not None]
    above = [best, *best.iterancestors()]
    shared = [{part, *part.iterancestors()} for part in parts]
    around = next((node for node in above if all(node in nodes for nodes in shared)), best)
    return best if around.tag in ("body", "html") else around


def only_article(main: Element, weights: dict[Element, int]) -> Element:
    """The article within main where one holds most of the text."""
    articles = [article for article in main.iter("article") if article in weights]
    best = max(articles, key=lambda article: weights[article], default=None)
    return with_others(best, articles, weights) if best is not None and weights[best] > 0.6 * weights[main] else main


def find_container(main: Element, body: Element | None, *, own: bool) -> Element:
    """The element of the running text: the one a selector names (`body`) where that is the agency's own selector or the
    element holds most of the text, else the densest.
    """
    weights = weigh(main)
    if body is not None and main in (body, *body.iterancestors()) and (own or holds_most(main, body, weights)):
        return body
    return find_text(main, weights)


def find_text(main: Element, weights: dict[Element, int]) -> Element:
    """The smallest element that holds nine tenths of main's running text."""
    return descend(main, weights, 0.9, whole=weights[main])


def holds_most(main: Element, part: Element, weights: dict[Element, int]) -> bool:
    """Whether a part of main holds most of its text; a CMS's body field is but one of several on some pages."""
    return weights.get(part, 0) > 0.7 * weights[main]


def descend(node: Element, weights: dict[Element, int], share: float, whole: int | None = None) -> Element:
    """Walk down as long as one child holds its share of the text."""
    while True:
        best = max(
            (child for child in node if child.tag not in INLINE), key=lambda child: weights.get(child, 0), default=None
        )
        if best is None or best.tag in ("p", "ul", "ol", "table", "dl", "blockquote", "pre", "h2", "li", "tbody", "tr"):
            return node
        if weights.get(best, 0) < share * (weights[node] if whole is None else whole) or not weights.get(best, 0):
            return node
        node = best


def is_anchor(element: Element) -> bool:
    """Whether an <a> is no link but a place that links lead to, and what it holds is text like any other."""
    return element.get("href") is None and (element.get("name") or element.get("id")) is not None


def weigh(root: Element, without: Collection[str] = ()) -> dict[Element, int]:
    """For each element how much running text it holds: text of links, of stubs, and of some tags counts nothing."""
    weights: dict[Element, int] = {}
    for element in reversed(list(root.iter())):  # children before their parents
        weight = len(element.text.strip()) if element.text else 0
        for child in element:
            if child.tag != "a" or is_anchor(child):
                weight += weights.get(child, 0)
            if child.tail:
                weight += len(child.tail.strip())
        counts = weight >= STUB or element.tag in INLINE
        weights[element] = weight if counts and element.tag not in without else 0
    return weights
