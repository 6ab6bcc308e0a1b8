"""The registers, newest first; each also as .json, .csv, .xlsx and .atom.

CSV and Excel have all entries, unless a page is requested.

- /-/edits: what agencies changed.
- /-/removed: what agencies removed.
- /-/takedowns: what the archive itself has hidden or redacted.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from datasette import Response, hookimpl

from archive.database import RunQuery
from archive.history import StoredRevision, read_stored_revisions
from archive.history.comparison import FieldDiff, diff_fields, format_main_change
from archive.history.lists import (
    MAX_REGISTER_PAGE_SIZE,
    REGISTER_PAGE_SIZE,
    Edit,
    EditsPage,
    EditsQuery,
    Removal,
    RemovalsPage,
    RemovalsQuery,
    TakedownsPage,
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
from archive.web.responses import (
    EXPORT_FORMAT_SUFFIX,
    AtomEntry,
    DataDocument,
    DataExport,
    build_absolute_url,
    build_absolute_urls,
    build_query_runner,
    build_tag_uri,
    choose_translation,
    format_atom_time,
    get_request_language,
    iter_pages,
    keep_requested_language,
    render_document,
    render_export,
    render_query_errors,
)

EDITS_PATH = "/-/edits"
EDITS_FEED_SIZE = 30
MAX_FEED_DIFF_CHARACTERS = 60_000  # characters; feeds do not show the diff of a longer text
IMPORTANCE_CHOICES = (20, 50, 80)
EDITS_CSV_COLUMNS = (
    *("revision", "previous", "release", "agency", "agency_name", "title", "url", "last_seen_before", "seen"),
    *("importance", "unannounced", "stamp", "summary", "summary_en", "reverts_to", "diff", "page", "evidence"),
)
REMOVALS_PATH = "/-/removed"
REMOVALS_CSV_COLUMNS = (
    *("removal", "release", "agency", "agency_name", "title", "url", "kind", "first_seen", "confirmed", "last_seen"),
    *("checks", "ended", "status", "target", "moved_to", "found_at", "page", "evidence"),
)
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


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [
        (EDITS_PATH + EXPORT_FORMAT_SUFFIX, show_edits),
        (REMOVALS_PATH + EXPORT_FORMAT_SUFFIX, show_removals),
        (TAKEDOWNS_PATH + EXPORT_FORMAT_SUFFIX, show_takedowns),
    ]


def needs_export(request: Any, next_cursor: int | None) -> bool:
    """Return whether all entries are requested and are more than the page that was read, or an Excel file.

    CSV is requested as a whole unless `after` or `size` is given.
    """
    if request.url_vars["format"] == "xlsx":
        return True
    is_page = "after" in request.args or "size" in request.args
    return request.url_vars["format"] == "csv" and not is_page and next_cursor is not None


def choose_page_size(format_name: str | None) -> int:
    """Return the number of entries to read where no size is requested: for CSV, most lists are short enough for one."""
    return MAX_REGISTER_PAGE_SIZE if format_name == "csv" else REGISTER_PAGE_SIZE


async def export_register(
    datasette: Any, request: Any, document: DataDocument, batches: AsyncIterator[Sequence[Mapping[str, Any]]]
) -> Any:
    """Show all entries of a register as CSV or XLSX; `document` is its first page."""
    export = DataExport(
        name=document.rows_name,
        title=document.title,
        page_url=document.page_url,
        columns=document.columns,
        batches=batches,
    )
    return await render_export(datasette, request, request.url_vars["format"], export, get_request_language(request))


async def format_batches(
    pages: AsyncIterator[Any], format_page: Callable[[Any], list[dict[str, Any]]]
) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield the rows of each page of a register."""
    async for page in pages:
        yield format_page(page)


