"""Tags as shown, each once."""

from __future__ import annotations

from collections.abc import Iterable

from scraper.normalise.text import clean_line


def to_tags(texts: Iterable[str]) -> tuple[str, ...]:
    """Tags in the page's order and spelling, without the marks lists are parted by; repeats are dropped.

    >>> to_tags([" Jämställdhet ", "#Hälsa,", "jämställdhet", ""])
    ('Jämställdhet', 'Hälsa')
    """
    tags: dict[str, str] = {}
    for text in texts:
        tag = clean_line(text).lstrip("#").strip(" ,;|·•")
        if tag:
            tags.setdefault(tag.casefold(), tag)
    return tuple(tags.values())
