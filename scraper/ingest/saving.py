"""Stores parsed pages: matches each page to a release, checks it, and finds the cause of a change.

A page is stored in one transaction together with its URL in the frontier. The bytes from which a
state was parsed are written to captures.db first, so that archive.db never refers to missing bytes.

Pages in quarantine are reviewed when a crawl ends. Accepted pages are parsed from their stored
bytes with the current parser, and stored with their original fetch time.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from scrapy.settings import BaseSettings

from archive.database.captures import Captures, select_evidence_headers
from archive.database.models import Capture, Release, hash_state
from archive.database.quarantined_pages import (
    FieldLoss,
    Quarantine,
    QuarantinedPage,
    QuarantineReason,
    find_field_losses,
    reason_key,
)
from archive.database.redaction import REDACTION_MARK
from archive.database.refused_pages import DEFAULT_RETENTION, RefusedPages, Retention
from archive.database.sqlite_files import ArchiveError, is_write_failure, savepoint
from archive.store.merged_histories import find_adjoining_states, find_moved_copy, merge_releases
from archive.store.releases import (
    Archive,
    PreparedRelease,
    SaveResult,
    StoredRelease,
    is_new_or_changed,
    prepare_release,
)
from archive.store.takedowns import is_address_taken_down
from archive.times import now, to_iso
from scraper.agency import Agency, is_wire_url
from scraper.errors import NotARelease, PageError
from scraper.ingest.candidates import (
    Candidates,
    CrawlSituation,
    PageVersions,
    find_candidates,
    find_other_addresses,
    is_credible,
    is_other_address,
)
from scraper.ingest.edit_or_redesign import (
    find_change_cause,
    is_redesign,
    reparse_stored,
)
from scraper.ingest.matching import PageMatch, match_other_address, match_page
from scraper.ingest.misreadings import QuarantineCheck, describe_reasons
from scraper.ingest.parsed_page import FetchedPage, ParsedPage
from scraper.ingest.past_versions import find_edits_of_past
from scraper.normalise import to_release
from scraper.pages import open_document, read_document
from scraper.revisit_schedule import RevisitSchedule, find_recheck_delay

MIN_MOVED_SIMILARITY = 0.9  # minimum for a copy at another URL to be the release that disappeared
CLOCK_ALLOWANCE = timedelta(days=1)  # how far a clock may be ahead of the newest finished crawl

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """The outcome of saving a page, and the reasons for its quarantine (empty if it has none)."""

    release: Release
    outcome: SaveResult
    reasons: tuple[QuarantineReason, ...] = ()


@dataclass(frozen=True, slots=True)
class MatchedPage:
    """A parsed page and its release. The release has the URL under which it is stored."""

    page: ParsedPage
    prepared: PreparedRelease
    match: PageMatch
    candidates: Candidates
    versions: PageVersions

    @property
    def release(self) -> Release:
        return self.prepared.release

    @property
    def response(self) -> FetchedPage:
        return self.page.response

    @property
    def stored(self) -> StoredRelease | None:
        """Return the stored release that this page may update, or None for a new release."""
        if self.match.kind == "renamed":
            return self.candidates.own
        if self.match.kind == "misplaced":
            return None
        return self.candidates.by_url.get(self.match.url)

    @property
    def is_changed(self) -> bool:
        """Return whether the release is new, has a new URL, or differs from the stored state."""
        return self.match.kind == "renamed" or is_new_or_changed(self.prepared, self.stored)


@dataclass(frozen=True, slots=True)
class StateChange:
    """A state that is to be stored.

    capture_id: the id of the capture from which the state was parsed, or None if it is not stored
        yet.
    previous: the state that precedes this one, or None if the preceding state is the one stored at
        the release's URL.
    """

    prepared: PreparedRelease
    cause: str
    capture_id: int | None
    previous: StoredRelease | None = None


class Ingest:
    """Stores parsed pages together with their URLs in the frontier."""

    def __init__(
        self, archive: Archive, recorder: CrawlRecorder, agencies: Mapping[str, Agency]
    ) -> None:
        self.archive, self.recorder, self.agencies = archive, recorder, agencies
        self.quarantine = Quarantine(archive.db)

    def save(
        self,
        page: ParsedPage,
        check: QuarantineCheck | None = None,
        *,
        crawl_id: int | None = None,
        capture_id: int | None = None,
        redesigned: bool = False,
        is_late: bool = False,
    ) -> IngestResult:
        """Store one page.

        check: decides whether to quarantine the page. If it is None, the page is never quarantined.
        crawl_id: the crawl that is recorded if the page is quarantined.
        capture_id: the capture of the response, if it has already been stored.
        redesigned: whether the page is known to have a new template since it was last stored.
        is_late: whether the page was kept for a while before this call (as a refused page or in
            quarantine). If so, a removal found in the meantime stays, and NotARelease is raised if
            the page would overwrite anything else found in the meantime.

        Raises PageError if a field cannot be normalised, and NotARelease for a placeholder.
        """
        # Gather
        release = self.restore_file_title(page, to_release(page.item))
        prepared = prepare_release(release, with_features=False)
        if self.agencies[release.agency].wire:
            page, stored = self.match_other_address(prepared, page)
            if stored is not None:
                self.record_other_address(page, stored.release_id)
                release = replace(release, url=stored.url)
                return IngestResult(release=release, outcome=SaveResult.UNCHANGED)
        candidates = find_candidates(self.archive, prepared, page)

        # Decide
        if candidates.is_placeholder:
            problem = f"is shown at the URLs of several releases: {release.title!r}"
            raise NotARelease(page.url, problem, "placeholder", release.title)
        match = match_page(prepared, page, candidates)
        is_missing = is_late and _compare_with_later_checks(page, match, candidates)
        if self.record_missing(page, release, match):
            return IngestResult(release=release, outcome=SaveResult.MISSING)
        matched = MatchedPage(
            page,
            replace(prepared, release=replace(release, url=match.url)),
            match,
            candidates,
            PageVersions(self.archive, self.recorder.captures, page),
        )
        if match.kind == "duplicate":
            self.record_duplicate(matched)
            return IngestResult(release=matched.release, outcome=SaveResult.UNCHANGED)
        reasons = self.find_reasons(matched, check)
        if reasons:
            if capture_id is None:  # otherwise, the page is already in quarantine
                self.quarantine_page(matched, reasons, crawl_id)
            return IngestResult(
                release=matched.release, outcome=SaveResult.QUARANTINED, reasons=tuple(reasons)
            )
        if check is not None:
            redesigned = redesigned or check.predates_accepted_loss(candidates.own)
        changes = self.find_changes(matched, capture_id, redesigned=redesigned)

        # Write
        outcome = self.store(matched, changes, is_missing=is_missing)
        return IngestResult(release=matched.release, outcome=outcome)

    def store(
        self, matched: MatchedPage, changes: Iterable[StateChange], *, is_missing: bool
    ) -> SaveResult:
        """Write a page, its release and its URLs in one transaction, and return the outcome.

        is_missing: whether a later check found the release missing. Its removal then stays.
        """
        response, stored = matched.response, matched.stored
        sha256 = self.recorder.store_body(response) if matched.is_changed else ""
        if stored is not None and not matched.is_changed:
            self.store_new_bytes(matched, stored)
        with self.archive.transaction():
            self.move(matched)
            outcome = self.store_states(matched, changes, sha256)
            if stored is not None and stored.cause == "import":
                agency = self.agencies[matched.release.agency]
                captures = self.recorder.captures
                find_edits_of_past(self.archive, captures, agency, stored.release_id)
            if not is_missing:
                self.update_frontier(matched, outcome)
            elif outcome is SaveResult.UNCHANGED:
                release_id = self.get_release_id(matched.match.url)
                self.archive.mark_checked(release_id, response.fetched_at)
        return outcome

    def move(self, matched: MatchedPage) -> None:
        """Store the new URL of a moved release, or the original URL if the stored one is wrong."""
        match, own, response = matched.match, matched.candidates.own, matched.response
        if match.kind == "renamed" and own is not None:
            self.archive.removals.mark_moved(
                own.release_id, response.fetched_at, match.url, status=response.status
            )
            self.archive.derived.refresh(own.release_id)  # near-duplicates depend on the site
        elif match.original_url is not None and own is not None:
            self.restore_original_url(own.release_id, match.original_url, matched)

    def match_other_address(
        self, prepared: PreparedRelease, page: ParsedPage
    ) -> tuple[ParsedPage, StoredRelease | None]:
        """Return a page, and the release whose second address is the page's URL.

        If there is no such release, None takes its place. If a release's second address now shows a
        different text, the page is returned without its `release_id`.
        """
        others = find_other_addresses(self.archive, prepared, page)
        if not others:
            return page, None
        entry = self.archive.frontier.get(page.url)
        found_at = entry.first_seen if entry else page.response.fetched_at.isoformat()
        stored = match_other_address(prepared, page, others, found_at)
        return (page if stored else replace(page, release_id=None)), stored

    def record_missing(self, page: ParsedPage, release: Release, match: PageMatch) -> bool:
        """If a page shows something other than its release, record this and return True.

        Returns False if the page shows its release, or if a different text has been there so long
        that it counts as the release's new text.
        """
        if match.kind not in ("redirected", "replaced") or page.release_id is None:
            return False
        target = page.response.url if match.kind == "redirected" else release.title
        return self.recorder.record_missing(
            page.url,
            page.release_id,
            page.response,
            match.kind,
            target,
            credible=is_credible(release),
        )

    def record_duplicate(self, matched: MatchedPage) -> None:
        """Record a page as a duplicate of a release, and make the release due for a check."""
        archive, fetched_at = self.archive, matched.response.fetched_at
        release_id = self.get_release_id(matched.match.url)
        with archive.transaction():
            archive.frontier.mark_stored(matched.page.url, release_id, fetched_at)
            archive.set_next_check(release_id, fetched_at)

    def find_reasons(
        self, matched: MatchedPage, check: QuarantineCheck | None
    ) -> list[QuarantineReason]:
        """Return the reasons why a page that would change the archive is suspicious.

        Returns [] if the page would not change the archive, or if `check` is None.
        """
        prepared, page = matched.prepared, matched.page
        if check is None or page.is_file or not matched.is_changed:
            return []
        stored = matched.stored if page.release_id is None else matched.candidates.own
        situation = CrawlSituation(self.archive, prepared, matched.candidates.entries[page.url])
        return check.find_reasons(prepared, page, stored, matched.versions, situation)

    def store_new_bytes(self, matched: MatchedPage, stored: StoredRelease) -> None:
        """Store an unchanged release's bytes if its file or the page's design has changed."""
        response, versions = matched.response, matched.versions
        if matched.page.is_file:
            digest = hashlib.sha256(response.body).hexdigest()
            is_new = digest != (stored.newest_sha256 or stored.sha256)
        else:
            old = versions.newest(stored, response.url)
            is_new = old is not None and is_redesign(old, versions.new)
        if not is_new:
            return
        if matched.page.is_file:
            logger.warning(
                "%s: the file has changed; its new bytes are stored beside the earlier ones",
                response.url,
            )
        sha256 = self.recorder.store_body(response)
        with self.archive.transaction():
            capture_id = self.recorder.record_capture(response, sha256, versions.new.template)
            self.archive.set_capture(stored.release_id, capture_id)

    def restore_file_title(self, page: ParsedPage, release: Release) -> Release:
        """Return the release of a file with its original title, if a takedown hides the title.

        The title in the frontier is the redacted one. Any other release is returned unchanged.
        """
        stored = (
            self.archive.get(release.url)
            if page.is_file and REDACTION_MARK in release.title
            else None
        )
        if stored is None:
            return release
        title = stored.state["title"]
        files = tuple(replace(file, title=title) for file in release.attachments)
        return replace(release, title=title, attachments=files)

    def record_other_address(self, page: ParsedPage, release_id: int) -> None:
        """Record a page's URL as another address of a release, and store the page if it is new."""
        archive, response = self.archive, page.response
        # a record's capture has another URL, by which a takedown would not find it
        has_own_capture = response.record_url is None and response.url == page.url
        sha256 = self.recorder.store_body(response) if has_own_capture else None
        with archive.transaction():
            archive.frontier.mark_stored(page.url, release_id, response.fetched_at)
            if sha256 and not archive.has_capture(page.url, sha256):
                self.recorder.record_capture(response, sha256, page.template)

    def restore_original_url(self, release_id: int, url: str, matched: MatchedPage) -> None:
        """Set a release's URL to the URL at which the release was captured.

        If another release now has that URL, the two are merged.
        """
        target_id = self.archive.find_release_id(url)
        if target_id is None:
            self.archive.change_url(release_id, url, matched.response.fetched_at)
        else:
            self.archive.removals.give_up_url(release_id, url)
            self.recorder.record_merge(
                release_id, target_id, url, matched.response, matched.versions
            )

    def quarantine_page(
        self, matched: MatchedPage, reasons: list[QuarantineReason], crawl_id: int | None
    ) -> None:
        """Quarantine the page, and update the frontier.

        A page that is already in quarantine with the same state is not added again.
        """
        archive, response, url = self.archive, matched.response, matched.page.url
        release_id = matched.page.release_id
        state: Mapping[str, Any] = matched.prepared.state
        if release_id is not None:
            state = archive.takedowns.redact_for_display(release_id, state)[0]
        known = self.quarantine.contains(url, state)
        sha256 = None if known else self.recorder.store_body(response)
        with archive.transaction():
            if sha256:
                self.quarantine.add(
                    agency=matched.release.agency,
                    crawl_id=crawl_id,
                    url=url,
                    release_id=release_id,
                    seen_at=response.fetched_at,
                    state=state,
                    capture_id=self.recorder.record_capture(
                        response, sha256, matched.versions.new.template
                    ),
                    reasons=reasons,
                )
            if release_id is None:
                problem = f"{url}: quarantined: {describe_reasons(reasons)}"
                archive.frontier.mark_quarantined(url, response.fetched_at, problem)
            # without the response's validators, because they belong to a state that is not stored
            else:
                archive.frontier.mark_stored(url, release_id, response.fetched_at)
                archive.set_next_check(
                    release_id, self.recorder.next_check(release_id, response.fetched_at)
                )

    def get_release_id(self, url: str) -> int:
        release_id = self.archive.find_release_id(url)
        assert release_id is not None  # noqa: S101 - for the type checker
        return release_id

    def find_changes(
        self, matched: MatchedPage, capture_id: int | None, *, redesigned: bool
    ) -> list[StateChange]:
        """Return the states to be stored, or [] if the page shows the stored state.

        If the current parser reads the stored page differently, the result is a separate state, so
        that a change of the parser cannot have caused the remaining differences.
        """
        prepared, before, changes = matched.prepared, matched.stored, []
        previous = matched.candidates.own if matched.match.kind == "merged" else None
        if not is_new_or_changed(prepared, before):
            return []
        parser_version = matched.page.item.parser_version
        if before and previous is None and before.parser_version != parser_version:
            reparsed = self.reparse(before, matched)
            if reparsed is None:  # that it is an edit cannot be proved
                return [StateChange(prepared, "parser", capture_id)]
            if is_new_or_changed(reparsed, before):
                changes.append(StateChange(reparsed, "parser", before.capture_id))
                before = replace(before, state=reparsed.state, hash=reparsed.hash, cause="parser")
                if not is_new_or_changed(prepared, before):
                    return changes
        cause = self.find_cause(previous or before, matched, redesigned=redesigned)
        return [*changes, StateChange(prepared, cause, capture_id, previous)]

    def store_states(
        self, matched: MatchedPage, changes: Iterable[StateChange], sha256: str
    ) -> SaveResult:
        """Store the states of a release in their order, and return the outcome of the last one.

        sha256: the hash of the page's bytes in captures.db.
        """
        response, outcome = matched.response, SaveResult.UNCHANGED
        for change in changes:
            capture_id = change.capture_id
            if capture_id is None:
                capture_id = self.recorder.record_capture(
                    response, sha256, matched.versions.new.template
                )
            outcome = self.archive.save(
                change.prepared.release,
                seen_at=response.fetched_at,
                cause=change.cause,
                capture_id=capture_id,
                parser_version=matched.page.item.parser_version,
                previous=change.previous,
                prepared=change.prepared,
            )
        return outcome

    def reparse(self, stored: StoredRelease, matched: MatchedPage) -> PreparedRelease | None:
        """Parse a stored page with the current parser.

        Returns None if the page cannot be parsed, or was not captured by the archive itself.
        """
        # what a web archive captured would be stored as the archive's own
        if stored.sha256 is None or stored.cause == "import":
            return None
        url, agency = matched.release.url, self.agencies[matched.release.agency]
        version = matched.versions.stored(stored.sha256, url)
        release, _ = reparse_stored(stored, version, url, agency)
        return prepare_release(release, with_features=False) if release else None

    def find_cause(
        self, before: StoredRelease | None, matched: MatchedPage, *, redesigned: bool
    ) -> str:
        """Return the cause of a new state: `source`, `parser` or `first`.

        The cause is `first` if a merged release has changed only its URL. An imported copy may
        differ for reasons other than an edit, so the state that follows it has the cause `parser`.
        """
        if before is None:
            return "source"
        if before.cause == "import":
            return "parser"
        url, kind, versions = matched.release.url, matched.match.kind, matched.versions
        state = matched.prepared.state
        moved = kind in ("renamed", "merged")
        if moved:
            # with the origin of the page in all its URLs
            origins = [
                urlunsplit((*urlsplit(address)[:2], "", "", ""))
                for address in (url, matched.page.url)
            ]
            state = json.loads(json.dumps(state).replace(origins[0], origins[1]))
            if hash_state(state) == before.hash:
                return "first" if kind == "merged" else "parser"
        old = versions.newest(before, url)
        return find_change_cause(
            before.state, state, old, versions.new, url, redesigned=redesigned, url_changed=moved
        )

    def update_frontier(self, matched: MatchedPage, outcome: SaveResult) -> None:
        """Update the frontier and the next check of a stored release.

        If the release has moved to the URL of another release, the two are merged.
        """
        archive, release, page, response = (
            self.archive,
            matched.release,
            matched.page,
            matched.response,
        )
        release_id = self.get_release_id(release.url)
        if matched.match.kind == "merged" and page.release_id is not None:
            self.recorder.record_merge(
                page.release_id, release_id, release.url, response, matched.versions
            )
        if release.url != page.url:  # the canonical URL itself need not be requested
            archive.frontier.add(
                release.url, agency=release.agency, role="release", seen_at=response.fetched_at
            )
            archive.frontier.mark_stored(release.url, release_id, response.fetched_at)
        archive.frontier.mark_read(
            page.url,
            release_id,
            response.fetched_at,
            etag=response.headers.get("etag"),
            last_modified=response.headers.get("last-modified"),
        )
        self.recorder.record_current(release_id, response.fetched_at, outcome)


