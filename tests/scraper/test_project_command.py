"""Scrapy commands: wrong use, Scrapy's own commands beside ours, and commands outside the
project.
"""

from __future__ import annotations

import argparse
import json
import logging
import sqlite3
import tomllib
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest
from scrapy.commands import ScrapyCommand
from scrapy.settings import Settings

from archive.database.sqlite_files import ArchiveError
from scraper.commands import reparse, round, worker
from scraper.project_command import OutsideCrawl, OutsideProject, ProjectCommand
from tests.scraper.crawling import ROOT, SLUG, Crawling
from tests.site.server import Site

SPIDER = """
import scrapy

class Titles(scrapy.Spider):
    name = "titles"
    start_urls = [{url!r}]

    def parse(self, response):
        yield {{"title": response.css("title::text").get()}}
"""


def test_other_spiders_and_commands_need_no_archive(crawling: Crawling, tmp_path: Path) -> None:
    url, spider, out = crawling.urls()[0], tmp_path / "titles.py", tmp_path / "out.json"
    spider.write_text(SPIDER.format(url=url), "utf-8")
    for arguments, expected in (
        (("runspider", str(spider), "-O", str(out)), "Spider closed (finished)"),
        (("fetch", url), "</html>"),
        (("shell", url, "-c", "response.status"), "200"),
        (("parse", url, "--nocolour"), "'parser_version'"),
        (("check",), "Ran 0 contracts"),
    ):
        code, printed = crawling.finish(crawling.scrapy_command(*arguments))
        assert (code, expected in printed) == (0, True), (arguments, printed)
        assert "Traceback" not in printed, arguments
    assert len(json.loads(out.read_text("utf-8"))) == 1
    code, printed = crawling.scrapy("parse", crawling.site.url(SLUG, "/finns-inte"))
    assert (code, "Traceback" in printed) == (1, False)
    assert not crawling.archive.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("crawl", "nyheter"),
            "Spider not found: nyheter; the spiders are attachments, audit, news, past, refetch, revisit",
        ),
        (("crawl", "news", "-a", "since=soon"), "'soon' is not a date"),
        (
            ("crawl", "news", "-s", "BACK_OFF_FIRST=soon"),
            "scrapy crawl: settings: BACK_OFF_FIRST 'soon' is not a",
        ),
        (
            ("health", "-s", "DAILY_BUGDET=4"),
            "settings: DAILY_BUGDET is not a setting; did you mean DAILY_BUDGET?",
        ),
        (
            ("extract", "/borta.html", "--url", "https://a.se/"),
            "extract: /borta.html: No such file or directory",
        ),
        (("parse", "--spider", "news", "http://a.localhost/"), "leave out --spider"),
        (("quarantine", "nix"), "[nix] is not in the list"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    first_crawl: Crawling, arguments: tuple[str, ...], message: str
) -> None:
    command = first_crawl.scrapy_command(*arguments, LOG_LEVEL="ERROR")
    code, printed = first_crawl.finish(command)
    assert (code, message in printed, "Traceback" in printed) == (2, True, False), printed
    assert len(printed.splitlines()) == 1 or arguments[0] == "parse", printed


@pytest.mark.parametrize(
    ("command", "setting", "problem"),
    [
        (reparse.Command, "REVISIT_AGES=often", "'often'"),
        (reparse.Command, "REVISIT_BUDGET=many", "'many' is not a whole number from 0 upwards\n"),
        (reparse.Command, "REVISIT_BUDGET=-3", "'-3' is not a whole number from 0 upwards\n"),
        (
            round.Command,
            "ROUND_PASS_MINUTES=abc",
            "'abc' is not a number above 0, up to 100000000\n",
        ),
        (
            worker.Command,
            "ROUND_PASS_MINUTES=abc",
            "'abc' is not a number above 0, up to 100000000\n",
        ),
    ],
)
def test_wrong_setting_is_reported_before_anything_is_done(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: type[ProjectCommand],
    setting: str,
    problem: str,
) -> None:
    name, _, value = setting.partition("=")
    crawl = Crawling(Site(releases=0), tmp_path, tmp_path / "archive.db")
    assert crawl.call(command(), AGENCIES="", **{name: value}) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"scrapy {command().name}: settings: {name} {problem}")
    assert len(printed.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("variable", "problem"),
    [
        ("FOLLOW_MAIL_FROM=a@news.example", "PUBLIC_URL: must be set, because FOLLOW_MAIL_FROM is"),
        (
            "FOLLOW_SMTP=smtp://mail.news.example",
            "FOLLOW_MAIL_FROM: must be set, because FOLLOW_SMTP is",
        ),
        ("PUBLIC_URL=archive.news.example", "PUBLIC_URL: "),
        ("STAMP_AUTHORITIES=tsr.example", "STAMP_AUTHORITIES: tsr.example is no http"),
    ],
)
def test_round_checks_the_environment_before_anything_is_done(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    problem: str,
) -> None:
    monkeypatch.setenv(*variable.split("="))
    crawl = Crawling(Site(releases=0), tmp_path, tmp_path / "archive.db")
    assert crawl.call(round.Command(), "--agency", "", AGENCIES="") == 2
    assert capsys.readouterr().err.startswith(f"scrapy round: environment: {problem}")
    assert list(tmp_path.iterdir()) == []


def raise_from_full_disk() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("pragma max_page_count = 1")
        try:
            db.execute("create table a (b)")
        except sqlite3.OperationalError as error:
            raise ArchiveError("captures.db", str(error), table="blobs") from error


def raise_from_damaged_file() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(b"x" * 4096)
        db.execute("select 1 from sqlite_master")


def raise_from_wrong_statement() -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("select nothing")


@pytest.mark.parametrize(
    ("fail", "logged"),
    [(raise_from_full_disk, 0), (raise_from_damaged_file, 0), (raise_from_wrong_statement, 1)],
)
def test_unwritable_archive_is_not_logged_again_for_each_response(
    caplog: pytest.LogCaptureFixture, fail: Callable[[], None], logged: int
) -> None:
    """Test that Scrapy's tracebacks are left out: the crawl ends with one line that says why."""
    for module in ("engine", "scraper"):
        caplog.clear()
        try:
            fail()
        except (sqlite3.Error, ArchiveError):
            logging.getLogger(f"scrapy.core.{module}").exception("Spider error")
        assert len(caplog.records) == logged
    logging.getLogger("scrapy.core.engine").error("without an exception")
    assert caplog.records[-1].getMessage() == "without an exception"


def test_outside_the_project_commands_name_the_missing_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        entry_points = tomllib.load(file)["project"]["entry-points"]["scrapy.commands"]
    ours = {path.stem for path in (ROOT / "scraper" / "commands").glob("[a-z]*.py")}
    assert set(entry_points) == ours - {"parse"}, "Scrapy has one of its own, which needs a project"
    for target in entry_points.values():
        module, _, name = target.partition(":")
        assert issubclass(getattr(import_module(module), name), ScrapyCommand)
    monkeypatch.delenv("SCRAPY_SETTINGS_MODULE", raising=False)
    monkeypatch.chdir(tmp_path)
    for command in (OutsideProject(), OutsideCrawl()):
        command.settings = Settings()
        with pytest.raises(SystemExit) as ended:
            command.process_options([], argparse.Namespace())
        assert ended.value.code == 2
        assert "SCRAPY_SETTINGS_MODULE=scraper.settings" in capsys.readouterr().err
