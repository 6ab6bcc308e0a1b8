"""Security of the served site: limits for visitors' SQL, errors of Datasette's own pages, and response headers.

Limits. Every request for Datasette's own views of a database (its page, tables, views, queries, `?sql=`, `_where`,
facets, CSV) waits in a queue and has a budget of SQL time; its statements run in processes that can be killed
(archive.web.sandbox). The archive's pages and single rows do not wait for them. Searches, comparisons and the change
feed, which may take a while, have queues of their own. Requests that ask for too much at once, and methods other than
GET, HEAD and OPTIONS, are rejected before they are read any further.

Errors. Datasette prints a traceback with all local variables for every mistake of a visitor, which takes a good part
of a second of the only process, and shows the messages of errors it does not know. Here an error takes one log line.

Headers. Every response has strict security headers; only Datasette's own pages may have inline scripts, which they
need. Caches may keep responses for a few seconds. Over a snapshot (`datasette serve --immutable`), every response has
the snapshot's time as Last-Modified and an ETag, and conditional requests are answered without any SQL.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Generator, Mapping
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import click
from datasette import Forbidden, NotFound, Response, hookimpl
from datasette.database import QueryInterrupted
from datasette.utils import add_cors_headers, tilde_decode
from datasette.utils.asgi import Base400
from datasette.views.base import DatasetteError
from markupsafe import Markup

from archive.dates import now
from archive.i18n import choose_language
from archive.web.sandbox import (
    BufferBudget,
    BusyError,
    RequestQueue,
    ResponseDelivery,
    SandboxedDatabase,
    SandboxLimits,
    VisitorRequest,
    current_visitor_request,
    install_linear_sql_checks,
    parse_query_string,
)

# limits
ALLOWED_METHODS = ("GET", "HEAD", "OPTIONS")
MAX_CONCURRENT_BY_PATH = {"/-/diff/": 1, "/search": 3, "/-/changes": 2}  # requests; long texts take a while
CLOSED_PATHS = "allow-debug|auth-token|databases|logout|messages|patterns|permissions|threads"

# errors
# Datasette gives these errors status 500
CLIENT_ERROR_PREFIXES = ("Cannot sort table by", "Cannot use _sort", "Invalid _through")
TIMEOUT_MESSAGE = "the statement took too long"
NESTED_JSON_MESSAGE = "_json= names a column with a value that is nested too deeply to be read as JSON"
THROUGH_MESSAGE = '_through= is a JSON object with "table", "column" and "value"'
TIMELIMIT_MESSAGE = "_timelimit= is a number of milliseconds"
LIST_FILTER_MESSAGE = "a list behind __in= or __notin= that begins with [ is JSON"
FORBIDDEN_SQL_MESSAGE = (
    "visitors may not bring SQL of their own to this site; tables, filters and queries that it names can be asked"
)
SERVER_ERROR_MESSAGE = "something went wrong here; it has been noted"
BUSY_RETRY_AFTER = "10"  # seconds, for a client that was rejected

# headers
COMMON_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),  # agencies do not learn what a reader searched for
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"),
)
CSP_COMMON = ("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'")
CSP_OWN_PAGES = "; ".join(("default-src 'none'", "style-src 'self'", "img-src 'self'", *CSP_COMMON))
CSP_DATASETTE_PAGES = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'unsafe-inline'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        *CSP_COMMON,
    )
)
CSP_DATA = "default-src 'none'; sandbox; frame-ancestors 'none'"  # JSON, CSV, feeds, files: nothing runs
STATIC_PATHS = ("/static/", "/-/static/", "/-/static-plugins/", "/favicon.ico")
VARY_VALUE = b"Accept-Language, Cookie, Authorization"  # feeds and data depend on the reader's language, too
MAX_CACHE_SECONDS = 5  # Datasette's default
MAX_AGE_DIRECTIVE = re.compile(rb"(max-age=|s-maxage=)(\d+)", re.IGNORECASE)
# with these, the response may depend on random() or the time
UNCACHEABLE_PARAMETER = re.compile(r"(^|&)(sql|_where|_stream|_ttl|_nocache)=")

logger = logging.getLogger(__name__)


@hookimpl
def startup(datasette: Any) -> None:
    install_linear_sql_checks()
    sandbox_databases(datasette)


def sandbox_databases(datasette: Any) -> None:
    """Replace each database that Datasette opened from a file by a sandboxed one."""
    limits = read_limits(datasette)
    for name, db in list(datasette.databases.items()):
        if db.path is None and name != "_internal":
            raise click.ClickException(f"{name}: visitors' SQL over a database in memory cannot be held to limits")
        if db.path is not None:
            datasette.databases[name] = SandboxedDatabase(datasette, db, limits)


def read_limits(datasette: Any) -> SandboxLimits:
    """Return the limits that the metadata sets for the plugin "guard"; all of them are public."""
    return SandboxLimits(**(datasette.plugin_config("guard") or {}))


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    async def hide() -> None:  # pages for debugging and logging in are useless here; /-/databases shows local paths
        raise NotFound("There is no such page here")

    return [(rf"/-/({CLOSED_PATHS})(\.json)?$", hide)]


@hookimpl(trylast=True)  # outermost, so that responses of other wrappers also get the headers
def asgi_wrapper(datasette: Any) -> Any:
    """Return the wrapper of the whole application: headers around the request limiter."""
    limiter, headers = wrap_request_limiter(datasette), wrap_headers(datasette)
    return lambda app: headers(limiter(app))


def wrap_request_limiter(datasette: Any) -> Any:
    """Return an ASGI wrapper that queues requests; a slot is free again when the response begins."""
    limiter = RequestLimiter(datasette)

    def wrap(app: Any) -> Any:
        async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
            elif scope["method"] not in ALLOWED_METHODS:
                response = limiter.reject(
                    scope["path"], 405, "This site can only be read.", allow=", ".join(ALLOWED_METHODS)
                )
                await response.asgi_send(send)
            else:
                await limiter.serve(app, scope, receive, send)

        return serve

    return wrap


class RequestLimiter:
    """The queues: one for visitors' statements, and one for each kind of page that takes a while."""

    def __init__(self, datasette: Any) -> None:
        self.datasette = datasette
        self.limits = read_limits(datasette)
        self.visitor_queue, self.buffer_budget = RequestQueue(self.limits), BufferBudget(self.limits)
        self.page_queues = [
            (path, RequestQueue(replace(self.limits, workers=count))) for path, count in MAX_CONCURRENT_BY_PATH.items()
        ]

    async def serve(self, app: Any, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve a request: 503 if too many are waiting, 400 if the query string asks for too much."""
        raw = scope.get("raw_path") or scope["path"].encode()
        path = raw.decode("latin-1").partition("?")[0].removeprefix(self.datasette.setting("base_url").rstrip("/"))
        try:
            query_args = parse_query_string(scope.get("query_string", b"").decode("latin-1"), self.limits)
        except ValueError as error:
            await self.reject(path, 400, str(error)).asgi_send(send)
            return
        data_request = None
        if is_data_request(path, list(self.datasette.databases)):
            data_request = self.build_visitor_request(path, dict(query_args))
        page_queue = next((queue for prefix, queue in self.page_queues if path.startswith(prefix)), None)
        queued_request = data_request or (VisitorRequest(self.limits, page_queue) if page_queue else None)

        async def run(scope: dict[str, Any], receive: Any, send: Any) -> None:
            current_visitor_request.set(data_request)
            try:
                if queued_request and queued_request.streaming:
                    queued_request.begin_stream()
                if queued_request and not data_request:
                    await queued_request.acquire_slot()
                await app(scope, receive, send)
            except BusyError as error:
                await self.reject(path, 503, str(error), **{"retry-after": BUSY_RETRY_AFTER}).asgi_send(send)

        delivery = ResponseDelivery(self.limits, self.buffer_budget, send, queued_request, killable=bool(data_request))
        try:
            await delivery.run(run, scope, receive)
        finally:
            if queued_request:
                queued_request.close()

    def build_visitor_request(self, path: str, query_args: Mapping[str, str]) -> VisitorRequest:
        """Return the limits of a request for data, by its format."""
        if path.endswith(".csv"):
            return VisitorRequest(self.limits, self.visitor_queue, "csv", streaming="_stream" in query_args)
        if "." not in path:
            return VisitorRequest(self.limits, self.visitor_queue, "html")
        return VisitorRequest(self.limits, self.visitor_queue, "parsed" if "_json" in query_args else "json")

    def reject(self, path: str, status: int, message: str, **headers: str) -> Response:
        """Return an error as a line of plain text, or as JSON for a .json path (with CORS headers)."""
        if self.datasette.cors:
            add_cors_headers(headers)
        if path.endswith(".json"):
            error = {"ok": False, "error": message, "status": status, "title": None}
            return Response.json(error, status=status, headers=headers)
        return Response.text(f"{message}\n", status=status, headers=headers)


def is_data_request(path: str, database_names: list[str]) -> bool:
    """Return whether Datasette answers from a whole table or a statement; a single row costs little.

    >>> [is_data_request(path, ["archive"]) for path in ("/archive", "/archive.json", "/~61rchive/releases")]
    [True, True, True]
    >>> [is_data_request(path, ["archive"]) for path in ("/archive/x/1", "/")]
    [False, False]
    """
    parts = path.strip("/").split("/")
    return tilde_decode(parts[0].partition(".")[0]) in database_names and len(parts) < 3


def wrap_headers(datasette: Any) -> Any:
    """Return an ASGI wrapper that adds security and cache headers."""
    origin = (datasette.plugin_config("headers") or {}).get("origin")
    base = datasette.setting("base_url").rstrip("/")
    snapshot = SnapshotValidators(datasette)

    def wrap(app: Any) -> Any:
        async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
            page: dict[str, str] = {}  # site.py notes here the language of a template of the archive
            if origin and scope["type"] == "http":
                scope = rewrite_origin(scope, origin)
            is_static = str(scope.get("path", "")).removeprefix(base).startswith(STATIC_PATHS)
            validators = snapshot.build_headers(scope) if scope["type"] == "http" and not is_static else {}

            async def send_with_headers(message: dict[str, Any]) -> None:
                if message["type"] == "http.response.start":
                    headers = [(name.lower(), value) for name, value in message.get("headers", [])]
                    content_type = dict(headers).get(b"content-type", b"").decode("latin-1")
                    media_type = content_type.partition(";")[0].strip().lower()
                    if 300 <= message["status"] < 400:
                        media_type = ""
                    security = build_security_headers(media_type, page.get("language"))
                    headers = [(name, value) for name, value in headers if name not in security]
                    if not is_static:
                        headers = add_cache_headers(headers, message["status"], validators)
                    message = {**message, "headers": [*headers, *security.items()]}
                await send(message)

            if is_not_modified(scope, validators):
                # without security headers: a browser replaces those that it has stored by those of a 304
                fields = add_cache_headers([], 304, validators)
                await send({"type": "http.response.start", "status": 304, "headers": fields})
                await send({"type": "http.response.body", "body": b""})
            else:
                await app({**scope, "archive_page": page}, receive, send_with_headers)

        return serve

    return wrap


def build_security_headers(media_type: str, language: str | None) -> dict[bytes, bytes]:
    """Return the security headers of a response; `language` is None unless the page is the archive's own."""
    headers = dict(COMMON_HEADERS)
    page = CSP_OWN_PAGES if language else CSP_DATASETTE_PAGES
    headers[b"content-security-policy"] = (page if media_type == "text/html" else CSP_DATA).encode()
    if language:
        headers[b"content-language"] = language.encode()
    return headers


class SnapshotValidators:
    """ETag and Last-Modified of a snapshot; there are none for an archive that a crawl may change."""

    def __init__(self, datasette: Any) -> None:
        self.datasette = datasette
        self.last_modified: bytes | None = None  # of the file; stored, because the file may be deleted later

    def build_headers(self, scope: dict[str, Any]) -> dict[bytes, bytes]:
        """Return the validators for a request; they include the hour, because pages show how old data is."""
        db = self.datasette.databases.get("archive")
        if db is None or db.is_mutable or scope["method"] not in ("GET", "HEAD"):
            return {}
        if UNCACHEABLE_PARAMETER.search(scope.get("query_string", b"").decode("latin-1")):
            return {}
        accept_language = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
        tag = f'W/"{db.hash[:20]}-{choose_language(None, accept_language)}-{now():%d%H}"'
        if self.last_modified is None:
            self.last_modified = formatdate(Path(db.path).stat().st_mtime, usegmt=True).encode()
        return {b"etag": tag.encode(), b"last-modified": self.last_modified}


def is_not_modified(scope: dict[str, Any], validators: dict[bytes, bytes]) -> bool:
    """Return whether the client already has the current version (If-None-Match).

    >>> scope = {"headers": [(b"if-none-match", b'W/"1", W/"2-sv"')]}
    >>> is_not_modified(scope, {b"etag": b'W/"2-sv"'}), is_not_modified(scope, {b"etag": b'W/"2-en"'})
    (True, False)
    >>> is_not_modified(scope, {})
    False
    """
    if not validators:
        return False
    etags = dict(scope["headers"]).get(b"if-none-match", b"")
    return validators[b"etag"] in (etag.strip() for etag in etags.split(b","))


def add_cache_headers(
    headers: list[tuple[bytes, bytes]], status: int, validators: dict[bytes, bytes]
) -> list[tuple[bytes, bytes]]:
    """Return the headers with what a cache may do: store a success for a few seconds, never an error."""
    fields = [(name, limit_max_age(value) if name == b"cache-control" else value) for name, value in headers]
    names = {name for name, _ in fields}
    if status >= 500:
        return [*((name, value) for name, value in fields if name != b"cache-control"), (b"cache-control", b"no-store")]
    fields = [*((name, value) for name, value in fields if name != b"vary"), (b"vary", VARY_VALUE)]
    if status in (200, 304):
        fields += [(name, value) for name, value in validators.items() if name not in names]
        fields += [] if b"cache-control" in names else [(b"cache-control", f"max-age={MAX_CACHE_SECONDS}".encode())]
    return fields


def limit_max_age(cache_control: bytes) -> bytes:
    """Limit how long caches may store a response, even with `_ttl=`, because a text may be taken down.

    >>> [limit_max_age(b) for b in (b"max-age=31536000", b"max-age=5", b"private, no-store", b"public, s-maxage=9999")]
    [b'max-age=5', b'max-age=5', b'private, no-store', b'public, s-maxage=5']
    """
    return MAX_AGE_DIRECTIVE.sub(
        lambda match: match[1] + str(min(int(match[2][-9:]), MAX_CACHE_SECONDS)).encode(), cache_control
    )


def rewrite_origin(scope: dict[str, Any], origin: str) -> dict[str, Any]:
    """Return the request with the scheme and host of the site's public URL."""
    scheme, _, host = origin.rstrip("/").partition("://")
    headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {**scope, "scheme": scheme, "headers": [*headers, (b"host", host.encode())]}


@hookimpl(hookwrapper=True)
def handle_exception(datasette: Any, request: Any, exception: Exception) -> Generator[None, Any, None]:
    """Replace Datasette's error response; pages.py handles NotFound for HTML pages."""

    async def show() -> Any:
        return await render_exception(datasette, request, exception)

    outcome = yield
    if isinstance(exception, NotFound) and not request.path.endswith(".json"):
        return
    if message := find_request_error(request.args, exception):
        exception = DatasetteError(message, status=400)
    if describe_exception(exception)[0] == 500:
        logger.error("%s %s", request.method, request.path, exc_info=exception)
    outcome.force_result([show])


@hookimpl
def forbidden(datasette: Any, request: Any, message: str) -> Any:
    """Replace Datasette's response, which is an HTML page for every path."""

    async def show() -> Any:
        return await render_exception(datasette, request, Forbidden(message))

    return show


async def render_exception(datasette: Any, request: Any, exception: Exception) -> Any:
    """Render an error as JSON for a .json path, else as Datasette's error page."""
    status, message, title = describe_exception(exception)
    headers = {"retry-after": BUSY_RETRY_AFTER} if status == 503 else {}
    if datasette.cors:
        add_cors_headers(headers)
    info = getattr(exception, "error_dict", {}) | {"ok": False, "error": message, "status": status, "title": title}
    if request.path.partition("?")[0].endswith(".json"):
        return Response.json(info, status=status, headers=headers)
    names = {"urls": datasette.urls, "app_css_hash": datasette.app_css_hash(), "menu_links": list}
    template = datasette.jinja_env.select_template([f"{status}.html", "error.html"])
    return Response.html(await template.render_async({**info, **names}), status=status, headers=headers)


def describe_exception(exception: Exception) -> tuple[int, str, str | None]:
    """Return the status and message of an error, and its title or None."""
    if isinstance(exception, DatasetteError):
        # S704: the markup is Datasette's own
        message = Markup(exception.message) if exception.message_is_html else str(exception.message)  # noqa: S704
        status = 400 if exception.status == 500 and message.startswith(CLIENT_ERROR_PREFIXES) else exception.status
        return status, message, exception.title
    if isinstance(exception, Forbidden):
        return 403, FORBIDDEN_SQL_MESSAGE if exception.args == ("execute-sql",) else str(exception.args[0]), "Forbidden"
    if isinstance(exception, Base400):
        return exception.status, str(exception.args[0]) if exception.args else "", None
    if isinstance(exception, QueryInterrupted):
        return 400, TIMEOUT_MESSAGE, "SQL Interrupted"
    return 500, SERVER_ERROR_MESSAGE, None


def find_request_error(query_args: Any, exception: Exception) -> str | None:
    """Return what Datasette cannot read in a query string, for the visitor; None if the fault is ours."""
    if isinstance(exception, RecursionError) and "_json" in query_args:
        return NESTED_JSON_MESSAGE
    if isinstance(exception, ValueError | LookupError | TypeError) and "_through" in query_args:
        return THROUGH_MESSAGE
    if isinstance(exception, json.JSONDecodeError) and any(name.endswith(("__in", "__notin")) for name in query_args):
        return LIST_FILTER_MESSAGE
    if isinstance(exception, ValueError) and "_timelimit" in query_args:
        return TIMELIMIT_MESSAGE
    return None
