"""Looks up quotations in all versions of all releases.

- Verbatim: the index finds releases that contain the phrases of a quotation. Their stored texts
  show whether they contain the whole quotation. Earlier versions are searched in a separate index.
  The histories of releases show when a release contained the quotation.
- Altered: the versions that contain most of the quotation's rare words are compared with it word by
  word. If a version contains enough of the quotation in one place, that passage is taken for the
  original.
- Verbatim, but perhaps said by someone else: all releases that contain the quotation attribute it
  to a person other than the one in the visitor's text. This is reported only if the text gives a
  full name in a plain sentence ("NAME sade:"), in an attribution ("säger minister NAME i ett
  uttalande") or after "Enligt". Other attributions are not compared. A person is not reported if
  the name may be another spelling of a name in the release, or if the release contains the name
  beside the quotation.

The visitor's text is neither stored nor logged, and its words are analysed without caches.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, NamedTuple

from rapidfuzz.fuzz import ratio

from archive.changes.diff import DiffSegment
from archive.changes.facts import FUNCTION_WORDS
from archive.changes.history import find_final_release, read_version_texts
from archive.changes.wording_history import Presence, read_presences
from archive.database.sqlite_files import RunQuery
from archive.language.terms import find_words
from archive.quotes.person_names import (
    HEAD_STEM,
    NO_FIRST_NAME,
    NO_PERSON,
    PARTY,
    ROLE_HEAD,
    UPPER,
    find_role_before,
    name_in,
    parse_subject,
    segment_end,
)
from archive.quotes.quotation_comparison import (
    ATTRIBUTION,
    DASHES,
    DOUBLE_MARKS,
    Original,
    PassageMatch,
    PassageText,
    Quotation,
    ReleaseText,
    build_original,
    diff_original,
    find_original,
    find_pieces,
    is_mark,
)
from archive.quotes.speakers import ATTRIBUTION_START
from archive.search.query_sql import match_form
from archive.search.search_index import is_vocabulary_word

# Limits.
MAX_QUOTATIONS = 100  # looked up in one text
MAX_QUOTATION_WORDS = 400
MIN_QUOTATION_WORDS = 3  # a shorter passage in quotation marks is a title or a word used ironically
# compared for a verbatim passage; if more have its words, the number found is a minimum
MAX_VERBATIM_RELEASES = 25
MAX_ALTERED_RELEASES = 8  # compared for an altered passage
MAX_HISTORIES = 3  # releases whose history is read for a withdrawn passage
HISTORY_BATCH = 50  # versions of a history read at a time
MAX_COUNTED_RELEASES = 1000
MAX_PHRASES = 6  # that a verbatim passage is found by
MAX_PHRASE_WORDS = 12

# Alteration.
MIN_COVERAGE = 0.55  # share of a quotation's words, weighted by rarity, that its original has
MIN_ORDERED = 0.4  # share of its words that are there in the same order
MIN_SHARED_WORDS = 4
MAX_WEIGHT = 0.6  # weight of a word that no release has, because it may be a slip
MAX_SEARCH_WORDS = 10  # rare words that candidates are found by
# releases of a word that candidates are found by, unless there is no rarer one
MAX_POSTINGS = 4_000

# Speakers.
# In running text, several people may be quoted in one paragraph: here each gets a line of its own
NEXT_QUOTATION = re.compile(
    r"(?<=[.!?][\"”»]) (?=[A-ZÅÄÖ])|(?<=[.!?]) (?=[\"”“»„«])|(?<=[.!?]) (?=[–—] [A-ZÅÄÖ])"
)
NEAR = 300  # characters before and after a quotation that are read for its speaker
NAME_PART = rf"[{UPPER}](?:[’'][{UPPER}])?[^\W\d_{UPPER}][\w’'-]{{0,30}}(?<![-’'])(?![\w-])"
FULL_NAME = re.compile(
    rf"(?<![\w-]){NAME_PART}(?: (?:(?:af|av|von|van|de|der|da) )?{NAME_PART}){{1,2}}"
)
MARK = f"[{DOUBLE_MARKS}’]"
PLAIN_VERB = (
    r"(?:säger|sade|sa|menar|menade|anser|ansåg|skriver|skrev|svarar|svarade|förklarar|förklarade"
    r"|says|said|wrote)"
)
# A sentence with nothing but a name, a verb and a quotation, of which it has only the last
# character, after "\0"
PLAIN_FORMS = tuple(
    re.compile(
        rf"(?:\n|[.!?]{MARK}?\s)"
        + pattern.format(
            name=rf"(?P<name>{FULL_NAME.pattern}|{NAME_PART})(?:{PARTY.pattern})?",
            verb=PLAIN_VERB,
            opening=rf"(?:{MARK}|[{DASHES}]\s)?\0",
            end=r"(?=\.?$|\.\s)",
            mark=MARK,
        )
    )
    for pattern in (
        r"{name} {verb}[:,] {opening}(?:[.!?]{mark}?|.{mark}[.!?]|.{mark}?$)(?=\s|$)",
        r"{opening}.{mark}?,? {verb} {name}{end}",
        r"{opening}.{mark},? {name} {verb}{end}",
    )
)
# "Minister NAME säger i ett uttalande:", "Enligt NAME:" or "Enligt NAME är det så att" right before
# a quotation
OPENINGS = tuple(
    re.compile(rf"(?:\n|[.!?]{MARK}?\s){pattern}\s*[{DOUBLE_MARKS}’{DASHES}]?\s*$")
    for pattern in (
        rf"(?P<source>[^.!?:,\n]+?) {PLAIN_VERB}(?: (?:i|till|vid|på|to|in|at) [^.!?:,\n]+)?:",
        r"(?:Enligt|According to) (?P<source>[^.!?\n]+?)"
        r"[:,]?(?: (?:är|var|ska|har|is|was)(?: det(?: så)?)?(?: att)?)?:?",
    )
)
# After a name in an attribution: somebody else may have said it, or it goes on about somebody else
NOT_ALONE = re.compile(
    r"\b(?:som|vilk\w+|och|samt|genom|via|tillsammans|citera\w*|läs\w*|återge\w*|enligt"
    r"|who|which|and|through|quot\w+|together|according)\b"
)
# Looks like the full name of a person, but is not: first or last words of organisations and
# places
NO_FULL_NAME = re.compile(
    r"^(?:White|Black|Green|Swedish"
    r"|Nordic|Norwegian|Danish"
    r"|Finnish|British|American|German|French|European"
    r"|Scandinavian|Royal|Financial"
    r"|Associated|Global|Open"
    r"|Deutsche|Downing|Wall|Vita|Gamla|Fria|Unga|Lilla|Stena"
    r"|Volvo|Saab|Telia|Berlin|Radio|Svea|Hotel|Hotell|Kungl|San|Los) "
    r"| (?:Hamn|Lines?|House|Match|Street"
    r"|Times?|Post|News|Press"
    r"|Group|Cars?|Motors|Energ[iy]|Air|Airlines|Airways|Radio|Television|Nyheter|Barnen"
    r"|Enso|Holding|Fonder|Kommun|Stad|Län|Stift|Universitet"
    r"|Trafik|Handel|Näringsliv|Kraft|Invest|Capital|Partners|Media"
    r"|Star|Journal|Guardian"
    r"|Fastigheter|Bygg|Industri(?:er)?|Försäkring|Power"
    r"|Steel|Pharma|Foods|Systems"
    r"|Solutions|Technologies"
    r"|Security|Data|Digital|Sjukhus|Tidning"
    r"|Bladet|Posten|Allehanda"
    r"|Idag|Direkt|Rapport|Kyrka|Institut|Teater|Arena|Airport)$"
    # a genitive: "Göteborgs", "Dagens"
    r"|^(?!(?:Agnes|Alexis|Anders|Andreas|Boris|Charles|Chris"
    r"|Claes|Dennis|Doris|Elias|Hannes|Hans|Iris|James|Jens|Johannes|Jonas|Klas|Lars|Linus|Louis"
    r"|Lucas|Lukas|Magnus|Marcus|Markus|Mathias|Mats|Mattias|Matthias|Nicolas"
    r"|Niclas|Niklas|Nils|Rasmus|Thomas|Tobias|Tomas) )\w+s "
    # a definite form: "Huset", but not "Hansen", "Dahlgren"
    r"|(?:(?<!s)(?<!gr)en|et|na)s?$"
)
# of names that are spelt in several ways: "Selenskij", "Zelenskyj"
LETTERS = str.maketrans("zwyjkq", "sviicc")

Verdict = Literal[
    "verbatim", "wrong_speaker", "altered", "withdrawn", "not_found", "short", "not_checked"
]

WORD_COUNTS_SQL = (
    "select word, sum(releases) as releases from vocabulary"
    " where word in (select value from json_each(:words)) group by word"
)
RELEASE_COUNT_SQL = (
    "select ifnull(sum(releases), 0) as n from month_counts where agency = '' and month <> ''"
)
CURRENT_COLUMNS = "l.release, r.revision, r.removed_at is null as is_listed"
VERBATIM_SQL = f"""
    select {CURRENT_COLUMNS} from search cross join release_facets l on l.release = search.rowid
    join releases r on r.id = l.release where search match :match
    order by r.removed_at is not null, l.sort_date, l.release limit :limit
