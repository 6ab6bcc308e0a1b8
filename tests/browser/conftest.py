"""A Chromium, and the served sample archive."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.archive.sample import fill, served
from tests.archive.sample_coverage import add_coverage
from tests.archive.sample_files import replace_file
from tests.archive.sample_health import add_health
from tests.archive.sample_history import EDITED_ID, add_history
from tests.browser.install import find_chromium

CHROMIUM_OPTIONS = [  # no requests of its own
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
]


@contextmanager
def serve(path: Path) -> Iterator[str]:
    """Serve an archive from a thread of this process, and return its address."""
    with (
        served(path, num_sql_threads=6) as datasette,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        server = uvicorn.Server(uvicorn.Config(datasette.app(), log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the served sample archive, which all tests only read."""
    path = replace_file(
        add_history(fill(tmp_path_factory.mktemp("served") / "archive.db")), EDITED_ID
    )
    with serve(add_coverage(add_health(path))) as address:
        yield address


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for the package: while Playwright runs, no asyncio test of another package can
    run.
    """
    path = find_chromium()
    if path is None:
        reason = (
            "NO CHROMIUM WAS FOUND: the browser tests are skipped (python -m tests.browser.install)"
        )
        if os.environ.get("BROWSER_REQUIRED") == "1" or os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    options = [*CHROMIUM_OPTIONS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def swedish_context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(locale="sv-SE", viewport={"width": 1200, "height": 900}) as context:
        context.set_default_timeout(10_000)
        yield context


@pytest.fixture
def page(swedish_context: BrowserContext) -> Iterator[Page]:
    """A tab of a Swedish reader."""
    with swedish_context.new_page() as page:
        yield page
