"""Images with captions; attachments.

Finding the files a page links to.

Finding the pictures shown in the text, with what is said about them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from bs4 import Tag

from scraper.items import AttachmentItem, ImageItem
from scraper.normalise.media import guess_media_type
from scraper.normalise.text import clean_line
from scraper.pages.blocks import strip_link_notes
from scraper.pages.document import Document, Element, get_text_content, iter_descendants


def find_attachments(document: Document, scope: Element) -> list[AttachmentItem]:
    """Every linked file once, in the page's order; the title is the link's text, its size as told there."""
    files: dict[str, AttachmentItem] = {}
    for link in scope.iter("a"):
        href, download = link.get("href") or "", link.get("download")
        said = declares_file_type(link)
        if "." not in href.partition("?")[0].rpartition("/")[2] and download is None and not said:
            continue  # most links; only a file's name or a download is worth making an address of
        url = (document.resolve_url(href) or "").partition("#")[0]  # a page of the file is that file
        if url and url not in files and (guess_media_type(url) or download is not None or said):
            title = clean_line(strip_link_notes(get_text_content(link))) or clean_line(link.get("title") or "")
            files[url] = AttachmentItem(url=url, title=title or url.rpartition("/")[2])
    return list(files.values())


def declares_file_type(link: Element) -> bool:
    """Whether a link says itself that it leads to a file: by the type of its target (HTML, 4.6.1)."""
    kind = link.get("type") or ""
    return kind.startswith("application/") and "html" not in kind


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
CREDIT_PREFIXES = ("foto", "photo", "bild:", "©")  # open a caption that names who took the picture
MAX_CAPTION_LENGTH = 500
IMAGE_SOURCE_ATTRIBUTES = ("src", "data-src", "data-original", "data-lazy-src")


def find_images(soup: Tag, resolve_url: Callable[[str], str | None]) -> list[ImageItem]:
    """Every picture of the text once, in the page's order."""
    images: dict[str, ImageItem] = {}
    said = CaptionIndex()
    for image in iter_descendants(soup, ("img",)):
        source = find_image_source(image, said)
        url = resolve_url(source) if source else None
        if url is None or url in images or is_small_image(image):
            continue
        images[url] = ImageItem(
            url=url, caption=said.find_caption(image), alt=str(image.get("alt") or "").strip() or None
        )
    return list(images.values())


class CaptionIndex:
    """What captions say; of each element that holds pictures once, for a page may have thousands in one."""

    def __init__(self) -> None:
        self.cache: dict[int, tuple[str | None, int]] = {}

    def find_caption(self, image: Tag) -> str | None:
        """What is said of a picture, who took it included: in its figure, else in the nearest element with captions."""
        holder = image.parent
        for _ in range(3):
            if holder is None:
                break
            said, _ = self.read_captions(holder)
            if holder.name == "figure" or (said is not None and len(said) < MAX_CAPTION_LENGTH):
                return said
            holder = holder.parent
        return None

    def read_captions(self, holder: Tag) -> tuple[str | None, int]:
        """What the captions within an element say, those that name who took the picture last, and how many pictures
        it holds; of several the first caption alone.
        """
        if id(holder) not in self.cache:
            texts = list(
                dict.fromkeys(
                    text
                    for caption in iter_matching_tags(holder, is_caption_element)
                    if (text := get_tag_text(caption))
                )
            )
            pictures = sum(1 for _ in iter_descendants(holder, ("img",)))
            told = sorted(
                texts if pictures == 1 else texts[:1], key=lambda text: text.lower().startswith(CREDIT_PREFIXES)
            )
            self.cache[id(holder)] = " ".join(told) or None, pictures
        return self.cache[id(holder)]


def find_image_source(image: Tag, captions: CaptionIndex) -> str | None:
    """Where a picture is read from; None for an ornament, which no picture of a figure is that has a caption."""
    figure = image.find_parent("figure")
    words, pictures = captions.read_captions(figure) if figure is not None else (None, 0)
    unwanted = PLACEHOLDER_IMAGE if words and pictures == 1 else DECORATIVE_IMAGE
    return next(
        (url for name in IMAGE_SOURCE_ATTRIBUTES if (url := str(image.get(name) or "")) and not unwanted.search(url)),
        None,
    )


def iter_matching_tags(holder: Tag, is_match: Callable[[Tag], bool]) -> Iterator[Tag]:
    """The descendants of an element that are wanted, outermost first; many times as fast as BeautifulSoup's find."""
    for child in holder.contents:
        if isinstance(child, Tag):
            if is_match(child):
                yield child
            else:
                yield from iter_matching_tags(child, is_match)


def is_caption_element(element: Tag) -> bool:
    """Whether an element is a caption, by its name or class."""
    classes = str(element.get("class") or "")
    return element.name == "figcaption" or (bool(classes) and CAPTION_CLASS.search(classes) is not None)


def get_tag_text(element: Tag) -> str:
    """An element's text, parts kept apart."""
    return element.get_text(" ", strip=True)


def is_small_image(image: Tag) -> bool:
    """Whether a picture says it is too small to be one of the text's."""
    return any(str(image.get(side) or "").isdigit() and int(str(image[side])) < 60 for side in ("width", "height"))
