"""Checks the files of the search page: as many rows as the page states, and each hit once."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urljoin

import openpyxl
from lxml import html

from tests.harness.clients.outcome import NotOfferedError
from tests.harness.clients.served import ServedArchive

NUMBER_OF_HITS = re.compile(r"(?<!\d)(\d{1,3}(?: \d{3})*) meddelanden?, ")  # on the page in Swedish
XLSX_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# the entries of the registers
EDITS = (  # of releases, and of the files that they link to
    "select 1 from edits union all select 1 from attachment_edits e join releases r on r.id = e.release"
    " where r.moved_to is null and r.takedown is not 'hidden'"
)
REMOVALS = (
    "select 1 from removals where"
    " confirmed is not null and"
    " confirmed is not ended and kind <> 'moved'"
    " and release not in (select id from releases where takedown = 'hidden')"
)


def find_link(served: ServedArchive, path: str, suffix: str) -> str:
    """Return the address of a page's file of this kind; raise NotOfferedError if the page has
    none.
    """
    page = html.fromstring(served.get(path).text)
    for link in map(str, page.xpath("//a/@href")):
        if link.partition("?")[0].endswith(suffix) and link.partition("?")[0].startswith(
            path.partition("?")[0]
        ):
            return urljoin(path, link)
    raise NotOfferedError(f"the page links to no {suffix}")


def read_stated_hits(served: ServedArchive, path: str) -> int:
    """Return the number of hits that the page states."""
    text = " ".join(
        html.fromstring(served.get(path).text).cssselect("main")[0].text_content().split()
    )
    found = NUMBER_OF_HITS.search(text.replace("\xa0", " "))
    if found is None:
        raise NotOfferedError("the page states no number of hits")
    return int("".join(found[1].split()))


def count_hits(served: ServedArchive, words: str) -> int:
    """Return how many releases the database's index finds that lists show."""
    shown = {row[0] for row in served.select("select id from releases where moved_to is null")}
    return len(served.find_matches(words) & shown)


def follow_search(served: ServedArchive, path: str) -> Iterator[dict[str, Any]]:
    """Yield page after page of a list, following `next`."""
    url: str | None = path
    while url:
        page = served.get(url).json()
        yield page
        url = page["next"]


def read_csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def describe_ids(ids: list[str]) -> str:
    return f"{len(ids)} rows, {len(set(ids))} distinct"


def read_workbook(content: bytes) -> tuple[list[str], list[list[Any]]]:
    """Return header and rows of a workbook's first sheet; raise ValueError where a cell is a
    formula.
    """
    sheet = openpyxl.load_workbook(io.BytesIO(content), read_only=True).worksheets[0]
    rows = []
    for row in sheet.iter_rows():
        if any(cell.data_type == "f" for cell in row):
            raise ValueError(
                f"a formula: {next(cell.value for cell in row if cell.data_type == 'f')}"
            )
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
    served.check(
        "lxml",
        f"search?q={words}: hits stated",
        hits,
        lambda: read_stated_hits(served, page),
    )

    def read_json() -> str:
        first = find_link(served, page, ".json")
        return describe_ids(
            [
                str(row["release"])
                for each in follow_search(served, first)
                for row in each["releases"]
            ]
        )

    def read_csv() -> str:
        text = served.get(find_link(served, page, ".csv")).text
        return describe_ids([row["release"] for row in read_csv_rows(text)])

    def read_xlsx() -> str:
        columns, rows = get_workbook(served, find_link(served, page, ".xlsx"))
        place = columns.index("release")
        return describe_ids([str(row[place]) for row in rows])

    if by_page:
        served.check("httpx", f"search.json?q={words} by next", expected, read_json)
    served.check("csv", f"search.csv?q={words}, as the page links to it", expected, read_csv)
    served.check(
        "openpyxl",
        f"search.xlsx?q={words}, as the page links to it",
        expected,
        read_xlsx,
    )


def check_registers(served: ServedArchive) -> None:
    """Check the registers of edits and removals as CSV, JSON and XLSX."""
    for name, rows_name, key, sql in (
        ("edits", "edits", "revision", EDITS),
        ("removed", "removals", "removal", REMOVALS),
    ):
        path, count = f"/-/{name}", served.count(sql)
        expected = describe_ids([str(number) for number in range(count)])

        def read_json(path: str = path, rows_name: str = rows_name, key: str = key) -> str:
            pages = follow_search(served, f"{path}.json?size=7")
            return describe_ids([str(row[key]) for page in pages for row in page[rows_name]])

        def read_csv(path: str = path, key: str = key) -> str:
            text = served.get(find_link(served, path, ".csv")).text
            return describe_ids([row[key] for row in read_csv_rows(text)])

        def read_xlsx(path: str = path, key: str = key) -> str:
            columns, rows = get_workbook(served, find_link(served, path, ".xlsx"))
            return describe_ids([str(row[columns.index(key)]) for row in rows])

        served.check("httpx", f"-/{name}.json by next, 7 a page", expected, read_json)
        served.check("csv", f"-/{name}.csv, as the page links to it", expected, read_csv)
        served.check("openpyxl", f"-/{name}.xlsx, as the page links to it", expected, read_xlsx)


def check_table_workbook(served: ServedArchive) -> None:
    """Check a table as XLSX: each row, each complete text even if it exceeds a cell, and no
    formula.
    """
    stored = {row[0]: row[1:] for row in served.select("select id, title, body from releases")}

    def read() -> str:
        columns, rows = get_workbook(served, "/archive/releases.xlsx?_stream=on")
        bodies = [
            place for place, name in enumerate(columns) if re.fullmatch(r"body(?!_html).*", name)
        ]
        whole = 0
        for row in rows:
            key = int(row[columns.index("id")])
            body = "".join(str(row[place]) for place in bodies if row[place] is not None)
            whole += (row[columns.index("title")], body) == (stored[key][0], stored[key][1] or "")
        return f"{len(rows)} rows, {whole} with title and body as stored"

    expected = f"{len(stored)} rows, {len(stored)} with title and body as stored"
    served.check("openpyxl", "releases.xlsx?_stream=on", expected, read)
