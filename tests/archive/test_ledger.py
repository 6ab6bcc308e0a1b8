"""Stocktaking: what counts as held, refused and missing; months; gaps and their ends; what is no longer listed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.coverage import AuditedSource, CoverageTotals, ListedUrl, queue_missing_releases, update_coverage
from archive.models import Release
from archive.store import Archive

AT = "https://fyr.example/press"
FEED, MAP = f"{AT}/rss", "https://fyr.example/sitemap.xml"
NOW = datetime(2024, 7, 1, 9, tzinfo=UTC)


class Desk:
    """An archive, one agency's sources, and stocktaking a day apart."""

    def __init__(self, archive: Archive) -> None:
        self.archive, self.day = archive, NOW
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")

    def hold(self, name: str, published: date | datetime | None = None, source: str = AT) -> int:
        """A release, read from a source."""
        url = f"{AT}/{name}"
        self.archive.save(
            Release(agency="fyr", url=url, title=name, body=name, body_html=f"<p>{name}</p>", published=published),
            seen_at=self.day,
        )
        self.find(name, source)
        key = self.archive.find_release_id(url)
        assert key is not None
        with self.archive.transaction():
            self.archive.frontier.mark_stored(url, key, self.day)
        return key

    def find(self, name: str, source: str = AT) -> str:
        """An address that a crawl has found."""
        url = f"{AT}/{name}"
        with self.archive.transaction():
            self.archive.frontier.add(url, agency="fyr", role="release", seen_at=self.day, source=source)
        return url

    def audit(
        self, *names: str, url: str = AT, kind: str = "listing", problem: str | None = None, **told: str
    ) -> CoverageTotals:
        """One source lists these; `told`: when it says that they were published."""
        entries = {f"{AT}/{name}": ListedUrl(source_url=url, published=told.get(name)) for name in names}
        return self.take(AuditedSource(url=url, kind=kind, urls=entries, problem=problem))

    def take(self, *sources: AuditedSource) -> CoverageTotals:
        self.day += timedelta(days=1)
        with self.archive.transaction():
            return update_coverage(self.archive.db, "fyr", sources, self.day)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.archive.db.execute(sql).fetchall()

    def gaps(self) -> dict[str, str]:
        return {
            url.removeprefix(f"{AT}/"): state for url, state in self.rows("select url, state from missing_releases")
        }


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Archive(tmp_path / "archive.db") as archive:
        yield Desk(archive)


def test_each_state_of_the_frontier_is_held_refused_or_missing(desk: Desk) -> None:
    desk.hold("stored")
    with desk.archive.transaction():
        frontier = desk.archive.frontier
        for state, mark in {
            "rejected": frontier.mark_rejected,
            "gone": frontier.mark_gone,
            "failed": frontier.mark_failed,
            "quarantined": frontier.mark_quarantined,
        }.items():
            mark(desk.find(state), NOW, "why")
        desk.find("due")
    told = desk.audit("stored", "rejected", "gone", "failed", "quarantined", "due", "unseen")
    assert (told.listed, told.stored, told.rejected, told.missing, told.is_complete) == (7, 1, 2, 4, True)
    assert desk.gaps() == {state: state for state in ("failed", "quarantined", "due", "unseen")}


def test_an_address_that_led_to_a_release_holds_it(desk: Desk) -> None:
    key = desk.hold("new")
    twin = desk.find("twin")
    with desk.archive.transaction():
        desk.archive.frontier.mark_stored(twin, key, NOW)
        desk.archive.removals.mark_moved(key, NOW, f"{AT}/newest")
        desk.archive.frontier.mark_gone(twin, NOW, "answered 404")  # what stood there is held all the same
    assert desk.audit("twin", "new", "newest").stored == 3


def test_months_are_those_of_publication_and_never_guessed(desk: Desk) -> None:
    desk.hold("a", date(2024, 5, 31))
    desk.hold("b")
    desk.hold("london", datetime(2024, 5, 31, 23, 30, tzinfo=UTC))  # by its page's own clock
    listed = ("a", "b", "london", "late", "odd", "future", "undated")
    times = {"a": "2023-01-01", "late": "2024-05-31T22:30:00+00:00", "odd": "1970-01-01", "future": "2031-01-01"}
    entries = {f"{AT}/{name}": ListedUrl(source_url=AT, published=times.get(name)) for name in listed}
    changed = {f"{AT}/{name}": ListedUrl(source_url=MAP, listed_at="2022-02-02") for name in ("late", "undated")}
    desk.take(AuditedSource(url=MAP, kind="sitemap", urls=changed), AuditedSource(url=AT, kind="listing", urls=entries))
    assert desk.rows("select month, listed, stored, missing from coverage where source is null order by month") == [
        *((None, 4, 1, 3), ("2024-05", 2, 2, 0)),
        ("2024-06", 1, 0, 1),
    ]
    assert desk.rows(f"select month, missing from coverage where source = '{MAP}'") == [(None, 2)]
    assert desk.rows("select month, listed, source from missing_releases where url like '%/undated'") == [
        (None, "2022-02-02", MAP)
    ]


def test_a_gap_is_filled_when_its_release_is_kept_and_missing_again_only_if_not(desk: Desk) -> None:
    desk.audit("a", "b", "c")
    with desk.archive.transaction():
        assert queue_missing_releases(desk.archive.db, "fyr", desk.day) == 3
        assert queue_missing_releases(desk.archive.db, "fyr", desk.day) == 0
    assert [row.url for row in desk.archive.frontier.list_due("fyr", desk.day, 9)] == [f"{AT}/{name}" for name in "abc"]
    desk.hold("a")
    assert desk.gaps() == {"a": "filled", "b": "due", "c": "due"}
    assert desk.rows("select filled from missing_releases where filled is not null") == desk.rows(
        f"select fetched from frontier where url = '{AT}/a'"
    )
    with desk.archive.transaction():
        desk.archive.frontier.mark_rejected(f"{AT}/b", NOW, "is a listing")
    assert desk.audit("a", "b", "c").missing == 1
    assert desk.gaps() == {"a": "filled", "b": "rejected", "c": "due"}
    ((first, last),) = desk.rows(f"select first_missed, last_missed from missing_releases where url = '{AT}/c'")
    assert (first[:10], last[:10]) == ("2024-07-02", "2024-07-03")


