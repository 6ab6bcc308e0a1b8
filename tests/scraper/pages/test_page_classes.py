"""The whole page: an agency's selectors, evidence, damaged pages, and the version of the parser."""

from __future__ import annotations

import gc
import re
import unicodedata
from collections.abc import Iterator
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper.agency import Agency
from scraper.errors import PageError
from scraper.ingest.edit_or_redesign import PageVersion, is_redesign
from scraper.normalise.conversion import to_release
from scraper.pages.page_classes import compute_parser_version
from scraper.pages.page_reader import read_page
from tests.scraper.pages.sample_page import HEADING, TEXT, URL, build_page, read_item, read_release

HOME = "https://www.exempel.se/"
RICH_PAGE = build_page(
    f"{HEADING}<p>Publicerad 3 mars 2022</p>{TEXT}<h2>När öppnar den?</h2><p>– I"
    " höst.</p><ul><li>Ett</li></ul><table><tr><td>1</td></tr></table><details><summary>Vem?</summary><p>Vi.</p></details><img"
    ' src="/a.jpg" alt="Å"><a href="/a.pdf">En fil</a><h2>Kontakt</h2><p>Eva Ek,'
    " pressansvarig<br>010-000 00 00, eva@exempel.se</p>",
    '<script type="application/ld+json">{"@type": "NewsArticle", "datePublished":'
    ' "2022-03-03"}</script>',
)
# Markup that lxml, urllib or codecs reject.
INVALID_MARKUP = [
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
    b"<script type='application/"
    b'ld+json\'>[[{"@type":[1,'
    b"null],"
    b'"datePublished":{},'
    b'"mainEntity":[1,{}]}]]</script>',
]


def test_selectors_of_agency_come_first() -> None:
    agency = Agency(
        slug="ex",
        name="Ex",
        home=HOME,
        title=".rubrik",
        lead=".kort",
        published=".nar",
        tags=".om a",
    )
    article = (
        '<h1>Fel</h1><h2 class="rubrik">Rätt</h2><p class="preamble">Fel ingress.</p><p'
        f' class="kort">Rätt ingress.</p>{TEXT}<p class="nar">2022-03-03</p><p>Publicerad:'
        ' 2021-01-01</p><p class="om"><a href="/t">Trafik</a></p>'
    )
    release = read_release(article, agency=agency)
    assert (release.agency, release.title, release.lead) == ("ex", "Rätt", "Rätt ingress.")
    assert (release.published, release.tags) == (date(2022, 3, 3), ("Trafik",))


def test_selected_meta_elements_have_their_content() -> None:
    agency = Agency(
        slug="ex", name="Ex", home=HOME, updated="meta[name=changed]", tags="meta[name=k-tag]"
    )
    metas = (("changed", "2022-03-05"), ("k-tag", "Trafik"), ("k-tag", "Broar"))
    head = "".join(f'<meta name="{name}" content="{content}">' for name, content in metas)
    release = read_release(HEADING + TEXT, head, agency=agency)
    assert (release.updated, release.tags) == (date(2022, 3, 5), ("Trafik", "Broar"))


def test_invalid_page_class_or_selector_is_an_error() -> None:
    with pytest.raises(ValueError, match="'nowhere' is not a file in scraper/pages/agencies"):
        read_release(TEXT, agency=Agency(slug="ex", name="Ex", home=HOME, page="nowhere"))
    with pytest.raises(PageError, match="selector"):
        read_release(TEXT, agency=Agency(slug="ex", name="Ex", home=HOME, lead="p..x"))


def test_evidence_of_fields() -> None:
    article = (
        f'{HEADING}<p class="preamble">Kort sagt om bron.</p><p>Publicerad: 3 mars 2022</p>{TEXT}'
    )
    evidence = read_item(article).evidence
    assert evidence.keys() >= {"title", "lead", "body", "published", "main"}
    assert evidence["published"].rule == "label Publicerad:"
    assert evidence["lead"].element.endswith("p.preamble")


