from django.urls import path, re_path

from reports import experiment_views, report_views, split_views, views

app_name = "reports"
urlpatterns = [
    path("customers/<uuid:public_id>/", views.customer, name="customer"),
    path("experiments/", experiment_views.experiment_list, name="experiments"),
    path("experiments/<slug:key>/", experiment_views.experiment_detail, name="experiment"),
    path("experiments/<slug:key>/figures.csv", experiment_views.experiment_csv, name="experiment_csv"),
    path(
        "experiments/<slug:key>/learnings/",
        experiment_views.experiment_learnings,
        name="experiment_learnings",
    ),
    path("experiments/<slug:key>/split/", split_views.split, name="split"),
    path("experiments/<slug:key>/split/figures.csv", split_views.split_csv, name="split_csv"),
    re_path(
        r"^experiments/(?P<key>[-\w]+)/(?P<act>archive|restore)/$",
        experiment_views.experiment_archive,
        name="experiment_archive",
    ),
    path("reports/", report_views.index, name="index"),
    path("reports/settings/", report_views.settings, name="settings"),
    path("reports/digest/", report_views.want_digest, name="want_digest"),
    path("reports/campaign/<slug:key>/", report_views.campaign, name="campaign"),
    path("reports/campaign/<slug:key>/csv/", report_views.campaign_csv, name="campaign_csv"),
    path("reports/campaign/<slug:key>/costs/", report_views.costs, name="costs"),
    path("reports/<slug:name>/", report_views.report, name="report"),
    path("reports/<slug:name>/csv/", report_views.report_csv, name="report_csv"),
]
