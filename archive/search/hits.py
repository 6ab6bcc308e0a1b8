"""The hits of a page: excerpts of the original texts with marks, and why each was found."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archive.search.marks import FRAGMENT, Parts, Text, Wanted
from archive.search.run import Run
from archive.swedish import is_english_release

MAX_HIT_LENGTH = 60_000  # characters of a body in which words are looked for
RELEASES = """
    select r.id, r.url, r.agency, a.name, a.name_en, r.kind, r.language, r.title, r.lead, substr(r.body, 1, :longest)
      as body, l.questions, r.published, r.updated, r.first_seen, r.gone
    from releases r join agencies a on a.slug = r.agency join listed l on l.release = r.id
    where r.id in (select value from json_each(:ids))
"""
QUESTIONS = """
    select q.release, q.position, q.question, q.answer from questions q
    where q.release in (select value from json_each(:ids)) order by q.release, q.position
"""
PAIRS = """
    select q.id as pair, q.position, q.question, q.answer, q.answered_by, r.id, r.url, r.agency, a.name, a.name_en,
      r.kind, r.language, r.title, r.published, r.updated, r.first_seen, r.gone
    from questions q join releases r on r.id = q.release join agencies a on a.slug = r.agency
    where q.id in (select value from json_each(:ids))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """How something asked for stands in a hit: each form with its number, by field."""

    asked: str
    forms: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A found release or pair; `title` and `excerpt` are the original text in parts, each marked or not.

    place: the question in which the excerpt stands, counted from 1; None where it stands in lead or body.
    """

    row: Any
    title: Parts
    excerpt: Parts
    why: list[Why]
    place: int | None = None


async def read_releases(run: Run, ids: Sequence[int], wanted: Sequence[Wanted]) -> list[Hit]:
    """The releases of one page, in the order of the ids."""
    if not ids:
        return []
    values = {"ids": json.dumps(ids)}
    rows, pairs = await asyncio.gather(run(RELEASES, {**values, "longest": MAX_HIT_LENGTH}), run(QUESTIONS, values))
    return await asyncio.to_thread(mark_releases, ids, rows, pairs, wanted)


def mark_releases(ids: Sequence[int], rows: Sequence[Any], pairs: Sequence[Any], wanted: Sequence[Wanted]) -> list[Hit]:
    """Reads each text once."""
    asked: dict[int, list[Any]] = {}
    for pair in pairs:
        asked.setdefault(pair["release"], []).append(pair)
    hits = {row["id"]: to_hit(row, asked.get(row["id"], []), wanted) for row in rows}
    return [hits[key] for key in ids if key in hits]


def to_hit(row: Any, pairs: Sequence[Any], wanted: Sequence[Wanted]) -> Hit:
    """The excerpt is of whichever text holds most of what was asked: lead, body, a question or an answer."""
    english = is_english_release(row)
    title, lead, body = (Text(row[name], wanted, name, english=english) for name in ("title", "lead", "body"))
    texts: list[tuple[str, int | None, Text]] = [("title", None, title), ("lead", None, lead), ("body", None, body)]
    for pair in pairs if wanted else ():
        texts.append(("question", pair["position"], Text(pair["question"], wanted, "question", english=english)))
        texts.append(("answer", pair["position"], Text(pair["answer"], wanted, "answer", english=english)))
    place, excerpt = find_excerpt(texts[1:])
    return Hit(row=row, title=title.whole(), excerpt=excerpt, why=find_why(texts, wanted), place=place)


def find_excerpt(texts: Sequence[tuple[str, int | None, Text]]) -> tuple[int | None, Parts]:
    """From the text that holds most of what was asked, and from a further one what that lacks; its question, if any."""
    _, place, best = max(texts, key=lambda each: len(each[2].found))
    if not best.marks:
        return None, next((text.excerpt() for _, _, text in texts if text.text.strip()), [])
    _, _, other = max(texts, key=lambda each: len(each[2].found - best.found))
    if other.found <= best.found:
        return place, best.excerpt()
    return place, [*best.excerpt(FRAGMENT // 2), (" … ", False), *other.excerpt(FRAGMENT // 2)]


async def read_pairs(run: Run, ids: Sequence[int], wanted: Sequence[Wanted]) -> list[Hit]:
    """The pairs of question and answer of one page, in the order of the ids."""
    if not ids:
        return []
    rows = await run(PAIRS, {"ids": json.dumps(ids)})

    def mark() -> list[Hit]:
        hits = {row["pair"]: to_pair(row, wanted) for row in rows}
        return [hits[key] for key in ids if key in hits]

    return await asyncio.to_thread(mark)


def to_pair(row: Any, wanted: Sequence[Wanted]) -> Hit:
    """A question as a title, its answer as the excerpt."""
    english = is_english_release({"language": row["language"], "title": row["question"], "body": row["answer"]})
    question = Text(row["question"], wanted, "question", english=english)
    answer = Text(row["answer"], wanted, "answer", english=english)
    texts: list[tuple[str, int | None, Text]] = [("question", None, question), ("answer", None, answer)]
    place = row["position"]
    return Hit(row=row, title=question.whole(), excerpt=answer.excerpt(), why=find_why(texts, wanted), place=place)


def find_why(texts: Sequence[tuple[str, int | None, Text]], wanted: Sequence[Wanted]) -> list[Why]:
    """For each thing asked for, where and how it stands; nothing for what does not."""
    told = []
    for number, each in enumerate(wanted):
        forms: dict[str, dict[str, int]] = {}
        for field, _, text in texts:
            for form, times in text.forms(number).items():
                held = forms.setdefault(field, {})
                held[form] = held.get(form, 0) + times
        if forms:
            told.append(Why(asked=each.label, forms=forms))
    return told
