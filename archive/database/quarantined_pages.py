"""The quarantine: pages that may have been misread, and statistics for deciding about them.

A row is written in the transaction that updates the page's frontier entry. The page's bytes are
stored before that. `decided` is null while the row is pending. `decision` is the outcome:

    null        not decided yet: the crawl is still running, or it was killed and the agency's next
                crawl decides
    confirmed   many of the agency's pages lost the same field, or the page itself shows that it was
                misread (PAGE_REASONS); still pending until a person accepts it or a corrected rule
                reads it
    genuine     the agency really changed the page; stored
    accepted    stored by hand (scrapy quarantine --accept); further pages may lack the field until
                most releases contain it again
    reparsed    read completely by corrected rules, and stored (scrapy reparse)
    superseded  the page has since been read completely, or found equal to the stored release
    dropped     dropped by hand (scrapy quarantine --drop)

There are two statistics. Field habits are the fields that an agency's newest releases usually have;
they are computed before a crawl. Field losses are fields that many pages lack at once. If many
pages lost a field, a parsing rule probably no longer fits. If only a few did, the agency probably
published these pages without the field.

No function commits: wrap calls in `Archive.transaction`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from archive.database.models import FILE_PARSER, Capture, hash_state
from archive.times import to_iso

# field or source, problem and figures: see scraper.ingest.misreadings
QuarantineReason = dict[str, Any]
# Problems that are visible on a single page, which is then never stored, whatever other pages look
# like (see scraper.ingest.misreadings).
PAGE_REASONS = ("future", "after update", "boilerplate", "doubtful")

# Field habits: the fields that an agency's releases usually have
# fields that a release may lack
HABIT_FIELDS = ("lead", "published", "updated", "tags", "questions", "contacts")
UNIQUE_FIELDS = ("title", "lead", "body")  # fields that usually differ from release to release
MEASURED_FIELDS = ("lead", "body")
MAX_HABIT_RELEASES = 200
MIN_RELEASES = 20  # releases; with fewer, there is no habit
MIN_USUAL_SHARE = 0.9  # share of releases that must have a field
SHORT_QUANTILE = 0.05  # share of texts that may be shorter than the "short length"
MAX_SHORT_RATIO = 0.5  # a text is suspicious below this share of the short length
MIN_LINE_PAGES = 5  # a line that so many other releases contain counts as repeated
HABITS_SQL = f"""
    select r.url, r.title, r.lead, r.body, r.published, r.updated, r.language, r.kind, r.first_seen,
      exists (select 1 from release_tags where release = r.id) as tags,
      exists (select 1 from questions where release = r.id) as questions,
      exists (select 1 from contacts where release = r.id) as contacts, l.sort_date
    from release_facets l join releases r on r.id = l.release join revisions v on v.id = r.revision
    where l.agency = ? and v.cause <> 'import' and v.parser_version is not '{FILE_PARSER}'
    order by l.sort_date desc limit ?
"""
BACKFILL_SQL = """
    select (not :is_dated and exists (select 1 from pagination_cursors where agency = :agency))
      or not exists (select 1 from crawls where agency = :agency and spider = 'news'
        and reason = 'finished'
        and finished < :found_at)
"""

# Field loss: many pages that lost the same field
MIN_LOSS_PAGES = 3
MIN_LOSS_SHARE = 0.5  # share of pages: of the new releases, or of the stored ones that changed
LOOK_BACK_PERIOD = timedelta(days=30)  # period in which genuine single pages count

QUARANTINED_SQL = """
    select id, agency, crawl as crawl_id, url, release as release_id,
      seen as seen_at, state, capture as capture_id,
      reason as reasons, decision from quarantine where {condition} order by seen, id
"""
RELEASE_URLS_SQL = (
    "select url from frontier where release = :release union select url from releases where id"
    " = :release"
)
SUPERSEDED_SQL = """
    select last_checked > :seen from releases where id = coalesce(
      (select release from frontier where url = :url), (select id from releases where url = :url))
