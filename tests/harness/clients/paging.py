"""Follows tables and views page by page, in each order: every row must come once, in that order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

import httpx
import requests

from tests.harness.clients.served import ServedArchive

PAGE_SIZE = 25  # rows; small, so that pages end within ties
MAX_PAGES = 6  # pages of one pass through a table of the sample
MAX_PAGE_SIZE = 1_000  # Datasette's own limit
COLLECTION_PAGE_SIZE = 500
SHOWN_FAULTS = 3
MAX_ERROR = 120  # characters of an error
# tables of the search: their columns are an index, not data
SHADOW_TABLES = ("_sqlite_migrations", "search")
Condition = tuple[str, str, object]  # column, SQL operator, value
OPERATORS = {"=": "", ">=": "__gte"}
HEAVY = ("body", "body_html")


@dataclass(frozen=True, slots=True)
class Walk:
    """A pass through a table or view in one order, perhaps with conditions or search words."""

    table: str
    sort: str | None = None
    descending: bool = False
    conditions: tuple[Condition, ...] = ()
    words: str | None = None
    left_out: tuple[str, ...] = ()  # columns
    size: int = PAGE_SIZE

    @property
    def pairs(self) -> list[tuple[str, object]]:
        """Return what is asked for, without what only makes the answer smaller."""
        pairs: list[tuple[str, object]] = [
            (f"{name}{OPERATORS[sign]}", value) for name, sign, value in self.conditions
        ]
        pairs += [("_search", self.words)] if self.words else []
        return pairs + (
            [("_sort_desc" if self.descending else "_sort", self.sort)] if self.sort else []
        )

    @property
    def address(self) -> str:
        smaller = [*(("_nocol", name) for name in self.left_out), ("_size", self.size)]
        return f"/archive/{self.table}.json?{urlencode([*self.pairs, *smaller])}"

    def __str__(self) -> str:
        return f"{self.table}.json" + (f"?{urlencode(self.pairs)}" if self.pairs else "")


@dataclass(slots=True)
class Pages:
    """The rows that were returned, as JSON, and the values of the column that they are sorted
    by.
    """

    columns: Sequence[str] = ()
    rows: list[str] = field(default_factory=list)
    sorted_values: list[Any] = field(default_factory=list)


def follow(served: ServedArchive, address: str, key: str = "next_url") -> Iterator[dict[str, Any]]:
    """Yield page after page; key: that names the address of the next one."""
    url: str | None = address
    while url:
        page = served.get(url).json()
        yield page
        url = page[key]


def read_pages(served: ServedArchive, walk: Walk, most: int) -> Pages:
    """Read a pass to its end, or until it has returned far more rows than there are."""
    pages = Pages()
    for page in follow(served, walk.address):
        pages.columns = page["columns"]
        pages.rows += map(format_row, page["rows"])
        if walk.sort:
            place = pages.columns.index(walk.sort)
            pages.sorted_values += [encode_blob(row[place]) for row in page["rows"]]
        if len(pages.rows) > 2 * most + walk.size:
            break
    return pages


def format_row(row: Sequence[Any]) -> str:
    """Format a row so that it can be compared; a blob is as Datasette writes it."""
    return json.dumps(list(map(encode_blob, row)), ensure_ascii=False)


def encode_blob(value: Any) -> Any:
    return {"$base64": True} if isinstance(value, bytes | dict) else value


def build_where(served: ServedArchive, walk: Walk) -> tuple[str, list[object]]:
    """Return the conditions of a pass as SQL."""
    where = [f"[{name}] {sign} ?" for name, sign, _ in walk.conditions]
    if walk.words:
        ids = ", ".join(map(str, sorted(served.find_matches(walk.words)))) or "null"
        where.append(f"id in ({ids})")
    values = [value for *_, value in walk.conditions]
    return (f"where {' and '.join(where)}" if where else ""), values


def find_fault(served: ServedArchive, walk: Walk) -> str | None:
    """Return how a pass differs from the contents of the database, or None."""
    where, values = build_where(served, walk)
    count = served.count(f"select 1 from [{walk.table}] {where}", values)
    try:
        pages = read_pages(served, walk, count)
    except httpx.HTTPStatusError as error:
        return f"{error.response.status_code}: {' '.join(error.response.text.split())[:MAX_ERROR]}"
    if (len(pages.rows), len(set(pages.rows))) != (count, count):
        return f"{len(pages.rows)} rows, {len(set(pages.rows))} distinct, of {count}"
    if not count:
        return None
    columns, source = ", ".join(f"[{name}]" for name in pages.columns), f"[{walk.table}] {where}"
    held = Counter(map(format_row, served.select(f"select {columns} from {source}", values)))
    if held != Counter(pages.rows):
        return f"{(held - Counter(pages.rows)).total()} of {count} rows are not as stored"
    if walk.sort:
        order = f"order by [{walk.sort}]{' desc' if walk.descending else ''}"
        expected = served.select(f"select [{walk.sort}] from {source} {order}", values)
        if pages.sorted_values != [encode_blob(value) for (value,) in expected]:
            return f"not in the order of {walk.sort}"
    return None


def describe_walk(served: ServedArchive, walk: Walk) -> str:
    return find_fault(served, walk) or "whole"


def describe_faults(served: ServedArchive, walks: Sequence[Walk]) -> str:
    """Return how many passes were complete, and the first ones that were not."""
    faults = [f"{walk}: {fault}" for walk in walks if (fault := find_fault(served, walk))]
    rest = [f"and {len(faults) - SHOWN_FAULTS} more"] if len(faults) > SHOWN_FAULTS else []
    return "; ".join([f"{len(walks) - len(faults)} whole", *faults[:SHOWN_FAULTS], *rest])


def list_tables(served: ServedArchive) -> dict[str, list[str]]:
    """Return the columns of each table and view that the site shows, without search's own."""
    shown = served.get("/archive.json").json()
    tables = {}
    for name in (table["name"] for table in [*shown["tables"], *shown["views"]]):
        if not name.startswith(SHADOW_TABLES):
            rows = served.select(f"pragma table_xinfo([{name}])")
            tables[name] = [row[1] for row in rows if row[6] != 1]
    return tables


