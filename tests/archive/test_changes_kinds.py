"""Each kind of change, told from sentences of our own in Swedish and English, both ways round."""

from __future__ import annotations

import re

import pytest

from archive.diff import compare
from archive.diff.kinds import FACT_KINDS, classify_action
from tests.archive.states import to_state

CASES = {  # [before|after]
    "amount": """
        Bidraget är [3 400 kronor|3 500 kronor] i månaden.
        Det kostar [30 mnkr|35 mnkr] att bygga.
        Totalt [2 080 miljarder kronor|2 180 miljarder kronor].
        Stödet uppgår till [tre miljoner kronor|fyra miljoner kronor].
        Avgiften blir [40 euro|40 kronor].
        Taket är [5 miljoner kronor|5 miljarder kronor].
        The grant is [SEK 5 million|SEK 6 million] a year.
        Each town gets [€300|€350].
        """,
    "number": """
        [Tre|Fyra] broar stängs i natt.
        Andelen är [2,3 procent|3,2 procent].
        Andelen är [5 %|50 %] av alla.
        Det gäller barn mellan [7|8] och tolv år.
        Mätaren visade [−5 grader|5 grader].
        Mätaren visade [–5 grader|5 grader].
        [–5 grader|5 grader] i hela landet.
        Halten (i snitt [–5|5]) sjönk.
        Halten var [3,5|35] enheter.
        Andelen är [0,125 procent|125 procent].
        Andelen är [0,500 procent|500 procent].
        Dosen är [0.250 mg|250 mg] om dagen.
        Dosen är [0,250|0,125] enheter.
        Bron väger [1.234,5 ton|1.234,6 ton].
        Se betänkandet [SOU 2031:18|SOU 2031:81] om broar.
        [Ett femtiotal|Ett sextiotal] hus byggs.
        Olyckan skedde på [E4|E6] söderut.
        [Hälften|En tredjedel] av husen står tomma.
        Only [seven|eleven] ferries sail.
        Bron är [3 km|3 mil] lång.
        Some [12 per cent|21 per cent] of all boats.
        """,
    "date": """
        Planen gäller [2031–2032|2031–2042].
        Svara senast [den 3 mars 2031|den 5 mars 2031].
        Svara senast [4 maj|4 juni].
        Gäller från [2031-03-01|2031-04-01].
        Mötet hålls på [tisdag|onsdag].
        Beslut väntas [våren 2031|hösten 2031].
        Färjan byttes ut [i dag|i går].
        Bron öppnar [första kvartalet|andra kvartalet].
        Mötet flyttas från [tisdag till onsdag|onsdag till tisdag].
        The bridge opens in [March|May] again.
        Bron öppnar [vecka 23|vecka 32].
        The bridge opens on [4 May 2031|14 May 2031].
        The bridge opens on [March 3, 2031|April 3, 2031].
        """,
    "time": """
        Vi ses [kl. 10.00|kl. 11.00] i hamnen.
        Öppet [09:30–16:00|09:30–15:00] hela veckan.
        The ferry leaves at [5 pm|6 pm] sharp.
        """,
    "name": """
        Färjan styrs av [Ada Ek|Ada Ekh] i dag.
        Arbetet leds av generaldirektör [Bo von Ask|Lo von Ask].
        Uppdraget går till [Fågelverket|Fyrstyrelsen].
        Stödet betalas ut av [SCB|CSN] varje år.
        Resan går till [Norrskär|Lillgrund] och hem.
        [Ada Ek|Ada Ask] blir chef.
        The ferry was built by [Ada Ek|Bo Ek] in that town.
        """,
    "negation": """
        Bron ska [|inte ]stängas i höst.
        Det finns [aldrig |]plats för bilar.
        [Alla|Inga] får bada i viken.
        Resan kan göras [med|utan] biljett.
        Det är [möjligt|omöjligt] att bygga.
        The bridge [does|doesn’t] close at night.
        The ferry is [|not ]safe in ice.
        """,
    "opposite": """
        Avgiften [höjs|sänks] i år.
        Det krävs [minst|högst] två personer.
        Taxes were [raised|lowered] again.
        """,
    "modality": """
        Kommunen [ska|bör] bygga en bro.
        Den som [kan|måste] simma räddas.
        Towns [shall|may] build a bridge.
        """,
    "quotation": """
        – Vi är [glada|stolta] över bron, säger Ada Ek.
        - Bron är [vacker|farlig], säger Bo Ask.
        Hon sade: ”Vi är mycket [glada|ledsna] över bron.”
        He called it “a very old and [lovely|rotten] bridge”.
        """,
    "contact": """
        Ring [08-123 45 00|08-123 45 99] vid frågor.
        Skriv till [bro@fyr.example|hamn@fyr.example] om bron.
        """,
    "link": "Läs mer på [https://fyr.example/bro|https://fyr.example/hamn].",
    "wording": """
        Bron är en [vacker|farlig] plats.
        Den [gamla |]bron stängs.
        – Vi är glada, säger den [stolta|trötta] chefen.
        A [lovely|wooden] bridge was opened.
        """,
    "typo": """
        Alla [färgor|färjor] fick nya namn.
        Det är viktigt att [att |]bygga.
        En ny [lands väg|landsväg] byggs.
        Arbetet är [organsierat|organiserat] nu.
        Mötet hålls på [mådnag|måndag].
        The [goverment|government] opened it.
        """,
    "punctuation": """
        Bron[,|] som är ny[,|] stängs.
        Vi kallar det [”bron”|bron].
        Det här är [Bron|bron] på ön.
        Åren [2031-2032|2031–2032] blir bra.
        Halten var [2.5|2,5] enheter.
        Vattnet är [3–5|3-5] grader varmt.
        """,
    "layout": """
        Två ord[/| ]på rad.
        Isen växer [3–5|3 –5] cm om dygnet.
        Det rör [5 %–10 %|5 %– 10 %] av alla.
        Stängt [1 maj –5 juni|1 maj – 5 juni] varje år.
        [–|– ]18 broar är för få, säger Ada Ek.
        """,
}
ROWS = [(kind, case.strip()) for kind, cases in CASES.items() for case in cases.strip().splitlines()]

