"""/-/mcp with the official client over loopback, its limits, and the site without the package."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from datasette.app import Datasette
from mcp import Client, MCPError

from archive.store.releases import Archive
from archive.web.request_limits import WORK, SandboxLimits, Work
from tests.archive.sample import Site, served
from tests.archive.sample_history import EDITED_ID, EDITED_NEWEST, EDITED_REVISIONS, REMOVED
from tests.archive.web.serving import listen
from tests.case_tables import load_cases

PUBLIC = "https://arkiv.example"
MESSAGE = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
HEADERS = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


@pytest.fixture(scope="module")
async def address(history_site: Site) -> AsyncIterator[str]:
    """The endpoint of a served site whose public address is another."""
    async with serve_endpoint(history_site.datasette) as address:
        yield address


@asynccontextmanager
async def serve_endpoint(datasette: Datasette) -> AsyncIterator[str]:
    async with listen(datasette.app()) as (host, port):
        yield f"http://{host}:{port}/-/mcp"


def build_call(tool: str, **arguments: object) -> dict[str, object]:
    """Return a message that calls a tool."""
    return {**MESSAGE, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


def read_text(result: Any) -> str:
    """Return the text of a tool's result."""
    return str(result.content[0].text)


async def call(address: str, tool: str, **arguments: object) -> dict[str, Any]:
    """Call a tool; return its result."""
    async with Client(address) as client:
        result = await client.call_tool(tool, arguments)
        assert not result.is_error, result.content
        assert json.loads(read_text(result)) == result.structured_content
        return dict(result.structured_content)


async def fail(address: str, tool: str, **arguments: object) -> str:
    """Call a tool; return why it fails."""
    async with Client(address) as client:
        result = await client.call_tool(tool, arguments)
        assert result.is_error
        return read_text(result)


async def test_tools_are_described_and_only_read(address: str) -> None:
    async with Client(address) as client:
        tools = (await client.list_tools()).tools
        assert "Swedish" in (client.instructions or "")
    assert [tool.name for tool in tools] == [
        *(
            "list_agencies",
            "search",
            "read_version",
            "compare_versions",
            "phrase_history",
            "check_quotations",
            "list_changes",
        )
    ]
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
    arguments = {tool.name: tool.input_schema["properties"] for tool in tools}
    assert arguments.pop("list_agencies") == {}
    assert all(each.get("description") for tool in arguments.values() for each in tool.values())
    assert "list_agencies" in arguments["search"]["agency"]["description"]
    assert "sql" not in json.dumps([tool.model_dump(mode="json") for tool in tools]).lower()


