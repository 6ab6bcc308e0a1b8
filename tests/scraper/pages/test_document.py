"""Documents: charsets, canonical URLs, CSS selectors, and limits of hostile pages."""

from __future__ import annotations

from time import process_time

import pytest

from scraper.errors import PageError
from scraper.normalise.conversion import find_quality_warnings, to_release
from scraper.pages.document import Document, compile_selector, remove_element
from scraper.pages.page_reader import read_page
from scraper.pages.title import find_site_names
from tests.case_tables import load_table
from tests.scraper.pages.sample_page import HEADING, TEXT, URL, build_page, read_release


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252", "utf-16"])
def test_charset(charset: str) -> None:
    html = (
        build_page(HEADING + TEXT)
        .decode()
        .replace('<meta charset="utf-8">', f'<meta charset="{charset}">')
    )
    assert "öppningsbara" in (read_page(html.encode(charset), URL).body or "")


@pytest.mark.parametrize(
    "charset", ["idna", "punycode", "undefined", "base64", "rot13", "utf-7", "unicode_escape", "x"]
)
def test_unknown_charset_is_read_as_windows_1252(charset: str) -> None:
    html = build_page(HEADING + TEXT).decode().replace('charset="utf-8"', f'charset="{charset}"')
    assert read_page(html.encode("windows-1252"), URL).title == "Ny bro öppnar"


def test_valid_utf8_overrules_declared_charset() -> None:
    html = build_page(HEADING + TEXT).replace(b'charset="utf-8"', b'charset="iso-8859-1"')
    assert "öppningsbara" in (read_page(html, URL).body or "")


def test_undeclared_charset() -> None:
    html = build_page(HEADING + TEXT).replace(b'<meta charset="utf-8">', b"")
    with_stray_bytes = html.replace(b"projektledaren.", b"projekt\xe4garen\xa7.")
    body = read_page(with_stray_bytes, URL).body or ""
    assert "öppningsbara" in body
    assert "projektägaren§." in body
    windows_1252 = html.decode().encode("windows-1252")
    assert "öppningsbara" in (read_page(windows_1252, URL).body or "")


# Every character of windows-1252 that prints, and Swedish letters before quotation marks, which
# look like UTF-8.
WINDOWS_1252_TEXTS = (
    "Bron – ”den gamla” – kostade 5 € … sade ”Å” och ”Ö” på ”åä”",
    "Žižek, Šárka och Œuvre: ‚ett‘ „två“ ‹tre› «fyra» • ™ ‰ † ‡ ˆ ˜ ƒ",
    "¡¢£¤¥¦§¨©ª¬®¯°±²³´µ¶·¸¹º¼½¾¿ ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß",
    "àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ Ÿ",
)


@pytest.mark.parametrize(
    "declaration", [b'<meta charset="utf-8">', b'<meta charset="latin-1">', b""]
)
@pytest.mark.parametrize("words", WINDOWS_1252_TEXTS)
def test_windows_1252_page_with_any_declaration(words: str, declaration: bytes) -> None:
    html = build_page(f"<h1>Ny bro på {words}</h1>{TEXT}").decode().encode("windows-1252")
    html = html.replace(b'<meta charset="utf-8">', declaration)
    assert read_page(html, URL).title == f"Ny bro på {words}"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    "words",
    [
        "5 € – ”nu” …",
        "”på” – och ”öar” …",
        "Dvořák i São Paulo, château, façade, Zoë",
        "Ž, š och §",
    ],
)
def test_windows_1252_pasted_into_utf8_page(words: str, mark: bytes) -> None:
    pasted = b"<p>" + words.encode("windows-1252", "xmlcharrefreplace") + b"</p>"
    html = mark + build_page(HEADING + TEXT + "<p>Åska över ön.</p>" * 20).replace(
        b"<p>Arbetet", pasted + b"<p>Arbetet"
    )
    assert words in (read_page(html, URL).body or "")


@pytest.mark.parametrize(
    "cut", ["ö".encode()[:1], "–".encode()[:2], "–".encode()[:1], "😀".encode()[:3]]
)
def test_letter_cut_in_half_is_damage(cut: bytes) -> None:
    html = build_page(HEADING + TEXT).replace(b"projektledaren.", b"projektledaren." + cut)
    release = to_release(read_page(html, URL))
    assert release.body.endswith("projektledaren.\N{REPLACEMENT CHARACTER}")
    assert [warning.field for warning in find_quality_warnings(release)] == ["body"]


def test_quotation_mark_in_utf8_on_page_declared_as_windows_1252() -> None:
    """Its last byte has no character in windows-1252."""
    words = "<p>Åska och ”moln” över ön.</p>" * 8
    html = build_page(HEADING + TEXT + words).replace(b"utf-8", b"windows-1252")
    stray = html.replace("ån".encode(), "ån".encode("latin-1") * 40)
    assert "Åska och ”moln” över ön." in (read_page(stray, URL).body or "")


@pytest.mark.parametrize("charset", ["utf-8", "windows-1252"])
def test_latin_1_bytes_in_utf8_page(charset: str) -> None:
    html = build_page(f"<h1>Ny bro i Åre</h1>{TEXT}").replace(b"utf-8", charset.encode())
    release = to_release(read_page(html.replace("ån".encode(), "ån".encode("latin-1")), URL))
    assert release.title == "Ny bro i Åre"
    assert "bron över ån öppnar" in release.body
    assert find_quality_warnings(release) == []


