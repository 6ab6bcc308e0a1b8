"""A release and its history.

- /archive/releases/<id>: the reading page (row-archive-releases.html); Datasette reads only its row.
- /-/revision/<id>: one revision; the permalink used in citations.
- /-/cite/<revision>, with .txt, .bib, .ris and .csl.json: its citation.
- /-/evidence/<revision>.zip and /-/evidence/removal-<removal>.zip: the evidence of a revision or a removal.
- /-/diff/<revision>/<revision>, with .json, .csv and .atom: the differences between two revisions.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from tempfile import SpooledTemporaryFile
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import urlsplit

from datasette import Response, hookimpl
from datasette.database import QueryInterrupted

from archive.changes.comparison import compare
from archive.changes.field_differences import IS_MISSING_SQL, DiffRow, FieldDiff, diff_fields
from archive.changes.history import (
    NEAR_DUPLICATE_SQL,
    TimelineEvent,
    classify_update_stamp,
    find_final_release,
    find_last_seen,
    find_release_status,
    read_active_takedowns,
    read_edits,
    read_preceding_revisions,
    read_stored_revisions,
    read_timeline,
    split_timeline,
)
from archive.changes.importance import Change, summarise_changes
from archive.database.sqlite_files import RunQuery
from archive.evidence.bundles import write_bundle
from archive.i18n import format_importance, format_time
from archive.language.terms import is_english_release
from archive.publish.citations import CITATION_TYPES, Citation, format_citation, read_citation
from archive.search.marked_words import extract_query_terms
from archive.search.near_duplicates import find_duplicates
from archive.search.related_releases import choose_shown, find_related, read_related_releases
from archive.search.results import HitPosition, find_hit_position
from archive.search.search_request import (
    HIT_PARAMETERS,
    MAX_PAGE_NUMBER,
    build_hit_url,
    build_search_url,
    parse_positive_int,
    parse_search_request,
)
from archive.urls import strip_www
from archive.web.charts import EDIT_EVENTS, VERSION_BARS, draw_versions
from archive.web.documents import (
    FORMAT_SUFFIX,
    AtomEntry,
    DataDocument,
    build_tag_uri,
    format_atom_time,
    render_document,
)
from archive.web.exports import StreamResponse, build_file_response
from archive.web.highlights import MarkedHtml, PageHighlighter, list_answers
from archive.web.link_previews import ArticleMetadata, describe_article
from archive.web.openapi import DataOperation, get_fields
from archive.web.pages import find_adjacent_releases
from archive.web.requests import ReaderError, SiteRequest, compute_etag, get_search_columns, site_view

Revision = dict[str, Any]  # as read by `read_stored_revisions`

NOT_INDEXED = {"x-robots-tag": "noindex"}
MAX_MEMORY_BYTES = 2_000_000  # a larger zip is written to a temporary file
BUNDLE_SEMAPHORE = BoundedSemaphore(2)  # each bundle may have the bytes of one response in memory
READING_PAGE_TEMPLATE = "row-archive-releases.html"
QUESTION_ID = re.compile(r'\bid="question-(\d+)"')
RELEASE_PARTS_SQL = {
    "tags": "select id, name from release_tags join tags on id = tag where release = ? order by release_tags.rowid",
    "questions": "select position, question, answer, answered_by from questions where release = ? order by position",
    "images": "select url, caption, credit, alt from images where release = ? order by position",
    "attachments": "select url, title, media_type from attachments where release = ? order by position",
    "contacts": "select name, role, phone, email from contacts where release = ? order by position",
}
SPEAKERS_SQL = """
    select p.slug, p.name from releases r join quotes q on q.revision = r.revision join people p on p.id = q.person
    where r.id = :release group by p.id order by min(q.position)
"""
ATTACHED_FILES_SQL = f"""
    select v.id, v.url, v.previous, v.first_seen, v.last_seen,
      iif({IS_MISSING_SQL}, v.missing_since, null) as missing_since, f.kind, f.bytes, f.pages, f.letters, f.problem
    from attachment_versions v join attachment_files f on f.id = v.file
    where v.url in (select url from attachments where release = :release) order by v.id
