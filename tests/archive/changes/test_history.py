from __future__ import annotations

from archive.changes.edits_and_removals import group_edits


def test_group_edits_puts_reverts_into_one_entry() -> None:
    keys = ((9, 1, 5), (8, 2, None), (7, 1, 4), (6, 3, None), (5, 1, None), (4, 2, None))
    grouped = group_edits(
        [{"id": key, "release": release, "reverts_to": state} for key, release, state in keys]
    )
    assert [edit["id"] for edit in grouped] == [9, 8, 6, 5, 4]
    assert [edit["id"] for edit in grouped[0]["grouped"]] == [7]
    assert group_edits([]) == []
