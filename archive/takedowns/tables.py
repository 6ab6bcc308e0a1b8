"""The tables of takedowns: the public log, and the marks on what is taken down (SQL of a migration)."""

from __future__ import annotations

from sqlite_utils import Database

from archive.search.listed import leave_out_hidden


def create_takedowns(db: Database) -> None:
    """The log; which releases and revisions it covers; and a hidden release leaves every list."""
    db.execute(
        "create table takedowns (id integer primary key, release integer not null references releases(id),"
        " kind text not null, reason text not null, reason_en text, at text not null, lifted text, lifted_reason text)"
    )
    db.execute("create index idx_takedowns_release on takedowns (release)")
    # by SQL: sqlite-utils makes a foreign key by copying the table, which costs it its triggers
    db.execute("alter table releases add column withheld text")
    db.execute("create index idx_releases_withheld on releases (withheld) where withheld is not null")
    db.execute("alter table revisions add column withheld integer references takedowns(id)")
    db.execute("create index idx_revisions_withheld on revisions (withheld) where withheld is not null")
    leave_out_hidden(db)
