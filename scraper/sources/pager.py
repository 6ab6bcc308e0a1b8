"""Finds the next page and the archive pages of a listing.

Also finds signs that a listing continues although there is no link to the rest. A pager is
recognised not only by its class, but also by its words: it consists of page numbers, "Nästa" and
similar words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence, Set
from functools import cached_property
from itertools import chain, filterfalse, islice
from typing import cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from lxml import etree
from lxml.html import FormElement
from parsel import Selector

from archive.health.audited_sources import SourceProblem
from archive.urls import canonical_url
from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.normalise.page_urls import resolve_canonical_url
from scraper.normalise.text_cleaning import build_alternation, clean_line, split_word_list
from scraper.pages.document import Element, read_short_text
from scraper.pages.page_type import PAGE_EXTENSION
from scraper.sources.links import (
    FILE_PATH,
    NEWS_WORDS,
    find_base_url,
    get_line_text,
    join_form,
    resolve_page_url,
)

# Words of pagers. Labels are read word by word: "Gå till sida 2" is the number 2, "Visa nästa 10
# nyheter" is "next".
PAGE_WORDS = frozenset(
    split_word_list("""
    sida sidan sidor page pages gå till go to visa visar show ladda load hämta in nr nummer nu
    aktuell nuvarande vald aktiv current active selected den här du är på you are on the this
    """)
)
NEXT_WORDS = frozenset(
    split_word_list("""
    nästa next framåt följande nästkommande äldre older fler flere neste næste eldre ældre seuraava
    nächste chevron_right arrow_forward navigate_next keyboard_arrow_right
    """)
)
LIST_WORDS = frozenset(
    split_word_list("""
    inlägg nyheter artiklar pressmeddelanden meddelanden träffar resultat poster posts news
    articles entries results items releases
    """)
)
PAGER_WORDS = (
    PAGE_WORDS
    | NEXT_WORDS
    | LIST_WORDS
    | frozenset(
        split_word_list("""
        föregående previous prev bakåt tillbaka back nyare newer senare tidigare första first sista
        last av of totalt total sidnumrering paginering pagination bläddra bland i chevron_left
        arrow_back navigate_before keyboard_arrow_left first_page last_page
        """)
    )
)
NAMED_PAGE = re.compile(rf"\b(?:sida|sidan|page|{'|'.join(LIST_WORDS)})\b", re.IGNORECASE)
FORWARD_ARROW = re.compile(r"[\W_]*[›»→>❯▶⟩⇒≫]+[\W_]*")
RANGE_TEXT = re.compile(r"^\W*\d+\s*[-–—]\s*\d+\W*$")
MAX_LABEL_LENGTH = 60  # characters of the label of a link or button in a pager
# links and buttons of pagers that are looked at; more are a sign of a crawler trap
MAX_CONTROLS = 200
MAX_PAGER_LENGTH = 300  # characters of a pager
MAX_DIGITS = 4  # of a number of a page
WORD = re.compile(r"\d+|[^\W\d_](?:[^\W\d]*[^\W\d_])?")

# Labels and marks of pagers
MORE_WORDS = (
    r"(visa|ladda|ladda in|hämta|läs in|se|show|load|see) (fler|mer|äldre|nästa|more|older|next)"
)
NEXT_LINK_TEXT = re.compile(
    rf"(nästa|next|äldre|fler|framåt|vidare|{MORE_WORDS}|older)\b.{{0,25}}|[›»→>]+", re.IGNORECASE
)
MORE_BUTTON_TEXT = re.compile(rf"[+\s]*({MORE_WORDS})\b.{{0,25}}", re.IGNORECASE)
EARLIER_TEXT = re.compile(rf"\W*tidigare (?:{'|'.join(LIST_WORDS)})\W*", re.IGNORECASE)
LABEL_XPATH = etree.XPath(
    "descendant-or-self::*/@aria-label | descendant-or-self::*/@title | .//img/@alt"
)
CONTROL_XPATH = (
    "//a[@href] | //button |"
    " //input[@type='button' or @type='submit'] |"
    " //*[@role='button' or @role='link'] | //*[@onclick or @data-page] | //"
    "select[contains(@name, 'page') or contains(@name, 'sida')]/option"
)
REL_XPATH = "//*[(self::link or self::a) and contains(concat(' ', @rel, ' '), ' {} ')]/@href"
PAGER_XPATH = (
    "*[contains(@class, 'pagin') or contains(@class, 'pager') or contains(@class, 'Pagin')]"
)
CLASS_XPATH = etree.XPath("descendant-or-self::*/@class")
MARK_XPATH = etree.XPath(
    "descendant-or-self::*/@class | descendant-or-self::*/@id | descendant-or-self::*/@aria-label"
)
# of a link that has no text
NEXT_CLASS = re.compile(
    r"(?:^|[\s_-])(?:next|nasta|older|(?:angle|arrow|chevron)-right)(?:$|[\s_-])", re.IGNORECASE
)
PAGER_MARK = re.compile(
    r"pagin|pager|paging|page-?num|page-?nav|sidnum|sidindel|bl[äa]ddr|^sidor$", re.IGNORECASE
)
DISABLED_CLASS = re.compile(r"(?:^|[\s_-])(?:disabled|inactive|inaktiv)(?:$|[\s_-])", re.IGNORECASE)
# Carousels and calendars have numbers and "next" as well.
OTHER_WIDGETS = (
    *(
        "carousel",
        "slide",
        "slick",
        "swiper",
        "splide",
        "gallery",
        "bildspel",
        "alendar",
        "alender",
        "datepicker",
    ),
    *("dialog", "modal", "rating", "betyg", "player"),
)
OTHER_WIDGET_XPATH = etree.XPath(
    f"ancestor-or-self::*[{' or '.join(f'contains(@class, {name!r})' for name in OTHER_WIDGETS)}]"
)

# Addresses of pages
PAGE_PATH = re.compile(
    r"[-/_;]?(?:page|sida|side|seite|sivu|p|pn|start|offset|blad)?[-/_=:]?\d{1,4}/?$|/$",
    re.IGNORECASE,
)
PAGE_FRAGMENT = re.compile(r"#?|javascript:.*|#!?/?(?:page|sida|p)[-/=_]?\d*", re.IGNORECASE)
PAGE_PARAMETER = re.compile(
    r"(?!.*(?:size|storlek|per"
    r"|limit$))(?:.*page|.*sida"
    r"|(?:.*[^a-z])?(?:p|pg|pn|cur|blad|start\w*"
    r"|offset|skip|from)(?:[^a-z].*)?$|limitstart$)",
    re.IGNORECASE,
)
FACET_PARAMETER = re.compile(
    r"sort|order|ordning|filter|kateg|categ|tag|[aä]mne|typ|year"
    r"|(?:^|_)[aå]r$|m[aå]nad|month|day"
    r"|dag$|dat(?:e|um)|size"
    r"|storlek|antal|limit|per|count|lang|spr[aå]k|betyg|rating|view|vy$|region|l[aä]n$",
    re.IGNORECASE,
)

# Archives
YEAR_TEXT = re.compile(
    r"(?:(?:år|arkiv|nyhetsarkiv|nyheter|pressmeddelanden)(?:"
    r" från)? )?((?:19|20)\d\d)(?: ?\(\d+\))?",
    re.IGNORECASE,
)
CHOICE_PROMPT = re.compile(r"\W*(?:(?:välj|ange|select|choose)\b.*)?$", re.IGNORECASE)
ARCHIVE_NAME = (
    r"(?:äldre|tidigare|fler) (?:nyheter|pressmeddelanden|artiklar)|(?:nyhets|press)arkiv(?:et)?"
    r"|arkiv(?:et)? (?:för |med |över )?(?:nyheter"
    r"|pressmeddelanden)|news archive|older"
    r" (?:news|press releases)"
)
ARCHIVE_TEXT = re.compile(
    rf"(?:visa |se |(?:gå )?till |alla |vårt )*(?:{ARCHIVE_NAME})", re.IGNORECASE
)
ARCHIVE_LINK_TEXT = re.compile(
    rf"{ARCHIVE_TEXT.pattern}|(?:visa |se |till"
    rf" )?(?:arkiv(?:et)?|alla (?:våra"
    rf" )?(?:nyheter|pressmeddelanden))",
    re.IGNORECASE,
)
ARCHIVE_ADDRESS = re.compile(
    rf"(?:^|[^a-z])(?:{NEWS_WORDS}|arkiv|archive)(?:$|[^a-z])", re.IGNORECASE
)
# buttons, and links with a script, outside menus, that do not only show a part of the page
YEAR_CONTROL_XPATH = (
    "//*[self::button or self::a[@href='#' or starts-with(@href, 'javascript:')]]"
    "[not(@aria-expanded or @aria-controls)]"
    "[not(ancestor::nav or ancestor::header or ancestor::footer or ancestor::article)]"
)

# Counts: "Visar 10 av 143", "Sida 1 av 15", "143 träffar"
COUNT_WORDS = PAGER_WORDS | frozenset(
    split_word_list("""
    visas showing displaying har sett out to antal sammanlagt cirka ca about just de senaste
    latest träff träffen träffarna sökträffar hits result hit nyhet shown hittade
    hittades vi found från meddelande
    """)
)
TOTAL_WORDS = frozenset(("antal", "totalt", "sammanlagt", "total"))
COUNTED_WORDS = LIST_WORDS | frozenset(("träff", "sökträffar", "hits", "hit", "result", "nyhet"))
OF_WORDS = frozenset(("av", "of", "från"))
NUMBERED_WORDS = frozenset(("sida", "sidan", "sidor", "page", "pages"))
THOUSANDS_MARK = re.compile(r"(?<=\d)[\s.,](?=\d{3}\b)")
COUNT_XPATH = etree.XPath(
    "//text()[contains(., 'av') or contains(., 'of') or"
    " contains(., '/') or contains(., 'otal')"
    " or contains(., 'ntal')"
    " or contains(., 'träff') or"
    " contains(., 'resul') or"
    " contains(., 'hits') or contains(., 'nyheter')]"
    "/parent::*[not(self::script or self::style or"
    " ancestor-or-self::a or"
    " ancestor-or-self::article)]"
)
MAX_COUNT_LENGTH = 80  # characters of a sentence such as "Visar 10 av 143"

# Buttons
BUTTON_XPATH = (
    "//button | //input[@type='submit' or @type='button' or @type='image'] | //*[@role='button']"
    " | //a[not(@href) or starts-with(@href, '#')]"
)
# names that mean a next page; on any element
NEXT_URL_ATTRIBUTES = ("data-next-url", "data-load-more")
# only on a button with a label
BUTTON_URL_ATTRIBUTES = (*NEXT_URL_ATTRIBUTES, "data-url", "data-href")
URL_VALUE = re.compile(r"(https?://|/|\?|\./)\S*|[\w./-]+\?\S+")  # a URL, not a number or "true"
# Fields that visitors write into. Select elements do not count, because they only filter or sort.
WRITTEN_FIELD_XPATH = etree.XPath(
    ".//textarea | .//input[not(contains(' hidden submit button"
    " image reset ', concat(' ', @type, ' ')))]"
)
OTHER_FORM_NAME = re.compile(
    r"s[oö]k|search|log-?in|logga"
    r"|sign-?[iu]n|konta[kc]t"
    r"|contact|feedback|comment|kommentar"
    r"|newsletter|nyhetsbrev"
    r"|prenumer|subscri|delete|remove|ta-?bort|logout",
    re.IGNORECASE,
)
# size of a form that requests the next page; ASP.NET's hidden fields are large
MAX_FORM_BYTES = 1024 * 1024

MORE_BUTTON_XPATH = etree.XPath(
    "//button | //input[@type='button' or @type='submit']"
    " | //a[@role='button' or not(@href) or"
    " starts-with(@href, '#') or starts-with(@href, 'javascript:')]"
)
# A button inside these does not belong to the list, but to a text, a menu or a dialog.
OTHER_PARTS_XPATH = etree.XPath(
    "ancestor::nav | ancestor::header | ancestor::footer |"
    " ancestor::aside | ancestor::article | ancestor::li | ancestor::dialog |"
    " ancestor::*[@role='dialog' or"
    " @role='navigation' or @role='search' or @hidden]"
)
MORE_BUTTON_LABEL = re.compile(
    build_alternation(
        r"""
        \W*(?:visa|ladda|hämta|läs|läs in|se)(?: in)? (?:\d+ )?(?:fler|mer|alla|äldre|nästa)\b"""
        r"""(?P<rest>.{0,25})
        \W*(?:fler|äldre|nästa) (?:\d+ )?"""
        r"""(?:nyheter|pressmeddelanden|artiklar|träffar|resultat|sidor?)\W*
        \W*(?:show|load|view|see) (?:\d+ )?(?:more|all|older)\b.{0,25}
        \W*(?:older|more) (?:news|press releases)\W* | \W*(?:näytä|lataa) lisää\b.{0,25}
        \W*(?:vis|last|hent|indlæs)(?: inn)? (?:flere|fler|mer|mere)\b.{0,25}
        \W*(?:mehr|weitere)(?: \w+)? (?:laden|anzeigen)\W*
        """
    ),
    re.IGNORECASE,
)
READ_MORE_LABEL = re.compile(r"\W*(?:läs|se) mer\b", re.IGNORECASE)  # labels of links to a text
OTHER_LIST_WORD = re.compile(
    r"filter|alternativ|val\b|kategori|ämne|språk|detalj|karta"
    r"|bild|film|kommentar|kakor|cookie"
    r"|option|topic|language",
    re.IGNORECASE,
)


class ListingPager:
    """Finds the links from a page of a listing to its other pages.

    number: the number of the page, from 1.
    """

    def __init__(self, page: Selector, url: str, agency: Agency, number: int = 1) -> None:
        self.page, self.url, self.agency, self.number = page, url, agency, number
        self.base = find_base_url(page, url)
        self.form_fields: dict[Element, list[tuple[str, str]] | None] = {}
        self.texts: dict[Element, str] = {
            link.root: get_line_text(link.root) for link in page.xpath("//a[@href]")
        }

    def resolve(self, href: str) -> str | None:
        return resolve_page_url(href, self.base, self.url, self.agency)

    @cached_property
    def controls(self) -> list[PagerControl]:
        """Return the links and buttons labelled "next" or with the number of the next page."""
        controls = (
            PagerControl(control.root, self.number) for control in self.page.xpath(CONTROL_XPATH)
        )
        return list(
            islice(
                (control for control in controls if control.is_next or control.is_numbered),
                MAX_CONTROLS,
            )
        )

    def find_next_url(self, releases: Collection[str]) -> str | None:
        """Return the address of the next page, or None if there is none.

        The next page is found by rel=next, a link with a text such as "Nästa", the next number in a
        pager, or a button such as "Visa fler". Links to other hosts and to the page itself are
        skipped.

        releases: URLs of releases, whose link texts may look like those of a pager.
        """
        for href in self.page.xpath(REL_XPATH.format("next")).getall():
            if address := self.resolve(href):
                return address
        # "Fler poliser i skogen" may be a release with a number in its URL
        found = [address for address in self.find_labelled_urls() if address not in releases]
        return next(chain(found, self.find_numbered_urls()), None) or self.find_button_address()

    def find_labelled_urls(self) -> list[str]:
        """Return the URLs of links with a text such as "Nästa".

        Links such as "Tidigare inlägg", which may lead back, come after the others.
        """
        labelled = [
            control for control in self.controls if control.is_next and not control.is_disabled
        ]
        # "Tidigare inlägg" may also lead back
        labelled.sort(key=lambda control: control.is_earlier)
        found = [self.find_page_url(control.element) for control in labelled]
        for link, text in self.texts.items():
            if any(map(NEXT_LINK_TEXT.fullmatch, (text, link.get("aria-label", "")))):
                address = self.find_page_url(link)
                if address and _is_same_listing(address, self.url):
                    found.append(address)
        return list(filter(None, found))

    def find_page_url(self, link: Element) -> str | None:
        """Return the URL of a link if it leads to another page of this listing.

        Returns None for any other link, such as one that only sorts or filters the listing.
        """
        address = self.resolve(link.get("href", "#"))
        if not address:
            return None
        if not _is_same_listing(address, self.url):
            return address if _find_folder(address) == _find_folder(self.url) else None
        names = self.find_changed_parameters(address)
        is_page = any(map(PAGE_PARAMETER.match, names)) or not any(
            map(FACET_PARAMETER.search, names)
        )
        return address if is_page else None

    def find_numbered_urls(self) -> Iterator[str]:
        """Yield the URLs of links that are labelled with the number of the next page.

        Only URLs that are certainly pages of this listing are yielded.
        """
        for control in self.controls:
            address = self.find_page_url(control.element) if control.is_numbered else None
            names = self.find_changed_parameters(address) if address else frozenset[str]()
            if address and (
                control.is_in_pager or not names or any(map(PAGE_PARAMETER.match, names))
            ):
                yield address

    # Signs that the listing continues although no next page was found

    def find_unread_page(self) -> SourceProblem | None:
        """Return a problem that names the first link or button to a page that cannot be requested.

        Returns None if there is no such link or button.
        """
        unread = next(filter(self.is_unread, self.controls), None)
        found = unread.element if unread else self.find_marked_link()
        return None if found is None else self.describe_link("pager", found)

    def find_marked_link(self) -> Element | None:
        """Return a link to another page in an element that is marked as a pager.

        The link may have any label. Returns None if there is no such link, or if this is not the
        first page, because on later pages such a link may lead to a page that was already read.
        """
        for link in self.texts if self.number == 1 else ():
            address = self.find_page_url(link)
            if (
                address is None
                or not _is_same_listing(address, self.url)
                or _read_number(self.texts[link]) == 1
            ):
                continue
            names = self.find_changed_parameters(address)
            if (not names or any(map(PAGE_PARAMETER.match, names))) and _is_in_marked_pager(link):
                return link
        return None

    def is_unread(self, control: PagerControl) -> bool:
        if control.is_disabled or control.is_elsewhere:
            return False
        href = control.element.get("href", "").strip()
        if not href or href.startswith(("#", "javascript:")):
            return PAGE_FRAGMENT.fullmatch(href) is not None and (
                control.shows_words or control.is_in_pager
            )
        if control.is_numbered:
            return self.find_page_url(control.element) is not None
        return not self.leads_to_listing(href) and control.is_of_this_list

    def leads_to_listing(self, href: str) -> bool:
        """Return whether a link leads to the same page, or to another view of the same listing."""
        if resolve_canonical_url(self.base, href) == canonical_url(self.url):
            return True
        address = self.resolve(href)
        return address is not None and _is_same_listing(address, self.url)

    def describe_link(self, code: str, link: Element) -> SourceProblem:
        address = resolve_canonical_url(self.base, link.get("href", "#"))
        label = next(filter(None, map(clean_line, _get_labels(link))), "")
        return SourceProblem(
            code, address if address and address.startswith("http") else self.url, label
        )

    def find_count(self, listed: int) -> SourceProblem | None:
        """Return a problem if the page states that there are more releases or pages than were read.

        The problem quotes the statement, such as "Visar 10 av 143". Returns None if the page does
        not state this.

        listed: the number of releases that were read.
        """
        for element in cast("list[Element]", COUNT_XPATH(self.page.root)):
            for part in chain([element], element.iterancestors()):
                text = read_short_text(part, MAX_COUNT_LENGTH)
                if text is None:
                    break
                if states_more(text, listed):
                    return SourceProblem("count", self.url, clean_line(text))
        return None

    # Archive pages

    @cached_property
    def archive_links(self) -> list[tuple[Element, str, str | None]]:
        """Return the links whose text is a year or names an archive, as (link, URL, year).

        The year is None if the text names an archive.
        """
        found = []
        for link, text in self.texts.items():
            year = YEAR_TEXT.fullmatch(text)
            address = (
                self.resolve(link.get("href", ""))
                if year or ARCHIVE_LINK_TEXT.fullmatch(text)
                else None
            )
            if address and not FILE_PATH.search(urlsplit(address).path):
                found.append((link, address, year[1] if year else None))
        return found

    @cached_property
    def archive_urls(self) -> list[str]:
        """Return the URLs of the listing's archive pages, in page order.

        These are the pages of years and of older releases. An archive page must be below the
        listing, or its URL must differ from the listing's only in the query. Other archives of the
        agency are thus not mistaken for this listing's archive. The page of a year may also be next
        to the listing if its URL contains the year.
        """
        own = urlsplit(canonical_url(self.url))
        listing_path = own.path.rstrip("/")
        parent = listing_path.rpartition("/")[0] + "/"
        urls = []
        for _, address, year in self.archive_links:
            parts = urlsplit(address)
            is_same_page = parts.path.rstrip("/") == listing_path and parse_qsl(
                parts.query
            ) != parse_qsl(own.query)
            is_sibling = (
                year is not None
                and len(parent) > 1
                and parts.path.startswith(parent)
                and year in address
            )
            if is_same_page or parts.path.startswith(listing_path + "/") or is_sibling:
                urls.append(address)
        return list(dict.fromkeys(urls))

    def find_unread_archive(self, content_links: Iterable[Element]) -> SourceProblem | None:
        """Return a problem that names an archive that is not one of `archive_urls`.

        Returns None if there is no such archive. An archive is recognised by several links to
        years, a link such as "Äldre nyheter", or a choice of years without the choice "all".

        content_links: the links in the page's content. Only these links count.
        """
        content = set(content_links)
        years = self.find_year_controls()
        for link, address, year in self.archive_links:
            if address in self.archive_urls or link not in content or self.url.startswith(address):
                continue
            if year is None:
                if ARCHIVE_TEXT.fullmatch(self.texts[link]):
                    return self.describe_link("archive", link)
            elif ARCHIVE_ADDRESS.search(urlsplit(address)._replace(netloc="").geturl()):
                years[year] = link
        if len(years) > 1:
            return self.describe_link("archive", next(iter(years.values())))
        return None if self.archive_urls else self.find_year_choice()

    def find_year_controls(self) -> dict[str, Element]:
        """Return the buttons whose text is a year, as a map from year to button."""
        controls = {
            get_line_text(control.root): control.root
            for control in self.page.xpath(YEAR_CONTROL_XPATH)
        }
        return {text: control for text, control in controls.items() if YEAR_TEXT.fullmatch(text)}

    def find_year_choice(self) -> SourceProblem | None:
        for choice in self.page.xpath("//select[count(option) > 1]"):
            texts = [get_line_text(option) for option in choice.root.iter("option")]
            years = [text for text in texts if not CHOICE_PROMPT.match(text)]
            if len(years) > 1 and all(map(YEAR_TEXT.fullmatch, years)):
                return SourceProblem("archive", self.url, years[0])
        return None

    # Buttons

    def find_button_address(self) -> str | None:
        """Return the address that a button such as "Visa fler" requests.

        Returns None if there is no such button. The address is the URL in an attribute of the
        button, or the URL of its form with the form's fields.
        """
        for name in NEXT_URL_ATTRIBUTES:
            for value in self.page.xpath(f"//@{name}").getall():
                if URL_VALUE.fullmatch(value.strip()) and (address := self.resolve(value.strip())):
                    return address
        for element in islice(self.iter_more_buttons(), MAX_CONTROLS):
            for name in BUTTON_URL_ATTRIBUTES:
                value = element.get(name, "").strip()
                if URL_VALUE.fullmatch(value) and (address := self.resolve(value)):
                    return address
            if address := self.resolve_button_form(element):
                return address
        return None

    def iter_more_buttons(self) -> Iterator[Element]:
        """Yield the buttons with a label such as "Visa fler", except buttons inside an entry."""
        for button in self.page.xpath(BUTTON_XPATH):
            element = button.root
            labels = (
                get_line_text(element),
                element.get("value", ""),
                element.get("aria-label", ""),
            )
            in_pager = bool(button.xpath(f"ancestor-or-self::{PAGER_XPATH}"))
            pattern = NEXT_LINK_TEXT if in_pager else MORE_BUTTON_TEXT
            if element.get("disabled") is not None or not any(map(pattern.fullmatch, labels)):
                continue
            if in_pager or next(element.iterancestors("li", "article"), None) is None:
                yield element

    def resolve_button_form(self, button: Element) -> str | None:
        """Return the address that a button's form requests if its fields are left unchanged.

        Returns None if the button has no form, or if the form must not be sent. Raises SourceError
        if the form is too large.
        """
        form = self.find_form(button)
        if form is None:
            return None
        if form not in self.form_fields:  # a form may have thousands of buttons
            self.form_fields[form] = _read_form_fields(form)
        form_fields = self.form_fields[form]
        if form_fields is None:
            return None
        own_name = button.get("name", "")
        fields = form_fields + ([(own_name, button.get("value", ""))] if own_name else [])
        if sum(len(name) + len(value) for name, value in fields) > MAX_FORM_BYTES:
            raise SourceError(
                self.url, f"has a form of more than {MAX_FORM_BYTES} bytes: treated as a trap"
            )
        url = self.resolve_form_action(button, form)
        if url is None:
            return None
        if button.get("formmethod", form.get("method", "get")).lower() == "post":
            return join_form(url, fields)
        # as in browsers, the query is replaced
        return self.resolve(f"{url.partition('?')[0]}?{urlencode(fields)}")

    def find_form(self, button: Element) -> FormElement | None:
        """Return the form that a button submits, or None if it submits none."""
        if button.tag not in ("button", "input"):
            return None
        if button.get("type", "submit").lower() not in ("submit", "image"):
            return None
        form_id = button.get("form")
        forms = self.page.xpath("//form[@id=$id]", id=form_id) if form_id else None
        form = forms[0].root if forms else next(button.iterancestors("form"), None)
        return form if isinstance(form, FormElement) else None

    def resolve_form_action(self, button: Element, form: FormElement) -> str | None:
        """Return the URL to which a button's form is sent.

        Returns None if the URL does not belong to the agency.
        """
        action = button.get("formaction", form.get("action", "")).strip()
        url = resolve_canonical_url(self.base if action else self.url, action)
        if not url or not self.agency.owns(url) or not url.startswith(("http://", "https://")):
            return None
        return url

    def includes(self, page_url: str) -> bool:
        """Return whether a URL with the listing's path leads to the listing or one of its pages."""
        if not urlsplit(page_url).query or _parse_query_pairs(page_url) == _parse_query_pairs(
            self.url
        ):
            return True
        addresses, names = self.page_links
        return page_url in addresses or self.find_changed_parameters(page_url) in names

    @cached_property
    def page_links(self) -> tuple[set[str], set[frozenset[str]]]:
        """Return the URLs of the pager's links, and the query parameters that differ between pages.

        The second value contains the set of the parameters' names for each link that is marked as a
        pager link (by rel, or by a pager element).
        """
        addresses, names = set[str](), set[frozenset[str]]()
        for href, is_declared in self.iter_pager_hrefs():
            address = self.resolve(href)
            if address and _is_same_listing(address, self.url):
                addresses.add(address)
                if is_declared:
                    names.add(self.find_changed_parameters(address))
        return addresses, names

    def iter_pager_hrefs(self) -> Iterator[tuple[str, bool]]:
        """Yield the href of each link to another page, and whether it is marked as a pager link."""
        for rel in ("next", "prev"):
            for href in self.page.xpath(REL_XPATH.format(rel)).getall():
                yield href, True
        pager_links = {link.root for link in self.page.xpath(f"//{PAGER_XPATH}//a[@href]")}
        for link, text in self.texts.items():
            if text and _is_pager_text(text):
                yield link.get("href", ""), link in pager_links

    def find_changed_parameters(self, page_url: str) -> frozenset[str]:
        return frozenset(
            name
            for name, _ in set(_parse_query_pairs(page_url)) ^ set(_parse_query_pairs(self.url))
        )


