"""Finds the quotations in a text, and compares them with the texts of stored versions.

A quotation is a passage in quotation marks, or a reply: a paragraph with a dialogue dash, without
its attribution (", säger NAME").

What counts as the same text
  - Differences in the following do not count: quotation marks, the type of dashes and spaces, soft
    hyphens, ligatures, the grouping of digits, a capital at the start, and a comma, full stop or
    colon at the end. The attribution (", säger NAME") may be left out, and paragraphs may be
    joined.
  - "…" and "[…]" mark an omission: the pieces of the quotation must occur in this order. Text
    omitted within a sentence must not contain a negation. A sentence that ends with a full stop, or
    that belongs to a reply, must not be cut off right before a negation.
  - Every other difference, such as a different word, number or name, a capital letter, a comma or
    a word in square brackets, is an alteration.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

from rapidfuzz.distance import LCSseq

from archive.changes.diff import DiffSegment, diff_words
from archive.changes.facts import NEGATING_SUFFIXES, NEGATIONS
from archive.language.terms import INVISIBLE_CHARACTERS

# Extraction.
DOUBLE_MARKS = '"”“„»«'
CLOSING_MARKS = {
    '"': '"',
    "”": "”",
    "“": "”“",
    "„": "“”",
    "»": "»«",
    "«": "»«",
    "‘": "’",
    "’": "’",
    "'": "'",
}
DASHES = "‐‑–—―−-"
SPEECH_DASH = re.compile(rf"\s*[{DASHES}]+\s*(?=[^\s\d{DASHES}])|\s*[–—]\s+(?=\d)")
SPEECH_AFTER_COLON = re.compile(r":\s+(?=[–—]\s*[^\W\d_])")
SPEECH_AFTER_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[–—]\s+[A-ZÅÄÖ])")
SENTENCE_END = re.compile(r"[.!?…][\"”’»)]*(?=\s|$)")
LINE = re.compile(r"[^\n]+")
OMISSION = re.compile(
    r"[\[(/]\s*(?:…|\.{2,}|[-–—]{1,3})\s*[\])/]|…|\.{3,}|(?<=\s)[-–—](?:\s?[-–—]){1,2}(?=\s)"
)
SPEECH_VERBS = (
    "säger|sa|sade|berättar|berättade"
    "|förklarar|förklarade|skriver"
    "|skrev|menar|menade|anser|ansåg|uppger|uppgav"
    "|konstaterar|konstaterade"
    "|kommenterar|kommenterade"
    "|tillägger|tillade|hävdar|hävdade"
    "|understryker|underströk|betonar|betonade|fortsätter|fortsatte"
    "|utvecklar|utvecklade|svarar"
    "|svarade|frågar|frågade|undrar"
    "|undrade|framhåller|framhöll"
    "|påpekar|påpekade|poängterar"
    "|poängterade|uttalar|uttalade|summerar|summerade|sammanfattar"
    "|sammanfattade|avslutar|avslutade|inleder|inledde|noterar|noterade|tror|trodde"
    "|tycker|tyckte|meddelar|meddelade"
    "|beskriver|resonerar|minns|says|said|adds|added|explains"
    "|explained|tells|told|writes"
    "|wrote|comments|commented|notes"
    "|noted|asks|asked|concludes"
    "|concluded|continues|continued|states|stated|stresses|stressed|according to|enligt"
)
# what the last word of a role ends in
ROLE_HEADS = (
    "minister|ministrar|direktör|chef"
    "|sekreterare|ordförande"
    "|talesperson|talesman|taleskvinna"
    "|ambassadör|ledamot|utredare"
    "|professor|forskare|docent"
    "|handläggare|president"
    "|kommissionär|kommissarie|talman|hövding"
    "|kansler|statsråd|ledare|vd|rådgivare|expert|samordnare|jurist"
    "|författare|entreprenör"
    "|ansvarig|representant|general"
    "|befälhavare|rektor|domare"
    "|åklagare|biskop|borgmästare"
    "|kommunalråd|regionråd"
    "|oppositionsråd|kulturråd|miljöråd|läkare|inspektör|strateg"
    "|analytiker|ekonom|meteorolog"
    "|kommunikatör|attaché|konsul|sändebud|koordinator|specialist|ingenjör|kommendör"
    "|överste|revisor|intendent|kurator|lärare|sjuksköterska"
    "|psykolog|epidemiolog|statistiker|utvecklare|konstnär|företagare|ledamöter|director"
    "|manager|secretary|commissioner|leader|officer|adviser"
    "|spokesperson|ambassador|kung"
    "|drottning|förste|språkrör"
    "|ombudsman|arkitekt|arkeolog|geolog|biolog|aktivist|grundare|förhandlare"
    "|arkivarie|ombud|företrädare"
    "|suppleant|löjtnant|major|kapten"
    "|amiral|doktorand|student"
    "|präst|historiker|journalist"
    "|redaktör|producent|lektor"
    "|kansliråd|departementsråd|utrikesråd|ämnesråd|ambassadråd"
    "|rättsråd|chairman|chairperson|envoy|governor|representative"
)
SPEECH_VERB = re.compile(rf"[,!?…]\S?\s+(?:{SPEECH_VERBS})\s")
# ", säger NAME" up to the end of the sentence, which is no full stop after an initial or within
# "t.ex. hamnar"
ATTRIBUTION = re.compile(
    rf"(?:,|(?<=[!?…]))[\"”’»]?\s+(?:{SPEECH_VERBS})\s+"
    r"((?:[^.!?\n]|(?<=\b[A-ZÅÄÖ])\.|\.(?=\w|\s+[a-zåäö])){2,200}?)"
    r"(?<!\b[A-ZÅÄÖ])(?=[.!?](?:\s+(?![a-zåäö])|$|[\"”])|\n|$)"
)
PRONOUN = re.compile(r"(?:han|hon|hen|de|he|she|they)\b")
SPEAKER_LENGTH = 12  # characters that the same speaker's name has in common
NO_TITLE = re.compile(
    r",\s+(?:men|och|utan|fast|eftersom|om|när|så|för att|därför|dock|but|and|because|if)\b"
)
SPEAKER = re.compile(
    r"\b(?:han|hon|hen|de|he|she|they)\b|\b[A-ZÅÄÖ]"
    # a role alone: "finansministern", "the minister"
    rf"|^(?:[\w-]+ ){{0,3}}[\w-]*(?:{ROLE_HEADS})(?:n|en|et)\b"
    rf"|^the (?:\w+ ){{0,3}}(?:{ROLE_HEADS})\b"
)
NO_SPEAKER = re.compile(rf"\b(?:{'|'.join(sorted(NEGATIONS))}|att|that|jag|vi)\b", re.IGNORECASE)

# Words and marks.
BARRIER = "\ue020"
# copied from PDF files
LIGATURES = {letters: unicodedata.normalize("NFKC", letters) for letters in "ﬀﬁﬂﬃﬄ"}
SPELLINGS = dict.fromkeys(DASHES, "-") | dict.fromkeys("’‘", "'") | LIGATURES
IGNORED = f"{DOUBLE_MARKS}{INVISIBLE_CHARACTERS}\u200e\u200f\u2060"
RESPELT = re.compile(f"[{re.escape(IGNORED + ''.join(SPELLINGS))}]")
GROUPED_NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?:\s\d{3})+(?!\w)")
TOKEN = re.compile(
    rf"(?:(?<!\w)-(?=\d))?[^\W_]+(?:(?:[-/:'&]|(?<=\d)[.,](?=\d)"
    rf"|\.(?=[^\W\d_]))[^\W_]+)*"
    rf"|[.,;:?!%‰§€$£()+=<>≤≥≈~±×÷&/@-]|{BARRIER}"
)
SPACES = re.compile(r"\s+")
LEADING_MARKS = re.compile(rf"[\s.,;:?!){DOUBLE_MARKS}{DASHES}]+(?!\d)")
# they do not change the meaning of a passage that they end
TRAILING_MARKS = f" \n\t.,;:{DOUBLE_MARKS}{DASHES}"
LINE_DASH = re.compile(rf"(?m)^(?:{SPEECH_DASH.pattern})")
SENTENCE_BREAK = re.compile(r"(?<=[.?!])\s+(?=[A-ZÅÄÖ])")
SENTENCE_MARKS = ".?!"
SENTENCE_ENDS = frozenset((*SENTENCE_MARKS, BARRIER))
LIMITING_WORDS = frozenset(("utan", "without"))  # after the words: "ska byggas utan dröjsmål"

# Alteration.
MAX_RUNS = 150  # runs of shared words that are chained
MAX_RUN_STARTS = 60  # places of a word in a text that runs may begin at
RARE_WEIGHT = 0.45  # weight of a word that is a run by itself
GAP_COST = 0.02  # subtracted for each word between two runs, in weights of words
MAX_GAP_COST = 3.0
SHOWN_GAP_LENGTH = 60  # characters at either end of a shortened gap


class PassageText:
    """A text as words, numbers and punctuation marks, without its quotation marks.

    is_statement: whether the text ends with a full stop, or is a reply with a dialogue dash. A
        statement does not match a question with the same words, nor the same words if a negation
        follows them.

    >>> PassageText("EU:s ”stöd” – 10 000 kr, −1,5 %.").forms
    ['EU:s', 'stöd', '-', '10000', 'kr', ',', '-1,5', '%', '.']
    """

    def __init__(self, text: str, *, is_statement: bool = False) -> None:
        self.text, self.is_statement = _normalise_passage(text), is_statement
        self.forms = TOKEN.findall(self.text)
        joined = "\0".join(self.forms)
        self.joined = f"\0{joined.lower()}\0"

    @cached_property
    def keys(self) -> list[str]:
        """Return the words, numbers and punctuation marks in lower case."""
        return self.joined[1:-1].split("\0")

    @cached_property
    def words(self) -> list[int]:
        """Return the positions of the words and numbers in `forms`."""
        # is_mark, without a call
        return [position for position, key in enumerate(self.keys) if key[-1:].isalnum()]

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """Return the start and end, in `text`, of each word, number and punctuation mark."""
        return [match.span() for match in TOKEN.finditer(self.text)]

    @cached_property
    def word_keys(self) -> list[str]:
        """Return the words and numbers in lower case."""
        return [self.keys[position] for position in self.words]

    def iter_occurrences(self, piece: PassageText) -> Iterator[int]:
        """Yield the positions at which this text contains a piece of a quotation.

        The first letter may differ in case. Everything else must be the same. A statement is not
        found where a question mark follows its words.
        """
        forms = piece.forms
        offset = self.joined.find(piece.joined)
        while offset >= 0:
            start = self.joined.count("\0", 0, offset)
            end = start + len(forms)
            has_same_case = (
                self.forms[start][1:] == forms[0][1:] and self.forms[start + 1 : end] == forms[1:]
            )
            if has_same_case and not (piece.is_statement and self.forms[end : end + 1] == ["?"]):
                yield start
            offset = self.joined.find(piece.joined, offset + 1)


def is_mark(key: str) -> bool:
    return not key[-1:].isalnum()  # a text without words has one empty key


def _normalise_passage(text: str) -> str:
    """Return a text in NFC with one spelling of dashes, apostrophes, spaces and grouped digits.

    >>> _normalise_passage("Upp\\u00adsala – 10\\u00a0000\\n”kr”")
    'Uppsala - 10000 kr'
    """
    plain = RESPELT.sub(
        lambda match: SPELLINGS.get(match[0], ""), unicodedata.normalize("NFC", text)
    )
    return SPACES.sub(
        " ", GROUPED_NUMBER.sub(lambda match: SPACES.sub("", match[0]), plain)
    ).strip()


@dataclass(frozen=True, kw_only=True)
class Quotation:
    """A quotation in a text, at text[start:end].

    pieces: the parts of the quotation between its omissions ("…").
    speaker: the person who says the quotation according to the text, or None if the speaker is not
        certain.
    around: the rest of the line that contains the quotation.
    """

    start: int
    end: int
    text: str
    kind: Literal["marks", "dash"]
    is_closed: bool = True  # False: no closing mark was found, and it ends with its paragraph
    pieces: tuple[PassageText, ...]
    speaker: str | None = None
    around: str = ""

    @cached_property
    def words(self) -> list[str]:
        """Return all words and numbers of the quotation in lower case."""
        return [word for piece in self.pieces for word in piece.word_keys]


# Extraction


def find_quotations(text: str) -> list[Quotation]:
    """Return the quotations in a text, in order.

    >>> text = "Hon sa att ”det är klart nu” i dag.\\n– Vi är glada, säger Bo Ek. Det blev bra."
    >>> found = find_quotations(text)
    >>> [(quotation.kind, quotation.text) for quotation in found]
    [('marks', 'det är klart nu'), ('dash', 'Vi är glada, säger Bo Ek. Det blev bra.')]
    >>> found[1].pieces[0].text
    'Vi är glada. Det blev bra'
    """
    found: list[Quotation] = []
    for start, end in _iter_paragraphs(text):
        reply = _find_reply(text, start, end)
        found += find_marked_passages(text, start, end if reply is None else reply)
        if reply is not None:
            found.append(_build_quotation(text, reply, end, "dash"))
    return [quotation for quotation in found if quotation.words]


def _iter_paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each paragraph.

    A line that continues a sentence belongs to the previous paragraph.
    """
    start = end = -1
    for line in LINE.finditer(text):
        before = text[start:end].rstrip() if start >= 0 else ""
        is_next = line.start() == end + 1
        if not (is_next and _continues_sentence(before, line[0].strip())):
            if before:
                yield start, start + len(before)
            start = line.start() + len(line[0]) - len(line[0].lstrip())
        end = line.end()
    if start >= 0 and (before := text[start:end].rstrip()):
        yield start, start + len(before)


