"""Finds releases in JSON: at an endpoint declared for an agency, or in the data within a page.

An endpoint is described by JMESPath expressions (the key `json` of an agency). The list of a press
wire (key `wire`) is an endpoint whose items are whole releases. Each release is parsed from its own
bytes, exactly as they were received.

In a page's data (such as Next.js or Nuxt data), a release is recognised by its keys: it is an
object with an address, a title and, usually, a date.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import jmespath
from jmespath.exceptions import JMESPathError
from parsel import Selector

from archive.urls import canonical_url
from scraper.agency import Agency, JSONSource, WireSource
from scraper.errors import PageError, SourceError
from scraper.normalise.page_urls import extract_host, resolve_canonical_url
from scraper.sources.links import (
    DATED_PATH,
    NEWS_PATH,
    ListingPage,
    SourceLink,
    WireRecord,
    is_release_url,
    unique_links,
)
from scraper.sources.xml_sitemaps import normalise_w3c_date

MAX_JSON_BYTES = 10 * 1024 * 1024  # bytes of one response, or of all data in a page
MAX_JSON_VALUES = 500_000  # values in an object and everything that it contains
MAX_JSON_DEPTH = 100
MAX_JSON_ITEMS = 10_000  # releases on one page of a list

DECODER = json.JSONDecoder()
WHITE_SPACE = re.compile(r"[ \t\n\r]*")

# Data in pages
DATA_XPATH = "//script[@id='__NEXT_DATA__' or @id='__NUXT_DATA__' or @type='application/json']"
NUXT_XPATH = "//script[contains(., 'window.__NUXT__')]"
NUXT_DATA = re.compile(r"\s*window\.__NUXT__\s*=\s*(\{.*\})\s*;?\s*", re.DOTALL)
NUXT_REFERENCES = "__NUXT_DATA__"  # id of a script whose values refer to other values by number
GATSBY_XPATH = (
    "//link[@as='fetch' and contains(@href, '/page-data/') and contains(@href,"
    " 'page-data.json')]/@href"
)

# Names of keys, in lower case without "_" and "-"
URL_KEYS = (
    *(
        "url",
        "href",
        "permalink",
        "link",
        "path",
        "pageurl",
        "linkurl",
        "fullurl",
        "weburl",
        "relativeurl",
    ),
    *("canonicalurl", "uri", "urlpath", "slug"),
)
TITLE_KEYS = ("title", "heading", "headline", "rubrik", "name")
PUBLISHED_KEYS = (
    *(
        "published",
        "publishedat",
        "publishdate",
        "publisheddate",
        "publicationdate",
        "datepublished",
        "pubdate",
    ),
    *("startpublish", "firstpublished", "publicerad", "publiceringsdatum", "date", "datum"),
)
UPDATED_KEYS = (
    "updated",
    "updatedat",
    "modified",
    "modifiedat",
    "datemodified",
    "lastmodified",
    "changed",
)
NEXT_KEYS = ("next", "nexturl", "nextpage", "nextpageurl", "nextlink")
# dates that a list needs for a missing one to mean that an object is not a release
MIN_DATED_ITEMS = 3


def is_json(body: bytes) -> bool:
    """Return whether a response is JSON and not HTML or XML, judged by its first character."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def load_json(text: str | bytes, url: str) -> Any:
    """Parse JSON. Raises SourceError if the JSON is invalid, too large or too deeply nested."""
    if len(text) > MAX_JSON_BYTES:
        raise SourceError(url, f"has more than {MAX_JSON_BYTES} bytes of JSON: treated as a trap")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(url, f"is not JSON: {error}") from error
    for _ in _iter_objects(data, url):
        pass  # iterating counts the values
    return data


def _iter_objects(data: Any, url: str) -> Iterator[dict[str, Any]]:
    """Yield all objects in a JSON value, in document order.

    Raises SourceError if there are too many values, or if they are nested too deeply.
    """
    stack, count = [(data, 0)], 0
    while stack:
        value, depth = stack.pop()
        count += 1
        if depth > MAX_JSON_DEPTH or count > MAX_JSON_VALUES:
            limit = (
                f"{MAX_JSON_DEPTH} levels"
                if depth > MAX_JSON_DEPTH
                else f"{MAX_JSON_VALUES} values"
            )
            raise SourceError(url, f"has JSON of more than {limit}: treated as a trap")
        if isinstance(value, dict):
            yield value
        children = (
            value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        )
        stack.extend((child, depth + 1) for child in reversed(list(children)))


# Endpoints


