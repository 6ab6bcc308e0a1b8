"""Releases that only their query tells from the listing's own address, and the listing's other views."""

from __future__ import annotations

import pytest

from scraper.agency import Agency
from scraper.sources import parse_listing

HOME = "https://www.skog.example/"
AGENCY = Agency(slug="skog", name="Skogsrådet", home=HOME)
DECLARED = Agency(slug="skog", name="Skogsrådet", home=HOME, releases="^/press")
TITLES = ["Ny lag", "Fler poliser i skogen", "Jakten börjar"]
DATED = "".join(
    f'<li><a href="/press?id={number}">{title}</a> <time datetime="2024-03-01">1 mars</time></li>'
    for number, title in enumerate(TITLES)
)
HEADED = "".join(
    f'<div><h3><a href="?id={number}&utm_source=x">{title}</a></h3></div>' for number, title in enumerate(TITLES)
)
BARE = "".join(f'<li><a href="/press?id={number}">{title}</a></li>' for number, title in enumerate(TITLES))
RELEASES = [f"{HOME}press?id={number}" for number in range(3)]
VIEWS = """<ul><li><a href="?kategori=skog">Skog</a></li><li><a href="?kategori=jakt">Jakt</a></li></ul>
<a href="/press">Alla</a> <a href="/press#start">Upp</a> <a href="?sort=datum">Nyaste först</a>"""
PAGER = """<ul class="pager"><li class="active">1</li><li><a href="?page=2">2</a></li><li><a href="?page=3">3</a></li>
<li><a href="?page=2">Nästa sida</a></li></ul>"""


def read(body: str, agency: Agency = DECLARED, listing: str = "press") -> tuple[list[str], str | None]:
    links, following, _ = parse_listing(f"<main>{body}</main>".encode(), HOME + listing, agency)
    return [link.url for link in links], following


@pytest.mark.parametrize("agency", [AGENCY, DECLARED])
@pytest.mark.parametrize("entries", [DATED, HEADED])
def test_releases_told_apart_by_their_query_are_found(entries: str, agency: Agency) -> None:
    assert read(VIEWS + entries, agency) == (RELEASES, None)
    assert read(VIEWS + entries + PAGER, agency) == (RELEASES, HOME + "press?page=2")


def test_on_a_later_page_the_first_is_no_release() -> None:
    first = '<a href="/press">1</a> <a href="/press?page=1">Föregående</a>'
    assert read(DATED + first, listing="press?page=2") == (RELEASES, None)


def test_entries_that_show_nothing_else_are_releases_where_the_agencys_pattern_says_so() -> None:
    entries = BARE.replace("Fler poliser", "Poliser")
    for pager in (PAGER, '<a href="?page=2">2</a>', '<a rel="next" href="?page=2">></a> <a href="?page=9">Sista</a>'):
        assert read(entries + pager)[0] == RELEASES
    assert read(entries, AGENCY)[0] == []


def test_views_of_a_listing_are_none_of_its_entries() -> None:
    entries = DATED.replace("press?id=", "press/")
    assert read(VIEWS + entries + PAGER)[0] == [f"{HOME}press/{number}" for number in range(3)]


@pytest.mark.parametrize("agency", [AGENCY, DECLARED])
def test_a_link_to_more_is_none_although_dates_stand_in_the_article_around_it(agency: Agency) -> None:
    entries = DATED.replace("press?id=", "press/")
    more = '<a href="?page=2">Visa fler nyheter</a>'
    for body in (
        f"<article><ul>{entries}</ul>{more}</article>",
        f"<article><h1>Press</h1>1 mars 2024 {more}</article>",
    ):
        releases, following = read(body, agency)
        assert HOME + "press?page=2" not in releases
        assert following == HOME + "press?page=2"
