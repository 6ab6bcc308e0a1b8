"""Splits Swedish compounds by hunspell-sv's flags for what may stand first, in the middle and last in one.

A compound of the dictionary's own is a word like any other: människohandel is no kind of handel. What is put
together freely is found by its last part, too, and by what is itself a compound before it: människohandelsbrott by
brott and människohandel.
"""

from __future__ import annotations

from functools import lru_cache

from archive.analysis.lexicon import IMPERATIVE, LAST, find_readings, load_lexicon

SHORTEST, LONGEST = 3, 60  # letters of a part, of a compound
MOST = 4  # parts
DERIVED = ("are", "ande", "ende")  # of verbs, most of which the dictionary does not hold as words


@lru_cache(maxsize=100_000)
def split(word: str) -> tuple[str, ...]:
    """A compound's parts as they stand in it, fewest first and then the longest last; none where it is no compound.

    >>> split("människohandelsbrotten"), split("sjukvårdsminister")
    (('människo', 'handels', 'brotten'), ('sjukvårds', 'minister'))
    """
    if not 2 * SHORTEST <= len(word) <= LONGEST or not word.isalpha():
        return ()
    found = list(ways(word, 0, MOST))
    return min(found, key=lambda parts: (len(parts), -len(parts[-1])), default=())


def ways(word: str, start: int, most: int) -> list[tuple[str, ...]]:
    """Every way to take the word apart from `start` on, into `most` parts at the most."""
    lexicon = load_lexicon()
    found: list[tuple[str, ...]] = []
    if start and may_end(word[start:]):
        found.append((word[start:],))
    if most > 1:
        for end in range(start + SHORTEST, len(word) - SHORTEST + 1):
            part = word[start:end]
            if part in lexicon.firsts or (start and part in lexicon.middles):
                found += [(part, *rest) for rest in ways(word, end, most - 1)]
    return found


@lru_cache(maxsize=50_000)
def may_end(part: str) -> bool:
    """Whether a word, or a form of one, may stand last in a compound."""
    flags, bases = load_lexicon().flags, [each.base for each in find_readings(part) if each.how != IMPERATIVE]
    return any(base.endswith(DERIVED) or any(LAST in line for line in flags.get(base, ())) for base in bases)