"""
STORED_SINCE_SQL = {  # True: new states of stored releases; False: new releases
    True: """
        select count(*) from revisions v join releases r on r.id = v.release
          where r.agency = :agency
          and v.cause in ('source', 'parser') and v.seen >= :since and v.previous is not null
    """,
    False: "select count(*) from releases where agency = :agency and first_seen >= :since",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedPage:
    """A row of the quarantine table."""

    id: int
    agency: str
    crawl_id: int | None
    url: str  # the page's URL in the frontier
    release_id: int | None  # the release stored under the URL when the page was read
    seen_at: str
    state: dict[str, Any]
    capture_id: int | None
    reasons: list[QuarantineReason]
    decision: str | None

    @property
    def lost_keys(self) -> set[str]:
        """Return the fields that seem to be lost, or the URL of the source that lists too few
        releases.

        A field is left out if all its reasons are in PAGE_REASONS.
        """
        return _list_lost_keys(self.reasons)

    @property
    def has_page_reason(self) -> bool:
        """Return whether one of the reasons for the quarantine is evident from the page alone,
        without a comparison with other pages.
        """
        return any(map(is_page_reason, self.reasons))


class Quarantine:
    def __init__(self, db: Database) -> None:
        self.db = db
        self.table = db.table("quarantine")

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
        """Insert a page with the state that was read from it.

        Its capture must already be stored.
        """
        self.table.insert(
            {
                "agency": agency,
                "crawl": crawl_id,
                "url": url,
                "release": release_id,
                "seen": to_iso(seen_at),
                "state": _to_canonical_json(state),
                "capture": capture_id,
                "reason": _to_canonical_json(reasons),
            }
        )

    def contains(self, url: str, state: Mapping[str, Any]) -> bool:
        """Return whether a page at this URL with the same state is pending or was dropped."""
        rows = self.db.execute(
            "select state from quarantine where url = ? and (decided is null or decision ="
            " 'dropped')",
            [url],
        )
        digest = hash_state(state)
        return any(hash_state(json.loads(stored_state)) == digest for (stored_state,) in rows)

    def read_pending_losses(self, agency: str) -> set[str]:
        """Return the fields that an agency's pending pages seem to have lost."""
        sql = "select reason from quarantine where agency = ? and decided is null"
        rows = self.db.execute(sql, [agency])
        return {key for (reasons,) in rows for key in _list_lost_keys(json.loads(reasons))}

    def list_pending(self, agency: str) -> list[QuarantinedPage]:
        """Return an agency's pending pages in the order in which they were read."""
        return self._list("agency = ? and decided is null", [agency])

    def list_recent(self, agency: str, now: datetime) -> list[QuarantinedPage]:
        """Return an agency's pending pages and the genuine pages that were read recently, in the
        order in which they were read.
        """
        condition = "agency = ? and (decided is null or (decision = 'genuine' and seen >= ?))"
        return self._list(condition, [agency, to_iso(now - LOOK_BACK_PERIOD)])

    def _list(self, condition: str, values: Sequence[Any]) -> list[QuarantinedPage]:
        rows = list(self.db.query(QUARANTINED_SQL.format(condition=condition), values))
        return [
            QuarantinedPage(**row | {name: json.loads(row[name]) for name in ("state", "reasons")})
            for row in rows
        ]

    def list_agencies(self) -> list[str]:
        return [
            slug
            for (slug,) in self.db.execute(
                "select distinct agency from quarantine where decided is null"
            )
        ]

    def confirm(self, page_id: int) -> None:
        """Confirm a page as misread.

        The page stays pending until a person accepts it or a corrected rule reads it.
        """
        self.table.update(page_id, {"decision": "confirmed"})

    def decide(self, page_id: int, decision: str, decided_at: datetime) -> None:
        self.table.update(page_id, {"decision": decision, "decided": to_iso(decided_at)})

    def is_superseded(self, page: QuarantinedPage) -> bool:
        """Return whether the page was read completely, or found unchanged, after its quarantine."""
        row = self.db.execute(SUPERSEDED_SQL, {"url": page.url, "seen": page.seen_at}).fetchone()
        return bool(row and row[0])

    def redact_states(
        self, release_id: int, redact: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    ) -> None:
        """Apply `redact` to the states of a release's quarantined pages.

        The captured bytes are not changed.
        """
        condition = f"release = :release or url in ({RELEASE_URLS_SQL})"
        for row in list(self.table.rows_where(condition, {"release": release_id})):
            self.table.update(
                row["id"], {"state": _to_canonical_json(redact(json.loads(row["state"])))}
            )

    def get_capture(self, page: QuarantinedPage) -> Capture | None:
        sql = "select url, seen, status, headers, sha256, bytes from captures where id = ?"
        for row in self.db.query(sql, [page.capture_id]):
            return Capture(
                **row
                | {
                    "seen": datetime.fromisoformat(row["seen"]),
                    "headers": json.loads(row["headers"]),
                }
            )
        return None

    def read_accepted_losses(self, agency: str) -> dict[str, str]:
        """Return a map from each field whose loss was accepted by hand to the time of the
        acceptance.
        """
        rows = self.db.execute(
            "select reason, decided from"
            " quarantine where agency ="
            " ? and decision = 'accepted'"
            " order by decided",
            [agency],
        )
        return {
            reason_key(reason): decided
            for reasons, decided in rows
            for reason in json.loads(reasons)
            if not is_page_reason(reason)
        }

    def read_accepted_lines(self, agency: str) -> set[str]:
        """Return the lines of an agency's bodies that were quarantined as repetitive and later
        accepted by hand.

        A body is repetitive if it repeats lines of many other pages.
        """
        rows = self.db.execute(
            "select state, reason from quarantine where agency = ? and decision = 'accepted'",
            [agency],
        )
        bodies = (
            json.loads(state)["body"]
            for state, reasons in rows
            if any(reason.get("why") == "boilerplate" for reason in json.loads(reasons))
        )
        return {line for body in bodies for line in split_lines(body)}


