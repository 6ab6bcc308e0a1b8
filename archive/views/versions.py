"""The versions of a release and their citations, evidence and history, as pages and as data.

- /-/revision/<id>: one revision; the permalink used in citations.
- /-/cite/<revision>, with .txt, .bib, .ris and .csl.json: the citation of a revision;
  /-/cite/<revision>/<revision>: the citation of a comparison of two revisions.
- /-/evidence/<revision>.zip, /-/evidence/<revision>-<revision>.zip and
  /-/evidence/removal-<removal>.zip: the evidence of a revision, of two revisions, or of a removal.
- /-/diff/<revision>/<revision>, with .json, .csv and .atom: the differences between two revisions.
- /-/history/<release>.json, .csv, .atom: the timeline; without a format, a redirect to the timeline
  on the release's reading page.
- /-/related/<release>.json, .csv: the releases related to a release.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

from datasette import Response

from archive.changes.comparison import compare
from archive.changes.field_differences import (
    FILE_KINDS,
    ChangeExcerpt,
    DiffRow,
    FieldDiff,
    diff_fields,
    find_main_change,
    format_main_change,
    name_file,
)
from archive.changes.history import (
    NEAR_DUPLICATE_SQL,
    TimelineEvent,
    classify_update_stamp,
    find_final_release,
    find_last_seen,
    read_active_takedowns,
    read_edits,
    read_preceding_revisions,
    read_stored_revisions,
    read_timeline,
)
from archive.changes.importance import Change, summarise_changes
from archive.evidence.bundles import write_bundle
from archive.i18n import (
    LANGUAGES,
    describe_edit_time,
    describe_readings,
    describe_removal,
    format_importance,
    format_time,
    name_version,
    translate,
)
from archive.publish.citations import (
    CITATION_TYPES,
    Citation,
    cite_comparison,
    format_citation,
)
from archive.search.related_releases import find_related, read_related_releases
from archive.search.search_request import HIT_PARAMETERS
from archive.views.memento import link_version
from archive.views.release import (
    find_citation,
    read_citation_context,
    read_marked_texts,
    read_search_context,
)
from archive.web import (
    RESPONSE_MEDIA_TYPES,
    AtomEntry,
    DataList,
    MarkedHtml,
    Operation,
    PageHighlighter,
    ReaderError,
    SiteRequest,
    StreamResponse,
    build_agency_entry,
    build_file_response,
    build_tag_uri,
    describe_article,
    format_atom_time,
    get_fields,
    site_view,
)

HISTORY_COLUMNS = (
    *("event", "when", "last_seen_before", "until", "checks", "revision", "previous", "reverts_to"),
    *("importance", "unannounced", "stamp", "summary", "summary_en"),
    *("collection", "first_reading", "last_reading", "url", "status", "target"),
    *("moved_to", "confirmed", "ended", "attachment", "diff", "evidence"),
)
RELEASE_SQL = """
    select r.id, r.title, r.language, r.agency, a.name, a.name_en from releases r join agencies a
      on a.slug = r.agency
    where r.id = :release
