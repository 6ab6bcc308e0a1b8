"""Reading page, revision, timeline, diff, citation.

Citations (/-/cite/<revision>, with .txt, .bib, .ris and .csl.json) and the card on the reading page.

What differs between two states of a release (/-/diff/<revision>/<revision>, with .json, .csv and .atom).

A release's timeline as data (/-/history/<release>.json, .csv, .atom); the page itself is the release's own.

Reads what the reading page (/archive/releases/<id>, row-archive-releases.html) shows beside the row itself.

One revision of a release as it stood (/-/revision/<id>): the permalink that citations give.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple

from datasette import Response, hookimpl
from datasette.utils import add_cors_headers

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
    build_query_runner,
    build_tag_uri,
    choose_translation,
    format_atom_time,
    get_request_language,
    keep_requested_language,
    matches_etag,
    render_document,
    render_error,
)

CITATION_FORMATS = "|".join(re.escape(ending) for ending in CITATION_TYPES)


async def read_citation(datasette: Any, request: Any, revision_id: int, language: str) -> Citation | None:
    """The citation of a revision, if there is one."""
    row = await read_citation_row(build_query_runner(datasette), revision_id)
    return (
        build_citation(row, build_absolute_url(datasette, request, f"/-/revision/{revision_id}"), language)
        if row
        else None
    )


async def show_citation(request: Any, datasette: Any) -> Any:
    """All forms on one page, or one of them as a file."""
    revision, ending, lang = (
        int(request.url_vars["revision"]),
        request.url_vars["format"],
        get_request_language(request),
    )
    cited = await read_citation(datasette, request, revision, lang)
    if cited is None:
        return await render_error(datasette, request, ending, 404, "revision_missing", revision=str(revision))
    if ending:
        return render_citation_file(datasette, request, cited, ending, lang)
    context = {"cited": cited, "forms": format_all_citations(cited, lang)}
    page = await datasette.render_template("cite.html", context, request=request)
    return Response.html(page, headers={"x-robots-tag": "noindex"})


def render_citation_file(datasette: Any, request: Any, citation: Citation, format_name: str, language: str) -> Any:
    """One form, to be saved; 304 where the reader has it."""
    text = format_citation(citation, format_name, language)
    etag = f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
    headers = {
        "etag": etag,
        "cache-control": "no-cache",
        "vary": "Accept-Language",
        "x-content-type-options": "nosniff",
    }
    headers["content-language"] = language
    if datasette.cors:
        add_cors_headers(headers)
    if matches_etag(request.headers.get("if-none-match"), etag):
        return Response("", status=304, headers=headers, content_type=CITATION_TYPES[format_name])
    if format_name != "txt":
        headers["content-disposition"] = f'attachment; filename="{citation.key}.{format_name}"'
    return Response(text, headers=headers, content_type=CITATION_TYPES[format_name])


def format_all_citations(citation: Citation, language: str) -> dict[str, str]:
    """Each form by its file's ending."""
    return {ending: format_citation(citation, ending, language).strip() for ending in CITATION_TYPES}


async def citation_template_vars(request: Any, datasette: Any) -> dict[str, Any]:
    """For the reading page's card: of the state that stands now."""
    rows = await build_query_runner(datasette)(
        "select revision from releases where id = :id", {"id": request.url_vars["pks"]}
    )
    lang = get_request_language(request)
    cited = await read_citation(datasette, request, rows[0]["revision"], lang) if rows else None
    return {"cited": cited, "forms": format_all_citations(cited, lang)} if cited else {}


def citation_routes() -> list[tuple[str, Any]]:
    """One address a form; eighteen digits are the most that SQLite can hold."""
    return [(rf"/-/cite/(?P<revision>[0-9]{{1,18}})(?:\.(?P<format>{CITATION_FORMATS}))?$", show_citation)]


DIFF_CSV_COLUMNS = ("field", "place", "label", "op", "text")


class RevisionDiff(NamedTuple):
    """A comparison: the older state, the later, what differs, and what the archive says of it."""

    before: StoredRevision
    after: StoredRevision
    field_diffs: Sequence[FieldDiff]
    metadata: Mapping[str, Any]


