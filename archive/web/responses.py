"""Requests and responses of all pages: errors, and lists as JSON, NDJSON, CSV (RFC 4180) or Atom.

A DataDocument is one page of a list in one of these formats, with an ETag (RFC 9110). Whole lists are exported by
archive.web.exports.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sqlite3
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from weakref import WeakKeyDictionary

from datasette import Response
from datasette.app import app_root
from datasette.database import QueryInterrupted
from datasette.utils import add_cors_headers

from archive.database import RunQuery
from archive.dates import Month, parse_time
from archive.i18n import LANGUAGES, SWEDISH_TIME, choose_language, translate
from archive.params import FilterError, is_harmless_parameter
from archive.search.ranking import ColumnCache
from archive.web.sandbox import current_visitor_request

RESPONSE_MEDIA_TYPES = {
    "json": "application/json; charset=utf-8",
    "ndjson": "application/x-ndjson; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
FORMAT_SUFFIX = r"(?:\.(?P<format>json|csv|atom))?$"  # suffix of a URL; without it, the HTML page is shown
EXPORT_FORMAT_SUFFIX = (
    r"(?:\.(?P<format>json|csv|xlsx|atom))?$"  # suffix of a list that can also be exported completely
)
DATA_FORMAT = re.compile(r"\.(json|jsono|ndjson|csv|atom|xlsx|blob|parquet|tsv)$")
XML_INVALID_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # not in XML 1.0
ANY_PARAMETER = "*"  # for files, whose parameters are not checked
TAG_URI_YEAR = "2024"  # in the site's tag URIs (RFC 4151); never change it
CREATION_TIME_SQL = "select min(applied_at) as created from _sqlite_migrations"
OPCODES_PER_CHECK = 10_000  # SQLite opcodes between two checks of the CPU time
MIN_TIME_LIMIT = 0.02  # seconds; only tests set a lower limit, which is checked at every opcode
ORIGIN_SCOPE_KEY = "archive.origin"  # key in a request's ASGI scope: scheme and host, with a trailing slash
STATIC_FOLDERS = {  # by URL prefix
    "/static/": Path(__file__).resolve().parents[1] / "static",
    "/-/static/": Path(app_root).resolve() / "datasette" / "static",
}
SEARCH_COLUMNS_CACHE: WeakKeyDictionary[Any, ColumnCache] = WeakKeyDictionary()


class ReaderError(Exception):
    """An error response of a view. `text_key` names its interface text, which is formatted with `values`."""

    def __init__(self, status: int, text_key: str, **values: object) -> None:
        self.status, self.text_key, self.values = status, text_key, values
        super().__init__(text_key)


class SiteRequest:
    """A request for a page, with everything its view needs: language, format, queries, URLs, responses.

    format_name: None for the HTML page. requested_language: the parameter `lang`; None if it is absent or unknown.
    """

    def __init__(self, request: Any, datasette: Any) -> None:
        self.request, self.datasette = request, datasette
        self.args, self.url_vars = request.args, request.url_vars
        self.format_name: str | None = self.url_vars.get("format")
        requested = self.args.get("lang")
        self.requested_language: str | None = requested if requested in LANGUAGES else None
        self.language = choose_language(requested, request.headers.get("accept-language"))
        self.run = build_query_runner(datasette)

    def translate(self, text_key: str, **values: object) -> str:
        return str(translate(self.language, text_key, **values))

    def choose(self, sv: str | None, en: str | None) -> str:
        """Return the English text for an English page if there is one, else the Swedish text."""
        return (en if self.language == "en" and en else sv) or ""

    def path(self, path: str, /, **query: object) -> str:
        """Return a path of the site with base_url, the requested language and a query."""
        return str(self.datasette.urls.path(add_query(path, lang=self.requested_language, **query)))

    def url(self, path: str, /, **query: object) -> str:
        """Return the absolute URL of a path of the site, with a query."""
        scope = self.request.scope
        if ORIGIN_SCOPE_KEY not in scope:  # computed once for all URLs of a list
            scope[ORIGIN_SCOPE_KEY] = str(self.datasette.absolute_url(self.request, "/"))
        return str(scope[ORIGIN_SCOPE_KEY]) + str(self.datasette.urls.path(add_query(path, **query))).removeprefix("/")

    def local_url(self, path: str, /, **query: object) -> str:
        """Return the absolute URL of a path of the site, with a query and the requested language."""
        return self.url(path, **query, lang=self.requested_language)

    async def render(
        self, template: str, context: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        page = await self.datasette.render_template(template, context, request=self.request)
        return Response.html(page, status=status, headers=headers)

    async def render_error(self, status: int, text_key: str, **values: object) -> Response:
        return await render_error(
            self.datasette,
            self.request,
            status,
            text_key,
            values,
            json_members=values if self.format_name else None,
        )

    def build_headers(self, etag: str | None = None) -> dict[str, str]:
        """Return the headers of data that depends on the language. With an ETag, clients can revalidate it."""
        headers = {
            **({"etag": etag} if etag else {}),
            "cache-control": "no-cache",
            "vary": "Accept-Language",
            "x-content-type-options": "nosniff",
        }
        if self.datasette.cors:
            add_cors_headers(headers)
        return headers

    def has_current(self, etag: str) -> bool:
        """Return whether the client already has the version with this ETag."""
        return matches_etag(self.request.headers.get("if-none-match"), etag)


def site_view(*parameters: str) -> Callable[[Callable[[SiteRequest], Awaitable[Any]]], Callable[..., Awaitable[Any]]]:
    """Decorate a view of the archive: pass it a SiteRequest, and show its errors in the requested format.

    parameters: the URL parameters that the page supports besides those allowed everywhere, or ANY_PARAMETER. Others and
    invalid ones get a 400 response (`?weight=50` must not list everything as if there were no filter), an interrupted
    query a 503.
    """

    def decorate(view: Callable[[SiteRequest], Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def respond(request: Any, datasette: Any) -> Any:
            site = SiteRequest(request, datasette)
            try:
                check_parameters(request.args, parameters)
                return await view(site)
            except ReaderError as error:
                return await site.render_error(error.status, error.text_key, **error.values)
            except FilterError as error:
                return await site.render_error(400, error.text_key, **error.text_values)
            except QueryInterrupted:
                return await site.render_error(503, "error.too_slow_list")

        return respond

    return decorate


def check_parameters(arguments: Any, parameters: Collection[str]) -> None:
    """Raise FilterError for a parameter that a page does not support, so that none is ignored silently."""
    for name in arguments if ANY_PARAMETER not in parameters else ():
        if name not in parameters and not is_harmless_parameter(name):
            known = ", ".join(parameters) or "lang"
            raise FilterError(name, arguments[name], f"one of {known}", "error.unknown_parameter", known=known)


async def render_error(
    datasette: Any,
    request: Any,
    status: int,
    text_key: str,
    values: Mapping[str, object],
    *,
    json_members: Mapping[str, object] | None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Render an error as JSON with `json_members`, or as a page in the visitor's language if that is None."""
    headers = dict(headers or {})
    if json_members is None:
        context = {"message_key": text_key, "values": values, "status": status}
        page = await datasette.render_template("request_error.html", context, request=request)
        return Response.html(page, status=status, headers=headers)
    if datasette.cors:
        add_cors_headers(headers)
    error = {**json_members, "ok": False, "status": status, "error": translate("en", text_key, **values)}
    return Response.json(error, status=status, headers=headers)


