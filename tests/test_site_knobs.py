"""The sample site's knobs: edits, moves, faults, the clock and the counting of requests."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.site.client import get
from tests.site.server import Site


@pytest.fixture
def site() -> Iterator[Site]:
    """A site of its own for a test that turns knobs."""
    with Site(releases=8) as site:
        yield site


def test_faults(site: Site) -> None:
    url = next(iter(site.truth))
    site.break_(url, status=503, headers={"Retry-After": "7"}, times=1)
    assert (broken := get(url)).status_code == 503
    assert broken.headers["retry-after"] == "7"
    assert get(url).status_code == 200
    site.break_(url, body="<h1>Logga in</h1>")
    assert get(url).text == "<h1>Logga in</h1>"
    site.break_(url, delay=0.3)
    assert get(url).elapsed.total_seconds() >= 0.3
    site.break_(url, reset=True)
    with pytest.raises(httpx.NetworkError):
        get(url)
    site.mend()
    assert get(url).status_code == 200


def test_counts(site: Site) -> None:
    url = next(iter(site.truth))
    host = httpx.URL(url).host
    get(url)
    get(url)
    get(site.url("farledsverket", "/finns-inte"))
    counts = site.counts
    assert counts.total == 3
    assert counts.hosts == {host: 2, "farledsverket.localhost": 1}
    assert counts.paths[host, httpx.URL(url).path] == 2
    assert 0 < counts.min_gap[host] < 5
    assert counts.busiest[host] == 1
    assert counts.statuses == {200: 2, 404: 1}


def test_knobs_turn_over_http(site: Site) -> None:
    url = next(iter(site.truth))
    knobs = f"http://127.0.0.1:{site.port}/-/knobs"
    order = {"do": "edit", "page": url, "changes": {"title": "Utifrån"}}
    assert httpx.post(knobs, json=order).json() == {"ok": site.truth[url].path}
    assert site.truth[url].title == "Utifrån"
    wrong = httpx.post(knobs, json={"do": "explode"})
    assert wrong.status_code == 400
    assert "edit, delete, move" in wrong.json()["error"]
    assert httpx.get(f"http://127.0.0.1:{site.port}/-/counts").json()["total"] == 0