async def test_search_has_links_and_says_how_much_is_left(address: str) -> None:
    found = await call(address, "search", query="plogning")
    hit = found["hits"][0]
    assert (
        hit["page"].partition("#")[0]
        == f"{address.removesuffix('/-/mcp')}/archive/releases/{hit['release']}"
    )
    assert (found["complete"], found["next_page"], len(found["hits"])) == (False, 2, 10)
    last = await call(address, "search", query="plogning", page=-(-found["total"] // 10))
    assert (last["complete"], last["next_page"]) == (True, None)
    assert (await call(address, "search", query="plogning", agency="fyrstyrelsen"))[
        "total"
    ] < found["total"]


async def test_agencies_are_listed_and_known_by_slug_or_name(address: str) -> None:
    listed = await call(address, "list_agencies")
    assert listed["complete"]
    fyr = next(agency for agency in listed["agencies"] if agency["slug"] == "fyrstyrelsen")
    by_slug = await call(address, "search", query="fyr", agency=fyr["slug"])
    by_name = await call(address, "search", query="fyr", agency=fyr["name"].upper())
    assert by_name["total"] == by_slug["total"] > 0


async def test_version_is_read_in_parts_with_its_permalink(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest, first = EDITED_REVISIONS[-1], EDITED_REVISIONS[0]
    current = await call(address, "read_version", release=EDITED_ID)
    assert (current["revision"], current["is_current"], current["title"]) == (
        newest,
        True,
        EDITED_NEWEST,
    )
    assert current["permalink"].endswith(f"/-/revision/{newest}")
    assert current["complete"]
    assert [version["revision"] for version in current["versions"]] == list(
        reversed(EDITED_REVISIONS)
    )
    assert not (await call(address, "read_version", revision=first))["is_current"]
    monkeypatch.setattr("archive.views.mcp.MAX_CHARACTERS", 20)
    parts, offset = [], 0
    while offset is not None:
        part = await call(address, "read_version", release=EDITED_ID, offset=offset)
        parts.append(part["text"])
        offset = part["next_offset"]
        assert not part["complete"]
    assert "".join(parts) == current["text"]


async def test_versions_are_compared_in_either_order(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = EDITED_REVISIONS[:2]
    compared = await call(address, "compare_versions", before=other, after=one)
    assert (compared["before"]["revision"], compared["after"]["revision"]) == (one, other)
    assert compared["complete"]
    assert {"del", "ins"} <= {piece["op"] for piece in compared["pieces"]}
    monkeypatch.setattr("archive.views.mcp.MAX_CHARACTERS", 50)
    shorter = await call(address, "compare_versions", before=one, after=other)
    assert not shorter["complete"]
    assert len(shorter["pieces"]) < len(compared["pieces"])


async def test_phrase_has_a_history(address: str) -> None:
    history = await call(address, "phrase_history", phrase="20 miljoner")
    assert history["complete"]
    gone = history["presences"][0]
    assert gone["missing_at"]
    assert gone["version"].endswith(f"/-/revision/{gone['last_revision']}")


async def test_quotations_are_checked(address: str) -> None:
    text = "De skriver ”Stödet till båtbyggare blir 30 miljoner kronor i år”."
    checked = await call(address, "check_quotations", text=text)
    (quotation,) = checked["quotations"]
    assert (quotation["verdict"], checked["complete"]) == ("verbatim", True)
    assert "/-/revision/" in quotation["permalink"]
    assert "too long" in await fail(address, "check_quotations", text="å" * 30_000)


@pytest.mark.parametrize("size", [160_000, 1_000_000])
async def test_text_that_is_much_too_long_is_an_error_with_a_reason(
    address: str, size: int
) -> None:
    async with Client(address) as client:
        with pytest.raises(MCPError, match="too long"):
            await client.call_tool("check_quotations", {"text": "x" * size})


@pytest.mark.parametrize(("what", "time"), [("edits", "seen"), ("removals", "confirmed")])
async def test_changes_since_a_day_are_those_of_the_register(
    address: str, what: str, time: str
) -> None:
    everything, after = [], None
    while True:
        page = await call(
            address, "list_changes", since="2020-01-01", what=what, size=7, after=after
        )
        everything += page[what]
        after = page["next_after"]
        assert page["complete"] == (after is None)
        if after is None:
            break
    assert len(everything) > len(REMOVED)
    day = sorted(entry[time] for entry in everything)[len(everything) // 2][:10]
    newer = await call(address, "list_changes", since=day, what=what, size=100)
    assert newer["complete"]
    assert 0 < len(newer[what]) < len(everything)
    assert newer[what] == everything[: len(newer[what])]


@pytest.mark.parametrize("what", ["edits", "removals", "new"])
async def test_changes_of_an_agency_never_read_are_not_complete(tmp_path: Path, what: str) -> None:
    path = tmp_path / "archive.db"
    with Archive(path) as archive:
        archive.add_agency("tullhuset", name="Tullhuset", home="https://tullhuset.example/")
        archive.add_agency("hamnverket", name="Hamnverket", home="https://hamnverket.example/")
        archive.db.execute(
            "insert into crawls (agency, spider, started)"
            " values ('hamnverket', 'news', '2024-06-03')"
        )
    with served(path) as datasette:
        async with serve_endpoint(datasette) as address:
            for agency, is_read in (("tullhuset", False), ("hamnverket", True), (None, True)):
                found = await call(
                    address, "list_changes", since="2020-01-01", what=what, agency=agency
                )
                assert (found[what], found["complete"], bool(found["read_since"])) == (
                    [],
                    is_read,
                    is_read,
                )


@pytest.mark.parametrize(
    ("tool", "arguments", "words"), load_cases(__file__, "error names its reason")
)
async def test_error_names_its_reason(
    address: str, tool: str, arguments: dict[str, object], words: str
) -> None:
    message = await fail(address, tool, **arguments)
    assert words in message
    assert "Traceback" not in message


async def test_a_busy_site_says_so(history_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "archive.web.security.read_limits",
        lambda _: SandboxLimits(work={**WORK, "/search": Work(0, waiting=0)}),
    )
    # a new one, which has these limits
    app = type(history_site.datasette).app(history_site.datasette)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
    ) as client:
        message = build_call("search", query="fyr")
        result = (await client.post("/-/mcp", json=message, headers=HEADERS)).json()["result"]
    assert result["isError"]
    assert "too busy" in result["content"][0]["text"]
    assert "Try again in 10 seconds" in result["content"][0]["text"]


async def test_public_address_and_host(history_site: Site) -> None:
    """A foreign Host is accepted, as on every page, and links begin with the address of the
    request.
    """
    client = history_site.datasette.client
    message = build_call("search", query="fyr")
    response = await client.post(
        "/-/mcp", json=message, headers={**HEADERS, "host": "arkiv.example"}
    )
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.json()["result"]["structuredContent"]["page"].startswith(
        "http://arkiv.example/search"
    )


async def test_base_url(history_archive: Any) -> None:
    with served(history_archive, base_url="/arkiv/") as datasette:
        message = build_call("read_version", release=EDITED_ID)
        result = (await datasette.client.post("/-/mcp", json=message, headers=HEADERS)).json()[
            "result"
        ]
    assert result["structuredContent"]["permalink"].endswith(
        f"/arkiv/-/revision/{EDITED_REVISIONS[-1]}"
    )


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("GET", b"", 405),
        ("DELETE", b"", 405),
        ("OPTIONS", b"", 200),
        ("POST", b"{", 400),
        ("POST", b"x" * 200_000, 413),
        ("POST", json.dumps([MESSAGE]).encode(), 400),
        ("POST", json.dumps(MESSAGE).encode(), 200),
    ],
)
async def test_requests(history_site: Site, method: str, body: bytes, status: int) -> None:
    response = await history_site.datasette.client.request(
        method, "/-/mcp", content=body, headers=HEADERS
    )
    assert response.status_code == status
    if method in ("GET", "OPTIONS"):
        assert "POST" in response.headers["allow"]


async def test_unknown_parameter_is_an_error(history_site: Site) -> None:
    assert await history_site.status("/-/mcp?sql=select+1") == 400


async def test_site_without_the_package_says_so(
    history_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.views.mcp.find_spec", lambda name: None)
    for method in ("GET", "POST"):
        response = await history_site.datasette.client.request(
            method, "/-/mcp", json=MESSAGE, headers=HEADERS
        )
        assert response.status_code == 501
        assert "mcp" in response.json()["error"]