def has_data_format(path: str) -> bool:
    """Return whether a path names a data format, so that errors are JSON rather than pages.

    >>> [has_data_format(path) for path in ("/archive/releases.csv", "/search.atom", "/archive/releases", "/a.css")]
    [True, True, False, False]
    """
    return bool(DATA_FORMAT.search(path.partition("?")[0]))


# queries


def build_query_runner(datasette: Any) -> RunQuery:
    """Return a function that runs a SELECT on the archive within a limit of CPU time.

    Elapsed time is not limited, so that a busy machine does not turn pages into errors.
    """
    db = datasette.get_database("archive")

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        if current_visitor_request.get() is not None:  # it has its own budget and workers (archive.web.sandbox)
            return list(await db.execute(sql, values))
        return await db.execute_fn(partial(run_with_cpu_limit, sql, values, datasette.sql_time_limit_ms / 1000))  # type: ignore[no-any-return]

    return run


def run_with_cpu_limit(
    sql: str, values: dict[str, Any], cpu_seconds: float, connection: sqlite3.Connection
) -> list[Any]:
    """Return the rows of a query; raise QueryInterrupted if it takes too much CPU time of this thread."""
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


def get_search_columns(datasette: Any) -> ColumnCache:
    """Return the cached columns used to sort and count searches, one cache per Datasette instance."""
    return SEARCH_COLUMNS_CACHE.setdefault(datasette, ColumnCache())


