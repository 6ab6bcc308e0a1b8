"""The table proposed for agencies.toml: slug, name, home, sources, and what the path of a release looks like."""

from __future__ import annotations

import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import takewhile
from pathlib import Path
from urllib.parse import urlsplit

from scraper.agency import Agency, parse_agency
from scraper.normalise.text import clean_line
from scraper.normalise.urls import host_of
from scraper.pages.document import Document
from scraper.pages.titles import SEPARATOR, key
from scraper.sources import NEWS_WORDS

GREETING = re.compile(r"^(välkommen till|välkommen|welcome to)\s+", re.IGNORECASE)
HOME_WORDS = re.compile(r"(start|startsida\w*|förstasida\w*|hem|home|home ?page|first ?page|index)", re.IGNORECASE)
PLACE = re.compile(r"[^a-z0-9]+")
NEWS_FOLDER = re.compile(rf"(^|-)({NEWS_WORDS})(-|$)", re.IGNORECASE)
YEAR, MONTH = r"\d{4}", r"\d{2}"
FIRST = ("name", "name_en", "org_number", "home")  # as the list has them
DATES = {YEAR, MONTH}
FEWEST = 3  # releases under a folder that make it one of theirs
CLEAR = 0.9  # of the releases must lie under the folders proposed
FEWEST_DATED = 5  # before years are asked of every path
MOST_FOLDERS = 3


def propose_slug(url: str) -> str:
    """A slug from a host, without its top domain.

    >>> propose_slug("https://www.skogsradet.example/nyheter"), propose_slug("http://[::1]:80/")
    ('skogsradet', '1')
    """
    labels = host_of(url).split(".")
    return PLACE.sub("-", "-".join(labels[:-1] or labels)).strip("-") or "agency"


def propose_name(home: Document) -> str:
    """What the site calls itself: as declared, else the part of its title that is no word for a home page."""
    for name in ("og:site_name", "application-name"):
        if stated := clean_line(home.meta.get(name, "")):
            return stated
    parts = [GREETING.sub("", part).strip(" .!") for part in SEPARATOR.split(clean_line(home.title or ""))]
    named = [part for part in parts if part and not HOME_WORDS.fullmatch(part)]
    host = host_of(home.url)
    known = (part for part in named if key(plain(part)) in key(host) or key(host.split(".")[0]) in key(plain(part)))
    return next(known, named[0] if named else host)


def plain(text: str) -> str:
    """Swedish letters as a host name writes them."""
    return text.lower().translate(str.maketrans("åäöéü", "aaoeu"))


def propose_releases(urls: Iterable[str]) -> str | None:
    """A pattern for the paths of releases, where nearly all of them lie under at most three folders.

    >>> propose_releases(f"https://a.se/nyheter/2024/0{n}/skog-{n}/" for n in range(1, 6))
    '^/nyheter/\\\\d{4}/\\\\d{2}/.+'
    >>> propose_releases(f"https://a.se/{n}" for n in range(5)) is None
    True
    """
    paths = [urlsplit(url).path.strip("/").split("/") for url in dict.fromkeys(urls)]
    groups: dict[str, list[list[str]]] = defaultdict(list)
    for path in paths:
        if len(path) > 1:
            groups[generalise(path[0])].append(path)
    shared = [group for group in groups.values() if len(group) >= FEWEST]
    if not 1 <= len(shared) <= MOST_FOLDERS or sum(map(len, shared)) < CLEAR * len(paths):
        return None
    folders = ["/".join(common_folders(group)) for group in sorted(shared, key=len, reverse=True)]
    return f"^/{folders[0]}/.+" if len(folders) == 1 else f"^/({'|'.join(folders)})/.+"


def common_folders(paths: Sequence[Sequence[str]]) -> list[str]:
    """The folders that say what lies in them: those shared from the left up to the last word for news, then dates.

    A folder of a subject that a few newest releases happen to share would shut the others out.
    """
    shared: list[str] = []
    for level in zip(*(path[:-1] for path in paths), strict=False):
        names = {generalise(name) for name in level}
        if len(names) > 1 or (set(shared) & DATES and not names <= DATES):
            break
        shared += names
    news = [index for index, name in enumerate(shared) if NEWS_FOLDER.search(name)]
    after = news[-1] + 1 if news else len(shared)
    dates = list(takewhile(DATES.__contains__, shared[after:])) if len(paths) >= FEWEST_DATED else []
    return shared[:after] + dates


def generalise(name: str) -> str:
    """A folder's name as a pattern.

    >>> generalise("2024"), generalise("03"), generalise("om.oss")
    ('\\\\d{4}', '\\\\d{2}', 'om\\\\.oss')
    """
    if re.fullmatch(r"(19|20)\d\d", name):
        return YEAR
    # a hyphen needs no escape outside brackets, and reads better without one
    return MONTH if re.fullmatch(r"[01]\d", name) else re.escape(name).replace(r"\-", "-")


def to_toml(agency: Agency) -> str:
    """An agency as a table of agencies.toml; read back before it is handed out."""
    lines = [f"[{agency.slug}]"]
    for name in dict.fromkeys([*FIRST, *(field.name for field in fields(Agency) if field.name != "slug")]):
        value = getattr(agency, name)
        if not value or (name == "zone" and value == "Europe/Stockholm"):
            continue
        if isinstance(value, tuple) and len(value) > 1:
            lines += [f"{name} = [", *(f"    {quote(text)}," for text in value), "]"]
        elif isinstance(value, tuple):
            lines.append(f"{name} = [{', '.join(map(quote, value))}]")
        else:
            lines.append(f"{name} = {quote(value)}")
    text = "\n".join(lines) + "\n"
    parse_agency(agency.slug, tomllib.loads(text)[agency.slug], Path("proposal"))
    return text


def quote(text: str) -> str:
    """A TOML string; literal where a backslash would else be doubled.

    >>> quote("Skogsrådet"), quote(r"^/nyheter/.+"), quote("\\\\d")
    ('"Skogsrådet"', '"^/nyheter/.+"', "'\\\\d'")
    """
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
