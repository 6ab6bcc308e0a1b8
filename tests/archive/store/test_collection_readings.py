"""What other collections had, and when: the same history in whatever order it is imported, beside
what the archive reads itself.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from itertools import groupby, product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from datasette.utils import MultiParams

from archive.__main__ import main
from archive.changes.edits_and_removals import (
    RegisterQuery,
    count_edits,
    parse_edits_query,
    read_edits_page,
)
from archive.changes.new_releases import read_feed_page
from archive.database.models import Release
from archive.database.sqlite_files import build_connection_runner, run_without_waiting
from archive.evidence.verification import verify
from archive.follow.followed_changes import read_changes
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, lift_takedown, redact_passage
from tests.archive.changes.test_wording_history import read
from tests.archive.database.test_schema import create_earlier_archive
from tests.archive.sample import import_release
from tests.archive.sample_evidence import read_bundle, read_guide

START = datetime(2026, 6, 3, 8, tzinfo=UTC)
DAY = timedelta(days=1)
WORDS = ("120 miljoner", "121 miljoner", "ett förbud", "inget förbud")


class Snapshot(NamedTuple):
    """What a collection had at one time: the number of each text, by the number of the page."""

    source: str
    seen: date | None
    texts: dict[int, int]


def build_release(page: int, text: int) -> Release:
    body = f"– Beslutet gäller {WORDS[text]}, säger Nora Kvist.\n\nMer om sida {page}."
    html = "".join(f"<p>{paragraph}</p>" for paragraph in body.split("\n\n"))
    return Release(
        agency="fyr",
        url=f"https://fyr.example/{page}",
        title=f"Sida {page}",
        body=body,
        body_html=html,
        published=date(2026, 6, 1),
        language="sv",
        tags=("Kust", WORDS[text]),
    )


def create_archive(folder: Path) -> Archive:
    archive = Archive(folder / "archive.db")
    archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
    started, finished = (START - DAY * 9).isoformat(), (START - DAY * 8).isoformat()
    archive.db.execute(
        "insert into crawls (agency, spider, started, finished, reason) values ('fyr', 'news', ?,"
        " ?, 'finished')",
        [started, finished],
    )
    return archive


def import_snapshot(archive: Archive, snapshot: Snapshot) -> None:
    with archive.bulk():
        for page, text in snapshot.texts.items():
            release = build_release(page, text)
            import_release(archive, release, START, snapshot.seen, source=snapshot.source)


def draw_snapshots(random: Random) -> list[Snapshot]:
    """Return up to five snapshots, of one collection or two, with pages that change now and then,
    and up to two without a time.
    """
    undated = [
        {page: random.randrange(len(WORDS)) for page in range(3) if random.random() < 0.7}
        for _ in range(random.randrange(3))
    ]
    snapshots = [Snapshot(random.choice(("g0vse", "museum")), None, found) for found in undated]
    is_first = True  # has all pages: without a time, the last import is the current text
    texts = dict.fromkeys(range(3), 0)
    for day in sorted(random.sample(range(60), random.randint(2, 5))):
        texts = {
            page: random.randrange(len(WORDS)) if random.random() < 0.5 else text
            for page, text in texts.items()
        }
        source = random.choice(("g0vse", "g0vse", "museum"))
        found = {page: text for page, text in texts.items() if is_first or random.random() < 0.9}
        is_first = False
        snapshots.append(Snapshot(source, date(2026, 4, 1) + timedelta(days=day), found))
    return snapshots


def read_histories(archive: Archive) -> dict[str, list[tuple[object, ...]]]:
    """Return everything about releases, without ids and the times of imports."""
    version = "(select json_array(w.cause, w.parser_version, w.hash, (select min(seen) from"
    version += " observations where revision = w.id)) from revisions w where w.id = {})"
    columns = "title, lead, body, body_html, published, updated, language, hash"
    queries = {
        "releases": f"select url, {columns}, first_seen, last_checked, checks,"
        f" {version.format('revision')} from releases",
        "revisions": f"select r.url, {', '.join(f'v.{name}' for name in columns.split(', '))},"
        f" v.cause, v.parser_version, v.tags, v.importance, v.summary, v.changes, v.checks,"
        f" v.update_date_changed, v.last_seen, {version.format('v.previous')},"
        f" {version.format('v.reverts_to')} from revisions v join releases r on r.id = v.release",
        "observations": f"select r.url, x.kind, x.name, o.seen, {version.format('v.id')}"
        " from observations o join observers x on x.id = o.observer"
        " join revisions v on v.id = o.revision join releases r on r.id = v.release",
        "tags": "select r.url, t.name from release_tags x join releases r on r.id = x.release"
        " join tags t on t.id = x.tag",
        "quotes": f"select q.text, q.position, p.name, {version.format('q.revision')}"
        " from quotes q left join people p on p.id = q.person",
        "words": "select word, releases from vocabulary",
        "facets": "select r.url, f.sort_date from release_facets f join releases r"
        " on r.id = f.release",
    }
    return {
        name: sorted(map(tuple, archive.db.execute(sql)), key=repr) for name, sql in queries.items()
    }


MORE_SEEDS = [
    pytest.param(seed, marks=pytest.mark.slow("many random histories")) for seed in range(2, 12)
]


@pytest.mark.parametrize("seed", [0, 1, *MORE_SEEDS])
@pytest.mark.parametrize("is_crawled", [False, True])
def test_every_order_of_imports_gives_the_same_archive(
    tmp_path: Path, seed: int, is_crawled: bool
) -> None:
    random = Random(seed)
    snapshots = draw_snapshots(random)
    expected = None
    for number in range(8):
        order = random.sample(snapshots, len(snapshots))
        folder = tmp_path / str(number)
        folder.mkdir()
        with create_archive(folder) as archive:
            for text in (0, 1) if is_crawled else ():
                archive.save(build_release(1, text), seen_at=START + DAY * text)
            for snapshot in order:
                import_snapshot(archive, snapshot)
            histories = read_histories(archive) | read_wordings(archive)
            before = list(archive.db.conn.iterdump())
            import_snapshot(archive, order[0])
            assert list(archive.db.conn.iterdump()) == before, "a second import changes nothing"
        assert histories == (expected or histories)
        expected = histories
        assert verify(folder / "archive.db").findings == []
    assert expected is not None
    # a text of an unknown time is not stored of a page that the archive has read
    snapshots = [
        each._replace(texts={key: text for key, text in each.texts.items() if key != 1})
        if is_crawled and each.seen is None
        else each
        for each in snapshots
    ]
    check_against_snapshots(expected, snapshots)
    if not is_crawled:
        check_wordings(expected, snapshots)


def list_readings(snapshots: Sequence[Snapshot], source: str, page: int) -> list[tuple[str, int]]:
    """Return when a collection had which text of a page, in the order of time; those of an unknown
    time (""), which it never had at a known one, come first.
    """
    dated = [
        (each.seen.isoformat(), each.texts[page])
        for each in snapshots
        if each.seen and each.source == source and page in each.texts
    ]
    known = {text for _, text in dated}
    undated = {
        ("", each.texts[page])
        for each in snapshots
        if not each.seen and each.source == source and page in each.texts
    }
    return [*(reading for reading in sorted(undated) if reading[1] not in known), *sorted(dated)]


def check_against_snapshots(
    histories: dict[str, list[tuple[object, ...]]], snapshots: Sequence[Snapshot]
) -> None:
    """Check which texts were stored how often, and what follows what, against the snapshots."""
    versions = differences = readings = 0
    for source in ("g0vse", "museum"):
        for page in range(3):
            found = list_readings(snapshots, source, page)
            undated = [text for seen, text in found if not seen]
            runs = [text for text, _ in groupby(text for seen, text in found if seen)]
            versions += len(undated) + len(runs)
            differences += max(len(runs) - 1, 0)
            readings += len(found)
    stored = {(url, name, version) for url, _, name, _, version in histories["observations"]}
    # each run is one version of its collection, however often it was read
    assert len(stored) == versions
    assert len(histories["observations"]) == readings
    followed = [row for row in histories["revisions"] if row[9] == "import" and row[-2]]
    assert len(followed) == differences


def read_wordings(archive: Archive) -> dict[str, list[tuple[object, ...]]]:
    """Return when each page had each wording."""
    urls = dict(archive.db.execute("select id, url from releases").fetchall())
    found: list[tuple[object, ...]] = []
    for word in WORDS:
        presences = run_without_waiting(read(archive, *urls, query=f'"{word}"'))
        for key, each in ((key, each) for key, all_ in presences.items() for each in all_):
            imports = (each.first_import, each.last_import, each.import_after)
            found.append((urls[key], word, each.appeared, each.disappeared, *imports))
    return {"wordings": sorted(found, key=repr)}


def check_wordings(
    histories: dict[str, list[tuple[object, ...]]], snapshots: Sequence[Snapshot]
) -> None:
    """Check that only what was imported is said of the times of wordings."""
    current = {row[0]: str(row[3]) for row in histories["releases"]}
    for page, (number, word) in product(range(3), enumerate(WORDS)):
        url = f"https://fyr.example/{page}"
        read_by = {name: list_readings(snapshots, name, page) for name in ("g0vse", "museum")}
        all_readings = [reading for found in read_by.values() for reading in found]
        wordings: list[Any] = [row for row in histories["wordings"] if row[:2] == (url, word)]
        assert bool(wordings) == any(text == number for _, text in all_readings)
        is_dated = any(seen and text == number for seen, text in all_readings)
        is_current = word in current[url]
        assert [row[3] is None for row in wordings].count(True) == is_current
        for _, _, appeared, gone, first, last, after in wordings:
            assert first.is_dated == is_dated
            own = read_by[first.collection]
            assert ((appeared.until if is_dated else "", number)) in own
            if appeared.after:
                (before,) = [text for seen, text in own if seen == appeared.after]
                assert before != number
            if gone:
                assert (gone.until, number) not in read_by[after.collection]
                assert gone.until in [seen for seen, _ in read_by[after.collection]]
                assert gone.after is None or (gone.after, number) in read_by[last.collection]


def read_edits(archive: Archive) -> dict[str, Any]:
    """Return what the archive says of agencies' edits, and of what is new: registers, counts, feeds
    and what subscribers are told.
    """
    with closing(sqlite3.connect(archive.path)) as connection:
        runner = build_connection_runner(connection)
        query = RegisterQuery(filters=parse_edits_query(MultiParams({})).filters, size=500)
        names = ("seen", "last_seen_before", "title", "summary", "changes", "stamp", "unannounced")
        edits = run_without_waiting(read_edits_page(runner, query)).rows
        new = run_without_waiting(read_feed_page(runner)).rows
        counts = run_without_waiting(count_edits(runner, query))
        followed = run_without_waiting(read_changes(runner, 0, 10**9))
        releases = dict(connection.execute("select id, url from releases"))
        reverts = connection.execute(
            "select v.seen, w.seen from revisions v left join revisions w on w.id = v.reverts_to"
            " where v.cause <> 'import' order by 1, 2"
        ).fetchall()
        return {
            "edits": [[row[name] for name in names] for row in edits],
            "new": [(row["seen"], row["title"], row["url"]) for row in new],
            "counts": counts["total"],
            "followed": [(change.kind, releases[change.release]) for change in followed],
            "view": connection.execute("select seen, summary from edits order by 1, 2").fetchall(),
            "reverts": reverts,
            "checks": connection.execute(
                "select url, first_seen, last_checked, checks, body from releases"
                " where first_seen is not null order by url"
            ).fetchall(),
        }


@pytest.mark.parametrize("seed", range(20))
def test_no_import_changes_what_is_said_of_edits(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    events: list[tuple[str, Any]] = []
    for day in range(12):
        kind = random.choice(("read", "read", "check", "import", "import", "undated"))
        page, text = random.randrange(3), random.randrange(len(WORDS))
        seen = (START + DAY * (day - random.randint(0, 20))).date()
        events.append((kind, (day, page, text, seen)))
    answers = []
    for is_imported in (True, False):
        folder = tmp_path / str(is_imported)
        folder.mkdir()
        with create_archive(folder) as archive:
            for kind, values in events:
                if is_imported or kind in ("read", "check"):
                    play(archive, kind, values)
            answers.append(read_edits(archive))
        assert verify(folder / "archive.db").findings == []
    assert answers[0] == answers[1]


def play(archive: Archive, kind: str, values: tuple[int, int, int, date]) -> None:
    day, page, text, seen = values
    release, moment = build_release(page, text), START + DAY * day
    if kind == "read":
        archive.save(release, seen_at=moment)
    elif kind == "check":
        archive.db.execute(
            "update releases set last_checked = ?, checks = checks + 1 where url = ? and first_seen"
            " is not null",
            [moment.isoformat(), release.url],
        )
    else:
        import_release(archive, release, moment, seen if kind == "import" else None)


def test_takedown_covers_every_reading(tmp_path: Path) -> None:
    """Also those that are imported while it is in force, before or between the others."""
    with create_archive(tmp_path) as archive:
        first = date(2026, 4, 1)
        import_snapshot(archive, Snapshot("g0vse", first + DAY * 9, {1: 0}))
        redact_passage(archive, 1, "Nora Kvist", START, reason="Namn")
        for day, text in ((3, 1), (20, 1), (5, 0), (0, 2)):
            import_snapshot(archive, Snapshot("g0vse", first + DAY * day, {1: text}))
        shown = archive.db.execute("select body, changes from revisions").fetchall()
        assert len(shown) == 4
        assert "Nora Kvist" not in str(shown)
        hide_release(archive, 1, START, reason="Allt")
        for number in (1, 2):
            lift_takedown(archive, number, START, "Klart")
        lifted = read_histories(archive)
    folder = tmp_path / "other"
    folder.mkdir()
    with create_archive(folder) as archive:
        for day, text in ((0, 2), (3, 1), (5, 0), (9, 0), (20, 1)):
            import_snapshot(archive, Snapshot("g0vse", first + DAY * day, {1: text}))
        assert read_histories(archive) == lifted
    for path in (tmp_path, folder):
        assert verify(path / "archive.db").findings == []


def import_lines(folder: Path, name: str, rows: Sequence[dict[str, str]], *options: str) -> int:
    file = folder / name
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return main(
        ["import", str(file), "--agency=fyr", f"--archive={folder / 'archive.db'}", *options]
    )


def test_command_takes_times_from_lines_or_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create_archive(tmp_path).close()
    lines = [{"url": f"https://fyr.example/{page}", "title": f"Ny {page}"} for page in range(2)]
    lines[1]["seen"] = "2026-06-09T08:00:00+02:00"
    source = ("--source=g0vse", "--source-url=https://g0v.example/")
    assert import_lines(tmp_path, "new.jsonl", lines, "--seen=2026-06-08", *source) == 0
    assert "reading time" not in capsys.readouterr().out
    for line in lines:
        line.update(title="Gammal", seen="2026-05-03")
    assert import_lines(tmp_path, "old.jsonl", lines, *source) == 0
    assert "2 lines: 0 new, 2 revised" in capsys.readouterr().out
    with Archive(tmp_path / "archive.db") as archive:
        titles = archive.db.execute("select title, first_seen, last_checked from releases")
        assert titles.fetchall() == [("Ny 0", None, None), ("Ny 1", None, None)]
        seen = archive.db.execute("select seen from observations order by id").fetchall()
        assert seen == [("2026-06-08",), ("2026-06-09T06:00:00+00:00",), *[("2026-05-03",)] * 2]
        observers = archive.db.execute("select kind, name, url from observers").fetchall()
        assert observers == [("collection", "g0vse", "https://g0v.example/")]


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        ("2026-05", "is a month, not a day or a time"),
        ("abc", "is not a time like 2024-03-15T09:30:00+01:00 or 2024-03-15"),
        ("2199-01-01", "is not in a year"),
        ("2098-01-01", "has not come yet"),
        ("2026-05-03T08:00:00", "has no UTC offset"),
    ],
)
def test_times_that_cannot_be_those_of_a_reading_are_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], seen: str, problem: str
) -> None:
    create_archive(tmp_path).close()
    line = {"url": "https://fyr.example/1", "title": "Ny"}
    assert import_lines(tmp_path, "a.jsonl", [{**line, "seen": seen}]) == 1
    assert f"seen: {seen.split('T', maxsplit=1)[0]}" in (out := capsys.readouterr().out).replace(
        "'", ""
    )
    assert problem in out
    assert import_lines(tmp_path, "a.jsonl", [line], f"--seen={seen}") != 0


def test_without_a_time_the_text_is_kept_as_one_of_an_unknown_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    create_archive(tmp_path).close()
    line = {"url": "https://fyr.example/1", "title": "Ny"}
    assert import_lines(tmp_path, "a.jsonl", [line]) == 0
    assert "without a reading time: 1 do not say" in capsys.readouterr().out
    with Archive(tmp_path / "archive.db") as archive:
        assert archive.db.execute("select seen from observations").fetchall() == [(None,)]
        archive.save(build_release(1, 0), seen_at=START)
    line["title"] = "En annan"
    assert import_lines(tmp_path, "a.jsonl", [line]) == 0
    assert "1 already crawled" in capsys.readouterr().out


@pytest.mark.parametrize("reading", ["parser", "source"])  # source: at another URL, after a move
def test_migrated_imports_equal_those_of_now(tmp_path: Path, reading: str) -> None:
    """Of an archive whose imports were followed by the first reading, and had no observations."""
    new, old = tmp_path / "archive.db", tmp_path / "old.db"
    with create_archive(tmp_path) as archive:
        import_release(archive, build_release(1, 0), START)
        import_release(archive, build_release(1, 1), START + DAY)
        import_release(archive, build_release(1, 2), START + DAY * 2, source="other.jsonl")
        archive.save(build_release(1, 3), seen_at=START + DAY * 3)
        import_release(archive, build_release(2, 0), START)
        expected = read_histories(archive)
    content = Path(shutil.copy(new, tmp_path / "content.db"))
    with closing(sqlite3.connect(content)) as db, db:
        for cause, number in (("import", 2), ("import", 3), (reading, 4)):
            db.execute(
                "update revisions set cause = ?, previous = id - 1, importance = 1, summary = 'x',"
                " summary_en = 'x', changes = '[]', update_date_changed = 0 where id = ?",
                [cause, number],
            )
        db.execute("update revisions set last_seen = seen where id < 4")  # the replaced imports
        db.execute(
            "update releases set first_seen = added, last_checked = coalesce(last_checked, added)"
        )
    create_earlier_archive(old, content)
    assert verify(old).findings == []  # as before a backup
    with Archive(old) as archive:
        assert read_histories(archive) == expected
        told = archive.db.execute("select release from changefeed where change = 'recomputed'")
        assert {*told.fetchall()} == {(1,)}
    assert verify(old).findings == []


def test_an_import_that_an_earlier_version_checked_counts_as_read(tmp_path: Path) -> None:
    """Such a check left no first reading, but what it found is never replaced."""
    old = tmp_path / "old.db"
    checked_at = (START + DAY).isoformat()
    with create_archive(tmp_path) as archive:
        import_release(archive, build_release(1, 0), START)
        archive.db.execute("update releases set last_checked = ?, checks = 1", [checked_at])
        archive.db.execute("delete from observations")
        archive.db.execute("delete from observers")
        archive.db.execute("update releases set first_seen = added")
    create_earlier_archive(old, tmp_path / "archive.db")
    with Archive(old) as archive:
        import_snapshot(archive, Snapshot("g0vse", date(2026, 5, 1), {1: 1}))
        rows = archive.db.execute("select revision, first_seen, last_checked from releases")
        assert rows.fetchall() == [(1, None, checked_at)]
    assert checked_at[:10] in read_guide(read_bundle(old, 1))
