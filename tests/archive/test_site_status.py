"""/-/status: who is read and who is not, trouble first, in both languages and every format; and our manners."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import time_machine

from archive.store import Archive
from scraper.agency import load_agencies
from tests.archive.atom import find_faults
from tests.archive.sample import Site, fill, served
from tests.archive.sample_health import FACTS, JUDGED, ROWS, add_health

MOST = 60_000  # bytes of the page with all agencies that are declared, and its style


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = add_health(fill(tmp_path_factory.mktemp("status") / "archive.db"))
    with Archive(path) as archive:
        archive.add_agency("dammverket", name="Dammverket", home="https://damm.example/")  # never tried
    return path


@pytest.fixture
async def status(judged: Path) -> AsyncIterator[Site]:
    with served(judged) as datasette, time_machine.travel(JUDGED, tick=True):
        yield Site(datasette)


async def test_trouble_comes_first_with_why_and_since_when(status: Site) -> None:
    page = await status.page("/-/status?lang=en")
    assert page.xpath("string(//*[@role='status'])") == "1 agency has a crawl problem · 1 known fault"
    faults = [" ".join(item.text_content().split()) for item in page.xpath("//ul[@class='states']/li")]
    assert faults[0].startswith(
        "Tystnadsnämnden Failing. Nothing has been readable since 3 June 2024: a login page was shown instead."
    )
    assert faults[1].startswith(
        "Fyrstyrelsen Possible problem (known fault). Fewer pages than before give a lead: 5% now, 96%"
    )
    assert "newest release 1 June 2024" in faults[1]
    assert "3 in the archive, 20 listed" in faults[1]
    assert [row.xpath("string(th)") for row in page.xpath("//table//tr[td]")] == [
        *("Swedish Bird Agency", "Roads Authority"),
    ]
    assert page.xpath("string(//ul[contains(@class, 'register-of')])").split() == ["Dammverket"]


async def test_manners_of_thirty_days(status: Site) -> None:
    text = await status.text("/-/status")
    for told in (
        "Begäranden till webbplatserna4\u00a0800",
        "Hämtad datamängd136,0 MB",
        "(304)25 %",
        "begäranden1,0 sekunder",
    ):
        assert told.replace("\u00a0", " ") in text.replace("\u00a0", " ")
    assert "robots.txt tillåter insamling4 myndigheter" in text


async def test_one_agency_with_all_that_was_looked_at(status: Site) -> None:
    text = await status.text("/-/status/fyrstyrelsen?lang=en")
    for told in (
        "Possible problem (known fault).",
        "lead5%96%",
        "a login page was shown instead: 3",
        "Last read successfully",
    ):
        assert told in text
    assert "Status history 3 June 2024, 10:20" in text
    assert "has not been crawled yet" in await status.text("/-/status/dammverket?lang=en")
    assert (await status.get("/-/status/nobody")).status_code == 404


async def test_as_data(status: Site) -> None:
    told = (await status.get("/-/status.json?lang=en")).json()
    assert (told["red"], told["judged"]) == (1, JUDGED)
    first = told["agencies"][0]
    assert (first["agency"], first["state"], first["red"], first["code"]) == (
        *("tystnadsnamnden", "failing", True),
        "all_fails",
    )
    assert first["failures"] == FACTS["failures"]
    assert (first["stored"], first["requests"], first["lead_told"]) == (3, 1200, 5)
    assert (await status.get(first["page"].removeprefix("http://localhost"))).status_code == 200
    rows = list(csv.DictReader(io.StringIO((await status.get("/-/status.csv")).text)))
    assert [row["agency"] for row in rows] == [row["agency"] for row in told["agencies"]]
    assert rows[-1]["state"] == "never worked"


async def test_changes_to_and_from_faults_as_a_feed(status: Site) -> None:
    answer = await status.get("/-/status.atom?lang=en")
    assert find_faults(answer.content) == []
    assert "Tystnadsnämnden: failing" in answer.text
    assert "Swedish Bird Agency" not in answer.text  # silent within its habit
    again = await status.get("/-/status.atom?lang=en", if_none_match=answer.headers["etag"])
    assert again.status_code == 304
    assert (await status.get("/-/status.atom?after=x")).status_code == 400
    older = await status.get("/-/status.atom?after=4")
    assert "Tystnadsnämnden" not in older.text
    assert "Fyrstyrelsen" in older.text


async def test_a_page_nobody_renews_says_so(judged: Path) -> None:
    with served(judged) as datasette, time_machine.travel("2024-06-09T08:00:00+00:00", tick=True):
        text = await Site(datasette).text("/-/status?lang=en")
    assert "There has been no crawl or assessment since 3 June 2024, 10:20," in text


async def test_an_archive_that_was_never_judged(empty_site: Site) -> None:
    assert "No assessment has been made yet" in await empty_site.text("/-/status?lang=en")
    assert (await empty_site.get("/-/status.atom")).status_code == 200


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ({}, "1 agency has a crawl problem · 1 known fault"),
        ({"tystnadsnamnden": "healthy"}, "The crawls of 3 agencies work · 1 known fault"),
        ({"tystnadsnamnden": "paused", "fyrstyrelsen": "paused"}, "The crawls of 2 agencies work"),
        (dict.fromkeys(("tystnadsnamnden", "vagmyndigheten", "fagelverket"), "paused"), "1 known fault"),
        (dict.fromkeys((agency for agency, *_ in ROWS), "paused"), "No agency is being crawled at the moment"),
    ],
)
async def test_the_heading_speaks_of_those_that_are_read(tmp_path: Path, states: dict[str, str], said: str) -> None:
    path = add_health(fill(tmp_path / "archive.db"))
    with Archive(path) as archive:
        for agency, state in states.items():
            archive.db.execute(
                "update health set state = ?, reason = json_object('code', ?) where agency = ?",
                [state, "paused" if state == "paused" else "too_few", agency],
            )
    with served(path) as datasette:
        page = await Site(datasette).page("/-/status?lang=en")
    assert page.xpath("string(//h2[@class='verdict']/*[@role='status'])") == said


@pytest.mark.parametrize("sort", ["vagmyndigheten", "tystnadsnamnden"])
async def test_many_agencies_make_no_heavy_page(tmp_path: Path, sort: str) -> None:
    path = add_health(fill(tmp_path / "archive.db"))
    with Archive(path) as archive, archive.transaction():
        for slug, agency in load_agencies().items():
            archive.add_agency(slug, name=agency.name, home=agency.home)
            archive.db.execute(
                "insert into health select ?, state, since, reason, newest, usual_gap, expected, judged, acknowledged,"
                " facts from health where agency = ?",
                [slug, sort],
            )
    with served(path) as datasette:
        site = Site(datasette)
        weight = len((await site.get("/-/status")).content)
        assert weight > 60 * len(load_agencies())
        assert weight + len((await site.get("/static/style.css")).content) <= MOST


async def test_the_language_stays(status: Site) -> None:
    page = await status.page("/-/status?lang=en")
    assert page.xpath("//table//a/@href") == ["status/fagelverket?lang=en", "status/vagmyndigheten?lang=en"]


async def test_the_other_pages_lead_to_it(status: Site) -> None:
    for address in ("/", "/about"):
        page = await status.page(address)
        assert page.xpath("//a[contains(@href, '/-/status')]")
