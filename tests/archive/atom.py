"""Checks of RFC 4287: the grammar (atom.rng), and the rules that a grammar cannot express."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from lxml import etree

GRAMMAR = etree.RelaxNG(file=str(Path(__file__).with_name("atom.rng")))
NAMESPACES = {"a": "http://www.w3.org/2005/Atom"}
ALTERNATES = "a:link[not(@rel) or @rel='alternate']"
FILLED = "a:title | a:rights | a:author/a:name | a:contributor/a:name"
# RFC 4151
TAG_URI = re.compile(r"tag:[a-z0-9.-]+,\d{4}(?:-\d\d){0,2}:[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*")


def find_faults(body: bytes) -> list[str]:
    """Return what is wrong with a feed; raise etree.XMLSyntaxError if it is not well-formed."""
    root = etree.fromstring(body)
    GRAMMAR.validate(root)
    if faults := [str(error.message) for error in GRAMMAR.error_log.filter_from_errors()]:
        return faults
    entries = find(root, "a:entry")
    for parent in (root, *entries):
        faults += find_faults_of_children(parent)
    if not find(root, "a:author") and not all(find(entry, "a:author") for entry in entries):
        faults.append("neither the feed nor the entry has an author")
    if not find(root, "a:link[@rel='self']"):
        faults.append("the feed does not link to itself")
    versions = [
        (find(entry, "a:id")[0].text, find(entry, "a:updated")[0].text) for entry in entries
    ]
    faults += [
        f"{version} occurs twice" for version in set(versions) if versions.count(version) > 1
    ]
    faults += [
        "entry without content and alternate"
        for entry in entries
        if not find(entry, f"a:content | {ALTERNATES}")
    ]
    return faults


def find_faults_of_children(parent: etree._Element) -> list[str]:
    """Return what is wrong with the elements of a feed or an entry."""
    faults = [
        f"{node.tag!s} is empty" for node in find(parent, FILLED) if not (node.text or "").strip()
    ]
    for node in find(parent, "a:id"):
        uri = (node.text or "").strip()
        if not (TAG_URI.fullmatch(uri) if uri.startswith("tag:") else urlsplit(uri).scheme):
            faults.append(f"id {uri!r} is no IRI")
    urls = [link.get("href", "") for link in find(parent, "a:link")]
    faults += [f"{url!r} is no absolute IRI" for url in urls if not urlsplit(url).scheme]
    alternates = [(link.get("type"), link.get("hreflang")) for link in find(parent, ALTERNATES)]
    if len(alternates) != len(set(alternates)):
        faults.append("two alternates of one type and language")
    return faults + [
        "category without a term" for node in find(parent, "a:category") if not node.get("term")
    ]


def find(parent: etree._Element, path: str) -> list[etree._Element]:
    found: list[etree._Element] = parent.xpath(path, namespaces=NAMESPACES)
    return found
