"""What an agency's releases usually have: by its newest ones in the archive, as they stood before a crawl."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlite_utils import Database

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
