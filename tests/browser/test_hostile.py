"""A hostile agency's releases in a real browser: no script of theirs runs, no page of ours breaks its own policy."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from functools import partial

import httpx
import pytest
from playwright.sync_api import Browser, Dialog

from archive.__main__ import build_datasette_command
from tests.archive.sample import ROOT
from tests.archive.scribes import AGENCY, DAY, build_once
from tests.archive.vectors import VECTORS
from tests.browser.conftest import wait_for

pytestmark = pytest.mark.browser

OURS = (
    *(f"/archive/releases/{number}" for number in range(1, len(VECTORS), 20)),
    *("/", "/search?q=meddelande", "/search?show=questions&q=varför", "/-/edits", f"/-/status/{AGENCY}"),
    *(f"/-/diff/{number}/{number + len(VECTORS)}" for number in range(1, len(VECTORS), 20)),
    *(f"/agency/{AGENCY}", f"/month/{DAY:%Y-%m}", "/search?q=%3Cscript%3Ealert(1)%3C/script%3E", "/-/nothing<script>"),
)
DATA = ("/-/edits.atom", "/-/edits.json", "/archive/releases.json")
TOGETHER = 20  # releases in one page
DATASETTES = ("/archive/releases", "/archive/revisions/1", "/archive?sql=select+title,+body_html,+url+from+releases")


@pytest.fixture(scope="module")
def scribes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = build_once(tmp_path_factory)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = build_datasette_command(path, port)
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}", server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=10)


def test_nothing_of_theirs_runs(browser: Browser, scribes: str) -> None:
    context = browser.new_context(locale="sv-SE")
    page = context.new_page()
    ran: list[str] = []
    said: list[str] = []
    asked: list[str] = []
    page.on("dialog", partial(note, ran))
    page.on("console", lambda message: said.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    page.on("request", lambda request: asked.append(request.url))
    for address in (*OURS, *DATA):
        page.goto(scribes + address)
    said = [words for words in said if "404" not in words]  # the page that is not there
    assert said == []  # a policy that is broken is told here
    for address in DATASETTES:
        page.goto(scribes + address)
        assert page.evaluate("document.querySelectorAll('iframe, object, embed, base').length") == 0
    assert ran == []
    assert all(url.startswith(scribes) for url in asked)
    context.close()


def test_nothing_would_run_without_the_policy_either(browser: Browser, scribes: str) -> None:
    """Every release's page, put into a page of no policy: what is left of the markup is dead in itself."""
    with httpx.Client(base_url=scribes) as reader:
        pages = [reader.get(f"/archive/releases/{number}").text for number in range(1, len(VECTORS) + 2)]
    context = browser.new_context()
    page = context.new_page()
    ran: list[str] = []
    asked: list[str] = []
    page.on("dialog", partial(note, ran))
    page.on("request", lambda request: asked.append(request.url))
    for at in range(0, len(pages), TOGETHER):
        some = [text[text.index("<main") : text.index("</main>")] for text in pages[at : at + TOGETHER]]
        page.set_content("<!doctype html>" + "".join(f"{text}</main>" for text in some))
        assert page.locator("main > article.release h1").count() == len(some)
    assert ran == []
    assert asked == []
    context.close()


def test_a_browser_would_have_told(browser: Browser, scribes: str) -> None:
    """The same eyes see a script that does run, and one that the policy stops."""
    context = browser.new_context()
    page = context.new_page()
    ran: list[str] = []
    said: list[str] = []
    page.on("dialog", partial(note, ran))
    page.on("console", lambda message: said.append(message.text))
    page.set_content("<script>alert(1)</script>")
    page.goto(scribes)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')")
    page.wait_for_timeout(200)
    assert ran == ["1"]
    assert any("Content Security Policy" in words for words in said)
    context.close()


def note(ran: list[str], dialog: Dialog) -> None:
    """A script ran: it asked for this dialog."""
    ran.append(dialog.message)
    dialog.dismiss()
