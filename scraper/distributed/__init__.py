"""Distributed crawling: workers on any number of machines crawl, and one writer stores their
results in archive.db.

    scrapy enqueue ── an agency's slug ──▶ queue ──▶ scrapy worker   one round of one agency each
                                                      │ takes the lease of the agency's host
    scrapy writer ◀── start_round ────── stream ◀─────┤
         │  archive.db                                │
         └── job: a copy of what the crawl reads ────▶ scrapy crawl news, then revisit, on that copy
    scrapy writer ◀── messages, in order ─────────────┘  with the bytes of the responses

The commands use:

    broker            the broker (Valkey or Redis)
    leases            locks that decide which worker may crawl a host
    job_queue         the queue of rounds
    worker_messages   formats of jobs and messages
    worker_crawl      the worker
    archive_writer    the writer

The following is guaranteed, even if any of the processes dies at any moment:
- Only one worker at a time crawls an agency, so that the host's crawl delay is respected. A worker
  that has not heard from the broker for DISTRIBUTED_LEASE seconds sends no more requests, and no
  other worker may send any until CRAWL_DELAY_MAX seconds later.
- The broker accepts only messages sent under the current lease. Each lease has a number, its token,
  and the writer applies only messages with the newest token.
- The writer records a message's number in the transaction that applies it, and acknowledges it
  after the commit.
- If a round is handed out again, its new job is made only after all messages from the earlier
  attempt have been applied.
"""
