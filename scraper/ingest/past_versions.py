"""Stores pages captured by web archives, and decides which differences between them are edits.

Today's rules may misread a page with an earlier template. If two pages have today's template, all
differences between them count as edits. Otherwise, only changes inside a paragraph count, because a
new template cannot cause such changes. All other differences are stored, but do not count as edits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from difflib import SequenceMatcher
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from archive.changes.comparison import compare
from archive.database.captures import Captures
from archive.store.collection_readings import (
    Collection,
    PastEdit,
    find_past_edits,
    save_reading,
)
from archive.store.derived_data import ChangedParagraph
from archive.store.jsonl_import import schedule_first_check
from archive.store.releases import (
    Archive,
    SaveResult,
    StoredRelease,
    has_same_text,
    prepare_release,
)
from archive.store.takedowns import is_address_taken_down
from archive.times import to_iso
from scraper.agency import Agency
from scraper.errors import PageError
from scraper.ingest.candidates import PageVersions
from scraper.ingest.edit_or_redesign import (
    PageText,
    PageVersion,
    find_change_cause,
    fingerprint_template,
    has_same_template,
    reparse_stored,
    to_comparable_text,
)
from scraper.ingest.parsed_page import FetchedPage
from scraper.normalise import to_release
from scraper.normalise.dates import find_date_role
from scraper.pages import open_document, read_document

if TYPE_CHECKING:
    from scraper.ingest.saving import CrawlRecorder

# field → least words of a paragraph; a shorter one may belong to the page and not to the text
MIN_WORDS = {"title": 3, "lead": 6, "body": 6}
MAX_LABEL_WORDS = 15  # of a paragraph that only says when the page was updated
MIN_SIMILARITY = 0.5  # share of words that two versions of a paragraph have in common
MIN_ADDED_WORDS = 4  # of a sentence at the beginning or end; a template adds a word or two there
SENTENCE_END = re.compile(r"[.!?:;…][\"”’')\]]*$")
# what a CMS adds to a link, in the middle of a sentence
LINK_NOTE = re.compile(
    r"\(?(?:pdf|docx?|xlsx?|pptx?)?[,\s]*\d+(?:[.,]\d+)?\s?[km]b\b\)?"
    r"|\(?(?:pdf|docx?|xlsx?|pptx?)\)?(?=\W|$)"
    r"|öppnas i (?:ett )?nytt fönster|länk till annan webbplats|extern länk|opens in (?:a )?new"
    r" (?:window|tab)|external link",
    re.IGNORECASE,
)
TODAYS_PAGE_SQL = """
    select c.sha256 from releases r join captures c on c.id = r.capture
    where r.agency = ? and c.observer is null and c.template is not null
    order by r.id = ? desc, r.last_checked desc limit 1
"""


def save_captured_page(
    recorder: CrawlRecorder,
    agency: Agency,
    response: FetchedPage,
    *,
    url: str,
    captured_at: datetime,
    web_archive: Collection,
) -> SaveResult | None:
    """Store a page captured by a web archive, and return the result.

    The page becomes a version of its release, or an observation of a stored version.

    response: the web archive's response.
    url: the URL under which the release is stored, or will be.

    Returns None if nothing is stored because the release is hidden or redacted, or because the
    archive itself had read the release before the capture was made. Raises PageError if the page
    shows no release.
    """
    archive = recorder.archive
    if is_address_taken_down(archive, agency.slug, (url,)):
        return None
    sql = "select id, first_seen <= ? from releases where url = ?"
    found = archive.db.execute(sql, [to_iso(captured_at), url]).fetchone()
    release_id, has_read = found or (None, False)
    if has_read:
        return None
    document = open_document(response.body, url)
    template = fingerprint_template(document)
    item = read_document(document, agency)
    if item.doubt:  # an earlier template, of which the rules know nothing
        raise PageError(url, "body", f"looks misread: {item.doubt}")
    release = replace(to_release(item), url=url)
    prepared = prepare_release(release, with_features=release_id is None)
    host = urlsplit(url).netloc  # whose other pages are alike
    sha256 = recorder.captures.store_body(response.body, host)
    with archive.transaction():
        capture = recorder.record_capture(response, sha256, template, web_archive.id)
        result = save_reading(
            archive,
            prepared,
            web_archive,
            captured_at,
            response.fetched_at,
            release_id=release_id,
            capture=capture,
        )
        if release_id is None:
            release_id = schedule_first_check(archive, release, response.fetched_at)
        find_edits_of_past(archive, recorder.captures, agency, release_id)
    return result


def find_edits_of_past(
    archive: Archive, captures: Captures, agency: Agency, release_id: int
) -> None:
    """Decide which versions of a release are edits, and store the decision.

    Versions are compared in pairs. At least one version of each pair was captured by a web archive.
    """
    find_past_edits(archive, release_id, _PastComparison(archive, captures, agency).judge)


class _PastComparison:
    """Compares pairs of versions of a release.

    At least one version of each pair is from a web archive.
    """

    def __init__(self, archive: Archive, captures: Captures, agency: Agency) -> None:
        self.archive, self.agency = archive, agency
        self.versions = PageVersions(archive, captures)

    def judge(self, before: StoredRelease, after: StoredRelease) -> PastEdit:
        """Decide whether a version is certainly the agency's edit of the version before it."""
        pages = [self.read_page(stored) for stored in (before, after)]
        old, new = pages
        if old is None or new is None:
            return PastEdit(is_edit=False)
        today = self.find_todays_page(after)
        if today and has_same_template(old, today) and has_same_template(new, today):
            cause = find_change_cause(before.state, after.state, old, new, after.url)
            return PastEdit(cause == "source" and bool(compare(before.state, after.state).changes))
        texts = old.text(after.url), new.text(after.url)
        changed = _find_changed_paragraphs(before.state, after.state, *texts)
        return PastEdit(bool(changed), changed)

    def read_page(self, stored: StoredRelease) -> PageVersion | None:
        """Return the page of a version.

        Returns None if the page is missing, or if today's rules extract a text from it that differs
        from the stored text.
        """
        page = self.versions.stored(stored.sha256, stored.url) if stored.sha256 else None
        release, _ = reparse_stored(stored, page, stored.url, self.agency) if page else (None, None)
        is_same = release and has_same_text(prepare_release(release, with_features=False), stored)
        return page if is_same else None

    def find_todays_page(self, stored: StoredRelease) -> PageVersion | None:
        """Return the newest page that the archive itself captured of a release.

        If there is no such page, the newest page of another release of the agency is returned.
        """
        values = [self.agency.slug, stored.release_id]
        row = self.archive.db.execute(TODAYS_PAGE_SQL, values).fetchone()
        return self.versions.stored(row[0], stored.url) if row else None


