from django.urls import path, re_path

from segments import (
    export_views,
    health_views,
    lifecycle_views,
    list_views,
    upkeep_views,
    views,
    why_views,
)

app_name = "segments"
urlpatterns = [
    path("segments/", views.segment_list, name="list"),
    path("segments/health/", health_views.segment_health, name="health"),
    path("segments/new/", views.segment_edit, name="new"),
    path("segments/new/count/", views.segment_count, name="count"),
    path("segments/new/list/", list_views.list_fill, name="new_list"),
    path("segments/<slug:key>/", views.segment_detail, name="detail"),
    path("segments/<slug:key>/edit/", views.segment_edit, name="edit"),
    path("segments/<slug:key>/members/", views.segment_members, name="members"),
    path("segments/<slug:key>/changes/", views.segment_changes, name="changes"),
    path("segments/<slug:key>/export/", export_views.segment_export, name="export"),
    path("segments/<slug:key>/why/<uuid:public_id>/", why_views.why, name="why"),
    path("segments/<slug:key>/refresh/", views.segment_refresh, name="refresh"),
    path("segments/<slug:key>/list/", list_views.list_fill, name="fill"),
    path("segments/<slug:key>/list/member/", list_views.list_member, name="list_member"),
    path("segments/<slug:key>/list/<int:pk>/unknown/", list_views.list_unknown, name="list_unknown"),
    re_path(
        r"^segments/(?P<key>[-\w]+)/(?P<act>archive|restore|delete|merge)/$",
        upkeep_views.segment_keep,
        name="keep",
    ),
    path("lifecycle/", lifecycle_views.lifecycle_detail, name="lifecycle"),
    path("lifecycle/changes/", lifecycle_views.lifecycle_changes, name="lifecycle_changes"),
    path("lifecycle/order/", lifecycle_views.lifecycle_order, name="lifecycle_order"),
    path("lifecycle/new/", lifecycle_views.stage_edit, name="stage_new"),
    path("lifecycle/new/preview/", lifecycle_views.stage_preview, name="stage_new_preview"),
    path("lifecycle/<slug:key>/edit/", lifecycle_views.stage_edit, name="stage_edit"),
    path("lifecycle/<slug:key>/preview/", lifecycle_views.stage_preview, name="stage_preview"),
    path("lifecycle/<slug:key>/delete/", lifecycle_views.stage_delete, name="stage_delete"),
]
