"""Lets a sample site change for three years while a web archive captures it, and keeps the truth."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from tests.harness.year.edits import EDITS, edit
from tests.site.releases import Release
from tests.site.render import DESIGNS
from tests.site.server import Site
from tests.site.web_archive import WebArchive

START = datetime(2021, 1, 10, 4, 30, tzinfo=UTC)
MONTH = timedelta(days=30)
MONTHS = 36
REDESIGNS = (12, 24)  # months; after the last one, pages have the template of today
REMOVAL = 30  # month
EDITED, CAPTURED, REMOVED = 0.1, 0.25, 0.06  # shares of releases, each month or at once


class Seen(NamedTuple):
    """A page as the web archive captured it. design: number of its template, the last is today's."""

    moment: datetime
    release: Release
    design: int


class Edit(NamedTuple):
    moment: datetime
    how: str


@dataclass
class Truth:
    """What was captured, and what the agencies edited, by URL."""

    captures: dict[str, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    edits: dict[str, list[Edit]] = field(default_factory=lambda: defaultdict(list))
    removed: set[str] = field(default_factory=set)

    def list_versions(self, url: str) -> list[list[Seen]]:
        """Return the captures of each version of a page, in order of time."""
        versions: list[list[Seen]] = []
        for seen in self.captures[url]:
            if versions and read_text(versions[-1][-1].release) == read_text(seen.release):
                versions[-1].append(seen)
            else:
                versions.append([seen])
        return versions


def read_text(release: Release) -> tuple[object, ...]:
    return release.title, release.lead, release.blocks, release.questions


def live_through(site: Site, web_archive: WebArchive, seed: int) -> Truth:
    """Let the site change for three years, and the web archive capture it now and then."""
    chance, truth = random.Random(seed), Truth()
    designs = {slug: choose_designs(site, slug, chance) for slug in site.agencies}
    for month in range(MONTHS):
        moment = START + month * MONTH
        generation = sum(month >= number for number in REDESIGNS)
        for slug, agency in site.agencies.items():
            if agency.design != designs[slug][generation]:
                site.redesign(slug, designs[slug][generation])
        for url, release in sorted(site.truth.items()):
            if chance.random() < EDITED:
                how = chance.choice(sorted(EDITS))
                site.edit(url, edit(release, how, f"{seed} {month} {url}"), noted=False)
                truth.edits[url].append(Edit(moment, how))
            if month == REMOVAL and chance.random() < REMOVED:
                site.delete(url)
                truth.removed.add(url)
            elif chance.random() < CAPTURED:
                captured_at = moment + timedelta(seconds=chance.randrange(10**6))
                truth.captures[url].append(capture(site, web_archive, url, captured_at, generation))
    return truth


def choose_designs(site: Site, slug: str, chance: random.Random) -> Sequence[str]:
    today = site.agencies[slug].design
    return *chance.sample([each for each in DESIGNS if each != today], len(REDESIGNS)), today


def capture(
    site: Site, web_archive: WebArchive, url: str, moment: datetime, generation: int
) -> Seen:
    agency, path = site.locate(url)
    web_archive.capture(moment, url, agency.answer(path, "", url.removesuffix(path)).make())
    return Seen(moment, agency.releases[path], generation)


def write_warc(web_archive: WebArchive, target: Path) -> None:
    """Write what the web archive captured, for pywb."""
    with target.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for each in web_archive.captures:
            headers = StatusAndHeaders(
                "200 OK", [("Content-Type", "text/html; charset=UTF-8")], protocol="HTTP/1.1"
            )
            record = writer.create_warc_record(
                each.url,
                "response",
                payload=BytesIO(each.body),
                http_headers=headers,
                warc_headers_dict={"WARC-Date": f"{each.moment:%Y-%m-%dT%H:%M:%SZ}"},
            )
            writer.write_record(record)
