"""python -m tests.harness.clients: runs ordinary clients against served archives; exits with 1 if
one gets wrong data.

Four archives: `history` (invented releases with edits, removals, takedowns and news), `large` (one
page of it is too large), `sample` (the crawled sample agencies, with the stored pages where they
are at hand) and `corpus` (the stored collection, imported).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.markup import escape

from tests.bench.collection import AGENCY, COLLECTION, import_collection
from tests.harness.clients.broken import check_broken_streams
from tests.harness.clients.evidence import check_evidence, check_warc
from tests.harness.clients.feeds import check_feeds
from tests.harness.clients.mirrors import check_mirror
from tests.harness.clients.outcome import Report
from tests.harness.clients.packages import check_dataset
from tests.harness.clients.paging import (
    check_collection,
    check_every_table,
    check_facets,
    check_link_header,
    check_search_in_table,
    check_sql,
)
from tests.harness.clients.readers import (
    Stream,
    check_duckdb_http,
    check_every_stream,
    check_json_readers,
    check_pandas_http,
    check_r,
    check_streams,
)
from tests.harness.clients.searches import check_registers, check_search, check_table_workbook
from tests.harness.clients.served import (
    ServedArchive,
    copy_archive,
    crawl_sample,
    fill_history,
    fill_large,
    make_folder,
    serve_to_clients,
)
from tests.harness.clients.validators import check_publication, check_webhooks
from tests.harness.world.tables import Stopwatch, print_tables

MONTHS = "från:2024 till:2024"  # many releases of the collection only state a month
SAMPLE_STREAMS = (
    Stream("releases.csv?_stream=on", "releases"),
    Stream("revisions.csv?cause=first&_stream=on", "revisions where cause = 'first'"),
    Stream("questions_with_releases.csv?_stream=on", "questions_with_releases"),
)
NO_TEXT = "_nocol=body&_nocol=body_html"
CORPUS_STREAMS = (
    Stream("releases.csv?_stream=on", "releases"),
    Stream(f"revisions.csv?cause=import&_stream=on&{NO_TEXT}", "revisions where cause = 'import'"),
    Stream("releases_with_tags.csv?_stream=on&_nocol=body", "releases_with_tags"),
)


def main(arguments: list[str] | None = None) -> int:
    """Create the archives, run the clients, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.clients", description=__doc__)
    parser.add_argument(
        "--corpus", type=Path, metavar="FILE", help="an imported collection, which is copied"
    )
    parser.add_argument(
        "--sample", type=Path, metavar="FILE", help="a crawled sample, which is copied"
    )
    parser.add_argument("--only", nargs="+", metavar="WORD", help="archives or groups of checks")
    options = parser.parse_args(arguments)
    watch = Stopwatch()
    report = Report(lambda outcome: watch.tell(escape(outcome.describe())))
    with tempfile.TemporaryDirectory() as name:
        run_checks(report, Path(name), options)
    skipped = sum(outcome.skipped is not None for outcome in report.outcomes)
    told = f"{len(report.outcomes)} checks, {len(report.differing)} differ, {skipped} skipped"
    table = report.to_table(f"clients, {watch.seconds:.0f} s")
    print_tables(table, misses=[told], width=200)
    return 1 if report.differing else 0


def run_checks(report: Report, folder: Path, options: argparse.Namespace) -> None:
    """Run all checks of all archives, or the selected ones."""
    sample = partial(copy_archive, options.sample) if options.sample else crawl_sample
    corpus = partial(copy_archive, options.corpus) if options.corpus else import_collection
    for archive, make, checks in (
        ("history", fill_history, HISTORY_CHECKS),
        ("large", fill_large, LARGE_CHECKS),
        ("sample", sample, SAMPLE_CHECKS),
        ("corpus", corpus, CORPUS_CHECKS),
    ):
        only = options.only or [archive]
        names = {name for name in checks if archive in only or name in only}
        if not names:
            continue
        if archive == "corpus" and not options.corpus and not COLLECTION.is_file():
            reason = f"{COLLECTION} is not here; --corpus FILE names an archive"
            report.skip("all", "the collection", archive, reason)
            continue
        path = make_folder(folder, archive) / "archive.db"
        make(path)
        files = make_folder(folder, f"{archive}-files")
        with serve_to_clients(report, archive, path, files) as served:
            for name in checks:
                if name in names:
                    report.run_group(name, archive, partial(checks[name], served))


Checks = dict[str, Callable[[ServedArchive], None]]
HISTORY_CHECKS: Checks = {
    "paging": lambda served: check_search_in_table(served, "vägarna"),
    "search": lambda served: check_search(served, "vägarna"),
    "registers": check_registers,
    "workbook": check_table_workbook,
    "feeds": lambda served: check_feeds(served, "vägarna"),
    "mirror": lambda served: check_mirror(served, 7),
    "dataset": lambda served: check_dataset(served, "", whole=True),
    "webhooks": check_webhooks,
}
LARGE_CHECKS: Checks = {"broken": check_broken_streams}
SAMPLE_CHECKS: Checks = {
    "paging": check_every_table,
    "words": lambda served: check_search_in_table(served, "polisen"),
    "link": check_link_header,
    "facets": check_facets,
    "streams": check_every_stream,
    "readers": lambda served: check_streams(served, SAMPLE_STREAMS),
    "json": check_json_readers,
    "http": check_duckdb_http,
    "r": check_r,
    "search": lambda served: check_search(served, "polisen"),
    "registers": check_registers,
    "workbook": check_table_workbook,
    "feeds": lambda served: check_feeds(served, "polisen"),
    "mirror": lambda served: check_mirror(served, 50),
    "warc": check_warc,
    "evidence": check_evidence,
    "dataset": lambda served: check_dataset(served, "", whole=True),
    "publication": check_publication,
}
CORPUS_CHECKS: Checks = {
    "paging": lambda served: check_collection(served, AGENCY),
    "words": lambda served: check_search_in_table(served, "skola"),
    "link": check_link_header,
    "facets": check_facets,
    "sql": check_sql,
    "readers": lambda served: check_streams(served, CORPUS_STREAMS),
    "http": check_pandas_http,
    "r": check_r,
    "search": lambda served: check_search(served, "skola"),
    "common": lambda served: check_search(served, "och", by_page=False),
    "workbook": check_table_workbook,
    "feeds": lambda served: check_feeds(served, MONTHS),
    "mirror": lambda served: check_mirror(served, 500),
    "dataset": lambda served: check_dataset(served, "skola från:2020", whole=False),
}


if __name__ == "__main__":
    sys.exit(main())
