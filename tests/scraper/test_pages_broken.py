"""Broken pages: whatever the bytes, a page is read or refused with a PageError."""

from __future__ import annotations

import random
import re
import unicodedata

import pytest

from scraper.errors import PageError
from scraper.normalise import to_release
from scraper.pages import read_page
from scraper.pages.base import compute_parser_version
from scraper.redesign import PageVersion, is_redesign
from tests.scraper.pages_of import TEXT, URL, page, read

HEADING = "<h1>Ny bro öppnar</h1>"
RICH = page(
    f"{HEADING}<p>Publicerad 3 mars 2022</p>{TEXT}<h2>När öppnar den?</h2><p>– I höst.</p><ul><li>Ett</li></ul>"
    '<table><tr><td>1</td></tr></table><details><summary>Vem?</summary><p>Vi.</p></details><img src="/a.jpg" alt="Å">'
    '<a href="/a.pdf">En fil</a><h2>Kontakt</h2><p>Eva Ek, pressansvarig<br>010-000 00 00, eva@exempel.se</p>',
    '<script type="application/ld+json">{"@type": "NewsArticle", "datePublished": "2022-03-03"}</script>',
)
# What a page may hold that a library below balks at.
EVIL = [
    b"<base href='http://[bad'>",
    b"<meta charset=idna>\xff",
    b"<a href='http://[x'>y</a>",
    b"<img src='http://[' srcset=,,,>",
    b"<link rel=canonical href='http://[::'>",
    b"<meta http-equiv=refresh content='0;url=http://['>",
    b"\x00\x01\x1f\xef\xbf\xbf&#1;&#x1f;&#xFFFE;&#0;",
    b"\xed\xa0\x80&#xD800;&#x110000;",
    b"<a:b:c d:e='f'><o:p>",
    b"<td colspan=99999999999><ol start=x>",
    b"<![CDATA[",
    b'<script type=\'application/ld+json\'>[[{"@type":[1,null],"datePublished":{},"mainEntity":[1,{}]}]]</script>',
]
SWALLOWING = [b"<!--", b"<svg><title>"]  # all that follows


def spoil(html: bytes, chance: random.Random) -> bytes:
    """The page cut off, with random bytes, tags swapped, or something evil put in."""
    at = chance.randrange(len(html))
    way = chance.randrange(4)
    if way == 0:
        return html[:at]
    if way == 1:
        return bytes(chance.randrange(256) if chance.random() < 0.02 else byte for byte in html)
    if way == 2:
        parts = re.split(rb"(<[^>]*>)", html)
        tags = parts[1::2]
        chance.shuffle(tags)
        parts[1::2] = tags
        return b"".join(parts)
    return html[:at] + chance.choice(EVIL + SWALLOWING) + html[at:]


def version(html: bytes) -> PageVersion:
    return PageVersion(URL, lambda: html)


@pytest.mark.parametrize("seed", range(8))
def test_nothing_but_a_page_error_comes_of_a_spoilt_page(seed: int) -> None:
    chance, read_as = random.Random(seed), 0
    for _ in range(30):
        html = spoil(RICH, chance)
        try:
            read_as += bool(to_release(read_page(html, URL)).title)
        except PageError as error:
            assert error.url == URL  # noqa: PT017 - either outcome is right
        is_redesign(version(RICH), version(html))
    assert read_as > 3


@pytest.mark.parametrize("evil", EVIL)
def test_one_fault_in_an_ordinary_page(evil: bytes) -> None:
    assert to_release(read_page(RICH.replace(b"</head>", evil + b"</head>"), URL)).title


def test_an_address_to_start_from_that_is_none_is_passed_over() -> None:
    release = read(f'{HEADING}{TEXT}<p><a href="/b.pdf">Rapport</a></p>', "<base href='http://[bad'>")
    assert [found.url for found in release.attachments] == ["https://www.exempel.se/b.pdf"]


@pytest.mark.parametrize(
    "charset", ["idna", "punycode", "undefined", "base64", "rot13", "utf-7", "unicode_escape", "x"]
)
def test_what_is_no_charset_of_pages_is_read_as_windows_1252(charset: str) -> None:
    html = page(HEADING + TEXT).decode().replace('charset="utf-8"', f'charset="{charset}"').encode("windows-1252")
    assert read_page(html, URL).title == "Ny bro öppnar"


def test_a_control_character_in_the_middle_of_the_text_is_dropped() -> None:
    body = read(f"{HEADING}{TEXT}<nav>Meny</nav>\x01Efter &#x2;menyn.\x0bSlut.").body
    assert "Efter menyn.Slut." in body


@pytest.mark.parametrize("html", [b"", b"\x01", b"<!-- -->", b"<!doctype html>", b"\xff\xfe", b"&#1;"])
def test_an_empty_document_tells_of_no_redesign(html: bytes) -> None:
    assert not is_redesign(version(RICH), version(html))
    assert not is_redesign(version(html), version(RICH))


def test_an_element_of_countless_attributes_is_an_error() -> None:
    many = " ".join(f"a{number}='x'" for number in range(50_000))
    with pytest.raises(PageError, match="more than 5000 attributes"):
        read(f"{HEADING}<div {many}>{TEXT}</div>")
    words = "<p title='" + "ett ord till " * 5000 + f"'>{TEXT}"
    assert read(HEADING + words).body


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (" ", "\u00a0"),
        (" ", "&nbsp;"),
        (" ", "&nbsp; "),
        ("ö", unicodedata.normalize("NFD", "ö")),
        ("nya", "n\u00adya"),
        ("nya", "n&shy;y\u200ba"),
    ],
)
def test_what_cannot_be_seen_makes_no_other_text(before: str, after: str) -> None:
    words = 'Den nya bron över ån <em>öppnar i höst</em> enligt <a href="/b/">den nya planen</a> för länet.'
    marked = re.sub(
        r"(?<=>)[^<]+|^[^<]+", lambda text: text[0].replace(before, after), words
    )  # in the words, not in the tags
    plain, other = (read(f"{HEADING}<p>{text}</p><ul><li>{text}</li></ul>{TEXT}") for text in (words, marked))
    assert marked != words
    assert (other.body, other.body_html) == (plain.body, plain.body_html)


def test_rules_are_known_by_the_versions_of_what_they_rest_on(monkeypatch: pytest.MonkeyPatch) -> None:
    today = compute_parser_version()
    assert compute_parser_version() == today
    compute_parser_version.cache_clear()
    monkeypatch.setattr("scraper.pages.base.version", lambda library: f"{library} 99")
    assert compute_parser_version() != today
    compute_parser_version.cache_clear()
