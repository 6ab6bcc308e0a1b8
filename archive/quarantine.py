"""The quarantine: pages that were read but may have been misread, and the statistics that decide about them.

A row is written in the transaction that updates the page's frontier entry; the bytes were stored before. `decided` is
null while the row is pending. `decision` is what came of it:

    null        not judged yet: the crawl is running or was killed, and the agency's next crawl judges it
    confirmed   many of the agency's pages lost the same field; pending until a person or a corrected rule accepts it
    genuine     the agency's own doing, and stored
    accepted    stored by hand (scrapy quarantine --accept): the field may be missing until it is usual again
    reparsed    read completely by corrected rules, and stored (scrapy reparse)
    superseded  the page has since been read completely, or found as stored
    dropped     dropped by hand (scrapy quarantine --drop)

Two statistics follow: which fields an agency's releases usually have (by its newest ones, before a crawl), and whether
many pages lost the same field at once, which means that a rule no longer fits, or only some, which are then as the
agency wrote them.

No function commits: wrap calls in `Archive.transaction`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from archive.dates import to_iso
from archive.models import Capture, hash_state

QuarantineReason = dict[str, Any]  # field or source, problem and figures: see scraper.quarantine
QUARANTINE_COLUMNS = "id, agency, crawl, url, release, seen, state, capture, reason, decision"

# Field habits: what an agency's releases usually have
HABIT_FIELDS = ("lead", "published", "updated", "tags", "questions", "contacts")  # fields that may be missing
UNIQUE_FIELDS = ("title", "lead", "body")  # usually different in each release
MEASURED_FIELDS = ("lead", "body")
MAX_HABIT_RELEASES = 200
MIN_RELEASES = 20  # fewer do not make a habit
MIN_USUAL_SHARE = 0.9  # share of releases that must have a field
SHORT_QUANTILE = 0.05  # share of texts that may be shorter than the short length
MAX_SHORT_RATIO = 0.5  # of the short length
HABITS_SQL = """
    select r.title, r.lead, r.body, r.published, r.updated, r.language, r.kind, r.first_seen,
      exists (select 1 from release_tags where release = r.id) as tags,
      exists (select 1 from questions where release = r.id) as questions,
      exists (select 1 from contacts where release = r.id) as contacts, l.sort_date
    from release_facets l join releases r on r.id = l.release join revisions v on v.id = r.revision
    where l.agency = ? and v.cause <> 'import' order by l.sort_date desc limit ?
"""
BACKFILL_SQL = """
    select :day < :oldest or (:day is null and exists (select 1 from pagination_cursors where agency = :agency))
      or not exists (select 1 from crawls where agency = :agency and spider = 'news' and reason = 'finished'
        and finished < (select first_seen from frontier where url = :url))
