"""Finds the images in a text with their captions, and the files that a page links to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice, takewhile

from bs4 import Tag

from scraper.items import AttachmentItem, ImageItem
from scraper.normalise.conversion import guess_media_type
from scraper.normalise.text_cleaning import clean_line
from scraper.pages.blocks import iter_descendants, strip_link_notes
from scraper.pages.document import (
    HEADING_TAGS,
    Document,
    Element,
    get_text_content,
    has_min_letters,
)
from scraper.pages.lead import LEAD_CLASS

CAPTION_CLASS = re.compile(
    r"caption|bildtext|image-?text|fotograf(?!i)|photographer|credit|foto-?byline"
    r"|image-?description",
    re.IGNORECASE,
)
PLACEHOLDER_IMAGE = re.compile(
    r"^data:|(?:^|[/_.-])(?:sprite|pixel|blank|spacer|1x1|placeholder|loading|missing-image)"
    r"(?=[/_.-])",
    re.IGNORECASE,
)
DECORATIVE_IMAGE = re.compile(
    rf"{PLACEHOLDER_IMAGE.pattern}|\.svg(?:$|\?)"
    rf"|(?:^|[/_.-])(?:logo|icon|ikon|icons|avatar)(?=[/_.-])|/logotyp",
    re.IGNORECASE,
)
CREDIT_PREFIXES = ("foto", "photo", "bild:", "©")  # beginnings of captions that are credits
MAX_CAPTION_LENGTH = 500
# letters beside a picture in a box, and elements from the picture to the box
MAX_BOX_CAPTION_LENGTH, MAX_BOX_DEPTH = 150, 4
NON_BOX_TAGS = ("p", "a", "figure", "li", "body", "article", *HEADING_TAGS)
MIN_IMAGE_SIDE = 60  # pixels, as declared; smaller pictures are not content
IMAGE_SOURCE_ATTRIBUTES = ("src", "data-src", "data-original", "data-lazy-src")


def find_images(soup: Tag, resolve_url: Callable[[str], str | None]) -> list[ImageItem]:
    """Return the images of the text in page order, without duplicates."""
    images: dict[str, ImageItem] = {}
    captions = CaptionIndex()
    for image in iter_descendants(soup, ("img",)):
        source = _find_image_source(image, captions)
        url = resolve_url(source) if source else None
        if url is not None and url not in images and not _is_small_image(image):
            alt = str(image.get("alt") or "").strip() or None
            images[url] = ImageItem(url=url, caption=captions.find_caption(image), alt=alt)
    return list(images.values())


def _is_small_image(image: Tag) -> bool:
    sides = [str(image.get(side) or "") for side in ("width", "height")]
    return any(side.isdigit() and int(side) < MIN_IMAGE_SIDE for side in sides)


def mark_captions(main: Element) -> None:
    """Add the class `caption` to each small box around an image, and to the only text in the
    box.
    """
    for image in main.iter("img"):
        for part in _find_box_and_caption(image, main):
            part.set("class", f"{part.get('class') or ''} caption".strip())


def _find_box_and_caption(image: Element, main: Element) -> tuple[Element, ...]:
    """Return the small box around an image and the only text in it, or () if there is none."""
    ancestors = list(
        islice(takewhile(lambda part: part is not main, image.iterancestors()), MAX_BOX_DEPTH)
    )
    box = next(filter(_has_text, ancestors), None)
    if box is None or box.tag in NON_BOX_TAGS or has_min_letters(box, MAX_BOX_CAPTION_LENGTH):
        return ()
    texts = [part for part in box if part not in (image, *ancestors) and _has_text(part)]
    if len(texts) != 1 or _has_loose_text(box) or not _is_caption_text(texts[0]):
        return ()
    return box, texts[0]


def _has_text(element: Element) -> bool:
    return has_min_letters(element, 1)


def _has_loose_text(box: Element) -> bool:
    return any(text and text.strip() for text in (box.text, *(part.tail for part in box)))


def _is_caption_text(element: Element) -> bool:
    """Return whether an element may be a caption.

    It must not contain a heading, a list, a link or a button, and must not have a class for leads.
    """
    names = element.get("class") or ""
    return not (
        LEAD_CLASS.search(names)
        or any(True for _ in element.iter("a", "button", "ul", "ol", *HEADING_TAGS))
    )


class CaptionIndex:
    """Finds the captions of images, and caches the captions found in each element.

    Each element is searched only once, because it may contain thousands of images.
    """

    def __init__(self) -> None:
        self.cache: dict[int, tuple[str | None, int]] = {}

    def find_caption(self, image: Tag) -> str | None:
        """Return an image's caption and credit, or None if it has no caption.

        The caption and the credit come from the image's figure, or from the nearest element with
        captions.
        """
        container = image.parent
        for _ in range(3):
            if container is None:
                break
            caption, _ = self.read_captions(container)
            if container.name == "figure" or (
                caption is not None and len(caption) < MAX_CAPTION_LENGTH
            ):
                return caption
            container = container.parent
        return None

    def read_captions(self, container: Tag) -> tuple[str | None, int]:
        """Return the captions in an element as one text, and the number of images in the element.

        Credits come last. Unless the element has exactly one image, only the first caption is
        returned.
        """
        if id(container) not in self.cache:
            found = (caption.get_text(" ", strip=True) for caption in iter_captions(container))
            texts = list(dict.fromkeys(filter(None, found)))
            pictures = sum(1 for _ in iter_descendants(container, ("img",)))
            if pictures != 1:
                del texts[1:]
            texts.sort(key=lambda text: text.lower().startswith(CREDIT_PREFIXES))
            self.cache[id(container)] = " ".join(texts) or None, pictures
        return self.cache[id(container)]


def _find_image_source(image: Tag, captions: CaptionIndex) -> str | None:
    """Return the URL of an image, or None if the image is decorative.

    The only image of a figure with a caption is not decorative, unless it is a placeholder.
    """
    figure = image.find_parent("figure")
    caption, pictures = captions.read_captions(figure) if figure is not None else (None, 0)
    excluded = PLACEHOLDER_IMAGE if caption and pictures == 1 else DECORATIVE_IMAGE
    sources = (str(image.get(name) or "") for name in IMAGE_SOURCE_ATTRIBUTES)
    return next((url for url in sources if url and not excluded.search(url)), None)


def iter_captions(container: Tag) -> Iterator[Tag]:
    """Yield the outermost captions in an element, found by their tag or class.

    This is much faster than BeautifulSoup's find_all.
    """
    for child in container.contents:
        if isinstance(child, Tag):
            if child.name == "figcaption" or CAPTION_CLASS.search(str(child.get("class") or "")):
                yield child
            else:
                yield from iter_captions(child)


def find_attachments(document: Document, scope: Element) -> list[AttachmentItem]:
    """Return the files that the links in `scope` lead to, in page order and without duplicates.

    The text of a link becomes the title of its file.
    """
    files: dict[str, AttachmentItem] = {}
    for link in scope.iter("a"):
        href = link.get("href") or ""
        has_extension = "." in href.partition("?")[0].rpartition("/")[2]
        if not has_extension and not _is_declared_file(link):
            continue  # most links end here, so that only URLs of files are resolved
        # a link to a page in a file (#page=2) counts as the file
        url = (document.resolve_url(href) or "").partition("#")[0]
        if not url or url in files:
            continue
        if _is_declared_file(link) or guess_media_type(url):
            files[url] = AttachmentItem(url=url, title=_read_link_title(link, url))
    return list(files.values())


def _is_declared_file(link: Element) -> bool:
    """Return whether a link's attributes say that it leads to a file (HTML, section 4.6.1)."""
    media_type = link.get("type") or ""
    is_file_type = media_type.startswith("application/") and "html" not in media_type
    return is_file_type or link.get("download") is not None


def _read_link_title(link: Element, url: str) -> str:
    """Return a link's text, or else its title attribute, or else the name of the file."""
    text = clean_line(strip_link_notes(get_text_content(link)))
    return text or clean_line(link.get("title") or "") or url.rpartition("/")[2]
