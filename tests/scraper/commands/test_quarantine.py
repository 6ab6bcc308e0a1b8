"""scrapy quarantine, diagnose and reparse, after a redesign for which a rule does not fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from scrapy.exceptions import UsageError

from scraper.commands import diagnose, quarantine, reparse
from tests.scraper.crawling import SLUG, Crawling, make_due
from tests.scraper.offline import OfflineCrawl
from tests.site.server import Site

RELEASES = 12


def open_offline(crawl: Crawling, moment: datetime | None = None) -> OfflineCrawl:
    site, base = crawl.site.agencies[SLUG], crawl.site.url(SLUG, "")
    return OfflineCrawl(
        crawl.archive, site=site, base=base, moment=moment or datetime.now(UTC) - timedelta(hours=1)
    )


@pytest.fixture
def redesigned(tmp_path: Path) -> Iterator[Crawling]:
    """An archive of one agency's releases, each of them due, and its site, on which the lead is not
    marked any more.
    """
    with Site(releases=4 * RELEASES, crawl_delay=None) as site:
        crawl = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        with open_offline(crawl, datetime.now(UTC) - timedelta(days=2)) as offline:
            paths = list(offline.site.releases)
            offline.add_links(paths)
            offline.crawl(paths)
        make_due(crawl)
        site.bury(SLUG)
        yield crawl


def test_corrected_rule_releases_all_pages_of_a_field_loss(
    redesigned: Crawling, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = redesigned.rows("select id, hash, revision from releases")
    with open_offline(redesigned) as offline:  # a crawl that was killed
        offline.save_all(list(offline.site.releases)[:3])
    printed = redesigned.succeed("revisit", "-a", f"agency={SLUG}")
    assert f"quarantined: see scrapy diagnose {SLUG}" in printed
    counts = redesigned.rows("select count(*), count(distinct url), count(decided) from quarantine")
    assert counts == [(RELEASES, RELEASES, 0)]
    assert redesigned.rows("select distinct decision from quarantine") == [("confirmed",)]
    assert redesigned.rows("select id, hash, revision from releases") == before
    ((quarantined, problems),) = redesigned.rows(
        "select quarantined, problems from crawls where spider = 'revisit'"
    )
    assert 0 < quarantined <= RELEASES
    assert "lead was not read" in problems

    found = redesigned.call(diagnose.Command(), SLUG, "--json", "--save", str(tmp_path / "pages"))
    assert found == 0
    (report,) = json.loads(capsys.readouterr().out)
    (lead,) = [finding for finding in report["fields"] if finding["field"] == "lead"]
    assert (lead["died"], lead["remedy"], lead["cured"], lead["tried"]) == (True, ".puff", 10, 10)
    assert b'"puff"' in (tmp_path / "pages" / f"{SLUG}-bad.html").read_bytes()

    redesigned.add_to_table('lead = ".puff"')
    assert redesigned.call(reparse.Command(), "--agency", SLUG) == 0
    assert f"quarantined pages: {RELEASES} accepted, 0 still quarantined" in capsys.readouterr().out
    assert redesigned.rows("select count(*) from revisions where cause <> 'first'") == [(0,)]
    assert redesigned.rows("select count(*) from quarantine where decision = 'reparsed'") == [
        (RELEASES,)
    ]


def test_quarantined_pages_are_listed_dropped_or_accepted(
    redesigned: Crawling, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_offline(redesigned) as offline:
        offline.crawl(list(offline.site.releases)[:3])
        first, *_ = pages = offline.pending()

    def run(*arguments: str) -> str:
        assert redesigned.call(quarantine.Command(), SLUG, *arguments) == 0
        return capsys.readouterr().out

    listed = run()
    assert f"{SLUG}: 3 quarantined" in listed
    assert [page.url for page in pages if page.url not in listed] == []
    assert run("--drop", "--id", str(first.id)) == "1 dropped\n"
    assert run("--accept") == "2 reparsed\n", "a new template is no edit"
    assert run("--accept") == "nothing is quarantined\n"
    assert redesigned.call(quarantine.Command(), "ingen", "--accept") == 2
    for arguments in (["--accept"], [SLUG, "--accept", "--drop"]):
        with pytest.raises(UsageError):
            redesigned.call(quarantine.Command(), *arguments)
    assert redesigned.call(diagnose.Command(), SLUG) == 0
    assert f"{SLUG}: nothing is quarantined" in capsys.readouterr().out
