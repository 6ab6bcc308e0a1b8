"""Parses dates as agencies write them, and labels such as "Uppdaterad" that say what a date means.

A missing year is taken from the URL of the page. Times without an offset are taken to be in the
time zone of the agency, or of the country of the host's top-level domain.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from scraper.normalise.page_urls import extract_host
from scraper.normalise.text_cleaning import build_alternation, clean_line, split_word_list

# One row per month: Swedish, Norwegian, Danish, English, German, Finnish, then French, Spanish,
# Italian and Dutch.
MONTH_NAME_ROWS = """
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
MONTHS_BY_NAME = {
    name: number
    for number, row in enumerate(MONTH_NAME_ROWS.split("\n")[1:13], 1)
    for name in row.split()
}
ANY_MONTH = rf"(?:{'|'.join(sorted(MONTHS_BY_NAME, key=len, reverse=True))})\b"
MONTH_NAME_PATTERN = rf"(?<![^\W\d_])(?P<month>{ANY_MONTH})\.?"
# Dates in URL paths: /2023/mars/20/, /2023/03/20/, /2023-03-20-, or only the year.
PATH_DATE = re.compile(
    rf"(?<!\d)(?P<y>(?:19|20)\d\d)(?:[/-](?:(?P<m>[01]?\d)(?!\d)|{MONTH_NAME_PATTERN})"
    r"(?:[/-](?P<d>[0-3]?\d)(?!\d))?)?(?![\w])",
    re.IGNORECASE,
)
HALF_YEAR_DAYS = 183

# Time zones.
STOCKHOLM = "Europe/Stockholm"
COUNTRY_ZONES = {
    "se": STOCKHOLM,
    "fi": "Europe/Helsinki",
    "ax": "Europe/Mariehamn",
    "no": "Europe/Oslo",
    "dk": "Europe/Copenhagen",
    "is": "Atlantic/Reykjavik",
    "de": "Europe/Berlin",
    "at": "Europe/Vienna",
    "ch": "Europe/Zurich",
    "nl": "Europe/Amsterdam",
    "be": "Europe/Brussels",
    "fr": "Europe/Paris",
    "es": "Europe/Madrid",
    "it": "Europe/Rome",
    "uk": "Europe/London",
    "ie": "Europe/Dublin",
    "ee": "Europe/Tallinn",
    "lv": "Europe/Riga",
    "lt": "Europe/Vilnius",
    "pl": "Europe/Warsaw",
    "jp": "Asia/Tokyo",
}
ZONE_OFFSETS = {
    **dict.fromkeys(("Z", "UTC", "GMT", "WET"), 0),
    **dict.fromkeys(("CET", "MEZ", "WEST", "BST"), 1),
    **dict.fromkeys(("CEST", "MESZ", "EET"), 2),
    "EEST": 3,
    "EDT": -4,
    **dict.fromkeys(("EST", "CDT"), -5),
    **dict.fromkeys(("CST", "MDT"), -6),
    **dict.fromkeys(("MST", "PDT"), -7),
    "PST": -8,
}

