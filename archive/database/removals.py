"""The removals table: one row for each time a release was missing from its URL.

`kind` is what the last check found instead:

    gone        404 or 410
    error page  200, but the page says "not found"
    moved       the same text at another URL
    redirected  a redirect to the front page, a listing or another text
    replaced    200, with a completely different text

A removal is `confirmed` once several checks over at least a day agree. Until then, the absence may
be temporary. Outages, block pages and pages forbidden by robots.txt are never stored here. `ended`
is the time at which the release was found again.

If many of an agency's pages go missing in the same way, this is a `Collapse`, which is more likely
to be a fault of the site than many removals. During a collapse, removals are not confirmed at
first. If the pages stay missing, the removals are confirmed later, so that a real clean-up is
reported. The rules depend on the type:

    404, 410     The server reports each URL as missing. This is a collapse only if hardly any other
                 page of the agency responds (WHOLE_SITE_SHARE). The removals are confirmed after
                 COLLAPSE_LIMIT.
    other types  All URLs respond with status 200 or a redirect, for example to one placeholder,
                 login or front page. This is a collapse if at least MANY_PAGES_SHARE of the checked
                 pages respond in this way. The removals are confirmed after COLLAPSE_LIMIT,
                 but never while hardly any other page of the agency still shows its release.

When a release goes missing, or a source suddenly shows something other than a list, a few other
releases of the agency become due, so that there are pages to compare with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from archive.times import to_iso

# Confirming a removal
MIN_CHECKS = 3
MIN_SPAN = timedelta(days=1)
UNCONFIRMED_RECHECK = timedelta(hours=8)  # until the next check of an unconfirmed removal
# the same after MIN_CHECKS, while waiting for a collapse to end
COLLAPSE_RECHECK = timedelta(days=1)
CONFIRMED_RECHECK = timedelta(days=7)  # until the next check of a confirmed removal

# Collapses
REMOVAL_KINDS = ("gone", "error page", "redirected", "replaced", "moved")
# the kinds in the second group suggest one page for all URLs
COLLAPSE_KINDS = (("gone",), ("error page", "redirected", "replaced"))
MIN_SHARED_PAGES = 2  # pages with the same title in place of releases, to count as a placeholder
MIN_COLLAPSED_PAGES = 3  # enough for a collapse; if an agency has only two releases, both
MANY_PAGES_SHARE = 0.3  # share of the pages that were checked since the first one went missing
WHOLE_SITE_SHARE = 0.9
COLLAPSE_LIMIT = timedelta(days=30)
COMPARED_PAGES = 5  # other pages of the agency that are checked together with one that goes missing
COMPARISON_AGE = timedelta(hours=1)  # older checks do not count as made together

OPEN_REMOVAL_SQL = "release = ? and ended is null and kind <> 'moved'"
MISSING_PAGES_SQL = """
    select o.kind, o.target, o.first_seen, o.last_seen, r.url from removals o join releases r
      on r.id = o.release
    where r.agency = ? and o.ended is null and o.confirmed is null and o.kind <> 'moved'
      order by o.last_seen, o.id
"""
COUNT_PRESENT_SQL = """
    select count(*) from releases r where r.agency = ? and r.last_checked >= ?
      and r.removed_at is null
    and r.moved_to is null
    and not exists (select 1 from removals o where o.release = r.id and o.ended is null
      and o.kind <> 'moved')
"""
# Pages that were checked or found in the last hour are left out; of the others, the newest most
# likely still exist.
COMPARED_PAGES_SQL = """
    update releases set next_check = :now where id in (
      select id from releases r where agency = :agency and id <> :release and removed_at is null
        and moved_to is null
        and (last_checked is null or last_checked < :before) and first_seen < :hour_ago
        and not exists (select 1 from removals where release = r.id and ended is null
          and kind <> 'moved')
      order by id desc limit max(0, :number
        - (select count(*) from releases where agency = :agency and id <> :release
          and last_checked >= :before)
        - (select count(*) from removals o join releases m on m.id = o.release
          where m.agency = :agency
           and o.release <> :release and o.ended is null and o.last_seen >= :before)))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collapse:
    """Many pages of an agency that went missing in the same way, and whose removals are not
    confirmed yet.
    """

    kind: str  # the most common kind of removal among them
    shown: str | None  # title or URL of the response, if most of them share it
    example_url: str  # URL of one of the pages
    missing: int
    checked: int  # pages checked since the first one went missing, including missing ones
    first_seen: str  # ISO 8601
    last_seen: str

    @property
    def share(self) -> float:
        return self.missing / self.checked


def find_collapse(db: Database, agency: str, kind: str | None = None) -> Collapse | None:
    """Return an agency's largest collapse, or None if it has none.

    kind: consider only collapses that would include a removal of this type.
    """
    rows = db.execute(MISSING_PAGES_SQL, [agency]).fetchall()
    groups = [kinds for kinds in COLLAPSE_KINDS if kind is None or kind in kinds]
    found = [
        _build_collapse(db, agency, [row for row in rows if row[0] in kinds]) for kinds in groups
    ]
    return max(filter(None, found), key=lambda collapse: collapse.missing, default=None)


