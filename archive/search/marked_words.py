"""Finds the terms of a parsed query in texts and stored states.

Words match as in the index: in any inflection, and as parts of compounds. Excerpts and the search
in edits use this module, so that they agree with the index on which texts contain a word.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

from archive.language.lemmas import english_lemma, swedish_lemma
from archive.language.reference_patterns import Reference, find_references
from archive.language.synonyms import MAX_WORD_LENGTH, list_related_words
from archive.language.terms import (
    CASE_ENDINGS,
    HYPHENATED_WORD,
    INVISIBLE_CHARACTERS,
    MAX_ABBREVIATION_LENGTH,
    analyze_word,
    find_abbreviations,
    find_compound_key,
    find_compound_parts,
    find_loose_parts,
    find_minor_parts,
    find_subject,
    find_words,
    is_english_release,
)
from archive.search.document_references import label_reference
from archive.search.query_language import (
    LOOSE,
    QUOTED,
    REQUIRED,
    WRITTEN,
    AndNode,
    NearNode,
    NotNode,
    OrNode,
    QueryLeaf,
    QueryNode,
    ReferenceNode,
    TermNode,
    find_reference_nodes,
    find_terms,
)
from archive.search.query_sql import (
    MIN_BEGINNING_LENGTH,
    split_number,
)
from archive.search.state_texts import (
    WHOLE,
    StateText,
    find_changed_paragraphs,
    list_state_texts,
)

TEXT_TOKEN_PATTERN = re.compile(
    rf"[^\W_]+(?:[{INVISIBLE_CHARACTERS}]+[^\W_]+)*(?::(?:{CASE_ENDINGS})\b)?", re.IGNORECASE
)
# letters; if only likely matches are lemmatised, shorter words always are
ALWAYS_LEMMATISED_LENGTH = 7


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """A term of the query: a sequence of words, with all possible lemmas of each word."""

    label: str  # as typed
    lemma_sequences: tuple[tuple[str, ...], ...]  # one for each combination of lemmas
    prefix: str = ""  # beginning of the last word, if it has a star
    compound: str = ""  # lemma that may be part of a longer word
    field: str | None = None  # the only field to search
    is_exact: bool = False  # lemma_sequences are words as written
    is_loose: bool = False  # compounds with a meaning of their own match, too
    alternatives: tuple[QueryTerm, ...] = ()  # other forms of the term that match as well
    reference: ReferenceNode | None = None  # a reference to a document, not words


class TextToken(NamedTuple):
    """A word in a text: its start and end, its lower-case form and its lemma."""

    start: int
    end: int
    word: str
    lemma: str
    # lemma of this word and the next written as one, if they have a hyphen: rotavdrag for
    # ROT-avdrag
    joined: str = ""
    # the references to documents that begin here, if one is looked for, and their last token
    references: tuple[Reference, ...] = ()
    reference_end: int = 0


class TokenList(list[TextToken]):
    """The words of a text in order. The list must not be changed once it has been searched."""

    @cached_property
    def by_word(self) -> Mapping[str, Sequence[int]]:
        """Return a map from each word, in lower case, to its positions in the list."""
        return _group_places((token.word, at) for at, token in enumerate(self))

    @cached_property
    def by_lemma(self) -> Mapping[str, Sequence[int]]:
        return _group_places((token.lemma, at) for at, token in enumerate(self))

    @cached_property
    def parts(self) -> Mapping[str, Sequence[int]]:
        """Return a map from each compound part to the positions of the compounds that a search for
        that part finds.
        """
        return self._group_parts(is_loose=False)

    @cached_property
    def loose_parts(self) -> Mapping[str, Sequence[int]]:
        """Return the same map as `parts`, with the additional parts that a looser search uses."""
        return self._group_parts(is_loose=True)

    def _group_parts(self, *, is_loose: bool) -> Mapping[str, Sequence[int]]:
        return _group_places(
            (part, at)
            for lemma, places in self.by_lemma.items()
            for part in _list_parts(lemma, is_loose)
            for at in places
        )


def _group_places(pairs: Iterable[tuple[str, int]]) -> Mapping[str, Sequence[int]]:
    groups: dict[str, list[int]] = {}
    for text, place in pairs:
        groups.setdefault(text, []).append(place)
    return groups


@dataclass(frozen=True, slots=True)
class Highlight:
    """A match: the indexes of its first and last word, and the index of the query term."""

    first: int
    last: int
    term_index: int


class TermSpan(NamedTuple):
    """An occurrence of a part of a query: where it starts and ends in a text."""

    start: int
    end: int
    leaf: QueryLeaf


def extract_query_terms(
    tree: QueryNode | None, prefix_lemmas: Mapping[str, tuple[str, ...]] | None = None
) -> list[QueryTerm]:
    """Return the terms of a query that can be highlighted.

    prefix_lemmas: additional lemmas for words with a star.

    >>> extract_query_terms(TermNode(("myndigheterna",)))[0].lemma_sequences
    (('myndighet',),)
    """
    terms = dict.fromkeys(find_terms(tree, with_added=True))
    references = dict.fromkeys(find_reference_nodes(tree))
    return [
        *(_build_query_term(term, prefix_lemmas or {}) for term in terms),
        *map(_build_reference_term, references),
    ]


def _build_query_term(term: TermNode, prefix_lemmas: Mapping[str, tuple[str, ...]]) -> QueryTerm:
    """Build a query term that matches the same words of a text as the index does."""
    text = " ".join(term.words)
    label = text + ("*" if term.is_prefix else "")
    if term.match in (QUOTED, WRITTEN):
        prefix = term.words[-1] if term.is_prefix else ""
        return QueryTerm(label, (term.words,), prefix, field=term.field, is_exact=True)
    if term.is_prefix:
        readings = (term.words, *((lemma,) for lemma in prefix_lemmas.get(text, ())))
        return QueryTerm(label, readings, term.words[-1], field=term.field)
    readings = _split_lemmas(analyze_word(text))
    if term.match == REQUIRED:
        return QueryTerm(label, readings, field=term.field)
    return _build_word_term(term, text, readings, prefix_lemmas)


def _build_reference_term(node: ReferenceNode) -> QueryTerm:
    return QueryTerm(label_reference(node), (), field=node.field, reference=node)


def _build_word_term(
    term: TermNode,
    label: str,
    lemmas: tuple[tuple[str, ...], ...],
    prefix_lemmas: Mapping[str, tuple[str, ...]],
) -> QueryTerm:
    """Build the query term for a word that also matches compounds and other forms."""
    text, readings = label, lemmas + _split_lemmas(split_number(label))
    compound, is_loose, prefix = find_compound_key(text), term.match == LOOSE, ""
    alternatives = []
    if is_loose:
        related = _list_related_readings(text, compound)
        alternatives.append(QueryTerm(label, related, field=term.field))
        subject, _ = find_subject(compound)
        if subject:  # also as a part of other compounds
            alternatives.append(QueryTerm(label, (), compound=subject, field=term.field))
        prefix = compound if len(compound) >= MIN_BEGINNING_LENGTH else ""
        if len(words := find_words(text)) > 1:  # typed with a hyphen
            parts = (replace(term, words=(word,), joined="") for word in words)
            alternatives += [_build_query_term(part, prefix_lemmas) for part in parts]
    elif compound and _is_short_form(text, readings):
        alternatives.append(QueryTerm(label, ((text,),), field=term.field, is_exact=True))
    if term.joined:
        whole = replace(term, words=(term.joined,), joined="")
        alternatives.append(_build_query_term(whole, prefix_lemmas))
    return QueryTerm(
        label,
        readings,
        prefix,
        compound,
        term.field,
        is_loose=is_loose,
        alternatives=tuple(alternatives),
    )


def _is_short_form(text: str, readings: Collection[tuple[str, ...]]) -> bool:
    """Return whether a word may be an abbreviation: it is short, and it is not its own lemma."""
    return len(text) <= MAX_ABBREVIATION_LENGTH and (text,) not in readings


def _split_lemmas(lemmas: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(lemma.split()) for lemma in lemmas)


def _list_related_readings(text: str, compound: str) -> tuple[tuple[str, ...], ...]:
    """List the lemmas of the words related to a word, and the lemmas of a compound's two parts.

    The parts are left out if `find_subject` finds no subject in the compound.

    compound: the lemma of the word, which may be a compound.
    """
    related: list[tuple[str, ...]] = []
    for word in list_related_words(text):
        related += _split_lemmas(analyze_word(word))
    return (*related, *((lemma,) for lemma in find_subject(compound) if lemma))


def _iter_alternatives(query_terms: Iterable[QueryTerm]) -> Iterator[QueryTerm]:
    for term in query_terms:
        yield term
        yield from _iter_alternatives(term.alternatives)


def tokenise_text(
    text: str, query_terms: Sequence[QueryTerm], *, english: bool, only_likely: bool = False
) -> TokenList:
    """Split a text (NFC) into words with their lemmas.

    only_likely: lemmatise only words that may match, because lemmatising is slow.
    """
    terms = list(_iter_alternatives(query_terms))
    to_lemma = english_lemma if english else swedish_lemma
    matches = list(TEXT_TOKEN_PATTERN.finditer(text))
    words = [_normalise_index_word(match[0]) for match in matches]
    if only_likely:
        inflected = _find_likely_words(text, words, terms)
    else:
        inflected = set(words).difference(find_abbreviations(text, words))
    lemmas = {word: to_lemma(word) for word in inflected}
    has_compounds = any(term.compound for term in terms)
    joined = _find_joined_words(text, to_lemma) if has_compounds and "-" in text else {}
    tokens = TokenList()
    make_token = partial(tuple.__new__, TextToken)  # a third of the time of TextToken(…)
    for match, word in zip(matches, words, strict=True):
        start, end = match.span()
        lemma = lemmas.get(word, word)
        tokens.append(make_token((start, end, word, lemma, joined.get(start, ""), (), 0)))
    return _add_references(text, tokens, terms)


def _add_references(text: str, tokens: TokenList, terms: Iterable[QueryTerm]) -> TokenList:
    """Add each reference in a text to the token that it begins with.

    Nothing is added if no term is a reference.
    """
    if not any(term.reference for term in terms):
        return tokens
    starts = [token.start for token in tokens]
    for found in find_references(text):
        first, end = bisect_left(starts, found.start), bisect_left(starts, found.end)
        references = (*tokens[first].references, found)  # of a range, several
        tokens[first] = tokens[first]._replace(references=references, reference_end=end - 1)
    return tokens


def _find_likely_words(text: str, words: Sequence[str], terms: Sequence[QueryTerm]) -> set[str]:
    """Return the words of a text whose lemma may match a term."""
    if all(term.is_exact for term in terms):
        return set()
    inflected = set(words).difference(find_abbreviations(text, words))
    return _select_likely_words(inflected, terms)


def _select_likely_words(words: Iterable[str], terms: Sequence[QueryTerm]) -> set[str]:
    """Return the words whose lemma may match a term.

    A long word is left out if it neither starts with the same letter as a term nor contains the
    beginning of a compound term. Short words are always kept, because their lemma may start with
    another letter: äldre is a form of gammal.
    """
    initials = _collect_initials(terms)
    compound_starts = {term.compound[:2] for term in terms if term.compound}
    return {
        word
        for word in words
        if len(word) <= ALWAYS_LEMMATISED_LENGTH
        or word[0] in initials
        or any(start in word for start in compound_starts)
    }


def _collect_initials(terms: Iterable[QueryTerm]) -> set[str]:
    initials: set[str] = set()
    for term in terms:
        for reading in term.lemma_sequences:
            initials.update(word[0] for word in reading)
    return initials


def _find_joined_words(text: str, to_lemma: Callable[[str], str]) -> dict[int, str]:
    """Return a map from the position of each hyphenated word to the lemma of the word without its
    hyphens.
    """
    return {
        match.start(): to_lemma("".join(find_words(match[0])))
        for match in HYPHENATED_WORD.finditer(text)
    }


@lru_cache(maxsize=200_000)
def _normalise_index_word(text: str) -> str:
    """Return a word of a text in the form that the index lemmatises."""
    return next(iter(find_words(text)), text.lower())[:MAX_WORD_LENGTH]


def find_highlights(
    tokens: TokenList, query_term: QueryTerm, term_index: int, *, english: bool
) -> list[Highlight]:
    """Return the occurrences of a query term and of its alternatives.

    If several matches begin with the same word, only one of them is returned.
    """
    found: dict[int, Highlight] = {}
    for term in _iter_alternatives([query_term]):
        for first, last in _iter_matches(tokens, term, english=english):
            found.setdefault(first, Highlight(first, last, term_index))
    return list(found.values())


def _iter_matches(
    tokens: TokenList, query_term: QueryTerm, *, english: bool
) -> Iterator[tuple[int, int]]:
    """Yield the first and last token of each match. Alternatives of the term are ignored."""
    if query_term.reference:
        yield from _iter_reference_matches(tokens, query_term.reference)
        return
    prefix = query_term.prefix
    places = tokens.by_word if query_term.is_exact else tokens.by_lemma
    for reading in query_term.lemma_sequences:
        for first in places.get(reading[0], ()):
            if _continues(tokens, first, reading, query_term):
                yield first, first + len(reading) - 1
    if prefix and any(len(reading) == 1 for reading in query_term.lemma_sequences):
        for words in (tokens.by_word, places):
            yield from ((at, at) for word in words if word.startswith(prefix) for at in words[word])
    if query_term.compound:
        yield from _iter_compound_matches(tokens, query_term, english=english)


def _iter_compound_matches(
    tokens: TokenList, query_term: QueryTerm, *, english: bool
) -> Iterator[tuple[int, int]]:
    """Yield the first and last token of each place where a term occurs hyphenated or in a compound.

    Compounds are found only in Swedish texts.
    """
    compound = query_term.compound
    yield from ((at, at + 1) for at, token in enumerate(tokens) if token.joined == compound)
    if not english:
        parts = tokens.loose_parts if query_term.is_loose else tokens.parts
        yield from ((at, at) for at in parts.get(compound, ()))


def _iter_reference_matches(
    tokens: Sequence[TextToken], wanted: ReferenceNode
) -> Iterator[tuple[int, int]]:
    number = wanted.number.lower()
    for first, token in enumerate(tokens):
        for found in token.references:
            if wanted.type in ("", found.type) and found.number.lower() == number:
                yield first, token.reference_end


def _continues(
    tokens: Sequence[TextToken], first: int, reading: Sequence[str], query_term: QueryTerm
) -> bool:
    """Return whether the tokens after `first` match a lemma sequence after its first word."""
    rest = tokens[first + 1 : first + len(reading)]
    if len(rest) < len(reading) - 1:
        return False
    prefixes = [*[""] * (len(reading) - 2), query_term.prefix]
    exact = [query_term.is_exact] * len(rest)
    return all(map(_is_word_match, rest, reading[1:], prefixes, exact))


@lru_cache(maxsize=200_000)
def _list_parts(lemma: str, is_loose: bool) -> frozenset[str]:
    """Return the parts by which a search finds a compound.

    is_loose: include the parts by which only a looser search finds it.
    """
    loose_parts = find_loose_parts(lemma) if is_loose else ()
    return frozenset((*find_compound_parts(lemma), *find_minor_parts(lemma), *loose_parts))


def _is_word_match(token: TextToken, text: str, prefix: str, is_exact: bool = False) -> bool:
    """Return whether a token has the lemma `text` or, if `is_exact` is true, the form `text`.

    If `prefix` is set, `text` is ignored: return whether the form or (unless `is_exact` is true)
    the lemma starts with this prefix.
    """
    if prefix:
        return token.word.startswith(prefix) or (token.lemma.startswith(prefix) and not is_exact)
    return (token.word if is_exact else token.lemma) == text


class OccurrenceFinder:
    """Counts and finds the terms of a parsed query in states.

    Filters in the query (agency, tag, dates) are ignored: the caller has to apply them.

    prefix_lemmas: additional lemmas for words with a star.

    >>> from archive.search.query_language import parse_query
    >>> finder = OccurrenceFinder(parse_query('"två fyrar" -hamn').tree)
    >>> texts = {"title": "Två fyrar", "lead": None, "body": "Två fyrar, en hamn."}
    >>> state = texts | {"language": "sv", "questions": [], "images": []}
    >>> [count for count in finder.count(state).values()], finder.is_in(state)
    ([2, 1], False)
    """

    def __init__(
        self, tree: QueryNode | None, prefix_lemmas: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        self.tree = tree
        self.terms: dict[QueryLeaf, list[QueryTerm]] = {
            leaf: _build_leaf_terms(leaf, prefix_lemmas or {}) for leaf in iter_leaves(tree)
        }

    def find(self, text: str, field: str, *, english: bool) -> list[TermSpan]:
        """Return all occurrences of the query's terms in the text of a field, in order.

        text: the text of the field, in NFC.
        """
        leaves = {leaf: terms for leaf, terms in self.terms.items() if leaf.field in (None, field)}
        tokens = tokenise_text(
            text, [term for terms in leaves.values() for term in terms], english=english
        )
        spans = []
        for leaf, terms in leaves.items():
            found = [
                find_highlights(tokens, term, number, english=english)
                for number, term in enumerate(terms)
            ]
            marks = _find_near(found, leaf.distance) if isinstance(leaf, NearNode) else found[0]
            spans += [
                TermSpan(tokens[mark.first].start, tokens[mark.last].end, leaf) for mark in marks
            ]
        return sorted(spans, key=lambda span: span[:2])

    def find_in_state(self, state: Mapping[str, Any]) -> list[tuple[StateText, list[TermSpan]]]:
        """Return the texts of a state that contain a part of the query, each with the occurrences
        in it.
        """
        english = is_english_release(state)
        found = (
            (text, self.find(text.text, text.field, english=english))
            for text in list_state_texts(state)
        )
        return [(text, spans) for text, spans in found if spans]

    def count(self, state: Mapping[str, Any]) -> dict[QueryLeaf, int]:
        """Count how often each part of the query occurs in a state.

        If the body repeats a question or answer, an occurrence in both is counted once, unless the
        part is limited to questions or answers.
        """
        counts = dict.fromkeys(self.terms, 0)
        for text, spans in self.find_in_state(state):
            for span in spans:
                counts[span.leaf] += span.leaf.field is not None or not text.is_in_body
        return counts

    def is_in(self, state: Mapping[str, Any]) -> bool:
        counts = self.count(state)
        return self.is_true(lambda leaf: counts[leaf] > 0)

    def compare(
        self, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> tuple[set[QueryLeaf], set[QueryLeaf]]:
        """Return the parts of the query that an edit removed, and the parts that it added.

        A removed part occurs more often in the whole text before the edit than after it, and an
        added part less often. A paragraph that only moved therefore does not count.
        """
        states, counts = (
            (before, after),
            (dict.fromkeys(self.terms, 0), dict.fromkeys(self.terms, 0)),
        )
        for place, sides in find_changed_paragraphs(before, after).items():
            for state, paragraphs, found in zip(states, sides, counts, strict=True):
                english = is_english_release(state)
                for paragraph in paragraphs:
                    for span in self.find(paragraph, place, english=english):
                        found[span.leaf] += (span.leaf.field or WHOLE) == place
        old, new = counts
        return {leaf for leaf in old if old[leaf] > new[leaf]}, {
            leaf for leaf in old if old[leaf] < new[leaf]
        }

    def is_true(self, holds: Callable[[QueryLeaf], bool]) -> bool:
        """Return whether a text matches the query.

        holds: a function that returns whether the text contains a word, phrase or NEAR group.
        """
        return (
            evaluate(self.tree, lambda node: holds(node) if node in self.terms else None)
            is not False
        )


def _build_leaf_terms(
    leaf: QueryLeaf, prefix_lemmas: Mapping[str, tuple[str, ...]]
) -> list[QueryTerm]:
    """Build the query terms of a word, phrase, reference or NEAR group.

    NEAR finds inflected words and phrases, but not compounds.
    """
    if isinstance(leaf, TermNode):
        return [_build_query_term(leaf, prefix_lemmas)]
    if isinstance(leaf, ReferenceNode):
        return [_build_reference_term(leaf)]
    terms = (replace(term, match=REQUIRED, field=leaf.field) for term in leaf.terms)
    return [_build_query_term(term, {}) for term in terms]


def iter_leaves(node: QueryNode | None) -> Iterator[QueryLeaf]:
    """Yield all words, phrases, NEAR groups and references of a query, including those that must
    not match.
    """
    if isinstance(node, QueryLeaf):
        yield node
    elif isinstance(node, NotNode):
        yield from iter_leaves(node.part)
    elif isinstance(node, AndNode | OrNode):
        for part in node.parts:
            yield from iter_leaves(part)


def evaluate(node: QueryNode | None, holds: Callable[[Any], bool | None]) -> bool | None:
    """Return whether a text matches a query.

    Return None if that depends on parts for which `holds` returns None.

    holds: a function that returns whether the text contains a part of the query, or None if that is
        unknown.
    """
    if isinstance(node, NotNode):
        value = evaluate(node.part, holds)
        return None if value is None else not value
    if isinstance(node, AndNode | OrNode):
        values = {evaluate(part, holds) for part in node.parts}
        deciding = isinstance(node, OrNode)
        return deciding if deciding in values else None if None in values else not deciding
    return None if node is None else holds(node)


def _find_near(found: Sequence[Sequence[Highlight]], distance: int) -> list[Highlight]:
    """Return the places where all terms occur near each other, each place as one Highlight.

    At such a place, at most `distance` words are between the first and the last of the terms.

    found: the occurrences of each term.
    """
    places = []
    for number, marks in enumerate(found):
        others = [*found[:number], *found[number + 1 :]]
        for mark in marks:
            following = [_find_next(mark, other) for other in others]
            known = [each for each in following if each]
            last = max(known, key=lambda each: each.first, default=None)
            if not last or len(known) < len(following):
                continue
            if last.first - mark.last - 1 <= distance:
                places.append(Highlight(mark.first, max(mark.last, last.last), 0))
    return places


def _find_next(mark: Highlight, others: Iterable[Highlight]) -> Highlight | None:
    """Return the first of `others` that begins after `mark`, or None if there is none."""
    following = (other for other in others if other.first > mark.first)
    return min(following, key=lambda each: each.first, default=None)
