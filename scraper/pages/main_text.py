"""Finds where the release is on its page: its start, the main element, and the running text.

Banners of the site (about a crisis, a disruption or cookies) are recognised by their place, because
their class names and wording differ between sites and change over time. A release starts at its
heading. Sentences before the heading are therefore not part of the release, unless they are in the
same main element, article or table, or directly before the heading.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, islice, takewhile

from lxml import etree

from scraper.normalise.dates import find_date_role
from scraper.normalise.text_cleaning import (
    clean_line,
    split_word_list,
)
from scraper.pages.blocks import is_question_text
from scraper.pages.boilerplate import (
    CONTACT_SECTION_HEADING,
    RELATED_SECTION_HEADING,
    SERVICE_SECTION_HEADING,
    compile_markup_name,
    has_alert_name,
)
from scraper.pages.document import (
    INLINE_TAGS,
    MIN_SENTENCE_LENGTH,
    Document,
    Element,
    count_linked_letters,
    count_text_letters,
    get_text_content,
    has_min_letters,
    iter_same_tag_siblings,
    remove_element,
    select_xpath,
)
from scraper.pages.lead import MAX_LEAD_LENGTH
from scraper.pages.title import build_comparison_key, find_page_heading, is_declared_heading

MAIN_ITEMPROPS = ("articleBody", "mainContentOfPage")
MAIN_IDS = ("main-content", "maincontent", "content", "main")
ARTICLE_RULE = "//article"
SIDEBAR_TAGS = {"header", "footer", "aside", "nav", "form"}
MIN_SECTION_LENGTH = 200  # characters of running text; a shorter article is not part of the release
MIN_COUNTED_LENGTH = 25  # characters; shorter blocks are labels and buttons, not text
MIN_LISTED_LINKS, MIN_LIST_LINK_SHARE = 5, 0.8  # links, and share of text in links, of a menu
MAX_SECTION_LINK_SHARE = 0.4  # share of a section's characters in links
# elements that a section of the text does not contain
NON_SECTION_TAGS = ("h1", "form", "input", "nav", "aside", "footer", "img")
NON_TEXT_HEADINGS = (SERVICE_SECTION_HEADING, CONTACT_SECTION_HEADING, RELATED_SECTION_HEADING)
# elements that are never the whole text
UNDIVIDED_TAGS = split_word_list("p ul ol table dl blockquote pre h2 li tbody tr")

# Banners.
PARAGRAPH_TAGS = ("p", "li", "dd", "blockquote", "h1", "h2", "h3")
FRAME_TAGS = ("main", "article", "table")
NON_BANNER_TAGS = ("head", "script", "style", "noscript", "template", "figure", "nav", "a")
SENTENCE_MARK = re.compile(r"[.!?…]")
SENTENCE_END = re.compile(rf"{SENTENCE_MARK.pattern}\W*(?:\s|$)")
MAX_DATE_LINE_LENGTH = 160  # characters
MAX_CAPTION_LENGTH = 400  # characters beside a picture, without white space

# Accordions.
_is_accordion_name = compile_markup_name("""
    faqs?(?:section|block|list|wrapper|container)? fragor vanliga-fragor accordions?
    accordion-?list
    """)
TOGGLE_XPATH = "descendant-or-self::summary | descendant-or-self::*[@aria-expanded]"
MAX_TOGGLE_DEPTH = 5  # elements from a toggle to its row
ACCORDION_SIDEBAR_TAGS = ("aside", "footer")
MENU_TAGS = ("nav", "dialog")


def find_release_start(document: Document) -> Element | None:
    """Return the element at which the release starts, or None if it cannot be found.

    This is the heading of the release. If there is no such heading, it is an h1 in or before the
    only main element, or else that main element.

    A heading belongs to the release if the declared titles confirm it or if it is in a main
    element.
    """
    heading, mains = find_page_heading(document), _find_mains(document)
    if heading is not None:
        is_in_main = any(main in heading.iterancestors() for main in mains)
        if is_in_main or is_declared_heading(heading, document):
            return _find_first_copy(heading, document)
    if len(mains) != 1:
        return None
    inside = next(mains[0].iter("h1"), None)
    before = [part for part in iter_before(mains[0]) if part.tag == "h1"]
    return inside if inside is not None else [mains[0], *before][-1]


def _find_first_copy(heading: Element, document: Document) -> Element:
    """Return the first h1 with the same words as a heading.

    The given heading may be only a copy of that h1, for example below the text. It is returned if
    no h1 has the same words.
    """
    key = build_comparison_key(get_text_content(heading))
    headings = document.select_by_tag("h1")
    copies = (part for part in headings if build_comparison_key(get_text_content(part)) == key)
    return next(copies, heading)


def iter_before(start: Element) -> Iterator[Element]:
    """Yield the elements that end before the element `start` begins, in document order."""
    for node in (*reversed(list(start.iterancestors())), start):
        for part in reversed(list(node.itersiblings(etree.Element, preceding=True))):
            yield from part.iter(etree.Element)


def find_frame(start: Element) -> Element:
    """Return the frame of a release: the outermost main element, article or table around its start.

    If there is no such element, the frame is the parent of the start if the start is an h1, and
    otherwise the start itself.
    """
    frame = next(start.iterancestors(), start) if start.tag == "h1" else start
    for part in start.iterancestors():
        if part.tag in FRAME_TAGS or part.get("role") == "main":
            frame = part
    return start if frame.tag in ("body", "html") else frame


def move_intro_to_heading(start: Element) -> None:
    """Move an introduction that directly precedes the box of a heading into the box.

    The introduction is put directly before the heading.

    Does nothing if `start` is not an h1, or if the heading and its introduction are inside a main
    element, an article or a table.
    """
    for node in (start, *start.iterancestors()):
        if start.tag != "h1" or node.tag in ("body", *FRAME_TAGS) or node.get("role") == "main":
            return
        previous = node.itersiblings(etree.Element, preceding=True)
        nearest = next((part for part in previous if count_text_letters(part)), None)
        if nearest is not None:
            if node is not start and _is_intro(nearest):
                remove_element(nearest)
                nearest.tail = None
                start.addprevious(nearest)
            return


def drop_banners(document: Document, start: Element, kept: Iterable[Element]) -> None:
    """Remove sentences before the element at which the release starts, with the boxes around them.

    Sentences in the frame of the release (see `find_frame`) are kept, because a lead or a
    correction may be above the heading. Such sentences are removed, however, if they are in an
    alert or in a box with its own heading. Dates, tags and images are kept if no sentence is beside
    them. The elements in `kept` are also kept.
    """
    lineage = _collect_lineage((start, *kept))
    lineage.update(part for element in kept for part in element.iter())
    frame, is_certain = find_frame(start), is_declared_heading(start, document)
    for element in _list_sentence_elements(list(iter_before(start))):
        ancestors = list(element.iterancestors())
        if frame in ancestors and not _is_in_foreign_box(element, lineage, is_certain=is_certain):
            continue
        box = _find_banner_box(element, lineage)
        is_in_link_or_menu = any(part.tag in NON_BANNER_TAGS for part in ancestors)
        if box not in lineage and not _is_picture_box(box) and not is_in_link_or_menu:
            remove_element(box)


def _list_sentence_elements(elements: Sequence[Element]) -> list[Element]:
    marked = _collect_marked(elements)
    return [element for element in elements if element in marked and _has_sentence(element)]


def _collect_marked(elements: Iterable[Element]) -> set[Element]:
    """Return the elements that contain a punctuation mark that ends a sentence."""
    marked: set[Element] = set()
    for element in elements:
        text, tail = element.text, element.tail
        around = element if text and SENTENCE_MARK.search(text) else None
        if around is None and tail and SENTENCE_MARK.search(tail):
            around = element.getparent()
        while around is not None and around not in marked:
            marked.add(around)
            around = around.getparent()
    return marked


def _find_banner_box(element: Element, lineage: Collection[Element]) -> Element:
    """Return the parent of the block around an element, or the block if its parent is in `lineage`.

    lineage: the start of the release, the elements to keep, and the ancestors of all these.
    """
    parts = (element, *element.iterancestors())
    block = next(part for part in parts if part.tag not in INLINE_TAGS)
    parent = block.getparent()
    return block if parent is None or parent in lineage else parent


def _is_picture_box(box: Element) -> bool:
    return box.find(".//img") is not None and not has_min_letters(box, MAX_CAPTION_LENGTH)


def _collect_lineage(elements: Iterable[Element]) -> set[Element]:
    return {part for element in elements for part in (element, *element.iterancestors())}


def _is_in_foreign_box(element: Element, lineage: Collection[Element], *, is_certain: bool) -> bool:
    """Return whether an element is in an alert, or in a box with an h1 of its own.

    An h1 counts only if it is certain which heading belongs to the release.

    lineage: elements that do not count as boxes, because they contain the start of the release or
        an element to keep.
    """
    parts = (element, *element.iterancestors())
    boxes = takewhile(lambda part: part not in lineage, parts)
    return any(
        has_alert_name(box) or (is_certain and box.find(".//h1") is not None) for box in boxes
    )


def _has_sentence(element: Element) -> bool:
    """Return whether an element directly contains a sentence that is not a date label."""
    tag = element.tag
    if tag in NON_BANNER_TAGS:
        return False
    texts = (
        [get_text_content(element)]
        if tag in PARAGRAPH_TAGS
        else [element.text, *(part.tail for part in element)]
    )
    return any(
        _has_undated_sentence(text) for text in texts if text and len(text) >= MIN_SENTENCE_LENGTH
    )


def _has_undated_sentence(text: str) -> bool:
    if not SENTENCE_END.search(text):  # most texts are those of menus, and cleaning costs more
        return False
    text = clean_line(text)
    if len(text) < MIN_SENTENCE_LENGTH:
        return False
    may_be_label = len(text) <= MAX_DATE_LINE_LENGTH and any(map(str.isdigit, text))
    return not may_be_label or find_date_role(text) is None


def find_main_element(document: Document, heading: Element | None = None) -> tuple[Element, str]:
    """Return the element that contains the release, and the rule that found the element.

    heading: the heading of the page, or None if it is unknown.
    """
    body = _find_body(document.root)
    text_lengths = _measure_running_text(body)
    lineage = set() if heading is None else set(heading.iterancestors())
    for rule, candidates in _iter_main_candidates(document):
        found = [element for element in candidates if element in text_lengths]
        is_article = rule == ARTICLE_RULE
        # with the heading, it is certain, however much text banners and footers have
        certain = [] if is_article else [element for element in found if element in lineage]
        best = _choose_longest(found, certain, text_lengths, text_lengths[body])
        if best is not None:
            chosen = (
                _include_other_articles(best, found, text_lengths)
                if is_article
                else _narrow_to_article(best, text_lengths)
            )
            _move_intro_into_main(chosen, heading)
            return chosen, rule
    text_lengths = _measure_running_text(body, excluded_tags=SIDEBAR_TAGS)
    chosen = _include_heading(
        _descend_to_densest(body, text_lengths, 0.6), body, text_lengths, heading
    )
    _move_intro_into_main(chosen, heading)
    return chosen, "densest"


def _iter_main_candidates(document: Document) -> Iterator[tuple[str, list[Element]]]:
    """Yield each rule (an XPath) for finding the main element, with the elements that match it."""
    yield "//main | //*[@role='main']", _find_mains(document)
    rule = "//*[@itemprop='articleBody' or @itemprop='mainContentOfPage']/.."
    yield rule, _find_itemprop_parents(document)
    yield ARTICLE_RULE, document.select_by_tag("article")
    rule = "//*[@id='main-content' or @id='maincontent' or @id='content' or @id='main']"
    yield rule, [part for part in document.index.order if part.get("id") in MAIN_IDS]


def _find_mains(document: Document) -> list[Element]:
    return document.list_present(
        (*document.select_by_tag("main"), *document.select_by_role("main"))
    )


def _find_itemprop_parents(document: Document) -> list[Element]:
    # most pages do not have the words, and looking for them first is cheaper than at each element
    if not any(prop in document.text for prop in MAIN_ITEMPROPS):
        return []
    marked = (part for part in document.root.iterdescendants("*") if part.get("itemprop"))
    return document.list_present(
        next(part.iterancestors()) for part in marked if part.get("itemprop") in MAIN_ITEMPROPS
    )


def _find_body(root: Element) -> Element:
    body = root.find("body")
    return root if body is None else body


def _choose_longest(
    found: Sequence[Element],
    certain: Sequence[Element],
    text_lengths: dict[Element, int],
    total: int,
) -> Element | None:
    """Return the element with the most text, or None if it has too little of the page's text.

    certain: the elements that certainly contain the release. If there are any, only these are
        considered, and a smaller share of the text is enough.
    """
    best = max(certain or found, key=lambda element: text_lengths[element], default=None)
    min_share = 0.1 if certain else 0.3
    if best is None or text_lengths[best] <= max(80, min_share * total):
        return None
    return best


def _move_intro_into_main(main: Element, heading: Element | None) -> None:
    """Move the sentences between the page's heading and the main element into the main element."""
    if heading is None or main in heading.iterancestors():
        return
    with_main = {main, *main.iterancestors()}
    intro: list[Element] = []
    for node in takewhile(lambda part: part not in with_main, (heading, *heading.iterancestors())):
        following = list(
            takewhile(lambda part: part not in with_main, node.itersiblings(etree.Element))
        )
        is_before_main = len(following) < sum(1 for _ in node.itersiblings(etree.Element))
        intro += filter(_is_intro, following)
        if is_before_main:
            if intro:
                # in an element of their own, because they are not the first sentences of the text
                box = etree.Element("div")
                for part in intro:
                    remove_element(part)
                    part.tail = None
                    box.append(part)
                main.insert(0, box)
            return