def _continues_sentence(before: str, line: str) -> bool:
    if not line or not before or SPEECH_DASH.match(line):
        return False
    return line[0].islower() or not SENTENCE_END.search(before[-4:])


def _find_reply(text: str, start: int, end: int) -> int | None:
    """Return where the reply in a paragraph begins, after the dialogue dash.

    Returns None if the paragraph contains no reply. A paragraph without a full sentence is taken
    for a list item. If the dash comes after another sentence, the reply must have an attribution;
    without one, the dash may merely stand between two words.
    """
    if not SENTENCE_END.search(text, start, end) and not ATTRIBUTION.search(text, start, end):
        return None
    dash = SPEECH_DASH.match(text, start, end)
    if dash is None and (colon := SPEECH_AFTER_COLON.search(text, start, end)):
        dash = SPEECH_DASH.match(text, colon.end(), end)
    sentence = None if dash else SPEECH_AFTER_SENTENCE.search(text, start, end)
    if sentence and any(map(_is_attribution, ATTRIBUTION.finditer(text, sentence.end(), end))):
        dash = SPEECH_DASH.match(text, sentence.end(), end)
    return dash.end() if dash else None


def find_marked_passages(text: str, start: int, end: int) -> list[Quotation]:
    """Return the passages in quotation marks between two positions in a text.

    Passages inside another passage are left out.
    """
    found: list[Quotation] = []
    opened: int | None = None
    for position in range(start, end):
        mark = text[position]
        if mark not in CLOSING_MARKS and mark not in DOUBLE_MARKS:
            continue
        if opened is None:
            if mark in CLOSING_MARKS and _opens_passage(text, start, position, end):
                opened = position
        elif _closes_passage(text, opened, position):
            found.append(_build_quotation(text, opened + 1, position, "marks"))
            opened = None
    if opened is not None and text[opened] in DOUBLE_MARKS:
        found.append(_build_quotation(text, opened + 1, end, "marks", is_closed=False))
    return found


