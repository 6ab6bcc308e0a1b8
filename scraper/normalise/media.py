"""Splits captions into descriptions and credits, and guesses media types from file extensions."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from scraper.normalise.text import clean_line

# Words for a photograph may follow any words. "Bild" and similar words begin a credit only alone or after a full stop,
# because captions say "Från vänster i bild: …".
PHOTO_WORD = r"foto(?:graf(?:i|er(?:ing)?)?)?|photo(?:graph(?:er)?)?(?: by| credit)?|©"
PICTURE_WORD = r"bild|bilde|billede|kuva|illustration|illustratör|grafik|image(?: credit)?|credit"
CREDIT_NAME = r"(?P<credit>[^()]{2,120}?)\)?\s*\.?$"
MARKED_CREDIT = re.compile(
    rf"(?:(?:^|(?<=[\s.,;|(/–-]))(?:{PHOTO_WORD})(?:\s*[:.]|(?<=©))"
    rf"|(?:^|(?<=[.!?)|(/–]\s)|(?<=[(|]))(?:{PICTURE_WORD})\s*:)\s*{CREDIT_NAME}",
    re.IGNORECASE,
)
# Without a colon after the word, a name must follow: "fotograf Eva Ek", not "ett foto som säger mycket".
UNMARKED_CREDIT = re.compile(
    rf"(?:^|(?<=[\s.,;|(/–-]))(?:[Ff]oto(?:graf)?|FOTO|[Pp]hoto(?: by)?)\s+(?=[^\W\d_a-zåäö])(?!av\b){CREDIT_NAME}"
)
# Any other lower-case word makes it a sentence, not a name: "fotograf Eva Ek på plats i Lund".
LOWER_CASE_WORD = re.compile(r"(?<!\w)(?!(?:av|och|von|van|de|af|and|und|by|för|via)\b)[a-zåäö]+")
CREDIT_AND_SENTENCE = re.compile(r"(?P<name>.*?\w\w)\.\s+(?P<after>[A-ZÅÄÖ]\S*(?:\s+\S+){2,})$")
TRAILING_NOTE = re.compile(r"\s+\([^()]+\)\.?$")
# Not from the mimetypes module, whose results depend on the machine.
MEDIA_TYPES = {
    "pdf": "application/pdf",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "rtf": "application/rtf",
    "csv": "text/csv",
    "zip": "application/zip",
    "epub": "application/epub+zip",
}
FILE_EXTENSION = re.compile(r"\.([a-z0-9]{2,5})$", re.IGNORECASE)


def split_credit(text: str) -> tuple[str | None, str | None]:
    """Split a caption into (description, credit); either may be None.

    >>> split_credit("A och B. Foto: Eva Ek/Byrå")
    ('A och B.', 'Eva Ek/Byrå')
    >>> split_credit("Foto. Eva Ek"), split_credit("Verket, fotograf Eva Ek"), split_credit("FOTO: EVA EK")
    ((None, 'Eva Ek'), ('Verket', 'Eva Ek'), (None, 'EVA EK'))
    >>> split_credit("Till vänster i bild: A och B. Foto: Eva Ek")
    ('Till vänster i bild: A och B.', 'Eva Ek')
    >>> split_credit("Foto: Eva Ek. Ministern besöker skolan"), split_credit("Foto: Eva Ek (beskuren bild)")
    (('Ministern besöker skolan', 'Eva Ek'), ('(beskuren bild)', 'Eva Ek'))
    >>> split_credit("Ministern och fotograf Eva Ek på plats i Lund")
    ('Ministern och fotograf Eva Ek på plats i Lund', None)
    >>> split_credit("Sjön i höstljus. Foto Eva Ek"), split_credit("Ett foto som säger mycket")
    (('Sjön i höstljus.', 'Eva Ek'), ('Ett foto som säger mycket', None))
    """
    line = clean_line(text)
    noted = TRAILING_NOTE.search(line)
    for end in (len(line), noted.start()) if noted else (len(line),):
        match = find_last_match(MARKED_CREDIT, line[:end])
        if not match:
            match = find_last_match(UNMARKED_CREDIT, line[:end])
            match = None if match and LOWER_CASE_WORD.search(match["credit"]) else match
        if match:
            followed = CREDIT_AND_SENTENCE.match(match["credit"])
            name, after = (followed["name"], followed["after"]) if followed else (match["credit"], "")
            description = [line[: match.start()].rstrip(" ,;|(/–-"), after, line[end:].strip()]
            return " ".join(filter(None, description)) or None, name.strip(" .,;") or None
    return line or None, None


def find_last_match(pattern: re.Pattern[str], line: str) -> re.Match[str] | None:
    """Return the last match of a pattern, even within an earlier one, because captions may contain colons."""
    match = pattern.search(line)
    while match and (later := pattern.search(line, match.start() + 1)):
        match = later
    return match


def guess_media_type(url: str) -> str | None:
    """Return the media type of a linked file, or None if its extension is not in MEDIA_TYPES.

    >>> guess_media_type("https://a.se/rapport.PDF?v=2"), guess_media_type("https://a.se/nyheter/")
    ('application/pdf', None)
    """
    match = FILE_EXTENSION.search(urlsplit(url).path)
    return MEDIA_TYPES.get(match[1].lower()) if match else None
