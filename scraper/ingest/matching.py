"""Matches parsed pages to stored releases, which may be unchanged, moved, replaced or duplicated.

Texts are compared by the share of shingles that they have in common (Jaccard similarity, 0 to 1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from archive.search.near_duplicates import (
    MAX_DAYS_APART,
    build_shingles,
    jaccard_similarity,
    join_text_fields,
    split_text_words,
    to_day_number,
)
from archive.store.releases import PreparedRelease, StoredRelease, has_same_text
from scraper.ingest.candidates import Candidates
from scraper.ingest.parsed_page import ParsedPage

MATCH_SHINGLE_WORDS = 3
MIN_SAME_SIMILARITY = 0.5  # minimum for the same release, which may have been edited when it moved
MAX_OTHER_SIMILARITY = 0.1  # with another title, less than this means another release
CERTAIN_SIMILARITY = 0.9  # from this on, it is the same release, whatever else differs
DATE_LENGTH = len("2024-03-01")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMatch:
    """The release that a page belongs to, and how the two are related.

    Values of `kind`:
        same        the release that is stored under the page's URL, or a new release
        renamed     the stored release, which now has a new URL
        merged      the stored release, which now has the URL of another stored release
        redirected  the stored release's URL, which now redirects to a page with a different text
        replaced    the page at the stored release's URL now has a different text
        misplaced   the stored release was fetched at another URL (`original_url`), whose page
                    only declared this URL as canonical
        duplicate   another page of a stored release, with a different text: a print version, or a
                    later edit
    """

    kind: str
    url: str  # URL of the release
    original_url: str | None = None


def match_page(prepared: PreparedRelease, page: ParsedPage, candidates: Candidates) -> PageMatch:
    """Return the release to which a page belongs, and how the two are related.

    A release can have moved or been replaced only if the page's URL led to it before.
    """
    url, own = prepared.release.url, candidates.own
    if page.is_file:  # only its title could be compared
        return PageMatch(kind="same", url=page.url)
    if own is None:
        if not _may_use_canonical_url(prepared, page, candidates):
            return PageMatch(kind="same", url=page.url)
        is_duplicate = _is_duplicate_page(prepared, page, candidates)
        return PageMatch(kind="duplicate" if is_duplicate else "same", url=url)
    if url != own.url:
        match = _match_other_url(prepared, page, candidates, own)
    elif _is_duplicate_page(prepared, page, candidates):
        return PageMatch(kind="duplicate", url=url)
    else:
        match = _match_original_url(prepared, page, own)
    if match is not None:
        return match
    return PageMatch(kind="replaced" if _is_replaced(prepared, own) else "same", url=own.url)


def _match_other_url(
    prepared: PreparedRelease, page: ParsedPage, candidates: Candidates, own: StoredRelease
) -> PageMatch | None:
    """Return the match of a stored release's page that declares or redirects to another URL.

    Returns None if the match depends on the page's text instead.
    """
    url, redirected = prepared.release.url, page.response.url != page.url
    similarity = _compute_text_similarity(own.state, prepared.state)
    if url == page.url and not redirected and similarity < CERTAIN_SIMILARITY:
        # the release has moved, and its old URL is used for another one
        return PageMatch(kind="same", url=url)
    entry = candidates.entries[url]
    # a known alias is kept: two pages may each declare the other as canonical, and the release
    # would move back and forth
    is_new_url = redirected or entry is None or entry.release_id != page.release_id
    if is_new_url and _may_use_canonical_url(prepared, page, candidates):
        other = candidates.by_url.get(url)
        if similarity >= MIN_SAME_SIMILARITY and _may_have_moved(own, other, similarity):
            return PageMatch(kind="renamed" if other is None else "merged", url=url)
    return PageMatch(kind="redirected", url=own.url) if redirected else None


def _may_have_moved(own: StoredRelease, other: StoredRelease | None, similarity: float) -> bool:
    """Return whether a release may have moved to another URL.

    other: the release that is already stored at that URL, or None. If its text is not nearly the
        same as that of `own`, it must have been stored after `own` was last found at the old URL.
    """
    if other is None or similarity >= CERTAIN_SIMILARITY:
        return True
    return other.added >= own.last_checked


def _match_original_url(
    prepared: PreparedRelease, page: ParsedPage, own: StoredRelease
) -> PageMatch | None:
    """Return the match `misplaced`, or None if a page is not misplaced.

    A page is misplaced if its stored release was captured at another URL and has a different text.
    """
    captured = own.captured_url
    if page.url != own.url or not captured or captured in (own.url, page.response.record_url):
        return None
    if _compute_text_similarity(own.state, prepared.state) >= MIN_SAME_SIMILARITY:
        return None
    return PageMatch(kind="misplaced", url=own.url, original_url=captured)


def _is_replaced(prepared: PreparedRelease, own: StoredRelease) -> bool:
    """Return whether a page's text is completely different from the stored text of its release."""
    # imported from a collection that only has titles
    has_no_text = own.cause == "import" and not own.state["body"]
    if prepared.state["title"] == own.state["title"] or has_no_text:
        return False
    return _compute_text_similarity(own.state, prepared.state) < MAX_OTHER_SIMILARITY


