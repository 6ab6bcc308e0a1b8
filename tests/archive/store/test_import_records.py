"""A line of an import file as a release: which values are read, and which are refused."""

from __future__ import annotations

import json
from time import process_time
from typing import Any

import pytest

from archive.store.import_lines import FieldError, parse_release
from archive.times import to_iso
from archive.urls import canonical_url
from tests.archive.sample import ROOT

LINE = {
    "url": "https://fyr.example/press/1#top",
    "title": " Tre  fyrar\u00ad tänds ",
    "lead": "Kusten får ljus.",
    "body": (
        "Kusten får ljus.\n\n## Varför\n\n- Äntligen, säger *Ada*.\n\n* ett\n*"
        " [två](/b)\n\n![Karta](/k.png)"
    ),
    "published": "2024-06",
    "updated": "2024-06-02T09:30:00+02:00",
    "kind": "Pressmeddelanden",
    "tags": ["Sjöfart", "Sjöfart"],
    "questions": [{"question": "Vem?", "answer": "Staten.", "answered_by": "Bo Ek"}],
    "attachments": [{"url": "https://fyr.example/a.pdf", "title": "Planen"}],
}


def test_line_is_read_as_a_release() -> None:
    release, unknown_fields = parse_release({**LINE, "senders": ["Kansliet"]}, "fyr")
    assert unknown_fields == ["senders"]
    assert release.url == "https://fyr.example/press/1"
    assert (release.title, release.kind) == ("Tre fyrar tänds", "press release")
    assert release.lead == "Kusten får ljus."
    assert release.body == "Varför\n\n- Äntligen, säger Ada.\n\n• ett\n• två"
    assert "<h2>Varför</h2>" in release.body_html
    assert '<a href="https://fyr.example/b"' in release.body_html
    assert [image.url for image in release.images] == ["https://fyr.example/k.png"]
    assert (str(release.published), release.published_text) == ("2024-06", "2024-06")
    assert release.tags == ("Sjöfart",)
    assert release.questions[0].position == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", None),
        ("url", "fyr.example/x"),
        ("url", "http://["),
        ("url", "http://fyr.example:x/1"),
        ("url", "javascript:alert(1)"),
        ("title", " \u00ad "),
        ("title", 7),
        ("title", "\ud800"),
        ("published", "i maj"),
        ("published", "2024-06-02T09:30:00"),
        ("published", "2024-13"),
        ("published", "9999-12-31T23:59:59+00:00"),
        ("published", "2100-01-01"),
        ("published", "0001-01"),
        ("updated", "1899-12-31"),
        ("language", "svenska!"),
        ("tags", "Sjöfart"),
        ("questions", [{"question": "Vem?"}]),
        ("questions", [{"question": "Vem?", "answer": "Jo.", "place": 3}]),
        ("images", [{"url": "data:image/png;base64,x"}]),
        ("attachments", {}),
        ("agency", "vag"),
    ],
)
def test_invalid_field_is_named(field: str, value: object) -> None:
    with pytest.raises(FieldError) as caught:
        parse_release({**LINE, field: value}, "fyr")
    assert str(caught.value.field).startswith(field)


@pytest.mark.parametrize("date", ["1900-01", "2099-12-31", "2099-12-31T23:59:59-05:00"])
def test_years_that_the_crawler_accepts_are_accepted(date: str) -> None:
    release, _ = parse_release({**LINE, "published": date}, "fyr")
    assert release.published_text == to_iso(release.published) == date


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://FYR.example:443/Press/1?utm_source=rss#top", "https://fyr.example/Press/1"),
        ("https://fyr.example/press/1;jsessionid=A1?id=3", "https://fyr.example/press/1?id=3"),
        ("https://fyr.example/(S(x1))/press/1", "https://fyr.example/press/1"),
        ("https://fyr.example", "https://fyr.example/"),
    ],
)
def test_url_is_canonical(url: str, canonical: str) -> None:
    release, _ = parse_release({**LINE, "url": url}, "fyr")
    assert release.url == canonical == canonical_url(url)


def test_markup_is_sanitised() -> None:
    markup = '<h1>A</h1><p onclick="x()">b<script>c()</script></p><p><a href="/d">d</a></p>'
    release, _ = parse_release({**LINE, "lead": None, "body": None, "body_html": markup}, "fyr")
    assert release.body_html.startswith('<h2>A</h2><p>b</p><p><a href="https://fyr.example/d"')
    assert release.body == "A\n\nb\n\nd"
    release, _ = parse_release(
        {**LINE, "body": "<script>alert(1)</script> [x](javascript:alert(1))"}, "fyr"
    )
    assert "<script" not in release.body_html
    assert "href" not in release.body_html


