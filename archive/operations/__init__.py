"""What an operator does with whole archives.

Other rooms use:

    backup      back-up and restore
    snapshots   immutable copies
    serving     servers, and the replicas that serve snapshots
"""
