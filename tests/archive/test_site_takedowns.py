"""What is taken down is on no page, feed, export or query of the site; the log and the pages say why."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.__main__ import main
from archive.models import Attachment, Contact, Image, Release
from archive.store import Archive
from archive.takedowns import hide_release, lift_takedown, redact_passage
from tests.archive.sample import Site, served
from tests.archive.sample_history import EDITED

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
NEWEST = EDITED.replace("höjs", "sänks")
WORD = "sänks"
LISTS = (
    *("/", "/search?q={word}", "/search.json?q={word}", "/search.csv?q={word}", "/search.atom?q={word}", "/new.atom"),
    *("/-/edits?size=1000", "/-/edits.json?size=1000", "/-/edits.csv?size=1000", "/-/edits.atom?size=1000"),
    *("/-/removed", "/-/removed.json", "/agency/{agency}", "/agency/{agency}.atom", "/sitemap.xml"),
)
SQL = ("releases", "revisions", "questions", "images", "attachments", "contacts", "edits", "releases_with_tags")


@pytest.fixture
async def hidden(history_archive: Path, tmp_path: Path) -> AsyncIterator[tuple[Site, int, list[int]]]:
    """The story's site with its edited release hidden: its number and those of its versions."""
    path = Path(shutil.copytree(history_archive.parent, tmp_path / "copy")) / "archive.db"
    with Archive(path) as archive:
        (release,) = archive.db.execute("select id from releases where title = ?", [NEWEST]).fetchone()
        hide_release(archive, release, NOW, reason="Beslut av domstol", reason_en="A court's decision")
        revisions = [key for (key,) in archive.db.execute("select id from revisions where release = ?", [release])]
    with served(path) as datasette:
        yield Site(datasette), release, revisions


async def test_no_list_feed_or_query_tells_of_it(hidden: tuple[Site, int, list[int]]) -> None:
    site, release, revisions = hidden
    agency = (await site.get(f"/archive/releases/{release}.json?_shape=array")).json()[0]["agency"]
    for address in LISTS:
        answer = await site.get(address.format(word=WORD, agency=agency))
        assert answer.status_code == 200, address
        text = answer.text.replace(f"q={WORD}", "")
        assert NEWEST not in text, address
        assert f"/archive/releases/{release}<" not in text.replace('"', "<"), address
    for table in SQL:
        assert NEWEST not in (await site.get(f"/archive/{table}.json?_size=max&_shape=array")).text, table
    pair = f"{revisions[0]}/{revisions[-1]}"
    for address in (
        *(f"/archive/releases/{release}", f"/-/history/{release}.json", f"/-/history/{release}.atom"),
        *(f"/-/diff/{pair}", f"/-/diff/{pair}.json", f"/-/revision/{revisions[-1]}", f"/-/cite/{revisions[-1]}"),
        f"/archive/releases/{release}.json?_shape=array",
    ):
        answer = await site.get(address)
        assert answer.status_code == 200, address
        assert NEWEST not in answer.text, address


async def test_its_pages_say_why(hidden: tuple[Site, int, list[int]]) -> None:
    site, release, revisions = hidden
    for address in (f"/archive/releases/{release}", f"/-/revision/{revisions[0]}"):
        assert "Arkivet visar inte det här meddelandet Beslut av domstol" in await site.text(address)
        assert "A court's decision · In force since 1 April 2026" in await site.text(f"{address}?lang=en")