def add_query(url: str, **values: object) -> str:
    """Append a query to a URL, leaving out values that are None or empty.

    >>> add_query("/-/edits", agency="fyr", tag=None)
    '/-/edits?agency=fyr'
    """
    query = urlencode({name: value for name, value in values.items() if value is not None and value != ""})
    return f"{url}?{query}" if query else url


# documents


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomEntry:
    """An entry of an Atom feed.

    published: None if the day is unknown. release_url: the release's page in the archive, by default `link`.
    field_diffs: objects of archive.history.comparison.FieldDiff, shown after `content`, or after `summary` if there is
    no content.
    """

    id: str
    title: str
    language: str | None
    published: str | None
    updated: str
    link: str
    release_url: str | None = None
    author: str
    summary: str
    categories: Sequence[str] = ()
    field_diffs: Sequence[Any] = ()
    content: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDocument:
    """A list or comparison to be rendered in one of the data formats. All URLs are absolute.

    rows_name: the key of the rows in JSON. page_url: the HTML page with the same content. read_entries: called only if
    the client needs a new Atom feed. extra_members: further members of the JSON object.
    """

    rows_name: str
    title: str
    page_url: str
    url: str
    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    read_entries: Callable[[], Awaitable[Sequence[AtomEntry]]] | None = None
    next_url: str | None = None
    extra_members: Mapping[str, Any] = field(default_factory=dict)


async def render_document(site: SiteRequest, document: DataDocument) -> Response:
    """Render a document in the format of the request; 304 if the client has the current version."""
    format_name = site.format_name or "json"
    content = json.dumps(
        [document.rows, document.extra_members, document.next_url, document.title], ensure_ascii=False, default=str
    )
    etag = compute_etag(f"{format_name} {site.language} {document.url} {content}")
    headers = site.build_headers(etag)
    if document.next_url:
        headers["link"] = f'<{document.next_url}>; rel="next"'
    status = 304 if site.has_current(etag) else 200
    if status == 304:
        body = ""
    elif format_name == "json":
        body = format_document_json(document)
    elif format_name == "ndjson":
        body = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in document.rows)
    elif format_name == "csv":
        body = format_csv(document.rows, document.columns)
    else:
        body = await render_feed(site, document)
    return Response(body, status=status, headers=headers, content_type=RESPONSE_MEDIA_TYPES[format_name])


async def render_feed(site: SiteRequest, document: DataDocument) -> str:
    entries = await document.read_entries() if document.read_entries else []
    updated = max((entry.updated for entry in entries), default=None)
    if updated is None:  # a feed without entries has not changed since the archive was created
        created = (await site.run(CREATION_TIME_SQL, {}))[0]["created"]
        updated = f"{created[:19].replace(' ', 'T')}+00:00"
    feed = {
        "document": document,
        "feed_id": build_tag_uri(document.page_url),
        "updated": updated,
        "entries": entries,
    }
    page = await site.datasette.render_template("atom.xml", feed, request=site.request)
    return XML_INVALID_CHARACTER.sub("\ufffd", page)


