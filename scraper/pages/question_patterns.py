"""Words and patterns that mark questions, answers and the people who answer."""

from __future__ import annotations

import re

from bs4 import Tag

from scraper.normalise.text_cleaning import build_alternation, clean_line

FINAL_QUESTION_MARK = re.compile(r"[?？][\"”’»')\]]*$|[?？]\s*(?:\([^)]*\))?$")
# An announcement of questions and answers, in the title, the lead or a line of the text.
QA_ANNOUNCEMENT = re.compile(
    build_alternation(r"""
        fr[åa]gor (?:och|&) svar | vanlig(?:a|aste) frågor(?:na)? | \bfråg(?:a|or) till\b | intervju\b
        \b(?:svarar|svarade|svar|besvarar)\b.{0,60}\bfråg(?:a|or)\b
        spørsmål og svar | spørgsmål og svar | ofte stil\w* sp\w+ | usein kysyt\w+
        \bfaqs?\b | \bq\s?&\s?a\b | questions and answers | frequently asked | answers?\b.{0,40}\bquestions?\b
        fragen und antworten | häufige fragen
        """),
    re.IGNORECASE,
)
ANSWERER_NAME = r"[A-ZÅÄÖÉ][^.:?!]{4,140}?"
ANSWERER = re.compile(
    rf"(?:^|[.!]\s)(?:här\s+)?(?P<who>{ANSWERER_NAME}),?\s+(?:svarar|besvarar|svarade|ger svar|answers?)\b"
    r"(?:[^.:?!]*\bfråg|[^.:?!]*\bquestions?|\s*:)"
    rf"|(?:^|[.!]\s)(?:Här|Nedan|Nu)\s+(?:svarar|besvarar)\s+(?P<named>{ANSWERER_NAME}),?"
    r"\s+(?:på\s+)?(?:\w+\s+){0,3}fråg",
)
# "Eva Ek, utredare:" on a line of its own before an answer.
SPEAKER_LINE = re.compile(r"^(?P<who>[A-ZÅÄÖÉ][\w.-]+(?: [A-ZÅÄÖÉ][\w.-]+){1,3}(?:, [^:.]{3,80})?)(?: svarar)?\s*:$")
# A letter may also begin a name: "S:t Erik", "F. Scott Fitzgerald". So it marks a question only if the text ends in a
# question mark or a marked answer follows, and an answer only if its question is marked.
MARKED_QUESTION = re.compile(r"^(?:(?:fråga|question)\s?\d*\s?[:.]\s*|[qf]\s?\d*\s?[:.]\s+)", re.IGNORECASE)
MARKED_ANSWER = re.compile(r"^(?:(?P<word>svar|answer)\s?\d*\s?[:.]\s*|[as]\s?\d*\s?[:.]\s+)", re.IGNORECASE)
# The open/close sign after the title of an accordion panel, or the name of an icon.
TOGGLE_SIGN = re.compile(
    r"(?<=\S)\s*(?:[+＋−–×✕✚›»▼▾▿⌄˅∨>-]|expand_(?:more|less)|keyboard_arrow_\w+|chevron_\w+|arrow_\w+)$"
)
QUESTION_NUMBER = re.compile(r"^\d{1,2}[.)]\s*(?=\S{2})")
# Questions that the site asks its readers.
SITE_QUESTION = re.compile(
    "^"
    + build_alternation(r"""
        har du (?:några )?(?:frågor|synpunkter)
        hittade du | fick du
        var (?:den här )?(?:sidan|informationen|texten)
        hjälpte | vill du (?:veta mer|kontakta|prenumerera) | frågor\? | veta mer\? | läs mer
        (?:do you )?have (?:a |any )?questions | questions\? | need (?:more )?help | was this | did you find
        still have | looking for | ready to | noch fragen | haben sie (?:noch )?fragen
        """),
    re.IGNORECASE,
)
MIN_ANSWER_LENGTH = 20  # characters
MAX_PANEL_QUESTION_LENGTH = 300
MAX_WRAPPER_DEPTH = 4  # elements around a title


def is_question_text(text: str) -> bool:
    """Return whether a text ends in a question mark, ignoring the panel's open/close sign.

    >>> is_question_text("När öppnar bron? +"), is_question_text("Så öppnar bron"), is_question_text("Varför? Därför.")
    (True, False, False)
    """
    return ("?" in text or "？" in text) and FINAL_QUESTION_MARK.search(TOGGLE_SIGN.sub("", text)) is not None


def find_question_item(element: Tag, text: str) -> Tag | None:
    """Return the element that contains a question and its answer and has a similar sibling, or None."""
    if len(text) > MAX_PANEL_QUESTION_LENGTH or not is_question_text(text):
        return None
    text = TOGGLE_SIGN.sub("", text)
    node: Tag | None = element
    for _ in range(MAX_WRAPPER_DEPTH):
        if node is None or node.name in ("body", "main", "article", "[document]"):
            return None
        whole = clean_line(node.get_text(" "))
        if len(whole) > len(text) + MIN_ANSWER_LENGTH:
            return node if whole.startswith(text) and has_similar_question(node) else None
        node = node.parent
    return None


def is_followed_by_answer(element: Tag, text: str) -> bool:
    """Return whether the element after a question has another tag, and the question has a similar sibling."""
    if len(text) > MAX_PANEL_QUESTION_LENGTH or not is_question_text(text):
        return False
    node: Tag | None = element
    for _ in range(MAX_WRAPPER_DEPTH):
        if node is None or len(clean_line(node.get_text(" "))) > len(text) + 1:
            return False
        following = next((part for part in node.next_siblings if isinstance(part, Tag)), None)
        if following is not None:
            return not is_same_kind(node, following) and has_similar_question(node)
        node = node.parent
    return False


def has_similar_question(item: Tag) -> bool:
    """Return whether a sibling with the same tag and class starts with a question."""
    siblings = (*item.next_siblings, *item.previous_siblings)
    similar = (part for part in siblings if isinstance(part, Tag) and is_same_kind(part, item))
    return any(is_question_text(next(sibling.stripped_strings, "")) for sibling in similar)


def is_same_kind(first: Tag, second: Tag) -> bool:
    return first.name == second.name and first.get("class") == second.get("class")
