"""People's words as an FTS5 expression over the table search."""

from __future__ import annotations

from archive.swedish import to_term

TEXTS = "{title lead body questions}"
PARTS = "{title_parts lead_parts body_parts questions_parts}"


def match_word(word: str, columns: str = TEXTS, parted: str = "") -> str:
    """One word in all its readings, also as a part of compounds; "" where it holds no letter or digit.

    What parts it is looked for in is settled as the index is made: archive.swedish.parts. Its first reading is looked
    for in all columns, texts and their parts: that costs a third of what choosing among them does. `parted`: columns of
    parts, where those found by a part are to be weighed apart: bm25 then knows how common either is.

    >>> match_word("ministrarnas"), match_word("led"), match_word("EU-ministern")
    ('"minister"', '("led" OR {title lead body questions}: ("lead"))', '{title lead body questions}: ("eu minister")')
    """
    lemmas, part = to_term(word).lemmas, find_part(word)
    if part and parted:
        return f"({columns}: ({' OR '.join(map(quote, lemmas))}) OR {parted}: {quote(part)})"
    others = [lemma for lemma in lemmas if lemma != part]
    found = [quote(part)] if part else []
    found += [f"{columns}: ({' OR '.join(map(quote, others))})"] if others else []
    return f"({' OR '.join(found)})" if len(found) > 1 else "".join(found)


def find_part(word: str) -> str:
    """The lemma under which compounds are found that a word is a part of; "" of several words, or of none.

    >>> find_part("ministrarnas"), find_part("EU-ministern")
    ('minister', '')
    """
    return next((lemma for lemma in to_term(word).lemmas[:1] if " " not in lemma), "")


def quote(lemma: str) -> str:
    """A lemma, or several in a row, as FTS5 takes it."""
    return f'"{lemma}"'
