"""What the archive is and how to use it: /about and /help."""

from __future__ import annotations

from typing import Any

from datasette import Response, hookimpl

from archive.history.texts import WEIGHTS
from archive.pages.lists import find_newest_month
from archive.pages.record import read_agencies
from archive.web import runner


async def show_about(request: Any, datasette: Any) -> Any:
    """Whom to ask is metadata's own `about` and `about_url`, which the operator fills in."""
    agencies = await read_agencies(runner(datasette))
    least = [weight for weight, _, _ in WEIGHTS]  # the heaviest first
    context = {
        "releases": sum(agency["releases"] for agency in agencies),
        "filled": sum(1 for agency in agencies if agency["releases"]),
        "fresh": max((agency["crawled"] for agency in agencies if agency["crawled"]), default=None),
        "weights": list(zip(least, [100, *(weight - 1 for weight in least)], strict=False)),
        "contact": datasette.metadata("about"),
        "contact_url": datasette.metadata("about_url"),
    }
    return Response.html(await datasette.render_template("about.html", context, request=request))


async def show_help(request: Any, datasette: Any) -> Any:
    """How to find (with the query language by example), read and follow."""
    context = {"month": await find_newest_month(runner(datasette))}
    return Response.html(await datasette.render_template("help.html", context, request=request))


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """Two short addresses."""
    return [("/about$", show_about), ("/help$", show_help)]
