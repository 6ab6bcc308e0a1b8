"""Messages and the copy of an agency state that a worker gets.

An errand: what a crawl reads of one agency, as a small database of the archive's own schema, with the owner's ids.

Of releases it holds what tells when they are due, and no texts. Compressed, and with the agency's own table of the
list, so that a worker needs no file of the owner's.

How a message is worded: operations on the archive by name with their arguments, and the bytes of one answer.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import zstandard

from archive.dates import to_iso
from archive.store import Archive
from scraper.errors import BrokerError
from scraper.items import (
    AttachmentItem,
    ContactItem,
    FetchedPage,
    ImageItem,
    ParsedPage,
    Provenance,
    QuestionItem,
    ReleaseItem,
)

MAX_JOB_BYTES = 4 * 1024**3  # bytes of an errand
CRAWL_HISTORY = timedelta(days=2)  # what the budgets of a day count, by whatever clock
COPIED_COLUMNS = "id, agency, url, first_seen, last_checked, checks, next_check, published, updated, moved_to, gone"
COPY_STATEMENTS = (  # with the owner's archive as `whole`
    "insert into agencies select * from whole.agencies where slug = :slug",
    f"insert into releases ({COPIED_COLUMNS}, title, body, body_html, hash)"
    f" select {COPIED_COLUMNS}, '', '', '', '' from whole.releases where agency = :slug",
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


def build_job(archive_path: Path, slug: str, agency_table: dict[str, Any], now: datetime) -> bytes:
    """What a worker is given: the agency's table and the database."""
    with tempfile.TemporaryDirectory(prefix="errand-") as folder:
        path = Path(folder) / "archive.db"
        path.write_bytes(build_empty_archive())
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("pragma synchronous = off")
            db.execute("attach ? as whole", [str(archive_path)])
            db.execute("begin")  # one state of the archive
            for sql in COPY_STATEMENTS:
                db.execute(sql, {"slug": slug, "since": to_iso(now - CRAWL_HISTORY)})
            db.execute("commit")
            db.execute("detach whole")
        head = json.dumps({slug: agency_table}, ensure_ascii=False).encode()
        return zstandard.compress(len(head).to_bytes(4, "big") + head + path.read_bytes(), 3)


def unpack_job(data: bytes, folder: Path) -> None:
    """Lay an errand out in a folder: agencies.toml and archive.db."""
    whole = zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_JOB_BYTES)
    end = 4 + int.from_bytes(whole[:4], "big")
    (folder / "agencies.toml").write_text(format_toml(json.loads(whole[4:end])), "utf-8")
    (folder / "archive.db").write_bytes(whole[end:])


@cache
def build_empty_archive() -> bytes:
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


def read_agency_tables(path: Path) -> dict[str, dict[str, Any]]:
    """The tables of a list of agencies that has been found right."""
    return tomllib.loads(path.read_text("utf-8"))


def format_toml(tables: dict[str, dict[str, Any]]) -> str:
    """Tables of texts and lists of texts as TOML, whose basic strings are JSON's.

    >>> print(format_toml({"skog": {"name": 'S "Å"', "feeds": ["a", "b"]}}), end="")
    [skog]
    name = "S \\"Å\\""
    feeds = ["a", "b"]
    """
    lines = []
    for slug, table in tables.items():
        told = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in table.items())
        lines.append(f"[{slug}]\n{''.join(told)}")
    return "\n".join(lines)


ARCHIVE_OPERATIONS = {  # what a crawl may do to the archive, by the part of it that does it
    "frontier": frozenset(
        {"add", "set_link_count", "mark_stored", "mark_done", "mark_failed", "mark_gone", "mark_rejected"}
    ),
    "cursors": frozenset({"save", "delete", "delete_except"}),
    "hosts": frozenset({"store_robots", "mark_robots_unreachable", "pause", "clear_pause"}),
    "recorder": frozenset({"record_unchanged", "record_current", "record_failure", "record_missing"}),
}
ROUND_OPERATIONS = frozenset({"open", "begin", "keep", "close", "end"})  # and what tells of the round itself
MAX_PART_BYTES = 256 * 1024 * 1024  # bytes that a part of a message may unpack to
PART_TYPES = {"questions": QuestionItem, "images": ImageItem, "attachments": AttachmentItem, "contacts": ContactItem}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One of the names above, as `part.method`, and what it is called with."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerMessage:
    """What one transaction of a worker's crawl did. seq: its number among those of its token, from 1."""

    agency: str
    token: int
    seq: int
    operations: tuple[Operation, ...]


