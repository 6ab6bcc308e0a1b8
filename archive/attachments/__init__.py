"""Files that releases link to: their versions, and the text in them."""

from archive.attachments.attachment_store import (
    Attachments,
    AttachmentText,
    AttachmentVersion,
    TextExtraction,
    extract_text,
)

__all__ = [
    "AttachmentText",
    "AttachmentVersion",
    "Attachments",
    "TextExtraction",
    "extract_text",
]
