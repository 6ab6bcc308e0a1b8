"""Ingest.save(page): match, quarantine check, cause of change, store, reschedule; release from quarantine.

Where a reading belongs: to the release its address held, to the same text elsewhere, or to none.

A reading is kept: it belongs to a release, differs from what is held for a reason, or is put aside.

When a held release is looked at again: the older it is, the more seldom.

Taking in what was kept aside: read anew from its bytes by the rules of today, with the time it was read at.

What a look at an address comes to: its release stands, reads otherwise, or is away; with the bytes that show it.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from archive.captures import Captures, select_evidence_headers
from archive.database import ArchiveError
from archive.dates import now
from archive.duplicates import build_shingles, jaccard_similarity, join_text_fields, split_text_words
from archive.merge import find_adjoining_states, find_moved_copy, merge_releases
from archive.models import Capture, Release, hash_state, to_state
from archive.quarantine import (
    FieldLoss,
    Quarantine,
    QuarantinedPage,
    QuarantineReason,
    accept_link_count,
    find_field_losses,
    is_restarted_list,
    reason_key,
    split_by_field_loss,
)
from archive.store import Archive, SaveResult, StoredRelease
from scraper.errors import AgencyError, PageError
from scraper.items import FetchedPage, ParsedPage
from scraper.normalise import to_release
from scraper.pages import read_page
from scraper.quarantine import QuarantineCheck, describe_reasons
from scraper.redesign import find_change_cause, is_redesign, read_stored_body, reparse_stored

if TYPE_CHECKING:
    from scraper.agency import Agency


MATCH_SHINGLE_WORDS = 3  # words
DATE_LENGTH = len("2024-03-01")
MIN_SAME_SIMILARITY = 0.5  # of all runs of two texts, the share both hold; a move may come with an edit
MAX_OTHER_SIMILARITY = 0.1  # less than this, under another title, is another text
CERTAIN_SIMILARITY = 0.9  # as much, and it is the same text whatever else speaks against it


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMatch:
    """What a reading's address has come to mean.

    kind: stays, renamed (its release stands at another address now), joined (the same, and the archive holds
    a release of that address already), redirected or replaced (another text than the one that is held), parted
    (what is held of the address was read at another, `elsewhere`, that only called itself by it: there it belongs,
    or goes on as what is held there by now), twin (another page of a held release, which reads otherwise: a print
    version, or the release has been edited meanwhile).
    """

    kind: str
    url: str  # the release's address
    original_url: str | None = None


def match_page(archive: Archive, release: Release, page: ParsedPage) -> PageMatch:
    """Where a reading belongs. Only an address that holds a release can have moved or been replaced."""
    own = archive.get_url(page.release_id) if page.release_id is not None else None
    held = archive.get(own) if own else None
    if own is None or held is None:
        free = may_use_canonical_url(archive, release, page.url)
        kind = "twin" if free and is_duplicate_page(archive, release, page) else "stays"
        return PageMatch(kind=kind, url=release.url if free else page.url)
    if release.url == own and is_duplicate_page(archive, release, page):
        return PageMatch(kind="twin", url=own)
    score = compute_text_similarity(held.state, to_state(release))
    redirected = page.response.url != page.url
    if release.url == page.url != own and not redirected and score < CERTAIN_SIMILARITY:
        return PageMatch(kind="stays", url=page.url)  # its release stands elsewhere, and the address is used anew
    if release.url == own == page.url and score < MIN_SAME_SIMILARITY:
        captured = archive.get_capture_url(held.capture)
        if captured and captured != own:
            return PageMatch(kind="parted", url=own, original_url=captured)
    if (
        release.url != own
        and may_use_canonical_url(archive, release, page.url)
        and (redirected or not is_known_alias(archive, release, page))
    ):
        if score >= MIN_SAME_SIMILARITY and may_be_same_release(archive, held, release.url, score):
            known = archive.find_release_id(release.url) is not None
            return PageMatch(kind="joined" if known else "renamed", url=release.url)
        if redirected:
            return PageMatch(kind="redirected", url=own)
    elif release.url != own and redirected:
        return PageMatch(kind="redirected", url=own)
    bare = held.cause == "import" and not held.state["body"]  # another collection kept no text to compare with
    if release.title != held.state["title"] and score < MAX_OTHER_SIMILARITY and not bare:
        return PageMatch(kind="replaced", url=own)
    return PageMatch(kind="stays", url=own)


def is_duplicate_page(archive: Archive, release: Release, page: ParsedPage) -> bool:
    """Whether a page calls itself by another's address, whose release stands there and reads otherwise.

    Not where it was led to that address: then it is that page.
    """
    key = archive.find_release_id(release.url)
    if key is None or release.url in (page.url, page.response.url):
        return False
    return archive.removals.is_current(key) and archive.is_new_or_changed(release)


def may_be_same_release(archive: Archive, stored: StoredRelease, url: str, score: float) -> bool:
    """Whether what stands at an address can be a held release: not where that is one that stood beside it before."""
    other = archive.find_release_id(url)
    if other is None or score >= CERTAIN_SIMILARITY:
        return True
    return archive.get_dates(other)[0] >= archive.get_last_checked(stored.release)


def is_known_alias(archive: Archive, release: Release, page: ParsedPage) -> bool:
    """Whether a page calls itself by an address that the same release was known by already: two may name each other."""
    row = archive.frontier.get(release.url)
    return row is not None and row.release == page.release_id


def may_use_canonical_url(archive: Archive, release: Release, page_url: str) -> bool:
    """Whether a page may go by the address it calls canonical: a template's slip can give many pages the same.

    Not where that address is a source, nor where another text goes by it already, be it of the same title: what
    comes out every week has another date.
    """
    if release.url == page_url:
        return True
    row = archive.frontier.get(release.url)
    if row and row.role != "release":
        return False
    held = archive.get(release.url)
    if held is None:
        return True
    alike = compute_text_similarity(held.state, to_state(release))
    if held.state["title"] == release.title:
        return alike >= (
            CERTAIN_SIMILARITY if have_different_dates(held.state, to_state(release)) else MIN_SAME_SIMILARITY
        )
    return alike >= CERTAIN_SIMILARITY and not archive.frontier.has_other_urls(release.url, page_url)


def have_different_dates(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether two states tell that they were published on different days."""
    days = [(state["published"] or "")[:DATE_LENGTH] for state in (before, after)]
    return all(len(day) == DATE_LENGTH for day in days) and days[0] != days[1]


