"""Where a vanished release stands now, and the joining of the histories of one that stood at two addresses."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from archive.diff import compare
from archive.duplicates import join_parts
from archive.store import tell
from archive.takedowns import follow

if TYPE_CHECKING:
    from archive.store import Archive, Held


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

    Where something differs and `cause` is `source`, that was an edit, and is told as one.
    """
    ends = find_ends(archive, release, to)
    archive.removals.joined(release, seen, url, to, status=status)
    if ends:
        before, after = ends
        told = compare(before.state, after.state)
        row = {
            "previous": before.revision,
            "cause": "source" if cause == "source" and told.changes else "first",
            "dated": int(before.state["updated"] != after.state["updated"]),
            "weight": told.weight,
            **tell(told),
        }
        archive.writer.update("revisions", after.revision, row)
    follow(archive, release, to)


def find_elsewhere(archive: Archive, release: int, *, likeness: float) -> tuple[int, str] | None:
    """The release that says what a vanished one said: its id and address. None where there is none.

    It is of the same agency, stands, and was first seen no sooner than the vanished one stood last, or is
    dated the same.
    """
    agency, last_checked, published = archive.db.execute(
        "select agency, last_checked, published from releases where id = ?", [release]
    ).fetchone()
    held = archive.last_of(release)  # as it stood: what is shown of it may be less (archive.takedowns)
    parts = [held.state[name] for name in ("title", "lead", "body")] if held else []
    for other, alike in archive.writer.joint.find_same_text(join_parts(*parts), agency) if parts else ():
        row = archive.db.execute(
            "select id, url from releases o where id = ? and id <> ? and (first_seen >= ? or published = ?)"
            " and gone is null and moved_to is null and not exists (select 1 from removals"
            " where release = o.id and ended is null and kind <> 'moved')",
            [other, release, last_checked, published],
        ).fetchone()
        if row and alike >= likeness:
            return row[0], row[1]
    return None
