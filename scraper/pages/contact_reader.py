"""Reading contacts from lines of text: which words are a name, which a title, and where one contact ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from scraper.items import ContactItem
from scraper.pages.contact_names import FRINGE, has_title, is_office, read_parts, split_name
from scraper.pages.contact_words import ASKING, HEADING, PRESS, SENTENCE_END, TO

MOST_ROLES = 2


@dataclass(frozen=True, slots=True)
class Line:
    """A line as read: heading's rank (9 for what is none), whether it is bold, whether it is but a link elsewhere."""

    text: str
    rank: int = 9
    bold: bool = False
    linked: bool = False


@dataclass(slots=True)
class Draft:
    """A contact as it is put together."""

    name: str | None = None
    roles: list[str] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    email: str | None = None

    @property
    def reached(self) -> bool:
        """Whether it can be called or written to."""
        return bool(self.phones or self.email)


def read_contacts(lines: Iterable[Line], heading: str, *, certain: bool) -> list[ContactItem]:
    """The contacts that lines under a heading tell. certain: the heading alone makes a name a contact."""
    reader = Reader(heading, certain=certain)
    for line in lines:
        reader.tell(line)
    reader.finish()
    return reader.found


def read_sentences(text: str) -> list[ContactItem]:
    """The contacts that sentences of a running text ask to turn to: a person, the press office, or a bare address.

    >>> read_sentences("Bron är klar. För mer information, kontakta pressekreterare Eva Ek.")[0].name
    'Eva Ek'
    >>> read_sentences("Har du uppgifter, kontakta polisen. Den som vill ha information kan kontakta Rädda Barnen.")
    []
    """
    found: list[ContactItem] = []
    for sentence in SENTENCE_END.split(text):
        to = TO.search(sentence)
        if to and ASKING.search(sentence):
            rest = sentence[to.end() :]
            kinds = [kind for kind, told in read_parts(rest) if kind != "role" or not PRESS.search(told)]
            if kinds[:1] != ["role"] or kinds[1:2] == ["name"]:
                told = read_contacts([Line(rest)], "", certain=True)
                # capitalised words alone may be anything; a title, or being called a press contact, makes them a person
                called = "presskontakt" in sentence.lower()
                found += [one for one in told if one.phone or one.email or called or has_title(one.role)]
    return found


class Reader:
    """Takes one line after another and notes a contact whenever one is whole."""

    def __init__(self, heading: str, *, certain: bool) -> None:
        self.heading, self.certain = heading, certain
        self.draft = Draft()
        self.found: list[ContactItem] = []
        self.pure = True  # whether every line so far was about a contact

    def tell(self, line: Line) -> None:
        """One more line."""
        parts = read_parts(line.text)
        kinds = {kind for kind, _ in parts}
        reached, named = bool(kinds & {"phone", "mail"}), "name" in kinds
        if HEADING.match(line.text) and not reached:
            self.finish()
            self.heading = line.text
            return
        titled = any(kind == "role" and has_title(text) for kind, text in parts)
        self.pure = self.pure and (reached or named or titled)
        if line.linked and not reached and not named:
            return
        opens = line.rank < 9 or line.bold
        if self.draft.reached and ((reached and any(kind == "role" for kind, _ in parts)) or opens):
            self.finish()
        if named and (self.draft.name or self.draft.reached):
            self.finish()
        for kind, text in parts:
            getattr(self, kind)(text)

    def name(self, text: str) -> None:
        """A person's name."""
        if self.draft.name and self.draft.name != text:
            self.finish()
        self.draft.name = text

    def part(self, text: str) -> None:
        """A given or a family name by itself."""
        self.draft.name = f"{self.draft.name} {text}" if self.draft.name else text

    def whose(self, text: str) -> None:
        """Whose address a link says it is: a name where there is none yet."""
        name, role = split_name(text)
        if name and name != self.draft.name:
            self.name(name)
        elif role and not self.draft.name and not self.draft.roles:
            self.draft.roles = [role]

    def role(self, text: str) -> None:
        """A title, an office, or what the contact is for."""
        if self.draft.reached and (self.draft.roles or not self.draft.name):
            self.finish()
        if len(self.draft.roles) < MOST_ROLES:
            self.draft.roles.append(text)

    def phone(self, text: str) -> None:
        """A number."""
        if text not in self.draft.phones:
            self.draft.phones.append(text)

    def mail(self, text: str) -> None:
        """An address; a second one is another contact's."""
        if self.draft.email and self.draft.email.lower() != text.lower():
            self.finish()
        self.draft.email = text

    def finish(self) -> None:
        """Note the contact, if it is one."""
        draft, self.draft = self.draft, Draft()
        if not draft.name:
            draft.roles = [role for role in draft.roles if is_office(role)]
        if not draft.reached and not (draft.name and self.certain and self.pure):
            return
        if not draft.name and not draft.roles and PRESS.search(self.heading):
            draft.roles = [self.heading.strip(FRINGE)]
        self.found.append(
            ContactItem(
                name=draft.name,
                role=", ".join(draft.roles) or None,
                phone=", ".join(draft.phones) or None,
                email=draft.email,
            )
        )
