"""Takedowns: nothing that was taken down is left in archive.db, its hashes still hold, and later
checks respect it.
"""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.__main__ import main
from archive.database.models import Attachment, Contact, Image, Release
from archive.database.redaction import WITHHELD_FILE
from archive.database.sqlite_files import ArchiveError
from archive.evidence.verification import verify
from archive.evidence.warc import export_warc
from archive.store.merged_histories import merge_releases
from archive.store.releases import Archive, SaveResult
from archive.store.takedowns import (
    find_uncovered_releases,
    hide_release,
    lift_takedown,
    redact_passage,
)
from tests.archive.sample import Site, served
from tests.archive.sample_evidence import FIRST_CRAWL, create_evidence_archive, release, url
from tests.archive.sample_history import (
    AGENCY,
    EDITED_ID,
    EDITED_NEWEST,
    EDITED_REVISIONS,
    copy_archive,
)

NOW, DAY = datetime(2026, 4, 1, 9, tzinfo=UTC), timedelta(days=1)
NAME, MARK = "Nora Kvist", "█████"
BODY = f"Fyren vaktas av {NAME}, som bor i Skär."
NAMED = replace(
    release(1, 0), body=BODY, body_html="<p>Fyren vaktas av Nora <b>Kvist</b>, som bor i Skär.</p>"
)
NAMED_IN_LEAD = replace(NAMED, lead=f"Ny vakt: {NAME}")
ID = 1  # of that release