async def show_diff(request: Any, datasette: Any) -> Any:
    """The older state first, whatever order they are asked for in; a refusal says why there is no comparison."""
    one, other, kind = (request.url_vars[name] for name in ("one", "other", "format"))
    run = build_query_runner(datasette)
    try:
        before, after = await read_revision_pair(run, int(one), int(other))
    except ComparisonError as error:
        return await render_error(datasette, request, kind, 404, error.message_key, **error.values)
    path = f"/-/diff/{before.id}/{after.id}"
    if (one, other) != (str(before.id), str(after.id)):
        ending = f".{kind}" if kind else ""
        asked = {name: request.args.get(name) for name in ("show", "lang")}
        return Response.redirect(datasette.urls.path(add_query(path + ending, **asked)), status=301)
    whole = request.args.get("show") == "all"
    # long texts are compared beside the event loop
    fields = await asyncio.to_thread(diff_fields, before.state, after.state, full_text=whole)
    facts = await read_diff_metadata(run, before, after)
    if kind:
        listing = build_diff_document(
            datasette, request, RevisionDiff(before=before, after=after, field_diffs=fields, metadata=facts)
        )
        return await render_document(datasette, request, kind, listing, get_request_language(request))
    context = {
        "before": before,
        "after": after,
        "fields": fields,
        "whole": whole,
        "path": path,
        "permalink": build_absolute_url(datasette, request, path),
        "end": await find_final_release(run, after.release),
        "say_change": partial(format_change, get_request_language(request)),
        **facts,
    }
    return Response.html(await datasette.render_template("diff.html", context, request=request))


async def read_diff_metadata(run: RunQuery, before: StoredRevision, after: StoredRevision) -> dict[str, Any]:
    """What the archive says of the change: as it was noted for an edit, computed for any other two states."""
    follows = after.metadata["previous"] == before.id
    if follows and after.metadata["changes"] is not None:
        changes = [Change(**change) for change in json.loads(after.metadata["changes"])]
        told = {name: after.metadata[name] for name in ("importance", "summary", "summary_en")}
    else:
        comparison = await asyncio.to_thread(compare, before.state, after.state)
        changes = list(comparison.changes)
        told = {
            "importance": comparison.importance,
            "summary": summarise_changes(changes, "sv"),
            "summary_en": summarise_changes(changes, "en"),
        }
    looks = await read_preceding_revisions(run, [after.id]) if follows else {}
    earlier, later = find_adjacent_edits(
        await read_edit_positions(run, await find_final_release(run, after.release)), before, after
    )
    is_edit = follows and after.metadata["cause"] == "source"
    return {
        **told,
        "changes": sorted(changes, key=lambda change: -change.importance),
        "follows": follows,
        "cause": after.metadata["cause"] if follows else None,
        "stamp": classify_update_stamp(after.metadata["update_date_changed"], after.state["updated"])
        if is_edit
        else None,
        "looked": find_last_seen(before.id, looks) if follows else None,
        "earlier": earlier,
        "later": later,
    }


def find_adjacent_edits(
    edits: Sequence[EditPosition], before: StoredRevision, after: StoredRevision
) -> tuple[EditPosition | None, EditPosition | None]:
    """The agency's edit that led up to the older state, and the first after the later one."""
    earlier = next((edit for edit in reversed(edits) if edit[:2] <= (before.seen, before.id)), None)
    later = next((edit for edit in edits if edit[:2] > (after.seen, after.id)), None)
    return earlier, later


