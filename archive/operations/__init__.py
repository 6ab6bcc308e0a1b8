"""Operations on whole archives.

Other packages use:

    backup      backup and restore
    snapshots   immutable copies
    serving     servers, and the replicas that serve snapshots
"""
