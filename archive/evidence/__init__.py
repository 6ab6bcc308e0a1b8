"""Evidence of what an agency's page said.

Other packages use:

    bundles        zip files with evidence that anyone can check
    manifest       daily manifests, whose digests cover everything stored so far
    time_stamps    time stamps of manifests by authorities outside the archive (RFC 3161)
    verification   checks of a whole archive
    warc  wacz     exports of the pages as web archive files
"""
