"""Builds the results that a page shows: highlighted excerpts of texts, and the matching word
forms.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from archive.changes.wording_history import Presence
from archive.database.sqlite_files import RunQuery
from archive.language.terms import is_english, is_english_release
from archive.search.marked_words import (
    Highlight,
    QueryTerm,
    TokenList,
    find_highlights,
    tokenise_text,
)
from archive.search.query_language import TypedWord
from archive.search.search_index import PAGE_NUMBERS
from archive.search.state_texts import list_state_texts, normalise_text

# Excerpts.
FRAGMENT_WORDS = 42  # words per excerpt
MAX_FRAGMENTS = 2
MAX_WORDS_BEFORE_HIGHLIGHT = 10  # words of a fragment before its first match
MAX_QUOTE_WORDS = 150  # of a quotation that is shown whole
EDGE_WORDS = 4  # first and last words by which a browser finds a quotation
MAX_HIT_LENGTH = 60_000  # characters of a body that are searched for matches
# characters that two pieces of a long page of a file share, so that a phrase is in one of them
PIECE_OVERLAP = 1_000

RELEASE_HITS_SQL = """
    select r.id, r.url, r.agency, a.name, a.name_en, r.kind, r.language,
      r.title, r.lead, substr(r.body, 1, :longest)
      as body, l.questions, r.published, r.updated, r.first_seen, r.added, r.removed_at
    from releases r join agencies a on a.slug = r.agency join release_facets l on l.release = r.id
    where r.id in (select value from json_each(:ids))
"""
RELEASE_QUESTIONS_SQL = """
    select q.release, q.position, q.question, q.answer from questions q
    where q.release in (select value from json_each(:ids)) order by q.release, q.position
"""
QUESTION_HITS_SQL = """
    select q.id as pair, q.position, q.question, q.answer, q.answered_by,
      r.id, r.url, r.agency, a.name, a.name_en,
      r.kind, r.language, r.title, r.published, r.updated, r.first_seen, r.added, r.removed_at
    from questions q join releases r on r.id = q.release join agencies a on a.slug = r.agency
    where q.id in (select value from json_each(:ids))
"""
QUOTE_HITS_SQL = """
    select q.id as pair, q.text, q.spans, q.role, q.organisation, p.slug as person,
      p.name as speaker,
      r.id, r.url, r.agency, a.name, a.name_en, substr(r.body, 1, 2000) as body,
      r.kind, r.language, r.title, r.published, r.updated, r.first_seen, r.added, r.removed_at
    from quotes q join releases r on r.id = q.release and r.revision = q.revision
      join agencies a on a.slug = r.agency left join people p on p.id = q.person
    where q.id in (select value from json_each(:ids))
"""

MATCHING_PAGES_SQL = f"""
    with found as (
      select a.release, a.url, a.title, v.id as version, f.kind, p.page, p.name, p.text,
        row_number() over (partition by a.release order by search_attachments.rank,
          a.position, p.page) as place
      from search_attachments
        join attachment_pages p on p.file = search_attachments.rowid / {PAGE_NUMBERS}
          and p.page = search_attachments.rowid % {PAGE_NUMBERS}
        join attachment_files f on f.id = p.file join attachment_versions v on v.file = p.file
        join attachments a on a.url = v.url
      where search_attachments match :match and a.release in (select value from json_each(:ids))
        and not exists (select 1 from attachment_versions n where n.url = v.url and n.id > v.id))
    select * from found where place = 1
