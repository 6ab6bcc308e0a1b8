"""What all spiders share: due releases at paused hosts, and noindex."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.dates import now
from archive.store import Archive
from scraper.spiders.base import DUE_BATCH_SIZE, ReleaseSpider, is_noindex_directive


class PlainSpider(ReleaseSpider):
    name = "plain"


def test_due_releases_at_a_paused_host_are_passed_over(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive, archive.transaction():
        archive.add_agency("skog", name="Skogsrådet", home="https://skog.example/")
        for n in range(DUE_BATCH_SIZE + 200):
            archive.frontier.add(f"https://other.example/{n}", agency="skog", role="release", seen_at=now())
        archive.frontier.add("https://skog.example/1", agency="skog", role="release", seen_at=now())
        spider = PlainSpider()
        spider.archive = archive
        assert len(list(spider.next_rows("skog", 4))) == 4
        spider.deferred_hosts["skog"].add("other.example")
        assert [row.url for row in spider.next_rows("skog", 4)] == ["https://skog.example/1"]
        spider.requested_urls["skog"].add("https://skog.example/1")
        assert list(spider.next_rows("skog", 4)) == []


@pytest.mark.parametrize(
    ("directive", "is_noindex"),
    [
        ("noindex", True),
        ("none", True),
        ("Myndighetsarkivet: NOINDEX, nofollow", True),
        ("noarchive", False),
        ("otherbot: noindex", False),
        ("all", False),
    ],
)
def test_noindex_directive(directive: str, is_noindex: bool) -> None:
    assert is_noindex_directive(directive) is is_noindex
