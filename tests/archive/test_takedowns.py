"""Takedowns: nothing of what was taken down is left in archive.db, hashes still prove it, and later looks obey."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from archive.database import ArchiveError
from archive.evidence.verify import verify
from archive.evidence.warc import export_warc
from archive.merge import merge_releases
from archive.models import Attachment, Contact, Image
from archive.redaction import WITHHELD_FILE
from archive.store import Archive, SaveResult
from archive.takedowns import find_uncovered_releases, hide_release, lift_takedown, redact_passage
from tests.archive.witnessed import BEGUN, execute, release, url, witness

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
NAME_OF_ONE = "Nora Kvist"
BODY = f"Fyren vaktas av {NAME_OF_ONE}, som bor i Skär."
HTML = "<p>Fyren vaktas av Nora <b>Kvist</b>, som bor i Skär.</p>"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An archive of three days in which one release names a person, in two versions."""
    path = witness(tmp_path)
    with Archive(path) as archive:
        for day, lead in enumerate((None, f"Ny vakt: {NAME_OF_ONE.upper()}")):
            named = replace(release(1, 0), body=BODY, body_html=HTML, lead=lead)
            archive.save(named, seen_at=BEGUN + timedelta(days=10 + day))
    return path


def key_of(file: Path) -> int:
    return int(execute(file, "select id from releases where url = ?", url(1))[0][0])


def bytes_of(file: Path) -> bytes:
    """Of the served file and its log."""
    return b"".join(each.read_bytes() for each in file.parent.glob("archive.db*")).lower()


def test_a_passage_is_redacted_in_every_version_and_leaves_the_file(file: Path) -> None:
    before = execute(file, "select id, hash from revisions order by id")
    assert b"kvist" in bytes_of(file)
    with Archive(file) as archive:
        redact_passage(archive, key_of(file), NAME_OF_ONE, NOW, reason="Personuppgift")
    assert b"kvist" not in bytes_of(file)
    assert b"vaktas" in bytes_of(file)
    assert execute(file, "select id, hash from revisions order by id") == before
    ((lead, body, markup, withheld),) = execute(
        file, "select lead, body, body_html, takedown from releases where url = ?", url(1)
    )
    assert (lead, body) == ("Ny vakt: █████", "Fyren vaktas av █████, som bor i Skär.")
    assert markup == "<p>Fyren vaktas av █████<b></b>, som bor i Skär.</p>"
    assert withheld == "redacted"
    assert verify(file).findings == []


def test_a_hidden_release_is_in_no_list_and_its_hash_proves_it(file: Path) -> None:
    with Archive(file) as archive:
        hide_release(archive, key_of(file), NOW, reason="Domstols beslut", reason_en="A court's order")
    assert (file.parent / WITHHELD_FILE).stat().st_mode & 0o077 == 0
    assert b"kvist" not in bytes_of(file)
    assert execute(file, "select 1 from release_facets where release = ?", key_of(file)) == []
    rows = execute(file, "select title, body, body_html, tags, changes from revisions where release = ?", key_of(file))
    assert len(rows) > 2
    assert {row[:4] for row in rows} == {("█████", "", "", "[]")}
    assert verify(file).findings == []


def test_an_edit_of_what_is_taken_down_is_one_all_the_same(file: Path) -> None:
    with Archive(file) as archive:
        redact_passage(archive, key_of(file), NAME_OF_ONE, NOW, reason="Personuppgift")
        named = replace(release(1, 0), body=BODY, body_html=HTML, lead=f"Ny vakt: {NAME_OF_ONE}")  # was in capitals
        assert archive.save(named, seen_at=NOW) is SaveResult.REVISED
    ((cause, summary),) = execute(file, "select cause, summary from revisions order by id desc limit 1")
    assert (cause, summary) == ("source", "Ingen ändring")