def parse_json_source(body: bytes, url: str, source: JSONSource, agency: Agency) -> ListingPage:
    """Parse a page of a declared endpoint as a page of a listing.

    Raises SourceError if the page is not valid JSON, or differs from what the agency's table
    declares.
    """
    data = load_json(body, url)
    items = search(source, "items", data, url)
    if not isinstance(items, list):
        raise SourceError(url, f"json.items: {source.items!r} finds no list")
    if len(items) > MAX_JSON_ITEMS:
        raise SourceError(
            url, f"lists more than {MAX_JSON_ITEMS} releases on a page: treated as a trap"
        )
    texts = [""] * len(items)
    if isinstance(source, WireSource):
        texts = _split_wire_list(body, url, source)
        items = list(map(json.loads, texts))
    links, errors = list[SourceLink](), list[PageError]()
    for number, (item, text) in enumerate(zip(items, texts, strict=True), 1):
        try:
            link = read_item(item, url, source, agency, number=number, text=text)
        except PageError as error:
            errors.append(error)
        else:
            links += [link] if link else []
    if items and len(errors) == len(items):
        raise SourceError(
            url, f"{errors[0].field}: {errors[0].problem}, and no other item can be used"
        )
    next_url = _find_next_page(data, url, source, agency) if items else None
    return ListingPage(unique_links(links), next_url, errors=errors)


