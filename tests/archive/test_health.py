"""Made-up lives of agencies: true faults turn red, and only they; each with its reason."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from archive.health import FAULT_STATES, acknowledge_fault, is_unacknowledged_fault
from archive.health.report import format_health_reason
from archive.removals import Removals
from tests.archive.lives import ALL, DAY, SLUG, Life, evening, span, weekdays

PAST = weekdays(date(2021, 9, 1), date(2023, 8, 31))
AUTUMN = weekdays(date(2023, 9, 1), date(2023, 12, 1))
NO_JULY = [day for day in weekdays(date(2021, 9, 1), date(2023, 8, 31)) if day.month != 7]


def settled(*days: date) -> Life:
    """An agency that has published and been read for long, up to the last day of August 2023."""
    life = Life()
    life.publish(*(days or PAST))
    life.live(span(date(2023, 8, 22), date(2023, 8, 31)), parsed=3)
    return life


def test_silent_death_is_found_within_a_fortnight_though_every_crawl_says_all_is_well() -> None:
    life = settled()
    life.live(span(date(2023, 9, 1), date(2023, 10, 10)), [day for day in AUTUMN if day < date(2023, 9, 15)])
    ((red, state, code),) = [one for one in life.told if one[1] in FAULT_STATES]
    assert (state, code) == ("suspect", "silent")
    assert red - date(2023, 9, 14) <= 14 * DAY
    assert life.row["newest"] == "2023-09-14"
    assert format_health_reason("en", life.row["reason"]) == (
        "Crawling works, but there has been nothing new since 14 September 2023. The gap is seldom longer than 4 days."
    )


def test_the_usual_summer_silence_is_quiet() -> None:
    life = settled(*[day for day in NO_JULY if day < date(2023, 6, 1)])
    life.told.clear()
    days = [day for day in NO_JULY if day >= date(2023, 6, 20)]
    assert life.live(span(date(2023, 6, 20), date(2023, 8, 10)), days) == {"healthy", "quiet"}
    assert "quiet_season" in {code for *_, code in life.told}


def test_the_first_summer_is_quiet_and_what_goes_on_after_it_is_not() -> None:
    life = Life()
    days = weekdays(date(2023, 3, 1), date(2023, 6, 20))
    life.publish(*days)
    assert life.live(span(date(2023, 6, 20), date(2023, 8, 15), 2)) == {"healthy", "quiet"}
    life.live(span(date(2023, 8, 16), date(2023, 8, 30)))
    assert life.judge(date(2023, 8, 30)) == ("suspect", "silent")


def test_three_releases_a_year_are_never_red() -> None:
    life = Life()
    days = [date(2021, 3, 1), date(2021, 7, 1), date(2021, 11, 20), date(2022, 2, 1), date(2022, 5, 11)]
    days += [date(2022, 12, 20), date(2023, 2, 1), date(2023, 6, 1), date(2023, 11, 11), date(2024, 8, 1)]
    life.publish(*days[:3])
    assert life.live(span(date(2021, 12, 1), date(2024, 12, 31), 9), days[3:]) <= {"healthy", "quiet"}
    assert len(life.told) > 2


def test_slow_decline() -> None:
    life = settled()
    thin = [day for day in weekdays(date(2023, 9, 1), date(2024, 6, 1)) if day.toordinal() % (3 + day.month % 9) == 0]
    life.live(span(date(2023, 9, 1), date(2024, 4, 1), 4), thin)
    later = span(date(2024, 4, 2), date(2024, 6, 14), 9)
    assert life.live(span(date(2024, 4, 2), date(2024, 6, 14), 3), later) & set(FAULT_STATES) == {"suspect"}
    assert life.row["reason"]["code"] == "fewer"


@pytest.mark.parametrize(
    ("fault", "state"), [("dns", "failing"), ("block page", "failing"), ("robots unreachable", "failing")]
)
def test_nothing_but_faults(fault: str, state: str) -> None:
    life = settled()
    broken: dict[str, Any] = {"listed": 0, "errors": 2, "requests": 1, "failures": {fault: 2}}
    life.crawl(date(2023, 9, 1), **broken)
    assert life.judge(date(2023, 9, 1))[0] == "healthy"  # may pass
    life.crawl(date(2023, 9, 2), **broken)
    assert life.judge(date(2023, 9, 2)) == (state, "all_fails")
    assert (life.row["reason"]["what"], life.row["since"][:10]) == (fault, "2023-09-01")
    life.crawl(date(2023, 9, 3))
    assert life.judge(date(2023, 9, 3))[0] == "healthy"


def test_a_new_design_is_told_by_the_fields_that_are_gone() -> None:
    life = settled()
    new = {**ALL, "lead": 0.0, "published": 0.0}
    life.live(span(date(2023, 9, 1), date(2023, 9, 12)), AUTUMN, fills=new)
    assert life.row["state"] == "suspect"
    assert life.row["reason"]["fields"] == ["lead", "published"]
    assert life.row["facts"]["field_fill"]["lead"] == [60, 100]
    assert "a lead and a publication date: 0% now, 91% earlier" in format_health_reason("en", life.row["reason"])
    life.live(span(date(2023, 9, 13), date(2023, 9, 22)), AUTUMN)
    assert life.row["state"] == "healthy"


def test_new_releases_without_an_update_stamp_are_no_new_design() -> None:
    life = settled()
    assert life.live(span(date(2023, 9, 1), date(2023, 9, 29)), AUTUMN, fills={**ALL, "updated": 0.0}) == {"healthy"}


def test_every_page_is_refused_while_the_lists_work() -> None:
    life = settled()
    walled: dict[str, Any] = {"parsed": 0, "rejected": 2, "failures": {"login": 2}}
    life.live(span(date(2023, 9, 1), date(2023, 9, 2)), **walled)
    assert (life.row["state"], life.row["reason"]["code"], life.row["reason"]["what"]) == (
        *("failing", "all_refused"),
        "login",
    )


def test_a_source_that_fails_beside_one_that_works_is_told_and_no_pages_are_blamed() -> None:
    life = settled()
    fault = {"status 5xx": 1}
    down: dict[str, Any] = {"errors": 1, "failures": fault, "source_failures": fault}
    refused: dict[str, Any] = {**down, "errors": 3, "rejected": 2, "failures": {**fault, "login": 2}}
    failed = {"url": "https://prov.example/rss", "agency": SLUG, "role": "feed", "state": "failed"}
    life.db.table("frontier").insert({**failed, "first_seen": "2021-01-01", "fetched": "2023-09-30T20:00:00+00:00"})
    life.told.clear()
    life.live(span(date(2023, 9, 1), date(2023, 9, 4)), **down)  # nothing new, and no page asked for
    assert {one[1:] for one in life.told} == {("healthy", "usual"), ("suspect", "source_fails")}
    life.live(span(date(2023, 9, 5), date(2023, 9, 6)), **refused)
    assert (life.row["reason"]["code"], life.row["reason"]["what"]) == ("all_refused", "login")
    life.live([date(2023, 9, 7)], [date(2023, 9, 7)])
    life.live(span(date(2023, 9, 8), date(2023, 9, 10)), **down)
    assert life.row["reason"]["code"] == "source_fails"
    life.db.execute("update frontier set state = 'done'")
    life.live([date(2023, 9, 11)])
    assert life.row["state"] == "healthy"


STORED = 100_001  # id of the first release that has a page


def add_stored(life: Life, number: int) -> None:
    """Releases with pages that were last checked on the first of September."""
    rows = [
        {
            **{"id": key, "agency": SLUG, "url": f"https://prov.example/{key}", "title": f"Nr {key}"},
            **{"body": "", "body_html": ""},
            **{"first_seen": "2023-01-01", "last_checked": "2023-09-01T05:00:00+00:00", "checks": 0, "hash": f"{key}"},
        }
        for key in range(STORED, STORED + number)
    ]
    for row in rows:
        names = ", ".join(row)
        life.db.execute(f"insert into releases ({names}) values ({', '.join('?' * len(row))})", list(row.values()))


def test_pages_that_go_missing_alike_are_told_after_the_round_that_finds_them() -> None:
    life = settled()
    add_stored(life, 6)
    removals = Removals(life.db)
    at = evening(date(2023, 9, 1))
    for key in range(STORED, STORED + 4):
        removals.mark_missing(key, at, "replaced", status=200, target="Vi bygger om webbplatsen")
    life.crawl(date(2023, 9, 1))
    assert life.judge(date(2023, 9, 1)) == ("suspect", "pages_alike")
    assert format_health_reason("en", life.row["reason"]) == (
        "Since 1 September 2023, 4 of 4 checked pages have not shown their releases but have all answered alike:"
        " a different text was at the addresses (“Vi bygger om webbplatsen”). This looks like a fault on the website."
        " None of the releases counts as removed while it lasts. Address: https://prov.example/100004"
    )
    for key in range(STORED, STORED + 4):
        removals.mark_present(key, at + DAY)
    life.crawl(date(2023, 9, 2))
    assert life.judge(date(2023, 9, 2))[0] == "healthy"


def test_pages_refused_again_and_again_are_counted_once() -> None:
    life = settled()
    walled: dict[str, Any] = {"parsed": 0, "rejected": 12, "failures": {"login": 12}}
    for number in range(12):
        row = {"url": f"https://prov.example/{number}", "agency": SLUG, "role": "release", "state": "rejected"}
        times = {"first_seen": "2023-09-01", "fetched": evening(date(2023, 9, 4)).isoformat()}
        life.db.table("frontier").insert({**row, **times})
    life.live(span(date(2023, 9, 1), date(2023, 9, 4)), **walled)
    assert format_health_reason("en", life.row["reason"]) == (
        "None of 12 listed pages could be read: a login page was shown instead. Address: https://prov.example/0"
    )


def test_a_source_that_answers_with_an_empty_page_has_answered() -> None:
    life = settled()
    fault = {"empty source": 1}
    failed = {"url": "https://prov.example/rss", "agency": SLUG, "role": "listing", "state": "failed"}
    life.db.table("frontier").insert({**failed, "first_seen": "2021-01-01", "fetched": "2023-09-30T20:00:00+00:00"})
    life.live(span(date(2023, 9, 1), date(2023, 9, 4)), errors=1, failures=fault, source_failures=fault)
    assert format_health_reason("en", life.row["reason"]) == (
        "One of the sources has not been readable since 1 September 2023: the page answered but listed nothing."
        " Address: https://prov.example/rss"
    )


def test_an_empty_listing_after_better_days_and_from_the_start() -> None:
    life = settled()
    life.live(span(date(2023, 9, 1), date(2023, 9, 2)), listed=0)
    assert (life.row["state"], life.row["reason"]["code"]) == ("suspect", "lists_nothing")
    new = Life()
    new.crawl(date(2023, 9, 1), listed=0)
    assert new.judge(date(2023, 9, 1)) == ("never worked", "lists_nothing")


def test_a_listing_that_shrinks_and_one_that_is_only_read_in_part() -> None:
    life = settled()
    life.live(span(date(2023, 9, 1), date(2023, 9, 3)), AUTUMN, listed=4)
    assert life.row["state"] == "healthy"  # asked for the latest alone (-a since=…), or sitemaps cut anew
    life.name_links(4, usual=20)
    assert life.judge(date(2023, 9, 3)) == ("suspect", "lists_fewer")


def test_a_list_of_the_last_weeks_is_empty_in_summer() -> None:
    life = settled()
    life.live(span(date(2023, 9, 1), date(2023, 9, 9)), AUTUMN, listed=2)
    life.live(span(date(2023, 9, 10), date(2023, 9, 14)), listed=0)
    assert life.row["state"] in ("healthy", "quiet")
    life.live(span(date(2023, 9, 15), date(2023, 10, 30)), AUTUMN, listed=0)
    assert (life.row["state"], life.row["reason"]["code"]) == ("suspect", "lists_nothing")


def test_an_agency_that_publishes_in_summer_and_dies_in_it_is_found_in_summer() -> None:
    life = Life()
    life.publish(*(day for day in PAST if day < date(2023, 7, 1)))
    life.live(span(date(2023, 7, 1), date(2023, 8, 1)))
    assert (life.row["state"], life.row["reason"]["code"]) == ("suspect", "silent")
    (red,) = [day for day, state, _ in life.told if state == "suspect"]
    assert red - date(2023, 6, 30) <= 28 * DAY


def test_pages_looked_at_again_are_held_against_themselves_not_against_others() -> None:
    life = settled()
    life.live(span(date(2023, 9, 1), date(2023, 9, 12)), AUTUMN)
    for day in span(date(2023, 9, 1), date(2023, 9, 12)):
        life.crawl(day, spider="revisit", parsed=9, fills={**ALL, "published": float(day.day < 9)})
    assert life.judge(date(2023, 9, 12))[0] == "healthy"


@pytest.mark.parametrize(("decision", "reason"), [("reparsed", []), ("accepted", [{"field": "lead"}])])
def test_what_was_taken_in_is_no_fault_any_more(decision: str, reason: list[dict[str, str]]) -> None:
    life = settled()
    new = {**ALL, "lead": 0.0}
    life.live(span(date(2023, 9, 1), date(2023, 9, 8)), AUTUMN, fills=new, quarantined=1)
    assert (life.row["state"], life.row["reason"]["code"]) == ("suspect", "fields")
    life.keep_aside(decision, decided=date(2023, 9, 8), reason=reason)
    assert life.judge(date(2023, 9, 8))[0] == "healthy"
    life.told.clear()
    later = [day for day in AUTUMN if day > date(2023, 9, 8)]
    fills = new if decision == "accepted" else ALL
    assert life.live(span(date(2023, 9, 9), date(2023, 9, 29)), later, fills=fills) == {"healthy"}


def test_a_new_agency() -> None:
    life = Life()
    assert life.judge(date(2023, 9, 1)) == ("never worked", "never_crawled")
    assert not is_unacknowledged_fault(life.row)
    life.crawl(date(2023, 9, 1), listed=3, parsed=0, rejected=3, failures={"consent wall": 3})
    assert life.judge(date(2023, 9, 1)) == ("never worked", "all_refused")
    assert is_unacknowledged_fault(life.row)
    life.publish(date(2023, 9, 1))
    life.crawl(date(2023, 9, 2), parsed=3)
    assert life.judge(date(2023, 9, 2)) == ("healthy", "too_few")


def test_nobody_runs_the_crawls_any_more() -> None:
    life = settled()
    assert life.judge(date(2023, 9, 2))[0] == "healthy"
    for day in span(date(2023, 9, 1), date(2023, 9, 4)):
        life.crawl(day, spider="revisit", parsed=9)
    assert life.judge(date(2023, 9, 4)) == ("suspect", "not_read"), "what is new, nobody looks for"
    assert life.row["reason"]["last"][:10] == "2023-08-31"


def test_what_is_kept_aside_waits_for_somebody() -> None:
    life = settled()
    life.keep_aside(None)
    assert life.judge(date(2023, 8, 31))[0] == "healthy", "it is not judged yet"
    life.db.execute("update quarantine set decision = 'confirmed'")
    assert life.judge(date(2023, 8, 31)) == ("suspect", "quarantined")
    life.db.execute("update quarantine set decided = '2023-09-01'")
    assert life.judge(date(2023, 8, 31))[0] == "healthy"


def test_an_acknowledged_fault_is_red_again_once_it_changes() -> None:
    life = settled()
    broken: dict[str, Any] = {"listed": 0, "errors": 2}
    assert not acknowledge_fault(life.db, SLUG, evening(date(2023, 8, 31)))
    life.live(span(date(2023, 9, 1), date(2023, 9, 2)), failures={"timeout": 2}, **broken)
    assert acknowledge_fault(life.db, SLUG, evening(date(2023, 9, 2)))
    life.live(span(date(2023, 9, 3), date(2023, 9, 9)), failures={"timeout": 1, "status 5xx": 2}, **broken)
    assert not is_unacknowledged_fault(life.row)  # still the same, beside another
    life.live(span(date(2023, 9, 10), date(2023, 9, 25)), failures={"dns": 2}, **broken)
    assert is_unacknowledged_fault(life.row)
    assert life.row["reason"]["what"] == "dns"
    events = life.db.execute("select state, json_extract(reason, '$.what') from health_events").fetchall()
    assert events[-2:] == [("failing", "timeout"), ("failing", "dns")]
    assert life.row["since"][:10] == "2023-09-01"


def test_the_same_past_is_judged_the_same() -> None:
    life = settled()
    life.live(span(date(2023, 9, 1), date(2023, 9, 12)), AUTUMN)
    first = life.row
    life.judge(date(2023, 9, 12))
    assert life.row == first


def test_thirty_days_of_manners() -> None:
    life = settled()
    life.crawl(date(2023, 9, 1), delay=1.25, not_modified=4, requests=10)
    life.judge(date(2023, 9, 1))
    guest = life.row["facts"]["politeness"]
    assert guest == {"requests": 30, "bytes": 99_000, "not_modified": 4, "delay": 1.25, "robots": "allowed"}
