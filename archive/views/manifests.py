"""The daily manifests and their time stamps, which readers can keep to check the archive later.

- /-/manifests (.json, .csv, .atom): the hashes of the manifests, newest first, with the authorities
    that stamped them, and the times of the stamps.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from datasette import Response

from archive.web import (
    AtomEntry,
    DataList,
    Operation,
    SiteRequest,
    build_tag_uri,
    format_atom_time,
    site_view,
)

MAX_LISTED = 100  # manifests; the table has all
MANIFESTS_SQL = f"""
    select day, digest, previous, captures_to, revisions_to from manifests
    order by rowid desc limit {MAX_LISTED}
"""
STAMPS_SQL = f"""
    select manifest, authority, stamped from time_stamps
    where manifest in (select day from manifests order by rowid desc limit {MAX_LISTED})
    order by id
"""


@site_view(
    "/-/manifests",
    operation=Operation(
        formats=("json", "csv", "atom"),
        summary="The newest manifests, whose digests cover everything that is stored",
        rows_name="manifests",
        row={
            "day": "day The day on which it was written (UTC)",
            "digest": "str SHA-256 (hex) of its text",
            "previous": "str? Digest of the manifest before it",
            "captures_to": "int The last capture that it covers",
            "revisions_to": "int The last revision that it covers",
            "stamps": [
                {"authority": "url Who stamped it (RFC 3161)", "stamped": "time The time in it"}
            ],
        },
    ),
)
async def _show_manifests(site: SiteRequest) -> Response | DataList:
    """Show the most recent manifests, newest first."""
    manifests = [{**dict(row), "stamps": []} for row in await site.run(MANIFESTS_SQL, {})]
    by_day = {manifest["day"]: manifest["stamps"] for manifest in manifests}
    for stamp in await site.run(STAMPS_SQL, {}):
        by_day[stamp["manifest"]].append(
            {"authority": stamp["authority"], "stamped": stamp["stamped"]}
        )
    if not site.format_name:
        context = {"manifests": manifests, "name_host": lambda url: urlsplit(url).hostname}
        return await site.render("manifests.html", context)
    return DataList(
        title=site.translate("manifests.title"),
        rows=manifests,
        read_entries=lambda: [_build_entry(site, manifest) for manifest in manifests],
    )


def _build_entry(site: SiteRequest, manifest: dict[str, Any]) -> AtomEntry:
    page = site.local_url("/-/manifests")
    day, stamps = manifest["day"], manifest["stamps"]
    names = ", ".join(f"{stamp['authority']} {stamp['stamped']}" for stamp in stamps)
    return AtomEntry(
        id=build_tag_uri(page, f"manifest-{day}"),
        title=f"{day}: {manifest['digest']}",
        language="en",
        published=format_atom_time(f"{day}T00:00:00+00:00"),
        updated=format_atom_time(max([f"{day}T00:00:00+00:00", *(s["stamped"] for s in stamps)])),
        link=f"{page}#manifest-{day}",
        author=site.translate("site.name"),
        summary=names or site.translate("manifests.unstamped"),
    )