"""
Revision = dict[str, Any]  # as read by `read_stored_revisions`
NOT_INDEXED = {"x-robots-tag": "noindex"}
MAX_MEMORY_BYTES = 2_000_000  # a larger zip is written to a temporary file
REVISION_MEMBERS = (
    "release",
    "agency",
    "url",
    "seen",
    "cause",
    "collection",
    "observations",
    "previous",
    "summary",
    "summary_en",
    "importance",
)
REVISION_STATE = (
    *(
        "kind",
        "title",
        "lead",
        "body",
        "body_html",
        "published",
        "published_text",
        "updated",
        "updated_text",
    ),
    *("language", "tags", "questions", "images", "attachments", "contacts"),
)


@site_view(
    "/-/history/{release}",
    operation=Operation(
        formats=("json", "csv", "atom"),
        summary="Everything that is known about a release, newest first: versions, removals, moves",
        rows_name="events",
        row=get_fields(
            *HISTORY_COLUMNS,
            revision="int? The version; null for a removal and for an attachment",
            when=(
                "str When it was read or found; of an imported version, its first reading by the"
                " collection, or the import if this is not known"
            ),
            unannounced="bool?",
            attachment="int? Number of the version of an attachment",
        ),
        members=get_fields("release", "agency", "title_now"),
    ),
)
async def _show_history(site: SiteRequest) -> Response | DataList:
    """Show all events of a release's timeline as data, newest first."""
    release_id = int(site.url_vars["release"])
    releases = await site.run(RELEASE_SQL, {"release": release_id})
    if not releases:
        raise ReaderError(404, "error.no_release", release=str(release_id))
    path, release = f"/archive/releases/{release_id}", dict(releases[0])
    if not site.format_name:
        return Response.redirect(site.path(path) + "#history")
    events = await read_timeline(site.run, release_id)
    rows = [_format_event_row(site, event) for event in events]
    return DataList(
        title=site.translate("history.title", title=release["title"]),
        page_url=f"{site.local_url(path)}#history",
        rows=rows,
        read_entries=lambda: [
            _build_event_entry(site, event, row, release)
            for event, row in zip(events, rows, strict=True)
        ],
        members={
            "release": release_id,
            "agency": release["agency"],
            "title_now": release["title"],
        },
    )


@site_view(
    "/-/related/{release}",
    operation=Operation(
        formats=("json", "csv"),
        summary="Releases about the same, the most similar first; near-duplicates are left out",
        rows_name="related",
        row=get_fields(
            *("release", "agency", "agency_name", "kind", "title", "published", "updated"),
            *("first_seen", "language", "removed_at", "url", "similarity", "page"),
            similarity="num From 0.2 to 1 = 0.5",
        ),
        members=get_fields("release", words=["str"]),
    ),
)
async def _show_related(site: SiteRequest) -> Response | DataList:
    """Show the releases related to a release as data, most similar first."""
    release_id = int(site.url_vars["release"])
    releases = await site.run(RELEASE_SQL, {"release": release_id})
    if not releases:
        raise ReaderError(404, "error.no_release", release=str(release_id))
    path = f"/archive/releases/{release_id}"
    if not site.format_name:
        return Response.redirect(site.path(path) + "#related")
    found = await find_related(site.run, release_id)
    rows = [
        {
            **row,
            "release": row["id"],
            "agency_name": row["name"],
            "page": site.local_url(f"/archive/releases/{row['id']}"),
        }
        for row in (await read_related_releases(site.run, found) if found else ())
    ]
    return DataList(
        title=site.translate("release.related"),
        page_url=site.local_url(path) + "#related",
        rows=rows,
        members={"release": release_id, "words": found.words if found else ()},
    )


def _format_event_row(site: SiteRequest, event: TimelineEvent) -> dict[str, Any]:
    """Format an event as a row for JSON and CSV.

    The value `diff` is None for an event without a diff, and `evidence` is None for an event
    without evidence.
    """
    revision, attachment, diff, evidence = None, None, None, None
    if event["kind"] in FILE_KINDS:
        attachment = event["id"]
        diff = (
            site.local_url(f"/-/attachment/{attachment}") if event["kind"] == "attachment" else None
        )
    elif "last_seen" in event:
        revision, evidence = event["id"], site.url(f"/-/evidence/{event['id']}.zip")
        previous = event["past"]["previous"] if event["past"] else event["previous"]
        if previous is not None:
            diff = site.local_url(f"/-/diff/{previous}/{event['id']}")
    elif event["capture"] is not None:
        evidence = site.url(f"/-/evidence/removal-{event['id']}.zip")
    own = {name: event.get(name) for name in HISTORY_COLUMNS}
    if attachment is not None:
        own["previous"] = None  # not a revision
    links = {"attachment": attachment, "diff": diff, "evidence": evidence}
    return own | {"event": event["kind"], "revision": revision, **links}


