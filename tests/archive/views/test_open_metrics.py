from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from archive.store.releases import Archive
from archive.web.request_limits import BusyError, SandboxLimits, Turn, Work, WorkQueue
from tests.archive.sample import Site, served
from tests.archive.sample_health import ASSESSED_AT, add_health
from tests.archive.web.serving import configure_plugin, serve_with_limits

ENABLED = {"enabled": True}
Figures = dict[tuple[str, str], float]


@pytest.fixture
async def watched_site(history_archive: Path, tmp_path: Path) -> AsyncIterator[Site]:
    """The sample archive with edits and health, whose operator has enabled the metrics."""
    path = tmp_path / "archive.db"
    shutil.copy(history_archive, path)
    with served(add_health(path)) as datasette:
        configure_plugin(datasette, "metrics", ENABLED)
        yield Site(datasette)


async def read_figures(site: Site) -> Figures:
    """Return the figures by name and by the values of their labels."""
    response = await site.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"] == (
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    )
    assert response.headers["cache-control"] == "no-store"
    return {
        (sample.name.removeprefix("myndighetsarkivet_"), " ".join(sample.labels.values())): (
            sample.value
        )
        for family in text_string_to_metric_families(response.text)  # type: ignore[no-untyped-call]
        for sample in family.samples
    }


async def test_metrics_are_off_unless_enabled(site: Site) -> None:
    assert await site.status("/metrics") == 404


async def test_figures_are_those_of_the_pages(watched_site: Site) -> None:
    figures = await read_figures(watched_site)
    status = (await watched_site.json("/-/status.json"))["agencies"]
    removed = (await watched_site.json("/-/removed.json"))["removals"]
    counted = await watched_site.select("select count(*) from revisions")
    edits = await watched_site.select("select sum(edits) from edit_counts")
    assert figures["versions", ""] == counted.single_value()
    assert figures["edits", ""] == edits.single_value() > 0
    assert figures["removals", ""] == len(removed) > 0
    states = [row["state"] for row in status]
    for row in status:
        assert figures["agency_fault", row["agency"]] == row["red"]
        assert figures["agencies", row["state"]] == states.count(row["state"])
    counts = await watched_site.select(
        "select agency, releases from month_counts where month = '' and agency <> ''"
    )
    for agency, releases in counts.rows:
        assert figures["releases", agency] == releases > 0


async def test_times_and_sizes(watched_site: Site, tmp_path: Path) -> None:
    figures = await read_figures(watched_site)
    finished = 1717402800.0  # 2024-06-03T08:20:00+00:00, in sample.py
    assert figures["crawl_finished_timestamp_seconds", "fyrstyrelsen"] == finished
    assert ("crawl_finished_timestamp_seconds", "fagelverket") not in figures
    size = (tmp_path / "archive.db").stat().st_size
    assert figures["file_size_bytes", "archive.db"] == size
    assert figures["process_resident_memory_bytes", ""] > 0


async def test_quarantined_releases_wait_for_a_decision(watched_site: Site, tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive, archive.transaction():
        archive.db.table("quarantine").insert(
            {
                "agency": "fyrstyrelsen",
                "url": "https://fyrstyrelsen.example/nyheter/ny",
                "seen": ASSESSED_AT,
                "state": "{}",
                "reason": "{}",
                "decision": "confirmed",
            }
        )
    figures = await read_figures(watched_site)
    assert figures["quarantined_releases", "fyrstyrelsen"] == 1
    assert figures["quarantined_releases", "fagelverket"] == 0


async def test_refused_requests_are_counted_by_kind_of_work(sample_archive: Path) -> None:
    with serve_with_limits(sample_archive, {"/search": {"running": 0, "waiting": 0}}) as site:
        assert [await site.status("/search.json?q=fyr") for _ in range(2)] == [503, 503]
        configure_plugin(site.datasette, "metrics", ENABLED)
        figures = await read_figures(site)
    assert figures["requests_refused_total", "/search"] == 2
    assert figures["requests_refused_total", "sql"] == 0
    assert figures["requests_running", "/search"] == 0
    assert figures["requests_waiting", "/search"] == 0


async def test_a_queue_counts_whom_it_refuses() -> None:
    queue = WorkQueue(Work(1, waiting=0, downloads=0))
    await queue.acquire()
    with pytest.raises(BusyError):
        await queue.acquire()
    with pytest.raises(BusyError):
        Turn(SandboxLimits(), queue).begin_download()
    assert queue.refused == 2
