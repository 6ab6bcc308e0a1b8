"""Checks the files of the search page: as many rows as the page states, and each hit once."""

from __future__ import annotations

import csv
import io
import re
from functools import partial
from typing import Any
from urllib.parse import quote, urljoin

import openpyxl
from lxml import html

from tests.harness.clients.outcome import NotOfferedError
from tests.harness.clients.paging import follow
from tests.harness.clients.served import ServedArchive

NUMBER_OF_HITS = re.compile(r"(?<!\d)(\d{1,3}(?: \d{3})*) meddelanden?, ")  # on the page in Swedish
XLSX_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# the entries of the registers
EDITS = (  # of releases, and of the files that they link to
    "select 1 from edits union all select 1 from attachment_edits e join releases r on r.id = e.release"
    " where r.moved_to is null and r.takedown is not 'hidden'"
)
REMOVALS = (
    "select 1 from removals where confirmed is not null and confirmed is not ended and kind <>"
    " 'moved' and release not in (select id from releases where takedown = 'hidden')"
)


def find_link(served: ServedArchive, path: str, suffix: str) -> str:
    """Return the address of a page's file of this kind; raise NotOfferedError if the page has
    none.
    """
    page = html.fromstring(served.get(path).text)
    for link in map(str, page.xpath("//a/@href")):
        file = link.partition("?")[0]
        if file.endswith(suffix) and file.startswith(path.partition("?")[0]):
            return urljoin(path, link)
    raise NotOfferedError(f"the page links to no {suffix}")


def has_link(served: ServedArchive, path: str, suffix: str) -> bool:
    try:
        find_link(served, path, suffix)
    except NotOfferedError:
        return False
    return True


def read_stated_hits(served: ServedArchive, path: str) -> int:
    """Return the number of hits that the page states."""
    (main,) = html.fromstring(served.get(path).text).cssselect("main")
    found = NUMBER_OF_HITS.search(" ".join(main.text_content().split()))
    if found is None:
        raise NotOfferedError("the page states no number of hits")
    return int("".join(found[1].split()))


def count_hits(served: ServedArchive, words: str) -> int:
    """Return how many releases the database's index finds that lists show."""
    shown = {row[0] for row in served.select("select id from releases where moved_to is null")}
    return len(served.find_matches(words) & shown)


def describe_ids(ids: list[str]) -> str:
    return f"{len(ids)} rows, {len(set(ids))} distinct"


def read_workbook(content: bytes) -> tuple[list[str], list[list[Any]]]:
    """Return header and rows of a workbook's first sheet; raise ValueError where a cell is a
    formula.
    """
    sheet = openpyxl.load_workbook(io.BytesIO(content), read_only=True).worksheets[0]
    rows = []
    for row in sheet.iter_rows():
        if formulas := [cell.value for cell in row if cell.data_type == "f"]:
            raise ValueError(f"a formula: {formulas[0]}")
        rows.append([cell.value for cell in row])
    return [str(name) for name in rows[0]], rows[1:]


def get_workbook(served: ServedArchive, path: str) -> tuple[list[str], list[list[Any]]]:
    response = served.get(path)
    kind = response.headers["content-type"].partition(";")[0]
    if kind != XLSX_MEDIA_TYPE:
        raise NotOfferedError(f"{response.status_code} {kind}")
    return read_workbook(response.content)


def check_search(served: ServedArchive, words: str, *, by_page: bool = True) -> None:
    """Check the page, CSV and XLSX of one search, and its JSON page by page."""
    page = f"/search?q={quote(words)}"
    hits = count_hits(served, words)
    # results after the hits, with fewer of the words
    loose = served.get(f"/search.json?q={quote(words)}").json()["loose"]
    expected = describe_ids([str(number) for number in range(hits + loose)])
    what = f"search?q={words}: hits stated"
    served.check("lxml", what, hits, lambda: read_stated_hits(served, page))

    def read_json() -> str:
        pages = follow(served, find_link(served, page, ".json"), "next")
        return describe_ids([str(row["release"]) for each in pages for row in each["releases"]])

    if by_page:
        served.check("httpx", f"search.json?q={words} by next", expected, read_json)
    check_files(served, page, "search.{}" + f"?q={words}", "release", expected)


def check_files(served: ServedArchive, page: str, name: str, key: str, expected: str) -> None:
    """Check the CSV and XLSX that a page links to. key: column that distinguishes rows."""

    def read_csv() -> str:
        text = served.get(find_link(served, page, ".csv")).text
        return describe_ids([row[key] for row in csv.DictReader(io.StringIO(text, newline=""))])

    def read_xlsx() -> str:
        _, rows = get_workbook(served, find_link(served, page, ".xlsx"))
        return describe_ids([str(row[0]) for row in rows])  # its header is in Swedish

    for client, suffix, read in (("csv", "csv", read_csv), ("openpyxl", "xlsx", read_xlsx)):
        served.check(client, f"{name.format(suffix)}, as the page links to it", expected, read)


def check_registers(served: ServedArchive) -> None:
    """Check the registers of edits and removals as CSV, JSON and XLSX."""
    for name, rows_name, key, sql in (
        ("edits", "edits", "revision", EDITS),
        ("removed", "removals", "removal", REMOVALS),
    ):
        path = f"/-/{name}"
        number = served.count(sql)
        expected = describe_ids([str(each) for each in range(number)])

        def read_json(path: str = path, rows_name: str = rows_name, key: str = key) -> str:
            pages = follow(served, f"{path}.json?size=7", "next")
            return describe_ids([str(row[key]) for page in pages for row in page[rows_name]])

        served.check("httpx", f"-/{name}.json by next, 7 a page", expected, read_json)
        if number:
            check_files(served, path, f"-/{name}" + ".{}", key, expected)
        else:
            what = f"-/{name}, an empty list, links to files"
            served.check("lxml", what, False, partial(has_link, served, path, ".csv"))


def check_table_workbook(served: ServedArchive) -> None:
    """Check a table as XLSX: each row, each complete text even if it exceeds a cell, and no
    formula.
    """
    stored = {row[0]: row[1:] for row in served.select("select id, title, body from releases")}

    def read() -> str:
        columns, rows = get_workbook(served, "/archive/releases.xlsx?_stream=on")
        is_body = re.compile(r"body(?!_html).*").fullmatch
        bodies = [place for place, name in enumerate(columns) if is_body(name)]
        whole = 0
        for row in rows:
            key = int(row[columns.index("id")])
            body = "".join(str(row[place]) for place in bodies if row[place] is not None)
            whole += (row[columns.index("title")], body) == (stored[key][0], stored[key][1] or "")
        return f"{len(rows)} rows, {whole} with title and body as stored"

    expected = f"{len(stored)} rows, {len(stored)} with title and body as stored"
    served.check("openpyxl", "releases.xlsx?_stream=on", expected, read)
