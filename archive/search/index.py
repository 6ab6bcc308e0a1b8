"""Terms of a release, FTS5 tables, reindex, facet terms.

What releases are chosen and ordered by, as words of the index: then word and choice meet inside the index.

Each is a letter of private use, so in no text, and behind it the value in hexadecimal, so one word whatever it holds.
They stand in the column `facts`, which weighs nothing.

The words of a release as the index holds them: worked out without the archive, so in any process.

The index of words: the tables search, search_questions and vocabulary, kept as releases are written.

`search` and `search_questions` are contentless FTS5 tables: they hold lemmas, never the text, so `rebuild-fts`
cannot fill them (SQLite refuses it and changes nothing). `Index.renew`, which is `python -m archive reindex`, can.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sqlite_utils import Database

from archive.analysis import ANALYSIS_VERSION, find_compound_parts, find_words, is_english_release
from archive.analysis.lemmatizer import english_lemma, swedish_lemma

EVERY_RELEASE = "\ue000"  # every release has it
AGENCY_PREFIX, KIND_PREFIX, TAG_PREFIX, YEAR_PREFIX, QUESTIONS_PREFIX = "\ue001", "\ue002", "\ue003", "\ue004", "\ue005"
LISTED_YEAR_PREFIX, LISTED_MONTH_PREFIX = "\ue006", "\ue007"  # where it stands in lists: listed.newest
NO_VALUE = "none"  # the value where a release tells none


def encode_facet_term(prefix: str, value: str) -> str:
    """One word of the index.

    >>> encode_facet_term(AGENCY_PREFIX, "fyr")
    '\\ue001667972'
    """
    return prefix + value.encode(errors="surrogatepass").hex()


def iter_facet_terms(state: Mapping[str, Any]) -> Iterable[str]:
    """Those that a release's state tells."""
    published = state["published"]
    yield EVERY_RELEASE
    yield encode_facet_term(KIND_PREFIX, state["kind"] or NO_VALUE)
    yield encode_facet_term(YEAR_PREFIX, published[:4] if published else NO_VALUE)
    yield encode_facet_term(QUESTIONS_PREFIX, "yes" if state["questions"] else "no")
    for tag in state["tags"] or ():
        yield encode_facet_term(TAG_PREFIX, tag)


def iter_listing_terms(agency: str, newest: str) -> Iterable[str]:
    """Those that the archive adds: whose it is, and what lists sort it by ("": it stands last)."""
    yield encode_facet_term(AGENCY_PREFIX, agency)
    yield encode_facet_term(LISTED_YEAR_PREFIX, newest[:4] or NO_VALUE)
    yield encode_facet_term(LISTED_MONTH_PREFIX, newest[:7] or NO_VALUE)


MAX_IGNORED_LENGTH = 2  # letters of a word that is not offered, nor is one with a digit


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexTerms:
    """What is indexed of a release's state."""

    texts: tuple[str, ...]  # lemmas of title, lead, body and questions
    compound_parts: tuple[str, ...]  # what the compounds of each of these are found by
    facet_terms: tuple[str, ...]  # what it is chosen by (facts.py)
    questions: tuple[tuple[str, ...], ...]  # lemmas of each question and its answer, then their parts
    vocabulary: dict[str, str]  # the words that did-you-mean may offer, with their lemmas


def extract_terms(state: Mapping[str, Any]) -> IndexTerms:
    """The words of a state."""
    english = is_english_release(state)
    to_lemma = english_lemma if english else swedish_lemma
    texts = [find_words(text) for text in read_text_fields(state)]
    pairs = [tuple(map(find_words, (each["question"], each["answer"]))) for each in state["questions"] or ()]
    texts.append([word for pair in pairs for words in pair for word in words])
    lemmas = {word: to_lemma(word) for word in dict.fromkeys(chain.from_iterable(texts))}

    def join(words: list[str]) -> str:
        return " ".join(map(lemmas.__getitem__, words))

    def compounds(words: list[str]) -> str:
        return "" if english else " ".join(collect_compound_parts(map(lemmas.__getitem__, words)))

    return IndexTerms(
        texts=tuple(map(join, texts)),
        compound_parts=tuple(map(compounds, texts)),
        facet_terms=tuple(iter_facet_terms(state)),
        questions=tuple((*map(join, pair), *map(compounds, pair)) for pair in pairs),
        vocabulary={word: lemma for word, lemma in lemmas.items() if is_vocabulary_word(word)},
    )


def read_text_fields(state: Mapping[str, Any]) -> tuple[str, str, str]:
    """A state's title, lead and body."""
    return state["title"], state["lead"] or "", state["body"]


def extract_vocabulary(state: Mapping[str, Any]) -> set[str]:
    """Those of a state's words that did-you-mean may offer."""
    questions = [each[name] for each in state["questions"] or () for name in ("question", "answer")]
    words = {word for text in (*read_text_fields(state), *questions) for word in find_words(text)}
    return {word for word in words if is_vocabulary_word(word)}


