"""The naive baseline: BeautifulSoup parses the whole page, a row a page goes into SQLite, committed one by one."""

from __future__ import annotations

import sqlite3
from typing import Any

from bs4 import BeautifulSoup
from scrapy.http import Response

from tests.bench.bare import BareSpider


class NaiveSpider(BareSpider):
    """scrapy runspider tests/bench/naive.py -a urls=FILE -a db=FILE."""

    name = "naive"

    def __init__(self, urls: str, db: str, **arguments: Any) -> None:
        super().__init__(urls, **arguments)
        self.db = sqlite3.connect(db, isolation_level=None)  # each statement commits
        self.db.execute("create table releases (url text primary key, title text, body text, html blob)")

    def parse(self, response: Response) -> None:
        """Title, text and bytes of a page: no fields, no index, no revisions."""
        soup = BeautifulSoup(response.body, "lxml")
        heading, main = soup.find("h1"), soup.find("main") or soup
        row = (response.url, heading.get_text(" ", strip=True) if heading else "", main.get_text("\n", strip=True))
        self.db.execute("insert into releases values (?, ?, ?, ?)", (*row, response.body))
