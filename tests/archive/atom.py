"""RFC 4287 held against a feed: its grammar (atom.rng, by libxml2), and what no grammar can say."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from lxml import etree

GRAMMAR = etree.RelaxNG(file=str(Path(__file__).with_name("atom.rng")))
ATOM = "{http://www.w3.org/2005/Atom}"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
ONCE = {"id", "title", "updated", "rights", "subtitle", "generator", "icon", "logo", "published", "summary", "content"}
FEED = {"author", "category", "contributor", "link", "entry"} | ONCE - {"published", "summary", "content"}
ENTRY = {"author", "category", "contributor", "link", "source"} | ONCE - {"subtitle", "generator", "icon", "logo"}
PERSON = {f"{ATOM}{name}" for name in ("name", "uri", "email")}
TEXTS = {"title", "summary", "rights", "subtitle"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
MEDIA = re.compile(r"[^/\s]+/[^/\s]+")
LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
TAG_URI = re.compile(r"tag:[a-z0-9.-]+,\d{4}(?:-\d\d){0,2}:[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*")  # RFC 4151


def find_faults(body: bytes) -> list[str]:
    """What is wrong with a feed, in words; an empty list where nothing is."""
    root = etree.fromstring(body)  # well-formed, or an error that says where not
    if root.tag != f"{ATOM}feed":
        return [f"the root is {root.tag!s}"]
    entries = root.findall(f"{ATOM}entry")
    GRAMMAR.validate(root)
    faults = [str(error.message) for error in GRAMMAR.error_log.filter_from_errors()]
    faults += [*check(root, FEED), *(fault for entry in entries for fault in check(entry, ENTRY))]
    if root.find(f"{ATOM}author") is None and any(entry.find(f"{ATOM}author") is None for entry in entries):
        faults.append("an entry has no author, and the feed neither")
    if "self" not in {link.get("rel") for link in root.findall(f"{ATOM}link")}:
        faults.append("the feed does not link to itself")
    seen = [(text_of(entry, "id"), text_of(entry, "updated")) for entry in entries]
    faults += [f"{name} stands twice" for name in {one for one in seen if seen.count(one) > 1}]
    stray = [node.tag for node in root.iter() if isinstance(node.tag, str) and not node.tag.startswith(ATOM)]
    return [*faults, *(f"{tag} is no element of Atom" for tag in stray)]


def check(parent: etree._Element, allowed: set[str]) -> list[str]:
    """A feed's or an entry's own children."""
    faults, names = [], [str(child.tag).removeprefix(ATOM) for child in parent]
    where = str(parent.tag).removeprefix(ATOM)
    faults += [f"{where}: {name} may not stand here" for name in set(names) - allowed]
    faults += [f"{where}: {name} is missing" for name in ("id", "title", "updated") if name not in names]
    faults += [f"{where}: {name} stands {names.count(name)} times" for name in ONCE if names.count(name) > 1]
    for child, name in zip(parent, names, strict=True):
        faults += [f"{where}: {name}: {fault}" for fault in check_one(child, name)]
    alternates = [
        (link.get("type"), link.get("hreflang"))
        for link in parent.findall(f"{ATOM}link")
        if link.get("rel", "alternate") == "alternate"
    ]
    if len(alternates) != len(set(alternates)):
        faults.append(f"{where}: two alternates of one type and language")
    if where == "entry" and "content" not in names and not alternates:
        faults.append("entry: neither content nor an alternate")
    return faults


def check_one(node: etree._Element, name: str) -> list[str]:
    """One element."""
    text, faults = (node.text or "").strip(), []
    if name in ("updated", "published"):
        if not MOMENT.fullmatch(text):
            faults.append(f"{text!r} is no moment (RFC 3339)")
        else:
            datetime.fromisoformat(text)
    if name == "id" and not (TAG_URI.fullmatch(text) if text.startswith("tag:") else urlsplit(text).scheme):
        faults.append(f"{text!r} is no IRI")
    if name in TEXTS and (node.get("type", "text") not in ("text", "html") or len(node)):
        faults.append("is neither text nor html")
    if name in ("title", "rights") and not text:
        faults.append("is empty")
    if name == "content" and node.get("type") not in ("text", "html"):
        faults.append(f"has the type {node.get('type')!r}")
    if name == "link":
        faults += [] if urlsplit(node.get("href") or "").scheme else [f"leads to {node.get('href')!r}, not an IRI"]
        faults += [] if MEDIA.fullmatch(node.get("type") or "a/b") else [f"has the type {node.get('type')!r}"]
    if name == "category" and not node.get("term"):
        faults.append("has no term")
    if name in ("author", "contributor"):
        faults += [] if text_of(node, "name") else ["has no name"]
        faults += [f"{part.tag!s} may not stand here" for part in node if part.tag not in PERSON]
    if XML_LANG in node.attrib and not LANGUAGE.fullmatch(node.get(XML_LANG) or ""):
        faults.append(f"has the language {node.get(XML_LANG)!r}")
    return faults


def text_of(parent: etree._Element, name: str) -> str:
    """The text of a child."""
    return (parent.findtext(f"{ATOM}{name}") or "").strip()