async def test_its_evidence_holds_hashes_alone(hidden: tuple[Site, int, list[int]]) -> None:
    site, _, revisions = hidden
    answer = await site.get(f"/-/evidence/{revisions[-1]}.zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        names = {name.split("/", 1)[1] for name in file.namelist()}
        guide = file.read(next(name for name in file.namelist() if name.endswith("README.en.txt"))).decode()
        assert all(NEWEST.encode() not in file.read(name) for name in file.namelist())
    assert not {"release.json", "headers.json", "page.html"} & names
    assert "A court's decision" in guide
    digest = (await site.get(f"/archive/revisions/{revisions[-1]}.json?_shape=array")).json()[0]["hash"]
    assert digest in guide


async def test_the_log_tells_of_it_in_every_form(hidden: tuple[Site, int, list[int]]) -> None:
    site, release, _ = hidden
    assert "Dolt meddelande" in await site.text("/-/takedowns")
    assert "A court's decision" in await site.text("/-/takedowns?lang=en")
    (row,) = (await site.get("/-/takedowns.json")).json()["takedowns"]
    assert (row["release"], row["kind"], row["reason"], row["lifted"]) == (release, "hide", "Beslut av domstol", None)
    assert "Beslut av domstol" in (await site.get("/-/takedowns.csv")).text
    assert "Beslut av domstol" in (await site.get("/-/takedowns.atom")).text
    assert (await site.get("/-/takedowns?after=x")).status_code == 400


async def test_the_log_tells_where_another_takedown_covers_what_was_lifted(desk: Path) -> None:
    with Archive(desk) as archive:
        (release,) = archive.db.execute("select id from releases where title = ?", [NEWEST]).fetchone()
        redact_passage(archive, release, WORD, NOW, reason="Fel namn")
        for reason in ("Beslut", "Ännu ett beslut"):
            hide_release(archive, release, NOW, reason=reason)
        with served(desk) as datasette:
            site = Site(datasette)
            lift_takedown(archive, 2, NOW, "Det var fel")
            told = await site.text("/-/takedowns?lang=en")
            assert (
                told.count("Lifted 1 April 2026, 11:00: Det var fel The release is still hidden, by another decision")
                == 1
            )
            assert "Meddelandet är fortfarande dolt, av ett annat beslut" in await site.text("/-/takedowns")
            lift_takedown(archive, 3, NOW, "Också fel")
            assert (await site.text("/-/takedowns")).count(
                "Delar av meddelandet är fortfarande maskerade, av ett annat beslut"
            ) == 2
            lift_takedown(archive, 1, NOW, "Allt var fel")
            told = await site.text("/-/takedowns")
    assert ("En annan post" in told, told.count("Upphävt 1 april 2026")) == (False, 3)


async def test_an_address_that_tells_a_passage_is_shown_nowhere(history_archive: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(history_archive.parent, tmp_path / "copy")) / "archive.db"
    with Archive(path) as archive:
        (agency,) = archive.db.execute("select slug from agencies limit 1").fetchone()
        named = Release(
            agency=agency,
            url="https://fyr.example/nyheter/vakten",
            title="Vakten i fyren slutar",
            body="Skriv till nora.kvist@fyr.example.",
            body_html='<p>Skriv till <a href="mailto:nora.kvist@fyr.example">nora.kvist@fyr.example</a>.</p>',
            images=(Image(url="https://fyr.example/nora-kvist.jpg"),),
            attachments=(Attachment(url="https://fyr.example/nora_kvist.pdf", title="nora_kvist.pdf"),),
            contacts=(Contact(role="Fyrvakt", email="nora.kvist@fyr.example"),),
        )
        archive.save(named, seen_at=NOW)
        archive.save(replace(named, lead="Nora-Kvist slutar."), seen_at=NOW)
        release = archive.find_release_id(named.url)
        assert release
        redact_passage(archive, release, "Nora Kvist", NOW, reason="Personuppgift")
        revisions = [key for (key,) in archive.db.execute("select id from revisions where release = ?", [release])]
    with served(path) as datasette:
        site = Site(datasette)
        page = await site.get(f"/archive/releases/{release}")
        assert page.text.count("<a>█████") == 3, "in the text, the file, the contact: none is a link"
        for address in (
            *(f"/archive/releases/{release}", f"/archive/releases/{release}.json?_shape=array", "/new.atom"),
            *(f"/archive/{table}.csv?release={release}" for table in ("images", "attachments", "contacts")),
            *(
                f"/archive/revisions.json?release={release}&_shape=array",
                "/-/changes.json?size=1000",
                "/search.csv?q=vakten",
            ),
            *(f"/-/revision/{revisions[0]}", f"/-/diff/{revisions[0]}/{revisions[1]}", f"/-/history/{release}.json"),
        ):
            answer = await site.get(address)
            assert answer.status_code == 200, address
            assert "kvist" not in answer.text.lower(), address


async def test_a_log_without_lines(empty_site: Site) -> None:
    assert "Inget är dolt eller maskerat" in await empty_site.text("/-/takedowns")


@pytest.fixture
def desk(history_archive: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(history_archive.parent, tmp_path / "copy")) / "archive.db"


def test_the_command_line(desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--archive", str(desk)]
    with Archive(desk) as archive:
        (release,) = archive.db.execute("select id from releases where title = ?", [NEWEST]).fetchone()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{WORD}\n"))
    assert main(["takedown", "redact", str(release), "--reason", "Fel namn", *at]) == 0
    assert main(["takedown", "hide", str(release), "--reason", "Beslut", *at]) == 0
    assert main(["takedown", "lift", "2", "--reason", "Upphävt", *at]) == 0
    capsys.readouterr()
    assert main(["takedown", "list", *at]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [(line[0], line[1], line[4][:8], line[5]) for line in lines] == [
        ("1", "redact", "in force", "Fel namn"),
        ("2", "hide", "lifted 2", "Beslut"),
    ]
    with Archive(desk) as archive:
        assert archive.db.execute("select title from releases where id = ?", [release]).fetchone() == (
            NEWEST.replace(WORD, "█████"),
        )
    for reasons in (["--reason", " "], ["--reason", "Beslut", "--reason-en", ""]):
        assert main(["takedown", "hide", str(release), *reasons, *at]) == 2
        problem = f"Invalid value for '{reasons[-2]}': it must not be empty, because the public log shows it.\n"
        assert problem in capsys.readouterr().err
    assert main(["takedown", "hide", "99999", "--reason", "Beslut", *at]) == 2
    assert "releases: 99999: no such release" in capsys.readouterr().err
    assert main(["takedown", "list", "--archive", str(desk.with_name("none.db"))]) == 2


def test_the_command_tells_what_covers_a_release_beside(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> str:
        assert main(["takedown", *words, "--archive", str(desk)]) == 0
        return capsys.readouterr().out

    with Archive(desk) as archive:
        (release,) = archive.db.execute("select id from releases where title = ?", [NEWEST]).fetchone()
    assert "it was already hidden" not in run("hide", str(release), "--reason", "Beslut")
    told = run("hide", str(release), "--reason", "Ännu ett beslut")
    assert "it was already hidden (takedown 1): its text is shown again only once all of them are lifted\n" in told
    told = run("lift", "1", "--reason", "Upphävt")
    assert told == f"takedown 1 is lifted\nrelease {release} stays hidden (takedown 2)\n"
    told = run("lift", "2", "--reason", "Upphävt")
    assert told == f"takedown 2 is lifted\nrelease {release} is shown again\n"