"""

# Field loss: many pages that lost the same field
MIN_LOSS_PAGES = 3
MIN_LOSS_SHARE = 0.5  # of the pages read: new releases, or stored ones that changed
LOOK_BACK_PERIOD = timedelta(days=30)  # for single pages that were judged genuine


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedPage:
    """A row of the quarantine table."""

    id: int
    agency: str
    crawl_id: int | None
    url: str  # of the page, as in the frontier
    release_id: int | None  # that was stored under the URL when the page was read
    seen_at: str
    state: dict[str, Any]
    capture_id: int | None
    reasons: list[QuarantineReason]
    decision: str | None

    @property
    def reason_keys(self) -> set[str]:
        """Return the fields (or the source) that the reasons are about."""
        return set(map(reason_key, self.reasons))


class Quarantine:
    """The quarantine table."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def add(
        self,
        *,
        agency: str,
        crawl_id: int | None,
        url: str,
        release_id: int | None,
        seen_at: datetime,
        state: Mapping[str, Any],
        capture_id: int,
        reasons: Sequence[QuarantineReason],
    ) -> None:
        """Insert a page as read; its capture must be stored already."""
        self.db.execute(
            "insert into quarantine (agency, crawl, url, release, seen, state, capture, reason)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                agency,
                crawl_id,
                url,
                release_id,
                to_iso(seen_at),
                to_canonical_json(state),
                capture_id,
                to_canonical_json(reasons),
            ],
        )

    def contains(self, url: str, state: Mapping[str, Any]) -> bool:
        """Return whether the same state of a page is pending or was dropped."""
        rows = self.db.execute(
            "select state from quarantine where url = ? and (decided is null or decision = 'dropped')", [url]
        )
        digest = hash_state(state)
        return any(hash_state(json.loads(stored_state)) == digest for (stored_state,) in rows)

    def list_pending(self, agency: str) -> list[QuarantinedPage]:
        """Return an agency's pending pages in the order they were read."""
        rows = self.db.execute(
            f"select {QUARANTINE_COLUMNS} from quarantine where agency = ? and decided is null order by seen, id",
            [agency],
        ).fetchall()
        return [to_quarantined_page(row) for row in rows]

    def list_agencies(self) -> list[str]:
        """Return the slugs of agencies with pending pages."""
        return [slug for (slug,) in self.db.execute("select distinct agency from quarantine where decided is null")]

    def confirm(self, page_id: int) -> None:
        """Confirm a page as misread: it stays pending until a person or a corrected rule accepts it."""
        self.db.execute("update quarantine set decision = 'confirmed' where id = ?", [page_id])

    def decide(self, page_id: int, decision: str, decided_at: datetime) -> None:
        """Store the final decision about a page."""
        self.db.execute(
            "update quarantine set decision = ?, decided = ? where id = ?", [decision, to_iso(decided_at), page_id]
        )

    def is_superseded(self, page: QuarantinedPage) -> bool:
        """Return whether the page was read completely, or found as stored, after it was quarantined."""
        row = self.db.execute(
            "select r.last_checked from releases r where r.id = coalesce("
            " (select release from frontier where url = :url), (select id from releases where url = :url))",
            {"url": page.url},
        ).fetchone()
        return bool(row and row[0] > page.seen_at)

    def redact_states(self, release_id: int, redact: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """Apply `redact` to the states of a release's rows; the captured bytes keep the rest."""
        rows = self.db.execute(
            "select id, state from quarantine where release = :release or url in (select url from frontier"
            " where release = :release union select url from releases where id = :release)",
            {"release": release_id},
        ).fetchall()
        for key, state in rows:
            self.db.execute(
                "update quarantine set state = ? where id = ?", [to_canonical_json(redact(json.loads(state))), key]
            )

    def get_capture(self, page: QuarantinedPage) -> Capture | None:
        """Return the capture that the page was read from, or None."""
        row = self.db.execute(
            "select url, seen, status, headers, sha256, bytes from captures where id = ?", [page.capture_id]
        ).fetchone()
        if row is None:
            return None
        url, seen, status, headers, sha256, size = row
        return Capture(
            url=url,
            seen=datetime.fromisoformat(seen),
            status=status,
            headers=json.loads(headers),
            sha256=sha256,
            bytes=size,
        )

    def read_accepted_losses(self, agency: str) -> dict[str, str]:
        """Return the fields that an agency's releases may lack, as accepted by hand, with since when."""
        rows = self.db.execute(
            "select reason, decided from quarantine where agency = ? and decision = 'accepted' order by decided",
            [agency],
        )
        return {reason_key(reason): decided for reasons, decided in rows for reason in json.loads(reasons)}


def reason_key(reason: QuarantineReason) -> str:
    """Return what a reason is about: a field, or the source that lists too few releases."""
    return str(reason.get("source") or reason["field"])


def to_quarantined_page(row: Sequence[Any]) -> QuarantinedPage:
    page_id, agency, crawl_id, url, release_id, seen_at, state, capture_id, reasons, decision = row
    return QuarantinedPage(
        id=page_id,
        agency=agency,
        crawl_id=crawl_id,
        url=url,
        release_id=release_id,
        seen_at=seen_at,
        state=json.loads(state),
        capture_id=capture_id,
        reasons=json.loads(reasons),
        decision=decision,
    )


def to_canonical_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


@dataclass(slots=True)
class GroupHabits:
    """How often the fields of a group of releases are present, and how long their leads and texts are.

    lengths_before: of releases that were read before a loss of the lead or the body was accepted.
    """

    present_counts: Counter[str] = field(default_factory=Counter)
    total_counts: Counter[str] = field(default_factory=Counter)
    lengths: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in MEASURED_FIELDS})
    lengths_before: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in MEASURED_FIELDS})

    def usual_share(self, name: str) -> float | None:
        """Return the share of releases that have a field, or None if that is too few to be usual."""
        share = self.present_counts[name] / max(1, self.total_counts[name])
        return share if self.total_counts[name] >= MIN_RELEASES and share >= MIN_USUAL_SHARE else None

    def short_length(self, name: str) -> int:
        """Return the length in characters that hardly any lead or text is below; 0 if there are too few."""
        return find_short_length(self.lengths[name])

    def is_usual_again(self, name: str) -> bool:
        """Return whether a field is usual, and about as long as before its loss was accepted."""
        is_long_enough = name not in MEASURED_FIELDS or self.short_length(name) >= MAX_SHORT_RATIO * find_short_length(
            self.lengths_before[name]
        )
        return self.usual_share(name) is not None and is_long_enough


