"""What a crawl stores of an agency itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from archive.store.releases import Archive
from scraper.agency import Agency, SurveyMark
from scraper.crawl.crawl_stats import add_declared_agency

MARK = SurveyMark(tried=date(2026, 12, 1), verdict="works", read=5)
AGENCY = Agency(slug="skog", name="Skogsrådet", home="https://skog.example/", survey=MARK)
SQL = "select survey_tried, survey_verdict, survey_read, survey_judged, survey_seen from agencies"


def test_the_mark_of_a_survey_is_stored_as_it_is_declared(tmp_path: Path) -> None:
    seen = {**MARK, "judged": 4, "right": 4, "seen": date(2026, 12, 2)}
    with Archive(tmp_path / "archive.db") as archive:
        for mark, expected in (
            (MARK, ("2026-12-01", "works", 5, None, None)),
            (seen, ("2026-12-01", "works", 5, 4, "2026-12-02")),
            (None, (None, None, None, None, None)),
        ):
            add_declared_agency(archive, replace(AGENCY, survey=mark))
            assert archive.db.execute(SQL).fetchall() == [expected]
        changes = archive.db.conn.total_changes
        add_declared_agency(archive, replace(AGENCY, survey=None))
        assert archive.db.conn.total_changes == changes