# Meanings of a date, tried in this order at each position of the text. The word nearest before the
# date counts.
CREATION_LABEL = r"(?:created\b|skapa[dt]\b|opprettet|oprettet|erstellt|(?:in|upp|ut)lagd\b)"
DATE_ROLE_PATTERNS = {
    # "Senast publicerad" and "Last published" are SiteVision's labels for the latest change of a
    # page.
    "updated": build_alternation(r"""
        sena(?:st|ste)\s+publi\w+ | last\s+publi\w+ | zuletzt\s+ver[öo]ffentlicht
        (?:upp|opp|op)dat\w* | uppd\b | updated?\b | aktualis\w+
        [äæe]ndr(?:ad|at|et|ade)\w* | [äæ]ndring(?:s?dat\w+)?\b
        [äa]nderung\w* | endring\w* | ge[äa]ndert | changed
        revidi?er\w+ | revised | revision\b | redig\w+
        edited | amended | [üu]berarbeitet | bearbeitet
        modifi(?:ed|cation|erad|erat)\b | korrige\w+
        r[äa]tta[dt]\b | r[äa]ttelse\w* | correct(?:ed|ion)
        stand\s*: | muokattu | p[äa]ivitetty | p[äa]ivitys | content current as of
        """),
    "reviewed": build_alternation(r"""
        \w*granska[dt]\w* | review(?:ed)?\b
        kontroll(?:era[dt]|ert|eret)\w* | gepr[üu]ft | tarkastettu | verified | verifiera[dt]
        kvalitetss[äa]kra[dt]
        """),
    "published": build_alternation(rf"""
        (?:f[öø]rst[ae]g[åa]ngs)?publi[csz](?!er(?:as?|ar|es)\b)\w+
        publ\b | utgiv\w* | udgiv\w+ | utgitt
        ver[öo]ffentlich\w+ | erschienen | erscheinungsdatum
        offentliggj\w+ | julkais\w+ | julkaistu
        released\b | release date | date of release
        posted\b | postad\b | issued?\b | dat(?:um|e|o)\b
        {CREATION_LABEL}
        """),
}
# "Senast ändrad/granskad": a change takes precedence over a review.
DATE_ROLE_PATTERNS["updated"] += (
    rf"(?:\s*(?:/|och|eller|and|or)\s*{DATE_ROLE_PATTERNS['reviewed']})?"
)
# A label of a creation that does not name the page, as systems print it in boxes.
BOX_CREATION = re.compile(rf"\W*(?:dat(?:um|e|o)\W+)?{CREATION_LABEL}", re.IGNORECASE)
DATE_ROLE = re.compile(
    "|".join(rf"(?P<{role}>\b{words})" for role, words in DATE_ROLE_PATTERNS.items()), re.IGNORECASE
)
# Dates other than the publication of the page: of a decision, a source or a future event, or a
# period.
NON_PUBLICATION_DATE = re.compile(
    build_alternation(r"""
        ^k[äa]lla\b | n[äa]sta (?:publicering|uppdatering)
        (?:next|future) (?:release|publication|update|review)
        neste (?:publisering|oppdatering) | n[äæ]ste (?:publicering|opdatering) | n[äa]chste \w+
        (?:datum f[öo]r|date of) (?:beslut|decision) | besluts?dat(?:um|o)
        ^\W*(?:beslutad|beslutat|vedtatt|beschlossen)
        ^\W*(?:tid|när|plats|var|time|when|where)\b | \bdat(?:um|e) (?:och|and|&) (?:tid|time)
        (?:publicering|uppdatering|[äa]ndring|revidering)\w* av
        under (?:perioden|tiden) | \bmellan\b | \bbetween\b
        sista (?:dag|ans|svar|anm) | (?<!des )(?<!rad )(?<!rat )senast den
        ^\W*(?:svara|ans[öo]k|anm[äa]l)\w* senast
        deadline | \w*frist(?:en)?\b | remisstid | svarsd\w+ | closing date
        tr[äa]der i kraft | ikrafttr[äa]d\w* | giltig\w*
        ^\W*(?:g[äa]ller|gyldig|g[üu]ltig|valid)\b | effective date
        utskr[ie][vf]\w* | printed | gedruckt | h[äa]mtad
        h[äa]mtat | retrieved | accessed | abgerufen
        (?:start|slut|end|slutt)-?dat(?:um|o|e) | (?:start|end) date
        \bevents?\b | ^\W*(?:f[öø]dd?t?|born|geboren)\b
        diarien\w+ | copyright | ©
        """),
    re.IGNORECASE,
)
# Periods in which something takes place: "1 mars 2025 – 3 mars 2025", "15–16 december 2022", "kl.
# 10–12".
DATE_SPAN = re.compile(
    r"(?:19|20)\d\d-\d\d-\d\d\s*(?:--|[–—])\s*\d\d(?!\d)"
    rf"|(?:{ANY_MONTH}\.?|(?:19|20)\d\d)\s*[–—-]\s*"
    rf"(?:[0-3]?\d\.? {ANY_MONTH}|(?:19|20)\d\d-\d\d-\d\d)"
    rf"|(?<![\d.:])[0-3]?\d\.?\s*[–—-]\s*[0-3]?\d\.? {ANY_MONTH}"
    r"|\d[.:]\d\d\s*[–—-]\s*\d{1,2}[.:]\d\d(?!\d)|\bkl\.?\s*\d{1,2}\s*[–—-]\s*\d{1,2}\b(?![.:]?\d)",
    re.IGNORECASE,
)

