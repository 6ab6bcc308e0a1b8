"""Health of agencies, from invented pasts: real faults are found, nothing else is one, and each has
its reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any

import pytest
from sqlite_utils import Database

from archive.database.removals import Removals
from archive.database.schema import migrations
from archive.health.health_report import format_health_reason
from archive.health.rules import (
    FAULT_STATES,
    acknowledge_fault,
    assess_agency,
    is_unacknowledged_fault,
    read_health_rows,
)
from archive.i18n import SWEDISH_TIME
from tests.case_tables import load_cases

SLUG, HOME = "provverket", "https://prov.example/"
USUAL_FIELDS = {
    "title": 1.0,
    "lead": 1.0,
    "published": 1.0,
    "updated": 0.4,
    "tags": 0.8,
    "questions": 0.1,
}
DAY = timedelta(days=1)


class AgencyPast:
    """An agency in an archive in memory, which is crawled and assessed in the evenings."""

    def __init__(self, content: bytes | None = None) -> None:
        self.db = Database(memory=True)
        self.assessed: list[tuple[date, str, str]] = []  # changes: day, state, code
        if content is not None:
            self.db.conn.deserialize(content)
            return
        migrations.apply(self.db)
        self.db.table("agencies").insert({"slug": SLUG, "name": "Provverket", "home": HOME})

    def publish(self, *days: date) -> None:
        """Add a release for each day."""
        self.db.conn.executemany(
            "insert into release_facets (agency, sort_day, sort_date) values (?, ?, ?)",
            [(SLUG, f"{day}", f"{day}T09:00:00+02:00") for day in days],
        )

    def crawl(
        self,
        day: date,
        *,
        spider: str = "news",
        fields: Mapping[str, float] = USUAL_FIELDS,
        **counts: Any,
    ) -> None:
        """Add a crawl; of a site that works, unless `counts` has other numbers."""
        ended = evening(day) - timedelta(minutes=5)
        row: dict[str, Any] = {
            "listed": 20,
            "requests": 2,
            "parsed": 0,
            "not_modified": 0,
            "bytes": 9000,
            **counts,
        }
        row |= {name: json.dumps(row.get(name, {})) for name in ("failures", "source_failures")}
        row["field_counts"] = json.dumps(
            {name: round(share * row["parsed"]) for name, share in fields.items()}
        )
        row |= {"agency": SLUG, "spider": spider, "reason": "finished", "robots": "allowed"}
        row |= {
            "started": (ended - timedelta(minutes=4)).isoformat(),
            "finished": ended.isoformat(),
        }
        self.db.table("crawls").insert(row)

    def store(self, number: int, checked: str = "2023-09-01T05:00:00+00:00") -> None:
        """Add a release."""
        row = {"id": number, "agency": SLUG, "url": f"{HOME}{number}", "title": "Nr", "body": ""}
        row |= {"body_html": "", "checks": 0, "hash": str(number)}
        row |= {"added": "2023-01-01", "first_seen": "2023-01-01"}
        row |= {"last_checked": checked}
        self.db.table("releases").insert(row)

    def add_url(self, url: str, **columns: Any) -> None:
        """Add a URL to the frontier."""
        row = {
            "url": HOME + url,
            "agency": SLUG,
            "first_seen": "2021-01-01T00:00:00+00:00",
            **columns,
        }
        self.db.table("frontier").insert(row)

    def quarantine(self, **columns: Any) -> None:
        row = {
            "agency": SLUG,
            "url": f"{HOME}nyhet",
            "seen": "2023-09-01T00:00:00+00:00",
            "state": "{}",
            **columns,
        }
        self.db.table("quarantine").insert(row)

    def assess(self, day: date) -> tuple[str, str]:
        """Assess the agency, and return its state and the code of the reason."""
        assess_agency(self.db, SLUG, evening(day))
        if not self.assessed or self.assessed[-1][1:] != self.health:
            self.assessed.append((day, *self.health))
        return self.health

    def run(self, days: Iterable[date], published: Iterable[date] = (), **crawl: Any) -> set[str]:
        """Crawl and assess on each day; return all states so far.

        `published`: the days of new releases.
        """
        coming = sorted(published, reverse=True)
        for day in days:
            new = [coming.pop() for one in list(coming) if one <= day]
            self.publish(*new)
            self.crawl(day, **{"parsed": len(new), **crawl})
            self.assess(day)
        return {state for _, state, _ in self.assessed}

    @property
    def row(self) -> dict[str, Any]:
        """The agency's row in the table health."""
        return read_health_rows(self.db)[0]

    @property
    def health(self) -> tuple[str, str]:
        row = self.row
        return row["state"], row["reason"]["code"]

    @property
    def reason(self) -> str:
        return format_health_reason("en", self.row["reason"])


