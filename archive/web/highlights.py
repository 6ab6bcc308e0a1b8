"""Highlights the words of a search in the texts of a page: a release, a version or a comparison.

Words match as in the excerpts of the results (archive.search.marked_words), even across inline
elements. Highlights are elements without text of their own, so the rest of the HTML is unchanged,
character by character.

Each highlighted place is followed by links to the previous and next place. The style sheet shows
these links while the place is the target of the URL, always at the same position in the window, so
that a reader can go from place to place without scripts.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from html import unescape
from itertools import pairwise
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from archive.changes.field_differences import DiffRow
from archive.i18n import translate
from archive.search.excerpts import HighlightedText
from archive.search.marked_words import QueryTerm

# inline elements, which do not separate words
INLINE_TAGS = frozenset(("a", "b", "del", "em", "i", "ins", "s", "strong", "sub", "sup"))
HTML_PART = re.compile(
    r"(?P<tag></?(?P<name>[a-z][a-z0-9]*)"
    r'(?:[^>"]|"[^"]*")*>)'
    r"|(?P<entity>&(?:#\d+|#x[\da-f]+"
    r"|[a-z][a-z\d]*);)|[^<&]+|[<&]",
    re.IGNORECASE,
)
QUESTION_ID = re.compile(r'\sid="question-(\d+)"')
PARAGRAPH_BREAK, LINE_BREAK = "\n\n", "\n"
MAX_SEARCHED_LENGTH = 200_000  # characters marked on a page; a second is enough for 1.5 million
MAX_STEPS = 500  # places with links; further places are only marked
START = "found"  # id of the page's search navigation
ROW_FIELDS = {
    "title": "title",
    "lead": "lead",
    "body": "body",
    "images": "caption",
    "questions": "answer",
}

Span = tuple[int, int]  # position of the first character, and of the one after the last


class MarkedPlace(NamedTuple):
    """A place to highlight: the positions of its parts between tags, and the position of the links
    after it.
    """

    # number of the place on the page, from 1; 0: no links, because another place has them
    number: int
    parts: Sequence[Span]
    steps_at: int


class HtmlText:
    """The plain text of sanitised HTML, and the position of each of its characters in the HTML."""

    def __init__(self, markup: str) -> None:
        self.markup = markup
        # positions of each character; equal for breaks between blocks
        self.starts, self.ends = array("L"), array("L")
        self.links: list[Span] = []  # positions of links in the HTML, including their tags
        # number of a question → span of its heading in the text
        self.questions: dict[int, Span] = {}
        texts: list[str] = []
        link_start, heading = 0, ("", 0, 0)  # tag, question and start in the text
        for match in HTML_PART.finditer(markup):
            start, end = match.span()
            name = (match["name"] or "").lower()
            if not name:
                texts.append(self.read_text(match))
                continue
            is_end = match[0].startswith("</")
            if name == "a" and is_end:
                self.links.append((link_start, end))
            elif name == "a":
                link_start = start
            if is_end and name == heading[0]:
                self.questions[heading[1]] = heading[2], len(self.starts)
                heading = "", 0, 0
            if name not in INLINE_TAGS:
                texts.append(self.read_break(name, start))
            if question := QUESTION_ID.search(match[0]):
                heading = name, int(question[1]), len(self.starts)
        self.text = "".join(texts)

    def read_text(self, match: re.Match[str]) -> str:
        """Return the characters that a match stands for, and record their positions in the HTML.

        A match is a piece of text or a character reference.
        """
        start, end = match.span()
        if not match["entity"]:
            self.starts.extend(range(start, end))
            self.ends.extend(range(start + 1, end + 1))
            return match[0]
        text = unescape(match[0])
        self.starts.extend([start] * len(text))
        self.ends.extend([end] * len(text))
        return text

    def read_break(self, name: str, start: int) -> str:
        """Return the line or paragraph break that a tag makes in the text, and record its position
        in the HTML.
        """
        text = LINE_BREAK if name == "br" else PARAGRAPH_BREAK
        self.starts.extend([start] * len(text))
        self.ends.extend([start] * len(text))
        return text

    def split_span(self, span: Span) -> list[Span]:
        """Split a span of the text at tags, and return the positions of its parts in the HTML."""
        parts: list[Span] = []
        for start, end in zip(self.starts[slice(*span)], self.ends[slice(*span)], strict=True):
            if parts and start <= parts[-1][1]:
                parts[-1] = parts[-1][0], max(end, parts[-1][1])
            elif start < end:
                parts.append((start, end))
        return parts

    def find_link(self, position: int) -> int | None:
        """Return the end of the link around a position in the HTML, or None if there is no link."""
        index = bisect_right(self.links, (position, position)) - 1
        return self.links[index][1] if index >= 0 and position < self.links[index][1] else None

    def iter_answers(self, answers: Mapping[int, str]) -> Iterable[Span]:
        """Yield the paragraphs that follow a question's heading and are part of its answer."""
        headings = sorted(self.questions.items(), key=lambda item: item[1])
        ends = [*(start for _, (start, _) in headings), len(self.text)][1:]
        for (position, (_, start)), end in zip(headings, ends, strict=False):
            answer = " ".join(answers.get(position, "").split())
            for match in re.finditer(r"\S(?:(?!\n\n).)*", self.text[start:end], re.DOTALL):
                if " ".join(match[0].split()) in answer:
                    yield start + match.start(), start + match.end()