def is_vocabulary_word(word: str) -> bool:
    """Whether a word is of letters alone, three or more."""
    return len(word) > MAX_IGNORED_LENGTH and word.isalpha()


def collect_compound_parts(lemmas: Iterable[str]) -> Iterable[str]:
    """What the compounds of a text are found by, each once."""
    return dict.fromkeys(part for lemma in dict.fromkeys(lemmas) for part in find_compound_parts(lemma))


MIN_SQLITE_VERSION = (3, 43, 0)  # the first SQLite that can delete from a contentless table
TEXT_COLUMNS = ("title", "lead", "body", "questions")
PART_COLUMNS = tuple(f"{name}_parts" for name in TEXT_COLUMNS)  # what their compounds are found by beside themselves
BM25_WEIGHTS = (10.0, 4.0, 1.0, 1.0, 0.2, 0.2, 0.2, 0.2, 0.0)  # of texts, their parts and facts, for bm25
INDEX_COLUMNS = {
    "search": ", ".join((*TEXT_COLUMNS, *PART_COLUMNS, "facts")),
    "search_questions": "question, answer, question_parts, answer_parts",
}
# what is in no list now, for it moved or is hidden, may come back into them by a trigger, which indexes nothing
LISTING_SQL = (
    "select r.agency, coalesce(l.newest, r.published, r.updated, r.first_seen) from releases r"
    " left join listed l on l.release = r.id where r.id = ?"
)
REINDEX_BATCH = 200  # releases renewed in one transaction
INDEXED_COLUMNS = ("title", "lead", "body", "language", "kind", "published")
INDEXED_STATES_SQL = (
    f"select id, {', '.join(INDEXED_COLUMNS)},"
    " (select json_group_array(name) from (select t.name from release_tags rt join tags t on t.id = rt.tag"
    " where rt.release = r.id order by rt.rowid)),"
    " (select json_group_array(json_object('question', question, 'answer', answer))"
    " from (select question, answer from questions where release = r.id order by position)) from releases r"
)


def create_search_index(db: Database) -> None:
    """The empty tables. sqlite3.NotSupportedError where SQLite is too old for them."""
    if sqlite3.sqlite_version_info < MIN_SQLITE_VERSION:
        needed = ".".join(map(str, MIN_SQLITE_VERSION))
        raise sqlite3.NotSupportedError(f"search needs SQLite {needed} or newer, here is {sqlite3.sqlite_version}")
    for name, columns in INDEX_COLUMNS.items():
        db.execute(
            f"create virtual table {name} using fts5 ({columns}, content = '', contentless_delete = 1,"
            " tokenize = 'unicode61 remove_diacritics 0')"  # å, ä and ö are letters of their own
        )
    db.execute("insert into search (search, rank) values ('rank', ?)", [f"bm25({', '.join(map(str, BM25_WEIGHTS))})"])
    # what is deleted by whatever hand is not found any more
    for name, table in (("search", "releases"), ("search_questions", "questions")):
        db.execute(
            f"create trigger {name}_ad after delete on {table} begin delete from {name} where rowid = old.id; end"
        )
    db.execute(
        "create table vocabulary (word text primary key, lemma text not null, releases integer not null) without rowid"
    )
    db.execute("create table index_facts (name text primary key, value text not null) without rowid")
    db.execute("insert into index_facts values ('version', ?)", [ANALYSIS_VERSION])


def drop_search_index(db: Database) -> None:
    """All that `create_index` makes."""
    for name in INDEX_COLUMNS:
        db.execute(f"drop trigger {name}_ad")
        db.execute(f"drop table {name}")
    db.execute("drop table vocabulary")
    db.execute("drop table index_facts")


