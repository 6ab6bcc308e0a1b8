"""What a compound is found by beside itself: its last part, and what is a compound of its own before that."""

from __future__ import annotations

from functools import lru_cache

from archive.swedish.compounds import split
from archive.swedish.lemmas import swedish_lemma
from archive.swedish.lexicon import load_lexicon


@lru_cache(maxsize=200_000)
def find_parts(lemma: str) -> tuple[str, ...]:
    """The lemmas of its parts, the last one first; none where it is no compound, or one with a meaning of its own.

    Such are the dictionary's compounds of two words: människohandel is no kind of handel. One of three or more is
    what its words say, be it in the dictionary or not.

    >>> find_parts("människohandelsbrott"), find_parts("människohandel"), find_parts("sjukvårdsminister")
    (('brott', 'människohandel'), (), ('minister', 'sjukvård'))
    """
    parts = split(lemma)
    if not parts:
        return ()
    before = [
        find_compound(parts[start:end]) for start in range(len(parts) - 1) for end in range(start + 1, len(parts))
    ]
    compounds = [part for part in before if part]
    if load_lexicon().is_inflected(lemma) and not compounds:
        return ()
    return tuple(dict.fromkeys([swedish_lemma(parts[-1]), *compounds]))


def find_compound(parts: tuple[str, ...]) -> str | None:
    """The lemma of some parts of a compound where they are a compound themselves, with or without the s that joins.

    >>> find_compound(("människo", "handels")), find_compound(("barn",))
    ('människohandel', None)
    """
    lexicon, joined = load_lexicon(), "".join(parts)
    whole = lexicon.firsts.get(joined) or lexicon.middles.get(joined)
    for word in (whole, joined, joined.removesuffix("s")):
        if word and lexicon.is_inflected(word):
            return word if len(parts) > 1 or split(word) else None
    return None
