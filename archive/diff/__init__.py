"""The differences between two states of a release, and how important they are: plain rules, no model.

A comparison finds the changes, gives each a kind and an importance from 0 to 100, and sorts them, so that the changes
that matter to a reader come first. `kinds.py` has the table of kinds and numbers.

How a change gets its kind
  1. Paragraphs are matched: unchanged, altered, split or merged, moved, added, removed. Words are compared only in
     altered ones.
  2. In each changed passage, facts are compared first, as wholes: amounts of money; negations; figures, percentages
     and references; dates, years and weekdays; names; times of day; web addresses, e-mail addresses and telephone
     numbers. A fact replaced by another is a change of that kind. Two spellings of a fact ("tre", "3"; "10 %", "10
     procent"; "Sveriges", "Sverige") are the same fact. A fact that was only added or removed counts unless the other
     version has it elsewhere. Figures that swapped places within a passage are changes too.
  3. Negations are counted: "ej" for "inte" changes nothing, "möjligt" for "omöjligt" does. Negations and modal verbs
     (ska, bör, får, kan) count in passages of at most 15 words; a longer passage is reworded, not negated. A word
     replaced by its opposite (höjs, sänks; minst, högst) has a kind of its own.
  4. Other differences are marks or capitals (punctuation); a slip of at most two letters in a longer word, a space or
     a doubled word (typo); or wording, which is called quotation in speech and quotation marks, and answer or question
     inside those.
  5. A name is a word with a capital inside a sentence, here or elsewhere in the text; capitals do not count if most
     words have them (English headlines, German).
  6. A link is reported if its text stayed and its target changed; layout only if the text is the same.

How a change gets its importance
  - Each kind has its own. Wording gets a point for every five words, ten at most; a whole paragraph gets half of that.
    A whole paragraph, question or answer gets 20 more if it has a figure, and two more if it is speech.
  - A change in the title counts a fifth more, one in the lead a tenth more.
  - A comparison is as important as its most important change, plus a point for each further one of importance five or
    more, five points at most. So a change of a fact (65 and more) always ranks above other changes, and a paragraph
    with figures above mere wording.
  - The agency's own update date has no importance, and a publication date of the same day whose hour only one version
    has next to none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from archive.diff.align import State
from archive.diff.classify import find_metadata_changes, find_text_changes
from archive.diff.kinds import Change, compute_importance, summarise_changes
from archive.models import LIST_FIELDS, normalise_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """The changes between two states, most important first, and their combined importance, 0 to 100."""

    changes: tuple[Change, ...]
    importance: int

    def summary(self, language: str) -> str:
        """Return the changes in one line, in Swedish (sv) or English (en): "1 belopp, 1 datum ändrat"."""
        return summarise_changes(self.changes, language)


def compare(before: State, after: State) -> Diff:
    """Compare two states of one release. The same states always give the same result.

    A list that is None in one of them was not stored at that time, and is not compared.
    """
    not_compared: dict[str, list[Any]] = {
        name: [] for name in LIST_FIELDS if before.get(name) is None or after.get(name) is None
    }
    before, after = {**normalise_state(before), **not_compared}, {**normalise_state(after), **not_compared}
    text_changes = find_text_changes(before, after)
    changes = [*text_changes, *find_metadata_changes(before, after, text_changes=text_changes)]
    changes.sort(key=lambda change: -change.importance)
    return Diff(changes=tuple(changes), importance=compute_importance(changes))
