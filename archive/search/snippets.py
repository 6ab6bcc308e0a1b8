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

from archive.analysis import find_part, find_parts, find_words, is_english_release, to_term
from archive.analysis.lemmatizer import english_lemma, swedish_lemma
from archive.database import Run
from archive.search.query import LONGEST, Node, find_terms

ENDINGS = "s|n|ns|en|ens|er|ers|erna|ernas|na|nas|t|ts|et|ets|e|a|as|ar|are|aren"
TOKEN = re.compile(rf"[^\W_]+(?:[\u00ad\u200b-\u200d\ufeff]+[^\W_]+)*(?::(?:{ENDINGS})\b)?", re.IGNORECASE)
FRAGMENT = 42  # words of an excerpt
BEFORE = 10  # of them before the first mark, at most
MOST_FRAGMENTS = 2
USUAL = 7  # letters of a word that is always read
Parts = list[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Words that a text must hold in a row, in any of their readings; `label` is what was typed."""

    label: str
    readings: tuple[tuple[str, ...], ...]
    prefix: str = ""  # the last word may go on
    compound: str = ""  # a lemma that may be a part of a longer word
    field: str | None = None


class Token(NamedTuple):
    """A word where it stands in a text, in small letters, and its lemma."""

    start: int
    end: int
    word: str
    lemma: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A found place; `wanted` is the number of what was wanted, first and last are numbers of words."""

    first: int
    last: int
    wanted: int


def to_wanted(tree: Node | None, begun: Mapping[str, tuple[str, ...]] | None = None) -> list[Wanted]:
    """What of a query can be marked; `begun`: further lemmas that a word with a star stands for.

    >>> from archive.search.query import Term
    >>> to_wanted(Term(("myndigheterna",)))[0].readings
    (('myndighet',),)
    """
    found = []
    for term in dict.fromkeys(find_terms(tree)):
        text = " ".join(term.words)
        readings = tuple(tuple(lemma.split()) for lemma in to_term(text).lemmas)
        if term.star:
            readings = (term.words, *((lemma,) for lemma in (begun or {}).get(text, ())))
        compound = "" if term.star else find_part(text)
        label = text + ("*" if term.star else "")
        found.append(Wanted(label, readings, term.words[-1] if term.star else "", compound, term.field))
    return found


class Text:
    """A text and the places in it that a query found."""

    def __init__(self, text: str | None, wanted: Sequence[Wanted], field: str, *, english: bool) -> None:
        self.text = unicodedata.normalize("NFC", text or "")
        here = {number: each for number, each in enumerate(wanted) if each.field in (None, field)}
        self.tokens = find_tokens(self.text, list(here.values()), english=english) if here else []
        self.marks: list[Mark] = []
        for number, each in here.items():
            self.marks += find_marks(self.tokens, each, number)
        self.marks.sort(key=lambda mark: (mark.first, -mark.last))

    @property
    def found(self) -> set[int]:
        """The numbers of what it holds."""
        return {mark.wanted for mark in self.marks}

    def forms(self, number: int) -> Counter[str]:
        """How what was wanted stands here, each form with its number."""
        marks = [mark for mark in self.marks if mark.wanted == number]
        spans = [(self.tokens[mark.first].start, self.tokens[mark.last].end) for mark in marks]
        return Counter(" ".join(self.text[start:end].lower().split()) for start, end in spans)

    def whole(self) -> Parts:
        """All of it."""
        return self.cut(0, len(self.tokens))

    def excerpt(self, size: int = FRAGMENT) -> Parts:
        """The fragments that hold most of what was wanted; the beginning where it holds nothing."""
        if not self.marks:
            words = self.text.split()
            return [(" ".join(words[:size]) + (" …" if len(words) > size else ""), False)] if words else []
        starts = self.choose(size)
        size //= len(starts)
        parts: Parts = [("… ", False)] if starts[0] else []
        for place, start in enumerate(starts):
            if place:
                parts.append((" … ", False))
            parts += self.cut(start, start + size)
        return [*parts, (" …", False)] if starts[-1] + size < len(self.tokens) else parts

    def choose(self, size: int) -> list[int]:
        """Where the fragments begin: the best one first, a further one only for what that one lacks."""
        best = self.best(set(), size)
        if self.held(best, size) == self.found:
            return [best]
        size //= MOST_FRAGMENTS
        best = self.best(set(), size)
        other = self.best(self.held(best, size), size)
        return sorted({best, other}) if abs(best - other) >= size else [min(best, other)]

    def held(self, start: int, size: int) -> set[int]:
        """What a fragment holds."""
        return {mark.wanted for mark in self.marks if start <= mark.first and mark.last < start + size}

    def best(self, had: set[int], size: int) -> int:
        """The beginning of the first fragment that holds most beside what is had already."""
        candidates = dict.fromkeys(self.begin(mark.first, size) for mark in self.marks)
        return max(candidates, key=lambda start: (len(self.held(start, size) - had), -start))

    def begin(self, first: int, size: int) -> int:
        """A fragment's beginning for a mark: its sentence's, if that is near, else a few words before it."""
        nearest = max(0, first - min(BEFORE, size // 3))
        for place in range(first, nearest, -1):
            between = self.text[self.tokens[place - 1].end : self.tokens[place].start]
            if re.search(r"[.!?:\n]", between):
                return place
        return nearest

    def cut(self, first: int, end: int) -> Parts:
        """The words from one number to another as parts, each marked or not, white space run together."""
        end = min(end, len(self.tokens))
        if not self.tokens:
            return [(" ".join(self.text.split()), False)] if self.text.strip() else []
        at = self.tokens[first].start if first else 0
        stop = self.tokens[end - 1].end if end < len(self.tokens) else len(self.text)
        parts: Parts = []
        for mark in self.marks:
            start, last = self.tokens[mark.first].start, self.tokens[mark.last].end
            if mark.first < first or mark.last >= end or start < at:
                continue
            parts += [(self.text[at:start], False), (self.text[start:last], True)]
            at = last
        return [(re.sub(r"\s+", " ", text), marked) for text, marked in [*parts, (self.text[at:stop], False)] if text]


def find_tokens(text: str, wanted: Sequence[Wanted], *, english: bool) -> list[Token]:
    """The words of a text, read as the index reads them, as far as they may be what is wanted.

    A word of more than USUAL letters that begins otherwise, and holds nothing that begins so, is no form of it: it is
    not taken apart, which costs most. Of short words that does not hold (äldre is a form of gammal).
    """
    firsts = {word[0] for each in wanted for reading in each.readings for word in reading}
    inner = {each.compound[:2] for each in wanted if each.compound}
    found = []
    for match in TOKEN.finditer(text):
        word = lemma = read_word(match[0])
        if len(word) <= USUAL or word[0] in firsts or any(start in word for start in inner):
            lemma = english_lemma(word) if english else swedish_lemma(word)
        found.append(Token(*match.span(), word, lemma))
    return found


@lru_cache(maxsize=200_000)
def read_word(text: str) -> str:
    """A word as it stands in a text, as the index holds it but for its form."""
    return next(iter(find_words(text)), text.lower())[:LONGEST]


def find_marks(tokens: Sequence[Token], wanted: Wanted, number: int) -> list[Mark]:
    """Each place of what is wanted."""
    found: dict[int, Mark] = {}
    parts: dict[str, bool] = {}
    begun: dict[str, list[tuple[str, ...]]] = {}
    for reading in wanted.readings:
        begun.setdefault(reading[0], []).append(reading)
    alone = [reading for reading in wanted.readings if wanted.prefix and len(reading) == 1]
    for first, token in enumerate(tokens):
        for reading in begun.get(token.lemma, ()):
            rest = tokens[first + 1 : first + len(reading)]
            prefixes = ["" for _ in rest[:-1]] + [wanted.prefix]
            if len(rest) == len(reading) - 1 and all(map(fits, rest, reading[1:], prefixes)):
                found[first] = Mark(first, first + len(reading) - 1, number)
        if alone and first not in found and fits(token, "", wanted.prefix):
            found[first] = Mark(first, first, number)
    if wanted.compound:
        for first, token in enumerate(tokens):
            if token.lemma not in parts:
                parts[token.lemma] = wanted.compound in find_parts(token.lemma)
            if parts[token.lemma]:
                found.setdefault(first, Mark(first, first, number))
    return list(found.values())


def fits(token: Token, lemma: str, prefix: str) -> bool:
    """Whether a word of a text is a form of a lemma, or begins as the prefix does."""
    if prefix:
        return token.word.startswith(prefix) or token.lemma.startswith(prefix)
    return token.lemma == lemma


MAX_HIT_LENGTH = 60_000  # characters of a body in which words are looked for
RELEASES = """
    select r.id, r.url, r.agency, a.name, a.name_en, r.kind, r.language, r.title, r.lead, substr(r.body, 1, :longest)
      as body, l.questions, r.published, r.updated, r.first_seen, r.gone
    from releases r join agencies a on a.slug = r.agency join listed l on l.release = r.id
    where r.id in (select value from json_each(:ids))
"""
QUESTIONS = """
    select q.release, q.position, q.question, q.answer from questions q
    where q.release in (select value from json_each(:ids)) order by q.release, q.position
"""
PAIRS = """
    select q.id as pair, q.position, q.question, q.answer, q.answered_by, r.id, r.url, r.agency, a.name, a.name_en,
      r.kind, r.language, r.title, r.published, r.updated, r.first_seen, r.gone
    from questions q join releases r on r.id = q.release join agencies a on a.slug = r.agency
    where q.id in (select value from json_each(:ids))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """How something asked for stands in a hit: each form with its number, by field."""

    asked: str
    forms: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A found release or pair; `title` and `excerpt` are the original text in parts, each marked or not.

    place: the question in which the excerpt stands, counted from 1; None where it stands in lead or body.
    """

    row: Any
    title: Parts
    excerpt: Parts
    why: list[Why]
    place: int | None = None


async def read_releases(run: Run, ids: Sequence[int], wanted: Sequence[Wanted]) -> list[Hit]:
    """The releases of one page, in the order of the ids."""
    if not ids:
        return []
    values = {"ids": json.dumps(ids)}
    rows, pairs = await asyncio.gather(run(RELEASES, {**values, "longest": MAX_HIT_LENGTH}), run(QUESTIONS, values))
    return await asyncio.to_thread(mark_releases, ids, rows, pairs, wanted)


def mark_releases(ids: Sequence[int], rows: Sequence[Any], pairs: Sequence[Any], wanted: Sequence[Wanted]) -> list[Hit]:
    """Reads each text once."""
    asked: dict[int, list[Any]] = {}
    for pair in pairs:
        asked.setdefault(pair["release"], []).append(pair)
    hits = {row["id"]: to_hit(row, asked.get(row["id"], []), wanted) for row in rows}
    return [hits[key] for key in ids if key in hits]


def to_hit(row: Any, pairs: Sequence[Any], wanted: Sequence[Wanted]) -> Hit:
    """The excerpt is of whichever text holds most of what was asked: lead, body, a question or an answer."""
    english = is_english_release(row)
    title, lead, body = (Text(row[name], wanted, name, english=english) for name in ("title", "lead", "body"))
    texts: list[tuple[str, int | None, Text]] = [("title", None, title), ("lead", None, lead), ("body", None, body)]
    for pair in pairs if wanted else ():
        texts.append(("question", pair["position"], Text(pair["question"], wanted, "question", english=english)))
        texts.append(("answer", pair["position"], Text(pair["answer"], wanted, "answer", english=english)))
    place, excerpt = find_excerpt(texts[1:])
    return Hit(row=row, title=title.whole(), excerpt=excerpt, why=find_why(texts, wanted), place=place)


def find_excerpt(texts: Sequence[tuple[str, int | None, Text]]) -> tuple[int | None, Parts]:
    """From the text that holds most of what was asked, and from a further one what that lacks; its question, if any."""
    _, place, best = max(texts, key=lambda each: len(each[2].found))
    if not best.marks:
        return None, next((text.excerpt() for _, _, text in texts if text.text.strip()), [])
    _, _, other = max(texts, key=lambda each: len(each[2].found - best.found))
    if other.found <= best.found:
        return place, best.excerpt()
    return place, [*best.excerpt(FRAGMENT // 2), (" … ", False), *other.excerpt(FRAGMENT // 2)]


async def read_pairs(run: Run, ids: Sequence[int], wanted: Sequence[Wanted]) -> list[Hit]:
    """The pairs of question and answer of one page, in the order of the ids."""
    if not ids:
        return []
    rows = await run(PAIRS, {"ids": json.dumps(ids)})

    def mark() -> list[Hit]:
        hits = {row["pair"]: to_pair(row, wanted) for row in rows}
        return [hits[key] for key in ids if key in hits]

    return await asyncio.to_thread(mark)


def to_pair(row: Any, wanted: Sequence[Wanted]) -> Hit:
    """A question as a title, its answer as the excerpt."""
    english = is_english_release({"language": row["language"], "title": row["question"], "body": row["answer"]})
    question = Text(row["question"], wanted, "question", english=english)
    answer = Text(row["answer"], wanted, "answer", english=english)
    texts: list[tuple[str, int | None, Text]] = [("question", None, question), ("answer", None, answer)]
    place = row["position"]
    return Hit(row=row, title=question.whole(), excerpt=answer.excerpt(), why=find_why(texts, wanted), place=place)


def find_why(texts: Sequence[tuple[str, int | None, Text]], wanted: Sequence[Wanted]) -> list[Why]:
    """For each thing asked for, where and how it stands; nothing for what does not."""
    told = []
    for number, each in enumerate(wanted):
        forms: dict[str, dict[str, int]] = {}
        for field, _, text in texts:
            for form, times in text.forms(number).items():
                held = forms.setdefault(field, {})
                held[form] = held.get(form, 0) + times
        if forms:
            told.append(Why(asked=each.label, forms=forms))
    return told
