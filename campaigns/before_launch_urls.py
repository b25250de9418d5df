from django.urls import path, re_path

from campaigns import (
    approval_views,
    before_launch_views,
    explaining_views,
    pilot_views,
    preflight_views,
    test_send_views,
    winning_views,
)

urlpatterns = [
    path("preflight/", preflight_views.preflight, name="preflight"),
    path("preflight/progress/", preflight_views.preflight_progress, name="preflight_progress"),
    re_path(r"^preflight/(?P<act>begin|cancel)/$", preflight_views.preflight_act, name="preflight_act"),
    path("why/", explaining_views.why_ask, name="why_ask"),
    path("why/<uuid:public_id>/", explaining_views.why, name="why"),
    path("test/", test_send_views.test_send, name="test_send"),
    path("clone/", before_launch_views.campaign_clone, name="clone"),
    path("tags/", before_launch_views.tags, name="tags"),
    path("approval/", approval_views.approval, name="approval"),
    re_path(r"^approval/(?P<act>ask|withdraw)/$", approval_views.approval_ask, name="approval_ask"),
    path(
        "approval/<int:pk>/approve/",
        approval_views.approval_answer,
        {"approves": True},
        name="approval_approve",
    ),
    path(
        "approval/<int:pk>/refuse/",
        approval_views.approval_answer,
        {"approves": False},
        name="approval_refuse",
    ),
    path("remainder/", winning_views.remainder_decide, name="remainder_decide"),
    path("pilot/", pilot_views.pilot, name="pilot"),
    path("pilot/plan/", pilot_views.pilot_plan, name="pilot_plan"),
    re_path(r"^pilot/(?P<act>continue|stop)/$", pilot_views.pilot_decide, name="pilot_decide"),
]
