"""Stop the clock of a Python process at ORACLE_NOW; Python runs this file at its start if it is on
the path.

Monotonic time goes on, as waiting goes by it. SQLite has a clock of its own: its strftime is
replaced by one that takes our moment for 'now'.

The scraper also marks what it reads with a hash over its own source code, from which hashes over
revisions and manifests follow. Here it is a row of zeros, whatever the code.
"""

from __future__ import annotations

import functools
import os
import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Any

import time_machine

RULES = "0" * 12
connect, cache = sqlite3.connect, functools.cache


def connect_frozen(*given: Any, **named: Any) -> sqlite3.Connection:
    """Return a connection whose SQL functions use the frozen time."""
    connection: sqlite3.Connection = connect(*given, **named)
    plain = connect(":memory:", check_same_thread=False)

    def tell(*words: Any) -> Any:
        told = [FROZEN if word == "now" else word for word in words]
        return plain.execute(f"select strftime({', '.join('?' * len(told))})", told).fetchone()[0]

    connection.create_function("strftime", -1, tell, deterministic=True)
    return connection


def cache_frozen(function: Callable[..., Any]) -> Any:
    """Return a function that remembers its results; the scraper's version of its rules becomes
    zeros.
    """
    if function.__module__.startswith("scraper.") and "version" in function.__name__:
        return cache(functools.wraps(function)(lambda *_: RULES))
    return cache(function)


FROZEN = os.environ.get("ORACLE_NOW", "")
if FROZEN:
    time_machine.travel(datetime.fromisoformat(FROZEN), tick=False).start()
    FROZEN = FROZEN.partition("+")[0]  # without an offset, SQLite reads UTC
    setattr(sqlite3, "connect", connect_frozen)  # noqa: B010 - mypy knows that it is another function
    functools.cache = cache_frozen
