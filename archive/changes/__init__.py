"""Finds what changed between versions of a release, and what happened to a release over time.

Other packages use:

    comparison           compare(before, after): the changes, their importance and a summary
    importance           the importance of changes, and their summary
    diff                 which words and paragraphs differ
    facts                numbers, amounts, dates and names in a text
    field_differences    two versions of a release or file, side by side
    history              timelines, versions and edits of a release
    edits_and_removals   lists of edits, removals and takedowns, with counts
    wording_history      the periods in which a text contained certain words
    new_releases         which releases are new, for feeds
    change_feed          the log that mirrors follow
"""
