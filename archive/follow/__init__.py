"""Following a search, a person or a release by email or webhook.

Other rooms use:

    subscriptions      follow.db beside the archive: subscriptions, queued messages, tokens
    followed_changes   what a subscription follows, and which changes in the archive match it
    change_reports     reports as email and as JSON
    notifications      `myndighetsarkivet notify`: queues messages, and has them sent
    sending            sends messages, with retries
    rejected_mails     rejected email and bounces; `myndighetsarkivet bounce`
    sending_times      at once, daily, weekly

The site stores requests and confirmations (archive/views/follow.py); it sends nothing. `notify`
reads the archive's change feed from the position of each subscription, and stores a message before
it sends it. A stored message only says which versions it is about. Its text is read from the
archive when it is sent, so that a takedown also covers messages that are waiting.

Settings come from the environment only, as some are secrets:

    PUBLIC_URL            the site's public address, such as https://arkiv.example
    FOLLOW_MAIL_FROM      the sender of email. Without these two, the site offers feeds alone
    FOLLOW_SMTP           smtp://host:25 (STARTTLS if offered), smtps://user:password@host:465
                          (only `notify` needs it)
    FOLLOW_RETURN_PATH    bounces+{token}@arkiv.example: where mail servers send bounces
                          (`myndighetsarkivet bounce`)
    FOLLOW_PRIVATE_HOSTS  hosts of webhooks that may be in a private network, separated by commas
    FOLLOW_MAX_REQUESTS   requests for subscriptions per hour; once reached, each visitor may make
                          one (default 100)
"""