"""
NEWEST_REVISION_SQL = "select revision, removed_at from releases where id = :id"
STORED_URLS_SQL = "select url from frontier where release = ? and role = 'release' and state = 'stored' order by url"
RELEASE_AGENCY_SQL = """
    select r.id, r.url, r.title, r.lead, r.body, r.body_html, r.updated, r.language, a.*
    from releases r join agencies a on a.slug = r.agency where r.id = ?
"""
CITATION_FORMATS = "|".join(re.escape(suffix) for suffix in CITATION_TYPES)
DIFF_CSV_COLUMNS = ("field", "place", "label", "op", "text")
REVISION_MEMBERS = ("release", "agency", "url", "seen", "cause", "previous", "summary", "summary_en", "importance")
REVISION_STATE = (
    *("kind", "title", "lead", "body", "body_html", "published", "published_text", "updated", "updated_text"),
    *("language", "tags", "questions", "images", "attachments", "contacts"),
)
REVISION_OPERATION = DataOperation(
    summary="A version of a release: its texts and lists as the agency had published them then",
    body=get_fields(
        *("revision", "permalink", *REVISION_MEMBERS, "agency_name", "current_release", "current_revision"),
        *("removed_at", "takedowns", "citation", *REVISION_STATE),
    ),
    parameter_names=(),
)
CITATION_OPERATION = DataOperation(summary="A citation of a version", body=["map An item of CSL-JSON"])
DIFF_OPERATION = DataOperation(
    summary="The differences between two versions of a release, or of near-duplicates; the older one is first",
    rows_name="pieces",
    row=get_fields(*DIFF_CSV_COLUMNS),
    members=get_fields(
        *("before", "after", "release", "importance", "summary", "summary_en", "unannounced", "stamp", "changes")
    ),
    parameter_names=("show",),
)
EVIDENCE_OPERATION = DataOperation(
    summary="The bytes that a version or a removal was read from, with their hashes and how to check them"
)


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    # SQLite can store any number of up to 18 digits
    return [
        (rf"/-/cite/(?P<revision>[0-9]{{1,18}})(?:\.(?P<format>{CITATION_FORMATS}))?$", show_citation),
        (r"/-/diff/(?P<one>\d{1,15})/(?P<other>\d{1,15})" + FORMAT_SUFFIX, show_diff),
        (r"/-/evidence/(?P<key>[0-9]{1,18})\.zip$", show_evidence),
        (r"/-/evidence/removal-(?P<key>[0-9]{1,18})\.zip$", show_removal_evidence),
        (r"/-/revision/(?P<revision>[0-9]{1,18})(?:\.(?P<format>json))?$", show_revision),
    ]


@hookimpl
def extra_template_vars(template: str, request: Any, datasette: Any) -> Callable[[], Awaitable[dict[str, Any]]] | None:
    """Provide the template variables of the reading page; return None for other templates."""
    if template != READING_PAGE_TEMPLATE:
        return None

    async def read() -> dict[str, Any]:
        site = SiteRequest(request, datasette)
        return await read_release_context(site)

    return read


async def read_release_context(site: SiteRequest) -> dict[str, Any]:
    """Return the template variables of the reading page. The release's own row is rows[0]."""
    db, key = site.datasette.get_database("archive"), site.url_vars["pks"]
    parts = {name: list(await db.execute(sql, [key])) for name, sql in RELEASE_PARTS_SQL.items()}
    agency = (await db.execute(RELEASE_AGENCY_SQL, [key])).first()
    release = {**dict(agency), **parts}
    addresses = await db.execute(STORED_URLS_SQL, [agency["id"]])
    files = await site.run(ATTACHED_FILES_SQL, {"release": agency["id"]})
    answerers = [question["answered_by"] for question in parts["questions"] if question["answered_by"]]
    newest = (await site.run(NEWEST_REVISION_SQL, {"id": agency["id"]}))[0]["revision"]
    canonical_url = site.local_url(f"/archive/releases/{agency['id']}")  # without the parameters of a search
    citation_context, history = (
        await read_citation_context(site, newest),
        await read_history_context(site, agency["id"], agency["url"]),
    )
    return {
        **parts,
        **citation_context,
        "agency": agency,
        "page_metadata": describe_page(
            site, citation_context["citation"], canonical_url, agency, history["last_changed"]
        ),
        "speakers": await site.run(SPEAKERS_SQL, {"release": agency["id"]}),
        "attached_files": {file["url"]: file for file in files},  # the newest version of each URL
        "near_duplicates": await db.execute_fn(partial(find_duplicates, release=agency["id"])),
        "other_urls": [url for (url,) in addresses if not has_same_host(url, agency["url"])],
        "canonical_url": canonical_url,
        "answerers": list(dict.fromkeys(answerers)),  # without duplicates, in the order of their first answers
        **await read_related_context(site, agency["id"], agency["slug"]),
        **await read_marked_texts(site, agency["id"], release),
        **history,
    }


