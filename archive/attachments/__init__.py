"""Files that releases link to: their versions, and the text in them."""

from archive.attachments.attachment_store import (
    TEXT_VERSION,
    Attachments,
    AttachmentText,
    AttachmentVersion,
    TextExtraction,
    extract_text,
)

__all__ = [
    "TEXT_VERSION",
    "AttachmentText",
    "AttachmentVersion",
    "Attachments",
    "TextExtraction",
    "extract_text",
]