def compute_text_similarity(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    """How alike two states' texts are, 0 to 1, by the runs of words they share."""
    return jaccard_similarity(*(build_state_shingles(state) for state in (before, after)))


def build_state_shingles(state: Mapping[str, Any]) -> frozenset[str]:
    """The runs of three words of title, lead and body; of a text shorter than that, its words."""
    words = split_text_words(join_text_fields(state["title"], state["lead"], state["body"]))
    return build_shingles(words, MATCH_SHINGLE_WORDS) or frozenset(words)


MIN_REPLACEMENT_LENGTH = 400  # characters of a text that may be taken for a release's new one


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """What came of a reading. reason: why it was put aside."""

    release: Release
    outcome: SaveResult
    reasons: tuple[QuarantineReason, ...] = ()


class Ingest:
    """Saves readings and settles their addresses in the frontier, both or neither."""

    def __init__(self, archive: Archive, recorder: CrawlRecorder, agencies: Mapping[str, Agency]) -> None:
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
    ) -> IngestResult:
        """Keep one reading; PageError where a field cannot be read.

        suspicion: what may put it aside (in that crawl); None: it is taken in as it is. capture: the note of its
        answer, where there is one already. anew: the site is known to be built otherwise than when it was read last.
        """
        response = page.response
        release = to_release(page.item)
        match = match_page(self.archive, release, page)
        if match.kind in ("redirected", "replaced") and self.record_replacement(release, match, page):
            return IngestResult(release=release, outcome=SaveResult.MISSING)
        release = replace(release, url=match.url)
        if match.kind == "twin":
            self.record_duplicate_url(release, page)
            return IngestResult(release=release, outcome=SaveResult.UNCHANGED)
        changed = match.kind in ("renamed", "parted") or self.archive.is_new_or_changed(release)
        if changed and check and (reasons := check.find_reasons(release, page)):
            if capture_id is None:  # else it is aside already
                self.quarantine_page(release, page, reasons, crawl_id)
            return IngestResult(release=release, outcome=SaveResult.QUARANTINED, reasons=tuple(reasons))
        sha256 = self.recorder.store_body(response) if changed else None  # before anything points to them
        if not changed and (stored := self.archive.get(release.url)):
            self.recorder.store_redesigned_page(stored, response)
        with self.archive.transaction():
            if match.kind == "renamed" and page.release_id is not None:
                self.archive.removals.mark_moved(
                    page.release_id, response.fetched_at, match.url, status=response.status
                )
            elif match.kind == "parted" and page.release_id is not None and match.original_url:
                self.restore_original_url(page.release_id, match.original_url, response)
            redesigned = redesigned or (check is not None and check.predates_accepted_loss(page.release_id))
            outcome = self.store_state(release, match, page, sha256, capture_id, redesigned=redesigned)
            self.update_frontier(release, match, page, changed=outcome is not SaveResult.UNCHANGED)
        return IngestResult(release=release, outcome=outcome)

    def quarantine_page(
        self, release: Release, page: ParsedPage, reasons: list[QuarantineReason], crawl_id: int | None
    ) -> None:
        """Keep a reading beside what is held, and its address settled; a row for each that reads otherwise."""
        archive, response = self.archive, page.response
        state: Mapping[str, Any] = to_state(release)
        if page.release_id is not None:
            state = archive.takedowns.redact_for_display(page.release_id, state)[0]
        known = self.quarantine.contains(page.url, state)
        sha256 = None if known else self.recorder.store_body(response)
        with archive.transaction():
            if sha256:
                self.quarantine.add(
                    agency=release.agency,
                    crawl_id=crawl_id,
                    url=page.url,
                    release_id=page.release_id,
                    seen_at=response.fetched_at,
                    state=state,
                    capture_id=self.recorder.record_capture(response, sha256),
                    reasons=reasons,
                )
            if page.release_id is None:
                archive.frontier.mark_quarantined(
                    page.url, response.fetched_at, f"{page.url}: kept aside: {describe_reasons(reasons)}"
                )
            else:  # under the validators of what is held: what stands there now is not
                archive.frontier.mark_stored(page.url, page.release_id, response.fetched_at)
                archive.set_next_check(page.release_id, self.recorder.next_check(page.release_id, response.fetched_at))

    def record_duplicate_url(self, release: Release, page: ParsedPage) -> None:
        """An address leads to a held release, but reads otherwise: the release's own address is to be looked at."""
        key = self.archive.find_release_id(release.url)
        assert key is not None  # noqa: S101 - found to be held just now
        with self.archive.transaction():
            self.archive.frontier.mark_stored(page.url, key, page.response.fetched_at)
            self.archive.set_next_check(key, page.response.fetched_at)

    def restore_original_url(self, release_id: int, url: str, response: FetchedPage) -> None:
        """A release leaves another page's address for the one it was read at, or goes on as what is held there."""
        known = self.archive.find_release_id(url)
        if known is None:
            self.archive.change_url(release_id, url, response.fetched_at)
        else:
            self.archive.removals.give_up_url(release_id, url)
            self.recorder.record_merge(release_id, known, url, response)

    def record_replacement(self, release: Release, match: PageMatch, page: ParsedPage) -> bool:
        """Another text stands at a held release's address. False where that is the release's new text by now."""
        assert page.release_id is not None  # noqa: S101 - only a held release can be away
        target = page.response.url if match.kind == "redirected" else release.title
        told = release.published or release.updated or release.kind
        credible = bool(told) and len(release.lead or "") + len(release.body) >= MIN_REPLACEMENT_LENGTH
        return self.recorder.record_missing(
            page.url, page.release_id, page.response, match.kind, target, credible=credible
        )

    def store_state(
        self,
        release: Release,
        match: PageMatch,
        page: ParsedPage,
        sha256: str | None,
        capture_id: int | None,
        *,
        redesigned: bool,
    ) -> SaveResult:
        """A first state, a new one with the reason it differs, or nothing but the outcome."""
        archive, response, reader, cause = self.archive, page.response, page.item.reader, "source"
        if sha256 is None or not archive.is_new_or_changed(release):
            return SaveResult.UNCHANGED
        stored = archive.get(release.url)
        follows = archive.get_latest(page.release_id) if stored and match.kind == "joined" and page.release_id else None
        if stored and follows is None and stored.reader != reader:
            again, _ = reparse_stored(stored, self.recorder.captures, release.url, self.agencies[release.agency])
            if again is None:
                cause = "parser"  # by other rules, and what they would make of today's bytes cannot be told
            elif archive.is_new_or_changed(again):  # what differs from today's rules' reading is the agency's doing
                archive.save(
                    again, seen_at=response.fetched_at, cause="parser", capture_id=stored.capture, reader=reader
                )
                if not archive.is_new_or_changed(release):
                    return SaveResult.REPARSED
                stored = archive.get(release.url) or stored
        before = follows or stored
        if before and before.cause == "import":
            cause = "parser"  # another collection's copy may differ by its own doing: what we read first is no edit
        elif before and cause == "source":
            cause = self.find_cause(before, release, match, page, redesigned=redesigned)
        if capture_id is None:
            capture_id = self.recorder.record_capture(response, sha256)
        return archive.save(
            release, seen_at=response.fetched_at, cause=cause, capture_id=capture_id, reader=reader, previous=follows
        )

    def find_cause(
        self, before: StoredRelease, release: Release, match: PageMatch, page: ParsedPage, *, redesigned: bool
    ) -> str:
        """Why a state differs from the one before it."""
        state = to_state(release)
        if match.kind in ("renamed", "joined"):
            state = rewrite_host(state, release.url, page.url)
            if hash_state(state) == before.hash:
                return "first" if match.kind == "joined" else "parser"  # only its address is another
        old, new = self.recorder.read_newest_body(before), page.response.body
        moved = match.kind in ("renamed", "joined")
        return find_change_cause(before.state, state, old, new, release.url, redesigned=redesigned, url_changed=moved)

    def update_frontier(self, release: Release, match: PageMatch, page: ParsedPage, *, changed: bool) -> None:
        """The frontier's rows of a kept reading, its next check, and the joining of what moved."""
        archive, response = self.archive, page.response
        key = archive.find_release_id(release.url)
        assert key is not None  # noqa: S101 - saved a line above
        if match.kind == "joined" and page.release_id is not None:
            self.recorder.record_merge(page.release_id, key, release.url, response)
        if release.url != page.url:  # a twin: the canonical address is settled by the same reading
            archive.frontier.add(release.url, agency=release.agency, role="release", seen_at=response.fetched_at)
            archive.frontier.mark_stored(release.url, key, response.fetched_at)
        told = {"etag": response.headers.get("etag"), "last_modified": response.headers.get("last-modified")}
        archive.frontier.mark_read(page.url, key, response.fetched_at, **told)
        self.recorder.record_current(key, response.fetched_at, changed=changed)


