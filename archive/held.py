"""A state that the archive holds of a release, as it is read back: with what is taken down of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from archive.state import LISTS, STATE, read_state, state_hash
from archive.takedowns.rules import Rules

FACTS = ("release", "revision", "cause", "hash", "reader", "capture", "sha256", "newest")
COLUMNS = (*FACTS, "withheld", *STATE, *LISTS)
SELECT = (
    "select r.id, v.id, v.cause, v.hash, v.reader, v.capture, c.sha256, n.sha256, v.withheld,"
    f" {', '.join(f'v.{name}' for name in (*STATE, *LISTS))}"
    " from releases r join revisions v on v.release = r.id left join captures c on c.id = v.capture"
    " left join captures n on n.id = r.capture"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A state of a release the archive holds."""

    release: int
    revision: int
    cause: str
    hash: str
    reader: str | None  # the rules it was read with
    capture: int | None
    sha256: str | None  # of the bytes it was read from
    newest: str | None  # of the newest bytes kept of the page, which show the design it stands in
    state: dict[str, Any]


def find_held(db: Database, rules: Rules, condition: str, value: object) -> Held | None:
    """The one state for which a condition holds, on `r`, the release, and `v`, its revision."""
    values = db.execute(f"{SELECT} where {condition}", [value]).fetchone()
    if values is None:
        return None
    row = dict(zip(COLUMNS, values, strict=True))
    if row["withheld"] is not None:
        row |= rules.withheld.state(row["revision"])
    return Held(**{name: row[name] for name in FACTS}, state=read_state(row))


def is_reordered(state: Mapping[str, Any], held: Held) -> bool:
    """Whether a state is the held one with its tags in another order, which tells nothing."""
    tags, known = state["tags"], held.state["tags"]
    if known is None or tags == known or sorted(tags) != sorted(known):
        return False
    return state_hash({**state, "tags": known}) == held.hash