def build_diff_document(datasette: Any, request: Any, diff: RevisionDiff) -> DataDocument:
    """The comparison as data: a row for each piece of text, a feed of one entry."""
    lang, kind, facts = get_request_language(request), request.url_vars["format"], diff.metadata
    asked = {name: request.args.get(name) for name in ("show", "lang")}
    path = f"/-/diff/{diff.before.id}/{diff.after.id}"
    page = build_absolute_url(datasette, request, keep_requested_language(request, path))
    release = build_absolute_url(
        datasette, request, keep_requested_language(request, f"/archive/releases/{diff.after.release}")
    )

    async def entries() -> Sequence[AtomEntry]:
        return [build_diff_entry(diff, page, release, lang)]

    return DataDocument(
        rows_name="pieces",
        title=translate(lang, "diff_title", title=diff.after.state["title"]),
        page_url=page,
        url=build_absolute_url(datasette, request, add_query(f"{path}.{kind}", **asked)),
        rows=format_diff_rows(diff.field_diffs),
        columns=DIFF_CSV_COLUMNS,
        read_entries=entries,
        extra_members={
            "before": {"revision": diff.before.id, "seen": diff.before.seen},
            "after": {"revision": diff.after.id, "seen": diff.after.seen},
            "release": diff.after.release,
            **{name: facts[name] for name in ("importance", "summary", "summary_en")},
            "unannounced": facts["stamp"] == "not moved",
            "stamp": facts["stamp"],
            "changes": [asdict(change) for change in facts["changes"]],
        },
    )


def build_diff_entry(diff: RevisionDiff, page_url: str, release_url: str, language: str) -> AtomEntry:
    """The comparison as an entry of a feed."""
    before, after, facts = diff.before, diff.after, diff.metadata
    agency = choose_translation(language, after.metadata["name"], after.metadata["name_en"]) or after.metadata["agency"]
    summary = choose_translation(language, facts["summary"], facts["summary_en"]) or translate(language, "edited")
    return AtomEntry(
        id=build_tag_uri(page_url, "2024", f"revisions-{before.id}-{after.id}"),
        title=f"{agency}: {after.state['title']}",
        language=after.state["language"],
        published=format_atom_time(after.seen),
        updated=format_atom_time(after.seen),
        link=page_url,
        release_url=release_url,
        author=agency,
        summary=f"{summary} · {format_importance(language, facts['importance'])}",
        field_diffs=diff.field_diffs,
        content=translate(
            language, "two_versions", one=format_time(language, before.seen), other=format_time(language, after.seen)
        ),
    )


def format_change(language: str, change: Change) -> str:
    """One change's kind and what happened to it."""
    return summarise_changes([change], language).removeprefix("1 ")


def format_diff_rows(field_diffs: Sequence[FieldDiff]) -> list[dict[str, Any]]:
    """Every piece of every row; what is left out between them is told as its number of rows (op skip)."""
    rows: list[dict[str, Any]] = []
    for field in field_diffs:
        if field.note:
            rows.append({"field": field.name, "place": 0, "label": None, "op": "note", "text": field.note})
        for place, row in enumerate(field.rows, 1):
            facts = {"field": field.name, "place": place}
            if isinstance(row, DiffRow):
                label = f"{row.label} {row.number}" if row.number else row.label
                rows += [{**facts, "label": label, "op": piece.op, "text": piece.text} for piece in row.pieces]
            else:
                rows.append({**facts, "label": None, "op": "skip", "text": str(row.count)})
    return rows


def diff_routes() -> list[tuple[str, Any]]:
    """The permalink of a change; its order is normalised."""
    return [(r"/-/diff/(?P<one>\d{1,15})/(?P<other>\d{1,15})" + FORMAT_SUFFIX, show_diff)]


HISTORY_CSV_COLUMNS = (
    *("event", "when", "last_seen_before", "until", "checks", "revision", "previous", "reverts_to", "importance"),
    *(
        "unannounced",
        "stamp",
        "summary",
        "summary_en",
        "url",
        "status",
        "target",
        "moved_to",
        "confirmed",
        "ended",
        "diff",
        "evidence",
    ),
)
RELEASE_SQL = """
    select r.title, r.language, r.agency, a.name, a.name_en from releases r join agencies a on a.slug = r.agency
    where r.id = :release
"""


