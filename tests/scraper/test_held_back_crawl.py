"""A redesign that kills a rule, met by whole crawls and commands: killed in the middle, looked at, taken in."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from scraper.commands import diagnose, quarantine, reparse
from tests.scraper.crawling import Crawling, make_due
from tests.scraper.reading_room import SLUG, ReadingRoom
from tests.site import Site

RELEASES = 24


@pytest.fixture
def stocked(tmp_path: Path) -> Iterator[Crawling]:
    """An archive of one agency's releases, each due again, and its site with the lead buried."""
    with Site(releases=4 * RELEASES, crawl_delay=None) as site:
        agency, path = site.agencies[SLUG], tmp_path / "archive.db"
        start = datetime.now(UTC) - timedelta(days=2)
        with ReadingRoom(path, site=agency, base=site.url(SLUG, ""), moment=start) as room:
            room.find(list(agency.releases))
            room.crawl(list(agency.releases))
        crawling = Crawling(site, site.agencies_file(tmp_path), path)
        make_due(crawling)
        site.bury(SLUG)
        yield crawling


def run(command: ScrapyCommand, crawling: Crawling, *arguments: str) -> int:
    """A command that needs no process of its own; its exit code."""
    command.settings = Settings({"ARCHIVE": str(crawling.archive), "AGENCIES": str(crawling.agencies)})
    command.settings["REVISIT_AGES"] = "else=1d"
    parser = argparse.ArgumentParser()
    command.add_options(parser)
    options, names = parser.parse_known_args(arguments)
    command.run(names, options)
    return command.exitcode


def test_a_killed_crawl_is_gone_on_with_and_a_mended_rule_takes_all_in(
    stocked: Crawling, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only = ("revisit", "-a", f"agency={SLUG}")
    before = stocked.rows("select id, hash, revision from releases")
    with stocked.start(*only) as process:
        deadline = time.monotonic() + 30
        while stocked.rows("select count(*) from quarantine") < [(2,)] and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
        process.communicate()
    code, printed = stocked.run(*only)
    assert code == 0, printed
    assert f"quarantined: see scrapy diagnose {SLUG}" in printed
    assert stocked.rows("select count(*), count(distinct url), count(decided) from quarantine") == [
        (RELEASES, RELEASES, 0)
    ]
    assert stocked.rows("select distinct decision from quarantine") == [("confirmed",)]
    assert stocked.rows("select id, hash, revision from releases") == before
    ((held_back, problems),) = stocked.rows(
        "select quarantined, problems from crawls where spider = 'revisit' and reason is not null"
    )
    assert 0 < held_back <= RELEASES
    assert "lead was not read" in problems

    assert run(diagnose.Command(), stocked, SLUG, "--json", "--save", str(tmp_path / "pages")) == 0
    (told,) = json.loads(capsys.readouterr().out)
    (lead,) = [finding for finding in told["fields"] if finding["field"] == "lead"]
    assert (lead["died"], lead["remedy"], lead["cured"], lead["tried"]) == (True, ".puff", 10, 10)
    assert b'"puff"' in (tmp_path / "pages" / f"{SLUG}-bad.html").read_bytes()

    table = stocked.agencies.read_text("utf-8").replace(f"[{SLUG}]\n", f'[{SLUG}]\nlead = ".puff"\n')
    stocked.agencies.write_text(table, "utf-8")
    assert run(reparse.Command(), stocked, "--agency", SLUG) == 0
    assert f"quarantined pages: {RELEASES} accepted, 0 still quarantined" in capsys.readouterr().out
    assert stocked.rows("select count(*) from revisions where cause <> 'first'") == [(0,)]
    assert stocked.rows("select count(*) from quarantine where decision = 'reparsed'") == [(RELEASES,)]


def test_what_waits_is_listed_taken_in_or_dropped(stocked: Crawling, capsys: pytest.CaptureFixture[str]) -> None:
    with ReadingRoom(stocked.archive, site=stocked.site.agencies[SLUG], base=stocked.site.url(SLUG, "")) as room:
        room.crawl(list(room.site.releases)[:3])
        first, *_ = waiting = room.waiting()

    def told(*arguments: str) -> str:
        assert run(quarantine.Command(), stocked, SLUG, *arguments) == 0
        return capsys.readouterr().out

    listed = told()
    assert f"{SLUG}: 3 quarantined" in listed
    assert all(kept.url in listed for kept in waiting)
    assert told("--drop", "--id", str(first.id)) == "1 dropped\n"
    assert told("--accept") == "2 reparsed\n", "a new design is no edit"
    assert told("--accept") == "nothing is quarantined\n"
    assert run(quarantine.Command(), stocked, "ingen", "--accept") == 2
    for wrong in (["--accept"], [SLUG, "--accept", "--drop"]):
        with pytest.raises(UsageError):
            run(quarantine.Command(), stocked, *wrong)
    assert run(diagnose.Command(), stocked, SLUG) == 0
    assert f"{SLUG}: nothing is quarantined" in capsys.readouterr().out
