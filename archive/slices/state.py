"""The state of the archive that a slice was taken from, so that others can say whether theirs is the same."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from archive.evidence.manifest import find_newest


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Numbers and times of the newest of what the archive held. Times are UTC."""

    releases: int  # all that it held, hidden and moved ones among them
    newest_revision: int | None
    newest_revision_seen: str | None
    newest_change: int | None  # number of the delta's last entry: no other state of this archive has it
    newest_change_at: str | None
    last_crawl_finished: str | None
    manifest_day: str | None  # of the daily chain of hashes (python -m archive verify --digest)
    manifest_digest: str | None
    schema: str  # the newest step of migrations
    software: str

    @property
    def day(self) -> str:
        """As of when, for citations: of the last change, else ""."""
        return (self.newest_change_at or "")[:10]


def read_state(db: sqlite3.Connection) -> State:
    """As it stands in the transaction that is open."""
    one = {
        "releases": "select count(*) from releases",
        "newest_revision": "select max(id) from revisions",
        "newest_revision_seen": "select seen from revisions order by id desc limit 1",
        "newest_change": "select max(id) from delta",
        "newest_change_at": "select at from delta order by id desc limit 1",
        "last_crawl_finished": "select max(finished) from crawls",
        "schema": "select name from _sqlite_migrations order by id desc limit 1",
    }
    found: dict[str, Any] = {name: (db.execute(sql).fetchone() or (None,))[0] for name, sql in one.items()}
    manifest = find_newest(db)
    return State(
        **found,
        manifest_day=manifest.day if manifest else None,
        manifest_digest=manifest.digest if manifest else None,
        software=f"myndighetsarkivet {version('myndighetsarkivet')}",
    )
