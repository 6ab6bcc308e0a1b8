"""Collects tests without the garbage collector, which would scan all imported modules again and again."""

from __future__ import annotations

import gc
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    gc.disable()  # a fifth of the time of collecting
    try:
        return (yield)
    finally:
        gc.enable()