def _compare_with_later_checks(page: ParsedPage, match: PageMatch, candidates: Candidates) -> bool:
    """Return whether a check found the release missing after the page was fetched.

    Raises NotARelease if a later check read the release, or if the release was missing and the page
    would change more than the release's text.
    """
    is_missing = False
    for url in filter(None, (match.url, match.original_url)):
        stored = candidates.by_url.get(url)
        if stored is None:
            continue
        if stored.last_checked > str(to_iso(page.response.fetched_at)):
            raise NotARelease(page.url, "was fetched before its release was last read")
        is_missing = is_missing or stored.was_missed_after(page.response.fetched_at)
    if is_missing and match.kind != "same":
        raise NotARelease(page.url, "was fetched before its release was found to be missing")
    return is_missing


class CrawlRecorder:
    """Records the results of requests in archive.db and captures.db."""

    def __init__(
        self,
        archive: Archive,
        schedule: RevisitSchedule,
        *,
        new_captures: bool = False,
        retention: Retention = DEFAULT_RETENTION,
    ) -> None:
        self.archive, self.schedule = archive, schedule
        self.captures = Captures(Path(archive.path), begin_new=new_captures)
        self.refused = RefusedPages(self.captures, retention)

    def close(self) -> None:
        self.captures.close()  # the archive is closed by its owner

    def store_body(self, response: FetchedPage) -> str:
        """Write a response's bytes to captures.db, and return their SHA-256."""
        return self.captures.store_body(response.body, urlsplit(response.url).netloc)

    def record_capture(
        self,
        response: FetchedPage,
        sha256: str,
        template: bytes | None = None,
        observer: int | None = None,
    ) -> int:
        """Store the capture of a response in archive.db, and return the capture's id.

        The response's bytes must already be in captures.db.

        template: the fingerprint of the page's template, if the page was parsed as a release.
        observer: the id of the web archive that sent the response, or None for the site itself.
        """
        capture = Capture(
            url=response.record_url or response.url,
            seen=response.fetched_at,
            status=response.status,
            headers=select_evidence_headers(response.headers),
            sha256=sha256,
            bytes=len(response.body),
            observer=observer,
        )
        return self.archive.add_capture(capture, template)

    def find_trusted_time(self) -> datetime:
        """Return the current time, but at most a day after the end of the last finished crawl."""
        ((finished,),) = self.archive.db.execute("select max(finished) from crawls").fetchall()
        moment = now()
        return (
            min(moment, datetime.fromisoformat(finished) + CLOCK_ALLOWANCE) if finished else moment
        )

    def expire_refused(self) -> None:
        """Delete refused pages that are too old according to `find_trusted_time`."""
        self.refused.expire(self.find_trusted_time())

    def keep_refused(
        self, url: str, release_id: int | None, response: FetchedPage, reason: str
    ) -> None:
        """Store a response in which no release could be read.

        Nothing is stored if the frontier lacks the URL, or if the URL's release is hidden, redacted
        or a file.
        """
        entry, addresses = self.archive.frontier.get(url), (url, response.url)
        is_taken_down = release_id is not None and self.archive.takedowns.list_active(release_id)
        if entry is None or entry.file_title is not None or is_taken_down:
            return
        if is_address_taken_down(self.archive, entry.agency, addresses):
            return
        row = {
            "agency": entry.agency,
            "url": url,
            "address": response.url,
            "record_url": response.record_url,
            "fetched": to_iso(response.fetched_at),
            "status": response.status,
            "headers": json.dumps(select_evidence_headers(response.headers), ensure_ascii=False),
            "reason": reason,
        }
        self.refused.keep(row, response.body, self.find_trusted_time())

    def next_check(self, release_id: int, seen_at: datetime) -> datetime:
        return self.schedule.next_check(seen_at, *self.archive.get_dates(release_id))

    def record_current(
        self, release_id: int, seen_at: datetime, outcome: SaveResult = SaveResult.UNCHANGED
    ) -> None:
        """Record that a release was found at its URL, and end its removal if there was one."""
        if outcome is not SaveResult.NEW:
            self.archive.removals.mark_present(release_id, seen_at)
        if outcome is not SaveResult.UNCHANGED:
            self.archive.set_next_check(release_id, self.next_check(release_id, seen_at))
        else:
            self.record_unchanged(release_id, seen_at)

    def record_unchanged(self, release_id: int, seen_at: datetime) -> None:
        """Record that a release without an open removal was checked and is unchanged."""
        self.archive.mark_checked(release_id, seen_at, self.next_check(release_id, seen_at))

    def postpone_check(self, release_id: int, seen_at: datetime) -> None:
        """Schedule the next check of a release that its press wire may no longer list."""
        with self.archive.transaction():
            self.archive.set_next_check(release_id, self.next_check(release_id, seen_at))

    def record_missing(
        self,
        url: str,
        release_id: int,
        response: FetchedPage,
        kind: str,
        target: str | None = None,
        *,
        credible: bool = False,
        refusal: str | None = None,
    ) -> bool:
        """Record that a stored release's URL shows something else, and return True.

        The capture that first shows this is stored. If a copy of the release is at another of the
        agency's URLs, the release has moved, and is merged with that copy. If a credible text (type
        `replaced`) has been at this URL for so long that it counts as the release's new text, the
        removal is deleted and False is returned.

        kind: the type of removal.
        credible: whether the text that is now shown could be a release.
        refusal: why no release could be read in the response. If this is given, the response is
            kept (archive.database.refused_pages).
        """
        archive, seen_at = self.archive, response.fetched_at
        if refusal is not None:
            self.keep_refused(url, release_id, response, refusal)
        # a release that its wire no longer lists has no response of its own
        has_response = bool(response.body) or response.record_url is None
        has_evidence = has_response and not archive.removals.is_missing(release_id)
        sha256 = self.store_body(response) if has_evidence else None
        with archive.transaction():
            confirmed = archive.removals.mark_missing(
                release_id,
                seen_at,
                kind,
                status=response.status if has_response else None,
                target=target,
                capture_id=self.record_capture(response, sha256) if sha256 else None,
            )
            only_here = credible and not archive.removals.is_replacement_shared(release_id, target)
            if confirmed and kind == "replaced" and only_here:
                archive.removals.discard(release_id)
                return False
            archive.frontier.mark_gone(
                url, seen_at, f"{url}: {kind}" + (f": {target}" if target else "")
            )
            if confirmed and kind in ("gone", "error page"):
                self.merge_moved(release_id, response)
        return True

    def merge_moved(self, release_id: int, response: FetchedPage) -> None:
        """If a release that has disappeared has a copy at another URL, merge the two."""
        copy = find_moved_copy(self.archive, release_id, min_similarity=MIN_MOVED_SIMILARITY)
        if copy:
            self.record_merge(
                release_id, *copy, response, PageVersions(self.archive, self.captures)
            )

    def record_merge(
        self,
        release_id: int,
        target_id: int,
        url: str,
        response: FetchedPage,
        versions: PageVersions,
    ) -> None:
        """Merge a release into the one at `url`, and store the cause of their differences."""
        cause, states = "source", find_adjoining_states(self.archive, release_id, target_id)
        if states and states[1].sha256:
            before, after = states
            old, new = versions.newest(before, url), versions.stored(states[1].sha256, url)
            if new.body is not None:
                cause = find_change_cause(
                    before.state, after.state, old, new, url, url_changed=True
                )
        merge_releases(
            self.archive,
            release_id,
            target_id,
            response.fetched_at,
            url,
            cause=cause,
            status=response.status,
        )

    def record_failure(
        self,
        url: str,
        release_id: int | None,
        seen_at: datetime,
        problem: str,
        *,
        rejected: bool,
        refused: FetchedPage | None = None,
    ) -> None:
        """Record that a request failed, or that a page shows neither a release nor its removal.

        A stored release is not changed, and is checked again soon.

        rejected: whether a page was received but rejected. If False, the request failed.
        refused: the response, if it should be kept (archive.database.refused_pages).
        """
        if refused is not None:
            self.keep_refused(url, release_id, refused, problem)
        with self.archive.transaction():
            mark = (
                self.archive.frontier.mark_rejected
                if rejected
                else self.archive.frontier.mark_failed
            )
            mark(url, seen_at, problem)
            if release_id is not None:
                row = self.archive.frontier.get(url)
                delay = find_recheck_delay(row.tries if row else 0)
                self.archive.set_next_check(release_id, seen_at + delay)


