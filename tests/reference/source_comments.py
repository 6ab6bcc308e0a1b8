"""Reads descriptions from the code: comments that begin with #:, and lists in docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

EXAMPLE = re.compile(r"[a-z_]+ = ")
LISTED = re.compile(r"^    (\S+)  +(.+(?:\n     .+)*)", re.MULTILINE)


class Comment(NamedTuple):
    """What #: lines say of the next line of code, under the ## heading before it."""

    text: str
    example: str
    heading: str


def read_comments(path: Path) -> Mapping[int, Comment]:
    """Return the comments of a file by the number of the line that they describe."""
    comments: dict[int, Comment] = {}
    heading, lines = "", list[str]()
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("## "):
            heading = stripped.removeprefix("## ")
        elif stripped.startswith("#: "):
            lines.append(stripped.removeprefix("#: "))
        elif lines:
            examples = [text for text in lines if EXAMPLE.match(text)]
            text = " ".join(text for text in lines if text not in examples)
            comments[number] = Comment(text, "\n".join(examples), heading)
            lines = []
    return comments


def read_list(docstring: str) -> dict[str, str]:
    """Return the entries of the lists in a docstring: names, and what is said of them.

    >>> read_list("What.\\n\\n    A  One\\n       thing.\\n    B  Another.\\n")
    {'A': 'One thing.', 'B': 'Another.'}
    """
    return {
        name: " ".join(text.split()) for name, text in LISTED.findall(inspect.cleandoc(docstring))
    }


def drop_list(docstring: str) -> list[str]:
    """Return the paragraphs of a docstring without its lists."""
    paragraphs = inspect.cleandoc(docstring).split("\n\n")
    return [" ".join(text.split()) for text in paragraphs if not text.startswith("    ")]
