"""Security of the site: limits on visitors' SQL, errors of Datasette's pages, and response headers.

Limits. Requests for Datasette's own views of a database (its page, tables, views, queries, `?sql=`,
`_where`, facets, CSV) wait in a queue and have a budget of SQL time. Their statements run in
processes that can be killed (archive.web.request_limits). Searches, comparisons and the change feed
have their own queues. Requests for the archive's other pages and for single rows do not wait. The
number of rejections per second is also limited.

Errors. Whenever a visitor's request is invalid, Datasette prints a traceback with all local
variables, which blocks the only process for nearly a second. It also shows visitors the messages of
unexpected errors. Here, visitors do not see these messages, and an error is logged on one line.

Logs. The access log contains neither clients nor queries, so that nobody can learn what a reader
searched for.

Headers. No page may run scripts or load anything from elsewhere. Caches may keep responses for a
few seconds, and static files for longer. If the database is a snapshot (`datasette serve
--immutable`), every response has an ETag and, as Last-Modified, the time of the snapshot.
Conditional requests then need no SQL.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import Any

import click
from datasette import Forbidden, NotFound, Response
from datasette.database import QueryInterrupted
from datasette.plugins import pm
from datasette.utils import add_cors_headers
from datasette.utils.asgi import Base400
from datasette.views.base import DatasetteError

from archive.i18n import choose_language, translate
from archive.publish.catalogue import FILES_PATH
from archive.times import now
from archive.urls import FilterError
from archive.web.datasette_versions import (
    get_environment,
    is_data_request,
    list_closed_routes,
    list_database_paths,
)
from archive.web.request_limits import (
    SQL,
    WORK,
    BodyReceiver,
    BufferBudget,
    BusyError,
    ResponseDelivery,
    SandboxLimits,
    Turn,
    WorkQueue,
    client_key,
    current_turn,
    has_body,
    parse_query_string,
)
from archive.web.requests import (
    SiteRequest,
    build_problem,
    build_static_url,
    expects_data,
    find_static_file,
    hash_file,
    matches_etag,
)
from archive.web.sql_sandbox import SandboxedDatabase, StarvedQueryError, install_linear_sql_checks

# limits
ALLOWED_METHODS = ("GET", "HEAD", "OPTIONS")
# paths that also allow POST; their views get the body as `archive_body`
POST_PATHS = (
    "/-/check",
    "/-/check.json",
    "/-/mcp",
    *("/-/batch", "/-/batch.json", "/-/batch.csv", "/-/batch.xlsx"),
    "/-/follow",
    "/-/follow/subscription",
)
HOST = re.compile(rb"([\w.-]*|\[[\dA-Fa-f:.]+\])(:\d*)?")

# errors
# Datasette sends these errors with status 500
CLIENT_ERROR_PREFIXES = ("Cannot sort table by", "Cannot use _sort", "Invalid _through")
BUSY_RETRY_AFTER = "10"  # seconds, for a client that was rejected
REFUSALS_PER_SECOND = 25  # each takes about 1 ms of the only thread that serves requests
MAX_REFUSAL_DELAY = 10.0  # seconds

# headers
COMMON_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),  # agencies must not learn what a visitor searched for
    (b"cross-origin-opener-policy", b"same-origin"),
    (
        b"permissions-policy",
        b"camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    ),
)
CSP_PAGES = "; ".join(  # tools that check a page read robots.txt in it; no script of the page can
    (
        *("default-src 'none'", "style-src 'self'", "img-src 'self'", "font-src 'self'"),
        *("connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"),
    )
)
# for JSON, CSV, feeds and files, which need no scripts
CSP_DATA = "default-src 'none'; sandbox; frame-ancestors 'none'"
# a page of an agency, as it was received: with its own styles, but nothing else
CSP_CAPTURES = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
CAPTURES_PATH = "/-/web/"
# charts, which also have styles in them, and may be shown by other sites
SVG_MEDIA_TYPE = "image/svg+xml"
SVG_HEADERS = (
    (b"content-security-policy", CSP_CAPTURES.encode()),
    (b"cross-origin-resource-policy", b"cross-origin"),
)
STATIC_PATHS = ("/static/", "/-/static/", "/-/static-plugins/", "/favicon.ico")
VARY_VALUE = b"Accept-Language, Cookie, Authorization"  # feeds and data also depend on the language
MAX_CACHE_SECONDS = 5  # Datasette's default
MAX_STATIC_CACHE_SECONDS, MAX_CHART_CACHE_SECONDS = 300, 3600
MAX_AGE_DIRECTIVE = re.compile(rb"(max-age=|s-maxage=)(\d+)", re.IGNORECASE)
# with these, the response may depend on random() or the time
UNCACHEABLE_PARAMETER = re.compile(r"(^|&)(sql|_where|_stream|_ttl|_nocache)=")


logger = logging.getLogger(__name__)


def limit_databases(datasette: Any) -> None:
    """Replace each database that Datasette opened from a file with a sandboxed one.

    Also remove clients and queries from the access log, and warn about plugins that add scripts.
    These scripts will not run, because no page allows scripts.
    """
    logging.getLogger("uvicorn.access").addFilter(_hide_reader)
    install_linear_sql_checks()
    for plugin in pm.get_plugins():
        # of Datasette, for plugins with scripts
        if any(hasattr(plugin, hook) for hook in ("extra_js_urls", "extra_body_script")):
            logger.warning(
                "the plugin %s needs scripts, which the site does not allow: it shows nothing",
                plugin.__name__,
            )
    limits = read_limits(datasette)
    for name, db in list(datasette.databases.items()):
        if db.path is None and name != "_internal":
            raise click.ClickException(
                f"{name}: visitors' SQL on an in-memory database cannot be limited"
            )
        if db.path is not None:
            datasette.databases[name] = SandboxedDatabase(datasette, db, limits)


def _hide_reader(record: logging.LogRecord) -> bool:
    """Remove the client and the query from a line of uvicorn's access log.

    Returns True, so that the line is kept.

    >>> values = ("203.0.113.7:1", "GET", "/search?q=bro", "1.1", 200)
    >>> record = logging.makeLogRecord({"args": values})
    >>> _hide_reader(record), record.args
    (True, ('-', 'GET', '/search', '1.1', 200))
    """
    if isinstance(record.args, tuple) and len(record.args) > 2:
        _, method, path, *rest = record.args
        record.args = ("-", method, str(path).partition("?")[0], *rest)
    return True


def read_limits(datasette: Any) -> SandboxLimits:
    """Return the limits that metadata.json sets for the plugin "guard", with defaults for those
    that it does not set.

    The keys in metadata.json are fields of SandboxLimits, and the types of work in WORK.
    """
    settings = datasette.plugin_config("guard") or {}
    work = {kind: usual._replace(**settings.get(kind, {})) for kind, usual in WORK.items()}
    others = {name: value for name, value in settings.items() if name not in WORK}
    return SandboxLimits(work=work, **others)


def list_closed_pages(datasette: Any) -> list[tuple[str, Any]]:
    """Return routes that respond with 404, for Datasette's pages that the site does not offer."""

    async def hide() -> None:
        raise NotFound("There is no such page")

    return [(pattern, hide) for pattern in list_closed_routes(datasette)]


