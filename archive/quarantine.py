"""Quarantine table; field habits; collapse test; thin sources.

What was read and kept aside, because too much of it looked as if we misread: the table held_back.

A row is written as a page is read, in the transaction that settles its address, its bytes kept before. `decided`
is null while it waits. `decision` says what came of it:

    null        not judged yet: the crawl goes on, or was killed, and the agency's next one judges it
    aside       judged: many of the agency's pages lost the same; it waits for a person or for a mended rule
    genuine     judged: the agency's own doing, and taken in
    taken       taken in by hand (scrapy takein): what it lacks is not missed until it is usual again
    reparsed    read whole by mended rules, and taken in (scrapy reparse)
    superseded  the same page was read whole, or found as held, since
    dropped     by hand (scrapy takein --drop)

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

from archive.dates import to_text
from archive.models import Capture, state_hash

Reason = dict[str, Any]  # field, why, and the figures behind it; see scraper/suspicion.py
COLUMNS = "id, agency, crawl, url, release, seen, state, capture, reason, decision"


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
    reason: list[Reason]
    decision: str | None

    @property
    def keys(self) -> set[str]:
        """What it lacks, as `key_of` names it."""
        return set(map(key_of, self.reason))


class Aside:
    """The table held_back. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def put(
        self,
        *,
        agency: str,
        crawl: int | None,
        url: str,
        release: int | None,
        seen: datetime,
        state: Mapping[str, Any],
        capture: int,
        reason: Sequence[Reason],
    ) -> None:
        """Keep a reading aside; its capture is noted already."""
        self.db.execute(
            "insert into held_back (agency, crawl, url, release, seen, state, capture, reason)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            [agency, crawl, url, release, to_text(seen), as_json(state), capture, as_json(reason)],
        )

    def holds(self, url: str, state: Mapping[str, Any]) -> bool:
        """Whether a page's reading waits already, or was dropped, just as it reads now."""
        rows = self.db.execute(
            "select state from held_back where url = ? and (decided is null or decision = 'dropped')", [url]
        )
        digest = state_hash(state)
        return any(state_hash(json.loads(held)) == digest for (held,) in rows)

    def waiting(self, agency: str) -> list[QuarantinedPage]:
        """What waits of an agency, in the order it was read."""
        rows = self.db.execute(
            f"select {COLUMNS} from held_back where agency = ? and decided is null order by seen, id", [agency]
        ).fetchall()
        return [to_kept(row) for row in rows]

    def agencies(self) -> list[str]:
        """Whose readings wait."""
        return [slug for (slug,) in self.db.execute("select distinct agency from held_back where decided is null")]

    def judge(self, key: int) -> None:
        """A row stays aside until somebody, or a mended rule, takes it in."""
        self.db.execute("update held_back set decision = 'aside' where id = ?", [key])

    def decide(self, key: int, decision: str, at: datetime) -> None:
        """A row waits no longer."""
        self.db.execute("update held_back set decision = ?, decided = ? where id = ?", [decision, to_text(at), key])

    def was_read_since(self, kept: QuarantinedPage) -> bool:
        """Whether the page was read whole, or found as held, after it was kept aside."""
        row = self.db.execute(
            "select r.last_checked from releases r where r.id = coalesce("
            " (select release from frontier where url = :url), (select id from releases where url = :url))",
            {"url": kept.url},
        ).fetchone()
        return bool(row and row[0] > kept.seen)

    def cover(self, release: int, shown: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        """Leave of a release's rows only what may be `shown` (archive.takedowns); its bytes hold the rest."""
        rows = self.db.execute(
            "select id, state from held_back where release = :release or url in (select url from frontier"
            " where release = :release union select url from releases where id = :release)",
            {"release": release},
        ).fetchall()
        for key, state in rows:
            self.db.execute("update held_back set state = ? where id = ?", [as_json(shown(json.loads(state))), key])

    def capture_of(self, kept: QuarantinedPage) -> Capture | None:
        """The answer a row was read from."""
        row = self.db.execute(
            "select url, seen, status, headers, sha256, bytes from captures where id = ?", [kept.capture]
        ).fetchone()
        if row is None:
            return None
        url, seen, status, headers, sha256, size = row
        moment, told = datetime.fromisoformat(seen), json.loads(headers)
        return Capture(url=url, seen=moment, status=status, headers=told, sha256=sha256, bytes=size)

    def accepted(self, agency: str) -> dict[str, str]:
        """What an agency's releases may lack, for somebody took such in; since when."""
        rows = self.db.execute(
            "select reason, decided from held_back where agency = ? and decision = 'taken' order by decided", [agency]
        )
        return {key_of(reason): decided for reasons, decided in rows for reason in json.loads(reasons)}


def key_of(reason: Reason) -> str:
    """What a reason is about: a field, or the source that lists too few."""
    return str(reason.get("source") or reason["field"])


def to_kept(row: Sequence[Any]) -> QuarantinedPage:
    """A row of the table."""
    values = dict(zip(COLUMNS.split(", "), row, strict=True))
    return QuarantinedPage(**values | {name: json.loads(values[name]) for name in ("state", "reason")})


def as_json(value: object) -> str:
    """Canonical JSON, as it stands in the table."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


MIN_SOURCE_LINKS = 4  # a source that usually names fewer cannot name far fewer


def note_links(db: Database, source: str, links: int) -> None:
    """A source names so many releases now; a listing, on its first page.

    `usual` follows, but not a fall below half of it: that stands until somebody says it is right.
    """
    db.execute(
        "update frontier set links = :links, usual = case when usual >= :few and 2 * :links < usual then usual"
        " else :links end where url = :source",
        {"source": source, "links": links, "few": MIN_SOURCE_LINKS},
    )


def accept_links(db: Database, source: str) -> None:
    """As many as a source names now are what it usually names."""
    db.execute("update frontier set usual = links where url = ?", [source])


def begins_anew(db: Database, source: str, url: str) -> bool:
    """Whether all that a source names now was found with one of its releases: a list begun anew, such as a year's.

    One that was only cut still names what was known before.
    """
    sql = (
        "select count(*) >= (select links from frontier where url = :source) from frontier"
        " where source = :source and role = 'release' and first_seen >="
        " (select first_seen from frontier where url = :url)"
    )
    return bool(db.execute(sql, {"source": source, "url": url}).fetchone()[0])


def find_thin(db: Database, agency: str) -> dict[str, tuple[int, int]]:
    """The sources of an agency that name far fewer releases than usual: how many, and how many usually."""
    rows = db.execute(
        "select url, links, usual from frontier where agency = ? and role in ('feed', 'sitemap', 'listing')"
        " and 2 * links < usual",
        [agency],
    )
    return {url: (links, usual) for url, links, usual in rows}


def source_of(db: Database, url: str) -> str | None:
    """The source that named an address first."""
    row = db.execute("select source from frontier where url = ?", [url]).fetchone()
    return row[0] if row else None


FIELDS = ("lead", "published", "updated", "tags", "questions", "contacts")  # what may be missing; a title never is
OWN = ("title", "lead", "body")  # what no two releases share, as a rule
MEASURED = ("lead", "body")
NEWEST = 200  # releases looked at
MIN_RELEASES = 20  # releases without which there is no habit
USUAL = 0.9  # of them, the share that makes one
SHORT = 0.05  # the share of texts that may be as short as `short`
MUCH_SHORTER = 0.5  # of what next to no text of the agency falls below
BACKLOG = """
    select :day < :oldest or (:day is null and exists (select 1 from walks where agency = :agency))
      or not exists (select 1 from crawls where agency = :agency and spider = 'news' and reason = 'finished'
        and finished < (select first_seen from frontier where url = :url))
"""
ROWS = """
    select r.title, r.lead, r.body, r.published, r.updated, r.language, r.kind, r.first_seen,
      exists (select 1 from release_tags where release = r.id) as tags,
      exists (select 1 from questions where release = r.id) as questions,
      exists (select 1 from contacts where release = r.id) as contacts, l.newest
    from listed l join releases r on r.id = l.release join revisions v on v.id = r.revision
    where l.agency = ? and v.cause <> 'import' order by l.newest desc limit ?
"""


@dataclass(slots=True)
class Habit:
    """What a group of releases has: how many of how many, field by field; how long its leads and texts are.

    `before` are the lengths of those that were read before somebody took in such as lacked a lead or a text.
    """

    told: Counter[str] = field(default_factory=Counter)
    of: Counter[str] = field(default_factory=Counter)
    lengths: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in MEASURED})
    before: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in MEASURED})

    def share(self, name: str) -> float | None:
        """The share that had a field; None where that is no habit."""
        share = self.told[name] / max(1, self.of[name])
        return share if self.of[name] >= MIN_RELEASES and share >= USUAL else None

    def short(self, name: str) -> int:
        """The length in letters that next to no lead or text falls below; 0 where there are too few."""
        return find_short(self.lengths[name])

    def is_whole(self, name: str) -> bool:
        """Whether a field is told by habit, and a lead or text about as long as before one was taken in without."""
        long = name not in MEASURED or self.short(name) >= MUCH_SHORTER * find_short(self.before[name])
        return self.share(name) is not None and long


@dataclass(slots=True)
class Usual:
    """An agency's habits: of all its releases, of those of a language, and of a language and kind."""

    habits: dict[tuple[str | None, ...], Habit] = field(default_factory=lambda: defaultdict(Habit))
    values: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in OWN})
    oldest: str = ""  # the day of the oldest release looked at
    own: set[str] = field(default_factory=set)  # of title, lead and body: those that each release has its own of

    def habit(self, language: str | None, kind: str | None, name: str) -> Habit:
        """The habit of the smallest group that is large enough to have one as to a field."""
        for group in ((language, kind), (language,)):
            if self.habits[group].of[name] >= MIN_RELEASES:
                return self.habits[group]
        return self.habits[()]