class _Paragraph(NamedTuple):
    field: str
    line: int
    key: str  # by `to_comparable_text`
    words: tuple[str, ...]  # without link notes


def _find_changed_paragraphs(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    old_page: PageText | None,
    new_page: PageText | None,
) -> list[ChangedParagraph]:
    """Return the paragraphs that were changed only in part.

    The two pages may have different templates.
    """
    if old_page is None or new_page is None:
        return []
    changed: list[ChangedParagraph] = []
    taken: set[_Paragraph] = set()
    for _, old, new in sorted(_pair_paragraphs(before, after), key=lambda pair: -pair[0]):
        is_free = not taken & {old, new}
        taken |= {old, new}
        # not if both are on both pages
        is_moved = new_page.contains({old.key}) and old_page.contains({new.key})
        if is_free and not is_moved and _is_changed_inside(old, new, old_page, new_page):
            changed.append((old.field, old.line, new.field, new.line))
    return sorted(changed)


def _pair_paragraphs(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[float, _Paragraph, _Paragraph]]:
    """Yield triples of a similarity (0 to 1) and two similar paragraphs, one from each state.

    Paragraphs that are in both states are left out.
    """
    was, now = list(_iter_paragraphs(before)), list(_iter_paragraphs(after))
    kept = {each.key for each in was} & {each.key for each in now}
    for old, new in product(was, now):
        if old.key in kept or new.key in kept or (old.field == "title") != (new.field == "title"):
            continue
        matcher = SequenceMatcher(None, old.words, new.words, autojunk=False)
        if matcher.real_quick_ratio() >= MIN_SIMILARITY <= matcher.ratio():
            yield matcher.ratio(), old, new


def _iter_paragraphs(state: Mapping[str, Any]) -> Iterator[_Paragraph]:
    """Yield the title of a state, and those of the state's paragraphs that end like a sentence.

    Notes on when the page was updated are left out.
    """
    for field, min_words in MIN_WORDS.items():
        for number, text in enumerate(str(state[field] or "").split("\n")):
            words = tuple(LINK_NOTE.sub(" ", text).split())
            is_sentence = field == "title" or SENTENCE_END.search(text.rstrip())
            is_label = len(words) <= MAX_LABEL_WORDS and find_date_role(" ".join(words[:4]))
            if len(words) >= min_words and is_sentence and not is_label:
                yield _Paragraph(field, number, to_comparable_text(text), words)


def _is_changed_inside(
    old: _Paragraph, new: _Paragraph, old_page: PageText, new_page: PageText
) -> bool:
    """Return whether words of a paragraph were replaced, or sentences were added or removed.

    A difference at the beginning or end of a paragraph may be due to text that is in a separate
    element in the other template. Such a difference counts only if it is a sentence that does not
    occur on the other page.
    """
    matcher = SequenceMatcher(None, old.words, new.words, autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        removed, added = old.words[start:end], new.words[new_start:new_end]
        if _to_letters(removed) == _to_letters(added):  # or kept
            continue
        is_inside = kind == "replace" or 0 < start <= end < len(old.words)
        surplus, page = (removed, new_page) if removed else (added, old_page)
        if is_inside or _is_own_sentence(surplus, page):
            return True
    return False


def _is_own_sentence(words: Sequence[str], other_page: PageText) -> bool:
    is_sentence = len(words) >= MIN_ADDED_WORDS and SENTENCE_END.search(words[-1])
    return bool(is_sentence) and to_comparable_text(" ".join(words)) not in other_page.text


def _to_letters(words: Iterable[str]) -> str:
    """Join words, keeping only their letters and digits.

    Templates may change quotation marks and dashes.
    """
    return "".join(filter(str.isalnum, "".join(words).casefold()))
