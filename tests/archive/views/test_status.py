from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import time_machine

from archive.store.releases import Archive
from scraper.agency import load_agencies
from tests.archive.atom import find_faults
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import Site, fill, served
from tests.archive.sample_health import ASSESSED_AT, add_health
from tests.case_tables import load_cases

MAX_PAGE_BYTES = 120_000  # of a page with all agencies of agencies.toml, each with a strip of days
CHANGES = 6  # of the state of each agency in these days


@pytest.fixture(scope="module")
def assessed_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample archive with assessments of its agencies, and an agency that was never crawled."""
    path = add_health(fill(tmp_path_factory.mktemp("status") / "archive.db"))
    with Archive(path) as archive:
        archive.add_agency("dammverket", name="Dammverket", home="https://damm.example/")
    return path


@pytest.fixture(scope="module")
async def status_site(assessed_archive: Path) -> AsyncIterator[Site]:
    with served(assessed_archive) as datasette:
        yield Site(datasette)


@pytest.fixture(autouse=True)
def assessment_time() -> Iterator[None]:
    with time_machine.travel(ASSESSED_AT, tick=True):
        yield


@pytest.mark.parametrize(("path", "words"), load_cases(__file__, "page states"))
async def test_page_states(status_site: Site, path: str, words: list[str]) -> None:
    text = (await status_site.text(path)).replace("\u00a0", " ")
    assert [each for each in words if each not in text] == []


async def test_status_as_csv(status_site: Site) -> None:
    rows = await status_site.csv("/-/status.csv")
    agencies = (await status_site.json("/-/status.json"))["agencies"]
    assert [row["agency"] for row in rows] == [row["agency"] for row in agencies]
    assert rows[-1]["state"] == "never worked"


async def test_feed_has_changes_from_and_to_faults(status_site: Site) -> None:
    feed = await status_site.get("/-/status.atom?lang=en")
    assert find_faults(feed.content) == []
    assert "Tystnadsnämnden: failing" in feed.text
    assert "Swedish Bird Agency" not in feed.text  # it became quiet, as it usually does
    again = await status_site.get("/-/status.atom?lang=en", if_none_match=feed.headers["etag"])
    assert again.status_code == 304
    assert await status_site.status("/-/status.atom?after=x") == 400
    older = await status_site.get("/-/status.atom?after=4")
    assert "Tystnadsnämnden" not in older.text
    assert "Fyrstyrelsen" in older.text


async def test_outdated_assessment_is_stated(status_site: Site) -> None:
    with time_machine.travel("2024-06-09T08:00:00+00:00", tick=True):
        text = await status_site.text("/-/status?lang=en")
    assert "There has been no crawl or assessment since 3 June 2024, 10:20," in text


async def test_archive_without_assessments(empty_site: Site) -> None:
    assert "No assessment has been made yet" in await empty_site.text("/-/status?lang=en")
    assert await empty_site.status("/-/status.atom") == 200


@pytest.fixture
def archive_copy(assessed_archive: Path, tmp_path: Path) -> Path:
    path = tmp_path / "archive.db"
    path.write_bytes(assessed_archive.read_bytes())
    return path


async def test_a_change_is_shown_at_once(archive_copy: Path) -> None:
    """What has not changed is kept between requests."""
    with closing(sqlite3.connect(archive_copy)) as db, served(archive_copy) as datasette:
        site = Site(datasette)
        before = (await site.json("/-/status.json"))["agencies"][0]
        assert before["red"]
        page = await site.text("/-/status")
        with db:
            db.execute(
                "update health set acknowledged = judged where agency = ?", [before["agency"]]
            )
            db.execute("update agencies set name = 'Nya namnet' where slug = ?", [before["agency"]])
        rows = (await site.json("/-/status.json"))["agencies"]
        (after,) = [row for row in rows if row["agency"] == before["agency"]]
        assert (after["red"], after["agency_name"]) == (False, "Nya namnet")
        assert "Nya namnet" in await site.text("/-/status")
        assert "Nya namnet" not in page


@pytest.mark.parametrize(
    ("states", "heading"), load_cases(__file__, "heading counts agencies that are crawled")
)
async def test_heading_counts_agencies_that_are_crawled(
    archive_copy: Path, states: dict[str, str], heading: str
) -> None:
    update = "update health set state = ?, reason = json_object('code', ?) where agency = ?"
    with closing(sqlite3.connect(archive_copy)) as db, db:
        for agency, state in states.items():
            db.execute(update, [state, "paused" if state == "paused" else "too_few", agency])
        db.execute("delete from agencies where slug = 'dammverket'")
    with served(archive_copy) as datasette:
        page = await Site(datasette).page("/-/status?lang=en")
    assert page.xpath("string(//h2[@class='verdict'])") == heading


@pytest.mark.parametrize("agency", ["vagmyndigheten", "tystnadsnamnden"])
async def test_page_with_many_agencies_is_small(archive_copy: Path, agency: str) -> None:
    agencies = load_agencies()
    with closing(sqlite3.connect(archive_copy)) as db, db:
        for slug, each in agencies.items():
            db.execute(
                "insert or ignore into agencies (slug, name, home) values (?, ?, ?)",
                [slug, each.name, each.home],
            )
            db.execute(
                "insert into health select ?, state, since, reason, newest, usual_gap, expected,"
                " judged, acknowledged, facts from health where agency = ?",
                [slug, agency],
            )
            for number in range(CHANGES):
                state = ("failing", "healthy")[number % 2]
                event = [
                    slug,
                    f"2024-05-{4 * number + 1:02}T08:00:00+00:00",
                    state,
                    '{"code": "all_fails"}',
                ]
                db.execute(
                    "insert into health_events (agency, at, state, reason) values (?, ?, ?, ?)",
                    event,
                )
    with served(archive_copy) as datasette:
        page = await Site(datasette).get("/-/status")
        assert page.text.count('<svg class="strip"') >= len(agencies)
        assert len(page.content) <= MAX_PAGE_BYTES


async def test_strip_shows_the_worst_state_of_each_day(
    assessed_archive: Path, tmp_path: Path
) -> None:
    """A strip ends with the day of the last assessment, and has no day before the first one."""
    path = tmp_path / "archive.db"
    path.write_bytes(assessed_archive.read_bytes())
    events = (  # of an agency whose last assessment found no fault
        ("2023-12-01T08:00:00+00:00", "healthy", "usual"),
        ("2024-05-20T08:00:00+00:00", "failing", "all_fails"),
        ("2024-05-22T08:00:00+00:00", "quiet", "quiet"),
        ("2024-05-24T08:00:00+00:00", "paused", "paused"),
        ("2024-05-25T08:00:00+00:00", "healthy", "usual"),
    )
    with Archive(path) as archive:
        archive.db.execute("delete from health_events where agency = 'vagmyndigheten'")
        for at, state, code in events:
            event = {
                "agency": "vagmyndigheten",
                "at": at,
                "state": state,
                "reason": json.dumps({"code": code}),
            }
            archive.db.table("health_events").insert(event)
    with served(path) as datasette:
        page = await Site(datasette).page("/-/status")
    rows = page.xpath("//tr[td]")
    strips = {row.xpath("string(th)"): row.cssselect("svg.strip")[0] for row in rows}
    shapes = {path.get("class"): path.get("d") for path in strips["Vägmyndigheten"].xpath("path")}
    assert shapes == {"fault": "M75 0h3v10h-3z", "ok": "M0 6h75v4h-75zM78 6h12v4h-12z"}
    assert strips["Vägmyndigheten"].xpath("string(title)") == "Fel 3 av 90 dagar"
    assert strips["Tystnadsnämnden"].xpath("string(title)") == "Fel 1 av 1 dag"


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], status_site: Site) -> None:
    for page in pages:
        await page.check({"status": status_site})
