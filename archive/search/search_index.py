"""Maintains the search index: the full-text tables, and the values of their columns.

The tables search, search_questions, search_quotes, search_versions, search_diff and vocabulary are
updated when a release is saved, and search_attachments when the text of an attachment is stored.

All tables except vocabulary are contentless FTS5 tables that only archive.store.derived_data can
rebuild. For each text, they contain four columns: its lemmas, the lemmas of the parts of its
compounds, the lemmas of the minor parts of its compounds, and its words as written.

`search` contains the current texts, and `search_versions` the texts of earlier versions, regardless
of whether an edit, an import or a move replaced them. `text_versions` says which version has which
text. In this module, a version is the newest parse of a page, or of a line of an import. Only
`search_versions` contains captions. If a release has earlier versions and its current text has
captions, the current text is also in `search_versions`.

`search_diff` contains what each edit of an agency removed and added. For the removed text, and
likewise for the added text, it contains a row for all fields together, and a row for each field
whose changes differ from those in that row. The column `scope` says which fields a row covers. The
columns `text` contain the changed paragraphs, for finding phrases. The columns `terms` contain only
the terms that occur more often in the removed text than in the added text (or, for the added text,
the reverse), because most words of a changed paragraph are unchanged.

Facet values are terms of the index, so that FTS5 can intersect them with the words of a query. A
facet term is a private-use character followed by the value in hexadecimal: a single word that no
text contains. These terms are in the column `facts`, which has no weight in bm25.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from operator import add
from typing import Any

from sqlite_utils import Database

from archive.database.schema import read_schema
from archive.language.terms import (
    AnalyzedText,
    analyze,
    find_compound_parts,
    find_minor_parts,
    is_english,
    is_english_release,
)
from archive.search.state_texts import (
    VERSION_FIELDS,
    WHOLE,
    find_changed_paragraphs,
    list_state_texts,
)

# Facet terms.
EVERY_RELEASE = "\ue000"  # the term of every release
BRIEF_RELEASE = "\ue008"  # the term of releases with less text than MIN_TEXT_WORDS
FACET_PREFIXES = {
    "agency": "\ue001",
    "kind": "\ue002",
    "tag": "\ue003",
    "year": "\ue004",
    "questions": "\ue005",
    "attachments": "\ue009",
    "edited": "\ue00a",
    "sort_year": "\ue006",  # year of release_facets.sort_date
    "sort_month": "\ue007",
}
NO_VALUE = "none"  # the value of a release that has none

# Tables.
TEXT_COLUMNS = ("title", "lead", "body", "questions")
PAIR_COLUMNS = ("question", "answer")  # texts of search_questions
QUOTE_COLUMNS = (
    "quotation",
)  # text of search_quotes, which has the quotations of current versions
ATTACHMENT_COLUMNS = (
    "attachment",
)  # text of search_attachments, which has a row for each page of a file
DIFF_COLUMNS = ("terms", "text")  # of search_diff
SIDES = ("removed", "added")
# see above; a text's columns are its name with each of these
COLUMN_SUFFIXES = ("", "_parts", "_minor", "_forms")
BM25_WEIGHTS = (
    # texts; with larger weights, one occurrence is worth nearly as much as any number
    *(3.0, 1.2, 0.3, 0.3),
    *(0.06, 0.06, 0.06, 0.06),  # parts
    *(0.3, 0.006, 0.006, 0.006),  # minor parts
    *(0.3, 0.12, 0.03, 0.03),  # words as written
    0.0,  # facet terms
)
PAIR_WEIGHTS = (3.0, 1.0, 0.3, 0.3, 0.02, 0.02, 0.3, 0.1)
QUOTE_WEIGHTS = (1.0, 0.3, 0.02, 0.1)  # those of an answer
PAGE_WEIGHTS = (0.3, 0.06, 0.006, 0.03)  # those of the body of a release
# Private-use characters before terms that a search for a lemma must not find.
FORM_PREFIX = "\ue010"  # a word as written
LOOSE_PART_PREFIX = "\ue011"  # a part of a compound that only a looser search finds
# separates texts of one column, so that no phrase matches across two of them
PARAGRAPH_END = "\ue012"
# no NEAR either: it has at most 999 words between its terms
TEXT_GAP = f" {PARAGRAPH_END}" * 1_000 + " "
PAGE_NUMBERS = 1_000  # the row of page P of the file F is F * PAGE_NUMBERS + P
MAX_LANGUAGE_PAGES = 5  # pages of a file by which its language is judged
# words in lead, body and questions; a release with fewer is an invitation or a bare headline
MIN_TEXT_WORDS = 20
MIN_VOCABULARY_LENGTH = 3  # letters of a word that can be suggested

# A moved or hidden release may be listed again by a trigger, which does not index it. So it is
# indexed with the date that it would have in lists.
WAS_EDITED_SQL = "exists (select 1 from revisions v where v.release = {release} and v.is_edit)"
LISTING_SQL = (
    "select r.agency, coalesce(l.sort_date, r.published, r.updated,"
    # as in the triggers of release_facets
    " iif(exists (select 1 from crawls c where c.agency = r.agency and c.spider = 'news'"
    " and c.reason = 'finished' and c.finished < r.first_seen) and (select cause from revisions"
    " where release = r.id order by id limit 1) is not 'import', r.first_seen, '')),"
    f" {WAS_EDITED_SQL.format(release='r.id')} from releases r left join release_facets l on"
    f" l.release = r.id where r.id = ?"
)
# The revisions of a release of which text_versions has the text (see above).
VERSIONS_OF_SQL = """
    with versions as (
      select v.id, v.images, v.id is not r.revision or r.moved_to is not null
        -- the release moved and moved back
        or exists (select 1 from revisions n where n.previous = v.id and n.release <> v.release)
        as is_former
      from revisions v join releases r on r.id = v.release where v.release = :release
        and (v.cause = 'import' or (select n.cause from revisions n
          where n.release = v.release and n.id > v.id order by n.id limit 1) is not 'parser'))
    select id from versions where is_former
      or (exists (select 1 from versions where is_former)
          or exists (select 1 from releases where moved_to = :release))
        and exists (select 1 from json_each(images) where value ->> 'caption' <> '')
