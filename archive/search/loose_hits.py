"""Looser results: releases with only some of the words of a query, or with related words.

If few releases have all words of a query, those with any of them are ranked together with them, by
how well they match (bm25), by their share of the words, and by the words of their titles. Words in
quotation marks, with + or a star, excluded ones, filters and NEAR stay as they are.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice
from math import log
from operator import attrgetter
from typing import TYPE_CHECKING

from archive.language.synonyms import list_related_words
from archive.language.terms import find_compound_key, find_words
from archive.search.optional_words import list_optional_parts, loosen_word, search_any_of
from archive.search.query_language import (
    REQUIRED,
    WRITTEN,
    AndNode,
    OrNode,
    Query,
    QueryNode,
    TermNode,
    find_terms,
    list_words,
)
from archive.search.query_sql import (
    MAX_HITS,
    MAX_SORTED_HITS,
    MIN_BEGINNING_LENGTH,
    QUESTION_INDEX,
    RELEASE_INDEX,
    IndexTable,
    build_hits_sql,
    build_match,
    build_node_match,
    build_plan,
    combine_matches,
    count_beginnings,
    match_form,
    plan_search,
    select_ids,
)
from archive.search.search_index import BRIEF_RELEASE, list_columns
from archive.search.search_request import SearchRequest

if TYPE_CHECKING:
    from archive.search.ranking import HitFinder, HitList

ENOUGH_HITS = 200  # with fewer strict hits, looser ones are ranked with them
MAX_LOOSE_HITS = 100
_MAX_RANKED = 5_000  # hits of any word; reading the ranks of more would take too long
_COVERAGE_POWER = 3  # of the share of the words that a hit has
_MIN_NAMES = 2  # hits of a word that may be part of a name
_NAME_PORTION = 0.8  # of these; if as many have it beside the next word, the two are a name
_LOOSE_READING = 0.9  # what a related word counts of the word itself
_TITLE_WEIGHT = 0.5  # of the share of the words that the title has
# releases with words that start with a given word; searching more would take too long
_MAX_BEGINNING_POSTINGS = 20_000

# Words that the best hits share, beside the query's own.
_SHARED_WEIGHT = 0.2
_SHARED_HITS = 10  # best hits from which they are taken
_SHARED_TEXT_LENGTH = 400  # characters of each text
_SHARED_WORDS = 10
_MAX_SHARED_PORTION = 0.1  # of all releases; words in more say too little
_MAX_SHARED_POSTINGS = 1_500  # releases of these words; more would cost too much
_FEW_HITS = 50  # with fewer hits, releases with nothing but these words follow
# of the relevance of the best hit with these words, for hits with nothing else
_MIN_SHARED_RELEVANCE = 0.5

_BEST_TEXTS_SQL = f"""
    select id, title || ' ' || coalesce(lead, '') || ' ' || substr(body,
      1, {_SHARED_TEXT_LENGTH}) as text from releases
    where id in (select value from json_each(:ids))
"""
# of each word, the lemma that most releases give it comes last
_WORD_LEMMAS_SQL = """
    select word, lemma, releases from vocabulary
    where word in (select value from json_each(:words)) order by word, releases, lemma desc
