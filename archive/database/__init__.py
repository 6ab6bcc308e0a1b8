"""The files of an archive, and the tables of archive.db that both crawling and reading use.

archive.db holds releases and their history. Beside it, captures.db holds the original bytes, and
withheld.db holds the content that takedowns cover. Other packages use:

    sqlite_files        opening, checking and copying files; ArchiveError; RunQuery
    schema              the schema (schema.sql), its migrations, and metadata.json
    models              releases, their parts and states
    stored_text         the form of stored texts: clean characters, allowed HTML
    captures            the bytes of pages
    refused_pages       the bytes of pages in which no release could be read
    frontier            URLs to read, hosts, pagination cursors, jobs
    removals            releases that are missing or were removed
    quarantined_pages   pages that were probably misread, and wait for a decision
    redaction           which content takedowns hide, and where this content is kept
    isolated_processes  running scripts in processes that have limits and can be killed
    count_tables        the stored counts of releases and edits
"""
