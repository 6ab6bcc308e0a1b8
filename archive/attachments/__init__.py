"""Attachments: the files that releases link to, with their versions and their text."""

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