def _is_intro(element: Element) -> bool:
    """Return whether an element is a sentence, or a <div> that contains only a few sentences."""
    if element.tag != "div":
        return _is_sentence_paragraph(element, ".!?:")
    return (
        any(_is_sentence_paragraph(part, ".!?:") for part in element.iter("p"))
        and not any(True for _ in element.iter("a", "h2", "h3", "img", "ul"))
        and not has_min_letters(element, MAX_LEAD_LENGTH)
    )


def move_lead_into_main(main: Element, lead: Element | None, root: Element) -> None:
    """Move a lead that precedes the main element into the main element.

    A lead after the main element belongs to another text, and is not moved.
    """
    if lead is None or root not in lead.iterancestors() or main in (lead, *lead.iterancestors()):
        return
    if (
        lead not in main.iterancestors()
        and next(part for part in root.iter() if part in (main, lead)) is lead
    ):
        remove_element(lead)
        lead.tail = None
        main.insert(0, lead)


def _include_heading(
    dense: Element, body: Element, text_lengths: dict[Element, int], heading: Element | None
) -> Element:
    """Return the element with the densest text, or its nearest ancestor that contains the heading.

    The ancestor is preferred, because the lead and the tags are between the heading and the text.
    If the ancestor contains a menu, the largest block that contains the heading but no menu is
    returned instead, because the ancestor may be the whole page, or the densest text may be in the
    wrong part of the page, such as a footer.
    """
    if heading is None:
        return dense
    lineage = list(heading.iterancestors())
    shared = next((part for part in (dense, *dense.iterancestors()) if part in lineage), body)
    if _has_link_list(shared, heading, dense):
        block = _find_block_without_links(lineage[: lineage.index(shared)], heading)
        if block is not None and text_lengths[block] >= MIN_SECTION_LENGTH:
            return block
    return dense if shared is body else shared