@dataclass(slots=True)
class FieldHabits:
    """An agency's habits: of all its releases, of each language, and of each language and kind."""

    groups: dict[tuple[str | None, ...], GroupHabits] = field(default_factory=lambda: defaultdict(GroupHabits))
    known_values: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in UNIQUE_FIELDS})
    oldest: str = ""  # date of the oldest release considered
    unique_fields: set[str] = field(default_factory=set)  # those of UNIQUE_FIELDS that differ from release to release

    def group_for(self, language: str | None, kind: str | None, name: str) -> GroupHabits:
        """Return the habits of the smallest group with enough releases to judge a field."""
        for group in ((language, kind), (language,)):
            if self.groups[group].total_counts[name] >= MIN_RELEASES:
                return self.groups[group]
        return self.groups[()]


def read_field_habits(db: Database, agency: str, accepted: Mapping[str, str]) -> FieldHabits:
    """Return an agency's habits by its newest releases.

    accepted: the fields whose loss was accepted, with since when; for those, only later releases count.
    """
    habits = FieldHabits()
    values_by_field: dict[str, list[str]] = {name: [] for name in UNIQUE_FIELDS}
    cursor = db.execute(HABITS_SQL, [agency, MAX_HABIT_RELEASES])
    names = [column[0] for column in cursor.description]
    for values in cursor:
        row = dict(zip(names, values, strict=True))
        for group in ((), (row["language"],), (row["language"], row["kind"])):
            add_to_habits(habits.groups[group], row, accepted)
        # sort_date is "" for a release without any date
        habits.oldest = min(habits.oldest or row["sort_date"], row["sort_date"] or habits.oldest)
        for name in filter(row.get, UNIQUE_FIELDS):
            habits.known_values[name].add(row[name])
            if row["first_seen"] > accepted.get(name, ""):
                values_by_field[name].append(row[name])
    habits.unique_fields = {
        name
        for name in UNIQUE_FIELDS
        if len(values_by_field[name]) >= MIN_RELEASES and has_unique_values(values_by_field[name])
    }
    return habits


def add_to_habits(group: GroupHabits, row: Mapping[str, Any], accepted: Mapping[str, str]) -> None:
    late = {name for name in (*HABIT_FIELDS, "body") if row["first_seen"] > accepted.get(name, "")}
    for name in late:
        group.total_counts[name] += 1
        group.present_counts[name] += bool(row[name])
    for name, length in measure_lengths(row).items():
        (group.lengths if name in late else group.lengths_before)[name].append(length)


def has_unique_values(values: Sequence[str]) -> bool:
    """Return whether nearly every release has its own value."""
    return len(set(values)) >= MIN_USUAL_SHARE * len(values)


def find_short_length(lengths: Sequence[int]) -> int:
    """Return the length that hardly any is below, or 0 if there are too few.

    >>> find_short_length(list(range(100, 140))), find_short_length([100])
    (102, 0)
    """
    return sorted(lengths)[int(SHORT_QUANTILE * len(lengths))] if len(lengths) >= MIN_RELEASES else 0