def _build_event_entry(
    site: SiteRequest, event: TimelineEvent, row: dict[str, Any], release: dict[str, Any]
) -> AtomEntry:
    page_url, when = site.local_url(f"/archive/releases/{release['id']}"), event["when"]
    if event["kind"] in FILE_KINDS:
        text, updated = (
            _describe_file_event(site, event),
            event["until"] if "summary" not in event else when,
        )
        name = f"{event['kind'].replace('_', '-')}-{event['id']}"
    elif "last_seen" in event:
        text, name, updated = _describe_revision_event(site, event), f"revision-{event['id']}", when
    else:
        text, name = _describe_removal_event(site, event), f"removal-{event['id']}"
        updated = event["ended"] or event["confirmed"] or when
    return AtomEntry(
        id=build_tag_uri(page_url, name),
        title=f"{format_time(site.language, when)}: {text}",
        language=release["language"],
        published=format_atom_time(when),
        updated=format_atom_time(updated),
        link=row["diff"] or page_url,
        release_url=page_url,
        author=site.choose(release["name"], release["name_en"]),
        summary=text,
        categories=[event["kind"]],
    )


def _describe_removal_event(site: SiteRequest, removal: TimelineEvent) -> str:
    """Describe, on one line, what was found in place of a release."""
    text = describe_removal(site.language, removal["kind"], removal["status"], removal["target"])
    if removal["kind"] == "moved":
        return text
    certainty = (
        "removed"
        if removal["confirmed"]
        else "was_missing"
        if removal["ended"]
        else "perhaps_removed"
    )
    return f"{site.translate(f'history.{certainty}')}. {text}"


def _describe_file_event(site: SiteRequest, event: TimelineEvent) -> str:
    """Describe, on one line, what happened to an attachment of a release."""
    name = event["title"] or name_file(event["url"])
    if event["kind"] == "attachment_missing":
        return site.translate(
            "history.file_missing", name=name, when=format_time(site.language, event["when"])
        )
    parts = [
        site.translate("history.file_replaced", name=name),
        site.choose(event["summary"], event["summary_en"]),
        format_importance(site.language, event["importance"]),
    ]
    return " · ".join(filter(None, parts))


def _describe_revision_event(site: SiteRequest, revision: TimelineEvent) -> str:
    """Describe, on one line, why a revision was made."""
    if revision["kind"] != "edit":
        kind = "reading" if revision["first_reading"] else revision["kind"]
        text = site.translate(f"history.event.{kind}", collection=revision["collection"])
        past = describe_readings(site.language, revision) if revision["past"] else ""
        return f"{text}. {past}" if past else text
    parts = [
        site.choose(revision["summary"], revision["summary_en"])
        or site.translate("history.edited"),
        format_importance(site.language, revision["importance"]),
        *([site.translate("edit.unannounced")] if revision["unannounced"] else []),
    ]
    return " · ".join(parts)


@site_view(
    "/-/revision/{revision}",
    parameters=HIT_PARAMETERS,
    operation=Operation(
        formats=("json",),
        summary="A version of a release: its texts and lists as they were then",
        body=get_fields(
            *(
                "revision",
                "permalink",
                *REVISION_MEMBERS,
                "agency_name",
                "current_release",
                "current_revision",
            ),
            *("removed_at", "takedowns", "citation", *REVISION_STATE),
        ),
        parameter_names=(),
    ),
)
async def _show_revision(site: SiteRequest) -> Response:
    """Show a revision, and whether it is current. Search engines are told not to index it."""
    revision_id = int(site.url_vars["revision"])
    citation_context = await read_citation_context(site, revision_id)
    citation: Citation = citation_context["citation"]
    revision = (await read_stored_revisions(site.run, [revision_id]))[revision_id]
    final_release = await find_final_release(site.run, revision["release"])
    state = revision["state"]
    newest_sql = "select revision, removed_at from releases where id = :id"
    newest = (await site.run(newest_sql, {"id": final_release}))[0]
    context = {
        "revision": revision,
        "state": state,
        "final_release": final_release,
        "newest_revision": newest["revision"],
        "takedowns": await read_active_takedowns(site.run, revision["release"]),
        **citation_context,
        "canonical_url": citation.permalink,
        "page_metadata": describe_article(
            citation,
            url=citation.permalink,
            lead=state["lead"],
            modified=state["updated"],
            lang=site.language,
        ),
    }
    if site.format_name:
        data = _format_revision(site, context) | {"removed_at": newest["removed_at"]}
        return site.answer(json.dumps(data), RESPONSE_MEDIA_TYPES["json"], NOT_INDEXED)
    context |= await read_marked_texts(site, final_release, state)
    context["memento_path"], headers = await link_version(site, revision["capture"])
    return await site.render("revision.html", context, headers={**NOT_INDEXED, **headers})


