"""Finding the pictures shown in the text, with what is said about them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from bs4 import Tag

from scraper.items import ImageItem
from scraper.pages.markup import inner

CAPTION = re.compile(
    r"caption|bildtext|image-?text|fotograf(?!i)|photographer|credit|foto-?byline|image-?description", re.IGNORECASE
)
ORNAMENT = re.compile(
    r"^data:|\.svg(?:$|\?)|(?:^|[/_.-])(?:logo|icon|ikon|icons|sprite|pixel|blank|spacer|avatar|1x1|placeholder|loading)(?=[/_.-])"
    r"|/logotyp",
    re.IGNORECASE,
)
LONGEST_CAPTION = 500
SOURCES = ("src", "data-src", "data-original", "data-lazy-src")


def find_images(soup: Tag, absolute: Callable[[str], str | None]) -> list[ImageItem]:
    """Every picture of the text once, in the page's order."""
    images: dict[str, ImageItem] = {}
    for image in inner(soup, ("img",)):
        source = next(
            (str(image[name]) for name in SOURCES if image.get(name) and not ORNAMENT.search(str(image[name]))), None
        )
        url = absolute(source) if source else None
        if url is None or url in images or is_small(image):
            continue
        caption, credit = words_beside(image)
        images[url] = ImageItem(
            url=url, caption=caption, credit=credit, alt=str(image.get("alt") or "").strip() or None
        )
    return list(images.values())


def words_beside(image: Tag) -> tuple[str | None, str | None]:
    """Caption and, where it has an element of its own, credit."""
    holder = image.parent
    for _ in range(3):
        if holder is None:
            break
        if holder.name == "figure":
            return text_of(next(named(holder, is_caption), None)), None
        caption = next(named(holder, is_caption), None)
        if caption is not None and len(caption.get_text()) < LONGEST_CAPTION:
            return text_of(caption), None
        holder = holder.parent
    return None, None


def named(holder: Tag, wanted: Callable[[Tag], bool]) -> Iterator[Tag]:
    """The descendants of an element that are wanted, outermost first; many times as fast as BeautifulSoup's find."""
    for child in holder.contents:
        if isinstance(child, Tag):
            if wanted(child):
                yield child
            else:
                yield from named(child, wanted)


def is_caption(element: Tag) -> bool:
    """Whether an element is a caption, by its name or class."""
    classes = str(element.get("class") or "")
    return element.name == "figcaption" or (bool(classes) and CAPTION.search(classes) is not None)


def text_of(element: Tag | None) -> str | None:
    """An element's text, parts kept apart."""
    return (element.get_text(" ", strip=True) or None) if element is not None else None


def is_small(image: Tag) -> bool:
    """Whether a picture says it is too small to be one of the text's."""
    return any(str(image.get(side) or "").isdigit() and int(str(image[side])) < 60 for side in ("width", "height"))
