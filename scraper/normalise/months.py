"""Names of months in the languages agencies write in."""

from __future__ import annotations

# One row a month: Swedish, Norwegian, Danish, English, German, Finnish, then French, Spanish, Italian and Dutch.
NAMES = """
januari january januar jan jän jänner tammikuuta tammikuu janvier enero gennaio
februari february februar feb febr helmikuuta helmikuu février febrero febbraio
mars march märz mar maaliskuuta maaliskuu marzo maart mär mrz
april apr huhtikuuta huhtikuu avril abril aprile
maj mai may toukokuuta toukokuu mayo maggio mei
juni june jun kesäkuuta kesäkuu juin junio giugno
juli july jul heinäkuuta heinäkuu juillet julio luglio
augusti august aug elokuuta elokuu août agosto augustus
september sep sept syyskuuta syyskuu septembre septiembre settembre
oktober october okt oct lokakuuta lokakuu octobre octubre ottobre
november nov marraskuuta marraskuu novembre noviembre
december desember dezember dec des dez joulukuuta joulukuu décembre diciembre dicembre
"""
MONTHS = {name: number for number, row in enumerate(NAMES.split("\n")[1:13], 1) for name in row.split()}
ANY_MONTH = rf"(?:{'|'.join(sorted(MONTHS, key=len, reverse=True))})\b"
MONTH = rf"(?<![^\W\d_])(?P<month>{ANY_MONTH})\.?"
