"""Texts that readers send by POST: the field `text` of a form or of a JSON object, or plain text.

A text that is sent is neither stored nor logged: it is not part of the address, and an error loses its message.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from urllib.parse import parse_qs

from datasette import Response
from datasette.utils import add_cors_headers

from archive.web.responses import ReaderError, SiteRequest
from archive.web.sandbox import RequestBody

MAX_TEXT_BYTES = 50_000
FORM_TYPE, JSON_TYPE, TEXT_TYPE = "application/x-www-form-urlencoded", "application/json", "text/plain"
ALLOWED = "GET, HEAD, OPTIONS, POST"


class PostedTextError(Exception):
    """A view of a text failed. The message of the original error is left out, because it may contain words of it."""


def answer_options(site: SiteRequest) -> Response:
    """Return the response that a browser needs before a page of another site sends JSON."""
    allowed = {"allow": ALLOWED}
    if site.datasette.cors:
        add_cors_headers(allowed)
        allowed |= {"Access-Control-Allow-Methods": ALLOWED, "Access-Control-Allow-Headers": "Content-Type"}
    return Response.text("", headers=allowed)


def read_fields(site: SiteRequest, *optional: str) -> dict[str, str]:
    """Return the text in the body of a request, and the optional fields that are sent with it.

    Raises ReaderError if there is no text, if it is too long, or if it cannot be read.
    """
    body: RequestBody = site.request.scope["archive_body"]
    if body.problem == "too_long":
        raise ReaderError(413, "error.check_too_long", limit=MAX_TEXT_BYTES)
    if body.problem == "too_slow":
        raise ReaderError(408, "error.check_too_slow")
    media_type, _, parameters = site.request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.partition("charset=")[2].partition(";")[0].strip(' "')
    if charset not in ("", "utf-8", "utf8") or site.request.headers.get("content-encoding", "identity") != "identity":
        raise ReaderError(415, "error.check_type")
    try:
        fields = parse_fields(media_type.strip(), body.data, optional)
    except (ValueError, RecursionError):  # its message has a part of the text
        raise ReaderError(400, "error.check_unreadable") from None
    if not fields["text"].strip():
        raise ReaderError(400, "error.check_empty")
    if len(fields["text"].encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES:
        raise ReaderError(413, "error.check_too_long", limit=MAX_TEXT_BYTES)
    return fields


def parse_fields(media_type: str, data: bytes, optional: Collection[str]) -> dict[str, str]:
    """Return the fields of a form or a JSON object, or plain text as the field `text`.

    Raises ValueError if there are other fields or no text, and ReaderError for another type.
    """
    fields: dict[str, str]
    if media_type == TEXT_TYPE:
        fields = {"text": data.decode()}
    elif media_type == FORM_TYPE:
        lists = parse_qs(data.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=10)
        if any(len(values) > 1 for values in lists.values()):
            raise ValueError
        fields = {name: values[0] for name, values in lists.items()}
    elif media_type == JSON_TYPE:
        fields = json.loads(data)
        if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
            raise ValueError
        for value in fields.values():
            value.encode()  # ValueError for half a character
    else:
        raise ReaderError(415, "error.check_type")
    if not {"text"} <= fields.keys() <= {"text", *optional}:
        raise ValueError
    return {name: value.replace("\r\n", "\n").replace("\r", "\n") for name, value in fields.items()}
