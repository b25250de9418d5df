"""Which worker does what: every task has a queue, and every queue a worker."""

import re

import pytest
from celery import current_app
from django.conf import settings

HOUSE = (
    "campaigns",
    "connectors",
    "customers",
    "delivery",
    "recommendations",
    "reports",
    "rules",
    "segments",
)


def queue_of(task: str) -> str:
    return str(current_app.amqp.router.route({}, task)["queue"].name)


def tasks() -> list[str]:
    current_app.loader.import_default_modules()
    return sorted(name for name in current_app.tasks if name.split(".")[0] in HOUSE)


def test_every_queue_is_read_by_a_worker() -> None:
    procfile = (settings.BASE_DIR / "Procfile").read_text()
    read = {queue for queues in re.findall(r"--queues (\S+)", procfile) for queue in queues.split(",")}
    assert {queue_of(name) for name in tasks()} == read


def test_no_task_names_its_own_queue() -> None:
    assert [name for name in tasks() if getattr(current_app.tasks[name], "queue", None)] == []


def test_every_route_is_of_a_task() -> None:
    known = tasks()
    patterns = [
        re.compile(route.replace(".", r"\.").replace("*", ".*")) for route in settings.CELERY_TASK_ROUTES
    ]
    assert [one.pattern for one in patterns if not any(one.fullmatch(name) for name in known)] == []


@pytest.mark.parametrize(
    ("task", "queue"),
    [
        ("campaigns.tasks.judge_pilots", "send"),
        ("campaigns.tasks.launch_due_campaigns", "send"),
        ("campaigns.tasks.launch_scheduled", "send"),
        ("campaigns.tasks.release_remainders", "send"),
        ("campaigns.tasks.ring_due_dispatches", "send"),
        ("campaigns.tasks.send_dispatch", "send"),
        ("campaigns.tasks.enter_journeys", "journeys"),
        ("campaigns.tasks.walk_journeys", "journeys"),
        ("campaigns.tasks.call_webhooks", "journeys"),
        ("customers.tasks.advance_list", "sync"),
        ("customers.tasks.compute_engagement", "compute"),
        ("delivery.tasks.check_all_domains", "default"),
        ("delivery.tasks.check_domains", "compute"),
        ("delivery.tasks.record_events", "journeys"),
        ("delivery.tasks.release_expired_messages", "send"),
        ("delivery.tasks.send_letters", "send"),
        ("delivery.tasks.settle_unknown_messages", "send"),
        ("delivery.tasks.watch_delivery", "compute"),
        ("recommendations.tasks.freshen_recommendations", "compute"),
        ("reports.tasks.check_splits", "default"),
        ("reports.tasks.count_reports", "default"),
        ("reports.tasks.refresh_reports", "compute"),
        ("reports.tasks.send_digests", "compute"),
        ("reports.tasks.take_looks", "compute"),
        ("recommendations.tasks.train_recommender", "train"),
    ],
)
def test_an_exact_route_goes_before_a_pattern(task: str, queue: str) -> None:
    assert queue_of(task) == queue


@pytest.mark.parametrize(
    "name", ["train_recommender", "train_predictions", "refresh_predictions", "go_back_to_the_version_before"]
)
def test_what_trains_is_acknowledged_as_it_begins(name: str) -> None:
    current_app.loader.import_default_modules()
    assert current_app.tasks[f"recommendations.tasks.{name}"].acks_late is False
    assert current_app.conf.task_acks_late is True
