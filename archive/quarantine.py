"""Quarantine table; field habits; collapse test; thin sources.

What was read and kept aside, because too much of it looked as if we misread: the table quarantine.

A row is written as a page is read, in the transaction that settles its address, its bytes kept before. `decided`
is null while it waits. `decision` says what came of it:

    null        not judged yet: the crawl goes on, or was killed, and the agency's next one judges it
    aside       judged: many of the agency's pages lost the same; it waits for a person or for a mended rule
    genuine     judged: the agency's own doing, and taken in
    taken       taken in by hand (scrapy quarantine --accept): what it lacks is not missed until it is usual again
    reparsed    read whole by mended rules, and taken in (scrapy reparse)
    superseded  the same page was read whole, or found as held, since
    dropped     by hand (scrapy quarantine --drop)

Sources that list far fewer releases than usual: by the columns `links` and `usual` of frontier.

No function commits: wrap calls in `Archive.transaction`.

What an agency's releases usually have: by its newest ones in the archive, as they stood before a crawl.

Whether what was kept aside is one agency's whole rule gone wrong, or single releases that are as they are.

Judged field by field, new releases and held ones apart, over the readings since the first that is not judged yet;
where those are too few, since the third newest that lacked the field. So a rule that died shows also where each
crawl brings a single release.
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

QuarantineReason = dict[str, Any]  # field, why, and the figures behind it; see scraper/suspicion.py
QUARANTINE_COLUMNS = "id, agency, crawl, url, release, seen, state, capture, reason, decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedPage:
    """One row that waits."""

    id: int
    agency: str
    crawl: int | None
    url: str  # the frontier's address of the page
    release: int | None  # that the address held when it was read
    seen: str
    state: dict[str, Any]
    capture: int | None
    reason: list[QuarantineReason]
    decision: str | None

    @property
    def reason_keys(self) -> set[str]:
        """What it lacks, as `key_of` names it."""
        return set(map(reason_key, self.reason))


class Quarantine:
    """The table quarantine. No method commits: wrap calls in `Archive.transaction`."""

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
        """Keep a reading aside; its capture is noted already."""
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
        """Whether a page's reading waits already, or was dropped, just as it reads now."""
        rows = self.db.execute(
            "select state from quarantine where url = ? and (decided is null or decision = 'dropped')", [url]
        )
        digest = hash_state(state)
        return any(hash_state(json.loads(held)) == digest for (held,) in rows)

    def list_pending(self, agency: str) -> list[QuarantinedPage]:
        """What waits of an agency, in the order it was read."""
        rows = self.db.execute(
            f"select {QUARANTINE_COLUMNS} from quarantine where agency = ? and decided is null order by seen, id",
            [agency],
        ).fetchall()
        return [to_quarantined_page(row) for row in rows]

    def list_agencies(self) -> list[str]:
        """Whose readings wait."""
        return [slug for (slug,) in self.db.execute("select distinct agency from quarantine where decided is null")]

    def confirm(self, page_id: int) -> None:
        """A row stays aside until somebody, or a mended rule, takes it in."""
        self.db.execute("update quarantine set decision = 'confirmed' where id = ?", [page_id])

    def decide(self, page_id: int, decision: str, decided_at: datetime) -> None:
        """A row waits no longer."""
        self.db.execute(
            "update quarantine set decision = ?, decided = ? where id = ?", [decision, to_iso(decided_at), page_id]
        )

    def is_superseded(self, page: QuarantinedPage) -> bool:
        """Whether the page was read whole, or found as held, after it was kept aside."""
        row = self.db.execute(
            "select r.last_checked from releases r where r.id = coalesce("
            " (select release from frontier where url = :url), (select id from releases where url = :url))",
            {"url": page.url},
        ).fetchone()
        return bool(row and row[0] > page.seen)

    def redact_states(self, release_id: int, redact: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """Leave of a release's rows only what may be `shown` (archive.takedowns); its bytes hold the rest."""
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
        """The answer a row was read from."""
        row = self.db.execute(
            "select url, seen, status, headers, sha256, bytes from captures where id = ?", [page.capture]
        ).fetchone()
        if row is None:
            return None
        url, seen, status, headers, sha256, size = row
        moment, told = datetime.fromisoformat(seen), json.loads(headers)
        return Capture(url=url, seen=moment, status=status, headers=told, sha256=sha256, bytes=size)

    def read_accepted_losses(self, agency: str) -> dict[str, str]:
        """What an agency's releases may lack, for somebody took such in; since when."""
        rows = self.db.execute(
            "select reason, decided from quarantine where agency = ? and decision = 'accepted' order by decided",
            [agency],
        )
        return {reason_key(reason): decided for reasons, decided in rows for reason in json.loads(reasons)}


def reason_key(reason: QuarantineReason) -> str:
    """What a reason is about: a field, or the source that lists too few."""
    return str(reason.get("source") or reason["field"])


def to_quarantined_page(row: Sequence[Any]) -> QuarantinedPage:
    """A row of the table."""
    values = dict(zip(QUARANTINE_COLUMNS.split(", "), row, strict=True))
    return QuarantinedPage(**values | {name: json.loads(values[name]) for name in ("state", "reason")})


def to_canonical_json(value: object) -> str:
    """Canonical JSON, as it stands in the table."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


MIN_SOURCE_LINKS = 4  # a source that usually names fewer cannot name far fewer


def update_link_count(db: Database, source: str, link_count: int) -> None:
    """A source names so many releases now; a listing, on its first page.

    `usual_links` follows, but not a fall below half of it: that stands until somebody says it is right.
    """
    db.execute(
        "update frontier set links = :links, usual_links = case when usual_links >= :few and 2 * :links < usual_links then usual_links"
        " else :links end where url = :source",
        {"source": source, "links": link_count, "few": MIN_SOURCE_LINKS},
    )


def accept_link_count(db: Database, source: str) -> None:
    """As many as a source names now are what it usually names."""
    db.execute("update frontier set usual_links = links where url = ?", [source])


def is_restarted_list(db: Database, source: str, url: str) -> bool:
    """Whether all that a source names now was found with one of its releases: a list begun anew, such as a year's.

    One that was only cut still names what was known before.
    """
    sql = (
        "select count(*) >= (select links from frontier where url = :source) from frontier"
        " where source = :source and role = 'release' and first_seen >="
        " (select first_seen from frontier where url = :url)"
    )
    return bool(db.execute(sql, {"source": source, "url": url}).fetchone()[0])


def find_short_sources(db: Database, agency: str) -> dict[str, tuple[int, int]]:
    """The sources of an agency that name far fewer releases than usual: how many, and how many usually."""
    rows = db.execute(
        "select url, links, usual_links from frontier where agency = ? and role in ('feed', 'sitemap', 'listing')"
        " and 2 * links < usual_links",
        [agency],
    )
    return {url: (links, usual) for url, links, usual in rows}


def find_source_url(db: Database, url: str) -> str | None:
    """The source that named an address first."""
    row = db.execute("select source from frontier where url = ?", [url]).fetchone()
    return row[0] if row else None


HABIT_FIELDS = (
    "lead",
    "published",
    "updated",
    "tags",
    "questions",
    "contacts",
)  # what may be missing; a title never is
UNIQUE_FIELDS = ("title", "lead", "body")  # what no two releases share, as a rule
MEASURED_FIELDS = ("lead", "body")
MAX_HABIT_RELEASES = 200  # releases looked at
MIN_RELEASES = 20  # releases without which there is no habit
MIN_USUAL_SHARE = 0.9  # of them, the share that makes one
SHORT_QUANTILE = 0.05  # the share of texts that may be as short as `short`
MAX_SHORT_RATIO = 0.5  # of what next to no text of the agency falls below
BACKFILL_SQL = """
    select :day < :oldest or (:day is null and exists (select 1 from pagination_cursors where agency = :agency))
      or not exists (select 1 from crawls where agency = :agency and spider = 'news' and reason = 'finished'
        and finished < (select first_seen from frontier where url = :url))
"""
HABITS_SQL = """
    select r.title, r.lead, r.body, r.published, r.updated, r.language, r.kind, r.first_seen,
      exists (select 1 from release_tags where release = r.id) as tags,
      exists (select 1 from questions where release = r.id) as questions,
      exists (select 1 from contacts where release = r.id) as contacts, l.sort_date
    from release_facets l join releases r on r.id = l.release join revisions v on v.id = r.revision
    where l.agency = ? and v.cause <> 'import' order by l.sort_date desc limit ?
"""


@dataclass(slots=True)
class GroupHabits:
    """What a group of releases has: how many of how many, field by field; how long its leads and texts are.

    `before` are the lengths of those that were read before somebody took in such as lacked a lead or a text.
    """

    present_counts: Counter[str] = field(default_factory=Counter)
    total_counts: Counter[str] = field(default_factory=Counter)
    lengths: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in MEASURED_FIELDS})
    lengths_before: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in MEASURED_FIELDS})

    def usual_share(self, name: str) -> float | None:
        """The share that had a field; None where that is no habit."""
        share = self.present_counts[name] / max(1, self.total_counts[name])
        return share if self.total_counts[name] >= MIN_RELEASES and share >= MIN_USUAL_SHARE else None

    def short_length(self, name: str) -> int:
        """The length in letters that next to no lead or text falls below; 0 where there are too few."""
        return find_short_length(self.lengths[name])

    def is_usual_again(self, name: str) -> bool:
        """Whether a field is told by habit, and a lead or text about as long as before one was taken in without."""
        long = name not in MEASURED_FIELDS or self.short_length(name) >= MAX_SHORT_RATIO * find_short_length(
            self.lengths_before[name]
        )
        return self.usual_share(name) is not None and long


@dataclass(slots=True)
class FieldHabits:
    """An agency's habits: of all its releases, of those of a language, and of a language and kind."""

    groups: dict[tuple[str | None, ...], GroupHabits] = field(default_factory=lambda: defaultdict(GroupHabits))
    known_values: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in UNIQUE_FIELDS})
    oldest: str = ""  # the day of the oldest release looked at
    unique_fields: set[str] = field(
        default_factory=set
    )  # of title, lead and body: those that each release has its own of

    def group_for(self, language: str | None, kind: str | None, name: str) -> GroupHabits:
        """The habit of the smallest group that is large enough to have one as to a field."""
        for group in ((language, kind), (language,)):
            if self.groups[group].total_counts[name] >= MIN_RELEASES:
                return self.groups[group]
        return self.groups[()]


