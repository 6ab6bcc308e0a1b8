"""Visitors' SQL under limits that hold: it runs in processes that are killed in time (archive/guard), in turn.

Every request for Datasette's own views of a database (its page, tables, views, queries, `?sql=`, `_where`, facets, CSV)
takes a turn and has a budget; pages of ours and single rows do not wait behind them. Searches and comparisons of
ours, which may take a while, wait in lines of their own. What asks for too much at once, whatever page it is of, and
what changes nothing here is refused before it is looked at: the site takes GET, HEAD and OPTIONS alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import click
from datasette import NotFound, Response, hookimpl
from datasette.utils import add_cors_headers, tilde_decode

from archive.guard import Guarded, Limits, Visit, current_visit
from archive.guard.delivery import Delivery, Flight
from archive.guard.questions import make_checks_linear, read_question
from archive.guard.turns import BusyError, Turns

METHODS = ("GET", "HEAD", "OPTIONS")
LINES = {"/-/diff/": 1, "/search": 3, "/-/delta": 2}  # at once; these compute for a while where texts are long
CLOSED = "allow-debug|auth-token|databases|logout|messages|patterns|permissions|threads"


def replace_databases(datasette: Any) -> None:
    """Put a guarded database in the place of each that Datasette made of a file."""
    limits = Limits(**(datasette.plugin_config("guard") or {}))  # of the metadata's plugins; all of them public
    for name, db in list(datasette.databases.items()):
        if db.path is None and name != "_internal":
            raise click.ClickException(f"{name}: visitors' SQL over a database in memory cannot be held to limits")
        if db.path is not None:
            datasette.databases[name] = Guarded(datasette, db, limits)


def is_for_data(path: str, names: list[str]) -> bool:
    """Whether Datasette will answer from a whole table or a statement; a single row costs little.

    >>> [is_for_data(p, ["archive"]) for p in ("/archive", "/archive.json", "/~61rchive/releases", "/archive/x/1", "/")]
    [True, True, True, False, False]
    """
    parts = path.strip("/").split("/")
    return tilde_decode(parts[0].partition(".")[0]) in names and len(parts) < 3


@hookimpl
def startup(datasette: Any) -> None:
    """Before the first request."""
    make_checks_linear()
    replace_databases(datasette)


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """Datasette's pages for debugging and logging in have no use here; /-/databases tells paths of the machine."""

    async def hide() -> None:
        raise NotFound("There is no such page here")

    return [(rf"/-/({CLOSED})(\.json)?$", hide)]


@hookimpl
def asgi_wrapper(datasette: Any) -> Any:
    """Each request in a visit or a line of its own; its turn is given back as soon as the answer begins."""
    doors = Doors(datasette)

    def wrap(app: Any) -> Any:
        async def serve(scope: dict[str, Any], receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
            elif scope["method"] not in METHODS:
                answer = doors.refuse(scope["path"], 405, "This site can only be read.", allow=", ".join(METHODS))
                await answer.asgi_send(send)
            else:
                await doors.serve(app, scope, receive, send)

        return serve

    return wrap


class Doors:
    """One for visitors' statements, one for each kind of page of ours that takes a while, and an open one."""

    def __init__(self, datasette: Any) -> None:
        self.datasette = datasette
        self.limits = Limits(**(datasette.plugin_config("guard") or {}))
        self.visits, self.flight = Turns(self.limits), Flight(self.limits)
        self.lines = [(path, Turns(replace(self.limits, workers=most))) for path, most in LINES.items()]

    async def serve(self, app: Any, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """503 where too many are waiting already, 400 where the question itself is too much."""
        raw = scope.get("raw_path") or scope["path"].encode()
        path = raw.decode("latin-1").partition("?")[0].removeprefix(self.datasette.setting("base_url").rstrip("/"))
        try:
            asked = read_question(scope.get("query_string", b"").decode("latin-1"), self.limits)
        except ValueError as error:
            await self.refuse(path, 400, str(error)).asgi_send(send)
            return
        visit = self.to_visit(path, dict(asked)) if is_for_data(path, list(self.datasette.databases)) else None
        line = next((turns for begin, turns in self.lines if path.startswith(begin)), None)
        turn = visit or (Visit(self.limits, line) if line else None)

        async def run(scope: dict[str, Any], receive: Any, send: Any) -> None:
            current_visit.set(visit)
            try:
                if turn and turn.streaming:
                    turn.begin_stream()
                if turn and not visit:
                    await turn.take_turn()
                await app(scope, receive, send)
            except BusyError as error:
                await self.refuse(path, 503, str(error), **{"retry-after": "10"}).asgi_send(send)

        try:
            await Delivery(self.limits, self.flight, send, turn, killable=bool(visit)).run(run, scope, receive)
        finally:
            if turn:
                turn.end()

    def to_visit(self, path: str, asked: Mapping[str, str]) -> Visit:
        """What a request for data may cost, by what it asks for."""
        kind = (
            "csv" if path.endswith(".csv") else "html" if "." not in path else "parsed" if "_json" in asked else "json"
        )
        return Visit(self.limits, self.visits, kind, streaming=kind == "csv" and "_stream" in asked)

    def refuse(self, path: str, status: int, words: str, **headers: str) -> Response:
        """A line of plain text; JSON to those who ask for it, whatever site their page is of."""
        if self.datasette.cors:
            add_cors_headers(headers)
        if path.endswith(".json"):
            told = {"ok": False, "error": words, "status": status, "title": None}
            return Response.json(told, status=status, headers=headers)
        return Response.text(f"{words}\n", status=status, headers=headers)
