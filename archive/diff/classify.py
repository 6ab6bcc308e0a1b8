"""Changed place → kind.

One changed place of a text, classed: the facts that differ in it, and what is left when they are told.

Changes outside the running text: dates, tags, pictures, files, contacts, links and layout.

Changes of the running text: paragraphs matched first, then what differs in each, classed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lxml import html
from rapidfuzz.distance import OSA

from archive.dates import only_hour_differs
from archive.diff.align import (
    BlockPair,
    TextBlock,
    build_blocks,
    find_changed_spans,
    join_blocks,
    join_tokens,
    match_blocks,
    normalise_words,
)
from archive.diff.facts import (
    OPPOSITE_PREFIXES,
    OPPOSITE_STEMS,
    SPEECH_DASHES,
    CapitalUsage,
    DiffToken,
    analyse_capitals,
    tokenise,
)
from archive.diff.kinds import (
    FIGURE_POINTS,
    HOUR_ONLY_IMPORTANCE,
    KIND_IMPORTANCE,
    SPEECH_POINTS,
    Change,
    build_change,
    count_size_points,
)

REPORTED_KINDS = ("amount", "number", "date", "name", "time", "link", "contact", "day")
FIGURE_FACTS = ("amount", "number", "date", "time", "day")  # one may stand for another: "i dag", "den 4 maj"
MAX_PHRASE_WORDS = 15  # words of a changed place, up to which a negation or a modal verb in it turns its meaning
MISSPELLING_LIMITS = ((5, 1), (8, 2))  # a word this long may have so many letters changed and still be the same word


@dataclass(frozen=True, slots=True)
class ChangedPassage:
    """One changed place, its tokens in both versions, and the tokens around it."""

    field: str
    role: str  # title, lead, body, question, answer
    before: Sequence[DiffToken]
    after: Sequence[DiffToken]
    previous_token: DiffToken | None = None
    next_token: DiffToken | None = None


class UnmatchedFact(NamedTuple):
    """A fact that one version has and the other lacks at this place; it may stand elsewhere."""

    field: str
    token: DiffToken
    added: bool


class ClassifiedPassage(NamedTuple):
    """What a place came to."""

    changes: list[Change]
    unmatched: list[UnmatchedFact]


def classify_passage(passage: ChangedPassage) -> ClassifiedPassage:
    """The changes of one place. Facts first; a wording, spelling or marks where more than they differ."""
    respelt = _compare_spelling(passage)
    if respelt:
        return ClassifiedPassage([respelt], [])
    small = max(_count_words(passage.before), _count_words(passage.after)) <= MAX_PHRASE_WORDS
    changes, loose = _compare_facts(passage, is_phrase=small)
    told = _count_reported_words(changes, loose)
    for kind in ("negation", "modal"):
        turned = _compare_word_kind(passage, kind) if small else None
        if turned:
            changes.append(turned)
            told.update([*normalise_words(turned.before), *normalise_words(turned.after)])
    rest = _compare_remaining_words(passage, told, is_only_change=not changes and not loose)
    return ClassifiedPassage([*changes, *rest], loose)


def _compare_spelling(passage: ChangedPassage) -> Change | None:
    """The same letters with other marks, capitals or spaces among them; not figures, which a mark can change.

    Nor is a fact misspelt another fact: "mådnag" for "måndag".
    """
    before, after = join_tokens(passage.before), join_tokens(passage.after)
    old, new = normalise_words(before), normalise_words(after)
    letters = "".join(old)
    if [len(passage.before), len(passage.after)] == [1, 1]:
        kinds = {passage.before[0].kind, passage.after[0].kind}
        if "word" in kinds and len(kinds - {"name", "mark"}) == 2 and _is_misspelling(before.strip(), after.strip()):
            return build_change(passage.field, "typo", before, after)
    if letters != "".join(new) or any(letter.isdigit() for letter in letters):
        return None
    if old != new:
        return build_change(passage.field, "typo", before, after)  # a space too many or too few
    return build_change(passage.field, "layout" if before.split() == after.split() else "punctuation", before, after)


def _compare_facts(passage: ChangedPassage, *, is_phrase: bool) -> tuple[list[Change], list[UnmatchedFact]]:
    """Facts replaced by others of their kind, in order, then figures by other figures; what is left is loose.

    Where a long stretch was rewritten, no name takes another's place: each is loose.
    """
    old, new = (
        _find_missing_facts(side, other)
        for side, other in ((passage.before, passage.after), (passage.after, passage.before))
    )
    changes = [_build_fact_change(passage, *pair) for pair in _find_swapped_figures(passage)] if is_phrase else []
    for kinds in [*((kind,) for kind in REPORTED_KINDS if is_phrase or kind != "name"), FIGURE_FACTS]:
        gone, come = ([token for token in side if token.kind in kinds] for side in (old, new))
        pairs = list(zip(gone, come, strict=False))
        changes += [_build_fact_change(passage, *pair) for pair in pairs if not _is_same_name(*pair)]
        done = {id(token) for pair in pairs for token in pair}
        old, new = ([token for token in side if id(token) not in done] for side in (old, new))
    loose = [
        UnmatchedFact(passage.field, token, added) for added, side in ((False, old), (True, new)) for token in side
    ]
    return changes, [one for one in loose if one.token.kind != "day"]  # "i dag" alone tells no date


def _find_swapped_figures(passage: ChangedPassage) -> list[tuple[DiffToken, DiffToken]]:
    """Figures that changed places: from Tuesday to Wednesday, from Wednesday to Tuesday."""
    swapped = []
    for kind in FIGURE_FACTS:
        old, new = ([token for token in side if token.kind == kind] for side in (passage.before, passage.after))
        if Counter(token.value for token in old) == Counter(token.value for token in new):
            swapped += [pair for pair in zip(old, new, strict=True) if pair[0].value != pair[1].value]
    return swapped


def _build_fact_change(passage: ChangedPassage, old: DiffToken, new: DiffToken) -> Change:
    heavier = max((_change_kind(old.kind), _change_kind(new.kind)), key=lambda kind: KIND_IMPORTANCE[kind])
    return build_change(passage.field, heavier, old.text, new.text)


def _find_missing_facts(side: Sequence[DiffToken], other: Sequence[DiffToken]) -> list[DiffToken]:
    """The facts of one version that the other does not have here."""
    spare = Counter((token.kind, token.value) for token in other)
    facts = []
    for token in side:
        if token.kind not in REPORTED_KINDS:
            continue
        if spare[token.kind, token.value] > 0:
            spare[token.kind, token.value] -= 1
        else:
            facts.append(token)
    return facts


def _change_kind(name: str) -> str:
    return {"day": "date", "modal": "modality"}.get(name, name)


def _is_same_name(old: DiffToken, new: DiffToken) -> bool:
    """Whether one name is the other cut short: Ada Ek, Ek."""
    one, two = set(old.value.split()), set(new.value.split())
    return old.kind == new.kind == "name" and (one <= two or two <= one)


def _count_reported_words(changes: list[Change], unmatched: list[UnmatchedFact]) -> Counter[str]:
    told: Counter[str] = Counter()
    for change in changes:
        told.update([*normalise_words(change.before), *normalise_words(change.after)])
    for one in unmatched:
        told.update(normalise_words(one.token.text))
    return told


def _count_words(tokens: Sequence[DiffToken]) -> int:
    return sum(token.kind != "mark" for token in tokens)


def _compare_word_kind(passage: ChangedPassage, kind: str) -> Change | None:
    """Negations are counted ("ej" for "inte" turns nothing), modal verbs compared by strength."""
    old, new = ([token for token in side if token.kind == kind] for side in (passage.before, passage.after))
    if kind == "negation":
        differs = len(old) != len(new)
    else:
        differs = Counter(token.value for token in old) != Counter(token.value for token in new)
    if not differs:
        return None
    before, after = (" ".join(token.text for token in side) for side in (old, new))
    return build_change(passage.field, _change_kind(kind), before, after)


def _compare_remaining_words(passage: ChangedPassage, reported: Counter[str], *, is_only_change: bool) -> list[Change]:
    """What differs beside the facts told: nothing, marks, spelling or wording."""
    before, after = join_tokens(passage.before), join_tokens(passage.after)
    old, new = ([word for word in normalise_words(text) if word not in reported] for text in (before, after))
    if Counter(old) == Counter(new) and not is_only_change:
        return []
    if old == new and normalise_words(before) == normalise_words(after):
        kind = "layout" if before.split() == after.split() else "punctuation"
        return [build_change(passage.field, kind, before, after)]
    opposite = _find_opposite(passage.field, old, new)
    if opposite:
        return [opposite]
    if _is_typo(passage, old, new):
        return [build_change(passage.field, "typo", before, after)]
    return [build_wording_change(passage)]


def _find_opposite(field: str, old: list[str], new: list[str]) -> Change | None:
    """A word that became its own negation (möjligt, omöjligt) or its opposite (höjs, sänks)."""
    for one, two in zip(old, new, strict=False) if len(old) == len(new) else ():
        short, long = sorted((one, two), key=len)
        if len(short) > 3 and any(long == prefix + short for prefix in OPPOSITE_PREFIXES):
            return build_change(field, "negation", one, two)
        if any(
            (one.startswith(a) and two.startswith(b)) or (one.startswith(b) and two.startswith(a))
            for a, b in OPPOSITE_STEMS
        ):
            return build_change(field, "opposite", one, two)
    return None


def _is_typo(passage: ChangedPassage, old: list[str], new: list[str]) -> bool:
    """A slip mended or made: a few letters, a word printed twice."""
    if len(old) == len(new):
        return all(_is_misspelling(one, two) for one, two in zip(old, new, strict=True))
    lone = [*old, *new]
    if len(lone) == 1:
        return any(token and token.text.casefold() == lone[0] for token in (passage.previous_token, passage.next_token))
    return False


def _is_misspelling(one: str, two: str) -> bool:
    length = max(len(one), len(two))
    most = max((letters for least, letters in MISSPELLING_LIMITS if length >= least), default=0)
    return one == two or OSA.distance(one, two) <= most


def build_wording_change(passage: ChangedPassage) -> Change:
    """The place as a change of wording; of an answer, a question or somebody's words where it stands in one."""
    before, after = join_tokens(passage.before), join_tokens(passage.after)
    words = max(_count_words(passage.before), _count_words(passage.after))
    if passage.role in {"question", "answer"}:
        return build_change(passage.field, passage.role, before, after)
    tokens = [*passage.before, *passage.after]
    if sum(token.quoted for token in tokens) * 2 > len(tokens):
        return build_change(passage.field, "quotation", before, after)
    return build_change(passage.field, "wording", before, after, count_size_points(words))


