"""Words of a search are marked in stored HTML, whose text and markup stay as they are."""

from __future__ import annotations

import re

import nh3
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lxml import html
from markupsafe import escape

from archive.changes.diff import DiffSegment
from archive.changes.field_differences import DiffRow
from archive.database.stored_text import ALLOWED_ATTRIBUTES, ALLOWED_TAGS
from archive.search.marked_words import extract_query_terms
from archive.search.query_language import parse_query
from archive.web.highlights import MAX_STEPS, PageHighlighter
from tests.case_tables import load_cases, load_column

ADDED = re.compile(r'<mark(?: id="place-\d+")?>|</mark>|<span class="steps".*?</span>')
ANSWERS = {1: "Ja, skolan är öppen.\n\nMen inte i jul.", 2: "Nej."}
QUESTIONS = (
    "<p>Skolan svarar.</p><h2"
    ' id="question-1">Är skolan'
    " öppen?</h2><p>Ja, <b>skolan</b> är öppen.</p>"
    '<p>Skolan ligger i Ekö.</p><h2 id="question-2">Stänger skolan?</h2><p>Nej.</p>'
)


def create_highlighter(query: str) -> PageHighlighter:
    return PageHighlighter(
        extract_query_terms(parse_query(query).tree), english=False, language="sv"
    )


def mark_html(query: str, markup: str) -> tuple[html.HtmlElement, PageHighlighter]:
    """Return marked HTML in an element, after checking that only marks were added."""
    highlighter = create_highlighter(query)
    marked = str(escape(highlighter.mark_html(markup, ANSWERS)))
    assert ADDED.sub("", marked) == markup
    return html.fromstring(f"<div>{marked}</div>"), highlighter


def list_marks(element: html.HtmlElement) -> list[str]:
    return [mark.text_content() for mark in element.iter("mark")]


@pytest.mark.parametrize(
    ("query", "markup", "marked"), load_cases(__file__, "words are marked across inline elements")
)
def test_words_are_marked_across_inline_elements(
    query: str, markup: str, marked: list[str]
) -> None:
    assert list_marks(mark_html(query, markup)[0]) == marked


WORDS = load_column(__file__, "words")
TAGS = load_column(__file__, "tags")
# nh3 closes what is open
MARKUP = st.lists(st.sampled_from((*WORDS, *TAGS)), max_size=30).map("".join)
QUERY = st.sampled_from(
    [
        "skola",
        '"skola ohälsa"',
        "psykisk ohälsa",
        "våld OR AT&T",
        "sko*",
        "fråga:skola",
        "svar:skola",
        "b quot amp",
    ]
)


@settings(deadline=None)  # the first search loads the dictionaries
@given(markup=MARKUP, query=QUERY)
def test_marks_add_no_text_and_break_no_tags(markup: str, query: str) -> None:
    clean = nh3.clean(markup, tags=ALLOWED_TAGS, attributes=ALLOWED_ATTRIBUTES)
    # a table may hold a link within a link, which lxml reads differently from a browser
    assume(not re.search(r"<a\b(?:(?!</a>).)*<a\b", clean, re.DOTALL))
    marked, highlighter = mark_html(query, clean)
    places = [
        int(mark.attrib["id"].removeprefix("place-")) for mark in marked.xpath(".//mark[@id]")
    ]
    assert places == list(range(1, highlighter.total + 1))
    assert len(marked.cssselect(".steps")) == highlighter.total
    assert not marked.cssselect("a a")
    for element in marked.xpath(".//mark | .//span"):
        element.drop_tag() if element.tag == "mark" else element.drop_tree()
    original = html.fromstring(f"<div>{clean}</div>")
    assert html.tostring(marked) == html.tostring(original)


@settings(deadline=None)
@given(text=st.text(st.sampled_from("a&<>\"' skolan\u030a\n\u00ad\ufeff"), max_size=40))
def test_marked_plain_text_is_the_same_text(text: str) -> None:
    marked = str(escape(create_highlighter("skola OR a").mark_text(text, "lead")))
    assert ADDED.sub("", marked) == str(escape(text))


def test_places_are_numbered_over_the_whole_page() -> None:
    highlighter = create_highlighter("skola")
    title = highlighter.mark_text("En skola", "title")
    body = highlighter.mark_html('<p>Skolan, <a href="/x">en skola och skolor</a>.</p>', {})
    page = html.fromstring(f"<div>{escape(title)}{escape(body)}</div>")
    assert highlighter.total == 3
    assert list_marks(page) == ["skola", "Skolan", "skola", "skolor"]  # a link is one place
    steps = page.cssselect(".steps")
    assert [step.get("data-place") for step in steps] == ["1 / 3", "2 / 3", "3 / 3"]
    assert [[link.get("href") for link in step] for step in steps] == [
        ["#found", "#place-2"],
        ["#place-1", "#place-3"],
        ["#place-2", "#found"],
    ]
    assert [link.get("aria-label") for link in steps[1]] == [
        "Föregående markering, 1 av 3",
        "Nästa markering, 3 av 3",
    ]
    assert page.cssselect("a + .steps") == [steps[2]]


def test_only_the_first_places_of_a_long_text_have_links() -> None:
    page, highlighter = mark_html("skola", "<p>skola.</p>" * (MAX_STEPS + 2))
    assert (highlighter.total, len(list_marks(page))) == (MAX_STEPS + 2, MAX_STEPS + 2)
    assert len(page.cssselect(".steps")) == MAX_STEPS
    assert page.cssselect(".steps")[-1][1].get("href") == "#found"


@pytest.mark.parametrize(
    ("field", "label", "pieces", "marked"),
    [
        (
            "body",
            None,
            [("same", "Psykisk "), ("del", "ohälsa"), ("ins", "hälsa")],
            ["Psykisk ", "ohälsa"],
        ),
        (
            "body",
            None,
            [("same", "Psykisk "), ("del", "hälsa"), ("ins", "ohälsa")],
            ["Psykisk ", "ohälsa"],
        ),
        ("body", None, [("del", "Psykisk "), ("ins", "ohälsa")], []),
        ("questions", "question_number", [("same", "Psykisk ohälsa?")], ["Psykisk ohälsa"]),
        ("questions", "answered_by", [("same", "Psykisk Ohälsa")], []),
        (
            "images",
            None,
            [("same", "Psykisk ohälsa · https://a.se/psykisk-ohälsa.jpg")],
            ["Psykisk ohälsa"],
        ),
        ("kind", None, [("same", "psykisk ohälsa")], []),
    ],
)
def test_phrase_is_marked_in_the_text_before_and_after(
    field: str, label: str | None, pieces: list[tuple[str, str]], marked: list[str]
) -> None:
    row = DiffRow([DiffSegment(op, text) for op, text in pieces], label)  # type: ignore[arg-type] # a sample's op
    found = "".join(
        str(escape(piece)) for piece in create_highlighter('"psykisk ohälsa"').mark_row(field, row)
    )
    assert re.findall(r"<mark[^>]*>(.*?)</mark>", found) == marked