class MarkedHtml:
    """A text as HTML with highlights.

    The HTML is rendered once all places on the page are known.
    """

    def __init__(
        self, markup: str, places: Sequence[MarkedPlace], highlighter: PageHighlighter
    ) -> None:
        self.markup, self.places, self.highlighter = markup, places, highlighter

    def __html__(self) -> str:
        inserted = []  # (position, order of insertions there, tags)
        for place in self.places:
            for index, (start, end) in enumerate(place.parts):
                mark_id = f' id="place-{place.number}"' if place.number and not index else ""
                inserted += [(start, 2, f"<mark{mark_id}>"), (end, 0, "</mark>")]
            if place.number:
                inserted.append((place.steps_at, 1, self.highlighter.format_steps(place.number)))
        position, output = 0, []
        for start, _, tags in sorted(inserted, key=lambda item: item[:2]):
            output += [self.markup[position:start], tags]
            position = start
        return "".join([*output, self.markup[position:]])


class PageHighlighter:
    """Highlights the terms of a query in the texts of a page.

    Texts must be added in the order in which the page shows them.

    english: whether the texts are in English.
    language: the language of the page.
    total: the number of places highlighted so far.
    is_cut: whether the texts are longer than MAX_SEARCHED_LENGTH in all, so that nothing is
        highlighted in the rest of them.
    """

    def __init__(self, query_terms: Sequence[QueryTerm], *, english: bool, language: str) -> None:
        self.query_terms, self.english, self.language = query_terms, english, language
        self.total, self.is_cut, self.unsearched_length = 0, False, MAX_SEARCHED_LENGTH

    def mark_text(self, text: str | None, field: str) -> MarkedHtml | str:
        if not (text and self.query_terms):
            return text or ""
        source = HtmlText(str(escape(text)))
        return self._mark(source, self._find_spans(source.text, field))

    def mark_html(self, markup: str, answers: Mapping[int, str]) -> MarkedHtml | Markup:
        """Return the sanitised HTML of a body with the query's words highlighted.

        answers: the answers to the release's questions, by position. The body may contain them.
        """
        if not self.query_terms:
            return Markup(markup)  # noqa: S704 - sanitised when it was stored
        source = HtmlText(markup)
        spans = self._find_spans(source.text, "body")
        for field, ranges in (
            ("question", source.questions.values()),
            ("answer", source.iter_answers(answers)),
        ):
            for start, end in (
                ranges if any(term.field == field for term in self.query_terms) else ()
            ):
                spans += [
                    (start + a, start + b)
                    for a, b in self._find_spans(source.text[start:end], field)
                ]
        return self._mark(source, spans)

    def mark_row(self, field: str, row: DiffRow) -> list[MarkedHtml]:
        """Return the pieces of a comparison row with the query's words highlighted.

        Returns [] for a field that is not searched. A phrase may extend over several pieces.
        """
        searched = ROW_FIELDS.get(field)
        if row.label:
            searched = "question" if row.label == "question_number" else None
        if not (self.query_terms and searched):
            return []
        spans: list[list[Span]] = [[] for _ in row.pieces]
        for op in ("del", "ins"):  # the earlier text, then the later one
            for span in self._find_spans(_join_row_text(field, row, op), searched):
                _add_span_to_pieces(span, row, op, spans)
        sources = [HtmlText(str(escape(piece.text))) for piece in row.pieces]
        return [self._mark(source, found) for source, found in zip(sources, spans, strict=True)]

    def _find_spans(self, text: str, field: str) -> list[Span]:
        self.is_cut |= len(text) > self.unsearched_length
        composed, starts, ends = _compose_text(text[: self.unsearched_length])
        self.unsearched_length -= len(starts)
        found = HighlightedText(composed, self.query_terms, field, english=self.english)
        if found.text != composed:  # letters of other scripts may be composed differently
            return []
        tokens = found.tokens
        return [
            (starts[tokens[mark.first].start], ends[tokens[mark.last].end - 1])
            for mark in found.highlights
        ]

    def _mark(self, source: HtmlText, spans: Sequence[Span]) -> MarkedHtml:
        places = []
        last_link: int | None = None
        for span in _join_spans(source.text, spans):
            parts = source.split_span(span)
            link = source.find_link(parts[0][0])
            # a link contains only one place, because links cannot be nested
            is_counted = link is None or link != last_link
            self.total += is_counted
            number = self.total if is_counted and self.total <= MAX_STEPS else 0
            places.append(MarkedPlace(number, parts, link or parts[0][1]))
            last_link = link
        return MarkedHtml(source.markup, places, self)

    def format_steps(self, number: int) -> str:
        """Format the links from a place to the previous and the next one.

        Where there is no such place, the link leads to the search navigation of the page instead.
        """
        links = []
        for key, other in (("found.previous_place", number - 1), ("found.next_place", number + 1)):
            exists = 0 < other <= min(self.total, MAX_STEPS)
            label = translate(
                self.language, key if exists else "found.to_start", n=other, total=self.total
            )
            target = f"place-{other}" if exists else START
            links.append(f'<a href="#{target}" aria-label="{escape(label)}"></a>')
        return (
            f'<span class="steps"'
            f' lang="{self.language}"'
            f' data-place="{number} /'
            f' {self.total}">{"".join(links)}</'
            f"span>"
        )


