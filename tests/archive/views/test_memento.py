from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.database.captures import Captures
from archive.database.models import Capture
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, redact_passage
from tests.archive.sample import Site, served
from tests.archive.sample_evidence import (
    body,
    create_evidence_archive,
    execute,
    url,
)

TAKEN_DOWN = datetime(2026, 3, 9, 8, tzinfo=UTC)
HOST = "http://localhost"
EDITED, UNEDITED = url(3), url(1)  # of three versions, and of one
STAMPS = ("20260301080300", "20260302080300", "20260303080300")
DATES = tuple(f"{day} Mar 2026 08:03:00 GMT" for day in ("Sun, 01", "Mon, 02", "Tue, 03"))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return create_evidence_archive(tmp_path)


@pytest.fixture
async def site(archive: Path) -> AsyncIterator[Site]:
    with served(archive) as datasette:
        yield Site(datasette)


def capture_body(
    archive: Path, address: str, content: bytes, status: int = 200, **headers: str
) -> None:
    """Store a page that belongs to no release."""
    with Archive(archive) as opened, Captures(archive) as captures:
        sha256 = captures.store_body(content, "fyr.example")
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        with opened.transaction():
            opened.add_capture(
                Capture(
                    url=address,
                    seen=datetime(2026, 3, 9, 8, tzinfo=UTC),
                    status=status,
                    headers=fields,
                    sha256=sha256,
                    bytes=len(content),
                )
            )


def read_links(header: str) -> dict[str, str]:
    """Return the targets of a Link header or a TimeMap by their relation."""
    return {rel: target for target, rel in re.findall(r'<([^>]*)>;\s*rel="([^"]*)"', header)}


async def test_memento_has_the_bytes_as_they_were_received(site: Site) -> None:
    for day, stamp in enumerate(STAMPS):
        for form in (stamp, f"{stamp}id_"):
            response = await site.get(f"/-/web/{form}/{EDITED}")
            assert (response.status_code, response.content) == (200, body(3, day))
            assert response.headers["memento-datetime"] == DATES[day]
            assert response.headers["content-type"] == "text/html; charset=utf-8"
            assert response.headers["x-archive-orig-content-type"] == "text/html; charset=utf-8"
            assert response.headers["x-robots-tag"] == "noindex"


async def test_nothing_in_a_memento_can_run_or_load(site: Site) -> None:
    policy = (await site.get(f"/-/web/{STAMPS[0]}/{EDITED}")).headers["content-security-policy"]
    rules = policy.split("; ")
    assert {"sandbox", "default-src 'none'", "frame-ancestors 'none'"} <= set(rules)
    assert not [rule for rule in rules if "script" in rule or "allow-" in rule]


async def test_memento_links_to_its_neighbours(site: Site) -> None:
    response = await site.get(f"/-/web/{STAMPS[1]}/{EDITED}")
    assert read_links(response.headers["link"]) == {
        "original": EDITED,
        "timegate": f"{HOST}/-/web/{EDITED}",
        "timemap": f"{HOST}/-/web/timemap/link/{EDITED}",
        "first prev memento": f"{HOST}/-/web/{STAMPS[0]}/{EDITED}",
        "memento": f"{HOST}/-/web/{STAMPS[1]}/{EDITED}",
        "last next memento": f"{HOST}/-/web/{STAMPS[2]}/{EDITED}",
    }


@pytest.mark.parametrize(
    ("wanted", "stamp"),
    [
        (None, STAMPS[2]),
        ("Mon, 02 Mar 2026 08:03:00 GMT", STAMPS[1]),
        ("Mon, 02 Mar 2026 20:02:00 GMT", STAMPS[1]),
        ("Mon, 02 Mar 2026 20:04:00 GMT", STAMPS[2]),
        ("Thu, 01 Jan 1970 00:00:00 GMT", STAMPS[0]),
        ("Fri, 01 Jan 2100 00:00:00 GMT", STAMPS[2]),
    ],
)
async def test_timegate_leads_to_the_nearest(site: Site, wanted: str | None, stamp: str) -> None:
    headers = {"accept_datetime": wanted} if wanted else {}
    response = await site.get(f"/-/web/{EDITED}", **headers)
    assert response.status_code == 302
    assert response.headers["location"] == f"{HOST}/-/web/{stamp}/{EDITED}"
    assert "accept-datetime" in response.headers["vary"].lower()
    assert "accept-language" in response.headers["vary"].lower()
    assert response.headers["link"].count("memento") >= 3


