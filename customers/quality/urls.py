"""Addresses of the data health pages."""

from django.urls import path

from customers.quality import views

urlpatterns = [
    path("data/", views.data, name="data"),
    path("data/<int:pk>/rejects", views.rejects, name="rejects"),
    path("data/quarantine/", views.quarantine_list, name="quarantine"),
    path("data/quarantine/retry", views.quarantine_retry, name="quarantine_retry"),
    path("data/quarantine/dismiss", views.quarantine_dismiss, name="quarantine_dismiss"),
    path("data/quarantine/<int:pk>/", views.quarantined_row, name="quarantined_row"),
    path("data/reconcile", views.reconcile, name="reconcile"),
    path("data/reconciliations/<int:pk>/", views.reconciliation, name="reconciliation"),
    path("alerts/", views.alert_list, name="alerts"),
    path("alerts/seen", views.alerts_seen, name="alerts_seen"),
    path("alerts/mail", views.alerts_mail, name="alerts_mail"),
]
