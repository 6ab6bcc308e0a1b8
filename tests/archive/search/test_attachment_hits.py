"""What `bilaga:` finds: each result has an excerpt of a file in which the word is marked."""

from __future__ import annotations

import random
import re
import sqlite3
import tomllib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from archive.attachments.attachment_store import AttachmentPage, AttachmentText
from archive.database.models import Attachment
from archive.database.sqlite_files import build_connection_runner
from archive.language.terms import find_words
from archive.search.column_cache import ColumnCache
from archive.search.excerpts import MAX_HIT_LENGTH
from archive.search.spelling_corrections import correct_query
from archive.store.releases import Archive
from tests.archive.sample import SEEN
from tests.archive.sample_evidence import add_links, create_evidence_archive, release, store_file
from tests.archive.search.conftest import Searcher, build_request, marks, plain
from tests.site.compose import TEXTS

TYPED = 60  # words of files that are searched for
ENGLISH = "The report is about felling and about the forests of the north, and what they cost."


def read_sentences(name: str) -> list[str]:
    """Return the sentences of the topics of an invented agency."""
    topics = tomllib.loads((TEXTS / f"{name}.toml").read_text("utf-8"))["topics"]
    found: list[str] = []
    for topic in topics:
        found += [text for text in find_texts(topic) if " " in text]
    return found


def join_sentences(sentences: list[str], number: int) -> list[str]:
    starts = range(0, len(sentences), number)
    return [" ".join(sentences[start : start + number]) for start in starts]


def find_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from find_texts(part)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Searcher, list[str]]]:
    """Releases about reading with files about forests; one page is long, one partly English."""
    sentences = read_sentences("skogsbruksradet")
    pages = join_sentences(sentences, 12)
    pages[0] = "Bilden saknas. " * (MAX_HIT_LENGTH // 10) + pages[0]
    pages[1] = f"{ENGLISH} {ENGLISH} {ENGLISH} {pages[1]}"
    bodies = join_sentences(read_sentences("lasframjandenamnden"), 9)
    with Archive(create_evidence_archive(tmp_path_factory.mktemp("files"))) as archive:
        for number, page in enumerate(pages):
            url = f"https://fyr.example/rapporter/{number}"
            attachment = Attachment(url=f"{url}.pdf", title="Rapport")
            body = bodies[number % len(bodies)]
            saved = replace(release(1, 2), url=url, title=f"Rapport {number}", body=body)
            archive.save(replace(saved, attachments=(attachment,)), seen_at=SEEN)
            add_links(archive, url, SEEN)
            text = AttachmentText("pdf", 2, (AttachmentPage(1, "Sammandrag"),))
            text = replace(text, pages=(*text.pages, AttachmentPage(2, page)))
            store_file(archive, attachment.url, b"%%PDF-%d" % number, SEEN, text)
    with closing(sqlite3.connect(archive.path)) as db:
        yield Searcher(build_connection_runner(db)), pages


async def test_each_result_has_the_word_marked(files: tuple[Searcher, list[str]]) -> None:
    searcher, pages = files
    words = sorted({word for page in pages for word in find_words(page) if len(word) > 3})
    draw = random.Random(35)
    chosen = draw.sample(words, TYPED)
    # in other forms, misspelt, and in compounds that no file has
    chosen += [word[:-1] for word in chosen[:10]] + [f"{word}s" for word in chosen[10:20]]
    chosen += [word[:2] + word[3:] for word in chosen[20:40]]
    chosen += ["avverkningsplaneringen", "skogs-avverkning", "virkesprisutveckling", "skog*"]
    loose = 0
    for word in chosen:
        for hit in (await searcher.find(f"bilaga:{word}", size=100)).hits:
            assert hit.attachment, (word, hit.row["title"])
            assert marks(hit.attachment.excerpt), (word, hit.attachment.excerpt)
            loose += hit.is_loose
    assert loose > TYPED // 2  # or the test shows little


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("avverkning", "avverk"),
        ("avverkningsplanering", "avverk|planer"),
        ("skogsbrukare", "skogsbruk"),
        ("felling", "felling"),
    ],
)
async def test_marked_words_are_forms_or_parts_of_the_word(
    files: tuple[Searcher, list[str]], word: str, parts: str
) -> None:
    found = await files[0].find(f"bilaga:{word}", size=100)
    excerpts = [hit.attachment.excerpt for hit in found.hits if hit.attachment]
    assert len(excerpts) == len(found.hits) > 0
    for excerpt in excerpts:
        assert all(re.search(parts, mark.lower()) for mark in marks(excerpt)), excerpt


async def test_other_words_of_the_query_are_not_marked_in_the_file(
    files: tuple[Searcher, list[str]],
) -> None:
    found = await files[0].find("bilaga:avverkning skog OR läsning")
    excerpts = [hit.attachment.excerpt for hit in found.hits if hit.attachment]
    assert any("skog" in plain(excerpt) for excerpt in excerpts)
    for excerpt in excerpts:
        assert all("avverk" in mark.lower() for mark in marks(excerpt))


async def test_several_words_of_files_are_in_the_order_of_their_share(
    files: tuple[Searcher, list[str]],
) -> None:
    assert (await files[0].find('bilaga:"skog"')).hit_page.order == "newest"
    found = await files[0].find("bilaga:skog bilaga:toppskott", size=100)
    assert found.hit_page.order == "best"
    assert [hit.is_loose for hit in found.hits] == [False, *[True] * (len(found.hits) - 1)]
    assert {len(hit.missing) for hit in found.hits} == {0, 1}
    # those with the same words by what is said of them
    numbers = [
        len(re.findall("skog", files[1][int(hit.row["title"].split()[1])].lower()))
        for hit in found.hits
        if [word.label for word in hit.missing] == ["attachment:toppskott"]
    ]
    assert sum(numbers[:5]) > sum(numbers[-5:]) > 0


async def test_word_that_only_files_have_is_not_corrected(
    files: tuple[Searcher, list[str]],
) -> None:
    searcher, pages = files
    bodies = " ".join(read_sentences("lasframjandenamnden")).lower()
    words = sorted({word for page in pages for word in find_words(page) if len(word) > 5})
    only_files = [word for word in words if word.isalpha() and word not in bodies]
    for word in only_files[:100]:
        request = build_request(f"bilaga:{word}")
        assert (await correct_query(searcher.run, ColumnCache(), request))[1] == [], word
