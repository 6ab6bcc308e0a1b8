"""Datasets: their files hold what the archive shows, in one state of it, each time the same, and are read by others."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from pyarrow import parquet

from archive.database import ArchiveError, open_readonly
from archive.datasets import tables as files
from archive.datasets.package import write_dataset
from archive.datasets.tables import DATASET_TABLES
from archive.store import Archive
from archive.takedowns import hide_release, redact_passage
from tests.archive.mirror import read_shown
from tests.archive.researcher import run_python
from tests.archive.sample import SEEN, plain_release
from tests.archive.sample_history import EDITED

FORMULA = '=HYPERLINK("https://ond.example";"Läs mer")'
NEWEST = EDITED.replace("höjs", "sänks")


@pytest.fixture(scope="module")
def whole(storied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of everything."""
    folder = tmp_path_factory.mktemp("datasets") / "whole"
    write_dataset(storied, "", folder, site="https://arkiv.example")
    return folder


def rows_of(folder: Path, table: str) -> list[dict[str, str]]:
    """A table's rows, as its CSV file has them."""
    with (folder / f"data/{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def sums(folder: Path) -> list[str]:
    """The lines of hashes of the data files."""
    return [line for line in (folder / "SHA256SUMS").read_text().splitlines() if "  data/" in line]


def copy_of(archive: Path, folder: Path) -> Path:
    """An archive of one's own to write to."""
    return Path(shutil.copytree(archive.parent, folder / "copy")) / "archive.db"


def test_duckdb_reads_what_the_archive_shows(whole: Path, storied: Path) -> None:
    shown = {key: row for key, row in read_shown(storied).items() if row["moved_to"] is None}
    releases = duckdb.execute(
        f"select id, title, body, url, tags from '{whole}/data/releases.parquet'"
        f" left join (select release, list(tag order by position) as tags from '{whole}/data/tags.parquet' group by 1)"
        " on release = id order by id"
    ).fetchall()
    assert releases == [
        (key, row["title"], row["body"], row["url"], row["tags"] or None) for key, row in sorted(shown.items())
    ]
    for table in ("questions", "images", "attachments", "contacts"):
        ((number,),) = duckdb.execute(f"select count(*) from '{whole}/data/{table}.parquet'").fetchall()
        assert number == sum(len(row[table]) for row in shown.values())
        assert number


def test_pandas_reads_the_same_from_both(whole: Path) -> None:
    told = run_python("-m", "tests.archive.with_pandas", str(whole)).splitlines()
    assert [line.partition(":")[0] for line in told] == [table.name for table in DATASET_TABLES]


def test_every_hash_and_every_column_is_told(whole: Path) -> None:
    for line in (whole / "SHA256SUMS").read_text("utf-8").splitlines():
        digest, _, name = line.partition("  ")
        assert hashlib.sha256((whole / name).read_bytes()).hexdigest() == digest
    package = json.loads((whole / "datapackage.json").read_text("utf-8"))
    files_told = [file for one in package["resources"] for file in (one, *one["alternates"])]
    told = {file["path"]: file["hash"] for file in files_told}
    assert told == {line.partition("  ")[2]: f"sha256:{line.partition('  ')[0]}" for line in sums(whole)}
    fingerprint = hashlib.sha256("".join(f"{line}\n" for line in sums(whole)).encode()).hexdigest()
    for name in ("README.md", "datapackage.json", "CITATION.cff", "citation.bib"):
        assert fingerprint in (whole / name).read_text("utf-8"), name
    codebook = {(row["table"], row["column"]): row for row in rows_of(whole, "codebook")}
    for one in package["resources"]:
        table = one["name"]
        for field in one["schema"]["fields"]:
            assert field["description"]
            assert table == "codebook" or codebook[table, field["name"]]["meaning"] == field["description"]
    lead = codebook["releases", "lead"]
    filled = sum(bool(row["lead"]) for row in rows_of(whole, "releases"))
    assert (int(lead["filled"]), float(lead["share"])) == (filled, round(filled / int(lead["rows"]), 4))


def test_the_same_archive_gives_the_same_bytes(whole: Path, storied: Path, tmp_path: Path) -> None:
    db = open_readonly(storied)
    db.execute("vacuum into ?", [str(tmp_path / "archive.db")])
    db.close()
    again = write_dataset(tmp_path / "archive.db", "", tmp_path / "again", site="https://arkiv.example")
    for name in ("SHA256SUMS", "README.md", "datapackage.json"):
        assert (tmp_path / "again" / name).read_bytes() == (whole / name).read_bytes(), name
    assert again.fingerprint[:12] in (whole / "citation.bib").read_text("utf-8")


def test_a_crawl_may_write_meanwhile(whole: Path, storied: Path, tmp_path: Path) -> None:
    path = copy_of(storied, tmp_path)
    with Archive(path) as archive:

        def write(_what: str, done: int, _total: int) -> None:
            release = plain_release(1, "https://{slug}.example")
            archive.save(replace(release, title=f"Ny {done}"), seen_at=SEEN)
            archive.save(replace(release, url=f"https://ny.example/{done}"), seen_at=SEEN)

        write_dataset(path, "", tmp_path / "dataset", progress=write)
        assert archive.db.execute("select count(*) from releases where url like 'https://ny.%'").fetchone()[0] > 5
    assert sums(tmp_path / "dataset") == sums(whole)


def test_nothing_that_is_taken_down(storied: Path, tmp_path: Path) -> None:
    path = copy_of(storied, tmp_path)
    with Archive(path) as archive:
        (release,) = archive.db.execute("select id from releases where title = ?", [NEWEST]).fetchone()
        hide_release(archive, release, SEEN, reason="Beslut")
        redact_passage(archive, 1, "Lo Ask", SEEN, reason="Personuppgift")
    one = write_dataset(path, "select id from releases", tmp_path / "dataset")
    assert one.selection.hidden_releases == 1
    assert str(release) not in {row["id"] for row in rows_of(tmp_path / "dataset", "releases")}
    for table in (tmp_path / "dataset/data").glob("*.parquet"):
        text = str(parquet.read_table(table).to_pylist())
        for word in ("båtbyggar", "Lo Ask", "Siv Å"):
            assert word not in text, table.name
            assert word not in table.with_suffix(".csv").read_text("utf-8"), table.name
    coverage = {(row["agency"], row["year"]): row for row in rows_of(tmp_path / "dataset", "coverage")}
    assert coverage["andringsverket", "2024"]["hidden"] == "1"
    assert coverage["fagelverket", "2024"]["redacted"] == "1"


def test_coverage_tells_what_is_missing(storied: Path, tmp_path: Path) -> None:
    path = copy_of(storied, tmp_path)
    with Archive(path) as archive:
        archive.db.execute(
            "insert into coverage (agency, month, listed, stored, rejected, missing, unlisted, complete, checked)"
            " values"
            " ('fyrstyrelsen', '2024-06', 9, 1, 1, 7, null, 1, '2024-06-09T00:00:00+00:00'),"
            " ('fyrstyrelsen', '2019-01', 4, 0, 0, 4, null, 1, '2024-06-09T00:00:00+00:00')"
        )
    write_dataset(path, "fyrar", tmp_path / "dataset", formats=("csv",))
    rows = {row["year"]: row for row in rows_of(tmp_path / "dataset", "coverage") if row["agency"] == "fyrstyrelsen"}
    assert (rows["2024"]["releases"], rows["2024"]["source_missing"], rows["2024"]["share_questions"]) == (
        "1",
        "7",
        "1.0",
    )
    assert (rows["2019"]["releases"], rows["2019"]["source_missing"], rows["2019"]["share_questions"]) == ("0", "4", "")


def test_a_formula_stays_what_the_agency_wrote(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("vagmyndigheten", name="Vägmyndigheten", home="https://v.example/")
        archive.save(replace(plain_release(1, "https://{slug}.example"), title=FORMULA, lead='a "b",\nc'), seen_at=SEEN)
    write_dataset(archive.path, "", tmp_path / "dataset")
    raw = (tmp_path / "dataset/data/releases.csv").read_bytes()
    assert raw.count(b"\r\n") == 2
    (row,) = rows_of(tmp_path / "dataset", "releases")
    assert (row["title"], row["lead"]) == (FORMULA, 'a "b",\nc')
    assert "releases 1, revisions 1" in (tmp_path / "dataset/README.md").read_text("utf-8")


def test_rows_are_held_a_group_at_a_time(
    whole: Path, storied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_GROUP_ROWS", 7)
    write_dataset(storied, "", tmp_path / "dataset", excluded_tables=("revisions",))
    ((groups,),) = duckdb.execute(
        f"select count(distinct row_group_id) from parquet_metadata('{tmp_path}/dataset/data/releases.parquet')"
    ).fetchall()
    rows = rows_of(whole, "releases")
    assert groups == -(-len(rows) // 7)
    assert rows_of(tmp_path / "dataset", "releases") == rows
    assert not (tmp_path / "dataset/data/revisions.csv").exists()


def test_what_is_no_text_or_no_time_is_an_error(storied: Path, tmp_path: Path) -> None:
    path = copy_of(storied, tmp_path)
    for sql in (
        "update releases set lead = cast(x'ff' as text) where id = 2",
        "update releases set published = 'i går'",
    ):
        with Archive(path) as archive:
            archive.db.execute(sql)
        with pytest.raises(ArchiveError, match=r"Could not decode to UTF-8|releases: published.*: .*'i går'"):
            write_dataset(path, "", tmp_path / "dataset", formats=("csv",))
        with Archive(path) as archive:
            archive.db.execute("update releases set lead = null where id = 2")
    assert not (tmp_path / "dataset").exists()
