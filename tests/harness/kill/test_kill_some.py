"""A few of the kills of `make kill`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.kill.run import go


@pytest.mark.slow("kills processes")
def test_few_kills_lose_and_duplicate_nothing(tmp_path: Path) -> None:
    modes = ("news", "revisit", "reparse")
    run = go(3, 650, tmp_path, lambda _: None, modes=modes, most=1, releases=30, in_forks=True)
    assert run.checks.misses == []
    assert [run.scores[mode].kills for mode in modes] == [1, 1, 1]