def evening(day: date) -> datetime:
    return datetime.combine(day, time(22), SWEDISH_TIME)


def list_days(first: date, last: date, step: int = 1) -> list[date]:
    return [first + n * DAY for n in range(0, (last - first).days + 1, step)]


def september(first: int, last: int) -> list[date]:
    return list_days(date(2023, 9, first), date(2023, 9, last))


def list_workdays(first: date, last: date) -> list[date]:
    """List Mondays to Fridays, without Easter and the weeks around Christmas."""
    easter = {date(2023, 4, 7), date(2023, 4, 10), date(2024, 3, 29), date(2024, 4, 1)}
    days = [day for day in list_days(first, last) if day.weekday() < 5 and day not in easter]
    return [day for day in days if (1, 7) < (day.month, day.day) < (12, 22)]


PAST = list_workdays(date(2021, 9, 1), date(2023, 8, 31))
AUTUMN = list_workdays(date(2023, 9, 1), date(2023, 12, 1))
NO_JULY = [day for day in PAST if day.month != 7]


@cache
def build_past() -> bytes:
    past = AgencyPast()
    past.publish(*PAST)
    past.run(list_days(date(2023, 8, 22), date(2023, 8, 31)), parsed=3)
    past.db.conn.commit()
    return bytes(past.db.conn.serialize())


@pytest.fixture
def past() -> AgencyPast:
    """An agency that has published on every workday for two years, until 31 August 2023."""
    return AgencyPast(build_past())


def test_silence_is_found_within_a_fortnight_though_crawls_work(past: AgencyPast) -> None:
    past.run(
        list_days(date(2023, 9, 1), date(2023, 10, 4)),
        [day for day in AUTUMN if day < date(2023, 9, 15)],
    )
    ((found, *health),) = [change for change in past.assessed if change[1] in FAULT_STATES]
    assert health == ["suspect", "silent"]
    assert found - date(2023, 9, 14) <= 14 * DAY
    assert past.row["newest"] == "2023-09-14"
    assert past.reason == (
        "Crawling works, but there has been nothing new since 14 September 2023. Gaps are seldom"
        " longer than 4 days."
    )


def test_usual_silence_in_summer_is_no_fault() -> None:
    past = AgencyPast()
    past.publish(*[day for day in NO_JULY if day < date(2023, 6, 20)])
    days = [day for day in NO_JULY if day >= date(2023, 6, 20)]
    assert past.run(list_days(date(2023, 6, 20), date(2023, 8, 10), 2), days) == {
        "healthy",
        "quiet",
    }
    assert "quiet_season" in {code for *_, code in past.assessed}


def test_silence_in_the_first_summer_is_no_fault_until_it_goes_on_after_it() -> None:
    past = AgencyPast()
    past.publish(*list_workdays(date(2023, 3, 1), date(2023, 6, 20)))
    assert past.run(list_days(date(2023, 6, 20), date(2023, 8, 15), 2)) == {"healthy", "quiet"}
    past.run(list_days(date(2023, 8, 16), date(2023, 8, 30), 2))
    assert past.health == ("suspect", "silent")


def test_silence_in_summer_is_found_if_an_agency_usually_publishes_then() -> None:
    past = AgencyPast()
    past.publish(*(day for day in PAST if day < date(2023, 7, 1)))
    past.run(list_days(date(2023, 7, 1), date(2023, 8, 1)))
    assert past.health == ("suspect", "silent")
    (found,) = [day for day, state, _ in past.assessed if state == "suspect"]
    assert found - date(2023, 6, 30) <= 28 * DAY


def test_three_releases_a_year_are_never_a_fault() -> None:
    past = AgencyPast()
    days = [
        date(2021, 3, 1),
        date(2021, 7, 1),
        date(2021, 11, 20),
        date(2022, 2, 1),
        date(2022, 5, 11),
    ]
    days += [
        date(2022, 12, 20),
        date(2023, 2, 1),
        date(2023, 6, 1),
        date(2023, 11, 11),
        date(2024, 8, 1),
    ]
    past.publish(*days[:3])
    assert past.run(list_days(date(2021, 12, 1), date(2024, 12, 31), 9), days[3:]) <= {
        "healthy",
        "quiet",
    }
    assert len(past.assessed) > 2


