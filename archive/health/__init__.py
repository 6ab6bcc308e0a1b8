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

from archive.dates import to_iso
from archive.health.metrics import (
    SMALL_SAMPLE_PAGES,
    AgencyActivity,
    Crawl,
    PublishingRhythm,
    build_health_facts,
    count_unreadable_pages,
    count_working_days,
    find_commonest_fault,
    find_lost_fields,
    list_page_crawls,
    read_activity,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthEvent:
    """A change of an agency's health, with the agency's name."""

    id: int
    agency: str
    name: str
    name_en: str
    at: str
    state: str
    previous: str | None
    reason: str  # as JSON


class AlertDeliveries:
    """The alerts table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def find_pending_events(self, channel: str) -> list[HealthEvent]:
        """The events that were not told by one way yet, oldest first."""
        return self.select_events(
            "not exists (select 1 from alert_deliveries where event = e.id and channel = ?) order by e.id", channel
        )

    def find_last_delivered_event(self, agency: str, channel: str) -> HealthEvent | None:
        """The last event of an agency that a message told of."""
        told = "select 1 from alert_deliveries where event = e.id and channel = ? and sent is not null"
        found = self.select_events(f"agency = ? and exists ({told}) order by e.id desc limit 1", agency, channel)
        return found[0] if found else None

    def select_events(self, condition: str, *values: str) -> list[HealthEvent]:
        """Events, with the names of their agencies."""
        rows = self.db.execute(
            "select e.id, e.agency, a.name, coalesce(a.name_en, a.name), e.at, e.state, e.previous, e.reason"
            f" from health_events e join agencies a on a.slug = e.agency where {condition}",
            values,
        )
        return [HealthEvent(**dict(zip(HealthEvent.__dataclass_fields__, row, strict=True))) for row in rows]

    def is_channel_used(self, channel: str) -> bool:
        """Whether any event was ever noted for one way."""
        return bool(
            self.db.execute("select exists (select 1 from alert_deliveries where channel = ?)", [channel]).fetchone()[0]
        )

    def find_last_delivery_time(self, channel: str) -> str | None:
        """When a message last went out by one way."""
        (last,) = self.db.execute("select max(sent) from alert_deliveries where channel = ?", [channel]).fetchone()
        return str(last) if last else None

    def mark_delivered(self, events: list[HealthEvent], channel: str, sent_at: datetime | None) -> None:
        """Note events as told; `sent`: when the message went out, None where they gave no cause for one."""
        self.db.conn.executemany(
            "insert or ignore into alert_deliveries (event, channel, sent) values (?, ?, ?)",
            [(event.id, channel, to_iso(sent_at)) for event in events],
        )


MIN_FAULT_DURATION = timedelta(hours=20)  # what lasts so long, seen by two crawls or more, is no passing fault
MAX_CRAWL_GAP = timedelta(days=3)  # without a crawl
RECENT_FAULT_CRAWLS, SAME_FAULT_CRAWLS = (
    3,
    6,
)  # crawls that tell what a fault mostly is, and whether it is still what it was
REJECTION_WINDOW = timedelta(days=14)  # as far back as refused pages are counted
MIN_LISTED_RELEASES, MAX_EMPTY_PERIOD = (
    4,
    timedelta(days=45),
)  # what names so few may be a list of the last weeks, and empty for as long
DECLINE_FACTOR, MIN_QUARTER_RELEASES, QUARTER = 4, 16, timedelta(days=90)
FIFTY_TWO_WEEKS = timedelta(days=364)


@dataclass(frozen=True, slots=True)
class HealthAssessment:
    """A state and why: `code` names the rule, `what` the kind of its fault; values go into the sentence.

    also: kinds that the newest crawls met as well. As long as a fault known before is one of them, it is the same.
    """

    state: str
    code: str
    what: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    recent_kinds: frozenset[str] = frozenset()


def assess_health(activity: AgencyActivity, pause_code: str = "") -> HealthAssessment:
    """What an agency's past says of it now. paused: why nobody reads it (a reason's code), if that is so."""
    if pause_code:
        return HealthAssessment("paused", pause_code)
    verdict = next(filter(None, (rule(activity) for rule in HEALTH_RULES)), None) or assess_publishing(activity)
    if verdict.state in ("failing", "suspect") and not activity.stored_releases:
        return replace(verdict, state="never worked")
    return verdict


# -- what keeps us from reading ------------------------------------------------------------------------------


def check_never_crawled(activity: AgencyActivity) -> HealthAssessment | None:
    """No crawl has ended yet that asked the agency for anything."""
    tried = activity.last_news_crawl_at or any(crawl["requests"] for crawl in activity.crawls)
    return None if tried else HealthAssessment("never worked", "never_crawled")


def check_crawl_gap(activity: AgencyActivity) -> HealthAssessment | None:
    """No crawl for news ended for three days, or three times as long as is usual between two."""
    starts = [crawl.started for crawl in activity.crawls if crawl.spider == "news"]
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(starts)]
    usual = timedelta(seconds=median(gaps)) if gaps else MAX_CRAWL_GAP
    last = (
        activity.last_news_crawl_at or activity.crawls[-1].started
    )  # no search has ended yet, though other crawls have
    if activity.now - last > max(MAX_CRAWL_GAP, 3 * usual):
        return HealthAssessment("suspect", "not_read", values={"last": to_iso(last)})
    return None


def check_all_failing(activity: AgencyActivity) -> HealthAssessment | None:
    """Crawls in a row, over a day, asked and got nothing but faults."""
    streak = list(takewhile(lambda crawl: not crawl.succeeded and crawl.faults, activity.news_crawls))
    if is_persistent(streak) or (streak and not activity.stored_releases and len(streak) == len(activity.news_crawls)):
        return assess_faults("failing", "all_fails", [one.faults for one in streak], since=to_iso(streak[-1].started))
    return None


def check_empty_listings(activity: AgencyActivity) -> HealthAssessment | None:
    """Crawls in a row, over a day, got answers that list no release."""
    streak = list(takewhile(lambda crawl: not crawl.succeeded, activity.news_crawls))
    if not streak:
        return None
    before = (
        activity.news_crawls[len(streak)]["listed"] if len(streak) < len(activity.news_crawls) else MIN_LISTED_RELEASES
    )
    if before < MIN_LISTED_RELEASES and activity.now - streak[-1].started < MAX_EMPTY_PERIOD:
        return None
    if is_persistent(streak) or (not activity.stored_releases and len(streak) == len(activity.news_crawls)):
        return HealthAssessment("suspect", "lists_nothing", values={"since": to_iso(streak[-1].started)})
    return None


def check_all_rejected(activity: AgencyActivity) -> HealthAssessment | None:
    """Pages are listed, but none of those asked for over a day could be read: three at least."""
    crawls = list_page_crawls(activity)
    streak = list(takewhile(lambda crawl: not crawl.readable_pages, crawls))
    bad = sum(map(count_unreadable_pages, streak))
    if (bad >= 3 and is_persistent(streak)) or (bad and not activity.stored_releases and len(streak) == len(crawls)):
        return assess_faults("failing", "all_refused", [one.page_faults for one in streak], bad=bad)
    return None


def check_nothing_stored(activity: AgencyActivity) -> HealthAssessment | None:
    """Releases are listed and nothing went wrong, but none was read yet."""
    return None if activity.stored_releases else HealthAssessment("never worked", "none_held")


# -- what is read, but looks wrong ---------------------------------------------------------------------------


def check_quarantined_pages(activity: AgencyActivity) -> HealthAssessment | None:
    """Releases wait aside for somebody to look at them."""
    return (
        HealthAssessment("suspect", "quarantined", values={"n": activity.quarantined}) if activity.quarantined else None
    )


def check_field_loss(activity: AgencyActivity) -> HealthAssessment | None:
    """A field that new pages used to tell is hardly told any more: the pages may have a new design.

    Pages looked at again are no measure: which are due together depends on what dates they tell. They are held
    against their own former selves (see held_back).
    """
    crawls = [crawl for crawl in activity.page_crawls if crawl.spider == "news" and not activity.is_resolved(crawl)]
    if lost := sorted(find_lost_fields(crawls, activity.accepted_fields)):
        before, now = lost[0][1:]
        names = [name for name, *_ in lost]
        return HealthAssessment("suspect", "fields", " ".join(names), {"fields": names, "before": before, "now": now})
    return None


def check_many_rejected(activity: AgencyActivity) -> HealthAssessment | None:
    """Half of the pages asked for in two weeks could not be read, five at least, and few before that."""
    crawls = list_page_crawls(activity)
    recent = [crawl for crawl in crawls if activity.now - crawl.started <= REJECTION_WINDOW]
    older = crawls[len(recent) :]
    bad, good = sum(map(count_unreadable_pages, recent)), sum(crawl.readable_pages for crawl in recent)
    usual = sum(map(count_unreadable_pages, older)) / max(
        1, sum(count_unreadable_pages(crawl) + crawl.readable_pages for crawl in older)
    )
    if (
        bad >= SMALL_SAMPLE_PAGES
        and bad >= good
        and usual < 0.25
        and is_persistent([one for one in recent if count_unreadable_pages(one)])
    ):
        return assess_faults("suspect", "many_refused", [one.page_faults for one in recent], bad=bad, n=bad + good)
    return None


def check_failing_source(activity: AgencyActivity) -> HealthAssessment | None:
    """One of several sources has not answered for a day."""
    streak = list(takewhile(lambda crawl: crawl["errors"] > 0, activity.news_crawls))
    if activity.failed_sources and is_persistent(streak):
        url = activity.failed_sources[0]
        return HealthAssessment("suspect", "source_fails", url, {"url": url, "since": to_iso(streak[-1].started)})
    return None


def check_shrinking_listings(activity: AgencyActivity) -> HealthAssessment | None:
    """Sources list less than a third of what they usually did, over a day, and one of them fell to that at once.

    Else sitemaps were only cut anew, a crawl asked for the latest alone, or a list of the last weeks became short.
    """
    days = [day.listed for day in activity.crawl_days if day.listed]
    usual = median(days) if days else 0
    streak = list(takewhile(lambda crawl: 3 * crawl["listed"] < usual, activity.news_crawls))
    if activity.shrunken_sources and usual >= 6 and len(days) >= 5 and is_persistent(streak):
        return HealthAssessment("suspect", "lists_fewer", values={"n": streak[0]["listed"], "before": round(usual)})
    return None


# -- what comes in -------------------------------------------------------------------------------------------


def assess_publishing(activity: AgencyActivity) -> HealthAssessment:
    """Whether the agency publishes as it usually does."""
    habit, newest = activity.rhythm, activity.last_release_day
    if habit is None or newest is None:
        return HealthAssessment("healthy", "too_few")
    told = {"newest": to_iso(newest), "usual": round(habit.median_gap), "long": habit.long_gap}
    silence, working = (activity.today - newest).days, count_working_days(newest, activity.today, habit.summer_pace)
    if silence <= habit.long_gap:
        return check_decline(activity) or HealthAssessment("healthy", "usual", values=told)
    if working > habit.max_silence and silence > find_seasonal_limit(habit):
        return HealthAssessment("suspect", "silent", values=told)
    if habit.seasonal_silence is None and silence > habit.max_silence:
        return HealthAssessment("quiet", "quiet_holiday", values=told)
    if silence > habit.max_silence or (habit.seasonal_silence or 0) >= silence:
        return HealthAssessment("quiet", "quiet_season", values=told)
    return check_decline(activity) or HealthAssessment("quiet", "quiet", values={**told, "allowed": habit.max_silence})


def find_seasonal_limit(rhythm: PublishingRhythm) -> int:
    """Days of silence that are usual at this time of the year, and a week."""
    return 0 if rhythm.seasonal_silence is None else rhythm.seasonal_silence + 7


def check_decline(activity: AgencyActivity) -> HealthAssessment | None:
    """Less than a quarter of what was published in the same three months a year ago, which were sixteen at least."""
    now = count_published(activity, activity.today)
    before = count_published(activity, activity.today - FIFTY_TWO_WEEKS)
    if before >= MIN_QUARTER_RELEASES and now * DECLINE_FACTOR < before:
        return HealthAssessment("suspect", "fewer", values={"n": now, "before": before})
    return None


def count_published(activity: AgencyActivity, until: date) -> int:
    """Releases of the three months up to a day."""
    return sum(number for day, number in activity.releases_by_day.items() if until - QUARTER < day <= until)


def predict_next_release(activity: AgencyActivity) -> date | None:
    """The day by which the next release is to be expected."""
    habit, newest = activity.rhythm, activity.last_release_day
    if habit is None or newest is None:
        return None
    season = habit.seasonal_silence or 0
    return newest + timedelta(
        days=season if habit.long_gap < (activity.today - newest).days <= season else habit.long_gap
    )


def assess_faults(
    state: str, code: str, fault_counts: Sequence[Mapping[str, int]], **values: object
) -> HealthAssessment:
    """A verdict on crawls by their faults, the newest first: by the kind that was met most of late."""
    fault = find_commonest_fault(fault_counts[:RECENT_FAULT_CRAWLS])
    met = frozenset(kind for one in fault_counts[:SAME_FAULT_CRAWLS] for kind in one)
    return HealthAssessment(state, code, fault, {"fault": fault, **values}, met)


def is_persistent(crawls: Sequence[Crawl]) -> bool:
    """Whether crawls are two at least and lie a day apart."""
    return len(crawls) >= 2 and crawls[0].started - crawls[-1].started >= MIN_FAULT_DURATION


HealthRule = Callable[[AgencyActivity], HealthAssessment | None]
HEALTH_RULES: tuple[HealthRule, ...] = (
    *(
        check_never_crawled,
        check_crawl_gap,
        check_all_failing,
        check_empty_listings,
        check_all_rejected,
        check_nothing_stored,
    ),
    *(check_quarantined_pages, check_field_loss, check_many_rejected, check_failing_source, check_shrinking_listings),
)


def find_state_start(assessment: HealthAssessment, now: datetime) -> str:
    """When a state began, by the crawls that showed it; now where they do not tell."""
    return str(assessment.values.get("since") or assessment.values.get("last") or to_iso(now))


FAULT_STATES = ("suspect", "failing", "never worked")  # unless acknowledged
FAULTLESS_CODES = ("never_crawled",)  # reasons that are no fault in any state


def assess_agencies(
    db: Database, agencies: Iterable[str], now: datetime, pause_codes: Mapping[str, str] | None = None
) -> None:
    """Judge agencies and write what changed; commits nothing. paused: slug → the code of why nobody reads it."""
    for agency in agencies:
        assess_agency(db, agency, now, (pause_codes or {}).get(agency, ""))


def assess_agency(db: Database, agency: str, now: datetime, pause_code: str = "") -> None:
    """One agency: its row of health, and a row of health_events where state or reason became another."""
    past, before = read_activity(db, agency, now), read_health_row(db, agency)
    verdict = carry_over_fault(assess_health(past, pause_code), before)
    changed = before is None or before["state"] != verdict.state
    other = changed or (is_fault(verdict.state, verdict.code) and get_fault_key(before) != (verdict.code, verdict.what))
    reason = json.dumps({"code": verdict.code, "what": verdict.what, **verdict.values}, ensure_ascii=False)
    facts = build_health_facts(past, before["facts"] if before else {})
    row = {
        "agency": agency,
        "state": verdict.state,
        "since": find_state_start(verdict, now) if changed or before is None else before["since"],
        "reason": reason,
        "newest": to_iso(past.last_release_day),
        "usual_gap": past.rhythm.median_gap if past.rhythm else None,
        "expected": to_iso(predict_next_release(past)),
        "judged": to_iso(now),
        "acknowledged": before["acknowledged"] if before and not other else None,
        "facts": json.dumps(facts, ensure_ascii=False),
    }
    db.execute(
        f"insert or replace into health ({', '.join(row)}) values ({', '.join(f':{name}' for name in row)})", row
    )
    if other:
        db.execute(
            "insert into health_events (agency, at, state, previous, reason) values (?, ?, ?, ?, ?)",
            [agency, to_iso(now), verdict.state, before["state"] if before else None, reason],
        )


def carry_over_fault(assessment: HealthAssessment, previous: Mapping[str, Any] | None) -> HealthAssessment:
    """A verdict that differs from the last one only where the fault does: its kind, and since when it is there."""
    told = previous["reason"] if previous else {}
    if told.get("code") != assessment.code:
        return assessment
    values = dict(assessment.values)
    if told.get("since") and values.get("since"):  # older crawls are not looked at any more
        values["since"] = min(str(told["since"]), str(values["since"]))
    if told["what"] in assessment.recent_kinds:
        return replace(assessment, what=told["what"], values={**values, "fault": told["what"]})
    return replace(assessment, values=values)


def acknowledge_fault(db: Database, agency: str, now: datetime) -> bool:
    """Keep an agency's fault quiet until state or reason change; False where it has none."""
    row = read_health_row(db, agency)
    if row is None or not is_fault(row["state"], row["reason"]["code"]):
        return False
    db.execute("update health set acknowledged = ? where agency = ?", [to_iso(now), agency])
    return True


def read_health_row(db: Database, agency: str) -> dict[str, Any] | None:
    """An agency's row, its JSON read."""
    return next(iter(read_health_rows(db, "where agency = ?", [agency])), None)


def read_health_rows(db: Database, condition: str = "", values: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Rows of health, their JSON read."""
    names = ("agency", "state", "since", "reason", "newest", "usual_gap", "expected", "judged", "acknowledged", "facts")
    rows = db.execute(f"select {', '.join(names)} from health {condition}", list(values))
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [row | {name: json.loads(row[name]) for name in ("reason", "facts")} for row in found]


def is_fault(state: str, code: str) -> bool:
    """Whether something is wrong: not so where nobody has tried yet."""
    return state in FAULT_STATES and code not in FAULTLESS_CODES


def is_unacknowledged_fault(row: Mapping[str, Any]) -> bool:
    """Whether a row of health tells a fault that nobody has acknowledged."""
    return is_fault(row["state"], row["reason"]["code"]) and row["acknowledged"] is None


def get_fault_key(row: Mapping[str, Any] | None) -> tuple[str, str]:
    """What must stay the same for a fault to be the same."""
    return (row["reason"]["code"], row["reason"]["what"]) if row else ("", "")
