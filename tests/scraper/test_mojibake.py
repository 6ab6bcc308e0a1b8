"""Text broken by a wrong charset or escaped twice: mended where certain, else kept as found and told of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scraper.items import AttachmentItem, ContactItem, ImageItem, QuestionItem, ReleaseItem
from scraper.normalise import find_quality_warnings, to_release
from scraper.normalise.text import repair_text
from scraper.pages import read_page
from tests.scraper.pages_of import TEXT, URL, page, read

SOUND = (
    "Å, ä och ö – “så här” skrivs ÅÄÖ i ”RÅ”, «GÅ» och SÃO… é, ü, €, § 5, ½, ï, â, Â och Ã är bokstäver; AT&T, a&b;",
    "Davviriikkalaš sámi giellabálkkašupmi, Đorđe Čović, Łódź, Øresund, Þór, naïve, crème brûlée, français",
    "¡Hola! MAÇÃ, São Paulo, Việt Nam, Türkiye’de, 5 °C · 20 µg/m³ ± 3 ‰ − 7 × 2 ≤ 15",
    "Skriv <p> & </p>, &lt;br&gt; eller ?a=1&copy=2",
)


def as_cp1252(text: str) -> str:
    """UTF-8 read as browsers read windows-1252: the bytes it has no sign for become control characters."""
    return "".join(bytes([byte]).decode("windows-1252", "ignore") or chr(byte) for byte in text.encode())


def as_latin_1(text: str) -> str:
    """UTF-8 read as Latin-1."""
    return text.encode().decode("latin-1")


@pytest.mark.parametrize("text", SOUND)
def test_sound_text_stays_as_it_is(text: str) -> None:
    assert repair_text(text) == text


@pytest.mark.parametrize("text", SOUND[:3])
@pytest.mark.parametrize("read_as", [as_cp1252, as_latin_1, lambda text: as_cp1252(as_cp1252(text))])
def test_text_broken_as_a_whole_is_mended(text: str, read_as: type[str]) -> None:
    broken = read_as(text)
    assert broken != text
    assert repair_text(broken) == text


@pytest.mark.parametrize(
    ("broken", "meant"),
    [
        ("FÃ¶rsÃ¤kringskassan", "Försäkringskassan"),
        ("Ã…r 2020 i Ã–rebro, â€“ sÃ¥ â€™skoj’ â€¦", "År 2020 i Örebro, – så ’skoj’ …"),
        ("Försäkringskassan och FÃ¶rsÃ¤kringskassan → mer", "Försäkringskassan och Försäkringskassan → mer"),
        ("sound å, ÃƒÂ¥ twice", "sound å, å twice"),
        ("det\u0092s, &#146;", "det’s, ’"),
        ("F&ouml;r &amp;aring;ret, &amp;amp;quot;bra&quot;, AT&amp;T, 10&nbsp;kr", 'För året, "bra", AT&T, 10\u00a0kr'),
        ("&#229; och &amp;#xE5;", "å och å"),
    ],
)
def test_every_certain_letter_is_mended(broken: str, meant: str) -> None:
    assert repair_text(broken) == meant


def test_every_field_is_mended_also_where_spaces_hide_a_half() -> None:
    words = "FÃ¶r Ã\u0085re Ã\u00a0 la carte"
    release = read(f"<h1>{words}</h1>{TEXT}<p>{words} &amp;amp;ouml; <a href='/Ã¶?a&amp;amp;amp'>lÃ¤nk</a></p>")
    assert release.title == "För Åre à la carte"
    assert release.body.endswith("För Åre à la carte ö länk")
    assert "För Åre à la carte &amp;ouml;" not in release.body_html
    assert ">länk</a>" in release.body_html
    assert "/Ã¶" in release.body_html  # an address is not words


@pytest.mark.parametrize("charset", ["utf-8", "windows-1252"])
def test_a_page_of_two_charsets_is_read_in_both(charset: str) -> None:
    html = page(f"<h1>Ny bro i Åre</h1>{TEXT}").replace(b"utf-8", charset.encode())
    release = to_release(read_page(html.replace("ån".encode(), "ån".encode("latin-1")), URL))
    assert (release.title, "bron över ån öppnar" in release.body) == ("Ny bro i Åre", True)
    assert find_quality_warnings(release) == []


def test_what_cannot_be_mended_is_kept_and_told_by_field() -> None:
    release = to_release(
        ReleaseItem(
            url=URL,
            title="Beslut om f\ufffdrskolan i Vänersborg",
            lead="En god ingress.",
            body="Vi ses p√• torget. Ã r det så? Priset är 5 â€ per kilo.",
            tags=["F\ufffdrskola"],
            questions=[QuestionItem(question="Hur?", answer="S\ufffd.")],
            images=[ImageItem(url="https://a.se/\ufffd.jpg", alt="Bro")],
            attachments=[AttachmentItem(url="https://a.se/a.pdf", title="ï¿½rsbok")],
            contacts=[ContactItem(name="Åsa \u009dk", phone="010-1 23 45 67")],
        )
    )
    assert (release.title, release.attachments[0].title) == ("Beslut om f\ufffdrskolan i Vänersborg", "\ufffdrsbok")
    doubts = find_quality_warnings(release)
    assert [doubt.field for doubt in doubts] == ["title", "body", "tags", "questions", "attachments", "contacts"]
    assert str(doubts[0]) == f"{URL}: title: has broken letters: 'Beslut om f\ufffdrskolan i Vänersborg'"
    assert find_quality_warnings(replace(release, body="Vi ses på torget.", tags=("Förskola",)))[1].field == "questions"


def test_a_release_of_sound_text_raises_no_doubt() -> None:
    assert (
        find_quality_warnings(to_release(ReleaseItem(url=URL, title=SOUND[0], lead=SOUND[1], body="\n\n".join(SOUND))))
        == []
    )
