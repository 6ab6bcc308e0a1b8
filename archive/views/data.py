"""The archive as data.

- /data (.json): lists the canned queries, the downloads and the tables.
- /data/<question>: a form for the parameters of a canned query, and the first rows of its result,
    which link to the pages about them.
- /data/files/<path>: a file of the published dataset (archive.publish.published_dataset), or a part
    of the file (RFC 9110, section 14).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from datasette import NotFound, Response

from archive.database.schema import read_metadata
from archive.health.health_report import format_size
from archive.i18n import (
    format_number,
    format_stated_time,
    format_time,
    swedish_sort_key,
    translate_code,
)
from archive.publish.catalogue import (
    FILES_PATH,
    PublishedFile,
    build_schema_dataset,
    list_schema_files,
)
from archive.publish.published_dataset import (
    WITHHOLDING_SQL,
    Publication,
    find_publication,
    find_published_folder,
)
from archive.search.search_request import SearchRequest, build_hit_url
from archive.times import to_iso
from archive.views.agencies import find_last_crawl, read_agency_overview
from archive.web import (
    ANY_PARAMETER,
    RESPONSE_MEDIA_TYPES,
    Operation,
    SiteRequest,
    build_file_response,
    check_parameters,
    site_view,
)
from archive.web.datasette_versions import read_canned_queries, read_instance_metadata

# the first and the last month of publication
MONTHS_SQL = """
    select min(month) as first, max(month) as last from month_counts
    where agency = '' and month <> '' and dated > 0
"""

# canned queries, the most asked first; others follow in alphabetical order
QUESTIONS = (
    *(
        "unannounced_edits",
        "changed_facts",
        "removed_releases",
        "word_by_year",
        "edits_by_agency",
        "answers_by_person",
    ),
    *(
        "releases_by_month",
        "same_text",
        "taken_back",
        "history_of_address",
        "contacts_named",
        "tag_by_month",
    ),
    *(
        "attachments_of_type",
        "publishing_hours",
        "hours_to_first_edit",
        "undated_releases",
        "crawl_record",
    ),
)
# tables and views that people need, the most used first; the others serve the archive itself
TABLES = (
    *(
        "releases_with_tags",
        "edits",
        "questions_with_releases",
        "releases",
        "revisions",
        "questions",
        "quotes",
    ),
    *(
        "people",
        "contacts",
        "tags",
        "release_tags",
        "attachments",
        "attachment_pages",
        "images",
        "removals",
    ),
    *("document_references", "near_duplicates", "takedowns", "agencies", "coverage"),
    "missing_releases",
)
# without these, a query finds everything or nothing
NEEDED_PARAMETERS = {"person", "named", "url", "tag", "words"}
SQL_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")
MAX_QUESTION_ROWS = 100
MAX_FIELD_LENGTH = 500
LINKED_COLUMNS = {  # column with a link → the first of these columns is shown as the link
    "link": ("title", "question", "agency"),
    "other_link": ("other_agency",),
}
# the archive's own times
TIME_COLUMNS = {"seen", "first_seen", "confirmed", "back", "wording_first_seen"}
STATED_TIME_COLUMNS = {"published", "updated", "other_published", "date", "month", "day"}
FACT_KINDS = (
    "amount",
    "number",
    "date",
    "time",
    "name",
    "quotation",
    "negation",
    "opposite",
    "modality",
    "contact",
)
DOCUMENTS = (  # of the published dataset, in the order of the page
    *("README.md", "data/codebook.csv", "datapackage.json", "croissant.json", "dcat.jsonld"),
    *("CITATION.cff", "citation.bib", "SHA256SUMS"),
)
BYTE_RANGE = re.compile(r"bytes=(\d{1,15})?-(\d{1,15})?")


class Cell(NamedTuple):
    """A value in a canned query's result, as text, with the address to which it is linked."""

    text: str
    path: str | None = None  # of a page of the site
    url: str | None = None  # on the agency's site