def rewrite_host(state: dict[str, Any], from_url: str, to_url: str) -> dict[str, Any]:
    """A state as it would read if the addresses of its own host were those of another address's host."""
    new, old = (urlunsplit((*urlsplit(address)[:2], "", "", "")) for address in (from_url, to_url))
    text: dict[str, Any] = json.loads(json.dumps(state).replace(new, old))
    return text


INTERVAL_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}
SCHEDULE_RULE = re.compile(r"(?:<(\d+)([hd])|else)=(\d+)([hd])")


@dataclass(frozen=True, slots=True)
class RevisitSchedule:
    """Ages and the time between two checks up to each; `rest` is for all that is older."""

    age_intervals: tuple[tuple[timedelta, timedelta], ...]
    default_interval: timedelta

    def next_check(self, seen_at: datetime, first_seen: str, *stated_dates: str | None) -> datetime:
        """When a release looked at `seen` is due again: by the latest date it tells, else by when it was found."""
        dates = [moment for moment in map(parse_archive_time, filter(None, stated_dates)) if moment <= seen_at]
        age = seen_at - (max(dates) if dates else parse_archive_time(first_seen))
        return seen_at + next((wait for up_to, wait in self.age_intervals if age < up_to), self.default_interval)


def parse_archive_time(text: str) -> datetime:
    """A time as the archive writes it; a day or a month counts from its beginning, in UTC."""
    value = datetime.fromisoformat(text if len(text) > 7 else f"{text}-01")
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def parse_schedule(text: str) -> RevisitSchedule:
    """The setting REVISIT_AGES; AgencyError where it cannot be read.

    >>> parse_schedule("<2d=1h, <14d=1d, else=30d").default_interval
    datetime.timedelta(days=30)
    """
    steps, rest = [], None
    for rule in text.split(","):
        match = SCHEDULE_RULE.fullmatch("".join(rule.split()))
        if not match or not int(match[3]):
            raise AgencyError("settings", None, "REVISIT_AGES", f"{rule.strip()!r} is no rule like <14d=1d or else=30d")
        wait = int(match[3]) * INTERVAL_UNITS[match[4]]
        if match[1]:
            steps.append((int(match[1]) * INTERVAL_UNITS[match[2]], wait))
        else:
            rest = wait
    if rest is None:
        raise AgencyError("settings", None, "REVISIT_AGES", "ends without a rule else=…")
    return RevisitSchedule(tuple(sorted(steps)), rest)


