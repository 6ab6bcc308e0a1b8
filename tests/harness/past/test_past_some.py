"""A few pages of `make past`, with the sample web archive instead of pywb."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.past.run import go


@pytest.mark.slow("kills processes")
def test_what_was_captured_is_found_and_nothing_is_invented(tmp_path: Path) -> None:
    figures = go(tmp_path, 7, lambda _: None, releases=8, kills=2, with_pywb=False)
    # of three edits, one that is not told is a third: `make past` has enough of them for a share
    few = ("edits inside paragraphs told", " ")
    assert [miss for miss in figures.misses if not miss.startswith(few)] == []