def read_retention(settings: BaseSettings) -> Retention:
    return Retention(settings.getint("REFUSED_DAYS"), settings.getfloat("REFUSED_SHARE"))


def review_quarantine(ingest: Ingest, agency: str) -> tuple[list[FieldLoss], Counter[SaveResult]]:
    """Decide on an agency's quarantined pages, and store the pages that are no longer suspicious.

    A page is no longer suspicious if it has no problem of its own and none of the agency's field
    losses.

    Returns the field losses, and a map from each outcome of storing a page to the number of pages.
    """
    archive, quarantine = ingest.archive, ingest.quarantine
    pending = resolve_superseded(ingest, quarantine.list_pending(agency))
    if all(page.decision for page in pending):
        return [], Counter()
    losses = find_field_losses(archive.db, agency, now())
    outcomes: Counter[SaveResult] = Counter()
    lost_keys = {loss.reason_key for loss in losses}
    for page in pending:
        if page.decision is not None:
            continue
        if lost_keys & page.lost_keys or page.has_page_reason:
            with archive.transaction():
                quarantine.confirm(page.id)
        else:
            outcomes[accept_quarantined(ingest, page, "genuine")] += 1
    return losses, outcomes


def resolve_superseded(
    ingest: Ingest, quarantined: Iterable[QuarantinedPage]
) -> list[QuarantinedPage]:
    """Close quarantined pages that have since been read successfully, and return the others."""
    pending = []
    for page in quarantined:
        if ingest.quarantine.is_superseded(page):
            with ingest.archive.transaction():
                ingest.quarantine.decide(page.id, "superseded", now())
        else:
            pending.append(page)
    return pending


