"""/archive/releases/<id>: the reading page of a release.

Datasette serves the release's row in other formats.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from datasette import NotFound, Response
from datasette.database import QueryInterrupted

from archive.changes.field_differences import IS_MISSING_SQL
from archive.changes.history import (
    TimelineEvent,
    find_release_status,
    read_active_takedowns,
    read_timeline,
    split_timeline,
)
from archive.i18n import format_time
from archive.language.terms import is_english_release
from archive.publish.citations import CITATION_TYPES, Citation, format_citation, read_citation
from archive.search.marked_words import extract_query_terms
from archive.search.near_duplicates import find_duplicates
from archive.search.related_releases import choose_shown, find_related, read_related_releases
from archive.search.results import HitPosition, find_hit_position
from archive.search.search_request import (
    HIT_PARAMETERS,
    MAX_PAGE_NUMBER,
    SearchRequest,
    build_hit_url,
    build_search_url,
    parse_positive_int,
    parse_search_request,
)
from archive.urls import strip_www
from archive.views.lists import find_adjacent_releases
from archive.views.memento import link_version
from archive.views.references import read_release_references
from archive.web import (
    PageHighlighter,
    ReaderError,
    SiteRequest,
    describe_article,
    get_search_columns,
    list_answers,
    site_view,
)
from archive.web.charts import EDIT_EVENTS, VERSION_BARS, draw_versions
from archive.web.datasette_versions import check_table_permission

QUESTION_ID = re.compile(r'\bid="question-(\d+)"')
RELEASE_SQL = "select * from releases where id = :release"
AGENCY_SQL = "select * from agencies where slug = :agency"
RELEASE_PARTS_SQL = {
    "tags": (
        "select id, name from release_tags join tags on id = tag where release = :release"
        " order by release_tags.rowid"
    ),
    "questions": (
        "select position, question, answer, answered_by from questions where release = :release"
        " order by position"
    ),
    "images": (
        "select url, caption, credit, alt from images where release = :release order by position"
    ),
    "attachments": (
        "select url, title, media_type from attachments where release = :release order by position"
    ),
    "contacts": (
        "select name, role, phone, email from contacts where release = :release order by position"
    ),
}
SPEAKERS_SQL = """
    select p.slug, p.name from releases r join quotes q on q.revision = r.revision join people p
      on p.id = q.person
    where r.id = :release group by p.id order by min(q.position)
"""
ATTACHED_FILES_SQL = f"""
    select v.id, v.url, v.previous, v.first_seen, v.last_seen,
      iif({IS_MISSING_SQL}, v.missing_since, null) as missing_since, f.kind,
        f.bytes, f.pages, f.letters, f.problem
    from attachment_versions v join attachment_files f on f.id = v.file
    where v.url in (select url from attachments where release = :release) order by v.id
