"""Main element, boilerplate and signpost lines, accordions, sections.

What is dropped from a page before it is read: menus, cookie walls, share rows, related lists, print stamps.

Finding the element that holds the release, and within it the one that holds the running text.

Gathering folded questions and answers that stand outside the running text, in a footer or a section of their own.

Lines that serve the page, not the text: share rows, print buttons, pointers to other pages, closing headings.

The parts of a text that stand beside the element which holds most of it: further sections and fields.

Handing an element of the parsed page to BeautifulSoup as it is, without writing and parsing it again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, chain, islice, takewhile
from typing import cast

from bs4 import BeautifulSoup
from bs4.builder import HTMLTreeBuilder
from lxml import etree

from scraper.normalise.dates import find_date_role
from scraper.normalise.text import build_alternation, cache_by_text, clean_line, split_word_list
from scraper.pages.document import HEADING_TAGS, INLINE_TAGS, Element, get_text_content
from scraper.pages.question_patterns import is_question_text

NON_TEXT_TAGS = split_word_list("""
    script style noscript template iframe object svg annotation canvas select dialog video audio rt rp
    """)
BOILERPLATE_ROLES = {"navigation", "search", "dialog", "alertdialog", "menu", "menubar", "toolbar"}
SIDEBAR_ROLES = {"complementary", "contentinfo", "banner"}
BOILERPLATE_NAMES = split_word_list(r"""
    cookies? cookiebar consent gdpr kakor breadcrumbs? brodsmul\w* share shares sharing sharebar sharelinks
    share-links dela social socials socialmedia sociala addthis addtoany a2a related relaterad\w* relatedposts
    recommend\w* recirc\w* more-from also-read read-next trending most-read mest-last teaserlist linklist
    quicklinks newsletter nyhetsbrev comments? commentlist kommentarer disqus respond menu meny submenu nav
    navbar navi navigation subnav topnav metanav servicebar languageswitcher pagination paging pager skiplinks?
    outbrain taboola adslot adsense dfp captcha tooltip datepicker podcast-player readspeaker print-only printonly
    only-print onlyprint visible-print visible-print-block authorbox author-box author-bio
    """)
# For screen readers only: a link's note, a button's name; a date's label is kept, for it tells what the date is.
HIDDEN_NAMES = split_word_list("""
    screen-reader screen-reader-text screenreader visuallyhidden visually-hidden sr-only sr-text show-for-sr reader-only
    is-vishidden offscreen off-screen aural assistive-text element-invisible a11y-hidden hidden-accessible unsichtbar
    """)
MAX_HIDDEN_LABEL_LENGTH = 30
NEVER_BOILERPLATE_TAGS = ("figcaption", "td", "th", "tr")
SENTENCE_PARENT_TAGS = ("p", "li", "td", "dd")
MIN_SURROUNDING_LETTERS = 20  # letters of a sentence around a word of it
# These name text as well: a sidebar may hold the article, an advertorial is one, a section may bear the id toc_3.
DOUBTFUL_NAMES = split_word_list(r"""
    sidebar sidopanel (?<!rs_)(?<!rs-)skip(?!-spacer) some toc advert\w* ads? sponsor\w* toolbar popup modal lightbox
    login hero-nav promo\w* paywall feedback rating subscribe subscription prenumerera
    """)
# A box of facts within the text, by its name or its heading.
FACT_BOX_CLASS = re.compile(r"(?:^|[\s_-])(?:fakta\w*|info-?ruta)(?=$|[\s_-])")
FACT_BOX_HEADING = re.compile(r"\W*(?:fakta|facts|bakgrund|background|faktaruta)\b", re.IGNORECASE)
MAX_LINK_SHARE = 0.5
CARD_HEADINGS = ("h2", "h3", "h4", "h5")
MAX_CARD_LENGTH = 600  # characters of a teaser
MAX_CARD_SHARE = 0.5
MIN_FRAME_LENGTH = 200  # characters of the text of a page's own frame
MIN_PROSE_LENGTH = 400  # characters outside links that make a doubtful element text


def compile_name_pattern(parts: Sequence[str]) -> re.Pattern[str]:
    """A pattern for a class or id that holds one of some words as a part of its own."""
    return re.compile(rf"(?:^|[\s_-])(?:{'|'.join(parts)})(?=$|[\s_-])")


BOILERPLATE_PATTERN, DOUBTFUL_PATTERN, HIDDEN_PATTERN = (
    compile_name_pattern(BOILERPLATE_NAMES),
    compile_name_pattern(DOUBTFUL_NAMES),
    compile_name_pattern(HIDDEN_NAMES),
)
TEXT_XPATH = etree.XPath("string()", smart_strings=False)
LINK_TEXT_XPATH = etree.XPath(
    "descendant-or-self::a[@href or not(@name or @id)]//text()", smart_strings=False
)  # at once: a menu has hundreds of links
CAMEL_CASE_BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])")
WORDPRESS_TERM_CLASS = re.compile(
    r"(?:^|(?<=\s))(?:category|tag)-[\w-]+"
)  # what WordPress says of a text: "tag-newsletter"
# Words that make a matching name harmless: the page's own frame, or an accordion that holds answers.
FRAME_PATTERN = re.compile(
    r"(?:^|[\s_-])(?:has|with|no|without|page|site|layout|faq|accordion|qa|tab-?(?:pane|content|panel))(?=$|[\s_-])"
)


def drop_boilerplate(root: Element) -> None:
    """Take out of the tree whatever is never part of a release, wherever it stands."""
    etree.strip_elements(root, *NON_TEXT_TAGS, with_tail=False)
    total = count_text_letters(root)
    waiting = [root]
    while waiting:
        element = waiting.pop()
        if is_boilerplate_element(element) and not is_page_frame(element, total):
            remove_element(element)
        else:
            waiting.extend(element)


def is_boilerplate_element(element: Element) -> bool:
    """Whether an element's tag, role or names say it is no text of the release."""
    get, tag = element.get, element.tag
    classes, identifier = get("class"), get("id")
    if tag == "nav" or get("role") in BOILERPLATE_ROLES:
        return True
    if tag == "form":
        return count_text_letters(element) < 600 and element.find(".//h1") is None
    if tag in NEVER_BOILERPLATE_TAGS or not (classes or identifier or "-" in tag):
        return False
    if tag in HEADING_TAGS:  # their ids are made of their words
        identifier = None
    verdict = classify_names(f"{classes or ''} {identifier or ''} {tag if '-' in tag else ''}")
    if verdict == "hidden":
        return (
            count_text_letters(element) > MAX_HIDDEN_LABEL_LENGTH or find_date_role(get_text_content(element)) is None
        )
    if verdict and tag in INLINE_TAGS and is_within_sentence(element):
        return False
    return verdict == "noise" or (verdict == "doubt" and count_prose_letters(element) < MIN_PROSE_LENGTH)


