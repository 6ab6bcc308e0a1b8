"""The check of quotations, as page and JSON, and requests with a body."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from lxml import html

from archive.store.releases import Archive
from archive.views import check as check_page
from archive.web import security
from archive.web.request_limits import (
    BODY,
    MAX_CLIENT_BODIES,
    WORK,
    BodyReceiver,
    SandboxLimits,
    Work,
)
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import SEEN, Site, build_release, hrefs, served, texts
from tests.archive.sample_history import EDITED_NEWEST
from tests.archive.web.serving import listen

WORD = "hemligkorsning"
ARTICLE = f"""Ändringsverket ger mer pengar, {WORD}.

”Stödet till båtbyggare blir 30 miljoner kronor i år”, skriver myndigheten. Först stod det ”stödet till båtbyggare blir
20 miljoner kronor i år”.

– Stödet till båtbyggare blir 50 miljoner kronor i år, säger Siv Å.

– Färjor av {WORD} finns inte i något arkiv. "båtar av"
"""


async def post(
    site: Site, path: str, content: str | bytes, media_type: str, **headers: str
) -> httpx.Response:
    response: httpx.Response = await site.datasette.client.post(
        path, content=content, headers={"content-type": media_type, **headers}
    )
    return response


async def post_form(site: Site, path: str, text: str, **headers: str) -> httpx.Response:
    return await post(
        site, path, urlencode({"text": text}), "application/x-www-form-urlencoded", **headers
    )


async def test_head(history_site: Site) -> None:
    head = await history_site.datasette.client.head("/-/check")
    assert (head.status_code, head.content) == (200, b"")


async def test_verdicts_as_json(history_site: Site) -> None:
    response = await post_form(history_site, "/-/check.json", ARTICLE)
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")
    assert not {"etag", "set-cookie", "archive-truncated", "last-modified"} & set(response.headers)
    answer = response.json()
    assert [row["verdict"] for row in answer["quotations"]] == [
        "verbatim",
        "withdrawn",
        "altered",
        "not_found",
    ]
    assert answer["complete"]
    assert answer["searched"]["edits"] > 3
    verbatim, withdrawn, altered, missing = answer["quotations"]
    normal = " ".join(ARTICLE.replace("\r\n", "\n").split())
    assert all(
        " ".join(ARTICLE[row["start"] : row["end"]].split()) in normal
        for row in answer["quotations"]
    )
    assert (verbatim["title"], verbatim["current"]) == (EDITED_NEWEST, True)
    assert withdrawn["disappeared"]["after"] < withdrawn["disappeared"]["until"]
    assert withdrawn["comparison"].endswith(
        f"/-/diff/{withdrawn['revision']}/{withdrawn['revision'] + 1}"
    )
    revision = await history_site.text(withdrawn["permalink"].removeprefix("http://localhost"))
    assert "20 miljoner kronor" in revision
    assert [
        (part["op"], part["text"]) for part in altered["difference"] if part["op"] != "same"
    ] == [
        ("del", "30 miljoner kronor "),
        ("ins", "50 miljoner kronor "),
    ]
    assert (missing["revision"], missing["permalink"], missing["difference"]) == (None, None, [])


async def test_page_has_the_same_verdicts(history_site: Site) -> None:
    page = html.fromstring((await post_form(history_site, "/-/check?lang=en", ARTICLE)).text)
    found = page.cssselect(".quotation")
    assert [item.cssselect("h3")[0].text for item in found] == [
        "Verbatim, but the speaker was not compared",
        *("Not in any current text", "Altered", "Not found"),
    ]
    assert "between two checks" in found[1].text_content()
    assert found[1].cssselect("a[href*='/-/diff/']")
    assert [mark.text_content() for mark in found[2].cssselect("del, ins")] != []
    assert texts(page, "ul.findings li") == [
        "Verbatim, but the speaker was not compared: 1",
        *("Altered: 1", "Not in any current text: 1", "Not found: 1"),
    ]
    assert page.cssselect("textarea")[0].text_content().strip() == ARTICLE.strip()
    assert (
        "html"
        in (await post_form(history_site, "/-/check", "Inga citat här.")).headers["content-type"]
    )


async def test_verdicts_lead_to_the_marked_place(history_site: Site) -> None:
    page = html.fromstring((await post_form(history_site, "/-/check?lang=en", ARTICLE)).text)
    links = [hrefs(item, ".findings a") for item in page.cssselect(".quotation")]
    answer = (await post_form(history_site, "/-/check.json", ARTICLE)).json()
    marked = []
    for (path,), row in zip(links[:3], answer["quotations"], strict=False):
        assert row["marked"] == "http://localhost" + path.replace("&lang=en#", "#")
        found = await history_site.page(path)
        (place,) = (each for each in found.iter("p") if each.cssselect("mark#place-1"))
        marked.append(place.text_content())
    assert [" ".join(text.split())[:55] for text in marked] == [
        "Stödet till båtbyggare blir 30 miljoner kronor i år.",
        "Stödet till båtbyggare blir 20 miljoner kronor i år.",
        "Stödet till båtbyggare blir 30 miljoner kronor i år.",
    ]
    assert [path.partition("?")[0] for (path,) in links[:3]] == [
        *("/archive/releases/51", "/-/revision/51", "/archive/releases/51"),
    ]
    assert links[3] == []
    assert answer["quotations"][3]["marked"] is None


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (json.dumps({"text": ARTICLE}), "application/json"),
        (ARTICLE, "text/plain; charset=UTF-8"),
        (ARTICLE.replace("\n", "\r\n").encode(), "text/plain"),
    ],
)
async def test_other_media_types(history_site: Site, content: str | bytes, media_type: str) -> None:
    answer = (await post(history_site, "/-/check.json", content, media_type)).json()
    assert answer["counts"] == {
        **dict.fromkeys(("verbatim", "altered", "withdrawn", "not_found"), 1),
        **dict.fromkeys(("not_checked", "short", "wrong_speaker"), 0),
    }


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"", "text/plain", 400),
        (b"text=+", "application/x-www-form-urlencoded", 400),
        (WORD.encode(), "application/x-www-form-urlencoded", 400),
        (b"text=%ff", "application/x-www-form-urlencoded", 400),
        (b"text=a&text=b", "application/x-www-form-urlencoded", 400),
        (b"text=a&mode=b", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a=1" for _ in range(100)), "application/x-www-form-urlencoded", 400),
        (b"\xe5", "text/plain", 400),
        (b'{"text": 1}', "application/json", 400),
        (b'{"text": "\\ud800"}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"text": "hemlig', "application/json", 400),
        (b"<a/>", "application/xml", 415),
        (b"--x", "multipart/form-data; boundary=x", 415),
        (b"text", "text/plain; charset=latin-1", 415),
        (b"", "", 415),
        (b"a" * 50_000, "text/plain", 200),
        (b"a" * 50_001, "text/plain", 413),
        ("å".encode() * 25_001, "text/plain", 413),
        (urlencode({"text": "å" * 25_000}).encode(), "application/x-www-form-urlencoded", 200),
        ('"ö" '.encode() * 1_001, "text/plain", 413),
        (b"a" * 300_000, "text/plain", 413),
        (b"a" * 3_000_000, "text/plain", 413),
    ],
)
async def test_bodies_that_are_refused(
    history_site: Site, content: bytes, media_type: str, status: int
) -> None:
    for path in ("/-/check.json", "/-/check"):
        response = await post(history_site, path, content, media_type)
        assert response.status_code == status, path
        is_json = path.endswith(".json")
        is_error = status != 200
        data_type = "application/problem+json" if is_error else "application/json"
        assert response.headers["content-type"].startswith(data_type if is_json else "text/html")
        assert WORD not in response.text
        assert status == 200 or not is_json or response.json()["status"] == status


async def test_other_pages_are_only_read(history_site: Site) -> None:
    for path in ("/search", "/archive.json", "/-/check/x", "/-/checks"):
        response = await post_form(history_site, path, "x")
        assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS"), (
            path
        )
    response = await history_site.datasette.client.put("/-/check", content=b"x")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


async def test_no_cookie_is_needed_or_set(history_site: Site) -> None:
    response = await post_form(history_site, "/-/check.json", ARTICLE, cookie="ds_csrftoken=x; a=b")
    assert response.status_code == 200
    assert "set-cookie" not in response.headers


async def test_incomplete_check_says_so(
    history_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.views.check.MAX_CHECK_SECONDS", -1.0)
    response = await post_form(history_site, "/-/check.json", ARTICLE)
    assert (response.status_code, response.headers["archive-truncated"]) == (
        200,
        "after 0 quotations",
    )
    answer = response.json()
    assert not answer["complete"]
    assert {(row["verdict"], row["reason"]) for row in answer["quotations"]} == {
        ("not_checked", "time")
    }
    page = html.fromstring((await post_form(history_site, "/-/check", ARTICLE)).text)
    assert "inte fullständig" in page.cssselect("[role=alert]")[0].text_content()


async def test_a_failure_is_logged_without_the_text(
    history_site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(text: str) -> None:
        raise ValueError(text)

    monkeypatch.setattr("archive.views.check.find_quotations", fail)
    with caplog.at_level(logging.DEBUG):
        response = await post_form(history_site, "/-/check.json", ARTICLE)
    assert response.status_code == 500
    assert "ValueError" in caplog.text
    assert WORD not in caplog.text + response.text


async def test_pages_of_other_sites_may_send_json(history_site: Site) -> None:
    response = await history_site.datasette.client.options("/-/check.json")
    assert (response.status_code, response.headers["allow"]) == (200, "GET, HEAD, OPTIONS, POST")
    assert "Content-Type" in response.headers["access-control-allow-headers"]
    answer = await post_form(history_site, "/-/check.json", ARTICLE)
    assert answer.headers["access-control-allow-origin"] == "*"


# over a socket


@pytest.fixture(scope="module")
async def address(history_site: Site) -> AsyncIterator[tuple[str, int]]:
    async with listen(history_site.datasette.app()) as address:
        yield address


async def exchange(address: tuple[str, int], request: bytes) -> tuple[list[int], bool]:
    """Send requests; return the statuses of the responses, and whether the server closed the
    connection.
    """
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    received, is_closed = b"", False
    with suppress(TimeoutError):
        while not is_closed:
            try:
                chunk = await asyncio.wait_for(reader.read(65_536), 1.5 if received else 15)
            except ConnectionError:  # what the client had still sent was not read
                chunk = b""
            received += chunk
            is_closed = not chunk
    writer.close()
    parts = received.split(b"HTTP/1.1 ")[1:]
    return [int(part[:3]) for part in parts], is_closed


GET = b"GET /-/check HTTP/1.1\r\nhost: localhost\r\n\r\n"
LONG_CHUNK = b"10000\r\n" + b"a" * 65_536 + b"\r\n"


def build_post(
    body: bytes = b"abc",
    *,
    path: bytes = b"/-/check.json",
    length: int | None = None,
    header: bytes = b"",
) -> bytes:
    """Return a request by POST; its stated length is that of the body, unless another is given, or
    a header for chunks.
    """
    if b"chunked" not in header:
        header += b"content-length: %d\r\n" % (len(body) if length is None else length)
    start = b"POST %s HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\n" % path
    return start + header + b"\r\n" + body


CHUNKED = b"transfer-encoding: chunked\r\n"
EXPECTING = b"expect: 100-continue\r\n"


@pytest.mark.slow("waits for slow clients")
@pytest.mark.parametrize(
    ("request_bytes", "statuses", "is_closed"),
    [
        pytest.param(build_post() + GET, [200, 200], False, id="small"),
        pytest.param(build_post(path=b"/search") + GET, [405], True, id="no POST"),
        pytest.param(build_post(b"", path=b"/search") + GET, [405, 200], False, id="no body"),
        pytest.param(build_post(b"a" * 160_001) + GET, [413, 200], False, id="read and refused"),
        pytest.param(build_post(b"a" * 9_000, length=9_000_000_000), [413], True, id="huge"),
        pytest.param(build_post(b"", length=900_000, header=EXPECTING), [413], True, id="expect"),
        pytest.param(
            build_post(b"3\r\nabc\r\n0\r\n\r\n", header=CHUNKED) + GET,
            [200, 200],
            False,
            id="chunked",
        ),
        pytest.param(
            build_post(LONG_CHUNK * 41, header=CHUNKED), [413], True, id="chunked too long"
        ),
    ],
)
async def test_connection_after_a_body(
    address: tuple[str, int],
    request_bytes: bytes,
    statuses: list[int],
    is_closed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = security._run_in_turn

    async def run_late(*arguments: Any, **options: Any) -> None:
        await asyncio.sleep(0.01)  # time to send "100 Continue", which no refusal may follow
        await run(*arguments, **options)

    monkeypatch.setattr(security, "_run_in_turn", run_late)
    assert await exchange(address, request_bytes) == (statuses, is_closed)


async def test_slow_body(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    receive = BodyReceiver.receive
    shorter = BodyReceiver(SandboxLimits(work={BODY: Work(100, seconds=0.1)}))
    monkeypatch.setattr(BodyReceiver, "receive", lambda _, *request: receive(shorter, *request))
    assert await exchange(address, build_post(length=100)) == ([408], True)


@asynccontextmanager
async def slow_clients(address: tuple[str, int], clients: Iterable[str]) -> AsyncIterator[None]:
    """Let clients begin to send bodies."""
    writers = []
    for client in clients:
        _, writer = await asyncio.open_connection(*address)
        writer.write(build_post(length=100, header=b"x-forwarded-for: %s\r\n" % client.encode()))
        writers.append(writer)
    await asyncio.sleep(0.2)
    yield
    for writer in writers:
        writer.close()
    await asyncio.sleep(0.2)


@pytest.mark.slow("waits for slow clients")
async def test_one_client_cannot_take_all_places(address: tuple[str, int]) -> None:
    own = b"x-forwarded-for: 203.0.113.1\r\n"
    async with slow_clients(address, ["203.0.113.1"] * MAX_CLIENT_BODIES):
        assert (await exchange(address, build_post(header=own)))[0] == [503]
    assert (await exchange(address, build_post(header=own)))[0] == [200]


@pytest.mark.slow("waits for slow clients")
@pytest.mark.parametrize(
    ("clients", "network"),
    [(40, "203.0.113.%d"), (WORK[BODY].running + 20, "2001:db8:0:%d::1")],
)
async def test_slow_bodies_of_many_clients_refuse_nobody(
    address: tuple[str, int], clients: int, network: str
) -> None:
    async with slow_clients(address, [network % number for number in range(clients)]):
        # /-/follow is not offered here
        paths = {b"/-/check.json": 200, b"/-/batch.json": 200, b"/-/follow": 404}
        for path, status in paths.items():
            assert (await exchange(address, build_post(path=path)))[0] == [status]


@pytest.mark.slow("waits for slow clients")
async def test_addresses_of_one_network_are_one_client(address: tuple[str, int]) -> None:
    network = [f"2001:db8:5:5:{number}::{number}" for number in range(MAX_CLIENT_BODIES)]
    answers = []
    async with slow_clients(address, network):
        for client in (b"2001:db8:5:5::99", b"2001:db8:5:6::99", b"::ffff:203.0.113.99"):
            request = build_post(header=b"x-forwarded-for: %s\r\n" % client)
            answers += (await exchange(address, request))[0]
    assert answers == [503, 200, 200]


async def test_logs_have_nothing_of_the_text(
    address: tuple[str, int], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for logger in (
        logging.getLogger(name) for name in ("uvicorn", "uvicorn.access", "uvicorn.error")
    ):
        # another server of this process may have configured them
        monkeypatch.setattr(logger, "propagate", True)
        monkeypatch.setattr(logger, "disabled", False)
        monkeypatch.setattr(logger, "level", logging.NOTSET)
    body = ARTICLE.encode()
    with caplog.at_level(logging.DEBUG):
        assert (await exchange(address, build_post(body)))[0] == [200]
        too_long = build_post(body, length=999_999_999)
        assert (await exchange(address, too_long))[0] == [413]
    assert "/-/check.json" in caplog.text
    assert WORD not in caplog.text


async def test_another_speaker(tmp_path: Path) -> None:
    """The words are right and the speaker is not: a verdict of its own, as page and JSON."""
    words = "Vi tänder sju fyrar längs kusten före midsommar"
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyrverket", home="https://fyr.example/")
        body = f"– {words}, säger fyrmästare Bo Lund."
        archive.save(build_release("fyr", "1", "Fyrar", body, language="sv"), seen_at=SEEN)
    text = f"Ebba Wrede sade: ”{words}.”"
    with served(tmp_path / "archive.db") as datasette:
        site = Site(datasette)
        page = html.fromstring((await post_form(site, "/-/check?lang=en", text)).text)
        data = (await post(site, "/-/check.json", text, "text/plain")).json()
    shown = " ".join(page.cssselect(".quotation")[0].text_content().split())
    assert shown.startswith("Verbatim Perhaps someone else’s words Show in the release: Fyrar")
    assert texts(page, "ul.findings li") == ["Verbatim, but perhaps someone else’s words: 1"]
    said = "The text seems to attribute the quotation to Ebba Wrede. The release quotes Bo Lund, fyrmästare."
    assert said in shown
    (quotation,) = data["quotations"]
    assert (quotation["verdict"], quotation["speaker"]) == ("wrong_speaker", "Ebba Wrede")
    assert quotation["speaker_verdict"] == "other"
    assert quotation["said_by"] == [{"name": "Bo Lund", "role": "fyrmästare"}]
    assert (data["counts"]["wrong_speaker"], data["counts"]["verbatim"]) == (1, 0)


async def test_plain_verbatim_only_if_the_speaker_was_compared(tmp_path: Path) -> None:
    words = "Vi tänder sju fyrar längs kusten före midsommar"
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyrverket", home="https://fyr.example/")
        body = f"– {words}, säger hamnchef Bo Lund."
        archive.save(build_release("fyr", "1", "Fyrar", body, language="sv"), seen_at=SEEN)
    text = f"”{words}”, säger hamnchef Bo Lund till TT.\n– {words}, säger hamnchefen."
    with served(tmp_path / "archive.db") as datasette:
        site = Site(datasette)
        page = html.fromstring((await post_form(site, "/-/check?lang=en", text)).text)
        data = (await post(site, "/-/check.json", text, "text/plain")).json()
    not_compared = "Verbatim, but the speaker was not compared"
    assert texts(page, ".quotation h3.verbatim") == ["Verbatim"]
    assert texts(page, ".quotation h3.speaker_not_compared") == [not_compared]
    assert texts(page, "ul.findings li") == ["Verbatim: 1", f"{not_compared}: 1"]
    assert [each["verdict"] for each in data["quotations"]] == ["verbatim"] * 2
    assert [each["speaker_verdict"] for each in data["quotations"]] == ["same", "not compared"]
    assert data["counts"]["verbatim"] == 2


async def test_too_many_quotations_are_counted_before_their_speakers_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_for: list[int] = []

    def add_speakers(_text: str, quotations: list[Any]) -> list[Any]:
        looked_for.append(len(quotations))
        time.sleep(0.2)
        return quotations

    monkeypatch.setattr(check_page, "add_speakers", add_speakers)
    monkeypatch.setattr(check_page, "MAX_CHECK_SECONDS", 0.1)
    Archive(tmp_path / "archive.db").close()
    with served(tmp_path / "archive.db") as datasette:
        site = Site(datasette)
        answer = await post(site, "/-/check.json", "”Vi bygger” sade " * 1_001, "text/plain")
        assert (answer.status_code, looked_for) == (413, [])
        slow = (
            await post(site, "/-/check.json", "Ek sade: ”Vi bygger tre nya fyrar.”", "text/plain")
        ).json()
    assert (looked_for, slow["complete"], slow["quotations"][0]["reason"]) == ([1], False, "time")


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], history_site: Site) -> None:
    for page in pages:
        await page.check({"history": history_site})