@pytest.mark.slow("extreme input")
@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("body", "", ""),
        ("body", "* ", ""),
        ("body_html", "<table><tr><td>", "</td></tr></table><p>slut</p>"),
    ],
)
def test_paragraph_of_more_than_ten_million_characters_is_read(
    field: str, before: str, after: str
) -> None:
    release, _ = parse_release(
        {**LINE, "lead": None, "body": None, field: f"{before}{'x' * 10_000_100}{after}"}, "fyr"
    )
    assert release.body.count("x") == release.body_html.count("x") == 10_000_100
    assert release.body.endswith("slut") == ("slut" in after)


@pytest.mark.parametrize(
    ("field", "start", "end", "read", "refused"),
    [
        ("body", "> ", "", 90, 110),
        ("body", "* ", "", 40, 60),  # a list and its item are two levels
        ("body_html", "<blockquote>", "</blockquote>", 300, 1500),
        ("body_html", "<ul><li>", "</li></ul>", 100, 3000),
    ],
)
def test_nested_text_is_read_or_refused_but_never_lost(
    field: str, start: str, end: str, read: int, refused: int
) -> None:
    release, _ = parse_release(
        {**LINE, "body": None, field: f"{start * read}djup{end * read}"}, "fyr"
    )
    assert "djup" in release.body
    with pytest.raises(FieldError, match=r"is nested|Excessive depth") as caught:
        parse_release({**LINE, "body": None, field: f"{start * refused}djup{end * refused}"}, "fyr")
    assert caught.value.field == field


@pytest.mark.slow("extreme input")
@pytest.mark.parametrize(
    "unit", ["w", "a ", "a\n", "- ", "a\n\n", "[", "](", "*", "_a ", "`", "> a\n", "&", "<a ", "\\"]
)
def test_time_to_read_a_text_is_linear(unit: str) -> None:
    seconds = []
    for length in (30_000, 120_000):
        started = process_time()
        parse_release(
            {"url": LINE["url"], "title": "A", "body": unit * (length // len(unit))}, "fyr"
        )
        seconds.append(process_time() - started)
    assert seconds[1] < 9 * seconds[0] + 0.5


def test_long_run_of_combining_characters_is_refused_before_it_is_normalised() -> None:
    started = process_time()
    for name in ("title", "body", "body_html", "lead"):
        with pytest.raises(FieldError, match="combining characters") as caught:
            parse_release({**LINE, name: "a" + "\u0316\u00ad\u0301" * 100_000}, "fyr")
        assert caught.value.field == name
    entities = {"body_html": f"<p>a{'&#790;' * 100_000}</p>"}
    with pytest.raises(FieldError, match="combining characters"):
        parse_release({"url": LINE["url"], "title": "A", **entities}, "fyr")
    assert process_time() - started < 3
    release, _ = parse_release({**LINE, "title": "— " + "—" * 3000 + "Z\u0316\u0301" * 9}, "fyr")
    assert len(release.title) > 3000


def test_text_is_cleaned_like_that_of_a_page() -> None:
    body = "<p>Sam&shy;hälle&nbsp;&nbsp;\u202aoch</p><p>&#8203;fo&#776;rort</p>"
    release, _ = parse_release(
        {"url": LINE["url"], "title": "\u2066A\x01\u2069", "body_html": body}, "fyr"
    )
    assert (release.title, release.body) == ("A", "Samhälle och\n\nförort")


@pytest.mark.slow("extreme input")
def test_links_whose_complete_urls_would_be_too_long_are_refused() -> None:
    url = "https://fyr.example/" + "x" * 2000
    with pytest.raises(FieldError, match="would be longer than"):
        parse_release({"url": url, "title": "A", "body": "[a](b) " * 200_000}, "fyr")


def test_example_of_the_documentation_is_read() -> None:
    text = (ROOT / "docs/import-format.md").read_text("utf-8")
    row: dict[str, Any] = json.loads(text.split("```json\n")[1].split("```")[0])
    release, unknown_fields = parse_release(row, "fyrstyrelsen")
    assert not unknown_fields
    assert release.body == "Efter tio mörka år.\n\n- Äntligen, säger Ada Ek."
    assert [name for name in row if f"`{name}`" not in text] == []
