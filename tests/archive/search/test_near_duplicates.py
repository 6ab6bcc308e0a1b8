"""Near-duplicates: the same release at several agencies is found, and what only looks similar is
not.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from archive.database.models import Release
from archive.search import near_duplicates as duplicates
from archive.search.near_duplicates import (
    DAY_RANGE,
    MAX_DAYS_APART,
    build_shingles,
    find_duplicates,
    hash_bands,
    hash_words,
    jaccard_similarity,
    join_text_fields,
    split_text_words,
)
from archive.store.releases import Archive

SEEN = datetime(2024, 6, 3, 8, 15, tzinfo=UTC)
DAY = date(2024, 6, 1)
AGENCIES = ("fyrstyrelsen", "vagmyndigheten", "fagelverket")
SYLLABLES = (
    "bå",
    "tar",
    "fy",
    "ren",
    "kus",
    "ten",
    "lju",
    "set",
    "ham",
    "nar",
    "vin",
    "den",
    "strö",
    "mar",
)


def write_text(words: int, seed: int) -> str:
    """Return a text of invented words in paragraphs of twenty, different for each seed."""
    rng = random.Random(seed)
    made = ["".join(rng.choices(SYLLABLES, k=3)) for _ in range(words)]
    return "\n\n".join(" ".join(made[start : start + 20]) for start in range(0, words, 20))


FULL = write_text(300, 1)
FULL_PARAGRAPHS = FULL.split("\n\n")


def release(
    agency: str, body: str = FULL, *, name: str = "a", published: date | datetime | None = DAY
) -> Release:
    url = f"https://{agency}.example/{name}"
    return Release(
        agency=agency,
        url=url,
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


def save(archive: Archive, *releases: Release) -> list[int]:
    for one in releases:
        archive.save(one, seen_at=SEEN)
    return [key for one in releases if (key := archive.find_release_id(one.url)) is not None]


def read_pairs(archive: Archive) -> dict[tuple[int, int], float]:
    rows = archive.db.execute("select release, other, similarity from near_duplicates").fetchall()
    return {(one, other): similarity for one, other, similarity in rows}


def save_and_compare(archive: Archive, one: Release, other: Release) -> float | None:
    """Return the stored similarity of two releases, which is the same in both directions."""
    first, second = save(archive, one, other)
    pairs = read_pairs(archive)
    assert pairs.get((first, second)) == pairs.get((second, first))
    return pairs.get((first, second))


def compute_similarity(one: str, other: str) -> float:
    first, second = (build_shingles(split_text_words(f"Om fyrar {body}")) for body in (one, other))
    return jaccard_similarity(first, second)


@pytest.mark.parametrize(
    "copy",
    [
        FULL,
        FULL.upper().replace("\n\n", "\n"),
        FULL.replace("tar", "t\u00adar"),
        write_text(50, 2) + "\n\n" + FULL,
        "\n\n".join(FULL_PARAGRAPHS[:-3]),
        " ".join(
            "annat" if position % 40 == 0 else word for position, word in enumerate(FULL.split())
        ),
    ],
    ids=["same", "capitals", "soft hyphens", "introduced", "shortened", "some words replaced"],
)
def test_copies_are_near_duplicates(archive: Archive, copy: str) -> None:
    expected = compute_similarity(FULL, copy)
    assert expected > duplicates.MIN_SIMILARITY
    similarity = save_and_compare(archive, release("fyrstyrelsen"), release("vagmyndigheten", copy))
    assert similarity == pytest.approx(expected, abs=0.001)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (write_text(200, 1), write_text(200, 2)),
        (
            f"{write_text(100, 1)}\n\n{write_text(60, 9)}",
            f"{write_text(100, 2)}\n\n{write_text(60, 9)}",
        ),
        (FULL, "\n\n".join(FULL_PARAGRAPHS[:6])),
        (write_text(30, 1), write_text(29, 1) + " annat"),
        ("Växeln är stängd i dag.", "Växeln är stängd i dag."),
        ("", ""),
    ],
    ids=[
        "different",
        "same closing",
        "less than half",
        "too short to be certain",
        "few words",
        "empty",
    ],
)
def test_other_texts_are_no_near_duplicates(archive: Archive, one: str, other: str) -> None:
    assert (
        save_and_compare(archive, release("fyrstyrelsen", one), release("vagmyndigheten", other))
        is None
    )


@pytest.mark.parametrize(
    ("words", "changed", "days", "found"),
    [
        (200, True, MAX_DAYS_APART, True),
        (200, True, MAX_DAYS_APART + 1, False),
        (200, True, 28, False),
        (200, False, 400, True),
        (60, False, MAX_DAYS_APART, True),
        (60, False, MAX_DAYS_APART + 1, False),
        (20, False, -MAX_DAYS_APART, True),
        (20, False, -MAX_DAYS_APART - 1, False),
    ],
)
def test_only_long_identical_texts_may_be_far_apart_in_time(
    archive: Archive, words: int, changed: bool, days: int, found: bool
) -> None:
    body = write_text(words, 1)
    other = release(
        "vagmyndigheten", body + " annat" * changed, published=DAY + timedelta(days=days)
    )
    assert (save_and_compare(archive, release("fyrstyrelsen", body), other) is not None) == found


@pytest.mark.parametrize(
    ("one", "other", "days", "found"),
    [
        (FULL, FULL, 0, True),
        (FULL, FULL, 400, True),
        (write_text(20, 1), write_text(20, 1), 10, True),
        (write_text(20, 1), write_text(20, 1), 30, False),
        (FULL, f"{FULL}\n\nRättat.", 1, True),
        (FULL, f"{FULL}\n\nRättat.", 30, False),
        (f"{FULL}\n\nMöte den 3 maj.", f"{FULL}\n\nMöte den 10 maj.", 7, False),
        (FULL, "\n\n".join(FULL_PARAGRAPHS[:-3]), 0, False),
        ("Växeln är stängd i dag.", "Växeln är stängd i dag.", 0, False),
    ],
    ids=[
        "same",
        "same, long ago",
        "brief",
        "brief, long ago",
        "corrected",
        "later",
        "next",
        "shortened",
        "few words",
    ],
)
def test_copies_at_two_addresses_of_one_site_are_near_duplicates(
    archive: Archive, one: str, other: str, days: int, found: bool
) -> None:
    first = release("fyrstyrelsen", one, name="a")
    second = release("fyrstyrelsen", other, name="b", published=DAY + timedelta(days=days))
    assert (save_and_compare(archive, first, second) is not None) == found
    pairs = read_pairs(archive)
    archive.recompute()
    assert read_pairs(archive) == pairs
    assert all(one != other for one, other in pairs)


def test_many_texts_of_one_site_leave_room_for_copies_of_others(archive: Archive) -> None:
    own = save(
        archive,
        *(release("fyrstyrelsen", f"{FULL} {number}", name=str(number)) for number in range(60)),
    )
    (copy,) = save(archive, release("vagmyndigheten"))
    assert (
        len({other for one, other in read_pairs(archive) if one == copy})
        == duplicates.MAX_CANDIDATES
    )
    (same,) = save(archive, release("fyrstyrelsen", f"{FULL} 7", name="again"))
    # other figures: no copies
    assert {other for one, other in read_pairs(archive) if one == same} == {own[7], copy}


def test_page_lists_a_copy_on_the_own_site_beside_those_of_others(archive: Archive) -> None:
    own, twin, wire, other = save(
        archive,
        release("fyrstyrelsen", name="a"),
        release("fyrstyrelsen", name="b"),
        replace(release("fyrstyrelsen"), url="https://wire.example/1"),
        release("vagmyndigheten"),
    )
    found = [(one["id"], one["host"]) for one in find_duplicates(archive.db.conn, own)]
    assert found == [
        (twin, "fyrstyrelsen.example"),
        (wire, "wire.example"),
        (other, "vagmyndigheten.example"),
    ]


def test_texts_of_one_agency_are_found(archive: Archive) -> None:
    similar = f"{FULL}\n\n{write_text(20, 5)}"
    own = save(
        archive,
        release("fyrstyrelsen", name="a"),
        release("fyrstyrelsen", name="b", published=date(2019, 1, 1)),
        release("fyrstyrelsen", similar, name="c"),
    )
    save(archive, release("vagmyndigheten"))
    index, text = archive.derived.near_duplicates, join_text_fields("Om fyrar", None, FULL)
    similarity = pytest.approx(compute_similarity(FULL, similar), abs=0.001)
    assert index.find_same_text(text, "fyrstyrelsen") == list(
        zip(own, [1.0, 1.0, similarity], strict=True)
    )
    assert index.find_same_text(text, "fagelverket") == []
    assert index.find_same_text("För kort.", "fyrstyrelsen") == []


def test_edits_add_and_remove_pairs(archive: Archive) -> None:
    one, other = release("fyrstyrelsen"), release("vagmyndigheten", write_text(300, 2))
    copy = replace(other, body=FULL + " mer")
    assert save_and_compare(archive, one, other) is None
    assert save_and_compare(archive, one, copy) is not None
    assert save_and_compare(archive, replace(one, body=FULL + " mer"), copy) == 1.0
    assert save_and_compare(archive, replace(one, body=write_text(300, 3)), copy) is None
    assert read_pairs(archive) == {}


def test_duplicates_are_listed_in_order_of_publication_one_per_agency(archive: Archive) -> None:
    stockholm = timezone(timedelta(hours=2))
    own, same_day, _, earlier, later = save(
        archive,
        release("fyrstyrelsen", published=datetime(2024, 6, 1, 9, 30, tzinfo=stockholm)),
        release("vagmyndigheten", published=DAY),
        release(
            "vagmyndigheten", f"{FULL} {write_text(100, 4)}", name="b", published=date(2024, 5, 30)
        ),
        release("fagelverket", FULL + " mer", published=datetime(2024, 6, 1, 7, 0, tzinfo=UTC)),
        release("fagelverket", FULL + " mer", name="b", published=date(2024, 6, 4)),
    )
    assert len([pair for pair in read_pairs(archive) if pair[0] == own]) == 4
    found = find_duplicates(archive.db.conn, own)
    assert [(one["agency"], one["id"], one["earlier"], one["similarity"] < 1) for one in found] == [
        ("fagelverket", earlier, True, True),
        ("vagmyndigheten", same_day, False, False),  # at an unknown time of that day
    ]
    archive.db.execute("update releases set moved_to = ? where id = ?", [later, earlier])
    assert [one["id"] for one in find_duplicates(archive.db.conn, own)] == [same_day, later]
    assert find_duplicates(archive.db.conn, 999) == []


def test_undated_release_counts_from_when_it_was_first_seen(archive: Archive) -> None:
    undated = release("vagmyndigheten", FULL + " mer", published=None)
    assert save_and_compare(archive, release("fyrstyrelsen"), undated) is not None
    assert [one["added"] for one in find_duplicates(archive.db.conn, 1)] == [
        "2024-06-03T08:15:00+00:00"
    ]


def test_number_of_compared_candidates_is_limited(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "MAX_CANDIDATES", 3)
    monkeypatch.setattr(duplicates, "MAX_OWN_CANDIDATES", 2)
    own = save(archive, *(release("fyrstyrelsen", name=str(number)) for number in range(6)))
    (copy,) = save(archive, release("vagmyndigheten"))
    pairs = read_pairs(archive)
    assert len([pair for pair in pairs if pair[0] == copy]) == 3
    # each of the agency's is paired with the two before it
    assert {pair for pair in pairs if copy not in pair and pair[0] > pair[1]} == {
        (own[later], own[earlier])
        for later in range(6)
        for earlier in range(max(0, later - 2), later)
    }


def test_keys_are_the_same_on_every_machine() -> None:
    """Keys are stored for years: if this fails, raise DUPLICATES_VERSION in
    archive/search/near_duplicates.py.
    """
    words = split_text_words(
        "Efter tio mörka år får kusten ljus igen, och båtarna"
        " hittar hem även när dimman ligger tät över skären."
    )
    assert hash_words(words) == -1878687499
    assert hash_bands(build_shingles(words))[:4] == [-958068883, -178701842, 789930481, -742094061]
    numbers = [str(number) for number in range(2000)]
    assert hash_bands(build_shingles(numbers))[:4] == [539586205, 841072872, -1663351307, 303425457]


def test_keys_contain_their_band_and_day(archive: Archive) -> None:
    (release_id,) = save(archive, release("fyrstyrelsen"))
    rows = archive.db.execute(
        "select band, value, release from minhash_bands order by band"
    ).fetchall()
    assert [band for band, *_ in rows] == list(range(17))
    days = (DAY - date(1970, 1, 1)).days
    assert {(value % DAY_RANGE, stored_id) for _, value, stored_id in rows} == {(days, release_id)}