def accept_quarantined(
    ingest: Ingest,
    quarantined: QuarantinedPage,
    decision: str,
    check: QuarantineCheck | None = None,
) -> SaveResult:
    """Store one quarantined page, and record the decision.

    Returns SaveResult.QUARANTINED if the page stays in quarantine, because it can no longer be
    parsed, `check` quarantines it again, or it would overwrite something found in the meantime.
    """
    page = _reparse_quarantined(ingest, quarantined)
    if page is None:
        return SaveResult.QUARANTINED
    redesigned = quarantined.decision == "confirmed"
    with ingest.archive.transaction():  # store both the release and the decision, or neither
        try:
            result = ingest.save(
                page, check, capture_id=quarantined.capture_id, redesigned=redesigned, is_late=True
            )
        except PageError as error:
            logger.warning("%s", error)
            return SaveResult.QUARANTINED
        if result.outcome is not SaveResult.QUARANTINED:
            ingest.quarantine.decide(quarantined.id, decision, now())
            frontier = ingest.archive.frontier
            # from now on, the source's current number of links counts as usual
            for reason in quarantined.reasons:
                source = reason_key(reason)
                if "source" in reason and (
                    decision == "accepted" or frontier.is_restarted_list(source, quarantined.url)
                ):
                    frontier.accept_link_count(source)
    return result.outcome


