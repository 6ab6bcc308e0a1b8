"""Recognises boilerplate on a page: menus, cookie banners, share buttons, sidebars and teasers.

Elements are recognised by tag, ARIA role, class and id. Other modules use this module's patterns
for lines and headings to choose among blocks of text.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, islice, takewhile
from typing import cast

from lxml import etree

from scraper.normalise.conversion import guess_media_type
from scraper.normalise.dates import ANY_MONTH, BOX_CREATION, find_date_role
from scraper.normalise.text_cleaning import (
    cache_by_text,
    clean_line,
    compile_name_pattern,
    compile_phrases,
    split_word_list,
)
from scraper.pages.document import (
    HEADING_TAGS,
    INLINE_TAGS,
    MIN_SENTENCE_LENGTH,
    Document,
    Element,
    count_letters,
    count_linked_letters,
    count_text_letters,
    get_text_content,
    has_min_letters,
    remove_element,
)

CAMEL_CASE_BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])")
# Tags, roles and words in class or id.
NON_TEXT_TAGS = split_word_list("""
    script style noscript template iframe object svg annotation canvas select dialog video audio rt
    rp
    """)
BOILERPLATE_ROLES = {"navigation", "search", "dialog", "alertdialog", "menu", "menubar", "toolbar"}
SIDEBAR_ROLES = {"complementary", "contentinfo", "banner"}
# What a class, id or custom tag means, by its words.
NAME_WORDS = {
    # of the page's frame or an accordion, which make a name harmless
    "frame": "has with no without page site layout faq accordion qa tab-?(?:pane|content|panel)",
    "boilerplate": r"""
        cookies? cookiebar consent gdpr kakor breadcrumbs? brodsmul\w* share shares sharing sharebar
        sharelinks share-links dela social socials socialmedia sociala addthis addtoany a2a related
        relaterad\w* relatedposts recommend\w* recirc\w* more-from also-read read-next trending
        most-read mest-last teaserlist linklist quick-?links newsletter nyhetsbrev comments?
        commentlist kommentarer disqus respond menu meny submenu nav navbar navi navigation subnav
        topnav metanav servicebar languageswitcher pagination paging pager skiplinks? outbrain
        taboola adslot adsense dfp captcha tooltip datepicker podcast-player readspeaker print-only
        printonly only-print onlyprint visible-print visible-print-block authorbox author-box
        author-bio
        """,
    # Text for screen readers, such as a link's note. Labels of dates are kept, because they give a
    # date its meaning.
    "hidden": """
        screen-reader screen-reader-text screenreader visuallyhidden visually-hidden sr-only sr-text
        show-for-sr reader-only is-vishidden offscreen off-screen aural assistive-text
        element-invisible a11y-hidden hidden-accessible unsichtbar
        """,
    # Names that running text may have, too: an article may be in a sidebar or be an advertorial, a
    # section may have the id toc_3.
    "doubtful": r"""
        sidebar sidopanel (?<!rs_)(?<!rs-)skip(?!-spacer) some toc advert\w* ads? sponsor\w* toolbar
        popup modal lightbox login hero-nav promo\w* paywall feedback rating subscribe subscription
        prenumerera
        """,
    "menu": r"(?:\w*(?:menu|meny|nav)) navi navigation navbar",
    "site header": "header head sidhuvud(?:et)? huvud masthead banner",
    "site footer": "footer foot sidfot(?:en)? fot",
}
NAMINGS = ("frame", "boilerplate", "hidden", "doubtful")  # the first one of an element's counts
_NAME_TESTS = {
    meaning: compile_name_pattern(split_word_list(words)) for meaning, words in NAME_WORDS.items()
}
# most names mean nothing, and one pattern with all words is faster than several
_has_any_meaning = compile_name_pattern(split_word_list(" ".join(NAME_WORDS.values())))
_has_side_column_word = compile_name_pattern(
    split_word_list(r"""
    aside side sidebar sidopanel sidospalt sido?kolumn side-?(?:col\w*|box|panel|area) secondary
    widget portlet (?:right|left|hoger|vanster)-?(?:col\w*|spalt|kolumn) col(?:umn)?-(?:right|left)
    """)
)
# Alerts of the site, such as those of a crisis. A class must be such a name as a whole, because
# "tema-kris" and "food-alerts" are subjects. Editors use the names of ALERT_BOX for boxes of the
# text, too.
SITE_ALERT = re.compile(
    r"""(?:\w+-)*(?:crisis|kris)-?(?:info|meddelande|message|banner|alert|container)
    | (?:\w+-)?(?:viktigt-?meddelande|drift-?(?:info|meddelande)|driftst[oö]rning)
      (?:-?(?:banner|box))?
    | (?:\w+-)?(?:general|site|global|system)-?(?:alert|message|notice|announcement)s?
    | (?:announcement|notification)-?(?:bar|banner)""",
    re.VERBOSE,
)
ALERT_BOX = re.compile(
    r"alerts?|alert-?(?:bar|box)|crisis|kris|emergency|important-?(?:message|notice)s?"
)
# parts of the names above; a name without any of them is not that of an alert
ALERT_STEM = re.compile(
    "alert|kris|crisis|emergency|important|viktigt|drift|message|notice|announcement|notification"
)
ALERT_TAGS = ("div", "section", "aside", "article", "p", "ul")
# The header and footer of the site.
SITE_FRAME_CONTAINERS = ("header", "footer", "div", "section", "table", "tr", "td", "ul")
MENU_TAGS = ("nav", "div", "ul", "td")
MIN_MENU_LINKS = 4  # links; a breadcrumb trail has fewer


@cache_by_text()
def split_camel_case(names: str) -> str:
    """Return class names and an id in lower case, with hyphens between the words of each name.

    >>> split_camel_case("siteMenu Top")
    'site-menu top'
    """
    lower = names.lower()
    return lower if lower == names else CAMEL_CASE_BOUNDARY.sub("-", names).lower()


def compile_markup_name(words: str) -> Callable[[str], bool]:
    """Return a cached function that checks whether a class and id contain one of the words.

    The words may be regular expressions. They are also found within camel-case names (see
    `split_camel_case`).
    """
    has_word = compile_name_pattern(split_word_list(words))
    return cache_by_text()(lambda names: has_word(split_camel_case(names)))


# a term of the text: "tag-newsletter"
WORDPRESS_TERM_CLASS = re.compile(r"(?:^|(?<=\s))(?:category|tag)-[\w-]+")
HIDDEN_STYLE = re.compile(r"display\s*:\s*none", re.IGNORECASE)
NEVER_BOILERPLATE_TAGS = ("figcaption", "td", "th", "tr")
SENTENCE_PARENT_TAGS = ("p", "li", "td", "dd")
# Fact boxes in the text, recognised by name or heading.
_has_fact_box_word = compile_name_pattern((r"fakta\w*", "info-?ruta"))
FACT_BOX_HEADING = re.compile(r"\W*(?:fakta|facts|bakgrund|background|faktaruta)\b", re.IGNORECASE)
CARD_HEADINGS = ("h2", "h3", "h4", "h5")
WHOLE_DATE = re.compile(
    rf"(?:19|20)\d\d-\d\d-\d\d|[0-3]?\d\.? {ANY_MONTH},? (?:19|20)\d\d", re.IGNORECASE
)
NON_CARD_TAGS = (INLINE_TAGS | HEADING_TAGS | {"p", "table", "dl", "blockquote"}) - {"a"}
NON_PAGE_TARGETS = ("#", "mailto:", "tel:")

# Limits, in characters without white space.
MAX_HIDDEN_LABEL_LENGTH = 30
MAX_DATE_LABEL_LENGTH = 60  # including white space
MIN_SURROUNDING_LETTERS = 20  # letters of a sentence around an inline element
MIN_FRAME_LENGTH = 200  # length of an element that frames the whole page
MIN_PROSE_LENGTH = 400  # length outside links from which a doubtful element counts as text
MAX_FORM_LENGTH = 600  # a longer form surrounds the whole page
# length of a box with buttons, and number of elements from the box down to a button
MAX_FEEDBACK_LENGTH, MAX_FEEDBACK_DEPTH = 400, 6
# length of a row of links, and of its text outside them
MAX_SHARE_ROW_LENGTH, MAX_SHARE_LABEL_LENGTH = (150, 40)
MAX_CARD_LENGTH = 600  # length of a teaser
# length of its title, and of a date before this or a button
MIN_CARD_TITLE_LENGTH, MAX_CARD_LABEL_LENGTH = (10, 40)
# rows of teasers that are looked for, because each takes another reading of the page
MAX_CLOSING_ROWS = 20
MIN_BUTTON_LENGTH = 4  # length of the shortest link that is no symbol
MIN_SECTION_PARAGRAPHS = 2  # from which what has a linked heading is a section of the text
MAX_ALERT_SHARE = 1 / 3  # share of the letters in the element around an alert
MAX_LINK_SHARE = 0.5  # share of a fact box's text
MAX_CARD_SHARE = 0.5  # if more of the text is in cards, the page is a list of cards

# A whole line that is only a button or a service note.
SERVICE_LINE = compile_phrases(
    r"""
        dela(?:(?: sidan| artikeln| på| denna| med)\b.{0,30})? | skriv ut(?: sidan)?
        kopiera länk.{0,20}
        tipsa(?: en vän| andra| om sidan| någon| polisen)?\b(?: om.{0,20})?
        lyssna(?: på (?:sidan|texten))? | listen | print(?: this page)? | share(?: this.{0,30})?
        del(?: på)?
        till toppen | upp
        tillbaka(?: till (?:start|förra|föregående|listan|toppen|nyhet|press|översikt).{0,30})?
        back(?: to.{0,40})? | nach oben
        facebook | twitter | x | linkedin | e-?post | e-?mail | mail | whatsapp | telegram | tweet
        reddit | pinterest
        instagram | bluesky | mastodon | threads | messenger | sms | skicka | kopiera
        läs (?:också|även|mer) | läs mer om | lue myös | les også | read (?:more|also|next)
        mehr zum thema
        related.{0,25} | relaterat.{0,20}
        visa (?:mer|fler|alla|större bild) | stäng | close | öppna alla | stäng alla
        (?:expand|collapse|show|hide) all
        (?:foto|photo|bild|image|picture|credit) ?:.{0,60} | texten? av | text ?:.{0,40}
        av ?:.{0,40}
        advert(?:isement)? | annons | anzeige | annonse | laddar.{0,15} | loading.{0,10}
        seite (?:drucken|teilen|empfehlen).{0,20} | drucken | teilen
    """,
    before="^",
)
# Words for a page, in requests to rate it and notes about it.
THIS_PAGE = r"(?:den här |denna )?(?:sidan?|webbplats\w*|innehållet|informationen|texten)\b"
THIS_PAGE_EN = r"(?:(?:this|the|our) )?(?:page|site|website|content)\b"
RATED_PAGE = r"(?:den här |denna |det här )?(?:informationen|sidan?|texten|innehållet|artikeln)\b"
# The first words of a box in which readers rate, share or print the page.
FEEDBACK_OPENING = compile_phrases(rf"""
    (?:hjälpte|var|är) {RATED_PAGE}.{{0,50}}\?
    hittade du (?:det|vad|informationen|svar|den information)\b.{{0,40}}\?
    fick du (?:svar|hjälp|den (?:information|hjälp))\b.{{0,40}}\?
    tyck till(?: om {THIS_PAGE}.{{0,20}})?
    vad tycker du om {THIS_PAGE}.{{0,20}}
    tack för (?:ditt svar|din (?:hjälp|feedback|återkoppling|synpunkt)).{{0,20}}
    (?:ge|lämna) feedback.{{0,30}}
    skriv ut(?: sidan?)? | utskrift | dela(?: (?:sidan|artikeln)\b.{{0,30}})?
    kommentera(?: sidan?)?
    (?:was|is) this (?:page|information|article)\b.{{0,40}}\?
    did you find (?:what|this|the)\b.{{0,50}}\?
    print(?: this page)? | share(?: this.{{0,30}})? | give feedback.{{0,30}}
    """)
SHARE_URL = re.compile(
    r"//(?:[\w-]+\.)*(?:facebook|twitter|x|linkedin|whatsapp|bsky|reddit)\.(?:com|app)/"
    r"(?:sharer?|share\w*|dialog/share|intent/|cws/share|sharing|submit)"
)
FEEDBACK_SUBJECT = re.compile(
    r"\b(?:sidan?|webbplats\w*|innehållet|informationen|texten|page)\b", re.IGNORECASE
)
CHOICE = "(?:ja|nej|yes|no|delvis|skicka|avbryt|send|cancel)"
FEEDBACK_CHOICE = compile_phrases(rf"{CHOICE}(?:\W*{CHOICE})*")
# A line that only names the author: "Av Eva Ek", "By Eva Ek, Agency".
BYLINE = re.compile(
    r"^(?:[Bb]y|BY|[Vv]on|[Aa][vf]|AV|(?:Text|Tekst|Teksti|Govva|Koveh|Kuvat?)"
    r"(?: (?:och|og|ja) \w+)?|Skribent|Autor(?:in)?|Auteur|Author"
    r"|(?:Written|Words|Reported|Story) by|Por|Redakt[öø]r|Kirjoittaja|Čálli|Skr[ie]ve[nt] a[vf])"
    r"(?:\s*:)?(?: (?:[A-ZÅÄÖÉÜ][\w.’'-]*|von|van|de|af|och|and|und|og|ja|&|/)){1,6}"
    r"(?:, [\w .&-]{2,40})?\W*$"
    r"|^(?:by|av|af) [\w.-]+\W*$"
)
# The last lines of a page: who reviewed it, and requests for feedback.
CLOSING_LINE = compile_phrases(rf"""
    (?:{THIS_PAGE} )?(?:är )?(?:senast )?(?:fakta-?)?granska[dt]\w*(?: senast)? av\b[^.!?]{{2,99}}
    (?:sid|innehålls)ansvarig\b[^.!?]* | ansvarig för {THIS_PAGE}[^.!?]*
    (?:har du|lämna|skicka|ge)(?: gärna| \w+)? (?:synpunkter|feedback) (?:på|om|kring) {THIS_PAGE}.*
    (?:saknar|hittade|hittar|ser) du (?:något|någon|ett|några)(?: \w+)? (?:på|i) {THIS_PAGE}.*
    hjälp oss (?:att )?(?:bli bättre|förbättra)\b.{{0,60}}\b{THIS_PAGE}.*
    vi vill (?:gärna )?veta vad du tycker om {THIS_PAGE}.*
    (?:{THIS_PAGE_EN} )?(?:was )?(?:last )?(?:reviewed|fact-checked) by\b[^!?]{{2,120}}
    (?:please )?help us (?:to )?improve {THIS_PAGE_EN}.*
    (?:do you have|send|leave|give)(?: us| any| your)? feedback (?:on|about) {THIS_PAGE_EN}.*
    """)
# A line that points to other texts, if much of it is links.
POINTER_LINE = compile_phrases(
    r"""
        läs (?:också|även|mer) | se (?:också|även) | mer om | mer information | fler\b
        les (?:også|mer) | læs (?:også|mere) | lue myös | lesen sie (?:auch|dazu|mehr)
        mehr (?:zum thema|dazu)
        see (?:more|also) | read (?:more|also) | also read | related | don't miss | more:
        lire aussi | leggi anche
        lea también | (?:le|te) puede interesar | czytaj (?:też|także|również|więcej)
        zobacz (?:też|także|również)
    """,
    after="",
)
# Headings of sections that only contain contacts and service information.
CONTACT_SECTION_HEADING = compile_phrases(r"""
    (?:(?:press|media) )?contacts? | for (?:more|further) information.{1,30}
    presskontakt\w* | kontakt(?:er|personer|uppgifter)? | kontaktinformation
    för mer information.{0,30}
    ytterligare information | har du (?:några )?frågor | pressjour | kontakta oss | sidansvarig
    hjälpte .{0,40}
    pressekontakt\w*
    """)
# Headings of sections with readers' comments, sharing, subscriptions or the author.
SERVICE_SECTION_HEADING = compile_phrases(r"""
    dela(?: (?:sidan|artikeln|på|denna|med andra)\b.{0,30})? | taggar | kommentarer | om författaren
    nyhetsbrev | prenumerera.{0,40} | newsletters? | subscribe.{0,40} | sign up for.{0,40}
    share this.{0,20} | about the author | tags? | comments? | \d+ (?:comments?|kommentarer)
    lämna en kommentar | information om (?:den här |denna )?sidan?
    leave a (?:reply|comment) | über den autor | kommentare | schlagworte?
    """)
# Headings of sections that only contain links to other texts.
RELATED_SECTION_HEADING = compile_phrases(r"""
    läs (?:också|även|mer)(?: om.{0,40})? | mer (?:om ämnet|i ämnet|nyheter) | andra läser
    relatera(?:t|d\w*)(?: (?:innehåll|material|nyhet|artikl|länk|dokument)\w*.*)?
    relatera(?:t|d\w*) (?:information|sid|läsning|rapport)\w*.*
    fler (?:nyheter|artiklar|pressmeddelanden).{0,30} | senaste nytt | senaste nyheterna
    related.{0,30} | you may also like | more (?:stories|news|articles|from).{0,30} | read next
    don't miss
    recommended(?: (?:for you|reading|articles|stories|content|links).{0,20})?
    latest (?:news|stories).{0,20}
    popular(?: (?:now|articles|stories|posts|news|topics|right).{0,20})? | trending.{0,20}
    most read.{0,20}
    mehr (?:zum thema.{0,40}|themen) | auch interessant.{0,20} | zum thema | verwandte.{0,20}
    weitere (?:meldungen|artikel|nachrichten|themen|informationen).{0,30}
    das könnte (?:sie|dich) auch interessieren.{0,10} | les også | mer om | læs også
    """)
PICTURE_CREDIT = re.compile(
    r"\((?:image|photo|foto|bild|picture|pic|credit|ap photo|afp|reuters)\b[^()]*\)$", re.IGNORECASE
)


def drop_boilerplate(document: Document) -> None:
    """Remove menus, cookie banners, share buttons and similar elements from the whole tree."""
    root, marked = document.root, _collect_marked_elements(document)
    for element in document.select_by_tag(*NON_TEXT_TAGS):
        remove_element(element)
    _drop_feedback_boxes(document)
    _drop_alerts(document, marked)
    total = count_text_letters(root)
    for part in list(_iter_site_frame(document, marked)):
        remove_element(part)
    candidates = {
        *document.select_by_tag("nav", "form"),
        *document.select_by_role(*BOILERPLATE_ROLES),
        *(element for element, meanings in marked.items() if not meanings.isdisjoint(NAMINGS)),
    }
    waiting = [root]
    while waiting:
        element = waiting.pop()
        if (
            element in candidates
            and _is_boilerplate_element(element, naming := _choose_naming(marked[element]))
            and not _is_page_frame(element, total)
        ):
            if naming == "doubtful":
                _keep_date_label(element)
            remove_element(element)
        else:
            waiting.extend(element)
    _drop_share_rows(root)


def drop_hidden_headings(document: Document) -> None:
    """Remove h1 headings that are hidden on screen, if the page also has a visible h1.

    A heading is removed together with the hidden element around it, unless that element contains
    much text.
    """
    headings = document.select_by_tag("h1")
    hidden = [
        heading
        for heading in headings
        if any(map(_is_hidden_element, (heading, *heading.iterancestors("div"))))
    ]
    if len(hidden) < len(headings):
        for heading in hidden:
            block = next(filter(_is_hidden_element, (heading, *heading.iterancestors("div"))))
            if count_text_letters(block) < MIN_FRAME_LENGTH:
                remove_element(block)


def _drop_feedback_boxes(document: Document) -> None:
    """Remove short boxes with buttons or fields that ask for feedback.

    Such boxes begin with words such as "Hjälpte informationen dig?".
    """
    controls = document.select_by_tag("button", "input", "textarea")
    ancestors = dict.fromkeys(
        part for control in controls for part in islice(control.iterancestors(), MAX_FEEDBACK_DEPTH)
    )
    for box in filter(_opens_with_feedback, ancestors):
        if not has_min_letters(box, MAX_FEEDBACK_LENGTH) and box.find(".//h1") is None:
            remove_element(box)


def _drop_share_rows(root: Element) -> None:
    """Remove elements that contain little more than links for sharing the page."""
    for link in list(root.iter("a")):
        href = link.get("href") or ""
        if ("share" not in href and "intent/" not in href) or not SHARE_URL.search(href):
            continue
        row = link
        for ancestor in islice(link.iterancestors(), MAX_FEEDBACK_DEPTH):
            if has_min_letters(ancestor, MAX_SHARE_ROW_LENGTH):
                break
            row = ancestor
        others = count_text_letters(row) - count_linked_letters(row)
        if others <= MAX_SHARE_LABEL_LENGTH and row.find(".//h1") is None:
            remove_element(row)


def _opens_with_feedback(element: Element) -> bool:
    return _is_feedback_opening(
        next((text for text in element.itertext() if not text.isspace()), "")
    )


@cache_by_text()
def _is_feedback_opening(text: str) -> bool:
    return FEEDBACK_OPENING.match(clean_line(text)) is not None


def _is_hidden_element(element: Element) -> bool:
    return HIDDEN_STYLE.search(element.get("style") or "") is not None


def _iter_site_frame(
    document: Document, marked: Mapping[Element, frozenset[str]]
) -> Iterator[Element]:
    """Yield the site's headers before the h1 and its footers after the h1.

    A header or footer belongs to the site if the nearest ancestor that it shares with the h1 also
    contains a menu. Otherwise, it belongs to the text, and may contain the date of the text.
    """
    menus = _list_menus(document, marked)
    with_menu = _collect_ancestors(menus)
    headings = document.select_by_tag("h1")
    with_heading = {*headings, *_collect_ancestors(headings)}
    headers = _collect_site_parts(document, marked, "header", "banner", "site header")
    footers = _collect_site_parts(document, marked, "footer", "contentinfo", "site footer")
    parts = headers
    for element in document.list_present((*headings, *headers, *footers)):
        if element.tag == "h1":
            parts = footers
        elif (
            element in parts
            and element.tag in SITE_FRAME_CONTAINERS
            and element not in with_heading
            and not _is_in_article(element)
        ):
            shared = _find_nearest_ancestor(element, with_heading)
            if (
                shared is not None
                and shared in with_menu
                and _has_menu_beside(shared, element, menus)
            ):
                yield element


def _collect_site_parts(
    document: Document,
    marked: Mapping[Element, frozenset[str]],
    tag: str,
    role: str,
    meaning: str,
) -> set[Element]:
    """Return the elements with the given tag or role, or with a class or id of the given
    meaning.
    """
    named = (element for element, meanings in marked.items() if meaning in meanings)
    return {*document.select_by_tag(tag), *document.select_by_role(role), *named}


def _collect_ancestors(elements: Iterable[Element]) -> set[Element]:
    return {ancestor for element in elements for ancestor in element.iterancestors()}


def _find_nearest_ancestor(element: Element, candidates: Collection[Element]) -> Element | None:
    return next((part for part in element.iterancestors() if part in candidates), None)


def _is_in_article(element: Element) -> bool:
    return any(
        part.tag in ("article", "main") or "Article" in (part.get("itemtype") or "")
        for part in element.iterancestors()
    )


def _has_menu_beside(shared: Element, element: Element, menus: list[Element]) -> bool:
    return any(
        shared in menu.iterancestors() and element not in menu.iterancestors() for menu in menus
    )


def _list_menus(document: Document, marked: Mapping[Element, frozenset[str]]) -> list[Element]:
    """Return the menus of a page, recognised by tag, role, class or id.

    A menu has several links and no h1.
    """
    candidates = _collect_site_parts(document, marked, "nav", "navigation", "menu")
    return [
        element
        for element in candidates
        if element.tag in MENU_TAGS and _has_menu_links(element) and document.is_present(element)
    ]


def _has_menu_links(element: Element) -> bool:
    has_links = next(islice(element.iter("a"), MIN_MENU_LINKS - 1, None), None) is not None
    return has_links and next(element.iter("h1"), None) is None


def _keep_date_label(element: Element) -> None:
    """Move the date label out of an element that will be removed, such as a toolbar.

    The label is put before the element. Nothing is moved unless there is exactly one label.
    """
    if element.tag in INLINE_TAGS or element.getparent() is None:
        return
    labels = [
        part
        for part in element.iterdescendants("span", "p", "div", "time", "li")
        if _is_date_label(part, element)
    ]
    outermost = [
        part for part in labels if not any(other in part.iterancestors() for other in labels)
    ]
    if len(outermost) == 1:
        (label,) = outermost
        label.tail = None
        element.addprevious(label)


def _is_date_label(element: Element, box: Element) -> bool:
    """Return whether an element is a date label of the page, such as "Publicerad 3 juni".

    Such an element is short, contains no link, and is not inside a link or an article.

    box: the element that contains `element`. If the box is a side column, the date on which the
        column itself was created does not count.
    """
    text = clean_line(get_text_content(element))
    if len(text) > MAX_DATE_LABEL_LENGTH or not any(map(str.isdigit, text)):
        return False
    if not find_date_role(text) or (BOX_CREATION.match(text) and is_side_column(box)):
        return False
    has_link = element.find(".//a") is not None
    return not has_link and next(element.iterancestors("a", "article"), None) is None


def is_side_column(element: Element) -> bool:
    if element.tag == "aside" or element.get("role") == "complementary":
        return True
    names = f"{element.get('class') or ''} {element.get('id') or ''}"
    return _has_side_column_word(split_camel_case(names))


def _is_boilerplate_element(element: Element, naming: str) -> bool:
    """Return whether an element is boilerplate, according to its tag, role, class and id.

    naming: what its class and id mean (see `_choose_naming`).
    """
    tag = cast("str", element.tag)
    if tag == "nav" or element.get("role") in BOILERPLATE_ROLES:
        return True
    if tag == "form":
        return count_text_letters(element) < MAX_FORM_LENGTH and element.find(".//h1") is None
    return tag not in NEVER_BOILERPLATE_TAGS and _has_boilerplate_name(element, naming)


def _has_boilerplate_name(element: Element, naming: str) -> bool:
    """Return whether an element's class or id marks it as boilerplate, and it contains no text to
    keep.

    naming: what its class and id mean (see `_choose_naming`).
    """
    if not naming:
        return False
    if naming == "hidden":
        is_long = count_text_letters(element) > MAX_HIDDEN_LABEL_LENGTH
        return is_long or find_date_role(get_text_content(element)) is None
    if element.tag in INLINE_TAGS and _is_within_sentence(element):
        return False
    if naming == "doubtful":
        return count_text_letters(element) - count_linked_letters(element) < MIN_PROSE_LENGTH
    return True


def _drop_alerts(document: Document, marked: Mapping[Element, frozenset[str]]) -> None:
    """Remove the site's alerts.

    An alert is kept if it is between sentences of the text, or if it is a large part of the text.
    """
    root, alerts = document.root, _collect_alerts(document, marked)
    sentence_counts: Counter[Element] = Counter()  # by main element, or the root
    found: list[tuple[Element, Element, int]] = []  # alerts, and the sentences before them
    for element in root.iter(*ALERT_TAGS) if alerts else ():
        if element in alerts:
            main = _find_main_ancestor(element, root)
            found.append((element, main, sentence_counts[main]))
        if element.tag == "p" and has_min_letters(element, MIN_SENTENCE_LENGTH):
            sentence_counts[_find_main_ancestor(element, root)] += 1
    for element, main, before in found:
        inside = sum(has_min_letters(part, MIN_SENTENCE_LENGTH) for part in element.iter("p"))
        is_short = count_text_letters(element) <= MAX_ALERT_SHARE * count_text_letters(main)
        if is_short and before in (0, sentence_counts[main] - inside):
            remove_element(element)


def _collect_alerts(document: Document, marked: Mapping[Element, frozenset[str]]) -> set[Element]:
    named = [element for element, meanings in marked.items() if "alert" in meanings]
    named += document.select_by_role("alert")
    return {element for element in named if element.tag in ALERT_TAGS and _is_alert(element)}


def _find_main_ancestor(element: Element, root: Element) -> Element:
    parts = element.iterancestors()
    return next((part for part in parts if part.tag == "main" or part.get("role") == "main"), root)


def _is_alert(element: Element) -> bool:
    """Return whether an element marked as an alert is an alert of the site.

    The element may be marked by its role, class or id. In an article, only names that sites use for
    their own alerts count.
    """
    names = f"{element.get('class') or ''} {element.get('id') or ''}"
    if _is_in_article(element) and not _is_site_alert_name(names):
        return False
    return element.find(".//h1") is None and element.find(".//main") is None


def has_alert_name(element: Element) -> bool:
    names = f"{element.get('class') or ''} {element.get('id') or ''}"
    return element.get("role") == "alert" or _is_alert_name(names)


@cache_by_text()
def _is_alert_name(names: str) -> bool:
    is_possible = ALERT_STEM.search(split_camel_case(names)) is not None
    return is_possible and (_is_alert_box_name(names) or _is_site_alert_name(names))


def _is_alert_box_name(names: str) -> bool:
    return any(map(ALERT_BOX.fullmatch, split_camel_case(names).split()))


@cache_by_text()
def _is_site_alert_name(names: str) -> bool:
    return any(map(SITE_ALERT.fullmatch, split_camel_case(names).replace("_", "-").split()))


def _is_within_sentence(element: Element) -> bool:
    """Return whether an inline element is part of a sentence.

    An example is a link with the class "tooltip-link".
    """
    sentence, length = (
        next(element.iterancestors(*SENTENCE_PARENT_TAGS), None),
        count_text_letters(element),
    )
    if sentence is None or not length:
        return False
    return has_min_letters(sentence, length + MIN_SURROUNDING_LETTERS)


def drop_sidebars(main: Element) -> None:
    total = count_text_letters(main)
    for element in list(main.iter("aside", "footer", "div", "section", "header")):
        is_sidebar = element.tag in ("aside", "footer") or element.get("role") in SIDEBAR_ROLES
        if (
            is_sidebar
            and element is not main
            and not _is_page_frame(element, total)
            and not _is_part_of_text(element)
        ):
            remove_element(element)


def drop_cards(main: Element) -> list[Element]:
    """Remove teasers for other pages, and return the possible teasers left at the end of the text.

    Teasers that make up most of the text are kept, because the page may be about them. A row of
    dated teasers at the end of the text is removed in any case.
    """
    total = count_text_letters(main)
    cards = list(_iter_cards(main))
    if sum(map(count_text_letters, cards)) < MAX_CARD_SHARE * total:
        for card in cards:
            remove_element(card)
    row: list[Element] = []
    for _ in range(MAX_CLOSING_ROWS):
        row = _find_closing_row(main)
        is_short = sum(map(count_text_letters, row)) < MAX_CARD_SHARE * total
        if not row or not _is_teaser_row(row, is_short=is_short):
            break
        for card in row:
            remove_element(card)
    return row


def _is_teaser_row(row: Sequence[Element], *, is_short: bool) -> bool:
    """Return whether a row of teasers certainly does not belong to the text.

    is_short: whether most of the text is outside the row.
    """
    if not all(map(_opens_with_link, row)):
        return any(map(_is_cut_off, row))
    is_dated = row[0].tag != "li" and all(map(_has_whole_date, row))
    return is_dated or (is_short and all(map(_has_heading_or_picture, row)))


def _find_closing_row(main: Element) -> list[Element]:
    """Return the row of teasers at the end of the text, or [] if there is none.

    In such a row, all teasers open with a link, or all end with the same button. A row belongs to
    the text if a line that ends with a colon introduces it, or if no sentence precedes it.
    """
    waiting = [main]
    while waiting:
        node = waiting.pop()
        row, last = _read_closing_teasers(node)
        if _is_row_of_teasers(row):
            return row if _is_apart_from_text(row, main) else []
        # what looks like one teaser may be a row, or a box of links after one
        if last is not None and not any(map(_has_sentence, row)):
            waiting.append(last)
        waiting += row[-1:]
    return []


def _read_closing_teasers(container: Element) -> tuple[list[Element], Element | None]:
    """Return the teasers at the end of an element, last first, and the part before them.

    The teasers have the same tag. Parts without a sentence that follow the teasers are ignored. If
    nothing precedes the teasers, None is returned for that part.
    """
    row: list[Element] = []
    if container.tag in NON_CARD_TAGS:
        return row, None
    for part in reversed(container):
        has_text_after = _has_sentence_text(part.tail or "")
        if not has_text_after and _continues_row(part, row):
            row.append(part)
        elif row or has_text_after or _has_sentence(part):
            return row, part
    return row, None


def _continues_row(element: Element, row: Sequence[Element]) -> bool:
    return (not row or element.tag == row[0].tag) and _is_teaser(element)


def _is_row_of_teasers(row: Sequence[Element]) -> bool:
    """Return whether all elements of a row open with a link, or all have the same button.

    Returns False if the row has only one element.
    """
    if len(row) < 2:
        return False
    return all(map(_opens_with_link, row)) or len(set(map(_read_button, row))) == 1


def _is_apart_from_text(row: Sequence[Element], main: Element) -> bool:
    """Return whether a row comes after a sentence, but not directly after a colon."""
    before = [text for text in _iter_texts_before(row[-1], main) if text and not text.isspace()]
    if before and before[-1].rstrip().endswith(":"):
        return False
    return any(map(_has_sentence_text, before))


def _iter_texts_before(end: Element, root: Element) -> Iterator[str | None]:
    for event, part in etree.iterwalk(root, ("start", "end")):
        if part is end:
            return
        yield part.text if event == "start" else part.tail


def _has_sentence(element: Element) -> bool:
    blocks = map(get_text_content, element.iter("p", "li", "td"))
    return any(map(_has_sentence_text, chain(element.itertext(), blocks)))


def _has_sentence_text(text: str) -> bool:
    text = text.strip()
    return len(text) >= MIN_SENTENCE_LENGTH and text[-1] in ".!?…"


def _is_teaser(element: Element) -> bool:
    """Return whether an element is a teaser: a short element with a link to another page.

    Besides its link, a teaser has a heading, an image, a date or one paragraph.
    """
    if element.tag in NON_CARD_TAGS or has_min_letters(element, MAX_CARD_LENGTH):
        return False
    link = _find_page_link(element)
    if link is None:
        return False
    paragraphs = _list_paragraphs_beside(link, element)
    if len(paragraphs) >= MIN_SECTION_PARAGRAPHS:
        return False
    if not _opens_with_link(element):
        return _ends_with_button(element, link)
    if paragraphs and element.tag not in ("a", "li"):
        return True
    return _has_heading_or_picture(element) or _has_whole_date(element)


def _find_page_link(element: Element) -> Element | None:
    """Return the first link with words in an element.

    Returns None if there is no such link, or if it does not lead to another page.
    """
    link = next(
        (part for part in element.iter("a") if has_min_letters(part, MIN_BUTTON_LENGTH)), None
    )
    href = "#" if link is None else link.get("href") or "#"
    return None if href.startswith(NON_PAGE_TARGETS) or guess_media_type(href) else link


def _opens_with_link(card: Element) -> bool:
    """Return whether a card's first line, apart from a date or label, links to another page."""
    link = _find_page_link(card)
    if link is None or not has_min_letters(link, MIN_CARD_TITLE_LENGTH):
        return False
    before = sum(count_letters(text) for text in _iter_texts_before(link, card) if text)
    return before <= MAX_CARD_LABEL_LENGTH and (link is card or not (link.tail or "").strip())