# Forms of dates and times.
YEAR = r"(?P<y>(?:19|20)\d\d)(?!\d)"
UNSUPPORTED_YEAR = re.compile(r"(?:\s?,|-)?\s*[1-9]\d{3}(?![\d.:])")  # that YEAR does not match
DAY_NUMBER = r"(?<!\d)(?<!\d[.:])(?P<d>\d{1,2})"
SHORT_YEAR = rf"\s?[-'’](?P<yy>\d\d)(?![\d.:]|\s*{ANY_MONTH})"
ORDINAL_SUFFIX = r"(?:\.|:?(?:[ea]|dje)|st|nd|rd|th)"
DATE_FORMS = [
    re.compile(form, re.IGNORECASE)
    for form in (
        # 2017-12-01
        r"(?<!\d)(?P<y>(?:19|20)\d\d)[-/.‑–](?P<m>\d{1,2})[-/.‑–](?P<d>\d{1,2})(?!\d)",
        rf"(?<!\d){YEAR}\s+{MONTH_NAME_PATTERN}\s+(?P<d>[0-3]?\d)(?!\d)",  # 2020 jul 07
        # 18 maj, 2021 · 3:e maj -21
        rf"{DAY_NUMBER}{ORDINAL_SUFFIX}?[\s-]*(?:of |de )?{MONTH_NAME_PATTERN}"
        rf"(?:(?:\s?,|-)?\s*{YEAR}|{SHORT_YEAR})?",
        rf"{MONTH_NAME_PATTERN}\s+(?P<d>[0-3]?\d)(?:st|nd|rd|th)?\s*,?\s+{YEAR}",  # Maj 03, 2019
        # 29.5.2020 · 21.4.14
        rf"{DAY_NUMBER}\.\s?(?P<m>[01]?\d)\.\s?(?P<y>(?:19|20)\d\d|\d\d)(?![\d.])",
        rf"{DAY_NUMBER}/(?P<m>[01]?\d)(?:[\s,-]+{YEAR}|{SHORT_YEAR})",  # 5/3 2020 · 5/3 -20
        # 05/03/2020 · 05-03-2020
        rf"(?<![\d/-])(?P<a>[0-3]?\d)(?P<mark>[/-])(?P<b>[0-3]?\d)(?P=mark){YEAR}",
        r"(?<!\d)(?P<y>(?:19|20)\d\d)(?P<m>[01]\d)(?P<d>[0-3]\d)(?!\d)",  # 20200503
    )
]
CLOCK_TIME = r"(?P<H>[012]?\d)[.:](?P<M>[0-5]\d)(?:[.:](?P<S>[0-5]\d)(?:[.,]\d+)?)?"
UTC_OFFSET = r"(?P<z>(?:Z|UTC|GMT|CES?T|MES?Z|EES?T|WES?T|BST|[ECMP][SD]T)\b|[+−-][01]\d:?[0-5]\d)"
TIME_AFTER = re.compile(
    rf"(?:T|[\s,·•|–-]*(?:kl(?:ockan|okk[ae]n?)?\.?|klo|at|um|den|\()?\s*){CLOCK_TIME}(?!\d)"
    rf"\s*(?P<half>[ap]\.?m\b\.?)?\s*(?:Uhr\s*)?{UTC_OFFSET}?",
    re.IGNORECASE,
)
TIME_BEFORE = re.compile(
    rf"(?<!\d){CLOCK_TIME}\s*(?P<half>[ap]\.?m\b\.?)?\s*(?P<z>C?E?S?T)?[\s,·•|–-]*"
    rf"(?:den|on|am)?\s*$",
    re.IGNORECASE,
)
UNIX_TIME = re.compile(r"1\d{9}(?:\d{3})?")  # seconds or milliseconds, 2001 to 2033
# Countries that write the day first in numeric dates.
DAY_FIRST_DOMAINS = tuple(
    f".{country}"
    for country in split_word_list("uk ie se no dk fi ax is de at ch nl be fr es pt it pl eu int")
)


