"""The whole house in one walk: sample agencies crawled over loopback, served, and read in a browser."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from archive.__main__ import build_datasette_command
from tests.browser.conftest import wait_for
from tests.scraper.crawling import ROOT, Crawling
from tests.site import Site

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Site]]:
    """The served archive's address, and the site it was crawled from, still up."""
    folder = tmp_path_factory.mktemp("walk")
    with Site() as site:
        code, printed = Crawling(site, site.agencies_file(folder), folder / "archive.db").run()
        assert code == 0, printed
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = build_datasette_command(folder / "archive.db", port)
        server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(f"http://127.0.0.1:{port}", server)
            yield f"http://127.0.0.1:{port}", site
        finally:
            server.terminate()
            server.wait(timeout=10)


def test_index_search_release_original_and_english(page: Page, walked: tuple[str, Site]) -> None:
    address, site = walked
    url, truth = next((u, t) for u, t in site.truth.items() if t.questions and t.answered_by and t.language == "sv")
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("Myndighetsarkivet")
    page.get_by_label("Sökord").fill(f'"{truth.title}"')
    page.keyboard.press("Enter")
    page.get_by_role("link", name=truth.title, exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(truth.title)
    expect(page.get_by_role("main")).to_contain_text(truth.lead)
    for asked in truth.questions:
        expect(page.get_by_role("main")).to_contain_text(asked.question)
    expect(page.get_by_role("main")).to_contain_text(truth.answered_by or "")
    page.get_by_role("link", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.get_by_role("heading", level=1)).to_have_text(truth.title)
    page.get_by_role("link", name="Read the original").click()
    page.wait_for_url(url)
    expect(page.locator("h1").first).to_contain_text(truth.title)
