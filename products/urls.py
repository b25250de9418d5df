from django.urls import path

from products import views

app_name = "products"
urlpatterns = [path("stores/", views.store_list, name="stores")]
