"""/-/edits, /-/removed, /-/takedowns.

The register of edits (/-/edits, with .json, .csv and .atom): what agencies changed, newest first.

The register of removals (/-/removed, with .json, .csv and .atom): what agencies took away, newest first.

The public log of takedowns (/-/takedowns, with .json, .csv and .atom): what the archive itself does not show.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from datasette import Response, hookimpl
from datasette.database import QueryInterrupted

from archive.database import Run
from archive.history import Held, read_held
from archive.history.comparison import Field, find_differences, say_heaviest
from archive.history.lists import (
    PAGE_SIZE,
    Edit,
    EditsPage,
    EditsQuery,
    Removal,
    RemovedPage,
    RemovedQuery,
    check_agency,
    count_edits,
    count_removed,
    edit_rows,
    find_edits,
    find_log,
    find_removed,
    fold_edits,
    parse_edits,
    parse_log,
    parse_removed,
    removal_rows,
)
from archive.i18n import ABSENCE_CHOICES, STAMP_CHOICES, say, say_absence, say_time, say_weight
from archive.params import FilterError
from archive.web.responses import (
    ENDING,
    Entry,
    Listing,
    absolute,
    add_query,
    addresses,
    deliver,
    in_language,
    language_of,
    pick,
    refuse,
    runner,
    tag_uri,
    to_moment,
)

EDITS_PATH = "/-/edits"
FEED_SIZE = 30
MOST_TEXT = 60_000  # characters; what an edit of a longer text changed is not told inside a feed
WEIGHTS = (20, 50, 80)
EDITS_CSV_COLUMNS = (
    *("revision", "previous", "release", "agency", "agency_name", "title", "url", "last_seen_before", "seen"),
    *("weight", "unannounced", "stamp", "summary", "summary_en", "same_as", "diff", "page", "evidence"),
)


async def show_edits(request: Any, datasette: Any) -> Any:
    """A page, or the same as data; a filter that cannot be read is refused by name."""
    kind, run = request.url_vars["format"], runner(datasette)
    try:
        query = parse_edits(request.args, FEED_SIZE if kind == "atom" else PAGE_SIZE)
        await check_agency(run, query.agency)
        page = await find_edits(run, query)
        if kind:
            return await deliver(
                datasette, request, kind, edits_listing(datasette, request, query, page), language_of(request)
            )
        counts = await count_edits(run, query)
    except FilterError as error:
        return await refuse(datasette, request, kind, 400, error.why, **error.told)
    except QueryInterrupted:
        return await refuse(datasette, request, kind, 503, "too_slow_list")
    context = {
        "query": query,
        "edits": fold_edits(page.edits),
        "more": page.more,
        "counts": counts,
        "weights": WEIGHTS,
        "stamps": STAMP_CHOICES,
        "add_query": add_query,
    }
    return Response.html(await datasette.render_template("edits.html", context, request=request))


def edits_listing(datasette: Any, request: Any, query: EditsQuery, page: EditsPage) -> Listing:
    """The register as data."""
    lang, kind, run = language_of(request), request.url_vars["format"], runner(datasette)
    asked = query.filters() | {"lang": request.args.get("lang"), "size": request.args.get("size")}
    whole = {edit.id: edit_url(datasette, request, edit) for edit in page.edits}

    def at(path: str, **more: object) -> str:
        return absolute(datasette, request, add_query(path, **asked, **more))

    async def entries() -> Sequence[Entry]:
        told = await read_fields(run, page.edits)
        return [edit_feed_entry(edit, whole[edit.id], told.get(edit.id, ()), lang) for edit in page.edits]

    return Listing(
        name="edits",
        title=say(lang, "edits_title"),
        page=at(EDITS_PATH),
        self=at(f"{EDITS_PATH}.{kind}", after=query.after),
        next=at(f"{EDITS_PATH}.{kind}", after=page.more) if page.more else None,
        rows=edit_rows(page.edits, whole),
        columns=EDITS_CSV_COLUMNS,
        entries=entries,
    )


def edit_url(datasette: Any, request: Any, edit: Edit) -> dict[str, str | None]:
    """Where the edit, its release and its evidence are shown."""
    return addresses(
        datasette,
        request,
        diff=in_language(request, f"/-/diff/{edit.previous}/{edit.id}"),
        page=in_language(request, f"/archive/releases/{edit.release}"),
        evidence=f"/-/evidence/{edit.id}.zip",
    )


async def read_fields(run: Run, edits: Sequence[Edit]) -> dict[int, list[Field]]:
    """What each edit changed, compared beside the event loop; very long texts are left out."""
    held = await read_held(run, [key for edit in edits for key in (edit.id, edit.previous) if key is not None])
    pairs = {edit.id: (held[edit.previous], held[edit.id]) for edit in edits if edit.previous in held}
    return {
        key: await asyncio.to_thread(find_differences, before.state, after.state)
        for key, (before, after) in pairs.items()
        if size_of(before) + size_of(after) <= MOST_TEXT
    }


def size_of(held: Held) -> int:
    """How much text a state holds."""
    return len(held.state["body_html"])


def edit_feed_entry(edit: Edit, whole: dict[str, str | None], fields: Sequence[Field], lang: str) -> Entry:
    """An edit as an entry of a feed."""
    told = pick(lang, edit.summary, edit.summary_en) or say(lang, "edited")
    terms = ["unannounced"] if edit.unannounced else []
    said = [told, say_heaviest(lang, edit.changes), say_weight(lang, edit.weight)]
    words = [word for word in (*said, say(lang, "unannounced") if edit.unannounced else "") if word]
    return Entry(
        id=tag_uri(whole["diff"] or "", "2024", f"revision-{edit.id}"),
        title=f"{pick(lang, edit.name, edit.name_en)}: {edit.title}",
        language=edit.language,
        seen=to_moment(edit.seen),
        updated=to_moment(edit.seen),
        link=whole["diff"] or "",
        release=whole["page"] or "",
        author=pick(lang, edit.name, edit.name_en) or edit.agency,
        summary=" · ".join(words),
        terms=terms,
        fields=fields,
        words=say(
            lang,
            "between_looks" if edit.last_seen_before else "found_at_look",
            after=say_time(lang, edit.last_seen_before),
            when=say_time(lang, edit.seen),
        ),
    )


def edits_routes() -> list[tuple[str, Any]]:
    """One address a format."""
    return [(EDITS_PATH + ENDING, show_edits)]


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


def removed_routes() -> list[tuple[str, Any]]:
    """One address a format."""
    return [(REMOVED_PATH + ENDING, show_removed)]


TAKEDOWNS_PATH = "/-/takedowns"
TAKEDOWNS_CSV_COLUMNS = (
    "takedown",
    "release",
    "agency",
    "kind",
    "reason",
    "reason_en",
    "at",
    "lifted",
    "lifted_reason",
    "page",
)


async def show_takedowns(request: Any, datasette: Any) -> Any:
    """A page, or the same as data; a filter that cannot be read is refused by name."""
    kind, lang = request.url_vars["format"], language_of(request)
    try:
        query = parse_log(request.args)
    except FilterError as error:
        return await refuse(datasette, request, kind, 400, error.why, **error.told)
    lines, more = await find_log(runner(datasette), query)
    if not kind:
        context = {"query": query, "lines": lines, "more": more}
        return Response.html(await datasette.render_template("takedowns.html", context, request=request))
    asked = {"lang": request.args.get("lang"), "size": request.args.get("size")}
    pages = [
        absolute(datasette, request, in_language(request, f"/archive/releases/{line['release']}")) for line in lines
    ]
    listing = Listing(
        name="takedowns",
        title=say(lang, "takedowns_title"),
        page=absolute(datasette, request, add_query(TAKEDOWNS_PATH, **asked)),
        self=absolute(datasette, request, add_query(f"{TAKEDOWNS_PATH}.{kind}", **asked, after=query.after)),
        next=absolute(datasette, request, add_query(f"{TAKEDOWNS_PATH}.{kind}", **asked, after=more)) if more else None,
        rows=[to_row(line, page) for line, page in zip(lines, pages, strict=True)],
        columns=TAKEDOWNS_CSV_COLUMNS,
        entries=lambda: to_entries(lines, pages, lang),
    )
    return await deliver(datasette, request, kind, listing, lang)


def to_row(line: Mapping[str, Any], page: str) -> dict[str, Any]:
    """A line as JSON and CSV tell it."""
    return {name: line[name] for name in TAKEDOWNS_CSV_COLUMNS[1:-1]} | {"takedown": line["id"], "page": page}


async def to_entries(lines: Sequence[Mapping[str, Any]], pages: Sequence[str], lang: str) -> Sequence[Entry]:
    """Lines as entries of a feed; one is told anew when it is lifted."""
    entries = []
    for line, page in zip(lines, pages, strict=True):
        told = [str(pick(lang, line["reason"], line["reason_en"]))]
        if line["lifted"]:
            why = line["lifted_reason"]
            told.append(say(lang, "takedown_lifted", when=say_time(lang, line["lifted"]), why=why))
        author = pick(lang, line["name"], line["name_en"]) or line["agency"]
        entry = Entry(
            id=tag_uri(page, "2024", f"takedown-{line['id']}"),
            title=f"{author}: {say(lang, 'takedown_' + line['kind'])}",
            language=None,
            seen=to_moment(line["at"]),
            updated=to_moment(line["lifted"] or line["at"]),
            link=page,
            release=page,
            author=author,
            summary=" · ".join(told),
            terms=[line["kind"]],
        )
        entries.append(entry)
    return entries


def takedowns_routes() -> list[tuple[str, Any]]:
    """One address a format."""
    return [(TAKEDOWNS_PATH + ENDING, show_takedowns)]


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [*edits_routes(), *removed_routes(), *takedowns_routes()]