def _list_lost_keys(reasons: Iterable[QuarantineReason]) -> set[str]:
    return {reason_key(reason) for reason in reasons if not is_page_reason(reason)}


def is_page_reason(reason: QuarantineReason) -> bool:
    return reason.get("why") in PAGE_REASONS


def reason_key(reason: QuarantineReason) -> str:
    """Return the subject of a reason: the name of a field, or the URL of the source that lists too
    few releases.
    """
    return str(reason.get("source") or reason["field"])


def _to_canonical_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


@dataclass(slots=True)
class FieldCount:
    """How many pages or releases were counted, and how many of them have a certain field."""

    filled: int = 0
    pages: int = 0

    @property
    def share(self) -> float:
        """Return the share of pages or releases with the field, or 1.0 if none were counted."""
        return self.filled / self.pages if self.pages else 1.0

    @property
    def percentage(self) -> int | None:
        return round(100 * self.filled / self.pages) if self.pages else None

    @property
    def is_usual(self) -> bool:
        return self.pages >= MIN_RELEASES and self.share >= MIN_USUAL_SHARE


@dataclass(slots=True)
class GroupHabits:
    """How often the releases in a group have each field, and how long their texts are."""

    counts: defaultdict[str, FieldCount] = field(default_factory=lambda: defaultdict(FieldCount))
    lengths: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    # lengths in releases that were read before a loss of the lead or body was accepted
    lengths_before: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, row: Mapping[str, Any], accepted: Mapping[str, str]) -> None:
        """Count a release.

        If the loss of a field was accepted, only releases read after the acceptance count for the
        field.
        """
        late = {
            name for name in (*HABIT_FIELDS, "body") if row["first_seen"] > accepted.get(name, "")
        }
        for name in late:
            self.counts[name].pages += 1
            self.counts[name].filled += bool(row[name])
        for name, length in measure_lengths(row).items():
            (self.lengths if name in late else self.lengths_before)[name].append(length)

    def short_length(self, name: str) -> int:
        """Return the length below which a lead or text counts as short (see SHORT_QUANTILE).

        Returns 0 if there are too few releases to judge.
        """
        return _find_short_length(self.lengths[name])

    def is_usual_again(self, name: str) -> bool:
        """Return whether the field is usual again: most releases that were read after its loss was
        accepted contain it.

        If the field is the lead or the text, it must also be about as long as before the loss.
        """
        if name in MEASURED_FIELDS:
            length_before = _find_short_length(self.lengths_before[name])
            if self.short_length(name) < MAX_SHORT_RATIO * length_before:
                return False
        return self.counts[name].is_usual


