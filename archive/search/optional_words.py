"""Words of a query that a looser result need not have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

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


def list_optional_parts(query: Query) -> list[QueryNode]:
    """List the words of a query that a loose hit need not have, each once; adjacent words with
    synonyms are one part.

    Words in quotation marks, with + or a star, excluded ones, filters and NEAR are not optional.
    """
    parts = _add_phrase_synonyms(list_parts(query.tree))
    return list(dict.fromkeys(filter(_is_optional, parts)))


def loosen_word(part: QueryNode) -> QueryNode:
    """Return a word with its looser readings."""
    if isinstance(part, TermNode) and part.match == WORD and not part.is_prefix:
        return replace(part, match=LOOSE)
    return part


def search_any_of(query: Query, words: Sequence[QueryNode]) -> Query:
    """Return the query with any of some words in place of those that are optional."""
    wanted = join_nodes(OrNode, [*words])
    kept = [part for part in list_parts(query.tree) if not _is_optional(part)]
    return replace(query, tree=join_nodes(AndNode, [*([wanted] if wanted else []), *kept]))


def _add_phrase_synonyms(parts: Sequence[QueryNode]) -> list[QueryNode]:
    """Replace an abbreviation or adjacent words with an OR of them and their synonyms: asylum
    seekers, asylsökande.
    """
    completed: list[QueryNode] = []
    for part in parts:
        completed.append(part)
        for start in range(max(0, len(completed) - _MAX_SYNONYM_WORDS), len(completed)):
            if with_synonyms := _find_phrase_synonyms(completed[start:]):
                completed[start:] = [with_synonyms]
                break
    return completed


def _find_phrase_synonyms(run: Sequence[QueryNode]) -> QueryNode | None:
    """Return an OR of adjacent words and their synonyms, or None if they have none.

    A single word gets its synonyms when it becomes LOOSE.
    """
    terms = find_terms(AndNode(tuple(run)))
    if not all(map(is_plain_term, run)) or (len(run) == 1 and terms[0].match == WORD):
        return None
    others = find_synonyms(" ".join(list_words(terms)))
    if not others:
        return None
    synonyms = (TermNode(split_query_words(other), is_added=True) for other in others)
    return OrNode((join_typed(list(map(loosen_word, terms))), *synonyms))


def _is_optional(node: QueryNode) -> bool:
    """Return whether a part of a query consists of words that a loose hit need not contain."""
    if isinstance(node, AndNode | OrNode):
        return all(map(_is_optional, node.parts))
    return (
        isinstance(node, TermNode) and node.match in (WORD, WRITTEN, LOOSE) and not node.is_prefix
    )