def _reparse_quarantined(ingest: Ingest, quarantined: QuarantinedPage) -> ParsedPage | None:
    """Parse a quarantined page again from its bytes. If that fails, log why and return None."""
    agency, captures = ingest.agencies[quarantined.agency], ingest.recorder.captures
    capture = ingest.quarantine.get_capture(quarantined)
    if capture is None:
        logger.warning("%s: is in quarantine, but its stored bytes are missing", quarantined.url)
        return None
    try:
        # a record's capture has the URL of its list
        is_record = agency.find_record_source(quarantined.url) is not None
        response = FetchedPage(
            url=quarantined.url if is_record else capture.url,
            fetched_at=capture.seen,
            status=capture.status,
            headers=capture.headers,
            body=captures.read(capture.sha256),
            record_url=capture.url if is_record else None,
        )
        row = ingest.archive.frontier.get(quarantined.url)
        release_id = row.release_id if row else quarantined.release_id
        return _parse_response(response, quarantined.url, release_id, agency)
    except (PageError, ArchiveError) as error:
        logger.warning("%s: stays quarantined: %s", quarantined.url, error)
        return None


def _parse_response(
    response: FetchedPage, url: str, release_id: int | None, agency: Agency
) -> ParsedPage:
    """Parse a stored response again. Raises PageError if that fails."""
    document = open_document(response.body, response.url)
    item = read_document(document.copy(), agency)
    return ParsedPage(
        item=item, url=url, release_id=release_id, response=response, document=document
    )