class NoDateError(ValueError):
    """Raised if a text contains nothing that looks like a date.

    Any other ValueError means a date that cannot be parsed with certainty.
    """


def parse_label(text: str, url: str) -> tuple[str, date | datetime | None]:
    """Return what the date in a line means (published, updated, reviewed or none), and the date.

    The date is a day or a moment. It is None if the meaning is `none`. A date without a label word
    counts as published. The caller must check whether a date at the line's place on the page can be
    a publication date. A missing year is taken from the URL. Raises ValueError if no date can be
    parsed with certainty.

    >>> parse_label("Senast uppdaterad: 18 maj, 2021", "https://a.se/")
    ('updated', datetime.date(2021, 5, 18))
    >>> parse_label("Publicerad 20 mars 10:19", "https://a.se/2023/mars/20/x/")[1].isoformat()
    '2023-03-20T10:19:00+01:00'
    >>> parse_label("Nästa publicering: 2014-08-13", "https://a.se/")
    ('none', None)
    """
    line = clean_line(text)
    match, day = find_first_date(line, url)
    role = find_date_role(line[: match.start()])
    if NON_PUBLICATION_DATE.search(line[: match.start()]) or (
        role is None and DATE_SPAN.search(line)
    ):
        return "none", None
    return role or "published", _add_clock_time(line, match, day, url)


def parse_date(text: str, url: str, zone_name: str | None = None) -> date | datetime:
    """Return the first day or moment in a text, whether or not a label precedes it.

    zone_name: the time zone of times without an offset. If it is None, the time zone of the host's
        country is used.

    >>> parse_date("2020-03-26 15:23 CET", "https://a.se/").isoformat()
    '2020-03-26T15:23:00+01:00'
    >>> parse_date("1583312400", "https://a.se/").isoformat()
    '2020-03-04T10:00:00+01:00'
    """
    line = clean_line(text)
    if UNIX_TIME.fullmatch(line):
        zone = ZoneInfo(zone_name) if zone_name else find_country_zone(extract_host(url))
        return datetime.fromtimestamp(int(line[:10]), zone or ZoneInfo(STOCKHOLM))
    match, day = find_first_date(line, url)
    return _add_clock_time(line, match, day, url, zone_name)


def find_date_role(text: str) -> str | None:
    """Return what the last label word of a text says about a date, such as "published".

    Returns None if the text has no label word.

    >>> list(map(find_date_role, ["Nyhet, publicerad ", "Senast granskad", "Nyhet"]))
    ['published', 'reviewed', None]
    """
    words = list(DATE_ROLE.finditer(text))
    return words[-1].lastgroup if words else None


def split_date_labels(text: str) -> list[str]:
    """Split a line with several labelled dates into parts that each contain one of them.

    >>> split_date_labels("Publicerad 3 juli 2013 · Uppdaterad 2 april 2015")
    ['Publicerad 3 juli 2013 · ', 'Uppdaterad 2 april 2015']
    """
    starts = [
        0,
        *(
            word.start()
            for word in DATE_ROLE.finditer(text)
            if any(map(str.isdigit, text[: word.start()]))
        ),
    ]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def find_first_date(line: str, url: str) -> tuple[re.Match[str], date]:
    """Return the regular expression's match for the first date in a line, and the date.

    Raises NoDateError if the line contains no date, and another ValueError if the date cannot be
    parsed with certainty.
    """
    first = _search_first_date(line)
    if first is None:
        raise NoDateError(f"no date in {line[:80]!r}")
    return first, _parse_day(first, url)


# The line of a label is looked at several times, for its date, its words and what follows.
@lru_cache(maxsize=64)
def _search_first_date(line: str) -> re.Match[str] | None:
    matches = filter(None, (form.search(line) for form in DATE_FORMS))
    return min(matches, key=lambda match: match.start(), default=None)


