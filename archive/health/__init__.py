"""Judge agencies; health, health_events, delivered alerts.

Which events of health the operators were told of: the alerts table, a row for each event and way of telling.

Health: how each agency fares, judged by what came in. No clock but the one given, no network, no guess.

The first rule that fits decides; each is a function of its name in archive.health.

code            state         when
paused, …       paused        the list of agencies says so; or it names the agency no more (unlisted)
never_crawled   never worked  no crawl has ended yet (no fault)
not_read        suspect       no crawl for news ended for three days, or three times as long as is usual between two
all_fails       failing       two crawls for news or more in a row, over a day, got nothing but faults
lists_nothing   suspect       so many in a row got answers that list no release; 45 days' where under four are usual
all_refused     failing       releases are listed, and of the pages asked for over a day none could be read
none_held       never worked  releases are listed, nothing went wrong, and none was read
held_back       suspect       releases wait aside for somebody to look at them
fields          suspect       a field that half of the new pages told is told by a third of that or less: a new design
many_refused    suspect       half of the pages asked for in two weeks could not be read, and few before
source_fails    suspect       one of several sources has not answered for a day
lists_fewer     suspect       sources list less than a third of what is usual, and one of them fell at once
too_few         healthy       fewer than five days with releases: no habit is known
silent          suspect       silent for longer than ever before, and than in the same weeks of earlier years
quiet_season    quiet         silent for longer than usual, as in the same weeks of an earlier year
quiet_holiday   quiet         the same in the weeks of summer or Christmas, where there is no earlier year
fewer           suspect       less than a quarter of what came in the same three months a year ago
quiet           quiet         silent for longer than nineteen gaps in twenty
usual           healthy       none of all this

Failing and suspect are `never worked` where nothing is held yet. Red are suspect, failing and never worked, until
somebody acknowledges the fault (`scrapy health --acknowledge SLUG`), and again once its state or reason change.

The rules of health, each a function, in the order of archive.health's table: the first with a verdict decides.

Judging agencies: what stands in the tables health and health_events after each crawl, and acknowledgements.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise, takewhile
from statistics import median
from typing import Any

from sqlite_utils import Database

from archive.dates import to_text
from archive.health.metrics import (
    FEW_PAGES,
    Crawl,
    Habit,
    Past,
    bad_pages,
    find_facts,
    find_lost,
    pages_of,
    read_past,
    top_fault,
    working_days,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change of an agency's health, with the agency's name."""

    id: int
    agency: str
    name: str
    name_en: str
    at: str
    state: str
    previous: str | None
    reason: str  # as JSON


class Alerts:
    """The alerts table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def untold(self, channel: str) -> list[Event]:
        """The events that were not told by one way yet, oldest first."""
        return self.find("not exists (select 1 from alerts where event = e.id and channel = ?) order by e.id", channel)

    def last_told(self, agency: str, channel: str) -> Event | None:
        """The last event of an agency that a message told of."""
        told = "select 1 from alerts where event = e.id and channel = ? and sent is not null"
        found = self.find(f"agency = ? and exists ({told}) order by e.id desc limit 1", agency, channel)
        return found[0] if found else None

    def find(self, where: str, *values: str) -> list[Event]:
        """Events, with the names of their agencies."""
        rows = self.db.execute(
            "select e.id, e.agency, a.name, coalesce(a.name_en, a.name), e.at, e.state, e.previous, e.reason"
            f" from health_events e join agencies a on a.slug = e.agency where {where}",
            values,
        )
        return [Event(**dict(zip(Event.__dataclass_fields__, row, strict=True))) for row in rows]

    def is_used(self, channel: str) -> bool:
        """Whether any event was ever noted for one way."""
        return bool(self.db.execute("select exists (select 1 from alerts where channel = ?)", [channel]).fetchone()[0])

    def last(self, channel: str) -> str | None:
        """When a message last went out by one way."""
        (last,) = self.db.execute("select max(sent) from alerts where channel = ?", [channel]).fetchone()
        return str(last) if last else None

    def tell(self, events: list[Event], channel: str, sent: datetime | None) -> None:
        """Note events as told; `sent`: when the message went out, None where they gave no cause for one."""
        self.db.conn.executemany(
            "insert or ignore into alerts (event, channel, sent) values (?, ?, ?)",
            [(event.id, channel, to_text(sent)) for event in events],
        )


A_DAY = timedelta(hours=20)  # what lasts so long, seen by two crawls or more, is no passing fault
UNREAD = timedelta(days=3)  # without a crawl
LATELY, AS_BEFORE = 3, 6  # crawls that tell what a fault mostly is, and whether it is still what it was
SECOND_LOOK = timedelta(days=14)  # as far back as refused pages are counted
FEW, EMPTY = 4, timedelta(days=45)  # what names so few may be a list of the last weeks, and empty for as long
DECLINE, LEAST, SEASON = 4, 16, timedelta(days=90)
YEAR = timedelta(days=364)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A state and why: `code` names the rule, `what` the kind of its fault; values go into the sentence.

    also: kinds that the newest crawls met as well. As long as a fault known before is one of them, it is the same.
    """

    state: str
    code: str
    what: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    also: frozenset[str] = frozenset()


