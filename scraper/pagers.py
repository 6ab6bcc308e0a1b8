"""Finding the next page of a listing: rel=next, a link that says so, or the pager's next number."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from lxml import etree
from parsel import Selector

from scraper.agency import Agency
from scraper.normalise.urls import absolute, canonical_url

NEXT = re.compile(r"(nästa|next|äldre|fler|visa fler|ladda fler|older)\b.{0,25}|[›»→>]+", re.IGNORECASE)
LINE = etree.XPath("normalize-space(.)", smart_strings=False)  # compiled once: a page has hundreds of links
PAGER = "*[contains(@class, 'pagin') or contains(@class, 'pager') or contains(@class, 'Pagin')]"


def find_next(page: Selector, url: str, agency: Agency) -> str | None:
    """The next page of a listing: rel=next, a link that says so, or the pager's number after the present one."""
    declared = "//link[@rel='next']/@href | //a[contains(concat(' ', @rel, ' '), ' next ')]/@href"
    if href := page.xpath(declared).get():
        return next_address(href, url, agency)
    for link in page.xpath("//a[@href]"):
        if NEXT.fullmatch(line_of(link.root)) or NEXT.fullmatch(link.root.get("aria-label", "")):
            address = next_address(link.root.get("href"), url, agency)
            if address and same_listing(address, url):
                return address
    numbers = {line_of(link.root): link.root.get("href") for link in page.xpath(f"//{PAGER}//a[@href]")}
    present = page.xpath(f"//{PAGER}//*[@aria-current or contains(@class, 'current') or contains(@class, 'active')]")
    for number in present.xpath("normalize-space(.)").re(r"\d+")[:1]:
        following = numbers.get(str(int(number) + 1))
        return next_address(following, url, agency) if following else None
    return None


def next_address(href: str, url: str, agency: Agency) -> str | None:
    """The absolute address of a next page on the agency's own host."""
    address = absolute(url, href)
    return address if address and agency.owns(address) and address != canonical_url(url) else None


def same_listing(address: str, url: str) -> bool:
    """Whether an address is another page of the listing at `url`: the same path, or one below or beside it."""
    if urlsplit(address).path.rstrip("/") == urlsplit(url).path.rstrip("/"):
        return parse_qsl(urlsplit(address).query) != parse_qsl(urlsplit(url).query)
    return bool(re.search(r"/(page|sida|p)/?\d+/?$", urlsplit(address).path))


def line_of(element: etree._Element) -> str:
    """What an element says, on one line."""
    return str(LINE(element))