def _build_collapse(db: Database, agency: str, rows: Sequence[tuple[Any, ...]]) -> Collapse | None:
    """Build a collapse from rows of MISSING_PAGES_SQL.

    Returns None if too few of the checked pages are missing.
    """
    (releases,) = db.execute("select count(*) from releases where agency = ?", [agency]).fetchone()
    if len(rows) < max(MIN_SHARED_PAGES, min(MIN_COLLAPSED_PAGES, releases)):
        return None
    first_seen = min(row[2] for row in rows)
    (present,) = db.execute(COUNT_PRESENT_SQL, [agency, first_seen]).fetchone()
    kind, _ = Counter(row[0] for row in rows).most_common(1)[0]
    shown, shown_count = Counter(row[1] for row in rows if row[0] == kind).most_common(1)[0]
    collapse = Collapse(
        kind=kind,
        shown=shown if 2 * shown_count > len(rows) else None,
        example_url=rows[-1][4],
        missing=len(rows),
        checked=len(rows) + present,
        first_seen=first_seen,
        last_seen=rows[-1][3],
    )
    return (
        collapse
        if collapse.share >= (WHOLE_SITE_SHARE if kind == "gone" else MANY_PAGES_SHARE)
        else None
    )


class Removals:
    """The removals table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.table, self.releases = db.table("removals"), db.table("releases")

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
        """Record that a release was missing from its URL.

        Returns whether its removal is confirmed.
        """
        moment, agency = to_iso(seen_at), self.releases.get(release_id)["agency"]
        found = {"kind": kind, "last_seen": moment, "status": status, "target": target}
        row = next(self.table.rows_where(OPEN_REMOVAL_SQL, [release_id]), None)
        if row is None:
            first = {
                "release": release_id,
                "first_seen": moment,
                "checks": 1,
                "capture": capture_id,
            }
            self.table.insert({**found, **first})
            self.schedule_comparison(agency, seen_at, release_id)
            confirmed, recheck = False, UNCONFIRMED_RECHECK
        else:
            found["capture"] = row["capture"] or capture_id
            confirmed, recheck = self._record_check(row, found, agency, seen_at)
        self.db.execute(
            "update releases set next_check = ?,"
            " removed_at = case when ? then"
            " coalesce(removed_at, ?) end where id = ?",
            [to_iso(seen_at + recheck), confirmed, moment, release_id],
        )
        return confirmed

    def _record_check(
        self, row: dict[str, Any], found: dict[str, Any], agency: str, seen_at: datetime
    ) -> tuple[bool, timedelta]:
        """Store a further check of an open removal.

        Returns whether the removal is confirmed, and the time until the next check.
        """
        # a wrong clock may have dated it later
        first_seen = min(row["first_seen"], found["last_seen"])
        checks, span = row["checks"] + 1, seen_at - datetime.fromisoformat(first_seen)
        self.table.update(row["id"], {**found, "first_seen": first_seen, "checks": checks})
        if row["confirmed"] is not None:
            return True, CONFIRMED_RECHECK
        if checks < MIN_CHECKS or span < MIN_SPAN:
            return False, UNCONFIRMED_RECHECK
        kind = found["kind"]
        collapse = find_collapse(self.db, agency, kind)
        is_whole_site = collapse and kind != "gone" and collapse.share >= WHOLE_SITE_SHARE
        if collapse and (span < COLLAPSE_LIMIT or is_whole_site):
            return False, COLLAPSE_RECHECK
        self.table.update(row["id"], {"confirmed": found["last_seen"]})
        return True, CONFIRMED_RECHECK

    def schedule_comparison(
        self, agency: str, seen_at: datetime, release_id: int | None = None
    ) -> None:
        """Make a few releases of an agency due, unless enough releases are already being checked.

        Checks made before the first page went missing do not count, because the site was different
        then.

        release_id: the missing release with which the other releases are compared, or None if a
            source stopped showing a list.
        """
        first_missed = min(
            (row[2] for row in self.db.execute(MISSING_PAGES_SQL, [agency])), default=""
        )
        self.db.execute(
            COMPARED_PAGES_SQL,
            {
                "agency": agency,
                "release": release_id or 0,
                "now": to_iso(seen_at),
                "before": max(str(to_iso(seen_at - COMPARISON_AGE)), first_missed),
                "hour_ago": to_iso(seen_at - COMPARISON_AGE),
                "number": COMPARED_PAGES,
            },
        )

    def is_missing(self, release_id: int) -> bool:
        """Return whether the last check did not find the release.

        It does not matter whether the removal is confirmed.
        """
        return self.table.count_where(OPEN_REMOVAL_SQL, [release_id]) > 0

    def is_current(self, release_id: int) -> bool:
        """Return whether a release is neither removed nor merged into another one."""
        return (
            self.releases.count_where(
                "id = ? and removed_at is null and moved_to is null", [release_id]
            )
            > 0
        )

    def is_replacement_shared(self, release_id: int, target: str | None) -> bool:
        """Return whether a page with the title `target` also replaced another release of the same
        agency.
        """
        row = self.db.execute(
            "select 1 from removals o join releases r on r.id ="
            " o.release where o.release <> :release"
            " and o.kind = 'replaced' and o.target is :target and o.ended is null"
            " and r.agency = (select agency from releases where id = :release) limit 1",
            {"release": release_id, "target": target},
        ).fetchone()
        return row is not None

    def is_placeholder(self, agency: str, title: str | None) -> bool:
        """Return whether a page with this title replaced several releases of an agency.

        Only unconfirmed removals count.
        """
        (count,) = self.db.execute(
            "select count(*) from removals o join releases r on r.id = o.release"
            " where r.agency = ? and o.kind = 'replaced' and o.target = ? and o.confirmed is null"
            " and o.ended is null",
            [agency, title],
        ).fetchone()
        return bool(count >= MIN_SHARED_PAGES)

    def discard(self, release_id: int) -> None:
        """Delete an open removal, because the release was never missing."""
        self.table.delete_where(OPEN_REMOVAL_SQL, [release_id])
        self.releases.update(release_id, {"removed_at": None})

    def discard_begun_at(self, release_id: int, seen_at: datetime) -> None:
        """Undo the check at `seen_at`, which by mistake began a removal although it found the
        release.

        The removal is deleted if this was its only check. Otherwise, the removal's next check with
        a known time becomes its first check.
        """
        condition, values = (
            "release = ? and first_seen = ? and kind <> 'moved'",
            [release_id, to_iso(seen_at)],
        )
        for row in list(self.table.rows_where(condition, values)):
            later = [
                moment
                for moment in (row["confirmed"], row["last_seen"])
                if moment and moment > row["first_seen"]
            ]
            if later:  # the capture is that of the response
                changes = {"first_seen": min(later), "checks": row["checks"] - 1, "capture": None}
                self.table.update(row["id"], changes)
                continue
            self.table.delete(row["id"])
            if row["ended"] is None:
                self.releases.update(release_id, {"removed_at": None})

    def mark_present(self, release_id: int, seen_at: datetime) -> None:
        """End an open removal, because the release was found at its URL."""
        sql = f"update removals set ended = ? where {OPEN_REMOVAL_SQL}"
        if self.db.execute(sql, [to_iso(seen_at), release_id]).rowcount:
            self.releases.update(release_id, {"removed_at": None})

    def mark_moved(
        self, release_id: int, seen_at: datetime, url: str, *, status: int | None = None
    ) -> None:
        """Record that a release moved to another URL, and store this URL as the release's own."""
        self.releases.update(release_id, {"url": url})
        self._insert_move(release_id, seen_at, url, release_id, status)

    def mark_merged(
        self,
        release_id: int,
        seen_at: datetime,
        url: str,
        target_id: int,
        *,
        status: int | None = None,
    ) -> None:
        """Record that a release moved to the URL of another release, and merge their histories."""
        self.releases.update(target_id, {"moved_to": None})  # the release may have moved back
        self.releases.update(release_id, {"moved_to": target_id, "next_check": None})
        self._insert_move(release_id, seen_at, url, target_id, status)

    def give_up_url(self, release_id: int, url: str) -> None:
        """Give a release an artificial URL.

        This is needed if its own URL and `url` both belong to other releases.
        """
        self.releases.update(release_id, {"url": f"{url}#{release_id}"})

    def _insert_move(
        self, release_id: int, seen_at: datetime, url: str, target_id: int, status: int | None
    ) -> None:
        moment = to_iso(seen_at)
        # the confirmed removal was really the move
        self.db.execute(
            f"update removals set confirmed = null where {OPEN_REMOVAL_SQL}", [release_id]
        )
        self.mark_present(release_id, seen_at)
        times = {"first_seen": moment, "last_seen": moment, "confirmed": moment, "checks": 1}
        moved = {"kind": "moved", "status": status, "target": url, "moved_to": target_id}
        self.table.insert({"release": release_id, **times, **moved})


def fill_continues_as(db: Database) -> None:
    """Recompute where each chain of moves ends (releases.continues_as)."""
    db.execute("update releases set continues_as = null where continues_as is not null")
    db.execute(
        "with recursive chain(id, last) as ("
        " select m.moved_to, m.moved_to from releases m left join releases t on t.id = m.moved_to"
        " where m.moved_to is not null and t.moved_to is null"
        " union select r.id, chain.last from releases r join chain on r.moved_to = chain.id)"
        " update releases set continues_as = chain.last from chain"
        " where chain.id = releases.id and releases.moved_to is not null"
    )
