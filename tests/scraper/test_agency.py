"""Agencies, and the tables of agencies.toml."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scraper.agency import (
    DEFAULT_AGENCIES_FILE,
    Agency,
    JSONSource,
    SurveyMark,
    check_contact,
    find_owner,
    find_owners,
    find_wire_name,
    load_agencies,
    parse_agency_value,
    select_agencies,
)
from scraper.errors import AgencyError
from scraper.pages.page_classes import compute_parser_version
from scraper.sources.links import is_release_url
from tests.case_tables import load_table

TABLE = """
[skog]
name = "Skogsrådet"
home = "https://www.skog.example/"
aliases = ["skogsradet.example"]
feeds = ["https://www.skog.example/feed"]
releases = '^/nyheter/\\d+'
"""
AGENCIES = load_agencies()
FIRST = 12  # the most read agencies come first; the others follow in alphabetical order
OTHERS = list(AGENCIES.values())[FIRST:]


def write_list(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "list.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_table_becomes_an_agency(tmp_path: Path) -> None:
    agency = load_agencies(write_list(tmp_path, TABLE))["skog"]
    assert (agency.slug, agency.name, agency.feeds) == (
        "skog",
        "Skogsrådet",
        ("https://www.skog.example/feed",),
    )
    assert agency.owns("http://skog.example/x")
    assert agency.owns("https://www.skogsradet.example/x")
    assert not agency.owns("https://notskog.example/x")


def test_mark_of_a_survey(tmp_path: Path) -> None:
    mark = 'survey = {tried = 2026-12-01, verdict = "works", read = 5, judged = 4, right = 3,'
    table = f"{TABLE}{mark} seen = 2026-12-02}}\n"
    agency = load_agencies(write_list(tmp_path, table))["skog"]
    tried, seen = date(2026, 12, 1), date(2026, 12, 2)
    assert agency.survey == SurveyMark(
        tried=tried, verdict="works", read=5, judged=4, right=3, seen=seen
    )
    unmarked = replace(agency, survey=None)
    assert compute_parser_version(agency) == compute_parser_version(unmarked)


@pytest.mark.parametrize(
    "host", ["www.skogsrådet.example", "www.Skogsrådet.example", "www.xn--skogsrdet-b3a.example"]
)
def test_host_with_swedish_letters(tmp_path: Path, host: str) -> None:
    text = TABLE.replace("www.skog.example", host).replace(
        "skogsradet.example", "skogsmyndigheten-å.example"
    )
    agency = load_agencies(write_list(tmp_path, text))["skog"]
    assert agency.home == "https://www.xn--skogsrdet-b3a.example/"
    assert agency.feeds == ("https://www.xn--skogsrdet-b3a.example/feed",)
    assert agency.owns("https://skogsrådet.example/x")
    assert agency.owns("https://www.XN--skogsrdet-b3a.example/x")
    assert agency.owns("https://skogsmyndigheten-å.example/x")
    assert not agency.owns("https://skogsradet.example/x")


@pytest.mark.parametrize(("old", "new", "message"), load_table(__file__, "agencies.tsv"))
def test_invalid_table_is_an_error(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(AgencyError, match=message):
        load_agencies(write_list(tmp_path, TABLE.replace(old, new)))


@pytest.mark.parametrize(
    ("url", "first", "numbers"),
    [
        ("https://a.example/n", "https://a.example/n", [None, None]),
        ("https://a.example/n?p={page}", "https://a.example/n?p=1", [1, 7]),
        ("https://a.example/n?p={page:0}&q=a|b", "https://a.example/n?p=0&q=a|b", [0, 7]),
    ],
)
def test_pages_of_a_json_source(url: str, first: str, numbers: list[int | None]) -> None:
    source = JSONSource(url=url, items="a", link="b")
    agency = Agency(slug="a", name="A", home="https://a.example/", json=(source,))
    assert agency.find_json_source(first) is source
    assert agency.find_json_source(first + "0") is None
    later = source.build_page_url(7)
    found = [source.find_page_number(page) for page in (first, (later or "").replace("|", "%7C"))]
    assert found == numbers
    assert source.find_page_number("https://a.example/annat") is None


def test_missing_or_empty_list_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AgencyError, match=r"none\.toml: no such file"):
        load_agencies(tmp_path / "none.toml")
    with pytest.raises(AgencyError, match="declares no agency"):
        load_agencies(write_list(tmp_path, ""))


def test_select_agencies(tmp_path: Path) -> None:
    agencies = load_agencies(write_list(tmp_path, TABLE))
    assert select_agencies(agencies, [], DEFAULT_AGENCIES_FILE) == agencies
    with pytest.raises(AgencyError, match=r"\[sjo\] is not in the list"):
        select_agencies(agencies, ["sjo"], DEFAULT_AGENCIES_FILE)


def test_live_crawls_need_a_contact() -> None:
    sample = Agency(slug="skog", name="Skog", home="http://skog.localhost:8002/")
    live = Agency(slug="skog", name="Skog", home="https://skog.example/")
    check_contact({"skog": sample}, "")
    check_contact({"skog": live}, "me@skog.example")
    with pytest.raises(AgencyError, match="CONTACT must be set"):
        check_contact({"skog": live}, " ")


def test_list_of_agencies_is_complete_and_in_order() -> None:
    assert len(AGENCIES) >= 285
    assert {"jamstalldhetsmyndigheten", "polisen", "regeringen"} <= set(AGENCIES)
    assert [agency.slug for agency in OTHERS] == sorted(agency.slug for agency in OTHERS)


def test_hosts_belong_to_one_agency() -> None:
    hosts = Counter(host for agency in AGENCIES.values() for host in agency.hosts)
    assert [host for host, count in hosts.items() if count > 1] == []


def test_slug_is_the_host_without_top_level_domain() -> None:
    hosts = {
        agency.slug: (urlsplit(agency.home).hostname or "").removeprefix("www.")
        for agency in OTHERS
    }
    found = {slug: host.rpartition(".")[0].replace(".", "-") for slug, host in hosts.items()}
    assert found == {slug: slug for slug in hosts}


def test_names_and_numbers_are_clean() -> None:
    names = [name for agency in AGENCIES.values() for name in (agency.name, agency.name_en) if name]
    assert [
        name
        for name in names
        if name != " ".join(name.split()) or name.isupper() or re.search(r"[|?\ufffd]", name)
    ] == []
    numbers = [agency.org_number for agency in AGENCIES.values() if agency.org_number]
    assert [number for number in numbers if not re.fullmatch(r"\d{6}-\d{4}", number)] == []


def test_urls_are_https_and_of_the_agency() -> None:
    for agency in AGENCIES.values():
        for url in (agency.home, *agency.feeds, *agency.sitemaps, *agency.listings):
            assert url.startswith("https://"), agency.slug
            assert agency.owns(url), agency.slug


def test_agency_on_the_site_of_another_has_a_pattern_for_its_path() -> None:
    for agency in AGENCIES.values():
        path = urlsplit(agency.home).path
        if path != "/":
            # SiteVision's names of pages
            own = re.sub(r"\.4\.[0-9a-f]+\.html$", "", path).rstrip("/")
            assert re.search(agency.releases or "", f"{own}/nyhet"), agency.slug
            assert not re.search(agency.releases or "", "/nyheter/nyhet"), agency.slug


@pytest.mark.parametrize(("url", "page", "name"), load_table(__file__, "press_rooms.tsv"))
def test_press_room_names_its_wire(url: str, page: str, name: str | None) -> None:
    assert find_wire_name(url, page) == name


@pytest.mark.parametrize(
    ("host", "is_possible"),
    [
        ("publish.notified.com", True),
        ("skogsradet.example", True),
        ("press.skog.example", False),
        ("www.mynewsdesk.com", False),
    ],
)
def test_address_of_a_wire_is_there_or_at_the_agency(
    tmp_path: Path, host: str, *, is_possible: bool
) -> None:
    path = write_list(tmp_path, f'{TABLE}wire = "notified:https://{host}/rss"\n')
    problem = (
        f"{path}: [skog] wire 'https://{host}/rss' is neither at Notified nor at a host of the"
        f" agency"
    )
    with nullcontext() if is_possible else pytest.raises(AgencyError, match=re.escape(problem)):
        load_agencies(path)


@pytest.mark.parametrize(
    ("url", "owners", "owner"),
    [
        ("https://vatten.example/a", ["vatten"], "vatten"),
        ("https://www.mynewsdesk.com/se/vatten/pressreleases/a-1", ["vatten"], "vatten"),
        ("https://via.tt.se/pressmeddelande/1/a", ["skog", "vatten"], None),
        ("https://news.cision.com/se/a", ["vatten"], "vatten"),
        ("https://annan.example/", [], None),
    ],
)
def test_owner_of_a_url(url: str, owners: list[str], owner: str | None) -> None:
    room = "mynewsdesk:https://www.mynewsdesk.com/se/{}/pressreleases"
    wires = {
        "skog": ("viatt:1", room.format("skog")),
        "vatten": ("viatt:2", room.format("vatten"), f"cision:{'a' * 32}"),
    }
    agencies = [
        Agency(slug=slug, name=slug, home=f"https://{slug}.example/", wire=wire)
        for slug, wire in wires.items()
    ]
    assert [agency.slug for agency in find_owners(agencies, url)] == owners
    found = find_owner(agencies, url)
    assert (found and found.slug) == owner


def test_several_wires_of_one_service() -> None:
    rooms = [f"https://www.mynewsdesk.com/se/{name}" for name in ("skog", "vatten")]
    wire = tuple(f"mynewsdesk:{room}/pressreleases" for room in rooms)
    agency = Agency(slug="skog", name="Skog", home="https://skog.example/", wire=wire)
    for room in rooms:
        assert is_release_url(f"{room}/pressreleases/a-1", agency)
    assert not is_release_url("https://www.mynewsdesk.com/se/jord/pressreleases/a-1", agency)
    with pytest.raises(ValueError, match="two lists of viatt"):
        parse_agency_value("wire", ["viatt:1", "viatt:2"])
