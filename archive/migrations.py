"""THE SCHEMA, step by step: sqlite-utils migrations, applied in order, each once.

Every time is ISO 8601 text: a day alone where only the day is known, else with its offset. A foreign key is
named after what it points to, in the singular. Ids never change: they are the permalinks.
"""

from __future__ import annotations

from typing import Any

from sqlite_utils import Database, Migrations

migrations = Migrations("myndighetsarkivet")

STATE: dict[str, Any] = {  # the fields of a release that can change, as columns of releases and revisions alike
    "kind": str,
    "title": str,
    "lead": str,
    "body": str,
    "body_html": str,
    "published": str,
    "published_text": str,
    "updated": str,
    "updated_text": str,
    "language": str,
}


@migrations()
def first_tables(db: Database) -> None:
    """Agencies, releases with all that belongs to them, their revisions, and the crawl's memory."""
    db.table("agencies").create(
        {"slug": str, "name": str, "name_en": str, "org_number": str, "home": str}, pk="slug", not_null={"name", "home"}
    )
    db.table("releases").create(
        {
            "id": int,
            "agency": str,
            "url": str,
            **STATE,
            "first_seen": str,
            "last_checked": str,
            "revision": int,
            "hash": str,
        },
        pk="id",
        not_null={"agency", "url", "title", "body", "body_html", "first_seen", "last_checked", "hash"},
        foreign_keys=[("agency", "agencies", "slug")],
    )
    db.table("releases").create_index(["url"], unique=True)
    db.table("releases").create_index(["agency", "published"])
    db.table("releases").create_index(["first_seen"])
    # the order of every list of releases; without it the newest twenty read the whole table
    db.execute(
        "create index idx_releases_newest on releases (coalesce(published, updated, first_seen), agency, published)"
    )
    db.table("revisions").create(
        {
            "id": int,
            "release": int,
            "seen": str,
            "cause": str,
            "dated": int,
            "weight": int,
            "summary": str,
            **STATE,
            "tags": str,
            "questions": str,
            "images": str,
            "attachments": str,
            "hash": str,
        },
        pk="id",
        not_null={"release", "seen", "cause", "title", "body", "body_html", "hash"},
        foreign_keys=[("release", "releases", "id")],
    )
    db.table("revisions").create_index(["release", "seen"])
    db.table("releases").add_foreign_key("revision", "revisions", "id")
    db.table("questions").create(
        {"id": int, "release": int, "position": int, "question": str, "answer": str, "answered_by": str},
        pk="id",
        not_null={"release", "position", "question", "answer"},
        foreign_keys=[("release", "releases", "id")],
    )
    db.table("questions").create_index(["release", "position"], unique=True)
    db.table("tags").create({"id": int, "name": str}, pk="id", not_null={"name"})
    db.table("tags").create_index(["name"], unique=True)
    db.table("release_tags").create(
        {"release": int, "tag": int},
        pk=("release", "tag"),
        foreign_keys=[("release", "releases", "id"), ("tag", "tags", "id")],
    )
    db.table("release_tags").create_index(["tag"])
    for name, columns in (
        ("images", {"url": str, "caption": str, "credit": str, "alt": str}),
        ("attachments", {"url": str, "title": str, "media_type": str}),
    ):
        db.table(name).create(
            {"id": int, "release": int, "position": int, **columns},
            pk="id",
            not_null={"release", "position", "url"},
            foreign_keys=[("release", "releases", "id")],
        )
        db.table(name).create_index(["release", "position"], unique=True)
    db.table("crawls").create(
        {
            "id": int,
            "agency": str,
            "spider": str,
            "started": str,
            "finished": str,
            "reason": str,
            "listed": int,
            "new": int,
            "revised": int,
            "unchanged": int,
            "refused": int,
            "errors": int,
            "requests": int,
            "bytes": int,
            "problems": str,
        },
        pk="id",
        not_null={"agency", "spider", "started"},
        foreign_keys=[("agency", "agencies", "slug")],
    )
    db.table("crawls").create_index(["agency", "started"])
    db.table("frontier").create(
        {
            "url": str,
            "agency": str,
            "role": str,
            "state": str,
            "first_seen": str,
            "source": str,
            "listed": str,
            "links": int,
            "fetched": str,
            "next_due": str,
            "tries": int,
            "etag": str,
            "last_modified": str,
            "release": int,
            "problem": str,
        },
        pk="url",
        not_null={"agency", "role", "state", "first_seen", "tries"},
        defaults={"tries": 0},
        foreign_keys=[("agency", "agencies", "slug"), ("release", "releases", "id")],
    )
    db.table("frontier").create_index(["agency", "role", "state", "next_due"])
    db.table("frontier").create_index(["source", "first_seen"])
    db.table("frontier").create_index(["release"])


@migrations()
def search_index(db: Database) -> None:
    """Full text over title, lead and body, kept by triggers; å, ä and ö stay letters of their own."""
    db.table("releases").enable_fts(
        ["title", "lead", "body"], fts_version="FTS5", tokenize="unicode61 remove_diacritics 0", create_triggers=True
    )
    # sqlite-utils' own trigger indexes the text anew whenever a release is merely checked
    db.execute('drop trigger "releases_au"')
    db.execute(
        """
        create trigger "releases_au" after update of title, lead, body on releases begin
          insert into releases_fts (releases_fts, rowid, title, lead, body)
            values ('delete', old.rowid, old.title, old.lead, old.body);
          insert into releases_fts (rowid, title, lead, body) values (new.rowid, new.title, new.lead, new.body);
        end
        """
    )
