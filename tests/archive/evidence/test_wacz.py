"""WACZ files: every record is found through the index, and every file has the hash that is stated
for it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import pytest
from warcio.archiveiterator import ArchiveIterator

from archive.evidence import wacz
from archive.evidence.wacz import export_wacz
from archive.store.releases import Archive
from archive.store.takedowns import hide_release
from tests.archive.sample_evidence import FIRST_CRAWL, create_evidence_archive, execute, url


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return create_evidence_archive(tmp_path)


def export(archive: Path) -> dict[str, bytes]:
    """Export an archive, and return the members of the file."""
    target = archive.with_name("out.wacz")
    export_wacz(archive, target, "Prov", "2026-03-09T00:00:00Z")
    with ZipFile(target) as file:
        assert {member.compress_type for member in file.infolist()} == {ZIP_STORED}
        return {name: file.read(name) for name in file.namelist()}


def read_index(files: dict[str, bytes]) -> list[tuple[str, dict[str, Any]]]:
    """Return the key and fields of each line of the index, read block by block as a replayer
    does.
    """
    first, *blocks = files["indexes/index.idx"].decode().splitlines()
    assert json.loads(first.split(" ", 2)[2]) == {
        "format": "cdxj-gzip-1.0",
        "filename": "index.cdx.gz",
    }
    lines = []
    for block in blocks:
        key, timestamp, place = block.split(" ", 2)
        fields = json.loads(place)
        data = files["indexes/index.cdx.gz"][fields["offset"] :][: fields["length"]]
        assert fields["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
        lines += gzip.decompress(data).decode().splitlines()
        assert lines[-len(gzip.decompress(data).splitlines())].startswith(f"{key} {timestamp} ")
    assert lines == sorted(lines)
    return [(line.split(" ", 2)[0], json.loads(line.split(" ", 2)[2])) for line in lines]


def test_each_record_is_found_through_the_index(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wacz, "INDEX_BLOCK_LINES", 4)
    files = export(archive)
    found = []
    for key, fields in read_index(files):
        start, length = int(fields["offset"]), int(fields["length"])
        record = next(
            ArchiveIterator(
                io.BytesIO(files[f"archive/{fields['filename']}"][start : start + length])
            )
        )
        assert record.rec_headers["WARC-Target-URI"] == fields["url"]
        assert record.rec_headers["WARC-Payload-Digest"] == fields["digest"]
        assert (record.http_headers.get_statuscode(), fields["mime"]) == (
            fields["status"],
            "text/html",
        )
        assert key == f"example,fyr)/nyheter/{fields['url'].rpartition('/')[2]}"
        found.append((fields["url"], fields["digest"].partition(":")[2]))
    assert sorted(found) == sorted(execute(archive, "select url, sha256 from captures"))
    assert len(files["indexes/index.idx"].splitlines()) == 1 + 3


def test_files_are_described_and_two_exports_are_equal(archive: Path) -> None:
    files = export(archive)
    package = json.loads(files["datapackage.json"])
    assert (package["wacz_version"], package["title"]) == ("1.1.1", "Prov")
    described = {each["path"]: (each["bytes"], each["hash"]) for each in package["resources"]}
    digest = json.loads(files["datapackage-digest.json"])
    assert digest == {
        "path": "datapackage.json",
        "hash": f"sha256:{hashlib.sha256(files['datapackage.json']).hexdigest()}",
    }
    assert described == {
        name: (len(content), f"sha256:{hashlib.sha256(content).hexdigest()}")
        for name, content in files.items()
        if not name.startswith("datapackage")
    }
    assert export(archive) == files


def test_pages_are_what_versions_were_read_from(archive: Path) -> None:
    ((damaged,),) = execute(archive, "select sha256 from captures where id = 9")
    execute(
        archive.with_name("captures.db"), "update blobs set data = x'00' where sha256 = ?", damaged
    )
    with Archive(archive) as opened:
        hide_release(opened, 1, FIRST_CRAWL + timedelta(days=5), reason="Prov.")
    files = export(archive)
    head, *pages = map(json.loads, files["pages/pages.jsonl"].decode().splitlines())
    assert head["format"] == "json-pages-1.0"
    rows = execute(
        archive,
        "select c.url, v.title from revisions v join captures c on c.id = v.capture"
        " where c.id <> 9 and v.release <> 1 order by c.id",
    )
    assert [(page["url"], page["title"]) for page in pages] == rows
    indexed = {fields["url"] for _, fields in read_index(files)}
    assert url(1) not in indexed
    assert {page["url"] for page in pages} <= indexed


def test_an_archive_without_captures_has_no_records(archive: Path) -> None:
    execute(archive, "update revisions set capture = null")
    execute(archive, "delete from captures")
    files = export(archive)
    assert read_index(files) == []
    assert files["archive/data.warc.gz"] == b""
