"""What an address asks for that the archive does not have: values of facets, and pages beyond the last."""

from __future__ import annotations

import json
from collections.abc import Mapping

from archive.search.asked import EXCEPT, Query, tell
from archive.search.columns import Columns
from archive.search.query import Note
from archive.search.run import Run
from archive.swedish.facts import NONE

ANYWHERE = {"kind": {NONE}, "year": {NONE}, "questions": {"yes", "no"}}  # values that may stand for no release today
NAMED = {  # facets whose values are rows, of which some may have no release
    "agency": "select slug as value from agencies where slug in (select value from json_each(:asked))",
    "tag": "select name as value from tags where name in (select value from json_each(:asked))",
}


async def find_unknown(run: Run, columns: Columns, query: Query) -> list[Note]:
    """A note for each value that no release of the archive could have; nothing is looked up but what was asked for."""
    notes = []
    for chosen, ending in ((query.include, ""), (query.exclude, EXCEPT)):
        known = await find_values(run, columns, chosen)
        notes += [
            Note("no_value", tell(name + ending, value))
            for name, values in chosen.items()
            for value in values
            if value not in known[name]
        ]
    return notes


async def find_values(run: Run, columns: Columns, chosen: Mapping[str, tuple[str, ...]]) -> dict[str, set[str]]:
    """Of the chosen values of each facet, those that there are."""
    known = {}
    for name, values in chosen.items():
        if name in NAMED:
            known[name] = {row["value"] for row in await run(NAMED[name], {"asked": json.dumps(values)})}
        else:
            known[name] = ANYWHERE[name] | set(columns.codes[name].numbers)
    return known
