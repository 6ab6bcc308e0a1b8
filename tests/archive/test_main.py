"""The command line of the archive: `serve`."""

from __future__ import annotations

import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from archive.__main__ import NO_ARCHIVE_MESSAGE, main, serve
from archive.operations.serving import build_datasette_command, raise_file_limit
from archive.store.releases import Archive
from tests.archive.sample import ROOT
from tests.harness.world.processes import await_port, free_ports

UNLIMITED = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, NO_ARCHIVE_MESSAGE),
        (b"# No database\n" * 99, "cannot be opened as an archive: file is not a database"),
    ],
    ids=["missing", "no database"],
)
def test_serve_names_a_file_that_cannot_be_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, message: str
) -> None:
    path = tmp_path / "archive.db"
    if content:
        path.write_bytes(content)
    assert main(["serve", str(path), "--port", "0"]) == 2
    assert capsys.readouterr().err == f"{path}: {message}\n"
    assert list(tmp_path.iterdir()) == ([path] if content else [])


def test_serve_as_a_process_names_a_file_that_is_no_archive(tmp_path: Path) -> None:
    (tmp_path / "archive.db").write_bytes(b"")
    command = [
        sys.executable,
        "-m",
        "archive",
        "serve",
        str(tmp_path / "archive.db"),
        "--port",
        "0",
    ]
    result = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "archive.db: is empty: nothing has been crawled or imported yet" in result.stderr


@pytest.mark.slow("starts processes")
def test_the_log_of_the_server_has_neither_readers_nor_what_they_search_for(
    tmp_path: Path, sample_archive: Path
) -> None:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "archive", "serve", str(sample_archive), "--port", str(port)]
    log = tmp_path / "log"
    with (
        log.open("wb") as out,
        subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out) as process,
    ):
        try:
            await_port(port, process)
            for path in (
                "/search?q=hemlig",
                "/-/follow?q=hemlig",
                "/archive.json?sql=hemlig",
                "/search.csv?q=hemlig",
            ):
                for client in ("203.0.113.77", "2001:db8::77"):
                    request = Request(
                        f"http://127.0.0.1:{port}{path}", headers={"X-Forwarded-For": client}
                    )
                    with suppress(HTTPError), urlopen(request, timeout=30) as response:  # noqa: S310 - loopback
                        response.read()
        finally:
            process.terminate()
    lines = log.read_text("utf-8")
    assert lines.count('- "GET /search HTTP/1.1" 200') == 2
    assert lines.count('- "GET /archive.json HTTP/1.1" 400') == 2
    for secret in ("hemlig", "203.0.113.77", "db8"):
        assert secret not in lines


def test_status_of_an_archive_that_nothing_crawls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "archive.db"
    with Archive(path) as archive:
        archive.add_agency("fyr", name="Fyrverket", home="https://fyr.example/")
    assert main(["status", str(path)]) == 1
    printed = capsys.readouterr().out
    for text in ("never worked", "last assessed: never", "Crawls seem to have stopped"):
        assert text in printed
    assert main(["status", str(tmp_path / "nix.db")]) == 2


def test_serve_passes_its_options_to_datasette(tmp_path: Path) -> None:
    usual, closed = (
        build_datasette_command(tmp_path, 1),
        build_datasette_command(tmp_path, 1, sql=False, cors=False),
    )
    assert "--cors" in usual
    assert "--cors" not in closed
    assert closed[closed.index("default_allow_sql") + 1] == "off"
    assert usual[usual.index("allow_download") + 1] == "off"
    words = ["x.db", "--no-sql", "--port", "8100", "--", "--setting", "base_url", "/a/"]
    context = serve.make_context("serve", words)
    assert context.params == {"file": Path("x.db"), "no_sql": True, "no_cors": False, "port": 8100}
    assert context.obj == ["--setting", "base_url", "/a/"]


@pytest.mark.parametrize(
    ("soft", "hard", "new_soft"),
    [
        (256, 65_536, 16_384),
        (256, UNLIMITED, 16_384),
        (256, 4_096, 4_096),
        (20_000, 65_536, None),
        (UNLIMITED, UNLIMITED, None),
    ],
)
def test_limit_of_open_files_is_raised_as_far_as_allowed(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, new_soft: int | None
) -> None:
    calls: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: calls.append((kind, limits)))
    raise_file_limit()
    assert calls == ([(resource.RLIMIT_NOFILE, (new_soft, hard))] if new_soft else [])