"""
SAME_TEXT_SQL = """
    select t.text from revisions v join text_versions t on t.release = v.release
    join revisions o on o.id = t.id
      and (o.title, o.lead, o.body, o.questions, o.images, o.language)
        is (v.title, v.lead, v.body, v.questions, v.images, v.language)
    where v.id = ? limit 1
"""
# The rows of search_diff for the edit with the revision N begin with DIFF_ROWS * N.
DIFF_ROWS = 16


def list_columns(names: Iterable[str], *suffixes: str) -> tuple[str, ...]:
    """Return the names of the index columns for the given text columns.

    suffixes: the suffixes of the columns to return. By default, all suffixes are used.
    """
    return tuple(name + suffix for suffix in suffixes or COLUMN_SUFFIXES for name in names)


# words that can be suggested as corrections, each with its lemma in the release
WordLemmas = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexTerms:
    texts: tuple[str, ...]  # the text columns of `search`
    facet_terms: tuple[str, ...]
    # the columns of `search_questions` for each question and its answer
    questions: tuple[tuple[str, ...], ...]
    vocabulary: WordLemmas


def extract_terms(state: Mapping[str, Any]) -> IndexTerms:
    language = _choose_language(state)
    fields, pairs = _analyze_fields(state, language), _analyze_pairs(state, language)
    pair_texts = list(chain.from_iterable(pairs))
    facet_terms = [*iter_facet_terms(state)]
    if sum(len(text.words) for text in (*fields[1:], *pair_texts)) < MIN_TEXT_WORDS:
        facet_terms.append(BRIEF_RELEASE)
    return IndexTerms(
        texts=build_columns(*([text] for text in fields), pair_texts),
        facet_terms=tuple(facet_terms),
        questions=tuple(build_columns(*([text] for text in pair)) for pair in pairs),
        vocabulary=_collect_vocabulary([*fields, *pair_texts]),
    )


def _choose_language(state: Mapping[str, Any]) -> str:
    return "en" if is_english_release(state) else "sv"


def _analyze_fields(state: Mapping[str, Any], language: str) -> list[AnalyzedText]:
    return [analyze(state[name] or "", language) for name in ("title", "lead", "body")]


def _analyze_pairs(state: Mapping[str, Any], language: str) -> list[list[AnalyzedText]]:
    pairs = state["questions"] or ()
    return [[analyze(pair[name], language) for name in PAIR_COLUMNS] for pair in pairs]


def _collect_vocabulary(texts: Iterable[AnalyzedText]) -> WordLemmas:
    lemmas: dict[str, str] = {}
    for text in texts:
        lemmas.update(text.lemmas)
    return frozenset([pair for pair in lemmas.items() if is_vocabulary_word(pair[0])])


def _extract_version_terms(state: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the values of the columns of `search_versions` for a state."""
    language = _choose_language(state)
    texts: dict[str, list[AnalyzedText]] = {name: [] for name in VERSION_FIELDS}
    for text in list_state_texts(state):
        texts[text.field].append(analyze(text.text, language))
    return build_columns(*texts.values(), between=TEXT_GAP)


