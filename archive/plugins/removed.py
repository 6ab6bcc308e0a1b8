"""The register of removals (/-/removed, with .json, .csv and .atom): what agencies took away, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasette import Response, hookimpl
from datasette.database import QueryInterrupted

from archive.history.asked import FilterError
from archive.history.formats import ENDING, Entry, Listing, add_query, deliver, tag_uri, to_moment
from archive.history.register import PAGE_SIZE, check_agency
from archive.history.removed import (
    Removal,
    RemovedPage,
    RemovedQuery,
    count_removed,
    find_removed,
    parse_removed,
    removal_rows,
)
from archive.history.texts import ABSENCE_CHOICES
from archive.language import say, say_absence, say_time
from archive.web import absolute, addresses, in_language, language_of, pick, refuse, runner

REMOVED_PATH = "/-/removed"
REMOVED_CSV_COLUMNS = (
    *("removal", "release", "agency", "agency_name", "title", "url", "kind", "first_seen", "confirmed", "last_seen"),
    *("checks", "ended", "status", "target", "moved_to", "found_at", "page", "evidence"),
)


async def show_removed(request: Any, datasette: Any) -> Any:
    """A page, or the same as data; a filter that cannot be read is refused by name."""
    kind, run = request.url_vars["format"], runner(datasette)
    try:
        query = parse_removed(request.args, PAGE_SIZE)
        await check_agency(run, query.agency)
        page = await find_removed(run, query)
        if kind:
            listing = removed_listing(datasette, request, query, page)
            return await deliver(datasette, request, kind, listing, language_of(request))
        counts = await count_removed(run, query)
    except FilterError as error:
        return await refuse(datasette, request, kind, 400, error.why, **error.told)
    except QueryInterrupted:
        return await refuse(datasette, request, kind, 503, "too_slow_list")
    context = {
        "query": query,
        "removals": page.removals,
        "more": page.more,
        "counts": counts,
        "kinds": ABSENCE_CHOICES,
        "add_query": add_query,
    }
    return Response.html(await datasette.render_template("removed.html", context, request=request))


def removed_listing(datasette: Any, request: Any, query: RemovedQuery, page: RemovedPage) -> Listing:
    """The register as data."""
    lang, kind = language_of(request), request.url_vars["format"]
    asked = query.filters() | {"lang": request.args.get("lang"), "size": request.args.get("size")}
    whole = {row.id: removal_url(datasette, request, row) for row in page.removals}

    def at(path: str, **more: object) -> str:
        return absolute(datasette, request, add_query(path, **asked, **more))

    async def entries() -> Sequence[Entry]:
        return [removal_feed_entry(row, whole[row.id]["page"] or "", lang) for row in page.removals]

    return Listing(
        name="removals",
        title=say(lang, "removed_title"),
        page=at(REMOVED_PATH),
        self=at(f"{REMOVED_PATH}.{kind}", after=query.after),
        next=at(f"{REMOVED_PATH}.{kind}", after=page.more) if page.more else None,
        rows=removal_rows(page.removals, whole),
        columns=REMOVED_CSV_COLUMNS,
        entries=entries,
    )


def removal_url(datasette: Any, request: Any, row: Removal) -> dict[str, str | None]:
    """Where the release is shown, and the evidence that it was away, where an answer is kept."""
    return addresses(
        datasette,
        request,
        page=in_language(request, f"/archive/releases/{row.release}"),
        evidence=f"/-/evidence/removal-{row.id}.zip" if row.capture is not None else None,
    )


def removal_feed_entry(row: Removal, page: str, lang: str) -> Entry:
    """A removal as an entry of a feed; it is told anew when the release comes back."""
    told = [say_absence(lang, row.kind, row.status, row.target)]
    if row.kind != "moved":
        told.insert(0, say(lang, "away_confirmed"))
        told.append(say(lang, "confirmed_when", when=say_time(lang, row.confirmed)))
    if row.ended:
        told.append(say(lang, "found_when" if row.found_at else "back_when", when=say_time(lang, row.ended)))
    return Entry(
        id=tag_uri(page, "2024", f"removal-{row.id}"),
        title=f"{pick(lang, row.name, row.name_en)}: {row.title}",
        language=row.language,
        seen=to_moment(row.confirmed),
        updated=to_moment(row.ended or row.confirmed),
        link=page,
        release=page,
        author=pick(lang, row.name, row.name_en) or row.agency,
        summary=" · ".join(told),
        terms=[row.kind],
    )


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """One address a format."""
    return [(REMOVED_PATH + ENDING, show_removed)]