logger = logging.getLogger(__name__)


def review_quarantine(ingest: Ingest, agency: str) -> tuple[list[FieldLoss], Counter[SaveResult]]:
    """Judge what an agency's crawls kept aside: what is no collapse is taken in as the releases and edits it is.

    Gives what collapsed, and what came of each of those that are not aside any more.
    """
    archive, aside = ingest.archive, ingest.quarantine
    waiting = resolve_superseded(ingest, aside.list_pending(agency))
    if all(kept.decision for kept in waiting):
        return [], Counter()
    collapses = find_field_losses(archive.db, agency, now())
    outcomes: Counter[SaveResult] = Counter()
    for kept, collapsed in split_by_field_loss(waiting, collapses):
        if collapsed:
            with archive.transaction():
                aside.confirm(kept.id)
        else:
            outcomes[accept_quarantined(ingest, kept, "genuine")] += 1
    return collapses, outcomes


def resolve_superseded(ingest: Ingest, quarantined: Iterable[QuarantinedPage]) -> list[QuarantinedPage]:
    """What still waits: what was read whole, or found as held, since it was kept aside does not."""
    left = []
    for kept in quarantined:
        if ingest.quarantine.is_superseded(kept):
            with ingest.archive.transaction():
                ingest.quarantine.decide(kept.id, "superseded", now())
        else:
            left.append(kept)
    return left