def _find_block_without_links(blocks: Sequence[Element], heading: Element) -> Element | None:
    """Return the outermost block that has no list of links beside the heading.

    Returns None if there is no such block.

    blocks: ancestors of the heading, the nearest one first.
    """
    return next(
        (block for block in reversed(blocks) if not _has_link_list(block, heading, None)), None
    )


def _has_link_list(container: Element, heading: Element, dense: Element | None) -> bool:
    """Return whether a container has a list of links, such as a menu, beside its heading and text.

    dense: the element with the densest text. A list after it does not count, because it is usually
        in a column beside the text.
    """
    parts = [heading] if dense is None or dense in heading.iterancestors() else [heading, dense]
    lineage = _collect_lineage(parts)
    nodes = (node for node in lineage if container in chain((node,), node.iterancestors()))
    for branch in chain.from_iterable(nodes):
        if branch in lineage or not _is_link_block(branch):
            continue
        if len(parts) < 2 or not lineage.isdisjoint(branch.itersiblings()):
            return True
    return False


def _is_link_block(element: Element) -> bool:
    return element.tag not in INLINE_TAGS and _is_link_list(element)


def _is_link_list(element: Element) -> bool:
    links = sum(1 for _ in element.iter("a"))
    return links >= MIN_LISTED_LINKS and count_linked_letters(
        element
    ) > MIN_LIST_LINK_SHARE * count_text_letters(element)


