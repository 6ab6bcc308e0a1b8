"""Which agencies' rounds are out with workers on other machines, the errands table: one row an agency, its newest.

`token` is the number of the lease a worker holds on the agency, ever higher; `applied` is the last of its messages that
stands in the archive. Both are written in the transaction that does what a message says, so that a message that comes
twice, or from a worker whose lease has passed to another, changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from archive.times import to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One agency's round as a worker has it."""

    agency: str
    token: int
    applied: int
    crawl: int | None  # the row in crawls of the pass that goes on
    tally: str | None  # what that pass has come to so far, as JSON
    ended: str | None


JOB_COLUMNS = ", ".join(Errand.__dataclass_fields__)


class Errands:
    """The errands table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def get(self, agency: str) -> Errand | None:
        """An agency's newest errand."""
        return next(iter(self._find("agency = ?", agency)), None)

    def out(self) -> list[Errand]:
        """Those that have not ended."""
        return self._find("ended is ?", None)

    def begin(self, agency: str, token: int, at: datetime, applied: int) -> None:
        """An agency's round is handed out; what an older token sends from now on is of no effect."""
        self.db.execute(
            "insert or replace into errands (agency, token, begun, applied) values (?, ?, ?, ?)",
            [agency, token, to_text(at), applied],
        )

    def note(self, agency: str, applied: int, *, crawl: int | None, tally: str | None) -> None:
        """A message has been applied."""
        self.db.execute(
            "update errands set applied = ?, crawl = ?, tally = ? where agency = ?", [applied, crawl, tally, agency]
        )

    def end(self, agency: str, at: datetime) -> None:
        """The round has come to its end."""
        self.db.execute("update errands set ended = ?, tally = null where agency = ?", [to_text(at), agency])

    def _find(self, condition: str, value: object) -> list[Errand]:
        rows = self.db.execute(f"select {JOB_COLUMNS} from errands where {condition} order by agency", [value])
        return [Errand(**dict(zip(Errand.__dataclass_fields__, row, strict=True))) for row in rows.fetchall()]


def create_errands(db: Database) -> None:
    """The table."""
    db.execute(
        "create table errands (agency text primary key references agencies(slug), token integer not null,"
        " begun text not null, ended text, applied integer not null, crawl integer references crawls(id), tally text)"
    )
    db.execute("create index idx_errands_crawl on errands (crawl)")