def wrap_application(datasette: Any) -> Any:
    """Return a function that wraps the application, to apply limits and add headers."""
    limiter, headers = RequestLimiter(datasette), ResponseHeaders(datasette)

    def wrap(app: Any) -> Any:
        # a function: uvicorn recognises it
        async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
            # archive_app: for a view that requests other pages of the site (archive.views.mcp)
            await headers.serve(
                partial(limiter.serve, app), {**scope, "archive_app": serve}, receive, send
            )

        return serve

    return wrap


def _check_request(scope: dict[str, Any]) -> None:
    """Raise ValueError if Datasette cannot process the path or the Host header of a request.

    >>> _check_request({"path": "/", "headers": [(b"host", b"[::1]:8001")]})
    >>> _check_request({"path": "/", "headers": [(b"host", b"[")]})
    Traceback (most recent call last):
    ValueError: the Host header is not a host
    """
    if "\0" in scope["path"]:
        raise ValueError("the URL contains a null character")
    if not HOST.fullmatch(dict(scope["headers"]).get(b"host", b"")):
        raise ValueError("the Host header is not a host")


def _find_work(path: str, query_args: Mapping[str, str], *, is_post: bool) -> str | None:
    """Return the type of work to which a request for a page of the archive belongs.

    Returns None if such a request does not wait in a queue.

    >>> paths = ("/search.json", "/search.csv", "/search.xlsx", "/-/revision/7", "/-/batch")
    >>> [_find_work(path, {"q": "fyr", "hit": "1"}, is_post=False) for path in paths]
    ['/search', '/search.csv', None, '/search', '/-/batch']
    >>> _find_work("/-/batch.xlsx", {}, is_post=True)
    'POST /-/batch'
    """
    if path.endswith(".xlsx") and not is_post:
        return None  # it waits before each of its batches (archive.web.exports)
    # such a page repeats the search
    slow_path = (
        "/search"
        if "hit" in query_args and path.startswith(("/archive/releases/", "/-/revision/"))
        else path
    )
    slow_path = f"POST {path}" if is_post else slow_path
    return next((kind for kind in WORK if slow_path.startswith(kind)), None)


