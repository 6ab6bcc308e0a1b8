"""scrapy reparse: parses stored releases again from their captures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from scraper.agency import Agency
from scraper.commands import reparse
from scraper.ingest import edit_or_redesign as redesign
from scraper.items import ReleaseItem
from scraper.pages.document import Document
from scraper.pages.page_reader import read_document
from tests.scraper.crawling import RELEASES, Crawling
from tests.scraper.offline import OfflineCrawl


def test_changed_parser_is_no_edit(
    crawled_site: Crawling, capsys: pytest.CaptureFixture[str]
) -> None:
    # states as earlier rules may have read them
    crawled_site.write(
        "update revisions set parser_version = 'NewsPage 0', hash = 'old', lead = null"
    )
    crawled_site.write("update releases set hash = 'old', lead = null")
    code, printed = crawled_site.finish(crawled_site.scrapy_command("reparse"))
    assert code == 0, printed
    found = printed.splitlines()[-1]
    assert found == f"0 unchanged, {RELEASES} reparsed, 0 doubtful, 0 unreadable, 0 without capture"
    causes = crawled_site.rows("select cause, count(*) from revisions group by 1")
    assert causes == [("first", RELEASES), ("parser", RELEASES)]
    assert crawled_site.call(reparse.Command()) == 0
    assert (
        capsys.readouterr().out
        == f"{RELEASES} unchanged, 0 reparsed, 0 doubtful, 0 unreadable, 0 without capture\n"
    )


def test_agencies_that_are_not_listed_are_reported(
    first_crawl: Crawling, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "other.toml").write_text(
        '[annan]\nname = "Annan"\nhome = "http://annan.localhost/"\n'
    )
    other = Crawling(first_crawl.site, tmp_path / "other.toml", first_crawl.archive)
    assert other.call(reparse.Command()) == 0
    assert (
        "24 releases of 4 agencies that are not in the list are skipped: farledsverket"
        in caplog.text
    )


def test_missing_archive_is_an_error(
    first_crawl: Crawling, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert first_crawl.call(reparse.Command(), ARCHIVE=str(tmp_path / "none.db")) == 2
    assert "none.db: no such file" in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()


def test_doubtful_reading_does_not_replace_the_stored_text(
    offline: OfflineCrawl, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    offline.write("update releases set hash = 'old', lead = null")
    offline.write("update revisions set hash = 'old', lead = null, parser_version = 'NewsPage 0'")
    url = offline.base + offline.paths[0]
    before = offline.states()

    def read(document: Document, agency: Agency) -> ReleaseItem:
        return replace(read_document(document, agency), doubt="is before the heading")

    def reparse_both(processes: int = 0) -> list[str]:
        results: list[str] = []
        releases = [(offline.base + path, offline.agency) for path in offline.paths[:2]]
        reparse.reparse_releases(
            offline.archive,
            offline.recorder.captures,
            releases,
            results.append,
            processes=processes,
        )
        return results

    with monkeypatch.context() as patch:
        patch.setattr(redesign, "read_document", read)
        assert reparse_both() == ["doubtful", "doubtful"]
    assert offline.states() == before
    assert (
        f"{url}: the stored text is kept: the body that today's rules read is before the heading"
        in caplog.text
    )
    assert reparse_both() == ["reparsed", "reparsed"]
    monkeypatch.setattr(reparse, "_read_page", None)
    # without parsing them again, or starting a process that would
    assert reparse_both(processes=2) == ["unchanged", "unchanged"]
