"""How a message is worded: operations on the archive by name with their arguments, and the bytes of one answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import zstandard

from scraper.errors import CrewError
from scraper.items import Answer, AttachmentItem, ContactItem, Evidence, ImageItem, QuestionItem, Reading, ReleaseItem

ARCHIVE = {  # what a crawl may do to the archive, by the part of it that does it
    "frontier": frozenset({"add", "names", "held", "done", "failed", "gone", "refused"}),
    "walks": frozenset({"cut", "end", "keep"}),
    "hosts": frozenset({"robots_read", "robots_unreachable", "pause", "relieve"}),
    "witness": frozenset({"stood", "stands", "unread", "away"}),
}
CREW = frozenset({"open", "begin", "keep", "close", "end"})  # and what tells of the round itself
MAX_PART_BYTES = 256 * 1024 * 1024  # bytes that a part of a message may unpack to
PART_TYPES = {"questions": QuestionItem, "images": ImageItem, "attachments": AttachmentItem, "contacts": ContactItem}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One of the names above, as `part.method`, and what it is called with."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one transaction of a worker's crawl did. seq: its number among those of its token, from 1."""

    agency: str
    token: int
    seq: int
    operations: tuple[Operation, ...]


def pack(operations: tuple[Operation, ...]) -> tuple[bytes, bytes]:
    """Operations as two compressed parts: their wording, and the answer's bytes; b"" where none has any."""
    bodies: list[bytes] = []
    worded = [
        [one.name, [word(v, bodies) for v in one.args], {k: word(v, bodies) for k, v in one.kwargs.items()}]
        for one in operations
    ]
    if len(bodies) > 1:
        raise ValueError("a transaction with two answers")
    text = json.dumps(worded, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return zstandard.compress(text, 3), zstandard.compress(bodies[0], 3) if bodies else b""


def unpack(fields: Mapping[bytes, bytes]) -> Message:
    """A message as the stream has it; CrewError where an operation is none of those above."""
    body = expand(fields[b"body"]) if fields[b"body"] else b""
    operations = []
    for name, args, kwargs in json.loads(expand(fields[b"operations"]).decode("utf-8", "surrogatepass")):
        part, _, method = name.rpartition(".")
        if method not in (ARCHIVE.get(part, frozenset()) if part else CREW):
            raise CrewError(f"a message of {fields[b'agency'].decode()} names {name!r}, which is no operation")
        read = {key: unword(value, body) for key, value in kwargs.items()}
        operations.append(Operation(name=name, args=tuple(unword(value, body) for value in args), kwargs=read))
    return Message(
        agency=fields[b"agency"].decode(),
        token=int(fields[b"token"]),
        seq=int(fields[b"seq"]),
        operations=tuple(operations),
    )


def expand(data: bytes) -> bytes:
    """Compressed bytes as they were; CrewError where they are none, or would be too many."""
    try:
        if zstandard.frame_content_size(data) > MAX_PART_BYTES:
            raise CrewError("a message unpacks to too much")
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=MAX_PART_BYTES)
    except zstandard.ZstdError as error:
        raise CrewError(f"a message cannot be unpacked: {error}") from error


def word(value: Any, bodies: list[bytes]) -> Any:
    """An argument as JSON can say it."""
    if isinstance(value, datetime):
        return {"$datetime": value.isoformat()}
    if isinstance(value, timedelta):
        return {"$seconds": value.total_seconds()}
    if isinstance(value, Answer):
        bodies.append(value.body)
        told = {name: getattr(value, name) for name in ("url", "status")}
        return {"$answer": told | {"seen": value.seen.isoformat(), "headers": dict(value.headers)}}
    if isinstance(value, Reading):
        told = {"item": asdict(value.item), "visited": value.visited, "held": value.held}
        return {"$reading": told | word(value.answer, bodies)}
    return list(value) if isinstance(value, tuple | set | frozenset) else value


def unword(value: Any, body: bytes) -> Any:
    """The argument that `word` worded."""
    if not isinstance(value, dict):
        return value
    if "$datetime" in value:
        return datetime.fromisoformat(value["$datetime"])
    if "$seconds" in value:
        return timedelta(seconds=value["$seconds"])
    if "$reading" in value:
        told = value["$reading"]
        return Reading(
            item=to_item(told["item"]), visited=told["visited"], held=told["held"], answer=unword(told, body)
        )
    if "$answer" in value:
        told = value["$answer"]
        return Answer(**told | {"seen": datetime.fromisoformat(told["seen"]), "body": body})
    return value


def to_item(told: dict[str, Any]) -> ReleaseItem:
    """An item from the dictionary that it was."""
    item = ReleaseItem(**told)
    return replace(
        item,
        **{name: [kind(**part) for part in told[name]] for name, kind in PART_TYPES.items()},  # type: ignore[arg-type] # by name
        evidence={name: Evidence(**found) for name, found in told["evidence"].items()},
    )
