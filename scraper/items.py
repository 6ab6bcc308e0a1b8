"""A release as strings, exactly as found on its page."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionItem:
    """A question and its answer as found on the page, including any dash at the start of either."""

    question: str
    answer: str
    answered_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageItem:
    url: str  # absolute URL
    caption: str | None = None  # may include the credit
    credit: str | None = None
    alt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentItem:
    url: str  # absolute URL
    title: str  # the text of the link


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactItem:
    """A contact for questions about the release."""

    name: str | None = None
    role: str | None = None
    phone: str | None = None  # without its label; several numbers are separated by commas
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    rule: str  # name of the parser's rule
    element: str  # path of the element, like a CSS selector


@dataclass(slots=True, kw_only=True)
class ReleaseItem:
    """A release as found on its page, with the fields of archive.database.models.Release.

    Every value is a string as found, or None if the page does not contain the value. `agreement`
    and `doubt` say how reliably the page was parsed, and are not part of the release.
    """

    # the canonical URL that the page declares, if it is credible, else the URL the page came from
    url: str
    agency: str | None = None
    kind: str | None = None
    title: str | None = None
    lead: str | None = None
    body: str | None = None
    body_html: str | None = None
    published: str | None = None
    updated: str | None = None
    language: str | None = None
    parser_version: str | None = None  # the page class and a hash of the parser
    agreement: float | None = (
        # share (0 to 1) of other readings of the page that is in the body; None: too little text
        None
    )
    doubt: str | None = None  # why the body is probably not the text of the release
    # IANA name of the agency's time zone; None: the time zone of the host's country
    zone: str | None = None
    tags: list[str] = field(default_factory=list)
    questions: list[QuestionItem] = field(default_factory=list)
    images: list[ImageItem] = field(default_factory=list)
    attachments: list[AttachmentItem] = field(default_factory=list)
    contacts: list[ContactItem] = field(default_factory=list)
    # field name → where its value came from
    evidence: dict[str, Provenance] = field(default_factory=dict)