def _list_questions() -> dict[str, Mapping[str, str]]:
    """Return the canned queries by name, in the order in which the page lists them."""
    queries = read_canned_queries()
    return {
        name: queries[name] for name in dict.fromkeys((*QUESTIONS, *queries)) if name in queries
    }


@site_view(
    "/data",
    operation=Operation(
        formats=("json",),
        summary="List the files of the published dataset, the canned queries and the tables",
        body={
            "releases": "int Releases in the archive",
            "edits": "int Edits that agencies have made to them",
            "crawled": "time? When the last crawl ended",
            "published": "time? When the dataset was begun; null if there is none",
            "withheld_since": "time? Since when a takedown withholds the dataset",
            "citation": "str? How to cite the dataset",
            "files": [
                {
                    "path": "str Path in the dataset = data/releases.parquet",
                    "url": "url",
                    "bytes": "int",
                    "media_type": "str",
                    "sha256": "str Hash of the file, which is also its ETag",
                }
            ],
            "questions": [
                {"name": "str", "title": "str", "url": "url The answer, with further parameters"}
            ],
            "tables": [{"name": "str", "description": "str", "url": "url"}],
        },
    ),
)
async def _show_data(site: SiteRequest) -> Response:
    agencies = await read_agency_overview(site.run)
    publication = _read_site_publication(site)
    withheld = await _read_withheld_since(site, publication) if publication else None
    context = {
        "releases": sum(agency["releases"] for agency in agencies),
        "agencies_with_releases": sum(1 for agency in agencies if agency["releases"]),
        "edits": (await site.run("select count(*) as n from revisions where is_edit", {}))[0]["n"],
        "last_crawled": find_last_crawl(agencies),
        "questions": _list_questions(),
        "publication": publication,
        "published_at": to_iso(publication.started) if publication else None,
        "withheld": withheld,
        "files_path": FILES_PATH,
        "documents": DOCUMENTS,
        **_list_tables(),
        "format_size": partial(format_size, site.language),
    }
    if site.format_name:
        text = json.dumps(_format_data(site, context), ensure_ascii=False)
        return site.answer(text, RESPONSE_MEDIA_TYPES["json"])
    context["description"] = await _describe_dataset(site, publication, withheld)
    return await site.render("data.html", context)


async def _describe_dataset(
    site: SiteRequest, publication: Publication | None, withheld: str | None
) -> dict[str, Any]:
    """Return a description of the data for search engines (schema.org).

    Files are listed only if they can be downloaded.
    """
    (months,) = await site.run(MONTHS_SQL, {})
    metadata = await read_instance_metadata(site.datasette)
    address = site.url("/").rstrip("/")
    described = build_schema_dataset(
        address, site.language, tuple(months), metadata.get("about_url")
    )
    if publication and not withheld:
        files = publication.files.values()
        described |= list_schema_files(publication.package, files, publication.started, address)
    return described


def _list_tables() -> dict[str, Any]:
    """Return template variables: the tables that are not hidden, and the names of the main tables
    and of the other tables.
    """
    described = read_metadata()["databases"]["archive"]["tables"]
    tables = {name: table for name, table in described.items() if not table.get("hidden")}
    main = [name for name in TABLES if name in tables]
    return {
        "tables": tables,
        "main_tables": main,
        "other_tables": [name for name in tables if name not in main],
    }


def _format_data(site: SiteRequest, context: Mapping[str, Any]) -> dict[str, Any]:
    publication: Publication | None = context["publication"]
    tables = context["tables"]
    files = publication.files.values() if publication and not context["withheld"] else ()
    return {
        "releases": context["releases"],
        "edits": context["edits"],
        "crawled": context["last_crawled"],
        "published": context["published_at"],
        "withheld_since": context["withheld"],
        "citation": publication.package["citation"]
        if publication and not context["withheld"]
        else None,
        "files": [
            {
                "path": file.path,
                "url": site.url(FILES_PATH + file.path),
                "bytes": file.size,
                "media_type": file.media_type,
                "sha256": file.sha256,
            }
            for file in files
        ],
        "questions": [
            {"name": name, "title": query["title"], "url": site.url(f"/archive/{name}.json")}
            for name, query in context["questions"].items()
        ],
        "tables": [
            {
                "name": name,
                "description": tables[name]["description"],
                "url": site.url(f"/archive/{name}.json"),
            }
            for name in (*context["main_tables"], *context["other_tables"])
        ],
    }