def _ends_with_button(card: Element, link: Element) -> bool:
    """Return whether a card has a heading and ends with a short link, such as "Läs mer"."""
    if (
        has_min_letters(link, MAX_CARD_LABEL_LENGTH)
        or next(card.iter(*CARD_HEADINGS), None) is None
    ):
        return False
    return get_text_content(card).rstrip().endswith(get_text_content(link).strip())


def _read_button(card: Element) -> str:
    link = _find_page_link(card)
    return "" if link is None else clean_line(get_text_content(link))


def _is_cut_off(card: Element) -> bool:
    return any(
        get_text_content(part).rstrip().endswith(("…", "...")) for part in _list_paragraphs(card)
    )


def _list_paragraphs(element: Element) -> list[Element]:
    """Return the paragraphs of an element that are longer than labels."""
    return [part for part in element.iter("p") if has_min_letters(part, MIN_SENTENCE_LENGTH)]


def _list_paragraphs_beside(link: Element, card: Element) -> list[Element]:
    """Return the paragraphs of a card that are longer than labels and outside the card's link."""
    title = {link, *link.iterancestors()}
    return [part for part in _list_paragraphs(card) if part not in title]


def _has_heading_or_picture(element: Element) -> bool:
    return any(True for _ in element.iter("img", *CARD_HEADINGS))


