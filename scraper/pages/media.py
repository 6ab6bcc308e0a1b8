"""The pictures in a text, with their captions, and the files that a page links to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from bs4 import Tag

from scraper.items import AttachmentItem, ImageItem
from scraper.normalise.media import guess_media_type
from scraper.normalise.text import clean_line
from scraper.pages.blocks import iter_descendants, strip_link_notes
from scraper.pages.document import Document, Element, get_text_content

CAPTION_CLASS = re.compile(
    r"caption|bildtext|image-?text|fotograf(?!i)|photographer|credit|foto-?byline|image-?description", re.IGNORECASE
)
PLACEHOLDER_IMAGE = re.compile(
    r"^data:|(?:^|[/_.-])(?:sprite|pixel|blank|spacer|1x1|placeholder|loading|missing-image)(?=[/_.-])", re.IGNORECASE
)
DECORATIVE_IMAGE = re.compile(
    rf"{PLACEHOLDER_IMAGE.pattern}|\.svg(?:$|\?)|(?:^|[/_.-])(?:logo|icon|ikon|icons|avatar)(?=[/_.-])|/logotyp",
    re.IGNORECASE,
)
CREDIT_PREFIXES = ("foto", "photo", "bild:", "©")  # at the beginning of a caption that is a credit
MAX_CAPTION_LENGTH = 500
IMAGE_SOURCE_ATTRIBUTES = ("src", "data-src", "data-original", "data-lazy-src")


def find_images(soup: Tag, resolve_url: Callable[[str], str | None]) -> list[ImageItem]:
    """Return every picture of the text once, in page order."""
    images: dict[str, ImageItem] = {}
    captions = CaptionIndex()
    for image in iter_descendants(soup, ("img",)):
        source = find_image_source(image, captions)
        url = resolve_url(source) if source else None
        if url is None or url in images or is_small_image(image):
            continue
        images[url] = ImageItem(
            url=url, caption=captions.find_caption(image), alt=str(image.get("alt") or "").strip() or None
        )
    return list(images.values())


class CaptionIndex:
    """The captions of each element that holds pictures.

    Each element is read once, because one may have thousands of pictures.
    """

    def __init__(self) -> None:
        self.cache: dict[int, tuple[str | None, int]] = {}

    def find_caption(self, image: Tag) -> str | None:
        """Return the caption of a picture, credit included.

        It is that of its figure, else of the nearest element with captions.
        """
        container = image.parent
        for _ in range(3):
            if container is None:
                break
            caption, _ = self.read_captions(container)
            if container.name == "figure" or (caption is not None and len(caption) < MAX_CAPTION_LENGTH):
                return caption
            container = container.parent
        return None

    def read_captions(self, container: Tag) -> tuple[str | None, int]:
        """Return the captions in an element, credits last, and the number of pictures in it.

        If it has several pictures, only the first caption counts.
        """
        if id(container) not in self.cache:
            texts = list(
                dict.fromkeys(
                    text
                    for caption in iter_matching_tags(container, is_caption_element)
                    if (text := caption.get_text(" ", strip=True))
                )
            )
            pictures = sum(1 for _ in iter_descendants(container, ("img",)))
            captions = sorted(
                texts if pictures == 1 else texts[:1], key=lambda text: text.lower().startswith(CREDIT_PREFIXES)
            )
            self.cache[id(container)] = " ".join(captions) or None, pictures
        return self.cache[id(container)]


def find_image_source(image: Tag, captions: CaptionIndex) -> str | None:
    """Return the URL of a picture, or None for a decorative one.

    The only picture of a figure with a caption is never decorative.
    """
    figure = image.find_parent("figure")
    caption, pictures = captions.read_captions(figure) if figure is not None else (None, 0)
    excluded = PLACEHOLDER_IMAGE if caption and pictures == 1 else DECORATIVE_IMAGE
    return next(
        (url for name in IMAGE_SOURCE_ATTRIBUTES if (url := str(image.get(name) or "")) and not excluded.search(url)),
        None,
    )


def is_small_image(image: Tag) -> bool:
    """Return whether a picture's attributes say that it is too small to belong to the text."""
    return any(str(image.get(side) or "").isdigit() and int(str(image[side])) < 60 for side in ("width", "height"))


def is_caption_element(element: Tag) -> bool:
    """Return whether an element is a caption, by its name or class."""
    classes = str(element.get("class") or "")
    return element.name == "figcaption" or (bool(classes) and CAPTION_CLASS.search(classes) is not None)


def iter_matching_tags(container: Tag, is_match: Callable[[Tag], bool]) -> Iterator[Tag]:
    """Yield the outermost descendants that match; many times as fast as BeautifulSoup's find_all."""
    for child in container.contents:
        if isinstance(child, Tag):
            if is_match(child):
                yield child
            else:
                yield from iter_matching_tags(child, is_match)


def find_attachments(document: Document, scope: Element) -> list[AttachmentItem]:
    """Return every linked file once, in page order, titled with the link's text."""
    files: dict[str, AttachmentItem] = {}
    for link in scope.iter("a"):
        href, download = link.get("href") or "", link.get("download")
        is_declared = declares_file_type(link)
        if "." not in href.partition("?")[0].rpartition("/")[2] and download is None and not is_declared:
            continue  # most links: resolve URLs only of files and downloads
        url = (document.resolve_url(href) or "").partition("#")[0]  # a link to a page of a file counts as the file
        if url and url not in files and (guess_media_type(url) or download is not None or is_declared):
            title = clean_line(strip_link_notes(get_text_content(link))) or clean_line(link.get("title") or "")
            files[url] = AttachmentItem(url=url, title=title or url.rpartition("/")[2])
    return list(files.values())


def declares_file_type(link: Element) -> bool:
    """Return whether a link's type attribute says that it leads to a file (HTML, 4.6.1)."""
    kind = link.get("type") or ""
    return kind.startswith("application/") and "html" not in kind
