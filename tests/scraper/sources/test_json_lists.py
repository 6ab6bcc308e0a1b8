"""Releases in JSON: at endpoints, and in the data of pages."""

from __future__ import annotations

import json

import pytest

from scraper.agency import Agency, JSONSource
from scraper.errors import SourceError
from scraper.sources import json_lists as json_links
from scraper.sources.links import SourceLink
from scraper.sources.listings import parse_listing
from tests.case_tables import load_table

HOME = "https://www.skog.example/"
ITEM = '{"title": "Ny bro", "url": "/nyheter/ny-bro", "publishedAt": "2024-03-01T08:00:00+01:00"}'
DATED = ", ".join(
    f'{{"title": "Bro {n}", "slug": "bro-{n}", "date": "2024-03-0{n}"}}' for n in (1, 2, 3)
)
NUXT = json.dumps(
    [
        {"data": 1},
        [2, 6],
        {"title": 3, "link": 4, "date": 9},
        "Ny bro",
        {"url": 5},
        "/nyheter/ny-bro",
    ]
)
MARKUP = {
    "ITEM": ITEM,
    "DATED": DATED,
    "NUXT": NUXT,
    "NEXT": '<div id="__next"></div><script id="__NEXT_DATA__" type="application/json">',
}


def read(
    body: str, path: str = "nyheter", *sources: JSONSource, pattern: str | None = None
) -> tuple[list[str], str | None]:
    agency = Agency(slug="skog", name="Skogsrådet", home=HOME, releases=pattern, json=sources)
    page = parse_listing(
        body.encode(), HOME + path, agency, sources[0].first_url if sources else HOME + "nyheter"
    )
    return [
        link.url.removeprefix(HOME) for link in page.links
    ], page.next_url and page.next_url.removeprefix(HOME)


@pytest.mark.parametrize(
    ("pattern", "body", "links", "following"), load_table(__file__, "json_pages.tsv", MARKUP)
)
def test_data_of_a_page(
    pattern: str | None, body: str, links: str | None, following: str | None
) -> None:
    assert read(body, pattern=pattern) == ((links or "").split(), following)


def test_dates_are_those_of_the_same_object() -> None:
    body = (
        '{"date": "2024-01-01", "items": [{"title": "A", "url": "/nyheter/a"}, %s, {"title": "B",'
        ' "url": "/nyheter/b",'
    )
    body = (body + ' "published": "igår", "modified": "2024-04-02"}]}') % ITEM
    page = parse_listing(
        body.encode(), HOME + "nyheter", Agency(slug="skog", name="Skogsrådet", home=HOME)
    )
    found = [(link.url.rpartition("/")[2], link.listed_at, link.published) for link in page.links]
    assert found == [
        ("a", None, None),
        ("ny-bro", "2024-03-01T07:00:00+00:00", "2024-03-01T07:00:00+00:00"),
        ("b", "2024-04-02", None),
    ]


@pytest.mark.parametrize(
    ("keys", "path", "body", "links", "following"), load_table(__file__, "json_sources.tsv", MARKUP)
)
def test_endpoint(
    keys: str, path: str, body: str, links: str | None, following: str | None
) -> None:
    source = JSONSource(**{"url": HOME + "api", "items": "hits", "link": "url"} | json.loads(keys))
    assert read(body, path, source) == ((links or "").split(), following)


def test_dates_of_an_endpoint() -> None:
    source = JSONSource(url=HOME + "api", items="hits", link="url", date="at")
    agency = Agency(slug="skog", name="Skogsrådet", home=HOME, json=(source,))
    hits = [
        {"url": "/a", "at": "2024-03-01"},
        {"url": "/b", "at": 1709251200},
        {"url": "/c", "at": "1 mars"},
    ]
    found = json_links.parse_json_source(
        json.dumps({"hits": hits}).encode(), HOME + "api", source, agency
    )
    assert found.links == [
        SourceLink(HOME + "a", "2024-03-01"),
        SourceLink(HOME + "b"),
        SourceLink(HOME + "c"),
    ]


NOT_FOUND = "json.items: 'hits' finds no list"
NO_ADDRESS = "json.link: 'url' finds no address in item 1, and no other item"
NO_URL = "json.next: 'n' finds .* not a URL or a page's number"
OTHER_HOST = "json.next: http://10.0.0.1/ is on another host"
TITLED = '{"hits": [{"title": "A", "url": 7}]}'
DEEP = '{"hits": ' + "[" * 200 + "]" * 200 + "}"
LONG_TEXT = '{"hits": ["' + "a" * 10 * 1024 * 1024 + '"]}'


def list_item(following: str) -> str:
    return f'{{"hits": [{ITEM}], "n": {following}}}'


def list_zeros(number: int) -> str:
    return '{"hits": [' + "0," * number + "0]}"


@pytest.mark.parametrize(
    ("keys", "body", "problem"),
    [
        ({}, "<html>", "is not JSON"),
        ({}, "", "is not JSON"),
        ({}, "{}", NOT_FOUND),
        ({}, '{"hits": {"a": 1}}', NOT_FOUND),
        ({}, '{"hits": [{"title": "A"}, 3, null]}', NO_ADDRESS),
        ({"title": "title"}, TITLED, "finds no address in 'A', and"),
        ({"link": "sort(@)"}, '{"hits": [7]}', r"json.link: 'sort\(@\)' fails: "),
        ({"next": "n"}, list_item('{"a": 1}'), NO_URL),
        ({"next": "n"}, list_item('"http://10.0.0.1/"'), OTHER_HOST),
        ({"url": HOME + "{page}"}, f'{{"hits": [{ITEM}]}}', "json.url: is not a page of "),
        ({}, "[" * 100_000, "is not JSON: "),
        ({}, DEEP, "has JSON of more than 100 levels: treated as a trap"),
        ({}, list_zeros(500_000), "has JSON of more than 500000 values: treated as a trap"),
        ({}, list_zeros(10_000), "lists more than 10000 releases on a page: treated as a trap"),
        ({}, LONG_TEXT, "has more than 10485760 bytes of JSON: treated as a trap"),
    ],
    ids=range(15),
)
def test_unreadable_endpoint(keys: dict[str, str], body: str, problem: str) -> None:
    source = JSONSource(**{"url": HOME + "api", "items": "hits", "link": "url"} | keys)
    with pytest.raises(SourceError, match=f"^{HOME}api: .*{problem}"):
        read(body, "api", source)


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ('<script id="__NEXT_DATA__">{"props": </script>', "its __NEXT_DATA__ is not JSON"),
        ('<script id="__NEXT_DATA__">' + "[" * 100_000, "has JSON of more than 100 levels"),
        (
            '<script type="application/json">' + "[" * 102 + "]" * 102,
            "has JSON of more than 100 levels",
        ),
        (
            '<script type="application/json">' + "a" * (10 * 1024 * 1024 + 1),
            "has more than 10485760 bytes of JSON",
        ),
    ],
    ids=["broken", "unclosed", "deep", "large"],
)
def test_unreadable_data(script: str, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        read(f"<main>Laddar</main>{script}")
