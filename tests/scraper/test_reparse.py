"""Settings of a revisit that cannot be read, agencies on no list, and reading held bytes anew: no edit is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scraper.crawling import Crawling, first_url, revisit


def test_a_schedule_that_cannot_be_read_ends_with_2(crawling: Crawling) -> None:
    code, printed = crawling.run("revisit", REVISIT_AGES="often")
    assert code == 2
    assert "settings: REVISIT_AGES 'often'" in printed


@pytest.mark.parametrize("budget", ["many", "-3"])
def test_a_budget_that_is_no_number_ends_with_2(crawling: Crawling, budget: str) -> None:
    code, printed = crawling.run("revisit", REVISIT_BUDGET=budget)
    assert code == 2
    assert f"settings: REVISIT_BUDGET {budget!r} is not a whole number from 0 upwards" in printed


def test_agencies_that_are_on_no_list_are_named(held: Crawling, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text('[annan]\nname = "Annan"\nhome = "http://annan.localhost/"\n')
    for run in (
        held.run("revisit", AGENCIES=str(tmp_path / "other.toml")),
        held.scrapy("reparse", AGENCIES=str(tmp_path / "other.toml")),
    ):
        assert "24 releases of 4 agencies that are not in the list are skipped: farledsverket" in run[1]


def test_reparse_is_no_edit(held: Crawling) -> None:
    # states as older rules might have read them
    held.write("update revisions set parser_version = 'NewsPage 0', hash = 'old', lead = null")
    held.write("update releases set hash = 'old', lead = null")
    code, printed = held.scrapy("reparse")
    assert code == 0, printed
    assert printed.splitlines()[-1] == "0 unchanged, 24 reparsed, 0 unreadable, 0 without capture"
    assert held.rows("select cause, count(*) from revisions group by 1") == [("first", 24), ("parser", 24)]
    code, printed = held.scrapy("reparse")
    assert printed.splitlines()[-1] == "24 unchanged, 0 reparsed, 0 unreadable, 0 without capture"


def test_a_mended_rule_between_two_looks_is_no_edit(held: Crawling) -> None:
    held.write("update revisions set parser_version = 'NewsPage 0', hash = 'old', lead = null")
    held.write("update releases set hash = 'old', lead = null")
    held.write("update frontier set etag = null, last_modified = null")
    url = first_url(held)
    held.site.edit(url, {"title": "En helt ny rubrik om skog"})
    revisit(held)
    assert held.rows("select cause, count(*) from revisions group by 1") == [
        ("first", 24),
        ("parser", 24),
        ("source", 1),
    ]
    assert held.rows("select count(*) from crawls where reparsed > 0") == [(4,)]
    ((changes,),) = held.rows("select changes from revisions where cause = 'source'")
    assert '"title"' in changes
    assert '"lead"' not in changes


def test_a_database_that_is_no_archive_is_told(tmp_path: Path, crawling: Crawling) -> None:
    code, printed = crawling.scrapy("reparse", ARCHIVE=str(tmp_path / "none.db"))
    assert code == 2
    assert "none.db: no such file" in printed
    assert not (tmp_path / "none.db").exists()
