"""Judging agencies: what stands in the tables health and health_events after each crawl, and acknowledgements."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from archive.health.facts import find_facts
from archive.health.past import read_past
from archive.health.rules import Verdict, find_expected, judge, since_of
from archive.times import to_text

RED = ("suspect", "failing", "never worked")  # unless acknowledged
NO_FAULT = ("never_crawled",)  # reasons that are no fault in any state


def judge_agencies(
    db: Database, agencies: Iterable[str], now: datetime, paused: Mapping[str, str] | None = None
) -> None:
    """Judge agencies and write what changed; commits nothing. paused: slug → the code of why nobody reads it."""
    for agency in agencies:
        judge_agency(db, agency, now, (paused or {}).get(agency, ""))


def judge_agency(db: Database, agency: str, now: datetime, paused: str = "") -> None:
    """One agency: its row of health, and a row of health_events where state or reason became another."""
    past, before = read_past(db, agency, now), read_health(db, agency)
    verdict = steady(judge(past, paused), before)
    changed = before is None or before["state"] != verdict.state
    other = changed or (is_fault(verdict.state, verdict.code) and key_of(before) != (verdict.code, verdict.what))
    reason = json.dumps({"code": verdict.code, "what": verdict.what, **verdict.values}, ensure_ascii=False)
    facts = find_facts(past, before["facts"] if before else {})
    row = {
        "agency": agency,
        "state": verdict.state,
        "since": since_of(verdict, now) if changed or before is None else before["since"],
        "reason": reason,
        "newest": to_text(past.newest),
        "usual_gap": past.habit.usual if past.habit else None,
        "expected": to_text(find_expected(past)),
        "judged": to_text(now),
        "acknowledged": before["acknowledged"] if before and not other else None,
        "facts": json.dumps(facts, ensure_ascii=False),
    }
    db.execute(
        f"insert or replace into health ({', '.join(row)}) values ({', '.join(f':{name}' for name in row)})", row
    )
    if other:
        db.execute(
            "insert into health_events (agency, at, state, previous, reason) values (?, ?, ?, ?, ?)",
            [agency, to_text(now), verdict.state, before["state"] if before else None, reason],
        )


def steady(verdict: Verdict, before: Mapping[str, Any] | None) -> Verdict:
    """A verdict that differs from the last one only where the fault does: its kind, and since when it is there."""
    told = before["reason"] if before else {}
    if told.get("code") != verdict.code:
        return verdict
    values = dict(verdict.values)
    if told.get("since") and values.get("since"):  # older crawls are not looked at any more
        values["since"] = min(str(told["since"]), str(values["since"]))
    if told["what"] in verdict.also:
        return replace(verdict, what=told["what"], values={**values, "fault": told["what"]})
    return replace(verdict, values=values)


def acknowledge(db: Database, agency: str, now: datetime) -> bool:
    """Keep an agency's fault quiet until state or reason change; False where it has none."""
    row = read_health(db, agency)
    if row is None or not is_fault(row["state"], row["reason"]["code"]):
        return False
    db.execute("update health set acknowledged = ? where agency = ?", [to_text(now), agency])
    return True


def read_health(db: Database, agency: str) -> dict[str, Any] | None:
    """An agency's row, its JSON read."""
    return next(iter(read_all(db, "where agency = ?", [agency])), None)


def read_all(db: Database, which: str = "", values: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Rows of health, their JSON read."""
    names = ("agency", "state", "since", "reason", "newest", "usual_gap", "expected", "judged", "acknowledged", "facts")
    rows = db.execute(f"select {', '.join(names)} from health {which}", list(values))
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [row | {name: json.loads(row[name]) for name in ("reason", "facts")} for row in found]


def is_fault(state: str, code: str) -> bool:
    """Whether something is wrong: not so where nobody has tried yet."""
    return state in RED and code not in NO_FAULT


def is_red(row: Mapping[str, Any]) -> bool:
    """Whether a row of health tells a fault that nobody has acknowledged."""
    return is_fault(row["state"], row["reason"]["code"]) and row["acknowledged"] is None


def key_of(row: Mapping[str, Any] | None) -> tuple[str, str]:
    """What must stay the same for a fault to be the same."""
    return (row["reason"]["code"], row["reason"]["what"]) if row else ("", "")
