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
from archive.diff.align import Block, Pair, find_spans, join, match_blocks, read_words, to_blocks, to_text
from archive.diff.facts import OPPOSED, OPPOSITES, SPEECH_DASHES, Capitals, Token, read_capitals, tokenise
from archive.diff.kinds import FIGURES, HOUR_ONLY, KINDS, SPEECH, Change, size_points, to_change

TOLD_KINDS = ("amount", "number", "date", "name", "time", "link", "contact", "day")
FIGURE_FACTS = ("amount", "number", "date", "time", "day")  # one may stand for another: "i dag", "den 4 maj"
SMALL = 15  # words of a changed place, up to which a negation or a modal verb in it turns its meaning
LETTERS = ((5, 1), (8, 2))  # a word this long may have so many letters changed and still be the same word


@dataclass(frozen=True, slots=True)
class Place:
    """One changed place, its tokens in both versions, and the tokens around it."""

    field: str
    role: str  # title, lead, body, question, answer
    before: Sequence[Token]
    after: Sequence[Token]
    left: Token | None = None
    right: Token | None = None


class Loose(NamedTuple):
    """A fact that one version has and the other lacks at this place; it may stand elsewhere."""

    field: str
    token: Token
    added: bool


class Classed(NamedTuple):
    """What a place came to."""

    changes: list[Change]
    loose: list[Loose]


def class_place(place: Place) -> Classed:
    """The changes of one place. Facts first; a wording, spelling or marks where more than they differ."""
    respelt = _compare_spelling(place)
    if respelt:
        return Classed([respelt], [])
    small = max(_count_words(place.before), _count_words(place.after)) <= SMALL
    changes, loose = _compare_facts(place, small=small)
    told = _told_words(changes, loose)
    for kind in ("negation", "modal"):
        turned = _compare_kind(place, kind) if small else None
        if turned:
            changes.append(turned)
            told.update([*read_words(turned.before), *read_words(turned.after)])
    rest = _compare_rest(place, told, alone=not changes and not loose)
    return Classed([*changes, *rest], loose)


def _compare_spelling(place: Place) -> Change | None:
    """The same letters with other marks, capitals or spaces among them; not figures, which a mark can change.

    Nor is a fact misspelt another fact: "mådnag" for "måndag".
    """
    before, after = join(place.before), join(place.after)
    old, new = read_words(before), read_words(after)
    letters = "".join(old)
    if [len(place.before), len(place.after)] == [1, 1]:
        kinds = {place.before[0].kind, place.after[0].kind}
        if "word" in kinds and len(kinds - {"name", "mark"}) == 2 and _is_slip(before.strip(), after.strip()):
            return to_change(place.field, "typo", before, after)
    if letters != "".join(new) or any(letter.isdigit() for letter in letters):
        return None
    if old != new:
        return to_change(place.field, "typo", before, after)  # a space too many or too few
    return to_change(place.field, "layout" if before.split() == after.split() else "punctuation", before, after)


def _compare_facts(place: Place, *, small: bool) -> tuple[list[Change], list[Loose]]:
    """Facts replaced by others of their kind, in order, then figures by other figures; what is left is loose.

    Where a long stretch was rewritten, no name takes another's place: each is loose.
    """
    old, new = (_without(side, other) for side, other in ((place.before, place.after), (place.after, place.before)))
    changes = [_replaced_token(place, *pair) for pair in _find_swapped(place)] if small else []
    for kinds in [*((kind,) for kind in TOLD_KINDS if small or kind != "name"), FIGURE_FACTS]:
        gone, come = ([token for token in side if token.kind in kinds] for side in (old, new))
        pairs = list(zip(gone, come, strict=False))
        changes += [_replaced_token(place, *pair) for pair in pairs if not _says_same_name(*pair)]
        done = {id(token) for pair in pairs for token in pair}
        old, new = ([token for token in side if id(token) not in done] for side in (old, new))
    loose = [Loose(place.field, token, added) for added, side in ((False, old), (True, new)) for token in side]
    return changes, [one for one in loose if one.token.kind != "day"]  # "i dag" alone tells no date


