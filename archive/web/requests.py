"""Requests for the site's pages: language, parameters, format, templates, static files, texts."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from copy import copy
from functools import lru_cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode
from weakref import WeakKeyDictionary

from datasette import Response
from datasette.app import app_root
from datasette.database import QueryInterrupted
from datasette.utils import add_cors_headers
from jinja2 import Environment, Template

from archive.database.sqlite_files import RunQuery, limit_cpu_time, run_without_waiting
from archive.i18n import LANGUAGES, choose_language, translate
from archive.search.column_cache import ColumnCache
from archive.web.datasette_versions import get_environment
from archive.web.request_limits import RequestBody, current_turn

RESPONSE_MEDIA_TYPES = {
    "json": "application/json; charset=utf-8",
    "ndjson": "application/x-ndjson; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "svg": "image/svg+xml; charset=utf-8",
}
PROBLEM_MEDIA_TYPE = "application/problem+json"
DATA_FORMAT = re.compile(r"\.(json|jsono|ndjson|csv|atom|xlsx|blob|parquet|tsv)$")
FILE_FORMAT = re.compile(r"\.(zip|bib|ris)$")  # what readers download by a link on a page
OPCODES_PER_CHECK = 10_000  # SQLite opcodes between checks of the CPU time
MIN_TIME_LIMIT = 0.02  # seconds; only tests set a lower limit, which is checked at every opcode
# key in a request's ASGI scope: scheme and host, with a trailing slash
ORIGIN_SCOPE_KEY = "archive.origin"
STATIC_FOLDERS = {  # URL prefix → folder
    "/static/": Path(__file__).resolve().parents[1] / "static",
    "/-/static/": Path(app_root).resolve() / "datasette" / "static",
}
SEARCH_COLUMNS_CACHE: WeakKeyDictionary[Any, ColumnCache] = WeakKeyDictionary()
# Datasette → its environment, see OwnTemplate
OWN_ENVIRONMENTS: WeakKeyDictionary[Any, Environment] = WeakKeyDictionary()

# Datasette → what SiteRequest.keep keeps: the last change before each value, and the value
KEPT_VALUES: WeakKeyDictionary[Any, dict[str, tuple[str, Any]]] = WeakKeyDictionary()
LAST_CHANGE_SQL = """
    select (select ifnull(max(id), 0) from changefeed) || ' '
      || (select ifnull(max(id), 0) from revisions) as last