def test_slow_decline_is_a_fault(past: AgencyPast) -> None:
    spring = list_workdays(date(2023, 9, 1), date(2024, 6, 1))
    fewer = [day for day in spring if day.toordinal() % (3 + day.month % 9) == 0]
    past.run(list_days(date(2023, 9, 1), date(2024, 4, 1), 4), fewer)
    later = list_days(date(2024, 4, 2), date(2024, 6, 14), 9)
    assert past.run(list_days(date(2024, 4, 2), date(2024, 6, 14), 3), later) & set(
        FAULT_STATES
    ) == {"suspect"}
    assert past.health == ("suspect", "fewer")


ALL_FAILS: dict[str, Any] = {"listed": 0, "errors": 2}


@pytest.mark.parametrize(
    ("crawl", "health", "what", "since"),
    [
        ({**ALL_FAILS, "failures": {"dns": 2}}, ("failing", "all_fails"), "dns", 1),
        ({**ALL_FAILS, "failures": {"block page": 2}}, ("failing", "all_fails"), "block page", 1),
        (
            {**ALL_FAILS, "failures": {"robots unreachable": 2}},
            ("failing", "all_fails"),
            "robots unreachable",
            1,
        ),
        ({"listed": 0}, ("suspect", "lists_nothing"), "", 1),
        (
            {"parsed": 0, "rejected": 2, "failures": {"login": 2}},
            ("failing", "all_refused"),
            "login",
            2,
        ),
        (
            {"listed": 0, "failures": {"pattern": 1}, "source_failures": {"pattern": 1}},
            ("failing", "pattern"),
            "",
            1,
        ),
    ],
    ids=["dns", "block page", "robots.txt", "empty listing", "login page", "pattern"],
)
def test_fault_is_one_from_the_second_day_until_a_crawl_succeeds(
    past: AgencyPast, crawl: dict[str, Any], health: tuple[str, str], what: str, since: int
) -> None:
    past.run(september(1, 1), **crawl)
    assert past.health[0] == "healthy"
    past.run(september(2, 2), **crawl)
    assert (past.health, past.row["reason"]["what"]) == (health, what)
    assert past.row["since"][:10] == f"2023-09-0{since}"
    past.run(september(3, 3), parsed=3)
    assert past.health[0] == "healthy"


def test_missing_fields_are_a_fault_until_they_are_back(past: AgencyPast) -> None:
    past.run(september(1, 12), AUTUMN, fields={**USUAL_FIELDS, "lead": 0.0, "published": 0.0})
    assert past.health == ("suspect", "fields")
    assert past.row["reason"]["fields"] == ["lead", "published"]
    assert past.row["facts"]["field_fill"]["lead"] == [60, 100]
    assert "a lead and a publication date: 0% now, 91% earlier" in past.reason
    past.run(september(13, 22), AUTUMN)
    assert past.health[0] == "healthy"


def test_new_releases_without_an_update_date_are_no_fault(past: AgencyPast) -> None:
    assert past.run(september(1, 29), AUTUMN, fields={**USUAL_FIELDS, "updated": 0.0}) == {
        "healthy"
    }


def test_fields_of_revisited_pages_are_no_fault_of_new_ones(past: AgencyPast) -> None:
    past.run(september(1, 12), AUTUMN)
    for day in september(1, 12):
        past.crawl(
            day,
            spider="revisit",
            parsed=9,
            fields={**USUAL_FIELDS, "published": float(day.day < 9)},
        )
    assert past.assess(date(2023, 9, 12))[0] == "healthy"


@pytest.mark.parametrize(
    ("decision", "reason"), [("reparsed", []), ("accepted", [{"field": "lead"}])]
)
def test_field_loss_that_was_decided_on_is_no_fault(
    past: AgencyPast, decision: str, reason: list[object]
) -> None:
    without_lead = {**USUAL_FIELDS, "lead": 0.0}
    past.run(september(1, 8), AUTUMN, fields=without_lead, quarantined=1)
    assert past.health == ("suspect", "fields")
    decided = evening(date(2023, 9, 8)).isoformat()
    past.quarantine(decision=decision, decided=decided, reason=json.dumps(reason))
    assert past.assess(date(2023, 9, 8))[0] == "healthy"
    past.assessed.clear()
    later = [day for day in AUTUMN if day > date(2023, 9, 8)]
    fields = without_lead if decision == "accepted" else USUAL_FIELDS
    assert past.run(september(9, 29), later, fields=fields) == {"healthy"}


