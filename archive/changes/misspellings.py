"""Decides whether two words or names differ only by a misspelling."""

from __future__ import annotations

from rapidfuzz.distance import OSA

# (letters of the word, letters that may differ in a misspelling of it)
MISSPELLING_LIMITS = ((5, 1), (8, 2))
MIN_MISSPELT_NAME_LENGTH = 9  # letters


def is_misspelt_name(old: str, new: str) -> bool:
    """Return whether two names differ by one letter.

    Short names that differ by a letter are different names (Island, Irland), not misspellings.
    """
    return min(len(old), len(new)) >= MIN_MISSPELT_NAME_LENGTH and OSA.distance(old, new) == 1


def is_misspelling(one: str, two: str) -> bool:
    length = max(len(one), len(two))
    limit = max((letters for least, letters in MISSPELLING_LIMITS if length >= least), default=0)
    return one == two or OSA.distance(one, two) <= limit
