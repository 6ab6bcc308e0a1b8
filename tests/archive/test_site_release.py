"""The reading page shows all that a release holds, and invents nothing."""

from __future__ import annotations

from tests.archive.sample import HOSTILE, LIGHTHOUSES, UNDATED, WARBLERS, Site


async def test_reading_page_shows_all_of_a_release(site: Site) -> None:
    address = f"/archive/releases/{await site.id_of(WARBLERS)}"
    page, text = await site.page(address), await site.text(address)
    for words in (
        "Inventeringen av vassarna är klar.",
        "Publicerat enligt myndigheten 28 maj 2024 kl. 09.30 på sidan: ”28 maj 2024 kl. 09.30”",
        "Uppdaterat enligt myndigheten 30 maj 2024 på sidan: ”Uppdaterad 30 maj 2024”",
        "Upptäckt av arkivet 3 juni 2024 kl. 10.15",
        "Senast kontrollerat 3 juni 2024 kl. 10.15",
        "Rörsångare i vass. Foto eller bild: Lo Ask/Fågelverket",
        "Rapporten application/pdf",
        "Kontakt Lo Ask, ornitolog 010-123 45 67 lo@fagelverket.example Pressjouren 010-123 45 00",
        "Typ nyhet",
        "1 sparad version",
    ):
        assert words in text
    original = page.cssselect(".original a")[0]
    assert original.get("href") == "https://fagelverket.example/nyheter/sa-mar-sangarna"
    assert page.cssselect(".body td")[0].text == "Storsjön"
    assert [link.get("href") for link in page.cssselect(".contacts a")] == ["mailto:lo@fagelverket.example"]


async def test_questions_standing_in_the_body_are_linked_there(site: Site) -> None:
    page = await site.page(f"/archive/releases/{await site.id_of(WARBLERS)}")
    links = [link.attrib["href"] for link in page.cssselect("nav.questions a")]
    assert links == ["#question-1", "#question-2"]
    assert all(len(page.cssselect(link)) == 1 for link in links)
    assert page.cssselect("#question-2 + *")[0].text == "Ungefär en halv miljon par."
    assert not page.cssselect(".apart")


async def test_questions_standing_apart_are_printed_in_full(site: Site) -> None:
    page = await site.page(f"/archive/releases/{await site.id_of(LIGHTHOUSES)}")
    assert [link.get("href") for link in page.cssselect("nav.questions a")] == ["#question-1", "#question-2"]
    first, second = page.cssselect(".apart")
    assert first.cssselect("#question-1")[0].text == "Vilka fyrar tänds?"
    assert [p.text_content() for p in first.cssselect("p")] == ["Svar från Ada Ek", "Norrskär, Ekö och Lillgrund."]
    assert [p.text_content() for p in second.cssselect("p")] == ["Svar från Bo Strand", "Staten.", "Och hamnarna."]


async def test_what_a_page_does_not_tell_is_not_guessed(site: Site) -> None:
    text = await site.text(f"/archive/releases/{await site.id_of(UNDATED)}")
    assert "Publicerat enligt myndigheten Anges inte på sidan" in text
    assert "Uppdaterat enligt myndigheten 18 maj 2021 kl. 10.57 på sidan: ”10.57 - 18 maj 2021”" in text


async def test_tags_lead_to_a_search_that_finds_the_release(site: Site) -> None:
    address = f"/archive/releases/{await site.id_of(WARBLERS)}"
    tags = (await site.page(address)).cssselect(".chips a")
    assert [tag.text for tag in tags] == ["Fåglar", "Våtmarker & sjöar"]
    for tag in tags:
        found = await site.page(tag.attrib["href"])
        assert [link.get("href") for link in found.cssselect(".releases h3 a")] == [address]


async def test_texts_carry_their_own_language(site: Site) -> None:
    page = await site.page("/search?q=lighthouses")
    assert page.cssselect(".releases h3 a")[0].get("lang") == "en"
    release = await site.page(page.cssselect(".releases h3 a")[0].attrib["href"])
    assert release.get("lang") == "sv"
    assert {release.cssselect(part)[0].get("lang") for part in ("h1", ".body")} == {"en"}


async def test_markup_in_a_title_stays_text(site: Site) -> None:
    address = f"/archive/releases/{await site.id_of(HOSTILE)}"
    assert (await site.page(address)).cssselect("h1")[0].text == HOSTILE
    assert "<script" not in (await site.get(address)).text
