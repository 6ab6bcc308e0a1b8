"""Headers, SQL limits, Datasette error pages.

Answers what goes wrong in Datasette's own pages, and writes one line of it: visitors' mistakes are no news.

Datasette prints each with its traceback and all local variables, which takes a good part of a second of the only
process there is, and hands on the words of errors it does not know.

Visitors' SQL under limits that hold: it runs in processes that are killed in time (archive/guard), in turn.

Every request for Datasette's own views of a database (its page, tables, views, queries, `?sql=`, `_where`, facets, CSV)
takes a turn and has a budget; pages of ours and single rows do not wait behind them. Searches and comparisons of
ours, which may take a while, wait in lines of their own. What asks for too much at once, whatever page it is of, and
what changes nothing here is refused before it is looked at: the site takes GET, HEAD and OPTIONS alone.

Puts strict headers on every answer; only Datasette's own pages, which need inline scripts, may have those.

It also says what a cache may keep, and for how long. Over a snapshot (`datasette serve --immutable`) every answer has
the moment of the snapshot as Last-Modified and an ETag, and who has it already is told so without any SQL.
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

LOG = logging.getLogger(__name__)
TIMEOUT_MESSAGE = "the statement took too long"
CLIENT_ERROR_PREFIXES = (
    "Cannot sort table by",
    "Cannot use _sort",
    "Invalid _through",
)  # Datasette calls them faults of its own
NESTED_JSON_MESSAGE = "_json= names a column with a value that is nested too deeply to be read as JSON"
THROUGH_MESSAGE = '_through= is a JSON object with "table", "column" and "value"'
TIMELIMIT_MESSAGE = "_timelimit= is a number of milliseconds"
LIST_FILTER_MESSAGE = "a list behind __in= or __notin= that begins with [ is JSON"
FORBIDDEN_SQL_MESSAGE = (
    "visitors may not bring SQL of their own to this site; tables, filters and queries that it names can be asked"
)
SERVER_ERROR_MESSAGE = "something went wrong here; it has been noted"
BUSY_RETRY_AFTER = "10"  # seconds, after which one who was refused may ask again


def describe_exception(exception: Exception) -> tuple[int, str, str | None]:
    """Status, words, and a title if there is one."""
    if isinstance(exception, DatasetteError):
        words = Markup(exception.message) if exception.message_is_html else str(exception.message)  # noqa: S704 - Datasette's own
        status = 400 if exception.status == 500 and words.startswith(CLIENT_ERROR_PREFIXES) else exception.status
        return status, words, exception.title
    if isinstance(exception, Forbidden):
        return 403, FORBIDDEN_SQL_MESSAGE if exception.args == ("execute-sql",) else str(exception.args[0]), "Forbidden"
    if isinstance(exception, Base400):
        return exception.status, str(exception.args[0]) if exception.args else "", None
    if isinstance(exception, QueryInterrupted):
        return 400, TIMEOUT_MESSAGE, "SQL Interrupted"
    return 500, SERVER_ERROR_MESSAGE, None


def find_request_error(query_args: Any, exception: Exception) -> str | None:
    """What in an address Datasette stumbles over, in words for the visitor; None where the fault is ours."""
    if isinstance(exception, RecursionError) and "_json" in query_args:
        return NESTED_JSON_MESSAGE
    if isinstance(exception, ValueError | LookupError | TypeError) and "_through" in query_args:
        return THROUGH_MESSAGE
    if isinstance(exception, json.JSONDecodeError) and any(name.endswith(("__in", "__notin")) for name in query_args):
        return LIST_FILTER_MESSAGE
    if isinstance(exception, ValueError) and "_timelimit" in query_args:
        return TIMELIMIT_MESSAGE
    return None


async def render_exception(datasette: Any, request: Any, exception: Exception) -> Any:
    """JSON to those who asked for it, else Datasette's own error page."""
    status, words, title = describe_exception(exception)
    headers = {"retry-after": BUSY_RETRY_AFTER} if status == 503 else {}
    if datasette.cors:
        add_cors_headers(headers)
    info = getattr(exception, "error_dict", {}) | {"ok": False, "error": words, "status": status, "title": title}
    if request.path.partition("?")[0].endswith(".json"):
        return Response.json(info, status=status, headers=headers)
    names = {"urls": datasette.urls, "app_css_hash": datasette.app_css_hash(), "menu_links": list}
    template = datasette.jinja_env.select_template([f"{status}.html", "error.html"])
    return Response.html(await template.render_async({**info, **names}), status=status, headers=headers)