@render_query_errors
async def show_edits(request: Any, datasette: Any) -> Any:
    """Show the register of edits as a page or as data."""
    format_name, run = request.url_vars["format"], build_query_runner(datasette)
    query = parse_edits_query(request.args, EDITS_FEED_SIZE if format_name == "atom" else choose_page_size(format_name))
    await check_agency(run, query.agency)
    page = await read_edits_page(run, query)
    if format_name:
        document = build_edits_document(datasette, request, query, page)
        if needs_export(request, page.next_cursor):
            whole = replace(query, after=None, size=MAX_REGISTER_PAGE_SIZE)
            pages = iter_pages(partial(read_edits_page, run), whole)
            rows = format_batches(pages, partial(build_edit_rows, datasette, request))
            return await export_register(datasette, request, document, rows)
        return await render_document(datasette, request, format_name, document, get_request_language(request))
    counts = await count_edits(run, query)
    context = {
        "query": query,
        "edits": group_edits(page.edits),
        "next_cursor": page.next_cursor,
        "counts": counts,
        "importance_levels": IMPORTANCE_CHOICES,
        "stamps": UPDATE_STAMP_CHOICES,
    }
    return Response.html(await datasette.render_template("edits.html", context, request=request))


def build_edits_document(datasette: Any, request: Any, query: EditsQuery, page: EditsPage) -> DataDocument:
    lang, format_name, run = get_request_language(request), request.url_vars["format"], build_query_runner(datasette)
    options = query.build_url_params() | {"lang": request.args.get("lang"), "size": request.args.get("size")}

    def build_url(path: str, **cursor: object) -> str:
        return build_absolute_url(datasette, request, path, **options, **cursor)

    async def read_entries() -> Sequence[AtomEntry]:
        diffs = await read_field_diffs(run, page.edits)
        return [
            build_edit_entry(edit, build_edit_urls(datasette, request, edit), diffs.get(edit.id, ()), lang)
            for edit in page.edits
        ]

    return DataDocument(
        rows_name="edits",
        title=translate(lang, "edits_title"),
        page_url=build_url(EDITS_PATH),
        url=build_url(f"{EDITS_PATH}.{format_name}", after=query.after),
        next_url=build_url(f"{EDITS_PATH}.{format_name}", after=page.next_cursor) if page.next_cursor else None,
        rows=build_edit_rows(datasette, request, page),
        columns=EDITS_CSV_COLUMNS,
        read_entries=read_entries,
    )


def build_edit_rows(datasette: Any, request: Any, page: EditsPage) -> list[dict[str, Any]]:
    """Return the rows of a page of edits, with absolute URLs."""
    return format_edit_rows(page.edits, {edit.id: build_edit_urls(datasette, request, edit) for edit in page.edits})


def build_edit_urls(datasette: Any, request: Any, edit: Edit) -> dict[str, str | None]:
    """Return the absolute URLs of an edit's diff, release and evidence."""
    return build_absolute_urls(
        datasette,
        request,
        diff=keep_requested_language(request, f"/-/diff/{edit.previous}/{edit.id}"),
        page=keep_requested_language(request, f"/archive/releases/{edit.release}"),
        evidence=f"/-/evidence/{edit.id}.zip",
    )


async def read_field_diffs(run: RunQuery, edits: Sequence[Edit]) -> dict[int, list[FieldDiff]]:
    """Return the diff of each edit by its id, computed outside the event loop; without very long texts."""
    revisions = await read_stored_revisions(
        run, [key for edit in edits for key in (edit.id, edit.previous) if key is not None]
    )
    pairs = {edit.id: (revisions[edit.previous], revisions[edit.id]) for edit in edits if edit.previous in revisions}
    return {
        key: await asyncio.to_thread(diff_fields, before.state, after.state)
        for key, (before, after) in pairs.items()
        if measure_body_length(before) + measure_body_length(after) <= MAX_FEED_DIFF_CHARACTERS
    }


def measure_body_length(revision: StoredRevision) -> int:
    return len(revision.state["body_html"])


