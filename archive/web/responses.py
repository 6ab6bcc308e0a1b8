"""JSON/NDJSON/CSV/Atom negotiation, ETag, errors, filters from URLs.

A register or a comparison as data: JSON, NDJSON, CSV (RFC 4180) and Atom (RFC 4287), with an ETag (RFC 9110).

What our plugins share: queries run, addresses made absolute, and refusals in our own style.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit
from weakref import WeakKeyDictionary

from datasette import Response
from datasette.database import QueryInterrupted
from datasette.utils import add_cors_headers

from archive.database import RunQuery
from archive.dates import parse_time, to_iso
from archive.i18n import LANGUAGES, SWEDISH_TIME, choose_language, translate
from archive.search.ranking import ColumnCache
from archive.web.sandbox import current_visitor_request

RESPONSE_MEDIA_TYPES = {
    "json": "application/json; charset=utf-8",
    "ndjson": "application/x-ndjson; charset=utf-8",
    "csv": "text/csv; charset=utf-8; header=present",
    "atom": "application/atom+xml; charset=utf-8",
}
FORMAT_SUFFIX = r"(?:\.(?P<format>json|csv|atom))?$"  # of an address; none is the page
XML_INVALID_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # not in XML 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomEntry:
    """One entry of a feed."""

    id: str
    title: str
    language: str | None
    published: str
    updated: str
    link: str
    release_url: str  # its page in the archive
    author: str
    summary: str
    categories: Sequence[str] = ()  # categories
    field_diffs: Sequence[Any] = ()  # archive.history.versions.Field, told as the entry's content
    content: str | None = None  # the content where there are no fields


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDocument:
    """What is to be told in one of the formats. Addresses are absolute.

    head: further members of the JSON object; name: that of the rows in it; rows: also the CSV's; entries: made only
    where a feed is asked for and its reader does not have it yet.
    """

    rows_name: str
    title: str
    page_url: str  # the same for people
    url: str
    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    read_entries: Callable[[], Awaitable[Sequence[AtomEntry]]]
    next_url: str | None = None
    extra_members: Mapping[str, Any] = field(default_factory=dict)


async def render_document(datasette: Any, request: Any, format_name: str, document: DataDocument, language: str) -> Any:
    """The answer in a format; 304 where the reader has it already."""
    told = json.dumps(
        [document.rows, document.extra_members, document.next_url, document.title], ensure_ascii=False, default=str
    )
    etag = '"' + hashlib.sha256(f"{format_name} {language} {document.url} {told}".encode()).hexdigest()[:32] + '"'
    headers = {"etag": etag, "cache-control": "no-cache", "vary": "Accept-Language"}
    headers["x-content-type-options"] = "nosniff"
    if document.next_url:
        headers["link"] = f'<{document.next_url}>; rel="next"'
    if datasette.cors:
        add_cors_headers(headers)
    if matches_etag(request.headers.get("if-none-match"), etag):
        return Response("", status=304, headers=headers, content_type=RESPONSE_MEDIA_TYPES[format_name])
    if format_name == "json":
        body = format_document_json(document)
    elif format_name == "ndjson":
        body = format_ndjson(document.rows)
    elif format_name == "csv":
        body = format_csv(document.rows, document.columns)
    else:
        entries = await document.read_entries()
        newest = max((entry.updated for entry in entries), default="1970-01-01T00:00:00+00:00")
        feed = {
            "listing": document,
            "feed_id": build_tag_uri(document.page_url, "2024"),
            "updated": newest,
            "entries": entries,
        }
        body = XML_INVALID_CHARACTER.sub("\ufffd", await datasette.render_template("atom.xml", feed, request=request))
    return Response(body, headers=headers, content_type=RESPONSE_MEDIA_TYPES[format_name])


def format_document_json(document: DataDocument) -> str:
    """An object: what it is, where it stands, where it goes on (next, null at the end), and the rows, each in a line.

    Indented it would take Python's own encoder, which needs ten times as long as the one in C.
    """
    told = {
        "title": document.title,
        "self": document.url,
        "page": document.page_url,
        "next": document.next_url,
        **document.extra_members,
    }
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in told.items()]
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in document.rows)
    return "{" + ",\n".join([*lines, f"{json.dumps(document.rows_name)}: [\n{rows}\n]"]) + "}"


def format_ndjson(rows: Sequence[Mapping[str, Any]]) -> str:
    """A row a line (NDJSON); what stands around the rows in JSON is in the header Link, or in the rows themselves.

    >>> format_ndjson([{"a": "å"}, {"a": None}])
    '{"a": "å"}\\n{"a": null}\\n'
    """
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def format_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """A header line and a line each, ended by CR LF; absent is empty, true and false are 1 and 0.

    >>> format_csv([{"a": 'x "y", z', "b": None}, {"a": True, "b": 2}], ["a", "b"])
    'a,b\\r\\n"x ""y"", z",\\r\\n1,2\\r\\n'
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([int(row[name]) if isinstance(row[name], bool) else row[name] for name in columns])
    return out.getvalue()