def read_usual(db: Database, agency: str, accepted: Mapping[str, str]) -> Usual:
    """An agency's habits; of what its releases may lack since a moment (`accepted`), only later ones tell."""
    usual = Usual()
    told: dict[str, list[str]] = {name: [] for name in OWN}
    cursor = db.execute(ROWS, [agency, NEWEST])
    names = [column[0] for column in cursor.description]
    for values in cursor:
        row = dict(zip(names, values, strict=True))
        for group in ((), (row["language"],), (row["language"], row["kind"])):
            note(usual.habits[group], row, accepted)
        usual.oldest = min(usual.oldest or row["newest"], row["newest"] or usual.oldest)  # "": without any date
        for name in filter(row.get, OWN):
            usual.values[name].add(row[name])
            if row["first_seen"] > accepted.get(name, ""):
                told[name].append(row[name])
    usual.own = {name for name in OWN if len(told[name]) >= MIN_RELEASES and has_own(told[name])}
    return usual


def has_own(values: Sequence[str]) -> bool:
    """Whether releases have each their own of a field."""
    return len(set(values)) >= USUAL * len(values)


def is_backlog(db: Database, agency: str, url: str, day: str | None, oldest: str) -> bool:
    """Whether a new release is of the agency's past: its old pages may have been built otherwise than its new ones.

    It is where it is dated (`day`) before all that habits are drawn from, or was found before a search for what is
    new had ever come to its end.
    """
    values = {"agency": agency, "url": url, "day": day, "oldest": oldest}
    return bool(db.execute(BACKLOG, values).fetchone()[0])