State = Mapping[str, Any]
StatePart = Mapping[str, Any]
TextLink = tuple[str, str]  # its words, its address
PLAIN_FIELDS = (("published", "published"), ("updated", "updated"), ("kind", "kind"), ("language", "language"))


def find_metadata_changes(before: State, after: State, *, text_changes: Sequence[Change]) -> list[Change]:
    """Every change but those of the text; `told` are the text's, within which links need no telling of their own."""
    changes = [
        _build_value_change(field, kind, before.get(field), after.get(field))
        for field, kind in PLAIN_FIELDS
        if before.get(field) != after.get(field)
    ]
    changes += _compare_tags(before.get("tags") or (), after.get("tags") or ())
    changes += _compare_parts("attachments", before, after, ("url", "title"), kind="attachment")
    changes += _compare_parts("images", before, after, ("url", "caption", "credit", "alt"), kind="image")
    changes += _compare_parts("contacts", before, after, ("name", "email", "phone", "role"), kind="contact")
    changes += _compare_answerers(before.get("questions") or (), after.get("questions") or ())
    return changes + _compare_markup(before, after, text_changes)


def _build_value_change(field: str, kind: str, before: str | None, after: str | None) -> Change:
    """A value replaced; a publication date whose hour alone came or went tells next to nothing."""
    less = (
        HOUR_ONLY_IMPORTANCE - KIND_IMPORTANCE[kind] if kind == "published" and only_hour_differs(before, after) else 0
    )
    return build_change(field, kind, before, after, less)