def match_other_address(
    prepared: PreparedRelease, page: ParsedPage, others: Iterable[StoredRelease], found_at: str
) -> StoredRelease | None:
    """Return the current release whose second address is the page's URL, or None if there is none.

    A release on the agency's own site may also be at a press wire, and vice versa. The title, the
    text and the names of attachments must be the same, word for word. The dates must be close to
    each other, because agencies repeat some texts. Without dates, the days on which the two URLs
    were found must be close to each other.

    others: the candidates, as returned by `find_other_addresses`.
    found_at: the time at which the page's URL was found.
    """
    words_and_files = _read_words_and_files(prepared.state)
    for other in others:
        days = _list_publication_days(other, prepared.state, found_at)
        is_close = abs(days[0] - days[1]) <= MAX_DAYS_APART
        if other.is_current and is_close and _read_words_and_files(other.state) == words_and_files:
            return other
    return None


def _list_publication_days(
    other: StoredRelease, state: Mapping[str, Any], found_at: str
) -> list[int]:
    """Return the publication days of a stored release and of a page, as ordinal day numbers.

    If either date is missing, the days on which the two URLs were found are returned.
    """
    dates = [other.state["published"], state["published"]]
    if not all(dates):
        dates = [other.added, found_at]
    return [to_day_number(day, None, day) for day in dates]


def _read_words_and_files(state: Mapping[str, Any]) -> tuple[list[str], list[str], list[str]]:
    """Return the words of a release's title and text, and the names of its attachments."""
    paths = (PurePosixPath(urlsplit(file["url"]).path) for file in state["attachments"])
    return (
        split_text_words(state["title"]),
        split_text_words(join_text_fields("", state["lead"], state["body"])),
        sorted(unquote(path.name) for path in paths),
    )


def _is_duplicate_page(prepared: PreparedRelease, page: ParsedPage, candidates: Candidates) -> bool:
    """Return whether a page is a duplicate of another current release, with a different text.

    A duplicate declares the URL of the other release as its canonical URL. A page whose URL
    redirects to that URL is the other release's own page, not a duplicate.
    """
    url = prepared.release.url
    stored = candidates.by_url.get(url)
    if stored is None or url in (page.url, page.response.url):
        return False
    return stored.is_current and not has_same_text(prepared, stored)


def _may_use_canonical_url(
    prepared: PreparedRelease, page: ParsedPage, candidates: Candidates
) -> bool:
    """Return whether a page's release may be stored under the canonical URL that the page declares.

    A faulty template gives many pages the same canonical URL. The URL is therefore rejected if it
    is the URL of a source or of a release with another text. A recurring release, which has the
    same title but another date, counts as a release with another text.
    """
    url = prepared.release.url
    if url == page.url:
        return True
    entry = candidates.entries[url]
    if entry and entry.role != "release":
        return False
    stored = candidates.by_url.get(url)
    if stored is None:
        return True
    similarity = _compute_text_similarity(stored.state, prepared.state)
    if stored.state["title"] == prepared.state["title"]:
        is_recurring = _have_other_days(stored.state["published"], prepared.state["published"])
        return similarity >= (CERTAIN_SIMILARITY if is_recurring else MIN_SAME_SIMILARITY)
    return similarity >= CERTAIN_SIMILARITY and not candidates.is_canonical_shared


def _have_other_days(before: str | None, after: str | None) -> bool:
    """Return whether two publication dates both state a day, and these days differ."""
    if not before or not after or before[:DATE_LENGTH] == after[:DATE_LENGTH]:
        return False
    return min(len(before), len(after)) >= DATE_LENGTH


def _compute_text_similarity(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    """Return the Jaccard similarity (0 to 1) of two states' titles, leads and bodies."""
    shingles = []
    for state in (before, after):
        words = split_text_words(join_text_fields(state["title"], state["lead"], state["body"]))
        # for a very short text, its words are compared
        shingles.append(build_shingles(words, MATCH_SHINGLE_WORDS) or frozenset(words))
    return jaccard_similarity(*shingles)
