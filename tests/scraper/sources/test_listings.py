"""Listings: their releases and their next page."""

from __future__ import annotations

from string import Template

import pytest

from archive.health.audited_sources import SourceProblem
from scraper.agency import Agency
from scraper.pages.document import Element
from scraper.sources import listings
from scraper.sources.links import SourceLink, get_line_text
from scraper.sources.listings import parse_listing
from tests.case_tables import load_table

HOME = "https://www.skog.example/"
TITLES = ["Ny lag", "Brand", "Jakt", "Älg", "Vatten"]
ITEMS = "".join(
    f'<li><a href="/nyheter/{number}">{title}</a></li>' for number, title in enumerate(TITLES)
)
# Entries of a listing at /press.
DATED = "".join(
    f'<li><a href="/press?id={number}">{title}</a> <time datetime="2024-03-01">1 mars</time></li>'
    for number, title in enumerate(("Ny lag", "Fler poliser i skogen", "Jakten börjar"))
)
MARKUP = {
    "BEFORE_PAGER": """<html><body><nav><a href="/nyheter/i-menyn">Meny</a></nav><main>
<ul><li><a href="/nyheter/a">Nyhet a</a> <time datetime="2024-03-15">15 mars</time></li>
<li><h3><a href="/kort/b;jsessionid=1">Nyhet b</a></h3></li><li><a href="/nyheter/a">Läs mer</a></li>
<li><a href="/om-oss">Om oss</a></li><li><a href="mailto:a@b.se">Mejl</a></li></ul>""",
    "AFTER_PAGER": '</main><footer><a href="/nyheter/i-foten">Fot</a></footer></body></html>',
    "ITEMS": ITEMS,
    "LIST": f"<ul>{ITEMS}</ul>",
    "CARDS": "".join(
        '<article><header class="entry-header"><h2><a'
        f' href="/nyheter/{number}">{title}</a></h2></header><p>Text</p><footer'
        ' class="entry-footer"><a href="/nyheter/amne/skog" rel="category'
        ' tag">Skog</a></footer></article>'
        for number, title in enumerate(TITLES)
    ),
    "DATED": DATED,
    "HEADED": "".join(
        f'<div><h3><a href="?id={number}&utm_source=x">{title}</a></h3></div>'
        for number, title in enumerate(("Ny lag", "Fler poliser i skogen", "Jakten börjar"))
    ),
    "WITH_PATHS": DATED.replace("press?id=", "press/"),
    "VIEWS": """<ul><li><a href="?kategori=skog">Skog</a></li><li><a href="?kategori=jakt">Jakt</a></li></ul>
<a href="/press">Alla</a> <a href="/press#start">Upp</a> <a href="?sort=datum">Nyaste först</a>""",
    "PAGER": """<ul class="pager"><li class="active">1</li><li><a href="?page=2">2</a></li>
<li><a href="?page=3">3</a></li><li><a href="?page=2">Nästa sida</a></li></ul>""",
}


def build_agency(releases: str | None = None, home: str = HOME) -> Agency:
    return Agency(slug="skog", name="Skogsrådet", home=home, releases=releases)


@pytest.mark.parametrize(
    ("path", "html", "patterns", "links", "following"), load_table(__file__, "listings.tsv", MARKUP)
)
def test_listing(
    path: str, html: str, *, patterns: str, links: str | None, following: str | None
) -> None:
    for pattern in patterns.split():
        agency = build_agency(None if pattern == "none" else pattern)
        found, next_url, *_ = parse_listing(html.encode(), HOME + path, agency)
        assert [link.url for link in found] == [HOME + link for link in (links or "").split()]
        assert next_url == (HOME + following if following else None)