def format_document_json(document: DataDocument) -> str:
    """Format a document as a JSON object: its metadata, the next URL (null at the end) and the rows.

    Each row is on its own line, without indentation, because json's encoder is ten times slower with it.
    """
    members = {
        "title": document.title,
        "self": document.url,
        "page": document.page_url,
        "next": document.next_url,
        **document.extra_members,
    }
    lines = [f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in members.items()]
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in document.rows)
    return "{" + ",\n".join([*lines, f"{json.dumps(document.rows_name)}: [\n{rows}\n]"]) + "}"


def format_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, header: bool = True) -> str:
    """Format rows as CSV with a header line; None is empty, True and False are 1 and 0.

    >>> format_csv([{"a": 'x "y", z', "b": None}, {"a": True, "b": 2}], ["a", "b"])
    'a,b\\r\\n"x ""y"", z",\\r\\n1,2\\r\\n'
    """
    cells = ([int(row[name]) if isinstance(row[name], bool) else row[name] for name in columns] for row in rows)
    return format_csv_lines([*([columns] if header else []), *cells])


def format_csv_lines(lines: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue()


def format_atom_time(text: str) -> str:
    """Format a stored time as RFC 3339; a day becomes its midnight in Sweden.

    Raises ValueError for a month.

    >>> format_atom_time("2024-06-03"), format_atom_time("2024-06-03T08:15:00+00:00")
    ('2024-06-03T00:00:00+02:00', '2024-06-03T08:15:00+00:00')
    """
    value = parse_time(text)
    if isinstance(value, Month) or value is None:
        raise ValueError(f"{text} is not a day or a time")
    if isinstance(value, datetime):
        return text
    return datetime(value.year, value.month, value.day, tzinfo=SWEDISH_TIME).isoformat()


def format_stated_atom_time(text: str | None) -> str | None:
    """Format a time stated by an agency for Atom; return None if there is none, or only a month.

    >>> format_stated_atom_time("2024-06-03"), format_stated_atom_time("2024-06")
    ('2024-06-03T00:00:00+02:00', None)
    """
    return None if text is None or isinstance(parse_time(text), Month) else format_atom_time(text)


def build_tag_uri(url: str, name: str | None = None) -> str:
    """Build a tag URI (RFC 4151), which does not depend on the site's scheme and port.

    >>> build_tag_uri("https://a.example:8001/-/edits", "revision-7")
    'tag:a.example,2024:revision-7'
    >>> build_tag_uri("http://a.example/-/edits?x=1")
    'tag:a.example,2024:/-/edits?x=1'
    """
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return f"tag:{'localhost' if ':' in host else host},{TAG_URI_YEAR}:{name or path}"


# ETags and static files


def compute_etag(text: str) -> str:
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def matches_etag(if_none_match: str | None, etag: str) -> bool:
    """Return whether If-None-Match names this ETag, by weak comparison (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or tags == ["*"]


def find_static_file(path: str) -> Path | None:
    """Return the file of a URL path such as /static/style.css, or None."""
    for prefix, folder in STATIC_FOLDERS.items():
        if path.startswith(prefix) and "\0" not in path:
            file = (folder / path.removeprefix(prefix)).resolve()
            if file.is_relative_to(folder) and file.is_file():
                return file
    return None


def hash_file(file: Path) -> str:
    """Return the first digits of a file's SHA-256. The file is read only if it has changed."""
    return hash_unchanged_file(file, file.stat().st_mtime_ns)


@lru_cache
def hash_unchanged_file(file: Path, _mtime_ns: int, /) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def build_static_url(datasette: Any, name: str) -> str:
    """Return the URL of a file in archive/static, with its hash, so that caches may store it for good."""
    return f"{datasette.urls.path(f'/static/{name}')}?{hash_file(STATIC_FOLDERS['/static/'] / name)}"
