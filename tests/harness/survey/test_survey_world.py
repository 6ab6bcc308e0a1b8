"""Does each host of the survey answer as its verdict says? The survey itself is tested elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from scraper.agency import load_agencies
from tests.case_tables import load_cases
from tests.harness.survey.world import TIMEOUT, SurveyWorld, read_verdicts, serve_survey_world
from tests.site.client import get

VERDICTS = {"works", "doubts", "table", "browser", "wire", "refused", "gone"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SurveyWorld]:
    with serve_survey_world(tmp_path_factory.mktemp("survey")) as served:
        yield served


def ask(world: SurveyWorld, url: str) -> httpx.Response:
    return get(url, port=world.site.port)


def test_verdicts_are_complete() -> None:
    verdicts = read_verdicts()
    assert len({verdict.slug for verdict in verdicts}) == len(verdicts) == 30
    assert {verdict.expected for verdict in verdicts} == VERDICTS
    for verdict in verdicts:
        assert verdict.reason
        assert set(verdict.accepted.split()) <= VERDICTS - {verdict.expected}
        assert bool(verdict.about) == (verdict.expected in ("doubts", "table", "wire"))


def test_each_agency_has_a_verdict_and_a_valid_table(world: SurveyWorld) -> None:
    listed = load_agencies(world.crawling.agencies)
    assert list(listed) == [verdict.slug for verdict in world.verdicts]
    assert len(listed) == (10 if world.skipped else 30)
    hosts = [urlsplit(agency.home).netloc for agency in listed.values()]
    assert hosts == [verdict.host for verdict in world.verdicts]
    assert world.settings["LOOPBACK_UNKNOWN"] == "www.bortaverket.example"


def test_stored_releases_are_listed_and_served_as_they_are(world: SurveyWorld) -> None:
    if world.skipped:
        pytest.skip(world.skipped)
    counts = list[int]()
    for agency in world.agencies.values():
        pages = [page for host in agency.hosts for page in host.pages.values()]
        written = [host.written for host in agency.hosts] if pages else []
        sources = repr([list(contents.values()) for contents in written])
        assert [page.url for page in pages if page.url not in sources] == []
        assert all(ask(world, page.url).content == page.content for page in pages[:1])
        assert not pages or ask(world, agency.table["home"]).status_code == 200
        counts.append(len(pages))
    assert (sum(counts), sum(map(bool, counts))) == (147, 20)


@pytest.mark.parametrize(("url", "status", "text", "absent"), load_cases(__file__, "answers"))
def test_answer(world: SurveyWorld, url: str, status: int, text: str, absent: str) -> None:
    answer = ask(world, url)
    assert answer.status_code == status
    assert text in answer.text
    assert absent not in answer.text


def test_ended_agency_redirects_to_another_of_the_list(world: SurveyWorld) -> None:
    answer = ask(world, "https://www.uppgangsverket.example/nyheter/")
    assert answer.headers["Location"] == world.agencies["flodesverket"].table["home"]


def test_calendar_has_no_end_and_its_days_hang(world: SurveyWorld) -> None:
    url, months = "https://www.fallverket.example/aktuellt/", set()
    for _ in range(5):
        page = ask(world, url).text
        months.add(page)
        url = urljoin(url, page.partition('rel="next" href="')[2].partition('"')[0])
    assert len(months) == 5
    assert world.site.faults["www.fallverket.example", "/aktuellt/dag"].delay > TIMEOUT