async def test_timegate_answers_head(site: Site) -> None:
    response = await site.datasette.client.head(f"/-/web/{EDITED}")
    assert (response.status_code, response.headers["location"]) == (
        302,
        f"{HOST}/-/web/{STAMPS[2]}/{EDITED}",
    )


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("20260302", STAMPS[1]),
        ("2026", STAMPS[0]),
        ("20260302080259id_", f"{STAMPS[1]}id_"),
        ("2030", STAMPS[2]),
    ],
)
async def test_other_times_lead_to_the_nearest(site: Site, asked: str, found: str) -> None:
    response = await site.get(f"/-/web/{asked}/{EDITED}")
    assert response.status_code == 302
    assert response.headers["location"] == f"{HOST}/-/web/{found}/{EDITED}"


async def test_timemap_has_every_memento(site: Site) -> None:
    response = await site.get(f"/-/web/timemap/link/{EDITED}")
    assert response.headers["content-type"] == "application/link-format"
    lines = response.text.rstrip("\n").split(",\n")
    assert lines[:3] == [
        f'<{EDITED}>; rel="original"',
        f'<{HOST}/-/web/timemap/link/{EDITED}>; rel="self"; type="application/link-format";'
        f' from="{DATES[0]}"; until="{DATES[2]}"',
        f'<{HOST}/-/web/{EDITED}>; rel="timegate"',
    ]
    assert lines[3:] == [
        f'<{HOST}/-/web/{stamp}/{EDITED}>; rel="{rel}"; datetime="{date}"'
        for stamp, rel, date in zip(
            STAMPS, ("first memento", "memento", "last memento"), DATES, strict=True
        )
    ]
    data = await site.json(f"/-/web/timemap/json/{EDITED}")
    assert data["original_uri"] == EDITED
    assert [row["uri"] for row in data["mementos"]["list"]] == [
        f"{HOST}/-/web/{stamp}/{EDITED}" for stamp in STAMPS
    ]
    assert data["mementos"]["last"] == {
        "datetime": "2026-03-03T08:03:00+00:00",
        "uri": f"{HOST}/-/web/{STAMPS[2]}/{EDITED}",
    }


@pytest.mark.parametrize(
    "spelling",
    [
        EDITED.replace("https://", "http://"),
        EDITED.replace("https://", "https:/"),
        EDITED.replace("https://", "HTTPS://"),
        f"{EDITED}/",
        f"{EDITED}?utm_source=mejl",
    ],
)
async def test_spellings_of_an_address(site: Site, spelling: str) -> None:
    response = await site.get(f"/-/web/{spelling}")
    assert response.headers["location"] == f"{HOST}/-/web/{STAMPS[2]}/{EDITED}"


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("https://fyr.example/?id=3&b=%C3%A5", "https://fyr.example/?id=3&b=%C3%A5"),
        ("https://fyr.example/båk", "https://fyr.example/b%C3%A5k"),
        ("https://fyr.example/2026/", "https://fyr.example/2026"),
        ("https://fyr.example/lang?lang=en&sql=1", "https://fyr.example/lang?lang=en&sql=1"),
    ],
)
async def test_odd_addresses(archive: Path, stored: str, asked: str) -> None:
    capture_body(archive, stored, b"odd", content_type="text/plain")
    with served(archive) as datasette:
        site = Site(datasette)
        location = (await site.get(f"/-/web/{asked}")).headers["location"]
        assert location.isascii()
        response = await site.get(location.removeprefix(HOST))
    assert (response.status_code, response.content) == (200, b"odd")


async def test_redirects_and_errors_are_replayed(archive: Path) -> None:
    gone, moved = "https://fyr.example/gone", "https://fyr.example/moved"
    capture_body(archive, gone, b"gone", 410)
    capture_body(archive, moved, b"", 301, location="/nyheter/3")
    with served(archive) as datasette:
        site = Site(datasette)
        response = await site.get(f"/-/web/20260309080000/{gone}")
        assert (response.status_code, response.content) == (410, b"gone")
        assert response.headers["content-type"] == "application/octet-stream"
        response = await site.get(f"/-/web/20260309080000/{moved}")
        assert response.status_code == 301
        assert response.headers["location"] == f"{HOST}/-/web/20260309080000/{EDITED}"


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/-/web/https://fyr.example/okänd", 404, "Arkivet har ingen sida från"),
        ("/-/web/timemap/link/https://fyr.example/x", 404, "Arkivet har ingen sida från"),
        ("/-/web/ftp://fyr.example/x", 404, "Arkivet har ingen sida från"),
        (f"/-/web/20261399/{EDITED}", 400, "20261399 är ingen giltig tid."),
        (f"/-/web/00000101000000/{EDITED}", 400, "00000101000000 är ingen giltig tid."),
    ],
)
async def test_errors(site: Site, path: str, status: int, sentence: str) -> None:
    response = await site.get(path)
    assert (response.status_code, sentence in response.text) == (status, True)


