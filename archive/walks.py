"""Where a long walk through a listing was broken off, so that the next one goes on there: the walks table.

A listing whose older pages were left for later is read from both ends of the gap: first from its beginning, down to
what was found before the walk was cut; then on from the page the walk had come to. Only then was its pass a whole one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from archive.times import to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A listing's cursor."""

    listing: str  # its first page
    following: str  # the page to go on with
    page: int  # which page of the listing that is
    cut: str  # when the walk was broken off; what was found by then is known


class Walks:
    """The walks table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def get(self, listing: str) -> Walk | None:
        """Where to go on with a listing; None where its last walk came to its end."""
        row = self.db.execute("select listing, following, page, cut from walks where listing = ?", [listing]).fetchone()
        return Walk(listing=row[0], following=row[1], page=row[2], cut=row[3]) if row else None

    def cut(self, listing: str, *, agency: str, following: str, page: int, at: datetime) -> None:
        """Break a walk off before a page."""
        self.db.execute(
            "insert or replace into walks (listing, agency, following, page, cut) values (?, ?, ?, ?, ?)",
            [listing, agency, following, page, to_text(at)],
        )

    def end(self, listing: str) -> None:
        """A listing's walk has come to its end, or must begin anew."""
        self.db.execute("delete from walks where listing = ?", [listing])

    def keep(self, agency: str, listings: Collection[str]) -> None:
        """End an agency's walks through listings that are none of these."""
        rows = self.db.execute("select listing from walks where agency = ?", [agency]).fetchall()
        for (listing,) in rows:
            if listing not in listings:
                self.end(listing)


def create_walks(db: Database) -> None:
    """The table."""
    db.execute(
        "create table walks (listing text primary key, agency text not null references agencies(slug),"
        " following text not null, page integer not null, cut text not null)"
    )
    db.execute("create index idx_walks_agency on walks (agency)")
