"""A web archive of the sample site: captures of its pages, an index in several dialects, TimeMaps,
and the raw bytes of the nearest capture.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import sha1
from urllib.parse import parse_qs, unquote, urlsplit

from tests.site.answers import Answer

DIALECTS = ("pywb", "wayback", "words", "timemap")
BANNER = b"<!-- BEGIN WAYBACK TOOLBAR INSERT --><p>Arkiverad sida</p>"


@dataclass(frozen=True, slots=True)
class Captured:
    moment: datetime
    url: str
    body: bytes
    status: int = 200
    location: str = ""  # to which a captured redirect leads

    @property
    def timestamp(self) -> str:
        return f"{self.moment.astimezone(UTC):%Y%m%d%H%M%S}"

    @property
    def digest(self) -> str:
        return sha1(self.body, usedforsecurity=False).hexdigest().upper()


@dataclass
class WebArchive:
    """A host whose collection `past` has captures.

    dialect: one of DIALECTS; `timemap` has no other index. banner: whether raw pages get one, as no
    web archive should do. missing: timestamps that are in the index, but answered with the nearest
    capture. dated: the Memento-Datetime of all captures, if it is not their own.
    """

    host: str = "arkiv.example"
    dialect: str = "pywb"
    banner: bool = False
    dated: str = ""
    robots: str = "User-agent: *\nDisallow:\n"
    captures: list[Captured] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)

    def capture(
        self, moment: datetime, url: str, body: bytes, status: int = 200, location: str = ""
    ) -> None:
        self.captures.append(Captured(moment, url, body, status, location))

    @property
    def address(self) -> str:
        return f"http://{self.host}/past/"

    def answer(self, path: str, query: str) -> Answer:
        if path == "/robots.txt":
            return Answer(make=self.robots.encode, media="text/plain")
        rest = path.removeprefix("/past/")
        if rest == ("index" if self.dialect == "words" else "cdx"):
            given = {name: values[0] for name, values in parse_qs(query).items()}
            return self.index(given)
        if rest.startswith("timemap/link/"):
            return self.timemap(unquote(rest.removeprefix("timemap/link/")))
        timestamp, mark, url = rest.partition("id_/")
        whole = unquote(f"{url}?{query}" if query else url)
        return self.replay(timestamp, whole) if mark else lost()

    def index(self, given: dict[str, str]) -> Answer:
        """Return the captures of addresses with a prefix; 404 if this dialect has no index."""
        if self.dialect == "timemap":
            return lost()
        found = [
            each
            for each in sorted(self.captures, key=lambda each: (to_key(each.url), each.moment))
            if to_key(each.url).startswith(to_key(given["url"]))
            and given["from"] <= each.timestamp <= given["to"]
        ][: int(given["limit"])]
        return Answer(make=lambda: "\n".join(self.iter_lines(found)).encode(), media="text/plain")

    def iter_lines(self, found: list[Captured]) -> Iterator[str]:
        rows = [
            (to_key(each.url), each.timestamp, each.url, "text/html", str(each.status), each.digest)
            for each in found
        ]
        if self.dialect == "wayback":
            head = ("urlkey", "timestamp", "original", "mimetype", "statuscode", "digest")
            yield json.dumps([head, *rows])
        elif self.dialect == "words":
            yield from (" ".join((*row, "1234")) for row in rows)
        else:
            names = ("urlkey", "timestamp", "url", "mime", "status", "digest")
            yield from (json.dumps(dict(zip(names, row, strict=True))) for row in rows)

    def timemap(self, url: str) -> Answer:
        links = [f'<{url}>; rel="original"']
        for each in sorted(self.captures, key=lambda each: each.moment):
            if to_key(each.url) == to_key(url):
                moment = format_datetime(each.moment.astimezone(UTC), usegmt=True)
                link = f"http://{self.host}/past/{each.timestamp}mp_/{each.url}"
                links.append(f'<{link}>; rel="memento"; datetime="{moment}"')
        return Answer(make=lambda: ",\n".join(links).encode(), media="application/link-format")

    def replay(self, timestamp: str, url: str) -> Answer:
        """Return the capture of a page that is nearest to a time."""
        asked = datetime.strptime(timestamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        same = [
            each
            for each in self.captures
            if to_key(each.url) == to_key(url) and each.timestamp not in self.missing
        ]
        if not same:
            return lost()
        found = min(same, key=lambda each: abs(each.moment - asked))
        moment = self.dated or format_datetime(found.moment.astimezone(UTC), usegmt=True)
        body = BANNER + found.body if self.banner else found.body
        headers = {"Memento-Datetime": moment}
        if found.location:
            headers["Location"] = found.location
        return Answer(make=lambda: body, headers=headers, status=found.status)


def to_key(url: str) -> str:
    """Return the key by which a web archive sorts addresses, without the port of the site."""
    parts = urlsplit(url if "//" in url else f"//{url}")
    return f"{parts.hostname}{parts.path}{f'?{parts.query}' if parts.query else ''}".lower()


def lost() -> Answer:
    return Answer(make=lambda: b"<h1>Not found</h1>", status=404)