def describe_page(
    site: SiteRequest, citation: Citation, url: str, state: Mapping[str, Any], seen_change: str | None
) -> ArticleMetadata:
    """Return the metadata of a page that shows a release or a revision, with the words that it shows."""
    return describe_article(
        citation,
        url=url,
        lead=state["lead"],
        modified=state["updated"] or seen_change,
        lang=site.language,
    )


async def read_history_context(site: SiteRequest, release_id: int, url: str) -> dict[str, Any]:
    """Return the release's timeline, current status, adjacent releases and takedowns."""
    run = site.run
    events = await read_timeline(run, release_id)
    newest, older_years = split_timeline(events)
    revisions = [event for event in events if "last_seen" in event]
    current = next(event for event in revisions if event["release"] == release_id and event["is_current"])
    moves = (event for event in events if event["kind"] == "moved" and event["target"] == url)
    return {
        "versions_picture": draw_history(site, events),
        "events": newest,
        "older_years": older_years,
        "version_count": len(revisions),
        "version_releases": sorted({event["release"] for event in revisions}),  # also the ids before a merger
        "edit_count": sum(event["kind"] in ("edit", "attachment") for event in events),
        "last_changed": max((event["when"] for event in revisions if event["kind"] == "edit"), default=None),
        "first_revision": min(revisions, key=lambda event: (event["when"], event["id"])),
        "last_seen": current["last_seen"],
        "collection": current["collection"],  # name of the collection that the current state was imported from
        "is_imported": current["kind"] == "import" and not current["checks"],  # the archive itself has never checked it
        "moved_here": next(moves, None),
        "status": await find_release_status(run, release_id, current["last_seen"] or current["when"]),
        "adjacent_releases": await find_adjacent_releases(run, release_id),
        "takedowns": await read_active_takedowns(run, release_id),
    }


def draw_history(site: SiteRequest, events: Sequence[TimelineEvent]) -> dict[str, Any] | None:
    """Return the picture of the timeline of a release that was edited or missing, with its ends; None for others."""
    edits = [event for event in events if event["kind"] in EDIT_EVENTS]
    removals = [event for event in events if "ended" in event and event["kind"] != "moved"]
    if not edits and not removals:
        return None
    first = min(event["when"] for event in events)
    ends = (event.get("last_seen") or event.get("ended") or event["until"] or event["when"] for event in events)
    last = max(first, *ends)
    times = {"first": format_time(site.language, first), "last": format_time(site.language, last)}
    counts = [site.translate("history.picture.edits", n=len(edits))] if edits else []
    counts += [site.translate("history.picture.missing", n=len(removals))] if removals else []
    title, description = ", ".join(counts), site.translate("history.picture.span", **times)
    kinds = ["version", *(["edit"] if edits else []), *(["missing"] if removals else [])]
    legend = [(kind, site.translate(f"history.picture.key.{kind}")) for kind in kinds]
    return {"picture": draw_versions(events, last, title, description), "legend": legend, "bars": VERSION_BARS, **times}