def accept_quarantined(
    ingest: Ingest, quarantined: QuarantinedPage, decision: str, check: QuarantineCheck | None = None
) -> SaveResult:
    """Take in one reading.

    Outcome.HELD_BACK where it stays aside: its page cannot be read any more, or is `suspicion`'s again.
    """
    page = reparse_quarantined(ingest, quarantined)
    if page is None:
        return SaveResult.QUARANTINED
    with ingest.archive.transaction():  # the release and the row that waited: both or neither
        try:
            done = ingest.save(page, check, capture_id=quarantined.capture, redesigned=quarantined.decision == "aside")
        except PageError as error:
            logger.warning("%s", error)
            return SaveResult.QUARANTINED
        if done.outcome is not SaveResult.QUARANTINED:
            ingest.quarantine.decide(quarantined.id, decision, now())
            accept_source_counts(ingest, quarantined, by_hand=decision == "taken")
    return done.outcome


def reparse_quarantined(ingest: Ingest, quarantined: QuarantinedPage) -> ParsedPage | None:
    """The reading as today's rules give it from the bytes; None where they cannot."""
    agency, captures = ingest.agencies[quarantined.agency], ingest.recorder.captures
    row = ingest.quarantine.get_capture(quarantined)
    if row is None:
        logger.warning("%s: is kept aside without the bytes it was read from", quarantined.url)
        return None
    try:
        body = captures.read(row.sha256)
        item = read_page(body, row.url, agency)
    except (PageError, ArchiveError) as error:
        logger.warning("%s: stays aside: %s", quarantined.url, error)
        return None
    response = FetchedPage(url=row.url, fetched_at=row.seen, status=row.status, headers=row.headers, body=body)
    known = ingest.archive.frontier.get(quarantined.url)
    return ParsedPage(
        item=item, url=quarantined.url, release_id=known.release if known else quarantined.release, response=response
    )


