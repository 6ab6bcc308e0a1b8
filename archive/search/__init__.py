"""Finds the releases that match a visitor's words. Does not depend on the web layer.

Other packages use:

    results            search(): returns the results of a request; finds one release by its URL
    search_request     requests as URL parameters, and links that change one parameter
    query_language     parses a query into a tree
    query_sql          translates the tree into FTS5 and SQL
    search_index       the tables of the index
    column_cache       columns in memory for counting results
    ranking            finds and sorts results, for callers that show no page of results
    excerpts           excerpts with the query's words highlighted
    marked_words       finds the terms of a query in texts and stored states
    counts_by_period   the number of results by month or year
    document_references  the table of references to documents: bills, statutes, reports
    matching_releases  which releases match, for callers that show no results, and for the search
                       of the table releases in Datasette
    edit_search        searches in edits and removals, and the history of a wording
    related_releases   releases about the same subject
    near_duplicates    releases with almost the same text
"""
