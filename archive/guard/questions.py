"""What is looked at before Datasette reads a question: its length, and that no check of Datasette's runs away.

Datasette tries visitors' SQL with regular expressions in the one thread that answers everybody: `/**/` and many line
breaks took them 20 seconds, comments in a row ages. Ours for the same never go back.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

import datasette.utils as checks

from archive.guard.limits import Limits

SPACE = r"(?:\s++|--[^\n]*+(?:\n|\Z)|/\*(?:[^*]|\*(?!/))*+\*/)*+"
SELECT = re.compile(rf"{SPACE}(?:explain\s++(?:query\s++plan\s++)?+)?+(?:select|with)\b")
COMMENT = re.compile(r"/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)")  # to SQLite, too, one without an end ends with the text


def make_checks_linear() -> None:
    """In place of Datasette's own, for whatever is served by this process."""
    checks.allowed_sql_res[:] = [SELECT]
    checks._multi_line_comment_re = COMMENT


def read_question(query: str, limits: Limits) -> list[tuple[str, str]]:
    """Names and values of a query string, as Datasette reads it; ValueError, with words for the visitor, beyond limits.

    >>> read_question("sql=select+1&_shape=array", Limits())
    [('sql', 'select 1'), ('_shape', 'array')]
    >>> read_question("_where=1&" * 1000, Limits())
    Traceback (most recent call last):
    ValueError: at most 200 parameters can be asked for at once
    """
    if query.count("&") >= limits.parameters:
        raise ValueError(f"at most {limits.parameters} parameters can be asked for at once")
    asked = parse_qsl(query, keep_blank_values=True)
    for name, value in asked:
        if max(len(name), len(value)) > limits.letters:
            raise ValueError(f"{name[:40]}= is too long: at most {limits.letters:,} letters")
    return asked
