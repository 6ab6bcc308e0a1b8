"""Search everywhere by the same words: Datasette's own `_search=` reads them as the search page does.

Datasette writes `rowid in (select rowid from search where search match escape_fts(:search))`; its escape_fts gives
way to ours, which makes lemmas. `_searchmode=raw` leaves it out: then the index is asked in FTS5's own language.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from datasette import hookimpl

from archive.search.matching import to_plan
from archive.search.names import find_known
from archive.search.parsing import parse_query
from archive.search.query import find_terms
from archive.swedish import warm
from archive.swedish.match import match_word

NOTHING = '""'  # FTS5 takes it and finds nothing; of "" it says syntax error


def to_match(connection: sqlite3.Connection, text: str | None) -> str:
    """A reader's text as an FTS5 expression over the table search; one that finds nothing where it holds no word.

    What no such expression can say (myndighet:, ämne:, from a day) is looked for as words.
    """

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        cursor = connection.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    tree = parse_query(text or "").tree
    known, _ = finish(find_known(run, tree))
    plan = to_plan(tree, known)
    if not plan.conditions:
        return plan.match or NOTHING
    words = (text or "").replace(":", " ")
    terms = [" ".join(term.words) for term in find_terms(parse_query(words).tree)]
    return " AND ".join(f"({match})" for term in terms if (match := match_word(term))) or NOTHING


def finish(coroutine: Any) -> Any:
    """The result of a coroutine that never has to wait."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise RuntimeError("it waited")


@hookimpl(trylast=True)
def prepare_connection(conn: sqlite3.Connection, database: str) -> None:
    """Last of all, for Datasette registers a function of this name itself."""
    if database == "archive":
        conn.create_function("escape_fts", 1, lambda text: to_match(conn, text))


@hookimpl
def startup() -> None:
    """The dictionaries are read before the first search, which would wait a second for them."""
    warm()
