"""No query of 10,000 letters is an error, and none costs more work than Datasette's time limit leaves room for."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest

from archive.search import search
from archive.search.params import SearchRequest
from archive.search.snippets import SearchHit
from archive.web.limits import SandboxLimits
from archive.web.responses import build_query_runner
from tests.archive.hostile import LONG, PIECES, TYPED, hostile
from tests.archive.sample import PAGED, Site

HEAVIEST = 500_000  # bytes of a page, whose links repeat the query
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
        assert response.status_code == (200 if len(text) <= SandboxLimits().max_parameter_length else 400), text[:60]
        assert time.process_time() - begun < LIMIT, text[:60]
        assert "<script" not in response.text
        assert len(response.content) < HEAVIEST, text[:60]


async def test_nor_are_queries_put_together_by_chance(site: Site) -> None:
    run = build_query_runner(site.datasette)
    for text in hostile(600):
        for show in ("releases", "questions"):
            results = await search(run, SearchRequest(text=text, show=show))
            assert all(isinstance(hit, SearchHit) for hit in results.hits)


@pytest.mark.parametrize(
    "name", ["agency", "kind", "year", "tag", "questions", "agency__not", "tag__not", "order", "page"]
)
async def test_no_filter_is_an_error(site: Site, name: str) -> None:
    for text in (*TYPED[:60], *PIECES, "x" * 9_999):
        value = quote(text.encode("utf-8", "surrogatepass"))
        for path in ("/search", "/search.json"):
            assert (await site.get(f"{path}?q=vägarna&{name}={value}&{name}={value}b")).status_code == 200


async def test_a_long_query_makes_no_heavy_page(site: Site) -> None:
    """Each link holds the query once more, and a letter of it may take six."""
    for text in ("vägarna OR " + "å" * 9_000, "vägarna" + " -ö" * 3_000):
        page = (await site.get(address(text))).text
        assert page.count("search?q=v%C3%A4garna") > 20
        assert "högst 32 ord och 2\u00a0000 tecken" in page
        told = (await site.get(address(text, "/search.json"))).json()
        assert told["notes"][0]["note"] == "cut"
        assert told["total"] == PAGED


@pytest.mark.parametrize("ending", ["json", "csv", "atom"])
async def test_the_same_as_data(site: Site, ending: str) -> None:
    for text in TYPED[::3]:
        assert (await site.get(address(text, f"/search.{ending}"))).status_code == 200
