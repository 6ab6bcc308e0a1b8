"""A release and its history.

- /archive/releases/<id>: the reading page (row-archive-releases.html); Datasette reads the row, this plugin the rest.
- /-/history/<release>.json, .csv, .atom: its timeline as data; without a format, a redirect to the reading page.
- /-/revision/<id>: one revision; the permalink that citations give.
- /-/cite/<revision>, with .txt, .bib, .ris and .csl.json: its citation.
- /-/diff/<revision>/<revision>, with .json, .csv and .atom: what differs between two revisions.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple

from datasette import Response, hookimpl

from archive.citations import CITATION_TYPES, Citation, build_citation, format_citation, read_citation_row
from archive.database import RunQuery
from archive.diff import compare
from archive.diff.kinds import Change, summarise_changes
from archive.duplicates import find_duplicates
from archive.history import (
    ComparisonError,
    EditPosition,
    RemovalEvent,
    RevisionEvent,
    StoredRevision,
    classify_update_stamp,
    find_final_release,
    find_last_seen,
    find_release_status,
    read_edit_positions,
    read_preceding_revisions,
    read_revision_pair,
    read_stored_revisions,
    read_timeline,
    split_timeline,
)
from archive.history.comparison import DiffRow, FieldDiff, diff_fields
from archive.history.lists import read_active_takedowns
from archive.i18n import describe_removal, format_importance, format_time, translate
from archive.web.pages import find_adjacent_releases
from archive.web.responses import (
    FORMAT_SUFFIX,
    AtomEntry,
    DataDocument,
    add_query,
    build_absolute_url,
    build_absolute_urls,
    build_document_headers,
    build_query_runner,
    build_tag_uri,
    choose_translation,
    compute_etag,
    format_atom_time,
    get_request_language,
    keep_requested_language,
    matches_etag,
    render_document,
    render_error,
)

READING_PAGE_TEMPLATE = "row-archive-releases.html"
QUESTION_ID = re.compile(r'\bid="question-(\d+)"')
RELEASE_PARTS_SQL = {
    "tags": "select id, name from release_tags join tags on id = tag where release = ? order by release_tags.rowid",
    "questions": "select position, question, answer, answered_by from questions where release = ? order by position",
    "images": "select url, caption, credit, alt from images where release = ? order by position",
    "attachments": "select url, title, media_type from attachments where release = ? order by position",
    "contacts": "select name, role, phone, email from contacts where release = ? order by position",
    "revisions": "select id from revisions where release = ?",
}
NEWEST_REVISION_SQL = "select revision from releases where id = :id"
RELEASE_AGENCY_SQL = """
    select r.id, r.url, r.body_html, a.* from releases r join agencies a on a.slug = r.agency where r.id = ?
"""
CITATION_FORMATS = "|".join(re.escape(suffix) for suffix in CITATION_TYPES)
DIFF_CSV_COLUMNS = ("field", "place", "label", "op", "text")
HISTORY_CSV_COLUMNS = (
    *("event", "when", "last_seen_before", "until", "checks", "revision", "previous", "reverts_to", "importance"),
    *("unannounced", "stamp", "summary", "summary_en", "url", "status", "target", "moved_to", "confirmed", "ended"),
    *("diff", "evidence"),
)
RELEASE_SQL = """
    select r.title, r.language, r.agency, a.name, a.name_en from releases r join agencies a on a.slug = r.agency
    where r.id = :release
"""


class RevisionDiff(NamedTuple):
    """A comparison of two revisions, and what the archive has stored or computed about it."""

    before: StoredRevision
    after: StoredRevision
    field_diffs: Sequence[FieldDiff]
    metadata: Mapping[str, Any]


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    # SQLite stores any number of up to 18 digits
    return [
        (rf"/-/cite/(?P<revision>[0-9]{{1,18}})(?:\.(?P<format>{CITATION_FORMATS}))?$", show_citation),
        (r"/-/diff/(?P<one>\d{1,15})/(?P<other>\d{1,15})" + FORMAT_SUFFIX, show_diff),
        (r"/-/history/(?P<release>\d{1,15})" + FORMAT_SUFFIX, show_history),
        (r"/-/revision/(?P<revision>[0-9]{1,18})$", show_revision),
    ]


@hookimpl
def extra_template_vars(template: str, request: Any, datasette: Any) -> Callable[[], Awaitable[dict[str, Any]]] | None:
    """Return the template variables of the reading page; None for other templates."""
    if template != READING_PAGE_TEMPLATE:
        return None

    async def read() -> dict[str, Any]:
        return {**await read_citation_context(request, datasette), **await read_release_context(request, datasette)}

    return read


async def read_release_context(request: Any, datasette: Any) -> dict[str, Any]:
    """Return the template variables of the reading page; the release's own row is rows[0]."""
    db, key = datasette.get_database("archive"), request.url_vars["pks"]
    parts = {name: list(await db.execute(sql, [key])) for name, sql in RELEASE_PARTS_SQL.items()}
    agency = (await db.execute(RELEASE_AGENCY_SQL, [key])).first()
    return {
        **parts,
        "agency": agency,
        "near_duplicates": await db.execute_fn(partial(find_duplicates, release=agency["id"])),
        "unplaced_questions": find_unplaced_questions(parts["questions"], agency["body_html"]),
        "answerers": list_answerers(parts["questions"]),
        "split_plain_paragraphs": split_plain_paragraphs,
        **await read_history_context(datasette, agency["id"], agency["url"]),
    }