def read_field_habits(db: Database, agency: str, accepted: Mapping[str, str]) -> FieldHabits:
    """An agency's habits; of what its releases may lack since a moment (`accepted`), only later ones tell."""
    usual = FieldHabits()
    told: dict[str, list[str]] = {name: [] for name in UNIQUE_FIELDS}
    cursor = db.execute(HABITS_SQL, [agency, MAX_HABIT_RELEASES])
    names = [column[0] for column in cursor.description]
    for values in cursor:
        row = dict(zip(names, values, strict=True))
        for group in ((), (row["language"],), (row["language"], row["kind"])):
            add_to_habits(usual.groups[group], row, accepted)
        usual.oldest = min(usual.oldest or row["sort_date"], row["sort_date"] or usual.oldest)  # "": without any date
        for name in filter(row.get, UNIQUE_FIELDS):
            usual.known_values[name].add(row[name])
            if row["first_seen"] > accepted.get(name, ""):
                told[name].append(row[name])
    usual.unique_fields = {
        name for name in UNIQUE_FIELDS if len(told[name]) >= MIN_RELEASES and has_unique_values(told[name])
    }
    return usual


def has_unique_values(values: Sequence[str]) -> bool:
    """Whether releases have each their own of a field."""
    return len(set(values)) >= MIN_USUAL_SHARE * len(values)