def note(habit: Habit, row: Mapping[str, Any], accepted: Mapping[str, str]) -> None:
    """Add one release to a habit."""
    late = {name for name in (*FIELDS, "body") if row["first_seen"] > accepted.get(name, "")}
    for name in late:
        habit.of[name] += 1
        habit.told[name] += bool(row[name])
    for name, length in measure(row).items():
        (habit.lengths if name in late else habit.before)[name].append(length)


def find_short(lengths: Sequence[int]) -> int:
    """The length that next to none falls below; 0 where there are too few.

    >>> find_short(list(range(100, 140))), find_short([100])
    (102, 0)
    """
    return sorted(lengths)[int(SHORT * len(lengths))] if len(lengths) >= MIN_RELEASES else 0


def measure(state: Mapping[str, Any]) -> dict[str, int]:
    """The length of a release's lead, where it has one, and of its whole text.

    >>> measure({"lead": "Kort.", "body": "Längre än så."}), measure({"lead": None, "body": ""})
    ({'lead': 5, 'body': 18}, {'body': 0})
    """
    lead = len(state["lead"] or "")
    return {**({"lead": lead} if lead else {}), "body": lead + len(state["body"])}


MIN_READINGS = 3  # readings that lack the same
SHARE = 0.5  # of the readings, new releases or such as read otherwise than held
LOOK_BACK = timedelta(days=30)  # how long single ones that were taken in count


