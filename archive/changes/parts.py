"""Changes outside the running text: dates, tags, pictures, files, contacts, links and layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lxml import html

from archive.changes.kinds import HOUR_ONLY, KINDS, Change, to_change
from archive.changes.paragraphs import read_words
from archive.times import only_hour_differs

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
