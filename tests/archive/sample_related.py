"""An archive of three releases about otters in two agencies, and forty of a third about something
else.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from archive.database.models import Release
from archive.store.releases import Archive

SEEN = datetime(2024, 6, 3, 8, 15, tzinfo=UTC)
OTTERS = "Uttern återvänder till Storån"
ABOUT_OTTERS = (
    "Inventeringen av uttrar i Storån visar fler spår, och"
    " bävern har byggt nya dammar vid kvarnen.",
    "Uttrar syntes vid kvarnen, och bävern gnager på almarna längs Storån under inventeringen.",
    "Vid kvarnen i Storån räknas uttrar, medan bävern lämnar dammarna före inventeringen.",
)
FILLER = "Regeringen beslutade om vägen, skolan och skatten i kommun nummer"
COPY = f"{ABOUT_OTTERS[1]} {FILLER} sextio."


def build_release(
    number: int, title: str, body: str, agency: str = "djur", **values: Any
) -> Release:
    return Release(
        agency=agency,
        url=f"https://{agency}.example/{number}",
        title=title,
        body=body,
        body_html=f"<p>{body}</p>",
        published=date(2024, 1, 1) + timedelta(number),
        **values,
    )


OTTER, OWN, OTHER = 1, 2, 3  # ids


def fill_related(path: Path) -> Path:
    with Archive(path) as archive:
        for slug in ("djur", "vatten", "vag"):
            archive.add_agency(slug, name=f"{slug.title()}verket", home=f"https://{slug}.example/")
        releases = [
            build_release(1, OTTERS, ABOUT_OTTERS[0]),
            build_release(2, "Uttrar vid kvarnen", ABOUT_OTTERS[1]),
            build_release(3, "Bävern i Storån", ABOUT_OTTERS[2], "vatten"),
            *(
                build_release(number, f"Beslut {number}", f"{FILLER} {number}.", "vag")
                for number in range(4, 44)
            ),
        ]
        for release in releases:
            archive.save(release, seen_at=SEEN)
    return path
