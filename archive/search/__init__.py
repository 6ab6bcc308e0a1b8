"""People's words in, found releases out: a query language, hits with marks, facets, suggestions. Knows no web.

query.py what is asked, as a tree · parsing.py text → tree · matching.py tree → FTS5 and conditions · statements.py
SQL · narrowing.py the newest of very many · columns.py what is held in memory · fetching.py hits in their order ·
finding.py a page of them and counts · marks.py and hits.py excerpts · suggesting.py other spellings · unknown.py values
that there are not · answering.py all of it · asked.py addresses
"""

from archive.search.run import Choice, Run

__all__ = ["Choice", "Run"]
