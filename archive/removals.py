"""The removals table: one row for each time a release was missing from its URL.

`kind` is what was found instead, by the last check:

    gone        404 or 410                            redirected  to the front page, a listing or another text
    error page  200, but the page says "not found"    replaced    200, with a completely different text
    moved       the same text is at another URL

A removal is `confirmed` once several checks over at least a day agreed; until then it may still pass. Outages, block
pages and pages forbidden by robots.txt are never stored here, and if the same kind of thing replaces many of an
agency's releases at once, none of them is confirmed. `ended` is when the release was found again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlite_utils import Database

from archive.dates import to_iso

# Confirming a removal
MIN_CHECKS = 3
MIN_SPAN = timedelta(days=1)
UNCONFIRMED_RECHECK = timedelta(hours=8)  # until the next check of an unconfirmed removal
CONFIRMED_RECHECK = timedelta(days=7)  # of a confirmed one

# Outages: so many releases, and such a share of those checked since, are no removals
OUTAGE_KINDS = ("error page", "redirected", "replaced")  # as one page in front of a whole site looks like
MIN_OUTAGE_RELEASES = 3
MIN_OUTAGE_SHARE = 0.3

OPEN_REMOVAL_SQL = "release = ? and ended is null and kind <> 'moved'"


class Removals:
    """The removals table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def mark_missing(
        self,
        release_id: int,
        seen_at: datetime,
        kind: str,
        *,
        status: int | None = None,
        target: str | None = None,
        capture_id: int | None = None,
    ) -> bool:
        """Store that a release was not at its URL; return whether its removal is confirmed."""
        moment = to_iso(seen_at)
        row = self.db.execute(
            f"select id, first_seen, checks, confirmed from removals where {OPEN_REMOVAL_SQL}", [release_id]
        ).fetchone()
        if row is None:
            self.db.execute(
                "insert into removals (release, kind, first_seen, last_seen, checks, status, target, capture)"
                " values (?, ?, ?, ?, 1, ?, ?, ?)",
                [release_id, kind, moment, moment, status, target, capture_id],
            )
            confirmed = False
        else:
            removal_id, first_seen, checks, confirmed_at = row
            agreed = checks + 1 >= MIN_CHECKS and seen_at - datetime.fromisoformat(first_seen) >= MIN_SPAN
            confirmed = confirmed_at is not None or (
                agreed and not (kind in OUTAGE_KINDS and self._is_outage(release_id, first_seen))
            )
            self.db.execute(
                "update removals set kind = ?, last_seen = ?, checks = checks + 1, status = ?, target = ?,"
                " capture = coalesce(capture, ?), confirmed = coalesce(confirmed, ?) where id = ?",
                [kind, moment, status, target, capture_id, moment if confirmed else None, removal_id],
            )
        self.db.execute(
            "update releases set next_check = ?, removed_at = case when ? then coalesce(removed_at, ?) end"
            " where id = ?",
            [
                to_iso(seen_at + (CONFIRMED_RECHECK if confirmed else UNCONFIRMED_RECHECK)),
                confirmed,
                moment,
                release_id,
            ],
        )
        return confirmed

    def _is_outage(self, release_id: int, since: str) -> bool:
        """Return whether many of an agency's releases went missing at once, as behind a block page or a login."""
        missing, present = self.db.execute(
            "select (select count(*) from removals o join releases r on r.id = o.release where r.agency = a.agency"
            f" and o.ended is null and o.confirmed is null and o.kind in ({', '.join('?' * len(OUTAGE_KINDS))})),"
            " (select count(*) from releases r where r.agency = a.agency and r.last_checked > ?)"
            " from releases a where a.id = ?",
            [*OUTAGE_KINDS, since, release_id],
        ).fetchone()
        return bool(missing >= MIN_OUTAGE_RELEASES and missing >= MIN_OUTAGE_SHARE * (missing + present))

    def is_missing(self, release_id: int) -> bool:
        """Return whether the last check did not find the release, confirmed or not."""
        row = self.db.execute(f"select 1 from removals where {OPEN_REMOVAL_SQL}", [release_id]).fetchone()
        return row is not None

    def is_current(self, release_id: int) -> bool:
        """Return whether a release is neither removed nor moved to another one."""
        row = self.db.execute(
            "select 1 from releases where id = ? and removed_at is null and moved_to is null", [release_id]
        ).fetchone()
        return row is not None

    def is_replacement_shared(self, release_id: int, target: str | None) -> bool:
        """Return whether the same text replaced another release of the same agency, too."""
        row = self.db.execute(
            "select 1 from removals o join releases r on r.id = o.release where o.release <> :release"
            " and o.kind = 'replaced' and o.target is :target and o.ended is null"
            " and r.agency = (select agency from releases where id = :release) limit 1",
            {"release": release_id, "target": target},
        ).fetchone()
        return row is not None

    def discard(self, release_id: int) -> None:
        """Delete an open removal, because the release was never missing."""
        self.db.execute(f"delete from removals where {OPEN_REMOVAL_SQL}", [release_id])
        self.db.execute("update releases set removed_at = null where id = ?", [release_id])

    def mark_present(self, release_id: int, seen_at: datetime) -> None:
        """End an open removal, because the release was found at its URL."""
        ended = self.db.execute(
            f"update removals set ended = ? where {OPEN_REMOVAL_SQL}",
            [to_iso(seen_at), release_id],
        ).rowcount
        if ended:
            self.db.execute("update releases set removed_at = null where id = ?", [release_id])

    def mark_moved(self, release_id: int, seen_at: datetime, url: str, *, status: int | None = None) -> None:
        """Store that a release moved to another URL, which becomes its own."""
        self.db.execute("update releases set url = ? where id = ?", [url, release_id])
        self._insert_move(release_id, seen_at, url, release_id, status)

    def mark_merged(
        self, release_id: int, seen_at: datetime, url: str, target_id: int, *, status: int | None = None
    ) -> None:
        """Store that a release moved to the URL of another stored release, and merge the two histories."""
        self.db.execute("update releases set moved_to = null where id = ?", [target_id])  # it may have moved back
        self.db.execute("update releases set moved_to = ?, next_check = null where id = ?", [target_id, release_id])
        self._insert_move(release_id, seen_at, url, target_id, status)

    def give_up_url(self, release_id: int, url: str) -> None:
        """Give up a release's URL, which belongs to another page; its own, `url`, is that of another release."""
        self.db.execute("update releases set url = ? where id = ?", [f"{url}#{release_id}", release_id])

    def _insert_move(self, release_id: int, seen_at: datetime, url: str, target_id: int, status: int | None) -> None:
        moment = to_iso(seen_at)
        # what was confirmed as a removal was the move
        self.db.execute(f"update removals set confirmed = null where {OPEN_REMOVAL_SQL}", [release_id])
        self.mark_present(release_id, seen_at)
        self.db.execute(
            "insert into removals (release, kind, first_seen, last_seen, checks, confirmed, status, target, moved_to)"
            " values (?, 'moved', ?, ?, 1, ?, ?, ?, ?)",
            [release_id, moment, moment, moment, status, url, target_id],
        )
