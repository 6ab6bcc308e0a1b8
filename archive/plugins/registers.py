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

from archive.database import RunQuery
from archive.history import StoredRevision, read_stored_revisions
from archive.history.comparison import FieldDiff, diff_fields, format_main_change
from archive.history.lists import (
    REGISTER_PAGE_SIZE,
    Edit,
    EditsPage,
    EditsQuery,
    Removal,
    RemovalsPage,
    RemovalsQuery,
    check_agency,
    count_edits,
    count_removals,
    format_edit_rows,
    format_removal_rows,
    group_edits,
    parse_edits_query,
    parse_removals_query,
    parse_takedowns_query,
    read_edits_page,
    read_removals_page,
    read_takedowns_page,
)
from archive.i18n import (
    REMOVAL_CHOICES,
    UPDATE_STAMP_CHOICES,
    describe_removal,
    format_importance,
    format_time,
    translate,
)
from archive.params import FilterError
from archive.web.responses import (
    FORMAT_SUFFIX,
    AtomEntry,
    DataDocument,
    add_query,
    build_absolute_url,
    build_absolute_urls,
    build_query_runner,
    build_tag_uri,
    choose_translation,
    format_atom_time,
    get_request_language,
    keep_requested_language,
    render_document,
    render_error,
)

EDITS_PATH = "/-/edits"
EDITS_FEED_SIZE = 30
MAX_FEED_DIFF_CHARACTERS = 60_000  # characters; what an edit of a longer text changed is not told inside a feed
IMPORTANCE_CHOICES = (20, 50, 80)
EDITS_CSV_COLUMNS = (
    *("revision", "previous", "release", "agency", "agency_name", "title", "url", "last_seen_before", "seen"),
    *("importance", "unannounced", "stamp", "summary", "summary_en", "reverts_to", "diff", "page", "evidence"),
)


async def show_edits(request: Any, datasette: Any) -> Any:
    """A page, or the same as data; a filter that cannot be read is refused by name."""
    kind, run = request.url_vars["format"], build_query_runner(datasette)
    try:
        query = parse_edits_query(request.args, EDITS_FEED_SIZE if kind == "atom" else REGISTER_PAGE_SIZE)
        await check_agency(run, query.agency)
        page = await read_edits_page(run, query)
        if kind:
            return await render_document(
                datasette,
                request,
                kind,
                build_edits_document(datasette, request, query, page),
                get_request_language(request),
            )
        counts = await count_edits(run, query)
    except FilterError as error:
        return await render_error(datasette, request, kind, 400, error.text_key, **error.text_values)
    except QueryInterrupted:
        return await render_error(datasette, request, kind, 503, "too_slow_list")
    context = {
        "query": query,
        "edits": group_edits(page.edits),
        "more": page.next_cursor,
        "counts": counts,
        "importance_levels": IMPORTANCE_CHOICES,
        "stamps": UPDATE_STAMP_CHOICES,
        "add_query": add_query,
    }
    return Response.html(await datasette.render_template("edits.html", context, request=request))


def build_edits_document(datasette: Any, request: Any, query: EditsQuery, page: EditsPage) -> DataDocument:
    """The register as data."""
    lang, kind, run = get_request_language(request), request.url_vars["format"], build_query_runner(datasette)
    asked = query.build_url_params() | {"lang": request.args.get("lang"), "size": request.args.get("size")}
    whole = {edit.id: build_edit_urls(datasette, request, edit) for edit in page.edits}

    def at(path: str, **more: object) -> str:
        return build_absolute_url(datasette, request, add_query(path, **asked, **more))

    async def entries() -> Sequence[AtomEntry]:
        told = await read_field_diffs(run, page.edits)
        return [build_edit_entry(edit, whole[edit.id], told.get(edit.id, ()), lang) for edit in page.edits]

    return DataDocument(
        rows_name="edits",
        title=translate(lang, "edits_title"),
        page_url=at(EDITS_PATH),
        url=at(f"{EDITS_PATH}.{kind}", after=query.after),
        next_url=at(f"{EDITS_PATH}.{kind}", after=page.next_cursor) if page.next_cursor else None,
        rows=format_edit_rows(page.edits, whole),
        columns=EDITS_CSV_COLUMNS,
        read_entries=entries,
    )


def build_edit_urls(datasette: Any, request: Any, edit: Edit) -> dict[str, str | None]:
    """Where the edit, its release and its evidence are shown."""
    return build_absolute_urls(
        datasette,
        request,
        diff=keep_requested_language(request, f"/-/diff/{edit.previous}/{edit.id}"),
        page=keep_requested_language(request, f"/archive/releases/{edit.release}"),
        evidence=f"/-/evidence/{edit.id}.zip",
    )