@dataclass(frozen=True, slots=True, kw_only=True)
class Collapse:
    """A field that many readings lack, or a source that lists too few."""

    key: str
    held: bool  # of releases that were held, else of new ones
    number: int
    of: int  # readings


def find_collapses(db: Database, agency: str, now: datetime) -> list[Collapse]:
    """What many of an agency's latest readings lack; nothing is written."""
    found = recent(db, agency, now)
    collapses = []
    for held in (False, True):
        own = [kept for kept in found if (kept.release is not None) == held]
        for key in sorted({key for kept in own if kept.decision is None for key in kept.keys}):
            lacking = [kept for kept in own if key in kept.keys]
            since = begin(lacking)
            if since is None:
                continue
            number = sum(kept.seen >= since for kept in lacking)
            waiting = sum(kept.decision != "genuine" and kept.seen >= since for kept in own)
            of = max(number, waiting + count_kept(db, agency, since, held=held))  # the genuine ones are kept by now
            if number >= SHARE * of:
                collapses.append(Collapse(key=key, held=held, number=number, of=of))
    return collapses


def begin(lacking: list[QuarantinedPage]) -> str | None:
    """Since when to judge: the first not judged yet, else the third newest; None where there are not three at all."""
    fresh = [kept.seen for kept in lacking if kept.decision is None]
    if len(fresh) >= MIN_READINGS:
        return fresh[0]
    return lacking[-MIN_READINGS].seen if len(lacking) >= MIN_READINGS else None


def recent(db: Database, agency: str, now: datetime) -> list[QuarantinedPage]:
    """What waits, and what was taken in as the agency's own doing lately, in the order it was read."""
    rows = db.execute(
        f"select {COLUMNS} from held_back"
        " where agency = :agency and (decided is null or (decision = 'genuine' and seen >= :since)) order by seen, id",
        {"agency": agency, "since": to_text(now - LOOK_BACK)},
    ).fetchall()
    return [to_kept(row) for row in rows]


def count_kept(db: Database, agency: str, since: str, *, held: bool) -> int:
    """How many releases of an agency were read and kept since a moment: new ones, or held ones that read otherwise."""
    new = "select count(*) from releases where agency = :agency and first_seen >= :since"
    revised = (
        "select count(*) from revisions v join releases r on r.id = v.release where r.agency = :agency"
        " and v.cause in ('source', 'parser') and v.seen >= :since and v.previous is not null"
    )
    values = {"agency": agency, "since": since}
    return int(db.execute(revised if held else new, values).fetchone()[0])


def part(waiting: Sequence[QuarantinedPage], collapses: Sequence[Collapse]) -> Iterator[tuple[QuarantinedPage, bool]]:
    """Each row that is not judged yet, and whether it lacks what has collapsed, in new releases or in held ones."""
    gone = {collapse.key for collapse in collapses}
    for kept in waiting:
        if kept.decision is None:
            yield kept, bool(gone & kept.keys)
