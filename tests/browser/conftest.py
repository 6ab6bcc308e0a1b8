"""A Chromium, Datasette in a process of its own over the sample archive, and the agencies' site on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from archive.__main__ import build_datasette_command
from tests.archive.sample import ROOT, fill
from tests.archive.sample_health import add_health
from tests.archive.sample_history import add_history
from tests.archive.sample_ledger import add_ledger
from tests.browser.chromium import find_chromium

QUIET = [  # a browser under test asks nobody anything
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
]


class AgencySite(BaseHTTPRequestHandler):
    """Answers every address with a page that says where it stands."""

    def do_GET(self) -> None:
        """One page for all."""
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(f"<!doctype html><title>Original</title><h1>{self.headers['host']}{self.path}</h1>".encode())

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture(scope="session")
def agencies() -> Iterator[str]:
    """The agencies' site; {slug} stands for an agency's host name."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), AgencySite)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://{{slug}}.localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def site(agencies: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The served archive's address; it is only read, by all tests."""
    path = add_health(add_history(fill(tmp_path_factory.mktemp("served") / "archive.db", agencies), agencies))
    add_ledger(path)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        build_datasette_command(path, port), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser a module: while Playwright runs, no asyncio test can run beside it."""
    path = find_chromium()
    if path is None:
        reason = "NO CHROMIUM WAS FOUND: the browser tests are left out (python -m tests.browser.install)"
        if os.environ.get("BROWSER_REQUIRED") == "1" or os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=[*QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of a Swedish reader."""
    context = browser.new_context(locale="sv-SE", viewport={"width": 1200, "height": 900})
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    """Until the server answers, a quarter of a minute at most."""
    for _ in range(150):
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own loopback address
                return
        except OSError:
            if server.poll() is not None:
                pytest.fail(f"datasette ended with {server.returncode}")
            time.sleep(0.1)
    pytest.fail(f"{address} did not answer")