def is_within_sentence(element: Element) -> bool:
    """Whether an inline element is a part of a sentence, whatever its class names: "lexicon tooltip-link"."""
    around, length = next(element.iterancestors(*SENTENCE_PARENT_TAGS), None), count_text_letters(element)
    if around is None or not length:
        return False
    return has_min_letters(around, length + MIN_SURROUNDING_LETTERS)


def drop_sidebars(main: Element) -> None:
    """Take out of the main element what stands beside its text."""
    total = count_text_letters(main)
    for element in list(main.iter("aside", "footer", "div", "section", "header")):
        margin = element.tag in ("aside", "footer") or element.get("role") in SIDEBAR_ROLES
        if margin and element is not main and not is_page_frame(element, total) and not is_part_of_text(element):
            remove_element(element)
    cards = list(iter_cards(main))
    # Where cards hold a good part of the text, the page is a list of them: there they stay.
    if sum(map(count_text_letters, cards)) < MAX_CARD_SHARE * total:
        for card in cards:
            remove_element(card)


def is_part_of_text(sidebar: Element) -> bool:
    """Whether what is marked up as a margin is a part of the text: who is quoted, a box of facts."""
    if sidebar.tag == "footer":
        return next(sidebar.iterancestors("blockquote"), None) is not None
    heading = next(sidebar.iter(*HEADING_TAGS), None)
    told = FACT_BOX_CLASS.search(
        CAMEL_CASE_BOUNDARY.sub("-", f"{sidebar.get('class') or ''} {sidebar.get('id') or ''}").lower()
    )
    if told is None and (heading is None or not FACT_BOX_HEADING.match(get_text_content(heading))):
        return False
    return count_linked_letters(sidebar) < MAX_LINK_SHARE * count_text_letters(sidebar)