# The published dataset


def _read_site_publication(site: SiteRequest) -> Publication | None:
    """Return the published dataset of the served archive, or None if no dataset is published."""
    db = site.datasette.get_database("archive")
    return find_publication(find_published_folder(Path(db.path), is_snapshot=not db.is_mutable))


async def _read_withheld_since(site: SiteRequest, publication: Publication) -> str | None:
    """Return the time at which a takedown began to withhold a publication.

    Returns None if the publication is not withheld.
    """
    rows = await site.run(WITHHOLDING_SQL, publication.withholding_values)
    return rows[0]["at"]  # type: ignore[no-any-return] # a row


@site_view(FILES_PATH + "(?P<path>.+)")
async def _show_file(site: SiteRequest) -> Any:
    """Send a file of the published dataset.

    The status is 503 while a takedown withholds the dataset.
    """
    while True:
        publication = _read_site_publication(site)
        file = publication.files.get(site.url_vars["path"]) if publication else None
        if publication is None or file is None:
            raise NotFound("there is no such file in the published dataset")
        if await _read_withheld_since(site, publication):
            # of a withheld dataset
            headers = {"retry-after": "3600", "cache-control": "no-store"}
            return await site.respond_with_error(503, "error.dataset_withheld", {}, None, headers)
        try:
            return send_file(site, publication, file)
        except FileNotFoundError:
            if publication.folder.is_dir():
                raise
            # a newer publication has just replaced this one


def send_file(site: SiteRequest, publication: Publication, file: PublishedFile) -> Any:
    """Return a response with a file, or with the requested part of it."""
    etag = f'"{file.sha256}"'
    headers = {
        **site.build_headers(etag),
        "accept-ranges": "bytes",
        "last-modified": formatdate(publication.started.timestamp(), usegmt=True),
        "content-type": file.media_type
        if "text" not in file.media_type
        else f"{file.media_type}; charset=utf-8",
    }
    if site.datasette.cors:
        headers["Access-Control-Expose-Headers"] = (
            "Accept-Ranges, Content-Length, Content-Range, ETag"
        )
    if site.has_current(etag):
        return Response("", status=304, headers=headers, content_type=headers["content-type"])
    start, end = 0, file.size
    requested = site.request.headers.get("range")
    if requested and site.request.headers.get("if-range", etag) in (etag, headers["last-modified"]):
        part = _parse_range(requested, file.size)
        if part == (0, 0):
            headers["content-range"] = f"bytes */{file.size}"
            return Response("", status=416, headers=headers, content_type=headers["content-type"])
        if part:
            start, end = part
            headers["content-range"] = f"bytes {start}-{end - 1}/{file.size}"
    status = 206 if "content-range" in headers else 200
    return build_file_response(
        (publication.folder / file.path).open("rb"), headers, start, end, status
    )


def _parse_range(text: str, size: int) -> tuple[int, int] | None:
    """Return the start and end (in bytes) of the part of a file that a Range header requests.

    Returns None if the whole file is to be sent, and (0, 0) if the file does not contain the
    requested part. Several ranges at once and units other than bytes are ignored, as RFC 9110
    allows.

    >>> [_parse_range(text, 10) for text in ("bytes=2-4", "bytes=7-", "bytes=-3", "bytes=8-99")]
    [(2, 5), (7, 10), (7, 10), (8, 10)]
    >>> [_parse_range(text, 10)
    ...     for text in ("bytes=10-", "bytes=-0", "bytes=5-4", "bytes=1-2,4-5", "lines=1-")]
    [(0, 0), (0, 0), None, None, None]
    """
    match = BYTE_RANGE.fullmatch(text.strip())
    if match is None or match.groups() == (None, None):
        return None
    if match[1] is None:
        start, end = max(0, size - int(match[2])), size
        return (start, end) if int(match[2]) and size else (0, 0)
    start, end = int(match[1]), size if match[2] is None else min(int(match[2]) + 1, size)
    if match[2] is not None and int(match[2]) < start:
        return None
    return (start, end) if start < size else (0, 0)