async def read_history_context(datasette: Any, release_id: int, url: str) -> dict[str, Any]:
    """Return the release's timeline, current status, adjacent releases and takedowns."""
    run = build_query_runner(datasette)
    events = await read_timeline(run, release_id)
    newest, older_years = split_timeline(events)
    current = next(
        event
        for event in events
        if isinstance(event, RevisionEvent) and event.release == release_id and event.is_current
    )
    return {
        "events": newest,
        "older_years": older_years,
        "edit_count": sum(isinstance(event, RevisionEvent) and event.kind == "edit" for event in events),
        "first_revision": min(
            (event for event in events if isinstance(event, RevisionEvent)), key=lambda event: (event.when, event.id)
        ),
        "last_seen": current.last_seen,
        "collection": current.collection,  # that the present state was imported from
        "is_imported": current.kind == "import" and not current.checks,  # and never checked by the archive itself
        "moved_here": next(
            (e for e in events if isinstance(e, RemovalEvent) and e.kind == "moved" and e.target == url), None
        ),
        "status": await find_release_status(run, release_id, current.last_seen or current.when),
        "adjacent_releases": await find_adjacent_releases(run, release_id),
        "takedowns": await read_active_takedowns(run, release_id),
    }


async def read_citation_context(request: Any, datasette: Any) -> dict[str, Any]:
    """Return the template variables of the citation of a release's current revision."""
    rows = await build_query_runner(datasette)(NEWEST_REVISION_SQL, {"id": request.url_vars["pks"]})
    lang = get_request_language(request)
    citation = await read_citation(datasette, request, rows[0]["revision"], lang) if rows else None
    return {"citation": citation, "citation_formats": format_all_citations(citation, lang)} if citation else {}


def find_unplaced_questions(questions: Iterable[Any], body_html: str) -> list[Any]:
    """Return the questions that are not in the body, to be printed after it."""
    placed = {int(number) for number in QUESTION_ID.findall(body_html)}
    return [question for question in questions if question["position"] not in placed]


def list_answerers(questions: list[Any]) -> list[str]:
    """Return the people who answer, each once, in the order of their first answer."""
    return list(dict.fromkeys(question["answered_by"] for question in questions if question["answered_by"]))


def split_plain_paragraphs(text: str | None) -> list[str]:
    """Split a plain text into paragraphs at blank lines."""
    return [part.strip() for part in re.split(r"\n\s*\n", text or "") if part.strip()]


async def show_revision(request: Any, datasette: Any) -> Any:
    """Show a revision, and whether it is the current one; search engines are not to index it."""
    revision_id, run = int(request.url_vars["revision"]), build_query_runner(datasette)
    lang = get_request_language(request)
    revision = (await read_stored_revisions(run, [revision_id])).get(revision_id)
    citation = await read_citation(datasette, request, revision_id, lang)
    if revision is None or citation is None:
        return await render_error(datasette, request, None, 404, "revision_missing", revision=str(revision_id))
    final_release = await find_final_release(run, revision.release)
    state = revision.state
    context = {
        "revision": revision,
        "state": state,
        "final_release": final_release,
        "newest_revision": (await run(NEWEST_REVISION_SQL, {"id": final_release}))[0]["revision"],
        "unplaced_questions": find_unplaced_questions(state["questions"] or (), state["body_html"]),
        "takedowns": await read_active_takedowns(run, revision.release),
        "citation": citation,
        "citation_formats": format_all_citations(citation, lang),
    }
    page = await datasette.render_template("revision.html", context, request=request)
    return Response.html(page, headers={"x-robots-tag": "noindex"})


