"""The stored pages as a web archive: Memento (RFC 7089), with the same routes as pywb.

- /-/web/<address>: the TimeGate of an address of an agency; it redirects to the memento nearest to
    the time in the header Accept-Datetime or, without this header, to the newest memento.
- /-/web/<timestamp>/<address> and /-/web/<timestamp>id_/<address>: a memento, which is the bytes as
    they were received at that time. If no bytes were received in exactly that second, the path
    redirects to the nearest memento.
- /-/web/timemap/link/<address> and /-/web/timemap/json/<address>: all mementos of an address.

An address is written in the path unchanged, with its query and without encoding. Addresses that
differ only in the scheme (http or https), or in a slash at the end of the path, count as the same
address. Pages that a takedown withholds, or that are in quarantine, are left out.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urljoin

from datasette import Response

from archive.database.captures import Captures
from archive.database.sqlite_files import ArchiveError
from archive.evidence.warc import select_exportable_captures
from archive.urls import canonical_url
from archive.web import ANY_PARAMETER, ReaderError, SiteRequest, site_view

TIMESTAMP_FORMAT = "%Y%m%d%H%M%S"  # of 14 digits, UTC, as in the addresses of other web archives
FIRST_SECOND = "00000101000000"  # completes a timestamp of fewer digits
# a proxy that merges slashes leaves one of them
SCHEME = re.compile(r"(https?):/+(?=[^/])", re.IGNORECASE)
LINK_FORMAT = "application/link-format"
NOT_INDEXED = {"x-robots-tag": "noindex"}
ORIGINAL_PREFIX = "x-archive-orig-"  # of the header fields of the response that was received

COLUMNS = "url, seen, status, headers, sha256"
# what other web archives captured is theirs to show
OWN_CAPTURES_SQL = f"{select_exportable_captures(COLUMNS)} and observer is null"
CAPTURE_SQL = f"{OWN_CAPTURES_SQL} and id = :capture"
MEMENTOS_SQL = f"""
    {OWN_CAPTURES_SQL} and url in (select value from json_each(:spellings))
    order by seen, id