def iter_cards(main: Element) -> Iterator[Element]:
    """The teasers for other pages within main: articles, items, and elements that stand in a row of their like."""
    for heading in main.iter(*CARD_HEADINGS):
        if is_linked_heading(heading):
            card = None
            for around in takewhile(lambda part: part is not main, heading.iterancestors()):
                if count_text_letters(around) > MAX_CARD_LENGTH:
                    break
                if around.tag in ("article", "li") or is_in_card_row(around):
                    card = around
            if card is not None:
                yield card


def is_in_card_row(element: Element) -> bool:
    """Whether there are elements of the same tag and class beside it, and each is headed by a link."""
    beside = chain(element.itersiblings(element.tag), element.itersiblings(element.tag, preceding=True))
    twins = [twin for twin in beside if twin.get("class") == element.get("class")]
    return bool(twins) and all(any(map(is_linked_heading, twin.iter(*CARD_HEADINGS))) for twin in twins)


def is_linked_heading(heading: Element) -> bool:
    """Whether a heading is a link to another page, not one that folds a panel or marks a place on the page."""
    return has_outgoing_link(heading) or any(map(has_outgoing_link, heading.iterancestors("a")))


def has_outgoing_link(element: Element) -> bool:
    """Whether an element is or holds a link to another page."""
    return any((link.get("href") or "#")[0] != "#" and link.get("aria-expanded") is None for link in element.iter("a"))


def is_card(element: Element) -> bool:
    """Whether an element is a teaser for another page: a linked heading with a few lines."""
    heading = next(element.iter(*CARD_HEADINGS), None)
    return heading is not None and count_text_letters(element) <= MAX_CARD_LENGTH and is_linked_heading(heading)


@cache_by_text()
def classify_names(names: str) -> str:
    """What class, id or the name of a custom element say: noise, hidden, doubt or nothing.

    Cached: the same names come again and again.
    """
    names = WORDPRESS_TERM_CLASS.sub(" ", CAMEL_CASE_BOUNDARY.sub("-", names).lower())
    if FRAME_PATTERN.search(names):
        return ""
    if BOILERPLATE_PATTERN.search(names):
        return "noise"
    return "hidden" if HIDDEN_PATTERN.search(names) else "doubt" if DOUBTFUL_PATTERN.search(names) else ""


def is_page_frame(element: Element, total: int) -> bool:
    """Whether an element, whatever its name, holds the page itself; links count nothing, for menus are long."""
    if element.tag in ("body", "html", "main") or element.find(".//main") is not None:
        return True
    length = count_text_letters(element)
    if length <= MIN_FRAME_LENGTH:
        return False
    least = MIN_FRAME_LENGTH if element.find(".//h1") is not None else max(MIN_FRAME_LENGTH, 0.5 * total)
    return length > least and length - count_linked_letters(element) > least


def count_prose_letters(element: Element) -> int:
    """How many characters of text an element holds outside links."""
    return count_text_letters(element) - count_linked_letters(element)


def count_linked_letters(element: Element) -> int:
    """How many characters of text the links of an element hold."""
    return count_letters("".join(cast("list[str]", LINK_TEXT_XPATH(element))))


def count_text_letters(element: Element) -> int:
    """How many characters of text an element holds, white space not counted."""
    return count_letters(cast("str", TEXT_XPATH(element)))


def has_min_letters(element: Element, minimum: int) -> bool:
    """Whether an element's text has so many characters beside white space; it is read no further than that."""
    read = accumulate(map(count_letters, cast("Iterator[str]", element.itertext())))
    return any(letters >= minimum for letters in read)


def count_letters(text: str) -> int:
    """How many characters a text has beside white space, of which markup knows four."""
    return len(text) - text.count(" ") - text.count("\n") - text.count("\t") - text.count("\r")


