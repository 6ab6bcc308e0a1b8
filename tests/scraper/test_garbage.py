"""A crawl leaves Python little to look through for garbage, and lets it look seldom."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from archive.database import freeze_garbage_collector
from scraper.errors import PageError
from scraper.extensions.limits import GC_THRESHOLD, raise_gc_threshold
from scraper.pages import read_page
from tests.scraper.pages_of import TEXT, URL, page

HTML = page(f"<h1>Ny bro öppnar</h1><p>Publicerad 3 mars 2012</p>{TEXT}<h2>Varför?</h2><p>– Den behövs.</p>", "")


@pytest.fixture
def collector() -> Iterator[None]:
    """The garbage collector idle, and afterwards as it was."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.disable()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)
    gc.enable()


def test_a_page_leaves_no_garbage(collector: None) -> None:
    read_page(HTML, URL)  # what is made once is made
    gc.collect()
    read_page(HTML, URL)
    assert gc.collect() == 0


def test_a_refused_page_leaves_none_of_its_soup(collector: None) -> None:
    def refuse() -> None:
        with pytest.raises(PageError):
            read_page(page("<h1>Ny bro</h1><p>Kort.</p>", ""), URL)

    refuse()
    gc.collect()
    refuse()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        assert [thing for thing in gc.garbage if type(thing).__module__.startswith("bs4")] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


def test_a_crawl_looks_for_garbage_seldom_and_among_what_is_new(collector: None) -> None:
    raise_gc_threshold()
    assert gc.get_threshold()[0] == GC_THRESHOLD
    assert gc.get_freeze_count() > 10_000


def test_what_is_loaded_is_left_out_once(collector: None) -> None:
    freeze_garbage_collector()
    held = gc.get_freeze_count()
    cycle: list[object] = []
    cycle.append(cycle)
    del cycle
    freeze_garbage_collector()  # else what an earlier crawl of the process has left would never go
    assert gc.get_freeze_count() <= held
    assert gc.collect() > 0
