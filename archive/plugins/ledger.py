"""The completeness ledger (/-/ledger, with .json and .csv; ?agency= for one): what sources list, what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasette import Response, hookimpl
from datasette.database import QueryInterrupted

from archive.history.asked import FilterError
from archive.history.formats import Entry, Listing, add_query, deliver
from archive.language import LANGUAGES, say
from archive.ledger.shown import Asked, Whole, find_one, find_overview, parse_asked
from archive.web import absolute, language_of, refuse, runner

LEDGER_PATH = "/-/ledger"
LEDGER_FORMATS = r"(?:\.(?P<format>json|csv))?$"
COUNTS = ("listed", "held", "refused", "missing", "delisted")
OVERVIEW = ("agency", "agency_name", *COUNTS, "whole", "problem", "checked", "page")
MONTHS = ("agency", "month", *COUNTS)


async def show_ledger(request: Any, datasette: Any) -> Any:
    """All agencies or one: as a page, or as data."""
    kind, lang, run = request.url_vars["format"], language_of(request), runner(datasette)
    try:
        asked = parse_asked(request.args)
        if asked.agency:
            one = await find_one(run, asked)
            if kind:
                return await deliver(datasette, request, kind, list_one(datasette, request, asked, one), lang)
            context: dict[str, Any] = {"one": one, "row": one.agency, "after": asked.after}
            return Response.html(await datasette.render_template("ledger_agency.html", context, request=request))
        rows = await find_overview(run, lang)
    except FilterError as error:
        return await refuse(datasette, request, kind, 400, error.why, **error.told)
    except QueryInterrupted:
        return await refuse(datasette, request, kind, 503, "too_slow_list")
    if kind:
        return await deliver(datasette, request, kind, list_all(datasette, request, rows), lang)
    checked = [row for row in rows if row["checked"]]
    context = {
        "gaps": [row for row in checked if row["missing"]],
        "broken": [row for row in checked if not row["missing"] and not row["whole"]],
        "complete": [row for row in checked if not row["missing"] and row["whole"]],
        "uncompared": len(rows) - len(checked),
        "missing": sum(row["missing"] for row in checked),
        "listed": sum(row["listed"] for row in checked),
        "delisted": sum(row["delisted"] or 0 for row in checked),
        "compared": max((row["checked"] for row in checked), default=None),
    }
    return Response.html(await datasette.render_template("ledger.html", context, request=request))


def list_all(datasette: Any, request: Any, rows: Sequence[dict[str, Any]]) -> Listing:
    """All agencies as data."""

    def to_row(row: dict[str, Any]) -> dict[str, Any]:
        told = {name: row[name] for name in OVERVIEW if name in row}
        return told | {
            "agency_name": row["name"],
            "whole": say_whole(row),
            "page": address(datasette, request, agency=row["agency"]),
        }

    return ledger_listing(datasette, request, "agencies", [to_row(row) for row in rows], OVERVIEW)


def list_one(datasette: Any, request: Any, asked: Asked, one: Whole) -> Listing:
    """One agency as data: a row a month; JSON has its sources and a page of its gaps as well."""
    row = one.agency
    head = {
        **{"agency": row["agency"], "agency_name": row["name"], "checked": row["checked"]},
        **{"whole": say_whole(row), "problem": row["problem"]},
        "sources": [{**source, "whole": say_whole(source)} for source in one.sources],
        "gaps": one.gaps,
    }
    months = [{"agency": row["agency"], **month} for month in one.months]
    more = one.more if request.url_vars["format"] == "json" else None
    return ledger_listing(datasette, request, "months", months, MONTHS, asked=asked, head=head, more=more)


def ledger_listing(
    datasette: Any,
    request: Any,
    name: str,
    rows: Sequence[dict[str, Any]],
    columns: Sequence[str],
    *,
    asked: Asked | None = None,
    head: Mapping[str, Any] | None = None,
    more: int | None = None,
) -> Listing:
    """Rows as data; `more`: the cursor of the next gaps."""
    ending, slug = "." + request.url_vars["format"], asked.agency if asked else None
    size = request.args.get("size") if asked else None

    async def entries() -> Sequence[Entry]:
        return []

    return Listing(
        name=name,
        title=say(language_of(request), "ledger"),
        page=address(datasette, request, agency=slug),
        self=address(datasette, request, ending, agency=slug, size=size, after=asked.after if asked else None),
        next=address(datasette, request, ending, agency=slug, size=size, after=more) if more else None,
        rows=rows,
        columns=columns,
        entries=entries,
        head=head or {},
    )


def address(datasette: Any, request: Any, ending: str = "", **values: object) -> str:
    """The whole address of a page of the ledger, in the language asked for."""
    lang = request.args.get("lang")
    return absolute(
        datasette, request, add_query(LEDGER_PATH + ending, **values, lang=lang if lang in LANGUAGES else None)
    )


def say_whole(row: Mapping[str, Any]) -> bool | None:
    """Whether all was read to its end; None where nothing was."""
    return None if row["whole"] is None else bool(row["whole"])


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """One address a format."""
    return [(LEDGER_PATH + LEDGER_FORMATS, show_ledger)]
