"""Where on a page contacts stand: in a text, or in what is the site's own and the same on every page."""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from scraper.items import ContactItem
from scraper.normalise.reach import may_reach, split_reach
from scraper.normalise.repeated import repeated
from scraper.pages.contact_lines import read_lines
from scraper.pages.contact_words import FOOT, PRESS
from scraper.pages.elements import Element

ASIDE = {"nav", "dialog", "navigation", "banner", "contentinfo", "search", "alertdialog"}  # tags and roles
MARGIN = {"header", "footer"}
OWN = {"main", "article"}


def is_furniture(element: Element) -> bool:
    """Whether an element lies in a menu, a dialog, or the head or foot of the site."""
    own = False  # whether what was looked at so far lies in a text
    for part in (*reversed(list(element.iterancestors())), element):
        tag, role = part.tag, part.get("role")
        if tag in ASIDE or (role and role in ASIDE) or (not own and is_margin(part)):
            return True
        own = own or tag in OWN or role == "main"
    return False


def is_margin(element: Element) -> bool:
    """Whether an element is the site's head or foot, told from its tag or name."""
    if element.tag in MARGIN:
        return True
    classes, identifier = element.get("class"), element.get("id")
    return any(names and ("fo" in names or "colo" in names) and FOOT.search(names) for names in (classes, identifier))


def is_own(around: Sequence[Element]) -> bool:
    """Whether an element stands in the page's main part."""
    return any(element.tag in OWN or element.get("role") == "main" for element in around)


def is_switchboard(contact: ContactItem, site: frozenset[str]) -> bool:
    """Whether a contact is nobody's own and stands in the site's foot as well: the same on every page."""
    if contact.name or is_press(contact.role):
        return False
    return reach_of(f"{contact.phone or ''}, {contact.email or ''}") <= site


def site_reach(root: Element) -> frozenset[str]:
    """The numbers and addresses in the site's foot."""
    feet = [
        element
        for element in root.iter("footer", "div", "section")
        if (element.get("role") == "contentinfo" or is_margin(element))
        and next(element.iterancestors(*OWN), None) is None
    ]
    printed = (etree.tostring(foot, encoding="unicode", with_tail=False) for foot in feet)
    return frozenset(key for foot in printed for key in reach_in(foot))


@repeated(number=128, longest=200_000)
def reach_in(markup: str) -> frozenset[str]:
    """The numbers and addresses in a piece of a page. Cached: a site's foot is the same on every page of it."""
    root = etree.fromstring(markup, etree.HTMLParser())
    return frozenset(key for _, line in read_lines(root) for key in reach_of(line.text))


def reach_of(text: str) -> frozenset[str]:
    """The numbers and addresses of a text, however they are written: a number by its last seven digits."""
    if not may_reach(text):
        return frozenset()
    return frozenset(
        token.text.lower() if token.kind == "mail" else "".join(filter(str.isdigit, token.text))[-7:]
        for token in split_reach(text)
        if token.kind != "text"
    )


def is_press(role: str | None) -> bool:
    """Whether an office is the one for journalists."""
    return role is not None and PRESS.search(role) is not None
