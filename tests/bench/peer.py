"""The alternative: Scrapy, trafilatura, and sqlite-utils with a full-text index updated by
triggers.
"""

from __future__ import annotations

import zlib
from typing import Any

import trafilatura
from scrapy.http import Response
from sqlite_utils import Database

from tests.bench.bare import BareSpider


class PeerSpider(BareSpider):
    """scrapy runspider tests/bench/peer.py -a urls=FILE -a db=FILE."""

    name = "peer"

    def __init__(self, urls: str, db: str, **arguments: Any) -> None:
        super().__init__(urls, **arguments)
        self.db = Database(db)
        self.db.enable_wal()
        releases = self.db.table("releases")
        releases.create(
            {"url": str, "title": str, "date": str, "text": str, "html": bytes}, pk="url"
        )
        releases.enable_fts(["title", "text"], create_triggers=True)

    def parse(self, response: Response) -> None:
        """Store what trafilatura extracts, and the page's compressed bytes, in one transaction per
        page.
        """
        found = trafilatura.bare_extraction(response.body, url=response.url, with_metadata=True)
        values = {name: getattr(found, name, None) for name in ("title", "date", "text")}
        self.db.table("releases").insert(
            {"url": response.url, **values, "html": zlib.compress(response.body)}
        )
