"""Quotations: are they found, with their speakers, and is what an article quotes judged right?"""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.collection import ABSENT, COLLECTION
from tests.bench.quotations.finding import measure_finding
from tests.bench.quotations.judging import measure_judging


def measure_quotations() -> Iterator[str]:
    """Yield the lines of both tables, or the reason if there is no collection."""
    if not COLLECTION.is_file():
        yield f"quotations are {ABSENT}"
        return
    yield from measure_finding()
    yield ""
    yield from measure_judging()
