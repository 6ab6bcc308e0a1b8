"""The whole walk against the sample site: what was published is what is held, and a second walk changes nothing."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from archive.dates import to_iso
from tests.scraper.crawling import Crawling
from tests.site import Site


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Crawling, int, str]]:
    """One crawl of all sample agencies, shared by the tests that only look."""
    folder = tmp_path_factory.mktemp("crawl")
    with Site() as site:
        crawling = Crawling(site, site.agencies_file(folder), folder / "archive.db")
        yield crawling, *crawling.run()


def test_every_release_is_held_as_it_was_published(first: tuple[Crawling, int, str]) -> None:
    crawling, code, printed = first
    assert code == 0, printed
    with closing(sqlite3.connect(crawling.archive)) as connection:
        connection.row_factory = sqlite3.Row
        held = {row["url"]: row for row in connection.execute("select * from releases")}
        questions = connection.execute("select release, question from questions order by release, position").fetchall()
        tags = connection.execute("select release, name from release_tags join tags on tags.id = tag").fetchall()
        contacts = connection.execute("select * from contacts order by release, position").fetchall()
    assert sorted(held) == sorted(crawling.site.truth)
    wrong = []
    for url, truth in crawling.site.truth.items():
        row = held[url]
        found = (
            row["title"],
            row["lead"],
            row["published"],
            row["updated"],
            [q["question"] for q in questions if q["release"] == row["id"]],
            {t["name"] for t in tags if t["release"] == row["id"]},
            [(c["name"], c["role"], c["phone"], c["email"]) for c in contacts if c["release"] == row["id"]],
        )
        wanted = (
            truth.title,
            truth.lead,
            to_iso(truth.published),
            to_iso(truth.updated),
            [q.question for q in truth.questions],
            set(truth.tags),
            [(c.name, c.role, c.phone, c.email) for c in truth.contacts],
        )
        wrong += [(url, got, want) for got, want in zip(found, wanted, strict=True) if got != want]
    assert wrong == []


def test_the_closing_table_and_the_crawls_table_agree(first: tuple[Crawling, int, str]) -> None:
    crawling, _, printed = first
    rows = crawling.rows("select agency, reason, listed, new, unchanged, rejected, errors, requests, bytes from crawls")
    assert len(rows) == 4
    for agency, reason, listed, new, unchanged, rejected, errors, requests, size in rows:
        assert (reason, rejected, errors) == ("finished", 0, 0), (agency, printed)
        assert new == crawling.rows("select count(*) from releases where agency = ?", agency)[0][0]
        assert (listed, unchanged) == (new, 0)
        assert requests > new
        assert size > new * 20_000
        assert agency in printed


def test_a_second_crawl_changes_nothing_and_says_so(crawling: Crawling) -> None:
    crawling.run()
    tables = ("releases", "revisions", "questions", "tags", "release_tags", "images", "attachments", "contacts")
    before = [crawling.rows(f"select * from {name}") for name in tables]
    code, printed = crawling.run()
    assert code == 0, printed
    assert [crawling.rows(f"select * from {name}") for name in tables] == before
    second = crawling.rows(
        "select new, revised, unchanged, rejected, errors, already_stored = listed and listed > 0 from crawls"
    )
    assert second[4:] == [(0, 0, 0, 0, 0, 1)] * 4, printed


def test_what_is_published_later_is_found(tmp_path: Path) -> None:
    archive = tmp_path / "archive.db"
    with Site(releases=20) as site:
        code, printed = Crawling(site, site.agencies_file(tmp_path), archive).run()
        assert code == 0, printed
    with Site(port=site.port, releases=24) as later:
        crawling = Crawling(later, later.agencies_file(tmp_path), archive)
        code, printed = crawling.run()
        assert code == 0, printed
        # the other two date their listing and their sitemap by releases, and the new ones are older than those
        new = {url for url in later.truth if "/lasframjandenamnden." in url or "/hushallsmyndigheten." in url}
        assert new <= {url for (url,) in crawling.rows("select url from releases")}
        assert crawling.rows("select sum(new) >= 2, sum(revised) from crawls where id > 4") == [(1, 0)], printed


def test_a_listing_that_was_cut_off_is_gone_through_the_next_time(tmp_path: Path) -> None:
    with Site(releases=200, crawl_delay=0.2) as site:
        crawling = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        only = ("news", "-a", "agency=skogsbruksradet")
        with crawling.start(*only) as process:
            while site.counts.total < 4:  # robots.txt, and the beginning of the listing
                time.sleep(0.02)
            process.kill()
            process.communicate()
        site.set_delay("skogsbruksradet", 0)
        ((found,),) = crawling.rows("select count(*) from frontier where role = 'release'")
        assert 0 < found < 50
        code, printed = crawling.run(*only)
        assert code == 0, printed
        assert crawling.rows("select count(*) from releases") == [(50,)]


def test_since_leaves_older_links_alone(crawling: Crawling) -> None:
    dates = sorted(str(truth.published)[:10] for truth in crawling.site.truth.values() if truth.published)
    middle = dates[len(dates) // 2]
    code, printed = crawling.run("news", "-a", f"since={middle}")
    assert code == 0, printed
    held = {url for (url,) in crawling.rows("select url from releases")}
    newer = {u for u, truth in crawling.site.truth.items() if truth.published and str(truth.published)[:10] > middle}
    assert newer <= held
    assert len(held) < len(crawling.site.truth)


def test_a_crawl_whose_output_nobody_reads_ends_all_the_same(crawling: Crawling) -> None:
    with crawling.start() as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=30) == 0
    assert crawling.rows("select count(*) from releases") == [(24,)]
