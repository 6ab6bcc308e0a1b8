"""The register of edits (/-/edits, with .json, .csv and .atom): what agencies changed, newest first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from datasette import Response, hookimpl
from datasette.database import QueryInterrupted

from archive.history.asked import FilterError
from archive.history.edits import (
    Edit,
    EditsPage,
    EditsQuery,
    count_edits,
    edit_rows,
    find_edits,
    fold_edits,
    parse_edits,
)
from archive.history.formats import ENDING, Entry, Listing, add_query, deliver, tag_uri, to_moment
from archive.history.register import PAGE_SIZE, check_agency
from archive.history.shown import say_heaviest
from archive.history.states import Held, read_held
from archive.history.texts import STAMP_CHOICES
from archive.history.versions import Field, find_differences
from archive.language import say, say_time, say_weight
from archive.search import Run
from archive.web import absolute, addresses, in_language, language_of, pick, refuse, runner

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


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """One address a format."""
    return [(EDITS_PATH + ENDING, show_edits)]