"""


@dataclass(frozen=True, slots=True)
class SpellingCorrection:
    """One or two words of the query, and a replacement that would find more."""

    typed: str
    replacement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedQuery:
    """A query and its corrections, if there are any."""

    query: Query
    corrections: Sequence[SpellingCorrection]


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseHits:
    """The hits that a request finds only loosely: at most MAX_LOOSE_HITS, the most relevant."""

    # id of each hit → the query whose words are marked
    queries: Mapping[int, Query] = field(default_factory=dict)
    # id of each hit → the words of the request that it lacks
    missing: Mapping[int, Sequence[str]] = field(default_factory=dict)
    # strict and loose hits in their order; empty: only strict hits, in theirs
    order: Sequence[int] = ()
    corrections: Sequence[SpellingCorrection] | None = None  # None: not looked for

    @property
    def start(self) -> int:
        """Return the place of the first loose hit, from 0; without any, that after the last hit."""
        return next(
            (place for place, key in enumerate(self.order) if key in self.queries), len(self.order)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _WantedWord:
    """A part of a query that a loose hit may lack, and the hits that have it."""

    node: QueryNode  # with its looser readings
    match: str
    number: int  # of hits; of a common word, about
    # empty, of a common word
    ids: set[int] = field(default_factory=set)
    typed_ids: set[int] = field(default_factory=set)  # without the looser readings

    @property
    def text(self) -> str:
        return " ".join(list_words(find_terms(self.node)))

    @property
    def label(self) -> str:
        """Return the words as they may be typed, with their fields, and abbreviations in
        capitals.
        """
        return " ".join(map(_format_term, find_terms(self.node)))

    @property
    def is_single(self) -> bool:
        """Return whether the part is one word, searched in the whole text."""
        return isinstance(self.node, TermNode) and not self.node.field and len(self.node.words) == 1

    @property
    def is_common(self) -> bool:
        """Return whether there are too many hits to read them all."""
        return self.number > MAX_HITS


async def find_loose_hits(finder: HitFinder, strict: HitList) -> LooseHits:
    """Find the hits of any word of a request, and rank them with the strict ones, if these are few.

    The relevance of a hit is bm25 × recency × substance (see `HitFinder.weigh_ranks`) × the cube of
    its share of the words × (1 + ½ the share of the words in its title). In a share, a word counts
    the more, the rarer it is. Words that the best of these hits share add up to 0.2 of the best
    relevance.
    """
    request = finder.request
    if request.strict or len(strict.ids) >= ENOUGH_HITS or not list_optional_parts(request.query):
        return LooseHits()
    search = await _prepare(finder)
    relevance, releases = await search.rank_any_word()
    relevance = dict.fromkeys(strict.ids, 0.0) | relevance
    others, shared = await search.rank_shared_words(relevance)
    total, strict_ids = _add_shared(relevance, shared), {*strict.ids}
    loose_ids = (key for key in total if key not in strict_ids)
    loose = heapq.nlargest(MAX_LOOSE_HITS, loose_ids, key=total.__getitem__)
    return LooseHits(
        queries={key: search.all_words if key in relevance else others for key in loose},
        missing={key: search.list_missing(key, is_ranked=key in relevance) for key in loose},
        order=_order_hits(finder, strict, loose, total, releases),
        corrections=search.corrections,
    )


def _order_hits(
    finder: HitFinder,
    strict: HitList,
    loose: Sequence[int],
    relevance: Mapping[int, float],
    releases: Mapping[int, int],
) -> list[int]:
    """Return strict and loose hits in the order of the request; by date, first the strict ones."""
    if finder.order != "best":
        by_release = {key: releases.get(key, key) for key in loose}
        return [*strict.ids, *finder.columns.sort_pairs_by_date(by_release, finder.order)]
    if strict.former.ids:  # earlier versions have no relevance
        return [*strict.ids, *loose]
    return sorted([*strict.ids, *loose], key=relevance.__getitem__, reverse=True)


async def _prepare(finder: HitFinder) -> _LooseSearch:
    """Read how common each word of a request is, after the correction of misspelt ones."""
    query, corrections = finder.request.query, None
    counts = await count_beginnings(finder.run, find_terms(query.tree))
    has_unknown = not all(
        count or list_related_words(" ".join(term.words)) for term, count in counts.items()
    )
    if finder.correct and has_unknown:
        corrected = await finder.correct(finder.run, finder.request)
        query, corrections = corrected.query, corrected.corrections
        counts = await count_beginnings(finder.run, find_terms(query.tree))
    beginnings = frozenset(
        lemma
        for term, count in counts.items()
        if count <= _MAX_BEGINNING_POSTINGS
        and len(lemma := find_compound_key(" ".join(term.words))) >= MIN_BEGINNING_LENGTH
    )
    search = _LooseSearch(
        finder=replace(finder, names=replace(finder.names, beginnings=beginnings)),
        query=query,
        corrections=corrections,
    )
    for part in list_optional_parts(query):
        frequency = max(counts.get(term, 0) for term in find_terms(part))
        search.words.append(await search.read_word(part, frequency))
    await search.join_names()
    return search


@dataclass(frozen=True, slots=True, kw_only=True)
class _LooseSearch:
    """A request whose hits need not have all words."""

    finder: HitFinder
    query: Query  # that of the request, with its words corrected
    corrections: Sequence[SpellingCorrection] | None
    words: list[_WantedWord] = field(default_factory=list)

    @property
    def index(self) -> IndexTable:
        return QUESTION_INDEX if self.finder.request.show == "questions" else RELEASE_INDEX

    @property
    def all_words(self) -> Query:
        return search_any_of(self.query, [word.node for word in self.words])

    async def read_word(self, typed: QueryNode, frequency: int) -> _WantedWord:
        """Read the hits of a word. frequency: the number of releases with words that begin so."""
        loose = loosen_word(typed)
        match = build_node_match(loose, self.finder.names, self.index)
        ids = await self.read_part(loose)
        if len(ids) > MAX_HITS:
            return _WantedWord(node=loose, match=match, number=max(frequency, len(ids)))
        typed_ids = ids if typed == loose else await self.read_part(typed)
        return _WantedWord(node=loose, match=match, number=len(ids), ids=ids, typed_ids=typed_ids)

    async def read_part(self, node: QueryNode) -> set[int]:
        """Read the releases or question pairs that match a part of the query, at most one more than
        MAX_HITS.
        """
        plan = build_plan(node, self.finder.names, self.index)
        if not plan.conditions:
            return await self.read_ids(plan.match, limit=MAX_HITS + 1)
        # words of a field that another table has, such as attachments
        request = SearchRequest(show=self.finder.request.show)
        sql = f"{build_hits_sql(request, plan, plan.match)} limit {MAX_HITS + 1:d}"
        return {*await select_ids(self.finder.run, sql, plan.values)}

    async def join_names(self) -> None:
        """Join adjacent words of which the rarer one hardly occurs without the other, such as a
        first name and a surname, so that a hit with only one of them lacks the name.
        """
        for place in range(len(self.words) - 1, 0, -1):
            pair = self.words[place - 1 : place + 1]
            rarest = min((word.typed_ids for word in pair), key=len)
            if len(rarest) < _MIN_NAMES or not all(word.is_single for word in pair):
                continue
            phrase = match_form([word.text for word in pair])
            if len(await self.read_ids(phrase)) >= _NAME_PORTION * len(rarest):
                self.words[place - 1 : place + 1] = [_join_words(*pair)]

    async def read_ids(self, match: str, limit: int = MAX_SORTED_HITS) -> set[int]:
        """Read the releases or question pairs that match, whatever the filters of the request."""
        if not match:
            return set()
        sql = f"select rowid as id from {self.index.table} where {self.index.table} match :match"
        return {*await select_ids(self.finder.run, f"{sql} limit {limit:d}", {"match": match})}

    async def rank_any_word(self) -> tuple[dict[int, float], dict[int, int]]:
        """Return the relevance of all hits that have any of the words, and the release of each."""
        if not (sought := await self.choose_words()):
            return {}, {}
        request = replace(self.finder.request, loosened=search_any_of(self.query, sought), page=1)
        relevance, releases = await self.read_relevance(request)
        shares, title_shares = dict.fromkeys(relevance, 0.0), dict.fromkeys(relevance, 0.0)
        limit = build_match(request, plan_search(request, self.finder.names))
        for place, word in enumerate(self.words):
            weight = log(1 + self.finder.columns.size / word.number) if word.number else 0.0
            match = combine_matches([word.match, limit]) if word.is_common else word.match
            if word.is_common:
                ids = await self.read_ids(match)
                self.words[place] = replace(word, ids=ids, typed_ids=ids)
            ids, typed_ids = self.words[place].ids, self.words[place].typed_ids
            for key in relevance.keys() & ids:
                shares[key] += weight * (1 if key in typed_ids else _LOOSE_READING)
            for key in relevance.keys() & await self.read_ids(self.match_title(match)):
                title_shares[key] += weight
        best = max(shares.values(), default=0.0) or 1.0
        ranked = {
            key: value
            * (shares[key] / best) ** _COVERAGE_POWER
            * (1 + _TITLE_WEIGHT * title_shares[key] / best)
            for key, value in relevance.items()
        }
        return ranked, releases

    async def choose_words(self) -> list[QueryNode]:
        """Return the words of which a hit must have any: all but the most common ones, if to read
        all their hits would take too long.
        """
        words = sorted((word for word in self.words if word.number), key=attrgetter("number"))
        if sum(word.number for word in words) <= _MAX_RANKED:
            return [word.node for word in words]
        searched = await self.count_searched()
        totals = accumulate(min(word.number, searched) for word in words)
        number = sum(total <= _MAX_RANKED for total in totals)
        if number:
            return [word.node for word in words[:number]]
        others = [word.node for word in words[1:]]
        return [AndNode((words[0].node, OrNode(tuple(others)))) if others else words[0].node]

    async def count_searched(self) -> int:
        """Count the releases or question pairs that the filters leave; of many, only some."""
        filters = search_any_of(self.query, [])
        request = replace(self.finder.request, loosened=filters, page=1)
        _, total = await replace(self.finder, request=request).fetch_counted()
        return total

    def match_title(self, match: str) -> str:
        """Return the expression of hits that match in their title, or question."""
        titles = list_columns([self.index.fields[0]], *self.index.suffixes)
        return f"{{{' '.join(titles)}}}: ({match})" if match else ""

    async def read_relevance(
        self, request: SearchRequest
    ) -> tuple[dict[int, float], dict[int, int]]:
        """Return the relevance of the hits of a request, wherever they have its words, and the
        release of each.
        """
        finder = replace(self.finder, request=request)
        has_ranks = bool(plan_search(request, self.finder.names).match)
        if request.show == "questions" or request.news or not has_ranks:
            hits = await finder.fetch_current("best")
            relevance = hits.relevance or dict.fromkeys(hits.ids, 1.0)
            return dict(relevance), dict(zip(hits.ids, hits.releases, strict=True))
        ranks = await finder.read_ranks(MAX_SORTED_HITS)
        brief = await self.read_ids(f'facts: "{BRIEF_RELEASE}"')
        found = {key: ranks[key] for key in finder.filter_hits(list(ranks))}
        return finder.weigh_ranks(found, brief=brief), {key: key for key in found}

    async def rank_shared_words(
        self, relevance: Mapping[int, float]
    ) -> tuple[Query, dict[int, float]]:
        """Return the query for words that the most relevant hits share, and for each of its hits
        how many it has, by how rare they are; most first.

        There is none for question pairs, and for words of a field: what is asked of a title or an
        attachment is not found elsewhere.
        """
        has_fields = any(term.field for word in self.words for term in find_terms(word.node))
        if has_fields or self.finder.request.show == "questions":
            return Query(), {}
        words = [TermNode((word,), match=REQUIRED) for word in await self.find_shared(relevance)]
        weights = await self.weigh_hits(words)
        query = search_any_of(self.query, words)
        allowed = set(relevance)
        if words and len(relevance) < _FEW_HITS:
            request = replace(self.finder.request, loosened=query, page=1)
            allowed.update(
                (await replace(self.finder, request=request).fetch_current("newest")).ids
            )
        order = sorted(allowed & weights.keys(), key=lambda key: (weights[key], key), reverse=True)
        return query, {key: weights[key] for key in order}

    async def weigh_hits(self, words: Sequence[QueryNode]) -> dict[int, float]:
        """Return for each hit of any of these words how many it has, by how rare they are."""
        weights: dict[int, float] = {}
        for word in words:
            ids = await self.read_part(word)
            weight = log(1 + self.finder.columns.size / (len(ids) + 1))
            for key in ids:
                weights[key] = weights.get(key, 0.0) + weight
        return weights

    async def find_shared(self, relevance: Mapping[int, float]) -> list[str]:
        """Return words that several of the most relevant hits share, and few other releases
        have.
        """
        best = heapq.nlargest(_SHARED_HITS, relevance, key=relevance.__getitem__)
        rows = await self.finder.run(_BEST_TEXTS_SQL, {"ids": json.dumps(best)})
        texts = {row["id"]: set(find_words(row["text"])) for row in rows}
        words = json.dumps(sorted(set().union(*texts.values())), ensure_ascii=False)
        # lemma → its words, with the number of their releases
        lemmas: dict[str, dict[str, int]] = {}
        lemma_of: dict[str, str] = {}
        for row in await self.finder.run(_WORD_LEMMAS_SQL, {"words": words}):
            lemmas.setdefault(row["lemma"], {})[row["word"]] = row["releases"]
            lemma_of[row["word"]] = row["lemma"]
        sharing: dict[str, list[float]] = {}  # lemma → the relevance of each text that has it
        for key, text in texts.items():
            for lemma in {lemma_of[word] for word in text if word in lemma_of}:
                sharing.setdefault(lemma, []).append(relevance[key])
        totals = {lemma: sum(forms.values()) for lemma, forms in lemmas.items()}
        chosen = _choose_lemmas(sharing, totals, self.finder.columns.size)
        return [max(lemmas[lemma], key=lemmas[lemma].__getitem__) for lemma in chosen]

    def list_missing(self, key: int, *, is_ranked: bool) -> list[str]:
        """List the words that a hit lacks. is_ranked: whether it has any; of others, it was not
        read whether they have the common words.
        """
        words = (word for word in self.words if is_ranked or not word.is_common)
        return [word.label for word in words if key not in word.ids]


def _format_term(term: TermNode) -> str:
    """Return a word as it may be typed.

    >>> _format_term(TermNode(("skola",), field="title", match=WRITTEN))
    'title:SKOLA'
    """
    text = " ".join(term.words)
    text = text.upper() if term.match == WRITTEN else text
    return f"{term.field}:{text}" if term.field else text


def _join_words(first: _WantedWord, second: _WantedWord) -> _WantedWord:
    """Join two words that are a name: a hit may have either of them, but it counts only both."""
    ids = first.ids & second.ids
    return _WantedWord(
        node=OrNode((first.node, second.node)),
        match=combine_matches([first.match, second.match]),
        number=len(ids),
        ids=ids,
        typed_ids=first.typed_ids & second.typed_ids,
    )


def _choose_lemmas(
    sharing: Mapping[str, Sequence[float]], totals: Mapping[str, int], size: int
) -> list[str]:
    """Choose lemmas that several texts share, heaviest first, as far as they are rare enough.

    sharing: the relevance of each text with a lemma. totals: the number of their releases. size:
    that of all releases.
    """
    weights = {
        lemma: sum(values) * log(size / totals[lemma])
        for lemma, values in sharing.items()
        if len(values) > 1 and totals[lemma] <= _MAX_SHARED_PORTION * size
    }
    chosen, postings = list[str](), 0
    for lemma in sorted(weights, key=weights.__getitem__, reverse=True):
        if postings + totals[lemma] <= _MAX_SHARED_POSTINGS and len(chosen) < _SHARED_WORDS:
            postings += totals[lemma]
            chosen.append(lemma)
    return chosen


def _add_shared(relevance: Mapping[int, float], shared: Mapping[int, float]) -> dict[int, float]:
    """Return the relevance of hits, from 0 to about 1, raised by words that they share with the
    best ones.

    shared: the relevance of the hits of these words, best first. While there are few hits, the best
    of these are added.

    >>> _add_shared({1: 4.0, 2: 1.0}, {2: 8.0, 3: 4.0, 4: 2.0})
    {1: 1.0, 2: 0.45, 3: 0.0}
    """
    best, best_shared = (max(each.values(), default=0.0) or 1.0 for each in (relevance, shared))
    portions = {key: value / best_shared for key, value in shared.items()}
    total = {
        key: value / best + _SHARED_WEIGHT * portions.get(key, 0.0)
        for key, value in relevance.items()
    }
    others = (
        key for key in shared if key not in relevance and portions[key] >= _MIN_SHARED_RELEVANCE
    )
    return total | dict.fromkeys(islice(others, max(0, _FEW_HITS - len(relevance))), 0.0)
