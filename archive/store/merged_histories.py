"""Finds the new URL of a missing release, and merges the histories of a release with two URLs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from archive.changes.comparison import compare
from archive.search.near_duplicates import join_state_text
from archive.store.releases import link_to_previous
from archive.store.takedowns import copy_takedowns

if TYPE_CHECKING:
    from archive.store.releases import Archive, StoredRelease


def find_adjoining_states(
    archive: Archive, release_id: int, target_id: int
) -> tuple[StoredRelease, StoredRelease] | None:
    """Return a release's last state and the target's first state, if the latter follows the former.

    Returns None if the target is older, or if both releases existed at the same time, because the
    difference is then not an edit. Also returns None if the archive has not read both releases
    itself.
    """
    before, after = archive.get_latest(release_id), archive.get_first(target_id)
    if not before or not after or before.revision_id > after.revision_id:
        return None
    if before.cause == "import" or after.cause != "first":
        return None
    if after.added < before.last_checked:
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
    """Merge a release into `target_id`.

    If the target's first state follows the release's last state (find_adjoining_states), the two
    states are linked. If they also differ and `cause` is `source`, the difference is stored as an
    edit.
    """
    states = find_adjoining_states(archive, release_id, target_id)
    archive.removals.mark_merged(release_id, seen_at, url, target_id, status=status)
    if states:
        before, after = states
        has_changes = bool(compare(before.state, after.state).changes)
        row = link_to_previous(before, after.state)
        row["cause"] = "source" if cause == "source" and has_changes else "first"
        archive.writer.update("revisions", after.revision_id, row)
        archive.derived.refresh(target_id)
    for key in (release_id, target_id):  # what is current has changed
        archive.derived.index.index_versions_of(key)
    copy_takedowns(archive, release_id, target_id)


def find_moved_copy(
    archive: Archive, release_id: int, *, min_similarity: float
) -> tuple[int, str] | None:
    """Find a current release of the same agency with nearly the same text as a missing release.

    Returns the id and the URL of the found release. It must have been added after the last check of
    the missing release, or have the same publication date. Returns None if there is no such
    release.
    """
    sql = "select agency, coalesce(last_checked, added), published from releases where id = ?"
    agency, last_checked, published = archive.db.execute(sql, [release_id]).fetchone()
    stored = archive.get_latest(release_id)  # includes taken-down text
    if stored is None:
        return None
    for other_id, similarity in archive.derived.near_duplicates.find_same_text(
        join_state_text(stored.state), agency
    ):
        # added after the last check of the missing one, or with the same publication date
        row = archive.db.execute(
            "select id, url from releases o where id = ? and id"
            " <> ? and (added >= ? or published = ?)"
            " and removed_at is null and moved_to is null and not exists (select 1 from removals"
            " where release = o.id and ended is null and kind <> 'moved')",
            [other_id, release_id, last_checked, published],
        ).fetchone()
        if row and similarity >= min_similarity:
            return row[0], row[1]
    return None
