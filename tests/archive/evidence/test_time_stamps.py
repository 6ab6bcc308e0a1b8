from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive.__main__ import main
from archive.database.captures import Captures
from archive.database.sqlite_files import ArchiveError
from archive.evidence.time_stamps import (
    MAX_REQUESTS,
    StampReport,
    check_stamp,
    read_authorities,
    stamp_manifests,
)
from archive.evidence.verification import verify
from archive.store.releases import Archive
from tests.archive.evidence.authority import Authority, serve_authority
from tests.archive.sample_evidence import (
    create_evidence_archive,
    execute,
    read_bundle,
    read_guide,
)

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl")
STAMPS = "select manifest, authority from time_stamps order by id"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return create_evidence_archive(tmp_path)


@pytest.fixture
def authority() -> Iterator[Authority]:
    with serve_authority() as served:
        yield served


def stamp(archive: Path, *authorities: Authority) -> StampReport:
    with Archive(archive) as opened, Captures(archive) as captures:
        urls = [authority.url for authority in authorities]
        return stamp_manifests(opened.db.conn, captures, urls)


def read_days(archive: Path) -> list[str]:
    return [day for (day,) in execute(archive, "select day from manifests order by rowid desc")]


def test_each_manifest_is_stamped_once(archive: Path, authority: Authority) -> None:
    days = read_days(archive)
    assert stamp(archive, authority).stamped == {authority.url: days}
    assert execute(archive, STAMPS) == [(day, authority.url) for day in days]
    assert stamp(archive, authority) == StampReport(stamped={authority.url: []})
    assert authority.requests == len(days)
    assert verify(archive).findings == []


def test_openssl_verifies_the_stamp_in_a_bundle(
    archive: Path, authority: Authority, tmp_path: Path
) -> None:
    stamp(archive, authority)
    files = read_bundle(archive, 1)
    (token, *_) = sorted(name for name in files if name.endswith(".tsr"))
    manifest = f"{token.rpartition('-')[0]}.json"
    for name in (token, manifest):
        path = tmp_path / "bundle" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])
    command = f"openssl ts -verify -data {manifest} -in {token} -CAfile"
    for language, words in (("en", "Check that"), ("sv", "Kontrollera att")):
        assert f"{words} {authority.url}" in read_guide(files, language)
    assert "openssl ts -verify -data chain/" in read_guide(files)
    given = [*command.split(), str(authority.folder / "root.pem")]
    done = subprocess.run(
        given, cwd=tmp_path / "bundle", capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Verification: OK" in done.stdout + done.stderr) == (0, True)
    (tmp_path / "bundle" / manifest).write_bytes(files[manifest] + b" ")
    assert subprocess.run(
        given, cwd=tmp_path / "bundle", capture_output=True, check=False
    ).returncode


def test_dead_authority_loses_no_day(archive: Path, authority: Authority) -> None:
    days = read_days(archive)
    with serve_authority("Klockan") as other:
        authority.is_dead = True
        report = stamp(archive, authority, other)
        assert report.stamped == {authority.url: [], other.url: days}
        assert report.problems[authority.url].startswith(f"manifest {days[0]}: 127.0.0.1: HTTP Err")
        authority.is_dead = False
        report = stamp(archive, authority, other)
        assert (report.stamped, report.problems) == ({authority.url: days, other.url: []}, {})
    assert verify(archive).findings == []


@pytest.mark.parametrize(
    ("answer", "problem"),
    [(b"", "no response of RFC 3161"), (b"<html>", "no response of RFC 3161")],
)
def test_wrong_answers(archive: Path, authority: Authority, answer: bytes, problem: str) -> None:
    authority.answers = [answer]
    report = stamp(archive, authority)
    assert problem in report.problems[authority.url]
    assert execute(archive, STAMPS) == []


def test_answer_to_another_request(archive: Path, authority: Authority, tmp_path: Path) -> None:
    stamp(archive, authority)
    (old, *_) = execute(archive, "select response from time_stamps")
    execute(archive, "delete from time_stamps")
    authority.answers = [base64.b64decode(old[0])]
    assert "nonce mismatch" in stamp(archive, authority).problems[authority.url]


def test_refusal(archive: Path, authority: Authority) -> None:
    authority.answers = [authority.sign(b"no request")]
    assert "refused by the authority" in stamp(archive, authority).problems[authority.url]


def test_authority_is_asked_for_the_newest_manifests(archive: Path, authority: Authority) -> None:
    with Captures(archive) as captures:
        for number in range(MAX_REQUESTS):
            digest = captures.store_body(f"manifest {number}".encode(), "")
            row = (f"2027-01-{number + 1:02}", 1, 1, digest)
            execute(
                archive,
                "insert into manifests (day, captures_to, revisions_to, digest) values (?, ?, ?, ?)",
                *row,
            )
    days = read_days(archive)
    assert stamp(archive, authority).stamped[authority.url] == days[:MAX_REQUESTS]
    assert stamp(archive, authority).stamped[authority.url] == days[MAX_REQUESTS:]


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("update time_stamps set stamped = '2020-01-01T00:00:00+00:00'", "stamped is 2020-01-01"),
        ("update time_stamps set response = 'AAAA'", "no response of RFC 3161"),
        ("update time_stamps set response = 'å'", "it is not proved for the manifest"),
        (
            "update time_stamps set response = (select response from time_stamps where id = 2)"
            " where id = 1",
            "message imprint mismatch",
        ),
    ],
)
def test_changed_stamps_are_found(
    archive: Path, authority: Authority, sql: str, problem: str
) -> None:
    stamp(archive, authority)
    execute(archive, sql)
    findings = [str(finding) for finding in verify(archive).findings]
    assert findings
    assert problem in findings[0]


