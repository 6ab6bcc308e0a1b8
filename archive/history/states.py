"""Whole states of releases, read for comparison; and which two states may be compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archive.history import find_end
from archive.search import Run
from archive.state import LISTS, STATE, read_state

NAMES = ", ".join(f"v.{name}" for name in (*STATE, *LISTS))
FACTS = """
    v.id, v.release, v.seen, v.cause, v.previous, v.same_as, v.dated, v.weight, v.summary, v.summary_en, v.changes,
    v.capture, r.agency, r.url, r.title as now, r.language as language_now, a.name, a.name_en
"""


class ComparisonError(ValueError):
    """Two revisions that cannot be compared; `why` is a key of our texts."""

    def __init__(self, why: str, **values: object) -> None:
        self.why = why
        self.values = {name: str(value) for name, value in values.items()}  # an id is no number to be parted
        super().__init__(f"{why}: {values}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A revision: facts about it by name, and the state it holds."""

    id: int
    release: int
    seen: str
    facts: dict[str, Any]
    state: dict[str, Any]


async def read_held(run: Run, ids: Sequence[int]) -> dict[int, Held]:
    """Revisions by id; one that is not there is left out."""
    rows = await run(
        f"select {FACTS}, {NAMES} from revisions v join releases r on r.id = v.release"
        " join agencies a on a.slug = r.agency where v.id in (select value from json_each(:ids))",
        {"ids": json.dumps(ids)},
    )
    held = {}
    for row in map(dict, rows):
        facts = {name: value for name, value in row.items() if name not in STATE and name not in LISTS}
        held[row["id"]] = Held(
            id=row["id"], release=row["release"], seen=row["seen"], facts=facts, state=read_state(row)
        )
    return held


async def read_pair(run: Run, one: int, other: int) -> tuple[Held, Held]:
    """Two states of one release, or of two that became one, the older first; ComparisonError says why not."""
    if one == other:
        raise ComparisonError("diff_same", revision=one)
    held = await read_held(run, [one, other])
    for key in (one, other):
        if key not in held:
            raise ComparisonError("diff_missing", revision=key)
    ends = [await find_end(run, held[key].release) for key in (one, other)]
    if ends[0] != ends[1]:
        raise ComparisonError("diff_other", one=one, other=other)
    before, after = sorted((held[one], held[other]), key=lambda state: (state.seen, state.id))
    return before, after