"""
Memento = dict[str, Any]  # a row of MEMENTOS_SQL

logger = logging.getLogger(__name__)


@site_view("/-/web/timemap/link/{address}", parameters=(ANY_PARAMETER,))
async def _show_timemap(site: SiteRequest) -> Response:
    """Show all mementos of an address in link format (RFC 7089, section 5)."""
    address, mementos = await _find_mementos(site)
    shown = _encode(address)
    first, last = _format_http(mementos[0]["seen"]), _format_http(mementos[-1]["seen"])
    lines = [
        f'<{shown}>; rel="original"',
        f'<{site.url("/-/web/timemap/link/")}{shown}>; rel="self";'
        f' type="{LINK_FORMAT}"; from="{first}"; until="{last}"',
        f'<{site.url("/-/web/")}{shown}>; rel="timegate"',
        *(_link_memento(site, mementos, place) for place in range(len(mementos))),
    ]
    return site.answer(",\n".join(lines) + "\n", LINK_FORMAT, NOT_INDEXED)


@site_view("/-/web/timemap/json/{address}", parameters=(ANY_PARAMETER,))
async def _show_json_timemap(site: SiteRequest) -> Response:
    """Show all mementos of an address as JSON, in the format of the Time Travel service."""
    address, mementos = await _find_mementos(site)
    listed = [
        {"datetime": memento["seen"], "uri": _build_url(site, memento)} for memento in mementos
    ]
    shown = _encode(address)
    timemap = {
        "original_uri": shown,
        "timegate_uri": f"{site.url('/-/web/')}{shown}",
        "timemap_uri": {
            "link_format": f"{site.url('/-/web/timemap/link/')}{shown}",
            "json_format": f"{site.url('/-/web/timemap/json/')}{shown}",
        },
        "mementos": {"first": listed[0], "last": listed[-1], "list": listed},
    }
    return site.answer(json.dumps(timemap), "application/json; charset=utf-8", NOT_INDEXED)


@site_view(
    "/-/web/{timestamp}/{address}",
    "/-/web/{timestamp}id_/{address}",
    parameters=(ANY_PARAMETER,),
)
async def _show_memento(site: SiteRequest) -> Response:
    """Send the bytes that were received at a given time.

    If nothing was received at exactly that time, redirect to the nearest memento.
    """
    address, mementos = await _find_mementos(site)
    timestamp = site.url_vars["timestamp"]
    place = _find_nearest(mementos, _parse_timestamp(timestamp))
    memento = mementos[place]
    if timestamp != _format_timestamp(memento["seen"]) or memento["url"] != address:
        is_raw = f"/{timestamp}id_/" in site.request.path
        return Response.redirect(_build_url(site, memento, is_raw=is_raw))
    archive = Path(site.datasette.get_database("archive").path)
    body = await asyncio.to_thread(_read_body, archive, memento["sha256"])
    if body is None:
        raise ReaderError(404, "error.no_bytes", address=address)
    received = {name: _clean(value) for name, value in json.loads(memento["headers"]).items()}
    headers = {
        **{f"x-archive-orig-{name}": value for name, value in received.items()},
        **NOT_INDEXED,
        "memento-datetime": _format_http(memento["seen"]),
        "link": _join_links(site, address, mementos, place),
        "cache-control": "no-cache",
    }
    if "location" in received and 300 <= memento["status"] < 400:
        target = urljoin(address, received["location"])
        headers["location"] = _build_url(site, {**memento, "url": target})
    media_type = received.get("content-type", "application/octet-stream")
    return Response(body, memento["status"], headers, media_type)


@site_view("/-/web/{address}", parameters=(ANY_PARAMETER,))
async def _show_timegate(site: SiteRequest) -> Response:
    """Redirect to the memento nearest to the time in Accept-Datetime (RFC 7089, section 4.1)."""
    address, mementos = await _find_mementos(site)
    wanted, place = site.request.headers.get("accept-datetime"), len(mementos) - 1
    if wanted:
        place = _find_nearest(mementos, _parse_accept_datetime(wanted))
    headers = {
        "vary": "accept-datetime",
        "link": _join_links(site, address, mementos, place),
        **NOT_INDEXED,
    }
    return Response.redirect(_build_url(site, mementos[place]), headers=headers)


def _build_memento_links(site: SiteRequest, url: str) -> str:
    """Return a Link header with the original, the TimeGate and the TimeMap of an address."""
    address = _encode(url)
    return ", ".join(
        (
            f'<{address}>; rel="original"',
            f'<{site.url("/-/web/")}{address}>; rel="timegate"',
            f'<{site.url("/-/web/timemap/link/")}{address}>; rel="timemap"; type="{LINK_FORMAT}"',
        )
    )


async def link_version(site: SiteRequest, capture: int | None) -> tuple[str | None, dict[str, str]]:
    """Return the path of the stored page from which a version was read, and a dict with the Link
    header for that page.

    If the version's page is not stored, or is withheld, the path is None and the dict is empty.
    """
    found = await site.run(CAPTURE_SQL, {"capture": capture})
    if not found:
        return None, {}
    memento = dict(found[0])
    url, moment = _build_url(site, memento), _format_http(memento["seen"])
    links = f'{_build_memento_links(site, memento["url"])}, <{url}>; rel="memento"'
    path = site.add_base_url("/-/web/") + url.removeprefix(site.url("/-/web/"))
    return path, {"link": f'{links}; datetime="{moment}"'}


async def _find_mementos(site: SiteRequest) -> tuple[str, list[Memento]]:
    """Return the requested address and its mementos, oldest first.

    The address is spelt as it was when it was fetched from the agency. Raises ReaderError if there
    are no mementos.
    """
    address = SCHEME.sub(r"\1://", site.url_vars["address"], count=1)
    if site.request.query_string:
        address += f"?{site.request.query_string}"
    spellings = _list_spellings(address) if SCHEME.match(address) else []
    captures = await site.run(MEMENTOS_SQL, {"spellings": json.dumps(spellings)})
    if not captures:
        raise ReaderError(404, "error.no_memento", address=address)
    mementos = list({capture["seen"]: dict(capture) for capture in captures}.values())
    urls = [memento["url"] for memento in mementos]
    return next((url for url in spellings if url in urls), urls[-1]), mementos


def _list_spellings(address: str) -> list[str]:
    """Return the URLs under which an address may be stored, the most exact one first.

    >>> _list_spellings("https://www.fyr.example/b%C3%A5k?id=3")
    ... # doctest: +NORMALIZE_WHITESPACE
    ['https://www.fyr.example/b%C3%A5k?id=3', 'https://www.fyr.example/båk?id=3',
     'http://www.fyr.example/b%C3%A5k?id=3', 'http://www.fyr.example/båk?id=3']
    >>> _list_spellings("http://fyr.example/a")
    ... # doctest: +NORMALIZE_WHITESPACE
    ['http://fyr.example/a', 'https://fyr.example/a',
     'http://fyr.example/a/', 'https://fyr.example/a/']
    """
    canonical = canonical_url(address)
    scheme, _, rest = canonical.partition("://")
    other_scheme = "http" if scheme == "https" else "https"
    spellings = [address]
    for path in (rest, rest.removesuffix("/") if rest.endswith("/") else f"{rest}/"):
        if "?" in rest and path != rest:
            continue  # a slash at the end of a query is not that of a path
        for name in (scheme, other_scheme):
            spellings += [f"{name}://{path}", f"{name}://{unquote(path)}"]
    return list(dict.fromkeys(spellings))


def _find_nearest(mementos: Sequence[Memento], moment: datetime) -> int:
    """Return the index of the memento nearest to a time.

    Of two equally near mementos, the earlier one is chosen.
    """

    def measure_distance(place: int) -> float:
        seen = datetime.fromisoformat(mementos[place]["seen"])
        return abs((seen - moment).total_seconds())

    return min(range(len(mementos)), key=measure_distance)


def _read_body(archive: Path, sha256: str) -> bytes | None:
    """Return the stored bytes with the given hash, or None if they are damaged or missing."""
    try:
        with Captures(archive, readonly=True) as captures:
            return captures.read(sha256)
    except ArchiveError:
        logger.exception("a stored page cannot be shown")
        return None


# times


def _parse_timestamp(digits: str) -> datetime:
    """Parse a timestamp of up to 14 digits. A missing month means January, and so on.

    >>> _parse_timestamp("20260301080000"), _parse_timestamp("2026")
    ... # doctest: +NORMALIZE_WHITESPACE
    (datetime.datetime(2026, 3, 1, 8, 0, tzinfo=datetime.timezone.utc),
     datetime.datetime(2026, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))
    """
    try:
        completed = f"{digits}{FIRST_SECOND[len(digits) :]} +0000"
        return datetime.strptime(completed, f"{TIMESTAMP_FORMAT} %z")
    except ValueError:
        raise ReaderError(400, "error.no_timestamp", timestamp=digits) from None


def _parse_accept_datetime(text: str) -> datetime:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        raise ReaderError(400, "error.no_timestamp", timestamp=text) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _format_timestamp(seen: str) -> str:
    return datetime.fromisoformat(seen).astimezone(UTC).strftime(TIMESTAMP_FORMAT)


def _format_http(seen: str) -> str:
    return format_datetime(datetime.fromisoformat(seen).astimezone(UTC), usegmt=True)


# links


def _build_url(site: SiteRequest, memento: Memento, *, is_raw: bool = False) -> str:
    timestamp = _format_timestamp(memento["seen"]) + ("id_" if is_raw else "")
    return f"{site.url('/-/web/')}{timestamp}/{_encode(memento['url'])}"


def _link_memento(
    site: SiteRequest, mementos: Sequence[Memento], place: int, shown: int | None = None
) -> str:
    """Return a link to the memento with the index `place`, for the Link header.

    The relations in the link say whether this memento is the first or the last of all, and whether
    it comes just before or after the memento with the index `shown`.
    """
    relations = {"first": 0, "last": len(mementos) - 1}
    if shown is not None:
        relations |= {"prev": shown - 1, "next": shown + 1}
    names = [name for name, its_place in relations.items() if its_place == place]
    memento = mementos[place]
    return (
        f'<{_build_url(site, memento)}>; rel="{" ".join([*names, "memento"])}";'
        f' datetime="{_format_http(memento["seen"])}"'
    )


def _join_links(site: SiteRequest, address: str, mementos: Sequence[Memento], shown: int) -> str:
    """Return the Link header of the memento with the index `shown`, or of the TimeGate that chose
    it.
    """
    places = {0, shown - 1, shown, shown + 1, len(mementos) - 1} & set(range(len(mementos)))
    links = [_link_memento(site, mementos, place, shown) for place in sorted(places)]
    return ", ".join([_build_memento_links(site, address), *links])


def _encode(url: str) -> str:
    """Return a URL encoded for headers and links.

    >>> _encode("https://fyr.example/båk?a=1%202&b=>")
    'https://fyr.example/b%C3%A5k?a=1%202&b=%3E'
    """
    return quote(url, safe="!#$%&'()*+,/:;=?@[]~")


def _clean(value: object) -> str:
    """Return a text on one line, as a header requires.

    >>> _clean("text/html;\\r\\n charset=utf-8")
    'text/html; charset=utf-8'
    """
    return " ".join(str(value).split())
