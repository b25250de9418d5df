from django.urls import path

from rules import views

app_name = "rules"
urlpatterns = [
    path("rules/", views.rule_set_list, name="list"),
    path("rules/new/", views.rule_set_new, name="new"),
    path("rules/<slug:key>/", views.rule_set_detail, name="detail"),
    path("rules/<slug:key>/edit/", views.version_edit, name="edit"),
    path("rules/<slug:key>/<int:number>/publish/", views.version_publish, name="publish"),
    path("rules/<slug:key>/<int:number>/rollback/", views.version_rollback, name="rollback"),
]
