"""export-warc: its files are read back with warcio and pass warcio's own check."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from warcio.archiveiterator import ArchiveIterator

from archive.__main__ import main
from archive.database.captures import Captures
from archive.database.models import Capture
from archive.database.sqlite_files import ArchiveError
from archive.evidence.warc import export_warc
from archive.store.releases import Archive
from tests.archive.sample_evidence import FIRST_CRAWL, body, create_evidence_archive, execute, url

NOT_FOUND_PAGE = b"<h1>Sidan finns inte</h1>"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Eleven responses, then the first page again with the same bytes, and a removed page of
    another agency.
    """
    path = create_evidence_archive(tmp_path)
    with Archive(path) as opened, Captures(path) as captures:
        for address, status, content in (
            (url(1), 200, body(1, 0)),
            ("https://båk.example/é?a=1", 404, NOT_FOUND_PAGE),
        ):
            opened.add_capture(
                Capture(
                    url=address,
                    seen=FIRST_CRAWL + timedelta(days=8),
                    status=status,
                    headers={
                        "date": "Mon, 09 Mar 2026 08:00:00 GMT",
                        "server": "nginx\r\nX-Evil: 1",
                        "via": "Båken",
                    },
                    sha256=captures.store_body(content, "fyr.example"),
                    bytes=len(content),
                )
            )
    return path


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return type, headers, HTTP headers and content of each record; digests are checked on the
    way.
    """
    with path.open("rb") as stream:
        return [
            {
                "type": record.rec_type,
                "warc": dict(record.rec_headers.headers),
                "status": record.http_headers and record.http_headers.statusline,
                "http": dict(record.http_headers.headers) if record.http_headers else {},
                "content": record.content_stream().read(),
            }
            for record in ArchiveIterator(stream, check_digests="raise")
        ]


def test_quarantined_page_is_left_out_until_it_is_stored(archive: Path, tmp_path: Path) -> None:
    with Archive(archive) as opened, opened.transaction():
        (agency,) = opened.db.execute("select agency from releases limit 1").fetchone()
        (last,) = opened.db.execute("select max(id) from captures").fetchone()
        (stored,) = opened.db.execute("select max(capture) from revisions").fetchone()
        for capture in (last, stored):
            row = {
                "agency": agency,
                "url": "https://båk.example/é?a=1",
                "seen": "2026-03-09",
                "state": "{}",
            }
            opened.db.table("quarantine").insert({**row, "capture": capture, "reason": "[]"})
    assert export_warc(archive, tmp_path / "out.warc").responses == 11
    records = read_records(tmp_path / "out.warc")
    assert NOT_FOUND_PAGE not in [record["content"] for record in records]


def test_each_capture_is_a_record(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.warc.gz"
    export = export_warc(archive, out)
    assert (export.responses, export.revisits, export.findings) == (12, 1, [])
    info, *records = read_records(out)
    assert info["type"] == "warcinfo"
    assert b"conformsTo: http://iipc.github.io/warc-specifications/" in info["content"]
    rows = execute(archive, "select url, seen, sha256, status from captures order by id")
    assert [record["warc"]["WARC-Target-URI"] for record in records] == [row[0] for row in rows]
    found = [record["warc"]["WARC-Date"] for record in records]
    assert found == [row[1].replace("+00:00", "Z") for row in rows]
    assert [record["warc"]["WARC-Payload-Digest"] for record in records] == [
        f"sha256:{row[2]}" for row in rows
    ]
    first, last = records[0], records[-1]
    assert (first["type"], first["status"], first["content"]) == ("response", "200 OK", body(1, 0))
    assert first["http"] == {
        "Content-Type": "text/html; charset=utf-8",
        "Etag": '"0"',
        "Content-Length": str(len(body(1, 0))),
    }
    assert (last["status"], last["content"]) == ("404 Not Found", NOT_FOUND_PAGE)
    assert "X-Evil" not in last["http"], "a line break in a header adds no other"
    (revisit,) = [record for record in records if record["type"] == "revisit"]
    assert (
        revisit["warc"]["WARC-Profile"]
        == "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
    )
    assert revisit["warc"]["WARC-Refers-To"] == first["warc"]["WARC-Record-ID"]
    assert revisit["warc"]["WARC-Refers-To-Target-URI"] == url(1)
    assert revisit["warc"]["WARC-Refers-To-Date"] == "2026-03-01T08:01:00Z"
    assert (revisit["content"], revisit["status"]) == (b"", "200 OK")


def test_exports_are_equal_and_pass_the_check_of_warcio(archive: Path, tmp_path: Path) -> None:
    for name in ("one.warc.gz", "two.warc.gz"):
        export_warc(archive, tmp_path / name)
    assert (tmp_path / "one.warc.gz").read_bytes() == (tmp_path / "two.warc.gz").read_bytes()
    ids = {
        record["warc"]["WARC-Record-ID"] for record in read_records(tmp_path / "one.warc.gz")[1:]
    }
    assert len(ids) == 13
    export_warc(archive, tmp_path / "part.warc", "fyr")
    assert ids >= {
        record["warc"]["WARC-Record-ID"] for record in read_records(tmp_path / "part.warc")[1:]
    }
    command = [
        str(Path(sys.executable).with_name("warcio")),
        "check",
        "-v",
        str(tmp_path / "one.warc.gz"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("digest pass") == 13


def test_command_exports_one_agency(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.warc.gz"
    assert main(["export-warc", str(archive), "--to", str(out), "--agency", "fyr"]) == 0
    assert f"{out}: 11 responses, 0 revisits" in capsys.readouterr().out
    execute(
        archive,
        "insert into removals (release, kind, first_seen, last_seen, checks, capture)"
        " values (1, 'gone', 'a', 'a', 1, 13)",
    )
    assert main(["export-warc", str(archive), "--to", str(out), "--agency", "fyr"]) == 0
    assert f"{out}: 12 responses, 0 revisits" in capsys.readouterr().out
    assert (
        main(["export-warc", str(archive), "--to", str(tmp_path / "none.warc"), "--agency", "skog"])
        == 2
    )
    assert capsys.readouterr().err == f"{archive}: captures: there are none of releases of skog\n"
    assert sorted(path.name for path in tmp_path.glob("*warc*")) == ["out.warc.gz"]


def test_unreadable_bytes_are_reported_and_the_rest_is_exported(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ((sha256,),) = execute(archive, "select sha256 from captures where id = 9")
    execute(
        archive.with_name("captures.db"), "update blobs set data = x'00' where sha256 = ?", sha256
    )
    out = tmp_path / "out.warc.gz"
    assert main(["export-warc", str(archive), "--to", str(out)]) == 1
    printed = capsys.readouterr().out
    assert f"blobs: {sha256}: is damaged" in printed
    assert "11 responses, 1 revisits" in printed
    assert len(read_records(out)) == 1 + 12


def test_failed_export_keeps_the_existing_file(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.warc.gz"
    out.write_bytes(b"an earlier export")
    archive.with_name("captures.db").unlink()
    with pytest.raises(ArchiveError, match=r"captures\.db: cannot be opened"):
        export_warc(archive, out)
    assert out.read_bytes() == b"an earlier export"
    assert list(tmp_path.glob("*.part")) == []
