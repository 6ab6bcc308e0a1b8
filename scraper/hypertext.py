"""An HTML page that a source is: its tree, where its links begin, and what its elements say."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from lxml import etree
from parsel import Selector

from scraper.errors import SourceError

LISTING_TAGS = 200_000  # opening and closing ones of a page; some 30,000 links, and a second of reading
LINE = etree.XPath("normalize-space(.)", smart_strings=False)  # compiled once: a page has hundreds of links


def to_page(body: bytes, url: str) -> Selector:
    """An HTML page; SourceError where there is nothing of it, or too much."""
    if not body.strip():
        raise SourceError(url, "is empty")
    if body.count(b"<") > LISTING_TAGS:
        raise SourceError(url, f"has more than {LISTING_TAGS} tags: taken for a trap")
    return Selector(body=body, base_url=url, type="html")  # else whatever begins as JSON is decoded as such


def base_of(page: Selector, url: str) -> str:
    """The address that a page's links are relative to: what its first `<base href>` says, else its own.

    On the page's own host its own scheme holds: many a base still says http where the site has moved to https.

    >>> base_of(Selector('<base href="/"><a href="nyheter/a">A</a>'), "https://skog.example/om/nyheter")
    'https://skog.example/'
    >>> base_of(Selector('<base href="http://skog.example/om/">'), "https://skog.example/nyheter")
    'https://skog.example/om/'
    """
    href = (page.xpath("//base/@href").get() or "").strip()
    try:
        base = urljoin(url, href)
        parts, own = urlsplit(base), urlsplit(url)
    except ValueError:  # an address such as http://[ is nobody's
        return url
    if parts.scheme not in ("http", "https"):
        return url
    return parts._replace(scheme=own.scheme).geturl() if parts.netloc == own.netloc else base


def line_of(element: etree._Element) -> str:
    """What an element says, on one line."""
    return str(LINE(element))
