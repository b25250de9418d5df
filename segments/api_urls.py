from django.urls import path

from segments import api

urlpatterns = [
    path("segments", api.SegmentListView.as_view(), name="api-segments"),
    path("segments/count", api.SegmentCountView.as_view(), name="api-segment-count"),
    path("segments/<slug:key>", api.SegmentDetailView.as_view(), name="api-segment"),
    path("segments/<slug:key>/archive", api.SegmentArchiveView.as_view(), name="api-segment-archive"),
    path("segments/<slug:key>/restore", api.SegmentRestoreView.as_view(), name="api-segment-restore"),
    path("segments/<slug:key>/members", api.SegmentMembersView.as_view(), name="api-segment-members"),
    path("conditions/check", api.ConditionCheckView.as_view(), name="condition-check"),
    path("conditions/schema.json", api.condition_schema, name="condition-schema"),
]