"""
PageData = TypeVar("PageData")


class ReaderError(Exception):
    """An error response of a view.

    `text_key` is the key of the error's interface text, which is formatted with `values`.
    """

    def __init__(self, status: int, text_key: str, **values: object) -> None:
        self.status, self.text_key, self.values = status, text_key, values
        super().__init__(text_key)


class SiteRequest:
    """A request for a page, with everything that the page's view needs.

    The object stores the language and the format, runs queries, and builds URLs and responses.

    parameters: the parameters that the page or its data supports.
    format_name: None for the HTML page.
    requested_language: the parameter `lang`; None if it is absent or unknown.
    """

    def __init__(self, request: Any, datasette: Any, parameters: Sequence[str] = ()) -> None:
        self.request, self.datasette, self.parameters = request, datasette, parameters
        self.args, self.url_vars = request.args, request.url_vars
        self.format_name: str | None = self.url_vars.get("format")
        requested = self.args.get("lang")
        self.requested_language: str | None = requested if requested in LANGUAGES else None
        self.language = choose_language(requested, request.headers.get("accept-language"))
        self.run = build_query_runner(datasette)
        self.base_url: str = datasette.setting("base_url")

    def translate(self, text_key: str, **values: object) -> str:
        return str(translate(self.language, text_key, **values))

    def choose(self, sv: str | None, en: str | None) -> str:
        """Return the text in the page's language.

        If there is no English text for an English page, the Swedish text is returned.
        """
        return (en if self.language == "en" and en else sv) or ""

    def path(self, path: str, /, **query: object) -> str:
        """Return a path of the site with base_url, a query and the requested language."""
        return self.add_base_url(add_query(path, lang=self.requested_language, **query))

    def add_base_url(self, path: str) -> str:
        """Prefix a path of the site with the base_url from Datasette's settings."""
        return self.base_url + path.removeprefix("/")

    def in_language(self, url: str) -> str:
        """Add the requested language to a URL that other software, such as Datasette, has built."""
        url, mark, fragment = url.partition("#")
        query = (
            f"{'&' if '?' in url else '?'}lang={self.requested_language}"
            if self.requested_language
            else ""
        )
        return f"{url}{query}{mark}{fragment}"

    def url(self, path: str, /, **query: object) -> str:
        """Return the absolute URL of a path of the site, with a query."""
        scope = self.request.scope
        if ORIGIN_SCOPE_KEY not in scope:  # computed once for all URLs of a list
            scope[ORIGIN_SCOPE_KEY] = str(self.datasette.absolute_url(self.request, "/"))
        path = self.add_base_url(add_query(path, **query))
        return str(scope[ORIGIN_SCOPE_KEY]) + path.removeprefix("/")

    def local_url(self, path: str, /, **query: object) -> str:
        """Return the absolute URL of a path, with a query and the requested language."""
        return self.url(path, **query, lang=self.requested_language)

    def own_url(self, suffix: str = "", **changes: object) -> str:
        """Return the absolute URL of this page (suffix "") or its data (".json").

        The URL contains the parameters of this request, some of them replaced by `changes`.
        """
        path = self.request.scope.get("route_path", self.request.path)
        query = {name: self.args.get(name) for name in self.parameters} | changes
        return self.local_url(path.removesuffix(f".{self.format_name}") + suffix, **query)

    def next_url(self, **start: object) -> str | None:
        """Return the absolute URL of the next page of this data, or None if there is no next page.

        start: the parameter that says where the next page starts. Its value is None on the last
            page.
        """
        is_last = None in start.values()
        return None if is_last else self.own_url(f".{self.format_name}", **start)

    async def read_in_one_thread(
        self,
        read: Callable[[SiteRequest, sqlite3.Connection], Coroutine[Any, Any, PageData]],
    ) -> PageData:
        """Run a function that makes many queries, all in one thread, and return its result.

        read: called with a copy of this request and with the connection. It may await only the
            copy's `run`, which never suspends it.
        """
        seconds = self.datasette.sql_time_limit_ms / 1000

        def read_all(connection: sqlite3.Connection) -> PageData:
            async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
                return run_with_cpu_limit(sql, values, seconds, connection)

            site = copy(self)
            site.run = run
            return run_without_waiting(read(site, connection))

        found: PageData = await self.datasette.get_database("archive").execute_fn(read_all)
        return found

    async def keep(self, name: str, read: Callable[[], Awaitable[PageData]]) -> PageData:
        """Return the result of `read` that is cached under `name`.

        If nothing is cached yet, or if the archive has changed since, `read` is called.
        """
        last = (await self.run(LAST_CHANGE_SQL, {}))[0]["last"]
        kept = KEPT_VALUES.setdefault(self.datasette, {})
        if name not in kept or kept[name][0] != last:
            kept[name] = last, await read()
        value: PageData = kept[name][1]
        return value

    async def render(
        self,
        template: str,
        context: dict[str, Any],
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> Response:
        page = await _render_own_template(self, template, context)
        return Response.html(page, status=status, headers=headers)

    async def render_xml(self, template: str, context: dict[str, Any]) -> str:
        """Render a template as XML, without the characters that XML forbids."""
        page = await _render_own_template(self, template, context)
        return XML_INVALID_CHARACTER.sub("\ufffd", page)

    async def render_error(self, status: int, text_key: str, **values: object) -> Response:
        is_data = self.format_name or expects_data(self.request)
        return await self.respond_with_error(status, text_key, values, values if is_data else None)

    async def respond_with_error(
        self,
        status: int,
        text_key: str,
        values: Mapping[str, object],
        json_members: Mapping[str, object] | None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Respond with an error page, or with problem details if `json_members` is given."""
        headers = dict(headers or {})
        if json_members is None:
            context = {"message_key": text_key, "values": values, "status": status}
            return await self.render("request_error.html", context, status=status, headers=headers)
        if self.datasette.cors:
            add_cors_headers(headers)
        members = {**json_members, "docs": self.url("/docs/api")}
        message = str(translate("en", text_key, **values))
        return build_problem(self.request.path, status, message, members, headers)

    def build_headers(self, etag: str | None = None) -> dict[str, str]:
        """Return the headers of a response whose data depends on the language.

        etag: the ETag with which clients can ask whether their copy of the data is current.
        """
        headers = {
            **({"etag": etag} if etag else {}),
            "cache-control": "no-cache",
            "vary": "Accept-Language",
            "x-content-type-options": "nosniff",
        }
        if self.datasette.cors:
            add_cors_headers(headers)
        return headers

    def answer(
        self, text: str, media_type: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Return a response with a text and its ETag.

        The status is 304 if the client already has the text.
        """
        etag = compute_etag(text)
        body, status = ("", 304) if self.has_current(etag) else (text, 200)
        headers = {**self.build_headers(etag), **(headers or {})}
        return Response(body, status=status, headers=headers, content_type=media_type)

    def has_current(self, etag: str) -> bool:
        """Return whether the client already has the version with this ETag."""
        return matches_etag(self.request.headers.get("if-none-match"), etag)


def build_problem(
    path: str, status: int, message: str, members: Mapping[str, object], headers: dict[str, str]
) -> Response:
    """Build an error response as problem details (RFC 9457).

    The keys that Datasette's own error responses contain are added.
    """
    problem = {
        "type": "about:blank",  # the status says what kind of problem it is
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": message,
        "instance": path,
        "ok": False,
        "error": message,
    }
    body = json.dumps({**members, **problem})
    return Response(body, status=status, headers=headers, content_type=PROBLEM_MEDIA_TYPE)


def _has_data_format(path: str) -> bool:
    """Return whether a path names a data format, so that errors are JSON rather than pages.

    >>> [_has_data_format(path)
    ...     for path in ("/archive/releases.csv", "/search.atom", "/archive/releases", "/a.css")]
    [True, True, False, False]
    """
    return bool(DATA_FORMAT.search(path.partition("?")[0]))


def expects_data(request: Any) -> bool:
    """Return whether the errors of a request are sent as JSON.

    Errors are JSON for data formats such as .csv. For paths with another file extension, they are
    JSON unless a browser sent the request.
    """
    is_browser = "text/html" in request.headers.get("accept", "")
    return _has_data_format(request.path) or (
        bool(FILE_FORMAT.search(request.path)) and not is_browser
    )


# queries


def build_query_runner(datasette: Any) -> RunQuery:
    """Return a function that runs a SELECT on the archive within a limit on CPU time.

    Elapsed time is not limited, so that a busy machine does not turn pages into errors.
    """
    db = datasette.get_database("archive")

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        # it has its own budget and workers (archive.web.request_limits)
        if current_turn.get() is not None:
            return list(await db.execute(sql, values))
        seconds = datasette.sql_time_limit_ms / 1000
        rows: Sequence[Any] = await db.execute_fn(partial(run_with_cpu_limit, sql, values, seconds))
        return rows

    return run


def run_with_cpu_limit(
    sql: str, values: dict[str, Any], cpu_seconds: float, connection: sqlite3.Connection
) -> list[Any]:
    """Return the rows of a query.

    Raises QueryInterrupted if the query takes more than `cpu_seconds` of this thread's CPU time.
    """
    try:
        with limit_cpu_time(
            connection, cpu_seconds, OPCODES_PER_CHECK if cpu_seconds > MIN_TIME_LIMIT else 1
        ):
            return connection.execute(sql, values).fetchall()
    except sqlite3.OperationalError as error:
        if error.args == ("interrupted",):
            raise QueryInterrupted(error, sql, values) from error
        raise


class OwnTemplate(Template):
    """One of the archive's own templates, rendered without `await`.

    In Datasette's own environment, each call in a template is awaited.
    """

    async def render_async(self, *args: Any, **kwargs: Any) -> str:
        return self.render(*args, **kwargs)


async def _render_own_template(site: SiteRequest, name: str, context: dict[str, Any]) -> str:
    """Render one of the archive's own templates with Datasette's context.

    Datasette's asynchronous mode is not used, because it is slower.
    """
    datasette = site.datasette
    if datasette not in OWN_ENVIRONMENTS:
        OWN_ENVIRONMENTS[datasette] = environment = get_environment(datasette).overlay(
            enable_async=False
        )
        environment.template_class = OwnTemplate
    template = OWN_ENVIRONMENTS[datasette].get_template(name)
    return str(await datasette.render_template(template, context, request=site.request))


def get_search_columns(datasette: Any) -> ColumnCache:
    """Return the cache of the columns by which searches are sorted and counted.

    Each Datasette instance has its own cache.
    """
    return SEARCH_COLUMNS_CACHE.setdefault(datasette, ColumnCache())


def add_query(url: str, **values: object) -> str:
    """Append a query to a URL, leaving out values that are None or empty.

    >>> add_query("/-/edits", agency="fyr", tag=None)
    '/-/edits?agency=fyr'
    """
    query = urlencode(
        {name: value for name, value in values.items() if value is not None and value != ""}
    )
    return f"{url}?{query}" if query else url


# ETags and static files


def compute_etag(text: str) -> str:
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def matches_etag(if_none_match: str | None, etag: str) -> bool:
    """Return whether If-None-Match contains this ETag, by weak comparison (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")]
    return etag in tags or tags == ["*"]


def find_static_file(path: str) -> Path | None:
    """Return the file for a URL path such as /static/style.css, or None if there is no such
    file.
    """
    for prefix, folder in STATIC_FOLDERS.items():
        if path.startswith(prefix) and "\0" not in path:
            file = (folder / path.removeprefix(prefix)).resolve()
            if file.is_relative_to(folder) and file.is_file():
                return file
    return None


def hash_file(file: Path) -> str:
    """Return the first digits of a file's SHA-256 hash.

    The file is read again only if it has changed.
    """
    return _hash_unchanged_file(file, file.stat().st_mtime_ns)


@lru_cache
def _hash_unchanged_file(file: Path, _mtime_ns: int, /) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def build_static_url(datasette: Any, name: str) -> str:
    """Return the URL of a file in archive/static.

    The URL contains the file's hash, so that caches may store the file permanently.
    """
    return (
        f"{datasette.urls.path(f'/static/{name}')}?{hash_file(STATIC_FOLDERS['/static/'] / name)}"
    )


MAX_TEXT_BYTES = 50_000
FORM_TYPE, JSON_TYPE, TEXT_TYPE = (
    "application/x-www-form-urlencoded",
    "application/json",
    "text/plain",
)
ALLOWED = "GET, HEAD, OPTIONS, POST"


class PostedTextError(Exception):
    """A view that receives a posted text failed.

    The message of the original error is left out, because it may contain words of the text.
    """


def answer_options(site: SiteRequest) -> Response:
    """Return the response to an OPTIONS request.

    Before a page on another site may send JSON, the browser sends such a request (CORS).
    """
    allowed = {"allow": ALLOWED}
    if site.datasette.cors:
        add_cors_headers(allowed)
        allowed |= {
            "Access-Control-Allow-Methods": ALLOWED,
            "Access-Control-Allow-Headers": "Content-Type",
        }
    return Response.text("", headers=allowed)


def read_fields(site: SiteRequest, *optional: str) -> dict[str, str]:
    """Return the fields in the body of a request: `text`, and the optional fields that were sent.

    Raises ReaderError if there is no text, if it is too long, or if it cannot be read.
    """
    body: RequestBody = site.request.scope["archive_body"]
    if body.problem == "too_long":
        raise ReaderError(413, "error.check_too_long", limit=MAX_TEXT_BYTES)
    if body.problem == "too_slow":
        raise ReaderError(408, "error.check_too_slow")
    media_type, _, parameters = site.request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.partition("charset=")[2].partition(";")[0].strip(' "')
    if (
        charset not in ("", "utf-8", "utf8")
        or site.request.headers.get("content-encoding", "identity") != "identity"
    ):
        raise ReaderError(415, "error.check_type")
    try:
        fields = _parse_fields(media_type.strip(), body.data, optional)
    except (ValueError, RecursionError):  # its message has a part of the text
        raise ReaderError(400, "error.check_unreadable") from None
    if not fields["text"].strip():
        raise ReaderError(400, "error.check_empty")
    if len(fields["text"].encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES:
        raise ReaderError(413, "error.check_too_long", limit=MAX_TEXT_BYTES)
    return fields


def _parse_fields(media_type: str, data: bytes, optional: Collection[str]) -> dict[str, str]:
    """Return the fields of a form or a JSON object, or plain text as the field `text`.

    Raises ValueError if there are other fields or no text, and ReaderError for another media type.
    """
    if media_type == TEXT_TYPE:
        fields = {"text": data.decode()}
    elif media_type == FORM_TYPE:
        fields = _parse_form_fields(data)
    elif media_type == JSON_TYPE:
        fields = _parse_json_fields(data)
    else:
        raise ReaderError(415, "error.check_type")
    if not {"text"} <= fields.keys() <= {"text", *optional}:
        raise ValueError
    return {name: value.replace("\r\n", "\n").replace("\r", "\n") for name, value in fields.items()}


def _parse_form_fields(data: bytes) -> dict[str, str]:
    lists = parse_qs(
        data.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=10
    )
    if any(len(values) > 1 for values in lists.values()):
        raise ValueError
    return {name: values[0] for name, values in lists.items()}


def _parse_json_fields(data: bytes) -> dict[str, str]:
    fields = json.loads(data)
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
        raise ValueError
    for value in fields.values():
        value.encode()  # ValueError for half a character
    return fields


# characters that XML 1.0 forbids
XML_INVALID_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
