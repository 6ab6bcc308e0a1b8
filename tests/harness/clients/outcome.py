"""What a client got, what the database contains, and the table of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rich.table import Table

MAX_MESSAGE = 160  # characters of an error in the table


class NotOfferedError(Exception):
    """Raised if a page does not offer what the client looks for."""


class ClientMissingError(Exception):
    """Raised if a client is not installed. The message says how to install it."""


def format_error(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:MAX_MESSAGE]}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One check; `skipped` is the reason why it was not made."""

    client: str
    what: str
    archive: str
    expected: str = ""
    got: str = ""
    skipped: str | None = None

    @property
    def is_ok(self) -> bool:
        return self.skipped is None and self.expected == self.got

    @property
    def mark(self) -> str:
        if self.skipped is not None:
            return "skipped"
        return "ok" if self.is_ok else "DIFFERS"

    def describe(self) -> str:
        """Return the check in a line, with both results in two more where they differ."""
        line = f"{self.mark:8}{self.client:13}{self.archive:9}{self.what}"
        both = f"\n           expected {self.expected}\n           got      {self.got}"
        return line + (both if self.mark == "DIFFERS" else "")


@dataclass(slots=True)
class Report:
    """All checks in the order in which they were made; each is printed as soon as it is known."""

    tell: Callable[[Outcome], None]
    outcomes: list[Outcome] = field(default_factory=list)

    def check(
        self, client: str, what: str, archive: str, expected: object, read: Callable[[], object]
    ) -> None:
        """Compare what `read` returns with `expected`.

        If the client fails, its error is the result.
        """
        skipped = None
        try:
            got = str(read())
        except ClientMissingError as error:
            got, skipped = "", str(error)
        except Exception as error:  # noqa: BLE001 - clients may raise anything, and each error is a result
            got = format_error(error)
        self.add(Outcome(client, what, archive, str(expected), got, skipped))

    def run_group(self, name: str, archive: str, run: Callable[[], None]) -> None:
        """Run a group of checks. An error before any client could read is a result, too."""
        try:
            run()
        except Exception as error:  # noqa: BLE001 - as in check
            self.add(Outcome("all", name, archive, "checks", format_error(error)))

    def skip(self, client: str, what: str, archive: str, reason: str) -> None:
        self.add(Outcome(client, what, archive, skipped=reason))

    def add(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self.tell(outcome)

    @property
    def differing(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.mark == "DIFFERS"]

    def to_table(self, title: str) -> Table:
        """Return the table for the terminal."""
        heads = ("client", "what", "archive", "expected", "got", "ok")
        table = Table(*heads, title=title, title_justify="left")
        for outcome in self.outcomes:
            got = outcome.got if outcome.skipped is None else outcome.skipped
            style = {"DIFFERS": "red", "skipped": "yellow"}.get(outcome.mark)
            where = (outcome.client, outcome.what, outcome.archive)
            cells = (*where, outcome.expected, got, outcome.mark)
            table.add_row(*(cell.replace("[", r"\[") for cell in cells), style=style)
        return table