SAME_FACT = """
    Bidraget är [30 mnkr|30 miljoner kronor].
    Det gäller [tre|3] broar.
    Andelen är [10 %|tio procent].
    Mötet är [den 4 maj 2031|2031-05-04].
    Vi ses [kl. 10|klockan 10.00].
    Resan går till [Sveriges kust|kusten i Sverige].
    Det tar [3 år|tre år].
    Det tar [1,5 miljoner|1 500 000] steg.
    Bron stängs [inte|ej].
    Kommunen [skall|ska] bygga.
    Avgiften är [3 400 kr|3400 kronor].
    Dosen är [0,500 mg|0,5 mg] om dagen.
    Mätaren visade [–5 grader|−5 grader].
    Mätaren visade [–5 grader|-5 grader].
    Bron väger [1.234,5 ton|1 234,5 ton].
    Bron väger [1,234.5 ton|1234,5 ton].
    [– Vi|–Vi] har 5 broar, säger Ada Ek.
    """


def split_case(case: str) -> tuple[str, str]:
    """The two versions that a case with [before|after] in it stands for; a slash there is a new line."""
    versions = [re.sub(r"\[(.*?)\|(.*?)\]", rf"\{side}", case) for side in (1, 2)]
    return (versions[0].replace("/på", "\npå"), versions[1])


@pytest.mark.parametrize(("kind", "case"), ROWS)
def test_kind(kind: str, case: str) -> None:
    before, after = split_case(case)
    first = compare(to_state(before), to_state(after)).changes[0]
    assert first.kind == kind
    changed = re.findall(r"\[(.*?)\|(.*?)\]", case)[0]
    if len(changed) > 1 and kind not in {"punctuation", "layout"}:
        assert first.before in changed[0]
        assert first.after in changed[1]
        assert first.before or first.after


@pytest.mark.parametrize(("kind", "case"), ROWS)
def test_other_way_round(kind: str, case: str) -> None:
    before, after = split_case(case)
    there, back = compare(to_state(before), to_state(after)), compare(to_state(after), to_state(before))
    assert [(c.kind, c.before, c.after) for c in there.changes] == [(c.kind, c.after, c.before) for c in back.changes]
    assert there.importance == back.importance
    turned = {"added": "removed", "removed": "added"}
    assert [turned.get(classify_action(c), classify_action(c)) for c in there.changes] == [
        classify_action(c) for c in back.changes
    ]


@pytest.mark.parametrize("case", [case.strip() for case in SAME_FACT.strip().splitlines()])
def test_fact_spelt_otherwise(case: str) -> None:
    before, after = split_case(case)
    kinds = {change.kind for change in compare(to_state(before), to_state(after)).changes}
    assert kinds
    assert not kinds & set(FACT_KINDS)