def _opens_passage(text: str, start: int, position: int, end: int) -> bool:
    """Return whether a quotation mark opens a passage.

    The mark must not come right after a letter, a digit or one of .,!?%, and must be followed by a
    character other than a space.
    """
    if position > start and (text[position - 1].isalnum() or text[position - 1] in ".,!?%"):
        return False
    return position + 1 < end and not text[position + 1 : position + 2].isspace()


def _closes_passage(text: str, opened: int, position: int) -> bool:
    if text[position] not in CLOSING_MARKS[text[opened]]:
        return False
    return position > opened + 1 and not text[position + 1 : position + 2].isalnum()


def _build_quotation(
    text: str, start: int, end: int, kind: Literal["marks", "dash"], *, is_closed: bool = True
) -> Quotation:
    passage = text[start:end]
    if kind == "dash":
        passage = passage[: _find_final_attribution(passage)]
        end = start + len(passage)
    spoken = remove_attributions(passage) if kind == "dash" else passage
    pieces = (
        PassageText(_trim_marks(piece), is_statement=kind == "dash" or piece.rstrip().endswith("."))
        for piece in OMISSION.split(spoken.replace(BARRIER, " "))
    )
    return Quotation(
        start=start,
        end=end,
        text=passage,
        kind=kind,
        is_closed=is_closed,
        pieces=tuple(piece for piece in pieces if piece.words),
    )


