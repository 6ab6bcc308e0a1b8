"""Provides a broker to the tests of distributed crawling.

Without one they are skipped, or fail in CI.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from scrapy.settings import BaseSettings

from scraper.distributed.broker import Broker
from tests.harness.world.broker import ABSENT, BrokerServer, find_server, run_broker


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerServer]:
    if find_server() is None:
        if os.environ.get("BROKER_REQUIRED") == "1":
            pytest.fail(ABSENT)
        pytest.skip(ABSENT)
    with run_broker(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture
def settings(server: BrokerServer, tmp_path: Path) -> BaseSettings:
    """Return settings with a key prefix of their own."""
    given = {
        "DISTRIBUTED_BROKER": server.url,
        "DISTRIBUTED_PREFIX": tmp_path.name,
        "DISTRIBUTED_BACKLOG": 1_000_000,
        "DISTRIBUTED_LEASE": 30.0,
        "CRAWL_DELAY_MAX": 1.0,
    }
    return BaseSettings(given)


@pytest.fixture
def broker(settings: BaseSettings) -> Iterator[Broker]:
    """Yield the broker as workers and the writer use it."""
    broker = Broker(settings)
    yield broker
    broker.redis.close()
