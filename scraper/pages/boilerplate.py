"""What is dropped from a page before it is read: menus, cookie walls, share rows, related lists, print stamps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, takewhile
from typing import cast

from lxml import etree

from scraper.normalise.dates import find_role
from scraper.normalise.repeated import repeated
from scraper.normalise.words import words
from scraper.pages.elements import Element, whole_text
from scraper.pages.markup import HEADINGS, INLINE

NEVER_TEXT = words("""
    script style noscript template iframe object svg annotation canvas select dialog video audio rt rp
    """)
NOISE_ROLES = {"navigation", "search", "dialog", "alertdialog", "menu", "menubar", "toolbar"}
ASIDE_ROLES = {"complementary", "contentinfo", "banner"}
CERTAIN = words(r"""
    cookies? cookiebar consent gdpr kakor breadcrumbs? brodsmul\w* share shares sharing sharebar sharelinks
    share-links dela social socials socialmedia sociala addthis addtoany a2a related relaterad\w* relatedposts
    recommend\w* recirc\w* more-from also-read read-next trending most-read mest-last teaserlist linklist
    quicklinks newsletter nyhetsbrev comments? commentlist kommentarer disqus respond menu meny submenu nav
    navbar navi navigation subnav topnav metanav servicebar languageswitcher pagination paging pager skiplinks?
    outbrain taboola adslot adsense dfp captcha tooltip datepicker podcast-player readspeaker print-only printonly
    only-print onlyprint visible-print visible-print-block authorbox author-box author-bio
    """)
# For screen readers only: a link's note, a button's name; a date's label is kept, for it tells what the date is.
HIDDEN = words("""
    screen-reader screen-reader-text screenreader visuallyhidden visually-hidden sr-only sr-text show-for-sr reader-only
    is-vishidden offscreen off-screen aural assistive-text element-invisible a11y-hidden hidden-accessible unsichtbar
    """)
LONGEST_HIDDEN_LABEL = 30
NEVER_NOISE = ("figcaption", "td", "th", "tr")
PARAGRAPHS = ("p", "li", "td", "dd")
FEWEST_AROUND = 20  # letters of a sentence around a word of it
# These name text as well: a sidebar may hold the article, an advertorial is one, a section may bear the id toc_3.
DOUBTFUL = words(r"""
    sidebar sidopanel (?<!rs_)(?<!rs-)skip(?!-spacer) some toc advert\w* ads? sponsor\w* toolbar popup modal lightbox
    login hero-nav promo\w* paywall feedback rating subscribe subscription prenumerera
    """)
# A box of facts within the text, by its name or its heading.
FACT_BOX = re.compile(r"(?:^|[\s_-])(?:fakta\w*|info-?ruta)(?=$|[\s_-])")
FACTS = re.compile(r"\W*(?:fakta|facts|bakgrund|background|faktaruta)\b", re.IGNORECASE)
MAX_LINK_SHARE = 0.5
CARD_HEADINGS = ("h2", "h3", "h4", "h5")
LONGEST_CARD = 600  # characters of a teaser
SHARE_OF_CARDS = 0.5
LEAST = 200  # characters of the text of a page's own frame
PROSE = 400  # characters outside links that make a doubtful element text


def named(parts: Sequence[str]) -> re.Pattern[str]:
    """A pattern for a class or id that holds one of some words as a part of its own."""
    return re.compile(rf"(?:^|[\s_-])(?:{'|'.join(parts)})(?=$|[\s_-])")


NOISE, DOUBT, UNSEEN = named(CERTAIN), named(DOUBTFUL), named(HIDDEN)
TEXT = etree.XPath("string()", smart_strings=False)
LINKED = etree.XPath(
    "descendant-or-self::a[@href or not(@name or @id)]//text()", smart_strings=False
)  # at once: a menu has hundreds of links
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
FILED = re.compile(r"(?:^|(?<=\s))(?:category|tag)-[\w-]+")  # what WordPress says of a text: "tag-newsletter"
# Words that make a matching name harmless: the page's own frame, or an accordion that holds answers.
FRAME = re.compile(
    r"(?:^|[\s_-])(?:has|with|no|without|page|site|layout|faq|accordion|qa|tab-?(?:pane|content|panel))(?=$|[\s_-])"
)


def drop_noise(root: Element) -> None:
    """Take out of the tree whatever is never part of a release, wherever it stands."""
    etree.strip_elements(root, *NEVER_TEXT, with_tail=False)
    total = text_length(root)
    waiting = [root]
    while waiting:
        element = waiting.pop()
        if is_noise_element(element) and not is_frame(element, total):
            remove(element)
        else:
            waiting.extend(element)


def is_noise_element(element: Element) -> bool:
    """Whether an element's tag, role or names say it is no text of the release."""
    get, tag = element.get, element.tag
    classes, identifier = get("class"), get("id")
    if tag == "nav" or get("role") in NOISE_ROLES:
        return True
    if tag == "form":
        return text_length(element) < 600 and element.find(".//h1") is None
    if tag in NEVER_NOISE or not (classes or identifier or "-" in tag):
        return False
    if tag in HEADINGS:  # their ids are made of their words
        identifier = None
    verdict = judge(f"{classes or ''} {identifier or ''} {tag if '-' in tag else ''}")
    if verdict == "hidden":
        return text_length(element) > LONGEST_HIDDEN_LABEL or find_role(whole_text(element)) is None
    if verdict and tag in INLINE and is_among_words(element):
        return False
    return verdict == "noise" or (verdict == "doubt" and prose_length(element) < PROSE)


