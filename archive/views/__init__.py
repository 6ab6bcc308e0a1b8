"""One module for each page of the site. archive/plugins/archive_site.py joins their routes:

about  agencies  new_atom  attachment  check  data  docs  edits  follow  front_page  lists
many_searches  mcp  over_time  people  release  search  sitemaps  status  versions
"""
