"""What changed between versions of a release, and what happened to it over time.

Other rooms use:

    comparison           compare(before, after): what kind of edit it is, how important, in words
    importance           the weights of changes, and their summary
    diff                 which words and paragraphs differ
    facts                numbers, amounts, dates and names in a text
    field_differences    two versions side by side, of releases and of files
    history              timelines, versions, edits of a release
    edits_and_removals   lists of edits, removals and takedowns, with counts
    wording_history      from when to when a text had words
    new_releases         which releases are new, for feeds
    change_feed          the log that mirrors follow
"""