def list_answers(questions: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """Return the answers of a release, keyed by the position of their question."""
    return {question["position"]: question["answer"] for question in questions}


def _join_spans(text: str, spans: Sequence[Span]) -> list[Span]:
    """Join spans in the same paragraph that overlap, or that have only spaces between them.

    >>> _join_spans("en stor skog, en", [(3, 7), (8, 12), (14, 16), (5, 6)])
    [(3, 12), (14, 16)]
    """
    joined: list[Span] = []
    for start, end in sorted(spans):
        between = text[joined[-1][1] : start] if joined else "-"
        if between.strip() or PARAGRAPH_BREAK in between:
            joined.append((start, end))
        else:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
    return joined


def _compose_text(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    """Return a text in NFC, and where each of its characters starts and ends in the original.

    >>> _compose_text("a\u030a b")
    ('å b', [0, 2, 3], [2, 3, 4])
    """
    if unicodedata.is_normalized("NFC", text):
        return text, range(len(text)), range(1, len(text) + 1)
    composed, starts, ends = list[str](), list[int](), list[int]()
    letters = [
        index
        for index, character in enumerate(text)
        if not (index and unicodedata.combining(character))
    ]
    for start, end in pairwise([*letters, len(text)]):
        letter = unicodedata.normalize("NFC", text[start:end])
        composed.append(letter)
        starts += [start] * len(letter)
        ends += [end] * len(letter)
    return "".join(composed), starts, ends


def _join_row_text(field: str, row: DiffRow, op: str) -> str:
    """Return the earlier ("del") or later ("ins") text of a row.

    The URL of an image is left out.
    """
    text = "".join(piece.text for piece in row.pieces if piece.op in ("same", op))
    url_start = text.rfind("http") if field == "images" else -1
    return text[:url_start] if url_start >= 0 else text


def _add_span_to_pieces(span: Span, row: DiffRow, op: str, spans: list[list[Span]]) -> None:
    """Add a span of the earlier ("del") or later ("ins") text to the pieces that it covers."""
    (first, last), start = span, 0
    for piece, found in zip(row.pieces, spans, strict=True):
        if piece.op not in ("same", op):
            continue
        end = start + len(piece.text)
        if first < end and last > start:
            found.append((max(first, start) - start, min(last, end) - start))
        start = end