def test_without_what_was_withheld_its_absence_is_a_finding(file: Path) -> None:
    with Archive(file) as archive:
        hide_release(archive, key_of(file), NOW, reason="Domstols beslut")
    (file.parent / WITHHELD_FILE).unlink()
    (finding,) = verify(file).findings
    assert Path(finding.file).name == WITHHELD_FILE
    assert finding.problem.startswith("no such file; 3 versions that are taken down cannot be checked")
    execute(file, "update revisions set published_text = 'i går' where id in (3, 8)")  # the hash leaves it out
    found = {(Path(each.file).name, each.table, each.key) for each in verify(file).findings}
    assert found == {
        (WITHHELD_FILE, "states", None),
        ("archive.db", "revisions", "3"),
        ("archive.db", "revisions", "8"),
    }


def test_later_looks_find_it_unchanged_and_later_versions_are_covered(file: Path) -> None:
    named = replace(release(1, 0), body=BODY, body_html=HTML, lead=f"Ny vakt: {NAME_OF_ONE.upper()}")
    edited = replace(named, title="Fyr 1 släcks")
    with Archive(file) as archive:
        redact_passage(archive, key_of(file), NAME_OF_ONE, NOW, reason="Personuppgift")
        assert archive.save(named, seen_at=NOW + timedelta(days=1)) is SaveResult.UNCHANGED
        assert archive.save(edited, seen_at=NOW + timedelta(days=2)) is SaveResult.REVISED
        assert archive.save(edited, seen_at=NOW + timedelta(days=3)) is SaveResult.UNCHANGED
        held = archive.get(url(1))
    assert held
    assert held.state["body"] == BODY  # compared with what is read next, as it stood
    assert b"kvist" not in bytes_of(file)
    ((title, body, changes),) = execute(
        file, "select title, body, changes from revisions where release = ? order by id desc limit 1", key_of(file)
    )
    assert (title, body) == ("Fyr 1 släcks", "Fyren vaktas av █████, som bor i Skär.")
    assert "släcks" in changes
    assert verify(file).findings == []


@pytest.mark.parametrize("hidden", [True, False])
def test_what_is_lifted_stands_as_it_stood(file: Path, hidden: bool) -> None:
    tables = (
        "revisions",
        "questions",
        "release_tags",
        "images",
        "attachments",
        "contacts",
        "release_facets",
        "vocabulary",
    )
    before = {table: execute(file, f"select * from {table}") for table in (*tables, "releases")}
    with Archive(file) as archive:
        key = key_of(file)
        number = (
            hide_release(archive, key, NOW, reason="Fel")
            if hidden
            else redact_passage(archive, key, "som bor", NOW, reason="Fel")
        )
        assert lift_takedown(archive, number, NOW + timedelta(days=1), "Det var fel") == [key]
        with pytest.raises(ArchiveError, match="was lifted"):
            lift_takedown(archive, number, NOW, "Igen")
    for table in ("revisions", "releases", "release_facets", "vocabulary"):
        assert sorted(execute(file, f"select * from {table}")) == sorted(before[table]), table
    assert verify(file).findings == []
    ((lifted, why),) = execute(file, "select lifted, lifted_reason from takedowns")
    assert (lifted[:10], why) == ("2026-04-02", "Det var fel")


def test_a_hiding_covers_a_redaction_and_the_other_way_round(file: Path) -> None:
    with Archive(file) as archive:
        key = key_of(file)
        redact_passage(archive, key, NAME_OF_ONE, NOW, reason="Personuppgift")
        hidden = hide_release(archive, key, NOW, reason="Domstols beslut")
        lift_takedown(archive, hidden, NOW + timedelta(days=9), "Beslutet är upphävt")
    assert b"kvist" not in bytes_of(file)
    assert execute(file, "select takedown from releases where id = ?", key) == [("redacted",)]
    assert verify(file).findings == []


