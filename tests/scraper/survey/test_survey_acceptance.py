"""scrapy survey --accept: what is written into the list of agencies, and what is left alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scraper.agency import SurveyMark, load_agencies
from scraper.errors import AgencyError
from scraper.probe import format_agency_toml
from scraper.survey.survey_acceptance import accept_survey
from scraper.survey.survey_record import SurveyRecord
from tests.scraper.in_process import run_scrapy

LIST = """\
# The agencies of the forest

[skog]  # the largest
name = "Skogsrådet"   # not the board
home = 'https://skog.example/'
feeds = [
  "https://skog.example/feed",  # all news
]
# no sitemap

# The two agencies of the sea

[sjo]
name = "Sjöverket"
home = "https://sjo.example/"
paused = "asked us to wait"
"""
TRIED, NEXT, JUDGED = (f"2026-12-0{day}T23:30:00+00:00" for day in (1, 5, 2))
DAY = date(2026, 12, 2)  # in Sweden


@dataclass
class Accepted:
    """A list of agencies, and a survey of it that can be accepted."""

    folder: Path

    def __post_init__(self) -> None:
        self.file = self.folder / "list.toml"
        self.file.write_text(LIST, "utf-8")

    def survey(
        self, slug: str = "skog", verdict: str = "works", *judged: bool | None, **found: Any
    ) -> None:
        """Record a try of an agency, with a page for each of `judged`, which both tables read, with
        the same `fields`.
        """
        agency = load_agencies(self.file).get(slug)
        declared = format_agency_toml(agency) if agency else None
        fields, is_proposed = found.pop("fields", {"title": "T"}), found.pop("is_proposed", True)
        page = {"right": None, "judged": None, "is_crawled": True, "is_proposed": is_proposed}
        pages = [{"url": f"{n}", "fields": fields, **page} for n in range(len(judged))]
        values = {"tried": TRIED, "declared": declared, "proposed": declared, "pages": pages}
        with SurveyRecord(self.folder, create=True) as record:
            record.save({"slug": slug, "verdict": verdict, **values, **found}, {})
            for page, is_right in zip(pages, judged, strict=True):
                if is_right is not None:
                    record.judge(page, is_right=is_right)

    def accept(self) -> str:
        with SurveyRecord(self.folder) as record:
            return accept_survey(record, self.file)

    def load_mark(self, slug: str = "skog") -> SurveyMark | None:
        return load_agencies(self.file)[slug].survey


@pytest.fixture
def accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Accepted:
    monkeypatch.setattr("scraper.survey.survey_record.to_iso", lambda _: JUDGED)
    return Accepted(tmp_path)


def test_a_mark_follows_the_last_key_and_nothing_else_changes(accepted: Accepted) -> None:
    mode = accepted.file.stat().st_mode
    accepted.survey("skog", "works", None, None)
    accepted.survey("sjo", "refused")
    diff = accepted.accept()
    mark = 'survey = {tried = 2026-12-02, verdict = "works", read = 2}\n'
    refused = mark.replace("works", "refused").replace("2}", "0}")
    expected = LIST.replace("# no sitemap\n", f"# no sitemap\n{mark}") + refused
    assert accepted.file.read_text("utf-8") == expected
    assert accepted.file.stat().st_mode == mode
    assert [line for line in diff.splitlines(keepends=True) if line[0] in "+-"][2:] == [
        f"+{mark}",
        f"+{refused}",
    ]
    assert accepted.accept() == ""
    assert accepted.file.read_text("utf-8") == expected
    assert not list(accepted.folder.glob("*.new"))


def test_what_a_person_said_is_counted_while_the_release_is_read_as_before(
    accepted: Accepted,
) -> None:
    accepted.survey("skog", "doubts", True, True, False, None)
    accepted.accept()
    judged = SurveyMark(
        tried=DAY, verdict="doubts", read=4, judged=3, right=2, seen=date(2026, 12, 3)
    )
    assert accepted.load_mark() == judged
    accepted.survey("skog", "works", None, None, tried=NEXT)
    accepted.accept()
    later = date(2026, 12, 6)
    assert accepted.load_mark() == SurveyMark(
        tried=later, verdict="works", read=2, judged=2, right=2, seen=date(2026, 12, 3)
    )
    accepted.survey("skog", "works", None, tried=NEXT.replace("05", "06"), fields={"title": "U"})
    accepted.accept()
    changed = SurveyMark(tried=date(2026, 12, 7), verdict="works", read=1)
    assert accepted.load_mark() == changed


PROPOSED = """\
[skog]
name = "Skogsrådet"
home = "https://skog.example/"
feeds = [
    "https://skog.example/feed",
    "https://skog.example/press",
]
releases = "^/nyheter/.+"
"""


@pytest.mark.parametrize(
    ("verdict", "judged", "is_written"),
    [
        ("table", (True, True, None), True),
        ("wire", (True, None), True),
        ("table", (True, False), False),
        ("table", (None, None), False),
        ("works", (True, True), False),
    ],
)
def test_a_proposal_is_written_if_it_is_needed_and_confirmed(
    accepted: Accepted, verdict: str, judged: tuple[bool | None, ...], is_written: bool
) -> None:
    accepted.survey("skog", verdict, *judged, proposed=PROPOSED)
    accepted.accept()
    agency = load_agencies(accepted.file)["skog"]
    assert (agency.releases == "^/nyheter/.+") == (len(agency.feeds) == 2) == is_written
    assert agency.survey
    text = accepted.file.read_text("utf-8")
    assert 'name = "Skogsrådet"   # not the board\nhome = \'https' in text
    assert "# The two agencies of the sea\n\n[sjo]\n" in text
    assert accepted.accept() == ""


def test_keys_that_a_proposal_lacks_are_deleted(accepted: Accepted) -> None:
    proposed = '[skog]\nname = "Skogsrådet"\nhome = "https://skog.example/"\nreleases = "^/n/"\n'
    accepted.survey("skog", "table", True, proposed=proposed)
    accepted.accept()
    agency = load_agencies(accepted.file)["skog"]
    assert (agency.releases, agency.feeds) == ("^/n/", ())
    text = accepted.file.read_text("utf-8")
    assert 'releases = "^/n/"\nsurvey = {tried' in text
    assert "# no sitemap\n\n# The two agencies of the sea\n\n[sjo]\n" in text
    assert accepted.accept() == ""


def test_only_releases_that_the_needed_table_reads_count(accepted: Accepted) -> None:
    accepted.survey("skog", "table", True, proposed=PROPOSED, is_proposed=False)
    accepted.accept()
    agency = load_agencies(accepted.file)["skog"]
    assert (agency.releases, agency.survey) == (
        None,
        SurveyMark(tried=DAY, verdict="table", read=0),
    )


def test_a_table_that_was_changed_since_is_left_alone(accepted: Accepted) -> None:
    accepted.survey("skog", "works", True)
    accepted.survey("sjo", "works", True)
    changed = LIST.partition("# The two")[0].replace("/feed", "/rss")
    accepted.file.write_text(changed, "utf-8")
    assert accepted.accept().splitlines() == [
        "sjo: is not in the list",
        "skog: its table was changed after it was tried; survey it again",
    ]
    assert accepted.file.read_text("utf-8") == changed


def test_a_list_that_would_be_wrong_is_not_written(accepted: Accepted) -> None:
    accepted.survey("skog", "good", True)
    with pytest.raises(
        AgencyError, match=r"list\.toml\.new: .*verdict 'good' is none of doubts, table, works"
    ):
        accepted.accept()
    assert accepted.file.read_text("utf-8") == LIST
    assert "good" in (accepted.folder / "list.toml.new").read_text("utf-8")


def test_the_command_prints_what_it_wrote(accepted: Accepted) -> None:
    settings = {"SURVEY": accepted.folder, "AGENCIES": accepted.file}
    options = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    code, output = run_scrapy(["survey", "--accept", *options], "tests.site.settings")
    assert (code, "nothing was surveyed in this folder yet" in output) == (2, True)
    accepted.survey("skog", "works", True)
    code, output = run_scrapy(["survey", "--accept", *options], "tests.site.settings")
    assert (code, output.count("\n+survey = {")) == (0, 1), output