def _find_final_attribution(reply: str) -> int:
    """Return the start of the attribution (", säger NAME") at the end of a reply.

    If there is no such attribution, the length of the reply is returned.
    """
    for match in ATTRIBUTION.finditer(reply):
        if not reply[match.end() :].strip(".!?"):
            return match.start() if _is_attribution(match) else len(reply)
    return len(reply)


def _trim_marks(text: str) -> str:
    """Return a passage without leading punctuation and insignificant final punctuation.

    >>> _trim_marks(", – vad är 5,2 %?"), _trim_marks("”Ja”,"), _trim_marks("−5 grader.")
    ('vad är 5,2 %?', 'Ja', '−5 grader')
    """
    leading = LEADING_MARKS.match(text)
    return text[leading.end() if leading else 0 :].rstrip(TRAILING_MARKS)


def remove_attributions(text: str) -> str:
    """Remove attributions (", säger NAME") from speech.

    >>> remove_attributions("Vi är klara, säger Bo B. Ek. Rätt? frågar han. Ja, säger jag, nu.")
    'Vi är klara. Rätt? Ja, säger jag, nu.'
    """
    spoken = ATTRIBUTION.sub(lambda match: "" if _is_attribution(match) else match[0], text)
    return re.sub(r"([!?…])\.", r"\1", spoken)