@pytest.mark.parametrize(
    ("passage", "problem"),
    [("a.", "too short"), ("Sara Alm", "is not in any version"), ("█████", "too short")],
)
def test_a_passage_that_cannot_be_redacted_changes_nothing(file: Path, passage: str, problem: str) -> None:
    before = execute(file, "select * from revisions")
    with Archive(file) as archive, pytest.raises(ArchiveError, match=problem):
        redact_passage(archive, key_of(file), passage, NOW, reason="Personuppgift")
    assert execute(file, "select * from revisions") == before
    assert execute(file, "select * from takedowns") == []


def test_what_goes_on_at_another_address_stays_covered(file: Path) -> None:
    moved = replace(release(1, 0), url=url(99), body=BODY, body_html=HTML, lead=f"Ny vakt: {NAME_OF_ONE}")
    with Archive(file) as archive:
        key = key_of(file)
        redact_passage(archive, key, NAME_OF_ONE, NOW, reason="Personuppgift")
        with archive.transaction():
            archive.save(moved, seen_at=NOW + timedelta(days=1))
            to = archive.find_release_id(url(99))
            assert to
            merge_releases(archive, key, to, NOW + timedelta(days=1), url(99), cause="source")
    rows = execute(file, "select body, lead, changes from revisions where release = ?", to)
    assert "Kvist" not in str(rows)
    assert verify(file).findings == []


def test_what_it_was_joined_with_is_covered_either_way(file: Path) -> None:
    moved = replace(release(1, 0), url=url(99), body=BODY, body_html=HTML, lead=f"Ny vakt: {NAME_OF_ONE}")
    with Archive(file) as archive:
        key = key_of(file)
        with archive.transaction():
            archive.save(moved, seen_at=NOW)
            to = archive.find_release_id(url(99))
            assert to
            merge_releases(archive, key, to, NOW, url(99), cause="source")
        number = hide_release(archive, to, NOW, reason="Domstols beslut")
        assert b"kvist" not in bytes_of(file)
        assert execute(file, "select takedown from releases where id in (?, ?)", key, to) == [("hidden",)] * 2
        assert lift_takedown(archive, number, NOW, "Upphävt") == [to, key]
    assert b"kvist" in bytes_of(file)
    assert verify(file).findings == []


def test_nothing_else_quotes_a_hidden_release(file: Path) -> None:
    key, problem = key_of(file), f"{url(1)}: lead: {NAME_OF_ONE} cannot be read"
    with Archive(file) as archive:
        named = replace(release(1, 0), body=BODY, body_html=HTML, tags=(NAME_OF_ONE,))
        archive.save(named, seen_at=NOW)
        archive.frontier.add(url(1), agency="fyr", role="release", seen_at=NOW)
        archive.db.execute("update frontier set problem = ?, release = ? where url = ?", [problem, key, url(1)])
        archive.db.execute(
            "insert into crawls (agency, spider, started, problems) values ('fyr', 'news', '2026-04-01', ?)",
            [json.dumps([problem, "another"])],
        )
        archive.db.execute(
            "insert into removals (release, kind, target, first_seen, last_seen, checks)"
            " values (?, 'replaced', ?, '2026-04-01', '2026-04-01', 1)",
            [key, NAME_OF_ONE],
        )
        hide_release(archive, key, NOW, reason="Domstols beslut")
    assert b"kvist" not in bytes_of(file)
    assert execute(file, "select problems from crawls where spider = 'news'") == [('["█████", "another"]',)]
    out = file.with_name("out.warc")
    assert export_warc(file, out).omitted > 0
    assert url(1).encode() not in out.read_bytes()


def test_a_passage_in_another_spelling_and_one_that_is_a_date(file: Path) -> None:
    markup = "<p>Ring <a href='tel:+46101234567'>010‑123 45 67</a>, <a href='/nora-kvist'>Nora Kvist</a> 2026-03-01</p>"
    dated = replace(release(1, 0), body="Ring 010‑123 45 67, Nora Kvist 2026-03-01", body_html=markup)
    with Archive(file) as archive:
        archive.save(replace(dated, published=date(2026, 3, 1)), seen_at=NOW)
        for passage in ("010-123 45 67", NAME_OF_ONE, "2026-03-01"):
            redact_passage(archive, key_of(file), passage, NOW, reason="Personuppgift")
    ((body, shown, published),) = execute(file, "select body, body_html, published from releases where url = ?", url(1))
    assert (body, published) == ("Ring █████, █████ █████", "2026-03-01")
    assert shown == "<p>Ring <a>█████</a>, <a>█████</a> █████</p>"


