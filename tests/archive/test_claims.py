"""What the interface says of checks, times, counts and completeness, and which rows prove it.

Three archives: one whose releases were only imported, one that was crawled once, and one that was
crawled for a year. CLAIMS says which of them may say what; a new sentence has to be placed there.
"""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from archive import i18n
from archive.database.captures import Captures
from archive.database.models import Release
from archive.evidence.manifest import write_manifest
from archive.store.import_lines import parse_release
from archive.store.jsonl_import import import_file
from archive.store.releases import Archive
from tests.archive.sample import SEEN, Site, import_release, served
from tests.archive.sample_evidence import read_bundle, read_guide
from tests.archive.sample_history import DAY, check, mark_missing, save
from tests.archive.test_locale import MESSAGES, get_forms

STATES = ("imported", "once", "year")
WORDS = "Kajen i Norrhamn ska stå klar före jul"
GONE_WORDS = "Bryggan kostar 120 miljoner kronor"
PAGES = (
    *("/", "/about", "/help", "/agencies", "/agency/hamnverket", "/agency/hamnverket/undated"),
    *("/month/2024-06", "/data", "/people", "/llms.txt", "/openapi.json", "/new.atom", "/new.json"),
    *(f"/search{suffix}?q=kajen" for suffix in ("", ".json", ".csv", ".atom")),
    *("/search?q=lokomotiv", "/search", "/-/over-time?q=kajen", "/-/over-time?q=lokomotiv"),
    *(f"/-/{name}{suffix}" for name in ("edits", "removed") for suffix in ("", ".json", ".atom")),
    *(f"/-/phrase{suffix}?q=kajen" for suffix in (".json", ".csv", ".atom")),
    "/-/over-time.svg?q=kajen",
    *('/-/over-time?q="120 miljoner"', '/search?q="120 miljoner"', "/-/edits?q=kajen"),
    *("/-/edits?agency=hamnverket", "/-/removed?agency=hamnverket"),
    *("/-/takedowns", "/-/status", "/-/coverage", "/-/check", "/-/coverage?agency=hamnverket"),
    *(f"/archive/releases/{number}{suffix}" for number in (1, 2, 3) for suffix in ("", ".json")),
    *("/-/history/1.json", "/-/revision/1", "/-/revision/1.json", "/-/cite/1", "/-/cite/1.txt"),
    *(
        "/-/cite/1.bib",
        "/-/cite/1.ris",
        "/-/cite/1.csl.json",
        "/-/evidence/1.zip",
        "/-/evidence/2.zip",
    ),
)

CLAIM = re.compile(
    r"\b(?:check(?:s|ed)|seen|detected|crawl(?:s|ed)?|first read|read by"
    r" the archive|(?:has|been|not)"
    r" read|never|since|still"
    r"|no longer|not yet|found (?:any|it)|found (?:on )?\{when|missing at|archive read"
    r"|according to the agency|complete|nothing|every|everything)\b",
    re.IGNORECASE,
)
# text → the archives that may say it, and the rows that prove it; "none": it says nothing of what
# was read or checked
CLAIMS = {
    key: (states.split(), rows)
    for key, states, rows in (
        line.split("\t")
        for line in Path(__file__).with_name("claims.tsv").read_text("utf-8").splitlines()[1:]
    )
}
SAID = (  # texts that these archives must show wherever they may
    *(
        "agency.never_read",
        "edits.never_crawled",
        "removals.never_crawled",
        "edits.unchecked",
        "removals.unchecked",
    ),
    *(
        "edits.never_crawled_agency",
        "removals.never_crawled_agency",
        "index.last_read",
        "cite.read_at",
    ),
    *("phrase.never_checked", "phrase.all_unchecked", "phrase.read_once", "phrase.still_there"),
    *(
        "phrase.appeared.first",
        "phrase.appeared.between",
        "release.never_checked",
        "release.read_once",
    ),
    *("guide.limits", "guide.limits_import", "guide.taken_over_unseen", "guide.last_seen"),
    *("history.checked", "about.source_uncrawled", "about.source_imported", "version.never_found"),
)