def _parse_day(match: re.Match[str], url: str) -> date:
    """Return the day that a match names. Raises ValueError for a nonexistent or ambiguous day."""
    parts = match.groupdict()
    if "a" in parts:
        month, day = _order_month_and_day(int(parts["a"]), int(parts["b"]), url)
    else:
        month = int(parts["m"]) if "m" in parts else MONTHS_BY_NAME[parts["month"].lower()]
        day = int(parts["d"])
    stated = parts["y"] or parts.get("yy")
    if stated is None:
        if after := UNSUPPORTED_YEAR.match(match.string, match.end()):
            raise ValueError(f"{match[0] + after[0]!r} has no year from 1900 to 2099")
        return date(infer_year(url, month, day), month, day)
    year = int(stated)
    if year <= 99:
        year += 1900 if year >= 90 else 2000  # the web began in the 1990s
    return date(year, month, day)


def _order_month_and_day(first: int, second: int, url: str) -> tuple[int, int]:
    """Return (month, day) for two numbers written in the order that the host's country uses.

    Raises ValueError if that order is unknown and both orders are possible.
    """
    host = extract_host(url)
    if first > 12 or first == second or host.endswith(DAY_FIRST_DOMAINS):
        return second, first
    if second > 12 or host.endswith((".gov", ".mil", ".us")):
        return first, second
    raise ValueError(f"{first:02}/{second:02} could be two days")