async def show_citation(request: Any, datasette: Any) -> Any:
    """Show a revision's citation in all formats on a page, or in one format as a file."""
    revision_id, lang = int(request.url_vars["revision"]), get_request_language(request)
    format_name = request.url_vars["format"]
    citation = await read_citation(datasette, request, revision_id, lang)
    if citation is None:
        return await render_error(datasette, request, format_name, 404, "revision_missing", revision=str(revision_id))
    if format_name:
        return render_citation_file(datasette, request, citation, format_name, lang)
    context = {"citation": citation, "citation_formats": format_all_citations(citation, lang)}
    page = await datasette.render_template("cite.html", context, request=request)
    return Response.html(page, headers={"x-robots-tag": "noindex"})


async def read_citation(datasette: Any, request: Any, revision_id: int, language: str) -> Citation | None:
    """Return the citation of a revision, or None if there is no such revision."""
    row = await read_citation_row(build_query_runner(datasette), revision_id)
    if not row:
        return None
    return build_citation(row, build_absolute_url(datasette, request, f"/-/revision/{revision_id}"), language)


def render_citation_file(datasette: Any, request: Any, citation: Citation, format_name: str, language: str) -> Any:
    """Render a citation in one format; 304 if the client has it."""
    text = format_citation(citation, format_name, language)
    etag = compute_etag(text)
    headers = {**build_document_headers(datasette, etag), "content-language": language}
    if matches_etag(request.headers.get("if-none-match"), etag):
        return Response("", status=304, headers=headers, content_type=CITATION_TYPES[format_name])
    if format_name != "txt":
        headers["content-disposition"] = f'attachment; filename="{citation.key}.{format_name}"'
    return Response(text, headers=headers, content_type=CITATION_TYPES[format_name])


def format_all_citations(citation: Citation, language: str) -> dict[str, str]:
    """Return a citation in each format, by file suffix."""
    return {suffix: format_citation(citation, suffix, language).strip() for suffix in CITATION_TYPES}


async def show_diff(request: Any, datasette: Any) -> Any:
    """Show the differences of two revisions, the older one first; redirect if they are given in the other order."""
    one, other, format_name = (request.url_vars[name] for name in ("one", "other", "format"))
    run = build_query_runner(datasette)
    try:
        before, after = await read_revision_pair(run, int(one), int(other))
    except ComparisonError as error:
        return await render_error(datasette, request, format_name, 404, error.message_key, **error.values)
    path = f"/-/diff/{before.id}/{after.id}"
    if (one, other) != (str(before.id), str(after.id)):
        suffix = f".{format_name}" if format_name else ""
        options = {name: request.args.get(name) for name in ("show", "lang")}
        return Response.redirect(datasette.urls.path(add_query(path + suffix, **options)), status=301)
    full_text = request.args.get("show") == "all"
    # outside the event loop, because comparing long texts takes a while
    field_diffs = await asyncio.to_thread(diff_fields, before.state, after.state, full_text=full_text)
    metadata = await read_diff_metadata(run, before, after)
    if format_name:
        diff = RevisionDiff(before=before, after=after, field_diffs=field_diffs, metadata=metadata)
        document = build_diff_document(datasette, request, diff)
        return await render_document(datasette, request, format_name, document, get_request_language(request))
    context = {
        "before": before,
        "after": after,
        "field_diffs": field_diffs,
        "full_text": full_text,
        "path": path,
        "permalink": build_absolute_url(datasette, request, path),
        "final_release": await find_final_release(run, after.release),
        "format_change": partial(format_change, get_request_language(request)),
        **metadata,
    }
    return Response.html(await datasette.render_template("diff.html", context, request=request))


async def read_diff_metadata(run: RunQuery, before: StoredRevision, after: StoredRevision) -> dict[str, Any]:
    """Return what is known of a change: stored for an edit, computed for any other two revisions."""
    is_consecutive = after.metadata["previous"] == before.id
    if is_consecutive and after.metadata["changes"] is not None:
        changes = [Change(**change) for change in json.loads(after.metadata["changes"])]
        summary = {name: after.metadata[name] for name in ("importance", "summary", "summary_en")}
    else:
        comparison = await asyncio.to_thread(compare, before.state, after.state)
        changes = list(comparison.changes)
        summary = {
            "importance": comparison.importance,
            "summary": summarise_changes(changes, "sv"),
            "summary_en": summarise_changes(changes, "en"),
        }
    preceding = await read_preceding_revisions(run, [after.id]) if is_consecutive else {}
    positions = await read_edit_positions(run, await find_final_release(run, after.release))
    earlier_edit, later_edit = find_adjacent_edits(positions, before, after)
    is_edit = is_consecutive and after.metadata["cause"] == "source"
    return {
        **summary,
        "changes": sorted(changes, key=lambda change: -change.importance),
        "is_consecutive": is_consecutive,
        "cause": after.metadata["cause"] if is_consecutive else None,
        "stamp": classify_update_stamp(after.metadata["update_date_changed"], after.state["updated"])
        if is_edit
        else None,
        "last_seen": find_last_seen(before.id, preceding) if is_consecutive else None,
        "earlier_edit": earlier_edit,
        "later_edit": later_edit,
    }


