"""Writes days and lines as agencies do."""

from __future__ import annotations

from datetime import date

MONTHS = [
    "januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september",
    "oktober", "november", "december",
]  # fmt: skip


def day(moment: date, *, zero: bool = False) -> str:
    """Format a day as 5 mars 2024, or 05 mars 2024."""
    number = f"{moment.day:02d}" if zero else str(moment.day)
    return f"{number} {MONTHS[moment.month - 1]} {moment.year}"


def box(text: str, css: str = "date") -> str:
    """Return HTML with a text on its own line."""
    return f'<p class="{css}">{text}</p>'