def is_backfill(db: Database, agency: str, url: str, day: str | None, oldest: str) -> bool:
    """Whether a new release is of the agency's past: its old pages may have been built otherwise than its new ones.

    It is where it is dated (`day`) before all that habits are drawn from, or was found before a search for what is
    new had ever come to its end.
    """
    values = {"agency": agency, "url": url, "day": day, "oldest": oldest}
    return bool(db.execute(BACKFILL_SQL, values).fetchone()[0])


def add_to_habits(group: GroupHabits, row: Mapping[str, Any], accepted: Mapping[str, str]) -> None:
    """Add one release to a habit."""
    late = {name for name in (*HABIT_FIELDS, "body") if row["first_seen"] > accepted.get(name, "")}
    for name in late:
        group.total_counts[name] += 1
        group.present_counts[name] += bool(row[name])
    for name, length in measure_lengths(row).items():
        (group.lengths if name in late else group.lengths_before)[name].append(length)


def find_short_length(lengths: Sequence[int]) -> int:
    """The length that next to none falls below; 0 where there are too few.

    >>> find_short_length(list(range(100, 140))), find_short_length([100])
    (102, 0)
    """
    return sorted(lengths)[int(SHORT_QUANTILE * len(lengths))] if len(lengths) >= MIN_RELEASES else 0


