"""What differs between two states of a release, and how much it matters: plain rules, no model.

A comparison finds what changed, names each change by its kind (archive/changes/kinds.py holds the table of kinds
and their weights) and weighs it, so that the edits a reader should see come first.

How a change gets its kind
  1. Paragraphs are matched first: the same, altered, split or merged, moved, added, removed. Words are compared
     inside altered ones only.
  2. In each changed place facts are looked for first, and taken as wholes: amounts of money; negations; figures,
     shares and references; dates, years and weekdays; names; times of day; addresses of web, mail and telephone.
     A fact replaced by another is a change of that kind. One fact spelt otherwise ("tre", "3"; "10 %", "10
     procent"; "Sveriges", "Sverige") is the same fact. A fact that only came or went counts unless the other version
     holds it elsewhere.
  3. Negations are counted: "ej" for "inte" changes nothing, "möjligt" for "omöjligt" does. Negations and modal
     verbs (ska, bör, får, kan) count in places of at most 15 words; a longer place is rewritten, not turned. A word
     replaced by its opposite (höjs, sänks; minst, högst) has a kind of its own.
     Figures that changed places in one stretch are changes too.
  4. What else differs is marks or capitals (punctuation), a slip of at most two letters in a longer word, of a space
     or of a doubled word (typo), or wording: named quotation inside speech and quotation marks, answer or question
     inside those.
  5. A name is a word with a capital inside a sentence, or one that stands so elsewhere in the text; not where most
     words have capitals (English headlines, German).
  6. A link is told where its words stayed and its address changed; layout only where the text stayed the same.

How a change gets its weight
  - That of its kind. Wording gets a point for every five words, ten at most; a whole paragraph half of that; a whole
    paragraph, question or answer that holds a figure 20 more, one that is speech two more.
  - In the title a fifth more, in the lead a tenth more.
  - A comparison weighs as much as its heaviest change, and a point for each further one that weighs five or more,
    five at most. So whatever changes a fact of the text (65 and more) stands above whatever does not, and a
    paragraph with figures above mere wording.
  - The agency's own update stamp weighs nothing, a publication date of the same day whose hour is told in one
    version alone next to nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archive.diff.classify import find_metadata_changes, find_text_changes
from archive.diff.kinds import Change, compute_importance, summarise_changes
from archive.models import LIST_FIELDS, normalise_state

State = Mapping[str, Any]  # as archive.store.to_state gives


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """All that differs between two states, heaviest first, and the weight of the whole: 0 (nothing to tell) to 100."""

    changes: tuple[Change, ...]
    weight: int

    def summary(self, language: str) -> str:
        """The changes in one line, in Swedish (sv) or English (en): "1 belopp, 1 datum ändrat"."""
        return summarise_changes(self.changes, language)


def compare(before: State, after: State) -> Diff:
    """What differs between two states of one release. The same states give the same answer, always.

    A list that is None in either was not read in its day, and is compared in neither.
    """
    unread: dict[str, list[Any]] = {
        name: [] for name in LIST_FIELDS if before.get(name) is None or after.get(name) is None
    }
    before, after = {**normalise_state(before), **unread}, {**normalise_state(after), **unread}
    text = find_text_changes(before, after)
    changes = [*text, *find_metadata_changes(before, after, text_changes=text)]
    changes.sort(key=lambda change: -change.weight)
    return Diff(changes=tuple(changes), weight=compute_importance(changes))