async def read_field_diffs(run: RunQuery, edits: Sequence[Edit]) -> dict[int, list[FieldDiff]]:
    """What each edit changed, compared beside the event loop; very long texts are left out."""
    held = await read_stored_revisions(
        run, [key for edit in edits for key in (edit.id, edit.previous) if key is not None]
    )
    pairs = {edit.id: (held[edit.previous], held[edit.id]) for edit in edits if edit.previous in held}
    return {
        key: await asyncio.to_thread(diff_fields, before.state, after.state)
        for key, (before, after) in pairs.items()
        if measure_body_length(before) + measure_body_length(after) <= MAX_FEED_DIFF_CHARACTERS
    }


def measure_body_length(revision: StoredRevision) -> int:
    """How much text a state holds."""
    return len(revision.state["body_html"])


def build_edit_entry(edit: Edit, urls: dict[str, str | None], fields: Sequence[FieldDiff], language: str) -> AtomEntry:
    """An edit as an entry of a feed."""
    told = choose_translation(language, edit.summary, edit.summary_en) or translate(language, "edited")
    terms = ["unannounced"] if edit.unannounced else []
    said = [told, format_main_change(language, edit.changes), format_importance(language, edit.importance)]
    words = [word for word in (*said, translate(language, "unannounced") if edit.unannounced else "") if word]
    return AtomEntry(
        id=build_tag_uri(urls["diff"] or "", "2024", f"revision-{edit.id}"),
        title=f"{choose_translation(language, edit.name, edit.name_en)}: {edit.title}",
        language=edit.language,
        published=format_atom_time(edit.seen),
        updated=format_atom_time(edit.seen),
        link=urls["diff"] or "",
        release_url=urls["page"] or "",
        author=choose_translation(language, edit.name, edit.name_en) or edit.agency,
        summary=" · ".join(words),
        categories=terms,
        field_diffs=fields,
        content=translate(
            language,
            "between_looks" if edit.last_seen_before else "found_at_look",
            after=format_time(language, edit.last_seen_before),
            when=format_time(language, edit.seen),
        ),
    )


def edits_routes() -> list[tuple[str, Any]]:
    """One address a format."""
    return [(EDITS_PATH + FORMAT_SUFFIX, show_edits)]


REMOVALS_PATH = "/-/removed"
REMOVALS_CSV_COLUMNS = (
    *("removal", "release", "agency", "agency_name", "title", "url", "kind", "first_seen", "confirmed", "last_seen"),
    *("checks", "ended", "status", "target", "moved_to", "found_at", "page", "evidence"),
)


async def show_removals(request: Any, datasette: Any) -> Any:
    """A page, or the same as data; a filter that cannot be read is refused by name."""
    kind, run = request.url_vars["format"], build_query_runner(datasette)
    try:
        query = parse_removals_query(request.args, REGISTER_PAGE_SIZE)
        await check_agency(run, query.agency)
        page = await read_removals_page(run, query)
        if kind:
            listing = build_removals_document(datasette, request, query, page)
            return await render_document(datasette, request, kind, listing, get_request_language(request))
        counts = await count_removals(run, query)
    except FilterError as error:
        return await render_error(datasette, request, kind, 400, error.text_key, **error.text_values)
    except QueryInterrupted:
        return await render_error(datasette, request, kind, 503, "too_slow_list")
    context = {
        "query": query,
        "removals": page.removals,
        "more": page.next_cursor,
        "counts": counts,
        "kinds": REMOVAL_CHOICES,
        "add_query": add_query,
    }
    return Response.html(await datasette.render_template("removed.html", context, request=request))


def build_removals_document(datasette: Any, request: Any, query: RemovalsQuery, page: RemovalsPage) -> DataDocument:
    """The register as data."""
    lang, kind = get_request_language(request), request.url_vars["format"]
    asked = query.build_url_params() | {"lang": request.args.get("lang"), "size": request.args.get("size")}
    whole = {row.id: build_removal_urls(datasette, request, row) for row in page.removals}

    def at(path: str, **more: object) -> str:
        return build_absolute_url(datasette, request, add_query(path, **asked, **more))

    async def entries() -> Sequence[AtomEntry]:
        return [build_removal_entry(row, whole[row.id]["page"] or "", lang) for row in page.removals]

    return DataDocument(
        rows_name="removals",
        title=translate(lang, "removed_title"),
        page_url=at(REMOVALS_PATH),
        url=at(f"{REMOVALS_PATH}.{kind}", after=query.after),
        next_url=at(f"{REMOVALS_PATH}.{kind}", after=page.next_cursor) if page.next_cursor else None,
        rows=format_removal_rows(page.removals, whole),
        columns=REMOVALS_CSV_COLUMNS,
        read_entries=entries,
    )


