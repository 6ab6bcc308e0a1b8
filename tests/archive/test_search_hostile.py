"""No query is an error, whoever types it, and none costs more work than Datasette's time limit leaves room for."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest

from archive.search.answering import search
from archive.search.asked import Query
from archive.search.hits import Hit
from archive.web import runner
from tests.archive.hostile import LONG, PIECES, TYPED, hostile
from tests.archive.sample import Site

LIMIT = 1.0  # seconds of processor time, which other work on the machine does not lengthen; Datasette's is of the clock


def address(text: str, path: str = "/search") -> str:
    return f"{path}?q={quote(text.encode('utf-8', 'surrogatepass'))}"


def test_there_are_enough_of_them() -> None:
    assert len({*TYPED, *LONG}) >= 200
    assert max(map(len, LONG)) >= 10_000


async def test_no_query_is_an_error(site: Site) -> None:
    await site.get("/search?q=fyrar")  # the dictionaries are read with the first words
    for text in (*TYPED, *LONG):
        begun = time.process_time()
        response = await site.get(address(text))
        assert response.status_code == 200, text[:60]
        assert time.process_time() - begun < LIMIT, text[:60]
        assert "<script" not in response.text


async def test_nor_are_queries_put_together_by_chance(site: Site) -> None:
    run = runner(site.datasette)
    for text in hostile(600):
        for show in ("releases", "questions"):
            results = await search(run, Query(text=text, show=show))
            assert all(isinstance(hit, Hit) for hit in results.hits)


@pytest.mark.parametrize(
    "name", ["agency", "kind", "year", "tag", "questions", "agency__not", "tag__not", "order", "page"]
)
async def test_no_filter_is_an_error(site: Site, name: str) -> None:
    for text in (*TYPED[:60], *PIECES, "x" * 10_000):
        value = quote(text.encode("utf-8", "surrogatepass"))
        for path in ("/search", "/search.json"):
            assert (await site.get(f"{path}?q=vägarna&{name}={value}&{name}={value}b")).status_code == 200


@pytest.mark.parametrize("ending", ["json", "csv", "atom"])
async def test_the_same_as_data(site: Site, ending: str) -> None:
    for text in TYPED[::3]:
        assert (await site.get(address(text, f"/search.{ending}"))).status_code == 200
