from django.urls import include, path

from customers import views

app_name = "customers"
urlpatterns = [
    path("customers/", views.customer_list, name="list"),
    path("", include("customers.quality.urls")),
]
