"""An errand: what a crawl reads of one agency, as a small database of the archive's own schema, with the owner's ids.

Of releases it holds what tells when they are due, and no texts. Compressed, and with the agency's own table of the
list, so that a worker needs no file of the owner's.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import tomllib
from contextlib import closing
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import zstandard

from archive.store import Archive
from archive.times import to_text

MAX_JOB_BYTES = 4 * 1024**3  # bytes of an errand
LATELY = timedelta(days=2)  # what the budgets of a day count, by whatever clock
RELEASES = "id, agency, url, first_seen, last_checked, checks, next_check, published, updated, moved_to, gone"
COPY_STATEMENTS = (  # with the owner's archive as `whole`
    "insert into agencies select * from whole.agencies where slug = :slug",
    f"insert into releases ({RELEASES}, title, body, body_html, hash)"
    f" select {RELEASES}, '', '', '', '' from whole.releases where agency = :slug",
    "insert into revisions (id, release, seen, cause, title, body, body_html, hash)"
    " select v.id, v.release, v.seen, v.cause, '', '', '', '' from whole.revisions v"
    " join whole.releases r on r.id = v.release where r.agency = :slug and v.cause = 'source'",
    "insert into frontier select * from whole.frontier where agency = :slug",
    "insert into walks select * from whole.walks where agency = :slug",
    "insert into crawls select * from whole.crawls where agency = :slug and started >= :since",
    "insert into hosts select * from whole.hosts h where paused_until is not null or exists (select 1 from"
    " whole.frontier f where f.agency = :slug and (f.url between 'https://' || h.host || '/' and 'https://' || h.host"
    " || '0' or f.url between 'http://' || h.host || '/' and 'http://' || h.host || '0'))",
)


def make_errand(archive: Path, slug: str, table: dict[str, Any], now: datetime) -> bytes:
    """What a worker is given: the agency's table and the database."""
    with tempfile.TemporaryDirectory(prefix="errand-") as folder:
        path = Path(folder) / "archive.db"
        path.write_bytes(empty())
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("pragma synchronous = off")
            db.execute("attach ? as whole", [str(archive)])
            db.execute("begin")  # one state of the archive
            for sql in COPY_STATEMENTS:
                db.execute(sql, {"slug": slug, "since": to_text(now - LATELY)})
            db.execute("commit")
            db.execute("detach whole")
        head = json.dumps({slug: table}, ensure_ascii=False).encode()
        return zstandard.compress(len(head).to_bytes(4, "big") + head + path.read_bytes(), 3)


def open_errand(data: bytes, folder: Path) -> None:
    """Lay an errand out in a folder: agencies.toml and archive.db."""
    whole = zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_JOB_BYTES)
    end = 4 + int.from_bytes(whole[:4], "big")
    (folder / "agencies.toml").write_text(to_toml(json.loads(whole[4:end])), "utf-8")
    (folder / "archive.db").write_bytes(whole[end:])


@cache
def empty() -> bytes:
    """A new archive without what is kept by triggers, as bytes."""
    with tempfile.TemporaryDirectory(prefix="errand-") as folder:
        path = Path(folder) / "archive.db"
        with Archive(path) as archive:
            db = archive.db
            triggers = db.execute("select name from sqlite_master where type = 'trigger'").fetchall()
            for (name,) in triggers:
                db.execute(f'drop trigger "{name}"')
            db.execute("pragma journal_mode = delete")  # one file
        return path.read_bytes()


def read_tables(path: Path) -> dict[str, dict[str, Any]]:
    """The tables of a list of agencies that has been found right."""
    return tomllib.loads(path.read_text("utf-8"))


def to_toml(tables: dict[str, dict[str, Any]]) -> str:
    """Tables of texts and lists of texts as TOML, whose basic strings are JSON's.

    >>> print(to_toml({"skog": {"name": 'S "Å"', "feeds": ["a", "b"]}}), end="")
    [skog]
    name = "S \\"Å\\""
    feeds = ["a", "b"]
    """
    lines = []
    for slug, table in tables.items():
        told = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in table.items())
        lines.append(f"[{slug}]\n{''.join(told)}")
    return "\n".join(lines)