def _compare_tags(before: Sequence[str], after: Sequence[str]) -> list[Change]:
    gone = [build_change("tags", "tags", tag, "") for tag in before if tag not in after]
    return gone + [build_change("tags", "tags", "", tag) for tag in after if tag not in before]


def _compare_answerers(before: Sequence[StatePart], after: Sequence[StatePart]) -> list[Change]:
    """Who answers a question that both versions have."""
    held = {pair.get("question"): pair.get("answered_by") for pair in before}
    return [
        build_change("questions", "name", held[pair.get("question")], pair.get("answered_by"))
        for pair in after
        if pair.get("question") in held and held[pair.get("question")] != pair.get("answered_by")
    ]


def _compare_parts(field: str, before: State, after: State, keys: Sequence[str], *, kind: str) -> list[Change]:
    """Parts that one version lacks; two that share what marks them out are one part altered."""
    old: list[StatePart] = [part for part in before.get(field) or () if part not in (after.get(field) or ())]
    new: list[StatePart] = [part for part in after.get(field) or () if part not in (before.get(field) or ())]
    changes = []
    for part in list(old):
        partner = next((other for key in keys for other in new if part.get(key) and part[key] == other.get(key)), None)
        if partner is None:
            changes.append(build_change(field, kind, _format_part(part, keys), ""))
            continue
        new.remove(partner)
        differing = [key for key in keys if part.get(key) != partner.get(key)]
        if differing:
            changes.append(build_change(field, kind, _format_part(part, differing), _format_part(partner, differing)))
    return changes + [build_change(field, kind, "", _format_part(part, keys)) for part in new]


