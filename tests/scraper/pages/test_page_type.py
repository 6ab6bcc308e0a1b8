"""Pages that are not releases: error pages, walls, outages, placeholders, redirect stubs and
listings.
"""

from __future__ import annotations

import gzip
import json

import pytest

from scraper.agency import Agency
from scraper.crawl.failures import classify_failure
from scraper.errors import NotARelease
from scraper.normalise.conversion import to_release
from scraper.pages.page_reader import read_page
from scraper.pages.page_type import (
    PageSignals,
    detect_rejection,
    find_rejection,
    find_short_page_rejection,
)
from tests.case_tables import load_table
from tests.scraper.pages.sample_page import HEADING, MARKUP, TEXT, URL, read_release
from tests.stored import ROOT

CORPUS = ROOT / "corpus/regeringen.jsonl.gz"
PAGE = """<html lang="sv"><head><title>{title}</title>{head}</head><body><nav><a href="/">Start</a> <a href="/nyheter/">
Nyheter</a></nav><main><h1>{heading}</h1>{text}</main><footer><p>Exempelverket</p></footer></body></html>"""
LINKS = [f'<a href="/nyheter/{number}/">Rubrik nummer {number} om något</a>' for number in range(8)]


def reject(html: str) -> NotARelease:
    """Return the error that a page raises."""
    with pytest.raises(NotARelease) as caught:
        read_page(html.encode(), URL)
    assert caught.value.url == URL
    return caught.value


@pytest.mark.parametrize(
    ("title", "heading", "text", "kind", "failure", "target"),
    load_table(__file__, "rejected.tsv", MARKUP),
)
def test_rejected_page(
    title: str, heading: str | None, *, text: str, kind: str, failure: str, target: str | None
) -> None:
    found = reject(PAGE.format(title=title, head="", heading=heading or title, text=text))
    assert (found.kind, classify_failure(found), found.target) == (kind, failure, target)


@pytest.mark.parametrize(("title", "head", "text"), load_table(__file__, "accepted.tsv", MARKUP))
def test_release_that_resembles_a_rejected_page(title: str, head: str | None, text: str) -> None:
    html = PAGE.format(title=title, head=head or "", heading=title, text=text)
    release = to_release(read_page(html.encode(), URL))
    assert release.title == title
    assert (release.published is not None) == ("Publicerad" in text)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<html></html>",
        "<head><title>Document Moved</title></"
        "head><body><h1>Object Moved</h1>This document may be found here</body>",
        "<title>Felsida 404 | Verket</title><main><h1>Sidan"
        " finns inte</h1><p>Kontrollera adressen.</p></main>",
        "<title>Verket</title><main><h1>Sidan kunde inte hittas</h1></main>",
        "<title>Nyhet</title><main><h1>Ny bro</h1></main>",
    ],
)
def test_page_without_text_is_rejected(html: str) -> None:
    reject(html)


@pytest.mark.parametrize(("head", "body", "target"), load_table(__file__, "redirect_stubs.tsv"))
def test_redirect_stub_is_rejected(head: str, body: str, target: str) -> None:
    found = reject(f"<head><title>Nyhet</title>{head}</head><body>{body}")
    assert (found.kind, found.target) == ("redirected", target)
    assert target in str(found)


def test_login_page_on_another_host_is_rejected() -> None:
    html = (
        f'<title>Hotell Lugnet</title><h1>Välkommen</h1>{TEXT * 3}<input type="password"'
        ' name="kod">'
    ).encode()
    assert detect_rejection(html, "http://10.example/") is None
    found = detect_rejection(html, "http://portal.example/", is_elsewhere=True)
    assert classify_failure(found) == "login"


@pytest.mark.parametrize(
    "entry",
    [
        "<article><h2>{}</h2><p>Några ord om vad nyheten handlar om.</p></article>",
        '<div class="card"><p>3 mars 2022</p>{}<p>Några ord om vad nyheten handlar om.</p></div>',
        '<div class="card"><time datetime="2022-03-03">3 mars</time>{}</div>',
    ],
)
def test_listing_is_rejected(entry: str) -> None:
    entries = "".join(map(entry.format, LINKS))
    found = reject(
        f"<title>N</title><main><h1>Nyheter</h1><p>Här är allt.</p><div>{entries}</div></main>"
    )
    assert (found.kind, found.problem) == ("listing", "is a listing")


def test_release_with_links_is_not_a_listing() -> None:
    entries = "".join(f"<article><h2>{link}</h2><p>Några ord.</p></article>" for link in LINKS)
    assert read_release(f"{HEADING}{TEXT * 2}<div>{entries}</div>").body.endswith("projektledaren.")
    links = "".join(f"<li>{link}</li>" for link in LINKS)
    release = read_release(f"{HEADING}<p>Dessa broar byggs om under året:</p><ul>{links}</ul>")
    assert "Rubrik nummer 7" in release.body


@pytest.mark.skipif(not CORPUS.exists(), reason=f"no {CORPUS}: name its folder with PAGES=")
def test_stored_releases_are_not_rejected() -> None:
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    rejected = []
    for row in rows:
        signals = PageSignals(
            (row["title"],), text=None, asks_for_password=True, refresh_url=None, first_link=None
        )
        short = find_short_page_rejection(signals, row["title"], row["body"], has_date=False)
        if find_rejection(signals) or (short and short.kind != "other"):
            rejected.append(row["title"])
    assert len(rows) > 10_000
    assert rejected == []


@pytest.mark.parametrize(("path", "is_rejected"), load_table(__file__, "listing_addresses.tsv"))
def test_address_of_a_listing_is_no_release(path: str, *, is_rejected: bool) -> None:
    url = f"https://www.exempel.se{path}"
    agency = Agency(
        slug="exempel",
        name="Exempelverket",
        home="https://www.exempel.se/",
        listings=("https://www.exempel.se/om/nytt",),
    )
    html = PAGE.format(title="Ny bro öppnar", head="", heading="Ny bro öppnar", text=TEXT).encode()
    try:
        read_page(html, url, agency)
        found = None
    except NotARelease as error:
        found = error
    assert (found is not None) == is_rejected
    if found:
        assert (found.kind, classify_failure(found), found.url) == ("listing", "listing", url)