async def read_related_context(site: SiteRequest, release_id: int, agency: str) -> dict[str, Any]:
    """Return the related releases that the page shows, and the number of all; None if the release is hidden."""
    found = await find_related(site.run, release_id)
    rows = await read_related_releases(site.run, found) if found else []
    return {"related": choose_shown(rows, agency) if found else None, "related_count": len(rows)}


async def read_citation_context(site: SiteRequest, revision_id: int) -> dict[str, Any]:
    """Return the citation of a revision in all formats; raise ReaderError if there is no such revision."""
    citation = await find_citation(site, revision_id)
    texts = {suffix: format_citation(citation, suffix, site.language).strip() for suffix in CITATION_TYPES}
    return {"citation": citation, "citation_formats": texts}


async def read_marked_texts(site: SiteRequest, release_id: int, release: Mapping[str, Any]) -> dict[str, Any]:
    """Return the texts of a release or state in printed order, with the marks of the search that led to the page."""
    context = await read_search_context(site, release_id, release)
    highlighter: PageHighlighter = context["highlighter"]

    def mark() -> dict[str, Any]:
        mark_text, questions = highlighter.mark_text, release["questions"] or ()
        return {
            "marked_title": mark_text(release["title"], "title"),
            "marked_lead": [mark_text(paragraph, "lead") for paragraph in split_plain_paragraphs(release["lead"])],
            "marked_body": highlighter.mark_html(release["body_html"], list_answers(questions)),
            "unplaced_questions": [
                {
                    **dict(question),
                    "question": mark_text(question["question"], "question"),
                    "answer": [mark_text(text, "answer") for text in split_plain_paragraphs(question["answer"])],
                }
                for question in find_unplaced_questions(questions, release["body_html"])
            ],
            "images": [
                {**dict(image), "caption": mark_text(image["caption"] or image["alt"], "caption")}
                for image in release["images"] or ()
            ],
        }

    # in a thread, because lemmatising the words of long texts takes a while
    return context | await asyncio.to_thread(mark)