def test_changed_signature_is_found(archive: Path, authority: Authority) -> None:
    stamp(archive, authority)
    ((response,),) = execute(archive, "select response from time_stamps where id = 1")
    content = bytearray(base64.b64decode(response))
    content[-1] ^= 1  # the signature is the last field
    changed = base64.b64encode(content).decode()
    execute(archive, "update time_stamps set response = ? where id = 1", changed)
    (finding,) = verify(archive).findings
    assert (finding.table, finding.key) == ("time_stamps", "1")


def test_words_beside_the_signed_token_change_no_time(archive: Path, authority: Authority) -> None:
    stamp(archive, authority)
    ((day, stamped, text),) = execute(
        archive, "select manifest, stamped, response from time_stamps where id = 1"
    )
    ((digest,),) = execute(archive, "select digest from manifests where day = ?", day)
    response = base64.b64decode(text)
    words = b"Time stamp: Jan  1 00:00:00 2020 GMT"
    status = b"\x02\x01\x00" + _encode(0x30, _encode(0x0C, words))
    # a response is a sequence of its status and the token; the genuine status is 30 03 02 01 00
    content = response[response.index(b"\x30\x03\x02\x01\x00") + 5 :]
    forged = _encode(0x30, _encode(0x30, status) + content)
    assert check_stamp(forged, digest).isoformat() == stamped


def _encode(tag: int, content: bytes) -> bytes:
    """Encode a value in DER."""
    length = len(content)
    size = length.to_bytes((length.bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (size if length < 128 else bytes([128 + len(size)]) + size) + content


def test_roots_tell_who_signed(
    archive: Path, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    stamp(archive, authority)
    own = authority.folder / "root.pem"
    assert verify(archive, roots=own).findings == []
    assert main(["verify", str(archive), "--roots", str(own)]) == 0
    with serve_authority("Klockan") as other:
        foreign = other.folder / "root.pem"
        assert len(verify(archive, roots=foreign).findings) == len(read_days(archive))
        assert main(["verify", str(archive), "--roots", str(foreign)]) == 1
    assert "it is not proved for the manifest of" in capsys.readouterr().out


def test_command(
    archive: Path,
    authority: Authority,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert main(["stamp", str(archive)]) == 2
    assert "name an authority" in capsys.readouterr().err
    monkeypatch.setenv("STAMP_AUTHORITIES", authority.url)
    authority.is_dead = True
    assert main(["stamp", str(archive)]) == 1
    assert "503" in capsys.readouterr().err
    authority.is_dead = False
    assert main(["stamp", str(archive)]) == 0
    assert capsys.readouterr().out == f"{authority.url}: {', '.join(read_days(archive))}\n"
    assert main(["stamp", str(archive)]) == 0
    assert capsys.readouterr().out == f"{authority.url}: no manifest to stamp\n"


@pytest.mark.parametrize("value", ["ftp://a.example", "https://", "a.example"])
def test_wrong_setting(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("STAMP_AUTHORITIES", f"https://a.example {value}")
    with pytest.raises(ArchiveError, match=f"STAMP_AUTHORITIES.*{value}"):
        read_authorities()
