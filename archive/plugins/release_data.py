"""What belongs to a release, as data; without a format, a redirect to its part of the reading page.

- /-/history/<release>.json, .csv, .atom: its timeline.
- /-/related/<release>.json, .csv: the releases related to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasette import Response, hookimpl

from archive.history import TimelineEvent, read_timeline
from archive.history.files import FILE_KINDS, name_file
from archive.i18n import describe_removal, format_importance, format_time
from archive.search.related import find_related, read_related_releases
from archive.web.openapi import DataOperation, get_fields
from archive.web.responses import (
    FORMAT_SUFFIX,
    AtomEntry,
    DataDocument,
    ReaderError,
    SiteRequest,
    build_tag_uri,
    format_atom_time,
    render_document,
    site_view,
)

RELATED_COLUMNS = (
    *("release", "agency", "agency_name", "kind", "title", "published", "updated", "first_seen", "language"),
    *("removed_at", "url", "similarity", "page"),
)
HISTORY_CSV_COLUMNS = (
    *("event", "when", "last_seen_before", "until", "checks", "revision", "previous", "reverts_to", "importance"),
    *("unannounced", "stamp", "summary", "summary_en", "url", "status", "target", "moved_to", "confirmed", "ended"),
    *("attachment", "diff", "evidence"),
)
HISTORY_OPERATION = DataOperation(
    summary="Everything that is known about a release, newest first: versions, removals, moves",
    rows_name="events",
    row=get_fields(
        *HISTORY_CSV_COLUMNS,
        revision="int? The version; null for a removal and for an attachment",
        unannounced="bool?",
        attachment="int? Number of the version of an attachment",
    ),
    members=get_fields("release", "agency", "title_now"),
)
RELATED_OPERATION = DataOperation(
    summary="Releases about the same, the most similar first; near-duplicates are left out",
    rows_name="related",
    row=get_fields(*RELATED_COLUMNS, similarity="num From 0.2 to 1 = 0.5"),
    members=get_fields("release", words=["str"]),
)
RELEASE_SQL = """
    select r.id, r.title, r.language, r.agency, a.name, a.name_en from releases r join agencies a on a.slug = r.agency
    where r.id = :release
"""


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [
        (r"/-/history/(?P<release>\d{1,15})" + FORMAT_SUFFIX, show_history),
        (r"/-/related/(?P<release>\d{1,15})(?:\.(?P<format>json|csv))?$", show_related),
    ]


@site_view(operation=HISTORY_OPERATION)
async def show_history(site: SiteRequest) -> Response:
    """Show all events of a release's timeline as data, newest first."""
    release_id = int(site.url_vars["release"])
    releases = await site.run(RELEASE_SQL, {"release": release_id})
    if not releases:
        raise ReaderError(404, "error.no_release", release=str(release_id))
    path, release = f"/archive/releases/{release_id}", dict(releases[0])
    if not site.format_name:
        return Response.redirect(site.path(path) + "#history")
    events = await read_timeline(site.run, release_id)
    rows = [format_event_row(site, event) for event in events]
    page_url = site.local_url(path)

    async def read_entries() -> Sequence[AtomEntry]:
        return [build_event_entry(site, event, row, release) for event, row in zip(events, rows, strict=True)]

    document = DataDocument(
        rows_name="events",
        title=site.translate("history.title", title=release["title"]),
        page_url=f"{page_url}#history",
        url=site.local_url(f"/-/history/{release_id}.{site.format_name}"),
        rows=rows,
        columns=HISTORY_CSV_COLUMNS,
        read_entries=read_entries,
        extra_members={"release": release_id, "agency": release["agency"], "title_now": release["title"]},
    )
    return await render_document(site, document)


