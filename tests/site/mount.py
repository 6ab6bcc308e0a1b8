"""Serves stored pages under their own hosts and paths; each host gets a listing and a feed of its
pages.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html import escape, unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.site.answers import HTML, Answer
from tests.site.paths import to_hex

SESSION = re.compile(r";jsessionid=[^?]*", re.IGNORECASE)  # the same page is stored without it
TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.DOTALL | re.IGNORECASE)
XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
PAGE_SIZE = 20


@dataclass(frozen=True)
class StoredPage:
    """A page in the folder."""

    url: str
    file: Path

    @cached_property
    def content(self) -> bytes:
        held = self.file.read_bytes()
        return gzip.decompress(held) if self.file.suffix == ".gz" else held

    @property
    def title(self) -> str:
        """Return the document's title, parsed leniently because it only names a link."""
        found = TITLE.search(self.content)
        text = unescape(found[1].decode("utf-8", "replace")).strip() if found else ""
        return re.sub(r"\s+", " ", text) or self.url


@dataclass
class MountedHost:
    """A host of the folder."""

    host: str
    scheme: str
    pages: dict[str, StoredPage] = field(default_factory=dict)  # by path with query

    @property
    def home(self) -> str:
        return f"{self.scheme}://{self.host}/"

    @property
    def feed_url(self) -> str:
        return f"{self.home}-/feed.xml"

    def answer(self, path: str, query: str) -> Answer:
        """Return the stored page at a path, or a generated one."""
        path = SESSION.sub("", path)
        whole = f"{path}?{query}" if query else path
        if page := self.pages.get(whole) or self.pages.get(path):
            return Answer(
                make=lambda: page.content, media="text/html", etag=to_hex(str(page.file) + page.url)
            )
        if path == "/robots.txt":
            return self.told("User-agent: *\nDisallow:\n", "text/plain; charset=UTF-8", whole)
        if path == "/-/feed.xml":
            return self.told(self.feed(), "application/rss+xml; charset=UTF-8", whole)
        if path in ("/", "/-/listing"):
            return self.told(self.listing(int(parse_qs(query).get("page", ["1"])[0])), HTML, whole)
        return Answer(
            make=lambda: b"<!doctype html><title>404</title><h1>Not found</h1>", status=404
        )

    def told(self, text: str, media: str, whole: str) -> Answer:
        return Answer(make=text.encode, media=media, etag=to_hex(self.host + whole + text))

    def feed(self) -> str:
        """Return RSS without dates, so that they must be read from the pages."""
        items = "".join(
            f"<item><title>{escape(page.title)}</title><link>{escape(page.url)}</link></item>\n"
            for page in self.pages.values()
        )
        name = f"<title>{self.host}</title>"
        head = f"{name}<link>{self.home}</link><description>{self.host}</description>"
        return f'{XML}<rss version="2.0"><channel>{head}\n{items}</channel></rss>\n'

    def listing(self, number: int) -> str:
        """Return a page of links."""
        pages = list(self.pages.values())
        shown = pages[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        rows = "".join(
            f'<li><a href="{escape(page.url)}">{escape(page.title)}</a></li>\n' for page in shown
        )
        more = number * PAGE_SIZE < len(pages)
        following = f'<a rel="next" href="/-/listing?page={number + 1}">Nästa</a>' if more else ""
        feed = f'<link rel="alternate" type="application/rss+xml" href="{self.feed_url}">'
        head = f'<head><meta charset="utf-8"><title>{self.host}</title>{feed}</head>'
        main = f"<main><h1>{self.host}</h1><ul>\n{rows}</ul>{following}</main>"
        return f'<!doctype html><html lang="sv">{head}<body>{main}</body></html>\n'


def mount(folder: Path) -> dict[str, MountedHost]:
    """Return every host of a folder of stored pages, by its name in the URLs."""
    hosts: dict[str, MountedHost] = {}
    for url, file in find_pages(folder):
        parts = urlsplit(url)
        host = parts.netloc.lower()
        mounted = hosts.setdefault(host, MountedHost(host, parts.scheme))
        if parts.scheme == "https":
            mounted.scheme = "https"
        path = SESSION.sub("", parts.path) or "/"
        whole = f"{path}?{parts.query}" if parts.query else path
        mounted.pages[whole] = StoredPage(url, file)
    if not hosts:
        problem = "holds no gold.jsonl that names pages" if folder.is_dir() else "no such folder"
        raise FileNotFoundError(f"{folder}: {problem}")
    return hosts


def find_pages(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the URL and file of each stored page whose URL is known."""
    for part in (folder, folder / "pages", folder / "questions"):
        gold = part / "gold.jsonl"
        if gold.is_file():
            with gold.open(encoding="utf-8") as lines:
                yield from check(part, [json.loads(line) for line in lines if line.strip()])
    seed = folder / "seed" / "gold.json"
    if seed.is_file():
        yield from check(seed.parent, [json.loads(seed.read_text(encoding="utf-8"))])


def check(part: Path, rows: list[dict[str, str]]) -> Iterator[tuple[str, Path]]:
    """Yield the rows that have both a URL and a file."""
    for row in rows:
        if row.get("url") and (part / row["file"]).is_file():
            yield row["url"], part / row["file"]
