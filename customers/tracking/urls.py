"""`/v1/…`: the addresses of the Segment protocol, the short ones of its browser library, and webhooks."""

from django.urls import path

from customers.tracking import views
from customers.tracking.protocol import TYPES

app_name = "tracking"
urlpatterns = [
    path("batch", views.batch, name="batch"),
    path("import", views.batch, name="import"),
    path("hooks/<slug:name>", views.hook, name="hook"),
    *(path(type, views.single, {"type": type}, name=type) for type in TYPES),
    *(path(type[0], views.single, {"type": type}, name=type[0]) for type in TYPES),
]
