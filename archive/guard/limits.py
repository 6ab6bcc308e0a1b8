"""How much a visitor's statement may cost. Times are seconds, sizes bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What holds for one worker, one statement, one answer and one request."""

    workers: int = 2  # statements at once: one for each core of a small machine
    waiting: int = 20  # requests in line for a worker; the next is refused at once
    patience: float = 10.0  # in line
    streams: int = 4  # CSV streams at once; they go on for minutes, and take their turn page by page
    budget: float = 3.0  # of SQL in one request, however many facets it asks for; a stream's is each page's
    grace: float = 0.5  # beyond Datasette's sql_time_limit_ms, for SQLite to stop by itself before the worker is killed
    memory: int = 200_000_000  # of a worker's address space, with Python's own 40 MB
    file: int = 200_000_000  # of a temporary file, as for a sort
    value: int = 20_000_000  # one text or blob: no page of an agency is larger (scraper/settings.py)
    statement: int = 100_000  # the SQL itself
    columns: int = 200
    answer: int = 4_000_000  # all values of an answer together, as they are written in JSON (å takes six bytes)
    rows: int = 16_000_000  # the same for CSV, which is written row by row, in UTF-8
    parsed: int = 500_000  # as answer, where `_json=` has values read as JSON: while they are, nobody else is answered
    cells: int = 60_000  # the same, as their number
    page: int = 4_000_000  # as answer, for an HTML page: while it is written, nobody else is answered
    page_cells: int = 6_000  # as cells, for an HTML page: Datasette takes some 20 µs for each
    letters: int = 10_000  # of one parameter of a question, such as sql= or _search=
    parameters: int = 200  # of a question; Datasette's work grows with their square
    flight: int = 64_000_000  # large answers that wait for their readers, together; the server needs twice that
    stall: float = 10.0  # for a reader to take 64 kB
    longest: float = 300.0  # for the whole answer
    start: float = 5.0  # of a worker, until it can be asked: its first statement does not pay for that
    escapes: int = 20  # calls of escape_fts in a statement; they are answered by the server's own process
    words: int = 10_000  # letters given to one of them
    uses: int = 500  # statements after which a worker makes way for a fresh one
