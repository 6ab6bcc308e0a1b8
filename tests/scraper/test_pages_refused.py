"""Pages that are no release, and the charsets of those that are."""

from __future__ import annotations

import pytest

from scraper.errors import NotARelease, PageError
from scraper.pages import read_page
from tests.scraper.pages_of import TEXT, URL, page, read

HEADING = "<h1>Ny bro öppnar</h1>"
LINKS = [f'<a href="/nyheter/{number}/">Rubrik nummer {number} om något</a>' for number in range(8)]


@pytest.mark.parametrize(
    "html",
    [
        b"",
        b"<html></html>",
        b"<head><title>Document Moved</title></head><body><h1>Object Moved</h1>This document may be found here</body>",
        b"<title>Felsida 404 | Verket</title><main><h1>Sidan finns inte</h1><p>Kontrollera adressen.</p></main>",
        b"<title>Verket</title><main><h1>Sidan kunde inte hittas</h1></main>",
        b'<meta http-equiv="refresh" content="0; url=/ny/"><title>Nyhet</title><p>Flyttad.</p>',
        b"<title>Nyhet</title><main><h1>Ny bro</h1></main>",
    ],
)
def test_pages_that_are_no_release(html: bytes) -> None:
    with pytest.raises(NotARelease) as caught:
        read_page(html, URL)
    assert caught.value.url == URL


@pytest.mark.parametrize(
    "entry",
    [
        "<article><h2>{link}</h2><p>Några ord om vad nyheten handlar om.</p></article>",
        '<div class="card"><p>3 mars 2022</p>{link}<p>Några ord om vad nyheten handlar om.</p></div>',
        '<div class="card"><time datetime="2022-03-03">3 mars</time>{link}</div>',
    ],
)
def test_a_listing_is_no_release(entry: str) -> None:
    entries = "".join(entry.format(link=link) for link in LINKS)
    with pytest.raises(NotARelease, match="is a listing") as caught:
        read(f"<h1>Nyheter</h1><p>Här finns allt vi har berättat.</p><div>{entries}</div>")
    assert caught.value.kind == "listing"


def test_a_release_beside_a_listing_is_one() -> None:
    entries = "".join(f"<article><h2>{link}</h2><p>Några ord.</p></article>" for link in LINKS)
    release = read(HEADING + TEXT * 2 + f"<div>{entries}</div>")
    assert release.body.endswith("projektledaren.")


def test_a_release_that_lists_links_is_one() -> None:
    links = "".join(f"<li>{link}</li>" for link in LINKS)
    assert "Rubrik nummer 7" in read(f"{HEADING}<p>Dessa broar byggs om under året:</p><ul>{links}</ul>").body


def test_a_bottomless_page_is_an_error_not_a_crash() -> None:
    with pytest.raises(PageError, match="nested too deeply"):
        read(HEADING + "<div>" * 3000 + TEXT)


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252", "utf-16"])
def test_charsets(charset: str) -> None:
    html = page(HEADING + TEXT).decode().replace('<meta charset="utf-8">', f'<meta charset="{charset}">')
    assert "öppningsbara" in (read_page(html.encode(charset), URL).body or "")


def test_utf8_is_believed_over_an_old_declaration() -> None:
    html = page(HEADING + TEXT).replace(b'charset="utf-8"', b'charset="iso-8859-1"')
    assert "öppningsbara" in (read_page(html, URL).body or "")


def test_a_stray_byte_makes_no_other_charset_of_an_undeclared_page() -> None:
    html = (
        page(HEADING + TEXT)
        .replace(b'<meta charset="utf-8">', b"")
        .replace(b"projektledaren.", b"projekt\xe4garen\xa0.")
    )
    item = read_page(html, URL)
    assert "öppningsbara" in (item.body or "")
    assert "projektägaren\N{REPLACEMENT CHARACTER}." in (item.body or "")
    old = html.decode("utf-8", "ignore").encode("windows-1252", "replace")
    assert "öppningsbara" in (read_page(old, URL).body or "")