def _add_clock_time(
    line: str, match: re.Match[str], day: date, url: str, zone_name: str | None = None
) -> date | datetime:
    """Return a moment: the day with the clock time directly after or before the date in the line.

    If there is no such time, the day alone is returned.
    """
    time = TIME_AFTER.match(line, match.end()) or TIME_BEFORE.search(line, 0, match.start())
    if not time:
        return day
    hour, minute, second = int(time["H"]), int(time["M"]), int(time["S"] or 0)
    if time["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(f"{time[0].strip()!r} is not a time of day")
        hour = hour % 12 + (12 if time["half"][0] in "pP" else 0)
    naive = datetime(day.year, day.month, day.day, hour, minute, second)  # noqa: DTZ001 - no zone
    return _localise_time(naive, time["z"], url, zone_name)


def infer_year(url: str, month: int, day: int) -> int:
    """Infer the year of a day from the URL.

    Raises ValueError if the URL does not determine exactly one year.

    If the URL contains a month, the year is chosen so that the day is within half a year of that
    month, because a page published on 31 December may be updated in January of the next year. A
    year in a folder of the path takes precedence over a year in the last part, which may mention
    any year.

    >>> infer_year("https://a.se/2023/mars/20/x/", 3, 20)
    2023
    >>> infer_year("https://a.se/2023/december/31/x/", 1, 1)
    2024
    >>> infer_year("https://a.se/nyhetsarkiv-2019/x/", 1, 5)
    2019
    >>> infer_year("https://a.se/nyheter/2025/rapport-for-april-2014/", 5, 15)
    2025
    """
    path = urlsplit(url).path
    found = list(PATH_DATE.finditer(path))
    found = [match for match in found if _is_date_folder(match, path)] or found
    years = {match["y"] for match in found}
    if len(years) != 1:
        raise ValueError(f"neither the text nor {path} states the year")
    year = int(years.pop())
    dated = next((match for match in found if match["m"] or match["month"]), None)
    if dated is None:
        return year
    return year + _count_years_to_url(date(year, month, min(day, 28)), dated)


def _count_years_to_url(stated: date, dated: re.Match[str]) -> int:
    """Return the number of years (-1, 0 or 1) by which to move a day closer to the date in a URL.

    The moved day is within half a year of that date.
    """
    in_url = date(stated.year, _parse_month(dated), int(dated["d"] or 15))
    distance = (stated - in_url).days
    if distance < -HALF_YEAR_DAYS:
        return 1
    return -1 if distance > HALF_YEAR_DAYS else 0


def _parse_month(match: re.Match[str]) -> int:
    return int(match["m"]) if match["m"] else MONTHS_BY_NAME[match["month"].lower()]


def find_address_day(url: str) -> str | None:
    """Return the day in a URL's path as YYYY-MM-DD, or None if the path states no certain day.

    The day must be in folders or at the start of the last part, before the name of the release. By
    convention, sites put the day of publication there, so it can be trusted even if it is known
    from only one page. The name may mention other dates, but no other folder may contradict the
    day. A date at the end of a name, or a day without separators, is just as likely to be part of
    the release's subject.

    >>> paths = ["2020/03/02/ny-bro/", "nyheter/2022-06-01-ny-bro", "2026/09/14/valet-2026/"]
    >>> [find_address_day(f"https://a.se/{path}") for path in paths]
    ['2020-03-02', '2022-06-01', '2026-09-14']
    >>> paths = ["nyheter/mote-2022-06-01/", "2020/03/ny-bro/", "2025/2026-09-14-valet/"]
    >>> [find_address_day(f"https://a.se/{path}") for path in paths]
    [None, None, None]
    """
    path = urlsplit(url).path
    found = list(PATH_DATE.finditer(path))
    day = next((match for match in found if match["d"] and _is_date_folder(match, path)), None)
    if day is None or not any(map(str.isalpha, path[day.end() :])):
        return None
    if any(_contradicts_day(other, day, path) for other in found):
        return None
    month = _parse_month(day)
    try:
        return date(int(day["y"]), month, int(day["d"])).isoformat()
    except ValueError:
        return None


def _contradicts_day(other: re.Match[str], day: re.Match[str], path: str) -> bool:
    """Return whether another date in a path casts doubt on the day.

    A date in another folder casts doubt on the day unless the two agree. Elsewhere in the path,
    another complete date may be the end of a period. Such a date casts doubt on the day unless the
    day is followed by a slash (/2024/05/28/).
    """
    if _is_date_folder(other, path):
        return any(other[part] not in (None, day[part]) for part in ("y", "m", "month", "d"))
    return other["d"] is not None and path[day.end()] != "/"


def _is_date_folder(match: re.Match[str], path: str) -> bool:
    """Return whether a date is a folder of the path.

    A complete day at the start of the path's last part also counts.
    """
    begins = path[: match.start()].endswith("/")
    return begins and (path[match.end() :][:1] in ("", "/") or bool(match["d"]))


def _localise_time(
    naive: datetime, offset: str | None, url: str, zone_name: str | None = None
) -> datetime:
    """Convert a clock time to a moment.

    The moment is in the given time zone or, if none is given, in the time zone of the host's
    country. If the country is unknown, a time without an offset is taken to be Stockholm time, and
    a time with an offset keeps its offset. If Stockholm had the same offset, the moment is in
    Stockholm's time zone.

    Raises ValueError for a time skipped when daylight saving time starts.
    """
    zone = ZoneInfo(zone_name) if zone_name else find_country_zone(extract_host(url))
    if offset:
        moment = naive.replace(tzinfo=_parse_offset(offset))
        local = moment.astimezone(zone or ZoneInfo(STOCKHOLM))
        return local if zone or local.utcoffset() == moment.utcoffset() else moment
    moment = naive.replace(tzinfo=zone or ZoneInfo(STOCKHOLM))
    # zoneinfo accepts times skipped in spring; only those change when converted to UTC and back.
    if moment.astimezone(UTC).astimezone(moment.tzinfo).replace(tzinfo=None) != naive:
        raise ValueError(f"{naive:%Y-%m-%d %H:%M} does not exist in the time zone {moment.tzinfo}")
    return moment


@cache
def find_country_zone(host: str) -> ZoneInfo | None:
    """Return the time zone of a host's top-level domain, or None if the domain has none."""
    name = COUNTRY_ZONES.get(host.rpartition(".")[2])
    return ZoneInfo(name) if name else None


def _parse_offset(text: str) -> tzinfo:
    """Parse 'CET', 'Z', '+02:00' or '+0200' as a fixed offset."""
    hours = ZONE_OFFSETS.get(text.upper())
    if hours is not None:
        return timezone(timedelta(hours=hours))
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-offset if text[0] in "-−" else offset)
