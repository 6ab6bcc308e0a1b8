"""Limits of a crawl: its deadline, and how often Python collects garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from archive.database.sqlite_files import (
    GC_THRESHOLD,
    _freeze_objects,
    relieve_garbage_collector,
)
from scraper.crawl.crawl_stats import parse_deadline
from scraper.errors import AgencyError


@pytest.fixture
def idle_garbage_collector() -> Iterator[None]:
    """Disable the garbage collector, and restore it after the test."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.disable()
    _freeze_objects.cache_clear()
    yield
    _freeze_objects.cache_clear()
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    gc.enable()


def test_crawl_collects_garbage_rarely_and_only_new_objects(idle_garbage_collector: None) -> None:
    relieve_garbage_collector()
    assert gc.get_threshold()[0] == GC_THRESHOLD
    assert gc.get_freeze_count() > 10_000


def test_second_freeze_does_not_keep_garbage(idle_garbage_collector: None) -> None:
    relieve_garbage_collector()
    frozen = gc.get_freeze_count()
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle
    relieve_garbage_collector()
    assert gc.get_freeze_count() <= frozen
    assert gc.collect() > 0


@pytest.mark.parametrize("minutes", ["soon", "0", "-1", "inf", "nan"])
def test_wrong_number_of_minutes_is_an_error(minutes: str) -> None:
    with pytest.raises(AgencyError, match="arguments: minutes"):
        parse_deadline(minutes)