async def read_search_context(site: SiteRequest, release_id: int, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the search that led to a page (None if none did), with the highlighter of its words.

    Invalid parameters, and queries without a word, are ignored.
    """
    request, found = parse_search_request(site.args), None
    number = min(parse_positive_int(site.args.get("hit") or "") or 0, MAX_PAGE_NUMBER) or None
    if request.query.tree or request.has_filters:
        try:
            columns = get_search_columns(site.datasette)
            found = await find_hit_position(site.run, request, release_id, number, columns)
        except QueryInterrupted:
            found = HitPosition(query_terms=extract_query_terms(request.query.tree))
    english = is_english_release(state) if found else False
    highlighter = PageHighlighter(found.query_terms if found else (), english=english, language=site.language)

    def keep_search(path: str, hit: int | None = number) -> str:
        """Return the URL of a path with the parameters of the search."""
        return str(site.datasette.urls.path(build_hit_url(path, request, hit, site.requested_language)))

    results = replace(request, page=(found.number - 1) // request.size + 1 if found and found.number else 1)
    anchor = f"#hit-{found.number}" if found and found.number else ""
    return {
        "found": found,
        "search_words": request.text,
        "results_url": site.datasette.urls.path(build_search_url(results, site.requested_language)) + anchor,
        "highlighter": highlighter,
        "keep_search": keep_search,
    }


def has_same_host(url: str, other: str) -> bool:
    return strip_www(urlsplit(url).hostname or "") == strip_www(urlsplit(other).hostname or "")


def find_unplaced_questions(questions: Iterable[Any], body_html: str) -> list[Any]:
    """Return the questions that are not in the body and are printed after it."""
    placed = {int(number) for number in QUESTION_ID.findall(body_html)}
    return [question for question in questions if question["position"] not in placed]


def split_plain_paragraphs(text: str | None) -> list[str]:
    """Split plain text into paragraphs at blank lines."""
    return [part.strip() for part in re.split(r"\n\s*\n", text or "") if part.strip()]


@site_view(*HIT_PARAMETERS, operation=REVISION_OPERATION)
async def show_revision(site: SiteRequest) -> Response:
    """Show a revision and whether it is the current one. Search engines must not index it."""
    revision_id = int(site.url_vars["revision"])
    citation_context = await read_citation_context(site, revision_id)
    citation: Citation = citation_context["citation"]
    revision = (await read_stored_revisions(site.run, [revision_id]))[revision_id]
    final_release = await find_final_release(site.run, revision["release"])
    state, newest = revision["state"], (await site.run(NEWEST_REVISION_SQL, {"id": final_release}))[0]
    context = {
        "revision": revision,
        "state": state,
        "final_release": final_release,
        "newest_revision": newest["revision"],
        "takedowns": await read_active_takedowns(site.run, revision["release"]),
        **citation_context,
        "canonical_url": citation.permalink,
        "page_metadata": describe_page(site, citation, citation.permalink, state, None),
    }
    if site.format_name:
        data = format_revision(site, context) | {"removed_at": newest["removed_at"]}
        etag = compute_etag(json.dumps(data))
        if site.has_current(etag):
            return Response("", status=304, headers=site.build_headers(etag))
        return Response.json(data, headers=site.build_headers(etag) | NOT_INDEXED)
    context |= await read_marked_texts(site, final_release, state)
    return await site.render("revision.html", context, headers=NOT_INDEXED)


def format_revision(site: SiteRequest, context: Mapping[str, Any]) -> dict[str, Any]:
    revision = context["revision"]
    return {
        "revision": revision["id"],
        "permalink": site.url(f"/-/revision/{revision['id']}"),
        **{name: revision[name] for name in REVISION_MEMBERS},
        "agency_name": revision["name"],
        "current_release": context["final_release"],
        "current_revision": context["newest_revision"],
        "takedowns": [
            {name: row[name] for name in ("kind", "reason", "reason_en", "at")} for row in context["takedowns"]
        ],
        "citation": context["citation_formats"]["txt"],
        **{name: context["state"][name] for name in REVISION_STATE},
    }


@site_view(operation=CITATION_OPERATION)
async def show_citation(site: SiteRequest) -> Response:
    """Show a citation as a page, or in one format; 304 if the client already has it."""
    revision_id, suffix = int(site.url_vars["revision"]), site.format_name
    if suffix is None:
        return await site.render("cite.html", await read_citation_context(site, revision_id), headers=NOT_INDEXED)
    citation = await find_citation(site, revision_id)
    text = format_citation(citation, suffix, site.language)
    etag = compute_etag(text)
    headers = {**site.build_headers(etag), "content-language": site.language}
    if site.has_current(etag):
        return Response("", status=304, headers=headers, content_type=CITATION_TYPES[suffix])
    if suffix != "txt":
        headers["content-disposition"] = f'attachment; filename="{citation.key}.{suffix}"'
    return Response(text, headers=headers, content_type=CITATION_TYPES[suffix])


async def find_citation(site: SiteRequest, revision_id: int) -> Citation:
    permalink = site.url(f"/-/revision/{revision_id}")
    citation = await read_citation(site.run, revision_id, permalink, site.language)
    if citation is None:
        raise ReaderError(404, "error.no_revision", revision=str(revision_id))
    return citation


@site_view(*HIT_PARAMETERS, operation=DIFF_OPERATION)  # show=all: the whole text
async def show_diff(site: SiteRequest) -> Response:
    """Show the differences between two revisions, older one first; redirect if they are in the other order."""
    one, other = site.url_vars["one"], site.url_vars["other"]
    before, after = await read_revision_pair(site.run, int(one), int(other))
    path = f"/-/diff/{before['id']}/{after['id']}"
    if (one, other) != (str(before["id"]), str(after["id"])):
        suffix = f".{site.format_name}" if site.format_name else ""
        query = f"?{site.request.query_string}" if site.request.query_string else ""
        return Response.redirect(site.datasette.urls.path(path + suffix) + query, status=301)
    full_text = site.args.get("show") == "all"
    # outside the event loop, because comparing long texts takes a while
    field_diffs = await asyncio.to_thread(diff_fields, before["state"], after["state"], full_text=full_text)
    context = {
        "before": before,
        "after": after,
        "field_diffs": field_diffs,
        "path": path,
        **await read_diff_metadata(site, before, after),
    }
    if site.format_name:
        return await render_document(site, build_diff_document(site, context))
    final_release = await find_final_release(site.run, after["release"])
    search_context = await read_search_context(site, final_release, after["state"])
    context |= search_context | {
        "full_text": full_text,
        "permalink": site.url(path),
        "canonical_url": site.url(path),
        "final_release": final_release,
        "find_marked_pieces": await asyncio.to_thread(mark_rows, field_diffs, search_context["highlighter"]),
        "format_change": lambda change: summarise_changes([change], site.language).removeprefix("1 "),
    }
    return await site.render("diff.html", context)


def mark_rows(
    field_diffs: Sequence[FieldDiff], highlighter: PageHighlighter
) -> Callable[[DiffRow], list[MarkedHtml] | None]:
    """Mark the rows of a comparison in printed order, and return a function that looks up the marked pieces of a row.

    The function returns None for a row without marks. A field that only repeats the body is collapsed on the page, and
    not marked.
    """
    marked = {
        id(row): pieces
        for field in field_diffs
        if not field.shown_in_body
        for row in field.rows
        if isinstance(row, DiffRow) and (pieces := highlighter.mark_row(field.name, row))
    }
    return lambda row: marked.get(id(row))


async def read_revision_pair(run: RunQuery, first_id: int, second_id: int) -> list[Revision]:
    """Return two revisions of one release or of near-duplicates, the older one first.

    Raises ReaderError if they cannot be compared.
    """
    if first_id == second_id:
        raise ReaderError(404, "error.same_revision", revision=str(first_id))
    revisions = await read_stored_revisions(run, [first_id, second_id])
    for key in (first_id, second_id):
        if key not in revisions:
            raise ReaderError(404, "error.no_revision", revision=str(key))
    pair = sorted(revisions.values(), key=lambda revision: (revision["seen"], revision["id"]))
    releases = [await find_final_release(run, revision["release"]) for revision in pair]
    if releases[0] != releases[1] and not await run(NEAR_DUPLICATE_SQL, {"pair": json.dumps(releases)}):
        raise ReaderError(404, "error.different_releases", one=str(first_id), other=str(second_id))
    return pair


async def read_diff_metadata(site: SiteRequest, before: Revision, after: Revision) -> dict[str, Any]:
    """Return the changes, importance, summary and neighbouring edits of a diff, stored or computed."""
    is_consecutive = after["previous"] == before["id"]
    if is_consecutive and after["changes"] is not None:
        changes = [Change(**change) for change in json.loads(after["changes"])]
        summary = {name: after[name] for name in ("importance", "summary", "summary_en")}
    else:
        comparison = await asyncio.to_thread(compare, before["state"], after["state"])
        changes = list(comparison.changes)
        summary = {
            "importance": comparison.importance,
            "summary": summarise_changes(changes, "sv"),
            "summary_en": summarise_changes(changes, "en"),
        }
    preceding = await read_preceding_revisions(site.run, [after["id"]]) if is_consecutive else {}
    edits = await read_edits(site.run, await find_final_release(site.run, after["release"]))
    until, since = ((revision["seen"], revision["id"]) for revision in (before, after))
    is_edit = is_consecutive and after["cause"] == "source"
    stamp = classify_update_stamp(after["update_date_changed"], after["state"]["updated"])
    return {
        **summary,
        "changes": sorted(changes, key=lambda change: -change.importance),
        "is_consecutive": is_consecutive,
        "cause": after["cause"] if is_consecutive else None,
        "stamp": stamp if is_edit else None,
        "last_seen": find_last_seen(before["id"], preceding) if is_consecutive else None,
        # the last edit before the older revision, and the first one after the later revision
        "earlier_edit": next((edit for edit in reversed(edits) if (edit["seen"], edit["id"]) <= until), None),
        "later_edit": next((edit for edit in edits if (edit["seen"], edit["id"]) > since), None),
    }


def build_diff_document(site: SiteRequest, diff: Mapping[str, Any]) -> DataDocument:
    """Build the data formats of a comparison: a row for each piece of text, and a feed with a single entry."""
    before, after, path = diff["before"], diff["after"], diff["path"]

    async def read_entries() -> Sequence[AtomEntry]:
        return [build_diff_entry(site, diff, site.local_url(path))]

    return DataDocument(
        rows_name="pieces",
        title=site.translate("diff.title", title=after["state"]["title"]),
        page_url=site.local_url(path),
        url=site.local_url(f"{path}.{site.format_name}", show=site.args.get("show")),
        rows=format_diff_rows(diff["field_diffs"]),
        columns=DIFF_CSV_COLUMNS,
        read_entries=read_entries,
        extra_members={
            "before": {"revision": before["id"], "seen": before["seen"]},
            "after": {"revision": after["id"], "seen": after["seen"]},
            "release": after["release"],
            **{name: diff[name] for name in ("importance", "summary", "summary_en")},
            "unannounced": diff["stamp"] == "not moved",
            "stamp": diff["stamp"],
            "changes": [asdict(change) for change in diff["changes"]],
        },
    )


def build_diff_entry(site: SiteRequest, diff: Mapping[str, Any], page_url: str) -> AtomEntry:
    before, after, language = diff["before"], diff["after"], site.language
    agency = site.choose(after["name"], after["name_en"])
    summary = site.choose(diff["summary"], diff["summary_en"]) or site.translate("history.edited")
    return AtomEntry(
        id=build_tag_uri(page_url, f"revisions-{before['id']}-{after['id']}"),
        title=f"{agency}: {after['state']['title']}",
        language=after["state"]["language"],
        published=format_atom_time(after["seen"]),
        updated=format_atom_time(after["seen"]),
        link=page_url,
        release_url=site.local_url(f"/archive/releases/{after['release']}"),
        author=agency,
        summary=f"{summary} · {format_importance(language, diff['importance'])}",
        field_diffs=diff["field_diffs"],
        content=site.translate(
            "diff.two_versions", one=format_time(language, before["seen"]), other=format_time(language, after["seen"])
        ),
    )


def format_diff_rows(field_diffs: Sequence[FieldDiff]) -> list[dict[str, Any]]:
    """Return a row for each piece of text. Omitted pieces become one row with op `skip` and their number."""
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


@site_view(operation=EVIDENCE_OPERATION)
async def show_evidence(site: SiteRequest) -> Response | StreamResponse:
    return await send_evidence(site, "")


@site_view(operation=EVIDENCE_OPERATION)
async def show_removal_evidence(site: SiteRequest) -> Response | StreamResponse:
    return await send_evidence(site, "removal-")


async def send_evidence(site: SiteRequest, prefix: str) -> Response | StreamResponse:
    """Send the evidence of a revision or removal as a zip; raise ReaderError if there is no such row."""
    path, row_id = site.datasette.get_database("archive").path, int(site.url_vars["key"])
    file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(max_size=MAX_MEMORY_BYTES)  # noqa: SIM115 - closed by the response

    def write() -> bool:
        with BUNDLE_SEMAPHORE:
            return write_bundle(Path(path), "removals" if prefix else "revisions", row_id, file)

    if not await asyncio.to_thread(write):
        file.close()
        if prefix:
            raise ReaderError(404, "error.no_removal", removal=str(row_id))
        raise ReaderError(404, "error.no_revision", revision=str(row_id))
    file.seek(0)
    digest = await asyncio.to_thread(hashlib.file_digest, file, "sha256")  # the same bytes each time
    etag = f'"{digest.hexdigest()[:32]}"'
    if site.has_current(etag):
        file.close()
        return Response("", status=304, headers={"etag": etag}, content_type="application/zip")
    headers = {
        "content-type": "application/zip",
        "etag": etag,
        "content-disposition": f'attachment; filename="evidence-{prefix}{row_id}.zip"',
        "x-content-type-options": "nosniff",
    }
    return build_file_response(file, headers)
