"""Tests that the labelled quotations are complete and are those of the collection, and that scores
are right.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.store.jsonl_import import import_file
from archive.store.releases import Archive
from tests.bench.collection import AGENCY, COLLECTION, TEXTS
from tests.bench.quotations.finding import (
    FRESH_LABELS,
    LABELS,
    PARTS,
    FoundQuote,
    Place,
    QuoteLabel,
    Texts,
    check_labels,
    measure_finder,
    read_labels,
    read_part,
    read_texts,
)

MIN_QUOTES, MIN_TRAPS = 300, 60
needs_collection = pytest.mark.skipif(
    not COLLECTION.is_file(), reason="no stored collection (set PAGES)"
)

# Labels


def test_labels_are_many_and_in_both_parts() -> None:
    labels = read_labels()
    assert Counter(label.kind for label in labels)["quote"] >= MIN_QUOTES
    assert Counter(label.kind for label in labels)["trap"] >= MIN_TRAPS
    releases = {label.url: label.is_test for label in labels}
    assert 0.25 < sum(releases.values()) / len(releases) < 0.42
    ways = {label.how for label in labels if label.kind == "quote"}
    assert ways == {"dash", "marks", "interview", "block"}


def test_parts_share_no_release() -> None:
    rules, test, fresh = ({label.url for label in read_part(part)} for part in PARTS)
    assert len(fresh) == 60
    assert not fresh & (rules | test)
    assert not rules & test


@pytest.mark.parametrize("path", [LABELS, FRESH_LABELS])
def test_labels_have_offsets_in_order_and_no_text(path: Path) -> None:
    texts = [line.split("\t")[4:] for line in path.read_text("utf-8").splitlines()[1:]]
    offsets = re.compile(r"(?:(?:title|lead|body)?:?(?:\d+-\d+)? ?)*|[0-9a-f]{16}")
    assert [cell for cells in texts for cell in cells if not offsets.fullmatch(cell)] == []
    for label in read_labels(path):
        bounds = [bound for span in label.spans for bound in span]
        assert bounds == sorted(set(bounds)), label.url
        assert bool(label.spans) == (label.kind != "none"), label.url
        assert label.kind != "quote" or label.speaker or label.role, label.url


@pytest.mark.slow("a whole collection")
@needs_collection
def test_labelled_text_is_the_one_that_the_archive_stores(tmp_path: Path) -> None:
    labels = read_labels()
    urls = {label.url for label in labels}
    texts = read_texts(urls)
    check_labels(labels, texts)
    fresh = read_part("fresh")
    check_labels(fresh, read_texts(label.url for label in fresh))
    file = tmp_path / "labelled.jsonl"
    with gzip.open(COLLECTION, "rt", encoding="utf-8") as lines:
        file.write_text("".join(line for line in lines if json.loads(line)["url"] in urls), "utf-8")
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency(AGENCY, name="Regeringen", home="https://www.regeringen.se")
        import_file(archive, file, AGENCY, datetime(2026, 1, 1, tzinfo=UTC))
        stored = {
            url: dict(zip(TEXTS, (text or "" for text in fields), strict=True))
            for url, *fields in archive.db.execute(f"select url, {', '.join(TEXTS)} from releases")
        }
    assert stored == texts


# Scores of an invented release

BODY = """– Det blir bättre, säger hamnchef Berit Al (X).

– Men det tar tid.

– Vi väntar, sa hon. Länge.

Inför mötet:

– nya bojar

Det skulle gå, enligt hamnen."""
TEXTS_HERE: Texts = {"title": "Berit Al: ”Bättre”", "lead": "", "body": BODY}
URL = "https://a.se/1"


def place(text: str, field: str = "body") -> Place:
    start = TEXTS_HERE[field].index(text)
    return Place(field, start, start + len(text))


def to_spans(*texts: str) -> tuple[tuple[int, int], ...]:
    return tuple((each.start, each.end) for each in map(place, texts))


def label(*texts: str, kind: str = "quote", form: str = "plain") -> QuoteLabel:
    is_quote = kind == "quote"
    return QuoteLabel(
        url=URL,
        kind=kind,
        how="dash",
        forms=(form,),
        field="body",
        spans=to_spans(*texts),
        speaker=(place("Berit Al"),) if is_quote else (),
        role=(place("hamnchef"),) if is_quote else (),
        agency=(),
        digest="",
    )


INVENTED = [
    label("Det blir bättre"),
    label("Men det tar tid.", form="earlier"),
    label("Vi väntar", "Länge.", form="interrupted"),
    label("nya bojar", kind="trap"),
    label("Det skulle gå", kind="open"),
]


def found(
    *texts: str, speaker: str | None = "Berit Al", role: str | None = "hamnchef"
) -> FoundQuote:
    return FoundQuote(field="body", spans=to_spans(*texts), speaker=speaker, role=role)


FIRST, SECOND = "Det blir bättre", "Men det tar tid"
ALL_RIGHT = [found(f"{FIRST},"), found(SECOND), found("Vi väntar", "Länge", speaker="Al")]
NAMES = ("spans", "speaker", "role", "extra", "trapped")


@pytest.mark.parametrize(
    ("quotes", "expected"),  # NAMES
    [
        (ALL_RIGHT, (3, 3, 3, 0, 0)),
        ([], (0, 0, 0, 0, 0)),
        ([found("Det blir"), found("Vi väntar")], (0, 0, 0, 2, 0)),  # a part of the words
        ([found(FIRST, speaker=None), found(SECOND, speaker="Vd Berit Al")], (2, 0, 0, 0, 0)),
        ([found(FIRST, role="chef"), found(SECOND, role=None)], (2, 2, 0, 0, 0)),
        ([found(FIRST), found(FIRST)], (1, 1, 1, 1, 0)),  # once is enough
        ([found("– nya bojar"), found("Det skulle gå"), found("mötet")], (0, 0, 0, 2, 1)),
    ],
)
def test_scores_by_hand(quotes: list[FoundQuote], expected: tuple[int, ...]) -> None:
    (score,), _, misses = measure_finder(lambda _: quotes, INVENTED, {URL: TEXTS_HERE})
    assert (score["labelled"], score["traps"]) == (3, 1)
    assert tuple(score[name] for name in NAMES) == expected
    assert len(misses) == 3 - score["role"] + score["extra"] + score["trapped"]
