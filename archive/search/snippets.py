"""The hits of a page: excerpts of the original texts, with the words found marked, and why each hit was found.

Words are found in the text as in the index: in any inflection, and as parts of compounds.
"""

from __future__ import annotations

import asyncio
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from archive.analysis import (
    CASE_ENDINGS,
    INVISIBLE_CHARACTERS,
    analyze_word,
    find_compound_key,
    find_compound_parts,
    find_words,
    is_english_release,
)
from archive.analysis.lemmatizer import english_lemma, swedish_lemma
from archive.database import RunQuery
from archive.search.query import MAX_WORD_LENGTH, QueryNode, find_terms

TEXT_TOKEN_PATTERN = re.compile(
    rf"[^\W_]+(?:[{INVISIBLE_CHARACTERS}]+[^\W_]+)*(?::(?:{CASE_ENDINGS})\b)?", re.IGNORECASE
)

# Excerpts.
FRAGMENT_WORDS = 42  # of an excerpt
MAX_FRAGMENTS = 2
MAX_WORDS_BEFORE_HIGHLIGHT = 10  # in a fragment, before its first mark
ALWAYS_LEMMATISED_LENGTH = 7  # letters; longer words are lemmatised only if they can match
MAX_HIT_LENGTH = 60_000  # characters of a body that are searched for words

RELEASE_HITS_SQL = """
    select r.id, r.url, r.agency, a.name, a.name_en, r.kind, r.language, r.title, r.lead, substr(r.body, 1, :longest)
      as body, l.questions, r.published, r.updated, r.first_seen, r.removed_at
    from releases r join agencies a on a.slug = r.agency join release_facets l on l.release = r.id
    where r.id in (select value from json_each(:ids))
"""
RELEASE_QUESTIONS_SQL = """
    select q.release, q.position, q.question, q.answer from questions q
    where q.release in (select value from json_each(:ids)) order by q.release, q.position
"""
QUESTION_HITS_SQL = """
    select q.id as pair, q.position, q.question, q.answer, q.answered_by, r.id, r.url, r.agency, a.name, a.name_en,
      r.kind, r.language, r.title, r.published, r.updated, r.first_seen, r.removed_at
    from questions q join releases r on r.id = q.release join agencies a on a.slug = r.agency
    where q.id in (select value from json_each(:ids))
"""

MarkedText = list[tuple[str, bool]]  # parts of a text, and whether each is marked


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """A term of the query: words in a row, in any of their readings.

    label: the term as typed; prefix: the last word may continue; compound: a lemma that may be part of a longer word;
    field: the only field to search, or None.
    """

    label: str
    lemma_sequences: tuple[tuple[str, ...], ...]
    prefix: str = ""
    compound: str = ""
    field: str | None = None


class TextToken(NamedTuple):
    """A word of a text: its position, the word in lower case, and its lemma."""

    start: int
    end: int
    word: str
    lemma: str


@dataclass(frozen=True, slots=True)
class Highlight:
    """A match: the indexes of its first and last word, and that of the query term."""

    first: int
    last: int
    term_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchExplanation:
    """How a query term occurs in a hit: each form with its number, by field."""

    query_term: str
    forms: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """A release or pair that was found, with marked parts of its title and an excerpt.

    question_position: the question that the excerpt is from, counted from 1; None if it is from the lead or body.
    """

    row: Any
    title: MarkedText
    excerpt: MarkedText
    explanations: list[MatchExplanation]
    question_position: int | None = None


async def read_release_hits(run: RunQuery, ids: Sequence[int], query_terms: Sequence[QueryTerm]) -> list[SearchHit]:
    """Read the releases of one page, in the order of the ids."""
    if not ids:
        return []
    values = {"ids": json.dumps(ids)}
    rows, pairs = await asyncio.gather(
        run(RELEASE_HITS_SQL, {**values, "longest": MAX_HIT_LENGTH}), run(RELEASE_QUESTIONS_SQL, values)
    )
    return await asyncio.to_thread(build_release_hits, ids, rows, pairs, query_terms)


