"""Proposes an agency's table for agencies.toml: slug, name and the path pattern of its releases."""

from __future__ import annotations

import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import fields
from itertools import takewhile
from pathlib import Path
from urllib.parse import urlsplit

from scraper.agency import Agency, JSONSource, parse_agency
from scraper.normalise.text import clean_line
from scraper.normalise.urls import extract_host
from scraper.pages.document import Document
from scraper.pages.title import TITLE_SEPARATOR, build_comparison_key
from scraper.sources.links import NEWS_WORDS

WELCOME_PREFIX = re.compile(r"^(välkommen till|välkommen|welcome to)\s+", re.IGNORECASE)
HOME_PAGE_TITLE = re.compile(r"(start|startsida\w*|förstasida\w*|hem|home|home ?page|first ?page|index)", re.IGNORECASE)
NON_SLUG_CHARACTERS = re.compile(r"[^a-z0-9]+")
NEWS_FOLDER = re.compile(rf"(^|-)({NEWS_WORDS})(-|$)", re.IGNORECASE)
ASCII_LETTERS = str.maketrans("åäöéü", "aaoeu")  # as in host names
PATH_YEAR, PATH_MONTH = r"\d{4}", r"\d{2}"
DATE_PATTERNS = {PATH_YEAR, PATH_MONTH}
MIN_FOLDER_RELEASES = 3  # in a folder that counts as a folder of releases
MIN_FOLDER_SHARE = 0.9  # share of the releases that must be in the proposed folders
MIN_DATED_PATHS = 5  # needed to put date folders into the pattern
MAX_FOLDERS = 3
LEADING_KEYS = ("name", "name_en", "org_number", "home")  # in the order of agencies.toml


def propose_slug(url: str, taken: Container[str] = ()) -> str:
    """Return a slug from a URL's host, without its top-level domain unless that slug is taken.

    >>> propose_slug("https://www.skogsradet.example/nyheter"), propose_slug("http://[::1]:80/")
    ('skogsradet', '1')
    """
    host = extract_host(url)
    labels = host.split(".")
    slug = NON_SLUG_CHARACTERS.sub("-", "-".join(labels[:-1] or labels)).strip("-") or "agency"
    return slug if slug not in taken else host.replace(".", "-")


def propose_name(home: Document) -> str:
    """Return the site's name: as declared in its metadata, else from its title, else its host."""
    for name in ("og:site_name", "application-name"):
        if declared := clean_line(home.meta.get(name, "")):
            return declared
    parts = [WELCOME_PREFIX.sub("", part).strip(" .!") for part in TITLE_SEPARATOR.split(clean_line(home.title or ""))]
    candidates = [part for part in parts if part and not HOME_PAGE_TITLE.fullmatch(part)]
    host = extract_host(home.url)
    host_key, name_key = build_comparison_key(host), build_comparison_key(host.split(".")[0])
    for part in candidates:
        key = build_comparison_key(part.lower().translate(ASCII_LETTERS))
        if key in host_key or name_key in key:
            return part
    return candidates[0] if candidates else host


def propose_release_pattern(urls: Iterable[str]) -> str | None:
    """Return a pattern for the paths of releases, or None unless nearly all are in a few folders.

    >>> propose_release_pattern(f"https://a.se/nyheter/2024/0{n}/skog-{n}/" for n in range(1, 6))
    '^/nyheter/\\\\d{4}/\\\\d{2}/.+'
    >>> propose_release_pattern(f"https://a.se/{n}" for n in range(5)) is None
    True
    """
    paths = [urlsplit(url).path.strip("/").split("/") for url in dict.fromkeys(urls)]
    groups: dict[str, list[list[str]]] = defaultdict(list)
    for path in paths:
        if len(path) > 1:
            groups[generalise_folder(path[0])].append(path)
    shared = [group for group in groups.values() if len(group) >= MIN_FOLDER_RELEASES]
    if not 1 <= len(shared) <= MAX_FOLDERS or sum(map(len, shared)) < MIN_FOLDER_SHARE * len(paths):
        return None
    folders = ["/".join(find_common_folders(group)) for group in sorted(shared, key=len, reverse=True)]
    return f"^/{folders[0]}/.+" if len(folders) == 1 else f"^/({'|'.join(folders)})/.+"


def find_common_folders(paths: Sequence[Sequence[str]]) -> list[str]:
    """Return the folders that all paths share, up to the last news folder and date folders below it.

    Other folders below it are left out, because the newest releases may share a subject by chance.
    """
    shared: list[str] = []
    for folder_names in zip(*(path[:-1] for path in paths), strict=False):
        names = {generalise_folder(name) for name in folder_names}
        if len(names) > 1 or (set(shared) & DATE_PATTERNS and not names <= DATE_PATTERNS):
            break
        shared += names
    news_levels = [index for index, name in enumerate(shared) if NEWS_FOLDER.search(name)]
    end = news_levels[-1] + 1 if news_levels else len(shared)
    dates = list(takewhile(DATE_PATTERNS.__contains__, shared[end:])) if len(paths) >= MIN_DATED_PATHS else []
    return shared[:end] + dates


def generalise_folder(name: str) -> str:
    """Return a folder's name as a pattern: a year or month as digits, any other name escaped.

    >>> generalise_folder("2024"), generalise_folder("03"), generalise_folder("om.oss")
    ('\\\\d{4}', '\\\\d{2}', 'om\\\\.oss')
    """
    if re.fullmatch(r"(19|20)\d\d", name):
        return PATH_YEAR
    # outside brackets a hyphen is readable and valid without the escape
    return PATH_MONTH if re.fullmatch(r"[01]\d", name) else re.escape(name).replace(r"\-", "-")


def format_agency_toml(agency: Agency) -> str:
    """Format an agency as a table of agencies.toml, and check that it parses."""
    lines = [f"[{agency.slug}]"]
    defaults = {each.name: each.default for each in fields(Agency) if each.name != "slug"}
    for name in dict.fromkeys([*LEADING_KEYS, *defaults]):
        value = getattr(agency, name)
        if value == defaults[name] or (name == "zone" and value == "Europe/Stockholm"):
            continue
        texts = list(map(format_toml_value, value)) if isinstance(value, tuple) else []
        if len(texts) > 1:
            lines += [f"{name} = [", *(f"    {text}," for text in texts), "]"]
        elif isinstance(value, tuple):
            lines.append(f"{name} = {texts[0]}" if name == "json" else f"{name} = [{texts[0]}]")
        else:
            lines.append(f"{name} = {quote_toml(value) if isinstance(value, str) else str(value).lower()}")
    text = "\n".join(lines) + "\n"
    parse_agency(agency.slug, tomllib.loads(text)[agency.slug], Path("proposal"))
    return text


def format_toml_value(value: str | JSONSource) -> str:
    """Format a value of a list: a string, or the inline table of a JSON endpoint."""
    if isinstance(value, str):
        return quote_toml(value)
    pairs = ((each.name, getattr(value, each.name)) for each in fields(value))
    return "{" + ", ".join(f"{name} = {quote_toml(text)}" for name, text in pairs if text) + "}"


def quote_toml(text: str) -> str:
    """Return a TOML string: literal if it contains a backslash, else basic.

    >>> quote_toml("Skogsrådet"), quote_toml(r"^/nyheter/.+"), quote_toml("\\\\d")
    ('"Skogsrådet"', '"^/nyheter/.+"', "'\\\\d'")
    """
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
