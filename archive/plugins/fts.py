"""Search everywhere by the same words: Datasette's own `_search=` reads them as the search page does.

Datasette writes `rowid in (select rowid from search where search match escape_fts(:search))`; its escape_fts gives
way to ours, which makes lemmas. What no expression of FTS5 can say (myndighet:, från:, fråga:, only -this) is a
condition beside that one. `_searchmode=raw` leaves all of it out: then the index is asked in FTS5's own language.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from datasette import hookimpl
from datasette.filters import FilterArguments

from archive.search.matching import to_plan
from archive.search.names import find_known
from archive.search.parsing import parse_query
from archive.search.query import find_terms
from archive.search.run import finish, runner_on
from archive.swedish.facts import EVERY
from archive.swedish.match import match_word
from archive.web import runner

ALL = f'"{EVERY}"'  # every release
NOTHING = '""'  # FTS5 takes it and finds nothing; of "" it says syntax error


def to_match(connection: sqlite3.Connection, text: str | None) -> str:
    """A reader's text as an FTS5 expression over the table search; one that finds nothing where it holds no word.

    What no such expression can say is looked for as words, for here no condition can stand beside it.
    """
    if text and text.startswith(ALL):
        return text

    tree = parse_query(text or "").tree
    known, _ = finish(find_known(runner_on(connection), tree))
    plan = to_plan(tree, known)
    if not plan.conditions:
        return plan.match or NOTHING
    words = (text or "").replace(":", " ")
    terms = [" ".join(term.words) for term in find_terms(parse_query(words).tree)]
    return " AND ".join(f"({match})" for term in terms if (match := match_word(term))) or NOTHING


@hookimpl(trylast=True)
def prepare_connection(conn: sqlite3.Connection, database: str) -> None:
    """Last of all, for Datasette registers a function of this name itself."""
    if database == "archive":
        conn.create_function("escape_fts", 1, lambda text: to_match(conn, text))


@hookimpl(trylast=True)
def filters_from_request(request: Any, database: str, table: str, datasette: Any) -> Any:
    """Last of all, so that what is bound here to :search stands in place of the reader's text."""
    text, raw = request.args.get("_search"), request.args.get("_searchmode") == "raw"
    if (database, table) != ("archive", "releases") or text is None or raw or "_fts_table" in request.args:
        return None

    async def read() -> FilterArguments | None:
        asked = parse_query(text)
        known, _ = await find_known(runner(datasette), asked.tree)
        plan = to_plan(asked.tree, known)
        if asked.blank or (asked.tree and not plan.conditions and not text.startswith(ALL)):
            return None
        conditions = " and ".join(plan.conditions)
        where = [f"id in (select l.release from listed l where {conditions})"] if conditions else []
        return FilterArguments(where, plan.values | {"search": f"{ALL} AND ({plan.match})" if plan.match else ALL})

    return read
