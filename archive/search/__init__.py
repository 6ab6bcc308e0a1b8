"""Search: from a visitor's words to matching releases, independent of the web layer.

query_language    parses queries into a tree, loosens queries with few hits
search_request    converts search requests from and to URL parameters
search_index      the FTS5 tables, and the columns in memory by which hits are filtered and counted
query_sql         translates a tree to FTS5 and SQL
ranking           finds, sorts and counts the hits
results           the answer to a search
marked_words      where the terms of a query occur in texts and stored states
excerpts          excerpts with matches marked
counts_by_period  counts hits by month or year
former_versions   earlier versions and edits with the words of a query
edit_search       search in lists of edits and removals, and the history of a wording
suggestions       other spellings
related_releases  releases that are about the same; near_duplicates: those with almost the same text
"""