def _has_whole_date(element: Element) -> bool:
    return WHOLE_DATE.search(get_text_content(element)) is not None


def _is_part_of_text(sidebar: Element) -> bool:
    """Return whether an aside or footer belongs to the text.

    An aside belongs to the text if it is a fact box, and a footer if it is in a quotation.
    """
    if sidebar.tag == "footer":
        return next(sidebar.iterancestors("blockquote"), None) is not None
    heading = next(sidebar.iter(*HEADING_TAGS), None)
    names = split_camel_case(f"{sidebar.get('class') or ''} {sidebar.get('id') or ''}")
    if not _has_fact_box_word(names) and (
        heading is None or not FACT_BOX_HEADING.match(get_text_content(heading))
    ):
        return False
    return count_linked_letters(sidebar) < MAX_LINK_SHARE * count_text_letters(sidebar)


def _iter_cards(main: Element) -> Iterator[Element]:
    """Yield the teasers for other pages in `main`.

    These are articles, list items, and elements in a row of teasers.
    """
    is_card_row = cache(_is_card_row_of_class)
    for heading in main.iter(*CARD_HEADINGS):
        if is_linked_heading(heading):
            card = None
            for ancestor in takewhile(lambda part: part is not main, heading.iterancestors()):
                if count_text_letters(ancestor) > MAX_CARD_LENGTH:
                    break
                row = (ancestor.getparent(), cast("str", ancestor.tag), ancestor.get("class"))
                if ancestor.tag in ("article", "li") or is_card_row(*row):
                    card = ancestor
            if card is not None:
                yield card


