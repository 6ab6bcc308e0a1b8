"""What a dataset is asked for: a search, a search page's address or a SELECT, in words that can be answered or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from archive.__main__ import main
from archive.database import ArchiveError
from archive.datasets.package import write_dataset
from archive.datasets.selection import SEARCH_URL
from tests.archive.sample import Site
from tests.archive.test_datasets import rows_of


async def test_a_search_finds_what_the_page_finds(history_site: Site, history_archive: Path, tmp_path: Path) -> None:
    asked = "vägarna -snöfallet"
    hits = (await history_site.get(f"/search.json?q={asked}&size=100")).json()["releases"]
    write_dataset(history_archive, asked, tmp_path / "words", formats=("csv",))
    assert {int(row["id"]) for row in rows_of(tmp_path / "words", "releases")} == {hit["release"] for hit in hits}
    write_dataset(history_archive, "/search?q=vägarna&kind=news&year__not=2024", tmp_path / "address", formats=("csv",))
    hits = (await history_site.get("/search.json?q=vägarna&kind=news&year__not=2024&size=100")).json()["releases"]
    assert {int(row["id"]) for row in rows_of(tmp_path / "address", "releases")} == {hit["release"] for hit in hits}
    assert hits


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("?q=två ord", True),
        ("/search.json?page=2&year__not=2024", True),
        ("https://arkiv.example/search?lang=en&agency=a", True),
        ("?varför", False),  # else it would ask for everything
        ("/search?order=best", False),
        ("varför?q=1", False),
    ],
)
def test_what_is_an_address_of_the_search_page(text: str, is_one: bool) -> None:
    assert bool(SEARCH_URL.fullmatch(text)) is is_one


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ("select title from releases", "returns no column release or id; its columns: title"),
        ("select 99999 as id", "releases: 99999: the SELECT's column id has 1 numbers that are not ids of releases"),
        ("select 'a' as release", "'a', which is not the id of a release"),
        ("select id from releases; drop table releases", "one statement at a time"),
        ("with a as (select 1) delete from releases returning id", "it must be a SELECT"),
        ("select id from nowhere", "no such table: nowhere"),
        ("select", "incomplete input"),
        ("/-/edits?agency=fyrstyrelsen", "'/-/edits.agency=fyrstyrelsen' is not a URL of the search page"),
        ("/search?order=best", "is not a URL of the search page with any of q=, agency="),
        ("https://arkiv.example/archive/releases/1", "is not a URL of the search page"),
    ],
)
def test_a_question_that_cannot_be_answered(asked: str, problem: str, history_archive: Path, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=problem):
        write_dataset(history_archive, asked, tmp_path / "dataset")
    assert list(tmp_path.iterdir()) == []


def test_the_command_line(
    history_archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(*words: str) -> tuple[int, str]:
        code = main(["dataset", *words, "--archive", str(history_archive)])
        told = capsys.readouterr()
        return code, told.out + told.err

    to = str(tmp_path / "dataset")
    code, told = take("myndighet:okänd", "--to", to)
    assert (code, "nothing found" in told, "No agency in the archive is called okänd" in told) == (1, True, True)
    assert take("select", "--search", "--to", to)[0] == 1
    assert take("/-/edits?agency=fyrstyrelsen", "--to", to)[0] == 2
    assert take("/-/edits?agency=fyrstyrelsen", "--search", "--to", to)[0] == 1
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    code, told = take("fyrar", "--to", to)
    assert (code, "pip install -c constraints.txt -e '.[datasets]'" in told) == (2, True)
    code, told = take("fyrar", "--to", to, "--only", "csv", "--without", "contacts")
    assert (code, "dataset: 1 release\n" in told) == (0, True)
    assert take("fyrar", "--to", to, "--only", "csv")[0] == 2
    assert main(["dataset", "--to", to, "--archive", str(tmp_path / "none.db")]) == 2
