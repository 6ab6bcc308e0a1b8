"""What differs between two records of the same code, and what is put in its place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

COMMANDS, PAGES = "commands/*", "urls/*"
RULES = [
    (PAGES, re.compile(r'("query_ms": )[\d.]+'), r"\g<1><MS>"),
    (PAGES, re.compile(r"(Queries took )[\d.]+ms"), r"\1<MS>"),
    (COMMANDS, re.compile(r"\b\d+(\.\d+)? MB\b"), "<SIZE>"),  # follows from how SQLite laid out its pages, too
    (COMMANDS, re.compile(r"\b\d+(\.\d+)? (?:s|seconds)(?=\s)"), "<SECONDS>"),
    (COMMANDS, re.compile(r"(<WORK>\S*) +$", re.MULTILINE), r"\1"),  # a title is as wide as a path leaves room for
]


class Masks:
    """Replaces what is of this machine or this minute."""

    def __init__(self, places: Iterable[tuple[Path | str, str]], timed: Iterable[str] = ()) -> None:
        """Take places with what stands for them, and the keys of JSON whose numbers are measured: 0 stands for them."""
        self.words = {str(place): mask for place, mask in places}
        keys = "|".join(map(re.escape, timed))
        measured = re.compile(rf'(\\*"(?:{keys})\\*": )[0-9.e-]+')
        self.rules = [*RULES, *([("*", measured, r"\g<1>0")] if keys else [])]

    def apply(self, name: str, text: str) -> str:
        """Return a file's text with nothing in it that another record of the same code would have otherwise."""
        for word in sorted(self.words, key=len, reverse=True):
            text = text.replace(word, self.words[word])
        for files, pattern, replacement in self.rules:
            if fnmatchcase(name, files):
                text = pattern.sub(replacement, text)
        return text