@dataclass(slots=True)
class RepeatedLines:
    """The lines in the bodies of an agency's newest pages, and on how many pages each line occurs.

    Only the hashes of the lines are kept, for the newest MAX_HABIT_RELEASES pages.
    """

    # URL → hashes of lines, oldest page first
    pages: dict[str, frozenset[int]] = field(default_factory=dict)
    counts: Counter[int] = field(default_factory=Counter)

    def add(self, url: str, body: str) -> None:
        """Add a page, or replace its lines if it was added before."""
        self.counts.subtract(self.pages.pop(url, ()))
        self.pages[url] = frozenset(map(hash, split_lines(body)))
        self.counts.update(self.pages[url])
        if len(self.pages) > MAX_HABIT_RELEASES:
            self.counts.subtract(self.pages.pop(next(iter(self.pages))))

    def find(self, url: str, body: str) -> list[str]:
        """Return the lines of a body that at least MIN_LINE_PAGES other pages also contain.

        url: the URL of the page with the body. This page does not count.
        """
        own = self.pages.get(url, ())
        return [
            line
            for line in split_lines(body)
            if self.counts[hash(line)] - (hash(line) in own) >= MIN_LINE_PAGES
        ]


@dataclass(slots=True)
class FieldHabits:
    """What the fields of an agency's releases usually contain.

    Habits are computed for all releases, for each language, and for each type in each language.
    """

    groups: defaultdict[tuple[str | None, ...], GroupHabits] = field(
        default_factory=lambda: defaultdict(GroupHabits)
    )
    known_values: dict[str, set[str]] = field(
        default_factory=lambda: {name: set() for name in UNIQUE_FIELDS}
    )
    oldest: str = ""  # date of the oldest release considered
    # the UNIQUE_FIELDS that differ from release to release
    unique_fields: set[str] = field(default_factory=set)
    repeated_lines: RepeatedLines = field(default_factory=RepeatedLines)

    def group_for(self, state: Mapping[str, Any], name: str) -> GroupHabits:
        """Return the habits of the smallest group with enough releases to judge a field.

        state: the state of a release, which determines the groups that it belongs to.
        """
        for group in ((state["language"], state["kind"]), (state["language"],)):
            if self.groups[group].counts[name].pages >= MIN_RELEASES:
                return self.groups[group]
        return self.groups[()]


def read_field_habits(
    db: Database, agency: str, accepted: Mapping[str, str], is_counted: Callable[[str], bool] = bool
) -> FieldHabits:
    """Compute an agency's field habits from its newest releases whose URLs satisfy `is_counted`.

    accepted: the time at which the loss of each field was accepted. For these fields, only releases
        that were read later count.
    """
    habits = FieldHabits()
    late_values: dict[str, list[str]] = {name: [] for name in UNIQUE_FIELDS}
    rows = [
        row for row in db.query(HABITS_SQL, [agency, MAX_HABIT_RELEASES]) if is_counted(row["url"])
    ]
    for row in reversed(rows):
        habits.repeated_lines.add(row["url"], row["body"])
    for row in rows:
        for group in ((), (row["language"],), (row["language"], row["kind"])):
            habits.groups[group].add(row, accepted)
        for name in filter(row.get, UNIQUE_FIELDS):
            habits.known_values[name].add(row[name])
            if row["first_seen"] > accepted.get(name, ""):
                late_values[name].append(row[name])
    # sort_date is "" for a release without any date
    habits.oldest = min(filter(None, (row["sort_date"] for row in rows)), default="")
    habits.unique_fields = {name for name in late_values if _are_unique(late_values[name])}
    return habits


def _are_unique(values: Sequence[str]) -> bool:
    """Return whether nearly all values differ.

    Returns False if there are too few values to judge.
    """
    return len(values) >= MIN_RELEASES and len(set(values)) >= MIN_USUAL_SHARE * len(values)