def _is_attribution(match: re.Match[str]) -> bool:
    """Return whether a match of ATTRIBUTION names a speaker and cannot be part of the speech."""
    has_speaker = SPEAKER.search(match[1]) is not None
    return has_speaker and not NO_SPEAKER.search(match[1]) and not NO_TITLE.search(match[1])


# Comparison


class TextWindow(NamedTuple):
    """A passage of a text.

    start: the position of the first token.
    end: the position after the last token.
    """

    text: PassageText
    start: int
    end: int

    def extract(self) -> str:
        """Return the text of the passage."""
        spans = self.text.spans[self.start : self.end]
        return self.text.text[spans[0][0] : spans[-1][1]] if spans else ""


class PassageMatch(NamedTuple):
    """A match of a quotation in a text.

    hides_negation: whether a negation is among the words that the quotation leaves out.
    omitted: the number of words that the quotation leaves out.
    windows: the position of each piece of the quotation in the text.
    """

    hides_negation: bool
    omitted: int
    windows: tuple[TextWindow, ...]


def find_pieces(pieces: Sequence[PassageText], text: PassageText) -> PassageMatch | None:
    """Find a quotation's pieces, in the given order, in a text, and return the best match.

    Matches that hide no negation are preferred, and among these the one that leaves out the fewest
    words. Returns None if the text does not contain all pieces in the given order.

    >>> pieces = [PassageText("vi ska"), PassageText("bygga")]
    >>> match = find_pieces(pieces, PassageText("Vi ska alltid bygga."))
    >>> match.hides_negation, match.omitted
    (False, 1)
    """
    starts = [list(text.iter_occurrences(piece)) for piece in pieces]
    matches = []
    for first in starts[0]:
        end, windows, gaps = first, list[TextWindow](), list[list[str]]()
        for piece, positions in zip(pieces, starts, strict=True):
            following = bisect_left(positions, end)
            if following == len(positions):
                break
            start = positions[following]
            gaps.append(text.keys[end:start])
            end = start + len(piece.forms)
            windows.append(TextWindow(text, start, end))
        else:
            hides = any(map(hides_negation, gaps))
            if pieces[-1].is_statement and any(map(_is_reversing, text.keys[end : end + 1])):
                hides, windows[-1] = True, TextWindow(text, start, end + 1)
            omitted = sum(not is_mark(key) for gap in gaps for key in gap)
            matches.append(PassageMatch(hides, omitted, tuple(windows)))
    return min(matches, key=lambda match: match[:2], default=None)