"""
CHANGES_SQL = "select changes from revisions where id = :revision"
STORED_URLS_SQL = (
    "select url from frontier where release = :release and role = 'release' and state = 'stored'"
    " order by url"
)


@site_view("/archive/releases/{release}", parameters=HIT_PARAMETERS)
async def _show_release(site: SiteRequest) -> Response:
    await check_table_permission(site.datasette, site.request, "archive", "releases")
    context = await site.read_in_one_thread(_read_release_context)
    context |= await read_marked_texts(site, context["row"]["id"], context["row"] | context)
    context["memento_path"], headers = await link_version(site, context["row"]["capture"])
    return await site.render("release.html", context, headers=headers)


async def _read_release_context(
    site: SiteRequest, connection: sqlite3.Connection
) -> dict[str, Any]:
    """Return the template variables that do not depend on a search.

    Raises NotFound if there is no such release.
    """
    run, values = site.run, {"release": int(site.url_vars["release"])}
    rows = await run(RELEASE_SQL, values)
    if not rows:
        raise NotFound("there is no such release")
    row = dict(rows[0])
    release = row["id"]
    parts = {name: list(await run(sql, values)) for name, sql in RELEASE_PARTS_SQL.items()}
    agency = (await run(AGENCY_SQL, {"agency": row["agency"]}))[0]
    addresses = await run(STORED_URLS_SQL, values)
    files = await run(ATTACHED_FILES_SQL, values)
    answerers = [
        question["answered_by"] for question in parts["questions"] if question["answered_by"]
    ]
    # without the parameters of a search
    canonical_url = site.local_url(f"/archive/releases/{release}")
    citation_context = await read_citation_context(site, row["revision"])
    history = await _read_history_context(site, release, row["url"])
    return {
        **parts,
        **citation_context,
        "row": row,
        "agency": agency,
        "page_metadata": describe_article(
            citation_context["citation"],
            url=canonical_url,
            lead=row["lead"] or row["body"],
            modified=row["updated"] or history["last_changed"],
            lang=site.language,
        ),
        "references": await read_release_references(run, release),
        "speakers": await run(SPEAKERS_SQL, values),
        "attached_files": {file["url"]: file for file in files},  # the newest version of each URL
        "near_duplicates": find_duplicates(connection, release),
        "other_urls": [url for (url,) in addresses if not _has_same_host(url, row["url"])],
        "canonical_url": canonical_url,
        # without duplicates, in the order of their first answers
        "answerers": list(dict.fromkeys(answerers)),
        **await _read_related_context(site, release, agency["slug"]),
        **history,
    }


async def _read_history_context(site: SiteRequest, release_id: int, url: str) -> dict[str, Any]:
    """Return the template variables about a release's history.

    They include the timeline, the current status, adjacent releases and takedowns.
    """
    run = site.run
    events = await read_timeline(run, release_id)
    newest, older_years = split_timeline(events)
    revisions = [event for event in events if "last_seen" in event]
    current = next(
        event for event in revisions if event["release"] == release_id and event["is_current"]
    )
    moves = (event for event in events if event["kind"] == "moved" and event["target"] == url)
    return {
        "versions_picture": _draw_history(site, events),
        "events": newest,
        "older_years": older_years,
        **_summarise_revisions(revisions),
        "edit_count": sum(event["kind"] in EDIT_EVENTS for event in events),
        "newest_edit": await _find_newest_edit(site, events),
        "last_seen": current["last_seen"],
        # name of the collection that the current state was imported from
        "collection": current["collection"],
        # the archive itself has never checked it
        "is_imported": current["kind"] == "import" and not current["checks"],
        "moved_here": next(moves, None),
        "status": await find_release_status(
            run, release_id, current["last_seen"] or current["when"]
        ),
        "adjacent_releases": await find_adjacent_releases(run, release_id),
        "takedowns": await read_active_takedowns(run, release_id),
    }


async def _find_newest_edit(
    site: SiteRequest, events: Sequence[TimelineEvent]
) -> TimelineEvent | None:
    """Return the newest edit of the release or of one of its attachments, with its changes.

    Returns None if there is no edit.
    """
    newest = next((event for event in events if event["kind"] in EDIT_EVENTS), None)
    if newest and "changes" not in newest:
        newest |= dict((await site.run(CHANGES_SQL, {"revision": newest["id"]}))[0])
    return newest


def _summarise_revisions(revisions: Sequence[TimelineEvent]) -> dict[str, Any]:
    edits = (event["when"] for event in revisions if event["kind"] == "edit")
    return {
        "version_count": len(revisions),
        # also the ids before a merger
        "version_releases": sorted({event["release"] for event in revisions}),
        "last_changed": max(edits, default=None),
        "first_revision": min(
            revisions, key=lambda event: (event["kind"] == "import", event["when"], event["id"])
        ),
        "collections": _summarise_collections(revisions),
    }


def _summarise_collections(revisions: Sequence[TimelineEvent]) -> list[dict[str, Any]]:
    """Return the collections that contained the release, each with the times of its first and last
    readings.
    """
    found: dict[str, dict[str, Any]] = {}
    for each in (row for event in revisions for row in event["observations"]):
        known = found.setdefault(each["collection"], dict(each))
        known["first"] = min(filter(None, (known["first"], each["first"])), default=None)
        known["last"] = max(filter(None, (known["last"], each["last"])), default=None)
    return [found[name] for name in sorted(found)]


def _draw_history(site: SiteRequest, events: Sequence[TimelineEvent]) -> dict[str, Any] | None:
    """Return a drawing of the timeline of a release, with the times at which the timeline begins
    and ends.

    Returns None if the release was never edited or missing.
    """
    edit_count = sum(event["kind"] in EDIT_EVENTS for event in events)
    removal_count = sum("ended" in event and event["kind"] != "moved" for event in events)
    if not edit_count and not removal_count:
        return None
    first = min(event["when"] for event in events)
    last = max(first, *map(_find_event_end, events))
    times = {"first": format_time(site.language, first), "last": format_time(site.language, last)}
    counts, kinds = [], ["version"]
    if edit_count:
        counts.append(site.translate("history.picture.edits", n=edit_count))
        kinds.append("edit")
    if removal_count:
        counts.append(site.translate("history.picture.missing", n=removal_count))
        kinds.append("missing")
    title, description = ", ".join(counts), site.translate("history.picture.span", **times)
    return {
        "picture": draw_versions(events, last, title, description),
        "legend": [(kind, site.translate(f"history.picture.key.{kind}")) for kind in kinds],
        "bars": VERSION_BARS,
        **times,
    }


def _find_event_end(event: TimelineEvent) -> str:
    """Return the latest time that is known for an event, such as its end."""
    end: str = event.get("last_seen") or event.get("ended") or event["until"] or event["when"]
    return end


async def _read_related_context(site: SiteRequest, release_id: int, agency: str) -> dict[str, Any]:
    """Return the related releases that the page shows, and the total number of related releases.

    `related` is None if the release is hidden.
    """
    found = await find_related(site.run, release_id)
    rows = await read_related_releases(site.run, found) if found else []
    return {"related": choose_shown(rows, agency) if found else None, "related_count": len(rows)}


async def read_citation_context(site: SiteRequest, revision_id: int) -> dict[str, Any]:
    """Return the citation of a revision in all formats.

    Raises ReaderError if there is no such revision.
    """
    citation = await find_citation(site, revision_id)
    texts = {
        suffix: format_citation(citation, suffix, site.language).strip()
        for suffix in CITATION_TYPES
    }
    return {"citation": citation, "citation_formats": texts}


async def find_citation(
    site: SiteRequest, revision_id: int, language: str | None = None
) -> Citation:
    permalink = site.url(f"/-/revision/{revision_id}")
    citation = await read_citation(site.run, revision_id, permalink, language or site.language)
    if citation is None:
        raise ReaderError(404, "error.no_revision", revision=str(revision_id))
    return citation


async def read_marked_texts(
    site: SiteRequest, release_id: int, release: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the template variables with the texts of a release, or of one of its versions.

    The words of the search that led to the page are highlighted in them.
    """
    context = await read_search_context(site, release_id, release)
    highlighter: PageHighlighter = context["highlighter"]

    def mark() -> dict[str, Any]:
        mark_text, questions = highlighter.mark_text, release["questions"] or ()
        return {
            "marked_title": mark_text(release["title"], "title"),
            "marked_lead": [
                mark_text(paragraph, "lead")
                for paragraph in _split_plain_paragraphs(release["lead"])
            ],
            "marked_body": highlighter.mark_html(release["body_html"], list_answers(questions)),
            "unplaced_questions": [
                {
                    **dict(question),
                    "question": mark_text(question["question"], "question"),
                    "answer": [
                        mark_text(text, "answer")
                        for text in _split_plain_paragraphs(question["answer"])
                    ],
                }
                for question in _find_unplaced_questions(questions, release["body_html"])
            ],
            "images": [
                {**dict(image), "caption": mark_text(image["caption"] or image["alt"], "caption")}
                for image in release["images"] or ()
            ],
        }

    # in a thread, because lemmatising the words of long texts takes a while
    return context | await asyncio.to_thread(mark)


