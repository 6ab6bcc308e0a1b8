"""The desk for takedowns: a release is hidden or a passage redacted, with a public reason, and can be restored.

What is taken down leaves archive.db altogether: its tables, its search index, the file's free pages. It stays in
withheld.db (archive.takedowns.withheld), so that hashes, manifests and later looks at the agency's page go on as
before: a revision's `hash` is that of what was there. Every version is covered, and every later one, too.
"""