async def show_history(request: Any, datasette: Any) -> Any:
    """Every event of the timeline, newest first."""
    release, kind, run = int(request.url_vars["release"]), request.url_vars["format"], build_query_runner(datasette)
    found = await run(RELEASE_SQL, {"release": release})
    if not found:
        return await render_error(datasette, request, kind, 404, "no_such_release", release=str(release))
    page = keep_requested_language(request, f"/archive/releases/{release}")
    if not kind:
        return Response.redirect(datasette.urls.path(page) + "#history")
    lang, about = get_request_language(request), dict(found[0])
    events = await read_timeline(run, release)
    rows = [format_event_row(event, build_event_urls(datasette, request, event)) for event in events]
    whole = build_absolute_url(datasette, request, page)

    async def entries() -> Sequence[AtomEntry]:
        return [build_event_entry(event, row, about, whole, lang) for event, row in zip(events, rows, strict=True)]

    listing = DataDocument(
        rows_name="events",
        title=translate(lang, "history_of", title=about["title"]),
        page_url=f"{whole}#history",
        url=build_absolute_url(datasette, request, keep_requested_language(request, f"/-/history/{release}.{kind}")),
        rows=rows,
        columns=HISTORY_CSV_COLUMNS,
        read_entries=entries,
        extra_members={"release": release, "agency": about["agency"], "title_now": about["title"]},
    )
    return await render_document(datasette, request, kind, listing, lang)


def build_event_urls(datasette: Any, request: Any, event: RevisionEvent | RemovalEvent) -> dict[str, str | None]:
    """Where an event is shown and what it rests on."""
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
    """An event as JSON and CSV tell it."""
    own = {name: getattr(event, name, None) for name in HISTORY_CSV_COLUMNS}
    revision = event.id if isinstance(event, RevisionEvent) else None
    return own | {"event": event.kind, "revision": revision} | urls


def build_event_entry(
    event: RevisionEvent | RemovalEvent, row: dict[str, Any], release: dict[str, Any], page_url: str, language: str
) -> AtomEntry:
    """An event as an entry of a feed."""
    if isinstance(event, RemovalEvent):
        told, name = describe_removal_event(language, event), f"removal-{event.id}"
        updated = event.ended or event.confirmed or event.when
    else:
        told, name, updated = describe_revision_event(language, event), f"revision-{event.id}", event.when
    return AtomEntry(
        id=build_tag_uri(page_url, "2024", name),
        title=f"{format_time(language, event.when)}: {told}",
        language=release["language"],
        published=format_atom_time(event.when),
        updated=format_atom_time(updated),
        link=row["diff"] or page_url,
        release_url=page_url,
        author=choose_translation(language, release["name"], release["name_en"]) or release["agency"],
        summary=told,
        categories=[event.kind],
    )


def describe_removal_event(language: str, removal: RemovalEvent) -> str:
    """What was seen in the release's place, in a line."""
    told = describe_removal(language, removal.kind, removal.status, removal.target)
    if removal.kind == "moved":
        return told
    sure = "away_confirmed" if removal.confirmed else "away_passed" if removal.ended else "away_doubt"
    return f"{translate(language, sure)}. {told}"


def describe_revision_event(language: str, revision: RevisionEvent) -> str:
    """What made a state, in a line."""
    if revision.kind != "edit":
        return translate(language, f"event_{revision.kind}")
    told = [
        choose_translation(language, revision.summary, revision.summary_en) or translate(language, "edited"),
        format_importance(language, revision.importance),
    ]
    return " · ".join([*told, *([translate(language, "unannounced")] if revision.unannounced else [])])


def history_routes() -> list[tuple[str, Any]]:
    """Beside the reading page, which shows the same."""
    return [(r"/-/history/(?P<release>\d{1,15})" + FORMAT_SUFFIX, show_history)]


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


def find_unplaced_questions(questions: list[Any], body_html: str) -> list[Any]:
    """The questions that do not stand in the body, to be printed after it."""
    standing = {int(number) for number in QUESTION_ID.findall(body_html)}
    return [question for question in questions if question["position"] not in standing]


def list_answerers(questions: list[Any]) -> list[str]:
    """Who answers, each once, in the order they first speak."""
    return list(dict.fromkeys(question["answered_by"] for question in questions if question["answered_by"]))


def split_plain_paragraphs(text: str | None) -> list[str]:
    """A plain text's paragraphs: blank lines part them."""
    return [part.strip() for part in re.split(r"\n\s*\n", text or "") if part.strip()]


