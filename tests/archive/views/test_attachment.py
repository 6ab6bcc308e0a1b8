"""The page of an attachment, and its changes in timelines, in the register of edits and in
feeds.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from archive.attachments.attachment_store import AttachmentText
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, redact_passage
from archive.views.attachment import MAX_SHOWN_LETTERS, MAX_SHOWN_PAGES, choose_shown_pages
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import Site, served
from tests.archive.sample_evidence import create_evidence_archive
from tests.archive.sample_files import (
    DAY,
    DECISION,
    LINKING,
    NOW,
    add_files,
    find_file,
    link_files,
    to_text,
)
from tests.archive.web.test_datasette_setup import check_structure
from tests.case_tables import load_cases

FIRST, SCANNED, SECOND = 1, 2, 3  # versions


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Archive(create_evidence_archive(tmp_path)) as archive:
        assert add_files(archive) == (FIRST, SECOND, SCANNED)
    return archive.path


@pytest.fixture
async def site(path: Path) -> AsyncIterator[Site]:
    with served(path) as datasette:
        yield Site(datasette)


async def find_release(site: Site) -> int:
    return int((await site.json(f"/archive/releases.json?url={LINKING.url}&_shape=array"))[0]["id"])


@pytest.mark.parametrize(("address", "sentences"), load_cases(__file__, "page of a version"))
async def test_page_of_a_version(site: Site, address: str, sentences: list[str]) -> None:
    response = await site.get(address)
    assert (response.status_code, response.headers["x-robots-tag"]) == (200, "noindex")
    check_structure(await site.page(address))
    text = await site.text(address)
    assert [sentence for sentence in sentences if sentence not in text] == [], text


async def test_replaced_and_missing_files_are_in_the_history_of_a_release(site: Site) -> None:
    key = await find_release(site)
    text = await site.text(f"/archive/releases/{key}")
    for sentence in (
        "Bilagan ”Beslut om fyren” byttes ut: 1 belopp ändrat",
        "Bilagan ”Beslut om fyren” byttes ut (upptäckt 3 april 2026 kl. 11.00):"
        " [borttaget: 120 000] → [tillagt: 90 000] kronor Visa ändringen Alla versioner (2 ändringar)",
        "Bilagan ”Kvitto” fanns inte kvar på sin adress 2 april 2026 kl. 11.00",
        "Saknades vid 3 kontroller, senast 4 april 2026 kl. 11.00.",
    ):
        assert sentence in text
    events = (await site.json(f"/-/history/{key}.json"))["events"]
    found = [
        (event["event"], event["attachment"], event["revision"])
        for event in events
        if event["attachment"]
    ]
    assert found == [("attachment", SECOND, None), ("attachment_missing", SCANNED, None)]
    feed = await site.feed(f"/-/history/{key}.atom?lang=en")
    titles = [entry.title for entry in feed.entries]
    assert any(
        "“Beslut om fyren” was replaced · 1 amount changed · significant" in title
        for title in titles
    )
    assert any("“Kvitto” was no longer at its address" in title for title in titles)
    assert (await site.get(f"/-/history/{key}.csv")).text.count("attachment") == 5


async def read_edits(site: Site, query: str) -> list[dict[str, Any]]:
    edits: list[dict[str, Any]] = (await site.json(f"/-/edits.json?{query}"))["edits"]
    return edits


@pytest.mark.parametrize(
    ("query", "found"), load_cases(__file__, "replaced file is in the register of edits")
)
async def test_replaced_file_is_in_the_register_of_edits(
    site: Site, query: str, found: bool
) -> None:
    files = [edit for edit in await read_edits(site, query) if edit["kind"] == "file"]
    assert bool(files) == found
    page = await site.text(f"/-/edits?{query}")
    assert ("Bilagan ”Beslut om fyren” byttes ut: 1 belopp ändrat" in page) == found
    for edit in files:
        assert (edit["attachment"], edit["revision"], edit["evidence"]) == (SECOND, None, None)
        assert (edit["file_url"], edit["stamp"], edit["diff"][-15:]) == (
            DECISION,
            None,
            f"/-/attachment/{SECOND}"[-15:],
        )
        assert edit["last_seen_before"] < edit["seen"]


async def test_pages_of_the_register_have_both_kinds_once(site: Site) -> None:
    all_edits = await read_edits(site, "size=1000")
    assert {edit["kind"] for edit in all_edits} == {"text", "file"}
    assert all_edits == sorted(all_edits, key=lambda edit: edit["seen"], reverse=True)
    pages, query = [], "size=1"
    while query:
        document = await site.json(f"/-/edits.json?{query}")
        pages += document["edits"]
        query = (document["next"] or "").partition("?")[2]
    assert pages == all_edits
    assert (await site.get("/-/edits.csv")).text.count("\r\n") == len(all_edits) + 1
    assert f"{len(all_edits)} ändringar" in await site.text("/-/edits")
    agency = await site.page("/agency/fyr")
    (count,) = agency.cssselect('dd a[href="/-/edits?agency=fyr"]')
    assert count.text_content() == str(len(await read_edits(site, "agency=fyr")))
    feed = await site.feed("/-/edits.atom?kind=file")
    (entry,) = feed.entries
    assert entry.summary.startswith(
        "Bilagan ”Beslut om fyren” byttes ut · 1 belopp ändrat · 120 000 → 90 000"
    )
    assert "<del>120 000 kronor</del>" in entry.content[0].value


@pytest.mark.parametrize("kind", ["hide", "redact"])
async def test_takedown_hides_the_page(path: Path, kind: str) -> None:
    with Archive(path) as archive:
        key = archive.find_release_id(LINKING.url)
        assert key is not None
        if kind == "hide":
            hide_release(archive, key, NOW, reason="Domstols beslut")
        else:
            redact_passage(archive, key, LINKING.title, NOW, reason="Personuppgift")
    with served(path) as datasette:
        site = Site(datasette)
        for version in (FIRST, SECOND, SCANNED):
            answers = [
                (await site.get(f"/-/attachment/{version}{ending}")).text
                for ending in ("", ".json")
            ]
            assert not any(
                "kronor" in text or "Nämnden" in text or "120 000" in text for text in answers
            )
            assert all(("example/filer" in text) == (kind == "redact") for text in answers)
        assert f"attachment/{SECOND}" in (await site.get("/-/edits")).text or kind == "hide"
        assert (await read_edits(site, "kind=file") == []) == (kind == "hide")
        assert "120 000" not in (await site.get("/-/edits.atom?kind=file")).text


def test_long_texts_are_shown_in_parts() -> None:
    def build(*lengths: int) -> list[dict[str, Any]]:
        return [{"page": number, "text": "x" * length} for number, length in enumerate(lengths, 1)]

    half = MAX_SHOWN_LETTERS // 2
    for pages, first, numbers in (
        (build(half, half, half), 1, [1, 2]),
        (build(half, half, half), 3, [3]),
        (build(5, half * 3, 5), 2, [2]),
        (build(*[5] * 50), 11, list(range(11, 11 + MAX_SHOWN_PAGES))),
        (build(5), 2, []),
    ):
        shown = choose_shown_pages(pages, first)
        assert [page["page"] for page in shown] == numbers
        assert all(len(page["text"]) <= MAX_SHOWN_LETTERS for page in shown)
    assert choose_shown_pages(build(half * 3), 1)[0]["is_cut"]


@pytest.mark.parametrize(
    ("texts", "sentence"),
    [
        ((to_text("Ett."), to_text("Ett.", "Två.", problem="pages")), "Texterna kan inte jämföras"),
        ((to_text("Ett."), to_text("Ett.\n")), "Texten är densamma."),
        (
            (to_text("Ord. " * 16_000), to_text("Ord. " * 16_000, "Nytt 7.")),
            "Texterna är för långa för att jämföras",
        ),
    ],
)
async def test_texts_without_a_comparison(
    tmp_path: Path, texts: tuple[AttachmentText, ...], sentence: str
) -> None:
    with Archive(create_evidence_archive(tmp_path)) as archive:
        link_files(archive)
        versions = [
            find_file(archive, DECISION, text, NOW + days * DAY) for days, text in enumerate(texts)
        ]
    with served(archive.path) as datasette:
        page = await Site(datasette).text(f"/-/attachment/{versions[1]}")
    assert sentence in page
    assert page.count("Texterna ") + page.count("Texten är") == 1 + page.count(
        "Texterna är myndigheternas"
    )


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], site: Site) -> None:
    for page in pages:
        await page.check({"files": site})
