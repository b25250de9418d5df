"""What the tables below this app, and those that come with Django, hold about customers."""

from django.db.models import Q

from accounts import audit
from customers.models import Customer
from customers.policies import OnErasure, Policy, Subject, columns, not_personal


def _admin_log(subject: Subject) -> Q:
    label = Customer._meta
    return Q(
        content_type__app_label=label.app_label,
        content_type__model=label.model_name,
        object_id__in=[str(id) for id in subject.customer_ids],
    )


POLICIES = [
    Policy(
        model="accounts.AuditEntry",
        why="Which colleague saw or changed the person's profile: the act stays, the subject goes.",
        on_erasure=OnErasure.EMPTIED,
        rows=lambda subject: audit.naming(customer_ids=subject.customer_ids, public_ids=subject.public_ids),
        empties={"object_id": ""},
        keeps=columns("at user_id action object_kind detail"),
        hides=columns("user_id detail"),
    ),
    Policy(
        model="admin.LogEntry",
        why="The admin's own log repeats the name of what was changed.",
        on_erasure=OnErasure.EMPTIED,
        rows=_admin_log,
        empties={"object_id": "", "object_repr": "", "change_message": ""},
        keeps=columns("action_time user_id content_type_id action_flag"),
        hides=columns("user_id change_message content_type_id"),
    ),
    *not_personal("products.Category", "products.Product", why="The catalogue."),
    *not_personal(
        "products.Store",
        "products.Promotion",
        "products.Promotion_stores",
        "products.Place",
        why="The shop's stores, what is on there, and the world's cities.",
    ),
    *not_personal(
        "accounts.User",
        "accounts.User_groups",
        "accounts.User_user_permissions",
        "accounts.ApiKey",
        "sessions.Session",
        why="Colleagues and programs, not customers.",
    ),
    *not_personal(
        "auth.Permission",
        "auth.Group",
        "auth.Group_permissions",
        "contenttypes.ContentType",
        "django_celery_beat.SolarSchedule",
        "django_celery_beat.IntervalSchedule",
        "django_celery_beat.ClockedSchedule",
        "django_celery_beat.CrontabSchedule",
        "django_celery_beat.PeriodicTasks",
        "django_celery_beat.PeriodicTask",
        why="Machinery.",
    ),
]