@hookimpl(hookwrapper=True)
def handle_exception(datasette: Any, request: Any, exception: Exception) -> Generator[None, Any, None]:
    """In place of Datasette's; a mistyped address is for not_found.py."""

    async def show() -> Any:
        return await render_exception(datasette, request, exception)

    outcome = yield
    if isinstance(exception, NotFound) and not request.path.endswith(".json"):
        return
    if mistake := find_request_error(request.args, exception):
        exception = DatasetteError(mistake, status=400)
    if describe_exception(exception)[0] == 500:
        LOG.error("%s %s", request.method, request.path, exc_info=exception)
    outcome.force_result([show])


@hookimpl
def forbidden(datasette: Any, request: Any, message: str) -> Any:
    """In place of Datasette's, which answers all with a page."""

    async def show() -> Any:
        return await render_exception(datasette, request, Forbidden(message))

    return show


ALLOWED_METHODS = ("GET", "HEAD", "OPTIONS")
MAX_CONCURRENT_BY_PATH = {
    "/-/diff/": 1,
    "/search": 3,
    "/-/changes": 2,
}  # at once; these compute for a while where texts are long
CLOSED_PATHS = "allow-debug|auth-token|databases|logout|messages|patterns|permissions|threads"


def sandbox_databases(datasette: Any) -> None:
    """Put a guarded database in the place of each that Datasette made of a file."""
    limits = SandboxLimits(**(datasette.plugin_config("guard") or {}))  # of the metadata's plugins; all of them public
    for name, db in list(datasette.databases.items()):
        if db.path is None and name != "_internal":
            raise click.ClickException(f"{name}: visitors' SQL over a database in memory cannot be held to limits")
        if db.path is not None:
            datasette.databases[name] = SandboxedDatabase(datasette, db, limits)


def is_data_request(path: str, database_names: list[str]) -> bool:
    """Whether Datasette will answer from a whole table or a statement; a single row costs little.

    >>> [is_data_request(p, ["archive"]) for p in ("/archive", "/archive.json", "/~61rchive/releases", "/archive/x/1", "/")]
    [True, True, True, False, False]
    """
    parts = path.strip("/").split("/")
    return tilde_decode(parts[0].partition(".")[0]) in database_names and len(parts) < 3


@hookimpl
def startup(datasette: Any) -> None:
    """Before the first request."""
    install_linear_sql_checks()
    sandbox_databases(datasette)


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """Datasette's pages for debugging and logging in have no use here; /-/databases tells paths of the machine."""

    async def hide() -> None:
        raise NotFound("There is no such page here")

    return [(rf"/-/({CLOSED_PATHS})(\.json)?$", hide)]


def wrap_request_limiter(datasette: Any) -> Any:
    """Each request in a visit or a line of its own; its turn is given back as soon as the answer begins."""
    doors = RequestLimiter(datasette)

    def wrap(app: Any) -> Any:
        async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
            elif scope["method"] not in ALLOWED_METHODS:
                answer = doors.reject(
                    scope["path"], 405, "This site can only be read.", allow=", ".join(ALLOWED_METHODS)
                )
                await answer.asgi_send(send)
            else:
                await doors.serve(app, scope, receive, send)

        return serve

    return wrap


