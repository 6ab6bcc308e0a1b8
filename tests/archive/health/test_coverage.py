"""Coverage: what sources list is stored, rejected or missing; missing releases; what is no longer
listed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.health.audited_sources import AuditedSource, ListedUrl, SourceProblem
from archive.health.coverage import CoverageTotals, queue_missing_releases, update_coverage
from archive.store.releases import Archive
from tests.archive.sample import build_release

LISTING = "https://fyr.example/press"
FEED, SITEMAP, HOME = f"{LISTING}/rss", "https://fyr.example/sitemap.xml", "https://fyr.example/"
NOW = datetime(2024, 7, 1, 9, tzinfo=UTC)
BROKEN = SourceProblem("status 5xx", f"{LISTING}?page=2")


class AuditedAgency:
    """An agency in an archive, whose sources are audited once a day."""

    def __init__(self, archive: Archive) -> None:
        self.archive, self.now = archive, NOW
        archive.add_agency("fyr", name="Fyrstyrelsen", home=HOME)

    def store(
        self, name: str, published: date | datetime | None = None, source: str = LISTING
    ) -> int:
        """Store a release that was found in a source, and return its id."""
        url = self.find(name, source)
        release = replace(build_release("fyr", name, name, published=published), url=url)
        self.archive.save(release, seen_at=self.now)
        release_id = self.archive.find_release_id(url)
        assert release_id is not None
        with self.archive.transaction():
            self.archive.frontier.mark_stored(url, release_id, self.now)
        return release_id

    def find(self, name: str, source: str = LISTING) -> str:
        """Add a release's URL to the frontier, and return it."""
        url = f"{LISTING}/{name}"
        with self.archive.transaction():
            self.archive.frontier.add(
                url, agency="fyr", role="release", seen_at=self.now, source=source
            )
        return url

    def audit(
        self,
        *names: str,
        url: str = LISTING,
        kind: str = "listing",
        problem: SourceProblem | None = None,
    ) -> CoverageTotals:
        """Audit one source that lists these releases."""
        return self.audit_sources(list_source(url, kind, *names, problem=problem))

    def audit_sources(self, *sources: AuditedSource) -> CoverageTotals:
        self.now += timedelta(days=1)
        with self.archive.transaction():
            return update_coverage(self.archive.db, "fyr", sources, self.now)

    def queue_missing(self) -> int:
        with self.archive.transaction():
            return queue_missing_releases(self.archive.db, "fyr", self.now)

    def select(self, sql: str) -> list[tuple[Any, ...]]:
        return self.archive.db.execute(sql).fetchall()

    @property
    def missing(self) -> dict[str, str]:
        """State of each missing release by name."""
        rows = self.select("select url, state from missing_releases")
        return {url.removeprefix(f"{LISTING}/"): state for url, state in rows}


def list_source(
    url: str, kind: str, *names: str, problem: SourceProblem | None = None
) -> AuditedSource:
    urls = {f"{LISTING}/{name}": ListedUrl(source_url=url) for name in names}
    return AuditedSource(url=url, kind=kind, urls=urls, problem=problem)


@pytest.fixture
def agency(tmp_path: Path) -> Iterator[AuditedAgency]:
    with Archive(tmp_path / "archive.db") as archive:
        yield AuditedAgency(archive)


def test_states_of_the_frontier_count_as_stored_rejected_or_missing(agency: AuditedAgency) -> None:
    agency.store("stored")
    frontier = agency.archive.frontier
    states = {
        "rejected": frontier.mark_rejected,
        "gone": frontier.mark_gone,
        "failed": frontier.mark_failed,
        "quarantined": frontier.mark_quarantined,
    }
    with agency.archive.transaction():
        for state, mark in states.items():
            mark(agency.find(state), NOW, "why")
    agency.find("due")
    totals = agency.audit("stored", *states, "due", "unseen")
    assert totals == CoverageTotals(
        listed=7, stored=1, rejected=2, missing=4, unlisted=0, is_complete=True
    )
    assert agency.missing == {state: state for state in ("failed", "quarantined", "due", "unseen")}
    assert agency.queue_missing() == 2
    queued = agency.select("select state from frontier where problem = 'why' order by url")
    assert queued == [("due",), ("gone",), ("quarantined",), ("rejected",)]


