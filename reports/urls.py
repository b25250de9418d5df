from django.urls import path

from reports import views

app_name = "reports"
urlpatterns = [
    path("customers/<uuid:public_id>/", views.customer, name="customer"),
    path("experiments/", views.experiment_list, name="experiments"),
    path("experiments/<slug:key>/", views.experiment_detail, name="experiment"),
]
