"""Measures saving releases in bulk: index, lemmas, compounds, revisions, near-duplicates and
captures, on both cores.

The baseline stores the same rows with plain sqlite-utils: upsert with its own FTS5 triggers, and
nothing else. The releases are those of the stored collection if it is available (PAGES=), or else
of the sample site; each is in a page of its agency.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from sqlite_utils import Database

from archive.database.captures import Captures
from archive.database.models import STATE_FIELDS, Capture, Release, to_state
from archive.database.sqlite_files import choose_process_count
from archive.store.derived_data import RELEASE_STEPS
from archive.store.import_lines import FieldError, parse_line, parse_release
from archive.store.jsonl_import import iter_import_lines
from archive.store.releases import Archive, SaveResult
from tests.bench.bulk import Entry, save_all
from tests.bench.collection import COLLECTION
from tests.bench.figures import judge
from tests.bench.measure import children_cpu, print_lines
from tests.site.client import get
from tests.site.server import Site

SEEN = datetime(2024, 6, 3, 8, 15, tzinfo=UTC)
RELEASES = 6000
# releases saved before the measurement, so that processes have started and know the common words
FIRST = 1500
STEPPED = 1000  # releases whose derived data is measured by kind
LEAST_PACE = 1200  # minimum of releases per second
AGENCIES = 4
HEADERS = {
    "date": "Mon, 03 Jun 2024 08:15:00 GMT",
    "content-type": "text/html; charset=utf-8",
    "etag": '"a1"',
}


@dataclass(slots=True)
class Clock:
    """Wall seconds, and CPU seconds of this process and its finished children."""

    wall: float = 0.0
    own: float = 0.0
    others: float = 0.0


def measure_store() -> Iterator[str]:
    """Yield a table; the pace is computed from CPU time and the number of cores, because other
    programs may run.
    """
    cores = choose_process_count()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        entries = list(islice(make_entries(), RELEASES))
        kept = [
            keep(folder / str(number), entries[:number], cores) for number in (FIRST, len(entries))
        ]
        plain = upsert(folder / "plain.db", [entry.release for entry in entries])
        alone = keep(folder / "alone", entries[:FIRST], 0, one_by_one=True)
    further, (first, whole) = len(entries) - FIRST, kept
    own, others = whole.own - first.own, whole.others - first.others
    pace = further / max(own, (own + others) / cores)
    text = sum(len(entry.release.body) for entry in entries) / len(entries)
    page = sum(len(entry.body or b"") for entry in entries) / len(entries)
    yield (
        f"{len(entries)} releases, {text / 1000:.1f} kB of text and a page of {page / 1000:.0f}"
        f" kB each; CPU ms a release, after the first {FIRST}"
    )
    rows = (
        ("in bulk: who writes", own / further, ""),
        (f"in bulk: {cores} processes that prepare", others / further, ""),
        ("one by one, a commit each (cold)", alone.own / FIRST, ""),
        (
            "sqlite-utils upserts with FTS triggers",
            plain.own / len(entries),
            "texts alone, words as they are",
        ),
    )
    for name, cost, note in rows:
        yield f"{name:44}{cost * 1000:>8.2f}  {note}"
    for name, cost in measure_steps([entry.release for entry in entries[:STEPPED]]).items():
        yield f"{f'of what is prepared: {name}':44}{cost * 1000:>8.2f}"
    base = len(entries) / plain.own
    against = f"{pace:.0f} against {base:.0f}"
    yield f"{'of plain upserts: releases a second':44}{pace / base:>8.2f}  {against}"
    by_clock = len(entries) / whole.wall
    yield f"{'by the clock on the wall, start and all':44}{by_clock:>8.0f}  releases a second"
    yield judge(f"store in bulk, {cores} cores", pace, unit="/s", least=LEAST_PACE)


def make_entries() -> Iterator[Entry]:
    """Return releases with their pages."""
    with Site(releases=400, crawl_delay=None) as site:
        shells = [
            get(next(url for url in site.truth if f"//{slug}." in url), port=site.port).text
            for slug in site.agencies
        ]
    for number, release in enumerate(read_collection()):
        # one agency after another, as in a first crawl
        slug = f"agency-{number * AGENCIES // RELEASES % AGENCIES}"
        url = f"https://{slug}.example/{number}"
        shell = shells[number * AGENCIES // RELEASES % AGENCIES]
        body = shell.replace("</main>", f"{release.body_html}</main>", 1).encode()
        seen = SEEN + timedelta(seconds=number)
        capture = Capture(
            url=url, seen=seen, status=200, headers=HEADERS, sha256="", bytes=len(body)
        )
        yield Entry(
            release=replace(release, agency=slug, url=url),
            seen=seen,
            parser_version="bench",
            capture=capture,
            body=body,
        )


def read_collection() -> Iterator[Release]:
    """Return releases of the collection, else as many as needed in the sample site's vocabulary."""
    if COLLECTION.is_file():
        for _, line in iter_import_lines(COLLECTION):
            if not isinstance(line, FieldError):
                try:
                    yield parse_release({**parse_line(line), "agency": None}, "agency")[0]
                except FieldError:
                    continue
        return
    site = Site(releases=RELEASES, crawl_delay=None)
    for told in site.truth.values():
        yield Release(
            agency="agency",
            url=told.path,
            title=told.title,
            lead=told.lead,
            body="\n\n".join(told.body),
            body_html="".join(f"<p>{text}</p>" for text in told.body),
            published=told.created,
            language=told.language,
            tags=told.tags,
        )


