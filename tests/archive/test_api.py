"""The examples and URLs of docs/api.md, tried on a served archive."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from archive.__main__ import main
from archive.operations.serving import build_datasette_command
from tests.archive.mirror import read_shown
from tests.archive.sample import ROOT
from tests.archive.sample_history import copy_archive
from tests.harness.world.processes import find_port, serve

API = (ROOT / "docs/api.md").read_text("utf-8")
DOCUMENTED_HOST = "http://127.0.0.1:8001"


def find_examples(language: str, word: str = "") -> list[str]:
    """Return the code blocks in a language that contain a word."""
    blocks = re.findall(rf"^```{language}\n(.+?)^```", API, re.MULTILINE | re.DOTALL)
    return [block for block in blocks if word in block]


@pytest.fixture(scope="module")
def client(history_archive: Path) -> Iterator[httpx.Client]:
    """A client of the archive, served as `python -m archive serve` does."""
    port = find_port()
    with serve(build_datasette_command(history_archive, port), port) as served:
        yield served.client


def run(client: httpx.Client, command: list[str], folder: Path | None = None) -> str:
    """Run a command with the documented host replaced by that of the client; return what it
    prints.
    """
    command = [
        argument.replace(DOCUMENTED_HOST, str(client.base_url).rstrip("/")) for argument in command
    ]
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env=env, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("example", find_examples("sh"))
def test_curl_example(example: str, client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "article.txt").write_text(
        "Kommunen skriver att ”stödet blir 30 miljoner kronor”.", "utf-8"
    )
    command = shlex.split(example.replace("\\\n", " "), comments=True)
    output = run(client, [*command, "--silent", "--show-error", "--fail", "--location"], tmp_path)
    assert output.splitlines()[1:] if ".csv" in example else json.loads(output)


def test_years_of_a_search_are_complete(client: httpx.Client) -> None:
    result = client.get("/search.json?q=fyrarna&size=1").json()
    assert not result["include"]
    assert not result["exclude"]
    assert sum(year["count"] for year in result["facets"]["year"]) == result["total"] > 0


@pytest.mark.parametrize(
    ("language", "word", "command", "output"),
    [
        ("python", "questions", [sys.executable, "-c"], "2024-06-01 Ada Ek Vilka fyrar tänds?"),
        ("r", "", ["Rscript", "-e"], "andringsverket"),
    ],
)
def test_script_example(
    client: httpx.Client, language: str, word: str, command: list[str], output: str
) -> None:
    (example,) = find_examples(language, word)
    for opening, closing_bracket in ("()", "[]", "{}"):
        assert example.count(opening) == example.count(closing_bracket)
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    assert output in run(client, [*command, example])


@pytest.mark.parametrize("example", find_examples("sql"))
def test_sql_example(client: httpx.Client, example: str) -> None:
    response = client.get(
        "/archive.json", params={"sql": example, "_shape": "array"}, follow_redirects=True
    )
    assert response.status_code == 200, response.text
    assert response.json()


def test_mirror_example_is_complete_and_can_be_repeated(
    client: httpx.Client, history_archive: Path, tmp_path: Path
) -> None:
    (example,) = find_examples("python", "mirror")
    for _ in range(2):
        output = run(client, [sys.executable, "-c", example], tmp_path)
        with closing(sqlite3.connect(tmp_path / "mirror.db")) as db:
            releases = {
                key: json.loads(state)
                for key, state in db.execute("select id, state from releases")
            }
        assert releases == read_shown(history_archive)
        assert output == f"{len(releases)} releases\n"


@pytest.mark.slow("starts processes")
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_published_dataset_is_downloaded_as_documented(
    history_archive: Path, tmp_path: Path
) -> None:
    path = copy_archive(history_archive, tmp_path)
    main(["publish", str(path)])
    guide, port = (ROOT / "docs/datasets.md").read_text("utf-8"), find_port()
    with serve(build_datasette_command(path, port), port) as served:
        for example in re.findall(r"^```sh\n(.*?curl.+?)^```", guide, re.MULTILINE | re.DOTALL):
            run(served.client, ["sh", "-ec", example], tmp_path)
    (published,) = (path.parent / "published").glob("2*")
    names = {file.relative_to(published) for file in published.rglob("*") if file.is_file()}
    downloaded = tmp_path / "myndighetsarkivet"
    assert {
        file.relative_to(downloaded) for file in downloaded.rglob("*") if file.is_file()
    } == names
    assert (tmp_path / "myndighetsarkivet.sqlite").read_bytes() == (
        published / "myndighetsarkivet.sqlite"
    ).read_bytes()


def test_import_format_example_imports_another_archive(
    client: httpx.Client, history_archive: Path, tmp_path: Path
) -> None:
    text = (ROOT / "docs/import-format.md").read_text("utf-8")
    example = text.split("```python\n")[1].split("```")[0]
    run(client, [sys.executable, "-c", example.replace("json?", "json?_size=1&")], tmp_path)
    path, agencies = tmp_path / "archive.db", tmp_path / "agencies.toml"
    agencies.write_text(
        '[fyrstyrelsen]\nname = "Fyrstyrelsen"\nhome = "https://fyrstyrelsen.example/"\n', "utf-8"
    )
    options = ["--agency", "fyrstyrelsen", "--archive", str(path), "--agencies", str(agencies)]
    assert main(["import", str(tmp_path / "fyrstyrelsen.jsonl"), *options]) == 0
    sql = "select title from releases where agency = 'fyrstyrelsen' order by 1"
    with (
        closing(sqlite3.connect(path)) as imported,
        closing(sqlite3.connect(history_archive)) as original,
    ):
        titles = imported.execute(sql).fetchall()
        assert titles == original.execute(sql).fetchall()
    assert len(titles) > 1


@pytest.mark.parametrize(
    "path",
    [
        "/archive/releases.json",
        "/-/edits.json",
        "/new.json",
        "/-/cite/1.csl.json",
        "/archive/edits.csv",
    ],
)
def test_data_can_be_read_from_other_origins(client: httpx.Client, path: str) -> None:
    assert client.get(path).headers["access-control-allow-origin"] == "*"


def test_documented_urls_exist(client: httpx.Client) -> None:
    paths = set(re.findall(r"^\| `(/[^`<?]+)`", API, re.MULTILINE))
    assert len(paths) >= 7
    for path in paths - {"/archive.json"}:
        assert client.get(path).status_code == 200, path


def find_register_paths(archive: Path) -> list[str]:
    """Return the documented paths of registers and histories, with ids of the archive."""
    (table,) = re.findall(r"^## Registers and histories\n(.+?)^## ", API, re.MULTILINE | re.DOTALL)
    with closing(sqlite3.connect(archive)) as db:
        release, revision, previous = db.execute(
            "select release, id, previous from revisions where"
            " previous is not null and cause = 'source' limit 1"
        ).fetchone()
    paths = re.findall(r"^\| `(/[^`]+)`", table, re.MULTILINE)
    # nobody is quoted here, and nothing is referred to
    absent = ("/people", "/person", "/-/reference")
    paths = [path for path in paths if not path.startswith(absent)]
    paths = [
        path.replace("<revision>", str(previous), path.count("<revision>") - 1) for path in paths
    ]
    return [
        path.replace("<revision>", str(revision)).replace("<release>", str(release))
        for path in paths
    ]


def test_registers_have_etags(client: httpx.Client, history_archive: Path) -> None:
    paths = find_register_paths(history_archive)
    assert len(paths) >= 9
    for path in paths:
        etag = client.get(path).headers["etag"]
        assert client.get(path, headers={"if-none-match": etag}).status_code == 304, path


def test_registers_have_pages_and_histories_do_not(
    client: httpx.Client, history_archive: Path
) -> None:
    assert "Excel files, histories and comparisons are always complete." in API
    # no crawl has finished that /new.json could list
    for path in find_register_paths(history_archive)[1:4]:
        is_history = "history" in path
        data = client.get(path if is_history else f"{path}?size=1").json()
        rows = next(rows for rows in data.values() if isinstance(rows, list))
        assert len(rows) > 1 if is_history else len(rows) == 1, path
        assert (data["next"] is None) == is_history, path


@pytest.mark.parametrize("name", sorted(set(re.findall(r"/archive/(\w+_\w+)\.json\?", API))))
def test_documented_query_exists(name: str) -> None:
    views = ("releases_with_tags", "questions_with_releases")
    assert name in views or (ROOT / f"archive/queries/{name}.sql").exists()