@site_view(operation=RELATED_OPERATION)
async def show_related(site: SiteRequest) -> Response:
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
            **{name: row.get(name) for name in RELATED_COLUMNS},
            "release": row["id"],
            "agency_name": row["name"],
            "page": site.local_url(f"/archive/releases/{row['id']}"),
        }
        for row in (await read_related_releases(site.run, found) if found else ())
    ]
    document = DataDocument(
        rows_name="related",
        title=site.translate("release.related"),
        page_url=site.local_url(path) + "#related",
        url=site.local_url(f"/-/related/{release_id}.{site.format_name}"),
        rows=rows,
        columns=RELATED_COLUMNS,
        extra_members={"release": release_id, "words": found.words if found else ()},
    )
    return await render_document(site, document)


def format_event_row(site: SiteRequest, event: TimelineEvent) -> dict[str, Any]:
    """Format an event as a row of JSON and CSV. If it has no diff or evidence, that URL is None."""
    revision, attachment, diff, evidence = None, None, None, None
    if event["kind"] in FILE_KINDS:
        attachment = event["id"]
        diff = site.local_url(f"/-/attachment/{attachment}") if event["kind"] == "attachment" else None
    elif "last_seen" in event:
        revision, evidence = event["id"], site.url(f"/-/evidence/{event['id']}.zip")
        if event["previous"] is not None:
            diff = site.local_url(f"/-/diff/{event['previous']}/{event['id']}")
    elif event["capture"] is not None:
        evidence = site.url(f"/-/evidence/removal-{event['id']}.zip")
    own = {name: event.get(name) for name in HISTORY_CSV_COLUMNS}
    if attachment is not None:
        own["previous"] = None  # not a revision
    links = {"attachment": attachment, "diff": diff, "evidence": evidence}
    return own | {"event": event["kind"], "revision": revision, **links}


def build_event_entry(
    site: SiteRequest, event: TimelineEvent, row: dict[str, Any], release: dict[str, Any]
) -> AtomEntry:
    page_url, when = site.local_url(f"/archive/releases/{release['id']}"), event["when"]
    if event["kind"] in FILE_KINDS:
        text, updated = describe_file_event(site, event), event["until"] if "summary" not in event else when
        name = f"{event['kind'].replace('_', '-')}-{event['id']}"
    elif "last_seen" in event:
        text, name, updated = describe_revision_event(site, event), f"revision-{event['id']}", when
    else:
        text, name = describe_removal_event(site, event), f"removal-{event['id']}"
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


def describe_removal_event(site: SiteRequest, removal: TimelineEvent) -> str:
    """Describe on one line what was found in place of a release."""
    text = describe_removal(site.language, removal["kind"], removal["status"], removal["target"])
    if removal["kind"] == "moved":
        return text
    certainty = "removed" if removal["confirmed"] else "was_missing" if removal["ended"] else "perhaps_removed"
    return f"{site.translate(f'history.{certainty}')}. {text}"


def describe_file_event(site: SiteRequest, event: TimelineEvent) -> str:
    """Describe on one line what happened to a file that a release links to."""
    name = event["title"] or name_file(event["url"])
    if event["kind"] == "attachment_missing":
        return site.translate("history.file_missing", name=name, when=format_time(site.language, event["when"]))
    parts = [
        site.translate("history.file_replaced", name=name),
        site.choose(event["summary"], event["summary_en"]),
        format_importance(site.language, event["importance"]),
    ]
    return " · ".join(filter(None, parts))


def describe_revision_event(site: SiteRequest, revision: TimelineEvent) -> str:
    """Describe on one line why a revision was made."""
    if revision["kind"] != "edit":
        named = {"collection": revision["collection"]} if revision["collection"] else {}
        return site.translate(f"history.event.{revision['kind']}", **named)
    parts = [
        site.choose(revision["summary"], revision["summary_en"]) or site.translate("history.edited"),
        format_importance(site.language, revision["importance"]),
        *([site.translate("edit.unannounced")] if revision["unannounced"] else []),
    ]
    return " · ".join(parts)
