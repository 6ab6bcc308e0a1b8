"""The web layer that all pages share: requests, responses, limits, charts.

Views import from here what they need to describe a view, to read the request, and to respond with a
list of data, a feed or a file. Views also use:

    charts               inline SVG
    request_limits       queues, time budgets, request bodies; what counts as one client
    datasette_versions   what differs between Datasette 0.65 and 1.0

archive/plugins/archive_site.py also uses datasette_setup (start-up, template variables) and
security (errors, headers, Datasette pages that are closed to visitors).
"""

from archive.web.atom_feed import (
    AtomEntry,
    build_agency_entry,
    build_tag_uri,
    format_atom_time,
    format_stated_atom_time,
)
from archive.web.documents import DataList
from archive.web.exports import StreamResponse, build_file_response
from archive.web.highlights import MarkedHtml, PageHighlighter, list_answers
from archive.web.link_previews import describe_article
from archive.web.openapi import FIELDS, Operation, build_openapi, get_fields
from archive.web.request_limits import CUT_HEADER
from archive.web.requests import (
    MAX_TEXT_BYTES,
    RESPONSE_MEDIA_TYPES,
    ReaderError,
    SiteRequest,
    add_query,
    build_query_runner,
    get_search_columns,
    hash_file,
    read_fields,
)
from archive.web.routes import ANY_PARAMETER, check_parameters, list_routes, site_view

__all__ = [
    "ANY_PARAMETER",
    "CUT_HEADER",
    "FIELDS",
    "MAX_TEXT_BYTES",
    "RESPONSE_MEDIA_TYPES",
    "AtomEntry",
    "DataList",
    "MarkedHtml",
    "Operation",
    "PageHighlighter",
    "ReaderError",
    "SiteRequest",
    "StreamResponse",
    "add_query",
    "build_agency_entry",
    "build_file_response",
    "build_openapi",
    "build_query_runner",
    "build_tag_uri",
    "check_parameters",
    "describe_article",
    "format_atom_time",
    "format_stated_atom_time",
    "get_fields",
    "get_search_columns",
    "hash_file",
    "list_answers",
    "list_routes",
    "read_fields",
    "site_view",
]
