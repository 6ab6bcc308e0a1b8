"""docs/api.md is held true: its examples run against a served archive."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from archive.__main__ import build_datasette_command, main
from tests.archive.mirror import read_shown
from tests.archive.sample import ROOT, fill
from tests.archive.sample_history import add_history
from tests.archive.witnessed import execute

API = (ROOT / "docs/api.md").read_text("utf-8")
HERE = "http://127.0.0.1:8001"


def examples(language: str) -> list[str]:
    """The blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.+?)^```", API, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def served_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_history(fill(tmp_path_factory.mktemp("api") / "archive.db"))


@pytest.fixture(scope="module")
def address(served_file: Path) -> Iterator[str]:
    """A served archive, as `python -m archive serve` serves it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        build_datasette_command(served_file, port), cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            yield wait_for(f"http://127.0.0.1:{port}", server)
        finally:
            server.terminate()


def wait_for(address: str, server: subprocess.Popen[str]) -> str:
    """The address, once it answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(f"{address}/-/versions.json"):  # noqa: S310 - loopback
                return address
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no answer from {address}: {server.stderr.read() if server.poll() is not None else ''}")  # type: ignore[union-attr] # a pipe


def run(command: list[str], folder: Path | None = None) -> str:
    """What a command prints; its failure is the test's."""
    proxies = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=proxies, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("example", examples("sh"))
def test_curl(example: str, address: str) -> None:
    told = run(
        [
            *shlex.split(example.replace(HERE, address).replace("\\\n", " "), comments=True),
            "--silent",
            "--show-error",
            "--fail",
        ]
    )
    rows = told.splitlines()[1:] if ".csv" in example else json.loads(told)
    assert rows


def test_another_archive_can_be_taken_over_as_the_format_tells(served_file: Path, address: str, tmp_path: Path) -> None:
    text = (ROOT / "docs/import-format.md").read_text("utf-8")
    example = text.split("```python\n")[1].split("```")[0]
    run([sys.executable, "-c", example.replace(HERE, address).replace("json?", "json?_size=1&")], tmp_path)
    to, agencies = tmp_path / "archive.db", tmp_path / "agencies.toml"
    agencies.write_text('[fyrstyrelsen]\nname = "Fyrstyrelsen"\nhome = "https://fyrstyrelsen.example/"\n', "utf-8")
    lines = str(tmp_path / "fyrstyrelsen.jsonl")
    given = ["--agency", "fyrstyrelsen", "--archive", str(to), "--agencies", str(agencies)]
    assert main(["import", lines, *given]) == 0
    titles = "select title from releases where agency = 'fyrstyrelsen' order by 1"
    assert execute(to, titles) == execute(served_file, titles)
    assert len(execute(to, titles)) > 1


def test_the_example_of_years_counts_all_that_is_found(address: str) -> None:
    (example,) = (text for text in examples("sh") if "each year" in text)
    (asked,) = re.findall(f"'{HERE}/search.json([^']+)'", example)
    with urlopen(f"{address}/search.json{asked}") as answer:  # noqa: S310 - loopback
        told = json.load(answer)
    assert not told["include"]
    assert not told["exclude"]
    assert sum(year["count"] for year in told["facets"]["year"]) == told["total"] > 0


def test_python(address: str) -> None:
    (example,) = (text for text in examples("python") if "questions" in text)
    told = run([sys.executable, "-c", example.replace(HERE, address)])
    assert "2024-06-01 Ada Ek Vilka fyrar tänds?" in told


def test_a_mirror(address: str, served_file: Path, tmp_path: Path) -> None:
    (example,) = (text for text in examples("python") if "mirror" in text)
    for turn in ("whole", "nothing new"):
        told = run([sys.executable, "-c", example.replace(HERE, address)], tmp_path)
        db = sqlite3.connect(tmp_path / "mirror.db")
        held = {key: json.loads(state) for key, state in db.execute("select id, state from releases")}
        db.close()
        assert held == read_shown(served_file), turn
        assert told == f"{len(held)} releases\n"


def test_r(address: str) -> None:
    (example,) = examples("r")
    if shutil.which("Rscript") is None:  # its brackets at least close
        for opening, closing in ("()", "[]", "{}"):
            assert example.count(opening) == example.count(closing)
        pytest.skip("R is not installed")
    assert "andringsverket" in run(["Rscript", "-e", example.replace(HERE, address)])


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_javascript(address: str) -> None:
    (example,) = examples("js")
    run(["node", "--input-type=module", "--eval", example.replace(HERE, address)])


def test_python_is_python() -> None:
    for example in examples("python"):
        ast.parse(example)


def test_another_page_may_read_it(address: str) -> None:
    for path in ("/archive/releases.json", "/-/edits.json", "/new.json", "/-/cite/1.csl.json", "/archive/edits.csv"):
        with urlopen(f"{address}{path}") as answer:  # noqa: S310 - loopback
            assert answer.headers["access-control-allow-origin"] == "*", path


def test_addresses_it_names_exist(address: str) -> None:
    named = set(re.findall(r"^\| `(/[^`<?]+)`", API, re.MULTILINE))
    assert len(named) >= 7
    for path in named - {"/archive.json"}:
        with urlopen(f"{address}{path}") as answer:  # noqa: S310 - loopback
            assert answer.status == 200


def find_lists(served_file: Path) -> list[str]:
    """The addresses of lists with a memory, with numbers of the archive in them."""
    (table,) = re.findall(r"^## Registers and histories\n(.+?)^## ", API, re.MULTILINE | re.DOTALL)
    db = sqlite3.connect(served_file)
    release, revision, previous = db.execute(
        "select release, id, previous from revisions where previous is not null and cause = 'source' limit 1"
    ).fetchone()
    db.close()
    named = re.findall(r"^\| `(/[^`]+)`", table, re.MULTILINE)
    numbered = [path.replace("<revision>", str(previous), path.count("<revision>") - 1) for path in named]
    return [path.replace("<revision>", str(revision)).replace("<release>", str(release)) for path in numbered]


def test_every_list_with_a_memory_has_an_etag(address: str, served_file: Path) -> None:
    lists = find_lists(served_file)
    assert len(lists) == 7
    for path in lists:
        with urlopen(f"{address}{path}") as answer:  # noqa: S310 - loopback
            etag = answer.headers["etag"]
        with pytest.raises(HTTPError, match="304"):
            urlopen(Request(f"{address}{path}", headers={"if-none-match": etag}))  # noqa: S310 - loopback


def test_lists_take_a_size_and_a_history_is_told_whole(address: str, served_file: Path) -> None:
    assert "a history and a comparison are always complete" in API
    for path in find_lists(served_file)[1:4]:  # nothing is new in an archive that no crawl has filled
        with urlopen(f"{address}{path}{'' if 'history' in path else '?size=1'}") as answer:  # noqa: S310 - loopback
            told = json.load(answer)
        rows = next(rows for rows in told.values() if isinstance(rows, list))
        assert len(rows) > 1 if "history" in path else len(rows) == 1, path
        assert (told["next"] is None) == ("history" in path), path


def test_parameters_of_queries_exist() -> None:
    for query in re.findall(r"/archive/(\w+_\w+)\.json\?", API):
        assert (Path(ROOT) / f"archive/queries/{query}.sql").exists() or query in (
            "releases_with_tags",
            "questions_with_releases",
        )
