"""The words of a release as the index holds them: worked out without the archive, so in any process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from archive.swedish import is_english_release
from archive.swedish.lemmas import english_lemma, swedish_lemma
from archive.swedish.parts import find_parts
from archive.swedish.words import find_words

SHORTEST = 2  # letters of a word that is not offered, nor is one with a digit
EVERY = "\ue000"  # stands among the parts of every release; of private use, so in no word


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is indexed of a release's state."""

    columns: tuple[str, str, str, str, str]  # lemmas of title, lead, body and questions; parts of compounds
    questions: tuple[tuple[str, str], ...]  # lemmas of each question and its answer
    vocabulary: dict[str, str]  # the words that did-you-mean may offer, with their lemmas


def read_terms(state: Mapping[str, Any]) -> Terms:
    """The words of a state."""
    english = is_english_release(state)
    to_lemma = english_lemma if english else swedish_lemma
    texts = [find_words(text) for text in find_texts(state)]
    pairs = [tuple(map(find_words, (each["question"], each["answer"]))) for each in state["questions"] or ()]
    texts.append([word for pair in pairs for words in pair for word in words])
    lemmas = {word: to_lemma(word) for word in dict.fromkeys(chain.from_iterable(texts))}
    parts = () if english else (part for lemma in dict.fromkeys(lemmas.values()) for part in find_parts(lemma))

    def join(words: list[str]) -> str:
        return " ".join(map(lemmas.__getitem__, words))

    title, lead, body, questions = map(join, texts)
    return Terms(
        columns=(title, lead, body, questions, " ".join((EVERY, *parts))),
        questions=tuple((join(question), join(answer)) for question, answer in pairs),
        vocabulary={word: lemma for word, lemma in lemmas.items() if len(word) > SHORTEST and word.isalpha()},
    )


def find_texts(state: Mapping[str, Any]) -> tuple[str, str, str]:
    """A state's title, lead and body."""
    return state["title"], state["lead"] or "", state["body"]


def find_vocabulary(state: Mapping[str, Any]) -> set[str]:
    """Those of a state's words that did-you-mean may offer."""
    questions = [each[name] for each in state["questions"] or () for name in ("question", "answer")]
    words = {word for text in (*find_texts(state), *questions) for word in find_words(text)}
    return {word for word in words if len(word) > SHORTEST and word.isalpha()}
