"""The words of a release as the index holds them: worked out without the archive, so in any process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from archive.swedish import is_english_release
from archive.swedish.facts import find_facts
from archive.swedish.lemmas import english_lemma, swedish_lemma
from archive.swedish.parts import find_parts
from archive.swedish.words import find_words

SHORTEST = 2  # letters of a word that is not offered, nor is one with a digit


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is indexed of a release's state."""

    texts: tuple[str, ...]  # lemmas of title, lead, body and questions
    parts: tuple[str, ...]  # what the compounds of each of these are found by
    facts: tuple[str, ...]  # what it is chosen by (facts.py)
    questions: tuple[tuple[str, ...], ...]  # lemmas of each question and its answer, then their parts
    vocabulary: dict[str, str]  # the words that did-you-mean may offer, with their lemmas


def read_terms(state: Mapping[str, Any]) -> Terms:
    """The words of a state."""
    english = is_english_release(state)
    to_lemma = english_lemma if english else swedish_lemma
    texts = [find_words(text) for text in find_texts(state)]
    pairs = [tuple(map(find_words, (each["question"], each["answer"]))) for each in state["questions"] or ()]
    texts.append([word for pair in pairs for words in pair for word in words])
    lemmas = {word: to_lemma(word) for word in dict.fromkeys(chain.from_iterable(texts))}

    def join(words: list[str]) -> str:
        return " ".join(map(lemmas.__getitem__, words))

    def compounds(words: list[str]) -> str:
        return "" if english else " ".join(join_parts(map(lemmas.__getitem__, words)))

    return Terms(
        texts=tuple(map(join, texts)),
        parts=tuple(map(compounds, texts)),
        facts=tuple(find_facts(state)),
        questions=tuple((*map(join, pair), *map(compounds, pair)) for pair in pairs),
        vocabulary={word: lemma for word, lemma in lemmas.items() if is_vocabulary(word)},
    )


def find_texts(state: Mapping[str, Any]) -> tuple[str, str, str]:
    """A state's title, lead and body."""
    return state["title"], state["lead"] or "", state["body"]


def find_vocabulary(state: Mapping[str, Any]) -> set[str]:
    """Those of a state's words that did-you-mean may offer."""
    questions = [each[name] for each in state["questions"] or () for name in ("question", "answer")]
    words = {word for text in (*find_texts(state), *questions) for word in find_words(text)}
    return {word for word in words if is_vocabulary(word)}


def is_vocabulary(word: str) -> bool:
    """Whether a word is of letters alone, three or more."""
    return len(word) > SHORTEST and word.isalpha()


def join_parts(lemmas: Iterable[str]) -> Iterable[str]:
    """What the compounds of a text are found by, each once."""
    return dict.fromkeys(part for lemma in dict.fromkeys(lemmas) for part in find_parts(lemma))