def _find_swapped(place: Place) -> list[tuple[Token, Token]]:
    """Figures that changed places: from Tuesday to Wednesday, from Wednesday to Tuesday."""
    swapped = []
    for kind in FIGURE_FACTS:
        old, new = ([token for token in side if token.kind == kind] for side in (place.before, place.after))
        if Counter(token.value for token in old) == Counter(token.value for token in new):
            swapped += [pair for pair in zip(old, new, strict=True) if pair[0].value != pair[1].value]
    return swapped


def _replaced_token(place: Place, gone: Token, come: Token) -> Change:
    heavier = max((_kind(gone.kind), _kind(come.kind)), key=lambda kind: KINDS[kind])
    return to_change(place.field, heavier, gone.text, come.text)


def _without(side: Sequence[Token], other: Sequence[Token]) -> list[Token]:
    """The facts of one version that the other does not have here."""
    spare = Counter((token.kind, token.value) for token in other)
    facts = []
    for token in side:
        if token.kind not in TOLD_KINDS:
            continue
        if spare[token.kind, token.value] > 0:
            spare[token.kind, token.value] -= 1
        else:
            facts.append(token)
    return facts


def _kind(name: str) -> str:
    return {"day": "date", "modal": "modality"}.get(name, name)


def _says_same_name(old: Token, new: Token) -> bool:
    """Whether one name is the other cut short: Ada Ek, Ek."""
    one, two = set(old.value.split()), set(new.value.split())
    return old.kind == new.kind == "name" and (one <= two or two <= one)


def _told_words(changes: list[Change], loose: list[Loose]) -> Counter[str]:
    told: Counter[str] = Counter()
    for change in changes:
        told.update([*read_words(change.before), *read_words(change.after)])
    for one in loose:
        told.update(read_words(one.token.text))
    return told


def _count_words(tokens: Sequence[Token]) -> int:
    return sum(token.kind != "mark" for token in tokens)


def _compare_kind(place: Place, kind: str) -> Change | None:
    """Negations are counted ("ej" for "inte" turns nothing), modal verbs compared by strength."""
    old, new = ([token for token in side if token.kind == kind] for side in (place.before, place.after))
    if kind == "negation":
        differs = len(old) != len(new)
    else:
        differs = Counter(token.value for token in old) != Counter(token.value for token in new)
    if not differs:
        return None
    before, after = (" ".join(token.text for token in side) for side in (old, new))
    return to_change(place.field, _kind(kind), before, after)


def _compare_rest(place: Place, told: Counter[str], *, alone: bool) -> list[Change]:
    """What differs beside the facts told: nothing, marks, spelling or wording."""
    before, after = join(place.before), join(place.after)
    old, new = ([word for word in read_words(text) if word not in told] for text in (before, after))
    if Counter(old) == Counter(new) and not alone:
        return []
    if old == new and read_words(before) == read_words(after):
        kind = "layout" if before.split() == after.split() else "punctuation"
        return [to_change(place.field, kind, before, after)]
    opposite = _find_opposite(place.field, old, new)
    if opposite:
        return [opposite]
    if _is_typo(place, old, new):
        return [to_change(place.field, "typo", before, after)]
    return [to_wording(place)]


def _find_opposite(field: str, old: list[str], new: list[str]) -> Change | None:
    """A word that became its own negation (möjligt, omöjligt) or its opposite (höjs, sänks)."""
    for one, two in zip(old, new, strict=False) if len(old) == len(new) else ():
        short, long = sorted((one, two), key=len)
        if len(short) > 3 and any(long == prefix + short for prefix in OPPOSITES):
            return to_change(field, "negation", one, two)
        if any(
            (one.startswith(a) and two.startswith(b)) or (one.startswith(b) and two.startswith(a)) for a, b in OPPOSED
        ):
            return to_change(field, "opposite", one, two)
    return None


def _is_typo(place: Place, old: list[str], new: list[str]) -> bool:
    """A slip mended or made: a few letters, a word printed twice."""
    if len(old) == len(new):
        return all(_is_slip(one, two) for one, two in zip(old, new, strict=True))
    lone = [*old, *new]
    if len(lone) == 1:
        return any(token and token.text.casefold() == lone[0] for token in (place.left, place.right))
    return False


