"""Contacts as records: each once, with nothing told by another already."""

from __future__ import annotations

from collections.abc import Iterable

from archive.records import Contact
from scraper.items import ContactItem
from scraper.normalise.text import one_line


def to_contacts(items: Iterable[ContactItem]) -> tuple[Contact, ...]:
    """Contacts in the page's order; one is left out that tells nothing, or no more than another one does.

    >>> full = ContactItem(name="Eva Ek", role="utredare", phone="010-123 45 67, 070-123 45 67")
    >>> [contact.role for contact in to_contacts([ContactItem(name=" Eva  Ek", phone="010-123 45 67"), full, full])]
    ['utredare']
    """
    kept: list[Contact] = []
    for contact in filter(is_something, map(to_contact, items)):
        if any(tells(other, contact) for other in kept):
            continue
        place = next((at for at, other in enumerate(kept) if tells(contact, other)), len(kept))
        kept = [other for other in kept if not tells(contact, other)]
        kept.insert(place, contact)
    return tuple(kept)


def to_contact(item: ContactItem) -> Contact:
    """One contact, its texts cleaned."""
    return Contact(
        name=one_line(item.name), role=one_line(item.role), phone=one_line(item.phone), email=one_line(item.email)
    )


def is_something(contact: Contact) -> bool:
    """Whether a contact tells anything."""
    return any((contact.name, contact.role, contact.phone, contact.email))


def tells(whole: Contact, part: Contact) -> bool:
    """Whether a contact tells all that another one does: of the same person a longer title may do."""
    name, role, email = (
        less is None or fold(more) == fold(less)
        for more, less in ((whole.name, part.name), (whole.role, part.role), (whole.email, part.email))
    )
    longer = part.name is not None and fold(part.role) in fold(whole.role)
    phones = set(fold(part.phone).split(", ")) <= set(fold(whole.phone).split(", ")) if part.phone else True
    return name and (role or longer) and email and phones


def fold(text: str | None) -> str:
    """A text in small letters, for comparison; none is an empty one."""
    return (text or "").casefold()
