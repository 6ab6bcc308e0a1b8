"""Matches parsed pages to stored releases: unchanged, moved, replaced or duplicate ones.

Texts are compared by the shingles that they share (Jaccard similarity, 0 to 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from archive.database.models import Release, to_state
from archive.search.near_duplicates import (
    MAX_DAYS_APART,
    build_shingles,
    jaccard_similarity,
    join_text_fields,
    split_text_words,
    to_day_number,
)
from archive.store.releases import Archive, StoredRelease
from scraper.agency import is_wire_url
from scraper.ingest.parsed_page import ParsedPage

MATCH_SHINGLE_WORDS = 3
MIN_SAME_SIMILARITY = 0.5  # minimum for the same release, which may have been edited when it moved
MAX_OTHER_SIMILARITY = 0.1  # with another title, less than this means another release
CERTAIN_SIMILARITY = 0.9  # from this on, it is the same release, whatever else differs
DATE_LENGTH = len("2024-03-01")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMatch:
    """Which release a page belongs to, and how.

    kind:
        same        the release that is stored under its URL, or a new one
        renamed     the stored release, which has a new URL now
        merged      the stored release, whose new URL is already stored as another release
        redirected  the URL redirects to another text than the stored one
        replaced    the URL has another text than the stored one
        misplaced   the stored release was read at another URL, `original_url`, which only declared
                    this URL canonical
        duplicate   another page of a stored release, with a different text: a print version, or a
                    later edit
    """

    kind: str
    url: str  # URL of the release
    original_url: str | None = None


def match_page(archive: Archive, release: Release, page: ParsedPage) -> PageMatch:
    """Return which release a page belongs to.

    Only a release that is stored under the URL can have moved or been replaced.
    """
    if page.is_file:  # only its title could be compared
        return PageMatch(kind="same", url=page.url)
    own = archive.get_url(page.release_id) if page.release_id is not None else None
    stored = archive.get(own) if own else None
    if own is None or stored is None:
        canonical = _may_use_canonical_url(archive, release, page.url)
        kind = "duplicate" if canonical and _is_duplicate_page(archive, release, page) else "same"
        return PageMatch(kind=kind, url=release.url if canonical else page.url)
    if release.url == own and _is_duplicate_page(archive, release, page):
        return PageMatch(kind="duplicate", url=own)
    similarity = _compute_text_similarity(stored.state, to_state(release))
    redirected = page.response.url != page.url
    if release.url == page.url != own and not redirected and similarity < CERTAIN_SIMILARITY:
        # the release has moved, and its old URL is used for another one
        return PageMatch(kind="same", url=page.url)
    if release.url == own == page.url and similarity < MIN_SAME_SIMILARITY:
        captured = archive.get_capture_url(stored.capture_id)
        if captured and captured not in (own, page.response.record_url):
            return PageMatch(kind="misplaced", url=own, original_url=captured)
    row = archive.frontier.get(release.url)
    if (
        release.url != own
        and _may_use_canonical_url(archive, release, page.url)
        # a known alias is kept: two pages may each declare the other as canonical, and the release
        # would move back and forth
        and (redirected or row is None or row.release_id != page.release_id)
    ):
        other = archive.find_release_id(release.url)
        # a release has not moved to a URL that had a release of its own while the release was still
        # at its old URL
        may_have_moved = (
            other is None
            or similarity >= CERTAIN_SIMILARITY
            or archive.get_dates(other)[0] >= archive.get_last_checked(stored.release_id)
        )
        if similarity >= MIN_SAME_SIMILARITY and may_have_moved:
            return PageMatch(kind="renamed" if other is None else "merged", url=release.url)
        if redirected:
            return PageMatch(kind="redirected", url=own)
    elif release.url != own and redirected:
        return PageMatch(kind="redirected", url=own)
    # imported from a collection that only has titles
    has_no_text = stored.cause == "import" and not stored.state["body"]
    if (
        release.title != stored.state["title"]
        and similarity < MAX_OTHER_SIMILARITY
        and not has_no_text
    ):
        return PageMatch(kind="replaced", url=own)
    return PageMatch(kind="same", url=own)


def match_other_address(
    archive: Archive, release: Release, page: ParsedPage
) -> tuple[ParsedPage, int | None]:
    """Return a page and the id of the current release whose other address its URL is, or None.

    A release on the agency's own site may also be at a press wire, and vice versa; this is its
    other address. Title, text and names of attached files must be the same, word for word. The
    dates must be close, because agencies repeat some texts; without dates, the days when the two
    were found must be close. A page with a release of its own is never another address. A page that
    was one and now differs is returned without its release.
    """
    candidates = _list_candidates(archive, release, page)
    for other_id in candidates:
        stored = archive.get_latest(other_id)
        if stored is None or not archive.removals.is_current(other_id):
            continue
        state = to_state(release)
        days = _list_publication_days(archive, stored, state, page)
        is_close = abs(days[0] - days[1]) <= MAX_DAYS_APART
        if is_close and _read_words_and_files(stored.state) == _read_words_and_files(state):
            return page, other_id
    return (replace(page, release_id=None) if page.release_id in candidates else page), None


def _list_candidates(archive: Archive, release: Release, page: ParsedPage) -> list[int]:
    """Return the releases with the same text, or the page's own, of which its URL can be the other
    address.
    """
    candidates = [page.release_id]
    if page.release_id is None:
        text = join_text_fields(release.title, release.lead, release.body)
        found = archive.derived.near_duplicates.find_same_text(text, release.agency)
        candidates = [other_id for other_id, similarity in found if similarity == 1]
    return [
        other_id
        for other_id in candidates
        if other_id is not None and is_other_address(archive, page.url, other_id)
    ]


def _list_publication_days(
    archive: Archive, stored: StoredRelease, state: Mapping[str, Any], page: ParsedPage
) -> list[int]:
    """Return the days of a stored release and a page; without dates, those when the two URLs were
    found.
    """
    dates = [stored.state["published"], state["published"]]
    if not all(dates):
        row = archive.frontier.get(page.url)
        dates = [
            archive.get_dates(stored.release_id)[0],
            row.first_seen if row else page.response.fetched_at.isoformat(),
        ]
    return [to_day_number(day, None, day) for day in dates]


def _read_words_and_files(state: Mapping[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """Return the words of a release's title and text, and the names of its files, to compare."""
    paths = (PurePosixPath(urlsplit(file["url"]).path) for file in state["attachments"])
    return (
        split_text_words(state["title"]),
        split_text_words(join_text_fields("", state["lead"], state["body"])),
        sorted(unquote(path.name) for path in paths),
    )