def _is_card_row_of_class(parent: Element, tag: str, classes: str | None) -> bool:
    """Return whether an element's children with a given tag and classes are teasers.

    The children are teasers if there are several of them, and all have a linked heading. If each of
    them has several paragraphs, they are sections of the text instead.
    """
    row = [part for part in parent.iterchildren(tag) if part.get("class") == classes]
    is_row = len(row) > 1 and all(
        any(map(is_linked_heading, part.iter(*CARD_HEADINGS))) for part in row
    )
    return is_row and any(len(_list_paragraphs(part)) < MIN_SECTION_PARAGRAPHS for part in row)


def is_linked_heading(heading: Element) -> bool:
    """Return whether a heading contains a link to another page, or is inside such a link.

    Links that open a panel or lead to an anchor do not count.
    """
    return has_outgoing_link(heading) or any(map(has_outgoing_link, heading.iterancestors("a")))


def has_outgoing_link(element: Element) -> bool:
    return any(
        (link.get("href") or "#")[0] != "#" and link.get("aria-expanded") is None
        for link in element.iter("a")
    )


def is_card(element: Element) -> bool:
    heading = next(element.iter(*CARD_HEADINGS), None)
    return (
        heading is not None
        and count_text_letters(element) <= MAX_CARD_LENGTH
        and is_linked_heading(heading)
    )