class RequestLimiter:
    """One for visitors' statements, one for each kind of page of ours that takes a while, and an open one."""

    def __init__(self, datasette: Any) -> None:
        self.datasette = datasette
        self.limits = SandboxLimits(**(datasette.plugin_config("guard") or {}))
        self.visitor_queue, self.buffer_budget = RequestQueue(self.limits), BufferBudget(self.limits)
        self.page_queues = [
            (path, RequestQueue(replace(self.limits, workers=most))) for path, most in MAX_CONCURRENT_BY_PATH.items()
        ]

    async def serve(self, app: Any, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """503 where too many are waiting already, 400 where the question itself is too much."""
        raw = scope.get("raw_path") or scope["path"].encode()
        path = raw.decode("latin-1").partition("?")[0].removeprefix(self.datasette.setting("base_url").rstrip("/"))
        try:
            asked = parse_query_string(scope.get("query_string", b"").decode("latin-1"), self.limits)
        except ValueError as error:
            await self.reject(path, 400, str(error)).asgi_send(send)
            return
        visit = (
            self.build_visitor_request(path, dict(asked))
            if is_data_request(path, list(self.datasette.databases))
            else None
        )
        line = next((turns for begin, turns in self.page_queues if path.startswith(begin)), None)
        turn = visit or (VisitorRequest(self.limits, line) if line else None)

        async def run(scope: dict[str, Any], receive: Any, send: Any) -> None:
            current_visitor_request.set(visit)
            try:
                if turn and turn.streaming:
                    turn.begin_stream()
                if turn and not visit:
                    await turn.acquire_slot()
                await app(scope, receive, send)
            except BusyError as error:
                await self.reject(path, 503, str(error), **{"retry-after": "10"}).asgi_send(send)

        try:
            await ResponseDelivery(self.limits, self.buffer_budget, send, turn, killable=bool(visit)).run(
                run, scope, receive
            )
        finally:
            if turn:
                turn.close()

    def build_visitor_request(self, path: str, query_args: Mapping[str, str]) -> VisitorRequest:
        """What a request for data may cost, by what it asks for."""
        kind = (
            "csv"
            if path.endswith(".csv")
            else "html"
            if "." not in path
            else "parsed"
            if "_json" in query_args
            else "json"
        )
        return VisitorRequest(
            self.limits, self.visitor_queue, kind, streaming=kind == "csv" and "_stream" in query_args
        )

    def reject(self, path: str, status: int, words: str, **headers: str) -> Response:
        """A line of plain text; JSON to those who ask for it, whatever site their page is of."""
        if self.datasette.cors:
            add_cors_headers(headers)
        if path.endswith(".json"):
            told = {"ok": False, "error": words, "status": status, "title": None}
            return Response.json(told, status=status, headers=headers)
        return Response.text(f"{words}\n", status=status, headers=headers)


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
MAX_AGE_DIRECTIVE = re.compile(rb"(max-age=|s-maxage=)(\d+)", re.IGNORECASE)
MAX_CACHE_SECONDS = 5  # seconds, as Datasette's default
VARY_VALUE = b"Accept-Language, Cookie, Authorization"  # feeds and data are told in the reader's language, too
UNCACHEABLE_PARAMETER = re.compile(r"(^|&)(sql|_where|_stream|_ttl|_nocache)=")  # may ask for chance, or for the time
STATIC_PATHS = ("/static/", "/-/static/", "/-/static-plugins/", "/favicon.ico")
CSP_DATA = "default-src 'none'; sandbox; frame-ancestors 'none'"  # JSON, CSV, feeds, files: nothing in them may run
COMMON_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),  # an agency is not told what a reader searched for
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"),
)


def build_security_headers(media_type: str, language: str | None) -> dict[bytes, bytes]:
    """What an answer of a media type says beside its content; `language` is that of a template of ours, else None."""
    told = dict(COMMON_HEADERS)
    page = CSP_OWN_PAGES if language else CSP_DATASETTE_PAGES
    told[b"content-security-policy"] = (page if media_type == "text/html" else CSP_DATA).encode()
    if language:
        told[b"content-language"] = language.encode()
    return told


class SnapshotValidators:
    """What tells one state of the site from another; none over an archive that a crawl may change at any moment."""

    def __init__(self, datasette: Any) -> None:
        self.datasette = datasette
        self.last_modified: bytes | None = None  # of the file: told also when that was deleted since

    def build_headers(self, scope: dict[str, Any]) -> dict[bytes, bytes]:
        """ETag and Last-Modified for a request; the hour is in it, for pages also tell how old what they show is."""
        db = self.datasette.databases.get("archive")
        if db is None or db.is_mutable or scope["method"] not in ("GET", "HEAD"):
            return {}
        if UNCACHEABLE_PARAMETER.search(scope.get("query_string", b"").decode("latin-1")):
            return {}
        accepted = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
        tag = f'W/"{db.hash[:20]}-{choose_language(None, accepted)}-{now():%d%H}"'
        if self.last_modified is None:
            self.last_modified = formatdate(Path(db.path).stat().st_mtime, usegmt=True).encode()
        return {b"etag": tag.encode(), b"last-modified": self.last_modified}