"""
SPEAKERS_SQL = """
    select q.revision, q.text, q.role, q.origin, q.speaker as name from quotes q
    where q.revision in (select value from json_each(:ids)) order by q.revision, q.position
"""
EARLIER_COLUMNS = "r.id as release, t.id as revision, 0 as is_listed"
EARLIER_JOIN = (
    "join releases r on r.id = t.release and r.takedown is not 'hidden'"
    " and (t.id is not r.revision or r.moved_to is not null)"
)
EARLIER_SQL = f"""
    select {EARLIER_COLUMNS} from search_versions
    cross join text_versions t on t.text = search_versions.rowid {EARLIER_JOIN}
    where search_versions match :match order by t.id desc limit :limit
"""
COUNT_SQL = """
    select count(*) as n from (select 1 from search cross join release_facets l
      on l.release = search.rowid
      where search match :match limit :limit)
"""
WORD_ROWS_SQL = "select rowid as row, {weight} as weight from {table} where {table} match {word}"
BEST_ROWS_SQL = (
    "(select row, sum(weight) as weight from ({words}) group by row order by weight desc, row"
    " limit :limit)"
)
ALTERED_SQL = {
    "search": f"""
      select {CURRENT_COLUMNS} from {BEST_ROWS_SQL} best join release_facets l
        on l.release = best.row
      join releases r on r.id = l.release order by best.weight desc, l.sort_date
    """,
    "search_versions": f"""
      select {EARLIER_COLUMNS} from {BEST_ROWS_SQL} best
      join text_versions t on t.text = best.row {EARLIER_JOIN} order by best.weight desc
    """,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotationResult:
    """The result of looking up one quotation.

    revision: the version that contains the quotation, or the original from which it was altered.
    presence: the last period in which a release contained a withdrawn quotation.
    releases: how many releases contain the quotation or, if it was withdrawn, contained it.
    is_minimum: whether more releases may contain the quotation, because not all were compared.
    speakers: the name and role of each person who says the quotation in the version `revision`, if
        known. If the verdict is `wrong_speaker`, all releases attribute the quotation to people
        other than the one in the visitor's text.
    omitted: the number of words that the quotation leaves out.
    segments: how an altered quotation differs from its original.
    reason: why the quotation was not checked.
    """

    quotation: Quotation
    verdict: Verdict
    revision: int | None = None
    presence: Presence | None = None
    releases: int = 0
    is_minimum: bool = False
    speakers: Sequence[Mapping[str, Any]] = ()
    omitted: int = 0
    segments: tuple[DiffSegment, ...] = ()
    reason: Literal["length", "number", "time"] | None = None

    @property
    def speaker_verdict(self) -> Literal["same", "other", "not compared"] | None:
        """Return `same` if the visitor's text and the release probably name the same speaker, and
        `other` if they name different ones.

        Returns `not compared` if a speaker is not named, or if it is uncertain whether they differ.

        Returns None if the verdict is neither `verbatim` nor `wrong_speaker`.
        """
        if self.verdict == "wrong_speaker":
            return "other"
        if self.verdict != "verbatim":
            return None
        name, names = self.quotation.speaker or "", [each["name"] or "" for each in self.speakers]
        return "same" if any(may_be_same(name, each) for each in names) else "not compared"


class StoredVersion(NamedTuple):
    """A stored version with which a quotation is compared.

    is_listed: whether it is the current version of a release that was not removed.
    """

    release: int
    revision: int
    is_listed: bool
    text: ReleaseText


class FoundPassage(NamedTuple):
    """A version that contains the words of a quotation, and where it contains them."""

    version: StoredVersion
    match: PassageMatch


class QuotationCheck:
    """Looks up every quotation in a text.

    run: runs a query, and may raise TimeoutError.
    seconds: the time limit for all quotations together.
    """

    def __init__(self, run: RunQuery, *, seconds: float) -> None:
        self.run, self.deadline = run, time.monotonic() + seconds
        self.versions: dict[int, StoredVersion] = {}  # by revision
        self.counts: dict[
            str, int
        ] = {}  # word → releases that have it; only words of the vocabulary
        self.stored = 2  # releases

    async def check(self, quotations: Sequence[Quotation]) -> list[QuotationResult]:
        """Return a result for each quotation.

        Quotations beyond the limits of length, number and time get the verdict `not_checked`.
        """
        results: list[QuotationResult] = []
        looked_up: Counter[bool] = Counter()  # short ones, and others
        try:
            await self.count_words(quotations)
        except TimeoutError:
            self.deadline = 0.0
        for quotation in quotations:
            is_short = len(quotation.words) < MIN_QUOTATION_WORDS
            reason: Literal["length", "number", "time"] | None = None
            if len(quotation.words) > MAX_QUOTATION_WORDS:
                reason = "length"
            elif looked_up[is_short] >= MAX_QUOTATIONS:
                reason = "number"
            else:
                looked_up[is_short] += 1
                try:
                    self.check_time()
                    look_up = self.count_short if is_short else self.look_up
                    results.append(await look_up(quotation))
                except TimeoutError:
                    reason = "time"
            if reason:
                results.append(
                    QuotationResult(quotation=quotation, verdict="not_checked", reason=reason)
                )
        return results

    def check_time(self) -> None:
        """Raise TimeoutError if the time has run out."""
        if time.monotonic() > self.deadline:
            raise TimeoutError

    async def count_words(self, quotations: Sequence[Quotation]) -> None:
        words = {
            word for quotation in quotations for key in quotation.words for word in find_words(key)
        }
        rows = await self.run(WORD_COUNTS_SQL, {"words": json.dumps(sorted(words))})
        self.counts = {row["word"]: row["releases"] for row in rows}
        self.stored = max(2, (await self.run(RELEASE_COUNT_SQL, {}))[0]["n"])

    def weigh(self, key: str) -> float:
        """Return the weight of a word: near 0 if every release contains it, and 1 if no release
        does.
        """
        return max(map(self.weigh_word, find_words(key)), default=0.1)

    def weigh_word(self, word: str) -> float:
        if not is_vocabulary_word(word):
            return 0.5 if any(map(str.isdigit, word)) else 0.1
        return max(0.02, 1 - math.log(1 + self.counts.get(word, 0)) / math.log(1 + self.stored))

    async def count_short(self, quotation: Quotation) -> QuotationResult:
        """Return a result for a quotation that is too short to be checked.

        The result contains the number of releases with the words of the quotation.
        """
        match = " AND ".join(
            " AND ".join(map(_match_number, piece.word_keys))
            if any(map(_is_grouped_number, piece.word_keys))
            else match_form([word for key in piece.word_keys for word in find_words(key)])
            for piece in quotation.pieces
        )
        count = (await self.run(COUNT_SQL, {"match": match, "limit": MAX_COUNTED_RELEASES}))[0]["n"]
        return QuotationResult(
            quotation=quotation,
            verdict="short",
            releases=count,
            is_minimum=count == MAX_COUNTED_RELEASES,
        )

    async def look_up(self, quotation: Quotation) -> QuotationResult:
        """Look up a quotation in all versions.

        Current versions are searched first, and then earlier ones. If none contains the quotation,
        the passage from which it was altered is looked for.
        """
        phrases = [phrase for piece in quotation.pieces for phrase in self.list_phrases(piece)]
        match = self._match_phrases(phrases, quotation)
        values = {"match": match, "limit": MAX_VERBATIM_RELEASES + 1}
        has_new_word = any(self.weigh_word(word) == 1.0 for phrase in phrases for word in phrase)
        current = [] if has_new_word else await self.run(VERBATIM_SQL, values)
        versions = await self.read_versions(current[:MAX_VERBATIM_RELEASES])
        found = await asyncio.to_thread(_find_passages, quotation, versions)
        listed = [passage for passage in _list_verbatim(found) if passage.version.is_listed]
        if listed:
            is_minimum = len(current) > MAX_VERBATIM_RELEASES
            return await self._report_verbatim(quotation, listed, is_minimum=is_minimum)
        return await self._look_up_former(quotation, values, versions, found)

    async def _look_up_former(
        self,
        quotation: Quotation,
        values: dict[str, Any],
        versions: Sequence[StoredVersion],
        found: list[FoundPassage],
    ) -> QuotationResult:
        """Look for a quotation in earlier versions. If none contains it, look for its original.

        values: the SQL parameters for finding versions that contain the quotation's phrases.
        versions: the current versions, which have already been searched.
        found: the versions found so far that contain the words of the quotation. Further matches
            are appended to it.
        """
        earlier = await self.read_versions(
            (await self.run(EARLIER_SQL, values))[:MAX_VERBATIM_RELEASES]
        )
        altered = await self.read_altered_candidates(quotation)
        others = [version for version in (*earlier, *altered) if version not in versions]
        found += await asyncio.to_thread(_find_passages, quotation, others)
        verbatim = _list_verbatim(found)
        if verbatim and (result := await self.find_withdrawal(quotation, verbatim)):
            return result
        if found and not verbatim:
            passage = min(found, key=lambda each: not each.version.is_listed)
            original = build_original(quotation.pieces, passage.match)
            return await self._report_altered(quotation, passage.version, original)
        chosen = await asyncio.to_thread(self.choose_original, quotation, [*versions, *others])
        if chosen is None:
            return QuotationResult(quotation=quotation, verdict="not_found")
        return await self._report_altered(quotation, *chosen)

    def _match_phrases(self, phrases: list[list[str]], quotation: Quotation) -> str:
        """Return an FTS5 expression for the rarest phrases of a quotation.

        If the quotation has no phrases, the expression is for its words. `phrases` is sorted in
        place, rarest first.
        """
        phrases.sort(key=lambda phrase: -max(map(self.weigh_word, phrase)))
        if phrases:
            return " AND ".join(map(match_form, phrases[:MAX_PHRASES]))
        return " AND ".join(map(_match_number, quotation.words[:MAX_PHRASES]))

    async def _report_verbatim(
        self, quotation: Quotation, listed: Sequence[FoundPassage], *, is_minimum: bool
    ) -> QuotationResult:
        result = QuotationResult(
            quotation=quotation,
            verdict="verbatim",
            revision=listed[0].version.revision,
            releases=len(listed),
            is_minimum=is_minimum,
            omitted=listed[0].match.omitted,
        )
        return await self.compare_speakers(result, [passage.version for passage in listed])

    async def _report_altered(
        self, quotation: Quotation, version: StoredVersion, original: Original
    ) -> QuotationResult:
        segments = await asyncio.to_thread(diff_original, original)
        return QuotationResult(
            quotation=quotation,
            verdict="altered",
            revision=version.revision,
            segments=tuple(segments),
        )

    async def compare_speakers(
        self, result: QuotationResult, versions: Sequence[StoredVersion]
    ) -> QuotationResult:
        """Return the result for a verbatim quotation, with the speakers named in one of the
        versions.

        A version is preferred if its speaker is unknown, or may be the person whom the visitor's
        text names. If there is no such version, and all releases with the quotation were compared,
        the verdict is `wrong_speaker`.
        """
        quotation, speakers = result.quotation, defaultdict[int, list[Any]](list)
        ids = [version.revision for version in versions]
        for row in await self.run(SPEAKERS_SQL, {"ids": json.dumps(ids)}):
            if find_pieces(quotation.pieces, PassageText(row["text"])):
                speakers[row["revision"]].append(row)
        for version in versions:
            said = speakers[version.revision]
            if not said or not all(
                _is_misattributed(quotation, each, version.text.source) for each in said
            ):
                return replace(result, revision=version.revision, speakers=said)
        return replace(
            result,
            verdict="verbatim" if result.is_minimum else "wrong_speaker",
            speakers=speakers[versions[0].revision],
        )

    async def find_withdrawal(
        self, quotation: Quotation, found: Sequence[FoundPassage]
    ) -> QuotationResult | None:
        """Return a result that says when a quotation disappeared from the releases that contained
        it.

        The verdict is `verbatim` if one of the releases contains the quotation again. Returns None
        if no agency's page ever contained it.

        found: versions that contain the quotation but are not current.
        """
        releases = list(
            dict.fromkeys(
                [await find_final_release(self.run, each.version.release) for each in found]
            )
        )
        self.check_time()

        presences = await read_presences(
            self.run, releases[:MAX_HISTORIES], partial(self.find_verbatim, quotation)
        )
        last = [times[-1] for times in presences.values() if times]
        if not last:
            return None
        presence = max(last, key=lambda each: each.end)
        return QuotationResult(
            quotation=quotation,
            verdict="withdrawn" if presence.disappeared else "verbatim",
            revision=presence.last,
            presence=presence,
            releases=len(last),
            is_minimum=len(releases) > MAX_HISTORIES,
            omitted=found[0].match.omitted,
        )

    async def find_verbatim(self, quotation: Quotation, revisions: Sequence[int]) -> set[int]:
        """Return the ids of the given revisions that contain a quotation."""
        found: set[int] = set()
        for start in range(0, len(revisions), HISTORY_BATCH):
            self.check_time()
            texts = await read_version_texts(self.run, revisions[start : start + HISTORY_BATCH])
            found |= await asyncio.to_thread(_list_with_quotation, quotation, texts)
        return found

    def list_phrases(self, piece: PassageText) -> list[list[str]]:
        """Split a piece at its punctuation marks, and return a phrase for each part.

        A phrase consists of the rarest word of the part and the words around it.
        """
        phrases: list[list[str]] = []
        part: list[str] = []
        for key in (*piece.keys, "."):
            if not is_mark(key) and not _is_grouped_number(key):
                part += find_words(key)
            elif part:
                rarest = max(range(len(part)), key=lambda index: self.weigh_word(part[index]))
                start = max(0, min(rarest - MAX_PHRASE_WORDS // 2, len(part) - MAX_PHRASE_WORDS))
                phrases.append(part[start : start + MAX_PHRASE_WORDS])
                part = []
        return phrases

    async def read_altered_candidates(self, quotation: Quotation) -> list[StoredVersion]:
        """Return the current and earlier versions that share the largest number of rare words with
        a quotation.
        """
        words = dict.fromkeys(word for key in quotation.words for word in find_words(key))
        by_weight = sorted(words, key=lambda word: -self.weigh_word(word))
        known = [word for word in by_weight if self.weigh_word(word) < 1.0]
        chosen = {
            "search": self._choose_rare_words(known),
            "search_versions": self._choose_rare_words(by_weight),
        }
        rows: list[Any] = []
        for table, sql in ALTERED_SQL.items():
            values: dict[str, Any] = {"limit": MAX_ALTERED_RELEASES}
            parts = []
            for number, word in enumerate(chosen[table]):
                values[f"word{number}"] = match_form([word])
                weight = round(self.weigh_word(word), 3)
                parts.append(
                    WORD_ROWS_SQL.format(table=table, weight=weight, word=f":word{number}")
                )
            if parts:
                rows += await self.run(sql.format(words=" union all ".join(parts)), values)
        return await self.read_versions(rows)

    def _choose_rare_words(self, words: Sequence[str]) -> Sequence[str]:
        """Return the words that only a few releases contain or, if there are no such words, the
        three rarest ones.

        words: the words of a quotation, the rarest first.
        """
        rare = [
            word for word in words[:MAX_SEARCH_WORDS] if self.counts.get(word, 0) <= MAX_POSTINGS
        ]
        return rare or words[:3]

    async def read_versions(self, candidates: Sequence[Any]) -> list[StoredVersion]:
        """Return the versions in the given rows (release, revision, is_listed), with their texts.

        Each text is read only once by a QuotationCheck.
        """
        missing = {
            row["revision"]: row for row in candidates if row["revision"] not in self.versions
        }
        if missing:
            self.check_time()
            for key, texts in (await read_version_texts(self.run, missing)).items():
                is_listed = bool(missing[key]["is_listed"])
                self.versions[key] = StoredVersion(
                    texts["release"], key, is_listed, ReleaseText(texts)
                )
        return [
            self.versions[row["revision"]] for row in candidates if row["revision"] in self.versions
        ]

    def choose_original(
        self, quotation: Quotation, versions: Sequence[StoredVersion]
    ) -> tuple[StoredVersion, Original] | None:
        """Return the version that contains the largest part of a quotation, and its passages that
        are similar to the quotation.

        Returns None if no version contains enough of the quotation.
        """
        words = quotation.words
        weights = {word: min(MAX_WEIGHT, self.weigh(word)) for word in words}
        is_attributed = ATTRIBUTION.search(quotation.text) is not None and quotation.kind == "marks"
        best: tuple[StoredVersion, Original] | None = None
        for version in versions:
            text = version.text.written if is_attributed else version.text.spoken
            original = find_original(quotation.pieces, text, weights)
            if original and (best is None or _rate_original(original) > _rate_original(best[1])):
                best = version, original
        return best if best and _has_enough(best[1], len(words)) else None


def _find_passages(quotation: Quotation, versions: Sequence[StoredVersion]) -> list[FoundPassage]:
    """Return the versions that contain the words of a quotation, each with the matching passage.

    A version is included even if the quotation leaves out a negation.
    """
    return [
        FoundPassage(version, match)
        for version in versions
        if (match := version.text.find_verbatim(quotation.pieces))
    ]


def _list_with_quotation(quotation: Quotation, texts: Mapping[int, Mapping[str, Any]]) -> set[int]:
    matches = {
        key: ReleaseText(state).find_verbatim(quotation.pieces) for key, state in texts.items()
    }
    return {key for key, match in matches.items() if match and not match.hides_negation}


def _list_verbatim(found: Sequence[FoundPassage]) -> list[FoundPassage]:
    return [passage for passage in found if not passage.match.hides_negation]


def _has_enough(original: Original, words: int) -> bool:
    if original.coverage < MIN_COVERAGE or original.ordered < MIN_ORDERED:
        return False
    return original.shared_words >= min(MIN_SHARED_WORDS, words - 1)


def _rate_original(original: Original) -> float:
    """Rate how much of a quotation an original contains.

    Of two originals that contain the same amount of it, the shorter one is rated higher.
    """
    size = sum(window.end - window.start for window in original.windows if window)
    return original.coverage + original.ordered - size / 10_000


def _match_number(key: str) -> str:
    """Return the FTS5 expression for a word or a number.

    A number is matched with or without spaces between groups of digits.

    >>> _match_number("10000") == f"({match_form(['10000'])} OR {match_form(['10', '000'])})"
    True
    """
    if not _is_grouped_number(key):
        return match_form(find_words(key))
    groups = f"{int(key):,}".split(",")
    return f"({match_form([key])} OR {match_form(groups)})"


def _is_grouped_number(key: str) -> bool:
    """Return whether a number can be written with its digits in groups (as in 10 000)."""
    return key.isdecimal() and key.isascii() and 3 < len(key) < 20


# Speakers


def add_speakers(text: str, quotations: Sequence[Quotation]) -> list[Quotation]:
    """Return the quotations, each with its speaker if the text gives the speaker's full name.

    The name must be in an attribution or in a plain sentence ("NAME sade:"). In a plain sentence, a
    surname is enough if the text contains exactly one full name with it.

    >>> from archive.quotes.quotation_comparison import find_quotations
    >>> text = "Bo Li sade: ”Det är klart.” ”Vi är glada”, säger Li. Hon sade till Bo Li: ”Bra.”"
    >>> [quotation.speaker for quotation in add_speakers(text, find_quotations(text))]
    ['Bo Li', 'Bo Li', None]
    """
    lines, full_names = "\n" + NEXT_QUOTATION.sub("\n", text), set(FULL_NAME.findall(text))
    found = []
    for quotation in quotations:
        start, end = quotation.start + 1, quotation.end + 1
        # its line, with the break before it
        before = "".join(lines[max(0, start - NEAR) : start].rpartition("\n")[1:])
        after = lines[end - 1 : end + NEAR].partition("\n")[0]
        around = f"{before}\0{after}"
        name = next((match["name"] for each in PLAIN_FORMS if (match := each.search(around))), "")
        if name and " " not in name:
            name = "\n".join(each for each in full_names if each.endswith(f" {name}"))
        if not is_person(name):
            name = _find_attributed_name(quotation, before, after)
        found.append(replace(quotation, speaker=name if is_person(name) else None, around=around))
    return found


def _find_attributed_name(quotation: Quotation, before: str, after: str) -> str:
    """Return the name in the attribution after a quotation, or else in the words right before it.

    Returns "" if there is no such name, or if somebody else may have said the quotation. If the
    attributions contain different names, the names are joined by line breaks, so that the result is
    not a person's name.
    """
    text = quotation.text
    line, end = text[:-1] + after, len(text) - text.endswith((*",.!?…",))
    starts = [
        each.end()
        for each in ATTRIBUTION_START.finditer(line)
        if quotation.kind == "dash" or each.start() == end
    ]
    if starts:
        names = {_parse_sole_name(line[start : segment_end(line, start)]) for start in starts}
        return "\n".join(names)  # several are no person's name
    opening = next(filter(None, (each.search(before) for each in OPENINGS)), None)
    if opening is None or NOT_ALONE.search(after[: segment_end(after, 0)]):
        return ""
    name = _parse_sole_name(opening["source"])
    return name if PARTY.sub("", opening["source"]).endswith(name) else ""


def _parse_sole_name(words: str) -> str:
    """Return the speaker's name in the words of an attribution.

    Returns "" if anything but a role precedes the name, or if the words after it mention somebody
    else.

    >>> _parse_sole_name("hamnminister Bo Ek (M) i ett uttalande")
    'Bo Ek'
    >>> [_parse_sole_name(words) for words in ("vännen till Bo Ek", "Bo Ek, som citerar Li")]
    ['', '']
    """
    subject = parse_subject(f"{words}.", 0)
    name = subject.name or "" if subject else ""
    role, _, rest = words.partition(name) if name else ("", "", "")
    is_alone = not role or (
        find_role_before(words, len(role)) == role.strip()
        # "chefen hos ministern NAME" may be two people
        and len(re.findall(ROLE_HEAD, role, re.IGNORECASE)) == 1
    )
    return name if is_alone and not NOT_ALONE.search(rest) else ""


def is_person(name: str) -> bool:
    """Return whether a name is the full name of one person, not a role, organisation or place.

    >>> [is_person(name) for name in ("Ebba Ek", "Ek", "Statsrådet Ek", "Göteborgs Hamn")]
    [True, False, False, False]
    """
    return (
        FULL_NAME.fullmatch(name) is not None
        and not any(pattern.search(name) for pattern in (NO_FIRST_NAME, NO_PERSON, NO_FULL_NAME))
        and not HEAD_STEM.search(name.casefold())
        and name.partition(" ")[0].casefold() not in FUNCTION_WORDS
    )


def _is_misattributed(quotation: Quotation, said: Mapping[str, Any], text: str) -> bool:
    """Return whether a text and a release attribute a quotation to different people.

    Neither the title of the release nor the paragraph with the quotation may name the person to
    whom the text attributes it. The rest of the release may name this person only if the
    attribution in the release names another speaker.

    said: the words of the quotation in the release, the speaker's name, and how this name was
        found.
    """
    name, speaker = quotation.speaker, said["name"] or ""
    if not name or not is_person(speaker) or may_be_same(name, speaker):
        return False
    last, other = (fold(each).rpartition(" ")[2] for each in (name, speaker))
    lines, opening = fold(text).split("\n"), fold(said["text"])[:20]
    paragraphs = [line for line in lines if opening in line]
    if not paragraphs:
        return False
    is_attributed = said["origin"] == "attribution" and _is_in_each(other, paragraphs)
    if name_in(last, "\n".join([lines[0], *paragraphs] if is_attributed else lines)):
        return False
    if _has_company(other, "\n".join(paragraphs)):
        return False
    return not name_in(other, fold(f"{quotation.around} {quotation.text}"))


def _is_in_each(name: str, paragraphs: Sequence[str]) -> bool:
    return all(name_in(name, paragraph) for paragraph in paragraphs)


def _has_company(name: str, text: str) -> bool:
    """Return whether a name in a text is followed by a word such as "och" or "genom".

    In this case, the person may speak together with others, or through somebody else.
    """
    pattern = rf"{re.escape(name)}(?:\s\(\w+\))?,? (?:och|samt|tillsammans|genom|via|and) "
    return re.search(pattern, text) is not None


def may_be_same(name: str, other: str) -> bool:
    """Return whether two names may belong to the same person.

    This is the case if a word of one name is similar to a word of the other name, or is the
    beginning of one, as "E" is of "Ebba".

    >>> names = ("Ek", "Ebba Ström", "E. Berg", "Bo Eek", "Bo Li")
    >>> [may_be_same("Ebba Ek", other) for other in names]
    [True, True, True, True, False]
    """
    return any(
        word.startswith(each)
        or each.startswith(word)
        or ratio(word, each)
        >= (60 if word[0] == each[0] else 80)  # "Per", "Pär"; "Pehrson", "Persson"
        for word in re.findall(r"\w+", fold(name))
        for each in re.findall(r"\w+", fold(other))
    )


def fold(text: str) -> str:
    """Return a text in lower case, with letters such as w and v replaced by the same letter.

    Names may be spelt with either letter: Selenskij, Zelenskyj.
    """
    return text.casefold().translate(LETTERS)
