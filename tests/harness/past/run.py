"""Crawls the site of today, then what the web archive captured, and judges the archive."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from archive.times import to_iso
from scraper.agency import load_agencies
from tests.harness.past.generations import (
    REDESIGNS,
    Seen,
    Truth,
    live_through,
    read_text,
    write_warc,
)
from tests.harness.world.checks import Figures, list_findings
from tests.harness.world.processes import find_port, kill_tree, run_command, serve
from tests.scraper.crawling import ROOT, Crawling, copy_archive
from tests.scraper.spiders.test_past import OUR_OWN
from tests.site.answers import Answer
from tests.site.releases import Release
from tests.site.server import Site
from tests.site.web_archive import WebArchive

PYWB = ROOT / ".venv/pywb"
KILLS = 10
LEAST_FOUND, LEAST_EDITS = 0.95, 0.9
# edits of words inside a paragraph, which can be told between pages of any templates
INSIDE = {"longer_lead", "longer_paragraph", "other_number", "typo"}
STORED_SQL = """
    select r.url, o.seen, v.title, coalesce(v.lead, '') || ' ' || v.body || ' '
      || coalesce(v.questions, '') from observations o
    join revisions v on v.id = o.revision join releases r on r.id = v.release order by r.url, o.seen
"""
PAST_EDITS_SQL = """
    select r.url, p.after, p.seen, p.paragraphs is null, p.summary_en from past_edits p
    join revisions v on v.id = p.revision join releases r on r.id = v.release
    where p.is_edit and p.changes <> '[]'
