"""Assesses the health of agencies from the results of their crawls, and records changes.

The first rule that applies determines the state. Each rule is a function of an agency's past up to
a given time. Rules do not read the clock and make no requests. "In a row" below means two or more
consecutive news crawls, with at least about a day between the first and the last.

code            state         when
paused, …       paused        paused in the agency list, or missing from that list (unlisted)
never_crawled   never worked  no crawl has ended yet (not a fault)
not_read        suspect       no news crawl ended for three days, or for three times the usual
                              interval if that is longer
pages_alike     suspect       many stored pages went missing in the same way: all show the same
                              page, or all give 404
pattern         failing       news crawls in a row got only links that do not match the pattern
all_fails       failing       news crawls in a row got only failures
lists_nothing   suspect       news crawls in a row listed no release (for at least 45 days if the
                              agency usually lists few)
more_refused    suspect       the share of pages refused for their content rose within 36 hours or a
                              week
all_refused     failing       releases are listed, but none of the pages requested over about a day
                              could be parsed
none_held       never worked  releases are listed and nothing failed, but no release was parsed
quarantined     suspect       releases are in quarantine and wait for a manual check
fields          suspect       a field that at least half of the pages contained has become at most a
                              third as common, probably because of a new design
many_refused    suspect       in two weeks, at least half of the attempts to read pages failed; few
                              failed before, and some pages still cannot be read
source_fails    suspect       one of several sources could not be read for about a day
lists_fewer     suspect       sources list less than a third of the usual number, and the number
                              that one of them lists dropped suddenly
too_few         healthy       too few days with releases to measure a rhythm
silent          suspect       silent for much longer than usual, and longer than in the same weeks
                              of earlier years
quiet_season    quiet         silent for longer than usual, as in the same weeks of an earlier year
quiet_holiday   quiet         silent for longer than usual in summer or at Christmas, if there is no
                              earlier year
fewer           suspect       in the last three months, less than a quarter of the releases of the
                              same months a year ago
quiet           quiet         silent for longer than 19 of 20 gaps between days with releases
usual           healthy       no other rule applies

Failing and suspect become `never worked` if no release is stored yet. Suspect, failing and never
worked are shown in red until the fault is acknowledged (`scrapy health --acknowledge SLUG`), and
again after the state or reason changes.
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

from archive.health.metrics import (
    MIN_EARLIER_PAGES,
    REJECTION_WINDOW,
    RISE_WINDOWS,
    SIGNIFICANCE_LEVEL,
    SMALL_SAMPLE_PAGES,
    AgencyActivity,
    Crawl,
    binomial_cdf,
    build_health_facts,
    find_commonest_failure,
    find_lost_fields,
)
from archive.health.publishing_rhythm import FIFTY_TWO_WEEKS
from archive.health.working_days import count_working_days
from archive.times import to_iso

# between the first and last faulty crawl; a shorter fault may be temporary
MIN_FAULT_DURATION = timedelta(hours=20)
MAX_CRAWL_GAP = timedelta(days=3)  # between two news crawls
MAX_COLLAPSE_AGE = timedelta(days=3)  # since the last check of a page in the collapse
RECENT_FAILURE_CRAWLS = 3  # newest crawls whose most frequent kind of failure names the fault
# newest crawls in which an earlier kind of failure must occur for the fault to count as the same
SAME_FAILURE_CRAWLS = 6
# a source that lists fewer may only cover the last weeks, and may be empty at times
MIN_LISTED_RELEASES = 4
MAX_EMPTY_PERIOD = timedelta(days=45)  # how long such a source may be empty
QUARTER = timedelta(days=90)  # compared with the same time a year ago
DECLINE_FACTOR = 4  # suspicious if fewer than a quarter of the releases came in
MIN_QUARTER_RELEASES = 16  # releases a year ago that are needed for a meaningful comparison

# A rise of the share of refused pages
MIN_RISE = 0.2  # share of the fetched pages that must be refused, and twice the earlier share
MIN_REFUSED_PAGES = 3  # different pages
MAX_CHANCE_PAGES = 500  # with more pages, such a rise is not chance


FAULT_STATES = ("suspect", "failing", "never worked")


@dataclass(frozen=True, slots=True)
class HealthAssessment:
    state: str
    code: str  # code of the rule
    what: str = ""  # what it is about: a kind of failure, fields, or a source
    values: Mapping[str, object] = field(default_factory=dict)  # values to insert into the sentence
    # Further kinds of failure in the newest crawls: if the stored fault is of one of them, it is
    # still the same.
    recent_kinds: frozenset[str] = frozenset()


def assess_agencies(
    db: Database,
    agencies: Iterable[str],
    now: datetime,
    pause_codes: Mapping[str, str] | None = None,
) -> None:
    """Assess agencies and store their health and health events, without committing.

    pause_codes: a map from the slug of each paused agency to the code of the reason for the pause.
    """
    for agency in agencies:
        assess_agency(db, agency, now, (pause_codes or {}).get(agency, ""))


def assess_agency(db: Database, agency: str, now: datetime, pause_code: str = "") -> None:
    """Assess an agency and store its health, without committing.

    If its state or the reason for a fault has changed, a health event is also stored.

    pause_code: the code of the reason why the agency is paused; "" if it is not paused.
    """
    activity, previous = AgencyActivity(db, agency, now), _read_health_row(db, agency)
    assessment = _carry_over_fault(_assess_health(activity, pause_code), previous)
    known = previous or {}
    state_changed = known.get("state") != assessment.state
    fault_changed = is_fault(assessment.state, assessment.code) and get_fault_key(
        known.get("reason", {})
    ) != (assessment.code, assessment.what)
    is_event = state_changed or fault_changed
    reason = json.dumps(
        {"code": assessment.code, "what": assessment.what, **assessment.values}, ensure_ascii=False
    )
    facts = build_health_facts(activity, known.get("facts", {}))
    # the time of the crawls that showed the state, if there were any
    started_at = assessment.values.get("since") or assessment.values.get("last") or to_iso(now)
    row = {
        "agency": agency,
        "state": assessment.state,
        "since": started_at if state_changed else known["since"],
        "reason": reason,
        "newest": to_iso(activity.last_release_day),
        "usual_gap": activity.rhythm.median_gap if activity.rhythm else None,
        "expected": to_iso(_predict_next_release(activity)),
        "judged": to_iso(now),
        "acknowledged": None if is_event else known["acknowledged"],
        "facts": json.dumps(facts, ensure_ascii=False),
    }
    db.table("health").insert(row, replace=True)
    if is_event:
        event = {"agency": agency, "at": to_iso(now), "state": assessment.state, "reason": reason}
        db.table("health_events").insert({**event, "previous": known.get("state")})


def _read_health_row(db: Database, agency: str) -> dict[str, Any] | None:
    return next(iter(read_health_rows(db, "agency = ?", [agency])), None)


def read_health_rows(
    db: Database, condition: str | None = None, values: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return rows of `health`, with their JSON values parsed."""
    rows = db.table("health").rows_where(condition, values)
    return [row | {name: json.loads(row[name]) for name in ("reason", "facts")} for row in rows]


