"""Pictures of the text with their captions and credits; furniture is none."""

from __future__ import annotations

import pytest

from scraper.pages import media
from tests.scraper.pages_of import HEADING, LAST, TEXT, read

PICTURES = {
    "credit beside the caption": (
        '<figure><img src="/bro.jpg"><span class="photo-credit">Foto: Eva Ek</span>'
        "<figcaption>Bron.</figcaption></figure>",
        ("Bron.", "Eva Ek"),
    ),
    "a caption that ReadSpeaker skips": (
        '<figure><img src="/bro.jpg">'
        '<figcaption class="image-caption rs_skip">Bron. Foto: Eva Ek</figcaption></figure>',
        ("Bron.", "Eva Ek"),
    ),
    "a logo with a caption": (
        '<figure><img src="/bro-logo-skylt.jpg"><figcaption>Skylten. Foto: Eva Ek</figcaption></figure>',
        ("Skylten.", "Eva Ek"),
    ),
}


@pytest.mark.parametrize("case", PICTURES)
def test_what_is_said_of_a_picture(case: str) -> None:
    markup, told = PICTURES[case]
    assert [(image.caption, image.credit) for image in read(HEADING + TEXT + markup + LAST).images] == [told]


def test_no_furniture_is_a_picture() -> None:
    zoom = '<figure><img src="/bro.jpg"><img src="/zoom-icon.svg"><figcaption>Bron.</figcaption></figure>'
    blank = '<figure><img src="/lazyload-placeholder.png"><figcaption>Ån.</figcaption></figure>'
    assert [image.url.rpartition("/")[2] for image in read(HEADING + TEXT + zoom + blank + LAST).images] == ["bro.jpg"]


def test_captions_are_looked_for_once_in_an_element_however_many_pictures_it_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[object] = []

    def look(holder: object) -> list[object]:
        looked.append(holder)
        return []

    monkeypatch.setattr(media, "iter_captions", look)
    release = read(HEADING + TEXT + "<div>" + "".join(f'<img src="/{number}.jpg">' for number in range(500)) + "</div>")
    assert len(release.images) == 500
    assert len(looked) < 10
