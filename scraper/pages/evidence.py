"""Naming an element in a way a person can find it again."""

from __future__ import annotations

from bs4 import Tag
from lxml import etree


def path_of(element: etree._Element | Tag | None, steps: int = 3) -> str:
    """The element and its nearest parents, as a CSS-like path."""
    names: list[str] = []
    while element is not None and len(names) < steps:
        tag = element.name if isinstance(element, Tag) else element.tag
        if tag in ("[document]", "html", "body") and names:
            break
        names.append(step(str(tag), element.get("id"), element.get("class")))
        element = element.parent if isinstance(element, Tag) else element.getparent()
    return " > ".join(reversed(names))


def step(tag: str, identifier: object, classes: object) -> str:
    """One element as tag#id or tag.class."""
    if isinstance(identifier, str) and identifier:
        return f"{tag}#{identifier}"
    return ".".join([tag, *str(classes or "").split()[:2]])