def test_what_did_not_answer_is_tried_again_and_what_is_kept_aside_left_alone(desk: Desk) -> None:
    with desk.archive.transaction():
        desk.archive.frontier.mark_failed(desk.find("a"), NOW, "503")
        desk.archive.frontier.mark_quarantined(desk.find("b"), NOW, "lacks its lead")
    desk.audit("a", "b")
    with desk.archive.transaction():
        assert queue_missing_releases(desk.archive.db, "fyr", desk.day) == 1
    assert desk.rows("select state from frontier order by url") == [("due",), ("quarantined",)]


def test_a_source_that_breaks_off_ends_no_gap_and_unlists_nothing(desk: Desk) -> None:
    for number in range(1, 7):
        desk.hold(str(number), date(2024, number, 1))
    assert desk.audit(*"12345", "x").unlisted == 1
    told = desk.audit(*"1234", problem="page 2 answered 500")
    assert (told.is_complete, told.unlisted, told.listed) == (False, None, 4)
    assert desk.rows("select distinct complete, problem, unlisted from coverage") == [(0, "page 2 answered 500", None)]
    assert desk.gaps() == {"x": "unseen"}
    assert desk.audit(*"123456").missing == 0
    assert desk.gaps() == {"x": "unlisted"}


def test_delisted_is_said_only_where_it_can_be(desk: Desk) -> None:
    names = [str(number) for number in range(1, 9)]
    keys = {name: desk.hold(name, date(2024, 5, int(name))) for name in names}
    desk.hold("fed", date(2024, 5, 20), source=FEED)  # a feed lists only the newest
    desk.hold("undated")
    desk.hold("left", date(2024, 5, 20), source=f"{AT}/no-source-any-more")
    assert desk.audit(*names[1:]).unlisted == 0, "1 is older than all that is listed: it may have run off the end"
    assert desk.audit(*names[4:]).unlisted == 0
    assert desk.audit(*names[:3]).unlisted == 5
    assert desk.rows("select month, unlisted from coverage where source is not null") == [("2024-05", 5)]
    assert desk.audit(*names[:3], kind="feed").unlisted == 0
    with desk.archive.transaction():
        desk.archive.removals.mark_missing(keys["4"], NOW, "gone", status=404)
        desk.archive.removals.mark_merged(keys["5"], NOW, f"{AT}/6", keys["6"])
    assert desk.audit(*names[:3]).unlisted == 3


def test_an_empty_source_is_told_and_what_stood_before_is_replaced(desk: Desk) -> None:
    desk.audit("a")
    desk.audit()
    assert desk.rows("select source, listed, missing, complete from coverage order by id") == [
        *((AT, 0, 0, 0), (None, 0, 0, 0)),
    ]
    desk.audit("b")
    assert desk.rows("select distinct complete from coverage") == [(1,)]


def test_a_list_that_is_empty_at_once_ends_no_gap(desk: Desk) -> None:
    desk.audit("a", "b")
    for _ in range(2):
        assert not desk.audit().is_complete
        assert desk.rows("select problem from coverage") == [(f"{AT}: lists nothing any more",)] * 2
    assert not desk.audit(problem="answered 500").is_complete
    assert not desk.audit().is_complete, "what it listed before that is remembered"
    assert desk.gaps() == {"a": "unseen", "b": "unseen"}
    assert desk.audit("a").is_complete
    assert desk.gaps() == {"a": "unseen", "b": "unlisted"}


def test_a_list_that_never_named_anything_is_whole(desk: Desk) -> None:
    assert not desk.audit(problem="answered 500").is_complete
    assert desk.audit().is_complete


def test_a_source_that_no_page_leads_to_any_more_ends_no_gap_for_three_months(desk: Desk) -> None:
    home = AuditedSource(url="https://fyr.example/", kind="home")
    listing = AuditedSource(url=AT, kind="listing", urls={f"{AT}/a": ListedUrl(source_url=AT)})
    feed = AuditedSource(url=FEED, kind="feed", urls={f"{AT}/b": ListedUrl(source_url=FEED)})
    assert desk.take(home, listing, feed).is_complete
    for _ in range(2):
        assert not desk.take(home, feed).is_complete
        problem = f"{AT}: no page leads to it any more"
        assert desk.rows("select problem from coverage where source is null") == [(problem,)]
    assert desk.gaps() == {"a": "unseen", "b": "unseen"}
    desk.day += timedelta(days=92)
    assert desk.take(home, feed).is_complete
    assert desk.gaps() == {"a": "unlisted", "b": "unseen"}


def test_a_source_struck_off_the_list_is_no_loss_but_an_archive_page_is(desk: Desk) -> None:
    archive = AuditedSource(url=f"{AT}/2023", kind="archive", urls={f"{AT}/a": ListedUrl(source_url=f"{AT}/2023")})
    listing = AuditedSource(url=AT, kind="listing", urls={f"{AT}/b": ListedUrl(source_url=AT)})
    feed = AuditedSource(url=FEED, kind="feed", urls={f"{AT}/b": ListedUrl(source_url=FEED)})
    assert desk.take(feed, listing, archive).is_complete
    assert not desk.take(feed, listing).is_complete
    assert desk.take(feed).is_complete