def accept_repaired(ingest: Ingest, agency: str) -> Counter[SaveResult]:
    """Parse an agency's quarantined pages again, and store those that are no longer suspicious.

    Returns a map from each outcome to the number of pages.
    """
    checks = {
        on_wire: QuarantineCheck(ingest.archive, agency, on_wire) for on_wire in (False, True)
    }
    outcomes: Counter[SaveResult] = Counter()
    for page in resolve_superseded(ingest, ingest.quarantine.list_pending(agency)):
        outcomes[accept_quarantined(ingest, page, "reparsed", checks[is_wire_url(page.url)])] += 1
    return outcomes


def take_in_refused(ingest: Ingest, agency: str, url: str | None = None) -> Counter[str]:
    """Store an agency's refused pages that can now be read, oldest first.

    Each page is matched, checked, and quarantined or stored as in a crawl, with the time at which
    it was fetched. A page that was fetched before its release was last read stays refused, because
    the stored state is newer.

    Returns the number of pages by outcome, which is a value of SaveResult or "still refused".

    url: if given, only the pages of this URL are stored.
    """
    counts: Counter[str] = Counter()
    rows = ingest.recorder.refused.list_pages(agency, url)
    checks = {
        is_wire: QuarantineCheck(ingest.archive, agency, is_wire) for is_wire in (False, True)
    }
    for row in rows:
        page = _parse_refused(ingest, row)
        outcome = _save_refused(ingest, page, checks[is_wire_url(page.url)]) if page else None
        counts[outcome.value if outcome else "still refused"] += 1
        # not before archive.db is committed; what is left is older than the release from then on
        if outcome and not ingest.archive.db.conn.in_transaction:
            ingest.recorder.refused.delete("id = ?", row["id"])
    return counts


