"""Which lines belong to a heading or word that leads to contacts, and the contacts they tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from scraper.items import ContactItem
from scraper.normalise.reach import may_reach, split_reach
from scraper.pages.contact_lines import Placed
from scraper.pages.contact_names import is_name
from scraper.pages.contact_reader import Line, read_contacts
from scraper.pages.contact_words import HEADING, LABEL, LEADING

MOST_LINES = 60
MOST_FOLLOWING = 12  # lines after words that lead to a contact within a line
MOST_PROSE = 2  # lines in a row without any contact that end a section
LONGEST_LABEL, LONGEST_NOTE = 50, 140  # characters of a line that is not running text


def section_of(placed: Sequence[Placed], at: int) -> tuple[list[Placed], bool]:
    """The lines after a heading up to the next of its rank or to running text; whether anything ended them."""
    head = placed[at].line
    section: list[Placed] = []
    prose = 0
    for entry in placed[at + 1 : at + 1 + MOST_LINES]:
        line = entry.line
        if line.rank <= head.rank and line.rank < 9 and not (head.rank == 9 and is_name(line.text)):
            return section, True
        if head.rank == 9 and line.bold and not is_name(line.text) and not HEADING.match(line.text):
            return section, True
        prose = prose + 1 if is_prose(line.text) else 0
        if prose == MOST_PROSE:
            return section[:-1], True
        section.append(entry)
    return section, False


def read_section(head: Line, section: Sequence[Placed]) -> tuple[list[ContactItem], bool, str] | None:
    """The contacts of a heading's lines or of the line itself, whether they are certain, and the rule that told."""
    text = head.text
    lines = list(parted(line for _, line in section))
    if found := HEADING.match(text):
        certain, rule = found["certain"] is not None, f"heading {text!r}"
        contacts = read_contacts(lines, text, certain=certain)
    elif found := LEADING.match(text):
        certain, rule = True, f"line {text[: found.end()].strip()!r}"
        reached = [n for n, line in enumerate(lines[:MOST_FOLLOWING]) if has_reach(line.text)]
        rest = [Line(text[found.end() :]), *lines[: max(reached, default=-1) + 1]]
        contacts = read_contacts(rest, text[: found.end()], certain=True)
    else:
        return None
    return (contacts, certain, rule) if contacts else None


def parted(lines: Iterable[Line]) -> Iterator[Line]:
    """Lines, one that opens with a heading's words parted from them, a label alone joined to what it labels."""
    label = ""
    for line in lines:
        if line.text.endswith(":") and LABEL.fullmatch(line.text):
            label = f"{line.text} "
            continue
        found = LEADING.match(line.text)
        if found:
            yield replace(line, text=line.text[: found.end()].strip())
        yield replace(line, text=label + line.text[found.end() if found else 0 :], bold=line.bold and not found)
        label = ""


def has_reach(text: str) -> bool:
    """Whether a line holds a number or an address."""
    return may_reach(text) and any(token.kind != "text" for token in split_reach(text))


def is_prose(text: str) -> bool:
    """Whether a line is running text rather than a part of a contact."""
    return not has_reach(text) and (len(text) > LONGEST_NOTE or (len(text) > LONGEST_LABEL and text[-1] in ".!?:"))