def _is_negation(key: str) -> bool:
    return key in NEGATIONS or key.endswith(NEGATING_SUFFIXES)


def _is_reversing(key: str) -> bool:
    """Return whether a word reverses the meaning of the statement before it."""
    return _is_negation(key) and key not in LIMITING_WORDS


def hides_negation(gap: Sequence[str]) -> bool:
    """Return whether an omission hides a negation.

    A negation is hidden if the omitted text begins with it. It is also hidden if the omitted text
    ends within a sentence, and a sentence that is only partly omitted contains a negation in the
    omitted part.

    gap: the omitted words and punctuation marks.

    >>> hides_negation("inte . Det är".split()), hides_negation("inte nu .".split())
    (True, True)
    >>> hides_negation("nu , inte sen . Det är inte så .".split())
    False
    """
    ends = [position for position, key in enumerate(gap) if key in SENTENCE_ENDS]
    if not ends:
        return any(map(_is_negation, gap))
    before, after = gap[: ends[0]], [key for key in gap[ends[-1] :] if not is_mark(key)]
    return (
        any(map(_is_negation, (*before, *after))) if after else any(map(_is_reversing, before[:1]))
    )


class ReleaseText:
    """The text of a stored version, both as written and without the attributions in its speech."""

    def __init__(self, state: Mapping[str, Any]) -> None:
        texts = [state["title"], state["lead"], state["body"]]
        texts += [
            pair[name] for pair in state["questions"] or () for name in ("question", "answer")
        ]
        texts += [image.get("caption") for image in state["images"] or ()]
        # so that no passage crosses from one text to the next
        self.source = f"\n{BARRIER}\n".join(filter(None, texts))

    @cached_property
    def written(self) -> PassageText:
        return PassageText(OMISSION.sub(" ", LINE_DASH.sub("", self.source)))

    @cached_property
    def spoken(self) -> PassageText:
        spoken = (
            "\n".join(_iter_speech(self.source)) if SPEECH_VERB.search(self.source) else self.source
        )
        return (
            self.written
            if spoken == self.source
            else PassageText(OMISSION.sub(" ", LINE_DASH.sub("", spoken)))
        )

    def find_verbatim(self, pieces: Sequence[PassageText]) -> PassageMatch | None:
        """Return the match of a quotation's pieces in the text, or None if a piece is missing.

        The match may hide a negation.
        """
        match = find_pieces(pieces, self.written)
        if match and not match.hides_negation:
            return match
        return find_pieces(pieces, self.spoken) or match


def _iter_speech(text: str) -> Iterator[str]:
    """Yield the lines of a text, with attributions (", säger NAME") removed from speech.

    BARRIER is yielded before each change of speaker.

    >>> list(_iter_speech("– Ja, säger Bo Ek. Nu.\\n– Nej, säger hon.\\nDet är nog, skriver DN."))
    ['– Ja. Nu.', '– Nej.', 'Det är nog, skriver DN.']
    """
    speaker = None
    for line in text.split("\n"):
        if not LINE_DASH.match(line) and set(line).isdisjoint(DOUBLE_MARKS):
            yield line
            continue
        speakers = [match[1] for match in ATTRIBUTION.finditer(line) if _is_attribution(match)]
        name = _find_speaker_name(speakers)
        if name and speaker and name[:SPEAKER_LENGTH] != speaker[:SPEAKER_LENGTH]:
            yield BARRIER
        speaker = name or speaker
        yield remove_attributions(line) if speakers else line


def _find_speaker_name(speakers: Sequence[str]) -> str | None:
    """Return the first speaker that is not a pronoun, or None if there is no such speaker."""
    return next((speaker for speaker in speakers if not PRONOUN.match(speaker)), None)


