"""Press wires as sources: the URL of an agency's list at each service, and the releases in the answers that are JSON.

No service was requested while this was written; it follows what is published about them:

    viatt       Via TT. JSON: `releases`, each with the fields of a release, and `nextPage`. Documented by TT
                (support.tt.se, "Så här ser JSON-svaret ut") and by NTB for the same system in Norway.
    cision      Cision News Feed. JSON: `Releases`, with `PageIndex`, `PageSize` and `TotalFoundReleases`. Described in
                Cision's own client modules and the WordPress plugin Cision Block.
    mynewsdesk  RSS whose items link to pages of the press room.
    notified    RSS whose items link to pages of the press room, which may be on the agency's own site.

A release in JSON is stored from its own record: the bytes of that object, exactly as they are in the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from scraper.agency import WIRE_SERVICES, Agency
from scraper.errors import PageError, SourceError
from scraper.normalise.urls import resolve_canonical_url
from scraper.pages.wires import WirePage, choose_wire_page
from scraper.sources.feeds import normalise_w3c_date
from scraper.sources.links import SourceLink

LIST_URLS = {
    "viatt": "https://via.tt.se/json/v2/releases?publisher={}",
    "cision": "https://publish.ne.cision.com/papi/NewsFeed/{}?format=json&DetailLevel=detail",
    "mynewsdesk": "https://www.mynewsdesk.com/rss/current_news/{}",
    "notified": "https://api.client.notified.com/api/rss/publish/view/{}?type=press",
}
MAX_RECORDS = 1000  # in one answer; the services send up to 100
DECODER = json.JSONDecoder()
WHITE_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRecord:
    """A release as a wire's answer contains it. body: the bytes of its JSON object."""

    link: SourceLink
    identifier: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WireList:
    """One answer of a wire, in its order. problems: records that cannot be used, which are in no other field."""

    records: list[WireRecord]
    problems: list[PageError]
    next_url: str | None


def build_list_url(name: str) -> str:
    """Return the URL of an agency's list at a wire.

    >>> build_list_url("viatt:3235664")
    'https://via.tt.se/json/v2/releases?publisher=3235664'
    """
    service, _, identifier = name.partition(":")
    return identifier if "://" in identifier else LIST_URLS[service].format(identifier)


def find_json_list(url: str, agency: Agency) -> str | None:
    """Return the URL of the list that contains an agency's release at `url`, or None if it has a page of its own."""
    for name, service in zip(agency.wire, agency.wire_services, strict=True):
        if service.has_json and service.owns(url):
            return build_list_url(name)
    return None


def is_json_list(url: str, agency: Agency) -> bool:
    """Return whether a URL is (a page of) an agency's list at a wire whose answers are JSON."""
    lists = [build_list_url(name) for name in agency.wire if WIRE_SERVICES[name.partition(":")[0]].has_json]
    return any(url == address or url.startswith(f"{address}&") for address in lists)


def parse_wire_list(body: bytes, url: str) -> WireList:
    """Parse a wire's JSON. Raises SourceError if it is not JSON, or not the list of a wire."""
    page_class = choose_wire_page(url)
    if page_class is None:
        raise SourceError(url, "is not the list of a press wire")
    try:
        text = body.decode("utf-8-sig")
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(url, f"is not JSON: {error}") from error
    key = page_class.list_key
    if not isinstance(found, dict) or not isinstance(found.get(key), list):
        raise SourceError(url, f"{key}: is missing, or is not a list")
    if len(found[key]) > MAX_RECORDS:
        raise SourceError(url, f"{key}: lists more than {MAX_RECORDS} releases")
    records, problems = list[WireRecord](), list[PageError]()
    for start, end in iter_element_spans(text, key):
        try:
            records.append(read_record(text[start:end], url, page_class))
        except PageError as error:
            problems.append(error)
    next_url = find_next_url(found, url) if records else None
    return WireList(records=records, problems=problems, next_url=next_url)


def read_record(text: str, list_url: str, page_class: type[WirePage]) -> WireRecord:
    """Read what the crawl needs of a record. Raises PageError that names the list, the record and the field."""
    record: dict[str, Any] = json.loads(text)
    if not isinstance(record, dict):
        raise PageError(list_url, page_class.list_key, f"contains {text[:40]!r}, which is not an object")
    identifier = str(record.get(page_class.id_key) or "")
    place = f"{list_url}#{identifier}"
    if not identifier:
        raise PageError(list_url, page_class.id_key, f"is missing in the record {text[:80]!r}")
    address = record.get(page_class.url_key)
    url = resolve_canonical_url(list_url, address) if isinstance(address, str) and address.strip() else None
    if url is None or not url.startswith(("http://", "https://")):
        raise PageError(place, page_class.url_key, "is missing, or is not a URL")
    if choose_wire_page(url) is not page_class:
        raise PageError(place, page_class.url_key, f"leads to another host: {url}")
    published, updated = (
        normalise_w3c_date(str(record.get(key) or "")) if key else None
        for key in (page_class.published_key, page_class.updated_key)
    )
    link = SourceLink(url, max(filter(None, (published, updated)), default=None), published)
    return WireRecord(link=link, identifier=identifier, body=text.encode())


def find_next_url(found: dict[str, Any], url: str) -> str | None:
    """Return the URL of the next page of a list, or None if this is the last one."""
    query = parse_qs(urlsplit(url).query)
    if isinstance(found.get("nextPage"), int):
        name, number, current = "page", found["nextPage"], read_number(query.get("page"))
        has_next = number > current
    else:
        numbers = [found.get(key) for key in ("PageIndex", "PageSize", "TotalFoundReleases")]
        if not all(isinstance(number, int) for number in numbers):
            return None
        index, size, total = map(int, numbers)  # type: ignore[arg-type] # checked above
        name, number, has_next = "PageIndex", index + 1, size > 0 and index * size < total
    if not has_next:
        return None
    parts = urlsplit(url)
    pairs = [pair for pair in parts.query.split("&") if not pair.startswith(f"{name}=")]
    return parts._replace(query="&".join([*pairs, urlencode({name: number})])).geturl()


def read_number(values: list[str] | None) -> int:
    return int(values[0]) if values and values[0].isdecimal() else 0


def iter_element_spans(text: str, key: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each element of the list at a key of the outermost object. `text` must be valid JSON.

    >>> text = '{"a": {"b": 1}, "c": [1, {"d": []}]}'
    >>> [text[start:end] for start, end in iter_element_spans(text, "c")]
    ['1', '{"d": []}']
    """
    position, start, name = skip_white_space(text, 0), 0, None
    while name != key or text[start] != "[":  # a key may be repeated
        name, position = DECODER.raw_decode(text, skip_white_space(text, position + 1))  # after { or ,
        start = skip_white_space(text, skip_white_space(text, position) + 1)  # after :
        _, position = DECODER.raw_decode(text, start)
        position = skip_white_space(text, position)
    position = skip_white_space(text, start + 1)
    while text[position] != "]":
        _, end = DECODER.raw_decode(text, position)
        yield position, end
        position = skip_white_space(text, end)
        if text[position] == ",":
            position = skip_white_space(text, position + 1)


def skip_white_space(text: str, position: int) -> int:
    match = WHITE_SPACE.match(text, position)
    return match.end() if match else position