def test_urls_that_lead_or_once_led_to_a_release_are_stored(agency: AuditedAgency) -> None:
    release_id, duplicate = agency.store("new"), agency.find("duplicate")
    with agency.archive.transaction():
        agency.archive.frontier.mark_stored(duplicate, release_id, NOW)
        agency.archive.removals.mark_moved(release_id, NOW, f"{LISTING}/newest")
        agency.archive.frontier.mark_gone(duplicate, NOW, "answered 404")
    assert agency.audit("duplicate", "new", "newest").stored == 3


def test_months_are_those_of_publication_or_unknown(agency: AuditedAgency) -> None:
    agency.store("a", date(2024, 5, 31))
    agency.store("b")
    # the month in its own time zone
    agency.store("london", datetime(2024, 5, 31, 23, 30, tzinfo=UTC))
    stated = {
        "a": "2023-01-01",
        "late": "2024-05-31T22:30:00+00:00",
        "odd": "1970-01-01",
        "future": "2031-01-01",
    }
    names = ("a", "b", "london", "late", "odd", "future", "undated")
    listed = {
        f"{LISTING}/{name}": ListedUrl(source_url=LISTING, published=stated.get(name))
        for name in names
    }
    changed = {
        f"{LISTING}/{name}": ListedUrl(source_url=SITEMAP, listed_at="2022-02-02")
        for name in ("late", "undated")
    }
    agency.audit_sources(
        AuditedSource(url=SITEMAP, kind="sitemap", urls=changed),
        AuditedSource(url=LISTING, kind="listing", urls=listed),
    )
    assert agency.select(
        "select month, listed, stored, missing from coverage where source is null order by month"
    ) == [
        (None, 4, 1, 3),
        ("2024-05", 2, 2, 0),
        ("2024-06", 1, 0, 1),
    ]
    assert agency.select(f"select month, missing from coverage where source = '{SITEMAP}'") == [
        (None, 2)
    ]
    assert agency.select(
        "select month, listed, source from missing_releases where url like '%/undated'"
    ) == [(None, "2022-02-02", SITEMAP)]


def test_missing_releases_are_queued_and_closed_once_stored_or_rejected(
    agency: AuditedAgency,
) -> None:
    agency.audit("a", "b", "c")
    assert [agency.queue_missing(), agency.queue_missing()] == [3, 0]
    due = agency.archive.frontier.list_due("fyr", agency.now, 9)
    assert [row.url for row in due] == [f"{LISTING}/{name}" for name in "abc"]
    agency.store("a")
    assert agency.missing == {"a": "filled", "b": "due", "c": "due"}
    filled = agency.select("select filled from missing_releases where filled is not null")
    assert filled == agency.select(f"select fetched from frontier where url = '{LISTING}/a'")
    with agency.archive.transaction():
        agency.archive.frontier.mark_rejected(f"{LISTING}/b", NOW, "is a listing")
    assert agency.audit("a", "b", "c").missing == 1
    assert agency.missing == {"a": "filled", "b": "rejected", "c": "due"}
    days = "substr(first_missed, 1, 10), substr(last_missed, 1, 10)"
    assert agency.select(f"select {days} from missing_releases where state = 'due'") == [
        ("2024-07-02", "2024-07-03")
    ]


def test_incomplete_source_closes_no_missing_release_and_counts_none_as_unlisted(
    agency: AuditedAgency,
) -> None:
    for number in range(1, 7):
        agency.store(str(number), date(2024, number, 1))
    assert agency.audit(*"12345", "x").unlisted == 1
    totals = agency.audit(*"1234", problem=BROKEN)
    assert (totals.is_complete, totals.unlisted, totals.listed) == (False, None, 4)
    columns = "complete, problem_code, problem_url, problem_value, unlisted"
    assert agency.select(f"select distinct {columns} from coverage") == [
        (0, BROKEN.code, BROKEN.url, None, None)
    ]
    assert agency.missing == {"x": "unseen"}
    assert agency.audit(*"123456").missing == 0
    assert agency.missing == {"x": "unlisted"}


