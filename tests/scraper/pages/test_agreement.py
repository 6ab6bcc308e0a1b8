"""A body is compared with other readings of its page; one that is another text is doubted or
rejected.
"""

from __future__ import annotations

import re

import pytest

from scraper.agency import Agency
from scraper.errors import NotARelease
from scraper.items import ReleaseItem
from scraper.pages.body_check import MAX_SENTENCES, BodyAgreement, compare_body, read_sentences
from scraper.pages.document import Document
from scraper.pages.page_reader import read_page
from tests.scraper.pages.sample_page import HEADING, TEXT, URL, build_page, read_item

SERVICE = "".join(
    f"<p>Växeln tar emot samtal och besök på plan {number}, där även receptionen finns.</p>"
    for number in range(9)
)


def read_selected(css: str, html: bytes) -> ReleaseItem:
    """Read a page with an agency's selector of the body, which may match the wrong element."""
    agency = Agency(slug="exempel", name="Exempelverket", home="https://www.exempel.se/", body=css)
    return read_page(html, URL, agency)


def build_plain_page(parts: str) -> bytes:
    return f"<html><head><title>Ny bro öppnar</title></head><body>{parts}</body></html>".encode()


@pytest.mark.parametrize(
    ("html", "share"),
    [
        (build_page(HEADING + TEXT), 1.0),
        (build_page(HEADING + TEXT * 3, after=f"<div>{SERVICE * 2}</div>"), 0.5),
        (build_page(HEADING + TEXT * 3, after=f"<footer>{SERVICE * 2}</footer>"), 0.5),
        (build_page(f"{HEADING}<p>Bron öppnar i höst, och då blir vägen kortare.</p>"), None),
        (build_page(HEADING + TEXT.replace("Kommunen", "Kom\u00admunen")), 1.0),
    ],
    ids=["nothing else", "a longer box", "a longer footer", "few words", "soft hyphens"],
)
def test_right_body_is_not_doubted(html: bytes, share: float | None) -> None:
    item = read_page(html, URL)
    assert item.doubt is None
    assert item.agreement == pytest.approx(share, abs=0.2)


@pytest.mark.parametrize(
    ("css", "html", "doubt"),
    [
        pytest.param(
            ".c1",
            build_page(
                f'<div class="c1">{SERVICE}<p>Bron öppnar'
                f" snart.</p></div>{HEADING}<div>{TEXT * 4}</div>"
            ),
            "has neither the text after the heading nor the densest block of the page",
            id="a box that mentions the title",
        ),
        pytest.param(
            ".c1",
            build_plain_page(
                f'<div class="c1">{SERVICE}</div><div>{HEADING}<p>Bron öppnar.</p></div>'
            ),
            "is before the heading",
            id="a box above the heading",
        ),
        pytest.param(
            ".c1",
            build_page(
                f"{HEADING}<div>{TEXT * 9}</div><div"
                f' class="c1"><p>{"Bron öppnar i höst. " * 12}</p></div>'
            ),
            "has neither the text after the heading nor the densest block of the page",
            id="a small part of the text",
        ),
    ],
)
def test_doubtful_body(css: str, html: bytes, doubt: str) -> None:
    assert read_selected(css, html).doubt == doubt


def test_certainly_wrong_body_is_rejected() -> None:
    html = build_page(f'{HEADING}<div>{TEXT * 3}</div><div class="c1">{SERVICE}</div>')
    with pytest.raises(
        NotARelease, match="has neither the text after the heading nor a word of the title: 'Växeln"
    ):
        read_selected(".c1", html)


def test_small_part_of_the_text_is_doubted() -> None:
    other = TEXT.replace("Den nya bron", "En gammal väg").replace("Arbetet har", "Jobbet har")
    root = Document(build_page(HEADING + TEXT + other * 9), URL).root
    page = read_sentences(root)
    start = (
        page.sentences[1].probe
        if page.sentences[1].probe.startswith("Den nya")
        else page.sentences[0].probe
    )
    found = compare_body(page, root.find(".//h1"), "Ny bro öppnar", f"{start} och mer.")
    assert re.fullmatch(r"is only \d% of the text around it", found.doubt or "")


def test_agreement_is_explained() -> None:
    found = read_item(HEADING + TEXT).evidence["agreement"]
    assert (found.rule, found.element) == (
        "has 100% of the text after the heading and 100% of the densest block",
        "main",
    )


def test_title_without_long_words_rejects_nothing() -> None:
    root = Document(build_page(f"<h1>Nytt</h1>{SERVICE}"), URL).root
    page, heading = read_sentences(root), root.find(".//h1")
    assert compare_body(page, heading, "Nytt", "Något helt annat.").is_wrong
    assert not compare_body(page, heading, "橋が開通", "Något helt annat.").is_wrong
    assert not compare_body(page, heading, None, "Något helt annat.").is_wrong


def test_heading_of_something_else_proves_nothing() -> None:
    page = read_sentences(Document(build_page(f"<h1>Nytt</h1>{SERVICE}"), URL).root)
    assert not compare_body(page, None, "Nytt", "Något helt annat.").is_wrong


def test_number_of_sentences_is_limited() -> None:
    page = read_sentences(Document(build_plain_page(f"<div>{SERVICE * 200}</div>" * 2), URL).root)
    assert len(page.sentences) == MAX_SENTENCES
    found = compare_body(read_sentences(Document(b"<p>Kort", URL).root), None, None, "")
    assert found == BodyAgreement(start=None, block=None, block_path="")


LEAD = "<p>Om hur det går till från början till slut, och vad som händer sedan.</p>"


@pytest.mark.parametrize(
    "markup",
    [
        f'<div><a href="/b">Gammal bro rivs</a>{LEAD}</div><div><a href="/f">Ny färja till'
        f" ön</a>{LEAD}</div>",
        f'<ul><li><a href="/b">Gammal bro rivs</a> <i>3 mars 2024</i>{LEAD}</li>'
        f'<li><a href="/f">Ny färja till ön</a> <i>5 maj 2024</i>{LEAD}</li></ul>',
        f'<div class="k"><h3><a href="/b">Gammal bro rivs</a></h3>{LEAD}</div>' * 9,
        f'<div><h3>Gammal bro rivs</h3>{LEAD}<a href="/b">Läs mer</a></div>' * 2,
    ],
    ids=["links with a text", "list with dates", "more than the text", "buttons"],
)
def test_text_that_may_end_in_teasers_is_doubted(markup: str) -> None:
    item = read_item(HEADING + TEXT + markup)
    assert item.doubt == "may end in teasers for other pages"
    assert item.body is not None
    assert "vad som händer sedan" in item.body


@pytest.mark.parametrize(
    "markup",
    [
        f'<p>Om broarna:</p><div><a href="/b">Gammal bro rivs</a>{LEAD}</div>'
        f'<div><a href="/f">Ny färja till ön</a>{LEAD}</div>',
        f'<div><a href="/b">Gammal bro rivs</a>{LEAD}</div><div><a href="/f">Ny färja till'
        f" ön</a>{LEAD}</div>{TEXT}",
        f'<h2>Läs mer</h2><ul><li><a href="/b">Gammal bro</a> <i>3 mars 2024</i>{LEAD}</li>'
        f'<li><a href="/f">Ny färja till ön</a> <i>5 maj 2024</i>{LEAD}</li></ul>',
    ],
    ids=["after a colon", "before a text", "left out by their heading"],
)
def test_text_with_entries_is_not_doubted(markup: str) -> None:
    assert read_item(HEADING + TEXT + markup).doubt is None