def _format_part(part: StatePart, keys: Sequence[str]) -> str:
    return ", ".join(str(part[key]) for key in keys if part.get(key)) or "–"


def _compare_markup(before: State, after: State, text_changes: Sequence[Change]) -> list[Change]:
    """Links that lead elsewhere, came or went on words that stayed; else, where the text is the same, its layout."""
    if before.get("body_html") == after.get("body_html"):
        return []
    old, new = _parse_markup(before.get("body_html")), _parse_markup(after.get("body_html"))
    files = {part.get("url") for state in (before, after) for part in state.get("attachments") or ()}
    changes, gone, come = _compare_links(_count_links(old, files), _count_links(new, files))
    came, went = (
        _pad_words([change.after for change in text_changes]),
        _pad_words([change.before for change in text_changes]),
    )
    old_text, new_text = _pad_words([str(old.text_content())]), _pad_words([str(new.text_content())])
    changes += [
        build_change("body_html", "link", link[1], "") for link in gone if _is_link_text_kept(link[0], new_text, went)
    ]
    changes += [
        build_change("body_html", "link", "", link[1]) for link in come if _is_link_text_kept(link[0], old_text, came)
    ]
    if changes or any(change.field in {"lead", "body", "questions"} for change in text_changes):
        return changes
    less, more = Counter(_list_element_names(old)), Counter(_list_element_names(new))
    return [build_change("body_html", "layout", " ".join((less - more).elements()), " ".join((more - less).elements()))]


def _parse_markup(markup: str | None) -> html.HtmlElement:
    return html.fragment_fromstring(markup or "", create_parent="div")


def _list_element_names(tree: html.HtmlElement) -> list[str]:
    return [str(element.tag) for element in tree.iterdescendants() if isinstance(element.tag, str)]


