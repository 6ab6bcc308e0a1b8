"""Scrapy's own commands beside ours: what they export, and that they need no archive."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from scrapy import signals
from scrapy.commands import ScrapyCommand

from tests.scraper.crawling import ROOT, SLUG, Crawling, first_url
from tests.scraper.test_parse_count import PAGE, URL, Crawl

FOREIGN_SPIDER = """
import scrapy

class Titles(scrapy.Spider):
    name = "titles"

    def parse(self, response):
        yield {"title": response.css("title::text").get()}
"""


def read_lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_crawl_exports_each_release_that_it_stored(held: Crawling, tmp_path: Path) -> None:
    held.archive.unlink()
    held.archive.with_name("captures.db").unlink()
    files = [tmp_path / name for name in ("out.jsonl", "out.csv", "out.xml")]
    code, printed = held.run("news", *(part for file in files for part in ("-O", str(file))))
    assert code == 0, printed
    assert "Traceback" not in printed
    lines = read_lines(files[0])
    stored = held.rows("select id, url, title, published, body from releases order by id")
    assert sorted((row["release"], row["url"], row["title"], row["published"], row["body"]) for row in lines) == stored
    assert {row["cause"] for row in lines} == {"first"}
    assert all(isinstance(row["tags"], list) and isinstance(row["questions"], list) for row in lines)
    assert "\\u00" not in files[0].read_text("utf-8")
    with files[1].open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == len(stored)

    held.write("update releases set next_check = null")
    url = first_url(held)
    held.site.edit(url, {"title": "En helt ny rubrik om skog"})
    code, printed = held.run("revisit", "-O", str(files[0]))
    assert code == 0, printed
    assert [(row["url"], row["title"], row["cause"]) for row in read_lines(files[0])] == [
        (url, "En helt ny rubrik om skog", "source")
    ]


def test_a_release_that_is_taken_down_is_not_exported(held: Crawling, tmp_path: Path) -> None:
    url = first_url(held)
    ((release,),) = held.rows("select id from releases where url = ?", url)
    takedown = (sys.executable, "-m", "archive", "takedown", "hide", str(release), "--reason", "Personuppgift")
    subprocess.run([*takedown, "--archive", str(held.archive)], cwd=ROOT, check=True, capture_output=True)
    held.site.edit(url, {"title": "En helt ny rubrik om skog"})
    code, printed = held.run("revisit", "-O", str(tmp_path / "out.jsonl"))
    assert code == 0, printed
    assert read_lines(tmp_path / "out.jsonl") == []
    assert held.rows("select count(*) from revisions where release = ?", release) == [(2,)]


def test_other_spiders_and_commands_need_no_archive(crawling: Crawling, tmp_path: Path) -> None:
    url, spider, out = first_url(crawling), tmp_path / "titles.py", tmp_path / "out.json"
    spider.write_text(f"{FOREIGN_SPIDER}    start_urls = [{url!r}]\n", "utf-8")
    for arguments, expected in (
        (("runspider", str(spider), "-O", str(out)), "Spider closed (finished)"),
        (("fetch", url), "</html>"),
        (("shell", url, "-c", "response.status"), "200"),
        (("parse", url, "--nocolour"), "'parser_version'"),
        (("check",), "Ran 0 contracts"),
    ):
        code, printed = crawling.scrapy(*arguments)
        assert (code, expected in printed) == (0, True), (arguments, printed)
        assert "Traceback" not in printed, arguments
    assert len(json.loads(out.read_text("utf-8"))) == 1
    assert not crawling.archive.exists()


def test_parse_says_why_there_is_no_release(crawling: Crawling) -> None:
    code, printed = crawling.scrapy("parse", crawling.site.url(SLUG, "/finns-inte"))
    assert code == 1
    assert "Traceback" not in printed
    code, printed = crawling.scrapy("parse", "--spider", "news", first_url(crawling))
    assert (code, "leave out --spider" in printed) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("crawl", "nyheter"),
            "Spider not found: nyheter; the spiders are audit, news, refetch, revisit",
        ),
        (("crawl", "news", "-s", "BACK_OFF_FIRST=soon"), "scrapy crawl: settings: BACK_OFF_FIRST 'soon' is not a"),
        (("health", "-s", "DAILY_BUGDET=4"), "settings: DAILY_BUGDET is not a setting; did you mean DAILY_BUDGET?"),
        (
            ("extract", "/borta.html", "--url", "https://a.se/"),
            "extract: /borta.html: No such file or directory",
        ),
        (("quarantine", "nix"), "[nix] is not in the list"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(held: Crawling, arguments: tuple[str, ...], message: str) -> None:
    code, printed = held.scrapy(*arguments, LOG_LEVEL="ERROR")
    assert code == 2
    assert message in printed
    assert len(printed.splitlines()) == 1, printed


def test_outside_the_project_the_commands_say_what_to_set(tmp_path: Path) -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        entry_points = tomllib.load(file)["project"]["entry-points"]["scrapy.commands"]
    ours = {path.stem for path in (ROOT / "scraper" / "commands").glob("[a-z]*.py")}
    assert set(entry_points) == ours - {"parse"}, "Scrapy has one of its own, which needs a project"
    for target in entry_points.values():
        module, _, name = target.partition(":")
        assert issubclass(getattr(import_module(module), name), ScrapyCommand)
    code = "from scrapy.settings import Settings\nfrom scraper.command import {0}\nimport argparse\ncommand = {0}()\n"
    code += "command.settings = Settings()\ncommand.process_options([], argparse.Namespace())"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCRAPY")}
    for name in ("OutsideProject", "OutsideCrawl"):
        words = [sys.executable, "-c", code.format(name)]
        environment["PYTHONPATH"] = str(ROOT)
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stderr
        assert "SCRAPY_SETTINGS_MODULE=scraper.settings" in done.stderr


def test_what_left_quarantine_when_a_crawl_ended_is_announced_too(tmp_path: Path) -> None:
    crawl, announced = Crawl(tmp_path / "archive.db"), []
    try:
        crawl.run(PAGE)

        def receive(item: object, response: object) -> None:
            announced.append((item, response))

        crawl.spider.crawler.signals.connect(receive, signals.item_scraped)
        crawl.pipeline.announce_stored("skog", 0)
        ((item, response),) = announced
        assert isinstance(item, dict)
        assert (item["release"], item["url"], response) == (1, URL, None)
        crawl.spider.item_finished(None)
        crawl.pipeline.announce_stored("skog", item["revision"])
        assert len(announced) == 1
    finally:
        crawl.close()
