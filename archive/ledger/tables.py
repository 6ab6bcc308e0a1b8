"""The tables of the ledger: what sources list and the archive holds by month, and the gaps by name."""

from __future__ import annotations

from sqlite_utils import Database


def create_ledger(db: Database) -> None:
    """ledger and gaps; a gap is filled by the very transaction that keeps its release."""
    db.execute(
        "create table ledger (id integer primary key, agency text not null references agencies(slug), month text,"
        " source text, kind text, listed integer not null, held integer not null, refused integer not null,"
        " missing integer not null, delisted integer, whole integer not null, problem text, checked text not null)"
    )
    db.execute("create index idx_ledger_agency on ledger (agency, source, month)")
    db.execute("create index idx_ledger_all on ledger (agency) where source is null")
    db.execute(
        "create table gaps (url text primary key, agency text not null references agencies(slug), source text not null,"
        " month text, listed text, state text not null, first_missed text not null, last_missed text not null,"
        " filled text)"
    )
    db.execute("create index idx_gaps_agency on gaps (agency, state, first_missed)")
    db.execute(
        """
        create trigger gaps_filled after update of release on frontier
        when new.release is not null and old.release is null begin
          update gaps set state = 'filled', filled = new.fetched where url = new.url and filled is null;
        end
        """
    )