def is_other_address(archive: Archive, url: str, release_id: int | None) -> bool:
    """Return whether a URL can be the other address of a release: one is at a press wire, the other
    is not.
    """
    own = archive.get_url(release_id) if release_id is not None else None
    return own is not None and is_wire_url(own) != is_wire_url(url)


def _is_duplicate_page(archive: Archive, release: Release, page: ParsedPage) -> bool:
    """Return whether a page declares another current release's URL as canonical, but has a
    different text.

    A page that was redirected to that URL is that release's own page, not a duplicate.
    """
    release_id = archive.find_release_id(release.url)
    if release_id is None or release.url in (page.url, page.response.url):
        return False
    return archive.removals.is_current(release_id) and archive.is_new_or_changed(release)


def _may_use_canonical_url(archive: Archive, release: Release, page_url: str) -> bool:
    """Return whether a page's canonical URL can be its own.

    A faulty template gives many pages the same canonical URL, so the URL of a source or of another
    text is rejected. A recurring release, with the same title but another date, counts as another
    text.
    """
    if release.url == page_url:
        return True
    row = archive.frontier.get(release.url)
    if row and row.role != "release":
        return False
    stored = archive.get(release.url)
    if stored is None:
        return True
    state = to_state(release)
    similarity = _compute_text_similarity(stored.state, state)
    if stored.state["title"] == release.title:
        is_recurring = _have_other_days(stored.state["published"], state["published"])
        return similarity >= (CERTAIN_SIMILARITY if is_recurring else MIN_SAME_SIMILARITY)
    return similarity >= CERTAIN_SIMILARITY and not archive.frontier.has_other_urls(
        release.url, page_url
    )


def _have_other_days(before: str | None, after: str | None) -> bool:
    """Return whether two publication dates are known to the day, and are of different days."""
    if not before or not after or before[:DATE_LENGTH] == after[:DATE_LENGTH]:
        return False
    return min(len(before), len(after)) >= DATE_LENGTH


def _compute_text_similarity(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    """Return the Jaccard similarity of two states' titles, leads and bodies, 0 to 1."""
    shingles = []
    for state in (before, after):
        words = split_text_words(join_text_fields(state["title"], state["lead"], state["body"]))
        # for a very short text, its words are compared
        shingles.append(build_shingles(words, MATCH_SHINGLE_WORDS) or frozenset(words))
    return jaccard_similarity(*shingles)
