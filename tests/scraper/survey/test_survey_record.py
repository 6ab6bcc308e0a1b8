"""The record of a survey: what is saved is loaded again, a try at a time."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from archive.database.sqlite_files import ArchiveError
from scraper.survey.survey_record import (
    SurveyedAgency,
    SurveyedPage,
    SurveyedResponse,
    SurveyedSource,
    SurveyRecord,
)

HOME = "https://skogsradet.example/"
PAGE = f"{HOME}nyheter/algar"


def build_agency(tried: str = "2026-12-01T22:00:00+00:00", **values: object) -> SurveyedAgency:
    agency = SurveyedAgency(slug="skogsradet", name="Skogsrådet", home=HOME, tried=tried)
    agency.sources = [SurveyedSource(kind="listings", url=f"{HOME}nyheter", links=20)]
    agency.pages = [
        SurveyedPage(url=PAGE, fields={"title": "Fler älgar", "tags": ["Vilt"]}, doubts=["short"]),
        SurveyedPage(url=f"{HOME}nyheter/vargar", problem="page: is a login page", failure="login"),
    ]
    for name, value in values.items():
        setattr(agency, name, value)
    return agency


def test_a_try_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    agency = build_agency(verdict="works", reasons=["three pages"], needs_javascript=True)
    response = SurveyedResponse(url=PAGE, final_url=PAGE)
    failed = SurveyedResponse(url=HOME, problem="there is no such host", failure="dns")
    with SurveyRecord(tmp_path / "survey") as record:
        response.sha256 = record.captures.store_body(b"<p>Fler \xc3\xa4lgar", "skogsradet.example")
        record.save(agency, [response, failed])
    with SurveyRecord(tmp_path / "survey", readonly=True) as record:
        assert record.load_all() == [agency]
        responses = record.load_responses(agency)
        assert responses == {PAGE: response, HOME: failed}
        assert record.captures.read(responses[PAGE].sha256 or "") == b"<p>Fler \xc3\xa4lgar"


def test_earlier_tries_are_kept(tmp_path: Path) -> None:
    first, second = build_agency(), build_agency("2027-01-01T22:00:00+00:00", verdict="gone")
    with SurveyRecord(tmp_path) as record:
        for agency in (first, second):
            record.save(agency, [])
        assert record.load_all() == [second]
        assert record.load_tries("skogsradet", 2) == [second, first]
        assert record.list_slugs(since="2026-12-31") == ["skogsradet"]
        assert record.list_slugs(since="2027-02-01") == []


def test_a_judgement_is_kept_and_counted(tmp_path: Path) -> None:
    agency = build_agency(verdict="doubts")
    agency.pages[0].is_crawled = True
    with SurveyRecord(tmp_path) as record:
        record.save(agency, [])
        agency.pages[0].right, agency.pages[0].judged = True, "2026-12-02T08:00:00+00:00"
        record.update(agency)
        (loaded,) = record.load_all()
    mark = loaded.mark
    assert (mark.tried, mark.read, mark.judged, mark.right, mark.seen) == (
        date(2026, 12, 1),
        1,
        1,
        1,
        date(2026, 12, 2),
    )


def test_crawled_pages_are_those_of_the_table_that_is_needed() -> None:
    present, proposed = (
        SurveyedPage(url=f"{HOME}{name}", is_crawled=name == "a", is_proposed=name == "b")
        for name in "ab"
    )
    for verdict, page in (("works", present), ("doubts", present), ("table", proposed)):
        agency = build_agency(verdict=verdict, pages=[present, proposed])
        assert agency.crawled_pages == [page]


def test_a_try_is_saved_once(tmp_path: Path) -> None:
    agency = build_agency()
    with SurveyRecord(tmp_path) as record:
        record.save(agency, [])
        with pytest.raises(ArchiveError, match=r"survey\.db.*skogsradet"):
            record.save(build_agency(verdict="gone"), [])
        assert record.load_all() == [agency]


@pytest.mark.parametrize("options", [{"readonly": True}, {"create": False}])
def test_a_folder_without_a_survey_is_named(tmp_path: Path, options: dict[str, bool]) -> None:
    with pytest.raises(ArchiveError, match="nothing was surveyed in this folder yet"):
        SurveyRecord(tmp_path / "mistyped", **options)
    assert not list(tmp_path.iterdir())
