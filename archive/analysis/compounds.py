"""Splits Swedish compounds by hunspell-sv's flags for what may stand first, in the middle and last in one.

A compound of the dictionary's own is a word like any other: människohandel is no kind of handel. What is put
together freely is found by its last part, too, and by what is itself a compound before it: människohandelsbrott by
brott and människohandel.
"""

from __future__ import annotations

from functools import lru_cache

from archive.analysis.lexicon import IMPERATIVE, LAST_PART_FLAG, find_word_readings, load_lexicon

MIN_PART_LENGTH, MAX_COMPOUND_LENGTH = 3, 60  # letters of a part, of a compound
MAX_PARTS = 4  # parts
VERBAL_SUFFIXES = ("are", "ande", "ende")  # of verbs, most of which the dictionary does not hold as words


@lru_cache(maxsize=100_000)
def split_compound(word: str) -> tuple[str, ...]:
    """A compound's parts as they stand in it, fewest first and then the longest last; none where it is no compound.

    >>> split_compound("människohandelsbrotten"), split_compound("sjukvårdsminister")
    (('människo', 'handels', 'brotten'), ('sjukvårds', 'minister'))
    """
    if not 2 * MIN_PART_LENGTH <= len(word) <= MAX_COMPOUND_LENGTH or not word.isalpha():
        return ()
    found = list(list_splits(word, 0, MAX_PARTS))
    return min(found, key=lambda parts: (len(parts), -len(parts[-1])), default=())


def list_splits(word: str, start: int, max_parts: int) -> list[tuple[str, ...]]:
    """Every way to take the word apart from `start` on, into `most` parts at the most."""
    lexicon = load_lexicon()
    found: list[tuple[str, ...]] = []
    if start and can_end_compound(word[start:]):
        found.append((word[start:],))
    if max_parts > 1:
        for end in range(start + MIN_PART_LENGTH, len(word) - MIN_PART_LENGTH + 1):
            part = word[start:end]
            if part in lexicon.first_parts or (start and part in lexicon.middle_parts):
                found += [(part, *rest) for rest in list_splits(word, end, max_parts - 1)]
    return found


@lru_cache(maxsize=50_000)
def can_end_compound(part: str) -> bool:
    """Whether a word, or a form of one, may stand last in a compound."""
    flags, bases = load_lexicon().flags, [each.base for each in find_word_readings(part) if each.relation != IMPERATIVE]
    return any(
        base.endswith(VERBAL_SUFFIXES) or any(LAST_PART_FLAG in line for line in flags.get(base, ())) for base in bases
    )