"""

MarkedText = list[tuple[str, bool]]  # parts of a text, and whether each is marked


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchExplanation:
    """The forms in which a query term occurs in a result: for each field, a map from each form to
    its number of occurrences.
    """

    query_term: str
    forms: dict[str, dict[str, int]]

    def list_forms(self) -> list[str]:
        """Return the forms in all fields, without repetitions."""
        return list(dict.fromkeys(form for forms in self.forms.values() for form in forms))


@dataclass(frozen=True, slots=True)
class TextChange:
    """A change that makes a release a result of a search.

    `before` and `after` are the revisions before and after the change. `checked_before` and
    `checked_after` are the checks between which the change was made. Readings of collections do not
    count as checks.

    kind: former (the last version with the words of the query was replaced), removed, added, or
        edited (words were both removed and added).
    """

    kind: str
    before: int
    after: int | None  # None: the release was then found at another URL, without an edit
    checked_before: str | None  # ISO 8601; None: unknown, or no check
    checked_after: str | None
    # of the words of the query, if it ended in what a collection had
    presence: Presence | None = None

    @property
    def path(self) -> str:
        """Return the path of the comparison, or of the revision `before` if `after` is None."""
        return f"/-/diff/{self.before}/{self.after}" if self.after else f"/-/revision/{self.before}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentExcerpt:
    """An excerpt of an attachment. It is taken from the page that best matches the query, among all
    pages of the release's attachments.
    """

    url: str
    version: int  # of the file, as in /-/attachment/<version>
    title: str
    kind: str  # pdf, docx, xlsx or odt
    page: int  # counted from 1
    sheet: str | None  # name of a sheet of a workbook
    excerpt: MarkedText


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """A result: a release, question pair or quotation, with a highlighted title and excerpt."""

    row: Any
    title: MarkedText
    excerpt: MarkedText
    explanations: list[MatchExplanation]
    # number of the excerpt's question, from 1; None: lead or body
    question_position: int | None = None
    is_loose: bool = False  # found by a looser query
    missing: Sequence[TypedWord] = ()  # words of the query that a loose hit lacks
    # those of which it has only related words → these words, as they are written in it
    related: Mapping[TypedWord, Sequence[str]] = field(default_factory=dict)
    change: TextChange | None = None
    attachment: AttachmentExcerpt | None = None  # if the query asks for words in attachments

    @property
    def excerpt_text(self) -> str:
        return "".join(text for text, _ in self.excerpt)

    @property
    def is_pair(self) -> bool:
        """Return whether the result is a part of a release: a question pair or a quotation."""
        return "pair" in self.row.keys()  # noqa: SIM118 - `in` looks for values of a sqlite3.Row

    @property
    def is_quote(self) -> bool:
        return "speaker" in self.row.keys()  # noqa: SIM118 - as above

    @property
    def path(self) -> str:
        """Return the path of the release, or of the question or quotation in it."""
        if self.is_quote:
            edges = _find_edges(self.row["text"], json.loads(self.row["spans"]))
            return f"/archive/releases/{self.row['id']}#found:~:text={edges}"
        question = f"#question-{self.question_position}" if self.question_position else ""
        return f"/archive/releases/{self.row['id']}{question}"

    @property
    def title_path(self) -> str:
        """Return the path that the title links to.

        The title of a question pair or quotation links to its place in the release. The title of
        any other result links to the release.
        """
        return self.path if self.is_pair else f"/archive/releases/{self.row['id']}"


async def read_release_hits(
    run: RunQuery, ids: Sequence[int], query_terms: Sequence[QueryTerm]
) -> list[SearchHit]:
    """Return the releases with these ids as results with excerpts, in the order of `ids`."""
    if not ids:
        return []
    values = {"ids": json.dumps(ids)}
    rows, pairs = await asyncio.gather(
        run(RELEASE_HITS_SQL, {**values, "longest": MAX_HIT_LENGTH}),
        run(RELEASE_QUESTIONS_SQL, values),
    )
    questions: dict[int, list[Any]] = {}
    for pair in pairs:
        questions.setdefault(pair["release"], []).append(pair)

    def build_hits() -> list[SearchHit]:
        hits = {
            row["id"]: build_release_hit(row, questions.get(row["id"], []), query_terms)
            for row in rows
        }
        return [hits[key] for key in ids if key in hits]

    return await asyncio.to_thread(build_hits)


async def read_attachment_excerpts(
    run: RunQuery, ids: Sequence[int], match: str, query_terms: Sequence[QueryTerm]
) -> dict[int, AttachmentExcerpt]:
    """Return an attachment excerpt for each of the given releases that has a matching attachment.

    match: an FTS5 expression for search_attachments.
    query_terms: the terms of the query. Only those about attachments are highlighted.
    """
    rows = await run(MATCHING_PAGES_SQL, {"match": match, "ids": json.dumps(list(ids))})
    terms = [term for term in query_terms if term.field == "attachment"]

    def build_excerpt(row: Any) -> AttachmentExcerpt:
        marked = _find_first_match(row["text"], terms)
        return AttachmentExcerpt(
            url=row["url"],
            version=row["version"],
            title=row["title"] or row["url"],
            kind=row["kind"],
            page=row["page"],
            sheet=row["name"],
            excerpt=marked.excerpt(),
        )

    return await asyncio.to_thread(lambda: {row["release"]: build_excerpt(row) for row in rows})


def _find_first_match(text: str, query_terms: Sequence[QueryTerm]) -> HighlightedText:
    """Return the first piece of an attachment page that contains a term of the query.

    If there is no match in the language of the page, the page is also analysed in the other
    language, because a whole file is indexed in one language. If there is still no match, the first
    piece is returned.
    """
    english = is_english(text[:MAX_HIT_LENGTH])
    pieces = [
        text[start : start + MAX_HIT_LENGTH]
        for start in range(0, max(len(text), 1), MAX_HIT_LENGTH - PIECE_OVERLAP)
    ]
    read = (
        HighlightedText(piece, query_terms, "attachment", english=language)
        for language in (english, not english)
        for piece in pieces
    )
    first = next(read)
    return first if first.highlights else next((each for each in read if each.highlights), first)


async def read_question_hits(
    run: RunQuery, ids: Sequence[int], query_terms: Sequence[QueryTerm]
) -> list[SearchHit]:
    """Return the question pairs with these ids as results with excerpts, in the order of `ids`."""
    if not ids:
        return []
    rows = await run(QUESTION_HITS_SQL, {"ids": json.dumps(ids)})

    def build_hits() -> list[SearchHit]:
        hits = {row["pair"]: _build_question_hit(row, query_terms) for row in rows}
        return [hits[key] for key in ids if key in hits]

    return await asyncio.to_thread(build_hits)


def build_release_hit(
    row: Any, questions: Sequence[Any], query_terms: Sequence[QueryTerm]
) -> SearchHit:
    english = is_english_release(row)
    texts = [
        HighlightedText(row[field], query_terms, field, english=english)
        for field in ("title", "lead", "body")
    ]
    texts += [
        HighlightedText(
            pair[field], query_terms, field, english=english, question_position=pair["position"]
        )
        for pair in (questions if query_terms else ())
        for field in ("question", "answer")
    ]
    position, excerpt = choose_excerpt(texts[1:])
    return SearchHit(
        row=row,
        title=texts[0].highlight_all(),
        excerpt=excerpt,
        explanations=explain_match(texts, query_terms),
        question_position=position,
    )


def highlight_state(
    state: Mapping[str, Any], query_terms: Sequence[QueryTerm]
) -> list[HighlightedText]:
    """Return the texts of a stored state, with the query's words highlighted."""
    english = is_english_release(state)
    return [
        HighlightedText(text.text, query_terms, text.field, english=english)
        for text in list_state_texts(state)
    ]


