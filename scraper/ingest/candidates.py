"""Reads the archived data that a page is compared with before it is stored."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

from archive.database.captures import Captures
from archive.database.frontier import FrontierEntry
from archive.database.models import Release
from archive.database.quarantined_pages import Quarantine, is_backfill
from archive.database.sqlite_files import ArchiveError
from archive.search.near_duplicates import join_text_fields
from archive.store.releases import Archive, PreparedRelease, StoredRelease
from scraper.agency import is_wire_url
from scraper.ingest.edit_or_redesign import PageVersion
from scraper.ingest.parsed_page import ParsedPage

# characters; minimum length of a text that may replace the text of a release
MIN_REPLACEMENT_LENGTH = 400

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What the archive contains about a page's URL and about the parsed release's URL.

    own: the release to which the page's URL has led, or None if the URL has led to no release.
    by_url: a map from URL to release, with the releases at both URLs, `own`, and the release at the
        URL where `own` was fetched.
    entries: a map from each of the two URLs to its row in the frontier, or to None if the URL has
        no row.
    is_canonical_shared: whether a third URL has also led to the release that is stored at the
        parsed release's URL.
    is_placeholder: whether the page cannot be a release, and the site shows it at the URLs of
        several releases.
    """

    own: StoredRelease | None
    by_url: Mapping[str, StoredRelease]
    entries: Mapping[str, FrontierEntry | None]
    is_canonical_shared: bool
    is_placeholder: bool


def find_candidates(archive: Archive, prepared: PreparedRelease, page: ParsedPage) -> Candidates:
    """Read the archived data that is needed to decide which release a page belongs to."""
    release, url = prepared.release, prepared.release.url
    found = archive.list_candidates(page.release_id, page.url, url)
    is_elsewhere = url != page.url and any(stored.url == url for stored in found)
    may_be_placeholder = page.release_id is None and not is_credible(release)
    return Candidates(
        own=next((stored for stored in found if stored.release_id == page.release_id), None),
        by_url={stored.url: stored for stored in found},
        entries={each: archive.frontier.get(each) for each in {page.url, url}},
        is_canonical_shared=is_elsewhere and archive.frontier.has_other_urls(url, page.url),
        is_placeholder=may_be_placeholder
        and archive.removals.is_placeholder(release.agency, release.title),
    )


class CrawlSituation:
    """Facts from the archive about a page's agency, used to judge whether the page was misread.

    Each value is read from the archive when it is first used, because most pages are not
    suspicious.

    entry: the frontier's row for the page.
    """

    def __init__(
        self, archive: Archive, prepared: PreparedRelease, entry: FrontierEntry | None
    ) -> None:
        self.archive, self.release, self.entry = archive, prepared.release, entry

    @cached_property
    def is_backfill(self) -> bool:
        """Return whether the page may be an old page that was found late."""
        release, entry = self.release, self.entry
        found_at, listed_at = (entry.first_seen, entry.listed_at) if entry else (None, None)
        is_dated = any((release.published, release.updated, listed_at))
        return is_backfill(self.archive.db, release.agency, found_at, is_dated=is_dated)

    @cached_property
    def short_sources(self) -> Mapping[str, tuple[int, int]]:
        """Return the sources that now list far fewer releases than usual.

        The result maps the URL of each of these sources to its current and its usual number of
        releases.
        """
        return self.archive.frontier.find_short_sources(self.release.agency)

    @cached_property
    def lost_elsewhere(self) -> Collection[str]:
        """Return the fields that the agency's other pages in quarantine seem to have lost."""
        return Quarantine(self.archive.db).read_pending_losses(self.release.agency)


def find_other_addresses(
    archive: Archive, prepared: PreparedRelease, page: ParsedPage
) -> list[StoredRelease]:
    """Return the releases for which the page's URL may be a second address.

    The candidates are the page's own release or, if the page has none, the releases with the same
    text. Either the release or the page must be at a press wire, but not both.
    """
    ids = [page.release_id]
    if page.release_id is None:
        release = prepared.release
        text = join_text_fields(release.title, release.lead, release.body)
        same = archive.derived.near_duplicates.find_same_text(text, release.agency)
        ids = [other_id for other_id, similarity in same if similarity == 1]
    stored = (archive.get_latest(other_id) for other_id in ids if other_id is not None)
    return [other for other in stored if other and is_wire_url(other.url) != is_wire_url(page.url)]


def is_other_address(archive: Archive, url: str, release_id: int | None) -> bool:
    """Return whether a URL can be the second address of a release.

    Either the URL or the release must be at a press wire, but not both.
    """
    own = archive.get_url(release_id) if release_id is not None else None
    return own is not None and is_wire_url(own) != is_wire_url(url)


def is_credible(release: Release) -> bool:
    """Return whether a page may be a release: it has enough text, and a date or a type."""
    has_date_or_kind = bool(release.published or release.updated or release.kind)
    return (
        has_date_or_kind and len(release.lead or "") + len(release.body) >= MIN_REPLACEMENT_LENGTH
    )


class PageVersions:
    """The versions of a page that are compared while it is being stored.

    Parsed versions are kept in memory, so that each is parsed only once.
    """

    def __init__(
        self, archive: Archive, captures: Captures, page: ParsedPage | None = None
    ) -> None:
        self.archive, self.captures, self.page = archive, captures, page
        self._stored: dict[str, PageVersion] = {}  # by SHA-256

    @cached_property
    def new(self) -> PageVersion:
        assert self.page is not None  # noqa: S101 - only comparisons with the fetched page ask for it
        response = self.page.response
        return PageVersion(
            response.url,
            lambda: response.body,
            document=self.page.document,
            template=self.page.template,
        )

    def stored(self, sha256: str, url: str) -> PageVersion:
        """Return the version of the page whose bytes are stored under a SHA-256.

        The version is parsed as if it had been fetched at `url`.
        """
        if sha256 not in self._stored:
            self._stored[sha256] = PageVersion(
                url,
                partial(read_stored_body, self.captures, sha256),
                template=self.archive.get_template(sha256),
            )
        return self._stored[sha256]

    def newest(self, stored: StoredRelease, url: str) -> PageVersion | None:
        """Return the newest stored version of a release's page, or None if no version is stored."""
        sha256 = stored.newest_sha256 or stored.sha256
        return self.stored(sha256, url) if sha256 else None


def read_stored_body(captures: Captures, sha256: str | None) -> bytes | None:
    """Return the bytes stored under a SHA-256, or None if they are missing or damaged.

    If the bytes cannot be read, the reason is logged.
    """
    if sha256 is None:
        return None
    try:
        return captures.read(sha256)
    except ArchiveError as error:
        logger.warning("%s", error)
        return None
