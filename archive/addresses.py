"""An address at an agency, typed or pasted, in; the release that stands or stood there, out."""

from __future__ import annotations

import json
import re

from archive.history import find_end
from archive.search import Run

ADDRESS = re.compile(r"https?://[^\s/]+\.[^\s/]+(?:/\S*)?|https?://[^\s/]+/\S*", re.IGNORECASE)
BY_ADDRESS = """
    with asked(url, place) as (select value, key from json_each(:urls))
    select release from (
      select r.id as release, asked.place from asked join releases r on r.url = asked.url
      union all
      select f.release, asked.place + 0.5 from asked join frontier f on f.url = asked.url where f.release is not null
    ) order by place limit 1
"""


def is_address(text: str) -> bool:
    """Whether a text is one web address.

    >>> is_address("https://a.se/nyheter/1"), is_address("fyrar https://a.se/"), is_address("https")
    (True, False, False)
    """
    return ADDRESS.fullmatch(text.strip()) is not None


async def find_named(run: Run, text: str) -> int | None:
    """The release of an address, now or once; where it moved, the one that its record goes on as."""
    if not is_address(text):
        return None
    rows = await run(BY_ADDRESS, {"urls": json.dumps(spellings(text.strip()))})
    return await find_end(run, rows[0]["release"]) if rows else None


def spellings(url: str) -> list[str]:
    """An address and the ways it is commonly written otherwise, the likeliest first.

    >>> spellings("https://www.a.se/b#c")[:3]
    ['https://www.a.se/b#c', 'https://www.a.se/b', 'https://www.a.se/b/']
    """
    bare = url.partition("#")[0]
    plain = bare.partition("?")[0]
    slashed = [text for base in (bare, plain) for text in (base, base.rstrip("/"), base.rstrip("/") + "/")]
    both = [url, *slashed]
    scheme, _, rest = bare.partition("://")
    other = "http" if scheme.lower() == "https" else "https"
    both += [other + text[len(scheme) :] for text in slashed]
    host = "www." if not rest.lower().startswith("www.") else ""
    both += [
        f"{start}://{host}{text.partition('://')[2].removeprefix('' if host else 'www.')}"
        for text in slashed
        for start in ("https", "http")
    ]
    return list(dict.fromkeys(both))