class PagerControl:
    """A link or button that may be part of a pager.

    number: the number of the current page.
    """

    def __init__(self, element: Element, number: int) -> None:
        self.element, self.number, self.labels = element, number, _get_labels(element)
        self.is_numbered = number + 1 in map(_read_number, self.labels)
        self.is_next = any(map(_is_next_label, self.labels))
        if not any(self.labels):
            self.is_next = any(map(NEXT_CLASS.search, cast("list[str]", CLASS_XPATH(element))))
        self.is_earlier = any(map(EARLIER_TEXT.fullmatch, self.labels))
        self.has_words = self.is_next and any(map(WORD.search, self.labels))
        # a carousel has an arrow, with "Nästa" in an attribute
        named = [*self.labels[:2], *filter(NAMED_PAGE.search, self.labels)]
        self.shows_words = any(WORD.search(label) for label in named if _is_next_label(label))
        self.names_list = any(
            LIST_WORDS.intersection(WORD.findall(label.lower())) for label in self.labels
        )

    @property
    def is_of_this_list(self) -> bool:
        """Return whether the control certainly continues this list.

        "Fler nyheter", for example, may link to another list.
        """
        return self.is_marked or (self.has_words and not self.names_list)

    @property
    def is_disabled(self) -> bool:
        parent = self.element.getparent()
        classes = (
            f"{self.element.get('class', '')} {'' if parent is None else parent.get('class', '')}"
        )
        is_off = (
            self.element.get("disabled") is not None or self.element.get("aria-disabled") == "true"
        )
        return is_off or DISABLED_CLASS.search(classes) is not None

    @property
    def is_elsewhere(self) -> bool:
        """Return whether the control is in an entry, a carousel, a calendar or an accordion."""
        item = next(self.element.iterancestors("li", "article"), None)
        is_in_entry = item is not None and not _is_pager_text(get_line_text(item))
        return (
            is_in_entry
            or self.element.get("aria-expanded") is not None
            or bool(OTHER_WIDGET_XPATH(self.element))
        )

    @property
    def is_in_pager(self) -> bool:
        """Return whether the control is in a pager.

        The element around the control must be marked as a pager, or contain the number of the
        current page without a link.
        """
        linked = {_read_number(get_line_text(link)) for link in self.pager.iter("a", "button")}
        is_current = self.number not in linked and str(self.number) in WORD.findall(
            " ".join(self.pager.itertext())
        )
        return self.is_marked or (self.is_numbered and is_current)

    @property
    def is_marked(self) -> bool:
        return any(map(PAGER_MARK.search, cast("list[str]", MARK_XPATH(self.pager))))

    @cached_property
    def pager(self) -> Element:
        """Return the pager around the control.

        This is the outermost element that contains only a pager's text or is marked as a pager, or
        else the control itself.
        """
        found = self.element
        for element in self.element.iterancestors():
            text = read_short_text(element, MAX_PAGER_LENGTH)
            is_marked = PAGER_MARK.search(f"{element.get('class', '')} {element.get('id', '')}")
            if (
                element.tag in ("main", "body")
                or text is None
                or not (_is_pager_text(text) or is_marked)
            ):
                break
            found = element
        return found


