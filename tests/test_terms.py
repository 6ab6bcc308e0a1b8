"""One concept has one word: interface texts, documentation and docstrings use no other.

test_terms.tsv has the words. Names in code spans, URLs and doctests may be any.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pytest

from archive.i18n import LANGUAGES
from tests.archive.test_locale import MESSAGES, get_forms
from tests.case_tables import load_rows

ROOT = Path(__file__).parents[1]
CODE = re.compile(
    r"^ *```.*?^ *```|`[^`]+`|https?://\S+|\]\([^)]*\)|<[^>\n]+>|\{[^}\n]*\}"
    r"|(?<![\w.])/[\w/-][\w/.?=&-]*|(?m:^ *>>>.*?(?:\n\s*\n|\Z))",
    re.DOTALL | re.MULTILINE,
)
PARAMETER = re.compile(r"^ *[\w*]+(?:, [\w*]+)*:(?= )", re.MULTILINE)  # of a docstring


class Text(NamedTuple):
    scope: str  # texts (of the interface), docs or docstrings
    where: str
    language: str
    words: str


@cache
def list_texts() -> tuple[Text, ...]:
    return tuple(chain(iter_messages(), iter_pages(), iter_docstrings()))


def drop_code(text: str) -> str:
    return CODE.sub(" … ", text)


def iter_messages() -> Iterator[Text]:
    for language in LANGUAGES:
        for key, message in MESSAGES[language].items():
            yield Text("texts", key, language, drop_code(" | ".join(get_forms(message))))


def iter_pages() -> Iterator[Text]:
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        where = path.relative_to(ROOT).as_posix()
        language = "sv" if "docs/sv/" in where else "en"
        yield Text("docs", where, language, drop_code(path.read_text("utf-8")))
    newest = re.split(r"(?m)^## ", (ROOT / "CHANGELOG.md").read_text("utf-8"))[1]
    yield Text("docs", "CHANGELOG.md", "en", drop_code(newest))


def iter_docstrings() -> Iterator[Text]:
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for package in ("archive", "scraper"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                docstring = ast.get_docstring(node) if isinstance(node, kinds) else None
                if docstring:
                    name = getattr(node, "name", "module")
                    where = f"{path.relative_to(ROOT).as_posix()} {name}"
                    words = drop_code(PARAMETER.sub("", docstring))
                    yield Text("docstrings", where, "en", words)


def find_uses(pattern: str, text: Text, allowed: list[tuple[str, str]]) -> list[str]:
    """Return the words that a pattern finds outside code, each with the words around it."""
    excused = [
        match.span()
        for place, phrase in allowed
        if text.where.startswith(place)
        for match in re.finditer(phrase, text.words, re.IGNORECASE)
    ]
    return [
        " ".join(text.words[max(0, match.start() - 40) : match.end() + 40].split())
        for match in re.finditer(pattern, text.words, re.IGNORECASE)
        if not any(start <= match.start() and match.end() <= end for start, end in excused)
    ]


@pytest.mark.parametrize(
    ("language", "scopes", "pattern", "word"),
    [pytest.param(*row, id=f"{row[0]} {row[3]}") for row in load_rows(__file__, "words")],
)
def test_one_word_for_one_concept(language: str, scopes: str, pattern: str, word: str) -> None:
    allowed = [(place or "", phrase) for place, phrase, _ in load_rows(__file__, "allowed")]
    found = {
        f"{text.where}: {use}"
        for text in list_texts()
        if text.language == language
        if text.scope in scopes.split() or text.where.startswith(tuple(scopes.split()))
        for use in find_uses(pattern, text, allowed)
    }
    assert sorted(found) == [], f"write: {word}"


def test_each_exception_is_needed() -> None:
    patterns = [re.compile(row[2], re.IGNORECASE) for row in load_rows(__file__, "words")]
    unused = [
        phrase
        for place, phrase, _ in load_rows(__file__, "allowed")
        if not any(
            any(pattern.search(match[0]) for pattern in patterns)
            for text in list_texts()
            if text.where.startswith(place or "")
            for match in re.finditer(phrase, text.words, re.IGNORECASE)
        )
    ]
    assert unused == []