def test_mojibake_is_repaired_in_every_field_but_not_in_urls() -> None:
    words = "FÃ¶r Ã\u0085re Ã\u00a0 la carte"  # the spaces hide half of a letter
    article = (
        f"<h1>{words}</h1>{TEXT}<p>{words} &amp;amp;ouml; <a href='/Ã¶?a&amp;amp;amp'>lÃ¤nk</a></p>"
    )
    release = read_release(article)
    assert release.title == "För Åre à la carte"
    assert release.body.endswith("För Åre à la carte ö länk")
    assert "För Åre à la carte &amp;ouml;" not in release.body_html
    assert ">länk</a>" in release.body_html
    assert "/Ã¶" in release.body_html


def test_control_characters_are_dropped() -> None:
    body = read_release(f"{HEADING}{TEXT}<nav>Meny</nav>\x01Efter &#x2;menyn.\x0bSlut.").body
    assert "Efter menyn.Slut." in body


def test_mojibake_beside_control_character_is_repaired() -> None:
    html = "<h1>Nytt rÃ¥d</h1><p>Myndigheten har fÃ¥tt ett nytt&#11; rÃ¥d i dag, skriver den.</p>"
    assert read_page(html.encode(), URL).title == "Nytt råd"


def test_invalid_base_url_is_ignored() -> None:
    release = read_release(
        f'{HEADING}{TEXT}<p><a href="/b.pdf">Rapport</a></p>', "<base href='http://[bad'>"
    )
    assert [found.url for found in release.attachments] == ["https://www.exempel.se/b.pdf"]


def test_oversized_markup_is_an_error() -> None:
    with pytest.raises(PageError, match="nested too deeply"):
        read_release(HEADING + "<div>" * 900 + TEXT)
    attributes = " ".join(f"a{number}='x'" for number in range(50_000))
    with pytest.raises(PageError, match="more than 5000 attributes"):
        read_release(f"{HEADING}<div {attributes}>{TEXT}</div>")
    assert read_release(f"{HEADING}<p title='{'ett ord till ' * 5000}'>{TEXT}").body, (
        "the words of one attribute"
    )


PAGE = """<html class="js"><body class="site wide">
<main class="a"><div class="a b" id="1"><p class="lead">ett <span class="lead in">två</span></p>
<div class="b"><p class="lead-in lead\tlast" id="2">tre</p></div></div><p class="Lead">fyra</p></main>
<div class="b a"><section class=" a "><p class="lead\xa0x">fem</p><p class="b lead">sex</p></section></div>
<p class="x">1</p><p class="x y">2</p><p class="x">3</p><p class="y x">4</p><p class="x y">5</p></body></html>"""


@pytest.mark.parametrize(("css", "has_steps"), load_table(__file__, "selectors.tsv"))
def test_selector_finds_what_its_xpath_finds(css: str, has_steps: bool) -> None:
    document = Document(PAGE.encode(), URL)
    assert bool(compile_selector(css).steps) is has_steps
    assert document.select(css) == compile_selector(css).xpath(document.root)


def test_selector_does_not_find_removed_elements() -> None:
    document = Document(PAGE.encode(), URL)
    assert len(document.select("main .lead")) == 3
    (around,) = document.select("main div.a .b")
    remove_element(around)
    assert document.select(".last") == []
    assert document.select("main .lead") == compile_selector("main .lead").xpath(document.root)
    found = document.select_by_class(lambda names: names == "lead")
    assert found == document.root.findall(".//p[@class='lead']")


def test_elements_are_found_by_tag_and_role_in_page_order_until_they_are_removed() -> None:
    page = "<div role='main'><p>1<em>2</em></p><div><p>3</p></div></div><em>4</em>"
    document = Document(f"<body>{page}</body>".encode(), URL)
    assert [part.text for part in document.select_by_tag("em", "p", "nav")] == list("1234")
    (main,) = document.select_by_role("main", "banner")
    remove_element(main)
    assert [part.text for part in document.select_by_tag("em", "p")] == ["4"]
    assert document.select_by_role("main") == []


def test_selector_is_fast_on_hostile_page() -> None:
    """Many classes on an ancestor of many elements, which took 50 s with XPath, and elements deep
    down.
    """
    classes = " ".join(f"c{n}" for n in range(50_000))
    deep, items = "<div>" * 900, "<p class='lead'>a</p>" * 10_000
    document = Document(
        f"<html><body><main class='{classes}'>{deep}{items}</main></body></html>".encode(), URL
    )
    start = process_time()
    assert len(document.select("main .lead")) == 10_000
    assert document.select(".c7 .lead") == document.select_by_class("lead".__eq__)
    assert process_time() - start < 5


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ('<a href="/">Broportalen</a>', ["Broportalen"]),
        ('<a href="/"><img src="/logga.svg" alt="Broportalen"></a>', ["Broportalen"]),
        ('<a href="/nyheter/">Broportalen</a>', []),
    ],
)
def test_home_links_are_known_after_they_are_removed(link: str, expected: list[str]) -> None:
    document = Document(f"<body><div>{link}</div><h1>Ny bro</h1></body>".encode(), URL)
    assert document.home_link_texts == expected
    remove_element(document.select("div")[0])
    assert find_site_names(document) >= {text.casefold() for text in expected}
