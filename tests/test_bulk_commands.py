"""Commands that take long give the same rows with any number of processes, and after interruptions."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from archive.__main__ import main
from archive.database import sqlite_files
from archive.database.captures import Captures
from archive.publish.published_dataset import publish
from archive.store import derived_data, jsonl_import, releases
from archive.store.jsonl_import import import_file
from archive.store.releases import Archive
from scraper.agency import Agency
from scraper.commands import reparse
from scraper.revisit_schedule import parse_schedule
from tests.archive.sample_evidence import store_file
from tests.archive.store.test_releases import read_all_rows
from tests.scraper.offline import SLUG, OfflineCrawl
from tests.site import files

NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)
AGENCY = Agency(slug=SLUG, name="Skogsbruksrådet", home=f"http://{SLUG}.localhost:8002/")
# what earlier rules may have written
GARBLE = {
    "reindex": (
        "delete from vocabulary where length(word) % 2",
        "delete from quotes",
        "delete from minhash_bands where band % 2",
        "insert or replace into search (rowid, title, facts) select id, 'fel', 'fel' from releases",
    ),
    "reparse": (
        "update revisions set parser_version = 'NewsPage 0'",
        "update revisions set hash = 'old', lead = null where release % 2",
        "update releases set hash = 'old', lead = null where id % 2",
    ),
}
Tick = Callable[..., None]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of some pages, with files whose texts are not read, and a file to import."""
    path = tmp_path_factory.mktemp("crawled") / "archive.db"
    with OfflineCrawl(path) as crawl:
        crawl.save_all(crawl.paths[:10])
        for number in range(6):
            url = f"{AGENCY.home}{number}.pdf"
            store_file(crawl.archive, url, files.make_pdf(f"Beslut {number}"), NOW)
    rows = [
        {"url": f"{AGENCY.home}old/{number}", "title": f"Fyr {number % 5}", "body": "– Ja.\n" * 9}
        for number in range(16)
    ]
    path.with_name("a.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return path


def run_import(path: Path, tick: Tick, processes: int) -> None:
    def should_stop() -> bool:
        tick()
        return False

    with Archive(path) as archive:
        import_file(
            archive,
            path.with_name("a.jsonl"),
            SLUG,
            NOW,
            processes=processes,
            should_stop=should_stop,
        )


def run_reindex(path: Path, tick: Tick, processes: int) -> None:
    with Archive(path, rebuild_stale=False) as archive:
        archive.recompute(tick, processes=processes)


def run_extraction(path: Path, tick: Tick, processes: int) -> None:
    with Archive(path) as archive, Captures(path, readonly=True) as captures:
        archive.extract_missing_texts(captures, progress=tick, processes=processes)


def run_reparse(path: Path, tick: Tick, processes: int) -> None:
    reparse.reparse_archive(
        path,
        {SLUG: AGENCY},
        parse_schedule("else=1d"),
        all_agencies=False,
        processes=processes,
        progress=tick,
    )


def run_publish(path: Path, tick: Tick, processes: int) -> None:
    publish(path, path.parent / "published", moment=NOW, progress=tick, processes=processes)


COMMANDS: dict[str, Callable[[Path, Tick, int], None]] = {
    "import": run_import,
    "reindex": run_reindex,
    "extract-attachments": run_extraction,
    "reparse": run_reparse,
    "publish": run_publish,
}


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(name, marks=pytest.mark.slow("starts processes"))
        if name in ("import", "reparse")
        else name
        for name in COMMANDS
    ],
)
def test_interrupted_runs_and_processes_give_the_same(
    command: str, crawled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl_import, "LINES_PER_TRANSACTION", 3)
    monkeypatch.setattr(derived_data, "BATCH_SIZE", 2)
    monkeypatch.setattr(releases, "now", lambda: NOW)
    monkeypatch.setattr(reparse, "now", lambda: NOW)
    ticks = 0

    def tick(*_: object, last: int = 0) -> None:
        nonlocal ticks
        ticks += 1
        if ticks == last:
            raise KeyboardInterrupt

    found, numbers = [], []
    for name, interruptions, processes in (("whole", 0, 0), ("parts", 3, 2)):
        path = Path(shutil.copytree(crawled.parent, tmp_path / name)) / "archive.db"
        with Archive(path) as archive:
            for statement in GARBLE.get(command, ()):
                archive.db.execute(statement)
        before, ticks = read_all_rows(path.parent), 0
        for _ in range(interruptions):
            with pytest.raises(KeyboardInterrupt):
                COMMANDS[command](path, partial(tick, last=ticks + 2), 0)
        COMMANDS[command](path, tick, processes)
        found.append((read_all_rows(path.parent), read_files(path.parent / "published")))
        numbers.append(ticks)
    assert found[0] == found[1]
    assert (found[0][0] != before) == (command != "publish")
    if command in ("reindex", "extract-attachments"):  # nothing was done twice
        assert numbers[0] == numbers[1] > 5


def read_files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_progress_in_a_log_says_how_long_the_rest_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)

    def work() -> Any:
        nonlocal moment
        with sqlite_files.show_progress(if_stopped=sqlite_files.CONTINUES) as progress:
            for moment in (0, 20, 40, 60, 120):
                progress("releases", 1000 + int(moment), 2000)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert capsys.readouterr().err.splitlines() == [
        "releases: 52%, about 16 minutes left",
        "releases: 56%, about 15 minutes left",
        "stopped; the same command goes on from here",
    ]


@pytest.mark.parametrize(
    "command",
    [
        "reindex archive.db",
        "extract-attachments archive.db",
        f"import a.jsonl --agency {SLUG} --archive archive.db",
    ],
)
def test_stop_while_an_older_archive_is_updated(
    command: str,
    crawled: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Archive, "__init__", stop)
    monkeypatch.chdir(crawled.parent)
    assert main(command.split()) == 130
    assert "stopped; the same command goes on from here" in capsys.readouterr().err
