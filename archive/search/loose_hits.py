"""Finds loose results: releases with only some of a query's words, or with related words.

If few releases contain all words of a query, releases with only some of the words are added, and
all are ranked together: by how well they match (bm25), by the share of the words that they contain,
and by the words in their titles. Words in quotation marks, words with + or a star, excluded words,
filters and NEAR are never loosened.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice
from math import log
from operator import attrgetter
from typing import TYPE_CHECKING

from archive.language.synonyms import list_related_words
from archive.language.terms import find_compound_key, find_words
from archive.search.optional_words import OptionalWord, list_optional_words, search_any_of
from archive.search.query_language import (
    QUOTED,
    REQUIRED,
    AndNode,
    OrNode,
    Query,
    QueryNode,
    TermNode,
    TypedWord,
    find_reference_nodes,
    find_terms,
    list_words,
)
from archive.search.query_sql import (
    MAX_HITS,
    MIN_BEGINNING_LENGTH,
    RANKED_RELEASE_INDEX,
    RELEASE_INDEX,
    RESULT_INDEXES,
    IndexTable,
    build_hits_sql,
    build_index_sql,
    build_plan,
    count_beginnings,
    match_attachments,
    match_title,
    read_ranks,
    select_ids,
)
from archive.search.search_request import SearchRequest
from archive.search.spelling_corrections import SpellingCorrection, correct_query

if TYPE_CHECKING:
    from archive.search.ranking import HitFinder, HitList

ENOUGH_HITS = 200  # with fewer strict hits, looser ones are ranked with them
MAX_LOOSE_HITS = 100
_MAX_FOUND = 5_000  # hits of any word; to find more would take too long
_MAX_RANKED = 1_000  # with the greatest share of the words; bm25 of more takes too long
_COVERAGE_POWER = 3  # of the share of the words that a hit has
_MIN_NAMES = 2  # hits of a word that may be part of a name
_NAME_PORTION = 0.8  # of these; if as many have it beside the next word, the two are a name
_UNRANKED = -1.0  # rank of results found by something other than words
_TITLE_WEIGHT = 0.5  # of the share of the words that the title has
# of all releases; the text of more is not looked up one by one
_MAX_LOOKUP_SHARE = 0.0002
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LooseHits:
    """The most relevant of the results that match a request only loosely (up to MAX_LOOSE_HITS)."""

    # id of each hit → the query whose words are marked
    queries: Mapping[int, Query] = field(default_factory=dict)
    # id of each hit → the words of the request that it lacks, and those of which it has only a
    # related word
    missing: Mapping[int, Sequence[TypedWord]] = field(default_factory=dict)
    related: Mapping[int, Sequence[TypedWord]] = field(default_factory=dict)
    # strict and loose hits in their order; empty: only strict hits, in theirs
    order: Sequence[int] = ()
    corrections: Sequence[SpellingCorrection] | None = None  # None: not looked for

    @property
    def start(self) -> int:
        """Return the index of the first loose result, or the number of results if there is none."""
        return next(
            (place for place, key in enumerate(self.order) if key in self.queries), len(self.order)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _WantedWord:
    """A word or name of a query that a loose result may lack, and the results that contain it."""

    words: tuple[OptionalWord, ...]  # a name has two, and a hit with only one of them lacks it
    number: int  # of hits; of a common word, about
    # of a common word, only those of the hits that are found, without the looser readings
    ids: set[int]
    typed_ids: set[int]  # without the looser readings

    @property
    def loose(self) -> QueryNode:
        """Return the node by which results are found. For a name, either of its words is enough."""
        nodes = tuple(word.loose for word in self.words)
        return OrNode(nodes) if len(nodes) > 1 else nodes[0]

    @property
    def whole(self) -> QueryNode:
        """Return the node that a result must match to count as containing the word.

        For a name, both of its words must match.
        """
        nodes = tuple(word.typed if self.is_common else word.loose for word in self.words)
        return AndNode(nodes) if len(nodes) > 1 else nodes[0]

    @property
    def terms(self) -> list[TermNode]:
        return [term for word in self.words for term in find_terms(word.typed)]

    @property
    def is_single(self) -> bool:
        return len(self.words) == 1 and self.words[0].is_single

    @property
    def is_common(self) -> bool:
        """Return whether the word has more than MAX_HITS results, which are too many to read."""
        return self.number > MAX_HITS


def ranks_any_word(request: SearchRequest, number: int) -> bool:
    """Return whether there are so few strict results that loose ones are ranked with them.

    Returns False if the request is strict, if it is for quotations (which must contain all words),
    or if no word of the query is optional.

    number: the number of strict results.
    """
    is_strict = request.strict or request.show == "quotes"
    return number < ENOUGH_HITS and not is_strict and bool(list_optional_words(request.query))


async def find_loose_hits(finder: HitFinder, strict: HitList) -> LooseHits:
    """Find the results that contain any word of a request, and rank them with the strict ones.

    If there are enough strict results, nothing is searched, and an empty LooseHits is returned.

    The relevance of a result is bm25 × recency × substance (see `HitFinder.weigh_ranks`) × the cube
    of the share of the query's words that the result contains × (1 + ½ the share of these words
    that its title contains). Rare words count more than common ones in both shares. Other words
    that the best results have in common add at most 0.2 times the best relevance. Releases that
    contain only a reference from the request, and none of its words, come last.
    """
    if not ranks_any_word(finder.request, len(strict.ids)):
        return LooseHits()
    search = await _prepare(finder)
    ranked, releases = await search.rank_any_word()
    unranked = (*strict.ids, *releases, *await search.find_referring())
    relevance = dict.fromkeys(unranked, 0.0) | ranked
    others, shared = await search.rank_shared_words(relevance)
    total, strict_ids = _add_shared(relevance, shared), {*strict.ids}
    loose_ids = (key for key in total if key not in strict_ids)
    loose = heapq.nlargest(MAX_LOOSE_HITS, loose_ids, key=total.__getitem__)
    words = search_any_of(search.query, [word.loose for word in search.words])
    return LooseHits(
        queries={key: words if key in relevance else others for key in loose},
        missing={key: search.list_missing(key, is_found=key in releases) for key in loose},
        related={key: search.list_related(key) for key in loose},
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
    """Return strict and loose results in the order of the request.

    The strict results come first if the request is sorted by date, or if any of them match only in
    an earlier version.
    """
    if finder.order != "best":
        by_release = {key: releases.get(key, key) for key in loose}
        return [*strict.ids, *finder.columns.sort_pairs_by_date(by_release, finder.order)]
    if strict.former.ids:  # earlier versions have no relevance
        return [*strict.ids, *loose]
    return sorted([*strict.ids, *loose], key=relevance.__getitem__, reverse=True)


async def _prepare(finder: HitFinder) -> _LooseSearch:
    """Prepare a search: correct the misspelt words of a request, and read the results of each
    word.
    """
    query, corrections = finder.request.query, None
    counts = await count_beginnings(finder.run, find_terms(query.tree))
    is_known = (count or list_related_words(" ".join(term.words)) for term, count in counts.items())
    if not all(is_known):
        query, corrections = await correct_query(finder.run, finder.columns, finder.request)
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
    for word in list_optional_words(query):
        frequency = max(counts.get(term, 0) for term in find_terms(word.typed))
        search.words.append(await search.read_word(word, frequency))
    await search.join_names()
    return search


@dataclass(frozen=True, slots=True, kw_only=True)
class _LooseSearch:
    """A search whose results need not contain all words of the query."""

    finder: HitFinder
    query: Query  # that of the request, with its words corrected
    corrections: Sequence[SpellingCorrection] | None
    words: list[_WantedWord] = field(default_factory=list)

    @property
    def index(self) -> IndexTable:
        return RESULT_INDEXES[self.finder.request.show]

    async def read_word(self, word: OptionalWord, frequency: int) -> _WantedWord:
        """Read the results for a word. The results of a very common word are counted but not read.

        frequency: the number of releases with words that begin with this word.
        """
        ids = typed_ids = await self.read_part(word.typed)
        if len(ids) > MAX_HITS:
            number = max(frequency, len(ids))
            return _WantedWord(words=(word,), number=number, ids=set(), typed_ids=set())
        if word.loose != word.typed:
            ids = await self.read_part(word.loose)
        return _WantedWord(words=(word,), number=len(ids), ids=ids, typed_ids=typed_ids)

    async def read_part(
        self, node: QueryNode, among: Collection[int] | None = None, *, in_title: bool = False
    ) -> set[int]:
        """Read the ids of releases or question pairs that match a part of the query.

        among: read only matches among these ids. If None, read at most MAX_HITS + 1 matches.
        """
        plan = build_plan(node, self.finder.names, self.index)
        if plan.conditions:  # words of a field that another table has, such as attachments
            request = SearchRequest(show=self.finder.request.show)
            sql = "" if in_title else build_hits_sql(request, plan, plan.match)
        else:
            match = match_title(plan.match, self.index) if in_title else plan.match
            sql = build_index_sql(plan, match, self.index)
        if not sql:
            return set()
        sql = f"select id from ({sql})"
        if among is None:
            sql += f" limit {MAX_HITS + 1:d}"
        else:
            # with `+`, SQLite reads all hits and does not look up the few rows one by one
            column = "id" if len(among) < self.finder.columns.size * _MAX_LOOKUP_SHARE else "+id"
            wanted = plan.bind(json.dumps([*among]))
            sql += f" where {column} in (select value from json_each({wanted}))"
        return {*await select_ids(self.finder.run, sql, plan.values)}

    async def join_names(self) -> None:
        """Join adjacent words if the rarer one hardly occurs without the other, as in names.

        A result that contains only the first name or only the surname then counts as lacking the
        name.
        """
        for place in range(len(self.words) - 1, 0, -1):
            first, second = self.words[place - 1 : place + 1]
            rarest = min(first.typed_ids, second.typed_ids, key=len)
            if len(rarest) < _MIN_NAMES or not (first.is_single and second.is_single):
                continue
            name = TermNode(tuple(list_words(first.terms + second.terms)), match=QUOTED)
            if len(await self.read_part(name)) >= _NAME_PORTION * len(rarest):
                ids, typed_ids = first.ids & second.ids, first.typed_ids & second.typed_ids
                words = first.words + second.words
                self.words[place - 1 : place + 1] = [
                    _WantedWord(words=words, number=len(ids), ids=ids, typed_ids=typed_ids)
                ]

    async def rank_any_word(self) -> tuple[dict[int, float], Mapping[int, int]]:
        """Return the relevance and the release of each result that contains any of the words."""
        sought, ranked = await self.choose_words()
        releases = await self.find_allowed(sought) if sought else {}
        weights = _keep_greatest(await self.weigh_shares(releases), _MAX_RANKED)
        ranks = await self.read_ranks(ranked, weights.keys())
        is_whole = self.index is RELEASE_INDEX
        relevance = self.finder.weigh_ranks(
            ranks, releases, brief=await self.finder.read_brief() if is_whole else ()
        )
        return {key: value * weights[key] for key, value in relevance.items()}, releases

    async def find_allowed(self, sought: Sequence[QueryNode]) -> Mapping[int, int]:
        """Find the results that match any node in `sought` and pass the filters of the request.

        Returns a map from each result to its release.
        """
        request = replace(self.finder.request, loosened=search_any_of(self.query, sought), page=1)
        return await replace(self.finder, request=request).read_found()

    async def find_referring(self) -> list[int]:
        """Return the results that contain a reference from the query, newest first.

        These results need not contain the words of the query.
        """
        if not find_reference_nodes(self.query.tree):
            return []
        return self.finder.columns.sort_pairs_by_date(await self.find_allowed([]), "newest")

    async def weigh_shares(self, found: Collection[int]) -> dict[int, float]:
        """Return, for each result, a factor that grows with the share of the query's words in it.

        The share of these words that the title contains raises the factor further.
        """
        shares, title_shares = dict.fromkeys(found, 0.0), dict.fromkeys(found, 0.0)
        for place, word in enumerate(self.words):
            weight = log(1 + self.finder.columns.size / word.number) if word.number else 0.0
            among = found if word.is_common else None
            if word.is_common:
                ids = await self.read_part(word.whole, found)
                self.words[place] = replace(word, ids=ids, typed_ids=ids)
            ids, typed_ids = self.words[place].ids, self.words[place].typed_ids
            for key in shares.keys() & ids:
                shares[key] += weight * (1 if key in typed_ids else word.words[0].loose_weight)
            titled = await self.read_part(word.whole, among, in_title=True)
            for key in title_shares.keys() & titled:
                title_shares[key] += weight
        best = max(shares.values(), default=0.0) or 1.0
        return {
            key: (share / best) ** _COVERAGE_POWER * (1 + _TITLE_WEIGHT * title_shares[key] / best)
            for key, share in shares.items()
        }

    async def choose_words(self) -> tuple[list[QueryNode], list[QueryNode]]:
        """Return the nodes by which results are found, and the nodes by which they are ranked
        (bm25).

        If reading the results of every word would take too long, the most common words are left
        out.
        """
        words = sorted((word for word in self.words if word.number), key=attrgetter("number"))
        number = await self.count_affordable([word.number for word in words])
        nodes = [word.loose for word in words]
        if number or len(nodes) < 2:
            sought = nodes[: number or 1]
            return sought, sought
        ranked = [word.loose for word in words if not word.is_common] or nodes[:1]
        return [AndNode((nodes[0], OrNode(tuple(nodes[1:]))))], ranked

    async def count_affordable(self, numbers: Sequence[int]) -> int:
        """Return for how many words, starting with the rarest, all results can be read in time.

        numbers: the number of results of each word, in ascending order.
        """
        if sum(numbers) <= _MAX_FOUND:
            return len(numbers)
        searched = await self.count_searched()
        return sum(
            total <= _MAX_FOUND for total in accumulate(min(each, searched) for each in numbers)
        )

    async def count_searched(self) -> int:
        """Count the releases or question pairs that pass the filters. The number may be capped."""
        request = replace(self.finder.request, loosened=search_any_of(self.query, []), page=1)
        _, total = await replace(self.finder, request=request).fetch_counted()
        return total

    async def read_ranks(
        self, sought: Sequence[QueryNode], among: Collection[int]
    ) -> dict[int, float]:
        """Return the bm25 rank of each given result. Lower is better.

        The rank of the attachment pages is added to the rank of their release.
        """
        ranked = RANKED_RELEASE_INDEX if self.index is RELEASE_INDEX else self.index
        query = search_any_of(self.query, sought)
        plan = build_plan(query.tree, self.finder.names, ranked)
        pages = match_attachments(query.tree, self.finder.names)
        ranks = Counter[int]()
        for table, match in ((self.index.table, plan.match), ("search_attachments", pages)):
            if match:
                ranks.update(await read_ranks(self.finder.run, table, match, among))
        return {key: ranks[key] or _UNRANKED for key in among}

    async def rank_shared_words(
        self, relevance: Mapping[int, float]
    ) -> tuple[Query, dict[int, float]]:
        """Return a query for words that the best results share, and the weights of that query's
        results.

        A result's weight is the number of these words that it contains, but rare words count more.
        The results with the greatest weights come first. The query is empty in a search of question
        pairs, and if a word of the search is limited to a field.
        """
        has_fields = any(term.field for word in self.words for term in word.terms)
        if has_fields or self.finder.request.show == "questions":
            return Query(), {}
        words = [TermNode((word,), match=REQUIRED) for word in await self.find_shared(relevance)]
        weights = await self.weigh_hits(words)
        allowed = set(relevance)
        if words and len(relevance) < _FEW_HITS:
            allowed.update(await self.find_allowed(words))
        order = sorted(allowed & weights.keys(), key=lambda key: (weights[key], key), reverse=True)
        return search_any_of(self.query, words), {key: weights[key] for key in order}

    async def weigh_hits(self, words: Sequence[QueryNode]) -> Mapping[int, float]:
        """Return the weight of each result that has any of these words. Rare words count more."""
        weights = defaultdict[int, float](float)
        for word in words:
            ids = await self.read_part(word)
            weight = log(1 + self.finder.columns.size / (len(ids) + 1))
            for key in ids:
                weights[key] += weight
        return weights

    async def find_shared(self, relevance: Mapping[int, float]) -> list[str]:
        """Return words that several of the best results contain, but that few other releases
        contain.
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
            for lemma in sorted({lemma_of[word] for word in text if word in lemma_of}):
                sharing.setdefault(lemma, []).append(relevance[key])
        totals = {lemma: sum(forms.values()) for lemma, forms in lemmas.items()}
        chosen = _choose_lemmas(sharing, totals, self.finder.columns.size)
        return [max(lemmas[lemma], key=lemmas[lemma].__getitem__) for lemma in chosen]

    def list_missing(self, key: int, *, is_found: bool) -> list[TypedWord]:
        """List the query's words that a result does not contain.

        is_found: whether the result contains any of the words. If not, common words are left out,
            because their results were not read.
        """
        words = (word for word in self.words if is_found or not word.is_common)
        return [_describe_word(word) for word in words if key not in word.ids]

    def list_related(self, key: int) -> list[TypedWord]:
        """List the query's words for which a result contains only related words or compounds."""
        words = (word for word in self.words if key in word.ids and key not in word.typed_ids)
        return [_describe_word(word) for word in words]


