"""What is remembered of hosts between crawls, the hosts table: their robots.txt, and how long they are left in peace.

A host is named as in its addresses, with its port where that is not the scheme's own. `robots` is what came of
asking for its robots.txt last: allowed (it was read), absent (there is none) or unreachable (a server's fault, or
no answer: it forbids, RFC 9309, 2.3.1.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlite_utils import Database

from archive.times import to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A host is left in peace until a moment (ISO 8601, UTC), and why."""

    host: str
    until: str
    reason: str


class Hosts:
    """The hosts table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def robots_read(self, host: str, state: str, seen: datetime, text: str | None = None) -> None:
        """robots.txt was answered: `allowed` with its text, or `absent`."""
        self.db.execute(
            "insert into hosts (host, robots, robots_since, robots_text, robots_seen) values"
            " (:host, :state, :seen, :text, :seen) on conflict (host) do update set robots_text = :text,"
            " robots_since = case when robots is :state then robots_since else :seen end,"
            " robots = :state, robots_seen = :seen",
            {"host": host, "state": state, "text": text, "seen": to_text(seen)},
        )

    def robots_unreachable(self, host: str, seen: datetime) -> tuple[datetime, str | None]:
        """robots.txt could not be read: since when that is so, and the text that was read last, if any."""
        self.db.execute(
            "insert into hosts (host, robots, robots_since) values (:host, 'unreachable', :seen)"
            " on conflict (host) do update set robots_since ="
            " case when robots is 'unreachable' then robots_since else :seen end, robots = 'unreachable'",
            {"host": host, "seen": to_text(seen)},
        )
        since, text = self.db.execute("select robots_since, robots_text from hosts where host = ?", [host]).fetchone()
        return datetime.fromisoformat(since), text

    def pauses(self, now: datetime) -> dict[str, Pause]:
        """The hosts that are to be left in peace at a moment."""
        rows = self.db.execute(
            "select host, paused_until, pause_reason from hosts where paused_until > ?", [to_text(now)]
        )
        return {host: Pause(host=host, until=until, reason=reason) for host, until, reason in rows}

    def pause(
        self,
        host: str,
        now: datetime,
        reason: str,
        *,
        first: timedelta,
        longest: timedelta,
        asked: timedelta | None = None,
    ) -> Pause:
        """Leave a host in peace: `first`, doubled at each further pause without an answer in between, `longest` at
        most; or for as long as it has asked for itself, if that is more."""
        row = self.db.execute("select pauses from hosts where host = ?", [host]).fetchone()
        before = row[0] if row else 0
        wait = min(max(first * 2 ** min(before, 20), asked or first), longest)
        told = Pause(host=host, until=to_text(now + wait) or "", reason=reason)
        self.db.execute(
            "insert into hosts (host, paused_until, pause_reason, pauses) values (?, ?, ?, 1) on conflict (host) do"
            " update set paused_until = excluded.paused_until, pause_reason = excluded.pause_reason,"
            " pauses = pauses + 1",
            [host, told.until, reason],
        )
        return told

    def mark_paused(self, reasons: dict[str, str | None]) -> None:
        """Why an operator has paused these agencies; None: they are not."""
        for slug, reason in reasons.items():
            self.db.execute(
                "update agencies set paused = :reason where slug = :slug and paused is not :reason",
                {"slug": slug, "reason": reason},
            )

    def relieve(self, host: str) -> None:
        """A host answers again: its next pause, if any, is a short one."""
        self.db.execute(
            "update hosts set paused_until = null, pause_reason = null, pauses = 0 where host = ? and pauses > 0",
            [host],
        )


def create_hosts(db: Database) -> None:
    """The table, and whether an operator has paused an agency."""
    db.execute(
        "create table hosts (host text primary key, robots text, robots_since text, robots_seen text,"
        " robots_text text, paused_until text, pause_reason text, pauses integer not null default 0)"
    )
    db.execute("alter table agencies add column paused text")
