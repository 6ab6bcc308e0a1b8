"""The lists of press wires."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.sources.discovery import SourceURLs, get_wire_sources
from scraper.sources.links import is_release_url
from scraper.sources.wires import find_json_list, is_json_list, parse_wire_list

VIATT = "https://via.tt.se/json/v2/releases?publisher=7"
CISION = "https://publish.ne.cision.com/papi/NewsFeed/A275C0BF733048FFAE9126ACA64DD08F?format=json&DetailLevel=detail"
PAGE = "https://via.tt.se/pressmeddelande/1/fler-algar?publisherId=7"
RECORD = {"id": 1, "url": PAGE, "title": "Fler älgar", "published": "2024-03-01T09:00:00+01:00"}
CISION_RECORD = {
    "EncryptedId": "AB",
    "CisionWireUrl": "https://news.cision.com/skog/r/a,c1",
    "PublishDate": "2024-03-01T08:00:00Z",
    "LastChangeDate": "2024-03-02T08:00:00Z",
}


def build_agency(*wire: str) -> Agency:
    return Agency(slug="skog", name="Skog", home="https://skog.example/", releases="^/nyheter/", wire=wire)


def write_list(*records: Any, key: str = "releases", **fields: Any) -> bytes:
    return json.dumps({**fields, key: records}, ensure_ascii=False).encode()


def test_sources_of_wires() -> None:
    agency = build_agency("viatt:7", "cision:A275C0BF733048FFAE9126ACA64DD08F", "mynewsdesk:5", "notified:6")
    assert get_wire_sources(agency) == SourceURLs(
        feeds=[
            "https://www.mynewsdesk.com/rss/current_news/5",
            "https://api.client.notified.com/api/rss/publish/view/6?type=press",
        ],
        listings=[VIATT, CISION],
    )
    own_feed = "https://press.skog.example/rss"
    assert get_wire_sources(build_agency(f"notified:{own_feed}")).feeds == [own_feed]


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
    assert (is_release_url(url, agency), find_json_list(url, agency)) == (can_be_release, json_list)


def test_list_with_pages() -> None:
    agency = build_agency("viatt:7")
    assert is_json_list(VIATT, agency)
    assert is_json_list(f"{VIATT}&page=2", agency)
    assert not is_json_list(f"{VIATT}1", agency)


def test_records_keep_their_own_bytes() -> None:
    text = (
        '{ "a": {"releases": 1}, "releases" : [ {"id": 1,\n "url": "' + PAGE + '", "title": "Ä\\u0021"} , {"id": 2} ] }'
    )
    found = parse_wire_list(text.encode(), VIATT)
    assert [record.body.decode() for record in found.records] == [text[text.index('{"id": 1') : text.index(" , {")]]
    assert [str(problem) for problem in found.problems] == [f"{VIATT}#2: url: is missing, or is not a URL"]


def test_dates_of_links() -> None:
    (record,) = parse_wire_list(write_list(RECORD), VIATT).records
    assert (record.link.listed_at, record.link.published) == ("2024-03-01T08:00:00+00:00", "2024-03-01T08:00:00+00:00")
    (record,) = parse_wire_list(write_list(CISION_RECORD, key="Releases"), CISION).records
    assert (record.link.listed_at, record.link.published) == ("2024-03-02T08:00:00+00:00", "2024-03-01T08:00:00+00:00")


@pytest.mark.parametrize(
    ("body", "url", "next_url"),
    [
        (write_list(RECORD, nextPage=1), VIATT, f"{VIATT}&page=1"),
        (write_list(RECORD, nextPage=3), f"{VIATT}&page=2", f"{VIATT}&page=3"),
        (write_list(RECORD, nextPage=2), f"{VIATT}&page=2", None),
        (write_list(RECORD, nextPage=None), VIATT, None),
        (write_list(nextPage=1), VIATT, None),
        (
            write_list(CISION_RECORD, key="Releases", PageIndex=1, PageSize=1, TotalFoundReleases=2),
            *(CISION, f"{CISION}&PageIndex=2"),
        ),
        (
            write_list(CISION_RECORD, key="Releases", PageIndex=2, PageSize=1, TotalFoundReleases=2),
            *(f"{CISION}&PageIndex=2", None),
        ),
        (write_list(CISION_RECORD, key="Releases", PageIndex="1"), CISION, None),
    ],
)
def test_next_page(body: bytes, url: str, next_url: str | None) -> None:
    assert parse_wire_list(body, url).next_url == next_url


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"<!doctype html><title>Hej</title>", "is not JSON"),
        (b'{"releases": [', "is not JSON"),
        (b"\xff\xfe{}", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "releases: is missing, or is not a list"),
        (b'{"releases": null}', "releases: is missing, or is not a list"),
        (write_list(*[RECORD] * 1001), "releases: lists more than 1000 releases"),
    ],
    ids=range(7),
)
def test_unreadable_list(body: bytes, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        parse_wire_list(body, VIATT)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (7, f"{VIATT}: releases: contains '7', which is not an object"),
        ({"url": PAGE}, f"{VIATT}: id: is missing in the record '"),
        ({"id": 1, "url": "javascript:x"}, f"{VIATT}#1: url: is missing, or is not a URL"),
        ({"id": 1, "url": "http://169.254.169.254/"}, f"{VIATT}#1: url: leads to another host"),
        ({"id": 1, "url": "https://news.cision.com/a"}, f"{VIATT}#1: url: leads to another host"),
    ],
    ids=range(5),
)
def test_unusable_record_does_not_hide_the_others(record: object, problem: str) -> None:
    found = parse_wire_list(write_list(record, RECORD), VIATT)
    assert [item.link.url for item in found.records] == [PAGE]
    assert str(found.problems[0]).startswith(problem)
