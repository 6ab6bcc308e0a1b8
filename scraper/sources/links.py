"""A link as a source lists it, and the session ids that make the same links look new at every visit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit, urlunsplit

MIN_SESSION_LINKS = 2  # links that share it make a value a visit's own
SESSION_ID = re.compile(r"(?=[^0-9]*[0-9])(?=[^a-z]*[a-z])[0-9a-z_-]{16,}", re.IGNORECASE)  # letters and digits, long


@dataclass(frozen=True, slots=True)
class SourceLink:
    """A release's address as a source lists it; `listed` is the source's own time for it, ISO 8601 in UTC.

    published: the same where the source says that it is the time of publication.
    """

    url: str
    listed: str | None = None
    published: str | None = field(default=None, compare=False)


def remove_session_ids(links: Sequence[SourceLink]) -> list[SourceLink]:
    """The links without what each of them bears in its query and looks like a session id, whatever its name.

    >>> [link.url for link in remove_session_ids([SourceLink(f"https://a.se/{n}?xq=5f2a0c9d1e7b4a3f&p={n}") for n in range(3)])]
    ['https://a.se/0?p=0', 'https://a.se/1?p=1', 'https://a.se/2?p=2']
    """
    if len({link.url for link in links}) < MIN_SESSION_LINKS or "?" not in links[0].url:
        return list(links)
    shared = set.intersection(*(set(urlsplit(link.url).query.split("&")) for link in links))
    sessions = {pair for pair in shared if SESSION_ID.fullmatch(pair.partition("=")[2])}
    return [replace(link, url=remove_query_pairs(link.url, sessions)) for link in links] if sessions else list(links)


def remove_query_pairs(url: str, pairs: set[str]) -> str:
    """An address without some name=value of its query."""
    parts = urlsplit(url)
    query = "&".join(pair for pair in parts.query.split("&") if pair not in pairs)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