def test_failing_source_is_a_fault_unless_all_pages_are_rejected_too(past: AgencyPast) -> None:
    fault = {"status 5xx": 1}
    failing: dict[str, Any] = {"errors": 1, "failures": fault, "source_failures": fault}
    rejected: dict[str, Any] = {
        **failing,
        "errors": 3,
        "rejected": 2,
        "failures": {**fault, "login": 2},
    }
    past.add_url("rss", role="feed", state="failed", fetched="2023-09-30T20:00:00+00:00")
    past.run(september(1, 4), **failing)
    assert [change[1:] for change in past.assessed] == [
        ("healthy", "usual"),
        ("suspect", "source_fails"),
    ]
    past.run(september(5, 6), **rejected)
    assert (past.health, past.row["reason"]["what"]) == (("failing", "all_refused"), "login")
    past.run(september(7, 7), september(7, 7))
    past.run(september(8, 10), **failing)
    assert past.health == ("suspect", "source_fails")
    past.db.execute("update frontier set state = 'done'")
    past.run(september(11, 11))
    assert past.health[0] == "healthy"


def test_source_that_answers_with_an_empty_page_is_named(past: AgencyPast) -> None:
    fault = {"empty source": 1}
    past.add_url("rss", role="listing", state="failed", fetched="2023-09-30T20:00:00+00:00")
    past.run(september(1, 4), errors=1, failures=fault, source_failures=fault)
    assert past.reason == (
        "One of the sources has not been readable since 1 September 2023: the page responded but"
        " listed nothing. Address: https://prov.example/rss"
    )


def test_pattern_that_fits_nothing_is_our_own_fault(past: AgencyPast) -> None:
    misfit: dict[str, Any] = {"failures": {"pattern": 1}, "source_failures": {"pattern": 1}}
    past.run(september(1, 4), **misfit)
    assert past.health[0] == "healthy", "another source has releases"
    past.run(september(5, 6), listed=0, **misfit)
    assert past.reason.startswith("The fault lies with the archive. Since ")
    assert "its setting “releases” has not matched any address" in past.reason
    assert format_health_reason("sv", past.row["reason"]).startswith(
        "Felet ligger hos arkivet: sedan "
    )


def test_page_rejected_in_several_crawls_is_counted_once(past: AgencyPast) -> None:
    for number in range(12):
        past.add_url(
            f"{number}",
            role="release",
            state="rejected",
            fetched=evening(date(2023, 9, 4)).isoformat(),
        )
    past.run(september(1, 4), parsed=0, rejected=12, failures={"outage": 12})
    assert past.reason == (
        "None of the 12 listed pages that were fetched could be read: the website said that it"
        " was out of service. Address: https://prov.example/0"
    )


def test_pages_that_go_missing_alike_are_a_fault(past: AgencyPast) -> None:
    ids = range(100_001, 100_007)
    for number in ids:
        past.store(number)
    removals, at = Removals(past.db), evening(date(2023, 9, 1))
    for number in ids[:4]:
        removals.mark_missing(number, at, "replaced", status=200, target="Vi bygger om webbplatsen")
    past.run(september(1, 1))
    assert past.health == ("suspect", "pages_alike")
    assert past.reason == (
        "Since 1 September 2023, 4 of 4 checked pages have had the same fault: a different text was"
        " at the addresses (“Vi bygger om webbplatsen”). This suggests a fault on the website. None"
        " of the releases counts as removed while the fault lasts. Address: https://prov.example/100004"
    )
    for number in ids[:4]:
        removals.mark_present(number, at + DAY)
    past.run(september(2, 2))
    assert past.health[0] == "healthy"


def test_listing_that_shrinks_is_a_fault_if_a_source_has_fewer_links(past: AgencyPast) -> None:
    past.run(september(1, 3), AUTUMN, listed=4)
    assert past.health[0] == "healthy", (
        "only the latest were requested, or sitemaps were divided differently"
    )
    past.add_url("rss", role="feed", state="done", links=4, usual_links=20)
    assert past.assess(date(2023, 9, 3)) == ("suspect", "lists_fewer")


