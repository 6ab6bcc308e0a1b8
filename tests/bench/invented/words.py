"""Generates text like a collection (a Markov chain of its words), with some invented words.

Word frequencies, their neighbours and the lengths of sentences are those of the collection: the
stored corpus where it is here, else the sample site's texts. A body is put together of passages
made once, so that their words are read once, too. New compounds keep the vocabulary growing with
the archive, as a real one's does.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from random import Random

from tests.bench.collection import COLLECTION as CORPUS

SAMPLE = Path(__file__).parents[2] / "site" / "texts"
SIGNS = re.compile(r"https?://\S+|[#*_\[\]()|<>]+")
END = (".", "?", "!", ":")
LONGEST = 40  # maximum of words of a sentence
PASSAGES, LENGTH = 30_000, 45  # of which bodies consist; minimum of words of each
LEADS, SHORT = 10_000, 12  # the same for leads; their numbers follow those of the passages
HEADS = 4000  # words of which new compounds are made; the first ones much more often


class Voice:
    """The successors of each word, and the parts of new words."""

    def __init__(self, texts: Iterable[str]) -> None:
        following: dict[str, list[str]] = defaultdict(list)
        self.starts: list[str] = []
        counts: dict[str, int] = defaultdict(int)
        for text in texts:
            before = "."
            for word in SIGNS.sub(" ", text).split():
                if before.endswith(END):
                    self.starts.append(word)
                else:
                    following[before].append(word)
                if word.isalpha() and word.islower() and 4 <= len(word) <= 12:
                    counts[word] += 1
                before = word
        self.following = dict(following)
        self.passages: dict[int, str] = {}
        self.heads = sorted(counts, key=lambda word: (-counts[word], word))[80 : HEADS + 80] or [
            "ord"
        ]

    def sentence(self, chance: Random) -> list[str]:
        random, following = chance.random, self.following
        word = self.starts[int(random() * len(self.starts))]
        words = [word]
        while not word.endswith(END) and len(words) < LONGEST:
            after = following.get(word)
            if after is None:
                break
            word = after[int(random() * len(after))]
            words.append(word)
        if not word.endswith(END):
            words[-1] += "."
        return words

    def text(self, chance: Random, length: int) -> str:
        """Return sentences with at least a number of words."""
        words: list[str] = []
        while len(words) < length:
            words += self.sentence(chance)
        return " ".join(words)

    def passage(self, number: int) -> str:
        """Return the passage of a number: for bodies, or above PASSAGES for leads."""
        if number not in self.passages:
            self.passages[number] = self.text(
                Random(number), LENGTH if number < PASSAGES else SHORT
            )
        return self.passages[number]

    def compound(self, chance: Random) -> str:
        """Return a compound of two words; common ones are repeated often."""
        one, other = (self.heads[int(chance.random() ** 2.5 * len(self.heads))] for _ in range(2))
        return one + ("s" if chance.random() < 0.3 else "") + other


@cache
def read_voice() -> Voice:
    """Return the chain of the collection."""
    return Voice(read_corpus() if CORPUS.is_file() else read_sample())


def read_corpus() -> Iterator[str]:
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield f"{row['title']}.\n{row['body']}"


def read_sample() -> Iterator[str]:
    for path in sorted(SAMPLE.glob("*.toml")):
        yield " ".join(re.findall(r'"([^"]*)"', path.read_text("utf-8")))


def source() -> str:
    """Return the origin of the words, for the table."""
    return "the stored collection" if CORPUS.is_file() else "the sample site"