def _describe_word(word: _WantedWord) -> TypedWord:
    readings = (" ".join(term.words) for term in find_terms(word.loose, with_added=True))
    return TypedWord(tuple(word.terms), tuple(readings))


def _keep_greatest(values: Mapping[int, float], number: int) -> Mapping[int, float]:
    """Keep the `number` greatest values, and any others that equal the least of these.

    >>> _keep_greatest({1: 2.0, 2: 0.5, 3: 1.0, 4: 1.0}, 2)
    {1: 2.0, 3: 1.0, 4: 1.0}
    """
    if len(values) <= number:
        return values
    least = sorted(values.values(), reverse=True)[number - 1]
    return {key: value for key, value in values.items() if value >= least}


def _choose_lemmas(
    sharing: Mapping[str, Sequence[float]], totals: Mapping[str, int], size: int
) -> list[str]:
    """Choose lemmas that several texts share and that are not too common, heaviest first.

    sharing: a map from each lemma to the relevance of each text that contains it.
    totals: a map from each lemma to the number of releases that contain it.
    size: the number of all releases.
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
    """Return the relevance of results (0 to about 1), raised by the words that the best results
    share.

    shared: the relevance of results with these words, best first. If `relevance` has few results,
        the best results in `shared` are added, with a relevance of 0.

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
