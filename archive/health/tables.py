"""The tables of health: what each crawl notes of it, what stands of each agency now, and how that changed."""

from __future__ import annotations

from sqlite_utils import Database

NOTED = (  # of each crawl, by scraper.health
    "read integer",
    "fills text",
    "faults text",
    "delay float",
    "robots text",
    "held_back integer",
)


def create_health(db: Database) -> None:
    """The columns of crawls that health is judged by, and the judgement's own tables."""
    # by SQL: sqlite-utils makes a foreign key by copying the table, which costs it its triggers
    for column in NOTED:
        db.execute(f"alter table crawls add column {column}")
    db.execute(
        "create table health (agency text primary key references agencies(slug), state text not null,"
        " since text not null, reason text not null, newest text, usual_gap float, expected text,"
        " judged text not null, acknowledged text, facts text not null)"
    )
    db.execute(
        "create table health_events (id integer primary key, agency text not null references agencies(slug),"
        " at text not null, state text not null, previous text, reason text not null)"
    )
    db.execute("create index idx_health_events_agency on health_events (agency, at)")
    db.execute("create index idx_crawls_read on crawls (agency, started) where read > 0")
