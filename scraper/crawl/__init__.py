"""What surrounds a crawl: rounds and their locks, the pipeline, statistics, failures, alerts.

Other rooms use:

    rounds             which crawls are due, and running them one after the other
    round_locks        locks, so that no two crawls ask one agency
    crawl_stats        a crawl's row in the archive, its counters and its closing table
    archive_pipeline   stores each parsed page
    deadline           the end of a pass
    failures           types of failures, and their sentences
    alerts             what operators are told
"""
