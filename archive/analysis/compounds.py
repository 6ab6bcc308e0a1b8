"""Splits Swedish compounds, by hunspell-sv's flags for what may stand first, in the middle and last in one.

A compound that the dictionary lists is an ordinary word: människohandel is not a kind of handel. A compound that was
put together freely is also found by its last part, and by earlier parts that are a compound themselves:
människohandelsbrott by brott and människohandel.
"""

from __future__ import annotations

from functools import lru_cache

from archive.analysis.lexicon import IMPERATIVE, LAST_PART_FLAG, find_word_readings, load_lexicon

MIN_PART_LENGTH, MAX_COMPOUND_LENGTH = 3, 60  # letters
MAX_PARTS = 4
VERBAL_SUFFIXES = ("are", "ande", "ende")  # nouns made of verbs; the dictionary lacks most of them


@lru_cache(maxsize=100_000)
def split_compound(word: str) -> tuple[str, ...]:
    """Split a compound: fewest parts first, then the longest last part; empty if it is not a compound.

    >>> split_compound("människohandelsbrotten"), split_compound("sjukvårdsminister")
    (('människo', 'handels', 'brotten'), ('sjukvårds', 'minister'))
    """
    if not 2 * MIN_PART_LENGTH <= len(word) <= MAX_COMPOUND_LENGTH or not word.isalpha():
        return ()
    found = list(list_splits(word, 0, MAX_PARTS))
    return min(found, key=lambda parts: (len(parts), -len(parts[-1])), default=())


def list_splits(word: str, start: int, max_parts: int) -> list[tuple[str, ...]]:
    """List every way to split the word from position `start` on into at most `max_parts` parts."""
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
    """Return whether a word, or a form of one, may stand last in a compound."""
    flags = load_lexicon().flags
    bases = [reading.base for reading in find_word_readings(part) if reading.relation != IMPERATIVE]
    return any(
        base.endswith(VERBAL_SUFFIXES) or any(LAST_PART_FLAG in line for line in flags.get(base, ())) for base in bases
    )


def find_compound_lemma(parts: tuple[str, ...]) -> str | None:
    """Return the lemma of some parts of a compound if they are a compound themselves, else None.

    An s that joins them to the next part is left out.

    >>> find_compound_lemma(("människo", "handels")), find_compound_lemma(("barn",))
    ('människohandel', None)
    """
    lexicon = load_lexicon()
    joined = "".join(parts)
    whole = lexicon.first_parts.get(joined) or lexicon.middle_parts.get(joined)
    for word in (whole, joined, joined.removesuffix("s")):
        if word and lexicon.is_headword(word):
            return word if len(parts) > 1 or split_compound(word) else None
    return None
