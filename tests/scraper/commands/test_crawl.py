"""scrapy crawl: exports, and its output."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pytest

from tests.forks import ForkedModule
from tests.scraper.crawling import RELEASES, Crawling
from tests.site.server import Site


def test_each_stored_release_is_exported(first_crawl: Crawling) -> None:
    out = first_crawl.archive.with_name("out.jsonl")
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    stored = first_crawl.rows("select id, url, title, published, body from releases order by id")
    assert len(stored) == RELEASES
    found = sorted(
        (row["release"], row["url"], row["title"], row["published"], row["body"]) for row in rows
    )
    assert found == stored
    assert {row["cause"] for row in rows} == {"first"}
    assert all(isinstance(row["tags"], list) and isinstance(row["questions"], list) for row in rows)
    assert "\\u00" not in out.read_text("utf-8")
    with out.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == RELEASES
    assert out.with_suffix(".xml").read_text("utf-8").count("<item>") == RELEASES


@pytest.mark.slow("starts processes")
def test_crawl_ends_though_its_output_is_closed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "output")
    with Site(releases=4, crawl_delay=None) as site:
        crawl = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        environment = {"SCRAPY_SETTINGS_MODULE": crawl.settings}
        process = ForkedModule("scrapy", crawl.command()[3:], environment, pipe=tmp_path / "output")
        with (tmp_path / "output").open(encoding="utf-8") as output:
            assert output.readline().startswith("20")
        assert process.wait(timeout=60) == 0
    assert crawl.rows("select count(*) from releases") == [(4,)]
