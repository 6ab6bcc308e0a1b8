"""Lists as text, an item a line, and as mark-up: with the numbers the page shows, and all that stands in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bs4 import Tag
from bs4.element import NavigableString

from scraper.pages.inline import Node, read_run
from scraper.pages.markup import children

LISTS = ("ul", "ol")
LONGEST_NUMBER = 10  # digits


@dataclass(slots=True)
class Entry:
    """What makes one line of a list: an item, or what stands beside the items, which browsers show as well."""

    nodes: list[Node]
    nested: list[Tag] = field(default_factory=list)
    number: int | None = None  # of an item
    value: str = ""  # the mark-up that gives it its number


def write_list(element: Tag, absolute: Callable[[str], str | None], lines: list[str], bullet: str = "•") -> str:
    """A list's mark-up; its lines are added to `lines`."""
    items: list[str] = []
    for entry in entries_of(element):
        run = read_run(entry.nodes, absolute)
        text = run.text
        if text:
            counted = element.name == "ol" and entry.number is not None
            lines.append(f"{f'{entry.number}.' if counted else bullet} {text}")
        inside = "".join(write_list(nested, absolute, lines, "◦") for nested in entry.nested)
        if inside and not text and entry.number is None and items:
            items[-1] = (
                f"{items[-1].removesuffix('</li>')}{inside}</li>"  # a list between items belongs to the one before
            )
        elif text or inside:
            items.append(f"<li{entry.value}>{run.html}{inside}</li>")
    start = whole_number(element, "start") if element.name == "ol" else None
    opening = (f' start="{start}"' if start not in (None, 1) else "") + (" reversed" if counts_down(element) else "")
    return f"<{element.name}{opening}>{''.join(items)}</{element.name}>"


def entries_of(element: Tag) -> Iterator[Entry]:
    """The lines of a list, its items numbered as browsers do (HTML, 4.4.5 and 4.4.8)."""
    step = -1 if counts_down(element) else 1
    start = whole_number(element, "start")
    number = start if start is not None else len(children(element, ("li",))) if step < 0 else 1
    loose: list[Node] = []
    for child in [*element.contents, None]:
        if type(child) is NavigableString or (isinstance(child, Tag) and child.name not in ("li", *LISTS)):
            loose.append(child)
            continue
        if loose:
            yield Entry(loose)
            loose = []
        if not isinstance(child, Tag):
            continue
        if child.name in LISTS:
            yield Entry([], [child])
            continue
        value = whole_number(child, "value") if element.name == "ol" else None
        number = value if value is not None else number
        nested = children(child, LISTS)
        own = [node for node in child.contents if not any(node is part for part in nested)]
        yield Entry(own, nested, number, f' value="{value}"' if value is not None else "")
        number += step


def counts_down(element: Tag) -> bool:
    """Whether a numbered list is reversed."""
    return element.name == "ol" and "reversed" in element.attrs


def whole_number(element: Tag, attribute: str) -> int | None:
    """An attribute's number, None where it has none."""
    text = str(element.get(attribute) or "").strip()
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < LONGEST_NUMBER else None