def _parse_refused(ingest: Ingest, row: Mapping[str, Any]) -> ParsedPage | None:
    """Parse a refused page with today's rules.

    Returns None if the page stays refused, because parsing fails or a newer state may be stored.
    """
    url, entry = row["url"], ingest.archive.frontier.get(row["url"])
    if entry is None:
        return None
    is_other = is_other_address(ingest.archive, url, entry.release_id)
    release_id = None if is_other else entry.release_id
    stored = ingest.archive.get_latest(release_id) if release_id else None
    if stored and row["fetched"] < stored.last_checked:
        return None
    if row["fetched"] > str(to_iso(now())):  # by a wrong clock: what is newer is not known
        return None
    if is_other and entry.state == "stored" and row["fetched"] < (entry.fetched_at or ""):
        return None
    try:
        response = FetchedPage(
            url=row["address"],
            fetched_at=datetime.fromisoformat(row["fetched"]),
            status=row["status"],
            headers=json.loads(row["headers"]),
            body=ingest.recorder.refused.read(row["sha256"]),
            record_url=row["record_url"],
        )
        return _parse_response(response, url, release_id, ingest.agencies[entry.agency])
    except (PageError, ArchiveError) as error:
        logger.info("%s: stays refused: %s", url, error)
    except Exception:  # it may have been refused because of an error in our own code
        logger.exception("%s: stays refused: our own code failed on it", url)
    return None


