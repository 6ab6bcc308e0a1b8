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

from archive.analysis import VERSION, find_parts, find_words, is_english_release
from archive.analysis.lemmatizer import english_lemma, swedish_lemma

EVERY = "\ue000"  # every release has it
AGENCY, KIND, TAG, YEAR, QUESTIONS = "\ue001", "\ue002", "\ue003", "\ue004", "\ue005"
LISTED_YEAR, LISTED_MONTH = "\ue006", "\ue007"  # where it stands in lists: listed.newest
NONE = "none"  # the value where a release tells none


def to_fact(kind: str, value: str) -> str:
    """One word of the index.

    >>> to_fact(AGENCY, "fyr")
    '\\ue001667972'
    """
    return kind + value.encode(errors="surrogatepass").hex()


def find_facts(state: Mapping[str, Any]) -> Iterable[str]:
    """Those that a release's state tells."""
    published = state["published"]
    yield EVERY
    yield to_fact(KIND, state["kind"] or NONE)
    yield to_fact(YEAR, published[:4] if published else NONE)
    yield to_fact(QUESTIONS, "yes" if state["questions"] else "no")
    for tag in state["tags"] or ():
        yield to_fact(TAG, tag)


def find_place(agency: str, newest: str) -> Iterable[str]:
    """Those that the archive adds: whose it is, and what lists sort it by ("": it stands last)."""
    yield to_fact(AGENCY, agency)
    yield to_fact(LISTED_YEAR, newest[:4] or NONE)
    yield to_fact(LISTED_MONTH, newest[:7] or NONE)


SHORTEST = 2  # letters of a word that is not offered, nor is one with a digit


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is indexed of a release's state."""

    texts: tuple[str, ...]  # lemmas of title, lead, body and questions
    parts: tuple[str, ...]  # what the compounds of each of these are found by
    facts: tuple[str, ...]  # what it is chosen by (facts.py)
    questions: tuple[tuple[str, ...], ...]  # lemmas of each question and its answer, then their parts
    vocabulary: dict[str, str]  # the words that did-you-mean may offer, with their lemmas


def read_terms(state: Mapping[str, Any]) -> Terms:
    """The words of a state."""
    english = is_english_release(state)
    to_lemma = english_lemma if english else swedish_lemma
    texts = [find_words(text) for text in find_texts(state)]
    pairs = [tuple(map(find_words, (each["question"], each["answer"]))) for each in state["questions"] or ()]
    texts.append([word for pair in pairs for words in pair for word in words])
    lemmas = {word: to_lemma(word) for word in dict.fromkeys(chain.from_iterable(texts))}

    def join(words: list[str]) -> str:
        return " ".join(map(lemmas.__getitem__, words))

    def compounds(words: list[str]) -> str:
        return "" if english else " ".join(join_parts(map(lemmas.__getitem__, words)))

    return Terms(
        texts=tuple(map(join, texts)),
        parts=tuple(map(compounds, texts)),
        facts=tuple(find_facts(state)),
        questions=tuple((*map(join, pair), *map(compounds, pair)) for pair in pairs),
        vocabulary={word: lemma for word, lemma in lemmas.items() if is_vocabulary(word)},
    )


def find_texts(state: Mapping[str, Any]) -> tuple[str, str, str]:
    """A state's title, lead and body."""
    return state["title"], state["lead"] or "", state["body"]


def find_vocabulary(state: Mapping[str, Any]) -> set[str]:
    """Those of a state's words that did-you-mean may offer."""
    questions = [each[name] for each in state["questions"] or () for name in ("question", "answer")]
    words = {word for text in (*find_texts(state), *questions) for word in find_words(text)}
    return {word for word in words if is_vocabulary(word)}


def is_vocabulary(word: str) -> bool:
    """Whether a word is of letters alone, three or more."""
    return len(word) > SHORTEST and word.isalpha()


def join_parts(lemmas: Iterable[str]) -> Iterable[str]:
    """What the compounds of a text are found by, each once."""
    return dict.fromkeys(part for lemma in dict.fromkeys(lemmas) for part in find_parts(lemma))