def _is_slip(one: str, two: str) -> bool:
    length = max(len(one), len(two))
    most = max((letters for least, letters in LETTERS if length >= least), default=0)
    return one == two or OSA.distance(one, two) <= most


def to_wording(place: Place) -> Change:
    """The place as a change of wording; of an answer, a question or somebody's words where it stands in one."""
    before, after = join(place.before), join(place.after)
    words = max(_count_words(place.before), _count_words(place.after))
    if place.role in {"question", "answer"}:
        return to_change(place.field, place.role, before, after)
    tokens = [*place.before, *place.after]
    if sum(token.quoted for token in tokens) * 2 > len(tokens):
        return to_change(place.field, "quotation", before, after)
    return to_change(place.field, "wording", before, after, size_points(words))


State = Mapping[str, Any]
Part = Mapping[str, Any]
Link = tuple[str, str]  # its words, its address
PLAIN = (("published", "published"), ("updated", "updated"), ("kind", "kind"), ("language", "language"))


def find_part_changes(before: State, after: State, *, told: Sequence[Change]) -> list[Change]:
    """Every change but those of the text; `told` are the text's, within which links need no telling of their own."""
    changes = [
        _replaced_value(field, kind, before.get(field), after.get(field))
        for field, kind in PLAIN
        if before.get(field) != after.get(field)
    ]
    changes += _compare_tags(before.get("tags") or (), after.get("tags") or ())
    changes += _compare_parts("attachments", before, after, ("url", "title"), kind="attachment")
    changes += _compare_parts("images", before, after, ("url", "caption", "credit", "alt"), kind="image")
    changes += _compare_parts("contacts", before, after, ("name", "email", "phone", "role"), kind="contact")
    changes += _compare_answerers(before.get("questions") or (), after.get("questions") or ())
    return changes + _compare_markup(before, after, told)


def _replaced_value(field: str, kind: str, before: str | None, after: str | None) -> Change:
    """A value replaced; a publication date whose hour alone came or went tells next to nothing."""
    less = HOUR_ONLY - KINDS[kind] if kind == "published" and only_hour_differs(before, after) else 0
    return to_change(field, kind, before, after, less)


def _compare_tags(before: Sequence[str], after: Sequence[str]) -> list[Change]:
    gone = [to_change("tags", "tags", tag, "") for tag in before if tag not in after]
    return gone + [to_change("tags", "tags", "", tag) for tag in after if tag not in before]


def _compare_answerers(before: Sequence[Part], after: Sequence[Part]) -> list[Change]:
    """Who answers a question that both versions have."""
    held = {pair.get("question"): pair.get("answered_by") for pair in before}
    return [
        to_change("questions", "name", held[pair.get("question")], pair.get("answered_by"))
        for pair in after
        if pair.get("question") in held and held[pair.get("question")] != pair.get("answered_by")
    ]


def _compare_parts(field: str, before: State, after: State, keys: Sequence[str], *, kind: str) -> list[Change]:
    """Parts that one version lacks; two that share what marks them out are one part altered."""
    old: list[Part] = [part for part in before.get(field) or () if part not in (after.get(field) or ())]
    new: list[Part] = [part for part in after.get(field) or () if part not in (before.get(field) or ())]
    changes = []
    for part in list(old):
        partner = next((other for key in keys for other in new if part.get(key) and part[key] == other.get(key)), None)
        if partner is None:
            changes.append(to_change(field, kind, _tell(part, keys), ""))
            continue
        new.remove(partner)
        differing = [key for key in keys if part.get(key) != partner.get(key)]
        if differing:
            changes.append(to_change(field, kind, _tell(part, differing), _tell(partner, differing)))
    return changes + [to_change(field, kind, "", _tell(part, keys)) for part in new]


def _tell(part: Part, keys: Sequence[str]) -> str:
    return ", ".join(str(part[key]) for key in keys if part.get(key)) or "–"


