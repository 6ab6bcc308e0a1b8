"""What proves a version.

Other rooms use:

    bundles        zip files for anyone to check
    manifest       daily manifests, whose digests cover everything stored so far
    time_stamps    what authorities outside the archive sign (RFC 3161)
    verification   checks of a whole archive
    warc  wacz     the pages as web archives
"""
