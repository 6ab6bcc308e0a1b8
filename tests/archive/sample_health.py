"""Assessments of the sample agencies: one healthy, one quiet, one with a known fault, one
failing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from archive.store.releases import Archive

ASSESSED_AT = "2024-06-03T08:20:00+00:00"
POLITENESS = {
    "requests": 1200,
    "bytes": 34_000_000,
    "not_modified": 300,
    "delay": 1.04,
    "robots": "allowed",
}
FIELD_FILL = {"title": [100, 100], "lead": [5, 96], "published": [100, 100], "updated": [0, None]}
FACTS: dict[str, Any] = {
    **{
        "stored": 3,
        "listed": 20,
        "worked": ASSESSED_AT,
        "crawled": ASSESSED_AT,
        "found": 2,
        "rejected": 4,
        "quarantined": 0,
    },
    **{
        "failures": {"login": 3, "status 5xx": 1},
        "field_fill": FIELD_FILL,
        "politeness": POLITENESS,
    },
}
STATES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("vagmyndigheten", "healthy", {"code": "usual", "newest": "2024-06-01", "usual": 2, "long": 6}),
    (
        "fagelverket",
        "quiet",
        {"code": "quiet_season", "newest": "2024-05-28", "usual": 2, "long": 6},
    ),
    (
        "fyrstyrelsen",
        "suspect",
        {"code": "fields", "what": "lead", "fields": ["lead"], "now": 5, "before": 96},
    ),
    (
        "tystnadsnamnden",
        "failing",
        {"code": "all_fails", "what": "login", "fault": "login", "since": ASSESSED_AT},
    ),
)


def add_health(path: Path) -> Path:
    """Add the assessments and their events to an archive."""
    with Archive(path) as archive:
        for agency, state, reason in STATES:
            reason_json = json.dumps({"what": "", **reason})
            acknowledged_at = ASSESSED_AT if agency == "fyrstyrelsen" else None
            newest = "2024-06-01" if agency != "tystnadsnamnden" else None
            archive.db.execute(
                "insert or replace into health values (?, ?, ?, ?, ?, 2.0, '2024-06-07', ?, ?, ?)",
                [
                    agency,
                    state,
                    ASSESSED_AT,
                    reason_json,
                    newest,
                    ASSESSED_AT,
                    acknowledged_at,
                    json.dumps(FACTS),
                ],
            )
            archive.db.execute(
                "insert into health_events (agency, at, state,"
                " previous, reason) values (?, ?, ?, 'healthy', ?)",
                [agency, ASSESSED_AT, state, reason_json],
            )
    return path
