"""Masks for what differs between two records of the same code."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

COMMANDS, PAGES = "commands/*", "urls/*"
RULES = [
    (PAGES, re.compile(r'("query_ms": )[\d.]+'), r"\g<1><MS>"),
    (PAGES, re.compile(r"(Queries took )[\d.]+ms"), r"\1<MS>"),
    # also depends on the order of SQLite's pages
    (COMMANDS, re.compile(r"\b\d+(\.\d+)? MB\b"), "<SIZE>"),
    (COMMANDS, re.compile(r"\b\d+(\.\d+)? (?:s|seconds)(?=\s)"), "<SECONDS>"),
    # padded to a width that depends on the path
    (COMMANDS, re.compile(r"(<WORK>\S*) +$", re.MULTILINE), r"\1"),
]


class Masks:
    """Replaces what depends on this machine or the current time."""

    def __init__(self, places: Iterable[tuple[Path | str, str]], timed: Iterable[str] = ()) -> None:
        """Set paths with their replacements, and the keys of JSON whose measured numbers
        become 0.
        """
        self.words = {str(place): mask for place, mask in places}
        keys = "|".join(map(re.escape, timed))
        measured = re.compile(rf'(\\*"(?:{keys})\\*": )[0-9.e-]+')
        self.rules = [*RULES, *([("*", measured, r"\g<1>0")] if keys else [])]

    def apply(self, name: str, text: str) -> str:
        """Return a file's text with everything masked that would differ in another record of the
        same code.
        """
        for word in sorted(self.words, key=len, reverse=True):
            text = text.replace(word, self.words[word])
        for files, pattern, replacement in self.rules:
            if fnmatchcase(name, files):
                text = pattern.sub(replacement, text)
        return text
