"""What several tests of crawls share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scraper.crawling import Crawling
from tests.site import Site


@pytest.fixture
def crawling(tmp_path: Path) -> Iterator[Crawling]:
    """A small site of its own, for tests that turn its knobs."""
    with Site(releases=24) as site:
        yield Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