def test_unlisted_releases_are_counted_only_where_certain(agency: AuditedAgency) -> None:
    names = [str(number) for number in range(1, 9)]
    ids = {name: agency.store(name, date(2024, 5, int(name))) for name in names}
    agency.store("in a feed", date(2024, 5, 20), source=FEED)
    agency.store("undated")
    agency.store("of an unknown source", date(2024, 5, 20), source=f"{LISTING}/no-longer-a-source")
    assert agency.audit(*names[1:]).unlisted == 0, (
        "1 is older than all that is listed: the list may end before it"
    )
    assert agency.audit(*names[4:]).unlisted == 0
    assert agency.audit(*names[:3]).unlisted == 5
    assert agency.select("select month, unlisted from coverage where source is not null") == [
        ("2024-05", 5)
    ]
    assert agency.audit(*names[:3], kind="feed").unlisted == 0, "a feed lists only the newest"
    with agency.archive.transaction():
        agency.archive.removals.mark_missing(ids["4"], NOW, "gone", status=404)
        agency.archive.removals.mark_merged(ids["5"], NOW, f"{LISTING}/6", ids["6"])
    assert agency.audit(*names[:3]).unlisted == 3


def test_empty_source_is_incomplete_and_closes_nothing_until_it_lists_something(
    agency: AuditedAgency,
) -> None:
    agency.audit("a", "b")
    for _ in range(2):
        assert not agency.audit().is_complete
        columns = "source, listed, missing, complete, problem_code, problem_url"
        assert agency.select(f"select {columns} from coverage order by id") == [
            *((LISTING, 0, 0, 0, "emptied", LISTING), (None, 0, 0, 0, "emptied", LISTING)),
        ]
    assert not agency.audit(problem=BROKEN).is_complete
    assert not agency.audit().is_complete, "what it listed before is remembered"
    assert agency.missing == {"a": "unseen", "b": "unseen"}
    assert agency.audit("a").is_complete
    assert agency.select("select distinct complete from coverage") == [(1,)]
    assert agency.missing == {"a": "unseen", "b": "unlisted"}


def test_source_that_never_listed_anything_is_complete(agency: AuditedAgency) -> None:
    assert not agency.audit(problem=BROKEN).is_complete
    assert agency.audit().is_complete


def test_source_that_no_page_links_to_is_incomplete_for_three_months(agency: AuditedAgency) -> None:
    home, listing, feed = (
        AuditedSource(url=HOME, kind="home"),
        list_source(LISTING, "listing", "a"),
        list_source(FEED, "feed", "b"),
    )
    assert agency.audit_sources(home, listing, feed).is_complete
    for _ in range(2):
        assert not agency.audit_sources(home, feed).is_complete
        problems = agency.select(
            "select problem_code, problem_url from coverage where source is null"
        )
        assert problems == [("unlinked", LISTING)]
    assert agency.missing == {"a": "unseen", "b": "unseen"}
    agency.now += timedelta(days=92)
    assert agency.audit_sources(home, feed).is_complete
    assert agency.missing == {"a": "unlisted", "b": "unseen"}


def test_configured_sources_without_an_archive_page_are_incomplete_but_a_source_may_be_removed(
    agency: AuditedAgency,
) -> None:
    archive_page = list_source(f"{LISTING}/2023", "archive", "a")
    listing, feed = list_source(LISTING, "listing", "b"), list_source(FEED, "feed", "b")
    assert agency.audit_sources(feed, listing, archive_page).is_complete
    assert not agency.audit_sources(feed, listing).is_complete
    assert agency.audit_sources(feed).is_complete
