"""A slice: a frozen part of the archive for research, in a folder that can be cited and checked.

asked.py which releases · tables.py which tables and columns · columns.py their types · files.py CSV and Parquet ·
coverage.py what is held and what is missing · codebook.py what each column means · package.py datapackage.json ·
citation.py how to cite it · guide.py the folder's README · taking.py all of it · command.py the command line

All is read in one transaction, so a crawl may go on meanwhile. The same archive and the same question give the same
bytes in every file under data/, by the same version of this software and of pyarrow. What is hidden by a takedown is
left out, what is redacted stands as the archive shows it. archive/SLICES.md is for those who use it.
"""
