"""Damages pages as on the web and as an attacker would, as a Hypothesis strategy, so that findings
shrink.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

LONGEST = 400_000  # bytes of a result
TOKENS = (
    *(
        b"",
        b"<",
        b">",
        b"&",
        b'"',
        b"'",
        b"\x00",
        b"\x1b",
        b"\x7f",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xc3",
        b"\xe4\xf6",
    ),
    *(
        b"<!--",
        b"-->",
        b"<![CDATA[",
        b"]]>",
        b"<?xml version='1.0' encoding='utf-16'?>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]>",
    ),
    *(
        b"<script>",
        b"</script>",
        b"<style>",
        b"<svg><title>",
        b"<math><mi>",
        b"<template>",
        b"<noscript>",
        b"<plaintext>",
    ),
    *(
        b"<table><tr><td>",
        b"<select><option>",
        b"<p><p>",
        b"</div>",
        b"</main>",
        b"<main>",
        b"<article>",
        b"<h1>",
        b"<h2>",
    ),
    *(
        b"<details><summary>",
        b"<dl><dt>",
        b"<button aria-expanded='false' aria-controls='x'>",
        b"<div id='x'>",
        b"<br>",
    ),
    *(
        b"&#0;",
        b"&#55296;",
        b"&#x110000;",
        b"&nbsp;",
        b"&#x202e;",
        b"&shy;",
        b"\xe2\x80\xa8",
        b"\xed\xa0\x80",
    ),
    *(
        b"<time datetime='2024-13-45'>",
        b"<time datetime='9999-12-31T23:59:59+99:99'>",
        b"Publicerad: 31 februari 2024",
    ),
    *(
        b"Uppdaterad ",
        b"Publicerad ",
        b"2024-02-30",
        b"00:60",
        b"29 februari 2023",
        b"kl. 24.00",
        b"0000-00-00",
        b"1e9999",
    ),
    *(
        b"<base href='//['>",
        b"<base href='http://[::1'>",
        b"<a href='http://['>",
        b"<a href='javascript:alert(1)'>",
    ),
    *(
        b"<img src=x onerror=alert(1)>",
        b"<a href='data:text/html,<script>'>",
        b"<iframe src='//x'>",
        b"<link rel=canonical href='x:'>",
    ),
    *(
        b"<script type='application/ld+json'>",
        b'{"@type":"NewsArticle","headline":',
        b'{"@graph":[',
        b'"\\ud800"',
        b"[[[[[[",
    ),
    *(
        b'<meta property="og:title" content="',
        b'<meta name="dcterms.issued" content="',
        b"<meta charset='utf-7'>",
    ),
    *(
        b"<item><link>",
        b"<pubDate>",
        b"<entry>",
        b"<loc>",
        b"<lastmod>",
        b"<sitemap>",
        b"\xe2\x80\x93 ",
        b"Foto: ",
        b"?",
    ),
    b"<div>" * 3000,
    b"<b>" * 600,
    b"[" * 5000,
    b"9" * 5000,
    b"a" * 50_000,
    b"<p>\xe2\x80\x93 Ja?</p>" * 400,
    b"<a href='/nyheter/x'>x</a>" * 1500,
)


def mutated(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """Return a strategy: one of some pages, damaged once or several times."""
    return st.builds(damage, st.sampled_from(seeds), st.lists(step(), min_size=1, max_size=8))


def damage(page: bytes, steps: list[Callable[[bytes], bytes]]) -> bytes:
    """Step by step."""
    for change in steps:
        page = change(page)[:LONGEST]
    return page


def step() -> st.SearchStrategy[Callable[[bytes], bytes]]:
    """Return a strategy: one kind of damage at a random place."""
    place, length = st.integers(0, 9999), st.sampled_from([0, 1, 2, 5, 20, 100, 1000, 10_000])
    return st.one_of(
        st.builds(replaced, place, length, st.sampled_from(TOKENS)),
        st.builds(replaced, place, length, st.binary(max_size=8)),
        st.builds(
            replaced,
            place,
            length,
            st.text(max_size=12).map(lambda text: text.encode("utf-8", "surrogatepass")),
        ),
        st.builds(repeated, place, length, st.sampled_from([2, 3, 50])),
        st.builds(moved, place, place, length),
        st.builds(cut, place),
        st.builds(
            recoded,
            st.sampled_from(["utf-16", "utf-16-be", "latin-1", "cp1252", "utf-7", "utf-8-sig"]),
        ),
    )


def replaced(place: int, length: int, token: bytes) -> Callable[[bytes], bytes]:
    """Replace a piece by another, or insert one (length 0).

    place: in ten-thousandths of the page.
    """

    def change(page: bytes) -> bytes:
        at = len(page) * place // 10_000
        return page[:at] + token + page[at + length :]

    return change


def repeated(place: int, length: int, times: int) -> Callable[[bytes], bytes]:
    """Repeat a piece several times."""

    def change(page: bytes) -> bytes:
        at = len(page) * place // 10_000
        return page[:at] + page[at : at + length] * times + page[at + length :]

    return change


def moved(place: int, to: int, length: int) -> Callable[[bytes], bytes]:
    """Move a piece."""

    def change(page: bytes) -> bytes:
        at = len(page) * place // 10_000
        piece, rest = page[at : at + length], page[:at] + page[at + length :]
        end = len(rest) * to // 10_000
        return rest[:end] + piece + rest[end:]

    return change


def cut(place: int) -> Callable[[bytes], bytes]:
    """Cut the page off."""
    return lambda page: page[: len(page) * place // 10_000]


def recoded(encoding: str) -> Callable[[bytes], bytes]:
    """Encode the page differently than it declares."""
    return lambda page: page.decode("utf-8", "replace").encode(encoding, "replace")