# Questions


@site_view("/data/(?P<name>[a-z_]+)", parameters=[ANY_PARAMETER])
async def _show_question(site: SiteRequest) -> Response:
    """Run a canned query if all required parameters are given, and show the first rows."""
    query = _list_questions().get(site.url_vars["name"])
    if query is None:
        raise NotFound(f"no question {site.url_vars['name']}")
    parameters = list(dict.fromkeys(SQL_PARAMETER.findall(query["sql"])))
    check_parameters(site, parameters)
    values = {name: (site.args.get(name) or "").strip()[:MAX_FIELD_LENGTH] for name in parameters}
    missing = [name for name in parameters if name in NEEDED_PARAMETERS and not values[name]]
    agencies = await read_agency_overview(site.run)
    names = {agency["slug"]: site.choose(agency["name"], agency["name_en"]) for agency in agencies}
    rows: list[Mapping[str, Any]] = []
    if not missing:
        limited = f"select * from ({query['sql']}\n) limit {MAX_QUESTION_ROWS + 1}"
        rows = [dict(row) for row in await site.run(limited, values)]
    columns = [name for name in (rows[0] if rows else ()) if name not in LINKED_COLUMNS]
    context = {
        "name": site.url_vars["name"],
        "query": query,
        "values": values,
        "missing": missing,
        "needed": NEEDED_PARAMETERS,
        "kinds": FACT_KINDS,
        "agencies": sorted(names.items(), key=lambda each: swedish_sort_key(each[1])),
        "columns": columns,
        "rows": _build_cells(site, columns, rows[:MAX_QUESTION_ROWS], names),
        "has_more": len(rows) > MAX_QUESTION_ROWS,
        "max_rows": MAX_QUESTION_ROWS,
        "max_length": MAX_FIELD_LENGTH,
    }
    return await site.render("question.html", context)


def _build_cells(
    site: SiteRequest,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    agencies: Mapping[str, str],
) -> list[list[Cell]]:
    links: dict[str, str] = {}  # column → the column with the id of the page that it links to
    for link, shown_columns in LINKED_COLUMNS.items():
        if rows and link in rows[0]:
            shown = next((name for name in shown_columns if name in columns), "")
            links[shown] = link
    return [
        [_build_cell(site, name, row, links.get(name), agencies) for name in columns]
        for row in rows
    ]


def _build_cell(
    site: SiteRequest,
    name: str,
    row: Mapping[str, Any],
    link: str | None,
    agencies: Mapping[str, str],
) -> Cell:
    """Build the cell that shows column `name` of a row.

    link: the column that contains the path for the cell's link, or None if the cell does not link
        to a page.
    """
    value = row[name]
    text = _format_value(site, name, value, agencies)
    path = None
    if link and text:
        hit_url = build_hit_url(row[link], SearchRequest(), None, site.requested_language)
        path = str(site.datasette.urls.path(hit_url))
    return Cell(text, path=path, url=value if name == "url" else None)


def _format_value(site: SiteRequest, name: str, value: Any, agencies: Mapping[str, str]) -> str:
    """Format a value as text: as a time, a code, a number or a name, depending on its column."""
    language = site.language
    if name in TIME_COLUMNS:
        return format_time(language, value)
    if name in STATED_TIME_COLUMNS:
        return format_stated_time(language, value)
    if name == "kind":
        return translate_code(language, "fact_kind", value)
    if isinstance(value, int) and name not in {"id", "revision"}:
        return format_number(language, value)
    if isinstance(value, float):
        return str(value).replace(".", site.translate("format.decimal_point"))
    return "" if value is None else agencies.get(value, str(value))