def extract_diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the rows of `search_diff` for an edit."""
    languages = [_choose_language(state) for state in (before, after)]
    scopes: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for place, changed in find_changed_paragraphs(before, after).items():
        for name, own, other in zip(SIDES, changed, changed[::-1], strict=True):
            if own or place == WHOLE:  # at least a row for each side, to see that none is missing
                key = name, tuple(own), tuple(other)
                scopes.setdefault(key, []).append(name + place)
    rows = []
    for (name, *paragraphs), places in scopes.items():
        order = 1 if name == SIDES[0] else -1
        rows.append((*_build_diff_columns(paragraphs, languages[::order]), " ".join(places)))
    return rows


def _build_diff_columns(
    paragraphs: Sequence[Sequence[str]], languages: Sequence[str]
) -> Iterator[str]:
    """Yield the values of the columns for the paragraphs that an edit removed (or added).

    The columns `terms` get only the terms that occur more often in these paragraphs than in those
    with which they are compared.

    paragraphs: the paragraphs to index, and the paragraphs to compare them with.
    """
    own, other = (
        [analyze(text, language) for text in texts]
        for texts, language in zip(paragraphs, languages, strict=True)
    )
    texts = build_columns(own, between=f" {PARAGRAPH_END} ")
    for terms, others, text in zip(_count_terms(own), _count_terms(other), texts, strict=True):
        yield f" {PARAGRAPH_END} ".join(terms - others)
        yield text


def _count_terms(texts: Sequence[AnalyzedText]) -> tuple[Counter[str], ...]:
    """Return four Counters: the number of words with each lemma, compound part, minor part and
    form.
    """
    lemmas, parts, minor, forms = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for text in texts:
        words, numbers = Counter(text.words), Counter[str]()
        for word, number in words.items():
            numbers[text.lemmas[word]] += number
            forms[FORM_PREFIX + word] += number
        for lemma in text.compounds:
            parts.update(dict.fromkeys(find_compound_parts(lemma), numbers[lemma]))
            minor.update(dict.fromkeys(find_minor_parts(lemma), numbers[lemma]))
        parts.update(text.joined)
        lemmas += numbers
    return lemmas, parts, minor, forms


def build_columns(*columns: Sequence[AnalyzedText], between: str = " ") -> tuple[str, ...]:
    """Return the values of the index columns for the given texts, in the order of INDEX_COLUMNS.

    columns: for each text column (title, lead and so on), the texts to index.
    between: the separator to put between these texts.
    """
    lemmas = (between.join(text.lemma_text for text in texts if text.words) for texts in columns)
    parts = (_join_distinct(text.compound_parts for text in texts) for texts in columns)
    minor = (_join_distinct(_iter_minor_terms(texts)) for texts in columns)
    forms = (between.join(_join_forms(text) for text in texts if text.words) for texts in columns)
    return (*lemmas, *parts, *minor, *forms)


def _join_distinct(groups: Iterable[Iterable[str]]) -> str:
    return " ".join(dict.fromkeys(chain.from_iterable(groups)))


def _iter_minor_terms(texts: Iterable[AnalyzedText]) -> Iterator[Iterable[str]]:
    """Yield, for each text, the minor parts of its compounds, and then their loose parts.

    Each loose part is marked with LOOSE_PART_PREFIX. archive.language.terms explains these parts.
    """
    for text in texts:
        yield text.minor_parts
        yield [LOOSE_PART_PREFIX + part for part in text.loose_parts]


def _join_forms(text: AnalyzedText) -> str:
    return FORM_PREFIX + f" {FORM_PREFIX}".join(text.words)  # of at least one word


def _extract_vocabulary(state: Mapping[str, Any]) -> WordLemmas:
    language = _choose_language(state)
    pair_texts = chain.from_iterable(_analyze_pairs(state, language))
    return _collect_vocabulary([*_analyze_fields(state, language), *pair_texts])


def is_vocabulary_word(word: str) -> bool:
    """Return whether a word can be suggested, that is, consists of letters and is long enough."""
    return len(word) >= MIN_VOCABULARY_LENGTH and word.isalpha()


def iter_facet_terms(state: Mapping[str, Any]) -> Iterable[str]:
    published = state["published"]
    yield EVERY_RELEASE
    yield encode_facet_term("kind", state["kind"] or NO_VALUE)
    yield encode_facet_term("year", published[:4] if published else NO_VALUE)
    yield encode_facet_term("questions", "yes" if state["questions"] else "no")
    yield encode_facet_term("attachments", "yes" if state["attachments"] else "no")
    for tag in state["tags"] or ():
        yield encode_facet_term("tag", tag)


def iter_listing_terms(agency: str, newest: str, *, was_edited: bool) -> Iterable[str]:
    """Yield the facet terms for a release's agency, sort date and edits.

    newest: the sort date, or "" if the release has none.
    """
    yield encode_facet_term("agency", agency)
    yield encode_facet_term("edited", "yes" if was_edited else "no")
    yield encode_facet_term("sort_year", newest[:4] or NO_VALUE)
    yield encode_facet_term("sort_month", newest[:7] or NO_VALUE)


def encode_facet_term(facet: str, value: str) -> str:
    """Return the index term for a facet value.

    >>> encode_facet_term("agency", "fyr")
    '\\ue001667972'
    """
    return FACET_PREFIXES[facet] + value.encode(errors="surrogatepass").hex()


INDEX_COLUMNS = {
    "search": (*list_columns(TEXT_COLUMNS), "facts"),
    "search_questions": list_columns(PAIR_COLUMNS),
    "search_quotes": list_columns(QUOTE_COLUMNS),
    "search_versions": list_columns(VERSION_FIELDS),
    "search_diff": (*list_columns(DIFF_COLUMNS), "scope"),
    "search_attachments": list_columns(ATTACHMENT_COLUMNS),
}
STORED_IDS = {"search": "releases", "search_questions": "questions", "search_quotes": "quotes"}
# FTS5 table → all its rowids; the triggers in schema.sql, named <table>_ad, use the same numbers
INDEXED_ROWS = {
    "search": "select id from releases",
    "search_questions": "select id from questions",
    "search_quotes": "select q.id from releases r join quotes q on q.revision = r.revision",
    "search_versions": "select text from text_versions",
    "search_diff": (
        f"select d.id from search_diff_docsize d join revisions v on v.id = d.id / {DIFF_ROWS}"
        " where v.previous is not null and v.cause in ('source', 'import')"
    ),
    "search_attachments": f"select file * {PAGE_NUMBERS} + page from attachment_pages",
}


INDEXED_NUMBERS_SQL = f"""
    select 'releases', (select count(*) from releases), (select count(*) from search_docsize)
    union all select 'changes', (select count(*) from revisions where is_edit)
      + (select count(*) from revisions where cause = 'import' and previous is not null),
      (select count(distinct id / {DIFF_ROWS}) from search_diff_docsize)
    union all select 'texts of earlier versions', (select count(distinct text) from text_versions),
      (select count(*) from search_versions_docsize)
    -- after a move back, an edited version may be the current one again, maybe as read anew
    union all select 'edited versions', count(*),
      count(iif(exists (select 1 from text_versions t where t.release = b.release)
        or (r.moved_to is null and not exists (select 1 from revisions n
          where n.release = b.release and n.id > b.id and n.cause <> 'parser')), 1, null))
      from revisions v join revisions b on b.id = v.previous join releases r on r.id = b.release
      where v.is_edit
