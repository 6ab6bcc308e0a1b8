"""NewsPage: the reading order, overridable fields.

Which version of the reading rules this is: two states read by different ones may differ without any edit.

NewsPage: reads a release from any page. A CMS or an agency overrides only what differs.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

from bs4 import Tag

import scraper.normalise
import scraper.pages
from scraper.agency import Agency
from scraper.errors import NotARelease
from scraper.items import Evidence, ReleaseItem
from scraper.normalise.text import clean_line
from scraper.normalise.urls import host_of
from scraper.pages.blocks import Block, is_inside, read_blocks, within
from scraper.pages.body import body_html, body_text, find_body
from scraper.pages.contacts import choose_contacts, find_areas
from scraper.pages.content import (
    bring_lead,
    drop_margins,
    drop_noise,
    find_container,
    find_main,
    gather_folded,
    parts_of_text,
    remove,
    take_apart,
    to_soup,
)
from scraper.pages.dates import Found, choose_dates
from scraper.pages.document import (
    Document,
    Element,
    declared_lead,
    declared_questions,
    find_address,
    path_of,
    whole_text,
)
from scraper.pages.lead import find_lead
from scraper.pages.media import find_attachments, find_images
from scraper.pages.page_type import LEAST_TEXT, find_refusal, find_short_refusal, is_listing, look_at
from scraper.pages.questions import find_pairs
from scraper.pages.tags import find_bracketed, find_kind, find_named_tags, find_tags
from scraper.pages.title import find_title

LIBRARIES = ("lxml", "beautifulsoup4", "cssselect", "nh3")  # that read pages: a new release may read one otherwise


@cache
def rules_version(agency: Agency | None = None) -> str:
    """Twelve hex digits of the SHA-256 over what turns a page into a release: our files, the versions of the
    libraries below them, the agency's own table.
    """
    digest = hashlib.sha256(repr(agency).encode())
    for library in LIBRARIES:
        digest.update(f"{library} {version(library)}\0".encode())
    for package in (scraper.pages, scraper.normalise):
        for file in sorted(Path(package.__path__[0]).glob("*.py")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    digest.update(files("archive").joinpath("html.py").read_bytes())  # what body_html may hold
    return digest.hexdigest()[:12]


MARK = "data-field"  # set on elements that a selector names, so that the soup knows them again
TEXT = "data-text"  # set on the element that holds the running text


class NewsPage:
    """One page, read field by field. `read()` gives the item.

    Dates and tags may stand anywhere on a page, so they are read from the whole parsed tree; what belongs to
    the text (lead, body, questions, images) is read from `soup`, which holds the main element only.
    """

    # CSS selectors of the fields, tried in order after the agency's own. Subclasses set only what their CMS has.
    title_css: ClassVar[tuple[str, ...]] = ()
    lead_css: ClassVar[tuple[str, ...]] = ()
    body_css: ClassVar[tuple[str, ...]] = ()
    published_css: ClassVar[tuple[str, ...]] = ()
    updated_css: ClassVar[tuple[str, ...]] = ()
    tags_css: ClassVar[tuple[str, ...]] = ()
    drop_css: ClassVar[tuple[str, ...]] = ()  # never part of a release on this CMS
    beside_css: ClassVar[tuple[str, ...]] = ()  # holds dates, tags or files, but no running text

    def __init__(self, document: Document, agency: Agency | None = None) -> None:
        self.document, self.agency = document, agency
        self.item = ReleaseItem(url=document.url, agency=agency.slug if agency else host_of(document.url))
        self.item.zone = agency.zone if agency else None
        self.item.reader = f"{type(self).__name__} {rules_version(agency)}"
        self.heading: Element | None = None

    def read(self) -> ReleaseItem:
        """The whole page as an item; NotARelease where it is none."""
        self.refuse()
        self.prepare()
        self.address()
        self.title()
        self.kind()
        self.dates()
        self.tags()
        self.attachments()
        self.contacts()
        self.make_soup()
        try:
            self.images()
            blocks = self.blocks()
            self.lead(blocks)
            self.body(blocks)
        finally:
            take_apart(self.soup)
        self.item.language = self.document.language
        self.refuse_few_words()
        return self.item

    def refuse(self) -> None:
        """Stop at a page that says itself it is no release."""
        self.seen = look_at(self.document)
        if found := find_refusal(self.seen):
            raise NotARelease(self.document.url, found.problem, found.kind, found.target)

    def refuse_few_words(self) -> None:
        """Stop at a page without a text, or with no more of one than tells why there is none."""
        text = "\n".join(filter(None, (self.item.lead, self.item.body)))
        if len(text) < LEAST_TEXT:  # the page as it came: this one's tree was cut by now
            self.seen = look_at(Document(self.document.text.encode(), self.document.url), whole=True)
        if found := find_short_refusal(self.seen, self.item.title, text, dated=self.item.published is not None):
            raise NotARelease(self.document.url, found.problem, found.kind, found.target)

    def prepare(self) -> None:
        """Mark what selectors name, drop what is never text, find the main element."""
        self.marked = {field: self.mark(field) for field in ("title", "lead", "body")}
        self.drop(self.drop_css)
        self.named_tags = find_named_tags(self.document.root)
        self.bracketed = find_bracketed(self.document.root)
        self.areas = find_areas(self.document)
        drop_noise(self.document.root)
        self.main, rule = find_main(self.document.root)
        body = self.marked["body"]
        if body is not None and self.main not in body.iterancestors():
            self.main, rule = body, "selector"
        bring_lead(self.main, self.marked["lead"], self.document.root)
        self.note("main", rule, self.main)
        if is_listing(self.main):
            raise NotARelease(self.document.url, "is a listing", "listing")

    def make_soup(self) -> None:
        """Mark the running text, bring folded questions to it, and hand the main element to BeautifulSoup."""
        self.drop(self.beside_css)
        own = self.agency is not None and self.agency.body is not None
        self.container = find_container(self.main, self.marked["body"], own=own)
        texts = [self.container, *parts_of_text(self.container, self.main)]
        if self.container is self.marked["body"]:  # a CMS may hold a text in several fields
            texts += [part for css in self.selectors("body") for part in self.document.select(css)]
        for part in texts:
            part.set(TEXT, "")
        gather_folded(self.document.root, self.container)
        drop_margins(self.main)
        self.soup = to_soup(self.main)

    def address(self) -> None:
        """The canonical address, where the page declares one that can be its own."""
        self.item.url = find_address(self.document) or self.document.url

    def title(self) -> None:
        """The title a reader sees."""
        marked = self.marked["title"]
        if marked is not None:
            self.heading, self.item.title = marked, clean_line(whole_text(marked))
            self.note("title", "selector", marked)
            return
        if found := find_title(self.document, self.main):
            self.item.title, self.item.evidence["title"], self.heading = found

    def kind(self) -> None:
        """What the agency calls the page."""
        if found := find_kind(self.document, self.heading):
            self.item.kind, self.item.evidence["kind"] = found

    def dates(self) -> None:
        """When it was published and updated."""
        selected = {field: self.selected_date(field) for field in ("published", "updated")}
        for field, found in choose_dates(self.document, self.main, self.heading, selected):
            setattr(self.item, field, found.text)
            self.item.evidence[field] = found.evidence

    def selected_date(self, field: str) -> Found | None:
        """The date in an element that a selector names; unreadable, it is an error for to_release to raise."""
        element = self.find(field)
        if element is None:
            return None
        text = element.get("datetime") or element.get("content") or clean_line(whole_text(element))
        return Found(field, text, None, Evidence(rule="selector", element=path_of(element)))

    def tags(self) -> None:
        """Subjects as shown."""
        for css in self.selectors("tags"):
            elements = self.document.select(css)
            if elements:
                self.item.tags = [clean_line(whole_text(element)) for element in elements]
                self.note("tags", "selector", elements[0])
                return
        found = self.named_tags or find_tags(self.main) or self.bracketed
        if found:
            self.item.tags, self.item.evidence["tags"] = found

    def attachments(self) -> None:
        """Files the page links to."""
        self.item.attachments = find_attachments(self.document, self.main)

    def contacts(self) -> None:
        """Whom to ask."""
        if found := choose_contacts(self.areas, self.main):
            self.item.contacts, self.item.evidence["contacts"] = found

    def images(self) -> None:
        """Pictures in the text."""
        self.item.images = find_images(self.soup, self.document.absolute)

    def blocks(self) -> list[Block]:
        """The blocks of the main element, in reading order."""
        return read_blocks(self.soup, self.document.absolute)

    def lead(self, blocks: list[Block]) -> None:
        """The lead; its blocks are taken out of the row, for the body does not repeat it."""
        start = next((index for index, block in enumerate(blocks) if is_inside(block.element, TEXT)), 0)
        found = find_lead(blocks, declared_lead(self.document), MARK, start)
        if found:
            where, rule = found
            self.item.lead = "\n\n".join(blocks[index].text for index in where)
            self.note("lead", rule, blocks[where.start].element)
            del blocks[where.start : where.stop]

    def body(self, blocks: list[Block]) -> None:
        """The running text, with its questions."""
        text = find_body(within(blocks, TEXT), self.item.title, self.document.url)
        context = f"{self.item.title or ''} {self.item.lead or ''}"
        pairs = find_pairs(text, context, declared_questions(self.document))
        self.item.body, self.item.body_html = body_text(text), body_html(text, pairs)
        self.note("body", "selector" if self.container is self.marked["body"] else "densest part", self.container)
        self.item.questions = [pair.to_item() for pair in pairs]
        if pairs:
            first = text[pairs[0].at]
            self.note("questions", f"{first.kind} that asks", first.element)

    def selectors(self, field: str) -> tuple[str, ...]:
        """The CSS selectors of a field: the agency's, then the class's."""
        own: str | None = getattr(self.agency, field, None)
        return (*((own,) if own else ()), *getattr(self, f"{field}_css"))

    def find(self, field: str) -> Element | None:
        """The first element a selector of the field names."""
        for css in self.selectors(field):
            for element in self.document.select(css):
                if clean_line(whole_text(element)) or element.get("content"):
                    return element
        return None

    def mark(self, field: str) -> Element | None:
        """The field's element, marked."""
        element = self.find(field)
        if element is not None:
            element.set(MARK, field)
        return element

    def drop(self, selectors: tuple[str, ...]) -> None:
        """Take out what selectors name."""
        for css in selectors:
            for element in self.document.select(css):
                remove(element)

    def note(self, field: str, rule: str, element: Element | Tag) -> None:
        """Keep where a field came from."""
        self.item.evidence[field] = Evidence(rule=rule, element=path_of(element))