def remove_element(element: Element) -> None:
    """Take an element out of its tree and leave the text that follows it."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        before = element.getprevious()
        if before is None:
            parent.text = (parent.text or "") + element.tail
        else:
            before.tail = (before.tail or "") + element.tail
    parent.remove(element)


ARTICLE_XPATH = "//article"
MAIN_XPATHS = (
    "//main | //*[@role='main']",
    "//*[@itemprop='articleBody' or @itemprop='mainContentOfPage']/..",
    ARTICLE_XPATH,
    "//*[@id='main-content' or @id='maincontent' or @id='content' or @id='main']",
)
SIDEBAR_TAGS = {"header", "footer", "aside", "nav", "form"}
MIN_SENTENCE_LENGTH = 40  # letters
MIN_SECTION_LENGTH = 200  # characters of running text that make an article a part of the release
MIN_COUNTED_LENGTH = 25  # shorter blocks are labels and buttons, not text


def find_main_element(root: Element) -> tuple[Element, str]:
    """The element of the release and the rule that found it."""
    body = root.find("body")
    body = root if body is None else body
    weights = measure_running_text(body)
    for xpath in MAIN_XPATHS:
        found = [element for element in select_xpath(root, xpath) if element in weights]
        best = max(found, key=lambda element: weights[element], default=None)
        if best is not None and weights[best] > max(80, 0.3 * weights[body]):
            chosen = (
                include_other_articles(best, found, weights)
                if xpath == ARTICLE_XPATH
                else narrow_to_article(best, weights)
            )
            move_intro_into_main(chosen, body)
            return chosen, xpath
    dense = descend_to_densest(body, measure_running_text(body, excluded_tags=SIDEBAR_TAGS), 0.6)
    return include_heading(dense, body), "densest"


def move_intro_into_main(main: Element, body: Element) -> None:
    """Bring to the main element what stands between the page's one title and it: paragraphs of sentences."""
    headings = list(body.iter("h1"))
    if len(headings) != 1:
        return
    after = list(headings[0].itersiblings(etree.Element))
    end = next((index for index, part in enumerate(after) if main in part.iter()), 0)
    for paragraph in reversed([part for part in after[:end] if is_sentence_paragraph(part)]):
        move_to_start(paragraph, main)


def is_sentence_paragraph(paragraph: Element) -> bool:
    """Whether an element is a paragraph that says something whole, without links."""
    text = clean_line(get_text_content(paragraph))
    return (
        paragraph.tag == "p"
        and len(text) >= MIN_SENTENCE_LENGTH
        and text[-1] in ".!?"
        and paragraph.find(".//a") is None
    )


def move_lead_into_main(main: Element, lead: Element | None, root: Element) -> None:
    """Bring the lead that a selector names to the main element where it stands outside."""
    if lead is None or root not in lead.iterancestors():
        return
    if main not in (lead, *lead.iterancestors()) and lead not in main.iterancestors():
        move_to_start(lead, main)


def move_to_start(element: Element, main: Element) -> None:
    """Make an element the first of main."""
    remove_element(element)
    element.tail = None
    main.insert(0, element)


def include_heading(dense: Element, body: Element) -> Element:
    """The densest element, or what holds it and the page's one h1: lead and tags stand between the two."""
    headings = list(body.iter("h1"))
    if len(headings) != 1 or dense in headings[0].iterancestors():
        return dense
    above = set(headings[0].iterancestors())
    around = next((node for node in dense.iterancestors() if node in above), body)
    return dense if around.tag in ("body", "html") else around


def select_xpath(root: Element, xpath: str) -> list[Element]:
    """What an XPath for elements finds."""
    found = compile_xpath(xpath)(root)
    return [element for element in found if isinstance(element, Element)] if isinstance(found, list) else []


@lru_cache(maxsize=64)
def compile_xpath(xpath: str) -> etree.XPath:
    """An XPath, compiled once."""
    return etree.XPath(xpath)


