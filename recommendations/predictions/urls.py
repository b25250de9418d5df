from django.urls import path

from recommendations.predictions import views

urlpatterns = [
    path("", views.overview, name="predictions"),
    path("train/", views.train, name="predictions_train"),
    path("cancel/", views.cancel, name="predictions_cancel"),
    path("training/", views.training, name="predictions_training"),
    path("engagement/", views.engagement, name="engagement"),
    path("interest/", views.interest, name="interest"),
    path("<slug:kind>/", views.detail, name="prediction"),
    path("<slug:kind>/roll-back/", views.roll_back, name="prediction_roll_back"),
]
