"""Jobs for workers, and messages for the writer.

A job is a small database with the archive's schema and ids. It contains only what a crawl of one
agency needs: for example, the times at which releases are due for a check, but not their texts. The
agency's table from agencies.toml is included, so that a worker needs no file from the archive's
machine. A job is compressed (zstd).

A message is one transaction of a worker's crawl: a list of operations on the archive (names from
`ARCHIVE_OPERATIONS` or `ROUND_OPERATIONS`, with arguments as JSON), and the bytes of at most one
response.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import tomlkit

from archive.store.releases import Archive
from archive.times import to_iso
from scraper.errors import BrokerError
from scraper.ingest import FetchedPage, ParsedPage
from scraper.items import (
    AttachmentItem,
    ContactItem,
    ImageItem,
    Provenance,
    QuestionItem,
    ReleaseItem,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Jobs
MAX_JOB_BYTES = 4 * 1024**3  # bytes of an unpacked job
# period of crawls in a job: enough for a daily budget in any time zone
CRAWL_HISTORY = timedelta(days=2)
COPIED_COLUMNS = (
    "id, agency, url, added, first_seen, last_checked, checks, next_check, published, updated,"
    " moved_to, continues_as, removed_at"
)
# Statements that fill a job's database, with the whole archive attached as `whole`:
COPY_STATEMENTS = (
    f"insert into releases ({COPIED_COLUMNS}, title, body, body_html, hash)"
    f" select {COPIED_COLUMNS}, '', '', '', '' from whole.releases where agency = :slug",
    "insert into revisions (id, release, seen, cause, previous, title, body, body_html, hash)"
    " select v.id, v.release, v.seen, v.cause, v.previous, '', '', '', '' from whole.revisions v"
    " join whole.releases r on r.id = v.release where r.agency = :slug and v.is_edit",
)
# Tables that are copied, each with the condition that selects its rows.
COPIED_ROWS = {
    "agencies": "slug = :slug",
    "frontier": "agency = :slug",
    "pagination_cursors": "agency = :slug",
    # with the last one that ended, so that an agency is not called never tried
    "crawls": "agency = :slug and (started >= :since or id = (select max(id) from whole.crawls"
    " where agency = :slug and finished is not null))",
    "hosts": "paused_until is not null or exists (select 1 from whole.frontier f where"
    " f.agency = :slug"
    " and (f.url between 'https://' || host || '/' and 'https://' || host || '0'"
    " or f.url between 'http://' || host || '/' and 'http://' || host || '0'))",
}

# Messages
# Methods that a crawl may call, by the part of the archive that has them. Nothing else is executed.
ARCHIVE_OPERATIONS = {
    "frontier": frozenset(
        {
            "add",
            "set_link_count",
            "mark_stored",
            "mark_done",
            "mark_failed",
            "mark_gone",
            "mark_rejected",
        }
    ),
    "cursors": frozenset({"save", "delete", "delete_except"}),
    "hosts": frozenset({"store_robots", "mark_robots_unreachable", "pause", "clear_pause"}),
    "recorder": frozenset(
        {"record_unchanged", "record_current", "record_failure", "record_missing", "postpone_check"}
    ),
}
# Reports of a worker about the round itself:
#   start_round    it has the agency's lease and asks for a job
#   open_crawl     a pass (one spider) begins
#   save_page      a page was parsed
#   close_crawl    the pass has ended, with its counts
#   finish_round   all passes have ended
ROUND_OPERATIONS = frozenset(
    {"start_round", "open_crawl", "save_page", "close_crawl", "finish_round"}
)
MAX_PART_BYTES = 256 * 1024 * 1024  # bytes of one part of a message after decompression
PART_TYPES = {
    "questions": QuestionItem,
    "images": ImageItem,
    "attachments": AttachmentItem,
    "contacts": ContactItem,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOperation:
    """An operation of a message, with its arguments.

    name: `part.method` from `ARCHIVE_OPERATIONS`, or a name from `ROUND_OPERATIONS`.
    """

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerMessage:
    agency: str
    token: int  # token of the worker's lease
    seq: int  # number of the message within its token, from 1
    operations: tuple[WorkerOperation, ...]


def build_job(archive_path: Path, slug: str, agency_table: dict[str, Any], now: datetime) -> bytes:
    """Return an agency's job, compressed.

    It contains the agency's table from agencies.toml and the agency's part of the archive.
    """
    with tempfile.TemporaryDirectory(prefix="job-") as folder:
        path = Path(folder) / "archive.db"
        path.write_bytes(_build_empty_archive())
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("pragma synchronous = off")
            db.execute("attach ? as whole", [str(archive_path)])
            db.execute("begin")  # all statements see the same state of the archive
            values = {"slug": slug, "since": to_iso(now - CRAWL_HISTORY)}
            for table, condition in COPIED_ROWS.items():
                # by name, because in migrated archives the columns may be in another order
                names = ", ".join(row[1] for row in db.execute(f"pragma main.table_info({table})"))
                db.execute(
                    f"insert into {table} ({names}) select {names}"
                    f" from whole.{table} where {condition}",
                    values,
                )
            for sql in COPY_STATEMENTS:
                db.execute(sql, values)
            db.execute("commit")
            db.execute("detach whole")
        agency = tomlkit.dumps({slug: agency_table}).encode()
        return zstd.compress(len(agency).to_bytes(4, "big") + agency + path.read_bytes(), 3)


@cache
def _build_empty_archive() -> bytes:
    """Return a new archive without triggers, as the bytes of a single file."""
    with tempfile.TemporaryDirectory(prefix="job-") as folder:
        path = Path(folder) / "archive.db"
        with Archive(path) as archive:
            db = archive.db
            triggers = db.execute(
                "select name from sqlite_master where type = 'trigger'"
            ).fetchall()
            for (name,) in triggers:
                db.execute(f'drop trigger "{name}"')
            db.execute("pragma journal_mode = delete")  # in WAL mode, there would be a second file
        return path.read_bytes()


def unpack_job(data: bytes, folder: Path) -> None:
    """Unpack a job into a folder, as agencies.toml and archive.db.

    Raises BrokerError if the job is cut off or larger than MAX_JOB_BYTES.
    """
    decompressor = zstd.ZstdDecompressor()
    content = decompressor.decompress(data, MAX_JOB_BYTES)
    if not decompressor.eof:
        raise BrokerError(f"a job is cut off, or larger than {MAX_JOB_BYTES} bytes")
    end = 4 + int.from_bytes(content[:4], "big")
    (folder / "agencies.toml").write_bytes(content[4:end])
    (folder / "archive.db").write_bytes(content[end:])


def pack_operations(operations: tuple[WorkerOperation, ...]) -> tuple[bytes, bytes]:
    """Return the two parts of a message, compressed: its operations as JSON, and a response's body.

    The body is b"" if the operations contain no response. Raises ValueError if they contain more
    than one.
    """
    bodies: list[bytes] = []
    encoded = [
        [
            operation.name,
            [encode_argument(value, bodies) for value in operation.args],
            {key: encode_argument(value, bodies) for key, value in operation.kwargs.items()},
        ]
        for operation in operations
    ]
    if len(bodies) > 1:
        raise ValueError("a transaction has two responses")
    text = json.dumps(encoded, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )
    return zstd.compress(text, 3), zstd.compress(bodies[0], 3) if bodies else b""


def unpack_message(fields: Mapping[bytes, bytes]) -> WorkerMessage:
    """Parse a message from the fields of its stream entry.

    Raises BrokerError if the message cannot be unpacked, or if it names an operation that is not
    allowed.
    """
    body = _decompress_part(fields[b"body"]) if fields[b"body"] else b""
    operations = []
    for name, args, kwargs in json.loads(
        _decompress_part(fields[b"operations"]).decode("utf-8", "surrogatepass")
    ):
        part, _, method = name.rpartition(".")
        if method not in (ARCHIVE_OPERATIONS.get(part, frozenset()) if part else ROUND_OPERATIONS):
            raise BrokerError(
                f"a message of {fields[b'agency'].decode()} names"
                f" {name!r}, which is not an operation"
            )
        operations.append(
            WorkerOperation(
                name=name,
                args=tuple(decode_argument(value, body) for value in args),
                kwargs={key: decode_argument(value, body) for key, value in kwargs.items()},
            )
        )
    return WorkerMessage(
        agency=fields[b"agency"].decode(),
        token=int(fields[b"token"]),
        seq=int(fields[b"seq"]),
        operations=tuple(operations),
    )


def _decompress_part(data: bytes) -> bytes:
    """Decompress a part of a message.

    Raises BrokerError if the part is damaged or larger than `MAX_PART_BYTES`.
    """
    try:
        size = zstd.get_frame_info(data).decompressed_size
        if size is None or size > MAX_PART_BYTES:
            raise BrokerError(f"a message unpacks to more than {MAX_PART_BYTES} bytes")
        content = zstd.ZstdDecompressor().decompress(data)
    except zstd.ZstdError as error:
        raise BrokerError(f"a message cannot be unpacked: {error}") from error
    if len(content) != size:
        raise BrokerError(f"a message cannot be unpacked: {len(content)} bytes of {size}")
    return content


def encode_argument(value: Any, bodies: list[bytes]) -> Any:
    """Return an argument as a JSON value. If it is a response, append its body to `bodies`."""
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, timedelta):
        return {"$seconds": value.total_seconds()}
    if isinstance(value, FetchedPage):
        bodies.append(value.body)
        return {
            "$response": {
                "url": value.url,
                "status": value.status,
                "fetched_at": value.fetched_at.isoformat(),
                "headers": dict(value.headers),
                "record_url": value.record_url,
            }
        }
    if isinstance(value, ParsedPage):
        page = {"item": asdict(value.item), "url": value.url, "release_id": value.release_id}
        page["template"] = value.template.hex() if value.template else None
        return {"$page": page | encode_argument(value.response, bodies)}
    return list(value) if isinstance(value, tuple | set | frozenset) else value


def decode_argument(value: Any, body: bytes) -> Any:
    if not isinstance(value, dict):
        return value
    if "$datetime" in value:
        return datetime.fromisoformat(value["$datetime"])
    if "$seconds" in value:
        return timedelta(seconds=value["$seconds"])
    if "$page" in value:
        page = value["$page"]
        parts = {
            name: [kind(**part) for part in page["item"][name]] for name, kind in PART_TYPES.items()
        }
        evidence = {name: Provenance(**found) for name, found in page["item"]["evidence"].items()}
        return ParsedPage(
            item=ReleaseItem(**page["item"] | parts | {"evidence": evidence}),
            url=page["url"],
            release_id=page["release_id"],
            response=decode_argument(page, body),
            template=bytes.fromhex(page["template"]) if page["template"] else None,
        )
    if "$response" in value:
        response = value["$response"]
        return FetchedPage(
            **response
            | {"fetched_at": datetime.fromisoformat(response["fetched_at"]), "body": body}
        )
    return value
