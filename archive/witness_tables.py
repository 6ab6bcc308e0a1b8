"""The tables of what an edit rests on and what came of a release, and the older states' new hashes."""

from __future__ import annotations

from sqlite_utils import Database

from archive.joint import Joint
from archive.state import LISTS, STATE, read_state, state_hash


def create_witness(db: Database) -> None:
    """What an edit rests on and what came of a release: captures, checks, removals, joint texts, manifests."""
    db.table("captures").create(
        {"id": int, "url": str, "seen": str, "status": int, "headers": str, "sha256": str, "bytes": int},
        pk="id",
        not_null={"url", "seen", "status", "headers", "sha256", "bytes"},
    )
    db.table("captures").create_index(["sha256"])
    # by SQL: sqlite-utils makes a foreign key by copying the table, which costs it its triggers
    for column in (
        "capture integer references captures(id)",
        "previous integer references revisions(id)",
        "same_as integer references revisions(id)",
        "reader text",
        "summary_en text",
        "changes text",
        "last_seen text",
        "checks integer not null default 0",
    ):
        db.execute(f"alter table revisions add column {column}")
    for column in (
        "checks integer not null default 0",
        "next_check text",
        "gone text",
        "moved_to integer references releases(id)",
        "capture integer references captures(id)",
    ):
        db.execute(f"alter table releases add column {column}")
    for name in ("reread", "away", "not_modified"):
        db.execute(f"alter table crawls add column {name} integer")
    db.execute(
        "update revisions set previous = (select max(id) from revisions earlier"
        " where earlier.release = revisions.release and earlier.id < revisions.id)"
    )
    db.table("revisions").create_index(["cause", "seen", "weight", "dated", "release", "previous"])
    db.table("releases").create_index(["agency", "next_check"])
    db.table("removals").create(
        {
            "id": int,
            "release": int,
            "kind": str,
            "target": str,
            **dict.fromkeys(("first_seen", "last_seen", "confirmed", "ended"), str),
            **dict.fromkeys(("checks", "status", "moved_to", "capture"), int),
        },
        pk="id",
        not_null={"release", "kind", "first_seen", "last_seen", "checks"},
        foreign_keys=[("release", "releases", "id"), ("moved_to", "releases", "id"), ("capture", "captures", "id")],
    )
    db.table("removals").create_index(["release"])
    db.table("removals").create_index(["confirmed"])
    db.execute(
        "create table joint_bands (band integer not null, value integer not null, release integer not null,"
        " primary key (band, value, release)) without rowid"
    )
    db.execute(
        "create table joint_texts (release integer not null references releases(id), other integer not null"
        " references releases(id), similarity float not null, primary key (release, other)) without rowid"
    )
    db.execute("create index idx_joint_texts_other on joint_texts (other)")
    # Datasette counts what points to a row whenever it shows one
    for table, column in (
        *(("revisions", name) for name in ("capture", "previous", "same_as")),
        *(("removals", name) for name in ("capture", "moved_to")),
        *(("releases", name) for name in ("capture", "moved_to")),
    ):
        db.execute(f"create index idx_{table}_{column} on {table} ({column}) where {column} is not null")
    rehash(db)
    Joint(db).renew_all()  # so that what was kept before finds its copies at other agencies
    db.table("manifests").create(
        {"day": str, "previous": str, "captures_to": int, "revisions_to": int, "digest": str},
        pk="day",
        not_null={"captures_to", "revisions_to", "digest"},
    )


def rehash(db: Database) -> None:
    """Give every state the hash that archive.state gives it now."""
    names = ("id", *STATE, *LISTS)
    for row in db.execute(f"select {', '.join(names)} from revisions").fetchall():
        held = dict(zip(names, row, strict=True))
        db.execute("update revisions set hash = ? where id = ?", [state_hash(read_state(held)), held["id"]])
    db.execute("update releases set hash = (select hash from revisions where id = releases.revision)")
