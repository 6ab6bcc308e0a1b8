"""Operations on whole archives.

Other rooms use:

    backup      backup and restore
    snapshots   immutable copies
    serving     servers, and the replicas that serve snapshots
"""
