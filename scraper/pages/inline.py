"""Text within a line: words, links and emphasis, as plain text and as mark-up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from html import escape

from bs4 import Tag
from bs4.element import NavigableString, PageElement

from scraper.normalise.text import clean_line
from scraper.normalise.words import either
from scraper.pages.markup import HEADINGS, INLINE, SKIPPED

Node = PageElement  # a Tag or a NavigableString
KEPT = {
    **{"em": "em", "i": "em", "strong": "strong", "b": "strong", "sup": "sup", "sub": "sub"},
    **{"del": "del", "ins": "ins", "s": "s", "strike": "s"},  # what no longer holds is text, and shown as struck out
}
# Notes that links carry for people who cannot see where they lead.
SAYS_IT_OPENS = either("""
    nytt fönster | ny flik | new window | new tab | nytt vindu | nyt vindue | ny fane | neue[ms]? (?:fenster|tab)
    extern(?:al)? (?:länk|webbplats|link|site) | annan webbplats | another (?:web)?site
    """)
LINK_NOTE = re.compile(
    rf"\s*\((?:[^()]{{0,40}}\b)?{SAYS_IT_OPENS}\b[^()]{{0,40}}\)"
    r"|\s*,?\s*(?:öppnas i (?:nytt fönster|ny flik)|opens in (?:a )?new (?:window|tab))\.?",
    re.IGNORECASE,
)
NOTED = re.compile("fönster|window|flik|new tab|vindu|fane|fenster|neue[ms]? tab|extern|webbplats|site", re.IGNORECASE)
MARKED = re.compile(r"(?:fråga|question|q|f)\s?\d*\s?[:.]", re.IGNORECASE)

SHORTEST_ANSWER = 10


@dataclass(slots=True)
class Run:
    """Inline text as it is collected: plain, marked up, how much of it is bold or link."""

    absolute: Callable[[str], str | None]
    words: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    size: int = 0
    bold: int = 0
    linked: int = 0
    after_link: bool = False  # nothing was said since a link ended

    @property
    def text(self) -> str:
        """The words as one line."""
        return clean_line("".join(self.words))

    @property
    def html(self) -> str:
        """The words with their links and emphasis."""
        return "".join(self.marks).strip()

    @property
    def is_bold(self) -> bool:
        """Whether all of it is bold."""
        return self.bold >= 0.95 * max(self.size, 1)

    @property
    def link_share(self) -> float:
        """How much of it is links, 0 to 1."""
        return self.linked / max(self.size, 1)

    def add(self, node: Node, *, bold: bool = False, linked: bool = False) -> None:
        """Collect one node with all it holds."""
        if not isinstance(node, Tag):
            if type(node) is NavigableString:  # not a comment or the like
                self.add_words(str(node), bold=bold, linked=linked)
        elif node.name == "br":
            self.words.append("\n")
            self.marks.append("<br>")
        elif node.name not in SKIPPED:
            opening, closing = self.marks_of(node)
            # Block elements inside a heading or a cell must not glue their words.
            space = "" if node.name in INLINE else " "
            self.words.append(space)
            self.marks.append(space + opening)
            bold, linked = bold or closing == "</strong>" or node.name in HEADINGS, linked or leads_away(node)
            said, marked = len(self.words), len(self.marks)
            for child in node.contents:
                self.add(child, bold=bold, linked=linked)
            if node.name == "a" and linked:
                self.words[said:] = [without_note("".join(self.words[said:]))]
                self.marks[marked:] = [without_note("".join(self.marks[marked:]))]
                self.after_link = True
            self.words.append(space)
            self.marks.append(closing)

    def add_words(self, words: str, *, bold: bool, linked: bool) -> None:
        """Collect plain words, but for a note that follows a link."""
        if self.after_link and not words.isspace():
            self.after_link = False
            if NOTED.search(words) and (note := LINK_NOTE.match(words)):
                words = words[note.end() :]
        self.words.append(words)
        self.marks.append(escape(words, quote=False))
        size = len(words.strip())
        self.size += size
        self.bold += size if bold else 0
        self.linked += size if linked else 0

    def marks_of(self, element: Tag) -> tuple[str, str]:
        """The opening and closing mark that stay of an element."""
        href = str(element.get("href") or "") if element.name == "a" else ""
        if href:
            url = href if href.startswith(("mailto:", "tel:")) else self.absolute(href)
            return (f'<a href="{escape(url)}">', "</a>") if url else ("", "")
        mark = KEPT.get(element.name)
        return (f"<{mark}>", f"</{mark}>") if mark else ("", "")


def leads_away(node: Tag) -> bool:
    """Whether an element is a link to another page; an address to write to, a number to call and the place of an
    anchor are text.
    """
    if node.name != "a" or ("href" not in node.attrs and ("name" in node.attrs or "id" in node.attrs)):
        return False
    return not str(node.get("href") or "").startswith(("mailto:", "tel:"))


def without_note(text: str) -> str:
    """A text without the notes its links carry. Most have none, and looking for one word of them is cheaper."""
    return LINK_NOTE.sub("", text) if NOTED.search(text) else text


def read_run(nodes: Iterable[Node], absolute: Callable[[str], str | None]) -> Run:
    """Inline nodes collected."""
    run = Run(absolute)
    for node in nodes:
        run.add(node)
    return run


def split_at_breaks(nodes: list[Node]) -> Iterator[list[Node]]:
    """Inline nodes cut where a blank line stands between them, and where a question ends that its answer follows."""
    part: list[Node] = []
    breaks = 0
    for index, node in enumerate(nodes):
        if isinstance(node, Tag) and node.name == "br":
            breaks += 1
            if breaks == 2 or (breaks == 1 and ends_question(part)):
                yield part
                part = []
                continue
        elif isinstance(node, Tag) or str(node).strip():
            breaks = 0
        part.append(node)
        if (
            isinstance(node, Tag)
            and node.name in ("strong", "b")
            and ends_question(part)
            and (ends_with_break(node) or begins_sentence(nodes[index + 1 :]))
        ):
            yield part
            part = []
    yield part


def begins_sentence(nodes: list[Node]) -> bool:
    """Whether inline nodes begin with a sentence of their own."""
    text = next((str(node).strip() for node in nodes if isinstance(node, Tag) or str(node).strip()), "")
    return len(text) > SHORTEST_ANSWER and (text[0].isupper() or text[0] in "–—−-")


def ends_question(part: list[Node]) -> bool:
    """Whether all there is so far is one question, bold or marked as one."""
    said = [node for node in part if isinstance(node, Tag) or str(node).strip()]
    text = clean_line(" ".join(node.get_text() if isinstance(node, Tag) else str(node) for node in said))
    bold = bool(said) and all(isinstance(node, Tag) and node.name in ("strong", "b") for node in said)
    return text.endswith("?") and (bold or MARKED.match(text) is not None)


def ends_with_break(node: Tag) -> bool:
    """Whether an element's last child is a line break."""
    last = next((child for child in reversed(node.contents) if isinstance(child, Tag) or str(child).strip()), None)
    return isinstance(last, Tag) and last.name == "br"
