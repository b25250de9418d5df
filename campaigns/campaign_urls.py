from django.urls import path, re_path

from campaigns import experiment_views, timing_views, views

urlpatterns = [
    path("", views.campaign_list, name="list"),
    path("new/", views.campaign_new, name="new"),
    path("when/", timing_views.timing_sentences, name="timing_sentences"),
    path("split/", experiment_views.split_sentence, name="split"),
    path("limits/", timing_views.limits, name="limits"),
    path("limits/<int:pk>/remove/", timing_views.limit_remove, name="limit_remove"),
    path("<slug:key>/", views.campaign_detail, name="detail"),
    path("<slug:key>/launch/", views.campaign_launch, name="launch"),
    path("<slug:key>/when/", timing_views.campaign_timing, name="timing"),
    path("<slug:key>/plan/", timing_views.campaign_plan, name="plan"),
    path("<slug:key>/shares/", experiment_views.bandit, name="bandit"),
    path("<slug:key>/schedule/", timing_views.campaign_schedule, name="schedule"),
    path("<slug:key>/unschedule/", timing_views.campaign_unschedule, name="unschedule"),
    re_path(r"^(?P<key>[-\w]+)/(?P<act>pause|resume|cancel)/$", views.campaign_steer, name="steer"),
]