def _carry_over_fault(
    assessment: HealthAssessment, previous: Mapping[str, Any] | None
) -> HealthAssessment:
    """Return the assessment, with the start of the previous fault if both have the same code.

    In this case, the type of the previous fault is also kept if failures of that type still occur.
    """
    reason = previous["reason"] if previous else {}
    if reason.get("code") != assessment.code:
        return assessment
    values = dict(assessment.values)
    # the first crawls of the fault may be too old to be read now
    if reason.get("since") and values.get("since"):
        values["since"] = min(str(reason["since"]), str(values["since"]))
    if reason["what"] in assessment.recent_kinds:
        return replace(assessment, what=reason["what"], values={**values, "fault": reason["what"]})
    return replace(assessment, values=values)


def get_fault_key(reason: Mapping[str, Any]) -> tuple[str, str]:
    """Return the code and type of a fault. Two faults with the same key count as the same fault."""
    return str(reason.get("code", "")), str(reason.get("what", ""))


def is_fault(state: str, code: str) -> bool:
    """Return whether a state is a fault. An agency that was never crawled has no fault."""
    return state in FAULT_STATES and code != "never_crawled"


def is_unacknowledged_fault(row: Mapping[str, Any]) -> bool:
    return is_fault(row["state"], row["reason"]["code"]) and row["acknowledged"] is None


def acknowledge_fault(db: Database, agency: str, now: datetime) -> bool:
    """Acknowledge an agency's fault until its state or reason changes.

    Returns False if the agency has no fault to acknowledge.
    """
    row = _read_health_row(db, agency)
    if row is None or not is_fault(row["state"], row["reason"]["code"]):
        return False
    db.table("health").update(agency, {"acknowledged": to_iso(now)})
    return True


