"""Responses of the site, and how they are sent: validators, 304, gzip, HEAD."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.responses import Response

HTML = "text/html; charset=UTF-8"
COMPRESSED = ("text/", "application/xml", "application/rss", "application/atom", "application/json")


@dataclass(slots=True, kw_only=True)
class Answer:
    """The content of a response; `make` is only called if the body is needed."""

    make: Callable[[], bytes]
    media: str = HTML
    status: int = 200
    etag: str | None = None
    modified: datetime | None = None
    headers: dict[str, str] = field(default_factory=dict)


def redirect(location: str, status: int = 301) -> Answer:
    return Answer(
        make=lambda: b"", status=status, media="text/plain", headers={"Location": location}
    )


def to_response(answer: Answer, method: str, asked: Mapping[str, str]) -> Response:
    """Return the HTTP response: 304 if the client has the same, else compressed if the client
    accepts it.
    """
    headers = {**answer.headers, "Content-Type": answer.media}
    if answer.etag:
        headers["ETag"] = f'"{answer.etag}"'
    if answer.modified:
        headers["Last-Modified"] = format_datetime(answer.modified.astimezone(UTC), usegmt=True)
    if answer.status == 200 and is_unchanged(answer, asked):
        del headers["Content-Type"]
        return Response(status_code=304, headers=headers)
    body = b"" if answer.status == 204 else answer.make()
    if answer.media.startswith(COMPRESSED):
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in asked.get("accept-encoding", "") and len(body) > 500:
            body = gzip.compress(body, compresslevel=3, mtime=0)
            headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(body))
    return Response(b"" if method == "HEAD" else body, answer.status, headers)


def is_unchanged(answer: Answer, asked: Mapping[str, str]) -> bool:
    """Return whether the client has the same (RFC 9110): by If-None-Match if sent, else
    If-Modified-Since.
    """
    if none_match := asked.get("if-none-match"):
        told = {tag.strip().removeprefix("W/").strip('"') for tag in none_match.split(",")}
        return bool(answer.etag) and (answer.etag in told or "*" in told)
    since = asked.get("if-modified-since")
    if not since or not answer.modified:
        return False
    try:
        return answer.modified.replace(microsecond=0) <= parsedate_to_datetime(since)
    except ValueError:
        return False
