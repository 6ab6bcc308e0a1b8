"""Finding the next page of a listing: rel=next, a link that says so, or the pager's next number."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from parsel import Selector

from scraper.agency import Agency
from scraper.hypertext import base_of, line_of
from scraper.normalise.urls import absolute, canonical_url

NEXT = re.compile(r"(nästa|next|äldre|fler|visa fler|ladda fler|older)\b.{0,25}|[›»→>]+", re.IGNORECASE)
DECLARED = "//*[(self::link or self::a) and contains(concat(' ', @rel, ' '), ' {} ')]/@href"
PAGER = "*[contains(@class, 'pagin') or contains(@class, 'pager') or contains(@class, 'Pagin')]"


def find_next(page: Selector, url: str, agency: Agency) -> str | None:
    """The next page of a listing: rel=next, a link that says so, or the pager's number after the present one.

    One that is declared and leads to another host, or to the page itself, is passed over.
    """
    base = base_of(page, url)
    for href in page.xpath(DECLARED.format("next")).getall():
        if address := next_address(href, base, url, agency):
            return address
    for link in page.xpath("//a[@href]"):
        if NEXT.fullmatch(line_of(link.root)) or NEXT.fullmatch(link.root.get("aria-label", "")):
            address = next_address(link.root.get("href"), base, url, agency)
            if address and same_listing(address, url):
                return address
    numbers = {line_of(link.root): link.root.get("href") for link in page.xpath(f"//{PAGER}//a[@href]")}
    present = page.xpath(f"//{PAGER}//*[@aria-current or contains(@class, 'current') or contains(@class, 'active')]")
    for number in present.xpath("normalize-space(.)").re(r"\d+")[:1]:
        following = numbers.get(str(int(number) + 1))
        return next_address(following, base, url, agency) if following else None
    return None


def next_address(href: str, base: str, url: str, agency: Agency) -> str | None:
    """The absolute address of a next page on the agency's own host."""
    address = None if href.strip().startswith("#") else absolute(base, href)
    return address if address and agency.owns(address) and address != canonical_url(url) else None


def same_listing(address: str, url: str) -> bool:
    """Whether an address is another page of the listing at `url`: the same path, or one below or beside it."""
    if urlsplit(address).path.rstrip("/") == urlsplit(url).path.rstrip("/"):
        return parse_qsl(urlsplit(address).query) != parse_qsl(urlsplit(url).query)
    return bool(re.search(r"/(page|sida|p)/?\d+/?$", urlsplit(address).path))