def _format_revision(site: SiteRequest, context: Mapping[str, Any]) -> dict[str, Any]:
    revision = context["revision"]
    return {
        "revision": revision["id"],
        "permalink": site.url(f"/-/revision/{revision['id']}"),
        **{name: revision[name] for name in REVISION_MEMBERS},
        "agency_name": revision["name"],
        "current_release": context["final_release"],
        "current_revision": context["newest_revision"],
        "takedowns": [
            {name: row[name] for name in ("kind", "reason", "reason_en", "at")}
            for row in context["takedowns"]
        ],
        "citation": context["citation_formats"]["txt"],
        **{name: context["state"][name] for name in REVISION_STATE},
    }


@site_view(
    "/-/cite/{revision}",
    "/-/cite/{one}/{other}",
    operation=Operation(
        formats=tuple(CITATION_TYPES),
        summary="A citation of a version, or of the comparison of two",
        body=["map An item of CSL-JSON"],
    ),
)
async def _show_citation(site: SiteRequest) -> Response:
    """Show a citation as a page, or return it in the requested format.

    The status is 304 if the client already has the citation. The citation of a comparison has no
    page of its own, because the comparison's page shows it.
    """
    suffix = site.format_name
    if "one" in site.url_vars:
        before, after = await _read_revision_pair(site)
        if suffix is None:
            return Response.redirect(site.path(f"/-/diff/{before['id']}/{after['id']}") + "#cite")
        diff = {"before": before, "after": after, **await _read_diff_metadata(site, before, after)}
        citation = await _cite_diff(site, diff, site.language)
    elif suffix is None:
        context = await read_citation_context(site, int(site.url_vars["revision"]))
        return await site.render("cite.html", context, headers=NOT_INDEXED)
    else:
        citation = await find_citation(site, int(site.url_vars["revision"]))
    text = format_citation(citation, suffix, site.language)
    headers = {"content-language": site.language}
    if suffix != "txt":
        headers["content-disposition"] = f'attachment; filename="{citation.key}.{suffix}"'
    return site.answer(text, CITATION_TYPES[suffix], headers)


@site_view(
    "/-/diff/{one}/{other}",
    parameters=(*HIT_PARAMETERS, "view"),
    operation=Operation(
        formats=("json", "csv", "atom"),
        summary=(
            "The differences between two versions of a release, or of near-duplicates; the older"
            " one is first"
        ),
        rows_name="pieces",
        row=get_fields("field", "place", "label", "op", "text"),
        members=get_fields(
            *(
                "before",
                "after",
                "release",
                "importance",
                "summary",
                "summary_en",
                "unannounced",
                "stamp",
                "changes",
            )
        ),
        parameter_names=("show",),
    ),
)
async def _show_diff(site: SiteRequest) -> Response | DataList:
    """Show the differences between two revisions, the older one first.

    If the URL names the later revision first, redirect to the URL with the earlier one first.
    """
    one, other = site.url_vars["one"], site.url_vars["other"]
    before, after = await _read_revision_pair(site)
    path = f"/-/diff/{before['id']}/{after['id']}"
    if (one, other) != (str(before["id"]), str(after["id"])):
        suffix = f".{site.format_name}" if site.format_name else ""
        query = f"?{site.request.query_string}" if site.request.query_string else ""
        return Response.redirect(site.datasette.urls.path(path + suffix) + query, status=301)
    full_text = site.args.get("show") == "all"
    # outside the event loop, because comparing long texts takes a while
    field_diffs = await asyncio.to_thread(
        diff_fields, before["state"], after["state"], full_text=full_text
    )
    context = {
        "before": before,
        "after": after,
        "field_diffs": field_diffs,
        "path": path,
        **await _read_diff_metadata(site, before, after),
    }
    if site.format_name:
        return _list_pieces(site, context)
    final_release = await find_final_release(site.run, after["release"])
    search_context = await read_search_context(site, final_release, after["state"])
    context |= search_context | {
        "full_text": full_text,
        "main_change": format_main_change(
            site.language, json.dumps([asdict(change) for change in context["changes"]])
        ),
        "is_in_columns": site.args.get("view") == "columns",
        **await _read_diff_citation(site, context),
        "canonical_url": site.url(path),
        "final_release": final_release,
        "find_marked_pieces": await asyncio.to_thread(
            _mark_rows, field_diffs, search_context["highlighter"]
        ),
        "format_change": lambda change: summarise_changes([change], site.language).removeprefix(
            "1 "
        ),
    }
    return await site.render("diff.html", context)