def accept_source_counts(ingest: Ingest, quarantined: QuarantinedPage, *, by_hand: bool) -> None:
    """A source whose release somebody takes in lists as many as it does rightly; else, one that was begun anew."""
    for reason in quarantined.reason:
        if "source" in reason and (
            by_hand or is_restarted_list(ingest.archive.db, reason_key(reason), quarantined.url)
        ):
            accept_link_count(ingest.archive.db, reason_key(reason))


def drop_quarantined(ingest: Ingest, quarantined: QuarantinedPage) -> None:
    """Leave out one reading for good; the row and its bytes stay."""
    with ingest.archive.transaction():
        ingest.quarantine.decide(quarantined.id, "dropped", now())


def accept_repaired(ingest: Ingest, agency: str) -> Counter[SaveResult]:
    """Take in what today's rules read whole of an agency's; gives what came of each."""
    check = QuarantineCheck(ingest.archive, ingest.recorder, agency)
    outcomes: Counter[SaveResult] = Counter()
    for kept in resolve_superseded(ingest, ingest.quarantine.list_pending(agency)):
        outcomes[accept_quarantined(ingest, kept, "reparsed", check)] += 1
    return outcomes


MIN_RECHECK_DELAY = timedelta(
    hours=1
)  # before a held release that was not answered is asked for again; doubled each time
MAX_RECHECK_DELAY = timedelta(days=1)
MIN_MOVED_SIMILARITY = 0.9  # how alike a text must be to be the one that vanished


