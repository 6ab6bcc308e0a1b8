"""kill -9 at random moments of a revisit: every state is there whole or not at all, and the archive holds together.

KILLS=50 in the environment makes it as many; a few are enough for every day.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from archive.evidence.verify import verify
from tests.scraper.crawling import Crawling
from tests.site import Site

RELEASES = 100
KILLS = int(os.environ.get("KILLS", "5"))


def test_kills_leave_every_state_whole_or_absent(tmp_path: Path) -> None:
    chance = random.Random(20261124)
    with Site(releases=RELEASES, crawl_delay=None) as site:
        crawling = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        code, printed = crawling.run()
        assert code == 0, printed
        urls = sorted(site.truth)
        texts = {url: {truth.title} for url, truth in site.truth.items()}
        for number in range(KILLS):
            for url in urls:
                title = f"{site.truth[url].title.partition(' – ')[0]} – nummer {number}"
                site.edit(url, {"title": title}, stamped=chance.random() < 0.5)
                texts[url].add(title)
            crawling.write("update releases set next_check = null")
            with crawling.start("revisit", REVISIT_BUDGET="100000") as process:
                wait_for_more(crawling, chance.randint(0, 60))
                time.sleep(chance.random() * 0.1)
                process.kill()
                process.communicate()
        crawling.write("update releases set next_check = null")
        code, printed = crawling.run("revisit", REVISIT_BUDGET="100000")
        assert code == 0, printed
        standing = {url: truth.title for url, truth in site.truth.items()}
    assert dict(crawling.rows("select url, title from releases")) == standing
    states = crawling.rows("select r.url, v.title from revisions v join releases r on r.id = v.release")
    assert [(url, title) for url, title in states if title not in texts[url]] == []
    assert crawling.rows(
        "select count(*) from revisions where capture is null or (previous is null) <> (cause = 'first')"
    ) == [(0,)]
    assert crawling.rows(
        "select count(*) from (select release, seen from revisions group by 1, 2 having count(*) > 1)"
    ) == [(0,)]
    assert verify(crawling.archive).findings == []


def wait_for_more(crawling: Crawling, more: int) -> None:
    """Until the revisit has kept so many more states."""
    count = "select count(*) from revisions"
    start, deadline = crawling.rows(count)[0][0], time.monotonic() + 30
    while crawling.rows(count)[0][0] < start + more and time.monotonic() < deadline:
        time.sleep(0.01)
