"""Following a search, a person or a release by email or webhook.

Other packages use:

    subscriptions      follow.db beside the archive: subscriptions, queued messages, tokens
    followed_changes   what a subscription follows, and which changes in the archive match it
    change_reports     reports as email and as JSON
    notifications      `myndighetsarkivet notify`: queues messages, and has them sent
    sending            sends messages, with retries
    rejected_mails     rejected email and bounces; `myndighetsarkivet bounce`
    sending_times      when reports are sent: at once, daily or weekly

The site stores requests and confirmations (archive/views/follow.py), but it sends nothing. `notify`
reads the archive's change feed from the position of each subscription, and stores a message before
it sends the message. A stored message contains only the ids of the versions that it reports. The
text is read from the archive when the message is sent, so that a takedown also covers messages that
are waiting.

All settings come from the environment, as some are secrets:

    PUBLIC_URL            The site's public address, such as `https://arkiv.example`.
    FOLLOW_MAIL_FROM      The sender of emails. Unless this and `PUBLIC_URL` are set, the site
                          offers only feeds.
    FOLLOW_SMTP           The SMTP server: `smtp://host:25` (STARTTLS if offered), or
                          `smtps://user:password@host:465` (TLS from the start). Only `notify`
                          needs it.
    FOLLOW_RETURN_PATH    Where SMTP servers send bounces: `bounces+{token}@arkiv.example`. See
                          `python -m archive bounce`.
    FOLLOW_PRIVATE_HOSTS  Hosts, separated by commas, that webhooks may use although they are in a
                          private network.
    FOLLOW_MAX_REQUESTS   How many subscriptions can be requested in an hour. After that, each
                          visitor may make only one request an hour. Default: 100.

`make reference` copies these lines to docs/reference/settings.md.
"""
