"""The page for an address that leads nowhere, in the reader's language; JSON keeps Datasette's own answer."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from datasette import NotFound, Response, hookimpl


@hookimpl(hookwrapper=True)
def handle_exception(datasette: Any, request: Any, exception: Exception) -> Generator[None, Any, None]:
    """Takes Datasette's answer away rather than adding one: it prints a traceback for every mistyped address."""

    async def show() -> Any:
        page = await datasette.render_template("not_found.html", {}, request=request)
        return Response.html(page, status=404)

    outcome = yield
    if isinstance(exception, NotFound) and not request.path.endswith(".json"):
        outcome.force_result([show])