def _compare_markup(before: State, after: State, told: Sequence[Change]) -> list[Change]:
    """Links that lead elsewhere, came or went on words that stayed; else, where the text is the same, its layout."""
    if before.get("body_html") == after.get("body_html"):
        return []
    old, new = _parse(before.get("body_html")), _parse(after.get("body_html"))
    files = {part.get("url") for state in (before, after) for part in state.get("attachments") or ()}
    changes, gone, come = _compare_links(_links(old, files), _links(new, files))
    came, went = _spaced([change.after for change in told]), _spaced([change.before for change in told])
    old_text, new_text = _spaced([str(old.text_content())]), _spaced([str(new.text_content())])
    changes += [to_change("body_html", "link", link[1], "") for link in gone if _stayed(link[0], new_text, went)]
    changes += [to_change("body_html", "link", "", link[1]) for link in come if _stayed(link[0], old_text, came)]
    if changes or any(change.field in {"lead", "body", "questions"} for change in told):
        return changes
    less, more = Counter(_names(old)), Counter(_names(new))
    return [to_change("body_html", "layout", " ".join((less - more).elements()), " ".join((more - less).elements()))]


def _parse(markup: str | None) -> html.HtmlElement:
    return html.fragment_fromstring(markup or "", create_parent="div")


def _names(tree: html.HtmlElement) -> list[str]:
    return [str(element.tag) for element in tree.iterdescendants() if isinstance(element.tag, str)]


def _links(tree: html.HtmlElement, files: set[object]) -> Counter[Link]:
    """The links of a text, without those to its files: they are attachments."""
    found = ((" ".join(a.text_content().split()), str(a.get("href"))) for a in tree.iter("a") if a.get("href"))
    return Counter(link for link in found if link[1] not in files)


def _compare_links(before: Counter[Link], after: Counter[Link]) -> tuple[list[Change], list[Link], list[Link]]:
    """Links on the same words that lead elsewhere, and those that only one version has.

    One that leads to the same place on other words is left out: its words are told as text.
    """
    gone, come = list((before - after).elements()), list((after - before).elements())
    changes: list[Change] = []
    for part in (0, 1):  # the words, then the address
        places: dict[str, list[Link]] = {}
        for link in come:
            places.setdefault(link[part], []).append(link)
        left = []
        for link in gone:
            partner = places[link[part]].pop(0) if places.get(link[part]) else None
            if partner is None:
                left.append(link)
            elif part == 0:
                changes.append(to_change("body_html", "link", link[1], partner[1]))
        gone, come = left, [link for links in places.values() for link in links]
    return changes, gone, come


def _spaced(texts: Sequence[str]) -> str:
    return " " + " ".join(word for text in texts for word in read_words(text)) + " "


def _stayed(words: str, other: str, changed: str) -> bool:
    """Whether a link's words stand in the other version too, and not just in what came or went."""
    wanted = _spaced([words])
    return bool(wanted.strip()) and wanted in other and wanted not in changed


Places = list[tuple[Place, Classed]]
JOINED = ("quotation", "answer", "question")  # however many places of one are altered, it is one
SHORT_FACT = 3  # characters; a fact this short stands in many places by chance