def test_an_address_that_tells_the_passage_is_a_mark_in_every_version(file: Path) -> None:
    pictures = (
        Image(url="https://fyr.example/nora-kvist.jpg", caption=NAME_OF_ONE),
        Image(url="https://fyr.example/fyren.jpg"),
    )
    files = (Attachment(url="https://fyr.example/dom_mot_nora%20kvist.pdf", title=f"Dom mot {NAME_OF_ONE}"),)
    who = (Contact(name=NAME_OF_ONE, phone="+46 10-123 45 67", email="nora.kvist@fyr.example"),)
    text = "Skriv till nora.kvist@fyr.example. Se https://fyr.example/nora_kvist, www.fyr.example/fyren."
    named = replace(release(1, 0), body=text, images=pictures, attachments=files, contacts=who)
    with Archive(file) as archive:
        archive.save(named, seen_at=NOW)
        archive.save(replace(named, title="Fyr 1 släcks"), seen_at=NOW)
        for passage in (NAME_OF_ONE, "010-123 45 67"):
            redact_passage(archive, key_of(file), passage, NOW, reason="Personuppgift")
        archive.save(replace(named, title="Fyr 1 tänds"), seen_at=NOW)
    assert b"kvist" not in bytes_of(file)
    rows = execute(file, "select body, images, attachments, contacts from revisions where release = ?", key_of(file))
    assert len(set(rows[-3:])) == 1
    body, images, attachments, contacts = rows[-1]
    assert body == "Skriv till █████. Se █████, www.fyr.example/fyren."
    assert [image["url"] for image in json.loads(images)] == ["█████", "https://fyr.example/fyren.jpg"]
    assert json.loads(attachments) == [{"url": "█████", "title": "Dom mot █████", "media_type": None}]
    assert json.loads(contacts) == [{"name": "█████", "role": None, "phone": "█████", "email": "█████"}]
    assert execute(file, "select url from images where release = ? order by position", key_of(file))[0] == ("█████",)
    assert verify(file).findings == []


def test_what_a_crawl_quoted_of_an_address_is_covered_and_where_it_moved_is_not(file: Path) -> None:
    moved, problem = "https://fyr.example/nora-kvist", "https://fyr.example/1/nora_kvist: lead: Nora-Kvist: unreadable"
    with Archive(file) as archive:
        key = key_of(file)
        with archive.transaction():
            archive.removals.mark_moved(key, NOW, moved)
            archive.frontier.add(moved, agency="fyr", role="release", seen_at=NOW)
            archive.db.execute("update frontier set problem = ?, release = ? where url = ?", [problem, key, moved])
        redact_passage(archive, key, NAME_OF_ONE, NOW, reason="Personuppgift")
    assert execute(file, "select problem from frontier where url = ?", moved) == [("█████: lead: █████: unreadable",)]
    assert execute(file, "select target from removals where release = ?", key) == [(moved,)]
    assert execute(file, "select url from releases where id = ?", key) == [(moved,)]


def test_others_with_the_passage_are_named(file: Path) -> None:
    with Archive(file) as archive:
        archive.save(replace(release(2, 0), body=f"Av {NAME_OF_ONE}"), seen_at=NOW)
        archive.save(replace(release(4, 0), images=(Image(url="https://fyr.example/nora_kvist.jpg"),)), seen_at=NOW)
        others = [archive.find_release_id(url(2)), archive.find_release_id(url(4))]
        redact_passage(archive, key_of(file), NAME_OF_ONE, NOW, reason="Personuppgift")
        assert find_uncovered_releases(archive, key_of(file), NAME_OF_ONE) == others