def build_release(number: int, **fields: Any) -> Release:
    body = f"– {WORDS}, säger hamnchef Anna Ek.\n\nEtapp {number}."
    url, title = f"https://hamnverket.example/{number}", f"Kaj {number}"
    release = Release(
        agency="hamnverket",
        url=url,
        title=title,
        body=body,
        body_html=f"<p>{body}</p>",
        language="sv",
    )
    return replace(release, **fields)


def add_crawl(archive: Archive, started: datetime) -> None:
    archive.db.execute(
        "insert into crawls (agency, spider, started, finished,"
        " reason) values (?, 'news', ?, ?, 'finished')",
        ["hamnverket", started.isoformat(), (started + DAY / 24).isoformat()],
    )


def create_archive(path: Path, state: str) -> None:
    """Write an archive of three releases, the second of which has no date."""
    with Archive(path) as archive, Captures(path) as captures:
        archive.add_agency("hamnverket", name="Hamnverket", home="https://hamnverket.example/")
        releases = [build_release(1, published=SEEN.date()), build_release(2), build_release(3)]
        if state == "imported":
            lines = path.with_name("museum.jsonl")
            names = ("url", "title", "body", "published")
            rows = [{name: getattr(each, name) for name in names} for each in releases]
            lines.write_text(
                "\n".join(json.dumps(row, default=str) for row in rows), encoding="utf-8"
            )
            assert import_file(archive, lines, "hamnverket", SEEN).errors == []
        else:
            keys = [save(archive, release, SEEN) for release in releases]
            add_crawl(archive, SEEN)
        if state == "year":
            add_year(archive, releases, keys)
        write_manifest(archive.db.conn, captures, SEEN.date())


def add_year(archive: Archive, releases: list[Release], keys: list[int]) -> None:
    """Add daily checks, an edit of the first release, and the removal of the third one."""
    for week in range(52):
        add_crawl(archive, SEEN + DAY * 7 * week)
    for key in keys:
        check(archive, key, SEEN + DAY, 10)
    before = replace(releases[0], body=f"{releases[0].body}\n\n{GONE_WORDS}.")
    save(archive, before, SEEN + DAY * 12)
    check(archive, keys[0], SEEN + DAY * 13, 3)
    save(archive, releases[0], SEEN + DAY * 20)
    check(archive, keys[0], SEEN + DAY * 21, 300)
    for day in range(15, 19):
        mark_missing(archive, keys[2], SEEN + DAY * day, "gone", status=404)


