"""The text of a release: what belongs to it, and how markup becomes text and sanitised HTML."""

from __future__ import annotations

import pytest

from tests.case_tables import load_table
from tests.scraper.pages.sample_page import HEADING, LAST, TEXT, read_release

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


@pytest.mark.parametrize(("place", "markup", "text"), load_table(__file__, "body.tsv"))
def test_body(place: str, markup: str, text: str | None) -> None:
    before, text_before, after, text_after = PLACES[place]
    release = read_release(HEADING + before + markup + after)
    assert release.body == "\n\n".join(filter(None, [text_before, text, text_after]))
    assert (release.lead, release.language) == (None, "sv")


@pytest.mark.parametrize(("markup", "html"), load_table(__file__, "body_html.tsv"))
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


@pytest.mark.parametrize(("markup", "kept"), load_table(__file__, "only_links.tsv"))
def test_paragraph_that_is_only_a_link(markup: str, kept: str) -> None:
    body = read_release(HEADING + TEXT + markup).body
    links = [part.split("</a>")[0].split(">")[-1] for part in markup.split("<a ")[1:]]
    assert " | ".join(words for words in links if words in body) == kept
