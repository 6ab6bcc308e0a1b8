"""The record of a survey: what is saved is loaded again, a try at a time."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from archive.database.sqlite_files import ArchiveError
from scraper.survey.survey_record import Row, SurveyRecord, build_mark, list_table_pages

HOME = "https://skogsradet.example/"
PAGE = f"{HOME}nyheter/algar"


def build_page(url: str = PAGE, **values: Any) -> Row:
    page: Row = {"fields": {"title": "Fler älgar", "tags": ["Vilt"]}, "doubts": [], "right": None}
    return {"url": url, "judged": None, "is_crawled": True, "is_proposed": False, **page, **values}


def build_row(tried: str = "2026-12-01T22:00:00+00:00", **values: Any) -> Row:
    pages = [build_page(doubts=["short"]), build_page(f"{HOME}nyheter/vargar", fields={})]
    row = {"slug": "skogsradet", "tried": tried, "verdict": "doubts", "pages": pages}
    return {**row, **values}


def test_a_try_is_loaded_as_it_was_saved(tmp_path: Path) -> None:
    row = build_row(verdict="works", reasons=["three pages"], needs_javascript=True)
    with SurveyRecord(tmp_path / "survey", create=True) as record:
        sha256 = record.captures.store_body(b"<p>Fler \xc3\xa4lgar", "skogsradet.example")
        responses = {
            PAGE: {"final_url": PAGE, "sha256": sha256},
            HOME: {"problem": "there is no such host", "failure": "dns"},
        }
        record.save(row, responses)
    with SurveyRecord(tmp_path / "survey") as record:
        assert record.load_all() == [row]
        assert record.load_responses(row) == responses
        assert record.captures.read(sha256) == b"<p>Fler \xc3\xa4lgar"


def test_earlier_tries_are_kept(tmp_path: Path) -> None:
    first, second = build_row(), build_row("2027-01-01T22:00:00+00:00", verdict="gone")
    with SurveyRecord(tmp_path, create=True) as record:
        for row in (first, second):
            record.save(row, {})
        assert record.load_all() == [second]
        assert record.load_tries("skogsradet", 2) == [second, first]
        assert record.list_slugs(since="2026-12-31") == ["skogsradet"]
        assert record.list_slugs(since="2027-02-01") == []


def test_a_judgement_is_kept_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scraper.survey.survey_record.to_iso", lambda _: "2026-12-02T08:00:00Z")
    with SurveyRecord(tmp_path, create=True) as record:
        record.save(build_row(), {})
        (row,) = record.load_all()
        assert build_mark(row) == {"tried": date(2026, 12, 1), "verdict": "doubts", "read": 1}
        for is_right in (True, False):  # the last answer counts
            record.judge(row["pages"][0], is_right=is_right)
        (row,) = record.load_all()
    mark = build_mark(row)
    assert (mark["judged"], mark["right"], mark["seen"]) == (1, 0, date(2026, 12, 2))


def test_a_judgement_counts_while_the_release_is_read_as_it_was(tmp_path: Path) -> None:
    with SurveyRecord(tmp_path, create=True) as record:
        record.save(build_row(), {})
        record.judge(build_row()["pages"][0], is_right=True)
        changed = build_page(fields={"title": "Fler vargar"})
        for day, pages, judged in ((2, [changed], []), (3, [build_page()], [True])):
            record.save(build_row(f"2026-12-0{day}T22:00:00+00:00", pages=pages), {})
            (row,) = record.load_all()
            assert [page["right"] for page in row["pages"] if page["judged"]] == judged


def test_the_pages_of_a_table_are_those_of_the_table_that_is_needed() -> None:
    present, proposed = (
        build_page(name, is_crawled=name == "a", is_proposed=name == "b") for name in "ab"
    )
    for verdict, page in (("works", present), ("doubts", present), ("table", proposed)):
        assert list_table_pages(build_row(verdict=verdict, pages=[present, proposed])) == [page]


def test_a_try_is_saved_once(tmp_path: Path) -> None:
    row = build_row()
    with SurveyRecord(tmp_path, create=True) as record:
        record.save(row, {})
        with pytest.raises(ArchiveError, match=r"survey\.db"):
            record.save(build_row(verdict="gone"), {})
        assert record.load_all() == [row]


def test_a_folder_without_a_survey_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="nothing was surveyed in this folder yet"):
        SurveyRecord(tmp_path / "mistyped")
    assert not list(tmp_path.iterdir())