def _read_form_fields(form: FormElement) -> list[tuple[str, str]] | None:
    """Return the fields of a form as (name, value), or None if the form must not be sent.

    Forms for searches, logins and messages must not be sent. Such forms are recognised by words in
    their attributes (such as id and class), by a password field, or by a text field. A text field
    does not count if the form surrounds the content.
    """
    names = " ".join(
        form.get(name, "") for name in ("id", "class", "name", "action", "role", "aria-label")
    )
    if OTHER_FORM_NAME.search(names) or form.find(".//input[@type='password']") is not None:
        return None
    if WRITTEN_FIELD_XPATH(form) and form.find(".//h1") is None:
        return None
    return list(form.form_values())


def _is_in_marked_pager(link: Element) -> bool:
    """Return whether a link is in a short element that is marked as a pager."""
    for element in link.iterancestors():
        if element.tag in ("main", "body") or read_short_text(element, MAX_PAGER_LENGTH) is None:
            return False
        if PAGER_MARK.search(
            f"{element.get('class', '')} {element.get('id', '')} {element.get('aria-label', '')}"
        ):
            return True
    return False


def _read_number(text: str) -> int | None:
    """Return the page number in a label such as "2", "Gå till sida 2" or "11–20".

    Returns None for any other text.

    >>> [_read_number(text)
    ...     for text in ("2", "Sida 2, aktuell sida", "11–20", "2 nya lagar", "1 2 3")]
    [2, 2, 2, None, None]
    """
    if len(text) > MAX_LABEL_LENGTH:
        return None
    words: list[str] = WORD.findall(text.lower())
    others = set(filterfalse(str.isdecimal, words))
    if not others <= PAGE_WORDS:
        return None
    numbers = [int(word) for word in words if word.isdecimal() and len(word) <= MAX_DIGITS]
    if len(numbers) == 2 and numbers[1] > numbers[0] and RANGE_TEXT.search(text):
        return 1 + (numbers[0] - 1) // (numbers[1] - numbers[0] + 1)
    return numbers[0] if len(numbers) == 1 else None