def pack_operations(operations: tuple[Operation, ...]) -> tuple[bytes, bytes]:
    """Operations as two compressed parts: their wording, and the answer's bytes; b"" where none has any."""
    bodies: list[bytes] = []
    worded = [
        [
            one.name,
            [encode_argument(v, bodies) for v in one.args],
            {k: encode_argument(v, bodies) for k, v in one.kwargs.items()},
        ]
        for one in operations
    ]
    if len(bodies) > 1:
        raise ValueError("a transaction with two answers")
    text = json.dumps(worded, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return zstandard.compress(text, 3), zstandard.compress(bodies[0], 3) if bodies else b""


def unpack_message(fields: Mapping[bytes, bytes]) -> WorkerMessage:
    """A message as the stream has it; CrewError where an operation is none of those above."""
    body = decompress_part(fields[b"body"]) if fields[b"body"] else b""
    operations = []
    for name, args, kwargs in json.loads(decompress_part(fields[b"operations"]).decode("utf-8", "surrogatepass")):
        part, _, method = name.rpartition(".")
        if method not in (ARCHIVE_OPERATIONS.get(part, frozenset()) if part else ROUND_OPERATIONS):
            raise BrokerError(f"a message of {fields[b'agency'].decode()} names {name!r}, which is no operation")
        read = {key: decode_argument(value, body) for key, value in kwargs.items()}
        operations.append(Operation(name=name, args=tuple(decode_argument(value, body) for value in args), kwargs=read))
    return WorkerMessage(
        agency=fields[b"agency"].decode(),
        token=int(fields[b"token"]),
        seq=int(fields[b"seq"]),
        operations=tuple(operations),
    )


def decompress_part(data: bytes) -> bytes:
    """Compressed bytes as they were; CrewError where they are none, or would be too many."""
    try:
        if zstandard.frame_content_size(data) > MAX_PART_BYTES:
            raise BrokerError("a message unpacks to too much")
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_PART_BYTES)
    except zstandard.ZstdError as error:
        raise BrokerError(f"a message cannot be unpacked: {error}") from error


def encode_argument(value: Any, bodies: list[bytes]) -> Any:
    """An argument as JSON can say it."""
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, timedelta):
        return {"$seconds": value.total_seconds()}
    if isinstance(value, FetchedPage):
        bodies.append(value.body)
        told = {name: getattr(value, name) for name in ("url", "status")}
        return {"$response": told | {"fetched_at": value.fetched_at.isoformat(), "headers": dict(value.headers)}}
    if isinstance(value, ParsedPage):
        told = {"item": asdict(value.item), "url": value.url, "release_id": value.release_id}
        return {"$page": told | encode_argument(value.response, bodies)}
    return list(value) if isinstance(value, tuple | set | frozenset) else value


def decode_argument(value: Any, body: bytes) -> Any:
    """The argument that `word` worded."""
    if not isinstance(value, dict):
        return value
    if "$datetime" in value:
        return datetime.fromisoformat(value["$datetime"])
    if "$seconds" in value:
        return timedelta(seconds=value["$seconds"])
    if "$page" in value:
        told = value["$page"]
        return ParsedPage(
            item=decode_item(told["item"]),
            url=told["url"],
            release_id=told["release_id"],
            response=decode_argument(told, body),
        )
    if "$response" in value:
        told = value["$response"]
        return FetchedPage(**told | {"fetched_at": datetime.fromisoformat(told["fetched_at"]), "body": body})
    return value


def decode_item(values: dict[str, Any]) -> ReleaseItem:
    """An item from the dictionary that it was."""
    item = ReleaseItem(**values)
    return replace(
        item,
        **{name: [kind(**part) for part in values[name]] for name, kind in PART_TYPES.items()},  # type: ignore[arg-type] # by name
        evidence={name: Provenance(**found) for name, found in values["evidence"].items()},
    )