def _split_wire_list(body: bytes, url: str, source: WireSource) -> list[str]:
    """Return the text of each item in a press wire's list, exactly as received."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:  # RFC 8259 (8.1) requires UTF-8
        raise SourceError(url, f"is not UTF-8: {error}") from error
    return list(_iter_list_items(text, source.items))


def read_item(
    item: Any, url: str, source: JSONSource, agency: Agency, *, number: int, text: str
) -> SourceLink | None:
    """Return the link of an item, or None if the link cannot be a release.

    Raises PageError if the item's address is missing or unusable.

    number: the item's position in the list. Errors name an item without a title by its position.
    text: for a press wire, the item as received.
    """
    href = search(source, "link", item, url)
    address = (
        resolve_canonical_url(agency.home, href.strip())
        if isinstance(href, str) and href.strip()
        else None
    )
    if address is None:
        title = search(source, "title", item, url)
        raise PageError(
            url,
            "json.link",
            f"{source.link!r} finds no address in {repr(title) if title else f'item {number}'}",
        )
    record = None
    if isinstance(source, WireSource):
        if agency.find_record_source(address) != source:
            raise PageError(url, "json.link", f"{source.link!r} leads to another host: {address}")
        record = _read_record(item, url, source, text)
    elif not is_release_url(address, agency):
        return None
    date = search(source, "date", item, url)
    listed_at = normalise_w3c_date(date) if isinstance(date, str) else None
    return SourceLink(address, listed_at, listed_at, record=record)


def _read_record(item: Any, url: str, source: WireSource, text: str) -> WireRecord:
    """Return an item of a press wire's list as a WireRecord.

    Raises PageError if the item has no id.
    """
    identifier = search(source, "id", item, url)
    if not isinstance(identifier, str | int) or isinstance(identifier, bool) or identifier == "":
        raise PageError(url, "json.id", f"{source.id!r} finds no id in {text[:80]!r}")
    return WireRecord(f"{url}#{quote(str(identifier), errors='replace')}", text.encode())


def _iter_list_items(text: str, key: str) -> Iterator[str]:
    """Yield the JSON text of each element of a list.

    text: valid JSON, whose outermost value is an object with the list.
    key: the key of the list in that object.

    >>> list(_iter_list_items('{"a": {"b": 1}, "c": [1, {"d": []}]}', "c"))
    ['1', '{"d": []}']
    """
    position, start, name = _skip_white_space(text, 0), 0, None
    while name != key or text[start] != "[":  # skips the same key with a value that is not a list
        # after "{" or ","
        name, position = DECODER.raw_decode(text, _skip_white_space(text, position + 1))
        start = _skip_white_space(text, _skip_white_space(text, position) + 1)  # after ":"
        _, position = DECODER.raw_decode(text, start)
        position = _skip_white_space(text, position)
    position = _skip_white_space(text, start + 1)
    while text[position] != "]":
        _, end = DECODER.raw_decode(text, position)
        yield text[position:end]
        position = _skip_white_space(text, end)
        if text[position] == ",":
            position = _skip_white_space(text, position + 1)


def _skip_white_space(text: str, position: int) -> int:
    match = WHITE_SPACE.match(text, position)
    return match.end() if match else position


def search(source: JSONSource, key: str, data: Any, url: str) -> Any:
    """Evaluate one of an endpoint's JMESPath expressions, and return what it finds in the data.

    Returns None if the endpoint has no expression for `key`. Raises SourceError if the expression
    fails.
    """
    expression: str | None = getattr(source, key)
    try:
        return jmespath.compile(expression).search(data) if expression else None
    except (JMESPathError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise SourceError(url, f"json.{key}: {expression!r} fails: {error}") from error


def _find_next_page(data: Any, url: str, source: JSONSource, agency: Agency) -> str | None:
    """Return the URL of an endpoint's next page, or None if there is none.

    The expression `next` finds the URL or a page number. If the endpoint has no such expression,
    the page number is increased.
    """
    following = _read_next_page(data, url, source)
    if isinstance(following, int) and not isinstance(following, bool):
        numbered = source.build_page_url(following)
        return None if numbered == url else numbered
    if following is None or following is False or following == "":
        return None
    address = _resolve_next_page(following, url, source, agency)
    return None if address == canonical_url(url) else address


def _read_next_page(data: Any, url: str, source: JSONSource) -> Any:
    """Return what the expression `next` finds or, without such an expression, the next page number.

    Returns None if the endpoint has neither the expression nor page numbers.
    """
    if source.next:
        return search(source, "next", data, url)
    if source.first_url == source.url:
        return None
    if (number := source.find_page_number(url)) is None:
        raise SourceError(url, f"json.url: is not a page of {source.url}; was it moved?")
    return number + 1


def _resolve_next_page(following: object, url: str, source: JSONSource, agency: Agency) -> str:
    """Resolve the value that `next` found, and return it as an absolute URL.

    Raises SourceError if it is not a URL, or if the URL is on another host.
    """
    address = resolve_canonical_url(url, following) if isinstance(following, str) else None
    if address is None or not address.startswith(("http://", "https://")):
        found = f"{source.next!r} finds {str(following)[:80]!r}"
        raise SourceError(url, f"json.next: {found}, not a URL or a page's number")
    if not agency.owns(address) and extract_host(address) != extract_host(source.url):
        raise SourceError(url, f"json.next: {address} is on another host")
    return address


# Data in pages


def find_embedded_links(
    page: Selector, url: str, agency: Agency, listing_url: str, *, is_only_list: bool
) -> list[SourceLink]:
    """Return links to the releases in the JSON data of a page's scripts.

    Scripts that are not JSON are skipped. Raises SourceError if the JSON is too large or too deeply
    nested.

    is_only_list: whether the page has no other list. If so, SourceError is also raised if a
        framework's data is not valid JSON.
    """
    links: list[SourceLink] = []
    texts = _list_data_scripts(page)
    if sum(len(text) for _, text in texts) > MAX_JSON_BYTES:
        raise SourceError(url, f"has more than {MAX_JSON_BYTES} bytes of JSON: treated as a trap")
    for script_id, text in texts:
        try:
            data = json.loads(text)
        except ValueError as error:
            if is_only_list and script_id in ("__NEXT_DATA__", NUXT_REFERENCES):
                raise SourceError(url, f"its {script_id} is not JSON: {error}") from error
            continue  # for example a template that a script fills in
        except RecursionError as error:
            raise SourceError(
                url, f"has JSON of more than {MAX_JSON_DEPTH} levels: treated as a trap"
            ) from error
        data = _resolve_references(data) if script_id == NUXT_REFERENCES else data
        links += find_json_links(data, url, agency, listing_url)
    return links


def _list_data_scripts(page: Selector) -> list[tuple[str | None, str]]:
    """Return the id (or None) and the text of each script of a page that may be JSON."""
    texts = [(script.attrib.get("id"), script.root.text or "") for script in page.xpath(DATA_XPATH)]
    matches = (NUXT_DATA.fullmatch(script.root.text or "") for script in page.xpath(NUXT_XPATH))
    return texts + [(None, match[1]) for match in matches if match]


def find_page_data_url(page: Selector, url: str, agency: Agency) -> str | None:
    """Return the URL of a page's data on a site built with Gatsby, or None on any other site."""
    href = page.xpath(GATSBY_XPATH).get()
    address = resolve_canonical_url(url, href) if href else None
    return address if address and agency.owns(address) else None


def _resolve_references(data: Any) -> Any:
    """Return the objects in Nuxt's data, with indexes replaced by the values they refer to.

    The data is a flat list. The objects in it contain the indexes of their values in this list.

    >>> data = [{"data": 1}, [2], {"title": 3, "url": 4}, "Ny bro", "/nyheter/ny-bro"]
    >>> _resolve_references(data)[1]
    {'title': 'Ny bro', 'url': '/nyheter/ny-bro'}
    """
    if not isinstance(data, list):
        return data
    return [_resolve_object(data, item) for item in data if isinstance(item, dict)]


def _resolve_object(data: list[Any], item: dict[str, Any]) -> dict[str, Any]:
    """Return an object's texts followed by its nested objects, each reduced to its address."""
    texts, nested = dict[str, Any](), dict[str, Any]()
    for key, reference in item.items():
        value = _resolve_value(data, reference)
        if isinstance(value, str):
            texts[key] = value
        elif isinstance(value, dict):
            names = [name for name in ("url", "href") if name in value]
            nested[key] = {name: _resolve_value(data, value[name]) for name in names}
    return texts | nested