def _is_next_label(text: str) -> bool:
    """Return whether a label says that a link leads to the next page, and nothing else.

    >>> [_is_next_label(text)
    ...     for text in ("Nästa sida ›", "Visa nästa 10 nyheter", "»", "Nästa steg för skogen")]
    [True, True, True, False]
    """
    words = {word for word in WORD.findall(text.lower()) if not word.isdecimal()}
    is_next = bool(words & NEXT_WORDS) and words <= PAGE_WORDS | NEXT_WORDS | LIST_WORDS
    return is_next or bool(FORWARD_ARROW.fullmatch(text) or EARLIER_TEXT.fullmatch(text))


def _is_pager_text(text: str) -> bool:
    return all(word.isdecimal() or word in PAGER_WORDS for word in WORD.findall(text.lower()))


def _get_labels(element: Element) -> list[str]:
    """Return the texts that label a link or button.

    These are its own text, its value, and the texts of its attributes and images.
    """
    return [
        get_line_text(element),
        element.get("value", ""),
        *cast("list[str]", LABEL_XPATH(element)),
    ]


def _find_folder(url: str) -> str:
    """Return a URL's path without its extension and page number.

    >>> _find_folder("https://a.se/nyheter/sida-2.html"), _find_folder("https://a.se/nyheter.html")
    ('/nyheter', '/nyheter')
    """
    return PAGE_PATH.sub("", PAGE_EXTENSION.sub("", urlsplit(url).path))