def is_among_words(element: Element) -> bool:
    """Whether an inline element is a part of a sentence, whatever its class names: "lexicon tooltip-link"."""
    around, length = next(element.iterancestors(*PARAGRAPHS), None), text_length(element)
    if around is None or not length:
        return False
    return has_letters(around, length + FEWEST_AROUND)


def drop_margins(main: Element) -> None:
    """Take out of the main element what stands beside its text."""
    total = text_length(main)
    for element in list(main.iter("aside", "footer", "div", "section", "header")):
        margin = element.tag in ("aside", "footer") or element.get("role") in ASIDE_ROLES
        if margin and element is not main and not is_frame(element, total) and not is_of_text(element):
            remove(element)
    cards = list(cards_of(main))
    # Where cards hold a good part of the text, the page is a list of them: there they stay.
    if sum(map(text_length, cards)) < SHARE_OF_CARDS * total:
        for card in cards:
            remove(card)


def is_of_text(margin: Element) -> bool:
    """Whether what is marked up as a margin is a part of the text: who is quoted, a box of facts."""
    if margin.tag == "footer":
        return next(margin.iterancestors("blockquote"), None) is not None
    heading = next(margin.iter(*HEADINGS), None)
    told = FACT_BOX.search(CAMEL.sub("-", f"{margin.get('class') or ''} {margin.get('id') or ''}").lower())
    if told is None and (heading is None or not FACTS.match(whole_text(heading))):
        return False
    return linked_length(margin) < MAX_LINK_SHARE * text_length(margin)


def cards_of(main: Element) -> Iterator[Element]:
    """The teasers for other pages within main: articles, items, and elements that stand in a row of their like."""
    for heading in main.iter(*CARD_HEADINGS):
        if leads_away(heading):
            card = None
            for around in takewhile(lambda part: part is not main, heading.iterancestors()):
                if text_length(around) > LONGEST_CARD:
                    break
                if around.tag in ("article", "li") or stands_in_row(around):
                    card = around
            if card is not None:
                yield card


def stands_in_row(element: Element) -> bool:
    """Whether there are elements of the same tag and class beside it, and each is headed by a link."""
    beside = chain(element.itersiblings(element.tag), element.itersiblings(element.tag, preceding=True))
    twins = [twin for twin in beside if twin.get("class") == element.get("class")]
    return bool(twins) and all(any(map(leads_away, twin.iter(*CARD_HEADINGS))) for twin in twins)


def leads_away(heading: Element) -> bool:
    """Whether a heading is a link to another page, not one that folds a panel or marks a place on the page."""
    return links_away(heading) or any(map(links_away, heading.iterancestors("a")))


def links_away(element: Element) -> bool:
    """Whether an element is or holds a link to another page."""
    return any((link.get("href") or "#")[0] != "#" and link.get("aria-expanded") is None for link in element.iter("a"))


def is_card(element: Element) -> bool:
    """Whether an element is a teaser for another page: a linked heading with a few lines."""
    heading = next(element.iter(*CARD_HEADINGS), None)
    return heading is not None and text_length(element) <= LONGEST_CARD and leads_away(heading)


@repeated()
def judge(names: str) -> str:
    """What class, id or the name of a custom element say: noise, hidden, doubt or nothing.

    Cached: the same names come again and again.
    """
    names = FILED.sub(" ", CAMEL.sub("-", names).lower())
    if FRAME.search(names):
        return ""
    if NOISE.search(names):
        return "noise"
    return "hidden" if UNSEEN.search(names) else "doubt" if DOUBT.search(names) else ""


def is_frame(element: Element, total: int) -> bool:
    """Whether an element, whatever its name, holds the page itself; links count nothing, for menus are long."""
    if element.tag in ("body", "html", "main") or element.find(".//main") is not None:
        return True
    length = text_length(element)
    if length <= LEAST:
        return False
    least = LEAST if element.find(".//h1") is not None else max(LEAST, 0.5 * total)
    return length > least and length - linked_length(element) > least


def prose_length(element: Element) -> int:
    """How many characters of text an element holds outside links."""
    return text_length(element) - linked_length(element)


def linked_length(element: Element) -> int:
    """How many characters of text the links of an element hold."""
    return count_letters("".join(cast("list[str]", LINKED(element))))


def text_length(element: Element) -> int:
    """How many characters of text an element holds, white space not counted."""
    return count_letters(cast("str", TEXT(element)))


def has_letters(element: Element, number: int) -> bool:
    """Whether an element's text has so many characters beside white space; it is read no further than that."""
    read = accumulate(map(count_letters, cast("Iterator[str]", element.itertext())))
    return any(letters >= number for letters in read)


def count_letters(text: str) -> int:
    """How many characters a text has beside white space, of which markup knows four."""
    return len(text) - text.count(" ") - text.count("\n") - text.count("\t") - text.count("\r")


def remove(element: Element) -> None:
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