def include_other_articles(best: Element, articles: Sequence[Element], text_lengths: dict[Element, int]) -> Element:
    """The heaviest article, or what holds it, the one with the title and those that hold running text too: some
    systems make each section an article.
    """
    parts = [
        part for part in articles if text_lengths[part] > MIN_SECTION_LENGTH or next(part.iter("h1"), None) is not None
    ]
    above = [best, *best.iterancestors()]
    shared = [{part, *part.iterancestors()} for part in parts]
    around = next((node for node in above if all(node in nodes for nodes in shared)), best)
    return best if around.tag in ("body", "html") else around


def narrow_to_article(main: Element, text_lengths: dict[Element, int]) -> Element:
    """The article within main where one holds most of the text."""
    articles = [article for article in main.iter("article") if article in text_lengths]
    best = max(articles, key=lambda article: text_lengths[article], default=None)
    return (
        include_other_articles(best, articles, text_lengths)
        if best is not None and text_lengths[best] > 0.6 * text_lengths[main]
        else main
    )


def find_text_container(main: Element, body: Element | None, *, is_agency_selector: bool) -> Element:
    """The element of the running text: the one a selector names (`body`) where that is the agency's own selector or the
    element holds most of the text, else the densest.
    """
    weights = measure_running_text(main)
    if (
        body is not None
        and main in (body, *body.iterancestors())
        and (is_agency_selector or holds_most_text(main, body, weights))
    ):
        return body
    return find_densest_element(main, weights)


def find_densest_element(main: Element, text_lengths: dict[Element, int]) -> Element:
    """The smallest element that holds nine tenths of main's running text."""
    return descend_to_densest(main, text_lengths, 0.9, total=text_lengths[main])


def holds_most_text(main: Element, part: Element, text_lengths: dict[Element, int]) -> bool:
    """Whether a part of main holds most of its text; a CMS's body field is but one of several on some pages."""
    return text_lengths.get(part, 0) > 0.7 * text_lengths[main]


def descend_to_densest(
    node: Element, text_lengths: dict[Element, int], share: float, total: int | None = None
) -> Element:
    """Walk down as long as one child holds its share of the text."""
    while True:
        best = max(
            (child for child in node if child.tag not in INLINE_TAGS),
            key=lambda child: text_lengths.get(child, 0),
            default=None,
        )
        if best is None or best.tag in ("p", "ul", "ol", "table", "dl", "blockquote", "pre", "h2", "li", "tbody", "tr"):
            return node
        if text_lengths.get(best, 0) < share * (text_lengths[node] if total is None else total) or not text_lengths.get(
            best, 0
        ):
            return node
        node = best


def is_anchor_target(element: Element) -> bool:
    """Whether an <a> is no link but a place that links lead to, and what it holds is text like any other."""
    return element.get("href") is None and (element.get("name") or element.get("id")) is not None


def measure_running_text(root: Element, excluded_tags: Collection[str] = ()) -> dict[Element, int]:
    """For each element how much running text it holds: text of links, of stubs, and of some tags counts nothing."""
    weights: dict[Element, int] = {}
    for element in reversed(list(root.iter())):  # children before their parents
        weight = len(element.text.strip()) if element.text else 0
        for child in element:
            if child.tag != "a" or is_anchor_target(child):
                weight += weights.get(child, 0)
            if child.tail:
                weight += len(child.tail.strip())
        counts = weight >= MIN_COUNTED_LENGTH or element.tag in INLINE_TAGS
        weights[element] = weight if counts and element.tag not in excluded_tags else 0
    return weights


ACCORDION_NAME = re.compile(
    r"(?:^|[\s_-])(?:faqs?(?:section|block|list|wrapper|container)?|fragor|vanliga-fragor|accordions?|accordion-?list)(?=$|[\s_-])",
    re.IGNORECASE,
)
TOGGLE_XPATH = "//summary | //*[@aria-expanded]"
MAX_TOGGLE_DEPTH = 5  # elements from a toggle to the row it stands in
ACCORDION_MARGINS = ("aside", "footer")
MENU_TAGS = ("nav", "dialog")