def _assess_health(activity: AgencyActivity, pause_code: str = "") -> HealthAssessment:
    """Assess an agency from its recorded activity.

    pause_code: the code of the reason why the agency is paused; "" if it is not paused.
    """
    if pause_code:
        return HealthAssessment("paused", pause_code)
    assessment = next(
        filter(None, (rule(activity) for rule in HEALTH_RULES)), None
    ) or assess_publishing(activity)
    if assessment.state in ("failing", "suspect") and not activity.stored_releases:
        return replace(assessment, state="never worked")
    return assessment


# Rules about obstacles to crawling


def _check_never_crawled(activity: AgencyActivity) -> HealthAssessment | None:
    tried = activity.last_news_crawl_at or any(crawl.requests for crawl in activity.crawls)
    return None if tried else HealthAssessment("never worked", "never_crawled")


def _check_crawl_gap(activity: AgencyActivity) -> HealthAssessment | None:
    starts = [crawl.started for crawl in activity.crawls if crawl.spider == "news"]
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(starts)]
    usual_gap = timedelta(seconds=median(gaps)) if gaps else MAX_CRAWL_GAP
    # If no news crawl has ended yet, another crawl has; the agency is known since the oldest one.
    last = activity.last_news_crawl_at or activity.crawls[-1].started
    if activity.now - last > max(MAX_CRAWL_GAP, 3 * usual_gap):
        return HealthAssessment("suspect", "not_read", values={"last": to_iso(last)})
    return None


def _check_collapse(activity: AgencyActivity) -> HealthAssessment | None:
    collapse = activity.collapse
    if (
        collapse is None
        or activity.now - datetime.fromisoformat(collapse.last_seen) > MAX_COLLAPSE_AGE
    ):
        return None
    # kind of removal → kind of failure, if they differ
    values = {
        "since": collapse.first_seen,
        "bad": collapse.missing,
        "n": collapse.checked,
        "fault": {"gone": "status 404"}.get(collapse.kind, collapse.kind),
        "shown": collapse.shown or "",
        "url": collapse.example_url,
    }
    return HealthAssessment("suspect", "pages_alike", collapse.kind, values)


def check_pattern(activity: AgencyActivity) -> HealthAssessment | None:
    """Return a fault if sources list links, but the agency's `releases` pattern matches none.

    Returns None otherwise. The cause of this fault is an error in agencies.toml, not on the
    agency's site.
    """
    streak = list(
        takewhile(
            lambda crawl: not crawl.succeeded and "pattern" in crawl.failures, activity.news_crawls
        )
    )
    if _is_persistent(streak) or _is_whole_history(streak, activity.news_crawls, activity):
        values = {"since": to_iso(streak[-1].started), "url": activity.source_url}
        return HealthAssessment("failing", "pattern", values=values)
    return None


def _check_all_failing(activity: AgencyActivity) -> HealthAssessment | None:
    streak = list(
        takewhile(lambda crawl: not crawl.succeeded and crawl.failures, activity.news_crawls)
    )
    if _is_persistent(streak) or _is_whole_history(streak, activity.news_crawls, activity):
        return _assess_failures(
            "failing",
            "all_fails",
            [crawl.failures for crawl in streak],
            since=to_iso(streak[-1].started),
            url=(*activity.failed_sources, activity.source_url)[0],
        )
    return None


def _check_empty_listings(activity: AgencyActivity) -> HealthAssessment | None:
    streak = list(takewhile(lambda crawl: not crawl.succeeded, activity.news_crawls))
    if not streak:
        return None
    before = activity.news_crawls[len(streak) :]
    listed_before = before[0].listed if before else MIN_LISTED_RELEASES
    if listed_before < MIN_LISTED_RELEASES and activity.now - streak[-1].started < MAX_EMPTY_PERIOD:
        return None
    if _is_persistent(streak) or _is_whole_history(streak, activity.news_crawls, activity):
        values = {"since": to_iso(streak[-1].started), "url": activity.source_url}
        return HealthAssessment("suspect", "lists_nothing", values=values)
    return None


def _check_all_rejected(activity: AgencyActivity) -> HealthAssessment | None:
    streak = list(takewhile(lambda crawl: not crawl.readable_pages, activity.crawls_of_pages))
    unreadable = [crawl.unreadable_pages for crawl in streak]
    if (sum(unreadable) >= 3 and _is_persistent(streak)) or (
        any(unreadable) and _is_whole_history(streak, activity.crawls_of_pages, activity)
    ):
        pages = activity.unreadable_pages.items()
        urls = [url for url, fetched_at in pages if fetched_at >= streak[-1].started]
        return _assess_failures(
            "failing",
            "all_refused",
            [crawl.page_failures for crawl in streak],
            n=max(len(urls), *unreadable),  # counts each page once, however often it was fetched
            url=(*urls, activity.source_url)[0],
        )
    return None