def build_release_hits(
    ids: Sequence[int], rows: Sequence[Any], questions: Sequence[Any], query_terms: Sequence[QueryTerm]
) -> list[SearchHit]:
    """Build the hits of one page from its rows. Takes long, so it is run in a thread."""
    questions_by_release: dict[int, list[Any]] = {}
    for pair in questions:
        questions_by_release.setdefault(pair["release"], []).append(pair)
    hits = {row["id"]: build_release_hit(row, questions_by_release.get(row["id"], []), query_terms) for row in rows}
    return [hits[key] for key in ids if key in hits]


def build_release_hit(row: Any, questions: Sequence[Any], query_terms: Sequence[QueryTerm]) -> SearchHit:
    """Build a hit from a release and its questions.

    The excerpt is from the text that matches most of the query: the lead, the body, a question or an answer.
    """
    english = is_english_release(row)
    title, lead, body = (
        HighlightedText(row[name], query_terms, name, english=english) for name in ("title", "lead", "body")
    )
    texts: list[tuple[str, int | None, HighlightedText]] = [
        ("title", None, title),
        ("lead", None, lead),
        ("body", None, body),
    ]
    for pair in questions if query_terms else ():
        texts.append(
            ("question", pair["position"], HighlightedText(pair["question"], query_terms, "question", english=english))
        )
        texts.append(
            ("answer", pair["position"], HighlightedText(pair["answer"], query_terms, "answer", english=english))
        )
    position, excerpt = choose_excerpt(texts[1:])
    return SearchHit(
        row=row,
        title=title.highlight_all(),
        excerpt=excerpt,
        explanations=explain_match(texts, query_terms),
        question_position=position,
    )


