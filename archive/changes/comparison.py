"""Compares two states of a release, and rates the importance of the differences by simple rules.

A comparison finds the changes, gives each a type and an importance from 0 to 100, and lists the
most important changes first. `importance.py` contains the table of types and their importance.

The type of a change
  1. Paragraphs are unchanged, altered, split or merged, moved, added or removed. Words are compared
     only in altered paragraphs.
  2. In each changed passage, facts are compared first: amounts of money; negations; figures,
     percentages and references; dates, years and weekdays; names; times of day; web addresses,
     email addresses and telephone numbers. If one fact replaces another, the change has the type of
     the fact. Two spellings of a fact ("tre", "3"; "10 %", "10 procent"; "Sveriges", "Sverige")
     count as the same fact. A fact that was only added or removed is a change, unless the other
     version contains the fact elsewhere. Figures that swapped places within a passage are also
     changes.
  3. Negations are counted: "ej" for "inte" is not a change, but "möjligt" for "omöjligt" is.
     Negations and modal verbs (ska, bör, får, kan) are compared only in passages of at most 15
     words. A longer passage counts as reworded. A word replaced by its opposite (höjs, sänks;
     minst, högst) has its own type. If only one version contains a word that says that something
     has ended or is cancelled (upphävd, ställs in), the change has the same type as for an
     opposite.
  4. Any other difference has the type punctuation (marks or capitals), typo (up to two letters of a
     longer word, a space, a doubled word) or wording. Reworded speech, or text in quotation marks,
     has the type quotation. Reworded text in a question or answer has the type question or answer.
  5. A word is a name if it is capitalised inside a sentence anywhere in the text, unless most words
     are capitalised (English headlines, German).
  6. A link is reported if its target changed and its text did not. Layout is reported only if the
     text is the same.

The importance of a change
  - If a fact, a negation or a modal verb was replaced, or if a word was replaced by its opposite,
    the importance depends on the type: from 60 for a time of day to 82 for a negation. The
    importance is lower for a reference (SOU 2031:5, dnr 2031/77), for a name with one letter
    corrected, and for a modal verb that was only added or removed.
  - A fact that only one version contains is less important if many other words of its paragraph
    also changed, because such a rewrite is rarely about a single fact. A reference, or a fact in
    brackets, counts only half as much.
  - An added or removed paragraph or sentence is as important as its most important fact that is
    not in the other version. Without facts, a sentence has the importance 30, and a heading or a
    link 12.
  - Changed wording has the importance 12. Up to 40 points are added, depending on the share of
    the paragraph's changed words that are nouns, adjectives or words such as "alla" and that were
    replaced: "länsstyrelserna" for "regionerna" changes the claim, but "påbörjas" for "startar"
    does not. If all words were replaced in the part of a sentence that says who does something (at
    the start, or after "av" or "till"), 15 points are added. Up to 10 points are added for the size
    of the change. The dictionary has only Swedish words; other words of seven letters or more count
    as nouns.
  - The importance is 15 per cent higher in the title, and 5 per cent higher in the lead.
  - The importance of a comparison is that of its most important change, plus one point for each
    further change with an importance of at least five, up to five points.
  - A change of the agency's update date has no importance. A change of the publication date has
    little importance if only the time of day was added or removed.

The importance values are coarse. They were chosen with the help of edits that a reader had rated
(tests/bench/importance.py). They are stored with each version. When the rules change,
CHANGES_VERSION is raised, and the stored values are computed again (archive.store.derived_data).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from archive.changes.diff import State
from archive.changes.importance import Change, compute_importance, summarise_changes
from archive.changes.kinds_of_change import find_metadata_changes, find_text_changes
from archive.database.models import LIST_FIELDS, normalise_state
from archive.language.terms import ANALYSIS_VERSION

# raise the first number whenever the changes between any two states, their importance or the
# words of a summary change; facts are recognised with the help of the dictionaries
CHANGES_VERSION = f"2 {ANALYSIS_VERSION}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """The changes between two states, most important first, and their importance (0–100)."""

    changes: tuple[Change, ...]
    importance: int

    def summary(self, language: str) -> str:
        """Summarise the changes in one line, in Swedish (sv) or English (en).

        For example: "1 belopp, 1 datum ändrat".
        """
        return summarise_changes(self.changes, language)


def compare(before: State, after: State) -> Diff:
    """Compare two states of one release.

    A list that is None in either state was not stored, and is not compared.
    """
    not_compared: dict[str, list[Any]] = {
        name: [] for name in LIST_FIELDS if before.get(name) is None or after.get(name) is None
    }
    before, after = (
        {**normalise_state(before), **not_compared},
        {**normalise_state(after), **not_compared},
    )
    text_changes = find_text_changes(before, after)
    changes = [*text_changes, *find_metadata_changes(before, after, text_changes=text_changes)]
    changes.sort(key=lambda change: -change.importance)
    return Diff(changes=tuple(changes), importance=compute_importance(changes))