OLDEST = (3, 43, 0)  # the first SQLite that can delete from a contentless table
TEXTS = ("title", "lead", "body", "questions")
PARTS = tuple(f"{name}_parts" for name in TEXTS)  # what their compounds are found by beside themselves
WEIGHTS = (10.0, 4.0, 1.0, 1.0, 0.2, 0.2, 0.2, 0.2, 0.0)  # of texts, their parts and facts, for bm25
TABLES = {
    "search": ", ".join((*TEXTS, *PARTS, "facts")),
    "search_questions": "question, answer, question_parts, answer_parts",
}
# what is in no list now, for it moved or is hidden, may come back into them by a trigger, which indexes nothing
PLACE = (
    "select r.agency, coalesce(l.newest, r.published, r.updated, r.first_seen) from releases r"
    " left join listed l on l.release = r.id where r.id = ?"
)
BATCH = 200  # releases renewed in one transaction
TOLD = ("title", "lead", "body", "language", "kind", "published")
STATES = (
    f"select id, {', '.join(TOLD)},"
    " (select json_group_array(name) from (select t.name from release_tags rt join tags t on t.id = rt.tag"
    " where rt.release = r.id order by rt.rowid)),"
    " (select json_group_array(json_object('question', question, 'answer', answer))"
    " from (select question, answer from questions where release = r.id order by position)) from releases r"
)


def create_index(db: Database) -> None:
    """The empty tables. sqlite3.NotSupportedError where SQLite is too old for them."""
    if sqlite3.sqlite_version_info < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise sqlite3.NotSupportedError(f"search needs SQLite {needed} or newer, here is {sqlite3.sqlite_version}")
    for name, columns in TABLES.items():
        db.execute(
            f"create virtual table {name} using fts5 ({columns}, content = '', contentless_delete = 1,"
            " tokenize = 'unicode61 remove_diacritics 0')"  # å, ä and ö are letters of their own
        )
    db.execute("insert into search (search, rank) values ('rank', ?)", [f"bm25({', '.join(map(str, WEIGHTS))})"])
    # what is deleted by whatever hand is not found any more
    for name, table in (("search", "releases"), ("search_questions", "questions")):
        db.execute(
            f"create trigger {name}_ad after delete on {table} begin delete from {name} where rowid = old.id; end"
        )
    db.execute(
        "create table vocabulary (word text primary key, lemma text not null, releases integer not null) without rowid"
    )
    db.execute("create table index_facts (name text primary key, value text not null) without rowid")
    db.execute("insert into index_facts values ('version', ?)", [VERSION])


def drop_index(db: Database) -> None:
    """All that `create_index` makes."""
    for name in TABLES:
        db.execute(f"drop trigger {name}_ad")
        db.execute(f"drop table {name}")
    db.execute("drop table vocabulary")
    db.execute("drop table index_facts")


