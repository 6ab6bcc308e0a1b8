"""What an answer is: evidence, unchanged, not what was asked for, or none; and the words for why."""

from __future__ import annotations

from pathlib import Path

from scrapy.http import Response
from twisted.python.failure import Failure

from archive.errors import ArchiveError
from archive.frontier import Frontier, Row
from archive.times import now
from scraper.agency import Agency
from scraper.errors import NotARelease
from scraper.items import Answer
from scraper.robots import RobotsForbidden
from scraper.sources import is_release


def says_unchanged(response: Response, row: Row) -> bool:
    """Whether a 304 is about what is held: not where a redirect took the condition along to another address."""
    return response.url == row.url and bool(validators(row)) and row.release is not None


def to_answer(response: Response) -> Answer:
    """A response as evidence."""
    headers = {
        name.decode("latin-1").lower(): b", ".join(found).decode("latin-1") for name, found in response.headers.items()
    }
    return Answer(url=response.url, seen=now(), status=response.status, headers=headers, body=response.body)


def check_answer(response: Response, asked: str, agency: Agency, frontier: Frontier) -> None:
    """NotARelease where an answer cannot be the release that was asked for."""
    if response.status in (404, 410):
        raise NotARelease(asked, f"answered {response.status}", "gone")
    if not agency.owns(response.url):
        raise NotARelease(asked, f"led to another host: {response.url}", "redirected")
    if response.url != asked:
        row = frontier.get(response.url)
        if not is_release(response.url, agency) or (row and row.role != "release"):
            raise NotARelease(asked, f"led to what is no release: {response.url}", "redirected")


def validators(row: Row) -> dict[str, str]:
    """The headers that ask for an address only if it has changed."""
    headers = {"If-None-Match": row.etag, "If-Modified-Since": row.last_modified}
    return {name: value for name, value in headers.items() if value}


def header(response: Response, name: str) -> str | None:
    """A response header as text."""
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None


def forbidden(failure: Failure) -> bool:
    """Whether robots.txt kept a request from being sent."""
    return isinstance(failure.value, RobotsForbidden)


def explain(failure: Failure) -> str:
    """A failure in a line: what kind, and what it says of itself."""
    if response := getattr(failure.value, "response", None):
        return f"answered {response.status}"
    if isinstance(failure.value, ArchiveError):  # without the folder, which is nobody's business
        return failure.getErrorMessage().replace(failure.value.file, Path(failure.value.file).name)
    return f"{type(failure.value).__name__}: {failure.getErrorMessage()}".strip(": ")
