"""Datasets, descriptions and citations for use outside the archive.

Other packages use:

    datasets            selections of releases for research
    dataset_files       their tables, columns and formats
    published_dataset   everything that the archive shows, in a folder that the site serves
    catalogue           descriptions of a published dataset for machines
    citations           how a version is cited
"""
