from django.urls import include, path

from recommendations import registry_views, views

app_name = "recommendations"
urlpatterns = [
    path("recommendations/predictions/", include("recommendations.predictions.urls")),
    path("recommendations/", views.overview, name="overview"),
    path("recommendations/train/", views.train, name="train"),
    path("recommendations/withdraw/", views.withdraw, name="withdraw"),
    path("recommendations/cancel/", registry_views.cancel, name="cancel"),
    path("recommendations/go-back/", registry_views.go_back, name="go_back"),
    path("recommendations/training/", views.training, name="training"),
    path("recommendations/inspect/", views.look_up, name="look_up"),
    path("recommendations/inspect/<uuid:public_id>/", views.inspect, name="inspect"),
    path("recommendations/inspect/<uuid:public_id>/engines/", views.engines, name="engines"),
]
