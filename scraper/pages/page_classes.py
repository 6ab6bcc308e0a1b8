"""NewsPage parses a release from any page. The page class for a CMS overrides only what differs.

There are classes for SiteVision, Optimizely, WordPress and Drupal. The key `page` of an agency
selects a class in scraper.pages.agencies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

from bs4 import Tag

from scraper.agency import PAGE_CLASSES, Agency, load_page_class
from scraper.errors import NotARelease
from scraper.items import Provenance, ReleaseItem
from scraper.normalise.page_urls import extract_host
from scraper.normalise.text_cleaning import clean_line
from scraper.pages.blocks import (
    FIELD_ATTRIBUTE,
    TEXT_ATTRIBUTE,
    PageBlock,
    convert_to_soup,
    decompose_soup,
    find_field,
    is_inside_marked,
    read_blocks,
    select_marked_blocks,
)
from scraper.pages.body import find_body, format_body_text, is_caption_block, render_body_html
from scraper.pages.body_check import compare_body, has_lines_of, read_sentences
from scraper.pages.boilerplate import (
    drop_boilerplate,
    drop_cards,
    drop_hidden_headings,
    drop_sidebars,
)
from scraper.pages.contact_areas import choose_contacts, find_contact_areas
from scraper.pages.document import (
    MIN_SENTENCE_LENGTH,
    Document,
    Element,
    find_canonical_url,
    format_element_path,
    get_declared_questions,
    get_declared_summaries,
    get_text_content,
    remove_element,
)
from scraper.pages.lead import SENTENCE_ENDS, find_lead, has_words
from scraper.pages.main_text import (
    drop_banners,
    find_frame,
    find_main_element,
    find_release_start,
    find_text_container,
    gather_accordions,
    iter_before,
    iter_text_parts,
    move_intro_to_heading,
    move_lead_into_main,
)
from scraper.pages.media import find_attachments, find_images, mark_captions
from scraper.pages.page_dates import ADDRESS_RULE, PageDate, choose_dates, is_date_of_field
from scraper.pages.page_type import (
    MIN_TEXT_LENGTH,
    find_rejection,
    find_short_page_rejection,
    is_listing,
    is_listing_url,
    read_page_signals,
)
from scraper.pages.questions import find_question_pairs
from scraper.pages.tags import find_kind, find_labelled_tags, find_tags
from scraper.pages.title import find_page_heading, find_title

MARKED_FIELDS = ("title", "lead", "body")  # whose elements are marked in the tree
# libraries whose new releases may parse pages differently
PARSER_LIBRARIES = ("lxml", "beautifulsoup4", "cssselect", "nh3", "idna")


class NewsPage:
    """Parses one page field by field. `read()` returns the item.

    Dates, tags and contacts may be anywhere on a page, so they are read from the whole lxml tree.
    The lead, the body, the questions and the images belong to the text, so they are read from
    `soup`, which contains only the main element.
    """

    # CSS selectors of the fields, tried in order after the agency's own. Subclasses set only those
    # that their CMS needs.
    title_css: ClassVar[tuple[str, ...]] = ()
    lead_css: ClassVar[tuple[str, ...]] = ()
    body_css: ClassVar[tuple[str, ...]] = ()
    published_css: ClassVar[tuple[str, ...]] = ()
    updated_css: ClassVar[tuple[str, ...]] = ()
    tags_css: ClassVar[tuple[str, ...]] = ()
    drop_css: ClassVar[
        tuple[str, ...]
    ] = ()  # elements that are never part of a release on this CMS
    metadata_css: ClassVar[
        tuple[str, ...]
    ] = ()  # elements with dates, tags or files, but no running text

    def __init__(self, document: Document, agency: Agency | None = None) -> None:
        self.document, self.agency = document, agency
        self.item = ReleaseItem(
            url=document.url, agency=agency.slug if agency else extract_host(document.url)
        )
        self.item.zone = agency.zone if agency else None
        self.item.parser_version = f"{type(self).__name__} {compute_parser_version(agency)}"
        self.title_element: Element | None = None

    def read(self) -> ReleaseItem:
        """Parse the page and return it as an item.

        Raises NotARelease if the page is not a release.
        """
        self.signals = read_page_signals(self.document)
        if found := find_rejection(self.signals):
            raise NotARelease(self.document.url, found.problem, found.kind, found.target)
        if is_listing_url(self.document.url, self.agency):
            raise NotARelease(self.document.url, "is a listing, by its address", "listing")
        self.prepare_tree()
        self.item.url = find_canonical_url(self.document) or self.document.url
        self.extract_title()
        if kind := find_kind(self.document, self.title_element):
            self.item.kind, self.item.evidence["kind"] = kind
        self.extract_dates()
        self.extract_tags()
        self.item.attachments = find_attachments(self.document, self.main_element)
        if contacts := choose_contacts(self.contact_areas, self.main_element):
            self.item.contacts, self.item.evidence["contacts"] = contacts
        self.build_soup()
        try:
            self.item.images = find_images(self.soup, self.document.resolve_url)
            read = read_blocks(self.soup, self.document.resolve_url)
            read = self.skip_blocks_before_title(read)
            blocks = [block for block in read if not is_caption_block(block)]
            self.extract_lead(blocks)
            self.extract_body(blocks)
        finally:
            decompose_soup(self.soup)
        self.item.language = self.document.language
        self.reject_empty_page()
        self.check_agreement()
        return self.item

    def check_agreement(self) -> None:
        """Compare the body with all sentences on the page, and store how well they agree.

        Raises NotARelease if the body is certainly not the page's text.
        """
        text = "\n".join(filter(None, (self.item.lead, self.item.body)))
        heading = self.title_element if self.title_element is not None else self.start
        found = compare_body(self.sentences, heading, self.item.title, text)
        if found.is_wrong:
            raise NotARelease(
                self.document.url,
                f"the text found {found.doubt}: {clean_line(text)[:60]!r}",
                "other",
            )
        self.item.agreement, self.item.doubt = found.share, found.doubt
        if found.doubt is None and has_lines_of(self.possible_teasers, text):
            self.item.doubt = "may end in teasers for other pages"
        if found.share is not None:
            self.item.evidence["agreement"] = Provenance(
                rule=found.describe(), element=found.block_path
            )

    def reject_empty_page(self) -> None:
        text = "\n".join(filter(None, (self.item.lead, self.item.body)))
        # read again, because elements have been removed from this document's tree
        if len(text) < MIN_TEXT_LENGTH:
            original = Document(self.document.text.encode(), self.document.url)
            self.signals = read_page_signals(original, include_text=True)
        # walls and outages keep the address, and its date
        published = self.item.evidence.get("published")
        has_date = published is not None and published.rule != ADDRESS_RULE
        if found := find_short_page_rejection(
            self.signals, self.item.title, text, has_date=has_date
        ):
            raise NotARelease(self.document.url, found.problem, found.kind, found.target)

    def prepare_tree(self) -> None:
        """Prepare the tree for parsing.

        This drops boilerplate, finds the main element, and marks the elements that selectors match.
        Raises NotARelease if the main element is a listing.
        """
        root = self.document.root
        drop_hidden_headings(self.document)
        self.start = start = find_release_start(self.document)
        self.own_elements = self.find_own_elements()
        if start is not None:
            move_intro_to_heading(start)
            drop_banners(self.document, start, self.own_elements.values())
        self.sentences = read_sentences(root)
        self.drop_elements(self.drop_css)
        # Tags and contacts come first, because they are often marked up like boilerplate.
        self.labelled_tags = find_labelled_tags(root)
        self.contact_areas = find_contact_areas(self.document)
        drop_boilerplate(self.document)
        self.main_element, rule = find_main_element(self.document, find_page_heading(self.document))
        body = self.own_elements.get("body")
        if body is not None and self.main_element not in body.iterancestors():
            self.main_element, rule = body, "selector"
        self.early_elements: set[Element] = set()
        if start is not None:
            frame = find_frame(start)
            self.early_elements = {
                part for part in iter_before(start) if frame not in part.iterancestors()
            }
        self.mark_field_elements()
        move_lead_into_main(self.main_element, self.marked_elements["lead"], root)
        self.record_evidence("main", rule, self.main_element)
        if is_listing(self.main_element):
            raise NotARelease(self.document.url, "is a listing", "listing")
        self.possible_teasers = drop_cards(self.main_element)

    def find_own_elements(self) -> dict[str, Element]:
        """Return the first element that matches the agency's own selector for each field.

        The fields are title, lead and body. Fields without such an element are left out. The
        elements may be anywhere on the page.
        """
        own = ((field, getattr(self.agency, field, None)) for field in MARKED_FIELDS)
        found = ((field, next(self.iter_filled(field, css), None)) for field, css in own if css)
        return {field: element for field, element in found if element is not None}

    def mark_field_elements(self) -> None:
        self.marked_elements = {field: self.find_field_element(field) for field in MARKED_FIELDS}
        for field, element in self.marked_elements.items():
            if element is not None:
                element.set(FIELD_ATTRIBUTE, field)

    def build_soup(self) -> None:
        self.drop_elements(self.metadata_css)
        is_agency_selector = self.agency is not None and self.agency.body is not None
        self.text_container = find_text_container(
            self.main_element, self.marked_elements["body"], is_agency_selector=is_agency_selector
        )
        texts = [self.text_container, *iter_text_parts(self.text_container, self.main_element)]
        # a CMS may have several fields with text
        if self.text_container is self.marked_elements["body"]:
            selectors = self.field_selectors("body")
            found = (part for css in selectors for part in self.document.select(css))
            texts += [part for part in found if part not in self.early_elements]
        for part in texts:
            part.set(TEXT_ATTRIBUTE, "")
        gather_accordions(self.document.root, self.text_container)
        drop_sidebars(self.main_element)
        mark_captions(self.main_element)
        self.soup = convert_to_soup(self.main_element)

    def skip_blocks_before_title(self, blocks: list[PageBlock]) -> list[PageBlock]:
        """Return the blocks without those before the title.

        Sentences and the marked lead are kept. All blocks are returned if the sentences before the
        title have at least as many characters as those after it, or if the agency's own selector
        matched the body.
        """
        fields = [find_field(block.element) for block in blocks]
        start = fields.index("title") if "title" in fields else 0
        early = sum(map(_count_sentence_letters, blocks[:start]))
        late = sum(map(_count_sentence_letters, blocks[start:]))
        if "body" in self.own_elements or early >= late:
            return blocks
        if "title" in fields and blocks[start].element.name != "h1":
            # another element is not recognised as the heading later
            del (blocks[start], fields[start])
        marked = zip(blocks[:start], fields, strict=False)
        return [
            block for block, field in marked if field == "lead" or _count_sentence_letters(block)
        ] + blocks[start:]

    def extract_title(self) -> None:
        selected = self.marked_elements["title"]
        if selected is not None:
            self.title_element, self.item.title = selected, clean_line(get_text_content(selected))
            self.record_evidence("title", "selector", selected)
        elif found := find_title(self.document, self.main_element, self.start):
            self.item.title, self.item.evidence["title"], self.title_element = found
        if self.title_element is not None:
            self.title_element.set(FIELD_ATTRIBUTE, "title")

    def extract_dates(self) -> None:
        selected = {field: self.read_selected_date(field) for field in ("published", "updated")}
        for field, found in choose_dates(
            self.document, self.main_element, self.title_element, selected
        ):
            setattr(self.item, field, found.text)
            self.item.evidence[field] = found.evidence

    def read_selected_date(self, field: str) -> PageDate | None:
        element = self.find_field_element(field)
        if element is None:
            return None
        if element.get("class") and not is_date_of_field(element, field):
            return None
        # The text is not parsed here: `to_release` raises the error if it cannot be read.
        text = (
            element.get("datetime")
            or element.get("content")
            or clean_line(get_text_content(element))
        )
        return PageDate(
            field, text, None, Provenance(rule="selector", element=format_element_path(element))
        )

    def extract_tags(self) -> None:
        for css in self.field_selectors("tags"):
            elements = self.document.select(css)
            if elements:
                texts = (
                    get_text_content(element) or element.get("content", "") for element in elements
                )
                self.item.tags = [clean_line(text) for text in texts]
                self.record_evidence("tags", "selector", elements[0])
                return
        found = self.labelled_tags or find_tags(self.main_element)
        if found:
            self.item.tags, self.item.evidence["tags"] = found

    def extract_lead(self, blocks: list[PageBlock]) -> None:
        """Set the lead, and delete its blocks from `blocks`, so that the body does not repeat it.

        If no text follows the lead, it stays in the body and no lead is set.
        """
        in_text = (
            index
            for index, block in enumerate(blocks)
            if is_inside_marked(block.element, TEXT_ATTRIBUTE)
        )
        found = find_lead(
            blocks, get_declared_summaries(self.document), FIELD_ATTRIBUTE, next(in_text, 0)
        )
        if found and any(
            len(block.text) >= MIN_SENTENCE_LENGTH for block in blocks[found[0].stop :]
        ):
            lead_range, rule = found
            self.item.lead = "\n\n".join(blocks[index].text for index in lead_range)
            self.record_evidence("lead", rule, blocks[lead_range.start].element)
            del blocks[lead_range.start : lead_range.stop]

    def extract_body(self, blocks: list[PageBlock]) -> None:
        found = find_body(
            select_marked_blocks(blocks, TEXT_ATTRIBUTE), self.item.title, self.document.url
        )
        text = [
            block
            for block in found
            if block.element.name != "h1" or find_field(block.element) != "title"
        ]
        # two sentences: the title and the lead
        context = ". ".join(filter(None, (self.item.title, self.item.lead)))
        pairs = find_question_pairs(text, context, get_declared_questions(self.document))
        self.item.body, self.item.body_html = format_body_text(text), render_body_html(text, pairs)
        rule = "selector" if self.text_container is self.marked_elements["body"] else "densest part"
        self.record_evidence("body", rule, self.text_container)
        self.item.questions = [pair.to_question_item() for pair in pairs]
        if pairs:
            first = text[pairs[0].start]
            self.record_evidence("questions", f"{first.kind} that asks", first.element)

    def field_selectors(self, field: str) -> tuple[str, ...]:
        agency_selector: str | None = getattr(self.agency, field, None)
        return (*((agency_selector,) if agency_selector else ()), *getattr(self, f"{field}_css"))

    def find_field_element(self, field: str) -> Element | None:
        """Return the first element that a selector for a field matches, or None if none matches.

        For the title, the lead and the body, matches of a CMS's selectors before the start of the
        release are ignored. A body must also be in the main element.
        """
        if field in self.own_elements:
            return self.own_elements[field]
        for css in self.field_selectors(field):
            for element in self.iter_filled(field, css):
                is_early = field in MARKED_FIELDS and element in self.early_elements
                is_outside = self.main_element not in (element, *element.iterancestors())
                if not is_early and not (field == "body" and is_outside):
                    return element
        return None

    def iter_filled(self, field: str, css: str) -> Iterator[Element]:
        """Yield the elements that match a selector and contain text or have a content attribute."""
        for element in self.document.select(css):
            text = clean_line(get_text_content(element))
            if (text or element.get("content")) and (field != "lead" or has_words(text)):
                yield element

    def drop_elements(self, selectors: tuple[str, ...]) -> None:
        for css in selectors:
            for element in self.document.select(css):
                remove_element(element)

    def record_evidence(self, field: str, rule: str, element: Element | Tag) -> None:
        self.item.evidence[field] = Provenance(rule=rule, element=format_element_path(element))


def _count_sentence_letters(block: PageBlock) -> int:
    """Return the length of a block that ends like a sentence and is mainly outside links.

    Returns 0 for any other block.
    """
    if block.level < 9 or len(block.text) < MIN_SENTENCE_LENGTH or block.link_share >= 0.5:
        return 0
    is_linked = any(parent.name == "a" for parent in block.element.parents)
    return len(block.text) if block.text[-1] in SENTENCE_ENDS and not is_linked else 0


@cache
def compute_parser_version(agency: Agency | None = None) -> str:
    """Return the parser version, which changes when pages may be parsed differently.

    It is the first twelve hexadecimal digits of a SHA-256 hash of the source files of
    `scraper.pages` and `scraper.normalise`, the modules for items, releases and URLs, the versions
    of the libraries used, the agency's settings, and the file with the agency's page class. The
    classes of other agencies are not included.
    """
    digest = hashlib.sha256(repr(agency).encode())
    for library in PARSER_LIBRARIES:
        digest.update(f"{library} {version(library)}\0".encode())
    own = Path(__file__).parent
    for folder in (own, own.with_name("normalise")):
        for file in sorted(folder.glob("*.py")):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    if agency and agency.page:
        digest.update((PAGE_CLASSES / f"{agency.page}.py").read_bytes())
    for name in ("items.py", "agency.py"):
        digest.update((own.parent / name).read_bytes())
    for name in ("database/stored_text.py", "database/models.py", "urls.py"):
        digest.update(files("archive").joinpath(name).read_bytes())
    return digest.hexdigest()[:12]


# enough to include the stylesheets, icons and menus that reveal the CMS
MAX_SCANNED_CHARACTERS = 60_000


class DrupalPage(NewsPage):
    """A page built with Drupal, which marks each field with a class name."""

    title_css: ClassVar[tuple[str, ...]] = (
        "h1.page-title",
        "h1.node__title",
        "h1 .field--name-title",
        "h1#page-title",
    )
    lead_css: ClassVar[tuple[str, ...]] = tuple(
        f".node .field--name-field-{name}"
        for name in ("ingress", "preamble", "lead", "intro", "introduction", "teaser-text")
    )
    body_css: ClassVar[tuple[str, ...]] = (
        ".node--view-mode-full .field--name-body",
        "article .field--name-body",
        ".node-content .field-name-body",
    )
    tags_css: ClassVar[tuple[str, ...]] = (
        ".node .field--name-field-tags a",
        ".node .field--name-field-tags .field__item",
        ".field-name-field-tags a",
    )
    drop_css: ClassVar[tuple[str, ...]] = (
        ".block-local-tasks-block",
        ".contextual-links",
        ".node__links",
        ".block-views",
    )
    metadata_css: ClassVar[tuple[str, ...]] = (".field--type-file", ".field-type-file")


class EpiserverPage(NewsPage):
    """A page built with Episerver (now Optimizely), the most common CMS among agencies."""

    lead_css: ClassVar[tuple[str, ...]] = (
        "main .preamble",
        "main .ingress",
        "main .introduction",
        "#content .ingress",
    )
    body_css: ClassVar[tuple[str, ...]] = (
        ".xhtml-string",
        ".main-body",
        ".editorial-html",
        ".article__body",
        ".article-body",
    )
    drop_css: ClassVar[tuple[str, ...]] = (
        ".EPiServerForms",
        ".EPiServerFormContainer",
        ".block-related",
        ".js-cookie-consent",
    )


class SiteVisionPage(NewsPage):
    """A page built with SiteVision, which builds pages from rows of portlets."""

    lead_css: ClassVar[tuple[str, ...]] = (
        "main .sv-text-portlet .ingress",
        "main p.ingress",
        ".sv-text-portlet-content p.ingress",
        ".sv-font-ingress",
        # the editors name each portlet
        "[id^='Ingress'] + .sv-text-portlet-content > p:only-child",
    )
    drop_css: ClassVar[tuple[str, ...]] = (
        ".sv-toc-portlet",
        ".sv-searchform-portlet",
        ".sv-linkmenu-portlet",
        ".sv-breadcrumb-portlet",
        ".sv-print-link",
    )


class WordPressPage(NewsPage):
    """A page built with WordPress, with a classic theme or the block editor."""

    lead_css: ClassVar[tuple[str, ...]] = (
        "article .preamble",
        "article .ingress",
        ".entry-content .has-lead-font-size",
        ".entry-header .entry-summary",
    )
    body_css: ClassVar[tuple[str, ...]] = (
        "article .entry-content",
        ".wp-block-post-content",
        "main .entry-content",
    )
    published_css: ClassVar[tuple[str, ...]] = (
        "article time.entry-date.published",
        "main .wp-block-post-date time",
    )
    updated_css: ClassVar[tuple[str, ...]] = ("article time.updated:not(.published)",)
    tags_css: ClassVar[tuple[str, ...]] = (
        "article .tags-links a",
        "article .wp-block-post-terms a",
        "article .post-tags a",
    )
    drop_css: ClassVar[tuple[str, ...]] = (
        ".sharedaddy",
        ".jp-relatedposts",
        ".post-navigation",
        ".wp-block-latest-posts",
        ".comments-area",
        ".yarpp-related",
    )


# The generator meta element is checked first, because a page may embed a file of another CMS.
GENERATOR_CLASSES: dict[str, type[NewsPage]] = {
    "wordpress": WordPressPage,
    "drupal": DrupalPage,
    "sitevision": SiteVisionPage,
    "episerver": EpiserverPage,
    "optimizely": EpiserverPage,
}
# Strings in the HTML that only one CMS writes.
CMS_TRACES: tuple[tuple[tuple[str, ...], type[NewsPage]], ...] = (
    (("sv-text-portlet", "sv-layout", "/download/18."), SiteVisionPage),
    (("/wp-content/", "/wp-includes/"), WordPressPage),
    (("data-drupal-", "/sites/default/files/", "Drupal.settings"), DrupalPage),
    (("/siteassets/", "/globalassets/", "/contentassets/", "EPi."), EpiserverPage),
)


def choose_page_class(document: Document, agency: Agency | None) -> type[NewsPage]:
    """Return the page class with which to parse a document.

    This is the class set for the agency. If none is set, it is the class for the page's CMS, or
    NewsPage for an unknown CMS.
    """
    if agency and agency.page:
        page_class: type[NewsPage] = load_page_class(agency.page)
        return page_class
    return _detect_cms(document)


def _detect_cms(document: Document) -> type[NewsPage]:
    generator = document.meta.get("generator", "").lower()
    for name, page in GENERATOR_CLASSES.items():
        if name in generator:
            return page
    beginning = document.text[:MAX_SCANNED_CHARACTERS]
    return next(
        (page for traces, page in CMS_TRACES if any(trace in beginning for trace in traces)),
        NewsPage,
    )
