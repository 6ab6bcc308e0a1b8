"""States of releases for comparing: a small one of one's own, and those that stored Markdown stands for."""

from __future__ import annotations

import json
import re
from typing import Any

from lxml import html
from markdown_it import MarkdownIt

from tests.stored import ROOT

EDITS = ROOT / "edits.jsonl"
MARKDOWN = MarkdownIt().enable("table")


def to_state(body: str = "", **fields: Any) -> dict[str, Any]:
    """A state as archive.store.to_state gives it; each paragraph of the body is a <p> unless body_html is given."""
    paragraphs = [part for part in body.split("\n\n") if part]
    return {
        "kind": "press release",
        "title": "Rubrik",
        "lead": None,
        "body": body,
        "body_html": "".join(f"<p>{part}</p>" for part in paragraphs),
        "published": "2024-05-28",
        "published_text": "28 maj 2024",
        "updated": None,
        "updated_text": None,
        "language": "sv",
        "tags": [],
        "questions": [],
        "images": [],
        "attachments": [],
        "contacts": [],
        **fields,
    }


def to_pair(question: str, answer: str, position: int = 1, answered_by: str | None = None) -> dict[str, Any]:
    """A question as a state holds it."""
    return {"position": position, "question": question, "answer": answer, "answered_by": answered_by}


def stored_edits() -> list[dict[str, Any]]:
    """The stored real edits: url, kind, before and after in Markdown; none where they are not here."""
    return [json.loads(line) for line in EDITS.read_text("utf-8").splitlines()] if EDITS.exists() else []


def read_source(text: str) -> dict[str, Any]:
    """Markdown as a state whose body is the source as it came, marks and escapes and all."""
    title, _, body = text.removeprefix("# ").partition("\n")
    return to_state(body.strip("\n"), title=title.strip(), body_html=MARKDOWN.render(body))


def read_markdown(text: str) -> dict[str, Any]:
    """Markdown as a state whose body is what a reader sees: rows, items and paragraphs, a blank line between them."""
    title, _, body = text.removeprefix("# ").partition("\n")
    markup = MARKDOWN.render(body)
    tree = html.fragment_fromstring(markup, create_parent="div")
    parts = [
        re.sub(r"\s+", " ", " ".join(part.itertext())).strip()
        for part in tree.xpath("./*[not(self::ul|self::ol|self::table)]|.//li|.//tr")
    ]
    title = html.fragment_fromstring(MARKDOWN.renderInline(title), create_parent="p").text_content()
    return to_state("\n\n".join(part for part in parts if part), title=title.strip(), body_html=markup)