def keep(folder: Path, entries: list[Entry], processes: int, *, one_by_one: bool = False) -> Clock:
    """Measure saving them."""
    folder.mkdir()
    with (
        Archive(folder / "archive.db") as archive,
        Captures(folder / "archive.db") as captures,
        clock() as told,
    ):
        for slug in {entry.release.agency for entry in entries}:
            archive.add_agency(slug, name=slug, home=f"https://{slug}.example/")
        batches = [[entry] for entry in entries] if one_by_one else [entries]
        for batch in batches:
            outcomes = save_all(archive, captures, batch, processes=processes)
            assert outcomes == {SaveResult.NEW: len(batch)}
    return told


def upsert(path: Path, releases: list[Release]) -> Clock:
    """Measure the baseline: the same texts with sqlite-utils, a hundred per transaction."""
    db = Database(path)
    db.conn.execute("pragma journal_mode = wal")
    db.conn.execute("pragma synchronous = normal")
    columns = {"id": int, "agency": str, "url": str, **STATE_FIELDS}
    db.table("releases").create(columns, pk="id")
    db.table("releases").create_index(["url"], unique=True)
    db.table("releases").enable_fts(["title", "lead", "body"], create_triggers=True)
    with clock() as told:
        rows = (
            {
                "id": number,
                "agency": release.agency,
                "url": release.url,
                **{k: v for k, v in to_state(release).items() if k in STATE_FIELDS},
            }
            for number, release in enumerate(releases, 1)
        )
        db.table("releases").upsert_all(rows, pk="id")
    db.close()
    return told


def measure_steps(releases: Sequence[Release]) -> dict[str, float]:
    """Return the CPU seconds that each kind of derived data takes to compute, by its name; of
    edits, the comparison of a version with the one before, in which a paragraph is absent.
    """
    states = [to_state(release) for release in releases]
    costs = {}
    for step in RELEASE_STEPS:
        begun = time.process_time()
        for state in states:
            before = {**state, "body": state["body"].rpartition("\n\n")[0]}
            step.compute(state, before)
        costs[step.name] = (time.process_time() - begun) / len(states)
    return costs


@contextmanager
def clock() -> Iterator[Clock]:
    """Measure a block; the processes started in it must have ended before its end."""
    told = Clock()
    wall, own, others = time.monotonic(), time.process_time(), children_cpu()
    yield told
    told.wall, told.own, told.others = (
        time.monotonic() - wall,
        time.process_time() - own,
        children_cpu() - others,
    )


if __name__ == "__main__":
    print_lines(measure_store())