def _count_links(tree: html.HtmlElement, files: set[object]) -> Counter[TextLink]:
    """The links of a text, without those to its files: they are attachments."""
    found = ((" ".join(a.text_content().split()), str(a.get("href"))) for a in tree.iter("a") if a.get("href"))
    return Counter(link for link in found if link[1] not in files)


def _compare_links(
    before: Counter[TextLink], after: Counter[TextLink]
) -> tuple[list[Change], list[TextLink], list[TextLink]]:
    """Links on the same words that lead elsewhere, and those that only one version has.

    One that leads to the same place on other words is left out: its words are told as text.
    """
    gone, come = list((before - after).elements()), list((after - before).elements())
    changes: list[Change] = []
    for part in (0, 1):  # the words, then the address
        places: dict[str, list[TextLink]] = {}
        for link in come:
            places.setdefault(link[part], []).append(link)
        left = []
        for link in gone:
            partner = places[link[part]].pop(0) if places.get(link[part]) else None
            if partner is None:
                left.append(link)
            elif part == 0:
                changes.append(build_change("body_html", "link", link[1], partner[1]))
        gone, come = left, [link for links in places.values() for link in links]
    return changes, gone, come


def _pad_words(texts: Sequence[str]) -> str:
    return " " + " ".join(word for text in texts for word in normalise_words(text)) + " "


def _is_link_text_kept(link_text: str, other: str, changed: str) -> bool:
    """Whether a link's words stand in the other version too, and not just in what came or went."""
    wanted = _pad_words([link_text])
    return bool(wanted.strip()) and wanted in other and wanted not in changed


ClassifiedPassages = list[tuple[ChangedPassage, ClassifiedPassage]]
MERGED_KINDS = ("quotation", "answer", "question")  # however many places of one are altered, it is one
MAX_SHORT_FACT_LENGTH = 3  # characters; a fact this short stands in many places by chance


def find_text_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The changes of title, lead, body and questions, in the order of the text."""
    old, new = build_blocks(before), build_blocks(after)
    if old == new:
        return []
    pairs = match_blocks(old, new)
    differ = any(pair.before and pair.after and join_blocks(pair.before) != join_blocks(pair.after) for pair in pairs)
    texts = dict.fromkeys(block.text for block in (*old, *new))
    capitals = analyse_capitals(texts, after.get("language") or before.get("language")) if differ else None
    changes: list[Change] = []
    places: list[ClassifiedPassages] = []  # of each pair
    for pair in pairs:
        if pair.moved:
            changes.append(_build_move_change(pair))
        if pair.before and pair.after:
            if capitals:
                places.append([(place, classify_passage(place)) for place in _find_passages(pair, capitals)])
            if join_blocks(pair.before) == join_blocks(pair.after) and _list_block_roles(
                pair.before
            ) != _list_block_roles(pair.after):
                changes.append(build_change(pair.after[0].field, "layout", pair.before[0].field, pair.after[0].field))
    changes += _build_paragraph_changes(pairs)
    return changes + _resolve_unmatched_facts(places, old, new)


def _find_passages(pair: BlockPair, capitals: CapitalUsage) -> list[ChangedPassage]:
    before, after = join_blocks(pair.before), join_blocks(pair.after)
    if before == after:
        return []
    old, new = tokenise(before, capitals), tokenise(after, capitals)
    block = pair.after[0]
    places = [
        ChangedPassage(
            block.field,
            block.role,
            old[span.first : span.last],
            new[span.new_first : span.new_last],
            old[span.first - 1] if span.first else None,
            old[span.last] if span.last < len(old) else None,
        )
        for span in find_changed_spans(old, new)
    ]
    return places or [
        ChangedPassage(block.field, block.role, _find_changed_spaces(old, new), _find_changed_spaces(new, old))
    ]


def _find_changed_spaces(side: Sequence[DiffToken], other: Sequence[DiffToken]) -> list[DiffToken]:
    """Tokens with other white space behind them than in the other version, which has the same tokens."""
    return [token for token, twin in zip(side, other, strict=True) if token.space != twin.space]


def _resolve_unmatched_facts(
    passages: Sequence[ClassifiedPassages], old: list[TextBlock], new: list[TextBlock]
) -> list[Change]:
    """Each place's changes; a loose fact counts unless the other version holds it elsewhere too."""
    loose = [one for pair in passages for _, classed in pair for one in classed.unmatched]
    both = {one.token.value for one in loose if one.added} & {one.token.value for one in loose if not one.added}
    texts = (join_blocks(old), join_blocks(new)) if loose else ("", "")
    words = [frozenset(normalise_words(text)) for text in texts]
    changes: list[Change] = []
    for pair in passages:
        found: list[Change] = []
        for place, classed in pair:
            new_facts = [
                build_change(one.field, one.token.kind, *(("", one.token.text) if one.added else (one.token.text, "")))
                for one in classed.unmatched
                if one.token.value not in both and not _contains_fact(one, texts[not one.added], words[not one.added])
            ]
            found += [*classed.changes, *new_facts] or [build_wording_change(place)]
        changes += _merge_changes(found)
    return changes


