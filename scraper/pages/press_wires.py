"""Parses releases from the JSON records of press wires.

The fields of a record are read by their keys. Only texts may contain HTML. They are parsed in the
same way as the texts of a page. Fields that are not mentioned here are ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape, unescape
from typing import Any, ClassVar, cast

from scraper.agency import WIRE_SERVICES, Agency
from scraper.errors import PageError
from scraper.items import AttachmentItem, ContactItem, ImageItem, Provenance, ReleaseItem
from scraper.normalise.text_cleaning import clean_line
from scraper.pages.blocks import convert_to_soup, decompose_soup, read_blocks
from scraper.pages.body import find_body, format_body_text, render_body_html
from scraper.pages.contact_areas import choose_contacts, find_contact_areas
from scraper.pages.document import MAX_HTML_BYTES, Document, Element
from scraper.pages.media import find_attachments, find_images
from scraper.pages.page_classes import NewsPage
from scraper.pages.questions import find_question_pairs

BLOCK_TAG = re.compile(r"<(?:p|br|div|h[1-6]|[uo]l|table|blockquote)\b", re.IGNORECASE)
CHARACTER_REFERENCE = re.compile(r"&(?:#\d+|#x[0-9a-f]+|[a-z]+\d*);", re.IGNORECASE)
TAG = re.compile(r"<[^<>]*>")
INLINE_TAG = re.compile(
    r"</?(?:a|abbr|b|big|cite|code|del|em|font|i|iframe|img|ins|mark|q|s|script|small|span|strike"
    r"|strong|style|sub|sup|u)\b[^<>]*>",
    re.IGNORECASE,
)
PARAGRAPH_BREAK = re.compile(r"\r?\n\s*\r?\n")
MAX_PARTS = 200  # images, files, contacts, tags or quotations of a record, each
MAX_RECORD_BYTES = MAX_HTML_BYTES


class WireDocument(Document):
    """A press wire's record as a document.

    The tree has one element each for the title, the lead, the body and the contacts.
    """

    def __init__(self, body: bytes, url: str, page_class: type[WirePage]) -> None:
        self.page_class, self.record = page_class, _read_json_object(body, url)
        title = escape(get_text(self.record, page_class.title_key))
        sections = "".join(
            f'<section id="{name}"></section>' for name in ("lead", "body", "contacts")
        )
        html = f"<!doctype html><html><body><main><h1>{title}</h1>{sections}</main></body></html>"
        super().__init__(html.encode("utf-8", "replace"), url)
        for name, markup in page_class.read_markup(self.record).items():
            # each field is parsed alone, so that its HTML cannot end or contain another field
            if markup.strip():
                part = Document(markup.encode("utf-8", "replace"), url).root.find("body")
                section = self.get_section(name)
                if part is not None:
                    section.text = part.text
                    section.extend(list(part))

    def get_section(self, name: str) -> Element:
        return cast("Element", self.root.find(f".//section[@id='{name}']"))


class WirePage(NewsPage):
    """Parses a press wire's record. Each subclass sets the keys of one wire service."""

    title_key: ClassVar[str]
    lead_key: ClassVar[str]
    body_key: ClassVar[str]
    published_key: ClassVar[str]
    updated_key: ClassVar[str | None] = None
    language_key: ClassVar[str]
    tags_key: ClassVar[str]

    document: WireDocument

    def __init__(self, document: WireDocument, agency: Agency | None = None) -> None:
        super().__init__(document, agency)
        self.record = document.record

    @classmethod
    def read_markup(cls, record: dict[str, Any]) -> dict[str, str]:
        """Return the HTML of a record's parts by name: `lead`, `body` and `contacts`."""
        raise NotImplementedError

    def read_contacts(self) -> Iterator[ContactItem]:
        """Yield the contacts that the record lists."""
        yield from ()

    def read_images(self) -> Iterator[ImageItem]:
        raise NotImplementedError

    def read_files(self) -> Iterator[AttachmentItem]:
        raise NotImplementedError

    def read(self) -> ReleaseItem:
        """Return the record as an item.

        Raises PageError if the record has no title, or neither lead nor body.
        """
        item, document = self.item, self.document
        item.title = clean_line(get_text(self.record, self.title_key)) or None
        if item.title is None:
            raise PageError(document.url, self.title_key, "is missing")
        self.record_key("title", self.title_key)
        self.read_dates()
        item.language = get_text(self.record, self.language_key) or None
        item.tags = [clean_line(text) for text in _iter_texts(self.record.get(self.tags_key))]
        self.read_parts()
        self.read_texts()
        if not item.lead and not item.body:
            raise PageError(document.url, self.body_key, "is missing, and so is the lead")
        return item

    def read_dates(self) -> None:
        item = self.item
        if published := get_text(self.record, self.published_key):
            item.published = published
            self.record_key("published", self.published_key)
        if self.updated_key is None:
            return
        updated = get_text(self.record, self.updated_key)
        if _is_later(updated, item.published):  # a change before the publication is no update
            item.updated = updated
            self.record_key("updated", self.updated_key)

    def read_parts(self) -> None:
        """Set the contacts and files from the record's own lists and from its texts.

        Contacts are taken from the texts only if the record lists none.
        """
        document, body = self.document, self.document.get_section("body")
        contacts = list(self.read_contacts())
        if not contacts and (found := choose_contacts(find_contact_areas(document), body)):
            contacts = found[0]
        self.item.contacts = contacts
        files = (*self.read_files(), *find_attachments(document, body))
        self.item.attachments = list({file.url: file for file in reversed(files)}.values())[::-1]

    def read_texts(self) -> None:
        """Set the lead, the body, the questions and the images."""
        item, resolve_url = self.item, self.document.resolve_url
        lead, body = (convert_to_soup(self.document.get_section(name)) for name in ("lead", "body"))
        try:
            item.lead = "\n\n".join(block.text for block in read_blocks(lead, resolve_url)) or None
            blocks = find_body(read_blocks(body, resolve_url), item.title, item.url)
            pairs = find_question_pairs(blocks, f"{item.title} {item.lead or ''}")
            item.body, item.body_html = format_body_text(blocks), render_body_html(blocks, pairs)
            item.questions = [pair.to_question_item() for pair in pairs]
            images = (*self.read_images(), *find_images(body, resolve_url))
        finally:
            decompose_soup(lead)
            decompose_soup(body)
        # without duplicates; the first image of each URL is kept
        item.images = list({image.url: image for image in reversed(images)}.values())[::-1]
        for name in filter(lambda name: getattr(item, name), ("lead", "body")):
            self.record_key(name, getattr(self, f"{name}_key"))

    def resolve_url(self, text: str) -> str | None:
        return self.document.resolve_url(text) if text else None

    def record_key(self, field: str, key: str) -> None:
        self.item.evidence[field] = Provenance(rule="record of the wire", element=key)