"""
DUMPS = (  # all but ids, which depend on which agency is read first, and the times of requests
    "select r.url, v.cause, v.parser_version, v.hash, v.title, v.body from revisions v"
    " join releases r on r.id = v.release order by 1, 2, 4",
    "select r.url, v.cause, v.hash, o.seen, c.url, c.sha256 from observations o"
    " join revisions v on v.id = o.revision join releases r on r.id = v.release"
    " left join captures c on c.id = o.capture order by 1, 4",
    "select r.url, b.hash, v.hash, p.after, p.seen, p.is_edit, p.paragraphs, p.changes"
    " from past_edits p join revisions v on v.id = p.revision join revisions b on"
    " b.id = p.previous join releases r on r.id = v.release order by 1, 4",
    "select url, status, sha256, observer from captures order by 1, 3",
    "select r.url, r.hash, v.hash, r.first_seen, r.checks, r.capture from releases r"
    " join revisions v on v.id = r.revision order by 1",
    "select url, role, state from frontier order by 1",
)


class Pywb:
    """A host of the sample site that passes requests on to pywb."""

    def __init__(self, port: int, web_archive: WebArchive) -> None:
        self.web_archive = web_archive
        address, headers = f"http://127.0.0.1:{port}", {"Host": web_archive.host}
        self.client = httpx.Client(base_url=address, headers=headers, trust_env=False)

    def answer(self, path: str, query: str) -> Answer:
        if path == "/robots.txt":  # pywb has none
            return self.web_archive.answer(path, query)
        response = self.client.get(f"{path}?{query}" if query else path)
        media = response.headers.get("content-type", "text/html")
        named = ("memento-datetime", "location")
        headers = {name: response.headers[name] for name in named if name in response.headers}
        return Answer(
            make=lambda: response.content, media=media, status=response.status_code, headers=headers
        )


class Found(NamedTuple):
    url: str
    after: datetime
    seen: datetime
    is_whole: bool
    summary: str


@dataclass
class Run:
    """A site, what a web archive has of it, and the archive that has read both."""

    crawling: Crawling
    web_archive: WebArchive
    truth: Truth
    figures: Figures

    def past(self, crawling: Crawling) -> list[str]:
        source = f"source={self.web_archive.address} Webbarkivet"
        return crawling.command("past", "-a", source, PAST_BUDGET="1000000")

    def crawl(self, crawling: Crawling, command: list[str]) -> str:
        code, printed = crawling.finish(command)
        if code:
            raise RuntimeError(f"{command} ended with {code}: {printed[-3000:]}")
        return printed

    def list_steps(self, url: str) -> Iterator[tuple[Seen, Seen]]:
        """Yield the last capture of each version and the first of the next one, or the page of
        today.
        """
        versions = self.truth.list_versions(url)
        for version, following in pairwise(versions):
            yield version[-1], following[0]

    def describe_step(self, url: str, before: Seen, after: Seen) -> tuple[str, set[str]]:
        """Return between which templates a step is, and how the agency edited the text in it."""
        designs = {before.design, after.design}
        kind = "same old template" if len(designs) == 1 else "two templates"
        if designs == {len(REDESIGNS)}:
            kind = "template of today"
        edits = self.truth.edits[url]
        return kind, {each.how for each in edits if before.moment < each.moment <= after.moment}

    def is_true(self, found: Found) -> bool:
        """Return whether the texts before and after an edit that is told are different."""
        seen = {each.moment: each.release for each in self.truth.captures[found.url]}
        today = self.crawling.site.truth.get(found.url)
        before, after = seen[found.after], seen.get(found.seen, today)
        return after is None or read_text(before) != read_text(after)

    def count_unchanged(self) -> str:
        """Return how many captures in a row have the same text, and how many of them templates
        that differ.
        """
        pairs = [pair for each in self.truth.captures.values() for pair in pairwise(each)]
        same = [(a, b) for a, b in pairs if read_text(a.release) == read_text(b.release)]
        return f"{len(same)}, {sum(a.design != b.design for a, b in same)} with two templates"


def go(
    folder: Path,
    seed: int,
    tell: Callable[[str], None],
    *,
    releases: int = 48,
    kills: int = KILLS,
    with_pywb: bool = True,
) -> Figures:
    """Return the figures of a run, of which none may miss its target."""
    with ExitStack() as stack:
        site = stack.enter_context(Site(releases=releases, crawl_delay=None))
        web_archive, figures = WebArchive(), Figures()
        truth = live_through(site, web_archive, seed)
        site.web_archives[web_archive.host] = web_archive
        if with_pywb and (PYWB / "installed").is_file():
            stack.enter_context(serve_pywb(site, web_archive, folder))
        tell(f"{len(web_archive.captures)} captures of {len(truth.captures)} pages")
        agencies = site.agencies_file(folder, attachments=None)
        crawling = Crawling(site, agencies, folder / "archive.db", 900)
        run = Run(crawling, web_archive, truth, figures)
        run.crawl(crawling, crawling.command("news"))
        (folder / "killed").mkdir()
        killed = copy_archive(crawling, folder / "killed")
        before = [crawling.rows(sql) for sql in OUR_OWN]
        begun = time.monotonic()
        printed = run.crawl(crawling, run.past(crawling))
        tell(" · ".join(re.findall("captures: (.*)", printed)))
        tell(f"read in {time.monotonic() - begun:.0f} s")
        judge_versions(run)
        judge_edits(run)
        judge_own(run, before)
        judge_kills(run, killed, random.Random(seed), kills)
        return figures


@contextmanager
def serve_pywb(site: Site, web_archive: WebArchive, folder: Path) -> Iterator[None]:
    """Let pywb answer for the web archive."""
    warc, place = folder / "captures.warc.gz", folder / "pywb"
    place.mkdir()
    write_warc(web_archive, warc)
    environment = {"PYTHONPATH": str(PYWB), "PYTHONWARNINGS": "ignore"}
    manager = (sys.executable, PYWB / "bin/wb-manager")
    run_command(*manager, "init", "past", cwd=place, **environment)
    run_command(*manager, "add", "past", warc, cwd=place, **environment)
    port = find_port()
    wayback = (sys.executable, PYWB / "bin/wayback", "--port", port, "--bind", "127.0.0.1")
    with serve(wayback, port, place, environment):
        site.web_archives[web_archive.host] = Pywb(port, web_archive)
        yield


def to_letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def says(release: Release, title: str, text: str) -> bool:
    """Return whether a stored version has the text of a release."""
    letters = to_letters(text)
    parts = [release.lead, *(line for each in release.body for line in each.split("\n"))]
    parts += [part for qa in release.questions for part in (qa.question, *qa.answer)]
    words = [piece for part in parts for piece in part.split("|")]
    is_same_title = to_letters(release.title) == to_letters(title)
    return is_same_title and all(to_letters(part) in letters for part in words)


def judge_versions(run: Run) -> None:
    """Count the versions that were captured, and those that are stored as captured then."""
    stored: dict[str, list[tuple[str, str, str]]] = {}
    for url, *rest in run.crawling.rows(STORED_SQL):
        stored.setdefault(url, []).append(tuple(rest))
    found, lost, total = Counter[str](), [], Counter[str]()
    agencies = load_agencies(run.crawling.agencies).values()
    sought = {agency.slug for agency in agencies if agency.releases}
    for url in run.truth.captures:
        kind = "of removed releases" if url in run.truth.removed else "of releases"
        if url in run.truth.removed and not any(f"//{slug}." in url for slug in sought):
            continue  # without a pattern of its agency, it is not looked for
        for version in run.truth.list_versions(url):
            first, last = (str(to_iso(each.moment)) for each in (version[0], version[-1]))
            total[kind] += 1
            is_found = any(
                first <= seen <= last and says(version[0].release, title, text)
                for seen, title, text in stored.get(url, ())
            )
            found[kind] += is_found
            lost += [] if is_found else [f"{url} {first}, design {version[0].design}"]
    for kind, number in total.items():
        share = found[kind] / number
        run.figures.add(
            f"versions {kind} found",
            f"{found[kind]} of {number} ({share:.3f})",
            f">= {LEAST_FOUND}",
            good=share >= LEAST_FOUND,
        )
    run.figures.misses += [f"    lost: {each}" for each in lost[:10]] if run.figures.misses else []


def judge_edits(run: Run) -> None:
    """Count the edits that are told, those that are none, and those inside paragraphs that are
    missed.
    """
    told = [
        Found(url, datetime.fromisoformat(after), datetime.fromisoformat(seen), bool(whole), what)
        for url, after, seen, whole, what in run.crawling.rows(PAST_EDITS_SQL)
    ]
    false = [each for each in told if not run.is_true(each)]
    run.figures.none("edits told that are none", false)
    known = {(each.url, each.after, each.seen) for each in told}
    expected, missed = Counter[str](), defaultdict[str, list[str]](list)
    for url in run.truth.captures:
        for before, after in run.list_steps(url):
            kind, hows = run.describe_step(url, before, after)
            if hows and hows <= INSIDE:
                expected[kind] += 1
                if (url, before.moment, after.moment) not in known:
                    missed[kind].append(f"    missed: {url} {after.moment}: {sorted(hows)}")
    for kind, number in sorted(expected.items()):
        what = f"edits inside paragraphs told, {kind}"
        run.figures.add(what, f"{number - len(missed[kind])} of {number}")
    number, lost = expected.total(), [each for found in missed.values() for each in found]
    share = 1 - len(lost) / max(1, number)
    what, found = "edits inside paragraphs told", f"{number - len(lost)} of {number} ({share:.3f})"
    run.figures.add(what, found, f">= {LEAST_EDITS}", good=share >= LEAST_EDITS)
    run.figures.misses += lost if share < LEAST_EDITS else []
    run.figures.add("edits told in all", len(told))
    run.figures.add("pairs of unchanged texts, of which none may be told", run.count_unchanged())


def judge_own(run: Run, before: list[list[tuple[Any, ...]]]) -> None:
    """Check that nothing is counted as the archive's own."""
    changed = []
    for sql, was in zip(OUR_OWN, before, strict=True):
        now = run.crawling.rows(sql)
        changed += [] if now == was else [f"{sql}: {was} → {now}"]
    run.figures.none("counts of the archive's own that changed", changed)
    run.figures.none("findings of verify", list_findings(run.crawling.archive))


def judge_kills(run: Run, crawling: Crawling, chance: random.Random, kills: int) -> None:
    """Kill the same crawl at several moments, and compare what it has stored in the end."""
    done = 0
    most = max(1, len(run.web_archive.captures) // (2 * max(1, kills)))  # so that something is left
    for _ in range(kills):
        process = subprocess.Popen(
            run.past(crawling),
            env={**os.environ, "SCRAPY_SETTINGS_MODULE": crawling.settings},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        asked = crawling.site.counts.total + chance.randint(1, most)
        while crawling.site.counts.total < asked and process.poll() is None:
            time.sleep(0.002)
        done += process.poll() is None
        kill_tree(process.pid)
        with suppress(ProcessLookupError):
            process.wait()
    run.crawl(crawling, run.past(crawling))
    run.figures.least("kills", done, kills)
    dumps = [[each.rows(sql) for sql in DUMPS] for each in (run.crawling, crawling)]
    differences = [
        f"{sql[:60]}…: {str(sorted(set(one) ^ set(other)))[:600]}"
        for sql, one, other in zip(DUMPS, *dumps, strict=True)
        if one != other
    ]
    run.figures.none("tables that differ after kills", differences)
    run.figures.none("findings of verify after kills", list_findings(crawling.archive))
