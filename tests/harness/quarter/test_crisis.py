"""The crisis month: nothing of what was refused for two weeks is missing once the parser is
mended.
"""

from __future__ import annotations

import pytest

from tests.forks import run_module


@pytest.mark.slow("a simulation")
def test_no_release_and_no_edit_of_a_crisis_is_missing() -> None:
    code, printed = run_module("tests.harness.quarter.crisis", [], timeout=600)
    assert code == 0, printed