def _check_nothing_stored(activity: AgencyActivity) -> HealthAssessment | None:
    return None if activity.stored_releases else HealthAssessment("never worked", "none_held")


def _check_refusal_rise(activity: AgencyActivity) -> HealthAssessment | None:
    # It does not wait for a second day, because a crisis is when releases matter most. It comes
    # before the rule for all pages, so that a rise that reaches all of them is not a second fault,
    # and before quarantine, so that a known fault of a few pages does not hide it.
    for window in RISE_WINDOWS:
        found = activity.count_refusals(window)
        if found and _is_refusal_rise(**found):
            return HealthAssessment("suspect", "more_refused", values=found)
    return None


def _is_refusal_rise(
    *, bad: int, n: int, bad_before: int, before: int, pages: int, **_: object
) -> bool:
    """Return whether the share of refused pages (`bad` of `n`) has risen sharply, and by more than
    chance can explain.

    pages: how many pages are still refused. The result is False if there are too few of them: fewer
        than MIN_REFUSED_PAGES if at least half of all pages were refused, otherwise fewer than
        SMALL_SAMPLE_PAGES.
    """
    usual = (bad_before + 1) / (before + 2)  # rule of succession (Laplace)
    min_pages = MIN_REFUSED_PAGES if 2 * bad >= n else SMALL_SAMPLE_PAGES
    if before < MIN_EARLIER_PAGES or pages < min_pages:
        return False
    is_certain = n > MAX_CHANCE_PAGES or binomial_cdf(n - bad, n, 1 - usual) < SIGNIFICANCE_LEVEL
    return is_certain and bad >= n * max(MIN_RISE, 2 * usual)


# Rules about pages that were parsed but look wrong


def _check_quarantined_pages(activity: AgencyActivity) -> HealthAssessment | None:
    number = activity.quarantined
    return HealthAssessment("suspect", "quarantined", values={"n": number}) if number else None


def _check_field_loss(activity: AgencyActivity) -> HealthAssessment | None:
    # Only news crawls count. The pages of a revisit are due together because of their dates, so
    # they are not a fair sample; the quarantine compares them with their own stored state.
    crawls = [
        crawl
        for crawl in activity.page_crawls
        if crawl.spider == "news" and not activity.is_resolved(crawl)
    ]
    lost = sorted(find_lost_fields(crawls, activity.accepted_fields))
    if not lost:
        return None
    names = [name for name, *_ in lost]
    _, before, now = lost[0]
    return HealthAssessment(
        "suspect", "fields", " ".join(names), {"fields": names, "before": before, "now": now}
    )


def _check_many_rejected(activity: AgencyActivity) -> HealthAssessment | None:
    crawls = activity.crawls_of_pages
    recent = [crawl for crawl in crawls if activity.now - crawl.started <= REJECTION_WINDOW]
    failed, readable = _count_pages(recent)
    failed_before, readable_before = _count_pages(crawls[len(recent) :])
    share_before = failed_before / max(1, failed_before + readable_before)
    left = list(activity.unreadable_pages)  # pages that no later attempt could read
    if len(left) < SMALL_SAMPLE_PAGES or failed < readable or share_before >= 0.25:
        return None
    if not _is_persistent([crawl for crawl in recent if crawl.unreadable_pages]):
        return None
    counts = [crawl.page_failures for crawl in recent if crawl.page_failures]
    return _assess_failures("suspect", "many_refused", counts, n=len(left), url=left[0])


def _count_pages(crawls: Iterable[Crawl]) -> tuple[int, int]:
    """Return how many pages of the crawls could not be parsed, and how many could be parsed."""
    return sum(crawl.unreadable_pages for crawl in crawls), sum(
        crawl.readable_pages for crawl in crawls
    )


def _check_failing_source(activity: AgencyActivity) -> HealthAssessment | None:
    streak = list(takewhile(lambda crawl: crawl.errors > 0, activity.news_crawls))
    if activity.failed_sources and _is_persistent(streak):
        url = activity.failed_sources[0]
        values = {
            "url": url,
            "n": len(activity.failed_sources),
            "since": to_iso(streak[-1].started),
            "fault": find_commonest_failure(
                crawl.source_failures for crawl in streak[:RECENT_FAILURE_CRAWLS]
            ),
        }
        return HealthAssessment("suspect", "source_fails", url, values)
    return None


