"""Which events of health the operators were told of: the alerts table, a row for each event and way of telling."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from archive.times import to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change of an agency's health, with the agency's name."""

    id: int
    agency: str
    name: str
    name_en: str
    at: str
    state: str
    previous: str | None
    reason: str  # as JSON


class Alerts:
    """The alerts table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def untold(self, channel: str) -> list[Event]:
        """The events that were not told by one way yet, oldest first."""
        return self.find("not exists (select 1 from alerts where event = e.id and channel = ?) order by e.id", channel)

    def last_told(self, agency: str, channel: str) -> Event | None:
        """The last event of an agency that a message told of."""
        told = "select 1 from alerts where event = e.id and channel = ? and sent is not null"
        found = self.find(f"agency = ? and exists ({told}) order by e.id desc limit 1", agency, channel)
        return found[0] if found else None

    def find(self, where: str, *values: str) -> list[Event]:
        """Events, with the names of their agencies."""
        rows = self.db.execute(
            "select e.id, e.agency, a.name, coalesce(a.name_en, a.name), e.at, e.state, e.previous, e.reason"
            f" from health_events e join agencies a on a.slug = e.agency where {where}",
            values,
        )
        return [Event(**dict(zip(Event.__dataclass_fields__, row, strict=True))) for row in rows]

    def is_used(self, channel: str) -> bool:
        """Whether any event was ever noted for one way."""
        return bool(self.db.execute("select exists (select 1 from alerts where channel = ?)", [channel]).fetchone()[0])

    def last(self, channel: str) -> str | None:
        """When a message last went out by one way."""
        (last,) = self.db.execute("select max(sent) from alerts where channel = ?", [channel]).fetchone()
        return str(last) if last else None

    def tell(self, events: list[Event], channel: str, sent: datetime | None) -> None:
        """Note events as told; `sent`: when the message went out, None where they gave no cause for one."""
        self.db.conn.executemany(
            "insert or ignore into alerts (event, channel, sent) values (?, ?, ?)",
            [(event.id, channel, to_text(sent)) for event in events],
        )


def create_alerts(db: Database) -> None:
    """The table."""
    db.execute(
        "create table alerts (event integer not null references health_events(id), channel text not null, sent text,"
        " primary key (event, channel)) without rowid"
    )