class WordRun(NamedTuple):
    """A sequence of words that a passage and a text share."""

    start: int  # in the passage
    position: int  # in the text
    length: int
    weight: float


@dataclass(frozen=True, slots=True)
class Original:
    """The probable original of an altered quotation.

    pieces: the pieces of the quotation.
    windows: for each piece, the most similar passage of the original text, or None if no passage is
        similar.
    coverage: the share of the quotation's words that the windows contain, weighted by rarity.
    ordered: the share of the quotation's words that the windows contain in the same order.
    is_marked: whether the quotation has "…" between its pieces. If not, its sentences are the
        pieces.
    """

    pieces: tuple[PassageText, ...]
    windows: tuple[TextWindow | None, ...]
    is_marked: bool
    coverage: float
    ordered: float
    shared_words: int


def build_original(pieces: Sequence[PassageText], match: PassageMatch) -> Original:
    """Build the original of a quotation whose only error is that it omits a negation."""
    count = sum(len(piece.words) for piece in pieces)
    return Original(
        tuple(pieces), match.windows, is_marked=True, coverage=1.0, ordered=1.0, shared_words=count
    )


def find_original(
    pieces: Sequence[PassageText], text: PassageText, weights: Mapping[str, float]
) -> Original | None:
    """Return the passages of a text that are most similar to a quotation.

    Returns None if no passage is similar. The quotation is compared both as a whole and sentence by
    sentence.

    weights: the weight of each word of the quotation, higher for rarer words.
    """
    whole = _find_windows(pieces, text, weights, is_marked=True)
    sentences = [PassageText(part) for piece in pieces for part in SENTENCE_BREAK.split(piece.text)]
    if len(sentences) == len(pieces):
        return whole
    parts = _find_windows(
        [part for part in sentences if part.words], text, weights, is_marked=False
    )
    found = [original for original in (whole, parts) if original]
    return max(found, key=lambda original: original.coverage + original.ordered, default=None)


def _find_windows(
    pieces: Sequence[PassageText],
    text: PassageText,
    weights: Mapping[str, float],
    *,
    is_marked: bool,
) -> Original | None:
    """Return an Original with the most similar passage for each piece.

    Returns None if no piece has a similar passage.
    """
    total = found = 0.0
    count = shared = ordered = 0
    windows: list[TextWindow | None] = []
    for piece in pieces:
        words = piece.word_keys
        count += len(words)
        total += sum(map(weights.__getitem__, words))
        window = _find_window(words, text, weights)
        windows.append(window)
        original = text.keys[window.start : window.end] if window else []
        ordered += LCSseq.similarity(words, original)
        available = Counter(original)
        for word in words:
            if available[word] > 0:
                available[word] -= 1
                found += weights[word]
                shared += 1
    if not shared:
        return None
    return Original(
        tuple(pieces), tuple(windows), is_marked, found / total, ordered / count, shared
    )


def _find_window(
    words: Sequence[str], text: PassageText, weights: Mapping[str, float]
) -> TextWindow | None:
    """Return the passage of a text that best matches the given words in order.

    Returns None if the text contains no run of the given words.
    """
    runs = sorted(_iter_runs(words, text, weights), key=lambda run: -run.weight)[:MAX_RUNS]
    if not runs:
        return None
    runs.sort(key=lambda run: (run.start + run.length, run.position))
    first, last = _find_best_chain(runs)
    # as many words before and after as the quotation has, and the end of the sentence
    start = text.words[max(0, first.position - first.start)]
    after = min(len(text.words), last.position + len(words) - last.start)
    end = text.words[after - 1] + 1
    for position in range(text.words[first.position], start, -1):
        if text.keys[position - 1] == BARRIER:
            start = position
            break
    for position in range(text.words[last.position], end):
        if text.keys[position] == BARRIER:
            end = position
            break
    while end < len(text.keys) and text.keys[end] in SENTENCE_MARKS:
        end += 1
    return TextWindow(text, start, end)