def find_adjacent_edits(
    edits: Sequence[EditPosition], before: StoredRevision, after: StoredRevision
) -> tuple[EditPosition | None, EditPosition | None]:
    """Return the last edit up to the older revision, and the first edit after the later one."""
    earlier = next((edit for edit in reversed(edits) if edit[:2] <= (before.seen, before.id)), None)
    later = next((edit for edit in edits if edit[:2] > (after.seen, after.id)), None)
    return earlier, later


def format_change(language: str, change: Change) -> str:
    """Return the kind of a change in words."""
    return summarise_changes([change], language).removeprefix("1 ")


def build_diff_document(datasette: Any, request: Any, diff: RevisionDiff) -> DataDocument:
    """Build a comparison as data: a row for each piece of text, and a feed with one entry."""
    lang, format_name, metadata = get_request_language(request), request.url_vars["format"], diff.metadata
    options = {name: request.args.get(name) for name in ("show", "lang")}
    path = f"/-/diff/{diff.before.id}/{diff.after.id}"
    page = build_absolute_url(datasette, request, keep_requested_language(request, path))
    release = build_absolute_url(
        datasette, request, keep_requested_language(request, f"/archive/releases/{diff.after.release}")
    )

    async def read_entries() -> Sequence[AtomEntry]:
        return [build_diff_entry(diff, page, release, lang)]

    return DataDocument(
        rows_name="pieces",
        title=translate(lang, "diff_title", title=diff.after.state["title"]),
        page_url=page,
        url=build_absolute_url(datasette, request, f"{path}.{format_name}", **options),
        rows=format_diff_rows(diff.field_diffs),
        columns=DIFF_CSV_COLUMNS,
        read_entries=read_entries,
        extra_members={
            "before": {"revision": diff.before.id, "seen": diff.before.seen},
            "after": {"revision": diff.after.id, "seen": diff.after.seen},
            "release": diff.after.release,
            **{name: metadata[name] for name in ("importance", "summary", "summary_en")},
            "unannounced": metadata["stamp"] == "not moved",
            "stamp": metadata["stamp"],
            "changes": [asdict(change) for change in metadata["changes"]],
        },
    )


def build_diff_entry(diff: RevisionDiff, page_url: str, release_url: str, language: str) -> AtomEntry:
    """Build the feed entry of a comparison."""
    before, after, metadata = diff.before, diff.after, diff.metadata
    agency = choose_translation(language, after.metadata["name"], after.metadata["name_en"]) or after.metadata["agency"]
    summary = choose_translation(language, metadata["summary"], metadata["summary_en"]) or translate(language, "edited")
    return AtomEntry(
        id=build_tag_uri(page_url, f"revisions-{before.id}-{after.id}"),
        title=f"{agency}: {after.state['title']}",
        language=after.state["language"],
        published=format_atom_time(after.seen),
        updated=format_atom_time(after.seen),
        link=page_url,
        release_url=release_url,
        author=agency,
        summary=f"{summary} · {format_importance(language, metadata['importance'])}",
        field_diffs=diff.field_diffs,
        content=translate(
            language, "two_versions", one=format_time(language, before.seen), other=format_time(language, after.seen)
        ),
    )


def format_diff_rows(field_diffs: Sequence[FieldDiff]) -> list[dict[str, Any]]:
    """Return a row for each piece of text; omitted rows become one with op `skip` and their number."""
    rows: list[dict[str, Any]] = []
    for field in field_diffs:
        if field.note:
            rows.append({"field": field.name, "place": 0, "label": None, "op": "note", "text": field.note})
        for place, row in enumerate(field.rows, 1):
            position = {"field": field.name, "place": place}
            if isinstance(row, DiffRow):
                label = f"{row.label} {row.number}" if row.number else row.label
                rows += [{**position, "label": label, "op": piece.op, "text": piece.text} for piece in row.pieces]
            else:
                rows.append({**position, "label": None, "op": "skip", "text": str(row.count)})
    return rows