def measure_lengths(state: Mapping[str, Any]) -> dict[str, int]:
    """Return the length of a release's lead, if it has one, and of its lead and body together.

    >>> measure_lengths({"lead": "Kort.", "body": "Längre än så."}), measure_lengths({"lead": None, "body": ""})
    ({'lead': 5, 'body': 18}, {'body': 0})
    """
    lead = len(state["lead"] or "")
    return {**({"lead": lead} if lead else {}), "body": lead + len(state["body"])}


def is_backfill(db: Database, agency: str, url: str, day: str | None, oldest: str) -> bool:
    """Return whether a new release is an old one, which may have been built with another template.

    It is, if its date (`day`) is before all releases that the habits were drawn from, or if it was found before a news
    crawl of the agency had ever finished.
    """
    values = {"agency": agency, "url": url, "day": day, "oldest": oldest}
    return bool(db.execute(BACKFILL_SQL, values).fetchone()[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLoss:
    """A field that many pages lack, or a source that lists too few releases."""

    reason_key: str
    is_stored: bool  # of stored releases, else of new ones
    page_count: int
    total: int  # pages, with and without the field


def find_field_losses(db: Database, agency: str, now: datetime) -> list[FieldLoss]:
    """Return what many of an agency's latest pages lack.

    Judged field by field, separately for new and for stored releases, over the pages since the first that is not judged
    yet; if those are too few, since the third newest that lacks the field. So the loss also shows if each crawl brings
    only a single release.
    """
    pages = list_recent_pages(db, agency, now)
    losses = []
    for is_stored in (False, True):
        group = [page for page in pages if (page.release_id is not None) == is_stored]
        for key in sorted({key for page in group if page.decision is None for key in page.reason_keys}):
            lacking = [page for page in group if key in page.reason_keys]
            since = find_loss_start(lacking)
            if since is None:
                continue
            lacking_count = sum(page.seen_at >= since for page in lacking)
            pending_count = sum(page.decision != "genuine" and page.seen_at >= since for page in group)
            # genuine pages are among the stored ones by now
            total = max(lacking_count, pending_count + count_stored_since(db, agency, since, is_stored=is_stored))
            if lacking_count >= MIN_LOSS_SHARE * total:
                losses.append(FieldLoss(reason_key=key, is_stored=is_stored, page_count=lacking_count, total=total))
    return losses


def list_recent_pages(db: Database, agency: str, now: datetime) -> list[QuarantinedPage]:
    """Return pending pages, and those recently judged genuine, in the order they were read."""
    rows = db.execute(
        f"select {QUARANTINE_COLUMNS} from quarantine"
        " where agency = :agency and (decided is null or (decision = 'genuine' and seen >= :since)) order by seen, id",
        {"agency": agency, "since": to_iso(now - LOOK_BACK_PERIOD)},
    ).fetchall()
    return [to_quarantined_page(row) for row in rows]


def find_loss_start(pages: list[QuarantinedPage]) -> str | None:
    """Return the time of the first undecided page, else of the third newest; None if there are fewer."""
    undecided = [page.seen_at for page in pages if page.decision is None]
    if len(undecided) >= MIN_LOSS_PAGES:
        return undecided[0]
    return pages[-MIN_LOSS_PAGES].seen_at if len(pages) >= MIN_LOSS_PAGES else None


def count_stored_since(db: Database, agency: str, since: str, *, is_stored: bool) -> int:
    """Count releases of an agency that were stored since a time: new ones, or new states of stored ones."""
    new = "select count(*) from releases where agency = :agency and first_seen >= :since"
    revised = (
        "select count(*) from revisions v join releases r on r.id = v.release where r.agency = :agency"
        " and v.cause in ('source', 'parser') and v.seen >= :since and v.previous is not null"
    )
    values = {"agency": agency, "since": since}
    return int(db.execute(revised if is_stored else new, values).fetchone()[0])


def split_by_field_loss(
    pending: Sequence[QuarantinedPage], losses: Sequence[FieldLoss]
) -> Iterator[tuple[QuarantinedPage, bool]]:
    """Yield each page that is not judged yet, and whether it lacks a field that many lost."""
    lost_keys = {loss.reason_key for loss in losses}
    for page in pending:
        if page.decision is None:
            yield page, bool(lost_keys & page.reason_keys)