class ViaTTPage(WirePage):
    """A record from the press wire Via TT, in which `leadtext` and `body` are HTML.

    The time in `published` has a UTC offset.
    """

    title_key, lead_key, body_key = "title", "leadtext", "body"
    published_key, language_key, tags_key = "published", "language", "keywords"

    @classmethod
    def read_markup(cls, record: dict[str, Any]) -> dict[str, str]:
        contacts = record.get("contacts")
        text = get_text(contacts, "text") if isinstance(contacts, dict) else ""
        return {
            "lead": _to_markup(get_text(record, cls.lead_key)),
            "body": _to_markup(get_text(record, cls.body_key)),
            "contacts": f"<h2>Kontakt</h2>{_to_markup(text)}" if text else "",
        }

    def read_contacts(self) -> Iterator[ContactItem]:
        contacts = self.record.get("contacts")
        for person in _iter_objects(
            contacts.get("persons") if isinstance(contacts, dict) else None
        ):
            values = {
                name: clean_line(get_text(person, key)) or None
                for name, key in (
                    ("name", "name"),
                    ("role", "title"),
                    ("phone", "phone"),
                    ("email", "email"),
                )
            }
            if any(values.values()):
                yield ContactItem(**values)

    def read_images(self) -> Iterator[ImageItem]:
        for image in _iter_objects(self.record.get("images")):
            # `url` may be a page about the picture
            if url := self.resolve_url(get_text(image, "normal") or get_text(image, "url")):
                yield ImageItem(url=url, caption=get_text(image, "caption") or None)

    def read_files(self) -> Iterator[AttachmentItem]:
        for file in _iter_objects(self.record.get("documents")):
            if url := self.resolve_url(get_text(file, "url")):
                yield AttachmentItem(
                    url=url, title=clean_line(get_text(file, "caption")) or url.rpartition("/")[2]
                )


