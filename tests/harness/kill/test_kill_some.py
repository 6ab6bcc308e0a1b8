"""A few of `make kill`'s kills."""

from __future__ import annotations

from pathlib import Path

from tests.harness.kill.run import go


def test_a_few_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    run = go(3, 20260302, tmp_path, lambda _: None, modes=("news", "revisit", "reparse"), most=1)
    assert run.misses == []
    assert sum(score.kills for score in run.scores.values()) == 3