def build_edit_entry(edit: Edit, urls: dict[str, str | None], fields: Sequence[FieldDiff], language: str) -> AtomEntry:
    """Build the feed entry of an edit."""
    summary = [
        choose_translation(language, edit.summary, edit.summary_en) or translate(language, "edited"),
        format_main_change(language, edit.changes),
        format_importance(language, edit.importance),
        translate(language, "unannounced") if edit.unannounced else "",
    ]
    return AtomEntry(
        id=build_tag_uri(urls["diff"] or "", f"revision-{edit.id}"),
        title=f"{choose_translation(language, edit.name, edit.name_en)}: {edit.title}",
        language=edit.language,
        published=format_atom_time(edit.seen),
        updated=format_atom_time(edit.seen),
        link=urls["diff"] or "",
        release_url=urls["page"] or "",
        author=choose_translation(language, edit.name, edit.name_en) or edit.agency,
        summary=" · ".join(filter(None, summary)),
        categories=["unannounced"] if edit.unannounced else [],
        field_diffs=fields,
        content=translate(
            language,
            "between_looks" if edit.last_seen_before else "found_at_look",
            after=format_time(language, edit.last_seen_before),
            when=format_time(language, edit.seen),
        ),
    )


@render_query_errors
async def show_removals(request: Any, datasette: Any) -> Any:
    """Show the register of removals as a page or as data."""
    format_name, run = request.url_vars["format"], build_query_runner(datasette)
    query = parse_removals_query(request.args, choose_page_size(format_name))
    await check_agency(run, query.agency)
    page = await read_removals_page(run, query)
    if format_name:
        document = build_removals_document(datasette, request, query, page)
        if needs_export(request, page.next_cursor):
            whole = replace(query, after=None, size=MAX_REGISTER_PAGE_SIZE)
            pages = iter_pages(partial(read_removals_page, run), whole)
            rows = format_batches(pages, partial(build_removal_rows, datasette, request))
            return await export_register(datasette, request, document, rows)
        return await render_document(datasette, request, format_name, document, get_request_language(request))
    counts = await count_removals(run, query)
    context = {
        "query": query,
        "removals": page.removals,
        "next_cursor": page.next_cursor,
        "counts": counts,
        "kinds": REMOVAL_CHOICES,
    }
    return Response.html(await datasette.render_template("removed.html", context, request=request))


def build_removals_document(datasette: Any, request: Any, query: RemovalsQuery, page: RemovalsPage) -> DataDocument:
    lang, format_name = get_request_language(request), request.url_vars["format"]
    options = query.build_url_params() | {"lang": request.args.get("lang"), "size": request.args.get("size")}

    def build_url(path: str, **cursor: object) -> str:
        return build_absolute_url(datasette, request, path, **options, **cursor)

    async def read_entries() -> Sequence[AtomEntry]:
        return [
            build_removal_entry(row, build_removal_urls(datasette, request, row)["page"] or "", lang)
            for row in page.removals
        ]

    return DataDocument(
        rows_name="removals",
        title=translate(lang, "removed_title"),
        page_url=build_url(REMOVALS_PATH),
        url=build_url(f"{REMOVALS_PATH}.{format_name}", after=query.after),
        next_url=build_url(f"{REMOVALS_PATH}.{format_name}", after=page.next_cursor) if page.next_cursor else None,
        rows=build_removal_rows(datasette, request, page),
        columns=REMOVALS_CSV_COLUMNS,
        read_entries=read_entries,
    )


def build_removal_rows(datasette: Any, request: Any, page: RemovalsPage) -> list[dict[str, Any]]:
    """Return the rows of a page of removals, with absolute URLs."""
    urls = {row.id: build_removal_urls(datasette, request, row) for row in page.removals}
    return format_removal_rows(page.removals, urls)


def build_removal_urls(datasette: Any, request: Any, row: Removal) -> dict[str, str | None]:
    """Return the absolute URLs of a removal's release and, if a response is stored, of its evidence."""
    return build_absolute_urls(
        datasette,
        request,
        page=keep_requested_language(request, f"/archive/releases/{row.release}"),
        evidence=f"/-/evidence/removal-{row.id}.zip" if row.capture is not None else None,
    )


def build_removal_entry(row: Removal, page_url: str, language: str) -> AtomEntry:
    """Build the feed entry of a removal; it is updated when the release comes back."""
    summary = [describe_removal(language, row.kind, row.status, row.target)]
    if row.kind != "moved":
        summary.insert(0, translate(language, "away_confirmed"))
        summary.append(translate(language, "confirmed_when", when=format_time(language, row.confirmed)))
    if row.ended:
        summary.append(
            translate(language, "found_when" if row.found_at else "back_when", when=format_time(language, row.ended))
        )
    return AtomEntry(
        id=build_tag_uri(page_url, f"removal-{row.id}"),
        title=f"{choose_translation(language, row.name, row.name_en)}: {row.title}",
        language=row.language,
        published=format_atom_time(row.confirmed),
        updated=format_atom_time(row.ended or row.confirmed),
        link=page_url,
        release_url=page_url,
        author=choose_translation(language, row.name, row.name_en) or row.agency,
        summary=" · ".join(summary),
        categories=[row.kind],
    )