@pytest.fixture(scope="module", params=STATES)
def state_archive(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    path = tmp_path_factory.mktemp(request.param) / "archive.db"
    create_archive(path, request.param)
    return request.param, path


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the keys of the texts that pages show from now on."""
    keys: set[str] = set()
    find_text = i18n.find_text

    def record(language: str, key: str, count: object = None) -> str | None:
        keys.add(key)
        return find_text(language, key, count)

    monkeypatch.setattr(i18n, "find_text", record)
    return keys


def test_each_claim_is_placed() -> None:
    """A text that states a check, a time or completeness says in claims.tsv which rows prove it."""
    claims = {
        key for key, message in MESSAGES["en"].items() if any(map(CLAIM.search, get_forms(message)))
    }
    assert claims == set(CLAIMS)
    assert all(states and set(states) <= set(STATES) for states, _ in CLAIMS.values())
    assert all(rows for _, rows in CLAIMS.values())


@pytest.mark.parametrize("lang", ["sv", "en"])
async def test_pages_claim_only_what_rows_prove(
    state_archive: tuple[str, Path], said: set[str], lang: str
) -> None:
    state, path = state_archive
    with served(path) as datasette:
        for address in PAGES:
            query = "" if ".json" in address and "/archive/" in address else f"lang={lang}"
            response = await Site(datasette).get(
                f"{address}{'&' if '?' in address else '?'}{query}"
            )
            assert response.status_code == 200, address
    wrong = {key for key in said & set(CLAIMS) if state not in CLAIMS[key][0]}
    assert wrong == set()
    expected = {key for key in SAID if state in CLAIMS[key][0]}
    assert said & set(SAID) == expected


async def test_unconfirmed_removals_and_agencies_never_read(tmp_path: Path) -> None:
    """A release that was missing once is not yet removed; of another agency, the archive knows
    nothing.
    """
    path = tmp_path / "archive.db"
    create_archive(path, "once")
    with Archive(path) as archive:
        archive.add_agency("tullhuset", name="Tullhuset", home="https://tullhuset.example/")
        mark_missing(archive, 3, SEEN + DAY, "gone", status=404)
    with served(path) as datasette:
        site = Site(datasette)
        unconfirmed = "No removal has been confirmed. One release was missing at the last check."
        for query in ("", "&agency=hamnverket"):
            register_page = await site.page(f"/-/removed?lang=en{query}")
            assert unconfirmed in register_page.text_content()
            (link,) = register_page.cssselect(".notice li a")
            assert link.attrib["href"] == "/archive/releases/3?lang=en"
        assert unconfirmed not in await site.text("/-/removed?lang=en&back=1")
        assert "1 missing at the last check (not confirmed)" in await site.text(
            "/agency/hamnverket?lang=en"
        )
        for register in ("edits", "removed"):
            page = await site.text(f"/-/{register}?lang=en&agency=tullhuset")
            assert "The archive has not read the agency’s website yet" in page
            assert "fits the filters" not in page
        assert "har ännu inte läst myndighetens webbplats" in await site.text(
            "/-/edits?agency=tullhuset&q=kajen"
        )


@pytest.mark.parametrize(
    ("query", "edits", "removals"),
    [
        (
            "",
            "has not found any edits since it began",
            "has not found any removed releases since it began",
        ),
        (
            "&agency=hamnverket",
            "No edit matches the filters",
            "No removed release matches the filters",
        ),
        ("&q=kajen", "No edit matches the filters", "No removed release matches the filters"),
    ],
)
async def test_nothing_found_by_checks(
    tmp_path: Path, query: str, edits: str, removals: str
) -> None:
    """Once a release was checked, the empty registers and the numbers of the agency say what that
    found.
    """
    path = tmp_path / "archive.db"
    create_archive(path, "once")
    with Archive(path) as archive:
        archive.mark_checked(1, SEEN + DAY)
    with served(path) as datasette:
        site = Site(datasette)
        assert edits in await site.text(f"/-/edits?lang=en{query}")
        assert removals in await site.text(f"/-/removed?lang=en{query}")
        assert "Not checked yet" not in await site.text("/agency/hamnverket?lang=en")


@pytest.mark.parametrize(
    ("lang", "imported", "crawled"),
    [
        (
            "sv",
            "Jämfört med 3 meddelanden. Arkivet har inte läst webbplatserna.",
            "Jämfört med 3 meddelanden.",
        ),
        (
            "en",
            "Compared with 3 imported releases. The archive itself has not read the agencies’ websites.",
            "Compared with 3 releases.",
        ),
    ],
)
async def test_check_counts_no_edits_without_any(
    state_archive: tuple[str, Path], lang: str, imported: str, crawled: str
) -> None:
    state, path = state_archive
    with served(path) as datasette:
        response = await datasette.client.post(f"/-/check?lang={lang}", data={"text": f"”{WORDS}”"})
    text = " ".join(html.fromstring(response.text).text_content().split())
    assert ((imported if state == "imported" else crawled) in text) == (state != "year")
    assert ("webbplatserna" in text or "agencies’ websites" in text) == (state == "imported")
    assert not re.search(r"\b0 (ändringar|edits)", text)


async def test_words_that_were_only_imported(state_archive: tuple[str, Path]) -> None:
    state, path = state_archive
    with served(path) as datasette:
        site = Site(datasette)
        (heading,) = (await site.page("/-/over-time?q=kajen")).cssselect("p.status")
        (single,) = (await site.page('/-/over-time?q="Etapp 2"')).cssselect("p.status")
    expected = "Orden finns i 3 meddelanden. Alla är importerade, och inget har kontrollerats."
    assert (" ".join(heading.text_content().split()) == expected) == (state == "imported")
    expected = "Orden finns i ett meddelande. Det är importerat och har inte kontrollerats."
    assert (" ".join(single.text_content().split()) == expected) == (state == "imported")


async def test_data_of_what_was_never_checked(state_archive: tuple[str, Path]) -> None:
    """First seen, last seen and checked are only the archive's own times, in data and citations,
    too.
    """
    state, path = state_archive
    seen = "2024-06-03T08:15:00+00:00"
    with served(path) as datasette:
        site = Site(datasette)
        history = (await site.get("/-/phrase.json?q=etapp")).json()
        rows = list(csv.DictReader(io.StringIO((await site.get("/-/phrase.csv?q=etapp")).text)))
        timeline = (await site.get("/-/history/1.json")).json()["events"]
        (item,) = (await site.get("/-/cite/1.csl.json")).json()
        bibtex, ris = [(await site.get(f"/-/cite/1.{ending}")).text for ending in ("bib", "ris")]
        feed = (await site.get("/-/phrase.atom?q=etapp&lang=en")).text
    presences = history["presences"]
    times = {(row["first_seen"], row["imported"], row["collection"]) for row in presences}
    if state != "imported":
        assert times == {(seen, None, None)}
        assert (history["first_seen"], history["unchecked_releases"]) == (seen, 0)
        assert item["accessed"] == {"date-parts": [[2024, 6, 3]]}
        assert "urldate" in bibtex
        assert "Y2  - 2024/06/03" in ris
        return
    assert times == {(None, seen, "museum.jsonl")}
    unknown = ("last_seen_before", "last_seen", "missing_at", "is_current")
    assert {row[name] for row in presences for name in unknown} == {None}
    assert {row[name] for row in rows for name in ("first_seen", *unknown)} == {""}
    assert [history[name] for name in ("first_seen", "last_seen", "current_releases")] == [
        None,
        None,
        0,
    ]
    assert history["unchecked_releases"] == 3
    assert [event["until"] for event in timeline] == [None]
    assert [
        name
        for name, text in (("accessed", item), ("urldate", bibtex), ("Y2", ris))
        if name in text
    ] == []
    assert "has never checked" in feed
    assert "Still there" not in feed


async def test_an_import_that_was_checked_later(tmp_path: Path) -> None:
    """What was imported and then found unchanged, found to differ, found missing, or not
    reached.
    """
    path = tmp_path / "archive.db"
    create_archive(path, "imported")
    with Archive(path) as archive:
        line = build_release(1)
        row = {"url": line.url, "title": line.title, "body": line.body}
        same, _ = parse_release({**row, "published": str(SEEN.date())}, "hamnverket")
        save(archive, same, SEEN + DAY)
        other = build_release(2, body="Kajen är klar.", body_html="<p>Kajen är klar.</p>")
        save(archive, other, SEEN + DAY * 2)
        for day in range(3, 6):
            mark_missing(archive, 3, SEEN + DAY * day, "gone", status=404)
    with served(path) as datasette:
        site = Site(datasette)
        text = await site.text("/-/over-time?q=etapp&lang=en")
        version = await site.text("/-/revision/1?lang=en")
        page = await site.text("/archive/releases/3?lang=en")
    guides = [read_guide(read_bundle(path, number)) for number in (1, 3)]
    unseen = "the archive itself has not found it on the web"
    assert [unseen in guide for guide in guides] == [False, True]
    assert [
        "still there when the archive last checked: 2024-06-04" in guide for guide in guides
    ] == [True, False]
    for guide in guides:
        assert "imported from another collection" in guide
        assert not re.search(
            "according to the agency|as the archive read it|fields that the archive read", guide
        )
    imported = "Found in the version that was imported from the collection museum.jsonl on 3 June 2024, 10:15."
    assert imported in text
    assert f"{imported} Still there at the last check on 4 June 2024, 10:15." in text
    assert (
        "The release was missing when the archive checked its page on 6 June 2024, 10:15." in text
    )
    _, found, periods = text.partition("or have contained them")
    assert found, text
    assert "between two checks" not in periods
    assert "found the same text, most recently on 4 June 2024, 10:15." in version
    assert "The archive has never found it on the page." in page
    assert "It was on the page on" not in page


@pytest.mark.parametrize("is_first", [True, False])
async def test_text_of_an_unknown_time_is_neither_earlier_nor_later(
    tmp_path: Path, is_first: bool
) -> None:
    """Whatever the order of the imports, all that is known is who had it, and who had another."""
    path, words = tmp_path / "archive.db", "Kajen kostar 120 miljoner kronor."
    undated = build_release(1, body=words, body_html=f"<p>{words}</p>")
    imports = [(undated, None), (build_release(1), date(2024, 5, 1))]
    with Archive(path) as archive:
        archive.add_agency("hamnverket", name="Hamnverket", home="https://hamnverket.example/")
        for release, seen in imports if is_first else reversed(imports):
            import_release(archive, release, SEEN, seen, source="museum")
        (key,) = archive.db.execute(
            "select revision from observations where seen is null"
        ).fetchone()
    with served(path) as datasette:
        site = Site(datasette)
        text = await site.text("/-/over-time?q=120+miljoner&lang=en")
        (row,) = (await site.get("/-/phrase.json?q=120+miljoner")).json()["presences"]
        differences = (await site.get("/-/edits.json?kind=collection")).json()["edits"]
        version = await site.text(f"/-/revision/{key}?lang=en")
        search = await site.text("/search?q=120+miljoner&versions=all&lang=en")
        check = await datasette.client.post(
            "/-/check.json", content=f"”{words}”", headers={"content-type": "text/plain"}
        )
    sentences = (
        "Found in the version that was imported from the collection museum on 3 June 2024, 10:15.",
        "Not found in the text that the collection museum had on 1 May 2024.",
    )
    assert " ".join(sentences) in text, text
    assert "never checked" not in text
    assert sentences[1] in search
    times = ("last_seen_before", "first_seen", "first_reading", "last_seen", "missing_at")
    assert {row[name] for name in times} == {None}
    assert (row["imported"], row["is_current"]) == (SEEN.isoformat(), False)
    assert differences == []
    assert "This is not the current version" in version
    (quotation,) = check.json()["quotations"]
    assert quotation["verdict"] == "withdrawn"
    gone = quotation["disappeared"]
    assert (gone["last_reading_before"], gone["first_reading"]) == (None, "2024-05-01")
    assert quotation["appeared"]["first_reading"] is None
    guide = read_guide(read_bundle(path, key))
    assert "The version is from the collection museum." in guide


@pytest.mark.parametrize(
    ("days", "sentences"),
    [
        (
            (1, 2),
            "Found in the text that the collection museum had on 1 May 2024."
            " Not found in the text that the collection museum had on 2 May 2024.",
        ),
        (
            (1, 1),
            "Found in the text that the collection museum had on 1 May 2024."
            " Not found in the text that the collection museum had on 1 May 2024.",
        ),
    ],
)
async def test_a_reading_is_named_once(
    tmp_path: Path, days: tuple[int, int], sentences: str
) -> None:
    path, words = tmp_path / "archive.db", "Kajen kostar 120 miljoner kronor."
    with Archive(path) as archive:
        archive.add_agency("hamnverket", name="Hamnverket", home="https://hamnverket.example/")
        for body, day in zip((words, "Kajen är gratis."), days, strict=True):
            release = build_release(1, body=body, body_html=f"<p>{body}</p>")
            import_release(archive, release, SEEN, date(2024, 5, day), source="museum")
    with served(path) as datasette:
        site = Site(datasette)
        assert sentences in await site.text("/-/over-time?q=120+miljoner&lang=en")
        text = await site.text("/-/edits?kind=collection&lang=en")
    expected = "The collection museum had both texts on 1 May 2024."
    assert (expected in text) == (days[0] == days[1])
