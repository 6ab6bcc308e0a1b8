"""One changed place of a text, classed: the facts that differ in it, and what is left when they are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rapidfuzz.distance import OSA

from archive.changes.differences import join
from archive.changes.fact_words import OPPOSED, OPPOSITES
from archive.changes.kinds import KINDS, Change, size_points, to_change
from archive.changes.paragraphs import read_words
from archive.changes.tokens import Token

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