@render_query_errors
async def show_takedowns(request: Any, datasette: Any) -> Any:
    """Show the log of takedowns as a page or as data."""
    format_name, lang = request.url_vars["format"], get_request_language(request)
    query = parse_takedowns_query(request.args, choose_page_size(format_name))
    run = build_query_runner(datasette)
    page = await read_takedowns_page(run, query)
    if not format_name:
        context = {"query": query, "takedowns": page.takedowns, "next_cursor": page.next_cursor}
        return Response.html(await datasette.render_template("takedowns.html", context, request=request))
    options = {name: request.args.get(name) for name in ("lang", "size")}
    build_url = partial(build_absolute_url, datasette, request, f"{TAKEDOWNS_PATH}.{format_name}", **options)
    document = DataDocument(
        rows_name="takedowns",
        title=translate(lang, "takedowns_title"),
        page_url=build_absolute_url(datasette, request, TAKEDOWNS_PATH, **options),
        url=build_url(after=query.after),
        next_url=build_url(after=page.next_cursor) if page.next_cursor else None,
        rows=build_takedown_rows(datasette, request, page),
        columns=TAKEDOWNS_CSV_COLUMNS,
        read_entries=partial(build_takedown_entries, datasette, request, page),
    )
    if needs_export(request, page.next_cursor):
        pages = iter_pages(partial(read_takedowns_page, run), replace(query, after=None, size=MAX_REGISTER_PAGE_SIZE))
        rows = format_batches(pages, partial(build_takedown_rows, datasette, request))
        return await export_register(datasette, request, document, rows)
    return await render_document(datasette, request, format_name, document, lang)


def build_takedown_rows(datasette: Any, request: Any, page: TakedownsPage) -> list[dict[str, Any]]:
    """Return the rows of a page of takedowns, with absolute URLs."""
    return [format_takedown_row(row, build_takedown_url(datasette, request, row)) for row in page.takedowns]


def build_takedown_url(datasette: Any, request: Any, takedown: Mapping[str, Any]) -> str:
    """Return the absolute URL of the release of a takedown."""
    return build_absolute_url(
        datasette, request, keep_requested_language(request, f"/archive/releases/{takedown['release']}")
    )


def format_takedown_row(takedown: Mapping[str, Any], page_url: str) -> dict[str, Any]:
    """Format a takedown as a row of JSON and CSV."""
    return {name: takedown[name] for name in TAKEDOWNS_CSV_COLUMNS[1:-1]} | {
        "takedown": takedown["id"],
        "page": page_url,
    }


async def build_takedown_entries(datasette: Any, request: Any, page: TakedownsPage) -> Sequence[AtomEntry]:
    """Build the feed entries of takedowns; an entry is updated when its takedown is lifted."""
    language, entries = get_request_language(request), []
    for row in page.takedowns:
        url = build_takedown_url(datasette, request, row)
        summary = [str(choose_translation(language, row["reason"], row["reason_en"]))]
        if row["lifted"]:
            why = row["lifted_reason"]
            summary.append(translate(language, "takedown_lifted", when=format_time(language, row["lifted"]), why=why))
        author = choose_translation(language, row["name"], row["name_en"]) or row["agency"]
        entry = AtomEntry(
            id=build_tag_uri(url, f"takedown-{row['id']}"),
            title=f"{author}: {translate(language, 'takedown_' + row['kind'])}",
            language=None,
            published=format_atom_time(row["at"]),
            updated=format_atom_time(row["lifted"] or row["at"]),
            link=url,
            release_url=url,
            author=author,
            summary=" · ".join(summary),
            categories=[row["kind"]],
        )
        entries.append(entry)
    return entries
