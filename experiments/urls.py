from django.urls import path

from experiments import views

app_name = "experiments"
urlpatterns = [
    path("experiments/import/", views.upload, name="import"),
    path("experiments/import/<str:token>/", views.confirm, name="import_columns"),
    path("experiments/imported/<slug:key>/", views.imported, name="imported"),
    path("experiments/imported/<slug:key>/figures.csv", views.figures, name="imported_figures"),
    path("experiments/imported/<slug:key>/discard/", views.discard, name="imported_discard"),
]
