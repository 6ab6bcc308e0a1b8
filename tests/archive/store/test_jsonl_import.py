"""import: which lines are stored, which are reported, and that a second run changes nothing."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from archive.__main__ import main
from archive.database.sqlite_files import ArchiveError
from archive.database.stored_text import clean_line, strip_invisible
from archive.evidence.verification import verify
from archive.store import import_lines
from archive.store import jsonl_import as importer
from archive.store.import_lines import FieldError, parse_release
from archive.store.jsonl_import import (
    CHECK_SPREAD_DAYS,
    ImportResult,
    format_import_report,
    import_file,
    iter_import_lines,
)
from archive.store.releases import Archive, PreparedRelease, SaveResult
from tests.archive.sample import ROOT, import_release
from tests.archive.store.test_import_records import LINE
from tests.archive.store.test_releases import read_all_rows

IMPORTED_AT = datetime(2024, 6, 3, 8, 15, tzinfo=UTC)
MONTH = timedelta(days=30)


def open_archive(folder: Path) -> Archive:
    archive = Archive(folder / "archive.db")
    archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
    archive.add_agency("vag", name="Vägverket", home="https://vag.example/")
    return archive


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path) as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.jsonl"


def build_rows(number: int, **fields: str) -> list[dict[str, str]]:
    """Return rows of different releases in English, the language with the smallest lexicon."""
    return [
        {"url": f"https://fyr.example/{n}", "title": f"Lamp {n}", "language": "en", **fields}
        for n in range(number)
    ]


def build_command(archive: Archive, file: Path, processes: int, *more: str) -> list[str]:
    words = [
        "-m",
        "archive",
        "import",
        str(file),
        "--agency",
        "fyr",
        "--archive",
        str(archive.path),
    ]
    return [sys.executable, *words, "--processes", str(processes), *more]


def count_releases(archive: Archive) -> int:
    return int(archive.db.execute("select count(*) from releases").fetchone()[0])


def write_lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def import_rows(
    archive: Archive, *rows: dict[str, Any], imported_at: datetime = IMPORTED_AT
) -> ImportResult:
    return import_file(
        archive, write_lines(archive.path.with_name("a.jsonl"), *rows), "fyr", imported_at
    )


def test_second_run_changes_nothing(archive: Archive) -> None:
    rows = [LINE, {**LINE, "url": "https://fyr.example/2", "body": ""}]
    result = import_rows(archive, *rows)
    assert (result.lines, result.new, result.without_body, result.errors) == (2, 2, 1, [])
    before = list(archive.db.conn.iterdump())
    result = import_rows(archive, *rows, imported_at=IMPORTED_AT + timedelta(days=1))
    assert (result.new, result.revised, result.unchanged) == (0, 0, 2)
    assert list(archive.db.conn.iterdump()) == before


def test_tags_in_another_order_are_unchanged(archive: Archive) -> None:
    result = import_rows(
        archive, {**LINE, "tags": ["Hav", "Ljus"]}, {**LINE, "tags": ["Ljus", "Hav"]}
    )
    assert (result.new, result.revised, result.unchanged) == (1, 0, 1)


def test_later_state_is_a_revision_and_the_earlier_one_stays_known(archive: Archive) -> None:
    rows = [LINE, {**LINE, "title": "Fyra fyrar tänds"}]
    assert import_rows(archive, *rows).revised == 1
    result = import_rows(archive, *rows)
    assert (result.revised, result.unchanged) == (0, 2)
    causes = archive.db.execute("select cause, parser_version from revisions").fetchall()
    assert causes == [("import", "import/a.jsonl")] * 2


def test_crawled_release_is_not_replaced(archive: Archive) -> None:
    crawled, _ = parse_release({**LINE, "title": "Som den står på sidan"}, "fyr")
    archive.save(crawled, seen_at=IMPORTED_AT)
    result = import_rows(archive, LINE)
    assert (result.new, result.already_crawled) == (0, 1)
    stored = archive.get(crawled.url)
    assert stored is not None
    assert stored.state["title"] == "Som den står på sidan"


def test_month_is_stored_as_a_month(archive: Archive) -> None:
    release, _ = parse_release(LINE, "fyr")
    assert import_release(archive, release, IMPORTED_AT) is SaveResult.NEW
    dated = replace(release, published=date(2024, 6, 1))
    assert archive.save(dated, seen_at=IMPORTED_AT) is SaveResult.REPARSED
    dates = archive.db.execute("select published from revisions order by id").fetchall()
    assert dates == [("2024-06",), ("2024-06-01",)]


def test_lines_taken_down_elsewhere_are_left_out(archive: Archive) -> None:
    stored, _ = parse_release({**LINE, "url": "https://fyr.example/2"}, "fyr")
    archive.save(stored, seen_at=IMPORTED_AT)
    hidden = {"title": "█████", "body": "", "lead": None, "takedown": "hidden"}
    result = import_rows(
        archive,
        {**LINE, "takedown": None},
        {**LINE, **hidden, "url": "https://fyr.example/2?utm_source=rss"},
        {**LINE, "url": "https://fyr.example/3", "body": "Av █████.", "takedown": "redacted"},
        {**LINE, "url": "https://fyr.example/4", "takedown": "another collection's own field"},
    )
    counts = (result.new, result.withheld, result.withheld_elsewhere, result.errors)
    assert counts == (2, 2, [1], [])
    assert dict(result.unknown_fields) == {"takedown": 1}
    masked_sql = "select url from releases where title like '%█%' or body like '%█%'"
    assert archive.db.execute(masked_sql).fetchall() == []
    report = "\n".join(["", *format_import_report(Path("a.jsonl"), result), ""])
    assert "\nwithheld: 2 are hidden or redacted in the archive they come from" in report
    reasons = "the reasons are at /-/takedowns of that archive"
    assert f"\nwithheld there, but shown here: releases 1; {reasons}\n" in report


def test_errors_name_file_line_and_field_and_the_rest_is_stored(
    archive: Archive, file: Path
) -> None:
    other, _ = parse_release({**LINE, "url": "https://vag.example/1"}, "vag")
    archive.save(other, seen_at=IMPORTED_AT)
    rows = [LINE, {**LINE, "published": "x"}, {**LINE, "url": "https://vag.example/1"}]
    last = json.dumps({**LINE, "url": "https://fyr.example/9"})
    texts = [*map(json.dumps, rows), "{", "[1]", "", last]
    file.write_bytes("\n".join(texts).encode() + b"\n\xff\n")
    result = import_file(archive, file, "fyr", IMPORTED_AT)
    errors = [(error.line, error.field) for error in result.errors]
    assert errors == [(2, "published"), (3, "url"), (4, None), (5, None), (8, None)]
    assert all(str(error).startswith(f"{file}: line ") for error in result.errors)
    assert (result.lines, result.new) == (7, 2)


@pytest.mark.parametrize("length", [99, 100, 101, 201, 202, 300])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_line_that_is_too_long_is_reported(
    file: Path, monkeypatch: pytest.MonkeyPatch, length: int, end: bytes
) -> None:
    monkeypatch.setattr(importer, "MAX_LINE_BYTES", 100)
    file.write_bytes(b"{}\n" + b"x" * length + (end and b"\n{}\n"))
    is_too_long = length + len(end) > 100
    lines = [
        (number, isinstance(row, FieldError) and "longer" in str(row))
        for number, row in iter_import_lines(file)
    ]
    assert lines == [(1, False), (2, is_too_long), *([(3, False)] if end else [])]


def test_lines_before_the_end_of_a_truncated_file_are_stored(
    archive: Archive, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "LINES_PER_TRANSACTION", 20)
    # cannot be compressed well
    texts = [hashlib.shake_256(b"%d" % number).hexdigest(400) for number in range(30)]
    rows = [
        {"url": f"https://fyr.example/{number}", "title": text} for number, text in enumerate(texts)
    ]
    compressed = gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
    file.write_bytes(compressed[: len(compressed) * 9 // 10])
    result = import_file(archive, file, "fyr", IMPORTED_AT)
    assert "cannot be unpacked after line" in str(result.failure)
    assert 20 < count_releases(archive) == result.new == result.last_line < 30
    *_, last = format_import_report(file, result)
    ending = f"stored or reported up to line {result.new}; the same command continues after it"
    assert last == f"{file}: {ending}"


def test_first_checks_are_spread_over_days(archive: Archive) -> None:
    import_rows(
        archive,
        *({"url": f"https://fyr.example/{number}", "title": "Fyren"} for number in range(300)),
    )
    assert archive.frontier.list_stale("fyr", IMPORTED_AT + timedelta(hours=23), 1000, MONTH) == []
    days = archive.db.execute(
        "select substr(next_check, 1, 10), count(*) from releases group by 1"
    ).fetchall()
    assert len(days) > CHECK_SPREAD_DAYS * 0.9
    assert max(number for _, number in days) < 15
    assert archive.frontier.list_due("fyr", IMPORTED_AT, 1000) == []
    end = IMPORTED_AT + timedelta(days=CHECK_SPREAD_DAYS + 2)
    assert len(archive.frontier.list_stale("fyr", end, 1000, MONTH)) == 300


def test_unknown_agency_is_an_error(archive: Archive, file: Path) -> None:
    with pytest.raises(
        ArchiveError, match="agencies: fyrar: is not stored; stored agencies: fyr, vag"
    ):
        import_file(archive, write_lines(file, LINE), "fyrar", IMPORTED_AT)


# Lines of any kind

TEXTS = st.text() | st.sampled_from(
    ["", "a\x00b", "\ud800", "NaN", "> " * 150, "a\u0316\u0301" * 1500, "w" * 3000]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.just(10**4299),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
URLS = st.integers(1, 9).map("https://fyr.example/{}".format) | st.sampled_from(
    [
        "https://a.example/1",
        "https://fyr.example/\x00",
        "http://[",
        "https://fyr.example/" + "x" * 3000,
    ]
)
RELEASES = st.fixed_dictionaries(
    {"url": URLS, "title": TEXTS},
    optional=dict.fromkeys(sorted(import_lines.KNOWN_FIELDS - {"url", "title"}), TEXTS | VALUES),
)
OBJECTS = RELEASES | st.dictionaries(
    TEXTS | st.sampled_from(sorted(import_lines.KNOWN_FIELDS)), VALUES, max_size=4
)
GOOD_LINE = b'{"url": "https://fyr.example/good", "title": "Bra", "views": %s}' % (b"9" * 5000)
LINES = (
    OBJECTS.map(lambda row: json.dumps(row).encode())
    | VALUES.map(lambda value: json.dumps(value).encode())
    | RELEASES.map(lambda row: json.dumps(row, ensure_ascii=False).encode(errors="surrogatepass"))
    | st.binary(max_size=20)
    | st.sampled_from(
        [b"", b"  \t", b"\xef\xbb\xbf", b"\x00", b"[" * 100_000, b'{"a":' * 100_000, GOOD_LINE]
    )
    | st.just(b'{"url": "https://fyr.example/x", "title": "Ett", "title": "Annat"}')
).map(lambda line: line.replace(b"\n", b""))


@pytest.mark.slow("many random files")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(LINES, max_size=12), st.sampled_from([b"\n", b"\r\n"]), st.booleans(), st.booleans()
)
def test_every_line_is_stored_or_a_named_error(
    lines: list[bytes], end: bytes, bom: bool, compress: bool
) -> None:
    with TemporaryDirectory() as folder, open_archive(Path(folder)) as archive:
        file, kept = Path(folder) / "a.jsonl", [*lines, GOOD_LINE]
        kept[0] = codecs.BOM_UTF8 * bom + kept[0]
        content = end.join(kept)
        assume(compress or not content.startswith(importer.GZIP_MAGIC))
        file.write_bytes(gzip.compress(content, 1) if compress else content)
        result = import_file(archive, file, "fyr", IMPORTED_AT)
        assert (result.failure, result.last_line) == (None, len(kept))
        found = result.lines
        assert found == sum(bool(line.removeprefix(codecs.BOM_UTF8).strip()) for line in kept)
        counts = [result.new, result.revised, result.unchanged, result.withheld, len(result.errors)]
        assert sum(counts) == result.lines
        failed = {error.line for error in result.errors}
        for number, line in enumerate(kept, 1):
            if number not in failed and line.strip():
                assert_is_stored(archive, line)
        for error in result.errors:
            assert str(error).startswith(f"{file}: line {error.line}: ")
            assert str(error).isprintable()
            assert len(str(error)) < 1000
        assert archive.get("https://fyr.example/good") is not None
        again = import_file(archive, file, "fyr", IMPORTED_AT)
        assert (again.lines, again.new, len(again.errors)) == (result.lines, 0, len(result.errors))


def assert_is_stored(archive: Archive, line: bytes) -> None:
    """Check that the texts of a line are those of a stored version, apart from what cleaning leaves
    out.
    """
    if not (text := line.decode("utf-8-sig").strip()):
        return
    row = json.loads(text, parse_int=float)
    release, _ = parse_release(row, "fyr")
    sql = "select v.* from revisions v join releases r on r.id = v.release where r.url = ?"
    versions = list(archive.db.query(sql, [release.url]))
    assert (release.title, release.body) in [(row["title"], row["body"]) for row in versions]
    title, lead, body = (
        import_lines.CONTROL_CHARACTERS.sub("", row.get(name) or "")
        for name in ("title", "lead", "body")
    )
    assert release.title == clean_line(title)
    assert (release.lead or "").split() == strip_invisible(lead).split()
    shown = "".join(filter(str.isalnum, strip_invisible(body)))
    if shown.isascii() and "[" not in row.get("body", "") and not row.get("body_html"):
        assert release.body.count("w") == shown.count("w")


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        (b'"body": "x", "body": "y"', "body: is given more than once"),
        (b'"a": {"b": 1, "b": 2}', "b: is given more than once"),
        (b'"tags": ["\\ud800"]', "tags[0]: contains half of a"),
        (b'"url": "https://fyr.example/\\u0000"', "contains a control character"),
        (
            b'"url": "https://fyr.example/' + b"x" * 2100 + b'"',
            "url: is longer than 2083 characters",
        ),
        (b'"title": 1' + b"0" * 5000, "title: is not text"),
        (b'"images": [{"url": 7}]', "images[0].url: is not text"),
        (b'"tags": ' + b"[" * 9999, "is not JSON: maximum recursion depth"),
    ],
)
def test_what_was_accepted_in_silence_or_ended_the_import_is_a_named_error(
    archive: Archive, file: Path, field: bytes, problem: str
) -> None:
    others = {b"url": b'"url": "https://fyr.example/1"', b"title": b'"title": "A"'}
    line = [text for name, text in others.items() if not field.startswith(b'"%s"' % name)]
    file.write_bytes(b"{%s}\n%s" % (b", ".join([*line, field]), json.dumps(LINE).encode()))
    result = import_file(archive, file, "fyr", IMPORTED_AT)
    assert (result.lines, result.new, len(result.errors)) == (2, 1, 1)
    assert str(result.errors[0]).startswith(f"{file}: line 1: ")
    assert problem in str(result.errors[0])


def test_long_number_in_an_ignored_field_is_counted_and_the_line_stored(
    archive: Archive, file: Path
) -> None:
    file.write_bytes(GOOD_LINE)
    result = import_file(archive, file, "fyr", IMPORTED_AT)
    assert (result.new, result.errors, dict(result.unknown_fields)) == (1, [], {"views": 1})


def test_control_characters_that_are_left_out_are_counted(archive: Archive) -> None:
    rows = [
        {**LINE, "title": "Fy\x00ren", "contacts": [{"name": "Ada\x08"}]},
        {**LINE, "body": "a\r\nb\tc"},
    ]
    result = import_rows(archive, *rows)
    assert dict(result.unknown_fields) == {
        "title (control characters)": 1,
        "contacts (control characters)": 1,
    }


def test_line_that_cannot_be_saved_is_named_and_the_others_are_stored(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert_first = archive.writer.insert_first

    def fail(prepared: PreparedRelease, provenance: dict[str, Any]) -> int:
        if prepared.release.url.endswith("/3"):
            raise sqlite3.DataError("string or blob too big")
        return insert_first(prepared, provenance)

    monkeypatch.setattr(archive.writer, "insert_first", fail)
    result = import_rows(
        archive, *({"url": f"https://fyr.example/{n}", "title": "Fyren"} for n in range(6))
    )
    assert (result.lines, result.new, result.unchanged, result.failure) == (6, 5, 0, None)
    found = [str(error).partition("line ")[2] for error in result.errors]
    assert found == ["4: cannot be saved: string or blob too big"]
    words = archive.db.execute("select word, releases from vocabulary").fetchall()
    assert words == [("fyren", 5)]


# What ends an import


@pytest.mark.slow("starts processes")
def test_full_disk_keeps_what_was_committed(
    archive: Archive, file: Path, agencies: Path, tmp_path: Path
) -> None:
    write_lines(file, {}, *build_rows(2000, body="Lit. " * 99))
    # bytes of the largest file; there is no other way to fill a disk without being root
    limit = (3_000_000, 3_000_000)
    done = subprocess.run(
        build_command(archive, file, 0, "--agencies", str(agencies)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert f"{archive.path}: the import ended early: " in done.stderr
    stored = count_releases(archive)
    assert 0 < stored < 2000
    assert f"{file}: line 1: url: is missing\n" in done.stdout
    assert (
        f"{stored + 1} lines: {stored} new, 0 revised, 0 unchanged, 0 already crawled, 1 errors"
        in done.stdout
    )
    assert (
        f"stored or reported up to line {stored + 1}; the same command continues after it"
        in done.stdout
    )
    result = import_file(archive, file, "fyr", IMPORTED_AT)
    assert (result.new, result.unchanged, len(result.errors)) == (2000 - stored, stored, 1)


@pytest.mark.slow("kills processes")
def test_killed_process_that_reads_lines_is_reported(
    archive: Archive, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "prepare_lines", kill_own_process)
    result = import_file(archive, write_lines(file, LINE), "fyr", IMPORTED_AT, processes=1)
    assert (result.lines, result.last_line) == (0, 0)
    assert str(result.failure).startswith("another process of this command: ended early")


def kill_own_process(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# Batches and processes


def write_nine_lines(path: Path) -> Path:
    """Seven releases, the first of them twice, and two errors."""
    lines = [json.dumps({**row, "body": f"*{n}* lit"}) for n, row in enumerate(build_rows(9))]
    lines[4] = "{broken"
    lines[6] = json.dumps({"url": "https://fyr.example/6"})
    path.write_text("\n".join([*lines, lines[0]]), "utf-8")
    return path


def test_processes_store_the_same_rows_and_errors(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "LINES_PER_TRANSACTION", 2)
    write_nine_lines(file)
    results, stored_rows = [], []
    for processes in (0, 2):
        folder = tmp_path / str(processes)
        folder.mkdir()
        with open_archive(folder) as archive:
            results.append(import_file(archive, file, "fyr", IMPORTED_AT, processes=processes))
        stored_rows.append(read_all_rows(folder))
    assert stored_rows[0] == stored_rows[1]
    for result in results:
        assert (result.lines, result.new, result.unchanged) == (10, 7, 1)
        assert [(error.line, error.field) for error in result.errors] == [(5, None), (7, "title")]
    found = [str(error) for error in results[0].errors]
    assert found == [str(error) for error in results[1].errors]


@pytest.mark.parametrize(("stop_at", "new", "stopped"), [(2, 2, True), (7, 7, False)])
def test_import_stops_between_transactions(
    archive: Archive,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    stop_at: int,
    new: int,
    *,
    stopped: bool,
) -> None:
    monkeypatch.setattr(importer, "LINES_PER_TRANSACTION", 2)

    def should_stop() -> bool:
        return count_releases(archive) >= stop_at

    result = import_file(
        archive, write_nine_lines(file), "fyr", IMPORTED_AT, should_stop=should_stop
    )
    assert (result.new, result.stopped) == (new, stopped)


# The command


@pytest.fixture
def agencies(tmp_path: Path) -> Path:
    path = tmp_path / "agencies.toml"
    path.write_text(
        '[fyr]\nname = "Fyrstyrelsen"\nhome = "https://fyr.example/"\n[vag]\nname = "Vägverket"\n'
        'home = "https://www.vag.example/"\naliases = ["vägar.example"]\n',
        "utf-8",
    )
    return path


def run_import(file: Path, agencies: Path, agency: str = "fyr") -> int:
    target = str(file.with_name("new.db"))
    return main(
        ["import", str(file), "--archive", target, "--agency", agency, "--agencies", str(agencies)]
    )


def test_command_prints_errors_and_counts(
    file: Path, agencies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines(file, LINE, {**LINE, "url": "https://fyr.example/2", "senders": ["x"]}, {})
    assert run_import(file, agencies) == 1
    printed = capsys.readouterr().out
    assert f"{file}: line 3: url: is missing\n" in printed
    assert "3 lines: 2 new, 0 revised, 0 unchanged, 0 already crawled, 1 errors" in printed
    assert "field senders: left out in 1 lines" in printed
    assert run_import(file, agencies, "fyrr") == 2
    assert "perhaps fyr" in capsys.readouterr().err
    assert run_import(file.with_name("none.jsonl"), agencies) == 2
    report = verify(file.with_name("new.db"))
    assert (report.findings, report.uncovered) == ([], 0)


def test_manifest_of_the_run_that_finishes_covers_an_earlier_one(
    file: Path, agencies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lines(file, LINE, {**LINE, "url": "https://fyr.example/2"})
    answers = iter([False, True])
    stopped = nullcontext(SimpleNamespace(is_set=lambda: next(answers, False)))
    monkeypatch.setattr("archive.__main__.catch_stop_signals", lambda: stopped)
    monkeypatch.setattr(importer, "LINES_PER_TRANSACTION", 1)
    found = []
    for code in (130, 0):
        assert run_import(file, agencies) == code
        report = verify(file.with_name("new.db"))
        found.append((report.newest_manifest is not None, report.uncovered))
    assert found == [(False, 1), (True, 0)]


def test_command_warns_of_hosts_of_other_agencies(
    file: Path, agencies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hosts = ["vag", "press.vag", "www.xn--vgar-loa", "a", "press.fyr"]
    write_lines(
        file, LINE, *({**LINE, "url": f"https://{host}.example/1"} for host in (hosts[0], *hosts))
    )
    file.write_text(file.read_text("utf-8").replace("vag.example/1", "vag.example/2", 1), "utf-8")
    assert run_import(file, agencies) == 0
    printed = capsys.readouterr().out.splitlines()
    vag = "which belongs to vag: is --agency right?"
    assert [line for line in printed if line.startswith("warning")] == [
        f"warning: 2 of them are at vag.example, {vag} (first: line 2)",
        f"warning: 1 of them are at press.vag.example, {vag} (first: line 4)",
        f"warning: 1 of them are at xn--vgar-loa.example, {vag} (first: line 5)",
        "warning: 1 of them are at a.example, which belongs to no agency that is known here"
        " (first: line 6)",
    ]


def test_new_archive_is_announced_and_deleted_if_it_stays_empty(
    tmp_path: Path, agencies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new.db"
    good, bad = write_lines(tmp_path / "good.jsonl", LINE), write_lines(tmp_path / "bad.jsonl", {})
    truncated = tmp_path / "truncated.jsonl.gz"
    truncated.write_bytes(gzip.compress(b"{}\n" * 99)[:-12])
    before = sorted(tmp_path.iterdir())
    for file, agency, code in ((good, "unknown", 2), (bad, "fyr", 1), (truncated, "fyr", 2)):
        assert run_import(file, agencies, agency) == code
        assert sorted(tmp_path.iterdir()) == before
        printed = capsys.readouterr().err
        assert ("creating a new one" in printed) == (agency == "fyr")
        assert ("no archive was created" in printed) == (file in (bad, truncated))
    assert run_import(good, agencies) == 0
    assert f"{new}: no such archive; creating a new one\n" in capsys.readouterr().err
    assert run_import(bad, agencies) == 1
    assert (capsys.readouterr().err, new.exists()) == ("", True)


@pytest.mark.slow("kills processes")
def test_ctrl_c_ends_the_command_between_transactions(archive: Archive, file: Path) -> None:
    write_lines(file, *build_rows(9000, body="Lit. " * 99))
    with (
        subprocess.Popen(
            build_command(archive, file, 1),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process,
        closing(sqlite3.connect(archive.path, timeout=30)) as db,
    ):
        try:
            while (
                process.poll() is None
                and not db.execute("select count(*) from releases").fetchone()[0]
            ):
                time.sleep(0.02)
            os.killpg(process.pid, signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
        stored, last_id = db.execute("select count(*), max(id) from releases").fetchone()
    assert process.returncode == 130
    assert "stopped" in errors
    assert "Traceback" not in errors
    assert stored == last_id
    assert stored % importer.LINES_PER_TRANSACTION == 0
    assert 0 < stored < 9000
