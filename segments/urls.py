from django.urls import path

from segments import export_views, views, why_views

app_name = "segments"
urlpatterns = [
    path("segments/", views.segment_list, name="list"),
    path("segments/new/", views.segment_edit, name="new"),
    path("segments/new/count/", views.segment_count, name="count"),
    path("segments/<slug:key>/", views.segment_detail, name="detail"),
    path("segments/<slug:key>/edit/", views.segment_edit, name="edit"),
    path("segments/<slug:key>/export/", export_views.segment_export, name="export"),
    path("segments/<slug:key>/why/<uuid:public_id>/", why_views.why, name="why"),
    path("segments/<slug:key>/refresh/", views.segment_refresh, name="refresh"),
]
