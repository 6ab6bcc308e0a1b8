"""Datasets, descriptions and citations for use outside the archive.

Other packages use:

    datasets            selections of releases for research
    dataset_files       the tables, columns and formats of datasets
    published_dataset   everything that the archive shows, in a folder that the site serves
    catalogue           machine-readable descriptions of a published dataset
    citations           how a version is cited
"""