def test_listing_of_the_last_weeks_may_be_empty_for_45_days(past: AgencyPast) -> None:
    past.run(september(1, 9), AUTUMN, listed=2)
    past.run(september(10, 14), listed=0)
    assert past.health[0] in ("healthy", "quiet")
    past.run(list_days(date(2023, 9, 15), date(2023, 10, 30), 3), AUTUMN, listed=0)
    assert past.health == ("suspect", "lists_nothing")


def test_new_agency() -> None:
    past = AgencyPast()
    assert past.assess(date(2023, 9, 1)) == ("never worked", "never_crawled")
    assert not is_unacknowledged_fault(past.row)
    past.run(september(1, 1), listed=3, parsed=0, rejected=3, failures={"consent wall": 3})
    assert past.health == ("never worked", "all_refused")
    assert is_unacknowledged_fault(past.row)
    past.run(september(2, 2), september(1, 1), parsed=3)
    assert past.health == ("healthy", "too_few")
    past = AgencyPast()
    past.run(september(1, 1), listed=0)
    assert past.health == ("never worked", "lists_nothing")


def test_missing_news_crawls_are_a_fault_after_three_days(past: AgencyPast) -> None:
    assert past.assess(date(2023, 9, 2))[0] == "healthy"
    for day in september(1, 4):
        past.crawl(day, spider="revisit", parsed=9)
    assert past.assess(date(2023, 9, 4)) == ("suspect", "not_read")
    assert past.row["reason"]["last"][:10] == "2023-08-31"


def test_quarantined_page_is_a_fault_from_its_check_until_its_decision(past: AgencyPast) -> None:
    day = date(2023, 8, 31)
    past.quarantine(reason="[]")
    assert past.assess(day)[0] == "healthy"
    past.db.execute("update quarantine set decision = 'confirmed'")
    assert past.assess(day) == ("suspect", "quarantined")
    past.db.execute("update quarantine set decided = '2023-09-01'")
    assert past.assess(day)[0] == "healthy"


def test_acknowledged_fault_is_unacknowledged_again_once_it_changes(past: AgencyPast) -> None:
    assert not acknowledge_fault(past.db, SLUG, evening(date(2023, 8, 31)))
    past.run(september(1, 2), failures={"timeout": 2}, **ALL_FAILS)
    assert acknowledge_fault(past.db, SLUG, evening(date(2023, 9, 2)))
    past.run(september(3, 9), failures={"timeout": 1, "status 5xx": 2}, **ALL_FAILS)
    assert not is_unacknowledged_fault(past.row), "the same fault, beside another"
    past.run(september(10, 25), failures={"dns": 2}, **ALL_FAILS)
    assert is_unacknowledged_fault(past.row)
    assert past.row["reason"]["what"] == "dns"
    events = past.db.execute(
        "select state, json_extract(reason, '$.what') from health_events"
    ).fetchall()
    assert events[-2:] == [("failing", "timeout"), ("failing", "dns")]
    assert past.row["since"][:10] == "2023-09-01"


def test_assessing_twice_gives_the_same_row_with_politeness_of_thirty_days(
    past: AgencyPast,
) -> None:
    past.crawl(date(2023, 9, 1), delay=1.25, not_modified=4, requests=10)
    past.assess(date(2023, 9, 1))
    first = past.row
    politeness = {
        "requests": 30,
        "bytes": 99_000,
        "not_modified": 4,
        "delay": 1.25,
        "robots": "allowed",
    }
    assert first["facts"]["politeness"] == politeness
    past.assess(date(2023, 9, 1))
    assert past.row == first


def refuse(
    past: AgencyPast, day: date, number: int, *, readable: int = 0, new: int | None = None
) -> tuple[str, str]:
    """Crawl on a day on which pages are refused, `new` of them for the first time, and assess the
    agency.
    """
    fetched = evening(day).isoformat()
    for page in range(number if new is None else new):
        past.add_url(f"{day}-{page}", role="release", state="rejected", fetched=fetched)
    past.crawl(day, parsed=readable, rejected=number, failures={"no release": number})
    return past.assess(day)


