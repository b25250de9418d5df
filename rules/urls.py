from django.urls import path

from rules import case_views, draft_views, views

app_name = "rules"
urlpatterns = [
    path("rules/", views.rule_set_list, name="list"),
    path("rules/new/", views.rule_set_new, name="new"),
    path("rules/schema.json", views.schema, name="schema"),
    path("rules/<slug:key>/", views.rule_set_detail, name="detail"),
    path("rules/<slug:key>/settings/", views.rule_set_settings, name="settings"),
    path("rules/<slug:key>/simulate/", views.rule_set_simulate, name="simulate"),
    path("rules/<slug:key>/edit/", draft_views.draft_edit, name="edit"),
    path("rules/<slug:key>/check/", draft_views.draft_check, name="check"),
    path("rules/<slug:key>/approve/", draft_views.draft_approve, name="approve"),
    path("rules/<slug:key>/publish/", draft_views.draft_publish, name="publish"),
    path("rules/<slug:key>/schedule/", draft_views.draft_schedule, name="schedule"),
    path("rules/<slug:key>/discard/", draft_views.draft_discard, name="discard"),
    path("rules/<slug:key>/follow/", draft_views.draft_follow, name="follow"),
    path("rules/<slug:key>/<int:number>/rollback/", draft_views.version_rollback, name="rollback"),
    path("rules/<slug:key>/tests/new/", case_views.case_edit, name="test_new"),
    path("rules/<slug:key>/tests/<int:pk>/", case_views.case_edit, name="test"),
    path("rules/<slug:key>/tests/<int:pk>/delete/", case_views.case_delete, name="test_delete"),
]
