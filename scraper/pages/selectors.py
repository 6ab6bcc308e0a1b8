"""CSS selectors, compiled; those made of tags and classes alone are told from an element and what holds it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from cssselect import HTMLTranslator
from lxml import etree

from scraper.pages.elements import Element

WHITE = re.compile(r"[ \t\r\n\f]+")  # what parts the classes of an element (HTML, 2.3.7) and the steps of a selector
STEP = re.compile(r"(?P<tag>[a-zA-Z]\w*)?(?P<classes>(?:\.[a-zA-Z][\w-]*)*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Step:
    """A tag, or any where it is None, and the classes beside it."""

    tag: str | None
    classes: tuple[str, ...]

    def is_of(self, element: Element, having: Callable[[str], frozenset[str]]) -> bool:
        """Whether an element has the tag and the classes. having: the class attributes of the page with a class."""
        if self.tag not in (None, element.tag):
            return False
        return not self.classes or all(element.get("class") in having(name) for name in self.classes)


@dataclass(frozen=True, slots=True)
class Selector:
    """classes, ids: without all of them on a page nothing matches there. steps: what the selector is made of, the last
    first; none where it is not made of steps alone.
    """

    xpath: etree.XPath
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    steps: tuple[Step, ...]

    def matches(self, element: Element, having: Callable[[str], frozenset[str]]) -> bool:
        """Whether an element is the last step's, and what the steps before it name lies around it in their order."""
        last, *before = self.steps
        around = element.iterancestors()  # goes on outwards from step to step
        return last.is_of(element, having) and all(any(step.is_of(part, having) for part in around) for step in before)


@lru_cache(maxsize=512)
def compiled(css: str) -> Selector:
    """A selector by its text; SelectorError where it cannot be read."""
    plain = "" if any(sign in css for sign in ",:[\\") else css
    classes, ids = (re.findall(rf"{sign}([\w-]+)", plain) for sign in (r"\.", "#"))
    xpath = etree.XPath(HTMLTranslator().css_to_xpath(css))
    return Selector(xpath, tuple(classes), tuple(ids), to_steps(plain))


def to_steps(css: str) -> tuple[Step, ...]:
    """The steps of a selector whose last one names a class, the last first; none where there is more to it.

    >>> [step.tag for step in to_steps("main p.ingress")], to_steps("main > .ingress"), to_steps(".ingress p")
    (['p', 'main'], (), ())
    """
    parts = WHITE.split(css.strip(" \t\r\n\f"))
    found = [match for part in parts if (match := STEP.fullmatch(part)) and part]
    if len(found) < len(parts) or not found[-1]["classes"]:
        return ()
    return tuple(
        Step(match["tag"] and match["tag"].lower(), tuple(match["classes"].split(".")[1:])) for match in reversed(found)
    )


def holds_class(attribute: str, name: str) -> bool:
    """Whether a class attribute holds a class.

    >>> holds_class("lead\\tin-depth", "in-depth"), holds_class("lead in-depth", "in")
    (True, False)
    """
    return name in attribute and f" {name} " in WHITE.sub(" ", f" {attribute} ")
