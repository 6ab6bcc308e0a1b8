"""The same release at several agencies is found, told in the order it was published; what merely looks alike is not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from archive import duplicates as joint
from archive.duplicates import (
    DAY_RANGE,
    FIRST_BAND,
    build_shingles,
    find_duplicates,
    hash_bands,
    hash_words,
    jaccard_similarity,
    join_text_fields,
    split_text_words,
)
from archive.models import Release
from archive.store import Archive

SEEN = datetime(2024, 6, 3, 8, 15, tzinfo=UTC)
DAY = date(2024, 6, 1)
AGENCIES = ("fyrstyrelsen", "vagmyndigheten", "fagelverket")
SYLLABLES = ("bå", "tar", "fy", "ren", "kus", "ten", "lju", "set", "ham", "nar", "vin", "den", "strö", "mar")


def write(words: int, seed: int) -> str:
    """A text of invented words in paragraphs of twenty, each seed's its own."""
    chance = random.Random(seed)
    made = ["".join(chance.choices(SYLLABLES, k=3)) for _ in range(words)]
    return "\n\n".join(" ".join(made[start : start + 20]) for start in range(0, words, 20))


def release(agency: str, body: str, *, name: str = "a", published: date | datetime | None = DAY) -> Release:
    """A release with a text of one's own."""
    return Release(
        agency=agency,
        url=f"https://{agency}.example/{name}",
        title="Om fyrar",
        body=body,
        body_html="<p></p>",
        published=published,
    )


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive(tmp_path / "archive.db") as opened:
        for slug in AGENCIES:
            opened.add_agency(slug, name=slug.title(), home=f"https://{slug}.example/")
        yield opened


def save(archive: Archive, *releases: Release, seen: datetime = SEEN) -> list[int]:
    for one in releases:
        archive.save(one, seen_at=seen)
    ids = [archive.find_release_id(one.url) for one in releases]
    return [key for key in ids if key is not None]


def pairs(archive: Archive) -> dict[tuple[int, int], float]:
    rows = archive.db.execute("select release, other, similarity from near_duplicates").fetchall()
    return {(one, other): alike for one, other, alike in rows}


def joined(archive: Archive, one: Release, other: Release) -> float | None:
    """How alike two releases were found to be, told the same from both sides."""
    first, second = save(archive, one, other)
    found = pairs(archive)
    assert found.get((first, second)) == found.get((second, first))
    return found.get((first, second))


FULL = write(300, 1)


@pytest.mark.parametrize(
    "copy",
    [
        FULL,
        FULL.upper().replace("\n\n", "\n"),  # the same words
        FULL.replace("tar", "t\u00adar"),  # with soft hyphens
        write(50, 2) + "\n\n" + FULL,  # with an intro of one's own
        "\n\n".join(FULL.split("\n\n")[:-3]),  # cut short
        " ".join("annat" if place % 40 == 0 else word for place, word in enumerate(FULL.split())),
    ],
)
def test_copies_are_joint(archive: Archive, copy: str) -> None:
    found = joined(archive, release("fyrstyrelsen", FULL), release("vagmyndigheten", copy))
    expected = jaccard_similarity(
        build_shingles(split_text_words("Om fyrar " + FULL)), build_shingles(split_text_words("Om fyrar " + copy))
    )
    assert found == pytest.approx(expected, abs=0.001)
    assert expected > joint.MIN_SIMILARITY


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (write(200, 1), write(200, 2)),
        (write(100, 1) + "\n\n" + write(60, 9), write(100, 2) + "\n\n" + write(60, 9)),  # the same "about us"
        (FULL, "\n\n".join(FULL.split("\n\n")[:6])),  # less than half of it
        (write(30, 1), write(29, 1) + " annat"),  # too short to be sure
        ("Växeln är stängd i dag.", "Växeln är stängd i dag."),  # what anyone may write
        ("", ""),
    ],
)
def test_other_texts_are_not_joint(archive: Archive, one: str, other: str) -> None:
    assert joined(archive, release("fyrstyrelsen", one), release("vagmyndigheten", other)) is None


@pytest.mark.parametrize(
    ("words", "changed", "days", "found"),
    [
        (200, True, joint.MAX_DAYS_APART, True),
        (200, True, joint.MAX_DAYS_APART + 1, False),  # what recurs is much alike
        (200, True, 28, False),
        (200, False, 400, True),
        (60, False, joint.MAX_DAYS_APART, True),
        (60, False, joint.MAX_DAYS_APART + 1, False),
        (20, False, -joint.MAX_DAYS_APART, True),
        (20, False, -joint.MAX_DAYS_APART - 1, False),
    ],
)
def test_distance_in_time(archive: Archive, words: int, changed: bool, days: int, found: bool) -> None:
    body = write(words, 1)
    one = release("fyrstyrelsen", body)
    other = release("vagmyndigheten", body + " annat" if changed else body, published=DAY + timedelta(days=days))
    assert (joined(archive, one, other) is not None) == found


