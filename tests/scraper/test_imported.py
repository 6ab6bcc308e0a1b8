"""What was taken over from another collection, when the crawl comes: not asked for at once, never told as edited."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from archive.importer import import_file
from archive.store import Archive
from tests.scraper.crawling import Crawling
from tests.site import Site

SLUG = "skogsbruksradet"


def test_an_imported_release_is_left_by_the_news_and_read_anew_by_a_revisit(tmp_path: Path) -> None:
    with Site(releases=12) as site:
        crawling = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        urls = sorted(url for url in site.truth if f"//{SLUG}." in url)
        true = site.truth[urls[0]]
        taken = {
            "url": f"{urls[0]}?utm_source=rss#top",
            "title": true.title,
            "body": f"{true.body}\n\nEn *annan* samlings rad.",
        }
        bare = {"url": urls[1], "title": "Bara en annan rubrik"}
        (tmp_path / "a.jsonl").write_text(f"{json.dumps(taken)}\n{json.dumps(bare)}\n", "utf-8")
        with Archive(crawling.archive) as archive:
            archive.add_agency(SLUG, name="Skogsbruksrådet", home=f"https://{SLUG}.example/")
            assert import_file(archive, tmp_path / "a.jsonl", SLUG, datetime.now(UTC)).new == 2
        code, printed = crawling.run("news", "-a", f"agency={SLUG}")
        assert code == 0, printed
        causes = "select v.cause from revisions v join releases r on r.id = v.release where r.url = ? order by v.id"
        assert [crawling.rows(causes, url) for url in urls[:2]] == [[("import",)]] * 2
        assert crawling.rows("select count(*) from releases") == [(len(urls),)]
        crawling.write("update releases set next_check = null where capture is null")
        for _ in range(2):
            code, printed = crawling.run("revisit", "-a", f"agency={SLUG}")
            assert code == 0, printed
            assert [crawling.rows(causes, url) for url in urls[:2]] == [[("import",), ("parser",)]] * 2
        assert crawling.rows("select count(*) from edits") == [(0,)]
        assert crawling.rows("select count(*) from removals") == [(0,)]
