"""Saving releases, taking them down, joining their histories, and importing collections.

Other rooms use:

    releases              Archive: an archive.db that is open for writing
    takedowns             hiding releases and redacting passages
    merged_histories      two releases that turned out to be one
    jsonl_import          collections of others
    collection_readings   what these had, and when
"""