@pytest.mark.parametrize(
    ("pattern", "links"),
    [
        (None, [SourceLink(HOME + "nyheter/a", "2024-03-15"), SourceLink(HOME + "kort/b")]),
        ("^/kort/", [SourceLink(HOME + "kort/b")]),
    ],
)
def test_dates_and_pattern_of_listing(pattern: str | None, links: list[SourceLink]) -> None:
    html = MARKUP["BEFORE_PAGER"] + MARKUP["AFTER_PAGER"]
    assert parse_listing(html.encode(), HOME + "nyheter", build_agency(pattern))[:2] == (
        links,
        None,
    )


@pytest.mark.parametrize(
    "home", ["https://www.skogsrådet.se/", "https://www.xn--skogsrdet-b3a.se/"]
)
def test_host_with_swedish_letters(home: str) -> None:
    agency = build_agency(home=home)
    html = (
        b"<main><a href='https://www.skogsr\xc3\xa5det.se/nyheter/a'>A</a> <a"
        b" href='/nyheter/b'>B</a></main>"
    )
    url = "https://www.xn--skogsrdet-b3a.se/nyheter"
    links, *_ = parse_listing(html, url, agency)
    assert [link.url for link in links] == [url + "/a", url + "/b"]
    assert parse_listing(html, home + "nyheter", agency)[0] == links


@pytest.mark.parametrize(
    ("files", "html", "links"), load_table(__file__, "listed_files.tsv", MARKUP)
)
def test_listed_files(files: str, html: str, *, links: str | None) -> None:
    """A link is written as path|title|day."""
    for value in files.split():
        choice = {"none": None, "true": True, "false": False}[value]
        agency = Agency(slug="skog", name="Skogsrådet", home=HOME, files=choice)
        found = parse_listing(html.encode(), HOME + "nyheter", agency)
        texts = [
            f"{link.url.removeprefix(HOME)}|{link.file_title}|{link.file_day or ''}"
            for link in found.links
        ]
        assert texts == ((links or "").split("; ") if links else [])


def test_dated_documents_that_are_not_taken_are_a_problem() -> None:
    html = '<main><ul><li>3 mars 2024 <a href="/a.pdf">Ny väg</a></li></ul></main>'
    url = HOME + "nyheter"
    found = parse_listing(html.encode(), url, build_agency()).problem
    assert found == SourceProblem("documents", url, "1")
    agency = Agency(slug="skog", name="Skogsrådet", home=HOME, files=False)
    assert parse_listing(html.encode(), HOME + "nyheter", agency).problem is None


@pytest.mark.parametrize(("html", "problem"), load_table(__file__, "hidden_lists.tsv", MARKUP))
def test_hidden_list(html: str, problem: str | None) -> None:
    """A problem is written as its code, or as code: value."""
    found = parse_listing(html.encode(), HOME + "nyheter", build_agency()).problem
    assert (": ".join(filter(None, [found.code, found.value])) if found else None) == problem


@pytest.mark.parametrize(
    ("item", "link"),
    [
        ("<ul><li>$links</li></ul>", '<a href="/nyheter/$n">Nyhet $n</a> 3 mars. '),
        ("<article>$links</article>", '<h2><a href="/nyheter/$n">Nyhet $n</a></h2> '),
        (
            "<table><tr><td>$links</td></tr></table>",
            '<a href="/nyheter?id=$n">Nyhet $n</a> 2024-03-03 ',
        ),
    ],
)
def test_text_of_an_item_with_many_links_is_read_once(
    monkeypatch: pytest.MonkeyPatch, item: str, link: str
) -> None:
    read = list[int]()

    def count(element: Element) -> str:
        read.append(len(text := get_line_text(element)))
        return text

    monkeypatch.setattr(listings, "get_line_text", count)
    totals = []
    for number in (50, 100):
        read.clear()
        links = "".join(Template(link).substitute(n=n) for n in range(number))
        html = f"<main>{Template(item).substitute(links=links)}</main>"
        parse_listing(html.encode(), HOME + "nyheter", build_agency())
        totals.append(sum(read))
    assert totals[1] < 2.5 * totals[0]