class Index:
    """The tables of words. `put` does not commit; `renew` commits batch by batch, outside of any transaction."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.gathered: tuple[Counter[str], dict[str, str]] | None = None  # words not counted yet, and their lemmas

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Inside it words are counted at its end, each once, however many releases hold them: for one transaction."""
        self.gathered = Counter(), {}
        try:
            yield
            self._count(*self.gathered)
        finally:
            self.gathered = None

    def put(self, release: int, terms: Terms, before: Mapping[str, Any] | None = None) -> None:
        """A release as it stands now; `before` is the state that stood until then, if it was indexed."""
        self._put(release, terms)
        words = terms.vocabulary
        if before is None and self.gathered is not None:
            counts, lemmas = self.gathered
            counts.update(words.keys())
            lemmas.update((word, words[word]) for word in words if word not in lemmas)
            return
        if before is None:
            self._count(Counter(words.keys()), words)
            return
        if self.gathered is not None:  # lest a word that others have by now is taken for the last of its kind
            self._count(*self.gathered)
            self.gathered = Counter(), {}
        forgotten = find_vocabulary(before)
        self._count(Counter(words.keys() - forgotten), words)
        gone = [(word,) for word in sorted(forgotten - words.keys())]
        self.db.conn.executemany("update vocabulary set releases = releases - 1 where word = ?", gone)
        self.db.conn.executemany("delete from vocabulary where word = ? and releases < 1", gone)

    def is_stale(self) -> bool:
        """Whether it was made by another version of the lemmatiser, or lacks a release: then it must be renewed."""
        return self.find_fault() is not None

    def find_fault(self) -> str | None:
        """What is wrong with the index, in words."""
        facts = dict(self.db.execute("select name, value from index_facts").fetchall())
        if "renewed" in facts:
            return f"it was renewed as far as release {facts['renewed']} only"
        if facts.get("version") != VERSION:
            return f"it was made by {facts.get('version', 'nobody knows what')}, here is {VERSION}"
        held, indexed = self.db.execute(
            "select (select count(*) from releases), (select count(*) from search_docsize)"
        ).fetchone()
        return None if held == indexed else f"it holds {indexed} releases of {held}"

    def renew(self, watch: Callable[[str, int, int], None] | None = None) -> int:
        """Index every release anew; gives their number. Goes on where an interrupted renewal ended."""
        total, done = self.db.execute("select count(*) from releases").fetchone()[0], 0
        self._begin()
        while rows := self._renew_batch():
            done += rows
            if watch:
                watch("releases", done, total)
        return done

    def _begin(self) -> None:
        with self._writing():
            facts = dict(self.db.execute("select name, value from index_facts").fetchall())
            if "renewed" in facts and facts.get("version") == VERSION:
                return
            self.db.execute("replace into index_facts values ('version', ?), ('renewed', '0')", [VERSION])
            self.db.execute("delete from vocabulary")
            for name, table in (("search", "releases"), ("search_questions", "questions")):
                self.db.execute(
                    f"delete from {name} where rowid in (select id from {name}_docsize except select id from {table})"
                )

    def _renew_batch(self) -> int:
        with self._writing():
            last = self.db.execute("select value from index_facts where name = 'renewed'").fetchone()
            if last is None:  # another process has done the rest
                return 0
            rows = self.db.execute(f"{STATES} where id > ? order by id limit ?", [int(last[0]), BATCH]).fetchall()
            if not rows:
                self.db.execute("insert into search (search) values ('optimize')")  # what was replaced takes no room
                self.db.execute("delete from index_facts where name = 'renewed'")
                return 0
            counts: Counter[str] = Counter()
            lemmas: dict[str, str] = {}
            for key, *told, tags, questions in rows:
                state = dict(zip(TOLD, told, strict=True))
                terms = read_terms({**state, "tags": json.loads(tags), "questions": json.loads(questions)})
                self._put(key, terms)
                counts.update(terms.vocabulary.keys())
                lemmas |= terms.vocabulary
            self._count(counts, lemmas)
            self.db.execute("update index_facts set value = ? where name = 'renewed'", [str(rows[-1][0])])
        return len(rows)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A transaction that waits at its start for other writers, and so never fails in its middle."""
        self.db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self.db.execute("rollback")
            raise
        self.db.execute("commit")

    def _put(self, release: int, terms: Terms) -> None:
        """The release's rows."""
        agency, newest = self.db.execute(PLACE, [release]).fetchone()
        row = [release, *terms.texts, *terms.parts, " ".join((*terms.facts, *find_place(agency, newest)))]
        self.db.execute(f"insert or replace into search (rowid, {TABLES['search']}) values (?{', ?' * 9})", row)
        if terms.questions:
            keys = self.db.execute("select id from questions where release = ? order by position", [release]).fetchall()
            self.db.conn.executemany(
                f"insert or replace into search_questions (rowid, {TABLES['search_questions']}) values (?, ?, ?, ?, ?)",
                [(key, *texts) for (key,), texts in zip(keys, terms.questions, strict=True)],
            )

    def _count(self, counts: Counter[str], lemmas: Mapping[str, str]) -> None:
        self.db.conn.executemany(
            "insert into vocabulary (word, lemma, releases) values (?, ?, ?)"
            " on conflict (word) do update set releases = releases + excluded.releases",
            [(word, lemmas[word], number) for word, number in sorted(counts.items())],
        )
