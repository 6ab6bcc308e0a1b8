"""Finding the next page of a listing: rel=next, a link that says so, or the pager's next number."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cached_property
from urllib.parse import parse_qsl, urlsplit

from parsel import Selector

from scraper.agency import Agency
from scraper.hypertext import base_of, line_of
from scraper.normalise.urls import absolute, canonical_url

NEXT = re.compile(r"(nästa|next|äldre|fler|visa fler|ladda fler|older)\b.{0,25}|[›»→>]+", re.IGNORECASE)
ONLY_PAGE = re.compile(
    r"((nästa|föregående|next|previous|äldre|nyare|older|newer)( sidan?| page)?)?[\W\d_]*", re.IGNORECASE
)
DECLARED = "//*[(self::link or self::a) and contains(concat(' ', @rel, ' '), ' {} ')]/@href"
PAGER = "*[contains(@class, 'pagin') or contains(@class, 'pager') or contains(@class, 'Pagin')]"


def find_next(page: Selector, url: str, agency: Agency, releases: Collection[str] = ()) -> str | None:
    """The next page of a listing: rel=next, a link that says so, or the pager's number after the present one.

    One that is declared and leads to another host, or to the page itself, is passed over.
    releases: addresses known to be such, whatever their links say.
    """
    base = base_of(page, url)
    for href in page.xpath(DECLARED.format("next")).getall():
        if address := next_address(href, base, url, agency):
            return address
    for link in page.xpath("//a[@href]"):
        if NEXT.fullmatch(line_of(link.root)) or NEXT.fullmatch(link.root.get("aria-label", "")):
            address = next_address(link.root.get("href"), base, url, agency)
            if address and address not in releases and same_listing(address, url):
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
        return pairs_of(address) != pairs_of(url)
    return bool(re.search(r"/(page|sida|p)/?\d+/?$", urlsplit(address).path))


def pairs_of(address: str) -> list[tuple[str, str]]:
    """The names and values of an address's query, in their order."""
    return parse_qsl(urlsplit(address).query, keep_blank_values=True)


class Pager:
    """What the pager of a listing leads to: the listing's other pages, told apart by the query of its own address."""

    def __init__(self, page: Selector, url: str, agency: Agency) -> None:
        self.page, self.url, self.agency = page, url, agency

    def leads_to(self, address: str) -> bool:
        """Whether an address with the listing's own path is the listing itself, its first page or one of the others."""
        if not urlsplit(address).query or pairs_of(address) == pairs_of(self.url):
            return True
        addresses, names = self.pages
        return address in addresses or self.changed(address) in names

    @cached_property
    def pages(self) -> tuple[set[str], set[frozenset[str]]]:
        """The addresses that the pager's links have, and the names in which their queries differ from the listing's."""
        addresses, names = set[str](), set[frozenset[str]]()
        base = base_of(self.page, self.url)
        declared = [
            *self.page.xpath(DECLARED.format("next")).getall(),
            *self.page.xpath(DECLARED.format("prev")).getall(),
        ]
        shown = {link.root: line_of(link.root) for link in self.page.xpath("//a[@href]")}
        within = {link.root for link in self.page.xpath(f"//{PAGER}//a[@href]")}
        hrefs = [(href, True) for href in declared]
        hrefs += [
            (link.get("href") or "", link in within)
            for link, text in shown.items()
            if text and ONLY_PAGE.fullmatch(text)
        ]
        for href, certain in hrefs:
            address = next_address(href, base, self.url, self.agency)
            if address and same_listing(address, self.url):
                addresses.add(address)
                if certain:
                    names.add(self.changed(address))
        return addresses, names

    def changed(self, address: str) -> frozenset[str]:
        """The names in which the query of an address differs from the listing's."""
        return frozenset(name for name, _ in set(pairs_of(address)) ^ set(pairs_of(self.url)))
