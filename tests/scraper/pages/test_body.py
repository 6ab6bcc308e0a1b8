"""The text of a release: what belongs to it, and how markup becomes text and sanitised HTML."""

from __future__ import annotations

import pytest

from tests.scraper.pages.sample_page import HEADING, LAST, TEXT, read_release
from tests.scraper.tables import load_table

PLAIN_TEXT = TEXT.replace("</p><p>", "\n\n").removeprefix("<p>").removesuffix("</p>")
PLAIN_LAST = LAST.removeprefix("<p>").removesuffix("</p>")
# Where markup is on the page: its HTML and text before it, its HTML and text after it.
PLACES = {
    "before": ("", "", TEXT, PLAIN_TEXT),
    "within": (f"<div>{TEXT}", PLAIN_TEXT, f"{LAST}</div>", PLAIN_LAST),
    "after": (TEXT, PLAIN_TEXT, "", ""),
    "beside": (
        f'<div class="text">{TEXT * 4}{LAST}</div>',
        "\n\n".join([PLAIN_TEXT] * 4 + [PLAIN_LAST]),
        "",
        "",
    ),
}
TABLE_WITH_SPANS = (
    '<table><tr><th colspan="2">Bro</th></tr><tr><td'
    ' rowspan="2">Ny</td><td{}>1</td></tr><tr><td>2</td></tr></table>'
)


@pytest.mark.parametrize(("place", "markup", "text"), load_table(__file__, "body.tsv"))
def test_body(place: str, markup: str, text: str | None) -> None:
    before, text_before, after, text_after = PLACES[place]
    release = read_release(HEADING + before + markup + after)
    assert release.body == "\n\n".join(filter(None, [text_before, text, text_after]))
    assert (release.lead, release.language) == (None, "sv")


@pytest.mark.parametrize(
    ("markup", "html"),
    [
        (
            "<ul><li>ett<ul><li>mer</li></ul></li></ul>",
            "<ul><li>ett<ul><li>mer</li></ul></li></ul>",
        ),
        (
            '<ol start="4"><li>Priset är <del>5</del> <ins>6</ins>, <strike>nu</strike>.</li><li'
            ' value="9">b</li></ol>',
            '<ol start="4"><li>Priset är <del>5</del> <ins>6</ins>, <s>nu</s>.</li><li'
            ' value="9">b</li></ol>',
        ),
        (TABLE_WITH_SPANS.format(' colspan="x"'), TABLE_WITH_SPANS.format("")),
    ],
    ids=["list", "numbers and deletions", "cells"],
)
def test_body_html(markup: str, html: str) -> None:
    found = read_release(f"{HEADING}<div>{TEXT}{markup}{LAST}</div>").body_html
    assert html in found.replace("<tbody>", "").replace("</tbody>", "")


def test_several_articles_are_one_text() -> None:
    more = f"<div><article>{TEXT * 2}</article></div><div><article>{LAST * 3}</article></div>"
    body = read_release(f"<div><article>{HEADING}</article></div>{more}").body
    assert body == "\n\n".join([PLAIN_TEXT] * 2 + [PLAIN_LAST] * 3)


def test_table_of_contents_is_not_body() -> None:
    contents = (
        '<h2>Innehåll på sidan</h2><ul><li><a href="#a">Bakgrund</a></li><li><a'
        ' href="#b">Kostnad</a></li></ul>'
    )
    body = read_release(HEADING + contents + TEXT + '<h2 id="a">Bakgrund</h2>' + LAST).body
    assert body == f"{PLAIN_TEXT}\n\nBakgrund\n\n{PLAIN_LAST}"


@pytest.mark.parametrize(
    ("markup", "kept"),
    [
        (
            "<h2>Lediga tjänster</h2><p><a href='/j'>Enhetschef till broarna</a></p>" + LAST,
            ["Enhetschef till broarna"],
        ),
        ("<p>Vi söker nu:</p><p><a href='/j'>Ingenjör till bron</a></p>", ["Ingenjör till bron"]),
        (
            "<p>Protokoll från nämnden:</p><p><a href='/a.pdf'>Möte 3 maj</a></p>"
            "<p><a href='/b.pdf'>Möte 9 juni</a></p>",
            ["Möte 3 maj", "Möte 9 juni"],
        ),
        ("<p>Läs mer:</p><p><a href='/a'>Gammal bro rivs</a></p>", []),
        ("<p>Så gör du:</p><p><a class='btn' href='/a'>Anmäl dig nu</a></p>", []),
        (LAST + "<p><a href='/a'>Gammal bro rivs</a></p>" + LAST, []),
    ],
)
def test_paragraph_that_is_only_a_link(markup: str, kept: list[str]) -> None:
    body = read_release(HEADING + TEXT + markup).body
    links = [part.split("</a>")[0].split(">")[-1] for part in markup.split("<a ")[1:]]
    assert [words for words in links if words in body] == kept