def _find_best_chain(runs: Sequence[WordRun]) -> tuple[WordRun, WordRun]:
    """Return the first and the last run of the chain with the greatest weight.

    A chain consists of runs that have the same order in the passage and in the text. Its weight is
    the sum of their weights, less a cost for the gaps between them.
    """
    # for each run: weight of the chain that ends with it, and the index of the run before it
    best: list[tuple[float, int]] = []
    for number, run in enumerate(runs):
        chains = [(run.weight, -1)]
        for before, other in enumerate(runs[:number]):
            gap = run.position - other.position - other.length
            if other.start + other.length <= run.start and gap >= 0:
                chains.append(
                    (best[before][0] + run.weight - min(MAX_GAP_COST, GAP_COST * gap), before)
                )
        best.append(max(chains))
    number = max(range(len(runs)), key=lambda index: best[index][0])
    last = runs[number]
    while best[number][1] >= 0:
        number = best[number][1]
    return runs[number], last


def _iter_runs(
    words: Sequence[str], text: PassageText, weights: Mapping[str, float]
) -> Iterator[WordRun]:
    """Yield the longest runs of words that a passage and a text share.

    A run has at least two words, or one rare word.
    """
    found = text.word_keys
    positions = _index_words(set(words), found)
    for start, word in enumerate(words):
        for position in positions[word] if len(positions[word]) <= MAX_RUN_STARTS else ():
            if start and position and words[start - 1] == found[position - 1]:
                continue
            length = 1
            while (
                words[start + length : start + length + 1]
                == found[position + length : position + length + 1]
                != []
            ):
                length += 1
            weight = sum(map(weights.__getitem__, words[start : start + length]))
            if length > 1 or weight > RARE_WEIGHT:
                yield WordRun(start, position, length, weight)


def _index_words(wanted: Set[str], found: Sequence[str]) -> dict[str, list[int]]:
    positions: dict[str, list[int]] = defaultdict(list)
    for position, word in enumerate(found):
        if word in wanted:
            positions[word].append(position)
    return positions


def diff_original(original: Original) -> list[DiffSegment]:
    """Return the differences between an original and its quotation.

    `del` segments are only in the original, and `ins` segments are only in the quotation.
    """
    segments: list[DiffSegment] = []
    last: TextWindow | None = None
    for number, (piece, window) in enumerate(zip(original.pieces, original.windows, strict=True)):
        if number:
            segments.append(_join_windows(last, window, is_marked=original.is_marked))
        before, after = _trim_marks(window.extract()) if window else "", _trim_marks(piece.text)
        if before[:1].casefold() == after[:1].casefold():
            before = after[:1] + before[1:]
        segments += map(
            _shorten_segment, diff_words(before.replace(" - ", " – "), after.replace(" - ", " – "))
        )
        last = window
    return segments


def _join_windows(
    one: TextWindow | None, other: TextWindow | None, *, is_marked: bool
) -> DiffSegment:
    """Return the diff segment that stands between the passages of two consecutive pieces.

    It is a `same` segment if the quotation may leave out the text between the passages, or if one
    of the passages is missing. Otherwise, it is a `del` segment or, if the pieces around a "…"
    occur in the opposite order in the text, an `ins` segment.
    """
    if one is None or other is None:
        return DiffSegment("same", " … " if is_marked else ". ")
    gap = one.text.keys[one.end : other.start]
    is_in_order = one.end <= other.start
    if not is_marked:
        is_adjacent = is_in_order and all(map(is_mark, gap)) and BARRIER not in gap
        return DiffSegment("same", ". ") if is_adjacent else DiffSegment("del", ". […] ")
    if not is_in_order:
        return DiffSegment("ins", " … ")
    if hides_negation(gap):
        return _shorten_segment(
            DiffSegment("del", f" {TextWindow(one.text, one.end, other.start).extract()} ")
        )
    return DiffSegment("same", " … ")


def _shorten_segment(segment: DiffSegment) -> DiffSegment:
    """Shorten a long deleted segment by cutting its middle. Any other segment is returned
    unchanged.
    """
    if segment.op != "del" or len(segment.text) <= 3 * SHOWN_GAP_LENGTH:
        return segment
    return DiffSegment(
        "del", f"{segment.text[:SHOWN_GAP_LENGTH]} […] {segment.text[-SHOWN_GAP_LENGTH:]}"
    )