@st.composite
def damaged_pages(draw: st.DrawFn) -> bytes:
    """The page cut off, with other bytes, with its tags in another order, or with invalid
    markup.
    """
    position = draw(st.integers(0, len(RICH_PAGE) - 1))
    match draw(st.sampled_from(["cut", "bytes", "tags", "markup"])):
        case "cut":
            return RICH_PAGE[:position]
        case "bytes":
            changes = draw(
                st.dictionaries(
                    st.integers(0, len(RICH_PAGE) - 1),
                    st.integers(0, 255),
                    min_size=10,
                    max_size=60,
                )
            )
            return bytes(changes.get(at, byte) for at, byte in enumerate(RICH_PAGE))
        case "tags":
            parts = re.split(rb"(<[^>]*>)", RICH_PAGE)
            parts[1::2] = draw(
                st.randoms(use_true_random=False).map(
                    lambda rng: rng.sample(parts[1::2], len(parts[1::2]))
                )
            )
            return b"".join(parts)
    markup = draw(st.sampled_from([*INVALID_MARKUP, b"<!--", b"<svg><title>"]))
    return RICH_PAGE[:position] + markup + RICH_PAGE[position:]


def page_version(html: bytes) -> PageVersion:
    return PageVersion(URL, lambda: html)


def test_damaged_page_is_read_or_raises_page_error() -> None:
    titles = []

    @settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @given(damaged_pages())
    def read(html: bytes) -> None:
        try:
            titles.append(to_release(read_page(html, URL)).title)
        except PageError as error:
            assert error.url == URL  # noqa: PT017 - either outcome is right
        is_redesign(page_version(RICH_PAGE), page_version(html))

    read()
    assert len(titles) > 10


@pytest.mark.parametrize(
    "html", [b"", b"\x01", b"<!-- -->", b"<!doctype html>", b"\xff\xfe", b"&#1;"]
)
def test_empty_document_is_not_a_redesign(html: bytes) -> None:
    assert not is_redesign(page_version(RICH_PAGE), page_version(html))
    assert not is_redesign(page_version(html), page_version(RICH_PAGE))


@pytest.mark.parametrize("markup", INVALID_MARKUP)
def test_page_with_invalid_markup_is_read(markup: bytes) -> None:
    assert to_release(read_page(RICH_PAGE.replace(b"</head>", markup + b"</head>"), URL)).title


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
def test_invisible_differences_are_normalised(before: str, after: str) -> None:
    words = (
        'Den nya bron över ån <em>öppnar i höst</em> enligt <a href="/b/">den nya planen</a> för'
        " länet."
    )
    # not in the tags
    changed = re.sub(r"(?<=>)[^<]+|^[^<]+", lambda text: text[0].replace(before, after), words)
    plain, other = (
        read_release(f"{HEADING}<p>{text}</p><ul><li>{text}</li></ul>{TEXT}")
        for text in (words, changed)
    )
    assert changed != words
    assert (other.body, other.body_html) == (plain.body, plain.body_html)


def test_parser_version_depends_on_versions_of_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    current = compute_parser_version()
    assert compute_parser_version() == current
    compute_parser_version.cache_clear()
    monkeypatch.setattr("scraper.pages.page_classes.version", lambda library: f"{library} 99")
    assert compute_parser_version() != current
    compute_parser_version.cache_clear()


@pytest.fixture
def idle_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_page_leaves_no_garbage(idle_garbage_collector: None) -> None:
    read_page(RICH_PAGE, URL)  # fills the caches
    gc.collect()
    read_page(RICH_PAGE, URL)
    assert gc.collect() == 0


def test_rejected_page_leaves_no_soup(idle_garbage_collector: None) -> None:
    def reject() -> None:
        with pytest.raises(PageError):
            read_page(build_page("<h1>Ny bro</h1><p>Kort.</p>"), URL)

    reject()
    gc.collect()
    reject()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        assert [found for found in gc.garbage if type(found).__module__.startswith("bs4")] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
