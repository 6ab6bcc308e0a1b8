"""Highlighting, excerpts, hits as rows/feed entries.

Marks in an original text the words that a query found it by, be they inflected or parts of a compound.

The hits of a page: excerpts of the original texts with marks, and why each was found.
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

from archive.analysis import analyze_word, find_compound_key, find_compound_parts, find_words, is_english_release
from archive.analysis.lemmatizer import english_lemma, swedish_lemma
from archive.database import RunQuery
from archive.search.query import MAX_WORD_LENGTH, QueryNode, find_terms

CASE_ENDINGS = "s|n|ns|en|ens|er|ers|erna|ernas|na|nas|t|ts|et|ets|e|a|as|ar|are|aren"
TEXT_TOKEN_PATTERN = re.compile(
    rf"[^\W_]+(?:[\u00ad\u200b-\u200d\ufeff]+[^\W_]+)*(?::(?:{CASE_ENDINGS})\b)?", re.IGNORECASE
)
FRAGMENT_WORDS = 42  # words of an excerpt
MAX_WORDS_BEFORE_HIGHLIGHT = 10  # of them before the first mark, at most
MAX_FRAGMENTS = 2
ALWAYS_LEMMATISED_LENGTH = 7  # letters of a word that is always read
MarkedText = list[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """Words that a text must hold in a row, in any of their readings; `label` is what was typed."""

    label: str
    lemma_sequences: tuple[tuple[str, ...], ...]
    prefix: str = ""  # the last word may go on
    compound: str = ""  # a lemma that may be a part of a longer word
    field: str | None = None


class TextToken(NamedTuple):
    """A word where it stands in a text, in small letters, and its lemma."""

    start: int
    end: int
    word: str
    lemma: str


@dataclass(frozen=True, slots=True)
class Highlight:
    """A found place; `wanted` is the number of what was wanted, first and last are numbers of words."""

    first: int
    last: int
    term_index: int


def extract_query_terms(
    tree: QueryNode | None, prefix_lemmas: Mapping[str, tuple[str, ...]] | None = None
) -> list[QueryTerm]:
    """What of a query can be marked; `begun`: further lemmas that a word with a star stands for.

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
    """A text and the places in it that a query found."""

    def __init__(self, text: str | None, query_terms: Sequence[QueryTerm], field: str, *, english: bool) -> None:
        self.text = unicodedata.normalize("NFC", text or "")
        here = {number: each for number, each in enumerate(query_terms) if each.field in (None, field)}
        self.tokens = tokenise_text(self.text, list(here.values()), english=english) if here else []
        self.highlights: list[Highlight] = []
        for number, each in here.items():
            self.highlights += find_highlights(self.tokens, each, number)
        self.highlights.sort(key=lambda mark: (mark.first, -mark.last))

    @property
    def matched_terms(self) -> set[int]:
        """The numbers of what it holds."""
        return {mark.term_index for mark in self.highlights}

    def count_forms(self, term_index: int) -> Counter[str]:
        """How what was wanted stands here, each form with its number."""
        marks = [mark for mark in self.highlights if mark.term_index == term_index]
        spans = [(self.tokens[mark.first].start, self.tokens[mark.last].end) for mark in marks]
        return Counter(" ".join(self.text[start:end].lower().split()) for start, end in spans)

    def highlight_all(self) -> MarkedText:
        """All of it."""
        return self.cut_fragment(0, len(self.tokens))

    def excerpt(self, size: int = FRAGMENT_WORDS) -> MarkedText:
        """The fragments that hold most of what was wanted; the beginning where it holds nothing."""
        if not self.highlights:
            words = self.text.split()
            return [(" ".join(words[:size]) + (" …" if len(words) > size else ""), False)] if words else []
        starts = self.find_fragment_starts(size)
        size //= len(starts)
        parts: MarkedText = [("… ", False)] if starts[0] else []
        for place, start in enumerate(starts):
            if place:
                parts.append((" … ", False))
            parts += self.cut_fragment(start, start + size)
        return [*parts, (" …", False)] if starts[-1] + size < len(self.tokens) else parts

    def find_fragment_starts(self, size: int) -> list[int]:
        """Where the fragments begin: the best one first, a further one only for what that one lacks."""
        best = self.find_best_start(set(), size)
        if self.find_fragment_terms(best, size) == self.matched_terms:
            return [best]
        size //= MAX_FRAGMENTS
        best = self.find_best_start(set(), size)
        other = self.find_best_start(self.find_fragment_terms(best, size), size)
        return sorted({best, other}) if abs(best - other) >= size else [min(best, other)]

    def find_fragment_terms(self, start: int, size: int) -> set[int]:
        """What a fragment holds."""
        return {mark.term_index for mark in self.highlights if start <= mark.first and mark.last < start + size}

    def find_best_start(self, covered: set[int], size: int) -> int:
        """The beginning of the first fragment that holds most beside what is had already."""
        candidates = dict.fromkeys(self.find_fragment_start(mark.first, size) for mark in self.highlights)
        return max(candidates, key=lambda start: (len(self.find_fragment_terms(start, size) - covered), -start))

    def find_fragment_start(self, first: int, size: int) -> int:
        """A fragment's beginning for a mark: its sentence's, if that is near, else a few words before it."""
        nearest = max(0, first - min(MAX_WORDS_BEFORE_HIGHLIGHT, size // 3))
        for place in range(first, nearest, -1):
            between = self.text[self.tokens[place - 1].end : self.tokens[place].start]
            if re.search(r"[.!?:\n]", between):
                return place
        return nearest

    def cut_fragment(self, first: int, end: int) -> MarkedText:
        """The words from one number to another as parts, each marked or not, white space run together."""
        end = min(end, len(self.tokens))
        if not self.tokens:
            return [(" ".join(self.text.split()), False)] if self.text.strip() else []
        at = self.tokens[first].start if first else 0
        stop = self.tokens[end - 1].end if end < len(self.tokens) else len(self.text)
        parts: MarkedText = []
        for mark in self.highlights:
            start, last = self.tokens[mark.first].start, self.tokens[mark.last].end
            if mark.first < first or mark.last >= end or start < at:
                continue
            parts += [(self.text[at:start], False), (self.text[start:last], True)]
            at = last
        return [(re.sub(r"\s+", " ", text), marked) for text, marked in [*parts, (self.text[at:stop], False)] if text]


def tokenise_text(text: str, query_terms: Sequence[QueryTerm], *, english: bool) -> list[TextToken]:
    """The words of a text, read as the index reads them, as far as they may be what is wanted.

    A word of more than USUAL letters that begins otherwise, and holds nothing that begins so, is no form of it: it is
    not taken apart, which costs most. Of short words that does not hold (äldre is a form of gammal).
    """
    firsts = {word[0] for each in query_terms for reading in each.lemma_sequences for word in reading}
    inner = {each.compound[:2] for each in query_terms if each.compound}
    found = []
    for match in TEXT_TOKEN_PATTERN.finditer(text):
        word = lemma = normalise_index_word(match[0])
        if len(word) <= ALWAYS_LEMMATISED_LENGTH or word[0] in firsts or any(start in word for start in inner):
            lemma = english_lemma(word) if english else swedish_lemma(word)
        found.append(TextToken(*match.span(), word, lemma))
    return found


@lru_cache(maxsize=200_000)
def normalise_index_word(text: str) -> str:
    """A word as it stands in a text, as the index holds it but for its form."""
    return next(iter(find_words(text)), text.lower())[:MAX_WORD_LENGTH]


def find_highlights(tokens: Sequence[TextToken], query_term: QueryTerm, term_index: int) -> list[Highlight]:
    """Each place of what is wanted."""
    found: dict[int, Highlight] = {}
    parts: dict[str, bool] = {}
    begun: dict[str, list[tuple[str, ...]]] = {}
    for reading in query_term.lemma_sequences:
        begun.setdefault(reading[0], []).append(reading)
    alone = [reading for reading in query_term.lemma_sequences if query_term.prefix and len(reading) == 1]
    for first, token in enumerate(tokens):
        for reading in begun.get(token.lemma, ()):
            rest = tokens[first + 1 : first + len(reading)]
            prefixes = ["" for _ in rest[:-1]] + [query_term.prefix]
            if len(rest) == len(reading) - 1 and all(map(is_lemma_match, rest, reading[1:], prefixes)):
                found[first] = Highlight(first, first + len(reading) - 1, term_index)
        if alone and first not in found and is_lemma_match(token, "", query_term.prefix):
            found[first] = Highlight(first, first, term_index)
    if query_term.compound:
        for first, token in enumerate(tokens):
            if token.lemma not in parts:
                parts[token.lemma] = query_term.compound in find_compound_parts(token.lemma)
            if parts[token.lemma]:
                found.setdefault(first, Highlight(first, first, term_index))
    return list(found.values())


def is_lemma_match(token: TextToken, lemma: str, prefix: str) -> bool:
    """Whether a word of a text is a form of a lemma, or begins as the prefix does."""
    if prefix:
        return token.word.startswith(prefix) or token.lemma.startswith(prefix)
    return token.lemma == lemma


MAX_HIT_LENGTH = 60_000  # characters of a body in which words are looked for
RELEASE_HITS_SQL = """
    select r.id, r.url, r.agency, a.name, a.name_en, r.kind, r.language, r.title, r.lead, substr(r.body, 1, :longest)
      as body, l.questions, r.published, r.updated, r.first_seen, r.gone
    from releases r join agencies a on a.slug = r.agency join listed l on l.release = r.id
    where r.id in (select value from json_each(:ids))
"""
RELEASE_QUESTIONS_SQL = """
    select q.release, q.position, q.question, q.answer from questions q
    where q.release in (select value from json_each(:ids)) order by q.release, q.position
"""
QUESTION_HITS_SQL = """
    select q.id as pair, q.position, q.question, q.answer, q.answered_by, r.id, r.url, r.agency, a.name, a.name_en,
      r.kind, r.language, r.title, r.published, r.updated, r.first_seen, r.gone
    from questions q join releases r on r.id = q.release join agencies a on a.slug = r.agency
    where q.id in (select value from json_each(:ids))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchExplanation:
    """How something asked for stands in a hit: each form with its number, by field."""

    query_term: str
    forms: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """A found release or pair; `title` and `excerpt` are the original text in parts, each marked or not.

    place: the question in which the excerpt stands, counted from 1; None where it stands in lead or body.
    """

    row: Any
    title: MarkedText
    excerpt: MarkedText
    explanations: list[MatchExplanation]
    question_position: int | None = None


async def read_release_hits(run: RunQuery, ids: Sequence[int], query_terms: Sequence[QueryTerm]) -> list[SearchHit]:
    """The releases of one page, in the order of the ids."""
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
    """Reads each text once."""
    asked: dict[int, list[Any]] = {}
    for pair in questions:
        asked.setdefault(pair["release"], []).append(pair)
    hits = {row["id"]: build_release_hit(row, asked.get(row["id"], []), query_terms) for row in rows}
    return [hits[key] for key in ids if key in hits]


def build_release_hit(row: Any, questions: Sequence[Any], query_terms: Sequence[QueryTerm]) -> SearchHit:
    """The excerpt is of whichever text holds most of what was asked: lead, body, a question or an answer."""
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
    place, excerpt = choose_excerpt(texts[1:])
    return SearchHit(
        row=row,
        title=title.highlight_all(),
        excerpt=excerpt,
        explanations=explain_match(texts, query_terms),
        question_position=place,
    )


def choose_excerpt(texts: Sequence[tuple[str, int | None, HighlightedText]]) -> tuple[int | None, MarkedText]:
    """From the text that holds most of what was asked, and from a further one what that lacks; its question, if any."""
    _, place, best = max(texts, key=lambda each: len(each[2].matched_terms))
    if not best.highlights:
        return None, next((text.excerpt() for _, _, text in texts if text.text.strip()), [])
    _, _, other = max(texts, key=lambda each: len(each[2].matched_terms - best.matched_terms))
    if other.matched_terms <= best.matched_terms:
        return place, best.excerpt()
    return place, [*best.excerpt(FRAGMENT_WORDS // 2), (" … ", False), *other.excerpt(FRAGMENT_WORDS // 2)]


async def read_question_hits(run: RunQuery, ids: Sequence[int], query_terms: Sequence[QueryTerm]) -> list[SearchHit]:
    """The pairs of question and answer of one page, in the order of the ids."""
    if not ids:
        return []
    rows = await run(QUESTION_HITS_SQL, {"ids": json.dumps(ids)})

    def mark() -> list[SearchHit]:
        hits = {row["pair"]: build_question_hit(row, query_terms) for row in rows}
        return [hits[key] for key in ids if key in hits]

    return await asyncio.to_thread(mark)


def build_question_hit(row: Any, query_terms: Sequence[QueryTerm]) -> SearchHit:
    """A question as a title, its answer as the excerpt."""
    english = is_english_release({"language": row["language"], "title": row["question"], "body": row["answer"]})
    question = HighlightedText(row["question"], query_terms, "question", english=english)
    answer = HighlightedText(row["answer"], query_terms, "answer", english=english)
    texts: list[tuple[str, int | None, HighlightedText]] = [("question", None, question), ("answer", None, answer)]
    place = row["position"]
    return SearchHit(
        row=row,
        title=question.highlight_all(),
        excerpt=answer.excerpt(),
        explanations=explain_match(texts, query_terms),
        question_position=place,
    )


def explain_match(
    texts: Sequence[tuple[str, int | None, HighlightedText]], query_terms: Sequence[QueryTerm]
) -> list[MatchExplanation]:
    """For each thing asked for, where and how it stands; nothing for what does not."""
    told = []
    for number, each in enumerate(query_terms):
        forms: dict[str, dict[str, int]] = {}
        for field, _, text in texts:
            for form, times in text.count_forms(number).items():
                held = forms.setdefault(field, {})
                held[form] = held.get(form, 0) + times
        if forms:
            told.append(MatchExplanation(query_term=each.label, forms=forms))
    return told