@pytest.fixture(scope="module")
def archive_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of three days, in which two versions of a release name a person."""
    path = create_evidence_archive(tmp_path_factory.mktemp("takedowns"))
    with Archive(path) as archive:
        archive.save(NAMED, seen_at=FIRST_CRAWL + 10 * DAY)
        archive.save(
            replace(NAMED, lead=f"Ny vakt: {NAME.upper()}"), seen_at=FIRST_CRAWL + 11 * DAY
        )
    return path.parent


@pytest.fixture
def archive(archive_folder: Path, tmp_path: Path) -> Iterator[Archive]:
    shutil.copytree(archive_folder, tmp_path, dirs_exist_ok=True)
    with Archive(tmp_path / "archive.db") as opened:
        yield opened


def select(archive: Archive, sql: str, *values: object) -> list[tuple[Any, ...]]:
    return archive.db.execute(sql, values).fetchall()


def is_in_files(archive: Archive, text: str) -> bool:
    """Return whether archive.db or its write-ahead log contains a text, in any case."""
    return any(
        text.encode() in path.read_bytes().lower()
        for path in archive.path.parent.glob("archive.db*")
    )


def find_problems(archive: Archive) -> list[ArchiveError]:
    return verify(archive.path).findings


def find_edits(archive: Archive, word: str) -> list[int]:
    """Return the revisions whose edit removed or added a word, from the search index."""
    sql = "select distinct rowid / 16 from search_diff where search_diff match ?"
    return [key for (key,) in select(archive, sql, word)]


def redact(archive: Archive, *passages: str, release_id: int = ID) -> list[int]:
    return [
        redact_passage(archive, release_id, passage, NOW, reason="Personuppgift")
        for passage in passages
    ]


def hide(archive: Archive, release_id: int = ID) -> int:
    return hide_release(
        archive, release_id, NOW, reason="Domstols beslut", reason_en="A court's order"
    )


def move(archive: Archive, seen_at: datetime) -> int:
    """Move the release to the URL of a new one, and return the id of that."""
    with archive.transaction():
        archive.save(replace(NAMED_IN_LEAD, url=url(99)), seen_at=seen_at)
        target_id = archive.find_release_id(url(99))
        assert target_id
        merge_releases(archive, ID, target_id, seen_at, url(99), cause="source")
    return target_id


def read_all(archive: Archive, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
    return {table: sorted(select(archive, f"select * from {table}"), key=repr) for table in tables}


def test_redacted_passage_is_in_no_version_and_no_file(archive: Archive) -> None:
    hashes = select(archive, "select id, hash from revisions order by id")
    assert is_in_files(archive, "kvist")
    assert find_edits(archive, "kvist") == [12, 13]
    redact(archive, NAME)
    assert not is_in_files(archive, "kvist")
    assert is_in_files(archive, "vaktas")
    assert find_edits(archive, "kvist") == []
    assert find_edits(archive, "vakta")
    assert select(archive, "select id, hash from revisions order by id") == hashes
    assert select(
        archive, "select lead, body, body_html, takedown from releases where id = ?", ID
    ) == [
        (
            f"Ny vakt: {MARK}",
            f"Fyren vaktas av {MARK}, som bor i Skär.",
            f"<p>Fyren vaktas av {MARK}<b></b>, som bor i Skär.</p>",
            "redacted",
        )
    ]
    assert find_problems(archive) == []


def test_hidden_release_is_in_no_list_and_its_hashes_hold(archive: Archive) -> None:
    hide(archive)
    assert archive.path.with_name(WITHHELD_FILE).stat().st_mode & 0o077 == 0
    assert not is_in_files(archive, "kvist")
    assert select(archive, "select 1 from release_facets where release = ?", ID) == []
    rows = select(
        archive, "select title, body, body_html, tags from revisions where release = ?", ID
    )
    assert rows == [(MARK, "", "", "[]")] * 3
    assert find_problems(archive) == []


def test_missing_withheld_file_is_a_finding(archive: Archive) -> None:
    hide(archive)
    archive.path.with_name(WITHHELD_FILE).unlink()
    (finding,) = find_problems(archive)
    assert Path(finding.file).name == WITHHELD_FILE
    assert finding.problem.startswith(
        "no such file; 3 versions that are taken down cannot be checked"
    )
    # the hash leaves it out
    archive.db.execute("update revisions set published_text = 'i går' where id in (3, 8)")
    found = {(Path(each.file).name, each.table, each.key) for each in find_problems(archive)}
    assert found == {
        (WITHHELD_FILE, "states", None),
        ("archive.db", "revisions", "3"),
        ("archive.db", "revisions", "8"),
    }


def test_later_versions_are_compared_unredacted_and_stored_redacted(archive: Archive) -> None:
    named, edited = (
        replace(NAMED, lead=f"Ny vakt: {NAME.upper()}", title=title)
        for title in ("Fyr 1", "Fyr 1 släcks")
    )
    redact(archive, NAME)
    results = [
        archive.save(each, seen_at=NOW + n * DAY) for n, each in enumerate((named, edited, edited))
    ]
    assert results == [SaveResult.UNCHANGED, SaveResult.REVISED, SaveResult.UNCHANGED]
    stored = archive.get(url(1))
    assert stored
    assert stored.state["body"] == BODY
    assert not is_in_files(archive, "kvist")
    sql = "select title, body, changes from revisions where release = ? order by id desc limit 1"
    ((title, body, changes),) = select(archive, sql, ID)
    assert (title, body) == ("Fyr 1 släcks", f"Fyren vaktas av {MARK}, som bor i Skär.")
    assert "släcks" in changes
    assert find_problems(archive) == []


def test_edit_of_a_redacted_passage_is_an_edit_without_changes(archive: Archive) -> None:
    redact(archive, NAME)
    assert archive.save(NAMED_IN_LEAD, seen_at=NOW) is SaveResult.REVISED  # it was in capitals
    last = select(archive, "select cause, summary from revisions order by id desc limit 1")
    assert last == [("source", "Ingen ändring")]


@pytest.mark.parametrize("kind", ["hide", "redact"])
def test_lifted_takedown_restores_everything(archive: Archive, kind: str) -> None:
    tables = ("revisions", "releases", "release_facets", "vocabulary")
    before = read_all(archive, *tables)
    edits = find_edits(archive, "bo")
    takedown_id = hide(archive) if kind == "hide" else redact(archive, "som bor")[0]
    assert find_edits(archive, "bo") == []
    assert lift_takedown(archive, takedown_id, NOW + DAY, "Det var fel") == [ID]
    with pytest.raises(ArchiveError, match="was already lifted"):
        lift_takedown(archive, takedown_id, NOW, "Igen")
    assert read_all(archive, *tables) == before
    assert find_edits(archive, "bo") == edits != []
    assert find_problems(archive) == []
    lifted = select(archive, "select substr(lifted, 1, 10), lifted_reason from takedowns")
    assert lifted == [("2026-04-02", "Det var fel")]


def test_redaction_is_in_force_after_the_release_was_hidden_for_a_while(archive: Archive) -> None:
    redact(archive, NAME)
    lift_takedown(archive, hide(archive), NOW + 9 * DAY, "Beslutet är upphävt")
    assert not is_in_files(archive, "kvist")
    assert select(archive, "select takedown from releases where id = ?", ID) == [("redacted",)]
    assert find_problems(archive) == []


@pytest.mark.parametrize(
    ("passage", "problem"),
    [("a.", "too short"), ("Sara Alm", "is not in any version"), (MARK, "too short")],
)
def test_passage_that_cannot_be_redacted_changes_nothing(
    archive: Archive, passage: str, problem: str
) -> None:
    before = select(archive, "select * from revisions")
    with pytest.raises(ArchiveError, match=problem):
        redact(archive, passage)
    assert select(archive, "select * from revisions") == before
    assert select(archive, "select * from takedowns") == []


def test_redaction_covers_a_release_that_it_is_merged_into_later(archive: Archive) -> None:
    redact(archive, NAME)
    target_id = move(archive, NOW + DAY)
    rows = select(archive, "select body, lead, changes from revisions where release = ?", target_id)
    assert "Kvist" not in str(rows)
    assert find_problems(archive) == []


def test_hiding_and_lifting_cover_merged_releases(archive: Archive) -> None:
    target_id = move(archive, NOW)
    takedown_id = hide(archive, target_id)
    assert not is_in_files(archive, "kvist")
    states = select(archive, "select takedown from releases where id in (?, ?)", ID, target_id)
    assert states == [("hidden",)] * 2
    assert lift_takedown(archive, takedown_id, NOW, "Upphävt") == [target_id, ID]
    assert is_in_files(archive, "kvist")
    assert find_problems(archive) == []


def test_hidden_release_is_quoted_nowhere(archive: Archive) -> None:
    problem = f"{url(1)}: lead: {NAME} cannot be read"
    archive.save(replace(NAMED, tags=(NAME,)), seen_at=NOW)
    archive.frontier.add(url(1), agency="fyr", role="release", seen_at=NOW)
    archive.db.execute(
        "update frontier set problem = ?, release = ? where url = ?", [problem, ID, url(1)]
    )
    crawl = {"agency": "fyr", "spider": "news", "started": "2026-04-01"}
    archive.db.table("crawls").insert({**crawl, "problems": json.dumps([problem, "another"])})
    times = {"first_seen": "2026-04-01", "last_seen": "2026-04-01", "checks": 1}
    archive.db.table("removals").insert(
        {"release": ID, "kind": "replaced", "target": NAME, **times}
    )
    hide(archive)
    assert not is_in_files(archive, "kvist")
    crawls = select(archive, "select problems from crawls where spider = 'news'")
    assert crawls == [(f'["{MARK}", "another"]',)]
    out = archive.path.with_name("out.warc")
    assert export_warc(archive.path, out).omitted > 0
    assert url(1).encode() not in out.read_bytes()


def test_redaction_finds_other_spellings_and_leaves_dates(archive: Archive) -> None:
    html = (
        "<p>Ring <a href='tel:+46101234567'>010‑123 45 67</a>, <a href='/nora-kvist'>Nora Kvist</a>"
        " 2026-03-01</p>"
    )
    body = "Ring 010‑123 45 67, Nora Kvist 2026-03-01"
    dated = replace(NAMED, body=body, body_html=html, published=date(2026, 3, 1))
    archive.save(dated, seen_at=NOW)
    redact(archive, "010-123 45 67", NAME, "2026-03-01")
    assert select(archive, "select body, body_html, published from releases where id = ?", ID) == [
        (
            f"Ring {MARK}, {MARK} {MARK}",
            f"<p>Ring <a>{MARK}</a>, <a>{MARK}</a> {MARK}</p>",
            "2026-03-01",
        )
    ]


def test_url_or_email_address_with_the_passage_is_replaced_in_every_version(
    archive: Archive,
) -> None:
    named = replace(
        NAMED,
        body=(
            "Skriv till nora.kvist@fyr.example. Se https://fyr.example/nora_kvist,"
            " www.fyr.example/fyren."
        ),
        images=(
            Image(url="https://fyr.example/nora-kvist.jpg", caption=NAME),
            Image(url="https://fyr.example/fyren.jpg"),
        ),
        attachments=(
            Attachment(url="https://fyr.example/dom_mot_nora%20kvist.pdf", title=f"Dom mot {NAME}"),
        ),
        contacts=(Contact(name=NAME, phone="+46 10-123 45 67", email="nora.kvist@fyr.example"),),
    )
    archive.save(named, seen_at=NOW)
    archive.save(replace(named, title="Fyr 1 släcks"), seen_at=NOW)
    redact(archive, NAME, "010-123 45 67")
    archive.save(replace(named, title="Fyr 1 tänds"), seen_at=NOW)
    assert not is_in_files(archive, "kvist")
    rows = select(
        archive, "select body, images, attachments, contacts from revisions where release = ?", ID
    )
    body, images, attachments, contacts = rows[-1]
    assert rows[-3:] == [rows[-1]] * 3
    assert body == f"Skriv till {MARK}. Se {MARK}, www.fyr.example/fyren."
    assert [image["url"] for image in json.loads(images)] == [MARK, "https://fyr.example/fyren.jpg"]
    found = json.loads(attachments)
    assert found == [{"url": MARK, "title": f"Dom mot {MARK}", "media_type": None}]
    assert json.loads(contacts) == [{"name": MARK, "role": None, "phone": MARK, "email": MARK}]
    urls = select(archive, "select url from images where release = ? order by position", ID)
    assert urls[0] == (MARK,)
    assert find_problems(archive) == []


def test_redaction_covers_problems_of_a_crawl_but_not_the_url_of_a_move(archive: Archive) -> None:
    moved = "https://fyr.example/nora-kvist"
    problem = "https://fyr.example/1/nora_kvist: lead: Nora-Kvist: unreadable"
    with archive.transaction():
        archive.removals.mark_moved(ID, NOW, moved)
        archive.frontier.add(moved, agency="fyr", role="release", seen_at=NOW)
        archive.db.execute(
            "update frontier set problem = ?, release = ? where url = ?", [problem, ID, moved]
        )
    redact(archive, NAME)
    problems = select(archive, "select problem from frontier where url = ?", moved)
    assert problems == [(f"{MARK}: lead: {MARK}: unreadable",)]
    assert select(archive, "select target from removals where release = ?", ID) == [(moved,)]
    assert select(archive, "select url from releases where id = ?", ID) == [(moved,)]


def test_other_releases_with_the_passage_are_listed(archive: Archive) -> None:
    images = (Image(url="https://fyr.example/nora_kvist.jpg"),)
    archive.save(replace(release(2, 0), body=f"Av {NAME}"), seen_at=NOW)
    archive.save(replace(release(4, 0), images=images), seen_at=NOW)
    others = [archive.find_release_id(url(number)) for number in (2, 4)]
    redact(archive, NAME)
    assert find_uncovered_releases(archive, ID, NAME) == others


# On the site


TITLE_WORD = "sänks"  # of EDITED_NEWEST
REDACTED_ID = 65
FIRST_REVISION, *_, NEWEST_REVISION = EDITED_REVISIONS


@pytest.fixture(scope="module")
async def takedown_site(
    history_archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """The edited release is hidden; the name of a person is redacted in another one."""
    path = copy_archive(history_archive, tmp_path_factory.mktemp("takedowns"))
    with Archive(path) as archive:
        hide_release(
            archive, EDITED_ID, NOW, reason="Beslut av domstol", reason_en="A court's decision"
        )
        release = Release(
            agency=AGENCY,
            url="https://fyr.example/nyheter/vakten",
            title="Vakten i fyren slutar",
            body="Skriv till nora.kvist@fyr.example.",
            body_html=(
                "<p>Skriv till <a"
                ' href="mailto:nora.kvist@fyr.example">nora.kvist@fyr.example</a>.</p>'
            ),
            images=(Image(url="https://fyr.example/nora-kvist.jpg"),),
            attachments=(
                Attachment(url="https://fyr.example/nora_kvist.pdf", title="nora_kvist.pdf"),
            ),
            contacts=(Contact(role="Fyrvakt", email="nora.kvist@fyr.example"),),
        )
        archive.save(release, seen_at=NOW)
        archive.save(replace(release, lead="Nora-Kvist slutar."), seen_at=NOW)
        redact_passage(archive, REDACTED_ID, "Nora Kvist", NOW, reason="Personuppgift")
        revisions = select(archive, "select id from revisions where release = ?", REDACTED_ID)
        assert revisions == [(104,), (105,)]
    with served(path) as datasette:
        yield Site(datasette)


LISTS = [
    *(f"/search{ending}?q={TITLE_WORD}" for ending in ("", ".json", ".csv", ".atom")),
    *(f"/-/edits{ending}?size=1000" for ending in ("", ".json", ".csv", ".atom")),
    *(
        f"/{page}?q={TITLE_WORD}"
        for page in ("-/over-time", "-/phrase.json", "-/phrase.atom", "-/edits", "-/removed")
    ),
    *("/", "/-/removed", "/-/removed.json", f"/agency/{AGENCY}", f"/agency/{AGENCY}.atom"),
    *("/new.atom", "/sitemap.xml"),
]
TABLES = [
    "releases",
    "revisions",
    "questions",
    "images",
    "attachments",
    "contacts",
    "edits",
    "releases_with_tags",
]
DIFF = f"/-/diff/{FIRST_REVISION}/{NEWEST_REVISION}"


@pytest.mark.parametrize(
    "url",
    [
        *LISTS,
        *(f"/archive/{table}.json?_size=max&_shape=array" for table in TABLES),
        *(f"/archive/releases/{EDITED_ID}", f"/archive/releases/{EDITED_ID}.json?_shape=array"),
        *(f"/-/history/{EDITED_ID}.json", f"/-/history/{EDITED_ID}.atom", DIFF, f"{DIFF}.json"),
        *(f"/-/revision/{NEWEST_REVISION}", f"/-/cite/{NEWEST_REVISION}"),
    ],
)
async def test_hidden_release_is_shown_nowhere(takedown_site: Site, url: str) -> None:
    response = await takedown_site.get(url)
    assert response.status_code == 200
    assert EDITED_NEWEST not in response.text
    if url in LISTS:
        assert f"/archive/releases/{EDITED_ID}<" not in response.text.replace('"', "<")


@pytest.mark.parametrize("url", [f"/archive/releases/{EDITED_ID}", f"/-/revision/{FIRST_REVISION}"])
async def test_page_of_a_hidden_release_states_why(takedown_site: Site, url: str) -> None:
    swedish, english = await takedown_site.text(url), await takedown_site.text(f"{url}?lang=en")
    assert "Arkivet visar inte det här meddelandet Beslut av domstol" in swedish
    assert "A court's decision · In force since 1 April 2026" in english


async def test_edit_of_a_hidden_release_says_that_it_is_not_shown(takedown_site: Site) -> None:
    page = await takedown_site.text(f"/archive/releases/{EDITED_ID}")
    assert "Ändring upptäckt 13 juni 2024 kl. 10.15: det som ändrades visas inte" in page
    assert "Ändrat av myndigheten: det som ändrades visas inte" in page
    assert "Ingen ändring" not in page
    assert "(0 av 100)" not in page
    diff = await takedown_site.text(f"/-/diff/{FIRST_REVISION + 1}/{FIRST_REVISION + 2}")
    assert "Arkivet visar inte det här meddelandet Beslut av domstol" in diff
    assert "har ändrat ”█████”: det som ändrades visas inte. Ändringen gjordes" in diff
    assert "Ingen ändring" not in diff


async def test_evidence_of_a_hidden_release_has_only_hashes(takedown_site: Site) -> None:
    both = await takedown_site.get(f"/-/evidence/{FIRST_REVISION}-{NEWEST_REVISION}.zip")
    with zipfile.ZipFile(io.BytesIO(both.content)) as bundle:
        names = {name.split("/", 1)[1] for name in bundle.namelist()}
        assert names == {"README.sv.txt", "README.en.txt"}
        assert all(EDITED_NEWEST.encode() not in bundle.read(name) for name in bundle.namelist())
    response = await takedown_site.get(f"/-/evidence/{NEWEST_REVISION}.zip")
    with zipfile.ZipFile(io.BytesIO(response.content)) as bundle:
        files = {name.split("/", 1)[1]: bundle.read(name) for name in bundle.namelist()}
    assert all(EDITED_NEWEST.encode() not in content for content in files.values())
    assert not {"release.json", "headers.json", "page.html"} & files.keys()
    readme = files["README.en.txt"].decode()
    assert "A court's decision" in readme
    row = await takedown_site.get(f"/archive/revisions/{NEWEST_REVISION}.json?_shape=array")
    assert row.json()[0]["hash"] in readme


@pytest.mark.parametrize(
    "url",
    [
        *(f"/archive/releases/{REDACTED_ID}{ending}" for ending in ("", ".json?_shape=array")),
        *(
            f"/archive/{table}.csv?release={REDACTED_ID}"
            for table in ("images", "attachments", "contacts")
        ),
        f"/archive/revisions.json?release={REDACTED_ID}&_shape=array",
        *("/new.atom", "/-/changes.json?size=500", "/search.csv?q=vakten"),
        *(f"/-/history/{REDACTED_ID}.json", "/-/revision/104", "/-/diff/104/105"),
    ],
)
async def test_redacted_name_in_a_url_is_shown_nowhere(takedown_site: Site, url: str) -> None:
    response = await takedown_site.get(url)
    assert response.status_code == 200
    assert "kvist" not in response.text.lower()


async def test_redacted_urls_are_not_links(takedown_site: Site) -> None:
    page = await takedown_site.get(f"/archive/releases/{REDACTED_ID}")
    assert page.text.count("<a>█████") == 3  # in the text, the file and the contact


# The command


def test_takedown_command(
    history_archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = copy_archive(history_archive, tmp_path)

    def run(*words: str, archive: Path = path) -> tuple[int, str]:
        code = main(["takedown", *words, "--archive", str(archive)])
        output = capsys.readouterr()
        return code, output.out + output.err

    release = str(EDITED_ID)
    code, output = run("hide", release, "--reason", "Beslut")
    assert (code, "it was already hidden" in output) == (0, False)
    code, output = run("hide", release, "--reason", "Ännu ett beslut")
    warning = (
        "it was already hidden (takedown 1): its text is shown again only once all of them are"
        " lifted\n"
    )
    assert (code, warning in output) == (0, True)
    stays_hidden = f"takedown 1 is lifted\nrelease {release} stays hidden (takedown 2)\n"
    assert run("lift", "1", "--reason", "Upphävt") == (0, stays_hidden)
    assert run("lift", "2", "--reason", "Upphävt") == (
        0,
        f"takedown 2 is lifted\nrelease {release} is shown again\n",
    )
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TITLE_WORD}\n"))
    assert run("redact", release, "--reason", "Fel namn")[0] == 0
    code, output = run("list")
    lines = [line.split("\t") for line in output.splitlines()]
    assert code == 0
    assert [(line[0], line[1], line[4][:8], line[5]) for line in lines] == [
        ("1", "hide", "lifted 2", "Beslut"),
        ("2", "hide", "lifted 2", "Ännu ett beslut"),
        ("3", "redact", "in force", "Fel namn"),
    ]
    with Archive(path) as archive:
        ((title,),) = select(archive, "select title from releases where id = ?", release)
    assert title == EDITED_NEWEST.replace(TITLE_WORD, MARK)
    for reasons in (["--reason", " "], ["--reason", "Beslut", "--reason-en", ""]):
        problem = (
            f"Invalid value for '{reasons[-2]}': it must not be empty, because the public log"
            f" shows it.\n"
        )
        code, output = run("hide", release, *reasons)
        assert (code, problem in output) == (2, True)
    code, output = run("hide", "99999", "--reason", "Beslut")
    assert (code, "releases: 99999: no such release" in output) == (2, True)
    assert run("list", archive=tmp_path / "none.db")[0] == 2


def test_references_follow_takedowns(archive: Archive) -> None:
    text = replace(NAMED, body="Fyren nämns i SOU 2023:12 och i lagen (2013:319).", lead=None)
    archive.save(text, seen_at=FIRST_CRAWL + 12 * DAY)
    archive.save(replace(text, title="Ny titel"), seen_at=FIRST_CRAWL + 13 * DAY)
    sql = "select revision, release, number from document_references order by revision, id"
    before = select(archive, sql)
    assert [row[2] for row in before] == ["2023:12", "2013:319"] * 2
    redacted = redact_passage(archive, ID, "SOU 2023:12", NOW, reason="fel")
    assert [row[2] for row in select(archive, sql)] == ["2013:319"] * 2
    hidden = hide_release(archive, ID, NOW, reason="fel")
    assert select(archive, sql) == []
    lift_takedown(archive, hidden, NOW + DAY, "rätt")
    lift_takedown(archive, redacted, NOW + DAY, "rätt")
    assert select(archive, sql) == before


def test_quotes_and_people_follow_takedowns(archive: Archive) -> None:
    spoken = replace(NAMED, body=f"– Fyren lyser starkt, säger fyrvakt {NAME}.", lead=None)
    archive.save(spoken, seen_at=FIRST_CRAWL + 12 * DAY)
    archive.save(replace(spoken, title="Ny titel"), seen_at=FIRST_CRAWL + 13 * DAY)
    sql = (
        "select q.revision, p.name, q.text from quotes q left join people p on p.id = q.person"
        " order by q.revision"
    )
    before = select(archive, sql)
    assert [row[1:] for row in before] == [(NAME, "Fyren lyser starkt")] * 2
    redact_passage(archive, ID, "Fyren lyser starkt", NOW, reason="fel")
    found = [name for _, name, text in select(archive, sql) if "lyser" not in text]
    assert found == [name for _, name, _ in before]
    hidden_id = hide_release(archive, ID, NOW, reason="fel")
    assert select(archive, sql) == select(archive, "select * from people") == []
    lift_takedown(archive, hidden_id, NOW + DAY, "rätt")
    lift_takedown(archive, hidden_id - 1, NOW + DAY, "rätt")
    assert select(archive, sql) == before


def test_name_of_a_speaker_that_is_redacted_is_in_no_table(archive: Archive) -> None:
    archive.save(
        replace(NAMED, body=f"– Fyren lyser starkt, säger {NAME}."), seen_at=FIRST_CRAWL + 12 * DAY
    )
    redact_passage(archive, ID, NAME, NOW, reason="fel")
    assert select(archive, "select name from people") == []
    assert not is_in_files(archive, NAME)