def judge(past: Past, paused: str = "") -> Verdict:
    """What an agency's past says of it now. paused: why nobody reads it (a reason's code), if that is so."""
    if paused:
        return Verdict("paused", paused)
    verdict = next(filter(None, (rule(past) for rule in RULES)), None) or judge_silence(past)
    if verdict.state in ("failing", "suspect") and not past.held:
        return replace(verdict, state="never worked")
    return verdict


# -- what keeps us from reading ------------------------------------------------------------------------------


def never_crawled(past: Past) -> Verdict | None:
    """No crawl has ended yet that asked the agency for anything."""
    tried = past.searched or any(crawl["requests"] for crawl in past.crawls)
    return None if tried else Verdict("never worked", "never_crawled")


def not_read(past: Past) -> Verdict | None:
    """No crawl for news ended for three days, or three times as long as is usual between two."""
    starts = [crawl.started for crawl in past.crawls if crawl.spider == "news"]
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(starts)]
    usual = timedelta(seconds=median(gaps)) if gaps else UNREAD
    last = past.searched or past.crawls[-1].started  # no search has ended yet, though other crawls have
    if past.now - last > max(UNREAD, 3 * usual):
        return Verdict("suspect", "not_read", values={"last": to_text(last)})
    return None


def all_fails(past: Past) -> Verdict | None:
    """Crawls in a row, over a day, asked and got nothing but faults."""
    streak = list(takewhile(lambda crawl: not crawl.worked and crawl.faults, past.news))
    if lasts(streak) or (streak and not past.held and len(streak) == len(past.news)):
        return blame("failing", "all_fails", [one.faults for one in streak], since=to_text(streak[-1].started))
    return None


def lists_nothing(past: Past) -> Verdict | None:
    """Crawls in a row, over a day, got answers that list no release."""
    streak = list(takewhile(lambda crawl: not crawl.worked, past.news))
    if not streak:
        return None
    before = past.news[len(streak)]["listed"] if len(streak) < len(past.news) else FEW
    if before < FEW and past.now - streak[-1].started < EMPTY:
        return None
    if lasts(streak) or (not past.held and len(streak) == len(past.news)):
        return Verdict("suspect", "lists_nothing", values={"since": to_text(streak[-1].started)})
    return None


def all_refused(past: Past) -> Verdict | None:
    """Pages are listed, but none of those asked for over a day could be read: three at least."""
    crawls = pages_of(past)
    streak = list(takewhile(lambda crawl: not crawl.good, crawls))
    bad = sum(map(bad_pages, streak))
    if (bad >= 3 and lasts(streak)) or (bad and not past.held and len(streak) == len(crawls)):
        return blame("failing", "all_refused", [one.page_faults for one in streak], bad=bad)
    return None


def none_held(past: Past) -> Verdict | None:
    """Releases are listed and nothing went wrong, but none was read yet."""
    return None if past.held else Verdict("never worked", "none_held")


# -- what is read, but looks wrong ---------------------------------------------------------------------------


def held_back(past: Past) -> Verdict | None:
    """Releases wait aside for somebody to look at them."""
    return Verdict("suspect", "held_back", values={"n": past.held_back}) if past.held_back else None


def fields_collapse(past: Past) -> Verdict | None:
    """A field that new pages used to tell is hardly told any more: the pages may have a new design.

    Pages looked at again are no measure: which are due together depends on what dates they tell. They are held
    against their own former selves (see held_back).
    """
    crawls = [crawl for crawl in past.reads if crawl.spider == "news" and not past.is_settled(crawl)]
    if lost := sorted(find_lost(crawls, past.accepted)):
        before, now = lost[0][1:]
        names = [name for name, *_ in lost]
        return Verdict("suspect", "fields", " ".join(names), {"fields": names, "before": before, "now": now})
    return None


