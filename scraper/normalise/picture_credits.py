"""Splits the caption of an image into the description and the photographer."""

from __future__ import annotations

import re

from scraper.normalise.text_cleaning import clean_line

# Credits of pictures. Words for a photograph may follow any words. "Bild" and similar words begin a
# credit only alone or after a full stop, because captions say "Från vänster i bild: …".
PHOTO_WORD = r"foto(?:graf(?:i|er(?:ing)?)?)?|photo(?:graph(?:er)?)?(?: by| credit)?|©"
PICTURE_WORD = r"bild|bilde|billede|kuva|illustration|illustratör|grafik|image(?: credit)?|credit"
CREDIT_NAME = r"(?P<credit>[^()]{2,120}?)\)?\s*\.?$"
MARKED_CREDIT = re.compile(
    rf"(?:(?:^|(?<=[\s.,;|(/–-]))(?:{PHOTO_WORD})(?:\s*[:.]|(?<=©))"
    rf"|(?:^|(?<=[.!?)|(/–]\s)|(?<=[(|]))(?:{PICTURE_WORD})\s*:)\s*{CREDIT_NAME}",
    re.IGNORECASE,
)
# Without a colon after the word, a name must follow: "fotograf Eva Ek", not "ett foto som säger
# mycket".
UNMARKED_CREDIT = re.compile(
    rf"(?:^|(?<=[\s.,;|(/–-]))(?:[Ff]oto(?:graf)?|FOTO|[Pp]hoto(?: by)?)\s+(?=[^\W\d_a-zåäö])"
    rf"(?!av\b){CREDIT_NAME}"
)
# Any other lower-case word shows that the text is a sentence, not a name: "fotograf Eva Ek på plats
# i Lund".
LOWER_CASE_WORD = re.compile(r"(?<!\w)(?!(?:av|och|von|van|de|af|and|und|by|för|via)\b)[a-zåäö]+")
CREDIT_AND_SENTENCE = re.compile(r"(?P<name>.*?\w\w)\.\s+(?P<after>[A-ZÅÄÖ]\S*(?:\s+\S+){2,})$")
TRAILING_NOTE = re.compile(r"\s+\([^()]+\)\.?$")


def split_credit(text: str) -> tuple[str | None, str | None]:
    """Split a caption into (description, credit). A part that the caption does not contain is None.

    >>> split_credit("A och B. Foto: Eva Ek/Byrå")
    ('A och B.', 'Eva Ek/Byrå')
    >>> split_credit("Foto. Eva Ek"), split_credit("FOTO: EVA EK")
    ((None, 'Eva Ek'), (None, 'EVA EK'))
    >>> split_credit("Verket, fotograf Eva Ek")
    ('Verket', 'Eva Ek')
    >>> split_credit("Till vänster i bild: A och B. Foto: Eva Ek")
    ('Till vänster i bild: A och B.', 'Eva Ek')
    >>> split_credit("Foto: Eva Ek. Ministern besöker skolan")
    ('Ministern besöker skolan', 'Eva Ek')
    >>> split_credit("Foto: Eva Ek (beskuren bild)")
    ('(beskuren bild)', 'Eva Ek')
    >>> split_credit("Ministern och fotograf Eva Ek på plats i Lund")
    ('Ministern och fotograf Eva Ek på plats i Lund', None)
    >>> split_credit("Sjön i höstljus. Foto Eva Ek"), split_credit("Ett foto som säger mycket")
    (('Sjön i höstljus.', 'Eva Ek'), ('Ett foto som säger mycket', None))
    """
    line = clean_line(text)
    noted = TRAILING_NOTE.search(line)
    for end in (len(line), noted.start()) if noted else (len(line),):
        if match := _find_credit(line[:end]):
            followed = CREDIT_AND_SENTENCE.match(match["credit"])
            name, after = (
                (followed["name"], followed["after"]) if followed else (match["credit"], "")
            )
            description = [line[: match.start()].rstrip(" ,;|(/–-"), after, line[end:].strip()]
            return " ".join(filter(None, description)) or None, name.strip(" .,;") or None
    return line or None, None


def _find_credit(line: str) -> re.Match[str] | None:
    """Return the last credit in a line, or None if there is no credit.

    A credit is the text after a word such as "Foto" and a colon. If the line contains no such text,
    a name directly after such a word is a credit.
    """
    match = _find_last_match(MARKED_CREDIT, line)
    if match is None:
        match = _find_last_match(UNMARKED_CREDIT, line)
        if match and LOWER_CASE_WORD.search(match["credit"]):
            return None
    return match


def _find_last_match(pattern: re.Pattern[str], line: str) -> re.Match[str] | None:
    """Return the last match of a pattern, even one that overlaps an earlier match."""
    match = pattern.search(line)
    while match and (later := pattern.search(line, match.start() + 1)):
        match = later
    return match