class CisionPage(WirePage):
    """A record from the press wire Cision. Its texts are plain text.

    If the wire's list contains all details, the texts are also given as HTML (`HtmlIntro`,
    `HtmlBody`).
    """

    title_key, lead_key, body_key = "Title", "Intro", "Body"
    published_key, updated_key = "PublishDate", "LastChangeDate"
    language_key, tags_key = "LanguageCode", "Keywords"

    @classmethod
    def read_markup(cls, record: dict[str, Any]) -> dict[str, str]:
        lead, body, contact = (
            _to_markup(get_text(record, f"Html{key}") or get_text(record, key))
            for key in ("Intro", "Body", "Contact")
        )
        text = _to_comparison_text(lead + body)
        quotes = [get_text(quote, "Text") for quote in _iter_objects(record.get("Quotes"))]
        for quote in filter(None, quotes):
            # otherwise, the quotation was taken from the text
            if _to_comparison_text(quote) not in text:
                body += f"<blockquote>{_to_markup(quote)}</blockquote>"
        return {
            "lead": lead,
            "body": body,
            "contacts": f"<h2>Kontakt</h2>{contact}" if contact else "",
        }

    def read_images(self) -> Iterator[ImageItem]:
        for image in _iter_objects(self.record.get("Images")):
            if url := self.resolve_url(get_text(image, "DownloadUrl")):
                yield ImageItem(
                    url=url,
                    caption=get_text(image, "Description") or get_text(image, "Title") or None,
                    credit=get_text(image, "Photographer") or None,
                )

    def read_files(self) -> Iterator[AttachmentItem]:
        for file in _iter_objects(self.record.get("Files")):
            if url := self.resolve_url(get_text(file, "Url")):
                title = clean_line(get_text(file, "Title") or get_text(file, "FileName"))
                yield AttachmentItem(url=url, title=title or url.rpartition("/")[2])


WIRE_PAGES: dict[str, type[WirePage]] = {"viatt": ViaTTPage, "cision": CisionPage}


def choose_wire_page(url: str) -> type[WirePage] | None:
    """Return the page class for the JSON records of the press wire at a URL's host.

    Returns None if the host does not belong to a supported wire.
    """
    return next((page for name, page in WIRE_PAGES.items() if WIRE_SERVICES[name].owns(url)), None)


def _read_json_object(body: bytes, url: str) -> dict[str, Any]:
    """Parse a record. Raises PageError if it is not a JSON object, or is too large."""
    if len(body) > MAX_RECORD_BYTES:
        raise PageError(url, "page", f"has more than {MAX_RECORD_BYTES:,} bytes")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise PageError(url, "page", f"is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise PageError(url, "page", "is not a JSON object")
    return found


def get_text(record: dict[str, Any], key: str) -> str:
    """Return the string or number at a key as text, or "" if there is neither."""
    value = record.get(key)
    return (
        str(value).strip()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
        else ""
    )


def _iter_objects(value: Any) -> Iterable[dict[str, Any]]:
    return (
        (part for part in value[:MAX_PARTS] if isinstance(part, dict))
        if isinstance(value, list)
        else ()
    )


def _iter_texts(value: Any) -> Iterable[str]:
    return (
        (part for part in value[:MAX_PARTS] if isinstance(part, str))
        if isinstance(value, list)
        else ()
    )


def _to_markup(text: str) -> str:
    """Return a text as HTML. A text without block elements is split into paragraphs.

    >>> _to_markup("Ett.\\n\\nTvå & tre."), _to_markup("<p>Ett.</p>"), _to_markup("Ett <tre")
    ('<p>Ett.</p><p>Två &amp; tre.</p>', '<p>Ett.</p>', '<p>Ett &lt;tre</p>')
    """
    if BLOCK_TAG.search(text):
        return text
    is_markup = INLINE_TAG.search(text) or CHARACTER_REFERENCE.search(text)
    paragraphs = (part.strip() for part in PARAGRAPH_BREAK.split(text))
    return "".join(
        f"<p>{part if is_markup else escape(part, quote=False)}</p>" for part in paragraphs if part
    )


def _to_comparison_text(markup: str) -> str:
    return "".join(
        character for character in unescape(TAG.sub("", markup)) if character.isalnum()
    ).casefold()


def _is_later(time: str, than: str | None) -> bool:
    """Return whether an ISO 8601 time is later than another one.

    Returns False if the times cannot be compared.
    """
    try:
        return than is not None and datetime.fromisoformat(time) > datetime.fromisoformat(than)
    except (ValueError, TypeError):  # not a time, or only one of the two has an offset
        return False
