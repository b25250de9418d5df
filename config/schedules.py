"""What beat does unasked. Each entry is stored once as a periodic task; the admin may then change or stop it."""

SCHEDULES: dict[str, dict[str, object]] = {
    "Judge touched customers anew": {"task": "segments.tasks.refresh_touched_segments", "every_seconds": 2},
    "Refresh segments with time windows": {
        "task": "segments.tasks.refresh_timed_segments",
        "every_seconds": 900,
    },
    "Refresh all stages and segments": {
        "task": "segments.tasks.refresh_all_segments",
        "crontab": "45 3 * * *",
    },
    "Publish rules as planned": {"task": "rules.tasks.publish_planned_rules", "every_seconds": 60},
    "Ring dispatches that have due messages": {
        "task": "campaigns.tasks.ring_due_dispatches",
        "every_seconds": 60,
    },
    "Go on with preflights": {"task": "campaigns.tasks.sweep_preflights", "every_seconds": 60},
    "Judge pilots": {"task": "campaigns.tasks.judge_pilots", "every_seconds": 60},
    "Enter customers into journeys": {"task": "campaigns.tasks.enter_journeys", "every_seconds": 5},
    "Move customers on in journeys": {"task": "campaigns.tasks.walk_journeys", "every_seconds": 5},
    "Call the webhooks of journeys": {"task": "campaigns.tasks.call_webhooks", "every_seconds": 10},
    "Release messages whose worker died": {
        "task": "delivery.tasks.release_expired_messages",
        "every_seconds": 60,
    },
    "Record what happened to messages": {"task": "delivery.tasks.record_events", "every_seconds": 5},
    "Settle unknown messages": {"task": "delivery.tasks.settle_unknown_messages", "every_seconds": 60},
    "Go on with imports of lists": {"task": "customers.tasks.sweep_lists", "every_seconds": 60},
    "Synchronise the sources": {"task": "connectors.tasks.sync_sources", "every_seconds": 60},
    "Watch data health": {"task": "customers.tasks.watch_data_health", "every_seconds": 60},
    "Count data health figures": {"task": "customers.tasks.count_health_figures", "every_seconds": 900},
    "Tell which fields are in use": {"task": "campaigns.tasks.tell_field_uses", "every_seconds": 900},
    "Compute engagement": {"task": "customers.tasks.compute_engagement", "crontab": "30 2 * * *"},
    "Make and drop event partitions": {"task": "customers.tasks.maintain_events", "crontab": "0 1 * * *"},
    "Check that facts agree with events": {"task": "customers.tasks.check_facts", "crontab": "30 1 * * *"},
    "Forget what retention says": {"task": "customers.tasks.apply_retention", "crontab": "15 4 * * *"},
    "Look for overdue privacy requests": {
        "task": "customers.tasks.check_privacy_requests",
        "crontab": "0 6 * * *",
    },
    "Find duplicate customers": {"task": "customers.tasks.find_duplicates", "crontab": "15 1 * * *"},
    "Find everybody's nearest store": {"task": "customers.tasks.locate_customers", "crontab": "45 0 * * *"},
    "Freshen recommendations": {"task": "recommendations.tasks.freshen_recommendations", "every_seconds": 15},
    "Refresh predictions": {"task": "recommendations.tasks.refresh_predictions", "crontab": "0 2 * * *"},
    "Train the predictions": {"task": "recommendations.tasks.train_predictions", "crontab": "0 4 * * 0"},
    "Ask models elsewhere": {"task": "recommendations.tasks.refresh_external_models", "every_seconds": 300},
    "Train the recommender": {"task": "recommendations.tasks.train_recommender", "crontab": "0 3 * * *"},
}
