"""The index of words: the tables search, search_questions and vocabulary, kept as releases are written.

`search` and `search_questions` are contentless FTS5 tables: they hold lemmas, never the text, so `rebuild-fts`
cannot fill them (SQLite refuses it and changes nothing). `Index.renew`, which is `python -m archive reindex`, can.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlite_utils import Database

from archive.swedish import VERSION, is_english_release, to_lemmas
from archive.swedish.facts import find_facts
from archive.swedish.lemmas import english_lemma, swedish_lemma
from archive.swedish.parts import find_parts
from archive.swedish.words import find_words

OLDEST = (3, 43, 0)  # the first SQLite that can delete from a contentless table
TEXTS = ("title", "lead", "body", "questions")
PARTS = tuple(f"{name}_parts" for name in TEXTS)  # what their compounds are found by beside themselves
WEIGHTS = (10.0, 4.0, 1.0, 1.0, 0.2, 0.2, 0.2, 0.2, 0.0)  # of texts, their parts and facts, for bm25
TABLES = {
    "search": ", ".join((*TEXTS, *PARTS, "facts")),
    "search_questions": "question, answer, question_parts, answer_parts",
}
BATCH = 200  # releases renewed in one transaction
TOLD = ("title", "lead", "body", "language", "kind", "published", "updated")
STATES = (
    f"select id, {', '.join(TOLD)},"
    " (select json_group_array(name) from (select t.name from release_tags rt join tags t on t.id = rt.tag"
    " where rt.release = r.id order by rt.rowid)),"
    " (select json_group_array(json_object('question', question, 'answer', answer))"
    " from questions where release = r.id) from releases r"
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

    def put(self, release: int, state: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> None:
        """A release as it stands now; `before` is the state that stood until then, if it was indexed."""
        words = self._put(release, state)
        forgotten = find_vocabulary(before) if before else set()
        self._count(Counter(set(words) - forgotten), words)
        gone = [(word,) for word in sorted(forgotten - set(words))]
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
                words = self._put(key, {**state, "tags": json.loads(tags), "questions": json.loads(questions)})
                counts.update(words.keys())
                lemmas |= words
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

    def _put(self, release: int, state: Mapping[str, Any]) -> dict[str, str]:
        """The release's rows; gives its words with their lemmas."""
        english = is_english_release(state)
        to_lemma = english_lemma if english else swedish_lemma
        words = [find_words(text) for text in find_texts(state)]
        lemmas = {word: to_lemma(word) for text in words for word in text}
        texts = [list(map(lemmas.__getitem__, text)) for text in words]
        parts = [() if english else join_parts(text) for text in texts]
        place = "select agency, (select newest from listed where release = r.id) from releases r where id = ?"
        agency, newest = self.db.execute(place, [release]).fetchone()
        row = [release, *map(" ".join, (*texts, *parts, find_facts(agency, newest or "", state)))]
        self.db.execute(f"insert or replace into search (rowid, {TABLES['search']}) values (?{', ?' * 9})", row)
        if state["questions"]:
            self._put_questions(release, "en" if english else "sv")
        return {word: lemma for word, lemma in lemmas.items() if is_vocabulary(word)}

    def _put_questions(self, release: int, language: str) -> None:
        rows = self.db.execute("select id, question, answer from questions where release = ?", [release]).fetchall()
        for key, *texts in rows:
            lemmas = [to_lemmas(text, language) for text in texts]
            parts = ["" if language == "en" else " ".join(join_parts(text.split())) for text in lemmas]
            self.db.execute(
                f"insert or replace into search_questions (rowid, {TABLES['search_questions']}) values (?, ?, ?, ?, ?)",
                [key, *lemmas, *parts],
            )

    def _count(self, counts: Counter[str], lemmas: Mapping[str, str]) -> None:
        self.db.conn.executemany(
            "insert into vocabulary (word, lemma, releases) values (?, ?, ?)"
            " on conflict (word) do update set releases = releases + excluded.releases",
            [(word, lemmas[word], number) for word, number in sorted(counts.items())],
        )


def join_parts(lemmas: Iterable[str]) -> list[str]:
    """What the compounds of a text are found by, each once."""
    return list(dict.fromkeys(part for lemma in dict.fromkeys(lemmas) for part in find_parts(lemma)))


def find_texts(state: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """A state's title, lead, body and questions with their answers."""
    questions = [each[name] for each in state["questions"] or () for name in ("question", "answer")]
    return state["title"], state["lead"] or "", state["body"], "\n".join(questions)


def find_vocabulary(state: Mapping[str, Any]) -> set[str]:
    """Those of a state's words that did-you-mean may offer."""
    return {word for text in find_texts(state) for word in find_words(text) if is_vocabulary(word)}


def is_vocabulary(word: str) -> bool:
    """Whether a word is of letters alone, three or more."""
    return len(word) > 2 and word.isalpha()
