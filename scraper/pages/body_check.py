"""Checks whether the wrong part of a page's text was extracted as the body.

A body is compared with two independent readings of its page: the text after the page's heading and
the densest block (the element with the most text in sentences). Both consist of sentences that are
read before anything is removed from the page. They depend neither on class names nor on the words
of any language, and are therefore less precise than the body. A correct body often lacks some of
their text, but almost never most of it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scraper.normalise.text_cleaning import clean_line
from scraper.pages.document import INLINE_TAGS, Element, format_element_path

MIN_TEXT_LENGTH = 40  # characters; shorter texts are labels, buttons and menus
MIN_LINE_LENGTH = 20  # characters
MAX_PROBE_LENGTH = 60  # characters of a sentence that are looked for in the body
MAX_SENTENCES = 1000  # sentences read per page
MIN_READING_LENGTH = 150  # characters; a shorter reading proves nothing
MAX_LENGTH_AFTER_HEADING = 600  # characters of the text after the heading
# A body with smaller shares is another text. In 700 stored pages, no correct body is below both
# values of a pair.
MIN_START_SHARE, MIN_BLOCK_SHARE = 0.1, 0.1
# share of all sentences, and share of the text after the heading
MIN_PAGE_SHARE, MIN_START_SHARE_OF_SMALL = (0.08, 0.3)
# the doubt that is certain
WRONG_TEXT = "has neither the text after the heading nor a word of the title"
# Words of the title are compared by their stems; scripts without spaces between words are left out.
WORD, STEM_LENGTH = re.compile(r"[^\W\u2e80-\U0003ffff]{4,}"), 5
# Elements whose first text is read; for inline elements, also the text after them. Other elements
# are links or hold no prose.
TEXT_TAGS = (
    "p",
    "br",
    "div",
    "td",
    "li",
    "dd",
    "span",
    "font",
    "strong",
    "b",
    "section",
    "article",
    "h1",
    "h2",
)
PARAGRAPH_TAGS = INLINE_TAGS | {"p", "li", "dd", "h1", "h2"}


class Sentence(NamedTuple):
    """A sentence of a page, without markup. The text of links is not included."""

    probe: str  # its first characters, which are looked for in the body
    length: int
    block: Element  # the element that contains its paragraph
    part: Element  # the part of the page that contains it


# a sentence, and the number of its characters that are in the body
SharedSentence = tuple[Sentence, int]


@dataclass(slots=True)
class PageSentences:
    """The sentences and the headings of a page, in document order.

    Each sentence and heading belongs to a part of the page. The parts are the children of the
    outermost element that has more than one child.
    """

    sentences: list[Sentence] = field(default_factory=list)
    # h1 or h2 → number of sentences before it, and its part
    headings: dict[Element, tuple[int, Element]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyAgreement:
    """How well a body agrees with the two independent readings of its page.

    start: the share of the text after the heading that is in the body, or None if that text is too
        short to judge.
    block: the share of the densest block that is in the body, or None if the block is too short to
        judge.
    doubt: why the body is probably not the text of the page, or None if there is no doubt.
    is_wrong: whether the body is certainly not the text of the page.
    """

    start: float | None
    block: float | None
    block_path: str
    doubt: str | None = None
    is_wrong: bool = False

    @property
    def share(self) -> float | None:
        """Return the mean of the shares `start` and `block` (0 to 1), or None if both are None."""
        shares = [share for share in (self.start, self.block) if share is not None]
        return sum(shares) / len(shares) if shares else None

    def describe(self) -> str:
        """Describe the agreement in words.

        >>> BodyAgreement(start=1.0, block=0.25, block_path="").describe()
        'has 100% of the text after the heading and 25% of the densest block'
        """
        parts = ((self.start, "text after the heading"), (self.block, "densest block"))
        words = " and ".join(
            f"{share:.0%} of the {name}" for share, name in parts if share is not None
        )
        return f"has {words}"


def read_sentences(root: Element) -> PageSentences:
    """Read the sentences of a page. Call this before elements are removed from the tree."""
    page = PageSentences()
    sentences = page.sentences
    for part in _find_page_frame(root):
        for element in part.iter(*TEXT_TAGS):
            tag = element.tag
            if tag in ("h1", "h2"):
                page.headings[element] = len(sentences), part
            texts = (element.text, element.tail) if tag in INLINE_TAGS else (element.text,)
            for text in texts:
                # Most long texts are only indentation.
                if text is not None and len(text) > MIN_TEXT_LENGTH and not text.isspace():
                    _add_sentence(sentences, text.strip(), element, part)
            if len(sentences) >= MAX_SENTENCES:
                return page
    return page


def _find_page_frame(root: Element) -> Element:
    """Return the outermost element of the body that has more than one child."""
    body = root.find("body")
    frame = root if body is None else body
    while len(frame) == 1 and len(frame[0]):
        frame = frame[0]
    return frame


def _add_sentence(sentences: list[Sentence], words: str, element: Element, part: Element) -> None:
    """Append the words of an element to `sentences`, unless they are too few or in a link."""
    if len(words) > MIN_TEXT_LENGTH and next(element.iterancestors("a"), None) is None:
        probe = clean_line(words[:MAX_PROBE_LENGTH])
        sentences.append(Sentence(probe, len(words), _find_block(element), part))


def _find_block(element: Element) -> Element:
    while element.tag in PARAGRAPH_TAGS and (parent := element.getparent()) is not None:
        element = parent
    return element


def compare_body(
    page: PageSentences, heading: Element | None, title: str | None, text: str
) -> BodyAgreement:
    """Compare a body, including its lead, with the two other readings of its page.

    heading: the element from which the title was extracted, or None if there is none. Other h1
        elements are not used, because banners may also contain an h1.
    """
    pairs = [
        (sentence, sentence.length if sentence.probe in text else 0) for sentence in page.sentences
    ]
    densest = _find_densest_block(pairs)
    block = _measure_share(densest)
    place = page.headings.get(heading) if heading is not None else None
    start = _measure_share(_iter_start(pairs[place[0] :])) if place else None
    doubt = _find_start_doubt(start, block, title, text)
    is_wrong = doubt == WRONG_TEXT
    if doubt is None and place:
        doubt = _find_place_doubt(pairs, place, title, text)
    if doubt is None:
        doubt = _find_size_doubt(pairs, start)
    path = format_element_path(densest[0][0].block) if block is not None else ""
    return BodyAgreement(start=start, block=block, block_path=path, doubt=doubt, is_wrong=is_wrong)


def _find_densest_block(pairs: Iterable[SharedSentence]) -> list[SharedSentence]:
    blocks: dict[Element, list[SharedSentence]] = defaultdict(list)
    for pair in pairs:
        blocks[pair[0].block].append(pair)
    return max(blocks.values(), key=_count_characters, default=[])


def _find_start_doubt(
    start: float | None, block: float | None, title: str | None, text: str
) -> str | None:
    """Return why a body that lacks the text after the heading is probably wrong.

    Returns None if nothing suggests that the body is wrong.
    """
    if start is None or start >= MIN_START_SHARE:
        return None
    if not _has_title_word(title, text):
        return WRONG_TEXT
    if block is not None and block < MIN_BLOCK_SHARE:
        return "has neither the text after the heading nor the densest block of the page"
    return None


def _find_place_doubt(
    pairs: Sequence[SharedSentence], place: tuple[int, Element], title: str | None, text: str
) -> str | None:
    """Return what is wrong with the place of a body on its page, or None if nothing is wrong.

    place: the heading's place, as in `PageSentences.headings`.
    """
    position, part = place
    if _is_before(pairs, position):
        return "is before the heading"
    if is_elsewhere(pairs, part) and not _has_title_word(title, text):
        return "is in another part of the page than the heading, and has no word of the title"
    return None


def _find_size_doubt(pairs: Sequence[SharedSentence], start: float | None) -> str | None:
    """Return why a body may be too small a part of its page's text, or None if it is large enough.

    A body is doubted only if it lacks much of the text after the heading.
    """
    if start is None or start >= MIN_START_SHARE_OF_SMALL:
        return None
    share = _measure_share(pairs)
    if share is None or share >= MIN_PAGE_SHARE:
        return None
    return f"is only {share:.0%} of the text around it"


def _iter_start(pairs: Iterable[SharedSentence]) -> Iterator[SharedSentence]:
    """Yield the first sentences, with about MAX_LENGTH_AFTER_HEADING characters in total."""
    total = 0
    for pair in pairs:
        yield pair
        total += pair[0].length
        if total > MAX_LENGTH_AFTER_HEADING:
            return


def _measure_share(pairs: Iterable[SharedSentence]) -> float | None:
    """Return the share of the sentences' characters that is in the body.

    Returns None if there are too few characters to judge.
    """
    total = shared = 0
    for sentence, length in pairs:
        total += sentence.length
        shared += length
    return shared / total if total >= MIN_READING_LENGTH else None


def _count_characters(pairs: Iterable[SharedSentence]) -> int:
    return sum(sentence.length for sentence, _ in pairs)


def _is_before(pairs: Sequence[SharedSentence], position: int) -> bool:
    """Return whether all text shared by the body and the page is before a position in `pairs`.

    Returns False if no text is shared.
    """
    before, after = pairs[:position], pairs[position:]
    return any(length for _, length in before) and not any(length for _, length in after)


def is_elsewhere(pairs: Sequence[SharedSentence], part: Element) -> bool:
    """Return whether most of the text shared by the body and the page is outside `part`.

    Returns False if `part` has no sentences, because the text is then usually in the next part.
    """
    elsewhere = sum(length if sentence.part is not part else -length for sentence, length in pairs)
    return elsewhere > 0 and any(sentence.part is part for sentence, _ in pairs)


def has_lines_of(elements: Iterable[Element], text: str) -> bool:
    """Return whether a text contains a line from any of the elements.

    Lines as short as a label do not count.
    """
    lines = (clean_line(line) for element in elements for line in element.itertext())
    return any(len(line) >= MIN_LINE_LENGTH and line in text for line in lines)


def _has_title_word(title: str | None, text: str) -> bool:
    """Return whether a text contains a word of the title in any inflection.

    Also returns True if the title has no long word.

    >>> _has_title_word("Nya regler för skogsägare", "Skogsägarnas ansvar")
    True
    >>> _has_title_word("Nytt", "Om kakor")
    False
    """
    stems = [word[:STEM_LENGTH] for word in WORD.findall((title or "").casefold())]
    text = text.casefold()
    return not stems or any(stem in text for stem in stems)
