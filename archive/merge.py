"""Where a vanished release stands now, and the joining of the histories of one that stood at two addresses."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from archive.diff import compare
from archive.duplicates import join_text_fields
from archive.store import build_change_columns
from archive.takedowns import copy_takedowns

if TYPE_CHECKING:
    from archive.store import Archive, StoredRelease


def find_adjoining_states(
    archive: Archive, release_id: int, target_id: int
) -> tuple[StoredRelease, StoredRelease] | None:
    """The last state of `release` and the first of `to`, where the latter follows it.

    None where `to` is the older, or stood beside `release`: what differs between the two was no edit then.
    """
    before, after = archive.get_latest(release_id), archive.get_first(target_id)
    if not before or not after or before.revision > after.revision or after.cause != "first":
        return None
    if archive.get_dates(target_id)[0] < archive.get_last_checked(release_id):
        return None
    return before, after


def merge_releases(
    archive: Archive,
    release_id: int,
    target_id: int,
    seen_at: datetime,
    url: str,
    *,
    cause: str,
    status: int | None = None,
) -> None:
    """`release` is found to stand at `url` as `to`: what `to` was first read as follows what `release` was last.

    Where something differs and `cause` is `source`, that was an edit, and is told as one.
    """
    ends = find_adjoining_states(archive, release_id, target_id)
    archive.removals.mark_merged(release_id, seen_at, url, target_id, status=status)
    if ends:
        before, after = ends
        told = compare(before.state, after.state)
        row = {
            "previous": before.revision,
            "cause": "source" if cause == "source" and told.changes else "first",
            "update_date_changed": int(before.state["updated"] != after.state["updated"]),
            "importance": told.importance,
            **build_change_columns(told),
        }
        archive.writer.update("revisions", after.revision, row)
    copy_takedowns(archive, release_id, target_id)


def find_moved_copy(archive: Archive, release_id: int, *, min_similarity: float) -> tuple[int, str] | None:
    """The release that says what a vanished one said: its id and address. None where there is none.

    It is of the same agency, stands, and was first seen no sooner than the vanished one stood last, or is
    dated the same.
    """
    agency, last_checked, published = archive.db.execute(
        "select agency, last_checked, published from releases where id = ?", [release_id]
    ).fetchone()
    held = archive.get_latest(release_id)  # as it stood: what is shown of it may be less (archive.takedowns)
    parts = [held.state[name] for name in ("title", "lead", "body")] if held else []
    for other, alike in (
        archive.writer.near_duplicates.find_same_text(join_text_fields(*parts), agency) if parts else ()
    ):
        row = archive.db.execute(
            "select id, url from releases o where id = ? and id <> ? and (first_seen >= ? or published = ?)"
            " and removed_at is null and moved_to is null and not exists (select 1 from removals"
            " where release = o.id and ended is null and kind <> 'moved')",
            [other, release_id, last_checked, published],
        ).fetchone()
        if row and alike >= min_similarity:
            return row[0], row[1]
    return None
