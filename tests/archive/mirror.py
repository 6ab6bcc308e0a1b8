"""A mirror of an archive made from its change feed, and the visible releases to compare it with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasette.utils import MultiParams

from archive.changes.change_feed import parse_changefeed_query, read_changefeed
from archive.database.models import PART_TABLES
from archive.database.sqlite_files import (
    build_connection_runner,
    open_readonly,
    run_without_waiting,
)

LEFT_OUT = (
    *("last_checked", "checks", "next_check", "capture"),  # changed by checks that find nothing new
    # computed from other columns
    *("published_day", "published_precision", "updated_day", "updated_precision", "continues_as"),
)


class Mirror:
    """Copies releases from the change feed of an archive, page by page."""

    def __init__(self, archive: Path) -> None:
        self.archive = archive
        self.releases: dict[int, dict[str, Any]] = {}
        self.cursor = "0"
        self.entry_numbers: list[int] = []  # of all entries, as read

    def read_page(self, size: int) -> bool:
        """Read one page; return whether there are more."""
        db = open_readonly(self.archive)
        try:
            query = parse_changefeed_query(
                MultiParams({"since": [self.cursor], "size": [str(size)]})
            )
            page = run_without_waiting(read_changefeed(build_connection_runner(db), query))
        finally:
            db.close()
        for entry in page.entries:
            self.entry_numbers.append(entry["number"])
            if entry["action"] == "put":
                self.releases[entry["release"]] = entry["state"]
            elif entry["action"] == "delete":
                self.releases.pop(entry["release"], None)
        self.cursor = page.cursor
        return page.has_more


def read_shown(archive: Path) -> dict[int, dict[str, Any]]:
    """Return the visible releases by id, with their parts, read from each table."""
    db = open_readonly(archive)

    def rows(sql: str) -> list[dict[str, Any]]:
        cursor = db.execute(sql)
        return [
            dict(zip([name for name, *_ in cursor.description], row, strict=True)) for row in cursor
        ]

    shown = {
        row["id"]: row for row in rows("select * from releases where takedown is not 'hidden'")
    }
    for row in shown.values():
        row |= {name: [] for name in ("tags", *PART_TABLES)}
        for name in LEFT_OUT:
            del row[name]
    for row in rows(
        "select rt.release, t.name from"
        " release_tags rt join tags"
        " t on t.id = rt.tag order by rt.rowid"
    ):
        shown[row["release"]]["tags"].append(row["name"])
    for name in PART_TABLES:
        for row in rows(f"select * from {name} order by release, position"):
            release = row.pop("release")
            del row["id"]
            shown[release][name].append(row)
    # the last of each
    versions = {row["url"]: row for row in rows("select * from attachment_versions order by id")}
    files = {row["id"]: row for row in rows("select * from attachment_files")}
    pages = rows("select * from attachment_pages order by file, page")
    for row in shown.values():
        row["files"] = []
        for link in row["attachments"]:
            if version := versions.get(link["url"]):
                file = files[version["file"]]
                names = (
                    "sha256",
                    "bytes",
                    "media_type",
                    "kind",
                    "pages",
                    "letters",
                    "problem",
                    "extracted",
                )
                texts = [
                    {key: p[key] for key in ("page", "name", "text")}
                    for p in pages
                    if p["file"] == file["id"]
                ]
                found = {"position": link["position"], "url": link["url"], "version": version["id"]}
                found |= {
                    "first_seen": version["first_seen"],
                    **{name: file[name] for name in names},
                    "texts": texts,
                }
                row["files"].append(found)
    db.close()
    return shown
