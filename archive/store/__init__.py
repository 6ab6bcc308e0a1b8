"""Saving releases, taking them down, merging their histories, and importing collections.

Other packages use:

    releases              Archive: an archive.db that is open for writing
    derived_data          data computed from releases by rules that change
    takedowns             hiding releases and redacting passages
    merged_histories      two releases that turned out to be one
    jsonl_import          imports of other collections
    import_lines          parsing a line of an import file into a release
    collection_readings   which texts a collection had, and when
"""
