"""What changed since a cursor (/-/delta.json, .ndjson): followed from the beginning it makes a mirror."""

from __future__ import annotations

from typing import Any

from datasette import hookimpl
from datasette.database import QueryInterrupted

from archive.delta.log import AheadError, DeltaPage, DeltaQuery, StrangerError, parse_delta, read_delta
from archive.history.asked import FilterError
from archive.history.formats import Listing, add_query, deliver
from archive.language import say
from archive.web import absolute, language_of, refuse, runner

PATH = "/-/delta"
LATER = "60"  # seconds, after which a copy that is behind may be asked again
COLUMNS = ("number", "cursor", "change", "at", "release", "revision", "cause", "takedown", "action", "state")


async def show_delta(request: Any, datasette: Any) -> Any:
    """A page of the log; a cursor that cannot be read or followed is refused."""
    kind = request.url_vars["format"]
    try:
        query = parse_delta(request.args)
    except FilterError as error:
        return await refuse(datasette, request, kind, 400, error.why, **error.told)
    try:
        page = await read_delta(runner(datasette), query)
    except StrangerError:
        return await refuse(datasette, request, kind, 410, "delta_stranger", value=query.cursor)
    except AheadError:
        refusal = await refuse(datasette, request, kind, 503, "delta_ahead", value=query.cursor)
        refusal.headers["retry-after"] = LATER
        return refusal
    except QueryInterrupted:
        return await refuse(datasette, request, kind, 503, "too_slow_list")
    lang = language_of(request)
    return await deliver(datasette, request, kind, to_listing(datasette, request, query, page), lang)


def to_listing(datasette: Any, request: Any, query: DeltaQuery, page: DeltaPage) -> Listing:
    """The page as data; `cursor` is where to go on, now or another day."""
    asked = {name: request.args.get(name) for name in ("size", "lang")}

    def at(since: str) -> str:
        return absolute(datasette, request, add_query(f"{PATH}.{request.url_vars['format']}", since=since, **asked))

    return Listing(
        name="changes",
        title=say(language_of(request), "delta_title"),
        page=absolute(datasette, request, "/archive/delta"),
        self=at(query.cursor),
        next=at(page.cursor) if page.more else None,
        rows=page.entries,
        columns=COLUMNS,
        entries=no_entries,
        head={"cursor": page.cursor},
    )


async def no_entries() -> list[Any]:
    """The log is no feed to be read."""
    return []


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """One address a format."""
    return [(PATH + r"\.(?P<format>json|ndjson)$", show_delta)]