def test_texts_of_one_agency_are_no_joint_texts_but_are_found(archive: Archive) -> None:
    nearly = FULL + "\n\n" + write(20, 5)
    body, moved, far = (
        release("fyrstyrelsen", FULL, name="a"),
        release("fyrstyrelsen", FULL, name="b", published=date(2019, 1, 1)),
        release("fyrstyrelsen", nearly, name="c"),
    )
    first, second, third = save(archive, body, moved, far)
    save(archive, release("vagmyndigheten", FULL))
    assert not {pair for pair in pairs(archive) if set(pair) <= {first, second, third}}
    text = join_text_fields(body.title, None, body.body)
    found = archive.writer.near_duplicates.find_same_text(text, "fyrstyrelsen")
    assert [key for key, _ in found] == [first, second, third]
    assert [alike for _, alike in found][:2] == [1.0, 1.0]
    assert found[2][1] == pytest.approx(
        jaccard_similarity(
            build_shingles(split_text_words(text)), build_shingles(split_text_words("Om fyrar " + nearly))
        ),
        abs=0.001,
    )
    assert archive.writer.near_duplicates.find_same_text(text, "fagelverket") == []
    assert archive.writer.near_duplicates.find_same_text("För kort.", "fyrstyrelsen") == []


def test_an_edit_makes_and_ends_pairs(archive: Archive) -> None:
    one, other = release("fyrstyrelsen", FULL), release("vagmyndigheten", write(300, 2))
    assert joined(archive, one, other) is None
    assert joined(archive, one, replace(other, body=FULL + " mer")) is not None
    assert joined(archive, replace(one, body=FULL + " mer"), replace(other, body=FULL + " mer")) == 1.0
    assert joined(archive, replace(one, body=write(300, 3)), replace(other, body=FULL + " mer")) is None
    assert pairs(archive) == {}


def test_renewing_finds_what_was_saved_before(archive: Archive) -> None:
    releases = [release(agency, FULL) for agency in AGENCIES]
    save(archive, *releases)
    before, keys = pairs(archive), archive.db.execute("select * from minhash_bands").fetchall()
    assert len(before) == 6
    archive.db.execute("delete from near_duplicates")
    archive.db.execute("update minhash_bands set band = band + 100")  # as other rules would number them
    index = archive.writer.near_duplicates
    assert index.is_stale()
    with archive.transaction():
        index.reindex()
    assert not index.is_stale()
    assert pairs(archive) == before
    assert archive.db.execute("select * from minhash_bands").fetchall() == keys


def test_publishers_in_their_order_one_line_an_agency(archive: Archive) -> None:
    stockholm = timezone(timedelta(hours=2))
    own = release("fyrstyrelsen", FULL, published=datetime(2024, 6, 1, 9, 30, tzinfo=stockholm))
    same_day = release("vagmyndigheten", FULL, published=DAY)
    nearly = release("vagmyndigheten", FULL + " " + write(100, 4), name="b", published=date(2024, 5, 30))
    earlier = release("fagelverket", FULL + " mer", published=datetime(2024, 6, 1, 7, 0, tzinfo=UTC))
    later = release("fagelverket", FULL + " mer", name="b", published=date(2024, 6, 4))
    key, *rest = save(archive, own, same_day, nearly, earlier, later)
    assert len([pair for pair in pairs(archive) if pair[0] == key]) == len(rest)
    found = find_duplicates(archive.db.conn, key)
    assert [(one.agency, one.id, one.earlier) for one in found] == [
        ("fagelverket", rest[2], True),
        ("vagmyndigheten", rest[0], False),  # some time that day
    ]
    assert [one.similarity < 1 for one in found] == [True, False]
    archive.db.execute("update releases set moved_to = ? where id = ?", [rest[3], rest[2]])
    assert [one.id for one in find_duplicates(archive.db.conn, key)] == [rest[0], rest[3]]
    assert find_duplicates(archive.db.conn, 999) == []


def test_an_undated_release_stands_where_it_was_seen(archive: Archive) -> None:
    dated, undated = release("fyrstyrelsen", FULL), release("vagmyndigheten", FULL + " mer", published=None)
    assert joined(archive, dated, undated) is not None
    assert [one.first_seen for one in find_duplicates(archive.db.conn, 1)] == ["2024-06-03T08:15:00+00:00"]


def test_many_of_a_kind_are_not_all_compared(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint, "MAX_CANDIDATES", 3)
    save(archive, *(release("fyrstyrelsen", FULL, name=str(number)) for number in range(6)))
    save(archive, release("vagmyndigheten", FULL))
    assert len(pairs(archive)) == 2 * 3


def test_keys_are_the_same_on_every_machine() -> None:
    """Keys are kept for years: where this fails, raise OURS in shingles.py, and have the archive renewed."""
    words = split_text_words(
        "Efter tio mörka år får kusten ljus igen, och båtarna hittar hem även när dimman ligger tät över skären."
    )
    assert hash_words(words) == -1878687499
    assert hash_bands(build_shingles(words))[:4] == [-958068883, -178701842, 789930481, -742094061]
    long = [str(number) for number in range(2000)]
    assert hash_bands(build_shingles(long))[:4] == [539586205, 841072872, -1663351307, 303425457]


def test_keys_carry_their_band_and_day(archive: Archive) -> None:
    key = save(archive, release("fyrstyrelsen", FULL))[0]
    rows = archive.db.execute("select band, value, release from minhash_bands order by band").fetchall()
    assert [band for band, *_ in rows] == list(range(FIRST_BAND, FIRST_BAND + 17))
    assert {(value % DAY_RANGE, held) for _, value, held in rows} == {
        (DAY.toordinal() - date(1970, 1, 1).toordinal(), key)
    }
