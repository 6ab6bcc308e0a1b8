"""Saving releases, taking them down, joining their histories, and importing collections.

Other rooms use:

    releases           Archive: an archive.db that is open for writing
    derived_data       what is computed from releases by rules that change
    takedowns          hiding releases and redacting passages
    merged_histories   two releases that turned out to be one
    jsonl_import       collections of others
"""