def _resolve_value(data: list[Any], reference: Any) -> Any:
    """Return the value at an index of the data, or None if `reference` is not an index."""
    if not isinstance(reference, int) or isinstance(reference, bool):
        return None
    if not 0 <= reference < len(data):
        return None
    found = data[reference]
    return found[-1] if isinstance(found, list) and found[:1] == ["Date"] else found


def find_json_links(data: Any, url: str, agency: Agency, listing_url: str) -> list[SourceLink]:
    """Return links to the releases in JSON, which are objects with an address and a title.

    The rules are the same as for the links of a listing. Without a `releases` pattern, the URL must
    be in a news section or below the listing, or contain a year. If there is no such pattern and
    several objects have a date, those without one are left out, because they are probably service
    pages.
    """
    listing_path = urlsplit(canonical_url(listing_url)).path.rstrip("/")
    links: list[SourceLink] = []
    for item in _iter_objects(data, url):
        link = _read_json_link(_normalise_keys(item), url, agency, listing_path)
        if link is None:
            continue
        links.append(link)
        if len(links) > MAX_JSON_ITEMS:
            raise SourceError(
                url, f"lists more than {MAX_JSON_ITEMS} releases on a page: treated as a trap"
            )
    if not agency.releases and sum(link.listed_at is not None for link in links) >= MIN_DATED_ITEMS:
        links = [link for link in links if link.listed_at]
    return links


def _read_json_link(
    values: dict[str, Any], url: str, agency: Agency, listing_path: str
) -> SourceLink | None:
    """Return the link of an object with an address and a title.

    Returns None if the object is not a release.
    """
    if not any(isinstance(values.get(key), str) and values[key].strip() for key in TITLE_KEYS):
        return None
    address = _find_item_url(values, url, listing_path)
    if not address or not is_release_url(address, agency):
        return None
    path = urlsplit(address).path.rstrip("/")
    if path in ("", listing_path) or not (agency.releases or _is_news_path(path, listing_path)):
        return None
    published, updated = _find_day(values, PUBLISHED_KEYS), _find_day(values, UPDATED_KEYS)
    return SourceLink(address, updated or published, published)


def _is_news_path(path: str, listing_path: str) -> bool:
    """Return whether a path is below the listing or in a news section, or contains a year."""
    if path.startswith(listing_path + "/") or NEWS_PATH.search(path):
        return True
    return DATED_PATH.search(path) is not None


def _find_day(values: dict[str, Any], keys: Iterable[str]) -> str | None:
    for key in keys:
        value = values.get(key)
        if isinstance(value, str) and (day := normalise_w3c_date(value)):
            return day
    return None


def find_next_data_url(data: Any, url: str, agency: Agency) -> str | None:
    """Return the URL of the next page that a JSON object states, or None if it states none.

    Objects within the object are not searched.
    """
    values = _normalise_keys(data) if isinstance(data, dict) else {}
    for key in NEXT_KEYS:
        value = values.get(key)
        address = (
            resolve_canonical_url(url, value.strip())
            if isinstance(value, str) and value.strip()
            else None
        )
        if address and agency.owns(address) and address != canonical_url(url):
            return address
    return None


def find_markup(data: Any, url: str) -> str:
    """Return the texts in JSON that are HTML with links, as one text.

    Some sites insert this HTML into the page.
    """
    values = (value for item in _iter_objects(data, url) for value in item.values())
    return "\n".join(value for value in values if isinstance(value, str) and "<a " in value)


def _normalise_keys(item: dict[str, Any]) -> dict[str, Any]:
    return {re.sub(r"[_-]", "", key.lower()): value for key, value in item.items()}


def _find_item_url(values: dict[str, Any], url: str, listing_path: str) -> str | None:
    """Return the canonical URL of an object, or None if it has no address.

    A path or slug that contains no slash is relative to the listing.
    """
    for key in URL_KEYS:
        href = _read_href(values.get(key))
        if not href or href.startswith("#"):
            continue
        # these may be only the last part of a path
        if key in ("path", "uri", "urlpath", "slug") and "/" not in href:
            href = urljoin(listing_path + "/", href)
        if address := resolve_canonical_url(url, href):
            return address
    return None


def _read_href(value: Any) -> str:
    """Return the address in a value, or "" if there is none.

    The value may be the address itself, or an object with an address.
    """
    if isinstance(value, dict):
        value = next(
            (value[name] for name in ("url", "href") if isinstance(value.get(name), str)), None
        )
    return value.strip() if isinstance(value, str) else ""
