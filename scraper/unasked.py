"""Why a request is not sent: by a rule of ours, or not now.

NotAsked
├── PrivateAddress  it leads to an address that is none of the public net's
└── NotNow          its agency is left alone for the rest of this crawl; what was found stays due
    ├── HostPaused  the host asked for it, or does not answer
    └── BudgetSpent the day's requests are used up
"""

from __future__ import annotations

from scrapy.exceptions import IgnoreRequest


class NotAsked(IgnoreRequest):
    """A request that was kept from being sent."""


class PrivateAddress(NotAsked):
    """A request that leads into a private net, to this machine, or to what serves neither http nor https."""

    def __init__(self, host: str, problem: str) -> None:
        self.host = host
        super().__init__(f"{host} {problem}")


class NotNow(NotAsked):
    """A request whose turn comes in a later crawl."""


class HostPaused(NotNow):
    """The host is left in peace."""


class BudgetSpent(NotNow):
    """The agency's requests of this day are used up."""
