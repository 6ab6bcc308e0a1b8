"""States of releases to compare: from one line with both versions, from fields, or from stored
Markdown.
"""

from __future__ import annotations

import json
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from lxml import html
from markdown_it import MarkdownIt

from archive.changes.comparison import Diff, compare
from archive.database import models
from archive.database.models import Release
from tests.stored import ROOT

EDITS = ROOT / "edits.jsonl"
MARKDOWN = MarkdownIt().enable("table")
FACT_KINDS = {"amount", "negation", "number", "date", "name", "time", "contact"}


def to_state(body: str = "", **fields: Any) -> dict[str, Any]:
    """Return the state of a release with this body, each paragraph a <p>; `fields` are values of
    the state itself.
    """
    body_html = "".join(f"<p>{paragraph}</p>" for paragraph in body.split("\n\n") if paragraph)
    release = Release(
        agency="fyr",
        url="",
        title="Rubrik",
        body=body,
        body_html=body_html,
        published=date(2024, 5, 28),
    )
    return {**models.to_state(release), **fields}


def read_sentences() -> dict[str, Any]:
    """Return sentences in two versions, for split_case, one per line."""
    return tomllib.loads(Path(__file__).with_name("sentences.toml").read_text("utf-8"))


def split_case(case: str) -> tuple[str, str]:
    """Return both versions of a text with [before|after] in it, where ¶ is a blank line and ⏎ a
    line end.
    """
    text = case.replace("¶", "\n\n").replace("⏎", "\n")
    before, after = (
        re.sub(r"\[(.*?)\|(.*?)\]", rf"\{side}", text, flags=re.DOTALL) for side in (1, 2)
    )
    return before, after


def compare_case(case: str) -> Diff:
    before, after = split_case(case)
    return compare(to_state(before), to_state(after))


def compare_fields(**fields: tuple[Any, Any]) -> Diff:
    """Compare two states by the values of their fields, each given as (before, after)."""
    before, after = (
        to_state(**{name: pair[side] for name, pair in fields.items()}) for side in (0, 1)
    )
    return compare(before, after)


def list_kinds(diff: Diff) -> list[str]:
    return [change.kind for change in diff.changes]


def to_pair(question: str, answer: str, position: int = 1) -> dict[str, Any]:
    """Return a question as it is in a state."""
    return {"position": position, "question": question, "answer": answer, "answered_by": None}


def read_stored_edits() -> list[dict[str, Any]]:
    """Return the stored real edits (url, kind, before and after in Markdown), or none if they are
    not available.
    """
    return (
        [json.loads(line) for line in EDITS.read_text("utf-8").splitlines()]
        if EDITS.exists()
        else []
    )


def read_source(text: str) -> dict[str, Any]:
    """Return a state whose body is the Markdown source, with its marks and escapes."""
    title, _, body = text.removeprefix("# ").partition("\n")
    return to_state(body.strip("\n"), title=title.strip(), body_html=MARKDOWN.render(body))


def read_markdown(text: str) -> dict[str, Any]:
    """Return a state whose body is what a reader sees: rows, items and paragraphs, a blank line
    between them.
    """
    title, _, body = text.removeprefix("# ").partition("\n")
    markup = MARKDOWN.render(body)
    tree = html.fragment_fromstring(markup, create_parent="div")
    parts = [
        re.sub(r"\s+", " ", " ".join(part.itertext())).strip()
        for part in tree.xpath("./*[not(self::ul|self::ol|self::table)]|.//li|.//tr")
    ]
    title = html.fragment_fromstring(MARKDOWN.renderInline(title), create_parent="p").text_content()
    return to_state(
        "\n\n".join(part for part in parts if part), title=title.strip(), body_html=markup
    )
