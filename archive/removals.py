"""What is no longer where it stood: the removals table, one row a time a release was away.

`kind` says what was seen in its place, by the last check:

    gone        404 or 410                            redirected  led to the front page, a listing or another text
    error page  200, but the page says "not found"    replaced    200, with an altogether other text
    moved       the same text stands at another address

A removal is `confirmed` once several checks over at least a day agreed; until then it is a doubt that may
pass. An outage, a block page or robots.txt's no never comes here, and where something stands in the place of
many of an agency's releases at once, none of them is confirmed. `ended` is when the release stood again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlite_utils import Database

from archive.dates import to_iso

MIN_CHECKS = 3  # as many must agree before a removal is told
MIN_SPAN = timedelta(days=1)  # over at least this long
OUTAGE_KINDS = ("error page", "redirected", "replaced")  # what one page in front of a whole site looks like
MIN_OUTAGE_RELEASES, MIN_OUTAGE_SHARE = (
    3,
    0.3,
)  # so many releases, and such a share of those looked at since, are no removals but an outage
UNCONFIRMED_RECHECK = timedelta(hours=8)  # until the next check of one that is not confirmed
CONFIRMED_RECHECK = timedelta(days=7)  # and of one that is


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
        """The release did not stand at its address; True where that is confirmed by this check or was before."""
        moment = to_iso(seen_at)
        row = self.db.execute(
            "select id, first_seen, checks, confirmed from removals where release = ? and ended is null"
            " and kind <> 'moved'",
            [release_id],
        ).fetchone()
        if row is None:
            self.db.execute(
                "insert into removals (release, kind, first_seen, last_seen, checks, status, target, capture)"
                " values (?, ?, ?, ?, 1, ?, ?, ?)",
                [release_id, kind, moment, moment, status, target, capture_id],
            )
            confirmed = False
        else:
            key, first, checks, known = row
            agreed = checks + 1 >= MIN_CHECKS and seen_at - datetime.fromisoformat(first) >= MIN_SPAN
            confirmed = known is not None or (
                agreed and not (kind in OUTAGE_KINDS and self._is_outage(release_id, first))
            )
            self.db.execute(
                "update removals set kind = ?, last_seen = ?, checks = checks + 1, status = ?, target = ?,"
                " capture = coalesce(capture, ?), confirmed = coalesce(confirmed, ?) where id = ?",
                [kind, moment, status, target, capture_id, moment if confirmed else None, key],
            )
        self.db.execute(
            "update releases set next_check = ?, removed_at = case when ? then coalesce(removed_at, ?) end where id = ?",
            [
                to_iso(seen_at + (CONFIRMED_RECHECK if confirmed else UNCONFIRMED_RECHECK)),
                confirmed,
                moment,
                release_id,
            ],
        )
        return confirmed

    def _is_outage(self, release_id: int, since: str) -> bool:
        """Whether too many of an agency's releases went at once: a wall, a closed site, a login in front of all."""
        away, stood = self.db.execute(
            "select (select count(*) from removals o join releases r on r.id = o.release where r.agency = a.agency"
            f" and o.ended is null and o.confirmed is null and o.kind in ({', '.join('?' * len(OUTAGE_KINDS))})),"
            " (select count(*) from releases r where r.agency = a.agency and r.last_checked > ?)"
            " from releases a where a.id = ?",
            [*OUTAGE_KINDS, since, release_id],
        ).fetchone()
        return bool(away >= MIN_OUTAGE_RELEASES and away >= MIN_OUTAGE_SHARE * (away + stood))

    def is_missing(self, release_id: int) -> bool:
        """Whether the last check found the release away, confirmed or not."""
        row = self.db.execute(
            "select 1 from removals where release = ? and ended is null and kind <> 'moved'", [release_id]
        ).fetchone()
        return row is not None

    def is_current(self, release_id: int) -> bool:
        """Whether the release is neither known to be away nor to have gone on as another."""
        row = self.db.execute(
            "select 1 from releases where id = ? and removed_at is null and moved_to is null", [release_id]
        ).fetchone()
        return row is not None

    def is_replacement_shared(self, release_id: int, target: str | None) -> bool:
        """Whether the same has come to stand in the place of another release of the same agency, too."""
        row = self.db.execute(
            "select 1 from removals o join releases r on r.id = o.release where o.release <> :release"
            " and o.kind = 'replaced' and o.target is :target and o.ended is null"
            " and r.agency = (select agency from releases where id = :release) limit 1",
            {"release": release_id, "target": target},
        ).fetchone()
        return row is not None

    def discard(self, release_id: int) -> None:
        """What looked like a removal was none: its doubt is forgotten."""
        self.db.execute("delete from removals where release = ? and ended is null and kind <> 'moved'", [release_id])
        self.db.execute("update releases set removed_at = null where id = ?", [release_id])

    def mark_present(self, release_id: int, seen_at: datetime) -> None:
        """The release stands (again) where it stood."""
        ended = self.db.execute(
            "update removals set ended = ? where release = ? and ended is null and kind <> 'moved'",
            [to_iso(seen_at), release_id],
        ).rowcount
        if ended:
            self.db.execute("update releases set removed_at = null where id = ?", [release_id])

    def mark_moved(self, release_id: int, seen_at: datetime, url: str, *, status: int | None = None) -> None:
        """The release stands at another address, which becomes its own."""
        self.db.execute("update releases set url = ? where id = ?", [url, release_id])
        self._insert_move(release_id, seen_at, url, release_id, status)

    def mark_merged(
        self, release_id: int, seen_at: datetime, url: str, target_id: int, *, status: int | None = None
    ) -> None:
        """The release stands at an address under which the archive holds one already: their histories are one."""
        self.db.execute("update releases set moved_to = null where id = ?", [target_id])  # it may have moved back
        self.db.execute("update releases set moved_to = ?, next_check = null where id = ?", [target_id, release_id])
        self._insert_move(release_id, seen_at, url, target_id, status)

    def give_up_url(self, release_id: int, url: str) -> None:
        """The release was held under an address that is another page's; at its own, `url`, the archive holds one."""
        self.db.execute("update releases set url = ? where id = ?", [f"{url}#{release_id}", release_id])

    def _insert_move(self, release_id: int, seen_at: datetime, url: str, target_id: int, status: int | None) -> None:
        moment = to_iso(seen_at)
        self.db.execute(  # what was taken for a removal so far was this
            "update removals set confirmed = null where release = ? and ended is null and kind <> 'moved'", [release_id]
        )
        self.mark_present(release_id, seen_at)
        self.db.execute(
            "insert into removals (release, kind, first_seen, last_seen, checks, confirmed, status, target, moved_to)"
            " values (?, 'moved', ?, ?, 1, ?, ?, ?, ?)",
            [release_id, moment, moment, moment, status, url, target_id],
        )
