"""Follows tables and views page by page, in each order: every row must come once, in that order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
SEARCH_WORDS = {"sample": "polisen", "history": "vägarna", "corpus": "skola"}
Condition = tuple[str, str, object]  # column, SQL operator, value
OPERATORS = {"=": "", ">=": "__gte"}


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
    def address(self) -> str:
        query: list[tuple[str, object]] = [
            (f"{name}{OPERATORS[sign]}", value) for name, sign, value in self.conditions
        ]
        query += [("_search", self.words)] if self.words else []
        query += [("_sort_desc" if self.descending else "_sort", self.sort)] if self.sort else []
        query += [("_nocol", name) for name in self.left_out]
        return f"/archive/{self.table}.json?{urlencode([*query, ('_size', self.size)])}"

    def __str__(self) -> str:
        shown = (
            self.address.removeprefix("/archive/")
            .replace(".json?", "?")
            .rpartition("_size=")[0]
            .rstrip("?&")
        )
        return shown.replace("&_nocol=body&_nocol=body_html", "").replace(
            "_nocol=body&_nocol=body_html", ""
        )


@dataclass(slots=True)
class Pages:
    """The rows that were returned, as JSON, and the values of the column that they are sorted
    by.
    """

    columns: Sequence[str] = ()
    rows: list[str] = field(default_factory=list)
    sorted_values: list[Any] = field(default_factory=list)


def follow(served: ServedArchive, address: str) -> Iterator[dict[str, Any]]:
    """Yield page after page, following next_url."""
    url: str | None = address
    while url:
        page = served.get(url).json()
        yield page
        url = page["next_url"]


def read_pages(served: ServedArchive, walk: Walk, most: int) -> Pages:
    """Read a pass to its end, or until it has returned far more rows than there are."""
    pages = Pages()
    for page in follow(served, walk.address):
        pages.columns = page["columns"]
        place = pages.columns.index(walk.sort) if walk.sort else None
        pages.rows += [format_row(row) for row in page["rows"]]
        if place is not None:
            pages.sorted_values += [encode_blob(row[place]) for row in page["rows"]]
        if len(pages.rows) > 2 * most + walk.size:
            break
    return pages


def format_row(row: Sequence[Any]) -> str:
    """Format a row so that it can be compared; a blob is as Datasette writes it."""
    return json.dumps([encode_blob(value) for value in row], ensure_ascii=False)


def encode_blob(value: Any) -> Any:
    if isinstance(value, bytes):
        value = {"$base64": True}
    return {"$base64": True} if isinstance(value, dict) else value


def build_where(served: ServedArchive, walk: Walk) -> tuple[str, list[object]]:
    """Return the conditions of a pass as SQL."""
    where = [f"[{name}] {sign} ?" for name, sign, _ in walk.conditions]
    if walk.words:
        ids = ", ".join(map(str, sorted(served.find_matches(walk.words)))) or "null"
        where.append(f"id in ({ids})")
    return (f"where {' and '.join(where)}" if where else ""), [
        value for *_, value in walk.conditions
    ]


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
    columns = ", ".join(f"[{name}]" for name in pages.columns)
    held = Counter(
        map(format_row, served.select(f"select {columns} from [{walk.table}] {where}", values))
    )
    if held != Counter(pages.rows):
        return f"{sum((held - Counter(pages.rows)).values())} of {count} rows are not as stored"
    if walk.sort:
        order = f"order by [{walk.sort}]{' desc' if walk.descending else ''}"
        expected = served.select(
            f"select [{walk.sort}] from [{walk.table}] {where} {order}", values
        )
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
    names = [table["name"] for table in [*shown["tables"], *shown["views"]]]
    tables = {}
    for name in names:
        if name.startswith(SHADOW_TABLES):
            continue
        tables[name] = [
            row[1] for row in served.select(f"pragma table_xinfo([{name}])") if row[6] != 1
        ]
    return tables


def read_sortable_columns(served: ServedArchive) -> dict[str, list[str]]:
    """Return the columns that tables may be sorted by, if the metadata limits them."""
    tables = served.get("/-/metadata.json").json()["databases"]["archive"]["tables"]
    return {
        name: table["sortable_columns"]
        for name, table in tables.items()
        if "sortable_columns" in table
    }


def find_filter(served: ServedArchive, table: str, columns: Sequence[str]) -> Condition | None:
    """Return the equality condition that most rows, but not all, satisfy."""
    best: tuple[int, Condition] | None = None
    total = served.count(f"select 1 from [{table}]")
    for name in columns:
        known = f"[{name}] is not null and [{name}] <> '' and typeof([{name}]) <> 'blob'"
        rows = served.select(
            f"select [{name}], count(*) from"
            f" [{table}] where {known}"
            f" group by 1 order by 2 desc limit 1"
        )
        if (
            rows
            and rows[0][1] < total
            and len(str(rows[0][0])) < 200
            and (best is None or rows[0][1] > best[0])
        ):
            best = rows[0][1], (name, "=", rows[0][0])
    return best[1] if best else None


def check_every_table(served: ServedArchive) -> None:
    """Check each table and view in each order, with and without a filter."""
    sortable = read_sortable_columns(served)
    for table, columns in list_tables(served).items():
        size = min(
            max(PAGE_SIZE, served.count(f"select 1 from [{table}]") // MAX_PAGES), MAX_PAGE_SIZE
        )
        heavy = tuple(name for name in ("body", "body_html") if name in columns)
        condition = find_filter(served, table, columns)
        walks = []
        for conditions in [(), (condition,)] if condition else [()]:
            walks.append(Walk(table, conditions=conditions, size=size))
            walks += [
                Walk(
                    table,
                    name,
                    descending,
                    conditions,
                    left_out=tuple(set(heavy) - {name}),
                    size=size,
                )
                for place, name in enumerate(sortable.get(table, columns))
                for descending in ((False, True) if not conditions else (place % 2 == 0,))
            ]
        served.check(
            "httpx",
            f"{table}.json by next_url, {len(columns)} columns, both directions",
            f"{len(walks)} whole",
            partial(describe_faults, served, walks),
        )


def check_search_in_table(served: ServedArchive, words: str) -> None:
    """Check `_search=` on releases, in the orders that readers use."""
    orders: tuple[tuple[str | None, bool], ...] = (
        (None, False),
        ("published", True),
        ("published", False),
    )
    orders += (("kind", False), ("first_seen", True))
    heavy = ("body", "body_html")
    walks = [
        Walk("releases", sort, descending, words=words, left_out=heavy, size=PAGE_SIZE)
        for sort, descending in orders
    ]
    expected = f"{len(walks)} whole"
    what = f"releases.json?_search={words} ({len(served.find_matches(words))} rows)"
    served.check("httpx", what, expected, lambda: describe_faults(served, walks))


def check_collection(served: ServedArchive, agency: str) -> None:
    """Check a dozen passes through the large archive."""
    own: Condition = ("agency", "=", agency)
    heavy = ("body", "body_html")
    walks: tuple[tuple[str, Mapping[str, Any]], ...] = (
        ("releases", {"conditions": (own,)}),
        ("releases", {"conditions": (own,), "sort": "published", "descending": True}),
        ("releases", {"sort": "published"}),
        ("releases", {"sort": "first_seen", "descending": True}),
        ("releases", {"sort": "first_seen"}),
        ("releases", {"sort": "kind", "descending": True}),
        ("releases", {"conditions": (("published", ">=", "2020"),), "sort": "language"}),
        ("revisions", {"conditions": (("cause", "=", "import"),)}),
        ("revisions", {"sort": "seen"}),
        ("releases_with_tags", {}),
        ("releases_with_tags", {"sort": "published", "descending": True}),
        ("release_tags", {"sort": "tag"}),
        ("changefeed", {"sort": "at", "descending": True}),
    )
    for table, options in walks:
        columns = [row[1] for row in served.select(f"pragma table_xinfo([{table}])")]
        left_out = tuple(name for name in heavy if name in columns)
        walk = Walk(table, **options, left_out=left_out, size=COLLECTION_PAGE_SIZE)
        what = f"{walk} by next_url".replace(" by", ".json by" if "?" not in str(walk) else " by")
        served.check(
            "httpx",
            what,
            "whole",
            partial(describe_walk, served, walk),
        )


def check_link_header(served: ServedArchive) -> None:
    """Check that requests can follow the header Link instead of next_url."""
    count = served.count("select 1 from releases")

    def read() -> str:
        ids: list[int] = []
        url: str | None = (
            f"{served.url}/archive/releases.json?_shape=array&"
            f"_nocol=body&_nocol=body_html&_size=100"
        )
        with requests.Session() as session:
            session.trust_env = False
            while url:
                response = session.get(url, timeout=60)
                response.raise_for_status()
                ids += [row["id"] for row in response.json()]
                url = response.links.get("next", {}).get("url")
        return f"{len(ids)} rows, {len(set(ids))} distinct"

    served.check(
        "requests",
        "releases.json?_shape=array by Link",
        f"{count} rows, {count} distinct",
        read,
    )


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
    for suffix in (
        ".json?",
        ".json?_shape=array&",
        ".json?_shape=array&_nl=on&",
        ".csv?",
        ".csv?_stream=on&",
    ):

        def read(suffix: str = suffix) -> str:
            response = served.get(f"/archive{suffix}{sql}")
            if ".csv" in suffix or "_nl" in suffix:
                rows = sum(map(bool, response.text.splitlines())) - (".csv" in suffix)
                told = False
            else:
                data = response.json()
                rows = len(data if isinstance(data, list) else data["rows"])
                told = isinstance(data, dict) and bool(data["truncated"])
            told = told or any("truncat" in name.lower() for name in response.headers)
            return (
                "all or told" if rows >= count or told else f"{rows} of {count} rows, and not told"
            )

        served.check(
            "httpx",
            f"archive{suffix.rstrip('&?')} sql= of {count} rows",
            "all or told",
            read,
        )


def check_unknown(served: ServedArchive) -> None:
    """Check that a mistyped name is rejected instead of ignored."""
    for path in (
        "/archive/releases.json?agencyy=polisen",
        "/archive/releases.csv?agencyy=polisen",
        "/archive.csv?sql=select+nothing+from+releases",
        "/archive.json?sql=select+nothing+from+releases",
        "/archive/releases.json?_labels=on&_size=1&_col=nothing",
        "/archive/releases.atom",
        "/archive/releases.parquet",
    ):
        served.check(
            "httpx",
            path.removeprefix("/"),
            "refused",
            partial(describe_refusal, served, path),
        )


def check_labels(served: ServedArchive) -> None:
    """Check that parameters that work alone also work together."""
    for query in (
        "_labels=on&_size=1&_col=agency",
        "_labels=on&_size=1",
        "_size=1&_col=agency&_sort=published",
    ):
        what = f"releases.json?{query}"
        served.check(
            "httpx",
            what,
            200,
            partial(read_status, served, f"/archive/{what}"),
        )


def read_status(served: ServedArchive, path: str) -> int:
    return served.client.get(path).status_code


def describe_refusal(served: ServedArchive, path: str) -> str:
    response = served.client.get(path)
    kind = response.headers["content-type"].partition(";")[0]
    if response.status_code in (400, 404) and "<" not in response.text:
        return "refused"
    return f"{response.status_code} {kind}, {len(response.text)} characters"
