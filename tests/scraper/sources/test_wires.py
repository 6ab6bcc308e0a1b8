"""The lists of press wires."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.sources.discovery import SourceURLs, find_sources, get_wire_sources
from scraper.sources.links import ListingPage, is_release_url
from scraper.sources.listings import parse_listing

VIATT = "https://via.tt.se/json/v2/releases?publisher=7"
FEED = "A275C0BF733048FFAE9126ACA64DD08F"
CISION = (
    f"https://publish.ne.cision.com/papi/NewsFeed/{FEED}?format=json&DetailLevel=detail&PageIndex="
)
ROOM = "https://www.mynewsdesk.com/se/skog/pressreleases"
PAGE = "https://via.tt.se/pressmeddelande/1/fler-algar?publisherId=7"
RECORD = {"id": 1, "url": PAGE, "title": "Fler älgar", "published": "2024-03-01T09:00:00+01:00"}
CISION_RECORD = {
    "EncryptedId": "AB",
    "CisionWireUrl": "https://news.cision.com/skog/r/a,c1",
    "PublishDate": "2024-03-01T08:00:00Z",
    "LastChangeDate": "2024-03-02T08:00:00Z",
}


def build_agency(*wire: str) -> Agency:
    return Agency(
        slug="skog", name="Skog", home="https://skog.example/", releases="^/nyheter/", wire=wire
    )


def read_list(body: bytes, url: str) -> ListingPage:
    agency = build_agency("viatt:7", f"cision:{FEED}")
    return parse_listing(body, url, agency, VIATT if url.startswith(VIATT) else f"{CISION}1")


def write_list(*records: Any, key: str = "releases", **fields: Any) -> bytes:
    return json.dumps({**fields, key: records}, ensure_ascii=False).encode(
        errors="backslashreplace"
    )


def test_sources_of_wires() -> None:
    agency = build_agency("viatt:7", f"cision:{FEED}", "mynewsdesk:5", "notified:6")
    assert get_wire_sources(agency) == SourceURLs(
        feeds=[
            "https://www.mynewsdesk.com/rss/current_news/5",
            "https://api.client.notified.com/api/rss/publish/view/6?type=press",
        ],
        listings=[VIATT, f"{CISION}1"],
    )
    own_feed = "https://press.skog.example/rss"
    assert get_wire_sources(build_agency(f"notified:{own_feed}")).feeds == [own_feed]
    assert get_wire_sources(build_agency(f"mynewsdesk:{ROOM}")).listings == [ROOM]


@pytest.mark.parametrize(
    ("url", "can_be_release", "json_list"),
    [
        ("https://skog.example/nyheter/a", True, None),
        ("https://www.mynewsdesk.com/se/skog/pressreleases/a-1", True, None),
        ("https://skog.mynewsdesk.com/pressreleases/a-1", True, None),
        ("https://notmynewsdesk.com/a", False, None),
        ("https://www.mynewsdesk.com/material/1.pdf", False, None),
        (PAGE, False, VIATT),  # never requested: its list has it
        ("https://news.cision.com/skog/r/a,c1", False, None),  # not this agency's wire
    ],
)
def test_pages_of_wires(url: str, can_be_release: bool, json_list: str | None) -> None:
    agency = build_agency("viatt:7", "mynewsdesk:5")
    source = agency.find_record_source(url)
    assert (is_release_url(url, agency), source and source.first_url) == (can_be_release, json_list)


def test_releases_of_a_press_room() -> None:
    agency = build_agency(f"mynewsdesk:{ROOM}")
    links = (
        f"{ROOM}/algar-12",
        f"{ROOM}/latest",
        "/se/skog/news/rad-3",
        "/se/skog/about",
        "/se/annan/pressreleases/a-1",
    )
    html = "".join(f'<li><a href="{link}">Fler älgar</a></li>' for link in links)
    found = parse_listing(f"<main><ul>{html}</ul></main>".encode(), ROOM, agency)
    assert [link.url for link in found.links] == [
        links[0],
        "https://www.mynewsdesk.com/se/skog/news/rad-3",
    ]


def test_own_site_does_not_say_whose_a_page_at_a_wire_is() -> None:
    html = (
        '<ul><li><a href="/nyheter/a">Fler älgar</a></li><li><a'
        ' href="https://www.mynewsdesk.com/se/annan/pressreleases/b-1">En annan myndighets'
        ' nyhet</a></li></ul><p><a href="https://www.mynewsdesk.com/about/terms">Om'
        " tjänsten</a></p>"
    )
    found = parse_listing(
        f"<main>{html}</main>".encode(),
        "https://skog.example/nyheter",
        build_agency("mynewsdesk:5"),
    )
    assert [link.url for link in found.links] == ["https://skog.example/nyheter/a"]
    home = (
        b'<a href="/nyheter">Nyheter</a> <a href="https://www.mynewsdesk.com/se/skog">Pressrum</a>'
    )
    sources = find_sources(home, "https://skog.example/", build_agency("mynewsdesk:5"))
    assert (sources.listings, sources.press_rooms) == (["https://skog.example/nyheter"], [])


def test_records_keep_their_own_bytes() -> None:
    text = (
        '{ "a": {"releases": 1}, "releases" : [ {"id": 1,\n "url": "'
        + PAGE
        + '", "title": "Ä\\u0021"} , {"id": 2} ] }'
    )
    found = read_list(text.encode(), VIATT)
    (record,) = [link.record for link in found.links if link.record]
    assert (record.url, record.body.decode()) == (
        f"{VIATT}#1",
        text[text.index('{"id": 1') : text.index(" , {")],
    )
    assert [str(error) for error in found.errors] == [
        f"{VIATT}: json.link: 'url' finds no address in item 2"
    ]


def test_id_that_cannot_be_encoded() -> None:
    (link,) = read_list(write_list({"id": "a\ud800", "url": PAGE}), VIATT).links
    assert (link.record.url if link.record else None) == f"{VIATT}#a%3F"


def test_dates_of_links() -> None:
    for body, url in (
        (write_list(RECORD), VIATT),
        (write_list(CISION_RECORD, key="Releases"), f"{CISION}1"),
    ):
        (link,) = read_list(body, url).links
        assert (link.listed_at, link.published) == (
            "2024-03-01T08:00:00+00:00",
            "2024-03-01T08:00:00+00:00",
        )


@pytest.mark.parametrize(
    ("body", "url", "next_url"),
    [
        (write_list(RECORD, nextPage=1), VIATT, f"{VIATT}&page=1"),
        (write_list(RECORD, nextPage=3), f"{VIATT}&page=2", f"{VIATT}&page=3"),
        (write_list(RECORD, nextPage=2), f"{VIATT}&page=2", None),
        (write_list(RECORD, nextPage=None), VIATT, None),
        (write_list(nextPage=1), VIATT, None),
        (write_list(CISION_RECORD, key="Releases"), f"{CISION}1", f"{CISION}2"),
        (write_list(key="Releases"), f"{CISION}3", None),
    ],
)
def test_next_page(body: bytes, url: str, next_url: str | None) -> None:
    assert read_list(body, url).next_url == next_url


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<!doctype html><title>Hej</title>", "is not JSON"),
        (b'{"releases": [', "is not JSON"),
        (b"\xff\xfe{}", "is not JSON"),
        ('{"releases": [1]}'.encode("utf-16"), "is not UTF-8"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "json.items: 'releases' finds no list"),
        (b'{"releases": null}', "json.items: 'releases' finds no list"),
        (write_list(*[0] * 10_001), "lists more than 10000 releases"),
    ],
    ids=range(8),
)
def test_unreadable_list(body: bytes, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        read_list(body, VIATT)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (7, f"{VIATT}: json.link: 'url' finds no address in item 1"),
        ({"url": PAGE}, f"{VIATT}: json.id: 'id' finds no id in '"),
        (
            {"id": 1, "url": f"{PAGE}\ud800"},
            f"{VIATT}: json.link: 'url' finds no address in item 1",
        ),
        ({"id": 1, "url": "javascript:x"}, f"{VIATT}: json.link: 'url' "),
        (
            {"id": 1, "url": "http://169.254.169.254/"},
            f"{VIATT}: json.link: 'url' leads to another host",
        ),
        (
            {"id": 1, "url": "https://news.cision.com/a"},
            f"{VIATT}: json.link: 'url' leads to another host",
        ),
    ],
    ids=range(6),
)
def test_unusable_record_does_not_hide_the_others(record: object, problem: str) -> None:
    found = read_list(write_list(record, RECORD), VIATT)
    assert [link.url for link in found.links] == [PAGE]
    assert str(found.errors[0]).startswith(problem)