async def show_history(request: Any, datasette: Any) -> Any:
    """Show all events of a release's timeline as data, newest first."""
    release_id, format_name, run = (
        int(request.url_vars["release"]),
        request.url_vars["format"],
        build_query_runner(datasette),
    )
    releases = await run(RELEASE_SQL, {"release": release_id})
    if not releases:
        return await render_error(datasette, request, format_name, 404, "no_such_release", release=str(release_id))
    path = keep_requested_language(request, f"/archive/releases/{release_id}")
    if not format_name:
        return Response.redirect(datasette.urls.path(path) + "#history")
    lang, release = get_request_language(request), dict(releases[0])
    events = await read_timeline(run, release_id)
    rows = [format_event_row(event, build_event_urls(datasette, request, event)) for event in events]
    page_url = build_absolute_url(datasette, request, path)

    async def read_entries() -> Sequence[AtomEntry]:
        return [build_event_entry(event, row, release, page_url, lang) for event, row in zip(events, rows, strict=True)]

    document = DataDocument(
        rows_name="events",
        title=translate(lang, "history_of", title=release["title"]),
        page_url=f"{page_url}#history",
        url=build_absolute_url(
            datasette, request, keep_requested_language(request, f"/-/history/{release_id}.{format_name}")
        ),
        rows=rows,
        columns=HISTORY_CSV_COLUMNS,
        read_entries=read_entries,
        extra_members={"release": release_id, "agency": release["agency"], "title_now": release["title"]},
    )
    return await render_document(datasette, request, format_name, document, lang)


def build_event_urls(datasette: Any, request: Any, event: RevisionEvent | RemovalEvent) -> dict[str, str | None]:
    """Return the absolute URLs of an event's diff and evidence; None if it has none."""
    if isinstance(event, RemovalEvent):
        evidence = f"/-/evidence/removal-{event.id}.zip" if event.capture is not None else None
        return build_absolute_urls(datasette, request, diff=None, evidence=evidence)
    diff = f"/-/diff/{event.previous}/{event.id}" if event.previous is not None else None
    return build_absolute_urls(
        datasette,
        request,
        diff=diff and keep_requested_language(request, diff),
        evidence=f"/-/evidence/{event.id}.zip",
    )


def format_event_row(event: RevisionEvent | RemovalEvent, urls: dict[str, str | None]) -> dict[str, Any]:
    """Format an event as a row of JSON and CSV."""
    own = {name: getattr(event, name, None) for name in HISTORY_CSV_COLUMNS}
    revision = event.id if isinstance(event, RevisionEvent) else None
    return own | {"event": event.kind, "revision": revision} | urls


def build_event_entry(
    event: RevisionEvent | RemovalEvent, row: dict[str, Any], release: dict[str, Any], page_url: str, language: str
) -> AtomEntry:
    """Build the feed entry of an event."""
    if isinstance(event, RemovalEvent):
        text, name = describe_removal_event(language, event), f"removal-{event.id}"
        updated = event.ended or event.confirmed or event.when
    else:
        text, name, updated = describe_revision_event(language, event), f"revision-{event.id}", event.when
    return AtomEntry(
        id=build_tag_uri(page_url, name),
        title=f"{format_time(language, event.when)}: {text}",
        language=release["language"],
        published=format_atom_time(event.when),
        updated=format_atom_time(updated),
        link=row["diff"] or page_url,
        release_url=page_url,
        author=choose_translation(language, release["name"], release["name_en"]) or release["agency"],
        summary=text,
        categories=[event.kind],
    )


def describe_removal_event(language: str, removal: RemovalEvent) -> str:
    """Describe in a line what was seen in place of a release."""
    text = describe_removal(language, removal.kind, removal.status, removal.target)
    if removal.kind == "moved":
        return text
    certainty = "away_confirmed" if removal.confirmed else "away_passed" if removal.ended else "away_doubt"
    return f"{translate(language, certainty)}. {text}"


def describe_revision_event(language: str, revision: RevisionEvent) -> str:
    """Describe in a line what made a revision."""
    if revision.kind != "edit":
        named = {"collection": revision.collection} if revision.collection else {}
        return translate(language, f"event_{revision.kind}", **named)
    parts = [
        choose_translation(language, revision.summary, revision.summary_en) or translate(language, "edited"),
        format_importance(language, revision.importance),
        *([translate(language, "unannounced")] if revision.unannounced else []),
    ]
    return " · ".join(parts)
