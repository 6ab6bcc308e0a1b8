"""Rejections, error responses and headers of the served site."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import AsyncMock
from urllib.parse import urlencode

import httpx
import pytest
from datasette import hookimpl
from datasette.plugins import pm
from lxml import html

from archive.web.datasette_versions import read_canned_queries
from archive.web.request_limits import SQL, WORK, BusyError
from archive.web.security import REFUSALS_PER_SECOND
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import ROOT, Site, served
from tests.archive.web.serving import configure_plugin, serve_with_limits
from tests.harness.locked.attacks import ENDLESS


@pytest.fixture(scope="module")
async def site_without_sql(site: Site, sample_archive: Path) -> AsyncIterator[Site]:
    """It depends on `site` because it would otherwise unregister its plugins at the end."""
    with served(sample_archive, default_allow_sql=False) as datasette:
        await Site(datasette).get("/")
        yield Site(datasette)


@pytest.fixture
async def busy_site(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    await site.get("/")
    monkeypatch.setattr("archive.web.request_limits.WorkQueue.has_room", lambda *_: False)
    return site


# Busy


@pytest.mark.parametrize(
    "path", ["/search?q=fyr", "/archive/releases", "/-/diff/1/2", "/archive/releases/1?q=fyr&hit=1"]
)
@pytest.mark.parametrize(("language", "link"), [("sv", "Försök igen"), ("en", "Try again")])
async def test_rejection_is_a_page_in_the_language_of_the_reader(
    busy_site: Site, path: str, language: str, link: str
) -> None:
    response = await busy_site.get(path, accept_language=language)
    assert (response.status_code, response.headers["retry-after"]) == (503, "10")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-language"] == language
    assert response.headers["cache-control"] == "no-store"
    assert "script-src" not in response.headers["content-security-policy"]
    page = html.fromstring(response.text)
    assert (page.get("lang"), page.cssselect("main a")[0].text) == (language, link)


async def test_rejection_follows_the_chosen_language_and_format(busy_site: Site) -> None:
    assert "Try again" in (await busy_site.get("/search?q=fyr&lang=en", accept_language="sv")).text
    assert (await busy_site.json("/search.json?q=fyr"))["status"] == 503
    for path in (
        *("/search.csv?q=fyr", "/-/changes.ndjson", "/archive/releases.csv?_stream=on"),
        "/-/evidence/51.zip",
    ):
        response = await busy_site.get(path)
        assert (response.status_code, response.text[0]) == (503, "t"), path
        assert "<" not in response.text


async def test_rejections_are_rendered_once_and_slowed_down(
    busy_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await busy_site.get("/search?q=fyr")
    monkeypatch.setattr("jinja2.Template.render_async", None)
    started = time.perf_counter()
    responses = await asyncio.gather(
        *(busy_site.get("/search?q=fyr") for _ in range(REFUSALS_PER_SECOND))
    )
    assert {response.status_code for response in responses} == {503}
    assert time.perf_counter() - started > 0.9


async def test_request_that_waited_too_long_is_a_503_as_json(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    await site.get("/")
    monkeypatch.setattr(
        "archive.web.request_limits.WorkQueue.acquire", AsyncMock(side_effect=BusyError)
    )
    response = await site.get("/archive/tags.json")
    assert (response.status_code, response.json()["status"]) == (503, 503)
    assert response.headers["access-control-allow-origin"] == "*"


async def test_only_a_few_streams_run_at_once(site: Site) -> None:
    streams = [site.get("/archive/releases.csv?_stream=on") for _ in range(WORK[SQL].downloads + 2)]
    responses = await asyncio.gather(*streams)
    assert (
        sorted(response.status_code for response in responses)
        == [200] * WORK[SQL].downloads + [503] * 2
    )
    assert (await site.get("/archive/releases.csv?_stream=on")).text.count("\r\n") > 40


async def test_only_a_few_bundles_of_evidence_are_written_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most = [], 0

    def write(*_: Any) -> bool:
        nonlocal most
        running.append(1)
        most = max(most, len(running))
        time.sleep(0.05)
        running.pop()
        return False

    monkeypatch.setattr("archive.views.versions.write_bundle", write)
    work = WORK["/-/evidence/"]
    count = work.running + work.waiting
    responses = await asyncio.gather(*(site.get("/-/evidence/1.zip") for _ in range(count + 3)))
    statuses = sorted(response.status_code for response in responses)
    assert (statuses, most) == ([404] * count + [503] * 3, work.running)


# Requests that are rejected


@pytest.mark.parametrize(
    "path",
    [
        "/archive.json?sql=/**/" + "+" * 60_000 + "x",
        "/archive/releases.json?_search=" + "ord+" * 3_000,
        "/archive/releases.json?" + "_where=1&" * 6_000,
        *(
            f"{page}?{query}"
            for page in (
                "/search",
                "/search.json",
                "/-/edits",
                "/-/edits.json",
                "/new.csv",
                "/",
                "/about",
            )
            for query in ("q=" + "fyrar+" * 2_000, "x=" + "å" * 10_001, "&".join(["tag=x"] * 201))
        ),
    ],
    ids=lambda path: path[:40],
)
async def test_long_url_is_rejected_before_it_is_read(
    site: Site, site_without_sql: Site, path: str
) -> None:
    for each in (site, site_without_sql) if path.startswith("/archive") else (site,):
        started = time.process_time()
        response = await each.get(path)
        assert time.process_time() - started < 2
        assert response.status_code == 400
        assert "at most" in (response.json()["error"] if ".json" in path else response.text)
        assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        *(
            ("get", path + "x" * 10_000, 200)
            for path in ("/search?q=", "/search.json?q=", "/about?utm_term=")
        ),
        *(("get", path, 400) for path in ("/-/static/%00", "/static/%00.css", "/tag/%00")),
        *(
            ("get", f"/-/{name}", 404)
            for name in ("messages", "permissions", "allow-debug", "patterns", "logout")
        ),
        ("get", "/-/auth-token?token=x", 404),
        *((method, "/archive.json", 405) for method in ("post", "put", "patch", "delete")),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_unusual_requests_have_the_right_status(
    site: Site, method: str, path: str, status: int
) -> None:
    response = await getattr(site.datasette.client, method)(path)
    assert response.status_code == status
    if status == 405:
        assert (response.headers["allow"], response.json()["status"]) == ("GET, HEAD, OPTIONS", 405)


@pytest.mark.parametrize(
    "path", ["/", "/archive/releases.json?_size=1", "/archive/releases/1", "/search?q=fyr"]
)
async def test_only_valid_hosts_are_answered_and_cookies_are_not_read(
    site: Site, path: str
) -> None:
    rejected = [(b"host", host) for host in (b"[", b"]:x", b"a b", b"x/y")]
    accepted = [(b"host", host) for host in (b"[::1]:8001", b"arkiv.example", b"a_b:80")]
    accepted += [
        (b"cookie", cookie) for cookie in (b"a=\xff\xfe", b'a="\xc3(', b"\x7f=1; b", b"ds_actor=x")
    ]
    for header in [*rejected, *accepted]:
        response = await site.datasette.client.get(path, headers=[header])
        assert response.status_code == (400 if header in rejected else 200), header


async def test_canned_queries_are_answered_without_sql(site_without_sql: Site) -> None:
    for name in read_canned_queries():
        assert await site_without_sql.status(f"/archive/{name}.json") == 200, name


# What is public


async def test_metadata_and_settings_are_public_and_without_paths(
    site: Site, sample_archive: Path
) -> None:
    with served(
        sample_archive
    ) as datasette:  # a new one, because Datasette's pages add inherited values
        metadata = await Site(datasette).json("/-/metadata.json")
    assert metadata == json.loads((ROOT / "metadata.json").read_text(encoding="utf-8"))
    assert "plugins" not in metadata
    for name in ("versions", "settings", "plugins", "actor"):
        response = await site.get(f"/-/{name}.json")
        assert response.status_code == 200
        assert str(ROOT) not in response.text


@pytest.mark.parametrize("is_allowed", [True, False])
async def test_cors_is_a_setting(sample_archive: Path, *, is_allowed: bool) -> None:
    with served(sample_archive, cors=is_allowed) as datasette:
        for path in ("/archive/releases.json", "/-/edits.json", "/archive/nothing.json"):
            headers = (await Site(datasette).get(path)).headers
            assert ("access-control-allow-origin" in headers) == is_allowed


# Errors


async def test_fault_is_logged_and_not_shown(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await site.get("/")
    monkeypatch.setattr(type(site.datasette.get_database("archive")), "primary_keys", None)
    response = await site.get("/archive/releases.json")
    assert response.status_code == 500
    assert (
        response.json()["error"]
        == "An error occurred in the archive and has been logged. Please try again later."
    )
    assert "TypeError" in caplog.text


async def test_error_page_is_in_the_language_of_the_reader_and_data_in_english(
    sample_archive: Path,
) -> None:
    with serve_with_limits(sample_archive, {"starved_share": 0}, sql_time_limit_ms=50) as site:
        slow = urlencode({"_where": f"id in ({ENDLESS} select x from c)"})
        page = await site.get(f"/archive/releases?{slow}")
        assert (page.status_code, "Frågan tog för lång tid" in page.text) == (400, True)
        data = await site.get(f"/archive/releases.json?{slow}")
        assert data.json()["error"] == "The query took too long. Narrow it down and try again."


# Headers


async def test_page_of_a_snapshot_can_be_revalidated(site: Site, sample_archive: Path) -> None:
    assert "etag" not in (await site.get("/")).headers, "a crawl may change it at any moment"
    with served(sample_archive, immutable=True) as datasette:
        snapshot = Site(datasette)
        first = await snapshot.get("/", accept_language="sv")
        etag = first.headers["etag"]
        modified = datetime.fromtimestamp(int(sample_archive.stat().st_mtime), tz=UTC)
        assert parsedate_to_datetime(first.headers["last-modified"]) == modified
        assert first.headers["last-modified"].endswith("GMT")
        again = await snapshot.get("/", accept_language="sv", if_none_match=f'"x", {etag}')
        assert (again.status_code, again.content) == (304, b"")
        assert not {"content-security-policy", "content-type"} & {*again.headers}, (
            "a browser would replace its own"
        )
        assert await snapshot.status("/", accept_language="en", if_none_match=etag) == 200
        query = await snapshot.get("/archive.json?sql=select+random()", if_none_match=etag)
        assert (query.status_code, "etag" in query.headers) == (200, False)


@pytest.mark.parametrize("path", ["/static/style.css", "/static/icon.svg", "/-/static/app.css"])
async def test_static_file_is_cached_for_good_under_its_hash(site: Site, path: str) -> None:
    response = await site.get(path)
    etag = response.headers["etag"]
    assert (response.status_code, response.headers["cache-control"]) == (200, "max-age=300")
    assert (await site.get(f"{path}?{etag[1:-1]}")).headers[
        "cache-control"
    ] == "max-age=31536000, immutable"
    assert (await site.get(f"{path}?0123456789ab")).headers[
        "cache-control"
    ] == "max-age=300"  # of another version
    again = await site.get(path, if_none_match=etag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    for missing in (f"{path}x", "/static/../schema.py", "/static/", "/static/%2e%2e/schema.py"):
        response = await site.get(missing)
        assert response.status_code in (403, 404), missing
        assert "etag" not in response.headers, missing


async def test_links_have_the_public_address_of_the_site(sample_archive: Path) -> None:
    with served(sample_archive) as datasette:
        configure_plugin(datasette, "headers", {"origin": "https://arkiv.example"})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=datasette.app())) as client:
            feed = (await client.get("http://evil.example/search.atom?q=fyr")).text
    assert "evil.example" not in feed
    assert "https://arkiv.example/search.atom" in feed


@pytest.mark.parametrize(
    ("hook", "is_warned"),
    [("extra_js_urls", True), ("extra_body_script", True), ("extra_css_urls", False)],
)
async def test_plugin_whose_scripts_would_not_run_is_named_in_the_log(
    sample_archive: Path, caplog: pytest.LogCaptureFixture, hook: str, is_warned: bool
) -> None:
    plugin = ModuleType("datasette_chart")
    setattr(plugin, hook, hookimpl(lambda: []))
    pm.register(plugin)
    try:
        with served(sample_archive) as datasette:
            await Site(datasette).get("/")
    finally:
        pm.unregister(plugin)
    assert ("the plugin datasette_chart needs scripts" in caplog.text) == is_warned


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], site: Site, site_without_sql: Site) -> None:
    for page in pages:
        await page.check({"site": site, "nosql": site_without_sql})