def matches_etag(if_none_match: str | None, etag: str) -> bool:
    """Whether If-None-Match names this ETag; compared weakly (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or tags == ["*"]


def build_tag_uri(url: str, day: str, name: str | None = None) -> str:
    """A name that stays the same, whatever way the site is reached (RFC 4151).

    >>> build_tag_uri("https://a.example:8001/-/edits", "2024", "revision-7"), build_tag_uri("http://a.example/-/edits?x=1", "2024")
    ('tag:a.example,2024:revision-7', 'tag:a.example,2024:/-/edits?x=1')
    """
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return f"tag:{'localhost' if ':' in host else host},{day}:{name or path}"


def format_atom_time(text: str) -> str:
    """A stored time as RFC 3339 wants it: a day alone begins at midnight in Sweden, a month alone with its first day.

    >>> format_atom_time("2024-06-03"), format_atom_time("2024-06-03T08:15:00+00:00")
    ('2024-06-03T00:00:00+02:00', '2024-06-03T08:15:00+00:00')
    """
    value = parse_time(text)
    if value is None or isinstance(value, datetime):
        return text
    return to_iso(datetime(value.year, value.month, value.day, tzinfo=SWEDISH_TIME)) or text


def add_query(url: str, **values: object) -> str:
    """An address with a query, without what is not told.

    >>> add_query("/-/edits", agency="fyr", weight=None)
    '/-/edits?agency=fyr'
    """
    query = urlencode({name: value for name, value in values.items() if value is not None and value != ""})
    return f"{url}?{query}" if query else url


OPCODES_PER_CHECK = 10_000  # of SQLite's machine between two looks at the clock
MIN_TIME_LIMIT = 0.02  # seconds; only tests set a limit below it
ORIGIN_SCOPE_KEY = "archive.origin"  # in a request's scope: scheme and host, with a slash
SEARCH_COLUMNS_CACHE: WeakKeyDictionary[Any, ColumnCache] = WeakKeyDictionary()


def build_query_runner(datasette: Any) -> RunQuery:
    """Runs a SELECT of ours on the archive. Its time limit is of CPU: a busy machine makes no page of ours an error."""
    db = datasette.get_database("archive")

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        if current_visitor_request.get() is not None:  # a visitor's request, which has a budget and workers of its own
            return list(await db.execute(sql, values))
        return await db.execute_fn(partial(run_with_cpu_limit, sql, values, datasette.sql_time_limit_ms / 1000))  # type: ignore[no-any-return]

    return run


def get_search_columns(datasette: Any) -> ColumnCache:
    """What searches of its archive are sorted and counted by; read as it starts, and kept with it."""
    return SEARCH_COLUMNS_CACHE.setdefault(datasette, ColumnCache())


def run_with_cpu_limit(
    sql: str, values: dict[str, Any], cpu_seconds: float, connection: sqlite3.Connection
) -> list[Any]:
    """The rows; QueryInterrupted where they cost this thread more CPU time than that."""
    end = time.thread_time() + cpu_seconds
    connection.set_progress_handler(
        lambda: time.thread_time() > end, OPCODES_PER_CHECK if cpu_seconds > MIN_TIME_LIMIT else 1
    )
    try:
        return connection.execute(sql, values).fetchall()
    except sqlite3.OperationalError as error:
        if error.args == ("interrupted",):
            raise QueryInterrupted(error, sql, values) from error
        raise
    finally:
        connection.set_progress_handler(None, 0)


def get_request_language(request: Any) -> str:
    """The reader's language, as interface.py chooses it for pages."""
    return choose_language(request.args.get("lang"), request.headers.get("accept-language"))


def build_absolute_url(datasette: Any, request: Any, path: str) -> str:
    """A path of ours as a whole address."""
    if ORIGIN_SCOPE_KEY not in request.scope:  # the same for all of a list's addresses
        request.scope[ORIGIN_SCOPE_KEY] = str(datasette.absolute_url(request, "/"))
    return str(request.scope[ORIGIN_SCOPE_KEY]) + str(datasette.urls.path(path)).removeprefix("/")


def keep_requested_language(request: Any, path: str) -> str:
    """The path of a page, in the language that the address asked for, if it did."""
    asked = request.args.get("lang")
    return add_query(path, lang=asked if asked in LANGUAGES else None)


def build_absolute_urls(datasette: Any, request: Any, **paths: str | None) -> dict[str, str | None]:
    """Several paths of ours as whole addresses, by name; None stays None."""
    return {name: path and build_absolute_url(datasette, request, path) for name, path in paths.items()}


def choose_translation(language: str, sv: str | None, en: str | None) -> str | None:
    """The English where an English reader can have it, else the Swedish."""
    return en if language == "en" and en else sv


async def render_error(
    datasette: Any, request: Any, format_name: str | None, status: int, message_key: str, **values: object
) -> Any:
    """Says why there is no answer: `why` is a key of our texts; in a format as JSON, in English."""
    if format_name:
        told = {"ok": False, "status": status, "error": translate("en", message_key, **values), **values}
        answer = Response.json(told, status=status)
        if datasette.cors:
            add_cors_headers(answer.headers)
        return answer
    context = {"why": message_key, "values": values, "status": status}
    page = await datasette.render_template("refusal.html", context, request=request)
    return Response.html(page, status=status)