class RequestLimiter:
    """Limits requests, with a queue for each type of work (archive.web.request_limits.WORK)."""

    def __init__(self, datasette: Any) -> None:
        self.datasette = datasette
        self.limits = read_limits(datasette)
        self.queues = {kind: WorkQueue(work) for kind, work in self.limits.work.items()}
        self.buffer_budget, self.bodies = BufferBudget(self.limits), BodyReceiver(self.limits)
        self.delayed_refusals = 0
        self.busy_pages: dict[str, str] = {}  # by language

    async def serve(self, app: Any, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve a request.

        The request is rejected if it is invalid or exceeds a limit, or if too many other requests
        are waiting.
        """
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        path = self.read_path(scope)
        is_post = scope["method"] == "POST" and path in POST_PATHS
        send_refusal = _choose_refusal_send(scope, send)
        if scope["method"] not in ALLOWED_METHODS and not is_post:
            allow = ", ".join((*ALLOWED_METHODS, "POST") if path in POST_PATHS else ALLOWED_METHODS)
            refusal = self.reject(path, 405, "This site can only be read.", allow=allow)
            await refusal.asgi_send(send_refusal)
            return
        try:
            _check_request(scope)
            query_args = dict(
                parse_query_string(scope.get("query_string", b"").decode("latin-1"), self.limits)
            )
        except ValueError as error:
            await self.reject(path, 400, str(error)).asgi_send(send_refusal)
            return
        scope = {**scope, "archive_queues": self.queues}
        await self.serve_checked(app, scope, receive, send, path=path, query_args=query_args)

    def read_path(self, scope: dict[str, Any]) -> str:
        """Return the path of a request as the client sent it, but without Datasette's base_url."""
        raw = scope.get("raw_path") or scope["path"].encode()
        base = self.datasette.setting("base_url").rstrip("/")
        return str(raw.decode("latin-1").partition("?")[0].removeprefix(base))

    async def serve_checked(
        self,
        app: Any,
        scope: dict[str, Any],
        receive: Any,
        send: Any,
        *,
        path: str,
        query_args: Mapping[str, str],
    ) -> None:
        """Serve a valid request when its turn comes.

        The request is refused if too many other requests are waiting.
        """
        client, is_post = client_key(scope), scope["method"] == "POST"
        is_sql = is_data_request(path, list_database_paths(self.datasette))
        kind = SQL if is_sql else _find_work(path, query_args, is_post=is_post)
        turn = self.build_turn(kind, path, query_args, client) if kind else None
        refuse = partial(self.refuse, scope, path, query_args)
        send_refusal = _choose_refusal_send(scope, send)
        # before any expensive work
        if turn and not turn.queue.has_room(client):
            turn.queue.refused += 1
            await refuse(send_refusal)
            return
        if is_post:
            body = await self.bodies.receive(scope, receive, client)
            if body is None:
                await refuse(send_refusal)
                return
            scope = {**scope, "archive_body": body}
            if not body.is_received:
                # the server's own receive() would ask for the body with "100 Continue"
                send, receive = send_refusal, _receive_nothing
        delivery = ResponseDelivery(
            self.limits,
            self.buffer_budget,
            send,
            turn,
            killable=is_sql or is_post or path.endswith(".xlsx"),
            is_export=_is_export(path, is_sql=is_sql),
        )
        run = partial(_run_in_turn, app=app, turn=turn, is_sql=is_sql, refuse=refuse)
        try:
            await delivery.run(run, scope, receive)
        finally:
            if turn:
                turn.close()

    def build_turn(self, kind: str, path: str, query_args: Mapping[str, str], client: str) -> Turn:
        """Return the turn of a request.

        A request that runs visitors' SQL gets the limits for the format of its response.
        """
        build = partial(Turn, self.limits, self.queues[kind], client=client)
        if kind != SQL:
            return build()
        if path.endswith((".csv", ".xlsx")):  # an Excel file is written from a stream
            return build("csv", streaming="_stream" in query_args or path.endswith(".xlsx"))
        if "." not in path:
            return build("html")
        return build("parsed" if "_json" in query_args else "json")

    async def refuse(
        self, scope: dict[str, Any], path: str, query_args: Mapping[str, str], send: Any
    ) -> None:
        """Refuse a request with status 503.

        The response is delayed by up to MAX_REFUSAL_DELAY seconds, to keep the number of refusals
        per second at REFUSALS_PER_SECOND.
        """
        self.delayed_refusals += 1
        try:
            await asyncio.sleep(min(self.delayed_refusals / REFUSALS_PER_SECOND, MAX_REFUSAL_DELAY))
        finally:
            self.delayed_refusals -= 1
        await (await self.build_refusal(scope, path, query_args)).asgi_send(send)

    async def build_refusal(
        self, scope: dict[str, Any], path: str, query_args: Mapping[str, str]
    ) -> Response:
        """Build a 503 response with Retry-After.

        The response is a page in the visitor's language, or a line of text or JSON. The page is
        rendered once per language, because a busy server has no time to render it for each visitor.
        """
        headers = {"retry-after": BUSY_RETRY_AFTER}
        if "." in path.rpartition("/")[2]:
            return self.reject(path, 503, str(BusyError()), **headers)
        accept_language = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
        language = choose_language(query_args.get("lang"), accept_language)
        scope.get("archive_page", {})["language"] = language
        if language not in self.busy_pages:
            template = get_environment(self.datasette).get_template("busy.html")
            self.busy_pages[language] = await template.render_async(
                lang=language,
                t=partial(translate, language),
                urls=self.datasette.urls,
                static_url=partial(build_static_url, self.datasette),
            )
        return Response.html(self.busy_pages[language], status=503, headers=headers)

    def reject(self, path: str, status: int, message: str, **headers: str) -> Response:
        """Return an error response as plain text or, for a .json path, as problem details.

        CORS headers are added if Datasette allows CORS.
        """
        if self.datasette.cors:
            add_cors_headers(headers)
        if path.endswith(".json"):
            base = self.datasette.setting("base_url").rstrip("/")
            return build_problem(base + path, status, message, {}, headers)
        return Response.text(f"{message}\n", status=status, headers=headers)


def _is_export(path: str, *, is_sql: bool) -> bool:
    """Return whether a response is a whole list or file, which may take longer to send because of
    its length.
    """
    return (not is_sql and path.endswith((".csv", ".xlsx"))) or path.startswith(FILES_PATH)


async def _receive_nothing() -> dict[str, Any]:
    nothing: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    return await nothing


def _choose_refusal_send(scope: dict[str, Any], send: Any) -> Any:
    """Return the function that sends a refusal.

    If the request has a body, the function also closes the connection. Otherwise, the server would
    take the unread body for the next request, or would keep receiving it without end.
    """
    return partial(_send_and_close, send) if has_body(scope) else send


async def _run_in_turn(
    scope: dict[str, Any],
    receive: Any,
    send: Any,
    *,
    app: Any,
    turn: Turn | None,
    is_sql: bool,
    refuse: Callable[[Any], Awaitable[None]],
) -> None:
    """Run the application when it is the request's turn.

    The request is refused if the queue is full or the wait takes too long.
    """
    current_turn.set(turn if is_sql else None)
    try:
        if turn and turn.streaming:
            turn.begin_download()  # it waits before each of its pages
        elif turn:
            await turn.acquire_slot()
        await app(scope, receive, send)
    except BusyError:
        await refuse(send)


async def _send_and_close(send: Any, message: dict[str, Any]) -> None:
    """Send an ASGI message.

    If it starts a response, add a header that makes the server close the connection.
    """
    if message["type"] == "http.response.start":
        message = {**message, "headers": [*message.get("headers", []), (b"connection", b"close")]}
    await send(message)


class ResponseHeaders:
    """Adds security and cache headers to every response, and handles conditional requests."""

    def __init__(self, datasette: Any) -> None:
        self.datasette = datasette
        self.origin = (datasette.plugin_config("headers") or {}).get("origin")
        self.base = datasette.setting("base_url").rstrip("/")
        # time of a snapshot; kept, because the file may be deleted while it is served
        self.last_modified: bytes | None = None

    async def serve(self, app: Any, scope: dict[str, Any], receive: Any, send: Any) -> None:
        page: dict[
            str, str
        ] = {}  # datasette_setup.py sets the language of a page of the archive here
        is_static, is_capture, validators = False, False, {}
        if scope["type"] == "http":
            scope = _rewrite_request(scope, self.origin)
            path = scope["path"].removeprefix(self.base)
            is_static = path.startswith(STATIC_PATHS)
            is_capture = path.startswith(CAPTURES_PATH)
            validators = (
                _build_static_headers(path, scope)
                if is_static
                else self.build_snapshot_headers(scope)
            )

        async def send_with_headers(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = _build_response_headers(
                    message, validators, page.get("language"), is_static=is_static
                )
                if is_capture and any(name == b"memento-datetime" for name, _ in headers):
                    headers = _drop_header(headers, b"content-security-policy")
                    headers.append((b"content-security-policy", CSP_CAPTURES.encode()))
                message = {**message, "headers": headers}
            await send(message)

        if _is_not_modified(scope, validators):
            # without security headers, because a browser replaces its stored headers with those of
            # a 304
            fields = (
                list(validators.items()) if is_static else _add_cache_headers([], 304, validators)
            )
            await send({"type": "http.response.start", "status": 304, "headers": fields})
            await send({"type": "http.response.body", "body": b""})
        else:
            await app({**scope, "archive_page": page}, receive, send_with_headers)

    def build_snapshot_headers(self, scope: dict[str, Any]) -> dict[bytes, bytes]:
        """Return the ETag and Last-Modified headers for a snapshot.

        Returns {} for an archive that a crawl may change, and for requests whose responses must not
        be cached. The ETag includes the hour, because pages show the age of the data.
        """
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


def _build_response_headers(
    message: dict[str, Any],
    validators: dict[bytes, bytes],
    language: str | None,
    *,
    is_static: bool,
) -> list[tuple[bytes, bytes]]:
    """Return the headers of a response, with headers for caches and security added."""
    status = message["status"]
    headers = [(name.lower(), value) for name, value in message.get("headers", [])]
    content_type = dict(headers).get(b"content-type", b"").decode("latin-1")
    is_redirect = 300 <= status < 400
    media_type = "" if is_redirect else content_type.partition(";")[0].strip().lower()
    security = _build_security_headers(media_type, language)
    headers = [(name, value) for name, value in headers if name not in security]
    if not is_static:
        # a chart has no text of a release that may be taken down
        max_age = MAX_CHART_CACHE_SECONDS if media_type == SVG_MEDIA_TYPE else MAX_CACHE_SECONDS
        headers = _add_cache_headers(headers, status, validators, max_age)
    elif status == 200:
        headers = [(name, value) for name, value in headers if name not in validators]
        headers += validators.items()
    return [*headers, *security.items()]


def _build_security_headers(media_type: str, language: str | None) -> dict[bytes, bytes]:
    """Return the security headers of a response.

    `language` is None unless the response is a page.
    """
    headers = dict(COMMON_HEADERS)
    headers[b"content-security-policy"] = (
        CSP_PAGES if media_type == "text/html" else CSP_DATA
    ).encode()
    headers.update(SVG_HEADERS if media_type == SVG_MEDIA_TYPE else ())
    if language:
        headers[b"content-language"] = language.encode()
    return headers


def _build_static_headers(path: str, scope: dict[str, Any]) -> dict[bytes, bytes]:
    """Return the headers with the ETag and cache lifetime of a static file, or {} for other paths.

    The lifetime is a year if the URL contains the current hash of the file.
    """
    file = find_static_file(path)
    if file is None:
        return {}
    file_hash = hash_file(file).encode()
    # during an update, a URL with the old hash must not get a long lifetime
    has_hash = scope.get("query_string") == file_hash
    max_age = (
        b"max-age=31536000, immutable"
        if has_hash
        else f"max-age={MAX_STATIC_CACHE_SECONDS}".encode()
    )
    return {b"etag": b'"%s"' % file_hash, b"cache-control": max_age}


def _is_not_modified(scope: dict[str, Any], validators: dict[bytes, bytes]) -> bool:
    """Return whether the client already has the current version, according to If-None-Match.

    >>> # a proxy that compresses makes an ETag weak
    >>> scope = {"headers": [(b"if-none-match", b'W/"1", W/"2-sv"')]}
    >>> [_is_not_modified(scope, {b"etag": tag}) for tag in (b'W/"2-sv"', b'"2-sv"', b'W/"2-en"')]
    [True, True, False]
    >>> _is_not_modified(scope, {})
    False
    """
    if not validators:
        return False
    if_none_match = dict(scope["headers"]).get(b"if-none-match", b"").decode("latin-1")
    return matches_etag(if_none_match, validators[b"etag"].decode().removeprefix("W/"))


def _add_cache_headers(
    headers: list[tuple[bytes, bytes]],
    status: int,
    validators: dict[bytes, bytes],
    max_age: int = MAX_CACHE_SECONDS,
) -> list[tuple[bytes, bytes]]:
    """Add caching headers.

    Caches may store successful responses for a few seconds, and server errors (status 5xx) not at
    all.

    max_age: the longest time, in seconds, for which caches may store a response.
    """
    if status >= 500:
        return [*_drop_header(headers, b"cache-control"), (b"cache-control", b"no-store")]
    names = {name for name, _ in headers}
    fields = [
        (name, _limit_max_age(value, max_age) if name == b"cache-control" else value)
        for name, value in _drop_header(headers, b"vary")
    ]
    # of a TimeGate (archive.views.memento)
    by_time = b"accept-datetime" in dict(headers).get(b"vary", b"")
    fields.append((b"vary", VARY_VALUE + (b", Accept-Datetime" if by_time else b"")))
    if status in (200, 304):
        fields += [(name, value) for name, value in validators.items() if name not in names]
        if b"cache-control" not in names:
            fields.append((b"cache-control", f"max-age={MAX_CACHE_SECONDS}".encode()))
    return fields


def _drop_header(headers: list[tuple[bytes, bytes]], dropped: bytes) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in headers if name != dropped]


def _limit_max_age(cache_control: bytes, most: int = MAX_CACHE_SECONDS) -> bytes:
    """Limit how long caches may store a response, even if the request contains `_ttl=`.

    The limit matters because the text of the response may be taken down.

    >>> [_limit_max_age(b) for b in (b"max-age=31536000", b"max-age=5", b"private, no-store")]
    [b'max-age=5', b'max-age=5', b'private, no-store']
    >>> _limit_max_age(b"public, s-maxage=9999")
    b'public, s-maxage=5'
    """
    return MAX_AGE_DIRECTIVE.sub(
        lambda match: match[1] + str(min(int(match[2][-9:]), most)).encode(),
        cache_control,
    )


def _rewrite_request(scope: dict[str, Any], origin: str | None) -> dict[str, Any]:
    """Return the request without cookies. If `origin` is set, its scheme and host are used.

    The archive sets no cookies, and Datasette fails on some cookies of other sites on the same
    host.
    """
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"cookie"]
    if not origin:
        return {**scope, "headers": headers}
    scheme, _, host = origin.rstrip("/").partition("://")
    headers = [(name, value) for name, value in headers if name != b"host"]
    return {**scope, "scheme": scheme, "headers": [*headers, (b"host", host.encode())]}