def many_refused(past: Past) -> Verdict | None:
    """Half of the pages asked for in two weeks could not be read, five at least, and few before that."""
    crawls = pages_of(past)
    recent = [crawl for crawl in crawls if past.now - crawl.started <= SECOND_LOOK]
    older = crawls[len(recent) :]
    bad, good = sum(map(bad_pages, recent)), sum(crawl.good for crawl in recent)
    usual = sum(map(bad_pages, older)) / max(1, sum(bad_pages(crawl) + crawl.good for crawl in older))
    if bad >= FEW_PAGES and bad >= good and usual < 0.25 and lasts([one for one in recent if bad_pages(one)]):
        return blame("suspect", "many_refused", [one.page_faults for one in recent], bad=bad, n=bad + good)
    return None


def source_fails(past: Past) -> Verdict | None:
    """One of several sources has not answered for a day."""
    streak = list(takewhile(lambda crawl: crawl["errors"] > 0, past.news))
    if past.failed_sources and lasts(streak):
        url = past.failed_sources[0]
        return Verdict("suspect", "source_fails", url, {"url": url, "since": to_text(streak[-1].started)})
    return None


def lists_fewer(past: Past) -> Verdict | None:
    """Sources list less than a third of what they usually did, over a day, and one of them fell to that at once.

    Else sitemaps were only cut anew, a crawl asked for the latest alone, or a list of the last weeks became short.
    """
    days = [day.listed for day in past.days if day.listed]
    usual = median(days) if days else 0
    streak = list(takewhile(lambda crawl: 3 * crawl["listed"] < usual, past.news))
    if past.thin and usual >= 6 and len(days) >= 5 and lasts(streak):
        return Verdict("suspect", "lists_fewer", values={"n": streak[0]["listed"], "before": round(usual)})
    return None


# -- what comes in -------------------------------------------------------------------------------------------


def judge_silence(past: Past) -> Verdict:
    """Whether the agency publishes as it usually does."""
    habit, newest = past.habit, past.newest
    if habit is None or newest is None:
        return Verdict("healthy", "too_few")
    told = {"newest": to_text(newest), "usual": round(habit.usual), "long": habit.long}
    silence, working = (past.today - newest).days, working_days(newest, past.today, habit.summer)
    if silence <= habit.long:
        return declines(past) or Verdict("healthy", "usual", values=told)
    if working > habit.allowed and silence > season_allows(habit):
        return Verdict("suspect", "silent", values=told)
    if habit.season is None and silence > habit.allowed:
        return Verdict("quiet", "quiet_holiday", values=told)
    if silence > habit.allowed or (habit.season or 0) >= silence:
        return Verdict("quiet", "quiet_season", values=told)
    return declines(past) or Verdict("quiet", "quiet", values={**told, "allowed": habit.allowed})


def season_allows(habit: Habit) -> int:
    """Days of silence that are usual at this time of the year, and a week."""
    return 0 if habit.season is None else habit.season + 7


def declines(past: Past) -> Verdict | None:
    """Less than a quarter of what was published in the same three months a year ago, which were sixteen at least."""
    now = published(past, past.today)
    before = published(past, past.today - YEAR)
    if before >= LEAST and now * DECLINE < before:
        return Verdict("suspect", "fewer", values={"n": now, "before": before})
    return None


def published(past: Past, until: date) -> int:
    """Releases of the three months up to a day."""
    return sum(number for day, number in past.releases.items() if until - SEASON < day <= until)


def find_expected(past: Past) -> date | None:
    """The day by which the next release is to be expected."""
    habit, newest = past.habit, past.newest
    if habit is None or newest is None:
        return None
    season = habit.season or 0
    return newest + timedelta(days=season if habit.long < (past.today - newest).days <= season else habit.long)


def blame(state: str, code: str, faults: Sequence[Mapping[str, int]], **values: object) -> Verdict:
    """A verdict on crawls by their faults, the newest first: by the kind that was met most of late."""
    fault = top_fault(faults[:LATELY])
    met = frozenset(kind for one in faults[:AS_BEFORE] for kind in one)
    return Verdict(state, code, fault, {"fault": fault, **values}, met)


def lasts(streak: Sequence[Crawl]) -> bool:
    """Whether crawls are two at least and lie a day apart."""
    return len(streak) >= 2 and streak[0].started - streak[-1].started >= A_DAY


