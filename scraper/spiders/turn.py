"""How long a pass may go on: as long as it needs, for some minutes, or until it is told to stop."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from scraper.errors import AgencyError

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings


@dataclass(slots=True)
class Turn:
    """A pass's time. Once it is over nothing more is asked for; the frontier remembers what is left."""

    until: float | None = None  # by the monotonic clock; None: no end
    stopping: bool = False  # the process was told to stop (scraper.stopping)

    def is_over(self) -> bool:
        """Whether the pass has had its time."""
        return self.stopping or (self.until is not None and monotonic() >= self.until)


def parse_turn(minutes: str, *, source: str = "arguments", name: str = "minutes") -> Turn:
    """The `minutes` argument, or another that tells as much; AgencyError where it is no positive number.

    >>> parse_turn("").until is None, parse_turn("0.5").is_over()
    (True, False)
    """
    if not minutes:
        return Turn()
    try:
        number = float(minutes)
    except ValueError:
        number = -1
    if not 0 < number < float("inf"):
        raise AgencyError(source, None, name, f"{minutes!r} is no positive number of minutes")
    return Turn(monotonic() + 60 * number)


def check_pass(settings: BaseSettings) -> None:
    """AgencyError where ROUND_PASS_MINUTES cannot be handed to a pass."""
    parse_turn(str(settings["ROUND_PASS_MINUTES"]), source="settings", name="ROUND_PASS_MINUTES")