async def _read_diff_citation(site: SiteRequest, diff: Mapping[str, Any]) -> dict[str, Any]:
    """Return the citation of a comparison in all formats, and as plain text in all languages."""
    by_language = {language: await _cite_diff(site, diff, language) for language in LANGUAGES}
    citation = by_language[site.language]
    return {
        "citation": citation,
        "citation_formats": {
            suffix: format_citation(citation, suffix, site.language).strip()
            for suffix in CITATION_TYPES
        },
        "citation_texts": {
            language: format_citation(each, "txt", language).strip()
            for language, each in by_language.items()
        },
    }


async def _cite_diff(site: SiteRequest, diff: Mapping[str, Any], language: str) -> Citation:
    before, after = diff["before"], diff["after"]
    made = None
    if diff["is_edit"]:
        made = describe_edit_time(language, diff["last_seen"], after["seen"], "cite.made")
    summary = _describe_difference(diff, language)
    return cite_comparison(
        await find_citation(site, before["id"], language),
        await find_citation(site, after["id"], language),
        site.url(f"/-/diff/{before['id']}/{after['id']}"),
        summary=summary,
        made=made,
        lang=language,
    )


def _describe_difference(diff: Mapping[str, Any], language: str) -> str:
    """Describe how two versions differ.

    The description of an edit begins with the edit's main change.
    """
    if diff["takedowns"] and not diff["changes"]:
        return translate(language, "history.withheld")
    summary = str(diff["summary_en" if language == "en" else "summary"])
    changes = json.dumps([asdict(change) for change in diff["changes"]])
    change = find_main_change(language, changes) if diff["is_edit"] else None
    return (
        f"{_quote_change(change, language)} ({summary})" if change and any(change[1:3]) else summary
    )


def _quote_change(change: ChangeExcerpt, language: str) -> str:
    before, after = (f"{text} {change.common_suffix}".strip() for text in change[1:3])
    ending = "replaced" if before and after else "added" if after else "deleted"
    return translate(language, f"cite.{ending}", before=before, after=after)


def _mark_rows(
    field_diffs: Sequence[FieldDiff], highlighter: PageHighlighter
) -> Callable[[DiffRow], list[MarkedHtml] | None]:
    """Highlight the query's words in a comparison, and return a function that returns the pieces of
    a row.

    The function returns None for a row without any of the words. A field that only repeats the body
    is collapsed on the page, so nothing is highlighted in it.
    """
    marked = {
        id(row): pieces
        for field in field_diffs
        if not field.shown_in_body
        for row in field.rows
        if isinstance(row, DiffRow) and (pieces := highlighter.mark_row(field.name, row))
    }
    return lambda row: marked.get(id(row))