def build_removal_urls(datasette: Any, request: Any, row: Removal) -> dict[str, str | None]:
    """Where the release is shown, and the evidence that it was away, where an answer is kept."""
    return build_absolute_urls(
        datasette,
        request,
        page=keep_requested_language(request, f"/archive/releases/{row.release}"),
        evidence=f"/-/evidence/removal-{row.id}.zip" if row.capture is not None else None,
    )


def build_removal_entry(row: Removal, page_url: str, language: str) -> AtomEntry:
    """A removal as an entry of a feed; it is told anew when the release comes back."""
    told = [describe_removal(language, row.kind, row.status, row.target)]
    if row.kind != "moved":
        told.insert(0, translate(language, "away_confirmed"))
        told.append(translate(language, "confirmed_when", when=format_time(language, row.confirmed)))
    if row.ended:
        told.append(
            translate(language, "found_when" if row.found_at else "back_when", when=format_time(language, row.ended))
        )
    return AtomEntry(
        id=build_tag_uri(page_url, "2024", f"removal-{row.id}"),
        title=f"{choose_translation(language, row.name, row.name_en)}: {row.title}",
        language=row.language,
        published=format_atom_time(row.confirmed),
        updated=format_atom_time(row.ended or row.confirmed),
        link=page_url,
        release_url=page_url,
        author=choose_translation(language, row.name, row.name_en) or row.agency,
        summary=" · ".join(told),
        categories=[row.kind],
    )


def removals_routes() -> list[tuple[str, Any]]:
    """One address a format."""
    return [(REMOVALS_PATH + FORMAT_SUFFIX, show_removals)]


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
    kind, lang = request.url_vars["format"], get_request_language(request)
    try:
        query = parse_takedowns_query(request.args)
    except FilterError as error:
        return await render_error(datasette, request, kind, 400, error.text_key, **error.text_values)
    lines, more = await read_takedowns_page(build_query_runner(datasette), query)
    if not kind:
        context = {"query": query, "lines": lines, "more": more}
        return Response.html(await datasette.render_template("takedowns.html", context, request=request))
    asked = {"lang": request.args.get("lang"), "size": request.args.get("size")}
    pages = [
        build_absolute_url(datasette, request, keep_requested_language(request, f"/archive/releases/{line['release']}"))
        for line in lines
    ]
    listing = DataDocument(
        rows_name="takedowns",
        title=translate(lang, "takedowns_title"),
        page_url=build_absolute_url(datasette, request, add_query(TAKEDOWNS_PATH, **asked)),
        url=build_absolute_url(datasette, request, add_query(f"{TAKEDOWNS_PATH}.{kind}", **asked, after=query.after)),
        next_url=build_absolute_url(datasette, request, add_query(f"{TAKEDOWNS_PATH}.{kind}", **asked, after=more))
        if more
        else None,
        rows=[format_takedown_row(line, page) for line, page in zip(lines, pages, strict=True)],
        columns=TAKEDOWNS_CSV_COLUMNS,
        read_entries=lambda: build_takedown_entries(lines, pages, lang),
    )
    return await render_document(datasette, request, kind, listing, lang)


def format_takedown_row(takedown: Mapping[str, Any], page_url: str) -> dict[str, Any]:
    """A line as JSON and CSV tell it."""
    return {name: takedown[name] for name in TAKEDOWNS_CSV_COLUMNS[1:-1]} | {
        "takedown": takedown["id"],
        "page": page_url,
    }


async def build_takedown_entries(
    takedowns: Sequence[Mapping[str, Any]], page_urls: Sequence[str], language: str
) -> Sequence[AtomEntry]:
    """Lines as entries of a feed; one is told anew when it is lifted."""
    entries = []
    for line, page in zip(takedowns, page_urls, strict=True):
        told = [str(choose_translation(language, line["reason"], line["reason_en"]))]
        if line["lifted"]:
            why = line["lifted_reason"]
            told.append(translate(language, "takedown_lifted", when=format_time(language, line["lifted"]), why=why))
        author = choose_translation(language, line["name"], line["name_en"]) or line["agency"]
        entry = AtomEntry(
            id=build_tag_uri(page, "2024", f"takedown-{line['id']}"),
            title=f"{author}: {translate(language, 'takedown_' + line['kind'])}",
            language=None,
            published=format_atom_time(line["at"]),
            updated=format_atom_time(line["lifted"] or line["at"]),
            link=page,
            release_url=page,
            author=author,
            summary=" · ".join(told),
            categories=[line["kind"]],
        )
        entries.append(entry)
    return entries


def takedowns_routes() -> list[tuple[str, Any]]:
    """One address a format."""
    return [(TAKEDOWNS_PATH + FORMAT_SUFFIX, show_takedowns)]


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [*edits_routes(), *removals_routes(), *takedowns_routes()]
