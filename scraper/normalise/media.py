"""What kind of file a link leads to, told from the file's ending."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

# Written out rather than asked of the mimetypes module, whose answers vary with the machine.
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
ENDING = re.compile(r"\.([a-z0-9]{2,5})$", re.IGNORECASE)


def media_type(url: str) -> str | None:
    """The media type of a linked file, None where its ending names none we know.

    >>> media_type("https://a.se/rapport.PDF?v=2"), media_type("https://a.se/nyheter/")
    ('application/pdf', None)
    """
    match = ENDING.search(urlsplit(url).path)
    return MEDIA_TYPES.get(match[1].lower()) if match else None
