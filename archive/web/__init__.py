"""What the pages of the site share: requests, answers, limits, charts.

Views use:

    routes               which view answers a path: its parameters and its data
    requests             a page's request: language, parameters, templates, errors
    documents            a page of a list as JSON or CSV
    atom_feed            the same as an Atom feed: entries, times, tag URIs
    exports              a whole list as CSV or Excel
    openapi              how /openapi.json describes the data of a view
    charts               inline SVG
    highlights           words of a search, marked in a text
    link_previews        what other programs show of a page
    request_limits       queues, budgets and bodies; who counts as one client
    datasette_versions   what differs between Datasette 0.65 and 1.0

archive/plugins/archive_site.py also uses datasette_setup (start-up, names for templates) and
security (errors, headers, closed pages).
"""
