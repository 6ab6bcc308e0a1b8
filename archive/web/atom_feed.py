"""Renders lists as Atom feeds (RFC 4287): entries, times and tag URIs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from archive.i18n import SWEDISH_TIME
from archive.times import Month, parse_time
from archive.web.requests import SiteRequest

if TYPE_CHECKING:
    from archive.web.documents import DataList

TAG_URI_YEAR = "2024"  # year in the site's tag URIs (RFC 4151), which must never change


@dataclass(frozen=True, slots=True, kw_only=True)
class AtomEntry:
    """An entry of an Atom feed.

    published: the time of publication, or None if the day is unknown.
    release_url: the URL of the release's page in the archive, by default `link`.
    field_diffs: objects of archive.changes.field_differences.FieldDiff. They are shown after
        `content`, or after `summary` if there is no content.
    """

    id: str
    title: str
    language: str | None
    published: str | None
    updated: str
    link: str
    release_url: str | None = None
    author: str
    summary: str
    categories: Sequence[str] = ()
    field_diffs: Sequence[Any] = ()
    content: str | None = None


def build_agency_entry(
    site: SiteRequest,
    row: Mapping[str, Any],
    *,
    link: str,
    name: str,
    when: str,
    updated: str | None = None,
    subject: str | None = None,
    **fields: Any,
) -> AtomEntry:
    """Build an entry whose title and author name an agency.

    row: contains the agency's `name` and `name_en`, and the `title` and `language` of a release.
    name: the entry's name, which is the last part of its id.
    when: the time of publication.
    updated: the time of the last update, by default `when`.
    subject: the title after the agency's name, by default the release's title.
    fields: other fields of AtomEntry.
    """
    agency = site.choose(row["name"], row["name_en"])
    times = {
        "published": format_atom_time(when),
        "updated": format_atom_time(updated or when),
    }
    return AtomEntry(
        id=build_tag_uri(link, name),
        title=f"{agency}: {subject or row['title']}",
        link=link,
        author=agency,
        **{"language": row["language"], **times, **fields},
    )


async def render_feed(site: SiteRequest, document: DataList) -> str:
    entries = document.read_entries() if document.read_entries else ()
    if not isinstance(entries, Sequence):
        entries = await entries
    updated = max((entry.updated for entry in entries), default=None)
    if updated is None:  # a feed without entries has not changed since the archive was created
        created = (await site.run("select min(applied_at) as created from _sqlite_migrations", {}))[
            0
        ]["created"]
        updated = f"{created[:19].replace(' ', 'T')}+00:00"
    feed = {
        "document": document,
        "feed_id": build_tag_uri(document.page_url),
        "updated": updated,
        "entries": entries,
    }
    return await site.render_xml("atom.xml", feed)


def format_atom_time(text: str) -> str:
    """Format a stored time as RFC 3339. A day becomes the start of the day in Sweden.

    Raises ValueError for a month.

    >>> format_atom_time("2024-06-03"), format_atom_time("2024-06-03T08:15:00+00:00")
    ('2024-06-03T00:00:00+02:00', '2024-06-03T08:15:00+00:00')
    """
    value = parse_time(text)
    if isinstance(value, Month) or value is None:
        raise ValueError(f"{text} is not a day or a time")
    if isinstance(value, datetime):
        return text
    return datetime(value.year, value.month, value.day, tzinfo=SWEDISH_TIME).isoformat()


def format_stated_atom_time(text: str | None) -> str | None:
    """Format, for Atom, a time stated by an agency. Returns None for None and for a month.

    >>> format_stated_atom_time("2024-06-03"), format_stated_atom_time("2024-06")
    ('2024-06-03T00:00:00+02:00', None)
    """
    return None if text is None or isinstance(parse_time(text), Month) else format_atom_time(text)


def build_tag_uri(url: str, name: str | None = None) -> str:
    """Build a tag URI (RFC 4151) that does not depend on the scheme and port of the site.

    >>> build_tag_uri("https://a.example:8001/-/edits", "revision-7")
    'tag:a.example,2024:revision-7'
    >>> build_tag_uri("http://a.example/-/edits?x=1")
    'tag:a.example,2024:/-/edits?x=1'
    """
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return f"tag:{'localhost' if ':' in host else host},{TAG_URI_YEAR}:{name or path}"