Rule = Callable[[Past], Verdict | None]
RULES: tuple[Rule, ...] = (
    *(never_crawled, not_read, all_fails, lists_nothing, all_refused, none_held),
    *(held_back, fields_collapse, many_refused, source_fails, lists_fewer),
)


def since_of(verdict: Verdict, now: datetime) -> str:
    """When a state began, by the crawls that showed it; now where they do not tell."""
    return str(verdict.values.get("since") or verdict.values.get("last") or to_text(now))


RED = ("suspect", "failing", "never worked")  # unless acknowledged
NO_FAULT = ("never_crawled",)  # reasons that are no fault in any state


def judge_agencies(
    db: Database, agencies: Iterable[str], now: datetime, paused: Mapping[str, str] | None = None
) -> None:
    """Judge agencies and write what changed; commits nothing. paused: slug → the code of why nobody reads it."""
    for agency in agencies:
        judge_agency(db, agency, now, (paused or {}).get(agency, ""))


def judge_agency(db: Database, agency: str, now: datetime, paused: str = "") -> None:
    """One agency: its row of health, and a row of health_events where state or reason became another."""
    past, before = read_past(db, agency, now), read_health(db, agency)
    verdict = steady(judge(past, paused), before)
    changed = before is None or before["state"] != verdict.state
    other = changed or (is_fault(verdict.state, verdict.code) and key_of(before) != (verdict.code, verdict.what))
    reason = json.dumps({"code": verdict.code, "what": verdict.what, **verdict.values}, ensure_ascii=False)
    facts = find_facts(past, before["facts"] if before else {})
    row = {
        "agency": agency,
        "state": verdict.state,
        "since": since_of(verdict, now) if changed or before is None else before["since"],
        "reason": reason,
        "newest": to_text(past.newest),
        "usual_gap": past.habit.usual if past.habit else None,
        "expected": to_text(find_expected(past)),
        "judged": to_text(now),
        "acknowledged": before["acknowledged"] if before and not other else None,
        "facts": json.dumps(facts, ensure_ascii=False),
    }
    db.execute(
        f"insert or replace into health ({', '.join(row)}) values ({', '.join(f':{name}' for name in row)})", row
    )
    if other:
        db.execute(
            "insert into health_events (agency, at, state, previous, reason) values (?, ?, ?, ?, ?)",
            [agency, to_text(now), verdict.state, before["state"] if before else None, reason],
        )


def steady(verdict: Verdict, before: Mapping[str, Any] | None) -> Verdict:
    """A verdict that differs from the last one only where the fault does: its kind, and since when it is there."""
    told = before["reason"] if before else {}
    if told.get("code") != verdict.code:
        return verdict
    values = dict(verdict.values)
    if told.get("since") and values.get("since"):  # older crawls are not looked at any more
        values["since"] = min(str(told["since"]), str(values["since"]))
    if told["what"] in verdict.also:
        return replace(verdict, what=told["what"], values={**values, "fault": told["what"]})
    return replace(verdict, values=values)


def acknowledge(db: Database, agency: str, now: datetime) -> bool:
    """Keep an agency's fault quiet until state or reason change; False where it has none."""
    row = read_health(db, agency)
    if row is None or not is_fault(row["state"], row["reason"]["code"]):
        return False
    db.execute("update health set acknowledged = ? where agency = ?", [to_text(now), agency])
    return True


def read_health(db: Database, agency: str) -> dict[str, Any] | None:
    """An agency's row, its JSON read."""
    return next(iter(read_all(db, "where agency = ?", [agency])), None)


def read_all(db: Database, which: str = "", values: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Rows of health, their JSON read."""
    names = ("agency", "state", "since", "reason", "newest", "usual_gap", "expected", "judged", "acknowledged", "facts")
    rows = db.execute(f"select {', '.join(names)} from health {which}", list(values))
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [row | {name: json.loads(row[name]) for name in ("reason", "facts")} for row in found]


def is_fault(state: str, code: str) -> bool:
    """Whether something is wrong: not so where nobody has tried yet."""
    return state in RED and code not in NO_FAULT


def is_red(row: Mapping[str, Any]) -> bool:
    """Whether a row of health tells a fault that nobody has acknowledged."""
    return is_fault(row["state"], row["reason"]["code"]) and row["acknowledged"] is None


def key_of(row: Mapping[str, Any] | None) -> tuple[str, str]:
    """What must stay the same for a fault to be the same."""
    return (row["reason"]["code"], row["reason"]["what"]) if row else ("", "")
