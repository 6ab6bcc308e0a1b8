"""The whole list of agencies: each well written, none twice, and its page tells the truth of it."""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import urlsplit

import pytest

from scraper.agency import load_agencies
from tests.agencies import DECLARED, PAGE, find_read, parse_page, to_page
from tests.stored import ROOT, stored_rows

AGENCIES = load_agencies()
FIRST = 12  # written by hand, those most read first; the register follows in alphabetical order
REST = list(AGENCIES.values())[FIRST:]
ROWS = parse_page(PAGE.read_text("utf-8"))


def test_the_register_is_here() -> None:
    assert len(AGENCIES) >= 285
    assert [agency.slug for agency in REST] == sorted(agency.slug for agency in REST)


def test_no_host_has_two_agencies() -> None:
    hosts = Counter(host for agency in AGENCIES.values() for host in agency.hosts)
    assert [host for host, times in hosts.items() if times > 1] == []


def test_a_slug_is_the_host_without_its_top_level() -> None:
    hosts = {agency.slug: urlsplit(agency.home).hostname or "" for agency in REST}
    told = {slug: host.removeprefix("www.").rpartition(".")[0].replace(".", "-") for slug, host in hosts.items()}
    assert told == {slug: slug for slug in hosts}


def test_names_and_numbers_are_clean() -> None:
    names = [name for agency in AGENCIES.values() for name in (agency.name, agency.name_en) if name]
    assert [
        name for name in names if name != " ".join(name.split()) or name.isupper() or re.search(r"[|?\ufffd]", name)
    ] == []
    numbers = [agency.org_number for agency in AGENCIES.values() if agency.org_number]
    assert [number for number in numbers if not re.fullmatch(r"\d{6}-\d{4}", number)] == []


def test_every_address_is_https_on_a_host_of_the_agency() -> None:
    for agency in AGENCIES.values():
        for url in (agency.home, *agency.feeds, *agency.sitemaps, *agency.listings):
            assert url.startswith("https://"), agency.slug
            assert agency.owns(url), agency.slug


def test_a_body_inside_anothers_site_is_held_to_its_own_path() -> None:
    for agency in AGENCIES.values():
        path = urlsplit(agency.home).path
        if path != "/":
            own = re.sub(r"\.4\.[0-9a-f]+\.html$", "", path).rstrip("/")  # SiteVision names a page so
            assert re.search(agency.releases or "", f"{own}/nyhet"), agency.slug
            assert not re.search(agency.releases or "", "/nyheter/nyhet"), agency.slug


def test_the_page_lists_just_these_agencies() -> None:
    told = [(name, slug, home) for name, slug, home, _ in ROWS]
    here = [(agency.name, slug, agency.home) for slug, agency in AGENCIES.items()]
    assert told == here, "run python -m tests.agencies, and commit the page it writes"


def test_the_page_claims_little() -> None:
    assert {slug for _, slug, _, read in ROWS if read != DECLARED} < set(AGENCIES)
    assert next(read for _, slug, _, read in ROWS if slug == "jamstalldhetsmyndigheten") == "a rebuilt page"


@pytest.mark.skipif(not stored_rows("pages"), reason=f"no stored pages in {ROOT}: name their folder with PAGES=")
def test_what_the_page_calls_read_was_read() -> None:
    here = to_page(AGENCIES, find_read(AGENCIES))
    assert PAGE.read_text("utf-8") == here, "run python -m tests.agencies, and read what it changes"
