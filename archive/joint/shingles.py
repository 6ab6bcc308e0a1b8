"""How alike two texts are, by the runs of five words they share, and keys by which alike texts find each other.

The keys are MinHash bands: of texts that share 60 % of their runs 98 in 100 have a key in common, of those
that share 70 % practically all, of those that share a tenth one in 60.
"""

from __future__ import annotations

import re
import struct
import unicodedata
import zlib
from collections.abc import Sequence

from rensa import RMinHash

RUN = 5  # words; at the same number of false pairs, runs of 3 or 4 miss more copies with an intro or a cut
LONGEST = 20_000  # words of a text that are looked at
BANDS, ROWS, SEED = 16, 3, 1
OURS = 1  # raise it when anything in this file changes a key
RULES = 10 * OURS + int(RMinHash.ALGORITHM_VERSION)  # keys made under other rules are no match for these
WORD = re.compile(r"\w+")
UNSEEN = "\u00ad\u200b\u200c\u200d\u2060\ufeff"  # soft hyphens and the like, inside words


def find_words(text: str) -> list[str]:
    """A text's words, small letters, without signs and spaces.

    >>> find_words("– Nu öpp\u00adnar fyren, säger Ada.")
    ['nu', 'öppnar', 'fyren', 'säger', 'ada']
    """
    plain = unicodedata.normalize("NFKC", text)
    for mark in UNSEEN:
        if mark in plain:
            plain = plain.replace(mark, "")
    return WORD.findall(plain.casefold())[:LONGEST]


def to_runs(words: Sequence[str], length: int = RUN) -> frozenset[str]:
    """Each run of so many words once.

    >>> sorted(to_runs("en två tre fyra fem sex".split()))
    ['en två tre fyra fem', 'två tre fyra fem sex']
    """
    return frozenset(map(" ".join, zip(*(words[start:] for start in range(length)), strict=False)))


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of all runs that stand in both (Jaccard): 0 nothing, 1 the same.

    >>> likeness(frozenset("abc"), frozenset("bcd"))
    0.5
    """
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared) if shared else 0.0


def whole_key(words: Sequence[str]) -> int:
    """A key that only the same words have, 32 bits, signed."""
    return to_signed(zlib.crc32(" ".join(words).encode()))


def to_keys(runs: frozenset[str]) -> list[int]:
    """A key for each of the 16 bands, 32 bits, signed: texts that share much share some, each in its band."""
    hashed = RMinHash(num_perm=BANDS * ROWS, seed=SEED)
    hashed.update(list(runs))
    slots = hashed.digest()
    signature = struct.pack(f"<{len(slots)}I", *slots)  # in one byte order on every machine
    width = 4 * ROWS
    return [to_signed(zlib.crc32(signature[at : at + width])) for at in range(0, len(signature), width)]


def to_signed(number: int) -> int:
    """An unsigned 32-bit number as the signed one of the same bits: SQLite keeps it in four bytes.

    >>> to_signed(2**32 - 1), to_signed(5)
    (-1, 5)
    """
    return number - 2**32 if number >= 2**31 else number
