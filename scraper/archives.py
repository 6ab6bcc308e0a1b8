"""Finding a listing's archive pages: its years, and the page where its older releases are kept."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from scraper.agency import Agency
from scraper.hypertext import base_of, line_of, to_page
from scraper.normalise.urls import absolute, canonical_url
from scraper.sources import FILES

YEAR = re.compile(r"(år )?((19|20)\d\d)( ?\(\d+\))?", re.IGNORECASE)
OLDER = re.compile(
    r"(visa |se |till )?((äldre|tidigare) (nyheter|pressmeddelanden|artiklar)|(nyhets|press)?arkiv(et)?"
    r"|arkiv (för |med )?(nyheter|pressmeddelanden)|news archive|older (news|press releases))",
    re.IGNORECASE,
)


def find_archives(body: bytes, url: str, agency: Agency) -> list[str]:
    """The archive pages that a listing links to, in its order; SourceError where it is empty or a trap.

    Only below the listing or the same page with another query, so that no agency's other archives are taken for it;
    a year that its address names as well may also stand beside it.
    """
    own = urlsplit(canonical_url(url))
    below, beside = own.path.rstrip("/") + "/", own.path.rstrip("/").rpartition("/")[0] + "/"
    found: dict[str, None] = {}
    page = to_page(body, url)
    base = base_of(page, url)
    for link in page.xpath("//a[@href]"):
        text = line_of(link.root)
        year = YEAR.fullmatch(text)
        if not (year or OLDER.fullmatch(text)):
            continue
        address = absolute(base, link.attrib["href"])
        if not address or not agency.owns(address) or address == canonical_url(url):
            continue
        parts = urlsplit(address)
        same = parts.path.rstrip("/") == own.path.rstrip("/") and parse_qsl(parts.query) != parse_qsl(own.query)
        sibling = year is not None and len(beside) > 1 and parts.path.startswith(beside) and year[2] in address
        if (same or parts.path.startswith(below) or sibling) and not FILES.search(parts.path):
            found[address] = None
    return list(found)