class SearchIndex:
    """The tables of words. `put` does not commit; `renew` commits batch by batch, outside of any transaction."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.pending_words: tuple[Counter[str], dict[str, str]] | None = None  # words not counted yet, and their lemmas

    @contextmanager
    def batch_vocabulary(self) -> Iterator[None]:
        """Inside it words are counted at its end, each once, however many releases hold them: for one transaction."""
        self.pending_words = Counter(), {}
        try:
            yield
            self._add_to_vocabulary(*self.pending_words)
        finally:
            self.pending_words = None

    def index_release(self, release_id: int, terms: IndexTerms, previous: Mapping[str, Any] | None = None) -> None:
        """A release as it stands now; `before` is the state that stood until then, if it was indexed."""
        self._write_rows(release_id, terms)
        words = terms.vocabulary
        if previous is None and self.pending_words is not None:
            counts, lemmas = self.pending_words
            counts.update(words.keys())
            lemmas.update((word, words[word]) for word in words if word not in lemmas)
            return
        if previous is None:
            self._add_to_vocabulary(Counter(words.keys()), words)
            return
        if self.pending_words is not None:  # lest a word that others have by now is taken for the last of its kind
            self._add_to_vocabulary(*self.pending_words)
            self.pending_words = Counter(), {}
        forgotten = extract_vocabulary(previous)
        self._add_to_vocabulary(Counter(words.keys() - forgotten), words)
        gone = [(word,) for word in sorted(forgotten - words.keys())]
        self.db.conn.executemany("update vocabulary set releases = releases - 1 where word = ?", gone)
        self.db.conn.executemany("delete from vocabulary where word = ? and releases < 1", gone)

    def is_stale(self) -> bool:
        """Whether it was made by another version of the lemmatiser, or lacks a release: then it must be renewed."""
        return self.describe_fault() is not None

    def describe_fault(self) -> str | None:
        """What is wrong with the index, in words."""
        facts = dict(self.db.execute("select name, value from index_facts").fetchall())
        if "renewed" in facts:
            return f"it was renewed as far as release {facts['renewed']} only"
        if facts.get("version") != ANALYSIS_VERSION:
            return f"it was made by {facts.get('version', 'nobody knows what')}, here is {ANALYSIS_VERSION}"
        held, indexed = self.db.execute(
            "select (select count(*) from releases), (select count(*) from search_docsize)"
        ).fetchone()
        return None if held == indexed else f"it holds {indexed} releases of {held}"

    def rebuild(self, on_progress: Callable[[str, int, int], None] | None = None) -> int:
        """Index every release anew; gives their number. Goes on where an interrupted renewal ended."""
        total, done = self.db.execute("select count(*) from releases").fetchone()[0], 0
        self._start_rebuild()
        while rows := self._rebuild_batch():
            done += rows
            if on_progress:
                on_progress("releases", done, total)
        return done

    def _start_rebuild(self) -> None:
        with self._write_transaction():
            facts = dict(self.db.execute("select name, value from index_facts").fetchall())
            if "renewed" in facts and facts.get("version") == ANALYSIS_VERSION:
                return
            self.db.execute("replace into index_facts values ('version', ?), ('renewed', '0')", [ANALYSIS_VERSION])
            self.db.execute("delete from vocabulary")
            for name, table in (("search", "releases"), ("search_questions", "questions")):
                self.db.execute(
                    f"delete from {name} where rowid in (select id from {name}_docsize except select id from {table})"
                )

    def _rebuild_batch(self) -> int:
        with self._write_transaction():
            last = self.db.execute("select value from index_facts where name = 'renewed'").fetchone()
            if last is None:  # another process has done the rest
                return 0
            rows = self.db.execute(
                f"{INDEXED_STATES_SQL} where id > ? order by id limit ?", [int(last[0]), REINDEX_BATCH]
            ).fetchall()
            if not rows:
                self.db.execute("insert into search (search) values ('optimize')")  # what was replaced takes no room
                self.db.execute("delete from index_facts where name = 'renewed'")
                return 0
            counts: Counter[str] = Counter()
            lemmas: dict[str, str] = {}
            for key, *told, tags, questions in rows:
                state = dict(zip(INDEXED_COLUMNS, told, strict=True))
                terms = extract_terms({**state, "tags": json.loads(tags), "questions": json.loads(questions)})
                self._write_rows(key, terms)
                counts.update(terms.vocabulary.keys())
                lemmas |= terms.vocabulary
            self._add_to_vocabulary(counts, lemmas)
            self.db.execute("update index_facts set value = ? where name = 'renewed'", [str(rows[-1][0])])
        return len(rows)

    @contextmanager
    def _write_transaction(self) -> Iterator[None]:
        """A transaction that waits at its start for other writers, and so never fails in its middle."""
        self.db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.db.execute("rollback")
            raise
        self.db.execute("commit")

    def _write_rows(self, release_id: int, terms: IndexTerms) -> None:
        """The release's rows."""
        agency, newest = self.db.execute(LISTING_SQL, [release_id]).fetchone()
        row = [
            release_id,
            *terms.texts,
            *terms.compound_parts,
            " ".join((*terms.facet_terms, *iter_listing_terms(agency, newest))),
        ]
        self.db.execute(f"insert or replace into search (rowid, {INDEX_COLUMNS['search']}) values (?{', ?' * 9})", row)
        if terms.questions:
            keys = self.db.execute(
                "select id from questions where release = ? order by position", [release_id]
            ).fetchall()
            self.db.conn.executemany(
                f"insert or replace into search_questions (rowid, {INDEX_COLUMNS['search_questions']}) values (?, ?, ?, ?, ?)",
                [(key, *texts) for (key,), texts in zip(keys, terms.questions, strict=True)],
            )

    def _add_to_vocabulary(self, counts: Counter[str], lemmas: Mapping[str, str]) -> None:
        self.db.conn.executemany(
            "insert into vocabulary (word, lemma, releases) values (?, ?, ?)"
            " on conflict (word) do update set releases = releases + excluded.releases",
            [(word, lemmas[word], number) for word, number in sorted(counts.items())],
        )
