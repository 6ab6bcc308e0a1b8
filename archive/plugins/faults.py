"""Answers what goes wrong in Datasette's own pages, and writes one line of it: visitors' mistakes are no news.

Datasette prints each with its traceback and all local variables, which takes a good part of a second of the only
process there is, and hands on the words of errors it does not know.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Generator
from typing import Any

from datasette import Forbidden, NotFound, Response, hookimpl
from datasette.database import QueryInterrupted
from datasette.utils import add_cors_headers
from datasette.utils.asgi import Base400
from datasette.views.base import DatasetteError
from markupsafe import Markup

LOG = logging.getLogger(__name__)
TOO_LONG = "the statement took too long"
MISTAKES = ("Cannot sort table by", "Cannot use _sort", "Invalid _through")  # Datasette calls them faults of its own
TOO_DEEP = "_json= names a column with a value that is nested too deeply to be read as JSON"
NO_THROUGH = '_through= is a JSON object with "table", "column" and "value"'
NO_TIME = "_timelimit= is a number of milliseconds"
NO_LIST = "a list behind __in= or __notin= that begins with [ is JSON"
NO_SQL = "visitors may not bring SQL of their own to this site; tables, filters and queries that it names can be asked"
UNKNOWN = "something went wrong here; it has been noted"
LATER = "10"  # seconds, after which one who was refused may ask again


def describe(exception: Exception) -> tuple[int, str, str | None]:
    """Status, words, and a title if there is one."""
    if isinstance(exception, DatasetteError):
        words = Markup(exception.message) if exception.message_is_html else str(exception.message)  # noqa: S704 - Datasette's own
        status = 400 if exception.status == 500 and words.startswith(MISTAKES) else exception.status
        return status, words, exception.title
    if isinstance(exception, Forbidden):
        return 403, NO_SQL if exception.args == ("execute-sql",) else str(exception.args[0]), "Forbidden"
    if isinstance(exception, Base400):
        return exception.status, str(exception.args[0]) if exception.args else "", None
    if isinstance(exception, QueryInterrupted):
        return 400, TOO_LONG, "SQL Interrupted"
    return 500, UNKNOWN, None


def find_mistake(asked: Any, exception: Exception) -> str | None:
    """What in an address Datasette stumbles over, in words for the visitor; None where the fault is ours."""
    if isinstance(exception, RecursionError) and "_json" in asked:
        return TOO_DEEP
    if isinstance(exception, ValueError | LookupError | TypeError) and "_through" in asked:
        return NO_THROUGH
    if isinstance(exception, json.JSONDecodeError) and any(name.endswith(("__in", "__notin")) for name in asked):
        return NO_LIST
    if isinstance(exception, ValueError) and "_timelimit" in asked:
        return NO_TIME
    return None


async def answer(datasette: Any, request: Any, exception: Exception) -> Any:
    """JSON to those who asked for it, else Datasette's own error page."""
    status, words, title = describe(exception)
    headers = {"retry-after": LATER} if status == 503 else {}
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
        return await answer(datasette, request, exception)

    outcome = yield
    if isinstance(exception, NotFound) and not request.path.endswith(".json"):
        return
    if mistake := find_mistake(request.args, exception):
        exception = DatasetteError(mistake, status=400)
    if describe(exception)[0] == 500:
        LOG.error("%s %s", request.method, request.path, exc_info=exception)
    outcome.force_result([show])


@hookimpl
def forbidden(datasette: Any, request: Any, message: str) -> Any:
    """In place of Datasette's, which answers all with a page."""

    async def show() -> Any:
        return await answer(datasette, request, Forbidden(message))

    return show
