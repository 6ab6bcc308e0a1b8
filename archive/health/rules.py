"""The rules of health, each a function, in the order of archive.health's table: the first with a verdict decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise, takewhile
from statistics import median

from archive.health.habit import Habit, working_days
from archive.health.pages import FEW_PAGES, bad_pages, find_lost, pages_of, top_fault
from archive.health.past import Crawl, Past
from archive.times import to_text

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
