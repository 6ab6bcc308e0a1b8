from __future__ import annotations

import sys
from pathlib import Path

import pytest

from archive.__main__ import main
from archive.database.sqlite_files import ArchiveError
from archive.publish.datasets import SEARCH_URL, write_dataset
from tests.archive.publish.test_datasets import read_csv
from tests.archive.sample import Site
from tests.archive.sample_history import EDITED_ID
from tests.case_tables import load_table


@pytest.mark.parametrize(
    ("selection", "search"),
    [
        ("vägarna -snöfallet", "q=vägarna -snöfallet"),
        ("/search?q=vägarna&kind=news&year__not=2024", "q=vägarna&kind=news&year__not=2024"),
        ("/search?from=2023-03&to=2023&attachments=no", "from=2023-03&to=2023&attachments=no"),
    ],
)
async def test_search_selects_what_the_page_finds(
    history_site: Site, history_archive: Path, tmp_path: Path, selection: str, search: str
) -> None:
    hits = (await history_site.get(f"/search.json?{search}&size=100")).json()["releases"]
    strict = {hit["release"] for hit in hits if hit["match"] == "strict"}
    assert strict
    write_dataset(history_archive, selection, tmp_path / "dataset", formats=("csv",))
    assert {int(row["id"]) for row in read_csv(tmp_path / "dataset", "releases")} == strict


@pytest.mark.parametrize(
    ("selection", "releases"),
    [
        ("/search?q=fyrtio båtar&versions=all", {EDITED_ID}),
        ("borttaget:fyrtio", {EDITED_ID}),
    ],
)
def test_search_in_versions_selects_releases(
    history_archive: Path, tmp_path: Path, selection: str, releases: set[int]
) -> None:
    write_dataset(history_archive, selection, tmp_path / "dataset", formats=("csv",))
    assert {int(row["id"]) for row in read_csv(tmp_path / "dataset", "releases")} == releases


@pytest.mark.parametrize(
    ("text", "is_search_url"),
    [
        ("?q=två ord", True),
        ("/search.json?page=2&year__not=2024", True),
        ("/search?from=2015", True),
        ("https://arkiv.example/search?lang=en&agency=a", True),
        ("?varför", False),  # without parameters it would select everything
        ("/search?order=best", False),
        ("varför?q=1", False),
    ],
)
def test_search_url(text: str, is_search_url: bool) -> None:
    assert bool(SEARCH_URL.fullmatch(text)) is is_search_url


@pytest.mark.parametrize(("selection", "problem"), load_table(__file__, "invalid_selections.tsv"))
def test_invalid_selection(
    selection: str, problem: str, history_archive: Path, tmp_path: Path
) -> None:
    with pytest.raises(ArchiveError, match=problem):
        write_dataset(history_archive, selection, tmp_path / "dataset")
    assert list(tmp_path.iterdir()) == []


def test_dataset_command(
    history_archive: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = str(tmp_path / "dataset")

    def run(*words: str, archive: Path = history_archive) -> tuple[int, str]:
        code = main(["dataset", *words, "--to", folder, "--archive", str(archive)])
        output = capsys.readouterr()
        return code, output.out + output.err

    code, output = run("myndighet:okänd")
    assert (
        code,
        "nothing found" in output,
        "No agency in the archive is called okänd" in output,
    ) == (1, True, True)
    assert run("select", "--search")[0] == 1
    assert run("/-/edits?agency=fyrstyrelsen")[0] == 2
    assert run("/-/edits?agency=fyrstyrelsen", "--search")[0] == 1
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    code, output = run("fyrar")
    assert (code, "pip install -c constraints.txt -e '.[datasets]'" in output) == (2, True)
    code, output = run("fyrar", "--only", "csv", "--without", "contacts")
    assert (code, "dataset: 1 release\n" in output) == (0, True)
    assert run("fyrar", "--only", "csv")[0] == 2  # the folder exists
    assert run(archive=tmp_path / "none.db")[0] == 2