def measure_lengths(state: Mapping[str, Any]) -> dict[str, int]:
    """The length of a release's lead, where it has one, and of its whole text.

    >>> measure_lengths({"lead": "Kort.", "body": "Längre än så."}), measure_lengths({"lead": None, "body": ""})
    ({'lead': 5, 'body': 18}, {'body': 0})
    """
    lead = len(state["lead"] or "")
    return {**({"lead": lead} if lead else {}), "body": lead + len(state["body"])}


MIN_LOSS_PAGES = 3  # readings that lack the same
MIN_LOSS_SHARE = 0.5  # of the readings, new releases or such as read otherwise than held
LOOK_BACK_PERIOD = timedelta(days=30)  # how long single ones that were taken in count


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLoss:
    """A field that many readings lack, or a source that lists too few."""

    reason_key: str
    is_stored: bool  # of releases that were held, else of new ones
    page_count: int
    total: int  # readings


def find_field_losses(db: Database, agency: str, now: datetime) -> list[FieldLoss]:
    """What many of an agency's latest readings lack; nothing is written."""
    found = list_recent_pages(db, agency, now)
    collapses = []
    for held in (False, True):
        own = [kept for kept in found if (kept.release is not None) == held]
        for key in sorted({key for kept in own if kept.decision is None for key in kept.reason_keys}):
            lacking = [kept for kept in own if key in kept.reason_keys]
            since = find_loss_start(lacking)
            if since is None:
                continue
            number = sum(kept.seen >= since for kept in lacking)
            waiting = sum(kept.decision != "genuine" and kept.seen >= since for kept in own)
            of = max(
                number, waiting + count_stored_since(db, agency, since, is_stored=held)
            )  # the genuine ones are kept by now
            if number >= MIN_LOSS_SHARE * of:
                collapses.append(FieldLoss(reason_key=key, is_stored=held, page_count=number, total=of))
    return collapses


def find_loss_start(pages: list[QuarantinedPage]) -> str | None:
    """Since when to judge: the first not judged yet, else the third newest; None where there are not three at all."""
    fresh = [kept.seen for kept in pages if kept.decision is None]
    if len(fresh) >= MIN_LOSS_PAGES:
        return fresh[0]
    return pages[-MIN_LOSS_PAGES].seen if len(pages) >= MIN_LOSS_PAGES else None


def list_recent_pages(db: Database, agency: str, now: datetime) -> list[QuarantinedPage]:
    """What waits, and what was taken in as the agency's own doing lately, in the order it was read."""
    rows = db.execute(
        f"select {QUARANTINE_COLUMNS} from quarantine"
        " where agency = :agency and (decided is null or (decision = 'genuine' and seen >= :since)) order by seen, id",
        {"agency": agency, "since": to_iso(now - LOOK_BACK_PERIOD)},
    ).fetchall()
    return [to_quarantined_page(row) for row in rows]


def count_stored_since(db: Database, agency: str, since: str, *, is_stored: bool) -> int:
    """How many releases of an agency were read and kept since a moment: new ones, or held ones that read otherwise."""
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
    """Each row that is not judged yet, and whether it lacks what has collapsed, in new releases or in held ones."""
    gone = {collapse.reason_key for collapse in losses}
    for kept in pending:
        if kept.decision is None:
            yield kept, bool(gone & kept.reason_keys)
