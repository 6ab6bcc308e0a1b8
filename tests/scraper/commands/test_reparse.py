"""scrapy reparse: parses stored releases again from their captures."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper.commands import reparse
from tests.scraper.crawling import RELEASES, Crawling


def test_changed_parser_is_no_edit(crawled_site: Crawling, capsys: pytest.CaptureFixture[str]) -> None:
    # states as earlier rules may have read them
    crawled_site.write("update revisions set parser_version = 'NewsPage 0', hash = 'old', lead = null")
    crawled_site.write("update releases set hash = 'old', lead = null")
    code, printed = crawled_site.scrapy("reparse")
    assert code == 0, printed
    assert printed.splitlines()[-1] == f"0 unchanged, {RELEASES} reparsed, 0 unreadable, 0 without capture"
    causes = crawled_site.rows("select cause, count(*) from revisions group by 1")
    assert causes == [("first", RELEASES), ("parser", RELEASES)]
    assert crawled_site.call(reparse.Command()) == 0
    assert capsys.readouterr().out == f"{RELEASES} unchanged, 0 reparsed, 0 unreadable, 0 without capture\n"


def test_agencies_that_are_not_listed_are_reported(
    first_crawl: Crawling, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "other.toml").write_text('[annan]\nname = "Annan"\nhome = "http://annan.localhost/"\n')
    other = Crawling(first_crawl.site, tmp_path / "other.toml", first_crawl.archive)
    assert other.call(reparse.Command()) == 0
    assert "24 releases of 4 agencies that are not in the list are skipped: farledsverket" in caplog.text


def test_missing_archive_is_an_error(first_crawl: Crawling, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert first_crawl.call(reparse.Command(), ARCHIVE=str(tmp_path / "none.db")) == 2
    assert "none.db: no such file" in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()
