"""Writes the list of agencies for the sample site and the hosts mounted in it."""

from __future__ import annotations

import json
import re
import tomllib
from collections import defaultdict
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
    tables = {slug: sample_table(site, slug) for slug in site.agencies} | mounted_tables(
        site.mounted
    )
    if attachments:
        tables = {slug: {"attachments": attachments} | table for slug, table in tables.items()}
    return "\n".join(
        f"[{slug}]\n"
        + "".join(
            f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in table.items()
        )
        for slug, table in tables.items()
    )


def sample_table(site: Site, slug: str) -> dict[str, Any]:
    """Return the table of a sample agency: with a listing, a sitemap, feed and sitemap, or only a
    home page.
    """
    agency = site.agencies[slug]
    table: dict[str, Any] = {
        "name": agency.text["name"],
        "name_en": agency.text["name_en"],
        "home": site.url(slug),
    }
    paths = agency.paths
    if agency.cms == "sitevision":
        return table | {
            "listings": [site.url(slug, path) for path in (paths.listing, paths.english_listing)],
            "releases": "/nyheter/|/english/news/",
        }
    if agency.cms == "episerver":
        table["sitemaps"] = [site.url(slug, paths.sitemap or "")]
        return table | {"releases": "/aktuellt/nyheter/.+|/en/news/.+"}
    if agency.cms == "wordpress":
        table |= {
            "feeds": [site.url(slug, paths.feed or "")],
            "sitemaps": [site.url(slug, paths.sitemap or "")],
        }
        return table | {"releases": "/nyhet/.+"}
    return table


def mounted_tables(mounted: dict[str, MountedHost]) -> dict[str, dict[str, Any]]:
    """Return a table for each mounted host; with and without www is one."""
    declared = (
        tomllib.loads(PROJECT_LIST.read_text(encoding="utf-8")) if PROJECT_LIST.is_file() else {}
    )
    owners = {
        bare(urlsplit(table["home"]).netloc): slug
        for slug, table in declared.items()
        if "home" in table
    }
    owners |= {
        bare(alias): slug for slug, table in declared.items() for alias in table.get("aliases", ())
    }
    groups: dict[str, list[MountedHost]] = defaultdict(list)
    for host in mounted.values():
        groups[owners.get(bare(host.host)) or to_slug(host.host)].append(host)
    tables = {}
    for slug, hosts in groups.items():
        own = {key: value for key, value in declared.get(slug, {}).items() if key not in SOURCES}
        table = {"name": hosts[0].host} | own
        table["home"] = hosts[0].home
        table["feeds"] = [host.feed_url for host in hosts]
        others = (
            {bare(host.host) for host in hosts[1:]}
            - {bare(hosts[0].host)}
            - set(own.get("aliases", ()))
        )
        if others:
            table["aliases"] = [*own.get("aliases", ()), *sorted(others)]
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
