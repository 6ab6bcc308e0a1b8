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
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console

from tests.harness.clients.broken import check_broken_streams
from tests.harness.clients.evidence import check_evidence, check_warc
from tests.harness.clients.feeds import check_feeds
from tests.harness.clients.mirrors import check_mirror
from tests.harness.clients.outcome import Outcome, Report
from tests.harness.clients.packages import check_dataset
from tests.harness.clients.paging import (
    check_collection,
    check_every_table,
    check_facets,
    check_labels,
    check_link_header,
    check_search_in_table,
    check_sql,
    check_unknown,
)
from tests.harness.clients.readers import (
    Stream,
    check_chosen_columns,
    check_duckdb_http,
    check_every_stream,
    check_json_readers,
    check_pandas_http,
    check_r,
    check_streams,
)
from tests.harness.clients.searches import check_registers, check_search, check_table_workbook
from tests.harness.clients.served import (
    COLLECTION,
    COLLECTION_AGENCY,
    ServedArchive,
    copy_archive,
    crawl_sample,
    fill_history,
    fill_large,
    import_collection,
    make_folder,
    serve_archive,
)

MONTHS = "från:2024 till:2024"  # many releases of the collection only state a month
SAMPLE_STREAMS = (
    Stream("/archive/releases.csv?_stream=on", "select * from releases"),
    Stream(
        "/archive/revisions.csv?cause=first&_stream=on",
        "select * from revisions where cause = 'first'",
    ),
    Stream(
        "/archive/questions_with_releases.csv?_stream=on", "select * from questions_with_releases"
    ),
)
CORPUS_STREAMS = (
    Stream("/archive/releases.csv?_stream=on", "select * from releases"),
    Stream(
        "/archive/revisions.csv?cause=import&_stream=on&_nocol=body&_nocol=body_html",
        "select * from revisions where cause = 'import'",
    ),
    Stream(
        "/archive/releases_with_tags.csv?_stream=on&_nocol=body", "select * from releases_with_tags"
    ),
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
    console, begun = Console(stderr=True), time.monotonic()

    def tell(outcome: Outcome) -> None:
        seconds = f"{time.monotonic() - begun:4.0f} s"
        line = f"{seconds} {outcome.mark:8}{outcome.client:13}{outcome.archive:9}{outcome.what}"
        if outcome.mark == "DIFFERS":
            line += f"\n           expected {outcome.expected}\n           got      {outcome.got}"
        console.print(line, markup=False, highlight=False)

    report = Report(tell)
    with tempfile.TemporaryDirectory() as name:
        run_checks(report, Path(name), options)
    title = f"clients, {time.monotonic() - begun:.0f} s"
    Console(width=200).print(report.to_table(title))
    skipped = sum(outcome.skipped is not None for outcome in report.outcomes)
    print(f"{len(report.outcomes)} checks, {len(report.differing)} differ, {skipped} skipped")
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
        names = {
            name
            for name in checks
            if not options.only or archive in options.only or name in options.only
        }
        if not names:
            continue
        if archive == "corpus" and not options.corpus and not COLLECTION.is_file():
            report.skip(
                "all",
                "the collection",
                archive,
                f"{COLLECTION} is not here; --corpus FILE names an archive",
            )
            continue
        path = make(make_folder(folder, archive) / "archive.db")
        with serve_archive(archive, path, make_folder(folder, f"{archive}-files")) as served:
            for name in checks:
                if name in names:
                    report.run_group(name, archive, partial(checks[name], report, served))


Checks = dict[str, Callable[[Report, ServedArchive], None]]
HISTORY_CHECKS: Checks = {
    "paging": lambda report, served: check_search_in_table(report, served, "vägarna"),
    "search": lambda report, served: check_search(report, served, "vägarna"),
    "registers": check_registers,
    "workbook": check_table_workbook,
    "feeds": lambda report, served: check_feeds(report, served, "vägarna"),
    "mirror": lambda report, served: check_mirror(report, served, 7),
    "dataset": lambda report, served: check_dataset(report, served, "", whole=True),
}
LARGE_CHECKS: Checks = {"broken": check_broken_streams}
SAMPLE_CHECKS: Checks = {
    "paging": check_every_table,
    "words": lambda report, served: check_search_in_table(report, served, "polisen"),
    "link": check_link_header,
    "facets": check_facets,
    "unknown": check_unknown,
    "labels": check_labels,
    "columns": check_chosen_columns,
    "streams": check_every_stream,
    "readers": lambda report, served: check_streams(report, served, SAMPLE_STREAMS),
    "json": check_json_readers,
    "http": check_duckdb_http,
    "r": check_r,
    "search": lambda report, served: check_search(report, served, "polisen"),
    "registers": check_registers,
    "workbook": check_table_workbook,
    "feeds": lambda report, served: check_feeds(report, served, "polisen"),
    "mirror": lambda report, served: check_mirror(report, served, 50),
    "warc": check_warc,
    "evidence": check_evidence,
    "dataset": lambda report, served: check_dataset(report, served, "", whole=True),
}
CORPUS_CHECKS: Checks = {
    "paging": lambda report, served: check_collection(report, served, COLLECTION_AGENCY),
    "words": lambda report, served: check_search_in_table(report, served, "skola"),
    "link": check_link_header,
    "facets": check_facets,
    "sql": check_sql,
    "readers": lambda report, served: check_streams(report, served, CORPUS_STREAMS),
    "http": check_pandas_http,
    "r": check_r,
    "search": lambda report, served: check_search(report, served, "skola"),
    "common": lambda report, served: check_search(report, served, "och", by_page=False),
    "workbook": check_table_workbook,
    "feeds": lambda report, served: check_feeds(report, served, MONTHS),
    "mirror": lambda report, served: check_mirror(report, served, 500),
    "dataset": lambda report, served: check_dataset(report, served, "skola från:2020", whole=False),
}


if __name__ == "__main__":
    sys.exit(main())
