"""Joins the histories of a release that stood at two addresses."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from archive.changes import compare

if TYPE_CHECKING:
    from archive.store import Archive
    from archive.writer import Held


def find_ends(archive: Archive, release: int, to: int) -> tuple[Held, Held] | None:
    """The last state of `release` and the first of `to`, where the latter follows it.

    None where `to` is the older, or stood beside `release`: what differs between the two was no edit then.
    """
    before, after = archive.last_of(release), archive.first_of(to)
    if not before or not after or before.revision > after.revision or after.cause != "first":
        return None
    if archive.dates_of(to)[0] < archive.last_checked(release):
        return None
    return before, after


def join(
    archive: Archive, release: int, to: int, seen: datetime, url: str, *, cause: str, status: int | None = None
) -> None:
    """`release` is found to stand at `url` as `to`: what `to` was first read as follows what `release` was last.

    Where the two differ and `cause` is `source`, that was an edit, and is told as one.
    """
    ends = find_ends(archive, release, to)
    archive.removals.joined(release, seen, url, to, status=status)
    if ends is None:
        return
    before, after = ends
    told = compare(before.state, after.state)
    row = {
        "previous": before.revision,
        "cause": "source" if cause == "source" and before.hash != after.hash else "first",
        "dated": int(before.state["updated"] != after.state["updated"]),
        "weight": told.weight,
        "summary": told.summary("sv"),
        "summary_en": told.summary("en"),
        "changes": json.dumps([asdict(change) for change in told.changes], ensure_ascii=False),
    }
    archive.writer.update("revisions", after.revision, row)
