"""Writes the list of agencies for the sample site and the hosts mounted in it."""

from __future__ import annotations

import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from tests.site.mount import MountedHost
    from tests.site.server import Site

PROJECT_LIST = Path(__file__).parents[2] / "scraper" / "agencies.toml"
SOURCES = ("home", "feeds", "sitemaps", "listings")


def agencies_toml(site: Site, attachments: str | None = None) -> str:
    """Return the text of an agencies.toml; attachments: the value of that key, or None for its
    default.
    """
    tables = {slug: sample_table(site, slug) for slug in site.agencies}
    tables |= mounted_tables(site.mounted)
    if attachments:
        tables = {slug: {"attachments": attachments} | table for slug, table in tables.items()}
    return write_toml(tables)


def write_toml(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """Return tables as TOML; JSON's texts, numbers and lists are also TOML's."""
    parts = []
    for slug, table in tables.items():
        lines = (f"{key} = {json.dumps(table[key], ensure_ascii=False)}\n" for key in table)
        parts.append(f"[{slug}]\n{''.join(lines)}")
    return "\n".join(parts)


def sample_table(site: Site, slug: str) -> dict[str, Any]:
    """Return the table of a sample agency: with a listing, a sitemap, feed and sitemap, or only a
    home page.
    """
    agency = site.agencies[slug]
    table: dict[str, Any] = {name: agency.text[name] for name in ("name", "name_en")}
    table["home"] = site.url(slug)
    paths = agency.paths
    feeds, sitemaps = ([site.url(slug, path or "")] for path in (paths.feed, paths.sitemap))
    listings = [site.url(slug, path) for path in (paths.listing, paths.english_listing)]
    if agency.cms == "sitevision":
        return table | {"listings": listings, "releases": "/nyheter/|/english/news/"}
    if agency.cms == "episerver":
        return table | {"sitemaps": sitemaps, "releases": "/aktuellt/nyheter/.+|/en/news/.+"}
    if agency.cms == "wordpress":
        return table | {"feeds": feeds, "sitemaps": sitemaps, "releases": "/nyhet/.+"}
    return table


def mounted_tables(mounted: dict[str, MountedHost]) -> dict[str, dict[str, Any]]:
    """Return a table for each mounted host; with and without www is one."""
    declared = tomllib.loads(PROJECT_LIST.read_text(encoding="utf-8"))
    owners: dict[str, str] = {}
    for slug, table in declared.items():
        owners[bare(urlsplit(table["home"]).netloc)] = slug
    for slug, table in declared.items():
        owners |= {bare(alias): slug for alias in table.get("aliases", ())}
    groups: dict[str, list[MountedHost]] = defaultdict(list)
    for host in mounted.values():
        groups[owners.get(bare(host.host)) or to_slug(host.host)].append(host)
    tables = {}
    for slug, hosts in groups.items():
        own = {key: value for key, value in declared.get(slug, {}).items() if key not in SOURCES}
        table = {"name": hosts[0].host} | own
        table["home"] = hosts[0].home
        table["feeds"] = [host.feed_url for host in hosts]
        aliases = own.get("aliases", ())
        others = {bare(host.host) for host in hosts} - {bare(hosts[0].host), *aliases}
        if others:
            table["aliases"] = [*aliases, *sorted(others)]
        tables[slug] = table
    return tables


def bare(host: str) -> str:
    """Return a host without www and port."""
    return host.lower().removeprefix("www.").split(":")[0]


def to_slug(host: str) -> str:
    """Return the first significant label of a host.

    >>> to_slug("www.bka.de")
    'bka'
    """
    return re.sub(r"[^a-z0-9]+", "-", bare(host).split(".")[0]).strip("-")
