from __future__ import annotations

import csv
import hashlib
import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest
from pyarrow import parquet

from archive.__main__ import main
from archive.attachments.attachment_store import AttachmentPage, AttachmentText
from archive.database.models import Attachment
from archive.database.sqlite_files import ArchiveError, open_readonly
from archive.publish import dataset_files as tables
from archive.publish.dataset_files import DATASET_TABLES, JSON_LIST, OPTIONAL_TABLES, TEXT
from archive.publish.datasets import write_dataset
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, redact_passage
from tests.archive.mirror import read_shown
from tests.archive.sample import ROOT, SEEN, WARBLERS, plain_release
from tests.archive.sample_evidence import add_links, create_evidence_archive, release, store_file
from tests.archive.sample_history import EDITED_ID, copy_archive
from tests.archive.with_pandas import run_python

FORMULA = '=HYPERLINK("https://ond.example";"Läs mer")'
GUIDE = (ROOT / "docs/datasets.md").read_text("utf-8")


@pytest.fixture(scope="module")
def full_dataset(history_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("datasets") / "full"
    write_dataset(history_archive, "", folder, site="https://arkiv.example")
    return folder


def read_csv(folder: Path, table: str) -> list[dict[str, str]]:
    with (folder / f"data/{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_checksums(folder: Path) -> list[str]:
    """Return the lines of SHA256SUMS for the data files."""
    return [
        line
        for line in (folder / "SHA256SUMS").read_text("utf-8").splitlines()
        if "  data/" in line
    ]


def test_duckdb_reads_what_the_archive_shows(full_dataset: Path, history_archive: Path) -> None:
    shown = {
        key: row for key, row in read_shown(history_archive).items() if row["moved_to"] is None
    }
    releases = duckdb.execute(
        f"select id, title, body, url, tags from '{full_dataset}/data/releases.parquet' left join"
        " (select release, list(tag order by position) as tags from"
        f" '{full_dataset}/data/tags.parquet' group by 1) on release = id order by id"
    ).fetchall()
    assert releases == [
        (key, row["title"], row["body"], row["url"], row["tags"] or None)
        for key, row in sorted(shown.items())
    ]
    for table in ("questions", "images", "attachments", "contacts"):
        ((count,),) = duckdb.execute(
            f"select count(*) from '{full_dataset}/data/{table}.parquet'"
        ).fetchall()
        assert count == sum(len(row[table]) for row in shown.values()) > 0


def test_parquet_and_csv_have_the_same_rows(full_dataset: Path) -> None:
    for table in DATASET_TABLES:
        data = parquet.read_table(full_dataset / f"data/{table.name}.parquet")
        header = (full_dataset / f"data/{table.name}.csv").read_text("utf-8").splitlines()[0]
        assert data.column_names == header.split(",") == [column.name for column in table.columns]
        rows, csv_rows = data.to_pylist(), read_csv(full_dataset, table.name)
        assert (
            len(rows)
            == len(csv_rows)
            == len({tuple(row[name] for name in table.key) for row in rows})
        )
        for name in (column.name for column in table.columns if column.kind in (TEXT, JSON_LIST)):
            assert [row[name] or "" for row in rows] == [row[name] for row in csv_rows], name


def test_parquet_has_times_only_where_a_moment_is_stated(full_dataset: Path) -> None:
    rows = parquet.read_table(full_dataset / "data/releases.parquet").to_pylist()
    (row,) = (row for row in rows if row["title"] == WARBLERS)
    assert row["published_at"] == datetime(2024, 5, 28, 7, 30, tzinfo=UTC)
    assert (row["updated_day"], row["updated_precision"], row["updated_at"]) == (
        date(2024, 5, 30),
        "day",
        None,
    )


def test_checksums_are_correct_and_in_every_description(full_dataset: Path) -> None:
    for line in (full_dataset / "SHA256SUMS").read_text("utf-8").splitlines():
        digest, _, name = line.partition("  ")
        assert hashlib.sha256((full_dataset / name).read_bytes()).hexdigest() == digest
    checksums = read_checksums(full_dataset)
    package = json.loads((full_dataset / "datapackage.json").read_text("utf-8"))
    files = [
        file for resource in package["resources"] for file in (resource, *resource["alternates"])
    ]
    assert {file["path"]: file["hash"] for file in files} == {
        line.partition("  ")[2]: f"sha256:{line.partition('  ')[0]}" for line in checksums
    }
    fingerprint = hashlib.sha256("".join(f"{line}\n" for line in checksums).encode()).hexdigest()
    for name in ("README.md", "datapackage.json", "CITATION.cff", "citation.bib"):
        assert fingerprint in (full_dataset / name).read_text("utf-8"), name


def test_every_column_is_described(full_dataset: Path) -> None:
    codebook = {(row["table"], row["column"]): row for row in read_csv(full_dataset, "codebook")}
    package = json.loads((full_dataset / "datapackage.json").read_text("utf-8"))
    for resource in package["resources"]:
        table = resource["name"]
        for field in resource["schema"]["fields"]:
            assert field["description"]
            assert (
                table == "codebook"
                or codebook[table, field["name"]]["meaning"] == field["description"]
            )
    lead = codebook["releases", "lead"]
    filled = sum(bool(row["lead"]) for row in read_csv(full_dataset, "releases"))
    assert (int(lead["filled"]), float(lead["share"])) == (
        filled,
        round(filled / int(lead["rows"]), 4),
    )


def test_same_archive_gives_the_same_bytes(
    full_dataset: Path, history_archive: Path, tmp_path: Path
) -> None:
    db = open_readonly(history_archive)
    db.execute("vacuum into ?", [str(tmp_path / "archive.db")])
    db.close()
    dataset = write_dataset(
        tmp_path / "archive.db", "", tmp_path / "again", site="https://arkiv.example"
    )
    for name in ("SHA256SUMS", "README.md", "datapackage.json"):
        assert (tmp_path / "again" / name).read_bytes() == (full_dataset / name).read_bytes(), name
    assert dataset.fingerprint[:12] in (full_dataset / "citation.bib").read_text("utf-8")


def test_dataset_does_not_contain_what_is_written_meanwhile(
    full_dataset: Path, history_archive: Path, tmp_path: Path
) -> None:
    path = copy_archive(history_archive, tmp_path)
    with Archive(path) as archive:

        def save_releases(_what: str, done: int, _total: int) -> None:
            release = plain_release(1, "https://{slug}.example")
            archive.save(replace(release, title=f"Ny {done}"), seen_at=SEEN)
            archive.save(replace(release, url=f"https://ny.example/{done}"), seen_at=SEEN)

        write_dataset(path, "", tmp_path / "dataset", progress=save_releases)
        assert (
            archive.db.execute(
                "select count(*) from releases where url like 'https://ny.%'"
            ).fetchone()[0]
            > 5
        )
    assert read_checksums(tmp_path / "dataset") == read_checksums(full_dataset)


def test_dataset_omits_what_is_taken_down(history_archive: Path, tmp_path: Path) -> None:
    path = copy_archive(history_archive, tmp_path)
    with Archive(path) as archive:
        hide_release(archive, EDITED_ID, SEEN, reason="Beslut")
        redact_passage(archive, 1, "Lo Ask", SEEN, reason="Personuppgift")
    dataset = write_dataset(path, "select id from releases", tmp_path / "dataset")
    assert dataset.selection.hidden_releases == 1
    assert str(EDITED_ID) not in {row["id"] for row in read_csv(tmp_path / "dataset", "releases")}
    for file in (tmp_path / "dataset/data").glob("*.parquet"):
        for text in (
            str(parquet.read_table(file).to_pylist()),
            file.with_suffix(".csv").read_text("utf-8"),
        ):
            assert not [word for word in ("båtbyggar", "Lo Ask", "Siv Å") if word in text], (
                file.name
            )
    coverage = {
        (row["agency"], row["year"]): row for row in read_csv(tmp_path / "dataset", "coverage")
    }
    assert coverage["andringsverket", "2024"]["hidden"] == "1"
    assert coverage["fagelverket", "2024"]["redacted"] == "1"


def test_dataset_has_the_texts_of_attachments_unless_taken_down(tmp_path: Path) -> None:
    path, text = (
        create_evidence_archive(tmp_path),
        AttachmentText("pdf", 1, (AttachmentPage(1, "Beslut om fyren"),)),
    )
    names = {50: ("a", "delad"), 51: ("delad", "ny"), 52: ("b",)}
    releases = {
        key: replace(
            release(key, 0),
            attachments=tuple(
                Attachment(url=f"https://fyr.example/{n}.pdf", title=n) for n in each
            ),
        )
        for key, each in names.items()
    }
    with Archive(path) as archive:
        for each in releases.values():
            archive.save(each, seen_at=SEEN)
            add_links(archive, each.url, SEEN)
            for file in each.attachments:
                store_file(archive, file.url, file.title.encode(), SEEN, text)
        ids = {key: archive.find_release_id(each.url) for key, each in releases.items()}
        hide_release(archive, ids[50] or 0, SEEN, reason="Beslut")
        redact_passage(
            archive, ids[52] or 0, "https://fyr.example/b.pdf", SEEN, reason="Personuppgift"
        )
    write_dataset(path, "select id from releases", tmp_path / "dataset")
    versions, stored, pages = (
        read_csv(tmp_path / "dataset", f"attachment_{name}")
        for name in ("versions", "files", "pages")
    )
    shared, new = (f"https://fyr.example/{name}.pdf" for name in ("delad", "ny"))
    assert [(row["release"], row["url"]) for row in versions] == [
        (str(ids[51]), shared),
        (str(ids[51]), shared),
        (str(ids[51]), new),
    ]
    assert [row["problem"] for row in stored] == ["withheld", ""]
    found = [(row["file"], row["page"], row["text"]) for row in pages]
    assert found == [(stored[1]["id"], "1", "Beslut om fyren")]
    for written in (tmp_path / "dataset/data").iterdir():
        assert b"/b.pdf" not in written.read_bytes()


def test_quotes_and_their_speakers(history_archive: Path, tmp_path: Path) -> None:
    path = copy_archive(history_archive, tmp_path)
    with Archive(path) as archive:
        body = "– Kajen är klar, säger hamnchef Åsa Ek.\n– Vi vilar, sa ministern."
        release = replace(
            plain_release(1, "https://{slug}.example"), url="https://fyr.example/q", body=body
        )
        archive.save(release, seen_at=SEEN)
        archive.save(replace(release, body=body.replace("klar", "lång")), seen_at=SEEN)
        other = replace(release, url="https://fyr.example/r", body="– Nej, säger Bo Al.")
        archive.save(release, seen_at=SEEN)
        archive.save(other, seen_at=SEEN)
        ((release_id,),) = archive.db.execute(
            "select id from releases where url = ?", [release.url]
        )
    write_dataset(path, f"select id from releases where id = {release_id}", tmp_path / "dataset")
    found = [(row["slug"], row["name"]) for row in read_csv(tmp_path / "dataset", "people")]
    assert found == [("asa-ek", "Åsa Ek")]
    quotes = [
        (row["person"], row["role"], row["text"])
        for row in read_csv(tmp_path / "dataset", "quotes")
    ]
    assert ("asa-ek", "hamnchef", "Kajen är klar") in quotes
    assert ("asa-ek", "hamnchef", "Kajen är lång") in quotes
    assert ("", "ministern", "Vi vilar") in quotes
    assert {row["release"] for row in read_csv(tmp_path / "dataset", "quotes")} == {str(release_id)}


def test_coverage_counts_releases_missing_from_sources(
    history_archive: Path, tmp_path: Path
) -> None:
    path = copy_archive(history_archive, tmp_path)
    with Archive(path) as archive:
        archive.db.execute(
            "insert into coverage (agency, month, listed, stored, rejected, missing, unlisted,"
            " complete, checked) values ('fyrstyrelsen', '2024-06', 9, 1, 1, 7, null, 1,"
            " '2024-06-09T00:00:00+00:00'), ('fyrstyrelsen', '2019-01', 4, 0, 0, 4, null, 1,"
            " '2024-06-09T00:00:00+00:00')"
        )
    write_dataset(path, "fyrar", tmp_path / "dataset", formats=("csv",))
    rows = {
        row["year"]: row
        for row in read_csv(tmp_path / "dataset", "coverage")
        if row["agency"] == "fyrstyrelsen"
    }
    columns = ("releases", "source_missing", "share_questions")
    assert [rows["2024"][name] for name in columns] == ["1", "7", "1.0"]
    assert [rows["2019"][name] for name in columns] == ["0", "4", ""]


def test_texts_are_written_unchanged(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("vagmyndigheten", name="Vägmyndigheten", home="https://v.example/")
        archive.save(
            replace(plain_release(1, "https://{slug}.example"), title=FORMULA, lead='a "b",\nc'),
            seen_at=SEEN,
        )
    write_dataset(archive.path, "", tmp_path / "dataset")
    assert (tmp_path / "dataset/data/releases.csv").read_bytes().count(b"\r\n") == 2
    (row,) = read_csv(tmp_path / "dataset", "releases")
    assert (row["title"], row["lead"]) == (FORMULA, 'a "b",\nc')
    assert "releases 1, revisions 1" in (tmp_path / "dataset/README.md").read_text("utf-8")


def test_rows_are_written_in_groups_and_tables_can_be_excluded(
    full_dataset: Path, history_archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MAX_GROUP_ROWS", 7)
    write_dataset(history_archive, "", tmp_path / "dataset", excluded_tables=("revisions",))
    ((groups,),) = duckdb.execute(
        f"select count(distinct row_group_id) from"
        f" parquet_metadata('{tmp_path}/dataset/data/releases.parquet')"
    ).fetchall()
    rows = read_csv(full_dataset, "releases")
    assert groups == -(-len(rows) // 7)
    assert read_csv(tmp_path / "dataset", "releases") == rows
    assert not (tmp_path / "dataset/data/revisions.csv").exists()


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        (
            "update releases set lead = cast(x'ff' as text) where id = 2",
            "Could not decode to UTF-8",
        ),
        ("update releases set published = 'i går'", r"releases: published.*: .*'i går'"),
    ],
)
def test_invalid_values_are_errors(
    history_archive: Path, tmp_path: Path, sql: str, problem: str
) -> None:
    path = copy_archive(history_archive, tmp_path)
    with Archive(path) as archive:
        archive.db.execute(sql)
    with pytest.raises(ArchiveError, match=problem):
        write_dataset(path, "", tmp_path / "dataset", formats=("csv",))
    assert not (tmp_path / "dataset").exists()


# docs/datasets.md


def test_guide_can_be_followed(
    history_archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    folder = copy_archive(history_archive, tmp_path).parent
    monkeypatch.chdir(folder)
    reading, making = GUIDE.split("## Make one")
    for language, block in re.findall(
        r"^```(sh|python)\n(.+?)^```", making + reading, re.MULTILINE | re.DOTALL
    ):
        if "curl" in block:
            continue  # tests/archive/test_api.py
        command = shlex.split(block, comments=True)
        if language == "python":
            sys.stdout.write(run_python("-c", block, folder=folder))
        elif command[:3] == [".venv/bin/python", "-m", "archive"]:
            assert main(command[3:]) == 0, block  # in this process, which is faster
        else:
            subprocess.run(["sh", "-ec", block], check=True)
    output = capfd.readouterr().out
    for line in (
        "fyrar: 1 release\n",
        "roads: 45 releases\n",
        "weighty: ",
        "everything: 63 releases\n",
    ):
        assert line in output
    assert "Vilka fyrar tänds?" in output
    assert output.rstrip().endswith("True")
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {
        "fyrar",
        "roads",
        "weighty",
        "everything",
    }


def test_the_reference_names_the_tables_that_can_be_left_out() -> None:
    commands = (ROOT / "docs/reference/commands.md").read_text("utf-8")
    assert f"any of {', '.join(OPTIONAL_TABLES)}." in commands


def test_guide_names_all_tables() -> None:
    names = set(
        re.findall(
            r"`(?:data/)?([a-z_]+)`", "".join(re.findall(r"^\| `data/.+$", GUIDE, re.MULTILINE))
        )
    )
    assert {table.name for table in DATASET_TABLES} <= names


def test_pairs_of_all_releases_are_not_looked_up_one_by_one(tmp_path: Path) -> None:
    (table,) = (each for each in DATASET_TABLES if each.name == "near_duplicates")
    with Archive(tmp_path / "archive.db") as archive:
        archive.db.execute("create temp table chosen (release integer primary key)")
        plan = archive.db.execute(f"explain query plan select x.other {table.source}").fetchall()
    assert not any("other=?" in step for *_, step in plan), plan
