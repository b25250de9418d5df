from django.urls import path

from campaigns import api

urlpatterns = [
    path(
        "customers/<str:public_id>/recommendations", api.RecommendationsView.as_view(), name="recommendations"
    ),
    path("render", api.RenderView.as_view(), name="render"),
    path("content/<slug:slot>", api.SlotView.as_view(), name="content"),
]
