"""Search: from a visitor's words to matching releases, independent of the web layer.

Other rooms use:

    results            search(): the results of a request; one release by its URL
    search_request     requests as URL parameters, and links that change one parameter
    query_language     a query as a tree
    query_sql          a tree as FTS5 and SQL
    search_index       the tables of the index
    column_cache       the columns in memory for counting results
    ranking            finding and sorting results, for searches that are not a page
    excerpts           excerpts with matches marked
    marked_words       where the terms of a query are in texts and stored states
    counts_by_period   results by month or year
    document_references  the table of references to documents: bills, statutes, reports
    matching_releases  which releases match, for callers that show no results, and for Datasette's
                       own search of the table releases
    edit_search        search in lists of edits and removals, and the history of a wording
    related_releases   releases about the same subject
    near_duplicates    releases with almost the same text
"""