def answer_exception(
    datasette: Any, request: Any, exception: Exception
) -> Callable[[], Awaitable[Any]]:
    """Return a function that renders an error. Only server errors are logged.

    Datasette itself would log a traceback for every mistyped URL.
    """
    is_missing_page = isinstance(exception, NotFound) and not expects_data(request)
    if isinstance(exception, RecursionError) and "_json" in request.args:
        nested = "a column of values that can be read"
        exception = FilterError("_json", request.args["_json"], nested, "error.nested_json")

    async def show() -> Any:
        if is_missing_page:
            return await SiteRequest(request, datasette).render("not_found.html", {}, status=404)
        return await _render_exception(datasette, request, exception)

    if _describe_exception(exception)[0] == 500:
        logger.error("%s %s", request.method, request.path, exc_info=exception)
    return show


def answer_forbidden(datasette: Any, request: Any, message: str) -> Any:
    """Return a function that renders the response to a forbidden request.

    Datasette's own response is an HTML page even for data formats.
    """

    async def show() -> Any:
        return await _render_exception(datasette, request, Forbidden(message))

    return show


async def _render_exception(datasette: Any, request: Any, exception: Exception) -> Any:
    """Render an error as a page in the visitor's language or, for data formats, as problem details.

    Problem details are in English.
    """
    status, text_key, values = _describe_exception(exception)
    headers = {"retry-after": BUSY_RETRY_AFTER} if status == 503 else {}
    if datasette.cors:
        add_cors_headers(headers)
    members = getattr(exception, "error_dict", {}) if expects_data(request) else None
    return await SiteRequest(request, datasette).respond_with_error(
        status, text_key, values, members, headers
    )