"""


def _replace_text_table(db: Database, name: str) -> None:
    """Delete an FTS5 table and its trigger, and create them again, as in schema.sql."""
    db.execute(f"drop table if exists {name}")
    db.execute(f"drop trigger if exists {name}_ad")
    db.execute(read_schema()[name])
    db.execute(read_schema()[f"{name}_ad"])


def _set_weights(db: Database) -> None:
    """Store the column weights with which SQLite computes the `rank` of `search`."""
    db.execute(
        "insert into search (search, rank) values ('rank', ?)",
        [f"bm25({', '.join(map(str, BM25_WEIGHTS))})"],
    )


def _build_insert_sql(table: str) -> str:
    columns = INDEX_COLUMNS[table]
    return (
        f"insert or replace into {table} (rowid, {', '.join(columns)}) values"
        f" (?{', ?' * len(columns)})"
    )


class SearchIndex:
    """Writes the search index of an archive. No method commits."""

    def __init__(self, db: Database) -> None:
        self.db = db
        # unwritten counts of words, each with its lemma
        self.pending_words: Counter[tuple[str, str]] | None = None
        # unwritten rows of search, search_questions and search_quotes, each after its id
        self.pending_rows: dict[str, dict[int, tuple[Any, ...]]] = {}

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Collect the words and texts that are indexed in the block, and write them at its end.

        Use the block inside one transaction, and do not roll back a savepoint in it: releases
        indexed since the savepoint would still be counted and written.

        FTS5 flushes its memory before each statement that may be rolled back alone, such as an
        insert into a table with triggers. Without a batch, it would do this for each release.
        """
        self.pending_words = Counter()
        try:
            yield
            self._add_to_vocabulary(self.pending_words)
            for table, rows in self.pending_rows.items():
                # what was deleted or rolled back since is not indexed
                sql = f"select id from {STORED_IDS[table]}"
                sql += " where id in (select value from json_each(?))"
                for (key,) in self.db.execute(sql, [json.dumps(list(rows))]).fetchall():
                    self.db.execute(_build_insert_sql(table), [key, *rows[key]])
        finally:
            self.pending_words, self.pending_rows = None, {}

    def index_release(
        self,
        release_id: int,
        terms: IndexTerms,
        previous: Mapping[str, Any] | None = None,
        *,
        counts_words: bool = True,
    ) -> None:
        """Index a release's current state.

        previous: the state that was indexed before, or None for a new release.
        counts_words: whether to count the release's words in the vocabulary.
        """
        self._write_rows(release_id, terms)
        if not counts_words:
            return
        words, pending = terms.vocabulary, self.pending_words
        if previous is None:
            if pending is not None:
                pending.update(words)
            else:
                self._add_to_vocabulary(Counter(words))
            return
        if pending:  # else a word of other pending releases could be deleted as unused
            self._add_to_vocabulary(pending)
            pending.clear()
        previous_words = _extract_vocabulary(previous)
        self._add_to_vocabulary(Counter(words - previous_words))
        removed_words = sorted(previous_words - words)
        for sql in (
            "update vocabulary set releases = releases - 1 where word = ? and lemma = ?",
            "delete from vocabulary where word = ? and lemma = ? and releases < 1",
        ):
            self.db.conn.executemany(sql, removed_words)

    def index_quotes(self, release_id: int, revision_id: int, state: Mapping[str, Any]) -> None:
        """Index the quotations of a release's current revision.

        The release's other quotations are removed from the index.

        state: the state of the current revision.
        """
        rows = self.db.execute(
            "select id, revision, text from quotes where release = ?", [release_id]
        ).fetchall()
        for key, revision, text in rows:
            if revision == revision_id:
                columns = build_columns([analyze(text, _choose_language(state))])
                self._write_row("search_quotes", key, columns)
            else:
                self.pending_rows.get("search_quotes", {}).pop(key, None)
                self.db.execute("delete from search_quotes where rowid = ?", [key])

    def index_edit(
        self, revision_id: int, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Index what an edit removed and added. The states must not contain taken-down text.

        revision_id: the revision that the edit created. The ids of the edit's rows in the index
            begin at DIFF_ROWS * revision_id.
        """
        first = DIFF_ROWS * revision_id
        self.db.execute(
            "delete from search_diff where rowid >= ? and rowid < ?", [first, first + DIFF_ROWS]
        )
        for number, columns in enumerate(extract_diff(before, after)):
            self.db.execute(_build_insert_sql("search_diff"), [first + number, *columns])

    def forget_versions_of(self, release_id: int) -> None:
        """Delete a release's earlier versions from the index, because their shown texts changed."""
        self.db.execute("delete from text_versions where release = ?", [release_id])

    def index_versions_of(self, release_id: int) -> None:
        """Index those stored texts of a release's earlier versions that are not indexed yet.

        Texts that no longer belong in the index are deleted.
        """
        rows = self.db.execute("select id from text_versions where release = ?", [release_id])
        indexed = {key for (key,) in rows.fetchall()}
        rows = self.db.execute(VERSIONS_OF_SQL, {"release": release_id})
        wanted = {key for (key,) in rows.fetchall()}
        for key in indexed - wanted:
            self.db.execute("delete from text_versions where id = ?", [key])
        for key in sorted(wanted - indexed):
            self._index_version(key, release_id)

    def _index_version(self, revision_id: int, release_id: int) -> None:
        same = self.db.execute(SAME_TEXT_SQL, [revision_id]).fetchone()
        text_id = same[0] if same else revision_id
        self.db.execute(
            "insert into text_versions (id, text, release) values (?, ?, ?)",
            [revision_id, text_id, release_id],
        )
        if not same:
            state = next(
                self.db.query(
                    "select title, lead, body, questions, images, language from revisions"
                    " where id = ?",
                    [revision_id],
                )
            )
            lists = {name: json.loads(state[name] or "null") for name in ("questions", "images")}
            columns = _extract_version_terms(state | lists)
            self.db.execute(_build_insert_sql("search_versions"), [text_id, *columns])

    def index_file(self, file_id: int) -> None:
        """Index the pages of an attachment from their stored texts."""
        pages = self.db.execute(
            "select page, text from attachment_pages where file = ?", [file_id]
        ).fetchall()
        language = (
            "en" if is_english("\n".join(text for _, text in pages[:MAX_LANGUAGE_PAGES])) else "sv"
        )
        for page, text in pages:
            columns = build_columns([analyze(text, language)])
            self.db.execute(
                _build_insert_sql("search_attachments"), [file_id * PAGE_NUMBERS + page, *columns]
            )

    def describe_fault(self) -> str | None:
        """Return why the index has to be rewritten, or None if it covers all releases and edits."""
        for what, number, indexed in self.db.execute(INDEXED_NUMBERS_SQL).fetchall():
            if number != indexed:
                return f"it has {indexed} of {number} {what}"
        return None

    def begin_rewrite(self) -> None:
        """Prepare the index for a rewrite of all rows.

        Searches find the old rows until they are rewritten. A table whose columns have changed is
        emptied.
        """
        self.db.execute("delete from vocabulary")
        for name, columns in INDEX_COLUMNS.items():
            if columns != tuple(row[1] for row in self.db.execute(f"pragma table_info({name})")):
                _replace_text_table(self.db, name)
        _set_weights(self.db)
        for name, rowids_sql in INDEXED_ROWS.items():
            self.db.execute(
                f"delete from {name} where"
                f" rowid in (select id from {name}_docsize except {rowids_sql})"
            )

    def optimise(self) -> None:
        """Merge the parts of the index. This removes the words of replaced rows and saves space."""
        for name in INDEX_COLUMNS:
            self.db.execute(f"insert into {name} ({name}) values ('optimize')")

    def correct_totals(self) -> None:
        """Correct the stored numbers of rows and words of each table, on which bm25 depends.

        FTS5 still counts the deleted rows of a contentless table. The totals are in row 1 of
        <table>_data: the number of rows and the number of words in each column, as varints
        (SQLite's ext/fts5/fts5_index.c, FTS5_AVERAGES_ROWID). <table>_docsize contains the number
        of words in each row. FTS5 keeps the totals in memory during a transaction, so this method
        needs a transaction of its own.
        """
        for name, columns in INDEX_COLUMNS.items():
            totals = [0] * (1 + len(columns))
            for (sizes,) in self.db.execute(f"select sz from {name}_docsize"):
                totals = list(map(add, totals, [1, *_read_varints(sizes)]))
            self.db.execute(
                f"update {name}_data set block = ? where id = 1", [_build_varints(totals)]
            )

    def _write_rows(self, release_id: int, terms: IndexTerms) -> None:
        agency, newest, was_edited = self.db.execute(LISTING_SQL, [release_id]).fetchone()
        listing = iter_listing_terms(agency, newest, was_edited=was_edited)
        facts = " ".join((*terms.facet_terms, *listing))
        self._write_row("search", release_id, (*terms.texts, facts))
        if terms.questions:
            keys = self.db.execute(
                "select id from questions where release = ? order by position", [release_id]
            ).fetchall()
            for (key,), texts in zip(keys, terms.questions, strict=True):
                self._write_row("search_questions", key, texts)

    def _write_row(self, table: str, key: int, columns: tuple[str, ...]) -> None:
        if self.pending_words is None:
            self.db.execute(_build_insert_sql(table), [key, *columns])
        else:
            self.pending_rows.setdefault(table, {})[key] = columns

    def _add_to_vocabulary(self, counts: Counter[tuple[str, str]]) -> None:
        self.db.conn.executemany(
            "insert into vocabulary (word, lemma, releases) values (?, ?, ?)"
            " on conflict (word, lemma) do update set releases = releases + excluded.releases",
            [(*pair, number) for pair, number in sorted(counts.items())],
        )


def _read_varints(data: bytes) -> list[int]:
    """Parse numbers below 2^56 in SQLite's varint format: seven bits per byte, high bits first.

    >>> _read_varints(_build_varints([0, 127, 128, 300_000]))
    [0, 127, 128, 300000]
    """
    numbers, number = [], 0
    for byte in data:
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(number)
            number = 0
    return numbers


def _build_varints(numbers: Iterable[int]) -> bytes:
    data = bytearray()
    for number in numbers:
        groups = range(7 * max(0, (number.bit_length() - 1) // 7), 0, -7)
        data += bytes(0x80 | number >> shift & 0x7F for shift in groups)
        data.append(number & 0x7F)
    return bytes(data)