def _save_refused(ingest: Ingest, page: ParsedPage, check: QuarantineCheck) -> SaveResult | None:
    """Store a refused page that can now be parsed. Return None if it stays refused.

    If anything fails, no part of the page is stored, even within the caller's transaction.
    """
    archive = ingest.archive
    try:
        with archive.transaction(), savepoint(archive.db.conn):
            return _save_late(ingest, page, check)
    except PageError as error:
        logger.info("%s: stays refused: %s", page.url, error)
    except Exception as error:
        if is_write_failure(error):
            raise
        logger.exception("%s: stays refused: our own code failed on it", page.url)
    return None


def _save_late(ingest: Ingest, page: ParsedPage, check: QuarantineCheck) -> SaveResult:
    """Store a page that was kept for a while, and return the outcome.

    Raises NotARelease if the page shows no release, or an outdated version of one.
    """
    archive, release_id, fetched_at = ingest.archive, page.release_id, page.response.fetched_at
    if release_id is not None:
        archive.removals.discard_begun_at(release_id, fetched_at)
    outcome = ingest.save(page, check, is_late=True).outcome
    if outcome is SaveResult.MISSING:  # the removal was recorded when the page was fetched
        raise NotARelease(page.url, "does not show the stored release")
    stored = archive.get_latest(release_id) if release_id is not None else None
    is_missing = stored is not None and stored.was_missed_after(fetched_at)
    if outcome is SaveResult.QUARANTINED and is_missing:  # its URL would count as found again
        raise NotARelease(page.url, "looks misread, and its release was found to be missing later")
    return outcome