def _check_shrinking_listings(activity: AgencyActivity) -> HealthAssessment | None:
    # Without a sudden drop of one source, the cause is harmless: differently divided sitemaps, a
    # crawl that requested only the latest releases, or a list of the last weeks that became short.
    listed = activity.listed_by_day
    usual = median(listed) if listed else 0
    streak = list(takewhile(lambda crawl: 3 * crawl.listed < usual, activity.news_crawls))
    if activity.shrunken_sources and usual >= 6 and len(listed) >= 5 and _is_persistent(streak):
        values = {
            "n": streak[0].listed,
            "before": round(usual),
            "url": min(activity.shrunken_sources),
        }
        return HealthAssessment("suspect", "lists_fewer", values=values)
    return None


def _assess_failures(
    state: str, code: str, failure_counts: Sequence[Mapping[str, int]], **values: object
) -> HealthAssessment:
    """Return an assessment with the most common recent type of failure.

    failure_counts: the failures of each crawl by type, newest crawl first.
    """
    commonest = find_commonest_failure(failure_counts[:RECENT_FAILURE_CRAWLS])
    recent_kinds = frozenset(
        kind for counts in failure_counts[:SAME_FAILURE_CRAWLS] for kind in counts
    )
    return HealthAssessment(state, code, commonest, {"fault": commonest, **values}, recent_kinds)


def _is_persistent(streak: Sequence[Crawl]) -> bool:
    """Return whether two or more crawls span at least MIN_FAULT_DURATION from first to last."""
    return len(streak) >= 2 and streak[0].started - streak[-1].started >= MIN_FAULT_DURATION


def _is_whole_history(
    streak: Sequence[Crawl], crawls: Sequence[Crawl], activity: AgencyActivity
) -> bool:
    """Return whether a streak includes every crawl of an agency that has no releases.

    In that case, a single crawl is enough for a fault.
    """
    return bool(streak) and len(streak) == len(crawls) and not activity.stored_releases


HEALTH_RULES: tuple[Callable[[AgencyActivity], HealthAssessment | None], ...] = (
    _check_never_crawled,
    _check_crawl_gap,
    _check_collapse,
    check_pattern,
    _check_all_failing,
    _check_empty_listings,
    _check_refusal_rise,
    _check_all_rejected,
    _check_nothing_stored,
    _check_quarantined_pages,
    _check_field_loss,
    _check_many_rejected,
    _check_failing_source,
    _check_shrinking_listings,
)


# Rules about how much the agency publishes


def assess_publishing(activity: AgencyActivity) -> HealthAssessment:
    rhythm, newest = activity.rhythm, activity.last_release_day
    if rhythm is None or newest is None:
        return HealthAssessment("healthy", "too_few")
    values = {"newest": to_iso(newest), "usual": round(rhythm.median_gap), "long": rhythm.long_gap}
    silence, working = (
        (activity.today - newest).days,
        count_working_days(newest, activity.today, rhythm.summer_pace),
    )
    if silence <= rhythm.long_gap:
        return _check_decline(activity) or HealthAssessment("healthy", "usual", values=values)
    seasonal_limit = 0 if rhythm.seasonal_silence is None else rhythm.seasonal_silence + 7
    if working > rhythm.max_silence and silence > seasonal_limit:
        return HealthAssessment("suspect", "silent", values=values)
    if rhythm.seasonal_silence is None and silence > rhythm.max_silence:
        return HealthAssessment("quiet", "quiet_holiday", values=values)
    if silence > rhythm.max_silence or (rhythm.seasonal_silence or 0) >= silence:
        return HealthAssessment("quiet", "quiet_season", values=values)
    return _check_decline(activity) or HealthAssessment(
        "quiet", "quiet", values={**values, "allowed": rhythm.max_silence}
    )


def _check_decline(activity: AgencyActivity) -> HealthAssessment | None:
    now = _count_published(activity, activity.today)
    before = _count_published(activity, activity.today - FIFTY_TWO_WEEKS)
    if before >= MIN_QUARTER_RELEASES and now * DECLINE_FACTOR < before:
        return HealthAssessment("suspect", "fewer", values={"n": now, "before": before})
    return None


def _count_published(activity: AgencyActivity, until: date) -> int:
    """Count the releases published in the three months up to a given day."""
    return sum(
        number for day, number in activity.releases_by_day.items() if until - QUARTER < day <= until
    )


def _predict_next_release(activity: AgencyActivity) -> date | None:
    """Return the day by which the next release is expected, or None if the agency's rhythm is
    unknown.
    """
    rhythm, newest = activity.rhythm, activity.last_release_day
    if rhythm is None or newest is None:
        return None
    season = rhythm.seasonal_silence or 0
    is_seasonal = rhythm.long_gap < (activity.today - newest).days <= season
    return newest + timedelta(days=season if is_seasonal else rhythm.long_gap)