def states_more(text: str, listed: int) -> bool:
    """Return whether a sentence says that there are more releases or pages than shown.

    listed: the number of releases that were found in the listing.

    >>> [states_more(text, 10)
    ...     for text in ("Visar 1–10 av 143", "Visar 10 av 10", "Sida 1 av 15", "143 träffar")]
    [True, False, True, True]
    >>> [states_more(text, 10)
    ...     for text in ("Sida 15 av 15", "7 av 143 kommuner", "Visar 141–143 av 143 nyheter")]
    [False, False, False]
    """
    words = WORD.findall(THOUSANDS_MARK.sub("", text.lower()))
    numbers = list(map(int, filter(str.isdecimal, words)))
    others = set(filterfalse(str.isdecimal, words))
    if not 1 <= len(numbers) <= 3 or not others or not others <= COUNT_WORDS:
        return False
    if len(numbers) == 1:
        is_total = bool(others & TOTAL_WORDS) or words[-1] in COUNTED_WORDS
        return is_total and numbers[0] > listed and not YEAR_TEXT.fullmatch(str(numbers[0]))
    if others.isdisjoint(OF_WORDS) and "/" not in text:
        return False
    return _states_more_of_total(numbers, others, listed)


def _states_more_of_total(numbers: Sequence[int], words: Set[str], listed: int) -> bool:
    """Return whether the last number, which is the total, exceeds the number before it.

    Unless the numbers are a range and a total, or page numbers, the total must also exceed the
    number of links found (`listed`).
    """
    if len(numbers) == 3 or words & NUMBERED_WORDS:  # "Visar 1–10 av 143", "Sida 1 av 15"
        return numbers[-2] < numbers[-1]
    return bool(words - OF_WORDS) and max(numbers[-2], listed) < numbers[-1]


def _is_same_listing(page_url: str, listing_url: str) -> bool:
    """Return whether a URL leads to another page of a listing.

    Its query must differ from the listing's, or its path must end in a page number such as /sida/2.
    """
    if urlsplit(page_url).path.rstrip("/") == urlsplit(listing_url).path.rstrip("/"):
        return _parse_query_pairs(page_url) != _parse_query_pairs(listing_url)
    return bool(re.search(r"/(page|sida|p)/?\d+/?$", urlsplit(page_url).path))


def _parse_query_pairs(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


def find_more_button(root: Element) -> str | None:
    """Return the label of a button that loads more of a list, such as "Visa fler".

    Returns None if there is no such button.
    """
    for button in cast("list[Element]", MORE_BUTTON_XPATH(root)):
        # a button with aria-expanded only shows or hides what is already on the page
        if button.get("aria-expanded") is not None or OTHER_PARTS_XPATH(button):
            continue
        text = get_line_text(button) or button.get("aria-label", "")
        label = clean_line(button.get("value", "") if button.tag == "input" else text)
        is_more = MORE_BUTTON_LABEL.fullmatch(label) and not READ_MORE_LABEL.match(label)
        if is_more and not OTHER_LIST_WORD.search(label):
            return label
    return None
