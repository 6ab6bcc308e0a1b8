"""Many crawlers for one archive: workers on any number of machines crawl, one writer owns archive.db.

    scrapy enqueue ── an agency's slug ──▶ job queue ──▶ scrapy worker      one round of one agency at a time
                                                          │ takes the agency's lease, and its token
    scrapy writer ◀── "I have the round" ── stream ◀──────┤
         │  archive.db                                    │
         └── errand: what the crawl reads of that agency ─▶ scrapy crawl news, then revisit, on the errand's copy
    scrapy writer ◀── all that is settled, in order ◀─────┘  with the bytes of the answers

One topic a file: queue (jobs), lease (whose an agency is), broker (what must be one step there), errands (what a worker
is given), journal (what a crawl settles, told as it is settled), parts (how a crawl is made to tell), messages (the
wording), desk (what a message does to the archive), writing and rounds (the two commands' own work).

What holds, whoever dies when:
- An agency is one worker's at a time, so that its host's delay holds: a worker that has not heard from the broker for
  CREW_LEASE seconds asks for nothing more, and nobody else may before CRAWL_DELAY_MAX seconds after that.
- The broker takes messages only from whoever has the lease; the writer applies them only for the newest token.
- The writer notes a message in the transaction that applies it, and lets the broker forget it after the commit.
- A round that is handed out again begins with an errand made after all that was told of it before was applied.
"""
