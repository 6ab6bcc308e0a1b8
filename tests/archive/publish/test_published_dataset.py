"""The published dataset: complete, checked, described for machines, replaced as a whole, withheld
after a takedown.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from archive.__main__ import main
from archive.database.sqlite_files import ArchiveError
from archive.publish import published_dataset as publication
from archive.publish.catalogue import CROISSANT_FILE, DCAT_FILE, build_dcat_period
from archive.publish.published_dataset import (
    SQLITE_FILE,
    WACZ_FILE,
    WITHHOLDING_SQL,
    Publication,
    find_publication,
    publish,
)
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, lift_takedown
from tests.archive.sample_evidence import create_evidence_archive, execute
from tests.archive.sample_history import copy_archive

MOMENT = datetime(2026, 6, 1, 3, tzinfo=UTC)
LATER = datetime(2026, 6, 2, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def published(history_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Publication:
    folder = tmp_path_factory.mktemp("publication") / "published"
    found, _ = publish(history_archive, folder, moment=MOMENT, site="https://arkiv.example")
    assert found is not None
    return found


def read_json(published: Publication, name: str) -> Any:
    return json.loads((published.folder / name).read_text("utf-8"))


def test_all_files_are_listed_with_their_hashes(published: Publication) -> None:
    assert find_publication(published.folder.parent) == published
    paths = [path for path in published.folder.rglob("*") if path.is_file()]
    assert {str(path.relative_to(published.folder)) for path in paths} == set(published.files)
    for name, file in published.files.items():
        content = (published.folder / name).read_bytes()
        assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest()), name
    lines = [file for name, file in sorted(published.files.items()) if name.startswith("data/")]
    data = "".join(f"{file.sha256}  {file.path}\n" for file in lines)
    assert published.package["fingerprint"] == f"sha256:{hashlib.sha256(data.encode()).hexdigest()}"
    assert SQLITE_FILE in (published.folder / "README.md").read_text("utf-8")


def test_sqlite_has_the_tables_with_their_values_and_keys(published: Publication) -> None:
    with closing(sqlite3.connect(published.folder / SQLITE_FILE)) as db:
        db.row_factory = sqlite3.Row
        assert db.execute("pragma integrity_check").fetchone()[0] == "ok"
        assert db.execute("pragma foreign_key_check").fetchall() == []
        for resource in published.package["resources"]:
            columns = [each["name"] for each in resource["schema"]["fields"]]
            rows = db.execute(f'select * from "{resource["name"]}"').fetchall()
            assert len(rows) == resource["rows"]
            with (published.folder / resource["path"]).open(encoding="utf-8", newline="") as file:
                expected = list(csv.DictReader(file))
            for row, line in zip(rows, expected, strict=True):
                found = ["" if row[name] is None else str(row[name]) for name in columns]
                assert found == list(line.values())
        assert db.execute("select count(*) from releases where published is null").fetchone()[0]
        plan = db.execute(
            "explain query plan select * from questions where release = 2"
        ).fetchone()["detail"]
        assert "SEARCH" in plan


def test_descriptions_name_every_file_and_column(published: Publication) -> None:
    described = set(published.files) - {CROISSANT_FILE, DCAT_FILE, "SHA256SUMS"}
    croissant = read_json(published, CROISSANT_FILE)
    files = {file["@id"]: file for file in croissant["distribution"]}
    assert set(files) == described
    assert (
        files["data/releases.parquet"]
        | {
            "contentUrl": "https://arkiv.example/data/files/data/releases.parquet",
            "contentSize": f"{published.files['data/releases.parquet'].size} B",
            "sha256": published.files["data/releases.parquet"].sha256,
        }
        == files["data/releases.parquet"]
    )
    columns = {column["@id"] for table in croissant["recordSet"] for column in table["field"]}
    assert columns == {
        f"{each['name']}/{column['name']}"
        for each in published.package["resources"]
        for column in each["schema"]["fields"]
    }
    for table in croissant["recordSet"]:
        assert {key["@id"] for key in table.get("key", ())} <= columns
        for column in table["field"]:
            assert column["source"]["fileObject"]["@id"] in files
            found = column.get("references", {"field": {"@id": column["@id"]}})["field"]["@id"]
            assert found in columns
    graph = {node["@type"]: node for node in read_json(published, DCAT_FILE)["@graph"]}
    assert {title["@language"] for title in graph["dcat:Dataset"]["dct:title"]} == {"sv", "en"}
    distributed = [each["@id"] for each in graph["dcat:Dataset"]["dcat:distribution"]]
    assert distributed == [f"https://arkiv.example/data/files/{path}" for path in files]
    assert graph["dcat:Catalog"]["dcat:dataset"]["@id"] == graph["dcat:Dataset"]["@id"]


def test_portals_learn_subject_period_country_contact_and_rights(published: Publication) -> None:
    nodes = read_json(published, DCAT_FILE)["@graph"]
    (dataset,) = (node for node in nodes if node["@type"] == "dcat:Dataset")
    assert {word["@language"] for word in dataset["dcat:keyword"]} == {"sv", "en"}
    assert dataset["dct:spatial"]["@id"].endswith("/country/SWE")
    assert dataset["dcat:contactPoint"]["vcard:hasURL"] == {"@id": "https://arkiv.example/about"}
    with closing(sqlite3.connect(published.folder / SQLITE_FILE)) as db:
        days = db.execute(
            "select min(substr(published, 1, 10)), max(substr(published, 1, 10)) from releases"
        ).fetchone()
    period = dataset["dct:temporal"]
    assert (period["dcat:startDate"]["@value"], period["dcat:endDate"]["@value"]) == days
    for node in nodes:
        # the texts belong to the agencies, and no licence covers them
        assert "dct:license" not in node
    rights = {json.dumps(node["dct:rights"]) for node in nodes if "dct:rights" in node}
    assert rights == {json.dumps(dataset["dct:rights"])}
    assert dataset["dct:rights"]["@id"] == "https://arkiv.example/about#licence"
    formats = {
        node["@id"].rpartition(".")[2]: node["dct:format"]["@id"].rpartition("/")[2]
        for node in nodes
        if "dct:format" in node
    }
    assert formats == {"csv": "CSV", "json": "JSON", "parquet": "PARQUET"}


@pytest.mark.parametrize(
    ("first", "last", "types"),
    [
        ("2024-05", "2024-06-01", ["xsd:gYearMonth", "xsd:date"]),
        ("2024-05-02T08:00:00+02:00", "2024-05-02T08:00:00+02:00", ["xsd:date", "xsd:date"]),
        (None, None, []),
    ],
)
def test_period_is_as_exact_as_the_dates(
    first: str | None, last: str | None, types: list[str]
) -> None:
    period = build_dcat_period({"temporal": (first, last)})
    assert [each["@type"] for each in period.values() if isinstance(each, dict)] == types


def test_addresses_are_relative_if_the_site_is_unknown(
    history_archive: Path, tmp_path: Path
) -> None:
    found, _ = publish(history_archive, tmp_path / "published", moment=MOMENT)
    assert found is not None
    first = read_json(found, CROISSANT_FILE)["distribution"][0]
    assert (found.folder / first["contentUrl"]).is_file()
    assert "localhost" not in (found.folder / DCAT_FILE).read_text("utf-8")


def test_pages_are_published_as_a_web_archive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = create_evidence_archive(tmp_path)
    assert main(["publish", str(archive)]) == 0
    found = find_publication(tmp_path / "published")
    assert found is not None
    assert str(found.folder) in capsys.readouterr().out
    with ZipFile(found.folder / WACZ_FILE) as file:
        assert "archive/data.warc.gz" in file.namelist()
    ((sha256,),) = execute(archive, "select sha256 from captures where id = 9")
    execute(
        archive.with_name("captures.db"), "update blobs set data = x'00' where sha256 = ?", sha256
    )
    assert main(["publish", str(archive)]) == 1
    assert f"{sha256}: is damaged" in capsys.readouterr().out
    archive.with_name("captures.db").unlink()
    assert main(["publish", str(archive)]) == 1
    assert "captures.db: is lost" in capsys.readouterr().out
    found = find_publication(tmp_path / "published")
    assert found is not None
    assert WACZ_FILE not in found.files


def test_a_publication_replaces_the_earlier_one_when_it_is_complete(
    history_archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = publish(history_archive, tmp_path, moment=MOMENT)
    again, _ = publish(history_archive, tmp_path, moment=MOMENT)  # in the same second
    assert first is not None
    assert again is not None
    assert again.folder.name > first.folder.name
    assert not first.folder.exists()
    (tmp_path / "2026-06-01T040000.unfinished" / "dataset").mkdir(parents=True)  # killed

    def fail(*_: object) -> Mapping[str, Any]:
        raise OSError(28, "No space left on device", str(tmp_path))

    with monkeypatch.context() as patch:
        patch.setattr(publication, "build_dcat", fail)
        with pytest.raises(OSError, match="No space left"):
            publish(history_archive, tmp_path, moment=LATER)
    assert find_publication(tmp_path) == again
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [again.folder.name]


def test_too_little_space_is_reported_first(
    history_archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert main(["publish", str(history_archive), str(tmp_path / "here")]) == 2
    printed = capsys.readouterr().err
    assert "but only 1 MB are free" in printed
    assert find_publication(tmp_path / "here") is None


def test_an_empty_archive_publishes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Archive(tmp_path / "archive.db").close()
    assert main(["publish", str(tmp_path / "archive.db")]) == 1
    assert "has no releases" in capsys.readouterr().out
    assert find_publication(tmp_path / "published") is None
    with pytest.raises(ArchiveError, match="no such file"):
        publish(tmp_path / "other.db", tmp_path / "published", moment=MOMENT)


def test_a_takedown_withholds_what_was_published_before_it(
    history_archive: Path, tmp_path: Path
) -> None:
    path = copy_archive(history_archive, tmp_path)
    found, _ = publish(path, tmp_path / "published", moment=MOMENT)
    assert found is not None

    def read_withheld(published: Publication) -> str | None:
        with closing(sqlite3.connect(path)) as db:
            return (
                str(at)
                if (at := db.execute(WITHHOLDING_SQL, published.withholding_values).fetchone()[0])
                else None
            )

    assert read_withheld(found) is None
    with Archive(path) as archive:
        takedown = hide_release(archive, 1, LATER, reason="Prov.")
    assert read_withheld(found) == LATER.isoformat()
    later, _ = publish(path, tmp_path / "published", moment=LATER)
    assert later is not None
    assert read_withheld(later) is None
    with closing(sqlite3.connect(later.folder / SQLITE_FILE)) as db:
        assert db.execute("select count(*) from releases where id = 1").fetchone() == (0,)
    with Archive(path) as archive:
        lift_takedown(archive, takedown, LATER, "Prov.")
    assert read_withheld(found) is read_withheld(later) is None
    # the takedown has an older number than the publication knows, as after a restored backup
    execute(path, "update takedowns set lifted = null, at = '2026-07-01T00:00:00+00:00'")
    assert read_withheld(later) == "2026-07-01T00:00:00+00:00"
