"""Sites on which strangers and subscribers request what they follow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from archive.views import follow as follow_page
from tests.archive.follow.life import Life
from tests.archive.sample import Site, served


@pytest.fixture
def strict_site(life: Life, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("FOLLOW_PRIVATE_HOSTS", "127.0.0.1")
    with served(life.path) as datasette:
        monkeypatch.setattr(follow_page, "now", lambda: life.moment)
        for name in ("REQUESTS", "ACCESS_REQUESTS"):
            monkeypatch.setattr(follow_page, name, follow_page.RequestCounter())
        yield Site(datasette)


@pytest.fixture
def own_site(strict_site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site that lets its own reader request as much as a test needs."""
    monkeypatch.setattr(follow_page, "MAX_CLIENT_REQUESTS", 100)
    return strict_site