async def read_release_context(datasette: Any, release_id: int, url: str) -> dict[str, Any]:
    """The release's history, when it was last looked at, where it stands since, and what stands beside it."""
    run = build_query_runner(datasette)
    events = await read_timeline(run, release_id)
    newest, older = split_timeline(events)
    stands = next(
        event
        for event in events
        if isinstance(event, RevisionEvent) and event.release == release_id and event.is_current
    )
    return {
        "events": newest,
        "older": older,
        "edited": sum(isinstance(event, RevisionEvent) and event.kind == "edit" for event in events),
        "first": min(
            (event for event in events if isinstance(event, RevisionEvent)), key=lambda event: (event.when, event.id)
        ),
        "looked": stands.last_seen,
        "taken_over": stands.kind == "import" and not stands.checks,  # and never looked at by the archive itself
        "moved_here": next(
            (e for e in events if isinstance(e, RemovalEvent) and e.kind == "moved" and e.target == url), None
        ),
        "standing": await find_release_status(run, release_id, stands.last_seen or stands.when),
        "neighbours": await find_adjacent_releases(run, release_id),
        "takedowns": await read_active_takedowns(run, release_id),
    }


async def release_template_vars(request: Any, datasette: Any) -> dict[str, Any]:
    """Only for the reading page; the row itself is there already, as rows[0]."""
    db, key = datasette.get_database("archive"), request.url_vars["pks"]
    found = {name: list(await db.execute(sql, [key])) for name, sql in RELEASE_PARTS_SQL.items()}
    about = "select r.id, r.url, r.body_html, a.* from releases r join agencies a on a.slug = r.agency where r.id = ?"
    agency = (await db.execute(about, [key])).first()
    return {
        **found,
        "agency": agency,
        "publishers": await db.execute_fn(partial(find_duplicates, release=agency["id"])),
        "apart": find_unplaced_questions(found["questions"], agency["body_html"]),
        "answerers": list_answerers(found["questions"]),
        "paragraphs": split_plain_paragraphs,
        **await read_release_context(datasette, agency["id"], agency["url"]),
    }


async def show_revision(request: Any, datasette: Any) -> Any:
    """The state, and above it whether it is the newest; search engines are told to keep to the release's own page."""
    revision, run, lang = (
        int(request.url_vars["revision"]),
        build_query_runner(datasette),
        get_request_language(request),
    )
    held, row = (await read_stored_revisions(run, [revision])).get(revision), await read_citation_row(run, revision)
    if held is None or row is None:
        return await render_error(datasette, request, None, 404, "revision_missing", revision=str(revision))
    cited = build_citation(row, build_absolute_url(datasette, request, f"/-/revision/{revision}"), lang)
    end = await find_final_release(run, held.release)
    newest = (await run("select revision from releases where id = :id", {"id": end}))[0]["revision"]
    state = held.state
    standing = {int(number) for number in QUESTION_ID.findall(state["body_html"])}
    context = {
        "revision": held,
        "state": state,
        "end": end,
        "newest": newest,
        "apart": [question for question in state["questions"] or () if question["position"] not in standing],
        "cited": cited,
        "takedowns": await read_active_takedowns(run, held.release),
        "forms": {ending: format_citation(cited, ending, lang).strip() for ending in CITATION_TYPES},
    }
    page = await datasette.render_template("revision.html", context, request=request)
    return Response.html(page, headers={"x-robots-tag": "noindex"})


def revision_routes() -> list[tuple[str, Any]]:
    """Short, for it is printed in lists of references."""
    return [(r"/-/revision/(?P<revision>[0-9]{1,18})$", show_revision)]


@hookimpl
def extra_template_vars(template: str, request: Any, datasette: Any) -> Callable[[], Awaitable[dict[str, Any]]] | None:
    """Return what the reading page shows beside the row, which is there already as rows[0]; None for other pages."""
    if template != READING_PAGE_TEMPLATE:
        return None

    async def read() -> dict[str, Any]:
        return {**await citation_template_vars(request, datasette), **await release_template_vars(request, datasette)}

    return read


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [*citation_routes(), *diff_routes(), *history_routes(), *revision_routes()]
