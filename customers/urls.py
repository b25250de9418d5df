from django.urls import path

from customers import views

app_name = "customers"
urlpatterns = [
    path("customers/", views.customer_list, name="list"),
    path("data/", views.data, name="data"),
    path("data/<int:pk>/rejects", views.rejects, name="rejects"),
]
