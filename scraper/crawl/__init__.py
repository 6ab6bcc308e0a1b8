"""The parts around a crawl: rounds and their locks, the pipeline, statistics, failures, alerts.

Other packages use:

    rounds             runs the commands of a round, and closes it (health, manifest, alerts)
    round_locks        locks that keep two processes from crawling the same agency
    crawl_stats        a crawl's row in the archive, its counters and its closing table
    archive_pipeline   stores each parsed page
    deadline           the limits of a pass: its time, a clean stop, bytes in flight
    failures           types of failures, and sentences that describe them
    alerts             messages to operators about new faults and recoveries
"""
