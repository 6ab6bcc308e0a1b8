"""People's words as an FTS5 expression over the table search."""

from __future__ import annotations

from archive.swedish import to_term

TEXTS = "{title lead body questions}"


def match_word(word: str) -> str:
    """One word in all its readings, also as a part of compounds; "" where it holds no letter or digit.

    What parts it is looked for in is settled as the index is made: archive.swedish.parts.

    >>> match_word("ministrarnas")
    '({title lead body questions}: ("minister") OR {parts}: "minister")'
    """
    lemmas, part = to_term(word).lemmas, find_part(word)
    whole = f"{TEXTS}: ({' OR '.join(map(quote, lemmas))})" if lemmas else ""
    return f"({whole} OR {{parts}}: {quote(part)})" if part else whole


def find_part(word: str) -> str:
    """The lemma under which compounds are found that a word is a part of; "" of several words, or of none.

    >>> find_part("ministrarnas"), find_part("EU-ministern")
    ('minister', '')
    """
    return next((lemma for lemma in to_term(word).lemmas[:1] if " " not in lemma), "")


def quote(lemma: str) -> str:
    """A lemma, or several in a row, as FTS5 takes it."""
    return f'"{lemma}"'
