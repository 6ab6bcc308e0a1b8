"""Everything around a crawl: rounds and their locks, the pipeline, statistics, failures and alerts.

Other packages use:

    rounds             runs the commands of a round, and completes it (health, manifest, alerts)
    round_locks        locks that keep two processes from crawling the same agency
    crawl_stats        a crawl's row in the archive, its counters and its progress table
    archive_pipeline   stores each parsed page
    deadline           limits on a pass (time, bytes in flight), and its clean stop
    failures           types of failures, and sentences that describe them
    alerts             messages to operators about new faults and recoveries
"""
