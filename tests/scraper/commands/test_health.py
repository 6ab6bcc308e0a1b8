"""scrapy health: assesses the agencies and acknowledges known faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.__main__ import main
from archive.database.sqlite_files import ArchiveError
from archive.times import now
from scraper.agency import load_agencies
from scraper.commands import health
from scraper.commands.health import judge_archive
from tests.scraper.crawling import NOWHERE, Crawling


def test_fault_is_shown_until_it_is_acknowledged(
    crawled_site: Crawling, capsys: pytest.CaptureFixture[str]
) -> None:
    crawled_site.agencies.write_text(crawled_site.agencies.read_text("utf-8") + NOWHERE, "utf-8")
    code, printed = crawled_site.run("news", "-a", "agency=borta", LOOPBACK_UNKNOWN="borta.invalid")
    assert code == 1, printed
    rows, _ = judge_archive(crawled_site.archive, load_agencies(crawled_site.agencies), {})
    assert [row["agency"] for row in rows if row["is_unacknowledged"]] == ["borta"]

    # an unset variable of a script
    assert crawled_site.call(health.Command(), "--acknowledge", "") == 2
    assert crawled_site.rows("select acknowledged from health where agency = 'borta'") == [(None,)]
    assert crawled_site.call(health.Command()) == 1
    table = capsys.readouterr().out.splitlines()[1:]
    (line,) = [line for line in table if "borta" in line.split()[:2]]
    assert str(now().date()) in line  # since then
    assert main(["status", str(crawled_site.archive)]) == 1
    printed = capsys.readouterr().out
    assert printed.splitlines()[1 : len(table) + 1] == table
    assert "releases; 0 pages in quarantine; last assessed: 20" in printed
    assert crawled_site.call(health.Command(), "--acknowledge", "borta") == 0
    printed = capsys.readouterr().out
    assert main(["status", str(crawled_site.archive)]) == 0
    for text in (
        "0 new faults in 5 agencies",
        "(known)",
        "DNS",
        "borta: acknowledged until it changes",
    ):
        assert text in printed
    assert crawled_site.rows("select count(*) from health_events where agency = 'borta'") == [(1,)]


def test_missing_archive_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no such file"):
        judge_archive(tmp_path / "archive.db", {}, {})
