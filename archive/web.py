"""What our plugins share: queries run, addresses made absolute, and refusals in our own style."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from datasette import Response
from datasette.database import QueryInterrupted
from datasette.utils import add_cors_headers

from archive.guard import current_visit
from archive.history.formats import add_query
from archive.language import LANGUAGES, choose_language, say
from archive.search import Run
from archive.search.columns import Columns

STEPS = 10_000  # of SQLite's machine between two looks at the clock
SHORT = 0.02  # seconds; only tests set a limit below it
ORIGIN = "archive.origin"  # in a request's scope: scheme and host, with a slash
HELD: WeakKeyDictionary[Any, Columns] = WeakKeyDictionary()


def runner(datasette: Any) -> Run:
    """Runs a SELECT of ours on the archive. Its time limit is of CPU: a busy machine makes no page of ours an error."""
    db = datasette.get_database("archive")

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        if current_visit.get() is not None:  # a visitor's request, which has a budget and workers of its own
            return list(await db.execute(sql, values))
        return await db.execute_fn(partial(ask, sql, values, datasette.sql_time_limit_ms / 1000))  # type: ignore[no-any-return]

    return run


def columns_of(datasette: Any) -> Columns:
    """What searches of its archive are sorted and counted by; read as it starts, and kept with it."""
    return HELD.setdefault(datasette, Columns())


def ask(sql: str, values: dict[str, Any], seconds: float, connection: sqlite3.Connection) -> list[Any]:
    """The rows; QueryInterrupted where they cost this thread more CPU time than that."""
    end = time.thread_time() + seconds
    connection.set_progress_handler(lambda: time.thread_time() > end, STEPS if seconds > SHORT else 1)
    try:
        return connection.execute(sql, values).fetchall()
    except sqlite3.OperationalError as error:
        if error.args == ("interrupted",):
            raise QueryInterrupted(error, sql, values) from error
        raise
    finally:
        connection.set_progress_handler(None, 0)


def language_of(request: Any) -> str:
    """The reader's language, as interface.py chooses it for pages."""
    return choose_language(request.args.get("lang"), request.headers.get("accept-language"))


def absolute(datasette: Any, request: Any, path: str) -> str:
    """A path of ours as a whole address."""
    if ORIGIN not in request.scope:  # the same for all of a list's addresses
        request.scope[ORIGIN] = str(datasette.absolute_url(request, "/"))
    return str(request.scope[ORIGIN]) + str(datasette.urls.path(path)).removeprefix("/")


def in_language(request: Any, path: str) -> str:
    """The path of a page, in the language that the address asked for, if it did."""
    asked = request.args.get("lang")
    return add_query(path, lang=asked if asked in LANGUAGES else None)


def addresses(datasette: Any, request: Any, **paths: str | None) -> dict[str, str | None]:
    """Several paths of ours as whole addresses, by name; None stays None."""
    return {name: path and absolute(datasette, request, path) for name, path in paths.items()}


def pick(lang: str, sv: str | None, en: str | None) -> str | None:
    """The English where an English reader can have it, else the Swedish."""
    return en if lang == "en" and en else sv


async def refuse(datasette: Any, request: Any, kind: str | None, status: int, why: str, **values: object) -> Any:
    """Says why there is no answer: `why` is a key of our texts; in a format as JSON, in English."""
    if kind:
        told = {"ok": False, "status": status, "error": say("en", why, **values), **values}
        answer = Response.json(told, status=status)
        if datasette.cors:
            add_cors_headers(answer.headers)
        return answer
    context = {"why": why, "values": values, "status": status}
    page = await datasette.render_template("refusal.html", context, request=request)
    return Response.html(page, status=status)
