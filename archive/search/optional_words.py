"""Finds the words of a query that a loose result need not contain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from archive.language.synonyms import find_synonyms, split_query_words
from archive.search.query_language import (
    LOOSE,
    WORD,
    WRITTEN,
    AndNode,
    OrNode,
    Query,
    QueryNode,
    TermNode,
    find_terms,
    is_plain_term,
    join_nodes,
    join_typed,
    list_parts,
    list_words,
)

_MAX_SYNONYM_WORDS = 3
_LOOSE_WEIGHT = 0.9


@dataclass(frozen=True, slots=True)
class OptionalWord:
    """A word that a loose result need not contain, or several words that share a synonym."""

    typed: QueryNode
    loose: QueryNode  # with its looser readings
    loose_weight: float = _LOOSE_WEIGHT  # what a related word counts of the word itself

    @property
    def is_single(self) -> bool:
        """Return whether this is a single word that is searched in the whole text."""
        return (
            isinstance(self.typed, TermNode) and not self.typed.field and len(self.typed.words) == 1
        )


def list_optional_words(query: Query) -> list[OptionalWord]:
    """List the words of a query that a loose result need not contain, without repetitions.

    Words in quotation marks, words with + or a star, excluded words, filters and NEAR are not
    optional.
    """
    words: list[OptionalWord] = []
    for part in list_parts(query.tree):
        words.append(OptionalWord(part, _loosen_word(part)))
        for start in range(max(0, len(words) - _MAX_SYNONYM_WORDS), len(words)):
            if joined := _join_synonyms([word.typed for word in words[start:]]):
                words[start:] = [joined]
                break
    return list(dict.fromkeys(word for word in words if _is_optional(word.typed)))


def _loosen_word(part: QueryNode) -> QueryNode:
    if isinstance(part, TermNode) and part.match == WORD and not part.is_prefix:
        return replace(part, match=LOOSE)
    return part


def search_any_of(query: Query, words: Sequence[QueryNode]) -> Query:
    """Return the query with its optional words replaced by an OR of the given words.

    If no words are given, the optional words are simply removed.
    """
    wanted = join_nodes(OrNode, [*words])
    kept = [part for part in list_parts(query.tree) if not _is_optional(part)]
    return replace(query, tree=join_nodes(AndNode, [*([wanted] if wanted else []), *kept]))


def _join_synonyms(run: Sequence[QueryNode]) -> OptionalWord | None:
    """Join an abbreviation, or adjacent words, with their synonyms: asylum seekers OR asylsökande.

    Returns None if there are no synonyms, or if `run` is a single word other than an abbreviation,
    because the match type LOOSE, which is used for such a word, already includes its synonyms.
    """
    terms = find_terms(AndNode(tuple(run)))
    if not all(map(is_plain_term, run)) or (len(run) == 1 and terms[0].match == WORD):
        return None
    others = find_synonyms(" ".join(list_words(terms)))
    if not others:
        return None
    synonyms = (TermNode(split_query_words(other), is_added=True) for other in others)
    loose = OrNode((join_typed(list(map(_loosen_word, terms))), *synonyms))
    return OptionalWord(join_typed(terms), loose, loose_weight=1.0)


def _is_optional(node: QueryNode) -> bool:
    """Return whether a part of a query consists only of words that a loose result need not
    contain.
    """
    if isinstance(node, AndNode | OrNode):
        return all(map(_is_optional, node.parts))
    return (
        isinstance(node, TermNode) and node.match in (WORD, WRITTEN, LOOSE) and not node.is_prefix
    )
