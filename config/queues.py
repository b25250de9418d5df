"""Which worker does what: the queue of each task. The Procfile names the queues that each worker reads.

- `send`: sending, letters to single people among it, what lets mails go (launches, rings, pilots, winners, what a dead
  worker held) and what became of unknown ones, so that nothing else delays a mail.
- `journeys`: who enters journeys and goes on in them, their webhooks, and what happened to mails, for which journeys
  wait; short too.
- `compute`: segments, facts, what changed for reports, looks at experiments and digests, and senders' domains that
  somebody asks about; short, often, and soon.
- `sync`: what is read from elsewhere.
- `train`: models. Its worker is of the solo pool: OpenMP can hang in forked children.
- `default`: the rest; campaigns and cohorts of reports are counted here, which may take minutes.

An exact name goes before a pattern. Tasks say no queue of their own.
"""

_QUEUES = {
    "campaigns.tasks.compute_habits": "compute",
    "campaigns.tasks.advance_preflight": "compute",
    "campaigns.tasks.call_webhooks": "journeys",
    "campaigns.tasks.enter_journeys": "journeys",
    "campaigns.tasks.enter_present_customers": "compute",
    "campaigns.tasks.judge_pilots": "send",
    "campaigns.tasks.launch_due_campaigns": "send",
    "campaigns.tasks.launch_scheduled": "send",
    "campaigns.tasks.release_remainders": "send",
    "campaigns.tasks.ring_due_dispatches": "send",
    "campaigns.tasks.send_dispatch": "send",
    "campaigns.tasks.walk_journeys": "journeys",
    "connectors.tasks.*": "sync",
    "customers.tasks.advance_list": "sync",
    "customers.tasks.apply_retention": "default",
    "customers.tasks.check_privacy_requests": "default",
    "customers.tasks.reconcile": "sync",
    "customers.tasks.retry_quarantine": "sync",
    "customers.tasks.sweep_lists": "sync",
    "customers.tasks.watch_data_health": "default",
    "customers.tasks.*": "compute",
    "delivery.tasks.check_domains": "compute",
    "delivery.tasks.read_unsubscribe_mails": "sync",
    "delivery.tasks.record_events": "journeys",
    "delivery.tasks.release_expired_messages": "send",
    "delivery.tasks.send_letters": "send",
    "delivery.tasks.settle_unknown_messages": "send",
    "delivery.tasks.watch_delivery": "compute",
    "recommendations.tasks.freshen_recommendations": "compute",
    "recommendations.tasks.refresh_external_model*": "sync",
    "recommendations.tasks.*": "train",
    "reports.tasks.check_splits": "default",
    "reports.tasks.count_reports": "default",
    "reports.tasks.refresh_reports": "compute",
    "reports.tasks.send_digests": "compute",
    "reports.tasks.take_looks": "compute",
    "segments.tasks.*": "compute",
}
ROUTES = {task: {"queue": queue} for task, queue in _QUEUES.items()}
REDELIVERED_AFTER_SECONDS = 6 * 60 * 60
"""Redis gives a task that was not acknowledged by then to another worker; longer than any task lasts.

A task whose worker died waits as long, which delays nothing: rows are the queue, and beat rings again within a minute.
"""
