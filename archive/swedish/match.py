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
    term = to_term(word)
    if not term.lemmas:
        return ""
    whole = f"{TEXTS}: ({' OR '.join(map(quote, term.lemmas))})"
    swedish = term.lemmas[0]
    return whole if " " in swedish else f"({whole} OR {{parts}}: {quote(swedish)})"


def quote(lemma: str) -> str:
    """A lemma, or several in a row, as FTS5 takes it."""
    return f'"{lemma}"'