def _find_shared_container(
    default: Element, candidates: Iterable[Element], parts: Sequence[Element]
) -> Element:
    """Return the first candidate that is or contains every part.

    Returns `default` if there is no such candidate, or if it is the whole page.
    """
    lineages = [{part, *part.iterancestors()} for part in parts]
    found = next(
        (node for node in candidates if all(node in lineage for lineage in lineages)), default
    )
    return default if found.tag in ("body", "html") else found


def _include_other_articles(
    best: Element, articles: Sequence[Element], text_lengths: dict[Element, int]
) -> Element:
    """Return an element that contains the longest article and all other important articles.

    An article is important if it has an h1 or much text. If only the whole page contains all these
    articles, the longest article is returned.

    best: the longest article.
    """
    parts = [
        part
        for part in articles
        if text_lengths[part] > MIN_SECTION_LENGTH or next(part.iter("h1"), None) is not None
    ]
    # some CMSs make each section an article
    return _find_shared_container(best, (best, *best.iterancestors()), parts)


def _narrow_to_article(main: Element, text_lengths: dict[Element, int]) -> Element:
    articles = [article for article in main.iter("article") if article in text_lengths]
    best = max(articles, key=lambda article: text_lengths[article], default=None)
    if best is None or text_lengths[best] <= 0.6 * text_lengths[main]:
        return main
    return _include_other_articles(best, articles, text_lengths)