def test_share_of_refused_pages_that_rises_is_a_fault_on_the_same_day(past: AgencyPast) -> None:
    assert refuse(past, date(2023, 9, 1), 6, readable=7) == ("suspect", "more_refused")
    assert past.reason == (
        "The share of fetched pages that the archive could not read as releases has risen"
        " from 0 of 27 to 6 of 16. The website may have something new that the archive cannot"
        " read. Address: https://prov.example/2023-09-01-0"
    )
    past.quarantine(decision="confirmed", reason="[]")
    assert past.assess(date(2023, 9, 1)) == ("suspect", "more_refused"), (
        "a known fault does not hide it"
    )
    past.db.execute("update quarantine set decided = seen")
    past.db.execute("update frontier set state = 'stored'")
    past.run(september(2, 2), parsed=13)
    assert past.health[0] == "healthy"


@pytest.mark.parametrize(
    ("number", "readable", "before"), load_cases(__file__, "few refused pages are no fault")
)
def test_few_refused_pages_are_no_fault(
    past: AgencyPast, number: int, readable: int, before: int
) -> None:
    for day in list_days(date(2023, 8, 1), date(2023, 8, 21)):
        past.crawl(day, parsed=3, rejected=before, failures={"no release": before})
    refuse(past, date(2023, 9, 1), number, readable=readable)
    assert past.health[0] == "healthy"


def refuse_stored(
    past: AgencyPast, failure: str, kind: str, state: str, problem: str
) -> tuple[str, str]:
    """Refuse the pages of six of sixteen stored releases on a day, and assess the agency."""
    day = date(2023, 9, 1)
    for number in range(100_001, 100_101):
        past.store(number, "2023-09-02T05:00:00+00:00")
    for number in range(100_001, 100_007):
        columns = {
            "role": "release",
            "state": state,
            "fetched": evening(day).isoformat(),
            "release": number,
        }
        past.add_url(f"{number}", problem=f"{HOME}{number}: page: {problem}", **columns)
        if kind:
            Removals(past.db).mark_missing(number, evening(day), kind)
    past.crawl(day, spider="revisit", parsed=10, rejected=6, failures={failure: 6})
    return past.assess(day)


@pytest.mark.parametrize(
    ("failure", "kind", "state", "problem"),
    load_cases(__file__, "refused pages of stored releases are a fault whatever the reason"),
)
def test_refused_pages_of_stored_releases_are_a_fault_whatever_the_reason(
    past: AgencyPast, failure: str, kind: str, state: str, problem: str
) -> None:
    assert refuse_stored(past, failure, kind, state, problem) == ("suspect", "more_refused")
    past.db.execute("update frontier set state = 'stored'")
    past.db.execute("delete from removals")
    assert past.assess(date(2023, 9, 1))[0] == "healthy", "each was read again"


@pytest.mark.parametrize(
    ("failure", "kind", "state", "problem"),
    [
        ("status 404", "gone", "gone", "gone"),
        ("outage", "", "failed", "is out of service: 'Driftstopp'"),
        ("timeout", "", "failed", "timed out"),
    ],
)
def test_removed_and_unreachable_pages_are_not_refused(
    past: AgencyPast, failure: str, kind: str, state: str, problem: str
) -> None:
    assert refuse_stored(past, failure, kind, state, problem)[0] == "healthy"


def test_sources_that_cannot_be_read_are_not_refused_pages(past: AgencyPast) -> None:
    for page in range(5):
        fetched = evening(date(2023, 9, 1)).isoformat()
        past.add_url(f"{page}", role="release", state="rejected", fetched=fetched)
    failures = {"no release": 2, "placeholder": 8}
    past.crawl(
        date(2023, 9, 1),
        parsed=10,
        rejected=2,
        failures=failures,
        source_failures={"placeholder": 8},
    )
    assert past.assess(date(2023, 9, 1))[0] == "healthy"


def test_half_of_the_few_pages_of_a_small_site_is_a_fault(past: AgencyPast) -> None:
    assert refuse(past, date(2023, 9, 1), 3) == ("suspect", "more_refused")


def test_refusals_of_two_weeks_are_one_fault(past: AgencyPast) -> None:
    # each new page is tried again a day, two, four and seven days later
    for day in september(1, 14):
        refuse(past, day, 4, readable=5, new=2)
    assert [change[1:] for change in past.assessed][1:] == [("suspect", "more_refused")]
    assert past.row["since"][:10] <= "2023-09-03"
    (events,) = past.db.execute(
        "select count(*) from health_events where state = 'suspect'"
    ).fetchone()
    assert events == 1


def test_one_page_that_is_refused_again_and_again_is_no_fault(past: AgencyPast) -> None:
    refuse(past, date(2023, 9, 1), 9, readable=3, new=1)
    assert past.health[0] == "healthy"