def choose_excerpt(texts: Sequence[HighlightedText]) -> tuple[int | None, MarkedText]:
    """Choose the text with the most query terms. Return the position of its question, and an
    excerpt.

    The position is None if the chosen text is neither a question nor an answer, or contains no
    query term. If another text contains query terms that the chosen one lacks, half of the excerpt
    comes from that other text.
    """
    best = max(texts, key=lambda text: len(text.matched_terms))
    if not best.highlights:
        return None, next((text.excerpt() for text in texts if text.text.strip()), [])
    other = max(texts, key=lambda text: len(text.matched_terms - best.matched_terms))
    if other.matched_terms <= best.matched_terms:
        return best.question_position, best.excerpt()
    halves = best.excerpt(FRAGMENT_WORDS // 2), other.excerpt(FRAGMENT_WORDS // 2)
    return best.question_position, [*halves[0], (" … ", False), *halves[1]]


def _build_question_hit(row: Any, query_terms: Sequence[QueryTerm]) -> SearchHit:
    """Build a result from a question pair: the question as its title, the answer as its excerpt."""
    english = is_english_release(
        {"language": row["language"], "title": row["question"], "body": row["answer"]}
    )
    texts = [
        HighlightedText(row[field], query_terms, field, english=english)
        for field in ("question", "answer")
    ]
    return SearchHit(
        row=row,
        title=texts[0].highlight_all(),
        excerpt=texts[1].excerpt(),
        explanations=explain_match(texts, query_terms),
        question_position=row["position"],
    )


async def read_quote_hits(
    run: RunQuery, ids: Sequence[int], query_terms: Sequence[QueryTerm]
) -> list[SearchHit]:
    """Return the quotations with these ids as results, in the order of `ids`."""
    if not ids:
        return []
    rows = await run(QUOTE_HITS_SQL, {"ids": json.dumps(ids)})

    def build_hits() -> list[SearchHit]:
        hits = {row["pair"]: _build_quote_hit(row, query_terms) for row in rows}
        return [hits[key] for key in ids if key in hits]

    return await asyncio.to_thread(build_hits)


def _build_quote_hit(row: Any, query_terms: Sequence[QueryTerm]) -> SearchHit:
    """Build a result from a quotation, with the quotation's text as its excerpt."""
    english = is_english_release(row)
    text = HighlightedText(row["text"], query_terms, "quotation", english=english)
    is_short = len(row["text"].split()) <= MAX_QUOTE_WORDS
    return SearchHit(
        row=row,
        title=[(row["title"], False)],
        excerpt=text.highlight_all() if is_short else text.excerpt(MAX_QUOTE_WORDS),
        explanations=explain_match([text], query_terms),
    )


def _find_edges(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Return the value of a URL text directive for a quotation: its first and last words.

    >>> _find_edges("Vi och de bygger nu. Det är bra för de barn-fria", [(2, 22), (40, 67)])
    'Vi%20och%20de%20bygger,bra%20f%C3%B6r%20de%20barn%2Dfria'
    >>> _find_edges("Det, är klart.", [(2, 16)])
    'Det%2C%20%C3%A4r%20klart.'
    """
    first, last = (end - start for start, end in (spans[0], spans[-1]))
    edges = [text[:first].split()[:EDGE_WORDS], text[-last:].split()[-EDGE_WORDS:]]
    if len(spans) == 1 and len(text.split()) <= 2 * EDGE_WORDS:
        edges = [text.split()]
    # a hyphen would begin what stands before or after the text
    return ",".join(quote(" ".join(words), safe="").replace("-", "%2D") for words in edges)


def explain_match(
    texts: Sequence[HighlightedText], query_terms: Sequence[QueryTerm]
) -> list[MatchExplanation]:
    """Return, for each query term that occurs in the texts, its forms in each field."""
    explanations = []
    for number, term in enumerate(query_terms):
        forms: dict[str, Counter[str]] = {}
        for text in texts:
            if counts := text.count_forms(number):
                forms.setdefault(text.field, Counter()).update(counts)
        if forms:
            forms_by_field = {field: dict(counts) for field, counts in forms.items()}
            explanations.append(MatchExplanation(query_term=term.label, forms=forms_by_field))
    return explanations


class HighlightedText:
    """A text, and the places where the terms of a query occur in it.

    question_position: the position of the question, if the text is a question or an answer.
    """

    def __init__(
        self,
        text: str | None,
        query_terms: Sequence[QueryTerm],
        field: str,
        *,
        english: bool,
        question_position: int | None = None,
    ) -> None:
        self.field, self.question_position = field, question_position
        self.text = normalise_text(text)
        terms = {
            number: term for number, term in enumerate(query_terms) if term.field in (None, field)
        }
        query_terms = list(terms.values())
        self.tokens = (
            tokenise_text(self.text, query_terms, english=english, only_likely=True)
            if terms
            else TokenList()
        )
        self.highlights: list[Highlight] = []
        for number, term in terms.items():
            self.highlights += find_highlights(self.tokens, term, number, english=english)
        self.highlights.sort(key=lambda mark: (mark.first, -mark.last))

    @property
    def matched_terms(self) -> set[int]:
        """Return the indexes of the query terms that occur in the text."""
        return {mark.term_index for mark in self.highlights}

    def count_forms(self, term_index: int) -> Counter[str]:
        marks = [mark for mark in self.highlights if mark.term_index == term_index]
        spans = [(self.tokens[mark.first].start, self.tokens[mark.last].end) for mark in marks]
        return Counter(" ".join(self.text[start:end].lower().split()) for start, end in spans)

    def highlight_all(self) -> MarkedText:
        """Return the whole text with the query's words highlighted."""
        return self.cut_fragment(0, len(self.tokens))

    def excerpt(self, size: int = FRAGMENT_WORDS) -> MarkedText:
        """Return the one or two fragments that together contain the most query terms.

        If the text contains no query term, return its beginning.

        size: the number of words in all fragments together.
        """
        if not self.highlights:
            words = self.text.split()
            return (
                [(" ".join(words[:size]) + (" …" if len(words) > size else ""), False)]
                if words
                else []
            )
        starts = self.find_fragment_starts(size)
        size //= len(starts)
        parts: MarkedText = [("… ", False)] if starts[0] else []
        for index, start in enumerate(starts):
            if index:
                parts.append((" … ", False))
            parts += self.cut_fragment(start, start + size)
        return [*parts, (" …", False)] if starts[-1] + size < len(self.tokens) else parts

    def find_fragment_starts(self, size: int) -> list[int]:
        """Return the index of the first word of the best fragment, or of each of the best two.

        Two fragments are chosen if the first does not contain all matched terms, and the second
        contains some of the missing ones.
        """
        best = self.find_best_start(set(), size)
        if self.find_fragment_terms(best, size) == self.matched_terms:
            return [best]
        size //= MAX_FRAGMENTS
        best = self.find_best_start(set(), size)
        other = self.find_best_start(self.find_fragment_terms(best, size), size)
        return sorted({best, other}) if abs(best - other) >= size else [min(best, other)]

    def find_fragment_terms(self, start: int, size: int) -> set[int]:
        """Return the indexes of the query terms in the fragment of `size` words from `start`."""
        return {
            mark.term_index
            for mark in self.highlights
            if start <= mark.first and mark.last < start + size
        }

    def find_best_start(self, covered: set[int], size: int) -> int:
        """Return the start of the fragment with the most terms that are not in `covered`.

        If several fragments contain equally many such terms, the start of the first one is
        returned.
        """
        candidates = dict.fromkeys(
            self.find_fragment_start(mark.first, size) for mark in self.highlights
        )
        return max(
            candidates,
            key=lambda start: (len(self.find_fragment_terms(start, size) - covered), -start),
        )

    def find_fragment_start(self, first: int, size: int) -> int:
        """Return the index of the word at which the fragment around a match starts.

        The fragment starts with the sentence that contains the match if this sentence starts near
        the match, otherwise a few words before the match.

        first: the index of the first word of the match.
        """
        nearest = max(0, first - min(MAX_WORDS_BEFORE_HIGHLIGHT, size // 3))
        for index in range(first, nearest, -1):
            between = self.text[self.tokens[index - 1].end : self.tokens[index].start]
            if re.search(r"[.!?:\n]", between):
                return index
        return nearest

    def cut_fragment(self, first: int, end: int) -> MarkedText:
        """Return the words from `first` up to but not including `end`, with the query's words
        highlighted.

        White space is collapsed.
        """
        end = min(end, len(self.tokens))
        if not self.tokens:
            return [(" ".join(self.text.split()), False)] if self.text.strip() else []
        position = self.tokens[first].start if first else 0
        end_position = self.tokens[end - 1].end if end < len(self.tokens) else len(self.text)
        parts: MarkedText = []
        for mark in self.highlights:
            start, last = self.tokens[mark.first].start, self.tokens[mark.last].end
            if mark.first < first or mark.last >= end or start < position:
                continue
            parts += [(self.text[position:start], False), (self.text[start:last], True)]
            position = last
        parts.append((self.text[position:end_position], False))
        return _collapse_spaces(parts)


def _collapse_spaces(parts: MarkedText) -> MarkedText:
    return [(re.sub(r"\s+", " ", text), marked) for text, marked in parts if text]
