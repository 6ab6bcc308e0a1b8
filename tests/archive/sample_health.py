"""What judgements may stand in the table health: one agency of each sort, for the status page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from archive.store import Archive

JUDGED = "2024-06-03T08:20:00+00:00"
GUEST = {"requests": 1200, "bytes": 34_000_000, "not_modified": 300, "delay": 1.04, "robots": "allowed"}
FILLS = {"title": [100, 100], "lead": [5, 96], "published": [100, 100], "updated": [0, None]}
FACTS: dict[str, Any] = {
    **{"stored": 3, "listed": 20, "worked": JUDGED, "crawled": JUDGED, "found": 2, "rejected": 4, "quarantined": 0},
    **{"failures": {"login": 3, "status 5xx": 1}, "field_fill": FILLS, "politeness": GUEST},
}
ROWS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("vagmyndigheten", "healthy", {"code": "usual", "newest": "2024-06-01", "usual": 2, "long": 6}),
    ("fagelverket", "quiet", {"code": "quiet_season", "newest": "2024-05-28", "usual": 2, "long": 6}),
    ("fyrstyrelsen", "suspect", {"code": "fields", "what": "lead", "fields": ["lead"], "now": 5, "before": 96}),
    ("tystnadsnamnden", "failing", {"code": "all_fails", "what": "login", "fault": "login", "since": JUDGED}),
)


def add_health(path: Path) -> Path:
    """Judgements of the sample's agencies; one of two faults is known."""
    with Archive(path) as archive:
        for agency, state, reason in ROWS:
            told = json.dumps({"what": "", **reason})
            known = JUDGED if agency == "fyrstyrelsen" else None
            newest = "2024-06-01" if agency != "tystnadsnamnden" else None
            archive.db.execute(
                "insert or replace into health values (?, ?, ?, ?, ?, 2.0, '2024-06-07', ?, ?, ?)",
                [agency, state, JUDGED, told, newest, JUDGED, known, json.dumps(FACTS)],
            )
            archive.db.execute(
                "insert into health_events (agency, at, state, previous, reason) values (?, ?, ?, 'healthy', ?)",
                [agency, JUDGED, state, told],
            )
    return path