async def _read_revision_pair(site: SiteRequest) -> list[Revision]:
    """Return the two revisions in a URL, the older one first.

    Raises ReaderError unless they are different revisions of one release or of near-duplicates.
    """
    run, first_id, second_id = site.run, int(site.url_vars["one"]), int(site.url_vars["other"])
    if first_id == second_id:
        raise ReaderError(404, "error.same_revision", revision=str(first_id))
    revisions = await read_stored_revisions(run, [first_id, second_id])
    for key in (first_id, second_id):
        if key not in revisions:
            raise ReaderError(404, "error.no_revision", revision=str(key))
    pair = sorted(revisions.values(), key=lambda revision: (revision["when"], revision["id"]))
    releases = [await find_final_release(run, revision["release"]) for revision in pair]
    if releases[0] != releases[1] and not await run(
        NEAR_DUPLICATE_SQL, {"pair": json.dumps(releases)}
    ):
        raise ReaderError(404, "error.different_releases", one=str(first_id), other=str(second_id))
    return pair


def _is_stored_edit(previous: int, row: Mapping[str, Any] | None) -> bool:
    """Return whether a row of `revisions` or `past_edits` contains the changes since the revision
    `previous`.
    """
    return row is not None and row["previous"] == previous and row["changes"] is not None


async def _read_diff_metadata(
    site: SiteRequest, before: Revision, after: Revision
) -> dict[str, Any]:
    """Return the changes, importance, summary and neighbouring edits of a diff.

    If the changes are not stored, they are computed.
    """
    is_consecutive = after["previous"] == before["id"]
    stored = next(filter(partial(_is_stored_edit, before["id"]), (after, after["past"])), None)
    if stored is not None:
        changes = [Change(**change) for change in json.loads(stored["changes"])]
        summary = {name: stored[name] for name in ("importance", "summary", "summary_en")}
    else:
        comparison = await asyncio.to_thread(compare, before["state"], after["state"])
        changes = list(comparison.changes)
        summary = {
            "importance": comparison.importance,
            "summary": summarise_changes(changes, "sv"),
            "summary_en": summarise_changes(changes, "en"),
        }
    preceding = await read_preceding_revisions(site.run, [after["id"]]) if is_consecutive else {}
    is_edit = is_consecutive and after["cause"] == "source"
    stamp = classify_update_stamp(after["update_date_changed"], after["state"]["updated"])
    return {
        **summary,
        "takedowns": await read_active_takedowns(site.run, after["release"]),
        "changes": sorted(changes, key=lambda change: -change.importance),
        "is_consecutive": is_consecutive,
        "cause": after["cause"] if is_consecutive else None,
        "is_edit": is_edit,
        "stamp": stamp if is_edit else None,
        "last_seen": find_last_seen(before["id"], preceding) if is_consecutive else None,
        **await _find_adjacent_edits(site, before, after),
    }


async def _find_adjacent_edits(
    site: SiteRequest, before: Revision, after: Revision
) -> dict[str, Any]:
    """Return the last edit no later than the earlier revision, and the first edit after the later
    revision.

    Either of them is None if there is no such edit.
    """
    edits = await read_edits(site.run, await find_final_release(site.run, after["release"]))
    until, since = ((revision["when"], revision["id"]) for revision in (before, after))
    return {
        "earlier_edit": next(
            (edit for edit in reversed(edits) if (edit["seen"], edit["id"]) <= until), None
        ),
        "later_edit": next((edit for edit in edits if (edit["seen"], edit["id"]) > since), None),
    }


def _list_pieces(site: SiteRequest, diff: Mapping[str, Any]) -> DataList:
    """Return a comparison as data: a row for each piece of text, or a feed with a single entry."""
    before, after, path = diff["before"], diff["after"], diff["path"]
    title_key = "diff.title" if diff["cause"] == "source" else "diff.comparison_title"
    return DataList(
        title=site.translate(title_key, title=after["state"]["title"]),
        page_url=site.local_url(path),
        rows=_format_diff_rows(diff["field_diffs"]),
        read_entries=lambda: [_build_diff_entry(site, diff, site.local_url(path))],
        members={
            "before": _describe_compared(before),
            "after": _describe_compared(after),
            "release": after["release"],
            **{name: diff[name] for name in ("importance", "summary", "summary_en")},
            "unannounced": diff["stamp"] == "not moved",
            "stamp": diff["stamp"],
            "changes": [asdict(change) for change in diff["changes"]],
        },
    )


