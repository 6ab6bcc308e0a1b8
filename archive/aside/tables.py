"""The table of what is held back, and how many releases a source usually lists."""

from __future__ import annotations

from sqlite_utils import Database


def create_held_back(db: Database) -> None:
    """held_back, its indexes, and the column `usual` of frontier."""
    db.execute(
        "create table held_back (id integer primary key, agency text not null references agencies(slug),"
        " crawl integer references crawls(id), url text not null, release integer references releases(id),"
        " seen text not null, state text not null, capture integer references captures(id), reason text not null,"
        " decided text, decision text)"
    )
    db.execute("create index idx_held_back_agency on held_back (agency, decided, seen)")
    db.execute("create index idx_held_back_url on held_back (url)")
    # Datasette counts what points to a row whenever it shows one
    for column in ("crawl", "release", "capture"):
        db.execute(f"create index idx_held_back_{column} on held_back ({column}) where {column} is not null")
    db.execute("alter table frontier add column usual integer")
    db.execute("update frontier set usual = links where links is not null")