def find_text_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The changes of title, lead, body and questions, in the order of the text."""
    old, new = to_blocks(before), to_blocks(after)
    if old == new:
        return []
    pairs = match_blocks(old, new)
    differ = any(pair.before and pair.after and to_text(pair.before) != to_text(pair.after) for pair in pairs)
    texts = dict.fromkeys(block.text for block in (*old, *new))
    capitals = read_capitals(texts, after.get("language") or before.get("language")) if differ else None
    changes: list[Change] = []
    places: list[Places] = []  # of each pair
    for pair in pairs:
        if pair.moved:
            changes.append(_to_moved(pair))
        if pair.before and pair.after:
            if capitals:
                places.append([(place, class_place(place)) for place in _find_places(pair, capitals)])
            if to_text(pair.before) == to_text(pair.after) and _roles(pair.before) != _roles(pair.after):
                changes.append(to_change(pair.after[0].field, "layout", pair.before[0].field, pair.after[0].field))
    changes += _to_whole(pairs)
    return changes + _settle(places, old, new)


def _find_places(pair: Pair, capitals: Capitals) -> list[Place]:
    before, after = to_text(pair.before), to_text(pair.after)
    if before == after:
        return []
    old, new = tokenise(before, capitals), tokenise(after, capitals)
    block = pair.after[0]
    places = [
        Place(
            block.field,
            block.role,
            old[span.first : span.last],
            new[span.new_first : span.new_last],
            old[span.first - 1] if span.first else None,
            old[span.last] if span.last < len(old) else None,
        )
        for span in find_spans(old, new)
    ]
    return places or [Place(block.field, block.role, _with_other_space(old, new), _with_other_space(new, old))]


def _with_other_space(side: Sequence[Token], other: Sequence[Token]) -> list[Token]:
    """Tokens with other white space behind them than in the other version, which has the same tokens."""
    return [token for token, twin in zip(side, other, strict=True) if token.space != twin.space]


def _settle(places: Sequence[Places], old: list[Block], new: list[Block]) -> list[Change]:
    """Each place's changes; a loose fact counts unless the other version holds it elsewhere too."""
    loose = [one for pair in places for _, classed in pair for one in classed.loose]
    both = {one.token.value for one in loose if one.added} & {one.token.value for one in loose if not one.added}
    texts = (to_text(old), to_text(new)) if loose else ("", "")
    words = [frozenset(read_words(text)) for text in texts]
    changes: list[Change] = []
    for pair in places:
        found: list[Change] = []
        for place, classed in pair:
            new_facts = [
                to_change(one.field, one.token.kind, *(("", one.token.text) if one.added else (one.token.text, "")))
                for one in classed.loose
                if one.token.value not in both and not _stands(one, texts[not one.added], words[not one.added])
            ]
            found += [*classed.changes, *new_facts] or [to_wording(place)]
        changes += _join_alike(found)
    return changes


def _join_alike(changes: list[Change]) -> list[Change]:
    """The places of one quotation, answer or question as one change."""
    joined = [change for change in changes if change.kind not in JOINED]
    for kind in JOINED:
        parts = [change for change in changes if change.kind == kind]
        if parts:
            sides = [[part.before for part in parts], [part.after for part in parts]]
            before, after = (" … ".join(text for text in side if text) for side in sides)
            joined.append(to_change(parts[0].field, kind, before, after))
    return joined


def _stands(loose: Loose, text: str, words: frozenset[str]) -> bool:
    """Whether a text holds a fact somewhere: a name by its words, another fact as printed."""
    token = loose.token
    if token.kind == "name":
        return all({word, word + "s"} & words for word in read_words(token.value))
    if len(token.text) <= SHORT_FACT:
        return False
    return re.search(rf"(?<!\w){re.escape(token.text)}(?!\w)", text) is not None


def _to_whole(pairs: list[Pair]) -> list[Change]:
    """Paragraphs added and removed; those of one question or one answer are one change."""
    runs: list[list[Pair]] = []
    for pair in pairs:
        if pair.before and pair.after:
            continue
        if runs and _belongs(runs[-1][-1], pair):
            runs[-1].append(pair)
        else:
            runs.append([pair])
    return [_to_paragraph(run) for run in runs]


def _belongs(one: Pair, two: Pair) -> bool:
    first, second = (one.before or one.after)[0], (two.before or two.after)[0]
    same_side = bool(one.before) == bool(two.before)
    return same_side and first.question > 0 and (first.role, first.question) == (second.role, second.question)


def _to_paragraph(run: list[Pair]) -> Change:
    gone = bool(run[0].before)
    blocks = [block for pair in run for block in pair.before or pair.after]
    block, text = blocks[0], to_text(blocks)
    if block.role in {"question", "answer"}:
        kind, extra = block.role, 0
    else:
        kind, extra = ("paragraph_removed" if gone else "paragraph_added"), size_points(len(text.split())) // 2
    if any(letter.isdigit() for letter in text):
        extra += FIGURES
    if text.startswith(SPEECH_DASHES):
        extra += SPEECH
    return to_change(block.field, kind, text if gone else "", "" if gone else text, extra)


def _to_moved(pair: Pair) -> Change:
    return to_change(pair.after[0].field, "paragraph_moved", to_text(pair.before), to_text(pair.after))


def _roles(blocks: Sequence[Block]) -> list[tuple[str, str]]:
    return [(block.field, block.role) for block in blocks]