def _describe_compared(revision: Revision) -> dict[str, Any]:
    names = ("seen", "collection", "first_reading", "last_reading")
    return {"revision": revision["id"], **{name: revision[name] for name in names}}


def _build_diff_entry(site: SiteRequest, diff: Mapping[str, Any], page_url: str) -> AtomEntry:
    before, after, language = diff["before"], diff["after"], site.language
    summary = site.choose(diff["summary"], diff["summary_en"]) or site.translate("history.edited")
    return build_agency_entry(
        site,
        {**after, **after["state"]},
        link=page_url,
        name=f"revisions-{before['id']}-{after['id']}",
        when=after["seen"],
        release_url=site.local_url(f"/archive/releases/{after['release']}"),
        summary=f"{summary} · {format_importance(language, diff['importance'])}",
        field_diffs=diff["field_diffs"],
        content=site.translate(
            "diff.two_versions",
            one=name_version(language, before),
            other=name_version(language, after),
        ),
    )


def _format_diff_rows(field_diffs: Sequence[FieldDiff]) -> list[dict[str, Any]]:
    """Return a row for each piece of text.

    A run of omitted rows becomes a row with op `skip` and the number of omitted rows.
    """
    rows: list[dict[str, Any]] = []
    for field in field_diffs:
        if field.note:
            rows.append(
                {"field": field.name, "place": 0, "label": None, "op": "note", "text": field.note}
            )
        for place, row in enumerate(field.rows, 1):
            position = {"field": field.name, "place": place}
            if isinstance(row, DiffRow):
                label = f"{row.label} {row.number}" if row.number else row.label
                rows += [
                    {**position, "label": label, "op": piece.op, "text": piece.text}
                    for piece in row.pieces
                ]
            else:
                rows.append({**position, "label": None, "op": "skip", "text": str(row.count)})
    return rows


@site_view(
    r"/-/evidence/{key}\.zip",
    r"/-/evidence/{one}-{other}\.zip",
    r"/-/evidence/removal-{key}\.zip",
    operation=Operation(
        summary=(
            "The bytes that a version, both versions of a comparison, or a removal was read from,"
            " with their hashes and how to check them"
        )
    ),
)
async def _show_evidence(site: SiteRequest) -> Response | StreamResponse:
    """Send the evidence of a revision, of two revisions, or of a removal as a zip file.

    Raises ReaderError if a revision or the removal does not exist, or if the two revisions cannot
    be compared.
    """
    path = Path(site.datasette.get_database("archive").path)
    if "one" in site.url_vars:
        row_ids = [revision["id"] for revision in await _read_revision_pair(site)]
    else:
        row_ids = [int(site.url_vars["key"])]
    prefix = "removal-" if "/removal-" in site.request.path else ""
    table = "removals" if prefix else "revisions"
    file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(max_size=MAX_MEMORY_BYTES)  # noqa: SIM115 - closed by the response

    if not await asyncio.to_thread(write_bundle, path, table, row_ids, file):
        file.close()
        if prefix:
            raise ReaderError(404, "error.no_removal", removal=str(row_ids[0]))
        raise ReaderError(404, "error.no_revision", revision=str(row_ids[0]))
    file.seek(0)
    # the same bytes each time
    digest = await asyncio.to_thread(hashlib.file_digest, file, "sha256")
    etag = f'"{digest.hexdigest()[:32]}"'
    if site.has_current(etag):
        file.close()
        return Response("", status=304, headers={"etag": etag}, content_type="application/zip")
    name = prefix + "-".join(map(str, row_ids))
    headers = {
        "content-type": "application/zip",
        "etag": etag,
        "content-disposition": f'attachment; filename="evidence-{name}.zip"',
        "x-content-type-options": "nosniff",
    }
    return build_file_response(file, headers)
