"""Tests that the labelled quotations are complete and are those of the collection, and that scores
are right.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.store.jsonl_import import import_file
from archive.store.releases import Archive
from tests.bench.collection import AGENCY, COLLECTION, TEXTS
from tests.bench.quotes import (
    FRESH_LABELS,
    LABELS,
    FoundQuote,
    Place,
    QuoteLabel,
    Texts,
    check_labels,
    find_replies,
    format_scores,
    is_missed,
    load_finder,
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
    assert {label.how for label in labels if label.kind == "quote"} == {
        "dash",
        "marks",
        "interview",
        "block",
    }


def test_parts_share_no_release() -> None:
    rules, test, fresh = (
        {label.url for label in read_part(part)} for part in ("rules", "test", "fresh")
    )
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


def test_missing_release_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    collection = tmp_path / "collection.jsonl.gz"
    row = {
        "url": "https://a.se/1",
        "title": "Ett",
        "lead": "Kort.",
        "body": "Kort.\n\n\u2013\u00a0Lång\u00adtext.",
    }
    collection.write_bytes(gzip.compress(json.dumps(row).encode()))
    monkeypatch.setattr("tests.bench.quotes.COLLECTION", collection)
    assert read_texts(["https://a.se/1"]) == {
        "https://a.se/1": {"title": "Ett", "lead": "Kort.", "body": "\u2013 Långtext."}
    }
    with pytest.raises(KeyError, match=r"https://a\.se/2"):
        read_texts(["https://a.se/1", "https://a.se/2"])


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


def label(*texts: str, kind: str = "quote", form: str = "plain") -> QuoteLabel:
    places = [place(text) for text in texts]
    is_quote = kind == "quote"
    made = QuoteLabel(
        url=URL,
        kind=kind,
        how="dash",
        forms=(form,),
        field="body",
        spans=tuple((each.start, each.end) for each in places),
        speaker=(place("Berit Al"),) if is_quote else (),
        role=(place("hamnchef"),) if is_quote else (),
        agency=(),
        digest="",
    )
    return replace(made, digest=made.hash(TEXTS_HERE))


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
    places = [place(text) for text in texts]
    return FoundQuote(
        field="body",
        spans=tuple((each.start, each.end) for each in places),
        speaker=speaker,
        role=role,
    )


ALL_RIGHT = [
    found("Det blir bättre,"),
    found("Men det tar tid"),
    found("Vi väntar", "Länge", speaker="Al"),
]


@pytest.mark.parametrize(
    ("quotes", "expected"),  # spans, speaker, role, extra, trapped
    [
        (ALL_RIGHT, (3, 3, 3, 0, 0)),
        ([], (0, 0, 0, 0, 0)),
        ([found("Det blir"), found("Vi väntar")], (0, 0, 0, 2, 0)),  # a part of the words
        (
            [
                found("Det blir bättre", speaker=None),
                found("Men det tar tid", speaker="Vd Berit Al"),
            ],
            (2, 0, 0, 0, 0),
        ),
        (
            [found("Det blir bättre", role="chef"), found("Men det tar tid", role=None)],
            (2, 2, 0, 0, 0),
        ),
        ([found("Det blir bättre"), found("Det blir bättre")], (1, 1, 1, 1, 0)),  # once is enough
        ([found("– nya bojar"), found("Det skulle gå"), found("mötet")], (0, 0, 0, 2, 1)),
    ],
)
def test_scores_by_hand(quotes: list[FoundQuote], expected: tuple[int, ...]) -> None:
    (score,), _, misses = measure_finder(lambda _: quotes, INVENTED, {URL: TEXTS_HERE})
    assert (score.labelled, score.traps) == (3, 1)
    assert (score.spans, score.speaker, score.role, score.extra, score.trapped) == expected
    assert len(misses) == 3 - score.role + score.extra + score.trapped


def test_report_with_shares_by_form() -> None:
    scores, by_form, _ = measure_finder(lambda _: ALL_RIGHT[:2], INVENTED, {URL: TEXTS_HERE})
    lines = [" ".join(line.split()) for line in format_scores(scores, by_form)]
    assert lines[:2] == ["1 releases, 3 quotations", "spans 0.667 [0.667, 0.667] target ≥ 0.95"]
    assert "role printed with it 1.000 [1.000, 1.000]" in lines
    assert "earlier 1 1.00 1.00 1.00" in lines
    assert "all but plain 2 0.50 0.50 1.00" in lines
    assert is_missed(scores)
    assert not is_missed(measure_finder(lambda _: ALL_RIGHT, INVENTED, {URL: TEXTS_HERE})[0])


def test_changed_text_is_noticed() -> None:
    check_labels(INVENTED, {URL: TEXTS_HERE})
    with pytest.raises(
        ValueError,
        match=re.escape(f"{URL}: the text of body at ((2, 17),) is not the labelled one"),
    ):
        check_labels(INVENTED, {URL: {**TEXTS_HERE, "body": BODY.replace("Berit", "Bertil")}})


def test_baseline_finds_plain_replies_only() -> None:
    texts = {
        "lead": "- Nej, säger EU-chef Bo Ek.",
        "body": (
            f"{BODY}\n\n– Ja, säger Ulla af Ek, kartchef för Kusten.\n– Ja, sa Bo Ek.\n\n– Ja,"
            f" säger Bo Ek på ön."
        ),
    }
    assert [(quote.field, quote.speaker, quote.role) for quote in find_replies(texts)] == [
        ("lead", "Bo Ek", "EU-chef"),
        ("body", "Berit Al", "hamnchef"),
        ("body", "Ulla af Ek", "kartchef för Kusten"),
    ]
    assert load_finder("tests.bench.quotes:find_replies") is find_replies