def gather_accordions(root: Element, container: Element) -> None:
    """Move every section of folded questions that lies outside the text to its end, in the page's order."""
    inside = set(container.iter())
    named = [
        element
        for element in root.iter("div", "section", "ul", "dl", "details", "aside")
        if is_accordion_section(element)
    ]
    for section in [*named, *iter_toggle_rows(root)]:
        if (
            (section in inside and not is_in_sidebar(section, container))
            or container in section.iterdescendants()
            or next(section.iterancestors(*MENU_TAGS), None) is not None
        ):
            continue
        if root in section.iterancestors() and holds_questions(section):
            remove_element(section)
            if section.tag in ACCORDION_MARGINS:
                section.tag = "section"
            section.tail = None
            container.append(section)
            inside.update(section.iter())


def is_in_sidebar(section: Element, container: Element) -> bool:
    """Whether a section is or lies in a part of the text that is dropped as its margin."""
    around = takewhile(lambda part: part is not container, (section, *section.iterancestors()))
    return any(part.tag in ACCORDION_MARGINS for part in around)


def is_accordion_section(element: Element) -> bool:
    """Whether an element's name says that it holds folded questions."""
    classes, identifier = element.get("class"), element.get("id")
    if (classes or identifier) and is_accordion_name(f"{classes or ''} {identifier or ''}"):
        return True
    return "FAQPage" in (element.get("itemtype") or "")


def iter_toggle_rows(root: Element) -> Iterator[Element]:
    """What holds two or more folded questions, whatever its name: <details>, or ARIA states."""
    toggles = [
        toggle for toggle in select_xpath(root, TOGGLE_XPATH) if is_question_text(clean_line(get_text_content(toggle)))
    ]
    above = {toggle: list(islice(toggle.iterancestors(), MAX_TOGGLE_DEPTH)) for toggle in toggles}
    shared = Counter(chain.from_iterable(above.values()))
    for parents in above.values():
        row = next((parent for parent in parents if shared[parent] > 1), None)
        if row is not None:
            yield row


@cache_by_text()
def is_accordion_name(names: str) -> bool:
    """Whether class and id say folded questions. Cached: the same names come again and again."""
    return ACCORDION_NAME.search(CAMEL_CASE_BOUNDARY.sub("-", names)) is not None


def holds_questions(section: Element) -> bool:
    """Whether at least two of a section's short lines are questions."""
    lines = (str(text).strip() for text in section.itertext())
    return sum(1 for line in lines if line.endswith("?") and len(line) < 300) >= 2 and count_text_letters(section) > 100