def read_sortable_columns(served: ServedArchive) -> dict[str, list[str]]:
    """Return the columns that tables may be sorted by, if the metadata limits them."""
    tables = served.get("/-/metadata.json").json()["databases"]["archive"]["tables"]
    limited = {name: table.get("sortable_columns") for name, table in tables.items()}
    return {name: columns for name, columns in limited.items() if columns is not None}


def find_filter(served: ServedArchive, table: str, columns: Sequence[str]) -> Condition | None:
    """Return the equality condition that most rows, but not all, satisfy."""
    best: tuple[int, Condition] | None = None
    total = served.count(f"select 1 from [{table}]")
    for name in columns:
        known = f"[{name}] is not null and [{name}] <> '' and typeof([{name}]) <> 'blob'"
        sql = f"select [{name}], count(*) from [{table}] where {known} group by 1 order by 2 desc"
        for value, count in served.select(f"{sql} limit 1"):
            is_usable = count < total and len(str(value)) < 200
            if is_usable and (best is None or count > best[0]):
                best = count, (name, "=", value)
    return best[1] if best else None


def check_every_table(served: ServedArchive) -> None:
    """Check each table and view in each order, with and without a filter."""
    sortable = read_sortable_columns(served)
    for table, columns in list_tables(served).items():
        rows = served.count(f"select 1 from [{table}]")
        size = min(max(PAGE_SIZE, rows // MAX_PAGES), MAX_PAGE_SIZE)
        heavy = {name for name in HEAVY if name in columns}
        condition = find_filter(served, table, columns)
        walks = []
        for conditions in [(), (condition,)] if condition else [()]:
            walks.append(Walk(table, conditions=conditions, size=size))
            for place, name in enumerate(sortable.get(table, columns)):
                given: dict[str, Any] = {
                    "conditions": conditions,
                    "left_out": tuple(heavy - {name}),
                    "size": size,
                }
                directions = (False, True) if not conditions else (place % 2 == 0,)
                walks += [Walk(table, name, descending, **given) for descending in directions]
        what = f"{table}.json by next_url, {len(columns)} columns, both directions"
        expected = f"{len(walks)} whole"
        served.check("httpx", what, expected, partial(describe_faults, served, walks))


def check_search_in_table(served: ServedArchive, words: str) -> None:
    """Check `_search=` on releases, in the orders that readers use."""
    orders: tuple[tuple[str | None, bool], ...] = (
        *((None, False), ("published", True), ("published", False)),
        *(("kind", False), ("first_seen", True)),
    )
    walks = [Walk("releases", *order, words=words, left_out=HEAVY) for order in orders]
    what = f"releases.json?_search={words} ({len(served.find_matches(words))} rows)"
    expected = f"{len(walks)} whole"
    served.check("httpx", what, expected, lambda: describe_faults(served, walks))


def check_collection(served: ServedArchive, agency: str) -> None:
    """Check a dozen passes through the large archive."""
    own = (("agency", "=", agency),)
    recent = (("published", ">=", "2020"),)
    imported = (("cause", "=", "import"),)
    for table, sort, descending, conditions in (
        ("releases", None, False, own),
        ("releases", "published", True, own),
        ("releases", "published", False, ()),
        ("releases", "first_seen", True, ()),
        ("releases", "first_seen", False, ()),
        ("releases", "kind", True, ()),
        ("releases", "language", False, recent),
        ("revisions", None, False, imported),
        ("revisions", "seen", False, ()),
        ("releases_with_tags", None, False, ()),
        ("releases_with_tags", "published", True, ()),
        ("release_tags", "tag", False, ()),
        ("changefeed", "at", True, ()),
    ):
        columns = [row[1] for row in served.select(f"pragma table_xinfo([{table}])")]
        left_out = tuple(name for name in HEAVY if name in columns)
        given: dict[str, Any] = {"left_out": left_out, "size": COLLECTION_PAGE_SIZE}
        walk = Walk(table, sort, descending, conditions, **given)
        served.check("httpx", f"{walk} by next_url", "whole", partial(describe_walk, served, walk))


def check_link_header(served: ServedArchive) -> None:
    """Check that requests can follow the header Link instead of next_url."""
    count = served.count("select 1 from releases")

    def read() -> str:
        ids: list[int] = []
        query = "_shape=array&_nocol=body&_nocol=body_html&_size=100"
        url: str | None = f"{served.url}/archive/releases.json?{query}"
        with requests.Session() as session:
            session.trust_env = False
            while url:
                response = session.get(url, timeout=60)
                response.raise_for_status()
                ids += [row["id"] for row in response.json()]
                url = response.links.get("next", {}).get("url")
        return f"{len(ids)} rows, {len(set(ids))} distinct"

    expected = f"{count} rows, {count} distinct"
    served.check("requests", "releases.json?_shape=array by Link", expected, read)


def check_facets(served: ServedArchive) -> None:
    """Check that a facet of a whole table has the right counts."""
    rows = served.select(
        "select agency, count(*) from releases group by 1 order by 2 desc, 1 limit 30"
    )
    expected = dict(rows)

    def read() -> dict[str, int]:
        page = served.get("/archive/releases.json?_facet=agency&_facet_size=30&_size=0").json()
        results = page["facet_results"]["agency"]["results"]
        results.sort(key=lambda each: (-each["count"], each["value"]))
        return {each["value"]: each["count"] for each in results}

    served.check("httpx", "releases.json?_facet=agency", expected, read)


def check_sql(served: ServedArchive) -> None:
    """Check that a statement with more rows than are returned says so in a way that a program
    notices.
    """
    count = served.count("select 1 from releases")
    sql = urlencode({"sql": "select id, title from releases"})
    shapes = (".json?", ".json?_shape=array&", ".json?_shape=array&_nl=on&")
    for suffix in (*shapes, ".csv?", ".csv?_stream=on&"):

        def read(suffix: str = suffix) -> str:
            response = served.get(f"/archive{suffix}{sql}")
            told = any("truncat" in name.lower() for name in response.headers)
            if ".csv" in suffix or "_nl" in suffix:
                rows = sum(map(bool, response.text.splitlines())) - (".csv" in suffix)
            else:
                data = response.json()
                rows = len(data if isinstance(data, list) else data["rows"])
                told = told or (isinstance(data, dict) and bool(data["truncated"]))
            is_right = rows >= count or told
            return "all or told" if is_right else f"{rows} of {count} rows, and not told"

        what = f"archive{suffix.rstrip('&?')} sql= of {count} rows"
        served.check("httpx", what, "all or told", read)
