"""Operations on whole archives.

Other packages use:

    backup      backup and restore
    snapshots   immutable copies
    serving     servers of an archive, and replicas that serve snapshots
"""