def choose_excerpt(texts: Sequence[tuple[str, int | None, HighlightedText]]) -> tuple[int | None, MarkedText]:
    """Return an excerpt, and the position of its question, if it is from one.

    The excerpt is from the text that matches most query terms, and half of it from another if that matches further
    ones.
    """
    _, position, best = max(texts, key=lambda item: len(item[2].matched_terms))
    if not best.highlights:
        return None, next((text.excerpt() for _, _, text in texts if text.text.strip()), [])
    _, _, other = max(texts, key=lambda item: len(item[2].matched_terms - best.matched_terms))
    if other.matched_terms <= best.matched_terms:
        return position, best.excerpt()
    return position, [*best.excerpt(FRAGMENT_WORDS // 2), (" … ", False), *other.excerpt(FRAGMENT_WORDS // 2)]


async def read_question_hits(run: RunQuery, ids: Sequence[int], query_terms: Sequence[QueryTerm]) -> list[SearchHit]:
    """Read the pairs of question and answer of one page, in the order of the ids."""
    if not ids:
        return []
    rows = await run(QUESTION_HITS_SQL, {"ids": json.dumps(ids)})

    def mark() -> list[SearchHit]:
        hits = {row["pair"]: build_question_hit(row, query_terms) for row in rows}
        return [hits[key] for key in ids if key in hits]

    return await asyncio.to_thread(mark)


def build_question_hit(row: Any, query_terms: Sequence[QueryTerm]) -> SearchHit:
    """Build a hit from a pair: the question as its title, the answer as its excerpt."""
    english = is_english_release({"language": row["language"], "title": row["question"], "body": row["answer"]})
    question = HighlightedText(row["question"], query_terms, "question", english=english)
    answer = HighlightedText(row["answer"], query_terms, "answer", english=english)
    texts: list[tuple[str, int | None, HighlightedText]] = [("question", None, question), ("answer", None, answer)]
    position = row["position"]
    return SearchHit(
        row=row,
        title=question.highlight_all(),
        excerpt=answer.excerpt(),
        explanations=explain_match(texts, query_terms),
        question_position=position,
    )


def explain_match(
    texts: Sequence[tuple[str, int | None, HighlightedText]], query_terms: Sequence[QueryTerm]
) -> list[MatchExplanation]:
    """Return where and in which forms each query term occurs; terms that do not occur are left out."""
    explanations = []
    for number, term in enumerate(query_terms):
        forms: dict[str, dict[str, int]] = {}
        for field, _, text in texts:
            for form, times in text.count_forms(number).items():
                counts = forms.setdefault(field, {})
                counts[form] = counts.get(form, 0) + times
        if forms:
            explanations.append(MatchExplanation(query_term=term.label, forms=forms))
    return explanations


def extract_query_terms(
    tree: QueryNode | None, prefix_lemmas: Mapping[str, tuple[str, ...]] | None = None
) -> list[QueryTerm]:
    """Return the terms of a query that can be marked. prefix_lemmas: further lemmas for words with a star.

    >>> from archive.search.query import TermNode
    >>> extract_query_terms(TermNode(("myndigheterna",)))[0].lemma_sequences
    (('myndighet',),)
    """
    found = []
    for term in dict.fromkeys(find_terms(tree)):
        text = " ".join(term.words)
        readings = tuple(tuple(lemma.split()) for lemma in analyze_word(text).lemmas)
        if term.is_prefix:
            readings = (term.words, *((lemma,) for lemma in (prefix_lemmas or {}).get(text, ())))
        compound = "" if term.is_prefix else find_compound_key(text)
        label = text + ("*" if term.is_prefix else "")
        found.append(QueryTerm(label, readings, term.words[-1] if term.is_prefix else "", compound, term.field))
    return found


class HighlightedText:
    """A text and the matches of a query in it."""

    def __init__(self, text: str | None, query_terms: Sequence[QueryTerm], field: str, *, english: bool) -> None:
        self.text = unicodedata.normalize("NFC", text or "")
        terms = {number: term for number, term in enumerate(query_terms) if term.field in (None, field)}
        self.tokens = tokenise_text(self.text, list(terms.values()), english=english) if terms else []
        self.highlights: list[Highlight] = []
        for number, term in terms.items():
            self.highlights += find_highlights(self.tokens, term, number)
        self.highlights.sort(key=lambda mark: (mark.first, -mark.last))

    @property
    def matched_terms(self) -> set[int]:
        """Return the indexes of the query terms that the text contains."""
        return {mark.term_index for mark in self.highlights}

    def count_forms(self, term_index: int) -> Counter[str]:
        """Count the forms in which a query term occurs."""
        marks = [mark for mark in self.highlights if mark.term_index == term_index]
        spans = [(self.tokens[mark.first].start, self.tokens[mark.last].end) for mark in marks]
        return Counter(" ".join(self.text[start:end].lower().split()) for start, end in spans)

    def highlight_all(self) -> MarkedText:
        """Return the whole text with its matches marked."""
        return self.cut_fragment(0, len(self.tokens))

    def excerpt(self, size: int = FRAGMENT_WORDS) -> MarkedText:
        """Return the fragments that match most of the query, or the beginning of the text if nothing matches."""
        if not self.highlights:
            words = self.text.split()
            return [(" ".join(words[:size]) + (" …" if len(words) > size else ""), False)] if words else []
        starts = self.find_fragment_starts(size)
        size //= len(starts)
        parts: MarkedText = [("… ", False)] if starts[0] else []
        for index, start in enumerate(starts):
            if index:
                parts.append((" … ", False))
            parts += self.cut_fragment(start, start + size)
        return [*parts, (" …", False)] if starts[-1] + size < len(self.tokens) else parts

    def find_fragment_starts(self, size: int) -> list[int]:
        """Return the starts of the fragments: the best one, and another only for terms that it lacks."""
        best = self.find_best_start(set(), size)
        if self.find_fragment_terms(best, size) == self.matched_terms:
            return [best]
        size //= MAX_FRAGMENTS
        best = self.find_best_start(set(), size)
        other = self.find_best_start(self.find_fragment_terms(best, size), size)
        return sorted({best, other}) if abs(best - other) >= size else [min(best, other)]

    def find_fragment_terms(self, start: int, size: int) -> set[int]:
        """Return the indexes of the query terms in a fragment."""
        return {mark.term_index for mark in self.highlights if start <= mark.first and mark.last < start + size}

    def find_best_start(self, covered: set[int], size: int) -> int:
        """Return the start of the first fragment with the most terms that are not `covered` yet."""
        candidates = dict.fromkeys(self.find_fragment_start(mark.first, size) for mark in self.highlights)
        return max(candidates, key=lambda start: (len(self.find_fragment_terms(start, size) - covered), -start))

    def find_fragment_start(self, first: int, size: int) -> int:
        """Return the start of a fragment for a match: that of its sentence if near, else some words before."""
        nearest = max(0, first - min(MAX_WORDS_BEFORE_HIGHLIGHT, size // 3))
        for index in range(first, nearest, -1):
            between = self.text[self.tokens[index - 1].end : self.tokens[index].start]
            if re.search(r"[.!?:\n]", between):
                return index
        return nearest

    def cut_fragment(self, first: int, end: int) -> MarkedText:
        """Return the words from `first` to `end` with matches marked and white space collapsed."""
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
        return [
            (re.sub(r"\s+", " ", text), marked)
            for text, marked in [*parts, (self.text[position:end_position], False)]
            if text
        ]


def tokenise_text(text: str, query_terms: Sequence[QueryTerm], *, english: bool) -> list[TextToken]:
    """Split a text into words with lemmas, as far as they can match.

    Lemmatising costs most. A long word that neither begins with the same letter as a term nor contains the beginning of
    a compound term cannot be a form of it, and is skipped. This does not hold for short words (äldre is a form of
    gammal).
    """
    initials = {word[0] for term in query_terms for reading in term.lemma_sequences for word in reading}
    compound_starts = {term.compound[:2] for term in query_terms if term.compound}
    tokens = []
    for match in TEXT_TOKEN_PATTERN.finditer(text):
        word = lemma = normalise_index_word(match[0])
        if (
            len(word) <= ALWAYS_LEMMATISED_LENGTH
            or word[0] in initials
            or any(start in word for start in compound_starts)
        ):
            lemma = english_lemma(word) if english else swedish_lemma(word)
        tokens.append(TextToken(*match.span(), word, lemma))
    return tokens


@lru_cache(maxsize=200_000)
def normalise_index_word(text: str) -> str:
    """Return a word of a text as the index has it, but not lemmatised."""
    return next(iter(find_words(text)), text.lower())[:MAX_WORD_LENGTH]


def find_highlights(tokens: Sequence[TextToken], query_term: QueryTerm, term_index: int) -> list[Highlight]:
    """Find every match of a query term."""
    found: dict[int, Highlight] = {}
    is_part: dict[str, bool] = {}
    sequences: dict[str, list[tuple[str, ...]]] = {}
    for reading in query_term.lemma_sequences:
        sequences.setdefault(reading[0], []).append(reading)
    single_lemmas = [reading for reading in query_term.lemma_sequences if query_term.prefix and len(reading) == 1]
    for first, token in enumerate(tokens):
        for reading in sequences.get(token.lemma, ()):
            rest = tokens[first + 1 : first + len(reading)]
            prefixes = ["" for _ in rest[:-1]] + [query_term.prefix]
            if len(rest) == len(reading) - 1 and all(map(is_lemma_match, rest, reading[1:], prefixes)):
                found[first] = Highlight(first, first + len(reading) - 1, term_index)
        if single_lemmas and first not in found and is_lemma_match(token, "", query_term.prefix):
            found[first] = Highlight(first, first, term_index)
    if query_term.compound:
        for first, token in enumerate(tokens):
            if token.lemma not in is_part:
                is_part[token.lemma] = query_term.compound in find_compound_parts(token.lemma)
            if is_part[token.lemma]:
                found.setdefault(first, Highlight(first, first, term_index))
    return list(found.values())


def is_lemma_match(token: TextToken, lemma: str, prefix: str) -> bool:
    """Return whether a word is a form of a lemma, or begins with the prefix."""
    if prefix:
        return token.word.startswith(prefix) or token.lemma.startswith(prefix)
    return token.lemma == lemma
