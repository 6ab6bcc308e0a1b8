"""What an answer is: evidence, unchanged, not what was asked for, or none; and the words for why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.exceptions import StopDownload
from scrapy.http import Response
from twisted.python.failure import Failure

from archive.errors import ArchiveError
from archive.frontier import Row
from archive.times import now
from scraper.agency import Agency
from scraper.errors import NotARelease
from scraper.faults import find_wall
from scraper.items import Answer
from scraper.pages.document import Document
from scraper.robots import RobotsForbidden
from scraper.robots import explain as say
from scraper.sources import is_release
from scraper.unasked import PrivateAddress

if TYPE_CHECKING:
    from scraper.spiders.reading import ReadingSpider

BOT = "myndighetsarkivet"  # as robots directives may name us


def says_unchanged(response: Response, row: Row) -> bool:
    """Whether a 304 is about what is held: not where a redirect took the condition along to another address."""
    return response.url == row.url and bool(validators(row)) and row.release is not None


def to_answer(response: Response) -> Answer:
    """A response as evidence."""
    headers = {
        name.decode("latin-1").lower(): b", ".join(found).decode("latin-1") for name, found in response.headers.items()
    }
    return Answer(url=response.url, seen=now(), status=response.status, headers=headers, body=response.body)


def check_answer(response: Response, asked: str, agency: Agency, spider: ReadingSpider) -> None:
    """NotARelease where an answer cannot be the release that was asked for, or asks to be left alone."""
    if response.status in (404, 410):
        raise NotARelease(asked, f"answered {response.status}", "gone")
    if led := find_detour(response, asked, agency, spider):
        if (wall := find_wall(response.body, response.url)) and wall.kind == "blocked":
            raise NotARelease(asked, f"{wall.problem} (led to {response.url})", "blocked")
        raise NotARelease(asked, f"led to {led}: {response.url}", "redirected")
    if spider.settings.getbool("NOINDEX_OBEY") and asks_noindex(response):
        raise NotARelease(asked, "asks not to be indexed (noindex), which NOINDEX_OBEY heeds")


def find_detour(response: Response, asked: str, agency: Agency, spider: ReadingSpider) -> str | None:
    """What a redirect led to instead of a release; None where it may be one, or there was none."""
    if not agency.owns(response.url):
        return "another host"
    if response.url == asked:
        return None
    row = spider.archive.frontier.get(response.url)
    return "what is no release" if not is_release(response.url, agency) or (row and row.role != "release") else None


def asks_noindex(response: Response) -> bool:
    """Whether an answer says noindex, or none, to every robot or to ours: in X-Robots-Tag or a meta element."""
    told = [value.decode("latin-1") for value in response.headers.getlist("X-Robots-Tag")]
    meta = Document(response.body, response.url).meta
    told += [meta[name] for name in ("robots", BOT) if name in meta]
    return any(says_noindex(text) for text in told)


def says_noindex(text: str) -> bool:
    """Whether a robots directive keeps our robot from indexing.

    >>> says_noindex("noarchive, noindex"), says_noindex("googlebot: noindex"), says_noindex("index, follow")
    (True, False, False)
    """
    robot, colon, rules = text.lower().partition(":")
    if colon and robot.strip() not in (BOT, "unavailable_after"):
        return False  # to another robot
    return not {"noindex", "none"}.isdisjoint(word.strip() for word in (rules if colon else robot).split(","))


def validators(row: Row) -> dict[str, str]:
    """The headers that ask for an address only if it has changed."""
    headers = {"If-None-Match": row.etag, "If-Modified-Since": row.last_modified}
    return {name: value for name, value in headers.items() if value}


def header(response: Response, name: str) -> str | None:
    """A response header as text."""
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None


def forbidden(failure: Failure) -> bool:
    """Whether a request was not sent, for robots.txt forbids it or it leads where nothing may be asked."""
    return isinstance(failure.value, RobotsForbidden | PrivateAddress)


def explain(failure: Failure) -> str:
    """A failure in a line: what kind, and what it says of itself."""
    if isinstance(failure.value, StopDownload):
        return "was broken off: too much was on its way at once (IN_FLIGHT_MAX)"
    if response := getattr(failure.value, "response", None):
        return f"answered {response.status}"
    if isinstance(failure.value, ArchiveError):  # without the folder, which is nobody's business
        return failure.getErrorMessage().replace(failure.value.file, Path(failure.value.file).name)
    assert failure.value is not None  # noqa: S101 - a failure has one
    return say(failure.value)
