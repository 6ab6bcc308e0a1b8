"""A broker for the tests of a crew; where none is installed they are left out, and fail in CI."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from scrapy.settings import BaseSettings

from scraper.distributed.queue import Broker
from tests.workers.broker import ABSENT, Server, broker, find_server

LEASE = {"CREW_LEASE": 30.0, "CRAWL_DELAY_MAX": 1.0}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if find_server() is None:
        if os.environ.get("BROKER_REQUIRED") == "1":
            pytest.fail(ABSENT)
        pytest.skip(ABSENT)
    with broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture
def settings(server: Server, tmp_path: Path) -> BaseSettings:
    """Settings of a crew with keys of its own."""
    given = {"CREW_BROKER": server.url, "CREW_PREFIX": tmp_path.name, "CREW_BACKLOG": 1_000_000, **LEASE}
    return BaseSettings(given)


@pytest.fixture
def crew(settings: BaseSettings) -> Iterator[Broker]:
    """The broker as a crew's process has it."""
    broker = Broker(settings)
    yield broker
    broker.redis.close()