def find_text_container(
    main: Element, body: Element | None, *, is_agency_selector: bool
) -> Element:
    """Return `body` if it can be trusted, or else the element with nearly all the running text.

    body: the element that a selector matched, or None. It can be trusted if the selector is the
        agency's own, or if the element contains most of the text. A CMS's selector may match only
        one of several fields with text.
    """
    text_lengths = _measure_running_text(main)
    if body is not None and main in (body, *body.iterancestors()):
        holds_most_text = text_lengths.get(body, 0) > 0.7 * text_lengths[main]
        if is_agency_selector or holds_most_text:
            return body
    return _descend_to_densest(main, text_lengths, 0.9, text_lengths[main])


def _descend_to_densest(
    node: Element, text_lengths: dict[Element, int], share: float, total: int | None = None
) -> Element:
    """Descend to children that contain at least `share` of the text, and return the last element.

    total: the length that `share` refers to. If it is None, the length of the child's parent is
        used.
    """
    while True:
        best = max(
            (child for child in node if child.tag not in INLINE_TAGS),
            key=lambda child: text_lengths.get(child, 0),
            default=None,
        )
        if best is None or best.tag in UNDIVIDED_TAGS:
            return node
        length = text_lengths.get(best, 0)
        if length == 0 or length < share * (text_lengths[node] if total is None else total):
            return node
        node = best


def _measure_running_text(root: Element, excluded_tags: Collection[str] = ()) -> dict[Element, int]:
    """Return the number of characters in each element.

    Links, very short elements and elements with `excluded_tags` are not counted.
    """
    text_lengths: dict[Element, int] = {}
    # In reverse document order an element follows its children, whose lengths are the last ones on
    # the stack.
    stack: list[int] = []
    for element in reversed(list(root.iter())):
        tag, text, tail = element.tag, element.text, element.tail
        length = len(text.strip()) if text else 0
        if count := len(element):
            length += sum(stack[-count:])
            del stack[-count:]
        counts = (length >= MIN_COUNTED_LENGTH or tag in INLINE_TAGS) and tag not in excluded_tags
        text_lengths[element] = length = length if counts else 0
        if tag == "a" and not _is_anchor_target(element):
            length = 0
        stack.append(length + len(tail.strip()) if tail else length)
    return text_lengths


def _is_anchor_target(element: Element) -> bool:
    """Return whether an <a> is the target of links and not itself a link.

    The content of such an element is ordinary text.
    """
    return element.get("href") is None and (element.get("name") or element.get("id")) is not None


