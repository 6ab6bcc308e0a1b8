"""Markdown that GitHub and the site show alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

CODE_SPAN = re.compile(r"(`[^`]+`)")


def escape(text: str) -> str:
    r"""Return a text in which only code spans are Markdown.

    >>> print(escape("a <spider> of *each* `<kind>`"))
    a \<spider> of \*each\* `<kind>`
    """
    parts = CODE_SPAN.split(" ".join(text.split()))
    return "".join(
        part if part.startswith("`") else re.sub(r"([<*\[])", r"\\\1", part) for part in parts
    )


def format_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Return a table whose cells are Markdown.

    >>> print(format_table(["a", "b"], [["`1|2`", "3"]]))
    | a | b |
    | --- | --- |
    | `1\|2` | 3 |
    """
    lines = [list(columns), ["---"] * len(columns), *rows]
    escaped = ([cell.replace("|", r"\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def join_blocks(blocks: Iterable[str]) -> str:
    """Return a page of blocks (headings, paragraphs, tables), without empty ones."""
    return "\n\n".join(filter(None, blocks)) + "\n"


def format_code(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```"
