"""Lists of phrases, written for people, as regular expressions."""

from __future__ import annotations


def either(phrases: str) -> str:
    """Phrases parted by " | " or by lines as one alternation; each may be a regular expression of its own.

    >>> either('''
    ... publicerad | published
    ... julkaistu
    ... ''')
    '(?:publicerad|published|julkaistu)'
    """
    parts = (part.strip() for line in phrases.splitlines() for part in line.split(" | "))
    return f"(?:{'|'.join(filter(None, parts))})"


def words(text: str) -> tuple[str, ...]:
    """Words parted by white space.

    >>> words("nav menu\\n meny")
    ('nav', 'menu', 'meny')
    """
    return tuple(text.split())