def is_not_modified(scope: dict[str, Any], validators: dict[bytes, bytes]) -> bool:
    """Whether who asks has just this already.

    >>> query_args = {"headers": [(b"if-none-match", b'W/"1", W/"2-sv"')]}
    >>> is_not_modified(query_args, {b"etag": b'W/"2-sv"'}), is_not_modified(query_args, {b"etag": b'W/"2-en"'}), is_not_modified(query_args, {})
    (True, False, False)
    """
    if not validators:
        return False
    known = dict(scope["headers"]).get(b"if-none-match", b"")
    return validators[b"etag"] in (each.strip() for each in known.split(b","))


def add_cache_headers(
    headers: list[tuple[bytes, bytes]], status: int, validators: dict[bytes, bytes]
) -> list[tuple[bytes, bytes]]:
    """The fields with what a cache may do: keep what went well for a moment, and nothing of a fault."""
    kept = [(name, limit_max_age(value) if name == b"cache-control" else value) for name, value in headers]
    names = {name for name, _ in kept}
    if status >= 500:
        return [*((name, value) for name, value in kept if name != b"cache-control"), (b"cache-control", b"no-store")]
    kept = [*((name, value) for name, value in kept if name != b"vary"), (b"vary", VARY_VALUE)]
    if status in (200, 304):
        kept += [(name, value) for name, value in validators.items() if name not in names]
        kept += [] if b"cache-control" in names else [(b"cache-control", f"max-age={MAX_CACHE_SECONDS}".encode())]
    return kept


def limit_max_age(cache_control: bytes) -> bytes:
    """A cache may keep nothing for long, whatever a visitor asked for with `_ttl=`: a text may be taken down.

    >>> [limit_max_age(b) for b in (b"max-age=31536000", b"max-age=5", b"private, no-store", b"public, s-maxage=9999")]
    [b'max-age=5', b'max-age=5', b'private, no-store', b'public, s-maxage=5']
    """
    return MAX_AGE_DIRECTIVE.sub(
        lambda found: found[1] + str(min(int(found[2][-9:]), MAX_CACHE_SECONDS)).encode(), cache_control
    )


def rewrite_origin(scope: dict[str, Any], origin: str) -> dict[str, Any]:
    """The request as if it were made to the site's public address, whatever its Host header says."""
    scheme, _, host = origin.rstrip("/").partition("://")
    kept = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {**scope, "scheme": scheme, "headers": [*kept, (b"host", host.encode())]}


def wrap_headers(datasette: Any) -> Any:
    """interface.py notes in the scope that a template of ours was rendered, and in which language."""
    origin = (datasette.plugin_config("headers") or {}).get("origin")
    base = datasette.setting("base_url").rstrip("/")
    stamps = SnapshotValidators(datasette)

    def wrap(app: Any) -> Any:
        async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
            page: dict[str, str] = {}
            if origin and scope["type"] == "http":
                scope = rewrite_origin(scope, origin)
            lasting = str(scope.get("path", "")).removeprefix(base).startswith(STATIC_PATHS)
            stamp = stamps.build_headers(scope) if scope["type"] == "http" and not lasting else {}

            async def send_marked(message: dict[str, Any]) -> None:
                if message["type"] == "http.response.start":
                    said = [(name.lower(), value) for name, value in message.get("headers", [])]
                    kind = dict(said).get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
                    own = build_security_headers("" if 300 <= message["status"] < 400 else kind, page.get("language"))
                    kept = [(name, value) for name, value in said if name not in own]
                    if not lasting:
                        kept = add_cache_headers(kept, message["status"], stamp)
                    message = {**message, "headers": [*kept, *own.items()]}
                await send(message)

            if is_not_modified(scope, stamp):
                # nothing else: a browser puts what a 304 says in the place of what it has, the policy too
                fields = add_cache_headers([], 304, stamp)
                await send({"type": "http.response.start", "status": 304, "headers": fields})
                await send({"type": "http.response.body", "body": b""})
            else:
                await app({**scope, "archive_page": page}, receive, send_marked)

        return serve

    return wrap


@hookimpl(trylast=True)  # outermost: what another wrapper refuses has the headers, too
def asgi_wrapper(datasette: Any) -> Any:
    """Return the wrapper of the whole application: headers around the guard of visitors' SQL."""
    guard, headers = wrap_request_limiter(datasette), wrap_headers(datasette)
    return lambda app: headers(guard(app))
