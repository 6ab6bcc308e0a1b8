from __future__ import annotations

from typing import Any

from archive.history.lists import Edit, group_edits


def test_group_edits_puts_reverts_into_one_entry() -> None:
    fields: dict[str, Any] = dict.fromkeys(Edit.__dataclass_fields__) | {"grouped": ()}
    edits = [
        Edit(**{**fields, "id": key, "release": release, "reverts_to": reverts_to, "importance": key})
        for key, release, reverts_to in ((9, 1, 5), (8, 2, None), (7, 1, 4), (6, 3, None), (5, 1, None), (4, 2, None))
    ]
    grouped = group_edits(edits)
    assert [edit.id for edit in grouped] == [9, 8, 6, 5, 4]
    assert [edit.id for edit in grouped[0].grouped] == [7]
    assert grouped[0].max_grouped_importance == 7
    assert group_edits([]) == []
