"""python -m archive import: what comes in, what is refused by name, and that a second run changes nothing."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.__main__ import main
from archive.database import ArchiveError
from archive.evidence.verify import verify
from archive.importer import CHECK_SPREAD_DAYS, format_import_report, import_file, iter_import_lines
from archive.importer.records import FieldError, parse_release
from archive.models import Release
from archive.store import Archive, SaveResult
from tests.archive.sample import ROOT
from tests.archive.test_import_rows import LINE

WHEN = datetime(2024, 6, 3, 8, 15, tzinfo=UTC)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive(tmp_path / "archive.db") as held:
        held.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        held.add_agency("vag", name="Vägverket", home="https://vag.example/")
        yield held


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def test_a_second_run_changes_nothing(archive: Archive, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", LINE, {**LINE, "url": "https://fyr.example/2", "body": ""})
    done = import_file(archive, file, "fyr", WHEN)
    assert (done.lines, done.new, done.without_body, done.errors) == (2, 2, 1, [])
    before = contents(archive)
    again = import_file(archive, file, "fyr", WHEN + timedelta(days=1))
    assert (again.new, again.revised, again.unchanged) == (0, 0, 2)
    assert contents(archive) == before


def test_tags_in_another_order_are_unchanged(archive: Archive, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", {**LINE, "tags": ["Hav", "Ljus"]}, {**LINE, "tags": ["Ljus", "Hav"]})
    done = import_file(archive, file, "fyr", WHEN)
    assert (done.new, done.revised, done.unchanged) == (1, 0, 1)


def contents(archive: Archive) -> dict[str, list[Any]]:
    """Every row of every table that is not an index of words."""
    names = [name for name in archive.db.table_names() if not name.startswith("search")]
    return {name: archive.db.execute(f"select * from {name}").fetchall() for name in names}


def test_a_later_state_is_a_revision_and_the_earlier_stays_known(archive: Archive, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", LINE, {**LINE, "title": "Fyra fyrar tänds"})
    assert import_file(archive, file, "fyr", WHEN).revised == 1
    again = import_file(archive, file, "fyr", WHEN)
    assert (again.revised, again.unchanged) == (0, 2)
    causes = archive.db.execute("select cause, parser_version from revisions").fetchall()
    assert causes == [("import", "import/a.jsonl")] * 2


def test_what_was_read_from_the_agency_s_page_stands(archive: Archive, tmp_path: Path) -> None:
    own, _ = parse_release({**LINE, "title": "Som den står på sidan"}, "fyr")
    archive.save(own, seen_at=WHEN)
    done = import_file(archive, write(tmp_path / "a.jsonl", LINE), "fyr", WHEN)
    assert (done.new, done.already_crawled) == (0, 1)
    held = archive.get(own.url)
    assert held is not None
    assert held.state["title"] == "Som den står på sidan"


def test_what_another_archive_has_taken_down_is_left_out_and_told(archive: Archive, tmp_path: Path) -> None:
    held, _ = parse_release({**LINE, "url": "https://fyr.example/2"}, "fyr")
    archive.save(held, seen_at=WHEN)
    marks = {"title": "█████", "body": "", "lead": None}
    rows = [
        {**LINE, "takedown": None},
        {**LINE, **marks, "url": "https://fyr.example/2?utm_source=rss", "takedown": "hidden"},
        {**LINE, "url": "https://fyr.example/3", "body": "Av █████.", "takedown": "redacted"},
        {**LINE, "url": "https://fyr.example/4", "takedown": "another collection's own field"},
    ]
    done = import_file(archive, write(tmp_path / "a.jsonl", *rows), "fyr", WHEN)
    assert (done.new, done.withheld, done.withheld_elsewhere, done.errors) == (2, 2, [1], [])
    assert dict(done.unknown_fields) == {"takedown": 1}
    assert archive.db.execute("select url from releases where title like '%█%' or body like '%█%'").fetchall() == []
    lines = list(format_import_report(tmp_path / "a.jsonl", done))
    assert any(line.startswith("withheld: 2 are hidden or redacted in the archive they come from") for line in lines)
    assert "withheld there, but shown here: releases 1; the reasons are at /-/takedowns of that archive" in lines


def test_errors_name_file_line_and_field_and_the_rest_is_kept(archive: Archive, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    other, _ = parse_release({**LINE, "url": "https://vag.example/1"}, "vag")
    archive.save(other, seen_at=WHEN)
    rows = [LINE, {**LINE, "published": "x"}, {**LINE, "url": "https://vag.example/1"}]
    texts = [json.dumps(row) for row in rows] + ["{", "[1]", "", json.dumps({**LINE, "url": "https://fyr.example/9"})]
    file.write_bytes("\n".join(texts).encode() + b"\n\xff\n")
    done = import_file(archive, file, "fyr", WHEN)
    assert [(error.line, error.field) for error in done.errors] == [
        (2, "published"),
        (3, "url"),
        (4, None),
        (5, None),
        (8, None),
    ]
    assert all(str(error).startswith(f"{file}: line ") for error in done.errors)
    assert (done.lines, done.new) == (7, 2)


@pytest.mark.parametrize("length", [99, 100, 101, 201, 202, 300])
@pytest.mark.parametrize("end", [b"\n", b""])
def test_a_line_too_long_to_be_held_is_told_and_the_rest_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, end: bytes
) -> None:
    monkeypatch.setattr("archive.importer.MAX_LINE_BYTES", 100)
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"{}\n" + b"x" * length + (end and b"\n{}\n"))
    told = [(number, isinstance(row, FieldError) and "longer" in str(row)) for number, row in iter_import_lines(file)]
    long = length + len(end) > 100
    assert told == [(1, False), (2, long), *([(3, False)] if end else [])]


def test_a_file_that_breaks_off_keeps_what_came_before(archive: Archive, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl.gz"
    rows = [{**LINE, "url": f"https://fyr.example/{n}", "title": f"{n} {'x' * 400}"} for n in range(300)]
    whole = gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
    file.write_bytes(whole[: len(whole) * 9 // 10])
    with pytest.raises(ArchiveError, match=r"cannot be unpacked after line \d+"):
        import_file(archive, file, "fyr", WHEN)
    assert 200 < archive.db.execute("select count(*) from releases").fetchone()[0] < 300


def test_they_are_looked_at_by_and_by(archive: Archive, tmp_path: Path) -> None:
    rows = [{**LINE, "url": f"https://fyr.example/{n}"} for n in range(900)]
    import_file(archive, write(tmp_path / "a.jsonl", *rows), "fyr", WHEN)
    assert archive.frontier.list_stale("fyr", WHEN + timedelta(hours=23), 1000) == []
    days = archive.db.execute("select substr(next_check, 1, 10), count(*) from releases group by 1").fetchall()
    assert len(days) > CHECK_SPREAD_DAYS * 0.9
    assert max(number for _, number in days) < 40
    assert archive.frontier.list_due("fyr", WHEN, 1000) == []
    assert len(archive.frontier.list_stale("fyr", WHEN + timedelta(days=CHECK_SPREAD_DAYS + 2), 1000)) == 900


def test_an_unknown_agency_is_told(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="agencies: fyrar: is not stored; stored agencies: fyr, vag"):
        import_file(archive, write(tmp_path / "a.jsonl", LINE), "fyrar", WHEN)


def test_a_month_is_kept_and_sorted_as_one(archive: Archive) -> None:
    release, _ = parse_release(LINE, "fyr")
    assert archive.save(release, seen_at=WHEN, cause="import") is SaveResult.NEW
    assert archive.save(replace(release, published=date(2024, 6, 1)), seen_at=WHEN) is SaveResult.REVISED
    held = archive.db.execute("select published from revisions order by id").fetchall()
    assert held == [("2024-06",), ("2024-06-01",)]


def command(tmp_path: Path, file: Path, *more: str) -> int:
    return main(["import", str(file), "--archive", str(tmp_path / "new.db"), *more])


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agencies = tmp_path / "agencies.toml"
    agencies.write_text('[fyr]\nname = "Fyrstyrelsen"\nhome = "https://fyr.example/"\n', "utf-8")
    file = write(tmp_path / "a.jsonl", LINE, {**LINE, "url": "https://fyr.example/2", "senders": ["x"]}, {})
    assert command(tmp_path, file, "--agency", "fyr", "--agencies", str(agencies)) == 1
    told = capsys.readouterr().out
    assert f"{file}: line 3: url: is missing\n" in told
    assert "3 lines: 2 new, 0 revised, 0 unchanged, 0 already crawled, 1 errors" in told
    assert "field senders: left out in 1 lines" in told
    assert command(tmp_path, file, "--agency", "fyrr", "--agencies", str(agencies)) == 2
    assert "perhaps fyr" in capsys.readouterr().err
    assert command(tmp_path, tmp_path / "none.jsonl", "--agency", "fyr") == 2
    report = verify(tmp_path / "new.db")
    assert (report.findings, report.uncovered) == ([], 0)


def test_a_host_of_another_agency_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    agencies = tmp_path / "agencies.toml"
    agencies.write_text(
        '[fyr]\nname = "Fyrstyrelsen"\nhome = "https://fyr.example/"\n'
        '[vag]\nname = "Vägverket"\nhome = "https://www.vag.example/"\naliases = ["vägar.example"]\n',
        "utf-8",
    )
    urls = (
        "https://vag.example/1",
        "https://www.vag.example/2",
        "https://www.xn--vgar-loa.example/3",
        "https://a.example/4",
    )
    file = write(tmp_path / "a.jsonl", LINE, *({**LINE, "url": url} for url in urls))
    assert command(tmp_path, file, "--agency", "fyr", "--agencies", str(agencies)) == 0
    warnings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning")]
    assert warnings == [
        "warning: 2 of them are at vag.example, which belongs to vag: is --agency right?",
        "warning: 1 of them are at xn--vgar-loa.example, which belongs to vag: is --agency right?",
    ]


def test_a_new_archive_is_told_of_and_nothing_is_left_of_one_that_nothing_came_into(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    agencies, new = tmp_path / "agencies.toml", tmp_path / "new.db"
    agencies.write_text('[fyr]\nname = "Fyrstyrelsen"\nhome = "https://fyr.example/"\n', "utf-8")
    good, bad = write(tmp_path / "good.jsonl", LINE), write(tmp_path / "bad.jsonl", {})
    (tmp_path / "torn.jsonl.gz").write_bytes(gzip.compress(b"{}\n" * 99)[:-12])
    before = sorted(tmp_path.iterdir())
    for file, slug, code in ((good, "nobody", 2), (bad, "fyr", 1), (tmp_path / "torn.jsonl.gz", "fyr", 2)):
        assert command(tmp_path, file, "--agency", slug, "--agencies", str(agencies)) == code
        assert sorted(tmp_path.iterdir()) == before
        told = capsys.readouterr().err
        assert ("creating a new one" in told, "no archive was created" in told) == (slug == "fyr", file == bad)
    assert command(tmp_path, good, "--agency", "fyr", "--agencies", str(agencies)) == 0
    assert f"{new}: no such archive; creating a new one\n" in capsys.readouterr().err
    assert command(tmp_path, bad, "--agency", "fyr") == 1
    assert (capsys.readouterr().err, new.exists()) == ("", True)


def test_the_format_s_example_can_be_taken_over() -> None:
    text = (ROOT / "docs/import-format.md").read_text("utf-8")
    row: dict[str, Any] = json.loads(text.split("```json\n")[1].split("```")[0])
    release, left = parse_release(row, "fyrstyrelsen")
    assert isinstance(release, Release)
    assert not left
    assert release.body == "Efter tio mörka år.\n\n- Äntligen, säger Ada Ek."
    for name in row:
        assert f"`{name}`" in text
