"""Checks that each edit was recorded when its page was first read after it, and that no other edits
were.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from archive.times import to_iso
from tests.harness.year.events import DESIGNS, EDITS, MOVES
from tests.harness.year.history import History, Step
from tests.harness.year.told import Row, Told, Verdict, find_row, is_same
from tests.harness.year.world import words_of
from tests.site.releases import Release

INVENTED = "edits invented"
OWN = "told as our own reading, without a redesign"
BACK = "came back to an earlier text, and told so"


def judge_edits(history: History, told: Told, verdict: Verdict) -> None:
    """Check edits and redesigns against the table revisions."""
    count_edits(history, verdict)
    explained: set[int] = set()  # revisions
    for step in history.steps():
        rows = told.revisions_of(told.ids(step.subject))
        found = find_row(
            [row for row in rows if row["cause"] in ("source", "parser")], step.after.moment
        )
        if step.differs:
            judge_step(step, found, rows, history, verdict)
            explained |= {found["id"]} if found else set()
        else:
            judge_unchanged_step(step, found, verdict)
            if found and found["cause"] == "parser" and step.design:  # parsed differently
                explained.add(found["id"])
    for row in told.revisions.values():
        if row["id"] in explained or row["cause"] in ("first", "import"):
            continue
        name = INVENTED if row["cause"] == "source" else OWN
        url = told.releases[row["release"]]["url"]
        verdict.count_and_judge(name, f"{url}: {row['seen']}: {row['summary']}")


def count_edits(history: History, verdict: Verdict) -> None:
    for event in history.world.happened:
        if event.kind in EDITS:
            verdict.count(EDITS[event.kind])
        elif event.kind in DESIGNS:
            verdict.count(DESIGNS[event.kind])


def judge_step(
    step: Step, found: Row | None, rows: list[Row], history: History, verdict: Verdict
) -> None:
    """Check the revision of a reading whose text differs from the reading before."""
    where = f"{step.subject.url}: {to_iso(step.after.moment)}"
    told = (*find_misses(step, found), *find_gaps(step, found, rows)) if found else ["not seen"]
    misses = [f"{where}: {miss}" for miss in told]
    for event in step.edits:
        if event.kind in EDITS:
            verdict.judge(EDITS[event.kind], misses if event.kind != "markup" else [])
        elif event.kind in MOVES and misses:
            verdict.misses += misses  # judge_moves counts the move
    if found and is_back(step, history):
        verdict.count(BACK)
        verdict.judge(BACK, find_return_misses(found, rows), f"{where}: ")


def find_misses(step: Step, row: Row) -> Iterator[str]:
    """Yield what a revision states wrongly about an edit."""
    if row["cause"] != "source":
        yield f"told as {row['cause']}: {row['summary']}"
    if bool(row["update_date_changed"]) != (step.old.updated != step.new.updated):
        moved = f"{to_iso(step.old.updated)} → {to_iso(step.new.updated)}"
        yield f"update_date_changed is {row['update_date_changed']}: {moved}"
    for name in ("title", "lead", "updated"):
        before, after = getattr(step.old, name), getattr(step.new, name)
        wanted = to_iso(after) if name == "updated" else after
        if before != after and row[name] != wanted:
            yield f"{name} is {row[name]!r}, not {wanted!r}"
    for text in new_texts(step.old, step.new):
        if text not in row["body"]:
            yield f"body lacks {text!r}"
    told = (row["summary"], row["importance"], row["changes"])
    if None in told[:2] or not json.loads(row["changes"] or "[]"):
        yield f"the change is not described: {told}"


def find_gaps(step: Step, row: Row, rows: list[Row]) -> Iterator[str]:
    """Yield what is wrong about the state before: which it was, and when it was last found."""
    previous = next((other for other in rows if other["id"] == row["previous"]), None)
    if previous is None:
        yield f"previous is {row['previous']}"
        return
    joined = previous["release"] != row["release"] or is_same(previous["seen"], step.after.moment)
    if not joined and not is_same(previous["last_seen"], step.before.moment):
        seen = to_iso(step.before.moment)
        yield f"the state before was last seen {seen}, not {previous['last_seen']}"


def new_texts(old: Release, new: Release) -> Iterator[str]:
    """Yield the paragraphs and answers that were not there before."""
    yield from (
        text for tag, text in new.blocks if tag == "p" and text not in old.body and "[[" not in text
    )
    known = {text for qa in old.questions for text in qa.answer}
    yield from (text for qa in new.questions for text in qa.answer if text not in known)


def is_back(step: Step, history: History) -> bool:
    """Return whether the same text was read before the other one came."""
    wanted = words_of(step.new)
    readings = history.readings(step.subject.key)
    return any(
        look.standing.release and words_of(look.standing.release) == wanted
        for look in readings
        if look.moment < step.before.moment
    )


def find_return_misses(row: Row, rows: list[Row]) -> Iterator[str]:
    """Yield what is wrong about a text that is back; any earlier revision of the same text is
    right.
    """
    if row["reverts_to"] is None:
        yield "reverts_to is not told"
        return
    same = next((other for other in rows if other["id"] == row["reverts_to"]), None)
    if same is None or any(same[name] != row[name] for name in ("title", "lead", "body")):
        yield f"reverts_to names {row['reverts_to']}, which is not the same"


def judge_unchanged_step(step: Step, found: Row | None, verdict: Verdict) -> None:
    """Check that a reading of the same text has no revision, or after a redesign at most one with
    cause `parser`.
    """
    wrong = found is not None and found["cause"] == "source"
    misses = [f"{step.subject.url}: {found['seen']}: {found['summary']}"] if found and wrong else []
    for event in step.edits:
        if event.kind in EDITS:
            verdict.judge(EDITS[event.kind], misses)
    if step.design:
        verdict.judge(DESIGNS[step.design], misses)