class CrawlRecorder:
    """The archive and the bytes beside it, as the spiders and the pipeline use them."""

    def __init__(self, archive: Archive, schedule: RevisitSchedule) -> None:
        self.archive, self.schedule = archive, schedule
        self.captures = Captures(Path(archive.path))

    def close(self) -> None:
        """Close captures.db; the archive is closed by whoever opened it."""
        self.captures.close()

    def store_body(self, response: FetchedPage) -> str:
        """Put an answer's bytes into captures.db, before archive.db points to them; gives their SHA-256."""
        return self.captures.store_body(response.body, urlsplit(response.url).netloc)

    def record_capture(self, response: FetchedPage, sha256: str) -> int:
        """Note an answer whose bytes are kept; gives its id."""
        return self.archive.add_capture(
            Capture(
                url=response.url,
                seen=response.fetched_at,
                status=response.status,
                headers=select_evidence_headers(response.headers),
                sha256=sha256,
                bytes=len(response.body),
            )
        )

    def record_current(self, release_id: int, seen_at: datetime, *, changed: bool = False) -> None:
        """The release stands at its address, as held or newly read; when it is due again goes by its age."""
        self.archive.removals.mark_present(release_id, seen_at)
        if changed:
            self.archive.set_next_check(release_id, self.next_check(release_id, seen_at))
        else:
            self.record_unchanged(release_id, seen_at)

    def record_unchanged(self, release_id: int, seen_at: datetime) -> None:
        """The release, which was not in doubt, stands as held: a statement of its own."""
        self.archive.mark_checked(release_id, seen_at, self.next_check(release_id, seen_at))

    def next_check(self, release_id: int, seen_at: datetime) -> datetime:
        """When a release is to be looked at again."""
        return self.schedule.next_check(seen_at, *self.archive.get_dates(release_id))

    def record_missing(
        self,
        url: str,
        release_id: int,
        response: FetchedPage,
        kind: str,
        target: str | None = None,
        *,
        credible: bool = False,
    ) -> bool:
        """Something else stands at a held release's address (a kind of removal): noted, with its capture.

        False where an altogether other text (`replaced`), one that is credible as a release, has stood there so
        long, and there alone, that it is the release's new text. A text that vanished and stands at another of
        the agency's addresses has moved.
        """
        archive, seen = self.archive, response.fetched_at
        sha256 = None if archive.removals.is_missing(release_id) else self.store_body(response)
        with archive.transaction():
            confirmed = archive.removals.mark_missing(
                release_id,
                seen,
                kind,
                status=response.status,
                target=target,
                capture_id=self.record_capture(response, sha256) if sha256 else None,
            )
            alone = credible and not archive.removals.is_replacement_shared(release_id, target)
            if confirmed and kind == "replaced" and alone:
                archive.removals.discard(release_id)
                return False
            archive.frontier.mark_gone(url, seen, f"{url}: {kind}" + (f": {target}" if target else ""))
            lost = confirmed and kind in ("gone", "error page")
            if lost and (elsewhere := find_moved_copy(archive, release_id, min_similarity=MIN_MOVED_SIMILARITY)):
                self.record_merge(release_id, *elsewhere, response)
        return True

    def record_merge(self, release_id: int, target_id: int, url: str, response: FetchedPage) -> None:
        """A release was found to stand at `url` as another that is held; what differs may be the design's doing."""
        cause, ends = "source", find_adjoining_states(self.archive, release_id, target_id)
        if ends and (new := read_stored_body(self.captures, ends[1].sha256)):
            before, after = ends
            cause = find_change_cause(
                before.state, after.state, self.read_newest_body(before), new, url, url_changed=True
            )
        merge_releases(
            self.archive, release_id, target_id, response.fetched_at, url, cause=cause, status=response.status
        )

    def read_newest_body(self, stored: StoredRelease) -> bytes | None:
        """The newest bytes kept of a held release's page; None where none are, or where they are damaged."""
        return read_stored_body(self.captures, stored.newest or stored.sha256)

    def store_redesigned_page(self, stored: StoredRelease, response: FetchedPage) -> None:
        """A release stands unchanged: keep the answer all the same where the page's design is new."""
        old = self.read_newest_body(stored)
        if old is not None and is_redesign(old, response.body, response.url):
            sha256 = self.store_body(response)
            with self.archive.transaction():
                self.archive.set_capture(stored.release, self.record_capture(response, sha256))

    def record_failure(
        self, url: str, release_id: int | None, seen_at: datetime, problem: str, *, rejected: bool
    ) -> None:
        """An address did not answer, or with what is neither a release nor a removal. A held release is not
        touched, but asked for again before long."""
        with self.archive.transaction():
            settle = self.archive.frontier.mark_rejected if rejected else self.archive.frontier.mark_failed
            settle(url, seen_at, problem)
            if release_id is not None:
                row = self.archive.frontier.get(url)
                wait = min(MIN_RECHECK_DELAY * 2 ** min(row.tries if row else 0, 10), MAX_RECHECK_DELAY)
                self.archive.set_next_check(release_id, seen_at + wait)
