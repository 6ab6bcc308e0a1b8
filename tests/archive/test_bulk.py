"""Keeping many at once: the very rows that keeping one by one gives, whatever processes prepare them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from archive import importer as importing
from archive.captures import Captures
from archive.database import ArchiveError
from archive.importer import import_file
from archive.models import Capture, Question, Release
from archive.store import Archive, SaveResult
from tests.archive.sample import ROOT, SEEN
from tests.bench.bulk import Entry, save_all

SHELL = "<html><main>%s</main>" + "".join(f"<li><a href='/{n}'>Meny {n * n}</a></li>" for n in range(400)) + "</html>"
COUNTED = ("search", "search_questions")


def open_archive(folder: Path) -> Archive:
    folder.mkdir()
    archive = Archive(folder / "archive.db")
    for slug in ("fyr", "vag"):
        archive.add_agency(slug, name=slug, home=f"https://{slug}.example/")
    return archive


def make_entries() -> list[Entry]:
    """New ones, the same again, an edit whose words others share, a text that two agencies have, bytes twice."""
    text = " ".join(f"Fyr {n} lyser över farledens vatten." for n in range(30))
    releases = [
        Release(
            agency=("fyr", "vag")[number % 2],
            url=f"https://fyr.example/{number}",
            title=f"Fyrarna i farleden nummer {number}",
            body=text + f"Ort {number // 2}",
            body_html=f"<p>{text}Ort {number // 2}</p>",
            questions=(Question(position=1, question="Vem tänder?", answer="Fyrvaktaren."),),
            tags=("Sjöfart",),
            language="en" if number == 5 else "sv",
        )
        for number in range(8)
    ]
    releases += [releases[0], replace(releases[1], title="Fyren släcks", questions=()), releases[1]]
    return [to_entry(release, number) for number, release in enumerate(releases)]


def to_entry(release: Release, number: int) -> Entry:
    body = (SHELL % release.body).encode() + b"<p>Idag</p>" * (number == 8)  # unchanged in another page
    seen = SEEN + timedelta(seconds=number)
    capture = Capture(url=release.url, seen=seen, status=200, headers={}, sha256="", bytes=len(body))
    return Entry(release=release, seen=seen, parser_version="test", capture=capture, body=body)


def rows_of(folder: Path) -> dict[str, list[Any]]:
    """Everything the two files hold, the index's words among it."""
    found: dict[str, list[Any]] = {}
    for name in ("archive.db", "captures.db"):
        if not (folder / name).is_file():
            continue
        with closing(sqlite3.connect(folder / name)) as db:
            for (table,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
                if not table.startswith((*COUNTED, "_sqlite", "sqlite_")):
                    columns = (
                        "id, release, change, revision" if table == "changefeed" else "*"
                    )  # not when it was logged
                    found[f"{name} {table}"] = db.execute(f"select {columns} from {table} order by 1, 2").fetchall()
            for table in COUNTED if name == "archive.db" else ():
                db.execute(f"create virtual table temp.{table}_words using fts5vocab(main, {table}, instance)")
                found[table] = db.execute(f"select * from {table}_words").fetchall()
    return found


@pytest.mark.parametrize("size", [1, 3, 500])
def test_any_batch_gives_the_rows_of_one_by_one(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, many = tmp_path / "one", tmp_path / "many"
    with open_archive(one) as archive, Captures(archive.path) as captures:
        for entry in make_entries():
            assert entry.capture
            with archive.transaction():
                key = None
                if archive.is_new_or_changed(entry.release):
                    sha256 = captures.store_body(entry.body or b"", "fyr.example")
                    key = archive.add_capture(replace(entry.capture, sha256=sha256))
                archive.save(entry.release, seen_at=entry.seen, capture_id=key, parser_version="test")
    monkeypatch.setattr("tests.bench.bulk.BATCH", size)
    with open_archive(many) as archive, Captures(archive.path) as captures:
        outcomes = save_all(archive, captures, make_entries(), processes=0)
    assert outcomes == {SaveResult.NEW: 8, SaveResult.UNCHANGED: 1, SaveResult.REVISED: 2}
    expected = rows_of(one)
    assert rows_of(many) == expected
    assert expected["archive.db near_duplicates"]
    assert expected["captures.db bases"]
    assert len(expected["captures.db blobs"]) == 4  # two releases share each, and what is unchanged brings none
    assert dict(row[::2] for row in expected["archive.db vocabulary"])["farledens"] == 8


def test_what_came_before_an_error_is_kept_by_the_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.bulk.BATCH", 3)
    entries = make_entries()
    entries[4] = replace(entries[4], release=replace(entries[4].release, agency="nobody"))
    with open_archive(tmp_path / "a") as archive, Captures(archive.path) as captures:
        with pytest.raises(ArchiveError, match=r"releases: https://fyr\.example/4: FOREIGN KEY"):
            save_all(archive, captures, entries, processes=0)
        assert archive.db.execute("select count(*) from releases").fetchone() == (3,)
        assert archive.db.execute("select max(releases) from vocabulary").fetchone() == (3,)
        assert save_all(archive, captures, make_entries()[3:5], processes=0) == {SaveResult.NEW: 2}


def write_lines(path: Path) -> Path:
    rows = [{"url": f"https://fyr.example/{n}", "title": f"Lamp {n}", "body": f"*{n}* lit"} for n in range(9)]
    lines = [json.dumps({**row, "language": "en"}) for row in rows]  # its dictionary is read soonest
    lines[4] = "{broken"
    lines[6] = json.dumps({"url": "https://fyr.example/6"})
    path.write_text("\n".join([*lines, lines[0]]), "utf-8")
    return path


def test_an_import_in_processes_gives_the_same_rows_and_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "LINES_PER_TRANSACTION", 2)
    file, rows, told = write_lines(tmp_path / "fyr.jsonl"), [], []
    for processes in (0, 2):
        with open_archive(tmp_path / str(processes)) as archive:
            done = import_file(archive, file, "fyr", SEEN, processes=processes)
            told.append((done.lines, done.new, done.unchanged, [str(error) for error in done.errors]))
        rows.append(rows_of(tmp_path / str(processes)))
    assert rows[0] == rows[1]
    assert told[0] == told[1]
    assert told[1][:3] == (10, 7, 1)
    assert [(error.line, error.field) for error in done.errors] == [(5, None), (7, "title")]


@pytest.mark.parametrize(("enough", "kept", "stopped"), [(2, 2, True), (7, 7, False)])
def test_told_to_stop_after_the_last_line_it_was_not_stopped(
    enough: int, kept: int, stopped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "LINES_PER_TRANSACTION", 2)
    with open_archive(tmp_path / "a") as archive:

        def stop() -> bool:
            return bool(archive.db.execute("select count(*) >= ? from releases", [enough]).fetchone()[0])

        done = import_file(archive, write_lines(tmp_path / "fyr.jsonl"), "fyr", SEEN, should_stop=stop)
    assert (done.new, done.stopped) == (kept, stopped)


@pytest.fixture
def importing_much(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """An import that goes on for long, with a process beside it."""
    file = tmp_path / "much.jsonl"
    line = '{"url": "https://fyr.example/%d", "title": "Lamp %d", "language": "en", "body": "' + "Lit. " * 99 + '"}\n'
    file.write_text("".join(line % (n, n) for n in range(20_000)), "utf-8")
    open_archive(tmp_path / "a").close()
    command = [sys.executable, "-m", "archive", "import", str(file), "--agency", "fyr", "--processes", "1"]
    with subprocess.Popen(
        [*command, "--archive", str(tmp_path / "a" / "archive.db")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        yield process
        process.kill()


def test_ctrl_c_ends_an_import_cleanly(importing_much: subprocess.Popen[str], tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a" / "archive.db", timeout=30)) as db:
        while importing_much.poll() is None and not db.execute("select count(*) from releases").fetchone()[0]:
            pass
        os.killpg(importing_much.pid, signal.SIGINT)
        _, errors = importing_much.communicate(timeout=30)
        kept = db.execute("select count(*), max(id) from releases").fetchone()
    assert importing_much.returncode == 130
    assert "stopped" in errors
    assert "Traceback" not in errors
    assert kept[0] == kept[1]
    assert kept[0] % importing.LINES_PER_TRANSACTION == 0
    assert 0 < kept[0] < 20_000