def _merge_changes(changes: list[Change]) -> list[Change]:
    """The places of one quotation, answer or question as one change."""
    joined = [change for change in changes if change.kind not in MERGED_KINDS]
    for kind in MERGED_KINDS:
        parts = [change for change in changes if change.kind == kind]
        if parts:
            sides = [[part.before for part in parts], [part.after for part in parts]]
            before, after = (" … ".join(text for text in side if text) for side in sides)
            joined.append(build_change(parts[0].field, kind, before, after))
    return joined


def _contains_fact(fact: UnmatchedFact, text: str, words: frozenset[str]) -> bool:
    """Whether a text holds a fact somewhere: a name by its words, another fact as printed."""
    token = fact.token
    if token.kind == "name":
        return all({word, word + "s"} & words for word in normalise_words(token.value))
    if len(token.text) <= MAX_SHORT_FACT_LENGTH:
        return False
    return re.search(rf"(?<!\w){re.escape(token.text)}(?!\w)", text) is not None


def _build_paragraph_changes(pairs: list[BlockPair]) -> list[Change]:
    """Paragraphs added and removed; those of one question or one answer are one change."""
    runs: list[list[BlockPair]] = []
    for pair in pairs:
        if pair.before and pair.after:
            continue
        if runs and _belongs_together(runs[-1][-1], pair):
            runs[-1].append(pair)
        else:
            runs.append([pair])
    return [_build_paragraph_change(run) for run in runs]


def _belongs_together(first_pair: BlockPair, second_pair: BlockPair) -> bool:
    first, second = (first_pair.before or first_pair.after)[0], (second_pair.before or second_pair.after)[0]
    same_side = bool(first_pair.before) == bool(second_pair.before)
    return same_side and first.question > 0 and (first.role, first.question) == (second.role, second.question)


def _build_paragraph_change(block_pairs: list[BlockPair]) -> Change:
    gone = bool(block_pairs[0].before)
    blocks = [block for pair in block_pairs for block in pair.before or pair.after]
    block, text = blocks[0], join_blocks(blocks)
    if block.role in {"question", "answer"}:
        kind, extra = block.role, 0
    else:
        kind, extra = ("paragraph_removed" if gone else "paragraph_added"), count_size_points(len(text.split())) // 2
    if any(letter.isdigit() for letter in text):
        extra += FIGURE_POINTS
    if text.startswith(SPEECH_DASHES):
        extra += SPEECH_POINTS
    return build_change(block.field, kind, text if gone else "", "" if gone else text, extra)


def _build_move_change(pair: BlockPair) -> Change:
    return build_change(pair.after[0].field, "paragraph_moved", join_blocks(pair.before), join_blocks(pair.after))


def _list_block_roles(blocks: Sequence[TextBlock]) -> list[tuple[str, str]]:
    return [(block.field, block.role) for block in blocks]