async def read_search_context(
    site: SiteRequest, release_id: int, state: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the template variables about the search that led to a page, with a highlighter.

    The highlighter marks the words of the search. Invalid parameters, and queries without a word,
    are ignored.
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
    highlighter = PageHighlighter(
        found.query_terms if found else (), english=english, language=site.language
    )

    def keep_search(path: str, hit: int | None = number) -> str:
        """Add the parameters of the search, and the position `hit` of a result, to a path."""
        return str(
            site.datasette.urls.path(build_hit_url(path, request, hit, site.requested_language))
        )

    place = found.number if found else None
    return {
        "found": found,
        "search_words": request.text,
        "results_url": _build_results_path(site, request, place),
        "highlighter": highlighter,
        "keep_search": keep_search,
    }


def _build_results_path(site: SiteRequest, request: SearchRequest, place: int | None) -> str:
    """Return the path of the results page that shows a result, with the result's anchor.

    place: the result's position among all results. If it is None, the path leads to the first page.
    """
    page = (place - 1) // request.size + 1 if place else 1
    path: str = site.datasette.urls.path(
        build_search_url(replace(request, page=page), site.requested_language)
    )
    return path + f"#hit-{place}" if place else path


def _has_same_host(url: str, other: str) -> bool:
    return strip_www(urlsplit(url).hostname or "") == strip_www(urlsplit(other).hostname or "")


def _find_unplaced_questions(questions: Iterable[Any], body_html: str) -> list[Any]:
    """Return the questions that are not in the body. The page shows them after the body."""
    placed = {int(number) for number in QUESTION_ID.findall(body_html)}
    return [question for question in questions if question["position"] not in placed]


def _split_plain_paragraphs(text: str | None) -> list[str]:
    """Split plain text into paragraphs at blank lines."""
    return [part.strip() for part in re.split(r"\n\s*\n", text or "") if part.strip()]
