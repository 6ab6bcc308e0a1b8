"""Pagers of many systems: either every release of a listing is read, or the listing is
incomplete.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Template
from urllib.parse import urljoin

import pytest
from lxml.html import FormElement

from archive.health.audited_sources import SourceProblem
from scraper.agency import Agency
from scraper.sources.links import ListingPage
from scraper.sources.listings import parse_listing
from scraper.sources.pager import MAX_CONTROLS
from tests.case_tables import load_table

HOME = "https://www.fyr.example/"
LISTING = HOME + "nyheter"
AGENCY = Agency(slug="fyr", name="Fyrstyrelsen", home=HOME)
PAGES, RELEASES = 3, 5  # pages of the listing, and releases on each
TITLES = (
    "Fyren tänds",
    "Fler lotsar i hamnen",
    "Äldre kablar byts",
    "Nästa steg för farleden",
    "2 nya sjömärken",
)


def build_listing(page: int, pager: str) -> bytes:
    entries = "".join(
        f'<li><h3><a href="/nyheter/{title.lower().replace(" ", "-")}-{page}">{title}</a></h3>'
        f'<time datetime="2024-0{9 - page}-03">3 mars</time></li>'
        for title in TITLES
    )
    return (
        f"<body><nav><a href='/om'>Om oss</a></nav><main><ul>{entries}</ul>{pager}</main></body>"
    ).encode()


def build_pages(address: str, pager: str, parts: Mapping[str, str]) -> dict[str, bytes]:
    """Return the pages of a listing by their URLs, with a pager as the templates describe it."""

    def fill(template: str, number: int) -> str:
        values = {"n": str(number), "m": str(number - 1)}
        return Template(template).substitute(
            values | {"href": Template(address).substitute(values)}
        )

    pages: dict[str, bytes] = {}
    for page in range(1, PAGES + 1):
        numbers = "".join(
            fill(parts["current" if n == page else "link"], n) for n in range(1, PAGES + 1)
        )
        following = fill(parts["next"], page + 1) if page < PAGES else ""
        body = build_listing(page, Template(pager).safe_substitute(numbers=numbers, next=following))
        pages.setdefault(LISTING if page == 1 else urljoin(LISTING, fill("$href", page)), body)
    return pages


def read_pages(pages: Mapping[str, bytes]) -> tuple[set[str], ListingPage]:
    """Follow a listing as a crawl does; return the URLs of its releases, and its last page."""
    links, requested, url = set[str](), set[str](), LISTING
    while True:
        requested.add(url)
        found = parse_listing(pages[url], url, AGENCY, LISTING, len(requested))
        links |= {link.url for link in found.links}
        if not found.next_url or found.next_url in requested:
            return links, found
        url = found.next_url


@pytest.mark.parametrize(
    ("address", "pager", "link", "current", "following", "outcome"),
    load_table(__file__, "pagers.tsv"),
)
def test_pager_is_followed_or_reported(
    address: str,
    pager: str,
    *,
    link: str | None,
    current: str | None,
    following: str | None,
    outcome: str,
) -> None:
    parts = {"link": link or "", "current": current or "", "next": following or ""}
    links, last = read_pages(build_pages(address, pager, parts))
    if outcome == "read":
        assert (len(links), last.problem) == (PAGES * RELEASES, None), links
    else:
        assert (len(links), last.problem is not None) == (RELEASES, True)


@pytest.mark.parametrize(
    ("pager", "code", "url", "value"), load_table(__file__, "reported_pagers.tsv")
)
def test_report_names_the_link_or_sentence(pager: str, code: str, url: str, value: str) -> None:
    problem = parse_listing(build_listing(1, pager), LISTING, AGENCY).problem
    assert problem == SourceProblem(
        code, url or pager.split('"')[1].replace("/arkiv", HOME + "arkiv"), value
    )
    assert all(
        value in SourceProblem(code, url, value).describe(language) for language in ("sv", "en")
    )


@pytest.mark.parametrize("html", load_table(__file__, "no_pagers.tsv"))
def test_other_parts_of_a_page_are_no_pager(html: str) -> None:
    found = parse_listing(build_listing(1, html), LISTING, AGENCY)
    assert (len(found.links), found.next_url, found.problem) == (RELEASES, None, None)


@pytest.mark.parametrize(
    ("href", "text", "found"),
    [
        ("/om/nyheter/2019", "2019", "/om/nyheter/2019"),
        ("?year=2019", "2019 (14)", "/om/nyheter?year=2019"),
        ("/om/nyheter-2019", "År 2019", "/om/nyheter-2019"),
        ("/om/nyheter-2019", "Pressmeddelanden från 2019", "/om/nyheter-2019"),
        ("/om/nyheter/arkiv", "Nyhetsarkiv", "/om/nyheter/arkiv"),
        ("/om/nyheter/aldre/", "Äldre nyheter", "/om/nyheter/aldre/"),
        ("/om/nyheter/alla", "Gå till arkivet för nyheter", "/om/nyheter/alla"),
        ("/arkiv", "Arkiv", None),
        ("/om/arkiv", "Arkiv", None),
        ("/rapporter/2019", "2019", None),
        ("/om/siffror", "2019", None),
        ("/om/nyheter", "2019", None),
        ("/om/nyheter/2019.pdf", "2019", None),
        ("/om/nyheter/2019/nytt-arkiv", "Nytt arkiv invigt", None),
        ("https://annan.example/om/nyheter/2019", "2019", None),
    ],
)
def test_archive_pages_are_found_and_are_no_releases(
    href: str, text: str, found: str | None
) -> None:
    html = (
        '<main><ul><li><a href="/om/nyheter/ny-lag">Ny lag</a></li></ul><a'
        f' href="{href}">{text}</a></main>'
    )
    page = parse_listing(html.encode(), HOME + "om/nyheter", AGENCY)
    assert page.archive_urls == ([urljoin(HOME, found)] if found else [])
    others = [HOME + "om/nyheter/2019/nytt-arkiv"] if "Nytt" in text else []
    assert [link.url for link in page.links] == [HOME + "om/nyheter/ny-lag", *others]


def test_archive_pages_are_relative_to_the_base_url() -> None:
    html = b'<head><base href="/"></head><main><a href="om/nyheter/2019">2019</a></main>'
    found = parse_listing(html, HOME + "om/nyheter", AGENCY).archive_urls
    assert found == [HOME + "om/nyheter/2019"]


FAR = "https://annan.example/"


@pytest.mark.parametrize(
    ("form", "button", "forms_read"),
    [
        pytest.param(
            f"<form action='{FAR}'>$buttons</form>",
            "<button name='b$n'>Visa fler</button>",
            1,
            id="inside",
        ),
        pytest.param(
            f"<form id='f' action='{FAR}'></form>$buttons",
            "<button form='f'>Visa fler</button>",
            1,
            id="by its id",
        ),
        pytest.param(
            "$buttons",
            f"<form action='{FAR}'><button>Visa fler</button></form>",
            MAX_CONTROLS,
            id="own forms",
        ),
    ],
)
def test_form_with_many_buttons_is_read_once(
    monkeypatch: pytest.MonkeyPatch, form: str, button: str, forms_read: int
) -> None:
    read, form_values = list[FormElement](), FormElement.form_values

    def count(form: FormElement) -> list[tuple[str, str]]:
        read.append(form)
        return form_values(form)

    monkeypatch.setattr(FormElement, "form_values", count)
    for number in (MAX_CONTROLS + 50, 2 * MAX_CONTROLS + 100):
        read.clear()
        buttons = "".join(Template(button).substitute(n=n) for n in range(number))
        parse_listing(build_listing(1, Template(form).substitute(buttons=buttons)), LISTING, AGENCY)
        assert len(read) == forms_read


def test_button_of_a_form_that_leads_elsewhere_may_have_its_own_address() -> None:
    own = "formaction='/nyheter?p=2' formmethod='post' name='b' value='2'"
    buttons = f"<button name='a' value='1'>Visa fler</button><button {own}>Visa fler</button>"
    pager = f"<form action='{FAR}'><input type='hidden' name='x' value='y'>{buttons}</form>"
    found = parse_listing(build_listing(1, pager), LISTING, AGENCY).next_url
    assert found == f"{LISTING}?p=2#x=y&b=2"
