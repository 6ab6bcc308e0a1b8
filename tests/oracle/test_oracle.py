from __future__ import annotations

import doctest
import json
from pathlib import Path

import pytest

from tests.oracle import pages, renames, world
from tests.oracle.compare import compare, read_record, to_report
from tests.oracle.masks import Masks
from tests.oracle.renames import Renames, RenamesError, name_page, read_renames, to_renames

BEFORE = {
    "tables/after_crawl/archive/held_back.jsonl": (
        '{"id": 1, "kept": "2024-03-15"}\n{"id": 2, "kept": null}\n'
    ),
    "schema/archive.txt": "table held_back\n  id integer\n  kept text\n\ntable tags\n  kept text\n",
    "commands/show.txt": (
        "$ python -m archive export-warc x\nexit code 0\nusage: python -m archive export-warc\n"
    ),
    "items.jsonl": '{"item": {"reader": "A", "told": "{\\"reader\\": 1}"}}\n',
    **{
        name_page(asked): f"{asked}\n200\n\n{body}"
        for asked, body in {
            "GET /-/edits?lang=en": (
                '<a href="/-/edits.json">x</a> <a href="/-/edits-of">y</a> at /-/ledger\n'
            ),
            "GET /archive/held_back?_sort=kept": (
                '<th class="col-kept">kept</th> /kept/ unkept kept.html\n'
            ),
        }.items()
    },
}
AFTER = {
    "tables/after_crawl/archive/quarantine.jsonl": (
        '{"id": 1, "since": "2024-03-15"}\n{"id": 2, "since": null}\n'
    ),
    "schema/archive.txt": (
        "table quarantine\n  id integer\n  since text\n\ntable tags\n  kept text\n"
    ),
    "commands/show.txt": "$ python -m archive warc x\nexit code 0\nusage: python -m archive warc\n",
    "items.jsonl": '{"item": {"page_class": "B", "told": "{\\"page_class\\": 1}"}}\n',
    **{
        name_page(asked): f"{asked}\n200\n\n{body}"
        for asked, body in {
            "GET /-/changes?lang=en": (
                '<a href="/-/changes.json">x</a> <a href="/-/edits-of">y</a> at /-/edits\n'
            ),
            "GET /archive/quarantine?_sort=since": (
                '<th class="col-since">since</th> /kept/ unkept kept.html\n'
            ),
        }.items()
    },
}
RENAMES = to_renames(
    {
        "tables": [["held_back", "quarantine"]],
        "columns": [["held_back.kept", "since"]],
        "urls": [["/-/edits", "/-/changes"], ["/-/ledger", "/-/edits"]],
        "commands": [["python -m archive export-warc", "python -m archive warc"]],
        "keys": [["reader", "page_class", "items.jsonl"]],
        "text": [{"pattern": '"A"', "replacement": '"B"', "files": "items.jsonl"}],
    }
)


def test_a_record_under_its_new_names_is_the_one_after() -> None:
    found = compare(BEFORE, AFTER, RENAMES)
    assert not found.differing, to_report(found, 30)
    assert found.equal == len(AFTER)


def test_without_the_table_all_that_was_renamed_differs() -> None:
    found = compare(BEFORE, AFTER, Renames())
    names = {name for name, _ in found.differing}
    assert names == {*BEFORE, *AFTER}
    assert "only in AFTER" in to_report(found, 30)


def test_names_are_found_for_what_is_asked() -> None:
    assert RENAMES.table("held_back") == "quarantine"
    assert RENAMES.column("held_back", "kept") == "since"
    assert RENAMES.column("tags", "kept") == "kept"
    assert RENAMES.url("/archive/held_back.json?_size=1") == "/archive/quarantine.json?_size=1"
    assert RENAMES.url("<SERVED>/-/ledger.csv") == "<SERVED>/-/edits.csv"
    assert (
        RENAMES.command("python -m archive export-warc {archive}")
        == "python -m archive warc {archive}"
    )


@pytest.mark.parametrize(("pattern", "counted"), [(None, 0), ("hours", 0), ("days", 1)])
def test_what_is_meant_is_listed_and_not_counted(pattern: str | None, counted: int) -> None:
    row = {
        "files": "commands/*",
        "reason": "says it better",
        **({"pattern": pattern} if pattern else {}),
    }
    before, after = {"commands/a.txt": "12 hours\nx\n"}, {"commands/a.txt": "13 hours\nx\n"}
    found = compare(before, after, to_renames({"expected": [row]}))
    assert len(found.differing) == counted
    assert ("meant: commands/a.txt: says it better" in to_report(found, 30)) is not counted


def test_a_row_that_differs_is_shown_key_by_key() -> None:
    one, two = (
        {"items.jsonl": json.dumps({"title": "x", "body": body}, ensure_ascii=False) + "\n"}
        for body in ("one\u2028", "two")
    )
    (_, lines), *_ = compare(one, two, Renames()).differing
    assert [line for line in lines if line[0] in "+-"][2:] == [
        '- "body": "one\u2028",',
        '+ "body": "two",',
    ]


def test_a_record_is_read_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "urls").mkdir()
    (tmp_path / "urls/a.txt").write_bytes("å\r\n".encode())
    assert read_record(tmp_path) == {"urls/a.txt": "å\r\n"}


def test_a_table_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "renames.toml"
    for text in (
        "tabels = []",
        'columns = [["kept", "since"]]',
        "tables = [1]",
        "[[text]]\npattern = '('",
    ):
        file.write_text(text, "utf-8")
        with pytest.raises(RenamesError, match=r"renames\.toml"):
            read_renames(file)
    assert read_renames(Path(__file__).with_name("renames.toml"))


def test_what_is_of_the_machine_is_masked() -> None:
    masks = Masks([("/var/x", "<WORK>")], ["delay"])
    told = masks.apply(
        "commands/a.txt",
        '/var/x/a.db 1.5 MB, 3.1 s\n2024-03-15 {"delay": 0.05, "x": "{\\"delay\\": 1}"}',
    )
    assert told == '<WORK>/a.db <SIZE>, <SECONDS>\n2024-03-15 {"delay": 0, "x": "{\\"delay\\": 0}"}'
    assert masks.apply("items.jsonl", "Pdf, 1.5 MB, 3 s long") == "Pdf, 1.5 MB, 3 s long"
    assert masks.apply("urls/a.txt", '"query_ms": 12.5') == '"query_ms": <MS>'


def test_what_cannot_be_computed_is_masked_in_both() -> None:
    table = to_renames({"mask": [{"pattern": "[0-9a-f]{8}", "files": "commands/*"}]})
    before, after = (
        dict.fromkeys(("commands/a.txt", "items.txt"), f"hash {value * 8}") for value in "ab"
    )
    assert [name for name, _ in compare(before, after, table).differing] == ["items.txt"]


def test_examples() -> None:
    assert not any(doctest.testmod(module).failed for module in (pages, renames, world))