def _describe_exception(exception: Exception) -> tuple[int, str, dict[str, str]]:
    """Return an error's status, the key of its interface text, and the values to insert."""
    if isinstance(exception, FilterError):
        return 400, exception.text_key, exception.text_values
    if isinstance(exception, BusyError) or _is_starved(exception):
        return 503, "error.busy_hint", {}
    # Datasette's message contains an HTML form with the SQL
    if isinstance(exception, QueryInterrupted) or getattr(exception, "message_is_html", False):
        return 400, "error.data_too_slow", {}
    if isinstance(exception, DatasetteError):
        return _describe_datasette_error(exception)
    if isinstance(exception, Forbidden):
        return _describe_refusal(exception)
    if isinstance(exception, NotFound):
        return _describe_missing_page(exception)
    if isinstance(exception, Base400):
        message = str(exception.args[0]) if exception.args else ""
        return exception.status, "error.bad_request", {"message": message}
    return 500, "error.data_fault", {}


def _is_starved(exception: Exception) -> bool:
    """Return whether a statement's time ran out because the machine was busy with other work.

    Datasette replaces the error of an interrupted query with an error of its own, whose context is
    the original error.
    """
    errors = (exception, exception.__context__)
    return any(isinstance(error, StarvedQueryError) for error in errors)


def _describe_datasette_error(exception: DatasetteError) -> tuple[int, str, dict[str, str]]:
    message, status = str(exception.message), exception.status
    if status == 500 and message.startswith(CLIENT_ERROR_PREFIXES):
        status = 400
    return status, "error.data_refused", {"message": message}


def _describe_refusal(exception: Forbidden) -> tuple[int, str, dict[str, str]]:
    if exception.args == ("execute-sql",):
        return 403, "error.data_no_sql", {}
    return 403, "error.data_refused", {"message": str(exception.args[0])}


def _describe_missing_page(exception: NotFound) -> tuple[int, str, dict[str, str]]:
    # Datasette's messages for unknown paths of one or two parts, and for longer ones
    if exception.args in (("Database not found",), ("404",)):
        return 404, "error.data_not_found", {}
    return 404, "error.not_found_because", {"message": str(exception.args[0])}