def split_lines(body: str) -> list[str]:
    return [line for part in body.split("\n") if (line := part.strip())]


def _find_short_length(lengths: Sequence[int]) -> int:
    """Return the length that nearly all of `lengths` reach, or 0 if there are too few lengths.

    >>> _find_short_length(list(range(100, 140))), _find_short_length([100])
    (102, 0)
    """
    return (
        sorted(lengths)[int(SHORT_QUANTILE * len(lengths))] if len(lengths) >= MIN_RELEASES else 0
    )


def measure_lengths(state: Mapping[str, Any]) -> dict[str, int]:
    """Return the length of a release's lead, if it has one, and of its lead and body together.

    >>> measure_lengths({"lead": "Kort.", "body": "Längre än så."})
    {'lead': 5, 'body': 18}
    >>> measure_lengths({"lead": None, "body": ""})
    {'body': 0}
    """
    lead = len(state["lead"] or "")
    return {**({"lead": lead} if lead else {}), "body": lead + len(state["body"])}


def is_backfill(db: Database, agency: str, found_at: str | None, *, is_dated: bool) -> bool:
    """Return whether a newly found release may have been published long ago.

    The page of such a release may have been built with another template. Returns True if no news
    crawl of the agency had finished when the URL was found, or if the release has no date and an
    old part of a listing is still being read.
    """
    values = {"agency": agency, "found_at": found_at, "is_dated": is_dated}
    return bool(db.execute(BACKFILL_SQL, values).fetchone()[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLoss:
    """A field that many pages lack, or a source that lists too few releases."""

    reason_key: str
    is_stored: bool  # whether the pages are of stored releases or of new ones
    page_count: int
    total: int  # number of pages, with and without the field


def find_field_losses(db: Database, agency: str, now: datetime) -> list[FieldLoss]:
    """Return the field losses in an agency's latest pages.

    Each field is checked separately for new and for stored releases. The check starts at the first
    undecided page without the field. If there are too few undecided pages, the check starts at the
    third-newest page without the field, so that a loss is also found if each crawl brings only a
    single release.
    """
    pages = Quarantine(db).list_recent(agency, now)
    losses = []
    for is_stored in (False, True):
        group = [page for page in pages if (page.release_id is not None) == is_stored]
        for key in _list_undecided_keys(group):
            since = _find_loss_start([page for page in group if key in page.lost_keys])
            if since is None:
                continue
            latest = [page for page in group if page.seen_at >= since]
            values = {"agency": agency, "since": since}
            (stored_count,) = db.execute(STORED_SINCE_SQL[is_stored], values).fetchone()
            loss = _measure_loss(key, latest, stored_count, is_stored=is_stored)
            if loss.page_count >= MIN_LOSS_SHARE * loss.total:
                losses.append(loss)
    return losses


def _list_undecided_keys(pages: Sequence[QuarantinedPage]) -> list[str]:
    return sorted({key for page in pages if page.decision is None for key in page.lost_keys})


def _measure_loss(
    key: str, pages: Sequence[QuarantinedPage], stored_count: int, *, is_stored: bool
) -> FieldLoss:
    lacking_count = sum(key in page.lost_keys for page in pages)
    # genuine pages are among the stored ones by now
    pending_count = sum(page.decision != "genuine" for page in pages)
    total = max(lacking_count, pending_count + stored_count)
    return FieldLoss(reason_key=key, is_stored=is_stored, page_count=lacking_count, total=total)


def _find_loss_start(pages: list[QuarantinedPage]) -> str | None:
    """Return the time at which the first undecided page was read.

    If there are fewer than three undecided pages, the time at which the third-newest page was read
    is returned, or None if there are fewer than three pages in all.
    """
    undecided = [page.seen_at for page in pages if page.decision is None]
    if len(undecided) >= MIN_LOSS_PAGES:
        return undecided[0]
    return pages[-MIN_LOSS_PAGES].seen_at if len(pages) >= MIN_LOSS_PAGES else None
