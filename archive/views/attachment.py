"""The page of a version of an attachment.

- /-/attachment/<version>: what the file is, its text, how it differs from the previous version, and
  which releases link to it; also as .json.

The file itself is in the evidence bundles of these releases. It is not served here, because a
browser could run scripts in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from datasette import Response

from archive.changes.field_differences import (
    name_file,
    read_file_diff,
    read_file_pages,
    read_file_version,
    read_file_versions,
    read_linking_releases,
)
from archive.changes.importance import Change, summarise_changes
from archive.urls import parse_number_parameter
from archive.web import DataList, Operation, ReaderError, SiteRequest, get_fields, site_view

MAX_SHOWN_PAGES = 20
MAX_SHOWN_CHANGES = 8
# characters of both texts whose comparison is shown; it takes up to half a second
MAX_DIFF_LETTERS = 150_000
MAX_SHOWN_LETTERS = 100_000  # characters on one page of the site, at least one page of the file
NOT_INDEXED = {"x-robots-tag": "noindex"}
FACTS = (  # members of a version in JSON
    *(
        "cause",
        "previous",
        "first_seen",
        "last_seen",
        "checks",
        "missing_since",
        "missing_until",
        "missing_checks",
    ),
    *("sha256", "bytes", "takedown"),
)
WITHHELD_FACTS = (  # values that only files not hidden by a takedown have
    *(
        "url",
        "media_type",
        "kind",
        "letters",
        "problem",
        "detail",
        "importance",
        "summary",
        "summary_en",
    ),
)


@site_view(
    "/-/attachment/{version}",
    parameters=("page",),
    operation=Operation(
        summary=(
            "A version of a file that releases link to: its text page by page, and what changed"
            " since the one before"
        ),
        formats=("json",),
        rows_name="pages",
        row={
            "page": "int Number of the page, from 1",
            "name": "str? Name of a sheet of a workbook",
            "text": "str",
            "letters": "int Letters and digits of its text",
            "problem": "str? Why it could not be read",
        },
        members=get_fields(
            *("cause", "previous", "first_seen", "last_seen", "missing_since", "missing_until"),
            "takedown",
            version="int",
            sha256="str SHA-256 of its bytes, in hex",
            checks="int How many checks found it",
            missing_checks="int",
            bytes="int",
            changes="any The changes of the text, as in edits; null if the texts were not compared",
            releases=[
                {
                    **get_fields("agency", "title", "last_seen", "page", "evidence"),
                    "id": "int Number of the release",
                    "link_title": "str? Text of the link",
                    "first_seen": "time? When the release was first found to link to it",
                    "last_seen": "time?",
                    "is_linked": "bool Whether it links to it now",
                }
            ],
        )
        | {  # a file of a hidden release has none of these
            "url?": "url Address at the agency",
            "media_type?": "str?",
            "kind?": "str? pdf, docx, xlsx or odt = pdf",
            "pages_in_file?": "int? Number of its pages, also if fewer were read",
            "letters?": "int?",
            "problem?": "str? Why there is no text, or not all",
            "detail?": "str?",
            "importance?": "int? Importance of the change, from 0 to 100",
            "summary?": "str?",
            "summary_en?": "str?",
        },
        parameters={"version": "int Number of a version of an attachment = 1"},
        parameter_names=(),
    ),
)
async def _show_attachment(site: SiteRequest) -> Response | DataList:
    """Show a version of an attachment.

    If a hidden release links to the attachment, only the attachment's hash and times are shown.
    """
    version_id = int(site.url_vars["version"])
    version = await read_file_version(site.run, version_id)
    if version is None:
        raise ReaderError(404, "error.no_attachment", version=str(version_id))
    is_hidden = version["takedown"] == "hidden"
    pages = [] if version["takedown"] else await read_file_pages(site.run, version["file"])
    releases = (
        []
        if is_hidden
        else await read_linking_releases(site.run, version["url"], version["first_seen"])
    )
    path = f"/-/attachment/{version_id}"
    if site.format_name:
        return _list_pages(site, version, pages, releases)
    first = parse_number_parameter(site.args, "page") or 1
    shown = choose_shown_pages(pages, first)
    context = {
        "version": version,
        "is_hidden": is_hidden,
        "title": _choose_title(version, releases),
        "language": releases[0]["language"] if releases else None,
        "path": path,
        "permalink": site.url(path),
        "versions": [] if is_hidden else await read_file_versions(site.run, version["url"]),
        "releases": releases,
        "pages": shown,
        "first_page": first,
        "next_page": _find_next_page(shown, pages),
        # with the first part only
        "field_diffs": None
        if first > 1
        else await read_file_diff(site.run, version_id, MAX_DIFF_LETTERS),
        # None: the texts cannot be compared
        "changes": json.loads(version["changes"] or "null"),
        "max_changes": MAX_SHOWN_CHANGES,
        "format_change": lambda change: summarise_changes(
            [Change(**change)], site.language
        ).removeprefix("1 "),
    }
    return await site.render("attachment.html", context, headers=NOT_INDEXED)


def _choose_title(version: Mapping[str, Any], releases: Sequence[Mapping[str, Any]]) -> str:
    """Return an attachment's title: the title of the first link that has a title, or else the file
    name.

    Returns "" if no link has a title and the attachment is hidden.
    """
    for release in releases:
        if release["link_title"]:
            return str(release["link_title"])
    return "" if version["takedown"] == "hidden" else name_file(version["url"])


def _find_next_page(shown: Sequence[dict[str, Any]], pages: Sequence[dict[str, Any]]) -> int | None:
    """Return the number of the page after the shown pages, or None if there are no more pages."""
    last: int = shown[-1]["page"] if shown else 0
    return last + 1 if any(page["page"] > last for page in pages) else None


def choose_shown_pages(pages: Sequence[dict[str, Any]], first: int) -> list[dict[str, Any]]:
    """Return the pages of a file, from page `first` on, that fit on one page of the site.

    If page `first` alone is too long, its text is cut.
    """
    shown: list[dict[str, Any]] = []
    letters = 0
    for page in pages:
        if page["page"] < first:
            continue
        letters += len(page["text"])
        if shown and (letters > MAX_SHOWN_LETTERS or len(shown) == MAX_SHOWN_PAGES):
            break
        text = page["text"][:MAX_SHOWN_LETTERS]
        shown.append(page | {"text": text, "is_cut": len(text) < len(page["text"])})
    return shown


def _list_pages(
    site: SiteRequest,
    version: dict[str, Any],
    pages: Sequence[dict[str, Any]],
    releases: Sequence[dict[str, Any]],
) -> DataList:
    names = FACTS if version["takedown"] == "hidden" else (*FACTS, *WITHHELD_FACTS)
    members: dict[str, Any] = {"version": version["id"], **{name: version[name] for name in names}}
    if version["takedown"] != "hidden":
        members["pages_in_file"] = version["pages"]  # `pages` are the texts
    members["changes"] = None if version["takedown"] else json.loads(version["changes"] or "null")
    members["releases"] = [
        {
            name: release[name]
            for name in ("id", "agency", "title", "link_title", "first_seen", "last_seen")
        }
        | {
            "is_linked": bool(release["is_linked"]),
            "page": site.local_url(f"/archive/releases/{release['id']}"),
            "evidence": site.url(f"/-/evidence/{release['revision']}.zip"),
        }
        for release in releases
    ]
    return DataList(title=site.translate("attachment.heading"), rows=pages, members=members)