def _collect_marked_elements(document: Document) -> dict[Element, frozenset[str]]:
    """Return the elements whose class, id or custom tag has a meaning, each with its meanings.

    See `_find_meanings`.
    """
    index = document.index
    marked: dict[Element, frozenset[str]] = defaultdict(frozenset)
    for classes, elements in index.by_class.items():
        if found := _find_meanings(classes):
            marked.update(dict.fromkeys(elements, found))
    custom_tags = [tag for tag in index.by_tag if "-" in tag]
    tagged = ((element, tag) for tag in custom_tags for element in index.by_tag[tag])
    for element, name in chain(tagged, index.ids.items()):
        # ids of headings are derived from their words
        if (found := _find_meanings(name)) and element.tag not in HEADING_TAGS:
            marked[element] |= found
    return marked


@cache_by_text(16_384)
def _find_meanings(names: str) -> frozenset[str]:
    """Return the meanings of a class, id or tag: keys of NAME_WORDS, or "alert".

    Results are cached, because the pages of a site have most names in common.
    """
    words = split_camel_case(names)
    alert = frozenset(("alert",)) if _is_alert_name(names) else frozenset()
    if not _has_any_meaning(words):
        return alert
    without_terms = WORDPRESS_TERM_CLASS.sub(" ", words)
    return alert.union(
        meaning
        for meaning, is_match in _NAME_TESTS.items()
        if is_match(without_terms if meaning in NAMINGS else words)
    )


def _choose_naming(meanings: Collection[str]) -> str:
    """Return the meaning that decides how an element is treated: boilerplate, hidden or doubtful.

    Returns "" if the element has none of these meanings, or if its name marks it as the frame of
    the page.
    """
    naming = next(filter(meanings.__contains__, NAMINGS), "")
    return "" if naming == "frame" else naming


def _is_page_frame(element: Element, total: int) -> bool:
    """Return whether an element contains the page's main content, regardless of its class and id.

    total: the number of characters on the whole page.
    """
    if element.tag in ("body", "html", "main") or element.find(".//main") is not None:
        return True
    length = count_text_letters(element)
    if length <= MIN_FRAME_LENGTH:
        return False
    minimum = (
        MIN_FRAME_LENGTH
        if element.find(".//h1") is not None
        else max(MIN_FRAME_LENGTH, 0.5 * total)
    )
    # menus are long, but mostly links
    return length > minimum and length - count_linked_letters(element) > minimum
