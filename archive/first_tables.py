"""The tables that every archive began with: releases and their states, what belongs to them, the crawl's memory."""

from __future__ import annotations

from sqlite_utils import Database

from archive.state import STATE


def create_releases(db: Database) -> None:
    """Agencies, their releases, and each state that a release ever stood in."""
    db.table("agencies").create(
        {"slug": str, "name": str, "name_en": str, "org_number": str, "home": str}, pk="slug", not_null={"name", "home"}
    )
    db.table("releases").create(
        {
            **{"id": int, "agency": str, "url": str, **STATE, "first_seen": str, "last_checked": str},
            **{"revision": int, "hash": str},
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
            **{"id": int, "release": int, "seen": str, "cause": str, "dated": int, "weight": int, "summary": str},
            **{**STATE, **columns(str, "tags questions images attachments hash")},
        },
        pk="id",
        not_null={"release", "seen", "cause", "title", "body", "body_html", "hash"},
        foreign_keys=[("release", "releases", "id")],
    )
    db.table("revisions").create_index(["release", "seen"])
    db.table("releases").add_foreign_key("revision", "revisions", "id")


def create_parts(db: Database) -> None:
    """What stands in a release: questions, tags, images, attachments."""
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
    for name, told in (("images", "url caption credit alt"), ("attachments", "url title media_type")):
        db.table(name).create(
            {**columns(int, "id release position"), **columns(str, told)},
            pk="id",
            not_null={"release", "position", "url"},
            foreign_keys=[("release", "releases", "id")],
        )
        db.table(name).create_index(["release", "position"], unique=True)


def create_crawls(db: Database) -> None:
    """What came of each crawl, and the crawl's memory: every address it knows."""
    db.table("crawls").create(
        {
            "id": int,
            **columns(str, "agency spider started finished reason"),
            **columns(int, "listed new revised unchanged refused errors requests bytes"),
            "problems": str,
        },
        pk="id",
        not_null={"agency", "spider", "started"},
        foreign_keys=[("agency", "agencies", "slug")],
    )
    db.table("crawls").create_index(["agency", "started"])
    db.table("frontier").create(
        {
            **columns(str, "url agency role state first_seen source listed"),
            "links": int,
            **columns(str, "fetched next_due"),
            "tries": int,
            **columns(str, "etag last_modified"),
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


def columns(kind: type, names: str) -> dict[str, type]:
    """Columns of one type, by their names.

    >>> columns(int, "checks status")
    {'checks': <class 'int'>, 'status': <class 'int'>}
    """
    return dict.fromkeys(names.split(), kind)
