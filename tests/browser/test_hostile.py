"""A hostile agency's releases in a browser: no script of theirs runs, and no page violates its own
policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from playwright.sync_api import ConsoleMessage, Dialog, Page, Request

from tests.archive.hostile_agency import create_hostile_archive
from tests.archive.xss_vectors import VECTORS
from tests.browser.conftest import serve
from tests.case_tables import load_column

pytestmark = [pytest.mark.browser, pytest.mark.slow("drives a browser")]

EDITED = range(1, len(VECTORS), 20)
PAGES = [
    *(f"/archive/releases/{number}" for number in EDITED),
    *(f"/-/diff/{number}/{number + len(VECTORS)}" for number in EDITED),
    *load_column(__file__, "pages without numbers"),
]
DATASETTE_PAGES = (
    *("/archive/releases", "/archive/revisions/1"),
    "/archive?sql=select+title,+body_html,+url+from+releases",
)
BATCH_SIZE = 20  # releases in one page


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serve(
        create_hostile_archive(tmp_path_factory.mktemp("hostile") / "archive.db")
    ) as address:
        yield address


@dataclass
class PageRecord:
    """What happened in a page: the dialogs of scripts, messages and errors, and requested URLs."""

    dialogs: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        def add_dialog(dialog: Dialog) -> None:
            self.dialogs.append(dialog.message)
            dialog.dismiss()

        def add_message(message: ConsoleMessage) -> None:
            self.messages.append(f"{page.url}: {message.text}")

        def add_error(error: Exception) -> None:
            self.messages.append(f"{page.url}: {error}")

        def add_request(request: Request) -> None:
            self.requests.append(request.url)

        page.on("dialog", add_dialog)
        page.on("console", add_message)
        page.on("pageerror", add_error)
        page.on("request", add_request)


@pytest.fixture
def record(page: Page) -> PageRecord:
    record = PageRecord()
    record.watch(page)
    return record


def test_no_script_runs_and_policy_is_kept(
    page: Page, record: PageRecord, hostile_site: str
) -> None:
    for path in PAGES:
        page.goto(hostile_site + path)
    assert [
        message for message in record.messages if "404" not in message
    ] == []  # a violated policy is logged
    for path in DATASETTE_PAGES:
        page.goto(hostile_site + path)
        assert page.evaluate("document.querySelectorAll('iframe, object, embed, base').length") == 0
    assert record.dialogs == []
    assert all(url.startswith(hostile_site) for url in record.requests)


def test_no_script_would_run_without_the_policy(
    page: Page, record: PageRecord, hostile_site: str
) -> None:
    """The main part of every release's page, put into a page without a policy."""
    with httpx.Client(base_url=hostile_site) as client:
        texts = [
            client.get(f"/archive/releases/{number}").text for number in range(1, len(VECTORS) + 2)
        ]
    for start in range(0, len(texts), BATCH_SIZE):
        mains = [
            text[text.index("<main") : text.index("</main>")]
            for text in texts[start : start + BATCH_SIZE]
        ]
        page.set_content("<!doctype html>" + "".join(f"{main}</main>" for main in mains))
        assert page.locator("main > article.release h1").count() == len(mains)
    assert record.dialogs == []
    assert record.requests == []


def test_record_has_scripts_that_run_and_that_the_policy_stops(
    page: Page, record: PageRecord, hostile_site: str
) -> None:
    page.set_content("<script>alert(1)</script>")
    page.goto(hostile_site)
    with page.expect_console_message(lambda message: "Content Security Policy" in message.text):
        page.evaluate(
            "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')"
        )
    assert record.dialogs == ["1"]