def iter_text_parts(container: Element, main: Element) -> Iterator[Element]:
    """Yield further elements with running text: siblings of `container` or of its ancestors.

    These siblings share a class with `container` or the ancestor, or are sections with a heading.
    """
    for node in takewhile(lambda part: part is not main, (container, *container.iterancestors())):
        yield from (
            part
            for part in iter_same_tag_siblings(node)
            if _shares_class(part, node) and _is_prose_element(part) and part.find(".//h1") is None
        )
        yield from (part for part in node.itersiblings("div", "section") if _is_text_section(part))


def _is_text_section(element: Element) -> bool:
    """Return whether an element is a section of the text.

    A section contains a heading, and sentences, a list or a table. If it contains sentences, it
    does not count if a large part of its text is in links. A section without sentences does not
    count if it contains any link.
    """
    heading = next(element.iter("h2", "h3"), None)
    if heading is None or any(True for _ in element.iter(*NON_SECTION_TAGS)):
        return False
    words = clean_line(get_text_content(heading))
    if any(pattern.match(words) for pattern in NON_TEXT_HEADINGS):
        return False
    linked_letters = count_linked_letters(element)
    if any(map(_is_sentence_paragraph, element.iter("p"))):
        return linked_letters < MAX_SECTION_LINK_SHARE * count_text_letters(element)
    return not linked_letters and any(True for _ in element.iter("ul", "ol", "table"))


def _is_prose_element(element: Element) -> bool:
    has_sentence = any(map(_is_sentence_paragraph, element.iter("p")))
    return has_sentence and count_linked_letters(
        element
    ) < MAX_SECTION_LINK_SHARE * count_text_letters(element)


def _is_sentence_paragraph(paragraph: Element, ends: str = ".!?") -> bool:
    text = clean_line(get_text_content(paragraph))
    return (
        paragraph.tag == "p"
        and len(text) >= MIN_SENTENCE_LENGTH
        and text[-1] in ends
        and paragraph.find(".//a") is None
    )


def _shares_class(part: Element, container: Element) -> bool:
    names, others = (set((element.get("class") or "").split()) for element in (part, container))
    return bool(names & others) or not (names or others)


def gather_accordions(root: Element, container: Element) -> None:
    """Move accordion sections with questions from outside the text to the end of `container`.

    Their order is kept.
    """
    inside = set(container.iter())
    sections = filter(
        _is_accordion_section, list(root.iter("div", "section", "ul", "dl", "details", "aside"))
    )
    for section in [*sections, *_iter_toggle_rows(root)]:
        if (
            (section in inside and not _is_in_sidebar(section, container))
            or container in section.iterdescendants()
            or next(section.iterancestors(*MENU_TAGS), None) is not None
        ):
            continue
        if root in section.iterancestors() and _holds_questions(section):
            remove_element(section)
            if section.tag in ACCORDION_SIDEBAR_TAGS:
                section.tag = "section"
            section.tail = None
            container.append(section)
            inside.update(section.iter())


def _is_accordion_section(element: Element) -> bool:
    classes, identifier = element.get("class"), element.get("id")
    if (classes or identifier) and _is_accordion_name(f"{classes or ''} {identifier or ''}"):
        return True
    return "FAQPage" in (element.get("itemtype") or "")


def _iter_toggle_rows(root: Element) -> Iterator[Element]:
    """Yield elements that contain at least two expandable questions. Such questions are recognised
    by <summary> or aria-expanded.
    """
    toggles = [
        toggle
        for toggle in select_xpath(root, TOGGLE_XPATH)
        if is_question_text(clean_line(get_text_content(toggle)))
    ]
    ancestors = {
        toggle: list(islice(toggle.iterancestors(), MAX_TOGGLE_DEPTH)) for toggle in toggles
    }
    toggle_counts = Counter(chain.from_iterable(ancestors.values()))
    for parents in ancestors.values():
        row = next((parent for parent in parents if toggle_counts[parent] > 1), None)
        if row is not None:
            yield row


def _is_in_sidebar(section: Element, container: Element) -> bool:
    ancestors = takewhile(lambda part: part is not container, (section, *section.iterancestors()))
    return any(part.tag in ACCORDION_SIDEBAR_TAGS for part in ancestors)


def _holds_questions(section: Element) -> bool:
    lines = (str(text).strip() for text in section.itertext())
    return (
        sum(1 for line in lines if line.endswith("?") and len(line) < 300) >= 2
        and count_text_letters(section) > 100
    )