@pytest.mark.parametrize("wanted", ["i morse", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"])
async def test_unreadable_accept_datetime(site: Site, wanted: str) -> None:
    response = await site.get(f"/-/web/{EDITED}", accept_datetime=wanted)
    assert (response.status_code, f"{wanted} är ingen giltig tid." in response.text) == (400, True)
    assert "style-src 'self'" in response.headers["content-security-policy"]  # a page of the site


async def test_lost_bytes(archive: Path) -> None:
    (archive.parent / "captures.db").unlink()
    with served(archive) as datasette:
        response = await Site(datasette).get(f"/-/web/{STAMPS[0]}/{EDITED}")
    assert response.status_code == 404
    assert "men inte sidans innehåll" in response.text


@pytest.mark.parametrize("kind", ["hidden", "redacted"])
async def test_withheld_pages_are_not_there(archive: Path, kind: str) -> None:
    with Archive(archive) as opened:
        release_id = opened.find_release_id(EDITED)
        assert release_id
        if kind == "hidden":
            hide_release(opened, release_id, TAKEN_DOWN, reason="namn")
        else:
            redact_passage(opened, release_id, "Fyren tänds", TAKEN_DOWN, reason="namn")
    with served(archive) as datasette:
        site = Site(datasette)
        for path in ("", "timemap/link/", "timemap/json/", f"{STAMPS[0]}/", f"{STAMPS[2]}id_/"):
            assert await site.status(f"/-/web/{path}{EDITED}") == 404
        assert await site.status(f"/-/web/20260301080100/{UNEDITED}") == 200
        page = await site.get(f"/archive/releases/{release_id}")
        assert "link" not in page.headers


async def test_withheld_page_behind_a_redirect_is_not_there(archive: Path) -> None:
    target = "https://fyr.example/flyttad"
    with Archive(archive) as opened:
        release_id = opened.find_release_id(EDITED)
        assert release_id
        execute(archive, "update captures set url = ? where url = ?", target, EDITED)
        # a reading of the same page that is no version
        execute(
            archive,
            "insert into captures (url, seen, status, headers, sha256, bytes)"
            " select url, '2026-03-08T08:00:00+00:00', status, headers, sha256, bytes"
            " from captures where url = ? limit 1",
            target,
        )
        hide_release(opened, release_id, TAKEN_DOWN, reason="namn")
    with served(archive) as datasette:
        assert await Site(datasette).status(f"/-/web/{target}") == 404


async def test_captures_of_others_are_not_there(archive: Path) -> None:
    capture_body(archive, "https://fyr.example/old", b"old")
    execute(archive, "insert into observers (kind, name) values ('archive', 'Webbarkivet')")
    execute(archive, "update captures set observer = 1 where url = 'https://fyr.example/old'")
    with served(archive) as datasette:
        assert await Site(datasette).status("/-/web/https://fyr.example/old") == 404


async def test_quarantined_pages_are_not_there(archive: Path) -> None:
    capture_body(archive, "https://fyr.example/misread", b"?")
    (capture,) = execute(archive, "select id from captures order by id desc limit 1")[0]
    execute(
        archive,
        "insert into quarantine (agency, url, seen, reason, state, capture)"
        " values ('fyr', 'https://fyr.example/misread', '2026-03-09T08:00:00+00:00', 'x', '{}', ?)",
        capture,
    )
    with served(archive) as datasette:
        assert await Site(datasette).status("/-/web/https://fyr.example/misread") == 404


async def test_pages_link_to_their_mementos(site: Site) -> None:
    found = await site.select("select id, release from revisions where title = 'Fyr 3' order by id")
    rows = list(found)
    for row, stamp, date in zip(rows, STAMPS, DATES, strict=True):
        response = await site.get(f"/-/revision/{row['id']}")
        memento = f"{HOST}/-/web/{stamp}/{EDITED}"
        assert f'<{memento}>; rel="memento"; datetime="{date}"' in response.headers["link"]
        assert f'href="{memento.removeprefix(HOST)}"' in response.text
    page = await site.get(f"/archive/releases/{rows[0]['release']}")
    assert read_links(page.headers["link"])["memento"] == memento
    assert f'href="{memento.removeprefix(HOST)}"' in page.text
