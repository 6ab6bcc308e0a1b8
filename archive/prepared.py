"""What of a release is worked out before anything is written: where many are kept at once, in other processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from archive.joint import Keys, join_parts, read_keys
from archive.records import Release
from archive.state import state_hash, to_state
from archive.swedish.terms import Terms, read_terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What follows from a state's words: its terms in the index, and the keys by which joint texts meet."""

    terms: Terms
    keys: Keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A release ready to be saved. `words` are None where they are worked out only once they are needed."""

    release: Release
    state: dict[str, Any]
    hash: str
    words: Words | None = None

    def __reduce__(self) -> tuple[Callable[..., Prepared], tuple[Release, str, Words | None]]:
        """From one process to another without the state, which is the release once more."""
        return revive, (self.release, self.hash, self.words)


def revive(release: Release, digest: str, words: Words | None) -> Prepared:
    """What another process has prepared."""
    return Prepared(release=release, state=to_state(release), hash=digest, words=words)


def prepare(release: Release, *, words: bool = True) -> Prepared:
    """All that a release alone tells."""
    state = to_state(release)
    return Prepared(release=release, state=state, hash=state_hash(state), words=read_words(state) if words else None)


def read_words(state: Mapping[str, Any]) -> Words:
    """What follows from a state's words."""
    return Words(terms=read_terms(state), keys=read_keys(join_parts(state["title"], state["lead"], state["body"])))
