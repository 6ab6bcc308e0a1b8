"""CSS selectors, compiled; those made of tags and classes alone are told from an element and what holds it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from cssselect import HTMLTranslator
from lxml import etree

from scraper.normalise.repeated import repeated

if TYPE_CHECKING:
    from scraper.pages.document import Element

WHITE = re.compile(r"[ \t\r\n\f]+")  # what parts the classes of an element (HTML, 2.3.7)
STEP = re.compile(r"(?P<tag>[a-z]\w*)?(?P<classes>(?:\.[a-zA-Z][\w-]*)*)")


@dataclass(frozen=True, slots=True)
class Step:
    """A tag, or any where it is None, and the classes beside it."""

    tag: str | None
    classes: frozenset[str]

    def is_of(self, element: Element) -> bool:
        """Whether an element has the tag and the classes."""
        return self.tag in (None, element.tag) and self.classes <= split_classes(element.get("class") or "")


@dataclass(frozen=True, slots=True)
class Selector:
    """classes, ids: without all of them on a page nothing matches there; steps: the selector's, last first, none
    where it is not made of them alone.
    """

    xpath: etree.XPath
    classes: frozenset[str]
    ids: tuple[str, ...]
    steps: tuple[Step, ...]

    def matches(self, element: Element) -> bool:
        """Whether an element is the last step's, and lies in ones of the steps before it."""
        last, *before = self.steps
        around = element.iterancestors()  # goes on outwards from step to step
        return last.is_of(element) and all(any(map(step.is_of, around)) for step in before)


@lru_cache(maxsize=512)
def compiled(css: str) -> Selector:
    """A selector by its text; SelectorError where it cannot be read."""
    plain = "" if any(sign in css for sign in ",:[\\") else css
    classes, ids = (re.findall(rf"{sign}([\w-]+)", plain) for sign in (r"\.", "#"))
    xpath = etree.XPath(HTMLTranslator().css_to_xpath(css))
    return Selector(xpath, frozenset(classes), tuple(ids), to_steps(plain))


def to_steps(css: str) -> tuple[Step, ...]:
    """The steps of a selector whose last one names a class, the last first; none where there is more to it.

    >>> [step.tag for step in to_steps("main p.ingress")], to_steps("main > .ingress"), to_steps(".ingress p")
    (['p', 'main'], (), ())
    """
    steps = [
        Step(found["tag"], frozenset(filter(None, found["classes"].split("."))))
        for part in css.split()
        if (found := STEP.fullmatch(part))
    ]
    complete = len(steps) == len(css.split())
    return tuple(reversed(steps)) if complete and steps and steps[-1].classes else ()


@repeated()
def split_classes(names: str) -> frozenset[str]:
    """The classes of an element's attribute. Cached: a site's pages share them."""
    return frozenset(filter(None, WHITE.split(names)))
