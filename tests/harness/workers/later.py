"""Compares distributed and local crawling in a later round, after the agencies edited, moved and
removed releases.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from tests.harness.workers.cluster import run_cluster
from tests.harness.workers.run import Stage, read
from tests.scraper.crawling import make_due

COUNTED = (
    "select agency, spider, listed,"
    " already_stored, new, revised,"
    " reparsed, unchanged, missing, rejected, errors, requests,"
    " not_modified, parsed,"
    " quarantined, robots, reason"
    " from crawls where id > ? order by agency, spider"
)


def change(stage: Stage) -> None:
    """Change releases of each sample agency: edit, edit silently, remove, move, forbid and
    add one.
    """
    for _, urls in itertools.groupby(sorted(stage.site.truth), key=lambda url: url.split("/")[2]):
        edited, silent, gone, moved, broken, away = itertools.islice(urls, 6)
        release = stage.site.truth[edited]
        stage.site.edit(edited, {"title": f"{release.title} – rättad"}, stamped=True)
        stage.site.edit(silent, {"title": f"{stage.site.truth[silent].title} igen"})
        stage.site.delete(gone)
        stage.site.move(moved, f"{stage.site.truth[moved].path.rstrip('/')}-flyttad")
        stage.site.break_(broken, status=500)
        stage.site.publish(stage.site.withhold(away))


def go_on(stage: Stage, embedded: Path, distributed: Path) -> list[str]:
    """Run a round on both archives, which had the same contents, and return the differences."""
    change(stage)
    last = {}
    for folder in (embedded, distributed):
        crawling = stage.crawling(folder)
        make_due(crawling)
        ((last[folder],),) = crawling.rows("select max(id) from crawls")
    expected = stage.embed(embedded).held
    crawling, folder = stage.crawling(distributed), distributed / "later"
    with run_cluster(crawling, folder, 4, delay=stage.least_delay) as cluster:
        cluster.enqueue()
        if said := cluster.await_end(stage.patience):
            return [f"a later round is not done in time: {said}"]
    held = read(distributed / "archive.db")
    misses = [tell(name, held[name], rows) for name, rows in expected.items() if held[name] != rows]
    counts = [
        stage.crawling(folder).rows(COUNTED, last[folder]) for folder in (distributed, embedded)
    ]
    if counts[0] != counts[1]:
        misses.append(tell("counts of crawls", *counts))
    return misses


def tell(what: str, ours: list[tuple[Any, ...]], theirs: list[tuple[Any, ...]]) -> str:
    """Return the rows that only one of the two archives has."""
    only = f"the workers' {set(ours) - set(theirs)}; else {set(theirs) - set(ours)}"
    return f"a round later {what} differ from an embedded crawl's: {only[:3000]}"