# A whole line that is a button or a note of the page.
SERVICE_LINE = re.compile(
    "^"
    + build_alternation(r"""
        dela(?:(?: sidan| artikeln| på| denna| med)\b.{0,30})? | skriv ut(?: sidan)? | kopiera länk.{0,20}
        tipsa(?: en vän| andra| om sidan| någon| polisen)?\b(?: om.{0,20})?
        lyssna(?: på (?:sidan|texten))? | listen | print(?: this page)? | share(?: this.{0,30})? | del(?: på)?
        till toppen | upp | tillbaka(?: till (?:start|förra|föregående|listan|toppen|nyhet|press|översikt).{0,30})?
        back(?: to.{0,40})? | nach oben
        facebook | twitter | x | linkedin | e-?post | e-?mail | mail | whatsapp | telegram | tweet | reddit | pinterest
        instagram | bluesky | mastodon | threads | messenger | sms | skicka | kopiera
        läs (?:också|även|mer) | läs mer om | lue myös | les også | read (?:more|also|next) | mehr zum thema
        related.{0,25} | relaterat.{0,20}
        visa (?:mer|fler|alla|större bild) | stäng | close | öppna alla | stäng alla | (?:expand|collapse|show|hide) all
        (?:foto|photo|bild|image|picture|credit) ?:.{0,60} | texten? av | text ?:.{0,40} | av ?:.{0,40}
        advert(?:isement)? | annons | anzeige | annonse | laddar.{0,15} | loading.{0,10}
        seite (?:drucken|teilen|empfehlen).{0,20} | drucken | teilen
        """)
    + r"\W*$",
    re.IGNORECASE,
)
# Who wrote the text, in a line of its own over it: "Av Eva Ek", "By Eva Ek, Agency".
BYLINE = re.compile(
    r"^(?:[Bb]y|BY|[Vv]on|[Aa][vf]|AV|Text|Tekst|Skribent|Autor(?:in)?|Author|Written by|Text och foto)(?:\s*:)?"
    r"(?: (?:[A-ZÅÄÖÉÜ][\w.’'-]*|von|van|de|af|och|and|und|og|&)){1,6}(?:, [\w .&-]{2,40})?\W*$"
)
# What points to other texts, where links make up a good part of it.
POINTER_LINE = re.compile(
    r"^\W*"
    + build_alternation(r"""
        läs (?:också|även|mer) | se (?:också|även) | mer om | mer information | fler\b
        les (?:også|mer) | læs (?:også|mere) | lue myös | lesen sie (?:auch|dazu|mehr) | mehr (?:zum thema|dazu)
        see (?:more|also) | read (?:more|also) | also read | related | don't miss | more: | lire aussi | leggi anche
        lea también | (?:le|te) puede interesar | czytaj (?:też|także|również|więcej) | zobacz (?:też|także|również)
        """),
    re.IGNORECASE,
)
# Headings under which only contacts and service stand.
CONTACT_SECTION_HEADING = re.compile(
    r"^\W*"
    + build_alternation(r"""
        (?:press|media) contacts? | for (?:more|further) information.{1,30}
        presskontakt\w* | kontakt(?:personer|uppgifter)? | kontaktinformation | för mer information.{0,30}
        ytterligare information | har du (?:några )?frågor | pressjour | kontakta oss | sidansvarig | hjälpte .{0,40}
        pressekontakt\w*
        """)
    + r"\W*$",
    re.IGNORECASE,
)
# Headings under which only what others say and do with the text stands, how to get more, or who wrote it.
SERVICE_SECTION_HEADING = re.compile(
    r"^\W*"
    + build_alternation(r"""
        dela(?: (?:sidan|artikeln|på|denna|med andra)\b.{0,30})? | taggar | kommentarer | om författaren
        nyhetsbrev | prenumerera.{0,40} | newsletters? | subscribe.{0,40} | sign up for.{0,40}
        share this.{0,20} | about the author | tags? | comments? | \d+ (?:comments?|kommentarer)
        leave a (?:reply|comment) | über den autor | kommentare | schlagworte?
        """)
    + r"\W*$",
    re.IGNORECASE,
)
# Headings under which only other texts are pointed to.
RELATED_SECTION_HEADING = re.compile(
    r"^\W*"
    + build_alternation(r"""
        läs (?:också|även|mer)(?: om.{0,40})? | mer (?:om ämnet|i ämnet|nyheter) | andra läser
        relatera(?:t|d\w*)(?: (?:innehåll|material|nyhet|artikl|länk|dokument|information|sid|läsning|rapport)\w*.*)?
        fler (?:nyheter|artiklar|pressmeddelanden).{0,30} | senaste nytt | senaste nyheterna
        related.{0,30} | you may also like | more (?:stories|news|articles|from).{0,30} | read next | don't miss
        recommended(?: (?:for you|reading|articles|stories|content|links).{0,20})? | latest (?:news|stories).{0,20}
        popular(?: (?:now|articles|stories|posts|news|topics|right).{0,20})? | trending.{0,20} | most read.{0,20}
        mehr (?:zum thema.{0,40}|themen) | auch interessant.{0,20} | zum thema | verwandte.{0,20}
        weitere (?:meldungen|artikel|nachrichten|themen|informationen).{0,30}
        das könnte (?:sie|dich) auch interessieren.{0,10} | les også | mer om | læs også
        """)
    + r"\W*$",
    re.IGNORECASE,
)
PICTURE_CREDIT = re.compile(
    r"\((?:image|photo|foto|bild|picture|pic|credit|ap photo|afp|reuters)\b[^()]*\)$", re.IGNORECASE
)


MAX_SECTION_LINK_SHARE = 0.4  # of the letters of a text
NON_SECTION_TAGS = ("h1", "form", "input", "nav", "aside", "footer", "img")  # these stand in what surrounds a text


