"""Keeps what was made of texts that come again and again, such as those in the menus of a site's pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

Made = TypeVar("Made")


def repeated(number: int = 4096, longest: int = 200) -> Callable[[Callable[[str], Made]], Callable[[str], Made]]:
    """A decorator: what a function gives for a text is kept, for the `number` texts it was asked about last.

    Not for texts of more than `longest` characters: pages made of such would fill the memory.

    >>> @repeated(longest=3)
    ... def shout(text):
    ...     print("asked")
    ...     return text.upper()
    >>> shout("hej"), shout("hej")
    asked
    ('HEJ', 'HEJ')
    >>> shout("hallå"), shout("hallå")
    asked
    asked
    ('HALLÅ', 'HALLÅ')
    """

    def keep(function: Callable[[str], Made]) -> Callable[[str], Made]:
        kept = lru_cache(maxsize=number)(function)

        @wraps(function)
        def tell(text: str) -> Made:
            return kept(text) if len(text) <= longest else function(text)

        return tell

    return keep
