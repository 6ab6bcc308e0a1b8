"""The history of a wording, and the search in edits: exact on real edits, and when pages were
merged.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from datasette.utils import MultiParams

from archive.changes.edits_and_removals import parse_edits_query
from archive.changes.wording_history import CheckPair
from archive.database.sqlite_files import RunQuery, build_connection_runner
from archive.search.column_cache import ColumnCache
from archive.search.edit_search import (
    read_phrase_entries,
    read_phrase_history,
    read_searched_edits,
    search_edits,
)
from archive.store.merged_histories import merge_releases
from archive.store.releases import Archive
from tests.archive.changes.states import EDITS, read_markdown, read_stored_edits
from tests.archive.search.test_former_versions import DAY, START, list_changed_sentences, release

PAIRS = read_stored_edits()


async def find_edits(run: RunQuery, text: str) -> list[int]:
    """Return the releases whose edit removed or added a text."""
    query = dataclasses.replace(
        parse_edits_query(MultiParams({})), search=await search_edits(run, text)
    )
    return [row["release"] for row in (await read_searched_edits(run, query)).rows]


@pytest.mark.slow("all real edits")
@pytest.mark.skipif(not PAIRS, reason=f"no stored edits: {EDITS} is missing (set PAGES)")
async def test_sentences_of_real_edits_have_the_right_history(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        sentences = []
        for number, pair in enumerate(PAIRS, 1):
            states = [read_markdown(pair[side]) for side in ("before", "after")]
            for day, state in zip((0, 2), states, strict=True):
                stored = release(number, state["body"], title=state["title"])
                archive.save(
                    dataclasses.replace(stored, body_html=state["body_html"]),
                    seen_at=START + day * DAY,
                )
                archive.mark_checked(number, START + (day + 1) * DAY)
            sentences += [(number, *change) for change in list_changed_sentences(*states)]
        run, columns = build_connection_runner(archive.db.conn), ColumnCache()
        edit = CheckPair((START + DAY).isoformat(), (START + 2 * DAY).isoformat())
        expected = {"removed": (CheckPair(None, START.isoformat()), edit), "added": (edit, None)}
        missed = []
        for number, kind, sentence in sentences:
            history = await read_phrase_history(run, columns, f'"{sentence}"')
            entries = await read_phrase_entries(run, history, history.times)
            found = [entry.presence for entry in entries if entry.row["id"] == number]
            if [(each.appeared, each.disappeared) for each in found] != [expected[kind]]:
                missed.append((sentence, found))
            if number not in await find_edits(run, f'"{sentence}"'):
                missed.append((sentence, []))
        assert len(sentences) > 100
        assert missed == []


async def test_a_merged_page_is_part_of_the_history(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        for number, body in enumerate(
            ("Bidraget är 120 miljoner kronor.", "Bidraget är 121 miljoner kronor."), 1
        ):
            archive.save(release(number, body), seen_at=START)
            archive.mark_checked(number, START + DAY)
        with archive.transaction():
            merge_releases(archive, 1, 2, START + 2 * DAY, str(archive.get_url(2)), cause="source")
        run = build_connection_runner(archive.db.conn)
        history = await read_phrase_history(run, ColumnCache(), '"120 miljoner kronor"')
        (entry,) = await read_phrase_entries(run, history, history.times)
    assert entry.row["id"] == 2
    assert entry.presence.disappeared == CheckPair(
        (START + DAY).isoformat(), (START + 2 * DAY).isoformat()
    )