def iter_text_parts(container: Element, main: Element) -> Iterator[Element]:
    """What stands beside the element of the running text and is a part of it: of its tag and, if they have any, with a
    class in common, of sentences more than links; none that holds the title. Or a section that follows it.
    """
    for node in takewhile(lambda part: part is not main, (container, *container.iterancestors())):
        beside = chain(node.itersiblings(node.tag), node.itersiblings(node.tag, preceding=True))
        yield from (
            part
            for part in beside
            if shares_class(part, node) and is_prose_element(part) and part.find(".//h1") is None
        )
        yield from (part for part in node.itersiblings("div", "section") if is_text_section(part))


def is_text_section(element: Element) -> bool:
    """Whether what follows the running text goes on with it under a heading of its own, with sentences, or a list or
    table without links.
    """
    heading = next(element.iter("h2", "h3"), None)
    if heading is None or any(True for _ in element.iter(*NON_SECTION_TAGS)):
        return False
    words = clean_line(get_text_content(heading))
    if any(
        pattern.match(words) for pattern in (SERVICE_SECTION_HEADING, CONTACT_SECTION_HEADING, RELATED_SECTION_HEADING)
    ):
        return False
    linked = count_linked_letters(element)
    if any(map(is_sentence_paragraph, element.iter("p"))):
        return linked < MAX_SECTION_LINK_SHARE * count_text_letters(element)
    return not linked and any(True for _ in element.iter("ul", "ol", "table"))


def shares_class(part: Element, container: Element) -> bool:
    """Whether two elements have a class in common, or neither has any."""
    names, others = (set((element.get("class") or "").split()) for element in (part, container))
    return bool(names & others) or not (names or others)


def is_prose_element(element: Element) -> bool:
    """Whether an element holds sentences, more than links."""
    told = any(map(is_sentence_paragraph, element.iter("p")))
    return told and count_linked_letters(element) < MAX_SECTION_LINK_SHARE * count_text_letters(element)


# What is asked of a soup's elements; every further attribute costs time.
SOUP_ATTRIBUTES = frozenset(
    split_word_list("""
    class id name href role src data-src data-original data-lazy-src alt width height aria-expanded aria-controls
    data-toggle data-bs-toggle data-field data-text start reversed value colspan rowspan
    """)
)
TRANSPARENT_TAGS = {"span", "font", "small", "big"}  # without an attribute that is read, these only hold words


def convert_to_soup(root: Element) -> BeautifulSoup:
    """An element with all it holds as a soup; classes stay the text they are."""
    return BeautifulSoup("", builder=ElementTreeBuilder(root))


def decompose_soup(soup: BeautifulSoup) -> None:
    """Empty a soup that was read. Its elements point to each other: left as they are, they and the parsed page would
    stay until Python next looks for garbage, which it would have to do at every other page.
    """
    for part in list(soup.contents):  # a soup does not know its first element as the next one, and would leave it
        part.decompose()
    soup.decompose()


class ElementTreeBuilder(HTMLTreeBuilder):
    """A tree builder for BeautifulSoup that walks a tree where others parse."""

    def __init__(self, root: Element) -> None:
        super().__init__(multi_valued_attributes={}, preserve_whitespace_tags=set())
        self.root = root

    def feed(self, markup: object) -> None:
        """Tell the soup of every element and text.

        White space beside blocks parts no words and is left out; so are the marks of elements that say nothing.
        """
        soup, root = self.soup, self.root
        assert soup is not None  # noqa: S101 - BeautifulSoup sets it before it feeds
        told: list[bool] = []  # of the elements around the present one, whether the soup knows them
        for event, element in etree.iterwalk(root, ("start", "end")):
            if event == "start":
                attributes = {name: element.get(name) for name in element.keys() if name in SOUP_ATTRIBUTES}  # noqa: SIM118 - items() takes the square of the time
                told.append(bool(attributes) or element.tag not in TRANSPARENT_TAGS)
                if told[-1]:
                    soup.handle_starttag(element.tag, None, None, attributes)
                text, beside = element.text, element.tag
            else:
                if told.pop():
                    soup.endData()
                    soup.popTag()
                text, beside = (None if element is root else element.tail), element.tag
            if text and (beside in INLINE_TAGS or not text.isspace()):
                soup.handle_data(text)
        soup.endData()
